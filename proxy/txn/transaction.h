/*
 * transaction.h - the transaction block of a session: BEGIN … COMMIT, savepoints, modes, with PostgreSQL's rules and words.
 *
 *            BEGIN                 error
 *   IDLE ------------> OPEN ------------------> FAILED
 *     ^                 | ^                       | |
 *     |  COMMIT,        | +--- ROLLBACK TO -------+ |
 *     +-- ROLLBACK -----+                           |
 *     +---------------- COMMIT, ROLLBACK -----------+
 *
 * A multi-statement string and a pipeline up to Sync are an implicit transaction: IDLE here, and one batch (group.h).
 *
 * Owns     the savepoints, and the buffer of what the block has done (buffer.h). Settings are taken back through the gucs given.
 * Lives    one session.
 * Fails    25001, 25P01, 25P02, 3B001, 25006 with PostgreSQL's wording. Warnings are errors in form: the caller sends them as such.
 * Not here sending anything to D1: group_tryout.c tries the writes out and keeps them in the buffer; a block's COMMIT sends them.
 */
#ifndef PGD1_PROXY_TXN_TRANSACTION_H
#define PGD1_PROXY_TXN_TRANSACTION_H

#include "proxy/base/err.h"
#include "proxy/guc.h"
#include "proxy/sql/plan.h"
#include "proxy/txn/buffer.h"
#include "proxy/txn/key_modes.h"
#include "proxy/txn/overlay.h"
#include "proxy/txn/reservation.h"
#include "proxy/txn/temporary.h"

enum isolation { READ_UNCOMMITTED, READ_COMMITTED, REPEATABLE_READ, SERIALIZABLE };
enum transaction_state { TXN_IDLE, TXN_OPEN, TXN_FAILED, TXN_STATE_NR };

struct savepoint;

struct transaction {
    enum transaction_state state;
    unsigned char isolation; /* enum isolation */
    bool read_only, deferrable;
    bool has_unasked;             /* writes in the buffer that D1 has never been asked about */
    bool has_queried;             /* a statement has run: the isolation level is fixed */
    uint64_t restores;            /* how often the database had been taken back in time when its first statement ran */
    struct savepoint *savepoints; /* newest first */
    struct buffer buffer;         /* empty outside a block */
    struct overlay overlay;       /* the schema with the DDL of the transaction, implicit ones too */
    struct held *held;            /* ids it was shown */
    struct key_mode *key_modes;   /* SET CONSTRAINTS, newest first; of an implicit transaction too */
    struct temporary *temporary;  /* the session's temporary tables; NULL: it has made none */
    uint32_t position;            /* statements of the session so far; they order what is in the buffer */
};

void transaction_init(struct transaction *t);
void transaction_fini(struct transaction *t);
const char *transaction_state_name(enum transaction_state state);
bool transaction_may_move(enum transaction_state from, enum transaction_state to);
enum transaction_status transaction_status(const struct transaction *t); /* for ReadyForQuery */

/* BEGIN, START TRANSACTION. warning is set to 25001 when one is open already; then only the modes are applied. */
bool transaction_begin(struct transaction *t, const struct plan_transaction *modes, const struct guc_live *defaults,
                       struct err *warning, struct err *err);
/* Ends the block and its settings: SET LOCAL on commit, every SET on rollback. chain: a new one with the same modes begins. */
void transaction_end(struct transaction *t, bool commit, bool chain, struct gucs *gucs);
/* An error inside the block; outside it has no effect. */
void transaction_fail(struct transaction *t);
/* locks: what advisory_mark() says now. */
bool transaction_savepoint(struct transaction *t, struct str name, const struct gucs *gucs, uint64_t locks,
                           struct err *err);
bool transaction_release(struct transaction *t, struct str name, struct err *err);
/* How many savepoints are open. */
size_t transaction_savepoints(const struct transaction *t);
/* advisory_mark() of when the newest savepoint was set; 0: none is open. */
uint64_t transaction_locks(const struct transaction *t);
/* The session's temporary tables go. */
void transaction_discard_temporary(struct transaction *t);
/* Whatever waits in the group must be in the buffer before: what came behind the savepoint leaves it. */
bool transaction_rollback_to(struct transaction *t, struct str name, struct gucs *gucs, struct err *err);
/* SET TRANSACTION and BEGIN's modes. */
bool transaction_set_modes(struct transaction *t, const struct plan_transaction *modes, struct err *err);
/* 25P02 in a failed block, unless the statement ends it; 25006 for a write in a read-only one. */
bool transaction_allows(const struct transaction *t, const struct guc_live *defaults, const struct plan *plan,
                        struct err *err);
bool transaction_refuses_failed(const struct transaction *t,
                                struct err *err); /* sets 25P02 and answers true when failed */
bool isolation_find(struct str word, unsigned char *ret);

#endif
