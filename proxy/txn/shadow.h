/*
 * shadow.h - the schema as a transaction's own waiting DDL will leave it.
 *
 * An in-memory SQLite (the engine D1 runs) gets the schema D1 has and then the DDL that waits in the group; its schema is read back
 * as D1's would be. So `CREATE TABLE t …; INSERT INTO t …` is planned and sent as one batch.
 *
 * Owns     struct shadow: the handle; it dies with its group.
 * Fails    a DDL statement that fails here will fail at D1, with its words: the schema before it stands.
 * Not here rows: the shadow has none.
 */
#ifndef PGD1_PROXY_TXN_SHADOW_H
#define PGD1_PROXY_TXN_SHADOW_H

#include "d1/d1.h"
#include "proxy/catalog/snapshot.h"

struct shadow;

struct shadow *shadow_new(const struct snapshot *base); /* NULL: no memory, or a schema that this engine refuses */
void shadow_free(struct shadow *s);                     /* accepts NULL */
/* Runs the statements of one DDL plan; false: one of them failed, none of them stays. */
bool shadow_run(struct shadow *s, const struct d1_statement *statements, size_t n);
/* The schema now: one reference, or NULL. */
struct snapshot *shadow_schema(struct shadow *s, struct err *err);

#endif
