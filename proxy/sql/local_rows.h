/*
 * local_rows.h - the inside of struct local_rows, for the engine's virtual tables only.
 */
#ifndef PGD1_SQL_LOCAL_ROWS_H
#define PGD1_SQL_LOCAL_ROWS_H

#include "proxy/sql/local.h"
#include "sqlite3.h"

struct local_rows {
    struct arena *arena;
    struct value **rows;
    size_t n, size, n_columns;
};

enum { LOCAL_INPUTS = 8, LOCAL_INPUT_COLUMNS = 100 };

/* Registers f0…f7; inputs points at LOCAL_INPUTS entries that the run sets. 0 or an SQLite code. */
int local_inputs_register(sqlite3 *db, struct local_rows **inputs);

#endif
