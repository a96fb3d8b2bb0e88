/*
 * generate_postgres.c - the steps in PostgreSQL's words; see generate.h. Tables: generate_postgres_table.c.
 *
 * Order: what tables are made of comes (schemas, extensions, types, sequences), what looks at them goes (views, indexes), tables come
 * and change, keys, indexes and views come, and what nobody needs any more goes; comments last.
 */
#include "proxy/migrate/generate_postgres.h"

struct str generate_name(struct generating *g, struct str schema, struct str name)
{
    struct str text = migrate_define_name(schema, name, g->arena);
    g->failed |= !text.p;
    return text;
}

bool generate_is_new(const struct generating *g, const struct relation *wanted)
{
    for (size_t i = 0; i < g->is->n_relations; i++)
        if (str_eq(g->is->relations[i].schema, wanted->schema) && str_eq(g->is->relations[i].name, wanted->name))
            return false;
    return true;
}

static struct str quote(struct generating *g, struct str name)
{
    struct str text = name_quote(name, g->arena);
    g->failed |= !text.p;
    return text;
}

/* What is one statement and takes nothing: "create type x", the same words in capitals, and the rest. */
static void one(struct generating *g, const char *verb, const char *kind, struct str name, struct str rest)
{
    char capitals[64];
    snprintf(capitals, sizeof(capitals), "%s %s", verb, kind);
    for (char *p = capitals; *p; p++)
        *p = (char)(*p >= 'a' && *p <= 'z' ? *p - 'a' + 'A' : *p);
    generate_one(g, STR(""), generate_printf(g, "%s %s %.*s", verb, kind, STR_FMT(name)),
                 generate_printf(g, "%s %.*s%s%.*s", capitals, STR_FMT(name), rest.n ? " " : "", STR_FMT(rest)));
}

/* ---- schemas, extensions, sequences ---- */

static void places(struct generating *g, enum migrate_change change, const char *verb)
{
    for (size_t i = 0; i < g->differences->n; i++) {
        const struct migrate_difference *d = &g->differences->list[i];
        if (d->change != change)
            continue;
        if (d->kind == MIGRATE_KIND_SCHEMA)
            one(g, verb, "schema", quote(g, d->name), STR(""));
        else if (d->kind == MIGRATE_KIND_EXTENSION)
            one(g, verb, "extension", quote(g, d->name),
                change == MIGRATE_ABSENT ? generate_printf(g, "SCHEMA %.*s", STR_FMT(quote(g, d->schema))) : STR(""));
    }
}

static void sequences(struct generating *g, enum migrate_change change, const char *verb)
{
    for (size_t i = 0; i < g->differences->n; i++) {
        const struct migrate_difference *d = &g->differences->list[i];
        if (d->kind != MIGRATE_KIND_SEQUENCE || d->change != change ||
            (change == MIGRATE_CHANGED && d->facet == MIGRATE_FACET_COMMENT))
            continue;
        one(g, verb, "sequence", generate_name(g, d->schema, d->name),
            d->wanted ? migrate_define_sequence(g->wanted, d->wanted, g->arena) : STR(""));
    }
}

/* ---- types ---- */

static const char *type_kind(const struct user_type *t)
{
    return t->kind == 'd' ? "domain" : "type";
}

static void create_types(struct generating *g)
{
    for (size_t i = 0; i < g->differences->n; i++) {
        const struct migrate_difference *d = &g->differences->list[i];
        const struct user_type *t = d->wanted_part;
        if (d->kind != MIGRATE_KIND_TYPE || d->change != MIGRATE_ABSENT)
            continue;
        one(g, "create", type_kind(t), generate_name(g, d->schema, d->name),
            generate_printf(g, "AS %s%.*s", t->kind == 'd' ? "" : "ENUM ",
                            STR_FMT(migrate_define_user_type(g->wanted, t, g->arena))));
    }
}

static bool has_label(const struct user_type *t, struct str label)
{
    for (size_t i = 0; i < t->n_labels; i++)
        if (str_eq(t->labels[i], label))
            return true;
    return false;
}

/* Labels can be added; one that goes, or another order, is left for the proof to find. */
static void alter_enum(struct generating *g, struct str name, const struct user_type *is,
                       const struct user_type *wanted)
{
    for (size_t i = 0; i < wanted->n_labels; i++) {
        struct str place = STR("");
        if (has_label(is, wanted->labels[i]))
            continue;
        if (i)
            place = generate_printf(g, " AFTER %.*s", STR_FMT(name_literal(wanted->labels[i - 1], g->arena)));
        else if (is->n_labels)
            place = generate_printf(g, " BEFORE %.*s", STR_FMT(name_literal(is->labels[0], g->arena)));
        one(g, "alter", "type", name,
            generate_printf(g, "ADD VALUE %.*s%.*s", STR_FMT(name_literal(wanted->labels[i], g->arena)),
                            STR_FMT(place)));
    }
}

static bool has_check(const struct user_type *t, const struct user_type *of, size_t k)
{
    for (size_t i = 0; i < t->n_checks; i++)
        if (str_eq(t->check_names[i], of->check_names[k]) && str_eq(t->checks[i], of->checks[k]))
            return true;
    return false;
}

static void alter_domain(struct generating *g, struct str name, const struct user_type *is,
                         const struct user_type *wanted)
{
    for (size_t i = 0; i < is->n_checks; i++)
        if (!has_check(wanted, is, i))
            one(g, "alter", "domain", name,
                generate_printf(g, "DROP CONSTRAINT %.*s", STR_FMT(quote(g, is->check_names[i]))));
    if (!str_eq(is->default_text, wanted->default_text))
        one(g, "alter", "domain", name,
            wanted->default_text.n ? generate_printf(g, "SET DEFAULT %.*s", STR_FMT(wanted->default_text))
                                   : STR("DROP DEFAULT"));
    if (is->not_null != wanted->not_null)
        one(g, "alter", "domain", name, wanted->not_null ? STR("SET NOT NULL") : STR("DROP NOT NULL"));
    for (size_t i = 0; i < wanted->n_checks; i++)
        if (!has_check(is, wanted, i))
            one(g, "alter", "domain", name,
                generate_printf(g, "ADD CONSTRAINT %.*s CHECK (%.*s)", STR_FMT(quote(g, wanted->check_names[i])),
                                STR_FMT(wanted->checks[i])));
}

static void alter_types(struct generating *g)
{
    for (size_t i = 0; i < g->differences->n; i++) {
        const struct migrate_difference *d = &g->differences->list[i];
        const struct user_type *is = d->is_part, *wanted = d->wanted_part;
        if (d->kind != MIGRATE_KIND_TYPE || d->change != MIGRATE_CHANGED || d->facet != MIGRATE_FACET_DEFINITION ||
            is->kind != wanted->kind)
            continue;
        (is->kind == 'd' ? alter_domain : alter_enum)(g, generate_name(g, d->schema, d->name), is, wanted);
    }
}

static void drop_types(struct generating *g)
{
    for (size_t i = 0; i < g->differences->n; i++) {
        const struct migrate_difference *d = &g->differences->list[i];
        if (d->kind == MIGRATE_KIND_TYPE && d->change == MIGRATE_UNDECLARED)
            one(g, "drop", type_kind(d->is_part), generate_name(g, d->schema, d->name), STR(""));
    }
}

/* ---- views ---- */

static bool view_differs(const struct generating *g, const struct relation *is)
{
    for (size_t i = 0; i < g->differences->n; i++) {
        const struct migrate_difference *d = &g->differences->list[i];
        if (d->is == is && d->kind == MIGRATE_KIND_VIEW &&
            (d->change != MIGRATE_CHANGED || d->facet == MIGRATE_FACET_DEFINITION))
            return true;
    }
    return false;
}

static bool names(struct generating *g, const struct relation *view, const struct relation *used)
{
    return view != used && (generate_has_token(view->sqlite_sql, used->sqlite_name, g->arena) ||
                            generate_has_token(view->view_text, used->name, g->arena));
}

/* Of g->is: which views are dropped, to come back or not: those that differ, those that look at columns that change, and their own. */
static void find_views(struct generating *g, bool *goes)
{
    const struct snapshot *is = g->is;
    bool changed = true;
    while (changed) {
        changed = false;
        for (size_t i = 0; i < is->n_relations; i++) {
            const struct relation *view = &is->relations[i];
            if (goes[i] || view->kind != RELATION_VIEW)
                continue;
            goes[i] = view_differs(g, view);
            for (size_t k = 0; k < is->n_relations && !goes[i]; k++)
                goes[i] = (goes[k] || (is->relations[k].kind == RELATION_TABLE &&
                                       generate_changes_columns(g, &is->relations[k]))) &&
                          names(g, view, &is->relations[k]);
            changed |= goes[i];
        }
    }
}

static void drop_views(struct generating *g, const bool *goes)
{
    struct str list = STR("");
    for (size_t i = 0; i < g->is->n_relations; i++)
        if (goes[i])
            list = generate_printf(g, "%.*s%s%.*s", STR_FMT(list), list.n ? ", " : "",
                                   STR_FMT(generate_name(g, g->is->relations[i].schema, g->is->relations[i].name)));
    if (list.n)
        one(g, "drop", "view", list, STR(""));
}

static bool view_comes(const struct generating *g, const struct relation *view, const bool *goes)
{
    if (view->kind != RELATION_VIEW || !view->view_text.n)
        return false; /* one of SQLite's words cannot be said here */
    for (size_t i = 0; i < g->is->n_relations; i++)
        if (str_eq(g->is->relations[i].schema, view->schema) && str_eq(g->is->relations[i].name, view->name))
            return goes[i];
    return true;
}

static size_t next_view(struct generating *g, const bool *goes, const bool *made)
{
    for (size_t i = 0; i < g->wanted->n_relations; i++) {
        bool waits = false;
        if (made[i] || !view_comes(g, &g->wanted->relations[i], goes))
            continue;
        for (size_t k = 0; k < g->wanted->n_relations; k++)
            waits |= !made[k] && view_comes(g, &g->wanted->relations[k], goes) &&
                     names(g, &g->wanted->relations[i], &g->wanted->relations[k]);
        if (!waits)
            return i;
    }
    return g->wanted->n_relations;
}

static void create_views(struct generating *g, const bool *goes)
{
    bool *made = ARENA_ARRAY(g->arena, bool, g->wanted->n_relations);
    g->failed |= !made;
    for (size_t i; made && (i = next_view(g, goes, made)) < g->wanted->n_relations; made[i] = true) {
        const struct relation *view = &g->wanted->relations[i];
        struct str text = view->view_text;
        if (str_ends(text, STR(";")))
            text.n--;
        one(g, "create", "view", generate_name(g, view->schema, view->name),
            generate_printf(g, "%.*sAS %.*s", STR_FMT(migrate_define_options(view, g->arena)), STR_FMT(text)));
        if (view->comment.n)
            generate_comment(g, generate_printf(g, "VIEW %.*s", STR_FMT(generate_name(g, view->schema, view->name))),
                             view->comment);
    }
}

/* ---- indexes, tables that go ---- */

static bool index_changes(const struct migrate_difference *d)
{
    return d->kind == MIGRATE_KIND_INDEX && (d->change != MIGRATE_CHANGED || d->facet == MIGRATE_FACET_DEFINITION);
}

static void drop_indexes(struct generating *g)
{
    for (size_t i = 0; i < g->differences->n; i++) {
        const struct migrate_difference *d = &g->differences->list[i];
        const struct index *x = d->is_part;
        if (index_changes(d) && x)
            one(g, "drop", "index", generate_name(g, d->schema, x->name), STR(""));
    }
}

static void create_index(struct generating *g, const struct relation *r, const struct index *x)
{
    generate_one(g, STR(""), generate_printf(g, "create index %.*s", STR_FMT(x->name)),
                 migrate_define_index(r, x, g->arena));
}

static bool is_key(const struct relation *r, const struct index *x)
{
    for (size_t i = 0; i < r->n_constraints; i++)
        if ((r->constraints[i].kind == 'p' || r->constraints[i].kind == 'u') && str_eq(r->constraints[i].name, x->name))
            return true;
    return str_starts(x->sqlite_name, STR("sqlite_autoindex"));
}

static void create_indexes(struct generating *g)
{
    for (size_t i = 0; i < g->differences->n; i++)
        if (index_changes(&g->differences->list[i]) && g->differences->list[i].wanted_part)
            create_index(g, g->differences->list[i].wanted, g->differences->list[i].wanted_part);
    for (size_t i = 0; i < g->wanted->n_relations; i++) {
        const struct relation *r = &g->wanted->relations[i];
        if (r->kind != RELATION_TABLE || !generate_is_new(g, r) || migrate_is_internal(r->sqlite_name, STR("")))
            continue;
        for (size_t k = 0; k < r->n_indexes; k++)
            if (!is_key(r, &r->indexes[k]))
                create_index(g, r, &r->indexes[k]);
    }
}

static bool is_dropped(const struct migrate_difference *d)
{
    return d->kind == MIGRATE_KIND_TABLE && d->change == MIGRATE_UNDECLARED;
}

/* A table that goes and that no other one which still goes refers to; in a circle, any. The number of differences: none is left. */
static size_t next_to_drop(const struct generating *g, const bool *done, bool *ret_circle)
{
    const struct migrate_differences *all = g->differences;
    size_t any = all->n;
    *ret_circle = false;
    for (size_t i = 0; i < all->n; i++) {
        bool referenced = false;
        if (done[i] || !is_dropped(&all->list[i]))
            continue;
        for (size_t k = 0; k < all->n; k++)
            referenced |=
                k != i && !done[k] && is_dropped(&all->list[k]) && relation_refers_to(all->list[k].is, all->list[i].is);
        if (!referenced)
            return i;
        any = any < all->n ? any : i;
    }
    *ret_circle = any < all->n;
    return any;
}

/* The keys that lead to a table of a circle go first. */
static void open_circle(struct generating *g, const bool *done, const struct relation *target)
{
    for (size_t i = 0; i < g->differences->n; i++) {
        const struct relation *r = g->differences->list[i].is;
        for (size_t k = 0; !done[i] && is_dropped(&g->differences->list[i]) && r != target && k < r->n_constraints; k++)
            if (r->constraints[k].kind == 'f' && str_eq(r->constraints[k].foreign_table, target->name) &&
                str_eq(r->constraints[k].foreign_schema, target->schema))
                one(g, "alter", "table", generate_name(g, r->schema, r->name),
                    generate_printf(g, "DROP CONSTRAINT %.*s", STR_FMT(quote(g, r->constraints[k].name))));
    }
}

static void drop_tables(struct generating *g)
{
    bool *done = ARENA_ARRAY(g->arena, bool, g->differences->n), in_circle;
    g->failed |= !done;
    for (size_t i; done && (i = next_to_drop(g, done, &in_circle)) < g->differences->n; done[i] = true) {
        const struct migrate_difference *d = &g->differences->list[i];
        struct str name = generate_name(g, d->schema, d->name);
        if (in_circle)
            open_circle(g, done, d->is);
        generate_one(g, generate_loss(g, d), generate_printf(g, "drop table %.*s", STR_FMT(name)),
                     generate_printf(g, "DROP TABLE %.*s", STR_FMT(name)));
    }
}

/* ---- comments ---- */

void generate_comment(struct generating *g, struct str object, struct str comment)
{
    struct str text = comment.n ? name_literal(comment, g->arena) : STR("NULL");
    generate_one(g, STR(""), generate_printf(g, "comment on %.*s", STR_FMT(object)),
                 generate_printf(g, "COMMENT ON %.*s IS %.*s", STR_FMT(object), STR_FMT(text)));
}

static void comment_new(struct generating *g, struct str object, struct str comment)
{
    if (comment.n)
        generate_comment(g, object, comment);
}

/* Of what has come with its table. */
static void comment_table(struct generating *g, const struct relation *r)
{
    struct str name = generate_name(g, r->schema, r->name);
    comment_new(g, generate_printf(g, "TABLE %.*s", STR_FMT(name)), r->comment);
    for (size_t i = 0; i < r->n_columns && r->column_comments; i++)
        comment_new(g, generate_printf(g, "COLUMN %.*s.%.*s", STR_FMT(name), STR_FMT(quote(g, r->columns[i].name))),
                    r->column_comments[i]);
    for (size_t i = 0; i < r->n_constraints; i++)
        comment_new(
            g, generate_printf(g, "CONSTRAINT %.*s ON %.*s", STR_FMT(quote(g, r->constraints[i].name)), STR_FMT(name)),
            r->constraints[i].comment);
    for (size_t i = 0; i < r->n_indexes; i++)
        comment_new(g, generate_printf(g, "INDEX %.*s", STR_FMT(generate_name(g, r->schema, r->indexes[i].name))),
                    r->indexes[i].comment);
}

static struct str column_comment(const struct migrate_difference *d)
{
    const struct column *column = d->wanted_part;
    return d->wanted->column_comments ? d->wanted->column_comments[column->number - 1] : STR("");
}

/* The object as COMMENT ON names it, and its comment in the declared schema. False: it has none of its own. */
static bool commented(struct generating *g, const struct migrate_difference *d, struct str *object, struct str *comment)
{
    struct str name = generate_name(g, d->schema, d->name);
    const struct relation *r = d->wanted;
    switch (d->kind) {
    case MIGRATE_KIND_COLUMN:
        *object = generate_printf(g, "COLUMN %.*s.%.*s", STR_FMT(name), STR_FMT(quote(g, d->part)));
        *comment = column_comment(d);
        return true;
    case MIGRATE_KIND_CONSTRAINT:
        *comment = ((const struct constraint *)d->wanted_part)->comment;
        *object = generate_printf(g, "CONSTRAINT %.*s ON %.*s",
                                  STR_FMT(quote(g, ((const struct constraint *)d->wanted_part)->name)), STR_FMT(name));
        return true;
    case MIGRATE_KIND_INDEX:
        *object = generate_printf(g, "INDEX %.*s", STR_FMT(generate_name(g, d->schema, d->part)));
        *comment = ((const struct index *)d->wanted_part)->comment;
        return true;
    case MIGRATE_KIND_TYPE:
        *object = generate_printf(
            g, "%s %.*s", ((const struct user_type *)d->wanted_part)->kind == 'd' ? "DOMAIN" : "TYPE", STR_FMT(name));
        *comment = ((const struct user_type *)d->wanted_part)->comment;
        return true;
    case MIGRATE_KIND_SCHEMA:
        *object = generate_printf(g, "SCHEMA %.*s", STR_FMT(quote(g, d->name)));
        for (size_t i = 0; i < g->wanted->n_schemas; i++)
            if (str_eq(g->wanted->schemas[i], d->name))
                *comment = g->wanted->schema_comments[i];
        return true;
    case MIGRATE_KIND_TABLE:
    case MIGRATE_KIND_VIEW:
    case MIGRATE_KIND_SEQUENCE:
        *object = generate_printf(g, "%s %.*s",
                                  d->kind == MIGRATE_KIND_TABLE  ? "TABLE"
                                  : d->kind == MIGRATE_KIND_VIEW ? "VIEW"
                                                                 : "SEQUENCE",
                                  STR_FMT(name));
        *comment = r->comment;
        return true;
    default:
        return false;
    }
}

/* What was made again has lost its comment too; a view's has come with it. */
static void comments(struct generating *g)
{
    for (size_t i = 0; i < g->differences->n; i++) {
        const struct migrate_difference *d = &g->differences->list[i];
        struct str object = STR(""), comment = STR("");
        bool is_made =
            d->change == MIGRATE_ABSENT || (d->change == MIGRATE_CHANGED && d->facet == MIGRATE_FACET_DEFINITION &&
                                            (d->kind == MIGRATE_KIND_INDEX || d->kind == MIGRATE_KIND_CONSTRAINT));
        bool is_comment = d->change == MIGRATE_CHANGED && d->facet == MIGRATE_FACET_COMMENT;
        if (d->kind == MIGRATE_KIND_TABLE && d->change == MIGRATE_ABSENT)
            comment_table(g, d->wanted);
        else if ((is_made || is_comment) && d->kind != MIGRATE_KIND_VIEW && commented(g, d, &object, &comment) &&
                 (comment.n || is_comment))
            generate_comment(g, object, comment);
        else if (is_comment && d->kind == MIGRATE_KIND_VIEW && commented(g, d, &object, &comment))
            generate_comment(g, object, comment);
    }
}

/* ---- all ---- */

/* Triggers are SQLite's here: PostgreSQL's need a function in a language that D1 has not. */
static bool check_triggers(struct generating *g)
{
    for (size_t i = 0; i < g->differences->n; i++)
        if (g->differences->list[i].kind == MIGRATE_KIND_TRIGGER) {
            err_unsupported(g->err, "trigger \"%.*s\" in a migration of PostgreSQL's dialect",
                            STR_FMT(g->differences->list[i].part));
            return err_hint(g->err, "Write it as a migration by hand that begins with \"-- pgd1: sqlite\".");
        }
    return true;
}

void generate_postgres(struct generating *g)
{
    bool *goes = ARENA_ARRAY(g->arena, bool, g->is->n_relations);
    size_t n_keys = 0;
    for (size_t i = 0; i < g->wanted->n_relations; i++)
        n_keys += g->wanted->relations[i].n_constraints;
    g->waiting = ARENA_ARRAY(g->arena, struct waiting_key, n_keys);
    if (!goes || !g->waiting || !check_triggers(g)) {
        g->failed = true;
        return;
    }
    places(g, MIGRATE_ABSENT, "create");
    create_types(g);
    alter_types(g);
    sequences(g, MIGRATE_ABSENT, "create");
    sequences(g, MIGRATE_CHANGED, "alter");
    find_views(g, goes);
    drop_views(g, goes);
    drop_indexes(g);
    generate_create_tables(g);
    generate_alter_tables(g);
    generate_add_foreign_keys(g);
    create_indexes(g);
    create_views(g, goes);
    drop_tables(g);
    sequences(g, MIGRATE_UNDECLARED, "drop");
    drop_types(g);
    places(g, MIGRATE_UNDECLARED, "drop");
    comments(g);
}
