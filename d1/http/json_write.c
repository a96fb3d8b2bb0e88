/* json_write.c - see json_write.h. */
#include "d1/http/json_write.h"

#include <inttypes.h>

static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c != '"' && c != '\\';
}

static void write_escaped(struct buf *out, struct str s)
{
    size_t i = 0;
    while (i < s.n) {
        size_t start = i;
        while (i < s.n && is_plain((unsigned char)s.p[i]))
            i++;
        buf_add(out, s.p + start, i - start);
        if (i == s.n)
            return;
        unsigned char c = (unsigned char)s.p[i++];
        if (c >= 0x20)
            buf_printf(out, "\\%c", c);
        else
            buf_printf(out, "\\u%04x", c);
    }
}

void json_write_string(struct buf *out, struct str s)
{
    buf_add_char(out, '"');
    write_escaped(out, s);
    buf_add_char(out, '"');
}

static void write_hex(struct buf *out, struct str s)
{
    static const char digits[] = "0123456789abcdef";
    buf_add_char(out, '"');
    if (buf_reserve(out, s.n * 2 + 1)) {
        for (size_t i = 0; i < s.n; i++) {
            unsigned char c = (unsigned char)s.p[i];
            out->p[out->n++] = digits[c >> 4];
            out->p[out->n++] = digits[c & 15];
        }
    }
    buf_add_char(out, '"');
}

void json_write_parameter(struct buf *out, const struct value *v)
{
    switch (v->class) {
    case VALUE_NULL:
        buf_add_str(out, STR("null"));
        return;
    case VALUE_INTEGER:
        buf_printf(out, "\"%" PRId64 "\"", v->integer);
        return;
    case VALUE_REAL:
        buf_printf(out, "%.17g", v->real);
        return;
    case VALUE_TEXT:
        json_write_string(out, v->bytes);
        return;
    case VALUE_BLOB:
        write_hex(out, v->bytes);
        return;
    }
}
