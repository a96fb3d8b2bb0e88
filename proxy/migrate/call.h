/*
 * call.h - MIGRATE for clients that check syntax: SELECT … FROM pgd1.migrations, SELECT … FROM pgd1.migrate_up(target => 'x').
 *
 * The call is found in the parse tree, its arguments become a struct migrate_command, and a relation of the same name stands in its place
 * (catalog/system.h, system_migration_relation()): whatever else the query does is done with the command's rows.
 * Arguments have the names of the clauses' fields, as name, dry_run, confirm; PostgreSQL reserves words, so to, from and timestamp are
 * called target, source and at_time. They are constants. The first one needs no name.
 *
 * The statement is one that was parsed for this call alone, since its tree changes.
 *
 * Owns     nothing: texts live in the arena given.
 * Fails    42883 (no such function), 42601 and 42P13 (arguments), 0A000 (several calls in one statement, arguments that are no constants).
 */
#ifndef PGD1_MIGRATE_CALL_H
#define PGD1_MIGRATE_CALL_H

#include "proxy/migrate/command.h"
#include "proxy/sql/plan.h"

/* Whether a statement may call: asked of its text, before its tree is looked through. */
bool migrate_call_may_be(struct str text);
/* *ret NULL: it calls none. The statement's tree is changed. */
bool migrate_call_find(const struct sql_statement *statement, struct arena *arena, struct migrate_command **ret,
                       struct err *err);

#endif
