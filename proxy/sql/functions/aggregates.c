/*
 * aggregates.c - exact sums and averages, statistics, bits (PostgreSQL 9.21). Names as functions.def calls them.
 *
 * States are allocated by sqlite3_aggregate_context and freed in final. Sums of numeric and integers are exact; float statistics
 * use Youngs and Cramer's updates as PostgreSQL's float8_accum does, so that last digits agree.
 */
#include "proxy/sql/functions/typed.h"

#include <math.h>
#include <stdlib.h>

/* --- exact: count, sum, sum of squares --- */

struct exact {
    int64_t n;
    bool ready;
    struct numeric sum, squares;                 /* of the finite values */
    int64_t n_nan, n_infinite, n_minus_infinite; /* counted, so that a moving frame can leave them behind */
    int64_t
        *of_scale; /* how many of the finite values have so many digits after the point: a frame shows as many as its
                          own values, not those of the values it has left behind */
    int n_scales;
};

static struct exact *exact_state(sqlite3_context *c, bool create)
{
    struct exact *s = sqlite3_aggregate_context(c, create ? sizeof(*s) : 0);
    if (s && !s->ready && create) {
        numeric_init(&s->sum);
        numeric_init(&s->squares);
        s->ready = true;
    }
    return s && s->ready ? s : NULL;
}

static void exact_done(struct exact *s)
{
    if (s) {
        numeric_fini(&s->sum);
        numeric_fini(&s->squares);
        free(s->of_scale);
        s->of_scale = NULL;
        s->n_scales = 0;
        s->ready = false;
    }
}

static bool count_scale(struct exact *s, int scale, int64_t one)
{
    if (scale >= s->n_scales) {
        int64_t *counts = realloc(s->of_scale, sizeof(*counts) * ((size_t)scale + 1));
        if (!counts)
            return false;
        memset(counts + s->n_scales, 0, sizeof(*counts) * (size_t)(scale + 1 - s->n_scales));
        s->of_scale = counts;
        s->n_scales = scale + 1;
    }
    s->of_scale[scale] += one;
    return true;
}

/* The digits that are left behind are zeros. */
static void show_scale_of_frame(struct exact *s)
{
    int scale = s->n_scales - 1;
    while (scale > 0 && s->of_scale[scale] == 0)
        scale--;
    if (s->sum.scale > scale)
        numeric_round(&s->sum, &s->sum, scale);
    if (s->squares.scale > 2 * scale)
        numeric_round(&s->squares, &s->squares, 2 * scale);
}

static void exact_move(sqlite3_context *c, sqlite3_value *v, bool squares, bool back)
{
    struct exact *s = exact_state(c, true);
    if (!s || sqlite3_value_type(v) == SQLITE_NULL)
        return;
    AUTO_NUMERIC(x);
    AUTO_NUMERIC(x2);
    if (!argument_numeric(c, v, &x))
        return;
    int64_t one = back ? -1 : 1;
    s->n += one;
    if (x.class != NUMERIC_FINITE) {
        int64_t *count = x.class == NUMERIC_NAN        ? &s->n_nan
                         : x.class == NUMERIC_INFINITY ? &s->n_infinite
                                                       : &s->n_minus_infinite;
        *count += one;
        return;
    }
    if (!count_scale(s, x.scale, one)) {
        sqlite3_result_error_nomem(c);
        return;
    }
    bool ok = back ? numeric_subtract(&s->sum, &s->sum, &x, errors(c)) : numeric_add(&s->sum, &s->sum, &x, errors(c));
    if (ok && squares) {
        ok = numeric_multiply(&x2, &x, &x, errors(c)) &&
             (back ? numeric_subtract(&s->squares, &s->squares, &x2, errors(c))
                   : numeric_add(&s->squares, &s->squares, &x2, errors(c)));
    }
    if (ok && back)
        show_scale_of_frame(s);
    if (!ok)
        local_fail(c);
}

/* The sum of values that are not all finite. False: they are. */
static bool special_sum(sqlite3_context *c, const struct exact *s)
{
    if (!s->n_nan && !s->n_infinite && !s->n_minus_infinite)
        return false;
    bool nan = s->n_nan || (s->n_infinite && s->n_minus_infinite);
    local_result_text(c, nan ? STR("NaN") : s->n_infinite ? STR("Infinity") : STR("-Infinity"));
    return true;
}

static void sum_step(sqlite3_context *c, int n, sqlite3_value **args)
{
    (void)n;
    exact_move(c, args[0], false, false);
}

static void sum_inverse(sqlite3_context *c, int n, sqlite3_value **args)
{
    (void)n;
    exact_move(c, args[0], false, true);
}

static void statistics_step(sqlite3_context *c, int n, sqlite3_value **args)
{
    (void)n;
    exact_move(c, args[0], true, false);
}

static void statistics_inverse(sqlite3_context *c, int n, sqlite3_value **args)
{
    (void)n;
    exact_move(c, args[0], true, true);
}

static void sum_value(sqlite3_context *c)
{
    struct exact *s = exact_state(c, false);
    if (s && s->n && !special_sum(c, s))
        result_numeric(c, &s->sum);
}

static void average_value(sqlite3_context *c)
{
    struct exact *s = exact_state(c, false);
    if (!s || !s->n || special_sum(c, s))
        return;
    AUTO_NUMERIC(count);
    AUTO_NUMERIC(r);
    numeric_from_int64(&count, s->n);
    if (numeric_divide(&r, &s->sum, &count, errors(c)))
        result_numeric(c, &r);
    else
        local_fail(c);
}

/* (n·Σx² − (Σx)²) / (n·n or n·(n−1)), its root for deviations: numeric_stddev_internal. */
static void spread(sqlite3_context *c, bool sample, bool root)
{
    struct exact *s = exact_state(c, false);
    if (!s || s->n < (sample ? 2 : 1))
        return;
    if (s->n_nan || s->n_infinite || s->n_minus_infinite) {
        local_result_text(c, STR("NaN"));
        return;
    }
    AUTO_NUMERIC(count);
    AUTO_NUMERIC(less);
    AUTO_NUMERIC(a);
    AUTO_NUMERIC(b);
    numeric_from_int64(&count, s->n);
    numeric_from_int64(&less, s->n - (sample ? 1 : 0));
    bool ok = numeric_multiply(&a, &count, &s->squares, errors(c)) &&
              numeric_multiply(&b, &s->sum, &s->sum, errors(c)) && numeric_subtract(&a, &a, &b, errors(c));
    if (ok && a.class == NUMERIC_FINITE && numeric_sign(&a) <= 0) {
        AUTO_NUMERIC(zero);
        result_numeric(c, &zero);
        return;
    }
    ok = ok && numeric_multiply(&b, &count, &less, errors(c)) && numeric_divide(&a, &a, &b, errors(c));
    if (ok && root)
        numeric_sqrt_scaled(&a, &a, a.scale); /* the quotient's digits, not those of sqrt() */
    if (ok)
        result_numeric(c, &a);
    else
        local_fail(c);
}

static void variance_sample(sqlite3_context *c)
{
    spread(c, true, false);
}

static void variance_population(sqlite3_context *c)
{
    spread(c, false, false);
}

static void deviation_sample(sqlite3_context *c)
{
    spread(c, true, true);
}

static void deviation_population(sqlite3_context *c)
{
    spread(c, false, true);
}

#define EXACT_FINAL(name, value)                                                                                       \
    static void name(sqlite3_context *c)                                                                               \
    {                                                                                                                  \
        value(c);                                                                                                      \
        exact_done(exact_state(c, false));                                                                             \
    }
EXACT_FINAL(sum_final, sum_value)
EXACT_FINAL(average_final, average_value)
EXACT_FINAL(variance_sample_final, variance_sample)
EXACT_FINAL(variance_population_final, variance_population)
EXACT_FINAL(deviation_sample_final, deviation_sample)
EXACT_FINAL(deviation_population_final, deviation_population)

/* --- floats: one variable --- */

struct moments {
    double n, sx, sxx;   /* x, and its squared differences */
    double sy, syy, sxy; /* for two variables */
    bool used;
};

static bool is_float(sqlite3_value *v)
{
    return sqlite3_value_type(v) != SQLITE_NULL;
}

static void float_result(sqlite3_context *c, double d)
{
    if (isnan(d))
        local_result_text(c, STR("NaN"));
    else
        sqlite3_result_double(c, d);
}

static bool is_finite(double d)
{
    return !isnan(d) && !isinf(d);
}

static void overflow(sqlite3_context *c)
{
    fail_with(c, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE, "value out of range: overflow");
}

/* float8_accum: the sum, and the sum of squared differences by Youngs and Cramer. */
static void moments_step(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct moments *m = sqlite3_aggregate_context(c, sizeof(*m));
    (void)n;
    if (!m || !is_float(args[0]))
        return;
    double x = argument_double(args[0]), before = m->n, old = m->sx;
    m->n += 1;
    m->sx += x;
    m->used = true;
    if (before > 0) {
        double t = x * m->n - m->sx;
        m->sxx += t * t / (m->n * before);
        if (isinf(m->sx) || isinf(m->sxx)) {
            if (!isinf(old) && !isinf(x))
                overflow(c);
            m->sxx = (double)NAN;
        }
    } else if (!is_finite(x)) {
        m->sxx = (double)NAN;
    }
}

static void add_to_sum(sqlite3_context *c, sqlite3_value **args, bool single)
{
    struct moments *m = sqlite3_aggregate_context(c, sizeof(*m));
    if (!m || !is_float(args[0]))
        return;
    double x = argument_double(args[0]), sum = single ? (double)((float)m->sx + (float)x) : m->sx + x;
    if (isinf(sum) && !isinf(m->sx) && !isinf(x))
        overflow(c);
    m->sx = sum;
    m->used = true;
}

static void float_sum_step(sqlite3_context *c, int n, sqlite3_value **args)
{
    (void)n;
    add_to_sum(c, args, false);
}

/* real is summed as real: each step is rounded. */
static void float4_sum_step(sqlite3_context *c, int n, sqlite3_value **args)
{
    (void)n;
    add_to_sum(c, args, true);
}

static void float_sum_final(sqlite3_context *c)
{
    struct moments *m = sqlite3_aggregate_context(c, 0);
    if (m && m->used)
        float_result(c, m->sx);
}

static void float_average_final(sqlite3_context *c)
{
    struct moments *m = sqlite3_aggregate_context(c, 0);
    if (m && m->used)
        float_result(c, m->sx / m->n);
}

static void float_spread(sqlite3_context *c, bool sample, bool root)
{
    struct moments *m = sqlite3_aggregate_context(c, 0);
    if (!m || m->n < (sample ? 2 : 1))
        return;
    double v = m->sxx / (m->n - (sample ? 1 : 0));
    float_result(c, root ? sqrt(v) : v);
}

static void float_variance_sample(sqlite3_context *c)
{
    float_spread(c, true, false);
}

static void float_variance_population(sqlite3_context *c)
{
    float_spread(c, false, false);
}

static void float_deviation_sample(sqlite3_context *c)
{
    float_spread(c, true, true);
}

static void float_deviation_population(sqlite3_context *c)
{
    float_spread(c, false, true);
}

/* --- floats: two variables; f(Y, X) --- */

/* Infinite sums: of finite values they are an overflow, else the squares are not numbers. */
static void regression_overflow(sqlite3_context *c, struct moments *m, double y, double x, double old_y, double old_x)
{
    bool finite_x = !isinf(old_x) && !isinf(x), finite_y = !isinf(old_y) && !isinf(y);
    if (((isinf(m->sx) || isinf(m->sxx)) && finite_x) || ((isinf(m->sy) || isinf(m->syy)) && finite_y) ||
        (isinf(m->sxy) && finite_x && finite_y))
        overflow(c);
    m->sxx = isinf(m->sxx) ? (double)NAN : m->sxx;
    m->syy = isinf(m->syy) ? (double)NAN : m->syy;
    m->sxy = isinf(m->sxy) ? (double)NAN : m->sxy;
}

/* float8_regr_accum */
static void regression_step(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct moments *m = sqlite3_aggregate_context(c, sizeof(*m));
    (void)n;
    if (!m || !is_float(args[0]) || !is_float(args[1]))
        return;
    double y = argument_double(args[0]), x = argument_double(args[1]), before = m->n, old_x = m->sx, old_y = m->sy;
    m->n += 1;
    m->sx += x;
    m->sy += y;
    m->used = true;
    if (before > 0) {
        double tx = x * m->n - m->sx, ty = y * m->n - m->sy, scale = 1.0 / (m->n * before);
        m->sxx += tx * tx * scale;
        m->syy += ty * ty * scale;
        m->sxy += tx * ty * scale;
        if (isinf(m->sx) || isinf(m->sxx) || isinf(m->sy) || isinf(m->syy) || isinf(m->sxy))
            regression_overflow(c, m, y, x, old_y, old_x);
        return;
    }
    if (!is_finite(x))
        m->sxx = m->sxy = (double)NAN;
    if (!is_finite(y))
        m->syy = m->sxy = (double)NAN;
}

/* regr_count only counts: it does not overflow. */
static void pairs_step(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct moments *m = sqlite3_aggregate_context(c, sizeof(*m));
    (void)n;
    if (m && is_float(args[0]) && is_float(args[1]))
        m->n += 1;
}

#define REGRESSION(name, least, condition, value)                                                                      \
    static void name(sqlite3_context *c)                                                                               \
    {                                                                                                                  \
        struct moments *m = sqlite3_aggregate_context(c, 0);                                                           \
        if (m && m->n >= (least) && (condition))                                                                       \
            float_result(c, (value));                                                                                  \
    }
REGRESSION(regr_sxx, 1, true, m->sxx)
REGRESSION(regr_syy, 1, true, m->syy)
REGRESSION(regr_sxy, 1, true, m->sxy)
REGRESSION(regr_avgx, 1, true, m->sx / m->n)
REGRESSION(regr_avgy, 1, true, m->sy / m->n)
REGRESSION(covar_pop, 1, true, m->sxy / m->n)
REGRESSION(covar_samp, 2, true, m->sxy / (m->n - 1))
REGRESSION(corr, 1, m->sxx != 0 && m->syy != 0, m->sxy / sqrt(m->sxx * m->syy))
REGRESSION(regr_r2, 1, m->sxx != 0, m->syy == 0 ? 1.0 : (m->sxy * m->sxy) / (m->sxx * m->syy))
REGRESSION(regr_slope, 1, m->sxx != 0, m->sxy / m->sxx)
REGRESSION(regr_intercept, 1, m->sxx != 0, (m->sy - m->sx * m->sxy / m->sxx) / m->n)

static void regr_count(sqlite3_context *c)
{
    struct moments *m = sqlite3_aggregate_context(c, 0);
    sqlite3_result_int64(c, m ? (sqlite3_int64)m->n : 0);
}

/* --- bits, intervals, bytes --- */

struct bits {
    int64_t v;
    bool used;
};

#define BITS(name, op)                                                                                                 \
    static void name(sqlite3_context *c, int n, sqlite3_value **args)                                                  \
    {                                                                                                                  \
        struct bits *b = sqlite3_aggregate_context(c, sizeof(*b));                                                     \
        (void)n;                                                                                                       \
        if (!b || sqlite3_value_type(args[0]) == SQLITE_NULL)                                                          \
            return;                                                                                                    \
        int64_t x = sqlite3_value_int64(args[0]);                                                                      \
        b->v = b->used ? (b->v op x) : x;                                                                              \
        b->used = true;                                                                                                \
    }
BITS(bit_and, &)
BITS(bit_or, |)
BITS(bit_xor, ^)

static void bits_final(sqlite3_context *c)
{
    struct bits *b = sqlite3_aggregate_context(c, 0);
    if (b && b->used)
        sqlite3_result_int64(c, b->v);
}

struct intervals {
    struct interval sum;
    int64_t n;
};

static void interval_step(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct intervals *s = sqlite3_aggregate_context(c, sizeof(*s));
    struct interval v;
    (void)n;
    if (!s || sqlite3_value_type(args[0]) == SQLITE_NULL || !argument_interval(c, args[0], &v))
        return;
    if (!interval_add(&s->sum, &v, &s->sum, errors(c)))
        local_fail(c);
    s->n++;
}

static void interval_sum_final(sqlite3_context *c)
{
    struct intervals *s = sqlite3_aggregate_context(c, 0);
    if (s && s->n)
        result_interval(c, &s->sum);
}

static void interval_average_final(sqlite3_context *c)
{
    struct intervals *s = sqlite3_aggregate_context(c, 0);
    struct interval r;
    if (!s || !s->n)
        return;
    if (interval_divide(&s->sum, (double)s->n, &r, errors(c)))
        result_interval(c, &r);
    else
        local_fail(c);
}

struct bytes {
    struct buf out;
    bool used;
};

static void bytes_step(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct bytes *b = sqlite3_aggregate_context(c, sizeof(*b));
    if (!b || sqlite3_value_type(args[0]) == SQLITE_NULL)
        return;
    if (!b->out.cap)
        buf_init(&b->out, 8 << 20);
    if (b->used && n > 1 && sqlite3_value_type(args[1]) != SQLITE_NULL)
        buf_add(&b->out, sqlite3_value_blob(args[1]), (size_t)sqlite3_value_bytes(args[1]));
    buf_add(&b->out, sqlite3_value_blob(args[0]), (size_t)sqlite3_value_bytes(args[0]));
    b->used = true;
}

static void bytes_final(sqlite3_context *c)
{
    struct bytes *b = sqlite3_aggregate_context(c, 0);
    if (!b || !b->used)
        return;
    if (b->out.failed)
        fail_with(c, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "the result of string_agg is too long");
    else
        sqlite3_result_blob64(c, b->out.p ? b->out.p : "", b->out.n, SQLITE_TRANSIENT);
    buf_fini(&b->out);
}

#define EXACT(source, step_function, final_function, value_function, inverse_function)                                 \
    {                                                                                                                  \
        .name = "pg_" #source, .n_args = 1, .step = step_function, .final = final_function, .value = value_function,   \
        .inverse = inverse_function                                                                                    \
    }
#define PLAIN(source, args, step_function, final_function)                                                             \
    {                                                                                                                  \
        .name = "pg_" #source, .n_args = args, .step = step_function, .final = final_function                          \
    }

static const struct local_function functions[] = {
    EXACT(numeric_sum, sum_step, sum_final, sum_value, sum_inverse),
    EXACT(int8_sum, sum_step, sum_final, sum_value, sum_inverse),
    EXACT(numeric_avg, sum_step, average_final, average_value, sum_inverse),
    EXACT(int_avg, sum_step, average_final, average_value, sum_inverse),
    EXACT(numeric_variance, statistics_step, variance_sample_final, variance_sample, statistics_inverse),
    EXACT(numeric_var_samp, statistics_step, variance_sample_final, variance_sample, statistics_inverse),
    EXACT(numeric_var_pop, statistics_step, variance_population_final, variance_population, statistics_inverse),
    EXACT(numeric_stddev, statistics_step, deviation_sample_final, deviation_sample, statistics_inverse),
    EXACT(numeric_stddev_samp, statistics_step, deviation_sample_final, deviation_sample, statistics_inverse),
    EXACT(numeric_stddev_pop, statistics_step, deviation_population_final, deviation_population, statistics_inverse),
    PLAIN(float8_sum, 1, float_sum_step, float_sum_final),
    PLAIN(float4_sum, 1, float4_sum_step, float_sum_final),
    PLAIN(float8_avg, 1, moments_step, float_average_final),
    PLAIN(float8_variance, 1, moments_step, float_variance_sample),
    PLAIN(float8_var_samp, 1, moments_step, float_variance_sample),
    PLAIN(float8_var_pop, 1, moments_step, float_variance_population),
    PLAIN(float8_stddev, 1, moments_step, float_deviation_sample),
    PLAIN(float8_stddev_samp, 1, moments_step, float_deviation_sample),
    PLAIN(float8_stddev_pop, 1, moments_step, float_deviation_population),
    PLAIN(float8_regr_sxx, 2, regression_step, regr_sxx),
    PLAIN(float8_regr_syy, 2, regression_step, regr_syy),
    PLAIN(float8_regr_sxy, 2, regression_step, regr_sxy),
    PLAIN(float8_regr_avgx, 2, regression_step, regr_avgx),
    PLAIN(float8_regr_avgy, 2, regression_step, regr_avgy),
    PLAIN(float8_regr_count, 2, pairs_step, regr_count),
    PLAIN(float8_regr_r2, 2, regression_step, regr_r2),
    PLAIN(float8_regr_slope, 2, regression_step, regr_slope),
    PLAIN(float8_regr_intercept, 2, regression_step, regr_intercept),
    PLAIN(float8_covar_pop, 2, regression_step, covar_pop),
    PLAIN(float8_covar_samp, 2, regression_step, covar_samp),
    PLAIN(float8_corr, 2, regression_step, corr),
    PLAIN(bit_and, 1, bit_and, bits_final),
    PLAIN(bit_or, 1, bit_or, bits_final),
    PLAIN(bit_xor, 1, bit_xor, bits_final),
    PLAIN(interval_sum, 1, interval_step, interval_sum_final),
    PLAIN(interval_avg, 1, interval_step, interval_average_final),
    PLAIN(bytea_string_agg, 2, bytes_step, bytes_final),
};

const struct local_family local_family_aggregates = { .functions = functions,
                                                      .n_functions = sizeof(functions) / sizeof(functions[0]) };
