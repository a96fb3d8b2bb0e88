/*
 * row_text.h - rows written as text by D1 itself, so that they travel in an error and can be compared later, byte by byte.
 *
 * A row is a JSON array of strings and nulls, made by SQLite; each string is a tag and the value: i integer, r real (17 digits),
 * t text, b blob in hex. More than ROW_TEXT_GROUP cells are grouped in inner arrays (D1 takes few arguments in a call).
 *
 * Owns     nothing; what is decoded lives in the arena given.
 * Fails    false with XX000: the text is not one of ours.
 * Not here which statement a row belongs to: capture.h.
 */
#ifndef PGD1_PROXY_TXN_ROW_TEXT_H
#define PGD1_PROXY_TXN_ROW_TEXT_H

#include "proxy/base/err.h"
#include "proxy/base/value.h"

enum { ROW_TEXT_GROUP = 30 };

/* SQL: the row c0 … c(n-1) as text. {NULL,0}: no memory. */
struct str row_text_sql(size_t n, struct arena *arena);
/* Exactly n cells. */
bool row_text_read(struct str row, size_t n, struct arena *arena, struct value *cells, struct err *err);

/* One element of the list that a speculative batch ends with. */
struct row_text_item {
    bool is_number;
    int64_t number;
    struct str text; /* {NULL,0}: null */
};
/* A JSON array of integers, strings and nulls; at most max items. */
bool row_text_list(struct str list, size_t max, struct arena *arena, struct row_text_item *items, size_t *ret_n,
                   struct err *err);
/* A JSON array of these texts, which are themselves JSON without control characters. {NULL,0}: no memory. */
struct str row_text_array(const struct str *texts, size_t n, struct arena *arena);

#endif
