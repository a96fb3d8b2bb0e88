/*
 * sequence_values.h - what currval() and lastval() know: the values that a session's sequences gave it last.
 *
 * A value is known when the batch that took it has run: a member behind the writes reads it (a batch is atomic, nobody comes between).
 *
 *            a step uses nextval            the batch ran
 *   (none) ----------------------> PENDING ---------------> KNOWN
 *                                     | rolled back, or it cannot be told which value it was
 *                                     +---------------------------------> LOST
 *
 * While it is PENDING, inside a transaction, currval() is read by D1 behind the writes. SHOWN is a value that RETURNING gave inside a
 * block and COMMIT will use again: KNOWN as long as the block is not undone. A step that takes a number for each row it writes makes
 * its sequences DOUBTFUL, whatever they were, until its count is told. LOST is 0A000: PostgreSQL would show a number that was burned,
 * and D1 burns none. GONE is a sequence that was dropped in this transaction.
 *
 * Owns     a list on the heap. Lives as long as its session.
 * Limits   a sequence that another session drops and makes again under its name keeps the value that this one has seen.
 * Fails    55000 as PostgreSQL, 0A000 for LOST; without memory a value is LOST.
 * Not here moving sequences (emit_sequence.c), the batch (proxy/group_batch.c).
 */
#ifndef PGD1_SQL_SEQUENCE_VALUES_H
#define PGD1_SQL_SEQUENCE_VALUES_H

#include "proxy/sql/plan.h"

enum sequence_state {
    SEQUENCE_UNDEFINED,
    SEQUENCE_PENDING,
    SEQUENCE_SHOWN,
    SEQUENCE_KNOWN,
    SEQUENCE_LOST,
    SEQUENCE_GONE,
    SEQUENCE_DOUBTFUL
};
enum { SEQUENCE_MEMBERS_MAX = 8 };

struct sequence_value;

struct sequence_values {
    struct sequence_value *first;
    oid_t last; /* what lastval() asks; 0: none */
    size_t n_doubtful;
    bool is_lost; /* there was no memory for one */
};

void sequence_values_clear(struct sequence_values *v);
/* What is known now, for the binds of a statement that waits while others behind it take numbers: in the arena, never cleared. NULL: no
 * memory. */
const struct sequence_values *sequence_values_copy(const struct sequence_values *v, struct arena *arena);
/* A step of this plan joins a batch. */
void sequence_values_note(struct sequence_values *v, const struct plan *plan);
/* A step of this plan ran: it wrote so many rows. */
void sequence_values_count(struct sequence_values *v, const struct plan *plan, uint64_t count);
/* RETURNING showed the last number that a table gave, and COMMIT sends it as a value. */
void sequence_values_show(struct sequence_values *v, const struct snapshot *s, const struct relation *table,
                          int64_t id);
/* The members that read the pending values: at most SEQUENCE_MEMBERS_MAX; what has no place is LOST. False: no memory. */
bool sequence_values_members(struct sequence_values *v, struct arena *arena, struct d1_statement *ret, size_t *ret_n);
/* What such a member gave. */
void sequence_values_take(struct sequence_values *v, size_t member, const struct value *cell);
/* For a sequence whose number is read at once, without a batch of the group (proxy/execute_temporary.c): the statement that reads it, and
 * what that gave behind a statement of so many rows. False: no memory. */
bool sequence_values_member(const struct plan_sequence *use, struct arena *arena, struct d1_statement *ret);
void sequence_values_given(struct sequence_values *v, const struct plan_sequence *use, uint64_t count,
                           const struct value *cell);
/* The batch has run, and nothing of the transaction is left: what was read is KNOWN. */
void sequence_values_settle(struct sequence_values *v);
/* The transaction, or a part of it, was undone. */
void sequence_values_lose(struct sequence_values *v);
enum sequence_state sequence_values_state(const struct sequence_values *v, oid_t sequence);
/* A bind of BIND_SEQUENCE. PENDING: NULL where the SQL reads it (detail), else *ret_again, as for a lastval() that was planned when
 * another sequence was the last one. A last one that the schema `now` does not have is undefined. */
bool sequence_values_bind(const struct sequence_values *v, const struct snapshot *now, const struct bind *bind,
                          struct value *ret, bool *ret_again, struct err *err);

#endif
