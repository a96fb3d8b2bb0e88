/* tryout.c - see tryout.h. */
#include "d1/embedded/tryout.h"

enum {
    ROW_BYTES = 256 << 10,
    STATEMENTS_MAX = 32, /* a long block's batches are the writer's */
    STEPS_PART = 10,     /* it has one part in so many of the steps that a read has: the writer can do it meanwhile */
};

static void set_brake(struct emb_connection *c, const struct embedded_options *o, const struct emb_task *t,
                      uint64_t now)
{
    uint64_t steps = o->read_steps / STEPS_PART;
    c->brake = (struct emb_brake){
        .deadline_us = t->request->deadline_us,
        .run_until_us = now + o->read_us,
        .budget = true,
        .steps_left = steps > INT64_MAX ? INT64_MAX : (int64_t)steps,
    };
}

/* Failed for what it is, not for what happened to it. */
static bool is_answer(const struct emb_connection *c, const struct emb_task *t, enum emb_run_end end)
{
    return end == EMB_RUN_FAILED && t->failure.kind == D1_ERROR_SQL && c->brake.stopped == EMB_STOP_NONE &&
           (t->run.code & 0xff) != SQLITE_BUSY;
}

static bool run(struct emb_connection *c, struct emb_task *t)
{
    t->run.connection = c;
    enum emb_run_end end = emb_run_more(&t->run, ROW_BYTES);
    bool late = end == EMB_RUN_FULL || c->brake.stopped == EMB_STOP_BUDGET;
    if (late && t->run.statement)
        t->run.statement->heavy = true;
    bool answered = is_answer(c, t, end);
    t->failed = answered ? emb_run_failed(&t->run) : 0;
    emb_run_rewind(&t->run);
    t->run.connection = NULL;
    return answered;
}

/* What counts no steps is seen by the clock, one run too late. */
static void learn(struct emb_connection *c, const struct d1_request *r)
{
    for (size_t i = 0; i + 1 < r->n_statements; i++) {
        struct emb_statement *s = emb_statement_find(c, r->statements[i].sql);
        if (s)
            s->heavy = true;
    }
}

static bool run_within(struct emb_connection *c, const struct embedded_options *o, struct emb_task *t, uint64_t *now)
{
    uint64_t start = *now;
    if (emb_control(c, EMB_BEGIN_WRITE) != SQLITE_OK) /* another process has the lock, or worse: the writer will tell */
        return false;
    set_brake(c, o, t, start);
    bool answered = run(c, t);
    c->brake = (struct emb_brake){ 0 };
    emb_reset_pragmas(c);
    if (!sqlite3_get_autocommit(c->db))
        emb_control(c, EMB_ROLLBACK);
    *now = clock_monotonic_us(o->clock);
    if (*now - start > o->read_us)
        learn(c, t->request);
    return answered;
}

bool emb_try_inline(struct emb_writer *w, const struct embedded_options *o, struct emb_task *t, uint64_t *now)
{
    struct emb_connection *c = t->request->n_statements <= STATEMENTS_MAX ? emb_writer_lend(w) : NULL;
    if (!c)
        return false;
    bool answered = run_within(c, o, t, now);
    emb_writer_give_back(w);
    if (answered) {
        t->request->round_trips++;
        return true;
    }
    emb_failure_clear(&t->failure);
    emb_rows_clear(&t->rows);
    memset(t->run.results, 0, t->request->n_statements * sizeof(*t->run.results));
    return false;
}
