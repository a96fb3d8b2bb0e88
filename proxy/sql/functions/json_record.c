/*
 * json_record.c - json_to_record() and its kin (PostgreSQL 9.16): objects read by a list of columns.
 *
 * The set function gives the objects as texts; pg1_json_field() reads one column of one of them.
 */
#include "proxy/sql/functions/json_text.h"
#include "proxy/sql/functions/results.h"

/* ---- rows */

static const char *kind_name(struct str text)
{
    enum json_kind kind = json_kind_of(text);
    return kind == JSON_OBJECT ? "an object" : kind == JSON_ARRAY ? "an array" : "a scalar";
}

/* The base row of a "populate" call is NULL: only the JSON comes here. */
static void to_record(sqlite3_context *c, int n, sqlite3_value **args, bool is_jsonb)
{
    struct str text;
    struct rows rows;
    struct value v = value_null();
    if (!local_has_null(n, args)) {
        if (!json_document(c, args[0], is_jsonb, &text))
            return;
        if (json_kind_of(text) != JSON_OBJECT) {
            fail_with(c, SQLSTATE_INVALID_PARAMETER_VALUE, "cannot call populate_composite on %s", kind_name(text));
            return;
        }
        v = value_text(text);
    }
    rows_start(&rows, c);
    if (rows_add(&rows, &v, 1))
        rows_give(&rows);
    else
        rows_drop(&rows);
}

static void to_recordset(sqlite3_context *c, int n, sqlite3_value **args, const char *name, bool is_jsonb)
{
    struct str text, key, item;
    struct rows rows;
    bool ok = true;
    STRICT(n, args);
    if (!json_document(c, args[0], is_jsonb, &text))
        return;
    if (json_kind_of(text) != JSON_ARRAY) {
        fail_with(c, SQLSTATE_INVALID_PARAMETER_VALUE, "cannot call %s on %s", name,
                  is_jsonb ? "a non-array" : kind_name(text));
        return;
    }
    struct json_walk walk = json_enter(text);
    rows_start(&rows, c);
    while (ok && json_next(&walk, &key, &item)) {
        ok = json_kind_of(item) == JSON_OBJECT;
        if (!ok)
            fail_with(c, SQLSTATE_INVALID_PARAMETER_VALUE, "argument of %s must be an array of objects", name);
        ok = ok && rows_add_text(&rows, item);
    }
    if (ok)
        rows_give(&rows);
    else
        rows_drop(&rows);
}

#define RECORD(name, is_jsonb)                                                                                         \
    static void name(sqlite3_context *c, int n, sqlite3_value **args)                                                  \
    {                                                                                                                  \
        to_record(c, n, args, is_jsonb);                                                                               \
    }
#define RECORDSET(name, is_jsonb)                                                                                      \
    static void name(sqlite3_context *c, int n, sqlite3_value **args)                                                  \
    {                                                                                                                  \
        to_recordset(c, n, args, #name, is_jsonb);                                                                     \
    }
RECORD(json_to_record, false)
RECORD(jsonb_to_record, true)
RECORDSET(json_to_recordset, false)
RECORDSET(jsonb_to_recordset, true)
RECORDSET(json_populate_recordset, false)
RECORDSET(jsonb_populate_recordset, true)

/* ---- fields */

struct field {
    sqlite3_context *c;
    struct str name;
    oid_t type; /* of the value; of the elements of an array */
    int32_t typmod;
    struct str enum_name, labels; /* of an enum; {NULL,0} */
};

static bool check_label(const struct field *f, struct str label)
{
    struct json_walk walk = json_enter(f->labels);
    struct str key, item, text;
    while (f->labels.p && json_next(&walk, &key, &item)) {
        if (!json_decode(f->c, item, &text))
            return false;
        if (str_eq(text, label))
            return true;
    }
    if (!f->labels.p)
        return true;
    fail_with(f->c, SQLSTATE_INVALID_TEXT_REPRESENTATION, "invalid input value for enum %.*s: \"%.*s\"",
              STR_FMT(f->enum_name), STR_FMT(label));
    return false;
}

/* A JSON value that is not null as a value of the type. */
static bool read_scalar(const struct field *f, struct str json, struct value *ret)
{
    struct str text = json;
    struct arena *arena = scratch(f->c);
    struct err *err = errors(f->c);
    bool is_json = f->type == TYPE_OID_json || f->type == TYPE_OID_jsonb;
    if (!is_json && json_kind_of(json) == JSON_STRING && !json_decode(f->c, json, &text))
        return false;
    if (type_decode(f->type, WIRE_TEXT, text, settings_of(f->c), arena, ret, err) &&
        type_apply_typmod(f->type, f->typmod, false, arena, ret, err))
        return check_label(f, text);
    local_fail(f->c);
    return false;
}

enum { MAX_DIMENSIONS = 6 };

struct dimensions {
    int depth; /* known after the first leaf; 0: not yet */
    size_t size[MAX_DIMENSIONS];
    size_t at[MAX_DIMENSIONS]; /* the element that is read */
};

static bool bad_shape(const struct field *f)
{
    err_set(errors(f->c), SQLSTATE_INVALID_TEXT_REPRESENTATION, "malformed JSON array");
    err_detail(errors(f->c), "Multidimensional arrays must have sub-arrays with matching dimensions.");
    local_fail(f->c);
    return false;
}

/* The value, or the element of it at `level`, had to be an array. */
static bool no_array(const struct field *f, const struct dimensions *d, int level)
{
    struct buf at;
    buf_init(&at, MAX_RESULT);
    for (int i = 0; i < level; i++)
        buf_printf(&at, "[%zu]", d->at[i]);
    err_set(errors(f->c), SQLSTATE_INVALID_TEXT_REPRESENTATION, "expected JSON array");
    if (level)
        err_hint(errors(f->c), "See the array element %.*s of key \"%.*s\".", (int)at.n, at.p, STR_FMT(f->name));
    else
        err_hint(errors(f->c), "See the value of key \"%.*s\".", STR_FMT(f->name));
    buf_fini(&at);
    local_fail(f->c);
    return false;
}

static bool add_elements(const struct field *f, struct str json, int level, struct dimensions *d, struct buf *out)
{
    struct json_walk walk = json_enter(json);
    struct str key, item;
    size_t n = 0;
    if (level == MAX_DIMENSIONS) {
        fail_with(f->c, SQLSTATE_PROGRAM_LIMIT_EXCEEDED,
                  "number of array dimensions (%d) exceeds the maximum allowed (%d)", MAX_DIMENSIONS + 1,
                  (int)MAX_DIMENSIONS);
        return false;
    }
    buf_add_char(out, '[');
    for (; json_next(&walk, &key, &item); n++) {
        bool inner = json_kind_of(item) == JSON_ARRAY && (d->depth == 0 || level + 1 < d->depth);
        struct value v = value_null();
        d->at[level] = n;
        if (n)
            buf_add_char(out, ',');
        if (!inner && d->depth == 0)
            d->depth = level + 1;
        if (!inner && level + 1 != d->depth)
            return no_array(f, d, level + 1);
        if (inner ? !add_elements(f, item, level + 1, d, out)
                  : (json_kind_of(item) != JSON_NULL && !read_scalar(f, item, &v)) || !add_cell(out, scratch(f->c), &v))
            return false;
    }
    buf_add_char(out, ']');
    if (d->depth == 0)
        d->depth = level + 1;
    if (d->size[level] == 0)
        d->size[level] = n + 1;
    return d->size[level] == n + 1 || bad_shape(f);
}

static void read_array(struct field *f, oid_t array, struct str json)
{
    struct dimensions d = { 0 };
    struct buf out;
    struct value v;
    if (json_kind_of(json) == JSON_STRING) {
        oid_t element = f->type;
        f->type = array;
        if (!f->labels.p) {
            if (read_scalar(f, json, &v))
                local_result(f->c, &v);
            return;
        }
        f->type = element;
        fail_with(f->c, SQLSTATE_FEATURE_NOT_SUPPORTED, "an array of enums out of a JSON string is not supported");
        return;
    }
    if (json_kind_of(json) != JSON_ARRAY) {
        no_array(f, &d, 0);
        return;
    }
    buf_init(&out, MAX_RESULT);
    if (!add_elements(f, json, 0, &d, &out))
        buf_fini(&out);
    else if (d.size[d.depth - 1] == 1) { /* no element at the bottom */
        buf_fini(&out);
        local_result_text(f->c, STR("[]"));
    } else
        result_buf(f->c, &out);
}

/* pg1_json_field(json, name, type, typmod [, enum, labels]): what json_to_record and its kin make of a member. */
static void json_field(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct str json;
    struct value v;
    struct field f = { .c = c };
    if (n < 4 || sqlite3_value_type(args[0]) == SQLITE_NULL)
        return;
    f.name = local_text(args[1]);
    f.type = (oid_t)sqlite3_value_int64(args[2]);
    f.typmod = (int32_t)sqlite3_value_int64(args[3]);
    if (n == 6) {
        f.enum_name = local_text(args[4]);
        f.labels = local_text(args[5]);
    }
    if (!json_member_of(c, local_text(args[0]), f.name, &json) || json_kind_of(json) == JSON_NULL)
        return;
    const struct type_info *info = type_find(f.type);
    if (info && info->element) {
        oid_t array = f.type;
        f.type = info->element;
        read_array(&f, array, json);
    } else if (read_scalar(&f, json, &v)) {
        local_result(c, &v);
    }
}

static const struct local_function functions[] = {
    { .name = "pg1_json_field", .n_args = 4, .flags = LOCAL_ANY_ARGS, .call = json_field },
    { .name = "pg_json_populate_record", .n_args = 1, .flags = LOCAL_DETERMINISTIC, .call = json_to_record },
    { .name = "pg_jsonb_populate_record", .n_args = 1, .flags = LOCAL_DETERMINISTIC, .call = jsonb_to_record },
    { .name = "pg_json_populate_recordset",
      .n_args = 1,
      .flags = LOCAL_DETERMINISTIC,
      .call = json_populate_recordset },
    { .name = "pg_jsonb_populate_recordset",
      .n_args = 1,
      .flags = LOCAL_DETERMINISTIC,
      .call = jsonb_populate_recordset },
    { .name = "pg_json_to_record", .n_args = 1, .flags = LOCAL_DETERMINISTIC, .call = json_to_record },
    { .name = "pg_jsonb_to_record", .n_args = 1, .flags = LOCAL_DETERMINISTIC, .call = jsonb_to_record },
    { .name = "pg_json_to_recordset", .n_args = 1, .flags = LOCAL_DETERMINISTIC, .call = json_to_recordset },
    { .name = "pg_jsonb_to_recordset", .n_args = 1, .flags = LOCAL_DETERMINISTIC, .call = jsonb_to_recordset },
};

const struct local_family local_family_json_record = { .functions = functions,
                                                       .n_functions = sizeof(functions) / sizeof(functions[0]) };
