/* SOURCES tests/scenario/stage.c tests/scenario/client.c tests/scenario/words.c */
/*
 * A whole session under failures: each allocation, and each request to D1, fails once. Whatever fails, every request is answered or the
 * session ends, nothing waits for ever, nothing leaks, and the next client is served.
 */
#include "pgwire/startup.h"
#include "proxy/base/fault.h"
#include "proxy/cancel.h"
#include "sqlite3.h"
#include "tests/scenario/client.h"
#include "tests/scenario/stage.h"
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* One piece of bytes each: groups, plans and their cache, prepared statements, portals, cursors, settings, COPY, notifications, DDL. */
static const char *const conversation[] = {
    "Q \"SELECT 1, 'a'\"",
    "Q \"SET timezone = 'Europe/Berlin'; SET statement_timeout = '20s'; SHOW timezone\"",
    "P a \"SELECT id, n FROM t WHERE id = $1\" 23, B \"\" a 7, D P \"\", E \"\", B \"\" a 8, E \"\", S",
    "P b \"INSERT INTO t VALUES ($1, $2)\", B x b 1 x, E x, B y b 2 y, E y, C P x, S",
    "Q \"BEGIN; DECLARE c CURSOR FOR SELECT g FROM generate_series(1, 20) g\", Q \"FETCH 5 FROM c\", Q \"COMMIT\"",
    "Q \"PREPARE p (int) AS SELECT $1 + 1; EXECUTE p(4); DEALLOCATE p\"",
    "P \"\" \"SELECT g FROM generate_series(1, 9) g\", B \"\" \"\", E \"\" 2, E \"\" 2, S",
    "Q \"COPY t FROM STDIN\", d \"1\\tx\\n\", c",
    "Q \"COPY (SELECT id, n FROM t) TO STDOUT\"",
    "Q \"LISTEN ch; NOTIFY ch, 'x'\"",
    "Q \"BEGIN; SET LOCAL timezone = 'UTC'; INSERT INTO t VALUES (5, 'five'); COMMIT\"",
    "Q \"UPDATE t SET n = 'z' WHERE id = 3 RETURNING id\"",
    "Q \"SELECT id, n ~ 'a' FROM t\"",
    "Q \"SELECT pg_try_advisory_lock(1), pg_advisory_unlock(1)\"",
    "Q \"SET lock_timeout = '1s'\", Q \"SELECT pg_advisory_lock_shared(1)\"",
    "Q \"SELECT id FROM t; SELECT n FROM t; SELECT 1 / 0\"",
    "Q \"CREATE TABLE u (a int PRIMARY KEY, b text DEFAULT 'x')\"",
    "Q \"CREATE TABLE v (a int PRIMARY KEY, p int REFERENCES v, q int REFERENCES v)\"",
    "Q \"INSERT INTO v VALUES (1, 2, 3)\"",
    "Q \"BEGIN; INSERT INTO v VALUES (1, 1, 1)\", Q \"UPDATE v SET a = 2, q = 3\", Q \"ROLLBACK\"",
    "Q \"DISCARD ALL\"",
};
enum { LINES = sizeof(conversation) / sizeof(conversation[0]) };

/* Every MIGRATE command, on a folder of two files and a declared schema: journal, lease, chunks, replays, differences, new files. */
static const char *const migrating[] = {
    "Q \"MIGRATE STATUS\"",
    "Q \"MIGRATE UP DRY RUN\"",
    "Q \"MIGRATE UP\"",
    "Q \"MIGRATE VALIDATE\"",
    "Q \"MIGRATE GENERATE 'next' ALLOW DATA LOSS\"",
    "Q \"MIGRATE PUSH ALLOW DATA LOSS\"",
    "Q \"MIGRATE RESET ALLOW DATA LOSS\"",
    "Q \"MIGRATE BASELINE\"",
    "Q \"MIGRATE REPAIR\"",
    "Q \"MIGRATE DOWN\"",
    "Q \"MIGRATE CREATE 'empty'\"",
    "P \"\" \"SELECT name FROM pgd1.migrate_up()\", B \"\" \"\", E \"\", S",
    "Q \"SELECT state, count(*) FROM pgd1.migrations GROUP BY 1\"",
    "Q \"MIGRATE HELP\"",
};
enum { MIGRATING = sizeof(migrating) / sizeof(migrating[0]) };

static const struct {
    const char *name, *text;
} files[] = {
    { "migrations/0001_a.sql",
      "CREATE TABLE p (id INTEGER PRIMARY KEY, n INTEGER);\nCREATE TABLE c (p INTEGER REFERENCES p(id));\n"
      "CREATE TRIGGER t AFTER INSERT ON p BEGIN INSERT INTO c VALUES (new.id); END;\n--> breakpoint\n"
      "INSERT INTO p VALUES (1, 1);\nDROP TABLE IF EXISTS gone;\n-- migrate:down\nDROP TABLE c;\nDROP TABLE p;\n" },
    { "migrations/0002_b.sql",
      "-- pgd1: postgres\nCREATE TABLE s (id serial PRIMARY KEY, t text NOT NULL DEFAULT 'x');\nINSERT INTO s (t) "
      "VALUES "
      "('y');\nCREATE VIEW v AS SELECT t FROM s;\n-- migrate:down\nDROP VIEW v;\nDROP TABLE s;\n" },
    { "schema.sql", "CREATE TABLE p (id INTEGER PRIMARY KEY, n TEXT NOT NULL);\nCREATE INDEX i ON p (n);\n" },
};

/* What is said in one run. */
static const struct talk {
    const char *const *lines;
    size_t n;
} talks[] = { { conversation, LINES }, { migrating, MIGRATING } };
enum { TALKS = sizeof(talks) / sizeof(talks[0]) };

static void open_stage(struct stage *st)
{
    AUTO(arena) arena = arena_new(1 << 20);
    struct err err;
    err_init(&err, arena);
    *st = (struct stage){ 0 };
    assert_true(stage_open(st, STR("advisory_locks = shared\n"), false, &err));
    stage_connect(st, &st->players[0]); /* its buffers are there from now on */
    assert_int_equal(sqlite3_exec(st->schema, "CREATE TABLE t(id INTEGER PRIMARY KEY, n TEXT)", NULL, NULL, NULL),
                     SQLITE_OK);
}

__attribute__((format(printf, 3, 4))) static void script(struct stage *st, struct arena *arena, const char *format, ...)
{
    struct err err;
    va_list args;
    va_start(args, format);
    struct str line = arena_vprintf(arena, format, args);
    va_end(args);
    err_init(&err, arena);
    if (!fake_line(st->d1, line, &err))
        fail_msg("%.*s: %.*s", STR_FMT(line), STR_FMT(err.message));
}

static char failing[40]; /* what fails this time, for messages */

/* Made before anything fails. */
static struct buf start_up, messages[TALKS][LINES], question, rollback;
_Static_assert(sizeof(migrating) <= sizeof(conversation), "room for both");

static void make_messages(struct buf *out, const char *line)
{
    AUTO(arena) arena = arena_new(1 << 20);
    struct words words = { .at = line, .arena = arena };
    const char *why;
    buf_init(out, 1 << 20);
    assert_true(client_messages(&words, out, &why));
}

/* ---- the migrations folder ---- */

static char folder[] = "session-faults-XXXXXX";

/* Answers how many files were there. Each is whole: under its own name, with its text. */
static size_t empty_folder(void)
{
    DIR *dir = opendir("migrations");
    size_t n = 0;
    for (const struct dirent *entry; dir && (entry = readdir(dir));) {
        struct stat st;
        if (str_is(str_from(entry->d_name), ".") || str_is(str_from(entry->d_name), ".."))
            continue;
        assert_int_equal(fstatat(dirfd(dir), entry->d_name, &st, 0), 0);
        if (entry->d_name[0] == '.' || !str_ends(str_from(entry->d_name), STR(".sql")) || !st.st_size)
            fail_msg("%s: \"%s\" was left, %ld bytes", failing, entry->d_name, (long)st.st_size);
        unlinkat(dirfd(dir), entry->d_name, 0);
        n++;
    }
    if (dir)
        closedir(dir);
    return n;
}

static void fill_folder(void)
{
    empty_folder();
    mkdir("migrations", 0700);
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        int fd = open(files[i].name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, files[i].text, strlen(files[i].text)), (ssize_t)strlen(files[i].text));
        close(fd);
    }
}

static int set_up(void **state)
{
    (void)state;
    buf_init(&start_up, 1 << 20);
    client_startup(&start_up, STR("postgres"), STR("app"), (struct str){ 0 });
    for (size_t t = 0; t < TALKS; t++)
        for (size_t i = 0; i < talks[t].n; i++)
            make_messages(&messages[t][i], talks[t].lines[i]);
    assert_non_null(mkdtemp(folder)); /* the configuration's */
    assert_int_equal(chdir(folder), 0);
    make_messages(&question, "Q \"SELECT 1\"");
    make_messages(&rollback, "Q \"ROLLBACK\"");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    buf_fini(&start_up);
    buf_fini(&question);
    buf_fini(&rollback);
    for (size_t t = 0; t < TALKS; t++)
        for (size_t i = 0; i < talks[t].n; i++)
            buf_fini(&messages[t][i]);
    empty_folder();
    unlink("schema.sql");
    return rmdir("migrations") + chdir("..") + rmdir(folder);
}

static struct player *log_in(struct stage *st)
{
    struct player *p = &st->players[0];
    stage_connect(st, p);
    if (p->session)
        stage_send(st, p, buf_str(&start_up));
    return p;
}

/* How many messages of this kind came since the last look. */
static size_t came(struct player *p, char kind)
{
    size_t n = 0;
    while (p->in.n - p->seen >= 5) {
        const unsigned char *at = (const unsigned char *)p->in.p + p->seen;
        size_t size = (size_t)at[1] << 24 | (size_t)at[2] << 16 | (size_t)at[3] << 8 | at[4];
        assert_true(size + 1 <= p->in.n - p->seen);
        n += (char)at[0] == kind;
        p->seen += size + 1;
    }
    assert_int_equal(p->in.n, p->seen);
    return n;
}

static bool is_there(const struct player *p)
{
    return p->session && !p->closed;
}

/* Time passes until the answer is there: retries, deadlines. */
static void wait_for_answer(struct stage *st, struct player *p)
{
    for (int i = 0; i < 200 && is_there(p) && p->session->state == SESSION_BUSY; i++) {
        fake_clock_advance(&st->clock, 1000000);
        stage_settle(st);
    }
    if (is_there(p))
        assert_int_not_equal(p->session->state, SESSION_BUSY);
}

static size_t ready_wanted(const char *line)
{
    size_t n = strncmp(line, "Q ", 2) == 0;
    for (const char *at = line; (at = strstr(at, ", Q ")); at++)
        n++;
    return n + (strlen(line) > 3 && strcmp(line + strlen(line) - 3, ", S") == 0);
}

static void say(struct stage *st, struct player *p, const struct buf *bytes)
{
    stage_send(st, p, buf_str(bytes));
    wait_for_answer(st, p);
}

/* One line: as many ReadyForQuery as there are cycles in it, or the session has ended. */
static void check_line(struct stage *st, struct player *p, const char *line, const struct buf *bytes)
{
    came(p, 'Z');
    say(st, p, bytes);
    size_t ready = came(p, 'Z');
    if (is_there(p) && ready != ready_wanted(line))
        fail_msg("%s (%s): %zu ReadyForQuery, now %s", line, failing, ready, session_state_name(p->session->state));
}

static void converse(struct stage *st, size_t t)
{
    struct player *p = log_in(st);
    for (size_t i = 0; i < talks[t].n; i++) {
        if (!is_there(p))
            p = log_in(st);
        wait_for_answer(st, p);
        if (is_there(p) && p->session->state == SESSION_READY)
            check_line(st, p, talks[t].lines[i], &messages[t][i]);
        if (is_there(p) && p->session->transaction.state == TXN_FAILED)
            say(st, p, &rollback);
    }
}

static void the_next_client_is_served(struct stage *st)
{
    struct player *p = log_in(st);
    assert_true(is_there(p));
    came(p, 'Z');
    say(st, p, &question);
    assert_int_equal(came(p, 'D'), 1);
}

/* ---- allocations ---- */

/* A step above 1 leaves some out: MIGRATE allocates much. */
static void fail_every_allocation(size_t t, long step)
{
    bool hit = true;
    for (long n = 0; hit; n += step) {
        AUTO(arena) arena = arena_new(1 << 20);
        struct stage st;
        open_stage(&st);
        script(&st, arena, "expect answer ok again 1000000");
        snprintf(failing, sizeof(failing), "allocation %ld", n);
        fill_folder();
        fault_after(n);
        converse(&st, t);
        hit = fault_hit();
        fault_after(-1);
        the_next_client_is_served(&st);
        stage_close(&st);
        assert_true(empty_folder() >= 2);
    }
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    fail_every_allocation(0, 1);
}

static void every_allocation_of_a_migration_may_fail(void **state)
{
    (void)state;
    fail_every_allocation(1, getenv("PGD1_LONG") ? 1 : 97);
}

/* ---- requests to D1 ---- */

static const char *const failures[] = { "error 'near \"x\": syntax error at offset 0: SQLITE_ERROR'",
                                        "error 'UNIQUE constraint failed: t.id: SQLITE_CONSTRAINT'",
                                        "error 'bad JSON path: ''!local'': SQLITE_ERROR'",
                                        "error 'no such table: t: SQLITE_ERROR'",
                                        "overloaded",
                                        "lost",
                                        "unsure",
                                        "unreachable",
                                        "auth",
                                        "toobig",
                                        "internal",
                                        "never" };

static size_t requests(const struct stage *st)
{
    struct str log = fake_log(st->d1);
    size_t n = 0;
    for (size_t i = 0; i < log.n; i++)
        n += log.p[i] == '\n';
    return n;
}

static void fail_every_request(size_t t, size_t step)
{
    for (size_t kind = 0; kind < sizeof(failures) / sizeof(failures[0]); kind += step) {
        size_t asked = 1;
        for (unsigned good = 0; good < asked; good++) {
            AUTO(arena) arena = arena_new(1 << 20);
            struct stage st;
            open_stage(&st);
            snprintf(failing, sizeof(failing), "request %u", good);
            if (good)
                script(&st, arena, "expect answer ok again %u", good);
            script(&st, arena, "expect answer %s", failures[kind]);
            script(&st, arena, "expect answer ok again 1000000");
            fill_folder();
            converse(&st, t);
            asked = requests(&st);
            the_next_client_is_served(&st);
            stage_close(&st);
        }
        assert_true(asked >= 8); /* the conversation did ask D1 */
    }
}

static void every_request_may_fail(void **state)
{
    (void)state;
    fail_every_request(0, 1);
}

static void every_request_of_a_migration_may_fail(void **state)
{
    (void)state;
    fail_every_request(1, getenv("PGD1_LONG") ? 1 : 5);
}

/* ---- a database taken back in time ---- */

#define TARGET "00000001-00000000-00000000-00000000000000000000000000000001"
static const char *const restore_tables[] = { "CREATE TABLE d1_migrations(id INTEGER PRIMARY KEY, name TEXT)",
                                              "CREATE TABLE _pgd1_migrations(name TEXT)",
                                              "CREATE TABLE _pgd1_migration_lease(id INTEGER PRIMARY KEY)",
                                              "CREATE TABLE _pgd1_txn(id TEXT PRIMARY KEY)" };
/* The lease, the bookmark of now, the new holder, back, which tables there are, the end of old leases. */
static const char *const restore_answers[] = { "ok",
                                               "ok bookmark " TARGET,
                                               "results [{\"rows\":[[\"9\"]]},{\"rows\":[[\"[\\\"1\\\"]\"]]}]",
                                               "ok bookmark " TARGET " previous " TARGET,
                                               "rows [[\"_pgd1_migration_lease\"],[\"_pgd1_txn\"]]",
                                               "ok" };
enum { RESTORE_REQUESTS = sizeof(restore_answers) / sizeof(restore_answers[0]) };

static void restore_line(struct stage *st, const struct buf *bytes)
{
    struct player *p = log_in(st);
    if (is_there(p) && p->session->state == SESSION_READY)
        check_line(st, p, "Q \"MIGRATE RESTORE\"", bytes);
}

static void open_restore(struct stage *st, struct arena *arena, size_t failing_request, const char *failure)
{
    open_stage(st);
    for (size_t i = 0; i < sizeof(restore_tables) / sizeof(restore_tables[0]); i++)
        assert_int_equal(sqlite3_exec(st->schema, restore_tables[i], NULL, NULL, NULL), SQLITE_OK);
    for (size_t i = 0; i < RESTORE_REQUESTS; i++)
        script(st, arena, "expect answer %s", i == failing_request ? failure : restore_answers[i]);
    script(st, arena, "expect answer ok again 1000000");
}

static void a_restore_may_fail_anywhere(void **state)
{
    (void)state;
    struct buf bytes;
    bool hit = true;
    make_messages(&bytes, "Q \"MIGRATE RESTORE TO BOOKMARK '" TARGET "'\"");
    for (long n = 0; hit; n++) {
        AUTO(arena) arena = arena_new(1 << 20);
        struct stage st;
        open_restore(&st, arena, SIZE_MAX, NULL);
        snprintf(failing, sizeof(failing), "restore, allocation %ld", n);
        fault_after(n);
        restore_line(&st, &bytes);
        hit = fault_hit();
        fault_after(-1);
        if (!hit)
            assert_true(requests(&st) >= RESTORE_REQUESTS);
        the_next_client_is_served(&st);
        stage_close(&st);
    }
    for (size_t kind = 0; kind < sizeof(failures) / sizeof(failures[0]); kind++)
        for (size_t at = 0; at < RESTORE_REQUESTS; at++) {
            AUTO(arena) arena = arena_new(1 << 20);
            struct stage st;
            open_restore(&st, arena, at, failures[kind]);
            snprintf(failing, sizeof(failing), "restore, request %zu", at);
            restore_line(&st, &bytes);
            the_next_client_is_served(&st);
            stage_close(&st);
        }
    buf_fini(&bytes);
}

/* ---- cancel requests ---- */

/* Blocks that wait for their answers, and what D1 answers over a network; NULL: it is not asked. */
static const struct {
    const char *line, *answer;
} block[] = {
    { "Q \"BEGIN ISOLATION LEVEL REPEATABLE READ\"", NULL },
    { "Q \"SELECT id FROM t\"", "rows [[\"[\\\"i1\\\"]\"]]" },
    { "Q \"SAVEPOINT a\"", NULL },
    { "Q \"SELECT id FROM t FOR UPDATE\"", "rows [[\"[\\\"i2\\\"]\"]]" },
    { "Q \"ROLLBACK TO a\"", NULL },
    { "P \"\" \"SELECT id FROM t WHERE id = $1\", B \"\" \"\" 4, E \"\", S", "rows [[\"[\\\"i4\\\"]\"]]" },
    { "Q \"COMMIT\"", NULL },
    { "Q \"BEGIN\"", NULL },
    { "Q \"UPDATE t SET n = 'x'\"", "error 'bad JSON path: ''>[null,2]'': SQLITE_ERROR'" },
    { "Q \"SELECT id FROM t\"", "error 'bad JSON path: ''>[\"[\\\"i1\\\"]\",null]'': SQLITE_ERROR'" },
    { "Q \"DELETE FROM t\"", "error 'bad JSON path: ''>[null,2]'': SQLITE_ERROR'" },
    { "Q \"COMMIT\"", "ok" },
    { "Q \"INSERT INTO t VALUES (7, 'x')\"", "changes 1" },
    { "P \"\" \"UPDATE t SET n = 'y'\", B \"\" \"\", E \"\", P \"\" \"DELETE FROM t\", B \"\" \"\", E \"\", S",
      "changes 1,1" },
    { "Q \"BEGIN; UPDATE t SET n = 'z'; COMMIT\"", "changes 1" },
};
enum { BLOCK_LINES = sizeof(block) / sizeof(block[0]) };

static void cancel_it(struct stage *st, const struct player *p)
{
    const struct presence *it = &p->session->presence;
    cancel_request(&st->app->sessions, it->pid, (struct str){ (const char *)it->key, it->key_length });
    stage_settle(st);
}

/* Says one line. What waits for D1 is cancelled: true. */
static bool say_impatiently(struct stage *st, struct player *p, size_t i, const struct buf *bytes)
{
    came(p, 'Z');
    came(p, 'E');
    stage_send(st, p, buf_str(bytes));
    bool waits = p->session->state == SESSION_BUSY;
    if (waits)
        cancel_it(st, p);
    if (p->session->state == SESSION_BUSY) { /* a write for good is not abandoned: what became of it is found out */
        fake_release(st->d1);
        wait_for_answer(st, p);
    } else if (waits && p->session->transaction.state == TXN_OPEN) {
        fail_msg("%s (%s): cancelled, and the block is open", block[i].line, failing);
    }
    size_t ready = came(p, 'Z');
    if (ready != ready_wanted(block[i].line))
        fail_msg("%s (%s): %zu ReadyForQuery", block[i].line, failing, ready);
    return waits;
}

/* The lines up to the one that waits, then a ROLLBACK where the block is still there. */
static void converse_until(struct stage *st, const struct buf *lines, size_t last)
{
    struct player *p = log_in(st);
    for (size_t i = 0; i <= last; i++)
        assert_int_equal(say_impatiently(st, p, i, &lines[i]), i == last);
    if (p->session->transaction.state != TXN_IDLE)
        say(st, p, &rollback);
    assert_int_equal(p->session->transaction.state, TXN_IDLE);
    assert_null(p->session->transaction.buffer.first);
}

static void every_request_may_be_cancelled(void **state)
{
    (void)state;
    struct buf lines[BLOCK_LINES];
    for (size_t i = 0; i < BLOCK_LINES; i++)
        make_messages(&lines[i], block[i].line);
    for (size_t last = 0; last < BLOCK_LINES; last++) {
        if (!block[last].answer)
            continue;
        AUTO(arena) arena = arena_new(1 << 20);
        struct stage st;
        open_stage(&st);
        snprintf(failing, sizeof(failing), "line %zu", last);
        for (size_t i = 0; i < last; i++)
            if (block[i].answer)
                script(&st, arena, "expect answer %s", block[i].answer);
        script(&st, arena, "expect answer never");
        script(&st, arena, "expect answer ok again 1000000");
        converse_until(&st, lines, last);
        the_next_client_is_served(&st);
        stage_close(&st);
    }
    for (size_t i = 0; i < BLOCK_LINES; i++)
        buf_fini(&lines[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_allocation_may_fail),   cmocka_unit_test(every_allocation_of_a_migration_may_fail),
        cmocka_unit_test(every_request_may_fail),      cmocka_unit_test(every_request_of_a_migration_may_fail),
        cmocka_unit_test(a_restore_may_fail_anywhere), cmocka_unit_test(every_request_may_be_cancelled),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
