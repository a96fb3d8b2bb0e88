/*
 * difference.h - two schemas compared object by object: what is there, and what is declared.
 *
 * Both are snapshots, so both dialects are compared by what PostgreSQL's catalogue says of them; what only SQLite knows (collations,
 * STRICT, WITHOUT ROWID, clauses the catalogue does not keep) is compared besides. The order of columns is none of it, nor are the
 * names of constraints that neither text says. What belongs to migrations themselves or to nobody's schema is left out: the journal's
 * tables, _pgd1_*, sqlite_*, _cf_*.
 *
 * Owns     nothing: texts live in the arena given, pointers lead into the snapshots.
 * Fails    53200.
 * Not here what makes one into the other: generate.h.
 */
#ifndef PGD1_MIGRATE_DIFFERENCE_H
#define PGD1_MIGRATE_DIFFERENCE_H

#include "proxy/base/err.h"
#include "proxy/catalog/snapshot.h"

enum migrate_kind {
    MIGRATE_KIND_SCHEMA,
    MIGRATE_KIND_EXTENSION,
    MIGRATE_KIND_TYPE, /* enum or domain */
    MIGRATE_KIND_SEQUENCE,
    MIGRATE_KIND_TABLE, /* virtual ones too */
    MIGRATE_KIND_COLUMN,
    MIGRATE_KIND_CONSTRAINT,
    MIGRATE_KIND_INDEX,
    MIGRATE_KIND_VIEW,
    MIGRATE_KIND_TRIGGER,
    MIGRATE_KIND_NR
};

enum migrate_change { MIGRATE_ABSENT, MIGRATE_UNDECLARED, MIGRATE_CHANGED };

/* What of an object is another: of columns each its own, of others the definition or the comment. */
enum migrate_facet {
    MIGRATE_FACET_TYPE,
    MIGRATE_FACET_STORAGE,
    MIGRATE_FACET_NOT_NULL,
    MIGRATE_FACET_GENERATED,
    MIGRATE_FACET_IDENTITY,
    MIGRATE_FACET_SEQUENCE,
    MIGRATE_FACET_DEFAULT,
    MIGRATE_FACET_COLLATION,
    MIGRATE_FACET_ROWID,
    MIGRATE_FACET_NAME, /* of a constraint */
    MIGRATE_FACET_DEFINITION,
    MIGRATE_FACET_COMMENT,
    MIGRATE_FACET_NR
};

struct migrate_difference {
    enum migrate_kind kind;
    enum migrate_change change;
    enum migrate_facet facet;      /* of MIGRATE_CHANGED */
    struct str schema, name, part; /* part: column, constraint, index or trigger of the table `name`; else empty */
    struct str text;               /* for people: "column type is integer, declared bigint" */
    const struct relation *is,
        *wanted; /* the relation in each, NULL: not there; of types, schemas, extensions: both NULL */
    const void *is_part,
        *wanted_part; /* its struct column, constraint, index, user_type, snapshot_object; NULL: not there */
};

struct migrate_differences {
    struct migrate_difference
        *list; /* in order of kinds' objects: schemas, types, sequences, tables with their parts, views, triggers */
    size_t n, room;
};

/* wrangler_table: the journal's own name in this project, empty: the usual one. */
bool migrate_difference(const struct snapshot *is, const struct snapshot *wanted, struct str wrangler_table,
                        struct arena *arena, struct migrate_differences *ret, struct err *err);
const char *migrate_kind_name(enum migrate_kind kind); /* "foreign key" is a "constraint" */
/* Whether a name belongs to migrations or to D1, not to the schema. */
bool migrate_is_internal(struct str name, struct str wrangler_table);

#endif
