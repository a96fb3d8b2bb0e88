/* numeric.c - exact numbers: operators, functions, casts (PostgreSQL 9.3; names are pg_proc's prosrc). */
#include "proxy/sql/functions/arguments.h"

#include <math.h>

/* --- two numbers in, one out --- */

#define BINARY(name, operation)                                                                                        \
    static void name(sqlite3_context *c, int n, sqlite3_value **args)                                                  \
    {                                                                                                                  \
        STRICT(n, args);                                                                                               \
        AUTO_NUMERIC(a);                                                                                               \
        AUTO_NUMERIC(b);                                                                                               \
        AUTO_NUMERIC(r);                                                                                               \
        if (!argument_numeric(c, args[0], &a) || !argument_numeric(c, args[1], &b))                                    \
            return;                                                                                                    \
        if (operation(&r, &a, &b, errors(c)))                                                                          \
            result_numeric(c, &r);                                                                                     \
        else                                                                                                           \
            local_fail(c);                                                                                             \
    }
BINARY(add, numeric_add)
BINARY(subtract, numeric_subtract)
BINARY(multiply, numeric_multiply)
BINARY(divide, numeric_divide)
BINARY(divide_integer, numeric_divide_integer)
BINARY(modulo, numeric_modulo)
BINARY(gcd_of, numeric_gcd)
BINARY(lcm_of, numeric_lcm)
BINARY(power_of, numeric_power)
BINARY(log_of, numeric_log)

#define COMPARE(name, op)                                                                                              \
    static void name(sqlite3_context *c, int n, sqlite3_value **args)                                                  \
    {                                                                                                                  \
        STRICT(n, args);                                                                                               \
        AUTO_NUMERIC(a);                                                                                               \
        AUTO_NUMERIC(b);                                                                                               \
        if (argument_numeric(c, args[0], &a) && argument_numeric(c, args[1], &b))                                      \
            sqlite3_result_int(c, numeric_compare(&a, &b) op 0);                                                       \
    }
COMPARE(equal, ==)
COMPARE(not_equal, !=)
COMPARE(less, <)
COMPARE(less_equal, <=)
COMPARE(greater, >)
COMPARE(greater_equal, >=)

static void compare(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    AUTO_NUMERIC(a);
    AUTO_NUMERIC(b);
    if (argument_numeric(c, args[0], &a) && argument_numeric(c, args[1], &b))
        sqlite3_result_int(c, numeric_compare(&a, &b));
}

static void pick(sqlite3_context *c, int n, sqlite3_value **args, int sign)
{
    STRICT(n, args);
    AUTO_NUMERIC(a);
    AUTO_NUMERIC(b);
    if (argument_numeric(c, args[0], &a) && argument_numeric(c, args[1], &b))
        sqlite3_result_value(c, args[numeric_compare(&a, &b) * sign >= 0 ? 0 : 1]);
}

static void larger(sqlite3_context *c, int n, sqlite3_value **args)
{
    pick(c, n, args, 1);
}

static void smaller(sqlite3_context *c, int n, sqlite3_value **args)
{
    pick(c, n, args, -1);
}

/* --- one number in, one out --- */

#define UNARY(name, operation)                                                                                         \
    static void name(sqlite3_context *c, int n, sqlite3_value **args)                                                  \
    {                                                                                                                  \
        STRICT(n, args);                                                                                               \
        AUTO_NUMERIC(a);                                                                                               \
        AUTO_NUMERIC(r);                                                                                               \
        if (!argument_numeric(c, args[0], &a))                                                                         \
            return;                                                                                                    \
        operation(&r, &a);                                                                                             \
        result_numeric(c, &r);                                                                                         \
    }
UNARY(negate, numeric_negate)
UNARY(absolute, numeric_absolute)
UNARY(ceiling, numeric_ceil)
UNARY(floor_of, numeric_floor)
UNARY(trim_scale, numeric_trim_scale)

#define UNARY_CHECKED(name, operation)                                                                                 \
    static void name(sqlite3_context *c, int n, sqlite3_value **args)                                                  \
    {                                                                                                                  \
        STRICT(n, args);                                                                                               \
        AUTO_NUMERIC(a);                                                                                               \
        AUTO_NUMERIC(r);                                                                                               \
        if (!argument_numeric(c, args[0], &a))                                                                         \
            return;                                                                                                    \
        if (operation(&r, &a, errors(c)))                                                                              \
            result_numeric(c, &r);                                                                                     \
        else                                                                                                           \
            local_fail(c);                                                                                             \
    }
UNARY_CHECKED(square_root, numeric_sqrt)
UNARY_CHECKED(exponential, numeric_exp)
UNARY_CHECKED(natural_log, numeric_ln)

static void plus(sqlite3_context *c, int n, sqlite3_value **args)
{
    (void)n;
    sqlite3_result_value(c, args[0]);
}

static void sign_of(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    AUTO_NUMERIC(a);
    if (!argument_numeric(c, args[0], &a))
        return;
    if (a.class == NUMERIC_NAN) {
        result_numeric(c, &a);
        return;
    }
    AUTO_NUMERIC(r);
    numeric_from_int64(&r, numeric_sign(&a));
    result_numeric(c, &r);
}

static void rounded(sqlite3_context *c, int n, sqlite3_value **args,
                    void (*operation)(struct numeric *, const struct numeric *, int))
{
    STRICT(n, args);
    AUTO_NUMERIC(a);
    AUTO_NUMERIC(r);
    int32_t scale = 0;
    if (!argument_numeric(c, args[0], &a) || (n > 1 && !argument_int4(c, args[1], &scale)))
        return;
    operation(&r, &a, scale);
    result_numeric(c, &r);
}

static void round_to(sqlite3_context *c, int n, sqlite3_value **args)
{
    rounded(c, n, args, numeric_round);
}

static void truncate_to(sqlite3_context *c, int n, sqlite3_value **args)
{
    rounded(c, n, args, numeric_truncate);
}

static void scale_of(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    AUTO_NUMERIC(a);
    if (argument_numeric(c, args[0], &a) && a.class == NUMERIC_FINITE)
        sqlite3_result_int(c, a.scale);
}

static void min_scale_of(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    AUTO_NUMERIC(a);
    if (argument_numeric(c, args[0], &a) && a.class == NUMERIC_FINITE)
        sqlite3_result_int(c, numeric_min_scale(&a));
}

static void factorial(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    AUTO_NUMERIC(r);
    if (numeric_factorial(&r, sqlite3_value_int64(args[0]), errors(c)))
        result_numeric(c, &r);
    else
        local_fail(c);
}

/* numeric(numeric, int4): the length coercion. */
static void apply_typmod(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    AUTO_NUMERIC(a);
    int32_t typmod;
    if (!argument_numeric(c, args[0], &a) || !argument_int4(c, args[1], &typmod))
        return;
    if (numeric_apply_typmod(&a, typmod, errors(c)))
        result_numeric(c, &a);
    else
        local_fail(c);
}

static void width_bucket(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    AUTO_NUMERIC(x);
    AUTO_NUMERIC(low);
    AUTO_NUMERIC(high);
    int32_t buckets;
    if (!argument_numeric(c, args[0], &x) || !argument_numeric(c, args[1], &low) ||
        !argument_numeric(c, args[2], &high) || !argument_int4(c, args[3], &buckets))
        return;
    if (buckets <= 0) {
        fail_with(c, SQLSTATE_INVALID_ARGUMENT_FOR_WIDTH_BUCKET_FUNCTION, "count must be greater than zero");
        return;
    }
    int order = numeric_compare(&low, &high);
    bool none = x.class == NUMERIC_NAN || low.class == NUMERIC_NAN || high.class == NUMERIC_NAN;
    const char *wrong = none ? "operand, lower bound, and upper bound cannot be NaN"
                        : low.class != NUMERIC_FINITE || high.class != NUMERIC_FINITE
                            ? "lower and upper bounds must be finite"
                        : order == 0 ? "lower bound cannot equal upper bound"
                                     : NULL;
    if (wrong) {
        fail_with(c, SQLSTATE_INVALID_ARGUMENT_FOR_WIDTH_BUCKET_FUNCTION, "%s", wrong);
        return;
    }
    if (numeric_compare(&x, &low) * (order < 0 ? 1 : -1) < 0) {
        sqlite3_result_int(c, 0);
        return;
    }
    if (numeric_compare(&x, &high) * (order < 0 ? 1 : -1) >= 0) {
        sqlite3_result_int64(c, (sqlite3_int64)buckets + 1);
        return;
    }
    AUTO_NUMERIC(count);
    AUTO_NUMERIC(above);
    AUTO_NUMERIC(width);
    AUTO_NUMERIC(quotient);
    numeric_from_int64(&count, buckets);
    if (!numeric_subtract(&above, &x, &low, errors(c)) || !numeric_multiply(&above, &above, &count, errors(c)) ||
        !numeric_subtract(&width, &high, &low, errors(c)) || !numeric_divide(&quotient, &above, &width, errors(c))) {
        local_fail(c);
        return;
    }
    int64_t bucket = 0; /* the quotient is rounded as "/" rounds, which may lead into the next bucket */
    numeric_floor(&quotient, &quotient);
    numeric_to_int64(&quotient, &bucket);
    sqlite3_result_int64(c, bucket + 1);
}

/* --- casts --- */

static void from_integer(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    AUTO_NUMERIC(a);
    numeric_from_int64(&a, sqlite3_value_int64(args[0]));
    result_numeric(c, &a);
}

static void from_float(sqlite3_context *c, sqlite3_value *v, int digits)
{
    AUTO_NUMERIC(a);
    double d = argument_double(v);
    numeric_from_double(&a, d, digits);
    result_numeric(c, &a);
}

static void from_float8(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    from_float(c, args[0], 15);
}

static void from_float4(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    from_float(c, args[0], 6);
}

static void to_integer(sqlite3_context *c, sqlite3_value *v, int64_t low, int64_t high, const char *type)
{
    AUTO_NUMERIC(a);
    int64_t i;
    if (!argument_numeric(c, v, &a))
        return;
    if (a.class != NUMERIC_FINITE)
        fail_with(c, SQLSTATE_FEATURE_NOT_SUPPORTED, "cannot convert %s to %s",
                  a.class == NUMERIC_NAN ? "NaN" : "infinity", type);
    else if (!numeric_to_int64(&a, &i) || i < low || i > high)
        fail_with(c, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE, "%s out of range", type);
    else
        sqlite3_result_int64(c, i);
}

static void to_int2(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    to_integer(c, args[0], INT16_MIN, INT16_MAX, "smallint");
}

static void to_int4(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    to_integer(c, args[0], INT32_MIN, INT32_MAX, "integer");
}

static void to_int8(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    to_integer(c, args[0], INT64_MIN, INT64_MAX, "bigint");
}

static void to_float8(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    AUTO_NUMERIC(a);
    if (!argument_numeric(c, args[0], &a))
        return;
    if (a.class == NUMERIC_NAN) {
        local_result_text(c, STR("NaN"));
        return;
    }
    double d = numeric_to_double(&a);
    if (isinf(d) && a.class == NUMERIC_FINITE)
        fail_with(c, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE, "\"%.*s\" is out of range for type double precision",
                  STR_FMT(numeric_print(&a, scratch(c))));
    else
        sqlite3_result_double(c, d);
}

static void to_float4(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    AUTO_NUMERIC(a);
    if (!argument_numeric(c, args[0], &a))
        return;
    float f = (float)numeric_to_double(&a);
    if (a.class == NUMERIC_NAN)
        local_result_text(c, STR("NaN"));
    else if (isinf(f) && a.class == NUMERIC_FINITE)
        fail_with(c, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE, "\"%.*s\" is out of range for type real",
                  STR_FMT(numeric_print(&a, scratch(c))));
    else
        sqlite3_result_double(c, (double)f);
}

/* --- order --- */

static int compare_texts(struct str a, struct str b)
{
    struct arena *arena = arena_new(65536);
    struct err err;
    int order;
    if (!arena)
        return str_cmp(a, b);
    err_init(&err, arena);
    AUTO_NUMERIC(x);
    AUTO_NUMERIC(y);
    order = numeric_parse(&x, a, &err) && numeric_parse(&y, b, &err) ? numeric_compare(&x, &y) : str_cmp(a, b);
    arena_free(arena);
    return order;
}

enum { PURE = LOCAL_STRICT | LOCAL_DETERMINISTIC };

static const struct local_function functions[] = {
    { .name = "pg_numeric_add", .n_args = 2, .flags = PURE, .call = add },
    { .name = "pg_numeric_sub", .n_args = 2, .flags = PURE, .call = subtract },
    { .name = "pg_numeric_mul", .n_args = 2, .flags = PURE, .call = multiply },
    { .name = "pg_numeric_div", .n_args = 2, .flags = PURE, .call = divide },
    { .name = "pg_numeric_div_trunc", .n_args = 2, .flags = PURE, .call = divide_integer },
    { .name = "pg_numeric_mod", .n_args = 2, .flags = PURE, .call = modulo },
    { .name = "pg_numeric_gcd", .n_args = 2, .flags = PURE, .call = gcd_of },
    { .name = "pg_numeric_lcm", .n_args = 2, .flags = PURE, .call = lcm_of },
    { .name = "pg_numeric_power", .n_args = 2, .flags = PURE, .call = power_of },
    { .name = "pg_numeric_log", .n_args = 2, .flags = PURE, .call = log_of },
    { .name = "pg_numeric_eq", .n_args = 2, .flags = PURE, .call = equal },
    { .name = "pg_numeric_ne", .n_args = 2, .flags = PURE, .call = not_equal },
    { .name = "pg_numeric_lt", .n_args = 2, .flags = PURE, .call = less },
    { .name = "pg_numeric_le", .n_args = 2, .flags = PURE, .call = less_equal },
    { .name = "pg_numeric_gt", .n_args = 2, .flags = PURE, .call = greater },
    { .name = "pg_numeric_ge", .n_args = 2, .flags = PURE, .call = greater_equal },
    { .name = "pg_numeric_cmp", .n_args = 2, .flags = PURE, .call = compare },
    { .name = "pg_numeric_larger", .n_args = 2, .flags = PURE, .call = larger },
    { .name = "pg_numeric_smaller", .n_args = 2, .flags = PURE, .call = smaller },
    { .name = "pg_numeric_uminus", .n_args = 1, .flags = PURE, .call = negate },
    { .name = "pg_numeric_uplus", .n_args = 1, .flags = PURE, .call = plus },
    { .name = "pg_numeric_abs", .n_args = 1, .flags = PURE, .call = absolute },
    { .name = "pg_numeric_sign", .n_args = 1, .flags = PURE, .call = sign_of },
    { .name = "pg_numeric_ceil", .n_args = 1, .flags = PURE, .call = ceiling },
    { .name = "pg_numeric_floor", .n_args = 1, .flags = PURE, .call = floor_of },
    { .name = "pg_numeric_round", .n_args = 1, .flags = PURE | LOCAL_ANY_ARGS, .call = round_to },
    { .name = "pg_numeric_trunc", .n_args = 1, .flags = PURE | LOCAL_ANY_ARGS, .call = truncate_to },
    { .name = "pg_numeric_sqrt", .n_args = 1, .flags = PURE, .call = square_root },
    { .name = "pg_numeric_exp", .n_args = 1, .flags = PURE, .call = exponential },
    { .name = "pg_numeric_ln", .n_args = 1, .flags = PURE, .call = natural_log },
    { .name = "pg_numeric_scale", .n_args = 1, .flags = PURE, .call = scale_of },
    { .name = "pg_numeric_min_scale", .n_args = 1, .flags = PURE, .call = min_scale_of },
    { .name = "pg_numeric_trim_scale", .n_args = 1, .flags = PURE, .call = trim_scale },
    { .name = "pg_numeric_fac", .n_args = 1, .flags = PURE, .call = factorial },
    { .name = "pg_numeric", .n_args = 2, .flags = PURE, .call = apply_typmod },
    { .name = "pg_width_bucket_numeric", .n_args = 4, .flags = PURE, .call = width_bucket },
    { .name = "pg_int2_numeric", .n_args = 1, .flags = PURE, .call = from_integer },
    { .name = "pg_int4_numeric", .n_args = 1, .flags = PURE, .call = from_integer },
    { .name = "pg_int8_numeric", .n_args = 1, .flags = PURE, .call = from_integer },
    { .name = "pg_float8_numeric", .n_args = 1, .flags = PURE, .call = from_float8 },
    { .name = "pg_float4_numeric", .n_args = 1, .flags = PURE, .call = from_float4 },
    { .name = "pg_numeric_int2", .n_args = 1, .flags = PURE, .call = to_int2 },
    { .name = "pg_numeric_int4", .n_args = 1, .flags = PURE, .call = to_int4 },
    { .name = "pg_numeric_int8", .n_args = 1, .flags = PURE, .call = to_int8 },
    { .name = "pg_numeric_float8", .n_args = 1, .flags = PURE, .call = to_float8 },
    { .name = "pg_numeric_float4", .n_args = 1, .flags = PURE, .call = to_float4 },
};

static const struct local_collation collations[] = { { "pg_numeric", compare_texts } };

const struct local_family local_family_numeric = {
    .functions = functions,
    .n_functions = sizeof(functions) / sizeof(functions[0]),
    .collations = collations,
    .n_collations = sizeof(collations) / sizeof(collations[0]),
};
