/* test_migrate_difference.c - two schemas compared: each kind of object, each thing that may be another, and what is none of it. */
/* LINK pgd1_migrate pgd1_snapshot_fixture */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proxy/catalog/side_catalog.h"
#include "proxy/migrate/difference.h"
#include "tests/support/snapshot_fixture.h"

#define SIDE(kind, schema, name, detail)                                                                               \
    SIDE_CATALOG_CREATE                                                                                                \
    ";INSERT INTO _pgd1_catalog VALUES('" kind "','" schema "','" name "','" detail "');"

static const struct {
    const char *is, *wanted;
    const char *expected; /* "kind schema.name.part: text", one a line */
} pairs[] = {
    /* tables */
    { "CREATE TABLE t (a INTEGER)", "CREATE TABLE t (a INTEGER)", "" },
    { "CREATE TABLE t (a INTEGER, b TEXT)", "CREATE TABLE \"t\" (b text,\n  a integer)", "" },
    { "", "CREATE TABLE t (a INTEGER)", "table public.t.: table is declared and not there\n" },
    { "CREATE TABLE t (a INTEGER)", "", "table public.t.: table is there and not declared\n" },
    { "CREATE TABLE t (a INTEGER)", "CREATE VIEW t AS SELECT 1 AS a",
      "table public.t.: table is table, declared view\n" },
    { "CREATE TABLE t (a TEXT PRIMARY KEY NOT NULL)", "CREATE TABLE t (a TEXT PRIMARY KEY NOT NULL) WITHOUT ROWID",
      "table public.t.: table clause is none, declared WITHOUT ROWID \n" },
    { "CREATE TABLE t (a INTEGER) STRICT", "CREATE TABLE t (a INTEGER)",
      "table public.t.: table clause is STRICT , declared none\n" },
    { "CREATE VIRTUAL TABLE f USING fts5(a)", "CREATE VIRTUAL TABLE f USING fts5(a, tokenize=porter)",
      "table public.f.: table clause is CREATE VIRTUAL TABLE f USING fts5 ( a ) , declared CREATE VIRTUAL TABLE f "
      "USING "
      "fts5 ( a , tokenize = porter ) \n" },
    { "CREATE TABLE t (a INTEGER UNIQUE ON CONFLICT IGNORE)", "CREATE TABLE t (a INTEGER UNIQUE ON CONFLICT REPLACE)",
      "table public.t.: table clause is CREATE TABLE t ( a INTEGER UNIQUE ON CONFLICT IGNORE ) , declared CREATE TABLE "
      "t ( "
      "a INTEGER UNIQUE ON CONFLICT REPLACE ) \n" },
    /* columns */
    { "CREATE TABLE t (a INTEGER)", "CREATE TABLE t (a INTEGER, b TEXT NOT NULL DEFAULT 'x')",
      "column public.t.b: column is declared and not there: text NOT NULL DEFAULT 'x'::text\n" },
    { "CREATE TABLE t (a INTEGER, b TEXT)", "CREATE TABLE t (a INTEGER)",
      "column public.t.b: column is there and not declared: text\n" },
    { "CREATE TABLE t (a INTEGER)", "CREATE TABLE t (a TEXT)",
      "column public.t.a: column type is bigint, declared text\n"
      "column public.t.a: column storage is natural, declared natural, with affinity TEXT\n" },
    { "CREATE TABLE t (a VARCHAR(10))", "CREATE TABLE t (a VARCHAR(20))",
      "column public.t.a: column type is character varying(10), declared character varying(20)\n" },
    { "CREATE TABLE t (a INTEGER)", "CREATE TABLE t (a INTEGER NOT NULL)",
      "column public.t.a: column nullability is NULL, declared NOT NULL\n" },
    { "CREATE TABLE t (a INTEGER DEFAULT 1)", "CREATE TABLE t (a INTEGER DEFAULT 2)",
      "column public.t.a: column default is 1, declared 2\n" },
    { "CREATE TABLE t (a INTEGER DEFAULT 1)", "CREATE TABLE t (a INTEGER)",
      "column public.t.a: column default is 1, declared none\n" },
    { "CREATE TABLE t (a TEXT DEFAULT (lower('A')))", "CREATE TABLE t (a TEXT DEFAULT (lower('B')))",
      "column public.t.a: column default is lower('A'), declared lower('B')\n" },
    { "CREATE TABLE t (a INTEGER, b INTEGER AS (a + 1) STORED)", "CREATE TABLE t (a INTEGER, b INTEGER AS (a + 2))",
      "column public.t.b: column generation is (a + 1) STORED, declared (a + 2) VIRTUAL\n" },
    { "CREATE TABLE t (a TEXT)", "CREATE TABLE t (a TEXT COLLATE NOCASE)",
      "column public.t.a: column collation is none, declared NOCASE\n" },
    { "CREATE TABLE t (a INTEGER PRIMARY KEY)", "CREATE TABLE t (a INTEGER PRIMARY KEY AUTOINCREMENT)",
      "column public.t.a: column identity is BY DEFAULT, declared none\n"
      "column public.t.a: column sequence is none, declared t_a_seq (AUTOINCREMENT)\n" },
    { "CREATE TABLE t (a INTEGER)",
      SIDE("column", "public", "t.a", "{\"storage\":\"unixms\",\"type\":\"timestamp\"}") "CREATE TABLE t (a INTEGER)",
      "column public.t.a: column type is bigint, declared timestamp without time zone\n"
      "column public.t.a: column storage is natural, declared Unix milliseconds\n" },
    { "CREATE TABLE t (a INTEGER)",
      SIDE("column", "public", "t.a", "{\"comment\":\"it is\"}") "CREATE TABLE t (a INTEGER)",
      "column public.t.a: column comment is none, declared 'it is'\n" },
    /* constraints */
    { "CREATE TABLE t (a INTEGER, b INTEGER)", "CREATE TABLE t (a INTEGER, b INTEGER, UNIQUE (a, b))",
      "constraint public.t.t_a_b_key: constraint is declared and not there: UNIQUE (a, b)\n" },
    { "CREATE TABLE t (a INTEGER CHECK (a > 0))", "CREATE TABLE t (a INTEGER, CHECK (a > 0))", "" },
    { "CREATE TABLE t (a INTEGER CHECK (a > 0))", "CREATE TABLE t (a INTEGER CHECK (a > 1))",
      "constraint public.t.t_a_check: constraint is CHECK ((a > 0)), declared CHECK ((a > 1))\n" },
    { "CREATE TABLE t (a INTEGER CONSTRAINT c CHECK (a > 0))", "CREATE TABLE t (a INTEGER CONSTRAINT d CHECK (a > 0))",
      "constraint public.t.c: constraint name is c, declared d\n" },
    { "CREATE TABLE p (a INTEGER PRIMARY KEY); CREATE TABLE t (a INTEGER REFERENCES p)",
      "CREATE TABLE p (a INTEGER PRIMARY KEY); CREATE TABLE t (a INTEGER REFERENCES p(a))", "" },
    { "CREATE TABLE p (a INTEGER PRIMARY KEY); CREATE TABLE t (a INTEGER REFERENCES p)",
      "CREATE TABLE p (a INTEGER PRIMARY KEY); CREATE TABLE t (a INTEGER REFERENCES p ON DELETE CASCADE DEFERRABLE "
      "INITIALLY DEFERRED)",
      "constraint public.t.t_a_fkey: constraint is FOREIGN KEY (a) REFERENCES p(a), declared FOREIGN KEY (a) "
      "REFERENCES "
      "p(a) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED\n" },
    { "CREATE TABLE t (a TEXT NOT NULL, b TEXT NOT NULL, PRIMARY KEY (a))",
      "CREATE TABLE t (a TEXT NOT NULL, b TEXT NOT NULL, PRIMARY KEY (a, b))",
      "constraint public.t.t_pkey: constraint is PRIMARY KEY (a), declared PRIMARY KEY (a, b)\n" },
    /* indexes */
    { "CREATE TABLE t (a INTEGER)", "CREATE TABLE t (a INTEGER); CREATE INDEX i ON t (a)",
      "index public.t.i: index is declared and not there: CREATE INDEX i ON t USING btree (a)\n" },
    { "CREATE TABLE t (a INTEGER); CREATE INDEX i ON t (a)", "CREATE TABLE t (a INTEGER); CREATE INDEX \"i\" ON t(a)",
      "" },
    { "CREATE TABLE t (a TEXT); CREATE INDEX i ON t (a)",
      "CREATE TABLE t (a TEXT); CREATE INDEX i ON t (a COLLATE NOCASE)",
      "index public.t.i: index is CREATE INDEX i ON t ( a ) , declared CREATE INDEX i ON t ( a COLLATE NOCASE ) \n" },
    { "CREATE TABLE t (a TEXT); CREATE INDEX i ON t (a)",
      "CREATE TABLE t (a TEXT); CREATE UNIQUE INDEX i ON t (lower(a)) WHERE a > 'a'",
      "index public.t.i: index is CREATE INDEX i ON t USING btree (a), declared CREATE UNIQUE INDEX i ON t "
      "USING "
      "btree (((lower(a)))) WHERE (a > 'a')\n" },
    /* views and triggers */
    { "CREATE TABLE t (a INTEGER); CREATE VIEW v AS SELECT a FROM t",
      "CREATE TABLE t (a INTEGER); CREATE VIEW v AS\n SELECT a\nFROM t", "" },
    { "CREATE TABLE t (a INTEGER); CREATE VIEW v AS SELECT a FROM t",
      "CREATE TABLE t (a INTEGER); CREATE VIEW v AS SELECT 'A' || a AS a FROM t",
      "view public.v.: view is CREATE VIEW v AS SELECT a FROM t , declared CREATE VIEW v AS SELECT 'A' | | a AS a FROM "
      "t \n" },
    { "CREATE TABLE t (a INTEGER)",
      "CREATE TABLE t (a INTEGER); CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT 1; END",
      "trigger public.t.g: trigger is declared and not there\n" },
    { "CREATE TABLE t (a INTEGER); CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT 1; END",
      "CREATE TABLE t (a INTEGER); CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT 2; END",
      "trigger public.t.g: trigger is CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT 1 ; END , declared CREATE "
      "TRIGGER g AFTER "
      "INSERT ON t BEGIN SELECT 2 ; END \n" },
    /* schemas, types, sequences, extensions */
    { "", SIDE("schema", "s", "", "{}"), "schema .s.: schema is declared and not there\n" },
    { SIDE("schema", "s", "", "{}"), SIDE("schema", "s", "", "{\"comment\":\"c\"}"),
      "schema .s.: schema comment is none, declared 'c'\n" },
    { SIDE("type", "public", "e", "{\"kind\":\"e\",\"labels\":[\"a\"]}"),
      SIDE("type", "public", "e", "{\"kind\":\"e\",\"labels\":[\"a\",\"b\"]}"),
      "type public.e.: type is enum ('a'), declared enum ('a', 'b')\n" },
    { SIDE("type", "public", "d",
           "{\"kind\":\"d\",\"base\":\"int4\",\"checks\":[{\"name\":\"c\",\"expression\":\"(VALUE > 0)\"}]}"),
      "", "type public.d.: type is there and not declared: domain integer CONSTRAINT c CHECK ((VALUE > 0))\n" },
    { "", SIDE("sequence", "public", "q", "{\"type\":\"int8\"}"),
      "sequence public.q.: sequence is declared and not there\n" },
    { "", SIDE("extension", "public", "pgcrypto", "{}"),
      "extension public.pgcrypto.: extension is declared and not there\n" },
    /* what is nobody's schema */
    { "CREATE TABLE d1_migrations (a); CREATE TABLE __drizzle_migrations (a); CREATE TABLE _pgd1_txn (a); CREATE TABLE "
      "_cf_KV (a);"
      "CREATE TABLE ours (a)",
      "", "" },
};

static bool expect(const char *is_sql, const char *wanted_sql, const char *expected)
{
    struct snapshot *is = snapshot_fixture(is_sql), *wanted = snapshot_fixture(wanted_sql);
    struct arena *arena = arena_new(1 << 20);
    struct migrate_differences all;
    struct err err;
    err_init(&err, arena);
    assert_true(migrate_difference(is, wanted, STR("ours"), arena, &all, &err));
    struct str text = STR("");
    for (size_t i = 0; i < all.n; i++) {
        const struct migrate_difference *d = &all.list[i];
        text = arena_printf(arena, "%.*s%s %.*s.%.*s.%.*s: %.*s\n", STR_FMT(text), migrate_kind_name(d->kind),
                            STR_FMT(d->schema), STR_FMT(d->name), STR_FMT(d->part), STR_FMT(d->text));
    }
    bool ok = str_is(text, expected);
    if (!ok)
        print_error("%s\n=> %s\nhave <%.*s>\nwant <%s>\n", is_sql, wanted_sql, STR_FMT(text), expected);
    arena_free(arena);
    snapshot_unref(is);
    snapshot_unref(wanted);
    return ok;
}

static void pairs_differ_as_told(void **state)
{
    (void)state;
    size_t failed = 0;
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
        failed += !expect(pairs[i].is, pairs[i].wanted, pairs[i].expected);
    assert_int_equal(failed, 0);
}

/* Whatever differs one way differs the other way, and nothing differs from itself. */
static void both_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        struct snapshot *is = snapshot_fixture(pairs[i].is), *wanted = snapshot_fixture(pairs[i].wanted);
        struct arena *arena = arena_new(1 << 20);
        struct migrate_differences there, back, same;
        struct err err;
        err_init(&err, arena);
        assert_true(migrate_difference(is, wanted, STR("ours"), arena, &there, &err));
        assert_true(migrate_difference(wanted, is, STR("ours"), arena, &back, &err));
        assert_true(migrate_difference(wanted, wanted, STR("ours"), arena, &same, &err));
        assert_int_equal(there.n, back.n);
        assert_int_equal(same.n, 0);
        arena_free(arena);
        snapshot_unref(is);
        snapshot_unref(wanted);
    }
}

static void memory_may_end(void **state)
{
    (void)state;
    struct snapshot *is = snapshot_fixture("CREATE TABLE t (a INTEGER, b TEXT)"),
                    *wanted = snapshot_fixture("CREATE VIEW v AS SELECT 1 AS a");
    size_t failed = 0;
    for (size_t cap = 64; cap < 1 << 16; cap *= 2) {
        struct arena *arena = arena_new(cap), *texts = arena_new(1 << 16);
        struct migrate_differences all = { 0 };
        struct err err;
        err_init(&err, texts);
        if (arena && !migrate_difference(is, wanted, STR(""), arena, &all, &err)) {
            assert_int_equal(err.code, SQLSTATE_OUT_OF_MEMORY);
            failed++;
        }
        arena_free(arena);
        arena_free(texts);
    }
    assert_true(failed > 0);
    snapshot_unref(is);
    snapshot_unref(wanted);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pairs_differ_as_told),
        cmocka_unit_test(both_ways),
        cmocka_unit_test(memory_may_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
