/*
 * generate_sqlite.c - the steps in SQLite's words; see generate.h.
 *
 * Order: what looks at tables goes (triggers, views, indexes), tables come, columns, tables made anew, tables go, and what looks at
 * tables comes back.
 */
#include "proxy/migrate/generate_private.h"

#include "proxy/catalog/sqlite_ddl.h"
#include "proxy/sql/ddl_remake.h"
#include "proxy/sql/emit.h"

/* What becomes of a table. */
enum fate { KEPT, ALTERED, REMADE, DROPPED };

struct sqlite_generating {
    struct generating *g;
    enum fate *fates;               /* of g->is->relations */
    bool *goes;                     /* of g->is->objects: views and triggers that are dropped, to come back or not */
    const struct relation **remade; /* tables of the one rebuild: REMADE ones, and DROPPED ones that others refer to */
    size_t n_remade;
};

static struct str quote(struct sqlite_generating *s, struct str name)
{
    struct str quoted = emit_identifier(name, s->g->arena);
    s->g->failed |= !quoted.p;
    return quoted;
}

/* ---- which tables must be made anew ---- */

/* The text of a column in its CREATE TABLE; {NULL,0}: not found. */
static struct str column_text(struct sqlite_generating *s, const struct relation *r, struct str name)
{
    struct str *parts;
    size_t n;
    if (generate_parts(s->g, r->sqlite_sql, &parts, &n))
        for (size_t i = 0; i < n && i < r->n_columns; i++) {
            size_t at = 0;
            struct sqlite_token first = sqlite_token_next(parts[i], &at);
            if (str_eq_nocase(sqlite_token_value(first, s->g->arena), name))
                return parts[i];
        }
    return (struct str){ 0 };
}

static bool says(struct sqlite_generating *s, struct str text, const char *word)
{
    return generate_has_token(text, str_from(word), s->g->arena);
}

/* What SQLite adds to a table that holds rows. */
static bool can_add(struct sqlite_generating *s, const struct relation *r, const struct column *column)
{
    struct str text = column_text(s, r, column->name);
    struct sqlite_table parsed;
    if (!text.p || !sqlite_parse_table(r->sqlite_sql, s->g->arena, &parsed))
        return false;
    for (const struct sqlite_column *c = parsed.columns; c; c = c->next) {
        if (!str_eq_nocase(c->name, column->name))
            continue;
        bool is_null = !c->default_text.n || str_eq_nocase(c->default_text, STR("null"));
        bool is_constant = !c->default_is_expression && !str_starts_nocase(c->default_text, STR("current_"));
        return is_constant && !(c->not_null && is_null && !c->generated_text.n) && !c->generated_stored &&
               !says(s, text, "primary") && !says(s, text, "unique") && (is_null || !says(s, text, "references"));
    }
    return false;
}

/* Nothing else of the table names it, and SQLite may take it out. */
static bool can_drop(struct sqlite_generating *s, const struct relation *r, const struct column *column)
{
    struct str own = column_text(s, r, column->name), *parts;
    size_t n;
    if (!own.p || says(s, own, "primary") || says(s, own, "unique") || says(s, own, "references") ||
        !generate_parts(s->g, r->sqlite_sql, &parts, &n))
        return false;
    for (size_t i = 0; i < n; i++)
        if (parts[i].p != own.p && generate_has_token(parts[i], column->name, s->g->arena))
            return false;
    return true;
}

static bool column_goes_or_comes(const struct sqlite_generating *s, const struct relation *r, struct str name)
{
    for (size_t i = 0; i < s->g->differences->n; i++) {
        const struct migrate_difference *d = &s->g->differences->list[i];
        if (d->kind == MIGRATE_KIND_COLUMN && d->change != MIGRATE_CHANGED && (d->is == r || d->wanted == r) &&
            str_eq(d->part, name))
            return true;
    }
    return false;
}

/* Whether the constraint stands in the text of a column that comes or goes as a whole. */
static bool is_of_such_column(struct sqlite_generating *s, const struct relation *r, const struct constraint *k)
{
    static const struct {
        char kind;
        enum sqlite_constraint_kind parsed;
    } kinds[] = {
        { 'p', SQLITE_PRIMARY_KEY }, { 'u', SQLITE_UNIQUE }, { 'c', SQLITE_CHECK }, { 'f', SQLITE_FOREIGN_KEY }
    };
    struct sqlite_table parsed;
    if (!sqlite_parse_table(r->sqlite_sql, s->g->arena, &parsed))
        return false;
    for (const struct sqlite_constraint *c = parsed.constraints; c; c = c->next) {
        bool is_kind = false;
        for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
            is_kind |= kinds[i].kind == k->kind && kinds[i].parsed == c->kind;
        if (!is_kind || c->column < 0 || !column_goes_or_comes(s, r, c->columns[0]))
            continue;
        struct str wrapped = generate_printf(s->g, "(%.*s)", STR_FMT(c->expression));
        if (k->kind != 'c' ? k->n_columns == 1 && str_eq(r->columns[k->columns[0] - 1].name, c->columns[0])
                           : str_eq(migrate_define_tokens(wrapped, s->g->arena),
                                    migrate_define_tokens(k->expression, s->g->arena)))
            return true;
    }
    return false;
}

static enum fate fate_of(struct sqlite_generating *s, const struct migrate_difference *d)
{
    if (d->facet == MIGRATE_FACET_COMMENT && d->change == MIGRATE_CHANGED)
        return KEPT;
    switch (d->kind) {
    case MIGRATE_KIND_TABLE:
        return d->change == MIGRATE_UNDECLARED || !d->wanted || d->wanted->kind != RELATION_TABLE ||
                       d->is->kind != RELATION_TABLE
                   ? DROPPED
                   : REMADE;
    case MIGRATE_KIND_COLUMN:
        if (d->change == MIGRATE_ABSENT)
            return can_add(s, d->wanted, d->wanted_part) ? ALTERED : REMADE;
        if (d->change == MIGRATE_UNDECLARED)
            return can_drop(s, d->is, d->is_part) ? ALTERED : REMADE;
        return REMADE;
    case MIGRATE_KIND_CONSTRAINT:
        if (d->change == MIGRATE_ABSENT && is_of_such_column(s, d->wanted, d->wanted_part))
            return ALTERED;
        return d->change == MIGRATE_UNDECLARED && is_of_such_column(s, d->is, d->is_part) ? ALTERED : REMADE;
    default:
        return KEPT;
    }
}

static size_t index_of(const struct sqlite_generating *s, const struct relation *r)
{
    return (size_t)(r - s->g->is->relations);
}

/* Who refers to a table that is made anew is made anew with it; so is who refers to one that goes while it stays. */
static void follow_keys(struct sqlite_generating *s)
{
    const struct snapshot *is = s->g->is;
    bool changed = true;
    while (changed) {
        changed = false;
        for (size_t i = 0; i < is->n_relations; i++)
            for (size_t k = 0; k < is->n_relations; k++) {
                bool pulls = s->fates[i] == REMADE || (s->fates[i] == DROPPED && s->fates[k] != DROPPED);
                if (!pulls || s->fates[k] == REMADE || s->fates[k] == DROPPED ||
                    is->relations[k].kind != RELATION_TABLE ||
                    !relation_refers_to(&is->relations[k], &is->relations[i]))
                    continue;
                s->fates[k] = REMADE;
                changed = true;
            }
    }
}

/* Tables that go, that nobody refers to, and that refer to none that goes or is made anew, need nothing but DROP TABLE. */
static bool goes_alone(const struct sqlite_generating *s, const struct relation *r)
{
    for (size_t i = 0; i < s->g->is->n_relations; i++) {
        const struct relation *other = &s->g->is->relations[i];
        if (relation_refers_to(other, r) || (s->fates[i] >= REMADE && relation_refers_to(r, other)))
            return false;
    }
    return true;
}

static void collect_remade(struct sqlite_generating *s)
{
    const struct snapshot *is = s->g->is;
    s->remade = ARENA_ARRAY(s->g->arena, const struct relation *, is->n_relations);
    s->g->failed |= !s->remade;
    for (size_t i = 0; s->remade && i < is->n_relations; i++) {
        const struct relation *r = &is->relations[i];
        if (s->fates[i] == REMADE || (s->fates[i] == DROPPED && r->kind == RELATION_TABLE && !goes_alone(s, r)))
            s->remade[s->n_remade++] = r;
    }
}

static void decide(struct sqlite_generating *s)
{
    for (size_t i = 0; i < s->g->differences->n; i++) {
        const struct migrate_difference *d = &s->g->differences->list[i];
        enum fate fate =
            d->is && d->is->kind != RELATION_VIEW && d->is->kind != RELATION_SEQUENCE ? fate_of(s, d) : KEPT;
        if (fate > KEPT && fate > s->fates[index_of(s, d->is)])
            s->fates[index_of(s, d->is)] = fate;
    }
    follow_keys(s);
    collect_remade(s);
}

/* ---- views and triggers ---- */

static bool is_watcher(const struct snapshot_object *o)
{
    return str_is(o->type, "view") || str_is(o->type, "trigger");
}

static const struct snapshot_object *find_object(const struct snapshot *s, struct str type, struct str name)
{
    for (size_t i = 0; i < s->n_objects; i++)
        if (str_eq(s->objects[i].type, type) && str_eq_nocase(s->objects[i].name, name))
            return &s->objects[i];
    return NULL;
}

static bool is_same(struct sqlite_generating *s, const struct snapshot_object *a, const struct snapshot_object *b)
{
    return b && str_eq(migrate_define_tokens(a->sql, s->g->arena), migrate_define_tokens(b->sql, s->g->arena));
}

static bool names_what_goes(struct sqlite_generating *s, const struct snapshot_object *o)
{
    const struct snapshot *is = s->g->is;
    for (size_t i = 0; i < is->n_relations; i++)
        if (s->fates[i] != KEPT && generate_has_token(o->sql, is->relations[i].sqlite_name, s->g->arena))
            return true;
    for (size_t i = 0; i < is->n_objects; i++)
        if (s->goes[i] && str_is(is->objects[i].type, "view") &&
            generate_has_token(o->sql, is->objects[i].name, s->g->arena))
            return true;
    return false;
}

static void drop_watchers(struct sqlite_generating *s)
{
    const struct snapshot *is = s->g->is;
    static const char *const order[] = { "trigger", "view" };
    bool changed = true;
    while (changed) {
        changed = false;
        for (size_t i = 0; i < is->n_objects; i++) {
            const struct snapshot_object *o = &is->objects[i];
            if (s->goes[i] || !is_watcher(o) || migrate_is_internal(o->name, STR("")))
                continue;
            changed |= s->goes[i] =
                !is_same(s, o, find_object(s->g->wanted, o->type, o->name)) || names_what_goes(s, o);
        }
    }
    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; i < is->n_objects; i++) {
            const struct snapshot_object *o = &is->objects[i];
            bool stays = find_object(s->g->wanted, o->type, o->name) != NULL;
            if (!s->goes[i] || !str_is(o->type, order[k]))
                continue;
            generate_one(
                s->g, STR(""),
                generate_printf(s->g, "drop %s %.*s%s", order[k], STR_FMT(o->name), stays ? ", which comes back" : ""),
                generate_printf(s->g, "DROP %s %.*s", k ? "VIEW" : "TRIGGER", STR_FMT(quote(s, o->name))));
        }
}

static void create_watchers(struct sqlite_generating *s)
{
    const struct snapshot *wanted = s->g->wanted, *is = s->g->is;
    static const char *const order[] = { "view", "trigger" };
    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; i < wanted->n_objects; i++) {
            const struct snapshot_object *o = &wanted->objects[i], *old = find_object(is, o->type, o->name);
            if (!str_is(o->type, order[k]) || migrate_is_internal(o->name, STR("")) ||
                (old && !s->goes[old - is->objects]))
                continue;
            generate_one(s->g, STR(""), generate_printf(s->g, "create %s %.*s", order[k], STR_FMT(o->name)), o->sql);
        }
}

/* ---- indexes ---- */

static enum fate fate_of_table(const struct sqlite_generating *s, const struct relation *r)
{
    return r ? s->fates[index_of(s, r)] : KEPT;
}

static void drop_indexes(struct sqlite_generating *s)
{
    for (size_t i = 0; i < s->g->differences->n; i++) {
        const struct migrate_difference *d = &s->g->differences->list[i];
        const struct index *x = d->is_part;
        if (d->kind != MIGRATE_KIND_INDEX || !x || fate_of_table(s, d->is) >= REMADE ||
            (d->change == MIGRATE_CHANGED && d->facet == MIGRATE_FACET_COMMENT))
            continue;
        generate_one(s->g, STR(""), generate_printf(s->g, "drop index %.*s", STR_FMT(x->sqlite_name)),
                     generate_printf(s->g, "DROP INDEX %.*s", STR_FMT(quote(s, x->sqlite_name))));
    }
}

static bool index_differs(const struct sqlite_generating *s, const struct relation *is, struct str name)
{
    for (size_t i = 0; i < s->g->differences->n; i++) {
        const struct migrate_difference *d = &s->g->differences->list[i];
        if (d->kind == MIGRATE_KIND_INDEX && d->wanted_part && d->is == is && str_eq(d->part, name) &&
            !(d->change == MIGRATE_CHANGED && d->facet == MIGRATE_FACET_COMMENT))
            return true;
    }
    return false;
}

static const struct relation *counterpart(const struct sqlite_generating *s, const struct relation *r)
{
    for (size_t i = 0; i < s->g->is->n_relations; i++)
        if (str_eq(s->g->is->relations[i].sqlite_name, r->sqlite_name) && s->g->is->relations[i].kind == r->kind)
            return &s->g->is->relations[i];
    return NULL;
}

static void create_indexes(struct sqlite_generating *s)
{
    const struct snapshot *wanted = s->g->wanted;
    for (size_t i = 0; i < wanted->n_relations; i++) {
        const struct relation *r = &wanted->relations[i], *old = counterpart(s, r);
        bool all = !old || fate_of_table(s, old) >= REMADE;
        if (migrate_is_internal(r->sqlite_name, STR("")) || r->kind != RELATION_TABLE)
            continue;
        for (size_t k = 0; k < r->n_indexes; k++) {
            const struct snapshot_object *o = find_object(wanted, STR("index"), r->indexes[k].sqlite_name);
            if (!o || !o->sql.n || (!all && !index_differs(s, old, r->indexes[k].name)))
                continue;
            generate_one(s->g, STR(""), generate_printf(s->g, "create index %.*s", STR_FMT(o->name)), o->sql);
        }
    }
}

/* ---- tables ---- */

static bool is_made(const struct sqlite_generating *s, const struct relation *r)
{
    const struct relation *old = counterpart(s, r);
    bool has_rows = r->kind == RELATION_TABLE || r->kind == RELATION_VIRTUAL;
    return has_rows && !migrate_is_internal(r->sqlite_name, STR("")) && (!old || fate_of_table(s, old) == DROPPED) &&
           find_object(s->g->wanted, STR("table"), r->sqlite_name);
}

/* Behind those that it refers to; in a circle, any of it. The number of relations: all are made. */
static size_t next_to_make(const struct sqlite_generating *s, enum relation_kind kind, const bool *made)
{
    const struct snapshot *wanted = s->g->wanted;
    size_t any = wanted->n_relations;
    for (size_t i = 0; i < wanted->n_relations; i++) {
        const struct relation *r = &wanted->relations[i];
        bool waits = false;
        if (made[i] || r->kind != kind || !is_made(s, r))
            continue;
        for (size_t k = 0; k < wanted->n_relations; k++)
            waits |= k != i && !made[k] && wanted->relations[k].kind == kind && is_made(s, &wanted->relations[k]) &&
                     relation_refers_to(r, &wanted->relations[k]);
        if (!waits)
            return i;
        any = any < wanted->n_relations ? any : i;
    }
    return any;
}

static struct str table_text(struct sqlite_generating *s, const struct relation *r)
{
    for (size_t i = 0; i < s->n_remade; i++)
        if (r->kind == RELATION_TABLE && relation_refers_to(r, s->remade[i]))
            return ddl_remake_beside(s->g->is, s->g->wanted, s->remade, s->n_remade, r, s->g->arena, s->g->err);
    return r->sqlite_sql;
}

static void create_tables(struct sqlite_generating *s, enum relation_kind kind)
{
    const struct snapshot *wanted = s->g->wanted;
    bool *made = ARENA_ARRAY(s->g->arena, bool, wanted->n_relations);
    s->g->failed |= !made;
    for (size_t i; made && (i = next_to_make(s, kind, made)) < wanted->n_relations;) {
        const struct relation *r = &wanted->relations[i];
        generate_one(s->g, STR(""), generate_printf(s->g, "create table %.*s", STR_FMT(r->sqlite_name)),
                     table_text(s, r));
        made[i] = true;
    }
}

static void alter_tables(struct sqlite_generating *s)
{
    for (size_t i = 0; i < s->g->differences->n; i++) {
        const struct migrate_difference *d = &s->g->differences->list[i];
        if (d->kind != MIGRATE_KIND_COLUMN || d->change == MIGRATE_CHANGED || fate_of_table(s, d->is) != ALTERED)
            continue;
        struct str table = quote(s, d->is->sqlite_name);
        bool adds = d->change == MIGRATE_ABSENT;
        struct str rest = adds ? column_text(s, d->wanted, d->part) : quote(s, d->part);
        generate_one(s->g, generate_loss(s->g, d),
                     generate_printf(s->g, "%s column %.*s %s %.*s", adds ? "add" : "drop", STR_FMT(d->part),
                                     adds ? "to" : "of", STR_FMT(d->is->sqlite_name)),
                     generate_printf(s->g, "ALTER TABLE %.*s %s COLUMN %.*s", STR_FMT(table), adds ? "ADD" : "DROP",
                                     STR_FMT(rest)));
    }
}

static void remake_tables(struct sqlite_generating *s)
{
    struct str names = STR(""), loss = STR(""), *texts;
    size_t n_texts;
    for (size_t i = 0; i < s->n_remade; i++) {
        const struct relation *r = s->remade[i];
        struct str lost = generate_table_loss(s->g, r);
        names = generate_printf(s->g, "%.*s%s%.*s", STR_FMT(names), names.n ? ", " : "", STR_FMT(r->sqlite_name));
        if (lost.n)
            loss = generate_printf(s->g, "%.*s%s%.*s", STR_FMT(loss), loss.n ? "; " : "", STR_FMT(lost));
    }
    if (!s->n_remade || s->g->failed)
        return;
    if (!ddl_remake(s->g->is, s->g->wanted, s->remade, s->n_remade, s->g->arena, &texts, &n_texts, s->g->err)) {
        s->g->failed = true;
        return;
    }
    struct migrate_step *step = generate_step(
        s->g, loss, "make anew, with their rows, tables that change and all that refer to them: %.*s", STR_FMT(names));
    for (size_t i = 0; i < n_texts; i++)
        generate_statement(s->g, step, texts[i]);
}

static void drop_tables(struct sqlite_generating *s)
{
    const struct snapshot *is = s->g->is;
    for (size_t i = 0; i < is->n_relations; i++) {
        const struct relation *r = &is->relations[i];
        if (s->fates[i] != DROPPED || (r->kind == RELATION_TABLE && !goes_alone(s, r)))
            continue;
        generate_one(s->g, generate_table_loss(s->g, r),
                     generate_printf(s->g, "drop table %.*s", STR_FMT(r->sqlite_name)),
                     generate_printf(s->g, "DROP TABLE %.*s", STR_FMT(quote(s, r->sqlite_name))));
    }
}

/* ---- all ---- */

static bool same_side(const struct snapshot *a, const struct snapshot *b, struct str *ret_name)
{
    for (size_t i = 0; i < a->n_side; i++) {
        bool found = false;
        for (size_t k = 0; k < b->n_side && !found; k++)
            found = str_eq(a->side[i].kind, b->side[k].kind) && str_eq(a->side[i].schema, b->side[k].schema) &&
                    str_eq(a->side[i].name, b->side[k].name) && str_eq(a->side[i].detail, b->side[k].detail);
        *ret_name = a->side[i].name.n ? a->side[i].name : a->side[i].schema;
        if (!found)
            return false;
    }
    return true;
}

/* What only pgd1 keeps, as PostgreSQL's types and comments, is nothing that wrangler could write. */
static bool check_side(struct generating *g)
{
    struct str name;
    if (same_side(g->is, g->wanted, &name) && same_side(g->wanted, g->is, &name))
        return true;
    err_unsupported(g->err, "a migration in SQLite's dialect for what is declared in PostgreSQL's (\"%.*s\")",
                    STR_FMT(name));
    err_hint(g->err, "Set migrations_dialect = postgres, or declare the schema in SQLite's dialect.");
    return false;
}

void generate_sqlite(struct generating *g)
{
    struct sqlite_generating s = { .g = g,
                                   .fates = ARENA_ARRAY(g->arena, enum fate, g->is->n_relations),
                                   .goes = ARENA_ARRAY(g->arena, bool, g->is->n_objects) };
    if (!s.fates || !s.goes || !check_side(g)) {
        g->failed = true;
        return;
    }
    decide(&s);
    drop_watchers(&s);
    drop_indexes(&s);
    create_tables(&s, RELATION_TABLE);
    alter_tables(&s);
    remake_tables(&s);
    drop_tables(&s);
    create_tables(&s, RELATION_VIRTUAL);
    create_indexes(&s);
    create_watchers(&s);
}
