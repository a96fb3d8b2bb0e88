/* jsonb.c - see jsonb.h. A lexer that knows where PostgreSQL's would stop, and a recursive parser on it. */
#include "pgwire/jsonb.h"

#include <stdlib.h>

#include "pgwire/numeric.h"

enum token {
    TOKEN_END,
    TOKEN_STRING,
    TOKEN_NUMBER,
    TOKEN_TRUE,
    TOKEN_FALSE,
    TOKEN_NULL,
    TOKEN_OBJECT_START,
    TOKEN_OBJECT_END,
    TOKEN_ARRAY_START,
    TOKEN_ARRAY_END,
    TOKEN_COMMA,
    TOKEN_COLON,
};

struct parser {
    const char *at, *end;          /* cursor */
    const char *token_p, *token_e; /* the token at hand */
    const char *line_start;
    int line, depth;
    enum token token;
    bool builds;       /* a tree is wanted */
    bool canonical;    /* … of jsonb */
    struct str string; /* the text of a string token, when a tree is wanted */
    struct arena *arena;
    struct err *err;
};

/* ---- errors */

static size_t character_length(const char *p, const char *end)
{
    size_t n = 1;
    while (p + n < end && ((unsigned char)p[n] & 0xC0) == 0x80)
        n++;
    return n;
}

/* The line up to the end of the token, its last 50 bytes, with dots where something is left out. */
static struct str context_of(const struct parser *p)
{
    const char *start = p->line_start, *stop = p->token_e;
    while (stop - start >= 50)
        start += character_length(start, stop);
    if (start - p->line_start <= 3)
        start = p->line_start;
    bool more = p->token != TOKEN_END && stop < p->end && *stop != '\n' && *stop != '\r';
    return arena_printf(p->err->arena, "JSON data, line %d: %s%.*s%s", p->line, start > p->line_start ? "..." : "",
                        (int)(stop - start), start, more ? "..." : "");
}

static bool fail_code(struct parser *p, enum sqlstate code, const char *message, struct str detail)
{
    err_set(p->err, code, "%s", message);
    p->err->detail = detail;
    p->err->context = context_of(p);
    return false;
}

static bool fail(struct parser *p, struct str detail)
{
    return fail_code(p, SQLSTATE_INVALID_TEXT_REPRESENTATION, "invalid input syntax for type json", detail);
}

static bool fail_end(struct parser *p)
{
    return fail(p, STR("The input string ended unexpectedly."));
}

/* "Expected X, but found "…"." */
static bool fail_expected(struct parser *p, const char *expected)
{
    if (p->token == TOKEN_END)
        return fail_end(p);
    return fail(p, arena_printf(p->err->arena, "Expected %s, but found \"%.*s\".", expected,
                                (int)(p->token_e - p->token_p), p->token_p));
}

/* The token ends at e and is none. */
static bool fail_token(struct parser *p, const char *e)
{
    p->token_e = e;
    p->token = TOKEN_STRING; /* anything but the end */
    return fail(p, arena_printf(p->err->arena, "Token \"%.*s\" is invalid.", (int)(e - p->token_p), p->token_p));
}

/* ---- strings */

/* Text of a string token that is being put together; writes nothing when no tree is wanted. */
struct string {
    char *p; /* NULL until the first escape: the text is then a slice of the input */
    size_t n;
    int high; /* a high surrogate waits for its low one */
};

static void string_add(struct string *s, const char *p, size_t n)
{
    if (s->p)
        memcpy(s->p + s->n, p, n);
    s->n += n;
}

static void string_add_code(struct string *s, unsigned c)
{
    char u[4];
    size_t n = 0;
    if (c < 0x80) {
        u[n++] = (char)c;
    } else if (c < 0x800) {
        u[n++] = (char)(0xC0 | c >> 6);
        u[n++] = (char)(0x80 | (c & 0x3F));
    } else if (c < 0x10000) {
        u[n++] = (char)(0xE0 | c >> 12);
        u[n++] = (char)(0x80 | (c >> 6 & 0x3F));
        u[n++] = (char)(0x80 | (c & 0x3F));
    } else {
        u[n++] = (char)(0xF0 | c >> 18);
        u[n++] = (char)(0x80 | (c >> 12 & 0x3F));
        u[n++] = (char)(0x80 | (c >> 6 & 0x3F));
        u[n++] = (char)(0x80 | (c & 0x3F));
    }
    string_add(s, u, n);
}

static bool fail_surrogate(struct parser *p, const char *at, const char *which)
{
    p->token_e = at + character_length(at, p->end);
    p->token = TOKEN_STRING;
    return fail(p, arena_printf(p->err->arena, "Unicode %s.", which));
}

static const char after_high[] = "low surrogate must follow a high surrogate";

/* A code unit of \uXXXX; last: its last digit, where PostgreSQL's error points. */
static bool unicode_unit(struct parser *p, struct string *s, int unit, const char *last)
{
    if (unit >= 0xD800 && unit <= 0xDBFF) {
        if (s->high)
            return fail_surrogate(p, last, "high surrogate must not follow a high surrogate");
        s->high = unit;
        return true;
    }
    if (unit >= 0xDC00 && unit <= 0xDFFF) {
        if (!s->high)
            return fail_surrogate(p, last, after_high);
        unit = 0x10000 + ((s->high - 0xD800) << 10) + (unit - 0xDC00);
        s->high = 0;
    } else if (s->high) {
        return fail_surrogate(p, last, after_high);
    } else if (unit == 0) {
        p->token_e = last + 1;
        p->token = TOKEN_STRING;
        return fail_code(p, SQLSTATE_UNTRANSLATABLE_CHARACTER, "unsupported Unicode escape sequence",
                         STR("\\u0000 cannot be converted to text."));
    }
    string_add_code(s, (unsigned)unit);
    return true;
}

/* \uXXXX with the cursor on u. */
static bool unicode_escape(struct parser *p, struct string *s)
{
    int unit = 0;
    for (int i = 0; i < 4; i++) {
        if (++p->at >= p->end)
            return fail_token(p, p->end);
        int digit = hex_digit(*p->at);
        if (digit < 0) {
            p->token_e = p->at + character_length(p->at, p->end);
            p->token = TOKEN_STRING;
            return fail(p, STR("\"\\u\" must be followed by four hexadecimal digits."));
        }
        unit = unit << 4 | digit;
    }
    return !p->builds || unicode_unit(p, s, unit, p->at);
}

/* The character after a backslash, cursor on it. */
static bool escape(struct parser *p, struct string *s)
{
    static const char letters[] = "\"\\/bfnrt", meanings[] = "\"\\/\b\f\n\r\t";
    if (p->at >= p->end)
        return fail_token(p, p->end);
    if (*p->at == 'u')
        return unicode_escape(p, s);
    if (p->builds && s->high)
        return fail_surrogate(p, p->at, after_high);
    const char *letter = *p->at ? strchr(letters, *p->at) : NULL;
    if (letter) {
        string_add(s, meanings + (letter - letters), 1);
        return true;
    }
    p->token_p = p->at;
    p->token_e = p->at + character_length(p->at, p->end);
    p->token = TOKEN_STRING;
    return fail(p, arena_printf(p->err->arena, "Escape sequence \"\\%.*s\" is invalid.", (int)(p->token_e - p->token_p),
                                p->token_p));
}

/* From the first backslash on the text is copied; it cannot become longer than it is written. */
static bool string_copy(struct parser *p, struct string *s, const char *start)
{
    const char *stop = p->at;
    for (; stop < p->end && *stop != '"'; stop++)
        stop += *stop == '\\' && stop + 1 < p->end;
    s->n = (size_t)(p->at - start);
    if (!p->builds)
        return true;
    s->p = arena_alloc(p->arena, (size_t)(stop - start) + 1);
    if (!s->p)
        return err_oom(p->err);
    memcpy(s->p, start, s->n);
    return true;
}

static bool fail_control(struct parser *p)
{
    p->token_e = p->at;
    p->token = TOKEN_STRING;
    return fail(p, arena_printf(p->err->arena, "Character with value 0x%02x must be escaped.", (unsigned char)*p->at));
}

/* Cursor on the opening quote. */
static bool lex_string(struct parser *p)
{
    const char *start = ++p->at;
    struct string s = { 0 };
    bool copies = false;
    for (; p->at < p->end && *p->at != '"'; p->at++) {
        if ((unsigned char)*p->at < 0x20)
            return fail_control(p);
        if (*p->at == '\\') {
            if (!copies && !string_copy(p, &s, start))
                return false;
            copies = true;
            p->at++;
            if (!escape(p, &s))
                return false;
            continue;
        }
        if (copies && s.high)
            return fail_surrogate(p, p->at, after_high);
        if (copies)
            string_add(&s, p->at, 1);
    }
    if (p->at >= p->end)
        return fail_token(p, p->end);
    if (s.high)
        return fail_surrogate(p, p->at, after_high);
    p->string = copies && p->builds ? (struct str){ s.p, s.n } : (struct str){ start, (size_t)(p->at - start) };
    p->token_e = ++p->at;
    p->token = TOKEN_STRING;
    return true;
}

/* ---- the other tokens */

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           (unsigned char)c >= 0x80;
}

static bool is_digit_at(const char *s, const char *end)
{
    return s < end && *s >= '0' && *s <= '9';
}

/* -? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)? */
static bool lex_number(struct parser *p)
{
    const char *s = p->at, *end = p->end;
    bool bad = false;
    s += *s == '-';
    if (s < end && *s == '0')
        s++;
    else if (is_digit_at(s, end))
        while (is_digit_at(s, end))
            s++;
    else
        bad = true;
    if (s < end && *s == '.') {
        bad |= !is_digit_at(++s, end);
        while (is_digit_at(s, end))
            s++;
    }
    if (s < end && (*s == 'e' || *s == 'E')) {
        s++;
        s += s < end && (*s == '+' || *s == '-');
        bad |= !is_digit_at(s, end);
        while (is_digit_at(s, end))
            s++;
    }
    /* What a reader would take for one word belongs to the bad token. */
    for (; s < end && is_word(*s); s++)
        bad = true;
    if (bad)
        return fail_token(p, s);
    p->at = p->token_e = s;
    p->token = TOKEN_NUMBER;
    return true;
}

static bool lex_word(struct parser *p)
{
    const char *s = p->at;
    while (s < p->end && is_word(*s))
        s++;
    if (s == p->at)
        return fail_token(p, s + 1);
    struct str word = { p->at, (size_t)(s - p->at) };
    if (str_is(word, "true"))
        p->token = TOKEN_TRUE;
    else if (str_is(word, "false"))
        p->token = TOKEN_FALSE;
    else if (str_is(word, "null"))
        p->token = TOKEN_NULL;
    else
        return fail_token(p, s);
    p->at = p->token_e = s;
    return true;
}

static bool next(struct parser *p)
{
    static const char marks[] = "{}[],:";
    for (; p->at < p->end && (*p->at == ' ' || *p->at == '\t' || *p->at == '\n' || *p->at == '\r'); p->at++)
        if (*p->at == '\n') {
            p->line++;
            p->line_start = p->at + 1;
        }
    p->token_p = p->at;
    if (p->at >= p->end) {
        p->token_e = p->at;
        p->token = TOKEN_END;
        return true;
    }
    char c = *p->at;
    const char *mark = c ? strchr(marks, c) : NULL;
    if (mark) {
        p->token = (enum token)(TOKEN_OBJECT_START + (mark - marks));
        p->token_e = ++p->at;
        return true;
    }
    if (c == '"')
        return lex_string(p);
    return c == '-' || (c >= '0' && c <= '9') ? lex_number(p) : lex_word(p);
}

/* ---- trees */

/* Room for one more element in an array of the arena that doubles. */
static void *more_room(struct parser *p, void *items, size_t n, size_t size)
{
    if (n != 0 && (n < 8 || (n & (n - 1)) != 0))
        return items;
    void *bigger = arena_array(p->arena, n ? 2 * n : 8, size);
    if (!bigger)
        err_oom(p->err);
    else if (n)
        memcpy(bigger, items, n * size);
    return bigger;
}

static int compare_keys(struct str a, struct str b)
{
    if (a.n != b.n)
        return a.n < b.n ? -1 : 1;
    return a.n ? memcmp(a.p, b.p, a.n) : 0;
}

/* Sorted by key; equal keys by place, which is the order of the members themselves. */
static int compare_members(const void *a, const void *b)
{
    const struct json_member *const *x = a, *const *y = b;
    int c = compare_keys((*x)->key, (*y)->key);
    return c ? c : (*x > *y) - (*x < *y);
}

static bool order_members(struct parser *p, struct json_value *v)
{
    size_t n = v->object.n, kept = 0;
    struct json_member **order = arena_array(p->arena, n, sizeof(struct json_member *));
    struct json_member *members = arena_array(p->arena, n, sizeof(*members));
    if (!order || !members)
        return err_oom(p->err);
    for (size_t i = 0; i < n; i++)
        order[i] = &v->object.members[i];
    qsort(order, n, sizeof(struct json_member *), compare_members);
    for (size_t i = 0; i < n; i++)
        if (i + 1 == n || compare_keys(order[i]->key, order[i + 1]->key) != 0)
            members[kept++] = *order[i];
    v->object.members = members;
    v->object.n = kept;
    return true;
}

static bool parse_value(struct parser *p, struct json_value *ret);

static bool enter(struct parser *p)
{
    if (++p->depth <= JSON_DEPTH_MAX)
        return next(p);
    err_set(p->err, SQLSTATE_STATEMENT_TOO_COMPLEX, "stack depth limit exceeded");
    return err_hint(p->err, "JSON may be nested %d levels deep.", (int)JSON_DEPTH_MAX);
}

/* After an element: a comma to go on, or the closing mark. */
static bool go_on(struct parser *p, enum token close, const char *expected, bool *ret_more)
{
    if (p->token == TOKEN_COMMA) {
        *ret_more = true;
        return next(p);
    }
    *ret_more = false;
    return p->token == close || fail_expected(p, expected);
}

static bool parse_array(struct parser *p, struct json_value *ret)
{
    struct json_value v = { .kind = JSON_ARRAY }, item;
    bool more = true;
    if (!enter(p))
        return false;
    if (p->token == TOKEN_ARRAY_END)
        more = false;
    while (more) {
        if (!parse_value(p, &item) || !go_on(p, TOKEN_ARRAY_END, "\",\" or \"]\"", &more))
            return false;
        if (!p->builds)
            continue;
        v.array.items = more_room(p, v.array.items, v.array.n, sizeof(item));
        if (!v.array.items)
            return false;
        v.array.items[v.array.n++] = item;
    }
    p->depth--;
    *ret = v;
    return next(p);
}

static bool parse_member(struct parser *p, struct json_member *ret, const char *expected)
{
    if (p->token != TOKEN_STRING)
        return fail_expected(p, expected);
    ret->key = p->string;
    if (!next(p))
        return false;
    if (p->token != TOKEN_COLON)
        return fail_expected(p, "\":\"");
    return next(p) && parse_value(p, &ret->value);
}

static bool parse_object(struct parser *p, struct json_value *ret)
{
    struct json_value v = { .kind = JSON_OBJECT };
    struct json_member member;
    const char *expected = "string or \"}\"";
    bool more = true;
    if (!enter(p))
        return false;
    if (p->token == TOKEN_OBJECT_END)
        more = false;
    while (more) {
        if (!parse_member(p, &member, expected) || !go_on(p, TOKEN_OBJECT_END, "\",\" or \"}\"", &more))
            return false;
        expected = "string";
        if (!p->builds)
            continue;
        v.object.members = more_room(p, v.object.members, v.object.n, sizeof(member));
        if (!v.object.members)
            return false;
        v.object.members[v.object.n++] = member;
    }
    if (p->canonical && v.object.n && !order_members(p, &v))
        return false;
    p->depth--;
    *ret = v;
    return next(p);
}

static bool parse_number(struct parser *p, struct json_value *ret)
{
    ret->kind = JSON_NUMBER;
    ret->text = (struct str){ p->token_p, (size_t)(p->token_e - p->token_p) };
    return !p->canonical || numeric_normalize(ret->text, p->arena, &ret->text, p->err);
}

static bool parse_value(struct parser *p, struct json_value *ret)
{
    switch (p->token) {
    case TOKEN_OBJECT_START:
        return parse_object(p, ret);
    case TOKEN_ARRAY_START:
        return parse_array(p, ret);
    case TOKEN_STRING:
        *ret = (struct json_value){ .kind = JSON_STRING, .text = p->string };
        break;
    case TOKEN_NUMBER:
        if (!parse_number(p, ret))
            return false;
        break;
    case TOKEN_TRUE:
    case TOKEN_FALSE:
        *ret = (struct json_value){ .kind = JSON_BOOLEAN, .boolean = p->token == TOKEN_TRUE };
        break;
    case TOKEN_NULL:
        *ret = (struct json_value){ .kind = JSON_NULL };
        break;
    default:
        return fail_expected(p, "JSON value");
    }
    return next(p);
}

static bool parse_document(struct parser *p, struct json_value *ret)
{
    if (!next(p) || !parse_value(p, ret))
        return false;
    return p->token == TOKEN_END || fail_expected(p, "end of input");
}

static struct parser parser_on(struct str text, struct arena *arena, struct err *err)
{
    const char *p = text.p ? text.p : "";
    return (struct parser){ .at = p, .end = p + text.n, .line_start = p, .line = 1, .arena = arena, .err = err };
}

bool json_check(struct str text, struct err *err)
{
    struct parser p = parser_on(text, err->arena, err);
    struct json_value ignored;
    return parse_document(&p, &ignored);
}

bool json_parse(struct str text, struct arena *arena, struct json_value *ret, struct err *err)
{
    struct parser p = parser_on(text, arena, err);
    struct json_value v;
    p.builds = true;
    if (!parse_document(&p, &v))
        return false;
    *ret = v;
    return true;
}

bool jsonb_parse(struct str text, struct arena *arena, struct json_value *ret, struct err *err)
{
    struct parser p = parser_on(text, arena, err);
    struct json_value v;
    p.builds = p.canonical = true;
    if (!parse_document(&p, &v))
        return false;
    *ret = v;
    return true;
}

const struct json_value *jsonb_member(const struct json_value *object, struct str key)
{
    size_t low = 0, high = object->object.n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int c = compare_keys(object->object.members[middle].key, key);
        if (c == 0)
            return &object->object.members[middle].value;
        if (c < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* ---- printing */

void json_print_string(struct str s, struct buf *out)
{
    static const char letters[] = "btn\0fr"; /* for 0x08 … 0x0d; 0x0b has none */
    buf_add_char(out, '"');
    size_t plain = 0;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        buf_add(out, s.p + plain, i - plain);
        plain = i + 1;
        if (c == '"' || c == '\\')
            buf_add(out, (char[]){ '\\', (char)c }, 2);
        else if (c >= 8 && c <= 13 && letters[c - 8])
            buf_add(out, (char[]){ '\\', letters[c - 8] }, 2);
        else
            buf_printf(out, "\\u%04x", c);
    }
    buf_add(out, s.p + plain, s.n - plain);
    buf_add_char(out, '"');
}

static void print_array(const struct json_value *v, struct buf *out)
{
    buf_add_char(out, '[');
    for (size_t i = 0; i < v->array.n; i++) {
        if (i)
            buf_add(out, ", ", 2);
        jsonb_print(&v->array.items[i], out);
    }
    buf_add_char(out, ']');
}

static void print_object(const struct json_value *v, struct buf *out)
{
    buf_add_char(out, '{');
    for (size_t i = 0; i < v->object.n; i++) {
        if (i)
            buf_add(out, ", ", 2);
        json_print_string(v->object.members[i].key, out);
        buf_add(out, ": ", 2);
        jsonb_print(&v->object.members[i].value, out);
    }
    buf_add_char(out, '}');
}

void jsonb_print(const struct json_value *v, struct buf *out)
{
    switch (v->kind) {
    case JSON_NULL:
        buf_add_str(out, STR("null"));
        return;
    case JSON_BOOLEAN:
        buf_add_str(out, v->boolean ? STR("true") : STR("false"));
        return;
    case JSON_NUMBER:
        buf_add_str(out, v->text);
        return;
    case JSON_STRING:
        json_print_string(v->text, out);
        return;
    case JSON_ARRAY:
        print_array(v, out);
        return;
    case JSON_OBJECT:
        print_object(v, out);
        return;
    }
}

bool jsonb_normalize(struct str text, struct arena *arena, struct str *ret, struct err *err)
{
    struct json_value v;
    struct buf out;
    if (!jsonb_parse(text, arena, &v, err))
        return false;
    buf_init(&out, SIZE_MAX / 4);
    jsonb_print(&v, &out);
    struct str copy = out.failed ? (struct str){ 0 } : arena_str(arena, buf_str(&out));
    buf_fini(&out);
    if (!copy.p)
        return err_oom(err);
    *ret = copy;
    return true;
}
