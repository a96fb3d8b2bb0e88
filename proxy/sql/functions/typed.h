/*
 * typed.h - values together with their type OIDs: texts, JSON, array elements. For functions that take TYPES (functions.def):
 * the OIDs of the argument types come first, then as many arguments.
 */
#ifndef PGD1_SQL_FUNCTIONS_TYPED_H
#define PGD1_SQL_FUNCTIONS_TYPED_H

#include "pgwire/jsonb.h"
#include "proxy/sql/functions/arguments.h"

/* The type's text output; reg* types by name. False after local_fail(). */
bool value_to_text(sqlite3_context *c, oid_t type, const struct value *v, struct str *ret);
/* The value as to_json() writes it, appended. */
bool add_json(sqlite3_context *c, oid_t type, const struct value *v, struct buf *out);
/* Dates and timestamps as JSON shows them: ISO 8601 with T. */
bool iso_text(sqlite3_context *c, oid_t type, const struct value *v, struct str *ret);
/* A JSON element of an array -> storage form of the element type. */
bool element_value(sqlite3_context *c, oid_t element, const struct json_value *v, struct value *ret);
/* JSON without blanks, numbers and order as they are: the storage form of arrays. */
void json_print_compact(const struct json_value *v, struct buf *out);
/* Lower case by the C library's C.UTF-8; {NULL,0}: no memory. */
struct str lower_text(struct arena *arena, struct str s);

#endif
