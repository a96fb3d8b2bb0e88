/* test_backend.c - what we send, byte for byte. */
/* LINK pgd1_pgwire pgd1_base */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "pgwire/backend.h"
#include "proxy/base/fault.h"

static void auth_ok(struct buf *b)
{
    backend_auth_ok(b);
}

static void auth_cleartext(struct buf *b)
{
    backend_auth_cleartext(b);
}

static void auth_sasl(struct buf *b)
{
    const struct str mechanisms[] = { STR("SCRAM-SHA-256-PLUS"), STR("SCRAM-SHA-256") };
    backend_auth_sasl(b, mechanisms, 2);
}

static void auth_sasl_continue(struct buf *b)
{
    backend_auth_sasl_continue(b, STR("r=x"));
}

static void auth_sasl_final(struct buf *b)
{
    backend_auth_sasl_final(b, STR("v=y"));
}

static void key_data(struct buf *b)
{
    backend_key_data(b, 258, STR("KEY!"));
}

static void key_data_long(struct buf *b)
{
    backend_key_data(b, 1, STR("0123456789abcdef0123456789abcdef"));
}

static void parameter_status(struct buf *b)
{
    backend_parameter_status(b, STR("TimeZone"), STR("UTC"));
}

static void ready(struct buf *b)
{
    backend_ready_for_query(b, TRANSACTION_IDLE);
    backend_ready_for_query(b, TRANSACTION_OPEN);
    backend_ready_for_query(b, TRANSACTION_FAILED);
}

static void command_complete(struct buf *b)
{
    backend_command_complete(b, STR("SELECT 3"));
}

static void empties(struct buf *b)
{
    backend_empty_query(b);
    backend_parse_complete(b);
    backend_bind_complete(b);
    backend_close_complete(b);
    backend_no_data(b);
    backend_portal_suspended(b);
    backend_copy_done(b);
}

static void parameter_description(struct buf *b)
{
    const oid_t types[] = { 23, 25 };
    backend_parameter_description(b, types, 2);
}

static void notification(struct buf *b)
{
    backend_notification(b, 7, STR("channel"), STR("payload"));
}

static void function_call(struct buf *b)
{
    backend_function_call_response(b, STR("x"));
    backend_function_call_response(b, STR(""));
    backend_function_call_response(b, (struct str){ 0 });
}

static void row_description(struct buf *b)
{
    const struct column_description columns[] = {
        { STR("id"), 16384, 1, 23, 4, -1, WIRE_BINARY },
        { STR("?column?"), 0, 0, 25, -1, 14, WIRE_TEXT },
    };
    backend_row_description(b, columns, 2);
}

static void data_row(struct buf *b)
{
    struct row_writer w;
    row_begin(&w, b);
    row_cell(&w, STR("1"));
    row_null(&w);
    row_cell_begin(&w);
    buf_add_str(b, STR("abc"));
    row_cell_end(&w);
    row_cell(&w, STR(""));
    row_end(&w);
}

static void data_row_of_nothing(struct buf *b)
{
    struct row_writer w;
    row_begin(&w, b);
    row_end(&w);
}

static void data_row_abandoned(struct buf *b)
{
    struct row_writer w;
    backend_bind_complete(b);
    row_begin(&w, b);
    row_cell(&w, STR("1"));
    row_cell_begin(&w);
    buf_add_str(b, STR("half"));
    row_abandon(&w);
}

static void copy_responses(struct buf *b)
{
    backend_copy_in(b, WIRE_TEXT, 2);
    backend_copy_out(b, WIRE_BINARY, 1);
}

static void copy_data(struct buf *b)
{
    backend_copy_data(b, STR("1\n"));
    size_t mark = backend_copy_data_begin(b);
    buf_add_str(b, STR("22\n"));
    backend_copy_data_end(b, mark);
}

static void report_least(struct buf *b)
{
    struct err e = { .code = SQLSTATE_SYNTAX_ERROR, .message = STR("no") };
    backend_report(b, SEVERITY_ERROR, &e, NULL);
}

static void report_everything(struct buf *b)
{
    struct err e = { .code = SQLSTATE_UNIQUE_VIOLATION,
                     .message = STR("m"),
                     .detail = STR("d"),
                     .hint = STR("h"),
                     .context = STR("w"),
                     .schema = STR("sc"),
                     .table = STR("tb"),
                     .column = STR("co"),
                     .datatype = STR("dt"),
                     .constraint = STR("cn"),
                     .position = 42 };
    backend_report(b, SEVERITY_FATAL, &e, &(struct source_place){ "f.c", "r", 9 });
}

static void report_notice(struct buf *b)
{
    struct err e = { .code = SQLSTATE_WARNING, .message = STR("careful") };
    backend_report(b, SEVERITY_WARNING, &e, NULL);
}

static const struct {
    const char *rule;
    void (*write)(struct buf *b);
    struct str want;
} cases[] = {
    { "AuthenticationOk", auth_ok, STR_INIT("R\0\0\0\x08\0\0\0\0") },
    { "AuthenticationCleartextPassword", auth_cleartext, STR_INIT("R\0\0\0\x08\0\0\0\x03") },
    { "AuthenticationSASL", auth_sasl, STR_INIT("R\0\0\0\x2a\0\0\0\x0aSCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0") },
    { "AuthenticationSASLContinue", auth_sasl_continue, STR_INIT("R\0\0\0\x0b\0\0\0\x0br=x") },
    { "AuthenticationSASLFinal", auth_sasl_final, STR_INIT("R\0\0\0\x0b\0\0\0\x0cv=y") },
    { "BackendKeyData 3.0", key_data, STR_INIT("K\0\0\0\x0c\0\0\x01\x02KEY!") },
    { "BackendKeyData 3.2", key_data_long,
      STR_INIT("K\0\0\0\x28\0\0\0\x01"
               "0123456789abcdef0123456789abcdef") },
    { "ParameterStatus", parameter_status, STR_INIT("S\0\0\0\x11TimeZone\0UTC\0") },
    { "ReadyForQuery", ready,
      STR_INIT("Z\0\0\0\x05IZ\0\0\0\x05TZ\0\0\0\x05"
               "E") },
    { "CommandComplete", command_complete, STR_INIT("C\0\0\0\x0dSELECT 3\0") },
    { "messages without a body", empties,
      STR_INIT("I\0\0\0\x04"
               "1\0\0\0\x04"
               "2\0\0\0\x04"
               "3\0\0\0\x04n\0\0\0\x04s\0\0\0\x04"
               "c\0\0\0\x04") },
    { "ParameterDescription", parameter_description, STR_INIT("t\0\0\0\x0e\0\x02\0\0\0\x17\0\0\0\x19") },
    { "NotificationResponse", notification,
      STR_INIT("A\0\0\0\x18\0\0\0\x07"
               "channel\0payload\0") },
    { "FunctionCallResponse", function_call,
      STR_INIT("V\0\0\0\x09\0\0\0\x01xV\0\0\0\x08\0\0\0\0V\0\0\0\x08\xff\xff\xff\xff") },
    { "RowDescription", row_description,
      STR_INIT("T\0\0\0\x36\0\x02id\0\0\0\x40\0\0\x01\0\0\0\x17\0\x04\xff\xff\xff\xff\0\x01"
               "?column?\0\0\0\0\0\0\0\0\0\0\x19\xff\xff\0\0\0\x0e\0\0") },
    { "DataRow", data_row,
      STR_INIT("D\0\0\0\x1a\0\x04\0\0\0\x01"
               "1\xff\xff\xff\xff\0\0\0\x03"
               "abc\0\0\0\0") },
    { "DataRow of no column", data_row_of_nothing, STR_INIT("D\0\0\0\x06\0\0") },
    { "an abandoned row leaves what was before", data_row_abandoned, STR_INIT("2\0\0\0\x04") },
    { "CopyInResponse, CopyOutResponse", copy_responses,
      STR_INIT("G\0\0\0\x0b\0\0\x02\0\0\0\0H\0\0\0\x09\x01\0\x01\0\x01") },
    { "CopyData", copy_data,
      STR_INIT("d\0\0\0\x06"
               "1\nd\0\0\0\x07"
               "22\n") },
    { "an error at its least", report_least,
      STR_INIT("E\0\0\0\x1e"
               "SERROR\0VERROR\0C42601\0Mno\0\0") },
    { "an error with every field", report_everything,
      STR_INIT("E\0\0\0\x49"
               "SFATAL\0VFATAL\0C23505\0Mm\0Dd\0Hh\0P42\0Ww\0ssc\0ttb\0cco\0ddt\0ncn\0Ff.c\0L9\0Rr\0\0") },
    { "a warning", report_notice,
      STR_INIT("N\0\0\0\x27"
               "SWARNING\0VWARNING\0C01000\0Mcareful\0\0") },
};

static void the_table_holds(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf b;
        buf_init(&b, 10000);
        cases[i].write(&b);
        assert_false(b.failed);
        if (!str_eq(buf_str(&b), cases[i].want))
            fail_msg("%s: %zu bytes, expected %zu", cases[i].rule, b.n, cases[i].want.n);
        buf_fini(&b);
    }
}

/* Every cap below the message's size, and every allocation failing: the buf says so, nothing is written beyond. */
static void every_shortage_is_reported(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf b;
        for (size_t cap = 0; cap < cases[i].want.n; cap++) {
            buf_init(&b, cap);
            cases[i].write(&b);
            if (!b.failed && cases[i].write != data_row_abandoned)
                fail_msg("%s: fits in %zu bytes", cases[i].rule, cap);
            assert_true(b.n <= cap);
            buf_fini(&b);
        }
        buf_init(&b, 10000);
        fault_after(0);
        cases[i].write(&b);
        assert_true(fault_hit());
        fault_after(-1);
        assert_true(b.failed);
        buf_fini(&b);
    }
}

static void too_many_cells_fail_the_buf(void **state)
{
    (void)state;
    struct buf b;
    struct row_writer w;
    buf_init(&b, 1 << 20);
    row_begin(&w, &b);
    for (int i = 0; i < UINT16_MAX; i++)
        row_null(&w);
    row_end(&w);
    assert_false(b.failed);
    buf_reset(&b);
    row_begin(&w, &b);
    for (int i = 0; i <= UINT16_MAX; i++)
        row_null(&w);
    row_end(&w);
    assert_true(b.failed);
    buf_fini(&b);
}

static void an_error_without_text_still_has_a_message(void **state)
{
    (void)state;
    struct buf b;
    struct err e = { .code = SQLSTATE_INTERNAL_ERROR };
    buf_init(&b, 1000);
    backend_report(&b, SEVERITY_PANIC, &e, NULL);
    assert_true(str_find(buf_str(&b), STR("\0Mmissing error text\0")) > 0);
    assert_true(str_find(buf_str(&b), STR("SPANIC\0")) > 0);
    buf_fini(&b);
}

static void only_severities_from_error_up_are_errors(void **state)
{
    (void)state;
    for (enum severity s = SEVERITY_DEBUG; s < SEVERITY_NR; s++) {
        struct buf b;
        struct err e = { .code = SQLSTATE_WARNING, .message = STR("x") };
        buf_init(&b, 1000);
        backend_report(&b, s, &e, NULL);
        assert_int_equal(b.p[0], s >= SEVERITY_ERROR ? 'E' : 'N');
        assert_true(str_find(buf_str(&b), str_from(severity_name(s))) > 0);
        buf_fini(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_holds),
        cmocka_unit_test(every_shortage_is_reported),
        cmocka_unit_test(too_many_cells_fail_the_buf),
        cmocka_unit_test(an_error_without_text_still_has_a_message),
        cmocka_unit_test(only_severities_from_error_up_are_errors),
    };
    return cmocka_run_group_tests_name("backend", tests, NULL, NULL);
}
