/*
 * jsonb_change.c - jsonb with something added, replaced or taken away; both types without nulls, jsonb over several lines
 * (PostgreSQL 9.16; names are pg_proc's prosrc).
 *
 * Trees are not changed in place: a changed branch is copied, the others are shared.
 */
#include "proxy/sql/functions/json_text.h"
#include "proxy/sql/functions/results.h"
#include "proxy/sql/functions/typed.h"

#include <stdlib.h>

static bool tree_of(sqlite3_context *c, sqlite3_value *v, struct json_value *ret)
{
    if (jsonb_parse(local_text(v), scratch(c), ret, errors(c)))
        return true;
    local_fail(c);
    return false;
}

/* Members may have lost their order: canonical again. */
static void result_tree(sqlite3_context *c, const struct json_value *v)
{
    struct buf out;
    struct str text;
    buf_init(&out, MAX_RESULT);
    jsonb_print(v, &out);
    if (out.failed) {
        result_buf(c, &out);
        return;
    }
    if (jsonb_normalize(buf_str(&out), scratch(c), &text, errors(c)))
        local_result_text(c, text);
    else
        local_fail(c);
    buf_fini(&out);
}

static bool is_container(const struct json_value *v)
{
    return v->kind == JSON_ARRAY || v->kind == JSON_OBJECT;
}

static size_t parts_of(const struct json_value *v)
{
    return v->kind == JSON_ARRAY ? v->array.n : v->kind == JSON_OBJECT ? v->object.n : 1;
}

/* Empty copies with room for n parts. */
static bool new_array(sqlite3_context *c, size_t n, struct json_value *ret)
{
    *ret = (struct json_value){ .kind = JSON_ARRAY };
    ret->array.items = ARENA_ARRAY(scratch(c), struct json_value, n);
    if (!ret->array.items)
        local_fail(c);
    return ret->array.items != NULL;
}

static bool new_object(sqlite3_context *c, size_t n, struct json_value *ret)
{
    *ret = (struct json_value){ .kind = JSON_OBJECT };
    ret->object.members = ARENA_ARRAY(scratch(c), struct json_member, n);
    if (!ret->object.members)
        local_fail(c);
    return ret->object.members != NULL;
}

static void add_item(struct json_value *array, const struct json_value *v)
{
    array->array.items[array->array.n++] = *v;
}

static void add_member(struct json_value *object, struct str key, const struct json_value *v)
{
    object->object.members[object->object.n++] = (struct json_member){ key, *v };
}

/* ---- || */

static void add_all(struct json_value *array, const struct json_value *v)
{
    for (size_t i = 0; v->kind == JSON_ARRAY && i < v->array.n; i++)
        add_item(array, &v->array.items[i]);
    if (v->kind != JSON_ARRAY)
        add_item(array, v);
}

static void concatenate(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct json_value a, b, r;
    STRICT(n, args);
    if (!tree_of(c, args[0], &a) || !tree_of(c, args[1], &b))
        return;
    size_t parts = parts_of(&a) + parts_of(&b) + 2;
    if (a.kind == JSON_OBJECT && b.kind == JSON_OBJECT) {
        if (!new_object(c, parts, &r))
            return;
        for (size_t i = 0; i < a.object.n; i++)
            add_member(&r, a.object.members[i].key, &a.object.members[i].value);
        for (size_t i = 0; i < b.object.n; i++)
            add_member(&r, b.object.members[i].key, &b.object.members[i].value);
    } else {
        if (!new_array(c, parts, &r))
            return;
        add_all(&r, &a);
        add_all(&r, &b);
    }
    result_tree(c, &r);
}

/* ---- - */

static bool not_scalar(sqlite3_context *c, const struct json_value *v, const char *message)
{
    if (!is_container(v))
        fail_with(c, SQLSTATE_INVALID_PARAMETER_VALUE, "%s", message);
    return is_container(v);
}

static bool is_among(struct str key, const struct json_value *keys, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (keys[i].kind == JSON_STRING && str_eq(keys[i].text, key))
            return true;
    return false;
}

static void without(sqlite3_context *c, struct json_value *v, const struct json_value *keys, size_t n)
{
    size_t kept = 0;
    if (!not_scalar(c, v, "cannot delete from scalar"))
        return;
    if (v->kind == JSON_OBJECT) {
        for (size_t i = 0; i < v->object.n; i++)
            if (!is_among(v->object.members[i].key, keys, n))
                v->object.members[kept++] = v->object.members[i];
        v->object.n = kept;
    } else {
        for (size_t i = 0; i < v->array.n; i++)
            if (v->array.items[i].kind != JSON_STRING || !is_among(v->array.items[i].text, keys, n))
                v->array.items[kept++] = v->array.items[i];
        v->array.n = kept;
    }
    result_tree(c, v);
}

static void delete_key(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct json_value v, key = { .kind = JSON_STRING };
    STRICT(n, args);
    key.text = local_text(args[1]);
    if (tree_of(c, args[0], &v))
        without(c, &v, &key, 1);
}

/* text[] of one dimension. */
static bool read_texts(sqlite3_context *c, sqlite3_value *arg, struct json_value *ret)
{
    if (!json_parse(local_text(arg), scratch(c), ret, errors(c)) || ret->kind != JSON_ARRAY) {
        local_fail(c);
        return false;
    }
    if (ret->array.n && ret->array.items[0].kind == JSON_ARRAY) {
        fail_with(c, SQLSTATE_ARRAY_ELEMENT_ERROR, "wrong number of array subscripts");
        return false;
    }
    return true;
}

static void delete_keys(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct json_value v, keys;
    STRICT(n, args);
    if (read_texts(c, args[1], &keys) && tree_of(c, args[0], &v))
        without(c, &v, keys.array.items, keys.array.n);
}

static void delete_index(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct json_value v;
    STRICT(n, args);
    sqlite3_int64 index = sqlite3_value_int64(args[1]);
    if (!tree_of(c, args[0], &v) || !not_scalar(c, &v, "cannot delete from scalar"))
        return;
    if (v.kind == JSON_OBJECT) {
        fail_with(c, SQLSTATE_INVALID_PARAMETER_VALUE, "cannot delete from object using integer index");
        return;
    }
    sqlite3_int64 count = (sqlite3_int64)v.array.n;
    if (index < 0)
        index += count;
    if (index >= 0 && index < count) {
        memmove(&v.array.items[index], &v.array.items[index + 1], (size_t)(count - index - 1) * sizeof(v));
        v.array.n--;
    }
    result_tree(c, &v);
}

/* ---- changes at a path */

enum change { CHANGE_CREATE, CHANGE_REPLACE, CHANGE_DELETE, CHANGE_BEFORE, CHANGE_AFTER };

struct changing {
    sqlite3_context *c;
    const struct json_value *path;
    size_t n_path;
    const struct json_value *new_value;
    enum change change;
};

static bool change_at(struct changing *g, size_t level, const struct json_value *v, struct json_value *ret);

static bool may_add(const struct changing *g)
{
    return g->change == CHANGE_CREATE || g->change == CHANGE_BEFORE || g->change == CHANGE_AFTER;
}

static bool change_object(struct changing *g, size_t level, const struct json_value *v, struct json_value *ret)
{
    struct str key = g->path[level].text;
    bool is_last = level + 1 == g->n_path, done = false;
    if (!new_object(g->c, v->object.n + 1, ret))
        return false;
    for (size_t i = 0; i < v->object.n; i++) {
        const struct json_member *m = &v->object.members[i];
        struct json_value changed = m->value;
        if (str_eq(m->key, key)) {
            done = true;
            if (is_last && (g->change == CHANGE_BEFORE || g->change == CHANGE_AFTER)) {
                err_set(errors(g->c), SQLSTATE_INVALID_PARAMETER_VALUE, "cannot replace existing key");
                err_hint(errors(g->c), "Try using the function jsonb_set to replace key value.");
                local_fail(g->c);
                return false;
            }
            if (is_last && g->change == CHANGE_DELETE)
                continue;
            if (is_last)
                changed = *g->new_value;
            else if (!change_at(g, level + 1, &m->value, &changed))
                return false;
        }
        add_member(ret, m->key, &changed);
    }
    if (!done && is_last && may_add(g))
        add_member(ret, key, g->new_value);
    return true;
}

/* The index that a step of the path means: -1 is before the first element, n behind the last. */
static bool step_index(struct changing *g, size_t level, int64_t n, int64_t *ret)
{
    char *end, *text = arena_cstr(scratch(g->c), g->path[level].text);
    if (!text) {
        local_fail(g->c);
        return false;
    }
    long v = strtol(text, &end, 10);
    if (end == text || *end || v < INT32_MIN || v > INT32_MAX) {
        fail_with(g->c, SQLSTATE_INVALID_TEXT_REPRESENTATION, "path element at position %zu is not an integer: \"%s\"",
                  level + 1, text);
        return false;
    }
    *ret = v < -n ? -1 : v < 0 ? n + v : v > n ? n : v;
    return true;
}

static void change_element(struct changing *g, const struct json_value *old, struct json_value *ret)
{
    bool inserts = g->change == CHANGE_BEFORE || g->change == CHANGE_AFTER;
    if (g->change == CHANGE_AFTER)
        add_item(ret, old);
    if (g->change != CHANGE_DELETE)
        add_item(ret, g->new_value);
    if (inserts && g->change == CHANGE_BEFORE)
        add_item(ret, old);
}

static bool change_array(struct changing *g, size_t level, const struct json_value *v, struct json_value *ret)
{
    int64_t count = (int64_t)v->array.n, index;
    bool is_last = level + 1 == g->n_path;
    if (!step_index(g, level, count, &index) || !new_array(g->c, v->array.n + 1, ret))
        return false;
    bool adds = is_last && may_add(g);
    if (index < 0 && adds)
        add_item(ret, g->new_value);
    for (int64_t i = 0; i < count; i++) {
        struct json_value changed = v->array.items[i];
        if (i == index && is_last) {
            change_element(g, &changed, ret);
            continue;
        }
        if (i == index && !change_at(g, level + 1, &v->array.items[i], &changed))
            return false;
        add_item(ret, &changed);
    }
    if (index >= count && adds)
        add_item(ret, g->new_value);
    return true;
}

static bool change_at(struct changing *g, size_t level, const struct json_value *v, struct json_value *ret)
{
    if (g->path[level].kind == JSON_NULL) {
        fail_with(g->c, SQLSTATE_NULL_VALUE_NOT_ALLOWED, "path element at position %zu is null", level + 1);
        return false;
    }
    if (v->kind == JSON_OBJECT)
        return change_object(g, level, v, ret);
    if (v->kind == JSON_ARRAY)
        return change_array(g, level, v, ret);
    *ret = *v;
    return true;
}

static void change_document(sqlite3_context *c, sqlite3_value *document, sqlite3_value *path,
                            const struct json_value *new_value, enum change change)
{
    struct json_value v, steps, changed;
    const char *scalar = change == CHANGE_DELETE ? "cannot delete path in scalar" : "cannot set path in scalar";
    if (!read_texts(c, path, &steps) || !tree_of(c, document, &v) || !not_scalar(c, &v, scalar))
        return;
    bool nothing = steps.array.n == 0 || (parts_of(&v) == 0 && (change == CHANGE_DELETE || change == CHANGE_REPLACE));
    struct changing g = { c, steps.array.items, steps.array.n, new_value, change };
    if (nothing)
        result_tree(c, &v);
    else if (change_at(&g, 0, &v, &changed))
        result_tree(c, &changed);
}

/* jsonb_set(document, path, value, create_if_missing) */
static void set(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct json_value v;
    STRICT(n, args);
    bool creates = n < 4 || sqlite3_value_int(args[3]);
    if (tree_of(c, args[2], &v))
        change_document(c, args[0], args[1], &v, creates ? CHANGE_CREATE : CHANGE_REPLACE);
}

/* jsonb_insert(document, path, value, insert_after) */
static void insert(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct json_value v;
    STRICT(n, args);
    bool after = n > 3 && sqlite3_value_int(args[3]);
    if (tree_of(c, args[2], &v))
        change_document(c, args[0], args[1], &v, after ? CHANGE_AFTER : CHANGE_BEFORE);
}

static void delete_path(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    change_document(c, args[0], args[1], NULL, CHANGE_DELETE);
}

/* jsonb_set_lax(document, path, value, create_if_missing, null_value_treatment) */
static void set_lax(sqlite3_context *c, int n, sqlite3_value **args)
{
    if (local_has_null(2, args) || (n > 3 && sqlite3_value_type(args[3]) == SQLITE_NULL))
        return;
    struct str treatment = n > 4 ? local_text(args[4]) : STR("use_json_null");
    const struct json_value null = { .kind = JSON_NULL };
    bool creates = n < 4 || sqlite3_value_int(args[3]);
    if (sqlite3_value_type(args[2]) != SQLITE_NULL && treatment.p)
        set(c, 4, args);
    else if (str_is(treatment, "raise_exception")) {
        err_set(errors(c), SQLSTATE_NULL_VALUE_NOT_ALLOWED, "JSON value must not be null");
        err_detail(errors(c), "Exception was raised because null_value_treatment is \"raise_exception\".");
        err_hint(errors(c),
                 "To avoid, either change the null_value_treatment argument or ensure that an SQL NULL is not passed.");
        local_fail(c);
    } else if (str_is(treatment, "use_json_null"))
        change_document(c, args[0], args[1], &null, creates ? CHANGE_CREATE : CHANGE_REPLACE);
    else if (str_is(treatment, "delete_key"))
        change_document(c, args[0], args[1], NULL, CHANGE_DELETE);
    else if (str_is(treatment, "return_target"))
        sqlite3_result_value(c, args[0]);
    else
        fail_with(c, SQLSTATE_INVALID_PARAMETER_VALUE,
                  "null_value_treatment must be \"delete_key\", \"return_target\", \"use_json_null\", or "
                  "\"raise_exception\"");
}

/* ---- without nulls, over several lines */

static void strip(struct json_value *v)
{
    size_t kept = 0;
    for (size_t i = 0; v->kind == JSON_ARRAY && i < v->array.n; i++)
        strip(&v->array.items[i]);
    if (v->kind != JSON_OBJECT)
        return;
    for (size_t i = 0; i < v->object.n; i++)
        if (v->object.members[i].value.kind != JSON_NULL) {
            strip(&v->object.members[i].value);
            v->object.members[kept++] = v->object.members[i];
        }
    v->object.n = kept;
}

static void jsonb_strip_nulls(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct json_value v;
    STRICT(n, args);
    if (!tree_of(c, args[0], &v))
        return;
    strip(&v);
    result_tree(c, &v);
}

static void json_strip_nulls(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct json_value v;
    struct buf out;
    STRICT(n, args);
    if (!json_parse(local_text(args[0]), scratch(c), &v, errors(c))) {
        local_fail(c);
        return;
    }
    strip(&v);
    buf_init(&out, MAX_RESULT);
    json_print_compact(&v, &out);
    result_buf(c, &out);
}

static void new_line(struct buf *out, int level)
{
    buf_add_char(out, '\n');
    for (int i = 0; i < level; i++)
        buf_add_str(out, STR("    "));
}

static void print_lines(const struct json_value *v, int level, struct buf *out)
{
    bool is_object = v->kind == JSON_OBJECT;
    if (!is_container(v)) {
        jsonb_print(v, out);
        return;
    }
    buf_add_char(out, is_object ? '{' : '[');
    for (size_t i = 0; i < parts_of(v) && !out->failed; i++) {
        if (i)
            buf_add_char(out, ',');
        new_line(out, level + 1);
        if (is_object) {
            json_print_string(v->object.members[i].key, out);
            buf_add_str(out, STR(": "));
        }
        print_lines(is_object ? &v->object.members[i].value : &v->array.items[i], level + 1, out);
    }
    new_line(out, level);
    buf_add_char(out, is_object ? '}' : ']');
}

static void pretty(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct json_value v;
    struct buf out;
    STRICT(n, args);
    if (!tree_of(c, args[0], &v))
        return;
    buf_init(&out, MAX_RESULT);
    print_lines(&v, 0, &out);
    result_buf(c, &out);
}

enum { PURE = LOCAL_DETERMINISTIC | LOCAL_STRICT };

static const struct local_function functions[] = {
    { .name = "pg_jsonb_concat", .n_args = 2, .flags = PURE, .call = concatenate },
    { .name = "pg_jsonb_delete", .n_args = 2, .flags = PURE, .call = delete_key },
    { .name = "pg_jsonb_delete_array", .n_args = 2, .flags = PURE, .call = delete_keys },
    { .name = "pg_jsonb_delete_idx", .n_args = 2, .flags = PURE, .call = delete_index },
    { .name = "pg_jsonb_delete_path", .n_args = 2, .flags = PURE, .call = delete_path },
    { .name = "pg_jsonb_set", .n_args = 3, .flags = PURE | LOCAL_ANY_ARGS, .call = set },
    { .name = "pg_jsonb_set_lax", .n_args = 3, .flags = LOCAL_DETERMINISTIC | LOCAL_ANY_ARGS, .call = set_lax },
    { .name = "pg_jsonb_insert", .n_args = 3, .flags = PURE | LOCAL_ANY_ARGS, .call = insert },
    { .name = "pg_json_strip_nulls", .n_args = 1, .flags = PURE, .call = json_strip_nulls },
    { .name = "pg_jsonb_strip_nulls", .n_args = 1, .flags = PURE, .call = jsonb_strip_nulls },
    { .name = "pg_jsonb_pretty", .n_args = 1, .flags = PURE, .call = pretty },
};

const struct local_family local_family_jsonb_change = { .functions = functions,
                                                        .n_functions = sizeof(functions) / sizeof(functions[0]) };
