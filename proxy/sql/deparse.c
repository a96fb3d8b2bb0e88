/* deparse.c - analyzed expressions in PostgreSQL's own spelling; see deparse.h. */
#include "proxy/sql/deparse.h"

#include "proxy/catalog/collation.h"
#include "proxy/catalog/names.h"

enum { TEXT_MAX = 1 << 20, DEPTH_MAX = 1000, INDENT = 4 };

struct deparse {
    struct buf out;
    const struct query *scope;
    const struct snapshot *snapshot;
    const struct deparse_names *names;
    struct arena *arena;
    struct err *err;
    bool pretty; /* only the parentheses that are needed (PRETTYFLAG_PAREN) */
    int depth, indent;
};

static bool expression(struct deparse *d, const struct expr *e, bool show_implicit);
static bool within(struct deparse *d, const struct expr *e, bool show_implicit, const struct expr *parent);

static bool refuse(struct deparse *d, const char *what)
{
    return err_unsupported(d->err, "%s in a stored expression", what);
}

static void add(struct deparse *d, const char *text)
{
    buf_add_str(&d->out, str_from(text));
}

static const struct name_path *path_of(const struct deparse *d)
{
    return d->names ? d->names->path : NULL;
}

/* ---- types and constants ---- */
static void type_name(struct deparse *d, oid_t type, int32_t typmod)
{
    const struct user_type *renamed = d->names ? d->names->renamed_type : NULL;
    const struct system_uses *uses = d->names ? d->names->uses : NULL;
    if (uses && type >= 16384)
        uses->note(uses->ctx, USE_TYPE, type, 0);
    if (renamed && (type == renamed->oid || type == renamed->array)) {
        struct str schema = str_is(renamed->schema, "public") ? STR("") : renamed->schema;
        buf_add_str(&d->out, name_qualified(schema, d->names->type_name, d->arena));
        add(d, type == renamed->array ? "[]" : "");
    } else if (type == TYPE_OID_bpchar && typmod < 0)
        add(d, "bpchar");
    else
        buf_add_str(&d->out, snapshot_format_type_on(d->snapshot, path_of(d), type, typmod, d->arena));
}

static void literal(struct deparse *d, struct str text)
{
    buf_add_str(&d->out, name_literal(text, d->arena));
}

static bool is_user_type(oid_t type)
{
    return type >= 16384;
}

/* The text that a constant's type would print. */
static bool constant_text(struct deparse *d, const struct expr *e, struct str *ret)
{
    if (e->type == TYPE_OID_regclass && e->constant.value.class == VALUE_INTEGER) {
        const struct relation *r = snapshot_relation_by_oid(d->snapshot, (oid_t)e->constant.value.integer);
        const struct system_uses *uses = d->names ? d->names->uses : NULL;
        if (uses && r && r->oid >= 16384)
            uses->note(uses->ctx, USE_RELATION, r->oid, 0);
        *ret =
            r ? name_qualified(snapshot_shown_schema(d->snapshot, path_of(d), r), r->name, d->arena) : e->constant.text;
        return true;
    }
    if ((is_user_type(e->type) && e->constant.value.class == VALUE_TEXT) || e->type == TYPE_OID_unknown) {
        *ret = e->constant.value.class == VALUE_TEXT ? e->constant.value.bytes : e->constant.text;
        return true;
    }
    struct buf text;
    buf_init(&text, TEXT_MAX);
    bool ok = type_encode(snapshot_base_type(d->snapshot, e->type, NULL), -1, WIRE_TEXT, &e->constant.value,
                          type_settings_default(), d->arena, &text, d->err);
    *ret = ok && !text.failed ? arena_str(d->arena, buf_str(&text)) : (struct str){ 0 };
    buf_fini(&text);
    return ok && (ret->p || err_oom(d->err));
}

static bool looks_like_float(struct str text)
{
    return text.n && text.p[0] >= '0' && text.p[0] <= '9' &&
           (memchr(text.p, '.', text.n) || memchr(text.p, 'e', text.n));
}

/* get_const_expr: with_label false where a cast around it names the type anyway. */
static bool constant(struct deparse *d, const struct expr *e, bool with_label)
{
    struct str text;
    bool needs_label = true;
    if (e->constant.is_null) {
        add(d, "NULL");
        with_label = with_label && e->type != TYPE_OID_unknown;
    } else if (!constant_text(d, e, &text)) {
        return false;
    } else if (e->type == TYPE_OID_bool) {
        add(d, str_is(text, "t") ? "true" : "false");
        needs_label = false;
    } else if (e->type == TYPE_OID_int4 && text.n && text.p[0] != '-') {
        buf_add_str(&d->out, text);
        needs_label = false;
    } else if (e->type == TYPE_OID_numeric && looks_like_float(text)) {
        buf_add_str(&d->out, text);
        needs_label = e->typmod >= 0;
    } else {
        literal(d, text);
        needs_label = e->type != TYPE_OID_unknown;
    }
    if (with_label && needs_label) {
        add(d, "::");
        type_name(d, e->type, e->typmod);
    }
    return true;
}

/* Parentheses that the pretty form leaves to within(). */
static void open_paren(struct deparse *d)
{
    add(d, d->pretty ? "" : "(");
}

static void close_paren(struct deparse *d)
{
    add(d, d->pretty ? "" : ")");
}

/* ---- casts ---- */
static bool is_cast(const struct expr *e)
{
    return e->kind == EXPR_RELABEL || e->kind == EXPR_IO_CAST || e->kind == EXPR_ARRAY_CAST ||
           e->kind == EXPR_DOMAIN_CHECK || e->kind == EXPR_TYPMOD ||
           (e->kind == EXPR_FUNC && (e->call.form == CALL_IMPLICIT_CAST || e->call.form == CALL_EXPLICIT_CAST));
}

static bool is_explicit_cast(const struct expr *e)
{
    if (e->kind == EXPR_FUNC)
        return e->call.form == CALL_EXPLICIT_CAST;
    return e->kind != EXPR_ARRAY_CAST && e->coercion.is_explicit;
}

/* Every conversion back to what the user wrote: a length coercion hides the conversion under it. */
static const struct expr *cast_argument(const struct expr *e)
{
    const struct expr *arg = e->args[0];
    while (e->kind == EXPR_TYPMOD && is_cast(arg) && arg->type == e->type && arg->kind != EXPR_TYPMOD &&
           arg->typmod < 0)
        arg = arg->args[0];
    return arg;
}

static bool cast(struct deparse *d, const struct expr *e, bool show_implicit)
{
    if (e->n_args == 0)
        return refuse(d, "a conversion");
    if (!is_explicit_cast(e) && !show_implicit)
        return within(d, e->args[0], false, e);
    const struct expr *arg = cast_argument(e);
    if (arg->kind == EXPR_CONST && arg->type == e->type && arg->typmod < 0 && e->kind == EXPR_TYPMOD) {
        if (!constant(d, arg, false))
            return false;
    } else {
        open_paren(d);
        if (!within(d, arg, false, e))
            return false;
        close_paren(d);
    }
    add(d, "::");
    type_name(d, e->type, e->typmod);
    return true;
}

/* ---- columns, lists, operators ---- */
/* What the query around the expression knows how to print. */
static bool asked(struct deparse *d, bool (*ask)(void *ctx, const struct expr *e, int indent, struct str *ret),
                  const struct expr *e)
{
    struct str text;
    if (!ask(d->names->ctx, e, d->indent, &text))
        return false;
    buf_add_str(&d->out, text);
    return true;
}

static bool variable(struct deparse *d, const struct expr *e)
{
    struct str full;
    if (d->names && d->names->variable) {
        if (!d->names->variable(d->names->ctx, e, &full))
            return false;
        buf_add_str(&d->out, full);
        return true;
    }
    if (e->var.levels_up || e->var.rte < 0 || (size_t)e->var.rte >= d->scope->n_rtable)
        return refuse(d, "a reference to another query");
    struct str name = d->scope->rtable[e->var.rte].columns[e->var.column].name;
    if (d->names && d->names->is_domain) {
        add(d, "VALUE");
        return true;
    }
    if (d->names && d->names->column)
        d->names->column(d->names->ctx, name, &name);
    name_quote_add(&d->out, name);
    return true;
}

/* ---- where the pretty form needs parentheses (isSimpleNode) ---- */
static bool is_call(const struct expr *e)
{
    return e->kind == EXPR_FUNC && e->call.form == CALL_FUNCTION;
}

static bool has_own_syntax(const struct expr *e)
{
    const char *name = e->call.proc->name;
    return e->n_args == 2 && (strcmp(name, "timezone") == 0 || strcmp(name, "extract") == 0);
}

/* Around its arguments a parent of this kind has marks of its own. */
static bool encloses(const struct expr *parent)
{
    switch (parent->kind) {
    case EXPR_FUNC:
        return is_call(parent) && !has_own_syntax(parent);
    case EXPR_AND:
    case EXPR_OR:
    case EXPR_NOT:
    case EXPR_SUBSCRIPT:
    case EXPR_ARRAY:
    case EXPR_ROW:
    case EXPR_COALESCE:
    case EXPR_GREATEST:
    case EXPR_LEAST:
    case EXPR_NULLIF:
    case EXPR_CASE:
    case EXPR_AGGREGATE:
    case EXPR_WINDOW:
    case EXPR_GROUPING:
        return true;
    default:
        return false;
    }
}

static bool is_operator(const struct expr *e)
{
    return e->kind == EXPR_FUNC && e->call.form == CALL_OPERATOR;
}

/* '+' for + and -, '*' for * / %, else 0: the operators whose precedence is relied on. */
static char priority(const struct expr *e)
{
    if (!is_operator(e) || e->n_args != 2 || strlen(e->call.op_name) != 1)
        return 0;
    return strchr("+-", e->call.op_name[0]) ? '+' : strchr("*/%", e->call.op_name[0]) ? '*' : 0;
}

static bool simple_operator(const struct expr *e, const struct expr *parent)
{
    if (!is_operator(parent))
        return encloses(parent);
    char own = priority(e), outer = priority(parent);
    if (!own || !outer)
        return false;
    return (own == '*' && outer == '+') || (own == outer && parent->args[0] == e);
}

static bool simple_chain(const struct expr *e, const struct expr *parent)
{
    if (parent->kind == EXPR_OR)
        return true;
    if (parent->kind == EXPR_AND)
        return e->kind != EXPR_OR;
    return parent->kind != EXPR_NOT && encloses(parent);
}

static bool is_simple(const struct expr *e, const struct expr *parent)
{
    if (e->is_collated)
        return false;
    switch (e->kind) {
    case EXPR_FUNC:
        return !is_operator(e) || simple_operator(e, parent);
    case EXPR_RELABEL:
    case EXPR_IO_CAST:
    case EXPR_ARRAY_CAST:
    case EXPR_DOMAIN_CHECK:
        return e->n_args == 0 || is_simple(e->args[0], e);
    case EXPR_SUBLINK:
    case EXPR_IS_NULL:
    case EXPR_IS_NOT_NULL:
    case EXPR_IS_TRUE:
    case EXPR_IS_NOT_TRUE:
    case EXPR_IS_FALSE:
    case EXPR_IS_NOT_FALSE:
    case EXPR_IS_UNKNOWN:
    case EXPR_IS_NOT_UNKNOWN:
    case EXPR_DISTINCT:
        return encloses(parent);
    case EXPR_AND:
    case EXPR_OR:
    case EXPR_NOT:
    case EXPR_NOT_DISTINCT: /* NOT over DISTINCT */
        return simple_chain(e, parent);
    case EXPR_ANY_ARRAY:
    case EXPR_ALL_ARRAY:
    case EXPR_IN_LIST:
    case EXPR_NOT_IN_LIST:
    case EXPR_ROW_COMPARE:
        return false;
    default:
        return true;
    }
}

static bool within(struct deparse *d, const struct expr *e, bool show_implicit, const struct expr *parent)
{
    bool needed = d->pretty && !is_simple(e, parent);
    add(d, needed ? "(" : "");
    if (!expression(d, e, show_implicit))
        return false;
    add(d, needed ? ")" : "");
    return true;
}

static bool list(struct deparse *d, struct expr *const *args, size_t n, const char *separator, bool show_implicit)
{
    for (size_t i = 0; i < n; i++) {
        if (i)
            add(d, separator);
        if (!expression(d, args[i], show_implicit))
            return false;
    }
    return true;
}

static bool enclosed(struct deparse *d, const char *before, const struct expr *e, const char *after, bool show_implicit)
{
    add(d, before);
    if (!expression(d, e, show_implicit))
        return false;
    add(d, after);
    return true;
}

static bool operator_call(struct deparse *d, const struct expr *e)
{
    open_paren(d);
    if (e->n_args == 2) {
        if (!within(d, e->args[0], true, e))
            return false;
        add(d, " ");
    }
    add(d, e->call.op_name);
    add(d, " ");
    if (!within(d, e->args[e->n_args - 1], true, e))
        return false;
    close_paren(d);
    return true;
}

/* A test behind its argument: IS NULL, IS TRUE… */
static bool test(struct deparse *d, const struct expr *e, const char *words, bool show_implicit)
{
    open_paren(d);
    if (!within(d, e->args[0], show_implicit, e))
        return false;
    add(d, words);
    close_paren(d);
    return true;
}

/* Functions that the grammar has words for. */
static bool is_constant_text(const struct expr *e)
{
    return e->kind == EXPR_CONST && !e->constant.is_null && e->constant.value.class == VALUE_TEXT;
}

static bool at_time_zone(struct deparse *d, const struct expr *e)
{
    add(d, "(");
    if (!within(d, e->args[1], true, e))
        return false;
    add(d, " AT TIME ZONE ");
    if (!within(d, e->args[0], true, e))
        return false;
    add(d, ")");
    return true;
}

static bool function_call(struct deparse *d, const struct expr *e)
{
    const char *name = e->call.proc->name;
    if (strcmp(name, "extract") == 0 && e->n_args == 2 && is_constant_text(e->args[0])) {
        add(d, "EXTRACT(");
        buf_add_str(&d->out, e->args[0]->constant.value.bytes);
        return enclosed(d, " FROM ", e->args[1], ")", false);
    }
    if (strcmp(name, "timezone") == 0 && e->n_args == 2)
        return at_time_zone(d, e);
    if (e->call.proc->is_information_schema)
        add(d, "information_schema.");
    name_quote_add(&d->out, str_from(name));
    add(d, "(");
    for (size_t i = 0; i < e->n_args; i++) {
        if (i)
            add(d, ", ");
        if (e->call.variadic_array && i + 1 == e->n_args) {
            const struct expr *last = e->args[i];
            if (last->kind == EXPR_ARRAY && last->location < 0) /* gathered by the analyzer, not written */
                return list(d, last->args, last->n_args, ", ", true) && (add(d, ")"), true);
            add(d, "VARIADIC ");
        }
        if (!expression(d, e->args[i], true))
            return false;
    }
    add(d, ")");
    return true;
}

static bool function(struct deparse *d, const struct expr *e)
{
    switch (e->call.form) {
    case CALL_OPERATOR:
        return operator_call(d, e);
    case CALL_FUNCTION:
        break;
    case CALL_IMPLICIT_CAST:
    case CALL_EXPLICIT_CAST:
        return refuse(d, "a conversion");
    }
    return function_call(d, e);
}

/* ---- IN lists ---- */
/* PostgreSQL keeps `c IN (…)` over varchar as (c)::text = ANY ((ARRAY['a'::character varying, …])::text[]). */
static bool in_list(struct deparse *d, const struct expr *e)
{
    bool negated = e->kind == EXPR_NOT_IN_LIST;
    const struct expr *left = e->args[0];
    oid_t element = left->kind == EXPR_RELABEL && !left->coercion.is_explicit ? left->args[0]->type : 0;
    bool relabelled = element && snapshot_array_type(d->snapshot, element) != 0;
    for (size_t i = 1; i < e->n_args && relabelled; i++)
        relabelled = e->args[i]->kind == EXPR_RELABEL && e->args[i]->args[0]->type == element;
    open_paren(d);
    if (!within(d, left, true, e))
        return false;
    add(d, negated ? " <> ALL (" : " = ANY (");
    if (relabelled)
        open_paren(d);
    add(d, "ARRAY[");
    for (size_t i = 1; i < e->n_args; i++) {
        if (i > 1)
            add(d, ", ");
        if (!expression(d, relabelled ? e->args[i]->args[0] : e->args[i], true))
            return false;
    }
    add(d, "]");
    if (relabelled) {
        close_paren(d);
        add(d, "::");
        type_name(d, snapshot_array_type(d->snapshot, left->type), -1);
    }
    add(d, ")");
    close_paren(d);
    return true;
}

static bool any_array(struct deparse *d, const struct expr *e)
{
    open_paren(d);
    if (!within(d, e->args[0], true, e))
        return false;
    buf_printf(&d->out, " %s %s (", e->call.op_name ? e->call.op_name : "=", e->kind == EXPR_ANY_ARRAY ? "ANY" : "ALL");
    const struct expr *array = e->args[1];
    if (!within(d, array, true, e))
        return false;
    if (array->kind == EXPR_SUBLINK && array->sublink.kind == SUBLINK_SCALAR) { /* bare it would be read as rows */
        add(d, "::");
        type_name(d, array->type, array->typmod);
    }
    add(d, ")");
    close_paren(d);
    return true;
}

/* ---- CASE: the only construct that starts new lines ---- */
static void new_line(struct deparse *d)
{
    while (d->out.n && d->out.p[d->out.n - 1] == ' ')
        d->out.n--;
    buf_add_char(&d->out, '\n');
    for (int i = 0; i < d->indent && i < 40; i++)
        buf_add_char(&d->out, ' ');
}

static bool case_expression(struct deparse *d, const struct expr *e)
{
    new_line(d);
    add(d, "CASE");
    d->indent += INDENT;
    for (size_t i = 0; i < e->cases.n_arms; i++) {
        new_line(d);
        if (!enclosed(d, "WHEN ", e->cases.arms[i].when, " THEN ", false) ||
            !expression(d, e->cases.arms[i].then, true))
            return false;
    }
    if (e->cases.otherwise) {
        new_line(d);
        if (!enclosed(d, "ELSE ", e->cases.otherwise, "", true))
            return false;
    }
    d->indent -= INDENT;
    new_line(d);
    add(d, "END");
    return true;
}

/* ---- the rest ---- */
static bool call_named(struct deparse *d, const char *name, const struct expr *e, bool show_implicit)
{
    add(d, name);
    if (!list(d, e->args, e->n_args, ", ", show_implicit))
        return false;
    add(d, ")");
    return true;
}

static bool boolean_chain(struct deparse *d, const struct expr *e, const char *word)
{
    open_paren(d);
    for (size_t i = 0; i < e->n_args; i++) {
        add(d, i ? word : "");
        if (!within(d, e->args[i], false, e))
            return false;
    }
    close_paren(d);
    return true;
}

static bool negation(struct deparse *d, const struct expr *e)
{
    open_paren(d);
    add(d, "NOT ");
    if (!within(d, e->args[0], false, e))
        return false;
    close_paren(d);
    return true;
}

static bool distinct(struct deparse *d, const struct expr *e, bool negated)
{
    if (negated)
        open_paren(d);
    add(d, negated ? "NOT " : "");
    open_paren(d);
    if (!within(d, e->args[0], true, e))
        return false;
    add(d, " IS DISTINCT FROM ");
    if (!within(d, e->args[1], true, e))
        return false;
    close_paren(d);
    if (negated)
        close_paren(d);
    return true;
}

static bool array(struct deparse *d, const struct expr *e)
{
    add(d, "ARRAY[");
    if (!list(d, e->args, e->n_args, ", ", true))
        return false;
    add(d, "]");
    if (e->n_args == 0) {
        add(d, "::");
        type_name(d, e->type, -1);
    }
    return true;
}

static bool subscript(struct deparse *d, const struct expr *e)
{
    bool plain = e->args[0]->kind == EXPR_VAR;
    if (!enclosed(d, plain ? "" : "(", e->args[0], plain ? "" : ")", false))
        return false;
    for (size_t i = 0; i < e->subscript.n_dims; i++) {
        add(d, "[");
        if (e->subscript.is_slice && e->subscript.lower[i] && !expression(d, e->subscript.lower[i], false))
            return false;
        if (e->subscript.is_slice)
            add(d, ":");
        if (e->subscript.upper[i] && !expression(d, e->subscript.upper[i], false))
            return false;
        add(d, "]");
    }
    return true;
}

static const char *const sql_value_names[] = {
    [SQLVALUE_CURRENT_DATE] = "CURRENT_DATE",
    [SQLVALUE_CURRENT_TIME] = "CURRENT_TIME",
    [SQLVALUE_CURRENT_TIMESTAMP] = "CURRENT_TIMESTAMP",
    [SQLVALUE_LOCALTIME] = "LOCALTIME",
    [SQLVALUE_LOCALTIMESTAMP] = "LOCALTIMESTAMP",
    [SQLVALUE_CURRENT_ROLE] = "CURRENT_ROLE",
    [SQLVALUE_CURRENT_USER] = "CURRENT_USER",
    [SQLVALUE_SESSION_USER] = "SESSION_USER",
    [SQLVALUE_USER] = "USER",
    [SQLVALUE_CURRENT_CATALOG] = "CURRENT_CATALOG",
    [SQLVALUE_CURRENT_SCHEMA] = "CURRENT_SCHEMA",
};

static bool sql_value(struct deparse *d, const struct expr *e)
{
    add(d, sql_value_names[e->sql_value.function]);
    if (e->sql_value.precision >= 0 && (e->type == TYPE_OID_timetz || e->type == TYPE_OID_timestamptz ||
                                        e->type == TYPE_OID_time || e->type == TYPE_OID_timestamp))
        buf_printf(&d->out, "(%d)", e->sql_value.precision);
    return true;
}

static bool is_special(const struct expr *e)
{
    return e->kind == EXPR_AGGREGATE || e->kind == EXPR_WINDOW || e->kind == EXPR_SUBLINK ||
           e->kind == EXPR_ROW_COMPARE;
}

static bool by_kind(struct deparse *d, const struct expr *e, bool show_implicit)
{
    if (is_special(e) && d->names && d->names->special)
        return asked(d, d->names->special, e);
    switch (e->kind) {
    case EXPR_CONST:
        return constant(d, e, true);
    case EXPR_VAR:
        return variable(d, e);
    case EXPR_FUNC:
        return function(d, e);
    case EXPR_AND:
        return boolean_chain(d, e, " AND ");
    case EXPR_OR:
        return boolean_chain(d, e, " OR ");
    case EXPR_NOT:
        return negation(d, e);
    case EXPR_CASE:
        return case_expression(d, e);
    case EXPR_COALESCE:
        return call_named(d, "COALESCE(", e, true);
    case EXPR_GREATEST:
        return call_named(d, "GREATEST(", e, true);
    case EXPR_LEAST:
        return call_named(d, "LEAST(", e, true);
    case EXPR_NULLIF:
        return call_named(d, "NULLIF(", e, true);
    case EXPR_IS_NULL:
        return test(d, e, " IS NULL", true);
    case EXPR_IS_NOT_NULL:
        return test(d, e, " IS NOT NULL", true);
    case EXPR_IS_TRUE:
        return test(d, e, " IS TRUE", false);
    case EXPR_IS_NOT_TRUE:
        return test(d, e, " IS NOT TRUE", false);
    case EXPR_IS_FALSE:
        return test(d, e, " IS FALSE", false);
    case EXPR_IS_NOT_FALSE:
        return test(d, e, " IS NOT FALSE", false);
    case EXPR_IS_UNKNOWN:
        return test(d, e, " IS UNKNOWN", false);
    case EXPR_IS_NOT_UNKNOWN:
        return test(d, e, " IS NOT UNKNOWN", false);
    case EXPR_DISTINCT:
        return distinct(d, e, false);
    case EXPR_NOT_DISTINCT:
        return distinct(d, e, true);
    case EXPR_ANY_ARRAY:
    case EXPR_ALL_ARRAY:
        return any_array(d, e);
    case EXPR_IN_LIST:
    case EXPR_NOT_IN_LIST:
        return in_list(d, e);
    case EXPR_ARRAY:
        return array(d, e);
    case EXPR_ROW:
        return call_named(d, "ROW(", e, true);
    case EXPR_SUBSCRIPT:
        return subscript(d, e);
    case EXPR_SQL_VALUE:
        return sql_value(d, e);
    case EXPR_RELABEL:
    case EXPR_IO_CAST:
    case EXPR_ARRAY_CAST:
    case EXPR_TYPMOD:
    case EXPR_DOMAIN_CHECK:
        return cast(d, e, show_implicit);
    case EXPR_PARAM:
        return refuse(d, "a parameter");
    case EXPR_AGGREGATE:
    case EXPR_GROUPING:
        return refuse(d, "an aggregate function");
    case EXPR_WINDOW:
        return refuse(d, "a window function");
    case EXPR_SUBLINK:
        return refuse(d, "a subquery");
    case EXPR_ROW_COMPARE:
        return refuse(d, "a row comparison");
    case EXPR_WHOLE_ROW:
        return refuse(d, "a whole-row reference");
    case EXPR_CASE_TEST:
    case EXPR_DEFAULT:
    case EXPR_XMAX:
    case EXPR_CHECK_OPTION:
    case EXPR_NEXTVAL_DEFAULT:
        break;
    }
    return refuse(d, "this construct");
}

/* COLLATE is an operator of its own: what it stands behind is inside of it. */
static bool collated(struct deparse *d, const struct expr *e, bool show_implicit)
{
    static const struct expr collate = { .kind = EXPR_RELABEL };
    struct expr inside = *e;
    inside.is_collated = false;
    add(d, d->pretty ? "" : "(");
    if (!within(d, &inside, show_implicit, &collate))
        return false;
    buf_printf(&d->out, "%.*s%s", STR_FMT(collation_clause(e->collation, d->arena)), d->pretty ? "" : ")");
    return true;
}

static bool expression(struct deparse *d, const struct expr *e, bool show_implicit)
{
    if (e->is_collated)
        return collated(d, e, show_implicit);
    if (d->depth >= DEPTH_MAX)
        return err_set(d->err, SQLSTATE_STATEMENT_TOO_COMPLEX, "stack depth limit exceeded");
    d->depth++;
    bool ok = e->kind == EXPR_FUNC && is_cast(e) ? cast(d, e, show_implicit) : by_kind(d, e, show_implicit);
    d->depth--;
    return ok;
}

bool deparse_expression(const struct expr *e, const struct query *scope, const struct snapshot *snapshot,
                        const struct deparse_names *names, struct arena *arena, struct str *ret, struct err *err)
{
    struct deparse d = { .scope = scope,
                         .snapshot = snapshot,
                         .names = names,
                         .arena = arena,
                         .err = err,
                         .pretty = names && names->pretty,
                         .indent = names ? names->indent : 0 };
    buf_init(&d.out, TEXT_MAX);
    bool ok = expression(&d, e, names && names->show_implicit);
    if (ok && d.out.failed)
        ok = err_set(err, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "expression is too long");
    struct str text = ok ? arena_str(arena, buf_str(&d.out)) : (struct str){ 0 };
    buf_fini(&d.out);
    if (ok && !text.p)
        return err_oom(err);
    if (ok)
        *ret = text;
    return ok;
}
