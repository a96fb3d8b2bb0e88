/* analyze_from_function.c - functions in FROM and their column definition lists (PostgreSQL 15: transformRangeFunction, addRangeTableEntryForFunction). */
#include "proxy/sql/analyze_internal.h"

/* What a polymorphic OUT parameter is, from the arguments of the call. */
static oid_t polymorphic_output(A *a, const struct expr *f, oid_t declared)
{
    for (size_t i = 0; i < f->n_args && i < f->call.proc->n_args; i++) {
        oid_t argument = f->call.proc->args[i];
        bool array = argument == TYPE_OID_anyarray || argument == TYPE_OID_anycompatiblearray;
        if (!type_is_polymorphic(argument))
            continue;
        if (declared == argument)
            return f->args[i]->type;
        return array ? type_element(a, f->args[i]->type) : type_array(a, f->args[i]->type);
    }
    return declared;
}

/* The columns of a table, for a function that gives its rows. */
static bool table_columns(A *a, struct rte *r, const struct relation *table, size_t *ret_n)
{
    for (size_t i = 0; i < table->n_columns; i++) {
        const struct column *column = &table->columns[i];
        struct rte_column c = {
            .name = column->name, .type = column->type, .typmod = column->typmod, .collation = column->collation
        };
        if (!PUSH(a, r->columns, r->n_columns, c))
            return false;
    }
    *ret_n = table->n_columns;
    return true;
}

bool function_out_columns(A *a, struct rte *r, const struct expr *f, size_t *ret_n)
{
    struct str rest = str_from(f->call.proc->out_args);
    size_t before = r->n_columns;
    const struct relation *table = snapshot_relation_of_rows(a->snapshot, f->type);
    if (table)
        return table_columns(a, r, table, ret_n);
    while (rest.n) {
        const char *comma = memchr(rest.p, ',', rest.n), *space = memchr(rest.p, ' ', rest.n);
        size_t n = comma ? (size_t)(comma - rest.p) : rest.n;
        int64_t type = 0;
        if (!space || !str_to_int64((struct str){ space + 1, n - (size_t)(space + 1 - rest.p) }, &type))
            return fail_at(a, f->location, SQLSTATE_INTERNAL_ERROR, "columns of function %s are not known",
                           f->call.proc->name);
        struct rte_column c = { .name = { rest.p, (size_t)(space - rest.p) }, .type = (oid_t)type, .typmod = -1 };
        if (type_is_polymorphic(c.type)) /* anyelement of the one polymorphic argument */
            c.type = polymorphic_output(a, f, c.type);
        if (!PUSH(a, r->columns, r->n_columns, c))
            return false;
        rest = comma ? (struct str){ comma + 1, rest.n - n - 1 } : (struct str){ 0 };
    }
    *ret_n = r->n_columns - before;
    return true;
}

/* A column definition list: names and types of the fields of the record that a function returns. */
static bool defined_columns(A *a, struct rte *r, Node *const *list, size_t n)
{
    size_t first = r->n_columns;
    for (size_t i = 0; i < n; i++) {
        const PgQuery__ColumnDef *d = list[i]->column_def;
        struct rte_column c = { .name = str_from(d->colname) };
        if (d->type_name->setof)
            return fail_at(a, d->location, SQLSTATE_INVALID_TABLE_DEFINITION, "column \"%s\" cannot be declared SETOF",
                           d->colname);
        if (!analyze_type_name(a, d->type_name, &c.type, &c.typmod, NULL) || !PUSH(a, r->columns, r->n_columns, c))
            return false;
    }
    for (size_t i = first; i < r->n_columns; i++)
        for (size_t k = first; k < i; k++)
            if (str_eq(r->columns[i].name, r->columns[k].name))
                return fail_at(a, -1, SQLSTATE_DUPLICATE_COLUMN, "column name \"%.*s\" specified more than once",
                               STR_FMT(r->columns[i].name));
    return true;
}

/* What a function in FROM gives, as column definition lists ask for it (PostgreSQL: TypeFuncClass). */
enum row_kind { ROW_NONE, ROW_OF_PARAMETERS, ROW_OF_TABLE, ROW_UNKNOWN };

static enum row_kind row_kind(A *a, const struct expr *f)
{
    if (f->kind == EXPR_FUNC && snapshot_relation_of_rows(a->snapshot, f->type))
        return ROW_OF_TABLE;
    if (f->kind == EXPR_FUNC && f->call.proc && f->call.proc->out_args)
        return ROW_OF_PARAMETERS;
    return f->type == TYPE_OID_record ? ROW_UNKNOWN : ROW_NONE;
}

static const char *const no_definition[] = {
    [ROW_NONE] = "a column definition list is only allowed for functions returning \"record\"",
    [ROW_OF_PARAMETERS] = "a column definition list is redundant for a function with OUT parameters",
    [ROW_OF_TABLE] = "a column definition list is redundant for a function returning a named composite type",
};

/* One function of FROM while its item is made. */
struct from_call {
    struct expr *call;
    struct str name;
    Node *const *definitions; /* its column definition list */
    size_t n_definitions;
};

/* Columns that a function in FROM gives: its OUT parameters, a column definition list, or one column. */
static bool function_columns(A *a, struct rte *r, const struct from_call *f, struct str only_name, size_t *ret_n)
{
    size_t before = r->n_columns, n_out;
    enum row_kind kind = row_kind(a, f->call);
    if (f->n_definitions && kind != ROW_UNKNOWN)
        return fail_at(a, f->definitions[0]->column_def->location, SQLSTATE_SYNTAX_ERROR, "%s", no_definition[kind]);
    if (f->n_definitions) {
        if (!defined_columns(a, r, f->definitions, f->n_definitions))
            return false;
    } else if (kind == ROW_UNKNOWN) {
        return fail_at(a, f->call->location, SQLSTATE_SYNTAX_ERROR,
                       "a column definition list is required for functions returning \"record\"");
    } else if (kind != ROW_NONE) {
        if (!function_out_columns(a, r, f->call, &n_out))
            return false;
    } else {
        /* One column: the alias names it too. */
        struct rte_column c = { .name = only_name.n ? only_name : f->name,
                                .type = f->call->type,
                                .typmod = f->call->typmod };
        if (!PUSH(a, r->columns, r->n_columns, c))
            return false;
    }
    *ret_n = r->n_columns - before;
    return true;
}

struct from_calls {
    struct from_call *list;
    size_t n;
};

/* A call stands at the top of FROM: no other set is inside it. */
static bool add_call(A *a, struct scope *s, const Node *node, struct from_calls *calls)
{
    const struct expr *last = s->last_set;
    struct expr *f = transform_in(a, s, node, PLACE_FROM_FUNCTION);
    if (f && s->last_set != last && s->last_set != f)
        return fail_at(a, s->last_set->location, SQLSTATE_FEATURE_NOT_SUPPORTED,
                       "set-returning functions must appear at top level of FROM");
    if (f && f->type == TYPE_OID_unknown)
        f = coerce_type(a, f, TYPE_OID_text, -1, COERCION_IMPLICIT, false, -1);
    if (!f)
        return false;
    if (calls->n >= PG_PROC_ARGS_MAX)
        return unsupported_at(a, f->location, "ROWS FROM with more than %d functions", PG_PROC_ARGS_MAX);
    struct from_call call = { .call = f, .name = figure_column_name(a, node) };
    return PUSH(a, calls->list, calls->n, call);
}

/* unnest(a, b) in FROM means ROWS FROM (unnest(a), unnest(b)) */
static bool add_unnest(A *a, struct scope *s, const Node *node, struct from_calls *calls)
{
    const PgQuery__FuncCall *f = node->func_call;
    for (size_t k = 0; k < f->n_args; k++) {
        PgQuery__FuncCall *one = NEW(a, PgQuery__FuncCall);
        Node *wrapper = NEW(a, Node);
        if (!one || !wrapper)
            return false;
        *one = *f;
        one->args = f->args + k;
        one->n_args = 1;
        *wrapper = *node;
        wrapper->func_call = one;
        if (!add_call(a, s, wrapper, calls))
            return false;
    }
    return true;
}

static bool is_unnest_of_several(const Node *node, size_t n_definitions)
{
    const PgQuery__FuncCall *f = node->node_case == PG_QUERY__NODE__NODE_FUNC_CALL ? node->func_call : NULL;
    return f && f->n_funcname == 1 && str_is(node_string(f->funcname[0]), "unnest") && f->n_args > 1 &&
           !f->n_agg_order && !f->agg_filter && !f->over && !f->agg_star && !f->agg_distinct && !f->func_variadic &&
           n_definitions == 0;
}

/* One member of ROWS FROM, with its own column definition list. */
static bool add_member(A *a, struct scope *s, const PgQuery__RangeFunction *node, size_t i, struct from_calls *calls)
{
    const PgQuery__List *pair = node->functions[i]->list;
    const Node *call = pair->items[0];
    const PgQuery__List *definitions =
        pair->n_items > 1 && pair->items[1]->node_case == PG_QUERY__NODE__NODE_LIST ? pair->items[1]->list : NULL;
    size_t n = definitions ? definitions->n_items : 0;
    if (is_unnest_of_several(call, n))
        return add_unnest(a, s, call, calls);
    if (!add_call(a, s, call, calls))
        return false;
    if (n && node->n_coldeflist)
        return fail_at(a, node->coldeflist[0]->column_def->location, SQLSTATE_SYNTAX_ERROR,
                       "multiple column definition lists are not allowed for the same function");
    calls->list[calls->n - 1].definitions = n ? definitions->items : NULL;
    calls->list[calls->n - 1].n_definitions = n;
    return true;
}

/* The item's own column definition list is that of its only function. */
static bool take_definitions(A *a, const PgQuery__RangeFunction *node, struct from_calls *calls)
{
    if (!node->n_coldeflist)
        return true;
    int location = node->coldeflist[0]->column_def->location;
    if (calls->n != 1 && node->is_rowsfrom) {
        fail_at(a, location, SQLSTATE_SYNTAX_ERROR,
                "ROWS FROM() with multiple functions cannot have a column definition list");
        return err_hint(a->err, "Put a separate column definition list for each function inside ROWS FROM().");
    }
    if (calls->n != 1) {
        fail_at(a, location, SQLSTATE_SYNTAX_ERROR,
                "UNNEST() with multiple arguments cannot have a column definition list");
        return err_hint(a->err, "Use separate UNNEST() calls inside ROWS FROM(), and attach a column definition list "
                                "to each one.");
    }
    if (node->ordinality) {
        fail_at(a, location, SQLSTATE_SYNTAX_ERROR, "WITH ORDINALITY cannot be used with a column definition list");
        return err_hint(a->err, "Put the column definition list inside ROWS FROM().");
    }
    calls->list[0].definitions = node->coldeflist;
    calls->list[0].n_definitions = node->n_coldeflist;
    return true;
}

bool transform_range_function(A *a, struct scope *s, const PgQuery__RangeFunction *node, struct rte *r)
{
    struct from_calls calls = { 0 };
    *r = (struct rte){ .kind = RTE_FUNCTION, .lateral = true, .with_ordinality = node->ordinality, .in_from = true };
    s->lateral_active = true; /* whether LATERAL was written or not */
    for (size_t i = 0; i < node->n_functions; i++)
        if (!add_member(a, s, node, i, &calls))
            return false;
    s->lateral_active = false;
    if (!take_definitions(a, node, &calls) || !(r->function_columns = NEW_ARRAY(a, size_t, calls.n + 1)))
        return false;
    bool single = calls.n == 1 && node->alias;
    for (size_t i = 0; i < calls.n; i++) {
        struct str only_name = single ? str_from(node->alias->aliasname) : (struct str){ 0 };
        if (!function_columns(a, r, &calls.list[i], only_name, &r->function_columns[i]) ||
            !PUSH(a, r->functions, r->n_functions, calls.list[i].call))
            return false;
    }
    r->alias = node->alias ? str_from(node->alias->aliasname) : calls.list[0].name;
    r->has_alias = node->alias != NULL;
    struct rte_column ordinality = { .name = STR("ordinality"), .type = TYPE_OID_int8, .typmod = -1 };
    return !node->ordinality || PUSH(a, r->columns, r->n_columns, ordinality);
}
