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
    *ret = (struct fragment){ .sql = sql };
    return sql.p != NULL;
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

bool emit_subscript(struct emitter *e, const struct expr *x, struct fragment *ret)
{
    struct fragment array;
    oid_t type = base_type(e, x->args[0]->type);
    int first = type == TYPE_OID_int2vector || type == TYPE_OID_oidvector ? 0 : 1; /* those two count from 0 */
    if (!emit_value(e, x->args[0], &array))
        return false;
    if (x->subscript.is_slice)
        return emit_slice(e, x, array.sql, ret);
    struct str sql = array.sql;
    for (size_t i = 0; i < x->subscript.n_dims; i++) {
        struct fragment at;
        if (!emit_value(e, x->subscript.upper[i], &at))
            return false;
        /* JSON's [-1] counts from the end; PostgreSQL has nothing before the first element */
        sql = text_of(e, "CASE WHEN %.*s >= %d THEN %.*s ->> (%.*s - %d) END", STR_FMT(at.sql), first, STR_FMT(sql),
                      STR_FMT(at.sql), first);
        if (!sql.p)
            return false;
    }
    *ret = (struct fragment){ .sql = from_json(e, x->type, sql) };
    return ret->sql.p != NULL;
}

/* ---- op ANY/ALL (array) ---- */

static struct str element_value(struct emitter *e, oid_t element)
{
    if (e->target == TARGET_D1 && is_numeric(e, element))
        return STR("CAST(value AS NUMERIC)");
    return from_json(e, element, STR("value"));
}

static bool is_equality(const struct expr *x, const char *name)
{
    return x->call.op_name && strcmp(x->call.op_name, name) == 0;
}

/* Any operator: true if one is true, else NULL if one is NULL, else false (ALL: the opposite). */
static bool emit_any_general(struct emitter *e, const struct expr *x, const struct fragment *array, oid_t element,
                             struct fragment *ret)
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
    const struct str s = array->sql, t = test.sql, a = alias;
    ret->sql = text_of(
        e,
        "CASE WHEN %.*s IS NULL THEN NULL WHEN EXISTS (SELECT 1 FROM json_each(%.*s) AS %.*s WHERE %s%.*s) THEN %d "
        "WHEN EXISTS (SELECT 1 FROM json_each(%.*s) AS %.*s WHERE (%.*s) IS NULL) THEN NULL ELSE %d END",
        STR_FMT(s), STR_FMT(s), STR_FMT(a), any ? "" : "NOT ", STR_FMT(t), any ? 1 : 0, STR_FMT(s), STR_FMT(a),
        STR_FMT(t), any ? 0 : 1);
    return ret->sql.p != NULL;
}

bool emit_any(struct emitter *e, const struct expr *x, bool condition, struct fragment *ret)
{
    struct fragment left, array;
    oid_t array_type = base_type(e, x->args[1]->type);
    oid_t element = snapshot_element_type(e->shared->snapshot, array_type);
    const char *collation = "";
    *ret = (struct fragment){ 0 };
    if (!element && array_type == TYPE_OID_int2vector)
        element = TYPE_OID_int2;
    if (!element && array_type == TYPE_OID_oidvector)
        element = TYPE_OID_oid;
    if (!emit_value(e, x->args[1], &array))
        return false;
    bool in = (x->kind == EXPR_ANY_ARRAY && is_equality(x, "=")) || (x->kind == EXPR_ALL_ARRAY && is_equality(x, "<>"));
    if (!in || x->args[0]->kind == EXPR_ROW || base_type(e, x->args[0]->type) != base_type(e, element) ||
        !collation_of(e, x->args[0]->type, false, &collation))
        return emit_any_general(e, x, &array, element, ret);
    if (!emit_expr(e, x->args[0], &left) || !settle(e, &left))
        return false;
    if (e->target == TARGET_D1 && is_numeric(e, x->args[0]->type)) {
        if (left.form == FORM_NATURAL || !to_number(e, &left))
            return blocked(e, x->location, "comparing exact numerics here");
    } else if (!make_natural(e, x->args[0]->type, &left)) {
        return false;
    }
    struct str item = element_value(e, element);
    struct str core = text_of(e, "%.*s%s %sIN (SELECT %.*s FROM json_each(%.*s))", STR_FMT(left.sql), collation,
                              x->kind == EXPR_ALL_ARRAY ? "NOT " : "", STR_FMT(item), STR_FMT(array.sql));
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
    *ret = (struct fragment){
        .sql = text_of(
            e, "CASE WHEN %.*s IS NOT NULL THEN (SELECT json_group_array(%.*s) FROM json_each(%.*s) AS %.*s) END",
            STR_FMT(array.sql), STR_FMT(result.sql), STR_FMT(array.sql), STR_FMT(alias))
    };
    return ret->sql.p != NULL;
}
