/*
 * ddl.h - statements that change the schema -> plans: one atomic batch of SQLite DDL and rows of the side catalogue each.
 *
 * ddl.c             dispatch, errors, batch members, side catalogue rows
 * ddl_table.c       CREATE TABLE: collecting columns and constraints;  ddl_table_emit.c: printing them
 * ddl_as.c          CREATE TABLE AS, views
 * ddl_index.c       CREATE INDEX
 * ddl_alter*.c      ALTER TABLE: commands change a model of the table (ddl_load.c), then the cheapest batch is written
 * ddl_stage.c       ALTER COLUMN … TYPE whose values only the local engine can compute
 * ddl_identity.c    ALTER COLUMN … IDENTITY
 * ddl_rebuild.c     the batch that makes tables anew, for what SQLite's ALTER cannot do
 * ddl_rename*.c     ALTER … RENAME, and the texts that name what is renamed
 * ddl_move.c        ALTER … SET SCHEMA
 * ddl_drop.c        DROP with dependents (ddl_dependents.c); TRUNCATE
 * ddl_domain.c      domains;  ddl_object.c: schemas, sequences, enums, comments
 * ddl_maintain.c    VACUUM, REINDEX, CLUSTER, LOCK, OWNER TO;  ddl_grant.c: GRANT;  ddl_missing.c: kinds of objects that are not there
 * ddl_extension.c   extensions: rows of the side catalogue (catalog/extension.h)
 * ddl_set_constraints.c  SET CONSTRAINTS
 * ddl_annotate.c    SELECT pgd1.annotate(…): what a column made elsewhere holds
 *
 * What pgd1 knows beyond D1's own schema goes to _pgd1_catalog (catalog/side_catalog.h), created by the first batch that needs it.
 *
 * Owns     nothing; everything goes into plan->arena.
 * Fails    PostgreSQL's SQLSTATEs and wording with positions; 0A000 for what SQLite cannot hold, and for rebuilds of tables too
 *          large for one batch, with the construct named and a hint.
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

/* Whether a SELECT is the call of pgd1.annotate(): that is DDL. */
bool ddl_is_annotate(const PgQuery__SelectStmt *select);

#endif
