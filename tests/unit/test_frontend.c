/* test_frontend.c - decoders of what a client sends: good messages field by field, bad ones with PostgreSQL's words. */
/* LINK pgd1_pgwire pgd1_base */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "pgwire/frame.h"
#include "pgwire/frontend.h"

/* Reads a body as the message of a tag; the fields are looked at by the tests of each message. */
static bool read_as(char tag, struct str body, struct err *e)
{
    union {
        struct query_msg query;
        struct parse_msg parse;
        struct bind_msg bind;
        struct target_msg target;
        struct execute_msg execute;
        struct function_call_msg call;
        struct sasl_initial_msg sasl;
        struct str bytes;
    } m;
    switch (tag) {
    case 'Q':
        return query_read(body, &m.query, e);
    case 'P':
        return parse_read(body, &m.parse, e);
    case 'B':
        return bind_read(body, &m.bind, e);
    case 'D':
        return describe_read(body, &m.target, e);
    case 'C':
        return close_read(body, &m.target, e);
    case 'E':
        return execute_read(body, &m.execute, e);
    case 'F':
        return function_call_read(body, &m.call, e);
    case 'f':
        return copy_fail_read(body, &m.bytes, e);
    case 'd':
        return copy_data_read(body, &m.bytes, e);
    case 'p':
        return password_read(body, &m.bytes, e);
    case 'i': /* not a tag: SASLInitialResponse travels as 'p' */
        return sasl_initial_read(body, &m.sasl, e);
    default:
        return empty_read(body, e);
    }
}

#define SHORT "insufficient data left in message"
#define STRING "invalid string in message"
#define LEFTOVER "invalid message format"

static const struct {
    const char *rule;
    char tag;
    struct str body;
    const char *message; /* NULL: good */
} cases[] = {
    { "a query", 'Q', STR_INIT("SELECT 1\0"), NULL },
    { "an empty query", 'Q', STR_INIT("\0"), NULL },
    { "a query without NUL", 'Q', STR_INIT("SELECT 1"), STRING },
    { "a query with a NUL inside", 'Q', STR_INIT("SELECT\0 1\0"), LEFTOVER },
    { "no body at all", 'Q', STR_INIT(""), STRING },
    { "a parse", 'P', STR_INIT("s\0SELECT $1\0\0\x01\0\0\0\x17"), NULL },
    { "a parse with fewer types than it counts", 'P', STR_INIT("s\0SELECT $1\0\0\x02\0\0\0\x17"), SHORT },
    { "a parse that counts 65,535 types", 'P', STR_INIT("s\0SELECT $1\0\xff\xff\0\0\0\x17"), SHORT },
    { "a parse without a count", 'P', STR_INIT("s\0SELECT 1\0"), SHORT },
    { "a parse with bytes left over", 'P', STR_INIT("s\0SELECT 1\0\0\0x"), LEFTOVER },
    { "a bind of nothing", 'B', STR_INIT("\0\0\0\0\0\0\0\0"), NULL },
    { "a bind with all fields", 'B', STR_INIT("p\0s\0\0\x01\0\x01\0\x02\0\0\0\x01x\xff\xff\xff\xff\0\x01\0\0"), NULL },
    { "a bind with a format each", 'B', STR_INIT("\0\0\0\x02\0\0\0\x01\0\x02\0\0\0\0\0\0\0\0\0\0"), NULL },
    { "a bind with two formats for one parameter", 'B', STR_INIT("\0\0\0\x02\0\0\0\x01\0\x01\0\0\0\0\0\0"),
      "bind message has 2 parameter formats but 1 parameters" },
    { "a bind with format 2", 'B', STR_INIT("\0\0\0\x01\0\x02\0\0\0\0"), "unsupported format code: 2" },
    { "a bind with result format -1", 'B', STR_INIT("\0\0\0\0\0\0\0\x01\xff\xff"), "unsupported format code: -1" },
    { "a bind with a negative length", 'B', STR_INIT("\0\0\0\0\0\x01\xff\xff\xff\xfe\0\0"), SHORT },
    { "a bind with a length that lies", 'B', STR_INIT("\0\0\0\0\0\x01\x7f\xff\xff\xff\0\0"), SHORT },
    { "a bind that counts 65,535 parameters", 'B', STR_INIT("\0\0\0\0\xff\xff\0\0"), SHORT },
    { "a bind without result formats", 'B', STR_INIT("\0\0\0\0\0\0"), SHORT },
    { "a bind with bytes left over", 'B', STR_INIT("\0\0\0\0\0\0\0\0\0"), LEFTOVER },
    { "describe a statement", 'D', STR_INIT("Sname\0"), NULL },
    { "describe a portal", 'D', STR_INIT("P\0"), NULL },
    { "describe something else", 'D', STR_INIT("Xname\0"), "invalid DESCRIBE message subtype 88" },
    { "close something else", 'C', STR_INIT("\0name\0"), "invalid CLOSE message subtype 0" },
    { "close a statement", 'C', STR_INIT("S\0"), NULL },
    { "close without a name", 'C', STR_INIT("S"), STRING },
    { "execute", 'E', STR_INIT("\0\0\0\0\0"), NULL },
    { "execute without a count", 'E', STR_INIT("\0\0\0\0"), SHORT },
    { "a function call", 'F', STR_INIT("\0\0\0\x64\0\x01\0\x01\0\x01\0\0\0\x04\0\0\0\x05\0\x01"), NULL },
    { "a function call with too many formats", 'F', STR_INIT("\0\0\0\x64\0\x02\0\0\0\0\0\x01\0\0\0\0\0\0"),
      "function call message contains 2 argument formats but 1 arguments" },
    { "a function call with result format 9", 'F', STR_INIT("\0\0\0\x64\0\0\0\0\0\x09"), "unsupported format code: 9" },
    { "a function call cut short", 'F', STR_INIT("\0\0\0\x64\0\0\0\0"), SHORT },
    { "a password", 'p', STR_INIT("secret\0"), NULL },
    { "a password without NUL", 'p', STR_INIT("secret"), "invalid password packet size" },
    { "a password with more behind", 'p', STR_INIT("secret\0x"), "invalid password packet size" },
    { "SASL initial response", 'i', STR_INIT("SCRAM-SHA-256\0\0\0\0\x03n,,"), NULL },
    { "SASL without initial data", 'i', STR_INIT("SCRAM-SHA-256\0\xff\xff\xff\xff"), NULL },
    { "SASL data shorter than said", 'i', STR_INIT("SCRAM-SHA-256\0\0\0\0\x04n,,"), SHORT },
    { "SASL data longer than said", 'i', STR_INIT("SCRAM-SHA-256\0\0\0\0\x02n,,"), LEFTOVER },
    { "copy data is any bytes", 'd', STR_INIT("\0\xff\n"), NULL },
    { "copy fail", 'f', STR_INIT("why\0"), NULL },
    { "copy fail without NUL", 'f', STR_INIT("why"), STRING },
    { "sync is empty", 'S', STR_INIT(""), NULL },
    { "sync with something in it", 'S', STR_INIT("\0"), LEFTOVER },
    { "copy done with something in it", 'c', STR_INIT("x"), LEFTOVER },
};

static void the_table_holds(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        AUTO(arena) arena = arena_new(4096);
        struct err e;
        err_init(&e, arena);
        if (read_as(cases[i].tag, cases[i].body, &e) != (cases[i].message == NULL))
            fail_msg("%s", cases[i].rule);
        if (!cases[i].message)
            continue;
        bool is_format = strncmp(cases[i].message, "unsupported format", 18) == 0;
        assert_int_equal(e.code, is_format ? SQLSTATE_INVALID_PARAMETER_VALUE : SQLSTATE_PROTOCOL_VIOLATION);
        assert_true(str_is(e.message, cases[i].message));
    }
}

/* Each good message through the framer a byte more each time, and its body cut at every byte: never accepted. */
static void every_cut_is_refused(void **state)
{
    (void)state;
    struct frame_limits limits = frame_limits_default(1000);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (cases[i].message)
            continue;
        AUTO(arena) arena = arena_new(65536);
        struct buf b;
        struct frame f;
        struct err e;
        err_init(&e, arena);
        buf_init(&b, 1000);
        char tag = cases[i].tag == 'i' ? 'p' : cases[i].tag;
        enum phase phase = tag == 'p' ? PHASE_AUTH : PHASE_READY;
        size_t mark = wr_begin(&b, tag);
        buf_add_str(&b, cases[i].body);
        wr_end(&b, mark);
        for (size_t n = 0; n < b.n; n++)
            assert_int_equal(frame_next((struct str){ b.p, n }, phase, &limits, &f, &e), FRAME_MORE);
        assert_int_equal(frame_next(buf_str(&b), phase, &limits, &f, &e), FRAME_OK);
        assert_true(read_as(cases[i].tag, f.body, &e));
        for (size_t n = 0; n < f.body.n && tag != 'd'; n++) {
            char *copy = arena_alloc(arena, n);
            memcpy(copy, f.body.p, n);
            struct err cut;
            err_init(&cut, arena);
            if (read_as(cases[i].tag, (struct str){ copy, n }, &cut))
                fail_msg("%s: cut to %zu bytes", cases[i].rule, n);
        }
        buf_fini(&b);
    }
}

static struct err no_error(struct arena *arena)
{
    struct err e;
    err_init(&e, arena);
    return e;
}

static void parse_gives_its_types(void **state)
{
    (void)state;
    AUTO(arena) arena = arena_new(4096);
    struct err e = no_error(arena);
    struct parse_msg m;
    assert_true(parse_read(STR("stmt\0SELECT $1,$2\0\0\x02\0\0\0\x17\xff\xff\xff\xff"), &m, &e));
    assert_true(str_is(m.name, "stmt"));
    assert_true(str_is(m.sql, "SELECT $1,$2"));
    assert_int_equal(m.n_types, 2);
    assert_int_equal(parse_type(&m, 0), 23);
    assert_int_equal(parse_type(&m, 1), UINT32_MAX);
}

static void bind_gives_its_parameters(void **state)
{
    (void)state;
    AUTO(arena) arena = arena_new(4096);
    struct err e = no_error(arena);
    struct bind_msg m;
    assert_true(
        bind_read(STR("p\0s\0\0\x03\0\x01\0\0\0\x01\0\x03\0\0\0\x02hi\xff\xff\xff\xff\0\0\0\0\0\x01\0\x01"), &m, &e));
    assert_true(str_is(m.portal, "p"));
    assert_true(str_is(m.statement, "s"));
    assert_int_equal(m.n_params, 3);
    assert_int_equal(format_list_at(&m.formats, 0), WIRE_BINARY);
    assert_int_equal(format_list_at(&m.formats, 1), WIRE_TEXT);
    assert_int_equal(format_list_at(&m.formats, 2), WIRE_BINARY);
    struct rd at = rd_from(m.params);
    assert_true(str_is(bind_param(&at), "hi"));
    assert_null(bind_param(&at).p);
    struct str empty = bind_param(&at);
    assert_non_null(empty.p);
    assert_int_equal(empty.n, 0);
    assert_true(rd_done(&at));
    assert_int_equal(format_list_at(&m.results, 0), WIRE_BINARY); /* one code is for all */
    assert_int_equal(format_list_at(&m.results, 41), WIRE_BINARY);
}

static void no_format_codes_mean_text(void **state)
{
    (void)state;
    struct format_list none = { 0, NULL };
    assert_int_equal(format_list_at(&none, 0), WIRE_TEXT);
    assert_int_equal(format_list_at(&none, 7), WIRE_TEXT);
}

static void bind_takes_65535_parameters(void **state)
{
    (void)state;
    AUTO(arena) arena = arena_new(4096);
    struct err e = no_error(arena);
    struct buf b;
    struct bind_msg m;
    buf_init(&b, 1 << 20);
    wr_cstr(&b, STR(""));
    wr_cstr(&b, STR(""));
    wr_u16(&b, 0);
    wr_u16(&b, UINT16_MAX);
    for (int i = 0; i < UINT16_MAX; i++)
        wr_cell_null(&b);
    wr_u16(&b, 0);
    assert_true(bind_read(buf_str(&b), &m, &e));
    assert_int_equal(m.n_params, UINT16_MAX);
    assert_int_equal(m.params.n, 4 * UINT16_MAX);
    buf_fini(&b);
}

static void targets_and_execute(void **state)
{
    (void)state;
    AUTO(arena) arena = arena_new(4096);
    struct err e = no_error(arena);
    struct target_msg t;
    struct execute_msg x;
    assert_true(describe_read(STR("Pc1\0"), &t, &e));
    assert_true(t.is_portal && str_is(t.name, "c1"));
    assert_true(close_read(STR("Ss1\0"), &t, &e));
    assert_true(!t.is_portal && str_is(t.name, "s1"));
    assert_true(execute_read(STR("c1\0\0\0\0\x0a"), &x, &e));
    assert_true(str_is(x.portal, "c1"));
    assert_int_equal(x.max_rows, 10);
    assert_true(execute_read(STR("\0\xff\xff\xff\xff"), &x, &e));
    assert_int_equal(x.max_rows, -1);
}

static void function_calls_give_their_arguments(void **state)
{
    (void)state;
    AUTO(arena) arena = arena_new(4096);
    struct err e = no_error(arena);
    struct function_call_msg m;
    assert_true(function_call_read(STR("\0\0\x04\xd2\0\0\0\x02\0\0\0\x01x\xff\xff\xff\xff\0\x01"), &m, &e));
    assert_int_equal(m.function, 1234);
    assert_int_equal(m.n_args, 2);
    assert_int_equal(m.result, WIRE_BINARY);
    struct rd at = rd_from(m.args);
    assert_true(str_is(bind_param(&at), "x"));
    assert_null(bind_param(&at).p);
}

static void sasl_tells_no_data_from_empty(void **state)
{
    (void)state;
    AUTO(arena) arena = arena_new(4096);
    struct err e = no_error(arena);
    struct sasl_initial_msg m;
    struct str s;
    assert_true(sasl_initial_read(STR("X\0\xff\xff\xff\xff"), &m, &e));
    assert_true(str_is(m.mechanism, "X") && !m.has_data);
    assert_true(sasl_initial_read(STR("X\0\0\0\0\0"), &m, &e));
    assert_true(m.has_data && m.data.n == 0);
    assert_true(sasl_response_read(STR("c=biws"), &s, &e));
    assert_true(str_is(s, "c=biws"));
    assert_true(password_read(STR("pw\0"), &s, &e));
    assert_true(str_is(s, "pw"));
    assert_true(copy_fail_read(STR("reason\0"), &s, &e));
    assert_true(str_is(s, "reason"));
    assert_true(copy_data_read(STR("1\t2\n"), &s, &e));
    assert_true(str_is(s, "1\t2\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_holds),
        cmocka_unit_test(every_cut_is_refused),
        cmocka_unit_test(parse_gives_its_types),
        cmocka_unit_test(bind_gives_its_parameters),
        cmocka_unit_test(no_format_codes_mean_text),
        cmocka_unit_test(bind_takes_65535_parameters),
        cmocka_unit_test(targets_and_execute),
        cmocka_unit_test(function_calls_give_their_arguments),
        cmocka_unit_test(sasl_tells_no_data_from_empty),
    };
    return cmocka_run_group_tests_name("frontend", tests, NULL, NULL);
}
