/* test_embedded_history.c - going back in time on the embedded transport: copies, bookmarks, restoring, kill -9 in the middle. */
/* LINK pgd1_d1 pgd1_base */
#include "tests/unit/test_embedded.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { KILLS = 14, KEPT = 4 };

static const struct embedded_options with_snapshots = { .snapshots = KEPT };

static void folder_of(const struct database *db, char ret[128])
{
    snprintf(ret, 128, "%s-snapshots", db->path);
}

static size_t count_files(const struct database *db, bool remove)
{
    char folder[128], path[512];
    size_t n = 0;
    folder_of(db, folder);
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d));) {
        if (e->d_name[0] == '.')
            continue;
        n++;
        snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
        if (remove)
            unlink(path);
    }
    if (d)
        closedir(d);
    if (remove)
        rmdir(folder);
    return n;
}

static void fini(struct database *db)
{
    count_files(db, true);
    database_fini(db);
}

static void travel(struct answer *a, struct database *db, enum d1_travel travel, struct str to, int64_t at_us)
{
    answer_init(a, db, travel == D1_RESTORE ? D1_WRITE : D1_READ, NULL, 0);
    a->request.travel = travel;
    a->request.to_bookmark = to;
    a->request.at_us = at_us;
    answer_submit(a);
    answer_wait(a);
    answer_fini(a);
}

static struct str bookmark_now(struct database *db)
{
    struct answer a;
    travel(&a, db, D1_FIND_BOOKMARK, STR(""), 0);
    if (!a.ok)
        fail_msg("%s", a.error);
    assert_true(d1_is_bookmark(a.request.bookmark));
    return a.request.bookmark;
}

static void there_and_back(void **state)
{
    (void)state;
    struct database db;
    struct answer a;
    database_init(&db, &with_snapshots);
    assert_true(db.d1->traits.time_travel);
    must_write(&db, "CREATE TABLE t(a INTEGER PRIMARY KEY AUTOINCREMENT, b TEXT)");
    must_write(&db, "INSERT INTO t(b) VALUES ('old')");
    struct str old = bookmark_now(&db);
    int64_t time = clock_wall_us(clock_system());
    must_write(&db, "UPDATE t SET b = 'new'");
    must_write(&db, "CREATE TABLE u AS SELECT 1 AS x");
    must_read(&db, "SELECT b FROM t", "tnew;");
    travel(&a, &db, D1_RESTORE, old, 0);
    assert_true(a.ok && str_eq(a.request.bookmark, old));
    struct str newer = a.request.previous;
    assert_true(d1_is_bookmark(newer) && str_cmp(newer, old) > 0);
    must_read(&db, "SELECT a, b FROM t", "i1|told;");
    must_read(&db, "SELECT count(*) FROM sqlite_schema WHERE name = 'u'", "i0;");
    must_write(&db, "INSERT INTO t(b) VALUES ('more')");
    must_read(&db, "SELECT max(a) FROM t", "i2;");
    travel(&a, &db, D1_RESTORE, newer, 0);
    assert_true(a.ok);
    must_read(&db, "SELECT b, x FROM t, u", "tnew|i1;");
    travel(&a, &db, D1_FIND_BOOKMARK, STR(""), time);
    assert_true(a.ok && str_eq(a.request.bookmark, old));
    travel(&a, &db, D1_RESTORE, STR(""), time);
    assert_true(a.ok && str_eq(a.request.bookmark, old));
    must_read(&db, "SELECT group_concat(b) FROM t", "told;");
    fini(&db);
}

static void what_is_refused(void **state)
{
    (void)state;
    struct database db;
    struct answer a;
    database_init(&db, &with_snapshots);
    must_write(&db, "CREATE TABLE t AS SELECT 1 AS a");
    travel(&a, &db, D1_RESTORE, STR("00000001-00000002-00000003-0123456789abcdef0123456789abcdef"), 0);
    assert_string_equal(a.error, "there is no snapshot of this bookmark");
    assert_int_equal(a.request.error.kind, D1_ERROR_SQL);
    assert_false(a.request.error.may_have_run);
    travel(&a, &db, D1_FIND_BOOKMARK, STR(""), 1);
    assert_string_equal(a.error, "there is no snapshot of this time or of one before it");
    must_read(&db, "SELECT a FROM t", "i1;");
    fini(&db);
    database_init(&db, NULL);
    travel(&a, &db, D1_FIND_BOOKMARK, STR(""), 0);
    assert_string_equal(a.error, "snapshots are turned off");
    assert_int_equal(count_files(&db, false), 0);
    database_fini(&db);
}

static void memory_is_refused(void **state)
{
    (void)state;
    struct database db;
    struct answer a;
    char before[256];
    database_init(&db, &with_snapshots);
    d1_close(db.d1);
    assert_non_null(getcwd(before, sizeof(before)));
    assert_int_equal(chdir(db.folder), 0);
    char path[96];
    memcpy(path, db.path, sizeof(path));
    snprintf(db.path, sizeof(db.path), ":memory:");
    database_open(&db);
    travel(&a, &db, D1_FIND_BOOKMARK, STR(""), 0);
    assert_string_equal(a.error, "a database in memory has no snapshots");
    unlink(":memory:");
    memcpy(db.path, path, sizeof(path));
    assert_int_equal(chdir(before), 0);
    database_fini(&db);
}

static void the_newest_are_kept(void **state)
{
    (void)state;
    struct database db;
    struct answer a;
    char folder[128], half[256];
    database_init(&db, &with_snapshots);
    must_write(&db, "CREATE TABLE t AS SELECT 0 AS a");
    struct str first = bookmark_now(&db), last = first;
    folder_of(&db, folder);
    snprintf(half, sizeof(half), "%s/tmp-%.*s", folder, STR_FMT(first));
    close(open(half, O_CREAT | O_WRONLY, 0600)); /* of a process that died */
    for (int i = 0; i < KEPT; i++) {
        must_write(&db, "UPDATE t SET a = a + 1");
        struct str b = bookmark_now(&db);
        assert_true(str_cmp(b, last) > 0);
        last = b;
    }
    assert_int_equal(count_files(&db, false), KEPT);
    travel(&a, &db, D1_RESTORE, first, 0);
    assert_false(a.ok);
    assert_int_equal(count_files(&db, false), KEPT); /* what is refused makes no copy */
    travel(&a, &db, D1_FIND_BOOKMARK, STR(""), INT64_MAX);
    assert_true(str_eq(a.request.bookmark, last));
    travel(&a, &db, D1_RESTORE, last, 0);
    assert_true(a.ok);
    assert_int_equal(count_files(&db, false), KEPT);
    fini(&db);
}

/* Batches before and behind it in the queue keep their places. */
static void in_its_place_in_the_queue(void **state)
{
    (void)state;
    struct database db;
    struct answer a[3];
    database_init(&db, &with_snapshots);
    must_write(&db, "CREATE TABLE t(a INTEGER)");
    struct str empty = bookmark_now(&db);
    struct d1_statement inserts[] = { { .sql = STR("INSERT INTO t VALUES (1)") },
                                      { .sql = STR("INSERT INTO t VALUES (2)") } };
    answer_init(&a[0], &db, D1_WRITE, &inserts[0], 1);
    answer_init(&a[1], &db, D1_WRITE, NULL, 0);
    a[1].request.travel = D1_RESTORE;
    a[1].request.to_bookmark = empty;
    answer_init(&a[2], &db, D1_WRITE, &inserts[1], 1);
    for (size_t i = 0; i < 3; i++)
        answer_submit(&a[i]);
    for (size_t i = 0; i < 3; i++) {
        answer_wait(&a[i]);
        assert_true(a[i].ok);
        answer_fini(&a[i]);
    }
    must_read(&db, "SELECT a FROM t", "i2;");
    travel(&a[0], &db, D1_RESTORE, a[1].request.previous, 0);
    must_read(&db, "SELECT a FROM t", "i1;");
    fini(&db);
}

static void cancelled_it_has_not_happened(void **state)
{
    (void)state;
    struct database db;
    struct answer a;
    database_init(&db, &with_snapshots);
    must_write(&db, "CREATE TABLE t AS SELECT 1 AS a");
    struct str old = bookmark_now(&db);
    must_write(&db, "UPDATE t SET a = 2");
    answer_init(&a, &db, D1_WRITE, NULL, 0);
    a.request.travel = D1_RESTORE;
    a.request.to_bookmark = old;
    a.request.deadline_us = clock_monotonic_us(clock_system()) + 1;
    usleep(10);
    answer_submit(&a);
    answer_wait(&a);
    if (!a.ok) { /* a small copy may be made before the brake is looked at */
        assert_int_equal(a.request.error.kind, D1_ERROR_DEADLINE);
        assert_false(a.request.error.may_have_run);
    }
    must_read(&db, "SELECT a FROM t", a.ok ? "i1;" : "i2;");
    answer_fini(&a);
    fini(&db);
}

/* ---- kill -9 ---- */

struct traveller {
    struct d1_request request;
    struct d1 *d1;
    struct str to[2];
    int next, pipe;
};

static void go_again(struct d1_request *r)
{
    struct traveller *t = r->user;
    if (r->error.kind != D1_OK || write(t->pipe, "x", 1) != 1)
        _exit(3);
    arena_reset(r->arena);
    t->next = !t->next;
    r->to_bookmark = t->to[t->next];
    d1_submit(t->d1, r);
}

/* Goes to and fro between two states until it is killed. */
static int child(const char *path, const char *one, const char *other, int pipe)
{
    struct event_base *base = event_base_new();
    struct arena *arena = arena_new(1 << 20);
    struct err err;
    err_init(&err, arena);
    struct embedded_options o = { .path = str_from(path), .snapshots = 1000 };
    struct traveller t = { .d1 = embedded_open(embedded_stores_new(), &o, base, &err),
                           .to = { str_from(one), str_from(other) },
                           .pipe = pipe };
    if (!t.d1)
        return 2;
    t.request = (struct d1_request){ .travel = D1_RESTORE,
                                     .to_bookmark = t.to[0],
                                     .access = D1_WRITE,
                                     .done = go_again,
                                     .user = &t,
                                     .arena = arena_new(1 << 20) };
    d1_submit(t.d1, &t.request);
    event_base_dispatch(base);
    return 4;
}

static char program[512];

/* Kills it within the second or third time; `part` of 1000. */
static void run_and_kill(const char *path, struct str one, struct str other, unsigned part)
{
    int ends[2], status;
    char byte;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0) {
        char texts[2][64], fd[16];
        snprintf(texts[0], sizeof(texts[0]), "%.*s", STR_FMT(one));
        snprintf(texts[1], sizeof(texts[1]), "%.*s", STR_FMT(other));
        snprintf(fd, sizeof(fd), "%d", dup(ends[1]));
        execl(program, program, "child", path, texts[0], texts[1], fd, (char *)NULL);
        _exit(5);
    }
    close(ends[1]);
    assert_int_equal(read(ends[0], &byte, 1), 1);
    uint64_t first = clock_monotonic_us(clock_system());
    assert_int_equal(read(ends[0], &byte, 1), 1);
    usleep((unsigned)((clock_monotonic_us(clock_system()) - first) * part / 500));
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    close(ends[0]);
}

static int64_t number_of(const char *path, const char *sql)
{
    sqlite3 *raw;
    sqlite3_stmt *s;
    assert_int_equal(sqlite3_open(path, &raw), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(raw, sql, -1, &s, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    int64_t n = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    sqlite3_close(raw);
    return n;
}

static void killed_it_is_old_or_new(void **state)
{
    (void)state;
    struct database db;
    unsigned seen[2] = { 0 };
    struct embedded_options many = { .snapshots = 1000 };
    database_init(&db, &many);
    must_write(&db, "CREATE TABLE t(a INTEGER PRIMARY KEY, state INTEGER, filler TEXT)");
    for (int i = 0; i < 4; i++)
        must_write(&db, "INSERT INTO t(state, filler) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
                        "WHERE i < 250) "
                        "SELECT 0, printf('%900s', i) FROM n");
    struct str one = bookmark_now(&db);
    must_write(&db, "UPDATE t SET state = 1, filler = printf('%1900s', a)");
    must_write(&db, "CREATE TABLE only_then(a INTEGER)");
    struct str other = bookmark_now(&db);
    d1_close(db.d1);
    srand(4711);
    for (int i = 0; i < KILLS; i++) {
        run_and_kill(db.path, one, other, (unsigned)(rand() % 1000));
        int64_t is_new = number_of(db.path, "SELECT count(*) FROM sqlite_schema WHERE name = 'only_then'");
        seen[is_new]++;
        assert_int_equal(number_of(db.path, "SELECT count(*) FROM t"), 1000);
        assert_int_equal(number_of(db.path, "SELECT sum(state)/1000 FROM t"), is_new);
        assert_int_equal(number_of(db.path, "SELECT min(length(filler)) = max(length(filler)) FROM t"), 1);
        assert_int_equal(number_of(db.path, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'"),
                         1);
    }
    print_message("%u times the one state, %u times the other\n", seen[0], seen[1]);
    assert_true(seen[0] && seen[1]);
    database_open(&db);
    bookmark_now(&db); /* what was half made is no obstacle */
    fini(&db);
}

int main(int argc, char **argv)
{
    if (argc == 6 && strcmp(argv[1], "child") == 0)
        return child(argv[2], argv[3], argv[4], (int)strtol(argv[5], NULL, 10));
    ssize_t n = readlink("/proc/self/exe", program, sizeof(program) - 1);
    program[n > 0 ? n : 0] = '\0';
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(memory_is_refused),
        cmocka_unit_test(the_newest_are_kept),
        cmocka_unit_test(in_its_place_in_the_queue),
        cmocka_unit_test(cancelled_it_has_not_happened),
        cmocka_unit_test(killed_it_is_old_or_new),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
