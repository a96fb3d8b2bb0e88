/* jsonpath.c - see jsonpath.h. The grammar is PostgreSQL's jsonpath_gram.y, read by descent. */
#include "pgwire/jsonpath.h"

#include "pgwire/jsonb.h"
#include "pgwire/numeric.h"

/* ---- tokens */

enum token_kind { TOKEN_END, TOKEN_WORD, TOKEN_STRING, TOKEN_VARIABLE, TOKEN_NUMBER, TOKEN_SIGN };

struct token {
    enum token_kind kind;
    struct str raw, text; /* text: of a word, string or variable, without quotes */
};

struct parser {
    const char *p, *end;
    struct token now;
    struct arena *arena;
    struct err *err;
    int operators;
    int depth, filters, subscripts; /* what the place lies in: @ and last are allowed there only */
    bool failed;
};

static bool fail_near(struct parser *s)
{
    if (!s->failed && !err_is_set(s->err)) {
        if (s->now.kind == TOKEN_END || (s->now.kind == TOKEN_WORD && s->p >= s->end))
            err_set(s->err, SQLSTATE_SYNTAX_ERROR, "syntax error at end of jsonpath input");
        else
            err_set(s->err, SQLSTATE_SYNTAX_ERROR, "syntax error at or near \"%.*s\" of jsonpath input",
                    STR_FMT(s->now.raw));
    }
    s->failed = true;
    return false;
}

static bool fail_with(struct parser *s, const char *text)
{
    if (!s->failed)
        err_set(s->err, SQLSTATE_SYNTAX_ERROR, "%s", text);
    s->failed = true;
    return false;
}

static bool is_word_character(char c)
{
    return c && !strchr("?%$.[]{}()|&!=<>@#,*:-+/\\\" \t\n\r\f", c);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool skip_blanks(struct parser *s)
{
    for (;;) {
        while (s->p < s->end && strchr(" \t\n\r\f", *s->p) && *s->p)
            s->p++;
        if (s->end - s->p < 2 || s->p[0] != '/' || s->p[1] != '*')
            return true;
        const char *close = s->p + 2;
        while (close + 1 < s->end && (close[0] != '*' || close[1] != '/'))
            close++;
        if (close + 1 >= s->end)
            return fail_with(s, "unexpected end of comment at end of jsonpath input");
        s->p = close + 2;
    }
}

/* 42601 as the scanner words it: what is wrong, and the text it had read. */
static bool fail_at_text(struct parser *s, const char *what, const char *from, const char *to)
{
    if (!s->failed)
        err_set(s->err, SQLSTATE_SYNTAX_ERROR, "%s at or near \"%.*s\" of jsonpath input", what, (int)(to - from),
                from);
    s->failed = true;
    return false;
}

static bool fail_surrogate(struct parser *s, const char *detail)
{
    if (!s->failed) {
        err_set(s->err, SQLSTATE_INVALID_TEXT_REPRESENTATION, "invalid input syntax for type jsonpath");
        err_detail(s->err, "%s", detail);
    }
    s->failed = true;
    return false;
}

static int hex_digit_at(const struct parser *s, const char *at)
{
    return at < s->end ? hex_digit(*at) : -1;
}

static bool add_code(struct parser *s, uint32_t code, struct buf *out)
{
    if (code == 0) {
        if (!s->failed) {
            err_set(s->err, SQLSTATE_UNTRANSLATABLE_CHARACTER, "unsupported Unicode escape sequence");
            err_detail(s->err, "\\u0000 cannot be converted to text.");
        }
        s->failed = true;
        return false;
    }
    if (code > 0x10ffff)
        return fail_with(s, "invalid Unicode code point");
    if (code < 0x80) {
        buf_add_char(out, (char)code);
        return true;
    }
    int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    static const unsigned char first[] = { 0, 0xc0, 0xe0, 0xf0 };
    buf_add_char(out, (char)(first[more] | code >> (6 * more)));
    while (more-- > 0)
        buf_add_char(out, (char)(0x80 | (code >> (6 * more) & 0x3f)));
    return true;
}

/* \uXXXX or \u{X…} at s->p; run: where the run of such escapes began. */
static bool read_unicode(struct parser *s, const char *run, uint32_t *ret)
{
    bool braces = s->p + 2 < s->end && s->p[2] == '{';
    const char *at = s->p + 2 + braces;
    int n = 0, most = braces ? 6 : 4;
    for (*ret = 0; n < most && hex_digit_at(s, at) >= 0; n++)
        *ret = *ret << 4 | (uint32_t)hex_digit_at(s, at++);
    bool closed = braces ? n > 0 && at < s->end && *at == '}' : n == 4;
    if (!closed)
        return fail_at_text(s, "invalid unicode sequence", run, at);
    s->p = at + braces;
    return true;
}

/* A run of Unicode escapes at s->p: surrogates pair within it. */
static bool read_unicode_run(struct parser *s, struct buf *out)
{
    const char *run = s->p;
    uint32_t code, high = 0;
    while (s->end - s->p >= 2 && s->p[0] == '\\' && s->p[1] == 'u') {
        if (!read_unicode(s, run, &code))
            return false;
        bool is_high = code >= 0xd800 && code <= 0xdbff, is_low = code >= 0xdc00 && code <= 0xdfff;
        if (is_high && high)
            return fail_surrogate(s, "Unicode high surrogate must not follow a high surrogate.");
        if (is_low != (high != 0) && !is_high)
            return fail_surrogate(s, "Unicode low surrogate must follow a high surrogate.");
        if (is_high) {
            high = code;
            continue;
        }
        if (!add_code(s, is_low ? 0x10000 + ((high & 0x3ff) << 10) + (code & 0x3ff) : code, out))
            return false;
        high = 0;
    }
    return !high || fail_surrogate(s, "Unicode low surrogate must follow a high surrogate.");
}

/* What stands at a backslash. */
static bool read_escape(struct parser *s, struct buf *out)
{
    static const char from[] = "bfnrtv", to[] = "\b\f\n\r\t\v";
    if (s->p + 1 >= s->end)
        return fail_at_text(s, "unexpected end after backslash", s->p, s->p + 1);
    char c = s->p[1];
    if (c == 'u')
        return read_unicode_run(s, out);
    if (c == 'x') {
        int high = hex_digit_at(s, s->p + 2), low = high < 0 ? -1 : hex_digit_at(s, s->p + 3);
        if (low < 0)
            return fail_at_text(s, "invalid hex character sequence", s->p, s->p + 2 + (high >= 0));
        s->p += 4;
        return add_code(s, (uint32_t)(high << 4 | low), out);
    }
    const char *known = strchr(from, c);
    buf_add_char(out, known && c ? to[known - from] : c);
    s->p += 2;
    return true;
}

static bool take_text(struct parser *s, struct buf *text, struct str *ret)
{
    *ret = text->failed ? (struct str){ 0 } : text->n ? arena_str(s->arena, buf_str(text)) : STR("");
    if (!ret->p && !s->failed)
        err_oom(s->err);
    s->failed |= !ret->p;
    return !s->failed;
}

/* At a quote: its text into *ret. */
static bool read_quoted(struct parser *s, struct str *ret)
{
    struct buf text;
    bool ok = true;
    buf_init(&text, (size_t)(s->end - s->p) + 1);
    for (s->p++; ok && s->p < s->end && *s->p != '"';)
        if (*s->p == '\\')
            ok = read_escape(s, &text);
        else
            buf_add_char(&text, *s->p++);
    if (ok && s->p >= s->end)
        ok = fail_with(s, "unexpected end of quoted string at end of jsonpath input");
    ok = ok && take_text(s, &text, ret);
    s->p++;
    buf_fini(&text);
    return ok;
}

/* A name without quotes, which may have escapes too. */
static bool read_word(struct parser *s, struct str *ret)
{
    struct buf text;
    bool ok = true;
    buf_init(&text, (size_t)(s->end - s->p) + 1);
    while (ok && s->p < s->end && (*s->p == '\\' || is_word_character(*s->p)))
        if (*s->p == '\\')
            ok = read_escape(s, &text);
        else
            buf_add_char(&text, *s->p++);
    ok = ok && take_text(s, &text, ret);
    buf_fini(&text);
    return ok;
}

static const char *skip_digits(const struct parser *s, const char *at)
{
    while (at < s->end && is_digit(*at))
        at++;
    return at;
}

/* As the scanner takes the longest of its patterns: a number, one with a character too much, or a word that begins with a digit. */
static void read_number(struct parser *s)
{
    const char *start = s->p, *at = start, *word = start;
    at = *at == '0' ? at + 1 : skip_digits(s, at);
    if (at < s->end && *at == '.')
        at = skip_digits(s, at + 1);
    if (at < s->end && (*at == 'e' || *at == 'E')) {
        bool sign = at + 1 < s->end && (at[1] == '+' || at[1] == '-');
        const char *digits = at + 1 + sign;
        if (digits < s->end && is_digit(*digits))
            at = skip_digits(s, digits);
        else if (sign) {
            fail_at_text(s, "invalid numeric literal", start, digits);
            return;
        }
    }
    while (word < s->end && is_word_character(*word))
        word++;
    bool junk = at < s->end && is_word_character(*at);
    if (word > at + junk) {
        s->now.kind = TOKEN_WORD;
        read_word(s, &s->now.text);
        return;
    }
    if (junk) {
        for (at++; at < s->end && ((unsigned char)*at & 0xc0) == 0x80;)
            at++;
        fail_at_text(s, "trailing junk after numeric literal", start, at);
        return;
    }
    s->p = at;
    s->now.text = (struct str){ start, (size_t)(at - start) };
}

static bool read_sign(struct parser *s)
{
    static const char *const two[] = { "&&", "||", "==", "!=", "<>", "<=", ">=", "**" };
    for (size_t i = 0; i < sizeof(two) / sizeof(*two); i++)
        if (s->end - s->p >= 2 && memcmp(s->p, two[i], 2) == 0) {
            s->p += 2;
            return true;
        }
    s->p++;
    return true;
}

static bool advance(struct parser *s)
{
    if (s->failed || !skip_blanks(s))
        return false;
    const char *start = s->p;
    s->now = (struct token){ 0 };
    if (s->p >= s->end)
        return true;
    if (*s->p == '"') {
        s->now.kind = TOKEN_STRING;
        read_quoted(s, &s->now.text);
    } else if (*s->p == '$' && s->p + 1 < s->end && (s->p[1] == '"' || is_word_character(s->p[1]))) {
        s->now.kind = TOKEN_VARIABLE;
        s->p++;
        if (*s->p == '"') {
            read_quoted(s, &s->now.text);
        } else {
            while (s->p < s->end && is_word_character(*s->p))
                s->p++;
            s->now.text = (struct str){ start + 1, (size_t)(s->p - start - 1) };
        }
    } else if (is_digit(*s->p) || (*s->p == '.' && s->p + 1 < s->end && is_digit(s->p[1]))) {
        s->now.kind = TOKEN_NUMBER;
        read_number(s);
    } else if (*s->p == '\\' || is_word_character(*s->p)) {
        s->now.kind = TOKEN_WORD;
        read_word(s, &s->now.text);
    } else {
        s->now.kind = TOKEN_SIGN;
        read_sign(s);
    }
    s->now.raw = (struct str){ start, (size_t)(s->p - start) };
    return !s->failed;
}

static bool at_sign(const struct parser *s, const char *sign)
{
    return s->now.kind == TOKEN_SIGN && str_is(s->now.raw, sign);
}

/* Keywords are read without regard to case, but true, false and null. */
static bool at_word(const struct parser *s, const char *word)
{
    return s->now.kind == TOKEN_WORD && str_eq_nocase(s->now.text, str_from(word));
}

static bool expect(struct parser *s, const char *sign)
{
    return at_sign(s, sign) ? advance(s) : fail_near(s);
}

/* ---- grammar */

static struct jsonpath_node *node(struct parser *s, enum jsonpath_kind kind, struct str text)
{
    struct jsonpath_node *n = ARENA_NEW(s->arena, struct jsonpath_node);
    if (!n) {
        err_oom(s->err);
        s->failed = true;
        return NULL;
    }
    *n = (struct jsonpath_node){ .kind = kind, .text = text };
    return n;
}

bool jsonpath_is_predicate(const struct jsonpath_node *n)
{
    return n->kind >= JSONPATH_OR && n->kind <= JSONPATH_LIKE_REGEX && !n->next;
}

static struct jsonpath_node *binary(struct parser *s, enum jsonpath_kind kind, struct jsonpath_node *left,
                                    struct jsonpath_node *right)
{
    struct jsonpath_node *n = left && right ? node(s, kind, (struct str){ 0 }) : NULL;
    if (n) {
        n->left = left;
        n->right = right;
    }
    return n;
}

static struct jsonpath_node *parse_or(struct parser *s);
static struct jsonpath_node *parse_additive(struct parser *s);

static struct jsonpath_node *only(struct parser *s, struct jsonpath_node *n, bool predicate)
{
    if (n && jsonpath_is_predicate(n) != predicate)
        fail_near(s);
    return s->failed ? NULL : n;
}

static struct jsonpath_node *keep_number(struct parser *s, bool negative)
{
    AUTO_NUMERIC(v);
    struct str text = s->now.text;
    if (text.n && text.p[text.n - 1] == '.')
        text.n--;
    if (!numeric_parse(&v, text, s->err)) {
        s->failed = true;
        return NULL;
    }
    if (negative)
        numeric_negate(&v, &v);
    struct jsonpath_node *n = node(s, JSONPATH_NUMBER, numeric_print(&v, s->arena));
    return n && advance(s) ? n : NULL;
}

static struct jsonpath_node *parse_primary(struct parser *s)
{
    static const struct {
        const char *word;
        enum jsonpath_kind kind;
    } words[] = { { "null", JSONPATH_NULL }, { "true", JSONPATH_TRUE }, { "false", JSONPATH_FALSE } };
    struct jsonpath_node *n = NULL;
    if (s->now.kind == TOKEN_NUMBER)
        return keep_number(s, false);
    if (s->now.kind == TOKEN_STRING)
        n = node(s, JSONPATH_STRING, s->now.text);
    else if (s->now.kind == TOKEN_VARIABLE)
        n = node(s, JSONPATH_VARIABLE, s->now.text);
    else if (at_sign(s, "$"))
        n = node(s, JSONPATH_ROOT, s->now.text);
    else if (at_sign(s, "@"))
        n = s->filters ? node(s, JSONPATH_CURRENT, s->now.text)
                       : (fail_with(s, "@ is not allowed in root expressions"), NULL);
    else if (at_word(s, "last"))
        n = s->subscripts ? node(s, JSONPATH_LAST, s->now.text)
                          : (fail_with(s, "LAST is allowed only in array subscripts"), NULL);
    for (size_t i = 0; !n && !s->failed && s->now.kind == TOKEN_WORD && i < 3; i++)
        if (str_is(s->now.text, words[i].word))
            n = node(s, words[i].kind, s->now.text);
    if (!n) {
        fail_near(s);
        return NULL;
    }
    return advance(s) ? n : NULL;
}

static bool parse_level(struct parser *s, uint32_t *ret)
{
    int64_t v;
    if (at_word(s, "last"))
        *ret = JSONPATH_UNBOUNDED;
    else if (s->now.kind == TOKEN_NUMBER && str_to_int64(s->now.text, &v) && v >= 0 && v < INT32_MAX)
        *ret = (uint32_t)v;
    else
        return fail_near(s);
    return advance(s);
}

/* Behind `**`. */
static struct jsonpath_node *parse_any(struct parser *s)
{
    struct jsonpath_node *n = node(s, JSONPATH_ANY, (struct str){ 0 });
    if (!n || !advance(s))
        return NULL;
    n->last = JSONPATH_UNBOUNDED;
    if (!at_sign(s, "{"))
        return n;
    if (!advance(s) || !parse_level(s, &n->first))
        return NULL;
    n->last = n->first;
    if (at_word(s, "to") && (!advance(s) || !parse_level(s, &n->last)))
        return NULL;
    return expect(s, "}") ? n : NULL;
}

static struct jsonpath_node *parse_method(struct parser *s, struct str name)
{
    static const char *const known[] = { "type", "size", "abs", "ceiling", "double", "floor" };
    static const char *const others[] = { "datetime", "keyvalue" };
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
        if (str_eq_nocase(name, str_from(known[i]))) {
            struct jsonpath_node *n = node(s, JSONPATH_METHOD, str_from(known[i]));
            return n && advance(s) && expect(s, ")") ? n : NULL;
        }
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
        if (str_eq_nocase(name, str_from(others[i]))) {
            err_unsupported(s->err, "jsonpath item method .%s()", others[i]);
            s->failed = true;
            return NULL;
        }
    fail_near(s);
    return NULL;
}

/* Behind a dot. */
static struct jsonpath_node *parse_member(struct parser *s)
{
    struct str name = s->now.text;
    bool word = s->now.kind == TOKEN_WORD;
    struct jsonpath_node *n;
    if (at_sign(s, "*")) {
        n = node(s, JSONPATH_ANY_KEY, (struct str){ 0 });
        return n && advance(s) ? n : NULL;
    }
    if (at_sign(s, "**"))
        return parse_any(s);
    if (!word && s->now.kind != TOKEN_STRING) {
        fail_near(s);
        return NULL;
    }
    if (!advance(s))
        return NULL;
    return word && at_sign(s, "(") ? parse_method(s, name) : node(s, JSONPATH_KEY, name);
}

/* Behind an opening bracket. */
static struct jsonpath_node *parse_subscripts(struct parser *s)
{
    enum { MAX_RANGES = 100 };
    struct jsonpath_node *n = node(s, JSONPATH_INDEX, (struct str){ 0 });
    if (!n)
        return NULL;
    if (at_sign(s, "*")) {
        n->kind = JSONPATH_ANY_ELEMENT;
        return advance(s) && expect(s, "]") ? n : NULL;
    }
    struct jsonpath_range ranges[MAX_RANGES];
    s->subscripts++;
    for (;;) {
        struct jsonpath_range *r = &ranges[n->n_ranges];
        *r = (struct jsonpath_range){ .from = only(s, parse_additive(s), false) };
        if (r->from && at_word(s, "to") && advance(s) && !(r->to = only(s, parse_additive(s), false)))
            return NULL;
        if (!r->from || s->failed)
            return NULL;
        n->n_ranges++;
        if (!at_sign(s, ","))
            break;
        if (n->n_ranges == MAX_RANGES) {
            fail_with(s, "too many subscripts in jsonpath input");
            return NULL;
        }
        if (!advance(s))
            return NULL;
    }
    s->subscripts--;
    n->ranges = ARENA_ARRAY(s->arena, struct jsonpath_range, n->n_ranges);
    if (!n->ranges) {
        err_oom(s->err);
        s->failed = true;
        return NULL;
    }
    memcpy(n->ranges, ranges, n->n_ranges * sizeof(*ranges));
    return expect(s, "]") ? n : NULL;
}

/* Behind a question mark. */
static struct jsonpath_node *parse_filter(struct parser *s)
{
    struct jsonpath_node *n = node(s, JSONPATH_FILTER, (struct str){ 0 });
    if (!n || !expect(s, "("))
        return NULL;
    s->filters++;
    n->left = only(s, parse_or(s), true);
    s->filters--;
    return n->left && expect(s, ")") ? n : NULL;
}

/* Accessors behind what was read. */
static struct jsonpath_node *parse_steps(struct parser *s, struct jsonpath_node *start)
{
    struct jsonpath_node *last = start;
    while (last && last->next)
        last = last->next;
    while (last && !s->failed) {
        if (at_sign(s, "."))
            last->next = advance(s) ? parse_member(s) : NULL;
        else if (at_sign(s, "["))
            last->next = advance(s) ? parse_subscripts(s) : NULL;
        else if (at_sign(s, "?"))
            last->next = advance(s) ? parse_filter(s) : NULL;
        else
            return start;
        last = last->next;
    }
    return NULL;
}

static struct jsonpath_node *parse_exists(struct parser *s)
{
    struct jsonpath_node *n = node(s, JSONPATH_EXISTS, (struct str){ 0 });
    if (!n || !advance(s) || !expect(s, "("))
        return NULL;
    n->left = only(s, parse_additive(s), false);
    return n->left && expect(s, ")") ? n : NULL;
}

static struct jsonpath_node *parse_parenthesis(struct parser *s)
{
    struct jsonpath_node *n = advance(s) ? parse_or(s) : NULL;
    if (!n || !expect(s, ")"))
        return NULL;
    if (jsonpath_is_predicate(n) && at_word(s, "is")) {
        struct jsonpath_node *unknown = node(s, JSONPATH_IS_UNKNOWN, (struct str){ 0 });
        if (!unknown || !advance(s))
            return NULL;
        unknown->left = n;
        if (!at_word(s, "unknown"))
            fail_near(s);
        return advance(s) ? unknown : NULL;
    }
    bool steps = at_sign(s, ".") || at_sign(s, "[") || at_sign(s, "?");
    /* Steps behind a path in parentheses go on with it, as PostgreSQL's list of items does. */
    return steps ? parse_steps(s, n) : n;
}

static struct jsonpath_node *parse_unary(struct parser *s)
{
    struct jsonpath_node *n = NULL;
    if (++s->depth > JSONPATH_DEPTH_MAX) {
        err_set(s->err, SQLSTATE_STATEMENT_TOO_COMPLEX, "a jsonpath of more than %d levels", (int)JSONPATH_DEPTH_MAX);
        s->failed = true;
        return NULL;
    }
    if (at_sign(s, "+") || at_sign(s, "-")) {
        bool minus = at_sign(s, "-");
        struct jsonpath_node *of = advance(s) ? only(s, parse_unary(s), false) : NULL;
        if (of && of->kind == JSONPATH_NUMBER && !of->next) {
            n = of;
            if (minus) /* the text of a number has no blanks: its sign stands first */
                n->text = n->text.p[0] == '-' ? (struct str){ n->text.p + 1, n->text.n - 1 }
                                              : arena_printf(s->arena, "-%.*s", STR_FMT(n->text));
        } else if (of) {
            n = node(s, minus ? JSONPATH_MINUS : JSONPATH_PLUS, (struct str){ 0 });
            if (n)
                n->left = of;
        }
    } else if (at_sign(s, "(")) {
        n = parse_parenthesis(s);
    } else if (at_word(s, "exists")) {
        n = parse_exists(s);
    } else if (at_sign(s, "!")) {
        if (advance(s) && (at_sign(s, "(") || at_word(s, "exists"))) {
            struct jsonpath_node *of = only(s, parse_unary(s), true);
            n = of ? node(s, JSONPATH_NOT, (struct str){ 0 }) : NULL;
            if (n)
                n->left = of;
        } else {
            fail_near(s);
        }
    } else {
        n = parse_primary(s);
        n = n ? parse_steps(s, n) : NULL;
    }
    s->depth--;
    return s->failed ? NULL : n;
}

struct sign {
    const char *sign;
    enum jsonpath_kind kind;
};

static struct jsonpath_node *parse_chain(struct parser *s, const struct sign *signs, size_t n,
                                         struct jsonpath_node *(*operand)(struct parser *s), bool predicate)
{
    struct jsonpath_node *left = operand(s);
    for (bool more = true; more && left && !s->failed;) {
        more = false;
        for (size_t i = 0; i < n && !more; i++)
            if (at_sign(s, signs[i].sign)) {
                more = true;
                if (++s->operators > JSONPATH_OPERATORS_MAX) {
                    err_set(s->err, SQLSTATE_STATEMENT_TOO_COMPLEX, "a jsonpath of more than %d operators",
                            (int)JSONPATH_OPERATORS_MAX);
                    s->failed = true;
                    return NULL;
                }
                if (!only(s, left, predicate) || !advance(s))
                    return NULL;
                left = binary(s, signs[i].kind, left, only(s, operand(s), predicate));
            }
    }
    return s->failed ? NULL : left;
}

static struct jsonpath_node *parse_multiplicative(struct parser *s)
{
    static const struct sign signs[] = { { "*", JSONPATH_MULTIPLY },
                                         { "/", JSONPATH_DIVIDE },
                                         { "%", JSONPATH_MODULO } };
    return parse_chain(s, signs, 3, parse_unary, false);
}

static struct jsonpath_node *parse_additive(struct parser *s)
{
    static const struct sign signs[] = { { "+", JSONPATH_ADD }, { "-", JSONPATH_SUBTRACT } };
    return parse_chain(s, signs, 2, parse_multiplicative, false);
}

static struct jsonpath_node *parse_starts_with(struct parser *s, struct jsonpath_node *left)
{
    struct jsonpath_node *right = NULL;
    if (!advance(s) || !at_word(s, "with") || !advance(s))
        return fail_near(s) ? left : NULL;
    if (s->now.kind == TOKEN_STRING || s->now.kind == TOKEN_VARIABLE)
        right = parse_primary(s);
    else
        fail_near(s);
    return binary(s, JSONPATH_STARTS_WITH, only(s, left, false), right);
}

static struct jsonpath_node *parse_like_regex(struct parser *s, struct jsonpath_node *left)
{
    struct jsonpath_node *n = only(s, left, false) && advance(s) ? node(s, JSONPATH_LIKE_REGEX, s->now.text) : NULL;
    if (!n || s->now.kind != TOKEN_STRING || !advance(s))
        return s->failed || fail_near(s) ? NULL : NULL;
    n->left = left;
    if (!at_word(s, "flag"))
        return n;
    if (!advance(s) || s->now.kind != TOKEN_STRING) {
        fail_near(s);
        return NULL;
    }
    n->flags = s->now.text;
    for (size_t i = 0; i < n->flags.n; i++) {
        if (n->flags.p[i] == 'x') {
            err_set(s->err, SQLSTATE_FEATURE_NOT_SUPPORTED,
                    "XQuery \"x\" flag (expanded regular expressions) is not implemented");
            s->failed = true;
            return NULL;
        }
        if (!memchr("ismq", n->flags.p[i], 4)) {
            err_set(s->err, SQLSTATE_SYNTAX_ERROR, "invalid input syntax for type %s", "jsonpath");
            err_detail(s->err, "Unrecognized flag character \"%c\" in LIKE_REGEX predicate.", n->flags.p[i]);
            s->failed = true;
            return NULL;
        }
    }
    return advance(s) ? n : NULL;
}

static struct jsonpath_node *parse_comparison(struct parser *s)
{
    static const struct sign signs[] = { { "==", JSONPATH_EQUAL },         { "!=", JSONPATH_NOT_EQUAL },
                                         { "<>", JSONPATH_NOT_EQUAL },     { "<=", JSONPATH_LESS_EQUAL },
                                         { ">=", JSONPATH_GREATER_EQUAL }, { "<", JSONPATH_LESS },
                                         { ">", JSONPATH_GREATER } };
    struct jsonpath_node *left = parse_additive(s);
    for (size_t i = 0; left && i < sizeof(signs) / sizeof(*signs); i++)
        if (at_sign(s, signs[i].sign)) {
            if (!only(s, left, false) || !advance(s))
                return NULL;
            return binary(s, signs[i].kind, left, only(s, parse_additive(s), false));
        }
    if (left && at_word(s, "starts"))
        return parse_starts_with(s, left);
    if (left && at_word(s, "like_regex"))
        return parse_like_regex(s, left);
    return left;
}

static struct jsonpath_node *parse_and(struct parser *s)
{
    static const struct sign signs[] = { { "&&", JSONPATH_AND } };
    return parse_chain(s, signs, 1, parse_comparison, true);
}

static struct jsonpath_node *parse_or(struct parser *s)
{
    static const struct sign signs[] = { { "||", JSONPATH_OR } };
    return parse_chain(s, signs, 1, parse_and, true);
}

bool jsonpath_parse(struct str text, struct arena *arena, struct jsonpath *ret, struct err *err)
{
    struct parser s = { .p = text.p, .end = text.p + text.n, .arena = arena, .err = err };
    *ret = (struct jsonpath){ 0 };
    if (!advance(&s))
        return false;
    if (s.now.kind == TOKEN_END)
        return err_set(err, SQLSTATE_INVALID_TEXT_REPRESENTATION, "invalid input syntax for type %s: \"%.*s\"",
                       "jsonpath", STR_FMT(text));
    if (at_word(&s, "strict") || at_word(&s, "lax")) {
        ret->is_strict = at_word(&s, "strict");
        if (!advance(&s))
            return false;
    }
    ret->root = parse_or(&s);
    if (ret->root && s.now.kind != TOKEN_END)
        fail_near(&s);
    if (!ret->root && !err_is_set(err))
        err_set(err, SQLSTATE_SYNTAX_ERROR, "syntax error in jsonpath input");
    return ret->root && !s.failed;
}

/* ---- printing */

const char *jsonpath_operator(enum jsonpath_kind kind)
{
    static const char *const signs[] = {
        [JSONPATH_OR] = "||",        [JSONPATH_AND] = "&&",           [JSONPATH_EQUAL] = "==",
        [JSONPATH_NOT_EQUAL] = "!=", [JSONPATH_LESS] = "<",           [JSONPATH_LESS_EQUAL] = "<=",
        [JSONPATH_GREATER] = ">",    [JSONPATH_GREATER_EQUAL] = ">=", [JSONPATH_STARTS_WITH] = "starts with",
        [JSONPATH_ADD] = "+",        [JSONPATH_SUBTRACT] = "-",       [JSONPATH_MULTIPLY] = "*",
        [JSONPATH_DIVIDE] = "/",     [JSONPATH_MODULO] = "%",         [JSONPATH_PLUS] = "+",
        [JSONPATH_MINUS] = "-",
    };
    return signs[kind] ? signs[kind] : "";
}

static int priority(enum jsonpath_kind kind)
{
    switch (kind) {
    case JSONPATH_OR:
        return 0;
    case JSONPATH_AND:
        return 1;
    case JSONPATH_EQUAL:
    case JSONPATH_NOT_EQUAL:
    case JSONPATH_LESS:
    case JSONPATH_LESS_EQUAL:
    case JSONPATH_GREATER:
    case JSONPATH_GREATER_EQUAL:
    case JSONPATH_STARTS_WITH:
        return 2;
    case JSONPATH_ADD:
    case JSONPATH_SUBTRACT:
        return 3;
    case JSONPATH_MULTIPLY:
    case JSONPATH_DIVIDE:
    case JSONPATH_MODULO:
        return 4;
    case JSONPATH_PLUS:
    case JSONPATH_MINUS:
        return 5;
    default:
        return 6;
    }
}

static void print_item(const struct jsonpath_node *n, bool in_key, bool brackets, struct buf *out);

static void print_operand(const struct jsonpath_node *of, const struct jsonpath_node *n, struct buf *out)
{
    print_item(of, false, priority(of->kind) <= priority(n->kind), out);
}

static void print_level(uint32_t level, struct buf *out)
{
    if (level == JSONPATH_UNBOUNDED)
        buf_add_str(out, STR("last"));
    else
        buf_printf(out, "%u", level);
}

static void print_any(const struct jsonpath_node *n, bool in_key, struct buf *out)
{
    buf_add_str(out, in_key ? STR(".**") : STR("**"));
    if (n->first == 0 && n->last == JSONPATH_UNBOUNDED)
        return;
    buf_add_char(out, '{');
    print_level(n->first, out);
    if (n->first != n->last) {
        buf_add_str(out, STR(" to "));
        print_level(n->last, out);
    }
    buf_add_char(out, '}');
}

static void print_index(const struct jsonpath_node *n, struct buf *out)
{
    buf_add_char(out, '[');
    for (size_t i = 0; i < n->n_ranges; i++) {
        if (i)
            buf_add_char(out, ',');
        print_item(n->ranges[i].from, false, false, out);
        if (!n->ranges[i].to)
            continue;
        buf_add_str(out, STR(" to "));
        print_item(n->ranges[i].to, false, false, out);
    }
    buf_add_char(out, ']');
}

static void print_wrapped(const char *before, const struct jsonpath_node *of, const char *after, struct buf *out)
{
    buf_add_str(out, str_from(before));
    print_item(of, false, false, out);
    buf_add_str(out, str_from(after));
}

static void print_operator(const struct jsonpath_node *n, bool brackets, struct buf *out)
{
    if (brackets)
        buf_add_char(out, '(');
    if (n->right)
        print_operand(n->left, n, out);
    buf_printf(out, n->right ? " %s " : "%s", jsonpath_operator(n->kind));
    print_operand(n->right ? n->right : n->left, n, out);
    if (brackets)
        buf_add_char(out, ')');
}

static void print_like_regex(const struct jsonpath_node *n, bool brackets, struct buf *out)
{
    if (brackets)
        buf_add_char(out, '(');
    print_operand(n->left, n, out);
    buf_add_str(out, STR(" like_regex "));
    json_print_string(n->text, out);
    if (n->flags.n) {
        buf_add_str(out, STR(" flag \""));
        for (const char *f = "ismq"; *f; f++)
            if (memchr(n->flags.p, *f, n->flags.n))
                buf_add_char(out, *f);
        buf_add_char(out, '"');
    }
    if (brackets)
        buf_add_char(out, ')');
}

/* One item without the steps behind it. */
static void print_one(const struct jsonpath_node *n, bool in_key, bool brackets, struct buf *out)
{
    switch (n->kind) {
    case JSONPATH_NULL:
    case JSONPATH_TRUE:
    case JSONPATH_FALSE:
        buf_add_str(out, n->text);
        break;
    case JSONPATH_STRING:
        json_print_string(n->text, out);
        break;
    case JSONPATH_NUMBER:
        buf_printf(out, n->next ? "(%.*s)" : "%.*s", STR_FMT(n->text));
        break;
    case JSONPATH_VARIABLE:
        buf_add_char(out, '$');
        json_print_string(n->text, out);
        break;
    case JSONPATH_ROOT:
        buf_add_char(out, '$');
        break;
    case JSONPATH_CURRENT:
        buf_add_char(out, '@');
        break;
    case JSONPATH_LAST:
        buf_add_str(out, STR("last"));
        break;
    case JSONPATH_KEY:
        if (in_key)
            buf_add_char(out, '.');
        json_print_string(n->text, out);
        break;
    case JSONPATH_ANY_KEY:
        buf_add_str(out, in_key ? STR(".*") : STR("*"));
        break;
    case JSONPATH_ANY_ELEMENT:
        buf_add_str(out, STR("[*]"));
        break;
    case JSONPATH_INDEX:
        print_index(n, out);
        break;
    case JSONPATH_ANY:
        print_any(n, in_key, out);
        break;
    case JSONPATH_FILTER:
        print_wrapped("?(", n->left, ")", out);
        break;
    case JSONPATH_METHOD:
        buf_printf(out, ".%.*s()", STR_FMT(n->text));
        break;
    case JSONPATH_NOT:
        print_wrapped("!(", n->left, ")", out);
        break;
    case JSONPATH_IS_UNKNOWN:
        print_wrapped("(", n->left, ") is unknown", out);
        break;
    case JSONPATH_EXISTS:
        print_wrapped("exists (", n->left, ")", out);
        break;
    case JSONPATH_LIKE_REGEX:
        print_like_regex(n, brackets, out);
        break;
    case JSONPATH_OR:
    case JSONPATH_AND:
    case JSONPATH_EQUAL:
    case JSONPATH_NOT_EQUAL:
    case JSONPATH_LESS:
    case JSONPATH_LESS_EQUAL:
    case JSONPATH_GREATER:
    case JSONPATH_GREATER_EQUAL:
    case JSONPATH_STARTS_WITH:
    case JSONPATH_ADD:
    case JSONPATH_SUBTRACT:
    case JSONPATH_MULTIPLY:
    case JSONPATH_DIVIDE:
    case JSONPATH_MODULO:
    case JSONPATH_PLUS:
    case JSONPATH_MINUS:
        print_operator(n, brackets, out);
        break;
    }
}

static void print_item(const struct jsonpath_node *n, bool in_key, bool brackets, struct buf *out)
{
    print_one(n, in_key, brackets, out);
    while ((n = n->next) != NULL)
        print_one(n, true, true, out);
}

void jsonpath_print(const struct jsonpath *p, struct buf *out)
{
    if (p->is_strict)
        buf_add_str(out, STR("strict "));
    print_item(p->root, false, true, out);
}
