/* test_jsonb.c - JSON trees and canonical jsonb: order, duplicates, escapes, depth, errors with their context. */
/* LINK pgd1_pgwire pgd1_base */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "pgwire/jsonb.h"
#include "tests/unit/arena_fixture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

ARENA_FIXTURE(1 << 24)

static const struct {
    const char *in, *out;
} canonical[] = {
    { " null ", "null" },
    { "[ 1 ,2,\t3]", "[1, 2, 3]" },
    { "{}", "{}" },
    { "[]", "[]" },
    { "{\"bb\":1,\"a\":2,\"c\":3}", "{\"a\": 2, \"c\": 3, \"bb\": 1}" },
    { "{\"a\":1,\"a\":{\"a\":2},\"a\":[3]}", "{\"a\": [3]}" },
    { "{\"\\u0061\":1,\"a\":2}", "{\"a\": 2}" },
    { "{\"\":0}", "{\"\": 0}" },
    { "1.50e1", "15.0" },
    { "-0", "0" },
    { "1E-3", "0.001" },
    { "\"\\u00e9\\ud83d\\ude00\\/\\b\\u0001\"", "\"\xc3\xa9\xf0\x9f\x98\x80/\\b\\u0001\"" },
    { "\"\\\"\\\\\\n\"", "\"\\\"\\\\\\n\"" },
    { "true", "true" },
};

static void jsonb_is_canonical(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < COUNT(canonical); i++) {
        struct str out;
        assert_true(jsonb_normalize(str_from(canonical[i].in), f->arena, &out, &f->err));
        if (!str_is(out, canonical[i].out))
            fail_msg("%s: %.*s", canonical[i].in, STR_FMT(out));
        struct str again;
        assert_true(jsonb_normalize(out, f->arena, &again, &f->err));
        assert_true(str_eq(out, again));
    }
}

static void json_keeps_what_was_written(void **state)
{
    struct fixture *f = *state;
    struct json_value v;
    assert_true(json_parse(STR("{\"b\": 1.50e1, \"a\": \"\\u0041\", \"b\": [true, null]}"), f->arena, &v, &f->err));
    assert_int_equal(v.kind, JSON_OBJECT);
    assert_int_equal(v.object.n, 3);
    assert_true(str_is(v.object.members[0].key, "b"));
    assert_true(str_is(v.object.members[0].value.text, "1.50e1"));
    assert_true(str_is(v.object.members[1].value.text, "A"));
    assert_int_equal(v.object.members[2].value.array.n, 2);
    assert_int_equal(v.object.members[2].value.array.items[0].kind, JSON_BOOLEAN);
}

static void members_are_found(void **state)
{
    struct fixture *f = *state;
    struct buf text;
    struct json_value v;
    buf_init(&text, 1 << 20);
    buf_add_char(&text, '{');
    for (int i = 0; i < 1000; i++)
        buf_printf(&text, "%s\"k%d\": %d", i ? "," : "", (i * 7919) % 1000, i);
    buf_add_char(&text, '}');
    assert_true(jsonb_parse(buf_str(&text), f->arena, &v, &f->err));
    assert_int_equal(v.object.n, 1000);
    for (int i = 0; i < 1000; i++) {
        const struct json_value *member = jsonb_member(&v, arena_printf(f->arena, "k%d", (i * 7919) % 1000));
        assert_non_null(member);
        assert_true(str_eq(member->text, arena_printf(f->arena, "%d", i)));
    }
    assert_null(jsonb_member(&v, STR("k")));
    assert_null(jsonb_member(&v, STR("k1000")));
    buf_fini(&text);
}

static const struct {
    const char *in, *detail, *context;
} bad[] = {
    { "", "The input string ended unexpectedly.", "JSON data, line 1: " },
    { "{\"a\":1,}", "Expected string, but found \"}\".", "JSON data, line 1: {\"a\":1,}" },
    { "[1,\n2 3]", "Expected \",\" or \"]\", but found \"3\".", "JSON data, line 2: 2 3..." },
    { "{\"a\" 1}", "Expected \":\", but found \"1\".", "JSON data, line 1: {\"a\" 1..." },
    { "nope", "Token \"nope\" is invalid.", "JSON data, line 1: nope" },
    { "[1] x", "Token \"x\" is invalid.", "JSON data, line 1: [1] x" },
    { "01", "Token \"01\" is invalid.", "JSON data, line 1: 01" },
    { "\"\\x\"", "Escape sequence \"\\x\" is invalid.", "JSON data, line 1: \"\\x..." },
    { "\"a\nb\"", "Character with value 0x0a must be escaped.", "JSON data, line 1: \"a" },
    { "\"open", "Token \"\"open\" is invalid.", "JSON data, line 1: \"open" },
    { "{\"kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk\": nope, 1}",
      "Token \"nope\" is invalid.", "JSON data, line 1: ...kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk\": nope..." },
};

static void errors_say_where(void **state)
{
    struct fixture *f = *state;
    struct json_value v;
    for (size_t i = 0; i < COUNT(bad); i++) {
        err_clear(&f->err);
        assert_false(json_check(str_from(bad[i].in), &f->err));
        assert_string_equal(sqlstate_code(f->err.code), "22P02");
        assert_true(str_is(f->err.message, "invalid input syntax for type json"));
        if (!str_is(f->err.detail, bad[i].detail) || !str_is(f->err.context, bad[i].context))
            fail_msg("%s: %.*s | %.*s", bad[i].in, STR_FMT(f->err.detail), STR_FMT(f->err.context));
        struct err again;
        err_init(&again, f->arena);
        assert_false(jsonb_parse(str_from(bad[i].in), f->arena, &v, &again));
        assert_true(str_eq(again.detail, f->err.detail));
    }
}

static void surrogates_matter_only_where_text_is_made(void **state)
{
    struct fixture *f = *state;
    static const struct {
        const char *in, *state;
    } cases[] = { { "\"\\ud83d\"", "22P02" },
                  { "\"\\ude00\"", "22P02" },
                  { "\"\\ud83d\\ud83d\"", "22P02" },
                  { "\"\\u0000\"", "22P05" },
                  { "1e400000", "22003" } };
    struct json_value v;
    for (size_t i = 0; i < COUNT(cases); i++) {
        err_clear(&f->err);
        assert_true(json_check(str_from(cases[i].in), &f->err));
        assert_false(jsonb_parse(str_from(cases[i].in), f->arena, &v, &f->err));
        assert_string_equal(sqlstate_code(f->err.code), cases[i].state);
    }
}

static void nesting_is_limited(void **state)
{
    struct fixture *f = *state;
    struct buf text;
    buf_init(&text, 1 << 20);
    for (int i = 0; i < JSON_DEPTH_MAX; i++)
        buf_add_char(&text, '[');
    for (int i = 0; i < JSON_DEPTH_MAX; i++)
        buf_add_char(&text, ']');
    struct str out;
    assert_true(jsonb_normalize(buf_str(&text), f->arena, &out, &f->err));
    assert_true(str_eq(out, buf_str(&text)));
    buf_reset(&text);
    for (int i = 0; i < 100000; i++)
        buf_add_char(&text, i % 2 ? '{' : '[');
    assert_false(json_check(buf_str(&text), &f->err));
    err_clear(&f->err);
    buf_reset(&text);
    for (int i = 0; i < 100000; i++)
        buf_add_char(&text, '[');
    assert_false(json_check(buf_str(&text), &f->err));
    assert_string_equal(sqlstate_code(f->err.code), "54001");
    buf_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(jsonb_is_canonical, setup, teardown),
        cmocka_unit_test_setup_teardown(json_keeps_what_was_written, setup, teardown),
        cmocka_unit_test_setup_teardown(members_are_found, setup, teardown),
        cmocka_unit_test_setup_teardown(errors_say_where, setup, teardown),
        cmocka_unit_test_setup_teardown(surrogates_matter_only_where_text_is_made, setup, teardown),
        cmocka_unit_test_setup_teardown(nesting_is_limited, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
