/* datetime_internal.h - what the date and time files share: words, fields of an input text, outcomes. Nobody else includes it. */
#ifndef PGD1_PGWIRE_DATETIME_INTERNAL_H
#define PGD1_PGWIRE_DATETIME_INTERNAL_H

#include "pgwire/datetime.h"

enum unit {
    UNIT_NONE,
    UNIT_MICROSECOND,
    UNIT_MILLISECOND,
    UNIT_SECOND,
    UNIT_MINUTE,
    UNIT_HOUR,
    UNIT_DAY,
    UNIT_WEEK,
    UNIT_MONTH,
    UNIT_QUARTER,
    UNIT_YEAR,
    UNIT_DECADE,
    UNIT_CENTURY,
    UNIT_MILLENNIUM,
    UNIT_JULIAN,
    UNIT_ISOYEAR,
    UNIT_DOW,
    UNIT_ISODOW,
    UNIT_DOY,
    UNIT_EPOCH,
    UNIT_ZONE,
    UNIT_ZONE_HOUR,
    UNIT_ZONE_MINUTE,
    UNIT_TIME, /* the field after "t" in ISO 8601 */
};

enum reserved {
    RESERVED_NONE,
    RESERVED_NOW,
    RESERVED_TODAY,
    RESERVED_TOMORROW,
    RESERVED_YESTERDAY,
    RESERVED_ZULU,
    RESERVED_EPOCH,
    RESERVED_INFINITY,
    RESERVED_MINUS_INFINITY,
};

enum meridiem { MERIDIEM_NONE, MERIDIEM_AM, MERIDIEM_PM };

enum word_kind {
    WORD_UNKNOWN,
    WORD_RESERVED,
    WORD_MONTH,
    WORD_WEEKDAY,
    WORD_UNIT,
    WORD_ISO_TIME,
    WORD_ERA,
    WORD_MERIDIEM,
    WORD_DST,
    WORD_IGNORED,
};

/* A word of dates by its lower-case text. */
enum word_kind word_find(const char *text, int *ret_value);
/* A unit of intervals by its lower-case text; UNIT_NONE when unknown. */
enum unit unit_find(const char *text);

/* ---- An input text cut into fields */

enum field_kind {
    FIELD_NUMBER,
    FIELD_STRING,
    FIELD_DATE,    /* with punctuation inside; may be a zone name too */
    FIELD_TIME,    /* digits and colons */
    FIELD_SIGNED,  /* sign and digits: a zone offset, or a number of an interval */
    FIELD_SPECIAL, /* sign and letters */
};

struct field {
    enum field_kind kind;
    char *text; /* NUL-terminated, letters in lower case, changed by the decoders */
};

enum { FIELDS_MAX = 25, FIELDS_ROOM = 256 };

struct fields {
    size_t n;
    struct field f[FIELDS_MAX];
    char room[FIELDS_ROOM];
};

/* The forms that programs send, read without looking for anything else: YYYY-MM-DD, HH:MM:SS[.ffffff], both with a blank. */
bool date_exact(struct str text, int32_t *ret);
bool time_exact(struct str text, int64_t *ret);
bool timestamp_exact(struct str text, int64_t *ret);

/* How decoding ended; datetime_fail turns all but the first into an error. */
enum outcome {
    OUTCOME_OK,
    OUTCOME_BAD_FORMAT,
    OUTCOME_FIELD_RANGE,
    OUTCOME_MONTH_DAY_RANGE, /* with the hint about DateStyle */
    OUTCOME_INTERVAL_RANGE,
    OUTCOME_ZONE_RANGE,
    OUTCOME_ZONE_UNKNOWN, /* fields.f[].text is named in the error */
};

/* room: how many bytes of fields->room the type allows, PostgreSQL's limit on what it looks at. */
enum outcome fields_split(struct str text, size_t room, struct fields *ret);
bool datetime_fail(enum outcome outcome, struct str text, const char *type_name, const char *zone, struct err *err);
bool digits_only(const char *s);
/* Decimal integer with sign at s, as strtol reads it; false beyond int64 or when there is no digit. */
bool number_at(const char *s, const char **ret_end, int64_t *ret);
/* ".5" -> 0.5; "." is 0. False when something follows. */
bool fraction_at(const char *s, double *ret);
/* "mm:ss", "hh:mm[:ss[.fff]]". range_minute_second: two parts are minutes and seconds. Hours are not checked. */
enum outcome clock_decode(const char *s, bool range_minute_second, int64_t *ret_hour, int *ret_minute, int *ret_second,
                          int *ret_us);

#endif
