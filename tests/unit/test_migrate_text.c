/* Migration files: chunks, parts, directives, places of statements, what is refused. */
/* LINK pgd1_migrate */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "proxy/base/buf.h"
#include "proxy/migrate/text.h"

static void show_chunks(struct buf *b, const struct migrate_chunk *chunks, size_t n)
{
    for (size_t c = 0; c < n; c++) {
        buf_add_str(b, STR("["));
        for (size_t i = 0; i < chunks[c].n; i++)
            buf_printf(b, "%s%d:%d %.*s", i ? "; " : "", chunks[c].statements[i].line, chunks[c].statements[i].column,
                       STR_FMT(chunks[c].statements[i].text));
        buf_add_str(b, STR("]"));
    }
}

/* "[1:1 SELECT 1; 2:1 SELECT 2] down [...]" and flags */
static void show(struct buf *b, const struct migrate_text *t)
{
    buf_add_str(b, t->dialect == MIGRATE_POSTGRES ? STR("postgres ") : STR(""));
    buf_add_str(b, t->allows_cascade ? STR("cascade ") : STR(""));
    show_chunks(b, t->up, t->n_up);
    if (t->has_down)
        buf_add_str(b, STR(" down "));
    show_chunks(b, t->down, t->n_down);
}

static void is_read(void **state)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        { "", "[]" },
        { "-- only a comment\n", "[]" },
        { "SELECT 1", "[1:1 SELECT 1]" },
        { "SELECT 1;\n  SELECT 2 ; ;\n", "[1:1 SELECT 1; 2:3 SELECT 2]" },
        { "\xEF\xBB\xBF", "[]" }, /* white space to SQLite as well */
        { "SELECT 1;\r\nSELECT 2;\r\n", "[1:1 SELECT 1; 2:1 SELECT 2]" },
        { "SELECT '\xC3\xA4'; SELECT 2", "[1:1 SELECT '\xC3\xA4'; 1:13 SELECT 2]" },
        { "CREATE TRIGGER t AFTER INSERT ON a begin\n UPDATE b SET c = CASE WHEN 1 THEN 2 END;\nend; SELECT 1",
          "[1:1 CREATE TRIGGER t AFTER INSERT ON a begin\n UPDATE b SET c = CASE WHEN 1 THEN 2 END;\nend; 3:6 SELECT "
          "1]" },
        { "SELECT 1;\n--> breakpoint\nSELECT 2;\n-- pgd1: chunk\nSELECT 3",
          "[1:1 SELECT 1][3:1 SELECT 2][5:1 SELECT 3]" },
        { "SELECT 1\n--> breakpoint\nSELECT 2", "[1:1 SELECT 1][3:1 SELECT 2]" },
        { "--> breakpoint\nSELECT 1;\n--> breakpoint\n--> breakpoint\n", "[2:1 SELECT 1]" },
        { "SELECT 1;--> statement-breakpoint\nSELECT 2", "[1:1 SELECT 1; 2:1 SELECT 2]" },
        { "SELECT 1; --> breakpoint\nSELECT 2", "[1:1 SELECT 1; 2:1 SELECT 2]" }, /* not alone on its line */
        { "SELECT '\n--> breakpoint\n'", "[1:1 SELECT '\n--> breakpoint\n']" },
        { "/*\n-- migrate:down\n*/ SELECT 1", "[3:4 SELECT 1]" },
        { "-- migrate:up\nSELECT 1;\n-- migrate:down\nSELECT 2;", "[2:1 SELECT 1] down [4:1 SELECT 2]" },
        { "SELECT 1\n-- MIGRATE:DOWN\n", "[1:1 SELECT 1] down " },
        { "SELECT 1;\n-- migrate:down\nSELECT 2;\n--> breakpoint\nSELECT 3",
          "[1:1 SELECT 1] down [3:1 SELECT 2][5:1 SELECT 3]" },
        { "-- pgd1: allow cascade\nDROP TABLE p", "cascade [2:1 DROP TABLE p]" },
        { "-- pgd1: postgres\nSELECT $$;\n--> breakpoint\n$$;\n--> breakpoint\nSELECT 2;",
          "postgres [2:1 SELECT $$;\n--> breakpoint\n$$][6:1 SELECT 2]" },
        { "-- pgd1: postgres\nSELECT 1 -- migrate:down\n;\n-- migrate:down\nSELECT 2",
          "postgres [2:1 SELECT 1 -- migrate:down] down [5:1 SELECT 2]" },
        { "-- pgd1: postgres\n/* a /* b */ c */ -- d\n SELECT 1", "postgres [3:2 SELECT 1]" },
        { "\xEF\xBB\xBFSELECT 1;\r\n--> breakpoint\r\n SELECT 2;\r\n", "[1:1 SELECT 1][3:2 SELECT 2]" },
        { "\xEF\xBB\xBF-- pgd1: postgres\nSELECT 1", "postgres [2:1 SELECT 1]" },
        { "DROP TABLE t; SELECT * FROM _pgd1_catalog", "[1:1 DROP TABLE t; 1:15 SELECT * FROM _pgd1_catalog]" },
        { "PRAGMA defer_foreign_keys = on; SELECT 1", "[1:1 PRAGMA defer_foreign_keys = on; 1:33 SELECT 1]" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        AUTO(arena) arena = arena_new(1 << 20);
        struct migrate_file file = { STR("0001_a.sql"), 1, str_from(cases[i].text), { 0 } };
        struct migrate_text text;
        struct err err;
        struct buf shown;
        buf_init(&shown, 10000);
        err_init(&err, arena);
        if (!migrate_text_read(&file, MIGRATE_SQLITE, arena, &text, &err))
            fail_msg("%s: %.*s", cases[i].text, STR_FMT(err.message));
        show(&shown, &text);
        if (!str_is(buf_str(&shown), cases[i].want))
            fail_msg("%s: %.*s", cases[i].text, STR_FMT(buf_str(&shown)));
        buf_fini(&shown);
    }
}

static void is_refused(void **state)
{
    static const struct {
        const char *text;
        enum sqlstate code;
        const char *message;
    } cases[] = {
        { "SELECT 1;\n begin;", SQLSTATE_ACTIVE_SQL_TRANSACTION,
          "0001_a.sql:2:2: BEGIN cannot be part of a migration" },
        { "BEGIN TRANSACTION; SELECT 1; COMMIT;", SQLSTATE_ACTIVE_SQL_TRANSACTION, "0001_a.sql:1:1: BEGIN" },
        { "SELECT 1; /* c */ Commit", SQLSTATE_ACTIVE_SQL_TRANSACTION, "0001_a.sql:1:19: COMMIT" },
        { "VACUUM", SQLSTATE_FEATURE_NOT_SUPPORTED, "0001_a.sql:1:1: VACUUM" },
        { "PRAGMA legacy_alter_table=on", SQLSTATE_FEATURE_NOT_SUPPORTED, "0001_a.sql:1:1: PRAGMA legacy_alter_table" },
        { "SELECT 1;\n-- pgd1: postgres\n", SQLSTATE_SYNTAX_ERROR,
          "0001_a.sql:2:1: \"-- pgd1: postgres\" is understood in the first line only" },
        { "-- pgd1: postgress\n", SQLSTATE_SYNTAX_ERROR, "0001_a.sql:1:1: \"-- pgd1: postgress\" is not a directive" },
        { "-- migrate:down\n-- migrate:down\n", SQLSTATE_SYNTAX_ERROR,
          "0001_a.sql:2:1: \"-- migrate:down\" is there twice" },
        { "SELECT 1;\n-- migrate:down\nSELECT 2;\n-- migrate:up\n", SQLSTATE_SYNTAX_ERROR,
          "0001_a.sql:4:1: \"-- migrate:up\" belongs above" },
        { "-- pgd1: postgres\nSELECT 1;\nSELEKT 2;", SQLSTATE_SYNTAX_ERROR,
          "0001_a.sql:3:1: syntax error at or near \"SELEKT\"" },
        { "-- pgd1: postgres\nSELECT '\xc3\xa9\xc3\xa9';\nSELECT 'open;", SQLSTATE_SYNTAX_ERROR, "0001_a.sql:3:8: " },
        { "-- pgd1: postgres\nSELECT 1;\nSELECT 'open;", SQLSTATE_SYNTAX_ERROR,
          "0001_a.sql:3:8: unterminated quoted string" },
        { "-- pgd1: postgres\nBEGIN;", SQLSTATE_ACTIVE_SQL_TRANSACTION, "0001_a.sql:2:1: BEGIN" },
        { "\xEF\xBB\xBF-- pgd1: postgres\r\nSELECT 1;\r\n  BEGIN;", SQLSTATE_ACTIVE_SQL_TRANSACTION,
          "0001_a.sql:3:3: BEGIN" },
        { "\xEF\xBB\xBF/* \xc3\xa9 */ COMMIT;", SQLSTATE_ACTIVE_SQL_TRANSACTION, "0001_a.sql:1:9: COMMIT" },
        { "SELECT 1;\nDROP TABLE IF EXISTS main . \"_PGD1_catalog\"", SQLSTATE_INSUFFICIENT_PRIVILEGE,
          "0001_a.sql:2:1: pgd1's own tables" },
        { "drop /* it */ index [_pgd1_i]", SQLSTATE_INSUFFICIENT_PRIVILEGE, "0001_a.sql:1:1: pgd1's own tables" },
        { "ALTER TABLE t RENAME TO _pgd1_sequence", SQLSTATE_INSUFFICIENT_PRIVILEGE,
          "0001_a.sql:1:1: pgd1's own tables" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        AUTO(arena) arena = arena_new(1 << 20);
        struct migrate_file file = { STR("0001_a.sql"), 1, str_from(cases[i].text), { 0 } };
        struct migrate_text text;
        struct err err;
        err_init(&err, arena);
        if (migrate_text_read(&file, MIGRATE_SQLITE, arena, &text, &err))
            fail_msg("taken: %s", cases[i].text);
        if (err.code != cases[i].code || str_find(err.message, str_from(cases[i].message)) != 0)
            fail_msg("%s: %s %.*s", cases[i].text, sqlstate_code(err.code), STR_FMT(err.message));
    }
}

static void limits(void **state)
{
    struct buf text;
    AUTO(arena) arena = arena_new(64 << 20);
    struct migrate_text read;
    struct err err;
    (void)state;
    buf_init(&text, 1 << 20);
    buf_add_str(&text, STR("SELECT 1;\nSELECT '"));
    for (int i = 0; i < MIGRATE_MAX_STATEMENT - 9; i++)
        buf_add_char(&text, 'x');
    buf_add_str(&text, STR("'"));
    struct migrate_file file = { STR("0001_a.sql"), 1, buf_str(&text), { 0 } };
    err_init(&err, arena);
    assert_true(migrate_text_read(&file, MIGRATE_SQLITE, arena, &read, &err));
    assert_int_equal(read.up[0].statements[1].text.n, MIGRATE_MAX_STATEMENT);
    text.p[text.n - 1] = 'x';
    buf_add_str(&text, STR("'"));
    file.text = buf_str(&text);
    assert_false(migrate_text_read(&file, MIGRATE_SQLITE, arena, &read, &err));
    assert_int_equal(err.code, SQLSTATE_PROGRAM_LIMIT_EXCEEDED);
    assert_true(str_starts(err.message, STR("0001_a.sql:2:1: statement is too long: 100001 bytes")));
    buf_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(is_read), cmocka_unit_test(is_refused),
                                        cmocka_unit_test(limits) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
