/* test_copy_binary.c - COPY's binary format: each case whole, byte by byte, and in chunks of three. */
/* LINK pgd1_pgwire pgd1_base */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "pgwire/copy_binary.h"
#include "proxy/base/fault.h"

enum { MAX_ROW = 1000 };

#define SIGNATURE "PGCOPY\n\xff\r\n\0"
#define HEADER SIGNATURE "\0\0\0\0\0\0\0\0"
#define TRAILER "\xff\xff"
#define ROW "\0\x02\0\0\0\x01x\xff\xff\xff\xff"

static const struct str names[] = { STR_INIT("a"), STR_INIT("b") };

struct wanted {
    const char *rule;
    size_t n_columns;
    struct str in;
    const char *rows; /* as in test_copy_text.c */
    const char *message, *context;
    enum sqlstate code;
};

static const struct wanted cases[] = {
    { "no rows", 2, STR_INIT(HEADER TRAILER), "", NULL, NULL, 0 },
    { "rows", 2, STR_INIT(HEADER ROW ROW TRAILER), "[x]- [x]-", NULL, NULL, 0 },
    { "an empty value is not NULL", 1, STR_INIT(HEADER "\0\x01\0\0\0\0" TRAILER), "[]", NULL, NULL, 0 },
    { "no columns", 0, STR_INIT(HEADER "\0\0" TRAILER), ".", NULL, NULL, 0 },
    { "the trailer may be missing", 2, STR_INIT(HEADER ROW), "[x]-", NULL, NULL, 0 },
    { "flags that are not critical", 2, STR_INIT(SIGNATURE "\0\0\xff\xff\0\0\0\0" ROW TRAILER), "[x]-", NULL, NULL, 0 },
    { "an extension is passed over", 2, STR_INIT(SIGNATURE "\0\0\0\0\0\0\0\x05hello" ROW TRAILER), "[x]-", NULL, NULL,
      0 },
    { "nothing at all", 2, STR_INIT(""), "", "COPY file signature not recognized", NULL, 0 },
    { "text", 2, STR_INIT("1\tx\n"), "", "COPY file signature not recognized", NULL, 0 },
    { "a signature mangled by line ends", 2, STR_INIT("PGCOPY\n\xff\n\0\0\0\0\0\0\0\0\0"), "",
      "COPY file signature not recognized", NULL, 0 },
    { "half a signature", 2, STR_INIT("PGCOPY"), "", "COPY file signature not recognized", NULL, 0 },
    { "no flags", 2, STR_INIT(SIGNATURE "\0\0\0"), "", "invalid COPY file header (missing flags)", NULL, 0 },
    { "no extension length", 2, STR_INIT(SIGNATURE "\0\0\0\0\0\0\0"), "", "invalid COPY file header (missing length)",
      NULL, 0 },
    { "a negative extension length", 2, STR_INIT(SIGNATURE "\0\0\0\0\xff\xff\xff\xff"), "",
      "invalid COPY file header (missing length)", NULL, 0 },
    { "an extension cut short", 2, STR_INIT(SIGNATURE "\0\0\0\0\0\0\0\x05hell"), "",
      "invalid COPY file header (wrong length)", NULL, 0 },
    { "oids", 2, STR_INIT(SIGNATURE "\0\x01\0\0\0\0\0\0"), "", "invalid COPY file header (WITH OIDS)", NULL, 0 },
    { "a critical flag", 2, STR_INIT(SIGNATURE "\0\x02\0\0\0\0\0\0"), "",
      "unrecognized critical flags in COPY file header", NULL, 0 },
    { "too few fields", 2, STR_INIT(HEADER ROW "\0\x01\0\0\0\0"), "[x]-", "row field count is 1, expected 2",
      "COPY t, line 2", 0 },
    { "too many fields", 1, STR_INIT(HEADER ROW), "", "row field count is 2, expected 1", "COPY t, line 1", 0 },
    { "a negative count", 2, STR_INIT(HEADER "\xff\xfe"), "", "row field count is -2, expected 2", "COPY t, line 1",
      0 },
    { "a negative size", 2, STR_INIT(HEADER "\0\x02\0\0\0\0\xff\xff\xff\xfe"), "", "invalid field size",
      "COPY t, line 1, column b", 0 },
    { "a field cut short", 2, STR_INIT(HEADER ROW "\0\x02\0\0\0\x02x"), "[x]-", "unexpected EOF in COPY data",
      "COPY t, line 2, column a", 0 },
    { "a size cut short", 2, STR_INIT(HEADER "\0\x02\0\0\0\x01x\0\0"), "", "unexpected EOF in COPY data",
      "COPY t, line 1, column b", 0 },
    { "a size that lies is refused before its bytes", 2, STR_INIT(HEADER "\0\x02\x7f\xff\xff\xff"), "",
      "row of COPY data is longer than 1000 bytes", "COPY t, line 1, column a", SQLSTATE_PROGRAM_LIMIT_EXCEEDED },
    { "data after the trailer", 2, STR_INIT(HEADER ROW TRAILER "x"), "[x]-", "received copy data after EOF marker",
      "COPY t, line 2", 0 },
};

static void print_row(const struct copy_row *row, struct buf *out)
{
    if (out->n)
        buf_add_char(out, ' ');
    if (row->n == 0)
        buf_add_char(out, '.');
    for (size_t i = 0; i < row->n; i++) {
        if (row->fields[i].p)
            buf_printf(out, "[%.*s]", STR_FMT(row->fields[i]));
        else
            buf_add_char(out, '-');
    }
}

static enum copy_result read_all(struct copy_binary_in *c, struct str in, size_t chunk, struct buf *out, struct err *e)
{
    char *lent = NULL;
    for (size_t at = 0;;) {
        struct copy_row row;
        enum copy_result result = copy_binary_in_next(c, &row, e);
        if (result == COPY_ROW) {
            print_row(&row, out);
            continue;
        }
        free(lent);
        lent = NULL;
        if (result != COPY_MORE)
            return result;
        size_t n = in.n - at < chunk ? in.n - at : chunk;
        if (n == 0) {
            copy_binary_in_last(c);
            continue;
        }
        lent = malloc(n);
        assert_non_null(lent);
        memcpy(lent, in.p + at, n);
        copy_binary_in_give(c, (struct str){ lent, n });
        at += n;
    }
}

static void check_text(const char *rule, size_t chunk, struct str got, const char *want)
{
    if (!str_is(got, want ? want : ""))
        fail_msg("%s, in chunks of %zu: \"%.*s\", expected \"%s\"", rule, chunk, STR_FMT(got), want ? want : "");
}

static void the_table_holds(void **state)
{
    (void)state;
    static const size_t chunks[] = { SIZE_MAX, 1, 3 };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (size_t k = 0; k < sizeof(chunks) / sizeof(chunks[0]); k++) {
            AUTO(arena) arena = arena_new(65536);
            struct copy_target target = { STR("t"), names, cases[i].n_columns };
            struct copy_binary_in c;
            struct copy_row row;
            struct err e, again;
            struct buf out;
            err_init(&e, arena);
            err_init(&again, arena);
            buf_init(&out, 65536);
            assert_true(copy_binary_in_init(&c, &target, MAX_ROW, &e));
            enum copy_result result = read_all(&c, cases[i].in, chunks[k], &out, &e);
            check_text(cases[i].rule, chunks[k], buf_str(&out), cases[i].rows);
            check_text(cases[i].rule, chunks[k], e.message, cases[i].message);
            check_text(cases[i].rule, chunks[k], e.context, cases[i].context);
            assert_int_equal(result, cases[i].message ? COPY_ERROR : COPY_END);
            if (cases[i].message)
                assert_int_equal(e.code, cases[i].code ? cases[i].code : SQLSTATE_BAD_COPY_FILE_FORMAT);
            assert_int_equal(copy_binary_in_next(&c, &row, &again), result);
            copy_binary_in_fini(&c);
            buf_fini(&out);
        }
    }
}

static void every_failed_allocation_is_reported(void **state)
{
    (void)state;
    for (long n = 0;; n++) {
        AUTO(arena) arena = arena_new(65536);
        struct copy_target target = { STR("t"), names, 2 };
        struct copy_binary_in c;
        struct err e;
        struct buf out;
        err_init(&e, arena);
        buf_init(&out, 65536);
        assert_true(buf_reserve(&out, 1000));
        fault_after(n);
        bool made = copy_binary_in_init(&c, &target, MAX_ROW, &e);
        enum copy_result result = made ? read_all(&c, STR(HEADER ROW ROW TRAILER), 2, &out, &e) : COPY_ERROR;
        bool hit = fault_hit();
        fault_after(-1);
        assert_int_equal(result, hit ? COPY_ERROR : COPY_END);
        if (hit)
            assert_int_equal(e.code, SQLSTATE_OUT_OF_MEMORY);
        copy_binary_in_fini(&c);
        buf_fini(&out);
        if (!hit) {
            assert_true(n >= 2);
            break;
        }
    }
}

static void rows_at_the_limit_are_taken(void **state)
{
    (void)state;
    static char text[MAX_ROW];
    static const size_t chunks[] = { SIZE_MAX, 1, 100 };
    memset(text, 'x', sizeof(text));
    for (size_t n = MAX_ROW - 6; n <= MAX_ROW - 5; n++) {
        for (size_t k = 0; k < sizeof(chunks) / sizeof(chunks[0]); k++) {
            AUTO(arena) arena = arena_new(65536);
            struct copy_target target = { STR("t"), names, 1 };
            const struct str field = { text, n };
            struct copy_binary_in c;
            struct err e;
            struct buf in, out;
            err_init(&e, arena);
            buf_init(&in, 65536);
            buf_init(&out, 65536);
            copy_binary_out_header(&in);
            for (int i = 0; i < 5; i++)
                copy_binary_out_row(&field, 1, &in);
            copy_binary_out_trailer(&in);
            assert_true(copy_binary_in_init(&c, &target, MAX_ROW, &e));
            enum copy_result result = read_all(&c, buf_str(&in), chunks[k], &out, &e);
            assert_int_equal(result, n == MAX_ROW - 6 ? COPY_END : COPY_ERROR);
            if (result == COPY_ERROR)
                assert_int_equal(e.code, SQLSTATE_PROGRAM_LIMIT_EXCEEDED);
            else
                assert_int_equal(out.n, 5 * (n + 2) + 4);
            copy_binary_in_fini(&c);
            buf_fini(&in);
            buf_fini(&out);
        }
    }
}

static void what_is_written(void **state)
{
    (void)state;
    const struct str fields[] = { STR("x"), { NULL, 0 } };
    struct buf b;
    buf_init(&b, 1000);
    copy_binary_out_header(&b);
    copy_binary_out_row(fields, 2, &b);
    copy_binary_out_trailer(&b);
    assert_true(str_eq(buf_str(&b), STR(HEADER ROW TRAILER)));
    buf_reset(&b);
    copy_binary_out_row(NULL, 0, &b);
    assert_true(str_eq(buf_str(&b), STR("\0\0")));
    buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_holds),
        cmocka_unit_test(every_failed_allocation_is_reported),
        cmocka_unit_test(rows_at_the_limit_are_taken),
        cmocka_unit_test(what_is_written),
    };
    return cmocka_run_group_tests_name("copy_binary", tests, NULL, NULL);
}
