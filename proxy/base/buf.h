/*
 * buf.h - bytes that grow up to a stated cap.
 *
 * Owns     its block; buf_fini() frees it.
 * Fails    sticky: after the cap or a failed allocation every write is swallowed and `failed` stays true,
 *          so a writer checks once, at the end.
 * Not here reading: cursors live beside the decoders (pgwire/wire.h).
 */
#ifndef PGD1_BASE_BUF_H
#define PGD1_BASE_BUF_H

#include <stdarg.h>
#include "proxy/base/str.h"

struct buf {
    char *p;
    size_t n, size, cap;
    bool failed;
};

void buf_init(struct buf *b, size_t cap);
void buf_fini(struct buf *b);
void buf_reset(struct buf *b); /* empty again and not failed; keeps the block */
bool buf_reserve(struct buf *b, size_t more);
void buf_add(struct buf *b, const void *p, size_t n);
void buf_add_char(struct buf *b, char c);
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *format, va_list args) __attribute__((format(printf, 2, 0)));

static inline void buf_add_str(struct buf *b, struct str s)
{
    buf_add(b, s.p, s.n);
}

static inline struct str buf_str(const struct buf *b)
{
    return (struct str){ b->p, b->n };
}

#endif
