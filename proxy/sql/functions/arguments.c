/* arguments.c - see arguments.h. */
#include "proxy/sql/functions/arguments.h"

#include <math.h>

struct arena *scratch(sqlite3_context *c)
{
    return local_arena(local_of(c));
}

struct err *errors(sqlite3_context *c)
{
    return local_err(local_of(c));
}

const struct type_settings *settings_of(sqlite3_context *c)
{
    const struct local_run *run = local_current_run(local_of(c));
    return run && run->types ? run->types : type_settings_default();
}

void fail_with(sqlite3_context *c, enum sqlstate code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct str text = arena_vprintf(scratch(c), format, args);
    va_end(args);
    err_set(errors(c), code, "%.*s", STR_FMT(text));
    local_fail(c);
}

static bool checked(sqlite3_context *c, bool ok)
{
    if (!ok)
        local_fail(c);
    return ok;
}

bool argument_numeric(sqlite3_context *c, sqlite3_value *v, struct numeric *ret)
{
    switch (sqlite3_value_type(v)) {
    case SQLITE_INTEGER:
        numeric_from_int64(ret, sqlite3_value_int64(v));
        return true;
    case SQLITE_FLOAT:
        numeric_from_double(ret, sqlite3_value_double(v), 15);
        return true;
    default:
        return checked(c, numeric_parse(ret, local_text(v), errors(c)));
    }
}

double argument_double(sqlite3_value *v)
{
    bool is_nan = sqlite3_value_type(v) == SQLITE_TEXT && str_is(local_text(v), "NaN");
    return is_nan ? (double)NAN : sqlite3_value_double(v);
}

bool argument_date(sqlite3_context *c, sqlite3_value *v, int32_t *ret)
{
    return checked(c, date_from_storage(local_text(v), ret, errors(c)));
}

bool argument_time(sqlite3_context *c, sqlite3_value *v, int64_t *ret)
{
    return checked(c, time_from_storage(local_text(v), ret, errors(c)));
}

bool argument_timetz(sqlite3_context *c, sqlite3_value *v, struct timetz *ret)
{
    return checked(c, timetz_from_storage(local_text(v), ret, errors(c)));
}

bool argument_timestamp(sqlite3_context *c, sqlite3_value *v, int64_t *ret)
{
    return checked(c, timestamp_from_storage(local_text(v), ret, errors(c)));
}

bool argument_interval(sqlite3_context *c, sqlite3_value *v, struct interval *ret)
{
    return checked(c, interval_from_storage(local_text(v), ret, errors(c)));
}

bool argument_int4(sqlite3_context *c, sqlite3_value *v, int32_t *ret)
{
    sqlite3_int64 i = sqlite3_value_int64(v);
    if (i < INT32_MIN || i > INT32_MAX) {
        fail_with(c, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE, "integer out of range");
        return false;
    }
    *ret = (int32_t)i;
    return true;
}

static void give(sqlite3_context *c, bool ok, struct str s)
{
    if (checked(c, ok))
        local_result_text(c, s);
}

void result_numeric(sqlite3_context *c, const struct numeric *n)
{
    struct str s = numeric_print(n, scratch(c));
    give(c, s.p != NULL, s);
}

void result_date(sqlite3_context *c, int32_t date)
{
    struct str s;
    give(c, date_to_storage(date, scratch(c), &s, errors(c)), s);
}

void result_time(sqlite3_context *c, int64_t time)
{
    struct str s;
    give(c, time_to_storage(time, scratch(c), &s, errors(c)), s);
}

void result_timetz(sqlite3_context *c, const struct timetz *t)
{
    struct str s;
    give(c, timetz_to_storage(t, scratch(c), &s, errors(c)), s);
}

void result_timestamp(sqlite3_context *c, int64_t t)
{
    struct str s;
    give(c, timestamp_to_storage(t, scratch(c), &s, errors(c)), s);
}

void result_interval(sqlite3_context *c, const struct interval *v)
{
    struct str s;
    give(c, interval_to_storage(v, scratch(c), &s, errors(c)), s);
}

void result_bool(sqlite3_context *c, bool b)
{
    sqlite3_result_int(c, b);
}
