/*
 * ddl.h - statements that change the schema -> plans: one atomic batch of SQLite DDL and rows of the side catalogue each.
 *
 * ddl.c         dispatch, errors, batch members, side catalogue rows
 * ddl_table.c   CREATE TABLE: collecting columns and constraints;  ddl_table_emit.c: printing them
 * ddl_as.c      CREATE TABLE AS, views
 * ddl_index.c   CREATE INDEX, DROP INDEX
 * ddl_alter.c   ALTER TABLE, RENAME
 * ddl_drop.c    DROP TABLE, VIEW, SCHEMA, TYPE, SEQUENCE with their dependents; TRUNCATE
 * ddl_object.c  schemas, sequences, types, comments
 *
 * What pgd1 knows beyond D1's own schema goes to _pgd1_catalog (catalog/side_catalog.h), created by the first batch that needs it.
 *
 * Owns     nothing; everything goes into plan->arena.
 * Fails    PostgreSQL's SQLSTATEs and wording with positions; 0A000 for what SQLite cannot hold, and for changes that need a table
 *          rebuilt, with the construct named and a hint.
 * Not here running the batch, refreshing the snapshot after it (PLAN_DDL): proxy/execute.h.
 */
#ifndef PGD1_SQL_DDL_H
#define PGD1_SQL_DDL_H

#include <pg_query/pg_query.pb-c.h>
#include "proxy/sql/plan.h"

struct ddl_context {
    const struct snapshot *snapshot;
    const struct sql_settings *settings;
    struct str text; /* the whole string, for positions */
    struct err *err;
};

/* Fills a plan whose arena and snapshot are set. *ret_handled false: the node is no DDL of ours (nothing is set, true is answered).
 * Kinds given: PLAN_DDL; PLAN_CHANGE for TRUNCATE; PLAN_NOTHING for what is accepted or skipped (IF EXISTS), with a notice.
 * CREATE TABLE AS is PLAN_DDL with tag "SELECT" and a count. */
bool ddl_plan(struct ddl_context *c, const PgQuery__Node *node, struct plan *plan, bool *ret_handled);

#endif
