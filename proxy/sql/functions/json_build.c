/*
 * json_build.c - making json and jsonb of values of SQL: to_json, arrays, objects, aggregates (PostgreSQL 9.16, 9.21).
 *
 * A json is spaced as PostgreSQL spaces each of them ("{"a" : 1}", "[1, 2]"); a jsonb is the same text in canonical form.
 */
#include "proxy/sql/functions/json_text.h"
#include "proxy/sql/functions/results.h"
#include "proxy/sql/functions/typed.h"

/* Ends the buf: what it holds as json or jsonb. */
static void result_json(sqlite3_context *c, struct buf *out, bool is_jsonb)
{
    struct str text;
    if (!is_jsonb || out->failed) {
        result_buf(c, out);
        return;
    }
    if (jsonb_normalize(buf_str(out), scratch(c), &text, errors(c)))
        local_result_text(c, text);
    else
        local_fail(c);
    buf_fini(out);
}

static oid_t type_at(sqlite3_value **args, int i)
{
    return (oid_t)sqlite3_value_int64(args[i]);
}

/* A list ", " or with a line feed before its second and later members. */
static void add_separator(struct buf *out, bool is_first, bool breaks_lines)
{
    if (!is_first)
        buf_add_str(out, breaks_lines ? STR(",\n ") : STR(", "));
}

/* ---- one value */

static void value_as_json(sqlite3_context *c, int n, sqlite3_value **args, bool is_jsonb)
{
    struct buf out;
    STRICT(n, args);
    const struct value v = local_argument(args[1]);
    buf_init(&out, MAX_RESULT);
    if (add_json(c, type_at(args, 0), &v, &out))
        result_json(c, &out, is_jsonb);
    else
        buf_fini(&out);
}

static void to_json(sqlite3_context *c, int n, sqlite3_value **args)
{
    value_as_json(c, n, args, false);
}

static void to_jsonb(sqlite3_context *c, int n, sqlite3_value **args)
{
    value_as_json(c, n, args, true);
}

/* array_to_json(array, pretty), row_to_json(record, pretty): pretty breaks the line after each part of the first level. */
static void pretty_json(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct buf plain, out;
    struct str key, value;
    bool first = true;
    STRICT(n, args);
    const struct value v = local_argument(args[2]);
    bool breaks = sqlite3_value_int(args[3]) != 0;
    buf_init(&plain, MAX_RESULT);
    if (!add_json(c, type_at(args, 0), &v, &plain)) {
        buf_fini(&plain);
        return;
    }
    struct json_walk w = json_enter(buf_str(&plain));
    buf_init(&out, MAX_RESULT);
    buf_add_char(&out, w.is_object ? '{' : '[');
    while (json_next(&w, &key, &value)) {
        if (!first)
            buf_add_str(&out, breaks ? STR(",\n ") : STR(","));
        first = false;
        if (key.p) {
            buf_add_str(&out, key);
            buf_add_char(&out, ':');
        }
        buf_add_str(&out, value);
    }
    buf_add_char(&out, w.is_object ? '}' : ']');
    out.failed = out.failed || plain.failed;
    buf_fini(&plain);
    result_buf(c, &out);
}

/* ---- arrays and objects from arguments: types first, as many values after them */

static void build_array(sqlite3_context *c, int n, sqlite3_value **args, bool is_jsonb)
{
    struct buf out;
    bool ok = true;
    buf_init(&out, MAX_RESULT);
    buf_add_char(&out, '[');
    for (int i = 0; ok && i < n / 2; i++) {
        const struct value v = local_argument(args[n / 2 + i]);
        add_separator(&out, i == 0, false);
        ok = add_json(c, type_at(args, i), &v, &out);
    }
    buf_add_char(&out, ']');
    if (ok)
        result_json(c, &out, is_jsonb);
    else
        buf_fini(&out);
}

static bool bad_key(sqlite3_context *c)
{
    fail_with(c, SQLSTATE_INVALID_PARAMETER_VALUE, "key value must be scalar, not array, composite, or json");
    return false;
}

/* A key: the text of a scalar, quoted. */
static bool add_key(sqlite3_context *c, oid_t type, const struct value *v, struct buf *out)
{
    const struct type_info *info = type_find(type);
    struct str text;
    if (type == TYPE_OID_json || type == TYPE_OID_jsonb || type == TYPE_OID_record || (info && info->element))
        return bad_key(c);
    bool ok;
    if (type == TYPE_OID_bool && v->class == VALUE_INTEGER)
        ok = (text = v->integer ? STR("true") : STR("false"), true);
    else if (type == TYPE_OID_date || type == TYPE_OID_timestamp || type == TYPE_OID_timestamptz)
        ok = iso_text(c, type, v, &text);
    else
        ok = value_to_text(c, type, v, &text);
    if (ok)
        json_print_string(text, out);
    return ok;
}

static bool odd_arguments(sqlite3_context *c, const char *function)
{
    err_set(errors(c), SQLSTATE_INVALID_PARAMETER_VALUE, "argument list must have even number of elements");
    err_hint(errors(c), "The arguments of %s() must consist of alternating keys and values.", function);
    local_fail(c);
    return false;
}

static bool null_key(sqlite3_context *c, int i, bool is_jsonb)
{
    if (is_jsonb) {
        fail_with(c, SQLSTATE_INVALID_PARAMETER_VALUE, "argument %d: key must not be null", i + 1);
        return false;
    }
    err_set(errors(c), SQLSTATE_INVALID_PARAMETER_VALUE, "argument %d cannot be null", i + 1);
    err_hint(errors(c), "Object keys should be text.");
    local_fail(c);
    return false;
}

static bool add_pair(sqlite3_context *c, oid_t key_type, sqlite3_value *key, oid_t value_type, sqlite3_value *value,
                     struct buf *out)
{
    const struct value k = local_argument(key), v = local_argument(value);
    if (!add_key(c, key_type, &k, out))
        return false;
    buf_add_str(out, STR(" : "));
    return add_json(c, value_type, &v, out);
}

static void build_object(sqlite3_context *c, int n, sqlite3_value **args, bool is_jsonb)
{
    struct buf out;
    int count = n / 2;
    bool ok = count % 2 == 0 || odd_arguments(c, is_jsonb ? "jsonb_build_object" : "json_build_object");
    buf_init(&out, MAX_RESULT);
    buf_add_char(&out, '{');
    for (int i = 0; ok && i < count; i += 2) {
        sqlite3_value **pair = args + count + i;
        add_separator(&out, i == 0, false);
        ok = sqlite3_value_type(pair[0]) != SQLITE_NULL || null_key(c, i, is_jsonb);
        ok = ok && add_pair(c, type_at(args, i), pair[0], type_at(args, i + 1), pair[1], &out);
    }
    buf_add_char(&out, '}');
    if (ok)
        result_json(c, &out, is_jsonb);
    else
        buf_fini(&out);
}

/* ---- objects from arrays of text */

static bool bad_arrays(sqlite3_context *c, const char *message)
{
    fail_with(c, SQLSTATE_ARRAY_ELEMENT_ERROR, "%s", message);
    return false;
}

static int dimensions(const struct json_value *v)
{
    int n = 0;
    for (; v->kind == JSON_ARRAY && v->array.n; v = &v->array.items[0])
        n++;
    return n;
}

static bool read_list(sqlite3_context *c, sqlite3_value *arg, struct json_value *ret)
{
    if (json_parse(local_text(arg), scratch(c), ret, errors(c)) && ret->kind == JSON_ARRAY)
        return true;
    local_fail(c);
    return false;
}

static bool add_text_pair(sqlite3_context *c, const struct json_value *key, const struct json_value *value,
                          bool is_first, struct buf *out)
{
    if (key->kind == JSON_NULL) {
        fail_with(c, SQLSTATE_NULL_VALUE_NOT_ALLOWED, "null value not allowed for object key");
        return false;
    }
    add_separator(out, is_first, false);
    json_print_string(key->text, out);
    buf_add_str(out, STR(" : "));
    json_print_compact(value, out);
    return true;
}

static bool add_texts(sqlite3_context *c, const struct json_value *list, struct buf *out)
{
    const int dims = dimensions(list);
    bool ok = true;
    if (dims == 1 && list->array.n % 2)
        return bad_arrays(c, "array must have even number of elements");
    if (dims == 2 && list->array.items[0].array.n != 2)
        return bad_arrays(c, "array must have two columns");
    if (dims > 2)
        return bad_arrays(c, "wrong number of array subscripts");
    const struct json_value *items = list->array.items;
    for (size_t i = 0; ok && dims == 1 && i < list->array.n; i += 2)
        ok = add_text_pair(c, &items[i], &items[i + 1], i == 0, out);
    for (size_t i = 0; ok && dims == 2 && i < list->array.n; i++)
        ok = add_text_pair(c, &items[i].array.items[0], &items[i].array.items[1], i == 0, out);
    return ok;
}

static void text_object(sqlite3_context *c, int n, sqlite3_value **args, bool is_jsonb)
{
    struct json_value list;
    struct buf out;
    STRICT(n, args);
    if (!read_list(c, args[0], &list))
        return;
    buf_init(&out, MAX_RESULT);
    buf_add_char(&out, '{');
    bool ok = add_texts(c, &list, &out);
    buf_add_char(&out, '}');
    if (ok)
        result_json(c, &out, is_jsonb);
    else
        buf_fini(&out);
}

static void two_lists_object(sqlite3_context *c, int n, sqlite3_value **args, bool is_jsonb)
{
    struct json_value keys, values;
    struct buf out;
    bool ok = true;
    STRICT(n, args);
    if (!read_list(c, args[0], &keys) || !read_list(c, args[1], &values))
        return;
    if (dimensions(&keys) > 1 || dimensions(&keys) != dimensions(&values)) {
        bad_arrays(c, "wrong number of array subscripts");
        return;
    }
    if (keys.array.n != values.array.n) {
        bad_arrays(c, "mismatched array dimensions");
        return;
    }
    buf_init(&out, MAX_RESULT);
    buf_add_char(&out, '{');
    for (size_t i = 0; ok && i < keys.array.n; i++)
        ok = add_text_pair(c, &keys.array.items[i], &values.array.items[i], i == 0, &out);
    buf_add_char(&out, '}');
    if (ok)
        result_json(c, &out, is_jsonb);
    else
        buf_fini(&out);
}

/* ---- aggregates */

struct collected {
    struct buf text; /* without the closing bracket */
    bool ready;
};

static bool is_structured(oid_t type)
{
    const struct type_info *info = type_find(type);
    return type == TYPE_OID_record || (info && info->element);
}

static struct collected *collecting(sqlite3_context *c, struct str open)
{
    struct collected *s = sqlite3_aggregate_context(c, sizeof(*s));
    if (s && !s->ready) {
        buf_init(&s->text, MAX_RESULT);
        buf_add_str(&s->text, open);
    }
    return s;
}

static void array_step(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct collected *s = collecting(c, STR("["));
    const struct value v = local_argument(args[1]);
    (void)n;
    if (!s)
        return;
    if (s->ready)
        buf_add_str(&s->text, is_structured(type_at(args, 0)) && v.class != VALUE_NULL ? STR(", \n ") : STR(", "));
    s->ready = true;
    add_json(c, type_at(args, 0), &v, &s->text);
}

static void object_step(sqlite3_context *c, int n, sqlite3_value **args, struct str open)
{
    struct collected *s = collecting(c, open);
    (void)n;
    if (!s)
        return;
    add_separator(&s->text, !s->ready, false);
    s->ready = true;
    if (sqlite3_value_type(args[2]) == SQLITE_NULL)
        fail_with(c, SQLSTATE_INVALID_PARAMETER_VALUE, "field name must not be null");
    else
        add_pair(c, type_at(args, 0), args[2], type_at(args, 1), args[3], &s->text);
}

static void json_object_step(sqlite3_context *c, int n, sqlite3_value **args)
{
    object_step(c, n, args, STR("{ "));
}

static void jsonb_object_step(sqlite3_context *c, int n, sqlite3_value **args)
{
    object_step(c, n, args, STR("{"));
}

/* No row, no array: NULL. After an error there is no result to give, only memory. */
static void finish(sqlite3_context *c, struct str close, bool is_jsonb)
{
    struct collected *s = sqlite3_aggregate_context(c, 0);
    if (!s || !s->ready)
        return;
    buf_add_str(&s->text, close);
    if (err_is_set(errors(c)))
        buf_fini(&s->text);
    else
        result_json(c, &s->text, is_jsonb);
}

static void json_array_final(sqlite3_context *c)
{
    finish(c, STR("]"), false);
}

static void jsonb_array_final(sqlite3_context *c)
{
    finish(c, STR("]"), true);
}

static void json_object_final(sqlite3_context *c)
{
    finish(c, STR(" }"), false);
}

static void jsonb_object_final(sqlite3_context *c)
{
    finish(c, STR("}"), true);
}

/* ---- tables */

#define PAIR(call)                                                                                                     \
    static void json_##call(sqlite3_context *c, int n, sqlite3_value **args)                                           \
    {                                                                                                                  \
        call(c, n, args, false);                                                                                       \
    }                                                                                                                  \
    static void jsonb_##call(sqlite3_context *c, int n, sqlite3_value **args)                                          \
    {                                                                                                                  \
        call(c, n, args, true);                                                                                        \
    }
PAIR(build_array)
PAIR(build_object)
PAIR(text_object)
PAIR(two_lists_object)

enum { STRICT_PURE = LOCAL_DETERMINISTIC | LOCAL_STRICT };

static const struct local_function functions[] = {
    { .name = "pg_to_json", .n_args = 2, .flags = LOCAL_STRICT, .call = to_json },
    { .name = "pg_to_jsonb", .n_args = 2, .flags = LOCAL_STRICT, .call = to_jsonb },
    { .name = "pg_array_to_json", .n_args = 2, .flags = LOCAL_STRICT, .call = to_json },
    { .name = "pg_row_to_json", .n_args = 2, .flags = LOCAL_STRICT, .call = to_json },
    { .name = "pg_array_to_json_pretty", .n_args = 4, .flags = LOCAL_STRICT, .call = pretty_json },
    { .name = "pg_row_to_json_pretty", .n_args = 4, .flags = LOCAL_STRICT, .call = pretty_json },
    { .name = "pg_json_build_array", .n_args = 0, .flags = LOCAL_ANY_ARGS, .call = json_build_array },
    { .name = "pg_jsonb_build_array", .n_args = 0, .flags = LOCAL_ANY_ARGS, .call = jsonb_build_array },
    { .name = "pg_json_build_object", .n_args = 0, .flags = LOCAL_ANY_ARGS, .call = json_build_object },
    { .name = "pg_jsonb_build_object", .n_args = 0, .flags = LOCAL_ANY_ARGS, .call = jsonb_build_object },
    { .name = "pg_json_build_array_noargs", .n_args = 0, .call = json_build_array },
    { .name = "pg_jsonb_build_array_noargs", .n_args = 0, .call = jsonb_build_array },
    { .name = "pg_json_build_object_noargs", .n_args = 0, .call = json_build_object },
    { .name = "pg_jsonb_build_object_noargs", .n_args = 0, .call = jsonb_build_object },
    { .name = "pg_json_object", .n_args = 1, .flags = STRICT_PURE, .call = json_text_object },
    { .name = "pg_jsonb_object", .n_args = 1, .flags = STRICT_PURE, .call = jsonb_text_object },
    { .name = "pg_json_object_two_arg", .n_args = 2, .flags = STRICT_PURE, .call = json_two_lists_object },
    { .name = "pg_jsonb_object_two_arg", .n_args = 2, .flags = STRICT_PURE, .call = jsonb_two_lists_object },
    { .name = "pg_json_agg", .n_args = 2, .step = array_step, .final = json_array_final },
    { .name = "pg_jsonb_agg", .n_args = 2, .step = array_step, .final = jsonb_array_final },
    { .name = "pg_json_object_agg", .n_args = 4, .step = json_object_step, .final = json_object_final },
    { .name = "pg_jsonb_object_agg", .n_args = 4, .step = jsonb_object_step, .final = jsonb_object_final },
};

const struct local_family local_family_json_build = { .functions = functions,
                                                      .n_functions = sizeof(functions) / sizeof(functions[0]) };
