/* test_skeleton.c - tokens, literals and their contents; what must not be read. */
/* LINK pgd1_sql */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "proxy/sql/skeleton.h"

static struct arena *arena;

static int set_up(void **state)
{
    (void)state;
    arena = arena_new(1 << 22);
    return arena ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    arena = arena_free(arena);
    return 0;
}

static const struct {
    const char *rule, *a, *b;
    bool same;
} pairs[] = {
    { "numbers are slots", "SELECT 1", "SELECT 27", true },
    { "strings are slots", "SELECT 'a'", "SELECT 'it''s'", true },
    { "white space does not count", "SELECT  1 ,\n 2", "SELECT 1 , 2", true },
    { "comments are white space", "SELECT /* x /* nested */ */ 1", "SELECT -- y\n 1", true },
    { "kinds are kept: int4 and int8", "SELECT 1", "SELECT 3000000000", false },
    { "kinds are kept: integer and numeric", "SELECT 1", "SELECT 1.0", false },
    { "kinds are kept: number and string", "SELECT 1", "SELECT '1'", false },
    { "names are not slots", "SELECT a", "SELECT b", false },
    { "quoted names are not slots", "SELECT \"a\"", "SELECT \"A\"", false },
    { "parameters are not slots", "SELECT $1", "SELECT $2", false },
    { "operators stay apart", "SELECT 1 - 1", "SELECT 1 + 1", false },
    { "white space between operators counts", "SELECT a - -1", "SELECT a --1", false },
    { "dollar quotes are strings", "SELECT $$a$$", "SELECT $x$b$$c$x$", true },
    { "escape strings are strings", "SELECT 'a'", "SELECT E'\\n'", true },
};

static void skeletons_are_alike_or_not(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        struct skeleton a, b;
        assert_true(skeleton_scan(str_from(pairs[i].a), true, arena, &a));
        assert_true(skeleton_scan(str_from(pairs[i].b), true, arena, &b));
        if (str_eq(a.key, b.key) != pairs[i].same)
            fail_msg("%s: %s | %s", pairs[i].rule, pairs[i].a, pairs[i].b);
        assert_int_equal(a.hash == b.hash, pairs[i].same);
    }
}

static const struct {
    const char *text, *content;
    enum literal_kind kind;
} contents[] = {
    { "'it''s'", "it's", LITERAL_STRING },
    { "''", "", LITERAL_STRING },
    { "E'a\\tb\\'c\\\\'", "a\tb'c\\", LITERAL_STRING },
    { "e'\\x41\\102'", "AB", LITERAL_STRING },
    { "'a'\n  'b'", "ab", LITERAL_STRING },
    { "'a' -- c'\n 'b'", "ab", LITERAL_STRING },
    { "$q$it's $$ \\n$q$", "it's $$ \\n", LITERAL_STRING },
    { "'a\\n'", "a\\n", LITERAL_STRING },
    { "42", "42", LITERAL_INTEGER },
    { "2147483648", "2147483648", LITERAL_BIG_INTEGER },
    { "9223372036854775808", "9223372036854775808", LITERAL_EDGE_INTEGER },
    { "9223372036854775809", "9223372036854775809", LITERAL_NUMERIC },
    { ".5e-3", ".5e-3", LITERAL_NUMERIC },
    { "1.", "1.", LITERAL_NUMERIC },
    { "X'1F'", "X'1F'", LITERAL_BIT },
};

static void literals_have_their_contents(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(contents) / sizeof(contents[0]); i++) {
        struct str text = arena_printf(arena, "SELECT %s", contents[i].text);
        struct skeleton s;
        bool negated;
        assert_true(skeleton_scan(text, true, arena, &s));
        assert_int_equal(s.literals.n, 1);
        assert_int_equal(s.literals.literals[0].kind, contents[i].kind);
        assert_int_equal(literal_at(&s.literals, text, 7, &negated), 0);
        assert_false(negated);
        struct str content = literal_content(text, &s.literals.literals[0], true, arena);
        if (!str_is(content, contents[i].content))
            fail_msg("%s: got %.*s", contents[i].text, STR_FMT(content));
    }
}

static void a_minus_sign_finds_its_number(void **state)
{
    (void)state;
    struct skeleton s;
    struct str text = STR("SELECT - 5, 6");
    bool negated;
    assert_true(skeleton_scan(text, true, arena, &s));
    assert_int_equal(literal_at(&s.literals, text, 7, &negated), 0);
    assert_true(negated);
    assert_int_equal(literal_at(&s.literals, text, 12, &negated), 1);
    assert_false(negated);
    assert_int_equal(literal_at(&s.literals, text, 0, &negated), -1);
}

static void unfinished_and_unknown_texts_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = { "SELECT 'a",   "SELECT /* x",  "SELECT \"a",  "SELECT $$a",
                                       "SELECT 1abc", "SELECT U&'a'", "SELECT \x01", "SELECT $1a" };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct skeleton s;
        if (skeleton_scan(str_from(bad[i]), true, arena, &s))
            fail_msg("%s was accepted", bad[i]);
    }
}

static void backslashes_follow_standard_conforming_strings(void **state)
{
    (void)state;
    struct skeleton s;
    struct str text = STR("SELECT 'a\\'b'");
    assert_true(skeleton_scan(text, false, arena, &s));
    assert_true(str_is(literal_content(text, &s.literals.literals[0], false, arena), "a'b"));
    assert_false(skeleton_scan(text, true, arena, &s)); /* there the string ends at \' and a new one begins */
}

static void statements_and_runs_are_counted(void **state)
{
    (void)state;
    struct skeleton s;
    assert_true(skeleton_scan(STR("SELECT 1;"), true, arena, &s));
    assert_false(s.has_semicolon);
    assert_true(skeleton_scan(STR("SELECT 1; SELECT 2"), true, arena, &s));
    assert_true(s.has_semicolon);
    assert_true(skeleton_scan(STR("SELECT 1+1+1+1, 2"), true, arena, &s));
    assert_int_equal(s.longest_run, 9);
}

/* A text that is left to the parser must not hide how deep its tree gets. */
static void runs_are_counted_behind_what_is_left_to_the_parser(void **state)
{
    static const char *const starts[] = { "U&'\\0061' +", "U&\"a\" +", "1_000 +", "0x1f +", "1e +", "$1a +", "\x01 +" };
    (void)state;
    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        struct skeleton s;
        struct str text = arena_printf(arena, "SELECT %s 1+1+1+1+1+1+1+1", starts[i]);
        assert_false(skeleton_scan(text, true, arena, &s));
        assert_true(s.longest_run >= 17);
    }
}

static void work_of_the_scanner_is_counted(void **state)
{
    (void)state;
    struct skeleton s;
    assert_true(skeleton_scan(STR("SELECT 1 + 2 -- ++++\n/* ++++ */, '++++', \"+++\""), true, arena, &s));
    assert_true(s.work <= 8);
    assert_true(skeleton_scan(STR("SELECT ++++1"), true, arena, &s));
    assert_int_equal(s.work, 4 + 3 + 2 + 1);
    assert_true(skeleton_scan(STR("/*/*/**/*/*/1"), true, arena, &s));
    assert_int_equal(s.work, 12 + 10 + 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(skeletons_are_alike_or_not, set_up, tear_down),
        cmocka_unit_test_setup_teardown(literals_have_their_contents, set_up, tear_down),
        cmocka_unit_test_setup_teardown(runs_are_counted_behind_what_is_left_to_the_parser, set_up, tear_down),
        cmocka_unit_test_setup_teardown(work_of_the_scanner_is_counted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_minus_sign_finds_its_number, set_up, tear_down),
        cmocka_unit_test_setup_teardown(unfinished_and_unknown_texts_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(backslashes_follow_standard_conforming_strings, set_up, tear_down),
        cmocka_unit_test_setup_teardown(statements_and_runs_are_counted, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
