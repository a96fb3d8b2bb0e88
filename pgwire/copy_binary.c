/* copy_binary.c - see copy_binary.h. */
#include "pgwire/copy_binary.h"

#include <stdlib.h>
#include "pgwire/wire.h"
#include "proxy/base/fault.h"

enum { SIGNATURE = 11, HEADER = SIGNATURE + 4 + 4, PIECE = 4096 };
static const char signature[SIGNATURE + 1] = "PGCOPY\n\377\r\n";
#define FLAG_OIDS (UINT32_C(1) << 16)
#define FLAGS_CRITICAL UINT32_C(0xFFFE0000)

static bool bad_file(struct err *err, const char *text)
{
    return err_set(err, SQLSTATE_BAD_COPY_FILE_FORMAT, "%s", text);
}

bool copy_binary_in_init(struct copy_binary_in *c, const struct copy_target *target, size_t max_row, struct err *err)
{
    *c = (struct copy_binary_in){ .target = target, .max_row = max_row };
    buf_init(&c->pending, max_row + HEADER + 2 * PIECE);
    c->fields = fault_calloc(target->n_columns + 1, sizeof(*c->fields));
    c->is_failed = !c->fields;
    return c->fields || err_oom(err);
}

void copy_binary_in_fini(struct copy_binary_in *c)
{
    free(c->fields);
    buf_fini(&c->pending);
    *c = (struct copy_binary_in){ .is_failed = true };
}

void copy_binary_in_give(struct copy_binary_in *c, struct str chunk)
{
    c->chunk = chunk;
}

void copy_binary_in_last(struct copy_binary_in *c)
{
    c->is_last = true;
}

/* What reading a part of the stream from a window came to. */
enum part { PART_MORE, PART_DONE, PART_END, PART_ERROR };

static enum part part_error(struct err *err, const char *text)
{
    bad_file(err, text);
    return PART_ERROR;
}

/* Signature, flags, length of the extension; *ret_used the bytes of it. */
static enum part read_header(struct copy_binary_in *c, struct str w, size_t *ret_used, struct err *err)
{
    size_t seen = w.n < SIGNATURE ? w.n : SIGNATURE;
    if ((seen && memcmp(w.p, signature, seen) != 0) || (c->is_last && seen < SIGNATURE))
        return part_error(err, "COPY file signature not recognized");
    if (w.n < HEADER) {
        if (!c->is_last)
            return PART_MORE;
        const char *what = w.n < SIGNATURE + 4 ? "flags" : "length";
        err_set(err, SQLSTATE_BAD_COPY_FILE_FORMAT, "invalid COPY file header (missing %s)", what);
        return PART_ERROR;
    }
    uint32_t flags = be_get32(w.p + SIGNATURE), extension = be_get32(w.p + SIGNATURE + 4);
    if (flags & FLAG_OIDS)
        return part_error(err, "invalid COPY file header (WITH OIDS)");
    if (flags & FLAGS_CRITICAL)
        return part_error(err, "unrecognized critical flags in COPY file header");
    if (extension > INT32_MAX)
        return part_error(err, "invalid COPY file header (missing length)");
    c->has_header = true;
    c->skip = extension;
    *ret_used = HEADER;
    return PART_DONE;
}

static enum part unexpected_end(const struct copy_binary_in *c, struct err *err)
{
    return c->is_last ? part_error(err, "unexpected EOF in COPY data") : PART_MORE;
}

static enum part too_long(const struct copy_binary_in *c, struct err *err)
{
    err_set(err, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "row of COPY data is longer than %zu bytes", c->max_row);
    return PART_ERROR;
}

/* One field at *at; its length is checked against the row's limit before anybody waits for its bytes. */
static enum part read_field(const struct copy_binary_in *c, struct str w, size_t *at, struct str *ret, struct err *err)
{
    if (w.n - *at < 4)
        return unexpected_end(c, err);
    uint32_t length = be_get32(w.p + *at);
    *at += 4;
    *ret = (struct str){ 0 };
    if (length == UINT32_MAX)
        return PART_DONE;
    if (length > INT32_MAX)
        return part_error(err, "invalid field size");
    if (*at > c->max_row || length > c->max_row - *at)
        return too_long(c, err);
    if (w.n - *at < length)
        return unexpected_end(c, err);
    *ret = (struct str){ w.p + *at, length };
    *at += length;
    return PART_DONE;
}

void copy_binary_in_context(const struct copy_binary_in *c, size_t column, struct err *err)
{
    unsigned long long row = c->row_number;
    if (column < c->target->n_columns)
        err->context = arena_printf(err->arena, "COPY %.*s, line %llu, column %.*s", STR_FMT(c->target->relation), row,
                                    STR_FMT(c->target->columns[column]));
    else
        err->context = arena_printf(err->arena, "COPY %.*s, line %llu", STR_FMT(c->target->relation), row);
}

/* Only the end of the stream may follow the trailer. */
static enum part read_trailer(const struct copy_binary_in *c, struct str w, struct err *err)
{
    if (w.n > 2 || c->chunk.n > 0)
        return part_error(err, "received copy data after EOF marker");
    return c->is_last ? PART_END : PART_MORE;
}

static enum part read_tuple(struct copy_binary_in *c, struct str w, size_t *ret_used, struct err *err)
{
    size_t expected = c->target->n_columns, at = 2;
    if (w.n < 2)
        return c->is_last ? PART_END : PART_MORE; /* PostgreSQL takes a stream without trailer too */
    int16_t count = (int16_t)be_get16(w.p);
    if (count == -1)
        return read_trailer(c, w, err);
    if (count < 0 || (size_t)count != expected) {
        err_set(err, SQLSTATE_BAD_COPY_FILE_FORMAT, "row field count is %d, expected %zu", count, expected);
        return PART_ERROR;
    }
    for (size_t i = 0; i < expected; i++) {
        enum part part = read_field(c, w, &at, &c->fields[i], err);
        if (part == PART_ERROR)
            copy_binary_in_context(c, i, err);
        if (part != PART_DONE)
            return part;
    }
    *ret_used = at;
    return PART_DONE;
}

static enum part read_part(struct copy_binary_in *c, struct str w, size_t *ret_used, struct err *err)
{
    return c->has_header ? read_tuple(c, w, ret_used, err) : read_header(c, w, ret_used, err);
}

/* Passes over the header's extension. */
static enum part skip_extension(struct copy_binary_in *c, struct err *err)
{
    size_t n = c->skip < c->chunk.n ? c->skip : c->chunk.n;
    if (n) {
        c->chunk = (struct str){ c->chunk.p + n, c->chunk.n - n };
        c->skip -= n;
    }
    if (c->skip == 0)
        return PART_DONE;
    return c->is_last ? part_error(err, "invalid COPY file header (wrong length)") : PART_MORE;
}

static enum part keep(struct copy_binary_in *c, struct str bytes, struct err *err)
{
    buf_add_str(&c->pending, bytes);
    if (!c->pending.failed)
        return PART_MORE;
    err_oom(err);
    return PART_ERROR;
}

/* A part that lies whole in the chunk is read where it is; the rest waits in pending. */
static enum part read_in_chunk(struct copy_binary_in *c, struct err *err)
{
    struct str w = c->chunk;
    size_t used = 0;
    c->chunk = (struct str){ 0 };
    enum part part = read_part(c, w, &used, err);
    if (part == PART_DONE)
        c->chunk = (struct str){ w.p + used, w.n - used };
    return part == PART_MORE ? keep(c, w, err) : part;
}

static enum part read_gathered(struct copy_binary_in *c, struct err *err)
{
    bool is_last = c->is_last;
    for (;;) {
        size_t used = 0, n = c->chunk.n < PIECE ? c->chunk.n : PIECE;
        struct str piece = { c->chunk.p, n };
        if (keep(c, piece, err) == PART_ERROR)
            return PART_ERROR;
        c->chunk = n ? (struct str){ piece.p + n, c->chunk.n - n } : (struct str){ 0 };
        c->is_last = is_last && c->chunk.n == 0;
        enum part part = read_part(c, buf_str(&c->pending), &used, err);
        c->is_last = is_last;
        if (part == PART_DONE) {
            size_t back = c->pending.n - used; /* lies in this piece: without it the part was not whole */
            if (back)
                c->chunk = (struct str){ piece.p + n - back, c->chunk.n + back };
            c->used = used;
        }
        if (part != PART_MORE || c->chunk.n == 0)
            return part;
    }
}

/* One part: the header or a tuple. */
static enum part next_part(struct copy_binary_in *c, struct err *err)
{
    if (c->used) { /* the last part's bytes are no longer needed */
        c->used = 0;
        buf_reset(&c->pending);
    }
    if (c->skip > 0) {
        enum part part = skip_extension(c, err);
        if (part != PART_DONE)
            return part;
    }
    if (c->chunk.n == 0 && !c->is_last)
        return PART_MORE;
    return c->pending.n == 0 && c->chunk.n > 0 ? read_in_chunk(c, err) : read_gathered(c, err);
}

static enum copy_result fail(struct copy_binary_in *c, struct err *err)
{
    if (err->context.n == 0 && c->has_header && c->skip == 0)
        copy_binary_in_context(c, SIZE_MAX, err);
    c->is_failed = true;
    return COPY_ERROR;
}

static enum copy_result next_row(struct copy_binary_in *c, struct copy_row *ret, struct err *err)
{
    for (;;) {
        bool is_header = !c->has_header;
        if (!is_header && !c->is_started) {
            c->is_started = true;
            c->row_number++;
        }
        switch (next_part(c, err)) {
        case PART_MORE:
            return COPY_MORE;
        case PART_ERROR:
            return fail(c, err);
        case PART_END:
            c->is_ended = true;
            return COPY_END;
        case PART_DONE:
            c->is_started = false;
            break;
        }
        if (is_header)
            continue;
        *ret = (struct copy_row){ c->fields, c->target->n_columns };
        return COPY_ROW;
    }
}

enum copy_result copy_binary_in_next(struct copy_binary_in *c, struct copy_row *ret, struct err *err)
{
    if (c->is_failed) {
        bad_file(err, "COPY data could not be read");
        return COPY_ERROR;
    }
    return c->is_ended ? COPY_END : next_row(c, ret, err);
}

void copy_binary_out_header(struct buf *out)
{
    buf_add(out, signature, SIGNATURE);
    wr_u32(out, 0);
    wr_u32(out, 0);
}

void copy_binary_out_row(const struct str *fields, size_t n, struct buf *out)
{
    if (n > INT16_MAX)
        out->failed = true;
    wr_u16(out, (uint16_t)n);
    for (size_t i = 0; i < n; i++) {
        if (fields[i].p)
            wr_cell(out, fields[i]);
        else
            wr_cell_null(out);
    }
}

void copy_binary_out_trailer(struct buf *out)
{
    wr_u16(out, UINT16_MAX);
}
