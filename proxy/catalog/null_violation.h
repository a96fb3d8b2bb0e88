/*
 * null_violation.h - NULL where a column takes none: 23502 as PostgreSQL words it.
 *
 * A domain that is NOT NULL refuses before the column does, so the error is of the type, and names neither table nor column.
 *
 * Owns     nothing: texts live in the err's arena, names in the snapshot.
 * Not here the row, which PostgreSQL tells behind it (proxy/group_refused.c).
 */
#ifndef PGD1_CATALOG_NULL_VIOLATION_H
#define PGD1_CATALOG_NULL_VIOLATION_H

#include "proxy/catalog/snapshot.h"

/* What is said; {NULL,0}: no memory. */
struct str null_violation_message(const struct snapshot *s, const struct relation *r, const struct column *c,
                                  struct arena *arena);
/* Sets *err, fields and all; answers false. */
bool null_violation(const struct snapshot *s, const struct relation *r, const struct column *c, struct err *err);

#endif
