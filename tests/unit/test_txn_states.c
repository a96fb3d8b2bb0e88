/* test_txn_states.c - the state machines of a block and of its COMMIT: their tables are the drawings of the headers. */
/* LINK pgd1_proxy */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proxy/txn/resolution.h"
#include "proxy/txn/transaction.h"

static void blocks_move_as_drawn(void **state)
{
    (void)state;
    static const bool drawn[TXN_STATE_NR][TXN_STATE_NR] = {
        [TXN_IDLE] = { [TXN_OPEN] = true },
        [TXN_OPEN] = { [TXN_IDLE] = true, [TXN_OPEN] = true, [TXN_FAILED] = true },
        [TXN_FAILED] = { [TXN_IDLE] = true, [TXN_OPEN] = true, [TXN_FAILED] = true },
    };
    for (unsigned from = 0; from < TXN_STATE_NR; from++)
        for (unsigned to = 0; to < TXN_STATE_NR; to++)
            assert_int_equal(transaction_may_move(from, to), drawn[from][to]);
}

static void commits_move_as_drawn(void **state)
{
    (void)state;
    static const bool drawn[RESOLUTION_STATE_NR][RESOLUTION_STATE_NR] = {
        [RESOLUTION_NONE] = { [RESOLUTION_SENT] = true },
        [RESOLUTION_SENT] = { [RESOLUTION_NONE] = true, [RESOLUTION_DOUBT] = true },
        [RESOLUTION_DOUBT] = { [RESOLUTION_NONE] = true, [RESOLUTION_FENCE] = true },
        [RESOLUTION_FENCE] = { [RESOLUTION_NONE] = true },
    };
    for (unsigned from = 0; from < RESOLUTION_STATE_NR; from++)
        for (unsigned to = 0; to < RESOLUTION_STATE_NR; to++)
            assert_int_equal(resolution_may_move(from, to), drawn[from][to]);
}

static const struct d1_error ok,
    lost = { .kind = D1_ERROR_LOST, .may_have_run = true },
    refused = { .kind = D1_ERROR_SQL, .message = STR_INIT("FOREIGN KEY constraint failed") },
    there = { .kind = D1_ERROR_SQL, .message = STR_INIT("UNIQUE constraint failed: _pgd1_txn.id") },
    away = { .kind = D1_ERROR_UNREACHABLE }, toobig = { .kind = D1_ERROR_TOO_BIG, .may_have_run = true },
    no_memory = { .kind = D1_ERROR_INTERNAL, .may_have_run = true };

static const struct {
    const char *rule;
    bool wants_notes;
    struct {
        const struct d1_error *answer;
        bool fenced;
        enum resolution_step step;
    } course[5];
} courses[] = {
    { "an answer is an answer", false, { { &ok, false, RESOLUTION_ANSWER } } },
    { "an error is an answer", false, { { &refused, false, RESOLUTION_ANSWER } } },
    { "what never left is an answer", false, { { &away, false, RESOLUTION_ANSWER } } },
    { "an answer too big tells that it ran", false, { { &toobig, false, RESOLUTION_ANSWER } } },
    { "an answer that could not be read is lost",
      false,
      { { &no_memory, false, RESOLUTION_AGAIN }, { &there, false, RESOLUTION_COMMITTED } } },
    { "sent again and run", true, { { &lost, false, RESOLUTION_AGAIN }, { &ok, false, RESOLUTION_ANSWER } } },
    { "sent again and there",
      false,
      { { &lost, false, RESOLUTION_AGAIN },
        { &away, false, RESOLUTION_AGAIN },
        { &there, false, RESOLUTION_COMMITTED } } },
    { "there, and its counts are asked for",
      true,
      { { &lost, false, RESOLUTION_AGAIN },
        { &there, false, RESOLUTION_BEGIN_FENCE },
        { &away, false, RESOLUTION_AGAIN },
        { &ok, false, RESOLUTION_COMMITTED } } },
    { "doubled on the way", false, { { &there, false, RESOLUTION_COMMITTED } } },
    { "doubled on the way, with counts",
      true,
      { { &there, false, RESOLUTION_BEGIN_FENCE }, { &ok, false, RESOLUTION_COMMITTED } } },
    { "an error in doubt is fenced",
      false,
      { { &lost, false, RESOLUTION_AGAIN },
        { &refused, false, RESOLUTION_BEGIN_FENCE },
        { &lost, false, RESOLUTION_AGAIN },
        { &ok, true, RESOLUTION_FAILED } } },
    { "the fence finds it",
      false,
      { { &lost, false, RESOLUTION_AGAIN },
        { &refused, false, RESOLUTION_BEGIN_FENCE },
        { &ok, false, RESOLUTION_COMMITTED } } },
};

static void answers_lead_where_they_should(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(courses) / sizeof(courses[0]); i++) {
        struct resolution r;
        uint64_t wait, now = 1000000;
        assert_true(resolution_begin(&r, 0));
        r.wants_notes = courses[i].wants_notes;
        for (size_t k = 0; k < 5 && courses[i].course[k].answer; k++) {
            r.fenced = courses[i].course[k].fenced;
            if (resolution_next(&r, courses[i].course[k].answer, now, 30000000, &wait) != courses[i].course[k].step)
                fail_msg("%s, step %zu", courses[i].rule, k);
            now += 100000;
        }
    }
}

static void time_runs_out(void **state)
{
    (void)state;
    struct resolution r;
    struct arena *arena = arena_new(1 << 16);
    struct err err;
    uint64_t wait = 0, now = 1;
    enum resolution_step step;
    err_init(&err, arena);
    assert_true(resolution_begin(&r, 0));
    while ((step = resolution_next(&r, &lost, now, 10000000, &wait)) == RESOLUTION_AGAIN)
        now += wait;
    assert_int_equal(step, RESOLUTION_UNKNOWN);
    assert_true(now > 5000000 && now < 10000001);
    assert_false(resolution_unknown(&r, &err));
    assert_int_equal(err.code, SQLSTATE_TRANSACTION_RESOLUTION_UNKNOWN);
    assert_true(str_find(err.detail, r.id.bytes) >= 0);
    arena_free(arena);
}

static void ids_begin_with_the_time(void **state)
{
    (void)state;
    struct resolution a, b;
    struct d1_statement purge;
    struct arena *arena = arena_new(1 << 16);
    assert_true(resolution_begin(&a, INT64_C(0x12345678) * 1000000));
    assert_true(resolution_begin(&b, INT64_C(0x12345678) * 1000000));
    assert_int_equal(a.id.bytes.n, 32);
    assert_memory_equal(a.digits, "12345678", 8);
    assert_memory_equal(b.digits, "12345678", 8);
    assert_memory_not_equal(a.digits + 8, b.digits + 8, 24);
    assert_true(resolution_purge(INT64_C(0x12345678) * 1000000, UINT64_C(0x678) * 1000000, arena, &purge));
    assert_true(str_is(purge.params[0].bytes, "12345000") && str_is(purge.params[1].bytes, "1656"));
    arena_free(arena);
}

static void notes_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *notes, *kinds, *said; /* c: a count, l: a line; what cannot be read is a question mark */
    } cases[] = {
        { "3", "c", "3 " },
        { "3", "cc", "3 ? " },
        { "3\n0\n12", "ccc", "3 0 12 " },
        { "1\n[\"i7\"]\n2", "clc", "1 [\"i7\"] 2 " },
        { "-\n1", "cc", "? 1 " },
        { "fence", "c", "? " },
        { "", "cl", "? ? " },
        { NULL, "l", "? " },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct str rest = cases[i].notes ? str_from(cases[i].notes) : (struct str){ 0 }, line;
        char said[64] = "";
        for (const char *kind = cases[i].kinds; *kind; kind++) {
            int64_t count;
            size_t n = strlen(said);
            if (*kind == 'c' && resolution_count(&rest, &count))
                snprintf(said + n, sizeof(said) - n, "%lld ", (long long)count);
            else if (*kind == 'l' && resolution_line(&rest, &line))
                snprintf(said + n, sizeof(said) - n, "%.*s ", STR_FMT(line));
            else
                snprintf(said + n, sizeof(said) - n, "? ");
        }
        assert_string_equal(said, cases[i].said);
    }
}

static void old_ids_are_purged_regularly(void **state)
{
    (void)state;
    int purged = 0;
    for (int i = 0; i < 2560; i++)
        purged += resolution_purges();
    assert_int_equal(purged, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_move_as_drawn),
        cmocka_unit_test(commits_move_as_drawn),
        cmocka_unit_test(answers_lead_where_they_should),
        cmocka_unit_test(time_runs_out),
        cmocka_unit_test(old_ids_are_purged_regularly),
        cmocka_unit_test(ids_begin_with_the_time),
        cmocka_unit_test(notes_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
