/* test_probe.c - the start-up probe: on an engine that has everything, and on databases that lack things. */
/* LINK pgd1_d1 pgd1_base */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <event2/event.h>
#include <unistd.h>
#include "d1/embedded/embedded.h"
#include "d1/fake/fake.h"
#include "d1/probe.h"

struct bench {
    struct arena *arena;
    struct err err;
    struct probe probe;
    unsigned done;
};

static void on_done(struct probe *p)
{
    ((struct bench *)p->user)->done++;
}

static void bench_init(struct bench *b)
{
    *b = (struct bench){ .arena = arena_new(64 << 20) };
    err_init(&b->err, b->arena);
    b->probe.done = on_done;
    b->probe.user = b;
}

/* ---- D1's twin ---- */

static void test_embedded(void **state)
{
    (void)state;
    char folder[] = "/tmp/pgd1-probe-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/app.db", folder);
    struct bench b;
    bench_init(&b);
    struct event_base *base = event_base_new();
    struct embedded_stores *stores = embedded_stores_new();
    struct embedded_options o = { .path = str_from(path) };
    struct d1 *d = embedded_open(stores, &o, base, &b.err);
    assert_non_null(d);
    assert_true(probe_start(&b.probe, d, PROBE_WRITES, 0, b.arena));
    assert_int_equal(b.done, 0);
    while (!b.done)
        assert_int_equal(event_base_loop(base, EVLOOP_ONCE), 0);
    const struct probe_result *r = &b.probe.result;
    assert_int_equal(r->failed, 0);
    assert_true(r->reachable);
    assert_int_equal(r->error_text_bytes, 1900000);
    assert_true(r->error_text_faithful);
    assert_true(r->exact_real_text);
    assert_true(r->exact_integer_text);
    assert_true(r->null_parameters);
    assert_true(r->changes_after_statement);
    assert_true(r->batch_is_atomic);
    assert_true(r->raise_carries_text);
#define PROBE_FEATURE(field, sql, expected) assert_true(r->field);
#include "d1/probe.def"
#undef PROBE_FEATURE
    d1_close(d);
    embedded_stores_free(stores);
    event_base_free(base);
    arena_free(b.arena);
    for (size_t i = 0; i < 3; i++) {
        static const char *const endings[] = { "", "-wal", "-shm" };
        snprintf(path, sizeof(path), "%s/app.db%s", folder, endings[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(folder), 0);
}

/* ---- databases that lack things ---- */

enum { QUESTIONS_READ = 14, QUESTIONS_WRITE = 17 };

static struct d1 *open_fake(struct bench *b, struct fake_clock *clock)
{
    bench_init(b);
    fake_clock_init(clock);
    return fake_open(NULL, &clock->clock, &b->err);
}

static void run(struct bench *b, struct d1 *d, enum probe_depth depth)
{
    assert_true(probe_start(&b->probe, d, depth, 0, b->arena));
    for (int i = 0; i < 5 && !b->done; i++)
        fake_turn(d);
    assert_int_equal(b->done, 1);
    d1_close(d);
    arena_free(b->arena);
}

static void test_unreachable(void **state)
{
    (void)state;
    struct bench b;
    struct fake_clock clock;
    struct d1 *d = open_fake(&b, &clock);
    assert_true(fake_line(d, STR("expect answer unreachable 'refused' again 100"), &b.err));
    run(&b, d, PROBE_WRITES);
    const struct probe_result *r = &b.probe.result;
    assert_false(r->reachable);
    assert_int_equal(r->first_error.kind, D1_ERROR_UNREACHABLE);
    assert_int_equal(r->failed, r->asked);
    assert_int_equal(r->asked, QUESTIONS_WRITE);
    assert_int_equal(r->error_text_bytes, 0);
    assert_false(r->batch_is_atomic);
}

/* Every statement is refused: an answer, and all features are absent. */
static void test_refusing(void **state)
{
    (void)state;
    struct bench b;
    struct fake_clock clock;
    struct d1 *d = open_fake(&b, &clock);
    assert_true(fake_line(d, STR("expect read answer error 'not authorized: SQLITE_AUTH' again 100"), &b.err));
    run(&b, d, PROBE_READS);
    const struct probe_result *r = &b.probe.result;
    assert_true(r->reachable);
    assert_int_equal(r->failed, 0);
    assert_int_equal(r->asked, QUESTIONS_READ);
    assert_false(r->unhex);
    assert_false(r->exact_real_text);
    assert_int_equal(r->error_text_bytes, 0);
}

/* Texts are cut: nothing of the payloads arrives whole, and PROBE_READS writes nothing. */
static void test_cut_texts(void **state)
{
    (void)state;
    struct bench b;
    struct fake_clock clock;
    struct d1 *d = open_fake(&b, &clock);
    assert_true(fake_line(d, STR("expect read answer error 'bad JSON path: ''>''''\"\\' again 100"), &b.err));
    run(&b, d, PROBE_READS);
    assert_int_equal(b.probe.result.error_text_bytes, 0);
    assert_false(b.probe.result.error_text_faithful);
}

/* The failing batch left its table behind. */
static void test_not_atomic(void **state)
{
    (void)state;
    struct bench b;
    struct fake_clock clock;
    struct d1 *d = open_fake(&b, &clock);
    char line[64];
    snprintf(line, sizeof(line), "expect read answer ok again %d", QUESTIONS_READ);
    assert_true(fake_line(d, str_from(line), &b.err));
    assert_true(fake_line(d, STR("expect write 5 answer error 'bad JSON path: ''>4'': SQLITE_ERROR'"), &b.err));
    assert_true(fake_line(d, STR("expect write 3 answer error 'x: SQLITE_ERROR'"), &b.err));
    assert_true(fake_line(d, STR("expect write 2 answer error 'bad JSON path: ''>'': SQLITE_ERROR'"), &b.err));
    assert_true(fake_line(d, STR("expect read '*_pgd1_probe_atomic*' answer rows [[\"1\"]]"), &b.err));
    assert_true(fake_line(d, STR("expect write 'DROP TABLE*_pgd1_probe_atomic*' answer ok"), &b.err));
    assert_true(probe_start(&b.probe, d, PROBE_WRITES, 0, b.arena));
    for (int i = 0; i < 5 && !b.done; i++)
        fake_turn(d);
    assert_int_equal(b.done, 1);
    assert_false(b.probe.result.batch_is_atomic);
    assert_false(b.probe.result.changes_after_statement);
    assert_false(b.probe.result.raise_carries_text);
    if (!fake_check(d, &b.err))
        fail_msg("%.*s", STR_FMT(b.err.message));
    d1_close(d);
    arena_free(b.arena);
}

static void test_no_memory(void **state)
{
    (void)state;
    struct fake_clock clock;
    struct bench b;
    struct d1 *d = open_fake(&b, &clock);
    struct arena *tiny = arena_new(300);
    assert_false(probe_start(&b.probe, d, PROBE_READS, 0, tiny));
    assert_int_equal(b.done, 0);
    arena_free(tiny);
    d1_close(d);
    arena_free(b.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_embedded),  cmocka_unit_test(test_unreachable), cmocka_unit_test(test_refusing),
        cmocka_unit_test(test_cut_texts), cmocka_unit_test(test_not_atomic),  cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
