/*
 * analyze_recursion.c - WITH RECURSIVE before anything in it is understood: which query reads which, and whether the
 * recursive ones are well formed (PostgreSQL 15: parse_cte.c).
 */
#include "proxy/sql/analyze_internal.h"

typedef PgQuery__CommonTableExpr Item;
typedef PgQuery__SelectStmt Select;

/* Where a reference to the query itself may not stand; the texts are PostgreSQL's. */
enum place { ALLOWED, NON_RECURSIVE_TERM, SUBQUERY, OUTER_JOIN, INTERSECT, EXCEPT };

static const char *const place_names[] = { "",           "its non-recursive term",
                                           "a subquery", "an outer join",
                                           "INTERSECT",  "EXCEPT" };

/* Queries of a WITH further in, which hide those of the same names. */
struct inner {
    const PgQuery__WithClause *with;
    size_t n; /* the first n are visible */
    struct inner *outer;
};

struct walk {
    A *a;
    const PgQuery__WithClause *with; /* the one looked at */
    const Item *item;                /* its query looked at */
    struct inner *inner;
    bool *depends; /* by query: item reads it; NULL while the form is checked */
    enum place place;
    size_t n_references;
};

static bool walk(ProtobufCMessage *message, void *ctx);

static const Item *item_of(const PgQuery__WithClause *with, size_t i)
{
    return with->ctes[i]->common_table_expr;
}

static bool is_hidden(const struct walk *w, const char *name)
{
    for (const struct inner *in = w->inner; in; in = in->outer)
        for (size_t i = 0; i < in->n; i++)
            if (strcmp(item_of(in->with, i)->ctename, name) == 0)
                return true;
    return false;
}

static bool see_reference(struct walk *w, const PgQuery__RangeVar *r)
{
    if ((r->schemaname && *r->schemaname) || is_hidden(w, r->relname))
        return true;
    for (size_t i = 0; w->depends && i < w->with->n_ctes; i++)
        w->depends[i] = w->depends[i] || strcmp(item_of(w->with, i)->ctename, r->relname) == 0;
    if (w->depends || strcmp(w->item->ctename, r->relname) != 0)
        return true;
    if (w->place != ALLOWED)
        return fail_at(w->a, r->location, SQLSTATE_INVALID_RECURSION,
                       "recursive reference to query \"%s\" must not appear within %s", r->relname,
                       place_names[w->place]);
    if (++w->n_references > 1)
        return fail_at(w->a, r->location, SQLSTATE_INVALID_RECURSION,
                       "recursive reference to query \"%s\" must not appear more than once", r->relname);
    return true;
}

/* A part whose references stand in `place`, unless what is around it says so already. */
static bool walk_in(struct walk *w, ProtobufCMessage *part, enum place place, bool overrides)
{
    enum place saved = w->place;
    if (!part)
        return true;
    if (saved == ALLOWED || overrides)
        w->place = place;
    bool ok = walk(part, w);
    w->place = saved;
    return ok;
}

#define BASE(node) ((node) ? &(node)->base : NULL)

static bool walk_join(struct walk *w, const PgQuery__JoinExpr *j)
{
    bool right = j->jointype == PG_QUERY__JOIN_TYPE__JOIN_RIGHT, left = j->jointype == PG_QUERY__JOIN_TYPE__JOIN_LEFT;
    bool full = j->jointype == PG_QUERY__JOIN_TYPE__JOIN_FULL;
    return walk_in(w, BASE(j->larg), right || full ? OUTER_JOIN : w->place, false) &&
           walk_in(w, BASE(j->rarg), left || full ? OUTER_JOIN : w->place, false) &&
           walk_in(w, BASE(j->quals), w->place, false);
}

static bool walk_list(struct walk *w, Node *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!walk(&list[i]->base, w))
            return false;
    return true;
}

/* Without its WITH. */
static bool walk_select_body(struct walk *w, Select *q)
{
    bool except = q->op == PG_QUERY__SET_OPERATION__SETOP_EXCEPT;
    if (w->place != ALLOWED || !(except || q->op == PG_QUERY__SET_OPERATION__SETOP_INTERSECT))
        return raw_children(&q->base, walk, w);
    enum place all = !q->all ? ALLOWED : except ? EXCEPT : INTERSECT;
    return walk_in(w, BASE(q->larg), all, false) && walk_in(w, BASE(q->rarg), except ? EXCEPT : all, false) &&
           walk_list(w, q->sort_clause, q->n_sort_clause) && walk_in(w, BASE(q->limit_offset), ALLOWED, false) &&
           walk_in(w, BASE(q->limit_count), ALLOWED, false) && walk_list(w, q->locking_clause, q->n_locking_clause);
}

static bool walk_select(struct walk *w, Select *q)
{
    if (!q->with_clause)
        return walk_select_body(w, q);
    struct inner in = { .with = q->with_clause, .outer = w->inner };
    in.n = q->with_clause->recursive ? q->with_clause->n_ctes : 0;
    w->inner = &in;
    for (size_t i = 0; i < q->with_clause->n_ctes; i++) {
        if (!walk(&item_of(q->with_clause, i)->ctequery->base, w))
            return false;
        in.n = q->with_clause->recursive ? in.n : i + 1;
    }
    bool ok = walk_select_body(w, q);
    w->inner = in.outer;
    return ok;
}

static bool walk_sublink(struct walk *w, const PgQuery__SubLink *l)
{
    return walk_in(w, BASE(l->subselect), SUBQUERY, true) && walk_in(w, BASE(l->testexpr), w->place, false);
}

static bool walk_message(struct walk *w, ProtobufCMessage *message)
{
    void *node = message;
    if (message->descriptor == &pg_query__range_var__descriptor)
        return see_reference(w, node);
    if (message->descriptor == &pg_query__select_stmt__descriptor)
        return walk_select(w, node);
    if (message->descriptor == &pg_query__with_clause__descriptor)
        return true; /* walk_select() looked */
    if (message->descriptor == &pg_query__join_expr__descriptor && !w->depends)
        return walk_join(w, node);
    if (message->descriptor == &pg_query__sub_link__descriptor && !w->depends)
        return walk_sublink(w, node);
    return raw_children(message, walk, w);
}

static bool walk(ProtobufCMessage *message, void *ctx)
{
    struct walk *w = ctx;
    if (message->descriptor == &pg_query__node__descriptor)
        return raw_children(message, walk, w);
    if (!enter(w->a))
        return false;
    bool ok = walk_message(w, message);
    leave(w->a);
    return ok;
}

/* What PostgreSQL calls the location of ORDER BY: that of its first item which has one. */
static int sort_clause_location(const Select *q)
{
    for (size_t i = 0; i < q->n_sort_clause; i++)
        if (raw_location(q->sort_clause[i]->sort_by->node) >= 0)
            return raw_location(q->sort_clause[i]->sort_by->node);
    return -1;
}

static bool check_decoration(A *a, const Select *q)
{
    const struct {
        bool there;
        int location;
        const char *name;
    } parts[] = {
        { q->n_sort_clause > 0, sort_clause_location(q), "ORDER BY" },
        { q->limit_offset, q->limit_offset ? raw_location(q->limit_offset) : -1, "OFFSET" },
        { q->limit_count, q->limit_count ? raw_location(q->limit_count) : -1, "LIMIT" },
        { q->n_locking_clause > 0, -1, "FOR UPDATE/SHARE" },
    };
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        if (parts[i].there)
            return fail_at(a, parts[i].location, SQLSTATE_FEATURE_NOT_SUPPORTED,
                           "%s in a recursive query is not implemented", parts[i].name);
    return true;
}

static bool check_form(A *a, const PgQuery__WithClause *with, const Item *item)
{
    struct walk w = { .a = a, .with = with, .item = item, .place = SUBQUERY };
    if (item->ctequery->node_case != PG_QUERY__NODE__NODE_SELECT_STMT)
        return fail_at(a, item->location, SQLSTATE_INVALID_RECURSION,
                       "recursive query \"%s\" must not contain data-modifying statements", item->ctename);
    const Select *q = item->ctequery->select_stmt;
    if (q->op != PG_QUERY__SET_OPERATION__SETOP_UNION)
        return fail_at(a, item->location, SQLSTATE_INVALID_RECURSION,
                       "recursive query \"%s\" does not have the form non-recursive-term UNION [ALL] recursive-term",
                       item->ctename);
    if (q->with_clause && !walk_list(&w, q->with_clause->ctes, q->with_clause->n_ctes))
        return false;
    return check_decoration(a, q) && walk_in(&w, BASE(q->larg), NON_RECURSIVE_TERM, true) &&
           walk_in(&w, BASE(q->rarg), ALLOWED, true);
}

/* order: the queries so that none reads one behind it. Of those that may come next the first one does, in whose place that
 * goes whose turn it was. */
static bool sort_items(A *a, const PgQuery__WithClause *with, bool **depends, size_t *order)
{
    size_t n = with->n_ctes;
    for (size_t i = 0; i < n; i++)
        order[i] = i;
    for (size_t i = 0; i < n; i++) {
        size_t j = i;
        for (bool waits = true; waits; j += waits) {
            if (j == n)
                return fail_at(a, item_of(with, order[i])->location, SQLSTATE_FEATURE_NOT_SUPPORTED,
                               "mutual recursion between WITH items is not implemented");
            waits = false;
            for (size_t k = i; k < n; k++)
                waits |= k != j && depends[order[j]][order[k]];
        }
        size_t next = order[j];
        order[j] = order[i];
        order[i] = next;
    }
    return true;
}

bool analyze_recursion(A *a, const PgQuery__WithClause *with, size_t *order, bool *recursive)
{
    size_t n = with->n_ctes;
    bool **depends = NEW_ARRAY(a, bool *, n + 1);
    for (size_t i = 0; depends && i < n; i++) {
        struct walk w = { .a = a, .with = with, .item = item_of(with, i) };
        if (!(depends[i] = w.depends = NEW_ARRAY(a, bool, n)) || !walk(&w.item->ctequery->base, &w))
            return false;
        recursive[i] = depends[i][i];
    }
    if (!depends || !sort_items(a, with, depends, order))
        return false;
    for (size_t i = 0; i < n; i++)
        if (recursive[order[i]] && !check_form(a, with, item_of(with, order[i])))
            return false;
    return true;
}
