/*
 * catalog_objects.h - finding the objects that catalogue functions are asked about: by OID, by name, along the search path.
 *
 * Owns     nothing: what is found belongs to the run's snapshot or to constant tables.
 * Fails    NULL or false; catalog_find leaves its error in errors(c).
 */
#ifndef PGD1_SQL_FUNCTIONS_CATALOG_OBJECTS_H
#define PGD1_SQL_FUNCTIONS_CATALOG_OBJECTS_H

#include "proxy/catalog/system.h"
#include "proxy/sql/local_functions.h"

const struct snapshot *catalog_snapshot(sqlite3_context *c); /* may be NULL */
struct system_source catalog_source(sqlite3_context *c);
const struct relation *catalog_relation_by_oid(sqlite3_context *c, oid_t oid);
const struct relation *catalog_relation(sqlite3_context *c, sqlite3_value *oid);
/* A user's index and its table. */
const struct relation *catalog_index(sqlite3_context *c, oid_t oid, const struct index **ret);
bool catalog_on_path(sqlite3_context *c, struct str schema);
/* An OID by the text of a reg type, found along the session's search path. */
bool catalog_find(sqlite3_context *c, oid_t reg_type, struct str text, oid_t *ret);

/* The numbers of an int2[] or int2vector in storage form; at most `room`. */
size_t catalog_numbers(struct str list, int16_t *ret, size_t room);

#endif
