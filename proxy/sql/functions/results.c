/* results.c - see results.h. */
#include "proxy/sql/functions/results.h"

#include <math.h>
#include "pgwire/jsonb.h"

void result_buf(sqlite3_context *c, struct buf *b)
{
    if (b->failed)
        fail_with(c, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "a value that is worked out here would be longer than %zu bytes",
                  b->cap);
    else
        local_result_text(c, buf_str(b));
    buf_fini(b);
}

/* A REAL as SQLite reads it back: "1.0", not "1". */
static bool add_real(struct buf *out, struct arena *arena, double v)
{
    const struct value real = value_real(v);
    struct err ignored;
    size_t from = out->n;
    if (!isfinite(v)) {
        buf_add_str(out, isnan(v) ? STR("\"NaN\"") : v < 0 ? STR("\"-Infinity\"") : STR("\"Infinity\""));
        return true;
    }
    err_init(&ignored, arena);
    if (!type_encode(TYPE_OID_float8, -1, WIRE_TEXT, &real, type_settings_default(), arena, out, &ignored))
        return false;
    for (size_t i = from; i < out->n; i++)
        if (out->p[i] != '-' && (out->p[i] < '0' || out->p[i] > '9'))
            return true;
    buf_add_str(out, STR(".0"));
    return true;
}

static void add_blob(struct buf *out, struct str blob)
{
    buf_add_char(out, '"');
    if (blob.n <= SIZE_MAX / 4 && buf_reserve(out, 2 * blob.n)) {
        str_hex(blob, out->p + out->n);
        out->n += 2 * blob.n;
    }
    buf_add_char(out, '"');
}

bool add_cell(struct buf *out, struct arena *arena, const struct value *v)
{
    switch (v->class) {
    case VALUE_NULL:
        buf_add_str(out, STR("null"));
        return true;
    case VALUE_INTEGER:
        buf_printf(out, "%lld", (long long)v->integer);
        return true;
    case VALUE_REAL:
        return add_real(out, arena, v->real);
    case VALUE_TEXT:
        json_print_string(v->bytes, out);
        return true;
    case VALUE_BLOB:
        add_blob(out, v->bytes);
        return true;
    }
    return false;
}

/* ---- sets */

void rows_start(struct rows *r, sqlite3_context *c)
{
    *r = (struct rows){ .c = c };
    buf_init(&r->text, MAX_ROWS_TEXT);
    buf_add_char(&r->text, '[');
}

static bool too_many(struct rows *r)
{
    err_set(errors(r->c), SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "a set-returning function gives too many rows");
    err_hint(errors(r->c), "At most %d rows and %d bytes of them are worked out here.", (int)MAX_ROWS,
             (int)MAX_ROWS_TEXT);
    local_fail(r->c);
    return false;
}

bool rows_add(struct rows *r, const struct value *cells, size_t n)
{
    if (r->n == MAX_ROWS)
        return too_many(r);
    if (r->n++)
        buf_add_char(&r->text, ',');
    if (n != 1)
        buf_add_char(&r->text, '[');
    for (size_t i = 0; i < n; i++) {
        if (i)
            buf_add_char(&r->text, ',');
        if (!add_cell(&r->text, scratch(r->c), &cells[i])) {
            local_fail(r->c);
            return false;
        }
    }
    if (n != 1)
        buf_add_char(&r->text, ']');
    return !r->text.failed || too_many(r);
}

void rows_give(struct rows *r)
{
    buf_add_char(&r->text, ']');
    result_buf(r->c, &r->text);
}

void rows_drop(struct rows *r)
{
    buf_fini(&r->text);
}
