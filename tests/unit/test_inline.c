/* test_inline.c - parameters that become literals, and requests as JSON. */
/* LINK pgd1_d1 pgd1_base */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include "d1/http/inline.h"
#include "d1/http/json_write.h"

/* Parameters of all cases: ?1 NULL, ?2 'b', ?3 0.1, ?4 infinity, ?5 NaN, ?6 7, ?7 x'00ff' */
static struct value params[7];

static int set_up(void **state)
{
    (void)state;
    params[0] = value_null();
    params[1] = value_text(STR("b"));
    params[2] = value_real(0.1);
    params[3] = value_real((double)INFINITY);
    params[4] = value_real((double)NAN);
    params[5] = value_integer(7);
    params[6] = value_blob(STR("\0\xff"));
    return 0;
}

static const struct {
    const char *rule, *sql;
    enum inline_carries carries;
    const char *want;
} cases[] = {
    { "text only: all but text, integers and blobs", "?1 ?2 ?3 ?4 ?5 ?6 ?7", INLINE_TEXT_ONLY,
      "(NULL) ?1 (1.0000000000000001e-01) (9e999) (NULL) ?2 ?3" },
    { "JSON: what it cannot carry", "?1 ?2 ?3 ?4 ?5 ?6 ?7", INLINE_JSON, "?1 ?2 ?3 (9e999) (NULL) ?4 ?5" },
    { "twice, and in any order", "?6+?1,?6+?1", INLINE_TEXT_ONLY, "?2+(NULL),?2+(NULL)" },
    { "glued to a word", "?6AND?1IS", INLINE_TEXT_ONLY, "?2AND(NULL)IS" },
    { "not in texts, names and comments", "'?1' \"?1\" `?1` [?1] /* ?1 */ -- ?1\n?1", INLINE_TEXT_ONLY,
      "'?1' \"?1\" `?1` [?1] /* ?1 */ -- ?1\n(NULL)" },
    { "beyond the parameters", "?8 ?0 ? ?x ?99999999999 ?1", INLINE_TEXT_ONLY, "?8 ?0 ? ?x ?99999999999 (NULL)" },
    { "a blank after the mark", "? 1 ?1", INLINE_TEXT_ONLY, "? 1 (NULL)" },
    { "none in the text", "SELECT 1", INLINE_TEXT_ONLY, "SELECT 1" },
    { "at both ends", "?1", INLINE_TEXT_ONLY, "(NULL)" },
};

static void test_sql(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct d1_statement s = { .sql = str_from(cases[i].sql), .params = params, .n_params = 7 };
        struct buf out;
        buf_init(&out, 1000);
        inline_sql(&s, cases[i].carries, &out);
        if (!str_is(buf_str(&out), cases[i].want))
            fail_msg("%s: %.*s", cases[i].rule, STR_FMT(buf_str(&out)));
        buf_fini(&out);
    }
}

static void test_text_is_untouched_without_need(void **state)
{
    (void)state;
    struct d1_statement s = { .sql = STR("SELECT ?2, ?9"), .params = &params[1], .n_params = 1 };
    struct buf out;
    buf_init(&out, 1000);
    inline_sql(&s, INLINE_TEXT_ONLY, &out);
    assert_true(str_eq(buf_str(&out), s.sql));
    buf_fini(&out);
}

/* What SQLite reads back from a literal must be the same double. */
static void test_reals_keep_their_bits(void **state)
{
    (void)state;
    static const double values[] = {
        0, -0.5, 5e-324, 1.7976931348623157e308, 1e22, 9007199254740993.0, 1.0 / 3, -1e-7
    };
    for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
        struct value v = value_real(values[i]);
        struct d1_statement s = { .sql = STR("?1"), .params = &v, .n_params = 1 };
        struct buf out;
        buf_init(&out, 100);
        inline_sql(&s, INLINE_TEXT_ONLY, &out);
        buf_add_char(&out, '\0');
        assert_true(strtod(out.p + 1, NULL) == values[i]);
        buf_fini(&out);
    }
}

static void test_request(void **state)
{
    (void)state;
    static const char *const want[] = {
        [INLINE_TEXT_ONLY] =
            "{\"sql\":\"SELECT \\\"a\\\", (NULL), ?1, (1.0000000000000001e-01), (9e999), (NULL), ?2, ?3\","
            "\"params\":[\"b\",\"7\",\"00ff\"]",
        [INLINE_JSON] = "{\"sql\":\"SELECT \\\"a\\\", ?1, ?2, ?3, (9e999), (NULL), ?4, ?5\","
                        "\"params\":[null,\"b\",0.10000000000000001,\"7\",\"00ff\"]",
    };
    for (enum inline_carries carries = INLINE_TEXT_ONLY; carries <= INLINE_JSON; carries++) {
        struct d1_statement s = { .sql = STR("SELECT \"a\", ?1, ?2, ?3, ?4, ?5, ?6, ?7"),
                                  .params = params,
                                  .n_params = 7 };
        struct buf scratch, out;
        buf_init(&scratch, 1000);
        buf_init(&out, 1000);
        inline_write(&s, carries, &scratch, &out);
        assert_true(str_is(buf_str(&out), want[carries]));
        buf_fini(&scratch);
        buf_fini(&out);
    }
}

static void test_strings(void **state)
{
    (void)state;
    static const struct {
        struct str in;
        const char *want;
    } strings[] = {
        { STR_INIT(""), "\"\"" },
        { STR_INIT("a\"\\/b"), "\"a\\\"\\\\/b\"" },
        { STR_INIT("\0\n\x1f\x7f"), "\"\\u0000\\u000a\\u001f\x7f\"" },
        { STR_INIT("\xc3\xa9\xf0\x9f\x98\x80"), "\"\xc3\xa9\xf0\x9f\x98\x80\"" },
    };
    for (size_t i = 0; i < sizeof(strings) / sizeof(*strings); i++) {
        struct buf out;
        buf_init(&out, 100);
        json_write_string(&out, strings[i].in);
        assert_true(str_is(buf_str(&out), strings[i].want));
        buf_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sql),
        cmocka_unit_test(test_text_is_untouched_without_need),
        cmocka_unit_test(test_reals_keep_their_bits),
        cmocka_unit_test(test_request),
        cmocka_unit_test(test_strings),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
