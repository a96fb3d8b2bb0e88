/* test_numeric.c - exact decimals: limits, scales, special values, aliasing. Random arithmetic is in tests/differential. */
/* LINK pgd1_pgwire pgd1_base */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include "pgwire/numeric.h"
#include "tests/unit/arena_fixture.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

ARENA_FIXTURE(1 << 24)

static void assert_number(struct fixture *f, const struct numeric *n, const char *want)
{
    struct str have = numeric_print(n, f->arena);
    if (!str_is(have, want))
        fail_msg("have %.*s, want %s", STR_FMT(have), want);
}

static void set(struct fixture *f, struct numeric *n, const char *text)
{
    if (!numeric_parse(n, str_from(text), &f->err))
        fail_msg("%s: %.*s", text, STR_FMT(f->err.message));
}

/* ---- text */

static const struct {
    const char *in, *out; /* out: canonical, or the SQLSTATE after '!' */
} texts[] = {
    { "0", "0" },
    { "-0", "0" },
    { "-0.00", "0.00" },
    { "+7", "7" },
    { " 007.10\n", "7.10" },
    { ".5", "0.5" },
    { "5.", "5" },
    { "1.5e3", "1500" },
    { "1.5E-3", "0.0015" },
    { "123e-2", "1.23" },
    { "0e5", "0" },
    { "0e-5", "0.00000" },
    { "1e 5", "100000" },
    { "NaN", "NaN" },
    { "nAn", "NaN" },
    { "inf", "Infinity" },
    { "-INFINITY", "-Infinity" },
    { "", "!22P02" },
    { ".", "!22P02" },
    { "-", "!22P02" },
    { "1e", "!22P02" },
    { "1e+", "!22P02" },
    { "1 2", "!22P02" },
    { "1..2", "!22P02" },
    { "0x10", "!22P02" },
    { "+NaN", "!22P02" },
    { "1e131072", "!22003" },
    { "1e-16384", "!22003" },
    { "1e99999999999999999999", "!22003" },
};

static void text_is_canonical(void **state)
{
    struct fixture *f = *state;
    AUTO_NUMERIC(n);
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct str normal;
        err_clear(&f->err);
        bool ok = numeric_normalize(str_from(texts[i].in), f->arena, &normal, &f->err);
        bool same = numeric_parse(&n, str_from(texts[i].in), &f->err);
        assert_int_equal(ok, same);
        if (ok != (texts[i].out[0] != '!'))
            fail_msg("\"%s\": %.*s", texts[i].in, STR_FMT(f->err.message));
        if (!ok) {
            assert_string_equal(sqlstate_code(f->err.code), texts[i].out + 1);
            continue;
        }
        assert_true(str_is(normal, texts[i].out));
        assert_number(f, &n, texts[i].out);
    }
}

static void the_limits_are_131072_and_16383_digits(void **state)
{
    struct fixture *f = *state;
    AUTO_NUMERIC(n);
    AUTO_NUMERIC(ten);
    set(f, &n, "9e131071");
    set(f, &ten, "10");
    assert_int_equal(numeric_print(&n, f->arena).n, 131072);
    assert_false(numeric_multiply(&n, &n, &ten, &f->err));
    assert_string_equal(sqlstate_code(f->err.code), "22003");
    err_clear(&f->err);
    set(f, &n, "1e-16383");
    assert_true(numeric_multiply(&n, &n, &n, &f->err)); /* rounded away, not an error */
    assert_int_equal(n.scale, NUMERIC_MAX_SCALE);
    assert_int_equal(numeric_sign(&n), 0);
}

/* ---- arithmetic: op, operands, result or SQLSTATE */

static const struct {
    const char *op, *a, *b, *want;
} sums[] = {
    { "+", "1.50", "2.5", "4.00" },
    { "+", "Infinity", "-Infinity", "NaN" },
    { "+", "Infinity", "1", "Infinity" },
    { "+", "NaN", "Infinity", "NaN" },
    { "-", "1", "1.00", "0.00" },
    { "-", "Infinity", "Infinity", "NaN" },
    { "*", "-1.50", "2.00", "-3.0000" },
    { "*", "Infinity", "0", "NaN" },
    { "*", "Infinity", "-2", "-Infinity" },
    { "/", "1", "3", "0.33333333333333333333" },
    { "/", "10", "4", "2.5000000000000000" },
    { "/", "2", "3", "0.66666666666666666667" },
    { "/", "1", "1000000", "0.000001000000000000000000" },
    { "/", "100000000", "3", "33333333.333333333333" },
    { "/", "1.0000000000000000000000", "3", "0.3333333333333333333333" },
    { "/", "0", "3", "0.00000000000000000000" },
    { "/", "1", "0.00", "!22012" },
    { "/", "Infinity", "0", "!22012" },
    { "/", "NaN", "0", "NaN" },
    { "/", "1", "Infinity", "0" },
    { "/", "Infinity", "Infinity", "NaN" },
    { "div", "-7", "2", "-3" },
    { "div", "7.5", "0", "!22012" },
    { "%", "-7", "2", "-1" },
    { "%", "5.5", "2.10", "1.30" },
    { "%", "5", "Infinity", "5" },
    { "%", "Infinity", "5", "NaN" },
    { "%", "5", "0", "!22012" },
    { "gcd", "12.5", "10", "2.5" },
    { "lcm", "12", "18.0", "36.0" },
    { "^", "2", "10", "1024.0000000000000000" },
    { "^", "2", "0.5", "1.4142135623730950" },
    { "^", "-8", "0.5", "!2201F" },
    { "^", "0", "-1", "!2201F" },
    { "^", "10", "200000", "!22003" },
    { "^", "-2", "3", "-8.0000000000000000" },
    { "^", "NaN", "0", "1" },
    { "log", "2", "8", "3.0000000000000000" },
    { "log", "-1", "8", "!2201E" },
    { "log", "1", "8", "!22012" },
};

static bool compute(const char *op, struct numeric *a, const struct numeric *b, struct err *err)
{
    static const struct {
        const char *op;
        bool (*f)(struct numeric *, const struct numeric *, const struct numeric *, struct err *);
    } ops[] = {
        { "+", numeric_add },    { "-", numeric_subtract }, { "*", numeric_multiply },
        { "/", numeric_divide }, { "%", numeric_modulo },   { "div", numeric_divide_integer },
        { "gcd", numeric_gcd },  { "lcm", numeric_lcm },    { "^", numeric_power },
        { "log", numeric_log },
    };
    for (size_t i = 0; i < COUNT(ops); i++)
        if (strcmp(ops[i].op, op) == 0)
            return ops[i].f(a, a, b, err); /* the result takes the place of an operand */
    fail_msg("no operation %s", op);
    return false;
}

static void arithmetic_has_postgresqls_scales(void **state)
{
    struct fixture *f = *state;
    AUTO_NUMERIC(a);
    AUTO_NUMERIC(b);
    for (size_t i = 0; i < COUNT(sums); i++) {
        err_clear(&f->err);
        set(f, &a, sums[i].a);
        set(f, &b, sums[i].b);
        bool ok = compute(sums[i].op, &a, &b, &f->err);
        if (ok != (sums[i].want[0] != '!'))
            fail_msg("%s %s %s: %.*s", sums[i].a, sums[i].op, sums[i].b, STR_FMT(f->err.message));
        if (ok)
            assert_number(f, &a, sums[i].want);
        else
            assert_string_equal(sqlstate_code(f->err.code), sums[i].want + 1);
    }
}

static void functions_of_one_number(void **state)
{
    struct fixture *f = *state;
    AUTO_NUMERIC(n);
    set(f, &n, "2");
    assert_true(numeric_sqrt(&n, &n, &f->err));
    assert_number(f, &n, "1.414213562373095");
    set(f, &n, "1.0");
    assert_true(numeric_exp(&n, &n, &f->err));
    assert_number(f, &n, "2.7182818284590452");
    set(f, &n, "2");
    assert_true(numeric_ln(&n, &n, &f->err));
    assert_number(f, &n, "0.6931471805599453");
    set(f, &n, "0");
    assert_false(numeric_ln(&n, &n, &f->err));
    assert_true(str_is(f->err.message, "cannot take logarithm of zero"));
    err_clear(&f->err);
    set(f, &n, "-1");
    assert_false(numeric_sqrt(&n, &n, &f->err));
    assert_string_equal(sqlstate_code(f->err.code), "2201F");
    err_clear(&f->err);
    set(f, &n, "10000");
    assert_false(numeric_exp(&n, &n, &f->err));
    assert_string_equal(sqlstate_code(f->err.code), "22003");
    err_clear(&f->err);
    assert_true(numeric_factorial(&n, 20, &f->err));
    assert_number(f, &n, "2432902008176640000");
    assert_false(numeric_factorial(&n, -1, &f->err));
    err_clear(&f->err);
    assert_false(numeric_factorial(&n, 40000, &f->err));
}

static const struct {
    const char *in;
    int scale;
    const char *rounded, *truncated;
} cuts[] = {
    { "2.5", 0, "3", "2" },         { "-2.5", 0, "-3", "-2" },      { "2.45", 1, "2.5", "2.4" },
    { "1.5", 3, "1.500", "1.500" }, { "1250", -2, "1300", "1200" }, { "49", -2, "0", "0" },
    { "-0.4", 0, "0", "0" },        { "NaN", 2, "NaN", "NaN" },     { "-Infinity", 2, "-Infinity", "-Infinity" },
};

static void rounding_is_away_from_zero(void **state)
{
    struct fixture *f = *state;
    AUTO_NUMERIC(n);
    AUTO_NUMERIC(r);
    for (size_t i = 0; i < COUNT(cuts); i++) {
        set(f, &n, cuts[i].in);
        numeric_round(&r, &n, cuts[i].scale);
        assert_number(f, &r, cuts[i].rounded);
        numeric_truncate(&r, &n, cuts[i].scale);
        assert_number(f, &r, cuts[i].truncated);
    }
    set(f, &n, "-2.5");
    numeric_ceil(&r, &n);
    assert_number(f, &r, "-2");
    numeric_floor(&r, &n);
    assert_number(f, &r, "-3");
    set(f, &n, "2.500");
    numeric_trim_scale(&r, &n);
    assert_number(f, &r, "2.5");
    assert_int_equal(numeric_min_scale(&n), 1);
}

/* Each is less than the next; all in one group are equal and hash alike. */
static void the_order_is_postgresqls(void **state)
{
    struct fixture *f = *state;
    static const char *const groups[][2] = { { "-Infinity", "-inf" },
                                             { "-10", "-1e1" },
                                             { "-1.5", "-1.50" },
                                             { "0", "0.000" },
                                             { "0.001", "1e-3" },
                                             { "1", "1.00" },
                                             { "1e20", "100000000000000000000.0" },
                                             { "Infinity", "inf" },
                                             { "NaN", "nan" } };
    AUTO_NUMERIC(a);
    AUTO_NUMERIC(b);
    for (size_t i = 0; i < COUNT(groups); i++)
        for (size_t j = 0; j < COUNT(groups); j++) {
            set(f, &a, groups[i][0]);
            set(f, &b, groups[j][1]);
            int c = numeric_compare(&a, &b);
            assert_int_equal(c < 0 ? -1 : c > 0, i < j ? -1 : i > j);
            assert_int_equal(numeric_hash(&a) == numeric_hash(&b), i == j);
        }
}

static void conversions(void **state)
{
    struct fixture *f = *state;
    AUTO_NUMERIC(n);
    int64_t v = 7;
    set(f, &n, "9223372036854775807.4");
    assert_true(numeric_to_int64(&n, &v));
    assert_true(v == INT64_MAX);
    set(f, &n, "9223372036854775807.5");
    assert_false(numeric_to_int64(&n, &v));
    set(f, &n, "NaN");
    assert_false(numeric_to_int64(&n, &v));
    assert_true(v == INT64_MAX);
    assert_true(isnan(numeric_to_double(&n)));
    numeric_from_double(&n, 0.1 + 0.2, 15);
    assert_number(f, &n, "0.3");
    numeric_from_double(&n, -1e22, 15);
    assert_number(f, &n, "-10000000000000000000000");
    numeric_from_double(&n, 1234567.0, 6);
    assert_number(f, &n, "1234570");
    numeric_from_double(&n, (double)INFINITY, 15);
    assert_number(f, &n, "Infinity");
    set(f, &n, "0.1");
    assert_true(numeric_to_double(&n) == 0.1);
    set(f, &n, "1e400");
    assert_true(isinf(numeric_to_double(&n)));
    numeric_from_int64(&n, INT64_MIN);
    assert_number(f, &n, "-9223372036854775808");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(text_is_canonical, setup, teardown),
        cmocka_unit_test_setup_teardown(the_limits_are_131072_and_16383_digits, setup, teardown),
        cmocka_unit_test_setup_teardown(arithmetic_has_postgresqls_scales, setup, teardown),
        cmocka_unit_test_setup_teardown(functions_of_one_number, setup, teardown),
        cmocka_unit_test_setup_teardown(rounding_is_away_from_zero, setup, teardown),
        cmocka_unit_test_setup_teardown(the_order_is_postgresqls, setup, teardown),
        cmocka_unit_test_setup_teardown(conversions, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
