/*
 * writer.c - see writer.h.
 *
 * One group: BEGIN IMMEDIATE; each waiting batch in a savepoint; COMMIT (one sync); hand all back; maybe a checkpoint.
 * Batches that arrive while the group runs still join it, within limits. SQLite rolls back the whole transaction after
 * some errors (disk full, I/O error, interrupt, RAISE(ROLLBACK)): then the batches that had succeeded run again.
 * What travels in time stands between two groups, in its place in the queue.
 *
 * While there is nothing to do the connection is lent to a loop's thread that asks for it (tryout.h); what is submitted meanwhile waits.
 */
#include "d1/embedded/writer.h"

#include <stdlib.h>
#include <time.h>
#include "proxy/base/fault.h"

enum {
    GROUP_BATCHES = 1024,
    GROUP_US = 10000,              /* the first of a group waits no longer than this for the others to compute */
    GROUP_BYTES = 64 << 20,        /* RETURNING rows kept until the commit */
    CHECKPOINT_PAGES = 2000,       /* log pages after which they are copied into the file */
    CHECKPOINT_HARD_PAGES = 32000, /* readers kept the log from starting anew: wait for them, shortly */
    CHECKPOINT_WAIT_US = 50000,
    PAUSE_MAX_US =
        2000, /* SQLite's locks have no queue: who asks often gets in between two writes of another process */
};

/* Whose the connection is, and what else only one may touch. */
enum holder { HELD_BY_NOBODY, HELD_BY_WRITER, HELD_BY_LOOP };

struct emb_writer {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct emb_tasks queue; /* lock guards queue, n, stop, holder */
    size_t n;
    bool stop;
    enum holder holder;
    const struct embedded_options *o;
    struct emb_connection *c;  /* the holder's; NULL after an I/O error until it was opened again */
    int wal_pages, wal_copied; /* in the log; when the last checkpoint was made */
};

struct group {
    struct emb_tasks done, again, failed; /* done: in the transaction; again: to run once more */
    size_t n, bytes;
    uint64_t since_us;
};

static void move_all(struct emb_tasks *to, struct emb_tasks *from)
{
    TAILQ_CONCAT(to, from, away_link);
}

/* The first that waits, if it runs statements, or if it travels. */
static struct emb_task *pop_that(struct emb_writer *w, bool travels)
{
    pthread_mutex_lock(&w->lock);
    struct emb_task *t = TAILQ_FIRST(&w->queue);
    if (t && (t->request->travel != D1_STAY) != travels)
        t = NULL;
    if (t) {
        TAILQ_REMOVE(&w->queue, t, away_link);
        t->queued_write = false;
        w->n--;
    }
    pthread_mutex_unlock(&w->lock);
    return t;
}

static struct emb_task *pop(struct emb_writer *w)
{
    return pop_that(w, false);
}

static bool is_idle(struct emb_writer *w)
{
    pthread_mutex_lock(&w->lock);
    bool idle = TAILQ_EMPTY(&w->queue);
    pthread_mutex_unlock(&w->lock);
    return idle;
}

static void hand_back(struct emb_tasks *tasks)
{
    for (struct emb_task *t; (t = TAILQ_FIRST(tasks));) {
        TAILQ_REMOVE(tasks, t, away_link);
        emb_inbox_post(t, NULL, true);
    }
}

static void fail_as(struct emb_task *t, const struct emb_failure *f)
{
    emb_failure_set(&t->failure, f->kind, "");
    buf_add_str(&t->failure.text, buf_str(&f->text));
}

/* Lets time pass, or less when a batch arrives. */
static void pause_us(struct emb_writer *w, uint64_t us)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)us * 1000;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_nsec -= 1000000000L;
        until.tv_sec++;
    }
    pthread_mutex_lock(&w->lock);
    pthread_cond_timedwait(&w->more, &w->lock, &until);
    pthread_mutex_unlock(&w->lock);
}

static int on_commit(void *user, sqlite3 *db, const char *name, int pages)
{
    (void)db, (void)name;
    struct emb_writer *w = user;
    if (pages < w->wal_pages) /* the log began anew */
        w->wal_copied = 0;
    w->wal_pages = pages;
    return SQLITE_OK;
}

static bool open_file(struct emb_writer *w, struct emb_failure *f)
{
    w->c = emb_connection_open(w->o, true, f);
    w->wal_pages = w->wal_copied = 0;
    if (w->c)
        sqlite3_wal_hook(w->c->db, on_commit, w);
    return w->c;
}

/* Takes the write lock, which another process may hold. Queued batches stay removable meanwhile.
 * False with f set: it cannot be had; without: nobody waits for it any more. */
static bool begin(struct emb_writer *w, const struct group *g, struct emb_failure *f)
{
    if (!w->c && !open_file(w, f))
        return false;
    uint64_t since = clock_monotonic_us(w->o->clock);
    for (uint64_t pause = 100;; pause = pause * 2 > PAUSE_MAX_US ? PAUSE_MAX_US : pause * 2) {
        int rc = emb_control(w->c, EMB_BEGIN_WRITE);
        if (rc == SQLITE_OK)
            return true;
        if ((rc & 0xff) != SQLITE_BUSY)
            return emb_failure_sqlite(f, w->c->db, rc), false;
        if (TAILQ_EMPTY(&g->again) && is_idle(w))
            return false;
        if (clock_monotonic_us(w->o->clock) - since >= w->o->busy_us)
            return emb_failure_set(f, D1_ERROR_OVERLOADED, EMB_LOCKED), false;
        pause_us(w, pause);
    }
}

/* A released savepoint does not look at deferred foreign keys; at COMMIT it would be too late for this batch alone. */
static void check_deferred(struct emb_connection *c, struct emb_task *t)
{
    int unresolved = 0, highest = 0;
    sqlite3_db_status(c->db, SQLITE_DBSTATUS_DEFERRED_FKS, &unresolved, &highest, 0);
    if (unresolved)
        emb_failure_set(&t->failure, D1_ERROR_SQL, EMB_FOREIGN_KEY);
}

static void set_brake(struct emb_writer *w, struct emb_task *t)
{
    w->c->brake = (struct emb_brake){
        .stop = &t->stop,
        .deadline_us = t->request->deadline_us,
        .run_until_us = w->o->run_us ? clock_monotonic_us(w->o->clock) + w->o->run_us : 0,
    };
}

static void run_statements(struct emb_writer *w, struct emb_task *t)
{
    set_brake(w, t);
    enum emb_stop stop = emb_brake_check(w->c);
    t->run.connection = w->c;
    if (stop != EMB_STOP_NONE)
        emb_brake_failure(&t->failure, stop);
    else if (emb_run_more(&t->run, SIZE_MAX) == EMB_RUN_DONE)
        check_deferred(w->c, t);
    t->failed = emb_run_failed(&t->run);
    emb_run_rewind(&t->run);
    t->request->round_trips++;
    w->c->brake = (struct emb_brake){ 0 };
}

/* False: the whole transaction is gone. */
static bool end_savepoint(struct emb_writer *w, struct emb_task *t)
{
    if (t->failure.kind == D1_OK)
        return emb_control(w->c, EMB_RELEASE) == SQLITE_OK;
    return !sqlite3_get_autocommit(w->c->db) && emb_control(w->c, EMB_ROLLBACK_TO) == SQLITE_OK &&
           emb_control(w->c, EMB_RELEASE) == SQLITE_OK;
}

/* Runs one batch; false: the transaction is gone with all that was done in it. */
static bool run_batch(struct emb_writer *w, struct group *g, struct emb_task *t)
{
    bool alone = TAILQ_EMPTY(&g->done);
    int rc = alone ? SQLITE_OK : emb_control(w->c, EMB_SAVEPOINT);
    if (rc != SQLITE_OK)
        emb_failure_sqlite(&t->failure, w->c->db, rc);
    else
        run_statements(w, t);
    bool ok = t->failure.kind == D1_OK;
    bool stands = rc == SQLITE_OK && (alone ? ok : end_savepoint(w, t));
    emb_reset_pragmas(w->c);
    if (ok && !stands)
        emb_failure_sqlite(&t->failure, w->c->db, sqlite3_errcode(w->c->db));
    if (t->failure.kind != D1_OK && !t->failed) /* what ran before the failing statement can be told (d1.h) */
        emb_rows_clear(&t->rows);
    g->n++;
    g->bytes += t->rows.bytes;
    if (alone && !ok) /* what it says is of what was there before the group: that need not wait for the sync */
        emb_inbox_post(t, NULL, true);
    else
        TAILQ_INSERT_TAIL(t->failure.kind == D1_OK ? &g->done : &g->failed, t, away_link);
    return stands;
}

/* After a lost transaction: forget what the successful batches did, and let them run again. */
static void start_over(struct emb_writer *w, struct group *g)
{
    if (!sqlite3_get_autocommit(w->c->db))
        emb_control(w->c, EMB_ROLLBACK);
    struct emb_task *t;
    TAILQ_FOREACH(t, &g->done, away_link)
    {
        emb_rows_clear(&t->rows);
        memset(t->run.results, 0, t->request->n_statements * sizeof(*t->run.results));
        g->n--;
    }
    move_all(&g->done, &g->again);
    move_all(&g->again, &g->done);
}

static struct emb_task *next_of_group(struct emb_writer *w, struct group *g)
{
    struct emb_task *t = TAILQ_FIRST(&g->again);
    if (t) {
        TAILQ_REMOVE(&g->again, t, away_link);
        return t;
    }
    bool full = g->n >= GROUP_BATCHES || g->bytes >= GROUP_BYTES ||
                (g->n > 0 && clock_monotonic_us(w->o->clock) - g->since_us >= GROUP_US);
    return full ? NULL : pop(w);
}

static void fail_group(struct group *g, struct emb_connection *c, int rc)
{
    struct emb_task *t;
    bool unknown = (rc & 0xff) == SQLITE_IOERR; /* the sync failed: the log may hold the commit or not */
    TAILQ_FOREACH(t, &g->done, away_link)
    {
        emb_rows_clear(&t->rows);
        emb_failure_sqlite(&t->failure, c->db, rc);
        if (unknown) {
            t->failure.kind = D1_ERROR_LOST;
            t->failure.may_have_run = true;
        }
    }
}

static void commit(struct emb_writer *w, struct group *g)
{
    if (TAILQ_EMPTY(&g->done)) {
        if (!sqlite3_get_autocommit(w->c->db))
            emb_control(w->c, EMB_ROLLBACK);
        return;
    }
    int rc = emb_control(w->c, EMB_COMMIT);
    if (rc == SQLITE_OK)
        return;
    fail_group(g, w->c, rc);
    if (!sqlite3_get_autocommit(w->c->db))
        emb_control(w->c, EMB_ROLLBACK);
    if ((rc & 0xff) == SQLITE_IOERR)
        w->c = emb_connection_close(w->c);
}

/* The transaction cannot be begun: so it ends for those who wait. */
static void give_up(struct emb_writer *w, struct group *g, const struct emb_failure *f)
{
    struct emb_task *t;
    while ((t = pop(w)))
        TAILQ_INSERT_TAIL(&g->again, t, away_link);
    TAILQ_FOREACH(t, &g->again, away_link)
    {
        fail_as(t, f);
    }
    move_all(&g->failed, &g->again);
}

static void run_transaction(struct emb_writer *w, struct group *g, struct emb_failure *f)
{
    bool open = begin(w, g, f);
    g->since_us = clock_monotonic_us(w->o->clock);
    for (struct emb_task *t; open && (t = next_of_group(w, g));) {
        if (run_batch(w, g, t))
            continue;
        start_over(w, g);
        open = (!TAILQ_EMPTY(&g->again) || !is_idle(w)) && begin(w, g, f);
    }
    if (open)
        commit(w, g);
}

static void run_group(struct emb_writer *w)
{
    struct group g = { 0 };
    TAILQ_INIT(&g.done);
    TAILQ_INIT(&g.again);
    TAILQ_INIT(&g.failed);
    struct emb_failure f;
    emb_failure_init(&f);
    run_transaction(w, &g, &f);
    if (f.kind != D1_OK)
        give_up(w, &g, &f);
    emb_failure_fini(&f);
    hand_back(&g.done);
    hand_back(&g.failed);
}

/* ---- in time ---- */

static bool travel_to(struct emb_writer *w, struct emb_task *t)
{
    const struct d1_request *r = t->request;
    if (r->to_bookmark.n)
        snprintf(t->found.text, sizeof(t->found.text), "%.*s", STR_FMT(r->to_bookmark));
    if (r->travel == D1_FIND_BOOKMARK && !r->at_us)
        return emb_history_take(w->c, w->o, &t->found, &t->failure);
    if (!r->to_bookmark.n && !emb_history_find(w->o, r->at_us, &t->found, &t->failure))
        return false;
    return r->travel == D1_FIND_BOOKMARK ||
           (emb_history_has(w->o, &t->found, &t->failure) && emb_history_take(w->c, w->o, &t->previous, &t->failure) &&
            emb_history_restore(w->c, w->o, &t->found, &t->failure));
}

/* Another process may have the file: that is waited for as at the beginning of a group, by SQLite's own busy handler. */
static void travel(struct emb_writer *w, struct emb_task *t)
{
    t->found = t->previous = (struct emb_bookmark){ 0 };
    if (w->c || open_file(w, &t->failure)) {
        uint64_t until = clock_monotonic_us(w->o->clock) + w->o->busy_us;
        w->c->brake = (struct emb_brake){ .stop = &t->stop,
                                          .deadline_us = t->request->deadline_us ? t->request->deadline_us : until };
        travel_to(w, t);
        w->c->brake = (struct emb_brake){ 0 };
        emb_history_trim(w->o);
        if (t->request->travel == D1_RESTORE)
            w->wal_pages += CHECKPOINT_PAGES; /* the log may hold the whole file now */
        if (t->failure.may_have_run)
            w->c = emb_connection_close(w->c);
    }
    t->request->round_trips++;
    emb_inbox_post(t, NULL, true);
}

/* After the acknowledgements, so that no client waits for the copying of pages. */
static void checkpoint(struct emb_writer *w)
{
    if (!w->c || w->wal_pages - w->wal_copied < CHECKPOINT_PAGES)
        return;
    bool hard = w->wal_pages >= CHECKPOINT_HARD_PAGES;
    w->c->brake = (struct emb_brake){ .run_until_us = clock_monotonic_us(w->o->clock) + CHECKPOINT_WAIT_US };
    w->c->rules.trusted = true;
    sqlite3_wal_checkpoint_v2(w->c->db, NULL, hard ? SQLITE_CHECKPOINT_RESTART : SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    w->c->rules.trusted = false;
    w->c->brake = (struct emb_brake){ 0 };
    w->wal_copied = w->wal_pages;
}

static bool wait_for_work(struct emb_writer *w)
{
    pthread_mutex_lock(&w->lock);
    w->holder = HELD_BY_NOBODY;
    while (w->holder == HELD_BY_LOOP || (!w->stop && TAILQ_EMPTY(&w->queue)))
        pthread_cond_wait(&w->more, &w->lock);
    bool work = !TAILQ_EMPTY(&w->queue);
    w->holder = HELD_BY_WRITER;
    pthread_mutex_unlock(&w->lock);
    return work;
}

static void *writer_main(void *user)
{
    struct emb_writer *w = user;
    pthread_setname_np(pthread_self(), "d1-writer");
    while (wait_for_work(w)) {
        struct emb_task *t = pop_that(w, true);
        if (t)
            travel(w, t);
        else
            run_group(w);
        checkpoint(w);
    }
    w->c = emb_connection_close(w->c);
    return NULL;
}

struct emb_writer *emb_writer_new(const struct embedded_options *o, struct emb_failure *f)
{
    struct emb_writer *w = fault_calloc(1, sizeof(*w));
    if (!w) {
        emb_failure_no_memory(f);
        return NULL;
    }
    w->o = o;
    w->holder = HELD_BY_WRITER; /* until its thread first waits */
    TAILQ_INIT(&w->queue);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&w->more, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&w->lock, NULL);
    if (open_file(w, f) && emb_thread_start(&w->thread, writer_main, w))
        return w;
    emb_failure_set(f, D1_ERROR_INTERNAL, "cannot start a thread");
    emb_connection_close(w->c);
    pthread_cond_destroy(&w->more);
    pthread_mutex_destroy(&w->lock);
    free(w);
    return NULL;
}

struct emb_writer *emb_writer_free(struct emb_writer *w)
{
    if (!w)
        return NULL;
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_cond_signal(&w->more);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    pthread_cond_destroy(&w->more);
    pthread_mutex_destroy(&w->lock);
    free(w);
    return NULL;
}

bool emb_writer_submit(struct emb_writer *w, struct emb_task *t)
{
    pthread_mutex_lock(&w->lock);
    bool room = w->n < w->o->write_queue;
    if (room) {
        TAILQ_INSERT_TAIL(&w->queue, t, away_link);
        t->queued_write = true;
        if (w->n++ == 0 && w->holder != HELD_BY_LOOP)
            pthread_cond_signal(&w->more);
    }
    pthread_mutex_unlock(&w->lock);
    return room;
}

struct emb_connection *emb_writer_lend(struct emb_writer *w)
{
    pthread_mutex_lock(&w->lock);
    bool idle = w->holder == HELD_BY_NOBODY && TAILQ_EMPTY(&w->queue) && w->c;
    if (idle)
        w->holder = HELD_BY_LOOP;
    pthread_mutex_unlock(&w->lock);
    return idle ? w->c : NULL;
}

void emb_writer_give_back(struct emb_writer *w)
{
    pthread_mutex_lock(&w->lock);
    w->holder = HELD_BY_NOBODY;
    if (!TAILQ_EMPTY(&w->queue))
        pthread_cond_signal(&w->more);
    pthread_mutex_unlock(&w->lock);
}

bool emb_writer_remove(struct emb_writer *w, struct emb_task *t)
{
    pthread_mutex_lock(&w->lock);
    bool queued = t->queued_write;
    if (queued) {
        TAILQ_REMOVE(&w->queue, t, away_link);
        t->queued_write = false;
        w->n--;
    }
    pthread_mutex_unlock(&w->lock);
    return queued;
}
