/*
 * shadow.h - the schema as a transaction's own waiting DDL will leave it, and the rows of tables that only it knows.
 *
 * An in-memory SQLite (the engine D1 runs, with D1's limits and denials) gets the schema D1 has and then the DDL that waits; its
 * schema is read back as D1's would be. So `CREATE TABLE t …; INSERT INTO t …` is planned and sent as one batch.
 * What a block does to tables it has made itself runs here too, in one transaction that is never committed.
 *
 * Owns     struct shadow: the handle; it dies with its transaction.
 * Fails    a DDL statement that fails here will fail at D1, with its words: the schema before it stands. A statement that takes too
 *          long or too much memory fails as well, and is asked of D1.
 * Not here whose rows are here, what may be decided without D1: overlay.h.
 */
#ifndef PGD1_PROXY_TXN_SHADOW_H
#define PGD1_PROXY_TXN_SHADOW_H

#include "d1/d1.h"
#include "proxy/catalog/snapshot.h"

struct shadow;

enum { SHADOW_BYTES = 32 << 20, SHADOW_STEPS = 2000000 };

/* Told of what a statement touches while it is compiled: SQLite's authorizer codes, the object, the table it is of. */
typedef void shadow_saw(void *ctx, int action, const char *a, const char *b);

struct shadow *shadow_new(const struct snapshot *base); /* NULL: no memory, or a schema that this engine refuses */
void shadow_free(struct shadow *s);                     /* accepts NULL */
/* Several statements that stay together or not at all. */
bool shadow_begin(struct shadow *s);
bool shadow_keep(struct shadow *s);
bool shadow_undo(struct shadow *s); /* false: SQLite has taken back all it had; this shadow is of no use any more */
/* Runs one. at_row: of each row the first cell, valid inside the call; NULL: rows are dropped. changes: may be NULL. */
bool shadow_run(struct shadow *s, const struct d1_statement *statement, shadow_saw *saw, void *saw_ctx,
                void (*at_row)(void *ctx, const struct value *cell), void *row_ctx, int64_t *changes);
/* Names of one column of a query of ours that takes one name; false: no memory. */
bool shadow_names(struct shadow *s, const char *sql, struct str name, bool (*each)(void *ctx, struct str name),
                  void *ctx);
/* The schema now: one reference, or NULL. Reads all of it. */
struct snapshot *shadow_schema(struct shadow *s, struct err *err);
/* The same behind `before`, which was read here last: these tables and views have been made, changed or dropped since, by D1's names
 * (indexes and triggers: theirs); what has become of the side catalogue is known here. NULL: read all of it. */
struct snapshot *shadow_schema_behind(struct shadow *s, const struct snapshot *before, const struct str *relations,
                                      size_t n, struct arena *scratch);

#endif
