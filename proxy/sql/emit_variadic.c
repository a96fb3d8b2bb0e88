/*
 * emit_variadic.c - calls of functions that take VARIADIC "any" (concat, format, json_build_array …) with one array in place of the
 * arguments. Arrays that are written out become the arguments; concat() and concat_ws() join any array as array_to_string() does,
 * which is what PostgreSQL has them do. Not here: functions of VARIADIC anyarray, whose arguments are gathered by the analyzer.
 */
#include "proxy/sql/emit_internal.h"

enum { ARRAY_TO_STRING_OID = 395 }; /* array_to_string(anyarray, text) */

static bool names_values(struct emitter *e, const struct expr *array)
{
    if (array->kind != EXPR_ARRAY)
        return false;
    for (size_t i = 0; i < array->n_args; i++) /* of nested arrays it would be all their elements */
        if (snapshot_element_type(e->shared->snapshot, base_type(e, array->args[i]->type)))
            return false;
    return true;
}

/* f(a, VARIADIC ARRAY[b, c]) is f(a, b, c). */
static bool emit_spread(struct emitter *e, const struct expr *x, struct fragment *ret)
{
    const struct expr *array = x->args[x->n_args - 1];
    struct expr call = *x;
    call.call.variadic_array = false;
    call.n_args = x->n_args - 1 + array->n_args;
    call.args = ARENA_ARRAY(e->arena, struct expr *, call.n_args + 1);
    if (!call.args)
        return err_oom(e->err);
    memcpy(call.args, x->args, (x->n_args - 1) * sizeof(*call.args));
    memcpy(call.args + x->n_args - 1, array->args, array->n_args * sizeof(*call.args));
    return emit_call(e, &call, ret);
}

static bool emit_joined(struct emitter *e, const struct expr *x, bool separated, struct fragment *ret)
{
    struct expr nothing = { .kind = EXPR_CONST, .type = TYPE_OID_text, .typmod = -1, .location = -1 };
    nothing.constant.value = value_text(STR(""));
    nothing.constant.literal = -1;
    struct expr *args[] = { x->args[x->n_args - 1], separated ? x->args[0] : &nothing };
    struct expr call = *x;
    call.call.variadic_array = false;
    call.call.proc = pg_proc_by_oid(ARRAY_TO_STRING_OID);
    call.args = args;
    call.n_args = 2;
    return emit_call(e, &call, ret);
}

bool emit_variadic_any(struct emitter *e, const struct expr *x, bool *ret_handled, struct fragment *ret)
{
    const struct pg_proc *p = x->call.proc;
    if (!x->call.variadic_array || p->variadic != TYPE_OID_any || x->n_args == 0)
        return true;
    *ret_handled = true;
    if (names_values(e, x->args[x->n_args - 1]))
        return emit_spread(e, x, ret);
    bool separated = strcmp(p->source, "text_concat_ws") == 0;
    if (separated || strcmp(p->source, "text_concat") == 0)
        return emit_joined(e, x, separated, ret);
    return blocked(e, x->location, "%s(VARIADIC array) of an array that is not written out", p->name);
}
