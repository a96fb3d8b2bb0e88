/* test_txn_temporary.c - a session's own database: its transactions, what ON COMMIT asks for, its limits, and want of memory. */
/* LINK pgd1_proxy pgd1_snapshot_fixture */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proxy/base/fault.h"
#include "proxy/txn/temporary.h"
#include "tests/support/snapshot_fixture.h"

#define T "\"pg_temp_3.t\""
#define ON_COMMIT(action)                                                                                              \
    "INSERT INTO _pgd1_catalog(kind, schema, name, detail) VALUES ('table','pg_temp_3','t','{\"on_commit\":\"" action  \
    "\"}')"

struct bench {
    struct temporary *t;
    struct arena *arena;
    struct err err;
    struct d1_error failure;
    int64_t seen; /* the first cell of the last row */
};

static struct bench begin(size_t max_bytes)
{
    struct bench b = { .t = temporary_new(max_bytes), .arena = arena_new(16 << 20) };
    assert_non_null(b.t);
    err_init(&b.err, b.arena);
    return b;
}

static void end(struct bench *b)
{
    temporary_free(b->t);
    arena_free(b->arena);
}

static bool take(void *ctx, size_t statement, const struct value *cells, size_t n)
{
    struct bench *b = ctx;
    (void)statement;
    b->seen = n && cells[0].class == VALUE_INTEGER ? cells[0].integer : -1;
    return true;
}

static bool run(struct bench *b, size_t savepoints, const char *sql)
{
    struct d1_statement s = { .sql = str_from(sql) };
    struct temporary_batch batch = { .statements = &s,
                                     .n = 1,
                                     .is_ddl = strncmp(sql, "CREATE", 6) == 0 || strncmp(sql, "DROP", 4) == 0,
                                     .on_row = take,
                                     .ctx = b,
                                     .arena = b->arena };
    err_clear(&b->err);
    bool ok = temporary_run(b->t, savepoints, &batch, &b->err);
    b->failure = batch.error;
    return ok;
}

/* Rows of t; -1: there is none. */
static int64_t rows(struct bench *b, size_t savepoints)
{
    return run(b, savepoints, "SELECT count(*) FROM " T) ? b->seen : -1;
}

static void transactions_follow_the_sessions(void **state)
{
    struct bench b = begin(1 << 20);
    (void)state;
    assert_true(run(&b, 0, "CREATE TABLE " T "(a INTEGER UNIQUE)"));
    temporary_end(b.t, true);
    assert_true(run(&b, 0, "INSERT INTO " T " VALUES (1)"));
    assert_true(run(&b, 2, "INSERT INTO " T " VALUES (2)")); /* two savepoints came meanwhile */
    assert_true(run(&b, 3, "INSERT INTO " T " VALUES (3)"));
    assert_true(temporary_rollback_to(b.t, 3));
    assert_int_equal(rows(&b, 3), 2);
    temporary_release(b.t, 2); /* and the one above it */
    assert_true(run(&b, 2, "INSERT INTO " T " VALUES (4)"));
    assert_true(temporary_rollback_to(b.t, 2));
    assert_int_equal(rows(&b, 2), 2);
    assert_true(temporary_rollback_to(b.t, 1));
    assert_int_equal(rows(&b, 1), 1);
    temporary_end(b.t, true);
    assert_int_equal(rows(&b, 0), 1);
    assert_true(run(&b, 0, "INSERT INTO " T " VALUES (5)"));
    temporary_end(b.t, false);
    assert_int_equal(rows(&b, 0), 1);
    assert_true(run(&b, 0, "DROP TABLE " T));
    temporary_end(b.t, false);
    assert_int_equal(rows(&b, 0), 1);
    end(&b);
}

static void a_statement_is_whole_or_not_at_all(void **state)
{
    struct bench b = begin(1 << 20);
    struct d1_statement two[] = { { .sql = STR("INSERT INTO " T " VALUES (2)") },
                                  { .sql = STR("INSERT INTO " T " VALUES (1)") } };
    struct temporary_batch batch = { .statements = two, .n = 2, .arena = b.arena };
    (void)state;
    assert_true(run(&b, 0, "CREATE TABLE " T "(a INTEGER UNIQUE)"));
    assert_true(run(&b, 0, "INSERT INTO " T " VALUES (1)"));
    assert_false(temporary_run(b.t, 0, &batch, &b.err));
    assert_int_equal(batch.error.kind, D1_ERROR_SQL);
    assert_true(str_starts(batch.error.message, STR("UNIQUE constraint failed: pg_temp_3.t.a")));
    assert_int_equal(rows(&b, 0), 1);
    assert_false(run(&b, 0, "SELECT nothing FROM " T));
    assert_false(run(&b, 0, "ATTACH 'x' AS y")); /* D1's rules hold here too */
    assert_int_equal(b.failure.kind, D1_ERROR_SQL);
    end(&b);
}

static void on_commit_empties_and_drops(void **state)
{
    (void)state;
    for (int drops = 0; drops < 2; drops++) {
        struct bench b = begin(1 << 20);
        assert_true(run(&b, 0, "CREATE TABLE " T "(a INTEGER)"));
        assert_true(run(&b, 0, drops ? ON_COMMIT("drop") : ON_COMMIT("delete")));
        assert_true(run(&b, 0, "INSERT INTO " T " VALUES (1)"));
        assert_int_equal(rows(&b, 0), 1);
        temporary_end(b.t, true);
        assert_int_equal(rows(&b, 0), drops ? -1 : 0);
        if (drops)
            assert_true(run(&b, 0, "SELECT count(*) FROM _pgd1_catalog") && b.seen == 0);
        end(&b);
    }
}

static void it_has_an_end(void **state)
{
    struct bench b = begin(1 << 20);
    (void)state;
    assert_true(run(&b, 0, "CREATE TABLE " T "(a)"));
    temporary_end(b.t, true);
    assert_true(run(&b, 0, "INSERT INTO " T " VALUES (1)"));
    assert_false(run(&b, 0,
                     "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 3000) INSERT INTO " T
                     " SELECT hex(zeroblob(500)) FROM n"));
    assert_string_equal(sqlstate_code(b.err.code), "54000");
    assert_int_equal(rows(&b, 0), 1);
    temporary_end(b.t, true);
    assert_int_equal(rows(&b, 0), 1);
    end(&b);
}

static void the_schema_is_both(void **state)
{
    struct bench b = begin(1 << 20);
    struct snapshot *base = snapshot_fixture("CREATE TABLE t(id INTEGER PRIMARY KEY); CREATE TABLE u(id INTEGER)");
    static const struct str path[] = { STR_INIT(SNAPSHOT_TEMPORARY), STR_INIT("public") };
    struct str t = STR("t"), none = { 0 };
    (void)state;
    assert_true(run(&b, 0, "CREATE TABLE " T "(a TEXT)"));
    const struct snapshot *s = temporary_schema(b.t, base, &b.err);
    assert_non_null(s);
    assert_true(s->version != base->version);
    const struct relation *own = snapshot_relation(s, path, 2, none, t);
    assert_true(own && own->is_temporary);
    assert_ptr_equal(snapshot_relation(s, path, 2, STR("pg_temp"), t), own);
    assert_ptr_equal(snapshot_relation_by_oid(s, own->oid), own);
    const struct relation *other = snapshot_relation(s, path, 2, STR("public"), t);
    assert_true(other && !other->is_temporary && other->oid != own->oid);
    assert_non_null(snapshot_relation(s, path, 2, none, STR("u")));
    assert_ptr_equal(temporary_schema(b.t, base, &b.err), s);
    temporary_end(b.t, false); /* the table was never made */
    s = temporary_schema(b.t, base, &b.err);
    assert_ptr_equal(snapshot_relation(s, path, 2, none, t), snapshot_relation(s, path, 2, STR("public"), t));
    end(&b);
    snapshot_unref(base);
}

/* Cells of every class, as D1 reads them: the same in, the same out. */
static void rows_travel_exactly(void **state)
{
    struct bench b = begin(1 << 20);
    struct column columns[] = { { .name = STR("a") }, { .name = STR("b") } };
    struct relation r = { .sqlite_name = STR("pg_temp_3.t"), .columns = columns, .n_columns = 2 };
    struct str json;
    (void)state;
    assert_true(run(&b, 0, "CREATE TABLE " T "(a, b)"));
    assert_true(run(
        &b, 0, "INSERT INTO " T " VALUES (9007199254740993, 0.1), ('it''s \"' || char(10), x'00ff'), (NULL, 9e999)"));
    assert_true(temporary_rows_as_json(b.t, &r, b.arena, &json, &b.err));
    assert_string_equal(arena_cstr(b.arena, json),
                        "[[9007199254740993,1.00000000000000006e-01],[\"it's \\\"\\u000a\",\"00FF\"],[null,9e999]]");
    end(&b);
}

static void rows_are_gathered(void **state)
{
    struct bench b = begin(1 << 20);
    struct value cells[] = { value_integer(7), value_text(STR("x")) };
    (void)state;
    assert_true(temporary_gather_begin(b.t, 0, NULL, 2, &b.err));
    assert_true(temporary_gather_row(b.t, cells, 2, &b.err));
    assert_true(temporary_gather_begin(b.t, 0, NULL, 2, &b.err)); /* once more: the rows of a try that failed go */
    assert_true(temporary_gather_row(b.t, cells, 2, &b.err));
    assert_true(run(&b, 0, "SELECT sum(c0) FROM " TEMPORARY_GATHERED) && b.seen == 7);
    temporary_gather_end(b.t);
    assert_false(run(&b, 0, "SELECT sum(c0) FROM " TEMPORARY_GATHERED));
    end(&b);
}

/* What a session does, with the n-th allocation failing: it is an error or done, nothing is half, nothing leaks. */
static bool work(struct bench *b, const struct snapshot *base)
{
    struct value cell = value_integer(1);
    bool ok = run(b, 0, "CREATE TABLE " T "(a INTEGER)") && run(b, 0, "INSERT INTO " T " VALUES (1)") &&
              temporary_schema(b->t, base, &b->err);
    ok = ok && temporary_gather_begin(b->t, 1, NULL, 1, &b->err) && temporary_gather_row(b->t, &cell, 1, &b->err);
    return ok && run(b, 1, "INSERT INTO " T " SELECT c0 FROM " TEMPORARY_GATHERED);
}

static void memory_may_be_short(void **state)
{
    struct snapshot *base = snapshot_fixture("CREATE TABLE u(id INTEGER)");
    bool hit = true;
    (void)state;
    for (long n = 0; hit; n++) {
        fault_after(n);
        struct bench b = { .t = temporary_new(1 << 20) };
        fault_after(-1);
        hit = fault_hit();
        if (!b.t)
            continue;
        b.arena = arena_new(16 << 20);
        err_init(&b.err, b.arena);
        fault_after(n);
        bool ok = work(&b, base);
        fault_after(-1);
        hit = fault_hit() || hit;
        assert_true(ok || err_is_set(&b.err) || b.failure.kind != D1_OK);
        temporary_end(b.t, ok);
        int64_t left = rows(&b, 0);
        assert_true(ok ? left == 2 : left == -1);
        end(&b);
    }
    snapshot_unref(base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transactions_follow_the_sessions),
        cmocka_unit_test(a_statement_is_whole_or_not_at_all),
        cmocka_unit_test(on_commit_empties_and_drops),
        cmocka_unit_test(it_has_an_end),
        cmocka_unit_test(the_schema_is_both),
        cmocka_unit_test(rows_travel_exactly),
        cmocka_unit_test(rows_are_gathered),
        cmocka_unit_test(memory_may_be_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
