/*
 * execute_temporary.h - statements of a session's temporary tables: run at once in its own database, without D1.
 *
 * What waits for D1 before such a statement is answered before it; when that fails, the transaction is undone here too.
 *
 * Owns     nothing: the tables are the transaction's (txn/temporary.h).
 * Fails    as D1 would (d1_error.h), and as txn/temporary.h says.
 * Not here what is planned for them: sql/temporary_plan.h.
 */
#ifndef PGD1_PROXY_EXECUTE_TEMPORARY_H
#define PGD1_PROXY_EXECUTE_TEMPORARY_H

#include "proxy/execute.h"

/* Runs the bound statements of a plan of TABLES_TEMPORARY and answers. *ret_locally: they must be planned again with force_local. */
bool execute_temporary(struct session *s, const struct execution *x, const struct d1_statement *statements,
                       bool *ret_locally, struct err *err);
/* Brings the rows of plan->gather first. OUTCOME_DONE: they are there. */
enum outcome execute_gather(struct session *s, const struct execution *x, struct err *err);
/* The statements of COPY FROM; all or none. */
bool execute_temporary_copy(struct session *s, const struct execution *x, const struct d1_statement *statements,
                            size_t n, struct err *err);
/* The rows of temporary tables that go to D1 with the statement: x->taken. Whatever comes behind it does not change them. */
bool execute_take_rows(struct session *s, struct execution *x, struct err *err);
/* The schema with the session's temporary tables; base when there are none. */
const struct snapshot *execute_temporary_schema(struct session *s, const struct snapshot *base);

#endif
