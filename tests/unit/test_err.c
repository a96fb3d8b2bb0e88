/* test_err.c - errors as values: the first wins, all fields copy, and out of memory needs none. */
/* LINK pgd1_base */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proxy/base/err.h"
#include "proxy/base/fault.h"

static void a_fresh_error_is_none(void **state)
{
    (void)state;
    AUTO(arena) a = arena_new(4096);
    struct err e;
    err_init(&e, a);
    assert_false(err_is_set(&e));
    assert_int_equal(e.code, SQLSTATE_SUCCESSFUL_COMPLETION);
    assert_ptr_equal(e.arena, a);
}

static void setting_answers_false_and_formats(void **state)
{
    (void)state;
    AUTO(arena) a = arena_new(4096);
    struct err e;
    err_init(&e, a);
    assert_false(err_set(&e, SQLSTATE_UNDEFINED_TABLE, "relation \"%s\" does not exist", "t"));
    assert_false(err_detail(&e, "detail %d", 1));
    assert_false(err_hint(&e, "hint %d", 2));
    assert_false(err_at(&e, 15));
    assert_true(err_is_set(&e));
    assert_true(str_is(e.message, "relation \"t\" does not exist"));
    assert_true(str_is(e.detail, "detail 1"));
    assert_true(str_is(e.hint, "hint 2"));
    assert_int_equal(e.position, 15);
}

static void the_first_error_wins(void **state)
{
    (void)state;
    AUTO(arena) a = arena_new(4096);
    struct err e;
    err_init(&e, a);
    err_set(&e, SQLSTATE_SYNTAX_ERROR, "first");
    err_at(&e, 3);
    err_set(&e, SQLSTATE_INTERNAL_ERROR, "second");
    err_unsupported(&e, "third");
    err_oom(&e);
    err_at(&e, 99);
    assert_int_equal(e.code, SQLSTATE_SYNTAX_ERROR);
    assert_true(str_is(e.message, "first"));
    assert_int_equal(e.position, 3);
    err_clear(&e);
    assert_false(err_is_set(&e));
    assert_int_equal(e.position, 0);
    assert_ptr_equal(e.arena, a);
    err_set(&e, SQLSTATE_INTERNAL_ERROR, "again");
    assert_true(str_is(e.message, "again"));
}

static void what_is_not_supported_is_named(void **state)
{
    (void)state;
    AUTO(arena) a = arena_new(4096);
    struct err e;
    err_init(&e, a);
    assert_false(err_unsupported(&e, "%s %s", "CREATE", "AGGREGATE"));
    assert_int_equal(e.code, SQLSTATE_FEATURE_NOT_SUPPORTED);
    assert_true(str_is(e.message, "CREATE AGGREGATE is not supported"));
}

static void out_of_memory_needs_no_memory(void **state)
{
    (void)state;
    AUTO(arena) a = arena_new(0);
    struct err e;
    err_init(&e, a);
    assert_false(err_oom(&e));
    assert_int_equal(e.code, SQLSTATE_OUT_OF_MEMORY);
    assert_true(str_is(e.message, "out of memory"));
    err_clear(&e);
    err_set(&e, SQLSTATE_SYNTAX_ERROR, "does not fit"); /* the code stays, a text is there */
    assert_int_equal(e.code, SQLSTATE_SYNTAX_ERROR);
    assert_true(e.message.n > 0);
    err_hint(&e, "nor does this");
    err_clear(&e);
    err_unsupported(&e, "a thing");
    assert_int_equal(e.code, SQLSTATE_FEATURE_NOT_SUPPORTED);
    assert_true(e.message.n > 0);
}

static void copies_outlive_the_original(void **state)
{
    (void)state;
    AUTO(arena) a = arena_new(65536);
    AUTO(arena) b = arena_new(65536);
    struct err from, to;
    err_init(&from, a);
    err_init(&to, b);
    err_set(&from, SQLSTATE_UNIQUE_VIOLATION, "m%d", 1);
    err_detail(&from, "d%d", 1);
    err_hint(&from, "h%d", 1);
    from.context = arena_printf(a, "w%d", 1);
    from.schema = arena_printf(a, "s%d", 1);
    from.table = arena_printf(a, "t%d", 1);
    from.column = arena_printf(a, "c%d", 1);
    from.datatype = arena_printf(a, "y%d", 1);
    from.constraint = arena_printf(a, "n%d", 1);
    from.position = 5;
    err_copy(&to, &from);
    arena_reset(a); /* poisons the texts of the original */
    assert_int_equal(to.code, SQLSTATE_UNIQUE_VIOLATION);
    assert_int_equal(to.position, 5);
    assert_ptr_equal(to.arena, b);
    const struct str texts[] = { to.message, to.detail, to.hint,     to.context,   to.schema,
                                 to.table,   to.column, to.datatype, to.constraint };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_true(texts[i].n == 2 && texts[i].p[0] == "mdhwstcyn"[i]);
}

static void a_copy_without_memory_keeps_the_code(void **state)
{
    (void)state;
    AUTO(arena) a = arena_new(4096);
    AUTO(arena) none = arena_new(0);
    struct err from, to;
    err_init(&from, a);
    err_init(&to, none);
    err_set(&from, SQLSTATE_UNIQUE_VIOLATION, "m");
    err_copy(&to, &from);
    assert_int_equal(to.code, SQLSTATE_UNIQUE_VIOLATION);
    assert_true(to.message.n > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fresh_error_is_none),
        cmocka_unit_test(setting_answers_false_and_formats),
        cmocka_unit_test(the_first_error_wins),
        cmocka_unit_test(what_is_not_supported_is_named),
        cmocka_unit_test(out_of_memory_needs_no_memory),
        cmocka_unit_test(copies_outlive_the_original),
        cmocka_unit_test(a_copy_without_memory_keeps_the_code),
    };
    return cmocka_run_group_tests_name("err", tests, NULL, NULL);
}
