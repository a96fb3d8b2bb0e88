/*
 * speculation.h - one step of a transaction block as a batch that is taken back: what D1 is sent, and what it answered.
 *
 *   in process   the step's statements in the forms of capture.h, then a statement that fails on purpose: the results of what ran
 *                before it are known
 *   elsewhere    D1 gives nothing but the error: the last statement carries all results out in its text (facts: bad JSON path).
 *                Rows of … RETURNING are caught by a trigger that lives only inside the batch
 *
 * A step that only reads, with nothing written before it, needs no taking back: its rows come as usual.
 *
 * Owns     nothing: everything is in the arena given.
 * Fails    0A000 for what cannot be carried out of a batch; XX000 for an answer that is not ours; 53200.
 * Not here which steps are tried out, and when (group_tryout.c).
 */
#ifndef PGD1_PROXY_TXN_SPECULATION_H
#define PGD1_PROXY_TXN_SPECULATION_H

#include "proxy/txn/buffer.h"
#include "proxy/txn/capture.h"

struct speculation {
    struct capture *captures; /* one for each statement of the step */
    size_t n_captures;
    struct d1_statement *statements; /* to be sent, the failing one not included when carries is not set */
    size_t n_statements;
    struct d1_statement ahead[2]; /* before them: where a table goes on counting */
    size_t n_ahead;
    bool carries; /* the last statement carries the results out */
    struct arena *arena;
};

/* The two statements that make a table go on counting behind `highest`. */
bool count_statements(struct str table, int64_t highest, struct arena *arena, struct d1_statement *to, struct err *err);
/* An INSERT whose ids D1 gives: the statements that make it go on behind `highest`. */
bool speculation_count_from(struct speculation *sp, const struct capture *c, int64_t highest, struct err *err);
/* The highest id that was given to capture i; 0: none. */
int64_t speculation_highest(const struct speculation *sp, size_t i);
/* native: results of a batch that fails are known, or it is not to fail. */
bool speculation_make(struct speculation *sp, const struct plan *plan, const struct d1_statement *statements, size_t n,
                      bool native, struct arena *arena, struct err *err);
/* Several steps at once, in the same order: begin for all their statements, take each step's, finish. */
bool speculation_begin(struct speculation *sp, size_t n, struct arena *arena, struct err *err);
void speculation_take(struct speculation *sp, const struct plan *plan, const struct d1_statement *statements, size_t n);
bool speculation_finish(struct speculation *sp, bool native, struct err *err);
/* Row of statement i as it came. *ret: capture's columns, in arena. */
bool speculation_row(struct speculation *sp, size_t i, const struct value *cell, struct value **ret, struct err *err);
/* D1's error text of a batch that carried. False without an error set: the text is something else. */
bool speculation_read(struct speculation *sp, struct str message, struct err *err);
/* What an error text carries, with its quotes undone; {NULL,0}: it carries nothing, or no memory. */
struct str speculation_payload(struct str message, struct arena *arena);
/* The cells of row k of statement i, which speculation_read() found. */
bool speculation_cells(const struct speculation *sp, size_t i, size_t k, struct value **ret, struct err *err);
/* Into the transaction's buffer: n statements of one step from `first` on, and the checks of what they gave. */
bool speculation_keep(const struct speculation *sp, size_t first, size_t n, struct buffer *b, uint32_t position,
                      const struct plan *plan, size_t max_params, struct err *err);

#endif
