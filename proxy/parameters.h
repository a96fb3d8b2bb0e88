/*
 * parameters.h - values that come for a plan's parameters: what their domains demand, and the casts of EXECUTE's arguments.
 *
 * Owns     nothing; results live in the arena that is given.
 * Fails    false with err; what runs runs here, without D1.
 * Not here reading a parameter's bytes: snapshot_decode(). The plans: sql/input.h.
 */
#ifndef PGD1_PROXY_PARAMETERS_H
#define PGD1_PROXY_PARAMETERS_H

#include "proxy/execute.h"

/* The one row that the local part of x's plan gives, n values, which the arena keeps. */
bool parameters_row(struct session *s, const struct execution *x, struct arena *arena, struct value *ret, size_t n,
                    struct err *err);
/* Whether params[number - 1] is what the domain of the plan's parameter allows: 23502, 23514. 0: whether all of them are what the plan was
 * made for: 42P10. */
bool parameter_fits(struct session *s, const struct plan *plan, size_t number, const struct value *params,
                    struct arena *arena, struct err *err);
/* The value, of type source, assigned to the type of the plan's parameter. */
bool parameter_assign(struct session *s, const struct plan *plan, size_t number, oid_t source, struct arena *arena,
                      struct value *value, struct err *err);

#endif
