/*
 * system_pgd1.h - what the schema pgd1 has, as rows of the catalogue: its views (system_own.def, pgd1.migrations) and the functions
 * pgd1.migrate_…() (proxy/migrate/commands.def, arguments.def, columns.def). Those tables are what makes them work, so nothing is missing here.
 *
 * They are shown when they are named, as \dv pgd1.*, \df pgd1.*, \dn pgd1 and \d pgd1.migrations do, by psql's tab behind "pgd1.", and by their
 * OIDs: a statement that has the word pgd1, or one of these OIDs, as a name, a constant or a parameter. To others they are not there: PostgreSQL
 * has no such schema, and tools that list all schemas would take it for the user's, would write it into their dumps (CREATE SCHEMA), or
 * would drop it. So \dn alone and \dv *.* do not show them, though PostgreSQL shows schemas of its extensions there.
 * The relations that stand for calls in FROM (system_migration_relation()) are nobody's business, and never shown.
 *
 * OIDs lie above those that initdb gives and below the users', and stay: each is a base and the object's number.
 *
 * Owns     nothing; all of it is constant, made once.
 * Fails    without memory: rows->failed.
 * Not here calling the functions: proxy/migrate/call.h. Reading the views: system.h.
 */
#ifndef PGD1_CATALOG_SYSTEM_PGD1_H
#define PGD1_CATALOG_SYSTEM_PGD1_H

#include "proxy/base/value.h"
#include "proxy/catalog/facts.h"
#include "proxy/catalog/snapshot.h"

enum {
    PGD1_OID_SCHEMA = 15899,
    PGD1_OID_RELATION = 15900, /* and of their row types, the arrays of these, the rules of views */
    PGD1_OID_ROW_TYPE = 16000,
    PGD1_OID_ROW_ARRAY = 16100,
    PGD1_OID_RULE = 16200,
    PGD1_OID_FUNCTION = 16300,
    PGD1_OID_END = 16383, /* pg_dump asks for what lies above 16383, the last before the users' */
    /* numbers of commands.def are below these */
    PGD1_NUMBER_MIGRATIONS = 50,
    PGD1_NUMBER_STATEMENTS = 51
};

/* The n-th view of the schema; NULL: behind the last. */
const struct relation *system_pgd1_view(size_t n);
/* A function of the schema by its OID; NULL: none. */
const struct pg_proc *system_pgd1_function(oid_t oid);
const struct pg_proc *system_pgd1_function_named(struct str name);
const struct pg_proc *system_pgd1_functions(size_t *ret_n);
/* pg_get_viewdef() of a view of the schema; {NULL,0}: its rows are made here, no query gives them. */
struct str system_pgd1_view_definition(const struct relation *r);
/* Whether a text, or a value, names the schema or has an OID of it. */
bool system_pgd1_is_named(struct str text);
bool system_pgd1_is_value(const struct value *v);

#endif
