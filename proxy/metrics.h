/*
 * metrics.h - counters of one worker thread: written by it alone, read by anybody.
 *
 * Owns     nothing; a struct metrics lives in its worker.
 * Fails    never.
 * Not here showing them: the admin console and the HTTP page walk metric_rows().
 */
#ifndef PGD1_PROXY_METRICS_H
#define PGD1_PROXY_METRICS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum metric {
#define COUNTER(name, help) METRIC_##name,
#define GAUGE(name, help) METRIC_##name,
#include "proxy/metrics.def"
#undef COUNTER
#undef GAUGE
    METRIC_NR
};

struct metrics {
    _Atomic uint64_t values[METRIC_NR];
};

struct metric_row {
    const char *name, *help;
    bool is_gauge;
};
const struct metric_row *metric_rows(size_t *ret_n); /* in the order of enum metric */

/* One writer: a plain load and store are enough. */
static inline void metric_add(struct metrics *m, enum metric which, uint64_t n)
{
    uint64_t v = atomic_load_explicit(&m->values[which], memory_order_relaxed);
    atomic_store_explicit(&m->values[which], v + n, memory_order_relaxed);
}

static inline void metric_sub(struct metrics *m, enum metric which, uint64_t n)
{
    metric_add(m, which, (uint64_t)0 - n);
}

static inline uint64_t metric_read(const struct metrics *m, enum metric which)
{
    return atomic_load_explicit(&m->values[which], memory_order_relaxed);
}

#endif
