/*
 * rows.h - result rows copied out of SQLite, in chunks, in order.
 *
 * Owns     the chunks (malloc). Cells handed out point into them and live until the next emb_rows_next() or _clear().
 * Fails    emb_rows_add() answers false when there is no memory; what was there stays.
 * Not here limits on the result: run.c counts before it adds.
 */
#ifndef PGD1_D1_EMBEDDED_ROWS_H
#define PGD1_D1_EMBEDDED_ROWS_H

#include <sqlite3.h>

#include "proxy/base/value.h"

enum { EMB_CELLS_MAX = 100 }; /* D1's limit on result columns */

struct emb_chunk;

struct emb_rows {
    struct emb_chunk *first, *last;
    size_t bytes; /* in rows not read yet, their headers included */
};

struct emb_row {
    size_t statement, n_cells;
    const struct value *cells;
};

/* The current row of stmt as values that point into SQLite's memory, and the sum of their bytes as max_result_bytes
 * counts it: 8 for a number, the length of a text or blob. At most EMB_CELLS_MAX columns. False: no memory. */
bool emb_row_read(sqlite3_stmt *stmt, struct value *ret_cells, size_t *ret_n, size_t *ret_bytes);
bool emb_rows_add(struct emb_rows *rows, const struct emb_row *row);
bool emb_rows_next(struct emb_rows *rows, struct emb_row *ret); /* takes the first row; false when there is none */
static inline bool emb_rows_empty(const struct emb_rows *rows)
{
    return rows->bytes == 0;
}
void emb_rows_append(struct emb_rows *to, struct emb_rows *from); /* moves all rows; from is empty afterwards */
void emb_rows_clear(struct emb_rows *rows);                       /* keeps one small chunk */
void emb_rows_fini(struct emb_rows *rows);

#endif
