/*
 * emit_volatile.c - subqueries whose columns are another value each time they are worked out: random(), gen_random_uuid(), nextval().
 * SQLite merges subqueries into the queries that read them, and would work such a column out at each of its places; PostgreSQL does it
 * once per row. So they are made MATERIALIZED. Not here: values pinned for the replay of a transaction.
 */
#include "proxy/sql/emit_internal.h"
#include "proxy/sql/query_walk.h"

static bool find_volatile_sublink(struct expr *x, void *ctx)
{
    bool *found = ctx;
    *found = *found || (x->kind == EXPR_SUBLINK && query_is_volatile(x->sublink.query));
    return !*found;
}

static bool expr_is_volatile(const struct expr *x)
{
    bool found = x && is_volatile_expr(x);
    if (x && !found)
        expr_walk((struct expr *)(uintptr_t)x, find_volatile_sublink, &found);
    return found;
}

bool columns_are_volatile(const struct query *q)
{
    bool found = q->left && (columns_are_volatile(q->left) || columns_are_volatile(q->right));
    for (size_t i = 0; i < q->n_targets && !found; i++)
        found = expr_is_volatile(q->targets[i].expr);
    for (size_t i = 0; i < q->n_values_rows; i++)
        for (size_t c = 0; c < q->n_targets && !found; c++)
            found = expr_is_volatile(q->values_rows[i][c]);
    return found;
}

static bool find_in_expr(struct expr *x, void *ctx)
{
    bool *found = ctx;
    *found = *found || expr_is_volatile(x);
    return false; /* all of it was looked at */
}

static void find_in_query(struct query *q, void *ctx)
{
    bool *found = ctx;
    *found = *found || query_is_volatile(q);
}

static bool find_in_range(const struct rte *rte, void *ctx)
{
    if (rte->kind == RTE_CTE && !rte->cte_self_reference)
        find_in_query(rte->cte->query, ctx);
    return true;
}

bool query_is_volatile(const struct query *q)
{
    bool found = false;
    query_walk(q, &(struct query_parts){
                      .expr = find_in_expr, .query = find_in_query, .range = find_in_range, .ctx = &found });
    return found;
}

bool cte_is_another(const struct cte *cte)
{
    return cte->references > 1 && cte->query->command == COMMAND_SELECT && query_is_volatile(cte->query);
}

bool cte_is_materialized(const struct cte *cte)
{
    if (cte->recursive || cte->query->command != COMMAND_SELECT)
        return false;
    return columns_are_volatile(cte->query) || (cte->references > 1 && query_is_volatile(cte->query));
}

bool materialize_volatile(struct emitter *e, const struct query *q, struct str *select)
{
    if (!columns_are_volatile(q))
        return true;
    struct str name = unique_name(e, STR("once"));
    if (name.p)
        *select = text_of(e, "WITH %.*s AS MATERIALIZED (%.*s) SELECT * FROM %.*s", STR_FMT(name), STR_FMT(*select),
                          STR_FMT(name));
    return name.p && select->p;
}
