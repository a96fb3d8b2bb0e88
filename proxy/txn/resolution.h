/*
 * resolution.h - the COMMIT of a block whose answer may be lost: exactly once, and never a guess.
 *
 * Its batch inserts a random id into _pgd1_txn. An answer that is lost leaves it in doubt: the same batch is sent again.
 *
 *   SENT -- answer --> done: COMMIT, or the error
 *     | lost
 *     v
 *   DOUBT -- success --> it ran now: COMMIT          -- the id is there --> it had run: COMMIT
 *     |   -- lost, not reached --> DOUBT again, after a wait
 *     |   -- another error --> FENCE: the id is inserted in its place, for the lost batch may still arrive
 *     |
 *   FENCE -- inserted --> nothing of it can happen any more: the error   -- the id is there --> it had run: COMMIT
 *
 * commit_resolution_timeout after the first loss the client is told that it is not known: 08007, with the id.
 * A transport in process loses no answers and needs none of this.
 *
 * Owns     nothing; lives in its group.
 * Not here sending: group_commit.c.
 */
#ifndef PGD1_PROXY_TXN_RESOLUTION_H
#define PGD1_PROXY_TXN_RESOLUTION_H

#include "d1/d1.h"
#include "proxy/base/err.h"
#include "proxy/timers.h"

enum resolution_state { RESOLUTION_NONE, RESOLUTION_SENT, RESOLUTION_DOUBT, RESOLUTION_FENCE, RESOLUTION_STATE_NR };

struct resolution {
    enum resolution_state state;
    struct value id; /* text */
    char digits[33];
    unsigned attempts;
    uint64_t until_us;
    struct timer timer; /* between attempts */
    bool is_waiting, fenced;
    struct err *failure; /* what is said when the fence holds */
};

/* What is to be done about an answer. */
enum resolution_step {
    RESOLUTION_ANSWER,    /* it is what it says */
    RESOLUTION_COMMITTED, /* the batch had run before: its results are not known */
    RESOLUTION_AGAIN,     /* wait *ret_wait_us, then send it (or the fence) once more */
    RESOLUTION_BEGIN_FENCE,
    RESOLUTION_FAILED, /* nothing of it happened: resolution.failure */
    RESOLUTION_UNKNOWN,
};

enum { RESOLUTION_MEMBERS = 2 };

/* Before the first sending. False: no randomness. */
bool resolution_begin(struct resolution *r);
/* The members that stand at the head of the batch: RESOLUTION_MEMBERS. */
void resolution_members(const struct resolution *r, struct d1_statement *to);
struct d1_statement resolution_fence(const struct resolution *r);
/* Asked once for each COMMIT that is sent: every 256th of a worker takes away ids of yesterday, as its last member. */
bool resolution_purges(void);
struct d1_statement resolution_purge(void);
enum resolution_step resolution_next(struct resolution *r, const struct d1_error *e, uint64_t now_us,
                                     uint64_t timeout_us, uint64_t *ret_wait_us);
bool resolution_unknown(const struct resolution *r, struct err *err); /* 08007; answers false */
const char *resolution_state_name(enum resolution_state state);
bool resolution_may_move(enum resolution_state from, enum resolution_state to);

#endif
