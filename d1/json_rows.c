/* json_rows.c - see json_rows.h. */
#include "d1/json_rows.h"

#include <math.h>
#include <stdlib.h>
#include "proxy/base/fault.h"

enum list_state { LIST_NONE, LIST_START, LIST_AFTER_ROW, LIST_AFTER_COMMA };

void json_rows_init(struct json_rows *j, unsigned rows_depth, size_t max_row, size_t max_frame)
{
    *j = (struct json_rows){ .rows_depth = rows_depth };
    buf_init(&j->row, max_row);
    buf_init(&j->frame, max_frame);
}

void json_rows_fini(struct json_rows *j)
{
    buf_fini(&j->row);
    buf_fini(&j->frame);
    free(j->cells);
    *j = (struct json_rows){ .fault = JSON_ROWS_MALFORMED, .reason = "closed" };
}

static bool bad(struct json_rows *j, enum json_rows_fault fault, const char *reason)
{
    j->fault = fault;
    j->reason = reason;
    return false;
}

static bool malformed(struct json_rows *j, const char *reason)
{
    return bad(j, JSON_ROWS_MALFORMED, reason);
}

static bool append(struct json_rows *j, struct buf *b, const char *p, size_t n, const char *too_big)
{
    bool fits = n <= b->cap - b->n;
    buf_add(b, p, n);
    if (!b->failed)
        return true;
    return fits ? bad(j, JSON_ROWS_NO_MEMORY, "out of memory") : bad(j, JSON_ROWS_TOO_BIG, too_big);
}

/* ---- one row: its text, decoded in place, becomes cells ---- */

struct cursor {
    struct json_rows *j;
    char *p, *end;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void skip_blanks(struct cursor *c)
{
    while (c->p < c->end && is_blank(*c->p))
        c->p++;
}

static bool take(struct cursor *c, char wanted)
{
    skip_blanks(c);
    if (c->p == c->end || *c->p != wanted)
        return false;
    c->p++;
    return true;
}

static struct value *new_cell(struct json_rows *j)
{
    if (j->n_cells == JSON_ROWS_MAX_CELLS) {
        bad(j, JSON_ROWS_TOO_BIG, "a row has too many cells");
        return NULL;
    }
    if (j->n_cells == j->cells_size) {
        size_t size = j->cells_size ? j->cells_size * 2 : 16;
        struct value *cells = fault_realloc(j->cells, size * sizeof(*cells));
        if (!cells) {
            bad(j, JSON_ROWS_NO_MEMORY, "out of memory");
            return NULL;
        }
        j->cells = cells;
        j->cells_size = size;
    }
    return &j->cells[j->n_cells++];
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static const char *skip_digits(const char *p)
{
    while (is_digit(*p))
        p++;
    return p;
}

/* Where a number by JSON's grammar ends, or NULL. The text ends with the row's bracket, so nothing runs over it. */
static const char *number_end(const char *p, bool *ret_is_integer)
{
    p += *p == '-';
    if (!is_digit(*p) || (p[0] == '0' && is_digit(p[1])))
        return NULL;
    p = skip_digits(p);
    *ret_is_integer = true;
    if (*p == '.') {
        *ret_is_integer = false;
        if (!is_digit(*++p))
            return NULL;
        p = skip_digits(p);
    }
    if (*p == 'e' || *p == 'E') {
        *ret_is_integer = false;
        p++;
        p += *p == '+' || *p == '-';
        if (!is_digit(*p))
            return NULL;
        p = skip_digits(p);
    }
    return p;
}

/* A JavaScript number: what is integral and exact in a double is INTEGER, the rest REAL. */
static bool read_number(struct cursor *c, struct value *ret)
{
    bool is_integer;
    const char *end = number_end(c->p, &is_integer);
    if (!end)
        return malformed(c->j, "malformed number");
    if (is_integer && end - c->p <= 15) {
        int64_t v = 0;
        for (const char *p = c->p + (*c->p == '-'); p < end; p++)
            v = v * 10 + (*p - '0');
        *ret = value_integer(*c->p == '-' ? -v : v);
    } else {
        double v = strtod(c->p, NULL);
        if (!isfinite(v))
            return malformed(c->j, "a number out of range");
        bool exact = v == trunc(v) && fabs(v) < 9007199254740992.0;
        *ret = exact ? value_integer((int64_t)v) : value_real(v);
    }
    c->p += end - c->p;
    return true;
}

/* The four digits after \u; -1 when they are none. */
static int32_t read_hex4(const char *p, const char *end)
{
    int32_t v = 0;
    if (end - p < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int d = hex_digit(p[i]);
        if (d < 0)
            return -1;
        v = v * 16 + d;
    }
    return v;
}

static char *put_utf8(char *out, int32_t c)
{
    if (c < 0x80) {
        *out++ = (char)c;
        return out;
    }
    if (c < 0x800) {
        *out++ = (char)(0xc0 | c >> 6);
    } else {
        if (c < 0x10000) {
            *out++ = (char)(0xe0 | c >> 12);
        } else {
            *out++ = (char)(0xf0 | c >> 18);
            *out++ = (char)(0x80 | (c >> 12 & 0x3f));
        }
        *out++ = (char)(0x80 | (c >> 6 & 0x3f));
    }
    *out++ = (char)(0x80 | (c & 0x3f));
    return out;
}

/* \uXXXX, two of them for characters beyond U+FFFF. c->p is behind the u. NULL: malformed. */
static char *read_unicode_escape(struct cursor *c, char *out)
{
    int32_t high = read_hex4(c->p, c->end);
    if (high < 0)
        return NULL;
    c->p += 4;
    if (high < 0xd800 || high > 0xdfff)
        return put_utf8(out, high);
    if (high > 0xdbff || c->end - c->p < 6 || c->p[0] != '\\' || c->p[1] != 'u')
        return NULL;
    int32_t low = read_hex4(c->p + 2, c->end);
    if (low < 0xdc00 || low > 0xdfff)
        return NULL;
    c->p += 6;
    return put_utf8(out, 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00));
}

static char *read_escape(struct cursor *c, char *out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    char letter = *c->p++;
    if (letter == 'u')
        return read_unicode_escape(c, out);
    const char *at = letter ? strchr(from, letter) : NULL;
    if (!at)
        return NULL;
    *out++ = to[at - from];
    return out;
}

static bool is_plain(char c)
{
    return c != '"' && c != '\\' && (unsigned char)c >= 0x20;
}

/* c->p is behind the opening quote. Escapes shrink, so the text is decoded where it stands. */
static bool read_string(struct cursor *c, struct value *ret)
{
    char *start = c->p, *out;
    while (c->p < c->end && is_plain(*c->p))
        c->p++;
    out = c->p;
    while (c->p < c->end && *c->p != '"') {
        if ((unsigned char)*c->p < 0x20)
            return malformed(c->j, "a control character in a string");
        if (*c->p != '\\') {
            *out++ = *c->p++;
            continue;
        }
        c->p++;
        out = c->p < c->end ? read_escape(c, out) : NULL;
        if (!out)
            return malformed(c->j, "malformed escape");
    }
    if (!take(c, '"'))
        return malformed(c->j, "an unterminated string");
    *ret = value_text((struct str){ start, (size_t)(out - start) });
    return true;
}

/* c->p is behind the opening bracket: a BLOB as list of bytes, decoded where it stands. */
static bool read_bytes(struct cursor *c, struct value *ret)
{
    char *start = c->p, *out = c->p;
    while (!take(c, ']')) {
        struct value byte;
        if (out > start && !take(c, ','))
            return malformed(c->j, "a list of bytes without comma");
        skip_blanks(c);
        if (!read_number(c, &byte))
            return false;
        if (byte.class != VALUE_INTEGER || byte.integer < 0 || byte.integer > 255)
            return malformed(c->j, "a byte out of range");
        *out++ = (char)byte.integer;
    }
    *ret = value_blob((struct str){ start, (size_t)(out - start) });
    return true;
}

static bool read_cell(struct cursor *c, struct value *ret)
{
    skip_blanks(c);
    switch (*c->p) {
    case '"':
        c->p++;
        return read_string(c, ret);
    case '[':
        c->p++;
        return read_bytes(c, ret);
    case 'n':
        if (c->end - c->p < 4 || memcmp(c->p, "null", 4) != 0)
            return malformed(c->j, "an unknown word");
        c->p += 4;
        *ret = value_null();
        return true;
    default:
        return read_number(c, ret);
    }
}

/* The whole text of a row, brackets included, is in j->row. */
static bool decode_row(struct json_rows *j)
{
    struct cursor c = { j, j->row.p, j->row.p + j->row.n };
    size_t where;
    j->n_cells = 0;
    if (j->has_high && !str_is_utf8(buf_str(&j->row), &where))
        return malformed(j, "a text that is not UTF-8");
    take(&c, '[');
    if (take(&c, ']'))
        return c.p == c.end || malformed(j, "a malformed row");
    do {
        struct value *cell = new_cell(j);
        if (!cell || !read_cell(&c, cell))
            return false;
    } while (take(&c, ','));
    if (!take(&c, ']') || c.p != c.end)
        return malformed(j, "a malformed row");
    return true;
}

/* ---- the frame around the rows ---- */

static bool open_container(struct json_rows *j, char kind)
{
    if (j->depth == JSON_ROWS_MAX_DEPTH)
        return malformed(j, "nested too deeply");
    bool is_list = kind == '[' && j->key_is_rows && j->depth + 1 == j->rows_depth && j->depth >= 2 &&
                   j->kinds[1] == '[' && j->kinds[j->depth - 1] == '{';
    if (j->depth == 1)
        j->results = 0;
    if (j->depth == 2)
        j->results++;
    j->kinds[j->depth++] = kind;
    j->list = is_list ? LIST_START : LIST_NONE;
    j->at_key = kind == '{';
    j->key_is_rows = false;
    return true;
}

static bool close_container(struct json_rows *j, char kind)
{
    if (j->depth == 0 || j->kinds[j->depth - 1] != kind)
        return malformed(j, "brackets do not match");
    if (j->list == LIST_AFTER_COMMA)
        return malformed(j, "a comma before the end of a list");
    j->depth--;
    j->is_over = j->depth == 0;
    j->list = LIST_NONE;
    j->at_key = false;
    return true;
}

static void end_string(struct json_rows *j)
{
    j->in_string = false;
    if (!j->is_key)
        return;
    j->is_key = false;
    struct str key = { j->frame.p + j->key_start, j->frame.n - j->key_start };
    j->key_is_rows = str_eq(key, STR("rows"));
}

static bool frame_byte(struct json_rows *j, char c)
{
    if (j->is_over && !is_blank(c))
        return malformed(j, "more than one answer");
    if (j->in_string) {
        if (j->escaped)
            j->escaped = false;
        else if (c == '\\')
            j->escaped = true;
        else if (c == '"')
            end_string(j);
        return append(j, &j->frame, &c, 1, "the answer's frame is too big");
    }
    if (!append(j, &j->frame, &c, 1, "the answer's frame is too big"))
        return false;
    switch (c) {
    case '"':
        j->in_string = true;
        j->is_key = j->at_key;
        j->at_key = false;
        j->key_start = j->frame.n;
        return true;
    case '{':
    case '[':
        return open_container(j, c);
    case '}':
        return close_container(j, '{');
    case ']':
        return close_container(j, '[');
    case ',':
        j->at_key = j->depth > 0 && j->kinds[j->depth - 1] == '{';
        j->key_is_rows = false;
        return true;
    default:
        return true;
    }
}

/* Between the rows of a list. Only its brackets go into the frame. */
static bool list_byte(struct json_rows *j, char c)
{
    if (is_blank(c))
        return true;
    switch (c) {
    case ']':
        return frame_byte(j, c);
    case ',':
        if (j->list != LIST_AFTER_ROW)
            return malformed(j, "a comma without a row before it");
        j->list = LIST_AFTER_COMMA;
        return true;
    case '[':
        if (j->list == LIST_AFTER_ROW)
            return malformed(j, "rows without a comma between them");
        buf_reset(&j->row);
        j->row_depth = 1;
        j->has_high = false;
        return append(j, &j->row, &c, 1, "a row is too big");
    default:
        return malformed(j, "a row that is not a list");
    }
}

/* Where the string under way ends, or n. */
static size_t scan_string(struct json_rows *j, const char *p, size_t i, size_t n)
{
    unsigned char high = 0;
    for (; i < n && j->in_string; i++) {
        high |= (unsigned char)p[i];
        if (j->escaped)
            j->escaped = false;
        else if (p[i] == '\\')
            j->escaped = true;
        else if (p[i] == '"')
            j->in_string = false;
    }
    j->has_high = j->has_high || high >= 0x80;
    return i;
}

/* How many of the n bytes at p belong to the row under way; its end clears row_depth. */
static size_t scan_row(struct json_rows *j, const char *p, size_t n)
{
    size_t i = scan_string(j, p, 0, n);
    while (i < n) {
        char c = p[i++];
        if (c == '"') {
            j->in_string = true;
            i = scan_string(j, p, i, n);
        } else if (c == '[' || c == '{') {
            if (j->row_depth < JSON_ROWS_MAX_DEPTH)
                j->row_depth++; /* such a row is refused when decoded */
        } else if ((c == ']' || c == '}') && --j->row_depth == 0) {
            return i;
        }
    }
    return n;
}

static void skip(struct str *s, size_t n)
{
    s->p += n;
    s->n -= n;
}

static bool row_bytes(struct json_rows *j, struct str *in)
{
    size_t n = scan_row(j, in->p, in->n);
    bool kept = append(j, &j->row, in->p, n, "a row is too big");
    skip(in, n);
    return kept;
}

/* Long texts of the frame, as an error's, go in one piece. */
static bool frame_bytes(struct json_rows *j, struct str *in)
{
    size_t n = 0;
    if (j->in_string && !j->escaped)
        while (n < in->n && in->p[n] != '"' && in->p[n] != '\\')
            n++;
    if (n == 0) {
        char c = *in->p;
        skip(in, 1);
        return j->list ? list_byte(j, c) : frame_byte(j, c);
    }
    bool kept = append(j, &j->frame, in->p, n, "the answer's frame is too big");
    skip(in, n);
    return kept;
}

enum json_rows_event json_rows_feed(struct json_rows *j, struct str *in)
{
    if (j->fault)
        return JSON_ROWS_BAD;
    while (in->n) {
        if (j->row_depth) {
            if (!row_bytes(j, in))
                return JSON_ROWS_BAD;
            if (j->row_depth)
                continue;
            j->list = LIST_AFTER_ROW;
            j->result = j->results - 1;
            return decode_row(j) ? JSON_ROWS_ROW : JSON_ROWS_BAD;
        }
        if (!frame_bytes(j, in))
            return JSON_ROWS_BAD;
    }
    return JSON_ROWS_MORE;
}

struct str json_rows_frame(struct json_rows *j)
{
    buf_add_char(&j->frame, '\0');
    return j->frame.failed ? (struct str){ NULL, 0 } : (struct str){ j->frame.p, j->frame.n - 1 };
}
