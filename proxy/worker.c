/* worker.c - see worker.h. */
#include "proxy/worker.h"

#include <errno.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "proxy/base/fault.h"
#include "proxy/base/log.h"
#include "proxy/conn.h"
#include "proxy/database.h"
#include "proxy/listener.h"
#include "proxy/raw.h"
#include "proxy/session.h"
#include "proxy/session_call.h"
#include "proxy/sql/local.h"
#include "proxy/sql/plan_cache.h"
#include "proxy/statement_table.h"

enum { SPARE_BUF_MAX = 65536, THREAD_STACK = 64 << 20 };

/* ---- mail ---- */

static struct str stored(char **at, struct str s)
{
    char *p = *at;
    if (s.n)
        memcpy(p, s.p, s.n);
    *at += s.n;
    return (struct str){ p, s.n };
}

bool worker_post(struct worker *w, enum mail_kind kind, uint32_t pid, struct str channel, struct str payload)
{
    struct mail *m = fault_malloc(sizeof(*m) + channel.n + payload.n + 1);
    if (!m)
        return false;
    char *at = (char *)(m + 1);
    *m = (struct mail){ .kind = kind, .pid = pid };
    m->channel = stored(&at, channel);
    m->payload = stored(&at, payload);
    pthread_mutex_lock(&w->mail_lock);
    *w->mail_end = m;
    w->mail_end = &m->next;
    pthread_mutex_unlock(&w->mail_lock);
    uint64_t one = 1;
    ssize_t n = write(w->mail_fd, &one, sizeof(one));
    (void)n; /* the counter is full only when the loop is about to look anyway */
    return true;
}

static struct mail *mail_take(struct worker *w)
{
    pthread_mutex_lock(&w->mail_lock);
    struct mail *m = w->mail;
    w->mail = NULL;
    w->mail_end = &w->mail;
    pthread_mutex_unlock(&w->mail_lock);
    return m;
}

static struct session *session_by_pid(struct worker *w, uint32_t pid)
{
    for (struct session *s = w->sessions; s; s = s->next)
        if (s->presence.pid == pid)
            return s;
    return NULL;
}

static void each_session(struct worker *w, void (*what)(struct session *s))
{
    for (struct session *s = w->sessions, *next; s; s = next) {
        next = s->next;
        what(s);
    }
}

static void notify_all(struct worker *w, const struct mail *m)
{
    for (struct session *s = w->sessions, *next; s; s = next) {
        next = s->next;
        session_notify(s, m->channel, m->payload, m->pid);
    }
}

static void mail_open(struct worker *w, const struct mail *m)
{
    struct session *s = m->kind <= MAIL_LOOK ? session_by_pid(w, m->pid) : NULL;
    switch (m->kind) {
    case MAIL_CANCEL:
        if (s)
            session_cancel(s);
        break;
    case MAIL_TERMINATE:
        if (s)
            session_terminate(s);
        break;
    case MAIL_LOOK:
        if (s)
            session_call_look(s);
        break;
    case MAIL_NOTIFY:
        notify_all(w, m);
        break;
    case MAIL_CLIENT:
        atomic_fetch_sub_explicit(&w->n_sessions, 1, memory_order_relaxed); /* counted when it was handed over */
        conn_accept(w, (int)m->pid);
        break;
    case MAIL_DRAIN:
        w->is_draining = true;
        listeners_close(w);
        each_session(w, session_drain);
        if (!w->sessions)
            event_base_loopexit(w->base, NULL);
        break;
    case MAIL_STOP:
        listeners_close(w);
        each_session(w, session_terminate);
        event_base_loopexit(w->base, NULL);
        break;
    }
}

static void on_mail(evutil_socket_t fd, short what, void *ctx)
{
    struct worker *w = ctx;
    uint64_t count;
    (void)what;
    ssize_t n = read(fd, &count, sizeof(count));
    (void)n;
    for (struct mail *m = mail_take(w), *next; m; m = next) {
        next = m->next;
        mail_open(w, m);
        free(m);
    }
}

/* ---- timers ---- */

static void arm(struct worker *w)
{
    uint64_t next = timers_next(&w->timers);
    if (next == w->tick_us)
        return;
    w->tick_us = next;
    if (next == 0) {
        event_del(w->tick);
        return;
    }
    uint64_t now = worker_now(w), wait = next > now ? next - now : 0;
    struct timeval tv = { (time_t)(wait / 1000000), (suseconds_t)(wait % 1000000) };
    event_add(w->tick, &tv);
}

static void on_tick(evutil_socket_t fd, short what, void *ctx)
{
    struct worker *w = ctx;
    (void)fd;
    (void)what;
    w->tick_us = 0;
    timers_run(&w->timers, worker_now(w));
    arm(w);
}

void worker_timer(struct worker *w, struct timer *t, uint64_t due_us)
{
    timer_set(&w->timers, t, due_us);
    arm(w);
}

void worker_timer_clear(struct worker *w, struct timer *t)
{
    if (t->at) {
        timer_clear(&w->timers, t);
        arm(w);
    }
}

/* ---- lent blocks ---- */

struct arena *worker_arena_take(struct worker *w)
{
    return w->n_spare_arenas ? w->spare_arenas[--w->n_spare_arenas] : arena_new(WORKER_ARENA_CAP);
}

void worker_arena_give(struct worker *w, struct arena *a)
{
    if (!a)
        return;
    if (w->n_spare_arenas == WORKER_SPARES) {
        arena_free(a);
        return;
    }
    arena_reset(a);
    w->spare_arenas[w->n_spare_arenas++] = a;
}

void worker_buf_take(struct worker *w, struct buf *b, size_t cap)
{
    if (w->n_spare_bufs)
        *b = w->spare_bufs[--w->n_spare_bufs];
    else
        buf_init(b, cap);
    b->cap = cap;
}

void worker_buf_give(struct worker *w, struct buf *b)
{
    if (b->p && b->size <= SPARE_BUF_MAX && w->n_spare_bufs < WORKER_SPARES) {
        buf_reset(b);
        w->spare_bufs[w->n_spare_bufs++] = *b;
        *b = (struct buf){ .cap = b->cap };
    } else {
        size_t cap = b->cap;
        buf_fini(b);
        buf_init(b, cap);
    }
}

/* ---- life ---- */

static bool make_loop(struct worker *w, struct err *err)
{
    w->base = event_base_new();
    w->mail_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (!w->base || w->mail_fd < 0)
        return err_set(err, SQLSTATE_SYSTEM_ERROR, "could not make an event loop: %s", strerror(errno));
    w->mail_event = event_new(w->base, w->mail_fd, EV_READ | EV_PERSIST, on_mail, w);
    w->tick = event_new(w->base, -1, 0, on_tick, w);
    if (!w->mail_event || !w->tick || event_add(w->mail_event, NULL) != 0)
        return err_oom(err);
    return true;
}

/* A schema that was read and had nothing in it. */
static struct snapshot *blank_snapshot(struct err *err)
{
    struct snapshot_reader *r = snapshot_reader_new();
    struct snapshot *s = r ? snapshot_reader_finish(r, err) : NULL;
    snapshot_reader_free(r);
    if (!s)
        err_oom(err);
    return s;
}

struct worker *worker_new(struct app *app, size_t number, struct err *err)
{
    struct worker *w = fault_calloc(1, sizeof(*w));
    if (!w) {
        err_oom(err);
        return NULL;
    }
    w->app = app;
    w->number = number;
    w->clock = app->clock;
    w->mail_fd = -1;
    w->mail_end = &w->mail;
    pthread_mutex_init(&w->mail_lock, NULL);
    timers_init(&w->timers);
    w->input = fault_malloc(WORKER_INPUT);
    w->scratch = arena_new(WORKER_ARENA_CAP);
    w->plans = plan_cache_new(app->serving->config->plan_cache_entries);
    size_t counted = (size_t)app->serving->config->statement_statistics;
    w->statements = statement_table_new((counted + app->n_wanted - 1) / app->n_wanted);
    w->local = local_new(err);
    w->raw = raw_engine_new();
    w->blank = blank_snapshot(err);
    if (w->input && w->scratch && w->plans && w->statements && w->local && w->raw && w->blank && make_loop(w, err))
        return w;
    err_oom(err);
    worker_free(w);
    return NULL;
}

static void spares_free(struct worker *w)
{
    while (w->n_spare_arenas)
        arena_free(w->spare_arenas[--w->n_spare_arenas]);
    while (w->n_spare_bufs)
        buf_fini(&w->spare_bufs[--w->n_spare_bufs]);
}

void worker_free(struct worker *w)
{
    if (!w)
        return;
    listeners_close(w);
    conns_close(w);
    while (w->sessions) /* those of tests, that have no connection */
        session_abandon(w->sessions);
    databases_close(w);
    for (struct mail *m = mail_take(w), *next; m; m = next) {
        next = m->next;
        if (m->kind == MAIL_CLIENT)
            close((int)m->pid);
        free(m);
    }
    if (w->mail_event)
        event_free(w->mail_event);
    if (w->tick)
        event_free(w->tick);
    if (w->mail_fd >= 0)
        close(w->mail_fd);
    plan_cache_free(w->plans);
    statement_table_free(w->statements);
    local_free(w->local);
    raw_engine_free(w->raw);
    snapshot_unref(w->blank);
    timers_fini(&w->timers);
    spares_free(w);
    arena_free(w->scratch);
    free(w->input);
    if (w->base)
        event_base_free(w->base);
    pthread_mutex_destroy(&w->mail_lock);
    free(w);
}

void worker_run(struct worker *w)
{
    event_base_loop(w->base, EVLOOP_NO_EXIT_ON_EMPTY);
}

void worker_turn(struct worker *w)
{
    timers_run(&w->timers, worker_now(w));
    arm(w);
    event_base_loop(w->base, EVLOOP_NONBLOCK);
}

static void *thread_main(void *ctx)
{
    struct worker *w = ctx;
    worker_run(w);
    w->has_ended = true;
    if (w->ended)
        w->ended(w);
    return NULL;
}

bool worker_start(struct worker *w, struct err *err)
{
    sigset_t all, old;
    pthread_attr_t attributes;
    sigfillset(&all);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, THREAD_STACK); /* the parser recurses on it */
    pthread_sigmask(SIG_SETMASK, &all, &old);             /* signals are the main thread's */
    int rc = pthread_create(&w->thread, &attributes, thread_main, w);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attributes);
    w->is_running = rc == 0;
    return rc == 0 || err_set(err, SQLSTATE_SYSTEM_ERROR, "could not start a thread: %s", strerror(rc));
}

void worker_join(struct worker *w)
{
    if (w->is_running)
        pthread_join(w->thread, NULL);
    w->is_running = false;
}
