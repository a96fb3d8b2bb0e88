/*
 * analyze_candidates.h - the choice among overloaded functions or operators (10.2, 10.3), shared by both.
 */
#ifndef PGD1_SQL_ANALYZE_CANDIDATES_H
#define PGD1_SQL_ANALYZE_CANDIDATES_H

#include "proxy/sql/analyze_internal.h"

struct candidate {
    const void *row;      /* struct pg_proc or struct pg_operator */
    const oid_t *args;    /* declared types, expanded for variadics, in call order */
    bool variadic;        /* made by expanding a VARIADIC parameter */
    uint8_t n_defaults;   /* defaults used */
    const uint8_t *order; /* named notation: args[i] is the call's argument order[i]; NULL: as written */
};

/* Those whose arguments the inputs can be coerced to; moves them to the front, gives how many. */
size_t candidates_match(A *a, size_t n_args, const oid_t *inputs, struct candidate *list, size_t n);
/* The rules of 10.2/10.3 step 4 on matching candidates; NULL: ambiguous. */
struct candidate *candidates_select(A *a, size_t n_args, const oid_t *inputs, struct candidate *list, size_t n);

#endif
