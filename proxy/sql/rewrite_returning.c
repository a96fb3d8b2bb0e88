/*
 * rewrite_returning.c - UPDATE … FROM and DELETE … USING that return columns of the other tables. SQLite's RETURNING
 * knows the target only: the other row is read again by the statement's own condition. That is the same row as long as UPDATE
 * changes no column of the condition, and nothing else that is read is changed: not the target, nor what its keys and triggers
 * change with it. Else the rows are read ahead (emit_joined.c).
 */
#include "proxy/sql/change_private.h"

struct look {
    const struct query *q;
    bool changed;
};

static bool look_changed(struct expr *x, void *ctx)
{
    struct look *look = ctx;
    const struct query *q = look->q;
    if (x->kind == EXPR_SUBLINK)
        look->changed = true; /* nobody looked inside */
    if (x->kind != EXPR_VAR || x->var.levels_up != 0 || x->var.rte != q->result_rte)
        return !look->changed;
    look->changed = look->changed || x->var.column < 0 ||
                    sets_change(q->sets, q->n_sets, q->rtable[x->var.rte].columns[x->var.column].column);
    return !look->changed;
}

struct reading {
    const struct plan *plan;
    bool found;
};

static bool reads_written(const struct query *q, const struct plan *plan);

static bool look_inside(struct expr *x, void *ctx)
{
    struct reading *r = ctx;
    r->found = r->found || (x->kind == EXPR_SUBLINK && reads_written(x->sublink.query, r->plan));
    return !r->found;
}

static bool expr_reads_written(struct expr *x, const struct plan *plan)
{
    struct reading r = { .plan = plan };
    if (x)
        expr_walk(x, look_inside, &r);
    return r.found;
}

static bool join_reads_written(const struct from_item *f, const struct plan *plan)
{
    return f->kind == FROM_JOIN &&
           (expr_reads_written(f->on, plan) || join_reads_written(f->left, plan) || join_reads_written(f->right, plan));
}

/* A view may read anything. */
static bool rte_reads_written(const struct rte *r, const struct plan *plan)
{
    if (r->kind == RTE_RELATION && r->relation->kind == RELATION_VIEW)
        return true;
    for (size_t i = 0; r->kind == RTE_RELATION && i < plan->n_writes; i++)
        if (plan->writes[i] == r->relation)
            return true;
    for (size_t i = 0; i < r->n_functions; i++)
        if (expr_reads_written(r->functions[i], plan))
            return true;
    if (r->kind == RTE_CTE && !r->cte_self_reference)
        return reads_written(r->cte->query, plan);
    return r->subquery && reads_written(r->subquery, plan);
}

/* Whether a query reads a table that the plan changes; of subqueries inside its expressions that is taken for granted. */
static bool reads_written(const struct query *q, const struct plan *plan)
{
    if (!q || q->has_sublinks)
        return q != NULL;
    for (size_t i = 0; i < q->n_rtable; i++)
        if (rte_reads_written(&q->rtable[i], plan))
            return true;
    return reads_written(q->left, plan) || reads_written(q->right, plan);
}

/* Whether tables other than the target may change along with it: by keys that refer to what is set or deleted, or by triggers. */
static bool spreads(const struct query *q)
{
    const struct relation *r = target_of(q);
    bool is_key = q->command == COMMAND_DELETE || r->has_user_triggers;
    for (size_t i = 0; i < r->n_constraints && !is_key; i++)
        for (size_t k = 0; r->constraints[i].kind != 'c' && k < r->constraints[i].n_columns; k++)
            is_key = is_key || sets_change(q->sets, q->n_sets, &r->columns[r->constraints[i].columns[k] - 1]);
    return is_key;
}

/* Read again for each row, the rows joined are the same: nothing that they come from is changed. */
static bool is_stable(struct emitter *e, const struct query *q)
{
    const struct relation *target = target_of(q);
    struct plan *plan = e->shared->plan, only_target = { .writes = &target, .n_writes = 1 };
    struct look look = { .q = q };
    if (spreads(q) && !note_writes(e, q))
        return false;
    const struct plan *written = spreads(q) ? plan : &only_target;
    for (size_t i = 0; i < q->n_rtable; i++)
        if ((int)i != q->result_rte && rte_reads_written(&q->rtable[i], written))
            return false;
    for (size_t i = 0; i < q->n_from; i++)
        if (join_reads_written(q->from[i], written))
            return false;
    if (q->where && q->command == COMMAND_UPDATE)
        expr_walk(q->where, look_changed, &look);
    return !look.changed && !expr_reads_written(q->where, written);
}

bool rewrite_returning_var(struct emitter *e, struct level *l, const struct expr *x, struct fragment *ret)
{
    const struct query *q = l->query;
    struct str from, where;
    struct expr var = *x;
    struct level *inner, *outer = e->level;
    if (e->target == TARGET_LOCAL)
        return returning_joined_var(e, l, x, ret);
    if (!is_stable(e, q))
        return !err_is_set(e->err) &&
               blocked(e, x->location, "RETURNING columns of other tables when the statement changes what it joins on");
    e->level = l->parent;
    inner = level_new(e, q);
    if (!inner)
        return false;
    inner->rtes[q->result_rte] = l->rtes[q->result_rte];
    e->level = inner;
    e->in_returning = false;
    var.var.levels_up = 0;
    bool ok = emit_from(e, q, &from) && emit_where(e, q, NULL, 0, &where) && emit_expr(e, &var, ret) && settle(e, ret);
    e->in_returning = true;
    e->level = outer;
    if (!ok)
        return false;
    ret->sql = text_of(e, "(SELECT %.*s FROM %.*s%.*s LIMIT 1)", STR_FMT(ret->sql), STR_FMT(from), STR_FMT(where));
    ret->simple = false;
    return ret->sql.p != NULL;
}
