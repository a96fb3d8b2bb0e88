/*
 * to_date.c - dates and timestamps from text by a template (PostgreSQL 9.8).
 *
 * First every field that the template names is read, then a date and a time are made of what was found: a field may be given twice
 * when it says the same, weeks and days of the year stand in for months and days, two-digit years are those near 2020.
 */
#include "proxy/sql/functions/template.h"
#include "proxy/sql/functions/arguments.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

enum { MAX_ZONE_HOURS = 15 };

/* 0: not given, as PostgreSQL has it. */
struct found {
    enum template_calendar calendar;
    int hour, pm, minute, second, day_second;
    int weekday, day, year_day, month, ms, us, year, bc, week, month_week, century, julian;
    int year_digits, precision;
    bool is_12_hour;
    int zone_sign, zone_hour, zone_minute;
};

struct reader {
    sqlite3_context *c;
    const char *s;
    int extra_skip; /* blanks passed over beyond what the template asked for */
    bool fixed;     /* FX */
    struct found f;
};

static const char *const months[] = { "January", "February", "March",     "April",   "May",      "June",
                                      "July",    "August",   "September", "October", "November", "December" };
static const char *const days[] = { "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday" };
static const char *const roman_months[] = { "xii", "xi", "x", "ix", "viii", "vii", "vi", "v", "iv", "iii", "ii", "i" };
static const char *const eras[] = { "ad", "bc" }, *const dotted_eras[] = { "a.d.", "b.c." };
static const char *const meridiems[] = { "am", "pm" }, *const dotted_meridiems[] = { "a.m.", "p.m." };

/* ---- errors: all answer false */

static bool fail_field(struct reader *r, const char *detail, const char *hint, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static bool fail_field(struct reader *r, const char *detail, const char *hint, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct str text = arena_vprintf(scratch(r->c), format, args);
    va_end(args);
    err_set(errors(r->c), SQLSTATE_INVALID_DATETIME_FORMAT, "%.*s", STR_FMT(text));
    if (detail)
        err_detail(errors(r->c), "%s", detail);
    if (hint)
        err_hint(errors(r->c), "%s", hint);
    local_fail(r->c);
    return false;
}

static bool set_field(struct reader *r, int *field, int value, const struct template_node *n)
{
    if (*field != 0 && *field != value)
        return fail_field(r, "This value contradicts a previous setting for the same field type.", NULL,
                          "conflicting values for \"%s\" field in formatting string", n->word->name);
    *field = value;
    return true;
}

/* ---- characters */

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static size_t width_of(const char *s)
{
    size_t n = *s ? 1 : 0;
    while (n && ((unsigned char)s[n] & 0xC0) == 0x80)
        n++;
    return n;
}

static void skip_spaces(struct reader *r, bool counts)
{
    while (is_space(*r->s)) {
        r->s++;
        r->extra_skip += counts;
    }
}

/* ---- integers */

/* Whether what follows the node cannot be a digit, so that all digits at hand are its own. */
static bool reads_all_digits(const struct template *t, size_t i)
{
    const struct template_node *n = &t->nodes[i], *next = n + 1;
    if ((n->modifiers & MODIFIER_FILL) || template_has_th(n) || i + 1 == t->n)
        return true;
    if (next->kind == NODE_WORD)
        return !next->word->is_digits;
    return !(next->character.n == 1 && next->character.p[0] >= '0' && next->character.p[0] <= '9');
}

static bool bad_width(struct reader *r, const struct template_node *n, const char *copy, int width, int got,
                      bool is_short)
{
    struct str detail =
        is_short
            ? arena_printf(scratch(r->c), "Field requires %d characters, but only %d remain.", width, got)
            : arena_printf(scratch(r->c), "Field requires %d characters, but only %d could be parsed.", width, got);
    const char *text = detail.p ? arena_cstr(scratch(r->c), detail) : NULL;
    const char *hint = "If your source string is not fixed-width, try using the \"FM\" modifier.";
    if (is_short)
        return fail_field(r, text, hint, "source string too short for \"%s\" formatting field", n->word->name);
    return fail_field(r, text, hint, "invalid value \"%s\" for \"%s\"", copy, n->word->name);
}

/* Up to `width` characters (all there are when nothing numeric follows) as an integer; how many is in *ret_used. */
static bool read_integer(struct reader *r, const struct template *t, size_t i, size_t width, int *ret, int *ret_used)
{
    const struct template_node *n = &t->nodes[i];
    const char *start = r->s;
    char copy[16], *end;
    long v;
    while (is_space(*r->s))
        r->s++;
    size_t left = strlen(r->s), taken = left < width ? left : width;
    memcpy(copy, r->s, taken);
    copy[taken] = 0;
    errno = 0;
    if (reads_all_digits(t, i)) {
        v = strtol(start, &end, 10);
        r->s = end;
    } else {
        if (left < width)
            return bad_width(r, n, copy, (int)width, (int)left, true);
        v = strtol(copy, &end, 10);
        size_t used = (size_t)(end - copy);
        if (used > 0 && used < width)
            return bad_width(r, n, copy, (int)width, (int)used, false);
        r->s += used;
    }
    if (r->s == start)
        return fail_field(r, "Value must be an integer.", NULL, "invalid value \"%s\" for \"%s\"", copy, n->word->name);
    if (errno == ERANGE || v < INT_MIN || v > INT_MAX) {
        err_set(errors(r->c), SQLSTATE_DATETIME_FIELD_OVERFLOW, "value for \"%s\" in source string is out of range",
                n->word->name);
        err_detail(errors(r->c), "Value must be in the range %d to %d.", INT_MIN, INT_MAX);
        local_fail(r->c);
        return false;
    }
    *ret = (int)v;
    *ret_used = (int)(r->s - start);
    return true;
}

static void skip_ordinal(struct reader *r, const struct template_node *n)
{
    for (int i = 0; i < 2 && template_has_th(n); i++)
        r->s += width_of(r->s);
}

/* An integer into a field; TH behind it is passed over. */
static bool read_field(struct reader *r, const struct template *t, size_t i, size_t width, int *field)
{
    int value, used;
    if (!read_integer(r, t, i, width, &value, &used) || (field && !set_field(r, field, value, &t->nodes[i])))
        return false;
    skip_ordinal(r, &t->nodes[i]);
    return true;
}

/* ---- names */

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* In any case; only the first `short_length` letters count when it is not 0. */
static bool read_name(struct reader *r, const struct template_node *n, const char *const *names, size_t n_names,
                      size_t short_length, int *ret)
{
    size_t word = 0;
    for (size_t i = 0; i < n_names; i++) {
        size_t length = short_length ? short_length : strlen(names[i]), k = 0;
        while (k < length && r->s[k] && lower(r->s[k]) == lower(names[i][k]))
            k++;
        if (k == length) {
            r->s += length;
            *ret = (int)i;
            return true;
        }
    }
    while (r->s[word] && !is_space(r->s[word]))
        word++;
    return fail_field(r, "The given value did not match any of the allowed values for this field.", NULL,
                      "invalid value \"%.*s\" for \"%s\"", (int)word, r->s, n->word->name);
}

/* ---- fields */

static bool read_pair(struct reader *r, const struct template_node *n, const char *const *plain,
                      const char *const *dotted, int *field)
{
    int value;
    return read_name(r, n, n->word->name[1] == '.' ? dotted : plain, 2, 0, &value) && set_field(r, field, value, n);
}

/* Digits of a fraction: "25" of MS is 250 thousandths. */
static bool read_fraction(struct reader *r, const struct template *t, size_t i, size_t width, int digits, int *field)
{
    int value, used;
    if (!read_integer(r, t, i, width, &value, &used) || !set_field(r, field, value, &t->nodes[i]))
        return false;
    int64_t scaled = *field;
    for (; used < digits; used++)
        scaled *= 10;
    *field = scaled > INT_MAX ? INT_MAX : scaled < INT_MIN ? INT_MIN : (int)scaled;
    skip_ordinal(r, &t->nodes[i]);
    return true;
}

static int near_2020(int year)
{
    if (year < 70)
        return year + 2000;
    if (year < 100)
        return year + 1900;
    if (year < 520)
        return year + 2000;
    return year < 1000 ? year + 1000 : year;
}

static bool read_year(struct reader *r, const struct template *t, size_t i, int digits)
{
    int value, used;
    if (!read_integer(r, t, i, strlen(t->nodes[i].word->name), &value, &used) ||
        !set_field(r, &r->f.year, value, &t->nodes[i]))
        return false;
    if (digits < 4 && used < 4)
        r->f.year = near_2020(r->f.year);
    r->f.year_digits = digits;
    skip_ordinal(r, &t->nodes[i]);
    return true;
}

/* "2,024": digits, a comma, up to three digits. */
static bool read_comma_year(struct reader *r, const struct template_node *n)
{
    int thousands, years, used = 0;
    if (sscanf(r->s, "%9d,%3d%n", &thousands, &years, &used) < 2)
        return fail_field(r, NULL, NULL, "invalid input string for \"Y,YYY\"");
    int64_t year = (int64_t)thousands * 1000 + years;
    if (!set_field(r, &r->f.year, year > INT_MAX ? INT_MAX : year < INT_MIN ? INT_MIN : (int)year, n))
        return false;
    r->f.year_digits = 4;
    r->s += used;
    skip_ordinal(r, n);
    return true;
}

/* A minus that was taken for a separator may be the sign. */
static bool read_zone_hour(struct reader *r, const struct template *t, size_t i)
{
    int value, used;
    if (*r->s == '+' || *r->s == '-' || *r->s == ' ') {
        r->f.zone_sign = *r->s == '-' ? -1 : 1;
        r->s++;
    } else {
        r->f.zone_sign = r->extra_skip > 0 && r->s[-1] == '-' ? -1 : 1;
    }
    return read_integer(r, t, i, 2, &value, &used) && set_field(r, &r->f.zone_hour, value, &t->nodes[i]);
}

static bool read_zone_minute(struct reader *r, const struct template *t, size_t i)
{
    int value, used;
    if (!r->f.zone_sign)
        r->f.zone_sign = 1;
    return read_integer(r, t, i, 2, &value, &used) && set_field(r, &r->f.zone_minute, value, &t->nodes[i]);
}

static bool read_month_name(struct reader *r, const struct template_node *n, size_t short_length)
{
    int value;
    return read_name(r, n, months, 12, short_length, &value) && set_field(r, &r->f.month, value + 1, n);
}

static bool read_day_name(struct reader *r, const struct template_node *n, size_t short_length)
{
    int value;
    if (!read_name(r, n, days, 7, short_length, &value) || !set_field(r, &r->f.weekday, value, n))
        return false;
    r->f.weekday++;
    return true;
}

static bool read_time(struct reader *r, const struct template *t, size_t i)
{
    const struct template_node *n = &t->nodes[i];
    size_t width = strlen(n->word->name);
    switch (n->word->field) {
    case FIELD_MERIDIEM:
        r->f.is_12_hour = true;
        return read_pair(r, n, meridiems, dotted_meridiems, &r->f.pm);
    case FIELD_HOUR_12:
        r->f.is_12_hour = true;
        return read_field(r, t, i, 2, &r->f.hour);
    case FIELD_HOUR_24:
        return read_field(r, t, i, 2, &r->f.hour);
    case FIELD_MINUTE:
        return read_field(r, t, i, width, &r->f.minute);
    case FIELD_SECOND:
        return read_field(r, t, i, width, &r->f.second);
    case FIELD_DAY_SECOND:
        return read_field(r, t, i, width, &r->f.day_second);
    case FIELD_MILLISECOND:
        return read_fraction(r, t, i, 3, 3, &r->f.ms);
    case FIELD_MICROSECOND:
        return read_fraction(r, t, i, 6, 6, &r->f.us);
    case FIELD_ZONE_HOUR:
        return read_zone_hour(r, t, i);
    case FIELD_ZONE_MINUTE:
        return read_zone_minute(r, t, i);
    case FIELD_ZONE_NAME:
    case FIELD_OFFSET:
        fail_with(r->c, SQLSTATE_FEATURE_NOT_SUPPORTED, "formatting field \"%s\" is only supported in to_char",
                  n->word->name);
        return false;
    case FIELD_FIXED:
        r->fixed = true;
        return true;
    default: /* FF1 … FF6 */
        r->f.precision = (int)(n->word->field - FIELD_FRACTION_1) + 1;
        return read_fraction(r, t, i, (size_t)r->f.precision, 6, &r->f.us);
    }
}

static bool read_date(struct reader *r, const struct template *t, size_t i, bool *ret_handled)
{
    const struct template_node *n = &t->nodes[i];
    size_t width = strlen(n->word->name);
    struct found *f = &r->f;
    *ret_handled = true;
    switch (n->word->field) {
    case FIELD_ERA:
        return read_pair(r, n, eras, dotted_eras, &f->bc);
    case FIELD_MONTH_NAME:
        return read_month_name(r, n, 0);
    case FIELD_MONTH_SHORT:
        return read_month_name(r, n, 3);
    case FIELD_DAY_NAME:
        return read_day_name(r, n, 0);
    case FIELD_DAY_SHORT:
        return read_day_name(r, n, 3);
    case FIELD_ROMAN_MONTH: {
        int value;
        return read_name(r, n, roman_months, 12, 0, &value) && set_field(r, &f->month, 12 - value, n);
    }
    case FIELD_MONTH:
        return read_field(r, t, i, width, &f->month);
    case FIELD_YEAR_DAY:
        return read_field(r, t, i, width, &f->year_day);
    case FIELD_ISO_YEAR_DAY:
        return read_field(r, t, i, 3, &f->year_day);
    case FIELD_DAY:
        return read_field(r, t, i, width, &f->day);
    case FIELD_WEEKDAY:
        return read_field(r, t, i, width, &f->weekday);
    case FIELD_ISO_WEEKDAY: /* from Monday; kept from Sunday */
        if (!read_field(r, t, i, 1, &f->weekday))
            return false;
        f->weekday = f->weekday >= 7 ? 1 : f->weekday + 1;
        return true;
    case FIELD_WEEK:
    case FIELD_ISO_WEEK_NUMBER:
        return read_field(r, t, i, width, &f->week);
    case FIELD_MONTH_WEEK:
        return read_field(r, t, i, width, &f->month_week);
    case FIELD_QUARTER: /* read, but which day of it is not known */
        return read_field(r, t, i, width, NULL);
    case FIELD_CENTURY:
        return read_field(r, t, i, width, &f->century);
    case FIELD_JULIAN:
        return read_field(r, t, i, width, &f->julian);
    default:
        *ret_handled = false;
        return true;
    }
}

static bool read_word(struct reader *r, const struct template *t, size_t i)
{
    const struct template_word *word = t->nodes[i].word;
    bool handled;
    if (word->calendar != CALENDAR_EITHER && r->f.calendar != CALENDAR_EITHER && r->f.calendar != word->calendar)
        return fail_field(r, NULL, "Do not mix Gregorian and ISO week date conventions in a formatting template.",
                          "invalid combination of date conventions");
    if (word->calendar != CALENDAR_EITHER)
        r->f.calendar = word->calendar;
    switch (word->field) {
    case FIELD_YEAR_COMMA:
        return read_comma_year(r, &t->nodes[i]);
    case FIELD_YEAR:
    case FIELD_ISO_YEAR:
        return read_year(r, t, i, 4);
    case FIELD_YEAR_3:
    case FIELD_ISO_YEAR_3:
        return read_year(r, t, i, 3);
    case FIELD_YEAR_2:
    case FIELD_ISO_YEAR_2:
        return read_year(r, t, i, 2);
    case FIELD_YEAR_1:
    case FIELD_ISO_YEAR_1:
        return read_year(r, t, i, 1);
    default:
        return read_date(r, t, i, &handled) && (handled || read_time(r, t, i));
    }
}

/* What stands between the words. Without FX a separator or blank of the template takes one of the text or nothing, and a letter is
 * taken unless blanks were skipped in its stead; with FX every character takes one. */
static void read_between(struct reader *r, const struct template_node *n)
{
    bool separates = n->kind == NODE_SPACE || n->kind == NODE_SEPARATOR;
    if (r->fixed) {
        r->s += width_of(r->s);
    } else if (separates) {
        r->extra_skip--;
        if (is_space(*r->s) || template_is_separator(*r->s)) {
            r->s++;
            r->extra_skip++;
        }
    } else if (r->extra_skip > 0) {
        r->extra_skip--;
    } else {
        r->s += width_of(r->s);
    }
}

static bool read_all(struct reader *r, const struct template *t)
{
    for (size_t i = 0; i < t->n && *r->s; i++) {
        bool word = t->nodes[i].kind == NODE_WORD;
        if (!r->fixed && (word || i == 0))
            skip_spaces(r, true);
        if (!word) {
            read_between(r, &t->nodes[i]);
            continue;
        }
        if (!read_word(r, t, i))
            return false;
        if (!r->fixed) {
            r->extra_skip = 0;
            skip_spaces(r, true);
        }
    }
    return true;
}

/* ---- a date and a time of what was found */

struct result {
    int64_t year, month, day;
    int hour, minute, second;
    int64_t us;
    bool has_year, has_month, has_day;
};

static bool bad_range(struct reader *r, struct str text)
{
    fail_with(r->c, SQLSTATE_DATETIME_FIELD_OVERFLOW, "date/time field value out of range: \"%.*s\"", STR_FMT(text));
    return false;
}

static bool make_time(struct reader *r, struct result *ret)
{
    const struct found *f = &r->f;
    ret->hour = f->day_second / 3600;
    ret->minute = f->day_second % 3600 / 60;
    ret->second = f->day_second % 60;
    if (f->second)
        ret->second = f->second;
    if (f->minute)
        ret->minute = f->minute;
    if (f->hour)
        ret->hour = f->hour;
    ret->us = (int64_t)f->ms * 1000 + f->us;
    if (!f->is_12_hour)
        return true;
    if (ret->hour < 1 || ret->hour > 12)
        return fail_field(r, NULL, "Use the 24-hour clock, or give an hour between 1 and 12.",
                          "hour \"%d\" is invalid for the 12-hour clock", ret->hour);
    if (f->pm && ret->hour < 12)
        ret->hour += 12;
    else if (!f->pm && ret->hour == 12)
        ret->hour = 0;
    return true;
}

/* The 21st century is 2001 to 2100, the 6th BC 600 to 501 BC. */
static int64_t year_of_century(int64_t century, int64_t year)
{
    if (year == 0)
        return century * 100 + (century >= 0 ? 0 : 1);
    return century >= 0 ? (century - 1) * 100 + year : (century + 1) * 100 - year + 1;
}

static void make_year(const struct found *f, struct result *ret)
{
    int64_t century = f->bc ? -(int64_t)f->century : f->century;
    if (f->year && f->century && f->year_digits <= 2) {
        ret->year = year_of_century(century, f->year % 100);
    } else if (f->year) {
        ret->year = f->bc ? -(int64_t)f->year : f->year;
        ret->year += ret->year < 0;
    } else if (f->century) {
        ret->year = century >= 0 ? (century - 1) * 100 + 1 : century * 100 + 1;
    }
    ret->has_year = f->year || f->century;
}

static void set_days(int64_t days_since_1970, struct result *ret)
{
    struct civil c;
    civil_from_days(days_since_1970, &c);
    ret->year = c.year;
    ret->month = c.month;
    ret->day = c.day;
    ret->has_year = ret->has_month = ret->has_day = true;
}

/* Monday of a week of an ISO year; weeks outside the year are counted on. */
static int64_t iso_monday(int64_t year, int64_t week)
{
    int64_t fourth = civil_to_days(year, 1, 4);
    return fourth - (days_weekday(fourth) + 6) % 7 + (week - 1) * 7;
}

static bool make_year_day(struct reader *r, struct result *ret)
{
    const struct found *f = &r->f;
    if (!ret->year && !f->bc)
        return fail_field(r, NULL, NULL, "cannot calculate day of year without year information");
    if (f->calendar == CALENDAR_ISO_WEEK) {
        set_days(iso_monday(ret->year, 1) - 1 + f->year_day, ret);
        return true;
    }
    int64_t before = 0;
    int month = 1;
    while (month <= 12 && f->year_day > before + civil_month_days(ret->year, month))
        before += civil_month_days(ret->year, month++);
    if (ret->month <= 1)
        ret->month = month;
    if (ret->day <= 1)
        ret->day = f->year_day - before;
    ret->has_month = ret->has_day = true;
    return true;
}

static bool make_date(struct reader *r, struct result *ret)
{
    struct found *f = &r->f;
    ret->month = ret->day = 1;
    make_year(f, ret);
    if (f->julian)
        set_days((int64_t)f->julian - 2440588, ret);
    if (f->week && f->calendar == CALENDAR_ISO_WEEK) {
        int64_t monday = iso_monday(ret->year, f->week);
        set_days(monday + (f->weekday == 0 ? 0 : f->weekday > 1 ? f->weekday - 2 : 6), ret);
    } else if (f->week) {
        f->year_day = (int)(((int64_t)f->week - 1) * 7 + 1 > INT_MAX ? INT_MAX : (f->week - 1) * 7 + 1);
    }
    if (f->month_week)
        f->day = f->month_week > 1000 || f->month_week < -1000 ? 1000 : (f->month_week - 1) * 7 + 1;
    if (f->day) {
        ret->day = f->day;
        ret->has_day = true;
    }
    if (f->month) {
        ret->month = f->month;
        ret->has_month = true;
    }
    return !(f->year_day && (ret->month <= 1 || ret->day <= 1)) || make_year_day(r, ret);
}

static bool in_range(const struct result *v)
{
    if ((v->has_month && (v->month < 1 || v->month > 12)) || (v->has_day && (v->day < 1 || v->day > 31)))
        return false;
    if (v->has_year && v->has_month && v->has_day && v->day > civil_month_days(v->year, (int)v->month))
        return false;
    return v->hour >= 0 && v->hour < 24 && v->minute >= 0 && v->minute < 60 && v->second >= 0 && v->second < 60 &&
           v->us >= 0 && v->us < US_PER_SECOND;
}

static bool parse(sqlite3_context *c, sqlite3_value **args, struct reader *r, struct result *ret)
{
    struct template t;
    struct str text = local_text(args[0]);
    *r = (struct reader){ .c = c, .s = arena_cstr(scratch(c), text) };
    *ret = (struct result){ 0 };
    if (!r->s || !template_parse_date(local_text(args[1]), scratch(c), &t)) {
        local_fail(c);
        return false;
    }
    if (!read_all(r, &t) || !make_time(r, ret) || !make_date(r, ret))
        return false;
    if (!in_range(ret))
        return bad_range(r, text);
    if (r->f.zone_sign &&
        (r->f.zone_hour < 0 || r->f.zone_hour > MAX_ZONE_HOURS || r->f.zone_minute < 0 || r->f.zone_minute >= 60)) {
        fail_with(c, SQLSTATE_INVALID_TIME_ZONE_DISPLACEMENT_VALUE, "time zone displacement out of range: \"%.*s\"",
                  STR_FMT(text));
        return false;
    }
    return true;
}

/* What no date of PostgreSQL reaches. */
static bool is_far(const struct result *v)
{
    return v->year < -4713 || v->year > 5874897;
}

static void to_date(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct reader r;
    struct result v;
    STRICT(n, args);
    if (!parse(c, args, &r, &v))
        return;
    if (is_far(&v))
        fail_with(c, SQLSTATE_DATETIME_FIELD_OVERFLOW, "date out of range: \"%.*s\"", STR_FMT(local_text(args[0])));
    else
        result_date(c, (int32_t)civil_to_days(v.year, (int)v.month, (int)v.day));
}

static void to_timestamp(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct reader r;
    struct result v;
    int64_t t;
    STRICT(n, args);
    if (!parse(c, args, &r, &v))
        return;
    if (is_far(&v) || v.year > 294276) {
        fail_with(c, SQLSTATE_DATETIME_FIELD_OVERFLOW, "timestamp out of range");
        return;
    }
    t = civil_to_days(v.year, (int)v.month, (int)v.day) * US_PER_DAY + v.hour * US_PER_HOUR + v.minute * US_PER_MINUTE +
        v.second * US_PER_SECOND + v.us;
    bool ok = true;
    if (r.f.zone_sign)
        t -= r.f.zone_sign * (r.f.zone_hour * US_PER_HOUR + r.f.zone_minute * US_PER_MINUTE);
    else
        ok = timestamp_to_timestamptz(t, settings_of(c)->zone, &t, errors(c));
    if (ok && r.f.precision)
        ok = timestamp_round(t, r.f.precision, &t, errors(c));
    if (ok)
        result_timestamp(c, t);
    else
        local_fail(c);
}

static const struct local_function functions[] = {
    { .name = "pg_to_date", .n_args = 2, .flags = LOCAL_STRICT, .call = to_date },
    { .name = "pg_to_timestamp", .n_args = 2, .flags = LOCAL_STRICT, .call = to_timestamp },
};

const struct local_family local_family_to_date = { .functions = functions,
                                                   .n_functions = sizeof(functions) / sizeof(functions[0]) };
