/* wire.c - see wire.h. */
#include "pgwire/wire.h"

#include <stdio.h>

struct rd rd_from(struct str bytes)
{
    const unsigned char *p = (const unsigned char *)(bytes.p ? bytes.p : "");
    return (struct rd){ .p = p, .end = p + bytes.n };
}

bool rd_fail(struct rd *r, const char *why)
{
    if (!r->bad) {
        r->bad = true;
        r->why = why;
    }
    r->p = r->end;
    return false;
}

/* n bytes, or NULL. */
static const unsigned char *take(struct rd *r, size_t n)
{
    if (r->bad || rd_left(r) < n) {
        rd_fail(r, "insufficient data left in message");
        return NULL;
    }
    const unsigned char *p = r->p;
    r->p += n;
    return p;
}

uint8_t rd_u8(struct rd *r)
{
    const unsigned char *p = take(r, 1);
    return p ? p[0] : 0;
}

uint16_t rd_u16(struct rd *r)
{
    const unsigned char *p = take(r, 2);
    return p ? be_get16(p) : 0;
}

uint32_t rd_u32(struct rd *r)
{
    const unsigned char *p = take(r, 4);
    return p ? be_get32(p) : 0;
}

uint64_t rd_u64(struct rd *r)
{
    uint64_t high = rd_u32(r);
    return high << 32 | rd_u32(r);
}

struct str rd_take(struct rd *r, size_t n)
{
    const unsigned char *p = take(r, n);
    return p ? (struct str){ (const char *)p, n } : (struct str){ 0 };
}

struct str rd_cstr(struct rd *r)
{
    const unsigned char *nul = r->bad ? NULL : memchr(r->p, 0, rd_left(r));
    if (!nul) {
        rd_fail(r, "invalid string in message");
        return (struct str){ 0 };
    }
    struct str s = { (const char *)r->p, (size_t)(nul - r->p) };
    r->p = nul + 1;
    return s;
}

struct str rd_rest(struct rd *r)
{
    return rd_take(r, rd_left(r));
}

struct str rd_cell(struct rd *r)
{
    int32_t n = rd_i32(r);
    if (n == -1)
        return (struct str){ 0 };
    if (n < 0) {
        rd_fail(r, "insufficient data left in message");
        return (struct str){ 0 };
    }
    return rd_take(r, (size_t)n);
}

bool rd_done(struct rd *r)
{
    if (!r->bad && r->p != r->end)
        rd_fail(r, "invalid message format");
    return !r->bad;
}

bool rd_error(const struct rd *r, struct err *err)
{
    return err_set(err, SQLSTATE_PROTOCOL_VIOLATION, "%s", r->why ? r->why : "invalid message format");
}

/* What the first byte of a sequence promises, as PostgreSQL's pg_utf_mblen counts. */
static size_t utf8_promised(unsigned char c)
{
    if ((c & 0xE0) == 0xC0)
        return 2;
    if ((c & 0xF0) == 0xE0)
        return 3;
    return (c & 0xF8) == 0xF0 ? 4 : 1;
}

bool wire_check_utf8(struct str s, struct str around, struct err *err)
{
    size_t bad;
    if (str_is_utf8(s, &bad))
        return true;
    const unsigned char *p = (const unsigned char *)around.p + bad;
    size_t n = utf8_promised(p[0]), left = around.n - bad;
    char text[4 * 5 + 1] = "";
    size_t at = 0;
    for (size_t i = 0; i < n && i < left; i++)
        at += (size_t)snprintf(text + at, sizeof(text) - at, "%s0x%02x", i ? " " : "", p[i]);
    return err_set(err, SQLSTATE_CHARACTER_NOT_IN_REPERTOIRE, "invalid byte sequence for encoding \"UTF8\": %s", text);
}

/* n bytes at the end of the buf to fill in, or NULL once it has failed. */
static char *grow(struct buf *b, size_t n)
{
    if (!buf_reserve(b, n))
        return NULL;
    char *p = b->p + b->n;
    b->n += n;
    return p;
}

void wr_u8(struct buf *b, uint8_t v)
{
    buf_add_char(b, (char)v);
}

void wr_u16(struct buf *b, uint16_t v)
{
    char *p = grow(b, 2);
    if (p)
        be_put16(p, v);
}

void wr_u32(struct buf *b, uint32_t v)
{
    char *p = grow(b, 4);
    if (p)
        be_put32(p, v);
}

void wr_u64(struct buf *b, uint64_t v)
{
    wr_u32(b, (uint32_t)(v >> 32));
    wr_u32(b, (uint32_t)v);
}

void wr_cstr(struct buf *b, struct str s)
{
    const char *nul = s.n ? memchr(s.p, 0, s.n) : NULL;
    buf_add(b, s.p, nul ? (size_t)(nul - s.p) : s.n);
    buf_add_char(b, 0);
}

size_t wr_begin(struct buf *b, char tag)
{
    if (tag)
        buf_add_char(b, tag);
    size_t mark = b->n;
    wr_u32(b, 0);
    return mark;
}

/* Fills in the length word at mark with the bytes from there on, less `uncounted`. */
static void close_length(struct buf *b, size_t mark, size_t uncounted)
{
    if (b->failed)
        return;
    size_t n = b->n - mark - uncounted;
    if (n > INT32_MAX)
        b->failed = true;
    else
        be_put32(b->p + mark, (uint32_t)n);
}

void wr_end(struct buf *b, size_t mark)
{
    close_length(b, mark, 0);
}

size_t wr_cell_begin(struct buf *b)
{
    return wr_begin(b, 0);
}

void wr_cell_end(struct buf *b, size_t mark)
{
    close_length(b, mark, 4);
}

void wr_cell(struct buf *b, struct str bytes)
{
    if (bytes.n > INT32_MAX) {
        b->failed = true;
        return;
    }
    char *p = grow(b, 4 + bytes.n);
    if (!p)
        return;
    be_put32(p, (uint32_t)bytes.n);
    if (bytes.n)
        memcpy(p + 4, bytes.p, bytes.n);
}

void wr_cell_null(struct buf *b)
{
    wr_u32(b, UINT32_MAX);
}
