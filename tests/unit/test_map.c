/* test_map.c - the hash table against a plain list, through growth, replacement, removal and failed memory. */
/* LINK pgd1_base */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proxy/base/fault.h"
#include "proxy/base/map.h"

enum { KEYS = 600 };
static char texts[KEYS][8];

static struct str key(int i)
{
    snprintf(texts[i], sizeof(texts[i]), "k%d", i);
    return str_from(texts[i]);
}

static void an_empty_map_has_nothing(void **state)
{
    (void)state;
    struct map m;
    struct str k;
    void *v;
    size_t at = 0;
    map_init(&m);
    assert_null(map_get(&m, STR("x")));
    assert_null(map_remove(&m, STR("x")));
    assert_false(map_next(&m, &at, &k, &v));
    map_fini(&m);
    map_fini(&m);
}

static void keys_are_bytes(void **state)
{
    (void)state;
    struct map m;
    int a, b, c;
    map_init(&m);
    assert_true(map_set(&m, STR(""), &a));
    assert_true(map_set(&m, STR("x\0y"), &b));
    assert_true(map_set(&m, STR("x\0z"), &c));
    assert_ptr_equal(map_get(&m, (struct str){ 0 }), &a);
    assert_ptr_equal(map_get(&m, STR("x\0y")), &b);
    assert_ptr_equal(map_get(&m, STR("x\0z")), &c);
    assert_null(map_get(&m, STR("x")));
    assert_true(map_set(&m, (struct str){ 0 }, &b)); /* the empty key, replaced */
    assert_int_equal(m.n, 3);
    assert_ptr_equal(map_remove(&m, STR("")), &b);
    assert_null(map_get(&m, STR("")));
    map_fini(&m);
}

static void check_all(const struct map *m, int *const *values)
{
    size_t n = 0, walked = 0, at = 0;
    struct str k;
    void *v;
    for (int i = 0; i < KEYS; i++) {
        assert_ptr_equal(map_get(m, key(i)), values[i]);
        n += values[i] != NULL;
    }
    assert_int_equal(m->n, n);
    for (; map_next(m, &at, &k, &v); walked++)
        assert_ptr_equal(map_get(m, k), v);
    assert_int_equal(walked, n);
}

/* A fixed pseudo-random walk of sets, replacements and removals; after each hundred steps all keys are compared. */
static void a_long_walk_agrees_with_a_list(void **state)
{
    (void)state;
    static int pool[2 * KEYS];
    static int *values[KEYS];
    struct map m;
    uint64_t random = 1;
    map_init(&m);
    for (int step = 0; step < 20000; step++) {
        random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        int i = (int)(random >> 33) % KEYS;
        if (random >> 63) {
            assert_ptr_equal(map_remove(&m, key(i)), values[i]);
            values[i] = NULL;
        } else {
            values[i] = &pool[(int)(random >> 40) % (2 * KEYS)];
            assert_true(map_set(&m, key(i), values[i]));
        }
        if (step % 100 == 0)
            check_all(&m, values);
    }
    for (int i = 0; i < KEYS; i++)
        assert_ptr_equal(map_remove(&m, key(i)), values[i]);
    assert_int_equal(m.n, 0);
    map_fini(&m);
}

static void a_walk_sees_each_entry_once(void **state)
{
    (void)state;
    static int seen[KEYS];
    struct map m;
    struct str k;
    void *v;
    size_t at = 0, n = 0;
    map_init(&m);
    for (int i = 0; i < KEYS; i++)
        assert_true(map_set(&m, key(i), &seen[i]));
    for (; map_next(&m, &at, &k, &v); n++)
        ++*(int *)v;
    assert_int_equal(n, KEYS);
    for (int i = 0; i < KEYS; i++)
        assert_int_equal(seen[i], 1);
    map_fini(&m);
}

static void failed_growth_changes_nothing(void **state)
{
    (void)state;
    static int pool[KEYS];
    struct map m;
    map_init(&m);
    fault_after(0);
    assert_false(map_set(&m, key(0), &pool[0]));
    fault_after(-1);
    assert_int_equal(m.n, 0);
    int refused = 0;
    for (int i = 0; i < KEYS; i++) {
        fault_after(0);
        bool set = map_set(&m, key(i), &pool[i]);
        bool hit = fault_hit();
        fault_after(-1);
        assert_int_equal(set, !hit);
        if (!set) {
            refused++;
            assert_null(map_get(&m, key(i)));
            assert_true(i == 0 || map_get(&m, key(i - 1)) == &pool[i - 1]);
            assert_true(map_set(&m, key(i), &pool[i]));
        }
    }
    assert_true(refused >= 5);
    assert_int_equal(m.n, KEYS);
    map_fini(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_map_has_nothing),       cmocka_unit_test(keys_are_bytes),
        cmocka_unit_test(a_long_walk_agrees_with_a_list), cmocka_unit_test(a_walk_sees_each_entry_once),
        cmocka_unit_test(failed_growth_changes_nothing),
    };
    return cmocka_run_group_tests_name("map", tests, NULL, NULL);
}
