/* emit_change.c - INSERT, UPDATE, DELETE, MERGE: one statement that writes, and its place in the plan; see change_private.h. */
#include "proxy/sql/change_private.h"

const struct relation *target_of(const struct query *q)
{
    return q->rtable[q->result_rte].relation;
}

/* The target under its own name: SQLite knows no alias in RETURNING. */
bool enter_target(struct emitter *e, const struct query *q, struct str *ret_name)
{
    const struct relation *r = target_of(q);
    struct level *l = level_new(e, q);
    if (!l)
        return false;
    if (r->is_system)
        return refused(e, -1, SQLSTATE_INSUFFICIENT_PRIVILEGE, "permission denied for table %.*s", STR_FMT(r->name));
    *ret_name = unique_name(e, r->sqlite_name);
    if (!ret_name->p || !relation_columns(e, r, &q->rtable[q->result_rte], *ret_name, &l->rtes[q->result_rte].columns))
        return false;
    if (q->on_conflict && q->on_conflict->excluded_rte >= 0 && (size_t)q->on_conflict->excluded_rte < q->n_rtable &&
        !relation_columns(e, r, NULL, STR("excluded"), &l->rtes[q->on_conflict->excluded_rte].columns))
        return false;
    e->level = l;
    return true;
}

/* The guard, then the statements. */
bool change_statements(struct emitter *e, const struct change *c, struct plan_statement **ret, size_t *ret_n)
{
    struct plan_statement *all = ARENA_ARRAY(e->arena, struct plan_statement, c->n_checks + c->n_statements + 2);
    size_t n = 0;
    if (!all)
        return err_oom(e->err);
    for (size_t i = 0; i < c->n_checks; i++)
        all[n++] = c->checks[i];
    if (c->guard.sql.n)
        all[n++] = c->guard;
    if (c->before.sql.n)
        all[n++] = c->before;
    for (size_t i = 0; i < c->n_statements; i++)
        all[n++] = c->statements[i];
    *ret = all;
    *ret_n = n;
    return true;
}

/* ---- statements ---- */

bool one_statement(struct emitter *e, struct str sql, struct change *ret)
{
    ret->statements = ARENA_NEW(e->arena, struct plan_statement);
    if (!sql.p || !ret->statements)
        return err_is_set(e->err) ? false : err_oom(e->err);
    ret->n_statements = 1;
    return place_statement(e, sql, ret->statements);
}

bool emit_change_statement(struct emitter *e, const struct query *q, struct change *ret)
{
    const struct relation *r = target_of(q);
    if (r->kind == RELATION_VIEW)
        return refused(e, -1, SQLSTATE_FEATURE_NOT_SUPPORTED, "changing view %.*s is not supported", STR_FMT(r->name));
    if (e->depth >= EMIT_MAX_DEPTH)
        return refused(e, -1, SQLSTATE_STATEMENT_TOO_COMPLEX, "stack depth limit exceeded");
    e->depth++;
    bool ok = q->command == COMMAND_MERGE    ? rewrite_merge(e->shared, q, ret)
              : q->command == COMMAND_INSERT ? emit_insert(e, q, ret)
              : q->command == COMMAND_UPDATE ? emit_update(e, q, ret)
                                             : emit_delete(e, q, ret);
    e->depth--;
    if (ok)
        return true;
    if (err_is_set(e->err))
        return false;
    static const char *const names[] = { "", "INSERT", "UPDATE", "DELETE", "MERGE" };
    e->shared->blocked_what = text_of(e, "%s with %.*s", names[q->command], STR_FMT(e->shared->blocked_what));
    return false;
}

/* The printed statements into the plan, with what stands around them. */
static bool place_change(struct emit_shared *s, const struct query *q, struct emitter *e, struct change *c)
{
    struct plan *plan = s->plan;
    size_t n_inputs = 0;
    for (size_t i = 0; i < c->n_statements; i++) {
        struct plan_statement *m = &c->statements[i];
        m->role = c->fetch ? STATEMENT_FETCH : STATEMENT_MAIN;
        m->counts_changes = true;
        m->gives_rows = q->n_returning > 0;
        m->n_columns = c->fetch ? (c->fetch->n_columns ? c->fetch->n_columns : 1) : (q->n_returning ? c->out.n : 0);
    }
    if (!change_statements(e, c, &c->statements, &c->n_statements) ||
        !sequences_statements(s, &c->statements, &c->n_statements))
        return false;
    plan->statements = c->statements;
    plan->n_statements = c->n_statements;
    plan->place = PLACE_D1;
    if ((c->fetch && !change_local(s, c)) ||
        (q->n_returning && !describe_columns(e, q, q->returning, q->n_returning, &c->out)) || !note_writes(e, q))
        return false;
    return changing_with(s, q, &n_inputs);
}

bool emit_change(struct emit_shared *s, struct query *q)
{
    struct emitter e;
    struct change c = { 0 };
    emitter_init(&e, s, TARGET_D1);
    s->plan->access = D1_WRITE;
    s->uses = &s->main_uses;
    struct emit_mark mark = emit_mark(&e);
    if (!emit_change_statement(&e, q, &c)) {
        if (err_is_set(s->err))
            return false;
        emit_rollback(&e, mark);
        if (q->command != COMMAND_MERGE && rewrite_lookup(s, q, &c))
            return place_change(s, q, &e, &c);
        if (err_is_set(s->err))
            return false;
        refuse_blocked(&e);
        return err_hint(s->err, "D1 cannot compute it. Read first and write the computed values.");
    }
    return place_change(s, q, &e, &c);
}
