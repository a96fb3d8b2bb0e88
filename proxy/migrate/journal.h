/*
 * journal.h - what a database knows of its migrations, and how that compares with the folder.
 *
 * Two tables: wrangler's own ("d1_migrations" unless the project names another: id, name, applied_at), which alone says what is applied,
 * so that wrangler and pgd1 may take turns; and _pgd1_migrations beside it, with what wrangler does not keep: SHA-256 of the text, chunks
 * done, duration, who, bookmark before, the error of the last try. drizzle's "__drizzle_migrations" is read too: it names a migration by
 * the SHA-256 of its text.
 *
 * Owns     nothing: texts live in the arena given.
 * Fails    53200. What a table holds that is no text counts as not there.
 * Not here sending statements.
 */
#ifndef PGD1_MIGRATE_JOURNAL_H
#define PGD1_MIGRATE_JOURNAL_H

#define MIGRATE_PUSH_PREFIX "push_"

#include "d1/d1.h"
#include "proxy/migrate/folder.h"

enum migrate_state {
    MIGRATE_PENDING,  /* a file, not applied */
    MIGRATE_APPLIED,  /* a file, applied with this text as far as is known */
    MIGRATE_MODIFIED, /* applied, or begun, with another text */
    MIGRATE_FAILED,   /* a file whose last try failed; chunks before may be done */
    MIGRATE_MISSING,  /* applied, and the file is gone */
    MIGRATE_PUSHED,   /* of MIGRATE PUSH: there is no file */
    MIGRATE_STATE_NR
};

struct migrate_entry {
    struct str name;
    enum migrate_state state;
    const struct migrate_file *file;   /* NULL: missing */
    struct str hash;                   /* of the text that was applied or begun; empty: not known */
    struct str applied_at, applied_by; /* empty: not known */
    struct str bookmark, error;        /* before it ran; of the last try */
    int64_t duration_ms;               /* -1: not known */
    int64_t chunks_done, chunks;       /* chunks: 0: not known */
};

struct migrate_journal {
    struct migrate_entry *entries; /* in the order of files, missing ones among them by number and name */
    size_t n;
};

enum migrate_table { MIGRATE_TABLE_WRANGLER, MIGRATE_TABLE_OWN, MIGRATE_TABLE_DRIZZLE, MIGRATE_TABLE_NR };
enum { MIGRATE_MAX_CELLS = 9 };

/* The name of a table in D1; wrangler's as the project calls it, "" for the usual one. */
struct str migrate_journal_table(enum migrate_table table, struct str wrangler_name);
/* The statement that reads a table which is there; {NULL,0}: no memory. */
struct str migrate_journal_read(enum migrate_table table, struct str wrangler_name, struct arena *arena);

/* Rows as the statements above give them. */
struct migrate_rows {
    struct value (*cells)[MIGRATE_MAX_CELLS];
    size_t n, room;
};
/* Copies a row into arena. */
bool migrate_rows_add(struct migrate_rows *rows, const struct value *cells, size_t n, struct arena *arena);

bool migrate_journal_merge(const struct migrate_folder *folder, const struct migrate_rows rows[MIGRATE_TABLE_NR],
                           struct arena *arena, struct migrate_journal *ret, struct err *err);
/* What tells whether a journal is still the one that was read (migrate_journal_unchanged()): how many rows wrangler's table has, the last of
 * its numbers, which are never given again, how many ours has, and their chunks. {NULL,0}: no memory. */
struct str migrate_journal_digest(const struct migrate_rows rows[MIGRATE_TABLE_NR], struct arena *arena);
const char *migrate_state_name(enum migrate_state state); /* "pending" */

#endif
