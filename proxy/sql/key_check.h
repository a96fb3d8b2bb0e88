/*
 * key_check.h - a batch member that fails where a foreign key does not hold: 23503 with PostgreSQL's words, constraint and values.
 *
 * SQLite checks a key when the statement ends, or all deferred ones when the batch does, and names none of them. This is the question
 * for one key, wherever the batch is.
 *
 * Owns     nothing; texts are in the arena given.
 * Fails    a text without a pointer: no memory.
 * Limits   reads all rows of the referring table.
 * Not here when it is asked: proxy/group_deferred.c, proxy/group_broken_key.c. What its words become: proxy/d1_error.h.
 */
#ifndef PGD1_SQL_KEY_CHECK_H
#define PGD1_SQL_KEY_CHECK_H

#include "proxy/base/arena.h"
#include "proxy/catalog/snapshot.h"

/* Whose change is to blame. */
enum key_side { KEY_OF_REFERRING, KEY_OF_REFERRED };

/* What the member raises begins so; behind it: the constraint's OID, a colon, the message. */
#define KEY_CHECK_AFTER_STATEMENT "!23503#"
#define KEY_CHECK_AT_END "!23503@"

/* head: one of the two. also: what a referring row, which is c, must be besides; empty: nothing. */
struct str key_check_sql(const struct snapshot *s, const struct relation *referring, const struct constraint *key,
                         enum key_side side, struct str also, const char *head, struct arena *arena);
/* RESTRICT does not wait: a trigger that raises the same when a row is deleted, or its key changed, that is referred to. No trigger of it may
 * stay: it belongs into a batch that is taken back. */
struct str key_restrict_sql(const struct snapshot *s, const struct relation *referring, const struct constraint *key,
                            bool deletes, struct arena *arena);
/* A table of a batch that is taken back, and a trigger that notes there the keys that UPDATEs take away from rows of a table that refers to
 * itself; `misses` is for `also` above: the row refers to one of these. */
struct key_note {
    struct str table, trigger, misses;
};
struct key_note key_note_changed(const struct relation *r, const struct constraint *key, struct arena *arena);
/* The table that the key refers to; NULL: it is not there. */
const struct relation *key_referred(const struct snapshot *s, const struct constraint *key);
/* Whether the column's cells read as PostgreSQL shows the values. */
bool column_shows_itself(const struct snapshot *s, const struct column *column);

#endif
