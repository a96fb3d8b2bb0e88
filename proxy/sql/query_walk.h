/*
 * query_walk.h - all that stands in one analysed statement: its expressions, the entries of its range table, the queries below it.
 *
 * One level at a time: what visits decides whether it goes on into a query, and counts its depth (EMIT_MAX_DEPTH).
 * Owns     nothing; fails never.
 * Not here what stands in one expression (expr_walk(), analyze.h), queries in expressions among it: EXPR_SUBLINK is the visitor's.
 */
#ifndef PGD1_SQL_QUERY_WALK_H
#define PGD1_SQL_QUERY_WALK_H

#include "proxy/sql/query.h"

struct query_parts {
    bool (*expr)(struct expr *x, void *ctx);         /* as expr_walk() has it; NULL: none is visited */
    bool (*range)(const struct rte *rte, void *ctx); /* each entry; false: nothing of it is visited. NULL: all are */
    void (*query)(struct query *q, void *ctx);       /* in FROM, of a set operation, of INSERT … SELECT; NULL: none */
    void (*with)(const struct cte *cte, void *ctx);  /* each WITH query, read or not; NULL: none */
    void *ctx;
};

/* Of every command. A visitor may change what it is given; the order is nobody's concern. */
void query_walk(const struct query *q, const struct query_parts *p);
/* Of one entry of the range table, and of one item of FROM with its join conditions. */
void query_walk_range(const struct rte *rte, const struct query_parts *p);
void query_walk_from(const struct from_item *item, const struct query_parts *p);

#endif
