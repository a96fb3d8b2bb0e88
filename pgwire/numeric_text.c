/* numeric_text.c - decimal text <-> struct numeric, and text to canonical text without arithmetic; see numeric.h. */
#include "pgwire/numeric.h"

#include <limits.h>

/* A number as it was written: digits may contain one point. */
struct written {
    enum numeric_class class;
    bool negative;
    struct str digits;
    size_t before, after; /* digits before and after the point */
    long exponent;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool syntax(struct str text, struct err *err)
{
    return err_set(err, SQLSTATE_INVALID_TEXT_REPRESENTATION, "invalid input syntax for type numeric: \"%.*s\"",
                   STR_FMT(text));
}

static bool overflow(struct err *err)
{
    return err_set(err, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE, "value overflows numeric format");
}

static bool scan_special(struct str s, enum numeric_class *ret)
{
    static const struct {
        const char *name;
        enum numeric_class class;
    } names[] = {
        { "nan", NUMERIC_NAN },
        { "infinity", NUMERIC_INFINITY },
        { "+infinity", NUMERIC_INFINITY },
        { "inf", NUMERIC_INFINITY },
        { "+inf", NUMERIC_INFINITY },
        { "-inf", NUMERIC_MINUS_INFINITY },
        { "-infinity", NUMERIC_MINUS_INFINITY },
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (str_eq_nocase(s, str_from(names[i].name))) {
            *ret = names[i].class;
            return true;
        }
    return false;
}

/* The exponent after 'e'; white space before its sign is let through, as strtol does in PostgreSQL 15. */
static bool scan_exponent(struct str text, struct str s, long *ret, struct err *err)
{
    s = str_trim(s);
    bool negative = s.n && s.p[0] == '-';
    size_t i = s.n && (s.p[0] == '-' || s.p[0] == '+');
    long v = 0;
    if (i == s.n || !is_digit(s.p[i]))
        return syntax(text, err);
    for (; i < s.n && is_digit(s.p[i]); i++)
        if (v < INT_MAX)
            v = v * 10 + (s.p[i] - '0');
    if (v >= INT_MAX / 2)
        return overflow(err);
    if (i < s.n)
        return syntax(text, err);
    *ret = negative ? -v : v;
    return true;
}

static bool scan(struct str text, struct written *w, struct err *err)
{
    struct str s = str_trim(text);
    size_t i = 0;
    bool point = false;
    *w = (struct written){ .class = NUMERIC_FINITE };
    if (scan_special(s, &w->class))
        return true;
    if (s.n && (s.p[0] == '-' || s.p[0] == '+'))
        w->negative = s.p[i++] == '-';
    size_t start = i;
    for (; i < s.n && (is_digit(s.p[i]) || (s.p[i] == '.' && !point)); i++) {
        if (s.p[i] == '.')
            point = true;
        else if (point)
            w->after++;
        else
            w->before++;
    }
    w->digits = (struct str){ s.p + start, i - start };
    if (w->before + w->after == 0)
        return syntax(text, err);
    if (i == s.n)
        return true;
    if (s.p[i] != 'e' && s.p[i] != 'E')
        return syntax(text, err);
    return scan_exponent(text, (struct str){ s.p + i + 1, s.n - i - 1 }, &w->exponent, err);
}

/* Where the digits stand once the exponent is applied and the leading zeros are gone. */
struct layout {
    size_t skip;   /* leading zeros of the written digits */
    int64_t whole; /* digits before the point; negative: zeros after the point before the first digit */
    int64_t scale;
    bool zero;
};

static bool lay_out(const struct written *w, struct layout *l, struct err *err)
{
    size_t zeros = 0, n = w->before + w->after;
    for (size_t i = 0; i < w->digits.n && (w->digits.p[i] == '0' || w->digits.p[i] == '.'); i++)
        zeros += w->digits.p[i] == '0';
    l->skip = zeros;
    l->zero = zeros == n;
    l->whole = (int64_t)w->before - (int64_t)zeros + w->exponent;
    l->scale = (int64_t)w->after - w->exponent;
    if (l->scale < 0)
        l->scale = 0;
    if (l->scale > NUMERIC_MAX_SCALE || (!l->zero && l->whole > NUMERIC_MAX_WEIGHT))
        return overflow(err);
    return true;
}

/* The written digits from the skip'th on, one by one, then zeros without end. */
struct digits {
    const char *p, *end;
};

static struct digits digits_from(const struct written *w, size_t skip)
{
    struct digits d = { w->digits.p, w->digits.p + w->digits.n };
    for (; skip; d.p++)
        skip -= *d.p != '.';
    return d;
}

static char digit_next(struct digits *d)
{
    if (d->p < d->end && *d->p == '.')
        d->p++;
    return d->p < d->end ? *d->p++ : '0';
}

static struct str print_written(const struct written *w, const struct layout *l, struct arena *arena)
{
    int64_t whole = l->zero || l->whole < 0 ? 0 : l->whole;
    int64_t gap = l->zero ? l->scale : l->whole < 0 ? -l->whole : 0; /* zeros after the point before the digits */
    char *p = arena_alloc(arena, (size_t)(whole + l->scale) + 4), *at = p;
    if (!p)
        return (struct str){ 0 };
    struct digits d = digits_from(w, l->skip);
    if (w->negative && !l->zero)
        *at++ = '-';
    for (int64_t i = 0; i < whole; i++)
        *at++ = digit_next(&d);
    if (whole == 0)
        *at++ = '0';
    if (l->scale > 0)
        *at++ = '.';
    for (int64_t i = 0; i < l->scale; i++)
        *at++ = i < gap ? '0' : digit_next(&d);
    return (struct str){ p, (size_t)(at - p) };
}

static struct str special_text(enum numeric_class class)
{
    return class == NUMERIC_NAN ? STR("NaN") : class == NUMERIC_INFINITY ? STR("Infinity") : STR("-Infinity");
}

/* Already canonical, which is the rule for what comes out of storage: nothing to copy. */
static bool is_canonical(struct str s)
{
    size_t i = s.n && s.p[0] == '-', start = i;
    bool nonzero = false;
    for (; i < s.n && is_digit(s.p[i]); i++)
        nonzero |= s.p[i] != '0';
    if (i == start || (i - start > 1 && s.p[start] == '0') || i - start > NUMERIC_MAX_WEIGHT)
        return false;
    if (i < s.n) {
        size_t fraction = s.n - i - 1;
        if (s.p[i++] != '.' || fraction == 0 || fraction > NUMERIC_MAX_SCALE)
            return false;
        for (; i < s.n && is_digit(s.p[i]); i++)
            nonzero |= s.p[i] != '0';
    }
    return i == s.n && (nonzero || start == 0);
}

bool numeric_normalize(struct str text, struct arena *arena, struct str *ret, struct err *err)
{
    struct written w;
    struct layout l;
    struct str out;
    if (is_canonical(text)) {
        *ret = text;
        return true;
    }
    if (!scan(text, &w, err))
        return false;
    if (w.class != NUMERIC_FINITE) {
        *ret = special_text(w.class);
        return true;
    }
    if (!lay_out(&w, &l, err))
        return false;
    out = print_written(&w, &l, arena);
    if (!out.p)
        return err_oom(err);
    *ret = out;
    return true;
}

bool numeric_parse(struct numeric *ret, struct str text, struct err *err)
{
    struct written w;
    struct layout l;
    if (!scan(text, &w, err))
        return false;
    if (w.class != NUMERIC_FINITE) {
        ret->class = w.class;
        ret->scale = 0;
        mpz_set_ui(ret->unscaled, 0);
        return true;
    }
    if (!lay_out(&w, &l, err))
        return false;
    /* The digits as one integer: at most what the limits above allow, and the written zeros behind it. */
    size_t n = l.zero ? 0 : (size_t)(l.whole + l.scale > 0 ? l.whole + l.scale : 0);
    char *digits = arena_alloc(err->arena, n + 2);
    if (!digits)
        return err_oom(err);
    struct digits d = digits_from(&w, l.skip);
    for (size_t i = 0; i < n; i++)
        digits[i] = digit_next(&d);
    mpz_set_str(ret->unscaled, n ? digits : "0", 10);
    if (w.negative)
        mpz_neg(ret->unscaled, ret->unscaled);
    ret->class = NUMERIC_FINITE;
    ret->scale = (int)l.scale;
    return true;
}

struct str numeric_print(const struct numeric *n, struct arena *arena)
{
    if (n->class != NUMERIC_FINITE)
        return special_text(n->class);
    size_t scale = (size_t)n->scale;
    /* Room for the sign, a leading zero, the point and GMP's NUL; digits are put at the end and moved once. */
    size_t size = mpz_sizeinbase(n->unscaled, 10) + scale + 4;
    char *digits = arena_alloc(arena, size), *p = arena_alloc(arena, size);
    if (!digits || !p)
        return (struct str){ 0 };
    mpz_get_str(digits, 10, n->unscaled);
    bool negative = digits[0] == '-';
    size_t count = strlen(digits) - negative, at = 0;
    const char *from = digits + negative;
    if (negative)
        p[at++] = '-';
    size_t whole = count > scale ? count - scale : 0;
    if (whole == 0)
        p[at++] = '0';
    memcpy(p + at, from, whole);
    at += whole;
    if (scale == 0)
        return (struct str){ p, at };
    p[at++] = '.';
    size_t zeros = scale - (count - whole);
    memset(p + at, '0', zeros);
    memcpy(p + at + zeros, from + whole, count - whole);
    return (struct str){ p, at + scale };
}
