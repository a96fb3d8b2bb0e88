/*
 * journal_write.h - the statements that change the journal (journal.h) and the lease of who runs migrations.
 *
 * All parameters are texts, which the SQL casts: so they travel through JavaScript unchanged.
 *
 * Owns     nothing: texts live in the arena given, parameters where the caller keeps them.
 * Fails    {NULL,0} as sql: no memory.
 * Not here sending them: proxy/migration.c.
 */
#ifndef PGD1_MIGRATE_JOURNAL_WRITE_H
#define PGD1_MIGRATE_JOURNAL_WRITE_H

#include "proxy/migrate/journal.h"

enum { MIGRATE_LEASE_S = 120 };

enum migrate_create {
    MIGRATE_CREATE_WRANGLER,
    MIGRATE_CREATE_OWN,
    MIGRATE_CREATE_LEASE,
    MIGRATE_CREATE_NR,
    MIGRATE_CREATE_TRIES = MIGRATE_CREATE_NR
};

/* CREATE TABLE IF NOT EXISTS; *ret_name is the table's. */
struct str migrate_journal_create(enum migrate_create table, struct str wrangler_name, struct str *ret_name,
                                  struct arena *arena);
/* Takes the lease unless another holds it and it has not ended: ?1 holder, ?2 who. */
struct str migrate_lease_take(void);
/* Fails with 55006 unless ?1 holds it. */
struct str migrate_lease_check(void);
/* A chunk begins: ours for another MIGRATE_LEASE_S, ?1. */
struct str migrate_lease_extend(void);
struct str migrate_lease_release(void); /* ?1 */
/* From holder ?1 to ?2, for another MIGRATE_LEASE_S; a row when ?1 had it: D1's clock in seconds, a text. */
struct str migrate_lease_pass(void);
struct str migrate_lease_is_held(void); /* a row when ?1 holds it */
/* In a database that was taken back in time: leases that were there ?1 (seconds) or before, and so are over. */
struct str migrate_lease_forget(void);
/* A chunk is done: ?1 name, ?2 hash, ?3 chunks done, ?4 chunks, ?5 who, ?6 bookmark before. D1's clock tells how long it took. */
struct str migrate_journal_chunk(void);
/* All is done: ?1 name, into wrangler's table. */
struct str migrate_journal_applied(struct str wrangler_name, struct arena *arena);
/* It was taken back, or never was: ?1 name. From wrangler's table, and from ours. */
struct str migrate_journal_remove(struct str wrangler_name, struct arena *arena);
struct str migrate_journal_forget(void);
/* Applied without being run: ?1 name, ?2 hash, ?3 chunks, ?4 who. */
struct str migrate_journal_adopt(void);
/* Another text is accepted: ?1 name, ?2 hash. */
struct str migrate_journal_accept(void);
/* A migration of several chunks begins, and is to be taken back when it fails: ?1 name, ?2 hash. */
struct str migrate_tries_more(void);
struct str migrate_tries_read(void); /* ?1 name; one row, a text: how often that has begun and not been done */
struct str migrate_tries_less(void); /* it has not been taken back after all: ?1 name */
struct str migrate_tries_done(void); /* ?1 name */
/* It failed: ?1 name, ?2 hash, ?3 chunks, ?4 who, ?5 error. */
struct str migrate_journal_failed(void);
/* Fails with 55006 and this message unless the journal has this digest (migrate_journal_digest()): ?1. Both tables are there. */
#define MIGRATE_JOURNAL_CHANGED "migrations of this database have been run by others meanwhile"
struct str migrate_journal_unchanged(struct str wrangler_name, struct arena *arena);

#endif
