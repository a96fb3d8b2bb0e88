/* test_bind.c - values on their way to D1 and back: forms, literals, what must be planned again, JSON parameters,
 * cells. */
/* LINK pgd1_sql pgd1_catalog pgd1_pgwire pgd1_base */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include "proxy/sql/plan.h"

static struct arena *arena;

static int set_up(void **state)
{
    (void)state;
    arena = arena_new(1 << 24);
    return arena ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    arena = arena_free(arena);
    return 0;
}

static struct bind_input native_input(void)
{
    return (struct bind_input){ .types = type_settings_default(), .traits = { .native_values = true } };
}

/* Binds one value; the text of the parameter, "local" for a retry, "!SQLSTATE" for an error. */
static struct str bound(const struct bind *bind, const struct bind_input *input)
{
    struct bind binds[] = { *bind };
    struct plan_statement statement = { .sql = STR("SELECT ?1"), .binds = binds, .n_binds = 1 };
    struct plan plan = { .statements = &statement, .n_statements = 1 };
    struct d1_statement *out;
    struct err err;
    bool again;
    err_init(&err, arena);
    if (!plan_bind(&plan, input, arena, &out, &again, &err))
        return arena_printf(arena, "!%s %.*s", sqlstate_code(err.code), STR_FMT(err.message));
    if (again)
        return STR("local");
    const struct value *v = &out[0].params[0];
    switch (v->class) {
    case VALUE_NULL:
        return STR("null");
    case VALUE_INTEGER:
        return arena_printf(arena, "i%lld", (long long)v->integer);
    case VALUE_REAL:
        return arena_printf(arena, "r%.17g", v->real);
    case VALUE_TEXT:
        return arena_printf(arena, "t%.*s", STR_FMT(v->bytes));
    case VALUE_BLOB:
        return arena_printf(arena, "b%zu", v->bytes.n);
    }
    return STR("?");
}

static void is(struct str have, const char *want, const char *rule)
{
    if (!str_is(have, want))
        fail_msg("%s: have <%.*s>, want <%s>", rule, STR_FMT(have), want);
}

static const struct {
    const char *rule;
    enum bind_form form;
    oid_t type;
    int detail;
    int32_t typmod;
    const char *in, *want;
} forms[] = {
    { "a number of 15 digits is exact", BIND_NUMBER, TYPE_OID_numeric, 0, -1, "123456789012.345", "r123456789012.345" },
    { "an integer stays one", BIND_NUMBER, TYPE_OID_numeric, 0, -1, "12.00", "i12" },
    { "zero", BIND_NUMBER, TYPE_OID_numeric, 0, -1, "0.00", "i0" },
    { "small numbers have few digits", BIND_NUMBER, TYPE_OID_numeric, 0, -1, "-0.000000000000001",
      "r-1.0000000000000001e-15" },
    { "sixteen digits do not fit", BIND_NUMBER, TYPE_OID_numeric, 0, -1, "1234567890123456", "local" },
    { "nor does NaN", BIND_NUMBER, TYPE_OID_numeric, 0, -1, "NaN", "local" },
    { "scaled", BIND_SCALED, TYPE_OID_numeric, 2, -1, "-12.5", "i-1250" },
    { "digits beyond the scale", BIND_SCALED, TYPE_OID_numeric, 2, -1, "0.125", "local" },
    { "but not zeros", BIND_SCALED, TYPE_OID_numeric, 1, -1, "1.500", "i15" },
    { "scaled beyond 18 digits", BIND_SCALED, TYPE_OID_numeric, 6, -1, "12345678901234", "local" },
    { "stored: rounded half away from zero", BIND_STORE, TYPE_OID_numeric, 0, (6 << 16) + 2 + 4, "-1.005", "r-1.01" },
    { "stored: too large", BIND_STORE, TYPE_OID_numeric, 0, (6 << 16) + 2 + 4, "10000",
      "!22003 numeric field overflow" },
    { "LIKE as GLOB", BIND_GLOB, TYPE_OID_text, '\\', -1, "a%b_c", "ta*b?c" },
    { "GLOB's own characters", BIND_GLOB, TYPE_OID_text, '\\', -1, "[*?]", "t[[][*][?]]" },
    { "escaped wildcards", BIND_GLOB, TYPE_OID_text, '\\', -1, "50\\%", "t50%" },
    { "another escape character", BIND_GLOB, TYPE_OID_text, '!', -1, "!%\\", "t%\\" },
    { "no escape character", BIND_GLOB, TYPE_OID_text, 0, -1, "\\%", "t\\*" },
    { "a pattern that ends in its escape: the texts decide", BIND_GLOB, TYPE_OID_text, '\\', -1, "a\\", "local" },
    { "fifty bytes", BIND_GLOB, TYPE_OID_text, '\\', -1, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx%",
      "txxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx*" },
    { "fifty-one", BIND_GLOB, TYPE_OID_text, '\\', -1, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx%", "local" },
    { "ILIKE", BIND_LIKE_LOWER, TYPE_OID_text, '!', -1, "a!%\\b%", "ta\\%\\\\b%" },
    { "ILIKE beyond ASCII", BIND_LIKE_LOWER, TYPE_OID_text, '\\', -1, "\xc3\xbc%", "local" },
    { "ASCII", BIND_ASCII, TYPE_OID_text, 0, -1, "abc", "tabc" },
    { "texts that lower() makes this one", BIND_UNFOLDED, TYPE_OID_text, 0, -1, "a\"kb",
      "t[\"a\\\"kb\",\"a\\\"\xe2\x84\xaa"
      "b\"]" },
    { "texts that upper() makes this one", BIND_UNFOLDED, TYPE_OID_text, 1, -1, "S", "t[\"S\",\"\xc5\xbf\"]" },
    { "too many of them", BIND_UNFOLDED, TYPE_OID_text, 0, -1, "kikikikikik", "local" },
    { "none of them is ASCII", BIND_UNFOLDED, TYPE_OID_text, 0, -1, "\xc3\xbc", "local" },
    { "not ASCII", BIND_ASCII, TYPE_OID_text, 0, -1, "\xc3\xbc", "local" },
    { "months of an interval", BIND_INTERVAL_MODIFIERS, TYPE_OID_interval, 0, -1, "1 year 2 mons", "t+14 months" },
    { "its days", BIND_INTERVAL_MODIFIERS, TYPE_OID_interval, 1, -1, "3 days -01:00:00", "t+3 days" },
    { "its seconds, subtracted", BIND_INTERVAL_MODIFIERS, TYPE_OID_interval, 2 | 4, -1, "3 days -01:00:00",
      "t+3600 seconds" },
    { "parts of a second", BIND_INTERVAL_MODIFIERS, TYPE_OID_interval, 2, -1, "0.5 seconds", "local" },
    { "seconds since 1970", BIND_UNIX_S, TYPE_OID_timestamp, 0, -1, "1970-01-02 00:00:01", "i86401" },
    { "with a fraction", BIND_UNIX_S, TYPE_OID_timestamp, 0, -1, "1970-01-01 00:00:00.5", "r0.5" },
    { "milliseconds", BIND_UNIX_MS, TYPE_OID_timestamp, 0, -1, "1970-01-01 00:00:00.5", "i500" },
    { "days", BIND_UNIX_S, TYPE_OID_date, 0, -1, "1970-01-03", "i172800" },
    { "no infinity", BIND_UNIX_S, TYPE_OID_date, 0, -1, "infinity",
      "!22008 infinity cannot be stored in a column of seconds since 1970" },
    { "a key of JSON", BIND_JSON_KEY, TYPE_OID_text, 0, -1, "a b", "t.\"a b\"" },
    { "a key that cannot be quoted", BIND_JSON_KEY, TYPE_OID_text, 0, -1, "a\"b", "local" },
    { "an index", BIND_JSON_KEY, TYPE_OID_int4, 0, -1, "2", "t[2]" },
    { "an index from the end", BIND_JSON_KEY, TYPE_OID_int4, 0, -1, "-1", "t[#-1]" },
    { "a path", BIND_JSON_PATH, TYPE_OID__text, 0, -1, "{a,b c}", "t.\"a\".\"b c\"" },
    { "a path with digits: key or index?", BIND_JSON_PATH, TYPE_OID__text, 0, -1, "{a,0}", "local" },
    { "a limit", BIND_LIMIT, TYPE_OID_int8, 0, -1, "5", "i5" },
    { "below zero", BIND_LIMIT, TYPE_OID_int8, 0, -1, "-1", "!2201W LIMIT must not be negative" },
    { "an offset below zero", BIND_OFFSET, TYPE_OID_int8, 0, -1, "-1", "!2201X OFFSET must not be negative" },
    { "length coercion", BIND_AS_IS, TYPE_OID_varchar, 0, 4 + 3, "abcd",
      "!22001 value too long for type character varying(3)" },
    { "blanks may go", BIND_AS_IS, TYPE_OID_varchar, 0, 4 + 3, "abc  ", "tabc" },
    { "bytes in hex", BIND_HEX, TYPE_OID_bytea, 0, -1, "\\x00ff", "t00FF" },
    { "an integer in text", BIND_TEXT, TYPE_OID_int8, 0, -1, "-9223372036854775808", "t-9223372036854775808" },
};

static void literals_take_every_form(void **state)
{
    (void)state;
    struct bind_input input = native_input();
    for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
        struct str literal = str_from(forms[i].in);
        int offset = 7;
        input.literals = &literal;
        input.n_literals = 1;
        input.literal_offsets = &offset;
        struct bind b = { .source = BIND_LITERAL,
                          .form = forms[i].form,
                          .type = forms[i].type,
                          .detail = forms[i].detail,
                          .typmod = forms[i].typmod };
        is(bound(&b, &input), forms[i].want, forms[i].rule);
    }
}

static void a_bad_literal_is_pointed_at(void **state)
{
    (void)state;
    struct bind b = { .source = BIND_LITERAL, .type = TYPE_OID_int4, .typmod = -1 };
    struct plan_statement statement = { .sql = STR("SELECT ?1"), .binds = &b, .n_binds = 1 };
    struct str literal = STR("x1");
    int offset = 7;
    struct plan plan = {
        .statements = &statement, .n_statements = 1, .literals = &literal, .literal_offsets = &offset, .n_literals = 1
    };
    struct bind_input input = native_input();
    struct d1_statement *out;
    struct err err;
    bool again;
    err_init(&err, arena);
    assert_false(plan_bind(&plan, &input, arena, &out, &again, &err));
    assert_int_equal(err.code, SQLSTATE_INVALID_TEXT_REPRESENTATION);
    assert_int_equal(err.position, 8);
}

static void a_minus_sign_belongs_to_the_literal(void **state)
{
    (void)state;
    struct bind_input input = native_input();
    struct str literal = STR("5");
    input.literals = &literal;
    input.n_literals = 1;
    struct bind b = { .source = BIND_LITERAL, .type = TYPE_OID_int4, .typmod = -1, .negated = true };
    is(bound(&b, &input), "i-5", "negated");
}

static void null_passes_but_for_limits_and_rowids(void **state)
{
    (void)state;
    struct bind_input input = native_input();
    struct relation r = { .name = STR_INIT("t") };
    struct column c = { .name = STR_INIT("id") };
    struct bind plain = { .source = BIND_CONSTANT, .form = BIND_GLOB, .type = TYPE_OID_text, .typmod = -1 };
    struct bind limit = { .source = BIND_CONSTANT, .form = BIND_LIMIT, .type = TYPE_OID_int8, .typmod = -1 };
    struct bind offset = { .source = BIND_CONSTANT, .form = BIND_OFFSET, .type = TYPE_OID_int8, .typmod = -1 };
    struct bind rowid = {
        .source = BIND_CONSTANT, .type = TYPE_OID_int8, .typmod = -1, .not_null = true, .relation = &r, .column = &c
    };
    is(bound(&plain, &input), "null", "a NULL pattern");
    is(bound(&limit, &input), "i-1", "LIMIT NULL");
    is(bound(&offset, &input), "i0", "OFFSET NULL");
    is(bound(&rowid, &input), "!23502 null value in column \"id\" of relation \"t\" violates not-null constraint",
       "a rowid");
}

static void now_has_every_form(void **state)
{
    (void)state;
    struct bind_input input = native_input();
    input.now_us = INT64_C(1704164645250000); /* 2024-01-02 03:04:05.25 UTC */
    static const struct {
        oid_t type;
        int32_t typmod;
        const char *want;
    } cases[] = {
        { TYPE_OID_timestamptz, -1, "t2024-01-02 03:04:05.25" },
        { TYPE_OID_timestamp, 0, "t2024-01-02 03:04:05" },
        { TYPE_OID_date, -1, "t2024-01-02" },
        { TYPE_OID_time, -1, "t03:04:05.25" },
        { TYPE_OID_timetz, -1, "t03:04:05.25+00" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct bind b = { .source = BIND_NOW, .type = cases[i].type, .typmod = cases[i].typmod };
        is(bound(&b, &input), cases[i].want, "now");
    }
}

static void fresh_values_differ(void **state)
{
    (void)state;
    struct bind_input input = native_input();
    struct bind uuid = { .source = BIND_UUID, .type = TYPE_OID_uuid, .typmod = -1 },
                number = { .source = BIND_RANDOM, .type = TYPE_OID_float8, .typmod = -1 };
    struct str a = bound(&uuid, &input), b = bound(&uuid, &input);
    assert_int_equal(a.n, 37);
    assert_int_equal(a.p[15], '4');
    assert_false(str_eq(a, b));
    assert_false(str_eq(bound(&number, &input), bound(&number, &input)));
}

static void other_transports_carry_text(void **state)
{
    (void)state;
    struct bind_input input = native_input();
    input.traits.native_values = false;
    struct bind b = {
        .source = BIND_CONSTANT, .type = TYPE_OID_int8, .typmod = -1, .constant = value_integer(INT64_MIN)
    };
    is(bound(&b, &input), "t-9223372036854775808", "int8");
    b.constant = value_real(-INFINITY);
    is(bound(&b, &input), "t-9e999", "infinity");
    b.constant = value_real(1.5);
    is(bound(&b, &input), "r1.5", "a double");
    b.constant = value_blob((struct str){ "\x01\xfe", 2 });
    is(bound(&b, &input), "t01FE", "bytes");
}

static void many_values_go_as_one(void **state)
{
    (void)state;
    struct bind binds[6] = {
        { .source = BIND_CONSTANT, .typmod = -1, .constant = { .class = VALUE_INTEGER, .integer = INT64_MAX } },
        { .source = BIND_CONSTANT,
          .typmod = -1,
          .constant = { .class = VALUE_TEXT, .bytes = STR_INIT("a\"\\\n\x01") } },
        { .source = BIND_CONSTANT, .typmod = -1 },
        { .source = BIND_CONSTANT, .typmod = -1, .constant = { .class = VALUE_REAL, .real = INFINITY } },
        { .source = BIND_CONSTANT, .typmod = -1, .constant = { .class = VALUE_BLOB, .bytes = STR_INIT("\x01") } },
        { .source = BIND_CONSTANT, .typmod = -1, .constant = { .class = VALUE_REAL, .real = 0.5 } },
    };
    struct plan_statement s = {
        .sql = STR("x"), .binds = binds, .n_binds = 6, .binds_as_json = true, .json_row_width = 3
    };
    struct plan plan = { .statements = &s, .n_statements = 1 };
    struct bind_input input = native_input();
    struct d1_statement *out;
    struct err err;
    bool again;
    err_init(&err, arena);
    assert_true(plan_bind(&plan, &input, arena, &out, &again, &err));
    assert_int_equal(out[0].n_params, 1);
    is(out[0].params[0].bytes,
       "[[9223372036854775807,\"a\\\"\\\\\\u000a\\u0001\",null],[9e999,\"01\",5.00000000000000000e-01]]", "rows");
}

static const struct {
    const char *rule;
    enum cell_form form;
    int detail;
    oid_t type;
    struct value in;
    const char *want;
} cells[] = {
    { "a number shows its scale", CELL_NUMBER, 2, TYPE_OID_numeric, { .class = VALUE_REAL, .real = 1.5 }, "1.50" },
    { "an integer too", CELL_NUMBER, 2, TYPE_OID_numeric, { .class = VALUE_INTEGER, .integer = -3 }, "-3.00" },
    { "shortest without a scale", CELL_NUMBER, -1, TYPE_OID_numeric, { .class = VALUE_REAL, .real = 0.1 }, "0.1" },
    { "scaled", CELL_SCALED, 3, TYPE_OID_numeric, { .class = VALUE_INTEGER, .integer = -1500 }, "-1.500" },
    { "scaled, from text",
      CELL_SCALED,
      0,
      TYPE_OID_numeric,
      { .class = VALUE_TEXT, .bytes = STR_INIT("9223372036854775807") },
      "9223372036854775807" },
    { "seconds",
      CELL_UNIX_S,
      0,
      TYPE_OID_timestamp,
      { .class = VALUE_INTEGER, .integer = 86401 },
      "1970-01-02 00:00:01" },
    { "seconds with a fraction",
      CELL_UNIX_S,
      0,
      TYPE_OID_timestamp,
      { .class = VALUE_REAL, .real = 0.25 },
      "1970-01-01 00:00:00.25" },
    { "milliseconds of a day",
      CELL_UNIX_MS,
      0,
      TYPE_OID_date,
      { .class = VALUE_INTEGER, .integer = 86400000 },
      "1970-01-02" },
    { "hex", CELL_HEX, 0, TYPE_OID_bytea, { .class = VALUE_TEXT, .bytes = STR_INIT("4142") }, "AB" },
    { "half a byte", CELL_HEX, 0, TYPE_OID_bytea, { .class = VALUE_TEXT, .bytes = STR_INIT("414") }, "!" },
    { "seconds that are text",
      CELL_UNIX_S,
      0,
      TYPE_OID_timestamp,
      { .class = VALUE_TEXT, .bytes = STR_INIT("soon") },
      "!" },
};

static void cells_come_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cells) / sizeof(*cells); i++) {
        struct plan_column c = { .name = STR_INIT("c"),
                                 .form = cells[i].form,
                                 .detail = cells[i].detail,
                                 .type = cells[i].type,
                                 .codec_type = cells[i].type };
        struct value out = value_null();
        struct err err;
        err_init(&err, arena);
        bool ok = plan_cell(&c, &cells[i].in, arena, &out, &err);
        is(ok ? out.bytes : STR("!"), cells[i].want, cells[i].rule);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(literals_take_every_form),
        cmocka_unit_test(a_bad_literal_is_pointed_at),
        cmocka_unit_test(a_minus_sign_belongs_to_the_literal),
        cmocka_unit_test(null_passes_but_for_limits_and_rowids),
        cmocka_unit_test(now_has_every_form),
        cmocka_unit_test(fresh_values_differ),
        cmocka_unit_test(other_transports_carry_text),
        cmocka_unit_test(many_values_go_as_one),
        cmocka_unit_test(cells_come_back),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
