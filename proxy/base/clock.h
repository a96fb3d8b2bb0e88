/*
 * clock.h - time as a value that tests can replace.
 *
 * Everything that waits or dates asks the clock it was given. clock_system() is the real one; the scenario tests own a fake.
 */
#ifndef PGD1_BASE_CLOCK_H
#define PGD1_BASE_CLOCK_H

#include <stdint.h>

struct clock {
    uint64_t (*monotonic_us)(void *ctx); /* microseconds, never backwards */
    int64_t (*wall_us)(void *ctx);       /* microseconds since 1970-01-01 00:00 UTC */
    void *ctx;
};

const struct clock *clock_system(void);

static inline uint64_t clock_monotonic_us(const struct clock *c)
{
    return c->monotonic_us(c->ctx);
}

static inline int64_t clock_wall_us(const struct clock *c)
{
    return c->wall_us(c->ctx);
}

#endif
