/* text_search.c - text search: what its families share, its parser, configurations and dictionaries (PostgreSQL 9.13, 12.5, 12.8). */
#include "proxy/sql/functions/text_search.h"
#include "proxy/sql/functions/typed.h"

enum { DEFAULT_PARSER = 3722, CALL_ARENA = 256 << 20 };

/* ---- calls */

bool ts_call_init(struct ts_call *call, sqlite3_context *c)
{
    *call = (struct ts_call){ c, arena_new(CALL_ARENA), errors(c) };
    if (call->arena)
        return true;
    err_oom(call->err);
    return ts_failed(call);
}

bool ts_failed(struct ts_call *call)
{
    local_fail(call->c);
    return false;
}

bool ts_argument_vector(struct ts_call *call, sqlite3_value *v, struct tsvector *ret)
{
    return tsvector_parse(local_text(v), call->arena, ret, call->err) || ts_failed(call);
}

bool ts_argument_query(struct ts_call *call, sqlite3_value *v, struct tsquery *ret)
{
    return tsquery_parse(local_text(v), call->arena, ret, call->err) || ts_failed(call);
}

bool ts_argument_configuration(struct ts_call *call, sqlite3_value *v, const struct ts_configuration **ret)
{
    unsigned oid = (unsigned)sqlite3_value_int64(v);
    *ret = ts_configuration_find(oid);
    if (!*ret)
        fail_with(call->c, SQLSTATE_INTERNAL_ERROR, "cache lookup failed for text search configuration %u", oid);
    return *ret != NULL;
}

bool ts_default_configuration(struct ts_call *call, const struct ts_configuration **ret)
{
    const struct local_run *run = local_current_run(local_of(call->c));
    struct value v = value_null();
    bool known =
        run && run->session_value &&
        run->session_value(run->session_ctx, STR("current_setting:default_text_search_config"), call->arena, &v);
    *ret = known && v.class == VALUE_TEXT ? ts_configuration_named(v.bytes) : NULL;
    if (!*ret)
        fail_with(call->c, SQLSTATE_UNDEFINED_OBJECT, "text search configuration \"%.*s\" does not exist",
                  STR_FMT(known && v.class == VALUE_TEXT ? v.bytes : STR("")));
    return *ret != NULL;
}

/* How many elements a tree of arrays has; they are copied to `out` where there is one. */
static size_t elements(const struct json_value *v, struct json_value *out)
{
    size_t n = 0;
    if (v->kind != JSON_ARRAY) {
        if (out)
            *out = *v;
        return 1;
    }
    for (size_t i = 0; i < v->array.n; i++)
        n += elements(&v->array.items[i], out ? out + n : NULL);
    return n;
}

bool ts_argument_array(struct ts_call *call, sqlite3_value *v, struct json_value *ret, bool *ret_is_flat)
{
    struct json_value tree;
    if (!json_parse(local_text(v), call->arena, &tree, call->err))
        return ts_failed(call);
    if (ret_is_flat)
        *ret_is_flat = tree.kind == JSON_ARRAY && tree.array.n && tree.array.items[0].kind != JSON_ARRAY;
    size_t n = elements(&tree, NULL);
    *ret = (struct json_value){ .kind = JSON_ARRAY };
    ret->array.items = arena_array(call->arena, n, sizeof(struct json_value));
    ret->array.n = n;
    if (!ret->array.items) {
        err_oom(call->err);
        return ts_failed(call);
    }
    elements(&tree, ret->array.items);
    return true;
}

int ts_weight_of(struct ts_call *call, struct str letter)
{
    char c = letter.n == 1 ? (char)(letter.p[0] | 0x20) : '\0';
    if (c >= 'a' && c <= 'd')
        return 'd' - c;
    fail_with(call->c, SQLSTATE_INVALID_PARAMETER_VALUE, "unrecognized weight: \"%.*s\"",
              STR_FMT(letter.n ? letter : STR("\\000")));
    return -1;
}

void ts_result_vector(struct ts_call *call, const struct tsvector *v)
{
    struct buf text;
    buf_init(&text, MAX_RESULT);
    tsvector_print(v, &text);
    result_buf(call->c, &text);
}

void ts_result_query(struct ts_call *call, const struct tsquery *q)
{
    struct buf text;
    buf_init(&text, MAX_RESULT);
    tsquery_print(q, true, &text);
    result_buf(call->c, &text);
}

/* ---- the parser */

static void give_token_types(sqlite3_context *c)
{
    struct rows rows;
    rows_start(&rows, c);
    for (int i = 1; i < TS_TOKEN_NR; i++) {
        const struct value cells[] = { value_integer(i), value_text(str_from(ts_token_names[i].alias)),
                                       value_text(str_from(ts_token_names[i].description)) };
        if (!rows_add(&rows, cells, 3)) {
            rows_drop(&rows);
            return;
        }
    }
    rows_give(&rows);
}

static void give_tokens(sqlite3_context *c, struct str text)
{
    struct rows rows;
    struct ts_parser parser;
    struct ts_token token;
    bool ok = ts_parser_init(&parser, text, errors(c));
    rows_start(&rows, c);
    while (ok && ts_parser_next(&parser, &token)) {
        const struct value cells[] = { value_integer(token.kind), value_text(token.text) };
        ok = rows_add(&rows, cells, 2);
    }
    ts_parser_fini(&parser);
    if (ok && !err_is_set(errors(c))) {
        rows_give(&rows);
        return;
    }
    rows_drop(&rows);
    local_fail(c);
}

static bool is_parser(sqlite3_context *c, sqlite3_value *v)
{
    unsigned oid = (unsigned)sqlite3_value_int64(v);
    if (oid != DEFAULT_PARSER)
        fail_with(c, SQLSTATE_INTERNAL_ERROR, "cache lookup failed for text search parser %u", oid);
    return oid == DEFAULT_PARSER;
}

static bool is_parser_name(sqlite3_context *c, sqlite3_value *v)
{
    struct str name = local_text(v);
    bool known = str_is(name, "default") || str_is(name, "pg_catalog.default");
    if (!known)
        fail_with(c, SQLSTATE_UNDEFINED_OBJECT, "text search parser \"%.*s\" does not exist", STR_FMT(name));
    return known;
}

static void token_types_of_oid(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    if (is_parser(c, args[0]))
        give_token_types(c);
}

static void token_types_of_name(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    if (is_parser_name(c, args[0]))
        give_token_types(c);
}

static void tokens_by_oid(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    if (is_parser(c, args[0]))
        give_tokens(c, local_text(args[1]));
}

static void tokens_by_name(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    if (is_parser_name(c, args[0]))
        give_tokens(c, local_text(args[1]));
}

/* ---- configurations and dictionaries */

static void current_configuration(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct ts_call call;
    const struct ts_configuration *found;
    (void)n, (void)args;
    if (ts_call_init(&call, c) && ts_default_configuration(&call, &found))
        sqlite3_result_int64(c, found->oid);
    ts_call_fini(&call);
}

/* The array of what a dictionary makes of a token. */
static struct str lexemes_text(struct ts_call *call, struct ts_lexizer *l, const struct ts_dictionary *d,
                               struct str token)
{
    struct str word, text = { 0 };
    struct buf out;
    buf_init(&out, MAX_RESULT);
    if (ts_lexize(l, d, token, &word)) {
        buf_add_char(&out, '[');
        if (word.n)
            json_print_string(word, &out);
        buf_add_char(&out, ']');
        text = out.failed ? text : arena_str(call->arena, buf_str(&out));
    }
    buf_fini(&out);
    return text;
}

TS_FUNCTION(lexize)
{
    unsigned oid = (unsigned)sqlite3_value_int64(args[0]);
    const struct ts_dictionary *d = ts_dictionary_find(oid);
    struct ts_lexizer lexizer;
    (void)n;
    if (!d) {
        fail_with(call->c, SQLSTATE_INTERNAL_ERROR, "cache lookup failed for text search dictionary %u", oid);
        return;
    }
    ts_lexizer_init(&lexizer, call->arena, call->err);
    struct str text = lexemes_text(call, &lexizer, d, local_text(args[1]));
    ts_lexizer_fini(&lexizer);
    if (text.p)
        local_result_text(call->c, text);
    else
        ts_failed(call);
}

/* alias, description, token, dictionaries, the one that knew it, what it made of it */
static bool add_debug_row(struct ts_call *call, struct rows *rows, struct ts_lexizer *l,
                          const struct ts_configuration *c, const struct ts_token *token)
{
    const struct ts_dictionary *d = ts_dictionary_of(c, token->kind);
    struct str dictionaries = d ? arena_printf(call->arena, "[%u]", d->oid) : STR("[]");
    struct str lexemes = d ? lexemes_text(call, l, d, token->text) : STR("");
    if (!dictionaries.p || !lexemes.p)
        return ts_failed(call);
    const struct value cells[] = { value_text(str_from(ts_token_names[token->kind].alias)),
                                   value_text(str_from(ts_token_names[token->kind].description)),
                                   value_text(token->text),
                                   value_text(dictionaries),
                                   d ? value_integer(d->oid) : value_null(),
                                   d ? value_text(lexemes) : value_null() };
    return rows_add(rows, cells, 6);
}

static void give_debug(struct ts_call *call, const struct ts_configuration *c, struct str text)
{
    struct rows rows;
    struct ts_parser parser;
    struct ts_lexizer lexizer;
    struct ts_token token;
    bool ok = ts_parser_init(&parser, text, call->err);
    rows_start(&rows, call->c);
    ts_lexizer_init(&lexizer, call->arena, call->err);
    while (ok && ts_parser_next(&parser, &token))
        ok = add_debug_row(call, &rows, &lexizer, c, &token);
    ts_lexizer_fini(&lexizer);
    ts_parser_fini(&parser);
    if (ok && !err_is_set(call->err)) {
        rows_give(&rows);
        return;
    }
    rows_drop(&rows);
    ts_failed(call);
}

TS_FUNCTION(debug)
{
    const struct ts_configuration *c;
    bool known = n == 2 ? ts_argument_configuration(call, args[0], &c) : ts_default_configuration(call, &c);
    if (known)
        give_debug(call, c, local_text(args[n - 1]));
}

#define PURE (LOCAL_STRICT | LOCAL_DETERMINISTIC)
static const struct local_function functions[] = {
    { .name = "pg_ts_token_type_byid", .n_args = 1, .flags = LOCAL_STRICT, .call = token_types_of_oid },
    { .name = "pg_ts_token_type_byname", .n_args = 1, .flags = LOCAL_STRICT, .call = token_types_of_name },
    { .name = "pg_ts_parse_byid", .n_args = 2, .flags = PURE, .call = tokens_by_oid },
    { .name = "pg_ts_parse_byname", .n_args = 2, .flags = PURE, .call = tokens_by_name },
    { .name = "pg_get_current_ts_config", .n_args = 0, .flags = 0, .call = current_configuration },
    { .name = "pg_ts_lexize", .n_args = 2, .flags = PURE, .call = lexize },
    { .name = "pg_ts_debug", .n_args = 1, .flags = LOCAL_STRICT, .call = debug },
    { .name = "pg_ts_debug", .n_args = 2, .flags = LOCAL_STRICT, .call = debug },
};

const struct local_family local_family_text_search = { .functions = functions,
                                                       .n_functions = sizeof(functions) / sizeof(functions[0]) };
