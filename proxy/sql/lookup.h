/*
 * lookup.h - a write that needs the local engine, at run time: what D1 gave -> the rows to write.
 *
 *   1  the lookup's statements: each gives one text, the rows read, as SQLite's quote() prints them
 *   2  lookup_finish(): the texts feed the local part, which gives one JSON text, the rows to write
 *   3  the plan's statements, one batch: each text of step 1 is made again and must have the same lines in any order, else D1
 *      raises '!changed' and takes the batch back; then the rows are written
 * So the write happens on what was read or not at all, and a lost update is impossible. plan.h says how the texts are bound.
 *
 * Owns     nothing: results live in the arena given.
 * Not here planning it: rewrite_lookup.c; trying again: proxy/group_lookup.c.
 */
#ifndef PGD1_SQL_LOOKUP_H
#define PGD1_SQL_LOOKUP_H

#include "proxy/sql/local.h"
#include "proxy/sql/plan.h"

/* The lookup's own statements with values bound; as plan_bind(). */
bool lookup_bind(const struct plan *plan, const struct bind_input *input, struct arena *arena,
                 struct d1_statement **ret, bool *ret_retry_local, struct err *err);
/*
 * Works out the rows and puts them, and the texts, into the plan's bound statements. texts: what each statement gave, text or
 * NULL (no rows). run: the session's side of a local run; sql, binds, inputs and on_row are set here.
 * 54000 when more than max_bytes were read or have to be written; 22… as the local engine finds.
 */
bool lookup_finish(const struct plan *plan, const struct bind_input *input, const struct value *texts,
                   const struct local_run *run, struct local_engine *engine, struct d1_statement *statements,
                   struct arena *arena, struct err *err);

/* The lines of such a text in the order of their bytes, which is SQLite's of texts. Lives in the arena. False: 53200. */
bool lookup_sorted(struct str text, struct str *ret, struct arena *arena, struct err *err);

/* Rows printed as quote(c0)||','||quote(c1)…, one a line. False without an error: no such text. */
bool lookup_rows(struct str text, size_t n_columns, struct local_rows *rows, struct arena *arena, struct err *err);

#endif
