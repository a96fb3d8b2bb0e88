/*
 * folder.h - the folder of migration files: what stands in it, in the order in which it is applied, and new files.
 *
 * Names and order are wrangler's (workers-sdk, packages/wrangler/src/d1/migrations): every file that ends in ".sql", by the number
 * before the first "_", then by name. A new file gets the highest number plus one, of four digits at least, and blanks become "_".
 *
 * Owns     nothing: texts live in the arena given.
 * A file is read where it stands: a symbolic link is refused (the folder itself may be one).
 *
 * Fails    58P01 (no such folder), 58030 (cannot be read or written), 22021 (a name or text is not UTF-8), 54000 (limits),
 *          42602 (a name that is no plain file name), 42710 (two files of one number, or of one text), 58P02 (the file is there).
 * Limits   MIGRATE_MAX_FILES files, MIGRATE_MAX_FILE bytes each, MIGRATE_MAX_FOLDER bytes together.
 * Not here what the text says: file.h. What the database knows: journal.h.
 */
#ifndef PGD1_MIGRATE_FOLDER_H
#define PGD1_MIGRATE_FOLDER_H

#include "proxy/base/err.h"

enum {
    MIGRATE_MAX_FILES = 10000,
    MIGRATE_MAX_FILE = 16 << 20,
    MIGRATE_MAX_FOLDER = 256 << 20,
    MIGRATE_HASH_CHARS = 64
};

struct migrate_file {
    struct str name; /* "0001_users.sql" */
    int64_t number;  /* 1; -1: the name has none */
    struct str text;
    struct str hash; /* SHA-256 of the text, in hex */
};

struct migrate_folder {
    const char *path;
    struct migrate_file *files;
    size_t n;
};

/* The number a name begins with, as JavaScript's parseInt() has it; -1: it has none. */
int64_t migrate_folder_number(struct str name);
/* Reads all of it. */
bool migrate_folder_read(const char *path, struct arena *arena, struct migrate_folder *ret, struct err *err);
/* The order is clear and nothing is there twice; asked before anything runs. */
bool migrate_folder_check(const struct migrate_folder *folder, struct err *err);
/* The file of a name as people write it: with or without ".sql", or its number. 42704: none; 42725: several. */
bool migrate_folder_find(const struct migrate_folder *folder, struct str name, size_t *ret, struct err *err);
/* Writes a file with the next number; whole or not at all, and never over another. name: without number and ".sql". The folder is made
 * when only its last part is missing. now_us: for the comment wrangler writes above, when the text is empty. */
bool migrate_folder_create(const char *path, struct str name, struct str text, int64_t now_us, struct arena *arena,
                           struct migrate_file *ret, struct err *err);
/* A file beside the migrations, as schema.sql: a plain name in the folder above the migrations folder. */
bool migrate_folder_hash(struct str text, struct arena *arena, struct str *ret); /* SHA-256 in hex; false: no memory */
bool migrate_folder_read_beside(const char *path, struct str name, struct arena *arena, struct str *ret,
                                struct err *err);

#endif
