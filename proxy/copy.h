/*
 * copy.h - COPY TO STDOUT and COPY FROM STDIN.
 *
 * TO       the query's rows become CopyData as they come (an emitter with SINK_COPY).
 * FROM     rows are parsed, decoded and encoded for D1 as they arrive, and go as one atomic step of the group at CopyDone.
 *
 * Owns     struct copy_from: the reader, the rows so far; it lives from CopyInResponse until its step has been answered.
 * Fails    22P04, 22P02… with PostgreSQL's context `COPY t, line 3, column id: "x"`; 57014 for CopyFail; 54000 above
 *          max_result_bytes of rows; 0A000 inside an interactive block.
 * Not here formats (pgwire/copy_text.h, copy_binary.h), statements (sql/bulk.h).
 */
#ifndef PGD1_PROXY_COPY_H
#define PGD1_PROXY_COPY_H

#include "proxy/execute.h"

struct copy_to;

enum outcome copy_to_start(struct session *s, struct execution *x, struct err *err);
void copy_to_begin(struct emitter *e);
bool copy_to_row(struct emitter *e, const struct value *cells, size_t n_cells);
void copy_to_end(struct emitter *e);

enum outcome copy_from_start(struct session *s, struct execution *x, struct err *err);
/* A message in COPY_IN. */
enum outcome copy_from_message(struct session *s, const struct frame *f, struct err *err);
/* Ends a COPY FROM that is under way, if there is one. */
void copy_from_drop(struct session *s);

#endif
