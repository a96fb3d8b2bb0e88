/* MIGRATE statements: what is taken, where the error of what is not stands. */
/* LINK pgd1_migrate */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "proxy/migrate/command.h"

static void is_recognised(void **state)
{
    static const struct {
        const char *text;
        bool is;
    } cases[] = {
        { "MIGRATE", true },
        { "  migrate up", true },
        { "Migrate;", true },
        { "-- a comment\nMIGRATE UP", true },
        { "/* a /* nested */ one */ migrate status", true },
        { "MIGRATED", false },
        { "migrate_up()", false },
        { "SELECT 'MIGRATE'", false },
        { "-- MIGRATE UP", false },
        { "", false },
        { "\"MIGRATE\"", false },
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (migrate_command_is(str_from(cases[i].text)) != cases[i].is)
            fail_msg("%s", cases[i].text);
}

static void is_read(void **state)
{
    static const struct {
        const char *text;
        enum migrate_verb verb;
        const char *name, *to, *from, *body, *confirm, *bookmark, *timestamp; /* NULL: not given */
        bool dry_run, allow_data_loss;
    } cases[] = {
        { "MIGRATE STATUS", MIGRATE_STATUS, .name = NULL },
        { "migrate help;", MIGRATE_HELP, .name = NULL },
        { "MIGRATE VALIDATE ;; -- all", MIGRATE_VALIDATE, .name = NULL },
        { "MIGRATE CREATE 'add users'", MIGRATE_CREATE, .name = "add users" },
        { "MIGRATE CREATE 'x' AS $$CREATE TABLE t (a text DEFAULT 'it''s');$$", MIGRATE_CREATE, .name = "x",
          .body = "CREATE TABLE t (a text DEFAULT 'it''s');" },
        { "MIGRATE CREATE 'it''s' AS E'a\\nb'", MIGRATE_CREATE, .name = "it's", .body = "a\nb" },
        { "MIGRATE CREATE 'x' AS ''", MIGRATE_CREATE, .name = "x", .body = "" },
        { "MIGRATE UP", MIGRATE_UP, .name = NULL },
        { "MIGRATE UP TO '0002_b.sql' DRY RUN", MIGRATE_UP, .to = "0002_b.sql", .dry_run = true },
        { "MIGRATE UP DRY RUN CONFIRM 'shop' TO 'x'", MIGRATE_UP, .to = "x", .confirm = "shop", .dry_run = true },
        { "MIGRATE /* the */ UP -- now\n TO 'x'", MIGRATE_UP, .to = "x" },
        { "MIGRATE DOWN TO '0001_a'", MIGRATE_DOWN, .to = "0001_a" },
        { "MIGRATE GENERATE 'next' FROM 'schema.sql' ALLOW DATA LOSS", MIGRATE_GENERATE, .name = "next",
          .from = "schema.sql", .allow_data_loss = true },
        { "MIGRATE PUSH ALLOW DATA LOSS", MIGRATE_PUSH, .allow_data_loss = true },
        { "MIGRATE BASELINE", MIGRATE_BASELINE, .name = NULL },
        { "MIGRATE BASELINE '0003'", MIGRATE_BASELINE, .name = "0003" },
        { "MIGRATE RESTORE TO BOOKMARK '0000-b'", MIGRATE_RESTORE, .bookmark = "0000-b" },
        { "MIGRATE RESTORE CONFIRM 'c' TO BOOKMARK 'b'", MIGRATE_RESTORE, .confirm = "c", .bookmark = "b" },
        { "MIGRATE RESTORE TO TIMESTAMP '2026-11-21 10:00'", MIGRATE_RESTORE, .timestamp = "2026-11-21 10:00" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        AUTO(arena) arena = arena_new(1 << 20);
        struct migrate_command c;
        struct err err;
        err_init(&err, arena);
        if (!migrate_command_parse(str_from(cases[i].text), arena, &c, &err))
            fail_msg("%s: %.*s", cases[i].text, STR_FMT(err.message));
        assert_int_equal(c.verb, cases[i].verb);
        const struct {
            struct str got;
            const char *want;
        } texts[] = { { c.name, cases[i].name },          { c.to, cases[i].to },
                      { c.from, cases[i].from },          { c.body, cases[i].body },
                      { c.confirm, cases[i].confirm },    { c.bookmark, cases[i].bookmark },
                      { c.timestamp, cases[i].timestamp } };
        for (size_t t = 0; t < sizeof(texts) / sizeof(texts[0]); t++)
            if (!texts[t].got.p != !texts[t].want || !str_eq(texts[t].got, str_from(texts[t].want)))
                fail_msg("%s: text %zu is '%.*s'", cases[i].text, t, STR_FMT(texts[t].got));
        assert_int_equal(c.dry_run, cases[i].dry_run);
        assert_int_equal(c.allow_data_loss, cases[i].allow_data_loss);
    }
}

static void is_refused(void **state)
{
    static const struct {
        const char *text, *message;
        int position;
    } cases[] = {
        { "MIGRATE", "syntax error at end of input", 8 },
        { "MIGRATE SIDEWAYS", "syntax error at or near \"SIDEWAYS\"", 9 },
        { "MIGRATE STATUS now", "syntax error at or near \"now\"", 16 },
        { "MIGRATE CREATE", "syntax error at end of input", 15 },
        { "MIGRATE CREATE name", "syntax error at or near \"name\"", 16 },
        { "MIGRATE CREATE 'a' 'b'", "syntax error at or near \"'b'\"", 20 },
        { "MIGRATE UP TO", "syntax error at end of input", 14 },
        { "MIGRATE UP TO 5", "syntax error at or near \"5\"", 15 },
        { "MIGRATE UP DRY", "syntax error at or near \"DRY\"", 12 },
        { "MIGRATE UP DRY RUN DRY RUN", "syntax error at or near \"DRY\"", 20 },
        { "MIGRATE CREATE '\xC3\xA4' AS 5", "syntax error at or near \"5\"", 23 },
        { "MIGRATE UP; SELECT 1", "syntax error at or near \";\"", 11 },
        { "MIGRATE CREATE 'open", "unterminated quoted string", 0 },
        { "MIGRATE UP ON FAILURE STOP ON FAILURE RESTORE", "MIGRATE UP stops on a failure or restores", 0 },
        { "MIGRATE UP ON FAILURE", "syntax error at or near \"ON\"", 12 },
        { "MIGRATE RESTORE", "MIGRATE RESTORE goes to a bookmark or to a timestamp", 0 },
        { "MIGRATE RESTORE TO BOOKMARK 'a' TO TIMESTAMP 'b'", "MIGRATE RESTORE goes to a bookmark or to a timestamp",
          0 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        AUTO(arena) arena = arena_new(1 << 20);
        struct migrate_command c;
        struct err err;
        err_init(&err, arena);
        if (migrate_command_parse(str_from(cases[i].text), arena, &c, &err))
            fail_msg("taken: %s", cases[i].text);
        assert_int_equal(err.code, SQLSTATE_SYNTAX_ERROR);
        if (str_find(err.message, str_from(cases[i].message)) != 0 ||
            (cases[i].position && err.position != cases[i].position))
            fail_msg("%s: %.*s at %d", cases[i].text, STR_FMT(err.message), err.position);
    }
}

static void is_found_by_function(void **state)
{
    (void)state;
    assert_int_equal(migrate_command_by_function(STR("migrate_up")), MIGRATE_UP);
    assert_int_equal(migrate_command_by_function(STR("migrate")), MIGRATE_VERB_NR);
    assert_string_equal(migrate_command_help(MIGRATE_RESTORE)->verb, "RESTORE");
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(is_recognised), cmocka_unit_test(is_read),
                                        cmocka_unit_test(is_refused), cmocka_unit_test(is_found_by_function) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
