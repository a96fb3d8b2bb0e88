/*
 * ddl_remake.h - tables made anew as another schema has them: the statements of the lossless rebuild for a file of SQLite's SQL.
 *
 * What ALTER TABLE does with models (ddl_rebuild.c), done with the CREATE TABLE texts of the other schema. Rows keep the columns that
 * both have. The statements have no parameters and set nothing that outlives their batch, so SQLite looks at every view and trigger while
 * tables are renamed: the caller drops those that name a table before, and makes them, and all indexes, again behind.
 *
 * Owns     nothing; texts go into the arena.
 * Fails    0A000 when a table keeps no column, or its text is not understood; 53200.
 * Not here which tables must be made anew; indexes, triggers, views, rows of the side catalogue.
 */
#ifndef PGD1_SQL_DDL_REMAKE_H
#define PGD1_SQL_DDL_REMAKE_H

#include "proxy/base/err.h"
#include "proxy/catalog/snapshot.h"

/* tables: of `is`; with them all that refer to them, directly or through others. One that `wanted` does not have is dropped. */
bool ddl_remake(const struct snapshot *is, const struct snapshot *wanted, const struct relation *const *tables,
                size_t n, struct arena *arena, struct str **ret, size_t *ret_n, struct err *err);
/* CREATE TABLE of a table of `wanted` that comes beside them: before they are made anew it must not refer to the old ones, whose drops
 * would look into it. It names the new ones, and their renames put that right. {NULL,0} with err. */
struct str ddl_remake_beside(const struct snapshot *is, const struct snapshot *wanted,
                             const struct relation *const *tables, size_t n, const struct relation *new_table,
                             struct arena *arena, struct err *err);

#endif
