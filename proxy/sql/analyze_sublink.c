/* analyze_sublink.c - subqueries in expressions (PostgreSQL 15: transformSubLink in parse_expr.c). */
#include "proxy/sql/analyze_internal.h"

static struct query *sublink_query(A *a, struct scope *s, const Node *select, int location)
{
    if (s->place == PLACE_STANDALONE && s->standalone_what) {
        fail_at(a, location, SQLSTATE_FEATURE_NOT_SUPPORTED, "cannot use subquery in %s", standalone_place(s));
        return NULL;
    }
    if (s->place == PLACE_INDEX_EXPRESSION || s->place == PLACE_INDEX_PREDICATE) {
        fail_at(a, location, SQLSTATE_FEATURE_NOT_SUPPORTED, "cannot use subquery in index %s",
                s->place == PLACE_INDEX_EXPRESSION ? "expression" : "predicate");
        return NULL;
    }
    s->query->has_sublinks = true;
    return transform_any_query(a, s, select);
}

struct expr *transform_sublink_any(A *a, struct scope *s, const Node *left, struct str name, enum sublink_kind kind,
                                   const Node *select, int location)
{
    struct query *q = sublink_query(a, s, select, location);
    struct expr *test = q ? transform_expr(a, s, left) : NULL;
    struct expr *e = test ? n_ary(a, EXPR_SUBLINK, TYPE_OID_bool, location, is_row(test) ? test->n_args : 1) : NULL;
    if (!e)
        return NULL;
    struct expr **sides = is_row(test) ? test->args : &test;
    size_t n = is_row(test) ? test->n_args : 1, columns = 0;
    for (size_t i = 0; i < q->n_targets; i++)
        columns += !q->targets[i].junk;
    if (n != columns) {
        fail_at(a, location, SQLSTATE_SYNTAX_ERROR,
                n < columns ? "subquery has too many columns" : "subquery has too few columns");
        return NULL;
    }
    e->sublink.procs = NEW_ARRAY(a, const struct pg_proc *, n);
    if (!e->sublink.procs)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        struct expr *column = expr_new(a, EXPR_CASE_TEST, q->targets[i].expr->type, q->targets[i].expr->typmod, -1);
        struct expr *pair = column ? make_operator(a, (struct str){ 0 }, name, sides[i], column, location) : NULL;
        if (pair && pair->type != TYPE_OID_bool)
            fail_at(a, location, SQLSTATE_DATATYPE_MISMATCH,
                    "row comparison operator must yield type boolean, not type %.*s",
                    STR_FMT(type_text(a, pair->type, -1)));
        if (!pair || pair->type != TYPE_OID_bool)
            return NULL;
        e->args[e->n_args++] = pair->args[0];
        e->sublink.procs[i] = pair->call.proc;
        e->sublink.op_name = pair->call.op_name;
        if (pair->args[1] != column) { /* the subquery's column was coerced: do it in its target list */
            struct expr *c = coerce_type(a, q->targets[i].expr, pair->args[1]->type, -1, COERCION_IMPLICIT, false, -1);
            if (!c)
                return NULL;
            if (q->set_operation == SETOP_NONE && q->command == COMMAND_SELECT && !q->n_values_rows)
                q->targets[i].expr = c;
        }
    }
    e->sublink.kind = kind;
    e->sublink.query = q;
    e->sublink.n_procs = n;
    return e;
}

struct expr *transform_sublink(A *a, struct scope *s, const PgQuery__SubLink *l)
{
    struct str schema, name = STR("=");
    switch (l->sub_link_type) {
    case PG_QUERY__SUB_LINK_TYPE__ANY_SUBLINK:
    case PG_QUERY__SUB_LINK_TYPE__ALL_SUBLINK:
        if (l->n_oper_name && !operator_name(a, l->oper_name, l->n_oper_name, l->location, &schema, &name))
            return NULL;
        return transform_sublink_any(a, s, l->testexpr, name,
                                     l->sub_link_type == PG_QUERY__SUB_LINK_TYPE__ANY_SUBLINK ? SUBLINK_ANY
                                                                                              : SUBLINK_ALL,
                                     l->subselect, l->location);
    case PG_QUERY__SUB_LINK_TYPE__EXISTS_SUBLINK:
    case PG_QUERY__SUB_LINK_TYPE__EXPR_SUBLINK:
    case PG_QUERY__SUB_LINK_TYPE__ARRAY_SUBLINK:
        break;
    default:
        unsupported_at(a, l->location, "this form of subquery");
        return NULL;
    }
    struct query *q = sublink_query(a, s, l->subselect, l->location);
    struct expr *e = q ? expr_new(a, EXPR_SUBLINK, TYPE_OID_bool, -1, l->location) : NULL;
    if (!e)
        return NULL;
    e->sublink.query = q;
    if (l->sub_link_type == PG_QUERY__SUB_LINK_TYPE__EXISTS_SUBLINK) {
        e->sublink.kind = SUBLINK_EXISTS;
        return e;
    }
    size_t columns = 0;
    for (size_t i = 0; i < q->n_targets; i++)
        columns += !q->targets[i].junk;
    if (columns != 1) {
        fail_at(a, l->location, SQLSTATE_SYNTAX_ERROR, "subquery must return only one column");
        return NULL;
    }
    bool array = l->sub_link_type == PG_QUERY__SUB_LINK_TYPE__ARRAY_SUBLINK;
    e->sublink.kind = array ? SUBLINK_ARRAY : SUBLINK_SCALAR;
    oid_t column = q->targets[0].expr->type;
    e->type = !array ? column : type_element(a, column) ? column : type_array(a, column);
    e->typmod = q->targets[0].expr->typmod;
    if (!e->type) {
        fail_at(a, l->location, SQLSTATE_UNDEFINED_OBJECT, "could not find array type for data type %.*s",
                STR_FMT(type_text(a, column, -1)));
        return NULL;
    }
    return e;
}
