/* emit_returning.c - RETURNING, in D1 or finished here; see change_private.h. */
#include "proxy/sql/change_private.h"

/* The list is worked out here, over the columns it needs. */
static bool returning_finished(struct emitter *e, const struct query *q, struct change *ret, struct str *text)
{
    struct str list;
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
    local->level = l;
    if (!emit_target_list(local, q->returning, q->n_returning, true, &list, &ret->out))
        return false;
    struct str columns = STR("");
    for (size_t i = 0; i < f->n_columns && columns.p; i++)
        columns = text_of(e, "%.*s%s%.*s AS c%zu", STR_FMT(columns), i ? ", " : "", STR_FMT(f->columns[i]), i);
    *text = text_of(e, " RETURNING %.*s", STR_FMT(columns.n ? columns : STR("1 AS c0")));
    ret->local_sql = text_of(e, "SELECT %.*s FROM f{%d} AS %.*s", STR_FMT(list), f->number, STR_FMT(f->alias));
    ret->fetch = f;
    ret->local = local;
    if (e->shared->before && !(q->command == COMMAND_INSERT ? read_upserted(e, q, ret) : read_joined(e, q, ret)))
        return false;
    return text->p && ret->local_sql.p;
}

bool emit_returning(struct emitter *e, const struct query *q, struct change *ret, struct str *text)
{
    struct str list;
    *text = STR("");
    if (!q->n_returning || ret->without_rows)
        return true;
    struct emit_mark mark = emit_mark(e);
    e->in_returning = true;
    /* SQLite's subqueries there see the rows changed so far, PostgreSQL's those before the statement. */
    bool ok = !returning_reads_target(q) && emit_target_list(e, q->returning, q->n_returning, true, &list, &ret->out);
    if (ok) {
        e->in_returning = false;
        *text = text_of(e, " RETURNING %.*s", STR_FMT(list));
        return text->p != NULL;
    }
    ok = !err_is_set(e->err) && !ret->must_be_d1;
    if (ok) {
        emit_rollback(e, mark);
        ok = returning_finished(e, q, ret, text);
    }
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
