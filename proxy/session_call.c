/* session_call.c - see session_call.h. */
#include "proxy/session_call.h"

#include "proxy/advisory.h"
#include "proxy/group.h"
#include "proxy/lease.h"
#include "proxy/notify.h"
#include "proxy/statistics.h"

enum answer { ANSWER, WAIT, FAIL };

/* What one call was given. */
struct call {
    struct session *session;
    struct call_log *log;
    const struct value *args;
    struct arena *arena;
    struct value *ret;
    struct err *err;
};

static enum answer give(struct call *c, struct value v)
{
    *c->ret = v;
    return ANSWER;
}

static enum answer give_void(struct call *c)
{
    return give(c, value_text(STR("")));
}

static enum answer give_bool(struct call *c, bool on)
{
    return give(c, value_integer(on));
}

static double real_of(const struct value *v)
{
    return v->class == VALUE_REAL ? v->real : v->class == VALUE_INTEGER ? (double)v->integer : 0;
}

/* ---- pg_sleep ---- */

static enum answer sleep_call(struct call *c)
{
    double seconds = real_of(&c->args[0]);
    if (!c->log->waiting_us) {
        if (!(seconds > 0)) /* NaN too */
            return give_void(c);
        c->log->due_us = worker_now(c->session->worker) + (uint64_t)((seconds < 1e9 ? seconds : 1e9) * 1e6);
    }
    return worker_now(c->session->worker) >= c->log->due_us ? give_void(c) : WAIT;
}

/* ---- pg_stat_statements_reset ---- */

static enum answer reset_statistics(struct call *c)
{
    const struct statement_id which = { (uint32_t)c->args[0].integer, (uint32_t)c->args[1].integer,
                                        c->args[2].integer };
    statistics_reset(c->session->worker->app, &which);
    return give_void(c);
}

static enum answer reset_all_statistics(struct call *c)
{
    statistics_reset(c->session->worker->app, &(struct statement_id){ 0 });
    return give_void(c);
}

/* ---- advisory locks ---- */

static struct advisory_key key_of_int8(const struct call *c)
{
    uint64_t key = (uint64_t)c->args[0].integer;
    return (struct advisory_key){ (uint32_t)(key >> 32), (uint32_t)key, 1 };
}

static struct advisory_key key_of_int4(const struct call *c)
{
    return (struct advisory_key){ (uint32_t)c->args[0].integer, (uint32_t)c->args[1].integer, 2 };
}

static const char *const mode_names[] = { [ADVISORY_SHARE] = "ShareLock", [ADVISORY_EXCLUSIVE] = "ExclusiveLock" };

static enum answer fail_deadlock(struct call *c, struct advisory_key key, enum advisory_mode mode, uint32_t blocker)
{
    err_set(c->err, SQLSTATE_T_R_DEADLOCK_DETECTED, "deadlock detected");
    err_detail(c->err,
               "Process %u waits for %s on advisory lock [%u,%u,%u]; blocked by process %u, which waits for it.",
               c->session->presence.pid, mode_names[mode], key.high, key.low, key.kind, blocker);
    return FAIL;
}

static enum answer fail_full(struct call *c)
{
    err_set(c->err, SQLSTATE_OUT_OF_MEMORY, "out of memory for advisory locks");
    err_hint(c->err, "There may be %d of them.", ADVISORY_LOCKS_MAX);
    return FAIL;
}

/* What D1 was asked for is not wanted any more, nor what was taken here for it. */
static void give_up_lease(struct session *s)
{
    advisory_give_back(&s->worker->app->advisory, &s->presence, lease_key(s->lease), lease_mode(s->lease),
                       (enum advisory_scope)s->lease_scope);
    lease_give_up(s->lease);
    s->lease = NULL;
}

/* Taken in this process: now the other pgd1s are asked, in D1. */
static enum answer ask_for_lease(struct call *c, struct advisory_key key, enum advisory_mode mode,
                                 enum advisory_scope scope, bool wait)
{
    struct session *s = c->session;
    s->lease = c->log->may_wait ? lease_ask(s, key, mode, wait) : NULL;
    s->lease_scope = scope;
    if (s->lease)
        return WAIT;
    advisory_give_back(&s->worker->app->advisory, &s->presence, key, mode, scope);
    if (!c->log->may_wait)
        return WAIT; /* which is refused */
    err_oom(c->err);
    return FAIL;
}

static enum answer go_on_with_lease(struct call *c, bool wait)
{
    struct session *s = c->session;
    enum lease_state state = lease_state(s->lease);
    switch (state) {
    case LEASE_ASKED:
        return WAIT;
    case LEASE_HELD:
        s->lease = NULL;
        return wait ? give_void(c) : give_bool(c, true);
    case LEASE_FAILED:
        lease_fail(s->lease, c->err);
        give_up_lease(s);
        return FAIL;
    case LEASE_BEHIND:
    case LEASE_UNHEARD:
        break;
    }
    if (state == LEASE_BEHIND && !wait) {
        give_up_lease(s);
        return give_bool(c, false);
    }
    if (worker_now(s->worker) >= lease_next_us(s->lease))
        lease_ask_again(s->lease);
    else
        c->log->due_us = lease_next_us(s->lease);
    return WAIT;
}

static enum answer take(struct call *c, struct advisory_key key, enum advisory_mode mode, enum advisory_scope scope,
                        bool wait)
{
    struct session *s = c->session;
    uint32_t blocker = 0;
    c->log->due_us = 0;
    if (s->lease)
        return go_on_with_lease(c, wait);
    switch (advisory_take(&s->worker->app->advisory, &s->presence, key, mode, scope, wait, &blocker)) {
    case ADVISORY_GRANTED:
        s->has_locks = 1;
        s->has_transaction_locks |= scope == ADVISORY_OF_TRANSACTION;
        if (lease_is_wanted(s) && !lease_find(s, key, mode))
            return ask_for_lease(c, key, mode, scope, wait);
        return wait ? give_void(c) : give_bool(c, true);
    case ADVISORY_BUSY:
        return wait ? WAIT : give_bool(c, false);
    case ADVISORY_DEADLOCK:
        return fail_deadlock(c, key, mode, blocker);
    case ADVISORY_FULL:
        break;
    }
    return fail_full(c);
}

/* Whether D1 still has rows of what was just released. */
static bool must_wait_for_drop(struct call *c)
{
    struct session *s = c->session;
    if (!s->lease_drop)
        s->lease_drop = lease_drop_unheld(s);
    else if (lease_drop_is_done(s->lease_drop))
        s->lease_drop = NULL;
    if (s->lease_drop && !c->log->may_wait) {
        lease_drop_forget(s->lease_drop);
        s->lease_drop = NULL;
    }
    return s->lease_drop != NULL;
}

static enum answer release(struct call *c, struct advisory_key key, enum advisory_mode mode)
{
    struct session *s = c->session;
    c->log->due_us = 0;
    if (s->lease_drop || advisory_release(&s->worker->app->advisory, &s->presence, key, mode))
        return must_wait_for_drop(c) ? WAIT : give_bool(c, true);
    struct err warning = { .code = SQLSTATE_WARNING };
    warning.message = arena_printf(c->arena, "you don't own a lock of type %s", mode_names[mode]);
    session_notice(s, SEVERITY_WARNING, &warning);
    return give_bool(c, false);
}

static enum answer release_all(struct call *c)
{
    struct session *s = c->session;
    c->log->due_us = 0;
    if (!s->lease_drop)
        advisory_release_all(&s->worker->app->advisory, &s->presence, ADVISORY_OF_SESSION);
    return must_wait_for_drop(c) ? WAIT : give_void(c);
}

#define TAKE(name, mode, scope, wait)                                                                                  \
    static enum answer name##_int4(struct call *c)                                                                     \
    {                                                                                                                  \
        return take(c, key_of_int4(c), mode, scope, wait);                                                             \
    }                                                                                                                  \
    static enum answer name##_int8(struct call * c)                                                                    \
    {                                                                                                                  \
        return take(c, key_of_int8(c), mode, scope, wait);                                                             \
    }
TAKE(lock, ADVISORY_EXCLUSIVE, ADVISORY_OF_SESSION, true)
TAKE(lock_shared, ADVISORY_SHARE, ADVISORY_OF_SESSION, true)
TAKE(xact_lock, ADVISORY_EXCLUSIVE, ADVISORY_OF_TRANSACTION, true)
TAKE(xact_lock_shared, ADVISORY_SHARE, ADVISORY_OF_TRANSACTION, true)
TAKE(try_lock, ADVISORY_EXCLUSIVE, ADVISORY_OF_SESSION, false)
TAKE(try_lock_shared, ADVISORY_SHARE, ADVISORY_OF_SESSION, false)
TAKE(try_xact_lock, ADVISORY_EXCLUSIVE, ADVISORY_OF_TRANSACTION, false)
TAKE(try_xact_lock_shared, ADVISORY_SHARE, ADVISORY_OF_TRANSACTION, false)

#define RELEASE(name, mode)                                                                                            \
    static enum answer name##_int4(struct call *c)                                                                     \
    {                                                                                                                  \
        return release(c, key_of_int4(c), mode);                                                                       \
    }                                                                                                                  \
    static enum answer name##_int8(struct call * c)                                                                    \
    {                                                                                                                  \
        return release(c, key_of_int8(c), mode);                                                                       \
    }
RELEASE(unlock, ADVISORY_EXCLUSIVE)
RELEASE(unlock_shared, ADVISORY_SHARE)

/* D1 hears of it right behind what the client hears. */
static void drop_leases(struct session *s)
{
    struct lease_drop *drop = lease_drop_unheld(s);
    if (drop)
        lease_drop_forget(drop);
}

static void release_at_end(struct session *s, enum advisory_scope scope)
{
    advisory_release_all(&s->worker->app->advisory, &s->presence, scope);
    drop_leases(s);
}

void session_locks_end_transaction(struct session *s)
{
    if (s->has_transaction_locks)
        release_at_end(s, ADVISORY_OF_TRANSACTION);
    s->has_transaction_locks = 0;
    s->n_row_locks = 0;
}

void session_locks_rollback_to(struct session *s, uint64_t mark)
{
    if (!s->has_transaction_locks)
        return;
    s->n_row_locks -=
        (uint32_t)advisory_release_since(&s->worker->app->advisory, &s->presence, ADVISORY_OF_TRANSACTION, mark);
    drop_leases(s);
}

void session_locks_end(struct session *s)
{
    session_locks_end_transaction(s);
    if (s->has_locks)
        release_at_end(s, ADVISORY_OF_SESSION);
    s->has_locks = 0;
}

/* ---- NOTIFY ---- */

static enum answer notify_call(struct call *c)
{
    struct str channel = c->args[0].class == VALUE_TEXT ? c->args[0].bytes : (struct str){ 0 },
               payload = c->args[1].class == VALUE_TEXT ? c->args[1].bytes : (struct str){ 0 };
    return notify_send(c->session, channel, payload, c->err) ? give_void(c) : FAIL;
}

/* ---- signals ---- */

static enum answer cancelled_by_user(struct err *err)
{
    err_set(err, SQLSTATE_QUERY_CANCELED, "canceling statement due to user request");
    return FAIL;
}

static void warn_no_process(struct call *c, int64_t pid)
{
    struct err warning = { .code = SQLSTATE_WARNING };
    warning.message = arena_printf(c->arena, "PID %lld is not a PostgreSQL server process", (long long)pid);
    session_notice(c->session, SEVERITY_WARNING, &warning);
}

static bool is_there(struct call *c, int64_t pid)
{
    return pid > 0 && pid <= UINT32_MAX && cancel_knows(&c->session->worker->app->sessions, (uint32_t)pid);
}

static enum answer cancel_call(struct call *c)
{
    int64_t pid = c->args[0].integer;
    if (pid == c->session->presence.pid)
        return cancelled_by_user(c->err);
    if (is_there(c, pid) && cancel_signal(&c->session->worker->app->sessions, (uint32_t)pid, false))
        return give_bool(c, true);
    warn_no_process(c, pid);
    return give_bool(c, false);
}

/* With a time-out it answers when the session has gone, or false with a warning. */
static enum answer terminate_call(struct call *c)
{
    enum { LOOK_EVERY_US = 20000 };
    struct session *s = c->session;
    int64_t pid = c->args[0].integer, timeout_ms = c->args[1].integer;
    uint64_t now = worker_now(s->worker);
    bool there = is_there(c, pid);
    if (timeout_ms < 0) {
        err_set(c->err, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE, "\"timeout\" must not be negative");
        return FAIL;
    }
    if (c->log->waiting_us && !there)
        return give_bool(c, true);
    if (c->log->waiting_us && now - c->log->waiting_us >= (uint64_t)timeout_ms * 1000) {
        struct err warning = { .code = SQLSTATE_WARNING };
        warning.message = arena_printf(c->arena, "backend with PID %lld did not terminate within %lld milliseconds",
                                       (long long)pid, (long long)timeout_ms);
        session_notice(s, SEVERITY_WARNING, &warning);
        return give_bool(c, false);
    }
    if (!there) {
        warn_no_process(c, pid);
        return give_bool(c, false);
    }
    if (pid == s->presence.pid) { /* no answer: the session ends where the statement would */
        s->terminated = 1;
        err_set(c->err, SQLSTATE_ADMIN_SHUTDOWN, "terminating connection due to administrator command");
        return FAIL;
    }
    if (!c->log->waiting_us)
        cancel_signal(&s->worker->app->sessions, (uint32_t)pid, true);
    c->log->due_us = now + LOOK_EVERY_US;
    return timeout_ms == 0 ? give_bool(c, true) : WAIT;
}

/* ---- one call ---- */

static enum answer (*const handlers[SESSION_CALL_NR])(struct call *c) = {
    [SESSION_CALL_pg_advisory_lock_int4] = lock_int4,
    [SESSION_CALL_pg_advisory_lock_int8] = lock_int8,
    [SESSION_CALL_pg_advisory_lock_shared_int4] = lock_shared_int4,
    [SESSION_CALL_pg_advisory_lock_shared_int8] = lock_shared_int8,
    [SESSION_CALL_pg_advisory_unlock_all] = release_all,
    [SESSION_CALL_pg_advisory_unlock_int4] = unlock_int4,
    [SESSION_CALL_pg_advisory_unlock_int8] = unlock_int8,
    [SESSION_CALL_pg_advisory_unlock_shared_int4] = unlock_shared_int4,
    [SESSION_CALL_pg_advisory_unlock_shared_int8] = unlock_shared_int8,
    [SESSION_CALL_pg_advisory_xact_lock_int4] = xact_lock_int4,
    [SESSION_CALL_pg_advisory_xact_lock_int8] = xact_lock_int8,
    [SESSION_CALL_pg_advisory_xact_lock_shared_int4] = xact_lock_shared_int4,
    [SESSION_CALL_pg_advisory_xact_lock_shared_int8] = xact_lock_shared_int8,
    [SESSION_CALL_pg_cancel_backend] = cancel_call,
    [SESSION_CALL_pg_notify] = notify_call,
    [SESSION_CALL_pg_sleep] = sleep_call,
    [SESSION_CALL_pg_stat_statements_reset] = reset_statistics,
    [SESSION_CALL_pg_stat_statements_reset_all] = reset_all_statistics,
    [SESSION_CALL_pg_terminate_backend] = terminate_call,
    [SESSION_CALL_pg_try_advisory_lock_int4] = try_lock_int4,
    [SESSION_CALL_pg_try_advisory_lock_int8] = try_lock_int8,
    [SESSION_CALL_pg_try_advisory_lock_shared_int4] = try_lock_shared_int4,
    [SESSION_CALL_pg_try_advisory_lock_shared_int8] = try_lock_shared_int8,
    [SESSION_CALL_pg_try_advisory_xact_lock_int4] = try_xact_lock_int4,
    [SESSION_CALL_pg_try_advisory_xact_lock_int8] = try_xact_lock_int8,
    [SESSION_CALL_pg_try_advisory_xact_lock_shared_int4] = try_xact_lock_shared_int4,
    [SESSION_CALL_pg_try_advisory_xact_lock_shared_int8] = try_xact_lock_shared_int8,
};

static const char *const names[SESSION_CALL_NR] = {
#define SESSION_CALL(source, arguments, strict) #source,
#include "proxy/sql/session_calls.def"
#undef SESSION_CALL
};

/* Those that may wait for a lock; ORDER CALLS: unlocking stands between them and never waits. */
static bool is_lock(enum session_call call)
{
    return call >= SESSION_CALL_pg_advisory_lock_int4 && call <= SESSION_CALL_pg_advisory_xact_lock_shared_int8;
}

/* Kept for the next run of the statement, unless it cannot be one that waits. */
static bool keep_answer(struct call_log *log, struct arena *arena, const struct value *v)
{
    if (log->n == log->size) {
        size_t size = log->size ? log->size * 2 : 8;
        struct value *bigger = ARENA_ARRAY(arena, struct value, size);
        if (!bigger)
            return false;
        if (log->n)
            memcpy(bigger, log->answers, log->n * sizeof(*bigger));
        log->answers = bigger;
        log->size = size;
    }
    log->answers[log->n++] = *v; /* numbers, or the empty text */
    log->at = log->n;
    return true;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return !a ? b : !b ? a : a < b ? a : b;
}

/* Times out, or waits: the timer is set for the earliest of what may happen. */
static bool wait_for(struct call *c, enum session_call call)
{
    struct session *s = c->session;
    struct call_log *log = c->log;
    const struct guc_live *live = &s->gucs.live;
    uint64_t now = worker_now(s->worker);
    if (!log->may_wait) {
        err_unsupported(c->err, "waiting in %s() in a statement that reads tables", names[call]);
        return err_hint(c->err, "Call it in a SELECT of its own.");
    }
    if (log->n >= CALLS_MAX)
        return err_set(c->err, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "a statement that waits in %s() makes too many calls",
                       names[call]);
    if (!log->waiting_us)
        log->waiting_us = now ? now : 1;
    uint64_t statement = live->statement_timeout_us ? log->began_us + live->statement_timeout_us : 0,
             lock = live->lock_timeout_us && is_lock(call) ? log->waiting_us + live->lock_timeout_us : 0;
    if (lock && now >= lock && (!statement || lock <= statement))
        return err_set(c->err, SQLSTATE_LOCK_NOT_AVAILABLE, "canceling statement due to lock timeout");
    if (statement && now >= statement) {
        metric_add(&s->worker->metrics, METRIC_statement_timeouts, 1);
        return err_set(c->err, SQLSTATE_QUERY_CANCELED, "canceling statement due to statement timeout");
    }
    uint64_t due = earlier(earlier(log->due_us, statement), lock);
    if (due)
        worker_timer(s->worker, &s->waiting, due);
    log->waits = true;
    return err_set(c->err, SQLSTATE_INTERNAL_ERROR, "%s() waits", names[call]); /* stops the run; nobody sees it */
}

static void stop_asking(struct session *s, bool is_lock)
{
    if (is_lock)
        advisory_stop_waiting(&s->worker->app->advisory, &s->presence);
    if (s->lease)
        give_up_lease(s);
    if (s->lease_drop)
        lease_drop_forget(s->lease_drop);
    s->lease_drop = NULL;
}

bool session_call(void *ctx, enum session_call call, const struct value *args, struct arena *arena, struct value *ret,
                  struct err *err)
{
    struct session *s = ctx;
    struct call_log *log = &s->group->calls;
    struct call c = { s, log, args, arena, ret, err };
    if (log->at < log->n) {
        *ret = log->answers[log->at++];
        return true;
    }
    switch (handlers[call](&c)) {
    case ANSWER:
        log->waiting_us = log->due_us = 0;
        return !log->may_wait || log->n >= CALLS_MAX || keep_answer(log, s->group->arena, ret) || err_oom(err);
    case WAIT:
        wait_for(&c, call);
        if (!log->waits)
            stop_asking(s, is_lock(call));
        break;
    case FAIL:
        break;
    }
    return false;
}

/* ---- around a run ---- */

static void on_timer(struct timer *t)
{
    session_call_look((struct session *)((char *)t - offsetof(struct session, waiting)));
}

bool session_call_begin(struct session *s, bool may_wait, struct err *err)
{
    struct call_log *log = &s->group->calls;
    bool again = log->waits;
    s->waiting.fire = on_timer;
    if (again && s->cancelled) {
        s->cancelled = 0;
        session_call_stop(s);
        return cancelled_by_user(err) == ANSWER;
    }
    if (again)
        worker_timer_clear(s->worker, &s->waiting);
    else
        *log = (struct call_log){ .began_us = worker_now(s->worker) };
    log->may_wait = may_wait;
    log->waits = false;
    log->at = 0;
    return true;
}

bool session_call_waits(struct session *s)
{
    if (s->group->calls.waits)
        session_wait(s);
    return s->group->calls.waits;
}

void session_call_look(struct session *s)
{
    if (s->state == SESSION_BUSY && s->group && s->group->calls.waits)
        session_wake(s);
    else
        group_rows_look(s);
}

void session_call_stop(struct session *s)
{
    group_rows_stop(s);
    worker_timer_clear(s->worker, &s->waiting);
    if (s->lease || s->lease_drop)
        stop_asking(s, false);
    if (!s->group || !s->group->calls.waits)
        return;
    s->group->calls.waits = false;
    advisory_stop_waiting(&s->worker->app->advisory, &s->presence);
}
