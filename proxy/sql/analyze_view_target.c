/*
 * analyze_view_target.c - writing through views (PostgreSQL 15: rewriteHandler.c, view_query_is_auto_updatable, rewriteTargetView).
 *
 * The view stands in the range table as a holder of names: each of its columns is an expression over the table it leads to, so that
 * whatever the statement says of the view is said of the table as soon as it is analyzed. A view on a view is a holder over a holder.
 * What is left for the end is the view's condition, the columns that cannot be written, and WITH CHECK OPTION. See analyze_internal.h.
 */
#include "proxy/sql/analyze_internal.h"

struct verb {
    const char *name, *gerund, *event; /* insert into, inserting into, INSERT */
};

static const struct verb *verb_of(enum command command)
{
    static const struct verb verbs[] = { [COMMAND_INSERT] = { "insert into", "inserting into", "INSERT" },
                                         [COMMAND_UPDATE] = { "update", "updating", "UPDATE" },
                                         [COMMAND_DELETE] = { "delete from", "deleting from", "DELETE" } };
    return &verbs[command];
}

/* A view's text, and what it means by itself. */
struct definition {
    A analyze;
    struct sql_settings settings;
    const PgQuery__SelectStmt *select;
    struct query *query;
};

/* Stored texts name what is not on the path public with its schema. */
static bool read_definition(A *a, const struct relation *view, struct definition *ret)
{
    static const struct str path[] = { STR_INIT("public") };
    struct sql_list list;
    ret->settings = *a->settings;
    ret->settings.search_path = path;
    ret->settings.n_search_path = 1;
    ret->settings.no_views = false;
    ret->analyze = (A){ .snapshot = a->snapshot,
                        .settings = &ret->settings,
                        .arena = a->arena,
                        .is_stored = true,
                        .depth = a->depth,
                        .err = a->err };
    if (!sql_parse(view->view_text, view->view_text.n, a->arena, &list, a->err))
        return false;
    const PgQuery__RawStmt *raw = list.n == 1 ? list.statements[0].raw : NULL;
    if (!raw || raw->stmt->node_case != PG_QUERY__NODE__NODE_SELECT_STMT)
        return err_set(a->err, SQLSTATE_DATA_CORRUPTED, "the definition of view \"%.*s\" is not a query",
                       STR_FMT(view->name));
    ret->select = raw->stmt->select_stmt;
    ret->query = transform_select(&ret->analyze, NULL, ret->select, true);
    return ret->query != NULL;
}

static bool gives_sets(const struct query *q)
{
    for (size_t i = 0; i < q->n_targets; i++)
        if (set_returning_call(q->targets[i].expr))
            return true;
    return false;
}

/* The column of the one FROM item that a view's column is; -1: none. */
static int plain_column(const struct query *q, size_t i)
{
    const struct expr *x = i < q->n_targets && !q->targets[i].junk ? q->targets[i].expr : NULL;
    return x && x->kind == EXPR_VAR && x->var.levels_up == 0 && x->var.rte == 0 ? x->var.column : -1;
}

static bool has_updatable_column(const struct query *q)
{
    for (size_t i = 0; i < q->n_targets; i++)
        if (plain_column(q, i) >= 0)
            return true;
    return false;
}

static bool selects_from_one(const PgQuery__SelectStmt *s, const struct query *q)
{
    return q->n_from == 1 && q->from[0]->kind == FROM_RTE && q->from[0]->rte == 0 &&
           s->from_clause[0]->node_case == PG_QUERY__NODE__NODE_RANGE_VAR && q->rtable[0].relation &&
           q->rtable[0].relation->kind != RELATION_SEQUENCE;
}

const char *analyze_view_refusal(const PgQuery__SelectStmt *s, const struct query *q, bool writes_columns)
{
    bool lists = q->set_operation != SETOP_NONE;
    if (s->n_distinct_clause)
        return "Views containing DISTINCT are not automatically updatable.";
    if (s->n_group_clause)
        return "Views containing GROUP BY are not automatically updatable.";
    if (s->having_clause)
        return "Views containing HAVING are not automatically updatable.";
    if (lists)
        return "Views containing UNION, INTERSECT, or EXCEPT are not automatically updatable.";
    if (s->with_clause)
        return "Views containing WITH are not automatically updatable.";
    if (s->limit_count || s->limit_offset)
        return "Views containing LIMIT or OFFSET are not automatically updatable.";
    if (q->has_aggregates)
        return "Views that return aggregate functions are not automatically updatable.";
    if (q->has_windows)
        return "Views that return window functions are not automatically updatable.";
    if (gives_sets(q))
        return "Views that return set-returning functions are not automatically updatable.";
    if (!selects_from_one(s, q))
        return "Views that do not select from a single table or view are not automatically updatable.";
    if (writes_columns && !has_updatable_column(q))
        return "Views that have no updatable columns are not automatically updatable.";
    return NULL;
}

static void refuse_view(A *a, const struct relation *view, enum command command, const char *detail)
{
    const struct verb *verb = verb_of(command);
    struct err found;
    err_init(&found, a->err->arena);
    err_set(&found, SQLSTATE_OBJECT_NOT_IN_PREREQUISITE_STATE, "cannot %s view \"%.*s\"", verb->name,
            STR_FMT(view->name));
    if (detail)
        err_detail(&found, "%s", detail);
    if (detail)
        err_hint(&found,
                 "To enable %s the view, provide an INSTEAD OF %s trigger or an unconditional ON %s DO INSTEAD rule.",
                 verb->gerund, verb->event, verb->event);
    else
        err_hint(&found, "It was made as SQLite's: change the table under it.");
    note_late(a, &found);
}

/* ---- the holders ---- */

static int add_step(A *a, struct query *q, const struct relation *r, struct str alias, bool cascades,
                    struct written_view **ret);

static bool and_condition(A *a, struct expr **condition, struct expr *more)
{
    struct expr *both = *condition ? expr_new(a, EXPR_AND, TYPE_OID_bool, -1, -1) : more;
    if (!both)
        return false;
    if (*condition) {
        both->args = NEW_ARRAY(a, struct expr *, 2);
        if (!both->args)
            return false;
        both->args[0] = *condition;
        both->args[1] = more;
        both->n_args = 2;
    }
    *condition = both;
    return true;
}

/* The view's columns and condition over what it selects from, which stands in the range table already. */
static bool analyze_over(struct definition *d, struct query *q, int below, struct target **ret_targets, size_t *ret_n,
                         struct expr **ret_where)
{
    A *a = &d->analyze;
    struct scope s = { .query = q, .place = PLACE_SELECT_LIST };
    size_t n_ctes = q->n_ctes; /* the statement's WITH queries are none of the view's */
    q->n_ctes = 0;
    bool ok =
        add_name(a, &s, below, true, true) && transform_targets(a, &s, d->select->target_list, d->select->n_target_list,
                                                                PLACE_SELECT_LIST, ret_targets, ret_n);
    if (ok)
        resolve_unknown_targets(a, *ret_targets, *ret_n);
    if (ok && d->select->where_clause) {
        *ret_where = transform_in(a, &s, d->select->where_clause, PLACE_WHERE);
        ok = *ret_where && (*ret_where = coerce_to_boolean(a, *ret_where, "WHERE"));
    }
    q->n_ctes = n_ctes;
    return ok;
}

/* Which of its columns can be written, through the views below it. */
static bool map_columns(A *a, const struct definition *d, const struct relation *base, const struct written_view *below,
                        struct written_view *view)
{
    size_t n = view->relation->n_columns;
    view->columns = NEW_ARRAY(a, struct written_column, n + 1);
    if (!view->columns)
        return false;
    for (size_t i = 0; i < n; i++) {
        int column = plain_column(d->query, i);
        struct written_column *w = &view->columns[i];
        if (column >= 0 && below)
            *w = below->columns[column];
        else if (column >= 0)
            w->column = &base->columns[column];
        else
            *w = (struct written_column){ .view = view->relation, .number = (int)i };
    }
    return true;
}

static bool hold_columns(A *a, struct query *q, const struct target *targets, size_t n_targets, struct str alias,
                         struct written_view *view)
{
    const struct relation *r = view->relation;
    struct rte rte = { .kind = RTE_JOIN, .alias = alias, .has_alias = !str_eq(alias, r->name) };
    struct scope s = { .query = q };
    rte.columns = NEW_ARRAY(a, struct rte_column, r->n_columns + 1);
    if (!rte.columns)
        return false;
    for (size_t i = 0; i < r->n_columns && i < n_targets; i++) {
        struct expr *x = targets[i].expr;
        rte.columns[i] =
            (struct rte_column){ .name = r->columns[i].name, .type = x->type, .typmod = x->typmod, .join_expr = x };
    }
    rte.n_columns = r->n_columns;
    return (view->rte = add_rte(a, &s, rte)) >= 0;
}

static int add_plain(A *a, struct query *q, const struct relation *r, struct str alias)
{
    struct scope s = { .query = q };
    return q->result_rte = add_rte_for_relation(a, &s, r, alias, false);
}

static int add_view_step(A *a, struct query *q, const struct relation *r, struct str alias, bool cascades,
                         struct written_view **ret)
{
    struct definition d;
    struct written_view *view = NEW(a, struct written_view), *below = NULL;
    struct target *targets = NULL;
    struct expr *where = NULL;
    size_t n_targets = 0;
    if (!view)
        return -1;
    if (r->view_text.n && !read_definition(a, r, &d))
        return -1;
    const char *detail = r->view_text.n ? analyze_view_refusal(d.select, d.query, q->command != COMMAND_DELETE) : NULL;
    if (detail || !r->view_text.n) {
        refuse_view(a, r, q->command, detail);
        return add_plain(a, q, r, alias);
    }
    cascades = cascades || r->check_option == 'c';
    const PgQuery__Alias *name = d.select->from_clause[0]->range_var->alias;
    const struct relation *base = d.query->rtable[0].relation;
    int rte = add_step(a, q, base, name ? str_from(name->aliasname) : base->name, cascades, &below);
    if (rte < 0)
        return -1;
    for (size_t i = 0; name && i < name->n_colnames && i < q->rtable[rte].n_columns; i++)
        q->rtable[rte].columns[i].name = node_string(name->colnames[i]);
    *view = (struct written_view){ .relation = r };
    if (below) {
        view->where = below->where;
        view->checks = below->checks;
        view->n_checks = below->n_checks;
    }
    if (!analyze_over(&d, q, rte, &targets, &n_targets, &where) || !map_columns(a, &d, base, below, view) ||
        !hold_columns(a, q, targets, n_targets, alias, view))
        return -1;
    if (where && (cascades || r->check_option)) {
        struct view_check check = { .view = r, .condition = where };
        if (!PUSH(a, view->checks, view->n_checks, check))
            return -1;
    }
    if (where && !and_condition(a, &view->where, where))
        return -1;
    *ret = view;
    return view->rte;
}

/* A table or a view as what is written to; gives the entry that has its names. */
static int add_step(A *a, struct query *q, const struct relation *r, struct str alias, bool cascades,
                    struct written_view **ret)
{
    if (r->kind == RELATION_VIEW && !r->has_user_triggers) {
        int rte = enter(a) ? add_view_step(a, q, r, alias, cascades, ret) : -1;
        leave(a);
        return rte;
    }
    int rte = add_plain(a, q, r, alias);
    if (rte >= 0)
        q->rtable[rte].in_from = false;
    return rte;
}

int add_view_target(A *a, struct scope *s, const struct relation *view, struct str alias)
{
    struct query *q = s->query;
    return add_step(a, q, view, alias, false, &q->view);
}

struct excluded {
    const struct query *q;
    struct arena *arena;
    int rte;
};

static struct expr *of_excluded(struct expr *x, void *ctx)
{
    const struct excluded *e = ctx;
    if (x->kind != EXPR_VAR || x->var.levels_up || x->var.rte != e->q->result_rte)
        return NULL;
    struct expr *copy = ARENA_NEW(e->arena, struct expr);
    if (copy) {
        *copy = *x;
        copy->var.rte = e->rte;
    }
    return copy;
}

int add_view_excluded(A *a, struct query *q, int excluded)
{
    struct excluded e = { .q = q, .arena = a->arena, .rte = excluded };
    struct scope s = { .query = q };
    struct rte rte = q->rtable[q->view->rte];
    struct rte_column *columns = NEW_ARRAY(a, struct rte_column, rte.n_columns + 1);
    if (!columns)
        return -1;
    for (size_t i = 0; i < rte.n_columns; i++) {
        columns[i] = rte.columns[i];
        if (!(columns[i].join_expr = expr_map(rte.columns[i].join_expr, of_excluded, &e, a->arena)))
            return err_oom(a->err), -1;
    }
    rte.columns = columns;
    rte.alias = STR("excluded");
    q->rtable[excluded].alias = STR("");
    q->rtable[excluded].in_from = false;
    return add_rte(a, &s, rte);
}

/* ---- what can be written ---- */

const struct column *view_column(const struct written_view *view, struct str name)
{
    for (size_t i = 0; i < view->relation->n_columns; i++)
        if (str_eq(view->relation->columns[i].name, name))
            return view->columns[i].column ? view->columns[i].column : &view->relation->columns[i];
    return NULL;
}

bool is_view_column(const struct written_view *view, const struct column *c)
{
    return view && c >= view->relation->columns && c < view->relation->columns + view->relation->n_columns;
}

void refuse_view_column(A *a, const struct query *q, const struct column *c)
{
    const struct written_column *w = &q->view->columns[c - q->view->relation->columns];
    struct err found;
    err_init(&found, a->err->arena);
    err_set(&found, SQLSTATE_FEATURE_NOT_SUPPORTED, "cannot %s column \"%.*s\" of view \"%.*s\"",
            verb_of(q->command)->name, STR_FMT(w->view->columns[w->number].name), STR_FMT(w->view->name));
    err_detail(&found, "View columns that are not columns of their base relation are not updatable.");
    note_late(a, &found);
}

/* ---- the end of the statement ---- */

/* What a condition of WITH CHECK OPTION reads of a new row. */
struct new_row {
    A *a;
    const struct query *q;
    const struct assignment *sets; /* what is written … */
    size_t n_sets;
    bool is_insert; /* … and what is not is NULL, else as it was */
    const struct relation *view;
    bool failed;
};

static bool look_for_volatile(struct expr *x, void *ctx)
{
    *(bool *)ctx |= (x->kind == EXPR_FUNC && x->call.proc->volatility == 'v') || x->kind == EXPR_NEXTVAL_DEFAULT;
    return !*(bool *)ctx;
}

static struct expr *refuse_check(struct new_row *row, const struct expr *x, const char *what)
{
    row->failed = true;
    unsupported_at(row->a, -1, "WITH CHECK OPTION of view \"%.*s\" over %s", STR_FMT(row->view->name), what);
    err_hint(row->a->err, "Write to the table under it.");
    return (struct expr *)x;
}

static struct expr *new_value(struct expr *x, void *ctx)
{
    struct new_row *row = ctx;
    if (row->failed)
        return x;
    if (x->kind == EXPR_SUBLINK || x->kind == EXPR_WHOLE_ROW)
        return refuse_check(row, x, x->kind == EXPR_SUBLINK ? "a subquery" : "whole rows");
    if (x->kind != EXPR_VAR || x->var.levels_up || x->var.rte != row->q->result_rte)
        return NULL;
    const struct column *c = row->q->rtable[x->var.rte].columns[x->var.column].column;
    if (c->generated)
        return refuse_check(row, x, "a generated column");
    for (size_t i = 0; i < row->n_sets; i++) {
        bool is_volatile = false;
        if (row->sets[i].column != c)
            continue;
        expr_walk(row->sets[i].expr, look_for_volatile, &is_volatile);
        return is_volatile ? refuse_check(row, x, "a value that is known only when it is written") : row->sets[i].expr;
    }
    if (!row->is_insert)
        return x;
    if (c->default_is_foreign || c->is_rowid)
        return refuse_check(row, x, "a value that D1 gives");
    return const_null(row->a, x->type, x->typmod, -1);
}

/* The value of one assignment is written only where all conditions hold; those of the views below come first. */
static bool check_row(A *a, struct query *q, struct assignment *sets, size_t n, bool is_insert)
{
    const struct written_view *view = q->view;
    size_t at = n; /* the last one: keys, whose values errors tell, tend to come first */
    for (size_t i = 0; i < n; i++)
        if (sets[i].expr->kind != EXPR_NEXTVAL_DEFAULT)
            at = i;
    struct new_row row = { .a = a, .q = q, .sets = sets, .n_sets = n, .is_insert = is_insert };
    struct expr *value = at < n ? sets[at].expr : NULL;
    for (size_t i = view->n_checks; i-- > 0;) {
        row.view = view->checks[i].view;
        struct expr *condition = expr_map(view->checks[i].condition, new_value, &row, a->arena);
        struct expr *checked = value ? expr_new(a, EXPR_CHECK_OPTION, value->type, value->typmod, -1) : NULL;
        if (row.failed)
            return false;
        if (!value)
            return refuse_check(&row, NULL, "a row of defaults"), false;
        if (!condition || !checked || !(checked->args = NEW_ARRAY(a, struct expr *, 2)))
            return err_oom(a->err);
        checked->args[0] = value;
        checked->args[1] = condition;
        checked->n_args = 2;
        checked->check_option.view = view->checks[i].view->name;
        value = checked;
    }
    if (at < n)
        sets[at].expr = value;
    return true;
}

/* A row of INSERT as assignments, and back. */
static bool check_inserted(A *a, struct query *q, struct expr **values)
{
    struct assignment *sets = NEW_ARRAY(a, struct assignment, q->n_insert_columns + 1);
    if (!sets)
        return false;
    for (size_t i = 0; i < q->n_insert_columns; i++)
        sets[i] = (struct assignment){ q->insert_columns[i], values[i] };
    if (!check_row(a, q, sets, q->n_insert_columns, true))
        return false;
    for (size_t i = 0; i < q->n_insert_columns; i++)
        values[i] = sets[i].expr;
    return true;
}

static bool check_new_rows(A *a, struct query *q)
{
    if (q->view->n_checks == 0)
        return true;
    for (size_t i = 0; i < q->n_insert_rows; i++)
        if (!check_inserted(a, q, q->insert_rows[i]))
            return false;
    if (q->insert_select_exprs && !check_inserted(a, q, q->insert_select_exprs))
        return false;
    struct on_conflict *c = q->on_conflict;
    return (!q->n_sets || check_row(a, q, q->sets, q->n_sets, false)) &&
           (!c || !c->n_sets || check_row(a, q, c->sets, c->n_sets, false));
}

bool finish_view_target(A *a, struct query *q)
{
    struct written_view *view = q->view;
    if (!view || err_is_set(&a->late))
        return true;
    bool reads = q->command == COMMAND_UPDATE || q->command == COMMAND_DELETE;
    if (reads && view->where && !and_condition(a, &q->where, view->where))
        return false;
    return check_new_rows(a, q);
}

/* ---- what the catalogue says ---- */

enum {
    EVENT_DELETE = 1 << 4,
    EVENTS = 1 << 2 | 1 << 3 | EVENT_DELETE
}; /* by PostgreSQL's CmdType: UPDATE, INSERT, DELETE */

bool analyze_view_takes_check(struct analyze_context *a, const struct relation *view, const char **ret_refusal)
{
    struct definition d;
    *ret_refusal = "Views that do not select from a single table or view are not automatically updatable.";
    if (!view->view_text.n)
        return false; /* made elsewhere: nothing is known of it */
    *ret_refusal = NULL;
    if (!enter(a))
        return false;
    if (read_definition(a, view, &d))
        *ret_refusal = analyze_view_refusal(d.select, d.query, true);
    leave(a);
    return !err_is_set(a->err) && !*ret_refusal;
}

unsigned analyze_view_events(struct analyze_context *a, const struct relation *r, int column)
{
    struct definition d;
    unsigned events = 0;
    if (r->kind != RELATION_VIEW)
        return r->kind == RELATION_TABLE && !r->is_system ? EVENTS : 0;
    if (r->is_system || !r->view_text.n || !enter(a))
        return 0;
    if (read_definition(a, r, &d) && !analyze_view_refusal(d.select, d.query, false)) {
        int below = column < 0 ? -1 : plain_column(d.query, (size_t)column);
        bool written = column < 0 ? has_updatable_column(d.query) : below >= 0;
        events = (written ? EVENTS : EVENT_DELETE) & analyze_view_events(a, d.query->rtable[0].relation, below);
    }
    leave(a);
    return events;
}

struct query *analyze_view(A *a, const struct relation *view)
{
    struct definition d;
    return view->view_text.n && read_definition(a, view, &d) ? d.query : NULL;
}
