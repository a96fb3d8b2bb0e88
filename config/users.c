/* users.c - [users] and PgBouncer's userlist.txt. See loader.h. */
#include "config/loader.h"

static bool is_base64(struct str s)
{
    size_t padding = str_ends(s, STR("==")) ? 2 : str_ends(s, STR("=")) ? 1 : 0;
    if (s.n == 0 || s.n % 4 != 0)
        return false;
    for (size_t i = 0; i < s.n - padding; i++) {
        char c = s.p[i];
        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/'))
            return false;
    }
    return true;
}

/* The part of s before the mark; s becomes what follows. All of s when the mark is missing. */
static struct str cut(struct str *s, char mark)
{
    const char *at = s->n ? memchr(s->p, mark, s->n) : NULL;
    size_t n = at ? (size_t)(at - s->p) : s->n;
    struct str before = { s->p, n };
    size_t skip = at ? n + 1 : n;
    *s = (struct str){ s->p + skip, s->n - skip };
    return before;
}

/* SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey, keys of 32 bytes (RFC 5803 as PostgreSQL writes it). */
static bool is_verifier(struct str s)
{
    enum { BASE64_OF_32_BYTES = 44 };
    struct str mechanism = cut(&s, '$'), iterations = cut(&s, ':'), salt = cut(&s, '$'), stored = cut(&s, ':');
    int64_t n;
    return str_is(mechanism, "SCRAM-SHA-256") && str_to_int64(iterations, &n) && n >= 1 && n <= INT32_MAX &&
           is_base64(salt) && stored.n == BASE64_OF_32_BYTES && is_base64(stored) && s.n == BASE64_OF_32_BYTES &&
           is_base64(s);
}

static bool is_md5(struct str s)
{
    if (s.n != 35 || !str_starts(s, STR("md5")))
        return false;
    for (size_t i = 3; i < s.n; i++)
        if (!((s.p[i] >= '0' && s.p[i] <= '9') || (s.p[i] >= 'a' && s.p[i] <= 'f')))
            return false;
    return true;
}

static bool add(struct loader *l, struct str name, struct str secret, bool can_migrate)
{
    struct config_user u = { .is_verifier = str_starts(secret, STR("SCRAM-SHA-256$")), .cannot_migrate = !can_migrate };
    if (name.n == 0 || name.n > 63)
        return loader_fail(l, "a user's name has 1 to 63 bytes");
    if (secret.n == 0)
        return loader_fail(l, "user \"%.*s\" has no password", STR_FMT(name));
    if (u.is_verifier && !is_verifier(secret))
        return loader_fail(l, "user \"%.*s\": the SCRAM verifier is malformed", STR_FMT(name));
    if (is_md5(secret))
        return loader_fail(l, "user \"%.*s\": md5 passwords are not supported", STR_FMT(name)),
               err_hint(l->err, "Give the password or a SCRAM-SHA-256 verifier.");
    if (!loader_text(l, name, &u.name) || !loader_secret(l, secret, &u.secret))
        return false;
    if (map_get(&l->store->users, name))
        return loader_fail(l, "user \"%.*s\" is given twice", STR_FMT(name));
    struct config_store *store = l->store;
    struct config_user *rows = loader_grow(l, store->user_rows, l->config->n_users, &store->room_users, sizeof(*rows));
    if (!rows)
        return false;
    store->user_rows = rows;
    rows[l->config->n_users++] = u;
    /* The value only marks the name as taken: rows may still move. */
    return map_set(&l->store->users, str_from(u.name), store) || err_oom(l->err);
}

bool user_add(struct loader *l, struct str name, struct str value)
{
    if (value.n > 0 && value.p[0] == '\'') {
        struct str secret;
        if (!ini_quoted(l, '\'', &value, &secret))
            return false;
        struct str option = str_trim(value);
        bool can_migrate = !str_is(option, "can_migrate=off");
        if (option.n > 0 && can_migrate && !str_is(option, "can_migrate=on"))
            return loader_fail(l,
                               "user \"%.*s\": only can_migrate=on or can_migrate=off may follow the quoted password",
                               STR_FMT(name));
        return add(l, name, secret, can_migrate);
    }
    return add(l, name, value, true);
}

static bool read_user(struct loader *l, struct str line)
{
    struct str name, secret;
    if (line.n == 0 || line.p[0] == ';' || line.p[0] == '#')
        return true;
    if (line.p[0] != '"')
        return loader_fail(l, "expected \"name\" \"password\"");
    if (!ini_quoted(l, '"', &line, &name))
        return false;
    line = str_trim(line);
    if (line.n == 0 || line.p[0] != '"')
        return loader_fail(l, "expected \"name\" \"password\"");
    return ini_quoted(l, '"', &line, &secret) && add(l, name, secret, true);
}

bool users_read_file(struct loader *l, const char *path)
{
    struct str text, outer = l->file;
    size_t bad;
    if (!loader_read(l, path, "auth_file", CONFIG_MAX_FILE, &text))
        return false;
    l->file = str_from(path);
    if (!str_is_utf8(text, &bad))
        return loader_fail(l, "byte %zu is not valid UTF-8 text", bad);
    for (l->line = 1; text.n > 0; l->line++)
        if (!read_user(l, str_trim(cut(&text, '\n'))))
            return false;
    l->line = 0;
    l->file = outer;
    return true;
}
