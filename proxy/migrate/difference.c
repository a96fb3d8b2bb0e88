/* difference.c - see difference.h. The columns of a table: difference_column.c. */
#include "proxy/migrate/difference_private.h"

#include "proxy/catalog/names.h"
#include "proxy/catalog/sqlite_trigger.h"
#include "proxy/migrate/journal.h"

static const char *const kind_names[MIGRATE_KIND_NR] = {
    [MIGRATE_KIND_SCHEMA] = "schema",         [MIGRATE_KIND_EXTENSION] = "extension", [MIGRATE_KIND_TYPE] = "type",
    [MIGRATE_KIND_SEQUENCE] = "sequence",     [MIGRATE_KIND_TABLE] = "table",         [MIGRATE_KIND_COLUMN] = "column",
    [MIGRATE_KIND_CONSTRAINT] = "constraint", [MIGRATE_KIND_INDEX] = "index",         [MIGRATE_KIND_VIEW] = "view",
    [MIGRATE_KIND_TRIGGER] = "trigger",
};

const char *migrate_kind_name(enum migrate_kind kind)
{
    return kind_names[kind];
}

bool migrate_is_internal(struct str name, struct str wrangler_table)
{
    static const char *const prefixes[] = { "_pgd1_", "sqlite_", "_cf_" };
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
        if (str_starts_nocase(name, str_from(prefixes[i])))
            return true;
    return str_eq_nocase(name, migrate_journal_table(MIGRATE_TABLE_WRANGLER, STR(""))) ||
           (wrangler_table.n && str_eq_nocase(name, wrangler_table)) ||
           str_eq_nocase(name, migrate_journal_table(MIGRATE_TABLE_DRIZZLE, wrangler_table));
}

/* ---- the list ---- */

void difference_add(struct comparing *c, struct migrate_difference d)
{
    struct migrate_differences *all = c->all;
    if (all->n == all->room) {
        size_t room = all->room ? all->room * 2 : 16;
        struct migrate_difference *bigger = ARENA_ARRAY(c->arena, struct migrate_difference, room);
        if (!bigger) {
            c->failed = true;
            return;
        }
        if (all->n)
            memcpy(bigger, all->list, all->n * sizeof(*bigger));
        all->list = bigger;
        all->room = room;
    }
    c->failed |= !d.text.p;
    all->list[all->n++] = d;
}

struct migrate_difference difference_of(const struct comparing *c, enum migrate_kind kind, struct str part)
{
    const struct relation *r = c->wanted_table ? c->wanted_table : c->is_table;
    return (struct migrate_difference){ .kind = kind,
                                        .schema = r ? r->schema : STR(""),
                                        .name = r ? r->name : part,
                                        .part = r ? part : STR(""),
                                        .is = c->is_table,
                                        .wanted = c->wanted_table };
}

/* An object that only one side has; definition empty: none to show. */
void difference_one_sided(struct comparing *c, struct migrate_difference d, struct str definition)
{
    const char *colon = definition.n ? ": " : "";
    d.text = d.change == MIGRATE_ABSENT ? arena_printf(c->arena, "%s is declared and not there%s%.*s",
                                                       kind_names[d.kind], colon, STR_FMT(definition))
                                        : arena_printf(c->arena, "%s is there and not declared%s%.*s",
                                                       kind_names[d.kind], colon, STR_FMT(definition));
    difference_add(c, d);
}

void difference_compare(struct comparing *c, struct migrate_difference d, const char *what, struct str is,
                        struct str wanted)
{
    if (str_eq(is, wanted))
        return;
    d.change = MIGRATE_CHANGED;
    d.text = arena_printf(c->arena, "%s%s%s is %.*s, declared %.*s", kind_names[d.kind], what[0] ? " " : "", what,
                          STR_FMT(is.n ? is : STR("none")), STR_FMT(wanted.n ? wanted : STR("none")));
    difference_add(c, d);
}

void difference_comment(struct comparing *c, struct migrate_difference d, struct str is, struct str wanted)
{
    d.facet = MIGRATE_FACET_COMMENT;
    difference_compare(c, d, "comment", is.n ? name_literal(is, c->arena) : is,
                       wanted.n ? name_literal(wanted, c->arena) : wanted);
}

/* ---- constraints ---- */

/* Whether the table's own text, or that of an index, says the name. */
static bool says_name(const struct comparing *c, const struct relation *r, struct str name)
{
    struct sqlite_table parsed;
    for (size_t i = 0; i < r->n_indexes; i++)
        if (str_eq(r->indexes[i].name, name) && !str_starts(r->indexes[i].sqlite_name, STR("sqlite_autoindex")))
            return true;
    if (!sqlite_parse_table(r->sqlite_sql, c->arena, &parsed))
        return true;
    for (const struct sqlite_constraint *k = parsed.constraints; k; k = k->next)
        if (str_eq(k->name, name))
            return true;
    return false;
}

static struct str definition_of(const struct comparing *c, bool wanted, const struct constraint *k)
{
    return migrate_define_constraint(wanted ? c->wanted : c->is, wanted ? c->wanted_table : c->is_table, k, c->arena);
}

static void compare_pair(struct comparing *c, const struct constraint *is, const struct constraint *wanted)
{
    struct migrate_difference d = difference_of(c, MIGRATE_KIND_CONSTRAINT, is->name);
    d.is_part = is;
    d.wanted_part = wanted;
    d.facet = MIGRATE_FACET_DEFINITION;
    difference_compare(c, d, "", definition_of(c, false, is), definition_of(c, true, wanted));
    d.facet = MIGRATE_FACET_NAME;
    if (!str_eq(is->name, wanted->name) &&
        (says_name(c, c->is_table, is->name) || says_name(c, c->wanted_table, wanted->name)))
        difference_compare(c, d, "name", name_quote(is->name, c->arena), name_quote(wanted->name, c->arena));
    difference_comment(c, d, is->comment, wanted->comment);
}

/* Which constraint of the declared table goes with this one: pass 0 of that name and definition, 1 of that definition, 2 of that name. */
static bool goes_with(const struct comparing *c, const struct constraint *is, const struct constraint *wanted, int pass)
{
    if (pass != 1 && !str_eq(is->name, wanted->name))
        return false;
    return pass == 2 || str_eq(definition_of(c, false, is), definition_of(c, true, wanted));
}

static void compare_constraints(struct comparing *c)
{
    const struct relation *is = c->is_table, *wanted = c->wanted_table;
    bool *is_done = ARENA_ARRAY(c->arena, bool, is->n_constraints);
    bool *wanted_done = ARENA_ARRAY(c->arena, bool, wanted->n_constraints);
    c->failed |= !is_done || !wanted_done;
    for (int pass = 0; pass < 3 && !c->failed; pass++)
        for (size_t i = 0; i < is->n_constraints; i++)
            for (size_t k = 0; k < wanted->n_constraints && !is_done[i]; k++) {
                if (wanted_done[k] || !goes_with(c, &is->constraints[i], &wanted->constraints[k], pass))
                    continue;
                is_done[i] = wanted_done[k] = true;
                compare_pair(c, &is->constraints[i], &wanted->constraints[k]);
            }
    for (size_t i = 0; i < is->n_constraints && !c->failed; i++) {
        struct migrate_difference d = difference_of(c, MIGRATE_KIND_CONSTRAINT, is->constraints[i].name);
        d.change = MIGRATE_UNDECLARED;
        d.is_part = &is->constraints[i];
        if (!is_done[i])
            difference_one_sided(c, d, definition_of(c, false, &is->constraints[i]));
    }
    for (size_t i = 0; i < wanted->n_constraints && !c->failed; i++) {
        struct migrate_difference d = difference_of(c, MIGRATE_KIND_CONSTRAINT, wanted->constraints[i].name);
        d.change = MIGRATE_ABSENT;
        d.wanted_part = &wanted->constraints[i];
        if (!wanted_done[i])
            difference_one_sided(c, d, definition_of(c, true, &wanted->constraints[i]));
    }
}

/* ---- indexes ---- */

static bool is_own_index(const struct relation *r, const struct index *x)
{
    for (size_t i = 0; i < r->n_constraints; i++)
        if ((r->constraints[i].kind == 'p' || r->constraints[i].kind == 'u') && str_eq(r->constraints[i].name, x->name))
            return false;
    return !str_starts(x->sqlite_name, STR("sqlite_autoindex"));
}

static const struct index *find_index(const struct relation *r, struct str name)
{
    for (size_t i = 0; r && i < r->n_indexes; i++)
        if (str_eq(r->indexes[i].name, name) && is_own_index(r, &r->indexes[i]))
            return &r->indexes[i];
    return NULL;
}

static struct str object_sql(const struct snapshot *s, const char *type, struct str name)
{
    for (size_t i = 0; i < s->n_objects; i++)
        if (str_is(s->objects[i].type, type) && str_eq_nocase(s->objects[i].name, name))
            return s->objects[i].sql;
    return STR("");
}

static void compare_index(struct comparing *c, const struct index *is, const struct index *wanted)
{
    struct migrate_difference d = difference_of(c, MIGRATE_KIND_INDEX, is->name);
    d.is_part = is;
    d.wanted_part = wanted;
    d.facet = MIGRATE_FACET_DEFINITION;
    struct str a = migrate_define_index(c->is_table, is, c->arena),
               b = migrate_define_index(c->wanted_table, wanted, c->arena);
    if (str_eq(a, b)) { /* what the catalogue does not keep, as COLLATE */
        a = migrate_define_tokens(object_sql(c->is, "index", is->sqlite_name), c->arena);
        b = migrate_define_tokens(object_sql(c->wanted, "index", wanted->sqlite_name), c->arena);
    }
    difference_compare(c, d, "", a, b);
    difference_comment(c, d, is->comment, wanted->comment);
}

static void compare_indexes(struct comparing *c)
{
    const struct relation *is = c->is_table, *wanted = c->wanted_table;
    for (size_t i = 0; i < is->n_indexes; i++) {
        struct migrate_difference d = difference_of(c, MIGRATE_KIND_INDEX, is->indexes[i].name);
        if (!is_own_index(is, &is->indexes[i]))
            continue;
        const struct index *other = find_index(wanted, is->indexes[i].name);
        d.change = MIGRATE_UNDECLARED;
        d.is_part = &is->indexes[i];
        if (other)
            compare_index(c, &is->indexes[i], other);
        else
            difference_one_sided(c, d, migrate_define_index(is, &is->indexes[i], c->arena));
    }
    for (size_t i = 0; i < wanted->n_indexes; i++) {
        struct migrate_difference d = difference_of(c, MIGRATE_KIND_INDEX, wanted->indexes[i].name);
        d.change = MIGRATE_ABSENT;
        d.wanted_part = &wanted->indexes[i];
        if (is_own_index(wanted, &wanted->indexes[i]) && !find_index(is, wanted->indexes[i].name))
            difference_one_sided(c, d, migrate_define_index(wanted, &wanted->indexes[i], c->arena));
    }
}

/* ---- relations ---- */

static enum migrate_kind kind_of(const struct relation *r)
{
    return r->kind == RELATION_VIEW       ? MIGRATE_KIND_VIEW
           : r->kind == RELATION_SEQUENCE ? MIGRATE_KIND_SEQUENCE
                                          : MIGRATE_KIND_TABLE;
}

static struct str kind_words(const struct relation *r)
{
    return r->kind == RELATION_VIRTUAL ? STR("virtual") : STR("ordinary");
}

static struct str view_words(const struct comparing *c, const struct relation *r, bool in_postgres)
{
    struct str words = in_postgres ? r->view_text : migrate_define_tokens(r->sqlite_sql, c->arena);
    return arena_printf(c->arena, "%.*s%.*s", STR_FMT(migrate_define_options(r, c->arena)), STR_FMT(words));
}

static void compare_views(struct comparing *c)
{
    const struct relation *is = c->is_table, *wanted = c->wanted_table;
    struct migrate_difference d = difference_of(c, MIGRATE_KIND_VIEW, STR(""));
    bool in_postgres = is->view_text.n && wanted->view_text.n;
    d.facet = MIGRATE_FACET_DEFINITION;
    difference_compare(c, d, "", view_words(c, is, in_postgres), view_words(c, wanted, in_postgres));
    difference_comment(c, d, is->comment, wanted->comment);
}

static void compare_sequences(struct comparing *c)
{
    struct migrate_difference d = difference_of(c, MIGRATE_KIND_SEQUENCE, STR(""));
    d.facet = MIGRATE_FACET_DEFINITION;
    difference_compare(c, d, "", migrate_define_sequence(c->is, c->is_table, c->arena),
                       migrate_define_sequence(c->wanted, c->wanted_table, c->arena));
    difference_comment(c, d, c->is_table->comment, c->wanted_table->comment);
}

/* Clauses that only SQLite has: its own text decides. */
static struct str options_of(const struct comparing *c, const struct relation *r)
{
    struct sqlite_table parsed;
    if (r->kind == RELATION_VIRTUAL)
        return migrate_define_tokens(r->sqlite_sql, c->arena);
    if (!sqlite_parse_table(r->sqlite_sql, c->arena, &parsed))
        return STR("");
    struct str whole = parsed.has_more ? migrate_define_tokens(r->sqlite_sql, c->arena) : STR("");
    return arena_printf(c->arena, "%s%s%.*s", parsed.without_rowid ? "WITHOUT ROWID " : "",
                        parsed.strict ? "STRICT " : "", STR_FMT(whole));
}

static void compare_tables(struct comparing *c)
{
    struct migrate_difference d = difference_of(c, MIGRATE_KIND_TABLE, STR(""));
    d.facet = MIGRATE_FACET_DEFINITION;
    difference_compare(c, d, "", kind_words(c->is_table), kind_words(c->wanted_table));
    difference_compare(c, d, "clause", options_of(c, c->is_table), options_of(c, c->wanted_table));
    difference_comment(c, d, c->is_table->comment, c->wanted_table->comment);
    difference_columns(c);
    compare_constraints(c);
    compare_indexes(c);
}

static void compare_relation(struct comparing *c)
{
    const struct relation *is = c->is_table, *wanted = c->wanted_table;
    const struct relation *one = wanted ? wanted : is;
    struct migrate_difference d = difference_of(c, kind_of(one), STR(""));
    if (is && wanted && kind_of(is) != kind_of(wanted)) {
        d.kind = kind_of(is);
        d.facet = MIGRATE_FACET_DEFINITION;
        difference_compare(c, d, "", str_from(kind_names[kind_of(is)]), str_from(kind_names[kind_of(wanted)]));
    } else if (!is || !wanted) {
        d.change = is ? MIGRATE_UNDECLARED : MIGRATE_ABSENT;
        difference_one_sided(c, d, STR(""));
    } else if (d.kind == MIGRATE_KIND_VIEW) {
        compare_views(c);
    } else if (d.kind == MIGRATE_KIND_SEQUENCE) {
        compare_sequences(c);
    } else {
        compare_tables(c);
    }
}

static const struct relation *find_relation(const struct snapshot *s, const struct relation *like)
{
    for (size_t i = 0; i < s->n_relations; i++) {
        const struct relation *r = &s->relations[i];
        if (str_eq(r->schema, like->schema) && str_eq(r->name, like->name))
            return r;
    }
    return NULL;
}

/* A sequence that one side alone has and that goes with a column is told with the column. */
static bool is_told(const struct comparing *c, const struct relation *r, const struct relation *other)
{
    return migrate_is_internal(r->sqlite_name.n ? r->sqlite_name : r->name, c->wrangler_table) ||
           (r->kind == RELATION_SEQUENCE && !other && r->seq_owner_table.n);
}

static void compare_relations(struct comparing *c, enum migrate_kind kind)
{
    for (size_t i = 0; i < c->is->n_relations; i++) {
        c->is_table = &c->is->relations[i];
        c->wanted_table = find_relation(c->wanted, c->is_table);
        if (kind_of(c->is_table) == kind && !is_told(c, c->is_table, c->wanted_table))
            compare_relation(c);
    }
    for (size_t i = 0; i < c->wanted->n_relations; i++) {
        c->wanted_table = &c->wanted->relations[i];
        c->is_table = find_relation(c->is, c->wanted_table);
        if (kind_of(c->wanted_table) == kind && !c->is_table && !is_told(c, c->wanted_table, NULL))
            compare_relation(c);
    }
    c->is_table = c->wanted_table = NULL;
}

/* ---- triggers: SQLite's own texts ---- */

static void add_trigger(struct comparing *c, const struct snapshot_object *is, const struct snapshot_object *wanted)
{
    const struct snapshot_object *one = wanted ? wanted : is;
    struct migrate_difference d = {
        .kind = MIGRATE_KIND_TRIGGER, .schema = STR("public"), .part = one->name, .is_part = is, .wanted_part = wanted
    };
    struct sqlite_trigger parsed;
    if (sqlite_parse_trigger(one->sql, c->arena, &parsed))
        d.name = parsed.table;
    if (is && wanted) {
        d.facet = MIGRATE_FACET_DEFINITION;
        difference_compare(c, d, "", migrate_define_tokens(is->sql, c->arena),
                           migrate_define_tokens(wanted->sql, c->arena));
    } else {
        d.change = is ? MIGRATE_UNDECLARED : MIGRATE_ABSENT;
        difference_one_sided(c, d, STR(""));
    }
}

static const struct snapshot_object *find_trigger(const struct snapshot *s, struct str name)
{
    for (size_t i = 0; i < s->n_objects; i++)
        if (str_is(s->objects[i].type, "trigger") && str_eq_nocase(s->objects[i].name, name))
            return &s->objects[i];
    return NULL;
}

static void compare_triggers(struct comparing *c)
{
    for (size_t i = 0; i < c->is->n_objects; i++) {
        const struct snapshot_object *o = &c->is->objects[i];
        if (str_is(o->type, "trigger") && !migrate_is_internal(o->name, c->wrangler_table))
            add_trigger(c, o, find_trigger(c->wanted, o->name));
    }
    for (size_t i = 0; i < c->wanted->n_objects; i++) {
        const struct snapshot_object *o = &c->wanted->objects[i];
        if (str_is(o->type, "trigger") && !migrate_is_internal(o->name, c->wrangler_table) &&
            !find_trigger(c->is, o->name))
            add_trigger(c, NULL, o);
    }
}

/* ---- schemas, extensions, types ---- */

static size_t find_schema(const struct snapshot *s, struct str name)
{
    size_t i = 0;
    while (i < s->n_schemas && !str_eq(s->schemas[i], name))
        i++;
    return i;
}

static void compare_schemas(struct comparing *c)
{
    for (size_t i = 0; i < c->is->n_schemas; i++) {
        struct migrate_difference d = { .kind = MIGRATE_KIND_SCHEMA, .name = c->is->schemas[i] };
        size_t k = find_schema(c->wanted, d.name);
        d.change = MIGRATE_UNDECLARED;
        if (k == c->wanted->n_schemas)
            difference_one_sided(c, d, STR(""));
        else
            difference_comment(c, d, c->is->schema_comments[i], c->wanted->schema_comments[k]);
    }
    for (size_t i = 0; i < c->wanted->n_schemas; i++) {
        struct migrate_difference d = { .kind = MIGRATE_KIND_SCHEMA, .name = c->wanted->schemas[i] };
        d.change = MIGRATE_ABSENT;
        if (find_schema(c->is, d.name) == c->is->n_schemas)
            difference_one_sided(c, d, STR(""));
    }
}

static const struct snapshot_side *find_extension(const struct snapshot *s, struct str name)
{
    for (size_t i = 0; i < s->n_side; i++)
        if (str_is(s->side[i].kind, "extension") && str_eq(s->side[i].name, name))
            return &s->side[i];
    return NULL;
}

static void compare_extensions(struct comparing *c)
{
    for (size_t i = 0; i < c->is->n_side; i++) {
        const struct snapshot_side *e = &c->is->side[i];
        struct migrate_difference d = { .kind = MIGRATE_KIND_EXTENSION, .schema = e->schema, .name = e->name };
        if (!str_is(e->kind, "extension"))
            continue;
        const struct snapshot_side *other = find_extension(c->wanted, e->name);
        d.change = MIGRATE_UNDECLARED;
        d.facet = MIGRATE_FACET_DEFINITION;
        if (other)
            difference_compare(c, d, "schema", e->schema, other->schema);
        else
            difference_one_sided(c, d, STR(""));
    }
    for (size_t i = 0; i < c->wanted->n_side; i++) {
        const struct snapshot_side *e = &c->wanted->side[i];
        struct migrate_difference d = { .kind = MIGRATE_KIND_EXTENSION, .schema = e->schema, .name = e->name };
        d.change = MIGRATE_ABSENT;
        if (str_is(e->kind, "extension") && !find_extension(c->is, e->name))
            difference_one_sided(c, d, STR(""));
    }
}

static const struct user_type *find_type(const struct snapshot *s, const struct user_type *like)
{
    for (size_t i = 0; i < s->n_types; i++)
        if (str_eq(s->types[i].schema, like->schema) && str_eq(s->types[i].name, like->name))
            return &s->types[i];
    return NULL;
}

static struct str type_words(const struct comparing *c, const struct snapshot *s, const struct user_type *t)
{
    return arena_printf(c->arena, "%s %.*s", t->kind == 'd' ? "domain" : "enum",
                        STR_FMT(migrate_define_user_type(s, t, c->arena)));
}

static void add_type(struct comparing *c, const struct user_type *is, const struct user_type *wanted)
{
    const struct user_type *one = wanted ? wanted : is;
    struct migrate_difference d = {
        .kind = MIGRATE_KIND_TYPE, .schema = one->schema, .name = one->name, .is_part = is, .wanted_part = wanted
    };
    if (is && wanted) {
        d.facet = MIGRATE_FACET_DEFINITION;
        difference_compare(c, d, "", type_words(c, c->is, is), type_words(c, c->wanted, wanted));
        difference_comment(c, d, is->comment, wanted->comment);
    } else {
        d.change = is ? MIGRATE_UNDECLARED : MIGRATE_ABSENT;
        difference_one_sided(c, d, type_words(c, is ? c->is : c->wanted, one));
    }
}

static void compare_types(struct comparing *c)
{
    for (size_t i = 0; i < c->is->n_types; i++)
        add_type(c, &c->is->types[i], find_type(c->wanted, &c->is->types[i]));
    for (size_t i = 0; i < c->wanted->n_types; i++)
        if (!find_type(c->is, &c->wanted->types[i]))
            add_type(c, NULL, &c->wanted->types[i]);
}

/* ---- all ---- */

bool migrate_difference(const struct snapshot *is, const struct snapshot *wanted, struct str wrangler_table,
                        struct arena *arena, struct migrate_differences *ret, struct err *err)
{
    struct migrate_differences all = { 0 };
    struct comparing c = { .is = is, .wanted = wanted, .wrangler_table = wrangler_table, .arena = arena, .all = &all };
    compare_schemas(&c);
    compare_extensions(&c);
    compare_types(&c);
    compare_relations(&c, MIGRATE_KIND_SEQUENCE);
    compare_relations(&c, MIGRATE_KIND_TABLE);
    compare_relations(&c, MIGRATE_KIND_VIEW);
    compare_triggers(&c);
    if (c.failed)
        return err_oom(err);
    *ret = all;
    return true;
}
