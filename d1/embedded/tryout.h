/*
 * tryout.h - a batch that is taken back (D1_TRYOUT), on the loop's own thread: without the two handovers to the writer and back.
 *
 * Promise  nothing of it stays, whatever comes of it. Its answer is of committed data only.
 * Not here what becomes of one that cannot be run so: the writer (writer.h), which runs it like any other batch.
 */
#ifndef PGD1_D1_EMBEDDED_TRYOUT_H
#define PGD1_D1_EMBEDDED_TRYOUT_H

#include "d1/embedded/writer.h"

/* True: it failed, as it must; rows, results and failure are in the task. False: the writer is at work, a lock would have to be waited
 * for, it is too long, or it ended in another way than by an error of SQL: it has given nothing.
 * *now is the time at the start, and at the end afterwards. */
bool emb_try_inline(struct emb_writer *w, const struct embedded_options *o, struct emb_task *t, uint64_t *now);

#endif
