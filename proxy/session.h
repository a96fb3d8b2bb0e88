/*
 * session.h - one client's session: the protocol's state machine, without a socket.
 *
 *   STARTUP --> AUTH --> READY <---> BUSY <---> COPY_IN
 *      |                  ^  |        |
 *      +--- (trust) ------+  +-> SKIP <+        every state --> CLOSED
 *                            <--- Sync
 *
 *   READY    takes the next message
 *   BUSY     waits for D1 or a schema; messages stay where they are
 *   SKIP     an error in the extended protocol: messages are dropped until Sync (55.2.3)
 *   COPY_IN  takes the rows of COPY FROM STDIN
 *
 * Bytes come in by session_input(), go out through session.out; whoever owns the socket (conn.c) or plays one (tests) is told
 * by struct session_io.
 *
 * Owns     its settings, prepared statements, portals, transaction, and while something is under way its group (group.h).
 * Lives    from session_new() to session_abandon(); a request that D1 still holds keeps the memory until it ends.
 * Fails    errors go to the client by session_fail() alone; FATAL ones close.
 * Not here sockets and TLS (conn.h), what statements do (execute.h), what is sent to D1 when (group.h).
 */
#ifndef PGD1_PROXY_SESSION_H
#define PGD1_PROXY_SESSION_H

#include "pgwire/backend.h"
#include "pgwire/frame.h"
#include "proxy/base/map.h"
#include "proxy/cancel.h"
#include "proxy/guc.h"
#include "proxy/serving.h"
#include "proxy/sql/sequence_values.h"
#include "proxy/timers.h"
#include "proxy/txn/transaction.h"
#include "proxy/worker.h"

struct session;
struct group;
struct prepared;
struct portal;
struct login;
struct copy_from;
struct channel;
struct notification;

enum session_state {
    SESSION_STARTUP,
    SESSION_AUTH,
    SESSION_READY,
    SESSION_BUSY,
    SESSION_SKIP,
    SESSION_COPY_IN,
    SESSION_CLOSED,
    SESSION_STATE_NR
};

/* What a step of work answers. */
enum outcome {
    OUTCOME_DONE,
    OUTCOME_WAIT,    /* the session is BUSY; the same step is done again when it wakes */
    OUTCOME_FAILED,  /* the error is set */
    OUTCOME_COPY_IN, /* COPY FROM STDIN has begun: messages go to copy.h until it ends */
    OUTCOME_OVER,    /* the error has been answered already, the cycle may have ended: touch nothing more */
};

/* Who carries the bytes. Every call may come from inside session_input() or from the loop; none may free the session inside. */
struct session_io {
    void (*output)(void *ctx);    /* session.out has bytes that should go now */
    void (*input)(void *ctx);     /* the session takes messages again */
    void (*start_tls)(void *ctx); /* after what is in session.out, TLS begins */
    void (*close)(void *ctx);     /* what is in session.out is the last; then session_abandon() */
};

/* What the carrier knows about the other end; constant after the first message. */
struct session_peer {
    bool is_tls, tls_available, is_unix, is_loopback;
    char address[64]; /* "127.0.0.1:5432", "[local]" */
};

enum { SESSION_HIGH_MARK = 256 << 10, SESSION_LOW_MARK = 64 << 10 };

struct session {
    struct session *next, **prev; /* worker's list */
    struct session *wait_next;    /* database's waiting list */
    struct worker *worker;
    struct serving *serving;
    const struct session_io *io; /* NULL: abandoned */
    void *io_ctx;
    struct session_peer peer;
    struct presence presence;
    enum session_state state;
    uint32_t version; /* protocol */
    struct buf out;   /* bytes for the client … */
    size_t sent;      /* … of which the carrier has sent so many */
    char *user, *database_name;
    struct database *database;
    struct login *login; /* until READY */
    struct gucs gucs;
    struct transaction transaction;
    struct group *group;             /* NULL: nothing under way */
    void (*wake)(struct session *s); /* goes on after a wait, when it is not the message that is given again */
    struct map prepared, portals;
    struct prepared *unnamed;
    struct copy_from *copy;
    struct timer waiting;          /* in a function: session_call.h */
    struct lease *lease;           /* what the call under way asks D1 for … */
    struct lease_drop *lease_drop; /* … or gives back there */
    struct timer timer;            /* login, idle and idle in transaction */
    struct channel *channels;      /* LISTEN */
    struct notification *incoming; /* for this client, until it is between transactions */
    struct notification *outgoing; /* NOTIFY of this transaction, until it commits */
    unsigned n_incoming;
    struct sequence_values sequences;
    char *bookmark;
    uint64_t schema_since_us;            /* a schema read must have begun after this; 0: any will do */
    uint32_t reported[GUC_REPORTED_MAX]; /* hashes of what ParameterStatus said last */
    uint32_t reported_generation;
    uint32_t cycle;                     /* of messages up to ReadyForQuery */
    oid_t user_oid, database_oid;       /* 0: nobody has asked (activity.h) */
    uint32_t n_row_locks;               /* of the transaction (group_rows.c) */
    unsigned wait_failed : 1;           /* the schema could not be read: wait_error tells */
    unsigned cancelled : 1;             /* a cancel request came for what is under way */
    unsigned has_locks : 1;             /* advisory ones, perhaps … */
    unsigned has_transaction_locks : 1; /* … until the transaction ends */
    unsigned lease_scope : 1;           /* enum advisory_scope of `lease` */
    unsigned terminated : 1;            /* close as soon as possible: 57P01 */
    unsigned draining : 1;              /* close when idle */
    unsigned in_extended : 1;           /* after an error of the message under way, a Sync is still to come */
    unsigned is_counted : 1;            /* among app.n_clients */
    unsigned tls_next : 1;              /* TLS was promised: what comes before it is not believed */
    unsigned bookmark_changed : 1;
    unsigned has_whole_answer : 1; /* up to a ReadyForQuery that is not sent yet */
    unsigned told_batch : 1;       /* that counts and errors of a block's writes come at COMMIT */
    struct err *wait_error;        /* in the group's arena */
};

/* In the memory of the worker's thread; NULL: no memory. peer is copied. */
struct session *session_new(struct worker *w, const struct session_io *io, void *io_ctx,
                            const struct session_peer *peer);
/* Takes whole messages from the start of bytes; answers how many bytes were used. Call it again with the rest when more came,
 * or when io->input() says so. */
size_t session_input(struct session *s, struct str bytes);
/* More bytes than this are never needed to complete the message at the start of the rest; 0: not known yet. */
size_t session_wants(const struct session *s);
/* Whether the session takes messages now; otherwise the carrier may stop reading. */
bool session_takes_input(const struct session *s);
/* Whether what is in session.out is worth sending: nothing of the answer is still to come, or it is much. What a client asks
 * for in between (Flush, an error) is sent through io->output(). */
bool session_is_answered(const struct session *s);
/* The carrier is gone or done. The session may live on until D1 lets go of its request. */
void session_abandon(struct session *s);
/* session.out fell below SESSION_LOW_MARK: a paused result goes on. */
void session_drained(struct session *s);
/* The stream is TLS now. */
void session_tls_started(struct session *s);

/* ---- from the worker ---- */
void session_cancel(struct session *s);
void session_terminate(struct session *s); /* FATAL 57P01 */
void session_drain(struct session *s);     /* the same as soon as it is idle */
void session_notify(struct session *s, struct str channel, struct str payload, uint32_t pid);
/* The schema was read (err NULL) or could not be, or not within statement_timeout. */
void session_schema_read(struct session *s, const struct err *err);

/* ---- for the files that make up a session ---- */
const char *session_state_name(enum session_state state);
bool session_may_move(enum session_state from, enum session_state to);
void session_move(struct session *s, enum session_state to);
/* Where the next byte of an answer goes: session.out, or behind what still waits for D1. */
struct buf *session_out(struct session *s);
/* Whether all that was to be said is in session.out. Otherwise the stream is lost: the session closes without saying more. Whoever
 * carries the bytes asks before it takes any. */
bool session_output_is_whole(struct session *s);
/* Sends what is in session.out. */
void session_flush(struct session *s);
/* The end of a cycle (Sync, end of the string): the implicit transaction commits or, after an error, is undone; then ready. */
void session_end_cycle(struct session *s);
void session_hang_up(struct session *s); /* the end, without a word */
/* What an error does to the session once it has been written: transaction, portals, and SKIP or the end of the string. */
void session_after_error(struct session *s);
/* What an error or ROLLBACK TO takes from the block: portals and locks made since its newest savepoint; without one all of the block's. */
void session_lose(struct session *s);
/* The only way an error reaches the client: ErrorResponse in its place, the transaction fails, the extended protocol skips. */
void session_fail(struct session *s, const struct err *err);
/* FATAL: ErrorResponse and the end. */
void session_fatal(struct session *s, const struct err *err);
/* NoticeResponse, unless client_min_messages hides it. */
void session_notice(struct session *s, enum severity severity, const struct err *notice);
void session_notice_text(struct session *s, enum severity severity, enum sqlstate code, const char *text);
/* What is under way goes on waiting: BUSY. */
void session_wait(struct session *s);
/* The wait is for a schema, and statement_timeout ends it. */
void session_wait_schema(struct session *s);
/* The wait is over: goes on where it stopped. */
void session_wake(struct session *s);
/* Ends the cycle: changed settings, notifications, ReadyForQuery. */
void session_ready(struct session *s);
/* The group of what is under way, made when there is none; NULL: no memory. */
struct group *session_group(struct session *s);
/* Timers by state: idle, idle in transaction. */
void session_arm_timer(struct session *s);
void session_start_login(struct session *s);
enum outcome session_login_message(struct session *s, const struct frame *f, struct err *err);
void session_login_fini(struct session *s);

static inline int64_t session_wall_us(const struct session *s)
{
    return clock_wall_us(s->worker->clock);
}

#endif
