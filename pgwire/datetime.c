/* datetime.c - the calendar, printing, storage forms and conversions; see datetime.h. */
#include "pgwire/datetime_internal.h"

/* ---- calendar: days counted in eras of 400 years that start on March 1st */

enum { DAYS_PER_ERA = 146097, ERA_START = 719468 /* days from 0000-03-01 to 1970-01-01 */ };

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

int64_t civil_to_days(int64_t year, int month, int day)
{
    year -= month <= 2;
    int64_t era = floor_div(year, 400), of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * DAYS_PER_ERA + of_era * 365 + of_era / 4 - of_era / 100 + day_of_year - ERA_START;
}

void civil_from_days(int64_t days, struct civil *ret)
{
    days += ERA_START;
    int64_t era = floor_div(days, DAYS_PER_ERA), of_era = days - era * DAYS_PER_ERA;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / (DAYS_PER_ERA - 1)) / 365;
    int64_t day_of_year = of_era - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * day_of_year + 2) / 153; /* 0 is March */
    *ret = (struct civil){ .day = (int)(day_of_year - (153 * month + 2) / 5 + 1),
                           .month = (int)(month < 10 ? month + 3 : month - 9) };
    ret->year = (int32_t)(year + era * 400 + (ret->month <= 2));
}

int64_t civil_to_timestamp(const struct civil *c)
{
    return civil_to_days(c->year, c->month, c->day) * US_PER_DAY + c->hour * US_PER_HOUR + c->minute * US_PER_MINUTE +
           c->second * US_PER_SECOND + c->us;
}

static void set_clock(struct civil *c, int64_t time)
{
    c->hour = (int)(time / US_PER_HOUR);
    c->minute = (int)(time / US_PER_MINUTE % 60);
    c->second = (int)(time / US_PER_SECOND % 60);
    c->us = (int)(time % US_PER_SECOND);
}

void civil_from_timestamp(int64_t t, struct civil *ret)
{
    int64_t days = floor_div(t, US_PER_DAY);
    civil_from_days(days, ret);
    set_clock(ret, t - days * US_PER_DAY);
}

int civil_month_days(int64_t year, int month)
{
    static const int lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return month == 2 && leap ? 29 : lengths[month - 1];
}

int days_weekday(int64_t days)
{
    return (int)((days % 7 + 11) % 7); /* 1970-01-01 was a Thursday */
}

int64_t days_from_iso_week(int32_t year, int week)
{
    int64_t fourth = civil_to_days(year, 1, 4); /* always in week 1 */
    return fourth - (days_weekday(fourth) + 6) % 7 + 7 * (int64_t)(week - 1);
}

void days_iso_week(int64_t days, int32_t *ret_year, int *ret_week)
{
    struct civil thursday; /* the year of a week is that of its Thursday */
    civil_from_days(days - (days_weekday(days) + 6) % 7 + 3, &thursday);
    *ret_year = thursday.year;
    *ret_week = (int)((days - days_from_iso_week(thursday.year, 1)) / 7) + 1;
}

/* ---- printing: a cursor over the caller's array */

struct pen {
    char *start, *at;
};

static void pen_char(struct pen *p, char c)
{
    *p->at++ = c;
}

static void pen_str(struct pen *p, struct str s)
{
    memcpy(p->at, s.p, s.n);
    p->at += s.n;
}

/* At least `width` digits. */
static void pen_number(struct pen *p, int64_t v, int width)
{
    char digits[24];
    int n = 0;
    do
        digits[n++] = (char)('0' + v % 10);
    while ((v /= 10) != 0);
    while (n < width)
        digits[n++] = '0';
    while (n)
        pen_char(p, digits[--n]);
}

static void pen_two(struct pen *p, int v)
{
    pen_char(p, (char)('0' + v / 10));
    pen_char(p, (char)('0' + v % 10));
}

/* .ffffff without trailing zeros, nothing for 0 */
static void pen_fraction(struct pen *p, int us)
{
    if (us == 0)
        return;
    pen_char(p, '.');
    pen_number(p, us, 6);
    while (p->at[-1] == '0')
        p->at--;
}

static void pen_clock(struct pen *p, const struct civil *c)
{
    pen_two(p, c->hour);
    pen_char(p, ':');
    pen_two(p, c->minute);
    pen_char(p, ':');
    pen_two(p, c->second);
    pen_fraction(p, c->us);
}

static void pen_offset(struct pen *p, int offset)
{
    int rest = offset < 0 ? -offset : offset;
    pen_char(p, offset < 0 ? '-' : '+');
    pen_number(p, rest / 3600, 2);
    if (rest % 3600 == 0)
        return;
    pen_char(p, ':');
    pen_two(p, rest / 60 % 60);
    if (rest % 60 == 0)
        return;
    pen_char(p, ':');
    pen_two(p, rest % 60);
}

static void pen_year(struct pen *p, const struct civil *c)
{
    pen_number(p, c->year > 0 ? c->year : 1 - (int64_t)c->year, 4);
}

static void pen_bc(struct pen *p, const struct civil *c)
{
    if (c->year <= 0)
        pen_str(p, STR(" BC"));
}

/* Day and month in the order of DateStyle, each of two digits. */
static void pen_day_month(struct pen *p, const struct civil *c, char separator, bool day_first)
{
    pen_two(p, day_first ? c->day : c->month);
    pen_char(p, separator);
    pen_two(p, day_first ? c->month : c->day);
}

static void pen_date(struct pen *p, const struct civil *c, const struct type_settings *settings)
{
    bool day_first = settings->date_order == DATE_ORDER_DMY;
    char separator = '-';
    switch (settings->date_style) {
    case DATE_STYLE_ISO:
        pen_year(p, c);
        pen_char(p, '-');
        pen_day_month(p, c, '-', false);
        return;
    case DATE_STYLE_SQL:
        separator = '/';
        break;
    case DATE_STYLE_GERMAN:
        separator = '.';
        day_first = true;
        break;
    case DATE_STYLE_POSTGRES:
        break;
    }
    pen_day_month(p, c, separator, day_first);
    pen_char(p, separator);
    pen_year(p, c);
}

static const char month_names[][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
static const char day_names[][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };

/* "Wed Dec 17 07:37:16 1997" */
static void pen_postgres(struct pen *p, const struct civil *c, bool day_first)
{
    struct str month = { month_names[c->month - 1], 3 };
    pen_str(p, (struct str){ day_names[days_weekday(civil_to_days(c->year, c->month, c->day))], 3 });
    pen_char(p, ' ');
    if (day_first) {
        pen_two(p, c->day);
        pen_char(p, ' ');
        pen_str(p, month);
    } else {
        pen_str(p, month);
        pen_char(p, ' ');
        pen_two(p, c->day);
    }
    pen_char(p, ' ');
    pen_clock(p, c);
    pen_char(p, ' ');
    pen_year(p, c);
}

static void pen_timestamp(struct pen *p, const struct civil *c, const struct type_settings *settings)
{
    if (settings->date_style == DATE_STYLE_POSTGRES) {
        pen_postgres(p, c, settings->date_order == DATE_ORDER_DMY);
        return;
    }
    pen_date(p, c, settings);
    pen_char(p, ' ');
    pen_clock(p, c);
}

static size_t pen_infinity(char *out, bool negative)
{
    struct pen p = { out, out };
    pen_str(&p, negative ? STR("-infinity") : STR("infinity"));
    return (size_t)(p.at - out);
}

size_t date_print(char *out, int32_t date, const struct type_settings *settings)
{
    if (!date_is_finite(date))
        return pen_infinity(out, date < 0);
    struct pen p = { out, out };
    struct civil c;
    civil_from_days(date, &c);
    pen_date(&p, &c, settings);
    pen_bc(&p, &c);
    return (size_t)(p.at - out);
}

size_t time_print(char *out, int64_t time)
{
    struct pen p = { out, out };
    struct civil c = { 0 };
    set_clock(&c, time);
    pen_clock(&p, &c);
    return (size_t)(p.at - out);
}

size_t timetz_print(char *out, const struct timetz *time)
{
    struct pen p = { out, out + time_print(out, time->us) };
    pen_offset(&p, time->offset);
    return (size_t)(p.at - out);
}

size_t timestamp_print(char *out, int64_t t, const struct type_settings *settings)
{
    if (!timestamp_is_finite(t))
        return pen_infinity(out, t < 0);
    struct pen p = { out, out };
    struct civil c;
    civil_from_timestamp(t, &c);
    pen_timestamp(&p, &c, settings);
    pen_bc(&p, &c);
    return (size_t)(p.at - out);
}

size_t timestamptz_print(char *out, int64_t t, const struct type_settings *settings)
{
    if (!timestamp_is_finite(t))
        return pen_infinity(out, t < 0);
    struct pen p = { out, out };
    struct str abbreviation;
    struct civil c;
    int offset = zone_offset_at(settings->zone, t, &abbreviation);
    civil_from_timestamp(t + offset * US_PER_SECOND, &c);
    pen_timestamp(&p, &c, settings);
    if (settings->date_style == DATE_STYLE_ISO) {
        pen_offset(&p, offset);
    } else {
        pen_char(&p, ' ');
        pen_str(&p, (struct str){ abbreviation.p, abbreviation.n < 10 ? abbreviation.n : 10 });
    }
    pen_bc(&p, &c);
    return (size_t)(p.at - out);
}

/* ---- reading the storage form */

static bool two_digits(const char *p, int *ret)
{
    if (p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9')
        return false;
    *ret = (p[0] - '0') * 10 + (p[1] - '0');
    return true;
}

/* Exactly YYYY-MM-DD */
static bool exact_date(const char *p, struct civil *c)
{
    int century, year;
    if (!two_digits(p, &century) || !two_digits(p + 2, &year) || p[4] != '-' || !two_digits(p + 5, &c->month) ||
        p[7] != '-' || !two_digits(p + 8, &c->day))
        return false;
    c->year = century * 100 + year;
    return c->year > 0 && c->month >= 1 && c->month <= 12 && c->day >= 1 &&
           c->day <= civil_month_days(c->year, c->month);
}

/* Exactly HH:MM:SS[.f…] with one to six digits */
static bool exact_clock(struct str s, struct civil *c)
{
    if (s.n < 8 || s.n == 9 || s.n > 15 || !two_digits(s.p, &c->hour) || s.p[2] != ':' ||
        !two_digits(s.p + 3, &c->minute) || s.p[5] != ':' || !two_digits(s.p + 6, &c->second) || c->minute > 59 ||
        c->second > 59)
        return false;
    c->us = 0;
    int unit = 100000;
    for (size_t i = 9; i < s.n; i++, unit /= 10) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        c->us += (s.p[i] - '0') * unit;
    }
    bool end_of_day = c->hour == 24 && c->minute == 0 && c->second == 0 && c->us == 0;
    return (s.n == 8 || s.p[8] == '.') && (c->hour < 24 || end_of_day);
}

static int64_t clock_time(const struct civil *c)
{
    return c->hour * US_PER_HOUR + c->minute * US_PER_MINUTE + c->second * US_PER_SECOND + c->us;
}

bool date_exact(struct str text, int32_t *ret)
{
    struct civil c = { 0 };
    if (text.n != 10 || !exact_date(text.p, &c))
        return false;
    *ret = (int32_t)civil_to_days(c.year, c.month, c.day);
    return true;
}

bool time_exact(struct str text, int64_t *ret)
{
    struct civil c = { 0 };
    if (!exact_clock(text, &c))
        return false;
    *ret = clock_time(&c);
    return true;
}

bool timestamp_exact(struct str text, int64_t *ret)
{
    struct civil c = { 0 };
    if (text.n < 19 || text.p[10] != ' ' || !exact_date(text.p, &c) ||
        !exact_clock((struct str){ text.p + 11, text.n - 11 }, &c))
        return false;
    *ret = civil_to_timestamp(&c);
    return true;
}

bool date_from_storage(struct str text, int32_t *ret, struct err *err)
{
    return date_parse(text, type_settings_default(), ret, err);
}

bool time_from_storage(struct str text, int64_t *ret, struct err *err)
{
    return time_parse(text, type_settings_default(), ret, err);
}

/* +HH[:MM[:SS]]; more hours than input allows, since a zone may be any POSIX text, or an interval. */
static bool exact_offset(struct str s, int32_t *ret)
{
    enum { MOST_HOURS = INT32_MAX / 3600 };
    int parts[3] = { 0 };
    size_t n = 0;
    if (s.n < 3 || (s.p[0] != '+' && s.p[0] != '-'))
        return false;
    for (size_t i = 1; i < s.n && n < 3; i++) {
        if (s.p[i] == ':')
            n++;
        else if (s.p[i] < '0' || s.p[i] > '9' || (parts[n] = parts[n] * 10 + (s.p[i] - '0')) > MOST_HOURS)
            return false;
    }
    int64_t east = parts[0] * INT64_C(3600) + parts[1] * INT64_C(60) + parts[2];
    *ret = (int32_t)(s.p[0] == '-' ? -east : east);
    return n < 3 && east <= INT32_MAX;
}

bool timetz_from_storage(struct str text, struct timetz *ret, struct err *err)
{
    struct civil c = { 0 };
    size_t n = 0;
    while (n < text.n && text.p[n] != '+' && text.p[n] != '-')
        n++;
    if (!exact_clock((struct str){ text.p, n }, &c) ||
        !exact_offset((struct str){ text.p + n, text.n - n }, &ret->offset))
        return timetz_parse(text, type_settings_default(), ret, err);
    ret->us = clock_time(&c);
    return true;
}

bool timestamp_from_storage(struct str text, int64_t *ret, struct err *err)
{
    return timestamp_parse(text, type_settings_default(), ret, err);
}

bool timestamptz_from_storage(struct str text, int64_t *ret, struct err *err)
{
    return timestamp_exact(text, ret) || timestamptz_parse(text, type_settings_default(), ret, err);
}

/* ---- writing it */

static bool to_arena(const char *text, size_t n, struct arena *arena, struct str *ret, struct err *err)
{
    struct str copy = arena_str(arena, (struct str){ text, n });
    if (!copy.p)
        return err_oom(err);
    *ret = copy;
    return true;
}

static bool not_storable(const char *type_name, const char *text, size_t n, struct err *err)
{
    err_set(err, SQLSTATE_DATETIME_FIELD_OVERFLOW, "%s out of range: \"%.*s\"", type_name, (int)n, text);
    return err_detail(err, "Only the years 1 to 9999 can be stored in D1.");
}

bool date_to_storage(int32_t date, struct arena *arena, struct str *ret, struct err *err)
{
    char text[DATETIME_TEXT_MAX];
    size_t n = date_print(text, date, type_settings_default());
    if (date_is_finite(date) && n != 10)
        return not_storable("date", text, n, err);
    return to_arena(text, n, arena, ret, err);
}

bool time_to_storage(int64_t time, struct arena *arena, struct str *ret, struct err *err)
{
    char text[DATETIME_TEXT_MAX];
    return to_arena(text, time_print(text, time), arena, ret, err);
}

bool timetz_to_storage(const struct timetz *time, struct arena *arena, struct str *ret, struct err *err)
{
    char text[DATETIME_TEXT_MAX];
    return to_arena(text, timetz_print(text, time), arena, ret, err);
}

bool timestamp_to_storage(int64_t t, struct arena *arena, struct str *ret, struct err *err)
{
    char text[DATETIME_TEXT_MAX];
    size_t n = timestamp_print(text, t, type_settings_default());
    if (timestamp_is_finite(t) && (text[4] != '-' || text[n - 1] == 'C'))
        return not_storable("timestamp", text, n, err);
    return to_arena(text, n, arena, ret, err);
}

bool interval_to_storage(const struct interval *v, struct arena *arena, struct str *ret, struct err *err)
{
    char text[DATETIME_TEXT_MAX];
    return to_arena(text, interval_print(text, v, INTERVAL_STYLE_POSTGRES), arena, ret, err);
}

/* ---- length coercion */

static const int64_t units[] = { 1000000, 100000, 10000, 1000, 100, 10, 1 };

static int64_t round_us(int64_t v, int32_t precision)
{
    int64_t unit = units[precision], half = unit / 2;
    return v >= 0 ? (v + half) / unit * unit : -((-v + half) / unit * unit);
}

int64_t time_round(int64_t time, int32_t precision)
{
    return precision < 0 || precision > 6 ? time : round_us(time, precision);
}

static bool out_of_range(const char *type_name, struct err *err)
{
    return err_set(err, SQLSTATE_DATETIME_FIELD_OVERFLOW, "%s out of range", type_name);
}

bool timestamp_round(int64_t t, int32_t precision, int64_t *ret, struct err *err)
{
    if (!timestamp_is_finite(t) || precision < 0 || precision > 6) {
        *ret = t;
        return true;
    }
    /* PostgreSQL counts from 2000, and rounds halves away from there. */
    int64_t since_2000;
    if (__builtin_sub_overflow(t, TIMESTAMP_2000, &since_2000) || since_2000 > INT64_MAX - 1000000 ||
        since_2000 < INT64_MIN + 1000000)
        return out_of_range("timestamp", err);
    *ret = round_us(since_2000, precision) + TIMESTAMP_2000;
    return true;
}

/* ---- conversions */

bool timestamp_to_timestamptz(int64_t local, const struct zone *zone, int64_t *ret, struct err *err)
{
    if (timestamp_is_finite(local)) {
        if (local > INT64_MAX - 2 * US_PER_DAY * 4 || local < INT64_MIN + 2 * US_PER_DAY * 4)
            return out_of_range("timestamp", err);
        local = zone_local_to_utc(zone, local);
    }
    *ret = local;
    return true;
}

int64_t timestamptz_to_timestamp(int64_t utc, const struct zone *zone)
{
    return timestamp_is_finite(utc) ? utc + zone_offset_at(zone, utc, NULL) * US_PER_SECOND : utc;
}

bool date_to_timestamp(int32_t date, int64_t *ret, struct err *err)
{
    if (!date_is_finite(date))
        *ret = date < 0 ? TIMESTAMP_MINUS_INFINITY : TIMESTAMP_INFINITY;
    else if (date > TIMESTAMP_DATE_MAX)
        return err_set(err, SQLSTATE_DATETIME_FIELD_OVERFLOW, "date out of range for timestamp");
    else
        *ret = date * US_PER_DAY;
    return true;
}

int32_t timestamp_to_date(int64_t t)
{
    if (!timestamp_is_finite(t))
        return t < 0 ? DATE_MINUS_INFINITY : DATE_INFINITY;
    return (int32_t)floor_div(t, US_PER_DAY);
}

int64_t timestamp_to_time(int64_t t)
{
    return t - floor_div(t, US_PER_DAY) * US_PER_DAY;
}

static bool unknown_zone(struct str name, struct err *err)
{
    return err_set(err, SQLSTATE_INVALID_PARAMETER_VALUE, "time zone \"%.*s\" not recognized", STR_FMT(name));
}

/* A zone behind AT TIME ZONE: an abbreviation first, which may be a plain offset or tell its meaning by date. */
struct named_zone {
    const struct zone *zone;
    bool fixed, by_date;
    int offset;
    struct str name;
};

static bool find_named_zone(struct str name, struct named_zone *ret, struct err *err)
{
    char lower[16];
    bool is_dst;
    *ret = (struct named_zone){ .name = name };
    if (name.n < sizeof(lower)) {
        for (size_t i = 0; i < name.n; i++)
            lower[i] = name.p[i] >= 'A' && name.p[i] <= 'Z' ? (char)(name.p[i] + 32) : name.p[i];
        if (zone_abbreviation((struct str){ lower, name.n }, &ret->offset, &is_dst, &ret->zone)) {
            ret->fixed = !ret->zone;
            ret->by_date = ret->zone != NULL;
            return true;
        }
    }
    ret->zone = zone_find_name(name);
    return ret->zone ? true : unknown_zone(name, err);
}

bool timestamptz_at_zone_name(int64_t utc, struct str zone, int64_t *ret, struct err *err)
{
    struct named_zone z;
    if (!timestamp_is_finite(utc)) {
        *ret = utc;
        return true;
    }
    if (!find_named_zone(zone, &z, err))
        return false;
    if (z.by_date)
        z.offset = zone_abbreviation_offset(z.zone, z.name, floor_div(utc, US_PER_SECOND));
    else if (!z.fixed)
        z.offset = zone_offset_at(z.zone, utc, NULL);
    *ret = utc + z.offset * US_PER_SECOND;
    return true;
}

bool timestamp_at_zone_name(int64_t local, struct str zone, int64_t *ret, struct err *err)
{
    struct named_zone z;
    if (!timestamp_is_finite(local)) {
        *ret = local;
        return true;
    }
    if (!find_named_zone(zone, &z, err))
        return false;
    if (!z.fixed && !z.by_date)
        return timestamp_to_timestamptz(local, z.zone, ret, err);
    if (z.by_date) {
        int64_t guess = 0;
        if (!timestamp_to_timestamptz(local, z.zone, &guess, err))
            return false;
        z.offset = zone_abbreviation_offset(z.zone, z.name, floor_div(guess, US_PER_SECOND));
    }
    *ret = local - z.offset * US_PER_SECOND;
    return true;
}
