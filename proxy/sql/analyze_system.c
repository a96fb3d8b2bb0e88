/* analyze_system.c - PostgreSQL's own views: their definitions are analyzed in their place, as PostgreSQL's rewriter does it. */
#include "proxy/catalog/system.h"
#include "proxy/sql/analyze_internal.h"

/* A definition names its relations as pg_catalog's own, whatever the session's search path. */
static struct query *definition_of(A *a, const struct relation *view, struct str text)
{
    struct sql_list list;
    struct sql_settings settings = *a->settings;
    settings.search_path = NULL;
    settings.n_search_path = 0;
    A inner = { .snapshot = a->snapshot, .settings = &settings, .arena = a->arena, .depth = a->depth, .err = a->err };
    if (!sql_parse(text, text.n, a->arena, &list, a->err))
        return NULL;
    const PgQuery__RawStmt *raw = list.n == 1 ? list.statements[0].raw : NULL;
    if (!raw || raw->stmt->node_case != PG_QUERY__NODE__NODE_SELECT_STMT) {
        err_set(a->err, SQLSTATE_INTERNAL_ERROR, "the definition of view %.*s is not a query", STR_FMT(view->name));
        return NULL;
    }
    return transform_select(&inner, NULL, raw->stmt->select_stmt, true);
}

bool expand_system_view(A *a, struct rte *r)
{
    struct str text = system_view_text(r->relation);
    if (!text.n)
        return true; /* its rows are made (system.h) */
    if (!enter(a))
        return false;
    r->subquery = definition_of(a, r->relation, text);
    leave(a);
    if (!r->subquery)
        return false;
    if (r->subquery->n_targets < r->n_columns)
        return err_set(a->err, SQLSTATE_INTERNAL_ERROR, "the definition of view %.*s has other columns",
                       STR_FMT(r->relation->name));
    r->kind = RTE_SUBQUERY;
    for (size_t i = 0; i < r->n_columns; i++) {
        r->columns[i].type = r->subquery->targets[i].expr->type;
        r->columns[i].typmod = r->subquery->targets[i].expr->typmod;
    }
    return true;
}
