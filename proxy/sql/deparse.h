/*
 * deparse.h - analyzed expression -> the text PostgreSQL's pg_get_expr() prints for it.
 *
 * Clients compare defaults, checks and index expressions in that spelling (`'0'::numeric`, `((status)::text = ANY ((ARRAY[…])::text[]))`),
 * so the catalogue keeps it (catalog/side_catalog.h). The rules are those of PostgreSQL 15's ruleutils.c without its pretty printing:
 * every operator in parentheses, implicit casts shown inside operators and arguments, hidden at the top.
 *
 * Owns     nothing; texts go into the caller's arena.
 * Fails    0A000 for what cannot stand in a stored expression (parameters, subqueries, aggregates); 53200.
 */
#ifndef PGD1_SQL_DEPARSE_H
#define PGD1_SQL_DEPARSE_H

#include "proxy/sql/query.h"

struct deparse_names {
    /* A column's new name while a rename is planned; answers false: the column keeps its own. NULL: no renames. */
    bool (*column)(void *ctx, struct str name, struct str *ret);
    void *ctx;
    bool is_domain; /* the scope's only column is a domain's VALUE */
};

/* scope: as analyze_expression gave it. names may be NULL. */
bool deparse_expression(const struct expr *e, const struct query *scope, const struct snapshot *snapshot,
                        const struct deparse_names *names, struct arena *arena, struct str *ret, struct err *err);

#endif
