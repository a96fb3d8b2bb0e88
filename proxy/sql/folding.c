/* folding.c - see folding.h. */
#include "proxy/sql/folding.h"

#include "proxy/sql/analyze.h"

/* ---- parts that are left out ---- */

static bool look_for_aggregate(struct expr *x, void *ctx)
{
    bool *found = ctx;
    *found |= x->kind == EXPR_AGGREGATE || x->kind == EXPR_WINDOW || x->kind == EXPR_GROUPING;
    return !*found;
}

static bool shapes_query(const struct expr *x)
{
    bool found = false;
    expr_walk((struct expr *)(uintptr_t)x, look_for_aggregate, &found); /* the visitor only reads */
    return found;
}

bool folding_is_null(const struct expr *x)
{
    bool null = x->kind == EXPR_CONST && x->constant.is_null;
    if (x->kind == EXPR_RELABEL || x->kind == EXPR_TYPMOD)
        return folding_is_null(x->args[0]);
    if (x->kind == EXPR_FUNC && x->call.proc->strict && !x->call.proc->returns_set)
        for (size_t i = 0; i < x->n_args && !null; i++)
            null = folding_is_null(x->args[i]);
    return null;
}

/* A constant that is no NULL, whatever it is: a literal under casts, which have a value for every value. */
static bool is_some_constant(const struct expr *x)
{
    bool casts = x->kind == EXPR_RELABEL || x->kind == EXPR_TYPMOD ||
                 (x->kind == EXPR_IO_CAST && folding_is_constant(x)) ||
                 (x->kind == EXPR_FUNC && x->call.proc->volatility == 'i' && x->call.form >= CALL_IMPLICIT_CAST);
    return casts ? is_some_constant(x->args[0]) : x->kind == EXPR_CONST && !x->constant.is_null;
}

enum folding_condition folding_condition(const struct expr *condition)
{
    if (folding_is_null(condition))
        return CONDITION_NEVER;
    if (condition->kind != EXPR_CONST || condition->type != TYPE_OID_bool || condition->constant.literal >= 0)
        return CONDITION_ASKED;
    return condition->constant.value.integer ? CONDITION_ALWAYS : CONDITION_NEVER;
}

const struct expr *folding_decider(const struct expr *condition)
{
    if (condition->kind != EXPR_FUNC || !condition->call.proc->strict)
        return NULL;
    const struct expr *decider = NULL;
    for (size_t i = 0; i < condition->n_args && !decider; i++) {
        const struct expr *arg = condition->args[i];
        bool may_be_null = arg->kind != EXPR_CONST && folding_is_constant(arg);
        decider = may_be_null ? arg : folding_decider(arg);
    }
    return decider;
}

size_t folding_coalesce_args(const struct expr *coalesce)
{
    size_t n = 0;
    while (n < coalesce->n_args && !is_some_constant(coalesce->args[n]))
        n++;
    n += n < coalesce->n_args;
    for (size_t i = n; i < coalesce->n_args; i++)
        if (shapes_query(coalesce->args[i]))
            return coalesce->n_args;
    return n;
}

bool folding_skips_arm(const struct case_arm *arm)
{
    return folding_condition(arm->when) == CONDITION_NEVER && !shapes_query(arm->when) && !shapes_query(arm->then);
}

size_t folding_case_arms(const struct expr *x, const struct expr **ret_otherwise)
{
    size_t n = 0;
    *ret_otherwise = x->cases.otherwise;
    while (n < x->cases.n_arms && folding_condition(x->cases.arms[n].when) != CONDITION_ALWAYS)
        n++;
    if (n == x->cases.n_arms)
        return n;
    for (size_t i = n + 1; i < x->cases.n_arms; i++)
        if (shapes_query(x->cases.arms[i].when) || shapes_query(x->cases.arms[i].then))
            return x->cases.n_arms;
    if (x->cases.otherwise && shapes_query(x->cases.otherwise))
        return x->cases.n_arms;
    *ret_otherwise = x->cases.arms[n].then;
    return n;
}

const struct expr *folding_rest(const struct expr *x)
{
    size_t i = 0;
    if (x->kind == EXPR_COALESCE) {
        size_t n = folding_coalesce_args(x);
        while (i + 1 < n && folding_is_null(x->args[i]) && !shapes_query(x->args[i]))
            i++;
        return i + 1 == n ? folding_rest(x->args[i]) : x;
    }
    if (x->kind == EXPR_CASE) {
        const struct expr *otherwise;
        size_t n = folding_case_arms(x, &otherwise);
        while (i < n && folding_skips_arm(&x->cases.arms[i]))
            i++;
        return i == n && otherwise ? folding_rest(otherwise) : x;
    }
    return x;
}

int32_t folding_typmod(const struct expr *x)
{
    const struct expr *rest = folding_rest(x);
    return rest != x && x->kind == EXPR_COALESCE && folding_is_null(rest) ? -1 : rest->typmod;
}

/* ---- constants ---- */

static bool is_immutable(oid_t function)
{
    const struct pg_proc *proc = pg_proc_by_oid(function);
    return proc && proc->volatility == 'i';
}

bool folding_is_immutable_cast(const struct expr *cast)
{
    const struct pg_type *from = pg_type_by_oid(cast->args[0]->type), *to = pg_type_by_oid(cast->type);
    return from && to && is_immutable(from->output) && is_immutable(to->input); /* enum_in(), domain_in() are stable */
}

static bool look(struct expr *x, void *ctx);

static void look_at_case(struct expr *x, bool *constant)
{
    const struct expr *otherwise;
    size_t n = folding_case_arms(x, &otherwise);
    for (size_t i = 0; i < n; i++)
        if (!folding_skips_arm(&x->cases.arms[i])) {
            expr_walk(x->cases.arms[i].when, look, constant);
            expr_walk(x->cases.arms[i].then, look, constant);
        }
    expr_walk((struct expr *)(uintptr_t)otherwise, look, constant);
}

static bool look(struct expr *x, void *ctx)
{
    bool *constant = ctx;
    switch (x->kind) {
    case EXPR_VAR:
    case EXPR_WHOLE_ROW:
    case EXPR_SUBLINK:
    case EXPR_AGGREGATE:
    case EXPR_WINDOW:
    case EXPR_GROUPING:
    case EXPR_DEFAULT:
    case EXPR_XMAX:
    case EXPR_NEXTVAL_DEFAULT:
    case EXPR_CHECK_OPTION:
    case EXPR_SQL_VALUE:
    case EXPR_ROW_COMPARE:
    case EXPR_DOMAIN_CHECK:
        *constant = false;
        break;
    case EXPR_FUNC:
        if (folding_is_null(x))
            return false;
        *constant &= x->call.proc->volatility == 'i' && !x->call.proc->returns_set;
        break;
    case EXPR_IO_CAST:
        *constant &= folding_is_immutable_cast(x);
        break;
    case EXPR_CASE:
        if (*constant)
            look_at_case(x, constant);
        return false;
    case EXPR_COALESCE: {
        size_t n = folding_coalesce_args(x);
        for (size_t i = 0; i < n; i++)
            expr_walk(x->args[i], look, constant);
        return false;
    }
    default:
        break;
    }
    return *constant;
}

bool folding_is_constant(const struct expr *x)
{
    bool constant = true;
    expr_walk((struct expr *)(uintptr_t)x, look,
              &constant); /* the walker wants a writable tree for its other callers */
    return constant;
}

bool folding_may_be_constant(const struct expr *x)
{
    if (folding_is_constant(x))
        return true;
    if (x->kind == EXPR_COALESCE || x->kind == EXPR_RELABEL || x->kind == EXPR_TYPMOD)
        return folding_may_be_constant(x->args[0]);
    bool decided = false, constant = false;
    for (size_t i = 0; x->kind == EXPR_CASE && i < x->cases.n_arms; i++) {
        decided |= folding_is_constant(x->cases.arms[i].when);
        constant |= folding_may_be_constant(x->cases.arms[i].then);
    }
    return decided && (constant || (x->cases.otherwise && folding_may_be_constant(x->cases.otherwise)));
}
