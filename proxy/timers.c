/* timers.c - a binary heap by due time; see timers.h. */
#include "proxy/timers.h"

#include <stdlib.h>
#include "proxy/base/fault.h"

void timers_init(struct timers *ts)
{
    *ts = (struct timers){ 0 };
}

void timers_fini(struct timers *ts)
{
    for (size_t i = 0; i < ts->n; i++)
        ts->heap[i]->at = 0;
    free(ts->heap);
    *ts = (struct timers){ 0 };
}

static void put(struct timers *ts, size_t at, struct timer *t)
{
    ts->heap[at - 1] = t;
    t->at = at;
}

static void rise(struct timers *ts, size_t at, struct timer *t)
{
    while (at > 1 && ts->heap[at / 2 - 1]->due_us > t->due_us) {
        put(ts, at, ts->heap[at / 2 - 1]);
        at /= 2;
    }
    put(ts, at, t);
}

static void sink(struct timers *ts, size_t at, struct timer *t)
{
    for (size_t child; (child = at * 2) <= ts->n; at = child) {
        if (child < ts->n && ts->heap[child]->due_us < ts->heap[child - 1]->due_us)
            child++;
        if (ts->heap[child - 1]->due_us >= t->due_us)
            break;
        put(ts, at, ts->heap[child - 1]);
    }
    put(ts, at, t);
}

bool timer_set(struct timers *ts, struct timer *t, uint64_t due_us)
{
    timer_clear(ts, t);
    if (ts->n == ts->size) {
        size_t size = ts->size ? ts->size * 2 : 16;
        struct timer **heap = fault_realloc(ts->heap, size * sizeof(struct timer *));
        if (!heap)
            return false;
        ts->heap = heap;
        ts->size = size;
    }
    t->due_us = due_us;
    rise(ts, ++ts->n, t);
    return true;
}

void timer_clear(struct timers *ts, struct timer *t)
{
    size_t at = t->at;
    if (at == 0)
        return;
    t->at = 0;
    struct timer *last = ts->heap[--ts->n];
    if (last == t)
        return;
    if (at > 1 && ts->heap[at / 2 - 1]->due_us > last->due_us)
        rise(ts, at, last);
    else
        sink(ts, at, last);
}

uint64_t timers_next(const struct timers *ts)
{
    return ts->n ? ts->heap[0]->due_us : 0;
}

void timers_run(struct timers *ts, uint64_t now_us)
{
    while (ts->n && ts->heap[0]->due_us <= now_us) {
        struct timer *t = ts->heap[0];
        timer_clear(ts, t);
        t->fire(t);
    }
}
