/* test_statement_table.c - what statements cost: found again, added up, bounded, forgotten. */
/* LINK pgd1_proxy */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <math.h>
#include "proxy/statement_table.h"

static struct statement_id id_of(int64_t query)
{
    return (struct statement_id){ .user = 10, .database = 5, .query = query };
}

static struct statement_slot add(struct statement_table *t, int64_t query)
{
    size_t evicted;
    struct statement_id id = id_of(query);
    return statement_table_add(t, &id, STR("SELECT $1"), &evicted);
}

static void count(struct statement_table *t, struct statement_slot slot, double time)
{
    struct statement_numbers one = {
        .calls = 1, .rows = 2, .total = time, .least = time, .most = time, .mean = time, .round_trips = 1
    };
    statement_table_count(t, slot, &one);
}

struct seen {
    size_t n;
    struct statement_id id;
    struct statement_numbers numbers;
};

static bool see(void *ctx, const struct statement_id *id, struct str text, const struct statement_numbers *numbers)
{
    struct seen *seen = ctx;
    assert_true(str_is(text, "SELECT $1"));
    seen->n++;
    seen->id = *id;
    seen->numbers = *numbers;
    return true;
}

static struct seen all(struct statement_table *t)
{
    struct seen seen = { 0 };
    assert_true(statement_table_each(t, see, &seen));
    return seen;
}

static void calls_add_up(void **state)
{
    (void)state;
    struct statement_table *t = statement_table_new(10);
    struct statement_slot slot = add(t, 7);
    assert_int_equal(all(t).n, 0); /* never called */
    count(t, slot, 2);
    count(t, slot, 4);
    count(t, slot, 9);
    struct seen seen = all(t);
    assert_int_equal(seen.n, 1);
    assert_int_equal(seen.id.query, 7);
    assert_int_equal(seen.numbers.calls, 3);
    assert_int_equal(seen.numbers.rows, 6);
    assert_int_equal(seen.numbers.round_trips, 3);
    assert_true(seen.numbers.total == 15 && seen.numbers.least == 2 && seen.numbers.most == 9);
    assert_true(fabs(seen.numbers.mean - 5) < 1e-9);
    assert_true(fabs(sqrt(seen.numbers.squares / 3) - sqrt(26.0 / 3)) < 1e-9); /* stddev_pop of 2, 4, 9 */
    statement_table_free(t);
}

static void tables_add_up(void **state)
{
    (void)state;
    struct statement_numbers a = { .calls = 2, .total = 6, .least = 2, .most = 4, .mean = 3, .squares = 2 };
    const struct statement_numbers b = { .calls = 1, .total = 9, .least = 9, .most = 9, .mean = 9 }, none = { 0 };
    statement_numbers_add(&a, &b);
    statement_numbers_add(&a, &none);
    assert_int_equal(a.calls, 3);
    assert_true(a.total == 15 && a.least == 2 && a.most == 9);
    assert_true(fabs(a.mean - 5) < 1e-9 && fabs(a.squares - 26) < 1e-9);
}

static void the_same_statement_is_found(void **state)
{
    (void)state;
    struct statement_table *t = statement_table_new(10);
    struct statement_slot slot = add(t, 7), found;
    struct statement_id id = id_of(7), other = { .user = 11, .database = 5, .query = 7 };
    found = statement_table_find(t, &id);
    assert_true(found.at == slot.at && found.generation == slot.generation);
    assert_int_equal(statement_table_find(t, &other).generation, 0);
    assert_true(statement_table_holds(t, slot));
    assert_false(statement_table_holds(t, (struct statement_slot){ 0 }));
    statement_table_free(t);
}

static void those_used_least_go(void **state)
{
    (void)state;
    enum { MAX = 100 };
    struct statement_table *t = statement_table_new(MAX);
    struct statement_slot slots[MAX];
    size_t evicted;
    for (int i = 0; i < MAX; i++) {
        slots[i] = add(t, i + 1);
        for (int k = 0; k <= i; k++)
            count(t, slots[i], 1);
    }
    struct statement_id more = id_of(1000);
    struct statement_slot slot = statement_table_add(t, &more, STR("SELECT $1"), &evicted);
    assert_true(slot.generation != 0);
    assert_int_equal(evicted, MAX / 20 + 1);
    assert_int_equal(statement_table_entries(t), MAX - evicted + 1);
    for (size_t i = 0; i < MAX; i++)
        assert_int_equal(statement_table_holds(t, slots[i]), i >= evicted);
    count(t, slots[0], 1); /* to one that went: no effect */
    assert_int_equal(all(t).n, MAX - evicted);
    statement_table_free(t);
}

static void reset_forgets_what_matches(void **state)
{
    (void)state;
    struct statement_table *t = statement_table_new(10);
    struct statement_slot a = add(t, 1), b = add(t, 2), c = add(t, 3);
    count(t, a, 1);
    count(t, b, 1);
    count(t, c, 1);
    statement_table_reset(t, &(struct statement_id){ .user = 99 });
    assert_int_equal(all(t).n, 3);
    statement_table_reset(t, &(struct statement_id){ .query = 2 });
    assert_int_equal(all(t).n, 2);
    assert_false(statement_table_holds(t, b));
    statement_table_reset(t, &(struct statement_id){ 0 });
    assert_int_equal(all(t).n, 0);
    assert_true(add(t, 1).generation != a.generation);
    statement_table_free(t);
}

static void a_table_of_none_keeps_none(void **state)
{
    (void)state;
    struct statement_table *t = statement_table_new(0);
    assert_int_equal(add(t, 1).generation, 0);
    assert_int_equal(all(t).n, 0);
    statement_table_free(t);
    statement_table_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_add_up),
        cmocka_unit_test(tables_add_up),
        cmocka_unit_test(the_same_statement_is_found),
        cmocka_unit_test(those_used_least_go),
        cmocka_unit_test(reset_forgets_what_matches),
        cmocka_unit_test(a_table_of_none_keeps_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
