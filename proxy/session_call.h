/*
 * session_call.h - what functions like pg_sleep(), pg_advisory_lock(), pg_notify() and pg_cancel_backend() do, and how a statement
 * waits in one of them without holding up the loop.
 *
 * A call that has to wait stops the local run. The session is BUSY until a timer, mail or a cancel request wakes it; then the
 * statement runs again from its beginning, and calls that were answered before give the same answer without acting again.
 *
 * Owns     nothing; the answers are in the group's arena.
 * Lives    struct call_log: one statement of a group.
 * Fails    57014 (cancelled, statement_timeout), 55P03 (lock_timeout), 40P01, 53200; 0A000 where a statement cannot be run again.
 * Limits   a statement that waits makes at most CALLS_MAX calls before (54000).
 * Not here the lock table: advisory.h. NOTIFY: notify.h.
 */
#ifndef PGD1_PROXY_SESSION_CALL_H
#define PGD1_PROXY_SESSION_CALL_H

#include "proxy/base/value.h"
#include "proxy/sql/session_calls.h"

struct session;
struct arena;
struct err;

enum { CALLS_MAX = 20000 };

struct call_log {
    struct value *answers;
    size_t n, size;      /* calls answered */
    size_t at;           /* the next one of this run */
    uint64_t began_us;   /* when the statement first ran; monotonic, as the others */
    uint64_t waiting_us; /* since when the call at `n` waits; 0: it does not */
    uint64_t due_us;     /* what it waits for comes by itself then; 0: it does not */
    bool may_wait;       /* this run can be repeated */
    bool waits;          /* it was stopped and is to be repeated */
};

/* Before a local run; may_wait: the caller runs it again after a wait. False: a wait was cancelled. */
bool session_call_begin(struct session *s, bool may_wait, struct err *err);
/* local_run.session_call; ctx is the session. */
bool session_call(void *ctx, enum session_call call, const struct value *args, struct arena *arena, struct value *ret,
                  struct err *err);
/* Whether the run that just failed stopped to wait: the session is BUSY then and the statement is to be run again. */
bool session_call_waits(struct session *s);
/* Mail: what the session waits for may have come. */
void session_call_look(struct session *s);
/* What is under way ends, waiting or not. */
void session_call_stop(struct session *s);
/* Transaction-level advisory locks end with their transaction, all with the session or DISCARD ALL. */
void session_locks_end_transaction(struct session *s);
/* ROLLBACK TO, or an error behind a savepoint: those taken since it was set are given back (PostgreSQL 13.3.2); mark: transaction_locks(). */
void session_locks_rollback_to(struct session *s, uint64_t mark);
void session_locks_end(struct session *s);

#endif
