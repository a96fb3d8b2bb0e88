/*
 * raw_cells.h - which type a result column of raw SQLite has, told by the cells that came.
 *
 * One byte for each column collects the classes: all integers are int8, integers and reals float8 where that is exact, blobs
 * bytea, anything else and every mixture text. In text form a cell reads the same under each of these types.
 *
 * Not here columns that are described before their rows come (extended protocol): raw.h.
 */
#ifndef PGD1_PROXY_RAW_CELLS_H
#define PGD1_PROXY_RAW_CELLS_H

#include "pgwire/types.h"

/* Notes a cell that is not NULL; answers the type whose text form it is sent in. */
oid_t raw_note(unsigned char *classes, const struct value *cell);
/* The column's type; otherwise: when no cell came but NULLs. */
oid_t raw_type(unsigned char classes, oid_t otherwise);

#endif
