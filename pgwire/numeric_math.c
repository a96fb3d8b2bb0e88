/*
 * numeric_math.c - roots, exponentials, logarithms and powers; see numeric.h.
 *
 * PostgreSQL chooses the scale of the result from an estimate of its size, at least 16 significant digits; the digits are
 * computed here with MPFR, with more precision than shown, and rounded once.
 */
#include "pgwire/numeric.h"

#include <math.h>
#include <mpfr.h>

enum {
    MIN_SIGNIFICANT_DIGITS = 16,
    MAX_DISPLAY_SCALE = 1000,
    MAX_RESULT_SCALE = 2000,
    GUARD_BITS = 128,
};
static const double log10_of_e = 0.434294481903252;

static bool is_finite(const struct numeric *n)
{
    return n->class == NUMERIC_FINITE;
}

static void set_class(struct numeric *ret, enum numeric_class class)
{
    ret->class = class;
    ret->scale = 0;
    mpz_set_ui(ret->unscaled, 0);
}

/* A whole number with digits of zeros behind the point. */
static void set_whole(struct numeric *ret, int64_t v, int scale)
{
    numeric_from_int64(ret, v);
    numeric_round(ret, ret, scale);
}

static bool overflow(struct err *err)
{
    return err_set(err, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE, "value overflows numeric format");
}

static int display_scale(int scale, int at_least, int and_at_least)
{
    scale = scale < at_least ? at_least : scale;
    scale = scale < and_at_least ? and_at_least : scale;
    scale = scale < 0 ? 0 : scale;
    return scale > MAX_DISPLAY_SCALE ? MAX_DISPLAY_SCALE : scale;
}

/* ---- struct numeric <-> MPFR */

static mpfr_prec_t bits_of_digits(double digits)
{
    return (mpfr_prec_t)(digits < 0 ? 0 : digits * 3.33) + GUARD_BITS;
}

/* x = n, rounded to the precision of x; exact where that suffices. */
static void to_real(mpfr_t x, const struct numeric *n)
{
    mpz_t power;
    mpz_init(power);
    mpz_ui_pow_ui(power, 10, (unsigned long)n->scale);
    mpfr_set_z(x, n->unscaled, MPFR_RNDN);
    mpfr_div_z(x, x, power, MPFR_RNDN);
    mpz_clear(power);
}

/* ret = x at a scale, halves away from zero */
static bool from_real(struct numeric *ret, mpfr_t x, int scale, struct err *err)
{
    if (!mpfr_number_p(x) || (mpfr_sgn(x) != 0 && mpfr_get_exp(x) > NUMERIC_MAX_WEIGHT * 10 / 3))
        return overflow(err);
    mpfr_t shifted;
    mpz_t power;
    mpz_init(power);
    mpz_ui_pow_ui(power, 10, (unsigned long)scale);
    mpfr_init2(shifted, mpfr_get_prec(x) + (mpfr_prec_t)mpz_sizeinbase(power, 2));
    mpfr_mul_z(shifted, x, power, MPFR_RNDN);
    mpfr_round(shifted, shifted);
    mpfr_get_z(ret->unscaled, shifted, MPFR_RNDN);
    ret->class = NUMERIC_FINITE;
    ret->scale = scale;
    mpfr_clear(shifted);
    mpz_clear(power);
    mpfr_free_cache2(MPFR_FREE_LOCAL_CACHE); /* constants of this thread, which may end any time */
    size_t digits = mpz_sizeinbase(ret->unscaled, 10);
    return digits <= (size_t)NUMERIC_MAX_WEIGHT + (size_t)scale || overflow(err);
}

/* ---- estimates, made of PostgreSQL's base-10000 digits */

/* |n| ~= digits * 10^*ret_power with the leading digits of n in base 10000, as many as PostgreSQL takes. */
static double leading_digits(const struct numeric *n, int groups, int *ret_power)
{
    char *text = mpz_get_str(NULL, 10, n->unscaled);
    const char *digits = text + (*text == '-');
    int length = (int)strlen(digits), exponent = length - 1 - n->scale;
    int weight = exponent >= 0 ? exponent / 4 : -((3 - exponent) / 4);
    /* The first group holds exponent - 4 * weight + 1 decimal digits, the others four each. */
    int count = exponent - 4 * weight + 1 + 4 * (groups - 1);
    double v = 0;
    for (int i = 0; i < count; i++)
        v = v * 10 + (i < length ? digits[i] - '0' : 0);
    *ret_power = 4 * (weight - groups + 1);
    void (*release)(void *, size_t);
    mp_get_memory_functions(NULL, NULL, &release);
    release(text, strlen(text) + 1);
    return v;
}

/* How many groups of four digits n has, without trailing zero groups. */
static int group_count(const struct numeric *n)
{
    AUTO_NUMERIC(trimmed);
    numeric_trim_scale(&trimmed, n);
    int power;
    /* Groups after the point, and down from the first one. */
    int after = (trimmed.scale + 3) / 4;
    leading_digits(&trimmed, 1, &power);
    int groups = power / 4 + after + 1;
    return groups < 1 ? 1 : groups;
}

/* Where the first digit of ln(n) stands, n > 0. */
static int ln_weight(const struct numeric *n, struct err *err)
{
    int power;
    double v;
    AUTO_NUMERIC(low);
    AUTO_NUMERIC(high);
    AUTO_NUMERIC(rest);
    numeric_from_int64(&low, 9);
    numeric_from_int64(&high, 11);
    low.scale = high.scale = 1;
    if (numeric_compare(n, &low) >= 0 && numeric_compare(n, &high) <= 0) {
        numeric_from_int64(&rest, 1);
        numeric_subtract(&rest, n, &rest, err);
        if (numeric_sign(&rest) == 0)
            return 0;
        v = leading_digits(&rest, 1, &power);
        return power + (int)log10(v);
    }
    v = leading_digits(n, group_count(n) > 1 ? 2 : 1, &power);
    double ln = log(v) + power * 2.302585092994046;
    return ln != 0 ? (int)log10(fabs(ln)) : 0;
}

/* ---- functions */

bool numeric_sqrt(struct numeric *ret, const struct numeric *n, struct err *err)
{
    int power;
    if (n->class == NUMERIC_NAN || n->class == NUMERIC_INFINITY) {
        numeric_copy(ret, n);
        return true;
    }
    if (numeric_sign(n) < 0)
        return err_set(err, SQLSTATE_INVALID_ARGUMENT_FOR_POWER_FUNCTION,
                       "cannot take square root of a negative number");
    leading_digits(n, 1, &power);
    int weight = numeric_sign(n) ? power / 4 : 0;
    int digits = weight >= 0 ? weight * 4 / 2 + 1 : 1 - (-weight * 4 + 1) / 2;
    numeric_sqrt_scaled(ret, n, display_scale(MIN_SIGNIFICANT_DIGITS - digits, n->scale, 0));
    return true;
}

void numeric_sqrt_scaled(struct numeric *ret, const struct numeric *n, int scale)
{
    if (n->class == NUMERIC_NAN || n->class == NUMERIC_INFINITY) {
        numeric_copy(ret, n);
        return;
    }
    /* floor(sqrt(n * 10^(2 scale + 2))) has one digit more than wanted, which rounds it: ties are not possible. */
    AUTO_NUMERIC(root);
    mpz_t power_of_ten;
    mpz_init(power_of_ten);
    mpz_ui_pow_ui(power_of_ten, 10, (unsigned long)(2 * scale + 2 - n->scale));
    mpz_mul(root.unscaled, n->unscaled, power_of_ten);
    mpz_clear(power_of_ten);
    mpz_sqrt(root.unscaled, root.unscaled);
    root.scale = scale + 1;
    numeric_round(ret, &root, scale);
}

bool numeric_exp(struct numeric *ret, const struct numeric *n, struct err *err)
{
    if (!is_finite(n)) {
        if (n->class == NUMERIC_MINUS_INFINITY)
            numeric_from_int64(ret, 0);
        else
            numeric_copy(ret, n);
        return true;
    }
    double v = numeric_to_double(n), digits = v * log10_of_e;
    digits = digits < -MAX_RESULT_SCALE ? -MAX_RESULT_SCALE : digits > MAX_RESULT_SCALE ? MAX_RESULT_SCALE : digits;
    int scale = display_scale(MIN_SIGNIFICANT_DIGITS - (int)digits, n->scale, 0);
    if (fabs(v) >= MAX_RESULT_SCALE * 3) {
        if (v > 0)
            return overflow(err);
        set_whole(ret, 0, scale);
        return true;
    }
    mpfr_t x;
    mpfr_init2(x, bits_of_digits(scale + fabs(v) + (double)mpz_sizeinbase(n->unscaled, 10)));
    to_real(x, n);
    mpfr_exp(x, x, MPFR_RNDN);
    bool ok = from_real(ret, x, scale, err);
    mpfr_clear(x);
    return ok;
}

static bool check_logarithm(const struct numeric *n, struct err *err)
{
    if (n->class == NUMERIC_NAN || numeric_sign(n) > 0)
        return true;
    return err_set(err, SQLSTATE_INVALID_ARGUMENT_FOR_LOG, "cannot take logarithm of %s",
                   numeric_sign(n) == 0 ? "zero" : "a negative number");
}

/* Precision for a logarithm: what is shown, what is given, and what is lost where n is nearly 1. */
static mpfr_prec_t log_bits(int scale, const struct numeric *n)
{
    return bits_of_digits(scale + 2.0 * (double)mpz_sizeinbase(n->unscaled, 10) + n->scale);
}

bool numeric_ln(struct numeric *ret, const struct numeric *n, struct err *err)
{
    if (!check_logarithm(n, err))
        return false;
    if (!is_finite(n)) {
        numeric_copy(ret, n);
        return true;
    }
    int scale = display_scale(MIN_SIGNIFICANT_DIGITS - ln_weight(n, err), n->scale, 0);
    mpfr_t x;
    mpfr_init2(x, log_bits(scale, n));
    to_real(x, n);
    mpfr_log(x, x, MPFR_RNDN);
    bool ok = from_real(ret, x, scale, err);
    mpfr_clear(x);
    return ok;
}

/* log(base, n) of infinities: as its limit, or NaN where there is none. */
static void log_special(struct numeric *ret, const struct numeric *base, const struct numeric *n)
{
    if (base->class == NUMERIC_NAN || n->class == NUMERIC_NAN || (!is_finite(base) && !is_finite(n)))
        set_class(ret, NUMERIC_NAN);
    else if (is_finite(n))
        numeric_from_int64(ret, 0);
    else
        set_class(ret, NUMERIC_INFINITY);
}

bool numeric_log(struct numeric *ret, const struct numeric *base, const struct numeric *n, struct err *err)
{
    if (base->class != NUMERIC_NAN && n->class != NUMERIC_NAN &&
        (!check_logarithm(base, err) || !check_logarithm(n, err)))
        return false;
    if (!is_finite(base) || !is_finite(n)) {
        log_special(ret, base, n);
        return true;
    }
    int weight = ln_weight(n, err) - ln_weight(base, err);
    int scale = display_scale(MIN_SIGNIFICANT_DIGITS - weight, base->scale, n->scale);
    mpfr_t x, y;
    mpfr_prec_t bits = log_bits(scale, n) + log_bits(scale, base);
    mpfr_init2(x, bits);
    mpfr_init2(y, bits);
    to_real(x, n);
    to_real(y, base);
    mpfr_log(x, x, MPFR_RNDN);
    mpfr_log(y, y, MPFR_RNDN);
    bool ok = mpfr_zero_p(y) ? err_set(err, SQLSTATE_DIVISION_BY_ZERO, "division by zero") : true;
    if (ok) {
        mpfr_div(x, x, y, MPFR_RNDN);
        ok = from_real(ret, x, scale, err);
    }
    mpfr_clear(x);
    mpfr_clear(y);
    return ok;
}

/* ---- power */

static bool power_error(struct err *err, const char *message)
{
    return err_set(err, SQLSTATE_INVALID_ARGUMENT_FOR_POWER_FUNCTION, "%s", message);
}

static bool is_whole(const struct numeric *n)
{
    return is_finite(n) && numeric_min_scale(n) == 0;
}

static bool is_odd(const struct numeric *n)
{
    AUTO_NUMERIC(whole);
    numeric_truncate(&whole, n, 0);
    return mpz_odd_p(whole.unscaled);
}

static int compare_to_one(const struct numeric *n)
{
    AUTO_NUMERIC(one);
    AUTO_NUMERIC(absolute);
    numeric_from_int64(&one, 1);
    numeric_absolute(&absolute, n);
    return numeric_compare(&absolute, &one);
}

/* One of them is not finite: POSIX's rules for pow(), as PostgreSQL follows them. */
static bool power_special(struct numeric *ret, const struct numeric *base, const struct numeric *exponent,
                          struct err *err)
{
    bool exponent_is_zero = is_finite(exponent) && numeric_sign(exponent) == 0;
    bool base_is_one = is_finite(base) && numeric_sign(base) > 0 && compare_to_one(base) == 0;
    if (base_is_one || exponent_is_zero) {
        numeric_from_int64(ret, 1);
        return true;
    }
    if (base->class == NUMERIC_NAN || exponent->class == NUMERIC_NAN) {
        set_class(ret, NUMERIC_NAN);
        return true;
    }
    int base_sign = numeric_sign(base), exponent_sign = numeric_sign(exponent);
    if (base_sign == 0 && exponent_sign < 0)
        return power_error(err, "zero raised to a negative power is undefined");
    if (base_sign < 0 && is_finite(exponent) && !is_whole(exponent))
        return power_error(err, "a negative number raised to a non-integer power yields a complex result");
    if (!is_finite(exponent)) {
        int size = is_finite(base) ? compare_to_one(base) : 1;
        if (size == 0) /* -1 */
            numeric_from_int64(ret, 1);
        else if ((size > 0) == (exponent_sign > 0))
            set_class(ret, NUMERIC_INFINITY);
        else
            numeric_from_int64(ret, 0);
        return true;
    }
    if (exponent_sign < 0)
        numeric_from_int64(ret, 0);
    else
        set_class(ret, base_sign < 0 && is_odd(exponent) ? NUMERIC_MINUS_INFINITY : NUMERIC_INFINITY);
    return true;
}

/* base^exponent at a scale, both finite, base > 0; weight: decimal digits of the result before the point. */
static bool power_real(struct numeric *ret, const struct numeric *base, const struct numeric *exponent, double weight,
                       int scale, struct err *err)
{
    mpfr_t x, y;
    mpfr_prec_t bits = bits_of_digits(fabs(weight) + scale + (double)mpz_sizeinbase(base->unscaled, 10) +
                                      (double)mpz_sizeinbase(exponent->unscaled, 10) + base->scale + exponent->scale);
    mpfr_init2(x, bits);
    mpfr_init2(y, bits);
    to_real(x, base);
    to_real(y, exponent);
    mpfr_pow(x, x, y, MPFR_RNDN);
    bool ok = from_real(ret, x, scale, err);
    mpfr_clear(x);
    mpfr_clear(y);
    return ok;
}

/* A whole exponent of 32 bits. */
static bool power_whole(struct numeric *ret, const struct numeric *base, const struct numeric *exponent, int64_t e,
                        struct err *err)
{
    int power;
    double weight = 0;
    if (numeric_sign(base)) {
        int groups = group_count(base);
        double v = leading_digits(base, groups < 4 ? groups : 4, &power);
        weight = (double)e * (log10(v) + power);
    }
    if (weight > NUMERIC_MAX_WEIGHT)
        return overflow(err);
    int scale = display_scale(MIN_SIGNIFICANT_DIGITS, base->scale, 0);
    if (weight + 1 < -scale) {
        set_whole(ret, 0, scale);
        return true;
    }
    if (numeric_sign(base) == 0 || e == 0) {
        set_whole(ret, e == 0, scale);
        return true;
    }
    AUTO_NUMERIC(absolute);
    numeric_absolute(&absolute, base);
    bool negative = numeric_sign(base) < 0 && (e & 1);
    if (!power_real(ret, &absolute, exponent, weight, scale, err))
        return false;
    if (negative)
        numeric_negate(ret, ret);
    return true;
}

static bool power_any(struct numeric *ret, const struct numeric *base, const struct numeric *exponent, struct err *err)
{
    AUTO_NUMERIC(absolute);
    bool negative = false;
    if (numeric_sign(base) == 0) {
        set_whole(ret, 0, MIN_SIGNIFICANT_DIGITS);
        return true;
    }
    if (numeric_sign(base) < 0) {
        if (!is_whole(exponent))
            return power_error(err, "a negative number raised to a non-integer power yields a complex result");
        negative = is_odd(exponent);
    }
    numeric_absolute(&absolute, base);
    mpfr_t x, y;
    mpfr_init2(x, log_bits(16, &absolute));
    mpfr_init2(y, log_bits(16, &absolute));
    to_real(x, &absolute);
    mpfr_log(x, x, MPFR_RNDN);
    to_real(y, exponent);
    mpfr_mul(x, x, y, MPFR_RNDN);
    double v = mpfr_get_d(x, MPFR_RNDN);
    mpfr_clear(x);
    mpfr_clear(y);
    if (fabs(v) > MAX_RESULT_SCALE * 3.01) {
        if (v > 0)
            return overflow(err);
        set_whole(ret, 0, MAX_DISPLAY_SCALE);
        return true;
    }
    double weight = v * log10_of_e;
    int scale = display_scale(MIN_SIGNIFICANT_DIGITS - (int)weight, base->scale, exponent->scale);
    if (!power_real(ret, &absolute, exponent, weight, scale, err))
        return false;
    if (negative)
        numeric_negate(ret, ret);
    return true;
}

bool numeric_power(struct numeric *ret, const struct numeric *base, const struct numeric *exponent, struct err *err)
{
    int64_t e;
    if (!is_finite(base) || !is_finite(exponent))
        return power_special(ret, base, exponent, err);
    if (numeric_sign(base) == 0 && numeric_sign(exponent) < 0)
        return power_error(err, "zero raised to a negative power is undefined");
    if (is_whole(exponent) && numeric_to_int64(exponent, &e) && e >= INT32_MIN && e <= INT32_MAX)
        return power_whole(ret, base, exponent, e, err);
    return power_any(ret, base, exponent, err);
}
