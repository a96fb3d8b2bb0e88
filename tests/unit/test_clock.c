/* test_clock.c - the system's clock runs, and a clock can be replaced. */
/* LINK pgd1_base */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <time.h>
#include "proxy/base/clock.h"

static void the_system_clock_never_runs_backwards(void **state)
{
    (void)state;
    const struct clock *c = clock_system();
    uint64_t last = clock_monotonic_us(c);
    assert_true(last > 0);
    for (int i = 0; i < 10000; i++) {
        uint64_t now = clock_monotonic_us(c);
        assert_true(now >= last);
        last = now;
    }
    assert_ptr_equal(clock_system(), c);
}

static void both_are_microseconds(void **state)
{
    (void)state;
    const struct clock *c = clock_system();
    int64_t before = (int64_t)time(NULL) - 1, wall = clock_wall_us(c);
    uint64_t start = clock_monotonic_us(c);
    nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
    assert_true(wall >= before * 1000000 && wall <= ((int64_t)time(NULL) + 1) * 1000000);
    assert_true(clock_monotonic_us(c) - start >= 20000);
}

static uint64_t fake_monotonic(void *ctx)
{
    return ++*(uint64_t *)ctx;
}

static int64_t fake_wall(void *ctx)
{
    return -(int64_t) * (uint64_t *)ctx;
}

static void a_fake_is_asked_instead(void **state)
{
    (void)state;
    uint64_t t = 41;
    struct clock fake = { fake_monotonic, fake_wall, &t };
    assert_int_equal(clock_monotonic_us(&fake), 42);
    assert_int_equal(clock_wall_us(&fake), -42);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_system_clock_never_runs_backwards),
        cmocka_unit_test(both_are_microseconds),
        cmocka_unit_test(a_fake_is_asked_instead),
    };
    return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
