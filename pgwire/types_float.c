/*
 * types_float.c - codecs of float4 and float8.
 *
 * Shortest text by R. Giulietti's method ("The Schubfach way to render doubles"): 4c, 4c-2 and 4c+2 times a 128-bit power of
 * ten tell which shortest decimal lies inside the rounding interval. The interval is taken open at both ends, as PostgreSQL
 * does, so that readers that do not round halves to even get the same double too.
 */
#include "pgwire/types_internal.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- shortest digits */

struct decimal {
    uint64_t digits;
    int exponent; /* value = digits * 10^exponent */
};

static const struct {
    uint64_t high, low;
} powers[] = {
#define POWER(k, high, low) { UINT64_C(high), UINT64_C(low) },
#include "pgwire/powers_of_ten.def"
#undef POWER
};
enum { POWER_FIRST = -292 };

/* The high 64 bits of power * c, the lowest one also set when anything was cut off ("round to odd"). */
static uint64_t scaled(int k, uint64_t c)
{
    __uint128_t low = (__uint128_t)powers[k - POWER_FIRST].low * c;
    __uint128_t high = (__uint128_t)powers[k - POWER_FIRST].high * c + (low >> 64);
    return (uint64_t)(high >> 64) | ((uint64_t)high > 1);
}

/* floor(q * log10(2)), with log10(3/4) added when the lower neighbour is at half distance. */
static int decimal_exponent(int q, bool closer)
{
    return (q * 1262611 - (closer ? 524031 : 0)) >> 22;
}

/* floor(k * log2(10)) */
static int binary_exponent(int k)
{
    return (k * 1741647) >> 19;
}

/* The shortest decimal strictly between the neighbours of c * 2^q, and of those the nearest. */
static struct decimal shortest(uint64_t c, int q, bool closer)
{
    int k = decimal_exponent(q, closer);
    int h = q + binary_exponent(-k) + 1;
    uint64_t lower = scaled(-k, (4 * c - 2 + closer) << h) + 1;
    uint64_t v = scaled(-k, 4 * c << h);
    uint64_t upper = scaled(-k, (4 * c + 2) << h) - 1;
    uint64_t s = v / 4, tens = s / 10;
    if (s >= 10) {
        bool below = lower <= 40 * tens, above = 40 * tens + 40 <= upper;
        if (below != above)
            return (struct decimal){ tens + above, k + 1 };
    }
    bool below = lower <= 4 * s, above = 4 * s + 4 <= upper;
    if (below != above)
        return (struct decimal){ s + above, k };
    uint64_t middle = 4 * s + 2;
    return (struct decimal){ s + (v > middle || (v == middle && (s & 1))), k };
}

static struct decimal trimmed(struct decimal d)
{
    while (d.digits && d.digits % 10 == 0) {
        d.digits /= 10;
        d.exponent++;
    }
    return d;
}

/* mantissa: the stored bits; exponent: the stored one; both of a finite number of `bits` fraction bits. */
static struct decimal decimal_of(uint64_t mantissa, int exponent, int bits, int bias)
{
    uint64_t c = exponent ? mantissa | UINT64_C(1) << bits : mantissa;
    int q = (exponent ? exponent : 1) - bias - bits;
    if (c == 0)
        return (struct decimal){ 0, 0 };
    if (q <= 0 && -q <= bits && (c & ((UINT64_C(1) << -q) - 1)) == 0)
        return trimmed((struct decimal){ c >> -q, 0 }); /* a small integer */
    return trimmed(shortest(c, q, mantissa == 0 && exponent > 1));
}

/* ---- text of digits: fixed from 1e-4 up to `fixed_below`, else with an exponent of two digits or more */

static size_t exponent_print(char *out, int e)
{
    size_t n = 0;
    out[n++] = 'e';
    out[n++] = e < 0 ? '-' : '+';
    if (e < 0)
        e = -e;
    if (e >= 100)
        out[n++] = (char)('0' + e / 100);
    out[n++] = (char)('0' + e / 10 % 10);
    out[n++] = (char)('0' + e % 10);
    return n;
}

static size_t scientific_print(char *out, const char *digits, size_t count, int e)
{
    size_t n = 0;
    out[n++] = digits[0];
    if (count > 1) {
        out[n++] = '.';
        memcpy(out + n, digits + 1, count - 1);
        n += count - 1;
    }
    return n + exponent_print(out + n, e);
}

/* point: how many digits stand before the point; may be negative or beyond count. */
static size_t fixed_print(char *out, const char *digits, size_t count, int point)
{
    size_t n = 0;
    if (point <= 0) {
        memcpy(out, "0.", 2);
        memset(out + 2, '0', (size_t)-point);
        n = 2 + (size_t)-point;
        memcpy(out + n, digits, count);
        return n + count;
    }
    size_t whole = (size_t)point;
    if (count <= whole) {
        memcpy(out, digits, count);
        memset(out + count, '0', whole - count);
        return whole;
    }
    memcpy(out, digits, whole);
    out[whole] = '.';
    memcpy(out + whole + 1, digits + whole, count - whole);
    return count + 1;
}

static size_t decimal_print(char *out, struct decimal d, int fixed_below)
{
    char digits[INT64_TEXT_MAX];
    size_t count = int64_print(digits, (int64_t)d.digits);
    int e = d.exponent + (int)count - 1;
    return e < -4 || e >= fixed_below ? scientific_print(out, digits, count, e)
                                      : fixed_print(out, digits, count, e + 1);
}

static size_t special_print(char *out, double v)
{
    const char *text = isnan(v) ? "NaN" : v < 0 ? "-Infinity" : "Infinity";
    memcpy(out, text, strlen(text));
    return strlen(text);
}

enum { FLOAT8_FIXED_BELOW = 15, FLOAT4_FIXED_BELOW = 6 };

static size_t finite_print(char *out, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof(bits));
    size_t n = 0;
    if (bits >> 63)
        out[n++] = '-';
    uint64_t mantissa = bits & ((UINT64_C(1) << 52) - 1);
    struct decimal d = decimal_of(mantissa, (int)(bits >> 52 & 0x7FF), 52, 1023);
    return n + decimal_print(out + n, d, FLOAT8_FIXED_BELOW);
}

size_t float8_print(char *out, double v)
{
    return isfinite(v) ? finite_print(out, v) : special_print(out, v);
}

size_t float8_print_real(char *out, double v)
{
    size_t n = float8_print(out, v);
    if (isfinite(v) && !memchr(out, '.', n) && !memchr(out, 'e', n)) {
        memcpy(out + n, ".0", 2);
        n += 2;
    }
    return n;
}

size_t float4_print(char *out, float v)
{
    uint32_t bits;
    memcpy(&bits, &v, sizeof(bits));
    if (!isfinite(v))
        return special_print(out, (double)v);
    size_t n = 0;
    if (bits >> 31)
        out[n++] = '-';
    struct decimal d = decimal_of(bits & 0x7FFFFF, (int)(bits >> 23 & 0xFF), 23, 127);
    return n + decimal_print(out + n, d, FLOAT4_FIXED_BELOW);
}

/* extra_float_digits of 0 and below: that many digits of precision. */
static size_t rounded_print(char *out, double v, int digits)
{
    if (!isfinite(v))
        return special_print(out, v);
    return (size_t)snprintf(out, FLOAT_TEXT_MAX, "%.*g", digits < 1 ? 1 : digits, v);
}

/* ---- input */

static bool float_range(const struct type_io *io, struct str text, const char *type_name)
{
    return err_set(io->err, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE, "\"%.*s\" is out of range for type %s", STR_FMT(text),
                   type_name);
}

/* What strtod reads, white space around it aside; is_single asks for float4's own rounding. */
static bool float_parse(const struct type_io *io, struct str text, bool is_single, const char *type_name, double *ret)
{
    struct str s = str_trim(text);
    char room[64], *end, *cstr = room;
    if (s.n == 0)
        return io_bad_text(io, type_name, text);
    if (s.n < sizeof(room)) {
        memcpy(room, s.p, s.n);
        room[s.n] = 0;
    } else if ((cstr = arena_cstr(io->arena, s)) == NULL)
        return err_oom(io->err);
    errno = 0;
    double v = is_single ? (double)strtof(cstr, &end) : strtod(cstr, &end);
    if (end != cstr && errno == ERANGE && (v == 0 || isinf(v)))
        return float_range(io, is_single ? text : (struct str){ s.p, (size_t)(end - cstr) }, type_name);
    if (end == cstr || *end)
        return io_bad_text(io, type_name, text);
    *ret = v;
    return true;
}

bool float8_parse(const struct type_io *io, struct str text, double *ret)
{
    return float_parse(io, text, false, "double precision", ret);
}

/* NaN has no REAL in SQLite. */
static struct value real_value(double v)
{
    return isnan(v) ? value_text(STR("NaN")) : value_real(v);
}

static bool float8_in(const struct type_io *io, struct str text, struct value *ret)
{
    double v;
    if (!float8_parse(io, text, &v))
        return false;
    *ret = real_value(v);
    return true;
}

static bool float4_in(const struct type_io *io, struct str text, struct value *ret)
{
    double v;
    if (!float_parse(io, text, true, "real", &v))
        return false;
    *ret = real_value(v);
    return true;
}

static bool float8_receive(const struct type_io *io, struct str bytes, struct value *ret)
{
    double v;
    if (bytes.n != 8)
        return bytes.n < 8 ? io_short(io) : io_bad_binary(io);
    uint64_t bits = load_u64(bytes.p);
    memcpy(&v, &bits, sizeof(v));
    *ret = real_value(v);
    return true;
}

static bool float4_receive(const struct type_io *io, struct str bytes, struct value *ret)
{
    float v;
    if (bytes.n != 4)
        return bytes.n < 4 ? io_short(io) : io_bad_binary(io);
    uint32_t bits = load_u32(bytes.p);
    memcpy(&v, &bits, sizeof(v));
    *ret = real_value((double)v);
    return true;
}

/* ---- output */

/* A cell as a double: REAL, an INTEGER that a double holds exactly, or TEXT 'NaN' and what else reads as a number. */
static bool cell_double(const struct type_io *io, const struct value *v, double *ret)
{
    if (v->class == VALUE_REAL)
        *ret = v->real;
    else if (v->class == VALUE_TEXT)
        return float8_parse(io, v->bytes, ret);
    else if (v->class == VALUE_INTEGER && v->integer >= -(INT64_C(1) << 53) && v->integer <= INT64_C(1) << 53)
        *ret = (double)v->integer;
    else
        return io_bad_cell(io, v);
    return true;
}

static bool float8_out(const struct type_io *io, const struct value *v, struct buf *out)
{
    double d;
    if (!cell_double(io, v, &d))
        return false;
    if (buf_reserve(out, FLOAT_TEXT_MAX))
        out->n += io->settings->extra_float_digits > 0
                      ? float8_print(out->p + out->n, d)
                      : rounded_print(out->p + out->n, d, DBL_DIG + io->settings->extra_float_digits);
    return true;
}

static bool float8_send(const struct type_io *io, const struct value *v, struct buf *out)
{
    double d;
    uint64_t bits;
    if (!cell_double(io, v, &d))
        return false;
    memcpy(&bits, &d, sizeof(bits));
    wr_u64(out, isnan(d) ? UINT64_C(0x7FF8000000000000) : bits);
    return true;
}

static bool cell_float(const struct type_io *io, const struct value *v, float *ret)
{
    double d;
    if (!cell_double(io, v, &d))
        return false;
    *ret = (float)d;
    if (isfinite(d) && (isinf(*ret) || (*ret == 0 && d != 0)))
        return err_set(io->err, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE, "value out of range: %s",
                       isinf(*ret) ? "overflow" : "underflow");
    return true;
}

static bool float4_out(const struct type_io *io, const struct value *v, struct buf *out)
{
    float f;
    if (!cell_float(io, v, &f))
        return false;
    if (buf_reserve(out, FLOAT_TEXT_MAX))
        out->n += io->settings->extra_float_digits > 0
                      ? float4_print(out->p + out->n, f)
                      : rounded_print(out->p + out->n, (double)f, FLT_DIG + io->settings->extra_float_digits);
    return true;
}

static bool float4_send(const struct type_io *io, const struct value *v, struct buf *out)
{
    float f;
    uint32_t bits;
    if (!cell_float(io, v, &f))
        return false;
    memcpy(&bits, &f, sizeof(bits));
    wr_u32(out, isnan(f) ? UINT32_C(0x7FC00000) : bits);
    return true;
}

const struct type_codec codec_float8 = { float8_in, float8_out, float8_receive, float8_send, true, false };
const struct type_codec codec_float4 = { float4_in, float4_out, float4_receive, float4_send, true, false };
