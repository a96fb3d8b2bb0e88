/*
 * analyze_frame.c - ROWS, RANGE and GROUPS of a window definition (PostgreSQL 15: transformFrameOffset); see analyze_internal.h.
 */
#include "proxy/sql/analyze_internal.h"

/* Frame option bits of PostgreSQL's parsenodes.h. */
enum {
    FRAMEOPTION_NONDEFAULT = 0x1,
    FRAMEOPTION_RANGE = 0x2,
    FRAMEOPTION_ROWS = 0x4,
    FRAMEOPTION_GROUPS = 0x8,
    FRAMEOPTION_BETWEEN = 0x10,
    FRAMEOPTION_START_UNBOUNDED_PRECEDING = 0x20,
    FRAMEOPTION_END_UNBOUNDED_PRECEDING = 0x40,
    FRAMEOPTION_START_UNBOUNDED_FOLLOWING = 0x80,
    FRAMEOPTION_END_UNBOUNDED_FOLLOWING = 0x100,
    FRAMEOPTION_START_CURRENT_ROW = 0x200,
    FRAMEOPTION_END_CURRENT_ROW = 0x400,
    FRAMEOPTION_START_OFFSET_PRECEDING = 0x800,
    FRAMEOPTION_END_OFFSET_PRECEDING = 0x1000,
    FRAMEOPTION_START_OFFSET_FOLLOWING = 0x2000,
    FRAMEOPTION_END_OFFSET_FOLLOWING = 0x4000,
    FRAMEOPTION_EXCLUDE_CURRENT_ROW = 0x8000,
    FRAMEOPTION_EXCLUDE_GROUP = 0x10000,
    FRAMEOPTION_EXCLUDE_TIES = 0x20000,
};

static enum frame_bound bound_of(int32_t options, bool is_end)
{
    static const struct {
        int32_t start, end;
        enum frame_bound bound;
    } rows[] = {
        { FRAMEOPTION_START_UNBOUNDED_PRECEDING, FRAMEOPTION_END_UNBOUNDED_PRECEDING, BOUND_UNBOUNDED_PRECEDING },
        { FRAMEOPTION_START_OFFSET_PRECEDING, FRAMEOPTION_END_OFFSET_PRECEDING, BOUND_PRECEDING },
        { FRAMEOPTION_START_OFFSET_FOLLOWING, FRAMEOPTION_END_OFFSET_FOLLOWING, BOUND_FOLLOWING },
        { FRAMEOPTION_START_UNBOUNDED_FOLLOWING, FRAMEOPTION_END_UNBOUNDED_FOLLOWING, BOUND_UNBOUNDED_FOLLOWING },
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (options & (is_end ? rows[i].end : rows[i].start))
            return rows[i].bound;
    return BOUND_CURRENT_ROW;
}

/* The in_range functions of PostgreSQL's btree operator families: what RANGE adds to a column of a type. In the order of pg_amproc's index. */
static const struct {
    oid_t column, offset;
} distances[] = {
    { TYPE_OID_int2, TYPE_OID_int8 },
    { TYPE_OID_int2, TYPE_OID_int2 },
    { TYPE_OID_int2, TYPE_OID_int4 },
    { TYPE_OID_int4, TYPE_OID_int8 },
    { TYPE_OID_int4, TYPE_OID_int2 },
    { TYPE_OID_int4, TYPE_OID_int4 },
    { TYPE_OID_int8, TYPE_OID_int8 },
    { TYPE_OID_float4, TYPE_OID_float8 },
    { TYPE_OID_float8, TYPE_OID_float8 },
    { TYPE_OID_numeric, TYPE_OID_numeric },
    { TYPE_OID_date, TYPE_OID_interval },
    { TYPE_OID_time, TYPE_OID_interval },
    { TYPE_OID_timetz, TYPE_OID_interval },
    { TYPE_OID_timestamp, TYPE_OID_interval },
    { TYPE_OID_timestamptz, TYPE_OID_interval },
    { TYPE_OID_interval, TYPE_OID_interval },
};

/* The type by which other values are ordered: the one that their default operator class is for. */
static oid_t ordering_type(A *a, oid_t type)
{
    static const oid_t classes[] = { TYPE_OID_text, TYPE_OID_inet, TYPE_OID_oid, TYPE_OID_anyarray, TYPE_OID_anyenum };
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
        if (binary_coercible(a, type, classes[i]))
            return classes[i];
    return type;
}

struct distance {
    oid_t type;          /* the one chosen */
    size_t n_of, n_meet; /* how many there are for the column, and for this offset */
};

static struct distance distance_of(A *a, oid_t column, oid_t offset)
{
    struct distance found = { 0 };
    oid_t preferred = offset == TYPE_OID_unknown ? column : offset;
    for (size_t i = 0; i < sizeof(distances) / sizeof(distances[0]); i++) {
        if (distances[i].column != column)
            continue;
        found.n_of++;
        if (!can_coerce(a, 1, &offset, &distances[i].offset, COERCION_IMPLICIT))
            continue;
        found.n_meet++;
        if (found.type != preferred)
            found.type = distances[i].offset;
    }
    return found;
}

static bool no_distance(A *a, const struct expr *e, const char *what, oid_t column, const char *hint)
{
    fail_at(a, expr_start(e), SQLSTATE_FEATURE_NOT_SUPPORTED,
            "RANGE with offset PRECEDING/FOLLOWING %s column type %.*s and offset type %.*s", what,
            STR_FMT(type_text(a, column, -1)), STR_FMT(type_text(a, e->type, -1)));
    err_hint(a->err, "%s", hint);
    return false;
}

static struct expr *range_offset(A *a, struct expr *e, const struct window *w)
{
    oid_t column = type_base(a, w->order[0].expr->type);
    struct distance found = distance_of(a, column, e->type);
    if (found.n_of == 0) {
        fail_at(a, expr_start(e), SQLSTATE_FEATURE_NOT_SUPPORTED,
                "RANGE with offset PRECEDING/FOLLOWING is not supported for column type %.*s",
                STR_FMT(type_text(a, ordering_type(a, column), -1)));
        return NULL;
    }
    if (found.n_meet == 0) {
        no_distance(a, e, "is not supported for", column, "Cast the offset value to an appropriate type.");
        return NULL;
    }
    if (found.n_meet != 1 && found.type != (e->type == TYPE_OID_unknown ? column : e->type)) {
        no_distance(a, e, "has multiple interpretations for", column,
                    "Cast the offset value to the exact intended type.");
        return NULL;
    }
    return coerce_to_specific(a, e, found.type, "RANGE");
}

static bool frame_offset(A *a, struct scope *s, const Node *n, const struct window *w, struct expr **ret)
{
    const char *name = w->mode == FRAME_ROWS ? "ROWS" : w->mode == FRAME_GROUPS ? "GROUPS" : "RANGE";
    if (!n)
        return true;
    s->own_var = 0;
    struct expr *e = transform_in(a, s, n, PLACE_WINDOW_FRAME);
    if (e)
        e = w->mode == FRAME_RANGE ? range_offset(a, e, w) : coerce_to_specific(a, e, TYPE_OID_int8, name);
    if (e && s->own_var)
        return fail_at(a, s->own_var - 1, SQLSTATE_INVALID_COLUMN_REFERENCE,
                       "argument of %s must not contain variables", name);
    *ret = e;
    return e != NULL;
}

bool has_frame_clause(const PgQuery__WindowDef *def)
{
    return def->frame_options & FRAMEOPTION_NONDEFAULT;
}

bool transform_frame(A *a, struct scope *s, const PgQuery__WindowDef *def, struct window *w)
{
    int32_t o = def->frame_options;
    if (!has_frame_clause(def))
        return true;
    w->has_frame = true;
    w->mode = o & FRAMEOPTION_ROWS ? FRAME_ROWS : o & FRAMEOPTION_GROUPS ? FRAME_GROUPS : FRAME_RANGE;
    w->start = bound_of(o, false);
    w->end = bound_of(o, true);
    w->exclusion = o & FRAMEOPTION_EXCLUDE_CURRENT_ROW ? EXCLUDE_CURRENT_ROW
                   : o & FRAMEOPTION_EXCLUDE_GROUP     ? EXCLUDE_GROUP
                   : o & FRAMEOPTION_EXCLUDE_TIES      ? EXCLUDE_TIES
                                                       : EXCLUDE_NONE;
    if (w->mode == FRAME_RANGE && (def->start_offset || def->end_offset) && w->n_order != 1)
        return fail_at(a, def->location, SQLSTATE_WINDOWING_ERROR,
                       "RANGE with offset PRECEDING/FOLLOWING requires exactly one ORDER BY column");
    if (!frame_offset(a, s, def->start_offset, w, &w->start_offset) ||
        !frame_offset(a, s, def->end_offset, w, &w->end_offset))
        return false;
    return w->mode != FRAME_GROUPS || w->n_order ||
           fail_at(a, def->location, SQLSTATE_WINDOWING_ERROR, "GROUPS mode requires an ORDER BY clause");
}
