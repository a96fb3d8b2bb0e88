/* datetime_math.c - arithmetic, age, date_trunc, extract and make_* of dates and times; see datetime.h. */
#include <math.h>

#include "pgwire/datetime_internal.h"
#include "pgwire/numeric.h"

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

static bool out_of_range(const char *what, struct err *err)
{
    return err_set(err, SQLSTATE_DATETIME_FIELD_OVERFLOW, "%s out of range", what);
}

/* PostgreSQL counts from 2000 and so goes on for thirty years more than a count from 1970 can: the reason is ours. */
static bool too_late(struct err *err)
{
    out_of_range("timestamp", err);
    return err_detail(err, "Only the years 1 to 9999 can be stored in D1.");
}

/* t is what a sum left, wrapped around when it overflowed. */
static bool timestamp_set(int64_t *ret, bool overflow, int64_t t, struct err *err)
{
    if (overflow ? t < 0 : t >= TIMESTAMP_END)
        return too_late(err);
    if (overflow || t < TIMESTAMP_MIN)
        return out_of_range("timestamp", err);
    *ret = t;
    return true;
}

/* ---- sums */

/* Months first, the day kept within its new month; then days. Of wall clock time. */
static bool add_calendar(int64_t t, const struct interval *v, int64_t *ret, struct err *err)
{
    int64_t days = floor_div(t, US_PER_DAY), clock = t - days * US_PER_DAY;
    if (v->months) {
        struct civil c;
        civil_from_days(days, &c);
        int64_t month = (int64_t)c.year * 12 + c.month - 1 + v->months, year = floor_div(month, 12);
        int of_year = (int)(month - year * 12) + 1, last = civil_month_days(year, of_year);
        days = civil_to_days(year, of_year, c.day < last ? c.day : last);
    }
    days += v->days;
    if (days > TIMESTAMP_DATE_MAX)
        return too_late(err);
    if (days < DATE_MIN)
        return out_of_range("timestamp", err);
    *ret = days * US_PER_DAY + clock;
    return true;
}

bool timestamp_add(int64_t t, const struct interval *v, int64_t *ret, struct err *err)
{
    if (!timestamp_is_finite(t)) {
        *ret = t;
        return true;
    }
    if ((v->months || v->days) && !add_calendar(t, v, &t, err))
        return false;
    bool overflow = __builtin_add_overflow(t, v->us, &t);
    return timestamp_set(ret, overflow, t, err);
}

bool timestamptz_add(int64_t utc, const struct interval *v, const struct zone *zone, int64_t *ret, struct err *err)
{
    if (!timestamp_is_finite(utc)) {
        *ret = utc;
        return true;
    }
    if (v->months || v->days) {
        /* Each on the wall clock, and back to an instant between: a month may end in an hour that a change skips. */
        const struct interval parts[] = { { .months = v->months }, { .days = v->days } };
        for (int i = 0; i < 2; i++) {
            int64_t local = timestamptz_to_timestamp(utc, zone);
            if (!parts[i].months && !parts[i].days)
                continue;
            if (!add_calendar(local, &parts[i], &local, err) || !timestamp_to_timestamptz(local, zone, &utc, err))
                return false;
        }
    }
    bool overflow = __builtin_add_overflow(utc, v->us, &utc);
    return timestamp_set(ret, overflow, utc, err);
}

bool timestamp_difference(int64_t a, int64_t b, struct interval *ret, struct err *err)
{
    int64_t us;
    if (!timestamp_is_finite(a) || !timestamp_is_finite(b))
        return err_set(err, SQLSTATE_DATETIME_FIELD_OVERFLOW, "cannot subtract infinite timestamps");
    if (__builtin_sub_overflow(a, b, &us))
        return out_of_range("interval", err);
    const struct interval v = { .us = us };
    return interval_justify_hours(&v, ret, err);
}

/* The larger minus the smaller, part by part; a negative part borrows from the next, a day from the month of the earlier. */
static struct interval age_of(int64_t later, int64_t earlier)
{
    struct civil x, y;
    civil_from_timestamp(later, &x);
    civil_from_timestamp(earlier, &y);
    int64_t clock = timestamp_to_time(later) - timestamp_to_time(earlier);
    int days = x.day - y.day, months = x.month - y.month, years = x.year - y.year;
    if (clock < 0) {
        clock += US_PER_DAY;
        days--;
    }
    while (days < 0) {
        days += civil_month_days(y.year, y.month);
        months--;
    }
    while (months < 0) {
        months += 12;
        years--;
    }
    return (struct interval){ years * 12 + months, days, clock };
}

bool timestamp_age(int64_t a, int64_t b, struct interval *ret, struct err *err)
{
    if (!timestamp_is_finite(a) || !timestamp_is_finite(b))
        return out_of_range("timestamp", err);
    if (a >= b) {
        *ret = age_of(a, b);
        return true;
    }
    struct interval v = age_of(b, a);
    return interval_negate(&v, ret, err);
}

bool timestamptz_age(int64_t a, int64_t b, const struct zone *zone, struct interval *ret, struct err *err)
{
    return timestamp_age(timestamptz_to_timestamp(a, zone), timestamptz_to_timestamp(b, zone), ret, err);
}

bool date_add_days(int32_t date, int64_t days, int32_t *ret, struct err *err)
{
    if (!date_is_finite(date)) {
        *ret = date;
        return true;
    }
    int64_t sum;
    if (__builtin_add_overflow(date, days, &sum) || sum < DATE_MIN || sum >= civil_to_days(5874898, 1, 1))
        return out_of_range("date", err);
    *ret = (int32_t)sum;
    return true;
}

bool date_difference(int32_t a, int32_t b, int32_t *ret, struct err *err)
{
    if (!date_is_finite(a) || !date_is_finite(b))
        return err_set(err, SQLSTATE_DATETIME_FIELD_OVERFLOW, "cannot subtract infinite dates");
    *ret = a - b;
    return true;
}

int64_t time_add(int64_t time, const struct interval *v)
{
    int64_t t = (int64_t)((uint64_t)time + (uint64_t)v->us) % US_PER_DAY; /* wraps around, as PostgreSQL's does */
    return t < 0 ? t + US_PER_DAY : t;
}

int timetz_compare(const struct timetz *a, const struct timetz *b)
{
    int64_t x = a->us - a->offset * US_PER_SECOND, y = b->us - b->offset * US_PER_SECOND;
    if (x != y)
        return x < y ? -1 : 1;
    return (a->offset < b->offset) - (a->offset > b->offset); /* further west is later */
}

bool timestamp_bin(const struct interval *stride, int64_t t, int64_t origin, int64_t *ret, struct err *err)
{
    int64_t width, difference;
    if (!timestamp_is_finite(t)) {
        *ret = t;
        return true;
    }
    if (!timestamp_is_finite(origin))
        return err_set(err, SQLSTATE_DATETIME_FIELD_OVERFLOW, "origin out of range");
    if (stride->months)
        return err_set(err, SQLSTATE_FEATURE_NOT_SUPPORTED,
                       "timestamps cannot be binned into intervals containing months or years");
    if (__builtin_add_overflow(stride->days * US_PER_DAY, stride->us, &width))
        return out_of_range("interval", err);
    if (width <= 0)
        return err_set(err, SQLSTATE_DATETIME_FIELD_OVERFLOW, "stride must be greater than zero");
    if (__builtin_sub_overflow(t, origin, &difference))
        return out_of_range("interval", err);
    bool overflow = __builtin_add_overflow(origin, floor_div(difference, width) * width, &t);
    return timestamp_set(ret, overflow, t, err);
}

/* ---- make_* */

bool date_make(int32_t year, int32_t month, int32_t day, int32_t *ret, struct err *err)
{
    int64_t astronomical = year < 0 ? (int64_t)year + 1 : year; /* -1 is 1 BC */
    bool ok = year != 0 && month >= 1 && month <= 12 && day >= 1 && astronomical >= -4713 && astronomical < 5874898 &&
              day <= civil_month_days(astronomical, month);
    if (ok) {
        int64_t days = civil_to_days(astronomical, month, day);
        if (days >= DATE_MIN) {
            *ret = (int32_t)days;
            return true;
        }
    }
    bool far = year >= 5874898 || year < -4713; /* said before the month and the day are looked at */
    const char *what = ok || far ? "date out of range" : "date field value out of range";
    return err_set(err, SQLSTATE_DATETIME_FIELD_OVERFLOW, "%s: %d-%02d-%02d", what, year, month, day);
}

/* Seconds with their fraction as µs, which are looked at once they are rounded; false when the clock would go beyond 24:00:00. */
static bool clock_make(int32_t hour, int32_t minute, double seconds, int64_t *ret)
{
    double us = rint(seconds * (double)US_PER_SECOND);
    if (hour < 0 || hour > 24 || minute < 0 || minute > 59 || !(us >= 0) || us > 60 * (double)US_PER_SECOND)
        return false;
    int64_t t = hour * US_PER_HOUR + minute * US_PER_MINUTE + (int64_t)us;
    *ret = t;
    return t <= US_PER_DAY;
}

enum { SECONDS_TEXT_MAX = 32 };

/* As PostgreSQL's printf writes %02g. */
static const char *seconds_text(double seconds, char *room)
{
    if (isnan(seconds) || isinf(seconds))
        return isnan(seconds) ? "NaN" : seconds < 0 ? "-Infinity" : "Infinity";
    snprintf(room, SECONDS_TEXT_MAX, "%02g", seconds);
    return room;
}

bool time_make(int32_t hour, int32_t minute, double seconds, int64_t *ret, struct err *err)
{
    int64_t t;
    char room[SECONDS_TEXT_MAX];
    if (!clock_make(hour, minute, seconds, &t))
        return err_set(err, SQLSTATE_DATETIME_FIELD_OVERFLOW, "time field value out of range: %d:%02d:%s", hour, minute,
                       seconds_text(seconds, room));
    *ret = t;
    return true;
}

bool timestamp_make(int32_t year, int32_t month, int32_t day, int32_t hour, int32_t minute, double seconds,
                    int64_t *ret, struct err *err)
{
    int32_t date;
    int64_t time;
    char room[SECONDS_TEXT_MAX];
    if (!date_make(year, month, day, &date, err))
        return false;
    if (!clock_make(hour, minute, seconds, &time))
        return err_set(err, SQLSTATE_DATETIME_FIELD_OVERFLOW, "time field value out of range: %d:%02d:%s", hour, minute,
                       seconds_text(seconds, room));
    if (date > TIMESTAMP_DATE_MAX)
        return err_set(err, SQLSTATE_DATETIME_FIELD_OVERFLOW, "timestamp out of range: %d-%02d-%02d %d:%02d:%s", year,
                       month, day, hour, minute, seconds_text(seconds, room));
    *ret = date * US_PER_DAY + time;
    return true;
}

/* ---- units of date_trunc and extract */

enum { UNIT_TEXT_MAX = 64 };

/* In lower case, cut at what no unit is as long as. */
static const char *lower_unit(struct str name, char *room)
{
    if (name.n >= UNIT_TEXT_MAX)
        name.n = UNIT_TEXT_MAX - 1;
    for (size_t i = 0; i < name.n; i++)
        room[i] = name.p[i] >= 'A' && name.p[i] <= 'Z' ? (char)(name.p[i] + 32) : name.p[i];
    room[name.n] = 0;
    return room;
}

/* What date_trunc knows; extract knows some words of dates too. */
static enum unit unit_of(struct str name)
{
    char room[UNIT_TEXT_MAX];
    return unit_find(lower_unit(name, room));
}

static enum unit extract_unit_of(struct str name)
{
    char room[UNIT_TEXT_MAX];
    const char *lower = lower_unit(name, room);
    int value;
    enum unit unit = unit_find(lower);
    if (unit != UNIT_NONE)
        return unit;
    enum word_kind kind = word_find(lower, &value);
    if (kind == WORD_UNIT)
        return (enum unit)value;
    return kind == WORD_RESERVED && value == RESERVED_EPOCH ? UNIT_EPOCH : UNIT_NONE;
}

/* 22023 for a word that is no unit at all, 0A000 for a unit that this type does not have. */
static bool bad_unit(enum unit unit, struct str name, const char *type_name, struct err *err)
{
    char room[UNIT_TEXT_MAX];
    bool known = unit != UNIT_NONE;
    return err_set(err, known ? SQLSTATE_FEATURE_NOT_SUPPORTED : SQLSTATE_INVALID_PARAMETER_VALUE,
                   "unit \"%s\" not %s for type %s", lower_unit(name, room), known ? "supported" : "recognized",
                   type_name);
}

/* First year of the century, decade… that a year is in; PostgreSQL's centuries start in year 1. */
static int32_t span_start(int32_t year, int32_t span)
{
    if (span == 10)
        return year >= 0 ? year / 10 * 10 : -((8 - (year - 1)) / 10) * 10;
    return year > 0 ? (year + span - 1) / span * span - (span - 1) : -(((span - 1) - (year - 1)) / span) * span + 1;
}

/* The start of the unit that a local time is in; false when the unit cannot be cut to. */
static bool truncate_civil(enum unit unit, struct civil *c)
{
    int32_t year;
    int week;
    switch (unit) {
    case UNIT_WEEK:
        days_iso_week(civil_to_days(c->year, c->month, c->day), &year, &week);
        civil_from_days(days_from_iso_week(year, week), c);
        return true;
    case UNIT_MILLENNIUM:
        *c = (struct civil){ span_start(c->year, 1000), 1, 1, 0, 0, 0, 0 };
        return true;
    case UNIT_CENTURY:
        *c = (struct civil){ span_start(c->year, 100), 1, 1, 0, 0, 0, 0 };
        return true;
    case UNIT_DECADE:
        *c = (struct civil){ span_start(c->year, 10), 1, 1, 0, 0, 0, 0 };
        return true;
    case UNIT_YEAR:
        *c = (struct civil){ c->year, 1, 1, 0, 0, 0, 0 };
        return true;
    case UNIT_QUARTER:
        *c = (struct civil){ c->year, 3 * ((c->month - 1) / 3) + 1, 1, 0, 0, 0, 0 };
        return true;
    case UNIT_MONTH:
        *c = (struct civil){ c->year, c->month, 1, 0, 0, 0, 0 };
        return true;
    case UNIT_DAY:
        *c = (struct civil){ c->year, c->month, c->day, 0, 0, 0, 0 };
        return true;
    case UNIT_HOUR:
        c->minute = c->second = c->us = 0;
        return true;
    case UNIT_MINUTE:
        c->second = c->us = 0;
        return true;
    case UNIT_SECOND:
        c->us = 0;
        return true;
    case UNIT_MILLISECOND:
        c->us = c->us / 1000 * 1000;
        return true;
    case UNIT_MICROSECOND:
        return true;
    default:
        return false;
    }
}

static const char timestamp_name[] = "timestamp without time zone", timestamptz_name[] = "timestamp with time zone";

bool timestamp_truncate(struct str unit, int64_t t, int64_t *ret, struct err *err)
{
    struct civil c;
    if (!timestamp_is_finite(t)) {
        *ret = t;
        return true;
    }
    civil_from_timestamp(t, &c);
    enum unit u = unit_of(unit);
    if (!truncate_civil(u, &c))
        return bad_unit(u, unit, timestamp_name, err);
    return timestamp_set(ret, c.year < -4713, civil_to_timestamp(&c), err);
}

bool timestamptz_truncate(struct str unit, int64_t utc, const struct zone *zone, int64_t *ret, struct err *err)
{
    enum unit u = unit_of(unit);
    struct civil c;
    if (!timestamp_is_finite(utc)) {
        *ret = utc;
        return true;
    }
    int64_t local = timestamptz_to_timestamp(utc, zone);
    civil_from_timestamp(local, &c);
    if (!truncate_civil(u, &c))
        return bad_unit(u, unit, timestamptz_name, err);
    int64_t cut = civil_to_timestamp(&c);
    /* Units of the clock keep the offset: within a repeated hour a look-up could give the other one. */
    if (u <= UNIT_HOUR)
        return timestamp_set(ret, false, utc - (local - cut), err);
    return timestamp_to_timestamptz(cut, zone, &cut, err) && timestamp_set(ret, c.year < -4713, cut, err);
}

bool interval_truncate(struct str unit, const struct interval *v, struct interval *ret, struct err *err)
{
    int32_t months = 0;
    int64_t us = 0;
    switch (unit_of(unit)) {
    case UNIT_MILLENNIUM:
        months = 12000;
        break;
    case UNIT_CENTURY:
        months = 1200;
        break;
    case UNIT_DECADE:
        months = 120;
        break;
    case UNIT_YEAR:
        months = 12;
        break;
    case UNIT_QUARTER:
        months = 3;
        break;
    case UNIT_MONTH:
        months = 1;
        break;
    case UNIT_DAY:
        us = INT64_MAX;
        break;
    case UNIT_HOUR:
        us = US_PER_HOUR;
        break;
    case UNIT_MINUTE:
        us = US_PER_MINUTE;
        break;
    case UNIT_SECOND:
        us = US_PER_SECOND;
        break;
    case UNIT_MILLISECOND:
        us = 1000;
        break;
    case UNIT_MICROSECOND:
        us = 1;
        break;
    default:
        bad_unit(unit_of(unit), unit, "interval", err);
        return unit_of(unit) == UNIT_WEEK && err_detail(err, "Months usually have fractional weeks.");
    }
    if (months)
        *ret = (struct interval){ .months = v->months / months * months };
    else
        *ret = (struct interval){ v->months, v->days, us == INT64_MAX ? 0 : v->us / us * us };
    return true;
}

/* ---- extract: an integer, or one with digits after the point */

struct extracted {
    int64_t value;
    int scale;
};

static struct extracted whole(int64_t v)
{
    return (struct extracted){ v, 0 };
}

static bool extracted_text(struct extracted e, struct arena *arena, struct value *ret, struct err *err)
{
    AUTO_NUMERIC(n);
    numeric_from_int64(&n, e.value);
    n.scale = e.scale;
    struct str text = numeric_print(&n, arena);
    *ret = value_text(text);
    return text.p ? true : err_oom(err);
}

/* Units of the clock, of 0 … 24 hours or of an interval's time. */
static bool extract_clock(enum unit unit, int64_t us, struct extracted *ret)
{
    switch (unit) {
    case UNIT_MICROSECOND:
        *ret = whole(us % US_PER_MINUTE);
        return true;
    case UNIT_MILLISECOND:
        *ret = (struct extracted){ us % US_PER_MINUTE, 3 };
        return true;
    case UNIT_SECOND:
        *ret = (struct extracted){ us % US_PER_MINUTE, 6 };
        return true;
    case UNIT_MINUTE:
        *ret = whole(us / US_PER_MINUTE % 60);
        return true;
    case UNIT_HOUR:
        *ret = whole(us / US_PER_HOUR);
        return true;
    default:
        return false;
    }
}

static int64_t year_shown(int32_t year)
{
    return year > 0 ? year : (int64_t)year - 1; /* there is no year 0 */
}

static int64_t span_number(int32_t year, int32_t span)
{
    return year > 0 ? (year + span - 1) / span : -((span - 1 - (year - 1)) / span);
}

static int64_t decade_of(int32_t year)
{
    return year >= 0 ? year / 10 : -((8 - (year - 1)) / 10);
}

/* Units of the calendar, of a day. */
static bool extract_calendar(enum unit unit, int64_t days, struct extracted *ret)
{
    struct civil c;
    int32_t year;
    int week;
    civil_from_days(days, &c);
    days_iso_week(days, &year, &week);
    switch (unit) {
    case UNIT_DAY:
        *ret = whole(c.day);
        return true;
    case UNIT_MONTH:
        *ret = whole(c.month);
        return true;
    case UNIT_QUARTER:
        *ret = whole((c.month - 1) / 3 + 1);
        return true;
    case UNIT_WEEK:
        *ret = whole(week);
        return true;
    case UNIT_YEAR:
        *ret = whole(year_shown(c.year));
        return true;
    case UNIT_DECADE:
        *ret = whole(decade_of(c.year));
        return true;
    case UNIT_CENTURY:
        *ret = whole(span_number(c.year, 100));
        return true;
    case UNIT_MILLENNIUM:
        *ret = whole(span_number(c.year, 1000));
        return true;
    case UNIT_ISOYEAR:
        *ret = whole(year_shown(year));
        return true;
    case UNIT_DOW:
        *ret = whole(days_weekday(days));
        return true;
    case UNIT_ISODOW:
        *ret = whole(days_weekday(days) ? days_weekday(days) : 7);
        return true;
    case UNIT_DOY:
        *ret = whole(days - civil_to_days(c.year, 1, 1) + 1);
        return true;
    default:
        return false;
    }
}

/* What infinity has: an infinite year or epoch, but no day. */
static bool extract_infinity(enum unit unit, bool negative, struct str name, const char *type_name, struct value *ret,
                             struct err *err)
{
    struct extracted ignored;
    switch (unit) {
    case UNIT_YEAR:
    case UNIT_DECADE:
    case UNIT_CENTURY:
    case UNIT_MILLENNIUM:
    case UNIT_JULIAN:
    case UNIT_ISOYEAR:
    case UNIT_EPOCH:
        *ret = value_text(negative ? STR("-Infinity") : STR("Infinity"));
        return true;
    case UNIT_ZONE:
    case UNIT_ZONE_HOUR:
    case UNIT_ZONE_MINUTE:
        *ret = value_null();
        return true;
    default:
        *ret = value_null();
        return extract_calendar(unit, 0, &ignored) || extract_clock(unit, 0, &ignored) ||
               bad_unit(unit, name, type_name, err);
    }
}

/* The Julian day with the part of the day that is gone, as PostgreSQL's numeric division gives it. */
static bool extract_julian(int64_t local, struct arena *arena, struct value *ret, struct err *err)
{
    AUTO_NUMERIC(day);
    AUTO_NUMERIC(part);
    AUTO_NUMERIC(unit);
    int64_t days = floor_div(local, US_PER_DAY);
    numeric_from_int64(&day, days + 2440588);
    numeric_from_int64(&part, local - days * US_PER_DAY);
    numeric_from_int64(&unit, US_PER_DAY);
    if (!numeric_divide(&part, &part, &unit, err) || !numeric_add(&day, &day, &part, err))
        return false;
    struct str text = numeric_print(&day, arena);
    *ret = value_text(text);
    return text.p ? true : err_oom(err);
}

static bool extract_local(enum unit unit, int64_t local, struct extracted *ret)
{
    return extract_calendar(unit, floor_div(local, US_PER_DAY), ret) ||
           extract_clock(unit, timestamp_to_time(local), ret);
}

static bool extract_offset(enum unit unit, int offset, struct extracted *ret)
{
    if (unit != UNIT_ZONE && unit != UNIT_ZONE_HOUR && unit != UNIT_ZONE_MINUTE)
        return false;
    *ret = whole(unit == UNIT_ZONE ? offset : unit == UNIT_ZONE_HOUR ? offset / 3600 : offset / 60 % 60);
    return true;
}

bool timestamp_extract(struct str unit, int64_t t, struct arena *arena, struct value *ret, struct err *err)
{
    enum unit u = extract_unit_of(unit);
    struct extracted e;
    if (!timestamp_is_finite(t))
        return extract_infinity(u, t < 0, unit, timestamp_name, ret, err);
    if (u == UNIT_JULIAN)
        return extract_julian(t, arena, ret, err);
    if (u == UNIT_EPOCH)
        e = (struct extracted){ t, 6 };
    else if (!extract_local(u, t, &e))
        return bad_unit(u, unit, timestamp_name, err);
    return extracted_text(e, arena, ret, err);
}

bool timestamptz_extract(struct str unit, int64_t utc, const struct zone *zone, struct arena *arena, struct value *ret,
                         struct err *err)
{
    enum unit u = extract_unit_of(unit);
    struct extracted e;
    if (!timestamp_is_finite(utc))
        return extract_infinity(u, utc < 0, unit, timestamptz_name, ret, err);
    int offset = zone_offset_at(zone, utc, NULL);
    int64_t local = utc + offset * US_PER_SECOND;
    if (u == UNIT_JULIAN)
        return extract_julian(local, arena, ret, err);
    if (u == UNIT_EPOCH)
        e = (struct extracted){ utc, 6 };
    else if (!extract_offset(u, offset, &e) && !extract_local(u, local, &e))
        return bad_unit(u, unit, timestamptz_name, err);
    return extracted_text(e, arena, ret, err);
}

bool date_extract(struct str unit, int32_t date, struct arena *arena, struct value *ret, struct err *err)
{
    enum unit u = extract_unit_of(unit);
    struct extracted e;
    if (extract_clock(u, 0, &e) || extract_offset(u, 0, &e))
        return bad_unit(u, unit, "date", err);
    if (!date_is_finite(date))
        return extract_infinity(u, date < 0, unit, "date", ret, err);
    if (u == UNIT_EPOCH)
        e = whole(date * INT64_C(86400));
    else if (u == UNIT_JULIAN)
        e = whole(date + INT64_C(2440588));
    else if (!extract_calendar(u, date, &e))
        return bad_unit(u, unit, "date", err);
    return extracted_text(e, arena, ret, err);
}

bool time_extract(struct str unit, int64_t time, struct arena *arena, struct value *ret, struct err *err)
{
    enum unit u = extract_unit_of(unit);
    struct extracted e = { time, 6 };
    if (u != UNIT_EPOCH && !extract_clock(u, time, &e))
        return bad_unit(u, unit, "time without time zone", err);
    return extracted_text(e, arena, ret, err);
}

bool timetz_extract(struct str unit, const struct timetz *time, struct arena *arena, struct value *ret, struct err *err)
{
    enum unit u = extract_unit_of(unit);
    struct extracted e = { time->us - time->offset * US_PER_SECOND, 6 };
    if (u != UNIT_EPOCH && !extract_offset(u, time->offset, &e) && !extract_clock(u, time->us, &e))
        return bad_unit(u, unit, "time with time zone", err);
    return extracted_text(e, arena, ret, err);
}

/* 365.25 days a year, 30 days a month: more than int64 holds in µs for long intervals. */
static bool interval_epoch(const struct interval *v, struct arena *arena, struct value *ret, struct err *err)
{
    AUTO_NUMERIC(sum);
    AUTO_NUMERIC(us);
    /* In quarters of a day, to have whole numbers. */
    int64_t quarters = v->months / 12 * INT64_C(1461) + v->months % 12 * INT64_C(120) + v->days * INT64_C(4);
    numeric_from_int64(&sum, quarters * 21600);
    numeric_from_int64(&us, v->us);
    us.scale = 6;
    if (!numeric_add(&sum, &sum, &us, err))
        return false;
    struct str text = numeric_print(&sum, arena);
    *ret = value_text(text);
    return text.p ? true : err_oom(err);
}

bool interval_extract(struct str unit, const struct interval *v, struct arena *arena, struct value *ret,
                      struct err *err)
{
    enum unit u = extract_unit_of(unit);
    struct extracted e;
    int32_t years = v->months / 12;
    switch (u) {
    case UNIT_EPOCH:
        return interval_epoch(v, arena, ret, err);
    case UNIT_DAY:
        e = whole(v->days);
        break;
    case UNIT_MONTH:
        e = whole(v->months % 12);
        break;
    case UNIT_QUARTER:
        e = whole(v->months % 12 / 3 + 1);
        break;
    case UNIT_YEAR:
        e = whole(years);
        break;
    case UNIT_DECADE:
        e = whole(years / 10);
        break;
    case UNIT_CENTURY:
        e = whole(years / 100);
        break;
    case UNIT_MILLENNIUM:
        e = whole(years / 1000);
        break;
    default:
        if (!extract_clock(u, v->us, &e))
            return bad_unit(u, unit, "interval", err);
    }
    return extracted_text(e, arena, ret, err);
}
