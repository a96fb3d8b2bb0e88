/* parameters.c - see parameters.h. */
#include "proxy/parameters.h"

#include "proxy/planning.h"
#include "proxy/session_setting.h"
#include "proxy/sql/input.h"

struct row {
    struct arena *arena;
    struct value *values;
    size_t n;
    struct err *err;
};

static bool take_row(void *ctx, const struct value *cells, size_t n)
{
    struct row *row = ctx;
    for (size_t i = 0; i < n && i < row->n; i++)
        if (!value_keep(&cells[i], row->arena, &row->values[i]))
            return err_oom(row->err);
    return true;
}

bool parameters_row(struct session *s, const struct execution *x, struct arena *arena, struct value *ret, size_t n,
                    struct err *err)
{
    const struct plan_local *local = x->plan->local;
    struct row row = { .arena = arena, .values = ret, .n = n, .err = err };
    struct bind_input input;
    struct value *binds;
    execute_input(s, x, &input);
    if (!plan_bind_local(x->plan, &input, arena, &binds, err))
        return false;
    struct local_run run = { .sql = local->sql,
                             .binds = binds,
                             .n_binds = local->n_binds,
                             .snapshot = input.snapshot,
                             .types = input.types,
                             .now_us = input.now_us,
                             .session_value = session_value,
                             .notice = input.notice,
                             .session_ctx = s,
                             .on_row = take_row,
                             .ctx = &row,
                             .arena = arena };
    return local_run(s->worker->local, &run, err) && !err_is_set(err);
}

static bool fits(struct session *s, const struct plan *plan, const struct plan_input *input, const struct value *params,
                 struct arena *arena, struct err *err)
{
    struct plan check = { .snapshot = plan->snapshot, .local = input->local };
    struct execution x = { .plan = &check, .params = params, .n_params = plan->n_params };
    struct value found = value_null();
    if (!input->local)
        return params[input->param - 1].class != VALUE_NULL || input_violation(plan, input, err);
    if (!parameters_row(s, &x, arena, &found, 1, err))
        return false;
    bool is_true = found.class == VALUE_INTEGER && found.integer;
    bool violated = !is_true && (!input->domain || found.class == VALUE_INTEGER);
    return !violated || input_violation(plan, input, err);
}

bool parameter_fits(struct session *s, const struct plan *plan, size_t number, const struct value *params,
                    struct arena *arena, struct err *err)
{
    for (size_t i = 0; i < plan->n_inputs; i++)
        if ((size_t)plan->inputs[i].param == number && !fits(s, plan, &plan->inputs[i], params, arena, err))
            return false;
    return true;
}

bool parameter_assign(struct session *s, const struct plan *plan, size_t number, oid_t source, struct arena *arena,
                      struct value *value, struct err *err)
{
    struct sql_settings settings;
    struct plan *cast;
    const struct snapshot *now = planning_schema(s); /* the plan's may not have the type of the value yet */
    const struct snapshot *schema = now ? now : plan->snapshot;
    session_sql_settings(s, schema, arena, &settings);
    if (!input_plan_cast(schema, &settings, source, plan->param_types[number - 1], &cast, err))
        return false;
    struct execution x = { .plan = cast, .params = value, .n_params = 1 };
    bool ok = parameters_row(s, &x, arena, value, 1, err);
    plan_unref(cast);
    return ok;
}
