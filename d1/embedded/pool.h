/*
 * pool.h - threads for reads that are too long for the loop.
 *
 * Owns     its threads and up to pool_connections read connections. A task keeps its connection from its first
 *          statement to its end; while its client is slow it is suspended and holds no thread.
 * Promise  rows come through the task's inbox in chunks; not more than about 1 MiB of them waits per task.
 * Not here which reads come here: reader.h.
 */
#ifndef PGD1_D1_EMBEDDED_POOL_H
#define PGD1_D1_EMBEDDED_POOL_H

#include "d1/embedded/task.h"

struct emb_pool;

/* o stays alive and unchanged. NULL with f set on failure. Connections are opened when needed. */
struct emb_pool *emb_pool_new(const struct embedded_options *o, struct emb_failure *f);
/* Joins the threads; no task may be there. Accepts NULL, returns NULL. */
struct emb_pool *emb_pool_free(struct emb_pool *p);
bool emb_pool_submit(struct emb_pool *p, struct emb_task *t);   /* false: the queue is full */
void emb_pool_continue(struct emb_pool *p, struct emb_task *t); /* after emb_inbox_consumed() answered true */
/* Takes a task back; false: a thread is at it, and was interrupted: its end will come through the inbox. */
bool emb_pool_remove(struct emb_pool *p, struct emb_task *t);

#endif
