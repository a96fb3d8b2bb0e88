/*
 * text_search_match.h - whether a tsquery holds, for words that somebody knows the places of.
 *
 * PostgreSQL's logic of three values: words without places may stand where a phrase wants them.
 *
 * Owns     nothing; hits live in the arena.
 */
#ifndef PGD1_SQL_FUNCTIONS_TEXT_SEARCH_MATCH_H
#define PGD1_SQL_FUNCTIONS_TEXT_SEARCH_MATCH_H

#include "pgwire/tsquery.h"

enum ts_match { TS_NO, TS_YES, TS_MAYBE };

/* Where something was found: ascending places (their weights do not count), or all but these. */
struct ts_hits {
    const uint16_t *places;
    size_t n;
    bool negated;
    unsigned width; /* the places are those of the last word of so many more */
};

/* Whether a word of the query is there, and where; ret NULL: the places are not asked for. */
typedef enum ts_match ts_check_fn(void *ctx, const struct ts_node *word, struct ts_hits *ret);

struct ts_matcher {
    const struct tsquery *query;
    ts_check_fn *check;
    void *ctx;
    struct arena *arena;
    bool failed; /* no memory: the answer says nothing */
};
bool ts_holds(struct ts_matcher *m);

/* The lexemes that a word of a query stands for: itself, or all that begin with it. Gives the first, *ret_n of them. */
const struct ts_lexeme *ts_lexemes_of(const struct tsvector *v, const struct ts_node *word, size_t *ret_n);
bool ts_vector_holds(const struct tsvector *v, const struct tsquery *q, struct arena *arena, bool *ret,
                     struct err *err);

#endif
