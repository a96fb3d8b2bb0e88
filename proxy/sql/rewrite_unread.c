/*
 * rewrite_unread.c - columns of subqueries in FROM and of WITH queries that nobody reads are not computed: NULL stands for them.
 *
 * PostgreSQL's planner drops them, so an error in one is never met (remove_unused_subquery_outputs(), pull_up_subqueries(),
 * inline_cte()). As there, what is kept all the same: columns of DISTINCT and set operations, volatile ones, and a WITH query that is
 * computed by itself. See emit_internal.h.
 */
#include "proxy/sql/emit_internal.h"
#include "proxy/sql/query_walk.h"

/* ---- what is read of the range table of one query ---- */

struct reads {
    const struct query *q;
    bool **columns; /* of each entry */
    int depth;      /* queries between q and the place that is looked at */
    bool changes;   /* a WITH query that changes data was met */
};

static bool note_expr(struct expr *x, void *ctx);
static void note_query(struct query *q, void *ctx);
static void note_with(const struct cte *cte, void *ctx);

static void note_inside(const struct query *q, struct reads *r)
{
    query_walk(q, &(struct query_parts){ .expr = note_expr, .query = note_query, .with = note_with, .ctx = r });
}

static void note_column(struct reads *r, int rte, int column)
{
    if (rte < 0 || (size_t)rte >= r->q->n_rtable || column < 0 || (size_t)column >= r->q->rtable[rte].n_columns ||
        r->columns[rte][column])
        return;
    r->columns[rte][column] = true;
    int depth = r->depth;
    r->depth = 0;
    expr_walk(r->q->rtable[rte].columns[column].join_expr, note_expr, r);
    r->depth = depth;
}

static void note_query(struct query *q, void *ctx)
{
    struct reads *r = ctx;
    if (q->command != COMMAND_SELECT) {
        r->changes = true;
        return;
    }
    r->depth++;
    note_inside(q, r);
    r->depth--;
}

static void note_with(const struct cte *cte, void *ctx)
{
    note_query(cte->query, ctx);
}

/* A column of any query outside may be q's: more is taken for read than is. */
static bool note_expr(struct expr *x, void *ctx)
{
    struct reads *r = ctx;
    bool is_var = x->kind == EXPR_VAR || x->kind == EXPR_WHOLE_ROW;
    if (x->kind == EXPR_SUBLINK)
        note_query(x->sublink.query, r);
    if (!is_var || (x->var.levels_up > 0) != (r->depth > 0))
        return true;
    bool known = x->var.rte >= 0 && (size_t)x->var.rte < r->q->n_rtable;
    size_t n = known ? r->q->rtable[x->var.rte].n_columns : 0;
    for (size_t i = 0; x->kind == EXPR_WHOLE_ROW && i < n; i++)
        note_column(r, x->var.rte, (int)i);
    if (x->kind == EXPR_VAR)
        note_column(r, x->var.rte, x->var.column);
    return true;
}

static bool reads_of(const struct query *q, struct arena *arena, struct reads *ret)
{
    *ret = (struct reads){ .q = q, .columns = ARENA_ARRAY(arena, bool *, q->n_rtable + 1) };
    for (size_t i = 0; ret->columns && i < q->n_rtable; i++)
        if (!(ret->columns[i] = ARENA_ARRAY(arena, bool, q->rtable[i].n_columns + 1)))
            return false;
    if (!ret->columns)
        return false;
    note_inside(q, ret);
    return true;
}

/* ---- leaving columns out ---- */

static bool find_kept(struct expr *x, void *ctx)
{
    bool *kept = ctx;
    bool is_call = x->kind == EXPR_FUNC && (x->call.proc->volatility == 'v' || x->call.proc->returns_set);
    *kept = *kept || is_call || x->kind == EXPR_GROUPING ||
            (x->kind == EXPR_SUBLINK && query_is_volatile(x->sublink.query));
    return !*kept;
}

/* Whether a column costs nothing, or is wanted for more than its value. */
static bool is_kept(const struct query *q, struct expr *x)
{
    bool kept = x->kind == EXPR_VAR || x->kind == EXPR_CONST || x->kind == EXPR_PARAM;
    for (size_t i = 0; i < q->n_sort && !kept; i++)
        kept = expr_equal(q->sort[i].expr, x);
    for (size_t i = 0; i < q->n_group && !kept; i++)
        kept = expr_equal(q->group[i], x);
    expr_walk(x, find_kept, &kept);
    return kept;
}

static bool find_aggregate(struct expr *x, void *ctx)
{
    bool *found = ctx;
    *found = *found || x->kind == EXPR_AGGREGATE;
    return !*found;
}

/* NULL; or count(*), where it is an aggregate that makes one row of all. */
static struct expr *stand_in(const struct query *q, struct expr *x, struct arena *arena)
{
    struct expr *e = ARENA_NEW(arena, struct expr);
    bool makes_row = false;
    if (!e)
        return NULL;
    *e = (struct expr){ .kind = EXPR_CONST, .type = x->type, .typmod = x->typmod, .location = x->location };
    e->constant.is_null = true;
    e->constant.literal = -1;
    if (q->n_group == 0)
        expr_walk(x, find_aggregate, &makes_row);
    if (!makes_row)
        return e;
    size_t n;
    const struct pg_proc *procs = pg_procs_by_name(STR("count"), &n);
    *e = (struct expr){ .kind = EXPR_AGGREGATE, .type = TYPE_OID_int8, .typmod = -1, .location = x->location };
    e->call.proc = &procs[procs[0].n_args == 0 ? 0 : 1];
    e->call.star = true;
    return e;
}

/* UNION ALL of columns as they are: each side by itself. */
static bool is_appended(const struct query *q)
{
    return q->set_operation == SETOP_UNION && q->set_all && !q->left_casts && !q->right_casts && !q->n_sort &&
           !q->limit && !q->offset && !q->n_ctes;
}

static bool leave_out(struct query *q, const bool *read, struct arena *arena)
{
    if (is_appended(q))
        return leave_out(q->left, read, arena) && leave_out(q->right, read, arena);
    if (q->command != COMMAND_SELECT || q->set_operation != SETOP_NONE || q->n_values_rows || q->distinct ||
        q->n_distinct_on || q->n_grouping_sets || q->has_set_returning)
        return true;
    for (size_t i = 0, at = 0; i < q->n_targets; i++) {
        struct target *t = &q->targets[i];
        if (t->junk || read[at++] || is_kept(q, t->expr))
            continue;
        if (!(t->expr = stand_in(q, t->expr, arena)))
            return false;
    }
    return true;
}

struct rewriting {
    struct arena *arena;
    const struct cte *cte; /* whose readers are looked for */
    bool *read;
    size_t n_read;
    bool failed;
};

static void rewrite_one(struct query *q, void *ctx);
static void collect_readers(struct query *q, void *ctx);

static bool collect_in_expr(struct expr *x, void *ctx)
{
    if (x->kind == EXPR_SUBLINK)
        collect_readers(x->sublink.query, ctx);
    return true;
}

static void collect_readers(struct query *q, void *ctx);

static void collect_in_with(const struct cte *cte, void *ctx)
{
    collect_readers(cte->query, ctx);
}

/* What is read of one WITH query, wherever in a query. */
static void collect_readers(struct query *q, void *ctx)
{
    struct rewriting *w = ctx;
    struct reads r;
    for (size_t k = 0; q->command != COMMAND_SELECT && k < w->n_read; k++)
        w->read[k] = true;
    if (w->failed || q->command != COMMAND_SELECT)
        return;
    for (size_t i = 0; i < q->n_rtable; i++) {
        if (q->rtable[i].kind != RTE_CTE || q->rtable[i].cte != w->cte)
            continue;
        if (!reads_of(q, w->arena, &r)) {
            w->failed = true;
            return;
        }
        for (size_t k = 0; k < q->rtable[i].n_columns && k < w->n_read; k++)
            w->read[k] |= r.columns[i][k] || r.changes;
    }
    query_walk(q, &(struct query_parts){
                      .expr = collect_in_expr, .query = collect_readers, .with = collect_in_with, .ctx = w });
}

/* Whether PostgreSQL puts a WITH query where it is read. */
static bool is_inlined(const struct cte *cte)
{
    bool wanted =
        cte->materialized == CTE_NOT_MATERIALIZED || (cte->materialized == CTE_DEFAULT && cte->references == 1);
    return wanted && !cte->recursive && cte->query->command == COMMAND_SELECT && !query_is_volatile(cte->query);
}

static bool rewrite_ctes(struct query *q, struct rewriting *w)
{
    for (size_t i = q->n_ctes; i-- > 0;) { /* later ones read earlier ones */
        struct cte *cte = &q->ctes[i];
        if (is_inlined(cte)) {
            size_t n = cte->query->n_targets;
            struct rewriting inner = {
                .arena = w->arena, .cte = cte, .read = ARENA_ARRAY(w->arena, bool, n + 1), .n_read = n
            };
            if (!inner.read)
                return false;
            collect_readers(q, &inner);
            if (inner.failed || !leave_out(cte->query, inner.read, w->arena))
                return false;
        }
        rewrite_one(cte->query, w);
    }
    return true;
}

static bool rewrite_in_expr(struct expr *x, void *ctx)
{
    if (x->kind == EXPR_SUBLINK)
        rewrite_one(x->sublink.query, ctx);
    return true;
}

/* What reads is rewritten before what is read: then less is read of that. */
static void rewrite_one(struct query *q, void *ctx)
{
    struct rewriting *w = ctx;
    struct reads r = { 0 };
    if (w->failed || q->command != COMMAND_SELECT)
        return;
    for (size_t i = 0; i < q->n_rtable && !w->failed; i++) {
        struct rte *rte = &q->rtable[i];
        if (rte->kind != RTE_SUBQUERY)
            continue;
        if (!r.q && !reads_of(q, w->arena, &r))
            w->failed = true;
        else if (!r.changes && !leave_out(rte->subquery, r.columns[i], w->arena))
            w->failed = true;
        else
            rewrite_one(rte->subquery, w);
    }
    query_walk(q, &(struct query_parts){ .expr = rewrite_in_expr, .ctx = w });
    if (q->left)
        rewrite_one(q->left, w);
    if (q->right)
        rewrite_one(q->right, w);
    if (!w->failed && !rewrite_ctes(q, w))
        w->failed = true;
}

bool rewrite_unread(struct query *q, struct arena *arena, struct err *err)
{
    struct rewriting w = { .arena = arena };
    struct query *select = q->command == COMMAND_INSERT && q->insert_select ? q->insert_select : q;
    rewrite_one(select, &w);
    return !w.failed || err_oom(err);
}
