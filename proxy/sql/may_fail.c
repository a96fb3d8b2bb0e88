/* may_fail.c - see may_fail.h. */
#include "proxy/sql/may_fail.h"

#include "proxy/sql/analyze.h"

static bool is_one_of(const char *name, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

static bool only_chooses(const struct expr *x)
{
    static const char *const aggregates[] = { "count", "min", "max", "bool_and", "bool_or", "every" };
    return is_one_of(x->call.proc->name, aggregates, sizeof(aggregates) / sizeof(*aggregates));
}

/* Of functions that are total, the overloads that are not: length(bytea, encoding); json, where each string is decoded. */
static bool is_partial_overload(const struct expr *x)
{
    if (strcmp(x->call.proc->name, "length") == 0)
        return x->n_args > 1;
    return x->n_args && x->args[0]->type == TYPE_OID_json && strcmp(x->call.proc->name, "to_json") != 0 &&
           strcmp(x->call.proc->name, "json_typeof") != 0;
}

/* Functions that have an answer for every value, and no way to make it too long. */
static bool is_total(const struct expr *x)
{
    static const char *const functions[] = {
        "ascii",  "bit_length",  "btrim",  "char_length",  "character_length", "initcap", "left",         "length",
        "lower",  "ltrim",       "md5",    "octet_length", "position",         "reverse", "right",        "rtrim",
        "sha256", "starts_with", "strpos", "to_json",      "to_jsonb",         "upper",   "jsonb_typeof", "json_typeof",
    };
    static const char *const operators[] = { "->", "->>", "#>", "#>>", "?" };
    if (is_partial_overload(x))
        return false;
    if (x->call.op_name)
        return operator_compares(str_from(x->call.op_name)) ||
               is_one_of(x->call.op_name, operators, sizeof(operators) / sizeof(*operators));
    return x->call.form == CALL_FUNCTION &&
           is_one_of(x->call.proc->name, functions, sizeof(functions) / sizeof(*functions));
}

static bool gives_one_row(const struct query *q)
{
    return q->has_aggregates && !q->n_group && !q->n_grouping_sets && !q->has_set_returning;
}

static bool sublink_is_sure(const struct expr *x)
{
    const struct query *q = x->sublink.query;
    return (x->sublink.kind == SUBLINK_EXISTS || x->sublink.kind == SUBLINK_ARRAY ||
            (x->sublink.kind == SUBLINK_SCALAR && gives_one_row(q))) &&
           !query_may_fail(q);
}

bool expr_itself_may_fail(const struct expr *x)
{
    switch (x->kind) {
    case EXPR_CONST:
    case EXPR_PARAM:
    case EXPR_VAR:
    case EXPR_AND:
    case EXPR_OR:
    case EXPR_NOT:
    case EXPR_CASE:
    case EXPR_CASE_TEST:
    case EXPR_COALESCE:
    case EXPR_NULLIF:
    case EXPR_IS_NULL:
    case EXPR_IS_NOT_NULL:
    case EXPR_IS_TRUE:
    case EXPR_IS_NOT_TRUE:
    case EXPR_IS_FALSE:
    case EXPR_IS_NOT_FALSE:
    case EXPR_IS_UNKNOWN:
    case EXPR_IS_NOT_UNKNOWN:
    case EXPR_DISTINCT:
    case EXPR_NOT_DISTINCT:
    case EXPR_IN_LIST:
    case EXPR_NOT_IN_LIST:
    case EXPR_RELABEL:
    case EXPR_SQL_VALUE:
    case EXPR_XMAX:
        return false;
    case EXPR_FUNC:
        return !is_total(x);
    case EXPR_SUBLINK:
        return !sublink_is_sure(x);
    case EXPR_AGGREGATE:
        return !only_chooses(x);
    default:
        return true;
    }
}

static bool look(struct expr *x, void *ctx)
{
    bool *found = ctx;
    *found |= expr_itself_may_fail(x);
    return !*found;
}

bool expr_may_fail(const struct expr *x)
{
    bool found = false;
    if (x) /* the walker wants a writable tree for its other callers */
        expr_walk((struct expr *)(uintptr_t)x, look, &found);
    return found;
}

static bool any_target(const struct target *targets, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (expr_may_fail(targets[i].expr))
            return true;
    return false;
}

/* One SELECT of tables and of what WITH changed; anything more may fail. */
static bool is_plain(const struct query *q)
{
    bool plain = q->set_operation == SETOP_NONE && !q->values_rows && !q->has_windows && !q->has_sublinks &&
                 !q->has_set_returning && !q->n_grouping_sets && !q->limit && !q->offset;
    for (size_t i = 0; i < q->n_rtable && plain; i++)
        plain = q->rtable[i].kind == RTE_CTE ||
                (q->rtable[i].kind == RTE_RELATION && q->rtable[i].relation->kind == RELATION_TABLE);
    for (size_t i = 0; i < q->n_from && plain; i++)
        plain = q->from[i]->kind != FROM_JOIN;
    for (size_t i = 0; i < q->n_ctes && plain; i++)
        plain = q->ctes[i].query->command != COMMAND_SELECT;
    return plain;
}

bool query_may_fail(const struct query *q)
{
    if (q->command != COMMAND_SELECT)
        return any_target(q->returning, q->n_returning);
    if (!is_plain(q) || any_target(q->targets, q->n_targets) || expr_may_fail(q->where) || expr_may_fail(q->having))
        return true;
    for (size_t i = 0; i < q->n_group; i++)
        if (expr_may_fail(q->group[i]))
            return true;
    for (size_t i = 0; i < q->n_sort; i++)
        if (expr_may_fail(q->sort[i].expr))
            return true;
    for (size_t i = 0; i < q->n_ctes; i++)
        if (query_may_fail(q->ctes[i].query))
            return true;
    return false;
}
