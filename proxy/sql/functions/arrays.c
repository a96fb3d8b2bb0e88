/*
 * arrays.c - arrays (PostgreSQL 9.19; names are pg_proc's prosrc), collations that order them.
 *
 * An array is read into its dimensions and one flat list of JSON elements in the order they are written, and printed from it;
 * numbers keep their digits. Functions with TYPES get the OIDs of their arguments first.
 */
#include "proxy/sql/functions/order.h"
#include "proxy/sql/functions/results.h"
#include "proxy/sql/functions/typed.h"

enum { MAX_DIMENSIONS = 6, MAX_ELEMENTS = 134217727, MAX_FILL = 4000000 };

struct array {
    int n_dims; /* 0: empty */
    int64_t dim[MAX_DIMENSIONS];
    size_t n;
    struct json_value *items;
};

/* ---- reading */

static bool bad_array(sqlite3_context *c, struct str text)
{
    err_clear(errors(c));
    fail_with(c, SQLSTATE_INVALID_TEXT_REPRESENTATION, "a stored array is not a JSON array of one shape: \"%.*s\"",
              STR_FMT(text));
    return false;
}

/* Copies the elements below v; false where the branch has another shape than the first one. */
static bool flatten(const struct json_value *v, int level, struct array *a)
{
    if (level == a->n_dims) {
        if (v->kind == JSON_ARRAY)
            return false;
        a->items[a->n++] = *v;
        return true;
    }
    if (v->kind != JSON_ARRAY || (int64_t)v->array.n != a->dim[level])
        return false;
    for (size_t i = 0; i < v->array.n; i++)
        if (!flatten(&v->array.items[i], level + 1, a))
            return false;
    return true;
}

static bool read_array(sqlite3_context *c, sqlite3_value *value, struct array *ret)
{
    struct str text = local_text(value);
    struct json_value tree;
    size_t total = 1;
    *ret = (struct array){ 0 };
    if (!json_parse(text, scratch(c), &tree, errors(c)) || tree.kind != JSON_ARRAY)
        return bad_array(c, text);
    if (tree.array.n == 0)
        return true;
    for (const struct json_value *v = &tree; v->kind == JSON_ARRAY; v = &v->array.items[0]) {
        if (ret->n_dims == MAX_DIMENSIONS || v->array.n == 0)
            return bad_array(c, text);
        ret->dim[ret->n_dims++] = (int64_t)v->array.n;
        total *=
            v->array
                .n; /* at most text.n when every branch is that long, which flatten() checks before it copies more */
        if (total > text.n)
            return bad_array(c, text);
    }
    ret->items = ARENA_ARRAY(scratch(c), struct json_value, total);
    if (!ret->items) {
        local_fail(c);
        return false;
    }
    return flatten(&tree, 0, ret) || bad_array(c, text);
}

/* NULL reads as the empty array. */
static bool read_optional(sqlite3_context *c, sqlite3_value *value, struct array *ret)
{
    *ret = (struct array){ 0 };
    return sqlite3_value_type(value) == SQLITE_NULL || read_array(c, value, ret);
}

/* One dimension with room for `more` elements behind what is there. */
static bool make_room(sqlite3_context *c, const struct array *a, size_t more, struct array *ret)
{
    struct json_value *items = ARENA_ARRAY(scratch(c), struct json_value, a->n + more);
    if (!items) {
        local_fail(c);
        return false;
    }
    if (a->n)
        memcpy(items, a->items, a->n * sizeof(*items));
    *ret = *a;
    ret->items = items;
    return true;
}

/* A value of SQL as an element. */
static bool element_of_value(sqlite3_context *c, sqlite3_value *value, struct json_value *ret)
{
    struct value v = local_argument(value);
    struct buf text;
    struct str kept = { 0 };
    buf_init(&text, MAX_RESULT * 2);
    if (add_cell(&text, scratch(c), &v) && !text.failed)
        kept = arena_str(scratch(c), buf_str(&text));
    buf_fini(&text);
    if (kept.p && json_parse(kept, scratch(c), ret, errors(c)))
        return true;
    local_fail(c);
    return false;
}

/* Type of the elements of an array type; of an element type itself. */
static oid_t element_type(sqlite3_value *oid)
{
    oid_t type = (oid_t)sqlite3_value_int64(oid);
    const struct type_info *info = type_find(type);
    if (type == TYPE_OID_int2vector)
        return TYPE_OID_int2;
    if (type == TYPE_OID_oidvector)
        return TYPE_OID_oid;
    return info && info->element ? info->element : type;
}

/* ---- writing */

static void print_level(const struct array *a, int level, size_t *at, struct buf *out)
{
    buf_add_char(out, '[');
    for (int64_t i = 0; level < a->n_dims && i < a->dim[level]; i++) {
        if (i)
            buf_add_char(out, ',');
        if (level + 1 == a->n_dims)
            json_print_compact(&a->items[(*at)++], out);
        else
            print_level(a, level + 1, at, out);
    }
    buf_add_char(out, ']');
}

static void result_array(sqlite3_context *c, const struct array *a)
{
    struct buf out;
    size_t at = 0;
    buf_init(&out, MAX_RESULT);
    print_level(a, 0, &at, &out);
    result_buf(c, &out);
}

/* A list as an array of one dimension. */
static void result_list(sqlite3_context *c, struct json_value *items, size_t n)
{
    struct array a = { .n_dims = n > 0, .dim = { (int64_t)n }, .n = n, .items = items };
    result_array(c, &a);
}

/* ---- equality */

static bool can_compare(sqlite3_context *c, oid_t element)
{
    if (element != TYPE_OID_json && element != TYPE_OID_xml && element != TYPE_OID_point &&
        element != TYPE_OID_jsonpath)
        return true;
    fail_with(c, SQLSTATE_UNDEFINED_FUNCTION, "could not identify an equality operator for type %.*s",
              STR_FMT(type_format(element, -1, scratch(c))));
    return false;
}

static bool same(oid_t element, const struct json_value *a, const struct json_value *b)
{
    return order_elements(element, a, b) == 0;
}

static bool member_of(oid_t element, const struct json_value *v, const struct array *a)
{
    for (size_t i = 0; v->kind != JSON_NULL && i < a->n; i++)
        if (same(element, v, &a->items[i]))
            return true;
    return false;
}

/* a @> b: every element of b is in a; NULL is in nothing. */
static void contains_in(sqlite3_context *c, sqlite3_value *type, sqlite3_value *whole, sqlite3_value *part)
{
    struct array a, b;
    oid_t element = element_type(type);
    bool all = true;
    if (!can_compare(c, element) || !read_array(c, whole, &a) || !read_array(c, part, &b))
        return;
    for (size_t i = 0; all && i < b.n; i++)
        all = member_of(element, &b.items[i], &a);
    result_bool(c, all);
}

static void contains(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    contains_in(c, args[0], args[2], args[3]);
}

static void contained(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    contains_in(c, args[0], args[3], args[2]);
}

static void overlap(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct array a, b;
    bool any = false;
    STRICT(n, args);
    oid_t element = element_type(args[0]);
    if (!can_compare(c, element) || !read_array(c, args[2], &a) || !read_array(c, args[3], &b))
        return;
    for (size_t i = 0; !any && i < b.n; i++)
        any = member_of(element, &b.items[i], &a);
    result_bool(c, any);
}

static bool order_of(sqlite3_context *c, sqlite3_value **args, int *ret)
{
    oid_t element = element_type(args[0]);
    if (!can_compare(c, element))
        return false;
    *ret = order_arrays(element, local_text(args[2]), local_text(args[3]));
    return true;
}

#define COMPARES(name, result)                                                                                         \
    static void name(sqlite3_context *c, int n, sqlite3_value **args)                                                  \
    {                                                                                                                  \
        int order;                                                                                                     \
        STRICT(n, args);                                                                                               \
        if (order_of(c, args, &order))                                                                                 \
            result;                                                                                                    \
    }
COMPARES(equal, result_bool(c, order == 0))
COMPARES(not_equal, result_bool(c, order != 0))
COMPARES(less, result_bool(c, order < 0))
COMPARES(less_equal, result_bool(c, order <= 0))
COMPARES(greater, result_bool(c, order > 0))
COMPARES(greater_equal, result_bool(c, order >= 0))
COMPARES(larger, sqlite3_result_value(c, args[order > 0 ? 2 : 3]))
COMPARES(smaller, sqlite3_result_value(c, args[order < 0 ? 2 : 3]))

/* ---- dimensions */

static void dims(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct array a;
    struct buf out;
    STRICT(n, args);
    if (!read_array(c, args[0], &a) || a.n_dims == 0)
        return;
    buf_init(&out, MAX_RESULT);
    for (int i = 0; i < a.n_dims; i++)
        buf_printf(&out, "[1:%lld]", (long long)a.dim[i]);
    result_buf(c, &out);
}

static void n_dims(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct array a;
    STRICT(n, args);
    if (read_array(c, args[0], &a) && a.n_dims)
        sqlite3_result_int(c, a.n_dims);
}

static void cardinality(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct array a;
    STRICT(n, args);
    if (read_array(c, args[1], &a))
        sqlite3_result_int64(c, (sqlite3_int64)a.n);
}

/* What int2vector and oidvector count from, unlike every other array here. */
static int64_t first_subscript(sqlite3_value *type)
{
    sqlite3_int64 oid = sqlite3_value_int64(type);
    return oid == TYPE_OID_int2vector || oid == TYPE_OID_oidvector ? 0 : 1;
}

/* Elements of one dimension; -1 after an error or where there is no such dimension. */
static int64_t length_of(sqlite3_context *c, sqlite3_value **args)
{
    struct array a;
    sqlite3_int64 dimension = sqlite3_value_int64(args[1]);
    if (!read_array(c, args[0], &a) || dimension < 1 || dimension > a.n_dims)
        return -1;
    return a.dim[dimension - 1];
}

static void length(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    int64_t found = length_of(c, args + 2);
    if (found >= 0)
        sqlite3_result_int64(c, found);
}

static void lower(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    if (length_of(c, args + 2) >= 0)
        sqlite3_result_int64(c, first_subscript(args[0]));
}

static void upper(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    int64_t found = length_of(c, args + 2);
    if (found >= 0)
        sqlite3_result_int64(c, found + first_subscript(args[0]) - 1);
}

static void subscripts(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct rows rows;
    STRICT(n, args);
    sqlite3_value **values = args + n / 2;
    int64_t size = length_of(c, values), first = first_subscript(args[0]);
    bool reverse = n > 4 && sqlite3_value_int(values[2]), ok = true;
    if (err_is_set(errors(c)))
        return;
    rows_start(&rows, c);
    for (int64_t i = 0; ok && i < size; i++) {
        struct value v = value_integer(first + (reverse ? size - 1 - i : i));
        ok = rows_add(&rows, &v, 1);
    }
    if (ok)
        rows_give(&rows);
    else
        rows_drop(&rows);
}

/* What unnest() reads with json_each(): all elements in one dimension. */
static void unnest(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct array a;
    STRICT(n, args);
    if (strncmp(local_text(args[0]).p, "[[", 2) != 0)
        sqlite3_result_value(c, args[0]);
    else if (read_array(c, args[0], &a))
        result_list(c, a.items, a.n);
}

/* pg1_reshape(array, list): the elements of the list in the dimensions of the array. */
static void reshape(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct array a, b;
    STRICT(n, args);
    if (!read_array(c, args[0], &a) || !read_array(c, args[1], &b))
        return;
    a.items = b.items;
    if (a.n == b.n)
        result_array(c, &a);
    else
        bad_array(c, local_text(args[1]));
}

/* pg1_ranks(array, labels): each element's place among the labels. */
static void ranks(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct array a, labels;
    STRICT(n, args);
    if (!read_array(c, args[0], &a) || !read_array(c, args[1], &labels))
        return;
    for (size_t i = 0; i < a.n; i++) {
        size_t at = 0;
        if (a.items[i].kind != JSON_STRING)
            continue;
        while (at < labels.n && !str_eq(labels.items[at].text, a.items[i].text))
            at++;
        a.items[i] = (struct json_value){ .kind = JSON_NUMBER, .text = arena_printf(scratch(c), "%zu", at) };
    }
    result_array(c, &a);
}

/* ---- putting together */

static bool one_dimension(sqlite3_context *c, const struct array *a)
{
    if (a->n_dims > 1)
        fail_with(c, SQLSTATE_DATA_EXCEPTION, "argument must be empty or one-dimensional array");
    return a->n_dims <= 1;
}

static void add_one(sqlite3_context *c, sqlite3_value *array, sqlite3_value *value, bool in_front)
{
    struct array a, b;
    struct json_value v;
    if (!read_optional(c, array, &a) || !one_dimension(c, &a) || !element_of_value(c, value, &v) ||
        !make_room(c, &a, 1, &b))
        return;
    if (in_front && a.n)
        memcpy(b.items + 1, a.items, a.n * sizeof(v));
    b.items[in_front ? 0 : a.n] = v;
    result_list(c, b.items, a.n + 1);
}

static void append(sqlite3_context *c, int n, sqlite3_value **args)
{
    (void)n;
    add_one(c, args[2], args[3], false);
}

static void prepend(sqlite3_context *c, int n, sqlite3_value **args)
{
    (void)n;
    add_one(c, args[3], args[2], true);
}

static bool cannot_join(sqlite3_context *c, const char *detail, int a, int b)
{
    err_set(errors(c), SQLSTATE_ARRAY_ELEMENT_ERROR, "cannot concatenate incompatible arrays");
    if (detail)
        err_detail(errors(c), "%s", detail);
    else
        err_detail(errors(c), "Arrays of %d and %d dimensions are not compatible for concatenation.", a, b);
    local_fail(c);
    return false;
}

/* The dimensions of a || b, both not empty: the same number of them, or one array is an element of the other. */
static bool joined_shape(sqlite3_context *c, const struct array *a, const struct array *b, struct array *ret)
{
    const struct array *outer = a->n_dims >= b->n_dims ? a : b, *inner = outer == a ? b : a;
    int apart = outer->n_dims - inner->n_dims;
    if (apart > 1)
        return cannot_join(c, NULL, a->n_dims, b->n_dims);
    for (int i = 1; i < outer->n_dims; i++)
        if (outer->dim[i] != inner->dim[i - apart])
            return cannot_join(c,
                               apart ? "Arrays with differing dimensions are not compatible for concatenation."
                                     : "Arrays with differing element dimensions are not compatible for concatenation.",
                               0, 0);
    *ret = *outer;
    ret->dim[0] = outer->dim[0] + (apart ? 1 : inner->dim[0]);
    return true;
}

static void concatenate(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct array a, b, shape, joined;
    (void)n;
    sqlite3_value *x = args[2], *y = args[3];
    if (sqlite3_value_type(x) == SQLITE_NULL || sqlite3_value_type(y) == SQLITE_NULL) {
        sqlite3_result_value(c, sqlite3_value_type(x) == SQLITE_NULL ? y : x);
        return;
    }
    if (!read_array(c, x, &a) || !read_array(c, y, &b))
        return;
    if (a.n_dims == 0 || b.n_dims == 0) {
        sqlite3_result_value(c, a.n_dims == 0 ? y : x);
        return;
    }
    if (!joined_shape(c, &a, &b, &shape) || !make_room(c, &a, b.n, &joined))
        return;
    memcpy(joined.items + a.n, b.items, b.n * sizeof(*b.items));
    shape.items = joined.items;
    shape.n = a.n + b.n;
    result_array(c, &shape);
}

/* ---- filling */

static bool bad_fill(sqlite3_context *c, enum sqlstate code, const char *message, const char *detail)
{
    err_set(errors(c), code, "%s", message);
    if (detail)
        err_detail(errors(c), "%s", detail);
    local_fail(c);
    return false;
}

/* int4[] without NULLs in one dimension. */
static bool read_numbers(sqlite3_context *c, sqlite3_value *value, int64_t *ret, size_t *ret_n)
{
    struct array a;
    if (sqlite3_value_type(value) == SQLITE_NULL)
        return bad_fill(c, SQLSTATE_NULL_VALUE_NOT_ALLOWED, "dimension array or low bound array cannot be null", NULL);
    if (!read_array(c, value, &a))
        return false;
    if (a.n_dims > 1)
        return bad_fill(c, SQLSTATE_ARRAY_ELEMENT_ERROR, "wrong number of array subscripts",
                        "Dimension array must be one dimensional.");
    for (size_t i = 0; i < a.n; i++)
        if (a.items[i].kind == JSON_NULL)
            return bad_fill(c, SQLSTATE_NULL_VALUE_NOT_ALLOWED, "dimension values cannot be null", NULL);
    if (a.n > MAX_DIMENSIONS) {
        fail_with(c, SQLSTATE_PROGRAM_LIMIT_EXCEEDED,
                  "number of array dimensions (%zu) exceeds the maximum allowed (%d)", a.n, (int)MAX_DIMENSIONS);
        return false;
    }
    for (size_t i = 0; i < a.n; i++)
        if (!str_to_int64(a.items[i].text, &ret[i]))
            return bad_array(c, local_text(value));
    *ret_n = a.n;
    return true;
}

static bool filled_size(sqlite3_context *c, const int64_t *dim, size_t n, size_t *ret)
{
    int64_t total = n ? 1 : 0;
    for (size_t i = 0; i < n; i++) {
        bool fits = dim[i] >= 0 && !__builtin_mul_overflow(total, dim[i], &total) && total <= MAX_ELEMENTS;
        if (!fits) {
            fail_with(c, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "array size exceeds the maximum allowed (%d)",
                      (int)MAX_ELEMENTS);
            return false;
        }
    }
    if (total > MAX_FILL) {
        fail_with(c, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "array size exceeds the maximum allowed here (%d)",
                  (int)MAX_FILL);
        return false;
    }
    *ret = (size_t)total;
    return true;
}

static bool bounds_are_one(sqlite3_context *c, sqlite3_value *value, size_t n_dims_wanted)
{
    int64_t low[MAX_DIMENSIONS];
    size_t n;
    if (!read_numbers(c, value, low, &n))
        return false;
    if (n != n_dims_wanted)
        return bad_fill(c, SQLSTATE_ARRAY_ELEMENT_ERROR, "wrong number of array subscripts",
                        "Low bound array has different size than dimensions array.");
    for (size_t i = 0; i < n; i++)
        if (low[i] != 1) {
            err_unsupported(errors(c), "an array with a lower bound other than 1");
            err_hint(errors(c), "Arrays are stored as JSON, which counts from the first element.");
            local_fail(c);
            return false;
        }
    return true;
}

/* array_fill(element, dimensions [, lower bounds]) */
static void fill(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct array a = { 0 };
    struct json_value v;
    size_t dimensions;
    sqlite3_value **values = args + n / 2;
    if (n == 6 && sqlite3_value_type(values[2]) == SQLITE_NULL) {
        bad_fill(c, SQLSTATE_NULL_VALUE_NOT_ALLOWED, "dimension array or low bound array cannot be null", NULL);
        return;
    }
    if (!read_numbers(c, values[1], a.dim, &dimensions) || (n == 6 && !bounds_are_one(c, values[2], dimensions)) ||
        !filled_size(c, a.dim, dimensions, &a.n) || !element_of_value(c, values[0], &v))
        return;
    a.n_dims = a.n ? (int)dimensions : 0;
    a.items = ARENA_ARRAY(scratch(c), struct json_value, a.n);
    if (!a.items) {
        local_fail(c);
        return;
    }
    for (size_t i = 0; i < a.n; i++)
        a.items[i] = v;
    result_array(c, &a);
}

/* ---- searching */

/* Reads what array_position and its kin search; false after an error. */
static bool read_search(sqlite3_context *c, sqlite3_value **args, int n, struct array *a, struct json_value *v)
{
    sqlite3_value **values = args + n / 2;
    if (!can_compare(c, element_type(args[0])) || !read_array(c, values[0], a))
        return false;
    if (a->n_dims > 1) {
        err_set(errors(c), SQLSTATE_FEATURE_NOT_SUPPORTED,
                "searching for elements in multidimensional arrays is not supported");
        local_fail(c);
        return false;
    }
    return element_of_value(c, values[1], v);
}

static bool has_null_item(const struct array *a)
{
    for (size_t i = 0; i < a->n; i++)
        if (a->items[i].kind == JSON_NULL)
            return true;
    return false;
}

static void position(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct array a;
    struct json_value v;
    sqlite3_value **values = args + n / 2;
    if (sqlite3_value_type(values[0]) == SQLITE_NULL || !read_search(c, args, n, &a, &v) || a.n_dims == 0)
        return;
    sqlite3_int64 first = first_subscript(args[0]), from = first;
    if (sqlite3_value_type(values[1]) == SQLITE_NULL && !has_null_item(&a))
        return;
    if (n == 6) {
        if (sqlite3_value_type(values[2]) == SQLITE_NULL) {
            fail_with(c, SQLSTATE_NULL_VALUE_NOT_ALLOWED, "initial position must not be null");
            return;
        }
        from = sqlite3_value_int64(values[2]);
    }
    for (size_t i = from > first ? (size_t)(from - first) : 0; i < a.n; i++)
        if (same(element_type(args[0]), &v, &a.items[i])) {
            sqlite3_result_int64(c, (sqlite3_int64)i + first);
            return;
        }
}

static void positions(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct array a;
    struct json_value v;
    struct buf out;
    if (sqlite3_value_type(args[2]) == SQLITE_NULL || !read_search(c, args, n, &a, &v))
        return;
    buf_init(&out, MAX_RESULT);
    buf_add_char(&out, '[');
    for (size_t i = 0; i < a.n; i++)
        if (same(element_type(args[0]), &v, &a.items[i]))
            buf_printf(&out, "%s%lld", out.n > 1 ? "," : "", (long long)i + first_subscript(args[0]));
    buf_add_char(&out, ']');
    result_buf(c, &out);
}

static void remove_all(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct array a;
    struct json_value v;
    size_t kept = 0;
    (void)n;
    if (sqlite3_value_type(args[2]) == SQLITE_NULL || !can_compare(c, element_type(args[0])) ||
        !read_array(c, args[2], &a))
        return;
    if (a.n_dims > 1) {
        fail_with(c, SQLSTATE_FEATURE_NOT_SUPPORTED, "removing elements from multidimensional arrays is not supported");
        return;
    }
    if (!element_of_value(c, args[3], &v))
        return;
    for (size_t i = 0; i < a.n; i++)
        if (!same(element_type(args[0]), &v, &a.items[i]))
            a.items[kept++] = a.items[i];
    result_list(c, a.items, kept);
}

static void replace_all(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct array a;
    struct json_value old, new;
    (void)n;
    if (sqlite3_value_type(args[3]) == SQLITE_NULL || !can_compare(c, element_type(args[0])) ||
        !read_array(c, args[3], &a) || !element_of_value(c, args[4], &old) || !element_of_value(c, args[5], &new))
        return;
    for (size_t i = 0; i < a.n; i++)
        if (same(element_type(args[0]), &old, &a.items[i]))
            a.items[i] = new;
    result_array(c, &a);
}

/* width_bucket(value, thresholds): how many of the sorted thresholds are not above the value. */
static void width_bucket(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct array a;
    struct json_value v;
    size_t low = 0;
    STRICT(n, args);
    oid_t element = element_type(args[1]);
    if (!can_compare(c, element) || !read_array(c, args[3], &a))
        return;
    if (a.n_dims > 1) {
        fail_with(c, SQLSTATE_ARRAY_ELEMENT_ERROR, "thresholds must be one-dimensional array");
        return;
    }
    for (size_t i = 0; i < a.n; i++)
        if (a.items[i].kind == JSON_NULL) {
            fail_with(c, SQLSTATE_NULL_VALUE_NOT_ALLOWED, "thresholds array must not contain NULLs");
            return;
        }
    if (!element_of_value(c, args[2], &v))
        return;
    for (size_t high = a.n; low < high;) {
        size_t middle = low + (high - low) / 2;
        if (order_elements(element, &v, &a.items[middle]) < 0)
            high = middle;
        else
            low = middle + 1;
    }
    sqlite3_result_int64(c, (sqlite3_int64)low);
}

/* trim_array(array, n): without the last n of the first dimension. */
static void trim(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct array a;
    STRICT(n, args);
    sqlite3_int64 count = sqlite3_value_int64(args[3]);
    if (!read_array(c, args[2], &a))
        return;
    int64_t size = a.n_dims ? a.dim[0] : 0;
    if (count < 0 || count > size) {
        fail_with(c, SQLSTATE_ARRAY_ELEMENT_ERROR, "number of elements to trim must be between 0 and %lld",
                  (long long)size);
        return;
    }
    if (count == size)
        a.n_dims = 0;
    else
        a.dim[0] -= count;
    result_array(c, &a);
}

/* ---- texts */

/* array_to_string(array, delimiter [, text for NULL]) */
static void to_text(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct array a;
    struct buf out;
    struct str text;
    bool first = true, ok = true;
    sqlite3_value **values = args + n / 2;
    oid_t element = element_type(args[0]);
    if (local_has_null(2, values) || !read_array(c, values[0], &a))
        return;
    bool shows_null = n == 6 && sqlite3_value_type(values[2]) != SQLITE_NULL;
    struct str delimiter = local_text(values[1]);
    buf_init(&out, MAX_RESULT);
    for (size_t i = 0; ok && i < a.n; i++) {
        struct value v;
        if (a.items[i].kind == JSON_NULL && !shows_null)
            continue;
        if (!first)
            buf_add_str(&out, delimiter);
        first = false;
        if (a.items[i].kind == JSON_NULL) {
            buf_add_str(&out, local_text(values[2]));
            continue;
        }
        ok = element_value(c, element, &a.items[i], &v) && value_to_text(c, element, &v, &text);
        if (ok)
            buf_add_str(&out, text);
    }
    if (ok)
        result_buf(c, &out);
    else
        buf_fini(&out);
}

struct splitter {
    struct str rest, separator, null_text;
    bool by_character, has_null_text, done;
};

static size_t character_width(struct str s)
{
    size_t n = 1;
    while (n < s.n && ((unsigned char)s.p[n] & 0xC0) == 0x80)
        n++;
    return n;
}

static struct splitter splitter_on(int n, sqlite3_value **args)
{
    struct splitter s = { .rest = local_text(args[0]), .by_character = sqlite3_value_type(args[1]) == SQLITE_NULL };
    s.separator = s.by_character ? STR("") : local_text(args[1]);
    s.has_null_text = n > 2 && sqlite3_value_type(args[2]) != SQLITE_NULL;
    s.null_text = s.has_null_text ? local_text(args[2]) : STR("");
    s.done = s.rest.n == 0;
    return s;
}

/* The next field; the last one ends it. */
static bool next_field(struct splitter *s, struct value *ret)
{
    struct str field = s->rest;
    if (s->done)
        return false;
    if (s->by_character) {
        field.n = character_width(s->rest);
        s->rest = (struct str){ s->rest.p + field.n, s->rest.n - field.n };
        s->done = s->rest.n == 0;
    } else {
        ptrdiff_t at = s->separator.n ? str_find(s->rest, s->separator) : -1;
        if (at >= 0) {
            field.n = (size_t)at;
            s->rest = (struct str){ s->rest.p + field.n + s->separator.n, s->rest.n - field.n - s->separator.n };
        } else {
            s->done = true;
        }
    }
    *ret = s->has_null_text && str_eq(field, s->null_text) ? value_null() : value_text(field);
    return true;
}

/* string_to_array and string_to_table give the same text: a JSON array of texts. */
static void split(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct rows rows;
    struct value v;
    bool ok = true;
    if (sqlite3_value_type(args[0]) == SQLITE_NULL)
        return;
    struct splitter s = splitter_on(n, args);
    rows_start(&rows, c);
    while (ok && next_field(&s, &v))
        ok = rows_add(&rows, &v, 1);
    if (ok)
        rows_give(&rows);
    else
        rows_drop(&rows);
}

/* ---- array_agg(anyarray) */

struct collected {
    struct buf text; /* without the closing bracket */
    bool ready;
    struct array shape; /* of each input */
};

static bool same_shape(const struct array *a, const struct array *b)
{
    bool same_dims = a->n_dims == b->n_dims;
    for (int i = 0; same_dims && i < a->n_dims; i++)
        same_dims = a->dim[i] == b->dim[i];
    return same_dims;
}

static void too_deep(sqlite3_context *c, int dimensions)
{
    fail_with(c, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "number of array dimensions (%d) exceeds the maximum allowed (%d)",
              dimensions, (int)MAX_DIMENSIONS);
}

static bool may_collect(sqlite3_context *c, const struct collected *s, sqlite3_value *v, struct array *a)
{
    if (sqlite3_value_type(v) == SQLITE_NULL) {
        fail_with(c, SQLSTATE_NULL_VALUE_NOT_ALLOWED, "cannot accumulate null arrays");
        return false;
    }
    if (!read_array(c, v, a))
        return false;
    if (a->n_dims == 0)
        fail_with(c, SQLSTATE_ARRAY_ELEMENT_ERROR, "cannot accumulate empty arrays");
    else if (a->n_dims == MAX_DIMENSIONS)
        too_deep(c, MAX_DIMENSIONS + 1);
    else if (s->ready && !same_shape(&s->shape, a))
        fail_with(c, SQLSTATE_ARRAY_ELEMENT_ERROR, "cannot accumulate arrays of different dimensionality");
    else
        return true;
    return false;
}

static void collect(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct collected *s = sqlite3_aggregate_context(c, sizeof(*s));
    struct array a;
    (void)n;
    if (!s || !may_collect(c, s, args[0], &a))
        return;
    if (!s->ready) {
        buf_init(&s->text, MAX_RESULT);
        s->shape = a;
    }
    buf_add_char(&s->text, s->ready ? ',' : '[');
    buf_add_str(&s->text, local_text(args[0]));
    s->ready = true;
}

static void collected(sqlite3_context *c)
{
    struct collected *s = sqlite3_aggregate_context(c, 0);
    if (!s || !s->ready)
        return;
    buf_add_char(&s->text, ']');
    result_buf(c, &s->text);
}

/* ---- ARRAY[array, …] */

/* Each of the two is even in itself. */
static bool are_alike(const struct json_value *a, const struct json_value *b)
{
    while (a->kind == JSON_ARRAY && b->kind == JSON_ARRAY && a->array.n == b->array.n && a->array.n)
        a = &a->array.items[0], b = &b->array.items[0];
    return a->kind != JSON_ARRAY && b->kind != JSON_ARRAY;
}

static int depth_of(const struct json_value *v)
{
    int depth = 0;
    for (; v->kind == JSON_ARRAY && v->array.n; v = &v->array.items[0])
        depth++;
    return depth;
}

/* pg_array_nest(list of arrays): NULL counts as an empty one, and nothing but empty ones is empty. */
static void nest(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct json_value tree;
    size_t n_empty = 0;
    int deepest = 0; /* PostgreSQL stops at the first that is too deep, before it compares */
    STRICT(n, args);
    if (!json_parse(local_text(args[0]), scratch(c), &tree, errors(c)) || tree.kind != JSON_ARRAY) {
        bad_array(c, local_text(args[0]));
        return;
    }
    for (size_t i = 0; i < tree.array.n; i++) {
        int depth = depth_of(&tree.array.items[i]);
        n_empty += depth == 0;
        deepest = depth > deepest ? depth : deepest;
    }
    bool even = n_empty == 0;
    for (size_t i = 1; i < tree.array.n && even; i++)
        even = are_alike(&tree.array.items[0], &tree.array.items[i]);
    if (n_empty == tree.array.n)
        result_list(c, NULL, 0);
    else if (deepest >= MAX_DIMENSIONS)
        too_deep(c, deepest + 1);
    else if (even)
        sqlite3_result_value(c, args[0]);
    else
        fail_with(c, SQLSTATE_ARRAY_ELEMENT_ERROR,
                  "multidimensional arrays must have array expressions with matching dimensions");
}

/* ---- tables */

enum { PURE = LOCAL_DETERMINISTIC, STRICT_PURE = LOCAL_DETERMINISTIC | LOCAL_STRICT };

static const struct local_function functions[] = {
    { .name = "pg_array_append", .n_args = 4, .flags = PURE, .call = append },
    { .name = "pg_array_prepend", .n_args = 4, .flags = PURE, .call = prepend },
    { .name = "pg_array_cat", .n_args = 4, .flags = PURE, .call = concatenate },
    { .name = "pg_array_nest", .n_args = 1, .flags = STRICT_PURE, .call = nest },
    { .name = "pg_array_dims", .n_args = 1, .flags = STRICT_PURE, .call = dims },
    { .name = "pg_array_ndims", .n_args = 1, .flags = STRICT_PURE, .call = n_dims },
    { .name = "pg_array_cardinality", .n_args = 2, .flags = STRICT_PURE, .call = cardinality },
    { .name = "pg_array_length", .n_args = 4, .flags = STRICT_PURE, .call = length },
    { .name = "pg_array_lower", .n_args = 4, .flags = STRICT_PURE, .call = lower },
    { .name = "pg_array_upper", .n_args = 4, .flags = STRICT_PURE, .call = upper },
    { .name = "pg_array_fill", .n_args = 4, .flags = PURE, .call = fill },
    { .name = "pg_array_fill_with_lower_bounds", .n_args = 6, .flags = PURE, .call = fill },
    { .name = "pg_array_position", .n_args = 4, .flags = PURE, .call = position },
    { .name = "pg_array_position_start", .n_args = 6, .flags = PURE, .call = position },
    { .name = "pg_array_positions", .n_args = 4, .flags = PURE, .call = positions },
    { .name = "pg_array_remove", .n_args = 4, .flags = PURE, .call = remove_all },
    { .name = "pg_array_replace", .n_args = 6, .flags = PURE, .call = replace_all },
    { .name = "pg_width_bucket_array", .n_args = 4, .flags = STRICT_PURE, .call = width_bucket },
    { .name = "pg_trim_array", .n_args = 4, .flags = STRICT_PURE, .call = trim },
    { .name = "pg_array_larger", .n_args = 4, .flags = STRICT_PURE, .call = larger },
    { .name = "pg_array_smaller", .n_args = 4, .flags = STRICT_PURE, .call = smaller },
    { .name = "pg_array_eq", .n_args = 4, .flags = STRICT_PURE, .call = equal },
    { .name = "pg_array_ne", .n_args = 4, .flags = STRICT_PURE, .call = not_equal },
    { .name = "pg_array_lt", .n_args = 4, .flags = STRICT_PURE, .call = less },
    { .name = "pg_array_le", .n_args = 4, .flags = STRICT_PURE, .call = less_equal },
    { .name = "pg_array_gt", .n_args = 4, .flags = STRICT_PURE, .call = greater },
    { .name = "pg_array_ge", .n_args = 4, .flags = STRICT_PURE, .call = greater_equal },
    { .name = "pg_arraycontains", .n_args = 4, .flags = STRICT_PURE, .call = contains },
    { .name = "pg_arraycontained", .n_args = 4, .flags = STRICT_PURE, .call = contained },
    { .name = "pg_arrayoverlap", .n_args = 4, .flags = STRICT_PURE, .call = overlap },
    { .name = "pg_array_to_text", .n_args = 4, .flags = 0, .call = to_text },
    { .name = "pg_array_to_text_null", .n_args = 6, .flags = 0, .call = to_text },
    { .name = "pg_text_to_array", .n_args = 2, .flags = PURE, .call = split },
    { .name = "pg_text_to_array_null", .n_args = 3, .flags = PURE, .call = split },
    { .name = "pg_text_to_table", .n_args = 2, .flags = PURE, .call = split },
    { .name = "pg_text_to_table_null", .n_args = 3, .flags = PURE, .call = split },
    { .name = "pg_array_unnest", .n_args = 1, .flags = STRICT_PURE, .call = unnest },
    { .name = "pg1_ranks", .n_args = 2, .flags = STRICT_PURE, .call = ranks },
    { .name = "pg1_reshape", .n_args = 2, .flags = STRICT_PURE, .call = reshape },
    { .name = "pg_generate_subscripts", .n_args = 6, .flags = STRICT_PURE, .call = subscripts },
    { .name = "pg_generate_subscripts_nodir", .n_args = 4, .flags = STRICT_PURE, .call = subscripts },
    { .name = "pg_array_agg_array", .n_args = 1, .flags = 0, .step = collect, .final = collected },
};

#define ORDERS(name, element)                                                                                          \
    static int name(struct str a, struct str b)                                                                        \
    {                                                                                                                  \
        return order_arrays(element, a, b);                                                                            \
    }
ORDERS(order_any, 0)
ORDERS(order_numeric, TYPE_OID_numeric)
ORDERS(order_interval, TYPE_OID_interval)
ORDERS(order_zoned, TYPE_OID_timetz)
ORDERS(order_json, TYPE_OID_jsonb)
ORDERS(order_network, TYPE_OID_inet)
ORDERS(order_vectors, TYPE_OID_tsvector)
ORDERS(order_queries, TYPE_OID_tsquery)

/* pg_array: elements stored as numbers or as texts that sort by themselves; the others by the type of the elements. */
static const struct local_collation collations[] = {
    { "pg_array", order_any },
    { "pg_array_numeric", order_numeric },
    { "pg_array_interval", order_interval },
    { "pg_array_timetz", order_zoned },
    { "pg_array_jsonb", order_json },
    { "pg_array_inet", order_network },
    { "pg_array_tsvector", order_vectors },
    { "pg_array_tsquery", order_queries },
};

const struct local_family local_family_arrays = {
    .functions = functions,
    .n_functions = sizeof(functions) / sizeof(functions[0]),
    .collations = collations,
    .n_collations = sizeof(collations) / sizeof(collations[0]),
};
