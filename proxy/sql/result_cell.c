/* result_cell.c - cells of results -> values in storage form: plan_cell(), see plan.h. */
#include <math.h>
#include "proxy/sql/plan.h"

#include "pgwire/datetime.h"
#include "pgwire/numeric.h"
#include "proxy/sql/tagged_cell.h"

enum { SAFE_DIGITS = 15 };

static bool number_cell(const struct plan_column *c, const struct value *cell, struct arena *arena, struct value *ret,
                        struct err *err)
{
    AUTO_NUMERIC(n);
    if (cell->class == VALUE_INTEGER)
        numeric_from_int64(&n, cell->integer);
    else if (cell->class == VALUE_REAL)
        numeric_from_double(&n, cell->real, SAFE_DIGITS);
    else if (!numeric_parse(&n, cell->bytes, err))
        return false;
    if (c->detail >= 0 && n.class == NUMERIC_FINITE)
        numeric_round(&n, &n, c->detail);
    *ret = value_text(numeric_print(&n, arena));
    return ret->bytes.p || err_oom(err);
}

static bool cell_integer(const struct value *cell, int64_t *ret)
{
    if (cell->class == VALUE_INTEGER) {
        *ret = cell->integer;
        return true;
    }
    return cell->class == VALUE_TEXT && str_to_int64(cell->bytes, ret);
}

static bool bad_cell(const struct plan_column *c, struct err *err)
{
    return err_set(err, SQLSTATE_INVALID_TEXT_REPRESENTATION, "a cell of column %.*s does not fit its type",
                   STR_FMT(c->source.n ? c->source : c->name));
}

static bool scaled_cell(const struct plan_column *c, const struct value *cell, struct arena *arena, struct value *ret,
                        struct err *err)
{
    int64_t v;
    AUTO_NUMERIC(n);
    if (!cell_integer(cell, &v))
        return bad_cell(c, err);
    numeric_from_int64(&n, v);
    n.scale = c->detail; /* value = unscaled / 10^scale */
    *ret = value_text(numeric_print(&n, arena));
    return ret->bytes.p || err_oom(err);
}

static bool unix_cell(const struct plan_column *c, const struct value *cell, struct arena *arena, struct value *ret,
                      struct err *err)
{
    int64_t unit = c->form == CELL_UNIX_S ? US_PER_SECOND : c->form == CELL_UNIX_MS ? 1000 : 1, us, v;
    struct str text;
    if (cell->class == VALUE_REAL) {
        double d = cell->real * (double)unit;
        if (!(fabs(d) < 9e18))
            return bad_cell(c, err);
        us = (int64_t)llround(d);
    } else if (!cell_integer(cell, &v) || __builtin_mul_overflow(v, unit, &us)) {
        return bad_cell(c, err);
    }
    bool ok = c->codec_type == TYPE_OID_date ? date_to_storage(timestamp_to_date(us), arena, &text, err)
                                             : timestamp_to_storage(us, arena, &text, err);
    if (ok)
        *ret = value_text(text);
    return ok;
}

static bool hex_cell(const struct plan_column *c, const struct value *cell, struct arena *arena, struct value *ret,
                     struct err *err)
{
    if (cell->class != VALUE_TEXT || cell->bytes.n % 2)
        return bad_cell(c, err);
    char *bytes = arena_alloc(arena, cell->bytes.n / 2 + 1);
    if (!bytes)
        return err_oom(err);
    for (size_t i = 0; i < cell->bytes.n / 2; i++) {
        int high = hex_digit(cell->bytes.p[i * 2]), low = hex_digit(cell->bytes.p[i * 2 + 1]);
        if (high < 0 || low < 0)
            return bad_cell(c, err);
        bytes[i] = (char)(high << 4 | low);
    }
    *ret = value_blob((struct str){ bytes, cell->bytes.n / 2 });
    return true;
}

/* In a text column every class has its text; what else a column is, its codec judges. */
static bool any_cell(const struct plan_column *c, struct arena *arena, struct value *v, struct err *err)
{
    struct buf out;
    if (c->type != TYPE_OID_text || v->class == VALUE_TEXT)
        return true;
    oid_t type = v->class == VALUE_INTEGER ? TYPE_OID_int8 : v->class == VALUE_REAL ? TYPE_OID_float8 : TYPE_OID_bytea;
    buf_init(&out, 64 << 20);
    bool ok = type_encode(type, -1, WIRE_TEXT, v, type_settings_default(), arena, &out, err);
    struct str text = ok && !out.failed ? arena_str(arena, buf_str(&out)) : (struct str){ 0 };
    buf_fini(&out);
    *v = value_text(text);
    return text.p || (ok ? err_oom(err) : false);
}

static bool json_cell(const struct plan_column *c, struct arena *arena, struct value *v, struct err *err)
{
    static const double limit = 9007199254740992.0; /* 2^53 */
    double size = v->class == VALUE_INTEGER ? fabs((double)v->integer) : v->class == VALUE_REAL ? fabs(v->real) : 0;
    if (size < limit)
        return any_cell(c, arena, v, err);
    err_set(err, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE,
            "a number of column \"%.*s\" came from D1 without its last digits", STR_FMT(c->name));
    return err_hint(err, "Ask for CAST(… AS TEXT), or read the row again with SELECT.");
}

static bool tagged_cell(const struct plan_column *c, const struct value *cell, struct arena *arena, struct value *ret,
                        struct err *err)
{
    if (cell->class != VALUE_TEXT || !tagged_cell_read(cell->bytes, arena, ret))
        return err_set(err, SQLSTATE_INTERNAL_ERROR, "D1 returned a cell in a form pgd1 does not know");
    return any_cell(c, arena, ret, err);
}

bool plan_cell(const struct plan_column *column, const struct value *cell, struct arena *arena, struct value *ret,
               struct err *err)
{
    if (cell->class == VALUE_NULL) {
        *ret = *cell;
        return true;
    }
    switch (column->form) {
    case CELL_NATURAL:
        *ret = *cell;
        return true;
    case CELL_NUMBER:
        return number_cell(column, cell, arena, ret, err);
    case CELL_SCALED:
        return scaled_cell(column, cell, arena, ret, err);
    case CELL_UNIX_S:
    case CELL_UNIX_MS:
    case CELL_UNIX_US:
        return unix_cell(column, cell, arena, ret, err);
    case CELL_HEX:
        return hex_cell(column, cell, arena, ret, err);
    case CELL_ANY:
        *ret = *cell;
        return any_cell(column, arena, ret, err);
    case CELL_JSON:
        *ret = *cell;
        return json_cell(column, arena, ret, err);
    case CELL_TAGGED:
        return tagged_cell(column, cell, arena, ret, err);
    }
    return false;
}
