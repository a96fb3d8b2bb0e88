/*
 * place.h - where the parts of a query run.
 *
 *   here              no table of D1 is read: the local engine alone
 *   D1                everything can be said in D1's SQL
 *   D1, then finish   D1 gives rows (a fetch), the local engine does the rest. Tried from most to least in D1: all
 *                     but the SELECT
 *                     list; up to GROUP BY; FROM and what it can of WHERE; each table or subquery of FROM alone.
 *
 * There is no list of what can be pushed down: a part is pushed when printing it for D1 works. See emit_internal.h.
 */
#ifndef PGD1_SQL_PLACE_H
#define PGD1_SQL_PLACE_H

#include "proxy/sql/emit_internal.h"

/* A query that only reads: fills place, columns, statements, local, prelude of the plan. */
bool place_select(struct emit_shared *s, struct query *q);
/* Statements of the fetches made so far, in their order, then the local part. */
bool place_finish(struct emit_shared *s, const struct query *q, struct emitter *local, struct str sql);
/* The prelude, when something asked for it. */
bool place_prelude(struct emit_shared *s);
/* One D1 statement from a printed text. */
bool place_statement(struct emitter *e, struct str sql, struct plan_statement *ret);

#endif
