/*
 * recovery.h - rows of RETURNING, written into the row of the write's id by the batch itself, so that they can be given when the
 * answer is lost.
 *
 * SQLite gives the rows of RETURNING to nobody but the caller. A member of the batch, the note, reads the same rows again:
 *   INSERT   by the rowids that it has just given; one row with ON CONFLICT DO UPDATE by the key it names
 *   UPDATE   by the conditions of its WHERE that it has not changed
 *   DELETE   by its WHERE, before it runs
 * UPDATE and DELETE only where they name one row by a key, so that the note costs a look-up. The note compares the number of its rows
 * with the statement's count; where they differ, or the rows are too many or too large, it writes RECOVERY_NONE.
 *
 * Owns     nothing: what is made lives in the arena given.
 * Fails    never: a statement without a note is answered 08007 when its answer is lost (group_commit.c).
 * Limits   RECOVERY_ROWS_MAX rows and RECOVERY_BYTES_MAX bytes of a statement. No note where triggers or cascades may change the rows
 *          meanwhile, where RETURNING or WHERE has a subquery, and for tables without rowid.
 * Not here what the id's row is for, and reading it: resolution.h. The text of a row: row_text.h.
 */
#ifndef PGD1_PROXY_TXN_RECOVERY_H
#define PGD1_PROXY_TXN_RECOVERY_H

#include "d1/d1.h"
#include "proxy/sql/plan.h"

enum { RECOVERY_ROWS_MAX = 1000, RECOVERY_BYTES_MAX = 65536 };

enum recovery_place { RECOVERY_NOWHERE, RECOVERY_AHEAD, RECOVERY_BEHIND };

/* The note of the plan's statement number i, and where it stands in the batch. It writes a line with the number of rows, then a line
 * for each; or RECOVERY_NONE. */
enum recovery_place recovery_note(const struct plan *plan, size_t i, const struct d1_statement *statement,
                                  const struct value *id, size_t max_params, struct arena *arena,
                                  struct d1_statement *ret);

#define RECOVERY_NONE "-"

#endif
