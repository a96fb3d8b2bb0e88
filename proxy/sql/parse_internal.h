/*
 * parse_internal.h - what those share who call libpg_query: parse.c and tokens.c. Nobody else includes it.
 */
#ifndef PGD1_SQL_PARSE_INTERNAL_H
#define PGD1_SQL_PARSE_INTERNAL_H

#include <pg_query.h>
#include <pg_query/pg_query.pb-c.h>
#include "proxy/base/err.h"

/* Unpacked trees live in the arena and are never freed one by one. */
ProtobufCAllocator parse_allocator(struct arena *arena);
/* Its error with our SQLSTATE and position. Always false. */
bool parse_failed(const PgQueryError *error, struct str text, struct err *err);

#endif
