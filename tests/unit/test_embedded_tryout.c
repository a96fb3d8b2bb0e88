/* LINK pgd1_d1 pgd1_base */
/* test_embedded_tryout.c - batches that are taken back: at once on the loop's thread, else by the writer; the answers are the same. */
#include "tests/unit/test_embedded.h"

#include <sqlite3.h>
#include "d1/embedded/errors.h"

#define FAILS "SELECT json_extract('{}', '!no')"
static const char failure[] = "bad JSON path: '!no': SQLITE_ERROR";

struct tryout {
    struct answer answer;
    struct d1_statement statements[40];
};

static void submit(struct tryout *t, struct database *db, const char *const *texts)
{
    size_t n = 0;
    for (; texts[n]; n++)
        t->statements[n] = (struct d1_statement){ .sql = str_from(texts[n]), .wants_changes = true };
    answer_init(&t->answer, db, D1_TRYOUT, t->statements, n);
    answer_submit(&t->answer);
}

/* The writer may still be going to sleep, then it has it: some tries. */
static bool answers_in_one_turn(struct database *db, const char *const *texts)
{
    struct tryout t;
    bool at_once = false;
    for (int i = 0; i < 50 && !at_once; i++) {
        usleep(1000);
        submit(&t, db, texts);
        event_base_loop(db->base, EVLOOP_NONBLOCK);
        at_once = t.answer.n_done && db->d1->counters.queued == 0;
        answer_wait(&t.answer);
        answer_fini(&t.answer);
    }
    return at_once;
}

static sqlite3 *raw_open(struct database *db)
{
    sqlite3 *raw;
    assert_int_equal(sqlite3_open(db->path, &raw), SQLITE_OK);
    sqlite3_busy_timeout(raw, 10000);
    return raw;
}

static void raw_exec(sqlite3 *raw, const char *sql)
{
    char *text = NULL;
    if (sqlite3_exec(raw, sql, NULL, NULL, &text) != SQLITE_OK)
        fail_msg("%s: %s", sql, text);
}

static void make(struct database *db)
{
    database_init(db, NULL);
    must_write(db, "CREATE TABLE p(a INTEGER PRIMARY KEY, b TEXT CHECK (b <> 'bad'))");
    must_write(db, "CREATE TABLE c(x INTEGER REFERENCES p(a) DEFERRABLE INITIALLY DEFERRED)");
    must_write(db, "CREATE TABLE d(x INTEGER REFERENCES p(a))");
    must_write(db, "CREATE TRIGGER g BEFORE INSERT ON p WHEN NEW.a = 99 BEGIN SELECT RAISE(ROLLBACK, 'no 99'); END");
    must_write(db, "INSERT INTO p VALUES (1, 'one')");
}

#define TEXTS(...) ((const char *const[]){ __VA_ARGS__, NULL })
static const struct {
    const char *rule, *texts[6], *error, *rows;
    size_t failed;
} cases[] = {
    { "what ran before the member that fails is told",
      { "INSERT INTO p VALUES (2, 'two') RETURNING a, b", "SELECT count(*) FROM p", FAILS },
      failure,
      "i2|ttwo;\ni2;",
      3 },
    { "a member may fail before the last",
      { "INSERT INTO p VALUES (2, 'two') RETURNING a", "INSERT INTO p VALUES (1, 'again')", FAILS },
      "UNIQUE constraint failed: p.a: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_PRIMARYKEY)",
      "i2;",
      2 },
    { "it is compiled like any other",
      { "SELECT missing", FAILS },
      "no such column: missing at offset 7: SQLITE_ERROR",
      "",
      1 },
    { "a key that is not deferred is told at once",
      { "INSERT INTO d VALUES (7)", FAILS },
      "FOREIGN KEY constraint failed: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_FOREIGNKEY)",
      "",
      1 },
    { "a deferred key would be told at the end", { "INSERT INTO c VALUES (7)", FAILS }, failure, "", 2 },
    { "and is, where there is one",
      { "INSERT INTO c VALUES (7) RETURNING x" },
      "FOREIGN KEY constraint failed: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_FOREIGNKEY)",
      "i7;",
      2 },
    { "keys are deferred for this batch only",
      { "PRAGMA defer_foreign_keys=on", "INSERT INTO d VALUES (7)", FAILS },
      failure,
      "",
      3 },
    { "checks are off for this batch only",
      { "PRAGMA ignore_check_constraints=on", "INSERT INTO p VALUES (2, 'bad')", FAILS },
      failure,
      "",
      3 },
    { "so is what LIKE means", { "PRAGMA case_sensitive_like=on", "SELECT 'a' LIKE 'A'", FAILS }, failure, "\ni0;", 3 },
    { "DDL is taken back",
      { "CREATE TABLE n(a)", "INSERT INTO n VALUES (1)", "ALTER TABLE p ADD COLUMN z DEFAULT 3", "SELECT z FROM p",
        FAILS },
      failure,
      "\n\n\ni3;",
      5 },
    { "the transaction may be gone already",
      { "INSERT INTO p VALUES (3, 'x')", "INSERT INTO p VALUES (99, 'x')", FAILS },
      "no 99: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_TRIGGER)",
      "",
      2 },
    { "parameters are counted", { "SELECT ?1", FAILS }, "Wrong number of parameter bindings for SQL query.", "", 1 },
    { "transactions are not the batch's", { "COMMIT", FAILS }, EMB_NO_TRANSACTION, "", 1 },
};

static void must_be_untouched(struct database *db)
{
    must_read(db, "SELECT group_concat(a), group_concat(b) FROM p", "t1|tone;");
    must_read(db, "SELECT (SELECT count(*) FROM c), (SELECT count(*) FROM d)", "i0|i0;");
    must_read(db, "SELECT count(*) FROM sqlite_schema WHERE name = 'n'", "i0;");
    must_read(db, "SELECT count(*) FROM pragma_table_info('p')", "i2;");
}

/* In three states of the writer: idle; somebody has the file's lock for a while; a write stands before it in the queue. */
static void run_case(struct database *db, size_t i, int how)
{
    struct tryout t;
    struct answer write;
    struct d1_statement s = { .sql = STR("UPDATE p SET b = b") };
    sqlite3 *raw = how ? raw_open(db) : NULL;
    if (raw)
        raw_exec(raw, "BEGIN IMMEDIATE");
    if (how == 2) {
        answer_init(&write, db, D1_WRITE, &s, 1);
        answer_submit(&write);
    }
    submit(&t, db, cases[i].texts);
    if (raw) {
        turn_loop(db, 3);
        assert_int_equal(t.answer.n_done, 0);
        raw_exec(raw, "ROLLBACK");
    }
    answer_wait(&t.answer);
    if (how == 2) {
        answer_wait(&write);
        assert_true(write.ok);
        answer_fini(&write);
    }
    if (strcmp(t.answer.error, cases[i].error) != 0)
        fail_msg("%s (%d): %s", cases[i].rule, how, t.answer.error);
    if (strcmp(answer_rows(&t.answer), cases[i].rows) != 0)
        fail_msg("%s (%d): %s", cases[i].rule, how, answer_rows(&t.answer));
    assert_int_equal(t.answer.request.error.kind, D1_ERROR_SQL);
    assert_int_equal(t.answer.request.error.failed, cases[i].failed);
    assert_int_equal(t.answer.request.round_trips, 1);
    if (i == 0)
        assert_int_equal(t.answer.request.results[0].changes, 1);
    answer_fini(&t.answer);
    if (raw)
        sqlite3_close(raw);
    must_be_untouched(db);
}

static void the_answer_is_the_same_wherever_it_runs(void **state)
{
    (void)state;
    struct database db;
    make(&db);
    for (int how = 0; how < 3; how++)
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
            run_case(&db, i, how);
    struct answer a;
    run_one(&a, &db, D1_WRITE, STR("INSERT INTO d VALUES (7)")); /* no pragma is left */
    assert_false(a.ok);
    answer_fini(&a);
    run_one(&a, &db, D1_WRITE, STR("INSERT INTO p VALUES (5, 'bad')"));
    assert_false(a.ok);
    answer_fini(&a);
    database_fini(&db);
}

static void it_runs_on_the_turn_behind_submit(void **state)
{
    (void)state;
    struct database db;
    make(&db);
    assert_true(answers_in_one_turn(&db, TEXTS("INSERT INTO p VALUES (2, 'two') RETURNING a", FAILS)));
    must_be_untouched(&db);
    database_fini(&db);
}

/* It sees what was acknowledged before, its own connection's writes and another's. */
static void it_sees_what_is_committed(void **state)
{
    (void)state;
    struct database db;
    make(&db);
    sqlite3 *raw = raw_open(&db);
    for (int i = 2; i < 40; i++) {
        char sql[80], want[32];
        struct tryout t;
        snprintf(sql, sizeof(sql), "INSERT INTO p VALUES (%d, 'x')", i);
        if (i % 2)
            must_write(&db, sql);
        else
            raw_exec(raw, sql);
        submit(&t, &db, TEXTS("SELECT max(a) FROM p", FAILS));
        answer_wait(&t.answer);
        snprintf(want, sizeof(want), "i%d;", i);
        assert_string_equal(answer_rows(&t.answer), want);
        answer_fini(&t.answer);
    }
    sqlite3_close(raw);
    database_fini(&db);
}

/* Too many steps, rows or statements for a loop's thread: the writer does it, and what is short goes on being tried at once. */
static void what_is_long_is_the_writers(void **state)
{
    (void)state;
    static const char *const rows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000) "
                                    "SELECT i, 'sixteen letters.' FROM n";
    struct database db;
    make(&db);
    struct tryout t;
    for (int i = 0; i < 70; i++) { /* again and again: it is known to be long, and tried now and then */
        submit(&t, &db, TEXTS("INSERT INTO p VALUES (2, 'two') RETURNING a", rows, FAILS));
        answer_wait(&t.answer);
        assert_string_equal(t.answer.error, failure);
        assert_int_equal(t.answer.n_rows, 30001);
        assert_int_equal(t.answer.request.error.failed, 3);
        answer_fini(&t.answer);
    }
    const char *many[41] = { NULL };
    for (int i = 0; i < 40; i++)
        many[i] = i < 39 ? "UPDATE p SET b = b || 'x' RETURNING length(b)" : FAILS;
    submit(&t, &db, many);
    answer_wait(&t.answer);
    assert_int_equal(t.answer.request.error.failed, 40);
    assert_int_equal(t.answer.n_rows, 39);
    answer_fini(&t.answer);
    must_be_untouched(&db);
    assert_true(answers_in_one_turn(&db, TEXTS("UPDATE p SET b = 'x'", FAILS)));
    database_fini(&db);
}

/* A batch that does not fail is the writer's: nothing else commits. */
static void one_that_works_is_committed_once(void **state)
{
    (void)state;
    struct database db;
    make(&db);
    struct tryout t;
    submit(&t, &db, TEXTS("INSERT INTO p VALUES (2, 'two') RETURNING a"));
    answer_wait(&t.answer);
    assert_true(t.answer.ok);
    assert_string_equal(answer_rows(&t.answer), "i2;");
    answer_fini(&t.answer);
    must_read(&db, "SELECT group_concat(a) FROM p", "t1,2;");
    database_fini(&db);
}

static void it_can_be_cancelled_or_late(void **state)
{
    (void)state;
    static const char *const endless =
        "INSERT INTO p(a) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
    struct database db;
    make(&db);
    struct tryout t;
    submit(&t, &db, TEXTS("INSERT INTO p VALUES (2, 'two') RETURNING a", FAILS));
    d1_cancel(db.d1, &t.answer.request); /* before its turn */
    assert_int_equal(t.answer.n_done, 0);
    answer_wait(&t.answer);
    assert_int_equal(t.answer.request.error.kind, D1_ERROR_CANCELLED);
    assert_string_equal(answer_rows(&t.answer), "");
    answer_fini(&t.answer);
    submit(&t, &db, TEXTS("INSERT INTO p VALUES (2, 'two') RETURNING a", endless, FAILS));
    turn_loop(&db, 20);
    assert_int_equal(t.answer.n_done, 0); /* the writer has it */
    d1_cancel(db.d1, &t.answer.request);
    answer_wait(&t.answer);
    assert_int_equal(t.answer.request.error.kind, D1_ERROR_CANCELLED);
    assert_string_equal(answer_rows(&t.answer), "");
    answer_fini(&t.answer);
    for (int late = 0; late < 2; late++) {
        struct d1_statement s[] = { { .sql = str_from(late ? "SELECT 1" : endless) }, { .sql = STR(FAILS) } };
        answer_init(&t.answer, &db, D1_TRYOUT, s, 2);
        t.answer.request.deadline_us = clock_monotonic_us(clock_system()) + (late ? 0 : 30000);
        usleep(late ? 1000 : 0);
        answer_submit(&t.answer);
        answer_wait(&t.answer);
        assert_int_equal(t.answer.request.error.kind, D1_ERROR_DEADLINE);
        answer_fini(&t.answer);
    }
    must_be_untouched(&db);
    database_fini(&db);
}

static void rows_pause_and_stop(void **state)
{
    (void)state;
    struct database db;
    make(&db);
    struct tryout t = { 0 };
    struct d1_statement s[] = { { .sql = STR("INSERT INTO p VALUES (2, 'b'), (3, 'c'), (4, 'd') RETURNING a") },
                                { .sql = STR(FAILS) } };
    for (int stops = 0; stops < 2; stops++) {
        answer_init(&t.answer, &db, D1_TRYOUT, s, 2);
        *(stops ? &t.answer.stop_after : &t.answer.pause_after) = 2;
        answer_submit(&t.answer);
        if (!stops) {
            turn_loop(&db, 5);
            assert_int_equal(t.answer.n_rows, 2);
            assert_int_equal(t.answer.n_done, 0);
            d1_resume(db.d1, &t.answer.request);
        }
        answer_wait(&t.answer);
        assert_string_equal(answer_rows(&t.answer), stops ? "i2;i3;" : "i2;i3;i4;");
        assert_string_equal(t.answer.error, failure);
        answer_fini(&t.answer);
    }
    database_fini(&db);
}

static void closing_ends_those_that_wait(void **state)
{
    (void)state;
    struct database db;
    make(&db);
    struct tryout t[3];
    for (int i = 0; i < 3; i++)
        submit(&t[i], &db, TEXTS("INSERT INTO p VALUES (2, 'two')", FAILS));
    d1_close(db.d1);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(t[i].answer.n_done, 1);
        assert_int_equal(t[i].answer.request.error.kind, D1_ERROR_CANCELLED);
        answer_fini(&t[i].answer);
    }
    database_open(&db);
    must_be_untouched(&db);
    database_fini(&db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_answer_is_the_same_wherever_it_runs),
        cmocka_unit_test(it_runs_on_the_turn_behind_submit),
        cmocka_unit_test(it_sees_what_is_committed),
        cmocka_unit_test(what_is_long_is_the_writers),
        cmocka_unit_test(one_that_works_is_committed_once),
        cmocka_unit_test(it_can_be_cancelled_or_late),
        cmocka_unit_test(rows_pause_and_stop),
        cmocka_unit_test(closing_ends_those_that_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
