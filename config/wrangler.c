/* wrangler.c - see wrangler.h. */
#include "config/wrangler.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "config/toml.h"

enum { MAX_WRANGLER = 1 << 20, MAX_DATABASES = 1000 };

typedef struct cJSON json;

static void blank(char *text, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++)
        if (text[i] != '\n')
            text[i] = ' ';
}

static size_t string_end(const char *text, size_t n, size_t i)
{
    for (i++; i < n && text[i] != '"'; i++)
        if (text[i] == '\\')
            i++;
    return i < n ? i + 1 : n;
}

static size_t comment_end(const char *text, size_t n, size_t i)
{
    if (i + 1 < n && text[i + 1] == '/') {
        const char *end = memchr(text + i, '\n', n - i);
        return end ? (size_t)(end - text) : n;
    }
    if (i + 1 < n && text[i + 1] == '*') {
        const char *end = memmem(text + i + 2, n - i - 2, "*/", 2);
        return end ? (size_t)(end - text) + 2 : n;
    }
    return i;
}

void wrangler_strip(char *text, size_t n)
{
    size_t comma = n; /* a comma after which nothing but blanks came yet; n: none */
    for (size_t i = 0; i < n;) {
        size_t end = comment_end(text, n, i);
        if (text[i] == '/' && end > i) {
            blank(text, i, end);
            i = end;
            continue;
        }
        if ((text[i] == '}' || text[i] == ']') && comma < n)
            text[comma] = ' ';
        if (text[i] == ',')
            comma = i;
        else if (!strchr(" \t\r\n", text[i]))
            comma = n;
        i = text[i] == '"' ? string_end(text, n, i) : i + 1;
    }
}

static int line_of(struct str text, size_t at)
{
    int line = 1;
    for (size_t i = 0; i < at && i < text.n; i++)
        line += text.p[i] == '\n';
    return line;
}

static const char *text_of(const json *object, const char *name)
{
    const json *item = cJSON_GetObjectItemCaseSensitive(object, name);
    return cJSON_IsString(item) ? item->valuestring : "";
}

static bool take(struct loader *l, const json *object, const char *name, const char **ret)
{
    return loader_text(l, str_from(text_of(object, name)), ret);
}

static bool take_database(struct loader *l, const char *path, const json *item, struct wrangler_database *ret)
{
    struct wrangler_database d;
    if (!take(l, item, "binding", &d.binding) || !take(l, item, "database_name", &d.name) ||
        !take(l, item, "database_id", &d.id) || !take(l, item, "migrations_dir", &d.migrations_dir) ||
        !take(l, item, "migrations_table", &d.migrations_table))
        return false;
    if (d.binding[0] == '\0')
        return loader_fail(l, "%s: an entry of d1_databases has no binding", path);
    *ret = d;
    return true;
}

static bool take_databases(struct loader *l, const json *list, struct wrangler *w)
{
    int n = cJSON_IsArray(list) ? cJSON_GetArraySize(list) : 0;
    if (n == 0)
        return loader_fail(l, "%s declares no d1_databases here", w->path),
               err_hint(l->err, "An environment does not inherit d1_databases: name it with env=, or leave env out.");
    if (n > MAX_DATABASES)
        return loader_fail(l, "%s declares more than %d d1_databases", w->path, MAX_DATABASES);
    struct wrangler_database *all = ARENA_ARRAY(l->arena, struct wrangler_database, (size_t)n);
    if (!all)
        return err_oom(l->err);
    const json *item;
    cJSON_ArrayForEach(item, list)
    {
        if (!take_database(l, w->path, item, &all[w->n_databases]))
            return false;
        w->n_databases++;
    }
    w->databases = all;
    return true;
}

static bool take_all(struct loader *l, const json *root, struct str env, struct wrangler *w)
{
    char name[256];
    const json *section = root;
    if (!cJSON_IsObject(root))
        return loader_fail(l, "%s is not an object", w->path);
    if (env.n > 0) {
        snprintf(name, sizeof(name), "%.*s", STR_FMT(env));
        section = cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(root, "env"), name);
        if (!cJSON_IsObject(section))
            return loader_fail(l, "%s has no environment \"%.*s\"", w->path, STR_FMT(env));
    }
    const json *account = text_of(section, "account_id")[0] != '\0' ? section : root;
    return take(l, account, "account_id", &w->account) &&
           take_databases(l, cJSON_GetObjectItemCaseSensitive(section, "d1_databases"), w);
}

static json *parse_toml(struct loader *l, const char *path, struct str text)
{
    char *problem;
    int line;
    char *converted = toml_to_json(text.p, text.n, &problem, &line);
    json *root = converted ? cJSON_Parse(converted) : NULL;
    if (problem)
        loader_fail(l, "%s:%d: %s", path, line, problem);
    else if (!root)
        err_oom(l->err);
    toml_free(converted);
    toml_free(problem);
    return root;
}

static json *parse_jsonc(struct loader *l, const char *path, struct str text)
{
    if (str_starts(text, STR("\xEF\xBB\xBF")))
        text = (struct str){ text.p + 3, text.n - 3 };
    char *stripped = arena_cstr(l->arena, text);
    if (!stripped)
        return err_oom(l->err), NULL;
    wrangler_strip(stripped, text.n);
    const char *end = stripped;
    json *root = cJSON_ParseWithLengthOpts(stripped, text.n + 1, &end, true);
    if (!root)
        loader_fail(l, "%s:%d: this is not JSON with comments", path, line_of(text, (size_t)(end - stripped)));
    return root;
}

bool wrangler_parse(struct loader *l, const char *path, struct str text, struct str env, struct wrangler *ret)
{
    struct wrangler w = { .path = path };
    bool toml = str_ends(str_from(path), STR(".toml"));
    json *root = toml ? parse_toml(l, path, text) : parse_jsonc(l, path, text);
    bool ok = root && take_all(l, root, env, &w);
    cJSON_Delete(root);
    if (ok)
        *ret = w;
    return ok;
}

/* In a folder: the first that is there, in wrangler's own order. */
static bool find_file(struct loader *l, const char *path, const char **ret)
{
    static const char *const names[] = { "wrangler.json", "wrangler.jsonc", "wrangler.toml" };
    struct stat info;
    if (stat(path, &info) != 0 || !S_ISDIR(info.st_mode)) {
        *ret = path;
        return true;
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct str candidate = arena_printf(l->arena, "%s/%s", path, names[i]);
        if (!candidate.p)
            return err_oom(l->err);
        if (access(candidate.p, F_OK) == 0) {
            *ret = candidate.p;
            return true;
        }
    }
    return loader_fail(l, "\"%s\" holds no wrangler.json, wrangler.jsonc or wrangler.toml", path);
}

bool wrangler_read(struct loader *l, const char *path, struct str env, struct wrangler *ret)
{
    const char *file;
    struct str text;
    return find_file(l, path, &file) && loader_read(l, file, "wrangler file", MAX_WRANGLER, &text) &&
           wrangler_parse(l, file, text, env, ret);
}
