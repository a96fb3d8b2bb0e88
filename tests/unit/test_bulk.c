/* test_bulk.c - COPY's rows as JSON statements: exact values, defaults of columns left out, chunks, refusals. Run in
 * SQLite. */
/* LINK pgd1_sql pgd1_catalog pgd1_pgwire pgd1_snapshot_fixture pgd1_sqlite pgd1_base */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sqlite3.h>
#include "proxy/sql/bulk.h"
#include "tests/support/snapshot_fixture.h"

static const char ddl[] =
    "CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT, big BIGINT, f REAL, n NUMERIC(6,2), v VARCHAR(5), b BLOB, "
    "at TIMESTAMP, flag TEXT DEFAULT 'set')";

struct fixture {
    sqlite3 *db;
    struct snapshot *snapshot;
    struct arena *arena;
    struct sql_settings settings;
    struct str path[1];
    struct bulk_target *target;
    const struct column *columns[8];
};

static void open_fixture(struct fixture *f, size_t n_columns, bool native)
{
    memset(f, 0, sizeof(*f));
    assert_int_equal(sqlite3_open(":memory:", &f->db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(f->db, ddl, NULL, NULL, NULL), SQLITE_OK);
    f->snapshot = snapshot_fixture_read(f->db);
    f->arena = arena_new(1 << 28);
    f->path[0] = STR("public");
    f->settings =
        (struct sql_settings){ .search_path = f->path,
                               .n_search_path = 1,
                               .standard_conforming_strings = true,
                               .traits = { .native_values = native, .max_params = 100, .max_statement_bytes = 100000 },
                               .types = type_settings_default() };
    const struct relation *r = snapshot_relation(f->snapshot, f->path, 1, STR(""), STR("t"));
    struct err err;
    err_init(&err, f->arena);
    for (size_t i = 0; i < n_columns; i++)
        f->columns[i] = &r->columns[i];
    if (!bulk_target_new(r, f->columns, n_columns, &f->settings, f->snapshot, f->arena, &f->target, &err))
        fail_msg("%.*s", STR_FMT(err.message));
}

static void close_fixture(struct fixture *f)
{
    snapshot_unref(f->snapshot);
    sqlite3_close(f->db);
    arena_free(f->arena);
}

static size_t run(struct fixture *f, struct bulk *b, bool native)
{
    struct bind_input input = { .types = type_settings_default(), .traits = { .native_values = native } };
    struct d1_statement *list;
    size_t n;
    struct err err;
    err_init(&err, f->arena);
    if (!bulk_statements(b, &input, f->arena, &list, &n, &err))
        fail_msg("%.*s", STR_FMT(err.message));
    for (size_t i = 0; i < n; i++) {
        sqlite3_stmt *s = NULL;
        assert_true(list[i].sql.n <= 100000);
        assert_int_equal(sqlite3_prepare_v2(f->db, list[i].sql.p, (int)list[i].sql.n, &s, NULL), SQLITE_OK);
        for (size_t k = 0; k < list[i].n_params; k++) {
            const struct value *v = &list[i].params[k];
            assert_int_equal(v->class, VALUE_TEXT);
            assert_true(v->bytes.n <= 2000000);
            sqlite3_bind_text(s, (int)k + 1, v->bytes.p, (int)v->bytes.n, SQLITE_STATIC);
        }
        assert_int_equal(sqlite3_step(s), SQLITE_DONE);
        sqlite3_finalize(s);
    }
    return n;
}

static void one_text(struct fixture *f, const char *sql, const char *want)
{
    sqlite3_stmt *s = NULL;
    assert_int_equal(sqlite3_prepare_v2(f->db, sql, -1, &s, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(s, 0), want);
    sqlite3_finalize(s);
}

static void values_arrive_exactly(void **state)
{
    (void)state;
    for (int native = 0; native < 2; native++) {
        struct fixture f;
        struct err err;
        open_fixture(&f, 7, native);
        err_init(&err, f.arena);
        struct bulk *b = bulk_new(f.target);
        struct value row[] = { value_integer(7),
                               value_integer(INT64_MIN),
                               value_real(0.1),
                               value_text(STR("12.345")),
                               value_text(STR("a\"\\b")),
                               value_blob((struct str){ "\x00\xff", 2 }),
                               value_text(STR("2024-01-02 03:04:05.25")) };
        assert_true(bulk_add_row(b, row, f.arena, &err));
        assert_int_equal(run(&f, b, native), 1);
        one_text(&f, "SELECT id||' '||big||' '||(f = 0.1)||' '||n||' '||v||' '||hex(b)||' '||at||' '||flag FROM t",
                 "7 -9223372036854775808 1 12.35 a\"\\b 00FF 2024-01-02 03:04:05.25 set");
        bulk_free(b);
        close_fixture(&f);
    }
}

static void rows_are_cut_into_chunks(void **state)
{
    (void)state;
    struct fixture f;
    struct err err;
    open_fixture(&f, 5, true);
    err_init(&err, f.arena);
    struct bulk *b = bulk_new(f.target);
    for (int i = 1; i <= 60000; i++) {
        struct value row[] = { value_integer(i), value_integer(i), value_real(i), value_text(STR("1.5")),
                               value_text(STR("hello")) };
        if (!bulk_add_row(b, row, f.arena, &err))
            fail_msg("%.*s", STR_FMT(err.message));
    }
    assert_int_equal(bulk_rows(b), 60000);
    size_t n = run(&f, b, true);
    assert_int_equal(n, bulk_n_statements(b));
    assert_true(n >= 2);
    one_text(&f, "SELECT count(*)||' '||sum(id) FROM t", "60000 1800030000");
    bulk_reset(b);
    assert_int_equal(bulk_n_statements(b), 0);
    bulk_free(b);
    close_fixture(&f);
}

static const struct {
    const char *rule;
    struct value row[5];
    enum sqlstate want;
} refusals[] = {
    { "varchar(5)",
      { { .class = VALUE_INTEGER, .integer = 1 },
        { 0 },
        { 0 },
        { 0 },
        { .class = VALUE_TEXT, .bytes = STR_INIT("sixsix") } },
      SQLSTATE_STRING_DATA_RIGHT_TRUNCATION },
    { "numeric(6,2)",
      { { .class = VALUE_INTEGER, .integer = 1 },
        { 0 },
        { 0 },
        { .class = VALUE_TEXT, .bytes = STR_INIT("10000") },
        { 0 } },
      SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE },
    { "a rowid", { { 0 }, { 0 }, { 0 }, { 0 }, { 0 } }, SQLSTATE_NOT_NULL_VIOLATION },
};

static void a_bad_row_names_its_column(void **state)
{
    (void)state;
    struct fixture f;
    open_fixture(&f, 5, true);
    struct bulk *b = bulk_new(f.target);
    for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++) {
        struct err err;
        err_init(&err, f.arena);
        assert_false(bulk_add_row(b, refusals[i].row, f.arena, &err));
        if (err.code != refusals[i].want || !err.column.n)
            fail_msg("%s: %s %.*s", refusals[i].rule, sqlstate_code(err.code), STR_FMT(err.message));
    }
    assert_int_equal(bulk_rows(b), 0);
    bulk_free(b);
    close_fixture(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_arrive_exactly),
        cmocka_unit_test(rows_are_cut_into_chunks),
        cmocka_unit_test(a_bad_row_names_its_column),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
