/* analyze_sets.c - where set-returning functions may not stand; see analyze_internal.h. */
#include "proxy/sql/analyze_internal.h"

static bool look_for_set(struct expr *x, void *ctx)
{
    const struct expr **found = ctx;
    if (!*found && x->kind == EXPR_FUNC && x->call.proc->returns_set)
        *found = x;
    return !*found;
}

const struct expr *set_returning_call(struct expr *e)
{
    const struct expr *found = NULL;
    expr_walk(e, look_for_set, &found);
    return found;
}

bool refuse_sets(A *a, const struct scope *s, struct expr *e, const char *message)
{
    const struct expr *found = s->query->has_set_returning ? set_returning_call(e) : NULL;
    if (!found)
        return true;
    fail_at(a, found->location, SQLSTATE_FEATURE_NOT_SUPPORTED, "%s", message);
    return err_hint(a->err, "You might be able to move the set-returning function into a LATERAL FROM item.");
}

bool refuse_sets_in_call(A *a, const struct scope *s, struct expr *e)
{
    bool window = e->kind == EXPR_WINDOW;
    if (e->call.filter && !refuse_sets(a, s, e->call.filter, "set-returning functions are not allowed in FILTER"))
        return false;
    for (size_t i = 0; i < e->n_args; i++)
        if (!refuse_sets(a, s, e->args[i],
                         window ? "window function calls cannot contain set-returning function calls"
                                : "aggregate function calls cannot contain set-returning function calls"))
            return false;
    return refuse_sets(a, s, e,
                       window ? "a set-returning function in the definition of a window is not supported"
                              : "aggregate function calls cannot contain set-returning function calls");
}
