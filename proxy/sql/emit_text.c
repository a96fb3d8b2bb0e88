/* emit_text.c - LIKE, casts to and from text, length coercion; see emit_internal.h. */
#include "proxy/sql/emit_internal.h"

#include "proxy/sql/bind.h"

/* ---- LIKE ---- */

struct like_row {
    const char *source;
    bool negated, no_case;
};

static const struct like_row like_rows[] = {
    { "textlike", false, false },    { "textnlike", true, false },  { "bpcharlike", false, false },
    { "bpcharnlike", true, false },  { "namelike", false, false },  { "namenlike", true, false },
    { "texticlike", false, true },   { "texticnlike", true, true }, { "bpchariclike", false, true },
    { "bpcharicnlike", true, true }, { "nameiclike", false, true }, { "nameicnlike", true, true },
};

static const struct like_row *like_row_of(const struct pg_proc *proc)
{
    for (size_t i = 0; i < sizeof(like_rows) / sizeof(*like_rows); i++)
        if (strcmp(like_rows[i].source, proc->source) == 0)
            return &like_rows[i];
    return NULL;
}

/* The pattern under like_escape(pattern, 'x'); its escape character, 0 when it is empty, -1 when it is none of ours. */
static const struct expr *pattern_of(struct emitter *e, const struct expr *x, int *ret_escape)
{
    *ret_escape = '\\';
    if (x->kind != EXPR_FUNC || strcmp(x->call.proc->name, "like_escape") != 0)
        return x;
    const struct expr *escape = x->args[1];
    *ret_escape = -1;
    if (escape->kind != EXPR_CONST || escape->constant.is_null || escape->constant.value.bytes.n > 1)
        return x;
    mark_structural(e, escape);
    *ret_escape = escape->constant.value.bytes.n ? (unsigned char)escape->constant.value.bytes.p[0] : 0;
    return x->args[0];
}

/* In an index or a check the pattern stands in the text. */
static bool inline_pattern(struct emitter *e, const struct expr *pattern, enum bind_form form, int escape,
                           struct fragment *ret)
{
    struct str text;
    pattern = without_relabel(pattern);
    if (form != BIND_GLOB || pattern->kind != EXPR_CONST || pattern->constant.is_null)
        return false;
    if (!bind_glob_pattern(pattern->constant.value.bytes, escape, e->arena, &text, e->err) || text.n > PATTERN_BYTES)
        return false;
    *ret = (struct fragment){ .sql = emit_text_literal(text, e->arena), .simple = true };
    return ret->sql.p || err_oom(e->err);
}

static bool bind_pattern(struct emitter *e, const struct expr *pattern, enum bind_form form, int escape,
                         struct fragment *ret)
{
    if (e->inline_constants)
        return inline_pattern(e, pattern, form, escape, ret);
    if (pattern->kind != EXPR_CONST && pattern->kind != EXPR_PARAM)
        return emit_prelude(e, pattern, form, escape, ret);
    struct bind b = bind_of_expr(pattern);
    b.type = base_type(e, pattern->type);
    b.form = form;
    b.detail = escape;
    return emit_bind(e, &b, ret);
}

/* ---- lower(x) and upper(x) against ASCII ---- */

enum { REQUIRE_ASCII = 0x100 }; /* with the escape character in the detail of BIND_GLOB */

/* lower() or upper() of something that is no constant; SQLite folds ASCII only. */
static bool is_fold(const struct expr *x, bool *ret_upper)
{
    x = without_relabel(x);
    if (x->kind != EXPR_FUNC || x->n_args != 1)
        return false;
    *ret_upper = strcmp(x->call.proc->source, "upper") == 0;
    return (*ret_upper || strcmp(x->call.proc->source, "lower") == 0) && !is_constant_expr(x);
}

static bool emit_fold(struct emitter *e, const struct expr *x, bool upper, struct fragment *inner, struct fragment *ret)
{
    x = without_relabel(x);
    if (!emit_value(e, x->args[0], inner))
        return false;
    *ret = (struct fragment){ .sql = text_of(e, "%s(%.*s)", upper ? "upper" : "lower", STR_FMT(inner->sql)) };
    return ret->sql.p != NULL;
}

/* SQLite's folding made PostgreSQL's as far as ASCII results go: of all other letters just these two become ASCII. */
static struct str exact_fold(struct emitter *e, struct str folded, bool upper)
{
    return upper ? text_of(e, "replace(replace(%.*s,char(305),'I'),char(383),'S')", STR_FMT(folded))
                 : text_of(e, "replace(replace(%.*s,char(304),'i'),char(8490),'k')", STR_FMT(folded));
}

/*
 * lower(x) = 'ascii': SQLite's lower leaves letters beyond ASCII alone, and but for two they do not become ASCII in
 * PostgreSQL. So the texts it may leave are listed, which an index on lower(x) answers; <> has no use for an index.
 */
static bool fold_equals(struct emitter *e, const struct expr *x, bool *ret_handled, struct fragment *ret)
{
    bool upper;
    bool equal = strcmp(x->call.proc->source, "texteq") == 0;
    if (!equal && strcmp(x->call.proc->source, "textne") != 0)
        return true;
    size_t side = is_fold(x->args[0], &upper) ? 0 : 1;
    const struct expr *constant = x->args[1 - side];
    struct fragment inner, folded, bound;
    if (!is_fold(x->args[side], &upper) || !is_constant_expr(constant) || e->shared->settings->force_local ||
        e->inline_constants)
        return true;
    constant = without_relabel(constant);
    if (is_volatile_expr(constant) || (constant->kind == EXPR_CONST && constant->constant.is_null))
        return true;
    *ret_handled = true;
    if (!emit_fold(e, x->args[side], upper, &inner, &folded))
        return false;
    if (!bind_pattern(e, constant, equal ? BIND_UNFOLDED : BIND_ASCII, upper, &bound))
        return err_is_set(e->err) ? false : blocked(e, x->location, "comparing with this value here");
    if (equal)
        *ret = (struct fragment){ .sql = text_of(e, "(%.*s IN (SELECT value FROM json_each(%.*s)))",
                                                 STR_FMT(folded.sql), STR_FMT(bound.sql)) };
    else
        *ret = (struct fragment){ .sql = text_of(e, "(%.*s <> %.*s)", STR_FMT(exact_fold(e, folded.sql, upper)),
                                                 STR_FMT(bound.sql)) };
    return ret->sql.p != NULL;
}

bool emit_like(struct emitter *e, const struct expr *x, bool *ret_handled, struct fragment *ret)
{
    if (e->target == TARGET_D1 && (!fold_equals(e, x, ret_handled, ret) || *ret_handled))
        return *ret_handled && ret->sql.p != NULL;
    const struct like_row *row = like_row_of(x->call.proc);
    if (!row || e->target != TARGET_D1)
        return true;
    int escape;
    const struct expr *pattern = pattern_of(e, x->args[1], &escape);
    struct fragment text, bound;
    *ret_handled = true;
    if (escape < 0 || !is_constant_expr(pattern) || e->shared->settings->force_local)
        return blocked(e, x->location, "LIKE with this pattern here");
    if (pattern->kind == EXPR_CONST && pattern->constant.is_null) {
        mark_structural(e, pattern);
        *ret = (struct fragment){ .sql = STR("NULL"), .simple = true };
        return true;
    }
    struct fragment inner = { 0 };
    bool upper = false, fold = !row->no_case && is_fold(x->args[0], &upper);
    if (fold ? !emit_fold(e, x->args[0], upper, &inner, &text) : !emit_value(e, x->args[0], &text))
        return false;
    if (!bind_pattern(e, pattern, row->no_case ? BIND_LIKE_LOWER : BIND_GLOB, escape | (fold ? REQUIRE_ASCII : 0),
                      &bound))
        return err_is_set(e->err) ? false : blocked(e, x->location, "LIKE with this pattern here");
    *ret = (struct fragment){ 0 };
    const struct str t = text.sql, i = inner.sql;
    if (fold) { /* the letters that fold to an ASCII one: I with dot and Kelvin, or dotless i and long s */
        struct str local = emit_raise_local(e);
        ret->sql =
            text_of(e, "CASE WHEN instr(%.*s,char(%d)) OR instr(%.*s,char(%d)) THEN %.*s ELSE %.*s %sGLOB %.*s END",
                    STR_FMT(i), upper ? 305 : 304, STR_FMT(i), upper ? 383 : 8490, STR_FMT(local), STR_FMT(t),
                    row->negated ? "NOT " : "", STR_FMT(bound.sql));
        return ret->sql.p != NULL;
    }
    if (!row->no_case) {
        ret->sql = text_of(e, "(%.*s %sGLOB %.*s)", STR_FMT(t), row->negated ? "NOT " : "", STR_FMT(bound.sql));
        return ret->sql.p != NULL;
    }
    /* The pattern is ASCII. SQLite folds ASCII only; of all other letters just these two fold to an ASCII one:
     * U+212A, U+0130. */
    struct str local = emit_raise_local(e);
    ret->sql = text_of(
        e, "CASE WHEN instr(%.*s,char(8490)) OR instr(%.*s,char(304)) THEN %.*s ELSE %.*s %sLIKE %.*s ESCAPE '\\' END",
        STR_FMT(t), STR_FMT(t), STR_FMT(local), STR_FMT(t), row->negated ? "NOT " : "", STR_FMT(bound.sql));
    return ret->sql.p != NULL;
}

/* ---- values as text ---- */

static bool is_text_type(oid_t t)
{
    return t == TYPE_OID_text || t == TYPE_OID_varchar || t == TYPE_OID_bpchar || t == TYPE_OID_name ||
           t == TYPE_OID_char || t == TYPE_OID_unknown || t == TYPE_OID_cstring;
}

/* Types whose storage form is their text already. */
static bool is_own_text(const struct emitter *e, oid_t t)
{
    const struct type_settings *types = e->shared->settings->types;
    bool iso = !types || types->date_style == DATE_STYLE_ISO;
    bool plain_intervals = !types || types->interval_style == INTERVAL_STYLE_POSTGRES;
    switch (t) {
    case TYPE_OID_uuid:
    case TYPE_OID_json: /* jsonb is printed anew: D1 keeps it without PostgreSQL's spaces */
    case TYPE_OID_time:
    case TYPE_OID_timetz:
    case TYPE_OID_macaddr:
    case TYPE_OID_macaddr8:
    case TYPE_OID_void:
        return true;
    case TYPE_OID_date:
    case TYPE_OID_timestamp:
        return iso;
    case TYPE_OID_interval:
        return plain_intervals;
    default:
        return is_text_type(t);
    }
}

static bool is_integer_type(oid_t t)
{
    return t == TYPE_OID_int2 || t == TYPE_OID_int4 || t == TYPE_OID_int8 || t == TYPE_OID_oid || t == TYPE_OID_xid ||
           t == TYPE_OID_cid;
}

/* ---- char(n) ---- */

/* Kept without its blanks: the width that tells how many there are; 0: not a char(n), or nobody knows. */
static int char_width(struct emitter *e, const struct expr *x)
{
    int32_t typmod = x->typmod;
    oid_t type = snapshot_base_type(e->shared->snapshot, x->type, &typmod);
    return type == TYPE_OID_bpchar && typmod > 4 ? typmod - 4 : 0;
}

static bool is_char_array(struct emitter *e, oid_t type)
{
    oid_t element = snapshot_element_type(e->shared->snapshot, base_type(e, type));
    return element && base_type(e, element) == TYPE_OID_bpchar;
}

bool emit_blanks(struct emitter *e, const struct expr *x, struct fragment *f)
{
    int width = char_width(e, x);
    bool padded = x->kind == EXPR_AGGREGATE && shows_blanks(x); /* array_agg() */
    if (!padded && is_char_array(e, x->type))
        return blocked(e, x->location, "an array of character(n) as text or JSON");
    if (!width || f->is_null)
        return true;
    f->sql = text_of(e, "(%.*s || substr('%*s',1 + length(%.*s)))", STR_FMT(f->sql), width, "", STR_FMT(f->sql));
    f->simple = false;
    return f->sql.p != NULL;
}

bool shows_blanks(const struct expr *x)
{
    const struct pg_proc *p = x->call.proc;
    static const char *const names[] = { "array_agg", "array_to_string", "concat", "concat_ws", "format" };
    bool shows = p->result == TYPE_OID_json || p->result == TYPE_OID_jsonb;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        shows |= strcmp(p->name, names[i]) == 0;
    return shows;
}

static bool local_cast(struct emitter *e, const struct expr *x, oid_t from, oid_t to, struct fragment *f)
{
    if (e->target == TARGET_D1) {
        struct str a = snapshot_format_type(e->shared->snapshot, from, -1, e->arena);
        struct str b = snapshot_format_type(e->shared->snapshot, to, -1, e->arena);
        return blocked(e, x->location, "the cast from %.*s to %.*s here", STR_FMT(a), STR_FMT(b));
    }
    f->sql = text_of(e, "pg1_cast(%.*s,%u,%u)", STR_FMT(f->sql), from, to);
    f->simple = false;
    return f->sql.p != NULL;
}

bool emit_as_text(struct emitter *e, const struct expr *x, bool output_form, struct fragment *ret)
{
    oid_t t = base_type(e, x->type);
    if (!emit_value(e, x, ret) || (is_char_array(e, x->type) && !emit_blanks(e, x, ret)))
        return false;
    if (is_own_text(e, t) || t == TYPE_OID_numeric) {
        /* A column would bring its affinity, which makes numbers of the texts it is compared with. */
        if (e->target == TARGET_D1 && !output_form && ret->simple && !is_text_type(t))
            ret->sql = text_of(e, "CAST(%.*s AS TEXT)", STR_FMT(ret->sql));
        return ret->sql.p != NULL;
    }
    if (!output_form && (t == TYPE_OID_inet || t == TYPE_OID_cidr)) { /* the cast shows the length of every network */
        if (e->target == TARGET_D1)
            return blocked(e, x->location, "an address as text");
        ret->sql = text_of(e, "pg_network_show(%.*s)", STR_FMT(ret->sql));
        ret->simple = false;
        return ret->sql.p != NULL;
    }
    if (is_integer_type(t))
        ret->sql = text_of(e, "CAST(%.*s AS TEXT)", STR_FMT(ret->sql));
    else if (t == TYPE_OID_bool)
        ret->sql = text_of(e, "CASE %.*s WHEN 1 THEN '%s' WHEN 0 THEN '%s' END", STR_FMT(ret->sql),
                           output_form ? "t" : "true", output_form ? "f" : "false");
    else
        return local_cast(e, x, t, TYPE_OID_text, ret);
    ret->simple = false;
    return ret->sql.p != NULL;
}

/* ---- casts from text ---- */

static bool text_to_enum(struct emitter *e, const struct expr *x, const struct user_type *u, struct fragment *f)
{
    struct str labels = STR("");
    for (size_t i = 0; i < u->n_labels && labels.p; i++) {
        struct str label = emit_text_literal(u->labels[i], e->arena);
        labels = text_of(e, "%.*s%s%.*s", STR_FMT(labels), i ? "," : "", STR_FMT(label));
    }
    struct str name = snapshot_format_type(e->shared->snapshot, x->type, -1, e->arena);
    struct str head = text_of(e, "!22P02:invalid input value for enum %.*s: \"", STR_FMT(name));
    struct str quoted = head.p ? emit_text_literal(head, e->arena) : head;
    if (!quoted.p || !labels.p)
        return err_oom(e->err);
    const struct str v = f->sql;
    f->sql = text_of(e, "CASE WHEN %.*s NOT IN (%.*s) THEN json_extract('{}',%.*s||%.*s||'\"') ELSE %.*s END",
                     STR_FMT(v), STR_FMT(labels), STR_FMT(quoted), STR_FMT(v), STR_FMT(v));
    f->simple = false;
    return f->sql.p != NULL;
}

/* Plain decimal digits are read by D1; everything else, errors too, is for the local engine. */
static bool text_to_integer(struct emitter *e, oid_t to, struct fragment *f)
{
    int digits = to == TYPE_OID_int2 ? 4 : to == TYPE_OID_int4 ? 9 : 18;
    struct str local = emit_raise_local(e);
    const struct str v = f->sql;
    f->sql = text_of(e,
                     "CASE WHEN %.*s IS NULL THEN NULL WHEN ltrim(%.*s,'-') NOT GLOB '*[^0-9]*' AND "
                     "length(%.*s)-length(ltrim(%.*s,'-'))<2 AND "
                     "length(ltrim(%.*s,'-')) BETWEEN 1 AND %d THEN CAST(%.*s AS INTEGER) ELSE %.*s END",
                     STR_FMT(v), STR_FMT(v), STR_FMT(v), STR_FMT(v), STR_FMT(v), digits, STR_FMT(v), STR_FMT(local));
    f->simple = false;
    return f->sql.p != NULL;
}

static bool from_text(struct emitter *e, const struct expr *x, oid_t from, oid_t to, struct fragment *f)
{
    const struct user_type *u = snapshot_user_type(e->shared->snapshot, x->type);
    if (u && u->kind == 'e' && u->oid == x->type)
        return text_to_enum(e, x, u, f);
    if (e->target == TARGET_D1 && !e->shared->settings->force_local && f->sql.n < 400) {
        if (to == TYPE_OID_int2 || to == TYPE_OID_int4 || to == TYPE_OID_int8)
            return text_to_integer(e, to, f);
        if (to == TYPE_OID_json) {
            struct str local = emit_raise_local(e);
            f->sql = text_of(e, "CASE WHEN json_valid(%.*s) = 0 THEN %.*s ELSE %.*s END", STR_FMT(f->sql),
                             STR_FMT(local), STR_FMT(f->sql));
            return f->sql.p != NULL;
        }
    }
    return local_cast(e, x, from, to, f);
}

bool emit_io_cast(struct emitter *e, const struct expr *x, struct fragment *ret)
{
    const struct expr *arg = x->args[0];
    oid_t from = base_type(e, arg->type), to = base_type(e, x->type);
    const struct user_type *u = snapshot_user_type(e->shared->snapshot, x->type);
    bool to_enum = u && u->kind == 'e' && u->oid == x->type;
    if (is_text_type(to) && !to_enum)
        return emit_as_text(e, arg, false, ret);
    if (is_text_type(from))
        return emit_value(e, arg, ret) && from_text(e, x, from, to, ret);
    if (!emit_value(e, arg, ret))
        return false;
    return local_cast(e, x, from, to, ret);
}

/* ---- length coercion ---- */

static bool limit_text(struct emitter *e, const struct expr *x, struct fragment *f)
{
    oid_t t = base_type(e, x->type);
    int n = x->typmod - 4;
    const struct str v = f->sql;
    const char *trim = t == TYPE_OID_bpchar ? "rtrim" : "";
    if (x->coercion.is_explicit) {
        f->sql = text_of(e, "%s(substr(%.*s,1,%d))", trim, STR_FMT(v), n);
    } else {
        struct str message =
            text_of(e, "value too long for type character%s(%d)", t == TYPE_OID_bpchar ? "" : " varying", n);
        struct str raise = emit_raise(e, "22001", message);
        f->sql = text_of(e, "CASE WHEN length(rtrim(%.*s,' ')) > %d THEN %.*s ELSE %s(substr(%.*s,1,%d)) END",
                         STR_FMT(v), n, STR_FMT(raise), trim, STR_FMT(v), n);
    }
    f->simple = false;
    return f->sql.p != NULL;
}

static bool bind_typmod(struct emitter *e, const struct expr *x, struct fragment *ret)
{
    struct bind b = bind_of_expr(x->args[0]);
    b.type = base_type(e, x->type);
    b.typmod = x->typmod;
    b.typmod_explicit = x->coercion.is_explicit;
    return emit_bind(e, &b, ret);
}

/* A value that is not known yet is fitted where its error can be kept until it is needed. */
static bool typmod_when_reached(struct emitter *e, const struct expr *x, bool number, struct fragment *ret)
{
    if (!emit_prelude(e, x, number ? BIND_STORE : BIND_AS_IS, number ? x->typmod : 0, ret))
        return err_is_set(e->err) ? false : blocked(e, x->location, "a length or precision of a constant here");
    if (number) {
        ret->form = FORM_NUMBER;
        ret->scale = typmod_scale(x->typmod);
        ret->digits = typmod_precision(x->typmod);
    }
    return true;
}

static bool may_not_be_reached(const struct emitter *e, const struct expr *x)
{
    return e->conditional && (e->excluded || !folding_is_constant(x));
}

bool emit_typmod(struct emitter *e, const struct expr *x, struct fragment *ret)
{
    oid_t t = base_type(e, x->type);
    const struct expr *arg = x->args[0];
    bool constant = arg->kind == EXPR_PARAM || (arg->kind == EXPR_CONST && !arg->constant.is_null);
    bool number = t == TYPE_OID_numeric && e->target == TARGET_D1 && typmod_precision(x->typmod) <= 15;
    bool bound = constant && !e->inline_constants && base_type(e, arg->type) == t;
    bool cuts = t == TYPE_OID_varchar || t == TYPE_OID_bpchar, later = bound && !cuts && may_not_be_reached(e, x);
    if (later && e->target == TARGET_D1)
        return typmod_when_reached(e, x, number, ret);
    if (bound && !number && !later)
        return bind_typmod(e, x, ret);
    if (t == TYPE_OID_bpchar && x->typmod >= 0 && arg->kind == EXPR_RELABEL)
        arg = arg->args[0]; /* its blanks go with the length's */
    bool outer = e->value_only;
    e->value_only = e->value_only || t == TYPE_OID_numeric; /* it is rounded to one scale here */
    bool quotient = e->target == TARGET_D1 && t == TYPE_OID_numeric && x->typmod >= 0 && arg->kind == EXPR_FUNC &&
                    strcmp(arg->call.proc->source, "numeric_div") == 0 && !is_constant_expr(arg);
    bool ok = quotient ? numeric_quotient(e, arg, x->typmod, ret) : emit_expr(e, arg, ret);
    e->value_only = outer;
    if (!ok || x->typmod < 0)
        return ok;
    if (e->target == TARGET_LOCAL) {
        if (!settle(e, ret))
            return false;
        ret->sql = text_of(e, "pg1_typmod(%.*s,%u,%d,%d)", STR_FMT(ret->sql), t, (int)x->typmod,
                           x->coercion.is_explicit ? 1 : 0);
        ret->simple = false;
        return ret->sql.p != NULL;
    }
    if (t == TYPE_OID_numeric) {
        if (ret->form == FORM_NATURAL)
            return blocked(e, x->location, "rounding an exact numeric here");
        return numeric_typmod(e, x->typmod, ret);
    }
    if (!settle(e, ret) || !make_natural(e, t, ret))
        return false;
    if (t == TYPE_OID_varchar || t == TYPE_OID_bpchar)
        return limit_text(e, x, ret);
    if (x->typmod == 6 && (t == TYPE_OID_timestamp || t == TYPE_OID_timestamptz || t == TYPE_OID_time))
        return true;
    return blocked(e, x->location, "rounding a value of this type here");
}
