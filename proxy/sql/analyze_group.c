/*
 * analyze_group.c - GROUP BY with its grouping sets, and which columns may stand outside of aggregates (PostgreSQL 15: parse_clause.c,
 * parse_agg.c). Not here: aggregates themselves (analyze_func.c), what becomes of the sets (rewrite_grouping_sets.c).
 */
#include "proxy/sql/analyze_internal.h"

/* --- GROUP BY --- */

struct sets {
    struct expr ***lists;
    size_t *sizes;
    size_t n;
};

static struct expr *group_expr(A *a, struct scope *s, const Node *n)
{
    struct query *q = s->query;
    struct target *t = clause_target(a, s, n, "GROUP BY", PLACE_GROUP_BY, false);
    if (!t || !expr_has_order(a, t->expr, "equality", raw_location(n)))
        return NULL;
    if (t->expr->kind == EXPR_AGGREGATE) {
        fail_at(a, t->expr->location, SQLSTATE_GROUPING_ERROR, "aggregate functions are not allowed in GROUP BY");
        return NULL;
    }
    if (t->expr->kind == EXPR_WINDOW) {
        fail_at(a, t->expr->location, SQLSTATE_WINDOWING_ERROR, "window functions are not allowed in GROUP BY");
        return NULL;
    }
    for (size_t i = 0; i < q->n_group; i++)
        if (expr_equal(q->group[i], t->expr)) {
            if (q->group[i] != t->expr && !t->junk) /* two output columns of one expression, each grouped by itself */
                s->grouped_twice = true;
            return q->group[i];
        }
    struct expr *e = t->expr;
    return PUSH(a, q->group, q->n_group, e) ? e : NULL;
}

static bool add_set(A *a, struct sets *sets, struct expr **list, size_t n)
{
    size_t before = sets->n;
    if (!PUSH(a, sets->sizes, before, n))
        return false;
    return PUSH(a, sets->lists, sets->n, list);
}

/* An element of a grouping set list: one expression or (a, b). */
static bool element_exprs(A *a, struct scope *s, const Node *n, struct expr ***list, size_t *count)
{
    bool row = n->node_case == PG_QUERY__NODE__NODE_ROW_EXPR;
    size_t items = row ? n->row_expr->n_args : 1;
    for (size_t i = 0; i < items; i++) {
        struct expr *e = group_expr(a, s, row ? n->row_expr->args[i] : n);
        if (!e || !PUSH(a, *list, *count, e))
            return false;
    }
    return true;
}

static bool expand_grouping(A *a, struct scope *s, const PgQuery__GroupingSet *g, struct sets *ret)
{
    struct expr **parts[12];
    size_t sizes[12], n = g->n_content;
    if (g->kind == PG_QUERY__GROUPING_SET_KIND__GROUPING_SET_EMPTY)
        return add_set(a, ret, NULL, 0);
    if (g->kind == PG_QUERY__GROUPING_SET_KIND__GROUPING_SET_SETS) {
        for (size_t i = 0; i < n; i++) {
            struct expr **list = NULL;
            size_t count = 0;
            if (g->content[i]->node_case == PG_QUERY__NODE__NODE_GROUPING_SET) {
                if (!expand_grouping(a, s, g->content[i]->grouping_set, ret))
                    return false;
            } else if (!element_exprs(a, s, g->content[i], &list, &count) || !add_set(a, ret, list, count)) {
                return false;
            }
        }
        return true;
    }
    if (n > 12)
        return fail_at(a, g->location, SQLSTATE_TOO_MANY_COLUMNS, "CUBE is limited to 12 elements");
    for (size_t i = 0; i < n; i++) {
        parts[i] = NULL;
        sizes[i] = 0;
        if (!element_exprs(a, s, g->content[i], &parts[i], &sizes[i]))
            return false;
    }
    bool cube = g->kind == PG_QUERY__GROUPING_SET_KIND__GROUPING_SET_CUBE;
    for (size_t k = 0; k < (cube ? (size_t)1 << n : n + 1); k++) {
        struct expr **list = NULL;
        size_t count = 0;
        for (size_t i = 0; i < n; i++) {
            bool in = cube ? !(k & ((size_t)1 << i)) : i < n - k;
            for (size_t j = 0; in && j < sizes[i]; j++)
                if (!PUSH(a, list, count, parts[i][j]))
                    return false;
        }
        if (!add_set(a, ret, list, count))
            return false;
    }
    return true;
}

/* GROUP BY a, ROLLUP (b): the cross product of its items' sets. */
static bool cross_sets(A *a, struct sets *left, const struct sets *right)
{
    struct sets all = { 0 };
    for (size_t i = 0; i < left->n; i++) {
        for (size_t k = 0; k < right->n; k++) {
            struct expr **list = NULL;
            size_t n = 0;
            for (size_t j = 0; j < left->sizes[i]; j++)
                if (!PUSH(a, list, n, left->lists[i][j]))
                    return false;
            for (size_t j = 0; j < right->sizes[k]; j++)
                if (!PUSH(a, list, n, right->lists[k][j]))
                    return false;
            if (!add_set(a, &all, list, n))
                return false;
        }
    }
    *left = all;
    return all.n <= 4096 ||
           fail_at(a, -1, SQLSTATE_STATEMENT_TOO_COMPLEX, "too many grouping sets present (maximum 4096)");
}

static bool contains_all(struct expr *const *set, size_t n, struct expr *const *of, size_t n_of)
{
    for (size_t i = 0; i < n_of; i++) {
        size_t k = 0;
        while (k < n && set[k] != of[i]) /* group_expr() gives equal expressions once */
            k++;
        if (k == n)
            return false;
    }
    return true;
}

/* GROUP BY DISTINCT: a set of the same expressions stays once. */
static void drop_repeated_sets(struct sets *sets)
{
    size_t kept = 0;
    for (size_t i = 0; i < sets->n; i++) {
        bool repeated = false;
        for (size_t k = 0; k < kept && !repeated; k++)
            repeated = contains_all(sets->lists[k], sets->sizes[k], sets->lists[i], sets->sizes[i]) &&
                       contains_all(sets->lists[i], sets->sizes[i], sets->lists[k], sets->sizes[k]);
        if (repeated)
            continue;
        sets->lists[kept] = sets->lists[i];
        sets->sizes[kept++] = sets->sizes[i];
    }
    sets->n = kept;
}

bool transform_group(A *a, struct scope *s, Node *const *list, size_t n, bool distinct)
{
    struct sets all = { 0 };
    bool any_sets = false;
    if (!n)
        return true;
    if (!add_set(a, &all, NULL, 0))
        return false;
    for (size_t i = 0; i < n; i++) {
        struct sets one = { 0 };
        if (list[i]->node_case == PG_QUERY__NODE__NODE_GROUPING_SET) {
            any_sets = true;
            if (!expand_grouping(a, s, list[i]->grouping_set, &one))
                return false;
        } else {
            struct expr **exprs = NULL;
            size_t count = 0;
            if (!element_exprs(a, s, list[i], &exprs, &count) || !add_set(a, &one, exprs, count))
                return false;
        }
        if (!cross_sets(a, &all, &one))
            return false;
    }
    if (any_sets) {
        if (s->grouped_twice)
            return unsupported_at(a, -1, "GROUPING SETS over two output columns of one expression");
        if (distinct)
            drop_repeated_sets(&all);
        s->query->grouping_sets = all.lists;
        s->query->grouping_set_sizes = all.sizes;
        s->query->n_grouping_sets = all.n;
    }
    return true;
}

/* --- columns outside aggregates (42803) --- */

struct ungrouped {
    A *a;
    struct query *query;
    int depth;                       /* how many queries below the grouped one we are */
    struct expr *bad, *bad_grouping; /* a column; an argument of GROUPING() */
    bool is_direct;                  /* the column stands in a direct argument of an ordered-set aggregate */
};

static void ungrouped_query(struct ungrouped *u, struct query *q);

static bool in_all_sets(const struct query *q, const struct expr *e)
{
    for (size_t i = 0; i < q->n_grouping_sets; i++) {
        size_t k = 0;
        while (k < q->grouping_set_sizes[i] && q->grouping_sets[i][k] != e)
            k++;
        if (k == q->grouping_set_sizes[i])
            return false;
    }
    return true;
}

/* Grouped by a table's whole primary key: its other columns depend on it. */
static bool key_is_grouped(struct query *q, int rte)
{
    struct rte *r = &q->rtable[rte];
    if (r->kind != RTE_RELATION)
        return false;
    for (size_t i = 0; i < r->relation->n_constraints; i++) {
        const struct constraint *c = &r->relation->constraints[i];
        size_t grouped = 0;
        if (c->kind != 'p')
            continue;
        for (size_t k = 0; k < c->n_columns; k++)
            for (size_t g = 0; g < q->n_group; g++) {
                const struct expr *e = q->group[g];
                if (e->kind == EXPR_VAR && e->var.levels_up == 0 && e->var.rte == rte &&
                    r->columns[e->var.column].column->number == c->columns[k] && in_all_sets(q, e)) {
                    grouped++;
                    break;
                }
            }
        if (grouped == c->n_columns) {
            r->grouping_key = c->oid;
            return true;
        }
    }
    return false;
}

static bool is_group_column(const struct ungrouped *u, const struct expr *e)
{
    for (size_t i = 0; i < u->query->n_group; i++) {
        const struct expr *g = u->query->group[i];
        if (u->depth == 0 ? expr_equal(g, e)
                          : g->kind == EXPR_VAR && e->kind == EXPR_VAR && g->var.rte == e->var.rte &&
                                g->var.column == e->var.column && g->var.levels_up == 0)
            return true;
    }
    return false;
}

static bool ungrouped_visit(struct expr *e, void *ctx)
{
    struct ungrouped *u = ctx;
    if (u->bad)
        return false;
    if (u->depth == 0 && is_group_column(u, e))
        return false;
    if (e->kind == EXPR_AGGREGATE && e->call.levels_up == u->depth) {
        for (size_t i = 0; e->call.within_group && i < e->call.n_direct; i++)
            expr_walk(e->args[i], ungrouped_visit, u);
        u->is_direct |= u->bad != NULL;
        return false;
    }
    if (e->kind == EXPR_GROUPING) {
        for (size_t i = 0; i < e->n_args && !u->bad_grouping; i++)
            if (e->call.levels_up == u->depth && !is_group_column(u, e->args[i]))
                u->bad_grouping = e->args[i];
        return false;
    }
    if (e->kind == EXPR_SUBLINK) { /* what stands before IN and ANY comes first */
        for (size_t i = 0; i < e->n_args; i++)
            expr_walk(e->args[i], ungrouped_visit, u);
        u->depth++;
        ungrouped_query(u, e->sublink.query);
        u->depth--;
        return false;
    }
    if ((e->kind != EXPR_VAR && e->kind != EXPR_WHOLE_ROW) || e->var.levels_up != u->depth || e->var.rte < 0)
        return true;
    if (!is_group_column(u, e) && !key_is_grouped(u->query, e->var.rte))
        u->bad = e;
    return false;
}

static void ungrouped_from(struct ungrouped *u, const struct from_item *f)
{
    if (f->kind == FROM_RTE)
        return;
    ungrouped_from(u, f->left);
    ungrouped_from(u, f->right);
    expr_walk(f->on, ungrouped_visit, u);
}

static void ungrouped_query(struct ungrouped *u, struct query *q)
{
    if (q->set_operation != SETOP_NONE) { /* its sides are one level further in (transform_setop) */
        u->depth++;
        ungrouped_query(u, q->left);
        ungrouped_query(u, q->right);
        u->depth--;
        return;
    }
    for (size_t i = 0; i < q->n_targets; i++)
        expr_walk(q->targets[i].expr, ungrouped_visit, u);
    expr_walk(q->where, ungrouped_visit, u);
    expr_walk(q->having, ungrouped_visit, u);
    for (size_t i = 0; i < q->n_group; i++)
        expr_walk(q->group[i], ungrouped_visit, u);
    for (size_t i = 0; i < q->n_from; i++)
        ungrouped_from(u, q->from[i]);
    for (size_t i = 0; i < q->n_values_rows; i++)
        for (size_t c = 0; c < q->n_targets; c++)
            expr_walk(q->values_rows[i][c], ungrouped_visit, u);
    for (size_t i = 0; i < q->n_rtable; i++) {
        struct rte *r = &q->rtable[i];
        if (r->kind == RTE_SUBQUERY) {
            u->depth++;
            ungrouped_query(u, r->subquery);
            u->depth--;
        }
        for (size_t k = 0; k < r->n_functions; k++)
            expr_walk(r->functions[k], ungrouped_visit, u);
    }
}

static bool first_aggregate(struct expr *e, void *ctx)
{
    struct expr **found = ctx;
    if (e->kind == EXPR_AGGREGATE && e->call.levels_up == 0 && !*found)
        *found = e;
    return !*found;
}

/* Where a query reads itself there are no aggregates. Those of subqueries that belong here are refused when they are written. */
static bool check_recursion(A *a, struct query *q)
{
    struct expr *aggregate = NULL;
    bool reads_itself = false;
    for (size_t i = 0; i < q->n_rtable; i++)
        reads_itself |= q->rtable[i].kind == RTE_CTE && q->rtable[i].cte_self_reference;
    if (!q->has_aggregates || !reads_itself)
        return true;
    for (size_t i = 0; i < q->n_targets; i++)
        expr_walk(q->targets[i].expr, first_aggregate, &aggregate);
    expr_walk(q->having, first_aggregate, &aggregate);
    return !aggregate || fail_at(a, aggregate->location, SQLSTATE_INVALID_RECURSION,
                                 "aggregate functions are not allowed in a recursive query's recursive term");
}

bool check_grouping(A *a, struct query *q)
{
    if (!q->has_aggregates && !q->n_group && !q->having && !q->n_grouping_sets && !q->has_grouping_calls)
        return true;
    struct ungrouped u = { .a = a, .query = q };
    for (size_t i = 0; i < q->n_targets; i++)
        expr_walk(q->targets[i].expr, ungrouped_visit, &u);
    expr_walk(q->having, ungrouped_visit, &u);
    for (size_t i = 0; i < q->n_sort; i++)
        expr_walk(q->sort[i].expr, ungrouped_visit, &u);
    for (size_t i = 0; i < q->n_distinct_on; i++)
        expr_walk(q->distinct_on[i], ungrouped_visit, &u);
    if (!u.bad && u.bad_grouping)
        return fail_at(a, expr_start(u.bad_grouping), SQLSTATE_GROUPING_ERROR,
                       "arguments to GROUPING must be grouping expressions of the associated query level");
    if (!u.bad)
        return check_recursion(a, q);
    const struct rte *r = &q->rtable[u.bad->var.rte];
    struct str name = u.bad->kind == EXPR_VAR ? r->columns[u.bad->var.column].name : STR("*");
    if (u.bad->var.levels_up)
        return fail_at(a, u.bad->location, SQLSTATE_GROUPING_ERROR,
                       "subquery uses ungrouped column \"%.*s.%.*s\" from outer query", STR_FMT(r->alias),
                       STR_FMT(name));
    fail_at(a, u.bad->location, SQLSTATE_GROUPING_ERROR,
            "column \"%.*s.%.*s\" must appear in the GROUP BY clause or be used in an aggregate function",
            STR_FMT(r->alias), STR_FMT(name));
    if (u.is_direct)
        err_detail(a->err, "Direct arguments of an ordered-set aggregate must use only grouped columns.");
    return false;
}
