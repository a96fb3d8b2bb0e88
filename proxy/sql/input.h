/*
 * input.h - what values that come from outside a statement go through: the constraints of a parameter's domain, and the casts of
 * EXECUTE's arguments.
 *
 * Values that ON CONFLICT … WHERE is inferred from (analyze_arbiter.c) are looked at when all of them are there.
 * PostgreSQL looks at a domain's constraints when it reads a parameter, whether anything uses it or not.
 *
 * Owns     nothing; what is planned lives in the plan's arena.
 * Not here reading a parameter's bytes: snapshot_decode(). Running: proxy/parameters.h.
 */
#ifndef PGD1_SQL_INPUT_H
#define PGD1_SQL_INPUT_H

#include "proxy/sql/plan.h"

struct expr;

/* Adds to the plan what its parameters' domains demand, in PostgreSQL's order: NOT NULL, then the checks of the lowest domain first, by
 * their names. 0A000 for a check that cannot be computed here. */
bool input_plan_checks(struct plan *plan, const struct sql_settings *settings, struct err *err);
/* Adds what the values must be for ON CONFLICT … WHERE to mean the index that the plan takes: n expressions over parameters. */
bool input_plan_implied(struct plan *plan, struct expr *const *implied, size_t n, const struct sql_settings *settings,
                        struct err *err);
/* A plan of one row, run here: its parameter, of type `source`, assigned to `target`. 42846 when there is no such cast. One reference. */
bool input_plan_cast(const struct snapshot *snapshot, const struct sql_settings *settings, oid_t source, oid_t target,
                     struct plan **ret, struct err *err);
/* What a value violates: 23502, 23514; 42P10 of all of them. */
bool input_violation(const struct plan *plan, const struct plan_input *input, struct err *err);

#endif
