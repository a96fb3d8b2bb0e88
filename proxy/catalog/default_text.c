/* default_text.c - SQLite's DEFAULT texts in PostgreSQL's spelling; see default_text.h. */
#include "proxy/catalog/default_text.h"

#include "pgwire/types.h"
#include "proxy/catalog/names.h"
#include "proxy/catalog/sqlite_ddl.h"

static const struct str none;

/* How PostgreSQL writes a constant of the type that needs its name: 'x'::character varying. */
static struct str labelled(struct str text, const char *type_name, struct arena *arena)
{
    struct str literal = name_literal(text, arena);
    return literal.p ? arena_printf(arena, "%.*s::%s", STR_FMT(literal), type_name) : none;
}

static struct str boolean(bool value)
{
    return value ? STR("true") : STR("false");
}

static bool is_integer_type(oid_t type)
{
    return type == TYPE_OID_int2 || type == TYPE_OID_int4 || type == TYPE_OID_int8 || type == TYPE_OID_oid;
}

static bool is_number_type(oid_t type)
{
    return is_integer_type(type) || type == TYPE_OID_float4 || type == TYPE_OID_float8 || type == TYPE_OID_numeric;
}

static bool is_text_type(oid_t type)
{
    return type == TYPE_OID_text || type == TYPE_OID_varchar || type == TYPE_OID_bpchar || type == TYPE_OID_name;
}

struct named_type {
    oid_t type;
    const char *name;
};

static const struct named_type literal_types[] = {
    { TYPE_OID_text, "text" },
    { TYPE_OID_varchar, "character varying" },
    { TYPE_OID_bpchar, "bpchar" },
    { TYPE_OID_name, "name" },
    { TYPE_OID_date, "date" },
    { TYPE_OID_time, "time without time zone" },
    { TYPE_OID_timestamp, "timestamp without time zone" },
    { TYPE_OID_timestamptz, "timestamp with time zone" },
    { TYPE_OID_timetz, "time with time zone" },
    { TYPE_OID_uuid, "uuid" },
    { TYPE_OID_json, "json" },
    { TYPE_OID_jsonb, "jsonb" },
    { TYPE_OID_inet, "inet" },
    { TYPE_OID_cidr, "cidr" },
    { TYPE_OID_macaddr, "macaddr" },
    { TYPE_OID_numeric, "numeric" },
};

static const char *literal_type_name(oid_t type)
{
    for (size_t i = 0; i < sizeof(literal_types) / sizeof(literal_types[0]); i++)
        if (literal_types[i].type == type)
            return literal_types[i].name;
    return NULL;
}

static struct str from_integer(struct str digits, bool negative, oid_t type, struct arena *arena)
{
    struct str text = negative ? arena_printf(arena, "-%.*s", STR_FMT(digits)) : digits;
    int64_t value;
    if (type == TYPE_OID_bool)
        return negative || (!str_is(digits, "0") && !str_is(digits, "1")) ? none : boolean(str_is(digits, "1"));
    if (is_text_type(type))
        return labelled(text, literal_type_name(type), arena);
    if (!is_number_type(type))
        return none;
    if (!str_to_int64(text, &value))
        return is_integer_type(type) ? none : labelled(text, "numeric", arena);
    if (value < INT32_MIN || value > INT32_MAX)
        return labelled(text, "bigint", arena);
    return negative ? labelled(text, "integer", arena) : arena_str(arena, text);
}

static struct str from_number(struct str digits, bool negative, oid_t type, struct arena *arena)
{
    bool plain = true;
    for (size_t i = 0; i < digits.n; i++)
        if (digits.p[i] < '0' || digits.p[i] > '9')
            plain = false;
    if (plain)
        return from_integer(digits, negative, type, arena);
    struct str text = negative ? arena_printf(arena, "-%.*s", STR_FMT(digits)) : digits;
    if (type != TYPE_OID_float4 && type != TYPE_OID_float8 && type != TYPE_OID_numeric)
        return none;
    for (size_t i = 0; i < digits.n; i++)
        if ((digits.p[i] < '0' || digits.p[i] > '9') && digits.p[i] != '.')
            return none;
    return negative ? labelled(text, "numeric", arena) : arena_str(arena, text);
}

static struct str from_string(struct str text, oid_t type, struct arena *arena)
{
    if (type == TYPE_OID_bool) {
        if (str_eq_nocase(text, STR("true")) || str_eq_nocase(text, STR("t")))
            return boolean(true);
        return str_eq_nocase(text, STR("false")) || str_eq_nocase(text, STR("f")) ? boolean(false) : none;
    }
    int64_t value;
    if (is_integer_type(type))
        return str_to_int64(text, &value)
                   ? from_integer(value < 0 ? (struct str){ text.p + 1, text.n - 1 } : text, value < 0, type, arena)
                   : none;
    const char *name = literal_type_name(type);
    return name ? labelled(text, name, arena) : none;
}

struct word_row {
    const char *sqlite;
    oid_t type;
    const char *postgres;
};

static const struct word_row word_rows[] = {
    { "CURRENT_TIMESTAMP", TYPE_OID_timestamp, "CURRENT_TIMESTAMP" },
    { "CURRENT_TIMESTAMP", TYPE_OID_timestamptz, "CURRENT_TIMESTAMP" },
    { "CURRENT_DATE", TYPE_OID_date, "CURRENT_DATE" },
    { "CURRENT_TIME", TYPE_OID_time, "LOCALTIME" },
    { "TRUE", TYPE_OID_bool, "true" },
    { "FALSE", TYPE_OID_bool, "false" },
    { "TRUE", TYPE_OID_int8, "1" },
    { "FALSE", TYPE_OID_int8, "0" },
};

static struct str from_word(struct str word, oid_t type)
{
    if (str_eq_nocase(word, STR("NULL")))
        return STR("");
    for (size_t i = 0; i < sizeof(word_rows) / sizeof(word_rows[0]); i++)
        if (word_rows[i].type == type && str_eq_nocase(word, str_from(word_rows[i].sqlite)))
            return str_from(word_rows[i].postgres);
    return none;
}

struct str default_text_from_sqlite(struct str sqlite, oid_t type, struct arena *arena)
{
    size_t at = 0;
    struct sqlite_token token = sqlite_token_next(sqlite, &at);
    bool negative = token.kind == SQLITE_TOKEN_OTHER && token.text.p[0] == '-';
    if (negative || (token.kind == SQLITE_TOKEN_OTHER && token.text.p[0] == '+'))
        token = sqlite_token_next(sqlite, &at);
    else if (token.kind == SQLITE_TOKEN_OTHER)
        return none;
    if (sqlite_token_next(sqlite, &at).kind != SQLITE_TOKEN_END)
        return none;
    switch (token.kind) {
    case SQLITE_TOKEN_NUMBER:
        return from_number(token.text, negative, type, arena);
    case SQLITE_TOKEN_STRING:
    case SQLITE_TOKEN_QUOTED: /* SQLite takes "x" for a string where no column can be */
        return negative ? none : from_string(sqlite_token_value(token, arena), type, arena);
    case SQLITE_TOKEN_WORD:
        return negative ? none : from_word(token.text, type);
    case SQLITE_TOKEN_END:
    case SQLITE_TOKEN_BLOB:
    case SQLITE_TOKEN_OTHER:
        break;
    }
    return none;
}
