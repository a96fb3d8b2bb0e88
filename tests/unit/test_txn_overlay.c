/* test_txn_overlay.c - what a block may decide without D1: DDL that no row can make fail, tables that are its own. */
/* LINK pgd1_proxy pgd1_snapshot_fixture */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proxy/txn/overlay.h"
#include "tests/support/snapshot_fixture.h"

static const char schema[] = "CREATE TABLE theirs(id INTEGER PRIMARY KEY, n INTEGER); "
                             "CREATE TABLE child(id INTEGER PRIMARY KEY, up INTEGER REFERENCES theirs(id)); "
                             "CREATE INDEX theirs_n ON theirs(n)";

static struct overlay begin(struct snapshot **ret)
{
    struct overlay o = { 0 };
    *ret = snapshot_fixture(schema);
    overlay_begin(&o, *ret);
    assert_non_null(o.shadow);
    return o;
}

static void end(struct overlay *o, struct snapshot *s)
{
    overlay_drop(o);
    snapshot_unref(s);
}

static const struct overlay_ddl *run(struct overlay *o, uint32_t position, const char *sql)
{
    struct d1_statement s = { .sql = str_from(sql) };
    overlay_run(o, position, &s, 1);
    return overlay_seen(o, position);
}

static bool rows(struct overlay *o, uint32_t position, const char *sql)
{
    struct d1_statement s = { .sql = str_from(sql) };
    return overlay_rows(o, position, &s, 1, NULL, NULL, NULL);
}

static bool owns(const struct overlay *o, const char *table)
{
    struct relation r = { .sqlite_name = str_from(table) };
    const struct relation *writes[] = { &r };
    struct plan plan = { .access = D1_WRITE, .writes = writes, .n_writes = 1 };
    return overlay_owns(o, &plan);
}

/* mine has rows (1,'x'),(1,'y'); theirs is D1's. */
static const struct {
    const char *sql;
    bool ran, decided, touches_all;
} kinds[] = {
    { "CREATE TABLE new(id INTEGER PRIMARY KEY, up INTEGER REFERENCES theirs(id))", true, true, false },
    { "CREATE TABLE theirs(id INTEGER)", false, true, false },
    { "CREATE INDEX i ON theirs(n)", true, true, false },
    { "CREATE UNIQUE INDEX i ON theirs(n)", true, false, false },
    { "CREATE INDEX i ON theirs(abs(n))", true, false, false },
    { "CREATE INDEX i ON theirs(n) WHERE n > 0", true, false, false },
    { "CREATE INDEX i ON mine(abs(n))", true, true, false },
    { "CREATE UNIQUE INDEX i ON mine(n)", false, true, false },
    { "CREATE UNIQUE INDEX i ON mine(t)", true, true, false },
    { "ALTER TABLE theirs ADD COLUMN c TEXT DEFAULT 'x'", true, true, false },
    { "ALTER TABLE theirs ADD COLUMN c TEXT NOT NULL DEFAULT 'x'", true, true, false },
    { "ALTER TABLE theirs ADD COLUMN c TEXT NOT NULL", true, false, false },
    { "ALTER TABLE theirs ADD COLUMN c INTEGER DEFAULT 1 REFERENCES theirs(id)", true, false, false },
    { "ALTER TABLE theirs ADD COLUMN c INTEGER DEFAULT 1 CHECK (c > n)", true, false, false },
    { "ALTER TABLE theirs DROP COLUMN n", false, true, false }, /* it has an index */
    { "ALTER TABLE theirs RENAME COLUMN n TO m", true, true, false },
    { "ALTER TABLE theirs RENAME TO others", true, true, true },
    { "DROP INDEX theirs_n", true, true, false },
    { "DROP TABLE theirs", true, false, false }, /* child refers to it */
    { "DROP TABLE child", true, true, false },
    { "CREATE VIEW v AS SELECT * FROM theirs", true, true, true },
    { "CREATE TRIGGER g AFTER INSERT ON theirs BEGIN DELETE FROM child; END", true, true, true },
    { "INSERT INTO mine SELECT n, 'z' FROM theirs", true, false, false },
    { "INSERT INTO mine SELECT n, 'z' FROM mine", true, true, false },
    { "SELECT CASE WHEN EXISTS (SELECT 1 FROM theirs) THEN 1 END", true, false, false },
    { "SELECT count(*) FROM pragma_foreign_key_check('mine')", true, true, true },
    { "SELECT count(*) FROM pragma_foreign_key_check('child')", true, false, true },
    { "SELECT count(*) FROM pragma_foreign_key_check", true, false, true },
    { "SELECT count(*) FROM pragma_quick_check", true, false, false },
    { "CREATE TABLE _cf_x(a)", false, true, false },
};

static void ddl_is_decided_when_no_row_can_make_it_fail(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        struct snapshot *base;
        struct overlay o = begin(&base);
        assert_true(run(&o, 1, "CREATE TABLE mine(n INTEGER, t TEXT)")->decided);
        assert_true(rows(&o, 2, "INSERT INTO mine VALUES (1,'x'),(1,'y')"));
        const struct overlay_ddl *d = run(&o, 3, kinds[i].sql);
        assert_non_null(d);
        if (d->ran != kinds[i].ran || (d->ran && d->decided != kinds[i].decided) ||
            (d->ran && d->touches_all != kinds[i].touches_all))
            fail_msg("%s: ran %d, decided %d, touches all %d", kinds[i].sql, d->ran, d->decided, d->touches_all);
        end(&o, base);
    }
}

static void rows_of_a_table_are_its_transactions_own_until_others_come_in(void **state)
{
    (void)state;
    struct snapshot *base;
    struct overlay o = begin(&base);
    run(&o, 1, "CREATE TABLE mine(n INTEGER, t TEXT)");
    assert_true(owns(&o, "mine") && owns(&o, "MINE"));
    assert_false(owns(&o, "theirs"));
    run(&o, 2, "ALTER TABLE mine RENAME TO \"other\"");
    assert_true(owns(&o, "other") && !owns(&o, "mine"));
    run(&o, 3, "INSERT INTO other SELECT n, 'z' FROM theirs");
    assert_false(owns(&o, "other"));
    run(&o, 4, "CREATE TABLE mine(n INTEGER)");
    struct relation r = { .sqlite_name = STR("mine") };
    const struct relation *writes[] = { &r };
    struct plan plan = { .access = D1_WRITE, .writes = writes, .n_writes = 1 };
    overlay_lose(&o, &plan);
    assert_false(owns(&o, "mine"));
    run(&o, 5, "CREATE TABLE again(n INTEGER)");
    run(&o, 6, "DROP TABLE again");
    assert_false(owns(&o, "again"));
    end(&o, base);
}

static bool touches(const struct overlay_ddl *d, const char *table)
{
    for (size_t i = 0; i < d->tables.n; i++)
        if (str_is(d->tables.list[i], table))
            return true;
    return false;
}

static void a_table_that_goes_frees_those_it_refers_to(void **state)
{
    (void)state;
    struct snapshot *base;
    struct overlay o = begin(&base);
    const struct overlay_ddl *d = run(&o, 1, "ALTER TABLE child ADD COLUMN n INTEGER");
    assert_true(touches(d, "child") && touches(d, "theirs"));
    d = run(&o, 2, "DROP TABLE \"child\"");
    assert_true(d->decided && touches(d, "child") && touches(d, "theirs"));
    d = run(&o, 3, "CREATE INDEX i ON theirs(id)");
    assert_true(touches(d, "theirs") && !touches(d, "child"));
    end(&o, base);
}

static void a_statement_that_fails_leaves_nothing(void **state)
{
    (void)state;
    struct snapshot *base;
    struct overlay o = begin(&base);
    run(&o, 1, "CREATE TABLE mine(n INTEGER PRIMARY KEY)");
    struct d1_statement two[] = { { .sql = STR("INSERT INTO mine VALUES (1)") },
                                  { .sql = STR("INSERT INTO mine VALUES (1)") } };
    int64_t changes[2];
    assert_false(overlay_rows(&o, 2, two, 2, NULL, NULL, changes));
    assert_true(rows(&o, 3, "INSERT INTO mine VALUES (1)"));
    assert_false(rows(&o, 4, "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c"));
    assert_true(!o.shadow || owns(&o, "mine"));
    end(&o, base);
}

static void the_buffer_brings_it_back(void **state)
{
    (void)state;
    struct snapshot *base;
    struct overlay o = begin(&base);
    struct buffer b = { 0 };
    struct err err;
    struct arena *arena = arena_new(1 << 20);
    struct plan ddl = { .access = D1_WRITE, .kind = PLAN_DDL };
    struct relation r = { .sqlite_name = STR("mine") };
    const struct relation *writes[] = { &r };
    struct plan change = { .access = D1_WRITE, .kind = PLAN_CHANGE, .writes = writes, .n_writes = 1 };
    struct d1_statement create = { .sql = STR("CREATE TABLE mine(n INTEGER UNIQUE)") },
                        insert = { .sql = STR("INSERT INTO mine VALUES (1)") };
    err_init(&err, arena);
    assert_true(buffer_add(&b, 1, &ddl, &create, 1, &err) && buffer_add_ddl(&b, &create, 1, &err));
    assert_true(buffer_add(&b, 2, &change, &insert, 1, &err));
    b.last->in_shadow = true;
    overlay_follow(&o, &b);
    assert_true(owns(&o, "mine"));
    assert_false(rows(&o, 3, "INSERT INTO mine VALUES (1)"));  /* it is there */
    assert_true(buffer_add(&b, 4, &change, &insert, 1, &err)); /* went to D1 */
    overlay_follow(&o, &b);
    assert_false(owns(&o, "mine"));
    buffer_fini(&b);
    end(&o, base);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ddl_is_decided_when_no_row_can_make_it_fail),
        cmocka_unit_test(rows_of_a_table_are_its_transactions_own_until_others_come_in),
        cmocka_unit_test(a_table_that_goes_frees_those_it_refers_to),
        cmocka_unit_test(a_statement_that_fails_leaves_nothing),
        cmocka_unit_test(the_buffer_brings_it_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
