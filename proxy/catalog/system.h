/*
 * system.h - pg_catalog, information_schema and pgd1 relations: their descriptions, and their rows from a snapshot.
 *
 * Descriptions (columns, types, OIDs) come from PostgreSQL 15 (facts); rows from the built-in facts, the snapshot, and the live
 * state the server hands in. They are virtual tables of the local engine, named by relation->sqlite_name.
 */
#ifndef PGD1_CATALOG_SYSTEM_H
#define PGD1_CATALOG_SYSTEM_H

#include "proxy/catalog/snapshot.h"

struct sqlite3;

/* System relation by schema and name ("" searches pg_catalog only); NULL: none. by OID likewise. */
const struct relation *system_relation(struct str schema, struct str name);
const struct relation *system_relation_by_oid(oid_t oid);
/* All of them, by schema, then name. */
const struct relation *system_relations(size_t *ret_n);

/* Live state, filled by the server for one run. Callbacks give rows cell by cell for relations the snapshot cannot answer. */
struct system_state {
    struct str database, user; /* current_database(), session user */
    /* rows of pg_stat_activity, pg_settings, pg_prepared_statements, pg_locks, pg_stat_statements, pg_roles…: calls add for each row */
    /* false: not a relation the server knows; reading it is refused then */
    bool (*rows)(void *ctx, struct str relation, bool (*add)(void *add_ctx, const struct value *cells, size_t n),
                 void *add_ctx);
    void *ctx;
};

/* What the virtual tables of one handle read from; set before each run, cleared after. */
struct system_source {
    const struct snapshot *snapshot;
    const struct system_state *state;
};
/* Registers every system relation and the catalogue functions (pg_get_expr, format_type, pg_get_indexdef, obj_description, to_regclass,
 * pg_table_is_visible, has_table_privilege…) on a handle, as "pg_<prosrc>". source must outlive db. 0 or an SQLite error code. */
int system_register(struct sqlite3 *db, const struct system_source *source);

#endif
