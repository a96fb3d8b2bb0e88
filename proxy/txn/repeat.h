/*
 * repeat.h - reads of a REPEATABLE READ or SERIALIZABLE block whose results are kept, so that the same read gives the same rows again.
 *
 * All that a block has read was there at one moment: each batch checks it again (capture.h). What is asked once more was there at that
 * moment too, so it is answered from what is kept, whatever others have committed since: PostgreSQL's snapshot, without a request.
 *
 *   the same        D1 statements with the same values, and nothing that the block wrote since reaches their tables
 *   never kept      random() and its kin, SQLite's own SQL, which may hold them, sequences (no snapshot has them), reads without tables
 *   never repeated  FOR UPDATE and FOR SHARE: they ask whether the rows are still those
 *   beyond the bound (buffer.max_kept)  is read and checked like any other read
 *
 * Owns     nothing: copies are in the buffer's arena, and die with their entry's block.
 * Not here how the rows are answered: proxy/group_repeat.c.
 */
#ifndef PGD1_PROXY_TXN_REPEAT_H
#define PGD1_PROXY_TXN_REPEAT_H

#include "proxy/txn/buffer.h"
#include "proxy/txn/capture.h"

struct repeat {
    struct repeat_read {
        struct d1_statement statement;
        size_t n_columns;
        struct str *rows; /* as text, in the order they came */
        size_t n_rows;
    } * reads;
    size_t n_reads;
};

/* The newest entry is of this plan, and its statements gave this. Without room or memory it is not kept. */
void repeat_keep(struct buffer *b, const struct plan *plan, const struct capture *captures, size_t n);
/* What the same read gave; NULL: D1 must be asked. */
const struct repeat *repeat_find(const struct buffer *b, const struct plan *plan, const struct d1_statement *statements,
                                 size_t n);

#endif
