/*
 * test_types_codecs.c - storage forms, cells that others wrote, binary input that lies, memory that ends. That every value is
 * PostgreSQL's is checked against it in tests/differential/test_types.py.
 */
/* LINK pgd1_pgwire pgd1_base */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include "pgwire/datetime.h"
#include "pgwire/types.h"
#include "proxy/base/fault.h"

#define BYTES(lit) ((struct str){ "" lit, sizeof(lit) - 1 })
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct fixture {
    struct arena *arena;
    struct err err;
    struct buf out;
};

static int setup(void **state)
{
    struct fixture *f = test_calloc(1, sizeof(*f));
    f->arena = arena_new(1 << 24);
    err_init(&f->err, f->arena);
    buf_init(&f->out, 1 << 24);
    *state = f;
    return f->arena ? 0 : -1;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    buf_fini(&f->out);
    arena_free(f->arena);
    test_free(f);
    return 0;
}

static const struct type_info *type_named(const char *name)
{
    const struct type_info *type = type_find_name(str_from(name));
    assert_non_null(type);
    return type;
}

static bool decode(struct fixture *f, const char *type, enum wire_format format, struct str bytes, struct value *ret)
{
    err_clear(&f->err);
    return type_decode(type_named(type)->oid, format, bytes, type_settings_default(), f->arena, ret, &f->err);
}

static bool encode(struct fixture *f, const char *type, int32_t typmod, enum wire_format format, struct value v)
{
    err_clear(&f->err);
    buf_reset(&f->out);
    return type_encode(type_named(type)->oid, typmod, format, &v, type_settings_default(), f->arena, &f->out, &f->err);
}

static void assert_text(struct str have, const char *want)
{
    if (str_is(have, want))
        return;
    print_error("have \"%.*s\", want \"%s\"\n", STR_FMT(have), want);
    fail();
}

static void assert_state(const struct err *err, const char *want)
{
    if (strcmp(sqlstate_code(err->code), want) != 0)
        print_error("%s: %.*s\n", sqlstate_code(err->code), STR_FMT(err->message));
    assert_string_equal(sqlstate_code(err->code), want);
}

/* ---- the table of types */

static void types_are_found_by_oid_and_name(void **state)
{
    (void)state;
    assert_string_equal(type_find(23)->name, "int4");
    assert_int_equal(type_find(23)->array, 1007);
    assert_int_equal(type_find(1007)->element, 23);
    assert_string_equal(type_find(1007)->name, "_int4");
    assert_int_equal(TYPE_OID__timestamptz, 1185);
    assert_int_equal(type_find(6157)->element, TYPE_OID_int8multirange);
    assert_null(type_find(0));
    assert_null(type_find(1));
    assert_null(type_find(6207));
    assert_null(type_find(UINT32_MAX));
    assert_null(type_find_name(STR("integer")));
    assert_int_equal(type_find_name(STR("_aclitem"))->oid, 1034);
}

static void rows_are_sorted_and_unique(void **state)
{
    (void)state;
    static const oid_t oids[] = {
#define TYPE(name, oid, array_oid, storage, length) oid,
#define TYPE_NO_ARRAY(name, oid, storage, length) oid,
#include "pgwire/types.def"
#undef TYPE
#undef TYPE_NO_ARRAY
    };
    for (size_t i = 1; i < COUNT(oids); i++)
        assert_true(oids[i - 1] < oids[i]);
    for (size_t i = 0; i < COUNT(oids); i++) {
        const struct type_info *type = type_find(oids[i]);
        assert_int_equal(type->oid, oids[i]);
        assert_true(type->array == 0 || type_find(type->array)->element == oids[i]);
        assert_ptr_equal(type_find_name(str_from(type->name)), type);
    }
}

/* ---- storage forms: text in, class and text of the cell out */

static const struct {
    const char *type, *in;
    enum value_class class;
    const char *stored;
} stored[] = {
    { "bool", "yes", VALUE_INTEGER, "1" },
    { "int8", "-9223372036854775808", VALUE_INTEGER, "-9223372036854775808" },
    { "oid", "-1", VALUE_INTEGER, "4294967295" },
    { "regclass", "1259", VALUE_INTEGER, "1259" },
    { "regtype", "-", VALUE_INTEGER, "0" },
    { "numeric", " +001.50e1 ", VALUE_TEXT, "15.0" },
    { "numeric", "-inf", VALUE_TEXT, "-Infinity" },
    { "float8", "NaN", VALUE_TEXT, "NaN" },
    { "bpchar", "ab  ", VALUE_TEXT, "ab" },
    { "varchar", "ab  ", VALUE_TEXT, "ab  " },
    { "char", "\\303", VALUE_TEXT, "\\303" },
    { "char", "xyz", VALUE_TEXT, "x" },
    { "date", "Feb 3, 2001", VALUE_TEXT, "2001-02-03" },
    { "time", "4:05 PM", VALUE_TEXT, "16:05:00" },
    { "timestamp", "2001-02-03T04:05:06.700", VALUE_TEXT, "2001-02-03 04:05:06.7" },
    { "timestamptz", "2001-02-03 04:05:06+02", VALUE_TEXT, "2001-02-03 02:05:06" },
    { "timestamptz", "-infinity", VALUE_TEXT, "-infinity" },
    { "timetz", "040506-0330", VALUE_TEXT, "04:05:06-03:30" },
    { "interval", "1 month 2 days 3:4:5.6", VALUE_TEXT, "1 mon 2 days 03:04:05.6" },
    { "uuid", "{A0EEBC999C0B4EF8BB6D6BB9BD380A11}", VALUE_TEXT, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11" },
    { "json", " {\"b\": 1, \"b\":2}", VALUE_TEXT, " {\"b\": 1, \"b\":2}" },
    { "jsonb", " {\"bb\": 1e2, \"c\":\"\\u00e9\", \"bb\":[2,3]}", VALUE_TEXT, "{\"c\": \"\xc3\xa9\", \"bb\": [2, 3]}" },
    { "inet", "10.1.2.3/8", VALUE_TEXT, "10.1.2.3/8" },
    { "cidr", "10.1", VALUE_TEXT, "10.1.0.0/16" },
    { "macaddr", "08002B-010203", VALUE_TEXT, "08:00:2b:01:02:03" },
    { "macaddr8", "08002b010203", VALUE_TEXT, "08:00:2b:ff:fe:01:02:03" },
    { "_int4", "{{1,NULL},{3,-4}}", VALUE_TEXT, "[[1,null],[3,-4]]" },
    { "_int8", "{9223372036854775807}", VALUE_TEXT, "[9223372036854775807]" },
    { "_bool", "{t,f}", VALUE_TEXT, "[1,0]" },
    { "_float8", "{1,-0,1.5,1e300,Infinity,NaN}", VALUE_TEXT, "[1.0,-0.0,1.5,1e+300,\"Infinity\",\"NaN\"]" },
    { "_numeric", "{1.50}", VALUE_TEXT, "[\"1.50\"]" },
    { "_text", "{a,\"b \\\"c\\\\\",NULL,\"null\"}", VALUE_TEXT, "[\"a\",\"b \\\"c\\\\\",null,\"null\"]" },
    { "_bytea", "{\"\\\\x00ff\"}", VALUE_TEXT, "[\"00ff\"]" },
    { "_date", "{2001-02-03}", VALUE_TEXT, "[\"2001-02-03\"]" },
    { "_jsonb", "{\"{\\\"a\\\":1}\"}", VALUE_TEXT, "[\"{\\\"a\\\": 1}\"]" },
    { "_text", "{}", VALUE_TEXT, "[]" },
    { "int2vector", " 1  2 ", VALUE_TEXT, "[1,2]" },
    { "void", "anything", VALUE_TEXT, "" },
    { "unknown", "x", VALUE_TEXT, "x" },
};

static void values_have_their_storage_form(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < COUNT(stored); i++) {
        struct value v;
        if (!decode(f, stored[i].type, WIRE_TEXT, str_from(stored[i].in), &v))
            fail_msg("%s \"%s\": %.*s", stored[i].type, stored[i].in, STR_FMT(f->err.message));
        assert_int_equal(v.class, stored[i].class);
        if (v.class == VALUE_INTEGER)
            assert_text(arena_printf(f->arena, "%lld", (long long)v.integer), stored[i].stored);
        else
            assert_text(v.bytes, stored[i].stored);
    }
}

/* What is stored comes out, and comes back the same in both formats. */
static void storage_survives_both_formats(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < COUNT(stored); i++) {
        struct value v, again;
        assert_true(decode(f, stored[i].type, WIRE_TEXT, str_from(stored[i].in), &v));
        for (int format = WIRE_TEXT; format <= WIRE_BINARY; format++) {
            assert_true(encode(f, stored[i].type, -1, (enum wire_format)format, v));
            struct str sent = arena_str(f->arena, buf_str(&f->out));
            assert_true(decode(f, stored[i].type, (enum wire_format)format, sent, &again));
            assert_int_equal(again.class, v.class);
            if (v.class == VALUE_INTEGER)
                assert_true(again.integer == v.integer);
            else
                assert_true(str_eq(again.bytes, v.bytes));
        }
    }
}

/* ---- cells that others wrote: converted when exact, else 22P02 */

#define INT(v)                                                                                                         \
    {                                                                                                                  \
        .class = VALUE_INTEGER, .integer = (v)                                                                         \
    }
#define REAL(v)                                                                                                        \
    {                                                                                                                  \
        .class = VALUE_REAL, .real = (v)                                                                               \
    }
#define TEXT(lit)                                                                                                      \
    {                                                                                                                  \
        .class = VALUE_TEXT, .bytes = STR_INIT(lit)                                                                    \
    }
#define BLOB(lit)                                                                                                      \
    {                                                                                                                  \
        .class = VALUE_BLOB, .bytes = STR_INIT(lit)                                                                    \
    }

static const struct {
    const char *rule, *type;
    struct value cell;
    int32_t typmod;
    const char *want; /* text, or the SQLSTATE of the error after '!' */
} cells[] = {
    { "a whole REAL is an integer", "int4", REAL(3.0), -1, "3" },
    { "a fraction is not", "int4", REAL(3.5), -1, "!22P02" },
    { "digits are an integer", "int8", TEXT("12"), -1, "12" },
    { "letters are not", "int4", TEXT("twelve"), -1, "!22P02" },
    { "an integer too large", "int2", INT(40000), -1, "!22003" },
    { "bytes are not", "int4", BLOB("1"), -1, "!22P02" },
    { "an INTEGER that a double holds", "float8", INT(1 << 20), -1, "1048576" },
    { "one it does not hold", "float8", INT(9007199254740993), -1, "!22P02" },
    { "NaN is text", "float8", TEXT("NaN"), -1, "NaN" },
    { "a double too large for float4", "float4", REAL(1e300), -1, "!22003" },
    { "0 and 1 are booleans", "bool", INT(1), -1, "t" },
    { "2 is not", "bool", INT(2), -1, "!22P02" },
    { "words are", "bool", TEXT("false"), -1, "f" },
    { "numbers of numeric(10,2) get their digits", "numeric", REAL(5.1), (10 << 16 | 2) + 4, "5.10" },
    { "so do integers", "numeric", INT(5), (10 << 16 | 2) + 4, "5.00" },
    { "and text", "numeric", TEXT("5"), (10 << 16 | 2) + 4, "5.00" },
    { "text never loses a digit", "numeric", TEXT("5.125"), (10 << 16 | 2) + 4, "5.125" },
    { "a REAL without a scale", "numeric", REAL(0.1), -1, "0.1" },
    { "a large REAL", "numeric", REAL(1e20), -1, "100000000000000000000" },
    { "numeric from a spelling of others", "numeric", TEXT("1e2"), -1, "100" },
    { "text from a number", "text", INT(-7), -1, "-7" },
    { "text from a REAL is SQLite's", "text", REAL(1.0), -1, "1.0" },
    { "text from UTF-8 bytes", "text", BLOB("\xc3\xa9"), -1, "\xc3\xa9" },
    { "bytes that are not text", "text", BLOB("\xff"), -1, "!22P02" },
    { "bytea from text", "bytea", TEXT("ab"), -1, "\\x6162" },
    { "bytea from a number", "bytea", INT(1), -1, "!22P02" },
    { "a uuid of 16 bytes", "uuid", BLOB("\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f"), -1,
      "00010203-0405-0607-0809-0a0b0c0d0e0f" },
    { "a uuid of 15", "uuid", BLOB("\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e"), -1, "!22P02" },
    { "a uuid in upper case", "uuid", TEXT("A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"), -1,
      "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11" },
    { "JavaScript's dates", "timestamptz", TEXT("2024-01-02T03:04:05.678Z"), -1, "2024-01-02 03:04:05.678+00" },
    { "a date with its time", "date", TEXT("2024-01-02 03:04:05"), -1, "2024-01-02" },
    { "a number is no date: which epoch?", "timestamp", INT(1700000000), -1, "!22P02" },
    { "nor a Julian day", "date", REAL(2460311.5), -1, "!22P02" },
    { "no date", "date", TEXT("soon"), -1, "!22007" },
    { "a day that is not there", "date", TEXT("2023-02-29"), -1, "!22008" },
    { "a number is JSON", "json", INT(5), -1, "5" },
    { "so is a REAL", "jsonb", REAL(2.5), -1, "2.5" },
    { "broken JSON", "json", TEXT("{"), -1, "!22P02" },
    { "jsonb is shown canonical", "jsonb", TEXT("{\"b\":1,\"a\":2}"), -1, "{\"a\": 2, \"b\": 1}" },
    { "an array of others: spaces, true, numbers", "_bool", TEXT("[ true, 0, null ]"), -1, "{t,f,NULL}" },
    { "numeric elements as numbers", "_numeric", TEXT("[1.50, \"2\"]"), -1, "{1.50,2}" },
    { "text elements as numbers", "_text", TEXT("[1, \"a,b\"]"), -1, "{1,\"a,b\"}" },
    { "no JSON", "_int4", TEXT("{1,2}"), -1, "!22P02" },
    { "no array", "_int4", TEXT("5"), -1, "!22P02" },
    { "an object in it", "_text", TEXT("[{}]"), -1, "!22P02" },
    { "ragged", "_int4", TEXT("[[1],[2,3]]"), -1, "!22P02" },
    { "mixed depth", "_int4", TEXT("[1,[2]]"), -1, "!22P02" },
    { "an empty inner array", "_int4", TEXT("[[]]"), -1, "!22P02" },
    { "seven levels", "_int4", TEXT("[[[[[[[1]]]]]]]"), -1, "!22P02" },
    { "char(n) is padded", "bpchar", TEXT("ab"), 4 + 4, "ab  " },
    { "in characters", "bpchar", TEXT("\xc3\xa9"), 4 + 2, "\xc3\xa9 " },
    { "an address", "inet", TEXT("nowhere"), -1, "!22P02" },
    { "an interval beyond int32", "interval", TEXT("99999999999 days"), -1, "!22015" },
};

static void cells_are_converted_when_exact(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < COUNT(cells); i++) {
        bool ok = encode(f, cells[i].type, cells[i].typmod, WIRE_TEXT, cells[i].cell);
        if (ok != (cells[i].want[0] != '!'))
            fail_msg("%s: %.*s", cells[i].rule, ok ? (int)f->out.n : (int)f->err.message.n,
                     ok ? f->out.p : f->err.message.p);
        if (ok)
            assert_text(buf_str(&f->out), cells[i].want);
        else
            assert_state(&f->err, cells[i].want + 1);
    }
}

static void errors_name_the_cell(void **state)
{
    struct fixture *f = *state;
    assert_false(encode(f, "int4", -1, WIRE_TEXT, (struct value)REAL(1.5)));
    assert_text(f->err.message, "invalid input syntax for type integer: \"1.5\"");
    assert_false(encode(f, "timestamptz", -1, WIRE_TEXT, (struct value)INT(17)));
    assert_text(f->err.message, "invalid input syntax for type timestamp with time zone: \"17\"");
    assert_false(encode(f, "text", -1, WIRE_TEXT, (struct value)BLOB("\xff\x00")));
    assert_text(f->err.message, "invalid input syntax for type text: \"\\xff00\"");
    assert_false(encode(f, "text", -1, WIRE_TEXT, value_null()));
    assert_state(&f->err, "XX000");
}

/* ---- what there is no codec for */

static void other_types_are_refused_by_name(void **state)
{
    struct fixture *f = *state;
    static const char *const names[] = { "money",  "xml",      "gtsvector", "bit",      "int4range", "point",
                                         "record", "anyarray", "_money",    "internal", "tid",       "pg_lsn" };
    struct value v;
    for (size_t i = 0; i < COUNT(names); i++) {
        assert_false(decode(f, names[i], WIRE_TEXT, STR("1"), &v));
        assert_state(&f->err, "0A000");
        assert_text(f->err.message, arena_cstr(f->arena, arena_printf(f->arena, "type %s is not supported", names[i])));
        assert_false(encode(f, names[i], -1, WIRE_BINARY, value_text(STR("1"))));
        assert_state(&f->err, "0A000");
    }
    err_clear(&f->err);
    assert_false(type_decode(99999, WIRE_TEXT, STR("1"), type_settings_default(), f->arena, &v, &f->err));
    assert_text(f->err.message, "type with OID 99999 is not supported");
}

static void text_only_types_have_no_binary(void **state)
{
    struct fixture *f = *state;
    struct value v;
    assert_true(decode(f, "aclitem", WIRE_TEXT, STR("postgres=r/postgres"), &v));
    assert_false(encode(f, "aclitem", -1, WIRE_BINARY, v));
    assert_state(&f->err, "42883");
    assert_text(f->err.message, "no binary output function available for type aclitem");
    assert_false(decode(f, "_aclitem", WIRE_BINARY, BYTES("\0\0\0\1\0\0\0\0\0\0\4\x09\0\0\0\1\0\0\0\1\0\0\0\1x"), &v));
    assert_state(&f->err, "42883");
}

static void names_of_objects_are_not_resolved_here(void **state)
{
    struct fixture *f = *state;
    struct value v;
    assert_false(decode(f, "regclass", WIRE_TEXT, STR("pg_class"), &v));
    assert_state(&f->err, "0A000");
    assert_true(encode(f, "regproc", -1, WIRE_TEXT, value_integer(0)));
    assert_text(buf_str(&f->out), "-");
}

/* ---- limits of storage */

static void dates_that_cannot_be_stored(void **state)
{
    struct fixture *f = *state;
    static const char *const cases[][2] = {
        { "date", "10000-01-01" },        { "date", "0044-03-15 BC" },
        { "timestamp", "10000-01-01" },   { "timestamptz", "9999-12-31 23:00-02" },
        { "timestamp", "0001-01-01 BC" },
    };
    struct value v;
    for (size_t i = 0; i < COUNT(cases); i++) {
        assert_false(decode(f, cases[i][0], WIRE_TEXT, str_from(cases[i][1]), &v));
        assert_state(&f->err, "22008");
        assert_text(f->err.detail, "Only the years 1 to 9999 can be stored in D1.");
    }
}

static void lower_bounds_cannot_be_stored(void **state)
{
    struct fixture *f = *state;
    struct value v;
    assert_false(decode(f, "_int4", WIRE_TEXT, STR("[2:3]={1,2}"), &v));
    assert_state(&f->err, "0A000");
    assert_true(f->err.hint.n > 0);
    assert_false(
        decode(f, "_int4", WIRE_BINARY, BYTES("\0\0\0\1\0\0\0\0\0\0\0\x17\0\0\0\1\0\0\0\0\0\0\0\4\0\0\0\1"), &v));
    assert_state(&f->err, "0A000");
}

/* ---- binary input that lies */

static const struct {
    const char *rule, *type;
    struct str bytes;
    const char *state;
} lies[] = {
    { "short integer", "int4", STR_INIT("\0\0\1"), "08P01" },
    { "long integer", "int4", STR_INIT("\0\0\0\0\1"), "22P03" },
    { "empty boolean", "bool", STR_INIT(""), "08P01" },
    { "numeric without its digits", "numeric", STR_INIT("\xff\xff\0\0\0\0\0\0"), "08P01" },
    { "numeric digit of 10000", "numeric", STR_INIT("\0\1\0\0\0\0\0\0\x27\x10"), "22P03" },
    { "numeric sign", "numeric", STR_INIT("\0\0\0\0\x12\x34\0\0"), "22P03" },
    { "numeric scale", "numeric", STR_INIT("\0\0\0\0\0\0\x40\0"), "22P03" },
    { "array header cut", "_int4", STR_INIT("\0\0\0\1\0\0\0\0"), "08P01" },
    { "array of a billion elements", "_int4", STR_INIT("\0\0\0\1\0\0\0\0\0\0\0\x17\x3b\x9a\xca\0\0\0\0\1"), "54000" },
    { "array with a product beyond 64 bits", "_int4",
      STR_INIT("\0\0\0\3\0\0\0\0\0\0\0\x17\7\xff\xff\xff\0\0\0\1\7\xff\xff\xff\0\0\0\1\7\xff\xff\xff\0\0\0\1"),
      "54000" },
    { "array that says more than it holds", "_int4", STR_INIT("\0\0\0\1\0\0\0\0\0\0\0\x17\0\0\xff\xff\0\0\0\1\0\0\0\4"),
      "22P03" },
    { "array of negative length", "_int4", STR_INIT("\0\0\0\1\0\0\0\0\0\0\0\x17\xff\xff\xff\xff\0\0\0\1"), "54000" },
    { "array of seven dimensions", "_int4", STR_INIT("\0\0\0\7\0\0\0\0\0\0\0\x17"), "54000" },
    { "array of negative dimensions", "_int4", STR_INIT("\xff\xff\xff\xff\0\0\0\0\0\0\0\x17"), "22P03" },
    { "array flags", "_int4", STR_INIT("\0\0\0\0\0\0\0\2\0\0\0\x17"), "22P03" },
    { "array of another type", "_int4", STR_INIT("\0\0\0\0\0\0\0\0\0\0\0\x19"), "42804" },
    { "element of negative length", "_int4", STR_INIT("\0\0\0\1\0\0\0\0\0\0\0\x17\0\0\0\1\0\0\0\1\xff\xff\xff\xfe"),
      "22P03" },
    { "element longer than the rest", "_text", STR_INIT("\0\0\0\1\0\0\0\0\0\0\0\x19\0\0\0\1\0\0\0\1\0\0\0\5abcd"),
      "22P03" },
    { "bytes behind an array", "_int4", STR_INIT("\0\0\0\0\0\0\0\0\0\0\0\x17x"), "22P03" },
    { "jsonb of another version", "jsonb", STR_INIT("\2{}"), "XX000" },
    { "jsonb without one", "jsonb", STR_INIT(""), "08P01" },
    { "text that is no UTF-8", "text", STR_INIT("a\xff"), "22021" },
    { "text with a zero byte", "text", STR_INIT("a\0b"), "22021" },
    { "json that is none", "json", STR_INIT("{"), "22P02" },
    { "address of another family", "inet", STR_INIT("\1\x20\0\4\1\2\3\4"), "22P03" },
    { "address with too many bits", "inet", STR_INIT("\2\x21\0\4\1\2\3\4"), "22P03" },
    { "address cut", "inet", STR_INIT("\3\x80\0\x10\1"), "08P01" },
    { "cidr with host bits", "cidr", STR_INIT("\2\x8\1\4\1\2\3\4"), "22P03" },
    { "date out of range", "date", STR_INIT("\x7f\xff\xff\xfe"), "22008" },
    { "time beyond a day", "time", STR_INIT("\x7f\xff\xff\xff\xff\xff\xff\xff"), "22008" },
    { "offset beyond 16 hours", "timetz", STR_INIT("\0\0\0\0\0\0\0\0\0\0\xe1\0"), "22009" },
    { "timestamp out of range", "timestamp", STR_INIT("\x7f\xff\xff\xff\xff\xff\xff\xfe"), "22008" },
    { "interval cut", "interval", STR_INIT("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), "08P01" },
    { "uuid cut", "uuid", STR_INIT("\0"), "08P01" },
    { "xid8 above int8", "xid8", STR_INIT("\xff\xff\xff\xff\xff\xff\xff\xff"), "0A000" },
    { "vector with a NULL", "int2vector", STR_INIT("\0\0\0\1\0\0\0\1\0\0\0\x15\0\0\0\1\0\0\0\0\xff\xff\xff\xff"),
      "22P03" },
    { "name of 64 bytes", "name", STR_INIT("0123456789012345678901234567890123456789012345678901234567890123"),
      "42622" },
};

static void binary_input_is_not_trusted(void **state)
{
    struct fixture *f = *state;
    struct value v;
    for (size_t i = 0; i < COUNT(lies); i++) {
        if (decode(f, lies[i].type, WIRE_BINARY, lies[i].bytes, &v))
            fail_msg("%s: was taken", lies[i].rule);
        if (strcmp(sqlstate_code(f->err.code), lies[i].state) != 0)
            print_error("%s\n", lies[i].rule);
        assert_state(&f->err, lies[i].state);
        assert_true(arena_used(f->arena) < 1 << 20);
    }
}

/* A failed call leaves its outputs alone. */
static void failure_leaves_the_output_alone(void **state)
{
    struct fixture *f = *state;
    static const char *const bad[][2] = { { "int4", "x" },      { "numeric", "x" }, { "date", "x" },
                                          { "_int4", "{1,x}" }, { "jsonb", "{" },   { "uuid", "x" },
                                          { "interval", "x" },  { "inet", "x" } };
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct value v = value_integer(4711);
        assert_false(decode(f, bad[i][0], WIRE_TEXT, str_from(bad[i][1]), &v));
        assert_int_equal(v.class, VALUE_INTEGER);
        assert_int_equal(v.integer, 4711);
    }
}

/* ---- memory that ends: every allocation fails once */

static void every_allocation_may_fail(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < COUNT(stored); i++) {
        bool hit = true;
        for (long n = 0; hit; n++) {
            struct arena *arena = arena_new(1 << 20);
            struct buf out;
            struct err err;
            struct value v;
            oid_t oid = type_named(stored[i].type)->oid;
            err_init(&err, arena);
            buf_init(&out, 1 << 20);
            fault_after(n);
            bool ok = type_decode(oid, WIRE_TEXT, str_from(stored[i].in), type_settings_default(), arena, &v, &err) &&
                      type_encode(oid, -1, WIRE_TEXT, &v, type_settings_default(), arena, &out, &err) &&
                      type_encode(oid, -1, WIRE_BINARY, &v, type_settings_default(), arena, &out, &err);
            hit = fault_hit();
            fault_after(-1);
            if (!ok)
                assert_state(&err, "53200");
            assert_true(ok || hit);
            buf_fini(&out);
            arena_free(arena);
        }
    }
    (void)f;
}

static void a_full_buffer_is_told(void **state)
{
    struct fixture *f = *state;
    struct buf small;
    struct value v = value_text(STR("more than four bytes"));
    buf_init(&small, 4);
    err_clear(&f->err);
    assert_false(type_encode(TYPE_OID_text, -1, WIRE_TEXT, &v, type_settings_default(), f->arena, &small, &f->err));
    assert_state(&f->err, "53200");
    buf_fini(&small);
}

/* ---- type modifiers */

static const struct {
    const char *type;
    int32_t modifiers[2];
    size_t n;
    int32_t typmod; /* -2: an error */
    const char *name;
} modifiers[] = {
    { "varchar", { 10 }, 1, 14, "character varying(10)" },
    { "varchar", { 0 }, 1, -2, "length for type varchar must be at least 1" },
    { "bpchar", { 10485761 }, 1, -2, "length for type char cannot exceed 10485760" },
    { "bpchar", { 3 }, 1, 7, "character(3)" },
    { "numeric", { 10, 2 }, 2, 655366, "numeric(10,2)" },
    { "numeric", { 3, -2 }, 2, (3 << 16 | 2046) + 4, "numeric(3,-2)" },
    { "numeric", { 5 }, 1, (5 << 16) + 4, "numeric(5,0)" },
    { "numeric", { 1001 }, 1, -2, "NUMERIC precision 1001 must be between 1 and 1000" },
    { "numeric", { 3, 1001 }, 2, -2, "NUMERIC scale 1001 must be between -1000 and 1000" },
    { "numeric", { 3, 2 }, 0, -2, "invalid NUMERIC type modifier" },
    { "timestamp", { 3 }, 1, 3, "timestamp(3) without time zone" },
    { "timestamptz", { 9 }, 1, 6, "timestamp(6) with time zone" },
    { "timetz", { -1 }, 1, -2, "TIME(-1) WITH TIME ZONE precision must not be negative" },
    { "interval", { 4 }, 1, 4 << 16 | 65535, "interval year" },
    { "interval", { 32767 }, 1, -1, "interval" },
    { "interval", { 32767, 2 }, 2, 32767 << 16 | 2, "interval(2)" },
    { "interval", { 7176, 3 }, 2, 7176 << 16 | 3, "interval day to second(3)" },
    { "_varchar", { 5 }, 1, 9, "character varying(5)[]" },
    { "int4", { 5 }, 1, -2, "type modifier is not allowed for type \"int4\"" },
};

static void modifiers_are_postgresqls(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < COUNT(modifiers); i++) {
        int32_t typmod = -3;
        oid_t oid = type_named(modifiers[i].type)->oid;
        err_clear(&f->err);
        bool ok = type_typmod_in(oid, modifiers[i].modifiers, modifiers[i].n, &typmod, &f->err);
        if (!ok) {
            assert_int_equal(modifiers[i].typmod, -2);
            assert_text(f->err.message, modifiers[i].name);
            assert_int_equal(typmod, -3);
            continue;
        }
        assert_int_equal(typmod, modifiers[i].typmod);
        assert_text(type_format(oid, typmod, f->arena), modifiers[i].name);
    }
}

static const struct {
    const char *rule, *type;
    int32_t typmod;
    bool is_explicit;
    struct value in;
    const char *want;
} coercions[] = {
    { "blanks are cut", "varchar", 6, false, TEXT("ab   "), "ab" },
    { "letters are not", "varchar", 6, false, TEXT("abc"), "!22001" },
    { "a cast cuts them", "varchar", 6, true, TEXT("abc"), "ab" },
    { "characters, not bytes", "varchar", 6, true, TEXT("\xc3\xa9\xc3\xa9\xc3\xa9"), "\xc3\xa9\xc3\xa9" },
    { "char(n) has no padding in storage", "bpchar", 9, false, TEXT("ab  "), "ab" },
    { "char(n) too long", "bpchar", 6, false, TEXT("abc"), "!22001" },
    { "numeric is rounded away from zero", "numeric", (5 << 16 | 1) + 4, false, TEXT("-2.25"), "-2.3" },
    { "padded", "numeric", (5 << 16 | 2) + 4, false, TEXT("7"), "7.00" },
    { "from an integer cell", "numeric", (5 << 16 | 2) + 4, false, INT(7), "7.00" },
    { "too large", "numeric", (3 << 16 | 1) + 4, false, TEXT("99.95"), "!22003" },
    { "infinity", "numeric", (3 << 16 | 1) + 4, false, TEXT("Infinity"), "!22003" },
    { "NaN fits", "numeric", (3 << 16 | 1) + 4, false, TEXT("NaN"), "NaN" },
    { "timestamps round up a year", "timestamp", 0, false, TEXT("2000-12-31 23:59:59.5"), "2001-01-01 00:00:00" },
    { "halves away from 2000", "timestamp", 0, false, TEXT("1999-12-31 23:59:59.5"), "1999-12-31 23:59:59" },
    { "the last one does not", "timestamp", 0, false, TEXT("9999-12-31 23:59:59.5"), "!22008" },
    { "times round to 24:00", "time", 0, false, TEXT("23:59:59.9"), "24:00:00" },
    { "intervals are cut to their fields", "interval", 1032 << 16 | 65535, false, TEXT("1 day 02:03:04"),
      "1 day 02:00:00" },
    { "elements of arrays", "_varchar", 5, true, TEXT("[\"abc\",null,\"x\"]"), "[\"a\",null,\"x\"]" },
    { "one too long", "_varchar", 5, false, TEXT("[\"abc\"]"), "!22001" },
    { "no modifier, no change", "varchar", -1, false, TEXT("abc"), "abc" },
    { "a type without modifiers", "text", 5, false, TEXT("abc"), "abc" },
};

static void length_coercion(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < COUNT(coercions); i++) {
        struct value v = coercions[i].in;
        err_clear(&f->err);
        bool ok = type_apply_typmod(type_named(coercions[i].type)->oid, coercions[i].typmod, coercions[i].is_explicit,
                                    f->arena, &v, &f->err);
        if (ok != (coercions[i].want[0] != '!'))
            fail_msg("%s: %.*s", coercions[i].rule, STR_FMT(f->err.message));
        if (ok)
            assert_text(v.bytes, coercions[i].want);
        else
            assert_state(&f->err, coercions[i].want + 1);
    }
}

/* ---- settings */

static void settings_steer_the_output(void **state)
{
    struct fixture *f = *state;
    struct type_settings s = *type_settings_default();
    struct value t = value_text(STR("2024-07-01 12:00:00")), r = value_real(0.1 + 0.2), b = value_blob(STR("a\\\x01"));
    s.zone = zone_find(STR("europe/berlin"));
    s.date_style = DATE_STYLE_POSTGRES;
    s.bytea_output = BYTEA_OUTPUT_ESCAPE;
    s.extra_float_digits = 0;
    assert_true(type_encode(TYPE_OID_timestamptz, -1, WIRE_TEXT, &t, &s, f->arena, &f->out, &f->err));
    buf_add_char(&f->out, '|');
    assert_true(type_encode(TYPE_OID_float8, -1, WIRE_TEXT, &r, &s, f->arena, &f->out, &f->err));
    buf_add_char(&f->out, '|');
    assert_true(type_encode(TYPE_OID_bytea, -1, WIRE_TEXT, &b, &s, f->arena, &f->out, &f->err));
    assert_text(buf_str(&f->out), "Mon Jul 01 14:00:00 2024 CEST|0.3|a\\\\\\001");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(types_are_found_by_oid_and_name, setup, teardown),
        cmocka_unit_test_setup_teardown(rows_are_sorted_and_unique, setup, teardown),
        cmocka_unit_test_setup_teardown(values_have_their_storage_form, setup, teardown),
        cmocka_unit_test_setup_teardown(storage_survives_both_formats, setup, teardown),
        cmocka_unit_test_setup_teardown(cells_are_converted_when_exact, setup, teardown),
        cmocka_unit_test_setup_teardown(errors_name_the_cell, setup, teardown),
        cmocka_unit_test_setup_teardown(other_types_are_refused_by_name, setup, teardown),
        cmocka_unit_test_setup_teardown(text_only_types_have_no_binary, setup, teardown),
        cmocka_unit_test_setup_teardown(names_of_objects_are_not_resolved_here, setup, teardown),
        cmocka_unit_test_setup_teardown(dates_that_cannot_be_stored, setup, teardown),
        cmocka_unit_test_setup_teardown(lower_bounds_cannot_be_stored, setup, teardown),
        cmocka_unit_test_setup_teardown(binary_input_is_not_trusted, setup, teardown),
        cmocka_unit_test_setup_teardown(failure_leaves_the_output_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(every_allocation_may_fail, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_buffer_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(modifiers_are_postgresqls, setup, teardown),
        cmocka_unit_test_setup_teardown(length_coercion, setup, teardown),
        cmocka_unit_test_setup_teardown(settings_steer_the_output, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
