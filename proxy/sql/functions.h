/*
 * functions.h - how PostgreSQL's functions are run: one row each in functions.def.
 *
 * A row is found by pg_proc's source ("int4pl"; "name(type,…)" for SQL functions and aggregates), or by source and
 * argument
 * types ("rtrim1(bpchar)") where one C function of PostgreSQL serves types that are stored differently. A function
 * without a
 * row is not there yet: 0A000.
 *
 * Owns     constant tables. Thread-safe.
 * Not here typing (catalog/facts.h); printing (emit_call.c); the C functions of the local engine (functions/).
 */
#ifndef PGD1_SQL_FUNCTIONS_H
#define PGD1_SQL_FUNCTIONS_H

#include "proxy/catalog/facts.h"

/*
 * Templates: $1…$9 arguments in storage form, $* all of them with commas, @1 the type OID of an argument
 * under enums and domains, @t1 the argument's own, @c1 the OID of the collation it has, 0: none, @r that of
 * the result,
 * #22012(text) an error raised when it is evaluated, #local the same as "this needs the local engine". Everything
 * else is SQL.
 */
enum function_flag {
    FUNCTION_CHECK_INT2 = 1 << 0, /* the result may leave the type's range: 22003 */
    FUNCTION_CHECK_INT4 = 1 << 1,
    FUNCTION_CHECK_INT8 = 1 << 2,
    FUNCTION_CHECK_FLOAT = 1 << 3,  /* D1: a result that is not finite, or of NaN, is worked out locally */
    FUNCTION_ZERO_DIVISOR = 1 << 4, /* $2 = 0 is 22012 */
    FUNCTION_ASCII = 1 << 5,        /* D1: exact when the first argument is ASCII; else local */
    FUNCTION_UTC = 1 << 6,          /* D1: exact when the session's time zone is UTC; else local */
    FUNCTION_DOUBTFUL = 1 << 7,     /* D1: the template may answer #local, so constants are folded here instead */
    FUNCTION_TYPES = 1 << 8,        /* the local function takes the OIDs of its argument types first */
    FUNCTION_TEXT_ARGS = 1 << 9,    /* arguments that are not text are written out first, as `||` and concat() do */
    FUNCTION_PLAIN_ARRAYS =
        1 << 11, /* the D1 template holds, locally too, for arrays whose elements are JSON's own: integers, texts */
    FUNCTION_TEXT_CAST = 1 << 10, /* the same, as casts do: true and false in full */
    FUNCTION_NOT_NAN = 1 << 12,   /* D1: NaN, which is stored as text, is for the local engine */
};

struct emission {
    const char *key;
    const char *d1;    /* template, NULL: only local */
    const char *local; /* template, NULL: not here; the row has always one of both */
    unsigned flags;
};

/* NULL: not supported. */
const struct emission *emission_find(const struct pg_proc *proc);
/* All rows, sorted by key. */
const struct emission *emissions(size_t *ret_n);
/* Rows whose local template is the plain call pg_<source>(…): the engine must have it. */
bool emission_is_own(const struct emission *row);

#endif
