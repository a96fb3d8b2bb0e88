/* test_txn_reservation.c - ids drawn ahead grow within a transaction, in whatever order their ranges come. */
/* LINK pgd1_proxy pgd1_sqlite */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proxy/txn/reservation.h"

struct fixture {
    struct reservations all;
    struct held *held[2]; /* of two transactions */
    struct held *a, *b;
};

static int set_up(void **state)
{
    struct fixture *f = test_calloc(1, sizeof(*f));
    reservations_init(&f->all);
    f->a = reservation_hold(&f->all, &f->held[0], 1, STR("t"));
    f->b = reservation_hold(&f->all, &f->held[1], 1, STR("t"));
    assert_true(f->a && f->b);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    reservation_release(&f->held[0]);
    reservation_release(&f->held[1]);
    reservations_fini(&f->all);
    test_free(f);
    return 0;
}

static void a_range_that_comes_late_is_left(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(reservation_draw(f->a, 1), 0);
    reservation_fill(f->b, 321, 352);
    assert_int_equal(reservation_draw(f->b, 1), 321);
    reservation_fill(f->a, 193, 224); /* drawn before b's */
    assert_int_equal(reservation_draw(f->b, 2), 322);
    assert_int_equal(reservation_draw(f->a, 1), 324);
}

static void nobody_draws_what_lies_before_its_own(void **state)
{
    struct fixture *f = *state;
    reservation_fill(f->b, 321, 322);
    assert_int_equal(reservation_draw(f->b, 2), 321);
    reservation_fill(f->a, 193, 224); /* nothing else is left */
    assert_int_equal(reservation_draw(f->b, 1), 0);
    assert_int_equal(reservation_draw(f->a, 1), 193);
    reservation_fill(f->b, 353, 384);
    assert_int_equal(reservation_draw(f->b, 1), 353);
    assert_int_equal(reservation_draw(f->a, 1), 354);
}

static void a_range_that_is_asked_for_is_enough(void **state)
{
    struct fixture *f = *state;
    reservation_fill(f->b, 321, 352);
    assert_int_equal(reservation_draw(f->b, 30), 321);
    assert_int_equal(reservation_draw(f->a, 3), 0);
    reservation_fill(f->a, 193, 224); /* two are left of the later one */
    assert_int_equal(reservation_draw(f->a, 3), 193);
}

/* TRUNCATE … RESTART IDENTITY elsewhere, or a restore. */
static void a_counter_that_was_set_back_is_followed(void **state)
{
    struct fixture *f = *state;
    reservation_fill(f->a, 321, 322);
    assert_int_equal(reservation_draw(f->a, 2), 321);
    reservation_fill(f->a, 1, 32);
    assert_int_equal(reservation_draw(f->a, 2), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_range_that_comes_late_is_left, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nobody_draws_what_lies_before_its_own, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_range_that_is_asked_for_is_enough, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_counter_that_was_set_back_is_followed, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
