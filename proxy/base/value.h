/*
 * value.h - one cell or parameter in storage form: SQLite's five classes.
 *
 * This is the common coin of the project: wire bytes <-> value is pgwire's work (types.h), value <-> SQLite or JSON is a
 * transport's. TEXT and BLOB are borrowed views. What a PostgreSQL type looks like in storage (date as 'YYYY-MM-DD',
 * boolean as 0/1, array as JSON…) is written in pgwire/types.h.
 */
#ifndef PGD1_BASE_VALUE_H
#define PGD1_BASE_VALUE_H

#include "proxy/base/arena.h"

enum value_class { VALUE_NULL, VALUE_INTEGER, VALUE_REAL, VALUE_TEXT, VALUE_BLOB };

struct value {
    enum value_class class;
    union {
        int64_t integer;
        double real;
        struct str bytes; /* TEXT (UTF-8) and BLOB */
    };
};

static inline struct value value_null(void)
{
    return (struct value){ .class = VALUE_NULL };
}

static inline struct value value_integer(int64_t v)
{
    return (struct value){ .class = VALUE_INTEGER, .integer = v };
}

static inline struct value value_real(double v)
{
    return (struct value){ .class = VALUE_REAL, .real = v };
}

static inline struct value value_text(struct str s)
{
    return (struct value){ .class = VALUE_TEXT, .bytes = s };
}

static inline struct value value_blob(struct str s)
{
    return (struct value){ .class = VALUE_BLOB, .bytes = s };
}

/* Of one class and the same to the bit: -0.0 is not 0.0, a NaN is itself. */
static inline bool value_same(const struct value *a, const struct value *b)
{
    if (a->class != b->class)
        return false;
    switch (a->class) {
    case VALUE_NULL:
        return true;
    case VALUE_INTEGER:
        return a->integer == b->integer;
    case VALUE_REAL:
        return memcmp(&a->real, &b->real, sizeof(a->real)) == 0;
    case VALUE_TEXT:
    case VALUE_BLOB:
        return str_eq(a->bytes, b->bytes);
    }
    return false;
}

/* A value whose bytes are the arena's own. False: no memory. */
static inline bool value_keep(const struct value *from, struct arena *arena, struct value *ret)
{
    *ret = *from;
    if (from->class != VALUE_TEXT && from->class != VALUE_BLOB)
        return true;
    ret->bytes = arena_str(arena, from->bytes);
    return ret->bytes.p != NULL;
}

#endif
