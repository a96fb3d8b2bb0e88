/* query_walk.c - see query_walk.h. */
#include "proxy/sql/query_walk.h"

#include "proxy/sql/analyze.h"

static void walk_expr(struct expr *x, const struct query_parts *p)
{
    if (p->expr)
        expr_walk(x, p->expr, p->ctx);
}

static void walk_list(struct expr *const *list, size_t n, const struct query_parts *p)
{
    for (size_t i = 0; list && i < n; i++)
        walk_expr(list[i], p);
}

static void walk_targets(const struct target *targets, size_t n, const struct query_parts *p)
{
    for (size_t i = 0; i < n; i++)
        walk_expr(targets[i].expr, p);
}

static void walk_sets(const struct assignment *sets, size_t n, const struct query_parts *p)
{
    for (size_t i = 0; i < n; i++)
        walk_expr(sets[i].expr, p);
}

static void walk_below(struct query *q, const struct query_parts *p)
{
    if (q && p->query)
        p->query(q, p->ctx);
}

void query_walk_range(const struct rte *rte, const struct query_parts *p)
{
    if (p->range && !p->range(rte, p->ctx))
        return;
    walk_list(rte->functions, rte->n_functions, p);
    for (size_t i = 0; i < rte->n_rows; i++)
        walk_list(rte->rows[i], rte->n_columns, p);
    if (rte->kind == RTE_SUBQUERY)
        walk_below(rte->subquery, p);
}

void query_walk_from(const struct from_item *item, const struct query_parts *p)
{
    if (item->kind != FROM_JOIN)
        return;
    walk_expr(item->on, p);
    query_walk_from(item->left, p);
    query_walk_from(item->right, p);
}

static void walk_select(const struct query *q, const struct query_parts *p)
{
    for (size_t i = 0; i < q->n_sort; i++)
        walk_expr(q->sort[i].expr, p);
    for (size_t i = 0; i < q->n_values_rows; i++)
        walk_list(q->values_rows[i], q->n_targets, p);
    for (size_t i = 0; i < q->n_grouping_sets; i++)
        walk_list(q->grouping_sets[i], q->grouping_set_sizes[i], p);
    struct expr *const single[] = { q->having, q->limit, q->offset };
    walk_list(single, sizeof(single) / sizeof(*single), p);
    walk_list(q->group, q->n_group, p);
    walk_list(q->distinct_on, q->n_distinct_on, p);
    walk_below(q->left, p);
    walk_below(q->right, p);
}

static void walk_change(const struct query *q, const struct query_parts *p)
{
    const struct on_conflict *c = q->on_conflict;
    for (size_t i = 0; i < q->n_insert_rows; i++)
        walk_list(q->insert_rows[i], q->n_insert_columns, p);
    walk_list(q->insert_select_exprs, q->insert_select ? q->n_insert_columns : 0, p);
    walk_below(q->insert_select, p);
    walk_sets(q->sets, q->n_sets, p);
    walk_targets(q->returning, q->n_returning, p);
    for (size_t i = 0; i < q->n_merge_actions; i++) {
        walk_expr(q->merge_actions[i].condition, p);
        walk_sets(q->merge_actions[i].sets, q->merge_actions[i].n_sets, p);
    }
    if (!c)
        return;
    walk_list(c->targets, c->n_targets, p);
    walk_expr(c->target_where, p);
    walk_sets(c->sets, c->n_sets, p);
    walk_expr(c->where, p);
}

void query_walk(const struct query *q, const struct query_parts *p)
{
    for (size_t i = 0; p->with && i < q->n_ctes; i++)
        p->with(&q->ctes[i], p->ctx);
    for (size_t i = 0; i < q->n_rtable; i++)
        query_walk_range(&q->rtable[i], p);
    for (size_t i = 0; i < q->n_from; i++)
        query_walk_from(q->from[i], p);
    walk_expr(q->where, p);
    walk_targets(q->targets, q->n_targets, p);
    if (q->command == COMMAND_SELECT)
        walk_select(q, p);
    else
        walk_change(q, p);
}
