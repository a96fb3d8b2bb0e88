/* LINK pgd1_d1 pgd1_base */
/*
 * test_embedded_kill.c - what was acknowledged survives kill -9, again and again on one file.
 *
 * The child (this program, argument "child") inserts as fast as it can and tells each acknowledged number on a pipe.
 * The parent kills it at a random moment, opens the file with plain SQLite (which recovers the log) and looks for every
 * number.
 */
#include "tests/unit/test_embedded.h"

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>

enum { KILLS = 25, WRITERS = 12 };

struct writer {
    struct d1 *d1;
    struct d1_request request;
    struct d1_statement statements[2];
    struct value number;
    int pipe;
    int64_t *next;
};

static void write_next(struct writer *w)
{
    w->number = value_integer((*w->next)++);
    d1_submit(w->d1, &w->request);
}

static void tell(struct d1_request *r)
{
    struct writer *w = r->user;
    int64_t number = w->number.integer;
    if (r->error.kind != D1_OK || write(w->pipe, &number, sizeof(number)) != sizeof(number))
        _exit(3);
    arena_reset(r->arena);
    write_next(w);
}

/* Two rows per batch, so that half a batch would be seen. */
static int child(const char *path, int64_t first, int pipe)
{
    struct event_base *base = event_base_new();
    struct arena *arena = arena_new(1 << 20);
    struct err err;
    err_init(&err, arena);
    struct embedded_options o = { .path = str_from(path) };
    struct d1 *d = embedded_open(embedded_stores_new(), &o, base, &err);
    if (!d)
        return 2;
    static struct writer w[WRITERS];
    for (size_t i = 0; i < WRITERS; i++) {
        w[i].d1 = d;
        w[i].pipe = pipe;
        w[i].next = &first;
        for (int j = 0; j < 2; j++)
            w[i].statements[j] = (struct d1_statement){ .params = &w[i].number, .n_params = 1 };
        w[i].statements[0].sql = STR("INSERT INTO t(a, filler) VALUES (?1, printf('%500s', 'x'))");
        w[i].statements[1].sql = STR("INSERT INTO u(a) VALUES (?1)");
        w[i].request = (struct d1_request){ .statements = w[i].statements,
                                            .n_statements = 2,
                                            .access = D1_WRITE,
                                            .done = tell,
                                            .user = &w[i],
                                            .arena = arena_new(1 << 20) };
        write_next(&w[i]);
    }
    event_base_dispatch(base);
    return 4;
}

/*
 * Starts the child, waits for its first acknowledgement (a loaded machine may take its time to start it) and kills it `us`
 * microseconds later. The number goes to *seen; answers the child's pipe, to be read to the end.
 */
static int run_child(const char *program, const char *path, int64_t first, unsigned us, int64_t *seen)
{
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0) {
        char number[32], fd[16];
        snprintf(number, sizeof(number), "%lld", (long long)first);
        snprintf(fd, sizeof(fd), "%d", dup(ends[1]));
        execl(program, program, "child", path, number, fd, (char *)NULL);
        _exit(5);
    }
    close(ends[1]);
    bool told = read(ends[0], seen, sizeof(*seen)) == sizeof(*seen);
    if (told)
        usleep(us);
    kill(pid, SIGKILL);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (!told || !WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
        fail_msg("the child ended by itself: wait status %x, %s", (unsigned)status,
                 told ? "after a row" : "before a row");
    return ends[0];
}

static int64_t number_of(sqlite3 *raw, const char *sql)
{
    sqlite3_stmt *s;
    assert_int_equal(sqlite3_prepare_v2(raw, sql, -1, &s, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    int64_t n = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    return n;
}

/* `number` and all that the pipe still holds. */
static size_t check_numbers(sqlite3 *raw, int64_t number, int pipe)
{
    sqlite3_stmt *s;
    assert_int_equal(sqlite3_prepare_v2(raw, "SELECT EXISTS (SELECT 1 FROM t WHERE a = ?1)", -1, &s, NULL), SQLITE_OK);
    size_t n = 0;
    do {
        sqlite3_bind_int64(s, 1, number);
        assert_int_equal(sqlite3_step(s), SQLITE_ROW);
        if (!sqlite3_column_int(s, 0))
            fail_msg("the acknowledged row %lld is lost", (long long)number);
        sqlite3_reset(s);
        n++;
    } while (read(pipe, &number, sizeof(number)) == sizeof(number));
    sqlite3_finalize(s);
    close(pipe);
    return n;
}

static char program[512];

static void no_acknowledged_row_is_lost(void **state)
{
    (void)state;
    struct database db;
    database_init(&db, NULL);
    must_write(&db, "CREATE TABLE t(a INTEGER PRIMARY KEY, filler TEXT)");
    must_write(&db, "CREATE TABLE u(a INTEGER PRIMARY KEY)");
    d1_close(db.d1);
    srand(4711);
    size_t acknowledged = 0;
    for (int i = 0; i < KILLS; i++) {
        int64_t seen;
        int pipe = run_child(program, db.path, 1 + i * INT64_C(1000000), (unsigned)(rand() % 60000), &seen);
        sqlite3 *raw;
        assert_int_equal(sqlite3_open(db.path, &raw), SQLITE_OK);
        acknowledged += check_numbers(raw, seen, pipe);
        assert_int_equal(number_of(raw, "SELECT (SELECT count(*) FROM t) - (SELECT count(*) FROM u)"), 0);
        assert_int_equal(number_of(raw, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'"), 1);
        sqlite3_close(raw);
    }
    print_message("%zu rows acknowledged before %d kills\n", acknowledged, KILLS);
    assert_true(acknowledged > 100);
    database_open(&db);
    must_read(&db, "SELECT count(*) > 100 FROM t", "i1;");
    database_fini(&db);
}

int main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "child") == 0)
        return child(argv[2], strtoll(argv[3], NULL, 10), (int)strtol(argv[4], NULL, 10));
    ssize_t n = readlink("/proc/self/exe", program, sizeof(program) - 1);
    program[n > 0 ? n : 0] = '\0';
    const struct CMUnitTest tests[] = { cmocka_unit_test(no_acknowledged_row_is_lost) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
