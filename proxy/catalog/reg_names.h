/*
 * reg_names.h - regclass, regtype, regproc, regnamespace…: OIDs behind names, and the names as their output functions print them.
 *
 * Owns     nothing: texts go into the caller's arena.
 * Fails    looking up: 42P01, 42704, 42883, 42725, 3F000, 42602 in PostgreSQL's words. Printing: {NULL,0} when the arena is full.
 */
#ifndef PGD1_CATALOG_REG_NAMES_H
#define PGD1_CATALOG_REG_NAMES_H

#include "proxy/catalog/system.h"

bool is_reg_type(oid_t type);
/* source->snapshot may be NULL: built-in objects only. The number itself when nothing has that OID. */
struct str reg_name(const struct system_source *source, oid_t type, oid_t oid, struct arena *arena);

/* The OID that a text means for a reg type: a number, a name, a function with its arguments. path: where bare names are looked for besides
 * pg_catalog. Schema and relation of users win over nothing: 0 is never found. */
bool reg_find(const struct system_source *source, const struct str *path, size_t n_path, oid_t type, struct str text,
              struct arena *arena, oid_t *ret, struct err *err);

/* The same for arrays, in storage form: of texts into one of OIDs, and back; element: the reg type. reg_name_list: {NULL,0} when the
 * arena is full or it is no array. */
bool reg_find_list(const struct system_source *source, const struct str *path, size_t n_path, oid_t element,
                   struct str texts, struct arena *arena, struct str *ret, struct err *err);
struct str reg_name_list(const struct system_source *source, oid_t element, struct str oids, struct arena *arena);

/* format_type() of any type there is: row types and information_schema's domains too. has_typmod false: the second argument was NULL. */
struct str reg_format_type(const struct system_source *source, oid_t type, int32_t typmod, bool has_typmod,
                           struct arena *arena);
/* `name(type, type)`, with the schema when it is not pg_catalog. */
struct str reg_signature(const struct system_source *source, const struct pg_proc *proc, struct arena *arena);
/* [schema.]name as written, quotes taken away and the rest in lower case; at most `room` parts. 42602. */
bool reg_split_name(struct str text, struct arena *arena, struct str *parts, size_t room, size_t *ret_n,
                    struct err *err);

#endif
