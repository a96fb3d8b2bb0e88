/*
 * advisory.h - advisory locks (PostgreSQL 13.3.5): who holds and who waits, for all sessions of the process.
 *
 * A waiting session is queued and gets mail (MAIL_LOOK) when nothing stands in its way any more; it then asks again. Rows that blocks
 * change are locks of the same table, so that a deadlock over both kinds is found.
 *
 * Owns     its locks. An owner is a session's presence: it releases everything before it ends.
 * Lives    as long as the process; locked, every thread may ask.
 * Limits   ADVISORY_LOCKS_MAX locks held or waited for. Other proxies in front of the same database know nothing of this table:
 *          lease.h.
 * Not here what a waiting session does meanwhile: session_call.h.
 */
#ifndef PGD1_PROXY_ADVISORY_H
#define PGD1_PROXY_ADVISORY_H

#include "proxy/cancel.h"

enum { ADVISORY_LOCKS_MAX = 100000 };

enum advisory_mode { ADVISORY_SHARE, ADVISORY_EXCLUSIVE };
/* No locks of the client's, so pg_locks does not show them: a row of a table (group_rows.c), whose turn it is to look for rows that are
 * not locked (group_skip.c). */
enum { ADVISORY_ROW = 3, ADVISORY_SKIP = 4 };
enum advisory_scope { ADVISORY_OF_SESSION, ADVISORY_OF_TRANSACTION };

struct advisory_key {
    uint32_t high, low;
    uint32_t kind; /* pg_locks.objsubid: 1 one bigint, 2 two integers; ADVISORY_ROW, ADVISORY_SKIP */
};

struct advisory_lock;
struct waiting;
struct advisory_table {
    pthread_mutex_t lock;
    struct map by_key; /* of a database */
    struct advisory_lock *locks;
    struct waiting *waiting; /* all of them */
    uint64_t searches;       /* for deadlocks */
    _Atomic uint64_t taken;  /* how many were granted so far */
};

enum advisory_outcome {
    ADVISORY_GRANTED,
    ADVISORY_BUSY, /* somebody else has it; with `wait` the owner is queued now */
    ADVISORY_DEADLOCK,
    ADVISORY_FULL, /* no memory, or too many */
};

void advisory_init(struct advisory_table *t);
void advisory_fini(struct advisory_table *t);
/* Asks once; an owner waits for one lock at a time. *ret_blocker: on ADVISORY_DEADLOCK a process that stands in the way. */
enum advisory_outcome advisory_take(struct advisory_table *t, const struct presence *owner, struct advisory_key key,
                                    enum advisory_mode mode, enum advisory_scope scope, bool wait,
                                    uint32_t *ret_blocker);
/* The same; words: what the lock is of, for advisory_each(), kept by who takes it first. */
enum advisory_outcome advisory_take_named(struct advisory_table *t, const struct presence *owner,
                                          struct advisory_key key, struct str words, enum advisory_mode mode,
                                          enum advisory_scope scope, bool wait, uint32_t *ret_blocker);
/* Gives back one that was taken for the session; false: it has none of that mode. */
bool advisory_release(struct advisory_table *t, const struct presence *owner, struct advisory_key key,
                      enum advisory_mode mode);
/* Gives back one that was just taken, in either scope. */
void advisory_give_back(struct advisory_table *t, const struct presence *owner, struct advisory_key key,
                        enum advisory_mode mode, enum advisory_scope scope);
bool advisory_holds(struct advisory_table *t, const struct presence *owner, struct advisory_key key,
                    enum advisory_mode mode);
void advisory_release_all(struct advisory_table *t, const struct presence *owner, enum advisory_scope scope);
/* What is granted from now on has a later mark. */
uint64_t advisory_mark(const struct advisory_table *t);
/* Gives back what the owner first took behind the mark: how many rows of tables were among it. */
size_t advisory_release_since(struct advisory_table *t, const struct presence *owner, enum advisory_scope scope,
                              uint64_t mark);
/* Leaves the queue it stands in; no effect when it stands in none. */
void advisory_stop_waiting(struct advisory_table *t, const struct presence *owner);

struct advisory_entry {
    struct advisory_key key;
    struct str database, words;
    uint32_t pid;
    enum advisory_mode mode;
    bool granted;
};
/* Calls `each` for every holder and waiter, locked: it must not call back. False stops, and is the answer. */
bool advisory_each(struct advisory_table *t, bool (*each)(void *ctx, const struct advisory_entry *e), void *ctx);

#endif
