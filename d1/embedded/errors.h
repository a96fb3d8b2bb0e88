/*
 * errors.h - why a batch failed, in D1's words.
 *
 * Owns     struct emb_failure: its text (malloc), until emb_failure_fini(). It may be filled on any one thread.
 * Fails    when there is no memory for a text, the failure says so itself (D1_ERROR_INTERNAL, "out of memory").
 * Not here SQLSTATEs: proxy/d1_error.h.
 */
#ifndef PGD1_D1_EMBEDDED_ERRORS_H
#define PGD1_D1_EMBEDDED_ERRORS_H

#include <sqlite3.h>

#include "d1/d1.h"
#include "proxy/base/buf.h"

struct emb_failure {
    enum d1_error_kind kind; /* D1_OK: none */
    bool may_have_run;
    struct buf text;
};

/* Texts of D1 that do not come from SQLite (workerd: api/sql.c++, miniflare: d1/database.worker.ts; overload and time
 * limit: D1's documentation, "Debug D1"). */
#define EMB_NO_TRANSACTION                                                                                             \
    "To execute a transaction, please use the state.storage.transaction() or state.storage.transactionSync() APIs "    \
    "instead of the SQL BEGIN TRANSACTION or SAVEPOINT statements. The JavaScript API is safer because it will "       \
    "automatically roll back on exceptions, and because it interacts correctly with Durable Objects' automatic "       \
    "atomic write coalescing."
#define EMB_NO_STATEMENT "SQL code did not contain a statement."
#define EMB_NO_STATEMENTS "No SQL statements detected."
#define EMB_PARAMETERS "Wrong number of parameter bindings for SQL query."
#define EMB_PARAMETERS_NOT_LAST                                                                                        \
    "When executing multiple SQL statements in a single call, only the last statement can have parameters."
#define EMB_FOREIGN_KEY "FOREIGN KEY constraint failed: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_FOREIGNKEY)"
#define EMB_NOT_AUTHORIZED "not authorized: SQLITE_AUTH"
#define EMB_READ_WROTE "attempt to write a readonly database: SQLITE_READONLY"
#define EMB_OVERLOADED "D1 DB is overloaded. Too many requests queued."
#define EMB_LOCKED "database is locked: SQLITE_BUSY"
#define EMB_RAN_TOO_LONG "D1 DB storage operation exceeded timeout which caused object to be reset."
#define EMB_TOO_BIG "the result is larger than the limit of this request"

void emb_failure_init(struct emb_failure *f);
void emb_failure_fini(struct emb_failure *f);
void emb_failure_clear(struct emb_failure *f);
/* The first failure wins; these change nothing on a set one. */
void emb_failure_set(struct emb_failure *f, enum d1_error_kind kind, const char *text);
void emb_failure_no_memory(struct emb_failure *f);
/* <message>[ at offset N]: <SQLITE_CODE>[ (extended: …)] of what db just answered. */
void emb_failure_sqlite(struct emb_failure *f, sqlite3 *db, int code);
/* Copies into the request: the text into its arena. */
void emb_failure_give(const struct emb_failure *f, struct d1_request *r);

#endif
