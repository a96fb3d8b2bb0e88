/* scan.c - SQLite's token borders (https://www.sqlite.org/lang.html: tokenize.c's rules); see scan.h. */
#include "d1/scan.h"

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '$' ||
           (unsigned char)c >= 0x80;
}

/* Where the line comment, block comment or white space at p ends; p itself when there is none. */
static size_t blank_end(struct str s, size_t p)
{
    if (is_space(s.p[p]))
        return p + 1;
    if (p + 1 >= s.n)
        return p;
    if (s.p[p] == '-' && s.p[p + 1] == '-') {
        while (p < s.n && s.p[p] != '\n')
            p++;
        return p;
    }
    if (s.p[p] != '/' || s.p[p + 1] != '*')
        return p;
    for (p += 2; p < s.n; p++)
        if (s.p[p] == '*' && p + 1 < s.n && s.p[p + 1] == '/')
            return p + 2;
    return s.n; /* an unclosed comment reaches to the end */
}

/* A doubled closing quote stands for itself, except that [x] knows no doubling. */
static size_t quoted_end(struct str s, size_t p)
{
    char close = s.p[p] == '[' ? ']' : s.p[p];
    for (p++; p < s.n; p++) {
        if (s.p[p] != close)
            continue;
        if (close != ']' && p + 1 < s.n && s.p[p + 1] == close)
            p++;
        else
            return p + 1;
    }
    return s.n;
}

bool scan_next(struct str *rest, struct scan_token *ret)
{
    struct str s = *rest;
    size_t p = 0;
    while (p < s.n) {
        size_t end = blank_end(s, p);
        if (end == p)
            break;
        p = end;
    }
    if (p == s.n) {
        *rest = (struct str){ s.p + p, 0 };
        return false;
    }
    size_t end = p + 1;
    enum scan_kind kind = SCAN_OTHER;
    if (s.p[p] == '\'' || s.p[p] == '"' || s.p[p] == '`' || s.p[p] == '[') {
        kind = SCAN_QUOTED;
        end = quoted_end(s, p);
    } else if (is_word(s.p[p])) {
        kind = SCAN_WORD;
        while (end < s.n && is_word(s.p[end]))
            end++;
    }
    *ret = (struct scan_token){ kind, { s.p + p, end - p } };
    *rest = (struct str){ s.p + end, s.n - end };
    return true;
}

bool scan_is_blank(struct str sql)
{
    size_t p = 0;
    while (p < sql.n) {
        if (is_space(sql.p[p])) {
            p++;
        } else if (sql.p[p] == '-' && p + 1 < sql.n && sql.p[p + 1] == '-') {
            while (p < sql.n && sql.p[p] != '\n')
                p++;
        } else {
            return false;
        }
    }
    return true;
}

struct str scan_rename_to(struct str sql)
{
    struct scan_token t, previous = { 0 };
    while (scan_next(&sql, &t)) {
        bool found = t.kind == SCAN_WORD && str_eq_nocase(t.text, STR("to")) && previous.kind == SCAN_WORD &&
                     str_eq_nocase(previous.text, STR("rename"));
        if (found && scan_next(&sql, &t))
            return t.kind == SCAN_QUOTED ? (struct str){ t.text.p + 1, t.text.n - 1 } : t.text;
        previous = t;
    }
    return (struct str){ 0 };
}
