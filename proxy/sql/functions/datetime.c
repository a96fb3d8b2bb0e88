/* datetime.c - dates, times, timestamps and intervals (PostgreSQL 9.9; names are pg_proc's prosrc). */
#include "proxy/sql/functions/arguments.h"

#include <math.h>

static const struct zone *zone_of(sqlite3_context *c)
{
    return settings_of(c)->zone;
}

/* Gives a result that a library function made, or its error. */
#define GIVE(kind, ok, value)                                                                                          \
    do {                                                                                                               \
        if (ok)                                                                                                        \
            result_##kind(c, value);                                                                                   \
        else                                                                                                           \
            local_fail(c);                                                                                             \
    } while (0)

/* name(a, b) -> result through operation(a, b, &r, err) */
#define TWO(name, type_a, kind_a, type_b, kind_b, type_r, kind_r, operation)                                           \
    static void name(sqlite3_context *c, int n, sqlite3_value **args)                                                  \
    {                                                                                                                  \
        STRICT(n, args);                                                                                               \
        type_a a;                                                                                                      \
        type_b b;                                                                                                      \
        type_r r = { 0 };                                                                                              \
        if (!argument_##kind_a(c, args[0], &a) || !argument_##kind_b(c, args[1], &b))                                  \
            return;                                                                                                    \
        GIVE(kind_r, (operation), RESULT_##kind_r(r));                                                                 \
    }
#define RESULT_date(r) (r)
#define RESULT_time(r) (r)
#define RESULT_timestamp(r) (r)
#define RESULT_interval(r) (&(r))
#define RESULT_timetz(r) (&(r))

static bool minus(const struct interval *v, struct interval *ret, struct err *err)
{
    return interval_negate(v, ret, err);
}

static bool timestamp_minus(int64_t t, const struct interval *v, int64_t *ret, struct err *err)
{
    struct interval m;
    return minus(v, &m, err) && timestamp_add(t, &m, ret, err);
}

static bool timestamptz_minus(int64_t t, const struct interval *v, const struct zone *zone, int64_t *ret,
                              struct err *err)
{
    struct interval m;
    return minus(v, &m, err) && timestamptz_add(t, &m, zone, ret, err);
}

static bool date_interval(int32_t date, const struct interval *v, bool negative, int64_t *ret, struct err *err)
{
    int64_t t;
    return date_to_timestamp(date, &t, err) &&
           (negative ? timestamp_minus(t, v, ret, err) : timestamp_add(t, v, ret, err));
}

static int64_t time_minus(int64_t time, const struct interval *v)
{
    struct interval m = { .us = (int64_t)(0 - (uint64_t)v->us) };
    return time_add(time, &m);
}

static struct timetz timetz_move(const struct timetz *t, const struct interval *v, bool negative)
{
    return (struct timetz){ .us = negative ? time_minus(t->us, v) : time_add(t->us, v), .offset = t->offset };
}

TWO(timestamp_pl_interval, int64_t, timestamp, struct interval, interval, int64_t, timestamp,
    timestamp_add(a, &b, &r, errors(c)))
TWO(timestamp_mi_interval, int64_t, timestamp, struct interval, interval, int64_t, timestamp,
    timestamp_minus(a, &b, &r, errors(c)))
TWO(timestamptz_pl_interval, int64_t, timestamp, struct interval, interval, int64_t, timestamp,
    timestamptz_add(a, &b, zone_of(c), &r, errors(c)))
TWO(timestamptz_mi_interval, int64_t, timestamp, struct interval, interval, int64_t, timestamp,
    timestamptz_minus(a, &b, zone_of(c), &r, errors(c)))
TWO(timestamp_mi, int64_t, timestamp, int64_t, timestamp, struct interval, interval,
    timestamp_difference(a, b, &r, errors(c)))
TWO(timestamp_age_of, int64_t, timestamp, int64_t, timestamp, struct interval, interval,
    timestamp_age(a, b, &r, errors(c)))
TWO(timestamptz_age_of, int64_t, timestamp, int64_t, timestamp, struct interval, interval,
    timestamptz_age(a, b, zone_of(c), &r, errors(c)))
TWO(date_pl_interval, int32_t, date, struct interval, interval, int64_t, timestamp,
    date_interval(a, &b, false, &r, errors(c)))
TWO(date_mi_interval, int32_t, date, struct interval, interval, int64_t, timestamp,
    date_interval(a, &b, true, &r, errors(c)))
TWO(date_pli, int32_t, date, int32_t, int4, int32_t, date, date_add_days(a, b, &r, errors(c)))
TWO(date_mii, int32_t, date, int32_t, int4, int32_t, date, date_add_days(a, -(int64_t)b, &r, errors(c)))
TWO(interval_pl, struct interval, interval, struct interval, interval, struct interval, interval,
    interval_add(&a, &b, &r, errors(c)))
TWO(interval_mi, struct interval, interval, struct interval, interval, struct interval, interval,
    interval_subtract(&a, &b, &r, errors(c)))
TWO(time_pl_interval, int64_t, time, struct interval, interval, int64_t, time, (r = time_add(a, &b), true))
TWO(time_mi_interval, int64_t, time, struct interval, interval, int64_t, time, (r = time_minus(a, &b), true))
TWO(timetz_pl_interval, struct timetz, timetz, struct interval, interval, struct timetz, timetz,
    (r = timetz_move(&a, &b, false), true))
TWO(timetz_mi_interval, struct timetz, timetz, struct interval, interval, struct timetz, timetz,
    (r = timetz_move(&a, &b, true), true))

static void date_mi(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    int32_t a, b, days;
    if (!argument_date(c, args[0], &a) || !argument_date(c, args[1], &b))
        return;
    if (date_difference(a, b, &days, errors(c)))
        sqlite3_result_int(c, days);
    else
        local_fail(c);
}

static void time_mi_time(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    int64_t a, b;
    if (!argument_time(c, args[0], &a) || !argument_time(c, args[1], &b))
        return;
    struct interval v = { .us = a - b };
    result_interval(c, &v);
}

static void interval_um(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    struct interval v, r;
    if (argument_interval(c, args[0], &v))
        GIVE(interval, interval_negate(&v, &r, errors(c)), &r);
}

static void scaled(sqlite3_context *c, sqlite3_value *interval, sqlite3_value *factor,
                   bool (*operation)(const struct interval *, double, struct interval *, struct err *))
{
    struct interval v, r;
    double by = argument_double(factor);
    if (argument_interval(c, interval, &v))
        GIVE(interval, operation(&v, by, &r, errors(c)), &r);
}

static void interval_mul(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    scaled(c, args[0], args[1], interval_multiply);
}

static void mul_d_interval(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    scaled(c, args[1], args[0], interval_multiply);
}

static void interval_div(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    scaled(c, args[0], args[1], interval_divide);
}

#define JUSTIFY(name, operation)                                                                                       \
    static void name(sqlite3_context *c, int n, sqlite3_value **args)                                                  \
    {                                                                                                                  \
        STRICT(n, args);                                                                                               \
        struct interval v, r;                                                                                          \
        if (argument_interval(c, args[0], &v))                                                                         \
            GIVE(interval, operation(&v, &r, errors(c)), &r);                                                          \
    }
JUSTIFY(justify_hours, interval_justify_hours)
JUSTIFY(justify_days, interval_justify_days)
JUSTIFY(justify_interval, interval_justify_interval)

/* --- comparisons where the storage forms do not compare by themselves --- */

static bool as_timestamp(sqlite3_context *c, sqlite3_value *v, char kind, int64_t *ret)
{
    int32_t date;
    if (kind != 'd') /* the µs of timestamptz are UTC, of timestamp the wall clock's */
        return argument_timestamp(c, v, ret);
    if (!argument_date(c, v, &date))
        return false;
    if (date_to_timestamp(date, ret, errors(c)))
        return true;
    local_fail(c);
    return false;
}

static bool order_of(sqlite3_context *c, sqlite3_value **args, char left, char right, int *ret)
{
    int64_t a, b;
    if (!as_timestamp(c, args[0], left, &a) || !as_timestamp(c, args[1], right, &b))
        return false;
    bool zoned = left == 'z' || right == 'z';
    if (zoned && left != 'z' && timestamp_is_finite(a) && !timestamp_to_timestamptz(a, zone_of(c), &a, errors(c)))
        return local_fail(c), false;
    if (zoned && right != 'z' && timestamp_is_finite(b) && !timestamp_to_timestamptz(b, zone_of(c), &b, errors(c)))
        return local_fail(c), false;
    *ret = a < b ? -1 : a > b;
    return true;
}

#define CROSS_ONE(prefix, suffix, left, right, word, test)                                                             \
    static void prefix##_##word##_##suffix(sqlite3_context *c, int n, sqlite3_value **args)                            \
    {                                                                                                                  \
        int order;                                                                                                     \
        STRICT(n, args);                                                                                               \
        if (order_of(c, args, left, right, &order))                                                                    \
            sqlite3_result_int(c, test);                                                                               \
    }
#define CROSS(prefix, suffix, left, right)                                                                             \
    CROSS_ONE(prefix, suffix, left, right, eq, order == 0)                                                             \
    CROSS_ONE(prefix, suffix, left, right, ne, order != 0)                                                             \
    CROSS_ONE(prefix, suffix, left, right, lt, order < 0)                                                              \
    CROSS_ONE(prefix, suffix, left, right, le, order <= 0)                                                             \
    CROSS_ONE(prefix, suffix, left, right, gt, order > 0)                                                              \
    CROSS_ONE(prefix, suffix, left, right, ge, order >= 0)                                                             \
    CROSS_ONE(prefix, suffix, left, right, cmp, order)
CROSS(date, timestamp, 'd', 't')
CROSS(date, timestamptz, 'd', 'z')
CROSS(timestamp, date, 't', 'd')
CROSS(timestamp, timestamptz, 't', 'z')
CROSS(timestamptz, date, 'z', 'd')
CROSS(timestamptz, timestamp, 'z', 't')

#define ORDERED_ONE(name, type, kind, compare, word, test)                                                             \
    static void name##_##word(sqlite3_context *c, int n, sqlite3_value **args)                                         \
    {                                                                                                                  \
        type a, b;                                                                                                     \
        STRICT(n, args);                                                                                               \
        if (argument_##kind(c, args[0], &a) && argument_##kind(c, args[1], &b)) {                                      \
            int order = compare(&a, &b);                                                                               \
            test;                                                                                                      \
        }                                                                                                              \
    }
#define ORDERED(name, type, kind, compare)                                                                             \
    ORDERED_ONE(name, type, kind, compare, eq, sqlite3_result_int(c, order == 0))                                      \
    ORDERED_ONE(name, type, kind, compare, ne, sqlite3_result_int(c, order != 0))                                      \
    ORDERED_ONE(name, type, kind, compare, lt, sqlite3_result_int(c, order < 0))                                       \
    ORDERED_ONE(name, type, kind, compare, le, sqlite3_result_int(c, order <= 0))                                      \
    ORDERED_ONE(name, type, kind, compare, gt, sqlite3_result_int(c, order > 0))                                       \
    ORDERED_ONE(name, type, kind, compare, ge, sqlite3_result_int(c, order >= 0))                                      \
    ORDERED_ONE(name, type, kind, compare, cmp, sqlite3_result_int(c, order))                                          \
    ORDERED_ONE(name, type, kind, compare, larger, sqlite3_result_value(c, args[order >= 0 ? 0 : 1]))                  \
    ORDERED_ONE(name, type, kind, compare, smaller, sqlite3_result_value(c, args[order <= 0 ? 0 : 1]))
ORDERED(interval, struct interval, interval, interval_compare)
ORDERED(timetz, struct timetz, timetz, timetz_compare)

/* --- conversions --- */

static void date_timestamp(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    int32_t date;
    int64_t t;
    if (argument_date(c, args[0], &date))
        GIVE(timestamp, date_to_timestamp(date, &t, errors(c)), t);
}

static void date_timestamptz(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    int32_t date;
    int64_t t;
    if (!argument_date(c, args[0], &date))
        return;
    bool ok = date_to_timestamp(date, &t, errors(c)) &&
              (!timestamp_is_finite(t) || timestamp_to_timestamptz(t, zone_of(c), &t, errors(c)));
    GIVE(timestamp, ok, t);
}

static int64_t local_of_instant(sqlite3_context *c, int64_t t)
{
    return timestamp_is_finite(t) ? timestamptz_to_timestamp(t, zone_of(c)) : t;
}

static void timestamp_timestamptz(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    int64_t t;
    if (argument_timestamp(c, args[0], &t))
        GIVE(timestamp, !timestamp_is_finite(t) || timestamp_to_timestamptz(t, zone_of(c), &t, errors(c)), t);
}

static void timestamptz_timestamp(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    int64_t t;
    if (argument_timestamp(c, args[0], &t))
        result_timestamp(c, local_of_instant(c, t));
}

static void timestamp_date(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    int64_t t;
    if (argument_timestamp(c, args[0], &t))
        result_date(c, timestamp_to_date(t));
}

static void timestamptz_date(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    int64_t t;
    if (argument_timestamp(c, args[0], &t))
        result_date(c, timestamp_to_date(local_of_instant(c, t)));
}

static void timestamp_time(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    int64_t t;
    if (argument_timestamp(c, args[0], &t) && timestamp_is_finite(t))
        result_time(c, timestamp_to_time(t));
}

static void timestamptz_time(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    int64_t t;
    if (argument_timestamp(c, args[0], &t) && timestamp_is_finite(t))
        result_time(c, timestamp_to_time(local_of_instant(c, t)));
}

static void timestamptz_timetz(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    int64_t t;
    if (!argument_timestamp(c, args[0], &t) || !timestamp_is_finite(t))
        return;
    struct timetz r = { timestamp_to_time(local_of_instant(c, t)), zone_offset_at(zone_of(c), t, NULL) };
    result_timetz(c, &r);
}

static void time_timetz(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    int64_t t;
    if (!argument_time(c, args[0], &t))
        return;
    struct timetz r = { t, zone_offset_at(zone_of(c), settings_of(c)->now_us, NULL) };
    result_timetz(c, &r);
}

static void timetz_time(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    struct timetz t;
    if (argument_timetz(c, args[0], &t))
        result_time(c, t.us);
}

static void time_interval(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    int64_t t;
    if (!argument_time(c, args[0], &t))
        return;
    struct interval v = { .us = t };
    result_interval(c, &v);
}

static void interval_time(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    struct interval v;
    if (argument_interval(c, args[0], &v))
        result_time(c, time_add(0, &v));
}

static void datetime_timestamp(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    int32_t date;
    int64_t t, time;
    if (!argument_date(c, args[0], &date) || !argument_time(c, args[1], &time))
        return;
    bool ok = date_to_timestamp(date, &t, errors(c));
    GIVE(timestamp, ok, timestamp_is_finite(t) ? t + time : t);
}

static void datetimetz_timestamptz(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    int32_t date;
    int64_t t;
    struct timetz time;
    if (!argument_date(c, args[0], &date) || !argument_timetz(c, args[1], &time))
        return;
    bool ok = date_to_timestamp(date, &t, errors(c));
    GIVE(timestamp, ok, timestamp_is_finite(t) ? t + time.us - time.offset * US_PER_SECOND : t);
}

static void float8_timestamptz(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    double seconds = argument_double(args[0]);
    if (isinf(seconds)) {
        result_timestamp(c, seconds > 0 ? TIMESTAMP_INFINITY : TIMESTAMP_MINUS_INFINITY);
        return;
    }
    if (isnan(seconds)) {
        fail_with(c, SQLSTATE_DATETIME_FIELD_OVERFLOW, "timestamp cannot be NaN");
        return;
    }
    double us = rint((seconds - TIMESTAMP_2000 / 1e6) * 1e6); /* PostgreSQL rounds on its own epoch */
    if (us < -211813488000000000.0 || us > 9223371331200000000.0 - (double)TIMESTAMP_2000) {
        fail_with(c, SQLSTATE_DATETIME_FIELD_OVERFLOW, "timestamp out of range: \"%g\"", seconds);
        return;
    }
    result_timestamp(c, (int64_t)us + TIMESTAMP_2000);
}

/* --- precision --- */

static void timestamp_scale(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    int64_t t;
    int32_t precision;
    if (!argument_timestamp(c, args[0], &t) || !argument_int4(c, args[1], &precision))
        return;
    bool finite = t != INT64_MIN && t != INT64_MAX;
    if (finite && precision != -1 && (precision < 0 || precision > 6))
        fail_with(c, SQLSTATE_INVALID_PARAMETER_VALUE, "timestamp(%d) precision must be between 0 and 6", precision);
    else
        GIVE(timestamp, timestamp_round(t, precision, &t, errors(c)), t);
}

static void time_scale(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    int64_t t;
    int32_t precision;
    if (argument_time(c, args[0], &t) && argument_int4(c, args[1], &precision))
        result_time(c, time_round(t, precision));
}

static void timetz_scale(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    struct timetz t;
    int32_t precision;
    if (!argument_timetz(c, args[0], &t) || !argument_int4(c, args[1], &precision))
        return;
    t.us = time_round(t.us, precision);
    result_timetz(c, &t);
}

static void interval_scale(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    struct interval v;
    int32_t typmod;
    if (argument_interval(c, args[0], &v) && argument_int4(c, args[1], &typmod))
        GIVE(interval, interval_apply_typmod(&v, typmod, errors(c)), &v);
}

/* --- time zones --- */

#define ZONE_BY_NAME(name, operation)                                                                                  \
    static void name(sqlite3_context *c, int n, sqlite3_value **args)                                                  \
    {                                                                                                                  \
        STRICT(n, args);                                                                                               \
        int64_t t;                                                                                                     \
        if (argument_timestamp(c, args[1], &t))                                                                        \
            GIVE(timestamp, operation(t, local_text(args[0]), &t, errors(c)), t);                                      \
    }
ZONE_BY_NAME(timestamp_zone, timestamp_at_zone_name)
ZONE_BY_NAME(timestamptz_zone, timestamptz_at_zone_name)

static bool zone_interval(sqlite3_context *c, sqlite3_value *v, int64_t *ret)
{
    struct interval zone;
    if (!argument_interval(c, v, &zone))
        return false;
    if (zone.months || zone.days) {
        fail_with(c, SQLSTATE_INVALID_PARAMETER_VALUE, "interval time zone \"%.*s\" must not include months or days",
                  STR_FMT(local_text(v)));
        return false;
    }
    *ret = zone.us / US_PER_SECOND * US_PER_SECOND;
    return true;
}

static void timestamp_izone(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    int64_t t, offset = 0;
    if (argument_timestamp(c, args[1], &t) && (!timestamp_is_finite(t) || zone_interval(c, args[0], &offset)))
        result_timestamp(c, timestamp_is_finite(t) ? t - offset : t);
}

static void timestamptz_izone(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    int64_t t, offset = 0;
    if (argument_timestamp(c, args[1], &t) && (!timestamp_is_finite(t) || zone_interval(c, args[0], &offset)))
        result_timestamp(c, timestamp_is_finite(t) ? t + offset : t);
}

/* Offsets wrap around, as PostgreSQL's int32 do; what it writes of the least one no clock shows. */
static void timetz_to_offset(sqlite3_context *c, const struct timetz *t, int32_t offset)
{
    if (offset == INT32_MIN) {
        fail_with(c, SQLSTATE_FEATURE_NOT_SUPPORTED, "a time zone displacement of -596523:14:08 is not supported");
        return;
    }
    int32_t further = (int32_t)((uint32_t)offset - (uint32_t)t->offset);
    int64_t us = (t->us + further * US_PER_SECOND) % US_PER_DAY;
    struct timetz r = { us < 0 ? us + US_PER_DAY : us, offset };
    result_timetz(c, &r);
}

static void timetz_zone(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    struct timetz t;
    const struct zone *zone = zone_find_name(local_text(args[0]));
    if (!zone)
        fail_with(c, SQLSTATE_INVALID_PARAMETER_VALUE, "time zone \"%.*s\" not recognized",
                  STR_FMT(local_text(args[0])));
    else if (argument_timetz(c, args[1], &t))
        timetz_to_offset(c, &t, zone_offset_at(zone, settings_of(c)->now_us, NULL));
}

static void timetz_izone(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    struct timetz t;
    int64_t offset;
    if (zone_interval(c, args[0], &offset) && argument_timetz(c, args[1], &t))
        timetz_to_offset(c, &t, (int32_t)(offset / US_PER_SECOND));
}

/* --- extract, date_part, date_trunc, date_bin --- */

static void give_extract(sqlite3_context *c, bool ok, const struct value *v, bool as_float)
{
    if (!ok) {
        local_fail(c);
        return;
    }
    if (!as_float || v->class == VALUE_NULL) {
        local_result(c, v);
        return;
    }
    AUTO_NUMERIC(number);
    if (v->class == VALUE_TEXT && numeric_parse(&number, v->bytes, errors(c)))
        sqlite3_result_double(c, numeric_to_double(&number));
    else if (v->class == VALUE_INTEGER)
        sqlite3_result_double(c, (double)v->integer);
    else
        local_result(c, v);
}

#define EXTRACT(name, type, kind, operation, as_float)                                                                 \
    static void name(sqlite3_context *c, int n, sqlite3_value **args)                                                  \
    {                                                                                                                  \
        STRICT(n, args);                                                                                               \
        type t;                                                                                                        \
        struct value v;                                                                                                \
        struct str unit = local_text(args[0]);                                                                         \
        if (argument_##kind(c, args[1], &t))                                                                           \
            give_extract(c, (operation), &v, as_float);                                                                \
    }
EXTRACT(extract_date, int32_t, date, date_extract(unit, t, scratch(c), &v, errors(c)), false)
EXTRACT(extract_time, int64_t, time, time_extract(unit, t, scratch(c), &v, errors(c)), false)
EXTRACT(extract_timetz, struct timetz, timetz, timetz_extract(unit, &t, scratch(c), &v, errors(c)), false)
EXTRACT(extract_timestamp, int64_t, timestamp, timestamp_extract(unit, t, scratch(c), &v, errors(c)), false)
EXTRACT(extract_timestamptz, int64_t, timestamp, timestamptz_extract(unit, t, zone_of(c), scratch(c), &v, errors(c)),
        false)
EXTRACT(extract_interval, struct interval, interval, interval_extract(unit, &t, scratch(c), &v, errors(c)), false)
EXTRACT(part_time, int64_t, time, time_extract(unit, t, scratch(c), &v, errors(c)), true)
EXTRACT(part_timetz, struct timetz, timetz, timetz_extract(unit, &t, scratch(c), &v, errors(c)), true)
EXTRACT(part_timestamp, int64_t, timestamp, timestamp_extract(unit, t, scratch(c), &v, errors(c)), true)
EXTRACT(part_timestamptz, int64_t, timestamp, timestamptz_extract(unit, t, zone_of(c), scratch(c), &v, errors(c)), true)
EXTRACT(part_interval, struct interval, interval, interval_extract(unit, &t, scratch(c), &v, errors(c)), true)

static void timestamp_trunc(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    int64_t t;
    if (argument_timestamp(c, args[1], &t))
        GIVE(timestamp, timestamp_truncate(local_text(args[0]), t, &t, errors(c)), t);
}

static void timestamptz_trunc(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    int64_t t;
    if (!argument_timestamp(c, args[1], &t))
        return;
    const struct zone *zone = n > 2 && timestamp_is_finite(t) ? zone_find_name(local_text(args[2])) : zone_of(c);
    if (!zone)
        fail_with(c, SQLSTATE_INVALID_PARAMETER_VALUE, "time zone \"%.*s\" not recognized",
                  STR_FMT(local_text(args[2])));
    else
        GIVE(timestamp, timestamptz_truncate(local_text(args[0]), t, zone, &t, errors(c)), t);
}

static void interval_trunc(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    struct interval v, r;
    if (argument_interval(c, args[1], &v))
        GIVE(interval, interval_truncate(local_text(args[0]), &v, &r, errors(c)), &r);
}

static void timestamp_bin_of(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    struct interval stride;
    int64_t t, origin;
    if (argument_interval(c, args[0], &stride) && argument_timestamp(c, args[1], &t) &&
        argument_timestamp(c, args[2], &origin))
        GIVE(timestamp, timestamp_bin(&stride, t, origin, &t, errors(c)), t);
}

/* --- make_* --- */

static bool integers(sqlite3_context *c, sqlite3_value **args, int n, int32_t *ret)
{
    for (int i = 0; i < n; i++)
        if (!argument_int4(c, args[i], &ret[i]))
            return false;
    return true;
}

static void make_date(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    int32_t v[3], date;
    if (integers(c, args, 3, v))
        GIVE(date, date_make(v[0], v[1], v[2], &date, errors(c)), date);
}

static void make_time(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    int32_t v[2];
    int64_t t;
    if (integers(c, args, 2, v))
        GIVE(time, time_make(v[0], v[1], argument_double(args[2]), &t, errors(c)), t);
}

static void make_timestamp(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    int32_t v[5];
    int64_t t;
    if (integers(c, args, 5, v))
        GIVE(timestamp, timestamp_make(v[0], v[1], v[2], v[3], v[4], argument_double(args[5]), &t, errors(c)), t);
}

static void make_timestamptz(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    int32_t v[5];
    int64_t t;
    if (!integers(c, args, 5, v))
        return;
    bool ok = timestamp_make(v[0], v[1], v[2], v[3], v[4], argument_double(args[5]), &t, errors(c));
    if (ok)
        ok = n > 6 ? timestamp_at_written_zone(t, local_text(args[6]), &t, errors(c))
                   : timestamp_to_timestamptz(t, zone_of(c), &t, errors(c));
    GIVE(timestamp, ok, t);
}

static void make_interval(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    int32_t v[6];
    struct interval r;
    if (integers(c, args, 6, v))
        GIVE(interval, interval_make(v[0], v[1], v[2], v[3], v[4], v[5], argument_double(args[6]), &r, errors(c)), &r);
}

/* --- OVERLAPS: not strict; the rules of SQL on periods with NULL ends (PostgreSQL's overlaps_timestamp) --- */

static void overlaps(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct period {
        struct str from, to;
        bool has_from, has_to;
    } p[2];
    (void)n;
    for (int i = 0; i < 2; i++) {
        p[i].has_from = sqlite3_value_type(args[2 * i]) != SQLITE_NULL;
        p[i].has_to = sqlite3_value_type(args[2 * i + 1]) != SQLITE_NULL;
        p[i].from = local_text(args[2 * i]);
        p[i].to = local_text(args[2 * i + 1]);
        if (!p[i].has_from && !p[i].has_to)
            return;
        bool swap = !p[i].has_from || (p[i].has_to && str_cmp(p[i].from, p[i].to) > 0);
        if (swap) {
            struct str other = p[i].from;
            bool has = p[i].has_from;
            p[i].from = p[i].to;
            p[i].has_from = p[i].has_to;
            p[i].to = other;
            p[i].has_to = has;
        }
    }
    int order = str_cmp(p[0].from, p[1].from);
    if (order == 0) {
        if (p[0].has_to && p[1].has_to)
            result_bool(c, true);
        return;
    }
    const struct period *early = order < 0 ? &p[0] : &p[1], *late = order < 0 ? &p[1] : &p[0];
    if (!early->has_to)
        return;
    if (str_cmp(late->from, early->to) < 0)
        result_bool(c, true);
    else if (late->has_to)
        result_bool(c, false);
}

/* --- order --- */

static int compare_intervals(struct str a, struct str b)
{
    struct interval x, y;
    struct arena *arena = arena_new(65536);
    struct err err;
    if (!arena)
        return str_cmp(a, b);
    err_init(&err, arena);
    int order = interval_from_storage(a, &x, &err) && interval_from_storage(b, &y, &err) ? interval_compare(&x, &y)
                                                                                         : str_cmp(a, b);
    arena_free(arena);
    return order;
}

static int compare_timetz(struct str a, struct str b)
{
    struct timetz x, y;
    struct arena *arena = arena_new(65536);
    struct err err;
    if (!arena)
        return str_cmp(a, b);
    err_init(&err, arena);
    int order =
        timetz_from_storage(a, &x, &err) && timetz_from_storage(b, &y, &err) ? timetz_compare(&x, &y) : str_cmp(a, b);
    arena_free(arena);
    return order;
}

enum { PURE = LOCAL_STRICT | LOCAL_DETERMINISTIC };
/* Depends on the session's time zone: constant within a run, not for ever. */
enum { ZONED = LOCAL_STRICT };

#define ROW(function, args, how)                                                                                       \
    {                                                                                                                  \
        .name = "pg_" #function, .n_args = args, .flags = how, .call = function                                        \
    }
#define NAMED(source, function, args, how)                                                                             \
    {                                                                                                                  \
        .name = "pg_" #source, .n_args = args, .flags = how, .call = function                                          \
    }
#define CROSS_ROWS(prefix, suffix, how)                                                                                \
    ROW(prefix##_eq_##suffix, 2, how), ROW(prefix##_ne_##suffix, 2, how), ROW(prefix##_lt_##suffix, 2, how),           \
        ROW(prefix##_le_##suffix, 2, how), ROW(prefix##_gt_##suffix, 2, how), ROW(prefix##_ge_##suffix, 2, how),       \
        ROW(prefix##_cmp_##suffix, 2, how)
#define ORDERED_ROWS(name)                                                                                             \
    ROW(name##_eq, 2, PURE), ROW(name##_ne, 2, PURE), ROW(name##_lt, 2, PURE), ROW(name##_le, 2, PURE),                \
        ROW(name##_gt, 2, PURE), ROW(name##_ge, 2, PURE), ROW(name##_cmp, 2, PURE), ROW(name##_larger, 2, PURE),       \
        ROW(name##_smaller, 2, PURE)

static const struct local_function functions[] = {
    ROW(timestamp_pl_interval, 2, PURE),
    ROW(timestamp_mi_interval, 2, PURE),
    ROW(timestamptz_pl_interval, 2, ZONED),
    ROW(timestamptz_mi_interval, 2, ZONED),
    ROW(timestamp_mi, 2, PURE),
    NAMED(timestamp_age, timestamp_age_of, 2, PURE),
    NAMED(timestamptz_age, timestamptz_age_of, 2, ZONED),
    ROW(date_pl_interval, 2, PURE),
    ROW(date_mi_interval, 2, PURE),
    ROW(date_pli, 2, PURE),
    ROW(date_mii, 2, PURE),
    ROW(date_mi, 2, PURE),
    ROW(interval_pl, 2, PURE),
    ROW(interval_mi, 2, PURE),
    ROW(interval_um, 1, PURE),
    ROW(interval_mul, 2, PURE),
    ROW(mul_d_interval, 2, PURE),
    ROW(interval_div, 2, PURE),
    NAMED(interval_justify_hours, justify_hours, 1, PURE),
    NAMED(interval_justify_days, justify_days, 1, PURE),
    NAMED(interval_justify_interval, justify_interval, 1, PURE),
    ROW(time_pl_interval, 2, PURE),
    ROW(time_mi_interval, 2, PURE),
    ROW(time_mi_time, 2, PURE),
    ROW(timetz_pl_interval, 2, PURE),
    ROW(timetz_mi_interval, 2, PURE),
    CROSS_ROWS(date, timestamp, PURE),
    CROSS_ROWS(date, timestamptz, ZONED),
    CROSS_ROWS(timestamp, date, PURE),
    CROSS_ROWS(timestamp, timestamptz, ZONED),
    CROSS_ROWS(timestamptz, date, ZONED),
    CROSS_ROWS(timestamptz, timestamp, ZONED),
    ORDERED_ROWS(interval),
    ORDERED_ROWS(timetz),
    ROW(date_timestamp, 1, PURE),
    ROW(date_timestamptz, 1, ZONED),
    ROW(timestamp_timestamptz, 1, ZONED),
    ROW(timestamptz_timestamp, 1, ZONED),
    ROW(timestamp_date, 1, PURE),
    ROW(timestamptz_date, 1, ZONED),
    ROW(timestamp_time, 1, PURE),
    ROW(timestamptz_time, 1, ZONED),
    ROW(timestamptz_timetz, 1, ZONED),
    ROW(time_timetz, 1, ZONED),
    ROW(timetz_time, 1, PURE),
    ROW(time_interval, 1, PURE),
    ROW(interval_time, 1, PURE),
    ROW(datetime_timestamp, 2, PURE),
    ROW(datetimetz_timestamptz, 2, PURE),
    ROW(float8_timestamptz, 1, PURE),
    ROW(timestamp_scale, 2, PURE),
    NAMED(timestamptz_scale, timestamp_scale, 2, PURE),
    ROW(time_scale, 2, PURE),
    ROW(timetz_scale, 2, PURE),
    ROW(interval_scale, 2, PURE),
    ROW(timestamp_zone, 2, PURE),
    ROW(timestamptz_zone, 2, PURE),
    ROW(timestamp_izone, 2, PURE),
    ROW(timestamptz_izone, 2, PURE),
    ROW(timetz_zone, 2, ZONED),
    ROW(timetz_izone, 2, PURE),
    ROW(extract_date, 2, PURE),
    ROW(extract_time, 2, PURE),
    ROW(extract_timetz, 2, PURE),
    ROW(extract_timestamp, 2, PURE),
    ROW(extract_timestamptz, 2, ZONED),
    ROW(extract_interval, 2, PURE),
    NAMED(time_part, part_time, 2, PURE),
    NAMED(timetz_part, part_timetz, 2, PURE),
    NAMED(timestamp_part, part_timestamp, 2, PURE),
    NAMED(timestamptz_part, part_timestamptz, 2, ZONED),
    NAMED(interval_part, part_interval, 2, PURE),
    ROW(timestamp_trunc, 2, PURE),
    ROW(timestamptz_trunc, 2, ZONED),
    NAMED(timestamptz_trunc_zone, timestamptz_trunc, 3, PURE),
    ROW(interval_trunc, 2, PURE),
    NAMED(timestamp_bin, timestamp_bin_of, 3, PURE),
    NAMED(timestamptz_bin, timestamp_bin_of, 3, PURE),
    ROW(make_date, 3, PURE),
    ROW(make_time, 3, PURE),
    ROW(make_timestamp, 6, PURE),
    ROW(make_timestamptz, 6, ZONED),
    NAMED(make_timestamptz_at_timezone, make_timestamptz, 7, PURE),
    ROW(make_interval, 7, PURE),
    NAMED(overlaps_timestamp, overlaps, 4, LOCAL_DETERMINISTIC),
    NAMED(overlaps_time, overlaps, 4, LOCAL_DETERMINISTIC),
};

static const struct local_collation collations[] = { { "pg_interval", compare_intervals },
                                                     { "pg_timetz", compare_timetz } };

const struct local_family local_family_datetime = {
    .functions = functions,
    .n_functions = sizeof(functions) / sizeof(functions[0]),
    .collations = collations,
    .n_collations = sizeof(collations) / sizeof(collations[0]),
};
