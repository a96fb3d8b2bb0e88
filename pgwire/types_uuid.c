/* types_uuid.c - codec of uuid. */
#include "pgwire/types_internal.h"

enum { UUID_BYTES = 16, UUID_TEXT = 36 };

static void uuid_print(char *out, const char *bytes)
{
    static const char digits[] = "0123456789abcdef";
    for (int i = 0; i < UUID_BYTES; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *out++ = '-';
        *out++ = digits[(unsigned char)bytes[i] >> 4];
        *out++ = digits[(unsigned char)bytes[i] & 15];
    }
}

/* 32 digits; a hyphen may stand after every fourth, and braces around. */
static bool uuid_parse(const struct type_io *io, struct str text, char *bytes)
{
    struct str s = text;
    if (s.n >= 2 && s.p[0] == '{' && s.p[s.n - 1] == '}')
        s = (struct str){ s.p + 1, s.n - 2 };
    size_t at = 0;
    for (size_t i = 0; i < UUID_BYTES; i++) {
        int high = at < s.n ? hex_digit(s.p[at]) : -1, low = at + 1 < s.n ? hex_digit(s.p[at + 1]) : -1;
        if (high < 0 || low < 0)
            return io_bad_text(io, "uuid", text);
        bytes[i] = (char)(high << 4 | low);
        at += 2;
        if (i % 2 == 1 && i < UUID_BYTES - 1 && at < s.n && s.p[at] == '-')
            at++;
    }
    return at == s.n || io_bad_text(io, "uuid", text);
}

static bool uuid_value(const struct type_io *io, const char *bytes, struct value *ret)
{
    char text[UUID_TEXT];
    uuid_print(text, bytes);
    struct str copy = arena_str(io->arena, (struct str){ text, UUID_TEXT });
    *ret = value_text(copy);
    return copy.p ? true : err_oom(io->err);
}

static bool uuid_in(const struct type_io *io, struct str text, struct value *ret)
{
    char bytes[UUID_BYTES];
    return uuid_parse(io, text, bytes) && uuid_value(io, bytes, ret);
}

static bool uuid_receive(const struct type_io *io, struct str bytes, struct value *ret)
{
    if (bytes.n != UUID_BYTES)
        return bytes.n < UUID_BYTES ? io_short(io) : io_bad_binary(io);
    return uuid_value(io, bytes.p, ret);
}

/* TEXT in any spelling, or the 16 bytes in a BLOB, as other programs store them. */
static bool cell_bytes(const struct type_io *io, const struct value *v, char *bytes)
{
    if (v->class == VALUE_TEXT)
        return uuid_parse(io, v->bytes, bytes);
    if (v->class != VALUE_BLOB || v->bytes.n != UUID_BYTES)
        return io_bad_cell(io, v);
    memcpy(bytes, v->bytes.p, UUID_BYTES);
    return true;
}

static bool uuid_out(const struct type_io *io, const struct value *v, struct buf *out)
{
    char bytes[UUID_BYTES];
    if (!cell_bytes(io, v, bytes))
        return false;
    if (buf_reserve(out, UUID_TEXT)) {
        uuid_print(out->p + out->n, bytes);
        out->n += UUID_TEXT;
    }
    return true;
}

static bool uuid_send(const struct type_io *io, const struct value *v, struct buf *out)
{
    char bytes[UUID_BYTES];
    if (!cell_bytes(io, v, bytes))
        return false;
    buf_add(out, bytes, UUID_BYTES);
    return true;
}

const struct type_codec codec_uuid = { uuid_in, uuid_out, uuid_receive, uuid_send, true, false };
