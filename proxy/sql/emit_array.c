/* emit_array.c - arrays, which are JSON texts: making them, their elements, ANY and ALL, element-wise casts; see
 * emit_internal.h. */
#include "proxy/sql/emit_internal.h"

/* ---- JSON arrays, the storage of PostgreSQL's arrays ---- */

bool json_element(struct emitter *e, oid_t type, struct fragment *f)
{
    oid_t base = base_type(e, type);
    const struct type_info *t = type_find(base);
    if (!settle(e, f) || !make_natural(e, type, f))
        return false;
    if (snapshot_element_type(e->shared->snapshot, base))
        f->sql = text_of(e, "json(%.*s)", STR_FMT(f->sql));
    else if (t && t->storage == STORAGE_BLOB)
        f->sql = text_of(e, "CASE WHEN %.*s IS NOT NULL THEN lower(hex(%.*s)) END", STR_FMT(f->sql), STR_FMT(f->sql));
    else if (t && t->storage == STORAGE_REAL)
        f->sql = text_of(e, "CASE %.*s WHEN 9e999 THEN 'Infinity' WHEN -9e999 THEN '-Infinity' ELSE %.*s END",
                         STR_FMT(f->sql), STR_FMT(f->sql));
    else if (base == TYPE_OID_json || base == TYPE_OID_jsonb)
        f->sql =
            text_of(e, "(''||%.*s)", STR_FMT(f->sql)); /* without the mark that makes it part of the array's own JSON */
    return f->sql.p != NULL;
}

struct str from_json(struct emitter *e, oid_t element, struct str value)
{
    const struct type_info *t = type_find(base_type(e, element));
    if (t && t->storage == STORAGE_BLOB)
        return text_of(e, "unhex(%.*s)", STR_FMT(value));
    if (t && t->storage == STORAGE_REAL)
        return text_of(e,
                       "CASE %.*s WHEN 'Infinity' THEN 9e999 WHEN '-Infinity' THEN -9e999 WHEN 'NaN' THEN 'NaN' ELSE "
                       "CAST(%.*s AS REAL) END",
                       STR_FMT(value), STR_FMT(value));
    return value;
}

enum { MAX_DIMENSIONS = 6 }; /* PostgreSQL's MAXDIM */

/* Constructors of so many elements at each depth, of which the last one holds no arrays. */
static bool has_dimensions(struct emitter *e, const struct expr *x, const size_t *dims, size_t n)
{
    if (n == 0)
        return x->kind != EXPR_ARRAY && !snapshot_element_type(e->shared->snapshot, base_type(e, x->type));
    if (x->kind != EXPR_ARRAY || x->n_args != dims[0])
        return false;
    for (size_t i = 0; i < x->n_args; i++)
        if (!has_dimensions(e, x->args[i], dims + 1, n - 1))
            return false;
    return true;
}

/* Its text says that it has a shape that arrays may have. */
static bool is_even(struct emitter *e, const struct expr *x)
{
    size_t dims[MAX_DIMENSIONS], n = 0;
    for (const struct expr *at = x; at->kind == EXPR_ARRAY; at = at->args[0]) {
        if (n == MAX_DIMENSIONS || at->n_args == 0)
            return false;
        dims[n++] = at->n_args;
    }
    return has_dimensions(e, x, dims, n);
}

/* An array of arrays is as long at each place; where its text does not say so, only the local engine can tell. */
static bool nest(struct emitter *e, const struct expr *x, struct str *sql)
{
    bool nested = false;
    for (size_t i = 0; i < x->n_args; i++)
        nested |= snapshot_element_type(e->shared->snapshot, base_type(e, x->args[i]->type)) != 0;
    if (!nested || is_even(e, x))
        return true;
    if (e->target != TARGET_LOCAL)
        return blocked(e, x->location, "an array of arrays of different lengths");
    *sql = text_of(e, "pg_array_nest(%.*s)", STR_FMT(*sql));
    return sql->p != NULL;
}

bool emit_array(struct emitter *e, const struct expr *x, struct fragment *ret)
{
    struct str list = STR("");
    const char *open = x->n_args > 30 ? "(" : "", *close = x->n_args > 30 ? ")" : "";
    for (size_t i = 0; i < x->n_args; i++) {
        struct fragment f;
        if (!emit_expr(e, x->args[i], &f) || !json_element(e, x->args[i]->type, &f))
            return false;
        list = text_of(e, "%.*s%s%s%.*s%s", STR_FMT(list), i ? "," : "", open, STR_FMT(f.sql), close);
        if (!list.p)
            return false;
    }
    /* D1 takes 32 arguments of a function at most. */
    struct str sql = x->n_args > 30
                         ? text_of(e, "(WITH g(v) AS (VALUES %.*s) SELECT json_group_array(v) FROM g)", STR_FMT(list))
                         : text_of(e, "json_array(%.*s)", STR_FMT(list));
    if (!sql.p || !nest(e, x, &sql))
        return false;
    *ret = (struct fragment){ .sql = sql };
    return sql.p != NULL;
}

/* ---- all dimensions in one ---- */

static bool has_one_dimension(const struct emitter *e, const struct expr *x)
{
    oid_t type = base_type(e, x->type);
    if (type == TYPE_OID_int2vector || type == TYPE_OID_oidvector)
        return true;
    if (x->kind != EXPR_ARRAY || x->n_args == 0)
        return false;
    return x->args[0]->kind != EXPR_ARRAY && !snapshot_element_type(e->shared->snapshot, x->args[0]->type);
}

/* A literal or parameter, bound without its inner brackets. */
static bool bind_flat(struct emitter *e, const struct expr *x, bool *ret_done, struct fragment *ret)
{
    const struct expr *inner = without_relabel(x);
    oid_t type = base_type(e, inner->type);
    *ret_done = (inner->kind == EXPR_PARAM || (inner->kind == EXPR_CONST && !inner->constant.is_null)) &&
                !e->inline_constants && type_find(type) && type_find(type)->element &&
                (inner->kind == EXPR_PARAM || !snapshot_user_type(e->shared->snapshot, inner->type));
    if (!*ret_done)
        return true;
    struct bind b = bind_of_expr(inner);
    b.type = type;
    b.form = BIND_JSON_ARRAY;
    return emit_bind(e, &b, ret);
}

/* Whether the elements of all dimensions must be looked for: then *ret is the array as it stands. */
static bool emit_elements(struct emitter *e, const struct expr *x, bool *ret_is_flat, struct fragment *ret)
{
    if (!bind_flat(e, x, ret_is_flat, ret))
        return false;
    if (*ret_is_flat)
        return true;
    *ret_is_flat = has_one_dimension(e, x);
    return emit_value(e, x, ret);
}

bool emit_flat_array(struct emitter *e, const struct expr *x, struct fragment *ret)
{
    struct fragment array;
    bool flat;
    if (!emit_elements(e, x, &flat, &array))
        return false;
    if (flat) {
        *ret = array;
        return true;
    }
    return emit_template(e, x,
                         "iif(substr($1,1,2) = '[[',(SELECT json_group_array(value) FROM json_tree($1) WHERE type <> "
                         "'array'),$1)",
                         &array, 1, ret) &&
           settle(e, ret);
}

static bool emit_slice(struct emitter *e, const struct expr *x, struct str array, struct fragment *ret)
{
    struct str list = array;
    if (e->target == TARGET_D1)
        return blocked(e, x->location, "array slices here");
    for (size_t i = 0; i < x->subscript.n_dims; i++) {
        struct fragment low = { .sql = STR("NULL") }, high = { .sql = STR("NULL") };
        const struct expr *from = x->subscript.lower[i], *to = x->subscript.upper[i];
        if ((from && !emit_value(e, from, &low)) || (to && !emit_value(e, to, &high)))
            return false;
        list = text_of(e, "%.*s, %d, %.*s, %d, %.*s", STR_FMT(list), from ? 1 : 0, STR_FMT(low.sql), to ? 1 : 0,
                       STR_FMT(high.sql));
        if (!list.p)
            return false;
    }
    *ret = (struct fragment){ .sql = text_of(e, "pg1_slice(%.*s)", STR_FMT(list)) };
    return ret->sql.p != NULL;
}

/*
 * $1 the array, $2… where. JSON's [-1] counts from the end, PostgreSQL has nothing before the first element; and an element is
 * only what has as many dimensions as there are subscripts.
 */
static const char *subscript_template(struct emitter *e, size_t n_dims, int first)
{
    struct str t = STR("");
    if (n_dims > MAX_DIMENSIONS)
        return NULL;
    for (size_t i = 0; i < n_dims && t.p; i++)
        t = text_of(e, "%.*s%s$%zu >= %d", STR_FMT(t), i ? " AND " : "", i + 2, first);
    if (first == 1 && n_dims == 1)
        t = text_of(e, "CASE WHEN %.*s AND substr($1,1,2) <> '[[' THEN $1", STR_FMT(t));
    else if (first == 1)
        t = text_of(e, "CASE WHEN %.*s AND substr($1,1,%zu) GLOB '%.*s[^[]' THEN $1", STR_FMT(t), n_dims + 1,
                    (int)n_dims * 3, "[[][[][[][[][[][[]");
    else
        t = text_of(e, "CASE WHEN %.*s THEN $1", STR_FMT(t));
    for (size_t i = 0; i < n_dims && t.p; i++)
        t = text_of(e, "%.*s ->> ($%zu - %d)", STR_FMT(t), i + 2, first);
    return t.p ? arena_cstr(e->arena, text_of(e, "%.*s END", STR_FMT(t))) : NULL;
}

/* A byte of a name as "char"; behind its end there are zeros, which are empty texts. */
static bool emit_name_byte(struct emitter *e, const struct expr *x, struct fragment name, struct fragment *ret)
{
    struct fragment args[2] = { name };
    return emit_value(e, x->subscript.upper[0], &args[1]) &&
           emit_template(e, x,
                         "CASE WHEN $1 IS NOT NULL AND $2 BETWEEN 0 AND 63 THEN "
                         "CAST(substr(CAST($1 AS BLOB),$2 + 1,1) AS TEXT) END",
                         args, 2, ret) &&
           settle(e, ret);
}

bool emit_subscript(struct emitter *e, const struct expr *x, struct fragment *ret)
{
    struct fragment array;
    oid_t type = base_type(e, x->args[0]->type);
    int first = type == TYPE_OID_int2vector || type == TYPE_OID_oidvector ? 0 : 1; /* those two count from 0 */
    if (!emit_value(e, x->args[0], &array))
        return false;
    if (x->subscript.is_slice)
        return emit_slice(e, x, array.sql, ret);
    if (type == TYPE_OID_name)
        return emit_name_byte(e, x, array, ret);
    struct fragment at[MAX_DIMENSIONS + 1] = { array }, element;
    const char *t = subscript_template(e, x->subscript.n_dims, first);
    if (!t)
        return blocked(e, x->location, "more than %d subscripts", (int)MAX_DIMENSIONS);
    for (size_t i = 0; i < x->subscript.n_dims; i++)
        if (!emit_value(e, x->subscript.upper[i], &at[i + 1]))
            return false;
    if (!emit_template(e, x, t, at, x->subscript.n_dims + 1, &element) || !settle(e, &element))
        return false;
    struct str sql = element.sql;
    *ret = (struct fragment){ .sql = from_json(e, x->type, sql) };
    return ret->sql.p != NULL;
}

/* ---- op ANY/ALL (array) ---- */

static struct str element_value(struct emitter *e, oid_t element)
{
    /* What a double does not hold exactly is compared here: long numbers, NaN and infinities. */
    if (e->target == TARGET_D1 && is_numeric(e, element))
        return text_of(
            e, "CASE WHEN length(value) > 16 OR value GLOB '*[^0-9.-]*' THEN %.*s ELSE CAST(value AS NUMERIC) END",
            STR_FMT(emit_raise_local(e)));
    return from_json(e, element, STR("value"));
}

static bool is_equality(const struct expr *x, const char *name)
{
    return x->call.op_name && strcmp(x->call.op_name, name) == 0;
}

/* Any operator: true if one is true, else NULL if one is NULL, else false (ALL: the opposite). */
static bool emit_any_general(struct emitter *e, const struct expr *x, const struct fragment *array, bool flat,
                             oid_t element, struct fragment *ret)
{
    struct expr item = { .kind = EXPR_CASE_TEST, .type = element, .typmod = -1, .location = -1 };
    struct str alias = unique_name(e, STR("a"));
    if (!alias.p)
        return false;
    struct fragment value = { .sql = from_json(e, element, text_of(e, "%.*s.value", STR_FMT(alias))), .simple = true },
                    test;
    struct fragment *outer = e->case_test;
    e->case_test = &value;
    struct expr *call = call_expr(e, x->call.proc, x->args[0], &item);
    bool ok = value.sql.p && call && emit_call(e, call, &test) && settle(e, &test);
    e->case_test = outer;
    if (!ok)
        return false;
    bool any = x->kind == EXPR_ANY_ARRAY;
    const char *each = flat ? "json_each" : "json_tree";
    struct str only = flat ? STR("") : text_of(e, "%.*s.type <> 'array' AND ", STR_FMT(alias));
    const struct str s = array->sql, t = test.sql, a = alias;
    ret->sql = text_of(e,
                       "CASE WHEN %.*s IS NULL THEN NULL WHEN EXISTS (SELECT 1 FROM %s(%.*s) AS %.*s WHERE %.*s%s%.*s) "
                       "THEN %d WHEN EXISTS (SELECT 1 FROM %s(%.*s) AS %.*s WHERE %.*s(%.*s) IS NULL) THEN NULL ELSE "
                       "%d END",
                       STR_FMT(s), each, STR_FMT(s), STR_FMT(a), STR_FMT(only), any ? "" : "NOT ", STR_FMT(t),
                       any ? 1 : 0, each, STR_FMT(s), STR_FMT(a), STR_FMT(only), STR_FMT(t), any ? 0 : 1);
    return ret->sql.p != NULL;
}

static struct expr *in_place_of_test(struct expr *x, void *ctx)
{
    return x->kind == EXPR_CASE_TEST ? ctx : NULL;
}

/*
 * In what D1 keeps (checks, generated columns, indexes) there is no place for a subquery: the elements that ARRAY[…] names are
 * compared one by one, and = ANY is IN, as which most of these were written before PostgreSQL's tools wrote them down.
 */
static bool emit_any_named(struct emitter *e, const struct expr *x, const struct expr *array, struct expr *cast,
                           bool condition, struct fragment *ret)
{
    bool any = x->kind == EXPR_ANY_ARRAY, in = is_equality(x, any ? "=" : "<>") && x->args[0]->kind != EXPR_ROW;
    struct expr list = { .kind = in    ? (any ? EXPR_IN_LIST : EXPR_NOT_IN_LIST)
                                 : any ? EXPR_OR
                                       : EXPR_AND,
                         .type = TYPE_OID_bool,
                         .typmod = -1,
                         .location = x->location };
    if (in)
        list.call = x->call;
    if (!(list.args = ARENA_ARRAY(e->arena, struct expr *, array->n_args + 1)))
        return err_oom(e->err);
    if (in)
        list.args[list.n_args++] = x->args[0];
    for (size_t i = 0; i < array->n_args; i++) {
        struct expr *item = cast ? expr_map(cast, in_place_of_test, array->args[i], e->arena) : array->args[i];
        if (!item)
            return err_oom(e->err);
        list.args[list.n_args++] = in ? item : call_expr(e, x->call.proc, x->args[0], item);
        if (!list.args[list.n_args - 1])
            return false;
    }
    if (!in && list.n_args == 1)
        return emit_expr(e, list.args[0], ret);
    return in ? emit_in(e, &list, ret) : emit_logic(e, &list, condition, ret);
}

bool emit_any(struct emitter *e, const struct expr *x, bool condition, struct fragment *ret)
{
    struct fragment left, array;
    bool has_cast = x->args[1]->kind == EXPR_ARRAY_CAST;
    const struct expr *named = has_cast ? x->args[1]->args[0] : x->args[1];
    if (e->inline_constants && e->raw_cells && has_one_dimension(e, named))
        return emit_any_named(e, x, named, has_cast ? x->args[1]->array_cast.element : NULL, condition, ret);
    oid_t array_type = base_type(e, x->args[1]->type);
    oid_t element = snapshot_element_type(e->shared->snapshot, x->args[1]->type); /* an enum stays one */
    const char *collation = "";
    bool flat;
    *ret = (struct fragment){ 0 };
    if (!element)
        element = snapshot_element_type(e->shared->snapshot, array_type);
    if (!element && array_type == TYPE_OID_int2vector)
        element = TYPE_OID_int2;
    if (!element && array_type == TYPE_OID_oidvector)
        element = TYPE_OID_oid;
    if (!emit_elements(e, x->args[1], &flat, &array))
        return false;
    bool in = (x->kind == EXPR_ANY_ARRAY && is_equality(x, "=")) || (x->kind == EXPR_ALL_ARRAY && is_equality(x, "<>"));
    if (!in || x->args[0]->kind == EXPR_ROW || base_type(e, x->args[0]->type) != base_type(e, element) ||
        !collation_of(e, x->args[0]->type, false, &collation))
        return emit_any_general(e, x, &array, flat, element, ret);
    if (!emit_expr(e, x->args[0], &left) || !settle(e, &left))
        return false;
    if (e->target == TARGET_D1 && is_numeric(e, x->args[0]->type)) {
        if (e->shared->settings->force_local)
            return blocked(e, x->location, "comparing elements of exact numerics here");
        if (left.form == FORM_NATURAL || !to_number(e, &left))
            return blocked(e, x->location, "comparing exact numerics here");
    } else if (!make_natural(e, x->args[0]->type, &left)) {
        return false;
    }
    struct str item = element_value(e, element);
    collation = own_collation(e, left.sql, collation);
    struct str core = text_of(e, "%.*s%s %sIN (SELECT %.*s FROM %s(%.*s)%s)", STR_FMT(left.sql), collation,
                              x->kind == EXPR_ALL_ARRAY ? "NOT " : "", STR_FMT(item), flat ? "json_each" : "json_tree",
                              STR_FMT(array.sql), flat ? "" : " WHERE type <> 'array'");
    if (!core.p)
        return false;
    if (condition && x->kind == EXPR_ANY_ARRAY)
        ret->sql = text_of(e, "(%.*s)", STR_FMT(core));
    else
        ret->sql = text_of(e, "CASE WHEN %.*s IS NOT NULL THEN %.*s END", STR_FMT(array.sql), STR_FMT(core));
    return ret->sql.p != NULL;
}

/* ---- element-wise casts ---- */

bool emit_array_cast(struct emitter *e, const struct expr *x, struct fragment *ret)
{
    struct fragment array, item;
    oid_t element = snapshot_element_type(e->shared->snapshot, base_type(e, x->args[0]->type));
    struct str alias = unique_name(e, STR("a"));
    if (!alias.p || !emit_value(e, x->args[0], &array))
        return false;
    item = (struct fragment){ .sql = from_json(e, element, text_of(e, "%.*s.value", STR_FMT(alias))), .simple = true };
    struct fragment *outer = e->case_test, result;
    e->case_test = &item;
    bool ok = item.sql.p && emit_expr(e, x->array_cast.element, &result) &&
              json_element(e, x->array_cast.element->type, &result);
    e->case_test = outer;
    if (!ok)
        return false;
    if (str_eq(result.sql, item.sql)) {
        *ret = array;
        return true;
    }
    *ret = (struct fragment){ 0 };
    if (has_one_dimension(e, x->args[0]))
        ret->sql = text_of(
            e, "CASE WHEN %.*s IS NOT NULL THEN (SELECT json_group_array(%.*s) FROM json_each(%.*s) AS %.*s) END",
            STR_FMT(array.sql), STR_FMT(result.sql), STR_FMT(array.sql), STR_FMT(alias));
    else if (e->target == TARGET_LOCAL)
        ret->sql =
            text_of(e,
                    "CASE WHEN %.*s IS NOT NULL THEN pg1_reshape(%.*s, (SELECT json_group_array(%.*s) FROM "
                    "json_each(pg_array_unnest(%.*s)) AS %.*s)) END",
                    STR_FMT(array.sql), STR_FMT(array.sql), STR_FMT(result.sql), STR_FMT(array.sql), STR_FMT(alias));
    else if (e->shared->settings->force_local)
        return blocked(e, x->location, "casting arrays of several dimensions here");
    else
        ret->sql = text_of(e,
                           "CASE WHEN %.*s IS NULL THEN NULL WHEN substr(%.*s,1,2) = '[[' THEN %.*s ELSE (SELECT "
                           "json_group_array(%.*s) FROM json_each(%.*s) AS %.*s) END",
                           STR_FMT(array.sql), STR_FMT(array.sql), STR_FMT(emit_raise_local(e)), STR_FMT(result.sql),
                           STR_FMT(array.sql), STR_FMT(alias));
    return ret->sql.p != NULL;
}
