/* casts.c - what the printer calls besides PostgreSQL's own functions: conversions through text, lengths, slices, records (functions.def). */
#include "proxy/catalog/reg_names.h"
#include "proxy/sql/functions/catalog_objects.h"
#include "proxy/sql/functions/typed.h"
#include "proxy/sql/path_patterns.h"

#include <stdlib.h>

enum { MAX_TEXT = 8 << 20 };

bool value_to_text(sqlite3_context *c, oid_t type, const struct value *v, struct str *ret)
{
    struct buf out;
    if (type == TYPE_OID_text || type == TYPE_OID_unknown || type == TYPE_OID_varchar || type == TYPE_OID_name ||
        type == TYPE_OID_cstring) {
        if (v->class == VALUE_TEXT) {
            *ret = v->bytes;
            return true;
        }
    }
    if (v->class == VALUE_INTEGER && is_reg_type(type)) {
        struct system_source source = catalog_source(c);
        *ret = reg_name(&source, type, (oid_t)v->integer, scratch(c));
        if (!ret->p)
            local_fail(c);
        return ret->p != NULL;
    }
    struct value names;
    const struct type_info *info = type_find(type);
    if (v->class == VALUE_TEXT && info && is_reg_type(info->element)) {
        struct system_source source = catalog_source(c);
        names = value_text(reg_name_list(&source, info->element, v->bytes, scratch(c)));
        if (names.bytes.p) {
            v = &names;
            type = TYPE_OID__text;
        }
    }
    buf_init(&out, MAX_TEXT);
    bool ok = type_encode(type, -1, WIRE_TEXT, v, settings_of(c), scratch(c), &out, errors(c));
    if (ok) {
        *ret = arena_str(scratch(c), buf_str(&out));
        ok = ret->p != NULL && !out.failed;
    }
    buf_fini(&out);
    if (!ok)
        local_fail(c);
    return ok;
}

static void cast(sqlite3_context *c, int n, sqlite3_value **args)
{
    if (n < 3 || sqlite3_value_type(args[0]) == SQLITE_NULL)
        return;
    oid_t from = (oid_t)sqlite3_value_int64(args[1]), to = (oid_t)sqlite3_value_int64(args[2]);
    struct value v = local_argument(args[0]), result;
    struct str text;
    if (!value_to_text(c, from, &v, &text))
        return;
    if (to == TYPE_OID_text) {
        local_result_text(c, text);
        return;
    }
    oid_t found;
    bool ok;
    if (is_reg_type(to)) {
        ok = catalog_find(c, to, text, &found);
        result = value_integer(ok ? found : 0);
    } else {
        ok = type_decode(to, WIRE_TEXT, text, settings_of(c), scratch(c), &result, errors(c)) &&
             path_patterns_check(to, &result, scratch(c), errors(c));
    }
    if (ok)
        local_result(c, &result);
    else
        local_fail(c);
}

static void typmod(sqlite3_context *c, int n, sqlite3_value **args)
{
    if (n < 4 || sqlite3_value_type(args[0]) == SQLITE_NULL)
        return;
    struct value v = local_argument(args[0]);
    if (type_apply_typmod((oid_t)sqlite3_value_int64(args[1]), (int32_t)sqlite3_value_int64(args[2]),
                          sqlite3_value_int(args[3]) != 0, scratch(c), &v, errors(c)))
        local_result(c, &v);
    else
        local_fail(c);
}

/* --- slices: array, then per dimension has_low, low, has_high, high --- */

static bool slice_level(struct json_value *v, int n_dims, sqlite3_value **bounds, struct arena *arena)
{
    if (v->kind != JSON_ARRAY || n_dims == 0)
        return true;
    int64_t size = (int64_t)v->array.n;
    int64_t low = sqlite3_value_int(bounds[0]) ? sqlite3_value_int64(bounds[1]) : 1,
            high = sqlite3_value_int(bounds[2]) ? sqlite3_value_int64(bounds[3]) : size;
    low = low < 1 ? 1 : low;
    high = high > size ? size : high;
    if (low > high) {
        v->array.n = 0;
        return true;
    }
    v->array.items += low - 1;
    v->array.n = (size_t)(high - low + 1);
    for (size_t i = 0; i < v->array.n; i++)
        if (!slice_level(&v->array.items[i], n_dims - 1, bounds + 4, arena))
            return false;
    return true;
}

static void slice(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct json_value v;
    struct buf out;
    if (n < 5 || sqlite3_value_type(args[0]) == SQLITE_NULL)
        return;
    for (int i = 1; i + 1 < n; i += 2) /* a NULL bound that was written gives NULL */
        if (sqlite3_value_int(args[i]) && sqlite3_value_type(args[i + 1]) == SQLITE_NULL)
            return;
    if (!json_parse(local_text(args[0]), scratch(c), &v, errors(c))) {
        local_fail(c);
        return;
    }
    slice_level(&v, (n - 1) / 4, args + 1, scratch(c));
    buf_init(&out, MAX_TEXT);
    json_print_compact(&v, &out);
    if (out.failed)
        local_fail(c);
    else
        local_result_text(c, buf_str(&out));
    buf_fini(&out);
}

void json_print_compact(const struct json_value *v, struct buf *out)
{
    switch (v->kind) {
    case JSON_NULL:
        buf_add(out, "null", 4);
        break;
    case JSON_BOOLEAN:
        buf_add_str(out, v->boolean ? STR("true") : STR("false"));
        break;
    case JSON_NUMBER:
        buf_add_str(out, v->text);
        break;
    case JSON_STRING:
        json_print_string(v->text, out);
        break;
    case JSON_ARRAY:
        buf_add_char(out, '[');
        for (size_t i = 0; i < v->array.n; i++) {
            if (i)
                buf_add_char(out, ',');
            json_print_compact(&v->array.items[i], out);
        }
        buf_add_char(out, ']');
        break;
    case JSON_OBJECT:
        buf_add_char(out, '{');
        for (size_t i = 0; i < v->object.n; i++) {
            if (i)
                buf_add_char(out, ',');
            json_print_string(v->object.members[i].key, out);
            buf_add_char(out, ':');
            json_print_compact(&v->object.members[i].value, out);
        }
        buf_add_char(out, '}');
        break;
    }
}

/* --- values as JSON, by type --- */

static bool add_array_json(sqlite3_context *c, oid_t element, const struct json_value *v, struct buf *out);

bool add_json(sqlite3_context *c, oid_t type, const struct value *v, struct buf *out)
{
    const struct type_info *info = type_find(type);
    struct str text;
    if (v->class == VALUE_NULL) {
        buf_add(out, "null", 4);
        return true;
    }
    if (type == TYPE_OID_json || type == TYPE_OID_jsonb || type == TYPE_OID_record) {
        buf_add_str(out, v->bytes);
        return true;
    }
    if (type == TYPE_OID_bool && v->class == VALUE_INTEGER) {
        buf_add_str(out, v->integer ? STR("true") : STR("false"));
        return true;
    }
    if (info && info->element && v->class == VALUE_TEXT) {
        struct json_value tree;
        if (!json_parse(v->bytes, scratch(c), &tree, errors(c))) {
            local_fail(c);
            return false;
        }
        return add_array_json(c, info->element, &tree, out);
    }
    if (type == TYPE_OID_timestamp || type == TYPE_OID_timestamptz || type == TYPE_OID_date) {
        if (!iso_text(c, type, v, &text))
            return false;
        json_print_string(text, out);
        return true;
    }
    if (!value_to_text(c, type, v, &text))
        return false;
    /* Types of numbers only: an oid is quoted, NaN and infinities too. */
    bool number = type == TYPE_OID_int2 || type == TYPE_OID_int4 || type == TYPE_OID_int8 || type == TYPE_OID_numeric ||
                  type == TYPE_OID_float4 || type == TYPE_OID_float8;
    number = number && text.n && text.p[text.n - 1] >= '0' && text.p[text.n - 1] <= '9';
    if (number)
        buf_add_str(out, text);
    else
        json_print_string(text, out);
    return true;
}

/* json prints dates as ISO 8601 with a T whatever DateStyle says (9.16). */
bool iso_text(sqlite3_context *c, oid_t type, const struct value *v, struct str *ret)
{
    struct type_settings iso = *settings_of(c);
    struct buf out;
    iso.date_style = DATE_STYLE_ISO;
    buf_init(&out, 256);
    bool ok = type_encode(type, -1, WIRE_TEXT, v, &iso, scratch(c), &out, errors(c));
    if (ok) {
        *ret = arena_str(scratch(c), buf_str(&out));
        char *space = ret->p ? memchr(ret->p, ' ', ret->n) : NULL;
        if (space && type != TYPE_OID_date)
            *space = 'T';
        ok = ret->p != NULL;
        /* +00 becomes +00:00 */
        if (ok && type == TYPE_OID_timestamptz && ret->n > 3 &&
            (ret->p[ret->n - 3] == '+' || ret->p[ret->n - 3] == '-')) {
            *ret = arena_printf(scratch(c), "%.*s:00", STR_FMT(*ret));
            ok = ret->p != NULL;
        }
    }
    buf_fini(&out);
    if (!ok)
        local_fail(c);
    return ok;
}

static bool add_array_json(sqlite3_context *c, oid_t element, const struct json_value *v, struct buf *out)
{
    struct value one;
    if (v->kind == JSON_ARRAY) {
        buf_add_char(out, '[');
        for (size_t i = 0; i < v->array.n; i++) {
            if (i)
                buf_add_char(out, ',');
            if (!add_array_json(c, element, &v->array.items[i], out))
                return false;
        }
        buf_add_char(out, ']');
        return true;
    }
    return element_value(c, element, v, &one) && add_json(c, element, &one, out);
}

/* An element of an array's JSON in the storage form of its type. */
bool element_value(sqlite3_context *c, oid_t element, const struct json_value *v, struct value *ret)
{
    const struct type_info *info = type_find(element);
    int64_t i;
    switch (v->kind) {
    case JSON_NULL:
        *ret = value_null();
        return true;
    case JSON_NUMBER:
        if (str_to_int64(v->text, &i) && (!info || info->storage != STORAGE_REAL)) {
            *ret = value_integer(i);
            return true;
        }
        *ret = value_real(strtod(arena_cstr(scratch(c), v->text), NULL));
        return true;
    case JSON_BOOLEAN:
        *ret = value_integer(v->boolean);
        return true;
    case JSON_STRING:
        if (element == TYPE_OID_bytea) {
            if (type_decode(TYPE_OID_bytea, WIRE_TEXT, arena_printf(scratch(c), "\\x%.*s", STR_FMT(v->text)),
                            settings_of(c), scratch(c), ret, errors(c)))
                return true;
            local_fail(c);
            return false;
        }
        *ret = value_text(v->text);
        return true;
    default: {
        struct buf out;
        buf_init(&out, MAX_TEXT);
        json_print_compact(v, &out);
        *ret = value_text(arena_str(scratch(c), buf_str(&out)));
        buf_fini(&out);
        return true;
    }
    }
}

/* pg1_row(oid, value, oid, value…): a record as JSON with members f1, f2… */
static void row(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct buf out;
    buf_init(&out, MAX_TEXT);
    buf_add_char(&out, '{');
    bool ok = true;
    for (int i = 0; i + 1 < n && ok; i += 2) {
        struct value v = local_argument(args[i + 1]);
        buf_printf(&out, "%s\"f%d\":", i ? "," : "", i / 2 + 1);
        ok = add_json(c, (oid_t)sqlite3_value_int64(args[i]), &v, &out);
    }
    buf_add_char(&out, '}');
    if (ok && !out.failed)
        local_result_text(c, buf_str(&out));
    else if (ok)
        local_fail(c);
    buf_fini(&out);
}

static const struct local_function functions[] = {
    { .name = "pg1_cast", .n_args = 3, .flags = 0, .call = cast },
    { .name = "pg1_typmod", .n_args = 4, .flags = LOCAL_DETERMINISTIC, .call = typmod },
    { .name = "pg1_slice", .n_args = 5, .flags = LOCAL_DETERMINISTIC | LOCAL_ANY_ARGS, .call = slice },
    { .name = "pg1_row", .n_args = 0, .flags = LOCAL_ANY_ARGS, .call = row },
};

const struct local_family local_family_casts = { .functions = functions,
                                                 .n_functions = sizeof(functions) / sizeof(functions[0]) };
