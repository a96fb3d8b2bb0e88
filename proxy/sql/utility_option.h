/*
 * utility_option.h - the value of an option in parentheses: EXPLAIN (ANALYZE off), COPY … (FORMAT csv).
 *
 * Owns     nothing: texts live in the arena.
 * Fails    42601 with PostgreSQL's words for a value of the wrong kind, 53200.
 * Not here which options a statement has.
 */
#ifndef PGD1_SQL_UTILITY_OPTION_H
#define PGD1_SQL_UTILITY_OPTION_H

#include <pg_query/pg_query.pb-c.h>
#include "proxy/base/arena.h"
#include "proxy/base/err.h"

/* The value as a text; booleans as true or false. */
bool utility_option_text(const PgQuery__DefElem *d, struct arena *arena, struct str *ret, struct err *err);
/* A boolean: true, on, 1 and no value at all, false, off, 0. */
bool utility_option_flag(const PgQuery__DefElem *d, struct arena *arena, bool *ret, struct err *err);

#endif
