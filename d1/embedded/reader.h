/*
 * reader.h - a read on the loop's own thread, within a budget.
 *
 * Promise  a read that does not end within the budget has given no row and left nothing open.
 * Not here what becomes of it then: the pool (pool.h).
 */
#ifndef PGD1_D1_EMBEDDED_READER_H
#define PGD1_D1_EMBEDDED_READER_H

#include "d1/embedded/task.h"

/* Rows of a read on the loop's thread are kept until it ends; a larger result is the pool's work. */
enum { EMB_INLINE_BYTES = 256 << 10 };

/* True: ended, rows and failure are in the task. False: too long, or a lock would have to be waited for.
 * *now is the time at the start, and at the end afterwards. */
bool emb_read_inline(struct emb_connection *c, const struct embedded_options *o, struct emb_task *t, uint64_t *now);
/* The reads between begin and end see one snapshot, and pay for its locks once. It must be shorter than a turn of the
 * loop: what was acknowledged before a read was submitted must be seen by it. */
void emb_snapshot_begin(struct emb_connection *c);
void emb_snapshot_end(struct emb_connection *c);

#endif
