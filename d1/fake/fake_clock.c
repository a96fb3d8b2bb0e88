/* fake_clock.c - the clock of fake.h that stands still. */
#include "d1/fake/fake.h"

static uint64_t monotonic_us(void *ctx)
{
    return ((struct fake_clock *)ctx)->now_us;
}

static int64_t wall_us(void *ctx)
{
    struct fake_clock *fc = ctx;
    return (int64_t)fc->now_us + fc->wall_offset_us;
}

void fake_clock_init(struct fake_clock *fc)
{
    *fc = (struct fake_clock){
        .clock = { monotonic_us, wall_us, fc },
        .now_us = 1000000,
        .wall_offset_us = INT64_C(1767225600) * 1000000 - 1000000, /* 2026-01-01 */
    };
}

void fake_clock_advance(struct fake_clock *fc, uint64_t us)
{
    fc->now_us += us;
}
