/*
 * lease.h - advisory locks that several pgd1s agree on (advisory_locks = shared): a row of D1's table _pgd1_advisory for each lock that
 * a session holds or waits for.
 *
 *            granted               released here               D1 has answered
 *   ASKED ------------> HELD ---------------------> (row deleted) -----------> gone
 *    ^  |                 |
 *    |  | others before   +-- could not be renewed before its time was up: the session ends (08006)
 *    |  v
 *   BEHIND; UNHEARD when the question was lost: asked again after a wait
 *   ASKED ---- D1 refuses, or stays away for d1_timeout ----> FAILED
 *
 * First the table of this process decides (advisory.h), then D1 does; a row holds for advisory_lease after it was written or renewed,
 * by D1's clock, so what a dead pgd1 held ends by itself. Who waits has a row too: those before it come first, in whichever pgd1.
 * Each request may be repeated: a row has a name of its own.
 *
 * Owns     its leases and their requests.
 * Lives    struct leases: as long as its database; a lease: from the question to the release.
 * Fails    lease_ask() and lease_drop_unheld() answer NULL without memory. Failures of D1 are in the lease (lease_state, lease_fail).
 * Limits   a circle of waits that goes over several pgd1s is not found: lock_timeout ends it. A lock that ends with its transaction or
 *          its session leaves D1 right behind that, not before the client hears of it.
 * Not here modes, counts, queues within the process: advisory.h. Waiting: session_call.h.
 */
#ifndef PGD1_PROXY_LEASE_H
#define PGD1_PROXY_LEASE_H

#include "proxy/advisory.h"
#include "proxy/base/err.h"
#include "proxy/timers.h"

struct database;
struct session;
struct lease;
struct lease_drop;

enum lease_state { LEASE_ASKED, LEASE_BEHIND, LEASE_UNHEARD, LEASE_HELD, LEASE_FAILED };

struct leases {
    struct lease *list;
    struct lease_drop *drops;
    struct lease_renewal *renewal; /* at D1 now */
    struct timer timer;            /* the next renewal, or the end of a lease */
    uint64_t renew_us;             /* when; 0: nothing is held */
    uint64_t made;                 /* leases so far */
    bool is_closing;               /* nothing more is sent */
    char node[17]; /* tells the rows of this database on this worker from all others; empty: not drawn yet */
};

/* Before the database's transport is closed. */
void leases_close(struct database *db);
/* Behind that: frees what is left. */
void leases_fini(struct leases *ls);

/* Whether the session's locks are rows of D1. */
bool lease_is_wanted(const struct session *s);
/* The lease that the session has got for this lock; NULL: none. */
struct lease *lease_find(const struct session *s, struct advisory_key key, enum advisory_mode mode);
/* Asks D1; the session is woken when it has answered (session_call_look). waits: its row stays when others are before it. */
struct lease *lease_ask(struct session *s, struct advisory_key key, enum advisory_mode mode, bool waits);
enum lease_state lease_state(const struct lease *l);
struct advisory_key lease_key(const struct lease *l);
enum advisory_mode lease_mode(const struct lease *l);
/* BEHIND and UNHEARD: when to ask again, and asking again. */
uint64_t lease_next_us(const struct lease *l);
void lease_ask_again(struct lease *l);
/* FAILED: sets the error, with texts of its own. */
void lease_fail(const struct lease *l, struct err *err);
/* Its row goes; the lease is not to be used any more. */
void lease_give_up(struct lease *l);

/* Deletes the rows of locks that the session does not hold any more. Answers what is under way, to be waited for with
 * lease_drop_is_done(); NULL: nothing. */
struct lease_drop *lease_drop_unheld(struct session *s);
/* True: it is done, and must not be asked about again. False: the session will be woken. */
bool lease_drop_is_done(struct lease_drop *d);
/* Nobody waits for it any more. */
void lease_drop_forget(struct lease_drop *d);

#endif
