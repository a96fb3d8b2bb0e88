/*
 * analyze_composite.c - fields of composite values: (t).c, (f(x)).c, and columns of subqueries that hold a row.
 *
 * A function of the SELECT list that gives rows of several columns becomes a lateral item of FROM; its fields are columns of that item.
 */
#include "proxy/sql/analyze_internal.h"

static bool gives_rows(A *a, const struct expr *e)
{
    if (e->kind != EXPR_FUNC || e->call.form != CALL_FUNCTION)
        return false;
    return (e->call.proc->out_args && strchr(e->call.proc->out_args, ',')) ||
           snapshot_relation_of_rows(a->snapshot, e->type);
}

static struct expr *row_of(A *a, int rte, int location)
{
    struct expr *e = expr_new(a, EXPR_WHOLE_ROW, TYPE_OID_record, -1, location);
    if (e)
        e->var.rte = rte;
    return e;
}

/* An item that no name finds: made here. */
static bool is_row_item(const struct rte *r)
{
    return r->kind == RTE_FUNCTION && !r->in_from;
}

/* The item of this call, -1 on failure. PostgreSQL runs several sets of a SELECT list in lockstep, so there is one at most. */
static int row_item(A *a, struct scope *s, struct expr *call)
{
    struct query *q = s->query;
    struct rte r = { .kind = RTE_FUNCTION, .lateral = true };
    size_t n = 0;
    for (size_t i = 0; i < q->n_rtable; i++) {
        if (!is_row_item(&q->rtable[i]))
            continue;
        if (expr_equal(q->rtable[i].functions[0], call))
            return (int)i;
        unsupported_at(a, call->location, "more than one function that returns rows in a SELECT list");
        return -1;
    }
    r.function_columns = NEW_ARRAY(a, size_t, 1);
    if (!r.function_columns || !function_out_columns(a, &r, call, &n) || !PUSH(a, r.functions, r.n_functions, call))
        return -1;
    r.function_columns[0] = n;
    struct from_item *item = NEW(a, struct from_item);
    int rte = item ? add_rte(a, s, r) : -1;
    if (rte < 0)
        return -1;
    *item = (struct from_item){ .kind = FROM_RTE, .rte = rte };
    return PUSH(a, q->from, q->n_from, item) ? rte : -1;
}

bool rows_in_select_list(A *a, struct scope *s, struct expr **e)
{
    if (s->place != PLACE_SELECT_LIST || !gives_rows(a, *e))
        return true;
    int rte = row_item(a, s, *e);
    *e = rte < 0 ? NULL : row_of(a, rte, (*e)->location);
    return *e != NULL;
}

bool check_row_items(A *a, const struct query *q)
{
    for (size_t i = 0; i < q->n_rtable && (q->n_group || q->has_aggregates || q->n_grouping_sets); i++)
        if (is_row_item(&q->rtable[i]))
            return unsupported_at(a, q->rtable[i].functions[0]->location,
                                  "a function that returns rows in a SELECT list with aggregates");
    return true;
}

static int column_named(const struct rte *r, struct str name)
{
    for (size_t i = 0; i < r->n_columns; i++)
        if (str_eq(r->columns[i].name, name))
            return (int)i;
    return -1;
}

/* A column that a query computes but does not show: one more target, and one more hidden column where it is read. */
static int add_hidden_output(A *a, struct rte *r, struct expr *e)
{
    struct query *q = r->subquery;
    struct target t = { .expr = e };
    struct rte_column c = { .type = e->type, .typmod = e->typmod };
    size_t n = r->n_columns + r->n_hidden;
    for (size_t i = 0; i < q->n_targets; i++)
        if (q->targets[i].junk)
            return unsupported_at(a, e->location, "a field of a row from a subquery with ORDER BY"), -1;
    struct rte_column *columns = NEW_ARRAY(a, struct rte_column, n + 1);
    if (!columns || !PUSH(a, q->targets, q->n_targets, t))
        return -1;
    memcpy(columns, r->columns, n * sizeof(*columns));
    columns[n] = c;
    r->columns = columns;
    r->n_hidden++;
    return (int)n;
}

/* NULL with err set: in PostgreSQL's words for a value of e's type. */
static struct expr *no_field(A *a, const struct expr *e, const struct rte *named, struct str field, int location)
{
    struct str type = expr_type_text(a, e);
    if (named)
        fail_at(a, location, SQLSTATE_UNDEFINED_COLUMN, "column %.*s.%.*s does not exist", STR_FMT(named->alias),
                STR_FMT(field));
    else if (e->type != TYPE_OID_record)
        fail_at(a, location, SQLSTATE_WRONG_OBJECT_TYPE,
                "column notation .%.*s applied to type %.*s, which is not a composite type", STR_FMT(field),
                STR_FMT(type));
    else if (str_is(type, "record"))
        fail_at(a, location, SQLSTATE_UNDEFINED_COLUMN, "could not identify column \"%.*s\" in record data type",
                STR_FMT(field));
    else
        fail_at(a, location, SQLSTATE_UNDEFINED_COLUMN, "column \"%.*s\" not found in data type %.*s", STR_FMT(field),
                STR_FMT(type));
    return NULL;
}

/* What column of `q` is the field of the row that its expression e is; NULL with err set, or NULL alone when e is no row. */
static struct expr *field_inside(A *a, struct query *q, const struct expr *e, struct str field, int location)
{
    if ((e->kind != EXPR_WHOLE_ROW && e->kind != EXPR_VAR) || e->var.levels_up != 0 || e->var.rte < 0)
        return NULL;
    struct scope inner = { .query = q };
    struct rte *r = &q->rtable[e->var.rte];
    if (e->kind == EXPR_WHOLE_ROW) {
        int column = column_named(r, field);
        return column < 0 ? no_field(a, e, NULL, field, location)
                          : make_var(a, &inner, 0, e->var.rte, column, e->location);
    }
    if (r->kind != RTE_SUBQUERY || r->subquery->set_operation != SETOP_NONE ||
        (size_t)e->var.column >= r->subquery->n_targets)
        return NULL;
    struct expr *found = field_inside(a, r->subquery, r->subquery->targets[e->var.column].expr, field, location);
    int column = found ? add_hidden_output(a, r, found) : -1;
    return column < 0 ? NULL : make_var(a, &inner, 0, e->var.rte, column, e->location);
}

/* Whether a value of the type may have fields, for all that is known here. */
static bool may_be_composite(A *a, oid_t type)
{
    return type == TYPE_OID_record ||
           snapshot_relation_of_rows(a->snapshot, snapshot_base_type(a->snapshot, type, NULL));
}

struct expr *transform_field(A *a, struct scope *s, struct expr *base, struct str field, int location)
{
    const struct expr *whole = base->kind == EXPR_WHOLE_ROW ? base : NULL;
    if (!may_be_composite(a, base->type) && !gives_rows(a, base))
        return no_field(a, base, NULL, field, location);
    if (!rows_in_select_list(a, s, &base))
        return NULL;
    if (base->kind == EXPR_WHOLE_ROW && base->var.rte >= 0) {
        const struct rte *r = &scope_query(s, base->var.levels_up)->rtable[base->var.rte];
        int column = column_named(r, field);
        return column >= 0 ? make_var(a, s, base->var.levels_up, base->var.rte, column, location)
                           : no_field(a, base, whole ? r : NULL, field, location);
    }
    if (base->type == TYPE_OID_record && base->kind == EXPR_VAR) {
        struct expr here = *base;
        here.var.levels_up = 0;
        struct expr *e = field_inside(a, scope_query(s, base->var.levels_up), &here, field, location);
        if (e)
            e->var.levels_up += base->var.levels_up;
        if (e || err_is_set(a->err))
            return e;
    }
    unsupported_at(a, location, "selecting a field of a composite value");
    return NULL;
}

bool is_row_star(const Node *n)
{
    return n->node_case == PG_QUERY__NODE__NODE_A_INDIRECTION && n->a_indirection->n_indirection == 1 &&
           n->a_indirection->indirection[0]->node_case == PG_QUERY__NODE__NODE_A_STAR;
}

bool expand_row_star(A *a, struct scope *s, const Node *n, struct expr ***ret, struct str **ret_names, size_t *ret_n)
{
    struct expr *base = transform_expr(a, s, n->a_indirection->arg);
    *ret = NULL;
    *ret_names = NULL;
    *ret_n = 0;
    if (!base || !rows_in_select_list(a, s, &base))
        return false;
    if (base->kind != EXPR_WHOLE_ROW || base->var.rte < 0)
        return unsupported_at(a, base->location, "* of a composite value");
    const struct query *q = scope_query(s, base->var.levels_up);
    for (size_t c = 0; c < q->rtable[base->var.rte].n_columns; c++) {
        size_t names = *ret_n;
        struct str name = q->rtable[base->var.rte].columns[c].name;
        struct expr *e = make_var(a, s, base->var.levels_up, base->var.rte, (int)c, base->location);
        if (!e || !PUSH(a, *ret_names, names, name) || !PUSH(a, *ret, *ret_n, e))
            return false;
    }
    return true;
}
