/*
 * snapshot_renew.h - a schema behind a change, of which only what the change touched is read again.
 *
 * What it touched: the relations it made, changed or dropped, those whose texts name one of them (foreign keys and triggers; views also
 * of views), and what the rows of the side catalogue that it wrote are of. The rest is shared with the schema before.
 * A line of schemas begins with one that was read whole, and does so again after as many changes as that had objects: what is no longer
 * of use is kept till then, and each change costs about the same.
 *
 * Owns     struct snapshot_renewer: which words stand in whose texts. The schemas it makes are counted references like all others.
 * Lives    as long as its line of schemas goes on (proxy/txn/shadow.h).
 * Fails    where the whole schema must be read (user types or schemas changed, two objects would have one OID), or without memory:
 *          false, NULL. Then read all of it.
 * Not here finding out what a statement touches: proxy/txn/overlay.h.
 */
#ifndef PGD1_CATALOG_SNAPSHOT_RENEW_H
#define PGD1_CATALOG_SNAPSHOT_RENEW_H

#include "proxy/catalog/snapshot.h"

struct snapshot_renewer;

struct snapshot_change {
    const struct str *relations; /* D1's names of tables and views; of indexes and triggers: of their table */
    size_t n_relations;
    const struct snapshot_side
        *side; /* rows of the side catalogue as they are now, sorted; detail {NULL,0}: it is gone */
    size_t n_side;
};

struct snapshot_renewer *snapshot_renewer_new(const struct snapshot *start); /* NULL: no memory */
void snapshot_renewer_free(struct snapshot_renewer *r);                      /* accepts NULL */
/* What must be read for the change: the parameter of each of the statements below; it lives until the next call. */
bool snapshot_renewer_begin(struct snapshot_renewer *r, const struct snapshot *before,
                            const struct snapshot_change *change, struct value *ret_param);
/* The statements that read it; their rows go to a snapshot_reader. They stay valid for the program's life. */
const struct d1_statement *snapshot_renewer_statements(size_t *ret_n);
/* The schema behind the change: one reference. The change is the one that began, and still there. */
struct snapshot *snapshot_renewer_finish(struct snapshot_renewer *r, struct snapshot_reader *rows);

#endif
