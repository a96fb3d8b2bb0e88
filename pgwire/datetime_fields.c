/* datetime_fields.c - words, fields and numbers of date and time texts; see datetime_internal.h. */
#include "pgwire/datetime_internal.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>

/* ---- words */

enum { WORD_SIGNIFICANT = 10 }; /* PostgreSQL compares no more letters than these */

static const struct {
    const char *text;
    enum word_kind kind;
    int value;
} words[] = {
#define WORD(text, kind, value) { text, kind, value },
#include "pgwire/datetime_words.def"
#undef WORD
};

static const struct {
    const char *text;
    enum unit unit;
} units[] = {
#define UNIT(text, unit) { text, unit },
#include "pgwire/datetime_words.def"
#undef UNIT
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum word_kind word_find(const char *text, int *ret_value)
{
    size_t low = 0, high = COUNT(words);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int c = strncmp(words[middle].text, text, WORD_SIGNIFICANT);
        if (c == 0) {
            *ret_value = words[middle].value;
            return words[middle].kind;
        }
        if (c < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return WORD_UNKNOWN;
}

enum unit unit_find(const char *text)
{
    size_t low = 0, high = COUNT(units);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int c = strncmp(units[middle].text, text, WORD_SIGNIFICANT);
        if (c == 0)
            return units[middle].unit;
        if (c < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return UNIT_NONE;
}

/* ---- cutting */

struct cutter {
    struct str in;
    size_t at;
    char *out, *out_end;
    bool full;
};

/* The byte at the cursor, NUL at the end: a NUL inside cannot occur, texts are checked before. */
static char peek(const struct cutter *c)
{
    return c->at < c->in.n ? c->in.p[c->at] : 0;
}

static void take(struct cutter *c)
{
    char letter = c->in.p[c->at++];
    if (c->out < c->out_end)
        *c->out++ = letter >= 'A' && letter <= 'Z' ? (char)(letter + 32) : letter;
    else
        c->full = true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_one_of(char c, const char *set)
{
    return c && strchr(set, c);
}

static void take_digits(struct cutter *c)
{
    while (is_digit(peek(c)))
        take(c);
}

static void take_digits_and(struct cutter *c, const char *set)
{
    while (is_digit(peek(c)) || is_one_of(peek(c), set))
        take(c);
}

/* Digits, a delimiter, and what belongs to it: 2001-02-03, 1.5, 3/feb/2001. */
static enum field_kind cut_date(struct cutter *c)
{
    char delimiter[2] = { peek(c), 0 };
    take(c);
    if (!is_digit(peek(c))) {
        while (is_digit(peek(c)) || is_alpha(peek(c)) || peek(c) == delimiter[0])
            take(c);
        return FIELD_DATE;
    }
    take_digits(c);
    if (peek(c) != delimiter[0])
        return delimiter[0] == '.' ? FIELD_NUMBER : FIELD_DATE;
    take(c);
    take_digits_and(c, delimiter);
    return FIELD_DATE;
}

static enum field_kind cut_number(struct cutter *c)
{
    take_digits(c);
    if (peek(c) == ':') {
        take(c);
        take_digits_and(c, ":.");
        return FIELD_TIME;
    }
    return is_one_of(peek(c), "-/.") ? cut_date(c) : FIELD_NUMBER;
}

/* Letters: a word, or a date or zone name when punctuation or digits follow. */
static enum field_kind cut_word(struct cutter *c)
{
    char *start = c->out;
    int value;
    while (is_alpha(peek(c)))
        take(c);
    bool is_date = is_one_of(peek(c), "-/.");
    if (peek(c) == '+' || is_digit(peek(c))) {
        if (c->out < c->out_end)
            *c->out = 0;
        is_date = c->out >= c->out_end || word_find(start, &value) == WORD_UNKNOWN;
    }
    if (!is_date)
        return FIELD_STRING;
    while (is_digit(peek(c)) || is_alpha(peek(c)) || is_one_of(peek(c), "+-/_.:"))
        take(c);
    return FIELD_DATE;
}

static bool cut_signed(struct cutter *c, enum field_kind *ret)
{
    take(c);
    while (c->at < c->in.n && isspace((unsigned char)peek(c)))
        c->at++;
    if (is_digit(peek(c))) {
        take_digits_and(c, ":.-");
        *ret = FIELD_SIGNED;
        return true;
    }
    if (!is_alpha(peek(c)))
        return false;
    while (is_alpha(peek(c)))
        take(c);
    *ret = FIELD_SPECIAL;
    return true;
}

/* One field at the cursor; false for what cannot start one. */
static bool cut_field(struct cutter *c, enum field_kind *ret)
{
    char first = peek(c);
    if (is_digit(first)) {
        *ret = cut_number(c);
    } else if (first == '.') {
        take(c);
        take_digits(c);
        *ret = FIELD_NUMBER;
    } else if (is_alpha(first)) {
        *ret = cut_word(c);
    } else {
        return (first == '+' || first == '-') && cut_signed(c, ret);
    }
    return true;
}

enum outcome fields_split(struct str text, size_t room, struct fields *ret)
{
    struct cutter c = { text, 0, ret->room, ret->room + (room < FIELDS_ROOM ? room : FIELDS_ROOM), false };
    ret->n = 0;
    while (c.at < text.n) {
        unsigned char first = (unsigned char)peek(&c);
        bool starts = is_digit((char)first) || is_alpha((char)first) || is_one_of((char)first, ".+-");
        if (first < 0x80 && (isspace(first) || (ispunct(first) && !starts))) {
            c.at++;
            continue;
        }
        if (ret->n == FIELDS_MAX)
            return OUTCOME_BAD_FORMAT;
        struct field *f = &ret->f[ret->n];
        f->text = c.out;
        if (!starts || !cut_field(&c, &f->kind) || c.full || c.out == c.out_end)
            return OUTCOME_BAD_FORMAT;
        *c.out++ = 0;
        ret->n++;
    }
    return OUTCOME_OK;
}

/* ---- numbers */

bool digits_only(const char *s)
{
    while (is_digit(*s))
        s++;
    return *s == 0;
}

bool number_at(const char *s, const char **ret_end, int64_t *ret)
{
    char *end;
    errno = 0;
    long long v = strtoll(s, &end, 10);
    *ret_end = end;
    *ret = v;
    return errno == 0;
}

bool fraction_at(const char *s, double *ret)
{
    char *end;
    if (s[1] == 0) {
        *ret = 0;
        return true;
    }
    errno = 0;
    *ret = strtod(s, &end);
    return *end == 0 && errno == 0;
}

/* A number of 32 bits; PostgreSQL tells one that is too big from one that is none. */
static bool int_at(const char *s, const char **ret_end, int *ret)
{
    int64_t v;
    bool ok = number_at(s, ret_end, &v) && v >= INT32_MIN && v <= INT32_MAX;
    *ret = ok ? (int)v : 0;
    return ok;
}

enum outcome clock_decode(const char *s, bool range_minute_second, int64_t *ret_hour, int *ret_minute, int *ret_second,
                          int *ret_us)
{
    const char *end;
    int64_t hour;
    int minute, second = 0;
    double fraction = 0;
    if (!number_at(s, &end, &hour))
        return OUTCOME_FIELD_RANGE;
    if (*end != ':')
        return OUTCOME_BAD_FORMAT;
    if (!int_at(end + 1, &end, &minute))
        return OUTCOME_FIELD_RANGE;
    bool two_parts = *end == '.' || (*end == 0 && range_minute_second);
    if (*end == ':' && !int_at(end + 1, &end, &second))
        return OUTCOME_FIELD_RANGE;
    if (*end == '.' ? !fraction_at(end, &fraction) : *end != 0)
        return OUTCOME_BAD_FORMAT;
    if (two_parts) {
        if (hour > INT32_MAX || hour < INT32_MIN)
            return OUTCOME_FIELD_RANGE;
        second = minute;
        minute = (int)hour;
        hour = 0;
    }
    int us = (int)rint(fraction * 1000000);
    if (hour < 0 || minute < 0 || minute > 59 || second < 0 || second > 60 || us < 0 || us > 1000000)
        return OUTCOME_FIELD_RANGE;
    *ret_hour = hour;
    *ret_minute = minute;
    *ret_second = second;
    *ret_us = us;
    return OUTCOME_OK;
}

/* ---- errors */

bool datetime_fail(enum outcome outcome, struct str text, const char *type_name, const char *zone, struct err *err)
{
    switch (outcome) {
    case OUTCOME_FIELD_RANGE:
    case OUTCOME_MONTH_DAY_RANGE:
        err_set(err, SQLSTATE_DATETIME_FIELD_OVERFLOW, "date/time field value out of range: \"%.*s\"", STR_FMT(text));
        if (outcome == OUTCOME_MONTH_DAY_RANGE)
            err_hint(err, "Perhaps you need a different \"datestyle\" setting.");
        return false;
    case OUTCOME_INTERVAL_RANGE:
        return err_set(err, SQLSTATE_INTERVAL_FIELD_OVERFLOW, "interval field value out of range: \"%.*s\"",
                       STR_FMT(text));
    case OUTCOME_ZONE_RANGE:
        return err_set(err, SQLSTATE_INVALID_TIME_ZONE_DISPLACEMENT_VALUE,
                       "time zone displacement out of range: \"%.*s\"", STR_FMT(text));
    case OUTCOME_ZONE_UNKNOWN:
        return err_set(err, SQLSTATE_INVALID_PARAMETER_VALUE, "time zone \"%s\" not recognized", zone);
    case OUTCOME_OK:
    case OUTCOME_BAD_FORMAT:
        break;
    }
    return err_set(err, SQLSTATE_INVALID_DATETIME_FORMAT, "invalid input syntax for type %s: \"%.*s\"", type_name,
                   STR_FMT(text));
}
