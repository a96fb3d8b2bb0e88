/*
 * collation.h - names and OIDs of the collations that pgd1 has, and which one a type has by itself.
 *
 * All of them compare by code point, so a collation changes no result: it is kept to be shown (pg_attribute.attcollation, \d, pg_dump).
 * The names are rows of pg_collation (facts_row.def).
 * Not here COLLATE in a statement's text (proxy/sql/analyze_collation.c).
 */
#ifndef PGD1_CATALOG_COLLATION_H
#define PGD1_CATALOG_COLLATION_H

#include "proxy/catalog/snapshot.h"

/* "default": the database's own, that of most types. */
enum { OID_DEFAULT_COLLATION = 100 };

/* The collation of pg_catalog with that name, 0: there is none, or the name is empty. */
oid_t collation_named(struct str name);
/* Its name; empty: none has that OID. Lives as long as the program. */
struct str collation_name(oid_t collation);
/* ' COLLATE "C"', as it is written behind a type or an expression; empty where collation is 0. In the arena. */
struct str collation_clause(oid_t collation, struct arena *arena);
/* pg_type.typcollation, of domains and arrays too; 0: values of the type have none. s may be NULL: only built-in types then. */
oid_t collation_of_type(const struct snapshot *s, oid_t type);
/* pg_attribute.attcollation of a table's column or a view's. */
oid_t collation_of_column(const struct snapshot *s, const struct column *c);
/* Of what an index's column is made of, before its own COLLATE: the table's column, or the expression (column is NULL). */
oid_t collation_of_indexed(const struct snapshot *s, const struct column *column, const struct index_column *x);

#endif
