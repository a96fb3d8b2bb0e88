/* emit_returning.c - RETURNING, in D1 or finished here; see change_private.h. */
#include "proxy/sql/change_private.h"

static bool any_reads_written(const struct query *q, const struct written *written)
{
    for (size_t i = 0; i < q->n_returning; i++)
        if (reads_written(q->returning[i].expr, written))
            return true;
    return false;
}

/* WITH queries that subqueries read here: D1 has worked them out for the change alone. */
static bool returning_with(struct emitter *local, const struct query *q, struct str *ret)
{
    bool any = false;
    *ret = STR("");
    for (size_t i = 0; i < q->n_returning; i++)
        any = any || names_cte(q->returning[i].expr);
    for (size_t i = 0; any && i < q->n_ctes; i++)
        if (cte_is_another(&q->ctes[i]))
            return blocked(local, -1, "RETURNING from WITH query \"%.*s\", whose values are others each time,",
                           STR_FMT(q->ctes[i].name));
    return !any || emit_with(local, q, ret);
}

/* The list is worked out here, over the columns it needs. */
static bool returning_finished(struct emitter *e, const struct query *q, struct change *ret, struct str *text)
{
    struct str list, with;
    struct emitter *local = ARENA_NEW(e->arena, struct emitter);
    if (!local)
        return err_oom(e->err);
    emitter_init(local, e->shared, TARGET_LOCAL);
    local->in_returning = true;
    struct fetch *f = fetch_new(local, q);
    struct level *l = f ? level_new(local, q) : NULL;
    if (!l)
        return false;
    *f->level = *e->level;
    f->d1 = e;
    l->fetch = f;
    l->part = FETCHED_ORDER;
    if (!returning_with(local, q, &with))
        return false;
    local->level = l;
    if (!emit_target_list(local, q->returning, q->n_returning, true, &list, &ret->out))
        return false;
    struct str columns = STR("");
    for (size_t i = 0; i < f->n_columns && columns.p; i++)
        columns = text_of(e, "%.*s%s%.*s AS c%zu", STR_FMT(columns), i ? ", " : "", STR_FMT(f->columns[i]), i);
    *text = text_of(e, " RETURNING %.*s", STR_FMT(columns.n ? columns : STR("1 AS c0")));
    ret->local_sql =
        text_of(e, "%.*sSELECT %.*s FROM f{%d} AS %.*s", STR_FMT(with), STR_FMT(list), f->number, STR_FMT(f->alias));
    ret->fetch = f;
    ret->local = local;
    if (e->shared->before && !(q->command == COMMAND_INSERT ? read_upserted(e, q, ret) : read_joined(e, q, ret)))
        return false;
    return text->p && ret->local_sql.p;
}

static bool print_returning(struct emitter *e, const struct query *q, struct change *ret, struct str *text)
{
    struct str list;
    struct emit_mark mark = emit_mark(e);
    /* SQLite's subqueries there see the rows changed so far, PostgreSQL's those before the statement. */
    bool is_late = any_reads_written(q, e->written);
    e->conditional++; /* there may be no row, or it meets an error before */
    bool printed = !is_late && emit_target_list(e, q->returning, q->n_returning, true, &list, &ret->out);
    e->conditional--;
    if (printed) {
        *text = text_of(e, " RETURNING %.*s", STR_FMT(list));
        return text->p != NULL;
    }
    if (err_is_set(e->err))
        return false;
    if (ret->must_be_d1)
        return is_late ? blocked(e, -1, "subqueries in RETURNING over what the statement changes") : false;
    emit_rollback(e, mark);
    return returning_finished(e, q, ret, text);
}

bool emit_returning(struct emitter *e, const struct query *q, struct change *ret, struct str *text)
{
    struct written written;
    struct cte_name *ctes = e->shared->ctes;
    *text = STR("");
    if (!q->n_returning || ret->without_rows)
        return true;
    if (!written_tables(e, q, &written))
        return false;
    e->in_returning = true;
    e->written = &written;
    e->shared->ctes = NULL; /* SQLite knows no WITH query there: each is printed where it is read */
    bool ok = print_returning(e, q, ret, text);
    e->shared->ctes = ctes;
    e->written = NULL;
    e->in_returning = false;
    return ok;
}

/* Rows that subqueries in RETURNING need: read before the change, as PostgreSQL's statement sees its tables. */
static bool returning_reads(struct emit_shared *s, struct change *c, struct plan_statement **list, size_t *n)
{
    struct plan_statement *all = ARENA_ARRAY(s->arena, struct plan_statement, s->n_fetches + *n);
    size_t n_all = 0;
    if (!all)
        return err_oom(s->err);
    for (size_t i = 0; i < s->n_fetches; i++) {
        struct fetch *f = s->fetches[i];
        if (f == c->fetch || f == s->before || f->changing)
            continue;
        if (s->n_changing)
            return refused(c->local, -1, SQLSTATE_FEATURE_NOT_SUPPORTED,
                           "a subquery in RETURNING of a statement that changes data in WITH too is not supported");
        s->input_order[i] = (int)n_all;
        if (!fetch_statement(f, &all[n_all++]))
            return false;
    }
    size_t n_inputs = n_all;
    if (c->before.sql.n) /* it stands before the change in the list */
        s->input_order[s->before->number] = (int)n_inputs++;
    s->input_order[c->fetch->number] = (int)n_inputs++;
    s->plan->local->n_inputs = n_inputs;
    memcpy(all + n_all, *list, *n * sizeof(**list));
    *list = all;
    *n += n_all;
    return true;
}

bool change_local(struct emit_shared *s, struct change *c)
{
    struct plan *plan = s->plan;
    bool as_json;
    plan->local = ARENA_NEW(s->arena, struct plan_local);
    if (!plan->local)
        return err_oom(s->err);
    if (!returning_reads(s, c, &plan->statements, &plan->n_statements))
        return false;
    if (!finish_binds(c->local, 0, &c->local_sql, &plan->local->binds, &plan->local->n_binds, &as_json))
        return false;
    plan->local->sql = c->local_sql;
    plan->local->needs_catalog = s->needs_catalog;
    plan->place = PLACE_D1_THEN_FINISH;
    return true;
}
