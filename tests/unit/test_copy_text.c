/*
 * test_copy_text.c - COPY's text and csv formats: what PostgreSQL 15 reads, writes and refuses.
 *
 * The expected rows and messages were taken from PostgreSQL 15. Each case is read whole, byte by byte, and in chunks of two
 * and three.
 */
/* LINK pgd1_pgwire pgd1_base */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "pgwire/copy_text.h"
#include "proxy/base/fault.h"

enum { MAX_LINE = 5000 };

static const struct str names[] = { STR_INIT("a"), STR_INIT("b"), STR_INIT("c") };

/* options: what differs from the format's defaults. */
struct wanted {
    const char *rule;
    struct copy_options options;
    size_t n_columns;
    struct str in;
    const char *rows;                     /* fields in [], NULL as -, rows by blanks: "[1][x] -[]" */
    const char *message, *hint, *context; /* message NULL: no error */
};

#define TEXT .options = { .format = COPY_TEXT }
#define CSV .options = { .format = COPY_CSV }

static const bool only_first[] = { true, false, false };

static const struct wanted cases[] = {
    { "nothing", TEXT, 2, STR_INIT(""), "", NULL, NULL, NULL },
    { "two rows", TEXT, 2, STR_INIT("1\tx\n2\ty\n"), "[1][x] [2][y]", NULL, NULL, NULL },
    { "the last line end may be missing", TEXT, 2, STR_INIT("1\tx\n2\ty"), "[1][x] [2][y]", NULL, NULL, NULL },
    { "carriage returns", TEXT, 1, STR_INIT("1\r2\r"), "[1] [2]", NULL, NULL, NULL },
    { "both", TEXT, 1, STR_INIT("1\r\n2\r\n"), "[1] [2]", NULL, NULL, NULL },
    { "NULL", TEXT, 2, STR_INIT("\\N\t\n"), "-[]", NULL, NULL, NULL },
    { "another NULL", .options = { .format = COPY_TEXT, .null_text = STR_INIT("nil") }, 2, STR_INIT("nil\t\\N\n"),
      "-[N]", NULL, NULL, NULL },
    { "another delimiter", .options = { .format = COPY_TEXT, .delimiter = STR_INIT("|") }, 2, STR_INIT("1|a\tb\n"),
      "[1][a\tb]", NULL, NULL, NULL },
    { "letters", TEXT, 1, STR_INIT("\\b\\f\\n\\r\\t\\v\\\\\\q\n"), "[\b\f\n\r\t\v\\q]", NULL, NULL, NULL },
    { "octal", TEXT, 1, STR_INIT("\\101\\1012\\7\\18\n"), "[AA2\a\0018]", NULL, NULL, NULL },
    { "hexadecimal", TEXT, 1, STR_INIT("\\x41\\x4\\x412\\xg\n"), "[A\4A2xg]", NULL, NULL, NULL },
    { "an escaped delimiter", TEXT, 2, STR_INIT("a\\\tb\tc\n"), "[a\tb][c]", NULL, NULL, NULL },
    { "an escaped line end is data", TEXT, 1, STR_INIT("a\\\nb\n"), "[a\nb]", NULL, NULL, NULL },
    { "a backslash at the very end is nothing", TEXT, 1, STR_INIT("a\\"), "[a]", NULL, NULL, NULL },
    { "an escaped NULL marker is data", TEXT, 1, STR_INIT("\\\\N\n"), "[\\N]", NULL, NULL, NULL },
    { "UTF-8", TEXT, 1, STR_INIT("\xc3\xa9\xf0\x9f\x90\x98\n"), "[\xc3\xa9\xf0\x9f\x90\x98]", NULL, NULL, NULL },
    { "UTF-8 by escapes", TEXT, 1, STR_INIT("\\xc3\\xa9\\303\\251\n"), "[\xc3\xa9\xc3\xa9]", NULL, NULL, NULL },
    { "an empty line is one empty field", TEXT, 1, STR_INIT("\n\n"), "[] []", NULL, NULL, NULL },
    { "the end marker", TEXT, 1, STR_INIT("1\n\\.\nignored\n"), "[1]", NULL, NULL, NULL },
    { "the end marker after data ends the line", TEXT, 1, STR_INIT("1\\.\n2\n"), "[1]", NULL, NULL, NULL },
    { "the end marker with both", TEXT, 1, STR_INIT("1\r\n\\.\r\n2"), "[1]", NULL, NULL, NULL },
    { "an escaped backslash before a dot", TEXT, 1, STR_INIT("\\\\.\n2\n"), "[\\.] [2]", NULL, NULL, NULL },
    { "the end marker without line end", TEXT, 1, STR_INIT("1\n\\."), "[1]", "end-of-copy marker corrupt", NULL,
      "COPY t, line 2" },
    { "the end marker with something behind", TEXT, 1, STR_INIT("1\n\\.x\n"), "[1]", "end-of-copy marker corrupt", NULL,
      "COPY t, line 2" },
    { "the end marker with another line end", TEXT, 1, STR_INIT("1\n\\.\r"), "[1]",
      "end-of-copy marker does not match previous newline style", NULL, "COPY t, line 2" },
    { "the end marker with half a line end", TEXT, 1, STR_INIT("1\r\n\\.\n"), "[1]",
      "end-of-copy marker does not match previous newline style", NULL, "COPY t, line 2" },
    { "a carriage return in data", TEXT, 1, STR_INIT("1\na\rb\n"), "[1]", "literal carriage return found in data",
      "Use \"\\r\" to represent carriage return.", "COPY t, line 2" },
    { "a newline in data", TEXT, 1, STR_INIT("1\ra\n"), "[1]", "literal newline found in data",
      "Use \"\\n\" to represent newline.", "COPY t, line 2" },
    { "a lone carriage return among pairs", TEXT, 1, STR_INIT("1\r\na\rb"), "[1]",
      "literal carriage return found in data", "Use \"\\r\" to represent carriage return.", "COPY t, line 2" },
    { "too many fields", TEXT, 2, STR_INIT("1\t2\n1\t2\t3\n"), "[1][2]", "extra data after last expected column", NULL,
      "COPY t, line 2: \"1\t2\t3\"" },
    { "too few fields", TEXT, 3, STR_INIT("1\t2\n"), "", "missing data for column \"c\"", NULL,
      "COPY t, line 1: \"1\t2\"" },
    { "no columns", TEXT, 0, STR_INIT("\n\n"), ". .", NULL, NULL, NULL },
    { "no columns, but data", TEXT, 0, STR_INIT("x\n"), "", "extra data after last expected column", NULL,
      "COPY t, line 1: \"x\"" },
    { "bytes that are not UTF-8", TEXT, 1, STR_INIT("a\nb\xff\n"), "[a]",
      "invalid byte sequence for encoding \"UTF8\": 0xff", NULL, "COPY t, line 2" },
    { "a character cut by the line end", TEXT, 1, STR_INIT("\xc3\n"), "",
      "invalid byte sequence for encoding \"UTF8\": 0xc3 0x0a", NULL, "COPY t, line 1" },
    { "NUL", TEXT, 1, STR_INIT("a\0b\n"), "", "invalid byte sequence for encoding \"UTF8\": 0x00", NULL,
      "COPY t, line 1" },
    { "NUL by escape", TEXT, 1, STR_INIT("a\\x00\n"), "", "invalid byte sequence for encoding \"UTF8\": 0x00", NULL,
      "COPY t, line 1: \"a\\x00\"" },
    { "half a character by escape", TEXT, 1, STR_INIT("\\303\n"), "",
      "invalid byte sequence for encoding \"UTF8\": 0xc3", NULL, "COPY t, line 1: \"\\303\"" },
    { "a header is passed over", .options = { .format = COPY_TEXT, .header = COPY_HEADER_LINE }, 1,
      STR_INIT("whatever\tmore\n1\n"), "[1]", NULL, NULL, NULL },
    { "a header that matches", .options = { .format = COPY_TEXT, .header = COPY_HEADER_MATCH }, 2,
      STR_INIT("a\tb\n1\t2\n"), "[1][2]", NULL, NULL, NULL },
    { "a header that does not", .options = { .format = COPY_TEXT, .header = COPY_HEADER_MATCH }, 2,
      STR_INIT("a\tx\n1\t2\n"), "", "column name mismatch in header line field 2: got \"x\", expected \"b\"", NULL,
      "COPY t, line 1: \"a\tx\"" },
    { "a header of NULL", .options = { .format = COPY_TEXT, .header = COPY_HEADER_MATCH }, 2, STR_INIT("\\N\tb\n"), "",
      "column name mismatch in header line field 1: got null value (\"\\N\"), expected \"a\"", NULL,
      "COPY t, line 1: \"\\N\tb\"" },
    { "a header of another length", .options = { .format = COPY_TEXT, .header = COPY_HEADER_MATCH }, 2, STR_INIT("a\n"),
      "", "wrong number of fields in header line: got 1, expected 2", NULL, "COPY t, line 1: \"a\"" },
    { "no header where one must match", .options = { .format = COPY_TEXT, .header = COPY_HEADER_MATCH }, 2,
      STR_INIT(""), "", "wrong number of fields in header line: got 1, expected 2", NULL, "COPY t, line 1: \"\"" },
    { "only a header", .options = { .format = COPY_CSV, .header = COPY_HEADER_LINE }, 2, STR_INIT("a,b"), "", NULL,
      NULL, NULL },

    { "csv", CSV, 2, STR_INIT("1,x\n2,y\n"), "[1][x] [2][y]", NULL, NULL, NULL },
    { "an unquoted empty field is NULL, a quoted one is not", CSV, 3, STR_INIT(",\"\",x\n"), "-[][x]", NULL, NULL,
      NULL },
    { "quotes hide delimiters and line ends", CSV, 2, STR_INIT("\"a,b\",\"c\nd\"\n"), "[a,b][c\nd]", NULL, NULL, NULL },
    { "quotes are doubled", CSV, 1, STR_INIT("\"say \"\"hi\"\"\"\n"), "[say \"hi\"]", NULL, NULL, NULL },
    { "quotes inside a field", CSV, 1, STR_INIT("a\"b,c\"d\n"), "[ab,cd]", NULL, NULL, NULL },
    { "backslashes are data", CSV, 1, STR_INIT("\\N\\n\\\n"), "[\\N\\n\\]", NULL, NULL, NULL },
    { "blanks are data", CSV, 2, STR_INIT(" a , \"b\"\n"), "[ a ][ b]", NULL, NULL, NULL },
    { "pairs of line ends", CSV, 1, STR_INIT("\"a\r\nb\"\r\nc\r\n"), "[a\r\nb] [c]", NULL, NULL, NULL },
    { "another quote", .options = { .format = COPY_CSV, .quote = STR_INIT("'") }, 2, STR_INIT("'a''b,',\"\n"),
      "[a'b,][\"]", NULL, NULL, NULL },
    { "another escape", .options = { .format = COPY_CSV, .escape = STR_INIT("\\") }, 1,
      STR_INIT("\"a\\\"b\\\\c\\d\"\n"), "[a\"b\\c\\d]", NULL, NULL, NULL },
    { "an escaped quote does not open", .options = { .format = COPY_CSV, .escape = STR_INIT("\\") }, 1,
      STR_INIT("\"a\\\"\nb\"\n"), "[a\"\nb]", NULL, NULL, NULL },
    { "the end marker alone on a line", CSV, 1, STR_INIT("1\n\\.\nx\"\n"), "[1]", NULL, NULL, NULL },
    { "the end marker is data elsewhere", CSV, 1, STR_INIT("x\\.\n\\.y\n\"\\.\"\n"), "[x\\.] [\\.y] [\\.]", NULL, NULL,
      NULL },
    { "the end marker at the very end is data", CSV, 1, STR_INIT("1\n\\."), "[1] [\\.]", NULL, NULL, NULL },
    { "an open quote", CSV, 1, STR_INIT("1\n\"a\nb\n"), "[1]", "unterminated CSV quoted field", NULL,
      "COPY t, line 4: \"\"a\nb\n\"" },
    { "an unquoted carriage return", CSV, 1, STR_INIT("1\na\r\n"), "[1]", "unquoted carriage return found in data",
      "Use quoted CSV field to represent carriage return.", "COPY t, line 2" },
    { "an unquoted newline", CSV, 1, STR_INIT("1\r\na\n"), "[1]", "unquoted newline found in data",
      "Use quoted CSV field to represent newline.", "COPY t, line 2" },
    { "too many csv fields", CSV, 1, STR_INIT("1,\n"), "", "extra data after last expected column", NULL,
      "COPY t, line 1: \"1,\"" },
    { "force not null", .options = { .format = COPY_CSV, .null_text = STR_INIT("N"), .force_not_null = only_first }, 2,
      STR_INIT("N,N\n"), "[N]-", NULL, NULL, NULL },
    { "force null", .options = { .format = COPY_CSV, .force_null = only_first }, 2, STR_INIT("\"\",\"\"\n"), "-[]",
      NULL, NULL, NULL },
    { "a csv header that matches", .options = { .format = COPY_CSV, .header = COPY_HEADER_MATCH }, 2,
      STR_INIT("\"a\",b\n1,2\n"), "[1][2]", NULL, NULL, NULL },
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

/* Each chunk in a block of its own, so that the sanitizer sees a read outside, or after it was taken back. */
static enum copy_result read_all(struct copy_in *c, struct str in, size_t chunk, struct buf *out, struct err *e)
{
    char *lent = NULL;
    for (size_t at = 0;;) {
        struct copy_row row;
        enum copy_result result = copy_in_next(c, &row, e);
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
            copy_in_last(c);
            continue;
        }
        lent = malloc(n);
        assert_non_null(lent);
        memcpy(lent, in.p + at, n);
        copy_in_give(c, (struct str){ lent, n });
        at += n;
    }
}

static void check_text(const char *rule, size_t chunk, struct str got, const char *want)
{
    if (!str_is(got, want ? want : ""))
        fail_msg("%s, in chunks of %zu: \"%.*s\", expected \"%s\"", rule, chunk, STR_FMT(got), want ? want : "");
}

static void check_case(const struct wanted *w, size_t chunk)
{
    AUTO(arena) arena = arena_new(65536);
    struct copy_options o = w->options;
    struct copy_target target = { STR("t"), names, w->n_columns };
    struct copy_in c;
    struct err e;
    struct buf out;
    err_init(&e, arena);
    buf_init(&out, 65536);
    assert_true(copy_options_check(&o, true, &e));
    assert_true(copy_in_init(&c, &o, &target, MAX_LINE, &e));
    enum copy_result result = read_all(&c, w->in, chunk, &out, &e);
    check_text(w->rule, chunk, buf_str(&out), w->rows);
    check_text(w->rule, chunk, e.message, w->message);
    check_text(w->rule, chunk, e.hint, w->hint);
    check_text(w->rule, chunk, e.context, w->context);
    assert_int_equal(result, w->message ? COPY_ERROR : COPY_END);
    if (w->message)
        assert_true(e.code == SQLSTATE_BAD_COPY_FILE_FORMAT || e.code == SQLSTATE_CHARACTER_NOT_IN_REPERTOIRE);
    struct copy_row row;
    struct err again;
    err_init(&again, arena);
    assert_int_equal(copy_in_next(&c, &row, &again), result); /* and so it stays */
    copy_in_fini(&c);
    buf_fini(&out);
}

static void the_table_holds(void **state)
{
    (void)state;
    static const size_t chunks[] = { SIZE_MAX, 1, 2, 3 };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        for (size_t k = 0; k < sizeof(chunks) / sizeof(chunks[0]); k++)
            check_case(&cases[i], chunks[k]);
}

/* Every allocation of a reader fails once: 53200 or the right rows, never a crash, a leak or other rows. */
static void every_failed_allocation_is_reported(void **state)
{
    (void)state;
    const struct str in = STR("\"one\",2\n\"th\"\"ree\",4\n");
    for (long n = 0;; n++) {
        AUTO(arena) arena = arena_new(65536);
        struct copy_options o = { .format = COPY_CSV };
        struct copy_target target = { STR("t"), names, 2 };
        struct copy_in c;
        struct err e;
        struct buf out;
        err_init(&e, arena);
        buf_init(&out, 65536);
        assert_true(buf_reserve(&out, 1000));
        assert_true(copy_options_check(&o, true, &e));
        fault_after(n);
        bool made = copy_in_init(&c, &o, &target, MAX_LINE, &e);
        enum copy_result result = made ? read_all(&c, in, 3, &out, &e) : COPY_ERROR;
        bool hit = fault_hit();
        fault_after(-1);
        assert_int_equal(result, hit ? COPY_ERROR : COPY_END);
        if (hit)
            assert_int_equal(e.code, SQLSTATE_OUT_OF_MEMORY);
        else
            assert_true(str_is(buf_str(&out), "[one][2] [th\"ree][4]"));
        copy_in_fini(&c);
        buf_fini(&out);
        if (!hit) {
            assert_true(n >= 3);
            break;
        }
    }
}

static void long_lines_are_refused(void **state)
{
    (void)state;
    static char text[3 * MAX_LINE];
    static const size_t chunks[] = { SIZE_MAX, 1, 4096 };
    memset(text, 'x', sizeof(text));
    for (size_t n = MAX_LINE; n <= sizeof(text) - 1; n += n == MAX_LINE ? 1 : MAX_LINE) {
        for (size_t k = 0; k < sizeof(chunks) / sizeof(chunks[0]); k++) {
            AUTO(arena) arena = arena_new(65536);
            struct copy_options o = { .format = COPY_TEXT };
            struct copy_target target = { STR("t"), names, 1 };
            struct copy_in c;
            struct err e;
            struct buf out;
            err_init(&e, arena);
            buf_init(&out, 65536);
            assert_true(copy_options_check(&o, true, &e));
            assert_true(copy_in_init(&c, &o, &target, MAX_LINE, &e));
            text[n] = '\n';
            enum copy_result result = read_all(&c, (struct str){ text, n + 1 }, chunks[k], &out, &e);
            text[n] = 'x';
            assert_int_equal(result, n == MAX_LINE ? COPY_END : COPY_ERROR);
            if (result == COPY_ERROR)
                assert_int_equal(e.code, SQLSTATE_PROGRAM_LIMIT_EXCEEDED);
            else
                assert_int_equal(out.n, MAX_LINE + 2);
            copy_in_fini(&c);
            buf_fini(&out);
        }
    }
}

/* Values of the last row are named in the context of a conversion's error; long ones are cut between characters. */
static void contexts_name_column_and_value(void **state)
{
    (void)state;
    AUTO(arena) arena = arena_new(65536);
    struct copy_options o = { .format = COPY_CSV };
    struct copy_target target = { STR("t"), names, 3 };
    struct copy_in c;
    struct copy_row row;
    struct err e;
    struct buf in;
    err_init(&e, arena);
    buf_init(&in, 1000);
    buf_add_str(&in, STR("\"a\nb\",,"));
    for (int i = 0; i < 60; i++)
        buf_add_str(&in, STR("\xc3\xa9"));
    buf_add_char(&in, '\n');
    assert_true(copy_options_check(&o, true, &e));
    assert_true(copy_in_init(&c, &o, &target, MAX_LINE, &e));
    copy_in_give(&c, buf_str(&in));
    assert_int_equal(copy_in_next(&c, &row, &e), COPY_ROW);
    copy_in_context(&c, 0, &e);
    assert_true(str_is(e.context, "COPY t, line 1, column a: \"a\nb\""));
    copy_in_context(&c, 1, &e);
    assert_true(str_is(e.context, "COPY t, line 1, column b: null input"));
    copy_in_context(&c, 2, &e);
    assert_true(str_starts(e.context, STR("COPY t, line 1, column c: \"\xc3\xa9")));
    assert_true(str_ends(e.context, STR("\xc3\xa9...\"")));
    assert_int_equal(e.context.n, strlen("COPY t, line 1, column c: \"...\"") + 100);
    copy_in_fini(&c);
    buf_fini(&in);
}

/* --- options --- */

static const struct {
    const char *rule;
    struct copy_options options;
    bool is_from;
    enum sqlstate code;
    const char *message; /* NULL: good */
} option_cases[] = {
    { "text", { .format = COPY_TEXT }, true, 0, NULL },
    { "csv", { .format = COPY_CSV }, false, 0, NULL },
    { "binary", { .format = COPY_BINARY }, false, 0, NULL },
    { "force quote all", { .format = COPY_CSV, .force_quote_all = true }, false, 0, NULL },
    { "a delimiter in binary",
      { .format = COPY_BINARY, .delimiter = STR_INIT(",") },
      true,
      SQLSTATE_SYNTAX_ERROR,
      "cannot specify DELIMITER in BINARY mode" },
    { "NULL in binary",
      { .format = COPY_BINARY, .null_text = STR_INIT("") },
      true,
      SQLSTATE_SYNTAX_ERROR,
      "cannot specify NULL in BINARY mode" },
    { "a header in binary",
      { .format = COPY_BINARY, .header = COPY_HEADER_LINE },
      true,
      SQLSTATE_FEATURE_NOT_SUPPORTED,
      "cannot specify HEADER in BINARY mode" },
    { "a quote in binary",
      { .format = COPY_BINARY, .quote = STR_INIT("'") },
      true,
      SQLSTATE_FEATURE_NOT_SUPPORTED,
      "COPY quote available only in CSV mode" },
    { "a delimiter of two bytes",
      { .format = COPY_TEXT, .delimiter = STR_INIT("||") },
      true,
      SQLSTATE_FEATURE_NOT_SUPPORTED,
      "COPY delimiter must be a single one-byte character" },
    { "a delimiter of a character of two bytes",
      { .format = COPY_CSV, .delimiter = STR_INIT("\xc3\xa9") },
      true,
      SQLSTATE_FEATURE_NOT_SUPPORTED,
      "COPY delimiter must be a single one-byte character" },
    { "an empty delimiter",
      { .format = COPY_TEXT, .delimiter = STR_INIT("") },
      true,
      SQLSTATE_FEATURE_NOT_SUPPORTED,
      "COPY delimiter must be a single one-byte character" },
    { "a newline as delimiter",
      { .format = COPY_TEXT, .delimiter = STR_INIT("\n") },
      true,
      SQLSTATE_INVALID_PARAMETER_VALUE,
      "COPY delimiter cannot be newline or carriage return" },
    { "a newline in NULL",
      { .format = COPY_TEXT, .null_text = STR_INIT("a\r") },
      true,
      SQLSTATE_INVALID_PARAMETER_VALUE,
      "COPY null representation cannot use newline or carriage return" },
    { "a letter as delimiter",
      { .format = COPY_TEXT, .delimiter = STR_INIT("n") },
      true,
      SQLSTATE_INVALID_PARAMETER_VALUE,
      "COPY delimiter cannot be \"n\"" },
    { "a letter as delimiter of csv", { .format = COPY_CSV, .delimiter = STR_INIT("n") }, true, 0, NULL },
    { "the delimiter in NULL",
      { .format = COPY_TEXT, .delimiter = STR_INIT("|"), .null_text = STR_INIT("a|b") },
      true,
      SQLSTATE_FEATURE_NOT_SUPPORTED,
      "COPY delimiter must not appear in the NULL specification" },
    { "a quote in text",
      { .format = COPY_TEXT, .quote = STR_INIT("'") },
      true,
      SQLSTATE_FEATURE_NOT_SUPPORTED,
      "COPY quote available only in CSV mode" },
    { "an escape in text",
      { .format = COPY_TEXT, .escape = STR_INIT("'") },
      true,
      SQLSTATE_FEATURE_NOT_SUPPORTED,
      "COPY escape available only in CSV mode" },
    { "a quote of two bytes",
      { .format = COPY_CSV, .quote = STR_INIT("''") },
      true,
      SQLSTATE_FEATURE_NOT_SUPPORTED,
      "COPY quote must be a single one-byte character" },
    { "an empty escape",
      { .format = COPY_CSV, .escape = STR_INIT("") },
      true,
      SQLSTATE_FEATURE_NOT_SUPPORTED,
      "COPY escape must be a single one-byte character" },
    { "quote and delimiter the same",
      { .format = COPY_CSV, .quote = STR_INIT(",") },
      true,
      SQLSTATE_INVALID_PARAMETER_VALUE,
      "COPY delimiter and quote must be different" },
    { "the quote in NULL",
      { .format = COPY_CSV, .null_text = STR_INIT("\"\"") },
      true,
      SQLSTATE_FEATURE_NOT_SUPPORTED,
      "CSV quote character must not appear in the NULL specification" },
    { "force quote in text",
      { .format = COPY_TEXT, .force_quote_all = true },
      false,
      SQLSTATE_FEATURE_NOT_SUPPORTED,
      "COPY force quote available only in CSV mode" },
    { "force quote FROM",
      { .format = COPY_CSV, .force_quote = only_first },
      true,
      SQLSTATE_FEATURE_NOT_SUPPORTED,
      "COPY force quote only available using COPY TO" },
    { "force not null in text",
      { .format = COPY_TEXT, .force_not_null = only_first },
      true,
      SQLSTATE_FEATURE_NOT_SUPPORTED,
      "COPY force not null available only in CSV mode" },
    { "force not null TO",
      { .format = COPY_CSV, .force_not_null = only_first },
      false,
      SQLSTATE_FEATURE_NOT_SUPPORTED,
      "COPY force not null only available using COPY FROM" },
    { "force null in text",
      { .format = COPY_TEXT, .force_null = only_first },
      true,
      SQLSTATE_FEATURE_NOT_SUPPORTED,
      "COPY force null available only in CSV mode" },
    { "force null TO",
      { .format = COPY_CSV, .force_null = only_first },
      false,
      SQLSTATE_FEATURE_NOT_SUPPORTED,
      "COPY force null only available using COPY FROM" },
    { "header match TO",
      { .format = COPY_CSV, .header = COPY_HEADER_MATCH },
      false,
      SQLSTATE_FEATURE_NOT_SUPPORTED,
      "cannot use \"match\" with HEADER in COPY TO" },
};

static void options_are_checked(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(option_cases) / sizeof(option_cases[0]); i++) {
        AUTO(arena) arena = arena_new(4096);
        struct copy_options o = option_cases[i].options;
        struct err e;
        err_init(&e, arena);
        if (copy_options_check(&o, option_cases[i].is_from, &e) != (option_cases[i].message == NULL))
            fail_msg("%s", option_cases[i].rule);
        check_text(option_cases[i].rule, 0, e.message, option_cases[i].message);
        assert_int_equal(e.code, option_cases[i].code);
    }
}

/* --- writing --- */

#define NONE                                                                                                           \
    {                                                                                                                  \
        NULL, 0                                                                                                        \
    }
static const struct {
    const char *rule;
    struct copy_options options;
    size_t n;
    struct str fields[3];
    struct str want;
} written[] = {
    { "text", { .format = COPY_TEXT }, 3, { STR_INIT("1"), NONE, STR_INIT("") }, STR_INIT("1\t\\N\t\n") },
    { "what text escapes",
      { .format = COPY_TEXT },
      1,
      { STR_INIT("\b\f\n\r\t\v\\\x01\x7f") },
      STR_INIT("\\b\\f\\n\\r\\t\\v\\\\\x01\x7f\n") },
    { "another delimiter is escaped",
      { .format = COPY_TEXT, .delimiter = STR_INIT("|"), .null_text = STR_INIT("") },
      2,
      { STR_INIT("a|b\t"), NONE },
      STR_INIT("a\\|b\\t|\n") },
    { "csv", { .format = COPY_CSV }, 3, { STR_INIT("1"), NONE, STR_INIT("") }, STR_INIT("1,,\"\"\n") },
    { "what csv quotes",
      { .format = COPY_CSV },
      3,
      { STR_INIT("a,b"), STR_INIT("\"q\""), STR_INIT("l\nm\r") },
      STR_INIT("\"a,b\",\"\"\"q\"\"\",\"l\nm\r\"\n") },
    { "what csv leaves alone",
      { .format = COPY_CSV },
      3,
      { STR_INIT(" a "), STR_INIT("\\N"), STR_INIT("'\t") },
      STR_INIT(" a ,\\N,'\t\n") },
    { "the end marker alone is quoted", { .format = COPY_CSV }, 1, { STR_INIT("\\.") }, STR_INIT("\"\\.\"\n") },
    { "but not beside others", { .format = COPY_CSV }, 2, { STR_INIT("\\."), STR_INIT("x") }, STR_INIT("\\.,x\n") },
    { "another escape",
      { .format = COPY_CSV, .escape = STR_INIT("\\") },
      1,
      { STR_INIT("a\"b\\c") },
      STR_INIT("\"a\\\"b\\\\c\"\n") },
    { "an escape alone needs no quotes",
      { .format = COPY_CSV, .escape = STR_INIT("\\") },
      2,
      { STR_INIT("b\\c"), STR_INIT("") },
      STR_INIT("b\\c,\"\"\n") },
    { "force quote",
      { .format = COPY_CSV, .force_quote = only_first },
      2,
      { STR_INIT("1"), STR_INIT("2") },
      STR_INIT("\"1\",2\n") },
    { "force quote leaves NULL alone",
      { .format = COPY_CSV, .force_quote_all = true },
      2,
      { NONE, STR_INIT("2") },
      STR_INIT(",\"2\"\n") },
    { "the NULL text as a value",
      { .format = COPY_CSV, .null_text = STR_INIT("nil") },
      2,
      { STR_INIT("nil"), NONE },
      STR_INIT("\"nil\",nil\n") },
};

static void rows_are_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(written) / sizeof(written[0]); i++) {
        AUTO(arena) arena = arena_new(4096);
        struct copy_options o = written[i].options;
        struct err e;
        struct buf b;
        err_init(&e, arena);
        buf_init(&b, 1000);
        assert_true(copy_options_check(&o, false, &e));
        copy_out_row(&o, written[i].fields, written[i].n, &b);
        if (!str_eq(buf_str(&b), written[i].want))
            fail_msg("%s: %.*s", written[i].rule, STR_FMT(buf_str(&b)));
        buf_fini(&b);
    }
}

static void headers_are_written(void **state)
{
    (void)state;
    const struct str odd[] = { STR("a,b"), STR("tab\there") };
    const struct copy_target target = { STR("t"), odd, 2 };
    AUTO(arena) arena = arena_new(4096);
    struct err e;
    struct buf b;
    err_init(&e, arena);
    buf_init(&b, 1000);
    struct copy_options none = { .format = COPY_CSV }, csv = { .format = COPY_CSV, .header = COPY_HEADER_LINE },
                        text = { .format = COPY_TEXT, .header = COPY_HEADER_LINE };
    assert_true(copy_options_check(&none, false, &e) && copy_options_check(&csv, false, &e) &&
                copy_options_check(&text, false, &e));
    copy_out_header(&none, &target, &b);
    assert_int_equal(b.n, 0);
    copy_out_header(&csv, &target, &b);
    copy_out_header(&text, &target, &b);
    assert_true(str_eq(buf_str(&b), STR("\"a,b\",tab\there\na,b\ttab\\there\n")));
    buf_fini(&b);
}

/* What is written reads back, for rows of awkward fields in every format. */
static void rows_come_back(void **state)
{
    (void)state;
    static const struct str awkward[] = { { NULL, 0 },       STR_INIT(""),         STR_INIT("\\N"),  STR_INIT("\\."),
                                          STR_INIT("a\tb,"), STR_INIT("\"'\\"),    STR_INIT("\r\n"), STR_INIT("\\\n"),
                                          STR_INIT("\x01"),  STR_INIT("\xc3\xa9"), STR_INIT("nil") };
    static const struct copy_options formats[] = {
        { .format = COPY_TEXT },
        { .format = COPY_TEXT, .delimiter = STR_INIT("|"), .null_text = STR_INIT("nil") },
        { .format = COPY_CSV },
        { .format = COPY_CSV, .quote = STR_INIT("'"), .escape = STR_INIT("\\"), .null_text = STR_INIT("nil") },
        { .format = COPY_CSV, .quote = STR_INIT("\\") },
    };
    const size_t n = sizeof(awkward) / sizeof(awkward[0]);
    for (size_t f = 0; f < sizeof(formats) / sizeof(formats[0]); f++) {
        for (size_t k = 0; k < n * n; k++) {
            AUTO(arena) arena = arena_new(65536);
            struct copy_options o = formats[f];
            struct copy_target target = { STR("t"), names, 2 };
            struct str fields[2] = { awkward[k / n], awkward[k % n] };
            struct copy_in c;
            struct copy_row row;
            struct err e;
            struct buf b;
            err_init(&e, arena);
            buf_init(&b, 1000);
            assert_true(copy_options_check(&o, true, &e));
            copy_out_row(&o, fields, 2, &b);
            assert_true(copy_in_init(&c, &o, &target, MAX_LINE, &e));
            copy_in_give(&c, buf_str(&b));
            assert_int_equal(copy_in_next(&c, &row, &e), COPY_ROW);
            for (size_t i = 0; i < 2; i++) {
                /* A text field that looks like the NULL text is the one thing COPY itself cannot tell from NULL. */
                bool is_null_text =
                    o.format == COPY_TEXT && str_eq(fields[i], o.null_text) && str_is(o.null_text, "nil");
                assert_int_equal(row.fields[i].p == NULL, fields[i].p == NULL || is_null_text);
                assert_true(is_null_text || str_eq(row.fields[i], fields[i]));
            }
            assert_int_equal(copy_in_next(&c, &row, &e), COPY_MORE);
            copy_in_last(&c);
            assert_int_equal(copy_in_next(&c, &row, &e), COPY_END);
            copy_in_fini(&c);
            buf_fini(&b);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_holds),        cmocka_unit_test(every_failed_allocation_is_reported),
        cmocka_unit_test(long_lines_are_refused), cmocka_unit_test(contexts_name_column_and_value),
        cmocka_unit_test(options_are_checked),    cmocka_unit_test(rows_are_written),
        cmocka_unit_test(headers_are_written),    cmocka_unit_test(rows_come_back),
    };
    return cmocka_run_group_tests_name("copy_text", tests, NULL, NULL);
}
