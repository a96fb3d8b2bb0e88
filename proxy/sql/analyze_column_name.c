/* analyze_column_name.c - names of result columns (PostgreSQL 15: FigureColname in parse_target.c). */
#include "proxy/sql/analyze_internal.h"

static int figure(A *a, const Node *n, struct str *ret);

static int figure_last_name(Node *const *names, size_t n, struct str *ret)
{
    for (size_t i = n; i-- > 0;) {
        if (names[i]->node_case == PG_QUERY__NODE__NODE_STRING) {
            *ret = str_from(names[i]->string->sval);
            return 2;
        }
    }
    return 0;
}

static int figure_sublink(A *a, const PgQuery__SubLink *l, struct str *ret)
{
    if (l->sub_link_type == PG_QUERY__SUB_LINK_TYPE__EXISTS_SUBLINK)
        return *ret = STR("exists"), 2;
    if (l->sub_link_type == PG_QUERY__SUB_LINK_TYPE__ARRAY_SUBLINK)
        return *ret = STR("array"), 2;
    if (l->sub_link_type != PG_QUERY__SUB_LINK_TYPE__EXPR_SUBLINK ||
        l->subselect->node_case != PG_QUERY__NODE__NODE_SELECT_STMT)
        return 0;
    const PgQuery__SelectStmt *q = l->subselect->select_stmt;
    while (q->larg) /* the leftmost of a set operation names the columns */
        q = q->larg;
    if (q->n_values_lists)
        return *ret = STR("column1"), 2;
    if (q->n_target_list == 0)
        return 0;
    const PgQuery__ResTarget *t = q->target_list[0]->res_target;
    if (t->name && *t->name)
        return *ret = str_from(t->name), 2;
    if (!figure(a, t->val, ret)) /* the subquery's column has a name all the same */
        *ret = STR("?column?");
    return 2;
}

static int figure_sql_value(const PgQuery__SQLValueFunction *f, struct str *ret)
{
    static const char *const names[] = {
        "",          "current_date", "current_time",    "current_time",   "current_timestamp", "current_timestamp",
        "localtime", "localtime",    "localtimestamp",  "localtimestamp", "current_role",      "current_user",
        "user",      "session_user", "current_catalog", "current_schema"
    };
    *ret = str_from(names[f->op]);
    return 2;
}

static int figure(A *a, const Node *n, struct str *ret)
{
    int strength;
    switch (n->node_case) {
    case PG_QUERY__NODE__NODE_COLUMN_REF:
        return figure_last_name(n->column_ref->fields, n->column_ref->n_fields, ret);
    case PG_QUERY__NODE__NODE_A_INDIRECTION:
        strength = figure_last_name(n->a_indirection->indirection, n->a_indirection->n_indirection, ret);
        return strength ? strength : figure(a, n->a_indirection->arg, ret);
    case PG_QUERY__NODE__NODE_FUNC_CALL:
        return figure_last_name(n->func_call->funcname, n->func_call->n_funcname, ret);
    case PG_QUERY__NODE__NODE_A_EXPR:
        if (n->a_expr->kind == PG_QUERY__A__EXPR__KIND__AEXPR_NULLIF)
            return *ret = STR("nullif"), 2;
        return 0;
    case PG_QUERY__NODE__NODE_TYPE_CAST:
        strength = figure(a, n->type_cast->arg, ret);
        if (strength <= 1 && figure_last_name(n->type_cast->type_name->names, n->type_cast->type_name->n_names, ret))
            return 1;
        return strength;
    case PG_QUERY__NODE__NODE_COLLATE_CLAUSE:
        return figure(a, n->collate_clause->arg, ret);
    case PG_QUERY__NODE__NODE_GROUPING_FUNC:
        return *ret = STR("grouping"), 2;
    case PG_QUERY__NODE__NODE_SUB_LINK:
        return figure_sublink(a, n->sub_link, ret);
    case PG_QUERY__NODE__NODE_CASE_EXPR:
        strength = n->case_expr->defresult ? figure(a, n->case_expr->defresult, ret) : 0;
        if (strength <= 1)
            return *ret = STR("case"), 1;
        return strength;
    case PG_QUERY__NODE__NODE_A_ARRAY_EXPR:
        return *ret = STR("array"), 2;
    case PG_QUERY__NODE__NODE_ROW_EXPR:
        return *ret = STR("row"), 2;
    case PG_QUERY__NODE__NODE_COALESCE_EXPR:
        return *ret = STR("coalesce"), 2;
    case PG_QUERY__NODE__NODE_MIN_MAX_EXPR:
        *ret = n->min_max_expr->op == PG_QUERY__MIN_MAX_OP__IS_GREATEST ? STR("greatest") : STR("least");
        return 2;
    case PG_QUERY__NODE__NODE_SQLVALUE_FUNCTION:
        return figure_sql_value(n->sqlvalue_function, ret);
    default:
        return 0;
    }
}

struct str figure_column_name(A *a, const Node *n)
{
    struct str name = { 0 };
    figure(a, n, &name);
    return name.n ? name : STR("?column?");
}
