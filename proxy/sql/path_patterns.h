/*
 * path_patterns.h - the patterns of like_regex in values of type jsonpath: PostgreSQL's input function reads them along with the path.
 *
 * Owns     nothing.
 * Fails    2201B in err.
 * Not here reading the path itself (pgwire/jsonpath.h), which knows no regular expressions (functions/regex_syntax.h).
 */
#ifndef PGD1_SQL_PATH_PATTERNS_H
#define PGD1_SQL_PATH_PATTERNS_H

#include "pgwire/types.h"
#include "proxy/base/arena.h"
#include "proxy/base/err.h"

/* Whether what has been read as a value of the type has no wrong pattern; true of all other types and of NULL. */
bool path_patterns_check(oid_t type, const struct value *v, struct arena *arena, struct err *err);

#endif
