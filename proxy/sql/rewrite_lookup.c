/*
 * rewrite_lookup.c - UPDATE, DELETE and INSERT … SELECT that D1 cannot compute: their rows are read and computed here first.
 *
 * The statement becomes a SELECT of the keys of the rows it changes and of their new values (INSERT: of the rows it brings). The
 * local engine finishes that as it would any SELECT; its rows go back to D1 as one JSON text, and the statement is printed again to
 * write them. The batch begins with checks that every row read is still what it was (lookup.h). RETURNING is D1's own again.
 */
#include "proxy/sql/rewrite_lookup.h"

const struct relation *lookup_target(const struct query *q)
{
    return q->rtable[q->result_rte].relation;
}

/* ---- the SELECT ---- */

/* A name of SQLite's own number of a row that no column hides. */
static struct str rowid_name(const struct relation *r)
{
    static const struct str names[] = { STR_INIT("rowid"), STR_INIT("_rowid_"), STR_INIT("oid") };
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        bool hidden = false;
        for (size_t k = 0; k < r->n_columns; k++)
            hidden = hidden || str_eq_nocase(r->columns[k].name, names[i]);
        if (!hidden)
            return names[i];
    }
    return (struct str){ 0 };
}

struct expr *lookup_var(struct emitter *e, int rte, int column, oid_t type, int32_t typmod)
{
    struct expr *x = ARENA_NEW(e->arena, struct expr);
    if (x)
        *x = (struct expr){
            .kind = EXPR_VAR, .type = type, .typmod = typmod, .location = -1, .var = { 0, rte, column, NULL }
        };
    else
        err_oom(e->err);
    return x;
}

bool lookup_item(struct lookup *l, const struct column *c, struct expr *x)
{
    struct emitter *e = l->local;
    struct expr *output = lookup_var(e, RTE_OUTPUT, (int)l->n_items, x->type, x->typmod);
    if (!output)
        return false;
    l->items[l->n_items] = (struct carried){ c, output };
    l->select->targets[l->n_items++] = (struct target){ .expr = x };
    l->select->n_targets = l->n_items;
    return true;
}

/* The target with its rowid as one more column. */
static bool add_rowid(struct lookup *l, struct rte *rte)
{
    struct emitter *e = l->local;
    const struct relation *r = lookup_target(l->q);
    struct column *rowid = ARENA_NEW(e->arena, struct column);
    struct rte_column *columns = ARENA_ARRAY(e->arena, struct rte_column, rte->n_columns + 1);
    struct str name = rowid_name(r);
    if (!rowid || !columns)
        return err_oom(e->err);
    if (!name.p)
        return blocked(e, -1, "a table whose columns hide its rowid,");
    *rowid = (struct column){ .name = name, .type = TYPE_OID_int8, .typmod = -1, .storage = COLUMN_NATURAL };
    memcpy(columns, rte->columns, rte->n_columns * sizeof(*columns));
    columns[rte->n_columns] = (struct rte_column){ .name = name, .type = TYPE_OID_int8, .typmod = -1, .column = rowid };
    rte->columns = columns;
    struct expr *x = lookup_var(e, l->q->result_rte, (int)rte->n_columns++, TYPE_OID_int8, -1);
    return x && lookup_item(l, rowid, x);
}

bool lookup_keys(struct lookup *l, struct rte *rte)
{
    const struct relation *r = lookup_target(l->q);
    bool ok = true;
    if (!r->without_rowid)
        ok = add_rowid(l, rte);
    for (size_t i = 0; i < r->n_constraints && r->without_rowid; i++)
        for (size_t k = 0; ok && r->constraints[i].kind == 'p' && k < r->constraints[i].n_columns; k++) {
            const struct column *c = &r->columns[r->constraints[i].columns[k] - 1];
            struct expr *x = lookup_var(l->local, l->q->result_rte, (int)(c - r->columns), c->type, c->typmod);
            ok = x && lookup_item(l, c, x);
        }
    l->n_keys = l->n_items;
    return ok && (l->n_keys || blocked(l->local, -1, "a table without a key"));
}

/* SELECT keys, new values FROM the target and the rest WHERE … */
static bool select_of_change(struct lookup *l)
{
    struct emitter *e = l->local;
    const struct query *q = l->q;
    struct query *select = ARENA_NEW(e->arena, struct query);
    struct from_item *item = ARENA_NEW(e->arena, struct from_item);
    struct from_item **from = ARENA_ARRAY(e->arena, struct from_item *, q->n_from + 1);
    struct rte *rtable = ARENA_ARRAY(e->arena, struct rte, q->n_rtable);
    size_t most = q->n_sets + lookup_target(q)->n_columns + 1;
    l->items = ARENA_ARRAY(e->arena, struct carried, most);
    if (!select || !item || !from || !rtable || !l->items)
        return err_oom(e->err);
    memcpy(rtable, q->rtable, q->n_rtable * sizeof(*rtable));
    *item = (struct from_item){ .kind = FROM_RTE, .rte = q->result_rte };
    from[0] = item;
    for (size_t i = 0; i < q->n_from; i++)
        from[i + 1] = q->from[i];
    *select = (struct query){ .command = COMMAND_SELECT,
                              .parent = q->parent,
                              .rtable = rtable,
                              .n_rtable = q->n_rtable,
                              .from = from,
                              .n_from = q->n_from + 1,
                              .where = q->where,
                              .ctes = q->ctes,
                              .n_ctes = q->n_ctes,
                              .with_recursive = q->with_recursive,
                              .has_sublinks = true };
    select->targets = ARENA_ARRAY(e->arena, struct target, most);
    l->select = select;
    if (!select->targets)
        return err_oom(e->err);
    bool ok = lookup_keys(l, &rtable[q->result_rte]);
    for (size_t i = 0; ok && i < q->n_sets; i++)
        ok = q->sets[i].column->generated || lookup_item(l, q->sets[i].column, q->sets[i].expr);
    return ok;
}

/* INSERT … VALUES: the rows as a SELECT gives them. */
static bool select_of_values(struct lookup *l)
{
    struct emitter *e = l->local;
    const struct query *q = l->q;
    struct query *select = ARENA_NEW(e->arena, struct query);
    const size_t *at;
    size_t n;
    if (!written_columns(e, q, &at, &n))
        return false;
    l->items = ARENA_ARRAY(e->arena, struct carried, n + 1);
    struct expr ***rows = ARENA_ARRAY(e->arena, struct expr **, q->n_insert_rows);
    if (!select || !l->items || !rows)
        return err_oom(e->err);
    *select = (struct query){ .command = COMMAND_SELECT,
                              .parent = q->parent,
                              .rtable = q->rtable,
                              .n_rtable = q->n_rtable,
                              .values_rows = rows,
                              .n_values_rows = q->n_insert_rows,
                              .has_sublinks = true };
    if (!(select->targets = ARENA_ARRAY(e->arena, struct target, n + 1)))
        return err_oom(e->err);
    l->select = select;
    for (size_t r = 0; r < q->n_insert_rows; r++) {
        if (!(rows[r] = ARENA_ARRAY(e->arena, struct expr *, n + 1)))
            return err_oom(e->err);
        for (size_t i = 0; i < n; i++)
            rows[r][i] = q->insert_rows[r][at[i]];
    }
    for (size_t i = 0; i < n; i++)
        if (!lookup_item(l, q->insert_columns[at[i]], rows[0][i]))
            return false;
    return true;
}

static bool select_of_insert(struct lookup *l)
{
    struct emitter *e = l->local;
    const struct query *q = l->q;
    const size_t *at;
    size_t n;
    if (!q->insert_select)
        return select_of_values(l);
    l->select = q->insert_select;
    if (!written_columns(e, q, &at, &n))
        return false;
    if (!(l->items = ARENA_ARRAY(e->arena, struct carried, n + 1)))
        return err_oom(e->err);
    for (size_t i = 0; i < n; i++)
        l->items[l->n_items++] = (struct carried){ q->insert_columns[at[i]], q->insert_select_exprs[at[i]] };
    return true;
}

/* ---- its finish ---- */

static bool is_fresh(const struct bind *b)
{
    return b->source == BIND_UUID || b->source == BIND_RANDOM || b->source == BIND_CLOCK;
}

/* The rows of a fetch as one text, which is compared later; see lookup.h. *ret_sorted: the same lines in their own order. */
static bool one_text(struct lookup *l, const struct fetch *f, struct plan_statement *statement, struct str *ret_sorted)
{
    struct emitter *e = l->local;
    struct str *parts = ARENA_ARRAY(e->arena, struct str, f->n_columns), line;
    if (!parts)
        return err_oom(e->err);
    for (size_t i = 0; i < f->n_columns; i++)
        parts[i] = text_of(e, "quote(c%zu)", i);
    if (!join_balanced(e, parts, f->n_columns, "||','||", &line))
        return false;
    if (f->helper.n || f->writes || f->changing || statement->binds_as_json)
        return blocked(e, -1, "reading these rows first");
    for (size_t i = 0; i < statement->n_binds; i++)
        if (is_fresh(&statement->binds[i]))
            return blocked(e, -1, "a value that is another each time");
    *ret_sorted = text_of(e, "SELECT group_concat(%.*s,char(10) ORDER BY %.*s) FROM (%.*s)", STR_FMT(line),
                          STR_FMT(line), STR_FMT(statement->sql));
    statement->sql =
        text_of(e, "SELECT group_concat(%.*s,char(10)) AS c0 FROM (%.*s)", STR_FMT(line), STR_FMT(statement->sql));
    return ret_sorted->p && statement->sql.p;
}

static bool place_lookup(struct lookup *l, struct str sql)
{
    struct emit_shared *s = l->s;
    bool as_json;
    struct plan_lookup *made = l->made = ARENA_NEW(s->arena, struct plan_lookup);
    if (!made || !(made->statements = ARENA_ARRAY(s->arena, struct plan_statement, s->n_fetches + 1)) ||
        !(l->sorted = ARENA_ARRAY(s->arena, struct str, s->n_fetches + 1)))
        return err_oom(s->err);
    for (size_t i = 0; i < s->n_fetches; i++) {
        s->input_order[i] = (int)i;
        struct plan_statement *statement = &made->statements[i];
        made->n_statements++;
        if (!fetch_statement(s->fetches[i], statement) || !one_text(l, s->fetches[i], statement, &l->sorted[i]))
            return false;
    }
    if (!finish_binds(l->local, 0, &sql, &made->local.binds, &made->local.n_binds, &as_json))
        return false;
    made->local.sql = sql;
    made->local.n_inputs = made->n_statements;
    made->local.needs_catalog = s->needs_catalog;
    s->n_fetches = 0; /* those of RETURNING are numbered anew */
    s->ctes = NULL;
    return true;
}

/* The SELECT as JSON rows of one text, and how D1 reads them. */
bool lookup_print(struct lookup *l, struct looked_up *rows)
{
    struct emitter *e = l->local, d1;
    struct str with = STR(""), select, list = STR("");
    struct select_output out;
    emitter_init(&d1, l->s, TARGET_D1);
    if ((l->q->command == COMMAND_INSERT && !emit_with(e, l->q, &with)) ||
        !emit_select(e, l->select, false, &select, &out))
        return false;
    struct level *level = level_new(e, l->q);
    if (!level || !(level->outputs = ARENA_ARRAY(e->arena, struct fragment, out.n + 1)))
        return err_oom(e->err);
    for (size_t i = 0; i < out.n; i++)
        level->outputs[i] = (struct fragment){ .sql = text_of(e, "c%zu", i), .simple = true, .scale = -1 };
    e->level = level;
    for (size_t i = 0; i < l->n_items; i++) {
        struct str element;
        if (!computed_cell(e, &d1, lookup_target(l->q), l->items[i].column, l->items[i].expr, i, &element,
                           &rows->reads[i]))
            return false;
        list = text_of(e, "%.*s%s%.*s", STR_FMT(list), i ? "," : "", STR_FMT(element));
    }
    e->level = NULL;
    struct str sql = text_of(e, "%.*sSELECT json_group_array(json_array(%.*s)) AS c0 FROM (%.*s)%.*s", STR_FMT(with),
                             STR_FMT(list), STR_FMT(select), STR_FMT(l->filter));
    return sql.p && place_lookup(l, sql);
}

/* ---- the checks ---- */

/* Behind other statements of the batch D1 may read by another index, in another order: the lines are compared sorted. */
bool lookup_checks(struct lookup *l, struct change *ret)
{
    struct emitter *e = l->local;
    size_t most = e->shared->settings->traits.max_params;
    ret->n_checks = 0;
    ret->checks = ARENA_ARRAY(e->arena, struct plan_statement, l->made->n_statements + 1);
    if (!ret->checks)
        return err_oom(e->err);
    for (size_t i = 0; i < l->made->n_statements; i++) {
        const struct plan_statement *read = &l->made->statements[i];
        struct bind *binds = ARENA_ARRAY(e->arena, struct bind, read->n_binds + 1);
        if (!binds)
            return err_oom(e->err);
        if (most && read->n_binds >= most)
            return blocked(e, -1, "reading rows first by this many values");
        memcpy(binds, read->binds, read->n_binds * sizeof(*binds));
        binds[read->n_binds] =
            (struct bind){ .source = BIND_LOOKUP, .index = (int)i, .type = TYPE_OID_text, .typmod = -1 };
        struct str sql = text_of(e, "SELECT CASE WHEN (%.*s) IS NOT ?%zu THEN json_extract('{}','!changed') END AS c0",
                                 STR_FMT(l->sorted[i]), read->n_binds + 1);
        ret->checks[ret->n_checks++] = (struct plan_statement){
            .sql = sql, .binds = binds, .n_binds = read->n_binds + 1, .role = STATEMENT_HELPER
        };
        if (!sql.p)
            return false;
    }
    return true;
}

/* ---- the write ---- */

bool lookup_key_names(struct lookup *l, struct looked_up *rows)
{
    struct emitter *e = l->local;
    struct str table = emit_identifier(lookup_target(l->q)->sqlite_name, e->arena);
    for (size_t i = 0; i < l->n_keys; i++) {
        struct str name = emit_identifier(l->items[i].column->name, e->arena);
        rows->keys[i] = text_of(e, "%.*s.%.*s", STR_FMT(table), STR_FMT(name));
        if (!rows->keys[i].p)
            return false;
    }
    return true;
}

bool rewrite_lookup(struct emit_shared *s, const struct query *q, struct change *ret)
{
    struct lookup l = { .s = s, .q = q, .local = ARENA_NEW(s->arena, struct emitter) };
    struct emitter *e = ARENA_NEW(s->arena, struct emitter);
    struct looked_up *rows = ARENA_NEW(s->arena, struct looked_up);
    if (!l.local || !e || !rows)
        return err_oom(s->err);
    struct str what = s->blocked_what;
    int location = s->blocked_location;
    emitter_init(l.local, s, TARGET_LOCAL);
    emitter_init(e, s, TARGET_D1);
    s->n_names = s->n_fetches = 0;
    s->ctes = NULL;
    *ret = (struct change){ 0 };
    bool ok = !s->n_changing && (q->command == COMMAND_INSERT ? select_of_insert(&l) : select_of_change(&l));
    if (ok) {
        rows->reads = ARENA_ARRAY(s->arena, struct str, l.n_items + 1);
        rows->keys = ARENA_ARRAY(s->arena, struct str, l.n_keys + 1);
        rows->n = l.n_items;
        rows->n_keys = l.n_keys;
        ok = rows->reads && rows->keys ? true : err_oom(s->err);
    }
    ok = ok && lookup_print(&l, rows) && lookup_key_names(&l, rows);
    if (ok) {
        rows->bind = (int)l.made->n_statements;
        s->n_names = 0;
        s->looked_up = rows;
        ok = emit_change_statement(e, q, ret) && lookup_checks(&l, ret);
    }
    if (ok) {
        s->plan->lookup = l.made;
    } else if (!err_is_set(s->err)) { /* what stood in D1's way is what the user may change */
        s->blocked_what = what;
        s->blocked_location = location;
    }
    return ok;
}
