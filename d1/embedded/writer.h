/*
 * writer.h - the one thread that writes to a file: group commit.
 *
 * Owns     its thread and its connection. A task handed to it comes back through the task's inbox, ended.
 * Promise  a task ends without failure only after COMMIT, and with synchronous=FULL the sync, succeeded. A failed batch
 *          leaves nothing behind. Batches are applied in the order they were submitted, one at a time.
 *          A batch that fails before any other has worked in its group comes back at once.
 * Not here waiting for slow clients: rows of RETURNING are kept whole until the commit.
 */
#ifndef PGD1_D1_EMBEDDED_WRITER_H
#define PGD1_D1_EMBEDDED_WRITER_H

#include "d1/embedded/task.h"

struct emb_writer;

/* o stays alive and unchanged. NULL with f set on failure. */
struct emb_writer *emb_writer_new(const struct embedded_options *o, struct emb_failure *f);
/* Joins the thread; nothing may be queued. Accepts NULL, returns NULL. */
struct emb_writer *emb_writer_free(struct emb_writer *w);
bool emb_writer_submit(struct emb_writer *w, struct emb_task *t); /* false: the queue is full */
/* Takes back a task that has not been begun; false: it is running or has ended. */
bool emb_writer_remove(struct emb_writer *w, struct emb_task *t);
/* By a loop's thread: the writer's connection, in no transaction, while the writer has nothing to do; NULL: it has, or has no connection.
 * Never waits. It is given back soon, in no transaction, with nothing committed. */
struct emb_connection *emb_writer_lend(struct emb_writer *w);
void emb_writer_give_back(struct emb_writer *w);

#endif
