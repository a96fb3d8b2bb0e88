/* pool.c - see pool.h. The lock order is: pool, then inbox. */
#include "d1/embedded/pool.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>
#include "proxy/base/fault.h"

enum {
    SLICE_BYTES = 64 << 10,
    NICE = 5, /* long reads yield to the loops and the writer */
};

struct emb_pool {
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct emb_tasks waiting, runnable; /* waiting: no connection yet */
    size_t n_waiting, n_connections;
    struct emb_connection *idle;
    bool stop;
    const struct embedded_options *o;
    unsigned n_threads;
    pthread_t threads[];
};

static struct emb_task *next_task(struct emb_pool *p)
{
    struct emb_task *t = TAILQ_FIRST(&p->runnable);
    if (t) {
        TAILQ_REMOVE(&p->runnable, t, away_link);
        return t;
    }
    bool connection = p->idle || p->n_connections < p->o->pool_connections;
    t = connection ? TAILQ_FIRST(&p->waiting) : NULL;
    if (!t)
        return NULL;
    TAILQ_REMOVE(&p->waiting, t, away_link);
    p->n_waiting--;
    t->run.connection = p->idle;
    if (p->idle)
        p->idle = p->idle->next;
    else
        p->n_connections++;
    return t;
}

/* Gives the connection to the next; a broken one is closed. Under the lock. */
static void put_connection(struct emb_pool *p, struct emb_connection *c)
{
    if (!c) {
        p->n_connections--;
        return;
    }
    c->next = p->idle;
    p->idle = c;
    pthread_cond_signal(&p->more);
}

/* Ends the task's hold on its connection, which is answered: NULL when it had none. */
static struct emb_connection *let_go(struct emb_task *t)
{
    struct emb_connection *c = t->run.connection;
    if (!c)
        return NULL;
    emb_run_rewind(&t->run);
    if (t->in_transaction && !sqlite3_get_autocommit(c->db))
        emb_control(c, EMB_ROLLBACK);
    t->in_transaction = false;
    emb_reset_pragmas(c);
    c->brake = (struct emb_brake){ 0 };
    t->run.connection = NULL;
    return c;
}

static bool start(struct emb_pool *p, struct emb_task *t)
{
    if (!t->run.connection) {
        struct emb_connection *c = emb_connection_open(p->o, false, &t->failure);
        pthread_mutex_lock(&p->lock);
        t->run.connection = c;
        pthread_mutex_unlock(&p->lock);
        if (!c)
            return false;
    }
    if (t->in_transaction || t->request->n_statements == 1)
        return true;
    int rc = emb_control(t->run.connection, EMB_BEGIN);
    t->in_transaction = rc == SQLITE_OK;
    if (rc != SQLITE_OK)
        emb_failure_sqlite(&t->failure, t->run.connection->db, rc);
    return rc == SQLITE_OK;
}

static enum emb_run_end run_slice(struct emb_pool *p, struct emb_task *t)
{
    if (!start(p, t))
        return EMB_RUN_FAILED;
    struct emb_connection *c = t->run.connection;
    uint64_t now = clock_monotonic_us(p->o->clock), limit = p->o->run_us;
    c->brake = (struct emb_brake){
        .stop = &t->stop,
        .deadline_us = t->request->deadline_us,
        .run_until_us = limit ? now + (limit > t->ran_us ? limit - t->ran_us : 0) : 0,
    };
    enum emb_stop stop = emb_brake_check(c);
    if (stop != EMB_STOP_NONE) {
        emb_brake_failure(&t->failure, stop);
        return EMB_RUN_FAILED;
    }
    enum emb_run_end end = emb_run_more(&t->run, SLICE_BYTES);
    t->ran_us += clock_monotonic_us(p->o->clock) - now;
    return end;
}

/* Hands over what a slice produced; the lock is held. After the end or a suspension the task is not ours. */
static void finish_slice(struct emb_pool *p, struct emb_task *t, enum emb_run_end end)
{
    enum emb_stop stop = (enum emb_stop)atomic_load_explicit(&t->stop, memory_order_relaxed);
    if (end == EMB_RUN_FULL && stop != EMB_STOP_NONE)
        emb_brake_failure(&t->failure, stop); /* it came after the last row, and nobody would let the task run on */
    if (end != EMB_RUN_FULL || stop != EMB_STOP_NONE) {
        t->request->round_trips++;
        t->pool_state = EMB_POOL_OUT;
        t->failed = emb_run_failed(&t->run);
        put_connection(p, let_go(t));
        emb_inbox_post(t, &t->produced, true);
        return;
    }
    t->pool_state = EMB_POOL_SUSPENDED;
    if (emb_inbox_post(t, &t->produced, false))
        return;
    t->pool_state = EMB_POOL_RUNNABLE;
    TAILQ_INSERT_TAIL(&p->runnable, t, away_link);
}

static void *pool_main(void *user)
{
    struct emb_pool *p = user;
    pthread_setname_np(pthread_self(), "d1-reader");
    setpriority(PRIO_PROCESS, (id_t)gettid(), NICE); /* of this thread alone, on Linux; that it may fail does no harm */
    pthread_mutex_lock(&p->lock);
    while (!p->stop) {
        struct emb_task *t = next_task(p);
        if (!t) {
            pthread_cond_wait(&p->more, &p->lock);
            continue;
        }
        t->pool_state = EMB_POOL_RUNNING;
        pthread_mutex_unlock(&p->lock);
        enum emb_run_end end = run_slice(p, t);
        pthread_mutex_lock(&p->lock);
        finish_slice(p, t, end);
    }
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

struct emb_pool *emb_pool_new(const struct embedded_options *o, struct emb_failure *f)
{
    struct emb_pool *p = fault_calloc(1, sizeof(*p) + o->pool_threads * sizeof(*p->threads));
    if (!p) {
        emb_failure_no_memory(f);
        return NULL;
    }
    p->o = o;
    TAILQ_INIT(&p->waiting);
    TAILQ_INIT(&p->runnable);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->more, NULL);
    while (p->n_threads < o->pool_threads && emb_thread_start(&p->threads[p->n_threads], pool_main, p))
        p->n_threads++;
    if (p->n_threads == o->pool_threads)
        return p;
    emb_failure_set(f, D1_ERROR_INTERNAL, "cannot start a thread");
    return emb_pool_free(p);
}

struct emb_pool *emb_pool_free(struct emb_pool *p)
{
    if (!p)
        return NULL;
    pthread_mutex_lock(&p->lock);
    p->stop = true;
    pthread_cond_broadcast(&p->more);
    pthread_mutex_unlock(&p->lock);
    for (unsigned i = 0; i < p->n_threads; i++)
        pthread_join(p->threads[i], NULL);
    while (p->idle) {
        struct emb_connection *next = p->idle->next;
        emb_connection_close(p->idle);
        p->idle = next;
    }
    pthread_cond_destroy(&p->more);
    pthread_mutex_destroy(&p->lock);
    free(p);
    return NULL;
}

bool emb_pool_submit(struct emb_pool *p, struct emb_task *t)
{
    pthread_mutex_lock(&p->lock);
    bool room = p->n_waiting < p->o->pool_queue;
    if (room) {
        t->pool_state = EMB_POOL_WAITING;
        TAILQ_INSERT_TAIL(&p->waiting, t, away_link);
        p->n_waiting++;
        pthread_cond_signal(&p->more);
    }
    pthread_mutex_unlock(&p->lock);
    return room;
}

void emb_pool_continue(struct emb_pool *p, struct emb_task *t)
{
    pthread_mutex_lock(&p->lock);
    if (t->pool_state == EMB_POOL_SUSPENDED) {
        t->pool_state = EMB_POOL_RUNNABLE;
        TAILQ_INSERT_TAIL(&p->runnable, t, away_link);
        pthread_cond_signal(&p->more);
    }
    pthread_mutex_unlock(&p->lock);
}

bool emb_pool_remove(struct emb_pool *p, struct emb_task *t)
{
    bool taken = true;
    pthread_mutex_lock(&p->lock);
    switch (t->pool_state) {
    case EMB_POOL_WAITING:
        TAILQ_REMOVE(&p->waiting, t, away_link);
        p->n_waiting--;
        break;
    case EMB_POOL_RUNNABLE:
        TAILQ_REMOVE(&p->runnable, t, away_link);
        put_connection(p, let_go(t));
        break;
    case EMB_POOL_SUSPENDED:
        put_connection(p, let_go(t));
        break;
    case EMB_POOL_RUNNING:
        if (t->run.connection) /* reaches what counts no steps: count(*) of a large table */
            sqlite3_interrupt(t->run.connection->db);
        taken = false;
        break;
    case EMB_POOL_OUT:
        taken = false; /* its end is in the inbox */
        break;
    }
    if (taken)
        t->pool_state = EMB_POOL_OUT;
    pthread_mutex_unlock(&p->lock);
    return taken;
}
