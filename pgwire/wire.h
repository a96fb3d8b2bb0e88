/*
 * wire.h - the two cursors of the protocol: reading integers and strings out of a message, writing them into a buf.
 *
 * Owns     nothing: what rd_take() and rd_cstr() answer points into the message.
 * Fails    sticky. After a read that does not fit, `bad` stays true, `why` keeps PostgreSQL's wording, every further read
 *          answers zero or an empty view; a decoder checks once, with rd_done(). Writers: the buf's own sticky `failed`.
 * Not here what a message means (frontend.h, backend.h), where it starts and ends (frame.h).
 *
 * All integers are big-endian (protocol 55.2).
 */
#ifndef PGD1_PGWIRE_WIRE_H
#define PGD1_PGWIRE_WIRE_H

#include "proxy/base/buf.h"
#include "proxy/base/err.h"

struct rd {
    const unsigned char *p, *end;
    bool bad;
    const char *why; /* constant text; NULL while good */
};

struct rd rd_from(struct str bytes);
/* Fails the cursor with a constant reason; the first one stays. Answers false. */
bool rd_fail(struct rd *r, const char *why);
static inline size_t rd_left(const struct rd *r)
{
    return (size_t)(r->end - r->p);
}
uint8_t rd_u8(struct rd *r);
uint16_t rd_u16(struct rd *r);
uint32_t rd_u32(struct rd *r);
uint64_t rd_u64(struct rd *r);
static inline int16_t rd_i16(struct rd *r)
{
    return (int16_t)rd_u16(r);
}
static inline int32_t rd_i32(struct rd *r)
{
    return (int32_t)rd_u32(r);
}
static inline int64_t rd_i64(struct rd *r)
{
    return (int64_t)rd_u64(r);
}
struct str rd_take(struct rd *r, size_t n); /* exactly n bytes */
struct str rd_cstr(struct rd *r);           /* up to the next NUL, which is consumed and not part of the view */
struct str rd_rest(struct rd *r);           /* all that is left */
/* One int32 length and its bytes; length -1 is NULL and answers {NULL, 0} (a zero length has a pointer). */
struct str rd_cell(struct rd *r);
/* Nothing short and nothing left over. Fails the cursor when bytes remain, so that `why` is set. */
bool rd_done(struct rd *r);

/* Sets 08P01 with the cursor's reason, as PostgreSQL words it; answers false. */
bool rd_error(const struct rd *r, struct err *err);
/* Well-formed UTF-8 without NUL, else 22021 `invalid byte sequence for encoding "UTF8": 0xc3 0x28`. `around` is s or a
 * longer view starting at s.p: its bytes complete a sequence that the end of s cuts. */
bool wire_check_utf8(struct str s, struct str around, struct err *err);

/* Big-endian access to bytes known to be there. */
static inline uint16_t be_get16(const void *p)
{
    const unsigned char *b = p;
    return (uint16_t)(b[0] << 8 | b[1]);
}
static inline uint32_t be_get32(const void *p)
{
    const unsigned char *b = p;
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}
static inline void be_put16(void *p, uint16_t v)
{
    unsigned char *b = p;
    b[0] = (unsigned char)(v >> 8);
    b[1] = (unsigned char)v;
}
static inline void be_put32(void *p, uint32_t v)
{
    unsigned char *b = p;
    b[0] = (unsigned char)(v >> 24);
    b[1] = (unsigned char)(v >> 16);
    b[2] = (unsigned char)(v >> 8);
    b[3] = (unsigned char)v;
}

void wr_u8(struct buf *b, uint8_t v);
void wr_u16(struct buf *b, uint16_t v);
void wr_u32(struct buf *b, uint32_t v);
void wr_u64(struct buf *b, uint64_t v);
/* The bytes before the first NUL, if any, and a NUL: a NUL inside would shift what follows. */
void wr_cstr(struct buf *b, struct str s);
/* A message: tag (0: none) and a reserved length word; wr_end() fills it in with the bytes since, itself included. The
 * mark is an offset, so the buf may move. A message of 2 GB or more fails the buf. */
size_t wr_begin(struct buf *b, char tag);
void wr_end(struct buf *b, size_t mark);
/* A cell: a reserved length word that does not count itself. wr_cell_null() writes the -1 of a NULL. */
size_t wr_cell_begin(struct buf *b);
void wr_cell_end(struct buf *b, size_t mark);
void wr_cell(struct buf *b, struct str bytes);
void wr_cell_null(struct buf *b);

#endif
