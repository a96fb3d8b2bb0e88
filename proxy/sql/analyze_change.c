/* analyze_change.c - INSERT, UPDATE, DELETE (PostgreSQL 15: analyze.c, parse_target.c, rewriteHandler.c for defaults). */
#include "proxy/sql/analyze_internal.h"

#include "proxy/catalog/names.h"

/* MERGE is for tables alone. */
static bool is_merged_view(A *a, const struct scope *s, const struct relation *r)
{
    if (s->query->command != COMMAND_MERGE || r->kind != RELATION_VIEW)
        return false;
    fail_at(a, -1, SQLSTATE_FEATURE_NOT_SUPPORTED, "cannot execute MERGE on relation \"%.*s\"", STR_FMT(r->name));
    err_detail(a->err, "This operation is not supported for views.");
    return true;
}

/* The entry whose names are the target's; what is written to is result_rte. */
static int add_target(A *a, struct scope *s, const PgQuery__RangeVar *name)
{
    const struct relation *r;
    if (!analyze_relation_name(a, name, false, &r)) {
        explain_missing_cte(a, s, name);
        return -1;
    }
    if (r->is_system) {
        fail_at(a, name->location, SQLSTATE_INSUFFICIENT_PRIVILEGE, "permission denied for table %.*s",
                STR_FMT(r->name));
        return -1;
    }
    if (r->kind == RELATION_SEQUENCE) {
        fail_at(a, name->location, SQLSTATE_WRONG_OBJECT_TYPE, "cannot change sequence \"%.*s\"", STR_FMT(r->name));
        return -1;
    }
    if (is_merged_view(a, s, r))
        return -1;
    struct str alias = name->alias ? str_from(name->alias->aliasname) : r->name;
    if (r->kind == RELATION_VIEW && !r->has_user_triggers)
        return add_view_target(a, s, r, alias);
    int rte = add_rte_for_relation(a, s, r, alias, name->alias != NULL);
    s->query->result_rte = rte;
    return rte;
}

/* The relation that was named. */
static const struct relation *named_target(const struct query *q)
{
    return q->view ? q->view->relation : q->rtable[q->result_rte].relation;
}

static const struct column *target_column(A *a, const struct query *q, struct str name, int location)
{
    const struct relation *r = named_target(q);
    const struct column *c = q->view ? view_column(q->view, name) : relation_column(r, name);
    if (!c)
        fail_at(a, location, SQLSTATE_UNDEFINED_COLUMN, "column \"%.*s\" of relation \"%.*s\" does not exist",
                STR_FMT(name), STR_FMT(r->name));
    return c;
}

/* Assignment to a column: type and length. */
static struct expr *assign(A *a, const struct column *c, struct expr *e)
{
    struct expr *done;
    if (!coerce_to_target(a, e, c->type, c->typmod, COERCION_ASSIGNMENT, -1, &done))
        return NULL;
    if (!done) {
        fail_at(a, expr_start(e), SQLSTATE_DATATYPE_MISMATCH,
                "column \"%.*s\" is of type %.*s but expression is of type %.*s", STR_FMT(c->name),
                STR_FMT(type_text(a, c->type, -1)), STR_FMT(expr_type_text(a, e)));
        err_hint(a->err, "You will need to rewrite or cast the expression.");
    }
    return done;
}

struct column_default {
    struct column_default *next;
    const struct column *column;
    struct expr *expr;
};

/* nextval() of the sequence behind an identity column, which has no default text. */
static struct str identity_text(A *a, const struct column *c)
{
    const struct snapshot *s = a->snapshot;
    for (size_t i = 0; i < s->n_relations; i++) {
        const struct relation *r = &s->relations[i];
        if (c < r->columns || c >= r->columns + r->n_columns)
            continue;
        struct str name = name_qualified(r->schema, c->sequence, a->arena);
        return arena_printf(a->arena, "nextval(%.*s::regclass)", STR_FMT(name_literal(name, a->arena)));
    }
    return (struct str){ 0 };
}

bool analyze_default(A *a, const struct column *c, struct expr **ret)
{
    struct query *scope;
    *ret = NULL;
    if (c->generated)
        return true;
    bool counts = c->is_rowid && c->identity && !c->sequence.n; /* of a table made elsewhere */
    if ((c->sequence.n && c->sequence_is_rowid) || counts) {
        *ret = expr_new(a, EXPR_NEXTVAL_DEFAULT, c->type, -1, -1);
        return *ret != NULL;
    }
    if (c->default_is_foreign) {
        err_unsupported(a->err, "the default of column \"%.*s\" at this place", STR_FMT(c->name));
        return err_hint(a->err, "It is SQLite's own (%.*s): D1 computes it when the column is left out of an INSERT.",
                        STR_FMT(c->sqlite_default));
    }
    struct str text = c->identity && c->sequence.n ? identity_text(a, c) : c->default_text;
    const struct user_type *domain = snapshot_user_type(a->snapshot, c->type);
    for (; !text.n && domain && domain->kind == 'd'; domain = snapshot_user_type(a->snapshot, domain->base))
        text = domain->default_text;
    if (text.n)
        return analyze_expression_text(a, text, NULL, "DEFAULT expression", c->type, c->typmod, ret, &scope);
    return true;
}

/*
 * What a column gets when nothing is said: NULL pointer and true when it stays out of the statement. All rows of an INSERT
 * share the expression: parsing it for each would cost more than the rest.
 */
static bool default_of(A *a, const struct column *c, struct expr **ret)
{
    for (const struct column_default *d = a->defaults; d; d = d->next)
        if (d->column == c) {
            *ret = d->expr;
            return true;
        }
    struct column_default *d = NEW(a, struct column_default);
    if (!d || !analyze_default(a, c, ret))
        return false;
    *d = (struct column_default){ a->defaults, c, *ret };
    a->defaults = d;
    return true;
}

static bool is_default(const Node *n)
{
    return n->node_case == PG_QUERY__NODE__NODE_SET_TO_DEFAULT;
}

static bool has_star(const PgQuery__RowExpr *row)
{
    for (size_t i = 0; i < row->n_args; i++)
        if (is_star(row->args[i]))
            return true;
    return false;
}

/* a = DEFAULT, or its turn in (a, b) = (1, DEFAULT). */
static bool set_to_default(const Node *value)
{
    if (value->node_case != PG_QUERY__NODE__NODE_MULTI_ASSIGN_REF)
        return is_default(value);
    const PgQuery__MultiAssignRef *m = value->multi_assign_ref;
    if (m->source->node_case != PG_QUERY__NODE__NODE_ROW_EXPR)
        return false;
    const PgQuery__RowExpr *row = m->source->row_expr;
    return (int)row->n_args == m->ncolumns && !has_star(row) && is_default(row->args[m->colno - 1]);
}

/* --- INSERT --- */

struct insert {
    const struct relation *relation;
    const struct column **named; /* the written column list, or the first columns */
    size_t n_named;
    bool overriding_system, overriding_user;
};

/* The columns of the target as they stand, without a written list. */
static bool all_named(A *a, const struct query *q, struct insert *in)
{
    const struct relation *r = named_target(q);
    for (size_t i = 0; i < r->n_columns; i++) {
        const struct column *c = q->view && q->view->columns[i].column ? q->view->columns[i].column : &r->columns[i];
        if (!PUSH(a, in->named, in->n_named, c))
            return false;
    }
    return true;
}

static bool named_columns(A *a, const struct query *q, const PgQuery__InsertStmt *stmt, struct insert *in)
{
    for (size_t i = 0; i < stmt->n_cols; i++) {
        const PgQuery__ResTarget *t = stmt->cols[i]->res_target;
        if (t->n_indirection)
            return unsupported_at(a, t->location, "assignment to a part of a column");
        const struct column *c = target_column(a, q, str_from(t->name), t->location);
        if (!c)
            return false;
        for (size_t k = 0; k < i; k++)
            if (strcmp(stmt->cols[k]->res_target->name, t->name) == 0)
                return fail_at(a, t->location, SQLSTATE_DUPLICATE_COLUMN, "column \"%s\" specified more than once",
                               t->name);
        if (!PUSH(a, in->named, in->n_named, c))
            return false;
    }
    return stmt->n_cols || all_named(a, q, in);
}

void note_late(A *a, const struct err *found)
{
    if (!err_is_set(&a->late))
        a->late = *found;
}

/* What PostgreSQL's rewriter finds in the columns of a view. */
static void check_named(A *a, const struct query *q, const struct insert *in, size_t given)
{
    struct err found;
    for (size_t i = 0; q->view && i < q->view->relation->n_columns; i++)
        for (size_t k = 0; k < given && k < in->n_named; k++)
            if (in->named[k] == &q->view->relation->columns[i])
                refuse_view_column(a, q, in->named[k]);
    err_init(&found, a->err->arena);
    for (size_t i = 0; q->view && i < given && i < in->n_named; i++)
        for (size_t k = 0; k < i; k++)
            if (in->named[k] == in->named[i])
                err_set(&found, SQLSTATE_SYNTAX_ERROR, "multiple assignments to same column \"%.*s\"",
                        STR_FMT(in->named[i]->name));
    if (err_is_set(&found))
        note_late(a, &found);
}

/* What may not be given explicitly: generated columns, GENERATED ALWAYS identities. */
static void check_given(A *a, const struct insert *in, const struct column *c)
{
    struct err found;
    err_init(&found, a->err->arena);
    err_set(&found, SQLSTATE_GENERATED_ALWAYS, "cannot insert a non-DEFAULT value into column \"%.*s\"",
            STR_FMT(c->name));
    if (c->generated) {
        err_detail(&found, "Column \"%.*s\" is a generated column.", STR_FMT(c->name));
        note_late(a, &found);
    } else if (c->identity == 'a' && !in->overriding_system && !in->overriding_user) {
        err_detail(&found, "Column \"%.*s\" is an identity column defined as GENERATED ALWAYS.", STR_FMT(c->name));
        err_hint(&found, "Use OVERRIDING SYSTEM VALUE to override.");
        note_late(a, &found);
    }
}

static bool takes_default_anyway(const struct insert *in, const struct column *c)
{
    return in->overriding_user && c->identity;
}

/* first: the first expression, as it was analysed. */
static bool count_matches(A *a, const struct insert *in, const PgQuery__InsertStmt *stmt, Node *const *exprs,
                          const struct expr *first, size_t given)
{
    if (given > in->n_named)
        return fail_at(a, raw_location(exprs[in->n_named]), SQLSTATE_SYNTAX_ERROR,
                       "INSERT has more expressions than target columns");
    if (given >= in->n_named || !stmt->n_cols)
        return true;
    fail_at(a, stmt->cols[given]->res_target->location, SQLSTATE_SYNTAX_ERROR,
            "INSERT has more target columns than expressions");
    if (given == 1 && first && first->kind == EXPR_ROW && first->n_args == in->n_named)
        err_hint(a->err, "The insertion source is a row expression containing the same number of columns expected by "
                         "the INSERT. Did you accidentally use extra parentheses?");
    return false;
}

/* All columns that get a value, in the table's order; `at` maps each to its place in the written list, -1: default. */
static bool all_columns(A *a, struct query *q, const struct insert *in, size_t given, int **ret_at)
{
    size_t n = 0;
    *ret_at = NEW_ARRAY(a, int, in->relation->n_columns + 1);
    if (!*ret_at)
        return false;
    for (size_t i = 0; i < in->relation->n_columns; i++) {
        const struct column *c = &in->relation->columns[i];
        int at = -1;
        for (size_t k = 0; k < given && k < in->n_named; k++)
            if (in->named[k] == c)
                at = (int)k;
        if ((c->generated || c->default_is_foreign) && at < 0)
            continue;
        const struct user_type *domain = snapshot_user_type(a->snapshot, c->type);
        if (at < 0 && !c->default_text.n && !c->sequence.n && !c->is_rowid && !c->takes_null && !c->sqlite_default.n &&
            !(domain && domain->kind == 'd'))
            continue; /* NULL by leaving it out; D1's own default may be one that was dropped */
        (*ret_at)[n++] = at;
        if (!PUSH(a, q->insert_columns, q->n_insert_columns, c))
            return false;
    }
    return true;
}

static struct expr *default_or_null(A *a, const struct column *c)
{
    struct expr *e;
    if (!default_of(a, c, &e))
        return NULL;
    return e ? e : const_null(a, c->type, c->typmod, -1);
}

static bool is_default_in_all(const PgQuery__SelectStmt *values, int at)
{
    for (size_t r = 0; r < values->n_values_lists; r++) {
        const PgQuery__List *list = values->values_lists[r]->list;
        if (at < 0 || (size_t)at >= list->n_items || !is_default(list->items[at]))
            return false;
    }
    return true;
}

/* One written list: each expression for itself, then as a value of its column; NULL in its place: DEFAULT. */
static bool written_row(A *a, struct scope *s, const struct insert *in, const PgQuery__InsertStmt *stmt,
                        const PgQuery__List *list, size_t given, struct expr **ret)
{
    for (size_t k = 0; k < list->n_items; k++)
        if (!is_default(list->items[k]) && !(ret[k] = transform_in(a, s, list->items[k], PLACE_VALUES)))
            return false;
    if (list->n_items != given)
        return fail_at(a, ret[0] ? expr_start(ret[0]) : raw_location(list->items[0]), SQLSTATE_SYNTAX_ERROR,
                       "VALUES lists must all be the same length");
    if (!count_matches(a, in, stmt, list->items, ret[0], list->n_items))
        return false;
    for (size_t k = 0; k < list->n_items; k++)
        if (ret[k] && !(ret[k] = assign(a, in->named[k], ret[k])))
            return false;
    return true;
}

/* A row of all columns; given: as many as the first row has; *ret_fixed: the first one that was given though it must not be. */
static struct expr **insert_row(A *a, struct scope *s, const struct insert *in, const PgQuery__InsertStmt *stmt,
                                const PgQuery__SelectStmt *values, const PgQuery__List *list, size_t given,
                                const int *at, const struct column **ret_fixed)
{
    struct query *q = s->query;
    struct expr **row = NEW_ARRAY(a, struct expr *, q->n_insert_columns + 1),
                **written = NEW_ARRAY(a, struct expr *, list ? list->n_items + 1 : 1);
    if (!row || !written || (list && !written_row(a, s, in, stmt, list, given, written)))
        return NULL;
    for (size_t i = 0; i < q->n_insert_columns; i++) {
        const struct column *c = q->insert_columns[i];
        row[i] = at[i] >= 0 ? written[at[i]] : NULL;
        bool unset = !row[i] || takes_default_anyway(in, c),
             leaves = c->default_is_foreign && values && is_default_in_all(values, at[i]);
        if (unset && !(row[i] = leaves ? const_null(a, c->type, c->typmod, -1) : default_or_null(a, c)))
            return NULL;
        if (!unset && !*ret_fixed && (c->generated || c->identity == 'a'))
            *ret_fixed = c;
    }
    return row;
}

/* Of several rows each is worked out as it is written, and then its defaults; of one the columns go in the table's order. */
static bool rank_columns(A *a, struct query *q, const int *at, size_t given)
{
    if (q->n_insert_rows < 2)
        return true;
    q->insert_ranks = NEW_ARRAY(a, size_t, q->n_insert_columns + 1);
    for (size_t i = 0; q->insert_ranks && i < q->n_insert_columns; i++)
        q->insert_ranks[i] = at[i] >= 0 ? (size_t)at[i] : given + i;
    return q->insert_ranks != NULL;
}

static bool insert_values(A *a, struct scope *s, const struct insert *in, const PgQuery__InsertStmt *stmt,
                          const PgQuery__SelectStmt *values)
{
    struct query *q = s->query;
    size_t given = values ? values->values_lists[0]->list->n_items : 0, n_rows = values ? values->n_values_lists : 1;
    const struct column *fixed = NULL;
    int *at;
    s->single_row = n_rows == 1;
    if (!all_columns(a, q, in, given, &at))
        return false;
    q->insert_rows = NEW_ARRAY(a, struct expr **, n_rows);
    if (!q->insert_rows)
        return false;
    for (size_t r = 0; r < n_rows; r++) {
        const PgQuery__List *list = values ? values->values_lists[r]->list : NULL;
        struct expr **row = insert_row(a, s, in, stmt, values, list, given, at, &fixed);
        if (!row)
            return false;
        q->insert_rows[q->n_insert_rows++] = row;
    }
    check_named(a, q, in, given);
    if (fixed)
        check_given(a, in, fixed);
    if (!rank_columns(a, q, at, given))
        return false;
    /* A column that D1 itself computes, said DEFAULT in every row, leaves the statement. */
    for (size_t i = q->n_insert_columns; i-- > 0;) {
        const struct column *c = q->insert_columns[i];
        if (!c->generated && !(c->default_is_foreign && values && is_default_in_all(values, at[i])))
            continue;
        memmove(q->insert_columns + i, q->insert_columns + i + 1,
                (q->n_insert_columns - i - 1) * sizeof(*q->insert_columns));
        for (size_t r = 0; r < q->n_insert_rows; r++)
            memmove(q->insert_rows[r] + i, q->insert_rows[r] + i + 1,
                    (q->n_insert_columns - i - 1) * sizeof(struct expr *));
        if (q->insert_ranks)
            memmove(q->insert_ranks + i, q->insert_ranks + i + 1,
                    (q->n_insert_columns - i - 1) * sizeof(*q->insert_ranks));
        q->n_insert_columns--;
    }
    return true;
}

/* SET b = DEFAULT of generated columns alone: the row is written as it is. */
static bool touch(A *a, struct scope *s, const struct relation *r, struct assignment **ret, size_t *ret_n)
{
    for (size_t i = 0; i < r->n_columns; i++) {
        struct assignment set = { .column = &r->columns[i] };
        if (set.column->generated)
            continue;
        set.expr = make_var(a, s, 0, s->query->result_rte, (int)i, -1);
        return set.expr && PUSH(a, *ret, *ret_n, set);
    }
    return unsupported_at(a, -1, "SET of generated columns alone");
}

/* A column of the SELECT as a value of the table's column. */
static struct expr *selected_value(A *a, const struct query *select, const struct column *c, size_t at)
{
    struct target *t = &select->targets[at];
    if (t->expr->type == TYPE_OID_unknown && select->set_operation == SETOP_NONE && !select->n_values_rows) {
        /* an untyped literal or parameter takes the column's type */
        if (!(t->expr = coerce_type(a, t->expr, c->type, -1, COERCION_ASSIGNMENT, false, -1)))
            return NULL;
    }
    struct expr *var = expr_new(a, EXPR_VAR, t->expr->type, t->expr->typmod, expr_start(t->expr));
    if (!var)
        return NULL;
    var->var.rte = RTE_OUTPUT;
    var->var.column = (int)at;
    return assign(a, c, var);
}

static bool insert_select(A *a, struct scope *s, const struct insert *in, const PgQuery__InsertStmt *stmt,
                          const PgQuery__SelectStmt *select)
{
    struct query *q = s->query;
    size_t given = 0;
    int *at;
    q->insert_select = transform_select(a, s, select, false);
    if (!q->insert_select)
        return false;
    while (given < q->insert_select->n_targets && !q->insert_select->targets[given].junk)
        given++;
    /* A star may have given more columns than were written: then there is nothing to point at. */
    if (given > in->n_named && (select->op > PG_QUERY__SET_OPERATION__SETOP_NONE || select->n_target_list != given))
        return fail_at(a, -1, SQLSTATE_SYNTAX_ERROR, "INSERT has more expressions than target columns");
    const struct expr *first = given ? q->insert_select->targets[0].expr : NULL;
    if (!count_matches(a, in, stmt, select->target_list, first, given) || !all_columns(a, q, in, given, &at))
        return false;
    struct expr **written = NEW_ARRAY(a, struct expr *, given + 1);
    q->insert_select_exprs = NEW_ARRAY(a, struct expr *, q->n_insert_columns + 1);
    if (!q->insert_select_exprs || !written)
        return false;
    for (size_t k = 0; k < given; k++)
        if (!(written[k] = selected_value(a, q->insert_select, in->named[k], k)))
            return false;
    check_named(a, q, in, given);
    for (size_t i = 0; i < q->n_insert_columns; i++) {
        const struct column *c = q->insert_columns[i];
        bool unset = at[i] < 0 || takes_default_anyway(in, c);
        if (!unset)
            check_given(a, in, c);
        if (!(q->insert_select_exprs[i] = unset ? default_or_null(a, c) : written[at[i]]))
            return false;
    }
    resolve_unknown_targets(a, q->insert_select->targets, q->insert_select->n_targets);
    return true;
}

static bool transform_sets(A *a, struct scope *s, Node *const *list, size_t n, struct assignment **ret, size_t *ret_n);

static bool takes_order(A *a, const PgQuery__IndexElem *e, int location)
{
    if (e->ordering != PG_QUERY__SORT_BY_DIR__SORTBY_DEFAULT)
        return fail_at(a, location, SQLSTATE_INVALID_COLUMN_REFERENCE, "ASC/DESC is not allowed in ON CONFLICT clause");
    if (e->nulls_ordering != PG_QUERY__SORT_BY_NULLS__SORTBY_NULLS_DEFAULT)
        return fail_at(a, location, SQLSTATE_INVALID_COLUMN_REFERENCE,
                       "NULLS FIRST/LAST is not allowed in ON CONFLICT clause");
    return true;
}

/* All that ends in _ops may be one of PostgreSQL's; no key here has another order than its type's. */
static bool takes_opclass(A *a, const PgQuery__IndexElem *e)
{
    if (!e->n_opclass)
        return true;
    struct str name = node_string(e->opclass[e->n_opclass - 1]);
    return str_ends(name, STR("_ops"))
               ? unsupported_at(a, -1, "operator class \"%.*s\" in ON CONFLICT", STR_FMT(name))
               : fail_at(a, -1, SQLSTATE_UNDEFINED_OBJECT,
                         "operator class \"%.*s\" does not exist for access method \"btree\"", STR_FMT(name));
}

static bool infer_targets(A *a, struct scope *s, const PgQuery__InferClause *infer, struct on_conflict *c)
{
    const struct query *q = s->query;
    const struct relation *r = named_target(q);
    if (infer->conname && *infer->conname) {
        for (size_t i = 0; i < r->n_constraints; i++)
            if (str_is(r->constraints[i].name, infer->conname))
                c->constraint = &r->constraints[i];
        if (!c->constraint)
            return fail_at(a, -1, SQLSTATE_UNDEFINED_OBJECT, "constraint \"%s\" for table \"%.*s\" does not exist",
                           infer->conname, STR_FMT(r->name));
        return true;
    }
    for (size_t i = 0; i < infer->n_index_elems; i++) {
        const PgQuery__IndexElem *e = infer->index_elems[i]->index_elem;
        struct expr *x;
        if (!takes_order(a, e, infer->location))
            return false;
        if (e->name && *e->name) {
            const struct column *column = relation_column(r, str_from(e->name));
            if (!column)
                return fail_missing_column(a, s, (struct str){ 0 }, str_from(e->name), infer->location);
            int rte = q->view ? q->view->rte : q->result_rte;
            x = make_var(a, s, 0, rte, (int)(column - r->columns), infer->location);
        } else {
            x = transform_in(a, s, e->expr, PLACE_INDEX_EXPRESSION);
        }
        if (!x ||
            (e->n_collation && !analyze_collation(a, e->collation, e->n_collation, x->type, expr_start(x), NULL)) ||
            !takes_opclass(a, e))
            return false;
        size_t at = 0; /* elements are a set */
        while (at < c->n_targets && !expr_equal(c->targets[at], x))
            at++;
        if (at == c->n_targets && !PUSH(a, c->targets, c->n_targets, x))
            return false;
    }
    if (infer->where_clause && (!(c->target_where = transform_in(a, s, infer->where_clause, PLACE_INDEX_PREDICATE)) ||
                                !(c->target_where = coerce_to_boolean(a, c->target_where, "WHERE"))))
        return false;
    return true;
}

/* The inference target must be backed by a unique index or constraint (42P10). */
static bool is_column_set(const struct on_conflict *c, const int16_t *columns, size_t n, const struct rte *r)
{
    if (n != c->n_targets)
        return false;
    for (size_t i = 0; i < n; i++) {
        bool found = false;
        for (size_t k = 0; k < n; k++)
            found |=
                c->targets[k]->kind == EXPR_VAR && r->columns[c->targets[k]->var.column].column->number == columns[i];
        if (!found)
            return false;
    }
    return true;
}

static bool has_arbiter(const struct on_conflict *c, const struct rte *r)
{
    for (size_t i = 0; i < c->n_targets; i++)
        if (c->targets[i]->kind != EXPR_VAR)
            return true; /* an expression index: SQLite checks */
    for (size_t i = 0; i < r->relation->n_constraints; i++) {
        const struct constraint *k = &r->relation->constraints[i];
        if ((k->kind == 'p' || k->kind == 'u') && is_column_set(c, k->columns, k->n_columns, r))
            return true;
    }
    for (size_t i = 0; i < r->relation->n_indexes; i++) {
        const struct index *x = &r->relation->indexes[i];
        int16_t columns[100];
        if (!x->unique || x->n_columns > 100 || (x->predicate.n && !c->target_where))
            continue;
        for (size_t k = 0; k < x->n_columns; k++)
            columns[k] = x->columns[k].column;
        if (is_column_set(c, columns, x->n_columns, r))
            return true;
    }
    return false;
}

/* It is the planner that looks for the index. */
static void check_arbiter(A *a, const struct query *q)
{
    struct err found;
    if (!q->on_conflict || !q->on_conflict->n_targets || has_arbiter(q->on_conflict, &q->rtable[q->result_rte]))
        return;
    err_init(&found, a->err->arena);
    err_set(&found, SQLSTATE_INVALID_COLUMN_REFERENCE,
            "there is no unique or exclusion constraint matching the ON CONFLICT specification");
    note_late(a, &found);
}

/* Before the key is looked up: a name missed there may be meant of either. */
static int add_excluded(A *a, struct scope *s, const struct relation *r, struct on_conflict *c)
{
    struct query *q = s->query;
    c->excluded_rte = add_rte_for_relation(a, s, r, STR("excluded"), true);
    if (c->excluded_rte < 0)
        return -1;
    q->rtable[c->excluded_rte].kind = RTE_RESULT;
    return q->view ? add_view_excluded(a, q, c->excluded_rte) : c->excluded_rte;
}

static bool transform_on_conflict(A *a, struct scope *s, const PgQuery__OnConflictClause *node,
                                  const struct relation *r)
{
    struct on_conflict *c = NEW(a, struct on_conflict);
    struct query *q = s->query;
    if (!c)
        return false;
    q->on_conflict = c;
    c->update = node->action == PG_QUERY__ON_CONFLICT_ACTION__ONCONFLICT_UPDATE;
    if (c->update && !node->infer) {
        fail_at(a, node->location, SQLSTATE_SYNTAX_ERROR,
                "ON CONFLICT DO UPDATE requires inference specification or constraint name");
        return err_hint(a->err, "For example, ON CONFLICT (column_name).");
    }
    int excluded = -1;
    c->excluded_rte = -1;
    if (c->update && (excluded = add_excluded(a, s, r, c)) < 0)
        return false;
    if (!add_name(a, s, q->view ? q->view->rte : q->result_rte, true, true) ||
        (node->infer && !infer_targets(a, s, node->infer, c)))
        return false;
    if (!c->update)
        return true;
    if (!add_name(a, s, excluded, true, true) ||
        !transform_sets(a, s, node->target_list, node->n_target_list, &c->sets, &c->n_sets))
        return false;
    if (node->where_clause && (!(c->where = transform_in(a, s, node->where_clause, PLACE_WHERE)) ||
                               !(c->where = coerce_to_boolean(a, c->where, "WHERE"))))
        return false;
    return true;
}

static bool transform_returning(A *a, struct scope *s, Node *const *list, size_t n)
{
    struct query *q = s->query;
    if (!n)
        return true;
    if (!transform_targets(a, s, list, n, PLACE_RETURNING, &q->returning, &q->n_returning))
        return false;
    resolve_unknown_targets(a, q->returning, q->n_returning);
    return true;
}

struct query *transform_insert(A *a, struct scope *parent, const PgQuery__InsertStmt *stmt)
{
    struct query *q = NEW(a, struct query);
    struct scope s = { .query = q, .parent = parent, .place = PLACE_VALUES };
    struct insert in = { 0 };
    if (!q)
        return NULL;
    q->command = COMMAND_INSERT;
    q->parent = parent ? parent->query : NULL;
    if (!transform_with(a, &s, stmt->with_clause) || add_target(a, &s, stmt->relation) < 0)
        return NULL;
    in.relation = q->rtable[q->result_rte].relation;
    in.overriding_system = q->overriding_system = stmt->override == PG_QUERY__OVERRIDING_KIND__OVERRIDING_SYSTEM_VALUE;
    in.overriding_user = q->overriding_user = stmt->override == PG_QUERY__OVERRIDING_KIND__OVERRIDING_USER_VALUE;
    if (!named_columns(a, q, stmt, &in))
        return NULL;
    const PgQuery__SelectStmt *select = stmt->select_stmt ? stmt->select_stmt->select_stmt : NULL;
    bool plain_values = select && select->n_values_lists && !select->n_sort_clause && !select->limit_count &&
                        !select->limit_offset && !select->with_clause;
    bool ok =
        !select || plain_values ? insert_values(a, &s, &in, stmt, select) : insert_select(a, &s, &in, stmt, select);
    if (!ok)
        return NULL;
    if (stmt->on_conflict_clause) {
        if (!transform_on_conflict(a, &s, stmt->on_conflict_clause, in.relation))
            return NULL;
        s.n_names = 1; /* RETURNING does not see EXCLUDED */
    } else if (!add_name(a, &s, q->view ? q->view->rte : q->result_rte, true, true)) {
        return NULL;
    }
    if (!transform_returning(a, &s, stmt->returning_list, stmt->n_returning_list))
        return NULL;
    if (!infer_partial_index(a, q))
        return NULL;
    check_arbiter(a, q);
    return finish_view_target(a, q) ? q : NULL;
}

/* --- UPDATE --- */

/* The values of (a, b) = (1, 2) are understood before they are counted. */
static bool row_matches(A *a, struct scope *s, const PgQuery__MultiAssignRef *m)
{
    const PgQuery__RowExpr *row = m->source->row_expr;
    if ((int)row->n_args == m->ncolumns)
        return true;
    for (size_t i = 0; i < row->n_args; i++)
        if (!is_default(row->args[i]) && !transform_in(a, s, row->args[i], PLACE_SET))
            return false;
    return fail_at(a, row->location, SQLSTATE_SYNTAX_ERROR, "number of columns does not match number of values");
}

/* (a, b) = (1, 2) or (a, b) = (SELECT …): the value of column number colno. */
static struct expr *multi_assign(A *a, struct scope *s, const PgQuery__MultiAssignRef *m)
{
    const Node *source = m->source;
    size_t i = (size_t)m->colno - 1;
    if (source->node_case == PG_QUERY__NODE__NODE_ROW_EXPR && has_star(source->row_expr)) {
        struct expr *row = transform_in(a, s, source, PLACE_SET);
        if (row && (int)row->n_args == m->ncolumns)
            return row->args[i];
        if (row)
            fail_at(a, row->location, SQLSTATE_SYNTAX_ERROR, "number of columns does not match number of values");
        return NULL;
    }
    if (source->node_case == PG_QUERY__NODE__NODE_ROW_EXPR) {
        if (!row_matches(a, s, m))
            return NULL;
        return transform_in(a, s, source->row_expr->args[i], PLACE_SET);
    }
    if (source->node_case == PG_QUERY__NODE__NODE_SUB_LINK) {
        struct query *q = transform_any_query(a, s, source->sub_link->subselect);
        if (!q)
            return NULL;
        size_t n = 0;
        while (n < q->n_targets && !q->targets[n].junk)
            n++;
        if ((int)n != m->ncolumns || q->set_operation != SETOP_NONE || q->distinct || q->n_values_rows) {
            fail_at(a, source->sub_link->location,
                    (int)n != m->ncolumns ? SQLSTATE_SYNTAX_ERROR : SQLSTATE_FEATURE_NOT_SUPPORTED,
                    (int)n != m->ncolumns ? "number of columns does not match number of values"
                                          : "this subquery as the source of several columns is not supported");
            return NULL;
        }
        struct target wanted = q->targets[i];
        for (size_t k = 0; k < n; k++)
            q->targets[k].junk = true;
        memmove(q->targets + 1, q->targets, i * sizeof(*q->targets));
        wanted.junk = false;
        q->targets[0] = wanted;
        s->query->has_sublinks = true;
        struct expr *e = expr_new(a, EXPR_SUBLINK, wanted.expr->type, wanted.expr->typmod, expr_start(wanted.expr));
        if (e) {
            e->sublink.kind = SUBLINK_SCALAR;
            e->sublink.query = q;
        }
        return e;
    }
    fail_at(a, raw_location(source), SQLSTATE_FEATURE_NOT_SUPPORTED,
            "source for a multiple-column UPDATE item must be a sub-SELECT or ROW() expression");
    return NULL;
}

/* A column set twice, or one that may not be written. */
static void check_sets(A *a, const struct assignment *sets, size_t n, const struct column *fixed)
{
    struct err found;
    err_init(&found, a->err->arena);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < i; k++)
            if (sets[k].column == sets[i].column)
                err_set(&found, SQLSTATE_SYNTAX_ERROR, "multiple assignments to same column \"%.*s\"",
                        STR_FMT(sets[i].column->name));
    if (fixed && !err_is_set(&found)) {
        err_set(&found, SQLSTATE_GENERATED_ALWAYS, "column \"%.*s\" can only be updated to DEFAULT",
                STR_FMT(fixed->name));
        err_detail(&found,
                   fixed->generated ? "Column \"%.*s\" is a generated column."
                                    : "Column \"%.*s\" is an identity column defined as GENERATED ALWAYS.",
                   STR_FMT(fixed->name));
    }
    if (err_is_set(&found))
        note_late(a, &found);
}

/* What stands behind each = , as it is written; NULL: DEFAULT. */
static bool set_sources(A *a, struct scope *s, Node *const *list, size_t n, struct expr **ret)
{
    for (size_t i = 0; i < n; i++) {
        const Node *value = list[i]->res_target->val;
        bool is_multi = value->node_case == PG_QUERY__NODE__NODE_MULTI_ASSIGN_REF;
        if (set_to_default(value))
            continue;
        ret[i] = is_multi ? multi_assign(a, s, value->multi_assign_ref) : transform_in(a, s, value, PLACE_SET);
        if (!ret[i])
            return false;
    }
    return true;
}

static int by_column(const void *x, const void *y)
{
    const struct column *a = ((const struct assignment *)x)->column, *b = ((const struct assignment *)y)->column;
    return (a > b) - (a < b);
}

/*
 * All values are understood before the first of them becomes one of its column, and they are computed in the order of the
 * table's columns, whatever order they are written in.
 */
static bool transform_sets(A *a, struct scope *s, Node *const *list, size_t n, struct assignment **ret, size_t *ret_n)
{
    const struct column *fixed = NULL,
                        *unfit = NULL; /* the first that may not be written, of the table and of a view */
    struct expr **sources = NEW_ARRAY(a, struct expr *, n + 1);
    if (!sources || !set_sources(a, s, list, n, sources))
        return false;
    for (size_t i = 0; i < n; i++) {
        const PgQuery__ResTarget *t = list[i]->res_target;
        const struct column *c = target_column(a, s->query, str_from(t->name), t->location);
        if (!c)
            return false;
        if (is_view_column(s->query->view, c) && (!unfit || c < unfit))
            unfit = c;
        if (t->n_indirection)
            return unsupported_at(a, t->location, "assignment to a part of a column");
        if (c->generated && !sources[i] && !s->query->view)
            continue;
        if ((c->generated || (c->identity == 'a' && sources[i])) && (!fixed || c < fixed))
            fixed = c;
        struct expr *e = sources[i]       ? sources[i]
                         : s->query->view ? const_null(a, c->type, c->typmod, -1) /* a view's columns have no default */
                                          : default_or_null(a, c);
        if (e && e->kind == EXPR_NEXTVAL_DEFAULT)
            return unsupported_at(a, t->location, "SET %.*s = DEFAULT for a serial column", STR_FMT(c->name));
        struct assignment set = { .column = c, .expr = e ? assign(a, c, e) : NULL };
        if (!set.expr || !PUSH(a, *ret, *ret_n, set))
            return false;
    }
    if (unfit)
        refuse_view_column(a, s->query, unfit);
    check_sets(a, *ret, *ret_n, fixed);
    if (n && !*ret_n && !touch(a, s, s->query->rtable[s->query->result_rte].relation, ret, ret_n))
        return false;
    if (*ret_n)
        qsort(*ret, *ret_n, sizeof(**ret), by_column);
    return true;
}

static bool where_clause(A *a, struct scope *s, const Node *n)
{
    if (!n)
        return true;
    s->query->where = transform_in(a, s, n, PLACE_WHERE);
    return s->query->where && (s->query->where = coerce_to_boolean(a, s->query->where, "WHERE"));
}

struct query *transform_update(A *a, struct scope *parent, const PgQuery__UpdateStmt *stmt)
{
    struct query *q = NEW(a, struct query);
    struct scope s = { .query = q, .parent = parent, .place = PLACE_SET };
    if (!q)
        return NULL;
    q->command = COMMAND_UPDATE;
    q->parent = parent ? parent->query : NULL;
    if (!transform_with(a, &s, stmt->with_clause))
        return NULL;
    int rte = add_target(a, &s, stmt->relation);
    if (rte < 0 || !add_name(a, &s, rte, true, true) ||
        !transform_from_beside(a, &s, stmt->from_clause, stmt->n_from_clause))
        return NULL;
    if (!where_clause(a, &s, stmt->where_clause) ||
        !transform_returning(a, &s, stmt->returning_list, stmt->n_returning_list))
        return NULL;
    return transform_sets(a, &s, stmt->target_list, stmt->n_target_list, &q->sets, &q->n_sets) &&
                   finish_view_target(a, q)
               ? q
               : NULL;
}

struct query *transform_delete(A *a, struct scope *parent, const PgQuery__DeleteStmt *stmt)
{
    struct query *q = NEW(a, struct query);
    struct scope s = { .query = q, .parent = parent, .place = PLACE_WHERE };
    if (!q)
        return NULL;
    q->command = COMMAND_DELETE;
    q->parent = parent ? parent->query : NULL;
    if (!transform_with(a, &s, stmt->with_clause))
        return NULL;
    int rte = add_target(a, &s, stmt->relation);
    if (rte < 0 || !add_name(a, &s, rte, true, true) ||
        !transform_from_beside(a, &s, stmt->using_clause, stmt->n_using_clause))
        return NULL;
    return where_clause(a, &s, stmt->where_clause) &&
                   transform_returning(a, &s, stmt->returning_list, stmt->n_returning_list) && finish_view_target(a, q)
               ? q
               : NULL;
}

/* --- MERGE --- */

static bool merge_insert(A *a, struct scope *s, const PgQuery__MergeWhenClause *clause, struct merge_action *action)
{
    struct query *q = s->query;
    PgQuery__InsertStmt columns = PG_QUERY__INSERT_STMT__INIT;
    struct insert in = { .relation = q->rtable[q->result_rte].relation };
    int *at;
    columns.cols = clause->target_list;
    columns.n_cols = clause->n_target_list;
    in.overriding_system = clause->override == PG_QUERY__OVERRIDING_KIND__OVERRIDING_SYSTEM_VALUE;
    in.overriding_user = clause->override == PG_QUERY__OVERRIDING_KIND__OVERRIDING_USER_VALUE;
    q->insert_columns = NULL;
    q->n_insert_columns = 0;
    PgQuery__List list = PG_QUERY__LIST__INIT;
    list.items = clause->values;
    list.n_items = clause->n_values;
    struct expr **written = NEW_ARRAY(a, struct expr *, list.n_items + 1);
    if (!written || !named_columns(a, q, &columns, &in) ||
        (list.n_items && !written_row(a, s, &in, &columns, &list, list.n_items, written)) ||
        !all_columns(a, q, &in, clause->n_values, &at))
        return false;
    for (size_t i = 0; i < q->n_insert_columns; i++) {
        const struct column *c = q->insert_columns[i];
        struct assignment set = { .column = c, .expr = at[i] >= 0 ? written[at[i]] : NULL };
        if (!set.expr || takes_default_anyway(&in, c))
            set.expr = default_or_null(a, c);
        else
            check_given(a, &in, c);
        if (!set.expr)
            return false;
        bool numbered = set.expr->kind == EXPR_NEXTVAL_DEFAULT || c->generated;
        if (!numbered && !PUSH(a, action->sets, action->n_sets, set))
            return false;
    }
    return true;
}

static bool merge_action(A *a, struct scope *s, const PgQuery__MergeWhenClause *clause, struct merge_action *action)
{
    static const enum command commands[] = { [PG_QUERY__CMD_TYPE__CMD_UPDATE] = COMMAND_UPDATE,
                                             [PG_QUERY__CMD_TYPE__CMD_INSERT] = COMMAND_INSERT,
                                             [PG_QUERY__CMD_TYPE__CMD_DELETE] = COMMAND_DELETE,
                                             [PG_QUERY__CMD_TYPE__CMD_NOTHING] = COMMAND_SELECT };
    *action = (struct merge_action){ .matched = clause->matched, .command = commands[clause->command_type] };
    /* a row of the source alone: the target has no columns to show */
    s->names[0].columns_visible = s->names[0].table_visible = clause->matched;
    if (clause->condition && (!(action->condition = transform_in(a, s, clause->condition, PLACE_MERGE_WHEN)) ||
                              !(action->condition = coerce_to_boolean(a, action->condition, "WHEN"))))
        return false;
    bool ok = true;
    if (action->command == COMMAND_UPDATE)
        ok = transform_sets(a, s, clause->target_list, clause->n_target_list, &action->sets, &action->n_sets);
    else if (action->command == COMMAND_INSERT)
        ok = merge_insert(a, s, clause, action);
    s->names[0].columns_visible = s->names[0].table_visible = true;
    return ok;
}

/* Nothing stands behind a WHEN that always holds. */
static bool clauses_are_reachable(A *a, const PgQuery__MergeStmt *stmt)
{
    bool final[2] = { false, false };
    for (size_t i = 0; i < stmt->n_merge_when_clauses; i++) {
        const PgQuery__MergeWhenClause *clause = stmt->merge_when_clauses[i]->merge_when_clause;
        if (final[clause->matched])
            return fail_at(a, -1, SQLSTATE_SYNTAX_ERROR,
                           "unreachable WHEN clause specified after unconditional WHEN clause");
        final[clause->matched] = clause->condition == NULL;
    }
    return true;
}

struct query *transform_merge(A *a, const PgQuery__MergeStmt *stmt)
{
    struct query *q = NEW(a, struct query);
    struct scope s = { .query = q, .place = PLACE_WHERE };
    if (!q)
        return NULL;
    q->command = COMMAND_MERGE;
    s.single_row = true;
    if (stmt->with_clause && stmt->with_clause->recursive) {
        fail_at(a, -1, SQLSTATE_SYNTAX_ERROR, "WITH RECURSIVE is not supported for MERGE statement");
        return NULL;
    }
    if (!transform_with(a, &s, stmt->with_clause))
        return NULL;
    if (!clauses_are_reachable(a, stmt))
        return NULL;
    int rte = add_target(a, &s, stmt->relation);
    if (rte < 0 || !add_name(a, &s, rte, false, false) || /* the source does not see the target */
        !transform_from(a, &s, (Node *const *)&stmt->source_relation, 1))
        return NULL;
    struct str source = s.query->rtable[s.names[s.n_names - 1].rte].alias;
    if (str_eq(source, q->rtable[rte].alias)) {
        fail_at(a, -1, SQLSTATE_DUPLICATE_ALIAS, "name \"%.*s\" specified more than once", STR_FMT(source));
        err_detail(a->err, "The name is used both as MERGE target table and data source.");
        return NULL;
    }
    s.names[0].columns_visible = s.names[0].table_visible = true;
    if (!(q->where = transform_in(a, &s, stmt->join_condition, PLACE_JOIN_ON)) ||
        !(q->where = coerce_to_boolean(a, q->where, "JOIN/ON")))
        return NULL;
    q->merge_actions = NEW_ARRAY(a, struct merge_action, stmt->n_merge_when_clauses + 1);
    if (!q->merge_actions)
        return NULL;
    for (size_t i = 0; i < stmt->n_merge_when_clauses; i++) {
        const PgQuery__MergeWhenClause *clause = stmt->merge_when_clauses[i]->merge_when_clause;
        if (!merge_action(a, &s, clause, &q->merge_actions[q->n_merge_actions++]))
            return NULL;
    }
    return q;
}
