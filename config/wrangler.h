/*
 * wrangler.h - the D1 databases that a project's wrangler.json, wrangler.jsonc or wrangler.toml declares.
 *
 * Owns     nothing: texts live in the arena given. The file is read as wrangler reads it: an environment has its own
 *          d1_databases and inherits account_id.
 * Fails    F0000 with file, and line where the format tells one.
 * Not here which transport leads there, tokens: database.c.
 */
#ifndef PGD1_CONFIG_WRANGLER_H
#define PGD1_CONFIG_WRANGLER_H

#include "config/loader.h"

struct wrangler_database {
    const char *binding, *name, *id; /* "" when the file does not say */
    const char *migrations_dir, *migrations_table;
};

struct wrangler {
    const char *path; /* of the file that was read */
    const char *account;
    const struct wrangler_database *databases;
    size_t n_databases;
};

/* path: the file, or the folder it stands in; env: a name in its "env" section, "" for the top level. */
bool wrangler_read(struct loader *l, const char *path, struct str env, struct wrangler *ret);
/* The same from the file's bytes. */
bool wrangler_parse(struct loader *l, const char *path, struct str text, struct str env, struct wrangler *ret);
/* JSONC to JSON in place: comments and trailing commas become blanks, so that lines and offsets stay. */
void wrangler_strip(char *text, size_t n);

#endif
