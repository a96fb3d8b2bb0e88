/*
 * numeric.h - exact decimals as PostgreSQL's numeric computes them: value = unscaled / 10^scale, on GMP.
 *
 * Owns     a struct numeric owns its GMP integer: AUTO_NUMERIC(n) initializes and frees it with the scope, or numeric_init and
 *          numeric_fini by hand. Every result may be one of the operands. Texts go to the caller's arena.
 * Limits   131072 digits before the point, 16383 after it, checked before anything of that size is computed.
 * Fails    22P02 bad text, 22003 "value overflows numeric format" and "numeric field overflow", 22012 division by zero,
 *          2201E, 2201F bad arguments of ln and power, with PostgreSQL's wording.
 * Scales   of results (how many digits are shown) are PostgreSQL 15's, for division, roots and logarithms too.
 * Not here wire formats (types_numeric.c), SQL functions (proxy/sql).
 */
#ifndef PGD1_PGWIRE_NUMERIC_H
#define PGD1_PGWIRE_NUMERIC_H

#include <gmp.h>
#include "proxy/base/err.h"

enum numeric_class { NUMERIC_FINITE, NUMERIC_NAN, NUMERIC_INFINITY, NUMERIC_MINUS_INFINITY };

struct numeric {
    enum numeric_class class;
    int scale; /* digits after the point as shown, 0 … 16383; 0 for the special values */
    mpz_t unscaled;
};

enum { NUMERIC_MAX_SCALE = 16383, NUMERIC_MAX_WEIGHT = 131072, NUMERIC_MAX_PRECISION = 1000 };

void numeric_init(struct numeric *n); /* zero */
void numeric_fini(struct numeric *n);
static inline struct numeric numeric_zero(void)
{
    struct numeric n;
    numeric_init(&n);
    return n;
}
/* A zero that is freed at the end of the scope. */
#define AUTO_NUMERIC(name) __attribute__((cleanup(numeric_fini))) struct numeric name = numeric_zero()

void numeric_copy(struct numeric *ret, const struct numeric *n);
void numeric_from_int64(struct numeric *ret, int64_t v);
/* What a cast from float8 (digits 15) or float4 (digits 6) gives: that many significant digits; NaN and infinities too. */
void numeric_from_double(struct numeric *ret, double v, int digits);
/* Input syntax of PostgreSQL 15: blanks around, sign, point, exponent, NaN, [+-]Infinity, inf. */
bool numeric_parse(struct numeric *ret, struct str text, struct err *err);
/* Canonical text: "-12.50", "0.00", "NaN", "-Infinity"; {NULL,0} when the arena is full. */
struct str numeric_print(const struct numeric *n, struct arena *arena);
/* The integer nearest (halves away from zero); false for NaN, infinities and what int64 cannot hold. */
bool numeric_to_int64(const struct numeric *n, int64_t *ret);
double numeric_to_double(const struct numeric *n); /* nearest; beyond float8: ±Infinity, below: ±0 */

/* Text to canonical text without arithmetic, what the codec needs: the same syntax and errors as numeric_parse. */
bool numeric_normalize(struct str text, struct arena *arena, struct str *ret, struct err *err);
/* Rounds to a numeric(p,s) typmod; 22003 "numeric field overflow" with PostgreSQL's detail. typmod -1: nothing to do. */
bool numeric_apply_typmod(struct numeric *n, int32_t typmod, struct err *err);
int numeric_typmod_precision(int32_t typmod);
int numeric_typmod_scale(int32_t typmod); /* -1000 … 1000 */

int numeric_sign(const struct numeric *n); /* -1, 0, 1; NaN: 1 */
/* Order of PostgreSQL: -Infinity < finite < Infinity < NaN, NaN equal to itself, 1.0 equal to 1.00. */
int numeric_compare(const struct numeric *a, const struct numeric *b);
uint64_t numeric_hash(const struct numeric *n); /* equal numbers, equal hashes, whatever the scale */

void numeric_negate(struct numeric *ret, const struct numeric *n);
void numeric_absolute(struct numeric *ret, const struct numeric *n);
bool numeric_add(struct numeric *ret, const struct numeric *a, const struct numeric *b, struct err *err);
bool numeric_subtract(struct numeric *ret, const struct numeric *a, const struct numeric *b, struct err *err);
bool numeric_multiply(struct numeric *ret, const struct numeric *a, const struct numeric *b, struct err *err);
/* a / b with the scale PostgreSQL chooses (at least 16 significant digits), rounded. 22012. */
bool numeric_divide(struct numeric *ret, const struct numeric *a, const struct numeric *b, struct err *err);
bool numeric_divide_integer(struct numeric *ret, const struct numeric *a, const struct numeric *b,
                            struct err *err); /* div() */
bool numeric_modulo(struct numeric *ret, const struct numeric *a, const struct numeric *b,
                    struct err *err); /* sign of a */
bool numeric_gcd(struct numeric *ret, const struct numeric *a, const struct numeric *b, struct err *err);
bool numeric_lcm(struct numeric *ret, const struct numeric *a, const struct numeric *b, struct err *err);

/* round(n, scale), trunc(n, scale): scale clamped to -131073 … 16383 as PostgreSQL does; the result shows max(scale, 0) digits. */
void numeric_round(struct numeric *ret, const struct numeric *n, int scale);
void numeric_truncate(struct numeric *ret, const struct numeric *n, int scale);
void numeric_ceil(struct numeric *ret, const struct numeric *n);
void numeric_floor(struct numeric *ret, const struct numeric *n);
int numeric_min_scale(const struct numeric *n); /* scale() without trailing zeros; -1 for special values */
void numeric_trim_scale(struct numeric *ret, const struct numeric *n);

bool numeric_sqrt(struct numeric *ret, const struct numeric *n, struct err *err);
/* The root of a number that is not negative, with `scale` digits, at least half of the number's own. */
void numeric_sqrt_scaled(struct numeric *ret, const struct numeric *n, int scale);
bool numeric_exp(struct numeric *ret, const struct numeric *n, struct err *err);
bool numeric_ln(struct numeric *ret, const struct numeric *n, struct err *err);
bool numeric_log(struct numeric *ret, const struct numeric *base, const struct numeric *n, struct err *err);
bool numeric_power(struct numeric *ret, const struct numeric *base, const struct numeric *exponent, struct err *err);
bool numeric_factorial(struct numeric *ret, int64_t n, struct err *err);

#endif
