/* test_advisory.c - the lock table by itself: databases apart, many keys, memory that runs out. Waiting: scenario/advisory_locks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proxy/advisory.h"
#include "proxy/base/fault.h"

static struct presence first = { .pid = 1, .database = STR_INIT("one") };
static struct presence second = { .pid = 2, .database = STR_INIT("one") };
static struct presence stranger = { .pid = 3, .database = STR_INIT("two") };

static enum advisory_outcome try_take(struct advisory_table *t, const struct presence *p, uint32_t low)
{
    uint32_t blocker;
    return advisory_take(t, p, (struct advisory_key){ 0, low, 1 }, ADVISORY_EXCLUSIVE, ADVISORY_OF_SESSION, false,
                         &blocker);
}

static bool count(void *ctx, const struct advisory_entry *e)
{
    size_t *n = ctx;
    *n += e->granted;
    return true;
}

static size_t held(struct advisory_table *t)
{
    size_t n = 0;
    assert_true(advisory_each(t, count, &n));
    return n;
}

static void databases_do_not_share_locks(void **state)
{
    (void)state;
    struct advisory_table t;
    advisory_init(&t);
    assert_int_equal(try_take(&t, &first, 7), ADVISORY_GRANTED);
    assert_int_equal(try_take(&t, &stranger, 7), ADVISORY_GRANTED);
    assert_int_equal(try_take(&t, &second, 7), ADVISORY_BUSY);
    assert_true(advisory_release(&t, &first, (struct advisory_key){ 0, 7, 1 }, ADVISORY_EXCLUSIVE));
    assert_false(advisory_release(&t, &first, (struct advisory_key){ 0, 7, 1 }, ADVISORY_EXCLUSIVE));
    assert_int_equal(try_take(&t, &second, 7), ADVISORY_GRANTED);
    assert_int_equal(held(&t), 2);
    advisory_release_all(&t, &stranger, ADVISORY_OF_SESSION);
    advisory_release_all(&t, &second, ADVISORY_OF_TRANSACTION);
    assert_int_equal(held(&t), 1);
    advisory_fini(&t);
}

static void many_keys_come_and_go(void **state)
{
    (void)state;
    struct advisory_table t;
    advisory_init(&t);
    for (uint32_t i = 0; i < 2000; i++) {
        assert_int_equal(try_take(&t, i % 2 ? &first : &second, i), ADVISORY_GRANTED);
        assert_int_equal(try_take(&t, &stranger, i), ADVISORY_GRANTED);
    }
    assert_int_equal(held(&t), 4000);
    advisory_release_all(&t, &first, ADVISORY_OF_SESSION);
    assert_int_equal(held(&t), 3000);
    for (uint32_t i = 0; i < 2000; i++)
        assert_int_equal(try_take(&t, &first, i), i % 2 ? ADVISORY_GRANTED : ADVISORY_BUSY);
    advisory_fini(&t);
}

static enum advisory_outcome take_until_end(struct advisory_table *t, uint32_t low, uint32_t kind,
                                            enum advisory_mode mode)
{
    uint32_t blocker;
    return advisory_take(t, &first, (struct advisory_key){ 0, low, kind }, mode, ADVISORY_OF_TRANSACTION, false,
                         &blocker);
}

/* What was first taken behind a mark goes, whatever was taken again since; locks of the session stay. */
static void a_mark_parts_what_a_transaction_took(void **state)
{
    (void)state;
    struct advisory_table t;
    advisory_init(&t);
    assert_int_equal(take_until_end(&t, 1, 1, ADVISORY_EXCLUSIVE), ADVISORY_GRANTED);
    assert_int_equal(take_until_end(&t, 5, 1, ADVISORY_SHARE), ADVISORY_GRANTED);
    uint64_t mark = advisory_mark(&t);
    assert_int_equal(take_until_end(&t, 1, 1, ADVISORY_EXCLUSIVE), ADVISORY_GRANTED);
    assert_int_equal(take_until_end(&t, 5, 1, ADVISORY_EXCLUSIVE), ADVISORY_GRANTED);
    assert_int_equal(take_until_end(&t, 2, ADVISORY_ROW, ADVISORY_EXCLUSIVE), ADVISORY_GRANTED);
    assert_int_equal(take_until_end(&t, 3, ADVISORY_ROW, ADVISORY_EXCLUSIVE), ADVISORY_GRANTED);
    assert_int_equal(try_take(&t, &first, 4), ADVISORY_GRANTED);
    assert_int_equal(held(&t), 6);
    assert_int_equal(advisory_release_since(&t, &second, ADVISORY_OF_TRANSACTION, 0), 0);
    assert_int_equal(advisory_release_since(&t, &first, ADVISORY_OF_TRANSACTION, mark), 2);
    assert_int_equal(held(&t), 3);
    assert_true(advisory_holds(&t, &first, (struct advisory_key){ 0, 1, 1 }, ADVISORY_EXCLUSIVE));
    assert_true(advisory_holds(&t, &first, (struct advisory_key){ 0, 5, 1 }, ADVISORY_SHARE));
    assert_false(advisory_holds(&t, &first, (struct advisory_key){ 0, 5, 1 }, ADVISORY_EXCLUSIVE));
    assert_true(advisory_holds(&t, &first, (struct advisory_key){ 0, 4, 1 }, ADVISORY_EXCLUSIVE));
    advisory_fini(&t);
}

/* Without memory nothing is taken and nothing is lost. */
static void memory_runs_out(void **state)
{
    (void)state;
    for (long n = 0;; n++) {
        struct advisory_table t;
        advisory_init(&t);
        assert_int_equal(try_take(&t, &stranger, 7), ADVISORY_GRANTED);
        fault_after(n);
        enum advisory_outcome outcome = try_take(&t, &first, 7);
        bool fired = fault_hit();
        fault_after(-1);
        assert_int_equal(outcome, fired ? ADVISORY_FULL : ADVISORY_GRANTED);
        assert_int_equal(try_take(&t, &second, 7), fired ? ADVISORY_GRANTED : ADVISORY_BUSY);
        assert_int_equal(try_take(&t, &stranger, 7), ADVISORY_GRANTED);
        advisory_fini(&t);
        if (!fired)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(databases_do_not_share_locks),
        cmocka_unit_test(many_keys_come_and_go),
        cmocka_unit_test(a_mark_parts_what_a_transaction_took),
        cmocka_unit_test(memory_runs_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
