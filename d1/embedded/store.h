/*
 * store.h - one database file of this process: what its worker threads share.
 *
 * Owns     the writer, the pool and the options, from the first emb_store_get() to the last emb_store_put().
 * Not here the per-thread part: embedded.c.
 */
#ifndef PGD1_D1_EMBEDDED_STORE_H
#define PGD1_D1_EMBEDDED_STORE_H

#include <sys/types.h>

#include "d1/embedded/pool.h"
#include "d1/embedded/writer.h"

struct emb_store {
    struct embedded_stores *stores;
    struct emb_store *next;
    unsigned references; /* under the stores' lock */
    dev_t device;
    ino_t inode;
    struct embedded_options o; /* complete: no zeros; path is NUL-terminated */
    struct emb_writer *writer;
    struct emb_pool *pool;
};

struct emb_store *emb_store_get(struct embedded_stores *stores, const struct embedded_options *o, struct err *err);
void emb_store_put(struct emb_store *store); /* accepts NULL */
/* What opening a connection met, as an error for whoever configured the path. */
bool emb_open_error(struct err *err, const struct embedded_options *o, const struct emb_failure *f);

#endif
