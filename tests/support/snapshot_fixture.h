/*
 * snapshot_fixture.h - a snapshot for tests, from DDL run in an in-memory SQLite: real rows through the real reader.
 *
 *     struct snapshot *s = snapshot_fixture("CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT NOT NULL)");
 *     …
 *     snapshot_unref(s);
 *
 * Link pgd1_snapshot_fixture. Every failure ends the program with a message: a fixture that does not work is no test.
 */
#ifndef PGD1_TESTS_SNAPSHOT_FIXTURE_H
#define PGD1_TESTS_SNAPSHOT_FIXTURE_H

#include "proxy/catalog/snapshot.h"

struct sqlite3;

/* DDL in SQLite's dialect, several statements; one reference. */
struct snapshot *snapshot_fixture(const char *sqlite_ddl);
/* Of a handle that stays the caller's. */
struct snapshot *snapshot_fixture_read(struct sqlite3 *db);

#endif
