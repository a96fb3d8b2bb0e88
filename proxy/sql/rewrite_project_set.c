/*
 * rewrite_project_set.c - the order of work around set-returning functions of the SELECT list, which SQLite has not; and around window
 * functions that are printed inside of a subquery, where SQLite takes none; and below WITH TIES over DISTINCT or GROUPING SETS.
 *
 *   PostgreSQL   FROM, WHERE, GROUP BY, HAVING, windows | set-returning functions | DISTINCT, ORDER BY, LIMIT
 *   here         a subquery                             | the query around it
 *
 * A function that stands in GROUP BY too runs before the groups are made (emit_project_set.c). The subquery is no level of its own for
 * what it refers to (rte.is_same_level): its expressions are those of the query as it was written. See emit_internal.h.
 */
#include "proxy/sql/emit_internal.h"

struct split {
    struct emitter *e;
    const struct query *q;
    struct query *inner;
    bool whole;    /* each output is a column of the subquery, set-returning functions too */
    bool windows;  /* window functions are, and what they and others are made of */
    bool distinct; /* the subquery is the one that drops rows which are there already */
};

static bool is_grouped(const struct query *q, const struct expr *x)
{
    for (size_t i = 0; i < q->n_group; i++)
        if (expr_equal(q->group[i], x))
            return true;
    return false;
}

struct set_search {
    const struct query *q;
    bool found;
};

static bool look_for_set(struct expr *x, void *ctx)
{
    struct set_search *s = ctx;
    if (is_grouped(s->q, x))
        return false;
    s->found |= x->kind == EXPR_FUNC && x->call.proc->returns_set;
    return !s->found;
}

/* Whether it gives sets once the groups are made. */
static bool gives_set(const struct query *q, struct expr *x)
{
    struct set_search s = { .q = q };
    expr_walk(x, look_for_set, &s);
    return s.found;
}

static bool any_gives_set(const struct query *q)
{
    for (size_t i = 0; i < q->n_targets; i++)
        if (gives_set(q, q->targets[i].expr))
            return true;
    return false;
}

/* The column of the subquery that x is. */
static struct expr *column_for(struct split *s, struct expr *x)
{
    struct query *inner = s->inner;
    struct expr *var = ARENA_NEW(s->e->arena, struct expr);
    size_t at = 0;
    while (at < inner->n_targets && !expr_equal(inner->targets[at].expr, x))
        at++;
    if (!var)
        return NULL;
    if (at == inner->n_targets) {
        struct target *grown = ARENA_ARRAY(s->e->arena, struct target, at + 1);
        if (!grown)
            return NULL;
        if (at)
            memcpy(grown, inner->targets, at * sizeof(*grown));
        grown[at] = (struct target){ .expr = x, .name = STR("?column?") };
        inner->targets = grown;
        inner->n_targets = at + 1;
    }
    *var = (struct expr){ .kind = EXPR_VAR, .type = x->type, .typmod = x->typmod, .location = x->location };
    var->var.column = (int)at;
    return var;
}

static struct expr *replace(struct expr *x, void *ctx)
{
    struct split *s = ctx;
    if (is_constant_expr(x))
        return x;
    if (s->windows)
        return x->kind == EXPR_WINDOW || x->kind == EXPR_SUBLINK || x->kind == EXPR_WHOLE_ROW ||
                       made_before_windows(s->q, x)
                   ? column_for(s, x)
                   : NULL;
    return s->whole || !gives_set(s->q, x) ? column_for(s, x) : NULL;
}

static struct expr *outside(struct split *s, struct expr *x)
{
    struct expr *mapped = expr_map(x, replace, s, s->e->arena);
    if (!mapped)
        err_oom(s->e->err);
    return mapped;
}

static bool move_outputs(struct split *s, struct query *outer)
{
    struct arena *a = s->e->arena;
    outer->targets = ARENA_ARRAY(a, struct target, outer->n_targets + 1);
    outer->sort = ARENA_ARRAY(a, struct sort_item, outer->n_sort + 1);
    outer->distinct_on = ARENA_ARRAY(a, struct expr *, outer->n_distinct_on + 1);
    if (!outer->targets || !outer->sort || !outer->distinct_on)
        return err_oom(s->e->err);
    for (size_t i = 0; i < outer->n_targets; i++) {
        outer->targets[i] = s->q->targets[i];
        if (!(outer->targets[i].expr = outside(s, s->q->targets[i].expr)))
            return false;
    }
    for (size_t i = 0; i < outer->n_sort; i++) {
        outer->sort[i] = s->q->sort[i];
        if (!(outer->sort[i].expr = outside(s, s->q->sort[i].expr)))
            return false;
    }
    for (size_t i = 0; i < outer->n_distinct_on; i++)
        if (!(outer->distinct_on[i] = outside(s, s->q->distinct_on[i])))
            return false;
    return true;
}

/* The subquery as the one FROM item. */
static bool read_inner(struct split *s, struct query *outer)
{
    struct arena *a = s->e->arena;
    struct query *inner = s->inner;
    struct rte *rte = ARENA_NEW(a, struct rte);
    struct from_item *item = ARENA_NEW(a, struct from_item), **from = ARENA_NEW(a, struct from_item *);
    if (!rte || !item || !from)
        return err_oom(s->e->err);
    *rte = (struct rte){
        .kind = RTE_SUBQUERY, .subquery = inner, .n_columns = inner->n_targets, .in_from = true, .is_same_level = true
    };
    rte->columns = ARENA_ARRAY(a, struct rte_column, inner->n_targets + 1);
    if (!rte->columns)
        return err_oom(s->e->err);
    for (size_t i = 0; i < inner->n_targets; i++) {
        const struct expr *x = inner->targets[i].expr;
        rte->columns[i] = (struct rte_column){ .name = STR("?column?"), .type = x->type, .typmod = x->typmod };
    }
    *item = (struct from_item){ .kind = FROM_RTE };
    *from = item;
    outer->rtable = rte;
    outer->from = from;
    outer->n_rtable = outer->n_from = 1;
    return true;
}

/* A subquery has a column: where all that is wanted are sets of constants, a constant of its own. */
static bool add_some_column(struct split *s)
{
    struct expr *one = ARENA_NEW(s->e->arena, struct expr);
    if (!one)
        return err_oom(s->e->err);
    *one = (struct expr){ .kind = EXPR_CONST, .type = TYPE_OID_int4, .typmod = -1, .location = -1 };
    one->constant.value = value_integer(1);
    one->constant.literal = -1;
    return s->inner->n_targets || column_for(s, one) || err_oom(s->e->err);
}

bool splits_project_set(const struct query *q)
{
    bool later = q->n_group || q->has_aggregates || q->has_windows || q->n_grouping_sets;
    bool around = q->n_distinct_on || q->with_ties;
    return q->has_set_returning && q->set_operation == SETOP_NONE && !q->n_values_rows && (later || around) &&
           any_gives_set(q);
}

/* PostgreSQL runs those that it does not sort by behind DISTINCT ON. */
static bool runs_behind_distinct_on(const struct query *q)
{
    bool sorted = false;
    for (size_t i = 0; i < q->n_sort; i++)
        sorted |= gives_set(q, q->sort[i].expr);
    for (size_t i = 0; i < q->n_distinct_on; i++)
        sorted |= gives_set(q, q->distinct_on[i]);
    return q->n_distinct_on && !sorted;
}

static const struct query *split(struct split s)
{
    struct emitter *e = s.e;
    const struct query *q = s.q;
    struct query *outer = ARENA_NEW(e->arena, struct query), *inner = ARENA_NEW(e->arena, struct query);
    s.inner = inner;
    if (!outer || !inner) {
        err_oom(e->err);
        return NULL;
    }
    *inner = *q;
    inner->targets = NULL;
    inner->n_targets = inner->n_sort = inner->n_distinct_on = 0;
    inner->with_ties = false;
    inner->distinct = q->distinct && s.distinct;
    inner->limit = inner->offset = NULL;
    inner->lock = LOCK_NONE;
    *outer = *q;
    outer->where = outer->having = NULL;
    outer->n_ctes = outer->n_group = outer->n_grouping_sets = 0;
    outer->has_aggregates = outer->has_windows = false;
    outer->distinct = q->distinct && !s.distinct;
    outer->has_set_returning = q->has_set_returning && !s.whole;
    if (!move_outputs(&s, outer) || !add_some_column(&s) || !read_inner(&s, outer))
        return NULL;
    return outer;
}

const struct query *rewrite_project_set(struct emitter *e, const struct query *q)
{
    if (runs_behind_distinct_on(q)) {
        refused(e, -1, SQLSTATE_FEATURE_NOT_SUPPORTED,
                "DISTINCT ON with a set-returning function that it does not sort by is not supported");
        return NULL;
    }
    return split((struct split){ .e = e, .q = q, .whole = q->n_distinct_on || q->with_ties });
}

const struct query *rewrite_windows_inside(struct emitter *e, const struct query *q)
{
    return split((struct split){ .e = e, .q = q, .windows = true });
}

bool splits_ties(const struct query *q)
{
    return q->with_ties && q->set_operation == SETOP_NONE && !q->n_values_rows && (q->distinct || q->n_grouping_sets);
}

const struct query *rewrite_ties(struct emitter *e, const struct query *q)
{
    return split((struct split){ .e = e, .q = q, .whole = true, .distinct = true });
}
