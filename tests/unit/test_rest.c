/* test_rest.c - the REST transport: what is sent, its envelope and codes. The life of a request is test_gateway.c's. */
/* LINK pgd1_d1 pgd1_base */
#include "tests/unit/remote_bench.h"

#include "d1/rest/rest.h"

#define N(table) (sizeof(table) / sizeof(*(table)))
#define ACCOUNT "0123456789abcdef0123456789abcdef"
#define DATABASE "11111111-2222-3333-4444-555555555555"
#define RESULT(rows)                                                                                                   \
    "{\"results\":{\"columns\":[\"c0\"],\"rows\":" rows "},\"success\":true,\"meta\":{\"rows_read\":4}}"
#define ANSWER(results) "{\"success\":true,\"errors\":[],\"messages\":[],\"result\":[" results "]}"
#define ERROR(code, text)                                                                                              \
    "{\"success\":false,\"errors\":[{\"code\":" #code ",\"message\":\"" text "\"}],\"messages\":[],\"result\":null}"

static struct d1 *open_rest(struct bench *b, const char *url, struct remote_options remote)
{
    char base[100];
    snprintf(base, sizeof(base), "%s/client/v4/", url);
    struct rest_options o = { str_from(base), STR(ACCOUNT), STR(DATABASE), remote };
    return rest_open(&o, b->base, clock_system(), &b->err);
}

static const struct {
    const char *rule, *base, *account, *database;
} bad_options[] = {
    { "no account", "", "", DATABASE },           { "no database", "", ACCOUNT, "" },
    { "a path as account", "", "a/b", DATABASE }, { "a question mark", "", ACCOUNT, "a?b" },
    { "a name", "", ACCOUNT, "my-app" },          { "unencrypted", "http://api.example.com", ACCOUNT, DATABASE },
};

static void test_options(void **state)
{
    (void)state;
    struct event_base *base = event_base_new();
    struct arena *arena = arena_new(1 << 20);
    struct remote_options remote = bench_options();
    remote.token = STR("t");
    struct err err;
    for (size_t i = 0; i < N(bad_options); i++) {
        struct rest_options o = { str_from(bad_options[i].base), str_from(bad_options[i].account),
                                  str_from(bad_options[i].database), remote };
        err_init(&err, arena);
        if (rest_open(&o, base, clock_system(), &err) || err.code != SQLSTATE_INVALID_PARAMETER_VALUE)
            fail_msg("%s", bad_options[i].rule);
    }
    struct rest_options good = { .account = STR(ACCOUNT), .database = STR(DATABASE), .remote = remote };
    err_init(&err, arena);
    struct d1 *d = rest_open(&good, base, clock_system(), &err);
    assert_non_null(d);
    assert_false(d->traits.bookmarks);
    assert_false(d->traits.native_values);
    d1_close(d);
    arena_free(arena);
    event_base_free(base);
}

static void test_exchange(void **state)
{
    (void)state;
    static const struct http_step steps[] = {
        { .json = ANSWER(RESULT("[[\"a\"],[1]]") "," RESULT("[[2]]") "," RESULT("[[null]]")) }
    };
    struct bench b;
    bench_init(&b, steps, 1, open_rest, bench_options());
    struct value params[] = { value_null(), value_text(STR("x")), value_real(0.5), value_integer(-7) };
    struct d1_statement s[] = { { STR("INSERT INTO t VALUES(?1,?2,?3,?4) RETURNING a AS c0"), params, 4, true },
                                { STR("SELECT 1 AS c0"), NULL, 0, false } };
    struct bench_request *q = bench_request(&b, 0, D1_WRITE);
    q->r.statements = s;
    q->r.n_statements = 2;
    q->r.session = STR("first-primary"); /* ignored: REST has none */
    d1_submit(b.d1, &q->r);
    bench_run(&b, 1);
    assert_int_equal(q->r.error.kind, D1_OK);
    assert_true(str_starts(buf_str(&b.server.head),
                           STR("POST /client/v4/accounts/" ACCOUNT "/d1/database/" DATABASE "/raw HTTP/1.1\r\n")));
    const char *want =
        "{\"batch\":[{\"sql\":\"INSERT INTO t VALUES((NULL),?1,(5.0000000000000000e-01),?2) RETURNING a AS c0\","
        "\"params\":[\"x\",\"-7\"]},{\"sql\":\"SELECT changes() AS c0\",\"params\":[]},"
        "{\"sql\":\"SELECT 1 AS c0\",\"params\":[]}]}";
    if (!str_is(buf_str(&b.server.body), want))
        fail_msg("%.*s", STR_FMT(buf_str(&b.server.body)));
    assert_true(str_is(buf_str(&q->rows), "0:ta;0:i1;1:n;"));
    assert_int_equal(q->r.results[0].changes, 2);
    assert_int_equal(q->r.results[0].rows_read, 4);
    assert_int_equal(q->r.bookmark.n, 0);
    bench_fini(&b);
}

static const struct {
    const char *rule;
    struct http_step step;
    enum d1_access access;
    enum d1_error_kind kind;
    bool may_have_run;
    unsigned round_trips;
    const char *message;
} failures[] = {
    { "SQL",
      { .status = 400, .json = ERROR(7500, "no such table: x: SQLITE_ERROR") },
      D1_WRITE,
      D1_ERROR_SQL,
      false,
      1,
      "no such table: x: SQLITE_ERROR" },
    { "a prefix is taken off",
      { .status = 400, .json = ERROR(7500, "D1_ERROR: near x: SQLITE_ERROR") },
      D1_READ,
      D1_ERROR_SQL,
      false,
      1,
      "near x" },
    { "internal, a write",
      { .status = 500, .json = ERROR(7500, "internal error; reference = x") },
      D1_WRITE,
      D1_ERROR_LOST,
      true,
      1,
      "internal" },
    { "internal, a read",
      { .status = 500, .json = ERROR(7500, "internal error; reference = x") },
      D1_READ,
      D1_ERROR_LOST,
      false,
      3,
      "internal" },
    { "overloaded",
      { .status = 429, .json = ERROR(7429, "D1 DB is overloaded. Requests queued for too long.") },
      D1_WRITE,
      D1_ERROR_OVERLOADED,
      false,
      1,
      "overloaded" },
    { "the API's limit",
      { .status = 429, .json = ERROR(971, "Please wait and consider throttling your request speed") },
      D1_WRITE,
      D1_ERROR_OVERLOADED,
      false,
      1,
      "throttling" },
    { "no such database",
      { .status = 404, .json = ERROR(7404, "The database x could not be found") },
      D1_WRITE,
      D1_ERROR_AUTH,
      false,
      1,
      "could not be found" },
    { "token",
      { .status = 403, .json = ERROR(10000, "Authentication error") },
      D1_READ,
      D1_ERROR_AUTH,
      false,
      1,
      "Authentication" },
    { "input refused",
      { .status = 400, .json = ERROR(10001, "Invalid input") },
      D1_WRITE,
      D1_ERROR_INTERNAL,
      false,
      1,
      "Invalid input" },
    { "200 without success",
      { .json = ERROR(7500, "no such table: y: SQLITE_ERROR") },
      D1_WRITE,
      D1_ERROR_SQL,
      false,
      1,
      "no such table: y" },
    { "a result without success",
      { .json = ANSWER("{\"results\":{\"columns\":[],\"rows\":[]},\"success\":false,\"meta\":{}}") },
      D1_WRITE,
      D1_ERROR_LOST,
      true,
      1,
      "REST" },
    { "a result missing", { .json = ANSWER("") }, D1_WRITE, D1_ERROR_LOST, true, 1, "REST" },
    { "one too many", { .json = ANSWER(RESULT("[]") "," RESULT("[]")) }, D1_WRITE, D1_ERROR_LOST, true, 1, "REST" },
    { "no envelope", { .json = "[]" }, D1_WRITE, D1_ERROR_LOST, true, 1, "REST" },
};

static void test_failures(void **state)
{
    (void)state;
    for (size_t i = 0; i < N(failures); i++) {
        struct bench b;
        bench_init(&b, &failures[i].step, 1, open_rest, bench_options());
        struct bench_request *q = bench_request(&b, 0, failures[i].access);
        d1_submit(b.d1, &q->r);
        bench_run(&b, 1);
        const struct d1_error *e = &q->r.error;
        if (e->kind != failures[i].kind || e->may_have_run != failures[i].may_have_run ||
            q->r.round_trips != failures[i].round_trips || str_find(e->message, str_from(failures[i].message)) < 0)
            fail_msg("%s: kind %d, may_have_run %d, %u round trips, %.*s", failures[i].rule, e->kind, e->may_have_run,
                     q->r.round_trips, STR_FMT(e->message));
        assert_false(str_starts(e->message, STR("D1_ERROR")));
        bench_fini(&b);
    }
}

static void test_counts(void **state)
{
    (void)state;
    static const struct {
        const char *rule, *json;
        enum d1_error_kind kind;
    } counts[] = {
        { "a count", ANSWER(RESULT("[]") "," RESULT("[[5]]")), D1_OK },
        { "a count that is none", ANSWER(RESULT("[]") "," RESULT("[[\"5\"]]")), D1_ERROR_LOST },
        { "two cells", ANSWER(RESULT("[]") "," RESULT("[[5,6]]")), D1_ERROR_LOST },
        { "no count", ANSWER(RESULT("[]")), D1_ERROR_LOST },
    };
    static const struct d1_statement s = { .sql = { "DELETE", 6 }, .wants_changes = true };
    for (size_t i = 0; i < N(counts); i++) {
        const struct http_step step = { .json = counts[i].json };
        struct bench b;
        bench_init(&b, &step, 1, open_rest, bench_options());
        struct bench_request *q = bench_request(&b, 0, D1_WRITE);
        q->r.statements = &s;
        d1_submit(b.d1, &q->r);
        bench_run(&b, 1);
        if (q->r.error.kind != counts[i].kind)
            fail_msg("%s: kind %d", counts[i].rule, q->r.error.kind);
        assert_int_equal(q->n_rows, 0);
        if (counts[i].kind == D1_OK)
            assert_int_equal(q->r.results[0].changes, 5);
        bench_fini(&b);
    }
}

#define B1 "00000085-0000024c-00004c6d-8e61117bf38d7adb71b934ebbf891683"
#define B2 "00000086-00000000-00004c6d-00000000000000000000000000000001"
#define FOUND(more) "{\"success\":true,\"errors\":[],\"messages\":[],\"result\":{\"bookmark\":\"" B1 "\"" more "}}"
#define RESTORED FOUND(",\"previous_bookmark\":\"" B2 "\",\"message\":\"done\"")

static const struct {
    const char *rule, *request;
    enum d1_travel travel;
    const char *to;
    int64_t at_us;
    struct http_step step;
    enum d1_error_kind kind;
    bool may_have_run;
    unsigned round_trips;
} travels[] = {
    { "now", "GET …/time_travel/bookmark HTTP", D1_FIND_BOOKMARK, "", 0, { .json = FOUND("") }, D1_OK, false, 1 },
    { "a time",
      "GET …/time_travel/bookmark?timestamp=2026-11-21T15:06:13.250Z HTTP",
      D1_FIND_BOOKMARK,
      "",
      INT64_C(1795273573250999),
      { .json = FOUND("") },
      D1_OK,
      false,
      1 },
    { "to a bookmark",
      "POST …/time_travel/restore?bookmark=" B1 " HTTP",
      D1_RESTORE,
      B1,
      0,
      { .json = RESTORED },
      D1_OK,
      false,
      1 },
    { "to a time",
      "POST …/time_travel/restore?timestamp=2026-11-21T15:06:13.000Z HTTP",
      D1_RESTORE,
      "",
      INT64_C(1795273573000000),
      { .json = RESTORED },
      D1_OK,
      false,
      1 },
    { "refused",
      "POST",
      D1_RESTORE,
      B1,
      0,
      { .status = 400, .json = ERROR(7500, "too old: x") },
      D1_ERROR_SQL,
      false,
      1 },
    { "an answer lost", "POST", D1_RESTORE, B1, 0, { .gone = true }, D1_ERROR_LOST, true, 1 },
    { "half an answer", "POST", D1_RESTORE, B1, 0, { .json = RESTORED, .cut = 30 }, D1_ERROR_LOST, true, 1 },
    { "no bookmark in it", "POST", D1_RESTORE, B1, 0, { .json = FOUND("") }, D1_ERROR_LOST, true, 1 },
    { "a look is repeated", "GET", D1_FIND_BOOKMARK, "", 0, { .gone = true }, D1_ERROR_LOST, false, 3 },
};

static void check_travel(size_t i, const struct bench *b, const struct d1_request *r)
{
    const struct d1_error *e = &r->error;
    char *request = NULL;
    const char *dots = strstr(travels[i].request, "…");
    size_t method = dots ? (size_t)(dots - travels[i].request) : strlen(travels[i].request);
    assert_true(asprintf(&request, "%.*s%s%s", (int)method, travels[i].request,
                         dots ? "/client/v4/accounts/" ACCOUNT "/d1/database/" DATABASE : "",
                         dots ? dots + strlen("…") : "") > 0);
    if (!str_starts(buf_str(&b->server.head), str_from(request)))
        fail_msg("%s: %.*s", travels[i].rule, STR_FMT(buf_str(&b->server.head)));
    free(request);
    assert_int_equal(b->server.body.n, 0);
    if (e->kind != travels[i].kind || e->may_have_run != travels[i].may_have_run ||
        r->round_trips != travels[i].round_trips || b->server.requests != travels[i].round_trips)
        fail_msg("%s: kind %d, may_have_run %d, %u round trips, %.*s", travels[i].rule, e->kind, e->may_have_run,
                 r->round_trips, STR_FMT(e->message));
    if (e->kind == D1_OK) {
        assert_true(str_is(r->bookmark, B1));
        assert_true(str_is(r->previous, r->travel == D1_RESTORE ? B2 : ""));
    }
}

static void test_travels(void **state)
{
    (void)state;
    for (size_t i = 0; i < N(travels); i++) {
        struct bench b;
        bench_init(&b, &travels[i].step, 1, open_rest, bench_options());
        struct bench_request *q = bench_request(&b, 0, travels[i].travel == D1_RESTORE ? D1_WRITE : D1_READ);
        q->r.statements = NULL;
        q->r.n_statements = 0;
        q->r.travel = travels[i].travel;
        q->r.to_bookmark = str_from(travels[i].to);
        q->r.at_us = travels[i].at_us;
        d1_submit(b.d1, &q->r);
        bench_run(&b, 1);
        check_travel(i, &b, &q->r);
        bench_fini(&b);
    }
}

/* libcurl would send a POST without a body once more when the connection it kept turns out to be dead. */
static void test_a_restore_takes_a_connection_of_its_own(void **state)
{
    (void)state;
    static const struct http_step steps[] = { { .json = FOUND("") }, { .gone = true }, { .json = RESTORED } };
    struct bench b;
    bench_init(&b, steps, N(steps), open_rest, bench_options());
    for (unsigned i = 0; i < 2; i++) {
        struct bench_request *q = bench_request(&b, i, i ? D1_WRITE : D1_READ);
        q->r.n_statements = 0;
        q->r.travel = i ? D1_RESTORE : D1_FIND_BOOKMARK;
        q->r.to_bookmark = i ? STR(B1) : STR("");
        d1_submit(b.d1, &q->r);
        bench_run(&b, i + 1);
    }
    assert_int_equal(b.requests[1].r.error.kind, D1_ERROR_LOST);
    assert_true(b.requests[1].r.error.may_have_run);
    assert_int_equal(b.server.requests, 2);
    bench_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options),  cmocka_unit_test(test_exchange),
        cmocka_unit_test(test_failures), cmocka_unit_test(test_counts),
        cmocka_unit_test(test_travels),  cmocka_unit_test(test_a_restore_takes_a_connection_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
