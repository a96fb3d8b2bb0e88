/*
 * history.h - whole copies of a database file in the folder "<path>-snapshots" beside it, by which it is taken back in time.
 *
 * A copy's file is named by its bookmark, of D1's form: seconds and microseconds of its time, zeros, random digits. So names sort by
 * time, and a new one is always the newest, also where the clock was set back. A copy is made under another name, synced,
 * then renamed: what has a bookmark's name is whole. The live file is overwritten in one transaction of SQLite's: whoever dies half-way leaves
 * the old state.
 *
 * Threads  the writer's only. Processes that share the file take turns by a lock on the folder.
 * Fails    failure set: D1_ERROR_SQL with what the system or SQLite says, D1_ERROR_OVERLOADED (another process has the file or the folder),
 *          or why the connection's brake stopped it. Then the live file is as before. D1_ERROR_LOST: an I/O error when it was
 *          overwritten, as at any COMMIT.
 * Limits   embedded_options.snapshots copies are kept, the newest ones; each is as large as the file. 0: none are made.
 */
#ifndef PGD1_D1_EMBEDDED_HISTORY_H
#define PGD1_D1_EMBEDDED_HISTORY_H

#include "d1/embedded/connection.h"

enum { EMB_BOOKMARK_CHARS = 59 };
#define EMB_SNAPSHOTS_ENDING "-snapshots"

struct emb_bookmark {
    char text[EMB_BOOKMARK_CHARS + 1]; /* NUL-terminated; empty: none */
};

/* Copies the database as it is now. The connection is the writer's, between two transactions. */
bool emb_history_take(struct emb_connection *c, const struct embedded_options *o, struct emb_bookmark *ret,
                      struct emb_failure *f);
/* The newest copy at or before a time of the wall clock. */
bool emb_history_find(const struct embedded_options *o, int64_t at_us, struct emb_bookmark *ret, struct emb_failure *f);
bool emb_history_has(const struct embedded_options *o, const struct emb_bookmark *b, struct emb_failure *f);
/* Makes the database what the copy has. */
bool emb_history_restore(struct emb_connection *c, const struct embedded_options *o, const struct emb_bookmark *from,
                         struct emb_failure *f);
/* Removes what is more than the newest ones, and what a process that died left half made. */
void emb_history_trim(const struct embedded_options *o);

#endif
