/*
 * to_char_date.c - timestamps and intervals by a template (PostgreSQL 9.8).
 *
 * An interval has no calendar: its fields are shown as they are, and what names a day or a month is refused.
 */
#include "pgwire/timezone.h"
#include "proxy/sql/functions/results.h"
#include "proxy/sql/functions/template.h"

struct moment {
    bool is_interval;
    int64_t year, hour, year_day;
    int month, day, minute, second, us, weekday; /* weekday 0: Sunday */
    int offset;                                  /* seconds east of UTC */
    struct str zone;                             /* {NULL,0}: none */
};

/* ---- calendars by Julian day, which take months and days outside their range as PostgreSQL's do */

static int64_t julian_day(int64_t year, int month, int64_t day)
{
    int64_t y = year + (month > 2 ? 4800 : 4799), m = month + (month > 2 ? 1 : 13), century = y / 100;
    return y * 365 - 32167 + y / 4 - century + century / 4 + 7834 * m / 256 + day;
}

/* Monday of the first ISO week. */
static int64_t iso_start(int64_t year)
{
    int64_t fourth = julian_day(year, 1, 4), weekday = fourth % 7;
    return fourth - (weekday < 0 ? weekday + 7 : weekday);
}

static int64_t iso_year_of(const struct moment *m)
{
    int64_t day = julian_day(m->year, m->month, m->day);
    if (day < iso_start(m->year))
        return m->year - 1;
    return day >= iso_start(m->year + 1) ? m->year + 1 : m->year;
}

static int64_t iso_day_of(const struct moment *m)
{
    return julian_day(m->year, m->month, m->day) - iso_start(iso_year_of(m)) + 1;
}

/* ---- writing */

struct writer {
    sqlite3_context *c;
    const struct moment *m;
    struct buf out;
};

static const char *const months[] = { "January", "February", "March",     "April",   "May",      "June",
                                      "July",    "August",   "September", "October", "November", "December" };
static const char *const days[] = { "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday" };
static const char *const roman_months[] = { "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII" };

static char upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* In the case of the template's word: MONTH, Month, month; padded with blanks on the right. */
static void add_name(struct writer *w, const char *word, struct str name, size_t width)
{
    bool all_upper = upper(word[0]) == word[0] && upper(word[1]) == word[1], all_lower = lower(word[0]) == word[0];
    for (size_t i = 0; i < name.n || i < width; i++) {
        char c = i < name.n ? name.p[i] : ' ';
        buf_add_char(&w->out, all_upper ? upper(c) : all_lower ? lower(c) : c);
    }
}

static bool add_ordinal(struct writer *w, const struct template_node *n, size_t from)
{
    struct str digits = { w->out.p + from, w->out.n - from };
    if (!template_has_th(n) || w->out.failed)
        return true;
    struct str ordinal = template_ordinal(digits, n->modifiers & MODIFIER_UPPER_TH);
    if (!ordinal.p) {
        fail_with(w->c, SQLSTATE_INVALID_TEXT_REPRESENTATION, "\"%.*s\" is not a number", STR_FMT(digits));
        return false;
    }
    buf_add_str(&w->out, ordinal);
    return true;
}

/* Digits, with zeros in front up to the width, a minus counted, unless FM stands before; then TH. */
static bool add_number(struct writer *w, const struct template_node *n, int64_t v, int width)
{
    size_t from = w->out.n;
    if ((n->modifiers & MODIFIER_FILL) || width == 0)
        buf_printf(&w->out, "%lld", (long long)v);
    else
        buf_printf(&w->out, "%0*lld", width, (long long)v);
    return add_ordinal(w, n, from);
}

/* Where PostgreSQL makes room for a minus. */
static bool add_signed(struct writer *w, const struct template_node *n, int64_t v, int width)
{
    return add_number(w, n, v, v < 0 ? width + 1 : width);
}

/* Digits whose count is part of their meaning. */
static bool add_digits(struct writer *w, const struct template_node *n, int v, int width)
{
    size_t from = w->out.n;
    buf_printf(&w->out, "%0*d", width, v);
    return add_ordinal(w, n, from);
}

/* The year as people count it: 1 BC is 1, not 0. */
static int64_t shown_year(const struct moment *m, int64_t year)
{
    return m->is_interval || year > 0 ? year : 1 - year;
}

static bool add_year(struct writer *w, const struct template_node *n, int64_t year, int digits)
{
    static const int64_t parts[] = { 0, 10, 100, 1000 };
    int64_t shown = shown_year(w->m, year);
    int width = digits == 1                        ? 0
                : shown_year(w->m, w->m->year) < 0 ? digits + 1
                                                   : digits; /* room for the calendar year's minus */
    return add_number(w, n, digits == 4 ? shown : shown % parts[digits], width);
}

static bool add_comma_year(struct writer *w, const struct template_node *n)
{
    int64_t shown = shown_year(w->m, w->m->year), thousands = shown / 1000;
    size_t from = w->out.n;
    buf_printf(&w->out, "%lld,%03lld", (long long)thousands, (long long)(shown - thousands * 1000));
    return add_ordinal(w, n, from);
}

static bool add_century(struct writer *w, const struct template_node *n)
{
    int64_t y = w->m->year, century = y / 100;
    if (!w->m->is_interval)
        century = y > 0 ? (y - 1) / 100 + 1 : century - 1;
    return add_signed(w, n, century, century <= 99 && century >= -99 ? 2 : 0);
}

/* Months left over from whole years may be negative or none. */
static bool add_roman_month(struct writer *w, const struct template_node *n)
{
    const struct moment *m = w->m;
    if (m->month == 0 && m->year == 0)
        return true;
    int index = m->month > 0 ? m->month - 1 : m->month == 0 ? (m->year >= 0 ? 11 : 0) : 12 + m->month;
    add_name(w, n->word->name, str_from(roman_months[index]), n->modifiers & MODIFIER_FILL ? 0 : 4);
    return true;
}

static bool add_month_name(struct writer *w, const struct template_node *n, bool is_short)
{
    if (w->m->month == 0)
        return true;
    struct str name = str_from(months[w->m->month - 1]);
    bool plain = n->modifiers & (MODIFIER_FILL | MODIFIER_LOCAL);
    if (is_short)
        name.n = 3;
    add_name(w, n->word->name, name, is_short || plain ? 0 : 9);
    return true;
}

static bool add_day_name(struct writer *w, const struct template_node *n, bool is_short)
{
    struct str name = str_from(days[w->m->weekday]);
    bool plain = n->modifiers & (MODIFIER_FILL | MODIFIER_LOCAL);
    if (is_short)
        name.n = 3;
    add_name(w, n->word->name, name, is_short || plain ? 0 : 9);
    return true;
}

/* AM or PM, AD or BC: in the case of the word, with dots when it has them. */
static bool add_pair(struct writer *w, const struct template_node *n, const char *letters)
{
    bool dots = n->word->name[1] == '.', is_lower = lower(n->word->name[0]) == n->word->name[0];
    for (size_t i = 0; i < 2; i++) {
        buf_add_char(&w->out, is_lower ? lower(letters[i]) : letters[i]);
        if (dots)
            buf_add_char(&w->out, '.');
    }
    return true;
}

static bool add_offset(struct writer *w, const struct template_node *n)
{
    int offset = w->m->offset < 0 ? -w->m->offset : w->m->offset;
    buf_add_char(&w->out, w->m->offset < 0 ? '-' : '+');
    buf_printf(&w->out, "%0*d", n->modifiers & MODIFIER_FILL ? 0 : 2, offset / 3600);
    if (offset % 3600)
        buf_printf(&w->out, ":%02d", offset % 3600 / 60);
    return true;
}

static bool add_zone(struct writer *w, const struct template_node *n)
{
    int offset = w->m->offset < 0 ? -w->m->offset : w->m->offset;
    if (n->word->field == FIELD_ZONE_HOUR)
        buf_printf(&w->out, "%c%02d", w->m->offset < 0 ? '-' : '+', offset / 3600);
    else if (n->word->field == FIELD_ZONE_MINUTE)
        buf_printf(&w->out, "%02d", offset % 3600 / 60);
    else
        for (size_t i = 0; i < w->m->zone.n; i++)
            buf_add_char(&w->out, n->word->name[0] == 't' ? lower(w->m->zone.p[i]) : w->m->zone.p[i]);
    return true;
}

static int hour_12(int64_t hour)
{
    int h = (int)(hour % 12);
    return h == 0 ? 12 : h;
}

static bool add_time(struct writer *w, const struct template_node *n)
{
    static const int parts[] = { 100000, 10000, 1000, 100, 10, 1 };
    const struct moment *m = w->m;
    enum template_field field = n->word->field;
    if (field >= FIELD_FRACTION_1 && field <= FIELD_FRACTION_6) {
        int digits = (int)(field - FIELD_FRACTION_1) + 1;
        return add_digits(w, n, m->us / parts[digits - 1], digits);
    }
    switch (field) {
    case FIELD_MERIDIEM:
        return add_pair(w, n, m->hour % 24 >= 12 ? "PM" : "AM");
    case FIELD_HOUR_12: {
        /* the width is that of the hour's own sign */
        size_t from = w->out.n;
        int width = n->modifiers & MODIFIER_FILL ? 0 : m->hour >= 0 ? 2 : 3;
        buf_printf(&w->out, "%0*d", width, hour_12(m->hour));
        return add_ordinal(w, n, from);
    }
    case FIELD_HOUR_24:
        return add_signed(w, n, m->hour, 2);
    case FIELD_MINUTE:
        return add_signed(w, n, m->minute, 2);
    case FIELD_SECOND:
        return add_signed(w, n, m->second, 2);
    case FIELD_MILLISECOND:
        return add_digits(w, n, m->us / 1000, 3);
    case FIELD_MICROSECOND:
        return add_digits(w, n, m->us, 6);
    case FIELD_DAY_SECOND:
        return add_number(w, n, m->hour * 3600 + m->minute * 60 + m->second, 0);
    default:
        return true;
    }
}

static bool add_date(struct writer *w, const struct template_node *n)
{
    const struct moment *m = w->m;
    switch (n->word->field) {
    case FIELD_ERA:
        return add_pair(w, n, m->year <= 0 ? "BC" : "AD");
    case FIELD_MONTH_NAME:
        return add_month_name(w, n, false);
    case FIELD_MONTH_SHORT:
        return add_month_name(w, n, true);
    case FIELD_MONTH:
        return add_signed(w, n, m->month, 2);
    case FIELD_ROMAN_MONTH:
        return add_roman_month(w, n);
    case FIELD_DAY_NAME:
        return add_day_name(w, n, false);
    case FIELD_DAY_SHORT:
        return add_day_name(w, n, true);
    case FIELD_YEAR_DAY:
        return add_number(w, n, m->year_day, 3);
    case FIELD_ISO_YEAR_DAY:
        return add_number(w, n, iso_day_of(m), 3);
    case FIELD_DAY:
        return add_number(w, n, m->day, 2);
    case FIELD_WEEKDAY:
        return add_number(w, n, m->weekday + 1, 0);
    case FIELD_ISO_WEEKDAY:
        return add_number(w, n, m->weekday == 0 ? 7 : m->weekday, 0);
    case FIELD_WEEK:
        return add_number(w, n, (m->year_day - 1) / 7 + 1, 2);
    case FIELD_ISO_WEEK_NUMBER:
        return add_number(w, n, (iso_day_of(m) - 1) / 7 + 1, 2);
    case FIELD_MONTH_WEEK:
        return add_number(w, n, (m->day - 1) / 7 + 1, 0);
    case FIELD_QUARTER:
        return m->month == 0 || add_number(w, n, (m->month - 1) / 3 + 1, 0);
    case FIELD_JULIAN:
        return add_number(w, n, julian_day(m->year, m->month, m->day), 0);
    case FIELD_CENTURY:
        return add_century(w, n);
    default:
        return true;
    }
}

static bool add_any_year(struct writer *w, const struct template_node *n)
{
    switch (n->word->field) {
    case FIELD_YEAR_COMMA:
        return add_comma_year(w, n);
    case FIELD_YEAR:
        return add_year(w, n, w->m->year, 4);
    case FIELD_YEAR_3:
        return add_year(w, n, w->m->year, 3);
    case FIELD_YEAR_2:
        return add_year(w, n, w->m->year, 2);
    case FIELD_YEAR_1:
        return add_year(w, n, w->m->year, 1);
    case FIELD_ISO_YEAR:
        return add_year(w, n, iso_year_of(w->m), 4);
    case FIELD_ISO_YEAR_3:
        return add_year(w, n, iso_year_of(w->m), 3);
    case FIELD_ISO_YEAR_2:
        return add_year(w, n, iso_year_of(w->m), 2);
    default:
        return add_year(w, n, iso_year_of(w->m), 1);
    }
}

static bool needs_calendar(enum template_field field)
{
    return field == FIELD_ERA || field == FIELD_MONTH_NAME || field == FIELD_MONTH_SHORT || field == FIELD_DAY_NAME ||
           field == FIELD_DAY_SHORT || field == FIELD_WEEKDAY || field == FIELD_ISO_WEEKDAY ||
           field == FIELD_ZONE_NAME || field == FIELD_ZONE_HOUR || field == FIELD_ZONE_MINUTE || field == FIELD_OFFSET;
}

static bool add_word(struct writer *w, const struct template_node *n)
{
    enum template_field field = n->word->field;
    if (w->m->is_interval && needs_calendar(field)) {
        err_set(errors(w->c), SQLSTATE_INVALID_DATETIME_FORMAT, "invalid format specification for an interval value");
        err_hint(errors(w->c), "Intervals are not tied to specific calendar dates.");
        local_fail(w->c);
        return false;
    }
    switch (field) {
    case FIELD_YEAR_COMMA:
    case FIELD_YEAR:
    case FIELD_YEAR_3:
    case FIELD_YEAR_2:
    case FIELD_YEAR_1:
    case FIELD_ISO_YEAR:
    case FIELD_ISO_YEAR_3:
    case FIELD_ISO_YEAR_2:
    case FIELD_ISO_YEAR_1:
        return add_any_year(w, n);
    case FIELD_OFFSET:
        return add_offset(w, n);
    case FIELD_ZONE_NAME:
    case FIELD_ZONE_HOUR:
    case FIELD_ZONE_MINUTE:
        return add_zone(w, n);
    default:
        return add_date(w, n) && add_time(w, n);
    }
}

static void write_moment(sqlite3_context *c, const struct moment *m, struct str text)
{
    struct template t;
    struct writer w = { .c = c, .m = m };
    bool ok = true;
    if (!template_parse_date(text, scratch(c), &t)) {
        local_fail(c);
        return;
    }
    buf_init(&w.out, MAX_RESULT);
    for (size_t i = 0; ok && i < t.n; i++) {
        if (t.nodes[i].kind == NODE_WORD)
            ok = add_word(&w, &t.nodes[i]);
        else
            buf_add_str(&w.out, t.nodes[i].character);
    }
    if (ok)
        result_buf(c, &w.out);
    else
        buf_fini(&w.out);
}

/* ---- what is written */

static void timestamp_moment(int64_t t, struct moment *ret)
{
    struct civil civil;
    civil_from_timestamp(t, &civil);
    *ret = (struct moment){ .year = civil.year,
                            .month = civil.month,
                            .day = civil.day,
                            .hour = civil.hour,
                            .minute = civil.minute,
                            .second = civil.second,
                            .us = civil.us };
    int64_t today = civil_to_days(civil.year, civil.month, civil.day);
    ret->weekday = days_weekday(today);
    ret->year_day = today - civil_to_days(civil.year, 1, 1) + 1;
}

static void timestamp_to_char(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct moment m;
    int64_t t;
    STRICT(n, args);
    struct str text = local_text(args[1]);
    if (!argument_timestamp(c, args[0], &t) || !timestamp_is_finite(t) || text.n == 0)
        return;
    timestamp_moment(t, &m);
    write_moment(c, &m, text);
}

static void timestamptz_to_char(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct moment m;
    struct str zone;
    int64_t t;
    STRICT(n, args);
    struct str text = local_text(args[1]);
    if (!argument_timestamp(c, args[0], &t) || !timestamp_is_finite(t) || text.n == 0)
        return;
    int offset = zone_offset_at(settings_of(c)->zone, t, &zone);
    timestamp_moment(t + offset * US_PER_SECOND, &m);
    m.offset = offset;
    m.zone = zone;
    write_moment(c, &m, text);
}

static void interval_to_char(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct interval v;
    STRICT(n, args);
    struct str text = local_text(args[1]);
    if (!argument_interval(c, args[0], &v) || text.n == 0)
        return;
    struct moment m = { .is_interval = true,
                        .year = v.months / 12,
                        .month = v.months % 12,
                        .day = v.days,
                        .hour = v.us / US_PER_HOUR,
                        .minute = (int)(v.us % US_PER_HOUR / US_PER_MINUTE),
                        .second = (int)(v.us % US_PER_MINUTE / US_PER_SECOND),
                        .us = (int)(v.us % US_PER_SECOND) };
    m.year_day = (m.year * 12 + m.month) * 30 + m.day;
    write_moment(c, &m, text);
}

static const struct local_function functions[] = {
    { .name = "pg_timestamp_to_char",
      .n_args = 2,
      .flags = LOCAL_STRICT | LOCAL_DETERMINISTIC,
      .call = timestamp_to_char },
    { .name = "pg_timestamptz_to_char", .n_args = 2, .flags = LOCAL_STRICT, .call = timestamptz_to_char },
    { .name = "pg_interval_to_char",
      .n_args = 2,
      .flags = LOCAL_STRICT | LOCAL_DETERMINISTIC,
      .call = interval_to_char },
};

const struct local_family local_family_to_char_date = { .functions = functions,
                                                        .n_functions = sizeof(functions) / sizeof(functions[0]) };
