/*
 * emit_numeric.c - exact numbers in D1: numeric(p,s) with p up to 15 as cells, its sums and products as integers
 * scaled by a
 * power of ten; see emit_internal.h. What may not fit 18 digits is watched: SQLite's integers overflow into REAL.
 */
#include "proxy/sql/emit_internal.h"

#include "pgwire/numeric.h"

enum {
    MAX_DIGITS = 18,     /* every number of so many fits 64 bits */
    WATCHED_DIGITS = 19, /* of what fits 64 bits for all we know */
    REAL_DIGITS = 300,   /* every number of so many is a finite REAL */
    MAX_SCALE = 18,
    PARAM_SCALE_MORE = 4
};

static const int64_t powers[MAX_SCALE + 1] = {
    1,
    10,
    100,
    1000,
    10000,
    100000,
    1000000,
    10000000,
    100000000,
    1000000000,
    10000000000,
    100000000000,
    1000000000000,
    10000000000000,
    100000000000000,
    1000000000000000,
    10000000000000000,
    100000000000000000,
    1000000000000000000,
};

bool is_numeric(const struct emitter *e, oid_t type)
{
    return type == TYPE_OID_numeric || (type >= 16384 && base_type(e, type) == TYPE_OID_numeric);
}

int typmod_scale(int32_t typmod)
{
    return typmod < 0 ? -1 : numeric_typmod_scale(typmod);
}

int typmod_precision(int32_t typmod)
{
    return typmod < 0 ? 0 : numeric_typmod_precision(typmod);
}

/* ---- constants and parameters ---- */

/* Digits after the point and in all of a constant's canonical text; false for NaN and infinities. */
static bool text_digits(struct str text, int *ret_scale, int *ret_digits)
{
    int scale = 0, digits = 0;
    bool after = false;
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (c == '.') {
            after = true;
        } else if (c >= '0' && c <= '9') {
            digits += digits || c != '0' || after;
            scale += after;
        } else if (c != '-') {
            return false;
        }
    }
    *ret_scale = scale;
    *ret_digits = digits ? digits : 1;
    return true;
}

static bool bind_numeric(struct emitter *e, const struct expr *x, enum bind_form form, int detail, struct fragment *ret)
{
    if (x->kind != EXPR_CONST && x->kind != EXPR_PARAM)
        return emit_prelude(e, x, form, detail, ret);
    struct bind b = bind_of_expr(x);
    b.type = TYPE_OID_numeric;
    b.form = form;
    b.detail = detail;
    return emit_bind(e, &b, ret);
}

/* The value of the fragment, bound in another form. */
static bool bind_again(struct emitter *e, enum bind_form form, int detail, struct fragment *f)
{
    const struct expr *x = f->bindable;
    bool is_doubtful = f->is_doubtful;
    *f = (struct fragment){ 0 };
    e->conditional += is_doubtful;
    e->excluded += is_doubtful;
    bool ok = bind_numeric(e, x, form, detail, f);
    e->conditional -= is_doubtful;
    e->excluded -= is_doubtful;
    return ok;
}

static bool inline_numeric(struct emitter *e, const struct expr *x, struct fragment *ret)
{
    int scale, digits;
    struct str text = x->constant.value.bytes;
    if (!text_digits(text, &scale, &digits) || digits > 15)
        return blocked(e, x->location, "a numeric constant of more than 15 digits here");
    mark_structural(e, x);
    *ret = (struct fragment){ .sql = text, .form = FORM_NUMBER, .scale = scale, .digits = digits, .simple = true };
    return true;
}

bool emit_numeric_const(struct emitter *e, const struct expr *x, struct fragment *ret)
{
    if (e->target == TARGET_LOCAL) {
        struct bind b = bind_of_expr(x);
        b.type = TYPE_OID_numeric;
        return emit_bind(e, &b, ret);
    }
    if (e->inline_constants)
        return inline_numeric(e, x, ret);
    if (!bind_numeric(e, x, BIND_NUMBER, 0, ret))
        return false;
    ret->form = FORM_NUMBER;
    ret->scale = -1;
    ret->bindable = x;
    return true;
}

int shown_scale(struct emitter *e, const struct fragment *f)
{
    int scale, digits;
    if (f->scale >= 0 || !f->bindable || f->bindable->kind != EXPR_CONST)
        return f->scale;
    if (f->bindable->constant.value.class != VALUE_TEXT ||
        !text_digits(f->bindable->constant.value.bytes, &scale, &digits))
        return -1;
    mark_structural(e, f->bindable);
    return scale;
}

/* ---- changing forms ---- */

bool to_number(struct emitter *e, struct fragment *f)
{
    if (f->is_null || f->form == FORM_NUMBER || (f->form == FORM_SCALED && f->scale == 0))
        return true;
    return blocked(e, -1, "comparing exact numerics here");
}

static bool watch_overflow(struct emitter *e, struct fragment *f)
{
    if (e->shared->settings->force_local)
        return blocked(e, -1, "numerics that may not fit 64 bits");
    struct check *c = ARENA_NEW(e->arena, struct check);
    if (!c)
        return err_oom(e->err);
    *c = (struct check){ .when = text_of(e, "typeof(%.*s)='real'", STR_FMT(f->sql)),
                         .then = emit_raise_local(e),
                         .spilled = f->digits };
    if (f->checks)
        *f->checks_end = c;
    else
        f->checks = c;
    f->checks_end = &c->next;
    f->digits = WATCHED_DIGITS;
    return c->when.p && c->then.p;
}

/*
 * The fragment is to be a part of a sum or product: what has become REAL in it makes that REAL too, and is looked for there alone. To look
 * at each part would double the text with each term.
 */
static void watch_later(struct fragment *f)
{
    struct check **last = &f->checks;
    if (!f->checks)
        return;
    while ((*last)->next)
        last = &(*last)->next;
    if (!(*last)->spilled || (*last)->spilled >= REAL_DIGITS)
        return;
    f->digits = (*last)->spilled;
    *last = NULL;
    f->checks_end = f->checks ? last : NULL;
}

bool to_scaled(struct emitter *e, int scale, struct fragment *f)
{
    if (f->is_null) {
        f->form = FORM_SCALED;
        f->scale = scale;
        return true;
    }
    if (scale < 0 || scale > MAX_SCALE)
        return blocked(e, -1, "numerics of unknown scale here");
    if (f->form == FORM_SCALED) {
        int more = scale - f->scale;
        if (more == 0)
            return true;
        if (more < 0)
            return blocked(e, -1, "numerics of different scale here");
        watch_later(f);
        f->sql = text_of(e, "(%.*s*%lld)", STR_FMT(f->sql), (long long)powers[more]);
        f->digits += more;
        f->scale = scale;
        f->simple = false;
        return f->sql.p && (f->digits <= MAX_DIGITS || watch_overflow(e, f));
    }
    if (f->form != FORM_NUMBER)
        return blocked(e, -1, "exact arithmetic on numerics of more than 15 digits here");
    if (f->bindable) {
        const struct expr *x = f->bindable;
        int own_scale, digits = MAX_DIGITS;
        if (x->kind == EXPR_CONST && x->constant.value.class == VALUE_TEXT &&
            text_digits(x->constant.value.bytes, &own_scale, &digits))
            digits += scale > own_scale ? scale - own_scale : 0;
        if (!bind_again(e, BIND_SCALED, scale, f))
            return false;
        f->form = FORM_SCALED;
        f->scale = scale;
        f->digits = x->kind == EXPR_CONST
                        ? digits
                        : MAX_DIGITS; /* its literal is structural where sums and products need this */
        return true;
    }
    if (f->scale < 0 || f->scale > scale)
        return blocked(e, -1, "numerics of unknown scale here");
    f->sql = text_of(e, "CAST(round(%.*s*%lld.0) AS INTEGER)", STR_FMT(f->sql), (long long)powers[f->scale]);
    f->form = FORM_SCALED;
    f->simple = false;
    if (!f->digits)
        f->digits = 15;
    return f->sql.p && to_scaled(e, scale, f);
}

/* NUMBER for all: each may have as many digits behind the point as any of them. */
static void share_scale(struct fragment *const *parts, size_t n, int scale)
{
    for (size_t i = 0; i < n; i++)
        if (!parts[i]->is_null && parts[i]->scale < 0)
            scale = -1;
    for (size_t i = 0; i < n; i++) {
        if (parts[i]->digits && parts[i]->scale >= 0 && scale > parts[i]->scale)
            parts[i]->digits += scale - parts[i]->scale;
        parts[i]->form = FORM_NUMBER;
        parts[i]->scale = scale;
    }
}

bool align_numbers(struct emitter *e, struct fragment *const *parts, size_t n)
{
    bool all_numbers = true;
    int scale = 0;
    for (size_t i = 0; i < n; i++) {
        const struct fragment *f = parts[i];
        all_numbers = all_numbers && (f->form == FORM_NUMBER || (f->form == FORM_SCALED && f->scale == 0));
        if (f->scale > scale)
            scale = f->scale;
    }
    if (all_numbers) {
        share_scale(parts, n, scale);
        return true;
    }
    for (size_t i = 0; i < n; i++)
        if (!to_scaled(e, scale, parts[i]) || !settle(e, parts[i]))
            return false;
    return true;
}

bool numeric_text(struct emitter *e, struct fragment *f)
{
    if (f->is_null) {
        f->form = FORM_NATURAL;
        return true;
    }
    if (f->bindable)
        return bind_again(e, BIND_AS_IS, 0, f);
    if (f->mixed_scale || f->scale < 0)
        return blocked(e, -1, "the text of a numeric without a scale here");
    const struct str s = f->sql;
    if (f->form == FORM_NUMBER)
        f->sql =
            text_of(e, "CASE WHEN %.*s IS NOT NULL THEN printf('%%.%df',%.*s) END", STR_FMT(s), f->scale, STR_FMT(s));
    else if (f->scale == 0)
        f->sql = text_of(e, "CAST(%.*s AS TEXT)", STR_FMT(s));
    else
        f->sql = text_of(e,
                         "CASE WHEN %.*s IS NOT NULL THEN "
                         "printf('%%s%%d.%%0%dd',iif(%.*s<0,'-',''),abs(%.*s)/%lld,abs(%.*s)%%%lld) END",
                         STR_FMT(s), f->scale, STR_FMT(s), STR_FMT(s), (long long)powers[f->scale], STR_FMT(s),
                         (long long)powers[f->scale]);
    f->form = FORM_NATURAL;
    f->simple = false;
    return f->sql.p != NULL;
}

/* ---- rounding ---- */

/* Half away from zero, as PostgreSQL rounds numerics; integers only. */
static bool round_scaled(struct emitter *e, int scale, bool truncate, struct fragment *f)
{
    if (f->form != FORM_SCALED && !to_scaled(e, f->scale, f))
        return false;
    if (f->scale <= scale)
        return to_scaled(e, scale, f);
    if (!settle(e, f))
        return false;
    long long unit = powers[f->scale - scale];
    const struct str s = f->sql;
    f->sql = truncate
                 ? text_of(e, "(%.*s/%lld)", STR_FMT(s), unit)
                 : text_of(e, "((%.*s+iif(%.*s<0,-%lld,%lld))/%lld)", STR_FMT(s), STR_FMT(s), unit / 2, unit / 2, unit);
    f->scale = scale;
    f->simple = false;
    return f->sql.p != NULL;
}

/* The same where nobody looks at the size afterwards: what is added to round may be too much for 64 bits. */
static bool round_watched(struct emitter *e, int scale, bool truncate, struct fragment *f)
{
    bool grows = !truncate && f->digits > MAX_DIGITS && f->scale > scale;
    return round_scaled(e, scale, truncate, f) && (!grows || watch_overflow(e, f));
}

bool numeric_typmod(struct emitter *e, int32_t typmod, struct fragment *f)
{
    int scale = typmod_scale(typmod), precision = typmod_precision(typmod);
    if (scale < 0 || precision > 15)
        return blocked(e, -1, "numerics of more than 15 digits here");
    if (f->bindable) {
        const struct expr *x = f->bindable;
        if (x->kind == EXPR_CONST || x->kind == EXPR_PARAM) {
            struct bind b = bind_of_expr(x);
            b.type = TYPE_OID_numeric;
            b.form = BIND_STORE;
            b.typmod = typmod;
            if (!emit_bind(e, &b, f))
                return false;
        } else if (!bind_again(e, BIND_STORE, typmod, f)) {
            return false;
        }
        f->form = FORM_NUMBER;
        f->scale = scale;
        f->digits = precision;
        return true;
    }
    if (f->form == FORM_NUMBER && f->scale == scale && f->digits && f->digits <= precision)
        return true;
    int before = f->scale < 0 ? -1 : f->digits - f->scale;
    if (!round_scaled(e, scale, false, f))
        return false;
    f->mixed_scale = false;
    if (before >= 0 && f->digits && before < precision - scale) {
        f->digits = precision;
        return true;
    }
    struct str limit = text_of(e, "%lld", (long long)powers[precision]);
    struct check *c = ARENA_NEW(e->arena, struct check);
    if (!c || !limit.p)
        return err_oom(e->err);
    *c = (struct check){ .when = text_of(e, "abs(%.*s)>=%.*s", STR_FMT(f->sql), STR_FMT(limit)),
                         .then = emit_raise(e, "22003", STR("numeric field overflow")) };
    if (f->checks)
        *f->checks_end = c;
    else
        f->checks = c;
    f->checks_end = &c->next;
    f->digits = precision;
    return c->when.p && c->then.p;
}

/* a / b rounded to numeric(p,s): exact in integers, as both scales are known. */
bool numeric_quotient(struct emitter *e, const struct expr *x, int32_t typmod, struct fragment *ret)
{
    struct fragment a, b;
    int scale = typmod_scale(typmod);
    if (!emit_expr(e, x->args[0], &a) || !emit_expr(e, x->args[1], &b))
        return false;
    if (a.form == FORM_NATURAL || b.form == FORM_NATURAL || scale < 0)
        return blocked(e, x->location, "dividing numerics of more than 15 digits here");
    int sa = shown_scale(e, &a), sb = shown_scale(e, &b);
    sa = sa < 0 ? PARAM_SCALE_MORE : sa;
    sb = sb < 0 ? PARAM_SCALE_MORE : sb;
    /* numerator at scale + sb, so that the integer quotient has `scale` digits */
    if (!to_scaled(e, sa, &a) || !to_scaled(e, sb, &b) || !to_scaled(e, sa > scale + sb ? sa : scale + sb, &a) ||
        !settle(e, &b))
        return false;
    if (sa > scale + sb) {
        b.sql = text_of(e, "(%.*s*%lld)", STR_FMT(b.sql), (long long)powers[sa - scale - sb]);
        if (!b.sql.p)
            return false;
    }
    struct fragment twice = { .sql = text_of(e, "(2*%.*s)", STR_FMT(a.sql)),
                              .digits = a.digits + 1,
                              .checks = a.checks,
                              .checks_end = a.checks_end };
    if (!twice.sql.p || (twice.digits > MAX_DIGITS && !watch_overflow(e, &twice)) || !settle(e, &twice))
        return false;
    const struct str n = twice.sql, m = b.sql;
    *ret = (struct fragment){ .form = FORM_SCALED, .scale = scale, .digits = MAX_DIGITS };
    ret->sql = text_of(e, "((abs(%.*s)+abs(%.*s))/(2*abs(%.*s))*sign(%.*s)*sign(%.*s))", STR_FMT(n), STR_FMT(m),
                       STR_FMT(m), STR_FMT(n), STR_FMT(m));
    struct check *c = ARENA_NEW(e->arena, struct check);
    if (!c)
        return err_oom(e->err);
    *c = (struct check){ .when = text_of(e, "%.*s = 0", STR_FMT(m)),
                         .then = emit_raise(e, "22012", STR("division by zero")) };
    ret->checks = c;
    ret->checks_end = &c->next;
    return ret->sql.p && c->when.p && c->then.p;
}

/* A value on its way into a column: NUMBER cells for numeric(p<=15,s), text otherwise. */
bool numeric_storage(struct emitter *e, const struct column *column, struct fragment *f)
{
    if (column->storage != COLUMN_NUMBER)
        return settle(e, f) && make_natural(e, column->type, f);
    if (f->form == FORM_NATURAL)
        return blocked(e, -1, "storing a numeric that D1 cannot compute");
    if (f->form == FORM_SCALED && f->scale > 0) {
        if (!settle(e, f))
            return false;
        f->sql = text_of(e, "(%.*s/%lld.0)", STR_FMT(f->sql), (long long)powers[f->scale]);
        f->form = FORM_NUMBER;
        return f->sql.p != NULL;
    }
    return settle(e, f);
}

/* ---- calls ---- */

enum numeric_op {
    OP_ADD,
    OP_SUB,
    OP_MUL,
    OP_NEG,
    OP_ABS,
    OP_PLUS,
    OP_COMPARE,
    OP_ROUND,
    OP_TRUNC,
    OP_FROM_INT,
    OP_TO_INT,
    OP_TO_FLOAT,
    OP_SIGN
};

static const struct numeric_row {
    const char *source;
    enum numeric_op op;
    const char *text;
    int detail; /* FROM_INT: digits; TO_INT: bytes */
} rows[] = {
    { "numeric_add", OP_ADD, "+", 0 },        { "numeric_sub", OP_SUB, "-", 0 },
    { "numeric_mul", OP_MUL, "*", 0 },        { "numeric_uminus", OP_NEG, "", 0 },
    { "numeric_abs", OP_ABS, "", 0 },         { "numeric_uplus", OP_PLUS, "", 0 },
    { "numeric_eq", OP_COMPARE, "=", 0 },     { "numeric_ne", OP_COMPARE, "<>", 0 },
    { "numeric_lt", OP_COMPARE, "<", 0 },     { "numeric_le", OP_COMPARE, "<=", 0 },
    { "numeric_gt", OP_COMPARE, ">", 0 },     { "numeric_ge", OP_COMPARE, ">=", 0 },
    { "numeric_round", OP_ROUND, "", 0 },     { "numeric_trunc", OP_TRUNC, "", 0 },
    { "round(numeric)", OP_ROUND, "", 0 },    { "trunc(numeric)", OP_TRUNC, "", 0 },
    { "int2_numeric", OP_FROM_INT, "", 5 },   { "int4_numeric", OP_FROM_INT, "", 10 },
    { "int8_numeric", OP_FROM_INT, "", 19 },  { "numeric_int2", OP_TO_INT, "", 2 },
    { "numeric_int4", OP_TO_INT, "", 4 },     { "numeric_int8", OP_TO_INT, "", 8 },
    { "numeric_float8", OP_TO_FLOAT, "", 0 },
};

static const struct numeric_row *row_of(const struct pg_proc *proc)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (strcmp(rows[i].source, proc->source) == 0)
            return &rows[i];
    return NULL;
}

static bool settle_part(struct emitter *e, struct fragment *f)
{
    watch_later(f);
    return settle(e, f);
}

static bool add_or_subtract(struct emitter *e, const struct numeric_row *row, struct fragment *a, struct fragment *b,
                            struct fragment *ret)
{
    int sa = shown_scale(e, a), sb = shown_scale(e, b), scale = sa > sb ? sa : sb;
    bool unknown = sa < 0 || sb < 0;
    if (unknown && !e->value_only)
        return blocked(e, -1, "the scale of a sum of numerics here");
    if (unknown)
        scale = (scale < 0 ? 0 : scale) + PARAM_SCALE_MORE;
    if (!to_scaled(e, scale, a) || !to_scaled(e, scale, b) || !settle_part(e, a) || !settle_part(e, b))
        return false;
    *ret = (struct fragment){ .form = FORM_SCALED,
                              .scale = scale,
                              .digits = (a->digits > b->digits ? a->digits : b->digits) + 1,
                              .mixed_scale = unknown || a->mixed_scale || b->mixed_scale };
    ret->sql = text_of(e, "(%.*s%s%.*s)", STR_FMT(a->sql), row->text, STR_FMT(b->sql));
    return ret->sql.p && (ret->digits <= MAX_DIGITS || watch_overflow(e, ret));
}

static bool multiply(struct emitter *e, struct fragment *a, struct fragment *b, struct fragment *ret)
{
    int sa = shown_scale(e, a), sb = shown_scale(e, b);
    bool unknown = sa < 0 || sb < 0;
    if (unknown && !e->value_only)
        return blocked(e, -1, "the scale of a product of numerics here");
    sa = sa < 0 ? PARAM_SCALE_MORE : sa;
    sb = sb < 0 ? PARAM_SCALE_MORE : sb;
    if (sa + sb > MAX_SCALE)
        return blocked(e, -1, "a product of numerics with so many digits behind the point here");
    if (!to_scaled(e, sa, a) || !to_scaled(e, sb, b) || !settle_part(e, a) || !settle_part(e, b))
        return false;
    *ret = (struct fragment){ .form = FORM_SCALED,
                              .scale = sa + sb,
                              .digits = a->digits + b->digits,
                              .mixed_scale = unknown || a->mixed_scale || b->mixed_scale };
    ret->sql = text_of(e, "(%.*s*%.*s)", STR_FMT(a->sql), STR_FMT(b->sql));
    return ret->sql.p && (ret->digits <= MAX_DIGITS || watch_overflow(e, ret));
}

static bool compare(struct emitter *e, const struct numeric_row *row, struct fragment *a, struct fragment *b,
                    struct fragment *ret)
{
    struct fragment *parts[] = { a, b };
    if (a->form == FORM_NATURAL || b->form == FORM_NATURAL)
        return blocked(e, -1, "comparing numerics of more than 15 digits here");
    if (!settle(e, a) || !settle(e, b) || !align_numbers(e, parts, 2))
        return false;
    *ret = (struct fragment){ .sql = text_of(e, "(%.*s %s %.*s)", STR_FMT(a->sql), row->text, STR_FMT(b->sql)) };
    return ret->sql.p != NULL;
}

static bool to_int(struct emitter *e, const struct numeric_row *row, struct fragment *a, struct fragment *ret)
{
    static const struct {
        const char *condition, *message;
    } ranges[] = {
        [2] = { " NOT BETWEEN -32768 AND 32767", "smallint out of range" },
        [4] = { " NOT BETWEEN -2147483648 AND 2147483647", "integer out of range" },
    };
    if (!round_watched(e, 0, false, a))
        return false;
    *ret = *a;
    ret->form = FORM_NATURAL;
    if (row->detail == 8)
        return true;
    struct check *c = ARENA_NEW(e->arena, struct check);
    if (!c)
        return err_oom(e->err);
    *c = (struct check){ .when = text_of(e, "%.*s%s", STR_FMT(a->sql), ranges[row->detail].condition),
                         .then = emit_raise(e, "22003", str_from(ranges[row->detail].message)) };
    if (ret->checks)
        *ret->checks_end = c;
    else
        ret->checks = c;
    ret->checks_end = &c->next;
    return c->when.p && c->then.p;
}

static bool to_float(struct emitter *e, const struct expr *x, struct fragment *a, struct fragment *ret)
{
    if (a->bindable && a->bindable->kind != EXPR_CONST && a->bindable->kind != EXPR_PARAM)
        return emit_prelude(e, x, BIND_AS_IS, 0, ret);
    if (a->bindable && a->bindable->kind == EXPR_CONST) {
        struct bind b = bind_of_expr(a->bindable);
        b.type = TYPE_OID_float8;
        if (b.constant.class == VALUE_TEXT) {
            struct numeric n;
            numeric_init(&n);
            bool ok = numeric_parse(&n, b.constant.bytes, e->err);
            b.constant = value_real(ok ? numeric_to_double(&n) : 0);
            numeric_fini(&n);
            if (!ok)
                return false;
        }
        return emit_bind(e, &b, ret);
    }
    if (!settle(e, a) || !to_number(e, a))
        return false;
    *ret = (struct fragment){ .sql = text_of(e, "CAST(%.*s AS REAL)", STR_FMT(a->sql)) };
    return ret->sql.p != NULL;
}

static bool rounding(struct emitter *e, const struct expr *x, bool truncate, struct fragment *a, struct fragment *ret)
{
    int scale = 0;
    if (x->n_args > 1) {
        const struct expr *digits = x->args[1];
        if (digits->kind != EXPR_CONST || digits->constant.is_null || digits->constant.value.integer < 0 ||
            digits->constant.value.integer > 15)
            return blocked(e, x->location, "round() to a number of digits that is not a constant");
        mark_structural(e, digits);
        scale = (int)digits->constant.value.integer;
    }
    if (a->bindable || a->scale < 0)
        return blocked(e, x->location, "rounding a numeric of unknown scale here");
    *ret = *a;
    return round_watched(e, scale, truncate, ret);
}

static bool simple_sign(struct emitter *e, const struct numeric_row *row, struct fragment *a, struct fragment *ret)
{
    int scale = shown_scale(e, a);
    if (row->op == OP_PLUS) {
        *ret = *a;
        return true;
    }
    if ((a->form == FORM_NUMBER && a->bindable) || scale < 0) {
        if (scale < 0 || !to_scaled(e, scale, a))
            return blocked(e, -1, "numerics of unknown scale here");
    }
    if (!settle(e, a))
        return false;
    *ret = *a;
    ret->simple = false;
    bool is_watched =
        a->digits > MAX_DIGITS; /* the least integer has no positive one; abs() would say so by an error */
    if (row->op == OP_NEG)
        ret->sql = text_of(e, "(- %.*s)", STR_FMT(a->sql));
    else if (is_watched)
        ret->sql = text_of(e, "iif(%.*s<0,- %.*s,%.*s)", STR_FMT(a->sql), STR_FMT(a->sql), STR_FMT(a->sql));
    else
        ret->sql = text_of(e, "abs(%.*s)", STR_FMT(a->sql));
    return ret->sql.p && (!is_watched || watch_overflow(e, ret));
}

bool emit_numeric_call(struct emitter *e, const struct expr *x, bool *ret_handled, struct fragment *ret)
{
    const struct numeric_row *row = row_of(x->call.proc);
    struct fragment a, b = { 0 };
    if (!row)
        return true;
    *ret_handled = true;
    bool outer = e->value_only, outer_compared = e->is_compared;
    e->is_compared = row->op == OP_COMPARE;
    if (row->op == OP_COMPARE || row->op == OP_TO_INT || row->op == OP_TO_FLOAT)
        e->value_only = true;
    bool binary = row->op == OP_ADD || row->op == OP_SUB || row->op == OP_MUL || row->op == OP_COMPARE;
    bool ok = emit_expr(e, x->args[0], &a) && (!binary || emit_expr(e, x->args[1], &b));
    if (ok && row->op != OP_FROM_INT && a.form == FORM_NATURAL)
        ok = blocked(e, x->location, "arithmetic on numerics of more than 15 digits here");
    if (ok) {
        switch (row->op) {
        case OP_ADD:
        case OP_SUB:
            ok = add_or_subtract(e, row, &a, &b, ret);
            break;
        case OP_MUL:
            ok = multiply(e, &a, &b, ret);
            break;
        case OP_COMPARE:
            ok = compare(e, row, &a, &b, ret);
            break;
        case OP_NEG:
        case OP_ABS:
        case OP_PLUS:
        case OP_SIGN:
            ok = simple_sign(e, row, &a, ret);
            break;
        case OP_ROUND:
        case OP_TRUNC:
            ok = rounding(e, x, row->op == OP_TRUNC, &a, ret);
            break;
        case OP_FROM_INT:
            *ret = a;
            ret->form = FORM_SCALED;
            ret->scale = 0;
            ret->digits = row->detail;
            break;
        case OP_TO_INT:
            ok = to_int(e, row, &a, ret);
            break;
        case OP_TO_FLOAT:
            ok = to_float(e, x, &a, ret);
            break;
        }
    }
    e->value_only = outer;
    e->is_compared = outer_compared;
    return ok;
}
