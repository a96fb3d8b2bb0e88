/*
 * embedded.c - the transport: a request's way from submit to done(); see embedded.h.
 *
 * Read:   submit -> reads -> (turn) reader.c -> rows given -> done
 *                                  \-> pool -> inbox -> rows given as they come -> done
 * Write:  submit -> writer -> inbox -> rows given -> done
 * Tryout: submit -> tryouts -> (turn) tryout.c -> rows given -> done
 *                                     \-> writer -> inbox -> …
 * A task is in `ready` when the next turn should give its rows or end it. Only deliver() calls back.
 */
#include "d1/embedded/embedded.h"

#include <event2/event.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>
#include "d1/embedded/reader.h"
#include "d1/embedded/store.h"
#include "d1/embedded/tryout.h"
#include "proxy/base/fault.h"

enum {
    TURN_US = 3000, /* inline reads of one turn; then sockets have theirs */
    SPARE_TASKS = 64,
};

struct embedded {
    struct d1 base;
    struct emb_store *store;
    const struct clock *clock;
    struct emb_connection *reader;
    struct emb_inbox inbox;
    struct event *turn, *wake, *timer;
    struct emb_tasks reads, tryouts, ready, spare;
    size_t n_spare;
    struct d1_request *live; /* all that are not done */
    size_t unmade;           /* of those, without a task for lack of memory */
    uint64_t timer_us;       /* when the timer fires; 0: it does not */
    unsigned depth;          /* callbacks of ours on the stack */
    bool turning, closed;
};

static struct embedded *from_base(struct d1 *d)
{
    return (struct embedded *)(void *)d;
}

static bool is_write(const struct emb_task *t)
{
    return t->request->access != D1_READ || t->request->travel != D1_STAY;
}

static void want_turn(struct embedded *e)
{
    if (e->turning || e->closed)
        return;
    e->turning = true;
    event_active(e->turn, EV_TIMEOUT, 0);
}

static void make_ready(struct embedded *e, struct emb_task *t)
{
    if (!t->ready) {
        t->ready = true;
        TAILQ_INSERT_TAIL(&e->ready, t, owner_link);
    }
    want_turn(e);
}

static void unready(struct embedded *e, struct emb_task *t)
{
    if (t->ready)
        TAILQ_REMOVE(&e->ready, t, owner_link);
    t->ready = false;
}

static struct emb_task *task_take(struct embedded *e, struct d1_request *r)
{
    struct emb_task *t = TAILQ_FIRST(&e->spare);
    if (t) {
        TAILQ_REMOVE(&e->spare, t, owner_link);
        e->n_spare--;
    } else {
        t = fault_calloc(1, sizeof(*t));
        if (!t)
            return NULL;
        emb_failure_init(&t->failure);
        t->inbox = &e->inbox;
    }
    t->request = r;
    uint64_t max = r->max_result_bytes ? r->max_result_bytes : e->store->o.max_result_bytes;
    t->run = (struct emb_run){ .request = r, .rows = &t->rows, .failure = &t->failure, .max_bytes = max };
    atomic_store_explicit(&t->stop, EMB_STOP_NONE, memory_order_relaxed);
    t->away = t->was_away = t->ready = t->paused = t->ended = false;
    t->queued = NULL;
    t->failed = 0;
    t->stopped = EMB_STOP_NONE;
    t->pool_state = EMB_POOL_OUT;
    t->ran_us = 0;
    return t;
}

static void task_free(struct emb_task *t)
{
    emb_rows_fini(&t->rows);
    emb_rows_fini(&t->produced);
    emb_failure_fini(&t->failure);
    free(t);
}

static void task_put(struct embedded *e, struct emb_task *t)
{
    if (t->was_away)
        emb_inbox_forget(t);
    emb_rows_clear(&t->rows);
    emb_rows_fini(&t->produced);
    if (e->n_spare >= SPARE_TASKS || t->failure.text.size > EMB_INLINE_BYTES) {
        task_free(t);
        return;
    }
    emb_failure_clear(&t->failure);
    TAILQ_INSERT_HEAD(&e->spare, t, owner_link);
    e->n_spare++;
}

static void unlink_live(struct d1_request *r)
{
    *r->prev = r->next;
    if (r->next)
        r->next->prev = r->prev;
}

static void count_end(struct embedded *e, const struct d1_request *r)
{
    struct d1_counters *n = &e->base.counters;
    n->in_flight--;
    n->round_trips += r->round_trips;
    n->errors += r->error.kind != D1_OK;
    n->overloaded += r->error.kind == D1_ERROR_OVERLOADED;
    n->cancelled += r->error.kind == D1_ERROR_CANCELLED;
}

static void call_done(struct embedded *e, struct d1_request *r)
{
    unlink_live(r);
    r->transport = NULL;
    count_end(e, r);
    r->done(r);
}

static struct str copied(struct d1_request *r, const struct emb_bookmark *b)
{
    struct str copy = b->text[0] ? arena_str(r->arena, str_from(b->text)) : (struct str){ 0 };
    if (b->text[0] && !copy.p) /* what it did is done, and it cannot say so */
        r->error = (struct d1_error){ .kind = D1_ERROR_LOST, .message = STR("out of memory"), .may_have_run = true };
    return copy;
}

static void give_bookmarks(const struct emb_task *t, struct d1_request *r)
{
    if (r->travel == D1_STAY || r->error.kind != D1_OK)
        return;
    r->bookmark = copied(r, &t->found);
    r->previous = copied(r, &t->previous);
}

static void finish(struct embedded *e, struct emb_task *t)
{
    struct d1_request *r = t->request;
    if (t->stopped != EMB_STOP_NONE && !is_write(t))
        emb_brake_failure(&t->failure, t->stopped);
    emb_failure_give(&t->failure, r);
    give_bookmarks(t, r);
    r->error.failed = r->error.kind == D1_ERROR_SQL ? t->failed : 0;
    r->results = r->error.kind == D1_OK || r->error.failed ? t->run.results : NULL;
    if (t->was_away)
        e->base.counters.queued--;
    unready(e, t);
    task_put(e, t);
    call_done(e, r);
}

/* Gives one row. */
static void give(struct embedded *e, struct emb_task *t, const struct emb_row *row)
{
    e->base.counters.rows++;
    switch (t->request->on_row(t->request, row->statement, row->cells, row->n_cells)) {
    case D1_CONTINUE:
        return;
    case D1_PAUSE:
        if (!e->closed)
            t->paused = true;
        return;
    case D1_STOP:
        if (!e->closed)
            d1_cancel(&e->base, t->request);
        return;
    }
}

/* Gives what rows there are, then ends the request if nothing more can come. Afterwards e->closed must be looked at
 * before anything of e or t is touched. */
static void deliver(struct embedded *e, struct emb_task *t)
{
    size_t before = t->rows.bytes;
    struct emb_row row;
    bool failed = t->ended && t->failure.kind != D1_OK && !t->failed;
    while (!failed && !t->paused && !t->stopped && emb_rows_next(&t->rows, &row)) {
        give(e, t, &row);
        if (e->closed)
            return;
    }
    if (t->ended && (failed || t->stopped || (!t->paused && emb_rows_empty(&t->rows))))
        finish(e, t);
    else if (t->away && emb_inbox_consumed(t, before - t->rows.bytes))
        emb_pool_continue(e->store->pool, t);
}

static void end_here(struct embedded *e, struct emb_task *t)
{
    t->away = false;
    t->ended = true;
    make_ready(e, t);
}

static void to_pool(struct embedded *e, struct emb_task *t)
{
    t->away = t->was_away = true;
    t->run.rows = &t->produced; /* a pool thread's; the inbox moves them to rows */
    e->base.counters.queued++;
    if (emb_pool_submit(e->store->pool, t))
        return;
    emb_failure_set(&t->failure, D1_ERROR_OVERLOADED, EMB_OVERLOADED);
    end_here(e, t);
}

static void to_writer(struct embedded *e, struct emb_task *t)
{
    t->away = t->was_away = true;
    e->base.counters.queued++;
    if (emb_writer_submit(e->store->writer, t))
        return;
    emb_failure_set(&t->failure, D1_ERROR_OVERLOADED, EMB_OVERLOADED);
    end_here(e, t);
}

static void queue(struct emb_task *t, struct emb_tasks *where)
{
    t->queued = where;
    TAILQ_INSERT_TAIL(where, t, owner_link);
}

static void unqueue(struct emb_task *t)
{
    TAILQ_REMOVE(t->queued, t, owner_link);
    t->queued = NULL;
}

/* Runs the oldest read; answers the time. */
static uint64_t run_read(struct embedded *e, uint64_t now)
{
    struct emb_task *t = TAILQ_FIRST(&e->reads);
    unqueue(t);
    if (emb_read_inline(e->reader, &e->store->o, t, &now)) {
        t->ended = true;
        deliver(e, t);
    } else {
        to_pool(e, t);
    }
    return now;
}

static void run_reads(struct embedded *e)
{
    if (e->closed || TAILQ_EMPTY(&e->reads))
        return;
    struct emb_connection *reader = e->reader;
    bool several = TAILQ_NEXT(TAILQ_FIRST(&e->reads), owner_link);
    if (several)
        emb_snapshot_begin(reader);
    uint64_t now = clock_monotonic_us(e->clock), until = now + TURN_US;
    while (!e->closed && !TAILQ_EMPTY(&e->reads) && now < until)
        now = run_read(e, now);
    if (several)
        emb_snapshot_end(reader);
}

static uint64_t run_tryout(struct embedded *e, uint64_t now)
{
    struct emb_task *t = TAILQ_FIRST(&e->tryouts);
    unqueue(t);
    if (emb_try_inline(e->store->writer, &e->store->o, t, &now)) {
        t->ended = true;
        deliver(e, t);
    } else {
        to_writer(e, t);
    }
    return now;
}

/* Behind the reads, which have a snapshot: what a session saw here, its next read must see too. */
static void run_tryouts(struct embedded *e)
{
    if (e->closed || TAILQ_EMPTY(&e->tryouts))
        return;
    uint64_t now = clock_monotonic_us(e->clock), until = now + TURN_US;
    while (!e->closed && !TAILQ_EMPTY(&e->tryouts) && now < until)
        now = run_tryout(e, now);
}

static void deliver_ready(struct embedded *e)
{
    for (struct emb_task *t; !e->closed && (t = TAILQ_FIRST(&e->ready));) {
        unready(e, t);
        deliver(e, t);
    }
}

static void fail_unmade(struct embedded *e)
{
    for (struct d1_request *r = e->live, *next; r && e->unmade; r = next) {
        next = r->next;
        if (r->transport)
            continue;
        e->unmade--;
        r->error = (struct d1_error){ .kind = D1_ERROR_INTERNAL, .message = STR("out of memory") };
        call_done(e, r);
        if (e->closed)
            return;
        next = e->live; /* done() may have changed the list */
    }
}

static void take_inbox(struct embedded *e)
{
    for (struct emb_task *t; !e->closed && (t = emb_inbox_take(&e->inbox));) {
        if (t->ended)
            t->away = false;
        deliver(e, t);
    }
}

static void embedded_free(struct embedded *e)
{
    for (struct emb_task *t; (t = TAILQ_FIRST(&e->spare));) {
        TAILQ_REMOVE(&e->spare, t, owner_link);
        task_free(t);
    }
    if (e->turn)
        event_free(e->turn);
    if (e->wake)
        event_free(e->wake);
    if (e->timer)
        event_free(e->timer);
    emb_connection_close(e->reader);
    if (e->inbox.wake_fd >= 0)
        emb_inbox_fini(&e->inbox);
    emb_store_put(e->store);
    free(e);
}

static void leave(struct embedded *e)
{
    if (--e->depth == 0 && e->closed)
        embedded_free(e);
}

static void on_turn(evutil_socket_t fd, short what, void *user)
{
    (void)fd, (void)what;
    struct embedded *e = user;
    e->depth++;
    if (e->unmade)
        fail_unmade(e);
    deliver_ready(e);
    run_reads(e);
    run_tryouts(e);
    deliver_ready(e);
    if (!e->closed) {
        e->turning = e->unmade || !TAILQ_EMPTY(&e->reads) || !TAILQ_EMPTY(&e->tryouts) || !TAILQ_EMPTY(&e->ready);
        struct timeval now = { 0, 0 }; /* through the timers, so that sockets are looked at in between */
        if (e->turning)
            event_add(e->turn, &now);
    }
    leave(e);
}

static void on_wake(evutil_socket_t fd, short what, void *user)
{
    (void)what;
    struct embedded *e = user;
    uint64_t count;
    ssize_t n = read(fd, &count, sizeof(count));
    (void)n;
    e->depth++;
    take_inbox(e);
    leave(e);
}

/* The request's end is wanted now: cancelled, or late. */
static void stop_read(struct embedded *e, struct emb_task *t, enum emb_stop why)
{
    if (t->stopped == EMB_STOP_NONE)
        t->stopped = why;
    atomic_store_explicit(&t->stop, (int)why, memory_order_relaxed);
    if (t->queued) {
        unqueue(t);
        end_here(e, t);
    } else if (!t->away) {
        make_ready(e, t);
    } else if (emb_pool_remove(e->store->pool, t)) {
        end_here(e, t);
    }
}

static void stop_write(struct embedded *e, struct emb_task *t, enum emb_stop why)
{
    if (t->queued) {
        unqueue(t);
        emb_brake_failure(&t->failure, why);
        end_here(e, t);
        return;
    }
    if (!t->away) { /* committed or failed: what is left of its rows is dropped */
        if (why == EMB_STOP_CANCEL) {
            t->stopped = why;
            make_ready(e, t);
        }
        return;
    }
    atomic_store_explicit(&t->stop, (int)why, memory_order_relaxed);
    if (!emb_writer_remove(e->store->writer, t))
        return;
    emb_brake_failure(&t->failure, why);
    end_here(e, t);
}

static void stop(struct embedded *e, struct d1_request *r, enum emb_stop why)
{
    struct emb_task *t = r->transport;
    if (t && is_write(t))
        stop_write(e, t, why);
    else if (t)
        stop_read(e, t, why);
}

static void arm_timer(struct embedded *e, uint64_t at, uint64_t now)
{
    uint64_t us = at > now ? at - now : 0;
    struct timeval delay = { (time_t)(us / 1000000), (suseconds_t)(us % 1000000) };
    e->timer_us = at;
    event_add(e->timer, &delay);
}

static void on_timer(evutil_socket_t fd, short what, void *user)
{
    (void)fd, (void)what;
    struct embedded *e = user;
    uint64_t now = clock_monotonic_us(e->clock), next = 0;
    for (struct d1_request *r = e->live; r; r = r->next) {
        if (!r->deadline_us)
            continue;
        if (r->deadline_us <= now)
            stop(e, r, EMB_STOP_DEADLINE);
        else if (!next || r->deadline_us < next)
            next = r->deadline_us;
    }
    e->timer_us = 0;
    if (next)
        arm_timer(e, next, now);
}

static void embedded_submit(struct d1 *d, struct d1_request *r)
{
    struct embedded *e = from_base(d);
    r->results = NULL;
    r->bookmark = r->previous = (struct str){ 0 };
    r->error = (struct d1_error){ 0 };
    r->round_trips = 0;
    r->next = e->live;
    r->prev = &e->live;
    if (r->next)
        r->next->prev = &r->next;
    e->live = r;
    d->counters.requests++;
    d->counters.statements += r->n_statements;
    d->counters.in_flight++;
    struct emb_task *t = r->transport = task_take(e, r);
    if (!t) {
        e->unmade++;
        want_turn(e);
        return;
    }
    t->run.results = ARENA_ARRAY(r->arena, struct d1_result, r->n_statements);
    if (!t->run.results || e->closed) {
        emb_failure_set(&t->failure, t->run.results ? D1_ERROR_UNREACHABLE : D1_ERROR_INTERNAL,
                        t->run.results ? "the database is closed" : "out of memory");
        end_here(e, t);
    } else if (is_write(t) && r->access != D1_TRYOUT) {
        to_writer(e, t);
    } else {
        queue(t, is_write(t) ? &e->tryouts : &e->reads);
        want_turn(e);
    }
    if (r->deadline_us && (!e->timer_us || r->deadline_us < e->timer_us))
        arm_timer(e, r->deadline_us, clock_monotonic_us(e->clock));
}

static void embedded_cancel(struct d1 *d, struct d1_request *r)
{
    stop(from_base(d), r, EMB_STOP_CANCEL);
}

static void embedded_resume(struct d1 *d, struct d1_request *r)
{
    struct emb_task *t = r->transport;
    if (!t || !t->paused)
        return;
    t->paused = false;
    make_ready(from_base(d), t);
}

/* What runs on another thread ends soon: reads are interrupted, the writer finishes its group. */
static void close_wait(struct embedded *e)
{
    struct pollfd fd = { .fd = e->inbox.wake_fd, .events = POLLIN };
    uint64_t count;
    if (poll(&fd, 1, -1) == 1 && read(fd.fd, &count, sizeof(count)) < 0)
        return;
}

/* Ends one request that is at hand; false: none is. The tasks' own rows are dropped. */
static bool close_one(struct embedded *e)
{
    struct emb_task *t = TAILQ_FIRST(&e->ready);
    if (!t) {
        t = emb_inbox_take(&e->inbox);
        if (!t)
            return false;
        if (!t->ended)
            return true;
        t->away = false;
    }
    finish(e, t);
    return true;
}

static void embedded_close(struct d1 *d)
{
    struct embedded *e = from_base(d);
    if (e->closed)
        return;
    e->depth++;
    e->closed = true;
    for (struct d1_request *r = e->live; r; r = r->next)
        stop(e, r, EMB_STOP_CANCEL);
    while (e->live) {
        fail_unmade(e);
        while (e->live && close_one(e))
            ;
        if (e->live && !e->unmade)
            close_wait(e);
    }
    leave(e);
}

static const struct d1_ops embedded_ops = {
    .submit = embedded_submit,
    .cancel = embedded_cancel,
    .resume = embedded_resume,
    .close = embedded_close,
};

static const struct d1_traits embedded_traits = {
    .name = "embedded",
    .native_values = true,
    .bookmarks = false,
    .in_process = true,
    .max_statement_bytes = 100000,
    .max_params = 100,
};

static bool add_events(struct embedded *e, struct event_base *base)
{
    e->turn = event_new(base, -1, 0, on_turn, e);
    e->timer = event_new(base, -1, 0, on_timer, e);
    e->wake = event_new(base, e->inbox.wake_fd, EV_READ | EV_PERSIST, on_wake, e);
    return e->turn && e->timer && e->wake && event_add(e->wake, NULL) == 0;
}

static bool set_up(struct embedded *e, struct embedded_stores *stores, const struct embedded_options *o,
                   struct event_base *base, struct err *err)
{
    e->store = emb_store_get(stores, o, err);
    if (!e->store)
        return false;
    e->clock = e->store->o.clock;
    e->base.traits.time_travel = e->store->o.snapshots > 0;
    struct emb_failure f;
    emb_failure_init(&f);
    e->reader = emb_connection_open(&e->store->o, false, &f);
    bool ok = e->reader || emb_open_error(err, o, &f);
    emb_failure_fini(&f);
    if (!ok)
        return false;
    if (!emb_inbox_init(&e->inbox)) {
        e->inbox.wake_fd = -1;
        return err_oom(err);
    }
    return add_events(e, base) || err_oom(err);
}

struct d1 *embedded_open(struct embedded_stores *stores, const struct embedded_options *o, struct event_base *base,
                         struct err *err)
{
    struct embedded *e = fault_calloc(1, sizeof(*e));
    if (!e)
        return err_oom(err), NULL;
    e->base = (struct d1){ .ops = &embedded_ops, .traits = embedded_traits };
    e->inbox.wake_fd = -1;
    TAILQ_INIT(&e->reads);
    TAILQ_INIT(&e->tryouts);
    TAILQ_INIT(&e->ready);
    TAILQ_INIT(&e->spare);
    if (set_up(e, stores, o, base, err))
        return &e->base;
    embedded_free(e);
    return NULL;
}
