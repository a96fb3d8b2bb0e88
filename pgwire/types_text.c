/* types_text.c - codecs of the character types, bytea and void; UTF-8. */
#include "pgwire/types_internal.h"

#include <stdio.h>

/* ---- UTF-8 */

/* How many bytes PostgreSQL shows of a bad sequence: what its lead byte announces. */
static size_t announced_length(unsigned char lead)
{
    return lead >= 0xF0 && lead <= 0xF7 ? 4 : lead >= 0xE0 && lead < 0xF0 ? 3 : lead >= 0xC0 && lead < 0xE0 ? 2 : 1;
}

static bool bad_utf8(struct str text, size_t at, struct err *err)
{
    char shown[4 * 5 + 1] = "";
    size_t n = announced_length((unsigned char)text.p[at]);
    if (n > text.n - at)
        n = text.n - at;
    for (size_t i = 0; i < n; i++)
        snprintf(shown + 5 * i, sizeof(shown) - 5 * i, " 0x%02x", (unsigned char)text.p[at + i]);
    return err_set(err, SQLSTATE_CHARACTER_NOT_IN_REPERTOIRE, "invalid byte sequence for encoding \"UTF8\":%s", shown);
}

bool text_check_utf8(struct str text, struct err *err)
{
    size_t at;
    return str_is_utf8(text, &at) || bad_utf8(text, at, err);
}

/* ---- text, varchar, unknown, refcursor, cstring */

static bool keep(const struct type_io *io, struct str text, struct value *ret)
{
    struct str copy = arena_str(io->arena, text);
    *ret = value_text(copy);
    return copy.p ? true : err_oom(io->err);
}

static bool text_out(const struct type_io *io, const struct value *v, struct buf *out)
{
    (void)io;
    buf_add_str(out, v->bytes);
    return true;
}

static bool text_receive(const struct type_io *io, struct str bytes, struct value *ret)
{
    return text_check_utf8(bytes, io->err) && keep(io, bytes, ret);
}

const struct type_codec codec_text = { keep, text_out, text_receive, text_out, false, true };

/* Types that PostgreSQL itself only shows: aclitem, pg_node_tree. */
const struct type_codec codec_text_only = { keep, text_out, NULL, NULL, false, false };

/* ---- name: cut to 63 bytes without splitting a character, as PostgreSQL does */

enum { NAME_MAX_BYTES = 63 };

static bool continues(char c)
{
    return ((unsigned char)c & 0xC0) == 0x80;
}

static struct str name_cut(struct str s)
{
    if (s.n > NAME_MAX_BYTES) {
        s.n = NAME_MAX_BYTES;
        while (s.n && continues(s.p[s.n]))
            s.n--;
    }
    return s;
}

static bool name_in(const struct type_io *io, struct str text, struct value *ret)
{
    return keep(io, name_cut(text), ret);
}

static bool name_receive(const struct type_io *io, struct str bytes, struct value *ret)
{
    if (!text_check_utf8(bytes, io->err))
        return false;
    if (bytes.n <= NAME_MAX_BYTES)
        return keep(io, bytes, ret);
    err_set(io->err, SQLSTATE_NAME_TOO_LONG, "identifier too long");
    return err_detail(io->err, "Identifier must be less than 64 characters.");
}

const struct type_codec codec_name = { name_in, text_out, name_receive, text_out, false, true };

/* ---- bpchar: stored without its padding, shown with it */

static struct str unpadded(struct str s)
{
    while (s.n && s.p[s.n - 1] == ' ')
        s.n--;
    return s;
}

static bool bpchar_in(const struct type_io *io, struct str text, struct value *ret)
{
    return keep(io, unpadded(text), ret);
}

static bool bpchar_receive(const struct type_io *io, struct str bytes, struct value *ret)
{
    return text_check_utf8(bytes, io->err) && bpchar_in(io, bytes, ret);
}

static bool bpchar_out(const struct type_io *io, const struct value *v, struct buf *out)
{
    buf_add_str(out, v->bytes);
    if (io->typmod < 4)
        return true;
    size_t width = (size_t)io->typmod - 4, length = str_characters(v->bytes);
    if (length < width && buf_reserve(out, width - length)) {
        memset(out->p + out->n, ' ', width - length);
        out->n += width - length;
    }
    return true;
}

const struct type_codec codec_bpchar = { bpchar_in, bpchar_out, bpchar_receive, bpchar_out, false, true };

/* ---- "char": one byte; '' is zero, a byte above 127 is kept and shown as \ooo */

static bool is_octal(const char *p)
{
    return p[0] >= '0' && p[0] <= '3' && p[1] >= '0' && p[1] <= '7' && p[2] >= '0' && p[2] <= '7';
}

static bool char_of_byte(const struct type_io *io, unsigned char c, struct value *ret)
{
    char text[5] = { (char)c };
    if (c >= 0x80)
        snprintf(text, sizeof(text), "\\%03o", c);
    return keep(io, str_from(text), ret);
}

static unsigned char char_byte(struct str text)
{
    /* PostgreSQL lets \400 wrap around to zero. */
    if (text.n == 4 && text.p[0] == '\\' && is_octal((char[]){ (char)(text.p[1] & ~4), text.p[2], text.p[3] }))
        return (unsigned char)((text.p[1] - '0') << 6 | (text.p[2] - '0') << 3 | (text.p[3] - '0'));
    return text.n ? (unsigned char)text.p[0] : 0;
}

static bool char_in(const struct type_io *io, struct str text, struct value *ret)
{
    return char_of_byte(io, char_byte(text), ret);
}

static bool char_receive(const struct type_io *io, struct str bytes, struct value *ret)
{
    if (bytes.n != 1)
        return bytes.n ? io_bad_binary(io) : io_short(io);
    return char_of_byte(io, (unsigned char)bytes.p[0], ret);
}

static bool char_send(const struct type_io *io, const struct value *v, struct buf *out)
{
    (void)io;
    buf_add_char(out, (char)char_byte(v->bytes));
    return true;
}

const struct type_codec codec_char = { char_in, text_out, char_receive, char_send, false, true };

/* ---- bytea */

static bool bad_hex_digit(const struct type_io *io, struct str at)
{
    size_t n = str_offset_of(at, 1);
    return err_set(io->err, SQLSTATE_INVALID_PARAMETER_VALUE, "invalid hexadecimal digit: \"%.*s\"", (int)n, at.p);
}

/* "\x" and pairs of digits; white space between pairs is skipped. */
static bool bytea_in_hex(const struct type_io *io, struct str s, struct value *ret)
{
    char *p = arena_alloc(io->arena, s.n / 2 + 1);
    size_t n = 0;
    if (!p)
        return err_oom(io->err);
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == ' ' || s.p[i] == '\n' || s.p[i] == '\t' || s.p[i] == '\r')
            continue;
        int high = hex_digit(s.p[i]);
        if (high < 0)
            return bad_hex_digit(io, (struct str){ s.p + i, s.n - i });
        if (++i == s.n)
            return err_set(io->err, SQLSTATE_INVALID_PARAMETER_VALUE, "invalid hexadecimal data: odd number of digits");
        int low = hex_digit(s.p[i]);
        if (low < 0)
            return bad_hex_digit(io, (struct str){ s.p + i, s.n - i });
        p[n++] = (char)(high << 4 | low);
    }
    *ret = value_blob((struct str){ p, n });
    return true;
}

/* Text in which "\\" is a backslash and "\ooo" a byte. */
static bool bytea_in_escape(const struct type_io *io, struct str s, struct value *ret)
{
    char *p = arena_alloc(io->arena, s.n + 1);
    size_t n = 0;
    if (!p)
        return err_oom(io->err);
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] != '\\')
            p[n++] = s.p[i];
        else if (s.n - i >= 4 && is_octal(s.p + i + 1)) {
            p[n++] = (char)char_byte((struct str){ s.p + i, 4 });
            i += 3;
        } else if (s.n - i >= 2 && s.p[i + 1] == '\\')
            p[n++] = s.p[++i];
        else
            return err_set(io->err, SQLSTATE_INVALID_TEXT_REPRESENTATION, "invalid input syntax for type bytea");
    }
    *ret = value_blob((struct str){ p, n });
    return true;
}

static bool bytea_in(const struct type_io *io, struct str text, struct value *ret)
{
    if (str_starts(text, STR("\\x")))
        return bytea_in_hex(io, (struct str){ text.p + 2, text.n - 2 }, ret);
    return bytea_in_escape(io, text, ret);
}

static bool bytea_receive(const struct type_io *io, struct str bytes, struct value *ret)
{
    struct str copy = arena_str(io->arena, bytes);
    *ret = value_blob(copy);
    return copy.p ? true : err_oom(io->err);
}

struct str text_blob_hex(struct arena *arena, struct str blob, const char *prefix)
{
    size_t lead = strlen(prefix);
    char *p = blob.n < SIZE_MAX / 4 ? arena_alloc(arena, lead + 2 * blob.n + 1) : NULL;
    if (!p)
        return (struct str){ 0 };
    memcpy(p, prefix, lead);
    str_hex(blob, p + lead);
    return (struct str){ p, lead + 2 * blob.n };
}

static void bytea_out_escape(struct str blob, struct buf *out)
{
    for (size_t i = 0; i < blob.n; i++) {
        unsigned char c = (unsigned char)blob.p[i];
        if (c == '\\')
            buf_add(out, "\\\\", 2);
        else if (c >= 0x20 && c <= 0x7e)
            buf_add_char(out, (char)c);
        else
            buf_add(out, (char[]){ '\\', (char)('0' + (c >> 6)), (char)('0' + (c >> 3 & 7)), (char)('0' + (c & 7)) },
                    4);
    }
}

static bool bytea_out(const struct type_io *io, const struct value *v, struct buf *out)
{
    if (io->settings->bytea_output == BYTEA_OUTPUT_ESCAPE) {
        bytea_out_escape(v->bytes, out);
        return true;
    }
    buf_add(out, "\\x", 2);
    if (v->bytes.n > SIZE_MAX / 4 || !buf_reserve(out, 2 * v->bytes.n))
        return err_oom(io->err);
    str_hex(v->bytes, out->p + out->n);
    out->n += 2 * v->bytes.n;
    return true;
}

const struct type_codec codec_bytea = { bytea_in, bytea_out, bytea_receive, text_out, false, false };

/* ---- void */

static bool void_in(const struct type_io *io, struct str text, struct value *ret)
{
    (void)io, (void)text;
    *ret = value_text(STR(""));
    return true;
}

static bool void_out(const struct type_io *io, const struct value *v, struct buf *out)
{
    (void)io, (void)v, (void)out;
    return true;
}

const struct type_codec codec_void = { void_in, void_out, void_in, void_out, true, false };
