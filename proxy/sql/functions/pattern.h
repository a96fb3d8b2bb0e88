/*
 * pattern.h - PostgreSQL's regular expressions for other families.
 *
 * Fails    local_fail(): 2201B for a pattern that is none, 0A000, 54001.
 */
#ifndef PGD1_SQL_FUNCTIONS_PATTERN_H
#define PGD1_SQL_FUNCTIONS_PATTERN_H

#include "proxy/sql/functions/arguments.h"

enum pattern_flag {
    PATTERN_IGNORE_CASE = 1,
    PATTERN_DOT_IS_NO_NEWLINE = 2,
    PATTERN_ANCHORS_AT_LINES = 4,
    PATTERN_QUOTED = 8, /* no character means anything else */
};

/* Whether it matches anywhere. */
bool pattern_found(sqlite3_context *c, struct str pattern, unsigned flags, struct str text, bool *ret);

#endif
