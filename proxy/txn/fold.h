/*
 * fold.h - INSERTs of a block that differ only in their values, as one member of a batch.
 *
 *   INSERT INTO t(a,b) VALUES (?1,?2)   many times      one INSERT INTO t(a,b) SELECT … FROM json_each(?1): a JSON row for each
 *   its count, shown as 1                each time       one check of the count: so many
 *   its RETURNING, ids shown             each time       ids as values, and one check that reads the rows by them again
 *
 * Rows keep their order. An INSERT joins those before it over others' heads only where neither can tell: another table, which it
 * does not refer to.
 * Exact: integers, text, bytes. A float whose digits an older SQLite may not read exactly keeps its statement from being folded.
 *
 * Owns     nothing; texts are in the arena given.
 * Not here which entries are sent (buffer.h), how an INSERT reads JSON rows (sql/plan.h, struct plan_fold).
 */
#ifndef PGD1_PROXY_TXN_FOLD_H
#define PGD1_PROXY_TXN_FOLD_H

#include "proxy/base/err.h"
#include "proxy/sql/plan.h"

enum { FOLD_ROW_BYTES = 200000, FOLD_MEMBER_BYTES = 1000000 };

struct fold {
    struct str sql;   /* INSERT … SELECT of the rows in ?1; empty: the statement is sent as it came */
    struct str row;   /* its element of ?1 */
    struct str check; /* raises 40001 where a row of ?1, [rowid, text], does not read as it did; empty: none */
    struct str shown; /* its element of the check's ?1 */
};

/* The statement's first parameters as a JSON row, `more` behind them unless empty. {NULL,0}: they cannot be told exactly in JSON,
 * are too long, or there is no memory. */
struct str fold_row(const struct plan_fold *form, const struct d1_statement *statement, struct str more,
                    struct arena *arena);
/* The chosen entries of a buffer as members of a batch, in an order that gives the same. False: no memory. */
struct buffer;
bool fold_entries(const struct buffer *b, struct arena *arena, struct d1_statement **ret, size_t *ret_n);

#endif
