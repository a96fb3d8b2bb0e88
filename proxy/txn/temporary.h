/*
 * temporary.h - a session's temporary tables: an in-memory SQLite of its own, whose transactions follow the session's.
 *
 * D1 has no temporary tables, since each of its requests is a connection of its own. Here they get the SQL that D1 would get, by
 * D1's rules and limits, in a database that nobody else knows: schema SNAPSHOT_TEMPORARY, with side tables of its own.
 *
 *   session     BEGIN      SAVEPOINT a     ROLLBACK TO a       COMMIT of what is at D1, known to have worked
 *   here        (nothing)  (nothing)       ROLLBACK TO s1      COMMIT, with what ON COMMIT asks for
 *                 \____________\__ opened by the first statement behind them
 *
 * A statement is whole or not at all. What the session has not told to commit is taken back.
 *
 * Owns     the handle with all rows, the schema that was read last.
 * Lives    in its session's transaction, from the first temporary table (or its attempt) to DISCARD or the end.
 * Fails    a statement with SQLite's words, as D1 would say them; 54000 above max_bytes or TEMPORARY_STEPS. When SQLite has
 *          taken back more than it was told to, or could not commit, the tables are lost: every use is an error until they are discarded.
 * Not here planning (plan.tables), answering (proxy/execute_temporary.c).
 */
#ifndef PGD1_PROXY_TXN_TEMPORARY_H
#define PGD1_PROXY_TXN_TEMPORARY_H

#include "d1/d1.h"
#include "proxy/catalog/snapshot.h"
#include "proxy/sql/temporary_plan.h"

struct temporary;

/* Instructions of SQLite that one statement may take: the loop waits for it. */
enum { TEMPORARY_STEPS = 200000000 };

/* NULL: no memory. max_bytes: of all tables with their indexes. */
struct temporary *temporary_new(size_t max_bytes);
void temporary_free(struct temporary *t); /* accepts NULL */

struct temporary_batch {
    const struct d1_statement *statements;
    size_t n;
    bool is_ddl;
    /* Each row of each statement; cells are valid inside the call. False stops: all is taken back, the callee knows why. NULL: dropped. */
    bool (*on_row)(void *ctx, size_t statement, const struct value *cells, size_t n_cells);
    void *ctx;
    struct arena *arena;
    /* answers */
    int64_t *changes;      /* n entries given by the caller, or NULL */
    struct d1_error error; /* kind D1_OK: on_row stopped it, or err of the call is set */
};

/* Runs the statements in the transaction, with so many of its savepoints open: all of them, or answers false and none. */
bool temporary_run(struct temporary *t, size_t savepoints, struct temporary_batch *batch, struct err *err);

/* ---- the transaction ---- */
/* Its end; no effect when nothing was done in it. */
void temporary_end(struct temporary *t, bool commit);
/* The savepoint at this depth (from 1), and those above it, are no more. */
void temporary_release(struct temporary *t, size_t savepoint);
/* What came behind the savepoint at this depth is taken back. False: it cannot be. */
bool temporary_rollback_to(struct temporary *t, size_t savepoint);

/* ---- the schema ---- */
/* base's with the temporary tables of this moment; borrowed until the next call. NULL with err: no memory. */
const struct snapshot *temporary_schema(struct temporary *t, const struct snapshot *base, struct err *err);

/* ---- rows that a statement brings from elsewhere ---- */
/* Into TEMPORARY_GATHERED, or a table that stands in for a permanent one. What was gathered before goes. */
bool temporary_gather_begin(struct temporary *t, size_t savepoints, const struct relation *into, size_t n_columns,
                            struct err *err);
/* In storage form, or as the permanent table's cells are. 54000 above the limit. */
bool temporary_gather_row(struct temporary *t, const struct value *cells, size_t n_cells, struct err *err);
void temporary_gather_end(struct temporary *t);

/* ---- rows that a statement takes along ---- */
/* All rows of a table as JSON for D1, an array with an array for each: integers, texts, null; reals and bytes as plan_bind() has it
 * (BIND_TEMPORARY). In arena. 54000 when they are longer than D1 takes. */
bool temporary_rows_as_json(struct temporary *t, const struct relation *r, struct arena *arena, struct str *ret,
                            struct err *err);

#endif
