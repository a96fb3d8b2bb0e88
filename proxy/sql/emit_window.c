/* emit_window.c - OVER (…): partitions, order and frames of window functions; see emit_internal.h. */
#include "proxy/sql/emit_internal.h"

#include <math.h>

static bool is_plain_number(const struct emitter *e, oid_t type)
{
    const struct type_info *t = type_find(base_type(e, type));
    return t && (t->storage == STORAGE_INTEGER || t->storage == STORAGE_REAL);
}

/* A constant that is neither negative nor infinite; its literal shapes the text. */
static bool is_distance(struct emitter *e, const struct expr *offset)
{
    if (offset->kind != EXPR_CONST || offset->constant.is_null)
        return false;
    const struct value *v = &offset->constant.value;
    mark_structural(e, offset);
    return v->class == VALUE_INTEGER ? v->integer >= 0 : v->class == VALUE_REAL && v->real >= 0 && v->real < HUGE_VAL;
}

/* Whether a text calls a function: their names end in small letters or digits, which no word of SQL does in emitted texts. */
static bool has_call(struct str sql)
{
    for (size_t i = 1; i < sql.n; i++) {
        char before = sql.p[i - 1];
        if (sql.p[i] == '(' && ((before >= 'a' && before <= 'z') || (before >= '0' && before <= '9')))
            return true;
    }
    return false;
}

static bool find_sublink(struct expr *x, void *ctx)
{
    bool *found = ctx;
    *found |= x->kind == EXPR_SUBLINK;
    return !*found;
}

static bool has_sublink(struct expr *x)
{
    bool found = false;
    expr_walk(x, find_sublink, &found);
    return found;
}

static bool window_bound(struct emitter *e, enum frame_bound bound, const struct expr *offset, bool is_range,
                         struct str *ret)
{
    static const char *const names[] = { "UNBOUNDED PRECEDING", "PRECEDING", "CURRENT ROW", "FOLLOWING",
                                         "UNBOUNDED FOLLOWING" };
    if (bound != BOUND_PRECEDING && bound != BOUND_FOLLOWING) {
        *ret = str_from(names[bound]);
        return true;
    }
    struct fragment f;
    if (is_numeric(e, offset->type) || base_type(e, offset->type) == TYPE_OID_interval)
        return blocked(e, offset->location, "RANGE with an offset of this type");
    if (!emit_value(e, offset, &f))
        return false;
    /* SQLite takes no calls and no subqueries here, which are NULL to it. At D1 the prelude has computed calls. */
    if (has_call(f.sql) || has_sublink((struct expr *)(uintptr_t)offset))
        return blocked(e, offset->location, "a computed offset of a window's frame here");
    /* SQLite looks at it where there are rows, PostgreSQL where there are values: emit_window_guard(). */
    if (is_range && !is_distance(e, offset))
        f.sql = text_of(e, "CASE WHEN %.*s < 0 THEN 0 ELSE %.*s END", STR_FMT(f.sql), STR_FMT(f.sql));
    *ret = text_of(e, "%.*s %s", STR_FMT(f.sql), names[bound]);
    return f.sql.p && ret->p;
}

static bool window_frame(struct emitter *e, const struct window *w, struct str *ret)
{
    static const char *const modes[] = { "", "ROWS", "RANGE", "GROUPS" };
    static const char *const exclusions[] = { "", " EXCLUDE CURRENT ROW", " EXCLUDE GROUP", " EXCLUDE TIES" };
    struct str start, end;
    *ret = STR("");
    if (w->mode == FRAME_NONE)
        return true;
    /* SQLite takes a distance from numbers only, and from exact ones by way of floats. */
    if (w->mode == FRAME_RANGE && (w->start_offset || w->end_offset) && w->n_order == 1 &&
        !is_plain_number(e, w->order[0].expr->type))
        return blocked(e, w->order[0].expr->location, "RANGE with a distance of values of this type");
    if (!window_bound(e, w->start, w->start_offset, w->mode == FRAME_RANGE, &start) ||
        !window_bound(e, w->end, w->end_offset, w->mode == FRAME_RANGE, &end))
        return false;
    *ret = text_of(e, "%s BETWEEN %.*s AND %.*s%s", modes[w->mode], STR_FMT(start), STR_FMT(end),
                   exclusions[w->exclusion]);
    return ret->p != NULL;
}

static bool add_partition_key(struct emitter *e, const struct expr *x, struct str *text)
{
    struct fragment f;
    const char *collation;
    struct expr **elements;
    size_t n;
    if (!emit_row_elements(e, x, &elements, &n))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!add_partition_key(e, elements[i], text))
            return false;
    if (n)
        return true;
    if (!emit_expr(e, x, &f) || !settle(e, &f))
        return false;
    if (!collation_of(e, x->type, false, &collation))
        return blocked(e, x->location, "PARTITION BY a value of this type here");
    collation = own_collation(e, f.sql, collation);
    *text = text_of(e, "%.*s%s%.*s%s", STR_FMT(*text), text->n ? ", " : "PARTITION BY ", STR_FMT(f.sql), collation);
    return text->p != NULL;
}

static bool window_partition(struct emitter *e, const struct window *w, struct str *ret)
{
    *ret = STR("");
    for (size_t i = 0; i < w->n_partition; i++)
        if (!add_partition_key(e, w->partition[i], ret))
            return false;
    return true;
}

/* An error, where a distance is negative and there is a key. An infinite one reaches the infinity that it starts from in PostgreSQL
 * (in_range_float8_float8), and never in SQLite, whose sum is no number. row_number() makes SQLite look when all rows are there, as PostgreSQL
 * does. */
static bool impossible_distance(struct emitter *e, const struct expr *offset, struct str key, struct str over,
                                struct str *ret)
{
    struct fragment f;
    *ret = STR("");
    if (!offset || is_distance(e, offset))
        return true;
    if (!emit_value(e, offset, &f))
        return false;
    struct str raise = emit_raise(e, "22013", STR("invalid preceding or following size in window function"));
    *ret = text_of(e, " WHEN row_number() OVER %.*s > 0 AND %.*s IS NOT NULL AND %.*s < 0 THEN %.*s", STR_FMT(over),
                   STR_FMT(key), STR_FMT(f.sql), STR_FMT(raise));
    if (type_find(base_type(e, offset->type))->storage != STORAGE_REAL)
        return ret->p != NULL;
    raise = emit_raise(e, "0A000", STR("RANGE with an infinite distance is not supported"));
    *ret = text_of(e, "%.*s WHEN row_number() OVER %.*s > 0 AND %.*s IS NOT NULL AND %.*s = 9e999 THEN %.*s",
                   STR_FMT(*ret), STR_FMT(over), STR_FMT(key), STR_FMT(f.sql), STR_FMT(raise));
    return ret->p != NULL;
}

static bool measures_numbers(struct emitter *e, const struct window *w)
{
    return w->mode == FRAME_RANGE && (w->start_offset || w->end_offset) && w->n_order == 1 &&
           is_plain_number(e, w->order[0].expr->type);
}

bool emit_window_guard(struct emitter *e, const struct window *w, struct str over, struct str *ret)
{
    struct fragment key;
    struct str from, to;
    *ret = STR("");
    if (!measures_numbers(e, w))
        return true;
    if (!emit_value(e, w->order[0].expr, &key) || !impossible_distance(e, w->start_offset, key.sql, over, &from) ||
        !impossible_distance(e, w->end_offset, key.sql, over, &to))
        return false;
    *ret = text_of(e, "%.*s%.*s", STR_FMT(from), STR_FMT(to));
    return ret->p != NULL;
}

/* The value that RANGE takes a distance from. SQLite's numbers overflow into floats, which are not apart from the least bigint. */
static bool guarded_key(struct emitter *e, const struct window *w, struct str *ret)
{
    const struct sort_item *item = &w->order[0];
    struct fragment key;
    struct str least = STR("");
    if (!emit_value(e, item->expr, &key))
        return false;
    if (item->descending && base_type(e, item->expr->type) == TYPE_OID_int8) {
        struct str raise = emit_raise(e, "0A000", STR("RANGE with a distance from the least bigint is not supported"));
        least = text_of(e, " WHEN %.*s = -9223372036854775808 THEN %.*s", STR_FMT(key.sql), STR_FMT(raise));
    }
    if (!least.n)
        return emit_sort_key(e, item, ret);
    *ret = text_of(e, "CASE%.*s ELSE %.*s END%s%s", STR_FMT(least), STR_FMT(key.sql), item->descending ? " DESC" : "",
                   item->nulls_first ? " NULLS FIRST" : " NULLS LAST");
    return ret->p != NULL;
}

static bool window_order(struct emitter *e, const struct window *w, struct str *ret)
{
    if (!measures_numbers(e, w))
        return emit_sort_list(e, w->order, w->n_order, ret);
    return guarded_key(e, w, ret);
}

bool emit_over(struct emitter *e, const struct window *w, struct str *ret)
{
    struct str partition, order = STR(""), frame;
    if (!window_partition(e, w, &partition) || (w->n_order && !window_order(e, w, &order)) ||
        !window_frame(e, w, &frame))
        return false;
    *ret = text_of(e, "(%.*s%s%s%.*s%s%.*s)", STR_FMT(partition), partition.n && w->n_order ? " " : "",
                   w->n_order ? "ORDER BY " : "", STR_FMT(order), frame.n && (partition.n || w->n_order) ? " " : "",
                   STR_FMT(frame));
    return ret->p != NULL;
}
