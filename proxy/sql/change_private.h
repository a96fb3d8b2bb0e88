/*
 * change_private.h - what the files that print writing statements tell each other; nobody else includes it.
 *
 *   emit_change.c       one statement that writes, and its place in the plan
 *   emit_insert.c       INSERT: its columns, where its rows come from, whether statements like it can be sent as one
 *   emit_insert_json.c  INSERT of rows beyond D1's parameters, and COPY's
 *   emit_update.c       UPDATE and DELETE
 *   emit_assigned.c     a value on its way into a column
 *   emit_conflict.c     ON CONFLICT, and the guard that finds a key proposed twice
 *   emit_upserted.c     xmax in RETURNING of an upsert
 *   emit_joined.c       RETURNING columns of joined tables, read ahead of the change
 *   emit_returning.c    RETURNING, in D1 or finished here
 *   emit_writes.c       which tables a statement may change
 *
 * Owns     nothing: texts and arrays live in the arena of the plan.
 * Fails    as every printer: emit_internal.h.
 * Not here what other files call: emit_internal.h.
 */
#ifndef PGD1_SQL_CHANGE_PRIVATE_H
#define PGD1_SQL_CHANGE_PRIVATE_H

#include "proxy/sql/place.h"

/* Columns of an INSERT, as numbers of q->insert_columns; serial columns that SQLite numbers itself are left out. */
struct insert_columns {
    size_t *at, n;
};

struct json_rows {
    struct bind *binds; /* n_rows x width */
    size_t width, n_rows;
};

/* --- emit_change.c --- */
const struct relation *target_of(const struct query *q);
/* Makes the target's level the emitter's. *ret_name: the target under its own name, SQLite knows no alias in RETURNING. */
bool enter_target(struct emitter *e, const struct query *q, struct str *ret_name);
/* The change is this text alone; its binds are the emitter's. */
bool one_statement(struct emitter *e, struct str sql, struct change *ret);

/* --- emit_writes.c --- */
/* Whether a foreign key of the one refers to the other. */
bool refers_to(const struct relation *r, const struct relation *other);

/* --- emit_assigned.c --- */
/* Whether the statement may change the column: it is set, or generated, of what is set perhaps. */
bool sets_change(const struct assignment *sets, size_t n, const struct column *c);
/* A value in the form in which the column keeps it; where NULL would not be found by SQLite, with a guard (23502). */
bool emit_assigned(struct emitter *e, const struct relation *r, const struct column *c, const struct expr *x,
                   struct fragment *ret);
/* The value of a key that is violated can be told when it went in as it was bound. */
void note_written(struct emitter *e, const struct relation *r, const struct column *c, const struct fragment *f);
/* Whether SQLite gives the column its number. */
bool is_numbered(struct emitter *e, const struct column *column, const struct expr *x);
/* "a" = …, "b" = …; notes: what is assigned is all that is written. */
bool emit_sets(struct emitter *e, const struct relation *r, const struct assignment *sets, size_t n, bool notes,
               struct str *ret);

/* --- emit_insert.c --- */
bool emit_insert(struct emitter *e, const struct query *q, struct change *ret);
/* The columns that are written, and the list of their names. */
bool pick_columns(struct emitter *e, const struct query *q, struct insert_columns *ret, struct str *list);
/* What stands behind INSERT INTO t(…), and the WITH before it. */
bool insert_source(struct emitter *e, const struct query *q, const struct insert_columns *cols, struct str *with,
                   struct str *ret);

/* --- emit_numbered_rows.c --- */
/* The SELECT of an INSERT, without the calls of nextval() in its list: each is number_of_row() of the rows it gives. */
bool number_rows(struct emitter *e, const struct query *q, const struct insert_columns *cols, const struct query **ret);
/* The text of that SELECT with the numbers as further columns; it will be called `alias`. */
bool add_numbers(struct emitter *e, struct str alias, struct str *select);

/* --- emit_insert_json.c --- */
/* Rows beyond D1's parameters. *ret_done false: they cannot go as JSON. */
bool insert_many(struct emitter *e, const struct query *q, const struct insert_columns *cols, struct str head,
                 struct str alias, struct change *ret, bool *ret_done);
/* The key's cells of every row, in one statement that reads them out of JSON. */
bool json_keys(struct emitter *e, const struct query *q, const struct insert_columns *keys, struct str *values,
               struct json_rows *rows);

/* --- emit_conflict.c --- */
/* An alias for a target that SQLite would take "excluded" for; "": it needs none. */
bool target_alias(struct emitter *e, const struct query *q, struct str *ret);
/* " ON CONFLICT …", "" when there is none. */
bool emit_conflict(struct emitter *e, const struct query *q, struct str alias, struct str *ret);
/* The columns of the conflict's key among those that are written. *ret_done false: it cannot repeat, or is another each time. */
bool pick_keys(struct emitter *e, const struct query *q, const struct insert_columns *cols, struct insert_columns *ret,
               struct str *list, bool *ret_done);
/* The elements of the key over rows named `alias`, as conditions that they are not NULL and as a list. */
bool print_keys(struct emitter *e, const struct query *q, struct str alias, struct str *ret_where,
                struct str *ret_list);
/* A statement before the INSERT, which raises 21000 when DO UPDATE would meet a row twice: SQLite would update it again.
 * many: the rows travel as JSON. */
bool guard_conflict(struct emitter *main, const struct query *q, const struct insert_columns *cols, bool many,
                    struct change *ret);

/* --- emit_upserted.c --- */
/* The rows that have the keys of the rows proposed, read ahead of the INSERT in the same batch: those it will update. */
bool read_upserted(struct emitter *main, const struct query *q, struct change *ret);

/* --- emit_joined.c --- */
/* What RETURNING shows of the joined tables, read ahead, and the guard that each row joins one. */
bool read_joined(struct emitter *main, const struct query *q, struct change *ret);

/* --- emit_update.c --- */
bool emit_update(struct emitter *e, const struct query *q, struct change *ret);
bool emit_delete(struct emitter *e, const struct query *q, struct change *ret);

/* --- emit_returning.c --- */
/* " RETURNING …", "" when there is none or none is wanted. */
bool emit_returning(struct emitter *e, const struct query *q, struct change *ret, struct str *text);
/* RETURNING that is finished here: the plan's local part, and what its subqueries read before the change. */
bool change_local(struct emit_shared *s, struct change *c);

#endif
