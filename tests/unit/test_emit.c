/* test_emit.c - the printer where a golden file cannot look: names, slots of literals, depth, no memory. */
/* LINK pgd1_sql pgd1_catalog pgd1_pgwire pgd1_snapshot_fixture pgd1_sqlite pgd1_base */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proxy/base/buf.h"
#include "proxy/base/fault.h"
#include "proxy/sql/emit.h"
#include "tests/support/snapshot_fixture.h"

static struct snapshot *snapshot;
static struct str path[] = { STR_INIT("public") };

static int set_up(void **state)
{
    (void)state;
    snapshot = snapshot_fixture(
        "CREATE TABLE t(id INTEGER PRIMARY KEY AUTOINCREMENT, n INT4, v VARCHAR(20), price NUMERIC(8,2), ts TIMESTAMP,"
        " \"od\"\"d\" TEXT)");
    return snapshot ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    snapshot_unref(snapshot);
    return 0;
}

static struct plan *planned(const char *sql, struct err *err)
{
    struct arena *arena = arena_new(64 << 20);
    struct sql_settings settings = {
        .search_path = path,
        .n_search_path = 1,
        .role = STR("postgres"),
        .standard_conforming_strings = true,
        .traits = { .native_values = true, .max_params = 100, .max_statement_bytes = 100000 },
        .types = type_settings_default(),
        .max_statement_bytes = 16 << 20
    };
    struct sql_list list;
    struct plan *plan = NULL;
    if (arena && sql_parse(str_from(sql), 16 << 20, arena, &list, err))
        sql_plan(&list.statements[0], snapshot, &settings, NULL, 0, &plan, err);
    else if (!arena)
        err_oom(err);
    arena_free(arena);
    return plan;
}

static const struct {
    const char *in, *want;
} names[] = { { "plain", "\"plain\"" }, { "od\"d", "\"od\"\"d\"" }, { "", "\"\"" }, { "a;b--", "\"a;b--\"" } };

static void names_are_quoted(void **state)
{
    (void)state;
    struct arena *arena = arena_new(1 << 16);
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        assert_true(str_is(emit_identifier(str_from(names[i].in), arena), names[i].want));
    assert_true(str_is(emit_text_literal(STR("it's"), arena), "'it''s'"));
    arena_free(arena);
}

/* Structural literals shape the text: another text with another value is another plan. One digit per literal, 1:
 * structural. */
static const struct {
    const char *sql, *want;
} literals[] = {
    { "SELECT id FROM t WHERE n = 5 AND v = 'x'", "00" },
    { "SELECT id FROM t ORDER BY 1 LIMIT 5", "10" },
    { "SELECT price * 1.1 FROM t", "1" },
    { "SELECT id FROM t WHERE price > 1.1", "0" },
    { "SELECT round(price, 1) FROM t", "1" },
    { "SELECT date_trunc('day', ts) FROM t WHERE id = 3", "10" },
    { "SELECT ts + interval '1 day' FROM t", "0" },
    { "SELECT v::varchar(3) FROM t", "1" },
    { "SELECT id FROM t WHERE v LIKE 'a%'", "0" },
    { "INSERT INTO t (n, v, price) VALUES (1, 'x', 2.50)", "000" },
    { "UPDATE t SET price = 3.25 WHERE id = 4", "00" },
    { "SELECT 'a' || 'b'", "00" },
};

static void literals_know_their_role(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(literals) / sizeof(*literals); i++) {
        struct arena *arena = arena_new(1 << 20);
        struct err err;
        err_init(&err, arena);
        struct plan *plan = planned(literals[i].sql, &err);
        char have[16] = { 0 };
        if (!plan)
            fail_msg("%s: %.*s", literals[i].sql, STR_FMT(err.message));
        for (size_t k = 0; k < plan->n_literals && k < sizeof(have) - 1; k++)
            have[k] = plan->is_structural[k] ? '1' : '0';
        if (strcmp(have, literals[i].want) != 0)
            fail_msg("%s: have %s, want %s", literals[i].sql, have, literals[i].want);
        plan_unref(plan);
        arena_free(arena);
    }
}

static void footprints_follow_keys(void **state)
{
    (void)state;
    struct arena *arena = arena_new(1 << 20);
    struct err err;
    err_init(&err, arena);
    struct plan *plan = planned("UPDATE t SET n = (SELECT max(x.n) FROM t x)", &err);
    assert_non_null(plan);
    assert_int_equal(plan->access, D1_WRITE);
    assert_int_equal(plan->n_writes, 1);
    assert_int_equal(plan->n_reads, 1);
    plan_unref(plan);
    plan = planned("SELECT 1", &err);
    assert_non_null(plan);
    assert_int_equal(plan->place, PLACE_HERE);
    assert_int_equal(plan->n_reads, 0);
    plan_unref(plan);
    arena_free(arena);
}

static void repeat(struct buf *out, const char *open, const char *middle, const char *close, int n)
{
    for (int i = 0; i < n; i++)
        buf_printf(out, "%s", open);
    buf_printf(out, "%s", middle);
    for (int i = 0; i < n; i++)
        buf_printf(out, "%s", close);
}

static void depth_has_an_end(void **state)
{
    (void)state;
    static const struct {
        const char *open, *middle, *close;
    } nests[] = {
        { "NOT (", "id = 1", ")" }, { "abs(", "n", ")" },
        { "(SELECT ", "n", ")" },   { "CASE WHEN id = 1 THEN ", "n", " END" },
        { "- (", "n", ")" },
    };
    for (size_t i = 0; i < sizeof(nests) / sizeof(*nests); i++) {
        struct arena *arena = arena_new(1 << 20);
        struct buf text;
        struct err err;
        err_init(&err, arena);
        buf_init(&text, 1 << 20);
        buf_printf(&text, "SELECT ");
        repeat(&text, nests[i].open, nests[i].middle, nests[i].close, 900);
        buf_printf(&text, " FROM t%c", 0);
        struct plan *plan = planned(text.p, &err);
        assert_null(plan);
        assert_int_equal(err.code, SQLSTATE_STATEMENT_TOO_COMPLEX);
        buf_fini(&text);
        arena_free(arena);
    }
}

static const char *const everything[] = {
    "SELECT n, count(*), avg(price), string_agg(v, ',' ORDER BY id) FROM t WHERE v LIKE 'a%' AND ts > now() - interval "
    "'1 day' GROUP BY n HAVING count(*) > 1 "
    "ORDER BY 2 LIMIT 5",
    "SELECT md5(v) FROM t x JOIN LATERAL (SELECT max(n) AS m FROM t y WHERE y.id < x.id) z ON true WHERE x.v ~ 'a' "
    "ORDER BY 1",
    "INSERT INTO t (n, v, price) VALUES ($1, 'x', 1.5), (2, $2, $3) ON CONFLICT (id) DO UPDATE SET n = excluded.n "
    "RETURNING id, md5(v)",
    "WITH d AS (DELETE FROM t WHERE n = 1 RETURNING *) SELECT count(*) FROM d",
    "UPDATE t SET price = t.price * 1.1 + $1, n = t.n + 1 FROM t o WHERE o.id = t.n RETURNING t.price",
};

/* Fails each allocation in turn: an error, never a crash, never a half-made plan. */
static void no_memory_is_an_error(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(everything) / sizeof(*everything); i++) {
        bool hit = true;
        for (long n = 0; hit && n < 5000; n++) {
            struct arena *arena = arena_new(1 << 20);
            struct err err;
            err_init(&err, arena);
            fault_after(n);
            struct plan *plan = planned(everything[i], &err);
            hit = fault_hit();
            fault_after(-1);
            if (hit && plan)
                plan_unref(plan); /* the failed block was not needed */
            else if (!plan && !err_is_set(&err))
                fail_msg("%s: no plan and no error", everything[i]);
            else if (!hit && !plan)
                fail_msg("%s: %.*s", everything[i], STR_FMT(err.message));
            else
                plan_unref(plan);
            arena_free(arena);
        }
        assert_false(hit);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_quoted),       cmocka_unit_test(literals_know_their_role),
        cmocka_unit_test(footprints_follow_keys), cmocka_unit_test(depth_has_an_end),
        cmocka_unit_test(no_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
