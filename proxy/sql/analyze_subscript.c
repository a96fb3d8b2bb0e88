/*
 * analyze_subscript.c - value[subscript]: of arrays, of names and of jsonb (8.14.5). Not here: assignments to elements.
 */
#include <ctype.h>

#include "proxy/sql/analyze_internal.h"

static struct expr *subscript_index(A *a, struct scope *s, const Node *n)
{
    struct expr *e = transform_expr(a, s, n), *c = NULL;
    if (!e || !coerce_to_target(a, e, TYPE_OID_int4, -1, COERCION_ASSIGNMENT, -1, &c))
        return NULL;
    if (!c)
        fail_at(a, raw_location(n), SQLSTATE_DATATYPE_MISMATCH, "array subscript must have type integer");
    return c;
}

/* ---- jsonb: a path, each step a text or an integer */

/* Text that a path could take for an array's index. */
static bool looks_like_index(const struct expr *key)
{
    const struct str text = key->constant.value.bytes;
    for (size_t i = 0; i < text.n; i++)
        if (isdigit((unsigned char)text.p[i]))
            return true;
    return false;
}

static struct expr *bad_jsonb_subscript(A *a, const struct expr *key, const char *hint)
{
    fail_at(a, expr_start(key), SQLSTATE_DATATYPE_MISMATCH, "subscript type %.*s is not supported",
            STR_FMT(type_text(a, key->type, -1)));
    err_hint(a->err, "%s", hint);
    return NULL;
}

static struct expr *jsonb_key(A *a, struct scope *s, const Node *n)
{
    struct expr *key = transform_expr(a, s, n), *text = NULL;
    if (!key)
        return NULL;
    if (key->type != TYPE_OID_unknown) {
        bool number = can_coerce(a, 1, &key->type, &(oid_t){ TYPE_OID_int4 }, COERCION_IMPLICIT);
        bool string = can_coerce(a, 1, &key->type, &(oid_t){ TYPE_OID_text }, COERCION_IMPLICIT);
        if (number && string)
            return bad_jsonb_subscript(a, key, "jsonb subscript must be coercible to only one type, integer or text.");
        if (!number && !string)
            return bad_jsonb_subscript(a, key, "jsonb subscript must be coercible to either integer or text.");
        if (number && !(key = coerce_type(a, key, TYPE_OID_int4, -1, COERCION_IMPLICIT, false, -1)))
            return NULL;
    }
    return coerce_to_target(a, key, TYPE_OID_text, -1, COERCION_EXPLICIT, expr_start(key), &text) ? text : NULL;
}

/* One name of an object is ->, which D1 reads itself; #> takes all else, and finds nothing in a scalar. */
static struct expr *jsonb_subscripts(A *a, struct scope *s, struct expr *base, Node *const *list, size_t n,
                                     int location)
{
    struct expr *path = expr_new(a, EXPR_ARRAY, type_array(a, TYPE_OID_text), -1, location);
    if (!path || !(path->args = NEW_ARRAY(a, struct expr *, n)))
        return NULL;
    bool names = true;
    for (size_t i = 0; i < n; i++) {
        const PgQuery__AIndices *x = list[i]->a_indices;
        if (x->is_slice) {
            const Node *bound = x->uidx ? x->uidx : x->lidx;
            struct expr *at = bound ? transform_expr(a, s, bound) : NULL;
            if (!bound || at)
                fail_at(a, at ? expr_start(at) : -1, SQLSTATE_DATATYPE_MISMATCH,
                        "jsonb subscript does not support slices");
            return NULL;
        }
        struct expr *key = jsonb_key(a, s, x->uidx);
        if (!key)
            return NULL;
        names &= key->kind == EXPR_CONST && !key->constant.is_null && !looks_like_index(key);
        if (key->kind == EXPR_CONST)
            key->constant.literal = -1; /* another key may take another form: part of the plan */
        path->args[path->n_args++] = key;
    }
    if (!names)
        return make_operator(a, (struct str){ 0 }, STR("#>"), base, path, location);
    for (size_t i = 0; i < n && base; i++)
        base = make_operator(a, (struct str){ 0 }, STR("->"), base, path->args[i], location);
    return base;
}

/* ---- arrays and names */

struct expr *transform_subscripts(A *a, struct scope *s, struct expr *base, Node *const *list, size_t n, int location)
{
    if (type_base(a, base->type) == TYPE_OID_jsonb)
        return jsonb_subscripts(a, s, base, list, n, location);
    bool is_name = type_base(a, base->type) == TYPE_OID_name; /* 64 bytes, counted from 0 */
    oid_t element = is_name ? TYPE_OID_char : type_element(a, base->type);
    if (is_name && (n != 1 || list[0]->a_indices->is_slice)) {
        unsupported_at(a, location, "a slice of a name");
        return NULL;
    }
    if (!element) {
        fail_at(a, expr_start(base), SQLSTATE_DATATYPE_MISMATCH,
                "cannot subscript type %.*s because it does not support subscripting",
                STR_FMT(type_text(a, base->type, -1)));
        return NULL;
    }
    struct expr *e = expr_new(a, EXPR_SUBSCRIPT, element, -1, location);
    if (!e || !(e->args = NEW_ARRAY(a, struct expr *, 1)))
        return NULL;
    e->args[e->n_args++] = base;
    e->subscript.lower = NEW_ARRAY(a, struct expr *, n);
    e->subscript.upper = NEW_ARRAY(a, struct expr *, n);
    if (!e->subscript.lower || !e->subscript.upper)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        const PgQuery__AIndices *x = list[i]->a_indices;
        e->subscript.is_slice |= x->is_slice;
        if (x->lidx && !(e->subscript.lower[i] = subscript_index(a, s, x->lidx)))
            return NULL;
        if (x->uidx && !(e->subscript.upper[i] = subscript_index(a, s, x->uidx)))
            return NULL;
    }
    e->subscript.n_dims = n;
    e->type = e->subscript.is_slice ? type_base(a, base->type) : element;
    e->typmod = base->typmod;
    return e;
}
