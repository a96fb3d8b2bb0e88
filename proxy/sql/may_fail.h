/*
 * may_fail.h - whether what a query computes may raise an error.
 *
 * Asked of statements whose rows are finished here: of a batch of writes with such a statement the error must be known before D1
 * keeps the writes (proxy/group_rehearsal.c). Columns, constants, comparisons, tests, CASE and aggregates that only count or choose
 * cannot fail; everything else may.
 *
 * Not here  which part of a query runs where (place.c).
 */
#ifndef PGD1_PROXY_SQL_MAY_FAIL_H
#define PGD1_PROXY_SQL_MAY_FAIL_H

#include "proxy/sql/query.h"

bool expr_may_fail(const struct expr *x);        /* NULL: no */
bool expr_itself_may_fail(const struct expr *x); /* … its parts left aside */
/* Of a SELECT all that it computes, of a change what its RETURNING does. False is sure, true is not. */
bool query_may_fail(const struct query *q);

#endif
