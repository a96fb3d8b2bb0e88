/*
 * group_private.h - what the files of a group tell each other; nobody else includes it.
 *
 *   group.c          collecting steps, running them up to the goal, answering in order
 *   group_batch.c    one batch: which steps, its members, its rows as they come, its end
 *   group_tryout.c   steps of an open block, tried out in a batch that is taken back
 *   group_ids.c      ids of rows that an open block inserts: D1's, or drawn ahead
 *   group_shadow.c   steps of an open block that need no D1: DDL, and statements of tables the block made itself
 *   group_repeat.c   reads of an open block that it has done before: answered from what they gave
 *   group_unasked.c  steps of an open block, kept for COMMIT without asking D1 (pgd1.transaction_mode = batch)
 *   group_commit.c   writes for good: what stands ahead of them, and what becomes of a batch whose answer is lost
 *   group_skip.c     SKIP LOCKED: rows that other transactions of this process have locked are left out
 *   group_rows.c     rows that other transactions of this process have changed: waiting for them
 *   group_lookup.c   what a write reads before it is sent
 *   group_rehearsal.c writes whose answers may fail to be finished here: tried out before they are sent to stay
 *   group_prefix.c   the first steps of a batch that cannot stay, tried out for their answers and for the place of an error
 *   group_deferred.c foreign keys that are checked later than at once, or are not any more: SET CONSTRAINTS
 *   group_keys.c     which of several keys a row violates: the one that PostgreSQL names
 *   group_refused.c  the row that a constraint refused, for DETAIL
 *   group_broken_key.c  which foreign key a statement broke
 *   group_failure.c  a batch that failed: whose error it is, whether it can be asked again, what the client hears
 *
 * Owns     nothing: struct group (group.h) has it all.
 * Fails    functions of `enum run` have answered their errors; the others tell in err, or answer false.
 * Not here what sessions call: group.h.
 */
#ifndef PGD1_PROXY_GROUP_PRIVATE_H
#define PGD1_PROXY_GROUP_PRIVATE_H

#include "proxy/d1_error.h"
#include "proxy/database.h"
#include "proxy/group.h"

/* ---- group.c ---- */

void group_free(struct group *g);
/* A step that reads with this plan what `of`, which is added next, needs first: the taker has its rows, the client hears of errors only. */
struct step *group_add_asking(struct group *g, struct step *of, struct plan *plan, struct d1_statement *statements,
                              const struct row_taker *taker, struct err *err);
/* The step is one of those: what it saw need not hold later. */
bool group_is_asking(const struct step *step);
/* It waits no more: what it asked for is known, or never will be. */
bool group_has_answered(const struct group *g, const struct step *asking);
/* Drops `from` with the steps that ask for it, and all after it, with what was queued behind the step before. */
void group_cut(struct group *g, struct step *from, size_t queued_at);
/* The error stands at the head: whatever waited behind it never happens. The cycle's turn is over. */
void group_fail_at_head(struct group *g, const struct err *err);
/* Answers the steps before `end`. False: one failed, its error was answered, and the group's turn is over. */
bool group_answer_until(struct group *g, const struct step *end, const struct d1_result *results);
/* The next batch, lookup or answer on the way to the goal. */
enum run group_next(struct group *g);
/* The same from a callback: nobody up the stack holds the group. */
void group_go_on(struct group *g);

/* ---- group_batch.c ---- */

/* Which steps go now, and whether their effects are to stay; answers the number of members. */
size_t group_choose_batch(struct group *g);
/* The chosen steps begin their answers anew. False: no memory. */
bool group_prepare_steps(struct group *g);
enum run group_submit(struct group *g, size_t n);
/* When D1 must have answered. statement_timeout counts from the first request for the step at the head; group.d1_timeout says whose
 * time it is. */
uint64_t group_deadline(struct group *g);
/* What the request says of its session (bookmarks); in the group's arena. */
struct str group_d1_session(struct group *g);
/* Sends a request of the group's own in the place of its batch, and has the session wait for its answer. */
void group_ask(struct group *g, struct d1_statement *statements, size_t n, enum d1_access access,
               enum d1_flow (*row)(struct d1_request *, size_t, const struct value *, size_t),
               void (*done)(struct d1_request *));
/* In done() of such a request: it is counted, and what it says of the database is noted. False: it was sent again, or nobody waits for it
 * any more and the group is gone. */
bool group_is_answered(struct group *g, struct d1_request *r);
/* on_row of a request whose error is all that is asked for. */
enum d1_flow group_ignore_row(struct d1_request *r, size_t statement, const struct value *cells, size_t n);
/* Its row cannot be taken: the step fails so when it is answered. Answers false. */
bool group_fail_row(struct group *g, struct step *step, const struct err *err);
/* A row of statement `index` of the step. False: the step has failed. */
bool group_take_row(struct group *g, struct step *step, size_t index, const struct value *cells, size_t n);
void group_note_bookmark(struct group *g);
/* The schema read back behind DDL, when there is one, becomes the database's. */
void group_note_schema(struct group *g, bool committed);
void group_schema_drop(struct group *g);
/* Effects of the batch are there to stay: no cancel comes in time any more, the block's buffer is empty. */
void group_is_done(struct group *g);
void group_on_done(struct d1_request *r);

/* ---- group_tryout.c ---- */

/* The step's answer must be tried out, or must still be right at COMMIT. */
bool group_must_speculate(const struct group *g, const struct step *step);
/* A step of an open block that only takes numbers of sequences: it is sent for good, alone, for ROLLBACK does not give them back. */
bool group_draws(const struct group *g, const struct step *step);
/* The batch is one of such a step. */
bool group_drew(const struct group *g);
/* Plain writes of a pipeline are tried out together; when one fails, each is tried by itself. */
bool group_may_join(const struct group *g, const struct step *step);
/* How much of the buffer is enough for the batch. */
struct visible group_visible_to(const struct group *g, struct step *step);
/* Makes what is sent for the chosen steps: group.speculation. */
bool group_speculate(struct group *g, struct err *err);
/* A row of the batch's member `statement`, of the step, that came as text. */
enum d1_flow group_take_captured(struct group *g, struct step *step, size_t statement, const struct value *cell);
/* A batch of several steps did not work: true when they are now being tried one by one. */
bool group_try_one_by_one(struct group *g);
/* The steps were tried out: they join the buffer, and are answered. */
void group_tried_out(struct group *g);
/* The steps of the batch join the block's buffer, with the checks of what they gave. in_shadow: it happened there. */
bool group_keep_steps(struct group *g, bool in_shadow, struct err *err);
/* The counts that came beside the rows go where carried ones are: into the speculation. */
void group_note_changes(struct group *g);
/* Rows and counts of the speculation become the answers of the batch's steps. */
bool group_take_given(struct group *g, struct err *err);

/* ---- group_ids.c ---- */

/* Ids for rows of INSERTs that are tried out, where they are drawn ahead. False without an error: group.range is wanted first. */
bool group_give_ids(struct group *g, struct err *err);
enum run group_submit_range(struct group *g);
/* Where ids are D1's: the first table that gives some goes on behind those that other open transactions were shown. */
bool group_count_from(struct group *g, struct err *err);
/* The batch failed for an id that is taken, and gives none itself: it is one that the block gave before. */
bool group_earlier_id_is_taken(const struct group *g);
/* The batch failed for an id that was drawn, and is taken: true when it is tried with others. */
bool group_draw_again(struct group *g);
/* The plan may make tables count anew. */
void group_forget_ids(struct group *g, const struct plan *plan);
/* What ids the steps of the batch were given. */
void group_learn_ids(struct group *g);

/* ---- group_shadow.c ---- */

enum shadow_run {
    SHADOW_NOT,      /* D1 must be asked */
    SHADOW_ANSWERED, /* the first step has been answered, or what it gave is its error */
    SHADOW_OVER,     /* an error was answered: the cycle's turn is over */
};
/* Runs the first step that waits in the block's shadow, where that is all it takes. */
enum shadow_run group_run_in_shadow(struct group *g);
/* The first step alone is the batch, and D1 is not asked. */
void group_take_head(struct group *g);
/* It is answered by what group.speculation and group.request.results have, or by the error. */
enum shadow_run group_answered_here(struct group *g, const struct err *err);

/* ---- group_repeat.c ---- */

/* Answers the first step that waits, where it is a read that the block has done before. */
enum shadow_run group_repeat_read(struct group *g);

/* ---- group_prefix.c ---- */

/* After a batch that failed at a step not told: true when the search has begun (or ended, and the error was answered). */
bool group_prefix_search(struct group *g);
/* Before a batch that is to be undone by a transport that gives no results then: true: choose it again. */
bool group_prefix_undone(struct group *g);
/* The batch of the first steps did what it was to do, or failed. */
void group_prefix_worked(struct group *g);
void group_prefix_failed(struct group *g);
/* They cannot be tried: what is known is answered. The cycle's turn is over. */
void group_prefix_stop(struct group *g, const struct err *why);

/* ---- group_rehearsal.c ---- */

/* Before the chosen batch is sent to stay: true: it is to be tried out first, choose it again. */
bool group_rehearses(struct group *g);
/* It was tried out and worked: an answer that cannot be finished is given now, or the batch is sent to stay. */
void group_rehearsed(struct group *g);
/* It cannot be tried out (too large to be carried, or of a form that cannot be): true: the batch is sent to stay all the same. */
bool group_rehearsal_gives_up(struct group *g);

/* ---- group_unasked.c ---- */

/* The read at the head goes without what the block did before: D1 is not asked about that. */
bool group_reads_alone(const struct group *g);
/* The chosen steps wait for COMMIT without being tried out. */
bool group_is_unasked(const struct group *g);
/* Keeps and answers them. RUN_ON: go on with what is next. */
enum run group_keep_unasked(struct group *g);

/* ---- group_commit.c ---- */

/* COMMIT of an open block that has something to send, or to check. */
bool group_commits_block(const struct group *g);
/* Members ahead of the first step's, so that ids other open blocks were shown stay theirs. */
void group_leave_reserved(struct group *g);
/* Whether the chosen batch carries an id; makes place for its members, and for those that note counts. Answers how many more. */
size_t group_make_identity(struct group *g);
/* Draws the batch's id; one that is sent again keeps it. */
bool group_identify(struct group *g, struct err *err);
/* The places that group_make_identity() made. */
void group_fill_identity(const struct group *g, struct d1_statement *all);
/* True: the answer was of a batch in doubt, and has been dealt with. */
bool group_resolve(struct group *g);

/* ---- group_lookup.c ---- */

/* The first step of the batch whose lookup has not been read; NULL: none. */
struct step *group_next_lookup(struct group *g);
/* The step, not added yet, looks rows up that its open block may have written: a step is added before it that reads them there. */
bool group_read_first(struct group *g, struct step *step, struct err *err);
/* The step that reads for this one, with the plan that it has now. */
bool group_read_first_again(struct group *g, struct step *asking, struct err *err);
/* True, choose again: it reads what its transaction has written and not sent, and this is known, or the error stands in its place. */
bool group_looked_behind(struct group *g);
enum run group_submit_lookup(struct group *g, struct step *step);
/* Rows that were looked up have changed before the batch came: true when all of it is being read again. */
bool group_look_again(struct group *g);

/* ---- group_rows.c ---- */

enum { ROWS_MAX = 500 };

/* Which row the new step names. */
void group_name_row(struct group *g, struct step *step);
/* How much of its tables the step can see and change. */
struct row_use group_row_use(const struct step *step);
/* What the id of the row that the step is to insert will be, and what it has become. */
void group_expect_id(const struct group *g, struct step *step);
void group_note_id(struct step *step, const struct capture *c);
enum rows {
    ROWS_HAVE,   /* the batch may be sent */
    ROWS_WAIT,   /* the session is BUSY and wakes later */
    ROWS_FAILED, /* the error stands in the step's place: choose again */
};
/* Takes the rows that the batch's steps name. */
enum rows group_take_rows(struct group *g);
/* One lock, of a row of the relation or of whose turn it is there. ROWS_FAILED: err says why. */
enum rows group_take_lock(struct group *g, const struct relation *of, struct advisory_key key, struct str words,
                          enum advisory_mode mode, bool nowait, struct err *err);
/* The lock of the row whose key has these values, and its words: the constraint's OID, a colon, the values as a JSON array. */
struct advisory_key group_row_lock(const struct relation *r, oid_t key, const struct value *values, size_t n);
struct str group_row_words(const struct relation *r, const struct constraint *key, const struct value *values,
                           struct arena *arena);

/* ---- group_skip.c ---- */

/* The step, not added yet, has a SELECT … SKIP LOCKED: in an open block a step is added before it that asks for its rows. */
bool group_claim(struct group *g, struct step *step, struct err *err);
/* Before the step is sent: which rows it leaves out, or may have. */
enum rows group_skip_rows(struct group *g, struct step *step, struct err *err);
void group_give_turn(struct group *g);

/* ---- group_keys.c ---- */

/* The step at the head violates a key, and may violate others: asks D1, and the step fails with the answer. False: there is nothing to
 * ask, the error stands. */
bool group_ask_keys(struct group *g, const struct d1_asked *asked, const struct err *err);

/* ---- group_refused.c ---- */

/* The step at `at` was refused by a constraint: asks D1 for the row, and then fails the step. False: there is nothing to ask, the error
 * stands. */
bool group_ask_refused(struct group *g, struct step *at, const struct d1_asked *asked, const struct err *err);
/* What the block did and the steps before `at`, with room for `more` behind them: how many. *ret NULL: no memory. */
size_t group_members_before(struct group *g, const struct step *at, size_t more, struct d1_statement **ret);

/* ---- group_broken_key.c ---- */

/* The step at `at` broke one of several foreign keys: asks D1 which, and then fails the step. False: there is nothing to ask. */
bool group_ask_broken_key(struct group *g, struct step *at, const struct d1_asked *asked, const struct err *err);

/* ---- group_deferred.c ---- */

/* Members behind a write, for keys that SQLite would leave for the end and the transaction would not. */
bool group_add_key_checks(struct group *g, struct step *step, struct err *err);
/* The members that look whether deferred keys hold, at the end of a batch that is to stay. False: no memory. */
bool group_keys_at_end(struct group *g, struct d1_statement **ret, size_t *ret_n);
/* In process, after a deferred key has failed: true when the batch is sent again with these members. */
bool group_ask_keys_at_end(struct group *g);

/* ---- group_failure.c ---- */

void group_failed(struct group *g);
/* The steps before it are answered, where what they gave is known; then the error is. `at` NULL: it stands at the head. */
void group_fail_step(struct group *g, struct step *at, const struct err *err);
/* Plans a step anew, on the schema as it is now. */
bool group_replan(struct group *g, struct step *step, bool force_local, struct err *err);
/* The error stands behind the steps of the batch, which are answered: COMMIT, or the end of the implicit transaction, failed. */
void group_fail_at_end(struct group *g, const struct err *err);
/* True: the schema is being read again, and the batch follows when it has changed. */
bool group_refresh(struct group *g, const struct err *err);
/* True: D1 cannot compute it; planned again for the local engine and sent. NULL: every step that may have asked for it. */
bool group_try_locally(struct group *g, struct step *at, struct err *said);
/* What d1_error needs to know of the batch, and of the step that failed; NULL: none. */
struct d1_asked group_asked(const struct group *g, const struct step *step);

#endif
