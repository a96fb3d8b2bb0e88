/*
 * extension.h - the extensions that CREATE EXTENSION takes, and the functions that come with them.
 *
 * Schemas and migration tools create a few extensions as a matter of course. Three are known here: pg_stat_statements, whose views and
 * functions are there without it too (statements are counted anyway), uuid-ossp, whose uuid_generate_v4() is
 * PostgreSQL's own gen_random_uuid(), and pgcrypto, wanted for gen_random_uuid() most often, which needs no extension any more. Their other
 * functions are known by name and refused when they are called. An extension that was created is a row of the side catalogue.
 *
 * Owns     nothing: tables of extension.def.
 * Fails    NULL for what is not there.
 * Not here the statements: proxy/sql/ddl_extension.c.
 */
#ifndef PGD1_CATALOG_EXTENSION_H
#define PGD1_CATALOG_EXTENSION_H

#include "proxy/catalog/facts.h"
#include "proxy/catalog/snapshot.h"

struct extension {
    const char *name, *version;
    bool built_in; /* what comes with it is in pg_catalog until it is created somewhere */
};

const struct extension *extension_find(struct str name);
/* The row of the side catalogue of one that was created; its schema is where the functions are. */
const struct snapshot_side *extension_created(const struct snapshot *s, struct str name);
/* Whether the system relation is one of those that come with an extension that was created. */
bool extension_owns(const struct snapshot *s, const struct relation *r);
/* The functions of that name of a created extension, in a schema (empty: in any). */
const struct pg_proc *extension_procs(const struct snapshot *s, struct str schema, struct str name, size_t *ret_n);
/* All of them. */
const struct pg_proc *extension_all_procs(size_t *ret_n);
/* The extension a function came with; NULL: none. */
const char *extension_of_proc(const struct pg_proc *proc);

#endif
