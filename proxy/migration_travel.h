/*
 * migration_travel.h - a database found in time, or taken back to a bookmark, with all that must be right afterwards.
 *
 *   FIND                                                                      the bookmark of now, or of a time
 *   PREPARE -> RESTORE -> LOOK -> CLEAN                                       back to a bookmark
 *                 | answer lost
 *                 +-> DOUBT: is the lease's row still there? -> gone: it is done   -> there, and time is up: it is not known
 *
 * PREPARE gives the lease of migrations a new holder. No bookmark of before has that row, so as long as it is there, the database has not
 * been restored; a restore is never sent twice, for what others have written since would go. What comes back with the old state is seen to
 * in CLEAN: leases of runs that are over end, and ids of writes (txn/resolution.h) that are gone with the restore become fences: a copy of such a
 * write that arrives late finds its id taken, and a lost answer is told as not done.
 *
 * As soon as a restore has happened, or may have, sessions of this process get another schema, no id that was drawn ahead, and open blocks
 * end with 40001 (schema_restored()). Other pgd1s learn of the schema as of any change made elsewhere.
 *
 * Owns     its request and arena. The travel goes on to its end when nobody waits for it any more.
 * Fails    into the result: nothing has happened (error), or it is not known.
 * Not here which bookmark, who may, what is said: migration_restore.c.
 */
#ifndef PGD1_PROXY_MIGRATION_TRAVEL_H
#define PGD1_PROXY_MIGRATION_TRAVEL_H

#include "proxy/base/err.h"
#include "proxy/base/str.h"

struct database;
struct migration;
struct journey;

enum travel_end {
    TRAVEL_NONE, /* it is under way */
    TRAVEL_DONE,
    TRAVEL_FAILED, /* nothing has happened: error */
    TRAVEL_UNKNOWN,
};

struct travel_result {
    enum travel_end end;
    struct str bookmark, previous; /* previous empty: not told, but it is restored */
    struct err error;
    struct str left; /* what CLEAN could not do; empty: nothing */
    bool passed;     /* PREPARE has given the lease to m->holder */
};

/* Begins; `then` runs when it has ended, and m->travel tells how. False: no memory. */
bool migration_find(struct migration *m, int64_t at_us, void (*then)(struct migration *m));
/* failure: the migration under way (m->at) is noted as failed with it, in the restored database; NULL: none is. Its bookmark was taken
 * under the lease that the run still has. */
bool migration_go_back(struct migration *m, struct str bookmark, const struct err *failure,
                       void (*then)(struct migration *m));
/* The session goes, or the statement ends: nobody waits any more. */
void migration_travel_forget(struct migration *m);
/* Before the database's transport is closed, when no session is left; those at D1 end with it. */
void migration_travels_close(struct database *db);

#endif
