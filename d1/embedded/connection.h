/*
 * connection.h - one SQLite connection under D1's rules, with its prepared statements and its brake.
 *
 * Owns     the sqlite3 handle and up to statement_cache prepared statements, least recently used dropped first.
 * Threads  one at a time; handing it over needs a lock in between. emb_connection_interrupt() is the exception.
 * Fails    emb_connection_open() and emb_prepare() through struct emb_failure.
 * Not here running a batch (run.h), waiting for locks on the writer (writer.h).
 */
#ifndef PGD1_D1_EMBEDDED_CONNECTION_H
#define PGD1_D1_EMBEDDED_CONNECTION_H

#include <stdatomic.h>

#include "d1/embedded/embedded.h"
#include "d1/embedded/errors.h"
#include "d1/embedded/rules.h"
#include "proxy/base/map.h"

/* Why the brake stopped a statement (it fails with SQLITE_INTERRUPT). */
enum emb_stop { EMB_STOP_NONE, EMB_STOP_CANCEL, EMB_STOP_DEADLINE, EMB_STOP_BUDGET, EMB_STOP_RUN_LIMIT };

/* Looked at every EMB_BRAKE_STEPS virtual machine steps, between statements, and while a lock is waited for. */
enum { EMB_BRAKE_STEPS = 1000 };

struct emb_brake {
    const atomic_int *stop; /* an enum emb_stop that another thread may set; NULL: none can */
    uint64_t deadline_us;   /* 0: none */
    uint64_t run_until_us;  /* 0: none; passing it is BUDGET with steps_left in use, else RUN_LIMIT */
    bool budget;            /* steps_left counts, and a lock is never waited for */
    int64_t steps_left;
    enum emb_stop stopped;
};

struct emb_statement {
    sqlite3_stmt *stmt;
    struct emb_statement *newer, *older;
    struct str sql; /* the cache key, behind this struct; {NULL,0}: not cached, freed on release */
    size_t tail;    /* bytes of the text it was compiled from that belong to it */
    int n_params;
    bool reads_only;
    /* Set by those who run it on a loop's thread: the statement exceeded the budget; passes counts how often it was then refused there. */
    bool heavy;
    unsigned passes;
};

enum emb_control {
    EMB_BEGIN, /* of a reader: the snapshot is taken by the first statement */
    EMB_BEGIN_WRITE,
    EMB_COMMIT,
    EMB_ROLLBACK,
    EMB_SAVEPOINT,
    EMB_ROLLBACK_TO,
    EMB_RELEASE,
    EMB_CONTROL_NR
};

struct emb_connection {
    sqlite3 *db;
    const struct clock *clock;
    struct emb_rules rules;
    struct emb_brake brake;
    struct map statements;
    struct emb_statement lru; /* ring: lru.older is the newest */
    size_t n_statements, max_statements, text_bytes;
    sqlite3_stmt *control[EMB_CONTROL_NR];
    struct emb_connection *next; /* in the pool's idle list */
};

/* o->path is NUL-terminated here. writer: the one connection that may write; it creates the log. NULL on failure. */
struct emb_connection *emb_connection_open(const struct embedded_options *o, bool writer, struct emb_failure *f);
struct emb_connection *emb_connection_close(struct emb_connection *c); /* accepts NULL, returns NULL */

/* Compiles, or finds, the statement at the start of sql. NULL with f set; NULL without when sql holds no statement. */
struct emb_statement *emb_prepare(struct emb_connection *c, struct str sql, struct emb_failure *f);
/* The cached statement of this text, or NULL; compiles nothing. */
struct emb_statement *emb_statement_find(struct emb_connection *c, struct str sql);
void emb_statement_release(struct emb_connection *c, struct emb_statement *s); /* resets it; accepts NULL */

int emb_control(struct emb_connection *c, enum emb_control what); /* SQLITE_OK or SQLite's code */
void emb_reset_pragmas(struct emb_connection *c);                 /* what a batch's PRAGMAs left behind */
enum emb_stop emb_brake_check(struct emb_connection *c);          /* and notes it in brake.stopped */
/* Fails f as the brake's stop says. */
void emb_brake_failure(struct emb_failure *f, enum emb_stop stop);

#endif
