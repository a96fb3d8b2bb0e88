/* row_text.c - see row_text.h. */
#include "proxy/txn/row_text.h"

#include "proxy/sql/tagged_cell.h"

/* ---- writing ---- */

struct str row_text_sql(size_t n, struct arena *arena)
{
    struct buf b;
    bool grouped = n > ROW_TEXT_GROUP;
    buf_init(&b, 1 << 20);
    buf_add_str(&b, STR("json_array("));
    for (size_t i = 0; i < n; i++) {
        if (grouped && i % ROW_TEXT_GROUP == 0)
            buf_add_str(&b, i ? STR("),json_array(") : STR("json_array("));
        else if (i)
            buf_add_char(&b, ',');
        tagged_cell_sql(&b, i);
    }
    buf_add_str(&b, grouped ? STR("))") : STR(")"));
    struct str sql = b.failed ? (struct str){ 0 } : arena_str(arena, buf_str(&b));
    buf_fini(&b);
    return sql;
}

struct str row_text_array(const struct str *texts, size_t n, struct arena *arena)
{
    size_t size = 2;
    for (size_t i = 0; i < n; i++)
        size += 2 * texts[i].n + 3;
    char *start = arena_alloc(arena, size), *p = start;
    if (!start)
        return (struct str){ 0 };
    *p++ = '[';
    for (size_t i = 0; i < n; i++) {
        if (i)
            *p++ = ',';
        *p++ = '"';
        for (size_t k = 0; k < texts[i].n; k++) {
            char c = texts[i].p[k];
            if (c == '"' || c == '\\')
                *p++ = '\\';
            *p++ = c;
        }
        *p++ = '"';
    }
    *p++ = ']';
    return (struct str){ start, (size_t)(p - start) };
}

/* ---- reading ---- */

struct reader {
    const char *p, *end;
    struct arena *arena;
    bool bad;
};

static bool take(struct reader *r, char c)
{
    if (r->p == r->end || *r->p != c)
        return false;
    r->p++;
    return true;
}

/* The four digits behind \u. */
static unsigned read_hex4(struct reader *r)
{
    unsigned v = 0;
    for (int i = 0; i < 4; i++) {
        int d = r->p < r->end ? hex_digit(*r->p++) : -1;
        r->bad |= d < 0;
        v = v * 16 + (unsigned)(d & 15);
    }
    return v;
}

static char *put_utf8(char *out, unsigned c)
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

static char *read_escape(struct reader *r, char *out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    char c = r->p < r->end ? *r->p++ : '\0';
    const char *at = c ? strchr(from, c) : NULL;
    if (at) {
        *out++ = to[at - from];
        return out;
    }
    r->bad |= c != 'u';
    unsigned v = r->bad ? 0 : read_hex4(r);
    if (v >= 0xd800 && v < 0xdc00 && r->end - r->p >= 6 && r->p[0] == '\\' && r->p[1] == 'u') {
        r->p += 2;
        v = 0x10000 + ((v - 0xd800) << 10) + (read_hex4(r) - 0xdc00);
        r->bad |= v > 0x10ffff;
    }
    return r->bad ? out : put_utf8(out, v);
}

/* Behind the opening quote. */
static struct str read_string(struct reader *r)
{
    const char *close = r->p;
    while (close < r->end && *close != '"')
        close += *close == '\\' ? 2 : 1;
    char *start = close < r->end ? arena_alloc(r->arena, (size_t)(close - r->p) + 1) : NULL, *out = start;
    r->bad |= !start;
    while (!r->bad && r->p < close) {
        char c = *r->p++;
        if (c == '\\')
            out = read_escape(r, out);
        else
            *out++ = c;
    }
    r->p = close + 1;
    return r->bad ? (struct str){ 0 } : (struct str){ start, (size_t)(out - start) };
}

static bool read_word(struct reader *r, struct str word)
{
    if ((size_t)(r->end - r->p) < word.n || memcmp(r->p, word.p, word.n) != 0)
        return false;
    r->p += word.n;
    return true;
}

static bool read_cell(struct reader *r, struct value *ret)
{
    if (read_word(r, STR("null"))) {
        *ret = value_null();
        return true;
    }
    struct str text = take(r, '"') ? read_string(r) : (struct str){ 0 };
    return tagged_cell_read(text, r->arena, ret);
}

static bool broken(struct err *err)
{
    return err_set(err, SQLSTATE_INTERNAL_ERROR, "D1 returned a row in a form pgd1 does not know");
}

bool row_text_read(struct str row, size_t n, struct arena *arena, struct value *cells, struct err *err)
{
    struct reader r = { row.p, row.p + row.n, arena, false };
    bool grouped = n > ROW_TEXT_GROUP, ok = take(&r, '[');
    for (size_t i = 0; i < n && ok; i++) {
        if (grouped && i % ROW_TEXT_GROUP == 0)
            ok = (i == 0 || (take(&r, ']') && take(&r, ','))) && take(&r, '[');
        else if (i)
            ok = take(&r, ',');
        ok = ok && read_cell(&r, &cells[i]);
    }
    ok = ok && (!grouped || take(&r, ']')) && take(&r, ']') && r.p == r.end && !r.bad;
    return ok || broken(err);
}

static bool read_item(struct reader *r, struct row_text_item *ret)
{
    const char *start = r->p;
    *ret = (struct row_text_item){ 0 };
    if (read_word(r, STR("null")))
        return true;
    if (take(r, '"')) {
        ret->text = read_string(r);
        return ret->text.p != NULL;
    }
    while (r->p < r->end && ((*r->p >= '0' && *r->p <= '9') || *r->p == '-'))
        r->p++;
    ret->is_number = true;
    return str_to_int64((struct str){ start, (size_t)(r->p - start) }, &ret->number);
}

bool row_text_list(struct str list, size_t max, struct arena *arena, struct row_text_item *items, size_t *ret_n,
                   struct err *err)
{
    struct reader r = { list.p, list.p + list.n, arena, false };
    size_t n = 0;
    bool ok = take(&r, '[');
    while (ok && r.p < r.end && *r.p != ']') {
        ok = (n == 0 || take(&r, ',')) && n < max && read_item(&r, &items[n]);
        n++;
    }
    if (!ok || r.bad || !take(&r, ']') || r.p != r.end)
        return broken(err);
    *ret_n = n;
    return true;
}
