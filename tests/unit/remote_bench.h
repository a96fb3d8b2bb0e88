/*
 * remote_bench.h - a remote transport before the scripted server, and requests whose rows and ends are told as text.
 *
 * Owns     all of it, from bench_init() to bench_fini().
 */
#ifndef PGD1_TESTS_REMOTE_BENCH_H
#define PGD1_TESTS_REMOTE_BENCH_H

#include "tests/unit/http_server.h"

#include <inttypes.h>
#include "d1/http/remote.h"

enum { BENCH_REQUESTS = 8 };

struct bench {
    struct event_base *base;
    struct http_server server;
    struct d1 *d1;
    struct err err;
    struct arena *arena;
    unsigned ended;
    struct bench_request {
        struct d1_request r;
        struct bench *b;
        struct buf rows; /* "statement:cell,cell;" */
        unsigned n_rows, done;
        enum d1_flow flow;                       /* what on_row answers */
        void (*during)(struct bench_request *q); /* called in on_row */
        void (*after)(struct bench_request *q);  /* called in done */
    } requests[BENCH_REQUESTS];
};

/* Opens b->d1 on the server's address. */
typedef struct d1 *bench_open(struct bench *b, const char *url, struct remote_options remote);

static inline void bench_init(struct bench *b, const struct http_step *steps, size_t n, bench_open *open,
                              struct remote_options remote)
{
    char url[64];
    *b = (struct bench){ .base = event_base_new(), .arena = arena_new(64 << 20) };
    err_init(&b->err, b->arena);
    http_server_start(&b->server, b->base, steps, n);
    snprintf(url, sizeof(url), "http://127.0.0.1:%u", b->server.port);
    remote.token = STR("t0ken");
    b->d1 = open(b, url, remote);
    assert_non_null(b->d1);
    for (size_t i = 0; i < BENCH_REQUESTS; i++)
        buf_init(&b->requests[i].rows, 1 << 20);
}

static inline void bench_fini(struct bench *b)
{
    d1_close(b->d1);
    http_server_stop(&b->server);
    for (size_t i = 0; i < BENCH_REQUESTS; i++)
        buf_fini(&b->requests[i].rows);
    arena_free(b->arena);
    event_base_free(b->base);
}

static inline void bench_tell(struct buf *out, const struct value *v)
{
    switch (v->class) {
    case VALUE_NULL:
        buf_add_char(out, 'n');
        return;
    case VALUE_INTEGER:
        buf_printf(out, "i%" PRId64, v->integer);
        return;
    case VALUE_REAL:
        buf_printf(out, "r%.17g", v->real);
        return;
    case VALUE_TEXT:
        buf_printf(out, "t%.*s", STR_FMT(v->bytes));
        return;
    case VALUE_BLOB:
        buf_add_char(out, 'b');
        for (size_t i = 0; i < v->bytes.n; i++)
            buf_printf(out, "%02x", (unsigned char)v->bytes.p[i]);
        return;
    }
}

static inline enum d1_flow bench_row(struct d1_request *r, size_t statement, const struct value *cells, size_t n)
{
    struct bench_request *q = r->user;
    assert_int_equal(q->done, 0);
    q->n_rows++;
    buf_printf(&q->rows, "%zu:", statement);
    for (size_t i = 0; i < n; i++) {
        if (i)
            buf_add_char(&q->rows, ',');
        bench_tell(&q->rows, &cells[i]);
    }
    buf_add_char(&q->rows, ';');
    if (q->during)
        q->during(q);
    return q->flow;
}

static inline void bench_done(struct d1_request *r)
{
    struct bench_request *q = r->user;
    q->done++;
    q->b->ended++;
    assert_int_equal(q->done, 1);
    if (q->after)
        q->after(q);
}

/* The i-th request, one statement without parameters unless changed before d1_submit(). */
static inline struct bench_request *bench_request(struct bench *b, size_t i, enum d1_access access)
{
    static const struct d1_statement select_1 = { .sql = { "SELECT 1 AS c0", 14 } };
    struct bench_request *q = &b->requests[i];
    struct buf rows = q->rows;
    buf_reset(&rows);
    *q = (struct bench_request){
        .b = b,
        .rows = rows,
        .r = { .statements = &select_1,
               .n_statements = 1,
               .access = access,
               .on_row = bench_row,
               .done = bench_done,
               .user = q,
               .arena = b->arena },
    };
    return q;
}

static inline void bench_run(struct bench *b, unsigned ended)
{
    while (b->ended < ended)
        assert_int_equal(event_base_loop(b->base, EVLOOP_ONCE), 0);
}

static inline void bench_run_ms(struct bench *b, long ms)
{
    struct timeval tv = { ms / 1000, ms % 1000 * 1000 };
    event_base_loopexit(b->base, &tv);
    event_base_dispatch(b->base);
}

/* No waits between attempts, so that tests are quick. */
static inline struct remote_options bench_options(void)
{
    struct remote_options o = remote_options_default();
    o.retry = (struct retry_policy){ .max_attempts = 3, .base_us = 1000, .max_us = 1000 };
    return o;
}

#endif
