/* test_http.c - the HTTP client by itself: connections, repetition, flow control, ends. */
/* LINK pgd1_d1 pgd1_base */
#include "tests/unit/http_server.h"

#include <dlfcn.h>
#include <netdb.h>
#include <unistd.h>
#include "d1/http/http.h"
#include "proxy/base/clock.h"

enum { MANY = 20 };

struct bench {
    struct event_base *base;
    struct http_server server;
    struct http_client *client;
    struct arena *arena;
    struct err err;
    unsigned ended;
    struct call {
        struct http_call c;
        struct bench *b;
        struct buf answer;
        size_t holds; /* on_body answers HELD that many times */
        bool refuses, over;
    } calls[MANY];
};

static bool open_client(struct bench *b, const char *url, unsigned max_connections)
{
    struct http_options o = {
        .url = str_from(url), .token = STR("s3cret"), .max_connections = max_connections, .connect_timeout_us = 2000000
    };
    b->client = http_client_new(&o, b->base, &b->err);
    return b->client;
}

static void bench_init(struct bench *b, const struct http_step *steps, size_t n, unsigned max_connections)
{
    char url[64];
    *b = (struct bench){ .base = event_base_new(), .arena = arena_new(1 << 20) };
    err_init(&b->err, b->arena);
    http_server_start(&b->server, b->base, steps, n);
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/v1/batch", b->server.port);
    assert_true(open_client(b, url, max_connections));
    for (size_t i = 0; i < MANY; i++)
        buf_init(&b->calls[i].answer, 1 << 24);
}

static void bench_fini(struct bench *b)
{
    http_client_free(b->client);
    http_server_stop(&b->server);
    for (size_t i = 0; i < MANY; i++)
        buf_fini(&b->calls[i].answer);
    arena_free(b->arena);
    event_base_free(b->base);
}

static enum http_body on_body(struct http_call *c, struct str bytes)
{
    struct call *k = c->user;
    if (k->refuses)
        return HTTP_BODY_REFUSED;
    if (k->holds) {
        k->holds--;
        return HTTP_BODY_HELD;
    }
    buf_add_str(&k->answer, bytes);
    return HTTP_BODY_TAKEN;
}

static void on_end(struct http_call *c)
{
    struct call *k = c->user;
    k->over = true;
    k->b->ended++;
}

static struct call *start(struct bench *b, size_t i, bool repeatable)
{
    struct call *k = &b->calls[i];
    k->b = b;
    k->over = false;
    buf_reset(&k->answer);
    k->c = (struct http_call){
        .body = STR("{}"), .repeatable = repeatable, .on_body = on_body, .on_end = on_end, .user = k
    };
    http_start(b->client, &k->c);
    assert_false(k->over);
    return k;
}

static void run_until(struct bench *b, unsigned ended)
{
    while (b->ended < ended)
        assert_int_equal(event_base_loop(b->base, EVLOOP_ONCE), 0);
}

/* Lets the loop run for a while. */
static void run_ms(struct bench *b, long ms)
{
    struct timeval tv = { ms / 1000, ms % 1000 * 1000 };
    event_base_loopexit(b->base, &tv);
    event_base_dispatch(b->base);
}

/* ---- addresses ---- */

static const struct {
    const char *rule, *url;
    bool ok;
} urls[] = {
    { "https", "https://gateway.example.dev/x", true },
    { "loopback", "http://127.0.0.1:8787", true },
    { "the whole of 127", "http://127.9.8.7", true },
    { "localhost", "http://localhost:1", true },
    { "IPv6's loopback", "http://[::1]:1", true },
    { "unencrypted", "http://gateway.example.dev", false },
    { "a name that begins as loopback", "http://127.0.0.1.example.dev", false },
    { "localhost as a part", "http://localhost.example.dev", false },
    { "another scheme", "ftp://127.0.0.1", false },
    { "a file", "file:///etc/passwd", false },
    { "no scheme", "gateway.example.dev", false },
    { "a user name", "https://user:password@example.dev", false },
    { "a line break", "https://example.dev/\r\nX: y", false },
    { "nothing", "", false },
};

static void test_addresses(void **state)
{
    (void)state;
    struct bench b = { .base = event_base_new(), .arena = arena_new(1 << 20) };
    for (size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++) {
        err_init(&b.err, b.arena);
        if (open_client(&b, urls[i].url, 1) != urls[i].ok)
            fail_msg("%s: %s", urls[i].rule, urls[i].url);
        assert_int_equal(b.err.code, urls[i].ok ? SQLSTATE_SUCCESSFUL_COMPLETION : SQLSTATE_INVALID_PARAMETER_VALUE);
        http_client_free(b.client);
    }
    arena_free(b.arena);
    event_base_free(b.base);
}

static void test_tokens(void **state)
{
    (void)state;
    static const struct {
        struct str token;
        bool ok;
    } tokens[] = { { STR_INIT("abc-_.~+/="), true }, { STR_INIT(""), false },    { STR_INIT("a b"), false },
                   { STR_INIT("a\r\nX: y"), false }, { STR_INIT("a\n"), false }, { STR_INIT("a\0b"), false },
                   { STR_INIT("\xc3\xa9"), false } };
    struct event_base *base = event_base_new();
    struct arena *arena = arena_new(1 << 20);
    for (size_t i = 0; i < sizeof(tokens) / sizeof(*tokens); i++) {
        struct err err;
        err_init(&err, arena);
        struct http_options o = { .url = STR("https://example.dev"), .token = tokens[i].token, .max_connections = 1 };
        struct http_client *h = http_client_new(&o, base, &err);
        assert_int_equal(h != NULL, tokens[i].ok);
        http_client_free(h);
    }
    arena_free(arena);
    event_base_free(base);
}

/* ---- one exchange ---- */

static void test_exchange(void **state)
{
    (void)state;
    static const struct http_step steps[] = { { .status = 201, .json = "{\"a\":1}", .headers = "Retry-After: 7\r\n" } };
    struct bench b;
    bench_init(&b, steps, 1, 2);
    struct call *k = start(&b, 0, true);
    run_until(&b, 1);
    assert_int_equal(k->c.end, HTTP_ANSWERED);
    assert_int_equal(k->c.status, 201);
    assert_true(k->c.sent);
    assert_true(k->c.is_json);
    assert_int_equal(k->c.retry_after_us, 7000000);
    assert_true(str_is(buf_str(&k->answer), "{\"a\":1}"));
    struct str head = buf_str(&b.server.head);
    assert_true(str_starts(head, STR("POST /v1/batch HTTP/1.1\r\n")));
    assert_true(str_find(head, STR("\r\nAuthorization: Bearer s3cret\r\n")) > 0);
    assert_true(str_find(head, STR("\r\nContent-Type: application/json\r\n")) > 0);
    assert_true(str_find(head, STR("Expect:")) < 0);
    assert_true(str_is(buf_str(&b.server.body), "{}"));
    bench_fini(&b);
}

static void test_connections_are_kept(void **state)
{
    (void)state;
    static const struct http_step steps[] = { { .json = "{}" } };
    struct bench b;
    bench_init(&b, steps, 1, 4);
    for (unsigned i = 0; i < 10; i++) {
        start(&b, 0, i % 2);
        run_until(&b, i + 1);
    }
    assert_int_equal(b.server.requests, 10);
    assert_int_equal(b.server.connections, 1);
    bench_fini(&b);
}

static void test_connections_are_bounded(void **state)
{
    (void)state;
    static const struct http_step steps[] = { { .json = "{}", .delay_ms = 5 } };
    struct bench b;
    bench_init(&b, steps, 1, 3);
    for (size_t i = 0; i < MANY; i++)
        start(&b, i, true);
    run_until(&b, MANY);
    assert_int_equal(b.server.requests, MANY);
    assert_int_equal(b.server.most_open, 3);
    bench_fini(&b);
}

/* ---- a connection that died ---- */

/* The second request goes on a kept connection, is read by the server, and the connection ends without an answer. libcurl
 * would send it again: a read may, a write must not. */
static void test_a_post_is_not_repeated(void **state)
{
    (void)state;
    static const struct http_step steps[] = { { .json = "{}" }, { .gone = true }, { .json = "{\"again\":true}" } };
    for (int repeatable = 0; repeatable < 2; repeatable++) {
        struct bench b;
        bench_init(&b, steps, 3, 2);
        start(&b, 0, true);
        run_until(&b, 1);
        struct call *k = start(&b, 1, repeatable);
        run_until(&b, 2);
        assert_int_equal(k->c.end, repeatable ? HTTP_ANSWERED : HTTP_LOST);
        assert_true(k->c.sent);
        run_ms(&b, 50);
        assert_int_equal(b.server.requests, repeatable ? 3 : 2);
        bench_fini(&b);
    }
}

static const struct {
    const char *rule;
    struct http_step step;
} lost[] = {
    { "closed without answer", { .gone = true } },
    { "half a body", { .json = "{\"a\":\"0123456789\"}", .cut = 5 } },
    { "bad header", { .json = "{}", .headers = "Content-Length: x\r\n", .closes = true } },
};

static void test_lost(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(lost) / sizeof(*lost); i++) {
        struct bench b;
        bench_init(&b, &lost[i].step, 1, 1);
        struct call *k = start(&b, 0, false);
        run_until(&b, 1);
        if (k->c.end != HTTP_LOST || !k->c.sent || !k->c.reason[0])
            fail_msg("%s: end %d, %s", lost[i].rule, k->c.end, k->c.reason);
        assert_int_equal(b.server.requests, 1);
        bench_fini(&b);
    }
}

static void test_unreachable(void **state)
{
    (void)state;
    static const struct http_step steps[] = { { .json = "{}" } };
    struct bench b;
    bench_init(&b, steps, 1, 1);
    evconnlistener_free(b.server.listener);
    b.server.listener = NULL;
    struct call *k = start(&b, 0, false);
    run_until(&b, 1);
    assert_int_equal(k->c.end, HTTP_UNREACHABLE);
    assert_false(k->c.sent);
    assert_true(k->c.reason[0]);
    bench_fini(&b);
}

static void test_redirects_are_not_followed(void **state)
{
    (void)state;
    static const struct http_step steps[] = { { .status = 302, .headers = "Location: /elsewhere\r\n" } };
    struct bench b;
    bench_init(&b, steps, 1, 1);
    struct call *k = start(&b, 0, true);
    run_until(&b, 1);
    assert_int_equal(k->c.status, 302);
    assert_int_equal(b.server.requests, 1);
    bench_fini(&b);
}

/* ---- flow control ---- */

static char *large_text(size_t n)
{
    char *p = malloc(n + 1);
    assert_non_null(p);
    memset(p, 'x', n);
    p[n] = '\0';
    return p;
}

static void test_held_bytes_come_again(void **state)
{
    (void)state;
    enum { SIZE = 8 << 20 };
    char *text = large_text(SIZE);
    const struct http_step steps[] = { { .json = text } };
    struct bench b;
    bench_init(&b, steps, 1, 1);
    struct call *k = &b.calls[0];
    k->holds = 1;
    start(&b, 0, true);
    run_ms(&b, 200);
    assert_int_equal(k->holds, 0);
    assert_int_equal(k->answer.n, 0);
    assert_false(k->over);
    /* what is not read stays with the server */
    assert_true(evbuffer_get_length(bufferevent_get_output(b.server.peers->bev)) > SIZE / 4);
    k->holds = 1; /* and once more inside http_resume() */
    http_resume(&k->c);
    run_ms(&b, 50);
    assert_int_equal(k->answer.n, 0);
    http_resume(&k->c);
    run_until(&b, 1);
    assert_int_equal(k->c.end, HTTP_ANSWERED);
    assert_int_equal(k->answer.n, SIZE);
    bench_fini(&b);
    free(text);
}

static void test_refused(void **state)
{
    (void)state;
    static const struct http_step steps[] = { { .json = "{\"a\":1}" } };
    for (int held = 0; held < 2; held++) {
        struct bench b;
        bench_init(&b, steps, 1, 1);
        struct call *k = &b.calls[0];
        k->holds = (size_t)held;
        k->refuses = !held;
        start(&b, 0, true);
        if (held) { /* refused inside http_resume() */
            run_ms(&b, 50);
            k->refuses = true;
            http_resume(&k->c);
            assert_false(k->over);
        }
        run_until(&b, 1);
        assert_int_equal(k->c.end, HTTP_REFUSED);
        bench_fini(&b);
    }
}

static void test_abort(void **state)
{
    (void)state;
    static const struct http_step steps[] = { { .silent = true } };
    struct bench b;
    bench_init(&b, steps, 1, 1);
    struct call *k = start(&b, 0, false);
    run_ms(&b, 50);
    assert_int_equal(b.server.open, 1);
    http_abort(&k->c);
    assert_true(k->c.sent);
    http_abort(&k->c); /* no effect */
    run_ms(&b, 50);
    assert_int_equal(b.server.open, 0);
    assert_false(k->over);
    struct call *unsent = start(&b, 1, false);
    http_abort(&unsent->c);
    assert_false(unsent->c.sent);
    bench_fini(&b);
}

/* ---- names ---- */

enum { SLOW_US = 700000 };

/* In place of libc's, for libcurl too: one name takes long. */
int getaddrinfo(const char *restrict name, const char *restrict service, const struct addrinfo *restrict hints,
                struct addrinfo **restrict ret)
{
    typedef int resolver(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    if (!name || strcmp(name, "slow.invalid") != 0) {
        resolver *libc = NULL;
        *(void **)&libc = dlsym(RTLD_NEXT, "getaddrinfo");
        return libc(name, service, hints, ret);
    }
    usleep(SLOW_US);
    return EAI_NONAME;
}

/* A name server that does not answer must stop neither the loop nor the end of a call. */
static void test_names_do_not_block(void **state)
{
    (void)state;
    struct bench b = { .base = event_base_new(), .arena = arena_new(1 << 20) };
    err_init(&b.err, b.arena);
    assert_true(open_client(&b, "https://slow.invalid/", 1));
    uint64_t begin = clock_monotonic_us(clock_system());
    struct call *k = start(&b, 0, true);
    run_ms(&b, 50);
    assert_false(k->over);
    http_abort(&k->c);
    start(&b, 1, true);
    run_ms(&b, 50);
    http_client_free(b.client);
    assert_true(clock_monotonic_us(clock_system()) - begin < SLOW_US / 2);
    usleep(SLOW_US + 100000); /* libcurl's threads end by themselves */
    arena_free(b.arena);
    event_base_free(b.base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_exchange),
        cmocka_unit_test(test_connections_are_kept),
        cmocka_unit_test(test_connections_are_bounded),
        cmocka_unit_test(test_a_post_is_not_repeated),
        cmocka_unit_test(test_lost),
        cmocka_unit_test(test_unreachable),
        cmocka_unit_test(test_redirects_are_not_followed),
        cmocka_unit_test(test_held_bytes_come_again),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_abort),
        cmocka_unit_test(test_names_do_not_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
