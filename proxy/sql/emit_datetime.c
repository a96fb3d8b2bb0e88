/*
 * emit_datetime.c - dates and times in D1: extract, date_trunc, timestamp ± interval; see emit_internal.h.
 *
 * SQLite computes with milliseconds, PostgreSQL with microseconds: so seconds and their fraction are cut out of the
 * text, and
 * only whole seconds go through SQLite's functions. Infinities give NULL there, and are then worked out locally.
 */
#include "proxy/sql/emit_internal.h"

struct unit_row {
    const char *unit, *text; /* $ stands for the value */
};

/* extract() as numeric: integers but for the second and the epoch. */
static const struct unit_row extracts[] = {
    { "year", "CAST(substr($,1,4) AS INTEGER)" },
    { "month", "CAST(substr($,6,2) AS INTEGER)" },
    { "day", "CAST(substr($,9,2) AS INTEGER)" },
    { "hour", "CAST(substr($,12,2) AS INTEGER)" },
    { "minute", "CAST(substr($,15,2) AS INTEGER)" },
    { "quarter", "((CAST(substr($,6,2) AS INTEGER)+2)/3)" },
    { "dow", "CAST(strftime('%w',substr($,1,10)) AS INTEGER)" },
    { "isodow", "CAST(strftime('%u',substr($,1,10)) AS INTEGER)" },
    { "doy", "CAST(strftime('%j',substr($,1,10)) AS INTEGER)" },
    { "week", "CAST(strftime('%V',substr($,1,10)) AS INTEGER)" },
    { "isoyear", "CAST(strftime('%G',substr($,1,10)) AS INTEGER)" },
    { "decade", "(CAST(substr($,1,4) AS INTEGER)/10)" },
    { "century", "((CAST(substr($,1,4) AS INTEGER)+99)/100)" },
};

/* Microseconds: the scale of extract(second …) and extract(epoch …) is 6. */
#define FRACTION_US "CAST(substr(substr($,21)||'000000',1,6) AS INTEGER)"
static const struct unit_row scaled_extracts[] = {
    { "second", "(CAST(substr($,18,2) AS INTEGER)*1000000+" FRACTION_US ")" },
    { "epoch", "(unixepoch(substr($,1,19))*1000000+" FRACTION_US ")" },
};

static const struct unit_row truncations[] = {
    { "year", "substr($,1,4)||'-01-01 00:00:00'" },
    { "quarter",
      "substr($,1,5)||substr('010101040404070707101010',CAST(substr($,6,2) AS INTEGER)*2-1,2)||'-01 00:00:00'" },
    { "month", "substr($,1,7)||'-01 00:00:00'" },
    { "week", "date(substr($,1,10),'-6 days','weekday 1')||' 00:00:00'" },
    { "day", "substr($,1,10)||' 00:00:00'" },
    { "hour", "substr($,1,13)||':00:00'" },
    { "minute", "substr($,1,16)||':00'" },
    { "second", "substr($,1,19)" },
};

static const char *row_text(const struct unit_row *rows, size_t n, struct str unit)
{
    for (size_t i = 0; i < n; i++) {
        struct str name = str_from(rows[i].unit);
        bool plural = unit.n == name.n + 1 && (unit.p[name.n] == 's' || unit.p[name.n] == 'S');
        if (str_eq_nocase(name, (struct str){ unit.p, plural ? name.n : unit.n }))
            return rows[i].text;
    }
    return NULL;
}
#define ROW_TEXT(rows, unit) row_text((rows), sizeof(rows) / sizeof(*(rows)), (unit))

static struct str fill(struct emitter *e, const char *t, struct str value)
{
    struct buf out;
    buf_init(&out, 8 << 20);
    for (; *t; t++) {
        if (*t == '$')
            buf_add_str(&out, value);
        else
            buf_add_char(&out, *t);
    }
    struct str text = out.failed ? (struct str){ 0 } : arena_str(e->arena, buf_str(&out));
    buf_fini(&out);
    if (!text.p)
        err_oom(e->err);
    return text;
}

static bool unit_of(struct emitter *e, const struct expr *x, struct str *ret)
{
    if (x->kind == EXPR_RELABEL)
        x = x->args[0];
    if (x->kind != EXPR_CONST || x->constant.is_null || x->constant.value.class != VALUE_TEXT)
        return false;
    mark_structural(e, x); /* the unit picks the text */
    *ret = x->constant.value.bytes;
    return true;
}

static bool emit_extract(struct emitter *e, const struct expr *x, bool as_float, struct fragment *ret)
{
    struct str unit, local = emit_raise_local(e);
    struct fragment v;
    if (!unit_of(e, x->args[0], &unit))
        return blocked(e, x->location, "%s() of a unit that is not constant here", x->call.proc->name);
    bool is_date = base_type(e, x->args[1]->type) == TYPE_OID_date;
    const char *t = ROW_TEXT(extracts, unit), *scaled = is_date ? NULL : ROW_TEXT(scaled_extracts, unit);
    if (is_date && (str_eq_nocase(unit, STR("hour")) || str_eq_nocase(unit, STR("minute"))))
        t = NULL; /* an error of PostgreSQL's */
    if (is_date && str_eq_nocase(unit, STR("epoch")))
        t = "unixepoch($)";
    if (!t && !scaled)
        return blocked(e, x->location, "%s(%.*s …) here", x->call.proc->name, STR_FMT(unit));
    if (!emit_value(e, x->args[1], &v))
        return false;
    struct str value = fill(e, t ? t : scaled, v.sql);
    *ret = (struct fragment){ .sql = text_of(e, "CASE WHEN %.*s GLOB '*infinity' THEN %.*s ELSE %.*s END",
                                             STR_FMT(v.sql), STR_FMT(local), STR_FMT(value)) };
    if (as_float)
        ret->sql = text_of(e, scaled ? "(%.*s/1000000.0)" : "CAST(%.*s AS REAL)", STR_FMT(ret->sql));
    else
        ret->form = FORM_SCALED;
    ret->scale = scaled ? 6 : 0;
    ret->digits = 18;
    return ret->sql.p != NULL;
}

static bool emit_trunc(struct emitter *e, const struct expr *x, struct fragment *ret)
{
    struct str unit, local = emit_raise_local(e);
    struct fragment v;
    const char *t = unit_of(e, x->args[0], &unit) ? ROW_TEXT(truncations, unit) : NULL;
    if (!t)
        return blocked(e, x->location, "date_trunc() to this unit here");
    if (!emit_value(e, x->args[1], &v))
        return false;
    struct str value = fill(e, t, v.sql);
    *ret = (struct fragment){ .sql = text_of(
                                  e, "CASE WHEN %.*s GLOB '*infinity' THEN %.*s WHEN %.*s IS NOT NULL THEN %.*s END",
                                  STR_FMT(v.sql), STR_FMT(local), STR_FMT(v.sql), STR_FMT(value)) };
    return ret->sql.p != NULL;
}

static bool modifier(struct emitter *e, const struct expr *interval, int unit, bool minus, struct str *ret)
{
    struct fragment f;
    int detail = unit | (minus ? 4 : 0);
    if (interval->kind != EXPR_CONST && interval->kind != EXPR_PARAM) {
        if (!emit_prelude(e, interval, BIND_INTERVAL_MODIFIERS, detail, &f))
            return false;
    } else {
        struct bind b = bind_of_expr(interval);
        b.type = TYPE_OID_interval;
        b.form = BIND_INTERVAL_MODIFIERS;
        b.detail = detail;
        if (!emit_bind(e, &b, &f))
            return false;
    }
    *ret = f.sql;
    return true;
}

/* Months first, clamped to the month's end, then days, then seconds: PostgreSQL's order. The fraction of a second
 * stays aside. */
static bool emit_shift(struct emitter *e, const struct expr *x, bool minus, struct fragment *ret)
{
    struct str months, days, seconds, local = emit_raise_local(e);
    struct fragment v;
    const struct expr *interval = x->args[1];
    if (!is_constant_expr(interval) || e->inline_constants)
        return blocked(e, x->location, "adding an interval that is not constant here");
    if (!emit_value(e, x->args[0], &v))
        return false;
    if (!modifier(e, interval, 0, minus, &months) || !modifier(e, interval, 1, minus, &days) ||
        !modifier(e, interval, 2, minus, &seconds))
        return err_is_set(e->err) ? false : blocked(e, x->location, "adding this interval here");
    const struct str s = v.sql;
    struct str moved = text_of(e, "datetime(substr(%.*s,1,19),%.*s,'floor',%.*s,%.*s)", STR_FMT(s), STR_FMT(months),
                               STR_FMT(days), STR_FMT(seconds));
    *ret = (struct fragment){
        /* SQLite goes on before the year 1 */
        .sql = text_of(e,
                       "CASE WHEN %.*s >= '0001' THEN %.*s||substr(%.*s,20) "
                       "WHEN %.*s IS NOT NULL AND %.*s IS NOT NULL THEN %.*s END",
                       STR_FMT(moved), STR_FMT(moved), STR_FMT(s), STR_FMT(s), STR_FMT(months), STR_FMT(local))
    };
    return moved.p && ret->sql.p;
}

/* x AT TIME ZONE 'UTC': timestamptz is stored so. */
static bool emit_utc(struct emitter *e, const struct expr *x, struct fragment *ret)
{
    struct str zone;
    if (!unit_of(e, x->args[0], &zone) ||
        !(str_eq_nocase(zone, STR("UTC")) || str_eq_nocase(zone, STR("GMT")) || str_eq_nocase(zone, STR("Z"))))
        return blocked(e, x->location, "AT TIME ZONE here");
    return emit_value(e, x->args[1], ret);
}

enum datetime_op { EXTRACT, PART, TRUNC, PLUS, MINUS, ZONE };

static const struct datetime_row {
    const char *source;
    enum datetime_op op;
    bool utc; /* only in UTC */
} rows[] = {
    { "extract_date", EXTRACT, false },         { "extract_timestamp", EXTRACT, false },
    { "extract_timestamptz", EXTRACT, true },   { "timestamp_part", PART, false },
    { "timestamptz_part", PART, true },         { "timestamp_trunc", TRUNC, false },
    { "timestamptz_trunc", TRUNC, true },       { "timestamp_pl_interval", PLUS, false },
    { "timestamp_mi_interval", MINUS, false },  { "timestamptz_pl_interval", PLUS, true },
    { "timestamptz_mi_interval", MINUS, true }, { "timestamptz_zone", ZONE, false },
    { "timestamp_zone", ZONE, false },
};

/* timestamp(column, 9): needless_precision() in analyze_func.c has given it a length. */
static bool rounds_nothing(struct emitter *e, const struct expr *x)
{
    if (x->n_args != 2 || x->args[1]->kind != EXPR_CONST || !analyze_takes_precision(x->call.proc))
        return false;
    mark_structural(e, x->args[1]);
    return x->typmod != -1;
}

/* timestamp(column, 10 - 1): PostgreSQL's planner computes the precision, and leaves out the function as in needless_precision(). */
static bool emit_planned_precision(struct emitter *e, const struct expr *x, bool *ret_handled, struct fragment *ret)
{
    struct fragment value, n;
    struct str keeps = STR("");
    bool has_fields = strcmp(x->call.proc->source, "interval_scale") == 0;
    if (x->n_args != 2 || x->args[1]->kind == EXPR_CONST || !analyze_takes_precision(x->call.proc) ||
        !is_constant_expr(x->args[1]) || folding_is_constant(x->args[0]))
        return true;
    if (!emit_value(e, x->args[0], &value) || !emit_value(e, x->args[1], &n))
        return false;
    if (!has_fields)
        keeps = text_of(e, " OR %.*s = 6", STR_FMT(n.sql));
    if (!has_fields && x->args[0]->typmod >= 0)
        keeps = text_of(e, "%.*s OR %.*s >= %d", STR_FMT(keeps), STR_FMT(n.sql), (int)x->args[0]->typmod);
    *ret_handled = true;
    *ret = (struct fragment){ .sql = text_of(e, "CASE WHEN %.*s < 0%.*s THEN %.*s ELSE pg_%s(%.*s,%.*s) END",
                                             STR_FMT(n.sql), STR_FMT(keeps), STR_FMT(value.sql), x->call.proc->source,
                                             STR_FMT(value.sql), STR_FMT(n.sql)) };
    return ret->sql.p != NULL;
}

bool emit_datetime_call(struct emitter *e, const struct expr *x, bool *ret_handled, struct fragment *ret)
{
    if (rounds_nothing(e, x)) {
        *ret_handled = true;
        return emit_expr(e, x->args[0], ret);
    }
    if (e->target == TARGET_LOCAL && (!emit_planned_precision(e, x, ret_handled, ret) || *ret_handled))
        return *ret_handled && ret->sql.p;
    if (e->target != TARGET_D1)
        return true;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        if (strcmp(rows[i].source, x->call.proc->source) != 0)
            continue;
        *ret_handled = true;
        if ((rows[i].utc && !is_utc(e)) || e->shared->settings->force_local)
            return blocked(e, x->location, "%s() here", x->call.proc->name);
        switch (rows[i].op) {
        case EXTRACT:
            return emit_extract(e, x, false, ret);
        case PART:
            return emit_extract(e, x, true, ret);
        case TRUNC:
            return emit_trunc(e, x, ret);
        case ZONE:
            return emit_utc(e, x, ret);
        case PLUS:
        case MINUS:
            return emit_shift(e, x, rows[i].op == MINUS, ret);
        }
    }
    return true;
}
