/* regex_syntax.c - a reader by recursive descent; the names of errors are those of PostgreSQL's regerrs.h. */
#include "proxy/sql/functions/regex_syntax.h"

#include <string.h>

#include "proxy/sql/functions/collating_element.h"

enum { REPEAT_MAX = 255, DEPTH_MAX = 250, GROUPS_MAX = 255 };

static const char bad_repeat[] = "quantifier operand invalid", bad_parens[] = "parentheses () not balanced",
                  bad_brackets[] = "brackets [] not balanced", bad_braces[] = "braces {} not balanced",
                  bad_count[] = "invalid repetition count(s)", bad_escape[] = "invalid escape \\ sequence",
                  bad_class[] = "invalid character class", bad_range[] = "invalid character range",
                  bad_reference[] = "invalid backreference number", bad_option[] = "invalid embedded option",
                  bad_element[] = "invalid collating element", bad_version[] = "invalid regexp (reg version 0.8)",
                  too_complex[] = "regular expression is too complex";

enum token_kind {
    TOKEN_END,
    TOKEN_PLAIN,   /* value: a code point */
    TOKEN_BRACKET, /* negated */
    TOKEN_DOT,
    TOKEN_CLASS, /* value: d, s, w; negated */
    TOKEN_REFERENCE,
    TOKEN_OPEN, /* captures, or not */
    TOKEN_LOOK, /* behind, negated */
    TOKEN_CLOSE,
    TOKEN_OR,
    TOKEN_ASSERTION, /* text: what PCRE2 calls it */
    TOKEN_STAR,
    TOKEN_PLUS,
    TOKEN_QUESTION,
    TOKEN_BOUND,
};

struct token {
    enum token_kind kind;
    uint32_t value;
    bool negated, captures, lazy;
    bool behind; /* it looks at what stands before only */
    const char *text;
};

/* Whether a part can match the empty text. */
enum emptiness { EMPTY_NEVER, EMPTY_PERHAPS /* where its assertions hold */, EMPTY_ALWAYS };

struct shape {
    enum emptiness empty;
    bool is_narrow; /* it can match nothing but the empty text */
    bool captures;
    int node; /* of the tree; -1: an atom without parentheses */
    struct regex_extent extent;
};

struct quantifier {
    int least, most;
    bool stands, varies, lazy;
};

struct parser {
    const char *p, *end;
    struct regex_options options;
    struct buf *out;
    const char *error;
    struct token token;
    bool failed;
    bool at_start;    /* BASIC: nothing, or an opening parenthesis, stands before */
    bool after_caret; /* BASIC: an anchor, behind which a star means itself */
    int depth, groups, looking;
    bool closed[GROUPS_MAX + 1];
    struct regex_shape shape;
    struct regex_tree *tree;
};

static bool fail(struct parser *r, const char *error)
{
    if (!r->failed)
        r->error = error;
    r->failed = true;
    r->token.kind = TOKEN_END;
    return false;
}

/* ---- characters ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* The character at p, valid UTF-8 all through. */
static uint32_t take_character(struct parser *r)
{
    unsigned char c = (unsigned char)*r->p++;
    int more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : c >= 0xc0 ? 1 : 0;
    uint32_t value = more == 3 ? c & 7u : more == 2 ? c & 15u : more == 1 ? c & 31u : c;
    for (; more && r->p < r->end; more--)
        value = value << 6 | ((unsigned char)*r->p++ & 63u);
    return value;
}

/* Numbers up to this one are characters to PostgreSQL. Those that are none of Unicode's are in no text. */
enum { CHARACTER_MAX = 0x7ffffffe, UNICODE_MAX = 0x10ffff, SURROGATE_FIRST = 0xd800, SURROGATE_LAST = 0xdfff };

static bool is_in_no_text(uint32_t c)
{
    return c > UNICODE_MAX || (c >= SURROGATE_FIRST && c <= SURROGATE_LAST);
}

/* What is in no text stands as the character 0, which is in none either, and which PCRE2 takes. */
static void add_character(struct parser *r, uint32_t c)
{
    if (is_in_no_text(c))
        c = 0;
    if (c < 128 && (is_letter((char)c) || is_digit((char)c))) {
        buf_add_char(r->out, (char)c);
    } else if (c >= 33 && c < 127) {
        buf_add_char(r->out, '\\');
        buf_add_char(r->out, (char)c);
    } else {
        buf_printf(r->out, "\\x{%x}", (unsigned)c);
    }
}

static bool next_is(const struct parser *r, const char *text)
{
    size_t n = strlen(text);
    return (size_t)(r->end - r->p) >= n && memcmp(r->p, text, n) == 0;
}

/* ---- tokens ---- */

static void skip_comment(struct parser *r)
{
    while (r->p < r->end && *r->p != ')')
        r->p++;
    if (r->p < r->end)
        r->p++;
}

/* White space and comments of an expanded expression. */
static void skip(struct parser *r)
{
    while (r->options.expanded && r->p < r->end) {
        if (strchr(" \t\n\v\f\r", *r->p) && *r->p)
            r->p++;
        else if (*r->p == '#')
            while (r->p < r->end && *r->p != '\n')
                r->p++;
        else
            return;
    }
}

static int digit_of(char c, int base)
{
    int d = is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : 99;
    return d < base ? d : -1;
}

static uint32_t take_digits(struct parser *r, int base, int least, int most)
{
    uint32_t value = 0;
    int n = 0;
    for (; n < most && r->p < r->end && digit_of(*r->p, base) >= 0; n++)
        value =
            value * (uint32_t)base + (uint32_t)digit_of(*r->p++, base); /* PostgreSQL forgets what is too much, too */
    if (n < least || value > CHARACTER_MAX)
        fail(r, bad_escape);
    return value;
}

static struct token plain(uint32_t c)
{
    return (struct token){ .kind = TOKEN_PLAIN, .value = c };
}

/* \12: a back reference when there are so many groups, or only one digit; else octal. */
static struct token number_escape(struct parser *r)
{
    const char *start = --r->p;
    if (*start != '0') {
        uint32_t n = take_digits(r, 10, 1, 255);
        if (r->p == start + 1 || (n > 0 && n <= (uint32_t)r->groups))
            return (struct token){ .kind = TOKEN_REFERENCE, .value = n };
        r->p = start;
    }
    uint32_t c = take_digits(r, 8, 1, 3);
    if (c > 0xff) {
        r->p--;
        c >>= 3;
    }
    return plain(c);
}

static const struct {
    char letter;
    struct token token;
} escapes[] = {
    { 'A', { .kind = TOKEN_ASSERTION, .text = "\\A", .behind = true } },
    { 'B', { .kind = TOKEN_PLAIN, .value = '\\' } },
    { 'D', { .kind = TOKEN_CLASS, .value = 'd', .negated = true } },
    { 'M', { .kind = TOKEN_ASSERTION, .text = "\\b(?<=\\w)" } },
    { 'S', { .kind = TOKEN_CLASS, .value = 's', .negated = true } },
    { 'W', { .kind = TOKEN_CLASS, .value = 'w', .negated = true } },
    { 'Y', { .kind = TOKEN_ASSERTION, .text = "\\B" } },
    { 'Z', { .kind = TOKEN_ASSERTION, .text = "$" } },
    { 'a', { .kind = TOKEN_PLAIN, .value = 7 } },
    { 'b', { .kind = TOKEN_PLAIN, .value = 8 } },
    { 'd', { .kind = TOKEN_CLASS, .value = 'd' } },
    { 'e', { .kind = TOKEN_PLAIN, .value = 27 } },
    { 'f', { .kind = TOKEN_PLAIN, .value = 12 } },
    { 'm', { .kind = TOKEN_ASSERTION, .text = "\\b(?=\\w)" } },
    { 'n', { .kind = TOKEN_PLAIN, .value = 10 } },
    { 'r', { .kind = TOKEN_PLAIN, .value = 13 } },
    { 's', { .kind = TOKEN_CLASS, .value = 's' } },
    { 't', { .kind = TOKEN_PLAIN, .value = 9 } },
    { 'v', { .kind = TOKEN_PLAIN, .value = 11 } },
    { 'w', { .kind = TOKEN_CLASS, .value = 'w' } },
    { 'y', { .kind = TOKEN_ASSERTION, .text = "\\b" } },
};

/* What follows a backslash in an advanced expression. */
static struct token escape(struct parser *r)
{
    uint32_t c = take_character(r);
    if (c >= 128 || !(is_letter((char)c) || is_digit((char)c)))
        return plain(c);
    if (is_digit((char)c))
        return number_escape(r);
    switch (c) {
    case 'c':
        if (r->p < r->end)
            return plain(take_character(r) & 31);
        break;
    case 'u':
        return plain(take_digits(r, 16, 4, 4));
    case 'U':
        return plain(take_digits(r, 16, 8, 8));
    case 'x':
        return plain(take_digits(r, 16, 1, 255));
    default:
        for (size_t i = 0; i < sizeof(escapes) / sizeof(*escapes); i++)
            if ((uint32_t)escapes[i].letter == c)
                return escapes[i].token;
    }
    fail(r, bad_escape);
    return (struct token){ 0 };
}

static struct token bracket(struct parser *r)
{
    if (next_is(r, "[:<:]]") || next_is(r, "[:>:]]")) {
        bool start = r->p[2] == '<';
        r->p += 6;
        return (struct token){ .kind = TOKEN_ASSERTION, .text = start ? "\\b(?=\\w)" : "\\b(?<=\\w)" };
    }
    struct token t = { .kind = TOKEN_BRACKET, .negated = next_is(r, "^") };
    r->p += t.negated;
    return t;
}

static void advance(struct parser *r);

/* Behind "(?" of an advanced expression. */
static struct token special_group(struct parser *r)
{
    char c = r->p < r->end ? *r->p++ : 0;
    bool behind = c == '<';
    if (c == '#') {
        skip_comment(r);
        advance(r);
        return r->token;
    }
    if (behind)
        c = r->p < r->end ? *r->p++ : 0;
    if (c == ':' && !behind)
        return (struct token){ .kind = TOKEN_OPEN };
    if (c == '=' || c == '!')
        return (struct token){ .kind = TOKEN_LOOK, .behind = behind, .negated = c == '!' };
    fail(r, bad_repeat);
    return (struct token){ 0 };
}

static struct token caret(const struct parser *r)
{
    bool lines = r->options.newline_anchor;
    return (struct token){ .kind = TOKEN_ASSERTION, .text = lines ? "(?:^|(?<=\\n))" : "^", .behind = true };
}

static struct token dollar(const struct parser *r)
{
    return (struct token){ .kind = TOKEN_ASSERTION, .text = r->options.newline_anchor ? "(?=\\n|$)" : "$" };
}

static struct token repeat(struct parser *r, enum token_kind kind)
{
    struct token t = { .kind = kind };
    if (r->options.language == REGEX_ADVANCED && next_is(r, "?")) {
        t.lazy = true;
        r->p++;
    }
    return t;
}

static struct token extended_token(struct parser *r)
{
    bool advanced = r->options.language == REGEX_ADVANCED;
    uint32_t c = take_character(r);
    switch (c) {
    case '|':
        return (struct token){ .kind = TOKEN_OR };
    case '*':
        return repeat(r, TOKEN_STAR);
    case '+':
        return repeat(r, TOKEN_PLUS);
    case '?':
        return repeat(r, TOKEN_QUESTION);
    case '{':
        skip(r);
        return r->p < r->end && is_digit(*r->p) ? (struct token){ .kind = TOKEN_BOUND } : plain(c);
    case '(':
        if (advanced && next_is(r, "?")) {
            r->p++;
            return special_group(r);
        }
        return (struct token){ .kind = TOKEN_OPEN, .captures = true };
    case ')':
        return (struct token){ .kind = TOKEN_CLOSE };
    case '[':
        return bracket(r);
    case '.':
        return (struct token){ .kind = TOKEN_DOT };
    case '^':
        return caret(r);
    case '$':
        return dollar(r);
    case '\\':
        if (r->p < r->end)
            return advanced ? escape(r) : plain(take_character(r));
        fail(r, bad_escape);
        return (struct token){ 0 };
    default:
        return plain(c);
    }
}

static struct token basic_escape(struct parser *r)
{
    if (r->p == r->end) {
        fail(r, bad_escape);
        return (struct token){ 0 };
    }
    uint32_t c = take_character(r);
    switch (c) {
    case '{':
        return (struct token){ .kind = TOKEN_BOUND };
    case '(':
        return (struct token){ .kind = TOKEN_OPEN, .captures = true };
    case ')':
        return (struct token){ .kind = TOKEN_CLOSE };
    case '<':
        return (struct token){ .kind = TOKEN_ASSERTION, .text = "\\b(?=\\w)" };
    case '>':
        return (struct token){ .kind = TOKEN_ASSERTION, .text = "\\b(?<=\\w)" };
    default:
        return c >= '1' && c <= '9' ? (struct token){ .kind = TOKEN_REFERENCE, .value = c - '0' } : plain(c);
    }
}

static struct token basic_token(struct parser *r, bool at_start, bool after_caret)
{
    uint32_t c = take_character(r);
    switch (c) {
    case '*':
        return at_start || after_caret ? plain(c) : (struct token){ .kind = TOKEN_STAR };
    case '[':
        return bracket(r);
    case '.':
        return (struct token){ .kind = TOKEN_DOT };
    case '^':
        return at_start ? caret(r) : plain(c);
    case '$':
        skip(r);
        return r->p == r->end || next_is(r, "\\)") ? dollar(r) : plain(c);
    case '\\':
        return basic_escape(r);
    default:
        return plain(c);
    }
}

static void advance(struct parser *r)
{
    bool at_start = r->at_start, after_caret = r->after_caret;
    if (r->failed)
        return;
    if (r->options.language != REGEX_LITERAL)
        skip(r);
    if (r->p >= r->end) {
        r->token = (struct token){ .kind = TOKEN_END };
        return;
    }
    switch (r->options.language) {
    case REGEX_LITERAL:
        r->token = plain(take_character(r));
        break;
    case REGEX_BASIC:
        r->after_caret = next_is(r, "^") && at_start;
        r->token = basic_token(r, at_start, after_caret);
        break;
    case REGEX_ADVANCED:
    case REGEX_EXTENDED:
        r->token = extended_token(r);
        break;
    }
    r->at_start = r->token.kind == TOKEN_OPEN;
    if (r->failed)
        r->token.kind = TOKEN_END;
}

/* ---- bracket expressions ---- */

static const struct {
    const char *name, *text; /* NULL: PCRE2 has it by this name */
} classes[] = {
    { "alnum", NULL },  { "alpha", NULL }, { "ascii", NULL }, { "blank", NULL },  { "cntrl", NULL },
    { "digit", "0-9" }, { "graph", NULL }, { "lower", NULL }, { "print", NULL },  { "punct", NULL },
    { "space", "\\s" }, { "upper", NULL }, { "word", "\\w" }, { "xdigit", NULL },
};

static bool add_class(struct parser *r, struct str name)
{
    for (size_t i = 0; i < sizeof(classes) / sizeof(*classes); i++) {
        if (!str_is(name, classes[i].name))
            continue;
        bool cased = str_is(name, "lower") || str_is(name, "upper");
        if (classes[i].text)
            buf_add_str(r->out, str_from(classes[i].text));
        else
            buf_printf(r->out, "[:%s:]", cased && r->options.ignore_case ? "alpha" : classes[i].name);
        return true;
    }
    return fail(r, bad_class);
}

static const char *class_text(uint32_t letter, bool negated)
{
    switch (letter) {
    case 'd':
        return negated ? "[^0-9]" : "[0-9]";
    case 's':
        return negated ? "\\S" : "\\s";
    default:
        return negated ? "\\W" : "\\w";
    }
}

/* [.x.], [=x=] or [:name:] behind "[" and its mark; the name between. */
static bool bracket_name(struct parser *r, char mark, struct str *ret)
{
    const char *start = r->p;
    for (; r->p + 1 < r->end; r->p++)
        if (r->p[0] == mark && r->p[1] == ']') {
            *ret = (struct str){ start, (size_t)(r->p - start) };
            r->p += 2;
            return true;
        }
    return fail(r, bad_brackets);
}

enum member { MEMBER_CHARACTER, MEMBER_SET, MEMBER_RANGE, MEMBER_CLOSE, MEMBER_FAILED };

/* PostgreSQL has read the next element before it asks what this one means: what is wrong in its text is told first. */
static bool look_ahead(struct parser *r)
{
    struct parser next = *r;
    if (next.p >= next.end)
        return fail(r, bad_brackets);
    uint32_t c = take_character(&next);
    bool ends = next.p >= next.end;
    if (c == '[')
        return !ends || fail(r, bad_brackets);
    if (c != '\\' || r->options.language != REGEX_ADVANCED)
        return true;
    enum token_kind kind = ends ? TOKEN_END : escape(&next).kind;
    return (!next.failed && (kind == TOKEN_PLAIN || kind == TOKEN_CLASS)) || fail(r, bad_escape);
}

static enum member named_member(struct parser *r, char mark, uint32_t *ret)
{
    struct str name;
    r->p++;
    if (!bracket_name(r, mark, &name) || !look_ahead(r))
        return MEMBER_FAILED;
    if (mark == ':')
        return add_class(r, name) ? MEMBER_SET : MEMBER_FAILED;
    struct parser one = { .p = name.p, .end = name.p + name.n };
    if (name.n)
        *ret = take_character(&one);
    if ((!name.n || one.p != one.end) && !collating_element(name, ret)) {
        fail(r, bad_element);
        return MEMBER_FAILED;
    }
    if (mark == '.')
        return MEMBER_CHARACTER;
    add_character(r, *ret);
    return MEMBER_SET;
}

/* One element of a bracket expression; sets are written at once. */
static enum member take_member(struct parser *r, bool first, uint32_t *ret)
{
    if (r->p >= r->end) {
        fail(r, bad_brackets);
        return MEMBER_FAILED;
    }
    uint32_t c = take_character(r);
    *ret = c;
    if (c == '\\' && r->options.language == REGEX_ADVANCED) {
        if (r->p >= r->end) {
            fail(r, bad_escape);
            return MEMBER_FAILED;
        }
        struct token t = escape(r);
        if (t.kind == TOKEN_CLASS && !r->failed) {
            buf_add_str(r->out, t.value == 'd' ? str_from(t.negated ? "\\D" : "0-9")
                                               : str_from(class_text(t.value, t.negated)));
            return MEMBER_SET;
        }
        *ret = t.value;
        if (t.kind == TOKEN_PLAIN)
            return r->failed ? MEMBER_FAILED : MEMBER_CHARACTER;
        fail(r, bad_escape);
        return MEMBER_FAILED;
    }
    if (c == ']' && !first)
        return MEMBER_CLOSE;
    if (c == '-' && !first && !next_is(r, "]"))
        return MEMBER_RANGE;
    if (c == '[' && r->p >= r->end) {
        fail(r, bad_brackets);
        return MEMBER_FAILED;
    }
    return c == '[' && (*r->p == '.' || *r->p == '=' || *r->p == ':') ? named_member(r, *r->p, ret) : MEMBER_CHARACTER;
}

/* Behind a character: perhaps "-" and the end of a range. */
static bool add_range(struct parser *r, uint32_t from)
{
    uint32_t to = from;
    if (next_is(r, "-") && !next_is(r, "-]")) {
        r->p++;
        enum member m = MEMBER_CHARACTER;
        if (next_is(r, "[=") || next_is(r, "[:"))
            m = MEMBER_SET;
        else if (next_is(r, "-"))
            r->p++, to = '-';
        else
            m = take_member(r, false, &to);
        if (m == MEMBER_FAILED || (m == MEMBER_CHARACTER && !look_ahead(r)))
            return false;
        if (m != MEMBER_CHARACTER || from > to)
            return fail(r, bad_range);
    }
    if (from != to) {
        from = is_in_no_text(from) && from <= SURROGATE_LAST ? SURROGATE_LAST + 1 : from;
        to = to > UNICODE_MAX ? UNICODE_MAX : is_in_no_text(to) ? SURROGATE_FIRST - 1 : to;
    }
    add_character(r, from);
    if (from < to) {
        buf_add_char(r->out, '-');
        add_character(r, to);
    }
    return true;
}

static bool parse_bracket(struct parser *r)
{
    buf_add_str(r->out, r->token.negated ? STR("[^") : STR("["));
    if (r->token.negated && r->options.newline_stops)
        buf_add_str(r->out, STR("\\n"));
    for (bool first = true;; first = false) {
        uint32_t c;
        switch (take_member(r, first, &c)) {
        case MEMBER_CHARACTER:
            if (!add_range(r, c))
                return false;
            break;
        case MEMBER_SET:
            break;
        case MEMBER_RANGE:
            return fail(r, bad_range);
        case MEMBER_CLOSE:
            buf_add_char(r->out, ']');
            return true;
        case MEMBER_FAILED:
            return false;
        }
    }
}

/* ---- quantifiers ---- */

static bool take_count(struct parser *r, int *ret)
{
    int n = 0;
    if (r->p >= r->end)
        return fail(r, bad_braces);
    if (!is_digit(*r->p))
        return fail(r, bad_count);
    for (; r->p < r->end && is_digit(*r->p); r->p++)
        if ((n = n * 10 + (*r->p - '0')) > REPEAT_MAX)
            return fail(r, bad_count);
    *ret = n;
    skip(r);
    return true;
}

/* {m}, {m,} and {m,n}: a preference has only what can vary. */
static bool parse_bound(struct parser *r, struct quantifier *ret)
{
    bool basic = r->options.language == REGEX_BASIC;
    *ret = (struct quantifier){ .stands = true };
    if (!take_count(r, &ret->least))
        return false;
    ret->most = ret->least;
    if (next_is(r, ",")) {
        ret->varies = true;
        ret->most = REGEX_ANY;
        r->p++;
        skip(r);
        if (r->p < r->end && is_digit(*r->p) && !take_count(r, &ret->most))
            return false;
        if (ret->most != REGEX_ANY && ret->least > ret->most)
            return fail(r, bad_count);
    }
    if (r->p >= r->end)
        return fail(r, bad_braces);
    if (!next_is(r, basic ? "\\}" : "}"))
        return fail(r, bad_count);
    r->p += basic ? 2 : 1;
    ret->lazy = r->options.language == REGEX_ADVANCED && next_is(r, "?");
    r->p += ret->lazy;
    advance(r);
    return !r->failed;
}

static bool parse_quantifier(struct parser *r, struct quantifier *ret)
{
    const struct token t = r->token;
    *ret = (struct quantifier){ .least = 1, .most = 1 };
    if (t.kind == TOKEN_BOUND)
        return parse_bound(r, ret);
    if (t.kind != TOKEN_STAR && t.kind != TOKEN_PLUS && t.kind != TOKEN_QUESTION)
        return true;
    *ret = (struct quantifier){ .least = t.kind == TOKEN_PLUS,
                                .most = t.kind == TOKEN_QUESTION ? 1 : REGEX_ANY,
                                .stands = true,
                                .varies = true,
                                .lazy = t.lazy };
    advance(r);
    return !r->failed;
}

static void add_quantifier(struct parser *r, const struct quantifier *q)
{
    if (!q->stands)
        return;
    if (!q->varies)
        buf_printf(r->out, "{%d}", q->least);
    else if (q->most == REGEX_ANY)
        buf_printf(r->out, "{%d,}%s", q->least, q->lazy ? "?" : "");
    else
        buf_printf(r->out, "{%d,%d}%s", q->least, q->most, q->lazy ? "?" : "");
}

/* The atom behind its quantifier: what can match the empty text now. It joins its branch. */
static void join(struct parser *r, struct regex_branch *b, struct regex_atom *atom, const struct quantifier *q,
                 struct shape *shape)
{
    atom->to = r->out->n;
    atom->least = q->least;
    atom->most = q->most;
    atom->prefers = !q->varies ? 0 : q->lazy ? REGEX_SHORTER : REGEX_LONGER;
    regex_branch_atom(r->tree, b, atom);
    if (q->stands && q->least == 0)
        shape->empty = EMPTY_ALWAYS;
    if (q->stands && q->most == 0)
        *shape = (struct shape){ .empty = EMPTY_ALWAYS, .is_narrow = true };
}

/* ---- expressions ---- */

static bool parse_alternatives(struct parser *r, bool inside, struct shape *ret);

/* What a group remembers that may match the empty text decides what its references match: Perl gives a repeated one an empty
 * text behind its last, and a lazy one is left out. PostgreSQL does neither. */
static bool remembers_otherwise(const struct quantifier *q, bool itself, const struct shape *shape)
{
    if (!q->stands || q->most == 0 || shape->empty == EMPTY_NEVER || !(itself || shape->captures))
        return false;
    return (q->most != 1 && !shape->is_narrow) || (q->lazy && q->least == 0);
}

/* A group that never is: nothing stays but its numbers. (PCRE2 10.42 takes the first characters of (|(?=a)b){0} for those of
 * the whole.) */
static void take_away(struct parser *r, size_t from, int groups)
{
    if (!r->out->failed)
        r->out->n = from;
    for (; groups > 0; groups--)
        buf_add_str(r->out, STR("(){0}"));
}

static bool parse_group(struct parser *r, struct regex_branch *b, struct shape *ret)
{
    bool captures = r->token.captures && !r->looking;
    int before = r->groups;
    int number = captures ? ++r->groups : 0;
    struct regex_atom atom = { .group = number, .from = r->out->n };
    struct quantifier q;
    buf_add_str(r->out, captures ? STR("(") : STR("(?:"));
    advance(r);
    if (!parse_alternatives(r, true, ret))
        return false;
    buf_add_char(r->out, ')');
    atom.node = ret->node;
    atom.extent = ret->extent;
    atom.body_to = r->out->n;
    if (number && number <= GROUPS_MAX)
        r->closed[number] = true;
    advance(r);
    if (r->failed || !parse_quantifier(r, &q))
        return false;
    r->shape.captures_otherwise |= remembers_otherwise(&q, captures, ret);
    if (q.most == 0)
        take_away(r, atom.from, r->groups - before);
    else
        add_quantifier(r, &q);
    ret->captures |= captures;
    join(r, b, &atom, &q, ret);
    return true;
}

static bool parse_look(struct parser *r, struct regex_branch *b)
{
    struct shape ignored;
    size_t nodes = r->tree->n;
    buf_printf(r->out, "(?%s%c", r->token.behind ? "<" : "", r->token.negated ? '!' : '=');
    r->looking++;
    advance(r);
    if (!parse_alternatives(r, true, &ignored))
        return false;
    r->looking--;
    r->tree->n = nodes; /* nothing within is taken to pieces */
    regex_branch_assertion(b, true);
    buf_add_char(r->out, ')');
    advance(r);
    return !r->failed;
}

/* A reference to a group that has not matched never matches, however few times it is wanted; {0} takes it away. */
static bool parse_reference(struct parser *r, struct regex_branch *b, struct shape *ret)
{
    uint32_t n = r->token.value;
    struct regex_atom atom = { .node = -1, .refers = true, .from = r->out->n, .body_to = r->out->n };
    struct quantifier q;
    if (r->looking)
        return fail(r, bad_reference);
    if (n == 0 || n > GROUPS_MAX || !r->closed[n])
        return fail(r, bad_reference);
    r->shape.back_references = true;
    advance(r);
    if (r->failed || !parse_quantifier(r, &q))
        return false;
    *ret = (struct shape){ .empty = EMPTY_PERHAPS };
    atom.extent = regex_character; /* of one length while it is tried */
    atom.extent.never_empty = false;
    if (q.stands && q.most == 0) {
        join(r, b, &atom, &q, ret);
        return true;
    }
    buf_printf(r->out, "(?(%u)(?:\\g{%u})", (unsigned)n, (unsigned)n);
    add_quantifier(r, &q);
    buf_add_str(r->out, STR("|(?!))"));
    join(r, b, &atom, &q, ret);
    ret->empty = EMPTY_PERHAPS;
    return true;
}

/* An atom with its quantifier, or an assertion, which takes none. */
static bool parse_atom(struct parser *r, struct regex_branch *b, struct shape *ret)
{
    const struct token t = r->token;
    struct regex_atom atom = { .node = -1, .from = r->out->n, .extent = regex_character };
    struct quantifier q;
    *ret = (struct shape){ 0 };
    switch (t.kind) {
    case TOKEN_ASSERTION:
    case TOKEN_LOOK:
        *ret = (struct shape){ .empty = EMPTY_PERHAPS, .is_narrow = true };
        if (t.kind == TOKEN_LOOK)
            return parse_look(r, b);
        buf_add_str(r->out, str_from(t.text));
        regex_branch_assertion(b, !t.behind);
        advance(r);
        return !r->failed;
    case TOKEN_PLAIN:
        add_character(r, t.value);
        break;
    case TOKEN_DOT:
        buf_add_str(r->out, r->options.newline_stops ? STR("[^\\n]") : STR("."));
        break;
    case TOKEN_CLASS:
        buf_add_str(r->out, str_from(class_text(t.value, t.negated)));
        break;
    case TOKEN_BRACKET:
        if (!parse_bracket(r))
            return false;
        break;
    case TOKEN_REFERENCE:
        return parse_reference(r, b, ret);
    case TOKEN_OPEN:
        return parse_group(r, b, ret);
    case TOKEN_CLOSE: /* an expression of POSIX takes it for itself */
        if (r->options.language != REGEX_EXTENDED)
            return fail(r, bad_parens);
        add_character(r, ')');
        break;
    case TOKEN_STAR:
    case TOKEN_PLUS:
    case TOKEN_QUESTION:
    case TOKEN_BOUND:
        return fail(r, bad_repeat);
    case TOKEN_END:
    case TOKEN_OR:
        return !r->failed;
    }
    atom.body_to = r->out->n;
    advance(r);
    if (r->failed || !parse_quantifier(r, &q))
        return false;
    add_quantifier(r, &q);
    join(r, b, &atom, &q, ret);
    return true;
}

static bool parse_branch(struct parser *r, bool inside, struct shape *ret)
{
    struct regex_branch b;
    regex_branch_start(&b, r->out->n);
    *ret = (struct shape){ .empty = EMPTY_ALWAYS, .is_narrow = true };
    while (!r->failed && r->token.kind != TOKEN_END && r->token.kind != TOKEN_OR &&
           !(inside && r->token.kind == TOKEN_CLOSE)) {
        struct shape one;
        if (!parse_atom(r, &b, &one))
            return false;
        ret->empty = one.empty < ret->empty ? one.empty : ret->empty;
        ret->is_narrow &= one.is_narrow;
        ret->captures |= one.captures;
    }
    ret->node = regex_branch_end(r->tree, &b, r->out->n);
    return !r->failed;
}

static bool parse_alternatives(struct parser *r, bool inside, struct shape *ret)
{
    size_t from = r->out->n;
    if (r->failed)
        return false;
    if (++r->depth > DEPTH_MAX)
        return fail(r, too_complex);
    if (!parse_branch(r, inside, ret))
        return false;
    int first = ret->node, last = first;
    while (r->token.kind == TOKEN_OR) {
        struct shape other;
        buf_add_char(r->out, '|');
        r->shape.alternation = true;
        advance(r);
        if (!parse_branch(r, inside, &other))
            return false;
        last = regex_tree_append(r->tree, last, other.node);
        ret->empty = other.empty > ret->empty ? other.empty : ret->empty;
        ret->is_narrow &= other.is_narrow;
        ret->captures |= other.captures;
    }
    r->depth--;
    if (inside && r->token.kind != TOKEN_CLOSE)
        return fail(r, bad_parens);
    ret->node = first == last ? first : regex_tree_choice(r->tree, first, from, r->out->n);
    ret->extent = regex_tree_extent(r->tree, ret->node);
    return !r->failed;
}

/* ---- what stands in front ---- */

static bool embedded_option(struct regex_options *o, char c)
{
    switch (c) {
    case 'b':
        o->language = REGEX_BASIC;
        return true;
    case 'c':
        o->ignore_case = false;
        return true;
    case 'e':
        o->language = REGEX_EXTENDED;
        return true;
    case 'i':
        o->ignore_case = true;
        return true;
    case 'm':
    case 'n':
        o->newline_stops = o->newline_anchor = true;
        return true;
    case 'p':
        o->newline_stops = true, o->newline_anchor = false;
        return true;
    case 'q':
        o->language = REGEX_LITERAL;
        return true;
    case 's':
        o->newline_stops = o->newline_anchor = false;
        return true;
    case 't':
        o->expanded = false;
        return true;
    case 'w':
        o->newline_stops = false, o->newline_anchor = true;
        return true;
    case 'x':
        o->expanded = true;
        return true;
    default:
        return false;
    }
}

/* ***=, ***: and (?options). */
static bool read_prefixes(struct parser *r)
{
    if (r->options.language == REGEX_LITERAL)
        return true;
    if (next_is(r, "***?"))
        return fail(r, bad_version);
    if (next_is(r, "***=")) {
        r->options.language = REGEX_LITERAL;
        r->p += 4;
        return true;
    }
    if (next_is(r, "***:")) {
        r->options.language = REGEX_ADVANCED;
        r->p += 4;
    } else if (next_is(r, "***") && r->end - r->p > 3) {
        return fail(r, bad_repeat);
    }
    if (r->options.language != REGEX_ADVANCED)
        return true;
    if (!(next_is(r, "(?") && r->end - r->p > 2 && (is_letter(r->p[2]) || (unsigned char)r->p[2] >= 0x80)))
        return true;
    for (r->p += 2; r->p < r->end && is_letter(*r->p); r->p++)
        if (!embedded_option(&r->options, *r->p))
            return fail(r, bad_option);
    if (!next_is(r, ")"))
        return fail(r, bad_option);
    r->p++;
    return true;
}

bool regex_translate(struct str pattern, struct regex_options *options, struct buf *out, struct regex_tree *tree,
                     struct regex_shape *ret, const char **ret_error)
{
    struct parser r = { .p = pattern.p, .end = pattern.p + pattern.n, .options = *options, .out = out, .tree = tree };
    struct shape whole = { 0 };
    r.at_start = true;
    *ret_error = NULL;
    bool ok = read_prefixes(&r);
    if (ok) {
        advance(&r);
        ok = parse_alternatives(&r, false, &whole);
    }
    if (!ok) {
        *ret_error = r.error;
        return false;
    }
    tree->root = whole.node;
    *options = r.options;
    *ret = r.shape;
    return !out->failed && !tree->failed;
}

bool regex_check(struct str pattern, struct err *err)
{
    enum { TEXT_MAX = 1 << 20 };
    struct regex_options options = { .language = REGEX_ADVANCED };
    struct regex_shape shape = { 0 };
    const char *error = NULL;
    struct regex_tree tree;
    struct buf text;
    regex_tree_init(&tree);
    buf_init(&text, TEXT_MAX);
    bool ok = regex_translate(pattern, &options, &text, &tree, &shape, &error);
    buf_fini(&text);
    regex_tree_fini(&tree);
    /* Without a text it is nothing that PostgreSQL would refuse: whoever runs it tells. */
    return ok || !error || err_set(err, SQLSTATE_INVALID_REGULAR_EXPRESSION, "invalid regular expression: %s", error);
}
