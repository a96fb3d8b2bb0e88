/*
 * config.h - pgd1.ini as one immutable value: [pgd1] keys, [databases], [users].
 *
 * Owns     every text it shows, tokens and passwords too; those are wiped when the last reference goes.
 * Lives    reference counted (thread safe). A reload loads a new one and the server swaps it whole; nothing edits one in place.
 *          Sessions hold a reference or read the current one: what a pointer into it needs is that somebody holds it.
 * Fails    F0000 (config_file_error) with "file:line: …" in the message, 53200. Secrets never stand in a message.
 * Not here deciding when to reload, swapping, reading certificates, checking passwords.
 */
#ifndef PGD1_CONFIG_CONFIG_H
#define PGD1_CONFIG_CONFIG_H

#include "proxy/base/buf.h"
#include "proxy/base/err.h"

/* enum config_auth_type { CONFIG_AUTH_TYPE_PLAIN, … } and so on, one per CHOICE key. */
#define CHOICES(key)                                                                                                   \
    enum config_##key                                                                                                  \
    {
#define CHOICE(KEY, word, text) CONFIG_##KEY##_##word,
#define CHOICES_END(key)                                                                                               \
    }                                                                                                                  \
    ;
#include "config/choices.def"
#undef CHOICES
#undef CHOICE
#undef CHOICES_END

enum config_transport { CONFIG_EMBEDDED, CONFIG_GATEWAY, CONFIG_REST };
enum config_environment { CONFIG_DEVELOPMENT, CONFIG_PREVIEW, CONFIG_PRODUCTION };
enum config_dialect { CONFIG_SQLITE, CONFIG_POSTGRES };

/* One line of [databases], a wrangler file it names already looked up. Texts are NUL-terminated, "" when not given. */
struct config_database {
    const char
        *name; /* "*": the fallback; %s stands for the client's database name in path, url, binding and database */
    enum config_transport transport;
    const char *path;             /* embedded: the SQLite file */
    const char *url;              /* gateway: where the Worker answers; rest: base URL, "" for Cloudflare's own */
    const char *binding;          /* gateway: name of the D1 binding in the Worker */
    const char *account;          /* rest: account id */
    const char *database;         /* rest: database id */
    struct str token;             /* gateway and rest: secret, without white space around it */
    const char *migrations_dir;   /* beside the file that names it; never "" */
    const char *migrations_table; /* "": wrangler's own, d1_migrations */
    enum config_environment environment;
    bool confirm;                           /* production: MIGRATE UP and DOWN name the database */
    enum config_dialect migrations_dialect; /* of files that do not say */
    bool restores; /* on_failure=restore: a migration that fails behind some of its chunks is taken back */
};

struct config_user {
    const char *name;
    struct str secret; /* SCRAM verifier "SCRAM-SHA-256$…" or password in clear, see is_verifier */
    bool is_verifier;
    bool cannot_migrate; /* can_migrate=off */
};

struct config {
#define CONFIG_FIELD_BOOL(name) bool name;
#define CONFIG_FIELD_CHOICE(name) enum config_##name name;
#define CONFIG_FIELD_INT(name) unsigned name;
#define CONFIG_FIELD_MODE(name) unsigned name;
#define CONFIG_FIELD_PATH(name) const char *name;
#define CONFIG_FIELD_SIZE(name) size_t name;
#define CONFIG_FIELD_TEXT(name) const char *name;
#define CONFIG_FIELD_TIME(name) uint64_t name##_us;
#define KEY(name, type, value, min, max, effect, help) CONFIG_FIELD_##type(name)
#include "config/keys.def"
#undef KEY
    const char *path; /* the file it came from; "" for the defaults */
    const struct config_database *databases;
    size_t n_databases;
    const struct config_user *users; /* of [users] and auth_file */
    size_t n_users;
};

/* Reads a file, and the files it names. NULL: no file, that is the embedded database ./pgd1.db under any database name, on
 * 127.0.0.1:6432 and /tmp, trust. Gives one reference, or NULL with err set. */
struct config *config_load(const char *path, struct err *err);
/* The same from bytes, for tests and fuzzing: path names them in messages and gives the folder of relative paths.
 * read_files false: auth_file, token_file, token_env and wrangler are checked for form but not read. */
struct config *config_parse(struct str text, const char *path, bool read_files, struct err *err);
struct config *config_ref(struct config *c);
void config_unref(struct config *c); /* accepts NULL; the last one wipes and frees */

/* The database a client asked for: its own line, or the fallback with %s replaced. Texts live as long as c, replaced ones in
 * arena. 3D000 when there is none, or when the fallback is meant and the name has other than letters, digits, _ and -. */
bool config_database_find(const struct config *c, struct str name, struct arena *arena, struct config_database *ret,
                          struct err *err);
const struct config_user *config_user_find(const struct config *c, struct str name); /* NULL: unknown */

/* What the rows of keys.def tell, for SHOW CONFIG and the like. */
enum config_effect { CONFIG_RELOAD, CONFIG_SESSION, CONFIG_RESTART };
struct config_key {
    const char *name, *type, *value, *min, *max, *help; /* value: the default */
    enum config_effect effect;
};
const struct config_key *config_key_at(size_t i); /* in the order of their names; NULL behind the last */
/* The value of a key as the file would say it. */
void config_key_print(const struct config *c, const struct config_key *key, struct buf *out);
/* The first key, from *at on, whose value differs between the two and which needs a restart; NULL at the end. Start with *at = 0. */
const struct config_key *config_needs_restart(const struct config *old, const struct config *new, size_t *at);

void config_sample(struct buf *out); /* a commented pgd1.ini with every key */
void config_table(struct buf *out);  /* the README's table */

#endif
