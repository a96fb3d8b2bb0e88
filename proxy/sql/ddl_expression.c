/*
 * ddl_expression.c - defaults, checks and index expressions of DDL in both dialects; see ddl_internal.h.
 *
 * PostgreSQL's spelling goes to the catalogue, SQLite's into D1's schema. A default that only pgd1 can work out (nextval, an expression
 * finished locally) has no SQLite text: pgd1 expands defaults itself, D1's copy is for other writers.
 */
#include "proxy/sql/ddl_internal.h"

#include "proxy/catalog/declared_type.h"
#include "proxy/catalog/reg_names.h"
#include "proxy/sql/deparse.h"
#include "proxy/sql/emit.h"

static const oid_t refused_types[] = {
#define REFUSED_TYPE(type) TYPE_OID_##type,
#include "proxy/sql/refused_types.def"
#undef REFUSED_TYPE
};

bool ddl_check_type(struct ddl *d, oid_t type, struct str column, int location)
{
    const struct user_type *ruled =
        snapshot_ruled_element(d->snapshot, type); /* D1 checks columns, not what is inside */
    if (ruled)
        return ddl_refuse(d, location, "Use an array of the domain's base type.",
                          "an array of domain %.*s, which has constraints,",
                          STR_FMT(snapshot_format_type(d->snapshot, ruled->oid, -1, d->arena)));
    oid_t base = snapshot_base_type(d->snapshot, type, NULL), element = snapshot_element_type(d->snapshot, base);
    oid_t scalar = element ? element : base;
    const struct pg_type *row = pg_type_by_oid(scalar);
    struct str shown = snapshot_format_type(d->snapshot, type, -1, d->arena);
    if (row && row->kind == 'p')
        return ddl_fail_at(d, -1, SQLSTATE_INVALID_TABLE_DEFINITION, "column \"%.*s\" has pseudo-type %.*s",
                           STR_FMT(column), STR_FMT(shown));
    for (size_t i = 0; i < sizeof(refused_types) / sizeof(refused_types[0]); i++)
        if (refused_types[i] == scalar)
            return ddl_refuse(d, location, "Store it as text or jsonb.", "a column of type %.*s", STR_FMT(shown));
    if (!row || row->kind != 'b')
        return ddl_refuse(d, location, "Store it as text or jsonb.", "a column of type %.*s", STR_FMT(shown));
    return true;
}

/* ---- what changes ---- */
/* Whether the text of a value depends on settings or names, so that casts through it do. */
static bool text_varies(oid_t type)
{
    switch (type) {
    case TYPE_OID_date:
    case TYPE_OID_timestamp:
    case TYPE_OID_timestamptz:
        return true;
    default:
        return is_reg_type(type);
    }
}

static bool look_for_mutable(struct expr *x, void *ctx)
{
    bool *found = ctx;
    *found |= (x->kind == EXPR_FUNC && x->call.proc->volatility != 'i') || x->kind == EXPR_SQL_VALUE ||
              x->kind == EXPR_NEXTVAL_DEFAULT ||
              (x->kind == EXPR_IO_CAST && (text_varies(x->type) || text_varies(x->args[0]->type)));
    return !*found;
}

/* As contain_mutable_functions() finds it. */
static bool is_mutable(struct expr *x)
{
    bool found = false;
    expr_walk(x, look_for_mutable, &found);
    return found;
}

/* ---- constants ---- */
bool ddl_is_conversion(const struct expr *e)
{
    return e->kind == EXPR_RELABEL || e->kind == EXPR_IO_CAST || e->kind == EXPR_TYPMOD ||
           e->kind == EXPR_DOMAIN_CHECK ||
           (e->kind == EXPR_FUNC && e->call.form != CALL_FUNCTION && e->call.form != CALL_OPERATOR && e->n_args >= 1);
}

/* Through the text of one type to the value of another: what a conversion between scalar types does, booleans and roundings apart. */
static bool convert(struct ddl *d, oid_t from, oid_t to, struct value *value)
{
    if (from == to)
        return true;
    if (from == TYPE_OID_bool || to == TYPE_OID_bool)
        return false;
    struct err ignored;
    struct buf text;
    err_init(&ignored, d->arena);
    buf_init(&text, 1 << 20);
    bool ok = type_encode(from, -1, WIRE_TEXT, value, type_settings_default(), d->arena, &text, &ignored) &&
              !text.failed &&
              type_decode(to, WIRE_TEXT, buf_str(&text), type_settings_default(), d->arena, value, &ignored);
    buf_fini(&text);
    return ok;
}

/* The value of a literal under conversions; false when it is no such thing, or another one in another time zone. */
static bool fold(struct ddl *d, const struct expr *e, struct value *ret)
{
    if (e->kind == EXPR_CONST) {
        *ret = e->constant.is_null ? value_null() : e->constant.value;
        return true;
    }
    if (!ddl_is_conversion(e) || is_mutable((struct expr *)e) || !fold(d, e->args[0], ret))
        return false;
    if (ret->class == VALUE_NULL)
        return true;
    oid_t from = snapshot_base_type(d->snapshot, e->args[0]->type, NULL),
          to = snapshot_base_type(d->snapshot, e->type, NULL);
    struct err ignored;
    err_init(&ignored, d->arena);
    if (!convert(d, from, to, ret))
        return false;
    return e->kind != EXPR_TYPMOD || type_apply_typmod(to, e->typmod, e->coercion.is_explicit, d->arena, ret, &ignored);
}

struct str ddl_sqlite_literal(struct ddl *d, const struct value *value, enum column_storage storage)
{
    switch (value->class) {
    case VALUE_NULL:
        return STR("NULL");
    case VALUE_INTEGER:
        return ddl_printf(d, "%lld", (long long)value->integer);
    case VALUE_REAL:
        if (value->real - value->real != 0) /* infinite: NaN is text in storage */
            return value->real > 0 ? STR("9e999") : STR("-9e999");
        return ddl_printf(
            d, "%.17g%s", value->real,
            value->real == (double)(int64_t)value->real && value->real < 1e15 && value->real > -1e15 ? ".0" : "");
    case VALUE_TEXT:
        if (storage == COLUMN_NUMBER)
            return value->bytes; /* numeric's canonical text is a number for SQLite too */
        return emit_text_literal(value->bytes, d->arena);
    case VALUE_BLOB:
        break;
    }
    struct buf hex;
    buf_init(&hex, 1 << 24);
    buf_add_str(&hex, STR("x'"));
    for (size_t i = 0; i < value->bytes.n; i++)
        buf_printf(&hex, "%02x", (unsigned char)value->bytes.p[i]);
    buf_add_char(&hex, '\'');
    struct str text = hex.failed ? (struct str){ 0 } : arena_str(d->arena, buf_str(&hex));
    buf_fini(&hex);
    if (!text.p)
        err_oom(d->err);
    return text;
}

/* ---- defaults that are the moment, or random ---- */
static bool is_timestamp(oid_t type)
{
    return type == TYPE_OID_timestamp || type == TYPE_OID_timestamptz;
}

/* Now, converted to nothing coarser on its way to a column of this type. */
static bool is_moment(const struct expr *e, oid_t type)
{
    for (; ddl_is_conversion(e); e = e->args[0])
        if (is_timestamp(type) && !is_timestamp(e->type))
            return false;
    if (is_timestamp(type) && !is_timestamp(e->type))
        return false;
    if (e->kind == EXPR_SQL_VALUE)
        return e->sql_value.function <= SQLVALUE_LOCALTIMESTAMP;
    if (e->kind != EXPR_FUNC)
        return false;
    if (strcmp(e->call.proc->source, "timestamptz_zone") == 0) /* now() AT TIME ZONE 'utc' */
        return e->args[0]->kind == EXPR_CONST && e->args[0]->constant.value.class == VALUE_TEXT &&
               str_eq_nocase(e->args[0]->constant.value.bytes, STR("utc")) && is_moment(e->args[1], type);
    return strcmp(e->call.proc->source, "now") == 0 || strcmp(e->call.proc->source, "statement_timestamp") == 0 ||
           strcmp(e->call.proc->source, "clock_timestamp") == 0;
}

/* now() AT TIME ZONE 'utc', which is another moment where the session's zone is another. */
static bool names_zone(const struct expr *e)
{
    while (ddl_is_conversion(e))
        e = e->args[0];
    return e->kind == EXPR_FUNC && strcmp(e->call.proc->source, "timestamptz_zone") == 0;
}

static struct str moment_text(oid_t type)
{
    switch (type) {
    case TYPE_OID_timestamp:
    case TYPE_OID_timestamptz:
        return STR("CURRENT_TIMESTAMP");
    case TYPE_OID_date:
        return STR("CURRENT_DATE");
    case TYPE_OID_time:
        return STR("CURRENT_TIME");
    default:
        return (struct str){ 0 };
    }
}

static const char random_uuid[] =
    "(lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-4' || substr(hex(randomblob(2)), 2) || '-' ||"
    " substr('89ab', 1 + (random() & 3), 1) || substr(hex(randomblob(2)), 2) || '-' || hex(randomblob(6))))";

static bool is_random_uuid(const struct expr *e)
{
    while (ddl_is_conversion(e))
        e = e->args[0];
    return e->kind == EXPR_FUNC && strcmp(e->call.proc->source, "gen_random_uuid") == 0;
}

/* ---- printing ---- */
static bool analyze(struct ddl *d, const struct ddl_expression *e, struct ddl_printed *ret)
{
    struct analyze_context context = d->analyze;
    if (d->unplaced)
        context.text = (struct str){ 0 };
    if (e->node)
        return analyze_expression(&context, e->node, e->relation, e->what, e->type, e->typmod, &ret->expr, &ret->scope);
    return analyze_expression_text(&d->analyze, e->source, e->relation, e->what, e->type, e->typmod, &ret->expr,
                                   &ret->scope);
}

static bool is_generated(const struct ddl_expression *e)
{
    return e->what && e->relation && e->node && strncmp(e->what, "column ", 7) == 0;
}

bool ddl_print(struct ddl *d, const struct ddl_expression *e, bool local_ok, struct ddl_printed *ret)
{
    struct ddl_printed printed = { 0 };
    struct err refused;
    err_init(&refused, d->arena);
    if (!analyze(d, e, &printed) ||
        !deparse_expression(printed.expr, printed.scope, d->snapshot, NULL, d->arena, &printed.postgres, d->err))
        return false;
    if (is_generated(e) && is_mutable(printed.expr))
        return ddl_fail_at(d, -1, SQLSTATE_INVALID_OBJECT_DEFINITION, "generation expression is not immutable");
    bool is_index = e->what && strncmp(e->what, "index", 5) == 0;
    if (is_index && is_mutable(printed.expr))
        return ddl_fail_at(d, -1, SQLSTATE_INVALID_OBJECT_DEFINITION, "functions in %s must be marked IMMUTABLE",
                           e->what);
    if (!(is_index ? emit_ddl_index_expression : emit_ddl_expression)(printed.expr, printed.scope, d->settings,
                                                                      d->snapshot, d->arena, &printed.sqlite,
                                                                      local_ok ? &refused : d->err)) {
        printed.sqlite = (struct str){ 0 };
        if (!local_ok || refused.code != SQLSTATE_FEATURE_NOT_SUPPORTED) {
            if (local_ok)
                err_copy(d->err, &refused);
            return false;
        }
    }
    if (is_index &&
        !emit_ddl_index_guard(printed.expr, printed.scope, d->settings, d->snapshot, d->arena, &printed.guard, d->err))
        return false;
    if (str_eq(printed.guard, printed.sqlite))
        printed.guard = (struct str){ 0 };
    *ret = printed;
    return true;
}

bool ddl_resolve_default(struct ddl *d, struct new_table *table, struct new_column *column)
{
    (void)table;
    struct ddl_printed printed;
    struct value value;
    struct column *c = &column->column;
    oid_t base = snapshot_base_type(d->snapshot, c->type, NULL);
    if (!ddl_print(d, &column->default_expression, true, &printed))
        return false;
    if (printed.expr->kind == EXPR_CONST && printed.expr->constant.is_null) { /* as PostgreSQL: no default at all */
        column->has_default = false;
        return true;
    }
    c->default_text = printed.postgres;
    if (fold(d, printed.expr, &value)) {
        column->sqlite_default = ddl_sqlite_literal(d, &value, c->storage);
        column->default_is_constant = true;
        return column->sqlite_default.p != NULL;
    }
    bool is_now = is_moment(printed.expr, base);
    column->default_varies = is_mutable(printed.expr) && !(is_now && !names_zone(printed.expr));
    if (is_now) {
        column->sqlite_default = moment_text(base);
    } else if (is_random_uuid(printed.expr) &&
               (base == TYPE_OID_uuid || base == TYPE_OID_text || base == TYPE_OID_varchar)) {
        column->sqlite_default = str_from(random_uuid);
        column->default_varies = false;
    } else if (printed.sqlite.n) {
        column->sqlite_default = ddl_printf(d, "(%.*s)", STR_FMT(printed.sqlite));
    }
    return true;
}

/* SQLite's DEFAULT says what PostgreSQL's says now: an ALTER that leaves the table as it is tells the side catalogue only. */
static bool renew_default(struct ddl *d, struct new_table *table, struct new_column *column)
{
    struct column *c = &column->column;
    if (c->default_is_foreign)
        return true;
    column->sqlite_default = STR("");
    column->default_expression =
        (struct ddl_expression){ .source = c->default_text, .type = c->type, .typmod = c->typmod, .what = "default" };
    if (c->default_text.n && !ddl_resolve_default(d, table, column))
        return false;
    if (c->sequence.n || (c->default_text.n && !column->sqlite_default.n))
        return ddl_refuse(d, -1, "Give the column a constant as its default.",
                          "SET DEFAULT of a foreign key over column \"%.*s\", whose default SQLite cannot compute,",
                          STR_FMT(c->name));
    return true;
}

bool ddl_settle_key_defaults(struct ddl *d, struct new_table *table)
{
    for (size_t i = 0; i < table->n_constraints; i++) {
        const struct constraint *key = &table->constraints[i].constraint;
        bool sets = key->kind == 'f' && (key->on_delete == 'd' || key->on_update == 'd');
        for (size_t k = 0; sets && !table->constraints[i].dropped && k < key->n_columns; k++) {
            struct new_column *column = &table->columns[key->columns[k] - 1];
            table->rebuild |= column->changed;
            if ((table->rebuild || !column->old) && !renew_default(d, table, column))
                return false;
        }
    }
    return true;
}

struct only {
    int column;
    bool several;
};

static bool note_column(struct expr *e, void *ctx)
{
    struct only *only = ctx;
    if (e->kind != EXPR_VAR)
        return true;
    only->several |= only->column >= 0 && only->column != e->var.column;
    only->column = e->var.column;
    return true;
}

struct str ddl_only_column(const struct expr *e, const struct query *scope)
{
    struct only only = { .column = -1 };
    expr_walk((struct expr *)e, note_column, &only);
    return only.column < 0 || only.several || scope->n_rtable == 0 ? STR("")
                                                                   : scope->rtable[0].columns[only.column].name;
}
