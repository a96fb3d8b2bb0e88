/* test_str.c - borrowed views: comparing, searching, numbers, UTF-8, hashing. */
/* LINK pgd1_base */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "proxy/base/str.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
static const struct str null = { NULL, 0 };

static void equality(void **state)
{
    (void)state;
    assert_true(str_eq(STR("abc"), STR("abc")));
    assert_false(str_eq(STR("abc"), STR("abd")));
    assert_false(str_eq(STR("abc"), STR("ab")));
    assert_true(str_eq(null, STR("")));
    assert_true(str_eq(STR("a\0b"), STR("a\0b")));
    assert_false(str_eq(STR("a\0b"), STR("a\0c")));
    assert_true(str_is(STR("abc"), "abc"));
    assert_false(str_is(STR("abc\0"), "abc"));
    assert_true(str_is(null, NULL));
    assert_int_equal(str_from("xyz").n, 3);
    assert_null(str_from(NULL).p);
}

static void case_is_folded_for_ascii_only(void **state)
{
    (void)state;
    assert_true(str_eq_nocase(STR("SeLeCt"), STR("sElEcT")));
    assert_false(str_eq_nocase(STR("select"), STR("selects")));
    assert_false(str_eq_nocase(STR("@["), STR("`{"))); /* beside the letters */
    assert_false(str_eq_nocase(STR("\xc3\x89"), STR("\xc3\xa9")));
    assert_true(str_starts_nocase(STR("BEGIN work"), STR("begin")));
    assert_false(str_starts_nocase(STR("BEG"), STR("begin")));
}

static void beginnings_and_ends(void **state)
{
    (void)state;
    assert_true(str_starts(STR("abc"), STR("ab")));
    assert_true(str_starts(STR("abc"), null));
    assert_false(str_starts(STR("ab"), STR("abc")));
    assert_false(str_starts(STR("abc"), STR("AB")));
    assert_true(str_ends(STR("abc"), STR("bc")));
    assert_true(str_ends(null, null));
    assert_false(str_ends(STR("bc"), STR("abc")));
    assert_false(str_ends(STR("abc"), STR("b")));
}

static void order_is_by_unsigned_bytes_then_length(void **state)
{
    (void)state;
    static const struct str sorted[] = { STR_INIT(""),   STR_INIT("a"), STR_INIT("a\0"),
                                         STR_INIT("ab"), STR_INIT("b"), STR_INIT("\xff") };
    for (size_t i = 0; i < COUNT(sorted); i++) {
        for (size_t k = 0; k < COUNT(sorted); k++) {
            int c = str_cmp(sorted[i], sorted[k]);
            assert_int_equal((c > 0) - (c < 0), (i > k) - (i < k));
        }
    }
}

static void searching(void **state)
{
    (void)state;
    assert_int_equal(str_find(STR("hello"), STR("l")), 2);
    assert_int_equal(str_find(STR("hello"), STR("lo")), 3);
    assert_int_equal(str_find(STR("hello"), STR("")), 0);
    assert_int_equal(str_find(STR("hello"), STR("hello!")), -1);
    assert_int_equal(str_find(STR("hello"), STR("x")), -1);
    assert_int_equal(str_find(null, STR("x")), -1);
    assert_int_equal(str_find(null, null), 0);
    assert_int_equal(str_find(STR("a\0b\0c"), STR("\0c")), 3);
}

static void trimming(void **state)
{
    (void)state;
    assert_true(str_is(str_trim(STR(" \t\r\n\v\fa b ")), "a b"));
    assert_true(str_is(str_trim(STR("x")), "x"));
    assert_int_equal(str_trim(STR("  ")).n, 0);
    assert_int_equal(str_trim(null).n, 0);
    assert_true(str_is(str_trim(STR("\xc2\xa0x")), "\xc2\xa0x")); /* a no-break space is no ASCII blank */
}

static void integers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool good;
        int64_t value;
    } cases[] = {
        { "0", true, 0 },
        { "-0", true, 0 },
        { "+42", true, 42 },
        { "-42", true, -42 },
        { "007", true, 7 },
        { "9223372036854775807", true, INT64_MAX },
        { "9223372036854775808", false, 0 },
        { "-9223372036854775808", true, INT64_MIN },
        { "-9223372036854775809", false, 0 },
        { "99999999999999999999", false, 0 },
        { "", false, 0 },
        { "-", false, 0 },
        { "+", false, 0 },
        { "--1", false, 0 },
        { " 1", false, 0 },
        { "1 ", false, 0 },
        { "1x", false, 0 },
        { "0x10", false, 0 },
        { "1.0", false, 0 },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t v = 77;
        if (str_to_int64(str_from(cases[i].text), &v) != cases[i].good)
            fail_msg("\"%s\"", cases[i].text);
        assert_true(v == (cases[i].good ? cases[i].value : 77));
    }
    int64_t v;
    assert_false(str_to_int64(STR("1\0"), &v));
}

static void utf8(void **state)
{
    (void)state;
    static const struct {
        struct str text;
        int bad; /* offset of the first bad byte; -1: well formed */
    } cases[] = {
        { STR_INIT(""), -1 },
        { STR_INIT("ascii \x01\x7f"), -1 },
        { STR_INIT("\xc2\x80\xdf\xbf"), -1 },
        { STR_INIT("\xe0\xa0\x80\xef\xbf\xbf"), -1 },
        { STR_INIT("\xed\x9f\xbf\xee\x80\x80"), -1 },
        { STR_INIT("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"), -1 },
        { STR_INIT("a\0"), 1 },
        { STR_INIT("\x80"), 0 },
        { STR_INIT("\xbf"), 0 },
        { STR_INIT("\xc0\x80"), 0 },         /* U+0000 overlong */
        { STR_INIT("\xc1\xbf"), 0 },         /* overlong */
        { STR_INIT("\xe0\x9f\xbf"), 0 },     /* overlong */
        { STR_INIT("\xed\xa0\x80"), 0 },     /* surrogate */
        { STR_INIT("\xf0\x8f\xbf\xbf"), 0 }, /* overlong */
        { STR_INIT("\xf4\x90\x80\x80"), 0 }, /* beyond U+10FFFF */
        { STR_INIT("\xf5\x80\x80\x80"), 0 },
        { STR_INIT("\xff"), 0 },
        { STR_INIT("ab\xc3"), 2 },
        { STR_INIT("ab\xe2\x82"), 2 },
        { STR_INIT("\xf0\x9f\x90"), 0 },
        { STR_INIT("\xe2\x28\xa1"), 0 },
        { STR_INIT("\xf0\x9f\x28\xa1"), 0 },
        { STR_INIT("ok\xc3\xa9\xc3x"), 4 },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t bad = 1000;
        bool good = str_is_utf8(cases[i].text, &bad);
        if (good != (cases[i].bad < 0) || (!good && bad != (size_t)cases[i].bad))
            fail_msg("case %zu: %d at %zu", i, good, bad);
        assert_int_equal(str_is_utf8(cases[i].text, NULL), good);
    }
}

static void characters_and_where_they_begin(void **state)
{
    (void)state;
    struct str s = STR("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z"); /* of 1, 2, 3, 4 and 1 bytes */
    static const size_t begins[] = { 0, 1, 3, 6, 10, 11, 11 };
    assert_int_equal(str_characters(s), 5);
    assert_int_equal(str_characters(null), 0);
    for (size_t i = 0; i < COUNT(begins); i++) {
        assert_int_equal(str_offset_of(s, i), begins[i]);
        assert_int_equal(str_characters((struct str){ s.p, begins[i] }), i < 5 ? i : 5);
    }
    assert_int_equal(str_offset_of(s, SIZE_MAX), s.n);
    assert_int_equal(str_offset_of(null, 3), 0);
}

static void bytes_in_hex(void **state)
{
    (void)state;
    char out[8] = "........";
    str_hex(STR("\x00\x9f\xff"), out);
    assert_memory_equal(out, "009fff..", 8);
    str_hex(null, out);
    assert_memory_equal(out, "009fff..", 8);
}

static void hashes_are_fnv_1a(void **state)
{
    (void)state;
    assert_true(str_hash(STR("")) == UINT64_C(0xcbf29ce484222325));
    assert_true(str_hash(STR("a")) == UINT64_C(0xaf63dc4c8601ec8c));
    assert_true(str_hash(STR("foobar")) == UINT64_C(0x85944171f73967e8));
    assert_true(str_hash_more(str_hash(STR("foo")), STR("bar")) == str_hash(STR("foobar")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equality),
        cmocka_unit_test(case_is_folded_for_ascii_only),
        cmocka_unit_test(beginnings_and_ends),
        cmocka_unit_test(order_is_by_unsigned_bytes_then_length),
        cmocka_unit_test(searching),
        cmocka_unit_test(trimming),
        cmocka_unit_test(integers),
        cmocka_unit_test(utf8),
        cmocka_unit_test(characters_and_where_they_begin),
        cmocka_unit_test(bytes_in_hex),
        cmocka_unit_test(hashes_are_fnv_1a),
    };
    return cmocka_run_group_tests_name("str", tests, NULL, NULL);
}
