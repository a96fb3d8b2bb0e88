/*
 * refused_row.h - the row that a constraint refused, for PostgreSQL's DETAIL "Failing row contains (…)": asked of D1 itself.
 *
 * SQLite tells the constraint and not the row. So the statement is sent once more, in a batch that is taken back:
 *
 *   a BEFORE trigger notes each row as it is to be stored | an AFTER trigger drops the note | the statement OR IGNORE | its first note
 *
 * A refused row is the first whose note stays, since SQLite goes through the rows in the order in which it met the error. With ON
 * CONFLICT notes of rows that met others stay too: then only one row of VALUES is asked for. The note travels in the error that ends the batch, as results of what is tried out do (speculation.h).
 *
 * Owns     nothing: everything is in the arena given.
 * Fails    false: the row cannot be told, and DETAIL is left out. Never another row's values.
 * Not here sending it: proxy/group_refused.c.
 */
#ifndef PGD1_PROXY_TXN_REFUSED_ROW_H
#define PGD1_PROXY_TXN_REFUSED_ROW_H

#include "d1/d1.h"
#include "proxy/sql/plan.h"

enum { REFUSED_ROW_MEMBERS = 5 };

/* The members for a statement of this plan, as it was bound, that writes rows of `r`: REFUSED_ROW_MEMBERS of them. */
bool refused_row_make(const struct plan *plan, const struct relation *r, const struct d1_statement *statement,
                      struct arena *arena, struct d1_statement *ret);
/* "(1, x, null)": the row that D1's error text brings, its values as the session shows them, cut as PostgreSQL cuts them. */
bool refused_row_read(struct str message, const struct snapshot *snapshot, const struct relation *r,
                      const struct type_settings *types, struct arena *arena, struct str *ret);

#endif
