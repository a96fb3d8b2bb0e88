/*
 * pattern.c - LIKE, SIMILAR TO and regular expressions (PostgreSQL 9.7).
 *
 * Regular expressions run on PCRE2. PostgreSQL's match is the leftmost and then the longest one (9.7.3.5), Perl's is the first
 * that fits: pcre2_dfa_match() finds the leftmost-longest end. What the groups remember is Perl's answer within that span
 * where the two cannot differ (regex_tree.h tells), and is found as PostgreSQL does otherwise (regex_dissect.h). Patterns
 * with back references, which that matcher lacks, take Perl's match when they have no alternation and are refused otherwise.
 * The expression is read by PostgreSQL's rules and written again for PCRE2 (regex_syntax.h).
 */
#include "proxy/sql/functions/pattern.h"

#include "proxy/base/utf8.h"
#include "proxy/sql/functions/regex_dissect.h"
#include "proxy/sql/functions/regex_syntax.h"
#include "proxy/sql/functions/typed.h"

#include <stdlib.h>

enum { MAX_TEXT = 8 << 20, MAX_PATTERN = 64 << 10, MAX_GROUPS = 100 };

/* --- LIKE --- */

/* 1 matches, 0 does not, -1 the pattern ends with its escape character. Backtracks to the last % only: linear in practice. */
static int like(struct str s, struct str p)
{
    size_t i = 0, k = 0, star = SIZE_MAX, mark = 0;
    while (i < s.n) {
        if (k < p.n && p.p[k] == '%') {
            star = k++;
            mark = i;
            continue;
        }
        size_t at = k, w = 0;
        bool fits = false;
        if (k < p.n && p.p[k] == '_') {
            fits = true;
            w = 1;
        } else if (k < p.n) {
            if (p.p[k] == '\\') {
                if (k + 1 >= p.n)
                    return -1;
                at++;
            }
            w = utf8_width(p, at);
            fits = i + w <= s.n && memcmp(s.p + i, p.p + at, w) == 0;
        }
        if (fits) {
            k = at + w;
            i += utf8_width(s, i);
        } else if (star != SIZE_MAX) {
            k = star + 1;
            mark += utf8_width(s, mark);
            i = mark;
        } else {
            return 0;
        }
    }
    while (k < p.n && p.p[k] == '%')
        k++;
    return k == p.n;
}

static void give_like(sqlite3_context *c, struct str s, struct str p, bool negated)
{
    int r = like(s, p);
    if (r < 0)
        fail_with(c, SQLSTATE_INVALID_ESCAPE_SEQUENCE, "LIKE pattern must not end with escape character");
    else
        sqlite3_result_int(c, r != negated);
}

static struct str lowered(sqlite3_context *c, struct str s)
{
    return lower_text(scratch(c), s);
}

static void textlike(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    give_like(c, local_text(args[0]), local_text(args[1]), false);
}

static void textnlike(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    give_like(c, local_text(args[0]), local_text(args[1]), true);
}

static void texticlike(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    give_like(c, lowered(c, local_text(args[0])), lowered(c, local_text(args[1])), false);
}

static void texticnlike(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    give_like(c, lowered(c, local_text(args[0])), lowered(c, local_text(args[1])), true);
}

/* like_escape(pattern, escape): the pattern with \ as its escape character. */
static void like_escape(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    struct str p = local_text(args[0]), e = local_text(args[1]);
    struct buf out;
    if (e.n && e.n != utf8_width(e, 0)) {
        fail_with(c, SQLSTATE_INVALID_ESCAPE_SEQUENCE, "invalid escape string");
        err_hint(errors(c), "Escape string must be empty or one character.");
        return;
    }
    buf_init(&out, MAX_TEXT);
    for (size_t i = 0; i < p.n; i += utf8_width(p, i)) {
        size_t w = utf8_width(p, i);
        if (e.n && w == e.n && memcmp(p.p + i, e.p, w) == 0) {
            buf_add_char(&out, '\\');
            i += w;
            if (i >= p.n)
                break;
            w = utf8_width(p, i);
            buf_add(&out, p.p + i, w);
        } else {
            if (p.p[i] == '\\')
                buf_add_char(&out, '\\');
            buf_add(&out, p.p + i, w);
        }
    }
    local_result_text(c, buf_str(&out));
    buf_fini(&out);
}

/* --- SIMILAR TO: the pattern as a regular expression (similar_escape_internal) --- */

static void similar(sqlite3_context *c, struct str p, struct str e)
{
    struct buf out;
    bool after_escape = false, in_class = false;
    int separators = 0;
    if (e.n && e.n != utf8_width(e, 0)) {
        fail_with(c, SQLSTATE_INVALID_ESCAPE_SEQUENCE, "invalid escape string");
        err_hint(errors(c), "Escape string must be empty or one character.");
        return;
    }
    buf_init(&out, MAX_TEXT);
    buf_add_str(&out, STR("^(?:"));
    for (size_t i = 0; i < p.n;) {
        size_t w = utf8_width(p, i);
        char ch = w == 1 ? p.p[i] : 0;
        if (after_escape) {
            if (ch == '"' && !in_class && separators == 2) {
                fail_with(c, SQLSTATE_INVALID_USE_OF_ESCAPE_CHARACTER,
                          "SQL regular expression may not contain more than two escape-double-quote separators");
                buf_fini(&out);
                return;
            }
            if (ch == '"' && !in_class) {
                buf_add_str(&out, separators++ == 0 ? STR("){1,1}?(") : STR("){1,1}(?:"));
            } else {
                buf_add_char(&out, '\\');
                buf_add(&out, p.p + i, w);
            }
            after_escape = false;
        } else if (e.n == w && memcmp(p.p + i, e.p, w) == 0) {
            after_escape = true;
        } else if (in_class) {
            if (ch == '\\')
                buf_add_char(&out, '\\');
            buf_add(&out, p.p + i, w);
            in_class = ch != ']';
        } else if (ch == '[') {
            buf_add_char(&out, ch);
            in_class = true;
        } else if (ch == '%') {
            buf_add_str(&out, STR(".*"));
        } else if (ch == '_') {
            buf_add_char(&out, '.');
        } else if (ch == '(') {
            buf_add_str(&out, STR("(?:"));
        } else if (ch && strchr("\\.^$", ch)) {
            buf_add_char(&out, '\\');
            buf_add_char(&out, ch);
        } else {
            buf_add(&out, p.p + i, w);
        }
        i += w;
    }
    buf_add_str(&out, STR(")$"));
    local_result_text(c, buf_str(&out));
    buf_fini(&out);
}

static void similar_to_escape_1(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    similar(c, local_text(args[0]), STR("\\"));
}

static void similar_to_escape_2(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    similar(c, local_text(args[0]), local_text(args[1]));
}

/* Not strict: a NULL escape means the default one. */
static void similar_escape(sqlite3_context *c, int n, sqlite3_value **args)
{
    (void)n;
    if (sqlite3_value_type(args[0]) != SQLITE_NULL)
        similar(c, local_text(args[0]), sqlite3_value_type(args[1]) == SQLITE_NULL ? STR("\\") : local_text(args[1]));
}

/* --- compiling --- */

struct regex {
    pcre2_code *code;
    pcre2_match_data *data;
    uint32_t groups;
    bool longest; /* greedy as a whole: the longest match; else the shortest */
    bool back_references;
    bool perl_agrees;                  /* about its groups, in a span that is known */
    bool looks;                        /* at what stands behind the match */
    struct regex_dissector *dissector; /* NULL where Perl's answer is always taken */
    struct regex_options asked;
    bool is_kept; /* with the statement */
};

static void regex_free(void *p)
{
    struct regex *r = p;
    if (!r)
        return;
    regex_dissector_free(r->dissector);
    pcre2_match_data_free(r->data);
    pcre2_code_free(r->code);
    free(r);
}

struct flags {
    bool global;
    struct regex_options options;
    struct str bad;     /* an option that is none */
    bool contradictory; /* a text that means itself, and something that would change its meaning */
};

/* Flags of regexp_replace() and its kin (table 9.24). "e" makes a basic expression, as it does in PostgreSQL 15. */
static struct flags parse_flags(struct str s)
{
    struct flags f = { 0 };
    struct regex_options *o = &f.options;
    for (size_t i = 0; i < s.n; i++) {
        switch (s.p[i]) {
        case 'g':
            f.global = true;
            break;
        case 'i':
            o->ignore_case = true;
            break;
        case 'c':
            o->ignore_case = false;
            break;
        case 'm':
        case 'n':
            o->newline_stops = o->newline_anchor = true;
            break;
        case 'p':
            o->newline_stops = true, o->newline_anchor = false;
            break;
        case 'w':
            o->newline_stops = false, o->newline_anchor = true;
            break;
        case 's':
            o->newline_stops = o->newline_anchor = false;
            break;
        case 't':
            o->expanded = false;
            break;
        case 'x':
            o->expanded = true;
            break;
        case 'q':
            o->language = REGEX_LITERAL;
            break;
        case 'b':
        case 'e':
            o->language = REGEX_BASIC;
            break;
        default:
            f.bad = (struct str){ s.p + i, utf8_width(s, i) };
            return f;
        }
    }
    f.contradictory = o->language == REGEX_LITERAL && (o->expanded || o->newline_stops || o->newline_anchor);
    return f;
}

static struct regex *fail_pattern(sqlite3_context *c, const char *error)
{
    fail_with(c, SQLSTATE_INVALID_REGULAR_EXPRESSION, "invalid regular expression: %s", error);
    return NULL;
}

/* A reference is to what Perl's search has found: where PostgreSQL finds another text, the expression is refused. */
static bool may_match(sqlite3_context *c, const struct regex_shape *shape, const struct regex_node *root)
{
    bool mixed = (root->flags & REGEX_MIXED) && !root->perl_agrees;
    if (!shape->back_references || !(shape->alternation || shape->captures_otherwise || mixed))
        return true;
    err_unsupported(errors(c),
                    shape->alternation ? "a regular expression with both back references and alternatives"
                    : shape->captures_otherwise
                        ? "a back reference in a regular expression with a repeated group that may be empty"
                        : "a back reference in a regular expression that prefers both long and short matches");
    return local_fail(c), false;
}

/* How the groups will be found; takes the tree if that needs it. */
static bool prepare_groups(struct regex *r, struct str text, uint32_t options, struct regex_tree *tree)
{
    const struct regex_node *root = &tree->nodes[tree->root];
    r->longest = !(root->flags & REGEX_SHORTER);
    r->perl_agrees = r->back_references || root->perl_agrees;
    r->looks = root->extent.looks;
    if (!r->groups || r->back_references || (r->perl_agrees && !r->looks))
        return true;
    r->dissector = regex_dissector_new(tree, text, options);
    return r->dissector;
}

static struct regex *compile_translated(sqlite3_context *c, struct str text, const struct regex_options *o,
                                        const struct regex_shape *shape, struct regex_tree *tree)
{
    struct regex *r = calloc(1, sizeof(*r));
    int code = 0;
    PCRE2_SIZE offset = 0;
    if (!r) {
        local_fail(c);
        return NULL;
    }
    /* A quantifier that gives nothing back would never stop at the shortest match. */
    uint32_t options = PCRE2_NO_AUTO_POSSESS | PCRE2_UTF | PCRE2_UCP | PCRE2_DOLLAR_ENDONLY | PCRE2_DOTALL |
                       PCRE2_NO_UTF_CHECK | (o->ignore_case ? PCRE2_CASELESS : 0);
    /* For (?=a)b?a PCRE2 10.42 looks for an a and another one behind it, though the first one is only looked at. */
    if (str_find(text, STR("(?=")) >= 0)
        options |= PCRE2_NO_START_OPTIMIZE;
    r->back_references = shape->back_references;
    r->code = pcre2_compile((PCRE2_SPTR)(text.p ? text.p : ""), text.n, options, &code, &offset, NULL);
    if (!r->code) { /* PostgreSQL has it: what is left are lookbehinds of any length, and sizes */
        PCRE2_UCHAR message[200] = "";
        pcre2_get_error_message(code, message, sizeof(message));
        err_unsupported(errors(c), "this regular expression (%s)", (const char *)message);
        local_fail(c);
    } else {
        pcre2_pattern_info(r->code, PCRE2_INFO_CAPTURECOUNT, &r->groups);
        r->data = pcre2_match_data_create(r->groups + 1 < 64 ? 64 : r->groups + 1, NULL);
    }
    if (r->code && r->data && prepare_groups(r, text, options, tree))
        return r;
    regex_free(r);
    return NULL;
}

static struct regex *compile(sqlite3_context *c, struct str pattern, struct flags f)
{
    struct regex_shape shape = { 0 };
    const char *error = NULL;
    struct buf text;
    if (f.contradictory)
        return fail_pattern(c, "invalid argument to regex function");
    struct regex_tree tree;
    regex_tree_init(&tree);
    buf_init(&text, MAX_PATTERN);
    struct regex *r = NULL;
    if (regex_translate(pattern, &f.options, &text, &tree, &shape, &error))
        r = may_match(c, &shape, &tree.nodes[tree.root])
                ? compile_translated(c, buf_str(&text), &f.options, &shape, &tree)
                : NULL;
    else
        fail_pattern(c, text.failed || tree.failed ? "out of memory" : error);
    buf_fini(&text);
    regex_tree_fini(&tree);
    return r;
}

static bool same_options(const struct regex_options *a, const struct regex_options *b)
{
    return a->language == b->language && a->ignore_case == b->ignore_case && a->expanded == b->expanded &&
           a->newline_stops == b->newline_stops && a->newline_anchor == b->newline_anchor;
}

/* The compiled pattern, argument number 1; kept with the statement while that argument is constant. Ends with give_back(). */
static struct regex *borrow(sqlite3_context *c, sqlite3_value **args, struct flags f)
{
    struct regex *r = sqlite3_get_auxdata(c, 1);
    if (r && same_options(&r->asked, &f.options))
        return r;
    r = compile(c, local_text(args[1]), f);
    if (!r)
        return NULL;
    r->asked = f.options;
    r->is_kept = true;
    sqlite3_set_auxdata(c, 1, r, regex_free);
    if (sqlite3_get_auxdata(c, 1) == r)
        return r;
    /* SQLite may free what it was given at once: compile again for ourselves. */
    return compile(c, local_text(args[1]), f);
}

static void give_back(struct regex *r)
{
    if (r && !r->is_kept)
        regex_free(r);
}

struct match {
    size_t start[MAX_GROUPS + 1], end[MAX_GROUPS + 1];
    uint32_t groups;
};

static void take_groups(const struct regex *r, int code, struct match *ret)
{
    PCRE2_SIZE *at = pcre2_get_ovector_pointer(r->data);
    for (uint32_t i = 0; i <= r->groups; i++) {
        bool set = i == 0 || (code == 0 || i < (uint32_t)code);
        ret->start[i] = set && at[2 * i] != PCRE2_UNSET ? at[2 * i] : SIZE_MAX;
        ret->end[i] = ret->start[i] == SIZE_MAX ? SIZE_MAX : at[2 * i + 1];
    }
}

/* Perl's groups within the span. What looks at the text behind it must see that text: then Perl's own end has to be this one. */
static bool perl_groups(const struct regex *r, struct str s, struct match *ret)
{
    PCRE2_SPTR text = (PCRE2_SPTR)(s.p ? s.p : "");
    size_t start = ret->start[0], end = ret->end[0], stop = r->looks ? s.n : end;
    uint32_t options = PCRE2_NO_UTF_CHECK | PCRE2_ANCHORED | (stop == end ? PCRE2_ENDANCHORED : 0);
    int code = pcre2_match(r->code, text, stop, start, options, r->data, NULL);
    if (code < 0 || pcre2_get_ovector_pointer(r->data)[1] != end)
        return false;
    take_groups(r, code, ret);
    return true;
}

static bool find_groups(const struct regex *r, struct str s, struct match *ret)
{
    if (r->perl_agrees && perl_groups(r, s, ret))
        return true;
    return r->dissector &&
           regex_dissect(r->dissector, s, ret->start[0], ret->end[0], ret->start, ret->end, r->groups + 1);
}

enum wanted { THE_SPAN, THE_GROUPS };

/* Leftmost-longest (or shortest) match from `from`, with its groups if they are wanted; 1 found, 0 not, -1 error. */
static int find(sqlite3_context *c, struct regex *r, struct str s, size_t from, enum wanted wanted, struct match *ret)
{
    PCRE2_SPTR text = (PCRE2_SPTR)(s.p ? s.p : "");
    int code;
    if (r->groups > MAX_GROUPS) {
        err_unsupported(errors(c), "a regular expression with more than %d groups", MAX_GROUPS);
        local_fail(c);
        return -1;
    }
    if (r->back_references)
        code = pcre2_match(r->code, text, s.n, from, PCRE2_NO_UTF_CHECK, r->data, NULL);
    else
        code = regex_all_lengths(r->code, s, from, PCRE2_NO_UTF_CHECK | (r->longest ? 0 : PCRE2_DFA_SHORTEST), r->data);
    if (code == PCRE2_ERROR_NOMATCH)
        return 0;
    ret->groups = r->groups;
    if (code >= 0) {
        take_groups(r, r->back_references ? code : 1, ret);
        if (wanted == THE_SPAN || !r->groups || r->back_references || find_groups(r, s, ret))
            return 1;
    }
    fail_with(c, SQLSTATE_STATEMENT_TOO_COMPLEX, "regular expression failed: too complex");
    return -1;
}

static bool flags_of(sqlite3_context *c, sqlite3_value *v, struct flags *ret)
{
    *ret = parse_flags(local_text(v));
    if (ret->bad.n)
        fail_with(c, SQLSTATE_INVALID_PARAMETER_VALUE, "invalid regular expression option: \"%.*s\"",
                  STR_FMT(ret->bad));
    return !ret->bad.n;
}

/* The flags of a function that looks for one match, or says itself how many. */
static bool flags_without_global(sqlite3_context *c, sqlite3_value *v, const char *function, struct flags *ret)
{
    if (!flags_of(c, v, ret))
        return false;
    if (ret->global)
        fail_with(c, SQLSTATE_INVALID_PARAMETER_VALUE, "%s() does not support the \"global\" option", function);
    return !ret->global;
}

bool pattern_found(sqlite3_context *c, struct str pattern, unsigned flags, struct str text, bool *ret)
{
    const struct flags f = { .options = { .language = flags & PATTERN_QUOTED ? REGEX_LITERAL : REGEX_ADVANCED,
                                          .ignore_case = flags & PATTERN_IGNORE_CASE,
                                          .newline_stops = flags & PATTERN_DOT_IS_NO_NEWLINE,
                                          .newline_anchor = flags & PATTERN_ANCHORS_AT_LINES } };
    struct match m;
    struct regex *r = compile(c, pattern, f);
    int found = r ? find(c, r, text, 0, THE_SPAN, &m) : -1;
    regex_free(r);
    *ret = found > 0;
    return found >= 0;
}

/* --- ~ and ~* --- */

static void matches(sqlite3_context *c, int n, sqlite3_value **args, bool ignore_case, bool negated)
{
    struct match m;
    STRICT(n, args);
    struct regex *r = borrow(c, args, (struct flags){ .options = { .ignore_case = ignore_case } });
    int found = r ? find(c, r, local_text(args[0]), 0, THE_SPAN, &m) : -1;
    if (found >= 0)
        sqlite3_result_int(c, (found != 0) != negated);
    give_back(r);
}

static void textregexeq(sqlite3_context *c, int n, sqlite3_value **args)
{
    matches(c, n, args, false, false);
}

static void textregexne(sqlite3_context *c, int n, sqlite3_value **args)
{
    matches(c, n, args, false, true);
}

static void texticregexeq(sqlite3_context *c, int n, sqlite3_value **args)
{
    matches(c, n, args, true, false);
}

static void texticregexne(sqlite3_context *c, int n, sqlite3_value **args)
{
    matches(c, n, args, true, true);
}

static void regexp_like(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct flags f = { 0 };
    struct match m;
    STRICT(n, args);
    if (n > 2 && !flags_without_global(c, args[2], "regexp_like", &f))
        return;
    struct regex *r = borrow(c, args, f);
    int found = r ? find(c, r, local_text(args[0]), 0, THE_SPAN, &m) : -1;
    if (found >= 0)
        sqlite3_result_int(c, found);
    give_back(r);
}

/* substring(s from pattern): the first group, or the whole match. */
static void substring(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct match m;
    STRICT(n, args);
    struct regex *r = borrow(c, args, (struct flags){ 0 });
    struct str s = local_text(args[0]);
    if (r && find(c, r, s, 0, THE_GROUPS, &m) == 1) {
        uint32_t g = m.groups ? 1 : 0;
        if (m.start[g] != SIZE_MAX)
            local_result_text(c, (struct str){ s.p + m.start[g], m.end[g] - m.start[g] });
    }
    give_back(r);
}

/* --- lists of matches --- */

static void add_groups(struct buf *out, struct str s, const struct match *m)
{
    uint32_t from = m->groups ? 1 : 0;
    buf_add_char(out, '[');
    for (uint32_t g = from; g <= m->groups; g++) {
        if (g > from)
            buf_add_char(out, ',');
        if (m->start[g] == SIZE_MAX)
            buf_add_str(out, STR("null"));
        else
            json_print_string((struct str){ s.p + m->start[g], m->end[g] - m->start[g] }, out);
    }
    buf_add_char(out, ']');
}

/* Where the next search starts after a match: one character on when it was empty. */
static size_t after(struct str s, const struct match *m)
{
    if (m->end[0] > m->start[0])
        return m->end[0];
    return m->end[0] < s.n ? m->end[0] + utf8_width(s, m->end[0]) : s.n + 1;
}

static void give_buf(sqlite3_context *c, struct buf *out, bool ok)
{
    if (ok && out->failed)
        fail_with(c, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "requested length too large");
    else if (ok)
        local_result_text(c, buf_str(out));
    buf_fini(out);
}

static void regexp_match(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct flags f = { 0 };
    struct match m;
    struct buf out;
    STRICT(n, args);
    if (n > 2 && !flags_without_global(c, args[2], "regexp_match", &f)) {
        if (f.global)
            err_hint(errors(c), "Use the regexp_matches function instead.");
        return;
    }
    struct regex *r = borrow(c, args, f);
    struct str s = local_text(args[0]);
    if (r && find(c, r, s, 0, THE_GROUPS, &m) == 1) {
        buf_init(&out, MAX_TEXT);
        add_groups(&out, s, &m);
        give_buf(c, &out, true);
    }
    give_back(r);
}

/* Set-returning: a JSON array whose elements are the rows' values, each a text[] in its storage form. */
static void regexp_matches(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct flags f = { 0 };
    struct match m;
    struct buf out, one;
    int found = 0;
    STRICT(n, args);
    if (n > 2 && !flags_of(c, args[2], &f))
        return;
    struct regex *r = borrow(c, args, f);
    struct str s = local_text(args[0]);
    if (!r)
        return;
    buf_init(&out, MAX_TEXT);
    buf_init(&one, MAX_TEXT);
    buf_add_char(&out, '[');
    for (size_t at = 0; at <= s.n && (found = find(c, r, s, at, THE_GROUPS, &m)) == 1; at = after(s, &m)) {
        if (out.n > 1)
            buf_add_char(&out, ',');
        buf_reset(&one);
        add_groups(&one, s, &m);
        json_print_string(buf_str(&one), &out);
        if (!f.global)
            break;
    }
    buf_add_char(&out, ']');
    buf_fini(&one);
    give_buf(c, &out, found >= 0);
    give_back(r);
}

static void split(sqlite3_context *c, int n, sqlite3_value **args, const char *name)
{
    struct flags f = { 0 };
    struct match m;
    struct buf out;
    size_t start = 0;
    int found = 0;
    STRICT(n, args);
    if (n > 2 && !flags_without_global(c, args[2], name, &f))
        return;
    struct regex *r = borrow(c, args, f);
    struct str s = local_text(args[0]);
    if (!r)
        return;
    buf_init(&out, MAX_TEXT);
    buf_add_char(&out, '[');
    for (size_t at = 0; at <= s.n && (found = find(c, r, s, at, THE_SPAN, &m)) == 1; at = after(s, &m)) {
        /* an empty match right after the last one, or at either end, splits nothing */
        if (m.end[0] == m.start[0] && (m.start[0] == start || m.start[0] >= s.n))
            continue;
        json_print_string((struct str){ s.p + start, m.start[0] - start }, &out);
        buf_add_char(&out, ',');
        start = m.end[0];
    }
    json_print_string((struct str){ s.p + start, s.n - start }, &out);
    buf_add_char(&out, ']');
    give_buf(c, &out, found >= 0);
    give_back(r);
}

static void regexp_split_to_array(sqlite3_context *c, int n, sqlite3_value **args)
{
    split(c, n, args, "regexp_split_to_array");
}

static void regexp_split_to_table(sqlite3_context *c, int n, sqlite3_value **args)
{
    split(c, n, args, "regexp_split_to_table");
}

/* --- replace --- */

static void add_replacement(struct buf *out, struct str s, struct str with, const struct match *m)
{
    for (size_t i = 0; i < with.n; i++) {
        char next = i + 1 < with.n ? with.p[i + 1] : 0;
        if (with.p[i] != '\\' || !next) {
            buf_add_char(out, with.p[i]);
        } else if (next == '&' || (next >= '1' && next <= '9')) {
            uint32_t g = next == '&' ? 0 : (uint32_t)(next - '0');
            if (g <= m->groups && m->start[g] != SIZE_MAX)
                buf_add(out, s.p + m->start[g], m->end[g] - m->start[g]);
            i++;
        } else if (next == '\\') {
            buf_add_char(out, '\\');
            i++;
        } else {
            buf_add_char(out, '\\');
        }
    }
}

/* \\1 to \\9 in a replacement. */
static bool names_group(struct str with)
{
    for (size_t i = 0; i + 1 < with.n; i++)
        if (with.p[i] == '\\' && with.p[++i] >= '1' && with.p[i] <= '9')
            return true;
    return false;
}

/* Where a search from a character begins, counted from 1: behind the text's end nothing matches, not even what is empty. */
static size_t byte_offset(struct str s, sqlite3_int64 character)
{
    size_t before = (size_t)character - 1;
    return before > s.n || before > str_characters(s) ? s.n + 1 : str_offset_of(s, before);
}

/* nth: which match is replaced, 0: all. */
static void replace(sqlite3_context *c, sqlite3_value **args, struct flags f, size_t from, sqlite3_int64 nth)
{
    struct str s = local_text(args[0]), with = local_text(args[2]);
    struct match m;
    struct buf out;
    size_t copied = 0;
    sqlite3_int64 count = 0;
    int found = 0;
    struct regex *r = borrow(c, args, f);
    enum wanted wanted = names_group(with) ? THE_GROUPS : THE_SPAN;
    if (!r)
        return;
    buf_init(&out, MAX_TEXT);
    for (size_t at = from; at <= s.n && (found = find(c, r, s, at, wanted, &m)) == 1; at = after(s, &m)) {
        if (nth && ++count != nth)
            continue;
        buf_add(&out, s.p + copied, m.start[0] - copied);
        add_replacement(&out, s, with, &m);
        copied = m.end[0];
        if (nth)
            break;
    }
    buf_add(&out, s.p + copied, s.n - copied);
    give_buf(c, &out, found >= 0);
    give_back(r);
}

static void regexp_replace(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct flags f = { 0 };
    STRICT(n, args);
    if (n > 3) {
        struct str flags = local_text(args[3]);
        if (flags.n && flags.p[0] >= '0' && flags.p[0] <= '9') {
            fail_with(c, SQLSTATE_INVALID_PARAMETER_VALUE, "invalid regular expression option: \"%c\"", flags.p[0]);
            err_hint(errors(c), "If you meant to use regexp_replace() with a start parameter, cast the fourth argument "
                                "to integer explicitly.");
            return;
        }
        if (!flags_of(c, args[3], &f))
            return;
    }
    replace(c, args, f, 0, f.global ? 0 : 1);
}

static bool positive(sqlite3_context *c, sqlite3_value *v, const char *name, sqlite3_int64 least, sqlite3_int64 *ret)
{
    *ret = sqlite3_value_int64(v);
    if (*ret < least)
        fail_with(c, SQLSTATE_INVALID_PARAMETER_VALUE, "invalid value for parameter \"%s\": %lld", name,
                  (long long)*ret);
    return *ret >= least;
}

/* regexp_replace(string, pattern, replacement, start [, n [, flags]]) */
static void regexp_replace_extended(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct flags f = { 0 };
    sqlite3_int64 start, nth = 1;
    STRICT(n, args);
    if (!positive(c, args[3], "start", 1, &start) || (n > 4 && !positive(c, args[4], "n", 0, &nth)) ||
        (n > 5 && !flags_of(c, args[5], &f)))
        return;
    if (n <= 4)
        nth = 1;
    replace(c, args, f, byte_offset(local_text(args[0]), start), nth);
}

/* --- count, instr, substr --- */

static void regexp_count(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct flags f = { 0 };
    struct match m;
    sqlite3_int64 start = 1, count = 0;
    int found = 0;
    STRICT(n, args);
    if ((n > 2 && !positive(c, args[2], "start", 1, &start)) ||
        (n > 3 && !flags_without_global(c, args[3], "regexp_count", &f)))
        return;
    struct regex *r = borrow(c, args, f);
    struct str s = local_text(args[0]);
    for (size_t at = byte_offset(s, start); r && at <= s.n && (found = find(c, r, s, at, THE_SPAN, &m)) == 1;
         at = after(s, &m))
        count++;
    if (r && found >= 0)
        sqlite3_result_int64(c, count);
    give_back(r);
}

/* The n-th match from start; 1 found. */
static int nth_match(sqlite3_context *c, struct regex *r, struct str s, sqlite3_int64 start, sqlite3_int64 nth,
                     enum wanted wanted, struct match *m)
{
    int found = 0;
    for (size_t at = byte_offset(s, start); at <= s.n && (found = find(c, r, s, at, wanted, m)) == 1; at = after(s, m))
        if (--nth == 0)
            return 1;
    return found < 0 ? -1 : 0;
}

/* regexp_instr(string, pattern [, start [, n [, endoption [, flags [, subexpr]]]]]) */
static void regexp_instr(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct flags f = { 0 };
    struct match m;
    sqlite3_int64 start = 1, nth = 1, end = 0, group = 0;
    STRICT(n, args);
    if ((n > 2 && !positive(c, args[2], "start", 1, &start)) || (n > 3 && !positive(c, args[3], "n", 1, &nth)) ||
        (n > 4 && !positive(c, args[4], "endoption", 0, &end)))
        return;
    if (end > 1) {
        fail_with(c, SQLSTATE_INVALID_PARAMETER_VALUE, "invalid value for parameter \"endoption\": %lld",
                  (long long)end);
        return;
    }
    if ((n > 6 && !positive(c, args[6], "subexpr", 0, &group)) ||
        (n > 5 && !flags_without_global(c, args[5], "regexp_instr", &f)))
        return;
    struct regex *r = borrow(c, args, f);
    struct str s = local_text(args[0]);
    int found = r ? nth_match(c, r, s, start, nth, group ? THE_GROUPS : THE_SPAN, &m) : -1;
    if (found == 1 && group <= m.groups && m.start[group] != SIZE_MAX)
        sqlite3_result_int64(
            c, 1 + (sqlite3_int64)str_characters((struct str){ s.p, end ? m.end[group] : m.start[group] }));
    else if (found >= 0)
        sqlite3_result_int64(c, 0);
    give_back(r);
}

/* regexp_substr(string, pattern [, start [, n [, flags [, subexpr]]]]) */
static void regexp_substr(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct flags f = { 0 };
    struct match m;
    sqlite3_int64 start = 1, nth = 1, group = 0;
    STRICT(n, args);
    if ((n > 2 && !positive(c, args[2], "start", 1, &start)) || (n > 3 && !positive(c, args[3], "n", 1, &nth)) ||
        (n > 5 && !positive(c, args[5], "subexpr", 0, &group)) ||
        (n > 4 && !flags_without_global(c, args[4], "regexp_substr", &f)))
        return;
    struct regex *r = borrow(c, args, f);
    struct str s = local_text(args[0]);
    if (r && nth_match(c, r, s, start, nth, group ? THE_GROUPS : THE_SPAN, &m) == 1 && group <= m.groups &&
        m.start[group] != SIZE_MAX)
        local_result_text(c, (struct str){ s.p + m.start[group], m.end[group] - m.start[group] });
    give_back(r);
}

enum { PURE = LOCAL_STRICT | LOCAL_DETERMINISTIC };
#define ROW(source, function, args)                                                                                    \
    {                                                                                                                  \
        .name = "pg_" #source, .n_args = args, .flags = PURE, .call = function                                         \
    }

static const struct local_function functions[] = {
    ROW(textlike, textlike, 2),
    ROW(textnlike, textnlike, 2),
    ROW(texticlike, texticlike, 2),
    ROW(texticnlike, texticnlike, 2),
    ROW(like_escape, like_escape, 2),
    ROW(similar_to_escape_1, similar_to_escape_1, 1),
    ROW(similar_to_escape_2, similar_to_escape_2, 2),
    { .name = "pg_similar_escape", .n_args = 2, .flags = LOCAL_DETERMINISTIC, .call = similar_escape },
    ROW(textregexeq, textregexeq, 2),
    ROW(textregexne, textregexne, 2),
    ROW(texticregexeq, texticregexeq, 2),
    ROW(texticregexne, texticregexne, 2),
    ROW(textregexsubstr, substring, 2),
    ROW(textregexreplace_noopt, regexp_replace, 3),
    ROW(textregexreplace, regexp_replace, 4),
    ROW(textregexreplace_extended, regexp_replace_extended, 6),
    ROW(textregexreplace_extended_no_flags, regexp_replace_extended, 5),
    ROW(textregexreplace_extended_no_n, regexp_replace_extended, 4),
    ROW(regexp_like, regexp_like, 3),
    ROW(regexp_like_no_flags, regexp_like, 2),
    ROW(regexp_match, regexp_match, 3),
    ROW(regexp_match_no_flags, regexp_match, 2),
    ROW(regexp_matches, regexp_matches, 3),
    ROW(regexp_matches_no_flags, regexp_matches, 2),
    ROW(regexp_split_to_array, regexp_split_to_array, 3),
    ROW(regexp_split_to_array_no_flags, regexp_split_to_array, 2),
    ROW(regexp_split_to_table, regexp_split_to_table, 3),
    ROW(regexp_split_to_table_no_flags, regexp_split_to_table, 2),
    ROW(regexp_count, regexp_count, 4),
    ROW(regexp_count_no_flags, regexp_count, 3),
    ROW(regexp_count_no_start, regexp_count, 2),
    ROW(regexp_instr, regexp_instr, 7),
    ROW(regexp_instr_no_subexpr, regexp_instr, 6),
    ROW(regexp_instr_no_flags, regexp_instr, 5),
    ROW(regexp_instr_no_endoption, regexp_instr, 4),
    ROW(regexp_instr_no_n, regexp_instr, 3),
    ROW(regexp_instr_no_start, regexp_instr, 2),
    ROW(regexp_substr, regexp_substr, 6),
    ROW(regexp_substr_no_subexpr, regexp_substr, 5),
    ROW(regexp_substr_no_flags, regexp_substr, 4),
    ROW(regexp_substr_no_n, regexp_substr, 3),
    ROW(regexp_substr_no_start, regexp_substr, 2),
};

const struct local_family local_family_pattern = { .functions = functions,
                                                   .n_functions = sizeof(functions) / sizeof(functions[0]) };
