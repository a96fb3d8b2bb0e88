/* rows.c - rows packed one after the other: header, cells, the cells' bytes; see rows.h. */
#include "d1/embedded/rows.h"

#include <stdlib.h>
#include "d1/sqlite_value.h"
#include "proxy/base/fault.h"

enum { SMALL_CHUNK = 2048 - 64, CHUNK = 32768 - 64, ALIGN = 8 };

struct emb_chunk {
    struct emb_chunk *next;
    size_t size, used, read;
    _Alignas(ALIGN) unsigned char bytes[];
};

struct row_header {
    size_t size, statement, n_cells; /* size: with this header, aligned */
    struct value cells[];
};

static size_t cell_bytes(const struct value *v)
{
    return v->class == VALUE_TEXT || v->class == VALUE_BLOB ? v->bytes.n : 0;
}

bool emb_row_read(sqlite3_stmt *stmt, struct value *ret_cells, size_t *ret_n, size_t *ret_bytes)
{
    int n = sqlite3_data_count(stmt);
    size_t bytes = 0;
    for (int i = 0; i < n; i++) {
        struct value *v = &ret_cells[i];
        if (!sqlite_value_column(stmt, i, v))
            return false;
        if (v->class == VALUE_INTEGER || v->class == VALUE_REAL)
            bytes += 8;
        else
            bytes += cell_bytes(v);
    }
    *ret_n = (size_t)n;
    *ret_bytes = bytes;
    return true;
}

static struct emb_chunk *chunk_new(size_t size)
{
    struct emb_chunk *c = fault_malloc(sizeof(*c) + size);
    if (c)
        *c = (struct emb_chunk){ .size = size };
    return c;
}

static struct emb_chunk *chunk_for(struct emb_rows *rows, size_t n)
{
    struct emb_chunk *c = rows->last;
    if (c && c->size - c->used >= n)
        return c;
    size_t size = c ? CHUNK : SMALL_CHUNK;
    c = chunk_new(n > size ? n : size);
    if (!c)
        return NULL;
    if (rows->last)
        rows->last->next = c;
    else
        rows->first = c;
    rows->last = c;
    return c;
}

bool emb_rows_add(struct emb_rows *rows, const struct emb_row *row)
{
    size_t cells = row->n_cells * sizeof(struct value), bytes = 0;
    for (size_t i = 0; i < row->n_cells; i++)
        bytes += cell_bytes(&row->cells[i]);
    size_t size = (sizeof(struct row_header) + cells + bytes + ALIGN - 1) / ALIGN * ALIGN;
    struct emb_chunk *c = chunk_for(rows, size);
    if (!c)
        return false;
    struct row_header *h = (struct row_header *)(void *)(c->bytes + c->used);
    *h = (struct row_header){ .size = size, .statement = row->statement, .n_cells = row->n_cells };
    char *p = (char *)&h->cells[row->n_cells];
    for (size_t i = 0; i < row->n_cells; i++) {
        h->cells[i] = row->cells[i];
        size_t n = cell_bytes(&row->cells[i]);
        if (row->cells[i].class != VALUE_TEXT && row->cells[i].class != VALUE_BLOB)
            continue;
        if (n)
            memcpy(p, row->cells[i].bytes.p, n);
        h->cells[i].bytes.p = p;
        p += n;
    }
    c->used += size;
    rows->bytes += size;
    return true;
}

bool emb_rows_next(struct emb_rows *rows, struct emb_row *ret)
{
    struct emb_chunk *c = rows->first;
    while (c && c->read == c->used && c->next) {
        rows->first = c->next;
        free(c);
        c = rows->first;
    }
    if (!c || c->read == c->used)
        return false;
    struct row_header *h = (struct row_header *)(void *)(c->bytes + c->read);
    *ret = (struct emb_row){ .statement = h->statement, .n_cells = h->n_cells, .cells = h->cells };
    c->read += h->size;
    rows->bytes -= h->size;
    return true;
}

void emb_rows_append(struct emb_rows *to, struct emb_rows *from)
{
    if (!from->first)
        return;
    if (emb_rows_empty(to))
        emb_rows_fini(to);
    if (to->last)
        to->last->next = from->first;
    else
        to->first = from->first;
    to->last = from->last;
    to->bytes += from->bytes;
    *from = (struct emb_rows){ 0 };
}

void emb_rows_clear(struct emb_rows *rows)
{
    struct emb_chunk *keep = rows->first && rows->first->size == SMALL_CHUNK ? rows->first : NULL;
    for (struct emb_chunk *c = keep ? keep->next : rows->first, *next; c; c = next) {
        next = c->next;
        free(c);
    }
    if (keep) {
        keep->next = NULL;
        keep->used = keep->read = 0;
    }
    *rows = (struct emb_rows){ .first = keep, .last = keep };
}

void emb_rows_fini(struct emb_rows *rows)
{
    emb_rows_clear(rows);
    free(rows->first);
    *rows = (struct emb_rows){ 0 };
}
