/* test_fake.c - the fake D1: its script's language, what requests get, time, faults. */
/* LINK pgd1_d1 pgd1_base */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <inttypes.h>
#include "d1/fake/fake.h"
#include "proxy/base/buf.h"

/* One fake on a clock that stands still, and one request. */
struct bench {
    struct fake_clock clock;
    struct arena *arena;
    struct err err;
    struct d1 *d1;
    struct d1_request r;
    struct d1_statement statements[3];
    struct buf rows; /* "statement:cell,cell;" */
    unsigned done;
    enum d1_flow flow;
};

static void bench_init(struct bench *b)
{
    *b = (struct bench){ .arena = arena_new(1 << 20) };
    fake_clock_init(&b->clock);
    err_init(&b->err, b->arena);
    buf_init(&b->rows, 10000);
    b->d1 = fake_open(NULL, &b->clock.clock, &b->err);
    assert_non_null(b->d1);
}

static void bench_fini(struct bench *b)
{
    d1_close(b->d1);
    buf_fini(&b->rows);
    arena_free(b->arena);
}

static enum d1_flow on_row(struct d1_request *r, size_t statement, const struct value *cells, size_t n)
{
    struct bench *b = r->user;
    buf_printf(&b->rows, "%zu:", statement);
    for (size_t i = 0; i < n; i++) {
        const struct value *v = &cells[i];
        if (v->class == VALUE_INTEGER)
            buf_printf(&b->rows, "i%" PRId64 ",", v->integer);
        else if (v->class == VALUE_REAL)
            buf_printf(&b->rows, "r%g,", v->real);
        else if (v->class == VALUE_NULL)
            buf_add_str(&b->rows, STR("n,"));
        else
            buf_printf(&b->rows, "%c%.*s,", v->class == VALUE_TEXT ? 't' : 'b', STR_FMT(v->bytes));
    }
    buf_add_char(&b->rows, ';');
    return b->flow;
}

static void on_done(struct d1_request *r)
{
    struct bench *b = r->user;
    b->done++;
}

static struct d1_request *request(struct bench *b, enum d1_access access, size_t n, const char *sql)
{
    for (size_t i = 0; i < n; i++)
        b->statements[i] = (struct d1_statement){ .sql = str_from(sql), .wants_changes = access == D1_WRITE };
    b->done = 0;
    buf_reset(&b->rows);
    b->r = (struct d1_request){ .statements = b->statements,
                                .n_statements = n,
                                .access = access,
                                .on_row = on_row,
                                .done = on_done,
                                .user = b,
                                .arena = b->arena };
    return &b->r;
}

static void script(struct bench *b, const char *line)
{
    if (!fake_line(b->d1, str_from(line), &b->err))
        fail_msg("%s: %.*s", line, STR_FMT(b->err.message));
}

/* ---- the language ---- */

static const struct {
    const char *line;
    bool ok;
} lines[] = {
    { "expect answer ok", true },
    { "expect read answer ok", true },
    { "expect write 2 'INSERT*; it''s' session 'first-primary' identity 'x*' answer changes 1,20 bookmark 0001 after "
      "2s again 3",
      true },
    { "expect answer rows [[1,null,\"a\"],[{\"int\":\"9007199254740993\"},{\"real\":1},{\"hex\":\"00ff\"}]]", true },
    { "expect answer results [{\"rows\":[[1]]},{\"changes\":3}] after 5ms", true },
    { "expect answer error 'no such table: t: SQLITE_ERROR' at 2", true },
    { "expect answer overloaded retry 2s", true },
    { "expect answer overloaded 'text' retry 2s after 10us", true },
    { "expect answer lost", true },
    { "expect answer lost 'cut' after 1s", true },
    { "expect answer unsure", true },
    { "expect answer never", true },
    { "", false },
    { "answer ok", false },
    { "expect", false },
    { "expect answer", false },
    { "expect answer nonsense", false },
    { "expect read write answer ok", false },
    { "expect answer ok after 2", false },
    { "expect answer ok after 2 s", false },
    { "expect answer ok again 0", false },
    { "expect answer ok bookmark", false },
    { "expect answer rows {}", false },
    { "expect answer rows [", false },
    { "expect answer error", false },
    { "expect answer error 'open", false },
    { "expect 'open answer ok", false },
    { "expect answer changes", false },
    { "expect answer ok and more", false },
};

static void test_language(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
        struct bench b;
        bench_init(&b);
        bool ok = fake_line(b.d1, str_from(lines[i].line), &b.err);
        if (ok != lines[i].ok)
            fail_msg("%s: %.*s", lines[i].line, STR_FMT(b.err.message));
        assert_int_equal(b.err.code, ok ? SQLSTATE_SUCCESSFUL_COMPLETION : SQLSTATE_SYNTAX_ERROR);
        bench_fini(&b);
    }
}

/* ---- answers ---- */

static const struct {
    const char *line;
    enum d1_access access;
    const char *rows;
    enum d1_error_kind kind;
    bool may_have_run;
    int64_t changes; /* of the last statement */
} answers[] = {
    { "expect read answer rows [[1,null,\"a\"],[1.5,{\"hex\":\"4142\"},{\"int\":\"-5\"}],[{\"real\":2}]]", D1_READ,
      "1:i1,n,ta,;1:r1.5,bAB,i-5,;1:r2,;", D1_OK, false, 0 },
    { "expect 2 answer results [{\"rows\":[[1],[2]],\"changes\":5},{\"rows\":[[3]],\"changes\":7}]", D1_WRITE,
      "0:i1,;0:i2,;1:i3,;", D1_OK, false, 7 },
    { "expect write 2 'SELECT 1; SELECT ?' answer changes 4,5", D1_WRITE, "", D1_OK, false, 5 },
    { "expect answer ok", D1_READ, "", D1_OK, false, 0 },
    { "expect answer error 'boom: SQLITE_ERROR'", D1_WRITE, "", D1_ERROR_SQL, false, 0 },
    { "expect answer lost", D1_WRITE, "", D1_ERROR_LOST, true, 0 },
    { "expect answer lost", D1_READ, "", D1_ERROR_LOST, false, 0 },
    { "expect answer unsure", D1_WRITE, "", D1_ERROR_LOST, false, 0 },
    { "expect answer overloaded", D1_WRITE, "", D1_ERROR_OVERLOADED, false, 0 },
    { "expect answer unreachable", D1_READ, "", D1_ERROR_UNREACHABLE, false, 0 },
    { "expect answer auth", D1_READ, "", D1_ERROR_AUTH, false, 0 },
    { "expect answer toobig", D1_READ, "", D1_ERROR_TOO_BIG, false, 0 },
    { "expect answer internal", D1_READ, "", D1_ERROR_INTERNAL, false, 0 },
};

static void test_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++) {
        struct bench b;
        bench_init(&b);
        script(&b, answers[i].line);
        d1_submit(b.d1, request(&b, answers[i].access, 2, "SELECT 1"));
        assert_int_equal(b.done, 0);
        assert_int_equal(fake_turn(b.d1), 1);
        assert_int_equal(b.done, 1);
        if (!str_is(buf_str(&b.rows), answers[i].rows) || b.r.error.kind != answers[i].kind ||
            b.r.error.may_have_run != answers[i].may_have_run)
            fail_msg("%s: %.*s, kind %d", answers[i].line, STR_FMT(buf_str(&b.rows)), b.r.error.kind);
        if (answers[i].kind == D1_OK)
            assert_int_equal(b.r.results[1].changes, answers[i].changes);
        assert_true(fake_check(b.d1, &b.err));
        bench_fini(&b);
    }
}

static void test_details_of_answers(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b);
    script(&b, "expect answer error 'it''s' at 2 bookmark 0007");
    d1_submit(b.d1, request(&b, D1_WRITE, 2, "x"));
    fake_turn(b.d1);
    assert_true(str_is(b.r.error.message, "it's"));
    assert_true(str_is(b.r.bookmark, "0007"));
    assert_int_equal(b.r.error.failed, 2);
    assert_non_null(b.r.results);
    script(&b, "expect answer overloaded 'busy' retry 3s");
    d1_submit(b.d1, request(&b, D1_WRITE, 1, "x"));
    fake_turn(b.d1);
    assert_int_equal(b.r.error.retry_after_us, 3000000);
    assert_true(str_is(b.r.error.message, "busy"));
    bench_fini(&b);
}

/* ---- what is not expected ---- */

static const struct {
    const char *rule, *line, *session, *identity;
} wrong[] = {
    { "a read", "expect write answer ok", "", "" },
    { "the number", "expect 2 answer ok", "", "" },
    { "the text", "expect 'UPDATE*' answer ok", "", "" },
    { "the session", "expect session 'a' answer ok", "b", "" },
    { "the identity", "expect identity 'a*' answer ok", "", "b" },
};

static void test_wrong_requests(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        struct bench b;
        bench_init(&b);
        script(&b, wrong[i].line);
        struct d1_request *r = request(&b, D1_READ, 1, "SELECT 1");
        r->session = str_from(wrong[i].session);
        r->identity = str_from(wrong[i].identity);
        d1_submit(b.d1, r);
        fake_turn(b.d1);
        if (r->error.kind != D1_ERROR_INTERNAL || fake_check(b.d1, &b.err))
            fail_msg("%s: not noticed", wrong[i].rule);
        assert_true(str_find(b.err.message, STR("SELECT 1")) >= 0);
        bench_fini(&b);
    }
}

static void test_script_must_be_used_up(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b);
    script(&b, "expect 'SELECT*' answer ok again 2");
    d1_submit(b.d1, request(&b, D1_READ, 1, "SELECT 1"));
    fake_turn(b.d1);
    assert_false(fake_check(b.d1, &b.err));
    err_clear(&b.err);
    d1_submit(b.d1, request(&b, D1_READ, 1, "SELECT 2"));
    fake_turn(b.d1);
    assert_true(fake_check(b.d1, &b.err));
    assert_true(
        str_is(fake_log(b.d1), "read 1 session='' identity='' SELECT 1\nread 1 session='' identity='' SELECT 2\n"));
    d1_submit(b.d1, request(&b, D1_READ, 1, "SELECT 3"));
    fake_turn(b.d1);
    assert_false(fake_check(b.d1, &b.err));
    bench_fini(&b);
}

/* ---- time, flow, cancelling ---- */

static void test_delays_pass_on_the_clock(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b);
    script(&b, "expect answer ok after 2s");
    d1_submit(b.d1, request(&b, D1_READ, 1, "x"));
    assert_int_equal(fake_turn(b.d1), 0);
    assert_int_equal(fake_next_us(b.d1), b.clock.now_us + 2000000);
    fake_clock_advance(&b.clock, 1999999);
    assert_int_equal(fake_turn(b.d1), 0);
    fake_clock_advance(&b.clock, 1);
    assert_int_equal(fake_turn(b.d1), 1);
    assert_int_equal(fake_next_us(b.d1), 0);
    bench_fini(&b);
}

static void test_deadline(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        enum d1_access access;
        enum d1_error_kind kind;
    } late[] = { { "expect answer never", D1_READ, D1_ERROR_DEADLINE },
                 { "expect answer never", D1_WRITE, D1_ERROR_DEADLINE },
                 { "expect answer ok after 3s", D1_WRITE, D1_ERROR_DEADLINE },
                 { "expect answer ok after 1s", D1_WRITE, D1_OK } };
    for (size_t i = 0; i < sizeof(late) / sizeof(*late); i++) {
        struct bench b;
        bench_init(&b);
        script(&b, late[i].line);
        struct d1_request *r = request(&b, late[i].access, 1, "x");
        r->deadline_us = b.clock.now_us + 2000000;
        d1_submit(b.d1, r);
        fake_turn(b.d1);
        fake_clock_advance(&b.clock, 2000000);
        fake_turn(b.d1);
        assert_int_equal(r->error.kind, late[i].kind);
        assert_int_equal(r->error.may_have_run, late[i].kind == D1_ERROR_DEADLINE && late[i].access == D1_WRITE);
        bench_fini(&b);
    }
}

static void test_pause_and_stop(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b);
    script(&b, "expect answer rows [[1],[2],[3]]");
    b.flow = D1_PAUSE;
    d1_submit(b.d1, request(&b, D1_READ, 1, "x"));
    for (int i = 1; i <= 3; i++) {
        fake_turn(b.d1);
        fake_turn(b.d1);
        assert_int_equal(b.rows.n, 6 * i);
        assert_int_equal(b.done, 0);
        d1_resume(b.d1, &b.r);
        assert_int_equal(b.rows.n, 6 * i);
    }
    fake_turn(b.d1);
    assert_int_equal(b.done, 1);
    assert_int_equal(b.r.error.kind, D1_OK);

    b.flow = D1_STOP;
    script(&b, "expect answer rows [[1],[2],[3]] again 2");
    d1_submit(b.d1, request(&b, D1_READ, 1, "x"));
    fake_turn(b.d1);
    assert_int_equal(b.r.error.kind, D1_ERROR_CANCELLED);
    assert_int_equal(b.rows.n, 6);
    d1_submit(b.d1, request(&b, D1_WRITE, 1, "x"));
    fake_turn(b.d1);
    assert_int_equal(b.r.error.kind, D1_OK);
    assert_int_equal(b.rows.n, 6);
    bench_fini(&b);
}

static void test_cancel(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b);
    script(&b, "expect answer never again 2");
    d1_submit(b.d1, request(&b, D1_READ, 1, "x"));
    d1_cancel(b.d1, &b.r);
    assert_int_equal(b.done, 0);
    fake_turn(b.d1);
    assert_int_equal(b.done, 1);
    assert_int_equal(b.r.error.kind, D1_ERROR_CANCELLED);
    d1_cancel(b.d1, &b.r); /* no effect when done */

    d1_submit(b.d1, request(&b, D1_WRITE, 1, "x"));
    d1_cancel(b.d1, &b.r);
    fake_turn(b.d1);
    assert_int_equal(b.done, 0); /* a sent write is not abandoned */
    fake_release(b.d1);
    fake_turn(b.d1);
    assert_int_equal(b.r.error.kind, D1_ERROR_LOST);
    assert_true(b.r.error.may_have_run);
    assert_int_equal(b.d1->counters.cancelled, 1);
    assert_int_equal(b.d1->counters.errors, 2);
    bench_fini(&b);
}

static void test_cancelled_write_that_paused(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b);
    script(&b, "expect answer rows [[1],[2],[3]]");
    b.flow = D1_PAUSE;
    d1_submit(b.d1, request(&b, D1_WRITE, 1, "x"));
    fake_turn(b.d1);
    d1_cancel(b.d1, &b.r);
    fake_turn(b.d1);
    assert_int_equal(b.done, 1);
    assert_int_equal(b.r.error.kind, D1_OK);
    assert_int_equal(b.rows.n, 6);
    bench_fini(&b);
}

static void test_close_ends_requests(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b);
    script(&b, "expect answer never");
    d1_submit(b.d1, request(&b, D1_WRITE, 1, "x"));
    d1_close(b.d1);
    assert_int_equal(b.done, 1);
    assert_int_equal(b.r.error.kind, D1_ERROR_LOST);
    assert_true(b.r.error.may_have_run);
    b.d1 = NULL;
    bench_fini(&b);
}

static void test_on_a_loop(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b);
    d1_close(b.d1);
    struct event_base *base = event_base_new();
    b.d1 = fake_open(base, clock_system(), &b.err);
    script(&b, "expect answer rows [[1]] after 20ms");
    struct d1_request *r = request(&b, D1_READ, 1, "x");
    uint64_t start = clock_monotonic_us(clock_system());
    d1_submit(b.d1, r);
    while (!b.done)
        assert_int_equal(event_base_loop(base, EVLOOP_ONCE), 0);
    assert_true(clock_monotonic_us(clock_system()) - start >= 20000);
    assert_int_equal(b.rows.n, 6);
    bench_fini(&b);
    event_base_free(base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_language),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_details_of_answers),
        cmocka_unit_test(test_wrong_requests),
        cmocka_unit_test(test_script_must_be_used_up),
        cmocka_unit_test(test_delays_pass_on_the_clock),
        cmocka_unit_test(test_deadline),
        cmocka_unit_test(test_pause_and_stop),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_cancelled_write_that_paused),
        cmocka_unit_test(test_close_ends_requests),
        cmocka_unit_test(test_on_a_loop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
