/*
 * rewrite_lookup.h - what rewrite_lookup.c and rewrite_merge.c share: the SELECT that finds and computes rows to write.
 *
 * Owns     nothing: everything lives in the arena of the plan under construction.
 * Fails    as emit_internal.h says: with err, or blocked.
 */
#ifndef PGD1_SQL_REWRITE_LOOKUP_H
#define PGD1_SQL_REWRITE_LOOKUP_H

#include "proxy/sql/place.h"

/* One value of a row that travels: for a column of the target, or a rowid. */
struct carried {
    const struct column *column;
    struct expr *expr; /* over RTE_OUTPUT: the SELECT's columns */
};

struct lookup {
    struct emit_shared *s;
    const struct query *q;
    struct query *select;
    struct carried *items;
    size_t n_items, n_keys;
    struct emitter *local;
    struct plan_lookup *made;
    struct str *sorted; /* made->statements, each giving its lines in the order of their bytes */
    struct str filter;  /* " WHERE …" over c0… of the SELECT; may be empty */
};

const struct relation *lookup_target(const struct query *q);
/* Column `column` of a range table entry of this level. */
struct expr *lookup_var(struct emitter *e, int rte, int column, oid_t type, int32_t typmod);
/* One more column of the SELECT, for a column of the target. */
bool lookup_item(struct lookup *l, const struct column *c, struct expr *x);
/* The target's key as the first columns; `rte` is the target's, a copy: its rowid may join its columns. */
bool lookup_keys(struct lookup *l, struct rte *rte);
/* Prints the SELECT for the local engine and D1's reads of its rows; l->made is what it becomes. */
bool lookup_print(struct lookup *l, struct looked_up *rows);
/* rows->keys: the key's columns as the target names them. */
bool lookup_key_names(struct lookup *l, struct looked_up *rows);
/* ret->checks: that what was read still stands. */
bool lookup_checks(struct lookup *l, struct change *ret);

#endif
