/* test_fault.c - the planned failure happens once, at its call, on its thread. */
/* LINK pgd1_base */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include "proxy/base/fault.h"

static void without_a_plan_nothing_fails(void **state)
{
    (void)state;
    fault_after(-1);
    for (int i = 0; i < 100; i++) {
        void *p = fault_malloc(1);
        assert_non_null(p);
        free(p);
    }
    assert_false(fault_hit());
}

static void exactly_the_planned_call_fails(void **state)
{
    (void)state;
    for (long n = 0; n < 6; n++) {
        fault_after(n);
        for (long i = 0; i < 9; i++) {
            void *p = i % 3 == 0 ? fault_malloc(8) : i % 3 == 1 ? fault_calloc(2, 4) : fault_realloc(NULL, 8);
            assert_int_equal(p == NULL, i == n);
            assert_int_equal(fault_hit(), i >= n);
            free(p);
        }
        fault_after(-1);
        assert_false(fault_hit());
    }
}

static void a_failed_realloc_keeps_the_block(void **state)
{
    (void)state;
    char *p = fault_malloc(4);
    assert_non_null(p);
    memcpy(p, "abc", 4);
    fault_after(0);
    assert_null(fault_realloc(p, 1000));
    fault_after(-1);
    assert_string_equal(p, "abc");
    char *q = fault_realloc(p, 1000);
    assert_non_null(q);
    assert_string_equal(q, "abc");
    free(q);
}

static void calloc_is_zeroed(void **state)
{
    (void)state;
    char *p = fault_calloc(10, 10);
    assert_non_null(p);
    for (int i = 0; i < 100; i++)
        assert_int_equal(p[i], 0);
    free(p);
}

static void *other_thread(void *result)
{
    void *p = fault_malloc(1);
    *(bool *)result = p != NULL && !fault_hit();
    free(p);
    return NULL;
}

static void other_threads_are_spared(void **state)
{
    (void)state;
    pthread_t thread;
    bool spared = false;
    fault_after(0);
    assert_int_equal(pthread_create(&thread, NULL, other_thread, &spared), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_null(fault_malloc(1)); /* ours still waits */
    fault_after(-1);
    assert_true(spared);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_plan_nothing_fails),     cmocka_unit_test(exactly_the_planned_call_fails),
        cmocka_unit_test(a_failed_realloc_keeps_the_block), cmocka_unit_test(calloc_is_zeroed),
        cmocka_unit_test(other_threads_are_spared),
    };
    return cmocka_run_group_tests_name("fault", tests, NULL, NULL);
}
