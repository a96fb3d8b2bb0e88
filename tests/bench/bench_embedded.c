/*
 * bench_embedded.c - how fast the embedded transport alone is: closed-loop clients on a few event loops.
 *
 *   bench_embedded read|insert|mixed SECONDS CLIENTS THREADS FILE
 *
 * read: SELECT of one row by primary key out of 100,000. insert: one-row INSERT, each its own batch, acknowledged after
 * the sync. mixed: nine reads, one insert. Prints requests per second and the mean time of a request.
 */
#include <event2/event.h>
#include <pthread.h>
#include <unistd.h>
#include "d1/embedded/embedded.h"

enum { ROWS = 100000, CLIENTS_MAX = 1024, THREADS_MAX = 16 };

enum mode { MODE_READ, MODE_INSERT, MODE_MIXED };

struct loop;

struct client {
    struct loop *loop;
    struct d1_request request;
    struct d1_statement statement;
    struct value params[2];
    uint64_t random;
    size_t requests;
};

struct loop {
    struct embedded_stores *stores;
    const char *path;
    enum mode mode;
    uint64_t until_us;
    size_t n_clients, running, requests, rows, failed;
    struct d1 *d1;
    struct event_base *base;
    struct client clients[CLIENTS_MAX];
};

static void submit(struct client *c);

static enum d1_flow on_row(struct d1_request *r, size_t statement, const struct value *cells, size_t n_cells)
{
    (void)statement, (void)cells, (void)n_cells;
    struct client *c = r->user;
    c->loop->rows++;
    return D1_CONTINUE;
}

static void on_done(struct d1_request *r)
{
    struct client *c = r->user;
    c->loop->requests++;
    if (r->error.kind != D1_OK && c->loop->failed++ == 0)
        fprintf(stderr, "%.*s\n", STR_FMT(r->error.message));
    arena_reset(r->arena);
    if (clock_monotonic_us(clock_system()) < c->loop->until_us)
        submit(c);
    else if (--c->loop->running == 0)
        event_base_loopbreak(c->loop->base);
}

static uint64_t next_random(struct client *c)
{
    c->random ^= c->random << 13;
    c->random ^= c->random >> 7;
    c->random ^= c->random << 17;
    return c->random;
}

static void submit(struct client *c)
{
    bool insert = c->loop->mode == MODE_INSERT || (c->loop->mode == MODE_MIXED && c->requests % 10 == 9);
    c->requests++;
    c->params[0] = value_integer((int64_t)(next_random(c) % ROWS) + 1);
    c->params[1] = value_text(STR("a few words of text, as rows have"));
    c->statement = (struct d1_statement){
        .sql = insert ? STR("INSERT INTO log(account, words) VALUES (?1, ?2)")
                      : STR("SELECT abalance FROM accounts WHERE aid = ?1"),
        .params = c->params,
        .n_params = insert ? 2 : 1,
        .wants_changes = insert,
    };
    c->request.access = insert ? D1_WRITE : D1_READ;
    c->request.deadline_us = clock_monotonic_us(clock_system()) + 30000000;
    d1_submit(c->loop->d1, &c->request);
}

static void *run_loop(void *user)
{
    struct loop *l = user;
    l->base = event_base_new();
    struct arena *arena = arena_new(65536);
    struct err err;
    err_init(&err, arena);
    struct embedded_options o = { .path = str_from(l->path) };
    l->d1 = embedded_open(l->stores, &o, l->base, &err);
    if (!l->d1) {
        fprintf(stderr, "%.*s\n", STR_FMT(err.message));
        exit(1);
    }
    l->running = l->n_clients;
    for (size_t i = 0; i < l->n_clients; i++) {
        struct client *c = &l->clients[i];
        c->loop = l;
        c->random = 88172645463325252u + i * 977 + (uint64_t)(uintptr_t)l;
        c->request = (struct d1_request){
            .statements = &c->statement,
            .n_statements = 1,
            .on_row = on_row,
            .done = on_done,
            .user = c,
            .arena = arena_new(65536),
        };
        submit(c);
    }
    event_base_dispatch(l->base);
    d1_close(l->d1);
    for (size_t i = 0; i < l->n_clients; i++)
        arena_free(l->clients[i].request.arena);
    arena_free(arena);
    event_base_free(l->base);
    return NULL;
}

/* The tables, by one batch through the transport itself. */
static void setup_done(struct d1_request *r)
{
    if (r->error.kind != D1_OK)
        fprintf(stderr, "%.*s\n", STR_FMT(r->error.message));
    event_base_loopbreak(r->user);
}

static void set_up(struct embedded_stores *stores, const char *path)
{
    static const struct d1_statement statements[] = {
        { .sql = STR_INIT("CREATE TABLE IF NOT EXISTS accounts(aid INTEGER PRIMARY KEY, bid INTEGER, abalance INTEGER, "
                          "filler TEXT)") },
        { .sql = STR_INIT("CREATE TABLE IF NOT EXISTS log(id INTEGER PRIMARY KEY, account INTEGER, words TEXT)") },
        { .sql =
              STR_INIT("INSERT OR IGNORE INTO accounts WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
                       "WHERE i < 100000) SELECT i, 1, 0, printf('%84s', '') FROM n") },
    };
    struct event_base *base = event_base_new();
    struct arena *arena = arena_new(65536);
    struct err err;
    err_init(&err, arena);
    struct embedded_options o = { .path = str_from(path) };
    struct d1 *d = embedded_open(stores, &o, base, &err);
    if (!d) {
        fprintf(stderr, "%.*s\n", STR_FMT(err.message));
        exit(1);
    }
    struct d1_request r = { .statements = statements,
                            .n_statements = 3,
                            .access = D1_WRITE,
                            .done = setup_done,
                            .user = base,
                            .arena = arena };
    d1_submit(d, &r);
    event_base_dispatch(base);
    d1_close(d);
    arena_free(arena);
    event_base_free(base);
}

int main(int argc, char **argv)
{
    if (argc != 6) {
        fprintf(stderr, "usage: bench_embedded read|insert|mixed SECONDS CLIENTS THREADS FILE\n");
        return 2;
    }
    enum mode mode = strcmp(argv[1], "read") == 0     ? MODE_READ
                     : strcmp(argv[1], "insert") == 0 ? MODE_INSERT
                                                      : MODE_MIXED;
    unsigned long seconds = strtoul(argv[2], NULL, 10), clients = strtoul(argv[3], NULL, 10);
    unsigned long threads = strtoul(argv[4], NULL, 10);
    if (clients < 1 || clients > CLIENTS_MAX || threads < 1 || threads > THREADS_MAX)
        return 2;
    struct embedded_stores *stores = embedded_stores_new();
    set_up(stores, argv[5]);
    struct loop *loops = calloc(threads, sizeof(*loops));
    pthread_t ids[THREADS_MAX];
    uint64_t start = clock_monotonic_us(clock_system());
    for (size_t i = 0; loops && i < threads; i++) {
        loops[i].stores = stores;
        loops[i].path = argv[5];
        loops[i].mode = mode;
        loops[i].until_us = start + seconds * 1000000;
        loops[i].n_clients = clients / threads + (i < clients % threads);
        pthread_create(&ids[i], NULL, run_loop, &loops[i]);
    }
    size_t requests = 0, failed = 0;
    for (size_t i = 0; loops && i < threads; i++) {
        pthread_join(ids[i], NULL);
        requests += loops[i].requests;
        failed += loops[i].failed;
    }
    double took = (double)(clock_monotonic_us(clock_system()) - start) / 1e6;
    printf("%s: %.0f requests/s, %.1f us each per client, %zu failed\n", argv[1], (double)requests / took,
           took * 1e6 * (double)clients / (double)requests, failed);
    free(loops);
    embedded_stores_free(stores);
    return failed != 0;
}
