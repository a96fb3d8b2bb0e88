/*
 * system.h - pg_catalog, information_schema and pgd1 relations: their descriptions, and their rows from a snapshot.
 *
 * Descriptions (columns, types, OIDs) come from PostgreSQL 15 (facts); rows from the built-in facts, the snapshot, and the live
 * state the server hands in. They are virtual tables of the local engine, named by relation->sqlite_name.
 */
#ifndef PGD1_CATALOG_SYSTEM_H
#define PGD1_CATALOG_SYSTEM_H

#include "proxy/catalog/names.h"
#include "proxy/catalog/snapshot.h"

struct sqlite3;

/* System relation by schema and name ("" searches pg_catalog only); NULL: none. by OID likewise. */
const struct relation *system_relation(struct str schema, struct str name);
const struct relation *system_relation_by_oid(oid_t oid);
/* PostgreSQL's, by schema, then name. */
const struct relation *system_relations(size_t *ret_n);
/* Those that it does not bring itself: the views of pg_stat_statements, and pgd1's own. */
const struct relation *system_own_relations(size_t *ret_n);

/* The query that defines a view of PostgreSQL's own; empty for tables and for views whose rows are made instead. */
struct str system_view_text(const struct relation *r);
/* What pg_get_viewdef() says of a system view, made or not. */
struct str system_view_definition(const struct relation *r);

struct system_source;
/* The name of a role, in arena; {NULL,0}: no such role. */
struct str system_role_name(const struct system_source *source, oid_t oid, struct arena *arena);
oid_t system_role_oid(const struct system_source *source, struct str name); /* 0: no such role */

/* What a view's query needs, each as often as it is named. part: the number of a column, 0: the relation itself. */
enum system_use { USE_RELATION, USE_TYPE, USE_CONSTRAINT };
struct system_uses {
    void (*note)(void *ctx, enum system_use use, oid_t object, int16_t part);
    void *ctx;
};

/* Live state, filled by the server for one run. Callbacks give rows cell by cell for relations the snapshot cannot answer. */
struct system_state {
    struct str database, user, owner; /* current_database(), session user, the role with OID 10 */
    struct name_path path;            /* what is shown by its bare name */
    bool shows_pgd1;                  /* the statement names schema pgd1 (system_pgd1.h) */
    /* rows of pg_stat_activity, pg_settings, pg_prepared_statements, pg_locks, pg_stat_statements, pg_roles…: calls add for each row */
    /* false: not a relation the server knows; reading it is refused then */
    bool (*rows)(void *ctx, struct str relation, bool (*add)(void *add_ctx, const struct value *cells, size_t n),
                 void *add_ctx);
    void *ctx;
    /* Reads a view's text, which the catalogue itself cannot; NULL: nothing is known. */
    void (*view_uses)(const struct snapshot *s, const struct relation *view, const struct system_uses *uses,
                      struct arena *arena);
};

/* What the virtual tables of one handle read from; set before each run, cleared after. */
struct system_source {
    const struct snapshot *snapshot;
    const struct system_state *state;
    uint64_t run; /* another number for each run: rows made for one are not used in the next */
};

/* pgd1.sequence_values, which pg_sequences reads: a row (sequence oid, last_value bigint) for every sequence that was called. It is made
 * of what D1 holds, so it is no system relation: it costs a read, and transactions see their own changes in it. */
const struct relation *system_sequence_values(void);

/* pgd1.migrations, and what stands for a call of pgd1.migrate_up() and its kin in FROM (proxy/migrate/call.h); rows come from the server,
 * which runs the command before the query. NULL: none. */
const struct relation *system_migration_relation(struct str name);
const struct relation *system_migration_relations(size_t *ret_n);

/* The columns that every table of PostgreSQL has besides its own: tableoid, xmin… in the order of their numbers -6 to -1. System tables have
 * them as hidden columns after their own. NULL: no such name. */
enum { SYSTEM_COLUMNS = 6 };
const struct column *system_columns(void);
/* Registers every system relation and the catalogue functions (pg_get_expr, format_type, pg_get_indexdef, obj_description, to_regclass,
 * pg_table_is_visible, has_table_privilege…) on a handle, as "pg_<prosrc>". source must outlive db. 0 or an SQLite error code. */
int system_register(struct sqlite3 *db, const struct system_source *source);

#endif
