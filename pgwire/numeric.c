/* numeric.c - exact arithmetic with PostgreSQL's scales; see numeric.h. */
#include "pgwire/numeric.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

void numeric_init(struct numeric *n)
{
    n->class = NUMERIC_FINITE;
    n->scale = 0;
    mpz_init(n->unscaled);
}

void numeric_fini(struct numeric *n)
{
    mpz_clear(n->unscaled);
}

void numeric_copy(struct numeric *ret, const struct numeric *n)
{
    if (ret == n)
        return;
    ret->class = n->class;
    ret->scale = n->scale;
    mpz_set(ret->unscaled, n->unscaled);
}

static void set_special(struct numeric *ret, enum numeric_class class)
{
    ret->class = class;
    ret->scale = 0;
    mpz_set_ui(ret->unscaled, 0);
}

static bool is_finite(const struct numeric *n)
{
    return n->class == NUMERIC_FINITE;
}

void numeric_from_int64(struct numeric *ret, int64_t v)
{
    _Static_assert(sizeof(long) == 8, "mpz_set_si takes 64 bits");
    ret->class = NUMERIC_FINITE;
    ret->scale = 0;
    mpz_set_si(ret->unscaled, v);
}

int numeric_sign(const struct numeric *n)
{
    if (is_finite(n))
        return mpz_sgn(n->unscaled);
    return n->class == NUMERIC_MINUS_INFINITY ? -1 : 1;
}

/* ---- powers of ten, rounding */

/* z *= 10^k */
static void scale_up(mpz_t z, int k)
{
    if (k <= 0)
        return;
    mpz_t power;
    mpz_init(power);
    mpz_ui_pow_ui(power, 10, (unsigned long)k);
    mpz_mul(z, z, power);
    mpz_clear(power);
}

/* z = a / b, halves away from zero */
static void divide_rounded(mpz_t z, const mpz_t a, const mpz_t b)
{
    mpz_t rest;
    mpz_init(rest);
    int sign = mpz_sgn(a) * mpz_sgn(b);
    mpz_tdiv_qr(z, rest, a, b);
    mpz_mul_2exp(rest, rest, 1);
    if (mpz_cmpabs(rest, b) >= 0) {
        if (sign < 0)
            mpz_sub_ui(z, z, 1);
        else
            mpz_add_ui(z, z, 1);
    }
    mpz_clear(rest);
}

/* z = z / 10^k, rounded or truncated */
static void scale_down(mpz_t z, int k, bool rounds)
{
    if (k <= 0)
        return;
    mpz_t power;
    mpz_init(power);
    mpz_ui_pow_ui(power, 10, (unsigned long)k);
    if (rounds)
        divide_rounded(z, z, power);
    else
        mpz_tdiv_q(z, z, power);
    mpz_clear(power);
}

/* Decimal digits of |z|; 0 has one. */
static size_t digit_count(const mpz_t z)
{
    size_t n = mpz_sizeinbase(z, 10);
    if (n == 1)
        return 1;
    mpz_t power;
    mpz_init(power);
    mpz_ui_pow_ui(power, 10, n - 1);
    if (mpz_cmpabs(z, power) < 0)
        n--;
    mpz_clear(power);
    return n;
}

static bool overflow(struct err *err)
{
    return err_set(err, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE, "value overflows numeric format");
}

/* A result within the limits; more digits after the point than PostgreSQL keeps are rounded away. */
static bool finish(struct numeric *n, struct err *err)
{
    if (n->scale > NUMERIC_MAX_SCALE) {
        scale_down(n->unscaled, n->scale - NUMERIC_MAX_SCALE, true);
        n->scale = NUMERIC_MAX_SCALE;
    }
    /* 3.32 bits a digit: only what comes near the limit is counted exactly. */
    size_t bits = mpz_sizeinbase(n->unscaled, 2);
    if (bits < (size_t)NUMERIC_MAX_WEIGHT * 3)
        return true;
    return digit_count(n->unscaled) <= (size_t)NUMERIC_MAX_WEIGHT + (size_t)n->scale || overflow(err);
}

static bool division_by_zero(struct err *err)
{
    return err_set(err, SQLSTATE_DIVISION_BY_ZERO, "division by zero");
}

/* ---- conversions */

bool numeric_to_int64(const struct numeric *n, int64_t *ret)
{
    if (!is_finite(n))
        return false;
    AUTO_NUMERIC(whole);
    numeric_round(&whole, n, 0);
    if (!mpz_fits_slong_p(whole.unscaled))
        return false;
    *ret = mpz_get_si(whole.unscaled);
    return true;
}

void numeric_from_double(struct numeric *ret, double v, int digits)
{
    char text[64];
    if (!isfinite(v)) {
        set_special(ret, isnan(v) ? NUMERIC_NAN : v < 0 ? NUMERIC_MINUS_INFINITY : NUMERIC_INFINITY);
        return;
    }
    /* d.ddde±xx: the digits without the point are the integer, trailing zeros dropped as %g drops them. */
    int n = snprintf(text, sizeof(text), "%.*e", digits - 1, v);
    char *e = memchr(text, 'e', (size_t)n);
    long exponent = strtol(e + 1, NULL, 10) - (digits - 1);
    char *to = text;
    for (char *from = text; from < e; from++)
        if (*from != '.')
            *to++ = *from;
    for (; to - text > 1 && to[-1] == '0' && exponent < 0; to--)
        exponent++;
    *to = 0;
    mpz_set_str(ret->unscaled, text, 10);
    ret->class = NUMERIC_FINITE;
    ret->scale = exponent < 0 ? (int)-exponent : 0;
    scale_up(ret->unscaled, (int)exponent);
}

double numeric_to_double(const struct numeric *n)
{
    if (n->class == NUMERIC_NAN)
        return (double)NAN;
    if (!is_finite(n))
        return numeric_sign(n) * (double)INFINITY;
    /* strtod rounds correctly, whatever the number of digits; beyond its range it gives what is promised. */
    char *digits = mpz_get_str(NULL, 10, n->unscaled);
    size_t length = strlen(digits), size = length + 16;
    char *text = malloc(size);
    double v = (double)NAN;
    if (text) {
        snprintf(text, size, "%se-%d", digits, n->scale);
        v = strtod(text, NULL);
    }
    free(text);
    void (*release)(void *, size_t);
    mp_get_memory_functions(NULL, NULL, &release);
    release(digits, length + 1);
    return v;
}

/* ---- typmod */

int numeric_typmod_precision(int32_t typmod)
{
    return ((typmod - 4) >> 16) & 0xFFFF;
}

int numeric_typmod_scale(int32_t typmod)
{
    return (((typmod - 4) & 0x7FF) ^ 1024) - 1024; /* 11 bits with sign */
}

static bool field_overflow(int precision, int scale, struct err *err)
{
    int power = precision - scale;
    err_set(err, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE, "numeric field overflow");
    if (power == 0)
        return err_detail(err, "A field with precision %d, scale %d must round to an absolute value less than 1.",
                          precision, scale);
    return err_detail(err, "A field with precision %d, scale %d must round to an absolute value less than 10^%d.",
                      precision, scale, power);
}

bool numeric_apply_typmod(struct numeric *n, int32_t typmod, struct err *err)
{
    if (typmod < 4 || n->class == NUMERIC_NAN)
        return true;
    int precision = numeric_typmod_precision(typmod), scale = numeric_typmod_scale(typmod);
    if (!is_finite(n)) {
        err_set(err, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE, "numeric field overflow");
        return err_detail(err, "A field with precision %d, scale %d cannot hold an infinite value.", precision, scale);
    }
    AUTO_NUMERIC(rounded);
    numeric_round(&rounded, n, scale);
    /* |unscaled| < 10^precision where the scale counts, 10^(precision - scale) where it is negative. */
    int digits = scale >= 0 ? precision : precision - scale;
    if (mpz_sgn(rounded.unscaled) != 0 && digit_count(rounded.unscaled) > (size_t)digits)
        return field_overflow(precision, scale, err);
    numeric_copy(n, &rounded);
    return true;
}

/* ---- order */

/* Both at the larger scale. */
static void align(struct numeric *x, struct numeric *y)
{
    int scale = x->scale > y->scale ? x->scale : y->scale;
    scale_up(x->unscaled, scale - x->scale);
    scale_up(y->unscaled, scale - y->scale);
    x->scale = y->scale = scale;
}

static int class_rank(enum numeric_class class)
{
    static const int ranks[] = {
        [NUMERIC_MINUS_INFINITY] = 0, [NUMERIC_FINITE] = 1, [NUMERIC_INFINITY] = 2, [NUMERIC_NAN] = 3
    };
    return ranks[class];
}

int numeric_compare(const struct numeric *a, const struct numeric *b)
{
    if (!is_finite(a) || !is_finite(b))
        return class_rank(a->class) - class_rank(b->class);
    if (a->scale == b->scale || mpz_sgn(a->unscaled) != mpz_sgn(b->unscaled)) {
        int c = a->scale == b->scale ? mpz_cmp(a->unscaled, b->unscaled) : mpz_sgn(a->unscaled) - mpz_sgn(b->unscaled);
        return (c > 0) - (c < 0);
    }
    AUTO_NUMERIC(x);
    AUTO_NUMERIC(y);
    numeric_copy(&x, a);
    numeric_copy(&y, b);
    align(&x, &y);
    int c = mpz_cmp(x.unscaled, y.unscaled);
    return (c > 0) - (c < 0);
}

uint64_t numeric_hash(const struct numeric *n)
{
    uint64_t hash = str_hash_more(STR_HASH_START, (struct str){ (const char *)&n->class, sizeof(n->class) });
    if (!is_finite(n) || mpz_sgn(n->unscaled) == 0)
        return hash;
    AUTO_NUMERIC(trimmed);
    numeric_trim_scale(&trimmed, n);
    int negative = mpz_sgn(n->unscaled) < 0;
    hash = str_hash_more(hash, (struct str){ (const char *)&negative, sizeof(negative) });
    hash = str_hash_more(hash, (struct str){ (const char *)&trimmed.scale, sizeof(trimmed.scale) });
    const mp_limb_t *limbs = mpz_limbs_read(trimmed.unscaled);
    return str_hash_more(hash, (struct str){ (const char *)limbs, mpz_size(trimmed.unscaled) * sizeof(*limbs) });
}

/* ---- sums and products */

void numeric_negate(struct numeric *ret, const struct numeric *n)
{
    numeric_copy(ret, n);
    mpz_neg(ret->unscaled, ret->unscaled);
    if (n->class == NUMERIC_INFINITY)
        ret->class = NUMERIC_MINUS_INFINITY;
    else if (n->class == NUMERIC_MINUS_INFINITY)
        ret->class = NUMERIC_INFINITY;
}

void numeric_absolute(struct numeric *ret, const struct numeric *n)
{
    if (numeric_sign(n) < 0)
        numeric_negate(ret, n);
    else
        numeric_copy(ret, n);
}

static bool either_nan(const struct numeric *a, const struct numeric *b)
{
    return a->class == NUMERIC_NAN || b->class == NUMERIC_NAN;
}

static enum numeric_class infinity_of(int sign)
{
    return sign < 0 ? NUMERIC_MINUS_INFINITY : NUMERIC_INFINITY;
}

static void add_special(struct numeric *ret, const struct numeric *a, const struct numeric *b)
{
    if (either_nan(a, b) || (!is_finite(a) && !is_finite(b) && a->class != b->class))
        set_special(ret, NUMERIC_NAN);
    else
        set_special(ret, is_finite(a) ? b->class : a->class);
}

bool numeric_add(struct numeric *ret, const struct numeric *a, const struct numeric *b, struct err *err)
{
    if (!is_finite(a) || !is_finite(b)) {
        add_special(ret, a, b);
        return true;
    }
    if (a->scale == b->scale) {
        mpz_add(ret->unscaled, a->unscaled, b->unscaled);
        ret->class = NUMERIC_FINITE;
        ret->scale = a->scale;
        return finish(ret, err);
    }
    AUTO_NUMERIC(x);
    AUTO_NUMERIC(y);
    numeric_copy(&x, a);
    numeric_copy(&y, b);
    align(&x, &y);
    return numeric_add(ret, &x, &y, err);
}

bool numeric_subtract(struct numeric *ret, const struct numeric *a, const struct numeric *b, struct err *err)
{
    AUTO_NUMERIC(minus);
    numeric_negate(&minus, b);
    return numeric_add(ret, a, &minus, err);
}

bool numeric_multiply(struct numeric *ret, const struct numeric *a, const struct numeric *b, struct err *err)
{
    if (!is_finite(a) || !is_finite(b)) {
        int sign = numeric_sign(a) * numeric_sign(b);
        set_special(ret, either_nan(a, b) || sign == 0 ? NUMERIC_NAN : infinity_of(sign));
        return true;
    }
    int scale = a->scale + b->scale;
    mpz_mul(ret->unscaled, a->unscaled, b->unscaled);
    ret->class = NUMERIC_FINITE;
    ret->scale = scale;
    return finish(ret, err);
}

/* ---- division */

/* What PostgreSQL sees of a number: the weight and value of its first digit in base 10000. Zero: 0, 0. */
static void leading_digit(const struct numeric *n, int *ret_weight, unsigned long *ret_digit)
{
    *ret_weight = 0;
    *ret_digit = 0;
    if (mpz_sgn(n->unscaled) == 0)
        return;
    int exponent = (int)digit_count(n->unscaled) - 1 - n->scale; /* of the first decimal digit */
    *ret_weight = exponent >= 0 ? exponent / 4 : -((3 - exponent) / 4);
    int shift = n->scale + 4 * *ret_weight; /* digits to the right of that base-10000 digit */
    mpz_t z;
    mpz_init_set(z, n->unscaled);
    scale_down(z, shift, false);
    scale_up(z, -shift);
    mpz_abs(z, z);
    *ret_digit = mpz_get_ui(z);
    mpz_clear(z);
}

enum { MIN_SIGNIFICANT_DIGITS = 16, MAX_DISPLAY_SCALE = 1000 };

/* At least 16 significant digits, not fewer than either operand shows, at most 1000. */
static int division_scale(const struct numeric *a, const struct numeric *b)
{
    int weight_a, weight_b;
    unsigned long digit_a, digit_b;
    leading_digit(a, &weight_a, &digit_a);
    leading_digit(b, &weight_b, &digit_b);
    int weight = weight_a - weight_b - (digit_a <= digit_b);
    int scale = MIN_SIGNIFICANT_DIGITS - weight * 4;
    if (scale < a->scale)
        scale = a->scale;
    if (scale < b->scale)
        scale = b->scale;
    if (scale < 0)
        scale = 0;
    return scale > MAX_DISPLAY_SCALE ? MAX_DISPLAY_SCALE : scale;
}

/* True when one of them is special: ret and err are settled in *ret_ok. */
static bool divide_special(struct numeric *ret, const struct numeric *a, const struct numeric *b, bool *ret_ok,
                           struct err *err)
{
    *ret_ok = true;
    if (is_finite(a) && is_finite(b))
        return false;
    if (either_nan(a, b) || (!is_finite(a) && !is_finite(b)))
        set_special(ret, NUMERIC_NAN);
    else if (is_finite(a))
        numeric_from_int64(ret, 0);
    else if (numeric_sign(b) == 0)
        *ret_ok = division_by_zero(err);
    else
        set_special(ret, infinity_of(numeric_sign(a) * numeric_sign(b)));
    return true;
}

/* a / b at a scale, rounded or truncated; b not zero */
static void divide_at(struct numeric *ret, const struct numeric *a, const struct numeric *b, int scale, bool rounds)
{
    mpz_t x, y;
    mpz_init_set(x, a->unscaled);
    mpz_init_set(y, b->unscaled);
    int shift = scale + b->scale - a->scale;
    scale_up(x, shift);
    scale_up(y, -shift);
    if (rounds)
        divide_rounded(ret->unscaled, x, y);
    else
        mpz_tdiv_q(ret->unscaled, x, y);
    ret->class = NUMERIC_FINITE;
    ret->scale = scale;
    mpz_clear(x);
    mpz_clear(y);
}

bool numeric_divide(struct numeric *ret, const struct numeric *a, const struct numeric *b, struct err *err)
{
    bool ok;
    if (divide_special(ret, a, b, &ok, err))
        return ok;
    if (mpz_sgn(b->unscaled) == 0)
        return division_by_zero(err);
    divide_at(ret, a, b, division_scale(a, b), true);
    return finish(ret, err);
}

bool numeric_divide_integer(struct numeric *ret, const struct numeric *a, const struct numeric *b, struct err *err)
{
    bool ok;
    if (divide_special(ret, a, b, &ok, err))
        return ok;
    if (mpz_sgn(b->unscaled) == 0)
        return division_by_zero(err);
    divide_at(ret, a, b, 0, false);
    return finish(ret, err);
}

bool numeric_modulo(struct numeric *ret, const struct numeric *a, const struct numeric *b, struct err *err)
{
    if (either_nan(a, b)) {
        set_special(ret, NUMERIC_NAN);
        return true;
    }
    if (numeric_sign(b) == 0)
        return division_by_zero(err);
    if (!is_finite(a))
        set_special(ret, NUMERIC_NAN);
    else if (!is_finite(b))
        numeric_copy(ret, a);
    if (!is_finite(a) || !is_finite(b))
        return true;
    AUTO_NUMERIC(x);
    AUTO_NUMERIC(y);
    numeric_copy(&x, a);
    numeric_copy(&y, b);
    align(&x, &y);
    mpz_tdiv_r(x.unscaled, x.unscaled, y.unscaled);
    numeric_copy(ret, &x);
    return true;
}

bool numeric_gcd(struct numeric *ret, const struct numeric *a, const struct numeric *b, struct err *err)
{
    if (!is_finite(a) || !is_finite(b)) {
        set_special(ret, NUMERIC_NAN);
        return true;
    }
    AUTO_NUMERIC(x);
    AUTO_NUMERIC(y);
    numeric_copy(&x, a);
    numeric_copy(&y, b);
    align(&x, &y);
    mpz_gcd(x.unscaled, x.unscaled, y.unscaled);
    numeric_copy(ret, &x);
    return finish(ret, err);
}

bool numeric_lcm(struct numeric *ret, const struct numeric *a, const struct numeric *b, struct err *err)
{
    if (!is_finite(a) || !is_finite(b)) {
        set_special(ret, NUMERIC_NAN);
        return true;
    }
    AUTO_NUMERIC(x);
    AUTO_NUMERIC(y);
    numeric_copy(&x, a);
    numeric_copy(&y, b);
    align(&x, &y);
    mpz_lcm(x.unscaled, x.unscaled, y.unscaled);
    numeric_copy(ret, &x);
    return finish(ret, err);
}

bool numeric_factorial(struct numeric *ret, int64_t n, struct err *err)
{
    if (n < 0)
        return err_set(err, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE, "factorial of a negative number is undefined");
    if (n > 32177) /* the largest whose digits fit */
        return overflow(err);
    ret->class = NUMERIC_FINITE;
    ret->scale = 0;
    mpz_fac_ui(ret->unscaled, (unsigned long)n);
    return finish(ret, err);
}

/* ---- rounding */

enum { ROUND_LOWEST = -NUMERIC_MAX_WEIGHT - 1 };

static void cut(struct numeric *ret, const struct numeric *n, int scale, bool rounds)
{
    numeric_copy(ret, n);
    if (!is_finite(n))
        return;
    scale = scale < ROUND_LOWEST ? ROUND_LOWEST : scale > NUMERIC_MAX_SCALE ? NUMERIC_MAX_SCALE : scale;
    if (scale < ret->scale)
        scale_down(ret->unscaled, ret->scale - scale, rounds);
    else
        scale_up(ret->unscaled, scale - ret->scale);
    if (scale < 0)
        scale_up(ret->unscaled, -scale);
    ret->scale = scale < 0 ? 0 : scale;
}

void numeric_round(struct numeric *ret, const struct numeric *n, int scale)
{
    cut(ret, n, scale, true);
}

void numeric_truncate(struct numeric *ret, const struct numeric *n, int scale)
{
    cut(ret, n, scale, false);
}

/* The integer not below (direction 1) or not above (-1). */
static void whole_towards(struct numeric *ret, const struct numeric *n, int direction)
{
    AUTO_NUMERIC(whole);
    cut(&whole, n, 0, false);
    if (is_finite(n) && numeric_sign(n) * direction > 0 && numeric_compare(&whole, n) != 0) {
        if (direction > 0)
            mpz_add_ui(whole.unscaled, whole.unscaled, 1);
        else
            mpz_sub_ui(whole.unscaled, whole.unscaled, 1);
    }
    numeric_copy(ret, &whole);
}

void numeric_ceil(struct numeric *ret, const struct numeric *n)
{
    whole_towards(ret, n, 1);
}

void numeric_floor(struct numeric *ret, const struct numeric *n)
{
    whole_towards(ret, n, -1);
}

int numeric_min_scale(const struct numeric *n)
{
    if (!is_finite(n))
        return -1;
    if (mpz_sgn(n->unscaled) == 0)
        return 0;
    int scale = n->scale;
    mpz_t z;
    mpz_init_set(z, n->unscaled);
    for (; scale > 0 && mpz_divisible_ui_p(z, 10); scale--)
        mpz_divexact_ui(z, z, 10);
    mpz_clear(z);
    return scale;
}

void numeric_trim_scale(struct numeric *ret, const struct numeric *n)
{
    int scale = numeric_min_scale(n);
    numeric_copy(ret, n);
    if (scale >= 0) {
        scale_down(ret->unscaled, ret->scale - scale, false);
        ret->scale = scale;
    }
}
