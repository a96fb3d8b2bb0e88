/*
 * task.h - one request on its way through the embedded transport, and the inbox by which other threads hand it back.
 *
 * Owns     struct emb_task belongs to its struct embedded (the loop's thread) and is reused. While it is `away`, the
 *          writer or the pool works on run, rows, failure; the owner then only sets `stop`. The inbox's lock guards the
 *          fields marked so. Handing over goes through a lock each time, so nothing else needs one.
 * Not here what the threads do: writer.h, pool.h; what the owner does: embedded.c.
 */
#ifndef PGD1_D1_EMBEDDED_TASK_H
#define PGD1_D1_EMBEDDED_TASK_H

#include <pthread.h>
#include <sys/queue.h>

#include "d1/embedded/history.h"
#include "d1/embedded/run.h"

struct embedded;

enum emb_pool_state { EMB_POOL_OUT, EMB_POOL_WAITING, EMB_POOL_RUNNABLE, EMB_POOL_RUNNING, EMB_POOL_SUSPENDED };

TAILQ_HEAD(emb_tasks, emb_task);

struct emb_task {
    struct d1_request *request;
    struct emb_inbox *inbox; /* the owner's */
    struct emb_run run;
    struct emb_rows rows; /* the owner's, or the writer's while away there */
    struct emb_failure failure;
    struct emb_bookmark found, previous; /* of a request that travels */
    size_t failed;                       /* as d1_error.failed: what ran before that statement is told */
    atomic_int stop;                     /* an enum emb_stop, set by the owner, read by whoever runs it */

    /* the owner's */
    TAILQ_ENTRY(emb_task) owner_link; /* reads, tryouts or ready */
    struct emb_tasks *queued;         /* which of the first two; NULL: none */
    bool away, was_away, ready, paused, ended;
    enum emb_stop stopped; /* cancelled or late: no row is given any more */

    /* the writer's or the pool's, under their lock */
    TAILQ_ENTRY(emb_task) away_link;
    bool queued_write;
    enum emb_pool_state pool_state;
    bool in_transaction;
    struct emb_rows produced; /* the pool thread's, not handed over yet */
    uint64_t ran_us;          /* computing time so far */

    /* under the inbox's lock */
    TAILQ_ENTRY(emb_task) inbox_link;
    struct emb_rows incoming;
    size_t outstanding; /* bytes of rows produced and not yet given to on_row */
    bool in_inbox, end_posted, suspended;
};

struct emb_inbox {
    pthread_mutex_t lock;
    struct emb_tasks tasks;
    int wake_fd; /* eventfd: readable when tasks is not empty */
};

/* A thread that takes no signals: those are the main thread's. */
bool emb_thread_start(pthread_t *ret, void *(*main)(void *), void *user);

bool emb_inbox_init(struct emb_inbox *inbox); /* false: no descriptor or no memory */
void emb_inbox_fini(struct emb_inbox *inbox);
/* By the writer or a pool thread: rows (moved; NULL: none) and perhaps the end. After the end, or when it answers true,
 * the thread must not touch the task any more: true means the owner is too far behind and will hand the task back. */
bool emb_inbox_post(struct emb_task *t, struct emb_rows *rows, bool end);
/* By the owner. Each task once, its incoming rows moved to rows; ended is set when its end was posted. */
struct emb_task *emb_inbox_take(struct emb_inbox *inbox);
/* By the owner, of a task that is its own again: nothing of it stays in the inbox. */
void emb_inbox_forget(struct emb_task *t);
/* Rows of so many bytes were given: true when a suspended task should run on. */
bool emb_inbox_consumed(struct emb_task *t, size_t bytes);

#endif
