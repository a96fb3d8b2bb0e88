/*
 * results.h - results that are longer than one number: texts of a buf, storage forms as JSON, the rows of set-returning functions.
 *
 * A set-returning function gives one JSON array of its rows (functions.def).
 *
 * Limits   MAX_RESULT bytes of one value, MAX_ROWS rows and MAX_ROWS_TEXT bytes of a set: 54000.
 */
#ifndef PGD1_SQL_FUNCTIONS_RESULTS_H
#define PGD1_SQL_FUNCTIONS_RESULTS_H

#include "proxy/base/buf.h"
#include "proxy/sql/functions/arguments.h"

enum { MAX_RESULT = 8 << 20, MAX_ROWS = 1000000, MAX_ROWS_TEXT = 64 << 20 };

/* What the buf holds as TEXT, or 54000 when it has failed. Ends the buf. */
void result_buf(sqlite3_context *c, struct buf *b);
/* A value in storage form as an element of JSON (types.h, arrays). False: no memory, without local_fail(). */
bool add_cell(struct buf *out, struct arena *arena, const struct value *v);

struct rows {
    sqlite3_context *c;
    struct buf text;
    size_t n;
};

void rows_start(struct rows *r, sqlite3_context *c);
/* One row of n cells. False after local_fail() (54000): then rows_drop(). */
bool rows_add(struct rows *r, const struct value *cells, size_t n);
static inline bool rows_add_text(struct rows *r, struct str s)
{
    return rows_add(r, &(struct value){ .class = VALUE_TEXT, .bytes = s }, 1);
}
void rows_give(struct rows *r);
void rows_drop(struct rows *r);

#endif
