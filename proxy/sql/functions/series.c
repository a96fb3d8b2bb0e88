/* series.c - generate_series over numerics and timestamps (PostgreSQL 9.25); integers are counted by SQL (emit_from.c). */
#include "proxy/sql/functions/results.h"

static bool bad_step(sqlite3_context *c, const char *what)
{
    fail_with(c, SQLSTATE_INVALID_PARAMETER_VALUE, "%s", what);
    return false;
}

static bool is_usable(sqlite3_context *c, const struct numeric *n, const char *name)
{
    if (n->class == NUMERIC_FINITE)
        return true;
    fail_with(c, SQLSTATE_INVALID_PARAMETER_VALUE, "%s cannot be %s", name,
              n->class == NUMERIC_NAN ? "NaN" : "infinity");
    return false;
}

static bool add_numeric(struct rows *rows, const struct numeric *n)
{
    struct str text = numeric_print(n, scratch(rows->c));
    if (text.p)
        return rows_add_text(rows, text);
    local_fail(rows->c);
    return false;
}

static void numbers(sqlite3_context *c, int n, sqlite3_value **args)
{
    AUTO_NUMERIC(at);
    AUTO_NUMERIC(stop);
    AUTO_NUMERIC(step);
    struct rows rows;
    bool ok = true;
    STRICT(n, args);
    numeric_from_int64(&step, 1);
    if (!argument_numeric(c, args[0], &at) || !argument_numeric(c, args[1], &stop) ||
        !is_usable(c, &at, "start value") || !is_usable(c, &stop, "stop value"))
        return;
    if (n > 2 && (!argument_numeric(c, args[2], &step) || !is_usable(c, &step, "step size")))
        return;
    int direction = numeric_sign(&step);
    if (direction == 0) {
        bad_step(c, "step size cannot equal zero");
        return;
    }
    rows_start(&rows, c);
    while (ok && numeric_compare(&at, &stop) * direction <= 0) {
        ok = add_numeric(&rows, &at);
        if (ok && !numeric_add(&at, &at, &step, errors(c))) {
            local_fail(c);
            ok = false;
        }
    }
    if (ok)
        rows_give(&rows);
    else
        rows_drop(&rows);
}

static bool add_timestamp_row(struct rows *rows, int64_t t)
{
    struct str text;
    if (timestamp_to_storage(t, scratch(rows->c), &text, errors(rows->c)))
        return rows_add_text(rows, text);
    local_fail(rows->c);
    return false;
}

static void moments(sqlite3_context *c, int n, sqlite3_value **args, const struct zone *zone)
{
    int64_t at, stop;
    struct interval step;
    const struct interval none = { 0 };
    struct rows rows;
    bool ok = true;
    STRICT(n, args);
    if (!argument_timestamp(c, args[0], &at) || !argument_timestamp(c, args[1], &stop) ||
        !argument_interval(c, args[2], &step))
        return;
    int direction = interval_compare(&step, &none);
    if (direction == 0) {
        bad_step(c, "step size cannot equal zero");
        return;
    }
    rows_start(&rows, c);
    while (ok && (direction > 0 ? at <= stop : at >= stop)) {
        ok = add_timestamp_row(&rows, at);
        if (!ok)
            break;
        ok = zone ? timestamptz_add(at, &step, zone, &at, errors(c)) : timestamp_add(at, &step, &at, errors(c));
        if (!ok)
            local_fail(c);
    }
    if (ok)
        rows_give(&rows);
    else
        rows_drop(&rows);
}

static void timestamps(sqlite3_context *c, int n, sqlite3_value **args)
{
    moments(c, n, args, NULL);
}

static void zoned_timestamps(sqlite3_context *c, int n, sqlite3_value **args)
{
    moments(c, n, args, settings_of(c)->zone);
}

static const struct local_function functions[] = {
    { .name = "pg_generate_series_numeric", .n_args = 2, .flags = LOCAL_STRICT | LOCAL_DETERMINISTIC, .call = numbers },
    { .name = "pg_generate_series_step_numeric",
      .n_args = 3,
      .flags = LOCAL_STRICT | LOCAL_DETERMINISTIC,
      .call = numbers },
    { .name = "pg_generate_series_timestamp",
      .n_args = 3,
      .flags = LOCAL_STRICT | LOCAL_DETERMINISTIC,
      .call = timestamps },
    { .name = "pg_generate_series_timestamptz", .n_args = 3, .flags = LOCAL_STRICT, .call = zoned_timestamps },
};

const struct local_family local_family_series = { .functions = functions,
                                                  .n_functions = sizeof(functions) / sizeof(functions[0]) };
