/* migration_replay.c - see migration_replay.h. */
#include "proxy/migration_replay.h"

#include "proxy/migration_private.h"
#include "proxy/session_setting.h"

static void settings_of(void *ctx, const struct snapshot *schema, struct arena *arena, struct sql_settings *ret)
{
    session_sql_settings(ctx, schema, arena, ret);
}

static void input_of(void *ctx, const struct snapshot *schema, struct bind_input *ret)
{
    struct session *s = ctx;
    struct execution none = { 0 };
    execute_input(s, &none, ret);
    ret->snapshot = schema;
}

static bool begin(struct migration *m, struct migration_replay *r)
{
    struct session *s = m->session;
    struct replay_session *says = ARENA_NEW(m->arena, struct replay_session);
    if (!says)
        return err_oom(m->err);
    *says = (struct replay_session){ .clock = s->worker->clock,
                                     .engine = s->worker->local,
                                     .settings = settings_of,
                                     .input = input_of,
                                     .ctx = s,
                                     .max_bytes = s->serving->config->finish_max_bytes };
    r->replay = replay_new(says, m->err);
    if (!r->replay)
        return false;
    if (r->base && !replay_copy(r->replay, r->base, m->err)) {
        replay_free(r->replay);
        r->replay = NULL;
        return false;
    }
    r->migration = m;
    r->worker = s->worker;
    r->next = m->replays;
    m->replays = r;
    return true;
}

static void on_turn(struct timer *t)
{
    struct migration_replay *r = (struct migration_replay *)((char *)t - offsetof(struct migration_replay, turn));
    session_wake(r->migration->session);
}

static enum outcome wait_turn(struct migration *m, struct migration_replay *r)
{
    struct session *s = m->session;
    r->turn.fire = on_turn;
    session_wait(s);
    worker_timer(s->worker, &r->turn, worker_now(s->worker));
    return OUTCOME_WAIT;
}

/* ---- files ---- */

static enum outcome fail(struct migration *m, struct migration_replay *r, const struct migrate_statement *statement)
{
    r->failed_file = r->files[r->at].file;
    r->failed_line = statement ? statement->line : 0;
    r->failed_column = statement ? statement->column : 0;
    r->failure = ARENA_NEW(m->arena, struct err);
    if (r->failure) {
        err_init(r->failure, m->arena);
        err_copy(r->failure, m->err);
    }
    if (statement)
        migrate_text_fail(r->failed_file, statement, m->err);
    replay_undo(r->replay);
    return OUTCOME_FAILED;
}

static enum outcome run(struct migration *m, struct migration_replay *r, const struct migrate_statement *statement)
{
    const struct replay_file *f = &r->files[r->at];
    if (f->checks_drops && f->text->dialect == MIGRATE_SQLITE && !f->text->allows_cascade &&
        !replay_check_drop(r->replay, statement->text, m->err))
        return fail(m, r, statement);
    if (replay_statement(r->replay, f->text->dialect, statement->text, m->err))
        return OUTCOME_DONE;
    if (!r->base || m->err->code == SQLSTATE_OUT_OF_MEMORY)
        return fail(m, r, statement);
    err_clear(m->err); /* rows may be missing; when it runs it will fail, or not */
    return OUTCOME_DONE;
}

/* One statement, or the end of a chunk. */
static enum outcome step(struct migration *m, struct migration_replay *r)
{
    const struct replay_file *f = &r->files[r->at];
    const struct migrate_chunk *chunk = &(f->chunks ? f->chunks : f->text->up)[r->chunk];
    if (r->statement == 0 && !replay_begin(r->replay, m->err))
        return fail(m, r, NULL);
    if (r->statement < chunk->n)
        return run(m, r, &chunk->statements[r->statement++]);
    if (!replay_end(r->replay, m->err))
        return fail(m, r, NULL);
    r->statement = 0;
    if (++r->chunk == (f->n_chunks ? f->n_chunks : f->text->n_up)) {
        r->chunk = 0;
        r->at++;
    }
    return OUTCOME_DONE;
}

enum outcome migration_replay(struct migration *m, struct migration_replay *r)
{
    struct session *s = m->session;
    uint64_t until = worker_now(s->worker) + REPLAY_TURN_US;
    if (!r->replay && !begin(m, r))
        return OUTCOME_FAILED;
    worker_timer_clear(s->worker, &r->turn); /* a cancel request may have come first */
    if (s->cancelled) {
        s->cancelled = 0;
        err_set(m->err, SQLSTATE_QUERY_CANCELED, "canceling statement due to user request");
        return OUTCOME_FAILED;
    }
    while (r->at < r->n) {
        if (step(m, r) != OUTCOME_DONE)
            return OUTCOME_FAILED;
        if (r->at < r->n && worker_now(s->worker) > until)
            return wait_turn(m, r);
    }
    if (!r->schema)
        r->schema = replay_schema(r->replay, m->err);
    return r->schema ? OUTCOME_DONE : OUTCOME_FAILED;
}

void migration_replays_end(struct migration *m)
{
    for (struct migration_replay *r = m->replays; r; r = r->next) {
        worker_timer_clear(r->worker, &r->turn); /* the session may be gone */
        snapshot_unref(r->schema);
        replay_free(r->replay);
        r->schema = NULL;
        r->replay = NULL;
    }
    m->replays = NULL;
}
