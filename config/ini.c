/* ini.c - lines, sections, name = value, connection strings; PgBouncer's form. See loader.h. */
#include "config/loader.h"

static struct str next_line(struct str *text)
{
    const char *end = text->n ? memchr(text->p, '\n', text->n) : NULL;
    size_t n = end ? (size_t)(end - text->p) : text->n;
    struct str line = { text->p, n };
    size_t skip = end ? n + 1 : n;
    *text = (struct str){ text->p + skip, text->n - skip };
    return line;
}

static void skip(struct str *s, size_t n)
{
    *s = (struct str){ s->p + n, s->n - n };
}

/* The name before the =; "…" lets it hold anything, as PgBouncer's database names may. */
static bool split_pair(struct loader *l, struct str line, struct str *ret_name, struct str *ret_value)
{
    struct str rest = line;
    if (line.p[0] == '"') {
        if (!ini_quoted(l, '"', &rest, ret_name))
            return false;
        rest = str_trim(rest);
        if (rest.n == 0 || rest.p[0] != '=')
            return loader_fail(l, "expected = after the name");
        skip(&rest, 1);
    } else {
        ptrdiff_t at = str_find(line, STR("="));
        if (at < 0)
            return loader_fail(l, "expected [section] or name = value");
        *ret_name = str_trim((struct str){ line.p, (size_t)at });
        skip(&rest, (size_t)at + 1);
    }
    if (ret_name->n == 0)
        return loader_fail(l, "expected a name before the =");
    *ret_value = str_trim(rest);
    return true;
}

static bool read_line(struct loader *l, struct str line, const struct ini_handler *handler)
{
    if (line.n == 0 || line.p[0] == ';' || line.p[0] == '#')
        return true;
    if (line.p[0] == '[') {
        if (line.p[line.n - 1] != ']')
            return loader_fail(l, "expected ] at the end of the section's name");
        return handler->section(l, str_trim((struct str){ line.p + 1, line.n - 2 }));
    }
    struct str name, value;
    return split_pair(l, line, &name, &value) && handler->pair(l, name, value);
}

bool ini_read(struct loader *l, struct str text, const struct ini_handler *handler)
{
    size_t bad;
    if (!str_is_utf8(text, &bad))
        return loader_fail(l, "byte %zu is not valid UTF-8 text", bad);
    if (str_starts(text, STR("\xEF\xBB\xBF")))
        skip(&text, 3);
    for (l->line = 1; text.n > 0; l->line++)
        if (!read_line(l, str_trim(next_line(&text)), handler))
            return false;
    l->line = 0;
    return true;
}

bool ini_quoted(struct loader *l, char quote, struct str *in, struct str *ret)
{
    struct str out;
    if (!loader_secret(l, (struct str){ in->p + 1, in->n - 1 },
                       &out)) /* at least as long as what is between the quotes */
        return false;
    char *to = (char *)(uintptr_t)out.p;
    size_t n = 0, i = 1;
    for (; i < in->n; i++) {
        if (in->p[i] == quote) {
            if (i + 1 == in->n || in->p[i + 1] != quote)
                break;
            i++;
        }
        to[n++] = in->p[i];
    }
    if (i == in->n)
        return loader_fail(l, "a text in %c is not closed", quote);
    to[n] = '\0';
    skip(in, i + 1);
    *ret = (struct str){ out.p, n };
    return true;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t';
}

static size_t word_length(struct str s)
{
    size_t n = 0;
    while (n < s.n && !is_space(s.p[n]))
        n++;
    return n;
}

bool ini_option(struct loader *l, struct str *in, struct str *ret_name, struct str *ret_value)
{
    *in = str_trim(*in);
    *ret_name = (struct str){ in->p, 0 };
    if (in->n == 0)
        return true;
    ptrdiff_t at = str_find(*in, STR("="));
    struct str name = { in->p, at < 0 ? 0 : (size_t)at };
    if (name.n == 0 || word_length(name) != name.n)
        return loader_fail(l, "expected name=value pairs separated by blanks");
    skip(in, name.n + 1);
    if (in->n > 0 && in->p[0] == '\'') {
        if (!ini_quoted(l, '\'', in, ret_value))
            return false;
        if (in->n > 0 && !is_space(in->p[0]))
            return loader_fail(l, "expected a blank after the quoted value of \"%.*s\"", STR_FMT(name));
    } else {
        *ret_value = (struct str){ in->p, word_length(*in) };
        skip(in, ret_value->n);
    }
    *ret_name = name;
    return true;
}
