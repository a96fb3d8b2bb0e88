/* types_numeric.c - codec of numeric: canonical decimal text <-> base-10000 digits, without arithmetic. */
#include "pgwire/types_internal.h"

#include "pgwire/numeric.h"

enum { SIGN_POSITIVE = 0x0000, SIGN_NEGATIVE = 0x4000, SIGN_NAN = 0xC000, SIGN_INFINITY = 0xD000, SIGN_MINUS = 0xF000 };

static bool numeric_in(const struct type_io *io, struct str text, struct value *ret)
{
    struct str canonical;
    if (!numeric_normalize(text, io->arena, &canonical, io->err))
        return false;
    if (canonical.p == text.p && (canonical = arena_str(io->arena, text)).p == NULL)
        return err_oom(io->err);
    *ret = value_text(canonical);
    return true;
}

/* ---- cells to canonical text */

/* A number from a column of numeric(p<=15,s), shown with the scale of the column. */
static bool number_text(const struct type_io *io, const struct value *v, struct str *ret)
{
    AUTO_NUMERIC(n);
    if (v->class == VALUE_INTEGER)
        numeric_from_int64(&n, v->integer);
    else
        numeric_from_double(&n, v->real, 15);
    if (io->typmod >= 4 && n.class == NUMERIC_FINITE)
        numeric_round(&n, &n, numeric_typmod_scale(io->typmod));
    struct str text = numeric_print(&n, io->arena);
    if (!text.p)
        return err_oom(io->err);
    *ret = text;
    return true;
}

/* Digits after the point of canonical text. */
static size_t text_scale(struct str s)
{
    const char *point = s.n ? memchr(s.p, '.', s.n) : NULL;
    return point ? (size_t)(s.p + s.n - point) - 1 : 0;
}

/* Text with fewer digits than the column shows gets its zeros; it never loses a digit. */
static bool pad_scale(const struct type_io *io, struct str *text)
{
    int scale = io->typmod >= 4 ? numeric_typmod_scale(io->typmod) : 0;
    size_t have = text_scale(*text);
    if (scale <= 0 || have >= (size_t)scale || text->p[text->n - 1] > '9')
        return true;
    size_t zeros = (size_t)scale - have;
    char *p = arena_alloc(io->arena, text->n + zeros + 1);
    if (!p)
        return err_oom(io->err);
    memcpy(p, text->p, text->n);
    size_t n = text->n;
    if (have == 0)
        p[n++] = '.';
    memset(p + n, '0', zeros);
    *text = (struct str){ p, n + zeros };
    return true;
}

static bool cell_numeric(const struct type_io *io, const struct value *v, struct str *ret)
{
    if (v->class == VALUE_INTEGER || v->class == VALUE_REAL)
        return number_text(io, v, ret);
    if (v->class != VALUE_TEXT)
        return io_bad_cell(io, v);
    return numeric_normalize(v->bytes, io->arena, ret, io->err) && pad_scale(io, ret);
}

static bool numeric_out(const struct type_io *io, const struct value *v, struct buf *out)
{
    struct str text;
    if (!cell_numeric(io, v, &text))
        return false;
    buf_add_str(out, text);
    return true;
}

/* ---- canonical text to binary */

/* PostgreSQL sends its flag of infinities in the place of the scale; the same bytes here. */
static bool send_special(uint16_t sign, struct buf *out)
{
    wr_u16(out, 0);
    wr_u16(out, 0);
    wr_u16(out, sign);
    wr_u16(out, sign == SIGN_NAN ? 0 : 32);
    return true;
}

/* The decimal digits around the point, read as if zeros went on at both ends. */
struct span {
    const char *whole, *fraction;
    int64_t whole_n, fraction_n;
};

static int span_digit(const struct span *s, int64_t at) /* 0: the first digit after the point */
{
    if (at < 0)
        return at >= -s->whole_n ? s->whole[s->whole_n + at] - '0' : 0;
    return at < s->fraction_n ? s->fraction[at] - '0' : 0;
}

/* The base-10000 digit of a weight. */
static uint16_t span_group(const struct span *s, int64_t weight)
{
    int v = 0;
    for (int64_t at = -4 * (weight + 1); at < -4 * weight; at++)
        v = v * 10 + span_digit(s, at);
    return (uint16_t)v;
}

static void send_digits(const struct span *s, bool negative, struct buf *out)
{
    int64_t first = (s->whole_n + 3) / 4 - 1, last = -((s->fraction_n + 3) / 4);
    while (first >= last && span_group(s, first) == 0)
        first--;
    while (last <= first && span_group(s, last) == 0)
        last++;
    size_t count = first >= last ? (size_t)(first - last + 1) : 0;
    if (!buf_reserve(out, 8 + 2 * count))
        return;
    wr_u16(out, (uint16_t)count);
    wr_u16(out, (uint16_t)(count ? first : 0));
    wr_u16(out, negative ? SIGN_NEGATIVE : SIGN_POSITIVE);
    wr_u16(out, (uint16_t)s->fraction_n);
    for (size_t i = 0; i < count; i++)
        wr_u16(out, span_group(s, first - (int64_t)i));
}

static bool numeric_send(const struct type_io *io, const struct value *v, struct buf *out)
{
    struct str text;
    if (!cell_numeric(io, v, &text))
        return false;
    if (str_is(text, "NaN"))
        return send_special(SIGN_NAN, out);
    if (text.p[text.n - 1] == 'y')
        return send_special(text.p[0] == '-' ? SIGN_MINUS : SIGN_INFINITY, out);
    bool negative = text.p[0] == '-';
    size_t scale = text_scale(text), whole = text.n - negative - scale - (scale > 0);
    struct span span = { text.p + negative, text.p + text.n - scale, (int64_t)whole, (int64_t)scale };
    send_digits(&span, negative, out);
    return true;
}

/* ---- binary to canonical text */

struct wire_numeric {
    size_t count;
    int weight;
    unsigned sign, scale;
    const char *digits;
};

static bool invalid(const struct type_io *io, const char *what)
{
    return err_set(io->err, SQLSTATE_INVALID_BINARY_REPRESENTATION, "invalid %s in external \"numeric\" value", what);
}

static bool read_header(const struct type_io *io, struct str bytes, struct wire_numeric *w)
{
    if (bytes.n < 8)
        return io_short(io);
    *w = (struct wire_numeric){ load_u16(bytes.p), (int16_t)load_u16(bytes.p + 2), load_u16(bytes.p + 4),
                                load_u16(bytes.p + 6), bytes.p + 8 };
    if (w->sign != SIGN_POSITIVE && w->sign != SIGN_NEGATIVE && w->sign != SIGN_NAN && w->sign != SIGN_INFINITY &&
        w->sign != SIGN_MINUS)
        return invalid(io, "sign");
    if (w->scale > NUMERIC_MAX_SCALE)
        return invalid(io, "scale");
    if (bytes.n - 8 < 2 * w->count)
        return io_short(io);
    for (size_t i = 0; i < w->count; i++)
        if (load_u16(w->digits + 2 * i) >= 10000)
            return invalid(io, "digit");
    return bytes.n - 8 == 2 * w->count || io_bad_binary(io);
}

static unsigned wire_group(const struct wire_numeric *w, int weight)
{
    int i = w->weight - weight;
    return i >= 0 && (size_t)i < w->count ? load_u16(w->digits + 2 * (size_t)i) : 0;
}

static void group_print(char *out, unsigned v)
{
    out[0] = (char)('0' + v / 1000);
    out[1] = (char)('0' + v / 100 % 10);
    out[2] = (char)('0' + v / 10 % 10);
    out[3] = (char)('0' + v % 10);
}

static bool digits_text(const struct type_io *io, const struct wire_numeric *w, struct value *ret)
{
    int top = w->weight < -1 ? -1 : w->weight;
    while (top >= 0 && wire_group(w, top) == 0)
        top--;
    size_t room = (size_t)(top + 1) * 4 + w->scale + 8;
    char *p = arena_alloc(io->arena, room), *at = p + 1; /* p[0] waits for the sign */
    if (!p)
        return err_oom(io->err);
    char *start = at;
    for (int weight = top; weight >= 0; weight--, at += 4)
        group_print(at, wire_group(w, weight));
    while (start < at && *start == '0')
        start++;
    if (start == at)
        *(start = p + 1) = '0', at = start + 1;
    if (w->scale)
        *at++ = '.';
    char *end = at + w->scale; /* digits beyond the scale are dropped, as PostgreSQL drops them */
    for (int weight = -1; at < end; weight--, at += 4)
        group_print(at, wire_group(w, weight));
    bool zero = true;
    for (char *c = start; c < end && zero; c++)
        zero = *c == '0' || *c == '.';
    if (w->sign == SIGN_NEGATIVE && !zero)
        *--start = '-';
    *ret = value_text((struct str){ start, (size_t)(end - start) });
    return true;
}

static bool numeric_receive(const struct type_io *io, struct str bytes, struct value *ret)
{
    struct wire_numeric w = { 0 };
    if (!read_header(io, bytes, &w))
        return false;
    if (w.sign == SIGN_NAN)
        *ret = value_text(STR("NaN"));
    else if (w.sign == SIGN_INFINITY)
        *ret = value_text(STR("Infinity"));
    else if (w.sign == SIGN_MINUS)
        *ret = value_text(STR("-Infinity"));
    else
        return digits_text(io, &w, ret);
    return true;
}

const struct type_codec codec_numeric = { numeric_in, numeric_out, numeric_receive, numeric_send, true, true };
