/* test_value.c - one cell in storage form. */
/* LINK pgd1_base */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proxy/base/value.h"

static void each_class_keeps_its_content(void **state)
{
    (void)state;
    assert_int_equal(value_null().class, VALUE_NULL);
    struct value integer = value_integer(INT64_MIN), real = value_real(-0.5), text = value_text(STR("x\0y"));
    struct value blob = value_blob(STR(""));
    assert_true(integer.class == VALUE_INTEGER && integer.integer == INT64_MIN);
    assert_true(real.class == VALUE_REAL && real.real == -0.5);
    assert_true(text.class == VALUE_TEXT && str_eq(text.bytes, STR("x\0y")));
    assert_true(blob.class == VALUE_BLOB && blob.bytes.n == 0);
}

static void a_zeroed_value_is_null(void **state)
{
    (void)state;
    static const struct value zero;
    assert_int_equal(zero.class, VALUE_NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(each_class_keeps_its_content),
                                        cmocka_unit_test(a_zeroed_value_is_null) };
    return cmocka_run_group_tests_name("value", tests, NULL, NULL);
}
