/*
 * group.h - everything that is one transaction's work until the client waits for an answer: steps in order, sent as one D1 batch.
 *
 * A simple-query string, or the messages up to Sync or Flush, is a group. What needs no D1 is answered at once; if steps wait
 * before it, its bytes are queued behind them. Steps collect until group_run(): at Sync, Flush, the end of the string, COMMIT,
 * or when an answer is needed to go on. Then one batch carries them all, and the answers go out in order.
 *
 *   group_run -> take the steps up to an error -> one batch -> done: answer each, in order -> error? -> the rest -> goal
 *
 * Rows of a lone read go to the client as they come, with back-pressure. With several steps, or with writes, they are held until
 * the batch has succeeded: nothing is shown that did not happen.
 * An error that the proxy itself finds behind unsent writes (1/0 in a pipeline): the writes must be answered and undone. They are
 * sent with a last member that fails on purpose, so D1 takes them back; where the transport does not give their results then, that
 * member carries them out. A batch that fails without telling its member is looked into in the same way (group_prefix.c).
 *
 * In a block (BEGIN … COMMIT) that waits for answers, a write is tried out: one batch of what the block has done so far
 * (txn/buffer.h), the step, and a member that fails on purpose (txn/speculation.h). D1 takes it all back, the client gets its
 * answer, the step joins the buffer. The same goes for reads of what was written, and for reads that must still hold at COMMIT:
 * FOR UPDATE and all at REPEATABLE READ and above. COMMIT sends the buffer for good, with what still waits behind it.
 *
 * Owns     its arena with everything in it, the queued bytes, the request at D1.
 * Lives    from the first message of a cycle to ReadyForQuery; while D1 holds the request, beyond the session if need be.
 * Fails    into the session: session_fail().
 * Not here what a statement means: execute.h. The rules of blocks: txn/transaction.h.
 */
#ifndef PGD1_PROXY_GROUP_H
#define PGD1_PROXY_GROUP_H

#include "d1/d1.h"
#include "proxy/advisory.h"
#include "proxy/execute.h"
#include "proxy/session.h"
#include "proxy/session_call.h"
#include "proxy/statistics.h"
#include "proxy/txn/resolution.h"
#include "proxy/txn/speculation.h"

/* What happens when every step so far is answered. */
enum goal {
    GOAL_GO_ON, /* the session wakes: the message or the string goes on */
    GOAL_SYNC,  /* end of the cycle: the implicit transaction commits, ReadyForQuery */
};

/* What becomes of the transaction when every step so far is answered. */
enum group_end {
    END_IMPLICIT, /* an implicit transaction: its writes are committed with the batch */
    END_COMMIT,   /* COMMIT of a block */
    END_ROLLBACK, /* ROLLBACK of a block: waiting writes must be answered and undone */
};

/* The member of a batch with an identity that notes what a step's last statement gave (txn/resolution.h). */
struct step_note {
    enum { NOTE_NOTHING, NOTE_COUNT, NOTE_ROWS } what;
    bool is_ahead; /* before the step's statements; else behind them */
    struct d1_statement member;
};

struct step {
    struct step *next;
    struct execution x; /* x.plan and x.portal are referenced */
    struct str error;   /* an ErrorResponse in this place; no plan */
    struct d1_statement *statements;
    size_t n_statements, first; /* first: index of the first one in the batch */
    uint32_t seq, position;     /* in the group, in the session */
    size_t queued_at;           /* bytes in group.queued before it are answered before it */
    /* the answer under way */
    struct emitter emitter;
    struct buf held; /* encoded rows until the batch has succeeded */
    struct local_rows **inputs;
    struct step *
        asks_for; /* the step behind it, for which alone it reads: nothing of it is answered; NULL: it is the client's */
    struct value *texts; /* what its lookup read (sql/lookup.h); NULL: not read yet */
    struct lookup_reader
        *reader;          /* what reads its lookup before it, in an open block (group_lookup.c); NULL: nothing */
    unsigned lookups;     /* so often */
    unsigned round_trips; /* of requests that it was part of */
    bool drawn_again;     /* the first ids were taken */
    int64_t *ids;         /* for each statement the first id that was drawn for its rows, 0: none; NULL: none at all */
    struct bulk *bulk;    /* rows of COPY FROM; the statements point into it */
    struct err *failed;   /* while its rows were taken */
    bool is_write, is_ddl, forced_local;
    bool names_row, wants_row; /* it names a row by a key, which is not locked yet (group_rows.c): … */
    struct advisory_key row;   /* … this one … */
    struct value *row_values;  /* … and what the key's columns equal */
    struct row_keys *keys;     /* of the row that it inserts in an open block; NULL: not known */
    struct skip_claim
        *claim; /* it leaves out rows that others have locked, or asks for those it may have (group_skip.c) */
    struct step_note note; /* in this batch */
    bool untagged;         /* it failed to be committed: its rows are given, CommandComplete is not */
};

/*
 * The first steps of a batch that cannot stay, tried out for their answers (group_prefix.c).
 *
 *   steps of the batch:  1 … good | good + 1 … bad | … steps
 *   the good ones work, the first `bad` together do not; good + 1 == bad: that one is it
 *
 * bad == steps + 1: all of them work, but the batch must not stay, or a check at its end failed.
 */
struct prefix {
    bool on, keeps; /* keeps: of an open block: the good ones join its buffer */
    size_t steps, good, bad;
    size_t tried;            /* the batch under way has so many */
    struct speculation gave; /* what the good ones gave */
    struct d1_error error;   /* of the first `bad`; D1_OK: the proxy itself takes them back */
};

/* Waiting for a row that another transaction has (group_rows.c). */
struct row_wait {
    bool waits;        /* the session is BUSY for it */
    uint64_t since_us; /* 0: it stands in no queue */
};

/* A plan that dies with the group. */
struct kept_plan {
    struct kept_plan *next;
    struct plan *plan;
};

struct group {
    struct session *session; /* NULL: gone; the group ends when D1 lets go */
    struct database *database;
    struct worker *worker;
    struct arena *arena;
    int64_t made_us; /* on the wall clock: statement_timestamp() of what it holds */
    bool has_begun;  /* its first statement has been told of (activity.h) */
    struct step *head, *tail;
    uint32_t n_steps;       /* waiting */
    uint32_t seq;           /* steps ever added */
    size_t n_writes, n_ddl; /* among those waiting */
    struct buf queued;
    enum goal goal;
    enum group_end end;
    bool is_running; /* group_run() is on */
    /* at D1 */
    struct d1_request request;
    bool in_flight, streams, undoes; /* undoes: the last member fails on purpose */
    bool speculates;                 /* steps of a block, tried out behind what the block has done */
    struct speculation speculation;
    struct prefix prefix;
    enum {
        REHEARSAL_NONE,
        REHEARSAL_ON,   /* the batch is tried out before it is sent to stay (group_rehearsal.c) */
        REHEARSAL_DONE, /* it was */
    } rehearsal;
    bool rehearsal_asked; /* what it finishes here would act on the session */
    struct row_wait row_wait;
    struct advisory_key skip_turn; /* it is our turn to look for rows that are not locked … */
    bool has_skip_turn;            /* … until this group ends, or has them */
    bool shares_skip_turn;
    size_t n_before;               /* members before the first step's: the batch's identity, the block's buffer */
    struct d1_statement *buffered; /* of these, what the block has done … */
    size_t n_buffered;
    bool no_memory;             /* … for which there was none */
    struct d1_statement *ahead; /* … and what makes tables go on behind ids that other blocks were shown */
    size_t n_ahead;
    size_t identity;              /* of these, so many are the identity's */
    struct resolution resolution; /* of a batch with an identity */
    bool answerable;              /* when only its notes are known, all of the batch can be answered */
    struct buffer left;           /* the buffer of a session that is gone, while D1 holds the request */
    struct step *batch_end;       /* first step that is not in the batch */
    struct step *at_row;          /* the step whose rows are coming */
    struct step *looking;         /* the step whose lookup D1 holds; NULL: it holds the batch */
    struct held *range;           /* of this table ids are to be drawn before the batch; NULL: of none … */
    size_t range_ids;             /* … so many */
    bool has_range;               /* they came */
    size_t batch_steps;
    bool batch_writes;
    uint64_t began_us; /* the first request for the step at the head; 0: none yet */
    bool d1_timeout;   /* the request's deadline is d1_timeout's, not statement_timeout's */
    unsigned tries;
    bool refreshed, one_by_one, paused;
    bool asks_keys; /* the batch failed for a deferred key: it is sent again to hear which (group_deferred.c) */
    struct err *first_error;          /* why the schema is being read again */
    struct key_question *keys;        /* which keys a row violates (group_keys.c); NULL: nothing is asked */
    struct refused_question *refused; /* which row a constraint refused (group_refused.c); NULL: nothing is asked */
    struct broken_key_question
        *broken_key; /* which foreign key a step broke (group_broken_key.c); NULL: nothing is asked */
    void (*wake_before)(struct session *s);
    struct snapshot_reader *schema_reader; /* the schema read back behind DDL */
    bool wants_schema;                     /* it is read back behind this batch, with or without DDL */
    bool has_successor; /* another batch of the same run follows: what DDL leaves is known without being read back, … */
    struct snapshot
        *carried; /* … as the shadow has it; a reference while D1 has the batch. It became the database's: */
    bool has_carried;
    size_t schema_first;
    size_t sequence_first, n_sequences; /* the members that read what sequences gave */
    uint64_t schema_seen;
    /* the transaction */
    bool wrote;            /* this implicit transaction has sent writes already (Flush): they are committed */
    bool began_block;      /* BEGIN came inside this group … */
    uint32_t began_seq;    /* … after this many steps */
    bool is_multi;         /* a string of several statements: an implicit block */
    struct call_log calls; /* of the statement that runs here */
    bool failed;           /* an error was answered: nothing more of this group runs */
    /* the simple query under way (protocol_simple.c) */
    struct str text;
    struct sql_list list;
    size_t at;
    bool is_simple;
    struct kept_plan *kept;
    struct statistics_notes statistics;
    struct gathering *gathering; /* rows for a temporary table have been asked for (execute_temporary.c) */
    struct migration *migration; /* the MIGRATE statement under way (migration.h) */
    struct migration *migrated;  /* the one whose rows the query under way reads */
};

struct group *group_new(struct session *s); /* NULL: no memory */
/* Ends the group, its bytes and references; when D1 still holds its request, as soon as that ends. */
void group_drop(struct group *g);

/* Adds a step for an execution; copies x, takes references. The statements are bound already. */
struct step *group_add(struct group *g, const struct execution *x, struct d1_statement *statements, size_t n,
                       struct err *err);
/* An error in its place behind the steps that wait. False: no memory for it, so the session has ended and the group is gone. */
bool group_add_error(struct group *g, const struct err *err);
enum run {
    RUN_ON,   /* nothing waits any more: go on */
    RUN_WAIT, /* the session is BUSY and wakes later */
    RUN_OVER, /* the cycle has ended, or an error was answered: the group may be gone */
};
/* Sends what waits and goes for the goal. */
enum run group_run(struct group *g, enum goal goal, enum group_end end);
/* The same for a statement that can only go on when all before it is answered: OUTCOME_DONE, or what its runner answers then. */
enum outcome group_answer(struct group *g, enum group_end end);
/* Takes the reference, also when it fails: the plan lives as long as the group. */
bool group_keep_plan(struct group *g, struct plan *plan, struct err *err);
/* The schema with the DDL of the transaction applied; NULL: there is none. */
const struct snapshot *group_schema(struct group *g);
/* A step that waits may fail when it is answered, behind what an open block has done before, or is computed from what the block wrote:
 * COMMIT cannot share its batch. */
bool group_answers_first(const struct group *g);
bool group_has_writes_after(const struct group *g, uint32_t seq);
void group_cancel(struct group *g);
void group_resume(struct group *g); /* after a pause */
/* Mail, a timer or a cancel request: the row that the session's group waits for may be free, or the wait is over. */
void group_rows_look(struct session *s);
/* The session waits for no row any more. */
void group_rows_stop(struct session *s);
static inline bool group_is_waiting(const struct group *g)
{
    return g->head != NULL;
}

#endif
