/* config.c - reading a whole pgd1.ini, its checks, references. See config.h. */
#include "config/config.h"

#include <stdatomic.h>
#include <stdio.h>
#include <sys/un.h>
#include "config/loader.h"
#include "proxy/base/fault.h"

enum { MAX_ARENA = 256 << 20 };
enum { SECTION_NONE, SECTION_PGD1, SECTION_DATABASES, SECTION_USERS, SECTION_NR };

/* What runs without a file: everybody of this machine, one database whatever name is asked for. */
static const char built_in[] = "[pgd1]\n"
                               "auth_type = trust\n"
                               "[databases]\n"
                               "* = d1=embedded path=pgd1.db\n";

static struct config_store *store_free(struct config_store *s)
{
    if (!s)
        return NULL;
    while (s->secrets) {
        struct config_secret *secret = s->secrets;
        s->secrets = secret->next;
        explicit_bzero(secret->bytes, secret->size);
        free(secret);
    }
    map_fini(&s->databases);
    map_fini(&s->users);
    arena_free(s->arena);
    free(s);
    return NULL;
}

static struct config_store *store_new(void)
{
    struct config_store *s = fault_calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    map_init(&s->databases);
    map_init(&s->users);
    atomic_init(&s->references, 1);
    s->arena = arena_new(MAX_ARENA);
    return s->arena ? s : store_free(s);
}

static bool on_section(struct loader *l, struct str name)
{
    static const char *const names[SECTION_NR] = { "", "pgd1", "databases", "users" };
    for (int i = SECTION_PGD1; i < SECTION_NR; i++)
        if (str_is(name, names[i])) {
            l->section = i;
            return true;
        }
    loader_fail(l, "unknown section [%.*s]", STR_FMT(name));
    return err_hint(l->err, "The sections are [pgd1], [databases] and [users].");
}

static bool on_pair(struct loader *l, struct str name, struct str value)
{
    switch (l->section) {
    case SECTION_PGD1:
        return keys_set(l, name, value);
    case SECTION_DATABASES:
        return database_add(l, name, value);
    case SECTION_USERS:
        return user_add(l, name, value);
    default:
        return loader_fail(l, "a section must come first: [pgd1], [databases] or [users]");
    }
}

static bool is_loopback(struct str address)
{
    return str_starts(address, STR("127.")) || str_is(address, "::1") || str_eq_nocase(address, STR("localhost"));
}

static bool only_loopback(struct str list)
{
    while (list.n > 0) {
        ptrdiff_t comma = str_find(list, STR(","));
        size_t n = comma < 0 ? list.n : (size_t)comma;
        struct str one = str_trim((struct str){ list.p, n });
        if (one.n > 0 && !is_loopback(one))
            return false;
        n += comma >= 0;
        list = (struct str){ list.p + n, list.n - n };
    }
    return true;
}

static bool check_authentication(struct loader *l, const struct config *c)
{
    if (c->auth_type == CONFIG_AUTH_TYPE_TRUST && !only_loopback(str_from(c->listen_addr)))
        return loader_fail(l, "auth_type = trust lets everybody in, so listen_addr may only name this machine"),
               err_hint(l->err, "Use 127.0.0.1, ::1 or localhost, or auth_type = scram-sha-256.");
    if (c->auth_type == CONFIG_AUTH_TYPE_PLAIN && c->client_tls_sslmode == CONFIG_CLIENT_TLS_SSLMODE_DISABLE)
        return loader_fail(l, "auth_type = plain sends passwords as they are, so it needs TLS"),
               err_hint(l->err, "Set client_tls_sslmode, client_tls_key_file and client_tls_cert_file.");
    if (c->auth_type != CONFIG_AUTH_TYPE_TRUST && c->n_users == 0 && l->read_files)
        return loader_fail(l, "nobody could log in: there is no user in section [users] or auth_file");
    return true;
}

static bool check_tls(struct loader *l, const struct config *c)
{
    if (c->client_tls_sslmode == CONFIG_CLIENT_TLS_SSLMODE_DISABLE)
        return true;
    if (c->client_tls_key_file[0] == '\0' || c->client_tls_cert_file[0] == '\0')
        return loader_fail(l, "client_tls_sslmode needs client_tls_key_file and client_tls_cert_file");
    if (c->client_tls_sslmode >= CONFIG_CLIENT_TLS_SSLMODE_VERIFY_CA && c->client_tls_ca_file[0] == '\0')
        return loader_fail(l, "client_tls_sslmode = verify-ca and verify-full need client_tls_ca_file");
    return true;
}

static bool check_listening(struct loader *l, const struct config *c)
{
    struct sockaddr_un address;
    if (str_trim(str_from(c->listen_addr)).n == 0 && c->unix_socket_dir[0] == '\0')
        return loader_fail(l, "nothing to listen on: listen_addr and unix_socket_dir are both empty");
    if (c->unix_socket_dir[0] != '\0' &&
        strlen(c->unix_socket_dir) + sizeof("/.s.PGSQL.65535") > sizeof(address.sun_path))
        return loader_fail(l, "unix_socket_dir is too long for a socket's name");
    return true;
}

static bool check_version(struct loader *l, const struct config *c)
{
    if (c->server_version[0] < '0' || c->server_version[0] > '9')
        return loader_fail(l, "server_version starts with a number: clients compare it");
    for (const char *p = c->server_version; *p; p++)
        if (*p < ' ' || *p > '~')
            return loader_fail(l, "server_version holds other than plain characters");
    return true;
}

static bool check(struct loader *l)
{
    const struct config *c = l->config;
    if (c->n_databases == 0 && l->read_files)
        return loader_fail(l, "section [databases] names no database");
    return check_listening(l, c) && check_version(l, c) && check_tls(l, c) && check_authentication(l, c);
}

/* The lists are complete and stay where they are: now the names may lead into them. */
static bool index_names(struct loader *l)
{
    struct config_store *s = l->store;
    s->public.databases = s->database_rows;
    s->public.users = s->user_rows;
    for (size_t i = 0; i < s->public.n_databases; i++)
        if (!map_set(&s->databases, str_from(s->database_rows[i].name), &s->database_rows[i]))
            return err_oom(l->err);
    for (size_t i = 0; i < s->public.n_users; i++)
        if (!map_set(&s->users, str_from(s->user_rows[i].name), &s->user_rows[i]))
            return err_oom(l->err);
    return true;
}

static bool take_folder(struct loader *l, const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t n = !slash ? 0 : slash == path ? 1 : (size_t)(slash - path);
    return loader_text(l, str_from(path), &l->config->path) && loader_text(l, (struct str){ path, n }, &l->folder);
}

static bool build(struct loader *l, struct str text)
{
    static const struct ini_handler handler = { on_section, on_pair };
    if (!keys_defaults(l) || !ini_read(l, text, &handler))
        return false;
    if (l->config->auth_file[0] != '\0' && l->read_files && !users_read_file(l, l->config->auth_file))
        return false;
    return check(l) && index_names(l);
}

static void loader_init(struct loader *l, struct config_store *store, const char *path, bool read_files,
                        struct err *err)
{
    *l = (struct loader){ .store = store, .config = &store->public, .arena = store->arena, .err = err, .folder = "" };
    l->read_files = read_files;
    l->file = str_from(path[0] != '\0' ? path : "the built-in configuration");
}

struct config *config_parse(struct str text, const char *path, bool read_files, struct err *err)
{
    struct loader l;
    struct config_store *store = store_new();
    if (!store)
        return err_oom(err), NULL;
    loader_init(&l, store, path, read_files, err);
    if (!take_folder(&l, path) || !build(&l, text)) {
        store_free(store);
        return NULL;
    }
    return &store->public;
}

static struct config *load_file(const char *path, struct err *err)
{
    struct loader l;
    struct str text;
    struct config_store *store = store_new();
    if (!store)
        return err_oom(err), NULL;
    loader_init(&l, store, path, true, err);
    if (!take_folder(&l, path) || !loader_read(&l, path, "configuration", CONFIG_MAX_FILE, &text) || !build(&l, text)) {
        store_free(store);
        return NULL;
    }
    return &store->public;
}

struct config *config_load(const char *path, struct err *err)
{
    return path ? load_file(path, err) : config_parse(str_from(built_in), "", true, err);
}

struct config *config_ref(struct config *c)
{
    atomic_fetch_add_explicit(&((struct config_store *)c)->references, 1, memory_order_relaxed);
    return c;
}

void config_unref(struct config *c)
{
    if (c && atomic_fetch_sub_explicit(&((struct config_store *)c)->references, 1, memory_order_acq_rel) == 1)
        store_free((struct config_store *)c);
}

const struct config_user *config_user_find(const struct config *c, struct str name)
{
    return map_get(&((const struct config_store *)c)->users, name);
}
