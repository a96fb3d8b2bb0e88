/* LINK pgd1_catalog pgd1_base */
/* test_sqlite_trigger.c - CREATE TRIGGER as SQLite keeps it: what the catalogue shows of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proxy/catalog/sqlite_trigger.h"

static const struct {
    const char *rule, *sql, *shown; /* timing event(columns) table [condition] body; NULL: none */
} cases[] = {
    { "the plainest", "CREATE TRIGGER a INSERT ON t BEGIN SELECT 1; END", "0 0() t [] BEGIN SELECT 1; END" },
    { "every word", "CREATE TRIGGER IF NOT EXISTS main.a AFTER DELETE ON t FOR EACH ROW BEGIN SELECT 1; END",
      "1 1() t [] BEGIN SELECT 1; END" },
    { "columns", "create trigger a before update of x, \"Y z\" on [s.t] begin select 1; end",
      "0 2(x,Y z) s.t [] begin select 1; end" },
    { "of a view", "CREATE TRIGGER a INSTEAD OF UPDATE ON v BEGIN SELECT 1; END", "2 2() v [] BEGIN SELECT 1; END" },
    { "a condition", "CREATE TRIGGER a INSERT ON t WHEN new.x > 1 BEGIN SELECT 1; END",
      "0 0() t [new.x > 1] BEGIN SELECT 1; END" },
    { "parentheses around the whole", "CREATE TRIGGER a INSERT ON t WHEN (new.x > (1)) BEGIN SELECT 1; END",
      "0 0() t [new.x > (1)] BEGIN SELECT 1; END" },
    { "parentheses around parts", "CREATE TRIGGER a INSERT ON t WHEN (new.x) OR (new.y) BEGIN SELECT 1; END",
      "0 0() t [(new.x) OR (new.y)] BEGIN SELECT 1; END" },
    { "BEGIN in a text", "CREATE TRIGGER a INSERT ON t WHEN new.x = ' BEGIN ' BEGIN SELECT 1; END",
      "0 0() t [new.x = ' BEGIN '] BEGIN SELECT 1; END" },
    { "comments", "CREATE /* x */ TRIGGER a -- BEGIN\n INSERT ON t BEGIN SELECT 1; END ",
      "0 0() t [] BEGIN SELECT 1; END" },
    { "names that are keywords", "CREATE TRIGGER \"ON\" INSERT ON \"WHEN\" BEGIN SELECT 1; END",
      "0 0() WHEN [] BEGIN SELECT 1; END" },
    { "a table", "CREATE TABLE a (b)", NULL },
    { "no body", "CREATE TRIGGER a INSERT ON t WHEN x", NULL },
    { "columns of an insert", "CREATE TRIGGER a INSERT OF b ON t BEGIN SELECT 1; END", NULL },
    { "nothing", "", NULL },
};

static struct str shown(const struct sqlite_trigger *t, struct arena *arena)
{
    struct str columns = STR("");
    for (size_t i = 0; i < t->n_columns; i++)
        columns = arena_printf(arena, "%.*s%s%.*s", STR_FMT(columns), i ? "," : "", STR_FMT(t->columns[i]));
    return arena_printf(arena, "%d %d(%.*s) %.*s [%.*s] %.*s", (int)t->timing, (int)t->event, STR_FMT(columns),
                        STR_FMT(t->table), STR_FMT(t->condition), STR_FMT(t->body));
}

static void reads_what_sqlite_keeps(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct arena *arena = arena_new(1 << 20);
        struct sqlite_trigger t;
        bool ok = sqlite_parse_trigger(str_from(cases[i].sql), arena, &t);
        if (ok != (cases[i].shown != NULL))
            fail_msg("%s: %s", cases[i].rule, ok ? "read" : "not read");
        struct str text = ok ? shown(&t, arena) : STR("");
        if (ok && !str_is(text, cases[i].shown))
            fail_msg("%s: %.*s", cases[i].rule, STR_FMT(text));
        arena_free(arena);
    }
}

/* Cut short anywhere, and with an arena that is full: an answer, no reading behind the end. */
static void any_beginning_is_answered(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        for (size_t n = 0; cases[i].sql[n]; n++) {
            struct arena *arena = arena_new(n % 2 ? 1 << 20 : 64);
            struct sqlite_trigger t;
            sqlite_parse_trigger((struct str){ cases[i].sql, n }, arena, &t);
            arena_free(arena);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(reads_what_sqlite_keeps),
                                        cmocka_unit_test(any_beginning_is_answered) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
