/*
 * datetime_parse.c - dates, times and timestamps from text, by the rules of PostgreSQL 15 (its documentation, appendix B.1).
 *
 * The text is cut into fields; each field then says what it is by its kind and by what was seen before it. `seen` holds a bit
 * per part; a part given twice is an error.
 */
#include "pgwire/datetime_internal.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>

enum {
    SEEN_RESERVED = 1 << 0,
    SEEN_MONTH = 1 << 1,
    SEEN_YEAR = 1 << 2,
    SEEN_DAY = 1 << 3,
    SEEN_ZONE = 1 << 5,
    SEEN_DST_ZONE = 1 << 6,
    SEEN_MERIDIEM = 1 << 9,
    SEEN_HOUR = 1 << 10,
    SEEN_MINUTE = 1 << 11,
    SEEN_SECOND = 1 << 12,
    SEEN_FRACTION = 1 << 13,
    SEEN_DAY_OF_YEAR = 1 << 15,
    SEEN_WEEKDAY = 1 << 16,
    SEEN_ERA = 1 << 18,
    SEEN_DST = 1 << 28,
    SEEN_DATE = SEEN_YEAR | SEEN_MONTH | SEEN_DAY,
    SEEN_SECONDS = SEEN_SECOND | SEEN_FRACTION,
    SEEN_TIME = SEEN_HOUR | SEEN_MINUTE | SEEN_SECONDS,
};

struct decode {
    const struct type_settings *settings;
    struct fields fields;
    bool time_only;      /* time and timetz: a date is let in only to tell a zone */
    unsigned seen, part; /* part: what the field at hand gives */
    enum unit prefix;    /* "y2001": the unit that the next number has */
    int64_t year;
    int month, day, hour, minute, second, us;
    int day_of_year;
    bool is_julian, two_digit_year, before_christ, text_month;
    enum meridiem meridiem;
    enum reserved special; /* epoch, infinities */
    int offset;            /* seconds east */
    const struct zone *zone, *abbreviation_zone;
    const char *zone_text; /* of the abbreviation, or of what is no zone */
};

/* ---- zones */

/* "+02", "-03:30", "+0230", "+01:02:03" */
static enum outcome offset_decode(const char *s, int *ret_east)
{
    const char *end;
    int64_t hours, minutes = 0, seconds = 0;
    if (*s != '+' && *s != '-')
        return OUTCOME_BAD_FORMAT;
    if (!number_at(s + 1, &end, &hours) || hours > INT32_MAX)
        return OUTCOME_ZONE_RANGE;
    if (*end == ':') {
        if (!number_at(end + 1, &end, &minutes))
            return OUTCOME_ZONE_RANGE;
        if (*end == ':' && !number_at(end + 1, &end, &seconds))
            return OUTCOME_ZONE_RANGE;
    } else if (*end == 0 && strlen(s) > 3) {
        minutes = hours % 100;
        hours /= 100;
    }
    if (hours < 0 || hours > 15 || minutes < 0 || minutes > 59 || seconds < 0 || seconds > 59)
        return OUTCOME_ZONE_RANGE;
    if (*end)
        return OUTCOME_BAD_FORMAT;
    int east = (int)(hours * 3600 + minutes * 60 + seconds);
    *ret_east = *s == '-' ? -east : east;
    return OUTCOME_OK;
}

static enum outcome zone_decode(struct decode *d, const char *text, enum outcome when_unknown)
{
    d->zone = zone_find_name(str_from(text));
    d->zone_text = text;
    d->part = SEEN_ZONE;
    return d->zone ? OUTCOME_OK : when_unknown;
}

static int64_t local_seconds(const struct decode *d)
{
    return civil_to_days(d->year, d->month, d->day) * 86400 + d->hour * 3600 + d->minute * 60 + d->second;
}

static bool is_valid_julian(int64_t year, int month)
{
    return (year > -4713 || (year == -4713 && month >= 11)) && (year < 5874898 || (year == 5874898 && month < 6));
}

/* The offset of a zone at the local time at hand; far outside of every calendar it is UTC. */
static int offset_in(const struct decode *d, const struct zone *zone)
{
    if (!is_valid_julian(d->year, d->month))
        return 0;
    int64_t local = local_seconds(d);
    /* Zones have stopped changing, or change by a rule that repeats, long before µs run out. */
    if (local > TIMESTAMP_END / US_PER_SECOND - 86400 * 2 || local < -INT64_C(300000) * 366 * 86400)
        return 0;
    return (int)(local - zone_local_to_utc(zone, local * US_PER_SECOND) / US_PER_SECOND);
}

/* ---- numbers of dates */

/* A year as PostgreSQL's atoi() reads it: of a long one the lower 32 bits, of one beyond 64 bits -1. */
static int64_t year_value(const char *s, size_t n)
{
    uint64_t value = 0;
    for (size_t i = 0; i < n; i++) {
        if (value > (INT64_MAX - (uint64_t)(s[i] - '0')) / 10)
            return -1;
        value = value * 10 + (uint64_t)(s[i] - '0');
    }
    return (int32_t)(uint32_t)value;
}

/* Two digits at s that are known to be digits, or as many as there are. */
static int64_t digits_value(const char *s, size_t n)
{
    int64_t v = 0;
    for (size_t i = 0; i < n && s[i] >= '0' && s[i] <= '9'; i++)
        v = v < INT32_MAX ? v * 10 + (s[i] - '0') : v;
    return v;
}

/* "20011223", "011223", "040506.789", "0405": run-together date or time. Gives what it was in part. */
static enum outcome run_together(struct decode *d, const char *s, unsigned seen)
{
    size_t n = strcspn(s, ".");
    if (s[n] == '.') {
        errno = 0;
        double fraction = strtod(s + n, NULL);
        if (errno)
            return OUTCOME_BAD_FORMAT;
        d->us = (int)rint(fraction * 1000000);
    } else if ((seen & SEEN_DATE) != SEEN_DATE && n >= 6) {
        d->part = SEEN_DATE;
        d->day = (int)digits_value(s + n - 2, 2);
        d->month = (int)digits_value(s + n - 4, 2);
        d->year = year_value(s, n - 4);
        if (n == 6)
            d->two_digit_year = true;
        return OUTCOME_OK;
    }
    if ((seen & SEEN_TIME) == SEEN_TIME || (n != 6 && n != 4))
        return OUTCOME_BAD_FORMAT;
    d->part = SEEN_TIME;
    d->hour = (int)digits_value(s, 2);
    d->minute = (int)digits_value(s + 2, 2);
    d->second = n == 6 ? (int)digits_value(s + 4, 2) : 0;
    return OUTCOME_OK;
}

static void set_part(struct decode *d, unsigned part, int value, size_t digits)
{
    d->part = part;
    if (part == SEEN_YEAR) {
        d->year = value;
        d->two_digit_year = digits <= 2;
    } else if (part == SEEN_MONTH) {
        d->month = value;
    } else {
        d->day = value;
    }
}

/* Which part a lone number is, given which parts of the date are there. */
static enum outcome number_by_order(struct decode *d, int value, size_t digits, unsigned seen)
{
    enum date_order order = d->settings->date_order;
    bool can_be_year = digits >= 3 || order == DATE_ORDER_YMD;
    unsigned part;
    switch (seen & SEEN_DATE) {
    case 0:
        part = can_be_year ? SEEN_YEAR : order == DATE_ORDER_DMY ? SEEN_DAY : SEEN_MONTH;
        break;
    case SEEN_YEAR:
    case SEEN_DAY:
        part = SEEN_MONTH;
        break;
    case SEEN_MONTH:
        part = d->text_month && can_be_year ? SEEN_YEAR : SEEN_DAY;
        break;
    case SEEN_YEAR | SEEN_MONTH:
        if (d->text_month && digits >= 3 && d->two_digit_year) {
            /* The first number was the day after all: 12-Jan-1999 in YMD order. */
            d->day = (int)d->year;
            d->year = value;
            d->two_digit_year = false;
            d->part = SEEN_DAY;
            return OUTCOME_OK;
        }
        part = SEEN_DAY;
        break;
    case SEEN_MONTH | SEEN_DAY:
        part = SEEN_YEAR;
        break;
    default:
        return OUTCOME_BAD_FORMAT;
    }
    set_part(d, part, value, digits);
    return OUTCOME_OK;
}

static enum outcome number_decode(struct decode *d, const char *s, unsigned seen)
{
    const char *end;
    int64_t value;
    double fraction;
    d->part = 0;
    if (!number_at(s, &end, &value) || value > INT32_MAX || value < INT32_MIN)
        return OUTCOME_FIELD_RANGE;
    if (end == s)
        return OUTCOME_BAD_FORMAT;
    if (*end == '.') {
        if (end - s > 2)
            return run_together(d, s, seen | SEEN_DATE);
        if (!fraction_at(end, &fraction))
            return OUTCOME_BAD_FORMAT;
        d->us = (int)rint(fraction * 1000000);
    } else if (*end) {
        return OUTCOME_BAD_FORMAT;
    }
    size_t digits = strlen(s);
    if (digits == 3 && (seen & SEEN_DATE) == SEEN_YEAR && value >= 1 && value <= 366) {
        d->part = SEEN_DAY_OF_YEAR | SEEN_MONTH | SEEN_DAY;
        d->day_of_year = (int)value;
        return OUTCOME_OK;
    }
    if ((seen & SEEN_DATE) == SEEN_DATE)
        return run_together(d, s, seen);
    return number_by_order(d, (int)value, digits, seen);
}

/* ---- a field that is a whole date: 2001-02-03, 3-Feb-2001, 1999.365 */

enum { DATE_PARTS = FIELDS_MAX };

static size_t split_date(char *s, char **parts)
{
    size_t n = 0;
    while (*s && n < DATE_PARTS) {
        s += strcspn(s, "0123456789abcdefghijklmnopqrstuvwxyz");
        if (!*s)
            return 0;
        parts[n++] = s;
        s += *s <= '9' ? strspn(s, "0123456789") : strspn(s, "abcdefghijklmnopqrstuvwxyz");
        if (*s)
            *s++ = 0;
    }
    return n;
}

static enum outcome add_part(struct decode *d, unsigned *seen, unsigned *all)
{
    if (*seen & d->part)
        return OUTCOME_BAD_FORMAT;
    *seen |= d->part;
    *all |= d->part;
    return OUTCOME_OK;
}

/* Letters in a date can only be its month, and are looked at first: they settle what the numbers are. */
static enum outcome date_words(struct decode *d, char **parts, size_t n, unsigned *seen, unsigned *all)
{
    int value;
    for (size_t i = 0; i < n; i++) {
        if (parts[i][0] <= '9')
            continue;
        enum word_kind kind = word_find(parts[i], &value);
        if (kind == WORD_IGNORED)
            continue;
        if (kind != WORD_MONTH)
            return OUTCOME_BAD_FORMAT;
        d->month = value;
        d->text_month = true;
        d->part = SEEN_MONTH;
        enum outcome outcome = add_part(d, seen, all);
        if (outcome)
            return outcome;
        parts[i] = NULL;
    }
    return OUTCOME_OK;
}

static enum outcome date_decode(struct decode *d, char *s)
{
    char *parts[DATE_PARTS];
    unsigned seen = d->seen, all = 0;
    bool outer_text_month = d->text_month;
    size_t n = split_date(s, parts);
    if (n == 0)
        return OUTCOME_BAD_FORMAT;
    d->text_month = false;
    enum outcome outcome = date_words(d, parts, n, &seen, &all);
    for (size_t i = 0; i < n && !outcome; i++) {
        if (!parts[i])
            continue;
        outcome = number_decode(d, parts[i], seen);
        if (!outcome)
            outcome = add_part(d, &seen, &all);
    }
    d->text_month = outer_text_month;
    if (outcome)
        return outcome;
    d->part = all;
    return (seen & ~(unsigned)(SEEN_DAY_OF_YEAR | SEEN_ZONE)) == SEEN_DATE ? OUTCOME_OK : OUTCOME_BAD_FORMAT;
}

/* ---- fields, one function per kind */

/* Julian day, with the time of day as its fraction. */
static enum outcome julian_decode(struct decode *d, int64_t day, const char *fraction_text)
{
    double fraction;
    struct civil c;
    if (day < 0)
        return OUTCOME_FIELD_RANGE;
    civil_from_days(day - 2440588, &c);
    d->year = c.year;
    d->month = c.month;
    d->day = c.day;
    d->is_julian = true;
    d->part = SEEN_DATE;
    if (*fraction_text != '.')
        return OUTCOME_OK;
    if (!fraction_at(fraction_text, &fraction))
        return OUTCOME_BAD_FORMAT;
    int64_t time = (int64_t)(fraction * (double)US_PER_DAY);
    d->hour = (int)(time / US_PER_HOUR);
    d->minute = (int)(time / US_PER_MINUTE % 60);
    d->second = (int)(time / US_PER_SECOND % 60);
    d->us = (int)(time % US_PER_SECOND);
    d->part |= SEEN_TIME;
    return OUTCOME_OK;
}

static bool time_overflows(const struct decode *d)
{
    return d->hour < 0 || d->hour > 24 || d->minute < 0 || d->minute > 59 || d->second < 0 || d->second > 60 ||
           d->us < 0 || d->us > 1000000 ||
           d->hour * US_PER_HOUR + d->minute * US_PER_MINUTE + d->second * US_PER_SECOND + d->us > US_PER_DAY;
}

static enum outcome clock_field(struct decode *d, const char *s)
{
    int64_t hour;
    enum outcome outcome = clock_decode(s, false, &hour, &d->minute, &d->second, &d->us);
    if (outcome)
        return outcome;
    if (hour > INT32_MAX)
        return OUTCOME_FIELD_RANGE;
    d->hour = (int)hour;
    d->part = SEEN_TIME;
    return d->time_only || !time_overflows(d) ? OUTCOME_OK : OUTCOME_FIELD_RANGE;
}
/* "hhmmss-zz": time and offset in one field */
static enum outcome time_with_offset(struct decode *d, char *s, unsigned seen)
{
    char *minus = strchr(s, '-');
    if ((d->seen & SEEN_TIME) == SEEN_TIME || !minus)
        return OUTCOME_BAD_FORMAT;
    enum outcome outcome = offset_decode(minus, &d->offset);
    if (outcome)
        return outcome;
    *minus = 0;
    outcome = run_together(d, s, seen);
    d->part |= SEEN_ZONE;
    return outcome;
}

static enum outcome date_field(struct decode *d, size_t i)
{
    struct field *f = &d->fields.f[i];
    const struct fields *all = &d->fields;
    bool starts_with_digit = f->text[0] >= '0' && f->text[0] <= '9';
    if (d->time_only) {
        if (i == 0 && all->n >= 2 && (all->f[all->n - 1].kind == FIELD_DATE || all->f[1].kind == FIELD_TIME))
            return date_decode(d, f->text);
        return starts_with_digit ? time_with_offset(d, f->text, d->seen | SEEN_DATE)
                                 : zone_decode(d, f->text, OUTCOME_ZONE_UNKNOWN);
    }
    if (d->prefix == UNIT_JULIAN) {
        const char *end;
        int64_t day;
        bool fits = number_at(f->text, &end, &day) && day <= INT32_MAX;
        d->prefix = UNIT_NONE;
        enum outcome outcome = fits ? julian_decode(d, day, "") : OUTCOME_FIELD_RANGE;
        if (!outcome)
            outcome = offset_decode(end, &d->offset);
        d->part = SEEN_DATE | SEEN_TIME | SEEN_ZONE;
        return outcome;
    }
    if (d->prefix == UNIT_NONE && (d->seen & (SEEN_MONTH | SEEN_DAY)) != (SEEN_MONTH | SEEN_DAY))
        return date_decode(d, f->text);
    if (!starts_with_digit && d->prefix == UNIT_NONE)
        return zone_decode(d, f->text, OUTCOME_ZONE_UNKNOWN);
    if (d->prefix != UNIT_NONE && d->prefix != UNIT_TIME)
        return OUTCOME_BAD_FORMAT;
    d->prefix = UNIT_NONE;
    return time_with_offset(d, f->text, d->seen);
}

static enum outcome second_decode(struct decode *d, int value, const char *fraction_text)
{
    double fraction;
    d->second = value;
    d->part = SEEN_SECOND;
    if (*fraction_text != '.')
        return OUTCOME_OK;
    if (!fraction_at(fraction_text, &fraction))
        return OUTCOME_BAD_FORMAT;
    d->us = (int)rint(fraction * 1000000);
    d->part = SEEN_SECONDS;
    return OUTCOME_OK;
}

/* A number whose unit stood before it: "y2001 m02 d04", "J2451187.5", "T040506". */
static enum outcome prefixed_number(struct decode *d, const char *s)
{
    const char *end;
    int64_t value;
    enum unit unit = d->prefix;
    d->prefix = UNIT_NONE;
    d->special = RESERVED_NONE;
    if (!number_at(s, &end, &value) || value > INT32_MAX)
        return OUTCOME_FIELD_RANGE;
    if (*end == '.' ? unit != UNIT_JULIAN && unit != UNIT_TIME && unit != UNIT_SECOND : *end != 0)
        return OUTCOME_BAD_FORMAT;
    int v = (int)value;
    switch (unit) {
    case UNIT_YEAR:
        d->year = value;
        d->part = SEEN_YEAR;
        return OUTCOME_OK;
    case UNIT_MONTH:
        /* After a month and an hour it is the minute. */
        if ((d->seen & SEEN_MONTH) && (d->seen & SEEN_HOUR)) {
            d->minute = v;
            d->part = SEEN_MINUTE;
            return OUTCOME_OK;
        }
        d->month = v;
        d->part = SEEN_MONTH;
        return OUTCOME_OK;
    case UNIT_DAY:
        d->day = v;
        d->part = SEEN_DAY;
        return OUTCOME_OK;
    case UNIT_HOUR:
        d->hour = v;
        d->part = SEEN_HOUR;
        return OUTCOME_OK;
    case UNIT_MINUTE:
        d->minute = v;
        d->part = SEEN_MINUTE;
        return OUTCOME_OK;
    case UNIT_SECOND:
        return second_decode(d, v, end);
    case UNIT_JULIAN:
        return julian_decode(d, value, end);
    case UNIT_TIME: {
        enum outcome outcome = run_together(d, s, d->seen | SEEN_DATE);
        return outcome || d->part == SEEN_TIME ? outcome : OUTCOME_BAD_FORMAT;
    }
    default:
        return OUTCOME_BAD_FORMAT;
    }
}

static enum outcome number_field(struct decode *d, size_t i)
{
    char *s = d->fields.f[i].text;
    size_t n = strlen(s), whole = strcspn(s, ".");
    bool decimal = whole < n;
    if (d->prefix != UNIT_NONE)
        return prefixed_number(d, s);
    if (d->time_only) {
        const struct fields *all = &d->fields;
        if (decimal && i == 0 && all->n >= 2 && all->f[all->n - 1].kind == FIELD_DATE)
            return date_decode(d, s);
        if (decimal && whole <= 2)
            return OUTCOME_BAD_FORMAT;
        return decimal || n > 4 ? run_together(d, s, d->seen | SEEN_DATE) : number_decode(d, s, d->seen | SEEN_DATE);
    }
    if (decimal && !(d->seen & SEEN_DATE))
        return date_decode(d, s);
    /* Six digits and more are a run-together date or time while one of them is missing; else a long year. */
    bool missing = !(d->seen & SEEN_DATE) || !(d->seen & SEEN_TIME);
    if ((decimal && whole > 2) || (n >= 6 && missing))
        return run_together(d, s, d->seen);
    return number_decode(d, s, d->seen);
}

static void set_clock(struct decode *d, int64_t time)
{
    d->hour = (int)(time / US_PER_HOUR);
    d->minute = (int)(time / US_PER_MINUTE % 60);
    d->second = (int)(time / US_PER_SECOND % 60);
    d->us = (int)(time % US_PER_SECOND);
}

/* The local date of the transaction, moved by days. */
static void set_today(struct decode *d, int64_t local_now, int days)
{
    struct civil c;
    civil_from_days(timestamp_to_date(local_now) + (int64_t)days, &c);
    d->year = c.year;
    d->month = c.month;
    d->day = c.day;
}

static enum outcome reserved_word(struct decode *d, enum reserved word)
{
    int64_t now = d->settings->now_us;
    int offset = zone_offset_at(d->settings->zone, now, NULL);
    int64_t local = now + offset * US_PER_SECOND;
    bool is_day = word == RESERVED_TODAY || word == RESERVED_TOMORROW || word == RESERVED_YESTERDAY;
    if (word == RESERVED_ZULU) {
        d->part = SEEN_TIME | SEEN_ZONE;
        d->hour = d->minute = d->second = d->offset = 0;
    } else if (word == RESERVED_NOW) {
        d->part = d->time_only ? SEEN_TIME : SEEN_DATE | SEEN_TIME | SEEN_ZONE;
        set_clock(d, timestamp_to_time(local));
        if (!d->time_only) {
            set_today(d, local, 0);
            d->offset = offset;
        }
    } else if (d->time_only) {
        return OUTCOME_BAD_FORMAT;
    } else if (is_day) {
        d->part = SEEN_DATE;
        set_today(d, local, word == RESERVED_TOMORROW ? 1 : word == RESERVED_YESTERDAY ? -1 : 0);
    } else {
        d->part = SEEN_RESERVED;
        d->special = word;
        return OUTCOME_OK;
    }
    d->special = RESERVED_NONE;
    return OUTCOME_OK;
}

static enum outcome month_word(struct decode *d, int month)
{
    if (d->time_only)
        return OUTCOME_BAD_FORMAT;
    d->part = SEEN_MONTH;
    /* A number taken for the month was the day. */
    if ((d->seen & SEEN_MONTH) && !d->text_month && !(d->seen & SEEN_DAY) && d->month >= 1 && d->month <= 31) {
        d->day = d->month;
        d->part = SEEN_DAY;
    }
    d->text_month = true;
    d->month = month;
    return OUTCOME_OK;
}

/* "t": a time must follow, and outside of times a date must have come before. */
static enum outcome iso_time_word(struct decode *d, size_t i)
{
    d->part = 0;
    if (!d->time_only && (d->seen & SEEN_DATE) != SEEN_DATE)
        return OUTCOME_BAD_FORMAT;
    if (i + 1 >= d->fields.n)
        return OUTCOME_BAD_FORMAT;
    enum field_kind next = d->fields.f[i + 1].kind;
    if (next != FIELD_NUMBER && next != FIELD_TIME && next != FIELD_DATE)
        return OUTCOME_BAD_FORMAT;
    d->prefix = UNIT_TIME;
    return OUTCOME_OK;
}

static bool abbreviation_word(struct decode *d, const char *s)
{
    const struct zone *zone;
    bool is_dst;
    int offset;
    if (!zone_abbreviation(str_from(s), &offset, &is_dst, &zone))
        return false;
    d->part = SEEN_ZONE;
    d->abbreviation_zone = zone;
    d->zone_text = s;
    if (!zone) {
        d->offset = offset;
        if (is_dst)
            d->part |= SEEN_DST_ZONE;
    }
    return true;
}

static enum outcome word_field(struct decode *d, size_t i)
{
    const char *s = d->fields.f[i].text;
    int value = 0;
    d->part = 0;
    if (abbreviation_word(d, s))
        return OUTCOME_OK;
    switch (word_find(s, &value)) {
    case WORD_RESERVED:
        return reserved_word(d, (enum reserved)value);
    case WORD_MONTH:
        return month_word(d, value);
    case WORD_WEEKDAY:
        d->part = SEEN_WEEKDAY;
        return d->time_only ? OUTCOME_BAD_FORMAT : OUTCOME_OK;
    case WORD_UNIT:
        d->prefix = (enum unit)value;
        return OUTCOME_OK;
    case WORD_ISO_TIME:
        return iso_time_word(d, i);
    case WORD_ERA:
        d->part = SEEN_ERA;
        d->before_christ = value;
        return OUTCOME_OK;
    case WORD_MERIDIEM:
        d->part = SEEN_MERIDIEM;
        d->meridiem = (enum meridiem)value;
        return OUTCOME_OK;
    case WORD_DST:
        d->part = SEEN_DST | SEEN_DST_ZONE;
        d->offset += value;
        return OUTCOME_OK;
    case WORD_IGNORED:
        return OUTCOME_OK;
    case WORD_UNKNOWN:
        break;
    }
    return zone_decode(d, s, OUTCOME_BAD_FORMAT);
}

static enum outcome field_decode(struct decode *d, size_t i)
{
    struct field *f = &d->fields.f[i];
    switch (f->kind) {
    case FIELD_DATE:
        return date_field(d, i);
    case FIELD_TIME:
        if (!d->time_only) {
            if (d->prefix != UNIT_NONE && d->prefix != UNIT_TIME)
                return OUTCOME_BAD_FORMAT;
            d->prefix = UNIT_NONE;
        }
        return clock_field(d, f->text);
    case FIELD_SIGNED:
        d->part = SEEN_ZONE;
        return offset_decode(f->text, &d->offset);
    case FIELD_NUMBER:
        return number_field(d, i);
    case FIELD_STRING:
    case FIELD_SPECIAL:
        break;
    }
    return word_field(d, i);
}

/* ---- checks at the end */

static enum outcome settle_year(struct decode *d)
{
    if (!(d->seen & SEEN_YEAR) || d->is_julian)
        return OUTCOME_OK;
    if (d->before_christ) {
        if (d->year <= 0)
            return OUTCOME_FIELD_RANGE;
        d->year = 1 - d->year;
    } else if (d->two_digit_year) {
        if (d->year < 0)
            return OUTCOME_FIELD_RANGE;
        if (d->year < 70)
            d->year += 2000;
        else if (d->year < 100)
            d->year += 1900;
    } else if (d->year <= 0) {
        return OUTCOME_FIELD_RANGE;
    }
    return OUTCOME_OK;
}

static enum outcome settle_date(struct decode *d)
{
    enum outcome outcome = settle_year(d);
    if (outcome)
        return outcome;
    if (d->seen & SEEN_DAY_OF_YEAR) {
        struct civil c;
        civil_from_days(civil_to_days(d->year, 1, 1) + d->day_of_year - 1, &c);
        d->year = c.year;
        d->month = c.month;
        d->day = c.day;
    }
    if ((d->seen & SEEN_MONTH) && (d->month < 1 || d->month > 12))
        return OUTCOME_MONTH_DAY_RANGE;
    if ((d->seen & SEEN_DAY) && (d->day < 1 || d->day > 31))
        return OUTCOME_MONTH_DAY_RANGE;
    if ((d->seen & SEEN_DATE) == SEEN_DATE && d->day > civil_month_days(d->year, d->month))
        return OUTCOME_FIELD_RANGE;
    return OUTCOME_OK;
}

static enum outcome settle_meridiem(struct decode *d)
{
    if (d->meridiem == MERIDIEM_NONE)
        return OUTCOME_OK;
    if (d->hour > 12)
        return OUTCOME_FIELD_RANGE;
    if (d->meridiem == MERIDIEM_AM && d->hour == 12)
        d->hour = 0;
    else if (d->meridiem == MERIDIEM_PM && d->hour != 12)
        d->hour += 12;
    return OUTCOME_OK;
}

/* The offset of an abbreviation whose meaning changed with time. */
static int abbreviation_offset(const struct decode *d)
{
    int64_t utc = local_seconds(d) - offset_in(d, d->abbreviation_zone);
    return zone_abbreviation_offset(d->abbreviation_zone, str_from(d->zone_text), utc);
}

static enum outcome settle_zone(struct decode *d)
{
    bool has_dst_word = d->seen & SEEN_DST;
    if (has_dst_word && (d->zone || d->abbreviation_zone || !(d->seen & SEEN_ZONE)))
        return OUTCOME_BAD_FORMAT;
    if (d->zone)
        d->offset = offset_in(d, d->zone);
    else if (d->abbreviation_zone)
        d->offset = abbreviation_offset(d);
    else if (!(d->seen & SEEN_ZONE))
        d->offset = offset_in(d, d->settings->zone);
    return OUTCOME_OK;
}

/* A time takes its zone's offset of the date given, else of today; a named zone that changes insists on a date. */
static enum outcome settle_time_zone(struct decode *d)
{
    int offset;
    bool has_date = (d->seen & SEEN_DATE) == SEEN_DATE, has_part = (d->seen & SEEN_DATE) != 0;
    bool needs_date = d->zone ? !zone_is_fixed(d->zone, &offset) : d->abbreviation_zone || !(d->seen & SEEN_ZONE);
    if (needs_date && !has_date && (has_part || d->zone))
        return OUTCOME_BAD_FORMAT;
    if (!has_date) {
        int64_t now = d->settings->now_us;
        set_today(d, now + zone_offset_at(d->settings->zone, now, NULL) * US_PER_SECOND, 0);
    }
    return settle_zone(d);
}

static enum outcome settle(struct decode *d)
{
    enum outcome outcome = settle_date(d);
    if (!outcome)
        outcome = settle_meridiem(d);
    if (outcome || d->special)
        return outcome;
    if (d->time_only) {
        if (time_overflows(d))
            return OUTCOME_FIELD_RANGE;
        return (d->seen & SEEN_TIME) == SEEN_TIME ? settle_time_zone(d) : OUTCOME_BAD_FORMAT;
    }
    return (d->seen & SEEN_DATE) == SEEN_DATE ? settle_zone(d) : OUTCOME_BAD_FORMAT;
}

static bool decode(struct decode *d, struct str text, size_t room, const char *type_name, struct err *err)
{
    enum outcome outcome = fields_split(text, room, &d->fields);
    for (size_t i = 0; i < d->fields.n && !outcome; i++) {
        d->part = 0;
        outcome = field_decode(d, i);
        if (!outcome && (d->part & d->seen))
            outcome = OUTCOME_BAD_FORMAT;
        d->seen |= d->part;
    }
    if (!outcome)
        outcome = settle(d);
    return outcome == OUTCOME_OK || datetime_fail(outcome, text, type_name, d->zone_text, err);
}

/* ---- the five types */

/* What PostgreSQL reserves for the fields of a text; longer ones are no date. */
enum { ROOM_DATE = 129, ROOM_TIMESTAMP = 153 };

static bool out_of_range(const char *what, struct str text, struct err *err)
{
    return err_set(err, SQLSTATE_DATETIME_FIELD_OVERFLOW, "%s out of range: \"%.*s\"", what, STR_FMT(text));
}

bool date_parse(struct str text, const struct type_settings *settings, int32_t *ret, struct err *err)
{
    struct decode d;
    if (date_exact(text, ret))
        return true;
    d = (struct decode){ .settings = settings };
    if (!decode(&d, text, ROOM_DATE, "date", err))
        return false;
    if (d.special) {
        *ret = d.special == RESERVED_EPOCH ? 0 : d.special == RESERVED_INFINITY ? DATE_INFINITY : DATE_MINUS_INFINITY;
        return true;
    }
    if (!is_valid_julian(d.year, d.month))
        return out_of_range("date", text, err);
    int64_t days = civil_to_days(d.year, d.month, d.day);
    if (days < DATE_MIN || days >= civil_to_days(5874898, 1, 1))
        return out_of_range("date", text, err);
    *ret = (int32_t)days;
    return true;
}

static int64_t clock_us(const struct decode *d)
{
    return d->hour * US_PER_HOUR + d->minute * US_PER_MINUTE + d->second * US_PER_SECOND + d->us;
}

bool time_parse(struct str text, const struct type_settings *settings, int64_t *ret, struct err *err)
{
    struct decode d;
    if (time_exact(text, ret))
        return true;
    d = (struct decode){ .settings = settings, .time_only = true };
    if (!decode(&d, text, ROOM_DATE, "time", err))
        return false;
    *ret = clock_us(&d);
    return true;
}

bool timetz_parse(struct str text, const struct type_settings *settings, struct timetz *ret, struct err *err)
{
    struct decode d = { .settings = settings, .time_only = true };
    if (!decode(&d, text, ROOM_DATE, "time with time zone", err))
        return false;
    *ret = (struct timetz){ clock_us(&d), d.offset };
    return true;
}

static bool timestamp_value(const struct decode *d, bool with_zone, struct str text, int64_t *ret, struct err *err)
{
    if (d->special) {
        *ret = d->special == RESERVED_EPOCH      ? 0
               : d->special == RESERVED_INFINITY ? TIMESTAMP_INFINITY
                                                 : TIMESTAMP_MINUS_INFINITY;
        return true;
    }
    int64_t days = civil_to_days(d->year, d->month, d->day);
    if (days < DATE_MIN || days > TIMESTAMP_DATE_MAX)
        return out_of_range("timestamp", text, err);
    int64_t t = days * US_PER_DAY + clock_us(d) - (with_zone ? d->offset * US_PER_SECOND : 0);
    if (t < TIMESTAMP_MIN || t >= TIMESTAMP_END)
        return out_of_range("timestamp", text, err);
    *ret = t;
    return true;
}

bool timestamp_parse(struct str text, const struct type_settings *settings, int64_t *ret, struct err *err)
{
    struct decode d;
    if (timestamp_exact(text, ret))
        return true;
    d = (struct decode){ .settings = settings };
    return decode(&d, text, ROOM_TIMESTAMP, "timestamp", err) && timestamp_value(&d, false, text, ret, err);
}

/* The exact form, alone or with a numeric offset behind it. */
static bool timestamptz_exact(struct str text, const struct zone *zone, int64_t *ret)
{
    char offset[16];
    int east;
    int64_t local;
    size_t n = 19;
    while (n < text.n && text.p[n] != '+' && text.p[n] != '-')
        n++;
    if (!timestamp_exact((struct str){ text.p, n < text.n ? n : text.n }, &local))
        return false;
    if (n >= text.n) {
        *ret = zone_local_to_utc(zone, local);
        return true;
    }
    if (text.n - n >= sizeof(offset))
        return false;
    memcpy(offset, text.p + n, text.n - n);
    offset[text.n - n] = 0;
    size_t digits = strspn(offset + 1, "0123456789:");
    if (digits != text.n - n - 1 || offset[1] < '0' || offset[1] > '9' || offset_decode(offset, &east))
        return false;
    *ret = local - east * US_PER_SECOND;
    return true;
}

bool timestamptz_parse(struct str text, const struct type_settings *settings, int64_t *ret, struct err *err)
{
    struct decode d;
    if (timestamptz_exact(text, settings->zone, ret))
        return true;
    d = (struct decode){ .settings = settings };
    return decode(&d, text, ROOM_TIMESTAMP, "timestamp with time zone", err) &&
           timestamp_value(&d, true, text, ret, err);
}

/* ---- zones of make_timestamptz() */

bool timestamp_at_written_zone(int64_t local, struct str zone, int64_t *ret, struct err *err)
{
    char text[16];
    int east;
    if (zone.n && isdigit((unsigned char)zone.p[0])) {
        err_set(err, SQLSTATE_INVALID_PARAMETER_VALUE, "invalid input syntax for type numeric time zone: \"%.*s\"",
                STR_FMT(zone));
        return err_hint(err, "Numeric time zones must have \"-\" or \"+\" as first character.");
    }
    if (zone.n == 0 || zone.n >= sizeof(text) || !strchr("+-", zone.p[0]))
        return timestamp_at_zone_name(local, zone, ret, err);
    memcpy(text, zone.p, zone.n);
    text[zone.n] = '\0';
    switch (offset_decode(text, &east)) {
    case OUTCOME_OK:
        *ret = local - (int64_t)east * US_PER_SECOND;
        return true;
    case OUTCOME_ZONE_RANGE:
        return err_set(err, SQLSTATE_INVALID_PARAMETER_VALUE, "numeric time zone \"%.*s\" out of range", STR_FMT(zone));
    default: /* a POSIX text may begin so too */
        return timestamp_at_zone_name(local, zone, ret, err);
    }
}
