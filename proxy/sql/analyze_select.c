/* analyze_select.c - SELECT, VALUES, set operations (PostgreSQL 15: analyze.c, parse_clause.c, parse_agg.c). */
#include "proxy/sql/analyze_internal.h"

/* --- target lists --- */

bool is_star(const Node *n)
{
    const PgQuery__ColumnRef *ref = n->node_case == PG_QUERY__NODE__NODE_COLUMN_REF ? n->column_ref : NULL;
    return is_row_star(n) || (ref && ref->fields[ref->n_fields - 1]->node_case == PG_QUERY__NODE__NODE_A_STAR);
}

bool expand_any_star(A *a, struct scope *s, const Node *node, struct expr ***ret, struct str **ret_names, size_t *ret_n)
{
    return is_row_star(node) ? expand_row_star(a, s, node, ret, ret_names, ret_n)
                             : expand_star(a, s, node->column_ref, ret, ret_names, ret_n);
}

static bool add_star(A *a, struct scope *s, const Node *node, struct target **list, size_t *n)
{
    struct expr **exprs;
    struct str *names;
    size_t count;
    if (!expand_any_star(a, s, node, &exprs, &names, &count))
        return false;
    for (size_t i = 0; i < count; i++) {
        struct target t = { .expr = exprs[i], .name = names[i] };
        if (!PUSH(a, *list, *n, t))
            return false;
    }
    return true;
}

/* Table and column of a plain column, as RowDescription tells them. */
static void note_origin(struct scope *s, struct target *t)
{
    if (t->expr->kind != EXPR_VAR || t->expr->var.rte < 0)
        return;
    for (int i = 0; i < t->expr->var.levels_up && s; i++)
        s = s->parent;
    if (!s || (size_t)t->expr->var.rte >= s->query->n_rtable)
        return;
    const struct rte *r = &s->query->rtable[t->expr->var.rte];
    if (r->relation) {
        t->table_oid = r->relation->oid;
        t->column_number = r->columns[t->expr->var.column].column->number;
        return;
    }
    const struct query *q = r->kind == RTE_SUBQUERY                        ? r->subquery
                            : r->kind == RTE_CTE && !r->cte_self_reference ? r->cte->query
                                                                           : NULL;
    const struct target *outputs = q && q->command != COMMAND_SELECT ? q->returning : q ? q->targets : NULL;
    size_t n_outputs = q && q->command != COMMAND_SELECT ? q->n_returning : q ? q->n_targets : 0;
    if ((size_t)t->expr->var.column < n_outputs) {
        t->table_oid = outputs[t->expr->var.column].table_oid;
        t->column_number = outputs[t->expr->var.column].column_number;
    }
}

enum { TARGETS_MAX = 1664 }; /* PostgreSQL's MaxTupleAttributeNumber */

bool transform_targets(A *a, struct scope *s, Node *const *list, size_t n, enum expr_place place, struct target **ret,
                       size_t *ret_n)
{
    enum expr_place saved = s->place;
    s->place = place;
    *ret = NULL;
    *ret_n = 0;
    for (size_t i = 0; i < n; i++) {
        const PgQuery__ResTarget *r = list[i]->res_target;
        if (is_star(r->val)) {
            if (!add_star(a, s, r->val, ret, ret_n))
                return false;
            continue;
        }
        struct target t = { .expr = transform_expr(a, s, r->val) };
        if (!t.expr || !rows_in_select_list(a, s, &t.expr))
            return false;
        t.name = r->name && *r->name ? str_from(r->name) : figure_column_name(a, r->val);
        if (!PUSH(a, *ret, *ret_n, t))
            return false;
    }
    for (size_t i = 0; i < *ret_n; i++)
        note_origin(s, &(*ret)[i]);
    s->place = saved;
    if (*ret_n > TARGETS_MAX)
        return err_set(a->err, SQLSTATE_TOO_MANY_COLUMNS, "target lists can have at most %d entries", TARGETS_MAX);
    return true;
}

void resolve_unknown_targets(A *a, struct target *targets, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (targets[i].expr->type != TYPE_OID_unknown)
            continue;
        struct expr *e = coerce_type(a, targets[i].expr, TYPE_OID_text, -1, COERCION_IMPLICIT, false, -1);
        if (e)
            targets[i].expr = e;
    }
}

/* --- ORDER BY, GROUP BY, DISTINCT --- */

static bool is_comparable(A *a, oid_t type)
{
    oid_t element = type_element(a, type), base = element ? type_base(a, element) : type_base(a, type);
    return base != TYPE_OID_json && base != TYPE_OID_xml && base != TYPE_OID_point;
}

static bool fail_order(A *a, struct str type, const char *what, int location)
{
    fail_at(a, location, SQLSTATE_UNDEFINED_FUNCTION, "could not identify an %s operator for type %.*s", what,
            STR_FMT(type));
    if (str_is(str_from(what), "ordering"))
        err_hint(a->err, "Use an explicit ordering operator or modify the query.");
    return false;
}

bool has_order(A *a, oid_t type, const char *what, int location)
{
    return is_comparable(a, type) || fail_order(a, type_text(a, type, -1), what, location);
}

bool expr_has_order(A *a, const struct expr *e, const char *what, int location)
{
    const struct relation *r = e->kind == EXPR_WHOLE_ROW ? e->var.of : NULL;
    for (size_t i = 0; r && i < r->n_columns; i++)
        if (!is_comparable(a, r->columns[i].type))
            return fail_order(a, expr_type_text(a, e), what, location);
    return has_order(a, e->type, what, location);
}

static struct target *junk_target(A *a, struct query *q, struct expr *e)
{
    for (size_t i = 0; i < q->n_targets; i++)
        if (expr_equal(q->targets[i].expr, e))
            return &q->targets[i];
    struct target t = { .expr = e, .junk = true };
    return PUSH(a, q->targets, q->n_targets, t) ? &q->targets[q->n_targets - 1] : NULL;
}

/* A bare name or position in ORDER BY, GROUP BY, DISTINCT ON that means a result column (SQL92). *ret NULL: it does not. */
static bool output_reference(A *a, struct scope *s, const Node *n, const char *clause, bool names_first,
                             struct target **ret)
{
    struct query *q = s->query;
    *ret = NULL;
    if (n->node_case == PG_QUERY__NODE__NODE_COLUMN_REF && n->column_ref->n_fields == 1) {
        struct str name = node_string(n->column_ref->fields[0]);
        if (!name.n)
            return true;
        if (!names_first) { /* GROUP BY: an input column of that name wins */
            for (size_t i = 0; i < s->n_names; i++) {
                const struct rte *r = &q->rtable[s->names[i].rte];
                for (size_t c = 0; s->names[i].columns_visible && c < r->n_columns; c++)
                    if (str_eq(r->columns[c].name, name))
                        return true;
            }
        }
        for (size_t i = 0; i < q->n_targets; i++) {
            if (q->targets[i].junk || !str_eq(q->targets[i].name, name))
                continue;
            if (*ret && !expr_equal((*ret)->expr, q->targets[i].expr))
                return fail_at(a, n->column_ref->location, SQLSTATE_AMBIGUOUS_COLUMN, "%s \"%.*s\" is ambiguous",
                               clause, STR_FMT(name));
            if (!*ret)
                *ret = &q->targets[i];
        }
        return true;
    }
    if (n->node_case == PG_QUERY__NODE__NODE_A_CONST) {
        if (n->a_const->isnull || n->a_const->val_case != PG_QUERY__A__CONST__VAL_IVAL)
            return fail_at(a, n->a_const->location, SQLSTATE_SYNTAX_ERROR, "non-integer constant in %s", clause);
        int position = n->a_const->ival->ival, at = 0;
        for (size_t i = 0; i < q->n_targets; i++)
            if (!q->targets[i].junk && ++at == position)
                *ret = &q->targets[i];
        if (!*ret)
            return fail_at(a, n->a_const->location, SQLSTATE_INVALID_COLUMN_REFERENCE,
                           "%s position %d is not in select list", clause, position);
    }
    return true;
}

struct target *clause_target(A *a, struct scope *s, const Node *n, const char *clause, enum expr_place place,
                             bool names_first)
{
    struct target *t;
    if (!output_reference(a, s, n, clause, names_first, &t))
        return NULL;
    if (t)
        return t;
    struct expr *e = transform_in(a, s, n, place);
    if (e && e->type == TYPE_OID_unknown)
        e = coerce_type(a, e, TYPE_OID_text, -1, COERCION_IMPLICIT, false, -1);
    return e ? junk_target(a, s->query, e) : NULL;
}

/* ORDER BY x USING <: the operators that stand for ASC and DESC. */
static bool sorts_by_operator(A *a, const PgQuery__SortBy *by, bool *ret_descending)
{
    struct str name = node_string(by->use_op[by->n_use_op - 1]);
    *ret_descending = str_is(name, ">");
    return str_is(name, "<") || *ret_descending ||
           fail_at(a, by->location, SQLSTATE_WRONG_OBJECT_TYPE, "operator %.*s is not a valid ordering operator",
                   STR_FMT(name));
}

static bool transform_sort(A *a, struct scope *s, Node *const *list, size_t n)
{
    struct query *q = s->query;
    for (size_t i = 0; i < n; i++) {
        const PgQuery__SortBy *by = list[i]->sort_by;
        bool descending = by->sortby_dir == PG_QUERY__SORT_BY_DIR__SORTBY_DESC;
        if (by->sortby_dir == PG_QUERY__SORT_BY_DIR__SORTBY_USING && !sorts_by_operator(a, by, &descending))
            return false;
        struct target *t = clause_target(a, s, by->node, "ORDER BY", PLACE_ORDER_BY, true);
        if (!t)
            return false;
        if (t->expr->type == TYPE_OID_unknown &&
            !(t->expr = coerce_type(a, t->expr, TYPE_OID_text, -1, COERCION_IMPLICIT, false, -1)))
            return false;
        if (!expr_has_order(a, t->expr, "ordering", by->location >= 0 ? by->location : raw_location(by->node)))
            return false;
        struct sort_item item = { .expr = t->expr, .descending = descending };
        item.nulls_first = by->sortby_nulls == PG_QUERY__SORT_BY_NULLS__SORTBY_NULLS_FIRST ||
                           (by->sortby_nulls != PG_QUERY__SORT_BY_NULLS__SORTBY_NULLS_LAST && item.descending);
        if (!PUSH(a, q->sort, q->n_sort, item))
            return false;
    }
    return true;
}

/* A target of GROUP BY alone is not in the way of DISTINCT. */
static bool sorts_by(const struct query *q, const struct expr *e)
{
    for (size_t i = 0; i < q->n_sort; i++)
        if (expr_equal(q->sort[i].expr, e))
            return true;
    return false;
}

static bool on_does_not_match(A *a, const Node *n)
{
    return fail_at(a, raw_location(n), SQLSTATE_INVALID_COLUMN_REFERENCE,
                   "SELECT DISTINCT ON expressions must match initial ORDER BY expressions");
}

/* Which of DISTINCT ON is that expression; n: none. */
static size_t on_item(const struct query *q, const struct expr *e)
{
    size_t i = 0;
    while (i < q->n_distinct_on && !expr_equal(e, q->distinct_on[i]))
        i++;
    return i;
}

/* The ON expressions must be the first ORDER BY items, in any order. */
static bool transform_distinct_on(A *a, struct scope *s, Node *const *list, size_t n)
{
    struct query *q = s->query;
    for (size_t i = 0; i < n; i++) {
        struct target *t = clause_target(a, s, list[i], "DISTINCT ON", PLACE_DISTINCT_ON, true);
        if (!t || !PUSH(a, q->distinct_on, q->n_distinct_on, t->expr))
            return false;
    }
    bool skipped = false;
    for (size_t i = 0; i < q->n_sort; i++) {
        size_t on = on_item(q, q->sort[i].expr);
        bool again = false; /* a second time, which counts for nothing */
        for (size_t k = 0; k < i; k++)
            again |= expr_equal(q->sort[k].expr, q->sort[i].expr);
        if (on < n && skipped && !again)
            return on_does_not_match(a, list[on]);
        skipped |= on == n;
    }
    for (size_t i = 0; i < n; i++) {
        struct expr *e = q->distinct_on[i];
        if (sorts_by(q, e))
            continue;
        if (skipped)
            return on_does_not_match(a, list[i]);
        if (!expr_has_order(a, e, "equality", raw_location(list[i])))
            return false;
    }
    return true;
}

static bool transform_distinct(A *a, struct scope *s, const PgQuery__SelectStmt *stmt)
{
    struct query *q = s->query;
    if (!stmt->n_distinct_clause)
        return true;
    const Node *first = stmt->distinct_clause[0];
    bool on = first && first->node_case != PG_QUERY__NODE__NODE__NOT_SET;
    if (!on) {
        q->distinct = true;
        for (size_t i = 0; i < q->n_targets; i++) {
            const struct expr *e = q->targets[i].expr;
            if (!q->targets[i].junk && !expr_has_order(a, e, "equality", expr_start(e)))
                return false;
            if (q->targets[i].junk && sorts_by(q, e))
                return fail_at(a, expr_start(e), SQLSTATE_INVALID_COLUMN_REFERENCE,
                               "for SELECT DISTINCT, ORDER BY expressions must appear in select list");
        }
        return true;
    }
    return transform_distinct_on(a, s, stmt->distinct_clause, stmt->n_distinct_clause);
}

/* --- LIMIT --- */

static bool transform_limit(A *a, struct scope *s, const Node *n, const char *what, struct expr **ret)
{
    if (!n)
        return true;
    s->own_var = 0;
    struct expr *e = transform_in(a, s, n, str_is(str_from(what), "LIMIT") ? PLACE_LIMIT : PLACE_OFFSET);
    if (!e || !(e = coerce_to_specific(a, e, TYPE_OID_int8, what)))
        return false;
    if (s->own_var)
        return fail_at(a, s->own_var - 1, SQLSTATE_INVALID_COLUMN_REFERENCE,
                       "argument of %s must not contain variables", what);
    *ret = e;
    return true;
}

static bool transform_limits(A *a, struct scope *s, const PgQuery__SelectStmt *stmt)
{
    struct query *q = s->query;
    const Node *count = stmt->limit_count;
    if (!transform_limit(a, s, stmt->limit_offset, "OFFSET", &q->offset) ||
        !transform_limit(a, s, count, "LIMIT", &q->limit))
        return false;
    q->with_ties = stmt->limit_option == PG_QUERY__LIMIT_OPTION__LIMIT_OPTION_WITH_TIES;
    return !(q->with_ties && count && count->node_case == PG_QUERY__NODE__NODE_A_CONST && count->a_const->isnull) ||
           fail_at(a, -1, SQLSTATE_INVALID_ROW_COUNT_IN_LIMIT_CLAUSE,
                   "row count cannot be null in FETCH FIRST ... WITH TIES clause");
}

/* --- locking --- */

/* FOR UPDATE OF t: t is a name of FROM. */
static bool check_locked_names(A *a, const struct query *q, const PgQuery__LockingClause *l, const char *name)
{
    for (size_t i = 0; i < l->n_locked_rels; i++) {
        const PgQuery__RangeVar *r = l->locked_rels[i]->range_var;
        bool found = false;
        if (r->schemaname && *r->schemaname)
            return fail_at(a, r->location, SQLSTATE_SYNTAX_ERROR, "%s must specify unqualified relation names", name);
        for (size_t k = 0; k < q->n_rtable; k++)
            found = found || (q->rtable[k].in_from && str_is(q->rtable[k].alias, r->relname));
        if (!found)
            return fail_at(a, r->location, SQLSTATE_UNDEFINED_TABLE,
                           "relation \"%s\" in %s clause not found in FROM clause", r->relname, name);
    }
    return true;
}

static bool transform_locking(A *a, struct query *q, Node *const *list, size_t n)
{
    static const enum lock_strength strengths[] = { LOCK_NONE,  LOCK_NONE,          LOCK_KEY_SHARE,
                                                    LOCK_SHARE, LOCK_NO_KEY_UPDATE, LOCK_UPDATE };
    static const char *const names[] = { "", "", "FOR KEY SHARE", "FOR SHARE", "FOR NO KEY UPDATE", "FOR UPDATE" };
    for (size_t i = 0; i < n; i++) {
        const PgQuery__LockingClause *l = list[i]->locking_clause;
        const char *conflict = q->set_operation != SETOP_NONE     ? "UNION/INTERSECT/EXCEPT"
                               : q->distinct || q->n_distinct_on  ? "DISTINCT clause"
                               : q->n_group || q->n_grouping_sets ? "GROUP BY clause"
                               : q->having                        ? "HAVING clause"
                               : q->has_aggregates                ? "aggregate functions"
                               : q->has_windows                   ? "window functions"
                               : q->has_set_returning             ? "set-returning functions in the target list"
                                                                  : NULL;
        if (conflict)
            return fail_at(a, -1, SQLSTATE_FEATURE_NOT_SUPPORTED, "%s is not allowed with %s", names[l->strength],
                           conflict);
        if (!check_locked_names(a, q, l, names[l->strength]))
            return false;
        if (strengths[l->strength] > q->lock)
            q->lock = strengths[l->strength];
        a->locks_rows |= q->lock != LOCK_NONE;
        q->lock_nowait |= l->wait_policy == PG_QUERY__LOCK_WAIT_POLICY__LockWaitError;
        q->lock_skip_locked |= l->wait_policy == PG_QUERY__LOCK_WAIT_POLICY__LockWaitSkip;
    }
    if (q->lock_skip_locked) {
        a->skips = q;
        a->n_skips++;
    }
    return true;
}

/* --- VALUES --- */

static struct query *transform_values(A *a, struct scope *s, const PgQuery__SelectStmt *stmt)
{
    struct query *q = s->query;
    size_t columns = stmt->values_lists[0]->list->n_items;
    q->values_rows = NEW_ARRAY(a, struct expr **, stmt->n_values_lists);
    if (!q->values_rows)
        return NULL;
    for (size_t i = 0; i < stmt->n_values_lists; i++) {
        const PgQuery__List *list = stmt->values_lists[i]->list;
        struct expr **row = NEW_ARRAY(a, struct expr *, list->n_items + 1);
        if (!row)
            return NULL;
        for (size_t c = 0; c < list->n_items; c++)
            if (!(row[c] = transform_in(a, s, list->items[c], PLACE_VALUES)))
                return NULL;
        if (list->n_items != columns) {
            fail_at(a, expr_start(row[0]), SQLSTATE_SYNTAX_ERROR, "VALUES lists must all be the same length");
            return NULL;
        }
        q->values_rows[q->n_values_rows++] = row;
    }
    struct expr **column = NEW_ARRAY(a, struct expr *, q->n_values_rows);
    for (size_t c = 0; column && c < columns; c++) {
        for (size_t i = 0; i < q->n_values_rows; i++)
            column[i] = q->values_rows[i][c];
        oid_t type = select_common_type(a, column, q->n_values_rows, "VALUES");
        if (!type)
            return NULL;
        for (size_t i = 0; i < q->n_values_rows; i++)
            if (!(column[i] = q->values_rows[i][c] = coerce_to_common(a, q->values_rows[i][c], type, "VALUES")))
                return NULL;
        struct target t = { .name = arena_printf(a->arena, "column%zu", c + 1) };
        t.expr = expr_new(a, EXPR_VAR, type, select_common_typmod(column, q->n_values_rows, type), -1);
        if (!t.expr)
            return NULL;
        t.expr->var.rte = RTE_OUTPUT;
        t.expr->var.column = (int)c;
        if (!PUSH(a, q->targets, q->n_targets, t))
            return NULL;
    }
    return column ? q : NULL;
}

/* --- set operations --- */

/* Gives output column i of a query another type, in all its branches. */
static bool coerce_output(A *a, struct query *q, size_t i, oid_t type, const char *what)
{
    if (q->set_operation != SETOP_NONE) {
        if (!coerce_output(a, q->left, i, type, what) || !coerce_output(a, q->right, i, type, what))
            return false;
        q->targets[i].expr->type = type;
        return true;
    }
    if (q->n_values_rows) {
        for (size_t r = 0; r < q->n_values_rows; r++)
            if (!(q->values_rows[r][i] = coerce_to_common(a, q->values_rows[r][i], type, what)))
                return false;
        q->targets[i].expr->type = type;
        return true;
    }
    if (q->command != COMMAND_SELECT)
        return unsupported_at(a, -1, "a data-modifying statement in a set operation");
    struct expr *before = q->targets[i].expr, *after = coerce_to_common(a, before, type, what);
    if (!after)
        return false;
    q->targets[i].expr = after;
    for (size_t k = 0; k < q->n_sort; k++) /* an ORDER BY of that column alone still sorts what it sorted */
        if (q->sort[k].expr == before && before->type != TYPE_OID_unknown)
            q->sort[k].expr = before;
    return true;
}

/* Its rows are compared with each other: as what they are, not as what an operation around it makes of them. */
static bool compares_rows(const struct query *q)
{
    if (q->set_operation == SETOP_NONE)
        return q->distinct;
    return q->set_operation != SETOP_UNION || !q->set_all || compares_rows(q->left) || compares_rows(q->right);
}

/* Column i of one side of an operation as the type of both. */
static bool coerce_side(A *a, struct query *side, struct expr ***casts, size_t i, oid_t type, const char *what)
{
    const struct expr *before = side->targets[i].expr;
    if (before->type == type || before->type == TYPE_OID_unknown || !compares_rows(side))
        return coerce_output(a, side, i, type, what);
    if (!*casts && !(*casts = NEW_ARRAY(a, struct expr *, side->n_targets + 1)))
        return false;
    struct expr *output = expr_new(a, EXPR_VAR, before->type, before->typmod, before->location);
    if (!output)
        return false;
    output->var.rte = RTE_OUTPUT;
    output->var.column = (int)i;
    return ((*casts)[i] = coerce_to_common(a, output, type, what)) != NULL;
}

/* ORDER BY x + 1 behind a set operation: its names are looked up first, then it is refused. */
static void refuse_order_by_expression(A *a, struct scope *s, const Node *n)
{
    struct rte outputs = { .kind = RTE_SUBQUERY, .subquery = s->query };
    for (size_t i = 0; i < s->query->n_targets; i++) {
        const struct target *t = &s->query->targets[i];
        struct rte_column c = { .name = t->name, .type = t->expr->type, .typmod = t->expr->typmod };
        if (!PUSH(a, outputs.columns, outputs.n_columns, c))
            return;
    }
    int rte = add_rte(a, s, outputs);
    struct expr *x = rte >= 0 && add_name(a, s, rte, true, false) ? transform_in(a, s, n, PLACE_ORDER_BY) : NULL;
    if (!x)
        return;
    fail_at(a, expr_start(x), SQLSTATE_FEATURE_NOT_SUPPORTED, "invalid UNION/INTERSECT/EXCEPT ORDER BY clause");
    err_detail(a->err, "Only result column names can be used, not expressions or functions.");
    err_hint(a->err, "Add the expression/function to every SELECT, or move the UNION into a FROM clause.");
}

/* The non-recursive term as the recursive one sees it: what has no type yet is text, though the union may make more of it. */
static struct query *recursive_term(A *a, const struct query *term)
{
    struct query *q = NEW(a, struct query);
    if (!q)
        return NULL;
    *q = *term;
    q->targets = NEW_ARRAY(a, struct target, term->n_targets + 1);
    for (size_t i = 0; q->targets && i < term->n_targets; i++) {
        q->targets[i] = term->targets[i];
        if (term->targets[i].expr->type == TYPE_OID_unknown &&
            !(q->targets[i].expr = const_null(a, TYPE_OID_text, -1, term->targets[i].expr->location)))
            return NULL;
    }
    return q->targets ? q : NULL;
}

/* INTO of a SELECT in the right side of a set operation. */
static const PgQuery__IntoClause *into_of(const PgQuery__SelectStmt *stmt)
{
    if (stmt->op <= PG_QUERY__SET_OPERATION__SETOP_NONE)
        return stmt->into_clause;
    const PgQuery__IntoClause *left = into_of(stmt->larg);
    return left ? left : into_of(stmt->rarg);
}

/* A SELECT that PostgreSQL analyzes apart from the set operation around it. */
static bool is_leaf(const PgQuery__SelectStmt *stmt)
{
    return stmt->op <= PG_QUERY__SET_OPERATION__SETOP_NONE || stmt->n_sort_clause || stmt->limit_offset ||
           stmt->limit_count || stmt->n_locking_clause || stmt->with_clause;
}

/* One side of a set operation: behind it others know it as "*SELECT* 1" … */
static struct query *transform_side(A *a, struct scope *s, const PgQuery__SelectStmt *stmt)
{
    struct query *q = transform_select(a, s, stmt, false);
    struct scope *tree = s->tree;
    if (!q || !is_leaf(stmt))
        return q;
    struct rte leaf = { .kind = RTE_SUBQUERY, .in_from = true };
    leaf.alias = arena_printf(a->arena, "*SELECT* %zu", tree->n_leaves + 1);
    for (size_t i = 0; i < q->n_targets && !q->targets[i].junk; i++) {
        struct rte_column c = { .name = q->targets[i].name };
        if (!PUSH(a, leaf.columns, leaf.n_columns, c))
            return NULL;
    }
    return PUSH(a, tree->leaves, tree->n_leaves, leaf) ? q : NULL;
}

/* A set operation while it is analysed. */
struct setop {
    struct query *q;
    const PgQuery__SelectStmt *stmt;
    const char *what;      /* "UNION" */
    struct cte *recursive; /* the WITH query that it is; NULL: none */
};

static bool setop_sides(A *a, struct scope *s, const struct setop *o)
{
    const PgQuery__IntoClause *into = into_of(o->stmt->rarg);
    if (!(o->q->left = transform_side(a, s, o->stmt->larg)) ||
        (o->recursive && !(o->recursive->query = recursive_term(a, o->q->left))))
        return false;
    if (into)
        return fail_at(a, into->rel->location, SQLSTATE_SYNTAX_ERROR,
                       "INTO is only allowed on first SELECT of UNION/INTERSECT/EXCEPT");
    return (o->q->right = transform_side(a, s, o->stmt->rarg)) != NULL;
}

static size_t count_outputs(const struct query *q)
{
    size_t n = 0;
    while (n < q->n_targets && !q->targets[n].junk)
        n++;
    return n;
}

/* 0: the sides do not fit together. */
static size_t setop_width(A *a, const struct setop *o)
{
    const struct query *right = o->q->right;
    size_t n = count_outputs(o->q->left);
    if (n != count_outputs(right)) {
        fail_at(a, right->n_targets ? expr_start(right->targets[0].expr) : -1, SQLSTATE_SYNTAX_ERROR,
                "each %s query must have the same number of columns", o->what);
        return 0;
    }
    if (n == 0)
        unsupported_at(a, -1, "%s of queries without columns", o->what);
    return n;
}

/* The recursive term may not widen what the other one gave. */
static bool recursive_type_fits(A *a, const struct setop *o, size_t i, oid_t type, int32_t typmod, int location)
{
    const struct expr *first = o->recursive ? o->recursive->query->targets[i].expr : NULL;
    if (!first || (type == first->type && typmod == first->typmod))
        return true;
    fail_at(a, location, SQLSTATE_DATATYPE_MISMATCH,
            "recursive query \"%.*s\" column %zu has type %.*s in non-recursive term but type %.*s overall",
            STR_FMT(o->recursive->name), i + 1,
            STR_FMT(snapshot_format_type(a->snapshot, first->type, first->typmod, a->arena)),
            STR_FMT(snapshot_format_type(a->snapshot, type, typmod, a->arena)));
    return err_hint(a->err, "Cast the output of the non-recursive term to the correct type.");
}

static bool setop_column(A *a, const struct setop *o, size_t i)
{
    struct query *q = o->q;
    struct expr *both[2] = { q->left->targets[i].expr, q->right->targets[i].expr };
    int start = expr_start(both[0]);
    oid_t type = select_common_type(a, both, 2, o->what);
    if (!type)
        return false;
    bool of_right = type_base(a, both[0]->type) != type && type_base(a, both[1]->type) == type;
    int location = of_right ? expr_start(both[1]) : start; /* of the side whose type it is */
    int32_t typmod = select_common_typmod(both, 2, type);
    bool compares = q->set_operation != SETOP_UNION || !q->set_all;
    if (!coerce_side(a, q->left, &q->left_casts, i, type, o->what) ||
        !coerce_side(a, q->right, &q->right_casts, i, type, o->what) ||
        !recursive_type_fits(a, o, i, type, typmod, start) || (compares && !has_order(a, type, "equality", location)))
        return false;
    struct target t = { .name = q->left->targets[i].name, .expr = expr_new(a, EXPR_VAR, type, typmod, location) };
    if (!t.expr)
        return false;
    t.expr->var.rte = RTE_OUTPUT;
    t.expr->var.column = (int)i;
    return PUSH(a, q->targets, q->n_targets, t);
}

/* ORDER BY names output columns, or counts them. */
static bool setop_order(A *a, struct scope *s, const PgQuery__SelectStmt *stmt)
{
    for (size_t i = 0; i < stmt->n_sort_clause; i++) {
        struct target *t;
        const Node *by = stmt->sort_clause[i]->sort_by->node;
        if (!output_reference(a, s, by, "ORDER BY", true, &t))
            return false;
        if (t)
            continue;
        if (by->node_case == PG_QUERY__NODE__NODE_COLUMN_REF && by->column_ref->n_fields == 1)
            return fail_missing_column(a, s, (struct str){ 0 }, node_string(by->column_ref->fields[0]),
                                       by->column_ref->location);
        refuse_order_by_expression(a, s, by);
        return false;
    }
    return transform_sort(a, s, stmt->sort_clause, stmt->n_sort_clause);
}

struct query *transform_setop(A *a, struct scope *parent, const PgQuery__SelectStmt *stmt, struct cte *recursive)
{
    static const enum set_operation operations[] = { SETOP_NONE, SETOP_NONE, SETOP_UNION, SETOP_INTERSECT,
                                                     SETOP_EXCEPT };
    static const char *const names[] = { "", "", "UNION", "INTERSECT", "EXCEPT" };
    struct query *q = NEW(a, struct query);
    struct scope s = { .query = q, .parent = parent, .place = PLACE_SELECT_LIST };
    struct setop o = { .q = q, .stmt = stmt, .what = names[stmt->op], .recursive = recursive };
    if (!q || !enter(a))
        return NULL;
    q->parent = parent ? parent->query : NULL;
    s.tree = parent && parent->tree && !is_leaf(stmt) ? parent->tree : &s;
    q->set_operation = operations[stmt->op];
    q->set_all = stmt->all;
    if (!transform_with(a, &s, stmt->with_clause) || !setop_sides(a, &s, &o))
        return NULL;
    size_t n = setop_width(a, &o);
    for (size_t i = 0; i < n; i++)
        if (!setop_column(a, &o, i))
            return NULL;
    if (!n || !setop_order(a, &s, stmt) || !transform_limits(a, &s, stmt) ||
        !transform_locking(a, q, stmt->locking_clause, stmt->n_locking_clause))
        return NULL;
    leave(a);
    return q;
}

/* --- SELECT --- */

static bool transform_windows(A *a, struct scope *s, const PgQuery__SelectStmt *stmt)
{
    s->windows = NEW_ARRAY(a, struct window *, stmt->n_window_clause + 1);
    s->window_names = NEW_ARRAY(a, struct str, stmt->n_window_clause + 1);
    if (!s->windows || !s->window_names)
        return false;
    for (size_t i = 0; i < stmt->n_window_clause; i++) {
        const PgQuery__WindowDef *def = stmt->window_clause[i]->window_def;
        for (size_t k = 0; k < s->n_windows; k++)
            if (str_is(s->window_names[k], def->name))
                return fail_at(a, def->location, SQLSTATE_WINDOWING_ERROR, "window \"%s\" is already defined",
                               def->name);
        struct window *w = transform_window(a, s, def);
        if (!w)
            return false;
        s->windows[s->n_windows] = w;
        s->window_names[s->n_windows++] = str_from(def->name);
    }
    return true;
}

/* HAVING without GROUP BY and aggregates: one group, whatever the rows are, so nothing is read. */
static void having_alone(struct query *q)
{
    if (!q->having || q->has_aggregates || q->n_group || q->n_grouping_sets)
        return;
    q->n_from = 0;
    q->where = q->having;
    q->having = NULL;
}

/* The planner takes INTO off a statement's own SELECT, so one that is left stands further in, or in the first one of a UNION. */
static void refuse_into(A *a, const struct scope *s, const PgQuery__IntoClause *into)
{
    const struct scope *at = s->parent;
    while (at && at->query->set_operation != SETOP_NONE)
        at = at->parent;
    if (at || !s->parent) {
        fail_at(a, into->rel->location, SQLSTATE_SYNTAX_ERROR, "SELECT ... INTO is not allowed here");
        return;
    }
    unsupported_at(a, -1, "SELECT INTO");
    err_hint(a->err, "Use CREATE TABLE AS.");
}

static struct query *transform_plain_select(A *a, struct scope *s, const PgQuery__SelectStmt *stmt,
                                            bool resolve_unknown)
{
    struct query *q = s->query;
    if (stmt->into_clause) {
        refuse_into(a, s, stmt->into_clause);
        return NULL;
    }
    if (!transform_from(a, s, stmt->from_clause, stmt->n_from_clause) || !transform_windows(a, s, stmt) ||
        !transform_targets(a, s, stmt->target_list, stmt->n_target_list, PLACE_SELECT_LIST, &q->targets, &q->n_targets))
        return NULL;
    if (stmt->where_clause) {
        q->where = transform_in(a, s, stmt->where_clause, PLACE_WHERE);
        if (!q->where || !(q->where = coerce_to_boolean(a, q->where, "WHERE")))
            return NULL;
    }
    if (stmt->having_clause) {
        q->having = transform_in(a, s, stmt->having_clause, PLACE_HAVING);
        if (!q->having || !(q->having = coerce_to_boolean(a, q->having, "HAVING")))
            return NULL;
    }
    if (!transform_sort(a, s, stmt->sort_clause, stmt->n_sort_clause) ||
        !transform_group(a, s, stmt->group_clause, stmt->n_group_clause, stmt->group_distinct) ||
        !transform_distinct(a, s, stmt) || !transform_limits(a, s, stmt))
        return NULL;
    if (q->with_ties && !q->n_sort) {
        fail_at(a, -1, SQLSTATE_WINDOWING_ERROR, "WITH TIES cannot be specified without ORDER BY clause");
        return NULL;
    }
    if (resolve_unknown)
        resolve_unknown_targets(a, q->targets, q->n_targets);
    if (!transform_locking(a, q, stmt->locking_clause, stmt->n_locking_clause) || !check_grouping(a, q) ||
        !check_row_items(a, q))
        return NULL;
    having_alone(q);
    return q;
}

struct query *transform_select(A *a, struct scope *parent, const PgQuery__SelectStmt *stmt, bool resolve_unknown)
{
    struct query *q = NEW(a, struct query), *done = NULL;
    struct scope s = { .query = q, .parent = parent, .place = PLACE_SELECT_LIST };
    if (!q || !enter(a))
        return NULL;
    q->parent = parent ? parent->query : NULL;
    if (stmt->op > PG_QUERY__SET_OPERATION__SETOP_NONE) {
        done = transform_setop(a, parent, stmt, NULL);
        leave(a);
        return done;
    }
    if (!transform_with(a, &s, stmt->with_clause))
        return NULL;
    if (stmt->n_values_lists) {
        done = transform_values(a, &s, stmt);
        if (done && (!transform_sort(a, &s, stmt->sort_clause, stmt->n_sort_clause) || !transform_limits(a, &s, stmt)))
            return NULL;
    } else {
        done = transform_plain_select(a, &s, stmt, resolve_unknown);
    }
    leave(a);
    return done;
}

struct query *transform_any_query(A *a, struct scope *parent, const Node *n)
{
    switch (n->node_case) {
    case PG_QUERY__NODE__NODE_SELECT_STMT:
        return transform_select(a, parent, n->select_stmt, true);
    case PG_QUERY__NODE__NODE_INSERT_STMT:
        return transform_insert(a, parent, n->insert_stmt);
    case PG_QUERY__NODE__NODE_UPDATE_STMT:
        return transform_update(a, parent, n->update_stmt);
    case PG_QUERY__NODE__NODE_DELETE_STMT:
        return transform_delete(a, parent, n->delete_stmt);
    case PG_QUERY__NODE__NODE_MERGE_STMT:
        return transform_merge(a, n->merge_stmt); /* never in WITH: transform_with() */
    default:
        unsupported_at(a, -1, "this statement as a query");
        return NULL;
    }
}
