/* analyze.c - entry points, parameters, positions, walking; see analyze.h. */
#include "proxy/sql/analyze_internal.h"

#include <pg_query.h>

int analyze_position(struct str text, int location)
{
    if (location < 0 || (size_t)location > text.n || !text.p)
        return 0;
    return 1 + (int)str_characters((struct str){ text.p, (size_t)location });
}

bool fail_at(A *a, int location, enum sqlstate code, const char *format, ...)
{
    if (err_is_set(a->err))
        return false;
    va_list args;
    va_start(args, format);
    struct str text = arena_vprintf(a->err->arena, format, args);
    va_end(args);
    err_set(a->err, code, "%.*s", STR_FMT(text));
    return err_at(a->err, analyze_position(a->text, location));
}

bool unsupported_at(A *a, int location, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct str what = arena_vprintf(a->err->arena, format, args);
    va_end(args);
    return fail_at(a, location, SQLSTATE_FEATURE_NOT_SUPPORTED, "%.*s is not supported", STR_FMT(what));
}

bool check_schema(A *a, struct str schema, int location)
{
    static const char *const always[] = { "pg_catalog", "information_schema", "pgd1", "pg_temp", "pg_toast" };
    bool found = !schema.n;
    for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
        found = found || str_is(schema, always[i]);
    for (size_t i = 0; i < a->snapshot->n_schemas; i++)
        found = found || str_eq(a->snapshot->schemas[i], schema);
    return found ||
           fail_at(a, location, SQLSTATE_INVALID_SCHEMA_NAME, "schema \"%.*s\" does not exist", STR_FMT(schema));
}

bool enter(A *a)
{
    if (a->depth >= ANALYZE_MAX_DEPTH)
        return fail_at(a, -1, SQLSTATE_STATEMENT_TOO_COMPLEX, "stack depth limit exceeded");
    a->depth++;
    return true;
}

void *analyze_alloc(A *a, size_t n, size_t size)
{
    void *p = arena_array(a->arena, n, size);
    if (!p)
        err_oom(a->err);
    return p;
}

bool grow_array(A *a, void **array, size_t n, size_t size)
{
    if (n && (n & (n - 1)))
        return true; /* room is left: capacity is the next power of two */
    void *more = analyze_alloc(a, n ? n * 2 : 1, size);
    if (!more)
        return false;
    if (n)
        memcpy(more, *array, n * size);
    *array = more;
    return true;
}

struct expr *expr_new(A *a, enum expr_kind kind, oid_t type, int32_t typmod, int location)
{
    struct expr *e = NEW(a, struct expr);
    if (e)
        *e = (struct expr){ .kind = kind, .type = type, .typmod = typmod, .location = location };
    return e;
}

struct str node_string(const Node *n)
{
    return n->node_case == PG_QUERY__NODE__NODE_STRING ? str_from(n->string->sval) : (struct str){ 0 };
}

struct str dotted_names(A *a, Node *const *names, size_t n)
{
    struct str text = { 0 };
    for (size_t i = 0; i < n; i++) {
        struct str name = names[i]->node_case == PG_QUERY__NODE__NODE_A_STAR ? STR("*") : node_string(names[i]);
        text = arena_printf(a->arena, "%.*s%s%.*s", STR_FMT(text), i ? "." : "", STR_FMT(name));
    }
    return text;
}

bool check_database(A *a, Node *const *names, size_t n, int location)
{
    return !a->settings->database.n || str_eq(node_string(names[0]), a->settings->database) ||
           fail_at(a, location, SQLSTATE_FEATURE_NOT_SUPPORTED, "cross-database references are not implemented: %.*s",
                   STR_FMT(dotted_names(a, names, n)));
}

bool name_parts(A *a, Node *const *names, size_t n, int location, struct str *ret_schema, struct str *ret_name)
{
    *ret_schema = (struct str){ 0 };
    if (n == 3) { /* database.schema.name */
        if (!check_database(a, names, n, location))
            return false;
        names++;
        n--;
    }
    if (n == 0 || n > 2)
        return fail_at(a, location, SQLSTATE_SYNTAX_ERROR, "improper qualified name (too many dotted names): %.*s",
                       STR_FMT(dotted_names(a, names, n)));
    if (n == 2)
        *ret_schema = node_string(names[0]);
    *ret_name = node_string(names[n - 1]);
    return true;
}

bool analyze_relation_name(A *a, const PgQuery__RangeVar *name, bool missing_ok, const struct relation **ret)
{
    struct str schema = str_from(name->schemaname), table = str_from(name->relname),
               database = str_from(name->catalogname);
    if (database.n && a->settings->database.n && !str_eq(database, a->settings->database))
        return fail_at(a, name->location, SQLSTATE_FEATURE_NOT_SUPPORTED,
                       "cross-database references are not implemented: \"%.*s.%.*s.%.*s\"", STR_FMT(database),
                       STR_FMT(schema), STR_FMT(table));
    *ret = snapshot_relation(a->snapshot, a->settings->search_path, a->settings->n_search_path, schema, table);
    if (*ret || missing_ok)
        return true;
    if (schema.n)
        return fail_at(a, name->location, SQLSTATE_UNDEFINED_TABLE, "relation \"%.*s.%.*s\" does not exist",
                       STR_FMT(schema), STR_FMT(table));
    return fail_at(a, name->location, SQLSTATE_UNDEFINED_TABLE, "relation \"%.*s\" does not exist", STR_FMT(table));
}

static bool check_params(A *a)
{
    for (size_t i = 0; i < a->n_params; i++) {
        if (a->param_types[i] == 0 || a->param_types[i] == TYPE_OID_unknown)
            return fail_at(a, -1, SQLSTATE_INDETERMINATE_DATATYPE, "could not determine data type of parameter $%zu",
                           i + 1);
    }
    return true;
}

bool analyze_statement(A *a, const Node *raw, struct query **ret)
{
    struct query *q = transform_any_query(a, NULL, raw);
    if (!q || !check_params(a))
        return false;
    if (err_is_set(&a->late)) {
        err_copy(a->err, &a->late);
        return false;
    }
    *ret = q;
    return true;
}

static bool refuse_type(A *a, const struct expr *e, const char *what, oid_t target_type)
{
    struct str wanted = type_text(a, target_type, -1), given = type_text(a, e->type, -1);
    const char *clause = strcmp(what, "CHECK constraint") == 0  ? "CHECK"
                         : strcmp(what, "index predicate") == 0 ? "WHERE"
                                                                : NULL;
    if (clause)
        return fail_at(a, e->location, SQLSTATE_DATATYPE_MISMATCH, "argument of %s must be type %.*s, not type %.*s",
                       clause, STR_FMT(wanted), STR_FMT(given));
    fail_at(a, -1, SQLSTATE_DATATYPE_MISMATCH, "%s is of type %.*s but default expression is of type %.*s", what,
            STR_FMT(wanted), STR_FMT(given));
    return err_hint(a->err, "You will need to rewrite or cast the expression.");
}

bool analyze_expression(A *a, const Node *raw, const struct relation *relation, const char *what, oid_t target_type,
                        int32_t target_typmod, struct expr **ret, struct query **ret_scope)
{
    struct query *q = NEW(a, struct query);
    struct scope s = { .query = q, .place = PLACE_STANDALONE, .standalone_what = what };
    if (!q)
        return false;
    if (relation) {
        int rte = add_rte_for_relation(a, &s, relation, relation->name, false);
        if (rte < 0 || !add_name(a, &s, rte, true, true))
            return false;
    }
    bool saved = a->params_allowed;
    a->params_allowed = false;
    struct expr *e = transform_expr(a, &s, raw);
    a->params_allowed = saved;
    const struct expr *set = e && what && q->has_set_returning ? set_returning_call(e) : NULL;
    if (set)
        return fail_at(a, set->location, SQLSTATE_FEATURE_NOT_SUPPORTED,
                       "set-returning functions are not allowed in %ss", standalone_place(&s));
    if (!e)
        return false;
    if (target_type) {
        struct expr *c;
        if (!coerce_to_target(a, e, target_type, target_typmod, COERCION_ASSIGNMENT, -1, &c))
            return false;
        if (!c)
            return refuse_type(a, e, what, target_type);
        e = c;
    } else if (e->type == TYPE_OID_unknown &&
               !(e = coerce_type(a, e, TYPE_OID_text, -1, COERCION_IMPLICIT, false, -1))) {
        return false;
    }
    *ret = e;
    *ret_scope = q;
    return true;
}

bool analyze_assignable(const struct snapshot *snapshot, oid_t source, oid_t target, struct arena *arena)
{
    struct err ignored;
    A a = { .snapshot = snapshot, .arena = arena, .err = &ignored };
    err_init(&ignored, arena);
    return can_coerce(&a, 1, &source, &target, COERCION_ASSIGNMENT);
}

/* A stored expression stands nowhere in the client's text. */
static bool forget_location(struct expr *e, void *ctx)
{
    (void)ctx;
    e->location = -1;
    return true;
}

bool analyze_expression_text(const A *outer, struct str text, const struct relation *relation, const char *what,
                             oid_t target_type, int32_t target_typmod, struct expr **ret, struct query **ret_scope)
{
    struct sql_list list;
    struct str statement = arena_printf(outer->arena, "SELECT %.*s", STR_FMT(text));
    A inner = { .snapshot = outer->snapshot,
                .settings = outer->settings,
                .arena = outer->arena,
                .is_stored = true,
                .depth = outer->depth + 1,
                .err = outer->err };
    if (!statement.p)
        return err_oom(outer->err);
    if (!sql_parse(statement, statement.n, outer->arena, &list, outer->err))
        return false;
    const PgQuery__RawStmt *raw = list.n == 1 ? list.statements[0].raw : NULL;
    if (!raw || raw->stmt->node_case != PG_QUERY__NODE__NODE_SELECT_STMT || raw->stmt->select_stmt->n_target_list != 1)
        return err_set(outer->err, SQLSTATE_DATA_CORRUPTED,
                       "a stored expression of the catalogue is not one expression");
    if (!analyze_expression(&inner, raw->stmt->select_stmt->target_list[0]->res_target->val, relation, what,
                            target_type, target_typmod, ret, ret_scope))
        return false;
    expr_walk(*ret, forget_location, NULL);
    return true;
}

/* --- walking --- */

static void walk_list(struct expr **list, size_t n, bool (*visit)(struct expr *, void *), void *ctx)
{
    for (size_t i = 0; i < n; i++)
        expr_walk(list[i], visit, ctx);
}

static void walk_sort(struct sort_item *list, size_t n, bool (*visit)(struct expr *, void *), void *ctx)
{
    for (size_t i = 0; i < n; i++)
        expr_walk(list[i].expr, visit, ctx);
}

static void walk_window(struct window *w, bool (*visit)(struct expr *, void *), void *ctx)
{
    walk_list(w->partition, w->n_partition, visit, ctx);
    walk_sort(w->order, w->n_order, visit, ctx);
    expr_walk(w->start_offset, visit, ctx);
    expr_walk(w->end_offset, visit, ctx);
}

void expr_walk(struct expr *e, bool (*visit)(struct expr *e, void *ctx), void *ctx)
{
    if (!e || !visit(e, ctx))
        return;
    walk_list(e->args, e->n_args, visit, ctx);
    switch (e->kind) {
    case EXPR_AGGREGATE:
    case EXPR_WINDOW:
        walk_sort(e->call.order, e->call.n_order, visit, ctx);
        expr_walk(e->call.filter, visit, ctx);
        if (e->call.window)
            walk_window(e->call.window, visit, ctx);
        break;
    case EXPR_CASE:
        for (size_t i = 0; i < e->cases.n_arms; i++) {
            expr_walk(e->cases.arms[i].when, visit, ctx);
            expr_walk(e->cases.arms[i].then, visit, ctx);
        }
        expr_walk(e->cases.otherwise, visit, ctx);
        break;
    case EXPR_SUBSCRIPT:
        walk_list(e->subscript.lower, e->subscript.n_dims, visit, ctx);
        walk_list(e->subscript.upper, e->subscript.n_dims, visit, ctx);
        break;
    case EXPR_ARRAY_CAST:
        expr_walk(e->array_cast.element, visit, ctx);
        break;
    default:
        break;
    }
}

/* --- equality --- */

static bool lists_equal(struct expr *const *x, struct expr *const *y, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!x[i] != !y[i])
            return false;
        if (x[i] && !expr_equal(x[i], y[i]))
            return false;
    }
    return true;
}

static bool values_equal(const struct value *x, const struct value *y)
{
    if (x->class != y->class)
        return false;
    switch (x->class) {
    case VALUE_NULL:
        return true;
    case VALUE_INTEGER:
        return x->integer == y->integer;
    case VALUE_REAL:
        return memcmp(&x->real, &y->real, sizeof(double)) == 0;
    default:
        return str_eq(x->bytes, y->bytes);
    }
}

static bool calls_equal(const struct expr *x, const struct expr *y)
{
    if (x->call.proc != y->call.proc || x->call.distinct != y->call.distinct || x->call.star != y->call.star ||
        x->call.n_order != y->call.n_order || !x->call.filter != !y->call.filter || x->call.window != y->call.window ||
        x->call.levels_up != y->call.levels_up)
        return false;
    for (size_t i = 0; i < x->call.n_order; i++)
        if (!expr_equal(x->call.order[i].expr, y->call.order[i].expr) ||
            x->call.order[i].descending != y->call.order[i].descending)
            return false;
    return !x->call.filter || expr_equal(x->call.filter, y->call.filter);
}

static bool cases_equal(const struct expr *x, const struct expr *y)
{
    if (x->cases.n_arms != y->cases.n_arms || !expr_equal(x->cases.otherwise, y->cases.otherwise))
        return false;
    for (size_t i = 0; i < x->cases.n_arms; i++)
        if (!expr_equal(x->cases.arms[i].when, y->cases.arms[i].when) ||
            !expr_equal(x->cases.arms[i].then, y->cases.arms[i].then))
            return false;
    return true;
}

const struct expr *without_relabel(const struct expr *x)
{
    while (x && x->kind == EXPR_RELABEL)
        x = x->args[0];
    return x;
}

bool expr_equal(const struct expr *x, const struct expr *y)
{
    if (x == y)
        return true;
    if (!x || !y || x->kind != y->kind || x->type != y->type || x->n_args != y->n_args ||
        x->is_collated != y->is_collated || (x->is_collated && x->collation != y->collation) ||
        !lists_equal(x->args, y->args, x->n_args))
        return false;
    switch (x->kind) {
    case EXPR_CONST:
        return x->constant.is_null == y->constant.is_null &&
               (x->constant.is_null || values_equal(&x->constant.value, &y->constant.value));
    case EXPR_PARAM:
        return x->param.number == y->param.number;
    case EXPR_VAR:
    case EXPR_WHOLE_ROW:
        return x->var.rte == y->var.rte && x->var.column == y->var.column && x->var.levels_up == y->var.levels_up;
    case EXPR_FUNC:
    case EXPR_AGGREGATE:
    case EXPR_WINDOW:
    case EXPR_NULLIF:
    case EXPR_DISTINCT:
    case EXPR_NOT_DISTINCT:
    case EXPR_ANY_ARRAY:
    case EXPR_ALL_ARRAY:
    case EXPR_IN_LIST:
    case EXPR_NOT_IN_LIST:
        return calls_equal(x, y);
    case EXPR_CASE:
        return cases_equal(x, y);
    case EXPR_SUBLINK:
        return false;
    case EXPR_ROW_COMPARE:
        return x->row_compare.n_procs == y->row_compare.n_procs && x->row_compare.procs[0] == y->row_compare.procs[0];
    case EXPR_SUBSCRIPT:
        return x->subscript.n_dims == y->subscript.n_dims && x->subscript.is_slice == y->subscript.is_slice &&
               lists_equal(x->subscript.lower, y->subscript.lower, x->subscript.n_dims) &&
               lists_equal(x->subscript.upper, y->subscript.upper, x->subscript.n_dims);
    case EXPR_ARRAY_CAST:
        return expr_equal(x->array_cast.element, y->array_cast.element);
    case EXPR_TYPMOD:
        return x->typmod == y->typmod;
    case EXPR_SQL_VALUE:
        return x->sql_value.function == y->sql_value.function && x->sql_value.precision == y->sql_value.precision;
    default:
        return true;
    }
}
