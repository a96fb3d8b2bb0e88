/*
 * schemas.h - what all worker threads share about each database: the newest known schema, the newest bookmark, whether it is overloaded.
 *
 * Owns     one reference to each snapshot, a copy of the bookmark; entries stay for the life of the process.
 * Fails    schemas_get answers NULL without memory.
 * Threads  locked; `generation` may be read without the lock to see that something is new.
 * Not here reading schemas, deciding that one is old: database.h.
 */
#ifndef PGD1_PROXY_SCHEMAS_H
#define PGD1_PROXY_SCHEMAS_H

#include <pthread.h>
#include <stdatomic.h>
#include "proxy/base/map.h"
#include "proxy/catalog/snapshot.h"
#include "proxy/txn/reservation.h"

enum { BOOKMARK_MAX = 200 };

struct schema {
    char *name;
    pthread_mutex_t lock;
    struct snapshot *snapshot;   /* NULL: never read */
    uint64_t read_us;            /* when it was read, monotonic clock */
    bool suspect;                /* two changes crossed: read it again before it is used */
    _Atomic uint64_t generation; /* grows with every change of the above */
    uint64_t changed; /* the generation that last brought another schema; reads that found the same do not count */
    char bookmark[BOOKMARK_MAX]; /* newest that any session of this process has seen */
    size_t bookmark_length;
    _Atomic uint64_t overloaded_until_us; /* D1 asked to be left alone until then, monotonic clock */
    _Atomic int error_texts;              /* enum error_texts (database.h) */
    _Atomic bool tears_batches;           /* a batch that failed was seen to leave a part of itself */
    _Atomic uint64_t restores;        /* grows when the database was taken back in time: blocks of before are over */
    struct reservations reservations; /* has its own lock */
};

struct schemas {
    pthread_mutex_t lock;
    struct map by_name;
};

void schemas_init(struct schemas *s);
void schemas_fini(struct schemas *s);
struct schema *schemas_get(struct schemas *s, struct str name); /* made when absent */
/* One reference, or NULL when none was read or it is suspect; *ret_read_us and *ret_generation go with it. */
struct snapshot *schema_current(struct schema *s, uint64_t *ret_read_us, uint64_t *ret_generation);
/* A snapshot just read (the reference stays the caller's). seen: the generation when the request that read it began; is_change:
 * it came with a change of the schema made by us. */
void schema_publish(struct schema *s, struct snapshot *snapshot, uint64_t read_us, uint64_t seen, bool is_change);
/* A change of the schema whose outcome is not known: read again before use. */
void schema_suspect(struct schema *s);
/* The database was taken back in time, or may have been: the schema is read again, ids drawn ahead are forgotten, open blocks end. */
void schema_restored(struct schema *s);
/* Bookmarks sort as bytes, oldest to newest (D1's documentation). */
void schema_saw_bookmark(struct schema *s, struct str bookmark);
struct str schema_bookmark(struct schema *s, struct arena *arena); /* a copy; empty: none seen */

#endif
