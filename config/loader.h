/*
 * loader.h - what the readers of one configuration share while it is being built. Private to config/.
 *
 * Owns     nothing of its own: texts go to the store's arena, secrets to the store's wiped blocks.
 * Lives    one config_load() or config_parse().
 * Fails    loader_fail: F0000 "file:line: …"; nothing that stands in a secret's place is ever quoted.
 */
#ifndef PGD1_CONFIG_LOADER_H
#define PGD1_CONFIG_LOADER_H

#include "config/config.h"
#include "proxy/base/map.h"

enum { CONFIG_MAX_FILE = 16 << 20, CONFIG_MAX_ENTRIES = 100000, CONFIG_MAX_TOKEN = 8192, CONFIG_MAX_KEYS = 64 };

/* A counted block of secret bytes, wiped before it is freed. */
struct config_secret {
    struct config_secret *next;
    size_t size;
    char bytes[];
};

struct config_store;

struct loader {
    struct config_store *store;
    struct config *config; /* the store's public part */
    struct arena *arena;   /* the store's */
    struct err *err;
    const char *folder; /* relative paths start here; "" is the working directory */
    bool read_files;
    struct str file; /* where we are, for messages; line 0: the file as a whole */
    int line;
    int section;
    bool key_seen[CONFIG_MAX_KEYS];
};

/* config.c: what stands behind a struct config, which is its first member. */
struct config_store {
    struct config public;
    _Atomic unsigned references;
    struct arena *arena;
    struct config_secret *secrets;
    struct map databases, users; /* by name */
    struct config_database *database_rows;
    struct config_user *user_rows;
    size_t room_databases, room_users;
};

bool loader_fail(struct loader *l, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Copies; false when out of memory. */
bool loader_text(struct loader *l, struct str s, const char **ret);
bool loader_path(struct loader *l, struct str s, const char **ret); /* "" stays "", relative ones go under the folder */
bool loader_secret(struct loader *l, struct str s, struct str *ret);
/* A whole file as a secret block (NUL after the last byte, not counted). what: for the message, "auth_file"… */
bool loader_read(struct loader *l, const char *path, const char *what, size_t cap, struct str *ret);

/* ini.c: one file in lines: section headers and name = value, comments with ; or #. */
struct ini_handler {
    bool (*section)(struct loader *l, struct str name);
    bool (*pair)(struct loader *l, struct str name, struct str value);
};
bool ini_read(struct loader *l, struct str text, const struct ini_handler *handler);
/* A quoted text at the start of *in: quote doubled stands for itself; the rest is left in *in. False when not closed. Gives a
 * secret block because passwords come this way. */
bool ini_quoted(struct loader *l, char quote, struct str *in, struct str *ret);
/* The next name=value of a connection string; value may be in '…'. *ret_name is empty at the end. */
bool ini_option(struct loader *l, struct str *in, struct str *ret_name, struct str *ret_value);

/* keys.c */
bool keys_defaults(struct loader *l);
bool keys_set(struct loader *l, struct str name, struct str value);

/* database.c, users.c: one line of their sections. */
bool database_add(struct loader *l, struct str name, struct str value);
bool user_add(struct loader *l, struct str name, struct str value);
bool users_read_file(struct loader *l, const char *path);

/* The list, moved when it was full, with room for one element more; NULL with the error set when there is none. */
void *loader_grow(struct loader *l, void *list, size_t n, size_t *room, size_t size);

#endif
