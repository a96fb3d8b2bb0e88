/*
 * snapshot_build.h - what the files that make a snapshot from its rows share; nobody else includes it.
 */
#ifndef PGD1_CATALOG_SNAPSHOT_BUILD_H
#define PGD1_CATALOG_SNAPSHOT_BUILD_H

#include "proxy/catalog/side_catalog.h"
#include "proxy/catalog/snapshot_internal.h"
#include "proxy/catalog/sqlite_ddl.h"

/* Part of one of the read's row lists: the rows of one table. */
struct row_span {
    const struct read_row *rows;
    size_t n;
};

/* What the rows tell of one table or view, until its relation is done. */
struct table_source {
    struct relation *relation;
    struct str d1_type; /* table, view, virtual */
    struct row_span columns, keys, terms;
    struct sqlite_table parsed; /* empty for views and virtual tables */
    bool is_parsed;
    struct table_source *next;
};

struct build {
    struct snapshot_box *box;
    struct snapshot *snapshot;
    const struct snapshot_reader *read;
    struct arena *arena;
    struct side_catalog side;
    struct map objects;   /* "type\x1fname" -> read_row of READ_OBJECTS */
    struct map triggered; /* tables with triggers */
    struct map oids;      /* OIDs given, as decimal text */
    struct table_source *tables;
    struct err *err;
    bool failed; /* no memory: err is set at the end */
};

/* Allocations and texts that note a failure in b->failed; texts may then be {NULL,0}. */
void *build_alloc(struct build *b, size_t n, size_t size);
struct str build_keep(struct build *b, struct str made);
#define BUILD_ARRAY(b, type, n) ((type *)build_alloc((b), (n), sizeof(type)))

/* The OID for words, moved on by one as long as another object of this snapshot has it. */
oid_t build_oid(struct build *b, const char *kind, struct str schema, struct str name);
/* The CREATE text of an object, empty when there is none. */
struct str build_sql(const struct build *b, const char *type, struct str sqlite_name);
/* Without case, as SQLite compares column names. NULL: none. */
const struct column *build_column(const struct relation *r, struct str name);
/* A table or view by D1's name of it, without case as SQLite looks, read now or before. NULL: none. */
const struct relation *build_relation(const struct build *b, struct str sqlite_name);

/* The OID of a type that a detail names by member and member_schema; `otherwise` when it names none. */
struct cJSON;
oid_t build_type_named(struct build *b, const struct cJSON *detail, const char *member, const char *member_schema,
                       oid_t otherwise);

/* Constraints and indexes of every table, once all columns are there (snapshot_keys.c). */
void build_keys(struct build *b);
/* OIDs of indexes and constraints, once relations are in their final order. */
void build_key_oids(struct build *b, struct relation *relation);

#endif
