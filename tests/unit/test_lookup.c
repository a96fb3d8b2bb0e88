/* test_lookup.c - rows as SQLite's quote() prints them, read back into inputs of the local engine. */
/* LINK pgd1_sql pgd1_catalog pgd1_pgwire pgd1_base */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include "proxy/sql/lookup.h"
/* after SQLite's own header: the inside of the rows */
#include <sqlite3.h>
#include "proxy/sql/local_rows.h"

static struct arena *arena;

static int set_up(void **state)
{
    (void)state;
    return (arena = arena_new(1 << 20)) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static struct local_rows *read_rows(const char *text, size_t n_columns, bool *ret_ok)
{
    struct local_rows *rows = local_rows_new(n_columns, 1 << 20);
    struct err err;
    err_init(&err, arena);
    assert_non_null(rows);
    *ret_ok = lookup_rows(str_from(text), n_columns, rows, arena, &err);
    return rows;
}

static void every_class_comes_back(void **state)
{
    (void)state;
    bool ok;
    struct local_rows *rows = read_rows("-9223372036854775808,1.5,'it''s, a\nline',X'00fF',NULL\n"
                                        "9.0e+999,0,'',X'',-2.5000000000000004e-03",
                                        5, &ok);
    assert_true(ok);
    assert_int_equal(local_rows_count(rows), 2);
    struct value *a = rows->rows[0], *b = rows->rows[1];
    assert_true(a[0].class == VALUE_INTEGER && a[0].integer == INT64_MIN);
    assert_true(a[1].class == VALUE_REAL && a[1].real == 1.5);
    assert_true(a[2].class == VALUE_TEXT && str_is(a[2].bytes, "it's, a\nline"));
    assert_true(a[3].class == VALUE_BLOB && a[3].bytes.n == 2 && memcmp(a[3].bytes.p, "\x00\xff", 2) == 0);
    assert_true(a[4].class == VALUE_NULL);
    assert_true(b[0].class == VALUE_REAL && isinf(b[0].real));
    assert_true(b[1].class == VALUE_INTEGER && b[1].integer == 0);
    assert_true(b[2].class == VALUE_TEXT && b[2].bytes.n == 0);
    assert_true(b[3].class == VALUE_BLOB && b[3].bytes.n == 0);
    assert_true(b[4].class == VALUE_REAL && b[4].real == -2.5000000000000004e-03);
    local_rows_free(rows);
}

static void other_texts_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = { "1",    "1,2,3", "1,2\n", "1,x", "1,X'0g'", "1,99999999999999999999",
                                       "1 ,2", "1,'a'b" };
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        bool ok;
        local_rows_free(read_rows(bad[i], 2, &ok));
        if (ok != (strcmp(bad[i], "1,2\n") == 0)) /* a last line may end */
            fail_msg("<%s> %s", bad[i], ok ? "was read" : "was not read");
    }
}

static void lines_are_sorted(void **state)
{
    (void)state;
    static const struct {
        const char *text, *sorted;
    } cases[] = {
        { "", "" },
        { "1", "1" },
        { "2,'b'\n10,'a'\n2,'b'", "10,'a'\n2,'b'\n2,'b'" },
        { "'b\na'\n'b'\n'a''\n''z'", "'a''\n''z'\n'b\na'\n'b'" }, /* a line feed in a text ends no line */
        { "'é'\n'z'\nNULL", "'z'\n'é'\nNULL" },
        { "12\n1", "1\n12" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct str sorted;
        struct err err;
        err_init(&err, arena);
        assert_true(lookup_sorted(str_from(cases[i].text), &sorted, arena, &err));
        if (!str_is(sorted, cases[i].sorted))
            fail_msg("<%s> gives <%.*s>", cases[i].text, STR_FMT(sorted));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_class_comes_back),
        cmocka_unit_test(other_texts_are_refused),
        cmocka_unit_test(lines_are_sorted),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
