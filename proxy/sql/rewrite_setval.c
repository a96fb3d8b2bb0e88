/*
 * rewrite_setval.c - SELECT setval('s', max(id)) FROM t, as migration tools write it: one row, whose values are subqueries.
 *
 * The call is a statement of its own (emit_sequence.c), so it stands in a SELECT without FROM; each argument becomes the same query with
 * that argument as its only column. See emit_internal.h.
 */
#include "proxy/sql/emit_internal.h"

/* A query that gives one row whatever its tables hold: aggregates, and nothing that makes groups or drops the row. */
static bool gives_one_row(const struct query *q)
{
    return q->command == COMMAND_SELECT && q->set_operation == SETOP_NONE && q->n_from > 0 && q->has_aggregates &&
           !q->has_windows && !q->has_set_returning && q->n_group == 0 && q->n_grouping_sets == 0 && !q->having &&
           !q->limit && !q->offset && q->n_ctes == 0 && q->n_targets == 1;
}

static bool is_setval(const struct expr *x)
{
    return x->kind == EXPR_FUNC &&
           (strcmp(x->call.proc->source, "setval_oid") == 0 || strcmp(x->call.proc->source, "setval3_oid") == 0);
}

static struct expr *as_subquery(const struct query *q, struct query *outer, struct expr *value, struct arena *arena)
{
    struct query *inner = ARENA_NEW(arena, struct query);
    struct target *target = ARENA_NEW(arena, struct target);
    struct expr *sublink = ARENA_NEW(arena, struct expr);
    if (!inner || !target || !sublink)
        return NULL;
    *target = (struct target){ .expr = value, .name = STR("?column?") };
    *inner = *q;
    inner->parent = outer;
    inner->targets = target;
    inner->sort = NULL;
    inner->n_sort = 0;
    *sublink = (struct expr){ .kind = EXPR_SUBLINK, .type = value->type, .typmod = value->typmod, .location = -1 };
    sublink->sublink.kind = SUBLINK_SCALAR;
    sublink->sublink.query = inner;
    return sublink;
}

bool rewrite_setval(struct query *q, struct arena *arena, struct err *err)
{
    if (!gives_one_row(q) || !is_setval(q->targets[0].expr))
        return true;
    struct expr *call = q->targets[0].expr;
    const struct query whole = *q;
    for (size_t i = 1; i < call->n_args; i++)
        if (call->args[i]->kind != EXPR_CONST && !(call->args[i] = as_subquery(&whole, q, call->args[i], arena)))
            return err_oom(err);
    q->n_from = q->n_rtable = q->n_sort = 0;
    q->where = NULL;
    q->has_aggregates = false;
    q->has_sublinks = true;
    return true;
}
