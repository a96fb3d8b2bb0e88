/* test_arena.c - memory that dies at once: zeroed, aligned, capped, kept apart, reset. */
/* LINK pgd1_base */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proxy/base/arena.h"
#include "proxy/base/fault.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#define IS_POISONED(p) __asan_address_is_poisoned(p)
#endif

static void blocks_are_zeroed_aligned_and_apart(void **state)
{
    (void)state;
    AUTO(arena) a = arena_new(1 << 20);
    static const size_t sizes[] = { 0, 1, 7, 16, 17, 100, 4000, 5000, 40000, 3, 100000 };
    unsigned char *p[11];
    for (size_t i = 0; i < 11; i++) {
        p[i] = arena_alloc(a, sizes[i]);
        assert_non_null(p[i]);
        assert_int_equal((uintptr_t)p[i] % _Alignof(max_align_t), 0);
        for (size_t k = 0; k < sizes[i]; k++)
            assert_int_equal(p[i][k], 0);
        memset(p[i], (int)i + 1, sizes[i]);
    }
    for (size_t i = 0; i < 11; i++)
        for (size_t k = 0; k < sizes[i]; k++)
            assert_int_equal(p[i][k], i + 1);
    assert_true(arena_used(a) >= 149144);
}

static void the_cap_holds(void **state)
{
    (void)state;
    AUTO(arena) a = arena_new(10000);
    size_t got = 0;
    while (arena_alloc(a, 100))
        got += 100;
    assert_true(got > 5000 && got <= 10000);
    assert_true(arena_used(a) <= 10000);
    assert_null(arena_alloc(a, 9000));
    assert_null(arena_alloc(a, SIZE_MAX));
    assert_null(arena_alloc(a, SIZE_MAX - 8));
    AUTO(arena) small = arena_new(100);
    assert_null(arena_alloc(small, 101));
    assert_non_null(arena_alloc(small, 50)); /* a refusal does no harm */
    AUTO(arena) none = arena_new(0);
    assert_null(arena_alloc(none, 1));
}

static void arrays_do_not_overflow(void **state)
{
    (void)state;
    AUTO(arena) a = arena_new(1 << 20);
    assert_null(arena_array(a, SIZE_MAX / 2, 4));
    assert_null(ARENA_ARRAY(a, uint64_t, SIZE_MAX / 8 + 1));
    uint64_t *numbers = ARENA_ARRAY(a, uint64_t, 10);
    assert_non_null(numbers);
    numbers[9] = 1;
    assert_non_null(ARENA_ARRAY(a, uint64_t, 0));
    assert_non_null(ARENA_NEW(a, struct str));
}

static void texts_are_copied(void **state)
{
    (void)state;
    AUTO(arena) a = arena_new(1 << 16);
    char source[] = "text";
    struct str copy = arena_str(a, (struct str){ source, 4 });
    char *c = arena_cstr(a, STR("a\0b"));
    source[0] = 'X';
    assert_true(str_is(copy, "text"));
    assert_int_equal(copy.p[4], 0);
    assert_memory_equal(c, "a\0b", 4);
    assert_non_null(arena_str(a, (struct str){ 0 }).p);
    assert_true(str_is(arena_printf(a, "%d %s", 42, "x"), "42 x"));
    assert_non_null(arena_printf(a, "%s", "").p);
    AUTO(arena) small = arena_new(16);
    assert_null(arena_str(small, STR("a text of more than sixteen bytes")).p);
    assert_null(arena_printf(small, "%64d", 1).p);
    assert_null(arena_cstr(small, (struct str){ "x", SIZE_MAX }));
}

static void a_reset_gives_all_back(void **state)
{
    (void)state;
    AUTO(arena) a = arena_new(100000);
    char *first = arena_alloc(a, 64);
    memset(first, 'x', 64);
    assert_non_null(arena_alloc(a, 90000));
    assert_null(arena_alloc(a, 20000));
    arena_reset(a);
    assert_int_equal(arena_used(a), 0);
#ifdef IS_POISONED
    assert_true(IS_POISONED(first)); /* who still points there is found out */
#endif
    char *again = arena_alloc(a, 64);
    assert_ptr_equal(again, first); /* the first block is kept */
    assert_int_equal(again[0], 0);
    assert_non_null(arena_alloc(a, 90000));
    arena_reset(a);
    arena_reset(a);
}

static void free_accepts_null(void **state)
{
    (void)state;
    assert_null(arena_free(NULL));
    assert_null(arena_free(arena_new(10)));
}

static void failed_allocations_answer_null(void **state)
{
    (void)state;
    for (long n = 0; n < 4; n++) {
        fault_after(n);
        struct arena *a = arena_new(1 << 20);
        int made = 0;
        for (int i = 0; a && i < 3; i++)
            made += arena_alloc(a, 30000) != NULL;
        bool hit = fault_hit();
        fault_after(-1);
        assert_true(hit);
        assert_int_equal(a == NULL, n == 0);
        assert_int_equal(made, n == 0 ? 0 : 2);
        arena_free(a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_zeroed_aligned_and_apart),
        cmocka_unit_test(the_cap_holds),
        cmocka_unit_test(arrays_do_not_overflow),
        cmocka_unit_test(texts_are_copied),
        cmocka_unit_test(a_reset_gives_all_back),
        cmocka_unit_test(free_accepts_null),
        cmocka_unit_test(failed_allocations_answer_null),
    };
    return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
