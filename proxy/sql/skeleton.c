/* skeleton.c - see skeleton.h. */
#include "proxy/sql/skeleton.h"

#include <stdlib.h>

enum { MAX_LITERALS = 1 << 20 };

struct scan {
    struct str text;
    size_t at;
    bool conforming;
    struct arena *arena;
    char *key;
    size_t n_key;
    struct literal *literals;
    size_t n_literals, size_literals;
    size_t run, longest_run;
    size_t operators_end, work; /* end of the run of operator characters seen last */
    bool left_to_parser;        /* something here only PostgreSQL's own scanner reads right */
    bool seen_semicolon, token_after_semicolon;
};

/* One bit per property; letters above ASCII count as identifier characters, as in PostgreSQL's scan.l. */
enum { SPACE = 1, IDENT_START = 2, DIGIT = 4, IDENT_MORE = 8 };

static unsigned char class_of(unsigned char c)
{
    if (c == ' ' || (c >= '\t' && c <= '\r'))
        return SPACE;
    if (c >= '0' && c <= '9')
        return DIGIT | IDENT_MORE;
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c >= 0x80)
        return IDENT_START | IDENT_MORE;
    return c == '$' ? IDENT_MORE : 0;
}

static unsigned char peek(const struct scan *s, size_t ahead)
{
    return s->at + ahead < s->text.n ? (unsigned char)s->text.p[s->at + ahead] : 0;
}

static bool is(const struct scan *s, size_t ahead, unsigned char what)
{
    return (class_of(peek(s, ahead)) & what) != 0;
}

static bool is_operator(unsigned char c)
{
    return c && strchr("~!@#^&|`?+-*/%<>=", c) != NULL;
}

/* scan.l matches the longest run of operator characters at each operator and at each comment's start, then gives most of it
 * back. */
static void count_work(struct scan *s)
{
    if (s->at >= s->operators_end) {
        s->operators_end = s->at;
        while (s->operators_end < s->text.n && is_operator((unsigned char)s->text.p[s->operators_end]))
            s->operators_end++;
    }
    s->work += s->operators_end - s->at;
}

/* Skips white space and comments; false: a comment that does not end. */
static bool skip_blank(struct scan *s, bool *ret_newline)
{
    for (;;) {
        unsigned char c = peek(s, 0);
        if (s->at < s->text.n && (class_of(c) & SPACE)) {
            if (ret_newline && (c == '\n' || c == '\r'))
                *ret_newline = true;
            s->at++;
        } else if (c == '-' && peek(s, 1) == '-') {
            while (s->at < s->text.n && s->text.p[s->at] != '\n' && s->text.p[s->at] != '\r')
                s->at++;
        } else if (c == '/' && peek(s, 1) == '*') {
            size_t depth = 0;
            do {
                if (s->at + 1 >= s->text.n)
                    return false;
                if (peek(s, 0) == '/' && peek(s, 1) == '*') {
                    count_work(s);
                    depth++, s->at += 2;
                } else if (peek(s, 0) == '*' && peek(s, 1) == '/')
                    depth--, s->at += 2;
                else
                    s->at++;
            } while (depth);
        } else {
            return true;
        }
    }
}

static void key_bytes(struct scan *s, size_t from, size_t n)
{
    memcpy(s->key + s->n_key, s->text.p + from, n);
    s->n_key += n;
}

static void add_literal(struct scan *s, enum literal_kind kind, size_t from, bool plain)
{
    if (s->n_literals == s->size_literals) {
        size_t size = s->size_literals ? s->size_literals * 2 : 16;
        struct literal *more = size > MAX_LITERALS ? NULL : ARENA_ARRAY(s->arena, struct literal, size);
        if (!more) {
            s->left_to_parser = true;
            return;
        }
        if (s->n_literals)
            memcpy(more, s->literals, s->n_literals * sizeof(*more));
        s->literals = more;
        s->size_literals = size;
    }
    s->literals[s->n_literals++] = (struct literal){ kind, (int)from, (int)(s->at - from), plain };
    s->key[s->n_key++] = (char)(1 + kind);
}

/* Past the closing quote of a quoted part that starts at s->at (on the quote). */
static bool skip_quoted(struct scan *s, unsigned char quote, bool backslash, bool *ret_plain)
{
    for (s->at++; s->at < s->text.n; s->at++) {
        unsigned char c = (unsigned char)s->text.p[s->at];
        if (c == '\\' && backslash) {
            *ret_plain = false;
            s->at++;
        } else if (c == quote) {
            if (peek(s, 1) != quote) {
                s->at++;
                return true;
            }
            *ret_plain = false;
            s->at++;
        }
    }
    return false;
}

/* A string constant; pieces separated by white space with a newline are one (4.1.2.1). */
static bool scan_string(struct scan *s, size_t prefix, bool backslash, enum literal_kind kind)
{
    size_t from = s->at;
    bool plain = prefix == 0;
    s->at += prefix;
    if (!skip_quoted(s, '\'', backslash, &plain))
        return false;
    for (;;) {
        size_t end = s->at;
        bool newline = false;
        if (!skip_blank(s, &newline))
            return false;
        if (!newline || peek(s, 0) != '\'') {
            s->at = end;
            break;
        }
        plain = false;
        if (!skip_quoted(s, '\'', backslash, &plain))
            return false;
    }
    add_literal(s, kind, from, plain);
    return true;
}

/* $tag$ … $tag$; *ret_is false when no dollar quote starts here. */
static bool scan_dollar(struct scan *s, bool *ret_is)
{
    size_t n = 1;
    *ret_is = false;
    if (is(s, n, IDENT_START))
        while (is(s, n, IDENT_START | DIGIT))
            n++;
    if (peek(s, n) != '$')
        return true;
    *ret_is = true;
    struct str tag = { s->text.p + s->at, n + 1 };
    size_t from = s->at, body = s->at + tag.n;
    ptrdiff_t end = str_find((struct str){ s->text.p + body, s->text.n - body }, tag);
    if (end < 0)
        return false;
    s->at = body + (size_t)end + tag.n;
    add_literal(s, LITERAL_STRING, from, false);
    return true;
}

static enum literal_kind integer_kind(struct str digits)
{
    int64_t v;
    if (!str_to_int64(digits, &v))
        return str_is(digits, "9223372036854775808") ? LITERAL_EDGE_INTEGER : LITERAL_NUMERIC;
    return v <= INT32_MAX ? LITERAL_INTEGER : LITERAL_BIG_INTEGER;
}

static void scan_number(struct scan *s)
{
    size_t from = s->at;
    bool integer = true;
    while (is(s, 0, DIGIT))
        s->at++;
    if (peek(s, 0) == '.' && peek(s, 1) != '.') {
        integer = false;
        s->at++;
        while (is(s, 0, DIGIT))
            s->at++;
    }
    if ((peek(s, 0) | 0x20) == 'e') {
        size_t sign = peek(s, 1) == '+' || peek(s, 1) == '-' ? 1 : 0;
        integer = false;
        s->left_to_parser |= !is(s, 1 + sign, DIGIT);
        for (s->at += 1 + sign; is(s, 0, DIGIT);)
            s->at++;
    }
    s->left_to_parser |= is(s, 0, IDENT_START); /* trailing junk */
    struct str digits = { s->text.p + from, s->at - from };
    add_literal(s, integer ? integer_kind(digits) : LITERAL_NUMERIC, from, true);
}

static bool scan_word(struct scan *s)
{
    unsigned char c = peek(s, 0) | 0x20;
    if (peek(s, 1) == '\'') {
        if (c == 'e')
            return scan_string(s, 1, true, LITERAL_STRING);
        if (c == 'b' || c == 'x')
            return scan_string(s, 1, false, LITERAL_BIT);
    }
    if (c == 'u' && peek(s, 1) == '&' && (peek(s, 2) == '\'' || peek(s, 2) == '"')) {
        s->left_to_parser = true;
        s->at += 2;
        return skip_quoted(s, peek(s, 0), false, &(bool){ true });
    }
    size_t from = s->at;
    while (is(s, 0, IDENT_MORE))
        s->at++;
    key_bytes(s, from, s->at - from);
    return true;
}

static bool scan_token(struct scan *s)
{
    unsigned char c = peek(s, 0);
    bool found = false;
    s->run++;
    if (s->seen_semicolon)
        s->token_after_semicolon = true;
    if (c == '\'')
        return scan_string(s, 0, !s->conforming, LITERAL_STRING);
    if (class_of(c) & IDENT_START)
        return scan_word(s);
    if ((class_of(c) & DIGIT) || (c == '.' && is(s, 1, DIGIT))) {
        scan_number(s);
        return true;
    }
    if (c == '$' && is(s, 1, DIGIT)) {
        size_t from = s->at++;
        while (is(s, 0, DIGIT))
            s->at++;
        key_bytes(s, from, s->at - from);
        s->left_to_parser |= is(s, 0, IDENT_START);
        return true;
    }
    if (c == '$') {
        if (!scan_dollar(s, &found))
            return false;
        if (found)
            return true;
    }
    if (c == '"') {
        size_t from = s->at;
        bool plain = true;
        if (!skip_quoted(s, '"', false, &plain))
            return false;
        key_bytes(s, from, s->at - from);
        return true;
    }
    if (c == ',' || c == ';') {
        s->longest_run = s->run > s->longest_run ? s->run : s->longest_run;
        s->run = 0;
        if (c == ';')
            s->seen_semicolon = true;
    }
    s->left_to_parser |= c < ' ';
    if (is_operator(c))
        count_work(s);
    s->key[s->n_key++] = (char)c;
    s->at++;
    return true;
}

bool skeleton_scan(struct str text, bool standard_conforming_strings, struct arena *arena, struct skeleton *ret)
{
    *ret = (struct skeleton){ .longest_run = text.n, .work = text.n };
    if (text.n > INT32_MAX / 2)
        return false;
    struct scan s = { .text = text, .conforming = standard_conforming_strings, .arena = arena };
    s.key = arena_alloc(arena, text.n + 2);
    if (!s.key)
        return false;
    bool ok = true;
    for (;;) {
        size_t before = s.at;
        if (!skip_blank(&s, NULL)) {
            ok = false;
            break;
        }
        if (s.at == s.text.n)
            break;
        if (s.at != before && s.n_key)
            s.key[s.n_key++] = ' ';
        if (!scan_token(&s)) {
            ok = false;
            break;
        }
    }
    ret->longest_run = s.run > s.longest_run ? s.run : s.longest_run;
    ret->work = s.work;
    if (!ok || s.left_to_parser)
        return false;
    ret->key = (struct str){ s.key, s.n_key };
    ret->hash = str_hash(ret->key);
    ret->literals = (struct literal_table){ s.literals, s.n_literals };
    ret->has_semicolon = s.token_after_semicolon;
    return true;
}

int literal_at(const struct literal_table *t, struct str text, int offset, bool *ret_negated)
{
    size_t low = 0, high = t->n;
    *ret_negated = false;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (t->literals[middle].offset < offset)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == t->n)
        return -1;
    if (t->literals[low].offset == offset)
        return (int)low;
    if (offset < 0 || (size_t)offset >= text.n || text.p[offset] != '-')
        return -1;
    for (int i = offset + 1; i < t->literals[low].offset; i++)
        if (!(class_of((unsigned char)text.p[i]) & SPACE))
            return -1;
    *ret_negated = true;
    return (int)low;
}

/* --- the value of a literal --- */

/* One backslash escape at p[*at]; false for forms left to the parser (Unicode). */
static bool unescape(struct str s, size_t *at, char *out, size_t *n)
{
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    char c = s.p[++*at];
    const char *simple = strchr(from, c);
    if (c && simple) {
        out[(*n)++] = to[simple - from];
    } else if (c >= '0' && c <= '7') {
        int v = 0;
        for (int i = 0; i < 3 && *at < s.n && s.p[*at] >= '0' && s.p[*at] <= '7'; i++)
            v = v * 8 + s.p[(*at)++] - '0';
        (*at)--;
        out[(*n)++] = (char)v;
    } else if (c == 'x' && *at + 1 < s.n && hex_digit(s.p[*at + 1]) >= 0) {
        int v = hex_digit(s.p[++*at]);
        if (*at + 1 < s.n && hex_digit(s.p[*at + 1]) >= 0)
            v = v * 16 + hex_digit(s.p[++*at]);
        out[(*n)++] = (char)v;
    } else if (c == 'u' || c == 'U') {
        return false;
    } else {
        out[(*n)++] = c;
    }
    return true;
}

/* The pieces of a quoted string, from the first quote on. */
static bool unquote(struct str s, bool backslash, char *out, size_t *n)
{
    bool inside = false;
    for (size_t i = 0; i < s.n; i++) {
        if (!inside) {
            inside = s.p[i] == '\''; /* between pieces: white space and comments, whose quotes skip_blank passed over */
            if (s.p[i] == '-' && i + 1 < s.n && s.p[i + 1] == '-')
                while (i < s.n && s.p[i] != '\n')
                    i++;
        } else if (s.p[i] == '\\' && backslash) {
            if (i + 1 >= s.n || !unescape(s, &i, out, n))
                return false;
        } else if (s.p[i] == '\'') {
            if (i + 1 < s.n && s.p[i + 1] == '\'')
                out[(*n)++] = s.p[i++];
            else
                inside = false;
        } else {
            out[(*n)++] = s.p[i];
        }
    }
    return true;
}

struct str literal_content(struct str text, const struct literal *l, bool standard_conforming_strings,
                           struct arena *arena)
{
    struct str token = { text.p + l->offset, (size_t)l->length };
    if (l->kind != LITERAL_STRING)
        return token;
    if (l->plain)
        return (struct str){ token.p + 1, token.n - 2 };
    if (token.p[0] == '$') {
        size_t tag = (size_t)((const char *)memchr(token.p + 1, '$', token.n - 1) - token.p) + 1;
        return (struct str){ token.p + tag, token.n - 2 * tag };
    }
    bool escape = (token.p[0] | 0x20) == 'e';
    if (str_find(token, STR("/*")) >= 0 && str_find(token, STR("*/")) >= 0)
        return (struct str){ 0 }; /* perhaps a comment between pieces: left to the parser */
    char *out = arena_alloc(arena, token.n);
    size_t n = 0;
    if (escape)
        token.p++, token.n--;
    if (!out || !unquote(token, escape || !standard_conforming_strings, out, &n))
        return (struct str){ 0 };
    return (struct str){ out, n };
}
