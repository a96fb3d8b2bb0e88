/*
 * overlay.h - the schema as a transaction sees it: D1's, and its own DDL that is not committed.
 *
 * DDL is run in the shadow (shadow.h) in the order of its positions, each once. What is taken back (ROLLBACK TO, an error) drops
 * the overlay: it is built again from what is left.
 *
 * Owns     the shadow and a reference to the schema.
 * Lives    in its transaction, from the first DDL to the end.
 * Fails    where the shadow cannot be made or read, the schema of the database stands.
 */
#ifndef PGD1_PROXY_TXN_OVERLAY_H
#define PGD1_PROXY_TXN_OVERLAY_H

#include "proxy/txn/shadow.h"

struct overlay {
    struct shadow *shadow;
    struct snapshot *schema; /* NULL: the database's */
    uint64_t base;           /* version of the schema it began with */
    uint32_t position;       /* DDL up to here has run */
    bool changed;            /* since the schema was read */
};

void overlay_drop(struct overlay *o);
/* Before DDL is run: begins on `base`, or begins again when that has changed. */
void overlay_begin(struct overlay *o, const struct snapshot *base);
/* DDL at a position; no effect when it has run. */
void overlay_run(struct overlay *o, uint32_t position, const struct d1_statement *statements, size_t n);
/* Borrowed until the next call; NULL: the database's. */
const struct snapshot *overlay_schema(struct overlay *o, struct arena *scratch);

#endif
