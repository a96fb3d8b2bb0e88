/*
 * tagged_cell.h - a cell of any class as text that keeps the class: i42, r0.5, ttext, b00FF; NULL stays NULL.
 *
 * D1's JavaScript loses the difference of 1 and 1.0, integers above 2^53 and infinities; such a text loses nothing.
 *
 * Owns     nothing; what is read lives in the arena given.
 * Fails    false for a text of another form.
 */
#ifndef PGD1_SQL_TAGGED_CELL_H
#define PGD1_SQL_TAGGED_CELL_H

#include "proxy/base/arena.h"
#include "proxy/base/buf.h"
#include "proxy/base/value.h"

/* SQLite's expression over column c<i>. */
void tagged_cell_sql(struct buf *out, size_t i);
bool tagged_cell_read(struct str text, struct arena *arena, struct value *ret);

#endif
