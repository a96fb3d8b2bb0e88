/* analyze_with.c - WITH (PostgreSQL 15: parse_cte.c). */
#include "proxy/sql/analyze_internal.h"

static bool name_columns(A *a, struct cte *cte, const PgQuery__CommonTableExpr *node)
{
    size_t n = cte->query->command == COMMAND_SELECT ? cte->query->n_targets : cte->query->n_returning;
    if (cte->n_column_names > n)
        return fail_at(a, node->location, SQLSTATE_INVALID_COLUMN_REFERENCE,
                       "WITH query \"%.*s\" has %zu columns available but %zu columns specified", STR_FMT(cte->name), n,
                       cte->n_column_names);
    return true;
}

static bool is_reference(const struct query *term, int rte, const struct cte *cte)
{
    return term->rtable[rte].kind == RTE_CTE && term->rtable[rte].cte == cte;
}

/* RIGHT JOIN with the reference on its right; analyze_recursion() knows that it stands on no other side of an outer join. */
static bool joins_right(const struct query *term, const struct from_item *item, const struct cte *cte, bool right)
{
    if (item->kind == FROM_RTE)
        return right && is_reference(term, item->rte, cte);
    return joins_right(term, item->left, cte, right) ||
           joins_right(term, item->right, cte, right || item->join == JOIN_RIGHT);
}

static bool has_right_join(const struct query *term, const struct cte *cte)
{
    for (size_t i = 0; i < term->n_from; i++)
        if (joins_right(term, term->from[i], cte, false))
            return true;
    return false;
}

static bool returns_sets(const struct query *term)
{
    for (size_t i = 0; i < term->n_targets; i++)
        if (set_returning_call(term->targets[i].expr))
            return true;
    return false;
}

/* SQLite wants the reference in FROM of a plain SELECT, without groups and windows. */
static const char *refused_in_recursive_term(const struct query *term, const struct cte *cte)
{
    const struct {
        bool there;
        const char *name;
    } parts[] = {
        { term->set_operation != SETOP_NONE, "a set operation" },
        { term->n_ctes > 0, "WITH" },
        { term->n_sort > 0, "ORDER BY" },
        { term->limit || term->offset, "LIMIT or OFFSET" },
        { term->n_group || term->n_grouping_sets, "GROUP BY" },
        { term->having, "HAVING" },
        { term->n_distinct_on > 0, "DISTINCT ON" },
        { term->has_windows, "a window function" },
        { returns_sets(term), "a set-returning function in the SELECT list" },
        { has_right_join(term, cte), "RIGHT JOIN" },
    };
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        if (parts[i].there)
            return parts[i].name;
    for (size_t i = 0; i < term->n_rtable; i++)
        if (is_reference(term, (int)i, cte))
            return NULL;
    return "a subquery around the recursive reference";
}

static bool check_recursive_term(A *a, const struct cte *cte, const struct query *term, int location)
{
    const char *what = refused_in_recursive_term(term, cte);
    if (!what)
        return true;
    unsupported_at(a, location, "%s in the recursive term of a WITH query", what);
    return err_hint(a->err, "FROM, joins and WHERE are supported there.");
}

static bool transform_cte(A *a, struct scope *s, struct cte *cte, const PgQuery__CommonTableExpr *node)
{
    struct query *q = s->query;
    if (!cte->recursive) {
        cte->query = transform_any_query(a, s, node->ctequery);
        if (!cte->query || !name_columns(a, cte, node))
            return false;
        q->n_ctes++;
        return true;
    }
    cte->references = -1; /* under construction: add_cte_rte marks self references */
    q->n_ctes++;
    struct query *union_query = transform_setop(a, s, node->ctequery->select_stmt, cte);
    if (!union_query || !check_recursive_term(a, cte, union_query->right, node->location))
        return false;
    cte->query = union_query;
    cte->references = 0;
    return name_columns(a, cte, node);
}

static enum cte_materialization materialization(const PgQuery__CommonTableExpr *node)
{
    return node->ctematerialized == PG_QUERY__CTEMATERIALIZE__CTEMaterializeAlways  ? CTE_MATERIALIZED
           : node->ctematerialized == PG_QUERY__CTEMATERIALIZE__CTEMaterializeNever ? CTE_NOT_MATERIALIZED
                                                                                    : CTE_DEFAULT;
}

static bool add_cte(A *a, struct scope *s, const PgQuery__CommonTableExpr *node, bool recursive)
{
    struct cte *cte = &s->query->ctes[s->query->n_ctes];
    *cte = (struct cte){ .name = str_from(node->ctename), .recursive = recursive };
    cte->materialized = materialization(node);
    if (node->search_clause || node->cycle_clause)
        return unsupported_at(a, node->location, "SEARCH or CYCLE of a WITH query");
    for (size_t k = 0; k < node->n_aliascolnames; k++) {
        struct str column = node_string(node->aliascolnames[k]);
        if (!PUSH(a, cte->column_names, cte->n_column_names, column))
            return false;
    }
    return transform_cte(a, s, cte, node);
}

static bool check_queries(A *a, const PgQuery__WithClause *with)
{
    for (size_t i = 0; i < with->n_ctes; i++) {
        const PgQuery__CommonTableExpr *first = with->ctes[i]->common_table_expr;
        if (first->ctequery->node_case == PG_QUERY__NODE__NODE_MERGE_STMT)
            return fail_at(a, first->location, SQLSTATE_FEATURE_NOT_SUPPORTED, "MERGE not supported in WITH query");
        for (size_t k = i + 1; k < with->n_ctes; k++) {
            const PgQuery__CommonTableExpr *node = with->ctes[k]->common_table_expr;
            if (strcmp(first->ctename, node->ctename) == 0)
                return fail_at(a, node->location, SQLSTATE_DUPLICATE_ALIAS,
                               "WITH query name \"%s\" specified more than once", node->ctename);
        }
    }
    return true;
}

bool transform_with(A *a, struct scope *s, const PgQuery__WithClause *with)
{
    if (!with)
        return true;
    struct query *q = s->query;
    q->ctes = NEW_ARRAY(a, struct cte, with->n_ctes + 1); /* range table entries point into it: it must not move */
    size_t *order = NEW_ARRAY(a, size_t, with->n_ctes + 1);
    bool *recursive = NEW_ARRAY(a, bool, with->n_ctes + 1);
    if (!q->ctes || !order || !recursive || !check_queries(a, with))
        return false;
    q->with_recursive = with->recursive;
    for (size_t i = 0; i < with->n_ctes; i++)
        order[i] = i;
    if (with->recursive && !analyze_recursion(a, with, order, recursive))
        return false;
    s->with = with->recursive ? NULL : with;
    for (size_t i = 0; i < with->n_ctes; i++)
        if (!add_cte(a, s, with->ctes[order[i]]->common_table_expr, recursive[order[i]]))
            return false;
    s->with = NULL;
    return true;
}

/* Whether a WITH around has a query of that name which comes later. */
static bool comes_later(const struct scope *s, const char *name)
{
    for (; s; s = s->parent)
        for (size_t i = s->query->n_ctes; s->with && i < s->with->n_ctes; i++)
            if (strcmp(s->with->ctes[i]->common_table_expr->ctename, name) == 0)
                return true;
    return false;
}

void explain_missing_cte(A *a, const struct scope *s, const PgQuery__RangeVar *name)
{
    if ((name->schemaname && *name->schemaname) || a->err->code != SQLSTATE_UNDEFINED_TABLE ||
        !comes_later(s, name->relname))
        return;
    err_detail(a->err, "There is a WITH item named \"%s\", but it cannot be referenced from this part of the query.",
               name->relname);
    err_hint(a->err, "Use WITH RECURSIVE, or re-order the WITH items to remove forward references.");
}
