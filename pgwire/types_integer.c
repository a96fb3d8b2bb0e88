/* types_integer.c - codecs of bool, int2, int4, int8, oid and its kin, reg*, xid8. */
#include "pgwire/types_internal.h"

#include <stdlib.h>

bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

size_t int64_print(char *out, int64_t v)
{
    char digits[INT64_TEXT_MAX];
    size_t n = 0, length = 0;
    uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    if (v < 0)
        out[length++] = '-';
    do
        digits[n++] = (char)('0' + u % 10);
    while ((u /= 10) != 0);
    while (n)
        out[length++] = digits[--n];
    return length;
}

void buf_add_i64_text(struct buf *b, int64_t v)
{
    if (buf_reserve(b, INT64_TEXT_MAX))
        b->n += int64_print(b->p + b->n, v);
}

/* ---- bool */

static bool is_prefix_of(struct str s, const char *word, size_t at_least)
{
    return s.n >= at_least && s.n <= strlen(word) && str_eq_nocase(s, (struct str){ word, s.n });
}

/* Unique prefixes of true, false, yes, no, on, off; 1 and 0. */
static bool bool_in(const struct type_io *io, struct str text, struct value *ret)
{
    struct str s = str_trim(text);
    if (is_prefix_of(s, "true", 1) || is_prefix_of(s, "yes", 1) || is_prefix_of(s, "on", 2) || str_is(s, "1"))
        *ret = value_integer(1);
    else if (is_prefix_of(s, "false", 1) || is_prefix_of(s, "no", 1) || is_prefix_of(s, "off", 2) || str_is(s, "0"))
        *ret = value_integer(0);
    else
        return io_bad_text(io, "boolean", text);
    return true;
}

static bool bool_check(const struct type_io *io, const struct value *v)
{
    return v->integer == 0 || v->integer == 1 || io_bad_cell(io, v);
}

static bool bool_out(const struct type_io *io, const struct value *v, struct buf *out)
{
    if (!bool_check(io, v))
        return false;
    buf_add_char(out, v->integer ? 't' : 'f');
    return true;
}

static bool bool_receive(const struct type_io *io, struct str bytes, struct value *ret)
{
    if (bytes.n != 1)
        return bytes.n ? io_bad_binary(io) : io_short(io);
    *ret = value_integer(bytes.p[0] != 0);
    return true;
}

static bool bool_send(const struct type_io *io, const struct value *v, struct buf *out)
{
    if (!bool_check(io, v))
        return false;
    buf_add_char(out, v->integer ? 1 : 0);
    return true;
}

const struct type_codec codec_bool = { bool_in, bool_out, bool_receive, bool_send, false, false };

/* ---- int2, int4, int8: a row each says name and range */

struct integer_type {
    const char *name;
    int64_t min, max;
    int64_t stop; /* digits below this are out of range whatever follows them */
    size_t size;
};

static const struct integer_type int2_type = { "smallint", INT16_MIN, INT16_MAX, INT16_MIN, 2 };
static const struct integer_type int4_type = { "integer", INT32_MIN, INT32_MAX, INT32_MIN, 4 };
static const struct integer_type int8_type = { "bigint", INT64_MIN, INT64_MAX, INT64_MIN, 8 };

static bool integer_range(const struct type_io *io, const struct integer_type *t, struct str text)
{
    return err_set(io->err, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE, "value \"%.*s\" is out of range for type %s",
                   STR_FMT(text), t->name);
}

/* The digits at s after an optional sign, all of s. */
static bool integer_digits(const struct type_io *io, const struct integer_type *t, struct str text, struct str s,
                           int64_t *ret)
{
    bool negative = s.n && s.p[0] == '-';
    size_t i = s.n && (s.p[0] == '-' || s.p[0] == '+');
    int64_t v = 0;
    if (i == s.n)
        return io_bad_text(io, t->name, text);
    for (; i < s.n; i++) {
        int digit = s.p[i] - '0';
        if (digit < 0 || digit > 9)
            return io_bad_text(io, t->name, text);
        /* Counted downwards: the range below zero is the wider one. */
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_sub_overflow(v, digit, &v) || v < t->stop)
            return integer_range(io, t, text);
    }
    if ((!negative && v == INT64_MIN) || (negative ? v < t->min : -v > t->max))
        return integer_range(io, t, text);
    *ret = negative ? v : -v;
    return true;
}

static bool integer_in(const struct type_io *io, const struct integer_type *t, struct str text, struct value *ret)
{
    int64_t v;
    if (!integer_digits(io, t, text, str_trim(text), &v))
        return false;
    *ret = value_integer(v);
    return true;
}

static bool integer_check(const struct type_io *io, const struct integer_type *t, const struct value *v)
{
    return (v->integer >= t->min && v->integer <= t->max) ||
           err_set(io->err, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE, "%s out of range", t->name);
}

static bool integer_length(const struct type_io *io, const struct integer_type *t, struct str bytes)
{
    return bytes.n == t->size || (bytes.n < t->size ? io_short(io) : io_bad_binary(io));
}

#define INTEGER_CODEC(type, bits)                                                                                      \
    static bool type##_in(const struct type_io *io, struct str text, struct value *ret)                                \
    {                                                                                                                  \
        return integer_in(io, &type##_type, text, ret);                                                                \
    }                                                                                                                  \
    static bool type##_out(const struct type_io *io, const struct value *v, struct buf *out)                           \
    {                                                                                                                  \
        if (!integer_check(io, &type##_type, v))                                                                       \
            return false;                                                                                              \
        buf_add_i64_text(out, v->integer);                                                                             \
        return true;                                                                                                   \
    }                                                                                                                  \
    static bool type##_receive(const struct type_io *io, struct str bytes, struct value *ret)                          \
    {                                                                                                                  \
        if (!integer_length(io, &type##_type, bytes))                                                                  \
            return false;                                                                                              \
        *ret = value_integer((int##bits##_t)load_u##bits(bytes.p));                                                    \
        return true;                                                                                                   \
    }                                                                                                                  \
    static bool type##_send(const struct type_io *io, const struct value *v, struct buf *out)                          \
    {                                                                                                                  \
        if (!integer_check(io, &type##_type, v))                                                                       \
            return false;                                                                                              \
        wr_u##bits(out, (uint##bits##_t)v->integer);                                                                   \
        return true;                                                                                                   \
    }                                                                                                                  \
    const struct type_codec codec_##type = { type##_in, type##_out, type##_receive, type##_send, false, false };

INTEGER_CODEC(int2, 16)
INTEGER_CODEC(int4, 32)
INTEGER_CODEC(int8, 64)

/* ---- oid: unsigned 32 bits; the text form also takes what a C int holds ("-1" is 4294967295) */

static const struct integer_type oid_type = { "oid", 0, UINT32_MAX, INT64_MIN, 4 };

static bool oid_in(const struct type_io *io, struct str text, struct value *ret)
{
    static const struct integer_type wide = { "oid", INT32_MIN, UINT32_MAX, INT64_MIN, 4 };
    int64_t v;
    if (!integer_digits(io, &wide, text, str_trim(text), &v))
        return false;
    *ret = value_integer((uint32_t)v);
    return true;
}

static bool oid_out(const struct type_io *io, const struct value *v, struct buf *out)
{
    if (!integer_check(io, &oid_type, v))
        return false;
    buf_add_i64_text(out, v->integer);
    return true;
}

static bool oid_receive(const struct type_io *io, struct str bytes, struct value *ret)
{
    if (!integer_length(io, &oid_type, bytes))
        return false;
    *ret = value_integer(load_u32(bytes.p));
    return true;
}

static bool oid_send(const struct type_io *io, const struct value *v, struct buf *out)
{
    if (!integer_check(io, &oid_type, v))
        return false;
    wr_u32(out, (uint32_t)v->integer);
    return true;
}

const struct type_codec codec_oid = { oid_in, oid_out, oid_receive, oid_send, false, false };

/* ---- reg*: the OID; "-" is none. Names are resolved by the catalogue before a value gets here. */

static bool reg_in(const struct type_io *io, struct str text, struct value *ret)
{
    if (str_is(text, "-")) {
        *ret = value_integer(0);
        return true;
    }
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] < '0' || text.p[i] > '9')
            return err_unsupported(io->err, "name \"%.*s\" as a value of type %s", STR_FMT(text), io->type->name);
    return oid_in(io, text, ret);
}

static bool reg_out(const struct type_io *io, const struct value *v, struct buf *out)
{
    if (v->integer != 0)
        return oid_out(io, v, out);
    buf_add_char(out, '-');
    return true;
}

const struct type_codec codec_reg = { reg_in, reg_out, oid_receive, oid_send, false, false };

/* ---- xid, cid, xid8: whatever strtoul makes of the text, as in PostgreSQL: "12abc" is 12, "0x10" is 16, "" is 0 */

static bool xid_parse(const struct type_io *io, struct str text, uint64_t *ret)
{
    const char *cstr = arena_cstr(io->arena, text);
    if (!cstr)
        return err_oom(io->err);
    *ret = strtoull(cstr, NULL, 0);
    return true;
}

static bool xid_in(const struct type_io *io, struct str text, struct value *ret)
{
    uint64_t v = 0;
    if (!xid_parse(io, text, &v))
        return false;
    *ret = value_integer((uint32_t)v);
    return true;
}

const struct type_codec codec_xid = { xid_in, oid_out, oid_receive, oid_send, false, false };

/* Those above int8 have no storage form. */
static bool xid8_value(const struct type_io *io, uint64_t v, struct value *ret)
{
    if (v > INT64_MAX)
        return err_unsupported(io->err, "xid8 above 9223372036854775807");
    *ret = value_integer((int64_t)v);
    return true;
}

static bool xid8_in(const struct type_io *io, struct str text, struct value *ret)
{
    uint64_t v = 0;
    return xid_parse(io, text, &v) && xid8_value(io, v, ret);
}

static bool xid8_receive(const struct type_io *io, struct str bytes, struct value *ret)
{
    return integer_length(io, &int8_type, bytes) && xid8_value(io, load_u64(bytes.p), ret);
}

const struct type_codec codec_xid8 = { xid8_in, int8_out, xid8_receive, int8_send, false, false };
