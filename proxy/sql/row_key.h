/*
 * row_key.h - which one row a statement changes, locks or reads, where its text says so: all columns of a key equal to values.
 *
 * UPDATE, DELETE and SELECT [… FOR UPDATE] with WHERE id = $1 [AND …], INSERT of one row with ON CONFLICT DO UPDATE. Sessions of one
 * process wait for each other by it (proxy/group_rows.c). It is a hint, never a promise: no row need have the key.
 * The row of an INSERT of values is known by all its keys, or not at all: that two of them differ in each is a promise, too.
 * is_alone is a promise: two such statements with different values of one key do not touch each other (txn/buffer.h).
 *
 * Owns     nothing; what it makes is in the plan's arena.
 * Fails    no key (NULL): the statement names no row so, or there is no memory.
 */
#ifndef PGD1_SQL_ROW_KEY_H
#define PGD1_SQL_ROW_KEY_H

#include "proxy/sql/plan.h"
#include "proxy/sql/query.h"

/* Of the analyzed tree, before emit rewrites it. */
struct plan_row *row_key_of(const struct query *query, struct arena *arena);
struct plan_new_row *row_key_new(const struct query *query, struct arena *arena);
/* The key by which SELECT … SKIP LOCKED of one table leaves rows out; NULL: it leaves none out. */
const struct constraint *row_key_skipped(const struct query *q);

#endif
