/* text_search.c - what the catalogue asks of text search: the kinds of words that the one parser knows (PostgreSQL 12.5). */
#include "proxy/catalog/system_rows.h"
#include "proxy/sql/functions/results.h"
#include "proxy/sql/functions/typed.h"

enum { DEFAULT_PARSER = 3722 };

/* The parser's kinds of tokens, numbered from 1. */
static const struct {
    const char *alias, *description;
} token_types[] = {
    { "asciiword", "Word, all ASCII" },
    { "word", "Word, all letters" },
    { "numword", "Word, letters and digits" },
    { "email", "Email address" },
    { "url", "URL" },
    { "host", "Host" },
    { "sfloat", "Scientific notation" },
    { "version", "Version number" },
    { "hword_numpart", "Hyphenated word part, letters and digits" },
    { "hword_part", "Hyphenated word part, all letters" },
    { "hword_asciipart", "Hyphenated word part, all ASCII" },
    { "blank", "Space symbols" },
    { "tag", "XML tag" },
    { "protocol", "Protocol head" },
    { "numhword", "Hyphenated word, letters and digits" },
    { "asciihword", "Hyphenated word, all ASCII" },
    { "hword", "Hyphenated word, all letters" },
    { "url_path", "URL path" },
    { "file", "File or path name" },
    { "float", "Decimal notation" },
    { "int", "Signed integer" },
    { "uint", "Unsigned integer" },
    { "entity", "XML entity" },
};

static void give_token_types(sqlite3_context *c)
{
    struct rows rows;
    rows_start(&rows, c);
    for (size_t i = 0; i < sizeof(token_types) / sizeof(token_types[0]); i++) {
        const struct value cells[] = { value_integer((int64_t)i + 1), value_text(str_from(token_types[i].alias)),
                                       value_text(str_from(token_types[i].description)) };
        if (!rows_add(&rows, cells, 3)) {
            rows_drop(&rows);
            return;
        }
    }
    rows_give(&rows);
}

static void token_types_of_oid(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    unsigned oid = (unsigned)sqlite3_value_int64(args[0]);
    if (oid == DEFAULT_PARSER)
        give_token_types(c);
    else
        fail_with(c, SQLSTATE_INTERNAL_ERROR, "cache lookup failed for text search parser %u", oid);
}

static void token_types_of_name(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    struct str name = local_text(args[0]);
    if (str_is(name, "default") || str_is(name, "pg_catalog.default"))
        give_token_types(c);
    else
        fail_with(c, SQLSTATE_UNDEFINED_OBJECT, "text search parser \"%.*s\" does not exist", STR_FMT(name));
}

static const struct local_function functions[] = {
    { .name = "pg_ts_token_type_byid", .n_args = 1, .flags = LOCAL_STRICT, .call = token_types_of_oid },
    { .name = "pg_ts_token_type_byname", .n_args = 1, .flags = LOCAL_STRICT, .call = token_types_of_name },
};

const struct local_family local_family_text_search = { .functions = functions,
                                                       .n_functions = sizeof(functions) / sizeof(functions[0]) };
