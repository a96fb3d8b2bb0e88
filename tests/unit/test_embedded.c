/* LINK pgd1_d1 pgd1_base */
/* test_embedded.c - the transport's contract (d1.h) on the embedded database. */
#include "tests/unit/test_embedded.h"

#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include "proxy/base/fault.h"

/* A query that computes for a long time, and one that never ends by itself. */
#define SLOW "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) SELECT count(*) FROM n"
#define ENDLESS "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
#define MANY_ROWS                                                                                                      \
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000) SELECT i, 'a row of some "       \
    "length' FROM n"

static uint64_t now_us(void)
{
    return clock_monotonic_us(clock_system());
}

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

static void assert_kind(const struct answer *a, enum d1_error_kind kind)
{
    if (a->request.error.kind != kind)
        fail_msg("kind %d, expected %d: %s", (int)a->request.error.kind, (int)kind, a->error);
}

static void the_traits_are_stated(void **state)
{
    (void)state;
    struct database db;
    database_init(&db, NULL);
    const struct d1_traits *t = &db.d1->traits;
    assert_string_equal(t->name, "embedded");
    assert_true(t->native_values && !t->bookmarks && t->in_process);
    assert_int_equal(t->max_statement_bytes, 100000);
    assert_int_equal(t->max_params, 100);
    database_fini(&db);
}

static void a_new_file_belongs_to_its_owner(void **state)
{
    (void)state;
    struct database db;
    database_init(&db, NULL);
    struct stat file;
    assert_int_equal(stat(db.path, &file), 0);
    assert_int_equal(file.st_mode & 0777, 0600);
    must_write(&db, "CREATE TABLE t(a)");
    char wal[128];
    snprintf(wal, sizeof(wal), "%s-wal", db.path);
    assert_int_equal(stat(wal, &file), 0);
    assert_int_equal(file.st_mode & 0777, 0600);
    database_fini(&db);
}

static void opening_fails_with_a_reason(void **state)
{
    (void)state;
    struct database db;
    database_init(&db, NULL);
    char other[128];
    snprintf(other, sizeof(other), "%s/no-database", db.folder);
    FILE *f = fopen(other, "w");
    assert_non_null(f);
    for (int i = 0; i < 1000; i++)
        fputs("this is not a database ", f);
    fclose(f);
    const struct {
        const char *path;
        enum sqlstate code;
    } cases[] = {
        { "/no/such/folder/d", SQLSTATE_UNDEFINED_FILE },
        { db.folder, SQLSTATE_IO_ERROR },
        { other, SQLSTATE_IO_ERROR },
        { "", SQLSTATE_UNDEFINED_FILE },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct err err = test_err(&db);
        struct embedded_options o = { .path = str_from(cases[i].path) };
        assert_null(embedded_open(db.stores, &o, db.base, &err));
        assert_int_equal(err.code, cases[i].code);
        assert_true(err.message.n > 0);
    }
    unlink(other);
    database_fini(&db);
}

static void rows_come_before_done_and_on_a_later_turn(void **state)
{
    (void)state;
    struct database db;
    database_init(&db, NULL);
    must_write(&db, "CREATE TABLE t(a)");
    must_write(&db, "INSERT INTO t VALUES (1),(2)");
    must_read(&db, "SELECT a FROM t", "i1;i2;");
    must_read(&db, "SELECT a FROM t WHERE 0", "");
    assert_int_equal(db.d1->counters.requests, 4);
    assert_int_equal(db.d1->counters.round_trips, 4);
    assert_int_equal(db.d1->counters.rows, 2);
    assert_int_equal(db.d1->counters.in_flight, 0);
    assert_int_equal(db.d1->counters.queued, 0);
    database_fini(&db);
}

static void results_tell_the_changes(void **state)
{
    (void)state;
    struct database db;
    database_init(&db, NULL);
    must_write(&db, "CREATE TABLE t(a)");
    const struct d1_statement batch[] = {
        { .sql = STR_INIT("INSERT INTO t VALUES (1),(2),(3)"), .wants_changes = true },
        { .sql = STR_INIT("SELECT 1") },
        { .sql = STR_INIT("DELETE FROM t WHERE a > 1"), .wants_changes = true },
    };
    struct answer a;
    answer_init(&a, &db, D1_WRITE, batch, 3);
    answer_submit(&a);
    answer_wait(&a);
    assert_true(a.ok);
    assert_int_equal(a.request.results[0].changes, 3);
    assert_int_equal(a.request.results[1].changes, 0);
    assert_int_equal(a.request.results[2].changes, 2);
    assert_int_equal(a.request.round_trips, 1);
    answer_fini(&a);
    run_one(&a, &db, D1_WRITE, STR("INSERT INTO missing VALUES (1)"));
    assert_kind(&a, D1_ERROR_SQL);
    assert_int_equal(a.request.error.failed, 1);
    answer_fini(&a);
    database_fini(&db);
}

static void pause_and_resume(struct database *db, enum d1_access access, const char *sql, size_t rows, size_t after)
{
    struct d1_statement s = { .sql = str_from(sql) };
    struct answer a;
    answer_init(&a, db, access, &s, 1);
    a.pause_after = after;
    answer_submit(&a);
    for (uint64_t until = now_us() + 20000000; a.n_rows < after && now_us() < until;)
        turn_loop(db, 1);
    turn_loop(db, 20);
    assert_int_equal(a.n_rows, after);
    assert_int_equal(a.n_done, 0);
    d1_resume(db->d1, &a.request);
    answer_wait(&a);
    assert_true(a.ok);
    assert_int_equal(a.n_rows, rows);
    answer_fini(&a);
}

static void a_paused_request_gives_nothing_until_it_is_resumed(void **state)
{
    (void)state;
    struct database db;
    database_init(&db, NULL);
    must_write(&db, "CREATE TABLE t(a)");
    pause_and_resume(&db, D1_READ, "VALUES (1),(2),(3),(4),(5)", 5, 2);
    pause_and_resume(&db, D1_READ, "VALUES (1),(2),(3),(4),(5)", 5, 5);
    pause_and_resume(&db, D1_READ, MANY_ROWS, 200000, 3);
    pause_and_resume(&db, D1_READ, MANY_ROWS, 200000, 100000);
    pause_and_resume(&db, D1_WRITE, "INSERT INTO t VALUES (1),(2),(3) RETURNING a", 3, 1);
    database_fini(&db);
}

static void paused_requests_do_not_stop_others(void **state)
{
    (void)state;
    struct embedded_options o = { .pool_threads = 1 };
    struct database db;
    database_init(&db, &o);
    enum { N = 8 };
    struct answer a[N];
    struct d1_statement s = { .sql = STR(MANY_ROWS) };
    for (size_t i = 0; i < N; i++) {
        answer_init(&a[i], &db, D1_READ, &s, 1);
        a[i].pause_after = 10;
        answer_submit(&a[i]);
    }
    for (uint64_t until = now_us() + 20000000; a[N - 1].n_rows < 10 && now_us() < until;)
        turn_loop(&db, 1);
    must_read(&db, "SELECT 1", "i1;");
    must_read(&db, SLOW, "i300000;");
    must_write(&db, "CREATE TABLE t(a)");
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(a[i].n_rows, 10);
        d1_resume(db.d1, &a[i].request);
    }
    for (size_t i = 0; i < N; i++) {
        answer_wait(&a[i]);
        assert_true(a[i].ok);
        assert_int_equal(a[i].n_rows, 200000);
        answer_fini(&a[i]);
    }
    database_fini(&db);
}

static void stop_ends_a_read_and_drops_a_writes_rows(void **state)
{
    (void)state;
    struct database db;
    database_init(&db, NULL);
    must_write(&db, "CREATE TABLE t(a)");
    const struct {
        enum d1_access access;
        const char *sql;
        enum d1_error_kind kind;
    } cases[] = {
        { D1_READ, "VALUES (1),(2),(3)", D1_ERROR_CANCELLED },
        { D1_READ, MANY_ROWS, D1_ERROR_CANCELLED },
        { D1_WRITE, "INSERT INTO t VALUES (1),(2),(3) RETURNING a", D1_OK },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct d1_statement s = { .sql = str_from(cases[i].sql) };
        struct answer a;
        answer_init(&a, &db, cases[i].access, &s, 1);
        a.stop_after = 2;
        answer_submit(&a);
        answer_wait(&a);
        assert_kind(&a, cases[i].kind);
        assert_int_equal(a.n_rows, 2);
        answer_fini(&a);
    }
    must_read(&db, "SELECT count(*) FROM t", "i3;");
    database_fini(&db);
}

static void rows_are_not_needed(void **state)
{
    (void)state;
    struct database db;
    database_init(&db, NULL);
    struct d1_statement s = { .sql = STR(MANY_ROWS) };
    struct answer a;
    answer_init(&a, &db, D1_READ, &s, 1);
    a.request.on_row = NULL;
    answer_submit(&a);
    answer_wait(&a);
    assert_true(a.ok);
    answer_fini(&a);
    database_fini(&db);
}

static void a_cancelled_read_ends_soon(void **state)
{
    (void)state;
    struct database db;
    database_init(&db, NULL);
    static const char *const cases[] = { ENDLESS, "SELECT 1", MANY_ROWS };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        for (unsigned turns = 0; turns < 60; turns += 20) {
            struct d1_statement s = { .sql = str_from(cases[i]) };
            struct answer a;
            answer_init(&a, &db, D1_READ, &s, 1);
            a.pause_after = 1;
            answer_submit(&a);
            turn_loop(&db, turns);
            uint64_t start = now_us();
            a.inside_submit = true;
            d1_cancel(db.d1, &a.request);
            a.inside_submit = false;
            answer_wait(&a);
            assert_kind(&a, D1_ERROR_CANCELLED);
            assert_true(a.done_us - start < 20000000); /* well before run_us, 30 s */
            answer_fini(&a);
        }
    assert_int_equal(db.d1->counters.cancelled, 9);
    must_read(&db, "SELECT 1", "i1;");
    database_fini(&db);
}

static void a_queued_write_is_dropped_and_a_running_one_taken_back(void **state)
{
    (void)state;
    struct database db;
    database_init(&db, NULL);
    must_write(&db, "CREATE TABLE t(a)");
    struct d1_statement endless = { .sql = STR("INSERT INTO t " ENDLESS) },
                        one = { .sql = STR("INSERT INTO t VALUES (1)") };
    struct answer running, queued, other;
    answer_init(&running, &db, D1_WRITE, &endless, 1);
    answer_init(&queued, &db, D1_WRITE, &one, 1);
    answer_init(&other, &db, D1_WRITE, &one, 1);
    answer_submit(&running);
    turn_loop(&db, 20);
    answer_submit(&queued);
    answer_submit(&other);
    d1_cancel(db.d1, &queued.request);
    answer_wait(&queued);
    assert_kind(&queued, D1_ERROR_CANCELLED);
    assert_int_equal(running.n_done, 0);
    d1_cancel(db.d1, &running.request);
    answer_wait(&running);
    assert_kind(&running, D1_ERROR_CANCELLED);
    assert_false(running.request.error.may_have_run);
    answer_wait(&other);
    assert_true(other.ok);
    must_read(&db, "SELECT count(*) FROM t", "i1;");
    answer_fini(&running);
    answer_fini(&queued);
    answer_fini(&other);
    database_fini(&db);
}

static void a_committed_write_is_not_cancelled(void **state)
{
    (void)state;
    struct database db;
    database_init(&db, NULL);
    must_write(&db, "CREATE TABLE t(a)");
    struct d1_statement s = { .sql = STR("INSERT INTO t VALUES (1),(2),(3) RETURNING a") };
    struct answer a;
    answer_init(&a, &db, D1_WRITE, &s, 1);
    a.pause_after = 1;
    answer_submit(&a);
    for (uint64_t until = now_us() + 20000000; a.n_rows < 1 && now_us() < until;)
        turn_loop(&db, 1);
    d1_cancel(db.d1, &a.request);
    answer_wait(&a);
    assert_true(a.ok);
    must_read(&db, "SELECT count(*) FROM t", "i3;");
    answer_fini(&a);
    database_fini(&db);
}

static void a_deadline_ends_a_request(void **state)
{
    (void)state;
    struct database db;
    database_init(&db, NULL);
    must_write(&db, "CREATE TABLE t(a)");
    sqlite3 *raw = raw_open(&db);
    const struct {
        enum d1_access access;
        const char *sql;
        bool locked;
        uint64_t us;
    } cases[] = {
        { D1_READ, "SELECT 1", false, 0 },
        { D1_READ, ENDLESS, false, 50000 },
        { D1_WRITE, "INSERT INTO t VALUES (1)", false, 0 },
        { D1_WRITE, "INSERT INTO t " ENDLESS, false, 50000 },
        { D1_WRITE, "INSERT INTO t VALUES (1)", true, 50000 },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        if (cases[i].locked)
            raw_exec(raw, "BEGIN IMMEDIATE");
        struct d1_statement s = { .sql = str_from(cases[i].sql) };
        struct answer a;
        answer_init(&a, &db, cases[i].access, &s, 1);
        uint64_t start = now_us();
        a.request.deadline_us = cases[i].us ? start + cases[i].us : 1;
        answer_submit(&a);
        answer_wait(&a);
        assert_kind(&a, D1_ERROR_DEADLINE);
        assert_false(a.request.error.may_have_run);
        assert_true(a.done_us - start < 20000000); /* well before run_us and busy_us, 30 s, however slow the disk */
        answer_fini(&a);
        if (cases[i].locked)
            raw_exec(raw, "ROLLBACK");
    }
    must_read(&db, "SELECT count(*) FROM t", "i0;");
    sqlite3_close(raw);
    database_fini(&db);
}

/* Rows that a client which reads one and then no more was given before the request ended. */
static size_t rows_before(struct database *db, const char *sql, uint64_t us)
{
    struct d1_statement s = { .sql = str_from(sql) };
    struct answer a;
    answer_init(&a, db, D1_READ, &s, 1);
    a.pause_after = 1;
    a.request.deadline_us = now_us() + us;
    answer_submit(&a);
    answer_wait(&a);
    assert_kind(&a, D1_ERROR_DEADLINE);
    answer_fini(&a);
    return a.n_rows;
}

static void a_slow_client_meets_its_deadline_too(void **state)
{
    (void)state;
    struct database db;
    database_init(&db, NULL);
    static const char *const cases[] = { "VALUES (1),(2),(3)", MANY_ROWS };
    for (size_t i = 0; i < 2; i++) {
        uint64_t us = 300000;
        size_t rows;
        while ((rows = rows_before(&db, cases[i], us)) == 0 && us < 20000000)
            us *= 2; /* a loaded machine needs longer for the first row */
        assert_int_equal(rows, 1);
    }
    database_fini(&db);
}

/* Opens it again with this limit of a batch's run; 0: D1's. Only what shall meet a short one has it: on a loaded machine others would too. */
static void database_reopen(struct database *db, uint64_t run_us)
{
    d1_close(db->d1);
    db->options.run_us = run_us;
    database_open(db);
}

static void a_long_computation_ends_at_d1s_limit(void **state)
{
    (void)state;
    struct database db;
    database_init(&db, NULL);
    must_write(&db, "CREATE TABLE t(a)");
    database_reopen(&db, 100000);
    static const struct {
        enum d1_access access;
        struct str sql;
    } cases[] = { { D1_READ, STR_INIT(ENDLESS) }, { D1_WRITE, STR_INIT("INSERT INTO t " ENDLESS) } };
    for (size_t i = 0; i < 2; i++) {
        struct answer a;
        run_one(&a, &db, cases[i].access, cases[i].sql);
        assert_kind(&a, D1_ERROR_DEADLINE);
        assert_string_equal(a.error, "D1 DB storage operation exceeded timeout which caused object to be reset.");
        answer_fini(&a);
    }
    database_reopen(&db, 0);
    must_read(&db, "SELECT count(*) FROM t", "i0;");
    database_fini(&db);
}

/* A read beyond the budget leaves the loop: short reads are answered meanwhile. */
static void a_long_read_moves_to_the_pool(void **state)
{
    (void)state;
    struct embedded_options o = { .read_steps = 10000, .read_us = 1000000 };
    struct database db;
    database_init(&db, &o);
    struct d1_statement s = { .sql = STR(SLOW) }, one = { .sql = STR("SELECT 1") };
    for (int round = 0; round < 3; round++) {
        struct answer a, b;
        answer_init(&a, &db, D1_READ, &s, 1);
        answer_submit(&a);
        uint64_t start = now_us();
        event_base_loop(db.base, EVLOOP_NONBLOCK);
        assert_true(a.n_done || db.d1->counters.queued == 1);
        answer_init(&b, &db, D1_READ, &one, 1);
        answer_submit(&b);
        answer_wait(&b);
        answer_wait(&a);
        assert_string_equal(answer_rows(&a), "i300000;");
        assert_true(a.done_us >= start);
        assert_int_equal(a.request.round_trips, 1);
        answer_fini(&a);
        answer_fini(&b);
    }
    assert_int_equal(db.d1->counters.queued, 0);
    database_fini(&db);
}

static void a_batch_of_reads_sees_one_snapshot(void **state)
{
    (void)state;
    struct database db;
    database_init(&db, NULL);
    must_write(&db, "CREATE TABLE t(a)");
    const struct d1_statement batch[] = { { .sql = STR_INIT("SELECT count(*) FROM t") },
                                          { .sql = STR_INIT(SLOW) },
                                          { .sql = STR_INIT("SELECT count(*) FROM t") } };
    struct answer a;
    answer_init(&a, &db, D1_READ, batch, 3);
    answer_submit(&a);
    turn_loop(&db, 15);
    must_write(&db, "INSERT INTO t VALUES (1)");
    answer_wait(&a);
    assert_true(a.ok);
    bool before = strcmp(answer_rows(&a), "i0;\ni300000;\ni0;") == 0;
    assert_true(before || strcmp(answer_rows(&a), "i1;\ni300000;\ni1;") == 0);
    answer_fini(&a);
    must_read(&db, "SELECT count(*) FROM t", "i1;");
    database_fini(&db);
}

static void a_result_has_a_limit(void **state)
{
    (void)state;
    struct database db;
    database_init(&db, NULL);
    must_write(&db, "CREATE TABLE t(a)");
    const struct {
        enum d1_access access;
        const char *sql;
        uint64_t max;
        enum d1_error_kind kind;
    } cases[] = {
        { D1_READ, "SELECT 'ten bytes.'", 10, D1_OK },
        { D1_READ, "SELECT 'ten bytes..'", 10, D1_ERROR_TOO_BIG },
        { D1_READ, "VALUES (1),(2)", 16, D1_OK },
        { D1_READ, "VALUES (1),(2)", 15, D1_ERROR_TOO_BIG },
        { D1_READ, MANY_ROWS, 1000000, D1_ERROR_TOO_BIG },
        { D1_WRITE, "INSERT INTO t VALUES (1),(2) RETURNING 'ten bytes.'", 19, D1_ERROR_TOO_BIG },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct d1_statement s = { .sql = str_from(cases[i].sql) };
        struct answer a;
        answer_init(&a, &db, cases[i].access, &s, 1);
        a.request.max_result_bytes = cases[i].max;
        answer_submit(&a);
        answer_wait(&a);
        assert_kind(&a, cases[i].kind);
        answer_fini(&a);
    }
    must_read(&db, "SELECT count(*) FROM t", "i0;");
    database_fini(&db);
}

static void an_error_text_is_whole(void **state)
{
    (void)state;
    struct database db;
    database_init(&db, NULL);
    struct answer a;
    run_one(&a, &db, D1_WRITE, STR("SELECT json_extract('{}', '>' || replace(hex(zeroblob(475000)), '00', 'abcd'))"));
    assert_kind(&a, D1_ERROR_SQL);
    const size_t n = sizeof("bad JSON path: '>': SQLITE_ERROR") - 1 + 1900000;
    assert_int_equal(a.request.error.message.n, n);
    assert_memory_equal(a.request.error.message.p, "bad JSON path: '>abcdabcd", 24);
    assert_memory_equal(a.request.error.message.p + n - 19, "abcd': SQLITE_ERROR", 19);
    answer_fini(&a);
    database_fini(&db);
}

/* What ran before the statement that failed is told, though it was taken back: PostgreSQL's clients see it too. */
static void the_failing_statement_is_known(void **state)
{
    (void)state;
    struct database db;
    database_init(&db, NULL);
    must_write(&db, "CREATE TABLE t(a UNIQUE)");
    must_write(&db, "CREATE TABLE c(x REFERENCES t(a) DEFERRABLE INITIALLY DEFERRED)");
    const struct {
        enum d1_access access;
        const char *sql[3], *rows;
        size_t failed;
    } cases[] = {
        { D1_WRITE, { "INSERT INTO t VALUES (1) RETURNING a", "SELECT missing", "SELECT 3" }, "i1;", 2 },
        { D1_WRITE, { "SELECT missing", "SELECT 2", "SELECT 3" }, "", 1 },
        { D1_WRITE, { "SELECT 1", "INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (1)" }, "i1;", 3 },
        { D1_WRITE, { "SELECT 1", "INSERT INTO c VALUES (7)", "SELECT 3" }, "i1;\n\ni3;", 4 },
        { D1_READ, { "SELECT 1", "SELECT 2", "SELECT abs(-9223372036854775808)" }, "i1;\ni2;", 3 },
        { D1_READ, { SLOW, "SELECT 2", "SELECT missing" }, "i300000;\ni2;", 3 },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct d1_statement s[3];
        for (size_t j = 0; j < 3; j++)
            s[j] = (struct d1_statement){ .sql = str_from(cases[i].sql[j]), .wants_changes = true };
        struct answer a;
        answer_init(&a, &db, cases[i].access, s, 3);
        answer_submit(&a);
        answer_wait(&a);
        assert_kind(&a, D1_ERROR_SQL);
        assert_int_equal(a.request.error.failed, cases[i].failed);
        assert_non_null(a.request.results);
        assert_string_equal(answer_rows(&a), cases[i].rows);
        if (i == 0)
            assert_int_equal(a.request.results[0].changes, 1);
        answer_fini(&a);
    }
    must_read(&db, "SELECT (SELECT count(*) FROM t) + (SELECT count(*) FROM c)", "i0;");
    database_fini(&db);
}

static void two_loops_share_a_file(void **state)
{
    (void)state;
    struct database db;
    database_init(&db, NULL);
    struct database other = db;
    other.base = event_base_new();
    database_open(&other);
    must_write(&db, "CREATE TABLE t(a)");
    for (int i = 0; i < 50; i++) {
        must_write(i % 2 ? &db : &other, "INSERT INTO t VALUES (1)");
        char rows[16];
        snprintf(rows, sizeof(rows), "i%d;", i + 1);
        must_read(i % 2 ? &other : &db, "SELECT count(*) FROM t", rows);
    }
    d1_close(other.d1);
    must_read(&db, "SELECT count(*) FROM t", "i50;");
    event_base_free(other.base);
    database_fini(&db);
}

static void a_file_can_be_opened_again(void **state)
{
    (void)state;
    struct database db;
    database_init(&db, NULL);
    must_write(&db, "CREATE TABLE t(a)");
    for (int i = 0; i < 5; i++) {
        d1_close(db.d1);
        database_open(&db);
        must_write(&db, "INSERT INTO t VALUES (1)");
    }
    must_read(&db, "SELECT count(*) FROM t", "i5;");
    database_fini(&db);
}

static void closing_ends_what_is_under_way(void **state)
{
    (void)state;
    struct database db;
    database_init(&db, NULL);
    must_write(&db, "CREATE TABLE t(a)");
    static const struct {
        enum d1_access access;
        struct str sql;
    } cases[] = {
        { D1_READ, STR_INIT("SELECT 1") },
        { D1_READ, STR_INIT(ENDLESS) },
        { D1_READ, STR_INIT(MANY_ROWS) },
        { D1_WRITE, STR_INIT("INSERT INTO t " ENDLESS) },
        { D1_WRITE, STR_INIT("INSERT INTO t VALUES (1)") },
    };
    for (unsigned turns = 0; turns <= 30; turns += 15) {
        struct answer a[5];
        struct d1_statement s[5];
        for (size_t i = 0; i < 5; i++) {
            s[i] = (struct d1_statement){ .sql = cases[i].sql };
            answer_init(&a[i], &db, cases[i].access, &s[i], 1);
            a[i].pause_after = 1;
            answer_submit(&a[i]);
        }
        turn_loop(&db, turns);
        d1_close(db.d1);
        for (size_t i = 0; i < 5; i++) {
            assert_int_equal(a[i].n_done, 1);
            answer_fini(&a[i]);
        }
        database_open(&db);
    }
    database_fini(&db);
}

static void close_in_done(struct d1_request *r)
{
    struct answer *a = r->user;
    a->n_done++;
    struct d1 *d = a->db->d1;
    a->db->d1 = NULL;
    d1_close(d);
}

static enum d1_flow close_in_row(struct d1_request *r, size_t statement, const struct value *cells, size_t n_cells)
{
    (void)statement, (void)cells, (void)n_cells;
    struct answer *a = r->user;
    a->n_rows++;
    struct d1 *d = a->db->d1;
    a->db->d1 = NULL;
    d1_close(d);
    return D1_CONTINUE;
}

static void closing_inside_a_callback_is_allowed(void **state)
{
    (void)state;
    struct database db;
    database_init(&db, NULL);
    struct d1_statement s = { .sql = STR("VALUES (1),(2),(3)") };
    for (int in_row = 0; in_row < 2; in_row++) {
        struct answer a, b, c;
        answer_init(&a, &db, D1_READ, &s, 1);
        answer_init(&b, &db, D1_READ, &s, 1);
        answer_init(&c, &db, D1_WRITE, &s, 1);
        if (in_row)
            a.request.on_row = close_in_row;
        else
            a.request.done = close_in_done;
        answer_submit(&a);
        answer_submit(&b);
        answer_submit(&c);
        turn_loop(&db, 3);
        assert_int_equal(a.n_done, 1);
        assert_int_equal(b.n_done, 1);
        assert_int_equal(c.n_done, 1);
        assert_int_equal(a.n_rows, in_row ? 1 : 3);
        answer_fini(&a);
        answer_fini(&b);
        answer_fini(&c);
        database_open(&db);
    }
    database_fini(&db);
}

static void again_in_done(struct d1_request *r)
{
    struct answer *a = r->user;
    if (++a->n_done < 100)
        d1_submit(a->db->d1, r);
}

static void done_may_submit_again(void **state)
{
    (void)state;
    struct database db;
    database_init(&db, NULL);
    struct d1_statement s = { .sql = STR("SELECT 1") };
    for (int write = 0; write < 2; write++) {
        struct answer a;
        answer_init(&a, &db, write ? D1_WRITE : D1_READ, &s, 1);
        a.request.on_row = NULL;
        a.request.done = again_in_done;
        answer_submit(&a);
        for (uint64_t until = now_us() + 20000000; a.n_done < 100 && now_us() < until;)
            event_base_loop(db.base, EVLOOP_ONCE);
        assert_int_equal(a.n_done, 100);
        answer_fini(&a);
    }
    database_fini(&db);
}

/*
 * Submits a read until it waits for a thread of the pool, and answers how often it was refused: those before it leave the queue when a
 * thread, which has to get the processor first, takes them.
 */
static uint64_t submit_until_it_waits(struct database *db, struct answer *a, const struct d1_statement *s)
{
    const uint64_t queued = db->d1->counters.queued, until = now_us() + 20000000;
    for (uint64_t refused = 0;; refused++) {
        answer_init(a, db, D1_READ, s, 1);
        answer_submit(a);
        while (!a->n_done && db->d1->counters.queued == queued && now_us() < until)
            turn_loop(db, 1);
        turn_loop(db, 2); /* a refusal is counted as queued until it is told, one turn later */
        if (!a->n_done)
            return refused;
        assert_kind(a, D1_ERROR_OVERLOADED);
        assert_true(now_us() < until);
        answer_fini(a);
    }
}

static void too_much_waits_is_refused(void **state)
{
    (void)state;
    struct embedded_options o = { .write_queue = 2, .pool_queue = 1, .pool_threads = 1, .pool_connections = 1 };
    struct database db;
    database_init(&db, &o);
    must_write(&db, "CREATE TABLE t(a)");
    sqlite3 *raw = raw_open(&db);
    raw_exec(raw, "BEGIN IMMEDIATE");
    struct d1_statement s = { .sql = STR("INSERT INTO t VALUES (1)") }, endless = { .sql = STR(ENDLESS) };
    struct answer w[3], r[3];
    for (size_t i = 0; i < 3; i++) {
        answer_init(&w[i], &db, D1_WRITE, &s, 1);
        answer_submit(&w[i]);
    }
    answer_wait(&w[2]);
    assert_kind(&w[2], D1_ERROR_OVERLOADED);
    assert_string_equal(w[2].error, "D1 DB is overloaded. Too many requests queued.");
    uint64_t refused = submit_until_it_waits(&db, &r[0], &endless);
    refused += submit_until_it_waits(&db, &r[1], &endless);
    answer_init(&r[2], &db, D1_READ, &endless, 1);
    answer_submit(&r[2]);
    answer_wait(&r[2]);
    assert_kind(&r[2], D1_ERROR_OVERLOADED);
    assert_int_equal(db.d1->counters.overloaded, 2 + refused);
    raw_exec(raw, "COMMIT");
    for (size_t i = 0; i < 2; i++) {
        answer_wait(&w[i]);
        assert_true(w[i].ok);
        d1_cancel(db.d1, &r[i].request);
        answer_wait(&r[i]);
        assert_kind(&r[i], D1_ERROR_CANCELLED);
    }
    for (size_t i = 0; i < 3; i++) {
        answer_fini(&w[i]);
        answer_fini(&r[i]);
    }
    must_read(&db, "SELECT count(*) FROM t", "i2;");
    sqlite3_close(raw);
    database_fini(&db);
}

static void a_lock_is_waited_for_within_limits(void **state)
{
    (void)state;
    struct embedded_options o = { .busy_us = 100000 };
    struct database db;
    database_init(&db, &o);
    must_write(&db, "CREATE TABLE t(a)");
    sqlite3 *raw = raw_open(&db);
    raw_exec(raw, "BEGIN IMMEDIATE");
    raw_exec(raw, "INSERT INTO t VALUES (5)");
    must_read(&db, "SELECT count(*) FROM t", "i0;");
    struct answer a;
    run_one(&a, &db, D1_WRITE, STR("INSERT INTO t VALUES (1)"));
    assert_kind(&a, D1_ERROR_OVERLOADED);
    assert_string_equal(a.error, "database is locked: SQLITE_BUSY");
    answer_fini(&a);
    raw_exec(raw, "COMMIT");
    must_write(&db, "INSERT INTO t VALUES (1)");
    must_read(&db, "SELECT count(*) FROM t", "i2;");
    raw_exec(raw, "ALTER TABLE t ADD COLUMN b DEFAULT 7");
    must_read(&db, "SELECT b FROM t WHERE a = 1", "i7;");
    sqlite3_close(raw);
    database_fini(&db);
}

/*
 * The other process: writes and holds the lock in turns until told to stop. It pauses for as long as its write took, so that a slow disk
 * does not give it the lock for all of the time.
 */
static void other_process(const char *path, int stop)
{
    sqlite3 *raw;
    char byte;
    int rc = sqlite3_open(path, &raw), n = 0;
    sqlite3_busy_timeout(raw, 10000);
    while (rc == SQLITE_OK && (n == 0 || read(stop, &byte, 1) < 0)) {
        uint64_t start = now_us();
        rc = sqlite3_exec(raw, "BEGIN IMMEDIATE; INSERT INTO t VALUES (1000); COMMIT", NULL, NULL, NULL);
        n += rc == SQLITE_OK;
        if (rc == SQLITE_BUSY) /* the lock was not to be had: its turn is later */
            rc = SQLITE_OK;
        usleep((useconds_t)(500 + now_us() - start));
    }
    sqlite3_close(raw);
    _exit(rc == SQLITE_OK && n > 0 ? n % 100 + 1 : 0);
}

static void another_process_may_write(void **state)
{
    (void)state;
    struct database db;
    database_init(&db, NULL);
    must_write(&db, "CREATE TABLE t(a)");
    d1_close(db.d1); /* no threads, no locks while forking */
    int pipes[2];
    assert_int_equal(pipe2(pipes, 04000 /* O_NONBLOCK */), 0);
    pid_t child = fork();
    if (child == 0) {
        close(pipes[1]);
        other_process(db.path, pipes[0]);
    }
    close(pipes[0]);
    database_open(&db);
    for (int i = 0; i < 100; i++) {
        must_write(&db, "INSERT INTO t VALUES (1)");
        must_read(&db, "SELECT count(*) > 0 FROM t WHERE a = 1", "i1;");
    }
    close(pipes[1]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) > 0);
    must_read(&db, "SELECT count(*) FROM t WHERE a = 1", "i100;");
    must_read(&db, "SELECT count(*) > 0 FROM t WHERE a = 1000", "i1;");
    database_fini(&db);
}

static void pragmas_of_a_read_do_not_outlive_it(void **state)
{
    (void)state;
    struct database db;
    database_init(&db, NULL);
    struct answer a;
    run_one(&a, &db, D1_READ, STR("PRAGMA case_sensitive_like=on"));
    assert_true(a.ok);
    answer_fini(&a);
    must_read(&db, "SELECT 'a' LIKE 'A'", "i1;");
    run_one(&a, &db, D1_READ, STR("PRAGMA foreign_keys=off"));
    assert_true(a.ok);
    answer_fini(&a);
    must_read(&db, "PRAGMA foreign_keys", "i1;");
    must_read(&db, "PRAGMA foreign_keys", "i1;");
    database_fini(&db);
}

static void statements_are_prepared_anew_when_needed(void **state)
{
    (void)state;
    struct embedded_options o = { .statement_cache = 4 };
    struct database db;
    database_init(&db, &o);
    must_write(&db, "CREATE TABLE t(a)");
    must_write(&db, "INSERT INTO t VALUES (1)");
    must_read(&db, "SELECT * FROM t", "i1;");
    must_write(&db, "ALTER TABLE t ADD COLUMN b DEFAULT 2");
    must_read(&db, "SELECT * FROM t", "i1|i2;");
    for (int i = 0; i < 40; i++) {
        char sql[64], rows[64];
        snprintf(sql, sizeof(sql), "SELECT %d, a FROM t", i % 13);
        snprintf(rows, sizeof(rows), "i%d|i1;", i % 13);
        must_read(&db, sql, rows);
    }
    must_write(&db, "DROP TABLE t");
    struct answer a;
    run_one(&a, &db, D1_READ, STR("SELECT * FROM t"));
    assert_string_equal(a.error, "no such table: t: SQLITE_ERROR");
    answer_fini(&a);
    database_fini(&db);
}

static void parameters_of_one_statement_do_not_reach_the_next(void **state)
{
    (void)state;
    struct database db;
    database_init(&db, NULL);
    for (int i = 0; i < 3; i++) {
        struct value v[2] = { value_integer(i), value_text(STR("x")) };
        struct d1_statement s = { .sql = STR("SELECT ?1, ?2"), .params = v, .n_params = i == 1 ? 1 : 2 };
        struct answer a;
        answer_init(&a, &db, D1_READ, &s, 1);
        answer_submit(&a);
        answer_wait(&a);
        if (i == 1)
            assert_string_equal(a.error, "Wrong number of parameter bindings for SQL query.");
        else
            assert_string_equal(answer_rows(&a), i ? "i2|tx;" : "i0|tx;");
        answer_fini(&a);
    }
    database_fini(&db);
}

/* One allocation after the other fails: the answer is right or says "out of memory", and nothing leaks or hangs. */
static bool with_failing_allocation(struct database *db, long n)
{
    struct answer a;
    struct d1_statement s[] = { { .sql = STR_INIT("SELECT a, 'text' FROM t") },
                                { .sql = STR_INIT("SELECT 2") },
                                { .sql = STR_INIT("SELECT missing") } };
    for (enum d1_access access = D1_READ; access <= D1_TRYOUT; access++) {
        answer_init(&a, db, access, s, access == D1_TRYOUT ? 3 : 2);
        buf_reserve(&a.rows, 4096);
        fault_after(n);
        answer_submit(&a);
        answer_wait(&a);
        bool hit = fault_hit();
        fault_after(-1);
        bool answered = a.ok || a.request.error.failed == 3;
        if (answered)
            assert_string_equal(answer_rows(&a), "i1|ttext;\ni2;");
        else
            assert_kind(&a, D1_ERROR_INTERNAL);
        assert_true(answered || hit);
        answer_fini(&a);
        if (!hit && access == D1_TRYOUT)
            return false;
    }
    return true;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    long n = 0, opened = 0;
    for (bool more = true; more; n++) {
        struct database db;
        database_init(&db, NULL);
        must_write(&db, "CREATE TABLE IF NOT EXISTS t(a)");
        must_write(&db, "INSERT INTO t VALUES (1)");
        d1_close(db.d1);
        struct err err = test_err(&db);
        fault_after(n);
        db.d1 = embedded_open(db.stores, &db.options, db.base, &err);
        more = fault_hit();
        fault_after(-1);
        if (db.d1)
            opened++;
        else
            assert_int_equal(err.code, SQLSTATE_OUT_OF_MEMORY);
        if (!db.d1)
            database_open(&db);
        more |= with_failing_allocation(&db, n);
        database_fini(&db);
    }
    assert_true(n > 5 && opened > 0);
}

static void an_arena_at_its_cap_is_no_crash(void **state)
{
    (void)state;
    struct database db;
    database_init(&db, NULL);
    struct d1_statement s = { .sql = STR("SELECT missing") };
    struct answer a;
    answer_init(&a, &db, D1_READ, &s, 1);
    a.request.arena = arena_new(0);
    answer_submit(&a);
    answer_wait(&a);
    assert_kind(&a, D1_ERROR_INTERNAL);
    assert_string_equal(a.error, "out of memory");
    arena_free(a.request.arena);
    answer_fini(&a);
    database_fini(&db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_traits_are_stated),
        cmocka_unit_test(a_new_file_belongs_to_its_owner),
        cmocka_unit_test(opening_fails_with_a_reason),
        cmocka_unit_test(rows_come_before_done_and_on_a_later_turn),
        cmocka_unit_test(results_tell_the_changes),
        cmocka_unit_test(a_paused_request_gives_nothing_until_it_is_resumed),
        cmocka_unit_test(paused_requests_do_not_stop_others),
        cmocka_unit_test(stop_ends_a_read_and_drops_a_writes_rows),
        cmocka_unit_test(rows_are_not_needed),
        cmocka_unit_test(a_cancelled_read_ends_soon),
        cmocka_unit_test(a_queued_write_is_dropped_and_a_running_one_taken_back),
        cmocka_unit_test(a_committed_write_is_not_cancelled),
        cmocka_unit_test(a_deadline_ends_a_request),
        cmocka_unit_test(a_slow_client_meets_its_deadline_too),
        cmocka_unit_test(a_long_computation_ends_at_d1s_limit),
        cmocka_unit_test(a_long_read_moves_to_the_pool),
        cmocka_unit_test(a_batch_of_reads_sees_one_snapshot),
        cmocka_unit_test(a_result_has_a_limit),
        cmocka_unit_test(an_error_text_is_whole),
        cmocka_unit_test(the_failing_statement_is_known),
        cmocka_unit_test(two_loops_share_a_file),
        cmocka_unit_test(a_file_can_be_opened_again),
        cmocka_unit_test(closing_ends_what_is_under_way),
        cmocka_unit_test(closing_inside_a_callback_is_allowed),
        cmocka_unit_test(done_may_submit_again),
        cmocka_unit_test(too_much_waits_is_refused),
        cmocka_unit_test(a_lock_is_waited_for_within_limits),
        cmocka_unit_test(another_process_may_write),
        cmocka_unit_test(pragmas_of_a_read_do_not_outlive_it),
        cmocka_unit_test(statements_are_prepared_anew_when_needed),
        cmocka_unit_test(parameters_of_one_statement_do_not_reach_the_next),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(an_arena_at_its_cap_is_no_crash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
