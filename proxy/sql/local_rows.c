/* local_rows.c - rows fetched from D1, kept for one run of the local engine; see local.h. */
#include "proxy/sql/local_rows.h"

#include <stdlib.h>
#include "proxy/base/fault.h"

struct local_rows *local_rows_new(size_t n_columns, size_t max_bytes)
{
    struct local_rows *rows = fault_calloc(1, sizeof(*rows));
    if (!rows)
        return NULL;
    rows->n_columns = n_columns;
    rows->arena = arena_new(max_bytes);
    if (!rows->arena) {
        free(rows);
        return NULL;
    }
    return rows;
}

static bool reserve_row(struct local_rows *rows)
{
    if (rows->n < rows->size)
        return true;
    size_t size = rows->size ? rows->size * 2 : 64;
    struct value **more = fault_realloc(rows->rows, size * sizeof(*more));
    if (!more)
        return false;
    rows->rows = more;
    rows->size = size;
    return true;
}

bool local_rows_add(struct local_rows *rows, const struct value *cells, size_t n_cells)
{
    if (n_cells != rows->n_columns || !reserve_row(rows))
        return false;
    struct value *row = ARENA_ARRAY(rows->arena, struct value, n_cells);
    if (!row)
        return false;
    for (size_t i = 0; i < n_cells; i++) {
        row[i] = cells[i];
        if (cells[i].class == VALUE_TEXT || cells[i].class == VALUE_BLOB) {
            row[i].bytes = arena_str(rows->arena, cells[i].bytes);
            if (!row[i].bytes.p)
                return false;
        }
    }
    rows->rows[rows->n++] = row;
    return true;
}

size_t local_rows_count(const struct local_rows *rows)
{
    return rows->n;
}

size_t local_rows_bytes(const struct local_rows *rows)
{
    return arena_used(rows->arena);
}

void local_rows_free(struct local_rows *rows)
{
    if (!rows)
        return;
    arena_free(rows->arena);
    free(rows->rows);
    free(rows);
}
