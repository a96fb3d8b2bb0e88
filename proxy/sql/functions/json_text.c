/* json_text.c - see json_text.h. */
#include "proxy/sql/functions/json_text.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static struct str without_blanks(struct str s)
{
    while (s.n && is_blank(s.p[0]))
        s = (struct str){ s.p + 1, s.n - 1 };
    while (s.n && is_blank(s.p[s.n - 1]))
        s.n--;
    return s;
}

bool json_document(sqlite3_context *c, sqlite3_value *v, bool is_jsonb, struct str *ret)
{
    struct str text = local_text(v);
    struct json_value tree;
    bool ok =
        is_jsonb ? jsonb_normalize(text, scratch(c), ret, errors(c)) : json_parse(text, scratch(c), &tree, errors(c));
    if (!ok)
        local_fail(c);
    else if (!is_jsonb)
        *ret = without_blanks(text);
    return ok;
}

enum json_kind json_kind_of(struct str text)
{
    switch (text.n ? text.p[0] : 0) {
    case '{':
        return JSON_OBJECT;
    case '[':
        return JSON_ARRAY;
    case '"':
        return JSON_STRING;
    case 't':
    case 'f':
        return JSON_BOOLEAN;
    case 'n':
        return JSON_NULL;
    default:
        return JSON_NUMBER;
    }
}

bool json_document_as_written(sqlite3_context *c, sqlite3_value *v, bool is_jsonb, struct str *ret)
{
    if (is_jsonb)
        return json_document(c, v, is_jsonb, ret);
    *ret = without_blanks(local_text(v));
    if (json_check(*ret, errors(c)))
        return true;
    local_fail(c);
    return false;
}

/* ---- walking */

static void skip_blanks(struct json_walk *w)
{
    while (w->p < w->end && is_blank(*w->p))
        w->p++;
}

static const char *string_end(const char *p, const char *end)
{
    for (p++; p < end && *p != '"'; p++)
        p += *p == '\\' && p + 1 < end;
    return p < end ? p + 1 : end;
}

/* Where the value that starts at p ends: brackets are counted, strings passed over. */
static const char *value_end(const char *p, const char *end)
{
    size_t depth = 0;
    while (p < end) {
        if (*p == '"') {
            p = string_end(p, end);
        } else if (*p == '{' || *p == '[') {
            depth++;
            p++;
            continue;
        } else if (*p == '}' || *p == ']') {
            if (depth == 0)
                return p;
            depth--;
            p++;
        } else if (depth == 0) {
            while (p < end && !is_blank(*p) && *p != ',' && *p != '}' && *p != ']' && *p != ':')
                p++;
        } else {
            p++;
            continue;
        }
        if (depth == 0)
            return p;
    }
    return p;
}

struct json_walk json_enter(struct str text)
{
    struct json_walk w = { .p = text.p, .end = text.p + text.n, .is_object = json_kind_of(text) == JSON_OBJECT };
    w.p += w.p < w.end;
    return w;
}

static struct str take_value(struct json_walk *w)
{
    skip_blanks(w);
    const char *start = w->p;
    w->p = value_end(start, w->end);
    return (struct str){ start, (size_t)(w->p - start) };
}

bool json_next(struct json_walk *w, struct str *key, struct str *value)
{
    skip_blanks(w);
    if (w->p < w->end && *w->p == ',') {
        w->p++;
        skip_blanks(w);
    }
    if (w->p >= w->end || *w->p == '}' || *w->p == ']')
        return false;
    *key = (struct str){ 0 };
    if (w->is_object) {
        *key = take_value(w);
        skip_blanks(w);
        w->p += w->p < w->end; /* the colon */
    }
    *value = take_value(w);
    return true;
}

size_t json_count(struct str text)
{
    struct json_walk w = json_enter(text);
    struct str key, value;
    size_t n = 0;
    while (json_next(&w, &key, &value))
        n++;
    return n;
}

bool json_member_of(sqlite3_context *c, struct str text, struct str key, struct str *ret)
{
    struct json_walk w = json_enter(text);
    struct str name, value, decoded;
    bool found = false;
    while (w.is_object && json_next(&w, &name, &value)) {
        if (!json_decode(c, name, &decoded))
            return false;
        if (!str_eq(decoded, key))
            continue;
        *ret = value;
        found = true;
    }
    return found;
}

bool json_element_of(struct str text, int64_t index, struct str *ret)
{
    struct json_walk w = json_enter(text);
    struct str key, value;
    if (json_kind_of(text) != JSON_ARRAY)
        return false;
    if (index < 0)
        index += (int64_t)json_count(text);
    while (index >= 0 && json_next(&w, &key, &value))
        if (index-- == 0) {
            *ret = value;
            return true;
        }
    return false;
}

bool json_decode(sqlite3_context *c, struct str quoted, struct str *ret)
{
    struct json_value v;
    if (quoted.n >= 2 && !memchr(quoted.p, '\\', quoted.n)) {
        *ret = (struct str){ quoted.p + 1, quoted.n - 2 };
        return true;
    }
    if (!json_parse(quoted, scratch(c), &v, errors(c)) || v.kind != JSON_STRING) {
        local_fail(c);
        return false;
    }
    *ret = v.text;
    return true;
}

bool json_as_text(sqlite3_context *c, struct str text, struct value *ret)
{
    struct str decoded = text;
    enum json_kind kind = json_kind_of(text);
    if (kind == JSON_STRING && !json_decode(c, text, &decoded))
        return false;
    *ret = kind == JSON_NULL ? value_null() : value_text(decoded);
    return true;
}
