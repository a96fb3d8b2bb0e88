/*
 * copy_text.c - see copy_text.h.
 *
 * Reading has two steps, as in PostgreSQL: find the end of the line, minding quotes and escapes only as far as they can
 * hide a line end (scan_line), then cut the line into fields (split_text, split_csv). A line that lies whole in a chunk
 * is read where it is; only one that crosses chunks is gathered in `line`.
 */
#include "pgwire/copy_text.h"

#include <stdlib.h>
#include "pgwire/wire.h"
#include "proxy/base/fault.h"

enum { PIECE = 4096, SHOWN_BYTES = 100 };

static char only(struct str s)
{
    return s.p[0];
}

static bool is_csv(const struct copy_in *c)
{
    return c->options->format == COPY_CSV;
}

/* --- messages --- */

/* At most SHOWN_BYTES bytes of s, cut between characters. */
static struct str shown(struct str s, const char **ret_dots)
{
    *ret_dots = "";
    if (s.n <= SHOWN_BYTES)
        return s;
    s.n = SHOWN_BYTES;
    while (s.n && ((unsigned char)s.p[s.n] & 0xC0) == 0x80)
        s.n--;
    *ret_dots = "...";
    return s;
}

static void context_line(const struct copy_in *c, bool with_text, struct err *err)
{
    const char *dots;
    struct str text = shown(c->current, &dots);
    unsigned long long line = c->line_number;
    if (with_text)
        err->context = arena_printf(err->arena, "COPY %.*s, line %llu: \"%.*s%s\"", STR_FMT(c->target->relation), line,
                                    STR_FMT(text), dots);
    else
        err->context = arena_printf(err->arena, "COPY %.*s, line %llu", STR_FMT(c->target->relation), line);
}

void copy_in_context(const struct copy_in *c, size_t column, struct err *err)
{
    struct str name = c->target->columns[column], value = c->fields[column];
    const char *dots;
    struct str text = shown(value, &dots);
    unsigned long long line = c->line_number;
    if (value.p)
        err->context = arena_printf(err->arena, "COPY %.*s, line %llu, column %.*s: \"%.*s%s\"",
                                    STR_FMT(c->target->relation), line, STR_FMT(name), STR_FMT(text), dots);
    else
        err->context = arena_printf(err->arena, "COPY %.*s, line %llu, column %.*s: null input",
                                    STR_FMT(c->target->relation), line, STR_FMT(name));
}

static bool bad_file(struct err *err, const char *text)
{
    return err_set(err, SQLSTATE_BAD_COPY_FILE_FORMAT, "%s", text);
}

static bool wrong_line_end(const struct copy_in *c, bool is_return, struct err *err)
{
    const char *name = is_return ? "carriage return" : "newline";
    if (is_csv(c)) {
        err_set(err, SQLSTATE_BAD_COPY_FILE_FORMAT, "unquoted %s found in data", name);
        return err_hint(err, "Use quoted CSV field to represent %s.", name);
    }
    err_set(err, SQLSTATE_BAD_COPY_FILE_FORMAT, "literal %s found in data", name);
    return err_hint(err, "Use \"\\%c\" to represent %s.", is_return ? 'r' : 'n', name);
}

/* --- life --- */

bool copy_in_init(struct copy_in *c, const struct copy_options *options, const struct copy_target *target,
                  size_t max_line, struct err *err)
{
    *c = (struct copy_in){ .options = options,
                           .target = target,
                           .max_line = max_line,
                           .header_pending = options->header != COPY_HEADER_NONE };
    buf_init(&c->line, max_line + 2 * PIECE);
    buf_init(&c->cells, max_line + 1);
    c->is_special['\r'] = c->is_special['\n'] = c->is_special['\\'] = true;
    if (options->format == COPY_CSV) {
        c->is_special[(unsigned char)only(options->quote)] = true;
        c->is_special[(unsigned char)only(options->escape)] = true;
    }
    c->fields = fault_calloc(target->n_columns + 1, sizeof(*c->fields));
    c->is_failed = !c->fields;
    return c->fields || err_oom(err);
}

void copy_in_fini(struct copy_in *c)
{
    free(c->fields);
    buf_fini(&c->line);
    buf_fini(&c->cells);
    *c = (struct copy_in){ .is_failed = true };
}

void copy_in_give(struct copy_in *c, struct str chunk)
{
    c->chunk = chunk;
}

void copy_in_last(struct copy_in *c)
{
    c->is_last = true;
}

/* --- finding the line --- */

enum scan { SCAN_MORE, SCAN_LINE, SCAN_LAST, SCAN_ERROR };

/* A found line: n bytes of text, `used` with its end. */
struct found {
    size_t n, used;
};

static enum scan found_line(struct copy_in *c, size_t used, struct found *ret)
{
    *ret = (struct found){ c->at, used };
    return SCAN_LINE;
}

/* The byte at i, or NUL past the end: PostgreSQL's buffer ends so too. */
static char peek(struct str w, size_t i)
{
    return i < w.n ? w.p[i] : 0;
}

static enum scan scan_return(struct copy_in *c, struct str w, struct found *ret, struct err *err)
{
    bool with_newline = peek(w, c->at + 1) == '\n' && c->eol != COPY_EOL_CR;
    if (c->eol == COPY_EOL_NL || (c->eol == COPY_EOL_CRNL && !with_newline)) {
        wrong_line_end(c, true, err);
        return SCAN_ERROR;
    }
    c->eol = with_newline ? COPY_EOL_CRNL : COPY_EOL_CR;
    return found_line(c, c->at + 1 + with_newline, ret);
}

static enum scan scan_newline(struct copy_in *c, struct found *ret, struct err *err)
{
    if (c->eol == COPY_EOL_CR || c->eol == COPY_EOL_CRNL) {
        wrong_line_end(c, false, err);
        return SCAN_ERROR;
    }
    c->eol = COPY_EOL_NL;
    return found_line(c, c->at + 1, ret);
}

/* What stands at a backslash that may begin the end marker. */
enum marker { MARKER_NONE, MARKER_END, MARKER_CORRUPT, MARKER_MISMATCH };

/* Whether "\." is followed by the line end in use. In csv anything else is data; in text nothing else may follow. */
static enum marker read_marker(const struct copy_in *c, struct str w)
{
    size_t i = c->at + 2;
    enum marker other = is_csv(c) ? MARKER_NONE : MARKER_CORRUPT;
    if (c->eol == COPY_EOL_CRNL) {
        char first = peek(w, i++);
        if (first == '\n')
            return is_csv(c) ? MARKER_NONE : MARKER_MISMATCH;
        if (first != '\r')
            return other;
    }
    char last = peek(w, i);
    if (last != '\r' && last != '\n')
        return other;
    if (c->eol == COPY_EOL_UNKNOWN)
        return MARKER_END;
    return last == (c->eol == COPY_EOL_CR ? '\r' : '\n') ? MARKER_END : MARKER_MISMATCH;
}

static bool may_be_marker(const struct copy_in *c)
{
    return !is_csv(c) || !c->is_past_first;
}

/* Whether deciding about the byte at c->at takes bytes that have not come yet. */
static bool needs_more(const struct copy_in *c, struct str w)
{
    char ch = w.p[c->at];
    size_t left = w.n - c->at - 1;
    if (c->is_last || (ch != '\r' && ch != '\\'))
        return false;
    if (left == 0)
        return true;
    if (ch != '\\' || !may_be_marker(c) || peek(w, c->at + 1) != '.')
        return false;
    bool is_pair = c->eol == COPY_EOL_CRNL && peek(w, c->at + 2) == '\r';
    return left < (is_pair ? 3u : 2u);
}

/* The byte after a backslash of the text format hides from the scanner, line ends too. Answers SCAN_MORE to go on. */
static enum scan scan_backslash(struct copy_in *c, struct str w, struct found *ret, struct err *err)
{
    bool is_dot = peek(w, c->at + 1) == '.';
    enum marker marker = is_dot ? read_marker(c, w) : MARKER_NONE;
    switch (marker) {
    case MARKER_END:
        found_line(c, w.n, ret);
        return SCAN_LAST;
    case MARKER_CORRUPT:
        bad_file(err, "end-of-copy marker corrupt");
        return SCAN_ERROR;
    case MARKER_MISMATCH:
        bad_file(err, "end-of-copy marker does not match previous newline style");
        return SCAN_ERROR;
    case MARKER_NONE:
        break;
    }
    c->at += !is_csv(c) && c->at + 1 < w.n ? 2 : 1;
    return SCAN_MORE;
}

/* Quotes as far as the scanner minds them: an escape counts only inside quotes, and not the second of a pair. */
static void scan_quotes(struct copy_in *c, char ch)
{
    char quote = only(c->options->quote), escape = only(c->options->escape);
    bool is_escape = ch == escape && escape != quote;
    if (c->in_quote && is_escape)
        c->after_escape = !c->after_escape;
    if (ch == quote && !c->after_escape)
        c->in_quote = !c->in_quote;
    if (!is_escape)
        c->after_escape = false;
    if (c->in_quote && ch == (c->eol == COPY_EOL_NL ? '\n' : '\r'))
        c->line_number++;
}

static void skip_plain(struct copy_in *c, struct str w)
{
    size_t at = c->at;
    while (at < w.n && !c->is_special[(unsigned char)w.p[at]])
        at++;
    if (at == c->at)
        return;
    c->at = at;
    c->is_past_first = true;
    c->after_escape = false;
}

static enum scan too_long(const struct copy_in *c, struct err *err)
{
    err_set(err, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "line of COPY data is longer than %zu bytes", c->max_line);
    return SCAN_ERROR;
}

/* Looks for the end of the line in w, which starts where the line starts, from c->at on. */
static enum scan scan_line(struct copy_in *c, struct str w, struct found *ret, struct err *err)
{
    for (;;) {
        skip_plain(c, w);
        if (c->at > c->max_line) /* here, not when the line is whole: the answer must not depend on the chunks */
            return too_long(c, err);
        if (c->at >= w.n)
            break;
        if (needs_more(c, w))
            return SCAN_MORE;
        char ch = w.p[c->at];
        if (is_csv(c))
            scan_quotes(c, ch);
        if (ch == '\r' && !c->in_quote)
            return scan_return(c, w, ret, err);
        if (ch == '\n' && !c->in_quote)
            return scan_newline(c, ret, err);
        if (ch == '\\' && may_be_marker(c)) {
            enum scan scan = scan_backslash(c, w, ret, err);
            if (scan != SCAN_MORE)
                return scan;
        } else {
            c->at++;
        }
        c->is_past_first = true;
    }
    if (!c->is_last)
        return SCAN_MORE;
    found_line(c, w.n, ret);
    return SCAN_LAST;
}

static void start_line(struct copy_in *c)
{
    if (c->is_started)
        return;
    c->is_started = true;
    c->line_number++;
    c->current = (struct str){ 0 };
    buf_reset(&c->line);
    c->at = 0;
    c->is_past_first = c->in_quote = c->after_escape = false;
}

/* The line in w was found: check it and pass over it. */
static enum scan take_line(struct copy_in *c, enum scan scan, struct str w, struct found found, struct err *err)
{
    struct str line = { w.p, found.n };
    if (!wire_check_utf8(line, (struct str){ w.p, found.used }, err))
        return SCAN_ERROR;
    c->current = line;
    c->is_started = false;
    return scan;
}

/* The start of a line at the head of the chunk. */
static enum scan read_in_chunk(struct copy_in *c, struct err *err)
{
    struct found found;
    enum scan scan = scan_line(c, c->chunk, &found, err);
    if (scan == SCAN_ERROR)
        return scan;
    struct str w = c->chunk;
    if (scan != SCAN_MORE) {
        c->chunk = (struct str){ w.p + found.used, w.n - found.used };
        return take_line(c, scan, w, found, err);
    }
    buf_add_str(&c->line, w);
    c->chunk = (struct str){ 0 };
    if (!c->line.failed)
        return SCAN_MORE;
    err_oom(err);
    return SCAN_ERROR;
}

/* A line that began in an earlier chunk goes on: gathered by pieces, so that a short end does not copy a long chunk. */
static enum scan read_gathered(struct copy_in *c, struct err *err)
{
    do {
        struct found found;
        struct str piece = { c->chunk.p, c->chunk.n < PIECE ? c->chunk.n : PIECE };
        buf_add_str(&c->line, piece);
        if (c->line.failed) {
            err_oom(err);
            return SCAN_ERROR;
        }
        c->chunk = piece.n ? (struct str){ piece.p + piece.n, c->chunk.n - piece.n } : (struct str){ 0 };
        /* While bytes are still in the chunk, these are not the last. */
        bool is_last = c->is_last;
        c->is_last = is_last && c->chunk.n == 0;
        enum scan scan = scan_line(c, buf_str(&c->line), &found, err);
        c->is_last = is_last;
        if (scan == SCAN_ERROR)
            return scan;
        if (scan != SCAN_MORE) {
            size_t back = c->line.n - found.used; /* lies in this piece: before it, the line had no end */
            if (back)
                c->chunk = (struct str){ piece.p + piece.n - back, c->chunk.n + back };
            return take_line(c, scan, buf_str(&c->line), found, err);
        }
    } while (c->chunk.n > 0);
    return SCAN_MORE;
}

static enum scan read_line(struct copy_in *c, struct err *err)
{
    if (c->chunk.n == 0 && !c->is_last)
        return SCAN_MORE;
    start_line(c);
    enum scan scan = c->line.n == 0 && c->chunk.n > 0 ? read_in_chunk(c, err) : read_gathered(c, err);
    if (scan == SCAN_ERROR)
        context_line(c, false, err);
    return scan;
}

/* --- cutting the line into fields --- */

/* Keeps a field if there is a column for it; answers the new count. */
static size_t put_field(struct copy_in *c, size_t n, struct str field)
{
    if (n < c->target->n_columns)
        c->fields[n] = field;
    return n + 1;
}

static bool is_octal(char ch)
{
    return ch >= '0' && ch <= '7';
}

/* Up to three octal digits at *at. */
static char unescape_octal(struct str raw, size_t *at)
{
    unsigned v = 0;
    for (int i = 0; i < 3 && *at < raw.n && is_octal(raw.p[*at]); i++)
        v = v << 3 | (unsigned)(raw.p[(*at)++] - '0');
    return (char)v;
}

/* Up to two hexadecimal digits at *at; none: the 'x' itself. */
static char unescape_hex(struct str raw, size_t *at)
{
    unsigned v = 0;
    int i = 0, digit;
    for (; i < 2 && *at < raw.n && (digit = hex_digit(raw.p[*at])) >= 0; i++, (*at)++)
        v = v << 4 | (unsigned)digit;
    return i ? (char)v : 'x';
}

/* What stands after a backslash, *at on its first byte. */
static char unescape(struct str raw, size_t *at)
{
    static const char letters[] = "bfnrtv", values[] = "\b\f\n\r\t\v";
    char ch = raw.p[*at];
    if (is_octal(ch))
        return unescape_octal(raw, at);
    (*at)++;
    if (ch == 'x')
        return unescape_hex(raw, at);
    const char *letter = memchr(letters, ch, sizeof(letters) - 1);
    return letter ? values[letter - letters] : ch;
}

/* How far s goes on from at without a or b. */
static size_t run_until(struct str s, size_t at, char a, char b)
{
    while (at < s.n && s.p[at] != a && s.p[at] != b)
        at++;
    return at;
}

/* The run of bytes from *at without a or b goes to cells as it is. */
static void copy_run(struct copy_in *c, struct str s, size_t *at, char a, char b)
{
    size_t end = run_until(s, *at, a, b);
    buf_add(&c->cells, s.p + *at, end - *at);
    *at = end;
}

/* Appends the unescaped field to cells, which has room for the whole line already. */
static struct str unescape_field(struct copy_in *c, struct str raw)
{
    size_t start = c->cells.n;
    for (size_t at = 0; at < raw.n;) {
        copy_run(c, raw, &at, '\\', '\\');
        at++;
        if (at < raw.n)
            buf_add_char(&c->cells, unescape(raw, &at));
    }
    return (struct str){ c->cells.p + start, c->cells.n - start };
}

/* The raw field at *at of the line, *at then on the byte after its delimiter. */
static struct str cut_text(const struct copy_in *c, size_t *at, bool *ret_delimiter, bool *ret_escaped)
{
    struct str line = c->current;
    char delimiter = only(c->options->delimiter);
    size_t start = *at, i = start;
    *ret_escaped = false;
    while (i < line.n && line.p[i] != delimiter) {
        if (line.p[i] == '\\') {
            if (i + 1 == line.n)
                break; /* a lone backslash at the end stands for nothing */
            *ret_escaped = true;
            i++;
        }
        i++;
    }
    *ret_delimiter = i < line.n && line.p[i] == delimiter;
    *at = i + 1;
    return (struct str){ line.p + start, i - start };
}

static bool split_text(struct copy_in *c, size_t *ret_n, struct err *err)
{
    size_t at = 0, n = 0;
    bool more, is_escaped;
    do {
        struct str field = cut_text(c, &at, &more, &is_escaped);
        if (str_eq(field, c->options->null_text)) {
            field = (struct str){ 0 };
        } else if (is_escaped) {
            field = unescape_field(c, field);
            if (!wire_check_utf8(field, field, err))
                return false;
        }
        n = put_field(c, n, field);
    } while (more);
    *ret_n = n;
    return true;
}

/* A quoted stretch, *at on the byte after its quote; then on the byte after the closing one. */
static bool unquote(struct copy_in *c, size_t *at, struct err *err)
{
    struct str line = c->current;
    char quote = only(c->options->quote), escape = only(c->options->escape);
    for (;;) {
        copy_run(c, line, at, quote, escape);
        if (*at == line.n)
            return bad_file(err, "unterminated CSV quoted field");
        char ch = line.p[(*at)++], next = peek(line, *at);
        if (ch == escape && *at < line.n && (next == escape || next == quote)) {
            buf_add_char(&c->cells, next);
            (*at)++;
        } else if (ch == quote) {
            return true;
        } else {
            buf_add_char(&c->cells, ch);
        }
    }
}

/* The field at *at of the line, *at then on the byte after its delimiter. Without quotes it is a view of the line. */
static bool cut_csv(struct copy_in *c, size_t *at, struct str *ret, bool *ret_delimiter, struct err *err)
{
    struct str line = c->current;
    char delimiter = only(c->options->delimiter), quote = only(c->options->quote);
    size_t start = *at, cell = c->cells.n, end = run_until(line, start, delimiter, quote);
    if (end == line.n || line.p[end] == delimiter) {
        struct str raw = { line.p + start, end - start };
        *at = end;
        *ret = str_eq(raw, c->options->null_text) ? (struct str){ 0 } : raw;
    } else {
        copy_run(c, line, at, delimiter, quote);
        while (*at < line.n && line.p[*at] == quote) {
            (*at)++;
            if (!unquote(c, at, err))
                return false;
            copy_run(c, line, at, delimiter, quote);
        }
        *ret = (struct str){ c->cells.p + cell, c->cells.n - cell };
    }
    *ret_delimiter = *at < line.n;
    (*at)++;
    return true;
}

static bool split_csv(struct copy_in *c, size_t *ret_n, struct err *err)
{
    size_t at = 0, n = 0;
    bool more;
    do {
        struct str field;
        if (!cut_csv(c, &at, &field, &more, err))
            return false;
        n = put_field(c, n, field);
    } while (more);
    *ret_n = n;
    return true;
}

/* The line's fields; *ret_n may be above or below the number of columns. */
static bool split(struct copy_in *c, size_t *ret_n, struct err *err)
{
    if (!c->current.p)
        c->current = STR("");
    buf_reset(&c->cells);
    if (!buf_reserve(&c->cells, c->current.n + 1)) /* fields point into cells: it must not move from here on */
        return err_oom(err);
    if (c->target->n_columns == 0) {
        *ret_n = c->current.n != 0;
        return true;
    }
    return is_csv(c) ? split_csv(c, ret_n, err) : split_text(c, ret_n, err);
}

static bool check_header(struct copy_in *c, struct err *err)
{
    size_t n, expected = c->target->n_columns;
    if (!split(c, &n, err))
        return false;
    if (n != expected)
        return err_set(err, SQLSTATE_BAD_COPY_FILE_FORMAT,
                       "wrong number of fields in header line: got %zu, expected %zu", n, expected);
    for (size_t i = 0; i < expected; i++) {
        struct str name = c->target->columns[i], field = c->fields[i];
        if (!field.p)
            return err_set(
                err, SQLSTATE_BAD_COPY_FILE_FORMAT,
                "column name mismatch in header line field %zu: got null value (\"%.*s\"), expected \"%.*s\"", i + 1,
                STR_FMT(c->options->null_text), STR_FMT(name));
        if (!str_eq(field, name))
            return err_set(err, SQLSTATE_BAD_COPY_FILE_FORMAT,
                           "column name mismatch in header line field %zu: got \"%.*s\", expected \"%.*s\"", i + 1,
                           STR_FMT(field), STR_FMT(name));
    }
    return true;
}

static void force_nulls(struct copy_in *c)
{
    const struct copy_options *o = c->options;
    for (size_t i = 0; i < c->target->n_columns; i++) {
        struct str *field = &c->fields[i];
        if (!field->p && o->force_not_null && o->force_not_null[i])
            *field = o->null_text;
        else if (field->p && o->force_null && o->force_null[i] && str_eq(*field, o->null_text))
            *field = (struct str){ 0 };
    }
}

static bool read_row(struct copy_in *c, struct copy_row *ret, struct err *err)
{
    size_t n, expected = c->target->n_columns;
    if (!split(c, &n, err))
        return false;
    *ret = (struct copy_row){ c->fields, n < expected ? n : 0 };
    if (n > expected)
        return bad_file(err, "extra data after last expected column");
    if (n < expected)
        return err_set(err, SQLSTATE_BAD_COPY_FILE_FORMAT, "missing data for column \"%.*s\"",
                       STR_FMT(c->target->columns[n]));
    if (is_csv(c))
        force_nulls(c);
    return true;
}

/* --- rows --- */

static enum copy_result fail(struct copy_in *c)
{
    c->is_failed = true;
    return COPY_ERROR;
}

static enum copy_result fail_in_line(struct copy_in *c, struct err *err)
{
    context_line(c, true, err);
    return fail(c);
}

static enum copy_result next_row(struct copy_in *c, struct copy_row *ret, struct err *err)
{
    for (;;) {
        enum scan scan = read_line(c, err);
        if (scan == SCAN_ERROR)
            return fail(c);
        if (scan == SCAN_MORE)
            return COPY_MORE;
        c->is_ended = scan == SCAN_LAST;
        bool is_header = c->header_pending;
        c->header_pending = false;
        if (is_header && c->options->header == COPY_HEADER_MATCH && !check_header(c, err))
            return fail_in_line(c, err);
        if (c->is_ended && (is_header || c->current.n == 0))
            return COPY_END;
        if (is_header)
            continue;
        if (!read_row(c, ret, err))
            return fail_in_line(c, err);
        *ret = (struct copy_row){ c->fields, c->target->n_columns };
        return COPY_ROW;
    }
}

enum copy_result copy_in_next(struct copy_in *c, struct copy_row *ret, struct err *err)
{
    *ret = (struct copy_row){ 0 };
    if (c->is_failed) {
        bad_file(err, "COPY data could not be read");
        return COPY_ERROR;
    }
    return c->is_ended ? COPY_END : next_row(c, ret, err);
}

/* --- writing --- */

static void write_text(const struct copy_options *o, struct str s, struct buf *out)
{
    static const char letters[] = "btnvfr"; /* of 0x08 to 0x0D */
    size_t start = 0;
    for (size_t i = 0; i < s.n; i++) {
        char ch = s.p[i];
        bool is_letter = ch >= '\b' && ch <= '\r';
        if (!is_letter && ch != '\\' && ch != only(o->delimiter))
            continue;
        buf_add(out, s.p + start, i - start);
        buf_add_char(out, '\\');
        buf_add_char(out, is_letter ? letters[ch - '\b'] : ch);
        start = i + 1;
    }
    if (start < s.n)
        buf_add(out, s.p + start, s.n - start);
}

static bool wants_quotes(const struct copy_options *o, struct str s, bool is_single)
{
    if (str_eq(s, o->null_text) || (is_single && str_is(s, "\\.")))
        return true;
    for (size_t i = 0; i < s.n; i++) {
        char ch = s.p[i];
        if (ch == only(o->delimiter) || ch == only(o->quote) || ch == '\n' || ch == '\r')
            return true;
    }
    return false;
}

static void write_csv(const struct copy_options *o, struct str s, bool is_forced, bool is_single, struct buf *out)
{
    if (!is_forced && !wants_quotes(o, s, is_single)) {
        buf_add_str(out, s);
        return;
    }
    char quote = only(o->quote), escape = only(o->escape);
    buf_add_char(out, quote);
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == quote || s.p[i] == escape)
            buf_add_char(out, escape);
        buf_add_char(out, s.p[i]);
    }
    buf_add_char(out, quote);
}

static void write_field(const struct copy_options *o, struct str s, bool is_forced, bool is_single, struct buf *out)
{
    if (!s.p)
        buf_add_str(out, o->null_text);
    else if (o->format == COPY_CSV)
        write_csv(o, s, is_forced, is_single, out);
    else
        write_text(o, s, out);
}

void copy_out_header(const struct copy_options *o, const struct copy_target *target, struct buf *out)
{
    if (o->header == COPY_HEADER_NONE)
        return;
    for (size_t i = 0; i < target->n_columns; i++) {
        if (i)
            buf_add_str(out, o->delimiter);
        write_field(o, target->columns[i], false, target->n_columns == 1, out);
    }
    buf_add_char(out, '\n');
}

void copy_out_row(const struct copy_options *o, const struct str *fields, size_t n, struct buf *out)
{
    for (size_t i = 0; i < n; i++) {
        if (i)
            buf_add_str(out, o->delimiter);
        write_field(o, fields[i], o->force_quote_all || (o->force_quote && o->force_quote[i]), n == 1, out);
    }
    buf_add_char(out, '\n');
}
