/* analyze_func.c - function calls, aggregates, window functions (10.3; PostgreSQL 15: parse_func.c). */
#include "proxy/sql/analyze_candidates.h"
#include "proxy/sql/folding.h"

#include "proxy/catalog/extension.h"

enum { MAX_FUNCTIONS = 256, MAX_ARGS = CALL_ARGS_MAX };

struct call_args {
    struct expr *exprs[MAX_ARGS];
    oid_t types[MAX_ARGS];
    struct str names[MAX_ARGS]; /* named notation; empty: positional */
    size_t n, n_named;
    size_t n_order; /* items of ORDER BY in the call, not of WITHIN GROUP */
    bool variadic;
};

static struct str signature(A *a, struct str name, const struct call_args *args)
{
    struct str text = arena_printf(a->arena, "%.*s(", STR_FMT(name));
    for (size_t i = 0; i < args->n; i++)
        text = arena_printf(
            a->arena, "%.*s%s%.*s%s%.*s", STR_FMT(text), i ? ", " : "", STR_FMT(args->names[i]),
            args->names[i].n ? " => " : "",
            STR_FMT(args->exprs[i] ? expr_type_text(a, args->exprs[i]) : type_text(a, args->types[i], -1)));
    return arena_printf(a->arena, "%.*s)", STR_FMT(text));
}

/* Position of a parameter by name, -1. */
static int parameter_named(const struct pg_proc *p, struct str name)
{
    struct str rest = str_from(p->arg_names ? p->arg_names : "");
    for (int i = 0; i < p->n_args; i++) {
        const char *comma = rest.n ? memchr(rest.p, ',', rest.n) : NULL;
        size_t n = comma ? (size_t)(comma - rest.p) : rest.n;
        if (n && str_eq((struct str){ rest.p, n }, name))
            return i;
        rest = comma ? (struct str){ comma + 1, rest.n - n - 1 } : (struct str){ 0 };
    }
    return -1;
}

/* A candidate for this call from one row, or false: declared types in call order, variadics expanded, defaults counted. */
static bool candidate_of(A *a, const struct pg_proc *p, const struct call_args *args, struct candidate *ret)
{
    bool expands = p->variadic && !args->variadic && args->n >= p->n_args;
    oid_t *types = NEW_ARRAY(a, oid_t, args->n + 1);
    if (!types || (args->variadic && !p->variadic))
        return false;
    if (args->n_named == 0) {
        if (!expands && (args->n > p->n_args || args->n + p->n_defaults < p->n_args))
            return false;
        for (size_t i = 0; i < args->n; i++)
            types[i] =
                expands && i + 1 >= p->n_args ? (p->variadic == TYPE_OID_any ? TYPE_OID_any : p->variadic) : p->args[i];
        *ret = (struct candidate){ .row = p,
                                   .args = types,
                                   .variadic = expands && p->variadic != TYPE_OID_any,
                                   .n_defaults = (uint8_t)(expands ? 0 : p->n_args - args->n) };
        return true;
    }
    uint8_t *order = NEW_ARRAY(a, uint8_t, args->n + 1);
    bool given[MAX_ARGS] = { false };
    if (!order)
        return false;
    for (size_t i = 0; i < args->n; i++) {
        int at = args->names[i].n ? parameter_named(p, args->names[i]) : (int)i;
        if (at < 0 || at >= p->n_args || given[at])
            return false;
        given[at] = true;
        order[i] = (uint8_t)at;
        types[i] = p->args[at];
    }
    for (int i = 0; i < p->n_args; i++)
        if (!given[i] && i < p->n_args - p->n_defaults)
            return false;
    *ret = (struct candidate){ .row = p, .args = types, .n_defaults = (uint8_t)(p->n_args - args->n), .order = order };
    return true;
}

/* Among candidates of the same declared types the one without defaults and without expansion wins. */
static bool same_types(const struct candidate *x, const struct candidate *y, size_t n)
{
    return memcmp(x->args, y->args, n * sizeof(oid_t)) == 0;
}

static size_t collect_candidates(A *a, const struct pg_proc *procs, size_t n_procs, const struct call_args *args,
                                 struct candidate *list)
{
    size_t n = 0;
    for (size_t i = 0; i < n_procs && n < MAX_FUNCTIONS; i++) {
        struct candidate c;
        if (procs[i].kind == 'p' || !candidate_of(a, &procs[i], args, &c))
            continue;
        bool dropped = false;
        for (size_t k = 0; k < n && !dropped; k++) {
            if (!same_types(&list[k], &c, args->n))
                continue;
            if (c.n_defaults < list[k].n_defaults || (!c.variadic && list[k].variadic))
                list[k] = c;
            dropped = true;
        }
        if (!dropped)
            list[n++] = c;
    }
    return n;
}

static bool fail_function(A *a, struct str schema, struct str name, const struct call_args *args, bool ambiguous,
                          int location)
{
    struct str text = signature(a, name, args);
    if (schema.n)
        text = arena_printf(a->arena, "%.*s.%.*s", STR_FMT(schema), STR_FMT(text));
    if (ambiguous) {
        fail_at(a, location, SQLSTATE_AMBIGUOUS_FUNCTION, "function %.*s is not unique", STR_FMT(text));
        return err_hint(a->err,
                        "Could not choose a best candidate function. You might need to add explicit type casts.");
    }
    fail_at(a, location, SQLSTATE_UNDEFINED_FUNCTION, "function %.*s does not exist", STR_FMT(text));
    if (args->n_order > 1)
        return err_hint(a->err,
                        "No aggregate function matches the given name and argument types. Perhaps you misplaced "
                        "ORDER BY; ORDER BY must appear after all regular arguments of the aggregate.");
    return err_hint(
        a->err, "No function matches the given name and argument types. You might need to add explicit type casts.");
}

/* No schema means pg_catalog first, then what an extension brought. */
static bool is_system_schema(struct str schema)
{
    return !schema.n || str_is(schema, "pg_catalog") || str_is(schema, "pgd1") || str_is(schema, "information_schema");
}

static const struct pg_proc *procs_of(A *a, struct str schema, struct str name, size_t *ret_n)
{
    *ret_n = 0;
    const struct pg_proc *procs = is_system_schema(schema) ? pg_procs_by_name(name, ret_n) : NULL;
    return *ret_n ? procs : extension_procs(a->snapshot, schema, name, ret_n);
}

/* func_get_detail: an exact match first, then f(x) as a cast, then the best candidate. NULL with *ret_cast set: a cast. */
static bool resolve(A *a, struct str schema, struct str name, struct call_args *args, int location,
                    struct candidate *ret, oid_t *ret_cast)
{
    size_t n_procs;
    struct candidate list[MAX_FUNCTIONS], *chosen = NULL;
    const struct pg_proc *procs = procs_of(a, schema, name, &n_procs);
    size_t n = collect_candidates(a, procs, n_procs, args, list);
    *ret_cast = 0;
    for (size_t i = 0; i < n && !chosen; i++)
        if (memcmp(list[i].args, args->types, args->n * sizeof(oid_t)) == 0)
            chosen = &list[i];
    if (!chosen && args->n == 1 && args->n_named == 0) {
        oid_t target =
            snapshot_type(a->snapshot, a->settings->search_path, a->settings->n_search_path, (struct str){ 0 }, name);
        const struct pg_proc *proc;
        bool relabels = false;
        if (target) {
            bool literal = args->types[0] == TYPE_OID_unknown && args->exprs[0]->kind == EXPR_CONST;
            enum coercion_path path =
                literal ? PATH_NONE : coercion_pathway(a, target, args->types[0], COERCION_EXPLICIT, &proc);
            relabels =
                literal || path == PATH_RELABEL ||
                (path == PATH_IO && !(type_category(a, target, NULL) == 'S' && args->types[0] == TYPE_OID_record));
        }
        if (relabels) {
            *ret_cast = target;
            return true;
        }
    }
    bool ambiguous = false;
    if (!chosen && n) {
        size_t matching = candidates_match(a, args->n, args->types, list, n);
        if (matching == 1)
            chosen = &list[0];
        else if (matching > 1 && !(chosen = candidates_select(a, args->n, args->types, list, matching)))
            ambiguous = true;
    }
    if (!chosen)
        return fail_function(a, schema, name, args, ambiguous, location);
    *ret = *chosen;
    return true;
}

/* Fills in defaults and named order: args in the function's own order. */
static bool complete_args(A *a, const struct candidate *c, struct call_args *args)
{
    const struct pg_proc *p = c->row;
    if (c->order) {
        struct call_args ordered = *args;
        bool given[MAX_ARGS] = { false };
        for (size_t i = 0; i < args->n; i++) {
            ordered.exprs[c->order[i]] = args->exprs[i];
            ordered.types[c->order[i]] = args->types[i];
            given[c->order[i]] = true;
        }
        for (size_t i = 0; i < p->n_args; i++)
            if (!given[i])
                ordered.exprs[i] = NULL;
        ordered.n = p->n_args;
        *args = ordered;
    } else {
        for (size_t i = args->n; i < p->n_args && c->n_defaults; i++)
            args->exprs[args->n++] = NULL;
    }
    struct str rest = str_from(p->defaults ? p->defaults : "");
    for (size_t i = 0; i < args->n; i++) {
        bool has_default = i >= (size_t)(p->n_args - p->n_defaults) && i < p->n_args;
        struct str text = { 0 };
        if (has_default) {
            const char *end = rest.n ? memchr(rest.p, '\x1f', rest.n) : NULL;
            size_t n = end ? (size_t)(end - rest.p) : rest.n;
            text = (struct str){ rest.p, n };
            rest = end ? (struct str){ end + 1, rest.n - n - 1 } : (struct str){ 0 };
        }
        if (args->exprs[i])
            continue;
        struct query *scope;
        if (!analyze_expression_text(a, text, NULL, "function default", p->args[i], -1, &args->exprs[i], &scope))
            return false;
        args->types[i] = args->exprs[i]->type;
    }
    return true;
}

/* Coerces the arguments to what the row declares; VARIADIC arguments become one array. */
static bool coerce_args(A *a, struct expr *call, const struct candidate *c, struct call_args *args, struct str name,
                        int location)
{
    const struct pg_proc *p = c->row;
    oid_t declared[MAX_ARGS], actual[MAX_ARGS];
    size_t n_fixed = p->variadic && p->n_args ? (size_t)p->n_args - 1 : p->n_args;
    for (size_t i = 0; i < args->n; i++) {
        actual[i] = args->exprs[i]->type;
        declared[i] = i < n_fixed || args->variadic || !p->variadic ? p->args[i] : p->variadic;
    }
    call->type = generic_resolve(a, actual, declared, args->n, p->result);
    if (!call->type)
        return err_is_set(a->err) ? false : fail_function(a, (struct str){ 0 }, name, args, false, location);
    call->args = NEW_ARRAY(a, struct expr *, args->n + 1);
    if (!call->args)
        return false;
    for (size_t i = 0; i < args->n; i++) {
        call->args[i] = coerce_type(a, args->exprs[i], declared[i], -1, COERCION_IMPLICIT, false, -1);
        if (!call->args[i])
            return false;
    }
    call->n_args = args->n;
    call->call.variadic_array = args->variadic;
    if (args->variadic && p->variadic == TYPE_OID_any && !type_element(a, type_base(a, actual[args->n - 1])))
        return fail_at(a, expr_start(args->exprs[args->n - 1]), SQLSTATE_DATATYPE_MISMATCH,
                       "VARIADIC argument must be an array");
    if (!c->variadic)
        return true;
    struct expr *array = expr_new(a, EXPR_ARRAY, type_array(a, declared[args->n - 1]), -1, location);
    if (!array)
        return false;
    array->args = call->args + n_fixed;
    array->n_args = args->n - n_fixed;
    struct expr **all = NEW_ARRAY(a, struct expr *, n_fixed + 1);
    if (!all)
        return false;
    memcpy(all, call->args, n_fixed * sizeof(*all));
    all[n_fixed] = array;
    call->args = all;
    call->n_args = n_fixed + 1;
    call->call.variadic_array = true;
    return true;
}

struct expr *make_function_call(A *a, struct str schema, struct str name, struct expr **exprs, size_t n, int location)
{
    struct call_args args = { .n = n };
    struct candidate chosen;
    oid_t cast;
    (void)schema;
    if (n > MAX_ARGS)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        args.exprs[i] = exprs[i];
        args.types[i] = exprs[i]->type;
    }
    if (!resolve(a, schema, name, &args, location, &chosen, &cast))
        return NULL;
    struct expr *e = NULL;
    if (cast)
        return coerce_to_target(a, exprs[0], cast, -1, COERCION_EXPLICIT, location, &e) ? e : NULL;
    e = expr_new(a, EXPR_FUNC, 0, -1, location);
    if (!e || !complete_args(a, &chosen, &args))
        return NULL;
    e->call.proc = chosen.row;
    return coerce_args(a, e, &chosen, &args, name, location) ? e : NULL;
}

/* --- where aggregates and windows may stand --- */

static const struct {
    const char *aggregate; /* message when an aggregate stands here, NULL: allowed */
    const char *window;
} places[PLACE_NR] = {
    [PLACE_WHERE] = { "aggregate functions are not allowed in WHERE", "window functions are not allowed in WHERE" },
    [PLACE_JOIN_ON] = { "aggregate functions are not allowed in JOIN conditions",
                        "window functions are not allowed in JOIN conditions" },
    [PLACE_GROUP_BY] = { "aggregate functions are not allowed in GROUP BY",
                         "window functions are not allowed in GROUP BY" },
    [PLACE_HAVING] = { NULL, "window functions are not allowed in HAVING" },
    [PLACE_LIMIT] = { "aggregate functions are not allowed in LIMIT", "window functions are not allowed in LIMIT" },
    [PLACE_OFFSET] = { "aggregate functions are not allowed in OFFSET", "window functions are not allowed in OFFSET" },
    [PLACE_FILTER] = { "aggregate functions are not allowed in FILTER", "window functions are not allowed in FILTER" },
    [PLACE_WINDOW_PARTITION] = { NULL, "window functions are not allowed in window definitions" },
    [PLACE_WINDOW_ORDER] = { NULL, "window functions are not allowed in window definitions" },
    [PLACE_WINDOW_FRAME] = { NULL, "window functions are not allowed in window definitions" },
    [PLACE_VALUES] = { "aggregate functions are not allowed in VALUES", "window functions are not allowed in VALUES" },
    [PLACE_SET] = { "aggregate functions are not allowed in UPDATE", "window functions are not allowed in UPDATE" },
    [PLACE_RETURNING] = { "aggregate functions are not allowed in RETURNING",
                          "window functions are not allowed in RETURNING" },
    [PLACE_FROM_FUNCTION] = { "aggregate functions are not allowed in functions in FROM",
                              "window functions are not allowed in functions in FROM" },
    [PLACE_FROM_SUBQUERY] = { "aggregate functions are not allowed in FROM clause of their own query level", NULL },
    [PLACE_MERGE_WHEN] = { "aggregate functions are not allowed in MERGE WHEN conditions",
                           "window functions are not allowed in MERGE WHEN conditions" },
    [PLACE_INDEX_EXPRESSION] = { "aggregate functions are not allowed in index expressions",
                                 "window functions are not allowed in index expressions" },
    [PLACE_INDEX_PREDICATE] = { "aggregate functions are not allowed in index predicates",
                                "window functions are not allowed in index predicates" },
};

struct level_search {
    int level;    /* lowest levels_up of any variable; INT32_MAX: none */
    int location; /* of the first one */
};

static bool level_visit(struct expr *e, void *ctx)
{
    struct level_search *s = ctx;
    if ((e->kind == EXPR_VAR || e->kind == EXPR_WHOLE_ROW) && e->var.levels_up < s->level) {
        s->level = e->var.levels_up;
        s->location = e->location;
    }
    if (e->kind == EXPR_SUBLINK)
        s->level = 0; /* a subquery in an argument: taken as this level's own */
    return true;
}

/* What PostgreSQL calls the place of an expression on its own; messages about types name the column instead. */
const char *standalone_place(const struct scope *s)
{
    bool generated = s->query->n_rtable > 0;
    if (strcmp(s->standalone_what, "CHECK constraint") == 0)
        return "check constraint";
    if (strncmp(s->standalone_what, "column ", 7) == 0)
        return generated ? "column generation expression" : "DEFAULT expression";
    return strcmp(s->standalone_what, "default") == 0 || strcmp(s->standalone_what, "domain default") == 0
               ? "DEFAULT expression"
               : s->standalone_what;
}

static bool place_allows(A *a, struct scope *s, bool window, int location)
{
    const char *message = window ? places[s->place].window : places[s->place].aggregate;
    enum sqlstate code = window ? SQLSTATE_WINDOWING_ERROR : SQLSTATE_GROUPING_ERROR;
    if (s->place == PLACE_STANDALONE) {
        if (s->standalone_what)
            return fail_at(a, location, code, "%s functions are not allowed in %ss", window ? "window" : "aggregate",
                           standalone_place(s));
        return true;
    }
    return message ? fail_at(a, location, code, "%s", message) : true;
}

/* unknown_stays: what has no type yet takes it from the function that the order belongs to. */
static bool order_items(A *a, struct scope *s, Node *const *list, size_t n, bool unknown_stays, struct sort_item **ret,
                        size_t *ret_n)
{
    struct sort_item *items = NEW_ARRAY(a, struct sort_item, n + 1);
    if (!items)
        return false;
    for (size_t i = 0; i < n; i++) {
        const PgQuery__SortBy *by = list[i]->sort_by;
        struct expr *e = transform_expr(a, s, by->node);
        if (e && e->type == TYPE_OID_unknown && !unknown_stays)
            e = coerce_type(a, e, TYPE_OID_text, -1, COERCION_IMPLICIT, false, -1);
        if (!e || !expr_has_order(a, e, "ordering", raw_location(by->node)))
            return false;
        bool descending = by->sortby_dir == PG_QUERY__SORT_BY_DIR__SORTBY_DESC;
        items[i] = (struct sort_item){ .expr = e, .descending = descending, .nulls_first = descending };
        if (by->sortby_nulls == PG_QUERY__SORT_BY_NULLS__SORTBY_NULLS_FIRST)
            items[i].nulls_first = true;
        if (by->sortby_nulls == PG_QUERY__SORT_BY_NULLS__SORTBY_NULLS_LAST)
            items[i].nulls_first = false;
        if (by->sortby_dir == PG_QUERY__SORT_BY_DIR__SORTBY_USING)
            return unsupported_at(a, by->location, "ORDER BY USING");
    }
    *ret = items;
    *ret_n = n;
    return true;
}

bool transform_order(A *a, struct scope *s, Node *const *list, size_t n, struct sort_item **ret, size_t *ret_n)
{
    return order_items(a, s, list, n, false, ret, ret_n);
}

/* --- windows --- */

static struct window *named_window(A *a, struct scope *s, struct str name, int location)
{
    for (size_t i = 0; i < s->n_windows; i++)
        if (str_eq(s->window_names[i], name))
            return s->windows[i];
    fail_at(a, location, SQLSTATE_UNDEFINED_OBJECT, "window \"%.*s\" does not exist", STR_FMT(name));
    return NULL;
}

struct window *transform_window(A *a, struct scope *s, const PgQuery__WindowDef *def)
{
    struct window *w = NEW(a, struct window);
    if (!w)
        return NULL;
    if (def->refname && *def->refname) {
        struct window *base = named_window(a, s, str_from(def->refname), def->location);
        if (!base)
            return NULL;
        if (def->n_partition_clause) {
            fail_at(a, def->location, SQLSTATE_WINDOWING_ERROR, "cannot override PARTITION BY clause of window \"%s\"",
                    def->refname);
            return NULL;
        }
        if (def->n_order_clause && base->n_order) {
            fail_at(a, def->location, SQLSTATE_WINDOWING_ERROR, "cannot override ORDER BY clause of window \"%s\"",
                    def->refname);
            return NULL;
        }
        if (base->has_frame) {
            fail_at(a, def->location, SQLSTATE_WINDOWING_ERROR,
                    "cannot copy window \"%s\" because it has a frame clause", def->refname);
            if (!(def->name && *def->name) && !def->n_order_clause && !has_frame_clause(def))
                err_hint(a->err, "Omit the parentheses in this OVER clause.");
            return NULL;
        }
        w->partition = base->partition, w->n_partition = base->n_partition;
        w->order = base->order, w->n_order = base->n_order;
    }
    enum expr_place saved = s->place;
    s->place = PLACE_WINDOW_PARTITION;
    for (size_t i = 0; i < def->n_partition_clause; i++) {
        struct expr *e = transform_expr(a, s, def->partition_clause[i]);
        if (!e || !expr_has_order(a, e, "equality", raw_location(def->partition_clause[i])) ||
            !PUSH(a, w->partition, w->n_partition, e))
            return NULL;
    }
    s->place = PLACE_WINDOW_ORDER;
    if (def->n_order_clause && !transform_order(a, s, def->order_clause, def->n_order_clause, &w->order, &w->n_order))
        return NULL;
    s->place = saved;
    return transform_frame(a, s, def, w) ? w : NULL;
}

/* --- the call itself --- */

static const struct expr *without_implicit_casts(const struct expr *x)
{
    while (((x->kind == EXPR_RELABEL || x->kind == EXPR_IO_CAST || x->kind == EXPR_ARRAY_CAST) &&
            !x->coercion.is_explicit && x->n_args == 1) ||
           (x->kind == EXPR_FUNC && x->call.form == CALL_IMPLICIT_CAST))
        x = x->args[0];
    return x;
}

/* agg(DISTINCT a ORDER BY b): b is one of the arguments. */
static bool orders_arguments(A *a, const struct expr *call)
{
    for (size_t i = 0; call->call.distinct && !call->call.within_group && i < call->call.n_order; i++) {
        const struct expr *by = call->call.order[i].expr;
        size_t k = 0;
        while (k < call->n_args && !expr_equal(without_implicit_casts(call->args[k]), by))
            k++;
        if (k == call->n_args)
            return fail_at(a, expr_start(by), SQLSTATE_INVALID_COLUMN_REFERENCE,
                           "in an aggregate with DISTINCT, ORDER BY expressions must appear in argument list");
    }
    return true;
}

static bool collect_args(A *a, struct scope *s, const PgQuery__FuncCall *call, struct call_args *args)
{
    if (call->n_args > MAX_ARGS)
        return fail_at(a, call->location, SQLSTATE_TOO_MANY_ARGUMENTS,
                       "cannot pass more than %d arguments to a function", MAX_ARGS);
    for (size_t i = 0; i < call->n_args; i++) {
        const Node *n = call->args[i];
        if (n->node_case == PG_QUERY__NODE__NODE_NAMED_ARG_EXPR) {
            args->names[i] = str_from(n->named_arg_expr->name);
            for (size_t k = 0; k < i; k++)
                if (str_eq(args->names[k], args->names[i]))
                    return fail_at(a, n->named_arg_expr->location, SQLSTATE_SYNTAX_ERROR,
                                   "argument name \"%.*s\" used more than once", STR_FMT(args->names[i]));
            args->n_named++;
            n = n->named_arg_expr->arg;
        } else if (args->n_named) {
            return fail_at(a, raw_location(n), SQLSTATE_SYNTAX_ERROR,
                           "positional argument cannot follow named argument");
        }
        args->exprs[i] = transform_expr(a, s, n);
        if (!args->exprs[i])
            return false;
        args->types[i] = args->exprs[i]->type;
        args->n++;
    }
    args->variadic = call->func_variadic;
    return true;
}

static bool find_window(struct expr *x, void *ctx)
{
    const struct expr **found = ctx;
    if (!*found && x->kind == EXPR_WINDOW)
        *found = x;
    return !*found;
}

/* No argument may be of a window function, which is computed when the groups are there. */
static bool refuse_windows_in_call(A *a, const struct expr *e, bool is_aggregate)
{
    const struct expr *found = NULL;
    for (size_t i = 0; i < e->n_args; i++)
        expr_walk(e->args[i], find_window, &found);
    for (size_t i = 0; is_aggregate && i < e->call.n_order; i++)
        expr_walk(e->call.order[i].expr, find_window, &found);
    if (!found)
        return true;
    return is_aggregate
               ? fail_at(a, found->location, SQLSTATE_GROUPING_ERROR,
                         "aggregate function calls cannot contain window function calls")
               : fail_at(a, found->location, SQLSTATE_WINDOWING_ERROR, "window function calls cannot be nested");
}

/* check_agg_arguments(): they decide nothing about whose aggregate it is, and may not be of a query inside of that one. */
static bool check_direct(A *a, const struct expr *e, size_t n_direct, int up)
{
    for (size_t i = 0; i < n_direct; i++) {
        struct level_search direct = { INT32_MAX, expr_start(e->args[i]) };
        expr_walk(e->args[i], level_visit, &direct);
        if (direct.level < up)
            return fail_at(a, direct.location, SQLSTATE_GROUPING_ERROR,
                           "outer-level aggregate cannot contain a lower-level variable in its direct arguments");
    }
    return true;
}

/* nested: one behind the place of an aggregate of the same query inside of it, 0: there is none. */
static bool check_aggregate(A *a, struct scope *s, const PgQuery__FuncCall *call, int nested, struct expr *e)
{
    struct level_search search = { INT32_MAX, -1 };
    size_t n_direct = e->call.within_group ? e->call.n_direct : 0;
    if (!refuse_windows_in_call(a, e, true))
        return false;
    if (nested)
        return fail_at(a, nested - 1, SQLSTATE_GROUPING_ERROR, "aggregate function calls cannot be nested");
    for (size_t i = n_direct; i < e->n_args; i++)
        expr_walk(e->args[i], level_visit, &search);
    for (size_t i = 0; i < e->call.n_order; i++)
        expr_walk(e->call.order[i].expr, level_visit, &search);
    if (e->call.filter)
        expr_walk(e->call.filter, level_visit, &search);
    int up = search.level == INT32_MAX ? 0 : search.level;
    if (!check_direct(a, e, n_direct, up))
        return false;
    struct scope *at = s;
    for (int i = 0; i < up && at->parent; i++)
        at = at->parent;
    e->call.levels_up = up;
    if (!place_allows(a, at, false, call->location))
        return false;
    if (at->in_aggregate && !at->nested) /* it is the outer one that must not have it, when it is known */
        at->nested = call->location + 1;
    at->query->has_aggregates = true;
    return true;
}

/* What may not be written with a plain function. */
static bool check_plain(A *a, const PgQuery__FuncCall *call, struct str name)
{
    const char *what = call->agg_star       ? "%.*s(*) specified, but %.*s is not an aggregate function"
                       : call->agg_distinct ? "DISTINCT specified, but %.*s is not an aggregate function%.*s"
                       : call->n_agg_order && !call->agg_within_group
                           ? "ORDER BY specified, but %.*s is not an aggregate function%.*s"
                       : call->agg_within_group ? "WITHIN GROUP specified, but %.*s is not an aggregate function%.*s"
                       : call->agg_filter       ? "FILTER specified, but %.*s is not an aggregate function%.*s"
                       : call->over ? "OVER specified, but %.*s is not a window function nor an aggregate function%.*s"
                                    : NULL;
    if (!what)
        return true;
    struct str second = call->agg_star ? name : (struct str){ 0 };
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    return fail_at(a, call->location, SQLSTATE_WRONG_OBJECT_TYPE, what, STR_FMT(name), STR_FMT(second));
#pragma GCC diagnostic pop
}

static bool finish_window(A *a, struct scope *s, const PgQuery__FuncCall *call, struct expr *e)
{
    if (e->call.distinct)
        return fail_at(a, call->location, SQLSTATE_FEATURE_NOT_SUPPORTED,
                       "DISTINCT is not implemented for window functions");
    if (call->agg_within_group)
        return fail_at(a, call->location, SQLSTATE_FEATURE_NOT_SUPPORTED,
                       "OVER is not supported for ordered-set aggregate %s", e->call.proc->name);
    if (call->n_agg_order)
        return fail_at(a, call->location, SQLSTATE_FEATURE_NOT_SUPPORTED,
                       "aggregate ORDER BY is not implemented for window functions");
    if (call->agg_filter && e->call.proc->kind == 'w')
        return fail_at(a, call->location, SQLSTATE_FEATURE_NOT_SUPPORTED,
                       "FILTER is not implemented for non-aggregate window functions");
    if (!refuse_windows_in_call(a, e, false) || !place_allows(a, s, true, call->location))
        return false;
    if (call->over->name && *call->over->name)
        e->call.window = named_window(a, s, str_from(call->over->name), call->over->location);
    else
        e->call.window = transform_window(a, s, call->over);
    e->kind = EXPR_WINDOW;
    s->query->has_windows = true;
    return e->call.window != NULL && refuse_sets_in_call(a, s, e);
}

/* A call that gives a set, e, whose place and arguments have been looked at. */
static bool place_takes_set(A *a, struct scope *s, const PgQuery__FuncCall *call, struct expr *e)
{
    static const char *const refusing[PLACE_NR] = {
        [PLACE_WHERE] = "WHERE",
        [PLACE_HAVING] = "HAVING",
        [PLACE_LIMIT] = "LIMIT",
        [PLACE_OFFSET] = "OFFSET",
        [PLACE_SET] = "UPDATE",
        [PLACE_VALUES] = "VALUES",
        [PLACE_JOIN_ON] = "JOIN conditions",
        [PLACE_RETURNING] = "RETURNING",
        [PLACE_FILTER] = "FILTER",
        [PLACE_WINDOW_FRAME] = "window definitions",
        [PLACE_INDEX_EXPRESSION] = "index expressions",
        [PLACE_INDEX_PREDICATE] = "index predicates",
        [PLACE_MERGE_WHEN] = "MERGE WHEN conditions",
    };
    e->type = e->type ? e->type : e->call.proc->result;
    s->query->has_set_returning = true;
    a->has_sets = true;
    if (refusing[s->place] && !(s->place == PLACE_VALUES && s->single_row))
        return fail_at(a, call->location, SQLSTATE_FEATURE_NOT_SUPPORTED,
                       "set-returning functions are not allowed in %s", refusing[s->place]);
    for (size_t i = 0; i < e->n_args && s->place == PLACE_FROM_FUNCTION; i++)
        if (set_returning_call(e->args[i]))
            return fail_at(a, s->last_set->location, SQLSTATE_FEATURE_NOT_SUPPORTED,
                           "set-returning functions must appear at top level of FROM");
    s->last_set = e;
    return true;
}

static bool finish_kind(A *a, struct scope *s, const PgQuery__FuncCall *call, struct str name, int nested,
                        struct expr *e)
{
    const struct pg_proc *p = e->call.proc;
    if (p->returns_set && !place_takes_set(a, s, call, e))
        return false;
    if (p->kind == 'f')
        return true;
    if (p->kind == 'a' && call->n_args == 0 && !call->agg_star && !call->agg_within_group)
        return fail_at(a, call->location, SQLSTATE_WRONG_OBJECT_TYPE,
                       "%.*s(*) must be used to call a parameterless aggregate function", STR_FMT(name));
    if (p->kind == 'a') {
        const struct pg_aggregate *g = pg_aggregate_by_proc(p->oid);
        bool ordered_set = g && g->kind != 'n';
        if (!ordered_set && call->agg_within_group)
            return fail_at(a, call->location, SQLSTATE_WRONG_OBJECT_TYPE,
                           "%.*s is not an ordered-set aggregate, so it cannot have WITHIN GROUP", STR_FMT(name));
        e->call.n_direct = ordered_set ? call->n_args : 0;
    }
    if (call->over)
        return finish_window(a, s, call, e);
    e->kind = EXPR_AGGREGATE;
    return check_aggregate(a, s, call, nested, e) && refuse_sets_in_call(a, s, e);
}

/* Told before the arguments are looked at. */
static bool has_wrong_clauses(A *a, const PgQuery__FuncCall *call, const struct pg_proc *p, struct str name)
{
    if (p->kind == 'f')
        return !check_plain(a, call, name);
    if (p->kind == 'w' && !call->over) {
        fail_at(a, call->location, SQLSTATE_WRONG_OBJECT_TYPE, "window function %.*s requires an OVER clause",
                STR_FMT(name));
        return true;
    }
    const struct pg_aggregate *g = p->kind == 'a' ? pg_aggregate_by_proc(p->oid) : NULL;
    if (!g || g->kind == 'n' || call->agg_within_group)
        return false;
    fail_at(a, call->location, SQLSTATE_WRONG_OBJECT_TYPE, "WITHIN GROUP is required for ordered-set aggregate %.*s",
            STR_FMT(name));
    return true;
}

/* max(), lag() and their kin give one of their char(n) arguments, whose width tells the blanks that are not kept. PostgreSQL forgets
 * it: describe_columns() shows none. */
static void keep_width(A *a, struct expr *e)
{
    for (size_t i = 0; i < e->n_args && e->typmod < 0 && type_base(a, e->type) == TYPE_OID_bpchar; i++)
        if (e->args[i]->type == e->type || type_element(a, e->args[i]->type) == e->type)
            e->typmod = e->args[i]->typmod;
}

bool analyze_takes_precision(const struct pg_proc *proc)
{
    static const char *const sources[] = { "timestamp_scale", "timestamptz_scale", "time_scale", "timetz_scale",
                                           "interval_scale" };
    for (size_t i = 0; i < sizeof(sources) / sizeof(*sources); i++)
        if (strcmp(proc->source, sources[i]) == 0)
            return true;
    return false;
}

/*
 * TemporalSimplify(): timestamp(column, n) that cannot round anything, as n is negative, six or more than the column keeps, becomes the
 * column with n for its length when PostgreSQL plans, whatever n is. Of a constant it is computed before.
 */
static void needless_precision(struct expr *e)
{
    enum { MAX_PRECISION = 6 };
    if (e->n_args != 2 || !analyze_takes_precision(e->call.proc))
        return;
    const struct expr *precision = e->args[1];
    int32_t kept = e->args[0]->typmod;
    if (precision->kind != EXPR_CONST || precision->constant.is_null)
        return;
    int32_t n = (int32_t)precision->constant.value.integer;
    bool has_fields = strcmp(e->call.proc->source, "interval_scale") == 0; /* its length says which, too */
    if (!folding_is_constant(e->args[0]) &&
        (n < 0 || (!has_fields && (n == MAX_PRECISION || (kept >= 0 && n >= kept)))))
        e->typmod = n;
}

/* rank(x) WITHIN GROUP (ORDER BY y): each x and its y take a type in common. */
static bool unify_hypothetical(A *a, const struct pg_proc *p, struct call_args *args, size_t n_order, int location)
{
    const struct pg_aggregate *g = p->kind == 'a' ? pg_aggregate_by_proc(p->oid) : NULL;
    if (!g || g->kind != 'h')
        return true;
    if (args->n != 2 * n_order) {
        struct str name = str_from(p->name);
        fail_at(a, location, SQLSTATE_UNDEFINED_FUNCTION, "function %.*s does not exist",
                STR_FMT(signature(a, name, args)));
        return err_hint(a->err,
                        "To use the hypothetical-set aggregate %.*s, the number of hypothetical direct arguments (here "
                        "%zu) must match the number of ordering columns (here %zu).",
                        STR_FMT(name), args->n - n_order, n_order);
    }
    for (size_t i = 0; i < n_order; i++) {
        struct expr **direct = &args->exprs[i], **ordered = &args->exprs[n_order + i], *both[2] = { *ordered, *direct };
        oid_t type = select_common_type(a, both, 2, "WITHIN GROUP");
        if (!type || !(*direct = coerce_to_common(a, *direct, type, "WITHIN GROUP")) ||
            !(*ordered = coerce_to_common(a, *ordered, type, "WITHIN GROUP")))
            return false;
    }
    return true;
}

/* agg(x ORDER BY y): y is looked at when the aggregate is known. */
static bool order_of_aggregate(A *a, struct scope *s, const PgQuery__FuncCall *call, struct expr *e, int *nested)
{
    if (!call->n_agg_order || call->agg_within_group || call->over || e->call.proc->kind != 'a')
        return true;
    bool in_aggregate = s->in_aggregate;
    int outer = s->nested;
    s->in_aggregate = true;
    s->nested = 0;
    bool ok = order_items(a, s, call->agg_order, call->n_agg_order, false, &e->call.order, &e->call.n_order);
    *nested = *nested ? *nested : s->nested; /* of the arguments first */
    s->in_aggregate = in_aggregate;
    s->nested = outer;
    return ok;
}

/* What stands in a call's parentheses and behind them: read before the function is chosen. */
struct call_parts {
    struct call_args args;
    struct sort_item *order; /* WITHIN GROUP */
    size_t n_order;
    struct expr *filter;
    int nested; /* location + 1 of an aggregate in its arguments; 0: none */
};

/* WITHIN GROUP: the ordered arguments follow the direct ones. */
static bool read_within_group(A *a, struct scope *s, const PgQuery__FuncCall *call, struct call_parts *p)
{
    p->args.n_order = call->agg_within_group ? 0 : call->n_agg_order;
    if (!call->agg_within_group)
        return true;
    if (!order_items(a, s, call->agg_order, call->n_agg_order, true, &p->order, &p->n_order))
        return false;
    for (size_t i = 0; i < p->n_order && p->args.n < MAX_ARGS; i++) {
        p->args.exprs[p->args.n] = p->order[i].expr;
        p->args.types[p->args.n++] = p->order[i].expr->type;
    }
    return true;
}

static bool read_filter(A *a, struct scope *s, const PgQuery__FuncCall *call, struct call_parts *p)
{
    enum expr_place place = s->place;
    if (!call->agg_filter)
        return true;
    s->place = PLACE_FILTER;
    p->filter = transform_expr(a, s, call->agg_filter);
    s->place = place;
    return p->filter && (p->filter = coerce_to_boolean(a, p->filter, "FILTER"));
}

static bool read_call(A *a, struct scope *s, const PgQuery__FuncCall *call, bool aggregate, struct call_parts *p)
{
    bool in_aggregate = s->in_aggregate, is_plain = aggregate && !call->over;
    int nested = s->nested;
    s->nested = 0;
    s->in_aggregate = in_aggregate || is_plain;
    bool ok = collect_args(a, s, call, &p->args) && read_within_group(a, s, call, p) && read_filter(a, s, call, p);
    p->nested = is_plain ? s->nested : 0;
    s->nested = p->nested || !s->nested ? nested : s->nested;
    s->in_aggregate = in_aggregate;
    return ok;
}

/* What DISTINCT and WITHIN GROUP compare has a type: count(DISTINCT $1). */
static bool settle_unknown(A *a, struct expr **arg)
{
    return (*arg)->type != TYPE_OID_unknown ||
           (*arg = coerce_type(a, *arg, TYPE_OID_text, -1, COERCION_IMPLICIT, false, -1));
}

static bool distinct_arguments(A *a, const PgQuery__FuncCall *call, struct expr *e)
{
    for (size_t i = 0; i < e->n_args; i++)
        if (!settle_unknown(a, &e->args[i]))
            return false;
    for (size_t i = 0; e->call.proc->kind == 'a' && !call->over && i < e->n_args; i++)
        if (!expr_has_order(a, e->args[i], "equality", expr_start(e->args[i])))
            return false;
    return true;
}

/* As they were coerced. */
static bool ordered_arguments(A *a, struct expr *e, const struct call_parts *p)
{
    for (size_t i = 0; i < p->n_order && i < e->n_args; i++) {
        struct expr **arg = &e->args[e->n_args - p->n_order + i];
        if (!settle_unknown(a, arg))
            return false;
        p->order[i].expr = *arg;
    }
    return true;
}

static struct expr *build_call(A *a, struct scope *s, const PgQuery__FuncCall *call, struct str name,
                               const struct candidate *chosen, struct call_parts *p)
{
    struct expr *e = expr_new(a, EXPR_FUNC, 0, -1, call->location);
    if (!e || !complete_args(a, chosen, &p->args))
        return NULL;
    e->call.proc = chosen->row;
    e->call.form = CALL_FUNCTION;
    e->call.star = call->agg_star;
    e->call.distinct = call->agg_distinct;
    e->call.within_group = call->agg_within_group;
    e->call.order = p->order;
    e->call.n_order = p->n_order;
    e->call.filter = p->filter;
    if (has_wrong_clauses(a, call, chosen->row, name) ||
        !unify_hypothetical(a, chosen->row, &p->args, p->n_order, call->location) ||
        !coerce_args(a, e, chosen, &p->args, name, call->location) || !order_of_aggregate(a, s, call, e, &p->nested) ||
        (call->agg_distinct && !distinct_arguments(a, call, e)) || !ordered_arguments(a, e, p) ||
        !finish_kind(a, s, call, name, p->nested, e) || !orders_arguments(a, e))
        return NULL;
    keep_width(a, e);
    needless_precision(e);
    return e;
}

struct expr *transform_func_call(A *a, struct scope *s, const PgQuery__FuncCall *call)
{
    struct str schema, name;
    struct call_parts parts = { 0 };
    struct candidate chosen;
    oid_t cast;
    if (!name_parts(a, call->funcname, call->n_funcname, call->location, &schema, &name))
        return NULL;
    if (is_populate_call(call)) {
        struct expr *rows = transform_populate(a, s, call);
        return rows && finish_kind(a, s, call, name, 0, rows) ? rows : NULL;
    }
    size_t n_procs;
    const struct pg_proc *procs = procs_of(a, schema, name, &n_procs);
    if (!read_call(a, s, call, n_procs && procs[0].kind == 'a', &parts) || !check_schema(a, schema, call->location))
        return NULL;
    if (!is_system_schema(schema) && !n_procs) {
        fail_function(a, schema, name, &parts.args, false, call->location);
        return NULL;
    }
    if (!resolve(a, schema, name, &parts.args, call->location, &chosen, &cast))
        return NULL;
    if (!cast)
        return build_call(a, s, call, name, &chosen, &parts);
    return check_plain(a, call, name) /* its length stays */
               ? coerce_type(a, parts.args.exprs[0], cast, -1, COERCION_EXPLICIT, true, call->location)
               : NULL;
}
