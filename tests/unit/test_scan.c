/* LINK pgd1_d1 pgd1_base */
/* test_scan.c - token borders of SQLite's text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "d1/scan.h"
#include "proxy/base/arena.h"

static const struct {
    const char *rule, *sql, *tokens; /* w, q or o before each token, | between */
} token_cases[] = {
    { "words and blanks", " SELECT\ta1 ", "wSELECT|wa1" },
    { "a line comment ends with the line", "a -- b\nc", "wa|wc" },
    { "a line comment at the end", "a --", "wa" },
    { "a block comment", "a/* ' \" */b", "wa|wb" },
    { "an open block comment", "a /* b", "wa" },
    { "a slash and a star apart", "a / * b", "wa|o/|o*|wb" },
    { "a minus", "a - b", "wa|o-|wb" },
    { "a string with a doubled quote", "'it''s' x", "q'it''s'|wx" },
    { "an open string", "'abc", "q'abc" },
    { "a quoted name", "\"a\"\"b\"c", "q\"a\"\"b\"|wc" },
    { "a name in graves", "`a``b`", "q`a``b`" },
    { "brackets know no doubling", "[a]]b", "q[a]|o]|wb" },
    { "a comment sign in a string", "'--' /* */ '/*'", "q'--'|q'/*'" },
    { "bytes above ASCII are of a word", "žluť$1_", "wžluť$1_" },
    { "nothing", "", "" },
};

static void tokens_end_where_sqlites_end(void **state)
{
    (void)state;
    struct arena *arena = arena_new(1 << 20);
    for (size_t i = 0; i < sizeof(token_cases) / sizeof(*token_cases); i++) {
        struct str rest = str_from(token_cases[i].sql), got = STR("");
        for (struct scan_token t; scan_next(&rest, &t);)
            got = arena_printf(arena, "%.*s%s%c%.*s", STR_FMT(got), got.n ? "|" : "", "wqo"[t.kind], STR_FMT(t.text));
        if (!str_is(got, token_cases[i].tokens))
            fail_msg("%s: %.*s", token_cases[i].rule, STR_FMT(got));
        assert_int_equal(rest.n, 0);
    }
    arena_free(arena);
}

static void blank_is_what_d1_drops(void **state)
{
    (void)state;
    static const struct {
        const char *sql;
        bool blank;
    } cases[] = { { "", true },   { " \n\t", true },     { "-- a", true },       { "  -- a\n-- b\n", true },
                  { "--", true }, { "/* a */", false },  { ";", false },         { "-- a\nSELECT", false },
                  { "-", false }, { "SELECT 1", false }, { "\n-- a\n ;", false } };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        if (scan_is_blank(str_from(cases[i].sql)) != cases[i].blank)
            fail_msg("%s", cases[i].sql);
}

static void the_new_name_of_a_table_is_found(void **state)
{
    (void)state;
    static const struct {
        const char *sql, *name;
    } cases[] = {
        { "ALTER TABLE t RENAME TO u", "u" },
        { "alter table main.t rename to \"u v\"", "u v\"" },
        { "ALTER TABLE rename RENAME/**/TO--\n[u]", "u]" },
        { "ALTER TABLE \"rename to x\" RENAME TO 'u'", "u'" },
        { "ALTER TABLE t RENAME COLUMN a TO b", "" },
        { "ALTER TABLE t RENAME a TO b", "" },
        { "ALTER TABLE t RENAME TO", "" },
        { "ALTER TABLE t ADD COLUMN a", "" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        if (!str_is(scan_rename_to(str_from(cases[i].sql)), cases[i].name))
            fail_msg("%s", cases[i].sql);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens_end_where_sqlites_end),
        cmocka_unit_test(blank_is_what_d1_drops),
        cmocka_unit_test(the_new_name_of_a_table_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
