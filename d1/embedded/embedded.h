/*
 * embedded.h - D1 as a local SQLite file under D1's own rules: the default transport and D1's development twin.
 *
 * Owns     struct embedded_stores: the files this process has open, one writer thread and one pool of readers for each.
 *          struct d1 from embedded_open(): one worker thread's hold on one file; d1_close() ends it.
 * Lives    the stores outlive every struct d1 opened through them. A struct d1 belongs to the thread of its event base.
 * Reads    run on the loop's thread, on a later turn, as long as they stay within a budget of steps, time and bytes;
 *          one that exceeds it has given no row yet, and is run again on a pool thread. The loop never waits for a lock.
 * Writes   go to the file's one writer thread, which commits all waiting batches with one sync (group commit); a batch
 *          that fails takes only itself back. done() comes after the sync.
 * Tryouts  (D1_TRYOUT) run on the loop's thread as reads do, on the writer's connection while the writer has nothing to do; else, or
 *          beyond a smaller budget, they go to the writer.
 * Travels  in time by whole copies of the file (history.h): D1_FIND_BOOKMARK of now makes one, D1_RESTORE makes one of what it leaves.
 *          The writer does it between two groups; reads go on, on what was there when they began.
 * Fails    embedded_open(): 58P01 no such folder, 42501 not permitted, 58030 no database or I/O error, 53200 no memory.
 *          Requests fail through request->error with D1's own texts (errors.h).
 *          After an I/O error at COMMIT a write's fate is unknown: D1_ERROR_LOST.
 * Unlike D1 strings and rows end at the documented 2,000,000 bytes (workerd allows more); a double-quoted word is never
 *          a string; a deferred foreign key found broken at the end of a batch, RAISE(ROLLBACK) and OR ROLLBACK have a
 *          proper message where D1 says "internal error".
 * Not here SQL meaning, retries, schema snapshots.
 */
#ifndef PGD1_D1_EMBEDDED_EMBEDDED_H
#define PGD1_D1_EMBEDDED_EMBEDDED_H

#include "d1/d1.h"
#include "proxy/base/clock.h"
#include "proxy/base/err.h"

struct event_base;
struct embedded_stores;

/* What a commit survives: FULL a power cut, NORMAL a crash of the program only, OFF not even that for sure. */
enum embedded_sync { EMBEDDED_SYNC_FULL, EMBEDDED_SYNC_NORMAL, EMBEDDED_SYNC_OFF };

/* Zero means the default in every field but path and snapshots. The first opener of a file sets them for all. */
struct embedded_options {
    struct str path; /* created with mode 0600 when absent; its folder must exist */
    enum embedded_sync synchronous;
    uint64_t read_steps;       /* SQLite virtual machine steps of a read on the loop's thread: 100,000 */
    uint64_t read_us;          /* and its time there: 5 ms */
    unsigned pool_threads;     /* for reads beyond that, at a lower priority than the loops: 8 */
    size_t pool_connections;   /* reads under way in the pool, slow clients' included; others wait: 64 */
    size_t pool_queue;         /* reads waiting for the pool; beyond it D1_ERROR_OVERLOADED: 1,024 */
    size_t write_queue;        /* batches waiting for the writer; beyond it D1_ERROR_OVERLOADED: 4,096 */
    uint64_t max_result_bytes; /* for requests that state none: 64 MiB */
    size_t statement_cache;    /* prepared statements kept per connection: 256 */
    size_t page_cache_bytes;   /* per connection: 16 MiB */
    uint64_t busy_us;   /* how long another process's lock is waited for when the request has no deadline: 30 s */
    uint64_t run_us;    /* how long one batch may compute, D1's limit: 30 s */
    unsigned snapshots; /* copies that are kept to go back to (d1_travel); 0 is 0: none, and no travelling */
    const struct clock *clock; /* used from several threads; default clock_system() */
};

struct embedded_stores *embedded_stores_new(void); /* NULL: no memory */
/* Every struct d1 opened through it must be closed. Accepts NULL, returns NULL. */
struct embedded_stores *embedded_stores_free(struct embedded_stores *stores);

/* Opens the file for the thread that runs `base`. Blocks shortly (disk); waits at most 5 s for another process that
 * recovers or converts the file. NULL and *err on failure. d1_close() may be called inside on_row() or done(). */
struct d1 *embedded_open(struct embedded_stores *stores, const struct embedded_options *o, struct event_base *base,
                         struct err *err);

#endif
