/* database.c - lines of [databases], and finding the one a client asked for. See config.h and loader.h. */
#include <stdlib.h>
#include "config/loader.h"
#include "config/wrangler.h"

enum option {
    OPTION_ACCOUNT,
    OPTION_BASE_URL,
    OPTION_BINDING,
    OPTION_CONFIRM,
    OPTION_D1,
    OPTION_DATABASE,
    OPTION_ENV,
    OPTION_ENVIRONMENT,
    OPTION_MIGRATIONS_DIALECT,
    OPTION_MIGRATIONS_DIR,
    OPTION_MIGRATIONS_TABLE,
    OPTION_ON_FAILURE,
    OPTION_PATH,
    OPTION_TOKEN_ENV,
    OPTION_TOKEN_FILE,
    OPTION_URL,
    OPTION_WRANGLER,
    OPTION_NR
};

#define FOR(transport) (1u << CONFIG_##transport)
#define FOR_ALL (FOR(EMBEDDED) | FOR(GATEWAY) | FOR(REST))
static const struct {
    const char *name;
    unsigned transports;
} options[OPTION_NR] = {
    [OPTION_ACCOUNT] = { "account", FOR(REST) },
    [OPTION_BASE_URL] = { "base_url", FOR(REST) },
    [OPTION_BINDING] = { "binding", FOR_ALL },
    [OPTION_CONFIRM] = { "confirm", FOR_ALL },
    [OPTION_D1] = { "d1", FOR_ALL },
    [OPTION_DATABASE] = { "database", FOR(REST) },
    [OPTION_ENV] = { "env", FOR_ALL },
    [OPTION_ENVIRONMENT] = { "environment", FOR_ALL },
    [OPTION_MIGRATIONS_DIALECT] = { "migrations_dialect", FOR_ALL },
    [OPTION_MIGRATIONS_DIR] = { "migrations_dir", FOR_ALL },
    [OPTION_MIGRATIONS_TABLE] = { "migrations_table", FOR_ALL },
    [OPTION_ON_FAILURE] = { "on_failure", FOR(EMBEDDED) | FOR(REST) },
    [OPTION_PATH] = { "path", FOR(EMBEDDED) },
    [OPTION_TOKEN_ENV] = { "token_env", FOR(GATEWAY) | FOR(REST) },
    [OPTION_TOKEN_FILE] = { "token_file", FOR(GATEWAY) | FOR(REST) },
    [OPTION_URL] = { "url", FOR(GATEWAY) },
    [OPTION_WRANGLER] = { "wrangler", FOR_ALL },
};

static const char *const transports[] = {
    [CONFIG_EMBEDDED] = "embedded", [CONFIG_GATEWAY] = "gateway", [CONFIG_REST] = "rest"
};

static const char *const environments[] = {
    [CONFIG_DEVELOPMENT] = "development", [CONFIG_PREVIEW] = "preview", [CONFIG_PRODUCTION] = "production"
};
static const char *const switches[] = { "on", "off" }; /* on where nothing is said */
static const char *const on_failure[] = { "stop", "restore" };
static const char *const dialects[] = { [CONFIG_SQLITE] = "sqlite", [CONFIG_POSTGRES] = "postgres" };

/* One line while it is read: p is NULL for what was not given. */
struct line {
    struct str name, given[OPTION_NR];
    enum config_transport transport;
};

static bool take_option(struct loader *l, struct line *line, struct str name, struct str value)
{
    for (size_t i = 0; i < OPTION_NR; i++) {
        if (!str_is(name, options[i].name))
            continue;
        if (line->given[i].p)
            return loader_fail(l, "database \"%.*s\": %s is given twice", STR_FMT(line->name), options[i].name);
        if (value.n == 0)
            return loader_fail(l, "database \"%.*s\": %s is empty", STR_FMT(line->name), options[i].name);
        line->given[i] = value;
        return true;
    }
    loader_fail(l, "database \"%.*s\": unknown option \"%.*s\"", STR_FMT(line->name), STR_FMT(name));
    if (str_is(name, "token"))
        err_hint(l->err, "A token never stands in this file: use token_file= or token_env=.");
    return false;
}

static bool take_transport(struct loader *l, struct line *line)
{
    struct str value = line->given[OPTION_D1];
    if (!value.p && line->given[OPTION_WRANGLER].p) { /* all that wrangler's own file leads to without a gateway */
        line->transport = CONFIG_REST;
        return true;
    }
    for (size_t i = 0; i < sizeof(transports) / sizeof(transports[0]); i++)
        if (str_is(value, transports[i])) {
            line->transport = (enum config_transport)i;
            return true;
        }
    return loader_fail(
        l, "database \"%.*s\": expected d1=embedded, d1=gateway, d1=rest or wrangler=", STR_FMT(line->name));
}

static bool read_options(struct loader *l, struct str value, struct line *line)
{
    struct str name, option;
    for (;;) {
        if (!ini_option(l, &value, &name, &option))
            return false;
        if (name.n == 0)
            break;
        if (!take_option(l, line, name, option))
            return false;
    }
    if (!take_transport(l, line))
        return false;
    for (size_t i = 0; i < OPTION_NR; i++)
        if (line->given[i].p && !(options[i].transports & (1u << line->transport)))
            return loader_fail(l, "database \"%.*s\": %s does not go with d1=%s", STR_FMT(line->name), options[i].name,
                               transports[line->transport]);
    if (line->given[OPTION_ENV].p && !line->given[OPTION_WRANGLER].p)
        return loader_fail(l, "database \"%.*s\": env needs wrangler=", STR_FMT(line->name));
    return true;
}

static bool is_loopback_url(struct str rest)
{
    static const char *const hosts[] = { "127.0.0.1", "localhost", "[::1]" };
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        struct str host = str_from(hosts[i]);
        if (str_starts_nocase(rest, host) && (rest.n == host.n || strchr(":/", rest.p[host.n])))
            return true;
    }
    return false;
}

/* A token must not cross a network in clear, nor stand in a URL. */
static bool check_url(struct loader *l, struct str name, const char *option, const char *url)
{
    struct str s = str_from(url);
    bool plain = str_starts_nocase(s, STR("http://"));
    if (!plain && !str_starts_nocase(s, STR("https://")))
        return loader_fail(l, "database \"%.*s\": %s starts with https://", STR_FMT(name), option);
    if (memchr(s.p, '@', s.n))
        return loader_fail(l, "database \"%.*s\": %s holds a user or password", STR_FMT(name), option);
    if (plain && !is_loopback_url((struct str){ s.p + 7, s.n - 7 }))
        return loader_fail(l, "database \"%.*s\": %s starts with https://, or leads to this machine", STR_FMT(name),
                           option);
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] == 0x7f)
            return loader_fail(l, "database \"%.*s\": %s holds a blank", STR_FMT(name), option);
    return true;
}

static bool check_token(struct loader *l, struct str name, const char *from, struct str token)
{
    if (token.n == 0)
        return loader_fail(l, "database \"%.*s\": %s holds no token", STR_FMT(name), from);
    for (size_t i = 0; i < token.n; i++)
        if (token.p[i] <= ' ' || token.p[i] >= 0x7f)
            return loader_fail(l, "database \"%.*s\": %s is not one token in one line", STR_FMT(name), from);
    return true;
}

static bool read_token_env(struct loader *l, const struct line *line, const char *variable, struct str *ret)
{
    const char *value = getenv(variable);
    struct str token;
    if (!value)
        return loader_fail(l, "database \"%.*s\": there is no environment variable %s", STR_FMT(line->name), variable);
    if (!loader_secret(l, str_trim(str_from(value)), &token) || !check_token(l, line->name, variable, token))
        return false;
    *ret = token;
    return true;
}

static bool read_token(struct loader *l, const struct line *line, struct str *ret)
{
    struct str file = line->given[OPTION_TOKEN_FILE], env = line->given[OPTION_TOKEN_ENV], token;
    const char *path;
    if (file.p && env.p)
        return loader_fail(l, "database \"%.*s\": token_file and token_env exclude each other", STR_FMT(line->name));
    if (!file.p && !env.p && line->transport == CONFIG_REST && line->given[OPTION_WRANGLER].p)
        env = STR("CLOUDFLARE_API_TOKEN"); /* as wrangler does */
    if (!file.p && !env.p)
        return loader_fail(l, "database \"%.*s\": d1=%s needs token_file= or token_env=", STR_FMT(line->name),
                           transports[line->transport]);
    if (!l->read_files)
        return true;
    if (env.p)
        return loader_text(l, env, &path) && read_token_env(l, line, path, ret);
    if (!loader_path(l, file, &path) || !loader_read(l, path, "token_file", CONFIG_MAX_TOKEN, &token))
        return false;
    token = str_trim(token);
    if (!check_token(l, line->name, "token_file", token))
        return false;
    *ret = token;
    return true;
}

/* What the line says, else what the wrangler file says. */
static bool take_text(struct loader *l, const struct line *line, enum option option, const char *otherwise,
                      const char **ret)
{
    return loader_text(l, line->given[option].p ? line->given[option] : str_from(otherwise), ret);
}

static bool need(struct loader *l, const struct line *line, enum option option, const char *value)
{
    if (value[0] != '\0')
        return true;
    return loader_fail(l, "database \"%.*s\": d1=%s needs %s=", STR_FMT(line->name), transports[line->transport],
                       options[option].name);
}

static bool finish_embedded(struct loader *l, const struct line *line, struct config_database *d)
{
    return loader_path(l, line->given[OPTION_PATH], &d->path) && need(l, line, OPTION_PATH, d->path);
}

static bool finish_gateway(struct loader *l, const struct line *line, const struct wrangler_database *w,
                           struct config_database *d)
{
    return take_text(l, line, OPTION_URL, "", &d->url) && need(l, line, OPTION_URL, d->url) &&
           check_url(l, line->name, "url", d->url) && take_text(l, line, OPTION_BINDING, w->binding, &d->binding) &&
           need(l, line, OPTION_BINDING, d->binding) && read_token(l, line, &d->token);
}

static bool finish_rest(struct loader *l, const struct line *line, const char *account,
                        const struct wrangler_database *w, struct config_database *d)
{
    if (account[0] == '\0' && line->given[OPTION_WRANGLER].p && l->read_files && getenv("CLOUDFLARE_ACCOUNT_ID"))
        account = getenv("CLOUDFLARE_ACCOUNT_ID"); /* as wrangler does */
    return take_text(l, line, OPTION_ACCOUNT, account, &d->account) && need(l, line, OPTION_ACCOUNT, d->account) &&
           take_text(l, line, OPTION_DATABASE, w->id, &d->database) && need(l, line, OPTION_DATABASE, d->database) &&
           take_text(l, line, OPTION_BASE_URL, "", &d->url) &&
           (d->url[0] == '\0' || check_url(l, line->name, "base_url", d->url)) && read_token(l, line, &d->token);
}

/* One of a list of words; not given: the first. */
static bool take_word(struct loader *l, const struct line *line, enum option option, const char *const *words, size_t n,
                      int *ret)
{
    struct str given = line->given[option];
    *ret = 0;
    if (!given.p)
        return true;
    for (size_t i = 0; i < n; i++)
        if (str_is(given, words[i])) {
            *ret = (int)i;
            return true;
        }
    loader_fail(l, "database \"%.*s\": \"%.*s\" is no value of %s", STR_FMT(line->name), STR_FMT(given),
                options[option].name);
    return n == 2 ? err_hint(l->err, "It is %s or %s.", words[0], words[1])
                  : err_hint(l->err, "It is %s, %s or %s.", words[0], words[1], words[2]);
}

/* The folder stands beside the file that names it; it is "migrations" where none does, as for wrangler. */
static bool finish_migrations(struct loader *l, const struct line *line, const struct wrangler *file,
                              const struct wrangler_database *w, struct config_database *d)
{
    struct str dir = line->given[OPTION_MIGRATIONS_DIR];
    int environment, dialect, confirm, failure;
    bool ok = take_text(l, line, OPTION_MIGRATIONS_TABLE, w->migrations_table, &d->migrations_table) &&
              take_word(l, line, OPTION_ENVIRONMENT, environments, sizeof(environments) / sizeof(environments[0]),
                        &environment) &&
              take_word(l, line, OPTION_CONFIRM, switches, sizeof(switches) / sizeof(switches[0]), &confirm) &&
              take_word(l, line, OPTION_ON_FAILURE, on_failure, sizeof(on_failure) / sizeof(on_failure[0]), &failure) &&
              take_word(l, line, OPTION_MIGRATIONS_DIALECT, dialects, sizeof(dialects) / sizeof(dialects[0]), &dialect);
    if (!ok)
        return false;
    d->environment = (enum config_environment)environment;
    d->migrations_dialect = (enum config_dialect)dialect;
    d->confirm = confirm == 0;
    d->restores = failure == 1;
    if (dir.p || !file)
        return loader_path(l, dir.p ? dir : STR("migrations"), &d->migrations_dir);
    const char *name = w->migrations_dir[0] != '\0' ? w->migrations_dir : "migrations";
    const char *slash = strrchr(file->path, '/');
    if (!slash || name[0] == '/')
        return loader_text(l, str_from(name), &d->migrations_dir);
    struct str joined = arena_printf(l->arena, "%.*s/%s", (int)(slash - file->path), file->path, name);
    d->migrations_dir = joined.p;
    return joined.p || err_oom(l->err);
}

static bool has_name(const char *text)
{
    return strstr(text, "%s") != NULL;
}

static bool uses_name(const struct config_database *d)
{
    return has_name(d->path) || has_name(d->url) || has_name(d->binding) || has_name(d->database);
}

static bool keep(struct loader *l, const struct config_database *d)
{
    struct config_store *store = l->store;
    struct config_database *rows =
        loader_grow(l, store->database_rows, l->config->n_databases, &store->room_databases, sizeof(*rows));
    if (!rows)
        return false;
    store->database_rows = rows;
    rows[l->config->n_databases++] = *d;
    /* The value only marks the name as taken: rows may still move. */
    return map_set(&store->databases, str_from(d->name), store) || err_oom(l->err);
}

/* file: NULL when the line names no wrangler file. */
static bool add(struct loader *l, const struct line *line, const struct wrangler *file,
                const struct wrangler_database *w)
{
    struct config_database d = {
        .name = "",
        .transport = line->transport,
        .path = "",
        .url = "",
        .binding = "",
        .account = "",
        .database = "",
        .migrations_dir = "",
        .migrations_table = "",
    };
    bool ok = loader_text(l, line->name, &d.name);
    if (ok && d.transport == CONFIG_EMBEDDED)
        ok = finish_embedded(l, line, &d);
    else if (ok && d.transport == CONFIG_GATEWAY)
        ok = finish_gateway(l, line, w, &d);
    else if (ok)
        ok = finish_rest(l, line, file ? file->account : "", w, &d);
    if (!ok || !finish_migrations(l, line, file, w, &d))
        return false;
    if (uses_name(&d) && !str_is(line->name, "*"))
        return loader_fail(l, "database \"%s\": only the fallback * may use %%s", d.name);
    return keep(l, &d);
}

/* The entry of the wrangler file a line means: by binding=, by its own name, or the only one. */
static const struct wrangler_database *choose(const struct wrangler *w, const struct line *line)
{
    struct str binding = line->given[OPTION_BINDING];
    for (size_t i = 0; i < w->n_databases; i++)
        if (binding.p ? str_is(binding, w->databases[i].binding) : str_is(line->name, w->databases[i].name))
            return &w->databases[i];
    for (size_t i = 0; !binding.p && i < w->n_databases; i++)
        if (str_is(line->name, w->databases[i].binding))
            return &w->databases[i];
    return w->n_databases == 1 && !binding.p ? &w->databases[0] : NULL;
}

static bool add_named(struct loader *l, const struct line *line, struct str name, const struct wrangler *w, size_t i)
{
    struct line one = *line;
    one.name = name;
    if (name.n == 0 || map_get(&l->store->databases, name))
        return true;
    return add(l, &one, w, &w->databases[i]);
}

/* `* = wrangler=…`: each database of the file under its own name and under its binding. */
static bool add_every(struct loader *l, const struct line *line, const struct wrangler *w)
{
    if (line->given[OPTION_BINDING].p || line->given[OPTION_PATH].p || line->given[OPTION_DATABASE].p)
        return loader_fail(
            l, "database \"*\": with wrangler= it stands for every database of that file, so binding, database and "
               "path cannot be given");
    for (size_t i = 0; i < w->n_databases; i++)
        if (!add_named(l, line, str_from(w->databases[i].name), w, i) ||
            !add_named(l, line, str_from(w->databases[i].binding), w, i))
            return false;
    return true;
}

static bool add_wrangler(struct loader *l, const struct line *line)
{
    struct wrangler w;
    const char *path;
    if (!loader_path(l, line->given[OPTION_WRANGLER], &path))
        return false;
    if (!l->read_files)
        return true;
    if (!wrangler_read(l, path, line->given[OPTION_ENV], &w))
        return false;
    if (str_is(line->name, "*"))
        return add_every(l, line, &w);
    const struct wrangler_database *chosen = choose(&w, line);
    if (!chosen)
        return loader_fail(l, "database \"%.*s\": %s declares several databases, none of this name",
                           STR_FMT(line->name), w.path),
               err_hint(l->err, "Say which with binding=.");
    return add(l, line, &w, chosen);
}

bool database_add(struct loader *l, struct str name, struct str value)
{
    static const struct wrangler_database none = { "", "", "", "", "" };
    struct line line = { .name = name };
    if (name.n > 63)
        return loader_fail(l, "a database's name has at most 63 bytes");
    if (map_get(&l->store->databases, name))
        return loader_fail(l, "database \"%.*s\" is given twice", STR_FMT(name));
    if (!read_options(l, value, &line))
        return false;
    return line.given[OPTION_WRANGLER].p ? add_wrangler(l, &line) : add(l, &line, NULL, &none);
}

static bool is_plain_name(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-'))
            return false;
    }
    return s.n > 0 && s.n <= 63;
}

/* Every %s of text replaced by name. */
static bool substitute(const char *text, struct str name, struct arena *arena, const char **ret, struct err *err)
{
    struct str out = { "", 0 }, rest = str_from(text);
    ptrdiff_t at;
    while ((at = str_find(rest, STR("%s"))) >= 0) {
        out = arena_printf(arena, "%.*s%.*s%.*s", STR_FMT(out), (int)at, rest.p, STR_FMT(name));
        if (!out.p)
            return err_oom(err);
        rest = (struct str){ rest.p + at + 2, rest.n - (size_t)at - 2 };
    }
    out = arena_printf(arena, "%.*s%.*s", STR_FMT(out), STR_FMT(rest));
    if (!out.p)
        return err_oom(err);
    *ret = out.p;
    return true;
}

static bool unknown(struct str name, struct err *err)
{
    return err_set(err, SQLSTATE_INVALID_CATALOG_NAME, "database \"%.*s\" does not exist", STR_FMT(name));
}

bool config_database_find(const struct config *c, struct str name, struct arena *arena, struct config_database *ret,
                          struct err *err)
{
    const struct config_store *store = (const struct config_store *)c;
    const struct config_database *row = str_is(name, "*") ? NULL : map_get(&store->databases, name);
    if (row) {
        *ret = *row;
        return true;
    }
    row = map_get(&store->databases, STR("*"));
    if (!row || name.n == 0 || str_is(name, "*"))
        return unknown(name, err);
    if (!uses_name(row)) {
        *ret = *row;
        return true;
    }
    if (!is_plain_name(name))
        return unknown(name, err);
    struct config_database d = *row;
    if (!substitute(row->path, name, arena, &d.path, err) || !substitute(row->url, name, arena, &d.url, err) ||
        !substitute(row->binding, name, arena, &d.binding, err) ||
        !substitute(row->database, name, arena, &d.database, err))
        return false;
    char *own = arena_cstr(arena, name);
    if (!own)
        return err_oom(err);
    d.name = own;
    *ret = d;
    return true;
}
