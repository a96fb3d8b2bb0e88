/* test_sqlstate.c - the table of SQLSTATEs: sorted, each once, found by its code. */
/* LINK pgd1_base */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proxy/base/sqlstate.h"

static void codes_are_sorted_and_well_formed(void **state)
{
    (void)state;
    assert_true(SQLSTATE_NR > 250);
    for (int i = 0; i < SQLSTATE_NR; i++) {
        const char *code = sqlstate_code((enum sqlstate)i);
        assert_int_equal(strlen(code), 5);
        assert_int_equal(strspn(code, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"), 5);
        assert_true(i == 0 || strcmp(sqlstate_code((enum sqlstate)(i - 1)), code) < 0);
    }
}

static void every_code_finds_its_row(void **state)
{
    (void)state;
    for (int i = 0; i < SQLSTATE_NR; i++) {
        enum sqlstate found;
        assert_true(sqlstate_find(str_from(sqlstate_code((enum sqlstate)i)), &found));
        assert_int_equal(found, i);
    }
}

static void others_are_not_found(void **state)
{
    (void)state;
    static const struct str bad[] = { STR_INIT(""), STR_INIT("0000"), STR_INIT("000000"), STR_INIT("42p01"),
                                      STR_INIT("ZZZZZ") };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        enum sqlstate found = SQLSTATE_NR;
        assert_false(sqlstate_find(bad[i], &found));
        assert_int_equal(found, SQLSTATE_NR);
    }
}

/* Success is zero, so that a zeroed struct err is none; and what clients branch on has PostgreSQL's code. */
static void names_have_their_codes(void **state)
{
    (void)state;
    assert_int_equal(SQLSTATE_SUCCESSFUL_COMPLETION, 0);
    assert_string_equal(sqlstate_code(SQLSTATE_UNIQUE_VIOLATION), "23505");
    assert_string_equal(sqlstate_code(SQLSTATE_T_R_SERIALIZATION_FAILURE), "40001");
    assert_string_equal(sqlstate_code(SQLSTATE_FEATURE_NOT_SUPPORTED), "0A000");
    assert_string_equal(sqlstate_code(SQLSTATE_UNDEFINED_TABLE), "42P01");
    assert_string_equal(sqlstate_code(SQLSTATE_QUERY_CANCELED), "57014");
    assert_string_equal(sqlstate_code(SQLSTATE_TRANSACTION_RESOLUTION_UNKNOWN), "08007");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_are_sorted_and_well_formed),
        cmocka_unit_test(every_code_finds_its_row),
        cmocka_unit_test(others_are_not_found),
        cmocka_unit_test(names_have_their_codes),
    };
    return cmocka_run_group_tests_name("sqlstate", tests, NULL, NULL);
}
