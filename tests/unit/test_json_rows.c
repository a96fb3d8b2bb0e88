/* test_json_rows.c - rows of an answer, whole and byte by byte; what is no answer. */
/* LINK pgd1_d1 pgd1_base */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <inttypes.h>
#include "d1/json_rows.h"

/* Each row is told as "result:cell,cell;": n, i1, r0.5, t<text>, b<hex>; U+0000 as "<0>". */
static const struct {
    const char *rule;
    unsigned depth;
    const char *in, *rows, *frame;
    enum json_rows_fault fault;
} cases[] = {
    { "no row", 4, "{\"results\":[{\"rows\":[]}]}", "", "{\"results\":[{\"rows\":[]}]}", 0 },
    { "rows of two results", 4,
      "{\"results\":[{\"rows\":[[1],[2]]},{\"rows\":[[3]],\"changes\":1}],\"bookmark\":\"b\"}", "0:i1;0:i2;1:i3;",
      "{\"results\":[{\"rows\":[]},{\"rows\":[],\"changes\":1}],\"bookmark\":\"b\"}", 0 },
    { "REST nests deeper", 5, "{\"result\":[{\"results\":{\"columns\":[\"rows\"],\"rows\":[[1]]},\"success\":true}]}",
      "0:i1;", "{\"result\":[{\"results\":{\"columns\":[\"rows\"],\"rows\":[]},\"success\":true}]}", 0 },
    { "rows at another depth are frame", 4, "{\"a\":[[{\"rows\":[[1]]}]],\"rows\":[[1]]}", "",
      "{\"a\":[[{\"rows\":[[1]]}]],\"rows\":[[1]]}", 0 },
    { "a value \"rows\" is no key", 4, "{\"results\":[{\"a\":\"rows\",\"b\":[[1]]}]}", "",
      "{\"results\":[{\"a\":\"rows\",\"b\":[[1]]}]}", 0 },
    { "another key after rows", 4, "{\"results\":[{\"rows\":[],\"x\":[[1]]}]}", "",
      "{\"results\":[{\"rows\":[],\"x\":[[1]]}]}", 0 },
    { "blanks", 4, " {\"results\" : [ {\"rows\" : [ [ 1 , null ] ,\n [ \"a\" ] ] } ] } ", "0:i1,n;0:ta;",
      " {\"results\" : [ {\"rows\" : [] } ] } ", 0 },
    { "a row without cells", 4, "{\"results\":[{\"rows\":[[],[ ]]}]}", "0:;0:;", NULL, 0 },
    { "integers below 2^53", 4,
      "{\"results\":[{\"rows\":[[0,-1,999999999999999,9007199254740991,-9007199254740991]]}]}",
      "0:i0,i-1,i999999999999999,i9007199254740991,i-9007199254740991;", NULL, 0 },
    { "beyond they are REAL", 4, "{\"results\":[{\"rows\":[[9007199254740992,9223372036854776000,1e300]]}]}",
      "0:r9007199254740992,r9.2233720368547758e+18,r1.0000000000000001e+300;", NULL, 0 },
    { "integral values with exponent", 4, "{\"results\":[{\"rows\":[[1e3,1.0,-2.5e1]]}]}", "0:i1000,i1,i-25;", NULL,
      0 },
    { "fractions", 4, "{\"results\":[{\"rows\":[[0.1,-0.5,5e-324,1.7976931348623157e308]]}]}",
      "0:r0.10000000000000001,r-0.5,r4.9406564584124654e-324,r1.7976931348623157e+308;", NULL, 0 },
    { "texts", 4,
      "{\"results\":[{\"rows\":[[\"\",\"a\\\"b\\\\c\\/\\b\\f\\n\\r\\t\",\"\\u00e9\\u20ac\\ud83d\\ude00\"]]}]}",
      "0:t,ta\"b\\c/\b\f\n\r\t,t\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80;", NULL, 0 },
    { "UTF-8 as it is", 4, "{\"results\":[{\"rows\":[[\"\xc3\xa9\xf0\x9f\x98\x80\"]]}]}",
      "0:t\xc3\xa9\xf0\x9f\x98\x80;", NULL, 0 },
    { "U+0000 stays in", 4, "{\"results\":[{\"rows\":[[\"a\\u0000b\"]]}]}", "0:ta<0>b;", NULL, 0 },
    { "brackets in a text", 4, "{\"results\":[{\"rows\":[[\"]}[{,\\\"]\"]]}]}", "0:t]}[{,\"];", NULL, 0 },
    { "blobs", 4, "{\"results\":[{\"rows\":[[[],[0,255, 16 ],[ ]]]}]}", "0:b,b00ff10,b;", NULL, 0 },
    { "an error's frame", 4, "{\"error\":{\"message\":\"bad JSON path: '>[[1]]': SQLITE_ERROR\"}}", "",
      "{\"error\":{\"message\":\"bad JSON path: '>[[1]]': SQLITE_ERROR\"}}", 0 },
    /* malformed */
    { "true is no cell", 4, "{\"results\":[{\"rows\":[[true]]}]}", "", NULL, JSON_ROWS_MALFORMED },
    { "an object is no cell", 4, "{\"results\":[{\"rows\":[[{}]]}]}", "", NULL, JSON_ROWS_MALFORMED },
    { "a row that is no list", 4, "{\"results\":[{\"rows\":[1]}]}", "", NULL, JSON_ROWS_MALFORMED },
    { "objects as rows", 4, "{\"results\":[{\"rows\":[{\"c0\":1}]}]}", "", NULL, JSON_ROWS_MALFORMED },
    { "no comma between rows", 4, "{\"results\":[{\"rows\":[[1][2]]}]}", "0:i1;", NULL, JSON_ROWS_MALFORMED },
    { "a comma too many", 4, "{\"results\":[{\"rows\":[[1],]}]}", "0:i1;", NULL, JSON_ROWS_MALFORMED },
    { "a comma first", 4, "{\"results\":[{\"rows\":[,[1]]}]}", "", NULL, JSON_ROWS_MALFORMED },
    { "two commas", 4, "{\"results\":[{\"rows\":[[1],,[2]]}]}", "0:i1;", NULL, JSON_ROWS_MALFORMED },
    { "no comma between cells", 4, "{\"results\":[{\"rows\":[[1 2]]}]}", "", NULL, JSON_ROWS_MALFORMED },
    { "a cell missing", 4, "{\"results\":[{\"rows\":[[1,]]}]}", "", NULL, JSON_ROWS_MALFORMED },
    { "wrong bracket", 4, "{\"results\":[{\"rows\":[[1}]}]}", "", NULL, JSON_ROWS_MALFORMED },
    { "a number with leading zero", 4, "{\"results\":[{\"rows\":[[01]]}]}", "", NULL, JSON_ROWS_MALFORMED },
    { "a lone minus", 4, "{\"results\":[{\"rows\":[[-]]}]}", "", NULL, JSON_ROWS_MALFORMED },
    { "a point without digits", 4, "{\"results\":[{\"rows\":[[1.]]}]}", "", NULL, JSON_ROWS_MALFORMED },
    { "an exponent without digits", 4, "{\"results\":[{\"rows\":[[1e]]}]}", "", NULL, JSON_ROWS_MALFORMED },
    { "an infinite number", 4, "{\"results\":[{\"rows\":[[1e999]]}]}", "", NULL, JSON_ROWS_MALFORMED },
    { "hexadecimal", 4, "{\"results\":[{\"rows\":[[0x10]]}]}", "", NULL, JSON_ROWS_MALFORMED },
    { "a byte out of range", 4, "{\"results\":[{\"rows\":[[[256]]]}]}", "", NULL, JSON_ROWS_MALFORMED },
    { "a text among bytes", 4, "{\"results\":[{\"rows\":[[[1,\"a\"]]]}]}", "", NULL, JSON_ROWS_MALFORMED },
    { "lists in a blob", 4, "{\"results\":[{\"rows\":[[[[1]]]]}]}", "", NULL, JSON_ROWS_MALFORMED },
    { "an unknown escape", 4, "{\"results\":[{\"rows\":[[\"\\x\"]]}]}", "", NULL, JSON_ROWS_MALFORMED },
    { "half a surrogate", 4, "{\"results\":[{\"rows\":[[\"\\ud83d\"]]}]}", "", NULL, JSON_ROWS_MALFORMED },
    { "the wrong half", 4, "{\"results\":[{\"rows\":[[\"\\ude00\\ud83d\"]]}]}", "", NULL, JSON_ROWS_MALFORMED },
    { "half an escape", 4, "{\"results\":[{\"rows\":[[\"\\u00\"]]}]}", "", NULL, JSON_ROWS_MALFORMED },
    { "a raw control character", 4, "{\"results\":[{\"rows\":[[\"\n\"]]}]}", "", NULL, JSON_ROWS_MALFORMED },
    { "not UTF-8", 4, "{\"results\":[{\"rows\":[[\"\xff\"]]}]}", "", NULL, JSON_ROWS_MALFORMED },
    { "overlong UTF-8", 4, "{\"results\":[{\"rows\":[[\"\xc0\x80\"]]}]}", "", NULL, JSON_ROWS_MALFORMED },
    { "brackets of the frame", 4, "{\"results\":[}", "", NULL, JSON_ROWS_MALFORMED },
    { "closing nothing", 4, "]", "", NULL, JSON_ROWS_MALFORMED },
    { "another answer behind", 4, "{} {", "", NULL, JSON_ROWS_MALFORMED },
    { "blanks behind", 4, "{}\n ", "", "{}\n ", 0 },
    { "a frame nested beyond all reason", 4, "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "", NULL, JSON_ROWS_MALFORMED },
};

static void tell_cell(struct buf *out, const struct value *v)
{
    static const char letters[] = "nirtb";
    buf_add_char(out, letters[v->class]);
    if (v->class == VALUE_INTEGER)
        buf_printf(out, "%" PRId64, v->integer);
    if (v->class == VALUE_REAL)
        buf_printf(out, "%.17g", v->real);
    for (size_t i = 0; v->class >= VALUE_TEXT && i < v->bytes.n; i++) {
        if (v->class == VALUE_BLOB)
            buf_printf(out, "%02x", (unsigned char)v->bytes.p[i]);
        else if (v->bytes.p[i])
            buf_add_char(out, v->bytes.p[i]);
        else
            buf_add_str(out, STR("<0>"));
    }
}

static void tell_row(struct buf *out, const struct json_rows *j)
{
    buf_printf(out, "%zu:", j->result);
    for (size_t i = 0; i < j->n_cells; i++) {
        if (i)
            buf_add_char(out, ',');
        tell_cell(out, &j->cells[i]);
    }
    buf_add_char(out, ';');
}

/* Feeds the text in pieces of `step` bytes, each in memory of its own so that a read beyond it is seen. */
static void feed(struct json_rows *j, struct str in, size_t step, struct buf *out)
{
    for (size_t at = 0; at < in.n && !j->fault; at += step) {
        size_t n = in.n - at < step ? in.n - at : step;
        char *copy = malloc(n);
        assert_non_null(copy);
        memcpy(copy, in.p + at, n);
        struct str piece = { copy, n };
        enum json_rows_event event;
        while ((event = json_rows_feed(j, &piece)) == JSON_ROWS_ROW)
            tell_row(out, j);
        assert_int_equal(event, j->fault ? JSON_ROWS_BAD : JSON_ROWS_MORE);
        free(copy);
    }
}

static void run_case(size_t i, size_t step)
{
    struct json_rows j;
    struct buf out;
    json_rows_init(&j, cases[i].depth, 1000, 1000);
    buf_init(&out, 10000);
    feed(&j, str_from(cases[i].in), step, &out);
    if (!str_is(buf_str(&out), cases[i].rows) || j.fault != cases[i].fault)
        fail_msg("%s, steps of %zu: rows %.*s, fault %d (%s)", cases[i].rule, step, STR_FMT(buf_str(&out)), j.fault,
                 j.reason ? j.reason : "");
    if (cases[i].frame)
        assert_string_equal(json_rows_frame(&j).p, cases[i].frame);
    buf_fini(&out);
    json_rows_fini(&j);
}

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        for (size_t step = 1; step < 9; step++)
            run_case(i, step == 8 ? 10000 : step);
}

static void test_caps(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        size_t max_row, max_frame;
        enum json_rows_fault fault;
    } caps[] = {
        { "{\"results\":[{\"rows\":[[\"abcdef\"]]}]}", 10, 100, 0 },
        { "{\"results\":[{\"rows\":[[\"abcdefg\"]]}]}", 10, 100, JSON_ROWS_TOO_BIG },
        { "{\"results\":[{\"rows\":[[1]]}]}", 10, 25, 0 },
        { "{\"results\":[{\"rows\":[[1]],\"bookmark\":\"abc\"}]}", 10, 25, JSON_ROWS_TOO_BIG },
    };
    for (size_t i = 0; i < sizeof(caps) / sizeof(*caps); i++) {
        struct json_rows j;
        struct buf out;
        json_rows_init(&j, 4, caps[i].max_row, caps[i].max_frame);
        buf_init(&out, 1000);
        feed(&j, str_from(caps[i].in), 3, &out);
        assert_int_equal(j.fault, caps[i].fault);
        buf_fini(&out);
        json_rows_fini(&j);
    }
}

static void test_too_many_cells(void **state)
{
    (void)state;
    for (int extra = 0; extra < 2; extra++) {
        struct json_rows j;
        struct buf in, out;
        json_rows_init(&j, 4, 100000, 1000);
        buf_init(&in, 100000);
        buf_init(&out, 100000);
        buf_add_str(&in, STR("{\"results\":[{\"rows\":[[0"));
        for (int i = 1; i < JSON_ROWS_MAX_CELLS + extra; i++)
            buf_add_str(&in, STR(",0"));
        buf_add_str(&in, STR("]]}]}"));
        feed(&j, buf_str(&in), in.n, &out);
        assert_int_equal(j.fault, extra ? JSON_ROWS_TOO_BIG : JSON_ROWS_OK);
        buf_fini(&in);
        buf_fini(&out);
        json_rows_fini(&j);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_caps),
        cmocka_unit_test(test_too_many_cells),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
