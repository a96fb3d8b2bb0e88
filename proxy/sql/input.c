/* input.c - the constraints of parameters' domains, what ON CONFLICT's parameters must be, and casts of values given from outside; see input.h. */
#include "proxy/sql/input.h"

#include <stdlib.h>
#include "proxy/sql/analyze_internal.h"
#include "proxy/sql/emit.h"
#include "proxy/sql/planner.h"

/* ---- one expression over a parameter ---- */
static bool plan_value(struct plan *plan, struct expr *value, const struct sql_settings *settings, struct err *err)
{
    struct query *query = ARENA_NEW(plan->arena, struct query);
    struct target *target = ARENA_NEW(plan->arena, struct target);
    if (!query || !target)
        return err_oom(err);
    *target = (struct target){ .expr = value, .name = STR("value") };
    query->command = COMMAND_SELECT;
    query->targets = target;
    query->n_targets = 1;
    return emit_query(query, settings, plan, NULL, err);
}

static struct analyze_context context_of(const struct plan *plan, const struct sql_settings *settings, struct err *err)
{
    return (struct analyze_context){
        .snapshot = plan->snapshot, .settings = settings, .arena = plan->arena, .is_stored = true, .err = err
    };
}

/* ---- domains ---- */
struct value_of {
    struct expr param;
};

/* VALUE is the only column that a domain's check can name. */
static bool take_param(struct expr *e, void *ctx)
{
    const struct value_of *v = ctx;
    if (e->kind == EXPR_VAR)
        *e = v->param;
    return true;
}

static bool plan_check(struct plan *plan, const struct user_type *domain, size_t check, int param,
                       const struct sql_settings *settings, struct plan_local **ret, struct err *err)
{
    struct analyze_context a = context_of(plan, settings, err);
    struct column value = { .name = STR("value"), .number = 1, .type = domain->base, .typmod = domain->base_typmod };
    struct relation scope = { .kind = RELATION_TABLE, .columns = &value, .n_columns = 1 };
    struct plan one = { .arena = plan->arena, .snapshot = plan->snapshot };
    struct value_of of = {
        .param = { .kind = EXPR_PARAM, .type = domain->base, .typmod = domain->base_typmod, .location = -1 }
    };
    struct expr *e;
    struct query *query;
    of.param.param.number = param;
    if (!analyze_expression_text(&a, domain->checks[check], &scope, "CHECK constraint", TYPE_OID_bool, -1, &e, &query))
        return false;
    expr_walk(e, take_param, &of);
    if (!plan_value(&one, e, settings, err))
        return false;
    *ret = one.local;
    return true;
}

static bool make_room(struct plan *plan, size_t more, struct err *err)
{
    struct plan_input *inputs = ARENA_ARRAY(plan->arena, struct plan_input, plan->n_inputs + more);
    if (!inputs)
        return err_oom(err);
    if (plan->n_inputs)
        memcpy(inputs, plan->inputs, plan->n_inputs * sizeof(*inputs));
    plan->inputs = inputs;
    return true;
}

static void add(struct plan *plan, struct plan_input input)
{
    plan->inputs[plan->n_inputs++] = input;
}

struct named_check {
    struct str name;
    size_t at;
};

static int by_name(const void *a, const void *b)
{
    const struct named_check *x = a, *y = b;
    return str_cmp(x->name, y->name);
}

/* The checks of a domain and, before them, of those that it is made of. */
static bool add_checks(struct plan *plan, const struct user_type *domain, struct plan_input input,
                       const struct sql_settings *settings, struct err *err)
{
    const struct user_type *below = snapshot_user_type(plan->snapshot, domain->base);
    if (below && below->kind == 'd' && below->oid == domain->base && !add_checks(plan, below, input, settings, err))
        return false;
    struct named_check *order = ARENA_ARRAY(plan->arena, struct named_check, domain->n_checks);
    if (!order)
        return err_oom(err);
    for (size_t i = 0; i < domain->n_checks; i++)
        order[i] = (struct named_check){ domain->check_names[i], i };
    if (domain->n_checks)
        qsort(order, domain->n_checks, sizeof(*order), by_name);
    for (size_t i = 0; i < domain->n_checks; i++) {
        input.check = domain->check_names[order[i].at];
        if (!plan_check(plan, domain, order[i].at, input.param, settings, &input.local, err))
            return false;
        add(plan, input);
    }
    return true;
}

static const struct user_type *next_domain(const struct snapshot *s, const struct user_type *u)
{
    return u ? snapshot_ruling_domain(s, u->base, DOMAIN_CONSTRAINT) : NULL;
}

bool input_plan_checks(struct plan *plan, const struct sql_settings *settings, struct err *err)
{
    const struct snapshot *s = plan->snapshot;
    size_t room = 0;
    for (size_t i = 0; i < plan->n_params; i++) {
        const struct user_type *inside = snapshot_ruled_element(s, plan->param_types[i]);
        if (inside)
            return err_unsupported(err, "an array of domain %.*s, which has constraints,", STR_FMT(inside->name));
        for (const struct user_type *u = snapshot_ruling_domain(s, plan->param_types[i], DOMAIN_CONSTRAINT); u;
             u = next_domain(s, u))
            room += u->n_checks + 1;
    }
    if (room && !make_room(plan, room, err))
        return false;
    for (size_t i = 0; room && i < plan->n_params; i++) {
        oid_t type = plan->param_types[i];
        if (!snapshot_ruling_domain(s, type, DOMAIN_CONSTRAINT))
            continue;
        struct plan_input input = { .param = (int)i + 1, .domain = snapshot_user_type(s, type) };
        if (snapshot_ruling_domain(s, type, DOMAIN_NOT_NULL))
            add(plan, input);
        if (!add_checks(plan, input.domain, input, settings, err))
            return false;
    }
    return true;
}

/* ---- ON CONFLICT ---- */

bool input_plan_implied(struct plan *plan, struct expr *const *implied, size_t n, const struct sql_settings *settings,
                        struct err *err)
{
    if (n && !make_room(plan, n, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        struct plan one = { .arena = plan->arena, .snapshot = plan->snapshot };
        if (!plan_value(&one, implied[i], settings, err))
            return false;
        add(plan, (struct plan_input){ .local = one.local });
    }
    return true;
}

bool input_violation(const struct plan *plan, const struct plan_input *input, struct err *err)
{
    if (!input->domain)
        return err_set(err, SQLSTATE_INVALID_COLUMN_REFERENCE,
                       "there is no unique or exclusion constraint matching the ON CONFLICT specification");
    struct str name = snapshot_format_type(plan->snapshot, input->domain->oid, -1, err->arena);
    err->schema = input->domain->schema;
    err->datatype = input->domain->name;
    err->constraint = input->check;
    if (!input->local)
        return err_set(err, SQLSTATE_NOT_NULL_VIOLATION, "domain %.*s does not allow null values", STR_FMT(name));
    return err_set(err, SQLSTATE_CHECK_VIOLATION, "value for domain %.*s violates check constraint \"%.*s\"",
                   STR_FMT(name), STR_FMT(input->check));
}

/* ---- casts ---- */
static bool fill_cast(struct plan *plan, const struct sql_settings *settings, oid_t source, oid_t target,
                      struct err *err)
{
    struct analyze_context a = context_of(plan, settings, err);
    struct expr *param = ARENA_NEW(plan->arena, struct expr), *cast;
    plan->param_types = ARENA_ARRAY(plan->arena, oid_t, 1);
    if (!param || !plan->param_types)
        return err_oom(err);
    *param = (struct expr){ .kind = EXPR_PARAM, .type = source, .typmod = -1, .location = -1 };
    param->param.number = 1;
    plan->param_types[0] = source;
    plan->n_params = 1;
    if (!coerce_to_target(&a, param, target, -1, COERCION_ASSIGNMENT, -1, &cast))
        return false;
    if (!cast)
        return err_set(err, SQLSTATE_CANNOT_COERCE, "cannot cast type %.*s to %.*s", STR_FMT(type_text(&a, source, -1)),
                       STR_FMT(type_text(&a, target, -1)));
    return plan_value(plan, cast, settings, err);
}

bool input_plan_cast(const struct snapshot *snapshot, const struct sql_settings *settings, oid_t source, oid_t target,
                     struct plan **ret, struct err *err)
{
    struct planner p = { .snapshot = snapshot, .settings = settings, .err = err };
    struct plan *plan = planner_new_plan(&p, PLAN_QUERY, "SELECT");
    if (!plan)
        return false;
    if (!fill_cast(plan, settings, source, target, err)) {
        plan_unref(plan);
        return false;
    }
    *ret = plan;
    return true;
}
