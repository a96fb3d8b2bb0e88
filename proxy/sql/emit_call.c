/* emit_call.c - functions, operators, casts, aggregates and windows by the templates of functions.def; see
 * emit_internal.h. */
#include "proxy/catalog/collation.h"
#include "proxy/catalog/reg_names.h"
#include "proxy/sql/emit_internal.h"
#include "proxy/sql/local.h"

/* ---- templates ---- */

enum { WORTH_NAMING = 160 }; /* bytes of an argument that is better computed once and named than written twice */

static unsigned argument_uses(const char *t, size_t index)
{
    unsigned n = 0;
    for (; *t; t++)
        n += t[0] == '$' && t[1] == (char)('1' + index);
    return n;
}

static struct str list_of(struct emitter *e, const struct fragment *args, size_t n)
{
    struct str list = STR("");
    for (size_t i = 0; i < n && list.p; i++)
        list = text_of(e, "%.*s%s%.*s", STR_FMT(list), i ? ", " : "", STR_FMT(args[i].sql));
    return list;
}

/* #22012(text) or #local: where it ends is given back. */
static const char *expand_raise(struct emitter *e, const char *t, struct buf *out)
{
    if (strncmp(t, "#local", 6) == 0) {
        buf_add_str(out, emit_raise_local(e));
        return t + 6;
    }
    char code[6] = { 0 };
    const char *open = strchr(t, '('), *close = open ? strchr(open, ')') : NULL;
    if (!close || open - t != 6) {
        out->failed = true;
        return t + strlen(t);
    }
    memcpy(code, t + 1, 5);
    buf_add_str(out, emit_raise(e, code, (struct str){ open + 1, (size_t)(close - open - 1) }));
    return close + 1;
}

/* What the local engine is told: a row is a record, and travels as the JSON object it would become. */
static oid_t argument_type(struct emitter *e, const struct expr *x)
{
    /* int2vector and oidvector stay what they are as plain arrays: they count from 0 */
    oid_t inner = x->kind == EXPR_RELABEL || x->kind == EXPR_ARRAY_CAST ? x->args[0]->type : 0;
    if (inner == TYPE_OID_int2vector || inner == TYPE_OID_oidvector)
        return inner;
    return x->kind == EXPR_WHOLE_ROW || x->kind == EXPR_ROW ? TYPE_OID_record : base_type(e, x->type);
}

static oid_t collation_of_value(struct emitter *e, const struct expr *x)
{
    bool contradicts;
    oid_t collation = expr_collation(e->shared->snapshot, x, &contradicts);
    return collation || contradicts ? collation : collation_of_type(e->shared->snapshot, x->type);
}

static struct str expand(struct emitter *e, const struct expr *x, const char *t, const struct fragment *args, size_t n)
{
    struct buf out;
    buf_init(&out, 8 << 20);
    while (*t && !out.failed) {
        if (t[0] == '$' && t[1] >= '1' && t[1] <= '9') {
            size_t i = (size_t)(t[1] - '1');
            buf_add_str(&out, i < n ? args[i].sql : STR("NULL"));
            t += 2;
        } else if (t[0] == '$' && t[1] == '*') {
            buf_add_str(&out, list_of(e, args, n));
            t += 2;
        } else if (t[0] == '@' && t[1] >= '1' && t[1] <= '9') {
            size_t i = (size_t)(t[1] - '1');
            buf_printf(&out, "%u", i < x->n_args ? argument_type(e, x->args[i]) : 0);
            t += 2;
        } else if (t[0] == '@' && t[1] == 't') {
            size_t i = (size_t)(t[2] - '1');
            buf_printf(&out, "%u", i < x->n_args ? x->args[i]->type : 0);
            t += 3;
        } else if (t[0] == '@' && t[1] == 'c') {
            size_t i = (size_t)(t[2] - '1');
            buf_printf(&out, "%u", i < x->n_args ? collation_of_value(e, x->args[i]) : 0);
            t += 3;
        } else if (t[0] == '@' && t[1] == 'r') {
            buf_printf(&out, "%u", base_type(e, x->type));
            t += 2;
        } else if (t[0] == '#' &&
                   (strncmp(t, "#local", 6) == 0 ||
                    (t[1] && strspn(t + 1, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 5 && t[6] == '('))) {
            t = expand_raise(e, t, &out);
        } else {
            buf_add_char(&out, *t++);
        }
    }
    struct str text = out.failed ? (struct str){ 0 } : arena_str(e->arena, buf_str(&out));
    buf_fini(&out);
    if (!text.p)
        err_oom(e->err);
    return text;
}

static void take_checks(struct fragment *to, struct fragment *from)
{
    if (!from->checks)
        return;
    if (!to->checks)
        to->checks = from->checks;
    else
        *to->checks_end = from->checks;
    to->checks_end = from->checks_end;
    from->checks = NULL;
}

static bool add_check(struct emitter *e, struct fragment *f, struct str when, struct str then)
{
    struct check *c = ARENA_NEW(e->arena, struct check);
    if (!c || !when.p || !then.p)
        return err_oom(e->err);
    *c = (struct check){ .when = when, .then = then };
    if (f->checks)
        *f->checks_end = c;
    else
        f->checks = c;
    f->checks_end = &c->next;
    return true;
}

static struct str range_check(struct emitter *e, unsigned flags, struct str v, struct str *ret_then)
{
    if (flags & FUNCTION_CHECK_INT8) {
        *ret_then = emit_raise(e, "22003", STR("bigint out of range"));
        return text_of(e, "typeof(%.*s)='real'", STR_FMT(v));
    }
    if (flags & FUNCTION_CHECK_INT2) {
        *ret_then = emit_raise(e, "22003", STR("smallint out of range"));
        return text_of(e, "%.*s NOT BETWEEN -32768 AND 32767", STR_FMT(v));
    }
    *ret_then = emit_raise(e, "22003", STR("integer out of range"));
    return text_of(e, "%.*s NOT BETWEEN -2147483648 AND 2147483647", STR_FMT(v));
}

/* NULL / 0 is NULL, so the dividend is looked at too, unless it is a constant that is not NULL. */
static struct str zero_divisor(struct emitter *e, const struct expr *x, const struct fragment *args)
{
    bool never_null = x->n_args && x->args[0]->kind == EXPR_CONST && !x->args[0]->constant.is_null;
    if (never_null)
        return text_of(e, "%.*s = 0", STR_FMT(args[1].sql));
    return text_of(e, "%.*s = 0 AND %.*s IS NOT NULL", STR_FMT(args[1].sql), STR_FMT(args[0].sql));
}

/* Infinite, not a number, or zero for want of exponents: PostgreSQL has an error or a NaN there. */
static bool check_float(struct emitter *e, const struct expr *x, const struct fragment *args, size_t n,
                        struct fragment *ret)
{
    const char *source = x->kind == EXPR_FUNC ? x->call.proc->source : "";
    struct str when = text_of(e, "coalesce(abs(%.*s) = 9e999", STR_FMT(ret->sql));
    bool product = strstr(source, "mul") != NULL;
    if (n == 2 && (product || strstr(source, "div")))
        when = text_of(e, "%.*s OR %.*s = 0 AND %.*s <> 0", STR_FMT(when), STR_FMT(ret->sql), STR_FMT(args[0].sql));
    if (n == 2 && product)
        when = text_of(e, "%.*s AND %.*s <> 0", STR_FMT(when), STR_FMT(args[1].sql));
    for (size_t i = 0; i < n && when.p; i++)
        when =
            text_of(e, i ? "%.*s AND %.*s IS NOT NULL" : "%.*s, %.*s IS NOT NULL", STR_FMT(when), STR_FMT(args[i].sql));
    return add_check(e, ret, when.p ? text_of(e, "%.*s)", STR_FMT(when)) : when, emit_raise_local(e));
}

static bool add_flag_checks(struct emitter *e, const struct expr *x, unsigned flags, const struct fragment *args,
                            size_t n, struct fragment *ret)
{
    if ((flags & FUNCTION_ZERO_DIVISOR) && n >= 2 &&
        !add_check(e, ret, zero_divisor(e, x, args), emit_raise(e, "22012", STR("division by zero"))))
        return false;
    if (flags & (FUNCTION_CHECK_INT2 | FUNCTION_CHECK_INT4 | FUNCTION_CHECK_INT8)) {
        struct str then, when = range_check(e, flags, ret->sql, &then);
        struct check **last = ret->checks ? ret->checks_end : &ret->checks;
        if (!add_check(e, ret, when, then))
            return false;
        (*last)->is_range = !(flags & FUNCTION_CHECK_INT8);
    }
    if (e->target != TARGET_D1)
        return true;
    if ((flags & FUNCTION_ASCII) && n >= 1 && !e->no_guards &&
        !add_check(e, ret, text_of(e, "octet_length(%.*s) > length(%.*s)", STR_FMT(args[0].sql), STR_FMT(args[0].sql)),
                   emit_raise_local(e)))
        return false;
    return !(flags & FUNCTION_CHECK_FLOAT) || check_float(e, x, args, n, ret);
}

static bool has_aggregate(const struct expr *x)
{
    if (x->kind == EXPR_AGGREGATE || x->kind == EXPR_WINDOW)
        return true;
    for (size_t i = 0; i < x->n_args; i++)
        if (has_aggregate(x->args[i]))
            return true;
    return false;
}

static bool is_another_each_time(const struct emitter *e, const struct expr *x, const struct fragment *args, size_t i)
{
    return args[i].is_volatile || (e->shared->has_volatile && i < x->n_args && is_volatile_expr(x->args[i]));
}

bool is_for_each_row(const struct emitter *e)
{
    const struct query *q = e->level && !e->one_row ? e->level->query : NULL;
    bool changes = q && (q->command == COMMAND_UPDATE || q->command == COMMAND_DELETE);
    return q && e->level->part_printed != PRINTS_FROM && (changes || (q->command == COMMAND_SELECT && q->n_from));
}

/*
 * SQLite works a subquery that names no column of the query around it out once for all rows. So a value that is another one each time is
 * named in one that does: of FROM's first item, which every row has. D1's queries leave it to the local engine.
 */
static bool name_a_column(struct emitter *e, const struct expr *x, struct str *from)
{
    const struct query *q = e->level->query;
    const struct from_item *item = q->n_from ? q->from[0] : NULL;
    while (item && item->kind == FROM_JOIN)
        item = item->left;
    if (e->target == TARGET_D1)
        return blocked(e, x->location, "another value each time it is evaluated, read several times,");
    if (!item || q->command != COMMAND_SELECT || e->level->part_printed == PRINTS_ON ||
        q->rtable[item->rte].n_columns == 0) {
        refused(e, x->location, SQLSTATE_FEATURE_NOT_SUPPORTED,
                "another value each time it is evaluated is not supported here");
        return err_hint(e->err, "Compute the value in a WITH query that is MATERIALIZED.");
    }
    const struct rte_column *c = &q->rtable[item->rte].columns[0];
    struct expr column = { .kind = EXPR_VAR, .type = c->type, .typmod = c->typmod, .location = -1 };
    column.var.rte = item->rte;
    struct fragment f;
    struct str name = unique_name(e, STR("w"));
    if (!name.p || !resolve_var(e, &column, &f))
        return false;
    *from = text_of(e, "%.*s, %.*s AS %.*s", STR_FMT(*from), STR_FMT(f.sql), STR_FMT(name));
    return from->p != NULL;
}

static bool name_arguments(struct emitter *e, const struct expr *x, const char *t, unsigned flags,
                           struct fragment *args, size_t n, struct str *ret_from)
{
    struct str from = STR("");
    bool each_time = false;
    for (size_t i = 0; i < n; i++) {
        unsigned uses = argument_uses(t, i) + (flags & 0x7f ? 2U : 0U);
        if (args[i].simple || uses < 2)
            continue;
        bool is_volatile = is_another_each_time(e, x, args, i);
        bool costly = is_volatile || (args[i].sql.n > WORTH_NAMING && !(i < x->n_args && has_aggregate(x->args[i])));
        if (!costly)
            continue;
        each_time |= is_volatile;
        struct str name = unique_name(e, STR("v"));
        if (!name.p || !settle(e, &args[i]))
            return false;
        from = text_of(e, "%.*s%s%.*s AS %.*s", STR_FMT(from), from.n ? ", " : "", STR_FMT(args[i].sql), STR_FMT(name));
        args[i] = (struct fragment){ .sql = name, .simple = true };
        if (!from.p)
            return false;
    }
    *ret_from = from;
    return !each_time || !is_for_each_row(e) || name_a_column(e, x, ret_from);
}

/* Of a template that is a comparison of SQLite's own, the collation behind its right side, or ""; NULL: it is none. */
static struct str compared_by(const char *t)
{
    static const char *const starts[] = { "($1 = $2", "($1 <> $2", "($1 < $2", "($1 <= $2", "($1 > $2", "($1 >= $2" };
    for (size_t i = 0; i < sizeof(starts) / sizeof(*starts); i++) {
        size_t n = strlen(starts[i]);
        if (strncmp(t, starts[i], n) == 0 && (t[n] == ')' || strncmp(t + n, " COLLATE ", 9) == 0))
            return (struct str){ t + n, strlen(t + n) - 1 };
    }
    return (struct str){ 0 };
}

/* SQLite would take a collation from inside of the left side, then of the right one, before the template's: it is written where it wins. */
static bool write_collation(struct emitter *e, const char *t, struct fragment *args, size_t n)
{
    struct str collation = n == 2 ? compared_by(t) : (struct str){ 0 };
    bool inside_left = collation.p && *own_collation(e, args[0].sql, "");
    bool inside_right = collation.p && !collation.n && *own_collation(e, args[1].sql, "");
    if (inside_left || inside_right)
        args[0].sql = collation.n ? text_of(e, "%.*s%.*s", STR_FMT(args[0].sql), STR_FMT(collation))
                                  : text_of(e, "%.*s COLLATE BINARY", STR_FMT(args[0].sql));
    return n == 0 || args[0].sql.p;
}

static int most_named(const struct fragment *args, size_t n)
{
    int most = 0;
    for (size_t i = 0; i < n; i++)
        most = args[i].named > most ? args[i].named : most;
    return most;
}

static bool print_row(struct emitter *e, const struct expr *x, const char *t, unsigned flags, struct fragment *args,
                      size_t n, struct fragment *ret)
{
    struct str from;
    int named = most_named(args, n);
    if (!name_arguments(e, x, t, flags, args, n, &from))
        return false;
    if (from.n && named++ == D1_MAX_NAMED && e->target == TARGET_D1)
        return blocked(e, x->location, "an expression as deep as this");
    if (!write_collation(e, t, args, n))
        return false;
    *ret = (struct fragment){ .named = named };
    for (size_t i = 0; i < n; i++) {
        take_checks(ret, &args[i]);
        ret->is_volatile = ret->is_volatile || args[i].is_volatile;
    }
    ret->sql = expand(e, x, t, args, n);
    if (!ret->sql.p || !add_flag_checks(e, x, flags, args, n, ret))
        return false;
    ret->is_volatile = ret->is_volatile || (x->kind == EXPR_FUNC && x->call.proc->volatility == 'v');
    if (from.n == 0) {
        ret->simple = n == 1 && args[0].simple && str_eq(ret->sql, args[0].sql);
        return true;
    }
    if (!settle(e, ret))
        return false;
    ret->sql = text_of(e, "(SELECT %.*s FROM (SELECT %.*s))", STR_FMT(ret->sql), STR_FMT(from));
    return ret->sql.p != NULL;
}

bool emit_template(struct emitter *e, const struct expr *x, const char *template_text, const struct fragment *args,
                   size_t n, struct fragment *ret)
{
    struct fragment copy[9];
    if (n > 9)
        return blocked(e, x->location, "a call with %zu arguments", n);
    memcpy(copy, args, n * sizeof(*args));
    return print_row(e, x, template_text, 0, copy, n, ret);
}

/* ---- calls ---- */

static bool no_such_row(struct emitter *e, const struct expr *x)
{
    struct str types = STR("");
    if (x->call.op_name && x->n_args <= 2) {
        struct str left =
            x->n_args == 2 ? snapshot_format_type(e->shared->snapshot, x->args[0]->type, -1, e->arena) : STR("");
        struct str right = snapshot_format_type(e->shared->snapshot, x->args[x->n_args - 1]->type, -1, e->arena);
        return blocked(e, x->location, "operator %.*s%s%s %.*s", STR_FMT(left), left.n ? " " : "", x->call.op_name,
                       STR_FMT(right));
    }
    for (size_t i = 0; i < x->n_args && types.p; i++) {
        struct str t = snapshot_format_type(e->shared->snapshot, x->args[i]->type, -1, e->arena);
        types = text_of(e, "%.*s%s%.*s", STR_FMT(types), i ? ", " : "", STR_FMT(t));
    }
    return blocked(e, x->location, "function %s(%.*s)", x->call.proc->name, STR_FMT(types));
}

/* Arrays of integers, texts, dates…: their elements stand in the JSON as they are compared. */
static bool has_plain_arrays(struct emitter *e, const struct expr *x)
{
    for (size_t i = 0; i < x->n_args; i++) {
        oid_t type = base_type(e, x->args[i]->type), element = snapshot_element_type(e->shared->snapshot, type);
        if (!element)
            continue;
        const struct type_info *t = type_find(base_type(e, element));
        bool text = t && t->storage == STORAGE_TEXT && t->oid != TYPE_OID_json && t->oid != TYPE_OID_jsonb &&
                    t->oid != TYPE_OID_interval && t->oid != TYPE_OID_timetz;
        if (!t || !(text || t->storage == STORAGE_INTEGER))
            return false;
    }
    return true;
}

enum { NEVER_NAN = FUNCTION_CHECK_FLOAT | FUNCTION_NOT_NAN };

/* A timestamp or date that is known when the statement is bound, compared with a timestamptz: which is *ret_known. */
static bool compares_instant(struct emitter *e, const struct expr *x, size_t *ret_known)
{
    if (x->n_args != 2 || x->type != TYPE_OID_bool || e->target != TARGET_D1 || e->inline_constants)
        return false;
    *ret_known = base_type(e, x->args[0]->type) == TYPE_OID_timestamptz;
    const struct expr *known = x->args[*ret_known], *other = x->args[1 - *ret_known];
    oid_t type = base_type(e, known->type);
    return base_type(e, other->type) == TYPE_OID_timestamptz && (type == TYPE_OID_timestamp || type == TYPE_OID_date) &&
           (known->kind == EXPR_PARAM || (known->kind == EXPR_CONST && !known->constant.is_null));
}

static const char *row_template(struct emitter *e, const struct expr *x, const struct emission *row)
{
    if (e->target == TARGET_LOCAL)
        return row->local;
    if (row->flags & FUNCTION_PLAIN_ARRAYS) {
        oid_t element = snapshot_element_type(e->shared->snapshot, x->args[0]->type);
        bool shown = strcmp(row->key, "array_to_text") == 0 && element != TYPE_OID_text &&
                     element != TYPE_OID_varchar && element != TYPE_OID_int4 &&
                     element != TYPE_OID_int8; /* others are printed by the session's settings */
        return has_plain_arrays(e, x) && !shown && !e->shared->settings->force_local ? row->d1 : NULL;
    }
    size_t known;
    if ((row->flags & FUNCTION_UTC) && !is_utc(e) && !compares_instant(e, x, &known))
        return NULL;
    bool doubtful = row->flags & (FUNCTION_ASCII | FUNCTION_DOUBTFUL | NEVER_NAN);
    if (doubtful && e->shared->settings->force_local)
        return NULL;
    return row->d1;
}

static bool is_float(struct emitter *e, oid_t type)
{
    oid_t base = base_type(e, type);
    return base == TYPE_OID_float8 || base == TYPE_OID_float4;
}

/* Of arithmetic that looks at its arguments already, or of integers and numerics. */
static bool is_never_nan(struct emitter *e, const struct expr *x)
{
    const struct emission *row = x->kind == EXPR_FUNC ? emission_find(x->call.proc) : NULL;
    bool numbers = x->kind == EXPR_FUNC && x->n_args > 0;
    for (size_t i = 0; i < x->n_args && numbers; i++) {
        const struct type_info *t = type_find(base_type(e, x->args[i]->type));
        numbers = t && (t->storage == STORAGE_INTEGER || t->storage == STORAGE_NUMERIC);
    }
    return (row && row->flags & NEVER_NAN) || numbers;
}

/* D1 computes with REAL only: arguments that may be NaN, a text, are looked at. */
static bool emit_float(struct emitter *e, const struct expr *x, struct fragment *ret)
{
    if ((x->kind == EXPR_PARAM || (x->kind == EXPR_CONST && !x->constant.is_null)) && !e->inline_constants) {
        struct bind b = bind_of_expr(x);
        b.type = base_type(e, x->type);
        b.form = BIND_NOT_NAN;
        return emit_bind(e, &b, ret);
    }
    if (!emit_expr(e, x, ret))
        return false;
    if (ret->is_null || e->no_guards || is_never_nan(e, x))
        return true;
    return settle(e, ret) &&
           add_check(e, ret, text_of(e, "typeof(%.*s) = 'text'", STR_FMT(ret->sql)), emit_raise_local(e));
}

static bool emit_zoned(struct emitter *e, const struct expr *x, struct fragment *ret)
{
    struct bind b = bind_of_expr(x);
    b.type = base_type(e, x->type);
    b.form = BIND_ZONED;
    return emit_bind(e, &b, ret);
}

static bool emit_arguments(struct emitter *e, const struct expr *x, const struct emission *row, struct fragment **ret)
{
    struct fragment *args = ARENA_ARRAY(e->arena, struct fragment, x->n_args + 1);
    size_t known;
    if (!args)
        return err_oom(e->err);
    for (size_t i = 0; i < x->n_args; i++) {
        bool text = row->flags & (FUNCTION_TEXT_ARGS | FUNCTION_TEXT_CAST);
        bool number = e->target == TARGET_D1 && row->flags & NEVER_NAN && is_float(e, x->args[i]->type);
        bool is_zoned = row->flags & FUNCTION_UTC && !is_utc(e) && compares_instant(e, x, &known) && known == i;
        bool ok = number     ? emit_float(e, x->args[i], &args[i])
                  : is_zoned ? emit_zoned(e, x->args[i], &args[i])
                  : text     ? emit_as_text(e, x->args[i], row->flags & FUNCTION_TEXT_ARGS, &args[i])
                             : emit_expr(e, x->args[i], &args[i]);
        if (!ok)
            return false;
        /* Only arithmetic carries checks upward; what is not a number settles here. */
        bool arithmetic = row->flags & (FUNCTION_CHECK_INT2 | FUNCTION_CHECK_INT4 | FUNCTION_CHECK_INT8 |
                                        FUNCTION_CHECK_FLOAT | FUNCTION_NOT_NAN);
        if ((!arithmetic && !settle(e, &args[i])) || !make_natural(e, x->args[i]->type, &args[i]) ||
            (shows_blanks(x) && !emit_blanks(e, x->args[i], &args[i])))
            return false;
    }
    *ret = args;
    return true;
}

struct str emit_own_name(struct emitter *e, const struct emission *row)
{
    return text_of(e, "pg_%.*s", (int)strcspn(row->key, "("), row->key);
}

/* Functions of the schema as it is: of OIDs, of names behind them, and of what a user may do with a table of this name. */
static bool reads_schema(const struct pg_proc *p)
{
    bool reads = p->result == TYPE_OID_oid || is_reg_type(p->result) || strncmp(p->name, "has_", 4) == 0 ||
                 strcmp(p->name, "pg_get_serial_sequence") == 0;
    for (size_t i = 0; i < p->n_args; i++)
        reads |= p->args[i] == TYPE_OID_oid || is_reg_type(p->args[i]);
    return reads;
}

/* pg_<source>(oid of argument types…, arguments…) */
static bool own_call(struct emitter *e, const struct expr *x, const struct emission *row, const struct fragment *args,
                     size_t n, struct fragment *ret)
{
    struct str list = STR("");
    if (row->flags & FUNCTION_TYPES)
        for (size_t i = 0; i < n && list.p; i++)
            list = text_of(e, "%.*s%s%u", STR_FMT(list), i ? ", " : "", argument_type(e, x->args[i]));
    struct str values = list_of(e, args, n), name = emit_own_name(e, row);
    if (!list.p || !values.p || !name.p)
        return false;
    if (!local_has_function(name))
        return no_such_row(e, x);
    *ret = (struct fragment){ .sql = text_of(e, "%.*s(%.*s%s%.*s)", STR_FMT(name), STR_FMT(list),
                                             list.n && values.n ? ", " : "", STR_FMT(values)) };
    ret->is_volatile = x->kind == EXPR_FUNC && x->call.proc->volatility == 'v';
    e->shared->needs_catalog |= x->kind == EXPR_FUNC && reads_schema(x->call.proc);
    return ret->sql.p != NULL;
}

/* random() and its kin: one value each where there is one row. */
static bool emit_volatile(struct emitter *e, const struct expr *x, bool *ret_handled, struct fragment *ret)
{
    static const struct {
        const char *source;
        enum bind_source bind;
    } sources[] = {
        { "gen_random_uuid", BIND_UUID },          { "drandom", BIND_RANDOM }, { "clock_timestamp", BIND_CLOCK },
        { "statement_timestamp", BIND_STATEMENT }, { "now", BIND_NOW },
    };
    *ret_handled = false;
    for (size_t i = 0; i < sizeof(sources) / sizeof(*sources); i++) {
        if (strcmp(x->call.proc->source, sources[i].source) != 0)
            continue;
        bool per_row = sources[i].bind == BIND_UUID || sources[i].bind == BIND_RANDOM;
        if (per_row)
            e->shared->has_volatile = true;
        if (per_row && !e->one_row)
            return true;
        if (e->inline_constants && (per_row || !e->binds_session))
            return true;
        *ret_handled = true;
        struct bind b = { .source = sources[i].bind, .type = x->type, .typmod = -1, .index = -1 };
        return emit_bind(e, &b, ret);
    }
    return true;
}

/* num_nulls(…) and num_nonnulls(…): a sum, which a CHECK takes as well. */
static bool emit_null_count(struct emitter *e, const struct expr *x, bool *ret_handled, struct fragment *ret)
{
    bool nulls = strcmp(x->call.proc->source, "pg_num_nulls") == 0;
    if (!nulls && strcmp(x->call.proc->source, "pg_num_nonnulls") != 0)
        return true;
    struct str *parts = ARENA_ARRAY(e->arena, struct str, x->n_args + 1), sum;
    *ret_handled = true;
    if (!parts)
        return err_oom(e->err);
    for (size_t i = 0; i < x->n_args; i++) {
        struct fragment f;
        if (!emit_value(e, x->args[i], &f))
            return false;
        parts[i] = text_of(e, "(%.*s %s NULL)", STR_FMT(f.sql), nulls ? "IS" : "IS NOT");
        if (!parts[i].p)
            return false;
    }
    if (x->n_args == 0) /* VARIADIC of an empty array */
        sum = STR("0");
    else if (!join_balanced(e, parts, x->n_args, " + ", &sum))
        return false;
    *ret = (struct fragment){ .sql = text_of(e, "(%.*s)", STR_FMT(sum)) };
    return ret->sql.p != NULL;
}

static bool is_set_returning(const struct expr *x)
{
    return x->call.proc->returns_set;
}

static bool srf_column(struct emitter *e, const struct expr *x, struct fragment *ret)
{
    for (size_t i = 0; e->level && i < e->level->n_srf; i++)
        if (expr_equal(e->level->srf[i], x)) {
            *ret = e->level->srf_columns[i];
            return true;
        }
    return blocked(e, x->location, "set-returning function %s() at this place", x->call.proc->name);
}

/* The engine compares the elements' texts; enums sort by their labels' order. */
static bool orders_enums(struct emitter *e, const struct expr *x)
{
    static const char *const sources[] = { "array_larger", "array_smaller", "width_bucket_array" };
    bool orders = false;
    for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++)
        orders |= strcmp(x->call.proc->source, sources[i]) == 0;
    oid_t type = orders ? x->args[0]->type : 0;
    const struct user_type *u = orders && e->shared->snapshot ? snapshot_user_type(e->shared->snapshot, type) : NULL;
    return u && u->kind == 'e';
}

/* A strict function of a NULL constant is NULL, and columns in the other arguments are not looked at; constants are, as in PostgreSQL. */
static const struct expr *null_argument(const struct expr *x)
{
    const struct expr *null = NULL;
    for (size_t i = 0; x->call.proc->strict && i < x->n_args; i++) {
        const struct expr *arg = x->args[i];
        if (arg->kind == EXPR_CONST && arg->constant.is_null)
            null = arg;
        else if (arg->kind != EXPR_CONST && arg->kind != EXPR_PARAM && is_constant_expr(arg))
            return NULL;
    }
    return null;
}

/* LIKE, regular expressions and octet_length() see the blanks of char(n), which are not kept. */
static bool sees_blanks(struct emitter *e, const struct expr *x)
{
    const struct pg_proc *p = x->call.proc;
    if (strcmp(p->source, "bpcharoctetlen") == 0)
        return base_type(e, x->args[0]->type) == TYPE_OID_bpchar;
    bool matches = strncmp(p->name, "bpchar", 6) == 0 && (strstr(p->name, "like") || strstr(p->name, "regex"));
    return matches && x->n_args == 2 && base_type(e, x->args[0]->type) == TYPE_OID_bpchar;
}

/* The text that became a char without a length, which has all of its blanks; NULL: nobody knows how many there were. */
static const struct expr *text_with_blanks(struct emitter *e, const struct expr *x)
{
    if (x->kind == EXPR_CONST && !x->constant.is_null && x->constant.literal >= 0) {
        struct expr *text = ARENA_NEW(e->arena, struct expr);
        if (!text)
            return NULL;
        *text = *x;
        text->type = TYPE_OID_text;
        text->constant.value = value_text(x->constant.text);
        return text;
    }
    return x->kind == EXPR_RELABEL && base_type(e, x->args[0]->type) != TYPE_OID_bpchar ? x->args[0] : NULL;
}

static bool emit_padded_call(struct emitter *e, const struct expr *x, struct fragment *ret)
{
    struct fragment text, *outer = e->case_test;
    struct expr padded = { .kind = EXPR_CASE_TEST, .type = TYPE_OID_text, .typmod = -1, .location = -1 };
    bool has_length = x->args[0]->typmod > 4;
    const struct expr *given = has_length ? x->args[0] : text_with_blanks(e, x->args[0]);
    if (!given)
        return blocked(e, x->location, "%s a char(n) whose length is not known",
                       x->n_args == 2 ? "matching" : "octet_length() of");
    if (!emit_value(e, given, &text))
        return false;
    if (has_length)
        text.sql = text_of(e, "(%.*s || substr('%*s',1 + length(%.*s)))", STR_FMT(text.sql), given->typmod - 4, "",
                           STR_FMT(text.sql));
    struct expr *call = text.sql.p ? call_expr(e, x->call.proc, &padded, x->n_args == 2 ? x->args[1] : NULL) : NULL;
    if (!call)
        return false;
    call->n_args = x->n_args;
    call->call.op_name = x->call.op_name;
    e->case_test = &text;
    bool ok = emit_call(e, call, ret);
    e->case_test = outer;
    return ok;
}

bool emit_call(struct emitter *e, const struct expr *x, struct fragment *ret)
{
    bool handled = false;
    const struct expr *null = NULL;
    if (sees_blanks(e, x) && !null_argument(x))
        return emit_padded_call(e, x, ret);
    if (is_set_returning(x))
        return srf_column(e, x, ret);
    if (orders_enums(e, x))
        return no_such_row(e, x);
    if ((null = null_argument(x))) {
        struct expr constant = *null;
        constant.type = x->type;
        return emit_expr(e, &constant, ret);
    }
    if (!emit_volatile(e, x, &handled, ret))
        return false;
    if (!handled && !emit_sequence_call(e, x, &handled, ret))
        return false;
    if (!handled && e->target == TARGET_D1 && !emit_numeric_call(e, x, &handled, ret))
        return false;
    if (!handled && !emit_like(e, x, &handled, ret))
        return false;
    if (!handled && !emit_json_call(e, x, &handled, ret))
        return false;
    if (!handled && !emit_variadic_any(e, x, &handled, ret))
        return false;
    if (!handled && !emit_null_count(e, x, &handled, ret))
        return false;
    if (!handled && !emit_enum_call(e, x, &handled, ret))
        return false;
    if (!handled && !emit_datetime_call(e, x, &handled, ret))
        return false;
    if (handled)
        return true;
    const struct emission *row = emission_find(x->call.proc);
    const char *t = row ? row_template(e, x, row) : NULL;
    struct fragment *args;
    if (!t)
        return no_such_row(e, x);
    if (!emit_arguments(e, x, row, &args))
        return false;
    if (strcmp(t, "*") == 0)
        return own_call(e, x, row, args, x->n_args, ret);
    return print_row(e, x, t, row->flags, args, x->n_args, ret);
}

/* ---- aggregates ---- */

static bool aggregate_filter(struct emitter *e, const struct expr *x, struct str *ret)
{
    *ret = STR("");
    if (!x->call.filter)
        return true;
    struct fragment f;
    e->conditional--; /* it is asked of every row (emit_plain_aggregate) */
    bool ok = emit_condition(e, x->call.filter, &f);
    e->conditional++;
    if (!ok)
        return false;
    *ret = text_of(e, " FILTER (WHERE %.*s)", STR_FMT(f.sql));
    return ret->p != NULL;
}

static bool aggregate_list(struct emitter *e, const struct expr *x, const struct fragment *args, size_t n,
                           struct str *ret)
{
    struct str list = list_of(e, args, n), order;
    if (x->call.distinct && n)
        list = text_of(e, "DISTINCT %.*s", STR_FMT(list));
    if (!list.p)
        return false;
    if (x->call.n_order) {
        if (!emit_sort_list(e, x->call.order, x->call.n_order, &order))
            return false;
        list = text_of(e, "%.*s ORDER BY %.*s", STR_FMT(list), STR_FMT(order));
    }
    *ret = list;
    return list.p != NULL;
}

/* The aggregates whose argument may be in any form of number. */
static bool is_form_keeper(const char *name)
{
    return strcmp(name, "sum") == 0 || strcmp(name, "min") == 0 || strcmp(name, "max") == 0;
}

static bool numeric_aggregate(struct emitter *e, const struct expr *x, struct fragment *arg, struct fragment *ret)
{
    if (strcmp(x->call.proc->name, "sum") == 0) {
        if (arg->scale < 0 && !e->value_only)
            return blocked(e, x->location, "a sum of numerics without a scale");
        if (!to_scaled(e, arg->scale, arg))
            return false;
    } else if (arg->mixed_scale || arg->scale < 0) {
        return blocked(e, x->location, "an aggregate of numerics without a scale");
    }
    *ret = (struct fragment){ .form = arg->form,
                              .scale = arg->scale,
                              .digits = arg->form == FORM_SCALED ? 18 : arg->digits };
    return true;
}

/* "sum($1)": the name and what stands inside is replaced by arguments with DISTINCT and ORDER BY. */
static bool aggregate_text(struct emitter *e, const struct expr *x, const char *t, struct fragment *args, size_t n,
                           struct fragment *ret)
{
    struct str list, filter;
    if (!aggregate_filter(e, x, &filter) || !aggregate_list(e, x, args, n, &list))
        return false;
    struct buf out;
    buf_init(&out, 8 << 20);
    for (const char *p = t; *p; p++) {
        if (p[0] == '$' && p[1] == '*') {
            buf_add_str(&out, list);
            p++;
        } else if (p[0] == '@' && p[1] >= '1' && p[1] <= '9') {
            size_t i = (size_t)(p[1] - '1');
            buf_printf(&out, "%u", i < x->n_args ? argument_type(e, x->args[i]) : 0);
            p++;
        } else if (p[0] == '%' && p[1] == 'f') {
            buf_add_str(&out, filter);
            p++;
        } else {
            buf_add_char(&out, *p);
        }
    }
    ret->sql = out.failed ? (struct str){ 0 } : arena_str(e->arena, buf_str(&out));
    buf_fini(&out);
    return ret->sql.p || err_oom(e->err);
}

static bool aggregate_arguments(struct emitter *e, const struct expr *x, struct fragment **ret)
{
    struct fragment *args = ARENA_ARRAY(e->arena, struct fragment, x->n_args + 1);
    const struct emission *row = emission_find(x->call.proc);
    if (!args)
        return err_oom(e->err);
    for (size_t i = 0; i < x->n_args; i++) {
        bool floats = e->target == TARGET_D1 && row && row->flags & FUNCTION_NOT_NAN;
        if (!(floats ? emit_float(e, x->args[i], &args[i]) : emit_expr(e, x->args[i], &args[i])) ||
            !settle(e, &args[i]))
            return false;
        bool number = e->target == TARGET_D1 && is_numeric(e, x->args[i]->type);
        if (!(number && is_form_keeper(x->call.proc->name)) && strcmp(x->call.proc->name, "count") != 0 &&
            !make_natural(e, x->args[i]->type, &args[i]))
            return false;
        if (shows_blanks(x) && !emit_blanks(e, x->args[i], &args[i]))
            return false;
    }
    *ret = args;
    return true;
}

/* ROW(…) of values that are equal where their texts are. */
static bool row_of_plain(struct emitter *e, const struct expr *x)
{
    for (size_t i = 0; x->kind == EXPR_ROW && i < x->n_args; i++) {
        const char *collation;
        if (!collation_of(e, x->args[i]->type, false, &collation) || *collation || is_numeric(e, x->args[i]->type))
            return false;
    }
    return x->kind == EXPR_ROW;
}

static bool compare_aggregate(struct emitter *e, const struct expr *x, struct fragment *args)
{
    const char *name = x->call.proc->name, *collation;
    bool compares = strcmp(name, "min") == 0 || strcmp(name, "max") == 0;
    if (!compares && !x->call.distinct)
        return true;
    for (size_t i = 0; i < x->n_args; i++) {
        bool rows = !compares && row_of_plain(e, x->args[i]);
        if ((!rows && !collation_of(e, x->args[i]->type, compares, &collation)) ||
            (compares && is_enum_array(e, x->args[i]->type)))
            return blocked(e, x->location, "aggregate %s of this type here", name);
        collation = rows ? "" : own_collation(e, args[i].sql, collation);
        if (*collation)
            args[i].sql = text_of(e, "%.*s%s", STR_FMT(args[i].sql), collation);
        if (!args[i].sql.p)
            return false;
    }
    return true;
}

static bool json_aggregate(struct emitter *e, const struct expr *x, struct fragment *args, struct fragment *ret)
{
    if (!json_element(e, x->args[0]->type, &args[0]))
        return false;
    return aggregate_text(e, x, "nullif(json_group_array($*)%f,'[]')", args, 1, ret);
}

/* min() and max() of an enum: of the labels' numbers, then back. */
static bool enum_aggregate(struct emitter *e, const struct expr *x, struct fragment *arg, struct fragment *ret)
{
    const struct user_type *u = snapshot_user_type(e->shared->snapshot, x->args[0]->type);
    struct str text = STR(""), over;
    if (!enum_rank(e, x->args[0]->type, arg) ||
        !aggregate_text(e, x, x->call.proc->name[1] == 'i' ? "min($*)%f" : "max($*)%f", arg, 1, ret))
        return false;
    if (x->kind == EXPR_WINDOW) {
        if (!emit_over(e, x->call.window, &over))
            return false;
        ret->sql = text_of(e, "%.*s OVER %.*s", STR_FMT(ret->sql), STR_FMT(over));
    }
    for (size_t i = 0; i < u->n_labels && text.p; i++) {
        struct str label = emit_text_literal(u->labels[i], e->arena);
        text = text_of(e, "%.*s WHEN %zu THEN %.*s", STR_FMT(text), i, STR_FMT(label));
    }
    ret->sql = text.p ? text_of(e, "CASE %.*s%.*s END", STR_FMT(ret->sql), STR_FMT(text)) : text;
    return ret->sql.p != NULL;
}

/* string_agg(DISTINCT x, d): SQLite's DISTINCT takes one argument, so a JSON array is joined afterwards. */
static bool distinct_string_agg(struct emitter *e, const struct expr *x, struct fragment *args, struct fragment *ret)
{
    struct expr one = *x;
    if (!is_constant_expr(x->args[1]))
        return blocked(e, x->location, "string_agg(DISTINCT …) with a delimiter that is not constant");
    one.n_args = 1;
    struct str filter;
    if (!aggregate_filter(e, x, &filter))
        return false;
    const char *t = filter.n ? "json_group_array($*)%f" : "json_group_array($*)";
    if (!aggregate_text(e, &one, t, args, 1, ret))
        return false;
    ret->sql = text_of(e, "(SELECT group_concat(value,%.*s) FROM json_each(%.*s) WHERE value IS NOT NULL)",
                       STR_FMT(args[1].sql), STR_FMT(ret->sql));
    return ret->sql.p != NULL;
}

/*
 * sum() and avg() of floats: PostgreSQL adds in the order of the rows and rounds each time; SQLite carries the rounding
 * errors along (Kahan, Babuska), so its last digit is at least as good. Without ORDER BY inside the call PostgreSQL
 * promises no order and thus no last digit; with it the digits are defined, and the local engine adds as PostgreSQL does.
 */
static bool adds_floats(const struct expr *x)
{
    static const char *const sources[] = { "sum(float8)", "avg(float8)", "avg(float4)" };
    for (size_t i = 0; i < sizeof(sources) / sizeof(*sources); i++)
        if (strcmp(x->call.proc->source, sources[i]) == 0)
            return true;
    return false;
}

/* percentile_cont(0.5) WITHIN GROUP (ORDER BY x): pg_percentile_cont(type, 0.5, x ORDER BY x) */
static bool emit_ordered_set(struct emitter *e, const struct expr *x, const char *t, struct fragment *ret)
{
    struct str list = STR(""), order, filter, first = STR("NULL");
    if (e->target == TARGET_D1 || x->call.n_direct + 1 != x->n_args)
        return blocked(e, x->location, "ordered-set aggregate %s()", x->call.proc->name);
    for (size_t i = 0; i < x->n_args; i++) {
        struct fragment f;
        if (!emit_value(e, x->args[i], &f))
            return false;
        list = text_of(e, "%.*s, %.*s", STR_FMT(list), STR_FMT(f.sql));
        if (!list.p)
            return false;
        first = i ? first : f.sql;
    }
    if (!emit_sort_list(e, x->call.order, x->call.n_order, &order) || !aggregate_filter(e, x, &filter))
        return false;
    *ret = (struct fragment){ .sql = text_of(e, "%.*s(%u%.*s ORDER BY %.*s)%.*s", (int)strcspn(t, "("), t,
                                             base_type(e, x->args[x->n_args - 1]->type), STR_FMT(list), STR_FMT(order),
                                             STR_FMT(filter)) };
    if (x->call.n_direct && x->args[0]->type == TYPE_OID_float8)
        ret->sql = text_of(e, "pg_percentile(%.*s,%.*s)", STR_FMT(first), STR_FMT(ret->sql));
    return ret->sql.p != NULL;
}

/* Infinities that meet give NULL in D1, and a sum that overflows is no error there. */
static bool float_aggregate(struct emitter *e, const struct expr *x, const char *t, struct fragment *args, size_t n,
                            struct fragment *ret)
{
    struct fragment count = { 0 };
    if (!aggregate_text(e, x, "count($*)%f", args, n, &count) || !aggregate_text(e, x, t, args, n, ret))
        return false;
    struct str raise = emit_raise_local(e);
    ret->sql = text_of(e, "CASE WHEN coalesce(abs(%.*s) = 9e999,%.*s > 0) THEN %.*s ELSE %.*s END", STR_FMT(ret->sql),
                       STR_FMT(count.sql), STR_FMT(raise), STR_FMT(ret->sql));
    return ret->sql.p != NULL;
}

static bool aggregate_call(struct emitter *e, const struct expr *x, const char *t, struct fragment *ret)
{
    struct fragment *args;
    *ret = (struct fragment){ 0 };
    if (x->call.levels_up > 0)
        return blocked(e, x->location, "aggregate %s() of an outer query", x->call.proc->name);
    if (x->call.within_group)
        return emit_ordered_set(e, x, t, ret);
    if (x->call.distinct && strchr(t, '@')) /* SQLite takes DISTINCT with one argument only, the type is another */
        return blocked(e, x->location, "DISTINCT in %s()", x->call.proc->name);
    if (x->call.n_order && e->target == TARGET_D1 && adds_floats(x))
        return blocked(e, x->location, "%s() of floats in a given order", x->call.proc->name);
    if (!aggregate_arguments(e, x, &args) || !compare_aggregate(e, x, args))
        return false;
    if (strncmp(x->call.proc->source, "array_agg(anynonarray", 21) == 0)
        return json_aggregate(e, x, args, ret);
    if (strstr(x->call.proc->source, "(anyenum)"))
        return enum_aggregate(e, x, &args[0], ret);
    if (x->call.distinct && strcmp(x->call.proc->source, "string_agg(text,text)") == 0)
        return distinct_string_agg(e, x, args, ret);
    size_t n = x->call.star ? 0 : x->n_args;
    if (n == 1 && e->target == TARGET_D1 && is_numeric(e, x->args[0]->type) && is_form_keeper(x->call.proc->name)) {
        if (args[0].form == FORM_NATURAL)
            return blocked(e, x->location, "aggregate %s() of exact numerics here", x->call.proc->name);
        if (!numeric_aggregate(e, x, &args[0], ret))
            return false;
    }
    if (strcmp(x->call.proc->source, "sum(int8)") == 0 && e->target == TARGET_D1)
        *ret = (struct fragment){ .form = FORM_SCALED, .scale = 0, .digits = 18 };
    if (e->target == TARGET_D1 && x->kind == EXPR_AGGREGATE && adds_floats(x))
        return float_aggregate(e, x, t, args, n, ret);
    return aggregate_text(e, x, t, args, n, ret);
}

/* What its FILTER leaves out is not computed either. */
static bool emit_plain_aggregate(struct emitter *e, const struct expr *x, const char *t, struct fragment *ret)
{
    bool filtered = x->call.filter != NULL;
    e->conditional += filtered;
    bool ok = aggregate_call(e, x, t, ret);
    e->conditional -= filtered;
    return ok;
}

/* How an aggregate is called on this target, without FILTER and OVER. */
static const char *aggregate_template(struct emitter *e, const struct expr *x)
{
    const struct emission *row = emission_find(x->call.proc);
    if (!row || (e->target == TARGET_D1 && (row->flags & (FUNCTION_DOUBTFUL | FUNCTION_NOT_NAN)) &&
                 e->shared->settings->force_local))
        return NULL; /* a sum that is too large for D1's integers */
    e->shared->plan->may_go_local |= e->target == TARGET_D1 && (row->flags & FUNCTION_DOUBTFUL);
    return e->target == TARGET_D1 ? row->d1 : row->local;
}

bool emit_aggregate(struct emitter *e, const struct expr *x, struct fragment *ret)
{
    const char *t = aggregate_template(e, x);
    if (!t)
        return no_such_row(e, x);
    /* A grouping set makes its other columns NULL in the result, not in the rows that are aggregated. */
    size_t n_nulled = e->level ? e->level->n_nulled : 0;
    if (e->level)
        e->level->n_nulled = 0;
    bool ok = emit_plain_aggregate(e, x, t, ret);
    if (e->level)
        e->level->n_nulled = n_nulled;
    return ok;
}

/* ---- windows ---- */

/* nth_value(): NULL for place NULL, which SQLite does not know. */
static bool place_of(struct emitter *e, const struct expr *place, struct fragment *args)
{
    if (place->kind == EXPR_CONST) {
        mark_structural(e, place);
        if (!place->constant.is_null && place->constant.value.integer > 0)
            return true;
    }
    const struct str n = args[1].sql;
    if (!is_constant_expr(place)) { /* null_window_argument() has the NULL */
        args[1].sql = text_of(e, "coalesce(%.*s,1)", STR_FMT(n));
        return args[1].sql.p != NULL;
    }
    args[0].sql = text_of(e, "CASE WHEN %.*s IS NOT NULL THEN %.*s END", STR_FMT(n), STR_FMT(args[0].sql));
    args[1].sql = text_of(e, "max(coalesce(%.*s,1),1)", STR_FMT(n));
    return args[0].sql.p && args[1].sql.p;
}

static bool is_known(const struct expr *x)
{
    return x->kind == EXPR_CONST && !x->constant.is_null;
}

/* ntile() keeps the number of the partition's first row, lag() and lead() give NULL and not their default where the offset is NULL. */
static bool null_arguments(struct emitter *e, const struct expr *x, struct fragment *args)
{
    const char *source = x->call.proc->source;
    if (strcmp(source, "window_nth_value") == 0)
        return place_of(e, x->args[1], args);
    if (strcmp(source, "window_ntile") == 0 && !is_known(x->args[0])) {
        struct str none = is_constant_expr(x->args[0])
                              ? STR("1") /* null_window_argument() has the NULL */
                              : emit_raise(e, "0A000", STR("ntile() of a number that is null is not supported"));
        args[0].sql = text_of(e, "coalesce(%.*s,%.*s)", STR_FMT(args[0].sql), STR_FMT(none));
        return none.p && args[0].sql.p;
    }
    bool moves = strcmp(source, "window_lag_with_offset_and_default") == 0 ||
                 strcmp(source, "window_lead_with_offset_and_default") == 0;
    if (moves && !is_known(x->args[1]))
        args[2].sql =
            text_of(e, "CASE WHEN %.*s IS NOT NULL THEN %.*s END", STR_FMT(args[1].sql), STR_FMT(args[2].sql));
    return !moves || args[2].sql.p;
}

/* " WHEN … THEN NULL", where an argument that SQLite does not take is NULL. */
static bool null_window_argument(struct emitter *e, const struct expr *x, struct str *ret)
{
    const char *source = x->call.proc->source;
    struct fragment n;
    const struct expr *arg = strcmp(source, "window_ntile") == 0       ? x->args[0]
                             : strcmp(source, "window_nth_value") == 0 ? x->args[1]
                                                                       : NULL;
    bool is_place = arg && arg != x->args[0];
    if (!arg || is_known(arg) || is_constant_expr(arg) == is_place)
        return true;
    if (!emit_value(e, arg, &n))
        return false;
    *ret = text_of(e, "%.*s WHEN %.*s IS NULL THEN NULL", STR_FMT(*ret), STR_FMT(n.sql));
    return ret->p != NULL;
}

/* " WHEN … THEN" error, where the place is none: PostgreSQL says so when all rows are there. */
static bool wrong_place(struct emitter *e, const struct expr *x, struct str over, struct str *ret)
{
    struct fragment n;
    if (strcmp(x->call.proc->source, "window_nth_value") != 0 || !is_constant_expr(x->args[1]))
        return true;
    const struct expr *place = x->args[1];
    if (place->kind == EXPR_CONST && (place->constant.is_null || place->constant.value.integer > 0))
        return true; /* its value shapes the text: place_of() */
    if (!emit_value(e, place, &n))
        return false;
    struct str raise = emit_raise(e, "22016", STR("argument of nth_value must be greater than zero"));
    *ret = text_of(e, "%.*s WHEN row_number() OVER %.*s > 0 AND %.*s <= 0 THEN %.*s", STR_FMT(*ret), STR_FMT(over),
                   STR_FMT(n.sql), STR_FMT(raise));
    return ret->p != NULL;
}

static bool window_function(struct emitter *e, const struct expr *x, const struct emission *row, struct fragment *ret)
{
    struct fragment *args = ARENA_ARRAY(e->arena, struct fragment, x->n_args + 1);
    if (!args)
        return err_oom(e->err);
    *ret = (struct fragment){ 0 };
    for (size_t i = 0; i < x->n_args; i++) {
        if (!emit_expr(e, x->args[i], &args[i]) || !settle(e, &args[i]))
            return false;
        bool keeps =
            e->target == TARGET_D1 && is_numeric(e, x->args[i]->type) && i == 0 && x->n_args < 3 && args[i].scale >= 0;
        if (!keeps && !make_natural(e, x->args[i]->type, &args[i]))
            return false;
    }
    if (x->n_args) {
        ret->form = is_numeric(e, x->type) ? args[0].form : FORM_NATURAL;
        ret->scale = args[0].scale;
        ret->digits = args[0].digits;
    }
    if (!null_arguments(e, x, args))
        return false;
    ret->sql = expand(e, x, e->target == TARGET_D1 ? row->d1 : row->local, args, x->n_args);
    return ret->sql.p != NULL;
}

bool emit_window(struct emitter *e, const struct expr *x, struct fragment *ret)
{
    const struct emission *row = emission_find(x->call.proc);
    const char *t = aggregate_template(e, x);
    struct str over, wrong;
    bool done;
    if (!emit_window_lazily(e, x, &done, ret) || done)
        return done && ret->sql.p;
    /* Infinities that meet give NULL there, and rows that leave a frame are subtracted, which loses digits. */
    if (e->target == TARGET_D1 && adds_floats(x))
        return blocked(e, x->location, "%s() of floats as a window function", x->call.proc->name);
    if (!t)
        return no_such_row(e, x);
    if (x->call.proc->kind == 'w' ? !window_function(e, x, row, ret) : !emit_plain_aggregate(e, x, t, ret))
        return false;
    if (strstr(x->call.proc->source, "(anyenum)")) /* OVER is in it */
        return true;
    if (!emit_over(e, x->call.window, &over))
        return false;
    if (e->target == TARGET_LOCAL &&
        str_starts(ret->sql, STR("pg_"))) /* the engine has its aggregates once more, for windows */
        ret->sql = text_of(e, "pgw_%.*s", (int)(ret->sql.n - 3), ret->sql.p + 3);
    /* nullif(json_group_array(x),'[]') OVER … would put OVER behind the wrong call */
    if (strncmp(ret->sql.p, "nullif(", 7) == 0) {
        struct str inner = { ret->sql.p + 7, ret->sql.n - 7 - strlen(",'[]')") };
        ret->sql = text_of(e, "nullif(%.*s OVER %.*s,'[]')", STR_FMT(inner), STR_FMT(over));
    } else {
        ret->sql = text_of(e, "%.*s OVER %.*s", STR_FMT(ret->sql), STR_FMT(over));
    }
    if (!emit_window_guard(e, x->call.window, over, &wrong) || !wrong_place(e, x, over, &wrong) ||
        !null_window_argument(e, x, &wrong))
        return false;
    if (wrong.n)
        ret->sql = text_of(e, "CASE%.*s ELSE %.*s END", STR_FMT(wrong), STR_FMT(ret->sql));
    return ret->sql.p != NULL;
}
