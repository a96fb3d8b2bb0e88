/* LINK pgd1_d1 pgd1_base */
/* test_split.c - a text of SQLite's statements is cut where SQLite's own reader would cut it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>

#include "d1/split.h"
#include "sqlite3.h"

enum { PARTS_MAX = 6 };

static const struct {
    const char *rule, *text, *parts[PARTS_MAX];
} cases[] = {
    { "nothing is no statement", " ;; -- x\n ; /* y */ ", { NULL } },
    { "a semicolon ends a statement, and the last needs none", "select 1;select 2", { "select 1", "select 2" } },
    { "comments around a statement are not part of it", "-- a\nselect 1 -- b\n; /* c */", { "select 1" } },
    { "comments inside stay", "select /* ; */ 1", { "select /* ; */ 1" } },
    { "strings", "select 'a;''b;';select 2", { "select 'a;''b;'", "select 2" } },
    { "quoted names of all three kinds",
      "select \";\"\"\", [;], `;```;select 2",
      { "select \";\"\"\", [;], `;```", "select 2" } },
    { "a bracket knows no doubling", "select [a]];b;select 2", { "select [a]]", "b", "select 2" } },
    { "an unclosed string reaches to the end", "select 'a;b", { "select 'a;b" } },
    { "an unclosed comment is none of the statement", "select 1 /* ; select 2", { "select 1" } },
    { "a trigger's body",
      "create trigger t after insert on a begin select 1; update a set b=1; end; select 2",
      { "create trigger t after insert on a begin select 1; update a set b=1; end", "select 2" } },
    { "any case, any blank",
      "CREATE\r\nTEMP/**/Trigger t AFTER INSERT ON a Begin\r\nSELECT 1;\r\nEnd\r\n;\r\nselect 2\r\n",
      { "CREATE\r\nTEMP/**/Trigger t AFTER INSERT ON a Begin\r\nSELECT 1;\r\nEnd", "select 2" } },
    { "CASE … END in a trigger",
      "create trigger t after insert on a begin update a set b=case when 1 then 2 end; end;select 2",
      { "create trigger t after insert on a begin update a set b=case when 1 then 2 end; end", "select 2" } },
    { "a column called end in a trigger's condition",
      "create trigger t after insert on a when new.\"end\" begin select 'x; end;'; end;select 2",
      { "create trigger t after insert on a when new.\"end\" begin select 'x; end;'; end", "select 2" } },
    { "EXPLAIN QUERY PLAN of a trigger",
      "explain query plan create trigger t after insert on a begin select 1; end;select 2",
      { "explain query plan create trigger t after insert on a begin select 1; end", "select 2" } },
    { "a table called trigger is none",
      "create table \"trigger\"(a);select 2",
      { "create table \"trigger\"(a)", "select 2" } },
    { "a dollar belongs to its word", "select $1;select a$b", { "select $1", "select a$b" } },
};

static void text_is_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct str rest = str_from(cases[i].text), part;
        size_t n = 0;
        for (; split_next(&rest, &part); n++) {
            const char *want = n < PARTS_MAX ? cases[i].parts[n] : NULL;
            if (!want || !str_is(part, want))
                fail_msg("%s: part %zu is <%.*s>", cases[i].rule, n, (int)part.n, part.p);
        }
        if (n < PARTS_MAX && cases[i].parts[n])
            fail_msg("%s: only %zu parts", cases[i].rule, n);
    }
}

/* SQLite's own idea of a whole statement agrees about each part, and about none of its beginnings up to a semicolon. */
static void sqlite_agrees(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        for (size_t k = 0; k < PARTS_MAX && cases[i].parts[k]; k++) {
            char text[300];
            snprintf(text, sizeof(text), "%s;", cases[i].parts[k]);
            bool unclosed = strchr(cases[i].parts[k], '\'') && strstr(cases[i].rule, "unclosed");
            if (!unclosed && !sqlite3_complete(text))
                fail_msg("%s: SQLite reads on behind <%s>", cases[i].rule, text);
            for (size_t n = strlen(text) - 1; n > 0; n--) {
                text[n] = 0;
                if (text[n - 1] == ';' && sqlite3_complete(text))
                    fail_msg("%s: SQLite ends at <%s>", cases[i].rule, text);
            }
        }
}

static void words_are_found(void **state)
{
    (void)state;
    struct str s = STR("/* x */ with \"a\" as (select 1) insert");
    assert_true(str_is(split_word(s, 0), "with"));
    assert_null(split_word(s, 1).p);
    assert_true(str_is(split_word(s, 2), "as"));
    assert_null(split_word(s, 20).p);
}

static void triggers_stay_whole(void **state)
{
    static const struct {
        const char *text, *want;
    } triggers[] = {
        { "create trigger t after insert on a begin select 1; end",
          "create trigger t after insert on a BEGIN select 1; END" },
        { "CREATE TEMP TRIGGER t AFTER INSERT ON a\r\nBegin\r\nUPDATE a SET b=CASE WHEN 1 THEN CASE 2 WHEN 3 THEN 4 "
          "END END;End",
          "CREATE TEMP TRIGGER t AFTER INSERT ON a\nBEGIN\nUPDATE a SET b=(case WHEN 1 THEN (case 2 WHEN 3 THEN 4 end) "
          "end);"
          "END" },
        { "create trigger t after insert on a when new.end begin select 'end;\r\n', \"case\"; end",
          "create trigger t after insert on a when new.end BEGIN select 'end;\r\n', \"case\"; END" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof(triggers) / sizeof(*triggers); i++) {
        struct buf out;
        buf_init(&out, 4096);
        assert_true(split_is_trigger(str_from(triggers[i].text)));
        split_trigger(str_from(triggers[i].text), &out);
        if (!str_is(buf_str(&out), triggers[i].want))
            fail_msg("<%s> became <%.*s>", triggers[i].text, (int)out.n, out.p);
        buf_fini(&out);
    }
    assert_false(split_is_trigger(STR("create table trigger(a)")));
    assert_false(split_is_trigger(STR("drop trigger t")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_is_cut),
        cmocka_unit_test(sqlite_agrees),
        cmocka_unit_test(triggers_stay_whole),
        cmocka_unit_test(words_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
