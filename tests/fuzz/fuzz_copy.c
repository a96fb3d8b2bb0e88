/* LINK pgd1_pgwire pgd1_base */
/*
 * COPY data from any bytes. The first line holds the options: format t, c or b, number of columns, header n, y or m, and
 * up to four characters: delimiter, quote, escape, NULL ('-': the default). However the stream is cut, the rows are the same;
 * and what was read, written in the same format, reads the same.
 */
#include "pgwire/copy_binary.h"
#include "pgwire/wire.h"
#include "tests/fuzz/fuzz.h"

#define MUST(x) ((x) ? (void)0 : abort())
enum { COLUMNS_MAX = 4, LIMIT = 2000 };

static const struct str names[COLUMNS_MAX] = { STR_INIT("a"), STR_INIT("b"), STR_INIT("c"), STR_INIT("d") };

struct setup {
    struct copy_options options;
    struct copy_target target;
    size_t limit; /* bytes of a line or row */
    char letters[4];
};

/* Either reader behind one face. */
struct reader {
    bool is_binary;
    struct copy_in text;
    struct copy_binary_in binary;
};

static void reader_init(struct reader *r, const struct setup *s, struct err *e)
{
    r->is_binary = s->options.format == COPY_BINARY;
    if (r->is_binary)
        MUST(copy_binary_in_init(&r->binary, &s->target, s->limit, e));
    else
        MUST(copy_in_init(&r->text, &s->options, &s->target, s->limit, e));
}

static void reader_fini(struct reader *r)
{
    if (r->is_binary)
        copy_binary_in_fini(&r->binary);
    else
        copy_in_fini(&r->text);
}

static enum copy_result reader_next(struct reader *r, struct copy_row *row, struct err *e)
{
    return r->is_binary ? copy_binary_in_next(&r->binary, row, e) : copy_in_next(&r->text, row, e);
}

static void reader_give(struct reader *r, struct str chunk)
{
    if (r->is_binary)
        copy_binary_in_give(&r->binary, chunk);
    else
        copy_in_give(&r->text, chunk);
}

static void reader_last(struct reader *r)
{
    if (r->is_binary)
        copy_binary_in_last(&r->binary);
    else
        copy_in_last(&r->text);
}

static void note(const struct copy_row *row, struct buf *log)
{
    for (size_t i = 0; i < row->n; i++) {
        if (row->fields[i].p)
            wr_cell(log, row->fields[i]);
        else
            wr_cell_null(log);
    }
    buf_add_char(log, 'R');
}

static void write_row(const struct setup *s, const struct copy_row *row, struct buf *out)
{
    if (s->options.format == COPY_BINARY)
        copy_binary_out_row(row->fields, row->n, out);
    else
        copy_out_row(&s->options, row->fields, row->n, out);
}

/* Reads the stream in chunks of n; rows and the outcome go to log, rows in the same format to again (may be NULL). */
static enum copy_result read_all(const struct setup *s, struct str in, size_t n, struct buf *log, struct buf *again)
{
    AUTO(arena) arena = arena_new(1 << 20);
    struct reader r;
    struct err e;
    enum copy_result result;
    err_init(&e, arena);
    reader_init(&r, s, &e);
    for (size_t at = 0;;) {
        struct copy_row row;
        result = reader_next(&r, &row, &e);
        if (result == COPY_ROW) {
            note(&row, log);
            if (again)
                write_row(s, &row, again);
        } else if (result != COPY_MORE) {
            break;
        } else if (at < in.n) {
            struct str chunk = { in.p + at, in.n - at < n ? in.n - at : n };
            reader_give(&r, chunk);
            at += chunk.n;
        } else {
            reader_last(&r);
        }
    }
    MUST((result == COPY_ERROR) == err_is_set(&e));
    buf_printf(log, "%d %s %.*s", (int)result, sqlstate_code(e.code), STR_FMT(e.message));
    reader_fini(&r);
    return result;
}

/* Text cannot tell a value that looks like its NULL from NULL, nor csv with a backslash as quote a value that begins with
 * a dot and a line end from the end marker; PostgreSQL cannot either. */
static bool comes_back(const struct setup *s)
{
    if (s->options.format == COPY_CSV && str_is(s->options.quote, "\\"))
        return false;
    return s->target.n_columns > 0 && (s->options.format != COPY_TEXT || str_is(s->options.null_text, "\\N"));
}

static void check(struct setup *s, struct str in)
{
    static const size_t chunks[] = { 1, 2, 7, 4096 };
    struct buf whole, again;
    buf_init(&whole, 1 << 22);
    buf_init(&again, 1 << 22);
    if (s->options.format == COPY_BINARY)
        copy_binary_out_header(&again);
    enum copy_result result = read_all(s, in, SIZE_MAX, &whole, &again);
    for (size_t i = 0; i < sizeof(chunks) / sizeof(chunks[0]); i++) {
        struct buf other;
        buf_init(&other, 1 << 22);
        read_all(s, in, chunks[i], &other, NULL);
        MUST(str_eq(buf_str(&whole), buf_str(&other)));
        buf_fini(&other);
    }
    if (result == COPY_END && comes_back(s)) {
        struct buf back;
        buf_init(&back, 1 << 22);
        s->options.header = COPY_HEADER_NONE;
        s->limit = 3 * LIMIT; /* escapes make lines longer */
        read_all(s, buf_str(&again), SIZE_MAX, &back, NULL);
        MUST(str_eq(buf_str(&whole), buf_str(&back)));
        buf_fini(&back);
    }
    buf_fini(&whole);
    buf_fini(&again);
}

static bool set_up(struct setup *s, struct str line)
{
    AUTO(arena) arena = arena_new(1 << 16);
    struct err e;
    err_init(&e, arena);
    if (line.n < 3)
        return false;
    *s = (struct setup){ .limit = LIMIT,
                         .target = { STR("t"), names, (size_t)(unsigned char)line.p[1] % (COLUMNS_MAX + 1) } };
    s->options.format = line.p[0] == 'b' ? COPY_BINARY : line.p[0] == 'c' ? COPY_CSV : COPY_TEXT;
    s->options.header = line.p[2] == 'm' ? COPY_HEADER_MATCH : line.p[2] == 'y' ? COPY_HEADER_LINE : COPY_HEADER_NONE;
    struct str *places[] = { &s->options.delimiter, &s->options.quote, &s->options.escape, &s->options.null_text };
    for (size_t i = 0; i < 4 && i + 3 < line.n; i++) {
        s->letters[i] = line.p[i + 3];
        if (s->letters[i] <= 0) /* a statement is UTF-8 without NUL: such a byte never comes alone */
            return false;
        if (s->letters[i] != '-')
            *places[i] = (struct str){ &s->letters[i], 1 };
    }
    return copy_options_check(&s->options, true, &e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data, *end = size ? memchr(data, '\n', size) : NULL;
    struct setup s;
    if (!end || !set_up(&s, (struct str){ text, (size_t)(end - text) }))
        return 0;
    check(&s, (struct str){ end + 1, (size_t)(text + size - end - 1) });
    return 0;
}
