/* system_links.c - rows of pg_depend and pg_rewrite for the user's objects: how they hang together. */
#include "pgwire/types.h"
#include "proxy/catalog/extension.h"
#include "proxy/catalog/names.h"
#include "proxy/catalog/system_rows.h"

enum { COLUMNS_MAX = 100, VIEW_LINKS_MAX = 4000 };
enum {
    CLASS_TYPE = 1247,
    CLASS_RELATION = 1259,
    CLASS_DEFAULT = 2604,
    CLASS_CONSTRAINT = 2606,
    CLASS_NAMESPACE = 2615,
    CLASS_RULE = 2618,
    CLASS_EXTENSION = 3079
};

struct end {
    oid_t class, object;
    int part;
};

/* `from` needs `to`. n: cannot drop `to` alone, a: goes with it, i: is a part of it. */
static void link_row(struct system_rows *rows, struct end from, struct end to, const char *kind)
{
    row_begin_cells(rows);
    row_set_int(rows, "classid", from.class);
    row_set_int(rows, "objid", from.object);
    row_set_int(rows, "objsubid", from.part);
    row_set_int(rows, "refclassid", to.class);
    row_set_int(rows, "refobjid", to.object);
    row_set_int(rows, "refobjsubid", to.part);
    row_set_cstr(rows, "deptype", kind);
    row_end_cells(rows);
}

static struct end whole(oid_t class, oid_t object)
{
    return (struct end){ class, object, 0 };
}

static struct end column_end(const struct relation *r, int16_t number)
{
    return (struct end){ CLASS_RELATION, r->oid, number };
}

static void link_namespace(struct system_rows *rows, struct end from, struct str schema)
{
    link_row(rows, from, whole(CLASS_NAMESPACE, system_schema_oid(schema)), "n");
}

/* The sequence that a default takes its values from; NULL: none. */
static const struct relation *sequence_of_default(const struct snapshot *s, const struct relation *r,
                                                  const struct column *c)
{
    static const struct str path[] = { STR_INIT("public") };
    struct str text = c->default_text, start = STR("nextval('");
    ptrdiff_t end = str_find(text, STR("'::regclass)"));
    if (!str_starts(text, start) || end < 0)
        return NULL;
    if (c->sequence.n)
        return snapshot_relation(s, NULL, 0, r->schema, c->sequence);
    struct str name = { text.p + start.n, (size_t)end - start.n }, schema = { 0 };
    ptrdiff_t dot = str_find(name, STR("."));
    if (memchr(name.p, '"', name.n)) /* quoted names are told apart only by the parser */
        return NULL;
    if (dot > 0) {
        schema = (struct str){ name.p, (size_t)dot };
        name = (struct str){ name.p + dot + 1, name.n - (size_t)dot - 1 };
    }
    return snapshot_relation(s, path, 1, schema, name);
}

/* Columns named in an expression, as `from` needs them. */
static void link_expression(struct system_rows *rows, struct end from, const struct relation *r, struct str text,
                            const char *kind)
{
    int16_t columns[COLUMNS_MAX];
    size_t n = system_expression_columns(r, text, columns, COLUMNS_MAX);
    for (size_t i = 0; i < n; i++)
        link_row(rows, from, column_end(r, columns[i]), kind);
}

/* Types of users that constants of an expression are labelled with. */
static void link_labels(struct system_rows *rows, const struct snapshot *s, struct end from, struct str text)
{
    for (size_t i = 0; i < s->n_types && str_find(text, STR("::")) >= 0; i++) {
        struct str name = snapshot_format_type(s, s->types[i].oid, -1, rows->arena);
        struct str label = arena_printf(rows->arena, "::%.*s", STR_FMT(name));
        ptrdiff_t at = label.p ? str_find(text, label) : -1;
        size_t end = (size_t)at + label.n;
        if (at >= 0 && (end == text.n || !strchr("abcdefghijklmnopqrstuvwxyz0123456789_[", text.p[end])))
            link_row(rows, from, whole(CLASS_TYPE, s->types[i].oid), "n");
    }
}

/* The sequence of a serial column goes with the column, that of an identity column is a part of it; defaults need both. */
static void link_columns(struct system_rows *rows, const struct snapshot *s, const struct relation *r)
{
    for (size_t i = 0; i < r->n_columns; i++) {
        const struct column *c = &r->columns[i];
        const struct relation *own = snapshot_owned_sequence(s, r, c), *used = sequence_of_default(s, r, c);
        struct end of = column_end(r, c->number), fallback = whole(CLASS_DEFAULT, system_default_oid(r, c));
        if (own)
            link_row(rows, whole(CLASS_RELATION, own->oid), of, c->identity ? "i" : "a");
        if (c->default_text.n)
            link_row(rows, fallback, of, c->generated ? "i" : "a");
        if (c->generated)
            link_expression(rows, fallback, r, c->default_text, "n");
        if (used)
            link_row(rows, fallback, whole(CLASS_RELATION, used->oid), "n");
        link_labels(rows, s, fallback, c->default_text);
        if (snapshot_user_type(s, c->type))
            link_row(rows, of, whole(CLASS_TYPE, c->type), "n");
    }
}

static void link_foreign_key(struct system_rows *rows, const struct snapshot *s, const struct relation *r,
                             const struct constraint *c)
{
    struct end from = whole(CLASS_CONSTRAINT, c->oid);
    const struct relation *f = system_foreign_table(s, c);
    oid_t index = system_constraint_index(r, f, c);
    for (size_t i = 0; f && i < c->n_columns; i++)
        link_row(rows, from, column_end(f, c->foreign_columns[i]), "n");
    if (index)
        link_row(rows, from, whole(CLASS_RELATION, index), "n");
}

static void link_constraints(struct system_rows *rows, const struct snapshot *s, const struct relation *r)
{
    for (size_t i = 0; i < r->n_constraints; i++) {
        const struct constraint *c = &r->constraints[i];
        struct end from = whole(CLASS_CONSTRAINT, c->oid);
        if (c->kind == 'c') {
            link_expression(rows, from, r, c->expression, "a");
            link_expression(rows, from, r, c->expression, "n");
        }
        for (size_t k = 0; c->kind != 'c' && k < c->n_columns; k++)
            link_row(rows, from, column_end(r, c->columns[k]), "a");
        if (c->kind == 'f')
            link_foreign_key(rows, s, r, c);
    }
}

/* An index goes with the columns it is over, in keys, expressions and predicate. */
static void link_index(struct system_rows *rows, const struct relation *r, const struct index *x)
{
    int16_t columns[COLUMNS_MAX], seen[COLUMNS_MAX];
    size_t n_seen = 0;
    bool has_key = false;
    for (size_t k = 0; k < x->n_columns; k++)
        has_key |= x->columns[k].column != 0;
    if (!has_key)
        link_row(rows, whole(CLASS_RELATION, x->oid), whole(CLASS_RELATION, r->oid), "a");
    for (size_t k = 0; k <= x->n_columns; k++) {
        bool key = k < x->n_columns && x->columns[k].column;
        size_t n = key ? 1
                       : system_expression_columns(r, k < x->n_columns ? x->columns[k].expression : x->predicate,
                                                   columns, COLUMNS_MAX);
        if (key)
            columns[0] = x->columns[k].column;
        for (size_t i = 0; i < n; i++) {
            bool known = false;
            for (size_t at = 0; at < n_seen; at++)
                known |= seen[at] == columns[i];
            if (known || n_seen == COLUMNS_MAX)
                continue;
            seen[n_seen++] = columns[i];
            link_row(rows, whole(CLASS_RELATION, x->oid), column_end(r, columns[i]), "a");
        }
    }
}

static void link_indexes(struct system_rows *rows, const struct relation *r)
{
    for (size_t i = 0; i < r->n_indexes; i++) {
        const struct index *x = &r->indexes[i];
        const struct constraint *of = NULL;
        for (size_t k = 0; k < r->n_constraints && !of; k++)
            if (r->constraints[k].kind != 'f' && system_constraint_index(r, NULL, &r->constraints[k]) == x->oid)
                of = &r->constraints[k];
        if (of)
            link_row(rows, whole(CLASS_RELATION, x->oid), whole(CLASS_CONSTRAINT, of->oid), "i");
        else
            link_index(rows, r, x);
    }
}

oid_t system_rule_oid(const struct relation *r)
{
    if (r->is_system && str_is(r->schema, "pgd1"))
        return r->oid - PGD1_OID_RELATION + PGD1_OID_RULE;
    return snapshot_hash_oid("rule", r->schema, r->name, 0);
}

/* ---- what views read ---- */

struct view_links {
    struct end list[VIEW_LINKS_MAX];
    size_t n;
};

static void note_use(void *ctx, enum system_use use, oid_t object, int16_t part)
{
    static const oid_t classes[] = {
        [USE_RELATION] = CLASS_RELATION, [USE_TYPE] = CLASS_TYPE, [USE_CONSTRAINT] = CLASS_CONSTRAINT
    };
    struct view_links *links = ctx;
    struct end link = { classes[use], object, part };
    for (size_t i = 0; i < links->n; i++) {
        struct end *known = &links->list[i];
        if (known->class != link.class || known->object != object)
            continue;
        if (known->part == part || part == 0)
            return; /* the relation itself says nothing that its columns do not */
        if (known->part == 0) {
            *known = link;
            return;
        }
    }
    if (links->n < VIEW_LINKS_MAX)
        links->list[links->n++] = link;
}

/* The rule needs what its query names, and the view whose rule it is. */
static void link_rule(struct system_rows *rows, const struct system_source *source, const struct relation *r)
{
    struct end rule = whole(CLASS_RULE, system_rule_oid(r)), relation = whole(CLASS_RELATION, r->oid);
    struct view_links *links = ARENA_NEW(rows->arena, struct view_links);
    struct system_uses uses = { note_use, links };
    link_row(rows, rule, relation, "i");
    link_row(rows, rule, relation, "n");
    rows->failed |= !links;
    if (!links || !source->state || !source->state->view_uses)
        return;
    source->state->view_uses(source->snapshot, r, &uses, rows->arena);
    for (size_t i = 0; i < links->n; i++)
        link_row(rows, rule, links->list[i], "n");
}

static void link_relation(struct system_rows *rows, const struct system_source *source, const struct relation *r)
{
    const struct snapshot *s = source->snapshot;
    struct end relation = whole(CLASS_RELATION, r->oid), type = whole(CLASS_TYPE, r->row_type);
    link_namespace(rows, relation, r->schema);
    if (r->kind == RELATION_SEQUENCE)
        return;
    link_row(rows, type, relation, "i");
    link_row(rows, whole(CLASS_TYPE, system_row_array(r)), type, "i");
    link_columns(rows, s, r);
    link_constraints(rows, s, r);
    link_indexes(rows, r);
    if (r->kind == RELATION_VIEW)
        link_rule(rows, source, r);
}

static void link_type(struct system_rows *rows, const struct user_type *u)
{
    struct end type = whole(CLASS_TYPE, u->oid);
    link_namespace(rows, type, u->schema);
    if (u->array)
        link_row(rows, whole(CLASS_TYPE, u->array), type, "i");
    for (size_t i = 0; i < u->n_checks; i++)
        link_row(rows, whole(CLASS_CONSTRAINT, system_domain_check(u, i)), type, "a");
}

/* The views that come with an extension. */
static void link_extension(struct system_rows *rows, const struct snapshot *s)
{
    const struct snapshot_side *row = extension_created(s, STR("pg_stat_statements"));
    size_t n;
    const struct relation *own = system_own_relations(&n);
    for (size_t i = 0; row && i < n; i++)
        if (extension_owns(s, &own[i]))
            link_row(rows, whole(CLASS_RELATION, own[i].oid),
                     whole(CLASS_EXTENSION, snapshot_hash_oid("extension", row->schema, row->name, 0)), "e");
}

void provide_pg_depend(struct system_rows *rows, const struct system_source *source)
{
    const struct snapshot *s = source->snapshot;
    if (s)
        link_extension(rows, s);
    for (size_t i = 0; s && i < s->n_relations; i++)
        link_relation(rows, source, &s->relations[i]);
    for (size_t i = 0; s && i < s->n_types; i++)
        link_type(rows, &s->types[i]);
}

/* --- pg_rewrite: the rule that makes a view one --- */

static void rule_row(struct system_rows *rows, const struct relation *r)
{
    row_begin_cells(rows);
    row_set_int(rows, "oid", system_rule_oid(r));
    row_set_cstr(rows, "rulename", "_RETURN");
    row_set_int(rows, "ev_class", r->oid);
    row_set_cstr(rows, "ev_type", "1");
    row_set_cstr(rows, "ev_enabled", "O");
    row_set_bool(rows, "is_instead", true);
    row_set_cstr(rows, "ev_qual", "<>");
    row_set_cstr(rows, "ev_action", "<>");
    row_end_cells(rows);
}

void provide_pg_rewrite(struct system_rows *rows, const struct system_source *source)
{
    const struct snapshot *s = source->snapshot;
    const struct relation *view;
    for (size_t i = 0; s && i < s->n_relations; i++)
        if (s->relations[i].kind == RELATION_VIEW)
            rule_row(rows, &s->relations[i]);
    for (size_t i = 0; s && shows_pgd1(source) && (view = system_pgd1_view(i)); i++)
        rule_row(rows, view);
}
