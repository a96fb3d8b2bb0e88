/*
 * visible.h - what of a block's buffer a statement can see, so that a batch which tries it out carries no more.
 *
 * From the newest entry back to the oldest: one is chosen when it changes what the statement, or a chosen one, needs of a table (row_use).
 * New rows whose keys are all known (row_keys) need not know of each other; but where D1 gives some of a table's ids anew in each batch, all
 * rows of the table come along, or those ids would be others than at COMMIT.
 *
 * Fails    without memory all entries are chosen.
 * Not here how the chosen ones are sent: fold.h.
 */
#ifndef PGD1_PROXY_TXN_VISIBLE_H
#define PGD1_PROXY_TXN_VISIBLE_H

#include "proxy/txn/buffer.h"

/* Sets is_chosen of all entries. */
void visible_choose(struct buffer *b, const struct visible *v);

#endif
