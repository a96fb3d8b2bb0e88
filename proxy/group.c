/* group.c - collecting, running and answering; see group.h. Its other files: group_private.h. */
#include "proxy/group_private.h"

#include "proxy/migration.h"
#include "proxy/planning.h"
#include "proxy/prepared.h"
#include "proxy/sql/bulk.h"
#include "proxy/utility.h"

enum { STEPS_MAX = 100000 };

/* ---- life ---- */

struct group *group_new(struct session *s)
{
    struct arena *arena = worker_arena_take(s->worker);
    struct group *g = arena ? ARENA_NEW(arena, struct group) : NULL;
    if (!g) {
        worker_arena_give(s->worker, arena);
        return NULL;
    }
    g->session = s;
    g->worker = s->worker;
    g->database = s->database;
    g->arena = arena;
    buf_init(&g->queued, s->out.cap);
    g->made_us = session_wall_us(s);
    if (s->transaction.state == TXN_IDLE)
        s->gucs.live.types.now_us = g->made_us;
    return g;
}

static void step_free(struct group *g, struct step *step)
{
    for (size_t i = 0; step->inputs && i < step->x.plan->local->n_inputs; i++)
        local_rows_free(step->inputs[i]);
    buf_fini(&step->held);
    bulk_free(step->bulk);
    emitter_fini(&step->emitter);
    if (step->x.portal)
        portal_unref(g->worker, step->x.portal);
    plan_unref(step->x.plan);
}

void group_free(struct group *g)
{
    for (struct step *step = g->head; step; step = step->next)
        step_free(g, step);
    for (struct kept_plan *k = g->kept; k; k = k->next)
        plan_unref(k->plan);
    group_schema_drop(g);
    if (g->migration)
        migration_forget(g->migration);
    worker_timer_clear(g->worker, &g->resolution.timer);
    buffer_fini(&g->left);
    buf_fini(&g->queued);
    worker_arena_give(g->worker, g->arena);
}

void group_drop(struct group *g)
{
    group_give_turn(g);
    if (g->session->transaction.state == TXN_IDLE) {
        overlay_drop(&g->session->transaction.overlay);
        key_modes_drop(&g->session->transaction.key_modes, NULL);
    }
    if (!g->in_flight) {
        g->session = NULL;
        group_free(g);
        return;
    }
    if (g->n_before) { /* the session ends, and the request points into its buffer */
        g->left = g->session->transaction.buffer;
        g->session->transaction.buffer = (struct buffer){ 0 };
    }
    g->session = NULL;
    database_cancel(g->database, &g->request); /* its done() frees the group */
}

bool group_keep_plan(struct group *g, struct plan *plan, struct err *err)
{
    struct kept_plan *k = ARENA_NEW(g->arena, struct kept_plan);
    if (!k) {
        plan_unref(plan);
        return err_oom(err);
    }
    *k = (struct kept_plan){ g->kept, plan };
    g->kept = k;
    return true;
}

/* ---- collecting ---- */

static void append(struct group *g, struct step *step)
{
    step->seq = ++g->seq;
    step->position = ++g->session->transaction.position;
    step->queued_at = g->queued.n;
    buf_init(&step->held, g->session->out.cap);
    if (g->tail)
        g->tail->next = step;
    else
        g->head = step;
    g->tail = step;
    g->n_steps++;
    g->n_writes += step->is_write;
    g->n_ddl += step->is_ddl;
}

struct step *group_add(struct group *g, const struct execution *x, struct d1_statement *statements, size_t n,
                       struct err *err)
{
    if (x->plan->tables == TABLES_TEMPORARY) { /* D1 would take its table for a permanent one */
        err_unsupported(err, "a temporary table here");
        return NULL;
    }
    struct step *step = g->n_steps < STEPS_MAX ? ARENA_NEW(g->arena, struct step) : NULL;
    if (!step) {
        if (g->n_steps >= STEPS_MAX)
            err_set(err, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "too many statements in one transaction");
        else
            err_oom(err);
        return NULL;
    }
    step->x = *x;
    plan_ref(x->plan);
    if (x->portal)
        portal_ref(x->portal);
    step->statements = statements;
    step->n_statements = n;
    step->is_write = x->plan->access == D1_WRITE;
    step->is_ddl = x->plan->kind == PLAN_DDL;
    if (!group_add_key_checks(g, step, err) || (x->plan->skip && !group_claim(g, step, err)) ||
        (x->plan->lookup && !group_read_first(g, step, err))) {
        plan_unref(x->plan);
        if (x->portal)
            portal_unref(g->worker, x->portal);
        return NULL;
    }
    group_name_row(g, step);
    append(g, step);
    sequence_values_note(&g->session->sequences, x->plan);
    if (step->is_write)
        group_forget_ids(g, x->plan);
    return step;
}

struct step *group_add_asking(struct group *g, struct step *of, struct plan *plan, struct d1_statement *statements,
                              const struct row_taker *taker, struct err *err)
{
    struct execution x = of->x;
    x.plan = plan;
    x.sink = SINK_TAKEN;
    x.taker = taker;
    x.portal = NULL;
    x.copy = NULL;
    x.copy_plan = x.explains = NULL;
    x.describe = false;
    struct step *step = group_add(g, &x, statements, plan->n_statements, err);
    if (step)
        step->asks_for = of;
    return step;
}

bool group_is_asking(const struct step *step)
{
    return step->asks_for != NULL;
}

bool group_has_answered(const struct group *g, const struct step *asking)
{
    for (const struct step *step = g->head; step; step = step->next)
        if (step == asking)
            return false;
    return true;
}

bool group_add_error(struct group *g, const struct err *err)
{
    struct step *step = ARENA_NEW(g->arena, struct step);
    struct buf b;
    buf_init(&b, 1 << 20);
    backend_report(&b, SEVERITY_ERROR, err, NULL);
    struct str bytes = b.failed || !step ? (struct str){ 0 } : arena_str(g->arena, buf_str(&b));
    buf_fini(&b);
    if (!bytes.p) { /* no memory to say so in order: the session ends */
        struct err oom = { .code = SQLSTATE_OUT_OF_MEMORY, .message = STR("out of memory") };
        session_fatal(g->session, &oom);
        return false;
    }
    step->error = bytes;
    append(g, step);
    return true;
}

const struct snapshot *group_schema(struct group *g)
{
    struct transaction *t = &g->session->transaction;
    struct overlay *o = &t->overlay;
    if (g->n_ddl + t->buffer.n_ddl == 0) {
        overlay_check(o, g->database->snapshot);
        return o->schema;
    }
    overlay_begin(o, g->database->snapshot);
    overlay_follow(o, &t->buffer);
    for (const struct step *step = g->head; step; step = step->next)
        if (step->is_ddl)
            overlay_run(o, step->position, step->statements, step->n_statements);
    return overlay_schema(o, g->arena);
}

bool group_has_writes_after(const struct group *g, uint32_t seq)
{
    for (const struct step *step = g->head; step; step = step->next)
        if (step->is_write && step->seq > seq)
            return true;
    return false;
}

void group_cut(struct group *g, struct step *from, size_t queued_at)
{
    struct step **at = &g->head, *last = NULL;
    while (*at && *at != from && (*at)->asks_for != from) {
        last = *at;
        at = &last->next;
    }
    for (struct step *step = *at; step; step = step->next) {
        g->n_steps--;
        g->n_writes -= step->is_write;
        g->n_ddl -= step->is_ddl;
        step_free(g, step);
    }
    *at = NULL;
    g->tail = last;
    if (g->queued.n > queued_at)
        g->queued.n = queued_at;
}

/* ---- answering ---- */

static void emit_queued(struct group *g, const struct step *step)
{
    size_t end = step->next ? step->next->queued_at : g->queued.n;
    if (end > step->queued_at)
        buf_add(&g->session->out, g->queued.p + step->queued_at, end - step->queued_at);
    g->session->out.failed |= g->queued.failed;
    if (!step->next)
        g->queued.n = 0;
}

static void pop(struct group *g)
{
    struct step *step = g->head;
    g->head = step->next;
    if (!g->head)
        g->tail = NULL;
    g->n_steps--;
    g->n_writes -= step->is_write;
    g->n_ddl -= step->is_ddl;
    g->began_us = 0;
    step_free(g, step);
}

/* A block that began behind the failing step never began. */
static void forget_block(struct group *g, const struct step *step)
{
    struct session *s = g->session;
    if (g->began_block && step->seq <= g->began_seq && s->transaction.state != TXN_IDLE)
        transaction_end(&s->transaction, false, false, &s->gucs);
}

/* The error stands at the head: whatever waited behind it never happens. */
void group_fail_at_head(struct group *g, const struct err *err)
{
    struct session *s = g->session;
    struct step *step = g->head;
    struct str written = step->error;
    struct err placed;
    if (g->migration && err) {
        err_init(&placed, g->arena);
        err_copy(&placed, err);
        if (migration_fails(g, step, &placed))
            return;
        err = &placed;
        migration_forget(g->migration);
        g->migration = NULL;
    }
    if (!s->out.p)
        worker_buf_take(s->worker, &s->out, s->out.cap);
    if (written.p)
        buf_add_str(&s->out, written);
    else
        backend_report(&s->out, SEVERITY_ERROR, err, NULL);
    metric_add(&s->worker->metrics, METRIC_errors, 1);
    if (step->x.portal)
        step->x.portal->state = PORTAL_FAILED;
    prepared_undo(s, step->seq);
    forget_block(g, step);
    group_cut(g, step, 0);
    g->n_writes = g->n_ddl = g->n_steps = 0;
    g->prefix.on = false;
    overlay_drop(&s->transaction.overlay);
    session_after_error(s);
}

static uint64_t count_of(const struct step *step, const struct d1_result *results)
{
    const struct plan *plan = step->x.plan;
    uint64_t changes = 0;
    bool counted = false;
    if (step->x.copy_count)
        return step->x.copy_count;
    for (size_t i = 0; results && i < plan->n_statements; i++)
        if (plan->statements[i].counts_changes) {
            changes += (uint64_t)results[step->first + i].changes;
            counted = true;
        }
    return counted ? changes : step->emitter.n_rows;
}

/* D1 began, the local engine finishes. */
static bool finish_locally(struct group *g, struct step *step, struct err *err)
{
    struct session *s = g->session;
    metric_add(&s->worker->metrics, METRIC_finished_locally, 1);
    step->emitter.err = err;
    step->emitter.out = &s->out;
    step->emitter.describe = step->x.describe;
    if (!session_call_begin(s, false, err) || !execute_local(s, &step->x, step->inputs, g->arena, &step->emitter, err))
        return false;
    emitter_begin(&step->emitter);
    return true;
}

static bool answer_rows(struct group *g, struct step *step, struct err *err)
{
    if (step->failed) {
        err_copy(err, step->failed);
        return false;
    }
    if (step->x.plan->local)
        return finish_locally(g, step, err);
    struct buf *out = &g->session->out;
    if (!step->emitter.began) {
        step->emitter.out = out;
        step->emitter.describe = step->x.describe && plan_gives_rows(step->x.plan);
        emitter_begin(&step->emitter);
    }
    if (step->held.n)
        buf_add(out, step->held.p, step->held.n);
    step->emitter.out = out;
    return true;
}

static struct statistics_note cost_of(const struct step *step, const struct d1_result *results)
{
    struct statistics_note cost = { .rows = count_of(step, results),
                                    .round_trips = step->round_trips,
                                    .finished_locally = step->x.plan->local != NULL };
    for (size_t i = 0; results && i < step->x.plan->n_statements; i++) {
        cost.rows_read += results[step->first + i].rows_read;
        cost.rows_written += results[step->first + i].rows_written;
    }
    return cost;
}

/* False: the error was answered, and with it the group's turn is over. */
static bool answer(struct group *g, const struct d1_result *results)
{
    struct session *s = g->session;
    struct step *step = g->head;
    struct err err;
    err_init(&err, g->arena);
    if (!s->out.p)
        worker_buf_take(s->worker, &s->out, s->out.cap);
    struct statistics_note cost;
    bool given = answer_rows(g, step, &err);
    if (given) {
        cost = cost_of(step, results);
        given = !step->x.explains || step->untagged || utility_explained(s, &step->x, &cost, &s->out, &err);
    }
    if (!given) {
        if (g->batch_writes && !g->undoes)
            err_detail(&err, "%.*s%sThe changes made along with this statement are committed.", STR_FMT(err.detail),
                       err.detail.n ? " " : "");
        group_fail_at_head(g, &err);
        return false;
    }
    emitter_end(&step->emitter);
    if (step->x.plan->n_sequences)
        sequence_values_count(&s->sequences, step->x.plan, count_of(step, results));
    if (step->asks_for)
        step->asks_for->round_trips += step->round_trips;
    else
        statistics_done(s, &step->x, cost);
    if (step->x.sink == SINK_STORE)
        step->x.portal->state = PORTAL_STORED;
    else if (!step->untagged && step->x.sink != SINK_TAKEN)
        execute_tag(step->x.copy_plan ? step->x.copy_plan : step->x.plan, count_of(step, results), &s->out);
    emit_queued(g, step);
    pop(g);
    return true;
}

bool group_answer_until(struct group *g, const struct step *end, const struct d1_result *results)
{
    while (g->head != end)
        if (!answer(g, results))
            return false;
    return true;
}

/* ---- what cannot be sent ---- */

static struct step *first_write(struct group *g)
{
    struct step *step = g->head;
    while (step && !step->is_write)
        step = step->next;
    return step;
}

/* The error takes the place of the first write; the reads before it are answered. */
static void refuse(struct group *g, const struct err *err)
{
    struct step *write = first_write(g);
    group_cut(g, write, write->queued_at);
    group_add_error(g, err);
}

static bool refuse_second_write(struct group *g)
{
    struct err err;
    if (!g->batch_writes || g->undoes || !g->wrote)
        return false;
    err_init(&err, g->arena);
    err_unsupported(&err, "a write after Flush in the same implicit transaction");
    err_hint(&err, "Send Sync before it.");
    refuse(g, &err);
    return true;
}

/* ---- running ---- */

/* Steps that need nothing of D1 after all (planned again for the local engine). */
static enum run answer_without_d1(struct group *g)
{
    struct err err;
    err_init(&err, g->arena);
    if (!group_prepare_steps(g)) {
        err_oom(&err);
        group_fail_at_head(g, &err);
        return RUN_OVER;
    }
    return group_answer_until(g, g->batch_end, NULL) ? group_next(g) : RUN_OVER;
}

enum run group_next(struct group *g)
{
    struct session *s = g->session;
    while (g->head || group_commits_block(g)) {
        if (g->head && g->head->error.p) {
            group_fail_at_head(g, NULL);
            return RUN_OVER;
        }
        enum shadow_run here = group_repeat_read(g);
        switch (here == SHADOW_NOT ? group_run_in_shadow(g) : here) {
        case SHADOW_NOT:
            break;
        case SHADOW_ANSWERED:
            continue;
        case SHADOW_OVER:
            return RUN_OVER;
        }
        size_t n = group_choose_batch(g);
        if (refuse_second_write(g)) {
            if (s->state == SESSION_CLOSED)
                return RUN_OVER;
            continue;
        }
        enum rows rows = group_take_rows(g);
        if (rows == ROWS_WAIT)
            return RUN_WAIT;
        if (rows == ROWS_FAILED) {
            if (s->state == SESSION_CLOSED)
                return RUN_OVER;
            continue;
        }
        if (group_prefix_undone(g))
            n = group_choose_batch(g);
        if (group_is_unasked(g)) {
            if (group_keep_unasked(g) == RUN_OVER)
                return RUN_OVER;
            continue;
        }
        if (group_looked_behind(g))
            continue;
        struct step *looking = group_next_lookup(g);
        if (looking)
            return group_submit_lookup(g, looking);
        if (group_rehearses(g))
            continue;
        return n ? group_submit(g, n) : answer_without_d1(g);
    }
    g->is_running = false;
    g->one_by_one = false;
    if (g->goal == GOAL_SYNC) {
        session_end_cycle(s);
        return RUN_OVER;
    }
    return RUN_ON;
}

enum run group_run(struct group *g, enum goal goal, enum group_end end)
{
    g->goal = goal;
    g->end = end;
    g->is_running = true;
    g->rehearsal = REHEARSAL_NONE;
    g->tries = 0;
    g->began_us = 0;
    return group_next(g);
}

enum outcome group_answer(struct group *g, enum group_end end)
{
    switch (group_run(g, GOAL_GO_ON, end)) {
    case RUN_WAIT:
        return OUTCOME_WAIT;
    case RUN_OVER:
        return OUTCOME_OVER;
    case RUN_ON:
        break;
    }
    return OUTCOME_DONE;
}

/* On from a callback: nobody up the stack holds the group. */
void group_go_on(struct group *g)
{
    struct session *s = g->session;
    if (group_next(g) == RUN_ON)
        session_wake(s);
}

void group_resume(struct group *g)
{
    if (!g->paused || !g->in_flight)
        return;
    g->paused = false;
    d1_resume(g->database->d1, &g->request);
}

void group_cancel(struct group *g)
{
    if (g->row_wait.waits)
        group_rows_look(g->session);
    else if (g->in_flight && g->resolution.state < RESOLUTION_DOUBT) /* a COMMIT in doubt is looked into to its end */
        database_cancel(g->database, &g->request);
}
