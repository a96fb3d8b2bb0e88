/* task.c - the inbox; see task.h. */
#include "d1/embedded/task.h"

#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* How far a pool thread runs ahead of a slow client before it turns to another request. */
enum { OUTSTANDING_MAX = 1 << 20, OUTSTANDING_LOW = OUTSTANDING_MAX / 4 };

bool emb_thread_start(pthread_t *ret, void *(*main)(void *), void *user)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool ok = pthread_create(ret, NULL, main, user) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return ok;
}

bool emb_inbox_init(struct emb_inbox *inbox)
{
    TAILQ_INIT(&inbox->tasks);
    inbox->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (inbox->wake_fd < 0)
        return false;
    if (pthread_mutex_init(&inbox->lock, NULL) == 0)
        return true;
    close(inbox->wake_fd);
    return false;
}

void emb_inbox_fini(struct emb_inbox *inbox)
{
    pthread_mutex_destroy(&inbox->lock);
    close(inbox->wake_fd);
}

/* Under the lock, so that the owner cannot free the inbox before the write is done. */
static void wake(struct emb_inbox *inbox)
{
    uint64_t one = 1;
    ssize_t n = write(inbox->wake_fd, &one, sizeof(one));
    (void)n; /* only a counter at its maximum refuses, and that is readable already */
}

bool emb_inbox_post(struct emb_task *t, struct emb_rows *rows, bool end)
{
    struct emb_inbox *inbox = t->inbox;
    pthread_mutex_lock(&inbox->lock);
    if (rows) {
        t->outstanding += rows->bytes;
        emb_rows_append(&t->incoming, rows);
    }
    t->end_posted = end;
    bool behind = !end && t->outstanding > OUTSTANDING_MAX;
    t->suspended = behind;
    if (!t->in_inbox) {
        t->in_inbox = true;
        bool first = TAILQ_EMPTY(&inbox->tasks);
        TAILQ_INSERT_TAIL(&inbox->tasks, t, inbox_link);
        if (first)
            wake(inbox);
    }
    pthread_mutex_unlock(&inbox->lock);
    return behind;
}

struct emb_task *emb_inbox_take(struct emb_inbox *inbox)
{
    pthread_mutex_lock(&inbox->lock);
    struct emb_task *t = TAILQ_FIRST(&inbox->tasks);
    if (t) {
        TAILQ_REMOVE(&inbox->tasks, t, inbox_link);
        t->in_inbox = false;
        emb_rows_append(&t->rows, &t->incoming);
        t->ended = t->ended || t->end_posted;
    }
    pthread_mutex_unlock(&inbox->lock);
    return t;
}

void emb_inbox_forget(struct emb_task *t)
{
    pthread_mutex_lock(&t->inbox->lock);
    if (t->in_inbox)
        TAILQ_REMOVE(&t->inbox->tasks, t, inbox_link);
    t->in_inbox = t->end_posted = t->suspended = false;
    t->outstanding = 0;
    emb_rows_fini(&t->incoming);
    pthread_mutex_unlock(&t->inbox->lock);
}

bool emb_inbox_consumed(struct emb_task *t, size_t bytes)
{
    pthread_mutex_lock(&t->inbox->lock);
    t->outstanding -= bytes < t->outstanding ? bytes : t->outstanding;
    bool again = t->suspended && t->outstanding <= OUTSTANDING_LOW;
    if (again)
        t->suspended = false;
    pthread_mutex_unlock(&t->inbox->lock);
    return again;
}
