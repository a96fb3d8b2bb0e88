/*
 * template.h - the templates of to_char, to_date, to_timestamp and to_number (PostgreSQL 9.8): a list of words with their modifiers
 * and of characters between them. What the words mean is their readers' business.
 *
 * Owns     nothing: nodes live in the arena and borrow from the template.
 * Fails    only for want of memory.
 */
#ifndef PGD1_SQL_FUNCTIONS_TEMPLATE_H
#define PGD1_SQL_FUNCTIONS_TEMPLATE_H

#include "proxy/base/arena.h"
#include "proxy/base/buf.h"

enum template_field {
    /* dates and times */
    FIELD_ERA,
    FIELD_MERIDIEM,
    FIELD_CENTURY,
    FIELD_WEEKDAY,
    FIELD_DAY_NAME,
    FIELD_DAY,
    FIELD_YEAR_DAY,
    FIELD_DAY_SHORT,
    FIELD_FRACTION_1,
    FIELD_FRACTION_2,
    FIELD_FRACTION_3,
    FIELD_FRACTION_4,
    FIELD_FRACTION_5,
    FIELD_FRACTION_6, /* in this order */
    FIELD_FIXED,
    FIELD_HOUR_12,
    FIELD_HOUR_24,
    FIELD_ISO_YEAR_1,
    FIELD_ISO_WEEKDAY,
    FIELD_ISO_YEAR_DAY,
    FIELD_ISO_WEEK_NUMBER,
    FIELD_ISO_YEAR_2,
    FIELD_ISO_YEAR_3,
    FIELD_ISO_YEAR,
    FIELD_JULIAN,
    FIELD_MINUTE,
    FIELD_MONTH,
    FIELD_MONTH_SHORT,
    FIELD_MONTH_NAME,
    FIELD_MILLISECOND,
    FIELD_OFFSET,
    FIELD_QUARTER,
    FIELD_ROMAN_MONTH,
    FIELD_SECOND,
    FIELD_DAY_SECOND,
    FIELD_ZONE_NAME,
    FIELD_ZONE_HOUR,
    FIELD_ZONE_MINUTE,
    FIELD_MICROSECOND,
    FIELD_MONTH_WEEK,
    FIELD_WEEK,
    FIELD_YEAR_1,
    FIELD_YEAR_COMMA,
    FIELD_YEAR_2,
    FIELD_YEAR_3,
    FIELD_YEAR,
    /* numbers */
    FIELD_COMMA,
    FIELD_POINT,
    FIELD_ZERO,
    FIELD_NINE,
    FIELD_BLANK,
    FIELD_CURRENCY_CODE,
    FIELD_LOCAL_POINT,
    FIELD_EXPONENT,
    FIELD_FILL_MODE,
    FIELD_GROUP,
    FIELD_CURRENCY,
    FIELD_MINUS,
    FIELD_PLUS,
    FIELD_BRACKETS,
    FIELD_ROMAN,
    FIELD_ANCHORED_SIGN,
    FIELD_SIGN,
    FIELD_SPELLED,
    FIELD_ORDINAL,
    FIELD_SHIFT,
};

enum template_calendar { CALENDAR_EITHER, CALENDAR_GREGORIAN, CALENDAR_ISO_WEEK };

struct template_word {
    const char *name;
    enum template_field field;
    bool is_digits; /* to_date: what stands before it cannot be read greedily */
    enum template_calendar calendar;
};

enum template_kind {
    NODE_WORD,
    NODE_CHARACTER,
    NODE_SEPARATOR, /* dates: printable ASCII that is neither letter nor digit, outside quotes */
    NODE_SPACE,
};

enum template_modifier { MODIFIER_FILL = 1, MODIFIER_LOCAL = 2, MODIFIER_UPPER_TH = 4, MODIFIER_LOWER_TH = 8 };

struct template_node {
    enum template_kind kind;
    const struct template_word *word;
    unsigned modifiers;
    struct str character;
};

struct template
{
    const struct template_node *nodes;
    size_t n;
};

bool template_parse_date(struct str text, struct arena *arena, struct template *ret);   /* false: no memory */
bool template_parse_number(struct str text, struct arena *arena, struct template *ret); /* modifiers are words there */

static inline bool template_has_th(const struct template_node *n)
{
    return (n->modifiers & (MODIFIER_UPPER_TH | MODIFIER_LOWER_TH)) != 0;
}

bool template_is_separator(char c);
/* "st", "nd", "rd", "th" for the number that these digits end; {NULL,0} when they do not end with a digit. */
struct str template_ordinal(struct str digits, bool upper);

#endif
