/*
 * rowstore.h - a result kept by a portal: rows of cells in storage form, read by position.
 *
 * Owns     a copy of every cell.
 * Lives    as long as its portal.
 * Fails    rowstore_add answers false at its cap or without memory.
 * Not here encoding for the client: execute.h.
 */
#ifndef PGD1_PROXY_ROWSTORE_H
#define PGD1_PROXY_ROWSTORE_H

#include "proxy/base/buf.h"
#include "proxy/base/value.h"

struct rowstore {
    struct buf bytes;
    size_t *starts; /* offset of each row in bytes */
    size_t n, size, n_cells, cap;
};

void rowstore_init(struct rowstore *r, size_t n_cells, size_t cap);
void rowstore_fini(struct rowstore *r);
/* Forgets the rows. */
void rowstore_clear(struct rowstore *r);
bool rowstore_add(struct rowstore *r, const struct value *cells, size_t n_cells);
/* The cells of row `at` (below r->n) into cells[r->n_cells]; texts point into the store. */
void rowstore_row(const struct rowstore *r, size_t at, struct value *cells);

#endif
