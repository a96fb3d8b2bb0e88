/* declared_type.c - declared types of D1's schema <-> PostgreSQL's types; see declared_type.h. */
#include "proxy/catalog/declared_type.h"

#include "pgwire/types.h"

enum modifier { MODIFIER_NONE, MODIFIER_LENGTH, MODIFIER_NUMERIC, MODIFIER_PRECISION };

struct read_row {
    const char *words;
    oid_t type;
    enum modifier modifier;
};

struct write_row {
    oid_t type;
    const char *words;
    enum modifier modifier;
};

/* clang-format off */
static const struct read_row read_rows[] = {
#define DECLARED_READ(words, type, modifier) { words, TYPE_OID_##type, MODIFIER_##modifier },
#include "proxy/catalog/declared_type.def"
#undef DECLARED_READ
};

static const struct write_row write_rows[] = {
#define DECLARED_WRITE(type, words, modifier) { TYPE_OID_##type, words, MODIFIER_##modifier },
#include "proxy/catalog/declared_type.def"
#undef DECLARED_WRITE
};
/* clang-format on */

enum { EXACT_DIGITS = 15, WORDS_MAX = 64 };

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool contains(struct str declared, const char *word)
{
    size_t n = strlen(word);
    for (size_t i = 0; i + n <= declared.n; i++)
        if (str_eq_nocase((struct str){ declared.p + i, n }, (struct str){ word, n }))
            return true;
    return false;
}

enum sqlite_affinity sqlite_affinity_of(struct str declared)
{
    if (contains(declared, "INT"))
        return AFFINITY_INTEGER;
    if (contains(declared, "CHAR") || contains(declared, "CLOB") || contains(declared, "TEXT"))
        return AFFINITY_TEXT;
    if (contains(declared, "BLOB") || declared.n == 0)
        return AFFINITY_BLOB;
    if (contains(declared, "REAL") || contains(declared, "FLOA") || contains(declared, "DOUB"))
        return AFFINITY_REAL;
    return AFFINITY_NUMERIC;
}

/* A declared type taken apart: its words in lower case with single blanks, and up to two numbers. */
struct parts {
    char words[WORDS_MAX];
    size_t n_words;
    int64_t numbers[2];
    int n_numbers;
};

static void take_number(struct str text, struct parts *parts)
{
    text = str_trim(text);
    if (parts->n_numbers >= 0 && parts->n_numbers < 2 && str_to_int64(text, &parts->numbers[parts->n_numbers]))
        parts->n_numbers++;
    else
        parts->n_numbers = -1; /* not numbers: no modifier */
}

static void take_apart(struct str declared, struct parts *parts)
{
    *parts = (struct parts){ 0 };
    size_t i = 0;
    for (; i < declared.n && declared.p[i] != '('; i++) {
        bool blank = declared.p[i] == ' ' || declared.p[i] == '\t' || declared.p[i] == '\n' || declared.p[i] == '\r';
        if (blank && (parts->n_words == 0 || parts->words[parts->n_words - 1] == ' '))
            continue;
        if (parts->n_words == WORDS_MAX)
            break;
        parts->words[parts->n_words++] = blank ? ' ' : lower(declared.p[i]);
    }
    while (parts->n_words > 0 && parts->words[parts->n_words - 1] == ' ')
        parts->n_words--;
    if (i >= declared.n || declared.p[i] != '(')
        return;
    size_t start = ++i;
    for (; i < declared.n; i++) {
        if (declared.p[i] != ',' && declared.p[i] != ')')
            continue;
        take_number((struct str){ declared.p + start, i - start }, parts);
        start = i + 1;
        if (declared.p[i] == ')')
            break;
    }
}

static int32_t typmod_of(enum modifier modifier, const struct parts *parts)
{
    int64_t first = parts->n_numbers > 0 ? parts->numbers[0] : -1;
    switch (modifier) {
    case MODIFIER_NONE:
        return -1;
    case MODIFIER_LENGTH:
        return parts->n_numbers == 1 && first >= 1 && first <= 10485760 ? (int32_t)first + 4 : -1;
    case MODIFIER_PRECISION:
        return parts->n_numbers == 1 && first >= 0 && first <= 6 ? (int32_t)first : -1;
    case MODIFIER_NUMERIC: {
        int64_t scale = parts->n_numbers == 2 ? parts->numbers[1] : 0;
        if (parts->n_numbers < 1 || first < 1 || first > 1000 || scale < -1000 || scale > 1000)
            return -1;
        return numeric_typmod((int)first, (int)scale);
    }
    }
    return -1;
}

/* In pgd1's words, whatever the modifier: nobody else says TIMESTAMP TEXT. */
static bool is_own(struct str declared, oid_t type)
{
    struct parts parts;
    take_apart(declared, &parts);
    for (size_t i = 0; i < sizeof(write_rows) / sizeof(write_rows[0]); i++)
        if (write_rows[i].type == type)
            return str_eq_nocase((struct str){ parts.words, parts.n_words }, str_from(write_rows[i].words));
    return false;
}

enum column_storage declared_type_storage(struct str declared, oid_t base_type)
{
    switch (base_type) {
    case TYPE_OID_timestamp:
    case TYPE_OID_timestamptz:
        return is_own(declared, base_type) ? COLUMN_NATURAL : COLUMN_DATETIME;
    case TYPE_OID_date:
    case TYPE_OID_time:
    case TYPE_OID_uuid:
    case TYPE_OID_bpchar:
        return is_own(declared, base_type) ? COLUMN_NATURAL : COLUMN_LOOSE;
    case TYPE_OID_numeric:
        return sqlite_affinity_of(declared) != AFFINITY_TEXT ? COLUMN_NUMBER : COLUMN_NATURAL;
    default:
        return COLUMN_NATURAL;
    }
}

static oid_t type_of_affinity(struct str declared)
{
    switch (sqlite_affinity_of(declared)) {
    case AFFINITY_INTEGER:
        return TYPE_OID_int8;
    case AFFINITY_REAL:
        return TYPE_OID_float8;
    case AFFINITY_NUMERIC:
        return TYPE_OID_numeric;
    case AFFINITY_BLOB:
        return declared.n ? TYPE_OID_bytea
                          : TYPE_OID_text; /* no type at all holds anything: text shows the most of it */
    case AFFINITY_TEXT:
        break;
    }
    return TYPE_OID_text;
}

struct declared_type declared_type_read(struct str declared)
{
    struct parts parts;
    take_apart(declared, &parts);
    struct str words = { parts.words, parts.n_words };
    struct declared_type read = { .typmod = -1 };
    for (size_t i = 0; i < sizeof(read_rows) / sizeof(read_rows[0]) && !read.type; i++) {
        if (!str_is(words, read_rows[i].words))
            continue;
        read.type = read_rows[i].type;
        read.typmod = typmod_of(read_rows[i].modifier, &parts);
    }
    if (!read.type)
        read.type = type_of_affinity(declared);
    read.storage = declared_type_storage(declared, read.type);
    return read;
}

static const char *words_by_storage(oid_t type)
{
    const struct pg_type *row = pg_type_by_oid(type);
    if (!row)
        return "TEXT";
    switch (row->oid) {
    case TYPE_OID_oid:
    case TYPE_OID_regproc:
    case TYPE_OID_regprocedure:
    case TYPE_OID_regoper:
    case TYPE_OID_regoperator:
    case TYPE_OID_regclass:
    case TYPE_OID_regcollation:
    case TYPE_OID_regconfig:
    case TYPE_OID_regdictionary:
    case TYPE_OID_regtype:
    case TYPE_OID_regnamespace:
    case TYPE_OID_regrole:
    case TYPE_OID_xid:
    case TYPE_OID_cid:
    case TYPE_OID_xid8:
        return "INTEGER";
    }
    return "TEXT";
}

static struct str with_modifier(const struct write_row *row, int32_t typmod, struct arena *arena)
{
    switch (row->modifier) {
    case MODIFIER_NONE:
        break;
    case MODIFIER_LENGTH:
        return arena_printf(arena, "%s(%d)", row->words, typmod - 4);
    case MODIFIER_PRECISION:
        return arena_printf(arena, "%s(%d)", row->words, typmod);
    case MODIFIER_NUMERIC:
        return arena_printf(arena, "%s%s(%d,%d)", row->words, numeric_precision(typmod) > EXACT_DIGITS ? " TEXT" : "",
                            numeric_precision(typmod), numeric_scale(typmod));
    }
    return str_from(row->words);
}

struct str declared_type_write(oid_t type, int32_t typmod, struct arena *arena, bool *ret_derivable)
{
    struct str declared = { 0 };
    for (size_t i = 0; i < sizeof(write_rows) / sizeof(write_rows[0]); i++) {
        if (write_rows[i].type != type)
            continue;
        if (typmod >= 0)
            declared = with_modifier(&write_rows[i], typmod, arena);
        else
            declared = type == TYPE_OID_numeric ? STR("NUMERIC TEXT") : str_from(write_rows[i].words);
        break;
    }
    if (!declared.p)
        declared = str_from(words_by_storage(type));
    struct declared_type back = declared_type_read(declared);
    *ret_derivable = back.type == type && back.typmod == typmod;
    return declared;
}
