/* test_gateway.c - the gateway transport: what is sent, what comes back, and the life of a request (d1/http/remote.h). */
/* LINK pgd1_d1 pgd1_base */
#include "tests/unit/remote_bench.h"

#include <unistd.h>
#include "d1/gateway/gateway.h"
#include "proxy/base/fault.h"

#define N(table) (sizeof(table) / sizeof(*(table)))
#define OK_ANSWER "{\"results\":[{\"rows\":[[1]],\"meta\":{}}],\"bookmark\":\"b1\"}"

static const struct http_step ok[] = { { .json = OK_ANSWER } };

static struct d1 *open_gateway(struct bench *b, const char *url, struct remote_options remote)
{
    struct gateway_options o = { str_from(url), STR("DB"), remote };
    return gateway_open(&o, b->base, clock_system(), &b->err);
}

static void start(struct bench *b, const struct http_step *steps, size_t n)
{
    bench_init(b, steps, n, open_gateway, bench_options());
}

static struct bench_request *run_one(struct bench *b, enum d1_access access)
{
    struct bench_request *q = bench_request(b, 0, access);
    unsigned ended = b->ended;
    d1_submit(b->d1, &q->r);
    assert_int_equal(q->done, 0);
    bench_run(b, ended + 1);
    return q;
}

/* ---- opening ---- */

static const struct {
    const char *rule, *url, *database, *token;
} bad_options[] = {
    { "no token", "https://x.dev", "DB", "" },
    { "no binding", "https://x.dev", "", "t" },
    { "no address", "", "DB", "t" },
    { "unencrypted", "http://x.dev", "DB", "t" },
};

static void test_bad_options(void **state)
{
    (void)state;
    struct event_base *base = event_base_new();
    struct arena *arena = arena_new(1 << 20);
    for (size_t i = 0; i < N(bad_options); i++) {
        struct err err;
        struct gateway_options o = { str_from(bad_options[i].url), str_from(bad_options[i].database), bench_options() };
        o.remote.token = str_from(bad_options[i].token);
        err_init(&err, arena);
        if (gateway_open(&o, base, clock_system(), &err) || err.code != SQLSTATE_INVALID_PARAMETER_VALUE)
            fail_msg("%s", bad_options[i].rule);
    }
    arena_free(arena);
    event_base_free(base);
}

static void test_insecure_must_be_asked_for(void **state)
{
    (void)state;
    struct event_base *base = event_base_new();
    struct arena *arena = arena_new(1 << 20);
    struct err err;
    struct gateway_options o = { STR("http://d1.internal/"), STR("DB"), bench_options() };
    o.remote.token = STR("t");
    o.remote.insecure = true;
    err_init(&err, arena);
    struct d1 *d = gateway_open(&o, base, clock_system(), &err);
    assert_non_null(d);
    assert_false(d->traits.native_values);
    assert_true(d->traits.bookmarks);
    d1_close(d);
    arena_free(arena);
    event_base_free(base);
}

/* ---- what is sent ---- */

static struct d1 *open_with_path(struct bench *b, const char *url, struct remote_options remote)
{
    char with_path[100];
    snprintf(with_path, sizeof(with_path), "%s/a/b//", url);
    return open_gateway(b, with_path, remote);
}

static void test_request(void **state)
{
    (void)state;
    static const struct http_step two[] = { { .json = "{\"results\":[{\"rows\":[],\"changes\":1,\"meta\":{}},"
                                                      "{\"rows\":[],\"meta\":{}}],\"bookmark\":\"\"}" } };
    struct bench b;
    bench_init(&b, two, 1, open_with_path, bench_options());
    struct value params[] = { value_text(STR("it's \"x\"")), value_real(0.5), value_null(), value_integer(INT64_MIN),
                              value_blob(STR("\0\xff")) };
    struct d1_statement s[] = { { STR("INSERT INTO t VALUES(?1)"), params, 5, true },
                                { STR("SELECT 1 AS c0"), NULL, 0, false } };
    struct bench_request *q = bench_request(&b, 0, D1_WRITE);
    q->r.statements = s;
    q->r.n_statements = 2;
    q->r.session = STR("0001-x");
    q->r.identity = STR("id7");
    d1_submit(b.d1, &q->r);
    bench_run(&b, 1);
    assert_int_equal(q->r.error.kind, D1_OK);
    assert_true(str_starts(buf_str(&b.server.head), STR("POST /a/b/v1/batch HTTP/1.1\r\n")));
    assert_true(str_find(buf_str(&b.server.head), STR("Authorization: Bearer t0ken\r\n")) > 0);
    const char *want =
        "{\"db\":\"DB\",\"session\":\"0001-x\",\"identity\":\"id7\",\"statements\":["
        "{\"sql\":\"INSERT INTO t VALUES(?1)\",\"params\":[\"it's \\\"x\\\"\",0.5,null,"
        "\"-9223372036854775808\",\"00ff\"],\"changes\":true},{\"sql\":\"SELECT 1 AS c0\",\"params\":[]}]}";
    if (!str_is(buf_str(&b.server.body), want))
        fail_msg("%.*s", STR_FMT(buf_str(&b.server.body)));
    assert_int_equal(q->r.bookmark.n, 0);
    bench_fini(&b);
}

static void test_too_large_a_request_is_not_sent(void **state)
{
    (void)state;
    struct bench b;
    start(&b, ok, 1);
    struct bench_request *q = bench_request(&b, 0, D1_WRITE);
    size_t size = (33 << 20);
    char *text = malloc(size);
    memset(text, 'x', size);
    struct d1_statement s = { { text, size }, NULL, 0, false };
    q->r.statements = &s;
    d1_submit(b.d1, &q->r);
    bench_run(&b, 1);
    assert_int_equal(q->r.error.kind, D1_ERROR_TOO_BIG);
    assert_false(q->r.error.may_have_run);
    assert_int_equal(b.server.requests, 0);
    free(text);
    bench_fini(&b);
}

/* ---- what comes back ---- */

static void test_answer(void **state)
{
    (void)state;
    static const struct http_step steps[] = {
        { .json = "{\"results\":[{\"rows\":[[1,\"a\",null],[2.5,[0,255],\"\"]],\"meta\":{\"rows_read\":7,\"rows_"
                  "written\":2}},"
                  "{\"rows\":[],\"changes\":3,\"meta\":{}},{\"rows\":[[true_]]}],\"bookmark\":\"b2\"}" },
        { .json = "{\"results\":[{\"rows\":[[1,\"a\",null],[2.5,[0,255],\"\"]],\"meta\":{\"rows_read\":7,\"rows_"
                  "written\":2}},"
                  "{\"rows\":[],\"changes\":3,\"meta\":{}}],\"bookmark\":\"b2\"}" },
    };
    static const struct d1_statement s[] = { { .sql = { "a", 1 } }, { .sql = { "b", 1 }, .wants_changes = true } };
    for (size_t i = 0; i < N(steps); i++) {
        struct bench b;
        start(&b, &steps[i], 1);
        struct bench_request *q = bench_request(&b, 0, D1_WRITE);
        q->r.statements = s;
        q->r.n_statements = 2;
        d1_submit(b.d1, &q->r);
        bench_run(&b, 1);
        assert_true(str_is(buf_str(&q->rows), "0:i1,ta,n;0:r2.5,b00ff,t;"));
        assert_int_equal(q->r.error.kind, i == 0 ? D1_ERROR_LOST : D1_OK);
        assert_int_equal(q->r.error.may_have_run, i == 0);
        assert_int_equal(q->r.results != NULL, i == 1);
        if (i == 1) {
            assert_int_equal(q->r.results[0].rows_read, 7);
            assert_int_equal(q->r.results[0].rows_written, 2);
            assert_int_equal(q->r.results[1].changes, 3);
            assert_true(str_is(q->r.bookmark, "b2"));
            assert_int_equal(b.d1->counters.rows, 2);
            assert_int_equal(b.d1->counters.statements, 2);
        }
        assert_int_equal(q->r.round_trips, 1);
        bench_fini(&b);
    }
}

static void test_rows_may_be_dropped(void **state)
{
    (void)state;
    struct bench b;
    start(&b, ok, 1);
    struct bench_request *q = bench_request(&b, 0, D1_READ);
    q->r.on_row = NULL;
    d1_submit(b.d1, &q->r);
    bench_run(&b, 1);
    assert_int_equal(q->r.error.kind, D1_OK);
    bench_fini(&b);
}

static const struct {
    const char *rule;
    struct http_step step;
    enum d1_access access;
    enum d1_error_kind kind;
    bool may_have_run;
    unsigned round_trips;
    const char *message; /* a part of it */
} failures[] = {
    { "SQL",
      { .status = 422, .json = "{\"error\":{\"message\":\"no such table: t: SQLITE_ERROR\"},\"bookmark\":\"b9\"}" },
      D1_WRITE,
      D1_ERROR_SQL,
      false,
      1,
      "no such table: t: SQLITE_ERROR" },
    { "an empty text: too long for SQLite",
      { .status = 422, .json = "{\"error\":{\"message\":\"\"}}" },
      D1_WRITE,
      D1_ERROR_SQL,
      false,
      1,
      "" },
    { "overloaded D1, a write",
      { .status = 422, .json = "{\"error\":{\"message\":\"D1 DB is overloaded. Too many requests queued.\"}}" },
      D1_WRITE,
      D1_ERROR_OVERLOADED,
      false,
      1,
      "overloaded" },
    { "overloaded D1, a read",
      { .status = 422, .json = "{\"error\":{\"message\":\"D1 DB is overloaded. Too many requests queued.\"}}" },
      D1_READ,
      D1_ERROR_OVERLOADED,
      false,
      3,
      "overloaded" },
    { "a reset, a write",
      { .status = 422, .json = "{\"error\":{\"message\":\"D1 DB reset because its code was updated.\"}}" },
      D1_WRITE,
      D1_ERROR_LOST,
      true,
      1,
      "code was updated" },
    { "a reset, a read",
      { .status = 422, .json = "{\"error\":{\"message\":\"D1 DB reset because its code was updated.\"}}" },
      D1_READ,
      D1_ERROR_LOST,
      false,
      3,
      "code was updated" },
    { "a heavy read is not repeated",
      { .status = 422, .json = "{\"error\":{\"message\":\"D1 DB exceeded its CPU time limit and was reset.\"}}" },
      D1_READ,
      D1_ERROR_LOST,
      false,
      1,
      "CPU" },
    { "wrong token",
      { .status = 401, .json = "{\"error\":{\"message\":\"gateway: token missing or wrong\"}}" },
      D1_READ,
      D1_ERROR_AUTH,
      false,
      1,
      "token" },
    { "no such binding",
      { .status = 404, .json = "{\"error\":{\"message\":\"gateway: no D1 binding has the name DB\"}}" },
      D1_WRITE,
      D1_ERROR_AUTH,
      false,
      1,
      "binding" },
    { "request refused",
      { .status = 400, .json = "{\"error\":{\"message\":\"gateway: the request is not JSON\"}}" },
      D1_WRITE,
      D1_ERROR_INTERNAL,
      false,
      1,
      "not JSON" },
    { "request too big",
      { .status = 413, .json = "{\"error\":{\"message\":\"gateway: a request may have\"}}" },
      D1_WRITE,
      D1_ERROR_TOO_BIG,
      false,
      1,
      "gateway" },
    { "502 in HTML, a read",
      { .status = 502, .json = "<html>[[[</html>", .headers = "Content-Type: text/html\r\n" },
      D1_READ,
      D1_ERROR_LOST,
      false,
      3,
      "HTTP status 502" },
    { "502 in HTML, a write",
      { .status = 502, .json = "<html>[[[</html>", .headers = "Content-Type: text/html\r\n" },
      D1_WRITE,
      D1_ERROR_LOST,
      true,
      1,
      "HTTP status 502" },
    { "200 in HTML",
      { .json = "<html>{</html>", .headers = "Content-Type: text/html\r\n" },
      D1_WRITE,
      D1_ERROR_LOST,
      true,
      1,
      "not JSON" },
    { "200, JSON that is not closed", { .json = "{\"results\":[" }, D1_WRITE, D1_ERROR_LOST, true, 1, "not JSON" },
    { "200, another protocol", { .json = "{\"hello\":1}" }, D1_WRITE, D1_ERROR_LOST, true, 1, "number of results" },
    { "200, too many results",
      { .json = "{\"results\":[{\"rows\":[]},{\"rows\":[]}]}" },
      D1_WRITE,
      D1_ERROR_LOST,
      true,
      1,
      "protocol" },
    { "200, rows beyond the statements",
      { .json = "{\"results\":[{\"rows\":[]},{\"rows\":[[1]]}]}" },
      D1_WRITE,
      D1_ERROR_LOST,
      true,
      1,
      "more results" },
    { "200, an error in it",
      { .json = "{\"error\":{\"message\":\"gateway: odd\"}}" },
      D1_WRITE,
      D1_ERROR_LOST,
      true,
      1,
      "odd" },
    { "a redirect",
      { .status = 302, .headers = "Location: https://example.dev/\r\n" },
      D1_WRITE,
      D1_ERROR_AUTH,
      false,
      1,
      "302: redirects are not followed" },
    { "rows in an error",
      { .status = 422, .json = "{\"results\":[{\"rows\":[[1]]}],\"error\":{\"message\":\"x\"}}" },
      D1_READ,
      D1_ERROR_LOST,
      false,
      1,
      "more results" },
    { "closed without an answer, a read", { .gone = true }, D1_READ, D1_ERROR_LOST, false, 3, "" },
    { "closed without an answer, a write", { .gone = true }, D1_WRITE, D1_ERROR_LOST, true, 1, "" },
    { "half a body, a write", { .json = OK_ANSWER, .cut = 10 }, D1_WRITE, D1_ERROR_LOST, true, 1, "" },
    { "half a body, a read", { .json = OK_ANSWER, .cut = 10 }, D1_READ, D1_ERROR_LOST, false, 3, "" },
    { "half a body after a row: no repetition",
      { .json = OK_ANSWER, .cut = 30 },
      D1_READ,
      D1_ERROR_LOST,
      false,
      1,
      "" },
};

static void test_failures(void **state)
{
    (void)state;
    for (size_t i = 0; i < N(failures); i++) {
        struct bench b;
        start(&b, &failures[i].step, 1);
        struct bench_request *q = run_one(&b, failures[i].access);
        const struct d1_error *e = &q->r.error;
        if (e->kind != failures[i].kind || e->may_have_run != failures[i].may_have_run ||
            q->r.round_trips != failures[i].round_trips || b.server.requests != failures[i].round_trips ||
            str_find(e->message, str_from(failures[i].message)) < 0)
            fail_msg("%s: kind %d, may_have_run %d, %u round trips, %.*s", failures[i].rule, e->kind, e->may_have_run,
                     q->r.round_trips, STR_FMT(e->message));
        assert_null(q->r.results);
        assert_int_equal(b.d1->counters.errors, 1);
        assert_int_equal(b.d1->counters.retries, failures[i].round_trips - 1);
        bench_fini(&b);
    }
}

static void test_bookmark_of_an_error(void **state)
{
    (void)state;
    struct bench b;
    start(&b, &failures[0].step, 1);
    struct bench_request *q = run_one(&b, D1_WRITE);
    assert_true(str_is(q->r.bookmark, "b9"));
    bench_fini(&b);
}

/* ---- repetition ---- */

static void test_a_read_succeeds_in_the_end(void **state)
{
    (void)state;
    static const struct http_step steps[] = { { .status = 503, .json = "", .closes = true },
                                              { .gone = true },
                                              { .json = OK_ANSWER } };
    struct bench b;
    start(&b, steps, 3);
    struct bench_request *q = run_one(&b, D1_READ);
    assert_int_equal(q->r.error.kind, D1_OK);
    assert_int_equal(q->r.round_trips, 3);
    assert_true(str_is(buf_str(&q->rows), "0:i1;"));
    assert_int_equal(b.d1->counters.in_flight, 0);
    bench_fini(&b);
}

static void test_retry_after(void **state)
{
    (void)state;
    static const struct http_step steps[] = { { .status = 429, .json = "{}", .headers = "Retry-After: 1\r\n" },
                                              { .json = OK_ANSWER } };
    struct bench b;
    uint64_t begin = clock_monotonic_us(clock_system());
    start(&b, steps, 2);
    struct bench_request *q = run_one(&b, D1_READ);
    assert_int_equal(q->r.error.kind, D1_OK);
    assert_true(clock_monotonic_us(clock_system()) - begin >= 1000000);
    bench_fini(&b);

    /* the wait would reach the deadline: it is told at once */
    start(&b, steps, 2);
    q = bench_request(&b, 0, D1_READ);
    begin = clock_monotonic_us(clock_system());
    q->r.deadline_us = begin + 900000;
    d1_submit(b.d1, &q->r);
    bench_run(&b, 1);
    assert_int_equal(q->r.error.kind, D1_ERROR_OVERLOADED);
    assert_int_equal(q->r.error.retry_after_us, 1000000);
    assert_true(clock_monotonic_us(clock_system()) - begin < 500000);
    bench_fini(&b);
}

static void test_unreachable(void **state)
{
    (void)state;
    for (enum d1_access access = D1_READ; access <= D1_TRYOUT; access++) {
        struct bench b;
        start(&b, ok, 1);
        evconnlistener_free(b.server.listener);
        b.server.listener = NULL;
        struct bench_request *q = run_one(&b, access);
        assert_int_equal(q->r.error.kind, D1_ERROR_UNREACHABLE);
        assert_false(q->r.error.may_have_run);
        assert_int_equal(q->r.round_trips, access != D1_WRITE ? 3 : 1);
        bench_fini(&b);
    }
}

/* ---- time ---- */

static void test_deadline(void **state)
{
    (void)state;
    static const struct http_step silent[] = { { .silent = true } };
    for (enum d1_access access = D1_READ; access <= D1_TRYOUT; access++) {
        struct bench b;
        start(&b, silent, 1);
        struct bench_request *q = bench_request(&b, 0, access);
        q->r.deadline_us = clock_monotonic_us(clock_system()) + 50000;
        d1_submit(b.d1, &q->r);
        bench_run(&b, 1);
        assert_int_equal(q->r.error.kind, D1_ERROR_DEADLINE);
        assert_int_equal(q->r.error.may_have_run, access == D1_WRITE);
        bench_run_ms(&b, 30);
        assert_int_equal(b.server.open, 0);
        bench_fini(&b);
    }
}

static void test_deadline_in_the_queue(void **state)
{
    (void)state;
    static const struct http_step silent[] = { { .silent = true } };
    struct bench b;
    struct remote_options o = bench_options();
    o.max_in_flight = 1;
    bench_init(&b, silent, 1, open_gateway, o);
    struct bench_request *first = bench_request(&b, 0, D1_WRITE), *second = bench_request(&b, 1, D1_WRITE);
    second->r.deadline_us = clock_monotonic_us(clock_system()) + 50000;
    d1_submit(b.d1, &first->r);
    d1_submit(b.d1, &second->r);
    bench_run(&b, 1);
    assert_int_equal(second->r.error.kind, D1_ERROR_DEADLINE);
    assert_false(second->r.error.may_have_run);
    assert_int_equal(first->done, 0);
    bench_fini(&b);
    assert_int_equal(first->r.error.kind, D1_ERROR_LOST);
    assert_true(first->r.error.may_have_run);
}

static void test_silence(void **state)
{
    (void)state;
    static const struct http_step silent[] = { { .silent = true } };
    for (enum d1_access access = D1_READ; access <= D1_TRYOUT; access++) {
        struct bench b;
        struct remote_options o = bench_options();
        o.timeout_us = 30000;
        bench_init(&b, silent, 1, open_gateway, o);
        struct bench_request *q = run_one(&b, access);
        assert_int_equal(q->r.error.kind, D1_ERROR_LOST);
        assert_int_equal(q->r.error.may_have_run, access == D1_WRITE);
        assert_int_equal(q->r.round_trips, access != D1_WRITE ? 3 : 1);
        bench_fini(&b);
    }
}

/* ---- the queue ---- */

static void test_queue_is_bounded(void **state)
{
    (void)state;
    static const struct http_step slow[] = { { .json = OK_ANSWER, .delay_ms = 10 } };
    struct bench b;
    struct remote_options o = bench_options();
    o.max_in_flight = 2;
    o.max_queued = 4;
    bench_init(&b, slow, 1, open_gateway, o);
    for (size_t i = 0; i < 4; i++)
        d1_submit(b.d1, &bench_request(&b, i, D1_WRITE)->r);
    bench_run_ms(&b, 1); /* two leave the queue */
    assert_int_equal(b.d1->counters.in_flight, 2);
    assert_int_equal(b.d1->counters.queued, 2);
    for (size_t i = 4; i < 8; i++)
        d1_submit(b.d1, &bench_request(&b, i, D1_WRITE)->r);
    bench_run(&b, 8);
    unsigned good = 0;
    for (size_t i = 0; i < 8; i++)
        good += b.requests[i].r.error.kind == D1_OK;
    assert_int_equal(good, 6);
    assert_int_equal(b.requests[6].r.error.kind, D1_ERROR_OVERLOADED);
    assert_int_equal(b.requests[7].r.error.kind, D1_ERROR_OVERLOADED);
    assert_int_equal(b.server.most_open, 2);
    assert_int_equal(b.d1->counters.overloaded, 2);
    assert_int_equal(b.d1->counters.queued, 0);
    bench_fini(&b);
}

/* ---- flow ---- */

static const char rows_3[] = "{\"results\":[{\"rows\":[[1],[2],[3]],\"meta\":{}}],\"bookmark\":\"b\"}";

static void test_pause(void **state)
{
    (void)state;
    static const struct http_step steps[] = { { .json = rows_3 } };
    struct bench b;
    start(&b, steps, 1);
    struct bench_request *q = bench_request(&b, 0, D1_READ);
    q->flow = D1_PAUSE;
    d1_submit(b.d1, &q->r);
    for (unsigned i = 1; i <= 3; i++) {
        bench_run_ms(&b, 20);
        assert_int_equal(q->n_rows, i);
        assert_int_equal(q->done, 0);
        d1_resume(b.d1, &q->r);
        assert_int_equal(q->n_rows, i); /* never inside d1_resume() */
    }
    bench_run(&b, 1);
    assert_int_equal(q->r.error.kind, D1_OK);
    bench_fini(&b);
}

static void resume_now(struct bench_request *q)
{
    d1_resume(q->b->d1, &q->r);
}

static void test_resume_before_the_pause(void **state)
{
    (void)state;
    static const struct http_step steps[] = { { .json = rows_3 } };
    struct bench b;
    start(&b, steps, 1);
    struct bench_request *q = bench_request(&b, 0, D1_READ);
    q->flow = D1_PAUSE;
    q->during = resume_now;
    d1_submit(b.d1, &q->r);
    bench_run(&b, 1);
    assert_int_equal(q->n_rows, 3);
    bench_fini(&b);
}

/* A large answer of which the first row pauses: the rest stays in the server's hands. */
static char *large_answer(size_t rows)
{
    struct buf out;
    buf_init(&out, 64 << 20);
    buf_add_str(&out, STR("{\"results\":[{\"rows\":[[\"first\"]"));
    for (size_t i = 0; i < rows; i++)
        buf_printf(&out, ",[%zu,\"%0100zu\"]", i, i);
    buf_add_str(&out, STR("],\"meta\":{}}],\"bookmark\":\"b\"}"));
    buf_add_char(&out, '\0');
    assert_false(out.failed);
    return out.p;
}

static void test_a_pause_reaches_the_server(void **state)
{
    (void)state;
    enum { ROWS = 100000 };
    char *text = large_answer(ROWS);
    const struct http_step steps[] = { { .json = text } };
    struct bench b;
    start(&b, steps, 1);
    struct bench_request *q = bench_request(&b, 0, D1_READ);
    q->flow = D1_PAUSE;
    d1_submit(b.d1, &q->r);
    bench_run_ms(&b, 200);
    assert_int_equal(q->n_rows, 1);
    assert_true(evbuffer_get_length(bufferevent_get_output(b.server.peers->bev)) > strlen(text) / 4);
    q->flow = D1_CONTINUE;
    d1_resume(b.d1, &q->r);
    bench_run(&b, 1);
    assert_int_equal(q->r.error.kind, D1_OK);
    assert_int_equal(q->n_rows, ROWS + 1);
    free(text);
    bench_fini(&b);
}

static void test_pause_outlasts_the_time_out(void **state)
{
    (void)state;
    char *text = large_answer(20000);
    const struct http_step steps[] = { { .json = text } };
    struct bench b;
    struct remote_options o = bench_options();
    o.timeout_us = 40000;
    bench_init(&b, steps, 1, open_gateway, o);
    struct bench_request *q = bench_request(&b, 0, D1_READ);
    q->flow = D1_PAUSE;
    d1_submit(b.d1, &q->r);
    bench_run_ms(&b, 120);
    q->flow = D1_CONTINUE;
    d1_resume(b.d1, &q->r);
    bench_run(&b, 1);
    assert_int_equal(q->r.error.kind, D1_OK);
    free(text);
    bench_fini(&b);
}

static void test_stop(void **state)
{
    (void)state;
    static const struct http_step steps[] = { { .json = rows_3 } };
    for (enum d1_access access = D1_READ; access <= D1_TRYOUT; access++) {
        struct bench b;
        start(&b, steps, 1);
        struct bench_request *q = bench_request(&b, 0, access);
        q->flow = D1_STOP;
        d1_submit(b.d1, &q->r);
        bench_run(&b, 1);
        assert_int_equal(q->n_rows, 1);
        assert_int_equal(q->r.error.kind, access != D1_WRITE ? D1_ERROR_CANCELLED : D1_OK);
        bench_fini(&b);
    }
}

static void test_too_big(void **state)
{
    (void)state;
    static const struct {
        const char *rule, *json;
        uint64_t max;
        enum d1_error_kind kind;
    } sizes[] = {
        { "a number counts eight", rows_3, 24, D1_OK },
        { "three of them", rows_3, 23, D1_ERROR_TOO_BIG },
        { "a text its bytes, a blob too, NULL nothing",
          "{\"results\":[{\"rows\":[[\"\\u00e9\",[1,2,3],null]],\"meta\":{}}]}", 5, D1_OK },
        { "one byte less", "{\"results\":[{\"rows\":[[\"\\u00e9\",[1,2,3],null]],\"meta\":{}}]}", 4, D1_ERROR_TOO_BIG },
    };
    for (size_t i = 0; i < N(sizes); i++) {
        for (enum d1_access access = D1_READ; access <= D1_TRYOUT; access++) {
            const struct http_step step = { .json = sizes[i].json };
            struct bench b;
            start(&b, &step, 1);
            struct bench_request *q = bench_request(&b, 0, access);
            q->r.max_result_bytes = sizes[i].max;
            d1_submit(b.d1, &q->r);
            bench_run(&b, 1);
            if (q->r.error.kind != sizes[i].kind)
                fail_msg("%s: kind %d", sizes[i].rule, q->r.error.kind);
            assert_int_equal(q->r.error.may_have_run, access == D1_WRITE && sizes[i].kind != D1_OK);
            bench_fini(&b);
        }
    }
}

/* A single row that never ends is given up before it is whole. */
static void test_an_endless_row(void **state)
{
    (void)state;
    struct buf text;
    buf_init(&text, 8 << 20);
    buf_add_str(&text, STR("{\"results\":[{\"rows\":[[\""));
    while (text.n < (4 << 20))
        buf_add_str(&text, STR("0123456789"));
    buf_add_str(&text, STR("\"]]}]}"));
    buf_add_char(&text, '\0');
    const struct http_step step = { .json = text.p };
    struct bench b;
    start(&b, &step, 1);
    struct bench_request *q = bench_request(&b, 0, D1_READ);
    q->r.max_result_bytes = 1000;
    d1_submit(b.d1, &q->r);
    bench_run(&b, 1);
    assert_int_equal(q->r.error.kind, D1_ERROR_TOO_BIG);
    assert_int_equal(q->n_rows, 0);
    buf_fini(&text);
    bench_fini(&b);
}

/* ---- cancelling ---- */

static void test_cancel_in_the_queue(void **state)
{
    (void)state;
    for (enum d1_access access = D1_READ; access <= D1_TRYOUT; access++) {
        struct bench b;
        start(&b, ok, 1);
        struct bench_request *q = bench_request(&b, 0, access);
        d1_submit(b.d1, &q->r);
        d1_cancel(b.d1, &q->r);
        assert_int_equal(q->done, 0);
        bench_run(&b, 1);
        assert_int_equal(q->r.error.kind, D1_ERROR_CANCELLED);
        assert_false(q->r.error.may_have_run);
        d1_cancel(b.d1, &q->r); /* no effect */
        bench_run_ms(&b, 20);
        assert_int_equal(b.server.requests, 0);
        bench_fini(&b);
    }
}

static void test_cancel_of_what_was_sent(void **state)
{
    (void)state;
    static const struct http_step slow[] = { { .json = OK_ANSWER, .delay_ms = 60 } };
    for (enum d1_access access = D1_READ; access <= D1_TRYOUT; access++) {
        struct bench b;
        start(&b, slow, 1);
        struct bench_request *q = bench_request(&b, 0, access);
        d1_submit(b.d1, &q->r);
        bench_run_ms(&b, 20);
        assert_int_equal(b.server.requests, 1);
        d1_cancel(b.d1, &q->r);
        assert_int_equal(q->done, 0);
        bench_run_ms(&b, 20);
        assert_int_equal(q->done, access != D1_WRITE);
        assert_int_equal(b.server.open, access == D1_WRITE); /* the transfer was closed */
        bench_run(&b, 1);
        assert_int_equal(q->r.error.kind, access != D1_WRITE ? D1_ERROR_CANCELLED : D1_OK);
        assert_int_equal(q->n_rows, 0);
        bench_fini(&b);
    }
}

static void cancel_now(struct bench_request *q)
{
    d1_cancel(q->b->d1, &q->r);
}

static void test_cancel_inside_on_row(void **state)
{
    (void)state;
    static const struct http_step steps[] = { { .json = rows_3 } };
    for (enum d1_access access = D1_READ; access <= D1_TRYOUT; access++) {
        for (enum d1_flow flow = D1_CONTINUE; flow <= D1_PAUSE; flow++) {
            struct bench b;
            start(&b, steps, 1);
            struct bench_request *q = bench_request(&b, 0, access);
            q->during = cancel_now;
            q->flow = flow;
            d1_submit(b.d1, &q->r);
            bench_run(&b, 1);
            assert_int_equal(q->n_rows, 1);
            assert_int_equal(q->r.error.kind, access != D1_WRITE ? D1_ERROR_CANCELLED : D1_OK);
            bench_fini(&b);
        }
    }
}

static void test_cancel_while_backing_off(void **state)
{
    (void)state;
    static const struct http_step steps[] = { { .status = 429, .json = "{}", .headers = "Retry-After: 5\r\n" } };
    struct bench b;
    start(&b, steps, 1);
    struct bench_request *q = bench_request(&b, 0, D1_READ);
    d1_submit(b.d1, &q->r);
    bench_run_ms(&b, 30);
    assert_int_equal(q->done, 0);
    assert_int_equal(b.d1->counters.in_flight, 0);
    d1_cancel(b.d1, &q->r);
    bench_run_ms(&b, 20);
    assert_int_equal(q->done, 1);
    assert_int_equal(q->r.error.kind, D1_ERROR_CANCELLED);
    bench_fini(&b);
}

/* ---- callbacks that ask for more ---- */

static void submit_next(struct bench_request *q)
{
    struct bench *b = q->b;
    size_t i = (size_t)(q - b->requests);
    if (i + 1 < BENCH_REQUESTS)
        b->requests[i + 1].after = q->after, d1_submit(b->d1, &b->requests[i + 1].r);
}

static void test_submit_inside_done(void **state)
{
    (void)state;
    struct bench b;
    start(&b, ok, 1);
    for (size_t i = 0; i < BENCH_REQUESTS; i++)
        bench_request(&b, i, i % 2 ? D1_WRITE : D1_READ);
    b.requests[0].after = submit_next;
    d1_submit(b.d1, &b.requests[0].r);
    bench_run(&b, BENCH_REQUESTS);
    assert_int_equal(b.server.requests, BENCH_REQUESTS);
    assert_int_equal(b.server.connections, 1);
    bench_fini(&b);
}

static void submit_second(struct bench_request *q)
{
    d1_submit(q->b->d1, &q->b->requests[1].r);
}

static void test_submit_inside_on_row(void **state)
{
    (void)state;
    struct bench b;
    start(&b, ok, 1);
    bench_request(&b, 1, D1_READ);
    bench_request(&b, 0, D1_READ)->during = submit_second;
    d1_submit(b.d1, &b.requests[0].r);
    bench_run(&b, 2);
    assert_int_equal(b.requests[1].r.error.kind, D1_OK);
    bench_fini(&b);
}

/* ---- closing ---- */

static void submit_fifth(struct bench_request *q)
{
    d1_submit(q->b->d1, &q->b->requests[4].r);
}

static void test_close(void **state)
{
    (void)state;
    static const struct http_step steps[] = { { .silent = true } };
    struct bench b;
    struct remote_options o = bench_options();
    o.max_in_flight = 2;
    bench_init(&b, steps, 1, open_gateway, o);
    for (size_t i = 0; i < 4; i++)
        d1_submit(b.d1, &bench_request(&b, i, i % 2 ? D1_WRITE : D1_READ)->r);
    bench_run_ms(&b, 30);
    assert_int_equal(b.server.requests, 2);
    bench_request(&b, 4, D1_WRITE);
    b.requests[3].after = submit_fifth; /* too late */
    bench_fini(&b);
    static const enum d1_error_kind want[] = { D1_ERROR_CANCELLED, D1_ERROR_LOST, D1_ERROR_CANCELLED,
                                               D1_ERROR_CANCELLED };
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(b.requests[i].done, 1);
        assert_int_equal(b.requests[i].r.error.kind, want[i]);
        assert_int_equal(b.requests[i].r.error.may_have_run, i == 1);
    }
    assert_int_equal(b.requests[4].done, 1);
    assert_int_equal(b.requests[4].r.error.kind, D1_ERROR_CANCELLED);
}

static void close_now(struct bench_request *q)
{
    d1_close(q->b->d1);
    q->b->d1 = NULL;
}

static void test_close_inside_done(void **state)
{
    (void)state;
    struct bench b;
    start(&b, ok, 1);
    for (size_t i = 0; i < 3; i++)
        d1_submit(b.d1, &bench_request(&b, i, D1_WRITE)->r);
    b.requests[0].after = close_now;
    bench_run(&b, 3);
    assert_null(b.d1);
    bench_fini(&b);
}

/* ---- no memory ---- */

static void test_failing_allocations(void **state)
{
    (void)state;
    bool over = false;
    for (long n = 0; !over; n++) {
        struct bench b;
        start(&b, ok, 1);
        struct bench_request *q = bench_request(&b, 0, D1_READ);
        fault_after(n);
        d1_submit(b.d1, &q->r);
        bench_run(&b, 1);
        over = !fault_hit();
        fault_after(-1);
        bool is_fit = q->r.error.kind == D1_OK || (!over && q->r.error.kind == D1_ERROR_INTERNAL);
        if (!is_fit)
            fail_msg("allocation %ld: kind %d, %.*s", n, q->r.error.kind, STR_FMT(q->r.error.message));
        assert_true(n < 200);
        bench_fini(&b);
    }
}

static void test_failing_allocations_at_open(void **state)
{
    (void)state;
    struct event_base *base = event_base_new();
    struct arena *arena = arena_new(1 << 20);
    struct d1 *d = NULL;
    for (long n = 0; !d; n++) {
        struct gateway_options o = { STR("https://x.dev"), STR("DB"), bench_options() };
        struct err err;
        o.remote.token = STR("t");
        err_init(&err, arena);
        fault_after(n);
        d = gateway_open(&o, base, clock_system(), &err);
        fault_after(-1);
        assert_int_equal(err.code, d ? SQLSTATE_SUCCESSFUL_COMPLETION : SQLSTATE_OUT_OF_MEMORY);
        assert_true(n < 50);
    }
    d1_close(d);
    arena_free(arena);
    event_base_free(base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_options),
        cmocka_unit_test(test_insecure_must_be_asked_for),
        cmocka_unit_test(test_request),
        cmocka_unit_test(test_too_large_a_request_is_not_sent),
        cmocka_unit_test(test_answer),
        cmocka_unit_test(test_rows_may_be_dropped),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_bookmark_of_an_error),
        cmocka_unit_test(test_a_read_succeeds_in_the_end),
        cmocka_unit_test(test_retry_after),
        cmocka_unit_test(test_unreachable),
        cmocka_unit_test(test_deadline),
        cmocka_unit_test(test_deadline_in_the_queue),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_queue_is_bounded),
        cmocka_unit_test(test_pause),
        cmocka_unit_test(test_resume_before_the_pause),
        cmocka_unit_test(test_a_pause_reaches_the_server),
        cmocka_unit_test(test_pause_outlasts_the_time_out),
        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_too_big),
        cmocka_unit_test(test_an_endless_row),
        cmocka_unit_test(test_cancel_in_the_queue),
        cmocka_unit_test(test_cancel_of_what_was_sent),
        cmocka_unit_test(test_cancel_inside_on_row),
        cmocka_unit_test(test_cancel_while_backing_off),
        cmocka_unit_test(test_submit_inside_done),
        cmocka_unit_test(test_submit_inside_on_row),
        cmocka_unit_test(test_close),
        cmocka_unit_test(test_close_inside_done),
        cmocka_unit_test(test_failing_allocations),
        cmocka_unit_test(test_failing_allocations_at_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
