/* names.c - quoting, shortening and inventing names as PostgreSQL does; see names.h. */
#include "proxy/catalog/names.h"

/* clang-format off */
static const struct pg_keyword keywords[] = {
#define PG_KEYWORD(word, category, bare_label) { word, category, bare_label },
#include "proxy/catalog/facts_keyword.def"
#undef PG_KEYWORD
};
/* clang-format on */

const struct pg_keyword *pg_keywords(size_t *ret_n)
{
    *ret_n = sizeof(keywords) / sizeof(keywords[0]);
    return keywords;
}

const struct pg_keyword *pg_keyword_find(struct str word)
{
    size_t low = 0, high = sizeof(keywords) / sizeof(keywords[0]);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = str_cmp(word, str_from(keywords[middle].word));
        if (order == 0)
            return &keywords[middle];
        if (order > 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

bool is_system_column(struct str name)
{
    static const char *const names[] = { "tableoid", "cmax", "xmax", "cmin", "xmin", "ctid" };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (str_is(name, names[i]))
            return true;
    return false;
}

bool name_needs_quotes(struct str name)
{
    if (name.n == 0 || !((name.p[0] >= 'a' && name.p[0] <= 'z') || name.p[0] == '_'))
        return true;
    for (size_t i = 1; i < name.n; i++) {
        char c = name.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'))
            return true;
    }
    const struct pg_keyword *keyword = pg_keyword_find(name);
    return keyword && keyword->category != 'U';
}

static void quoted_add(struct buf *out, struct str name)
{
    buf_add_char(out, '"');
    for (size_t i = 0; i < name.n; i++) {
        if (name.p[i] == '"')
            buf_add_char(out, '"');
        buf_add_char(out, name.p[i]);
    }
    buf_add_char(out, '"');
}

void name_quote_add(struct buf *out, struct str name)
{
    if (name_needs_quotes(name))
        quoted_add(out, name);
    else
        buf_add_str(out, name);
}

/* What was built, moved to the arena. */
static struct str finish(struct buf *b, struct arena *arena)
{
    struct str text = b->failed ? (struct str){ 0 } : arena_str(arena, buf_str(b));
    buf_fini(b);
    return text;
}

enum { TEXT_MAX = 1 << 26 };

struct str name_quote(struct str name, struct arena *arena)
{
    if (!name_needs_quotes(name))
        return name;
    struct buf b;
    buf_init(&b, TEXT_MAX);
    quoted_add(&b, name);
    return finish(&b, arena);
}

struct str name_qualified(struct str schema, struct str name, struct arena *arena)
{
    struct buf b;
    buf_init(&b, TEXT_MAX);
    if (schema.n) {
        name_quote_add(&b, schema);
        buf_add_char(&b, '.');
    }
    name_quote_add(&b, name);
    return finish(&b, arena);
}

struct str name_literal(struct str text, struct arena *arena)
{
    struct buf b;
    buf_init(&b, TEXT_MAX);
    if (text.n && memchr(text.p, '\\', text.n))
        buf_add_char(&b, 'E');
    buf_add_char(&b, '\'');
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '\'' || text.p[i] == '\\')
            buf_add_char(&b, text.p[i]);
        buf_add_char(&b, text.p[i]);
    }
    buf_add_char(&b, '\'');
    return finish(&b, arena);
}

struct str name_clip(struct str name, size_t limit)
{
    if (name.n <= limit)
        return name;
    size_t n = limit;
    while (n > 0 && ((unsigned char)name.p[n] & 0xC0) == 0x80)
        n--;
    return (struct str){ name.p, n };
}

struct str name_make(struct str name1, struct str name2, struct str label, struct arena *arena)
{
    size_t overhead = (name2.n ? 1 : 0) + (label.n ? label.n + 1 : 0);
    size_t room = overhead < NAME_MAX_BYTES ? NAME_MAX_BYTES - overhead : 0;
    size_t n1 = name1.n, n2 = name2.n;
    while (n1 + n2 > room && n1 + n2 > 0) {
        if (n1 > n2)
            n1--;
        else
            n2--;
    }
    name1 = name_clip(name1, n1);
    name2 = name_clip(name2, n2);
    return arena_printf(arena, "%.*s%s%.*s%s%.*s", STR_FMT(name1), overhead > (label.n ? label.n + 1 : 0) ? "_" : "",
                        STR_FMT(name2), label.n ? "_" : "", STR_FMT(label));
}

struct str name_choose(struct str name1, struct str name2, const char *label,
                       bool (*is_taken)(void *ctx, struct str name), void *ctx, struct arena *arena)
{
    struct str name = name_make(name1, name2, str_from(label), arena);
    for (unsigned pass = 1; name.p && is_taken(ctx, name); pass++) {
        struct str numbered = arena_printf(arena, "%s%u", label, pass);
        name = name_make(name1, name2, numbered, arena);
    }
    return name;
}

struct str name_join_columns(const struct str *columns, size_t n, struct arena *arena)
{
    struct buf b;
    buf_init(&b, TEXT_MAX);
    for (size_t i = 0; i < n && b.n <= NAME_MAX_BYTES; i++) {
        if (i)
            buf_add_char(&b, '_');
        buf_add_str(&b, name_clip(columns[i], NAME_MAX_BYTES));
    }
    return finish(&b, arena);
}

static void key_part_add(struct buf *out, struct str part)
{
    if (part.n == 0 || memchr(part.p, '.', part.n) || memchr(part.p, '"', part.n))
        quoted_add(out, part);
    else
        buf_add_str(out, part);
}

struct str name_child_key(struct str table, struct str child, struct arena *arena)
{
    struct buf b;
    buf_init(&b, TEXT_MAX);
    key_part_add(&b, table);
    buf_add_char(&b, '.');
    key_part_add(&b, child);
    return finish(&b, arena);
}

struct str name_child_prefix(struct str table, struct arena *arena)
{
    struct buf b;
    buf_init(&b, TEXT_MAX);
    key_part_add(&b, table);
    buf_add_char(&b, '.');
    return finish(&b, arena);
}

/* One part of a key from *at on, unquoted. */
static bool key_part(struct str key, size_t *at, struct arena *arena, struct str *ret)
{
    size_t i = *at;
    if (i < key.n && key.p[i] != '"') {
        while (i < key.n && key.p[i] != '.')
            i++;
        *ret = (struct str){ key.p + *at, i - *at };
        *at = i;
        return ret->n > 0;
    }
    char *text = arena_alloc(arena, key.n);
    size_t n = 0;
    if (!text || i >= key.n)
        return false;
    for (i++; i < key.n; i++) {
        if (key.p[i] == '"') {
            if (i + 1 >= key.n || key.p[i + 1] != '"')
                break;
            i++;
        }
        text[n++] = key.p[i];
    }
    if (i >= key.n)
        return false;
    *at = i + 1;
    *ret = (struct str){ text, n };
    return true;
}

bool name_child_split(struct str key, struct arena *arena, struct str *ret_table, struct str *ret_child)
{
    size_t at = 0;
    struct str table, child;
    if (!key_part(key, &at, arena, &table) || at >= key.n || key.p[at] != '.')
        return false;
    at++;
    if (!key_part(key, &at, arena, &child) || at != key.n)
        return false;
    *ret_table = table;
    *ret_child = child;
    return true;
}

/* ---- search paths ---- */

bool name_path_has(const struct name_path *path, struct str schema)
{
    if (str_is(schema, "pg_catalog"))
        return true;
    if (!path || !path->names)
        return str_is(schema, "public");
    for (size_t i = 0; i < path->n; i++)
        if (str_eq(path->names[i], schema))
            return true;
    return false;
}

bool name_path_is_plain(const struct name_path *path)
{
    return !path || !path->names || (path->n == 1 && str_is(path->names[0], "public"));
}
