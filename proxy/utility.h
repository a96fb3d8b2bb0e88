/*
 * utility.h - statements that are answered by the session itself: SET, SHOW, BEGIN…, PREPARE…, DISCARD, LISTEN…, EXPLAIN.
 *
 * Each takes an execution whose plan is of its kind, writes its answer, and answers as execute() does.
 *
 * Owns     nothing.
 * Fails    OUTCOME_FAILED with PostgreSQL's SQLSTATE and words.
 */
#ifndef PGD1_PROXY_UTILITY_H
#define PGD1_PROXY_UTILITY_H

#include "proxy/execute.h"
#include "proxy/statistics.h"

enum outcome utility_set(struct session *s, struct execution *x, struct err *err);
enum outcome utility_show(struct session *s, struct execution *x, struct err *err);
enum outcome utility_transaction(struct session *s, struct execution *x, struct err *err);
/* The block is over, nothing of it happens: a COMMIT that fails. Nothing may wait in the group. */
void utility_abort(struct session *s);
enum outcome utility_prepare(struct session *s, struct execution *x, struct err *err);
enum outcome utility_execute(struct session *s, struct execution *x, struct err *err);
enum outcome utility_deallocate(struct session *s, struct execution *x, struct err *err);
enum outcome utility_discard(struct session *s, struct execution *x, struct err *err);
enum outcome utility_listen(struct session *s, struct execution *x, struct err *err);
enum outcome utility_unlisten(struct session *s, struct execution *x, struct err *err);
enum outcome utility_notify(struct session *s, struct execution *x, struct err *err);
enum outcome utility_explain(struct session *s, struct execution *x, struct err *err);
/* The end of what EXPLAIN ANALYZE (x->explains) has run: its rows and CommandComplete. False: no memory. */
bool utility_explained(struct session *s, const struct execution *x, const struct statistics_note *cost,
                       struct buf *out, struct err *err);
enum outcome utility_set_constraints(struct session *s, struct execution *x, struct err *err); /* group_deferred.c */
enum outcome utility_nothing(struct session *s, struct execution *x, struct err *err);

/* WARNING 25P01, where the statement acts on a transaction and there is none. */
void utility_warn_outside(struct session *s, const char *what);
/* What EXECUTE runs: the prepared statement with its values. OUTCOME_DONE: *ret, whose plan is NULL for an empty one. */
enum outcome utility_prepared(struct session *s, const struct execution *x, struct execution *ret, struct err *err);

/* The plan whose columns a utility statement answers with, for Describe: EXECUTE its statement's, FETCH its cursor's, else its own. */
const struct plan *utility_described(struct session *s, const struct plan *plan);

#endif
