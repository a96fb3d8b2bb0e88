/*
 * datetime.h - dates, times, timestamps and intervals: text <-> numbers, and PostgreSQL's arithmetic on them.
 *
 * Units    a date is days since 1970-01-01; a timestamp is µs since 1970-01-01 00:00, of UTC for timestamptz, of the wall
 *          clock for timestamp; a time of day is µs since midnight, 0 … 86400000000 ("24:00:00" is one); offsets are
 *          seconds east of UTC. Infinities are the ends of the integer range. The calendar is Gregorian throughout.
 * Owns     nothing: texts are printed into the caller's array of DATETIME_TEXT_MAX bytes (not NUL-terminated, length returned).
 * Limits   PostgreSQL's: dates from 4713 BC; storage holds the years 1 … 9999 only, *_to_storage says 22008 beyond.
 * Fails    22007, 22008, 22009, 22015, 22023 with PostgreSQL's wording, and 0A000 where PostgreSQL says so.
 * Not here time zone data (timezone.h), to_char and to_date (proxy/sql), wire formats (types_datetime.c).
 */
#ifndef PGD1_PGWIRE_DATETIME_H
#define PGD1_PGWIRE_DATETIME_H

#include "pgwire/timezone.h"
#include "pgwire/types.h"

#define DATE_INFINITY INT32_MAX
#define DATE_MINUS_INFINITY INT32_MIN
#define TIMESTAMP_INFINITY INT64_MAX
#define TIMESTAMP_MINUS_INFINITY INT64_MIN
#define US_PER_SECOND INT64_C(1000000)
#define US_PER_MINUTE (60 * US_PER_SECOND)
#define US_PER_HOUR (60 * US_PER_MINUTE)
#define US_PER_DAY (24 * US_PER_HOUR)
/* 2000-01-01, where PostgreSQL's binary formats start. */
#define DATE_2000 10957
#define TIMESTAMP_2000 (DATE_2000 * US_PER_DAY)
/* Where finite values end: 4714-11-24 BC; for timestamps 294246-12-31, what µs since 1970 hold. */
#define DATE_MIN (-2440588)
#define TIMESTAMP_DATE_MAX 106751981
#define TIMESTAMP_MIN (DATE_MIN * US_PER_DAY)
#define TIMESTAMP_END ((TIMESTAMP_DATE_MAX + 1) * US_PER_DAY)
enum { DATETIME_TEXT_MAX = 160 };

struct civil {
    int32_t year; /* 0 is 1 BC */
    int month, day, hour, minute, second, us;
};

struct interval {
    int32_t months, days;
    int64_t us;
};

struct timetz {
    int64_t us;
    int32_t offset; /* seconds east of UTC */
};

static inline bool timestamp_is_finite(int64_t t)
{
    return t != TIMESTAMP_INFINITY && t != TIMESTAMP_MINUS_INFINITY;
}

static inline bool date_is_finite(int32_t d)
{
    return d != DATE_INFINITY && d != DATE_MINUS_INFINITY;
}

/* ---- Calendar */
int64_t civil_to_days(int64_t year, int month, int day); /* month 1 … 12; day may be out of its month */
void civil_from_days(int64_t days, struct civil *ret);   /* the clock fields become 0 */
int64_t civil_to_timestamp(const struct civil *c);
void civil_from_timestamp(int64_t t, struct civil *ret); /* finite only */
int civil_month_days(int64_t year, int month);
int days_weekday(int64_t days);                                     /* 0 Sunday … 6 */
void days_iso_week(int64_t days, int32_t *ret_year, int *ret_week); /* ISO 8601 */
int64_t days_from_iso_week(int32_t year, int week);                 /* its Monday */

/* ---- Text to value, by PostgreSQL's input rules; settings give order, zone and 'now' */
bool date_parse(struct str text, const struct type_settings *settings, int32_t *ret, struct err *err);
bool time_parse(struct str text, const struct type_settings *settings, int64_t *ret, struct err *err);
bool timetz_parse(struct str text, const struct type_settings *settings, struct timetz *ret, struct err *err);
bool timestamp_parse(struct str text, const struct type_settings *settings, int64_t *ret, struct err *err);
bool timestamptz_parse(struct str text, const struct type_settings *settings, int64_t *ret, struct err *err);
/* typmod: -1 or a field mask and precision (interval day to second(3)), which also says what a bare number means. */
bool interval_parse(struct str text, int32_t typmod, const struct type_settings *settings, struct interval *ret,
                    struct err *err);

/* ---- Value to text; settings give DateStyle, IntervalStyle and, for timestamptz, the zone */
size_t date_print(char *out, int32_t date, const struct type_settings *settings);
size_t time_print(char *out, int64_t time);
size_t timetz_print(char *out, const struct timetz *time);
size_t timestamp_print(char *out, int64_t t, const struct type_settings *settings);
size_t timestamptz_print(char *out, int64_t t, const struct type_settings *settings);
size_t interval_print(char *out, const struct interval *v, enum interval_style style);

/* ---- Storage form (types.h) <-> value. From storage: the exact form quickly, other ISO texts (T, Z, offsets) by the parser.
 * To storage: 22008 for years that do not fit. timestamp and timestamptz share the form. */
bool date_from_storage(struct str text, int32_t *ret, struct err *err);
bool time_from_storage(struct str text, int64_t *ret, struct err *err);
bool timetz_from_storage(struct str text, struct timetz *ret, struct err *err);
bool timestamp_from_storage(struct str text, int64_t *ret, struct err *err);
bool timestamptz_from_storage(struct str text, int64_t *ret, struct err *err);
bool interval_from_storage(struct str text, struct interval *ret, struct err *err);
bool date_to_storage(int32_t date, struct arena *arena, struct str *ret, struct err *err);
bool time_to_storage(int64_t time, struct arena *arena, struct str *ret, struct err *err);
bool timetz_to_storage(const struct timetz *time, struct arena *arena, struct str *ret, struct err *err);
bool timestamp_to_storage(int64_t t, struct arena *arena, struct str *ret, struct err *err);
bool interval_to_storage(const struct interval *v, struct arena *arena, struct str *ret, struct err *err);

/* ---- Length coercion: precision 0 … 6 digits of the second, rounded; -1: as it is */
int64_t time_round(int64_t time, int32_t precision);
bool timestamp_round(int64_t t, int32_t precision, int64_t *ret, struct err *err);
bool interval_apply_typmod(struct interval *v, int32_t typmod, struct err *err);

/* ---- Conversions between the types; infinities pass */
bool timestamp_to_timestamptz(int64_t local, const struct zone *zone, int64_t *ret, struct err *err);
int64_t timestamptz_to_timestamp(int64_t utc, const struct zone *zone);
bool date_to_timestamp(int32_t date, int64_t *ret, struct err *err); /* midnight; 22008 */
int32_t timestamp_to_date(int64_t t);
int64_t timestamp_to_time(int64_t t);                                                       /* finite only */
bool timestamptz_at_zone_name(int64_t utc, struct str zone, int64_t *ret, struct err *err); /* AT TIME ZONE; 22023 */
bool timestamp_at_zone_name(int64_t local, struct str zone, int64_t *ret, struct err *err);
/* As make_timestamptz() reads zones: +2 is east, as in text of timestamps, where AT TIME ZONE '+2' is POSIX's, west. */
bool timestamp_at_written_zone(int64_t local, struct str zone, int64_t *ret, struct err *err);

/* ---- Arithmetic; 22008 on overflow */
bool timestamp_add(int64_t t, const struct interval *v, int64_t *ret, struct err *err);
bool timestamptz_add(int64_t utc, const struct interval *v, const struct zone *zone, int64_t *ret, struct err *err);
bool timestamp_difference(int64_t a, int64_t b, struct interval *ret, struct err *err); /* a - b: days and time */
bool timestamp_age(int64_t a, int64_t b, struct interval *ret, struct err *err);
bool timestamptz_age(int64_t a, int64_t b, const struct zone *zone, struct interval *ret, struct err *err);
bool date_add_days(int32_t date, int64_t days, int32_t *ret, struct err *err);
bool date_difference(int32_t a, int32_t b, int32_t *ret, struct err *err);
int64_t time_add(int64_t time, const struct interval *v); /* modulo 24 hours */
/* date_bin(stride, t, origin). */
bool timestamp_bin(const struct interval *stride, int64_t t, int64_t origin, int64_t *ret, struct err *err);

bool interval_add(const struct interval *a, const struct interval *b, struct interval *ret, struct err *err);
bool interval_subtract(const struct interval *a, const struct interval *b, struct interval *ret, struct err *err);
bool interval_negate(const struct interval *v, struct interval *ret, struct err *err);
bool interval_multiply(const struct interval *v, double factor, struct interval *ret, struct err *err);
bool interval_divide(const struct interval *v, double divisor, struct interval *ret, struct err *err);
int interval_compare(const struct interval *a, const struct interval *b); /* a month is 30 days, a day 24 hours */
bool interval_justify_hours(const struct interval *v, struct interval *ret, struct err *err);
bool interval_justify_days(const struct interval *v, struct interval *ret, struct err *err);
bool interval_justify_interval(const struct interval *v, struct interval *ret, struct err *err);
int timetz_compare(const struct timetz *a, const struct timetz *b);

/* make_date, make_time, make_timestamp, make_interval: PostgreSQL's checks, 22008. */
bool date_make(int32_t year, int32_t month, int32_t day, int32_t *ret, struct err *err);
bool time_make(int32_t hour, int32_t minute, double seconds, int64_t *ret, struct err *err);
bool timestamp_make(int32_t year, int32_t month, int32_t day, int32_t hour, int32_t minute, double seconds,
                    int64_t *ret, struct err *err);
bool interval_make(int32_t years, int32_t months, int32_t weeks, int32_t days, int32_t hours, int32_t minutes,
                   double seconds, struct interval *ret, struct err *err);

/* ---- date_trunc(unit, …): unit in any case ("month", "quarter", "week", "milliseconds"…); 22023, 0A000 */
bool timestamp_truncate(struct str unit, int64_t t, int64_t *ret, struct err *err);
bool timestamptz_truncate(struct str unit, int64_t utc, const struct zone *zone, int64_t *ret, struct err *err);
bool interval_truncate(struct str unit, const struct interval *v, struct interval *ret, struct err *err);

/* ---- extract(unit from …): numeric as canonical TEXT with PostgreSQL's scale, NULL where it gives NULL (a field of infinity).
 * date_part() is the same as float8. 22023 unknown unit, 0A000 unit of another type. */
bool date_extract(struct str unit, int32_t date, struct arena *arena, struct value *ret, struct err *err);
bool time_extract(struct str unit, int64_t time, struct arena *arena, struct value *ret, struct err *err);
bool timetz_extract(struct str unit, const struct timetz *time, struct arena *arena, struct value *ret,
                    struct err *err);
bool timestamp_extract(struct str unit, int64_t t, struct arena *arena, struct value *ret, struct err *err);
bool timestamptz_extract(struct str unit, int64_t utc, const struct zone *zone, struct arena *arena, struct value *ret,
                         struct err *err);
bool interval_extract(struct str unit, const struct interval *v, struct arena *arena, struct value *ret,
                      struct err *err);

#endif
