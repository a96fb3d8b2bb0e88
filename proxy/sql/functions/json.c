/*
 * json.c - reading json and jsonb: operators, paths, what is in a document (PostgreSQL 9.16; names are pg_proc's prosrc).
 *
 * Both types are read by the same code (json_text.h): a json keeps its spelling, a jsonb its canonical form.
 */
#include "proxy/sql/functions/json_text.h"
#include "proxy/sql/functions/order.h"
#include "proxy/sql/functions/results.h"
#include "proxy/sql/functions/typed.h"

#include <stdlib.h>

enum reading { JSON = 0, JSONB = 1, TEXT = 2 }; /* which type, and whether the answer is text */

static const char *type_name(unsigned how)
{
    return how & JSONB ? "jsonb" : "json";
}

static void give(sqlite3_context *c, struct str found, unsigned how)
{
    struct value v;
    if (!(how & TEXT))
        local_result_text(c, found);
    else if (json_as_text(c, found, &v))
        local_result(c, &v);
}

/* A jsonb scalar is an array of one element to PostgreSQL, which shows in ->. */
static bool is_scalar(struct str text)
{
    enum json_kind kind = json_kind_of(text);
    return kind != JSON_ARRAY && kind != JSON_OBJECT;
}

static void field(sqlite3_context *c, int n, sqlite3_value **args, unsigned how)
{
    struct str text, found;
    STRICT(n, args);
    if (json_document(c, args[0], how & JSONB, &text) && json_member_of(c, text, local_text(args[1]), &found))
        give(c, found, how);
}

static void element(sqlite3_context *c, int n, sqlite3_value **args, unsigned how)
{
    struct str text, found;
    STRICT(n, args);
    sqlite3_int64 index = sqlite3_value_int64(args[1]);
    if (!json_document(c, args[0], how & JSONB, &text))
        return;
    if ((how & JSONB) && is_scalar(text) && (index == 0 || index == -1))
        give(c, text, how);
    else if (json_element_of(text, index, &found))
        give(c, found, how);
}

/* ---- paths */

/* As strtol reads a whole text; false: not an int. */
static bool index_of(sqlite3_context *c, struct str step, int64_t *ret)
{
    char *end, *text = arena_cstr(scratch(c), step);
    if (!text || text[0] == 0)
        return false;
    long v = strtol(text, &end, 10);
    *ret = v;
    return *end == 0 && v >= INT32_MIN && v <= INT32_MAX;
}

/* The last value that the whole path leads to: of equal keys, which json keeps, the last need not lead on. */
static bool follow(sqlite3_context *c, struct str text, const struct json_value *path, size_t at, struct str *ret)
{
    struct json_walk walk = json_enter(text);
    struct str key, name, value;
    bool found = false;
    int64_t index;
    if (at == path->array.n) {
        *ret = text;
        return true;
    }
    struct str step = path->array.items[at].text;
    if (json_kind_of(text) != JSON_OBJECT)
        return index_of(c, step, &index) && json_element_of(text, index, &value) && follow(c, value, path, at + 1, ret);
    while (json_next(&walk, &key, &value))
        if (json_decode(c, key, &name) && str_eq(name, step))
            found |= follow(c, value, path, at + 1, ret);
    return found;
}

static bool read_texts(sqlite3_context *c, sqlite3_value *v, struct json_value *ret, bool *has_null)
{
    if (!json_parse(local_text(v), scratch(c), ret, errors(c)) || ret->kind != JSON_ARRAY) {
        local_fail(c);
        return false;
    }
    *has_null = false;
    for (size_t i = 0; i < ret->array.n; i++)
        *has_null = *has_null || ret->array.items[i].kind == JSON_NULL;
    return true;
}

static void extract_path(sqlite3_context *c, int n, sqlite3_value **args, unsigned how)
{
    struct str text, found;
    struct json_value path;
    bool has_null;
    STRICT(n, args);
    if (json_document(c, args[0], how & JSONB, &text) && read_texts(c, args[1], &path, &has_null) && !has_null &&
        follow(c, text, &path, 0, &found))
        give(c, found, how);
}

/* ---- what it is */

static void type_of(sqlite3_context *c, int n, sqlite3_value **args, unsigned how)
{
    static const char *const names[] = {
        [JSON_NULL] = "null",     [JSON_BOOLEAN] = "boolean", [JSON_NUMBER] = "number",
        [JSON_STRING] = "string", [JSON_ARRAY] = "array",     [JSON_OBJECT] = "object"
    };
    struct str text;
    STRICT(n, args);
    if (json_document_as_written(c, args[0], how & JSONB, &text))
        local_result_text(c, str_from(names[json_kind_of(text)]));
}

static void array_length(sqlite3_context *c, int n, sqlite3_value **args, unsigned how)
{
    struct str text;
    STRICT(n, args);
    if (!json_document_as_written(c, args[0], how & JSONB, &text))
        return;
    if (is_scalar(text))
        fail_with(c, SQLSTATE_INVALID_PARAMETER_VALUE, "cannot get array length of a scalar");
    else if (json_kind_of(text) == JSON_OBJECT)
        fail_with(c, SQLSTATE_INVALID_PARAMETER_VALUE, "cannot get array length of a non-array");
    else
        sqlite3_result_int64(c, (sqlite3_int64)json_count(text));
}

/* ---- sets of rows */

typedef bool (*each_function)(sqlite3_context *c, struct rows *rows, struct str key, struct str value, unsigned how);

static void each_part(sqlite3_context *c, struct str text, each_function add, unsigned how)
{
    struct json_walk w = json_enter(text);
    struct str key, value;
    struct rows rows;
    bool ok = true;
    rows_start(&rows, c);
    while (ok && json_next(&w, &key, &value))
        ok = add(c, &rows, key, value, how);
    if (ok)
        rows_give(&rows);
    else
        rows_drop(&rows);
}

static bool value_of(sqlite3_context *c, struct str text, unsigned how, struct value *ret)
{
    *ret = value_text(text);
    return !(how & TEXT) || json_as_text(c, text, ret);
}

static bool add_member(sqlite3_context *c, struct rows *rows, struct str key, struct str value, unsigned how)
{
    struct value cells[2] = { { .class = VALUE_TEXT } };
    return json_decode(c, key, &cells[0].bytes) && value_of(c, value, how, &cells[1]) && rows_add(rows, cells, 2);
}

static bool add_element(sqlite3_context *c, struct rows *rows, struct str key, struct str value, unsigned how)
{
    struct value cell;
    (void)key;
    return value_of(c, value, how, &cell) && rows_add(rows, &cell, 1);
}

static bool add_key(sqlite3_context *c, struct rows *rows, struct str key, struct str value, unsigned how)
{
    struct str decoded;
    (void)value, (void)how;
    return json_decode(c, key, &decoded) && rows_add_text(rows, decoded);
}

static void each(sqlite3_context *c, int n, sqlite3_value **args, unsigned how)
{
    struct str text;
    STRICT(n, args);
    if (!json_document(c, args[0], how & JSONB, &text))
        return;
    if (json_kind_of(text) == JSON_OBJECT)
        each_part(c, text, add_member, how);
    else if (how & JSONB)
        fail_with(c, SQLSTATE_INVALID_PARAMETER_VALUE, "cannot call jsonb_each%s on a non-object",
                  how & TEXT ? "_text" : "");
    else
        fail_with(c, SQLSTATE_INVALID_PARAMETER_VALUE, "cannot deconstruct %s",
                  is_scalar(text) ? "a scalar" : "an array as an object");
}

static void elements(sqlite3_context *c, int n, sqlite3_value **args, unsigned how)
{
    struct str text;
    STRICT(n, args);
    if (how & TEXT ? !json_document(c, args[0], how & JSONB, &text)
                   : !json_document_as_written(c, args[0], how & JSONB, &text))
        return;
    if (json_kind_of(text) == JSON_ARRAY)
        each_part(c, text, add_element, how);
    else if (how & JSONB)
        fail_with(c, SQLSTATE_INVALID_PARAMETER_VALUE, "cannot extract elements from %s",
                  is_scalar(text) ? "a scalar" : "an object");
    else
        fail_with(c, SQLSTATE_INVALID_PARAMETER_VALUE, "cannot call json_array_elements%s on a %s",
                  how & TEXT ? "_text" : "", is_scalar(text) ? "scalar" : "non-array");
}

static void object_keys(sqlite3_context *c, int n, sqlite3_value **args, unsigned how)
{
    struct str text;
    STRICT(n, args);
    if (!json_document(c, args[0], how & JSONB, &text))
        return;
    if (json_kind_of(text) == JSON_OBJECT)
        each_part(c, text, add_key, how);
    else
        fail_with(c, SQLSTATE_INVALID_PARAMETER_VALUE, "cannot call %s_object_keys on %s", type_name(how),
                  is_scalar(text) ? "a scalar" : "an array");
}

/* ---- jsonb: what is in it */

static bool tree_of(sqlite3_context *c, sqlite3_value *v, struct json_value *ret)
{
    if (jsonb_parse(local_text(v), scratch(c), ret, errors(c)))
        return true;
    local_fail(c);
    return false;
}

static bool is_container(const struct json_value *v)
{
    return v->kind == JSON_ARRAY || v->kind == JSON_OBJECT;
}

static bool includes(const struct json_value *whole, const struct json_value *part);

static bool includes_member(const struct json_value *whole, const struct json_member *part)
{
    const struct json_value *v = jsonb_member(whole, part->key);
    if (!v)
        return false;
    return is_container(v) && is_container(&part->value) ? includes(v, &part->value)
                                                         : order_jsonb(v, &part->value) == 0;
}

static bool includes_element(const struct json_value *whole, const struct json_value *part)
{
    for (size_t i = 0; i < whole->array.n; i++) {
        const struct json_value *v = &whole->array.items[i];
        if (is_container(part) ? is_container(v) && includes(v, part) : order_jsonb(v, part) == 0)
            return true;
    }
    return false;
}

/* Of two containers. */
static bool includes(const struct json_value *whole, const struct json_value *part)
{
    if (whole->kind != part->kind)
        return false;
    if (part->kind == JSON_OBJECT) {
        for (size_t i = 0; i < part->object.n; i++)
            if (!includes_member(whole, &part->object.members[i]))
                return false;
        return true;
    }
    for (size_t i = 0; i < part->array.n; i++)
        if (!includes_element(whole, &part->array.items[i]))
            return false;
    return true;
}

/* A scalar document stands for an array of it, which an array may contain but which contains no array. */
static bool document_includes(const struct json_value *whole, const struct json_value *part)
{
    if (is_container(whole) && is_container(part))
        return includes(whole, part);
    if (!is_container(part) && whole->kind == JSON_ARRAY)
        return includes_element(whole, part);
    return !is_container(whole) && !is_container(part) && order_jsonb(whole, part) == 0;
}

static void contains_in(sqlite3_context *c, sqlite3_value *whole, sqlite3_value *part)
{
    struct json_value a, b;
    if (tree_of(c, whole, &a) && tree_of(c, part, &b))
        result_bool(c, document_includes(&a, &b));
}

static void contains(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    contains_in(c, args[0], args[1]);
}

static void contained(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    contains_in(c, args[1], args[0]);
}

/* A key of an object, a string of an array, the string itself. */
static bool has_key(const struct json_value *v, struct str key)
{
    if (v->kind == JSON_OBJECT)
        return jsonb_member(v, key) != NULL;
    if (v->kind == JSON_STRING)
        return str_eq(v->text, key);
    for (size_t i = 0; v->kind == JSON_ARRAY && i < v->array.n; i++)
        if (v->array.items[i].kind == JSON_STRING && str_eq(v->array.items[i].text, key))
            return true;
    return false;
}

static void exists(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct json_value v;
    STRICT(n, args);
    if (tree_of(c, args[0], &v))
        result_bool(c, has_key(&v, local_text(args[1])));
}

/* NULL among the keys is passed over. */
static void exists_among(sqlite3_context *c, int n, sqlite3_value **args, bool all)
{
    struct json_value v, keys;
    bool ignored, answer = all;
    STRICT(n, args);
    if (!tree_of(c, args[0], &v) || !read_texts(c, args[1], &keys, &ignored))
        return;
    for (size_t i = 0; answer == all && i < keys.array.n; i++)
        if (keys.array.items[i].kind == JSON_STRING)
            answer = has_key(&v, keys.array.items[i].text);
    result_bool(c, answer);
}

static void exists_any(sqlite3_context *c, int n, sqlite3_value **args)
{
    exists_among(c, n, args, false);
}

static void exists_all(sqlite3_context *c, int n, sqlite3_value **args)
{
    exists_among(c, n, args, true);
}

#define COMPARES(name, test)                                                                                           \
    static void name(sqlite3_context *c, int n, sqlite3_value **args)                                                  \
    {                                                                                                                  \
        STRICT(n, args);                                                                                               \
        int order = order_jsonb_texts(local_text(args[0]), local_text(args[1]));                                       \
        sqlite3_result_int(c, test);                                                                                   \
    }
COMPARES(equal, order == 0)
COMPARES(not_equal, order != 0)
COMPARES(less, order < 0)
COMPARES(less_equal, order <= 0)
COMPARES(greater, order > 0)
COMPARES(greater_equal, order >= 0)
COMPARES(compare, order)

/* ---- jsonb as a value of SQL */

static bool cannot_cast(sqlite3_context *c, const struct json_value *v, const char *type)
{
    static const char *const names[] = {
        [JSON_NULL] = "null",     [JSON_BOOLEAN] = "boolean", [JSON_NUMBER] = "numeric",
        [JSON_STRING] = "string", [JSON_ARRAY] = "array",     [JSON_OBJECT] = "object"
    };
    fail_with(c, SQLSTATE_INVALID_PARAMETER_VALUE, "cannot cast jsonb %s to type %s", names[v->kind], type);
    return false;
}

static void to_bool(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct json_value v;
    STRICT(n, args);
    if (!tree_of(c, args[0], &v))
        return;
    if (v.kind == JSON_BOOLEAN)
        result_bool(c, v.boolean);
    else
        cannot_cast(c, &v, "boolean");
}

static bool number_of(sqlite3_context *c, sqlite3_value *arg, const char *type, struct str *ret)
{
    struct json_value v;
    if (!tree_of(c, arg, &v))
        return false;
    if (v.kind != JSON_NUMBER)
        return cannot_cast(c, &v, type);
    *ret = v.text;
    return true;
}

static void to_numeric(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct str number;
    STRICT(n, args);
    if (number_of(c, args[0], "numeric", &number))
        local_result_text(c, number);
}

static void to_integer(sqlite3_context *c, int n, sqlite3_value **args, int64_t low, int64_t high, const char *type)
{
    struct str number;
    int64_t i;
    AUTO_NUMERIC(x);
    STRICT(n, args);
    if (!number_of(c, args[0], type, &number))
        return;
    if (!numeric_parse(&x, number, errors(c)))
        local_fail(c);
    else if (numeric_to_int64(&x, &i) && i >= low && i <= high)
        sqlite3_result_int64(c, i);
    else
        fail_with(c, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE, "%s out of range", type);
}

static void to_int2(sqlite3_context *c, int n, sqlite3_value **args)
{
    to_integer(c, n, args, INT16_MIN, INT16_MAX, "smallint");
}

static void to_int4(sqlite3_context *c, int n, sqlite3_value **args)
{
    to_integer(c, n, args, INT32_MIN, INT32_MAX, "integer");
}

static void to_int8(sqlite3_context *c, int n, sqlite3_value **args)
{
    to_integer(c, n, args, INT64_MIN, INT64_MAX, "bigint");
}

static void to_float(sqlite3_context *c, int n, sqlite3_value **args, oid_t type, const char *name)
{
    struct str number;
    struct value v;
    STRICT(n, args);
    if (!number_of(c, args[0], name, &number))
        return;
    if (type_decode(type, WIRE_TEXT, number, settings_of(c), scratch(c), &v, errors(c)))
        local_result(c, &v);
    else
        local_fail(c);
}

static void to_float8(sqlite3_context *c, int n, sqlite3_value **args)
{
    to_float(c, n, args, TYPE_OID_float8, "double precision");
}

static void to_float4(sqlite3_context *c, int n, sqlite3_value **args)
{
    to_float(c, n, args, TYPE_OID_float4, "real");
}

/* ---- tables */

#define READS(name, call, how)                                                                                         \
    static void name(sqlite3_context *c, int n, sqlite3_value **args)                                                  \
    {                                                                                                                  \
        call(c, n, args, how);                                                                                         \
    }
#define READS_TWO(call) READS(json_##call, call, JSON) READS(jsonb_##call, call, JSONB)
#define READS_FOUR(call)                                                                                               \
    READS_TWO(call) READS(json_##call##_text, call, JSON | TEXT) READS(jsonb_##call##_text, call, JSONB | TEXT)
READS_FOUR(field)
READS_FOUR(element)
READS_FOUR(extract_path)
READS_FOUR(each)
READS_FOUR(elements)
READS_TWO(type_of)
READS_TWO(array_length)
READS_TWO(object_keys)

enum { PURE = LOCAL_DETERMINISTIC | LOCAL_STRICT };
/* clang-format off */
#define TWO(source, function, n)                                                              \
    { .name = "pg_json_" #source, .n_args = n, .flags = PURE, .call = json_##function },      \
    { .name = "pg_jsonb_" #source, .n_args = n, .flags = PURE, .call = jsonb_##function }
#define FOUR(source, function, n) TWO(source, function, n), TWO(source##_text, function##_text, n)
/* clang-format on */

static const struct local_function functions[] = {
    FOUR(object_field, field, 2),
    FOUR(array_element, element, 2),
    FOUR(extract_path, extract_path, 2),
    FOUR(each, each, 1),
    FOUR(array_elements, elements, 1),
    TWO(typeof, type_of, 1),
    TWO(array_length, array_length, 1),
    TWO(object_keys, object_keys, 1),
    { .name = "pg_jsonb_contains", .n_args = 2, .flags = PURE, .call = contains },
    { .name = "pg_jsonb_contained", .n_args = 2, .flags = PURE, .call = contained },
    { .name = "pg_jsonb_exists", .n_args = 2, .flags = PURE, .call = exists },
    { .name = "pg_jsonb_exists_any", .n_args = 2, .flags = PURE, .call = exists_any },
    { .name = "pg_jsonb_exists_all", .n_args = 2, .flags = PURE, .call = exists_all },
    { .name = "pg_jsonb_eq", .n_args = 2, .flags = PURE, .call = equal },
    { .name = "pg_jsonb_ne", .n_args = 2, .flags = PURE, .call = not_equal },
    { .name = "pg_jsonb_lt", .n_args = 2, .flags = PURE, .call = less },
    { .name = "pg_jsonb_le", .n_args = 2, .flags = PURE, .call = less_equal },
    { .name = "pg_jsonb_gt", .n_args = 2, .flags = PURE, .call = greater },
    { .name = "pg_jsonb_ge", .n_args = 2, .flags = PURE, .call = greater_equal },
    { .name = "pg_jsonb_cmp", .n_args = 2, .flags = PURE, .call = compare },
    { .name = "pg_jsonb_bool", .n_args = 1, .flags = PURE, .call = to_bool },
    { .name = "pg_jsonb_numeric", .n_args = 1, .flags = PURE, .call = to_numeric },
    { .name = "pg_jsonb_int2", .n_args = 1, .flags = PURE, .call = to_int2 },
    { .name = "pg_jsonb_int4", .n_args = 1, .flags = PURE, .call = to_int4 },
    { .name = "pg_jsonb_int8", .n_args = 1, .flags = PURE, .call = to_int8 },
    { .name = "pg_jsonb_float4", .n_args = 1, .flags = PURE, .call = to_float4 },
    { .name = "pg_jsonb_float8", .n_args = 1, .flags = PURE, .call = to_float8 },
};

static const struct local_collation collations[] = { { "pg_jsonb", order_jsonb_texts } };

const struct local_family local_family_json = {
    .functions = functions,
    .n_functions = sizeof(functions) / sizeof(functions[0]),
    .collations = collations,
    .n_collations = sizeof(collations) / sizeof(collations[0]),
};
