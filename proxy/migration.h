/*
 * migration.h - MIGRATE statements in a session: they read the folder and the journal, and run migrations as steps of the group.
 *
 *   MIGRATE UP:  folder and texts are read and checked
 *     -> one batch: the journal and the schema. Nothing is pending, or DRY RUN: that is all
 *     -> the bookmark, where the transport has one
 *     -> a batch a chunk: the lease is still ours, the chunk's statements, the journal's row   (again for each chunk)
 *        The first one makes the journal's tables where they are missing, takes the lease, and fails when the journal is not the one that was
 *        read: another has run meanwhile, and all begins again, with a batch for the lease and the journal under it before the chunks.
 *        The last one gives the lease back.
 *     -> rows for the client
 *   So there are as many requests as chunks, and one, and one for the bookmark. With ON FAILURE RESTORE, and for DOWN, BASELINE, REPAIR, PUSH
 *   and RESET, the lease always has its own batch, and the journal is read under it.
 *   What waits for D1 waits as a COMMIT does: execute() is called again, and the migration goes on where it was.
 *
 *   The schema is read back with the last one: what the DDL of the others leaves is known from the shadow (txn/overlay.h), which goes on from
 *   chunk to chunk, so that a file costs the same however many tables there are. Where that does not know, it is read back at once; and before
 *   anything else is done when the run ends early.
 *
 * Each batch is atomic and has the group's identity, so a chunk and its row in the journal happen together and once. A runner that dies
 * leaves whole chunks, and behind the first of them its lease, which ends by itself (MIGRATE_LEASE_S): the next run goes on behind them.
 *
 * Owns     nothing of its own: all of it is in the group's arena and ends with the statement.
 * Fails    25001 inside of a transaction, 55006 (somebody else migrates), what folder.h, text.h and journal.h say, 0A000, and the error of
 *          the statement that failed, its place before the message.
 * Not here the commands' grammar (migrate/command.h), files (migrate/folder.h, migrate/text.h), the journal's tables (migrate/journal.h).
 */
#ifndef PGD1_PROXY_MIGRATION_H
#define PGD1_PROXY_MIGRATION_H

#include "proxy/execute.h"
#include "proxy/group.h"
#include "proxy/migrate/command.h"

/* As sql_parse(), for a text that migrate_command_is(): one statement. */
bool migration_parse(struct str text, size_t max_bytes, struct arena *arena, struct sql_list *ret, struct err *err);
/* Its plan: what it answers with. */
bool migration_plan(struct str text, const struct snapshot *snapshot, struct plan **ret, struct err *err);
/* The plan it was begun with. */
struct plan *migration_plan_under_way(const struct migration *m);
/* A query's plan gets the command whose rows it reads; takes the reference, and gives it back when it succeeds. 0A000: the plan needs D1. */
bool migration_attach(struct plan *plan, const struct migrate_command *command, struct plan **ret, struct err *err);
/* Whether a statement of a file is being planned, and not the client's. */
bool migration_is_planning(const struct migration *m);
/* Runs the command of a query's plan; then its rows are there for migration_rows(), until migration_rows_end(). */
enum outcome migration_execute_first(struct session *s, struct execution *x, struct err *err);
/* The rows of a relation of pgd1 (catalog/system.h); false: it is not the one that was run. */
bool migration_rows(struct session *s, struct str relation, bool (*add)(void *ctx, const struct value *cells, size_t n),
                    void *ctx);
void migration_rows_end(struct session *s);
enum outcome migration_execute(struct session *s, struct execution *x, struct err *err);
/* The step at the group's head failed. True: what the run holds is given back first, and group_fail_at_head() is called once more when
 * that is done. Its message gets the statement's place in its file before it. */
bool migration_fails(struct group *g, const struct step *step, struct err *err);
/* The group ends: nobody waits for the run any more. */
void migration_forget(struct migration *m);

#endif
