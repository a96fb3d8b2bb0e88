/*
 * rewrite_returning.c - UPDATE … FROM and DELETE … USING that return columns of the other tables. SQLite's RETURNING
 * knows the target only: the other row is read again by the statement's own condition. That is the same row as long as UPDATE
 * changes no column of the condition, and nothing else that is read is changed: not the target, nor what its keys and triggers
 * change with it. Else the rows are read ahead (emit_joined.c).
 */
#include "proxy/sql/change_private.h"

struct look {
    const struct query *q;
    bool changed;
};

static bool look_changed(struct expr *x, void *ctx)
{
    struct look *look = ctx;
    const struct query *q = look->q;
    if (x->kind == EXPR_SUBLINK)
        look->changed = true; /* nobody looked inside */
    if (x->kind != EXPR_VAR || x->var.levels_up != 0 || x->var.rte != q->result_rte)
        return !look->changed;
    look->changed = look->changed || x->var.column < 0 ||
                    sets_change(q->sets, q->n_sets, q->rtable[x->var.rte].columns[x->var.column].column);
    return !look->changed;
}

/* Read again for each row, the rows joined are the same: nothing that they come from is changed. */
static bool is_stable(const struct emitter *e, const struct query *q)
{
    struct look look = { .q = q };
    if (q->where && q->command == COMMAND_UPDATE)
        expr_walk(q->where, look_changed, &look);
    return !look.changed && !joins_read_written(q, e->written);
}

bool rewrite_returning_var(struct emitter *e, struct level *l, const struct expr *x, struct fragment *ret)
{
    const struct query *q = l->query;
    struct str from, where;
    struct expr var = *x;
    struct level *inner, *outer = e->level;
    if (e->target == TARGET_LOCAL)
        return returning_joined_var(e, l, x, ret);
    if (!is_stable(e, q))
        return blocked(e, x->location, "RETURNING columns of other tables when the statement changes what it joins on");
    e->level = l->parent;
    inner = level_new(e, q);
    if (!inner)
        return false;
    inner->rtes[q->result_rte] = l->rtes[q->result_rte];
    e->level = inner;
    e->in_returning = false;
    var.var.levels_up = 0;
    bool ok = emit_from(e, q, &from) && emit_where(e, q, NULL, 0, &where) && emit_expr(e, &var, ret) && settle(e, ret);
    e->in_returning = true;
    e->level = outer;
    if (!ok)
        return false;
    ret->sql = text_of(e, "(SELECT %.*s FROM %.*s%.*s LIMIT 1)", STR_FMT(ret->sql), STR_FMT(from), STR_FMT(where));
    ret->simple = false;
    return ret->sql.p != NULL;
}
