/* LINK pgd1_config */
/* pgd1.ini: what is taken, what is refused and where, what follows from it; see config/config.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include "config/config.h"
#include "config/wrangler.h"
#include "proxy/base/fault.h"

#define USERS "[users]\nbob = pw\n"
#define APP "[databases]\napp = d1=embedded path=a.db\n"
#define MINIMAL APP USERS

static char folder[64];

static struct config *parse(const char *text, struct arena *arena, struct err *err)
{
    err_init(err, arena);
    return config_parse(str_from(text), "etc/pgd1.ini", true, err);
}

static void write_file(const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
    assert_int_equal(fclose(f), 0);
}

/* Parses as the file pgd1.ini of the folder. */
static struct config *parse_here(const char *text, struct arena *arena, struct err *err)
{
    char path[256];
    write_file("pgd1.ini", text);
    snprintf(path, sizeof(path), "%s/pgd1.ini", folder);
    err_init(err, arena);
    return config_load(path, err);
}

static const struct {
    const char *rule, *text, *key, *want;
} values[] = {
    { "a default", "", "listen_port", "6432" },
    { "a number", "listen_port = 7000", "listen_port", "7000" },
    { "no blanks are needed", "listen_port=7000", "listen_port", "7000" },
    { "a carriage return is a blank", "listen_port = 7000\r", "listen_port", "7000" },
    { "a comment", "; listen_port = 1\n# listen_port = 2", "listen_port", "6432" },
    { "a bare time is in seconds", "query_timeout = 30", "query_timeout", "30s" },
    { "a time in ms", "query_timeout = 1500ms", "query_timeout", "1500ms" },
    { "a time prints in its largest unit", "query_timeout = 120s", "query_timeout", "2min" },
    { "a time in hours", "query_timeout = 24h", "query_timeout", "1d" },
    { "zero has no unit", "query_timeout = 0ms", "query_timeout", "0" },
    { "a bare size is in bytes", "max_message_bytes = 65536", "max_message_bytes", "64kB" },
    { "a size in MB", "max_message_bytes = 16 MB", "max_message_bytes", "16MB" },
    { "a size in GB", "finish_max_bytes = 4GB", "finish_max_bytes", "4GB" },
    { "a mode is octal", "unix_socket_mode = 0700", "unix_socket_mode", "0700" },
    { "a word", "log_level = debug", "log_level", "debug" },
    { "a text keeps its inner blanks", "listen_addr = 127.0.0.1, ::1", "listen_addr", "127.0.0.1, ::1" },
    { "an empty text", "listen_addr =", "listen_addr", "" },
    { "a relative path starts at the file's folder", "pidfile = run/pid", "pidfile", "etc/run/pid" },
    { "an absolute path stays", "pidfile = /run/pid", "pidfile", "/run/pid" },
    { "an empty path is none", "unix_socket_dir =", "unix_socket_dir", "" },
};

static const struct config_key *find_key(const char *name)
{
    const struct config_key *key;
    for (size_t i = 0; (key = config_key_at(i)); i++)
        if (strcmp(key->name, name) == 0)
            return key;
    fail_msg("no key %s", name);
    return NULL;
}

static void reads_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        AUTO(arena) arena = arena_new(1 << 20);
        struct err err;
        struct str text = arena_printf(arena, MINIMAL "[pgd1]\n%s\n", values[i].text);
        struct config *c = parse(text.p, arena, &err);
        if (!c)
            fail_msg("%s: %.*s", values[i].rule, STR_FMT(err.message));
        struct buf out;
        buf_init(&out, 1000);
        config_key_print(c, find_key(values[i].key), &out);
        if (!str_is(buf_str(&out), values[i].want))
            fail_msg("%s: %.*s", values[i].rule, STR_FMT(buf_str(&out)));
        buf_fini(&out);
        config_unref(c);
    }
}

static const struct {
    const char *rule, *text, *want;
} refusals[] = {
    { "an unknown key", "[pgd1]\n\nlisten_prt = 1\n", "etc/pgd1.ini:3: unknown key \"listen_prt\" in section [pgd1]" },
    { "an unknown section", "[pgbouncer]\n", "etc/pgd1.ini:1: unknown section [pgbouncer]" },
    { "a key before any section", "a = b\n",
      "etc/pgd1.ini:1: a section must come first: [pgd1], [databases] or [users]" },
    { "no =", "[pgd1]\nlisten_port\n", "etc/pgd1.ini:2: expected [section] or name = value" },
    { "no name", "[pgd1]\n= 1\n", "etc/pgd1.ini:2: expected a name before the =" },
    { "an open section", "[pgd1\n", "etc/pgd1.ini:1: expected ] at the end of the section's name" },
    { "a key twice", "[pgd1]\nlisten_port = 1\nlisten_port = 1\n", "etc/pgd1.ini:3: listen_port is given twice" },
    { "below the range", "[pgd1]\nlisten_port = 0\n", "etc/pgd1.ini:2: listen_port: \"0\" is outside of 1 to 65535" },
    { "above the range", "[pgd1]\nlisten_port = 65536\n",
      "etc/pgd1.ini:2: listen_port: \"65536\" is outside of 1 to 65535" },
    { "a time below the range", "[pgd1]\nd1_timeout = 99ms\n",
      "etc/pgd1.ini:2: d1_timeout: \"99ms\" is outside of 100ms to 10min" },
    { "a size above the range", "[pgd1]\nmax_message_bytes = 2GB\n",
      "etc/pgd1.ini:2: max_message_bytes: \"2GB\" is outside of 64kB to 1GB" },
    { "a number too long for 64 bits", "[pgd1]\nlisten_port = 99999999999999999999\n",
      "etc/pgd1.ini:2: listen_port: expected a number, not \"99999999999999999999\"" },
    { "a product too large for 64 bits", "[pgd1]\nquery_timeout = 9999999999999999d\n",
      "etc/pgd1.ini:2: query_timeout: expected a time such as 30 (seconds), 500ms, 30s, 5min, 2h or 1d, not "
      "\"9999999999999999d\"" },
    { "a unit of another kind", "[pgd1]\nquery_timeout = 5MB\n",
      "etc/pgd1.ini:2: query_timeout: expected a time such as 30 (seconds), 500ms, 30s, 5min, 2h or 1d, not \"5MB\"" },
    { "a negative number", "[pgd1]\nlisten_port = -1\n", "etc/pgd1.ini:2: listen_port: expected a number, not \"-1\"" },
    { "an octal mode with an 8", "[pgd1]\nunix_socket_mode = 0800\n",
      "etc/pgd1.ini:2: unix_socket_mode: expected an octal file mode, not \"0800\"" },
    { "an unknown word", "[pgd1]\nauth_type = md5\n", "etc/pgd1.ini:2: \"md5\" is not a value of auth_type" },
    { "bad UTF-8", "[pgd1]\nlog_level = \xff\n", "etc/pgd1.ini: byte 19 is not valid UTF-8 text" },
    { "no database", USERS, "etc/pgd1.ini: section [databases] names no database" },
    { "no user", APP, "etc/pgd1.ini: nobody could log in: there is no user in section [users] or auth_file" },
    { "trust for the network", APP "[pgd1]\nauth_type = trust\nlisten_addr = 127.0.0.1, 10.0.0.1\n",
      "etc/pgd1.ini: auth_type = trust lets everybody in, so listen_addr may only name this machine" },
    { "trust for every address", APP "[pgd1]\nauth_type = trust\nlisten_addr = *\n",
      "etc/pgd1.ini: auth_type = trust lets everybody in, so listen_addr may only name this machine" },
    { "plain passwords without TLS", MINIMAL "[pgd1]\nauth_type = plain\n",
      "etc/pgd1.ini: auth_type = plain sends passwords as they are, so it needs TLS" },
    { "TLS without a certificate", MINIMAL "[pgd1]\nclient_tls_sslmode = require\nclient_tls_key_file = k\n",
      "etc/pgd1.ini: client_tls_sslmode needs client_tls_key_file and client_tls_cert_file" },
    { "checked client certificates without an authority",
      MINIMAL "[pgd1]\nclient_tls_sslmode = verify-ca\nclient_tls_key_file = k\nclient_tls_cert_file = c\n",
      "etc/pgd1.ini: client_tls_sslmode = verify-ca and verify-full need client_tls_ca_file" },
    { "nothing to listen on", MINIMAL "[pgd1]\nlisten_addr =\nunix_socket_dir =\n",
      "etc/pgd1.ini: nothing to listen on: listen_addr and unix_socket_dir are both empty" },
    { "a socket folder longer than a socket address",
      MINIMAL "[pgd1]\nunix_socket_dir = "
              "/0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123\n",
      "etc/pgd1.ini: unix_socket_dir is too long for a socket's name" },
    { "a version without a number", MINIMAL "[pgd1]\nserver_version = fifteen\n",
      "etc/pgd1.ini: server_version starts with a number: clients compare it" },

    { "a user twice", USERS "bob = x\n", "etc/pgd1.ini:3: user \"bob\" is given twice" },
    { "a user without a password", "[users]\nbob =\n", "etc/pgd1.ini:2: user \"bob\" has no password" },
    { "an md5 password", "[users]\nbob = md50123456789abcdef0123456789abcdef\n",
      "etc/pgd1.ini:2: user \"bob\": md5 passwords are not supported" },
    { "a broken verifier", "[users]\nbob = SCRAM-SHA-256$4096:c2FsdA==$short:short\n",
      "etc/pgd1.ini:2: user \"bob\": the SCRAM verifier is malformed" },
    { "a quote left open", "[users]\nbob = 'x\n", "etc/pgd1.ini:2: a text in ' is not closed" },
    { "more after the quote", "[users]\nbob = 'x' y\n",
      "etc/pgd1.ini:2: user \"bob\": only can_migrate=on or can_migrate=off may follow the quoted password" },

    { "a database twice", APP "app = d1=embedded path=b.db\n", "etc/pgd1.ini:3: database \"app\" is given twice" },
    { "no transport", "[databases]\napp = path=a.db\n",
      "etc/pgd1.ini:2: database \"app\": expected d1=embedded, d1=gateway, d1=rest or wrangler=" },
    { "an unknown transport", "[databases]\napp = d1=http\n",
      "etc/pgd1.ini:2: database \"app\": expected d1=embedded, d1=gateway, d1=rest or wrangler=" },
    { "an unknown option", "[databases]\napp = d1=embedded file=a.db\n",
      "etc/pgd1.ini:2: database \"app\": unknown option \"file\"" },
    { "a token in the file", "[databases]\napp = d1=gateway url=https://x binding=DB token=abc\n",
      "etc/pgd1.ini:2: database \"app\": unknown option \"token\"" },
    { "an option twice", "[databases]\napp = d1=embedded path=a path=b\n",
      "etc/pgd1.ini:2: database \"app\": path is given twice" },
    { "an empty option", "[databases]\napp = d1=embedded path=\n", "etc/pgd1.ini:2: database \"app\": path is empty" },
    { "an option of another transport", "[databases]\napp = d1=embedded path=a url=https://x\n",
      "etc/pgd1.ini:2: database \"app\": url does not go with d1=embedded" },
    { "embedded without a path", "[databases]\napp = d1=embedded\n",
      "etc/pgd1.ini:2: database \"app\": d1=embedded needs path=" },
    { "gateway without a url", "[databases]\napp = d1=gateway binding=DB token_env=X\n",
      "etc/pgd1.ini:2: database \"app\": d1=gateway needs url=" },
    { "gateway without a token", "[databases]\napp = d1=gateway url=https://x binding=DB\n",
      "etc/pgd1.ini:2: database \"app\": d1=gateway needs token_file= or token_env=" },
    { "a token's variable that is not there",
      "[databases]\napp = d1=gateway url=https://x binding=DB token_env=PGD1_TEST_NONE\n",
      "etc/pgd1.ini:2: database \"app\": there is no environment variable PGD1_TEST_NONE" },
    { "two tokens", "[databases]\napp = d1=gateway url=https://x binding=DB token_env=X token_file=x\n",
      "etc/pgd1.ini:2: database \"app\": token_file and token_env exclude each other" },
    { "a token in clear over a network",
      "[databases]\napp = d1=gateway url=http://example.com binding=DB token_env=X\n",
      "etc/pgd1.ini:2: database \"app\": url starts with https://, or leads to this machine" },
    { "a host that only begins like this machine",
      "[databases]\napp = d1=gateway url=http://localhost.example.com binding=DB token_env=X\n",
      "etc/pgd1.ini:2: database \"app\": url starts with https://, or leads to this machine" },
    { "a password in the url", "[databases]\napp = d1=gateway url=https://u:p@x binding=DB token_env=X\n",
      "etc/pgd1.ini:2: database \"app\": url holds a user or password" },
    { "rest without a database", "[databases]\napp = d1=rest account=a token_env=X\n",
      "etc/pgd1.ini:2: database \"app\": d1=rest needs database=" },
    { "an environment without a wrangler file", "[databases]\napp = d1=embedded path=a env=b\n",
      "etc/pgd1.ini:2: database \"app\": env needs wrangler=" },
    { "a name's place in a named database", "[databases]\napp = d1=embedded path=%s.db\n",
      "etc/pgd1.ini:2: database \"app\": only the fallback * may use %s" },
    { "pairs without a name", "[databases]\napp = d1=embedded =x\n",
      "etc/pgd1.ini:2: expected name=value pairs separated by blanks" },
    { "no blank after a quoted value", "[databases]\napp = path='a'd1=embedded\n",
      "etc/pgd1.ini:2: expected a blank after the quoted value of \"path\"" },
    { "an auth_file that is not there", MINIMAL "[pgd1]\nauth_file = none.txt\n",
      "etc/pgd1.ini: cannot open auth_file \"etc/none.txt\": No such file or directory" },
    { "a wrangler file that is not there", "[databases]\napp = wrangler=none.jsonc\n",
      "etc/pgd1.ini:2: cannot open wrangler file \"etc/none.jsonc\": No such file or directory" },
};

static void refuses(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        AUTO(arena) arena = arena_new(1 << 20);
        struct err err;
        if (parse(refusals[i].text, arena, &err))
            fail_msg("%s was taken", refusals[i].rule);
        assert_int_equal(err.code, SQLSTATE_CONFIG_FILE_ERROR);
        if (!str_is(err.message, refusals[i].want))
            fail_msg("%s: %.*s", refusals[i].rule, STR_FMT(err.message));
    }
}

/* One setting of every database line that is taken, as the struct shows it. */
static const struct {
    const char *rule, *line, *transport, *path, *url, *binding, *account, *database, *token;
} lines[] = {
    { "embedded", "d1=embedded path=a.db", "embedded", "%/a.db", "", "", "", "", "" },
    { "quoted, blanks and a quote inside", "path='a ''b''.db'   d1=embedded", "embedded", "%/a 'b'.db", "", "", "", "",
      "" },
    { "gateway", "d1=gateway url=https://g.example binding=DB token_file=token", "gateway", "", "https://g.example",
      "DB", "", "", "t0ken" },
    { "gateway on this machine", "d1=gateway url=http://127.0.0.1:8787 binding=DB token_file=token", "gateway", "",
      "http://127.0.0.1:8787", "DB", "", "", "t0ken" },
    { "token from the environment", "d1=gateway url=http://[::1]:1/ binding=DB token_env=PGD1_TEST_TOKEN", "gateway",
      "", "http://[::1]:1/", "DB", "", "", "env-token" },
    { "rest", "d1=rest account=acc database=id token_file=token", "rest", "", "", "", "acc", "id", "t0ken" },
    { "rest elsewhere", "d1=rest account=acc database=id token_file=token base_url=http://localhost:1/client/v4",
      "rest", "", "http://localhost:1/client/v4", "", "acc", "id", "t0ken" },
    { "wrangler for the gateway, by name", "wrangler=wrangler.jsonc d1=gateway url=https://g token_file=token",
      "gateway", "", "https://g", "MAIN", "", "", "t0ken" },
    { "wrangler for rest, by binding", "wrangler=wrangler.jsonc binding=LOGS token_file=token", "rest", "", "", "",
      "acc-top", "id-logs", "t0ken" },
    { "wrangler, an environment that inherits the account", "wrangler=wrangler.jsonc env=production token_file=token",
      "rest", "", "", "", "acc-top", "id-production", "t0ken" },
    { "wrangler's folder", "wrangler=. env=production token_file=token", "rest", "", "", "", "acc-top", "id-production",
      "t0ken" },
    { "wrangler.toml", "wrangler=sub/wrangler.toml token_file=token", "rest", "", "", "", "acc-toml", "id-toml",
      "t0ken" },
    { "wrangler.toml, an environment", "wrangler=sub env=staging token_file=token", "rest", "", "", "", "acc-staging",
      "id-staging", "t0ken" },
    { "what the line says comes first", "wrangler=wrangler.jsonc account=mine token_file=token", "rest", "", "", "",
      "mine", "id-main", "t0ken" },
};

static const char wrangler_jsonc[] =
    "{\n"
    "  // top level\n"
    "  \"name\": \"worker\", /* \"d1_databases\": [] */\n"
    "  \"account_id\": \"acc-top\",\n"
    "  \"d1_databases\": [\n"
    "    { \"binding\": \"MAIN\", \"database_name\": \"app\", \"database_id\": \"id-main\", \"migrations_dir\": "
    "\"sql\", },\n"
    "    { \"binding\": \"LOGS\", \"database_name\": \"logs, [not] // a comment\", \"database_id\": \"id-logs\" },\n"
    "  ],\n"
    "  \"env\": { \"production\": { \"d1_databases\": [{ \"binding\": \"DB\", \"database_name\": \"prod\", "
    "\"database_id\": \"id-production\" }] },\n"
    "             \"empty\": {} },\n"
    "}\n";

static const char wrangler_toml[] = "name = \"worker\"\n"
                                    "account_id = 'acc-toml' # a comment\n"
                                    "[[d1_databases]]\n"
                                    "binding = \"DB\"\n"
                                    "database_name = \"any\"\n"
                                    "database_id = \"id-toml\"\n"
                                    "[env.staging]\n"
                                    "account_id = \"acc-staging\"\n"
                                    "d1_databases = [ { binding = \"DB\", database_id = \"id-staging\" } ]\n";

static void is_text(const char *rule, const char *what, const char *have, const char *want)
{
    char full[512];
    if (want[0] == '%') {
        snprintf(full, sizeof(full), "%s%s", folder, want + 1);
        want = full;
    }
    if (strcmp(have, want) != 0)
        fail_msg("%s: %s is \"%s\", not \"%s\"", rule, what, have, want);
}

static void reads_databases(void **state)
{
    static const char *const names[] = { "embedded", "gateway", "rest" };
    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        AUTO(arena) arena = arena_new(1 << 20);
        struct err err;
        struct config_database d;
        const char *rule = lines[i].rule;
        struct config *c =
            parse_here(arena_printf(arena, USERS "[databases]\napp = %s\n", lines[i].line).p, arena, &err);
        if (!c)
            fail_msg("%s: %.*s", rule, STR_FMT(err.message));
        assert_true(config_database_find(c, STR("app"), arena, &d, &err));
        is_text(rule, "transport", names[d.transport], lines[i].transport);
        is_text(rule, "path", d.path, lines[i].path);
        is_text(rule, "url", d.url, lines[i].url);
        is_text(rule, "binding", d.binding, lines[i].binding);
        is_text(rule, "account", d.account, lines[i].account);
        is_text(rule, "database", d.database, lines[i].database);
        if (!str_is(d.token, lines[i].token))
            fail_msg("%s: another token", rule);
        config_unref(c);
    }
}

static const struct {
    const char *rule, *line, *want;
} wrangler_refusals[] = {
    { "a word that is no environment", "app = d1=embedded path=a environment=prod",
      "pgd1.ini:4: database \"app\": \"prod\" is no value of environment" },
    { "a word that is no dialect", "app = d1=embedded path=a migrations_dialect=mysql",
      "pgd1.ini:4: database \"app\": \"mysql\" is no value of migrations_dialect" },
    { "several databases, none of the name", "other = wrangler=wrangler.jsonc token_file=token",
      "pgd1.ini:4: database \"other\": %/wrangler.jsonc declares several databases, none of this name" },
    { "an environment that is not there", "app = wrangler=wrangler.jsonc env=none token_file=token",
      "pgd1.ini:4: %/wrangler.jsonc has no environment \"none\"" },
    { "an environment without databases", "app = wrangler=wrangler.jsonc env=empty token_file=token",
      "pgd1.ini:4: %/wrangler.jsonc declares no d1_databases here" },
    { "not JSON", "app = wrangler=bad.jsonc token_file=token",
      "pgd1.ini:4: %/bad.jsonc:2: this is not JSON with comments" },
    { "not TOML", "app = wrangler=bad.toml token_file=token", "pgd1.ini:4: %/bad.toml:2: " },
    { "a folder without one", "app = wrangler=none token_file=token",
      "pgd1.ini:4: \"%/none\" holds no wrangler.json, wrangler.jsonc or wrangler.toml" },
    { "no token", "app = d1=gateway url=https://x wrangler=wrangler.jsonc",
      "pgd1.ini:4: database \"app\": d1=gateway needs token_file= or token_env=" },
    { "an empty token file", "app = d1=gateway url=https://x binding=DB token_file=empty",
      "pgd1.ini:4: database \"app\": token_file holds no token" },
    { "a token file of two lines", "app = d1=gateway url=https://x binding=DB token_file=bad.toml",
      "pgd1.ini:4: database \"app\": token_file is not one token in one line" },
    { "a token file that is a folder", "app = d1=gateway url=https://x binding=DB token_file=none",
      "pgd1.ini:4: cannot read token_file \"%/none\": it is not a file" },
    { "a broken userlist", "app = d1=embedded path=a\n[pgd1]\nauth_file = bad.toml",
      "bad.toml:1: expected \"name\" \"password\"" },
};

/* Whether message contains want, % in it standing for the folder. */
static bool contains(struct str message, const char *want)
{
    char full[512];
    size_t n = 0;
    for (; *want; want++) {
        if (*want == '%')
            n += (size_t)snprintf(full + n, sizeof(full) - n, "%s", folder);
        else
            full[n++] = *want;
    }
    return str_find(message, (struct str){ full, n }) >= 0;
}

static void refuses_files(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(wrangler_refusals) / sizeof(wrangler_refusals[0]); i++) {
        AUTO(arena) arena = arena_new(1 << 20);
        struct err err;
        if (parse_here(arena_printf(arena, USERS "[databases]\n%s\n", wrangler_refusals[i].line).p, arena, &err))
            fail_msg("%s was taken", wrangler_refusals[i].rule);
        if (!contains(err.message, wrangler_refusals[i].want))
            fail_msg("%s: %.*s", wrangler_refusals[i].rule, STR_FMT(err.message));
    }
}

static void migrations_stand_beside_their_file(void **state)
{
    static const struct {
        const char *line, *dir, *table;
        enum config_environment environment;
        enum config_dialect dialect;
    } rows[] = {
        { "d1=embedded path=a.db", "%/migrations", "", CONFIG_DEVELOPMENT, CONFIG_SQLITE },
        { "d1=embedded path=a.db migrations_dir=sql/up migrations_table=done environment=preview", "%/sql/up", "done",
          CONFIG_PREVIEW, CONFIG_SQLITE },
        { "d1=embedded path=a.db confirm=off", "%/migrations", "", CONFIG_DEVELOPMENT, CONFIG_SQLITE },
        { "d1=embedded path=a.db on_failure=restore", "%/migrations", "", CONFIG_DEVELOPMENT, CONFIG_SQLITE },
        { "d1=embedded path=a.db on_failure=stop", "%/migrations", "", CONFIG_DEVELOPMENT, CONFIG_SQLITE },
        { "d1=embedded path=a.db migrations_dir=/srv/sql migrations_dialect=postgres environment=production confirm=on",
          "/srv/sql", "", CONFIG_PRODUCTION, CONFIG_POSTGRES },
        { "wrangler=wrangler.jsonc binding=MAIN token_file=token", "%/sql", "", CONFIG_DEVELOPMENT, CONFIG_SQLITE },
        { "wrangler=wrangler.jsonc binding=LOGS token_file=token migrations_table=m", "%/migrations", "m",
          CONFIG_DEVELOPMENT, CONFIG_SQLITE },
        { "wrangler=wrangler.jsonc binding=MAIN token_file=token migrations_dir=mine", "%/mine", "", CONFIG_DEVELOPMENT,
          CONFIG_SQLITE },
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        AUTO(arena) arena = arena_new(1 << 20);
        struct err err;
        struct config_database d;
        char text[512];
        snprintf(text, sizeof(text), USERS "[databases]\nx = %s\n", rows[i].line);
        struct config *c = parse_here(text, arena, &err);
        if (!c)
            fail_msg("%s: %.*s", rows[i].line, STR_FMT(err.message));
        assert_true(config_database_find(c, STR("x"), arena, &d, &err));
        is_text(rows[i].line, "migrations_dir", d.migrations_dir, rows[i].dir);
        is_text(rows[i].line, "migrations_table", d.migrations_table, rows[i].table);
        assert_int_equal(d.environment, rows[i].environment);
        assert_int_equal(d.confirm, strstr(rows[i].line, "confirm=off") == NULL);
        assert_int_equal(d.restores, strstr(rows[i].line, "on_failure=restore") != NULL);
        assert_int_equal(d.migrations_dialect, rows[i].dialect);
        config_unref(c);
    }
}

static void wrangler_declares_names(void **state)
{
    AUTO(arena) arena = arena_new(1 << 20);
    struct err err;
    struct config_database d;
    (void)state;
    struct config *c = parse_here(USERS "[databases]\nLOGS = d1=embedded path=l.db\n"
                                        "* = wrangler=wrangler.jsonc d1=gateway url=https://g token_file=token\n",
                                  arena, &err);
    if (!c)
        fail_msg("%.*s", STR_FMT(err.message));
    assert_true(config_database_find(c, STR("app"), arena, &d, &err));
    assert_string_equal(d.binding, "MAIN");
    is_text("beside the wrangler file", "migrations_dir", d.migrations_dir, "%/sql");
    assert_true(config_database_find(c, STR("MAIN"), arena, &d, &err));
    assert_string_equal(d.binding, "MAIN");
    assert_true(config_database_find(c, STR("LOGS"), arena, &d, &err)); /* the line of its own wins */
    assert_int_equal(d.transport, CONFIG_EMBEDDED);
    assert_false(config_database_find(c, STR("nothing"), arena, &d, &err));
    config_unref(c);
}

static void fallback_takes_plain_names(void **state)
{
    static const struct {
        const char *name, *path; /* NULL: refused */
    } names[] = {
        { "app", "etc/own.db" },
        { "tenant-1_A", "etc/t/tenant-1_A/tenant-1_A.db" },
        { "..", NULL },
        { "a/b", NULL },
        { "", NULL },
        { "%s", NULL },
        { "*", NULL },
        { "a b", NULL },
        { "t\xc3\xa9l", NULL },
    };
    AUTO(arena) arena = arena_new(1 << 20);
    struct err err;
    (void)state;
    struct config *c =
        parse(USERS "[databases]\napp = d1=embedded path=own.db\n* = d1=embedded path=t/%s/%s.db\n", arena, &err);
    assert_non_null(c);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct config_database d;
        err_init(&err, arena);
        bool found = config_database_find(c, str_from(names[i].name), arena, &d, &err);
        assert_int_equal(found, names[i].path != NULL);
        if (found) {
            assert_string_equal(d.path, names[i].path);
            assert_string_equal(d.name, names[i].name);
        } else {
            assert_int_equal(err.code, SQLSTATE_INVALID_CATALOG_NAME);
        }
    }
    config_unref(c);
}

static void reads_users(void **state)
{
    static const char verifier[] =
        "SCRAM-SHA-256$4096:c2FsdHNhbHRzYWx0MTIzNA==$MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI=:"
        "MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI=";
    AUTO(arena) arena = arena_new(1 << 20);
    struct err err;
    (void)state;
    struct str text = arena_printf(
        arena, APP "[users]\nbob = a b\ncarl = 'it''s'\n\"d=e\" = %s\n[pgd1]\nauth_file = userlist.txt\n", verifier);
    struct config *c = parse_here(text.p, arena, &err);
    if (!c)
        fail_msg("%.*s", STR_FMT(err.message));
    assert_int_equal(c->n_users, 5);
    assert_true(str_is(config_user_find(c, STR("bob"))->secret, "a b"));
    assert_true(str_is(config_user_find(c, STR("carl"))->secret, "it's"));
    assert_true(config_user_find(c, STR("d=e"))->is_verifier);
    assert_true(str_is(config_user_find(c, STR("quo\"te"))->secret, "s\"1"));
    assert_false(config_user_find(c, STR("quo\"te"))->is_verifier);
    assert_true(str_is(config_user_find(c, STR("erna"))->secret, verifier));
    assert_null(config_user_find(c, STR("nobody")));
    config_unref(c);
}

static void serves_without_a_file(void **state)
{
    AUTO(arena) arena = arena_new(1 << 20);
    struct err err;
    struct config_database d;
    (void)state;
    err_init(&err, arena);
    struct config *c = config_load(NULL, &err);
    assert_non_null(c);
    assert_string_equal(c->listen_addr, "127.0.0.1");
    assert_int_equal(c->listen_port, 6432);
    assert_int_equal(c->auth_type, CONFIG_AUTH_TYPE_TRUST);
    assert_int_equal(c->query_timeout_us, 0);
    assert_int_equal(c->client_login_timeout_us, 60000000);
    assert_int_equal(c->max_message_bytes, 16 << 20);
    assert_true(config_database_find(c, STR("what ever"), arena, &d, &err));
    assert_string_equal(d.path, "pgd1.db");
    assert_int_equal(d.transport, CONFIG_EMBEDDED);
    assert_ptr_equal(config_ref(c), c);
    config_unref(c);
    assert_string_equal(c->path, "");
    config_unref(c);
}

static void tells_what_needs_a_restart(void **state)
{
    AUTO(arena) arena = arena_new(1 << 20);
    struct err err;
    size_t at = 0;
    (void)state;
    struct config *old = parse(MINIMAL, arena, &err);
    struct config *new =
        parse(MINIMAL "[pgd1]\nlisten_addr = ::1\nlog_level = debug\nworker_threads = 3\n", arena, &err);
    assert_non_null(old);
    assert_non_null(new);
    assert_string_equal(config_needs_restart(old, new, &at)->name, "listen_addr");
    assert_string_equal(config_needs_restart(old, new, &at)->name, "worker_threads");
    assert_null(config_needs_restart(old, new, &at));
    config_unref(old);
    config_unref(new);
}

/* Neither the message nor the hint of any refusal shows what stands in a secret's place. */
static void messages_hold_no_secret(void **state)
{
    static const char *const texts[] = {
        "[users]\nbob = 'hunter2\n",
        "[users]\nbob = 'hunter2' hunter2\n",
        "[users]\nbob = SCRAM-SHA-256$hunter2\n",
        "[users]\nhunter2\n",
        USERS "bob = hunter2\n",
        "[databases]\napp = d1=gateway token=hunter2\n",
        "[databases]\napp = d1=gateway binding=D token_env=X url=https://u:hunter2@x\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        AUTO(arena) arena = arena_new(1 << 20);
        struct err err;
        assert_null(parse(texts[i], arena, &err));
        assert_true(str_find(err.message, STR("hunter2")) < 0 && str_find(err.hint, STR("hunter2")) < 0);
    }
}

/* Whichever allocation fails, the answer is 53200 and nothing leaks or breaks. */
static void survives_every_failed_allocation(void **state)
{
    bool hit = true;
    (void)state;
    for (long n = 0; hit; n++) {
        AUTO(arena) arena = arena_new(1 << 20);
        struct err err;
        err_init(&err, arena);
        assert_true(arena_str(arena, STR("first block")).p != NULL);
        fault_after(n);
        struct config *c =
            config_parse(str_from(MINIMAL "\"q\" = 'x'\n* = d1=embedded path=%s\n"), "pgd1.ini", true, &err);
        hit = fault_hit();
        fault_after(-1);
        if (hit)
            assert_null(c);
        config_unref(c);
        assert_true(n < 1000);
    }
}

static void strips_comments_in_place(void **state)
{
    static const struct {
        const char *in, *want;
    } cases[] = {
        { "[1,]", "[1 ]" },
        { "[1,\n// x\n]", "[1 \n    \n]" },
        { "\"//\"", "\"//\"" },
        { "\"\\\"/*\"", "\"\\\"/*\"" },
        { "{/* a\nb */}", "{    \n    }" },
        { "[1,2,/*,*/]", "[1,2      ]" },
        { "/* open", "       " },
        { "\"open", "\"open" },
        { "1 / 2", "1 / 2" },
        { "[\",]\"]", "[\",]\"]" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[64];
        snprintf(text, sizeof(text), "%s", cases[i].in);
        wrangler_strip(text, strlen(text));
        assert_string_equal(text, cases[i].want);
    }
}

static void rows_are_sorted_and_documented(void **state)
{
    const struct config_key *key;
    const char *before = "";
    (void)state;
    for (size_t i = 0; (key = config_key_at(i)); i++) {
        if (strcmp(before, key->name) >= 0)
            fail_msg("%s stands before %s", before, key->name);
        if (strlen(key->help) < 10 || strchr(key->help, '|'))
            fail_msg("%s needs a help text that fits a table", key->name);
        before = key->name;
    }
}

static void same_as_defaults(const struct config *c, struct arena *arena)
{
    struct err err;
    const struct config_key *key;
    err_init(&err, arena);
    struct config *defaults = config_parse(str_from(MINIMAL), "pgd1.ini", false, &err);
    assert_non_null(defaults);
    for (size_t i = 0; (key = config_key_at(i)); i++) {
        struct buf have, want;
        buf_init(&have, 1000);
        buf_init(&want, 1000);
        config_key_print(c, key, &have);
        config_key_print(defaults, key, &want);
        if (!str_eq(buf_str(&have), buf_str(&want)))
            fail_msg("the sample's %s is not the default", key->name);
        buf_fini(&have);
        buf_fini(&want);
    }
    config_unref(defaults);
}

/* The sample file loads, also when every setting that it shows commented out is made a live one; those are the defaults. */
static void sample_loads(void **state)
{
    AUTO(arena) arena = arena_new(1 << 20);
    struct err err;
    struct buf sample, live;
    (void)state;
    buf_init(&sample, 1 << 20);
    buf_init(&live, 1 << 20);
    config_sample(&sample);
    ptrdiff_t keys = str_find(buf_str(&sample), STR("\n[pgd1]\n"));
    assert_true(keys > 0);
    for (size_t i = 0; i < sample.n; i++)
        if (i <= (size_t)keys || sample.p[i - 1] != '\n' || sample.p[i] != ';' || sample.p[i + 1] == ';')
            buf_add_char(&live, sample.p[i]);
    err_init(&err, arena);
    struct config *c = config_parse(buf_str(&sample), "pgd1.ini", false, &err);
    assert_non_null(c);
    config_unref(c);
    c = config_parse(buf_str(&live), "pgd1.ini", false, &err);
    if (!c)
        fail_msg("%.*s", STR_FMT(err.message));
    same_as_defaults(c, arena);
    config_unref(c);
    buf_fini(&sample);
    buf_fini(&live);
}

#define TABLE_START "<!-- generated from config/keys.def: PGD1_UPDATE=1 build/dev/test_config rewrites it -->\n"
#define TABLE_END "<!-- end of the generated table -->\n"

static void read_whole(const char *path, struct buf *out)
{
    char chunk[4096];
    size_t n;
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
        buf_add(out, chunk, n);
    fclose(f);
}

static void write_parts(const char *path, const struct str *parts, size_t n)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(fwrite(parts[i].p, 1, parts[i].n, f), parts[i].n);
    assert_int_equal(fclose(f), 0);
}

/* Runs in the project's folder. */
static void readme_table_is_current(void **state)
{
    struct buf readme, table;
    (void)state;
    buf_init(&readme, 1 << 20);
    buf_init(&table, 1 << 20);
    read_whole("README.md", &readme);
    config_table(&table);
    struct str whole = buf_str(&readme);
    ptrdiff_t start = str_find(whole, STR(TABLE_START)), end = str_find(whole, STR(TABLE_END));
    assert_true(start >= 0 && end > start);
    size_t from = (size_t)start + sizeof(TABLE_START) - 1, to = (size_t)end;
    bool current = str_eq((struct str){ whole.p + from, to - from }, buf_str(&table));
    if (!current && getenv("PGD1_UPDATE")) {
        struct str parts[] = { { whole.p, from }, buf_str(&table), { whole.p + to, whole.n - to } };
        write_parts("README.md", parts, 3);
    } else if (!current) {
        fail_msg("the table of README.md is old: PGD1_UPDATE=1 build/dev/test_config rewrites it");
    }
    buf_fini(&readme);
    buf_fini(&table);
}

static int set_up(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/pgd1-test-config-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    char path[256];
    snprintf(path, sizeof(path), "%s/sub", folder);
    mkdir(path, 0700);
    snprintf(path, sizeof(path), "%s/none", folder);
    mkdir(path, 0700);
    write_file("token", " t0ken\n");
    write_file("empty", "\n");
    write_file("wrangler.jsonc", wrangler_jsonc);
    write_file("sub/wrangler.toml", wrangler_toml);
    write_file("bad.jsonc", "{\n]\n");
    write_file("bad.toml", "a = 1\nb = = 2\n");
    write_file("userlist.txt",
               ";; a comment\n\n\"quo\"\"te\" \"s\"\"1\"\n\"erna\" \"SCRAM-SHA-256$4096:c2FsdHNhbHRzYWx0MTIzNA==$"
               "MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI=:MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI=\" \"\"\n");
    return setenv("PGD1_TEST_TOKEN", "env-token", 1);
}

static int tear_down(void **state)
{
    static const char *const files[] = { "token",
                                         "empty",
                                         "wrangler.jsonc",
                                         "sub/wrangler.toml",
                                         "bad.jsonc",
                                         "bad.toml",
                                         "userlist.txt",
                                         "pgd1.ini",
                                         "sub",
                                         "none",
                                         "" };
    (void)state;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        char path[256];
        snprintf(path, sizeof(path), "%s/%s", folder, files[i]);
        if (remove(path) != 0)
            return -1;
    }
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_values),
        cmocka_unit_test(refuses),
        cmocka_unit_test(reads_databases),
        cmocka_unit_test(refuses_files),
        cmocka_unit_test(migrations_stand_beside_their_file),
        cmocka_unit_test(wrangler_declares_names),
        cmocka_unit_test(fallback_takes_plain_names),
        cmocka_unit_test(reads_users),
        cmocka_unit_test(serves_without_a_file),
        cmocka_unit_test(tells_what_needs_a_restart),
        cmocka_unit_test(messages_hold_no_secret),
        cmocka_unit_test(survives_every_failed_allocation),
        cmocka_unit_test(strips_comments_in_place),
        cmocka_unit_test(rows_are_sorted_and_documented),
        cmocka_unit_test(sample_loads),
        cmocka_unit_test(readme_table_is_current),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
