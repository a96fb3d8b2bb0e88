/*
 * bind.h - pieces of binding that other files need.
 *
 * Not here plan_bind() and its kin: plan.h.
 */
#ifndef PGD1_SQL_BIND_H
#define PGD1_SQL_BIND_H

#include "proxy/base/buf.h"
#include "proxy/sql/plan.h"

/* A value of the column's type, storage form -> what its cell holds: length coercion of an assignment, numbers of
 * numeric(p,s),
 * seconds since 1970. 22001, 22003, 22008, and 23502 for NULL in a column of which D1 would take it. */
bool column_cell_value(const struct snapshot *snapshot, const struct relation *relation, const struct column *column,
                       oid_t base_type, int32_t typmod, struct arena *arena, struct value *value, struct err *err);
/* A LIKE pattern as one for GLOB. escape: the escape character, 0 none; 22025 when the pattern ends in it. Stops a
 * little above
 * D1's PATTERN_BYTES: what is longer cannot go there. */
enum { PATTERN_BYTES = 50 };
bool bind_glob_pattern(struct str pattern, int escape, struct arena *arena, struct str *ret, struct err *err);
/* Appends a value as JSON: bytes as a string of hex digits, infinities as 9e999. */
bool bind_json_value(struct buf *out, const struct value *v, struct arena *arena, struct err *err);
/* plan_bind_local() for the local part of the plan's lookup (lookup.h). */
bool lookup_bind_local(const struct plan *plan, const struct bind_input *input, struct arena *arena, struct value **ret,
                       struct err *err);

#endif
