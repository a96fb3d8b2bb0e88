/* test_replay.c - statements replayed on an empty database: the schema they lead to, who fails and how, what is limited. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proxy/base/fault.h"
#include "tests/unit/replay_fixture.h"

/* Each look takes a millisecond. */
static uint64_t hasty_now(void *ctx)
{
    uint64_t *now = ctx;
    return *now += 1000;
}

static uint64_t hasty_us;
static const struct clock hasty = { .monotonic_us = hasty_now, .ctx = &hasty_us };

/* The file's statements, chunk after chunk. */
static bool replay_file(struct replay *r, const char *file_text, struct arena *arena, struct err *err)
{
    struct migrate_file file = { STR("1_a.sql"), 1, str_from(file_text), { 0 } };
    struct migrate_text text;
    if (!migrate_text_read(&file, MIGRATE_SQLITE, arena, &text, err))
        return false;
    for (size_t c = 0; c < text.n_up; c++) {
        bool ok = replay_begin(r, err);
        for (size_t i = 0; ok && i < text.up[c].n; i++)
            ok = replay_statement(r, text.dialect, text.up[c].statements[i].text, err);
        if (!ok || !replay_end(r, err)) {
            replay_undo(r);
            return false;
        }
    }
    return true;
}

static const struct {
    const char *text, *code, *message; /* NULL: it works */
    const char *relations;             /* of the schema behind it */
} cases[] = {
    { "", NULL, NULL, "" },
    { "CREATE TABLE a(id INTEGER PRIMARY KEY, n TEXT); CREATE VIEW v AS SELECT n FROM a;", NULL, NULL, "a v" },
    { "CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE c(p INTEGER REFERENCES p(id)); INSERT INTO c VALUES (1);",
      "23503", "foreign key", "" },
    { "PRAGMA defer_foreign_keys=on; CREATE TABLE p(id INTEGER PRIMARY KEY);"
      "CREATE TABLE c(p INTEGER REFERENCES p(id)); INSERT INTO c VALUES (1); INSERT INTO p VALUES (1)",
      NULL, NULL, "c p" },
    { "CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE c(p INTEGER REFERENCES p(id));\n--> breakpoint\n"
      "PRAGMA defer_foreign_keys=on; CREATE TABLE d(a INTEGER); INSERT INTO c VALUES (1)",
      "23503", "foreign key", "c p" },
    { "CREATE TABLE a(a INTEGER); INSERT INTO b VALUES (1)", "42P01", "\"b\" does not exist", "" },
    { "CREATE TABLE a(a INTEGER); SELECT 1 SELECT 2", "42601", "SELECT", "" },
    { "CREATE TABLE a(a INTEGER); SELECT load_extension('x')", "42501", "", "" },
    { "CREATE TABLE _cf_a(a INTEGER)", "42501", "", "" },
    { "CREATE TEMP TABLE a(a INTEGER)", "42501", "", "" },
    { "CREATE TABLE _pgd1_catalog(kind TEXT)", "42501", "pgd1's own", "" },
    { "CREATE TABLE a(a INTEGER PRIMARY KEY); INSERT OR ROLLBACK INTO a VALUES (1); INSERT OR ROLLBACK INTO a VALUES "
      "(1)",
      "23505", "", "" },
    { "CREATE TABLE a(a INTEGER);\n--> breakpoint\nCREATE TABLE b(b INTEGER); CREATE TABLE a(a INTEGER)", "42P07", "",
      "a" },
    /* PostgreSQL's */
    { "-- pgd1: postgres\nCREATE TABLE a(id serial PRIMARY KEY, t varchar(3) NOT NULL DEFAULT 'x', k numeric(10,2) "
      "CHECK (k > 0));\nINSERT INTO a(k) VALUES (1.5);\nCREATE TABLE b(a int); INSERT INTO b VALUES "
      "(currval('a_id_seq'));\n"
      "CREATE INDEX ON a(lower(t)); CREATE TYPE mood AS ENUM ('sad', 'ok'); ALTER TABLE a ADD COLUMN m mood;",
      NULL, NULL, "a a_id_seq b" },
    { "-- pgd1: postgres\nCREATE TABLE a(t text); INSERT INTO a VALUES ('1'), ('22');\n"
      "UPDATE a SET t = regexp_replace(t, '2+', 'x');\nALTER TABLE a ALTER COLUMN t TYPE integer USING length(t);\n"
      "INSERT INTO a VALUES (3);",
      NULL, NULL, "a" },
    { "-- pgd1: postgres\nCREATE TABLE a(n int CHECK (n > 0)); INSERT INTO a VALUES (0);", "23514", "a_n_check", "" },
    { "-- pgd1: postgres\nCREATE TABLE a(n int); INSERT INTO a VALUES ('x');", "22P02", "integer", "" },
    { "-- pgd1: postgres\nCREATE TABLE a(n int); SELECT m FROM a;", "42703", "\"m\"", "" },
    { "-- pgd1: postgres\nCREATE TABLE a(n int); DROP TABLE IF EXISTS b; SELECT 1; SET work_mem = '1MB';", NULL, NULL,
      "a" },
    { "-- pgd1: postgres\nCREATE TABLE a(id serial PRIMARY KEY, k int); INSERT INTO a(k) SELECT 2; INSERT INTO a(k) "
      "SELECT 3;\n"
      "CREATE TABLE b(b int CHECK (b = 2)); INSERT INTO b VALUES (currval('a_id_seq'));",
      NULL, NULL, "a a_id_seq b" },
    { "-- pgd1: postgres\nSET search_path = x;", "0A000", "search_path", "" },
    { "-- pgd1: postgres\nLISTEN x;", "0A000", "LISTEN", "" },
    { "-- pgd1: postgres\nINSERT INTO _pgd1_catalog VALUES (1);", "42P01", "", "" },
};

static struct str relations_of(struct replay *r, struct arena *arena)
{
    struct err err;
    struct str shown = STR("");
    err_init(&err, arena);
    struct snapshot *schema = replay_schema(r, &err);
    if (!schema)
        fail_msg("%.*s", STR_FMT(err.message));
    for (size_t i = 0; i < schema->n_relations; i++)
        if (!str_starts(schema->relations[i].name, STR("_pgd1_")))
            shown = arena_printf(arena, "%.*s%s%.*s", STR_FMT(shown), shown.n ? " " : "",
                                 STR_FMT(schema->relations[i].name));
    snapshot_unref(schema);
    return shown;
}

static void files_lead_to_schemas(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        AUTO(arena) arena = arena_new(8 << 20);
        struct replay_session session = replay_session_with(clock_system());
        struct err err;
        err_init(&err, arena);
        struct replay *r = replay_new(&session, &err);
        assert_non_null(r);
        bool ok = replay_file(r, cases[i].text, arena, &err);
        const char *code = ok ? NULL : sqlstate_code(err.code);
        if (ok != !cases[i].code || (code && strcmp(code, cases[i].code) != 0) ||
            (code && str_find(err.message, str_from(cases[i].message)) < 0))
            fail_msg("%s\n%s %.*s", cases[i].text, code ? code : "worked", STR_FMT(err.message));
        struct str shown = relations_of(r, arena);
        if (!str_is(shown, cases[i].relations))
            fail_msg("%s\n%.*s", cases[i].text, STR_FMT(shown));
        replay_free(r);
    }
}

static void what_takes_long_or_much_is_ended(void **state)
{
    (void)state;
    static const struct {
        const char *text, *message;
    } greedy[] = {
        { "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n) SELECT count(*) FROM n", "longer than 5 s" },
        { "CREATE TABLE a(a BLOB); WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 200) "
          "INSERT "
          "INTO a SELECT randomblob(1000000) FROM n",
          "more than 64 MiB" },
    };
    for (size_t i = 0; i < sizeof(greedy) / sizeof(*greedy); i++) {
        AUTO(arena) arena = arena_new(8 << 20);
        struct replay_session session = replay_session_with(i ? clock_system() : &hasty);
        struct err err;
        err_init(&err, arena);
        struct replay *r = replay_new(&session, &err);
        assert_non_null(r);
        assert_false(replay_file(r, greedy[i].text, arena, &err));
        assert_int_equal(err.code, SQLSTATE_PROGRAM_LIMIT_EXCEEDED);
        if (str_find(err.message, str_from(greedy[i].message)) < 0)
            fail_msg("%.*s", STR_FMT(err.message));
        err_clear(&err);
        assert_true(replay_file(r, "CREATE TABLE b(b INTEGER)", arena, &err)); /* it is of use all the same */
        assert_string_equal(relations_of(r, arena).p, "b");
        replay_free(r);
    }
}

static bool note_key(void *ctx, const struct replay_broken_key *key)
{
    struct str *shown = ctx;
    static char text[100];
    snprintf(text, sizeof(text), "%.*s %.*s %d", STR_FMT(key->table), STR_FMT(key->parent), (int)key->rows);
    *shown = str_from(text);
    return true;
}

static void broken_keys_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *text, *shown;
    } steps[] = {
        { "CREATE TABLE c(n INTEGER); INSERT INTO c VALUES (1), (2), (NULL)", "" },
        { "ALTER TABLE c ADD COLUMN p INTEGER REFERENCES p(id)", "c p 0" },
        { "CREATE TABLE p(id INTEGER PRIMARY KEY)", "" },
        /* SQLite does not look at rows when a generated column with a key is added */
        { "ALTER TABLE c ADD COLUMN q INTEGER REFERENCES p(id) AS (n) VIRTUAL", "c p 2" },
    };
    AUTO(arena) arena = arena_new(8 << 20);
    struct replay_session session = replay_session_with(clock_system());
    struct err err;
    err_init(&err, arena);
    struct replay *r = replay_new(&session, &err);
    assert_non_null(r);
    for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
        struct str shown = STR("");
        assert_true(replay_file(r, steps[i].text, arena, &err));
        assert_true(replay_broken_keys(r, note_key, &shown, &err));
        assert_string_equal(shown.p, steps[i].shown);
    }
    replay_free(r);
}

static void memory_may_fail(void **state)
{
    (void)state;
    const char *text = "-- pgd1: postgres\nCREATE TABLE a(id serial PRIMARY KEY, t text CHECK (t <> ''));\n"
                       "INSERT INTO a(t) VALUES ('x');\nUPDATE a SET t = regexp_replace(t, 'x', 'y');\n"
                       "--> breakpoint\nALTER TABLE a ADD COLUMN n int;";
    bool worked = false;
    for (long n = 0; !worked; n++) {
        AUTO(arena) arena = arena_new(8 << 20);
        struct replay_session session = replay_session_with(clock_system());
        struct snapshot *schema = NULL;
        struct err err;
        err_init(&err, arena);
        fault_after(n);
        struct replay *r = replay_new(&session, &err);
        worked = r && replay_file(r, text, arena, &err) && (schema = replay_schema(r, &err));
        bool hit = fault_hit();
        fault_after(-1);
        if (!worked && err.code != SQLSTATE_OUT_OF_MEMORY)
            fail_msg("allocation %ld: %s %.*s", n, sqlstate_code(err.code), STR_FMT(err.message));
        assert_true(hit || worked);
        assert_true(n < 100000);
        snapshot_unref(schema);
        replay_free(r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_lead_to_schemas),
        cmocka_unit_test(what_takes_long_or_much_is_ended),
        cmocka_unit_test(broken_keys_are_told),
        cmocka_unit_test(memory_may_fail),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
