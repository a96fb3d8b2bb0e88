/*
 * emit_one_row.c - subqueries of which PostgreSQL wants one row at most (4.2.11): SQLite takes the first of many, so those that may
 * give more count them and raise 21000. Not here: what is done with the row (emit_sublink.c).
 */
#include "proxy/sql/emit_internal.h"

/* ---- whether a query can give more than one row */

struct known {
    const struct query *query;
    const bool *rows; /* by range table index: at most one row of it, given the row outside */
    bool all;
};

static bool visit_known(struct expr *x, void *ctx)
{
    struct known *known = ctx;
    if (x->kind == EXPR_SUBLINK || x->kind == EXPR_WHOLE_ROW)
        known->all = false;
    if (x->kind == EXPR_VAR && x->var.levels_up == 0)
        known->all &= x->var.rte >= 0 && known->rows[x->var.rte];
    return known->all;
}

static bool is_known(const struct query *q, const bool *rows, const struct expr *x)
{
    struct known known = { q, rows, true };
    expr_walk((struct expr *)x, visit_known, &known);
    return known.all;
}

static bool equates(const struct query *q, const bool *rows, const struct expr *where, int rte, int16_t number)
{
    if (!where)
        return false;
    where = without_relabel(where);
    for (size_t i = 0; where->kind == EXPR_AND && i < where->n_args; i++)
        if (equates(q, rows, where->args[i], rte, number))
            return true;
    if (where->kind != EXPR_FUNC || where->n_args != 2 || !where->call.op_name || strcmp(where->call.op_name, "=") != 0)
        return false;
    for (int side = 0; side < 2; side++)
        if (is_column_of(q, where->args[side], rte, number) && is_known(q, rows, where->args[1 - side]))
            return true;
    return false;
}

/* An inner join's condition holds as WHERE does; that of a LEFT JOIN for its right side alone. */
static bool joined_by(const struct query *q, const bool *rows, const struct from_item *f, int rte, int16_t number)
{
    if (f->kind == FROM_RTE)
        return false;
    bool holds = f->join == JOIN_CROSS || f->join == JOIN_INNER;
    bool right = f->join == JOIN_LEFT && f->right->kind == FROM_RTE && f->right->rte == rte;
    if ((holds || right) && equates(q, rows, f->on, rte, number))
        return true;
    if (f->join == JOIN_LEFT) /* of the left side, what its own joins say */
        return joined_by(q, rows, f->left, rte, number);
    return holds && (joined_by(q, rows, f->left, rte, number) || joined_by(q, rows, f->right, rte, number));
}

static bool is_fixed(const struct query *q, const bool *rows, int rte, int16_t number)
{
    if (equates(q, rows, q->where, rte, number))
        return true;
    for (size_t i = 0; i < q->n_from; i++)
        if (joined_by(q, rows, q->from[i], rte, number))
            return true;
    return false;
}

static bool has_fixed_key(const struct query *q, const bool *rows, int rte)
{
    const struct relation *r = q->rtable[rte].kind == RTE_RELATION ? q->rtable[rte].relation : NULL;
    for (size_t i = 0; r && i < r->n_constraints; i++) {
        const struct constraint *c = &r->constraints[i];
        size_t k = 0;
        while (strchr("pu", c->kind) && k < c->n_columns && is_fixed(q, rows, rte, c->columns[k]))
            k++;
        if (c->n_columns && k == c->n_columns)
            return true;
    }
    for (size_t i = 0; r && i < r->n_indexes; i++) {
        const struct index *index = &r->indexes[i];
        size_t k = 0;
        while (index->unique && !index->predicate.n && k < index->n_columns && index->columns[k].column > 0 &&
               is_fixed(q, rows, rte, index->columns[k].column))
            k++;
        if (index->n_columns && k == index->n_columns)
            return true;
    }
    return false;
}

static size_t count_from(const struct from_item *f)
{
    return f->kind == FROM_RTE ? 1 : count_from(f->left) + count_from(f->right);
}

static bool known_count(const struct from_item *f, const bool *rows)
{
    return f->kind == FROM_RTE ? rows[f->rte]
                               : f->join != JOIN_FULL && f->join != JOIN_RIGHT && known_count(f->left, rows) &&
                                     known_count(f->right, rows);
}

/* Every relation of FROM gives one row at most: each has a key that the others, the outside or constants fix. */
static bool keys_are_fixed(struct emitter *e, const struct query *q)
{
    bool *rows = ARENA_ARRAY(e->arena, bool, q->n_rtable + 1);
    size_t n = 0;
    if (!rows)
        return false;
    for (size_t i = 0; i < q->n_from; i++)
        n += count_from(q->from[i]);
    for (size_t round = 0; round < n; round++)
        for (size_t i = 0; i < q->n_rtable; i++)
            rows[i] = rows[i] || has_fixed_key(q, rows, (int)i);
    for (size_t i = 0; i < q->n_from; i++)
        if (!known_count(q->from[i], rows))
            return false;
    return true;
}

static bool limits_to_one(struct emitter *e, const struct query *q)
{
    const struct expr *limit = q->limit;
    if (!limit || limit->kind != EXPR_CONST || limit->constant.is_null || q->with_ties ||
        limit->constant.value.class != VALUE_INTEGER || limit->constant.value.integer > 1)
        return false;
    mark_structural(e, limit);
    return true;
}

static bool one_row_at_most(struct emitter *e, const struct query *q)
{
    if (limits_to_one(e, q))
        return true;
    if (q->command != COMMAND_SELECT || q->set_operation != SETOP_NONE || q->has_set_returning)
        return false;
    if (q->n_values_rows)
        return q->n_values_rows == 1;
    if (q->n_group || q->n_grouping_sets)
        return false;
    return q->has_aggregates || keys_are_fixed(e, q);
}

/* ---- the guard */

static struct str raise_many(struct emitter *e)
{
    return emit_raise(e, "21000", STR("more than one row returned by a subquery used as an expression"));
}

/* Two rows are enough to know. */
static struct str two_rows(struct emitter *e, const struct query *q, struct str select)
{
    return q->limit || q->offset ? select : text_of(e, "%.*s LIMIT 2", STR_FMT(select));
}

struct str emit_one_value(struct emitter *e, const struct query *q, struct str select)
{
    if (one_row_at_most(e, q))
        return text_of(e, "(%.*s)", STR_FMT(select));
    struct str rows = two_rows(e, q, select), raise = raise_many(e);
    if (!rows.p || !raise.p)
        return (struct str){ 0 };
    return text_of(e, "(SELECT CASE WHEN count(*) > 1 THEN %.*s ELSE min(c0) END FROM (%.*s))", STR_FMT(raise),
                   STR_FMT(rows));
}

struct str emit_one_row(struct emitter *e, const struct query *q, struct str select, struct str test)
{
    struct str rows = two_rows(e, q, select), raise = raise_many(e);
    if (!rows.p || !raise.p)
        return (struct str){ 0 };
    return text_of(e, "CASE (SELECT count(*) FROM (%.*s)) WHEN 0 THEN NULL WHEN 1 THEN %.*s ELSE %.*s END",
                   STR_FMT(rows), STR_FMT(test), STR_FMT(raise));
}
