/*
 * ordered_set.c - percentile_cont, percentile_disc and mode (PostgreSQL 9.21.3).
 *
 * The rows come in the order of WITHIN GROUP: pg_percentile_…(type, fraction, value ORDER BY …), pg_mode(type, value ORDER BY …).
 * NULLs among the values do not count.
 */
#include "proxy/sql/functions/order.h"
#include "proxy/sql/functions/results.h"

#include <math.h>
#include <stdlib.h>

struct ordered {
    sqlite3_value **values;
    size_t n, size;
    sqlite3_value *fraction;
    oid_t type;
    bool failed;
};

static void add(sqlite3_context *c, struct ordered *s, sqlite3_value *value)
{
    if (s->n == s->size) {
        size_t size = s->size ? s->size * 2 : 64;
        sqlite3_value **values = realloc(s->values, size * sizeof(*values));
        s->failed = s->failed || !values;
        s->values = values ? values : s->values;
        s->size = values ? size : s->size;
    }
    sqlite3_value *copy = s->failed ? NULL : sqlite3_value_dup(value);
    if (copy)
        s->values[s->n++] = copy;
    else
        s->failed = true;
    if (s->failed)
        sqlite3_result_error_nomem(c);
}

static void step(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct ordered *s = sqlite3_aggregate_context(c, sizeof(*s));
    sqlite3_value *value = args[n - 1];
    if (!s || s->failed)
        return;
    s->type = (oid_t)sqlite3_value_int64(args[0]);
    if (n == 3 && !s->fraction)
        s->fraction = sqlite3_value_dup(args[1]);
    if (sqlite3_value_type(value) != SQLITE_NULL)
        add(c, s, value);
}

static void drop(struct ordered *s)
{
    for (size_t i = 0; i < s->n; i++)
        sqlite3_value_free(s->values[i]);
    sqlite3_value_free(s->fraction);
    free(s->values);
    *s = (struct ordered){ 0 };
}

/* ---- mode */

static bool same(oid_t type, sqlite3_value *a, sqlite3_value *b)
{
    int class = sqlite3_value_type(a);
    if (class != sqlite3_value_type(b))
        return false;
    if (class == SQLITE_INTEGER)
        return sqlite3_value_int64(a) == sqlite3_value_int64(b);
    if (class == SQLITE_FLOAT)
        return sqlite3_value_double(a) == sqlite3_value_double(b);
    struct str x = { sqlite3_value_blob(a), (size_t)sqlite3_value_bytes(a) },
               y = { sqlite3_value_blob(b), (size_t)sqlite3_value_bytes(b) };
    const struct type_info *info = type_find(type);
    bool array = info && info->element;
    return str_eq(x, y) ||
           (class == SQLITE_TEXT && (array ? order_arrays(info->element, x, y) : order_texts(type, x, y)) == 0);
}

/* The first of the values that occur most often; equal ones stand together. */
static void mode(sqlite3_context *c)
{
    struct ordered *s = sqlite3_aggregate_context(c, 0);
    size_t best = 0, most = 0, from = 0;
    if (!s)
        return;
    for (size_t i = 1; i <= s->n; i++) {
        if (i < s->n && same(s->type, s->values[from], s->values[i]))
            continue;
        if (i - from > most) {
            most = i - from;
            best = from;
        }
        from = i;
    }
    if (s->n && !s->failed)
        sqlite3_result_value(c, s->values[best]);
    drop(s);
}

/* ---- percentiles */

typedef bool (*percentile)(sqlite3_context *c, const struct ordered *s, double fraction, struct value *ret);

static bool is_fraction(sqlite3_context *c, double fraction)
{
    if (fraction >= 0 && fraction <= 1)
        return true;
    fail_with(c, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE, "percentile value %g is not between 0 and 1", fraction);
    return false;
}

static bool discrete(sqlite3_context *c, const struct ordered *s, double fraction, struct value *ret)
{
    double row = ceil(fraction * (double)s->n);
    (void)c;
    *ret = local_argument(s->values[row > 1 ? (size_t)row - 1 : 0]);
    return true;
}

/* The two rows around the place, and how far it lies behind the first. */
static double between(const struct ordered *s, double fraction, sqlite3_value **low, sqlite3_value **high)
{
    double place = fraction * (double)(s->n - 1);
    *low = s->values[(size_t)floor(place)];
    *high = s->values[(size_t)ceil(place)];
    return place - floor(place);
}

static bool continuous(sqlite3_context *c, const struct ordered *s, double fraction, struct value *ret)
{
    sqlite3_value *low, *high;
    double part = between(s, fraction, &low, &high), a = argument_double(low), b = argument_double(high);
    (void)c;
    double r = low == high ? a : a + part * (b - a);
    *ret = isnan(r) ? value_text(STR("NaN")) : value_real(r);
    return true;
}

static bool continuous_interval(sqlite3_context *c, const struct ordered *s, double fraction, struct value *ret)
{
    sqlite3_value *low, *high;
    struct interval a, b, r;
    double part = between(s, fraction, &low, &high);
    if (!argument_interval(c, low, &a) || !argument_interval(c, high, &b))
        return false;
    *ret = local_argument(low);
    if (low == high)
        return true;
    struct str text;
    bool ok = interval_subtract(&b, &a, &r, errors(c)) && interval_multiply(&r, part, &r, errors(c)) &&
              interval_add(&r, &a, &r, errors(c)) && interval_to_storage(&r, scratch(c), &text, errors(c));
    if (ok)
        *ret = value_text(text);
    else
        local_fail(c);
    return ok;
}

static void one(sqlite3_context *c, percentile find)
{
    struct ordered *s = sqlite3_aggregate_context(c, 0);
    struct value v;
    if (!s)
        return;
    if (!s->failed && s->fraction && sqlite3_value_type(s->fraction) != SQLITE_NULL) {
        double fraction = argument_double(s->fraction);
        if (is_fraction(c, fraction) && s->n && find(c, s, fraction, &v))
            local_result(c, &v);
    }
    drop(s);
}

/* pg_percentile(fraction, found): a fraction that is none is wrong where there are no rows too. */
static void checked(sqlite3_context *c, int n, sqlite3_value **args)
{
    (void)n;
    if (sqlite3_value_type(args[0]) != SQLITE_NULL && is_fraction(c, argument_double(args[0])))
        sqlite3_result_value(c, args[1]);
}

/* One element of the result for each fraction. */
static bool add_all(sqlite3_context *c, const struct ordered *s, percentile find, struct buf *out)
{
    struct json_value tree;
    if (!json_parse(local_text(s->fraction), scratch(c), &tree, errors(c)) || tree.kind != JSON_ARRAY) {
        local_fail(c);
        return false;
    }
    buf_add_char(out, '[');
    for (size_t i = 0; i < tree.array.n; i++) {
        const struct json_value *item = &tree.array.items[i];
        struct value v = value_null();
        if (item->kind == JSON_ARRAY) {
            err_unsupported(errors(c), "percentiles of an array of several dimensions");
            local_fail(c);
            return false;
        }
        double fraction = item->kind == JSON_NUMBER ? strtod(arena_cstr(scratch(c), item->text), NULL) : (double)NAN;
        if (i)
            buf_add_char(out, ',');
        if (item->kind != JSON_NULL && (!is_fraction(c, fraction) || !find(c, s, fraction, &v)))
            return false;
        if (!add_cell(out, scratch(c), &v))
            return false;
    }
    buf_add_char(out, ']');
    return true;
}

static void many(sqlite3_context *c, percentile find)
{
    struct ordered *s = sqlite3_aggregate_context(c, 0);
    struct buf out;
    if (!s)
        return;
    buf_init(&out, MAX_RESULT);
    if (!s->failed && s->n && s->fraction && sqlite3_value_type(s->fraction) != SQLITE_NULL &&
        add_all(c, s, find, &out))
        result_buf(c, &out);
    else
        buf_fini(&out);
    drop(s);
}

#define PERCENTILE(name, how, find)                                                                                    \
    static void name(sqlite3_context *c)                                                                               \
    {                                                                                                                  \
        how(c, find);                                                                                                  \
    }
PERCENTILE(one_discrete, one, discrete)
PERCENTILE(one_continuous, one, continuous)
PERCENTILE(one_interval, one, continuous_interval)
PERCENTILE(many_discrete, many, discrete)
PERCENTILE(many_continuous, many, continuous)
PERCENTILE(many_intervals, many, continuous_interval)

static const struct local_function functions[] = {
    { .name = "pg_mode", .n_args = 2, .step = step, .final = mode },
    { .name = "pg_percentile", .n_args = 2, .call = checked },
    { .name = "pg_percentile_disc", .n_args = 3, .step = step, .final = one_discrete },
    { .name = "pg_percentile_disc_many", .n_args = 3, .step = step, .final = many_discrete },
    { .name = "pg_percentile_cont", .n_args = 3, .step = step, .final = one_continuous },
    { .name = "pg_percentile_cont_many", .n_args = 3, .step = step, .final = many_continuous },
    { .name = "pg_percentile_cont_interval", .n_args = 3, .step = step, .final = one_interval },
    { .name = "pg_percentile_cont_intervals", .n_args = 3, .step = step, .final = many_intervals },
};

const struct local_family local_family_ordered_set = { .functions = functions,
                                                       .n_functions = sizeof(functions) / sizeof(functions[0]) };
