/* LINK pgd1_d1 pgd1_base */
/*
 * test_embedded_faults.c - the disk and the memory fail under SQLite: nothing is acknowledged that is not safe, nothing
 * that failed is there, and the database works again afterwards.
 */
#include "tests/unit/test_embedded.h"

#include <sqlite3.h>
#include <stdatomic.h>

/* --- a VFS over the real one whose writes or syncs fail while told so --- */

enum fault { FAULT_NONE, FAULT_SYNC, FAULT_FULL, FAULT_SLOW };

static atomic_int fault_now;
static sqlite3_vfs *real_vfs, fault_vfs;

struct fault_file {
    sqlite3_file base;
};

/* The real file lies behind ours. */
static sqlite3_file *real_file(sqlite3_file *f)
{
    return (sqlite3_file *)(void *)((char *)f + sizeof(struct fault_file));
}

static int fault_close(sqlite3_file *f)
{
    return real_file(f)->pMethods->xClose(real_file(f));
}
static int fault_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
    return real_file(f)->pMethods->xRead(real_file(f), p, n, at);
}
static int fault_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
    if (atomic_load(&fault_now) == FAULT_FULL)
        return SQLITE_FULL;
    return real_file(f)->pMethods->xWrite(real_file(f), p, n, at);
}
static int fault_truncate(sqlite3_file *f, sqlite3_int64 n)
{
    return real_file(f)->pMethods->xTruncate(real_file(f), n);
}
static int fault_sync(sqlite3_file *f, int flags)
{
    if (atomic_load(&fault_now) == FAULT_SYNC)
        return SQLITE_IOERR_FSYNC;
    while (atomic_load(&fault_now) == FAULT_SLOW)
        usleep(100);
    return real_file(f)->pMethods->xSync(real_file(f), flags);
}
static int fault_size(sqlite3_file *f, sqlite3_int64 *n)
{
    return real_file(f)->pMethods->xFileSize(real_file(f), n);
}
static int fault_lock(sqlite3_file *f, int level)
{
    return real_file(f)->pMethods->xLock(real_file(f), level);
}
static int fault_unlock(sqlite3_file *f, int level)
{
    return real_file(f)->pMethods->xUnlock(real_file(f), level);
}
static int fault_reserved(sqlite3_file *f, int *out)
{
    return real_file(f)->pMethods->xCheckReservedLock(real_file(f), out);
}
static int fault_control(sqlite3_file *f, int op, void *arg)
{
    return real_file(f)->pMethods->xFileControl(real_file(f), op, arg);
}
static int fault_sector(sqlite3_file *f)
{
    return real_file(f)->pMethods->xSectorSize(real_file(f));
}
static int fault_device(sqlite3_file *f)
{
    return real_file(f)->pMethods->xDeviceCharacteristics(real_file(f));
}
static int fault_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **p)
{
    return real_file(f)->pMethods->xShmMap(real_file(f), page, size, extend, p);
}
static int fault_shm_lock(sqlite3_file *f, int at, int n, int flags)
{
    return real_file(f)->pMethods->xShmLock(real_file(f), at, n, flags);
}
static void fault_shm_barrier(sqlite3_file *f)
{
    real_file(f)->pMethods->xShmBarrier(real_file(f));
}
static int fault_shm_unmap(sqlite3_file *f, int del)
{
    return real_file(f)->pMethods->xShmUnmap(real_file(f), del);
}

static const sqlite3_io_methods fault_methods = {
    .iVersion = 2,
    .xClose = fault_close,
    .xRead = fault_read,
    .xWrite = fault_write,
    .xTruncate = fault_truncate,
    .xSync = fault_sync,
    .xFileSize = fault_size,
    .xLock = fault_lock,
    .xUnlock = fault_unlock,
    .xCheckReservedLock = fault_reserved,
    .xFileControl = fault_control,
    .xSectorSize = fault_sector,
    .xDeviceCharacteristics = fault_device,
    .xShmMap = fault_shm_map,
    .xShmLock = fault_shm_lock,
    .xShmBarrier = fault_shm_barrier,
    .xShmUnmap = fault_shm_unmap,
};

static int fault_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags, int *out)
{
    (void)vfs;
    int rc = real_vfs->xOpen(real_vfs, name, real_file(f), flags, out);
    f->pMethods = rc == SQLITE_OK ? &fault_methods : NULL;
    return rc;
}

/* --- memory: every allocation of SQLite on any thread, the nth fails --- */

static sqlite3_mem_methods real_memory;
static atomic_long allocations_left = -1;
static atomic_bool memory_failed;

static bool memory_fails(void)
{
    if (atomic_load(&allocations_left) < 0 || atomic_fetch_sub(&allocations_left, 1) != 0)
        return false;
    atomic_store(&memory_failed, true);
    return true;
}

static void *fault_memory_new(int n)
{
    return memory_fails() ? NULL : real_memory.xMalloc(n);
}

static void *fault_memory_grow(void *p, int n)
{
    return memory_fails() ? NULL : real_memory.xRealloc(p, n);
}

static int install(void **state)
{
    (void)state;
    sqlite3_mem_methods memory;
    if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real_memory) != SQLITE_OK)
        return -1;
    memory = real_memory;
    memory.xMalloc = fault_memory_new;
    memory.xRealloc = fault_memory_grow;
    if (sqlite3_config(SQLITE_CONFIG_MALLOC, &memory) != SQLITE_OK)
        return -1;
    real_vfs = sqlite3_vfs_find(NULL);
    fault_vfs = *real_vfs;
    fault_vfs.zName = "fault";
    fault_vfs.szOsFile = (int)sizeof(struct fault_file) + real_vfs->szOsFile;
    fault_vfs.xOpen = fault_open;
    return sqlite3_vfs_register(&fault_vfs, 1) == SQLITE_OK ? 0 : -1;
}

static void write_row(struct answer *a, struct database *db)
{
    run_one(a, db, D1_WRITE, STR("INSERT INTO t VALUES (1)"));
}

/* The log may hold the commit although its sync failed, so nobody can say whether the row is there. */
static void a_failed_sync_leaves_the_fate_open(void **state)
{
    (void)state;
    struct database db;
    database_init(&db, NULL);
    must_write(&db, "CREATE TABLE t(a)");
    for (int i = 0; i < 3; i++) {
        struct answer a;
        atomic_store(&fault_now, FAULT_SYNC);
        write_row(&a, &db);
        atomic_store(&fault_now, FAULT_NONE);
        assert_int_equal(a.request.error.kind, D1_ERROR_LOST);
        assert_true(a.request.error.may_have_run);
        assert_string_equal(a.error, "disk I/O error: SQLITE_IOERR (extended: SQLITE_IOERR_FSYNC)");
        answer_fini(&a);
        must_write(&db, "INSERT INTO t VALUES (2)");
    }
    must_read(&db, "SELECT count(*) FROM t WHERE a = 2", "i3;");
    must_read(&db, "SELECT count(*) <= 3 FROM t WHERE a = 1", "i1;");
    database_fini(&db);
}

static void a_full_disk_refuses_and_recovers(void **state)
{
    (void)state;
    struct database db;
    database_init(&db, NULL);
    must_write(&db, "CREATE TABLE t(a)");
    for (int i = 0; i < 3; i++) {
        struct answer a;
        atomic_store(&fault_now, FAULT_FULL);
        write_row(&a, &db);
        atomic_store(&fault_now, FAULT_NONE);
        assert_int_equal(a.request.error.kind, D1_ERROR_SQL);
        assert_false(a.request.error.may_have_run);
        assert_string_equal(a.error, "database or disk is full: SQLITE_FULL");
        answer_fini(&a);
        must_write(&db, "INSERT INTO t VALUES (2)");
    }
    must_read(&db, "SELECT a, count(*) FROM t GROUP BY a", "i2|i3;");
    database_fini(&db);
}

/* What fails before anything was done in its group is of what is safe already. What fails behind a write is not: the write is not safe. */
static void a_tryout_waits_for_the_sync_of_what_it_saw_only(void **state)
{
    (void)state;
    struct database db;
    struct answer before, write, behind;
    struct d1_statement tries[] = { { .sql = STR_INIT("INSERT INTO t VALUES (1) RETURNING (SELECT count(*) FROM t)") },
                                    { .sql = STR_INIT("SELECT missing") } };
    sqlite3 *raw;
    database_init(&db, NULL);
    must_write(&db, "CREATE TABLE t(a)");
    assert_int_equal(sqlite3_open(db.path, &raw), SQLITE_OK);
    assert_int_equal(sqlite3_exec(raw, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    answer_init(&before, &db, D1_TRYOUT, tries, 2);
    answer_submit(&before);
    turn_loop(&db, 2); /* it is the writer's, which waits for the lock */
    answer_init(&write, &db, D1_WRITE, &tries[0], 1);
    answer_submit(&write);
    answer_init(&behind, &db, D1_TRYOUT, tries, 2);
    answer_submit(&behind);
    turn_loop(&db, 2);
    atomic_store(&fault_now, FAULT_SLOW);
    assert_int_equal(sqlite3_exec(raw, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    answer_wait(&before);
    turn_loop(&db, 50);
    assert_string_equal(before.error, "no such column: missing at offset 7: SQLITE_ERROR");
    assert_string_equal(answer_rows(&before), "i1;");
    assert_int_equal(write.n_done + behind.n_done, 0);
    atomic_store(&fault_now, FAULT_NONE);
    answer_wait(&write);
    answer_wait(&behind);
    assert_true(write.ok);
    assert_string_equal(answer_rows(&behind), "i2;");
    must_read(&db, "SELECT count(*) FROM t", "i1;");
    answer_fini(&before);
    answer_fini(&write);
    answer_fini(&behind);
    sqlite3_close(raw);
    database_fini(&db);
}

/* Batches per round, the second with a check of the first, and one that is taken back. the second with a check of the first. Whatever fails has left nothing behind. */
static void no_memory_in_sqlite(struct database *db, long n, int64_t *rows)
{
    struct answer w, r, u;
    struct d1_statement batch[] = { { .sql = STR_INIT("INSERT INTO t VALUES (1), (2)") },
                                    { .sql = STR_INIT(
                                          "INSERT INTO t SELECT 3 WHERE (SELECT count(*) FROM t) > 0 RETURNING a") } };
    struct d1_statement undone[] = { batch[0], batch[1], { .sql = STR_INIT("SELECT missing") } };
    struct d1_statement read = { .sql = STR("SELECT count(*), max(a) FROM t ORDER BY 1") };
    answer_init(&w, db, D1_WRITE, batch, 2);
    answer_init(&u, db, D1_TRYOUT, undone, 3);
    answer_init(&r, db, D1_READ, &read, 1);
    atomic_store(&memory_failed, false);
    atomic_store(&allocations_left, n);
    answer_submit(&w);
    answer_submit(&r);
    if (n % 2) { /* beside the write, or while the writer has nothing to do */
        answer_wait(&w);
        usleep(1000);
    }
    answer_submit(&u);
    answer_wait(&w);
    answer_wait(&r);
    answer_wait(&u);
    atomic_store(&allocations_left, -1);
    bool failed = atomic_load(&memory_failed);
    assert_false(u.ok);
    assert_true((w.ok && r.ok && u.request.error.failed == 3) || failed);
    if (w.ok)
        *rows += 3;
    answer_fini(&w);
    answer_fini(&r);
    answer_fini(&u);
}

static void every_allocation_of_sqlite_may_fail(void **state)
{
    (void)state;
    int64_t rows = 0;
    struct database db;
    database_init(&db, NULL);
    must_write(&db, "CREATE TABLE t(a)");
    size_t failures = 0;
    for (long n = 0; n < 400; n++) {
        if (n % 4 == 0) { /* with cold caches too */
            d1_close(db.d1);
            database_open(&db);
        }
        no_memory_in_sqlite(&db, n % 100, &rows);
        failures += atomic_load(&memory_failed);
        char want[64];
        snprintf(want, sizeof(want), "i%lld;", (long long)rows);
        must_read(&db, "SELECT count(*) FROM t", want);
    }
    print_message("%zu allocations failed\n", failures);
    assert_true(failures > 50);
    assert_true(rows > 0);
    database_fini(&db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failed_sync_leaves_the_fate_open),
        cmocka_unit_test(a_full_disk_refuses_and_recovers),
        cmocka_unit_test(a_tryout_waits_for_the_sync_of_what_it_saw_only),
        cmocka_unit_test(every_allocation_of_sqlite_may_fail),
    };
    return cmocka_run_group_tests(tests, install, NULL);
}
