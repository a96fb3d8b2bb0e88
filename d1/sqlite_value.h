/*
 * sqlite_value.h - a value on its way into SQLite, bound to a parameter or given as a function's result, and out of it, as a column.
 *
 * Owns     nothing. `lifetime` is SQLite's word for who keeps the bytes of TEXT and BLOB: SQLITE_STATIC when they outlive the
 *          statement's step, SQLITE_TRANSIENT when SQLite must copy them. An empty TEXT or BLOB stays empty, never NULL.
 * Fails    false, or SQLite's code, without memory.
 */
#ifndef PGD1_D1_SQLITE_VALUE_H
#define PGD1_D1_SQLITE_VALUE_H

#include <sqlite3.h>

#include "proxy/base/value.h"

/* Binds parameter `at`, counted from 1; the bytes must live until it is bound anew or reset. Answers SQLite's code. */
int sqlite_value_bind(sqlite3_stmt *statement, int at, const struct value *v);

/* A column of the row the statement stands at; TEXT and BLOB live until its next step. */
bool sqlite_value_column(sqlite3_stmt *statement, int column, struct value *ret);
/* All of its columns, at most so many. */
bool sqlite_value_row(sqlite3_stmt *statement, size_t max, struct value *ret_cells, size_t *ret_n);

void sqlite_value_result(sqlite3_context *context, const struct value *v, sqlite3_destructor_type lifetime);

#endif
