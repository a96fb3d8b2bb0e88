/*
 * deparse.h - analyzed expression -> the text PostgreSQL's pg_get_expr() prints for it.
 *
 * Clients compare defaults, checks and index expressions in that spelling (`'0'::numeric`, `((status)::text = ANY ((ARRAY[…])::text[]))`),
 * so the catalogue keeps it (catalog/side_catalog.h). The rules are those of PostgreSQL 15's ruleutils.c:
 * every operator in parentheses (unless pretty), implicit casts shown inside operators and arguments, hidden at the top.
 *
 * Owns     nothing; texts go into the caller's arena.
 * Fails    0A000 for what cannot stand in a stored expression (parameters, subqueries, aggregates); 53200.
 */
#ifndef PGD1_SQL_DEPARSE_H
#define PGD1_SQL_DEPARSE_H

#include "proxy/catalog/system.h"
#include "proxy/sql/query.h"

struct deparse_names {
    /* A column's new name while a rename is planned; answers false: the column keeps its own. NULL: no renames. */
    bool (*column)(void *ctx, struct str name, struct str *ret);
    void *ctx;
    bool is_domain; /* the scope's only column is a domain's VALUE */
    bool pretty;    /* as pg_get_expr(…, true): no parentheses that precedence makes needless */
    /* inside a query (deparse_query.c): columns with their tables, and what only a query can hold; each answers false with its error */
    bool (*variable)(void *ctx, const struct expr *e, struct str *ret);
    bool (*special)(void *ctx, const struct expr *e, int indent, struct str *ret);
    int indent; /* where lines begin */
    bool show_implicit;
    const struct system_uses *uses;       /* who is told of what the text names; NULL: nobody */
    const struct name_path *path;         /* what is shown by its bare name; NULL: what is in public */
    const struct user_type *renamed_type; /* a type that gets the name type_name; NULL: none does */
    struct str type_name;
};

/* scope: as analyze_expression gave it. names may be NULL. */
bool deparse_expression(const struct expr *e, const struct query *scope, const struct snapshot *snapshot,
                        const struct deparse_names *names, struct arena *arena, struct str *ret, struct err *err);

/* What is renamed while a query is written down: a relation, or one of its columns. */
struct deparse_rename {
    const struct relation *relation; /* NULL: nothing is */
    struct str name;                 /* the relation's new name; empty: it keeps its own */
    size_t column;                   /* number of the column from 0 */
    struct str column_name;          /* its new name; empty: it keeps its own */
};

/* A SELECT as pg_get_viewdef() prints it, with ";" behind. result_names: what its columns are called outside, NULL: as inside.
 * 0A000 for GROUPING SETS, FOR UPDATE, parameters. */
bool deparse_query(const struct query *q, const struct snapshot *snapshot, const struct str *result_names,
                   const struct deparse_rename *rename, struct arena *arena, struct str *ret, struct err *err);

struct deparse_options {
    const struct name_path *path;   /* NULL: public */
    bool pretty;                    /* as pg_get_viewdef(…, true) prints it */
    const struct system_uses *uses; /* who is told of what the query names; NULL: nobody */
};
/* The same in other forms. */
bool deparse_query_as(const struct query *q, const struct snapshot *snapshot, const struct str *result_names,
                      const struct deparse_options *options, struct arena *arena, struct str *ret, struct err *err);

#endif
