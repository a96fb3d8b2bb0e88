/* test_analyze.c - names, types and errors of statements, as PostgreSQL 15 gives them. Rows: statement, result types, parameter
 * types; or an SQLSTATE and position. tests/differential compares many more with a running PostgreSQL. */
/* LINK pgd1_sql pgd1_snapshot_fixture */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "proxy/sql/analyze.h"
#include "tests/support/snapshot_fixture.h"

static const char schema[] = "CREATE TABLE t(i INT2, n INTEGER, big BIGINT, f DOUBLE PRECISION, d NUMERIC(10,2), s "
                             "TEXT NOT NULL, v VARCHAR(5), b BOOLEAN,"
                             " day DATE, at TIMESTAMP, tz TIMESTAMPTZ, j JSONB TEXT, u UUID);"
                             "CREATE TABLE p(id INTEGER PRIMARY KEY, s TEXT UNIQUE);";

static struct snapshot *snapshot;

static int set_up(void **state)
{
    (void)state;
    snapshot = snapshot_fixture(schema);
    return snapshot ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    snapshot_unref(snapshot);
    return 0;
}

/* "int4 text | int8" or "42703@8" */
static struct str described(struct arena *arena, const char *sql)
{
    static const struct str path[] = { STR_INIT("public") };
    struct sql_settings settings = {
        .search_path = path, .n_search_path = 1, .standard_conforming_strings = true, .types = type_settings_default()
    };
    struct err err;
    struct sql_list list;
    struct query *query;
    err_init(&err, arena);
    struct analyze_context a = { .snapshot = snapshot,
                                 .settings = &settings,
                                 .arena = arena,
                                 .text = str_from(sql),
                                 .params_allowed = true,
                                 .err = &err };
    if (!sql_parse(str_from(sql), 1 << 20, arena, &list, &err) ||
        !analyze_statement(&a, ((PgQuery__RawStmt *)list.statements[0].raw)->stmt, &query))
        return arena_printf(arena, "%s@%d", sqlstate_code(err.code), err.position);
    struct str out = STR("");
    struct target *targets = query->command == COMMAND_SELECT ? query->targets : query->returning;
    size_t n = query->command == COMMAND_SELECT ? query->n_targets : query->n_returning;
    for (size_t i = 0; i < n; i++)
        if (!targets[i].junk)
            out = arena_printf(
                arena, "%.*s%s%.*s", STR_FMT(out), out.n ? "," : "",
                STR_FMT(snapshot_format_type(snapshot, targets[i].expr->type, targets[i].expr->typmod, arena)));
    for (size_t i = 0; i < a.n_params; i++)
        out = arena_printf(arena, "%.*s%s%.*s", STR_FMT(out), i ? "," : " | ",
                           STR_FMT(snapshot_format_type(snapshot, a.param_types[i], -1, arena)));
    return out;
}

static const struct {
    const char *sql, *want;
} cases[] = {
    /* literals and arithmetic */
    { "SELECT 1, 2147483648, 1.5, 'x', NULL, true", "integer,bigint,numeric,text,text,boolean" },
    { "SELECT -2147483648, 9223372036854775808", "integer,numeric" },
    { "SELECT i + i, i + n, n + 1.5, f + 1, d * 2 FROM t", "smallint,bigint,numeric,double precision,numeric" },
    { "SELECT day + 1, day - day, at - at, at + interval '1 day', day + interval '1 day' FROM t",
      "date,integer,interval,timestamp without time zone,timestamp without time zone" },
    { "SELECT 'a' || 'b', s || 1, s LIKE 'x', v || v FROM t", "text,text,boolean,text" },
    { "SELECT 1 + true", "42883@10" },
    { "SELECT 'a' = 1", "22P02@8" },
    { "SELECT lower(5)", "42883@8" },
    { "SELECT s + 1 FROM t", "42883@10" },
    /* casts */
    { "SELECT '7'::int, 1::text, '1.5'::numeric(5,1), 'x'::varchar(3), v::text FROM t",
      "integer,text,numeric(5,1),character varying(3),text" },
    { "SELECT 'twelve'::int", "22P02@8" },
    { "SELECT 1::nosuch", "42704@11" },
    { "SELECT true::date", "42846@12" },
    /* parameters take their types from context */
    { "SELECT $1 + 1", "integer | integer" },
    { "SELECT n FROM t WHERE n > $1 - 7", "bigint | integer" },
    { "SELECT $1", "text | text" },
    { "SELECT s FROM t WHERE s = $1 AND day < $2 AND d = $3 AND u = $4 AND j @> $5",
      "text | text,date,numeric,uuid,jsonb" },
    { "SELECT s FROM t WHERE n = ANY ($1)", "text | bigint[]" },
    { "INSERT INTO t (i, s, tz) VALUES ($1, $2, $3)", " | smallint,text,timestamp with time zone" },
    { "UPDATE t SET d = $1 WHERE s = $2", " | numeric,text" },
    { "SELECT n FROM t LIMIT $1 OFFSET $2", "bigint | bigint,bigint" },
    { "SELECT $1 IS NULL", "42P18@0" },
    { "SELECT coalesce($1, 1), $2 || 'x'", "integer,text | integer,text" },
    { "SELECT $2::int", "42P18@0" },
    { "SELECT $1::int, $1 || 'x'", "integer,text | integer" },
    /* names */
    { "SELECT nosuch FROM t", "42703@8" },
    { "SELECT x.s FROM t", "42P01@8" },
    { "SELECT t.nosuch FROM t", "42703@8" },
    { "SELECT t.s FROM t x", "42P01@8" },
    { "SELECT * FROM nosuch", "42P01@15" },
    { "SELECT s FROM t, p", "42702@8" },
    { "SELECT * FROM p JOIN t USING (s)",
      "text,bigint,smallint,bigint,bigint,double precision,numeric(10,2),character varying(5),boolean,date,"
      "timestamp without time zone,timestamp with time zone,jsonb,uuid" },
    { "SELECT * FROM t a JOIN t a ON true", "42712@0" },
    { "SELECT 1 FROM t JOIN p ON t.s = p.id", "42883@31" },
    { "SELECT nosuchfunction(1)", "42883@8" },
    /* aggregates, groups, windows */
    { "SELECT sum(i), sum(n), sum(f), avg(n), count(*), max(v), min(day) FROM t",
      "bigint,numeric,double precision,numeric,bigint,text,date" },
    { "SELECT s, count(*) FROM t", "42803@8" },
    { "SELECT s FROM t GROUP BY n", "42803@8" },
    { "SELECT p.* FROM p GROUP BY id", "bigint,text" },
    { "SELECT count(*) FROM t WHERE count(*) > 1", "42803@30" },
    { "SELECT sum(count(*)) FROM t", "42803@12" },
    { "SELECT row_number() OVER (ORDER BY n), lag(s) OVER w FROM t WINDOW w AS (PARTITION BY n)", "bigint,text" },
    { "SELECT row_number() FROM t", "42809@8" },
    { "SELECT n FROM t WHERE rank() OVER () = 1", "42P20@23" },
    { "SELECT s FROM t ORDER BY 2", "42P10@26" },
    { "SELECT DISTINCT s FROM t ORDER BY n", "42P10@35" },
    { "SELECT s AS n FROM t ORDER BY n", "text" },
    /* set operations, VALUES, WITH */
    { "SELECT 1 UNION SELECT 2.5", "numeric" },
    { "SELECT 'a' UNION SELECT s FROM t", "text" },
    { "SELECT 1 UNION SELECT 'x'", "22P02@23" },
    { "SELECT 1 UNION SELECT true", "42804@23" },
    { "SELECT 1, 2 UNION SELECT 1", "42601@26" },
    { "VALUES (1, 'a'), (2.5, 'b')", "numeric,text" },
    { "WITH w(a) AS (SELECT n FROM t) SELECT a FROM w", "bigint" },
    { "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT n FROM r", "integer" },
    { "WITH a AS (SELECT 1), a AS (SELECT 2) SELECT 1", "42712@23" },
    /* subqueries */
    { "SELECT (SELECT max(n) FROM t), EXISTS (SELECT 1), ARRAY(SELECT s FROM t), 1 IN (SELECT n FROM t)",
      "bigint,boolean,text[],boolean" },
    { "SELECT (SELECT 1, 2)", "42601@8" },
    { "SELECT s FROM t WHERE n IN (SELECT id FROM p WHERE p.s = t.s)", "text" },
    { "SELECT x.m FROM t, LATERAL (SELECT t.n + 1 AS m) x", "bigint" },
    { "SELECT x.m FROM t, (SELECT t.n AS m) x", "42P01@28" },
    { "SELECT a, b FROM generate_series(1, 3) AS a, unnest(ARRAY['x']) b", "integer,text" },
    /* CASE, COALESCE, arrays, rows */
    { "SELECT CASE WHEN b THEN 1 ELSE 2.5 END, coalesce(v, 'x'), nullif(i, 1), greatest(1, 2.5) FROM t",
      "numeric,character varying,smallint,numeric" },
    { "SELECT CASE WHEN 1 THEN 2 END", "42804@18" },
    { "SELECT CASE 1 WHEN 1 THEN 'a' ELSE 2 END", "22P02@27" },
    { "SELECT ARRAY[1, 2.5], ARRAY['a', 'b'], (ARRAY[1, 2])[1]", "numeric[],text[],integer" },
    { "SELECT ARRAY[]", "42P18@8" },
    { "SELECT (1, 2) = (1, 2), (n, s) IN ((1, 'a')) FROM t", "boolean,boolean" },
    { "SELECT (1, 2) = (1, 2, 3)", "42601@15" },
    /* changes */
    { "INSERT INTO t (s) VALUES ('a') RETURNING *, n + 1",
      "smallint,bigint,bigint,double precision,numeric(10,2),text,character varying(5),boolean,date,"
      "timestamp without time zone,timestamp with time zone,jsonb,uuid,bigint" },
    { "INSERT INTO t (nosuch) VALUES (1)", "42703@16" },
    { "INSERT INTO t (s, s) VALUES ('a', 'b')", "42701@19" },
    { "INSERT INTO t (s) VALUES ('a', 'b')", "42601@32" },
    { "INSERT INTO t (n, s) VALUES (1)", "42601@19" },
    { "INSERT INTO t (n) VALUES (true)", "42804@27" },
    { "INSERT INTO p (id) VALUES (1) ON CONFLICT (nosuch) DO NOTHING", "42703@43" },
    { "INSERT INTO t (s) VALUES ('a') ON CONFLICT (s) DO NOTHING", "42P10@0" },
    { "INSERT INTO p (s) VALUES ('a') ON CONFLICT (s) DO UPDATE SET s = excluded.s || p.s RETURNING id", "bigint" },
    { "UPDATE t SET nosuch = 1", "42703@14" },
    { "UPDATE t SET n = 'x'", "22P02@18" },
    { "UPDATE t SET day = 5", "42804@20" },
    { "UPDATE t SET n = p.id FROM p WHERE p.s = t.s RETURNING t.n, p.id", "bigint,bigint" },
    { "DELETE FROM t USING p WHERE p.s = t.s RETURNING t.s", "text" },
    { "DELETE FROM nosuch", "42P01@13" },
    /* what nobody can run */
    { "SELECT xmlelement(name x)", "0A000@0" },
    { "SELECT UNION SELECT", "0A000@0" },
    { "SELECT xmax", "42703@8" },
    { "SELECT 1 FROM t WHERE xmax = 0", "0A000@23" },
    { "SELECT x.ctid FROM t x", "0A000@8" },
    { "SELECT x.ctid FROM (SELECT 1) x", "42703@8" },
    { "SELECT s COLLATE \"en_US\" FROM t", "0A000@10" },
};

static void statements_are_typed_as_postgresql_does(void **state)
{
    (void)state;
    size_t wrong = 0;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        AUTO(arena) arena = arena_new(16 << 20);
        struct str got = described(arena, cases[i].sql);
        if (!str_is(got, cases[i].want)) {
            print_error("%s\n  want %s\n  got  %.*s\n", cases[i].sql, cases[i].want, STR_FMT(got));
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
}

static void depth_is_bounded(void **state)
{
    (void)state;
    static const char *const texts[][2] = {
        { "SELECT 1", "+1" }, { "SELECT U&'a', 1", "+1" }, { "SELECT ", "/*" }, { "SELECT ", "+" }
    };
    AUTO(arena) arena = arena_new(256 << 20);
    for (size_t t = 0; t < sizeof(texts) / sizeof(texts[0]); t++) {
        struct buf sql;
        buf_init(&sql, 1 << 20);
        buf_add_str(&sql, str_from(texts[t][0]));
        for (int i = 0; i < 30000; i++)
            buf_add_str(&sql, str_from(texts[t][1]));
        for (int i = 0; t == 2 && i < 30000; i++)
            buf_add_str(&sql, STR("*/"));
        buf_add_str(&sql, STR(" 1"));
        buf_add_char(&sql, 0);
        assert_true(str_is(described(arena, sql.p), "54001@0"));
        buf_fini(&sql);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statements_are_typed_as_postgresql_does),
        cmocka_unit_test(depth_is_bounded),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
