/*
 * cancel.h - the process-wide table of sessions: who may be cancelled with which key, and what others may know of a session.
 *
 * Owns     nothing but its slots: a struct presence lives in its session, which adds it at login and removes it before it ends.
 * Lives    as long as the process; locked, every thread may ask.
 * Fails    cancel_add answers false when there is no memory.
 * Not here stopping the statement: the session's own thread does that when the mail arrives (worker.h).
 */
#ifndef PGD1_PROXY_CANCEL_H
#define PGD1_PROXY_CANCEL_H

#include <pthread.h>
#include <stdatomic.h>
#include "pgwire/startup.h"
#include "proxy/base/map.h"

struct worker;

enum { CANCEL_KEY_OURS = 32, PRESENCE_QUERY_BYTES = 1024, PRESENCE_NAME_BYTES = 64 };
enum activity {
    ACTIVITY_IDLE,
    ACTIVITY_ACTIVE,
    ACTIVITY_IDLE_IN_TRANSACTION,
    ACTIVITY_FAILED_TRANSACTION,
    ACTIVITY_NR
};

/* One session as the rest of the process sees it. Constant after cancel_add() but for the atomics and what the lock guards. */
struct presence {
    uint32_t pid;
    unsigned char key[CANCEL_KEY_OURS];
    unsigned char key_length;
    struct worker *worker;
    struct str user, database, peer;
    int64_t started_us; /* wall clock */
    _Atomic int activity;
    _Atomic int64_t changed_us, statement_us, transaction_us; /* wall clock; 0: none */
    bool is_tls;
    pthread_mutex_t texts; /* guards what follows */
    char query[PRESENCE_QUERY_BYTES], application[PRESENCE_NAME_BYTES];
    size_t n_query, n_application;
    uint32_t settings_seen; /* the generation of the settings that application was taken from; the session's own */
};

struct cancel_table {
    pthread_mutex_t lock;
    struct map sessions; /* by the bytes of pid */
    uint32_t next_pid;
};

void cancel_table_init(struct cancel_table *t);
void cancel_table_fini(struct cancel_table *t);
/* Gives the presence a process id nobody has and random bytes as key. */
bool cancel_add(struct cancel_table *t, struct presence *p, size_t key_length);
void cancel_remove(struct cancel_table *t, struct presence *p); /* no effect when not added */
/* Tells the session's thread when pid and key fit; the comparison takes the same time wherever they differ. */
bool cancel_request(struct cancel_table *t, uint32_t pid, struct str key);
/* pg_cancel_backend and pg_terminate_backend: whether the session was there. */
bool cancel_signal(struct cancel_table *t, uint32_t pid, bool terminate);
bool cancel_knows(struct cancel_table *t, uint32_t pid);
/* Calls `each` for every session, locked: it must be quick and must not call back. False stops. */
void cancel_each(struct cancel_table *t, bool (*each)(void *ctx, const struct presence *p), void *ctx);

#endif
