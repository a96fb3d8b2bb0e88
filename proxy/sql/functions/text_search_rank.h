/*
 * text_search_rank.h - how well a document fits a query (PostgreSQL 12.3.3), with PostgreSQL's arithmetic.
 *
 * Owns     nothing; scratch memory is the arena's.
 */
#ifndef PGD1_SQL_FUNCTIONS_TEXT_SEARCH_RANK_H
#define PGD1_SQL_FUNCTIONS_TEXT_SEARCH_RANK_H

#include "pgwire/tsquery.h"

enum { TS_WEIGHTS = 4 };
extern const float ts_default_weights[TS_WEIGHTS]; /* of D, C, B, A */

/* method: PostgreSQL's bits of normalisation. weights: 0 to 1 */
bool ts_rank(const float *weights, const struct tsvector *v, const struct tsquery *q, int method, struct arena *arena,
             float *ret, struct err *err);
/* By how near to each other the words stand. */
bool ts_rank_cover(const float *weights, const struct tsvector *v, const struct tsquery *q, int method,
                   struct arena *arena, float *ret, struct err *err);

#endif
