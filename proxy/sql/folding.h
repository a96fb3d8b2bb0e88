/*
 * folding.h - what PostgreSQL's planner computes ahead, before there is a row.
 *
 * The rules are those of eval_const_expressions() (optimizer/util/clauses.c of PostgreSQL 15):
 *   - a function is computed when it is immutable, gives no set, and its arguments are constants; a stable one waits for a row;
 *   - a strict function with NULL among its arguments is NULL, whatever it is and whatever the others are;
 *   - a cast through text is an output function and an input function: date_in() is stable, so text to date waits, and date to
 *     text; int4, text, jsonb and the like do not;
 *   - COALESCE stops at the first argument that is a constant and no NULL, and leaves out NULLs in front of it;
 *   - CASE leaves out the arms whose condition is NULL or false, and ends at one that is true;
 *   - parameters are constants: PostgreSQL plans a statement with their values (custom plans, the first five times);
 *   - columns, aggregates, window functions, subqueries, CURRENT_DATE and its kin, comparisons of rows, and domains with
 *     constraints are never constants.
 *
 * Such constants fail before a row is looked at, or a constraint; and what is left out is never computed.
 *
 * Owns     nothing; looks at the analyzed tree.
 * Fails    never.
 * Not here where constants are computed in pgd1 (emit_prelude() in emit.c); what may fail at all (may_fail.h).
 */
#ifndef PGD1_SQL_FOLDING_H
#define PGD1_SQL_FOLDING_H

#include "proxy/sql/query.h"

/* Whether x is a constant to PostgreSQL's planner. */
bool folding_is_constant(const struct expr *x);
/* Whether the planner sees that x is NULL: a NULL under casts, or a strict function of one. */
bool folding_is_null(const struct expr *x);
/* … or may become one, by the values of constants that decide about it: CASE WHEN $1 THEN 2 ELSE x END. */
bool folding_may_be_constant(const struct expr *x);
/* Whether a cast through text is made of immutable functions only. */
bool folding_is_immutable_cast(const struct expr *cast);

/* What the planner makes of a condition of CASE. Only what is the same for every text of the same kinds is told: TRUE, FALSE, NULL. */
enum folding_condition { CONDITION_ASKED, CONDITION_NEVER, CONDITION_ALWAYS };
enum folding_condition folding_condition(const struct expr *condition);

/* The constant (a parameter, or a computed one) that makes a condition NULL when it is: CASE f($1) WHEN x. NULL: none. */
const struct expr *folding_decider(const struct expr *condition);

/* How many of COALESCE's arguments are left: those behind a constant that is no NULL are never computed. All of them where one of the
 * others has an aggregate or a window function, without which the query would be another one in SQLite. */
size_t folding_coalesce_args(const struct expr *coalesce);
/* How many of CASE's arms may be reached, in the same way; *ret_otherwise what stands behind them (NULL: NULL). Arms in front that
 * are CONDITION_NEVER are among them. */
size_t folding_case_arms(const struct expr *x, const struct expr **ret_otherwise);
/* Whether such an arm is left out. */
bool folding_skips_arm(const struct case_arm *arm);
/* The part that is all there is left of COALESCE or CASE; any other expression is itself. */
const struct expr *folding_rest(const struct expr *x);
/* The type's modifier of what is left, which clients are told; a COALESCE of nothing but NULLs has none. */
int32_t folding_typmod(const struct expr *x);

#endif
