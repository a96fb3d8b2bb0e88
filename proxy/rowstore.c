/* rowstore.c - see rowstore.h. A cell is its class, and 8 bytes of number or of length with the bytes behind it. */
#include "proxy/rowstore.h"

#include "proxy/base/fault.h"

void rowstore_init(struct rowstore *r, size_t n_cells, size_t cap)
{
    *r = (struct rowstore){ .n_cells = n_cells, .cap = cap };
    buf_init(&r->bytes, cap);
}

void rowstore_fini(struct rowstore *r)
{
    buf_fini(&r->bytes);
    free(r->starts);
    *r = (struct rowstore){ 0 };
}

void rowstore_clear(struct rowstore *r)
{
    r->bytes.n = 0;
    r->n = 0;
}

static bool room_for_row(struct rowstore *r)
{
    if (r->n < r->size)
        return true;
    size_t size = r->size ? r->size * 2 : 64;
    size_t *starts = size * sizeof(*starts) > r->cap ? NULL : fault_realloc(r->starts, size * sizeof(*starts));
    if (!starts)
        return false;
    r->starts = starts;
    r->size = size;
    return true;
}

static void add_cell(struct buf *b, const struct value *v)
{
    buf_add_char(b, (char)v->class);
    switch (v->class) {
    case VALUE_NULL:
        break;
    case VALUE_INTEGER:
        buf_add(b, &v->integer, sizeof(v->integer));
        break;
    case VALUE_REAL:
        buf_add(b, &v->real, sizeof(v->real));
        break;
    case VALUE_TEXT:
    case VALUE_BLOB:
        buf_add(b, &v->bytes.n, sizeof(v->bytes.n));
        buf_add_str(b, v->bytes);
        break;
    }
}

bool rowstore_add(struct rowstore *r, const struct value *cells, size_t n_cells)
{
    size_t start = r->bytes.n;
    if (n_cells != r->n_cells || !room_for_row(r))
        return false;
    for (size_t i = 0; i < n_cells; i++)
        add_cell(&r->bytes, &cells[i]);
    if (r->bytes.failed)
        return false;
    r->starts[r->n++] = start;
    return true;
}

static const char *read_cell(const char *p, struct value *v)
{
    v->class = (enum value_class) * p++;
    switch (v->class) {
    case VALUE_NULL:
        break;
    case VALUE_INTEGER:
        memcpy(&v->integer, p, sizeof(v->integer));
        p += sizeof(v->integer);
        break;
    case VALUE_REAL:
        memcpy(&v->real, p, sizeof(v->real));
        p += sizeof(v->real);
        break;
    case VALUE_TEXT:
    case VALUE_BLOB:
        memcpy(&v->bytes.n, p, sizeof(v->bytes.n));
        v->bytes.p = p + sizeof(v->bytes.n);
        p = v->bytes.p + v->bytes.n;
        break;
    }
    return p;
}

void rowstore_row(const struct rowstore *r, size_t at, struct value *cells)
{
    const char *p = r->bytes.p + r->starts[at];
    for (size_t i = 0; i < r->n_cells; i++)
        p = read_cell(p, &cells[i]);
}
