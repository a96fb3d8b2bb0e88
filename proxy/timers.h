/*
 * timers.h - things that happen at a time, on a clock that tests can replace.
 *
 * Owns     the heap of pointers; not the timers: each lives in what it times.
 * Lives    one worker thread.
 * Fails    timer_set answers false when there is no memory; the timer is then not set.
 * Not here waiting: the worker arms one libevent timer for timers_next().
 */
#ifndef PGD1_PROXY_TIMERS_H
#define PGD1_PROXY_TIMERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct timer {
    uint64_t due_us; /* on the monotonic clock */
    size_t at;       /* place in the heap, from 1; 0: not set */
    /* Once per timer_set(), from timers_run(); the timer is not set any more and may be set again or freed inside. */
    void (*fire)(struct timer *t);
};

struct timers {
    struct timer **heap;
    size_t n, size;
};

void timers_init(struct timers *ts);
void timers_fini(struct timers *ts);
bool timer_set(struct timers *ts, struct timer *t, uint64_t due_us); /* moves it when it is set already */
void timer_clear(struct timers *ts, struct timer *t);                /* no effect when not set */
uint64_t timers_next(const struct timers *ts);                       /* 0: none */
void timers_run(struct timers *ts, uint64_t now_us);

#endif
