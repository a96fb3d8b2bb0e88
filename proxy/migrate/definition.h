/*
 * definition.h - objects of a schema in PostgreSQL's words: for people who read a difference, and for migrations in PostgreSQL's dialect.
 *
 * Names are quoted where they need it, and say their schema unless it is public. Expressions are the catalogue's own texts.
 *
 * Owns     nothing: texts go into the arena given.
 * Fails    {NULL,0}: no memory.
 * Not here what SQLite keeps of an object: its text stands in the snapshot.
 */
#ifndef PGD1_MIGRATE_DEFINITION_H
#define PGD1_MIGRATE_DEFINITION_H

#include "proxy/catalog/snapshot.h"

struct str migrate_define_name(struct str schema, struct str name, struct arena *arena);
struct str migrate_define_type(const struct snapshot *s, oid_t type, int32_t typmod, struct arena *arena);
/* 'text COLLATE "C"' of a column. */
struct str migrate_define_column_type(const struct snapshot *s, const struct column *column, struct arena *arena);
/* "WITH (security_barrier=true, check_option=local) " of a view; empty: it has none. */
struct str migrate_define_options(const struct relation *view, struct arena *arena);
/* "(a, b)" of a relation's columns. */
struct str migrate_define_columns(const struct relation *r, const int16_t *numbers, size_t n, struct arena *arena);
/* Without CONSTRAINT and its name: "FOREIGN KEY (a) REFERENCES t(b) ON DELETE CASCADE". */
struct str migrate_define_constraint(const struct snapshot *s, const struct relation *r, const struct constraint *k,
                                     struct arena *arena);
/* "CREATE UNIQUE INDEX n ON t USING btree (a, lower(b) DESC) WHERE …" */
struct str migrate_define_index(const struct relation *r, const struct index *x, struct arena *arena);
/* "AS bigint INCREMENT BY 1 MINVALUE 1 MAXVALUE 9 START WITH 1 NO CYCLE" */
struct str migrate_define_sequence(const struct snapshot *s, const struct relation *r, struct arena *arena);
/* Of an enum "('a', 'b')"; of a domain "integer NOT NULL DEFAULT 1 CONSTRAINT c CHECK (…)". */
struct str migrate_define_user_type(const struct snapshot *s, const struct user_type *t, struct arena *arena);
/* The tokens of a text of SQLite's, names without quotes, one blank behind each: equal whatever the layout. */
struct str migrate_define_tokens(struct str sql, struct arena *arena);

#endif
