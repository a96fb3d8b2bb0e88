/* interval.c - intervals from and to text, their typmod and arithmetic; see datetime.h. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "pgwire/datetime_internal.h"

/* ---- typmod: which fields, and how many digits of the second */

enum {
    FIELD_MASK_MONTH = 1 << 1,
    FIELD_MASK_YEAR = 1 << 2,
    FIELD_MASK_DAY = 1 << 3,
    FIELD_MASK_HOUR = 1 << 10,
    FIELD_MASK_MINUTE = 1 << 11,
    FIELD_MASK_SECOND = 1 << 12,
    FIELD_MASK_ALL = 0x7FFF,
    PRECISION_ALL = 0xFFFF,
};

static int typmod_fields(int32_t typmod)
{
    return typmod < 0 ? FIELD_MASK_ALL : typmod >> 16 & FIELD_MASK_ALL;
}

/* The smallest field of a mask, in which a bare number counts and below which an interval is cut. */
static enum unit smallest_unit(int fields)
{
    if (fields == FIELD_MASK_ALL || (fields & FIELD_MASK_SECOND))
        return UNIT_SECOND;
    if (fields & FIELD_MASK_MINUTE)
        return UNIT_MINUTE;
    if (fields & FIELD_MASK_HOUR)
        return UNIT_HOUR;
    if (fields & FIELD_MASK_DAY)
        return UNIT_DAY;
    return fields & FIELD_MASK_MONTH ? UNIT_MONTH : UNIT_YEAR;
}

static bool out_of_range(struct err *err)
{
    return err_set(err, SQLSTATE_DATETIME_FIELD_OVERFLOW, "interval out of range");
}

static bool round_time(int64_t *us, int precision, struct err *err)
{
    static const int64_t units[] = { 1000000, 100000, 10000, 1000, 100, 10, 1 };
    if (precision >= 6)
        return true;
    int64_t half = units[precision] / 2, v;
    if (*us >= 0 ? __builtin_add_overflow(*us, half, &v) : __builtin_sub_overflow(*us, half, &v))
        return out_of_range(err);
    *us = v - v % units[precision];
    return true;
}

bool interval_apply_typmod(struct interval *v, int32_t typmod, struct err *err)
{
    if (typmod < 0)
        return true;
    int fields = typmod_fields(typmod), precision = typmod & PRECISION_ALL;
    switch (smallest_unit(fields)) {
    case UNIT_YEAR:
        *v = (struct interval){ .months = v->months / 12 * 12 };
        break;
    case UNIT_MONTH:
        *v = (struct interval){ .months = v->months };
        break;
    case UNIT_DAY:
        v->us = 0;
        break;
    case UNIT_HOUR:
        v->us = v->us / US_PER_HOUR * US_PER_HOUR;
        break;
    case UNIT_MINUTE:
        v->us = v->us / US_PER_MINUTE * US_PER_MINUTE;
        break;
    default:
        break;
    }
    return round_time(&v->us, precision, err);
}

/* ---- parsing: sums in fields of their own, which may each run over */

struct sum {
    int32_t years, months, days;
    int64_t us;
};

static bool add_int(int32_t *to, int64_t v)
{
    return v >= INT32_MIN && v <= INT32_MAX && !__builtin_add_overflow(*to, (int32_t)v, to);
}

static bool add_scaled(int32_t *to, int64_t v, int32_t scale)
{
    int32_t product;
    return v >= INT32_MIN && v <= INT32_MAX && !__builtin_mul_overflow((int32_t)v, scale, &product) &&
           add_int(to, product);
}

/* A fraction of a unit of `scale` µs, rounded to µs. */
static bool add_fraction(struct sum *s, double fraction, int64_t scale)
{
    if (fraction == 0)
        return true;
    fraction *= (double)scale;
    int64_t us = (int64_t)fraction;
    fraction -= (double)us;
    us += fraction > 0.5 ? 1 : fraction < -0.5 ? -1 : 0;
    return !__builtin_add_overflow(s->us, us, &s->us);
}

static bool add_us(struct sum *s, int64_t v, double fraction, int64_t scale)
{
    int64_t product;
    return !__builtin_mul_overflow(v, scale, &product) && !__builtin_add_overflow(s->us, product, &s->us) &&
           add_fraction(s, fraction, scale);
}

/* A fraction of a unit of `scale` days. */
static bool add_day_fraction(struct sum *s, double fraction, int scale)
{
    if (fraction == 0)
        return true;
    fraction *= scale;
    int days = (int)fraction;
    return add_int(&s->days, days) && add_fraction(s, fraction - days, US_PER_DAY);
}

static bool add_years(struct sum *s, int64_t v, double fraction, int scale)
{
    return add_scaled(&s->years, v, scale) && add_int(&s->months, (int64_t)rint(fraction * scale * 12));
}

static bool add_months(struct sum *s, int64_t v, double fraction)
{
    return add_int(&s->months, v) && add_day_fraction(s, fraction, 30);
}

static bool add_unit(struct sum *s, enum unit unit, int64_t v, double fraction)
{
    switch (unit) {
    case UNIT_MICROSECOND:
        return add_us(s, v, fraction, 1);
    case UNIT_MILLISECOND:
        return add_us(s, v, fraction, 1000);
    case UNIT_SECOND:
        return add_us(s, v, fraction, US_PER_SECOND);
    case UNIT_MINUTE:
        return add_us(s, v, fraction, US_PER_MINUTE);
    case UNIT_HOUR:
        return add_us(s, v, fraction, US_PER_HOUR);
    case UNIT_DAY:
        return add_int(&s->days, v) && add_fraction(s, fraction, US_PER_DAY);
    case UNIT_WEEK:
        return add_scaled(&s->days, v, 7) && add_day_fraction(s, fraction, 7);
    case UNIT_MONTH:
        return add_months(s, v, fraction);
    case UNIT_YEAR:
        return add_years(s, v, fraction, 1);
    case UNIT_DECADE:
        return add_years(s, v, fraction, 10);
    case UNIT_CENTURY:
        return add_years(s, v, fraction, 100);
    default:
        return add_years(s, v, fraction, 1000);
    }
}

static bool sums_up(enum unit unit)
{
    return (unit >= UNIT_MICROSECOND && unit <= UNIT_MONTH) || (unit >= UNIT_YEAR && unit <= UNIT_MILLENNIUM);
}

/* ---- fields, read from the right so that a unit is known before its number */

struct reader {
    struct fields fields;
    int range; /* field mask of the typmod */
    struct sum sum;
    enum unit unit;
    bool has_unit, negative_all, before, saw_any;
    unsigned seen; /* a bit per unit; fields of a clock: the three together */
};

static const unsigned clock_units =
    1u << UNIT_HOUR | 1u << UNIT_MINUTE | 1u << UNIT_SECOND | 1u << UNIT_MILLISECOND | 1u << UNIT_MICROSECOND;

static enum outcome see(struct reader *r, unsigned units)
{
    if (r->seen & units)
        return OUTCOME_BAD_FORMAT;
    r->seen |= units;
    return OUTCOME_OK;
}

static enum outcome read_clock(struct reader *r, const char *s, bool negative)
{
    int64_t hour;
    int minute, second, us;
    bool minute_second = r->range == (FIELD_MASK_MINUTE | FIELD_MASK_SECOND);
    enum outcome outcome = clock_decode(s, minute_second, &hour, &minute, &second, &us);
    if (outcome)
        return outcome;
    struct sum clock = { .us = us };
    if (!add_us(&clock, hour, 0, US_PER_HOUR) || !add_us(&clock, minute, 0, US_PER_MINUTE) ||
        !add_us(&clock, second, 0, US_PER_SECOND))
        return OUTCOME_FIELD_RANGE;
    r->sum.us = negative || r->negative_all ? -clock.us : clock.us;
    r->unit = UNIT_DAY;
    r->has_unit = true;
    return see(r, clock_units);
}

/* "2-3" of SQL: years and months. */
static enum outcome read_year_month(const char *s, const char *dash, int64_t years, int64_t *ret_months)
{
    const char *end;
    int64_t months;
    if (!number_at(dash + 1, &end, &months) || months < 0 || months >= 12)
        return OUTCOME_FIELD_RANGE;
    if (*end)
        return OUTCOME_BAD_FORMAT;
    if (*s == '-')
        months = -months;
    if (__builtin_mul_overflow(years, 12, &years) || __builtin_add_overflow(years, months, ret_months))
        return OUTCOME_FIELD_RANGE;
    return OUTCOME_OK;
}

static unsigned units_given(enum unit unit, double fraction)
{
    /* A fraction of a second takes the place of milliseconds and microseconds too. */
    if (unit == UNIT_SECOND && fraction != 0)
        return 1u << UNIT_SECOND | 1u << UNIT_MILLISECOND | 1u << UNIT_MICROSECOND;
    return 1u << unit;
}

static enum outcome read_number(struct reader *r, const char *s)
{
    const char *end;
    int64_t v;
    double fraction = 0;
    enum outcome outcome = OUTCOME_OK;
    if (!r->has_unit)
        r->unit = smallest_unit(r->range);
    r->has_unit = true;
    if (!number_at(s, &end, &v))
        return OUTCOME_FIELD_RANGE;
    if (*end == '-') {
        outcome = read_year_month(s, end, v, &v);
        r->unit = UNIT_MONTH;
    } else if (*end == '.') {
        if (!fraction_at(end, &fraction))
            return OUTCOME_BAD_FORMAT;
        if (*s == '-')
            fraction = -fraction;
    } else if (*end) {
        return OUTCOME_BAD_FORMAT;
    }
    if (outcome)
        return outcome;
    if (r->negative_all) {
        v = v > 0 ? -v : v;
        fraction = fraction > 0 ? -fraction : fraction;
    }
    if (!sums_up(r->unit))
        return OUTCOME_BAD_FORMAT;
    if (!add_unit(&r->sum, r->unit, v, fraction))
        return OUTCOME_FIELD_RANGE;
    outcome = see(r, units_given(r->unit, fraction));
    if (r->unit == UNIT_HOUR)
        r->unit = UNIT_DAY; /* what stands before hours without a unit of its own */
    return outcome;
}

static enum outcome read_word(struct reader *r, const char *s)
{
    if (strcmp(s, "ago") == 0) {
        r->before = true;
        r->unit = UNIT_NONE;
        r->has_unit = true;
        return OUTCOME_OK;
    }
    r->unit = unit_find(s);
    r->has_unit = true;
    return r->unit == UNIT_NONE ? OUTCOME_BAD_FORMAT : OUTCOME_OK;
}

static enum outcome read_field(struct reader *r, const struct field *f)
{
    switch (f->kind) {
    case FIELD_TIME:
        return read_clock(r, f->text, false);
    case FIELD_SIGNED:
        if (strchr(f->text, ':') && read_clock(r, f->text + 1, *f->text == '-') == OUTCOME_OK)
            return OUTCOME_OK;
        return read_number(r, f->text);
    case FIELD_DATE:
    case FIELD_NUMBER:
        return read_number(r, f->text);
    case FIELD_STRING:
    case FIELD_SPECIAL:
        break;
    }
    return read_word(r, f->text);
}

/* In SQL's style a leading minus holds for all fields when no other has a sign. */
static bool sign_is_for_all(const struct fields *f, enum interval_style style)
{
    if (style != INTERVAL_STYLE_SQL_STANDARD || f->n == 0 || f->f[0].text[0] != '-')
        return false;
    for (size_t i = 1; i < f->n; i++)
        if (f->f[i].text[0] == '-' || f->f[i].text[0] == '+')
            return false;
    return true;
}

static bool negate_sum(struct sum *s)
{
    return !__builtin_sub_overflow(0, s->us, &s->us) && !__builtin_sub_overflow(0, s->days, &s->days) &&
           !__builtin_sub_overflow(0, s->months, &s->months) && !__builtin_sub_overflow(0, s->years, &s->years);
}

static enum outcome read_fields(struct reader *r, enum interval_style style)
{
    r->negative_all = sign_is_for_all(&r->fields, style);
    for (size_t i = r->fields.n; i-- > 0;) {
        enum outcome outcome = read_field(r, &r->fields.f[i]);
        if (outcome)
            return outcome;
    }
    if (r->seen == 0)
        return OUTCOME_BAD_FORMAT;
    return r->before && !negate_sum(&r->sum) ? OUTCOME_FIELD_RANGE : OUTCOME_OK;
}

/* ---- ISO 8601: P1Y2M3DT4H5M6S, P0001-02-03T04:05:06, P00010203T040506 */

struct iso {
    const char *p;
    bool in_time, has_field;
    struct sum sum;
    int64_t v;
    double fraction;
    size_t width; /* digits of the number read last */
};

/* Whatever strtod reads, "1e3" and "0x10" too, as in PostgreSQL. */
static enum outcome iso_number(struct iso *r)
{
    char *end;
    size_t digits = r->p[0] == '-';
    if (!(*r->p >= '0' && *r->p <= '9') && *r->p != '-' && *r->p != '.')
        return OUTCOME_BAD_FORMAT;
    errno = 0;
    double v = strtod(r->p, &end);
    if (end == r->p || errno != 0)
        return OUTCOME_BAD_FORMAT;
    if (!(v >= -1.0e15 && v <= 1.0e15))
        return OUTCOME_FIELD_RANGE;
    r->v = (int64_t)v;
    r->fraction = v - (double)r->v;
    r->width = strspn(r->p + digits, "0123456789");
    r->p = end;
    return OUTCOME_OK;
}

static const char iso_date_letters[] = "YMWD", iso_time_letters[] = "HMS";
static const enum unit iso_date_units[] = { UNIT_YEAR, UNIT_MONTH, UNIT_WEEK, UNIT_DAY };
static const enum unit iso_time_units[] = { UNIT_HOUR, UNIT_MINUTE, UNIT_SECOND };

static enum outcome iso_add(struct iso *r, enum unit unit)
{
    return add_unit(&r->sum, unit, r->v, r->fraction) ? OUTCOME_OK : OUTCOME_FIELD_RANGE;
}

/* Three numbers run together: yyyymmdd, hhmmss; the fraction goes to the last. */
static enum outcome iso_basic(struct iso *r, const enum unit *units, double last_scale)
{
    int64_t v = r->v;
    double fraction = r->fraction * last_scale;
    const int64_t parts[] = { v / 10000, v / 100 % 100, v % 100 };
    r->fraction = 0;
    for (int i = 0; i < 3; i++) {
        r->v = parts[i];
        if (iso_add(r, units[i]))
            return OUTCOME_FIELD_RANGE;
    }
    return add_fraction(&r->sum, fraction, 1) ? OUTCOME_OK : OUTCOME_FIELD_RANGE;
}

/* The rest of a-b-c or a:b:c; the first number is read. Stops at the end or at T. */
static enum outcome iso_extended(struct iso *r, const enum unit *units, char separator)
{
    if (r->has_field)
        return OUTCOME_BAD_FORMAT;
    for (int i = 0;; i++) {
        enum outcome outcome = i > 0 ? iso_number(r) : OUTCOME_OK;
        if (!outcome)
            outcome = iso_add(r, units[i]);
        if (outcome)
            return outcome;
        if (*r->p == 0 || (*r->p == 'T' && !r->in_time))
            return OUTCOME_OK;
        if (*r->p != separator || i == 2)
            return OUTCOME_BAD_FORMAT;
        r->p++;
    }
}

static enum outcome iso_field(struct iso *r)
{
    static const enum unit days[] = { UNIT_YEAR, UNIT_MONTH, UNIT_DAY };
    const char *letters = r->in_time ? iso_time_letters : iso_date_letters;
    enum outcome outcome = iso_number(r);
    if (outcome)
        return outcome;
    const char *letter = *r->p ? strchr(letters, *r->p) : NULL;
    if (letter) {
        r->p++;
        outcome = iso_add(r, (r->in_time ? iso_time_units : iso_date_units)[letter - letters]);
        r->has_field = true;
        return outcome;
    }
    char separator = r->in_time ? ':' : '-';
    if (*r->p && *r->p != separator && (r->in_time || *r->p != 'T'))
        return OUTCOME_BAD_FORMAT;
    if (*r->p != separator && !r->has_field && r->width == (r->in_time ? 6 : 8))
        return r->in_time ? iso_basic(r, iso_time_units, 1) : iso_basic(r, days, (double)US_PER_DAY);
    return iso_extended(r, r->in_time ? iso_time_units : days, separator);
}

static enum outcome iso_read(struct iso *r)
{
    while (*r->p) {
        if (*r->p == 'T') {
            r->in_time = true;
            r->has_field = false;
            r->p++;
            continue;
        }
        enum outcome outcome = iso_field(r);
        if (outcome)
            return outcome;
    }
    return OUTCOME_OK;
}

static enum outcome iso_decode(struct str text, struct sum *ret)
{
    char room[256];
    if (text.n < 2 || text.n >= sizeof(room) || text.p[0] != 'P')
        return OUTCOME_BAD_FORMAT;
    memcpy(room, text.p, text.n);
    room[text.n] = 0;
    struct iso r = { .p = room + 1 };
    enum outcome outcome = iso_read(&r);
    *ret = r.sum;
    return outcome;
}

bool interval_parse(struct str text, int32_t typmod, const struct type_settings *settings, struct interval *ret,
                    struct err *err)
{
    struct reader r = { .range = typmod_fields(typmod) };
    enum outcome outcome = fields_split(text, FIELDS_ROOM, &r.fields);
    if (!outcome)
        outcome = read_fields(&r, settings->interval_style);
    if (outcome == OUTCOME_BAD_FORMAT)
        outcome = iso_decode(text, &r.sum);
    if (outcome == OUTCOME_FIELD_RANGE)
        outcome = OUTCOME_INTERVAL_RANGE;
    if (outcome)
        return datetime_fail(outcome, text, "interval", NULL, err);
    int64_t months = (int64_t)r.sum.years * 12 + r.sum.months;
    if (months < INT32_MIN || months > INT32_MAX)
        return out_of_range(err);
    struct interval v = { (int32_t)months, r.sum.days, r.sum.us };
    if (!interval_apply_typmod(&v, typmod, err))
        return false;
    *ret = v;
    return true;
}

/* ---- storage: exactly what print_postgres writes, all of int64 included; anything else through the parser */

struct cursor {
    const char *p, *end;
};

/* A number with its sign, one blank, and the unit with or without s; a blank behind it is taken. */
static bool exact_unit(struct cursor *c, const char *unit, int64_t *ret)
{
    struct cursor at = *c;
    bool negative = at.p < at.end && *at.p == '-';
    int64_t v = 0;
    at.p += at.p < at.end && (*at.p == '-' || *at.p == '+');
    const char *digits = at.p;
    while (at.p < at.end && *at.p >= '0' && *at.p <= '9' && v < INT64_MAX / 100)
        v = v * 10 + (*at.p++ - '0');
    struct str rest = { at.p, (size_t)(at.end - at.p) };
    size_t n = strlen(unit);
    if (at.p == digits || rest.n < n + 1 || rest.p[0] != ' ' || memcmp(rest.p + 1, unit, n) != 0)
        return false;
    at.p += n + 1;
    at.p += at.p < at.end && *at.p == 's';
    if (at.p < at.end && *at.p++ != ' ')
        return false;
    *c = at;
    *ret = negative ? -v : v;
    return true;
}

/* [+-]HH…:MM:SS[.ffffff], counted downwards: there is one more µs below zero than above. */
static bool exact_time(struct cursor *c, int64_t *ret)
{
    bool negative = *c->p == '-';
    int64_t us = 0, part = 0, scale = 100000;
    int colons = 0;
    c->p += *c->p == '-' || *c->p == '+';
    for (; c->p < c->end && *c->p != '.'; c->p++) {
        if (*c->p == ':' && colons < 2) {
            us = us * 60 - part * 60;
            part = 0;
            colons++;
        } else if (*c->p < '0' || *c->p > '9' || (part = part * 10 + (*c->p - '0')) > INT64_C(9999999999)) {
            return false;
        }
    }
    if (colons != 2 || __builtin_mul_overflow(us - part, US_PER_SECOND, &us))
        return false;
    for (c->p += c->p < c->end; c->p < c->end; c->p++, scale /= 10)
        if (*c->p < '0' || *c->p > '9' || scale == 0 || __builtin_sub_overflow(us, (*c->p - '0') * scale, &us))
            return false;
    if (!negative && us == INT64_MIN)
        return false;
    *ret = negative ? us : -us;
    return true;
}

static bool exact_interval(struct str text, struct interval *ret)
{
    struct cursor c = { text.p, text.p + text.n };
    int64_t years = 0, months = 0, days = 0, us = 0;
    if (text.n == 0)
        return false;
    exact_unit(&c, "year", &years);
    exact_unit(&c, "mon", &months);
    exact_unit(&c, "day", &days);
    if (c.p < c.end && !exact_time(&c, &us))
        return false;
    months += years * 12;
    if (months < INT32_MIN || months > INT32_MAX || days < INT32_MIN || days > INT32_MAX)
        return false;
    *ret = (struct interval){ (int32_t)months, (int32_t)days, us };
    return true;
}

bool interval_from_storage(struct str text, struct interval *ret, struct err *err)
{
    return exact_interval(text, ret) || interval_parse(text, -1, type_settings_default(), ret, err);
}

/* ---- printing */

/* The parts that are shown; all of one interval's months have one sign, and so have its clock parts. */
struct parts {
    int64_t years, months, days, hours, minutes, seconds, us;
};

static struct parts parts_of(const struct interval *v)
{
    return (struct parts){ v->months / 12,
                           v->months % 12,
                           v->days,
                           v->us / US_PER_HOUR,
                           v->us / US_PER_MINUTE % 60,
                           v->us / US_PER_SECOND % 60,
                           v->us % US_PER_SECOND };
}

struct writer {
    char *start, *at;
    bool is_first, is_before;
};

static void put(struct writer *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(struct writer *w, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    w->at += vsnprintf(w->at, (size_t)(w->start + DATETIME_TEXT_MAX - w->at), format, args);
    va_end(args);
}

static void put_seconds(struct writer *w, const struct parts *p, int width)
{
    put(w, "%0*lld", width, llabs(p->seconds));
    if (p->us == 0)
        return;
    put(w, ".%06lld", llabs(p->us));
    while (w->at[-1] == '0')
        w->at--;
}

static bool clock_is_negative(const struct parts *p)
{
    return p->hours < 0 || p->minutes < 0 || p->seconds < 0 || p->us < 0;
}

static bool has_clock(const struct parts *p)
{
    return p->hours || p->minutes || p->seconds || p->us;
}

static void postgres_part(struct writer *w, int64_t v, const char *unit)
{
    if (v == 0)
        return;
    put(w, "%s%s%lld %s%s", w->is_first ? "" : " ", w->is_before && v > 0 ? "+" : "", (long long)v, unit,
        v == 1 ? "" : "s");
    w->is_before = v < 0;
    w->is_first = false;
}

/* "1 year 2 mons -3 days +04:05:06.7" */
static void print_postgres(struct writer *w, const struct parts *p)
{
    postgres_part(w, p->years, "year");
    postgres_part(w, p->months, "mon");
    postgres_part(w, p->days, "day");
    if (!w->is_first && !has_clock(p))
        return;
    put(w, "%s%s%02lld:%02lld:", w->is_first ? "" : " ",
        clock_is_negative(p) ? "-"
        : w->is_before       ? "+"
                             : "",
        llabs(p->hours), llabs(p->minutes));
    put_seconds(w, p, 2);
}

static void verbose_part(struct writer *w, int64_t v, const char *unit)
{
    if (v == 0)
        return;
    if (w->is_first)
        w->is_before = v < 0;
    if (w->is_before)
        v = -v;
    put(w, " %lld %s%s", (long long)v, unit, v == 1 ? "" : "s");
    w->is_first = false;
}

/* "@ 1 year 2 mons ago" */
static void print_verbose(struct writer *w, const struct parts *p)
{
    put(w, "@");
    verbose_part(w, p->years, "year");
    verbose_part(w, p->months, "mon");
    verbose_part(w, p->days, "day");
    verbose_part(w, p->hours, "hour");
    verbose_part(w, p->minutes, "min");
    if (p->seconds || p->us) {
        bool negative = p->seconds < 0 || p->us < 0;
        if (w->is_first)
            w->is_before = negative;
        put(w, negative != w->is_before ? " -" : " ");
        put_seconds(w, p, 1);
        put(w, llabs(p->seconds) != 1 || p->us ? " secs" : " sec");
        w->is_first = false;
    }
    if (w->is_first)
        put(w, " 0");
    if (w->is_before)
        put(w, " ago");
}

/* One sign before everything where SQL can say it so; else a sign at each of the three parts. */
static void print_sql(struct writer *w, const struct parts *p)
{
    bool negative = p->years < 0 || p->months < 0 || p->days < 0 || clock_is_negative(p);
    bool positive =
        p->years > 0 || p->months > 0 || p->days > 0 || p->hours > 0 || p->minutes > 0 || p->seconds > 0 || p->us > 0;
    bool year_month = p->years || p->months, day_time = p->days || has_clock(p);
    if (!negative && !positive) {
        put(w, "0");
    } else if ((negative && positive) || (year_month && day_time)) {
        put(w, "%c%lld-%lld %c%lld %c%lld:%02lld:", p->years < 0 || p->months < 0 ? '-' : '+', llabs(p->years),
            llabs(p->months), p->days < 0 ? '-' : '+', llabs(p->days), clock_is_negative(p) ? '-' : '+',
            llabs(p->hours), llabs(p->minutes));
        put_seconds(w, p, 2);
    } else if (year_month) {
        put(w, "%s%lld-%lld", negative ? "-" : "", llabs(p->years), llabs(p->months));
    } else {
        put(w, negative ? "-" : "");
        if (p->days)
            put(w, "%lld ", llabs(p->days));
        put(w, "%lld:%02lld:", llabs(p->hours), llabs(p->minutes));
        put_seconds(w, p, 2);
    }
}

static void iso_part(struct writer *w, int64_t v, char unit)
{
    if (v)
        put(w, "%lld%c", (long long)v, unit);
}

/* "P1Y2M3DT4H5M6.7S" */
static void print_iso(struct writer *w, const struct parts *p)
{
    put(w, "P");
    iso_part(w, p->years, 'Y');
    iso_part(w, p->months, 'M');
    iso_part(w, p->days, 'D');
    if (has_clock(p))
        put(w, "T");
    iso_part(w, p->hours, 'H');
    iso_part(w, p->minutes, 'M');
    if (p->seconds || p->us) {
        put(w, p->seconds < 0 || p->us < 0 ? "-" : "");
        put_seconds(w, p, 1);
        put(w, "S");
    }
    if (w->at == w->start + 1)
        put(w, "T0S");
}

size_t interval_print(char *out, const struct interval *v, enum interval_style style)
{
    struct writer w = { out, out, true, false };
    struct parts p = parts_of(v);
    switch (style) {
    case INTERVAL_STYLE_POSTGRES:
        print_postgres(&w, &p);
        break;
    case INTERVAL_STYLE_POSTGRES_VERBOSE:
        print_verbose(&w, &p);
        break;
    case INTERVAL_STYLE_SQL_STANDARD:
        print_sql(&w, &p);
        break;
    case INTERVAL_STYLE_ISO_8601:
        print_iso(&w, &p);
        break;
    }
    return (size_t)(w.at - out);
}

/* ---- arithmetic */

static bool set(struct interval *ret, bool overflow, struct interval v, struct err *err)
{
    if (overflow)
        return out_of_range(err);
    *ret = v;
    return true;
}

bool interval_add(const struct interval *a, const struct interval *b, struct interval *ret, struct err *err)
{
    struct interval v;
    bool overflow = __builtin_add_overflow(a->months, b->months, &v.months);
    overflow |= __builtin_add_overflow(a->days, b->days, &v.days);
    overflow |= __builtin_add_overflow(a->us, b->us, &v.us);
    return set(ret, overflow, v, err);
}

bool interval_subtract(const struct interval *a, const struct interval *b, struct interval *ret, struct err *err)
{
    struct interval v;
    bool overflow = __builtin_sub_overflow(a->months, b->months, &v.months);
    overflow |= __builtin_sub_overflow(a->days, b->days, &v.days);
    overflow |= __builtin_sub_overflow(a->us, b->us, &v.us);
    return set(ret, overflow, v, err);
}

bool interval_negate(const struct interval *v, struct interval *ret, struct err *err)
{
    const struct interval zero = { 0 };
    return interval_subtract(&zero, v, ret, err);
}

static bool fits_int32(double v)
{
    return v >= (double)INT32_MIN && v <= (double)INT32_MAX; /* false for NaN */
}

static bool fits_int64(double v)
{
    return v >= (double)INT64_MIN && v < -(double)INT64_MIN;
}

static double round_to_us(double seconds)
{
    return rint(seconds * 1e6) / 1e6;
}

/* months, days and us already scaled: their whole parts are kept, fractions cascade to the smaller parts. */
static bool scaled(double months, double days, double us, struct interval *ret, struct err *err)
{
    if (!fits_int32(months) || !fits_int32(days))
        return out_of_range(err);
    struct interval v = { (int32_t)months, (int32_t)days, 0 };
    double rest_days = round_to_us((months - v.months) * 30);
    double rest_seconds = round_to_us((days - v.days + rest_days - (int)rest_days) * 86400);
    double more_days = 0;
    if (fabs(rest_seconds) >= 86400) {
        more_days = (int)(rest_seconds / 86400);
        rest_seconds -= more_days * 86400;
    }
    double time = rint(us + rest_seconds * (double)US_PER_SECOND);
    if (!fits_int64(time) || !add_int(&v.days, (int64_t)more_days) || !add_int(&v.days, (int64_t)rest_days))
        return out_of_range(err);
    v.us = (int64_t)time;
    *ret = v;
    return true;
}

bool interval_multiply(const struct interval *v, double factor, struct interval *ret, struct err *err)
{
    return scaled(v->months * factor, v->days * factor, (double)v->us * factor, ret, err);
}

bool interval_divide(const struct interval *v, double divisor, struct interval *ret, struct err *err)
{
    if (divisor == 0)
        return err_set(err, SQLSTATE_DIVISION_BY_ZERO, "division by zero");
    return scaled(v->months / divisor, v->days / divisor, (double)v->us / divisor, ret, err);
}

int interval_compare(const struct interval *a, const struct interval *b)
{
    __int128 x = ((__int128)a->months * 30 + a->days) * US_PER_DAY + a->us;
    __int128 y = ((__int128)b->months * 30 + b->days) * US_PER_DAY + b->us;
    return (x > y) - (x < y);
}

/* Makes the smaller part have the sign of the larger; `unit` of the smaller make one of the larger. */
static void same_sign(int64_t *large, int64_t *small, int64_t unit)
{
    if (*large > 0 && *small < 0) {
        *small += unit;
        (*large)--;
    } else if (*large < 0 && *small > 0) {
        *small -= unit;
        (*large)++;
    }
}

static bool narrow(int64_t months, int64_t days, int64_t us, struct interval *ret, struct err *err)
{
    bool overflow = months < INT32_MIN || months > INT32_MAX || days < INT32_MIN || days > INT32_MAX;
    return set(ret, overflow, (struct interval){ (int32_t)months, (int32_t)days, us }, err);
}

bool interval_justify_hours(const struct interval *v, struct interval *ret, struct err *err)
{
    int64_t days = v->days + v->us / US_PER_DAY, us = v->us % US_PER_DAY;
    same_sign(&days, &us, US_PER_DAY);
    return narrow(v->months, days, us, ret, err);
}

bool interval_justify_days(const struct interval *v, struct interval *ret, struct err *err)
{
    int64_t months = (int64_t)v->months + v->days / 30, days = v->days % 30;
    same_sign(&months, &days, 30);
    return narrow(months, days, v->us, ret, err);
}

bool interval_justify_interval(const struct interval *v, struct interval *ret, struct err *err)
{
    int64_t days = v->days + v->us / US_PER_DAY, us = v->us % US_PER_DAY;
    int64_t months = v->months + days / 30;
    days %= 30;
    if (months > 0 && (days < 0 || (days == 0 && us < 0))) {
        days += 30;
        months--;
    } else if (months < 0 && (days > 0 || (days == 0 && us > 0))) {
        days -= 30;
        months++;
    }
    same_sign(&days, &us, US_PER_DAY);
    return narrow(months, days, us, ret, err);
}

bool interval_make(int32_t years, int32_t months, int32_t weeks, int32_t days, int32_t hours, int32_t minutes,
                   double seconds, struct interval *ret, struct err *err)
{
    int64_t all_months = (int64_t)years * 12 + months, all_days = (int64_t)weeks * 7 + days, us;
    double seconds_us = rint(seconds * (double)US_PER_SECOND);
    if (!isfinite(seconds) || !fits_int64(seconds_us))
        return out_of_range(err);
    us = hours * US_PER_HOUR + minutes * US_PER_MINUTE;
    if (__builtin_add_overflow(us, (int64_t)seconds_us, &us))
        return out_of_range(err);
    return narrow(all_months, all_days, us, ret, err);
}
