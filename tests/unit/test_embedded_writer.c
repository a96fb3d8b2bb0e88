/* LINK pgd1_d1 pgd1_base */
/* test_embedded_writer.c - group commit: one sync for many batches, and each batch its own fate. */
#include "tests/unit/test_embedded.h"

#include <pthread.h>
#include <sqlite3.h>

enum { BATCHES = 60 };

static sqlite3 *raw_open(struct database *db)
{
    sqlite3 *raw;
    assert_int_equal(sqlite3_open(db->path, &raw), SQLITE_OK);
    return raw;
}

static void raw_exec(sqlite3 *raw, const char *sql)
{
    char *text = NULL;
    if (sqlite3_exec(raw, sql, NULL, NULL, &text) != SQLITE_OK)
        fail_msg("%s: %s", sql, text);
}

/* Frames of the log that end a transaction: their header's second word is the size of the database afterwards
 * (https://www.sqlite.org/fileformat2.html#walformat). Only frames of the current salt count. */
static size_t commits_in_log(struct database *db)
{
    enum { HEADER = 32, FRAME_HEADER = 24, PAGE = 4096 };
    static unsigned char frame[FRAME_HEADER + PAGE], header[HEADER];
    char path[128];
    snprintf(path, sizeof(path), "%s-wal", db->path);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    size_t n = 0;
    assert_int_equal(fread(header, 1, HEADER, f), HEADER);
    while (fread(frame, 1, sizeof(frame), f) == sizeof(frame) && memcmp(frame + 8, header + 16, 8) == 0)
        n += memcmp(frame + 4, "\0\0\0\0", 4) != 0;
    fclose(f);
    return n;
}

/* Submits while another connection holds the lock, so that all of them are one group. */
struct group {
    struct database db;
    sqlite3 *raw;
    size_t n;
    struct answer answers[BATCHES];
    struct d1_statement statements[BATCHES][3];
    struct value params[BATCHES];
    size_t commits;
};

static void group_init(struct group *g, const char *const *schema)
{
    *g = (struct group){ 0 };
    database_init(&g->db, NULL);
    for (; *schema; schema++)
        must_write(&g->db, *schema);
    g->raw = raw_open(&g->db);
    g->commits = commits_in_log(&g->db);
    raw_exec(g->raw, "BEGIN IMMEDIATE");
}

static struct answer *group_add(struct group *g, const char *first, const char *second)
{
    struct answer *a = &g->answers[g->n];
    struct d1_statement *s = g->statements[g->n];
    s[0] = (struct d1_statement){ .sql = str_from(first), .wants_changes = true };
    s[1] = (struct d1_statement){ .sql = str_from(second), .wants_changes = true };
    answer_init(a, &g->db, D1_WRITE, s, second ? 2 : 1);
    answer_submit(a);
    g->n++;
    return a;
}

static void group_commit(struct group *g)
{
    turn_loop(&g->db, 5);
    for (size_t i = 0; i < g->n; i++)
        assert_int_equal(g->answers[i].n_done, 0);
    raw_exec(g->raw, "ROLLBACK");
    for (size_t i = 0; i < g->n; i++)
        answer_wait(&g->answers[i]);
    g->commits = commits_in_log(&g->db) - g->commits;
}

static void group_fini(struct group *g)
{
    for (size_t i = 0; i < g->n; i++)
        answer_fini(&g->answers[i]);
    sqlite3_close(g->raw);
    database_fini(&g->db);
}

static void assert_answer(const struct answer *a, const char *error)
{
    if (!error && !a->ok)
        fail_msg("%s", a->error);
    if (error)
        assert_string_equal(a->error, error);
    assert_int_equal(a->ok, !error);
}

static const char *const plain[] = { "CREATE TABLE t(a INTEGER PRIMARY KEY, b)", NULL };

static void waiting_batches_share_one_commit(void **state)
{
    (void)state;
    static struct group g;
    group_init(&g, plain);
    for (int i = 0; i < BATCHES; i++)
        group_add(&g, "INSERT INTO t(b) VALUES (1) RETURNING a", NULL);
    group_commit(&g);
    for (int i = 0; i < BATCHES; i++) {
        char rows[16];
        snprintf(rows, sizeof(rows), "i%d;", i + 1);
        assert_answer(&g.answers[i], NULL);
        assert_string_equal(answer_rows(&g.answers[i]), rows); /* in the order of submission */
        assert_int_equal(g.answers[i].request.results[0].changes, 1);
    }
    assert_in_range(g.commits, 1, BATCHES / 10); /* one, unless the machine is so slow that the group's time is over */
    group_fini(&g);
}

static void a_failing_batch_takes_only_itself_back(void **state)
{
    (void)state;
    static struct group g;
    group_init(&g, plain);
    for (int i = 0; i < 30; i++) {
        if (i % 3 == 1)
            group_add(&g, "INSERT INTO t(b) VALUES (2)", "INSERT INTO t VALUES (1, 0)");
        else
            group_add(&g, "INSERT INTO t(b) VALUES (1)", "SELECT 1");
    }
    group_commit(&g);
    for (int i = 0; i < 30; i++)
        assert_answer(&g.answers[i],
                      i % 3 == 1
                          ? "UNIQUE constraint failed: t.a: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_PRIMARYKEY)"
                          : NULL);
    assert_in_range(g.commits, 1, 5);
    must_read(&g.db, "SELECT b, count(*) FROM t GROUP BY b", "i1|i20;");
    group_fini(&g);
}

static void the_first_batch_may_be_the_failing_one(void **state)
{
    (void)state;
    static struct group g;
    group_init(&g, plain);
    group_add(&g, "INSERT INTO t(b) VALUES (2)", "SELECT missing");
    group_add(&g, "INSERT INTO t(b) VALUES (2)", "SELECT missing");
    group_add(&g, "INSERT INTO t(b) VALUES (1)", NULL);
    group_commit(&g);
    assert_answer(&g.answers[0], "no such column: missing at offset 7: SQLITE_ERROR");
    assert_answer(&g.answers[1], "no such column: missing at offset 7: SQLITE_ERROR");
    assert_answer(&g.answers[2], NULL);
    must_read(&g.db, "SELECT b FROM t", "i1;");
    group_fini(&g);
}

static void only_failures_commit_nothing(void **state)
{
    (void)state;
    static struct group g;
    group_init(&g, plain);
    for (int i = 0; i < 5; i++)
        group_add(&g, "INSERT INTO t(b) VALUES (2)", "SELECT missing");
    group_commit(&g);
    assert_int_equal(g.commits, 0);
    must_read(&g.db, "SELECT count(*) FROM t", "i0;");
    must_write(&g.db, "INSERT INTO t(b) VALUES (1)");
    group_fini(&g);
}

static void a_deferred_foreign_key_stops_its_own_batch(void **state)
{
    (void)state;
    static const char *const schema[] = {
        "CREATE TABLE p(a INTEGER PRIMARY KEY)",
        "CREATE TABLE c(x INTEGER REFERENCES p(a) DEFERRABLE INITIALLY DEFERRED)",
        "CREATE TABLE d(x INTEGER REFERENCES p(a))",
        NULL,
    };
    static const char *const error =
        "FOREIGN KEY constraint failed: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_FOREIGNKEY)";
    static struct group g;
    group_init(&g, schema);
    group_add(&g, "INSERT INTO p VALUES (1)", NULL);
    group_add(&g, "INSERT INTO c VALUES (2)", NULL);
    group_add(&g, "INSERT INTO c VALUES (3)", "INSERT INTO p VALUES (3)");
    group_add(&g, "PRAGMA defer_foreign_keys=on", "INSERT INTO d VALUES (4)");
    group_add(&g, "INSERT INTO d VALUES (5)", "INSERT INTO p VALUES (5)"); /* not deferred any more */
    group_add(&g, "INSERT INTO p VALUES (2)", NULL);                       /* too late for the second batch */
    group_commit(&g);
    static const bool fails[] = { false, true, false, true, true, false };
    for (size_t i = 0; i < 6; i++)
        assert_answer(&g.answers[i], fails[i] ? error : NULL);
    must_read(&g.db, "SELECT group_concat(a ORDER BY a) FROM p", "t1,2,3;");
    must_read(&g.db, "SELECT x FROM c UNION ALL SELECT x FROM d", "i3;");
    group_fini(&g);
}

/* What rolls back the whole transaction must not take the neighbours with it: they run once more. */
static void a_rollback_of_everything_spares_the_others(void **state)
{
    (void)state;
    static const char *const schema[] = {
        "CREATE TABLE t(a INTEGER PRIMARY KEY, b)",
        "INSERT INTO t VALUES (1, 0)",
        "CREATE TRIGGER g BEFORE INSERT ON t WHEN NEW.b = 99 BEGIN SELECT RAISE(ROLLBACK, 'no 99'); END",
        NULL,
    };
    static struct group g;
    group_init(&g, schema);
    for (int i = 0; i < 12; i++) {
        if (i == 4)
            group_add(&g, "INSERT INTO t(b) VALUES (5)", "INSERT INTO t(b) VALUES (99)");
        else if (i == 8)
            group_add(&g, "INSERT INTO t(b) VALUES (5)", "INSERT OR ROLLBACK INTO t VALUES (1, 1)");
        else
            group_add(&g, "UPDATE t SET b = b + 1 WHERE a = 1 RETURNING b", NULL);
    }
    group_commit(&g);
    for (int i = 0, n = 0; i < 12; i++) {
        char rows[16];
        if (i == 4) {
            assert_answer(&g.answers[i], "no 99: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_TRIGGER)");
        } else if (i == 8) {
            assert_answer(&g.answers[i],
                          "UNIQUE constraint failed: t.a: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_PRIMARYKEY)");
        } else {
            assert_answer(&g.answers[i], NULL);
            snprintf(rows, sizeof(rows), "i%d;", ++n);
            assert_string_equal(answer_rows(&g.answers[i]), rows);
            assert_int_equal(g.answers[i].request.results[0].changes, 1);
        }
    }
    must_read(&g.db, "SELECT a, b FROM t", "i1|i10;");
    group_fini(&g);
}

static void a_cancelled_batch_spares_the_others(void **state)
{
    (void)state;
    static struct group g;
    group_init(&g, plain);
    group_add(&g, "INSERT INTO t(b) VALUES (1)", NULL);
    struct answer *endless = group_add(
        &g, "INSERT INTO t(b) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
        NULL);
    group_add(&g, "INSERT INTO t(b) VALUES (3)", NULL);
    raw_exec(g.raw, "ROLLBACK");
    turn_loop(&g.db, 50);
    assert_int_equal(endless->n_done, 0);
    d1_cancel(g.db.d1, &endless->request);
    for (size_t i = 0; i < 3; i++)
        answer_wait(&g.answers[i]);
    assert_answer(&g.answers[0], NULL);
    assert_answer(endless, "cancelled");
    assert_answer(&g.answers[2], NULL);
    must_read(&g.db, "SELECT b FROM t ORDER BY a", "i1;i3;");
    group_fini(&g);
}

static void ddl_of_a_failing_batch_is_taken_back(void **state)
{
    (void)state;
    static struct group g;
    group_init(&g, plain);
    group_add(&g, "CREATE TABLE n1(a)", "INSERT INTO n1 VALUES (1)");
    group_add(&g, "CREATE TABLE n2(a)", "SELECT missing");
    group_add(&g, "ALTER TABLE t ADD COLUMN c DEFAULT 3", "SELECT missing");
    group_add(&g, "INSERT INTO t(b) VALUES (1)", "SELECT * FROM t");
    group_add(&g, "CREATE TABLE n2(a)", "INSERT INTO n2 VALUES (2)");
    group_commit(&g);
    assert_true(g.answers[0].ok && !g.answers[1].ok && !g.answers[2].ok);
    assert_string_equal(answer_rows(&g.answers[3]), "\ni1|i1;");
    assert_answer(&g.answers[4], NULL);
    must_read(&g.db, "SELECT n1.a, n2.a FROM n1, n2", "i1|i2;");
    group_fini(&g);
}

static void pragmas_do_not_reach_the_next_batch_of_the_group(void **state)
{
    (void)state;
    static struct group g;
    group_init(&g, plain);
    group_add(&g, "PRAGMA ignore_check_constraints=on", "SELECT missing");
    group_add(&g, "PRAGMA ignore_check_constraints", NULL);
    group_add(&g, "PRAGMA case_sensitive_like=on", "SELECT 'a' LIKE 'A'");
    group_add(&g, "SELECT 'a' LIKE 'A'", NULL);
    group_commit(&g);
    assert_string_equal(answer_rows(&g.answers[1]), "i0;");
    assert_string_equal(answer_rows(&g.answers[2]), "\ni0;");
    assert_string_equal(answer_rows(&g.answers[3]), "i1;");
    group_fini(&g);
}

/* Two threads, each its own loop; every tenth batch fails. What was acknowledged is there, nothing else. */
struct thread {
    struct database db;
    int id;
    pthread_t pthread;
    size_t ok, failed;
};

static void *write_many(void *user)
{
    struct thread *t = user;
    t->db.base = event_base_new();
    t->db.arena = arena_new(64 << 20);
    database_open(&t->db);
    enum { ROUNDS = 40, WIDTH = 16 };
    for (int i = 0; i < ROUNDS; i++) {
        static _Thread_local struct answer a[WIDTH];
        struct d1_statement s[WIDTH][2];
        struct value v[WIDTH];
        for (int j = 0; j < WIDTH; j++) {
            v[j] = value_integer(t->id * 1000000 + i * 1000 + j);
            s[j][0] =
                (struct d1_statement){ .sql = STR("INSERT INTO t(a) VALUES (?1)"), .params = &v[j], .n_params = 1 };
            s[j][1] = (struct d1_statement){ .sql = j % 10 == 9 ? STR("SELECT missing") : STR("SELECT 1") };
            answer_init(&a[j], &t->db, D1_WRITE, s[j], 2);
            answer_submit(&a[j]);
        }
        for (int j = 0; j < WIDTH; j++) {
            answer_wait(&a[j]);
            t->ok += a[j].ok;
            t->failed += !a[j].ok;
            answer_fini(&a[j]);
        }
        arena_reset(t->db.arena);
    }
    d1_close(t->db.d1);
    event_base_free(t->db.base);
    arena_free(t->db.arena);
    return NULL;
}

static void two_threads_write_at_once(void **state)
{
    (void)state;
    struct database db;
    database_init(&db, NULL);
    must_write(&db, "CREATE TABLE t(a INTEGER PRIMARY KEY)");
    static struct thread threads[2];
    for (int i = 0; i < 2; i++) {
        threads[i] = (struct thread){ .db = db, .id = i + 1 };
        assert_int_equal(pthread_create(&threads[i].pthread, NULL, write_many, &threads[i]), 0);
    }
    size_t ok = 0, failed = 0;
    for (int i = 0; i < 2; i++) {
        pthread_join(threads[i].pthread, NULL);
        ok += threads[i].ok;
        failed += threads[i].failed;
    }
    assert_int_equal(ok, 2 * 40 * 15);
    assert_int_equal(failed, 2 * 40);
    must_read(&db, "SELECT count(*), sum(a % 10 = 9) FROM t", "i1200|i0;");
    database_fini(&db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waiting_batches_share_one_commit),
        cmocka_unit_test(a_failing_batch_takes_only_itself_back),
        cmocka_unit_test(the_first_batch_may_be_the_failing_one),
        cmocka_unit_test(only_failures_commit_nothing),
        cmocka_unit_test(a_deferred_foreign_key_stops_its_own_batch),
        cmocka_unit_test(a_rollback_of_everything_spares_the_others),
        cmocka_unit_test(a_cancelled_batch_spares_the_others),
        cmocka_unit_test(ddl_of_a_failing_batch_is_taken_back),
        cmocka_unit_test(pragmas_do_not_reach_the_next_batch_of_the_group),
        cmocka_unit_test(two_threads_write_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
