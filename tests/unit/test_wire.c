/* test_wire.c - the cursors: what does not fit fails once and for all, what is written reads back. */
/* LINK pgd1_pgwire pgd1_base */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "pgwire/wire.h"
#include "proxy/base/fault.h"

#define BYTES(lit) ((struct str){ "" lit, sizeof(lit) - 1 })

static void integers_are_big_endian(void **state)
{
    (void)state;
    struct rd r = rd_from(BYTES("\x01\x02\x03\x04\x05\x06\x07\xff\xfe\x80\x00\x00\x00\x00\x00\x00\x01"));
    assert_int_equal(rd_u8(&r), 1);
    assert_int_equal(rd_u16(&r), 0x0203);
    assert_int_equal(rd_u32(&r), 0x04050607);
    assert_int_equal(rd_i16(&r), -2);
    assert_true(rd_i64(&r) == INT64_MIN + 1);
    assert_true(rd_done(&r));
}

static void a_short_read_sticks(void **state)
{
    (void)state;
    struct rd r = rd_from(BYTES("\x01\x02\x03"));
    assert_int_equal(rd_u32(&r), 0);
    assert_true(r.bad);
    assert_string_equal(r.why, "insufficient data left in message");
    assert_int_equal(rd_u8(&r), 0); /* three bytes were there, but the cursor has failed */
    assert_null(rd_take(&r, 0).p);
    assert_null(rd_cstr(&r).p);
    assert_string_equal(r.why, "insufficient data left in message");
    assert_false(rd_done(&r));
}

static void every_read_fails_on_an_empty_message(void **state)
{
    (void)state;
    for (int i = 0; i < 7; i++) {
        struct rd r = rd_from((struct str){ 0 });
        switch (i) {
        case 0:
            rd_u8(&r);
            break;
        case 1:
            rd_u16(&r);
            break;
        case 2:
            rd_u32(&r);
            break;
        case 3:
            rd_u64(&r);
            break;
        case 4:
            rd_cstr(&r);
            break;
        case 5:
            rd_take(&r, 1);
            break;
        case 6:
            rd_cell(&r);
            break;
        }
        assert_true(r.bad);
    }
    struct rd r = rd_from((struct str){ 0 });
    assert_non_null(rd_rest(&r).p);
    assert_true(rd_done(&r));
}

static void strings_end_with_nul(void **state)
{
    (void)state;
    struct rd r = rd_from(BYTES("abc\0\0x"));
    assert_true(str_is(rd_cstr(&r), "abc"));
    struct str empty = rd_cstr(&r);
    assert_non_null(empty.p);
    assert_int_equal(empty.n, 0);
    assert_null(rd_cstr(&r).p);
    assert_string_equal(r.why, "invalid string in message");
}

static void leftover_bytes_are_a_fault(void **state)
{
    (void)state;
    struct rd r = rd_from(BYTES("\x01\x02"));
    rd_u8(&r);
    assert_false(rd_done(&r));
    assert_string_equal(r.why, "invalid message format");
}

static void cells_tell_null_from_empty(void **state)
{
    (void)state;
    struct rd r = rd_from(BYTES("\xff\xff\xff\xff\0\0\0\0\0\0\0\x02hi"));
    assert_null(rd_cell(&r).p);
    struct str empty = rd_cell(&r);
    assert_non_null(empty.p);
    assert_int_equal(empty.n, 0);
    assert_true(str_is(rd_cell(&r), "hi"));
    assert_true(rd_done(&r));
}

static void a_cell_length_that_lies_fails(void **state)
{
    (void)state;
    static const struct str lies[] = { STR_INIT("\0\0\0\x03hi"), STR_INIT("\xff\xff\xff\xfe"), STR_INIT("\x80\0\0\0"),
                                       STR_INIT("\x7f\xff\xff\xff"), STR_INIT("\0\0") };
    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        struct rd r = rd_from(lies[i]);
        assert_null(rd_cell(&r).p);
        assert_true(r.bad);
    }
}

static void errors_carry_the_reason(void **state)
{
    (void)state;
    AUTO(arena) arena = arena_new(4096);
    struct err e;
    err_init(&e, arena);
    struct rd r = rd_from(BYTES("\x01"));
    rd_u16(&r);
    assert_false(rd_error(&r, &e));
    assert_int_equal(e.code, SQLSTATE_PROTOCOL_VIOLATION);
    assert_true(str_is(e.message, "insufficient data left in message"));
}

static void bad_utf8_is_shown_byte_by_byte(void **state)
{
    (void)state;
    static const struct {
        struct str text;
        const char *shown; /* NULL: well formed */
    } cases[] = {
        { STR_INIT("plain"), NULL },
        { STR_INIT("\xc3\xa9\xf0\x9f\x90\x98"), NULL },
        { STR_INIT("a\xff"), "0xff" },
        { STR_INIT("\xc3(x"), "0xc3 0x28" },
        { STR_INIT("x\xe2\x82"), "0xe2 0x82" },
        { STR_INIT("\xf0\x82\x82\xac"), "0xf0 0x82 0x82 0xac" },
        { STR_INIT("\xed\xa0\x80"), "0xed 0xa0 0x80" },
        { STR_INIT("a\0b"), "0x00" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        AUTO(arena) arena = arena_new(4096);
        struct err e;
        err_init(&e, arena);
        assert_int_equal(wire_check_utf8(cases[i].text, cases[i].text, &e), cases[i].shown == NULL);
        if (!cases[i].shown)
            continue;
        assert_int_equal(e.code, SQLSTATE_CHARACTER_NOT_IN_REPERTOIRE);
        char want[128];
        snprintf(want, sizeof(want), "invalid byte sequence for encoding \"UTF8\": %s", cases[i].shown);
        assert_true(str_is(e.message, want));
    }
}

static void what_is_written_reads_back(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1000);
    size_t mark = wr_begin(&b, 'T');
    wr_u8(&b, 0xAB);
    wr_u16(&b, 0xCDEF);
    wr_u64(&b, UINT64_C(0x0102030405060708));
    wr_cstr(&b, STR("name"));
    wr_cell(&b, STR("cell"));
    wr_cell_null(&b);
    size_t cell = wr_cell_begin(&b);
    buf_add_str(&b, STR("xyz"));
    wr_cell_end(&b, cell);
    wr_end(&b, mark);
    struct rd r = rd_from(buf_str(&b));
    assert_int_equal(rd_u8(&r), 'T');
    assert_int_equal(rd_u32(&r), b.n - 1);
    assert_int_equal(rd_u8(&r), 0xAB);
    assert_int_equal(rd_u16(&r), 0xCDEF);
    assert_true(rd_u64(&r) == UINT64_C(0x0102030405060708));
    assert_true(str_is(rd_cstr(&r), "name"));
    assert_true(str_is(rd_cell(&r), "cell"));
    assert_null(rd_cell(&r).p);
    assert_true(str_is(rd_cell(&r), "xyz"));
    assert_true(rd_done(&r));
    buf_fini(&b);
}

static void a_nul_inside_a_string_cuts_it(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 100);
    wr_cstr(&b, BYTES("ab\0cd"));
    assert_true(str_eq(buf_str(&b), BYTES("ab\0")));
    buf_fini(&b);
}

static void a_full_buf_stays_failed(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 8);
    size_t mark = wr_begin(&b, 'D');
    wr_u64(&b, 1);
    assert_true(b.failed);
    wr_u8(&b, 1);
    wr_cell(&b, STR("x"));
    wr_end(&b, mark);
    assert_true(b.failed);
    buf_fini(&b);
}

static void without_memory_writers_fail_quietly(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1000);
    fault_after(0);
    size_t mark = wr_begin(&b, 'D');
    wr_cell(&b, STR("x"));
    wr_end(&b, mark);
    fault_after(-1);
    assert_true(b.failed);
    assert_int_equal(b.n, 0);
    buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_are_big_endian),
        cmocka_unit_test(a_short_read_sticks),
        cmocka_unit_test(every_read_fails_on_an_empty_message),
        cmocka_unit_test(strings_end_with_nul),
        cmocka_unit_test(leftover_bytes_are_a_fault),
        cmocka_unit_test(cells_tell_null_from_empty),
        cmocka_unit_test(a_cell_length_that_lies_fails),
        cmocka_unit_test(errors_carry_the_reason),
        cmocka_unit_test(bad_utf8_is_shown_byte_by_byte),
        cmocka_unit_test(what_is_written_reads_back),
        cmocka_unit_test(a_nul_inside_a_string_cuts_it),
        cmocka_unit_test(a_full_buf_stays_failed),
        cmocka_unit_test(without_memory_writers_fail_quietly),
    };
    return cmocka_run_group_tests_name("wire", tests, NULL, NULL);
}
