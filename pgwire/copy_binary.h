/*
 * copy_binary.h - COPY's binary format: signature, header, tuples, trailer (the manual's page of COPY, "Binary Format").
 *
 * Owns     struct copy_binary_in: the bytes of an unfinished tuple and the fields of the last row; copy_binary_in_fini()
 *          frees them. Fields are valid until the next copy_binary_in_next().
 * Fails    22P04 with PostgreSQL's wording, 54000 for a tuple longer than max_row, 53200. After an error it stays failed.
 * Not here types: a field is the bytes of a binary value, or NULL.
 */
#ifndef PGD1_PGWIRE_COPY_BINARY_H
#define PGD1_PGWIRE_COPY_BINARY_H

#include "pgwire/copy_text.h"

struct copy_binary_in {
    const struct copy_target *target;
    struct str chunk;
    struct buf pending; /* start of what the chunk did not complete */
    struct str *fields;
    size_t max_row, used; /* used: bytes of pending that the last row takes */
    uint64_t row_number;
    size_t skip; /* bytes of header extension still to pass over */
    bool has_header, is_started, is_last, is_ended, is_failed;
};

bool copy_binary_in_init(struct copy_binary_in *c, const struct copy_target *target, size_t max_row, struct err *err);
void copy_binary_in_fini(struct copy_binary_in *c);
/* As in copy_text.h. */
void copy_binary_in_give(struct copy_binary_in *c, struct str chunk);
void copy_binary_in_last(struct copy_binary_in *c);
enum copy_result copy_binary_in_next(struct copy_binary_in *c, struct copy_row *ret, struct err *err);
/* The context of an error in a value of the last row: `COPY t, line 3, column a`. */
void copy_binary_in_context(const struct copy_binary_in *c, size_t column, struct err *err);

void copy_binary_out_header(struct buf *out);
void copy_binary_out_row(const struct str *fields, size_t n, struct buf *out); /* p NULL: NULL */
void copy_binary_out_trailer(struct buf *out);

#endif
