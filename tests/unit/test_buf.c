/* test_buf.c - bytes that grow up to a cap, and say once when they could not. */
/* LINK pgd1_base */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proxy/base/buf.h"
#include "proxy/base/fault.h"

static void what_is_added_stands_in_order(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1 << 20);
    buf_add(&b, "abc", 3);
    buf_add_char(&b, 'd');
    buf_add_str(&b, STR("ef"));
    buf_add_str(&b, (struct str){ 0 });
    buf_printf(&b, "%d-%s", 7, "x");
    buf_add(&b, "\0", 1);
    assert_true(str_eq(buf_str(&b), STR("abcdef7-x\0")));
    for (int i = 0; i < 100000; i++)
        buf_add_char(&b, (char)i);
    assert_false(b.failed);
    assert_int_equal(b.n, 100010);
    assert_int_equal(b.p[100009], (char)99999);
    buf_fini(&b);
}

static void every_cap_is_exact(void **state)
{
    (void)state;
    for (size_t cap = 0; cap < 1200; cap++) {
        struct buf b;
        buf_init(&b, cap);
        for (size_t i = 0; i < cap; i++)
            buf_add_char(&b, 'x');
        assert_false(b.failed);
        buf_add_char(&b, 'y');
        assert_true(b.failed);
        assert_int_equal(b.n, cap);
        assert_true(b.size <= cap);
        buf_fini(&b);
    }
}

static void failure_sticks_until_reset(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 10);
    buf_add(&b, "12345678901", 11);
    assert_true(b.failed);
    assert_int_equal(b.n, 0);
    buf_add_char(&b, 'x'); /* would fit, but a hole would be worse */
    buf_printf(&b, "y");
    assert_false(buf_reserve(&b, 1));
    assert_int_equal(b.n, 0);
    buf_reset(&b);
    buf_add_char(&b, 'x');
    assert_false(b.failed);
    assert_true(str_is(buf_str(&b), "x"));
    buf_fini(&b);
    assert_null(b.p);
    assert_int_equal(b.cap, 10);
    buf_add_char(&b, 'z'); /* may be used again */
    assert_int_equal(b.n, 1);
    buf_fini(&b);
}

static void reserved_room_does_not_move(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 100000);
    assert_true(buf_reserve(&b, 5000));
    char *p = b.p;
    for (int i = 0; i < 5000; i++)
        buf_add_char(&b, 'x');
    assert_ptr_equal(b.p, p);
    assert_false(buf_reserve(&b, SIZE_MAX));
    assert_true(b.failed);
    buf_fini(&b);
}

static void failed_allocations_stick(void **state)
{
    (void)state;
    for (long n = 0; n < 3; n++) {
        struct buf b;
        buf_init(&b, 100000);
        fault_after(n);
        for (int i = 0; i < 50; i++)
            buf_printf(&b, "%099d\n", i);
        bool hit = fault_hit();
        fault_after(-1);
        assert_true(hit && b.failed);
        assert_true(b.n % 100 == 0 && b.n < 5000); /* whole lines only */
        buf_fini(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_added_stands_in_order), cmocka_unit_test(every_cap_is_exact),
        cmocka_unit_test(failure_sticks_until_reset),    cmocka_unit_test(reserved_room_does_not_move),
        cmocka_unit_test(failed_allocations_stick),
    };
    return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
