/*
 * database.h - one database on one worker: its transport, the schema as this worker knows it, the gate before D1.
 *
 * Owns     the struct d1, a reference to the newest snapshot, the request that reads the schema.
 * Lives    from the first login to the end of the worker.
 * Schema   read when first needed, after a change we sent (with the change itself, group_batch.c), when a statement fails for a
 *          missing name, every schema_poll_interval, on pgd1.refresh(). The newest one is shared by the process (schemas.h).
 * Gate     D1 says "overloaded": the gate closes for as long as it says, requests wait in order, at most d1_max_queue (gate.h).
 * Fails    database_open with err: 3D000, what the transport says.
 * Not here what a batch means: group.h.
 */
#ifndef PGD1_PROXY_DATABASE_H
#define PGD1_PROXY_DATABASE_H

#include "d1/probe.h"
#include "proxy/gate.h"
#include "proxy/lease.h"
#include "proxy/timers.h"
#include "proxy/worker.h"

struct schema_read;

/* Whether an error's text comes from D1 as it was written: blocks read their answers there. */
enum error_texts { ERROR_TEXTS_UNKNOWN, ERROR_TEXTS_WHOLE, ERROR_TEXTS_CUT };

struct database {
    struct database *next;
    struct worker *worker;
    struct serving *serving; /* the configuration it was opened with */
    char *name;
    struct d1 *d1;
    struct schema *schema;
    struct snapshot *snapshot; /* NULL: none read yet, or suspect */
    uint64_t snapshot_us, generation;
    struct schema_read *reading;
    unsigned broken_reads;   /* in a row: answers that broke off */
    struct session *waiting; /* by session.wait_next */
    struct timer no_memory;  /* the schema cannot be asked for: who waits is told on the next turn */
    struct gate gate;
    struct probe probe;
    struct arena *probe_arena; /* NULL: nothing is being asked */
    struct leases leases;      /* of advisory locks */
    struct journey *journeys;  /* under way (migration_travel.h) */
};

/* The database a client asked for; opened when this worker has not got it yet. NULL with err. */
struct database *database_open(struct worker *w, struct serving *serving, struct str name, struct err *err);
void databases_close(struct worker *w);

/* The newest schema this process knows (borrowed until the next call), or NULL: then database_wait_schema() first. Starts a
 * read in the background when the schema is older than schema_poll_interval. */
struct snapshot *database_snapshot(struct database *db);
/* Reads the schema unless a read is under way that began after `since_us`; the session is woken by session_schema_read(). */
void database_wait_schema(struct database *db, struct session *s, uint64_t since_us);
void database_forget_waiter(struct database *db, struct session *s);
/* The schema as read back in a batch that changed it: takes the reference. seen: db->generation when the batch was sent. */
void database_schema_changed(struct database *db, struct snapshot *snapshot, uint64_t seen);
void database_schema_suspect(struct database *db);
/* It was taken back in time, or may have been (schema_restored()). */
void database_restored(struct database *db);
/* Asked together with the first schema, over a network; UNKNOWN when it could not be. */
enum error_texts database_error_texts(const struct database *db);
/* Asked at the same time: the service was seen to keep a part of a batch that failed. Nothing may be written there. */
bool database_tears_batches(const struct database *db);

/* Submits through the gate. */
void database_submit(struct database *db, struct d1_request *r);
/* First in each request's done(): true when D1 was overloaded and the request waits to be sent again (done() will run again). */
bool database_send_again(struct database *db, struct d1_request *r, unsigned *tries, bool is_wanted);
void database_cancel(struct database *db, struct d1_request *r);

#endif
