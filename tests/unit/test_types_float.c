/* test_types_float.c - the shortest text of a double or float: it reads back the same, and one digit less does not. */
/* LINK pgd1_pgwire pgd1_base */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include "pgwire/types_internal.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
enum { RANDOM = 100000 };

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

static size_t significant_digits(const char *text)
{
    size_t n = 0, zeros = 0;
    for (const char *p = text; *p && *p != 'e'; p++) {
        if (*p < '0' || *p > '9' || (*p == '0' && n == 0))
            continue;
        n++;
        zeros = *p == '0' ? zeros + 1 : 0;
    }
    return n - zeros;
}

static void check_double(double v)
{
    char text[FLOAT_TEXT_MAX + 1], shorter[FLOAT_TEXT_MAX];
    text[float8_print(text, v)] = 0;
    assert_true(strtod(text, NULL) == v);
    size_t digits = significant_digits(text);
    assert_true(digits <= 17);
    if (digits > 1) {
        snprintf(shorter, sizeof(shorter), "%.*e", (int)digits - 2, v);
        if (strtod(shorter, NULL) == v)
            /* Only where the shorter one lies on the very edge of what rounds to v. */
            assert_true(digits == 17 || nextafter(v, (double)INFINITY) - v != v - nextafter(v, 0));
    }
}

static void check_float(float v)
{
    char text[FLOAT_TEXT_MAX + 1];
    text[float4_print(text, v)] = 0;
    assert_true(strtof(text, NULL) == v);
    assert_true(significant_digits(text) <= 9);
}

static void doubles_read_back(void **state)
{
    (void)state;
    uint64_t random = 88172645463325252u;
    for (int i = 0; i < RANDOM; i++) {
        uint64_t bits = next_random(&random);
        double v;
        memcpy(&v, &bits, sizeof(v));
        if (isfinite(v) && v != 0)
            check_double(fabs(v));
        check_double((double)(bits >> 12));
        check_double((double)(bits % 100000) / 1000);
    }
    for (int e = -1074; e < 1024; e++) {
        check_double(ldexp(1, e));
        check_double(nextafter(ldexp(1, e), (double)INFINITY));
        if (e > -1074)
            check_double(nextafter(ldexp(1, e), 0));
    }
}

static void floats_read_back(void **state)
{
    (void)state;
    uint64_t random = 88172645463325252u;
    for (int i = 0; i < RANDOM; i++) {
        uint32_t bits = (uint32_t)(next_random(&random) >> 16);
        float v;
        memcpy(&v, &bits, sizeof(v));
        if (isfinite(v))
            check_float(v);
    }
    for (int e = -149; e < 128; e++)
        check_float(ldexpf(1, e));
}

static const struct {
    double v;
    const char *text;
} cases[] = {
    { 0.0, "0" },
    { -0.0, "-0" },
    { 1.0, "1" },
    { 0.1, "0.1" },
    { 0.0001, "0.0001" },
    { 0.00001, "1e-05" },
    { 123456789012345.0, "123456789012345" },
    { 1e15, "1e+15" },
    { 1234567890123456.0, "1.234567890123456e+15" },
    { 5e-324, "5e-324" },
    { 1.7976931348623157e308, "1.7976931348623157e+308" },
    { 9007199254740993.0, "9.007199254740992e+15" },
    { 5.684341886080802e-14, "5.684341886080802e-14" },
    { 1e23, "9.999999999999999e+22" }, /* 1e+23 lies on the edge of what rounds to it */
    { (double)INFINITY, "Infinity" },
    { -(double)INFINITY, "-Infinity" },
    { (double)NAN, "NaN" },
};

static void text_is_postgresqls(void **state)
{
    (void)state;
    char text[FLOAT_TEXT_MAX + 1];
    for (size_t i = 0; i < COUNT(cases); i++) {
        text[float8_print(text, cases[i].v)] = 0;
        assert_string_equal(text, cases[i].text);
    }
    text[float8_print_real(text, 5)] = 0;
    assert_string_equal(text, "5.0");
    text[float8_print_real(text, 1e15)] = 0;
    assert_string_equal(text, "1e+15");
    text[float4_print(text, 0.1f)] = 0;
    assert_string_equal(text, "0.1");
    text[float4_print(text, 1234567.0f)] = 0;
    assert_string_equal(text, "1.234567e+06");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(doubles_read_back),
        cmocka_unit_test(floats_read_back),
        cmocka_unit_test(text_is_postgresqls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
