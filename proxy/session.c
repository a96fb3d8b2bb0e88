/* session.c - the state machine and what every part of a session shares; see session.h. */
#include "proxy/session.h"

#include <assert.h>
#include "proxy/activity.h"
#include "proxy/base/fault.h"
#include "proxy/base/log.h"
#include "proxy/copy.h"
#include "proxy/database.h"
#include "proxy/group.h"
#include "proxy/notify.h"
#include "proxy/portal.h"
#include "proxy/prepared.h"
#include "proxy/protocol.h"
#include "proxy/session_setting.h"
#include "proxy/statistics.h"

#define TO(s) (1u << SESSION_##s)
static const struct {
    const char *name;
    unsigned to;
    enum phase phase; /* what the framer lets in */
} states[SESSION_STATE_NR] = {
    [SESSION_STARTUP] = { "startup", TO(AUTH) | TO(READY) | TO(CLOSED), PHASE_STARTUP },
    [SESSION_AUTH] = { "auth", TO(READY) | TO(CLOSED), PHASE_AUTH },
    [SESSION_READY] = { "ready", TO(BUSY) | TO(SKIP) | TO(COPY_IN) | TO(CLOSED), PHASE_READY },
    [SESSION_BUSY] = { "busy", TO(READY) | TO(SKIP) | TO(COPY_IN) | TO(CLOSED), PHASE_READY },
    [SESSION_SKIP] = { "skip until sync", TO(READY) | TO(CLOSED), PHASE_READY },
    [SESSION_COPY_IN] = { "copy in", TO(READY) | TO(BUSY) | TO(SKIP) | TO(CLOSED), PHASE_COPY_IN },
    [SESSION_CLOSED] = { "closed", 0, PHASE_READY },
};

const char *session_state_name(enum session_state state)
{
    return states[state].name;
}

bool session_may_move(enum session_state from, enum session_state to)
{
    return states[from].to & (1u << to);
}

void session_move(struct session *s, enum session_state to)
{
    if (s->state == to)
        return;
    assert(session_may_move(s->state, to));
    s->state = to;
}

/* ---- life ---- */

struct session *session_new(struct worker *w, const struct session_io *io, void *io_ctx,
                            const struct session_peer *peer)
{
    struct session *s = fault_calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    s->worker = w;
    s->serving = app_serving(w->app);
    s->io = io;
    s->io_ctx = io_ctx;
    s->peer = *peer;
    s->state = SESSION_STARTUP;
    buf_init(&s->out, s->serving->config->max_result_bytes + (1 << 20));
    map_init(&s->prepared);
    map_init(&s->portals);
    transaction_init(&s->transaction);
    s->next = w->sessions;
    s->prev = &w->sessions;
    if (s->next)
        s->next->prev = &s->next;
    w->sessions = s;
    atomic_fetch_add_explicit(&w->n_sessions, 1, memory_order_relaxed);
    metric_add(&w->metrics, METRIC_clients, 1);
    s->is_counted = 1;
    atomic_fetch_add_explicit(&w->app->n_clients, 1, memory_order_relaxed);
    session_start_login(s);
    return s;
}

static void unlink_session(struct session *s)
{
    *s->prev = s->next;
    if (s->next)
        s->next->prev = s->prev;
    atomic_fetch_sub_explicit(&s->worker->n_sessions, 1, memory_order_relaxed);
    metric_sub(&s->worker->metrics, METRIC_clients, 1);
    if (s->is_counted)
        atomic_fetch_sub_explicit(&s->worker->app->n_clients, 1, memory_order_relaxed);
}

void session_abandon(struct session *s)
{
    struct worker *w = s->worker;
    bool last = false;
    s->io = NULL;
    s->state = SESSION_CLOSED;
    unlink_session(s);
    cancel_remove(&w->app->sessions, &s->presence);
    worker_timer_clear(w, &s->timer);
    session_call_stop(s);
    session_locks_end(s);
    if (s->database)
        database_forget_waiter(s->database, s);
    copy_from_drop(s);
    if (s->group)
        group_drop(s->group);
    portals_remove_all(s);
    prepared_remove_all(s, true);
    map_fini(&s->prepared);
    map_fini(&s->portals);
    notify_fini(s);
    session_login_fini(s);
    gucs_fini(&s->gucs);
    transaction_fini(&s->transaction);
    worker_buf_give(w, &s->out);
    last = w->is_draining && !w->sessions;
    serving_unref(s->serving);
    free(s->user);
    free(s->database_name);
    free(s->bookmark);
    sequence_values_clear(&s->sequences);
    free(s);
    if (last)
        event_base_loopexit(w->base, NULL);
}

/* ---- output ---- */

struct buf *session_out(struct session *s)
{
    if (s->group && group_is_waiting(s->group))
        return &s->group->queued;
    if (!s->out.p)
        worker_buf_take(s->worker, &s->out, s->out.cap);
    return &s->out;
}

bool session_output_is_whole(struct session *s)
{
    if (!s->out.failed)
        return true;
    s->out.n = s->sent; /* an answer larger than the limit, or without memory, was cut */
    s->out.failed = false;
    if (s->state == SESSION_CLOSED)
        return false;
    log_event(LOG_LEVEL_ERROR, "output_overflow", "session=%u", s->presence.pid);
    session_move(s, SESSION_CLOSED);
    if (s->io)
        s->io->close(s->io_ctx);
    return false;
}

void session_flush(struct session *s)
{
    if (!session_output_is_whole(s))
        return;
    if (s->io && s->out.n > s->sent)
        s->io->output(s->io_ctx);
}

void session_drained(struct session *s)
{
    if (s->group)
        group_resume(s->group);
}

/* ---- errors and notices ---- */

static void report(struct session *s, enum severity severity, const struct err *err)
{
    if (s->terminated && severity == SEVERITY_ERROR)
        return; /* said once, by what ends the session */
    backend_report(session_out(s), severity, err, NULL);
    if (severity < SEVERITY_ERROR)
        return;
    metric_add(&s->worker->metrics, METRIC_errors, 1);
    if (log_wants(LOG_LEVEL_DEBUG) || severity > SEVERITY_ERROR)
        log_event(severity > SEVERITY_ERROR ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG,
                  severity > SEVERITY_ERROR ? "session_ended" : "statement_failed", "session=%u sqlstate=%s",
                  s->presence.pid, sqlstate_code(err->code));
}

void session_fatal(struct session *s, const struct err *err)
{
    if (s->state == SESSION_CLOSED)
        return;
    session_call_stop(s);
    if (s->group) { /* what was queued behind waiting steps will never be answered */
        group_drop(s->group);
        s->group = NULL;
    }
    report(s, SEVERITY_FATAL, err);
    session_move(s, SESSION_CLOSED);
    if (s->io)
        s->io->close(s->io_ctx);
}

void session_hang_up(struct session *s)
{
    if (s->group) {
        group_drop(s->group);
        s->group = NULL;
    }
    session_move(s, SESSION_CLOSED);
    if (s->io)
        s->io->close(s->io_ctx);
}

void session_notice(struct session *s, enum severity severity, const struct err *notice)
{
    if (severity >= s->gucs.live.min_messages || severity == SEVERITY_INFO)
        report(s, severity, notice);
}

void session_notice_text(struct session *s, enum severity severity, enum sqlstate code, const char *text)
{
    struct err notice = { .code = code, .message = str_from(text) };
    session_notice(s, severity, &notice);
}

void session_fail(struct session *s, const struct err *err)
{
    struct group *g = s->group;
    if (g && group_is_waiting(g)) {
        if (group_add_error(g, err))
            group_run(g, GOAL_GO_ON, END_IMPLICIT);
        return;
    }
    report(s, SEVERITY_ERROR, err);
    session_after_error(s);
}

void session_lose(struct session *s)
{
    size_t savepoints = transaction_savepoints(&s->transaction);
    if (savepoints) {
        portals_rollback_to(s, savepoints);
        session_locks_rollback_to(s, transaction_locks(&s->transaction));
        return;
    }
    portals_end_transaction(s, false);
    session_locks_end_transaction(s);
}

void session_after_error(struct session *s)
{
    struct group *g = s->group;
    bool is_simple = g ? g->is_simple : !s->in_extended, at_sync = g && g->goal == GOAL_SYNC && g->is_running;
    bool was_waiting = s->state == SESSION_BUSY;
    s->wake = NULL;
    session_call_stop(s);
    copy_from_drop(s);
    if (g)
        g->failed = true;
    if (s->transaction.state != TXN_IDLE) {
        transaction_fail(&s->transaction);
        session_lose(s);
    }
    if (is_simple || at_sync) {
        session_end_cycle(s);
        return;
    }
    if (s->state == SESSION_CLOSED)
        return;
    if (!g && !session_group(s)) { /* nothing to remember the failure in */
        struct err oom = { .code = SQLSTATE_OUT_OF_MEMORY, .message = STR("out of memory") };
        session_fatal(s, &oom);
        return;
    }
    s->group->failed = true;
    session_move(s, SESSION_SKIP);
    session_flush(s);
    if (was_waiting && s->io && s->state == SESSION_SKIP)
        s->io->input(s->io_ctx);
}

/* ---- waiting ---- */

void session_wait(struct session *s)
{
    session_move(s, SESSION_BUSY);
}

void session_wake(struct session *s)
{
    if (s->state == SESSION_CLOSED)
        return;
    void (*wake)(struct session *) = s->wake;
    session_move(s, s->copy ? SESSION_COPY_IN : SESSION_READY);
    if (wake)
        wake(s);
    /* What ended without waiting again is answered now: nobody else is going to look at this connection. */
    if (s->io && s->state != SESSION_BUSY && s->state != SESSION_CLOSED) {
        session_flush(s);
        s->io->input(s->io_ctx);
    }
}

static void on_schema_timeout(struct timer *t)
{
    struct session *s = (struct session *)((char *)t - offsetof(struct session, timer));
    struct err err = { .code = SQLSTATE_QUERY_CANCELED,
                       .message = STR("canceling statement due to statement timeout") };
    metric_add(&s->worker->metrics, METRIC_statement_timeouts, 1);
    database_forget_waiter(s->database, s);
    session_schema_read(s, &err);
}

void session_wait_schema(struct session *s)
{
    uint64_t timeout = s->gucs.live.statement_timeout_us;
    session_wait(s);
    s->timer.fire = on_schema_timeout;
    if (timeout)
        worker_timer(s->worker, &s->timer, worker_now(s->worker) + timeout);
    database_wait_schema(s->database, s, s->schema_since_us);
}

void session_schema_read(struct session *s, const struct err *err)
{
    struct group *g = s->group;
    worker_timer_clear(s->worker, &s->timer);
    if (err && g) {
        s->wait_error = ARENA_NEW(g->arena, struct err);
        if (s->wait_error) {
            err_init(s->wait_error, g->arena);
            err_copy(s->wait_error, err);
        }
        s->wait_failed = 1;
    }
    session_wake(s);
}

struct group *session_group(struct session *s)
{
    if (!s->group) {
        s->group = group_new(s);
        activity_set(s, ACTIVITY_ACTIVE, s->group ? s->group->made_us : session_wall_us(s));
    }
    return s->group;
}

/* ---- the end of a cycle ---- */

void session_end_cycle(struct session *s)
{
    struct group *g = s->group;
    bool commit = !g || !g->failed;
    s->wake = NULL;
    if (s->transaction.state == TXN_IDLE) {
        if (s->gucs.n_undo)
            transaction_end(&s->transaction, commit, false, &s->gucs);
        if (s->transaction.temporary)
            temporary_end(s->transaction.temporary, commit);
        if (s->portals.n)
            portals_end_transaction(s, commit);
        if (s->outgoing || s->channels)
            notify_end_transaction(s, commit);
        session_locks_end_transaction(s);
        sequence_values_lose(&s->sequences);
        metric_add(&s->worker->metrics, METRIC_transactions, 1);
    }
    session_ready(s);
}

void session_ready(struct session *s)
{
    bool was_waiting = s->state == SESSION_BUSY;
    const int64_t now_us = session_wall_us(s);
    session_call_stop(s);
    if (s->group) {
        statistics_flush(s, now_us);
        group_drop(s->group);
        s->group = NULL;
    }
    if (s->state == SESSION_CLOSED)
        return;
    if (s->terminated) {
        session_terminate(s);
        return;
    }
    session_move(s, SESSION_READY);
    s->cycle++;
    s->cancelled = 0;
    s->wait_failed = 0;
    s->schema_since_us = 0;
    if (s->incoming && s->transaction.state == TXN_IDLE)
        notify_deliver(s);
    session_report_settings(s);
    backend_ready_for_query(session_out(s), transaction_status(&s->transaction));
    s->has_whole_answer = 1;
    session_arm_timer(s);
    activity_set(s,
                 s->transaction.state == TXN_IDLE     ? ACTIVITY_IDLE
                 : s->transaction.state == TXN_FAILED ? ACTIVITY_FAILED_TRANSACTION
                                                      : ACTIVITY_IDLE_IN_TRANSACTION,
                 now_us);
    if (s->draining && s->transaction.state == TXN_IDLE) {
        session_terminate(s);
        return;
    }
    if (was_waiting) {
        session_flush(s);
        if (s->io && s->state == SESSION_READY)
            s->io->input(s->io_ctx);
    }
}

/* ---- timers ---- */

static void fatal_timeout(struct session *s, enum sqlstate code, const char *text)
{
    struct err err = { .code = code, .message = str_from(text) };
    session_fatal(s, &err);
}

static void on_timer(struct timer *t)
{
    struct session *s = (struct session *)((char *)t - offsetof(struct session, timer));
    if (s->state == SESSION_STARTUP || s->state == SESSION_AUTH)
        fatal_timeout(s, SQLSTATE_QUERY_CANCELED, "canceling authentication due to timeout");
    else if (s->transaction.state != TXN_IDLE)
        fatal_timeout(s, SQLSTATE_IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
                      "terminating connection due to idle-in-transaction timeout");
    else
        fatal_timeout(s, SQLSTATE_IDLE_SESSION_TIMEOUT, "terminating connection due to idle-session timeout");
}

void session_arm_timer(struct session *s)
{
    uint64_t wait = s->state == SESSION_STARTUP        ? s->serving->config->client_login_timeout_us
                    : s->transaction.state != TXN_IDLE ? s->gucs.live.idle_transaction_us
                                                       : s->gucs.live.idle_session_us;
    s->timer.fire = on_timer;
    if (wait)
        worker_timer(s->worker, &s->timer, worker_now(s->worker) + wait);
    else
        worker_timer_clear(s->worker, &s->timer);
}

/* ---- signals ---- */

void session_cancel(struct session *s)
{
    struct err err = { .code = SQLSTATE_QUERY_CANCELED, .message = STR("canceling statement due to user request") };
    if (s->state == SESSION_COPY_IN) {
        session_fail(s, &err);
        session_flush(s);
        return;
    }
    if (s->state != SESSION_BUSY)
        return; /* nothing to cancel: it came late */
    s->cancelled = 1;
    if (s->database) {
        database_forget_waiter(s->database, s);
        worker_timer_clear(s->worker, &s->timer);
        if (s->group && (s->group->in_flight || s->group->resolution.is_waiting || s->group->row_wait.waits))
            group_cancel(s->group);
        else
            session_wake(s);
    }
}

void session_terminate(struct session *s)
{
    struct err err = { .code = SQLSTATE_ADMIN_SHUTDOWN,
                       .message = STR("terminating connection due to administrator command") };
    session_fatal(s, &err);
}

void session_drain(struct session *s)
{
    s->draining = 1;
    if (s->state <= SESSION_AUTH || (s->state == SESSION_READY && !s->group && s->transaction.state == TXN_IDLE))
        session_terminate(s);
}

void session_notify(struct session *s, struct str channel, struct str payload, uint32_t pid)
{
    if (!s->channels || s->presence.pid == pid)
        return;
    notify_receive(s, channel, payload, pid);
    if (s->state == SESSION_READY && !s->group && s->transaction.state == TXN_IDLE && s->incoming) {
        session_out(s);
        notify_deliver(s);
        session_flush(s);
    }
}

/* ---- messages ---- */

bool session_takes_input(const struct session *s)
{
    return s->state != SESSION_BUSY && s->state != SESSION_CLOSED && !s->tls_next;
}

bool session_is_answered(const struct session *s)
{
    return !s->group || s->has_whole_answer || s->state == SESSION_CLOSED || s->out.n - s->sent >= SESSION_LOW_MARK;
}

static struct frame_limits limits_of(const struct session *s)
{
    return frame_limits_default(s->state <= SESSION_AUTH ? 10000 : s->serving->config->max_message_bytes);
}

/* One whole message. OUTCOME_WAIT: it is to be given again. */
static enum outcome dispatch(struct session *s, const struct frame *f, struct err *err)
{
    switch (s->state) {
    case SESSION_STARTUP:
    case SESSION_AUTH:
        return session_login_message(s, f, err);
    case SESSION_READY:
        worker_timer_clear(s->worker, &s->timer);
        return protocol_message(s, f, err);
    case SESSION_SKIP:
        return protocol_skip(s, f, err);
    case SESSION_COPY_IN:
        return copy_from_message(s, f, err);
    case SESSION_BUSY:
    case SESSION_CLOSED:
    case SESSION_STATE_NR:
        break;
    }
    return OUTCOME_DONE;
}

static void handle(struct session *s, const struct frame *f, struct err *err, bool *ret_again)
{
    enum outcome outcome = dispatch(s, f, err);
    *ret_again = outcome == OUTCOME_WAIT;
    if (outcome == OUTCOME_FAILED) {
        if (s->state == SESSION_STARTUP || s->state == SESSION_AUTH)
            session_fatal(s, err);
        else
            session_fail(s, err);
    }
    if (err_is_set(err))
        err_clear(err);
}

size_t session_input(struct session *s, struct str bytes)
{
    size_t used = 0;
    bool again = false;
    struct err err;
    err_init(&err, s->worker->scratch);
    while (session_takes_input(s) && used < bytes.n) {
        struct frame f;
        struct frame_limits limits = limits_of(s);
        arena_reset(s->worker->scratch); /* nothing in it outlives a message */
        enum frame_result r =
            frame_next((struct str){ bytes.p + used, bytes.n - used }, states[s->state].phase, &limits, &f, &err);
        if (r == FRAME_MORE)
            break;
        if (r == FRAME_BAD) {
            if (s->state == SESSION_STARTUP)
                session_hang_up(s); /* whoever it is does not speak the protocol, or went before it began */
            else
                session_fatal(s, &err);
            break;
        }
        handle(s, &f, &err, &again);
        if (again)
            break;
        used += f.size;
    }
    return used;
}

size_t session_wants(const struct session *s)
{
    return s->state <= SESSION_AUTH ? 65536 + 5 : s->serving->config->max_message_bytes + 5;
}
