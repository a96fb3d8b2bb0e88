/* floats.c - float8 and float4 arithmetic, mathematics, integers' gcd and shifts (PostgreSQL 9.3; float.c, int.c). */
#include "proxy/sql/functions/arguments.h"

#include <math.h>

static void give(sqlite3_context *c, double d)
{
    if (isnan(d))
        local_result_text(c, STR("NaN"));
    else
        sqlite3_result_double(c, d);
}

static bool overflowed(sqlite3_context *c, bool bad)
{
    if (bad)
        fail_with(c, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE, "value out of range: overflow");
    return bad;
}

static bool underflowed(sqlite3_context *c, bool bad)
{
    if (bad)
        fail_with(c, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE, "value out of range: underflow");
    return bad;
}

enum operation { ADD, SUBTRACT, MULTIPLY, DIVIDE };

static void arithmetic(sqlite3_context *c, sqlite3_value **args, enum operation op, bool single)
{
    double a = argument_double(args[0]), b = argument_double(args[1]), r;
    if (op == DIVIDE && b == 0 && !isnan(a)) {
        fail_with(c, SQLSTATE_DIVISION_BY_ZERO, "division by zero");
        return;
    }
    r = op == ADD ? a + b : op == SUBTRACT ? a - b : op == MULTIPLY ? a * b : a / b;
    if (single)
        r = (double)(float)r;
    if (overflowed(c, isinf(r) && !isinf(a) && !isinf(b)))
        return;
    if (underflowed(c, r == 0 && ((op == MULTIPLY && a != 0 && b != 0) || (op == DIVIDE && a != 0 && !isinf(b)))))
        return;
    give(c, r);
}

#define ARITHMETIC(name, op, single)                                                                                   \
    static void name(sqlite3_context *c, int n, sqlite3_value **args)                                                  \
    {                                                                                                                  \
        STRICT(n, args);                                                                                               \
        arithmetic(c, args, op, single);                                                                               \
    }
ARITHMETIC(add8, ADD, false)
ARITHMETIC(subtract8, SUBTRACT, false)
ARITHMETIC(multiply8, MULTIPLY, false)
ARITHMETIC(divide8, DIVIDE, false)
ARITHMETIC(add4, ADD, true)
ARITHMETIC(subtract4, SUBTRACT, true)
ARITHMETIC(multiply4, MULTIPLY, true)
ARITHMETIC(divide4, DIVIDE, true)

static void give_in_range(sqlite3_context *c, double x, double r)
{
    if (!overflowed(c, isinf(r) && !isinf(x)) && !underflowed(c, r == 0 && x != 0))
        give(c, r);
}

static void to_degrees(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    give_in_range(c, argument_double(args[0]), argument_double(args[0]) / (M_PI / 180.0));
}

static void to_radians(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    give_in_range(c, argument_double(args[0]), argument_double(args[0]) * (M_PI / 180.0));
}

#define SIMPLE(name, expression)                                                                                       \
    static void name(sqlite3_context *c, int n, sqlite3_value **args)                                                  \
    {                                                                                                                  \
        STRICT(n, args);                                                                                               \
        double x = argument_double(args[0]);                                                                           \
        give(c, (expression));                                                                                         \
    }
SIMPLE(cube_root, cbrt(x))
SIMPLE(round_even, rint(x))
SIMPLE(truncated, trunc(x))
SIMPLE(ceiling, ceil(x))
SIMPLE(floored, floor(x))
SIMPLE(negated, -x)
SIMPLE(absolute, fabs(x))
SIMPLE(sign_of, x > 0 ? 1 : x < 0 ? -1 : 0)
SIMPLE(arc_tangent, atan(x))
SIMPLE(hyperbolic_tangent, tanh(x))
SIMPLE(hyperbolic_arc_sine, asinh(x))
SIMPLE(as_single, (double)(float)x)

#define CHECKED(name, bad, message, expression)                                                                        \
    static void name(sqlite3_context *c, int n, sqlite3_value **args)                                                  \
    {                                                                                                                  \
        STRICT(n, args);                                                                                               \
        double x = argument_double(args[0]);                                                                           \
        if (bad) {                                                                                                     \
            fail_with(c, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE, message);                                                \
            return;                                                                                                    \
        }                                                                                                              \
        give(c, (expression));                                                                                         \
    }
CHECKED(sine, isinf(x), "input is out of range", sin(x))
CHECKED(cosine, isinf(x), "input is out of range", cos(x))
CHECKED(tangent, isinf(x), "input is out of range", tan(x))
CHECKED(cotangent, isinf(x), "input is out of range", 1.0 / tan(x))
CHECKED(arc_sine, x<-1 || x> 1, "input is out of range", asin(x))
CHECKED(arc_cosine, x<-1 || x> 1, "input is out of range", acos(x))
CHECKED(hyperbolic_arc_cosine, x < 1, "input is out of range", acosh(x))
CHECKED(hyperbolic_arc_tangent, x<-1 || x> 1, "input is out of range", atanh(x))
SIMPLE(hyperbolic_sine, sinh(x))
SIMPLE(hyperbolic_cosine, cosh(x))

static void square_root(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    double x = argument_double(args[0]);
    if (x < 0)
        fail_with(c, SQLSTATE_INVALID_ARGUMENT_FOR_POWER_FUNCTION, "cannot take square root of a negative number");
    else
        give(c, sqrt(x));
}

static void exponential(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    double x = argument_double(args[0]), r = exp(x);
    if (!overflowed(c, isinf(r) && !isinf(x)) && !underflowed(c, r == 0 && !isinf(x)))
        give(c, r);
}

static void logarithm(sqlite3_context *c, sqlite3_value *v, bool decimal)
{
    double x = argument_double(v);
    if (x == 0)
        fail_with(c, SQLSTATE_INVALID_ARGUMENT_FOR_LOG, "cannot take logarithm of zero");
    else if (x < 0)
        fail_with(c, SQLSTATE_INVALID_ARGUMENT_FOR_LOG, "cannot take logarithm of a negative number");
    else
        give(c, decimal ? log10(x) : log(x));
}

static void natural_logarithm(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    logarithm(c, args[0], false);
}

static void decimal_logarithm(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    logarithm(c, args[0], true);
}

static void power(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    double x = argument_double(args[0]), y = argument_double(args[1]);
    if (x == 0 && y < 0) {
        fail_with(c, SQLSTATE_INVALID_ARGUMENT_FOR_POWER_FUNCTION, "zero raised to a negative power is undefined");
        return;
    }
    if (x < 0 && floor(y) != y && !isinf(y) && !isnan(y)) {
        fail_with(c, SQLSTATE_INVALID_ARGUMENT_FOR_POWER_FUNCTION,
                  "a negative number raised to a non-integer power yields a complex result");
        return;
    }
    double r = pow(x, y);
    if (!overflowed(c, isinf(r) && !isinf(x) && !isinf(y)) &&
        !underflowed(c, r == 0 && x != 0 && !isinf(x) && !isinf(y)))
        give(c, r);
}

static void arc_tangent2(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    give(c, atan2(argument_double(args[0]), argument_double(args[1])));
}

static void pi(sqlite3_context *c, int n, sqlite3_value **args)
{
    (void)n, (void)args;
    sqlite3_result_double(c, M_PI);
}

/* --- casts to integers: round half to even, as rint() --- */

static void to_integer(sqlite3_context *c, sqlite3_value *v, double low, double above, const char *type)
{
    double x = rint(argument_double(v));
    if (isnan(x) || x < low || x >= above)
        fail_with(c, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE, "%s out of range", type);
    else
        sqlite3_result_int64(c, (sqlite3_int64)x);
}

static void to_int2(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    to_integer(c, args[0], -32768.0, 32768.0, "smallint");
}

static void to_int4(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    to_integer(c, args[0], -2147483648.0, 2147483648.0, "integer");
}

static void to_int8(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    to_integer(c, args[0], -9223372036854775808.0, 9223372036854775808.0, "bigint");
}

static void to_float4(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    double x = argument_double(args[0]);
    float f = (float)x;
    if (!overflowed(c, isinf(f) && !isinf(x)) && !underflowed(c, f == 0 && x != 0))
        give(c, (double)f);
}

static void width_bucket(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    double x = argument_double(args[0]), low = argument_double(args[1]), high = argument_double(args[2]);
    sqlite3_int64 count = sqlite3_value_int64(args[3]);
    const char *message = count <= 0 ? "count must be greater than zero"
                          : isnan(x) || isnan(low) || isnan(high)
                              ? "operand, lower bound, and upper bound cannot be NaN"
                          : isinf(low) || isinf(high) ? "lower and upper bounds must be finite"
                          : low == high               ? "lower bound cannot equal upper bound"
                                                      : NULL;
    if (message) {
        fail_with(c, SQLSTATE_INVALID_ARGUMENT_FOR_WIDTH_BUCKET_FUNCTION, "%s", message);
        return;
    }
    bool up = low < high;
    if (up ? x < low : x > low)
        sqlite3_result_int64(c, 0);
    else if (up ? x >= high : x <= high)
        sqlite3_result_int64(c, count + 1);
    else
        sqlite3_result_int64(c, (sqlite3_int64)((double)count * ((x - low) / (high - low))) + 1);
}

/* --- integers --- */

static uint64_t gcd_of(uint64_t a, uint64_t b)
{
    while (b) {
        uint64_t t = a % b;
        a = b;
        b = t;
    }
    return a;
}

static uint64_t magnitude(int64_t v)
{
    return v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
}

static void give_checked(sqlite3_context *c, uint64_t v, bool is_int4)
{
    if (v > (uint64_t)(is_int4 ? INT32_MAX : INT64_MAX))
        fail_with(c, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE, "%s out of range", is_int4 ? "integer" : "bigint");
    else
        sqlite3_result_int64(c, (sqlite3_int64)v);
}

static void gcd(sqlite3_context *c, sqlite3_value **args, bool is_int4)
{
    give_checked(c, gcd_of(magnitude(sqlite3_value_int64(args[0])), magnitude(sqlite3_value_int64(args[1]))), is_int4);
}

static void lcm(sqlite3_context *c, sqlite3_value **args, bool is_int4)
{
    uint64_t a = magnitude(sqlite3_value_int64(args[0])), b = magnitude(sqlite3_value_int64(args[1])), r;
    if (a == 0 || b == 0)
        sqlite3_result_int64(c, 0);
    else
        give_checked(c, __builtin_mul_overflow(a / gcd_of(a, b), b, &r) ? UINT64_MAX : r, is_int4);
}

/* Shift distances count modulo the width, as C on PostgreSQL's platforms does. */
static void shift(sqlite3_context *c, sqlite3_value **args, int width, bool left)
{
    int64_t v = sqlite3_value_int64(args[0]);
    int by = (int)(sqlite3_value_int64(args[1]) & (width == 64 ? 63 : 31));
    if (!left)
        v >>= by;
    else if (width == 64)
        v = (int64_t)((uint64_t)v << by);
    else if (width == 32)
        v = (int32_t)((uint32_t)v << by);
    else
        v = (int16_t)(uint16_t)((uint32_t)v << by);
    sqlite3_result_int64(c, v);
}

#define INTEGERS(name, call)                                                                                           \
    static void name(sqlite3_context *c, int n, sqlite3_value **args)                                                  \
    {                                                                                                                  \
        STRICT(n, args);                                                                                               \
        call;                                                                                                          \
    }
INTEGERS(int4gcd, gcd(c, args, true))
INTEGERS(int8gcd, gcd(c, args, false))
INTEGERS(int4lcm, lcm(c, args, true))
INTEGERS(int8lcm, lcm(c, args, false))
INTEGERS(int2shl, shift(c, args, 16, true))
INTEGERS(int2shr, shift(c, args, 16, false))
INTEGERS(int4shl, shift(c, args, 32, true))
INTEGERS(int4shr, shift(c, args, 32, false))
INTEGERS(int8shl, shift(c, args, 64, true))
INTEGERS(int8shr, shift(c, args, 64, false))

enum { PURE = LOCAL_STRICT | LOCAL_DETERMINISTIC };
#define ROW(source, function, args)                                                                                    \
    {                                                                                                                  \
        .name = "pg_" #source, .n_args = args, .flags = PURE, .call = function                                         \
    }
#define OPERATORS(prefix, width)                                                                                       \
    ROW(prefix##pl, add##width, 2), ROW(prefix##mi, subtract##width, 2), ROW(prefix##mul, multiply##width, 2),         \
        ROW(prefix##div, divide##width, 2)

static const struct local_function functions[] = {
    OPERATORS(float8, 8),
    OPERATORS(float48, 8),
    OPERATORS(float84, 8),
    OPERATORS(float4, 4),
    ROW(float4um, negated, 1),
    ROW(float8um, negated, 1),
    ROW(float4abs, absolute, 1),
    ROW(float8abs, absolute, 1),
    ROW(dsign, sign_of, 1),
    ROW(dcbrt, cube_root, 1),
    ROW(dround, round_even, 1),
    ROW(dtrunc, truncated, 1),
    ROW(dceil, ceiling, 1),
    ROW(dfloor, floored, 1),
    ROW(dsqrt, square_root, 1),
    ROW(dexp, exponential, 1),
    ROW(dlog1, natural_logarithm, 1),
    ROW(dlog10, decimal_logarithm, 1),
    ROW(dpow, power, 2),
    ROW(dpi, pi, 0),
    ROW(degrees, to_degrees, 1),
    ROW(radians, to_radians, 1),
    ROW(dsin, sine, 1),
    ROW(dcos, cosine, 1),
    ROW(dtan, tangent, 1),
    ROW(dcot, cotangent, 1),
    ROW(dasin, arc_sine, 1),
    ROW(dacos, arc_cosine, 1),
    ROW(datan, arc_tangent, 1),
    ROW(datan2, arc_tangent2, 2),
    ROW(dsinh, hyperbolic_sine, 1),
    ROW(dcosh, hyperbolic_cosine, 1),
    ROW(dtanh, hyperbolic_tangent, 1),
    ROW(dasinh, hyperbolic_arc_sine, 1),
    ROW(dacosh, hyperbolic_arc_cosine, 1),
    ROW(datanh, hyperbolic_arc_tangent, 1),
    ROW(dtof, to_float4, 1),
    ROW(i4tof, as_single, 1),
    ROW(i8tof, as_single, 1),
    ROW(dtoi2, to_int2, 1),
    ROW(dtoi4, to_int4, 1),
    ROW(dtoi8, to_int8, 1),
    ROW(ftoi2, to_int2, 1),
    ROW(ftoi4, to_int4, 1),
    ROW(ftoi8, to_int8, 1),
    ROW(width_bucket_float8, width_bucket, 4),
    ROW(int4gcd, int4gcd, 2),
    ROW(int8gcd, int8gcd, 2),
    ROW(int4lcm, int4lcm, 2),
    ROW(int8lcm, int8lcm, 2),
    ROW(int2shl, int2shl, 2),
    ROW(int2shr, int2shr, 2),
    ROW(int4shl, int4shl, 2),
    ROW(int4shr, int4shr, 2),
    ROW(int8shl, int8shl, 2),
    ROW(int8shr, int8shr, 2),
};

const struct local_family local_family_floats = { .functions = functions,
                                                  .n_functions = sizeof(functions) / sizeof(functions[0]) };
