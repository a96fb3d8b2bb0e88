/*
 * d1.h - one interface to a D1 database: submit a batch, get rows, counts, bookmark or error; cancel.
 *
 * Transports: embedded (d1/embedded), the gateway Worker (d1/gateway), the REST API (d1/rest), and a scripted fake for
 * scenario tests (d1/fake). A batch is atomic: all of its statements or none (D1 Worker API, "batch()").
 *
 * Owns     a struct d1 is one database on one worker thread, made by a transport's own *_open function.
 *          A request is the caller's memory from d1_submit() until its done() ran.
 * Fails    through request->error, never by a return value: submit itself cannot fail.
 * Not here SQL meaning: texts are SQLite's dialect already. Mapping D1's messages to SQLSTATEs: proxy/d1_error.h.
 *          Retrying writes: the caller's decision, by identity.
 */
#ifndef PGD1_D1_D1_H
#define PGD1_D1_D1_H

#include "proxy/base/arena.h"
#include "proxy/base/value.h"

struct d1;
struct d1_request;

/* What a request does; D1 itself repeats only reads. TRYOUT writes, and its last statement fails, so that nothing of it stays: a
 * transport may repeat it, and give it up, like a read. */
enum d1_access { D1_READ, D1_WRITE, D1_TRYOUT };

/* What a request does with the whole database, in place of statements, where traits.time_travel. FIND tells the bookmark of
 * a time: of the newest state at or before at_us, or of now, which can be gone back to from then on. RESTORE makes the database
 * what it was at to_bookmark, or at at_us: all of it or nothing; the state just left can be gone back to as well. Access is
 * D1_READ and D1_WRITE. D1 refuses with D1_ERROR_SQL. */
enum d1_travel { D1_STAY, D1_FIND_BOOKMARK, D1_RESTORE };

struct d1_statement {
    struct str sql; /* one statement, no trailing semicolon or comment; placeholders ?1…?n */
    const struct value *params;
    size_t n_params;
    bool
        wants_changes; /* fill results[i].changes with sqlite3_changes() of this statement (not meta.changes: triggers count there) */
};

struct d1_result {
    int64_t changes;                  /* only when wants_changes */
    uint64_t rows_read, rows_written; /* as D1's meta tells; embedded: 0 */
};

enum d1_error_kind {
    D1_OK,
    D1_ERROR_SQL,         /* the engine refused: message is its text; nothing of the batch was applied */
    D1_ERROR_OVERLOADED,  /* not run: queue full, 429; retry_after_us when told */
    D1_ERROR_LOST,        /* connection cut, time-out, 5xx, reset: a write may or may not have been applied */
    D1_ERROR_UNREACHABLE, /* never sent: no connection, name not found, refused */
    D1_ERROR_AUTH,        /* token or database refused */
    D1_ERROR_TOO_BIG, /* answer above max_result_bytes, or request above the transport's limit; nothing applied, unless may_have_run says so */
    D1_ERROR_CANCELLED, /* d1_cancel() took effect; for a write only when it had not been sent */
    D1_ERROR_DEADLINE,  /* deadline passed: like LOST for a write that was sent, else not run (see may_have_run) */
    D1_ERROR_INTERNAL,  /* a bug or no memory here */
};

struct d1_error {
    enum d1_error_kind kind;
    struct str
        message; /* D1's own text without "D1_ERROR: ", as `near "x": syntax error at offset 0: SQLITE_ERROR`; in request->arena */
    bool may_have_run; /* true: a write's fate is unknown */
    uint64_t retry_after_us;
    size_t failed; /* D1_ERROR_SQL: 1 + index of the statement that failed, where the transport knows (embedded, fake);
                                    n_statements + 1: a check at the batch's end; 0: unknown (D1 does not say). When known, results holds the entries
                                    before it, which had run, and their rows have been given */
};

/* What on_row answers. After PAUSE no row comes until d1_resume(). */
enum d1_flow {
    D1_CONTINUE,
    D1_PAUSE,
    D1_STOP /* no more rows of this request wanted; it ends as D1_ERROR_CANCELLED if read, rows of a write are just dropped */
};

struct d1_request {
    /* --- filled by the caller, constant until done() --- */
    const struct d1_statement *statements;
    size_t n_statements;    /* at least 1; travel: 0 */
    enum d1_travel travel;  /* D1_STAY: it runs statements */
    struct str to_bookmark; /* RESTORE: D1's form, d1_is_bookmark(); empty: at_us tells */
    int64_t at_us;          /* wall clock, since 1970; 0: none */
    enum d1_access access;
    struct str session; /* bookmark, "first-primary", "first-unconstrained", or empty: the transport's default */
    struct str
        identity; /* commit id for exactly-once (transactions); empty: none. Transports log and forward it, they do not act on it */
    uint64_t deadline_us;      /* on the monotonic clock; 0: none */
    uint64_t max_result_bytes; /* sum of cell bytes; 0: the transport's default */
    /* Each row as it arrives, in order, statement by statement; cells are valid only inside the call. NULL: rows are dropped.
     * Never called inside d1_submit(), nor after done(). For a batch that fails, rows may already have been given:
     * the caller must be able to throw them away until done(). */
    enum d1_flow (*on_row)(struct d1_request *r, size_t statement, const struct value *cells, size_t n_cells);
    /* Exactly once, on a later turn of the loop, never inside d1_submit() or d1_cancel(): the callee may free the
     * request or submit another. After d1_cancel() it still runs. */
    void (*done)(struct d1_request *r);
    void *user;
    struct arena *arena; /* for error text, bookmark; the caller's */

    /* --- filled by the transport before done() --- */
    struct d1_result *results; /* n_statements entries in arena; NULL after an error, but for error.failed */
    struct str bookmark; /* new bookmark in arena, or empty when none came; travel: what was found, or gone back to */
    struct str previous; /* RESTORE: the bookmark of what was left; in arena */
    struct d1_error error;
    unsigned round_trips; /* requests really made to D1, retries included; embedded counts 1 per batch run */

    /* --- the transport's own --- */
    struct d1_request *next, **prev;
    void *transport;
};

/* What a database's transport can do; constant after open. The emitter asks it. */
struct d1_traits {
    const char *name; /* "embedded", "gateway", "rest", "fake" */
    bool
        native_values; /* integers, blobs and infinities travel as they are. Otherwise parameters are text or double and
                             the SQL casts them (CAST(?1 AS INTEGER), unhex(?1)), and int8 is read as text (facts: JavaScript numbers) */
    bool bookmarks;    /* sessions and bookmarks exist */
    bool in_process;   /* an answer cannot be lost: no commit identity is needed */
    bool time_travel;  /* enum d1_travel works */
    size_t max_statement_bytes, max_params; /* 100000, 100 */
};

struct d1_counters { /* since open; read by metrics on the owner's thread */
    uint64_t requests, round_trips, statements, retries, errors, rows, overloaded, cancelled;
    uint64_t in_flight, queued;
};

struct d1_ops {
    void (*submit)(struct d1 *d, struct d1_request *r);
    void (*cancel)(struct d1 *d, struct d1_request *r); /* no effect when already done */
    void (*resume)(struct d1 *d, struct d1_request *r);
    void (*close)(struct d1 *d); /* cancels what is under way (their done() run before it returns), frees d */
};

struct d1 {
    const struct d1_ops *ops;
    struct d1_traits traits;
    struct d1_counters counters;
};

static inline void d1_submit(struct d1 *d, struct d1_request *r)
{
    d->ops->submit(d, r);
}

static inline void d1_cancel(struct d1 *d, struct d1_request *r)
{
    d->ops->cancel(d, r);
}

static inline void d1_resume(struct d1 *d, struct d1_request *r)
{
    d->ops->resume(d, r);
}

/* Digits and lower-case letters of hexadecimal numbers in four groups: 8-8-8-32 (D1's documentation, "Time Travel"). */
static inline bool d1_is_bookmark(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        bool is_hyphen = i == 8 || i == 17 || i == 26;
        if (is_hyphen ? s.p[i] != '-' : !(s.p[i] >= '0' && s.p[i] <= '9') && !(s.p[i] >= 'a' && s.p[i] <= 'f'))
            return false;
    }
    return s.n == 59;
}

static inline void d1_close(struct d1 *d)
{
    if (d)
        d->ops->close(d);
}

#endif
