/*
 * resolution.h - a batch of writes whose answer may be lost: exactly once, and never a guess.
 *
 * The batch inserts a random id into _pgd1_txn, and notes in the id's row what the client is told: counts, and rows of RETURNING
 * (recovery.h), a line for each. An answer that is lost leaves it in doubt: the same batch is sent again.
 *
 *   SENT -- answer --> done: it is what it says         -- the id is there (something between doubled the request) --> as in DOUBT
 *     | lost
 *     v
 *   DOUBT -- success --> it ran now                     -- the id is there --> it had run; its notes are asked for by FENCE
 *     |   -- lost, not reached --> DOUBT again, after a wait
 *     |   -- another error --> FENCE: the id is inserted in its place, for the lost batch may still arrive
 *     |
 *   FENCE -- inserted --> nothing of it can happen any more: the error   -- the id is there --> it had run, with these notes
 *
 * commit_resolution_timeout after the first loss the client is told that it is not known: 08007, with the id.
 * A transport in process loses no answers and needs none of this.
 *
 * An id begins with the time, so that old ones are found without an index; they are deleted by D1's own clock (column `at`).
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
    bool is_waiting;
    bool wants_notes;        /* when it had run, the client is told what its row knows */
    bool fenced;             /* what the fence answered: nothing of it will ever happen */
    struct str notes;        /* or what the row knows, lines; in the group's arena */
    struct d1_error failure; /* what is said when the fence holds */
};

/* What is to be done about an answer. */
enum resolution_step {
    RESOLUTION_ANSWER,    /* it is what it says */
    RESOLUTION_COMMITTED, /* the batch had run before: of its results, only the notes are known */
    RESOLUTION_AGAIN,     /* wait *ret_wait_us, then send it (or the fence) once more */
    RESOLUTION_BEGIN_FENCE,
    RESOLUTION_FAILED, /* nothing of it happened, nor will: resolution.failure */
    RESOLUTION_UNKNOWN,
};

enum { RESOLUTION_MEMBERS = 2, RESOLUTION_FENCE_MEMBERS = 3, RESOLUTION_REFENCE_MEMBERS = 2 };

/* Before the first sending; wall_us: the time now. False: no randomness. */
bool resolution_begin(struct resolution *r, int64_t wall_us);
/* The members that stand at the head of the batch: RESOLUTION_MEMBERS. */
void resolution_members(const struct resolution *r, struct d1_statement *to);
/* The id as a parameter, whose digits resolution_begin() draws. */
struct value resolution_id(const struct resolution *r);
/* Stands right behind a statement: notes its count. */
struct d1_statement resolution_note_count(const struct resolution *r);
/* The next line of notes; false: there is none. */
bool resolution_line(struct str *rest, struct str *ret);
/* The next line, which must be a count. */
bool resolution_count(struct str *rest, int64_t *ret);
/* RESOLUTION_FENCE_MEMBERS; a row of the second: the fence holds; of the third: what the id's row knows, a text. */
void resolution_fence(const struct resolution *r, struct d1_statement *to);
/* Asked once for each batch with an id: every 256th of a worker takes old ids away, as its last member. */
bool resolution_purges(void);
/* age_us: how long ids are kept; params live in arena. False: no memory. */
bool resolution_purge(int64_t wall_us, uint64_t age_us, struct arena *arena, struct d1_statement *ret);
/* Where a database is taken back in time, its newest ids before: one row, a text; … */
struct str resolution_recent(void);
/* … and in the database of then: those that are not in it become fences, for nothing of their writes is there. */
void resolution_refence(const struct value *recent, struct d1_statement *to);
enum resolution_step resolution_next(struct resolution *r, const struct d1_error *e, uint64_t now_us,
                                     uint64_t timeout_us, uint64_t *ret_wait_us);
bool resolution_unknown(const struct resolution *r, struct err *err); /* 08007; answers false */
const char *resolution_state_name(enum resolution_state state);
bool resolution_may_move(enum resolution_state from, enum resolution_state to);

#endif
