/* analyze_from.c - FROM, the range table, names of tables and columns (PostgreSQL 15: parse_clause.c, parse_relation.c). */
#include "proxy/catalog/system.h"
#include "proxy/sql/analyze_internal.h"

#include "proxy/catalog/names.h"

/* --- range table entries --- */

int add_rte(A *a, struct scope *s, struct rte rte)
{
    struct query *q = s->query;
    if (!PUSH(a, q->rtable, q->n_rtable, rte))
        return -1;
    return (int)q->n_rtable - 1;
}

bool add_name(A *a, struct scope *s, int rte, bool columns_visible, bool table_visible)
{
    struct name_item item = { .rte = rte, .columns_visible = columns_visible, .table_visible = table_visible };
    return PUSH(a, s->names, s->n_names, item);
}

/* Some of s->names: [from … to). */
struct side {
    size_t from, to;
};

/* Two tables without aliases, of two schemas, may have one name. */
static bool may_stand_beside(const struct rte *x, const struct rte *y)
{
    return !str_eq(x->alias, y->alias) || !x->alias.n ||
           (x->kind == RTE_RELATION && y->kind == RTE_RELATION && !x->has_alias && !y->has_alias &&
            x->relation != y->relation);
}

/* No table name of one side is one of the other's. */
static bool check_names(A *a, const struct scope *s, struct side left, struct side right)
{
    const struct rte *entries = s->query->rtable;
    for (size_t i = left.from; i < left.to; i++)
        for (size_t k = right.from; k < right.to; k++)
            if (s->names[i].table_visible && s->names[k].table_visible &&
                !may_stand_beside(&entries[s->names[i].rte], &entries[s->names[k].rte]))
                return fail_at(a, -1, SQLSTATE_DUPLICATE_ALIAS, "table name \"%.*s\" specified more than once",
                               STR_FMT(entries[s->names[k].rte].alias));
    return true;
}

/* What an item is to those behind it: only LATERAL ones see it, or are told by the barrier why they may not. */
static void set_lateral(struct scope *s, struct side side, bool lateral_only, enum barrier barrier)
{
    for (size_t i = side.from; i < side.to; i++) {
        s->names[i].lateral_only = lateral_only;
        s->names[i].barrier = barrier;
    }
}

/* Column names written after the alias. */
static bool apply_column_aliases(A *a, struct rte *r, const PgQuery__Alias *alias, int location)
{
    if (!alias)
        return true;
    if (alias->n_colnames > r->n_columns)
        return fail_at(a, location, SQLSTATE_INVALID_COLUMN_REFERENCE,
                       "%s \"%s\" has %zu columns available but %zu columns specified",
                       r->kind == RTE_JOIN ? "join expression" : "table", alias->aliasname, r->n_columns,
                       alias->n_colnames);
    for (size_t i = 0; i < alias->n_colnames; i++)
        r->columns[i].name = node_string(alias->colnames[i]);
    return true;
}

int add_rte_for_relation(A *a, struct scope *s, const struct relation *relation, struct str alias, bool has_alias)
{
    struct rte r = {
        .kind = RTE_RELATION, .relation = relation, .alias = alias, .has_alias = has_alias, .in_from = true
    };
    size_t n = relation->n_columns,
           hidden = relation->is_system && relation->kind == RELATION_TABLE ? SYSTEM_COLUMNS : 0;
    r.columns = NEW_ARRAY(a, struct rte_column, n + hidden + 1);
    if (!r.columns)
        return -1;
    for (size_t i = 0; i < n + hidden; i++) {
        const struct column *c = i < n ? &relation->columns[i] : &system_columns()[i - n];
        r.columns[i] = (struct rte_column){
            .name = c->name, .type = c->type, .typmod = c->typmod, .collation = c->collation, .column = c
        };
    }
    r.n_columns = n;
    r.n_hidden = hidden;
    if (relation->is_system && relation->kind == RELATION_VIEW && !expand_system_view(a, &r))
        return -1;
    return add_rte(a, s, r);
}

static struct target *outputs(struct query *q, size_t *ret_n)
{
    struct target *list = q->command == COMMAND_SELECT ? q->targets : q->returning;
    size_t n = 0, all = q->command == COMMAND_SELECT ? q->n_targets : q->n_returning;
    while (n < all && !list[n].junk)
        n++;
    *ret_n = n;
    return list;
}

static bool output_columns(A *a, struct query *q, struct rte *r)
{
    size_t n;
    struct target *list = outputs(q, &n);
    r->columns = NEW_ARRAY(a, struct rte_column, n + 1);
    if (!r->columns)
        return false;
    for (size_t i = 0; i < n; i++)
        r->columns[i] = (struct rte_column){ .name = list[i].name,
                                             .type = list[i].expr->type,
                                             .typmod = list[i].expr->typmod,
                                             .collation = query_output_collation(a->snapshot, q, i, NULL) };
    r->n_columns = n;
    return true;
}

struct cte *find_cte(struct scope *s, struct str name, int *ret_levels_up)
{
    int up = 0;
    for (struct scope *at = s; at; at = at->parent, up++) {
        for (size_t i = at->query->n_ctes; i-- > 0;) {
            if (str_eq(at->query->ctes[i].name, name)) {
                *ret_levels_up = up;
                return &at->query->ctes[i];
            }
        }
    }
    return NULL;
}

static int add_cte_rte(A *a, struct scope *s, struct cte *cte, int levels_up, const PgQuery__RangeVar *name)
{
    struct rte r = { .kind = RTE_CTE, .cte = cte, .cte_levels_up = levels_up, .in_from = true };
    r.has_alias = name->alias != NULL;
    r.alias = name->alias ? str_from(name->alias->aliasname) : cte->name;
    r.cte_self_reference = cte->recursive && cte->references < 0;
    cte->references += cte->references < 0 ? 0 : 1;
    if (!output_columns(a, cte->query, &r))
        return -1;
    if (r.n_columns == 0 && cte->query->command != COMMAND_SELECT) {
        fail_at(a, name->location, SQLSTATE_FEATURE_NOT_SUPPORTED,
                "WITH query \"%.*s\" does not have a RETURNING clause", STR_FMT(cte->name));
        return -1;
    }
    for (size_t i = 0; i < cte->n_column_names && i < r.n_columns; i++)
        r.columns[i].name = cte->column_names[i];
    if (!apply_column_aliases(a, &r, name->alias, -1))
        return -1;
    return add_rte(a, s, r);
}

int add_relation_rte(A *a, struct scope *s, const PgQuery__RangeVar *name)
{
    int up;
    struct cte *cte = name->schemaname && *name->schemaname ? NULL : find_cte(s, str_from(name->relname), &up);
    if (cte)
        return add_cte_rte(a, s, cte, up, name);
    const struct relation *relation;
    if (!analyze_relation_name(a, name, false, &relation)) {
        explain_missing_cte(a, s, name);
        return -1;
    }
    if (a->settings->no_views && relation->kind == RELATION_VIEW && !relation->is_system) {
        fail_at(a, -1, SQLSTATE_OBJECT_NOT_IN_PREREQUISITE_STATE, "access to non-system view \"%.*s\" is restricted",
                STR_FMT(relation->name));
        return -1;
    }
    struct str alias = name->alias ? str_from(name->alias->aliasname) : relation->name;
    int rte = add_rte_for_relation(a, s, relation, alias, name->alias != NULL);
    if (rte >= 0 && !apply_column_aliases(a, &s->query->rtable[rte], name->alias, -1))
        return -1;
    return rte;
}

/* --- FROM items --- */

static struct from_item *item_for(A *a, int rte)
{
    struct from_item *f = NEW(a, struct from_item);
    if (f)
        *f = (struct from_item){ .kind = FROM_RTE, .rte = rte };
    return f;
}

static struct from_item *from_table(A *a, struct scope *s, const PgQuery__RangeVar *name)
{
    int rte = add_relation_rte(a, s, name);
    if (rte < 0 || !add_name(a, s, rte, true, true))
        return NULL;
    return item_for(a, rte);
}

bool transform_from_beside(A *a, struct scope *s, Node *const *items, size_t n)
{
    set_lateral(s, (struct side){ 0, 1 }, true, BARRIER_TARGET);
    return transform_from(a, s, items, n);
}

static struct from_item *from_subquery(A *a, struct scope *s, const PgQuery__RangeSubselect *sub)
{
    if (!sub->alias) {
        fail_at(a, -1, SQLSTATE_SYNTAX_ERROR, "subquery in FROM must have an alias");
        err_hint(a->err, "For example, FROM (SELECT ...) [AS] foo.");
        return NULL;
    }
    enum expr_place place = s->place;
    s->lateral_active = sub->lateral;
    s->place = PLACE_FROM_SUBQUERY;
    struct query *q = transform_any_query(a, s, sub->subquery);
    s->lateral_active = false;
    s->place = place;
    if (!q)
        return NULL;
    struct rte r = { .kind = RTE_SUBQUERY,
                     .subquery = q,
                     .alias = str_from(sub->alias->aliasname),
                     .has_alias = true,
                     .lateral = sub->lateral,
                     .in_from = true };
    if (!output_columns(a, q, &r) || !apply_column_aliases(a, &r, sub->alias, -1))
        return NULL;
    int rte = add_rte(a, s, r);
    return rte < 0 || !add_name(a, s, rte, true, true) ? NULL : item_for(a, rte);
}

static struct from_item *from_function(A *a, struct scope *s, const PgQuery__RangeFunction *node)
{
    struct rte r;
    if (!transform_range_function(a, s, node, &r) || !apply_column_aliases(a, &r, node->alias, -1))
        return NULL;
    int rte = add_rte(a, s, r);
    return rte < 0 || !add_name(a, s, rte, true, true) ? NULL : item_for(a, rte);
}

/* --- joins --- */

static struct from_item *transform_item(A *a, struct scope *s, const Node *n);

struct found {
    int name, column, n;
};

static struct found find_in_side(struct scope *s, struct side side, struct str name)
{
    struct found f = { -1, -1, 0 };
    for (size_t i = side.from; i < side.to; i++) {
        if (!s->names[i].columns_visible)
            continue;
        const struct rte *r = &s->query->rtable[s->names[i].rte];
        for (size_t c = 0; c < r->n_columns; c++)
            if (str_eq(r->columns[c].name, name)) {
                f.name = (int)i;
                f.column = (int)c;
                f.n++;
            }
    }
    return f;
}

static struct expr *side_var(A *a, struct scope *s, struct side side, struct str name, const char *which)
{
    struct found f = find_in_side(s, side, name);
    if (f.n == 0) {
        fail_at(a, -1, SQLSTATE_UNDEFINED_COLUMN,
                "column \"%.*s\" specified in USING clause does not exist in %s table", STR_FMT(name), which);
        return NULL;
    }
    if (f.n > 1) {
        fail_at(a, -1, SQLSTATE_AMBIGUOUS_COLUMN, "common column name \"%.*s\" appears more than once in %s table",
                STR_FMT(name), which);
        return NULL;
    }
    return make_var(a, s, 0, s->names[f.name].rte, f.column, -1);
}

static struct expr *merged_column(A *a, enum join_kind kind, struct expr *left, struct expr *right)
{
    struct expr *both[2] = { left, right };
    oid_t type = select_common_type(a, both, 2, "JOIN/USING");
    if (!type)
        return NULL;
    struct expr *l = coerce_to_common(a, left, type, "JOIN/USING"),
                *r = l ? coerce_to_common(a, right, type, "JOIN/USING") : NULL;
    if (!r)
        return NULL;
    if (kind == JOIN_RIGHT)
        return r;
    if (kind != JOIN_FULL)
        return l;
    struct expr *c = expr_new(a, EXPR_COALESCE, type, -1, -1);
    if (!c || !(c->args = NEW_ARRAY(a, struct expr *, 2)))
        return NULL;
    c->args[0] = l;
    c->args[1] = r;
    c->n_args = 2;
    return c;
}

static bool names_of_natural(A *a, struct scope *s, struct side left, struct side right, struct str **ret,
                             size_t *ret_n)
{
    *ret = NULL;
    *ret_n = 0;
    for (size_t i = left.from; i < left.to; i++) {
        if (!s->names[i].columns_visible)
            continue;
        const struct rte *r = &s->query->rtable[s->names[i].rte];
        for (size_t c = 0; c < r->n_columns; c++)
            if (find_in_side(s, right, r->columns[c].name).n && !PUSH(a, *ret, *ret_n, r->columns[c].name))
                return false;
    }
    return true;
}

static bool is_one_of(struct str name, const struct str *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(list[i], name))
            return true;
    return false;
}

static bool side_columns(A *a, struct scope *s, struct side side, const struct str *using, size_t n_using,
                         struct rte *join)
{
    for (size_t i = side.from; i < side.to; i++) {
        if (!s->names[i].columns_visible)
            continue;
        for (size_t c = 0; c < s->query->rtable[s->names[i].rte].n_columns; c++) {
            struct rte_column *of = &s->query->rtable[s->names[i].rte].columns[c];
            if (is_one_of(of->name, using, n_using))
                continue;
            struct rte_column column = {
                .name = of->name, .type = of->type, .typmod = of->typmod, .column = of->column
            };
            column.join_expr = make_var(a, s, 0, s->names[i].rte, (int)c, -1);
            if (!column.join_expr || !PUSH(a, join->columns, join->n_columns, column))
                return false;
        }
    }
    return true;
}

static struct expr *using_condition(A *a, struct scope *s, struct side left, struct side right, enum join_kind kind,
                                    const struct str *using, size_t n, struct rte *join)
{
    struct expr *all = expr_new(a, EXPR_AND, TYPE_OID_bool, -1, -1);
    if (!all || !(all->args = NEW_ARRAY(a, struct expr *, n + 1)))
        return NULL;
    for (size_t i = 0; i < n; i++) {
        struct expr *l = side_var(a, s, left, using[i], "left"),
                    *r = l ? side_var(a, s, right, using[i], "right") : NULL;
        struct expr *merged = r ? merged_column(a, kind, l, r) : NULL;
        struct expr *eq = merged ? make_operator(a, (struct str){ 0 }, STR("="), l, r, -1) : NULL;
        if (!eq)
            return NULL;
        struct rte_column column = {
            .name = using[i], .type = merged->type, .typmod = merged->typmod, .join_expr = merged
        };
        if (!PUSH(a, join->columns, join->n_columns, column))
            return NULL;
        all->args[all->n_args++] = eq;
    }
    return all->n_args == 1 ? all->args[0] : all;
}

static bool names_of_using(A *a, const PgQuery__JoinExpr *j, struct str **using, size_t *n_using)
{
    if (j->join_using_alias)
        return unsupported_at(a, -1, "an alias of JOIN … USING (…)");
    for (size_t i = 0; i < j->n_using_clause; i++) {
        struct str name = node_string(j->using_clause[i]);
        for (size_t k = 0; k < *n_using; k++)
            if (str_eq((*using)[k], name))
                return fail_at(a, -1, SQLSTATE_DUPLICATE_COLUMN,
                               "column name \"%.*s\" appears more than once in USING clause", STR_FMT(name));
        if (!PUSH(a, *using, *n_using, name))
            return false;
    }
    return true;
}

/* ON sees the two sides only, not FROM items before the join. */
static struct expr *join_condition(A *a, struct scope *s, struct side left, struct side right, const Node *quals)
{
    struct side both = { left.from, right.to };
    struct scope on = *s;
    set_lateral(s, both, false, BARRIER_NONE);
    on.names = s->names + left.from;
    on.n_names = s->n_names - left.from;
    on.place = PLACE_JOIN_ON;
    struct expr *x = transform_expr(a, &on, quals);
    return x ? coerce_to_boolean(a, x, "JOIN/ON") : NULL;
}

static struct from_item *from_join(A *a, struct scope *s, const PgQuery__JoinExpr *j)
{
    static const enum join_kind kinds[] = { [PG_QUERY__JOIN_TYPE__JOIN_INNER] = JOIN_INNER,
                                            [PG_QUERY__JOIN_TYPE__JOIN_LEFT] = JOIN_LEFT,
                                            [PG_QUERY__JOIN_TYPE__JOIN_FULL] = JOIN_FULL,
                                            [PG_QUERY__JOIN_TYPE__JOIN_RIGHT] = JOIN_RIGHT };
    struct from_item *f = NEW(a, struct from_item);
    struct side left = { s->n_names, 0 }, right;
    if (!f || !(f->left = transform_item(a, s, j->larg)))
        return NULL;
    left.to = right.from = s->n_names;
    f->kind = FROM_JOIN;
    f->join = kinds[j->jointype];
    bool reaches = f->join == JOIN_INNER || f->join == JOIN_LEFT;
    set_lateral(s, left, true, reaches ? BARRIER_NONE : BARRIER_JOIN);
    if (!(f->right = transform_item(a, s, j->rarg)))
        return NULL;
    right.to = s->n_names;
    if (!check_names(a, s, left, right))
        return NULL;
    struct rte join = { .kind = RTE_JOIN,
                        .in_from = true,
                        .has_alias = j->alias != NULL,
                        .alias = j->alias ? str_from(j->alias->aliasname) : (struct str){ 0 } };
    struct str *using = NULL;
    size_t n_using = 0;
    if ((j->is_natural && !names_of_natural(a, s, left, right, &using, &n_using)) ||
        !names_of_using(a, j, &using, &n_using))
        return NULL;
    if (n_using && !(f->on = using_condition(a, s, left, right, f->join, using, n_using, &join)))
        return NULL;
    f->using_names = using;
    f->n_using = n_using;
    if (!side_columns(a, s, left, using, n_using, &join) || !side_columns(a, s, right, using, n_using, &join))
        return NULL;
    if (j->quals && !(f->on = join_condition(a, s, left, right, j->quals)))
        return NULL;
    if (f->join == JOIN_INNER && !f->on)
        f->join = JOIN_CROSS;
    if (!apply_column_aliases(a, &join, j->alias, -1))
        return NULL;
    for (size_t i = left.from; i < right.to; i++) {
        s->names[i].columns_visible = false;
        if (j->alias)
            s->names[i].table_visible = false;
    }
    f->rte = add_rte(a, s, join);
    return f->rte < 0 || !add_name(a, s, f->rte, true, j->alias != NULL) ? NULL : f;
}

static struct from_item *transform_item(A *a, struct scope *s, const Node *n)
{
    struct from_item *f = NULL;
    if (!enter(a))
        return NULL;
    switch (n->node_case) {
    case PG_QUERY__NODE__NODE_RANGE_VAR:
        f = from_table(a, s, n->range_var);
        break;
    case PG_QUERY__NODE__NODE_RANGE_SUBSELECT:
        f = from_subquery(a, s, n->range_subselect);
        break;
    case PG_QUERY__NODE__NODE_RANGE_FUNCTION:
        f = from_function(a, s, n->range_function);
        break;
    case PG_QUERY__NODE__NODE_JOIN_EXPR:
        f = from_join(a, s, n->join_expr);
        break;
    case PG_QUERY__NODE__NODE_RANGE_TABLE_SAMPLE:
        unsupported_at(a, n->range_table_sample->location, "TABLESAMPLE");
        break;
    case PG_QUERY__NODE__NODE_RANGE_TABLE_FUNC:
        unsupported_at(a, n->range_table_func->location, "XMLTABLE");
        break;
    default:
        unsupported_at(a, -1, "this item of FROM");
        break;
    }
    leave(a);
    return f;
}

bool transform_from(A *a, struct scope *s, Node *const *items, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct side before = { 0, s->n_names }, item = { s->n_names, 0 };
        struct from_item *f = transform_item(a, s, items[i]);
        item.to = s->n_names;
        if (!f || !check_names(a, s, before, item) || !PUSH(a, s->query->from, s->query->n_from, f))
            return false;
        set_lateral(s, item, true, BARRIER_NONE);
    }
    set_lateral(s, (struct side){ 0, s->n_names }, false, BARRIER_NONE);
    return true;
}

/* --- column references --- */

struct query *scope_query(struct scope *s, int levels_up)
{
    while (levels_up-- > 0 && s)
        s = s->parent;
    return s ? s->query : NULL;
}

struct raising {
    A *a;
    int levels, location;
    bool refused;
};

static struct expr *raise(struct expr *e, void *ctx)
{
    struct raising *r = ctx;
    if (e->kind == EXPR_SUBLINK && r->levels) {
        r->refused = true;
        return e;
    }
    if (e->kind != EXPR_VAR && e->kind != EXPR_WHOLE_ROW)
        return NULL;
    struct expr *c = ARENA_NEW(r->a->arena, struct expr);
    if (c) {
        *c = *e;
        c->location = r->location;
        c->var.levels_up += r->levels;
    }
    return c;
}

/* A copy for use levels further in. */
static struct expr *raised(A *a, struct expr *e, int levels, int location)
{
    struct raising r = { .a = a, .levels = levels, .location = location };
    struct expr *c = expr_map(e, raise, &r, a->arena);
    if (r.refused) {
        unsupported_at(a, location, "a view's column that is a subquery, at this place");
        return NULL;
    }
    if (!c)
        err_oom(a->err);
    else
        c->location = location;
    return c;
}

/* LIMIT, OFFSET and the bounds of frames take no column of their own query, at whatever depth; IN compares it by itself. */
static void note_var(struct scope *s, int levels_up, int location)
{
    while (levels_up-- > 0 && s)
        s = s->parent;
    if (s && !s->own_var)
        s->own_var = (location < 0 ? 0 : location) + 1;
}

struct expr *make_var(A *a, struct scope *s, int levels_up, int rte, int column, int location)
{
    note_var(s, levels_up, location);
    const struct rte *r = &scope_query(s, levels_up)->rtable[rte];
    const struct rte_column *c = &r->columns[column];
    if (r->kind == RTE_JOIN)
        return raised(a, c->join_expr, levels_up, location);
    struct expr *e = expr_new(a, EXPR_VAR, c->type, c->typmod, location);
    if (e) {
        e->collation = c->collation;
        e->var.levels_up = levels_up;
        e->var.rte = rte;
        e->var.column = column;
    }
    return e;
}

/* Whether a name is in reach of what is analyzed now. */
static bool is_hidden(const struct scope *at, const struct name_item *item)
{
    return item->lateral_only && !at->lateral_active;
}

/* SQL wants an error for what a LATERAL item may not refer to, not another meaning of the name. */
static bool check_lateral(A *a, const struct scope *at, const struct name_item *item, int location)
{
    const struct rte *r = &at->query->rtable[item->rte];
    const struct str alias = r->kind == RTE_JOIN && !r->alias.n ? STR("unnamed_join") : r->alias;
    if (!item->lateral_only || item->barrier == BARRIER_NONE)
        return true;
    fail_at(a, location, SQLSTATE_INVALID_COLUMN_REFERENCE, "invalid reference to FROM-clause entry for table \"%.*s\"",
            STR_FMT(alias));
    return item->barrier == BARRIER_JOIN
               ? err_detail(a->err, "The combining JOIN type must be INNER or LEFT for a LATERAL reference.")
               : err_hint(
                     a->err,
                     "There is an entry for table \"%.*s\", but it cannot be referenced from this part of the query.",
                     STR_FMT(alias));
}

/* The column of that name in one entry, -1: none. False: two of them. */
static bool column_of(A *a, const struct rte *r, struct str name, int location, int *ret)
{
    *ret = -1;
    for (size_t c = 0; c < r->n_columns + r->n_hidden; c++) {
        if (!str_eq(r->columns[c].name, name))
            continue;
        if (*ret >= 0)
            return fail_at(a, location, SQLSTATE_AMBIGUOUS_COLUMN, "column reference \"%.*s\" is ambiguous",
                           STR_FMT(name));
        *ret = (int)c;
    }
    return true;
}

static bool find_unqualified(A *a, struct scope *s, struct str name, int location, struct expr **ret)
{
    int up = 0;
    *ret = NULL;
    for (struct scope *at = s; at; at = at->parent, up++) {
        int rte = -1, column = -1, found;
        for (size_t i = 0; i < at->n_names; i++) {
            const struct name_item *item = &at->names[i];
            if (!item->columns_visible || is_hidden(at, item))
                continue;
            if (!column_of(a, &at->query->rtable[item->rte], name, location, &found))
                return false;
            if (found < 0)
                continue;
            if (rte >= 0)
                return fail_at(a, location, SQLSTATE_AMBIGUOUS_COLUMN, "column reference \"%.*s\" is ambiguous",
                               STR_FMT(name));
            if (!check_lateral(a, at, item, location))
                return false;
            rte = item->rte;
            column = found;
        }
        if (rte >= 0) {
            *ret = make_var(a, s, up, rte, column, location);
            return *ret != NULL;
        }
    }
    return true;
}

/* schema: only a table of that schema without an alias. */
static bool is_named(const struct rte *r, struct str schema, struct str name)
{
    if (schema.n && (!r->relation || r->has_alias || !str_eq(r->relation->schema, schema)))
        return false;
    return str_eq(r->alias, name);
}

bool find_table(A *a, struct scope *s, struct str schema, struct str name, int location, int *ret_up, int *ret_rte,
                const struct rte **ret)
{
    int up = 0;
    *ret = NULL;
    for (struct scope *at = s; at && !*ret; at = at->parent, up++) {
        for (size_t i = 0; i < at->n_names; i++) {
            const struct name_item *item = &at->names[i];
            const struct rte *r = &at->query->rtable[item->rte];
            if (!item->table_visible || is_hidden(at, item) || !is_named(r, schema, name))
                continue;
            if (*ret)
                return fail_at(a, location, SQLSTATE_AMBIGUOUS_ALIAS, "table reference \"%.*s\" is ambiguous",
                               STR_FMT(name));
            if (!check_lateral(a, at, item, location))
                return false;
            *ret_up = up;
            *ret_rte = item->rte;
            *ret = r;
        }
    }
    return true;
}

/* The alias of a function in FROM that gives one value a row is that value. */
static bool is_scalar_function(const struct rte *r)
{
    return r->kind == RTE_FUNCTION && r->n_functions == 1 && r->n_columns == 1 &&
           r->functions[0]->type != TYPE_OID_record;
}

static struct expr *whole_row(A *a, struct scope *s, int up, int rte, int location)
{
    const struct scope *at = s;
    for (int i = 0; i < up; i++)
        at = at->parent;
    if (is_scalar_function(&at->query->rtable[rte]))
        return make_var(a, s, up, rte, 0, location);
    note_var(s, up, location);
    struct expr *e = expr_new(a, EXPR_WHOLE_ROW, TYPE_OID_record, -1, location);
    if (e) {
        e->var.levels_up = up;
        e->var.rte = rte;
        e->var.of = at->query->rtable[rte].relation;
    }
    return e;
}

/* RETURNING (xmax = 0) AS inserted: a new version of a row has 0 there, unless ON CONFLICT has locked the old one. */
static struct expr *upserted(A *a, struct scope *s, const struct rte *r, struct str name, int location)
{
    const struct query *q = s->query;
    if (!str_is(name, "xmax") || s->place != PLACE_RETURNING || q->command != COMMAND_INSERT ||
        r != &q->rtable[q->result_rte])
        return NULL;
    if (q->on_conflict && q->on_conflict->update)
        return expr_new(a, EXPR_XMAX, TYPE_OID_xid, -1, location);
    struct expr *zero = const_int4(a, 0);
    if (zero)
        zero->type = TYPE_OID_xid;
    return zero;
}

/* Tables have columns that nobody made; D1's have none of them. */
static bool refuse_system_column(A *a, const struct rte *r, struct str name, int location)
{
    if (r->kind != RTE_RELATION || !is_system_column(name))
        return false;
    unsupported_at(a, location, "system column %.*s", STR_FMT(name));
    return true;
}

static bool refuse_system_column_of_any(A *a, struct scope *s, struct str name, int location)
{
    for (; s; s = s->parent)
        for (size_t i = 0; i < s->n_names; i++)
            if (refuse_system_column(a, &s->query->rtable[s->names[i].rte], name, location))
                return true;
    return false;
}

static struct expr *unqualified(A *a, struct scope *s, struct str name, int location)
{
    struct expr *e;
    int up, rte;
    if (!find_unqualified(a, s, name, location, &e))
        return NULL;
    if (e)
        return e;
    const struct rte *table;
    if (!find_table(a, s, (struct str){ 0 }, name, location, &up, &rte, &table))
        return NULL;
    if (table)
        return whole_row(a, s, up, rte, location);
    const struct query *q = s->query;
    struct expr *xmax = s->place == PLACE_RETURNING ? upserted(a, s, &q->rtable[q->result_rte], name, location) : NULL;
    if (xmax)
        return xmax;
    if (!refuse_system_column_of_any(a, s, name, location))
        fail_missing_column(a, s, (struct str){ 0 }, name, location);
    return NULL;
}

/* The entry that all names but the last one stand for: 42P01, 42P09, 42P10. */
static const struct rte *qualified_table(A *a, struct scope *s, const PgQuery__ColumnRef *ref, int *ret_up,
                                         int *ret_rte)
{
    size_t n = ref->n_fields;
    const struct rte *r;
    if (n > 4) {
        fail_at(a, ref->location, SQLSTATE_SYNTAX_ERROR, "improper qualified name (too many dotted names): %.*s",
                STR_FMT(dotted_names(a, ref->fields, n)));
        return NULL;
    }
    if (n == 4 && !check_database(a, ref->fields, n, ref->location))
        return NULL;
    struct str table = node_string(ref->fields[n - 2]),
               schema = n > 2 ? node_string(ref->fields[n - 3]) : (struct str){ 0 };
    if (!find_table(a, s, schema, table, ref->location, ret_up, ret_rte, &r))
        return NULL;
    if (!r)
        fail_missing_table(a, s, schema, table, ref->location);
    return r;
}

struct expr *transform_column_ref(A *a, struct scope *s, const PgQuery__ColumnRef *ref)
{
    size_t n = ref->n_fields;
    int up, rte;
    if (s->place == PLACE_STANDALONE && s->standalone_what && strcmp(standalone_place(s), "DEFAULT expression") == 0) {
        fail_at(a, ref->location, SQLSTATE_FEATURE_NOT_SUPPORTED, "cannot use column reference in DEFAULT expression");
        return NULL;
    }
    if (n == 1 && ref->fields[0]->node_case != PG_QUERY__NODE__NODE_A_STAR)
        return unqualified(a, s, node_string(ref->fields[0]), ref->location);
    if (n == 1) {
        unsupported_at(a, ref->location, "* here");
        return NULL;
    }
    const struct rte *r = qualified_table(a, s, ref, &up, &rte);
    if (!r)
        return NULL;
    if (ref->fields[n - 1]->node_case == PG_QUERY__NODE__NODE_A_STAR)
        return whole_row(a, s, up, rte, ref->location);
    struct str column = node_string(ref->fields[n - 1]), table = node_string(ref->fields[n - 2]);
    int found;
    if (!column_of(a, r, column, ref->location, &found))
        return NULL;
    struct expr *xmax = found < 0 && up == 0 ? upserted(a, s, r, column, ref->location) : NULL;
    if (xmax)
        return xmax;
    if (found < 0) {
        if (!refuse_system_column(a, r, column, ref->location))
            fail_missing_column(a, s, table, column, ref->location);
        return NULL;
    }
    return make_var(a, s, up, rte, found, ref->location);
}

static bool star_of(A *a, struct scope *s, int up, int rte, int location, struct expr ***ret, struct str **ret_names,
                    size_t *ret_n)
{
    size_t n = scope_query(s, up)->rtable[rte].n_columns;
    for (size_t c = 0; c < n; c++) {
        size_t names = *ret_n;
        struct expr *e = make_var(a, s, up, rte, (int)c, location);
        struct str name = scope_query(s, up)->rtable[rte].columns[c].name;
        if (!e || !PUSH(a, *ret_names, names, name) || !PUSH(a, *ret, *ret_n, e))
            return false;
    }
    return true;
}

bool expand_star(A *a, struct scope *s, const PgQuery__ColumnRef *ref, struct expr ***ret, struct str **ret_names,
                 size_t *ret_n)
{
    int up, rte;
    *ret = NULL;
    *ret_names = NULL;
    *ret_n = 0;
    if (ref->n_fields > 1) {
        if (!qualified_table(a, s, ref, &up, &rte))
            return false;
        return star_of(a, s, up, rte, ref->location, ret, ret_names, ret_n);
    }
    bool any = false;
    for (size_t i = 0; i < s->n_names; i++) {
        if (!s->names[i].columns_visible)
            continue;
        any = true;
        if (!star_of(a, s, 0, s->names[i].rte, ref->location, ret, ret_names, ret_n))
            return false;
    }
    return any || fail_at(a, ref->location, SQLSTATE_SYNTAX_ERROR, "SELECT * with no tables specified is not valid");
}
