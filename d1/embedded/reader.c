/* reader.c - see reader.h. */
#include "d1/embedded/reader.h"

static void set_brake(struct emb_connection *c, const struct embedded_options *o, const struct emb_task *t,
                      uint64_t now)
{
    c->brake = (struct emb_brake){
        .deadline_us = t->request->deadline_us,
        .run_until_us = now + o->read_us,
        .budget = true,
        .steps_left = o->read_steps > INT64_MAX ? INT64_MAX : (int64_t)o->read_steps,
    };
}

void emb_snapshot_begin(struct emb_connection *c)
{
    emb_control(c, EMB_BEGIN); /* if it fails, each read takes its own */
}

void emb_snapshot_end(struct emb_connection *c)
{
    if (!sqlite3_get_autocommit(c->db))
        emb_control(c, EMB_COMMIT);
}

/* Several statements see one snapshot; a single one is its own. */
static enum emb_run_end run(struct emb_connection *c, struct emb_task *t)
{
    bool own = t->request->n_statements > 1 && sqlite3_get_autocommit(c->db);
    int rc = own ? emb_control(c, EMB_BEGIN) : SQLITE_OK;
    if (rc != SQLITE_OK) {
        emb_failure_sqlite(&t->failure, c->db, rc);
        return EMB_RUN_FAILED;
    }
    t->run.connection = c;
    enum emb_run_end end = emb_run_more(&t->run, EMB_INLINE_BYTES);
    bool late = end == EMB_RUN_FULL || c->brake.stopped == EMB_STOP_BUDGET;
    if (late && t->run.statement)
        t->run.statement->heavy = true;
    int code = t->run.code;
    t->failed = emb_run_failed(&t->run);
    emb_run_rewind(&t->run);
    t->run.code = code;
    t->run.connection = NULL;
    if (own)
        emb_snapshot_end(c);
    return end;
}

/* What counts no steps is seen by the clock, one run too late. */
static void learn(struct emb_connection *c, bool slow)
{
    if (c->lru.older != &c->lru)
        c->lru.older->heavy = slow;
}

static bool run_within(struct emb_connection *c, const struct embedded_options *o, struct emb_task *t, uint64_t *now)
{
    uint64_t start = *now;
    set_brake(c, o, t, start);
    enum emb_run_end end = run(c, t);
    enum emb_stop stopped = c->brake.stopped;
    c->brake = (struct emb_brake){ 0 };
    emb_reset_pragmas(c);
    *now = clock_monotonic_us(o->clock);
    bool busy = (t->run.code & 0xff) == SQLITE_BUSY;
    if (end == EMB_RUN_DONE)
        learn(c, *now - start > o->read_us);
    return end == EMB_RUN_DONE || (end == EMB_RUN_FAILED && stopped != EMB_STOP_BUDGET && !busy);
}

bool emb_read_inline(struct emb_connection *c, const struct embedded_options *o, struct emb_task *t, uint64_t *now)
{
    uint64_t deadline = t->request->deadline_us;
    if (deadline && *now >= deadline) {
        emb_brake_failure(&t->failure, EMB_STOP_DEADLINE);
        return true;
    }
    if (run_within(c, o, t, now)) {
        t->request->round_trips++;
        return true;
    }
    emb_failure_clear(&t->failure);
    emb_rows_clear(&t->rows);
    t->run.code = SQLITE_OK;
    t->failed = 0;
    return false;
}
