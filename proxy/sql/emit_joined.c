/*
 * emit_joined.c - RETURNING columns of the tables that UPDATE … FROM or DELETE … USING joins, when the statement changes what it joins
 * on: they are read ahead of it in the same batch, and found again here by the target's primary key. See change_private.h.
 */
#include "proxy/sql/change_private.h"

static bool is_set(const struct query *q, const struct constraint *key)
{
    for (size_t i = 0; i < key->n_columns; i++)
        if (sets_change(q->sets, q->n_sets, &target_of(q)->columns[key->columns[i] - 1]))
            return true;
    return false;
}

/* What tells a row before the statement from the same row behind it; NULL: nothing does. */
static const struct constraint *stable_key(const struct query *q)
{
    const struct relation *r = target_of(q);
    for (size_t i = 0; i < r->n_constraints; i++)
        if (r->constraints[i].kind == 'p')
            return is_set(q, &r->constraints[i]) ? NULL : &r->constraints[i];
    return NULL;
}

/* The rows that the statement will join, as they stand ahead of it. */
static struct fetch *joined_before(struct emitter *e, const struct query *q)
{
    struct str there, from, where, name = emit_identifier(target_of(q)->sqlite_name, e->arena);
    if (e->shared->before)
        return e->shared->before;
    struct fetch *f = fetch_new(e, q);
    if (!f || !name.p || !(there = unique_name(e, STR("there"))).p ||
        !relation_columns(f->d1, target_of(q), &q->rtable[q->result_rte], there,
                          &f->level->rtes[q->result_rte].columns) ||
        !emit_with(f->d1, q, &f->with) || !emit_from(f->d1, q, &from) || !emit_where(f->d1, q, NULL, 0, &where))
        return NULL;
    f->tail = text_of(e, " FROM %.*s AS %.*s%s%.*s%.*s", STR_FMT(name), STR_FMT(there), from.n ? ", " : "",
                      STR_FMT(from), STR_FMT(where));
    e->shared->before = f;
    return f->tail.p ? f : NULL;
}

bool returning_joined_var(struct emitter *e, const struct level *l, const struct expr *x, struct fragment *ret)
{
    const struct query *q = l->query;
    const struct constraint *key = stable_key(q);
    struct fetch *rows = l->fetch, *before;
    struct fragment column, then, now;
    struct str same = STR("");
    if (!rows || !key || e->shared->looked_up || e->shared->n_changing)
        return blocked(e, x->location, "RETURNING columns of other tables when the statement changes what it joins on");
    if (!(before = joined_before(e, q)))
        return false;
    for (size_t i = 0; i < key->n_columns; i++) {
        int at = key->columns[i] - 1;
        oid_t type = target_of(q)->columns[at].type;
        if (!fetch_column(e, rows, &rows->level->rtes[q->result_rte].columns[at], type, &now) ||
            !fetch_column(e, before, &before->level->rtes[q->result_rte].columns[at], type, &then))
            return false;
        same = text_of(e, "%.*s%s%.*s = %.*s", STR_FMT(same), i ? " AND " : "", STR_FMT(now.sql), STR_FMT(then.sql));
    }
    struct expr *var = ARENA_NEW(e->arena, struct expr);
    if (!var)
        return err_oom(e->err);
    *var = *x;
    var->var.levels_up = 0;
    if (!emit_expr(before->d1, var, &column) || !fetch_column(e, before, &column, x->type, ret))
        return false;
    ret->sql = text_of(e, "(SELECT %.*s FROM f{%d} AS %.*s WHERE %.*s)", STR_FMT(ret->sql), before->number,
                       STR_FMT(before->alias), STR_FMT(same));
    ret->simple = false;
    return same.p && ret->sql.p;
}

/* PostgreSQL takes one of several rows that join; which of them SQLite took is not known. */
bool read_joined(struct emitter *main, const struct query *q, struct change *ret)
{
    struct fetch *f = main->shared->before;
    const struct constraint *key = stable_key(q);
    struct str list = STR(""), raise = emit_raise(f->d1, "0A000",
                                                  STR("RETURNING columns of other tables is not supported when a row "
                                                      "joins several and the statement changes what it joins on"));
    for (size_t i = 0; i < key->n_columns; i++) {
        const struct fragment *column = &f->level->rtes[q->result_rte].columns[key->columns[i] - 1];
        list = text_of(f->d1, "%.*s%s%.*s", STR_FMT(list), i ? "," : "", STR_FMT(column->sql));
    }
    struct str sql = text_of(f->d1,
                             "SELECT CASE WHEN EXISTS (%.*sSELECT 1%.*s GROUP BY %.*s HAVING count(*) > 1) THEN %.*s "
                             "END AS c0",
                             STR_FMT(f->with), STR_FMT(f->tail), STR_FMT(list), STR_FMT(raise));
    if (!list.p || !raise.p || !sql.p || !place_statement(f->d1, sql, &ret->guard))
        return false;
    ret->guard.role = STATEMENT_HELPER;
    return fetch_statement(f, &ret->before);
}
