/*
 * snapshot_copy.h - a schema built again, without its rows, in an SQLite of our own.
 *
 * Owns     nothing.
 * Fails    false when this SQLite refuses a table, view, index or trigger that D1 has, or for lack of memory.
 * Not here the rows of the side catalogue: they are the caller's.
 */
#ifndef PGD1_CATALOG_SNAPSHOT_COPY_H
#define PGD1_CATALOG_SNAPSHOT_COPY_H

#include "proxy/catalog/snapshot.h"
#include "sqlite3.h"

/* db is empty. Tables come before what is built on them; a virtual table makes its own shadow tables. */
bool snapshot_copy(const struct snapshot *from, sqlite3 *db);

#endif
