/*
 * planning.h - a statement's text -> plan, on the schema the session sees now: cache, parser, waiting for the schema.
 *
 * Owns     nothing; plans are given as references.
 * Fails    OUTCOME_FAILED with PostgreSQL's error; OUTCOME_WAIT while the schema is read.
 * Not here translating (sql/), running plans (execute.h).
 */
#ifndef PGD1_PROXY_PLANNING_H
#define PGD1_PROXY_PLANNING_H

#include "proxy/execute.h"
#include "proxy/session.h"
#include "proxy/sql/plan.h"

struct prepared;

/* What planning found; the group's arena holds the arrays. */
struct found_plan {
    struct plan *plan; /* a reference */
    const struct str *literals;
    size_t n_literals;
    const int *literal_offsets; /* when it came from the cache */
};

/* A whole string as its statements, in PostgreSQL's dialect or SQLite's. */
bool planning_parse(struct session *s, struct str text, bool is_raw, struct sql_list *ret, struct err *err);
/* The one statement of a text, if the cache knows it: no parser runs. False: parse it. */
bool planning_cached(struct session *s, struct str text, const oid_t *types, size_t n_types, struct found_plan *ret);
/* Plans one parsed statement. source says where it stands, so that it can be remembered and planned again. is_whole: it is all
 * of source->text. */
enum outcome planning_make(struct session *s, const struct sql_statement *parsed, const struct sql_source *source,
                           bool is_whole, struct found_plan *ret, struct err *err);
/* The same from the text, when the parse tree is gone; force_local: what D1 could not decide is finished here. Never waits:
 * the schema is the one known now, or the former plan's while that is being read again. for_step: of DECLARE, COPY TO and EXPLAIN the query inside is wanted. */
bool planning_again(struct session *s, const struct sql_source *source, const struct plan *former, bool force_local,
                    bool for_step, struct plan **ret, struct err *err);
/* 0A000 for a prepared statement whose columns are others now; drivers know it by its routine and prepare anew. False. */
bool planning_fail_changed(struct err *err);
/* COMMIT, ROLLBACK, ROLLBACK TO: what a failed block takes. */
bool sql_ends_transaction(const struct sql_statement *statement);
/* DDL and its like: PostgreSQL looks at no name in them before they are executed, so that Parse of DROP TABLE finds nothing missing. */
bool sql_is_read_late(const struct sql_statement *statement);
/* Whether a plan from the cache may be kept without its literals: those of the text it was made from are the same. */
bool plan_is_own_text(const struct found_plan *found);
/* A plan made earlier: is it still right for the schema known now? */
bool planning_is_current(struct session *s, const struct plan *plan);
/* Replaces p->plan when the schema has changed, or a setting that the text's meaning hangs on; 0A000 when its result would. */
enum outcome planning_renew(struct session *s, struct prepared *p, struct err *err);
/* The schema that statements see now: with the waiting DDL, or as D1 has it; NULL: none was read yet. */
const struct snapshot *planning_schema(struct session *s);
/* The session waits until the schema has been read again, after now. */
void planning_wait_schema(struct session *s);

#endif
