/*
 * worker.h - one thread: its event loop, timers, local engine, plan cache, databases, sessions and mailbox.
 *
 * Owns     all of these. Nothing of a worker is touched by another thread but its mailbox and its metrics.
 * Lives    from app_make_workers() to app_free(); the thread from worker_start() to worker_stop().
 * Fails    worker_new with err. Posting mail without memory drops it (cancel) or answers false.
 * Not here sockets (listener.h, conn.h), the protocol (session.h).
 */
#ifndef PGD1_PROXY_WORKER_H
#define PGD1_PROXY_WORKER_H

#include <event2/event.h>
#include "proxy/app.h"
#include "proxy/base/buf.h"
#include "proxy/timers.h"

struct session;
struct database;
struct conn;
struct listener;
struct local_engine;
struct plan_cache;
struct statement_table;

enum mail_kind {
    MAIL_CANCEL,    /* cancel what session `pid` is doing */
    MAIL_TERMINATE, /* end session `pid` */
    MAIL_LOOK,      /* what session `pid` waits for may have come */
    MAIL_NOTIFY,    /* channel, payload from session `pid` */
    MAIL_CLIENT,    /* an accepted socket: pid is the descriptor */
    MAIL_DRAIN,     /* close idle sessions, stop when none is left */
    MAIL_STOP,      /* close all and leave the loop */
};

struct mail {
    struct mail *next;
    enum mail_kind kind;
    uint32_t pid;
    struct str channel, payload; /* behind the struct */
};

enum { WORKER_SPARES = 32, WORKER_INPUT = 65536, WORKER_ARENA_CAP = 1 << 30 };

struct worker {
    struct app *app;
    size_t number;
    const struct clock *clock;
    struct event_base *base;
    struct timers timers;
    struct event *tick; /* armed for the earliest timer */
    uint64_t tick_us;   /* what it is armed for; 0: not */
    struct metrics metrics;
    struct local_engine *local;
    struct plan_cache *plans;
    struct statement_table *statements; /* what they cost (statistics.h) */
    struct raw_engine *raw;             /* for statements of pgd1.dialect = sqlite */
    struct database *databases;
    struct session *sessions;
    _Atomic size_t n_sessions;
    struct listener *listeners;
    struct conn *conns;
    struct arena *spare_arenas[WORKER_SPARES];
    size_t n_spare_arenas;
    struct buf spare_bufs[WORKER_SPARES];
    size_t n_spare_bufs;
    struct arena *scratch;  /* for one row or one message; reset by whoever starts one */
    char *input;            /* WORKER_INPUT bytes that every connection reads into */
    struct snapshot *blank; /* a database without tables: for statements that need no schema */
    /* mailbox */
    pthread_mutex_t mail_lock;
    struct mail *mail, **mail_end;
    int mail_fd;
    struct event *mail_event;
    pthread_t thread;
    bool is_running, is_draining;
    _Atomic bool has_ended;
    void (*ended)(struct worker *w); /* on the worker's thread, last; may be NULL */
};

struct worker *worker_new(struct app *app, size_t number, struct err *err);
void worker_free(struct worker *w);                   /* accepts NULL; the thread has ended */
bool worker_start(struct worker *w, struct err *err); /* a thread that runs the loop */
void worker_join(struct worker *w);
void worker_run(struct worker *w); /* the loop on this thread, until MAIL_STOP */
/* One turn without waiting, timers included: for tests. */
void worker_turn(struct worker *w);

/* From any thread; false: no memory. */
bool worker_post(struct worker *w, enum mail_kind kind, uint32_t pid, struct str channel, struct str payload);

/* A timer of this worker; keeps the loop's own timer armed for the earliest. */
void worker_timer(struct worker *w, struct timer *t, uint64_t due_us);
void worker_timer_clear(struct worker *w, struct timer *t);

/* Lent blocks: an idle session holds none. */
struct arena *worker_arena_take(struct worker *w);         /* NULL: no memory */
void worker_arena_give(struct worker *w, struct arena *a); /* accepts NULL */
void worker_buf_take(struct worker *w, struct buf *b, size_t cap);
void worker_buf_give(struct worker *w, struct buf *b); /* leaves b empty, without a block */

static inline uint64_t worker_now(const struct worker *w)
{
    return clock_monotonic_us(w->clock);
}

#endif
