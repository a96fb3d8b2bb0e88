/* LINK pgd1_d1 pgd1_base */
/*
 * test_embedded_threads.c - everything at once on several threads: short and long reads, slow clients, writes, cancels,
 * deadlines, opening and closing. Meant for ThreadSanitizer; under any build it checks that sums stay right.
 */
#include "tests/unit/test_embedded.h"

#include <pthread.h>

enum { THREADS = 3, CLIENTS = 12, ROUNDS = 40, ACCOUNTS = 10 };

static const struct {
    enum d1_access access;
    struct str sql;
    bool may_fail;
} kinds[] = {
    { D1_READ, STR_INIT("SELECT sum(n) FROM accounts"), false },
    { D1_WRITE,
      STR_INIT("UPDATE accounts SET n = n + CASE id WHEN 1 THEN 1 WHEN 2 THEN -1 ELSE 0 END WHERE id < 3 RETURNING n"),
      false },
    { D1_READ,
      STR_INIT(
          "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) SELECT i, 'text' FROM n"),
      false },
    { D1_WRITE, STR_INIT("INSERT INTO accounts VALUES (1, 1)"), true },
    { D1_READ, STR_INIT("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"),
      true },
    { D1_READ, STR_INIT("SELECT n FROM accounts WHERE id = 5"), false },
    { D1_WRITE, STR_INIT("INSERT INTO log SELECT n FROM accounts WHERE id = 1"), false },
    { D1_WRITE,
      STR_INIT("UPDATE accounts SET n = n WHERE id = (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
               "SELECT count(*) FROM n)"),
      true },
    { D1_TRYOUT, STR_INIT("UPDATE accounts SET n = n + 7 WHERE id < 5 RETURNING n"), true },
    { D1_TRYOUT, STR_INIT("INSERT INTO accounts VALUES (1, 1)"), true },
};
enum { KINDS = sizeof(kinds) / sizeof(*kinds) };

struct client {
    struct answer answer;
    struct d1_statement statements[2]; /* the second fails: of tryouts */
    size_t kind;
};

struct worker {
    struct database db;
    pthread_t pthread;
    unsigned seed;
    struct client clients[CLIENTS];
    size_t n_ok, n_failed, wrong;
};

static void start(struct worker *w, struct client *c)
{
    c->kind = (size_t)rand_r(&w->seed) % KINDS;
    c->statements[0] = (struct d1_statement){ .sql = kinds[c->kind].sql, .wants_changes = true };
    c->statements[1] = (struct d1_statement){ .sql = STR("SELECT missing") };
    answer_init(&c->answer, &w->db, kinds[c->kind].access, c->statements, kinds[c->kind].access == D1_TRYOUT ? 2 : 1);
    if (rand_r(&w->seed) % 3 == 0)
        c->answer.pause_after = 1 + (size_t)rand_r(&w->seed) % 3;
    if (kinds[c->kind].may_fail)
        c->answer.request.deadline_us = clock_monotonic_us(clock_system()) + 2000 + (unsigned)rand_r(&w->seed) % 5000;
    answer_submit(&c->answer);
}

static void stir(struct worker *w)
{
    for (int i = 0; i < 3; i++)
        event_base_loop(w->db.base, EVLOOP_NONBLOCK);
    for (size_t i = 0; i < CLIENTS; i++) {
        struct answer *a = &w->clients[i].answer;
        if (!a->n_done && rand_r(&w->seed) % 4 == 0)
            d1_resume(w->db.d1, &a->request);
        else if (!a->n_done && kinds[w->clients[i].kind].may_fail && rand_r(&w->seed) % 4 == 0)
            d1_cancel(w->db.d1, &a->request);
    }
}

static void finish(struct worker *w, struct client *c)
{
    while (!c->answer.n_done) {
        for (size_t i = 0; i < CLIENTS; i++) /* those who pause may hold all of the pool's connections */
            if (!w->clients[i].answer.n_done)
                d1_resume(w->db.d1, &w->clients[i].answer.request);
        event_base_loop(w->db.base, EVLOOP_ONCE);
    }
    w->wrong += c->answer.n_done != 1 || (!c->answer.ok && !kinds[c->kind].may_fail);
    if (c->kind == 0 && strcmp(answer_rows(&c->answer), "i1000;") != 0)
        w->wrong++; /* money was made or lost */
    if (c->kind == 2 && c->answer.n_rows != 20000)
        w->wrong++;
    if (c->answer.ok)
        w->n_ok++;
    else
        w->n_failed++;
    answer_fini(&c->answer);
}

static void *work(void *user)
{
    struct worker *w = user;
    w->db.base = event_base_new();
    w->db.arena = arena_new(64 << 20);
    for (int round = 0; round < ROUNDS; round++) {
        if (round % 20 == 0) {
            d1_close(w->db.d1);
            database_open(&w->db);
        }
        for (size_t i = 0; i < CLIENTS; i++)
            start(w, &w->clients[i]);
        stir(w);
        stir(w);
        for (size_t i = 0; i < CLIENTS; i++)
            finish(w, &w->clients[i]);
        arena_reset(w->db.arena);
    }
    d1_close(w->db.d1);
    event_base_free(w->db.base);
    arena_free(w->db.arena);
    return NULL;
}

static void threads_share_a_file_without_harm(void **state)
{
    (void)state;
    struct database db;
    struct embedded_options o = { .read_steps = 20000, .pool_connections = 3 };
    database_init(&db, &o);
    must_write(&db, "CREATE TABLE accounts(id INTEGER PRIMARY KEY, n INTEGER)");
    must_write(&db, "CREATE TABLE log(n)");
    must_write(&db, "INSERT INTO accounts SELECT value, 100 FROM json_each('[1,2,3,4,5,6,7,8,9,10]')");
    static struct worker workers[THREADS];
    for (size_t i = 0; i < THREADS; i++) {
        workers[i].db = db;
        workers[i].db.d1 = NULL;
        workers[i].seed = 99 + (unsigned)i;
        assert_int_equal(pthread_create(&workers[i].pthread, NULL, work, &workers[i]), 0);
    }
    size_t ok = 0, failed = 0;
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(workers[i].pthread, NULL);
        assert_int_equal(workers[i].wrong, 0);
        ok += workers[i].n_ok;
        failed += workers[i].n_failed;
    }
    print_message("%zu ended well, %zu failed as they should\n", ok, failed);
    assert_int_equal(ok + failed, THREADS * CLIENTS * ROUNDS);
    assert_true(failed > 0);
    must_read(&db, "SELECT sum(n) FROM accounts", "i1000;");
    database_fini(&db);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(threads_share_a_file_without_harm) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
