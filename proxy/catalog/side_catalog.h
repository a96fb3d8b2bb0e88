/*
 * side_catalog.h - the table _pgd1_catalog: what D1's own schema cannot say about a database.
 *
 *   _pgd1_catalog(kind TEXT, schema TEXT, name TEXT, detail TEXT, PRIMARY KEY(kind, schema, name)) WITHOUT ROWID
 *
 *   kind        name                     detail (a JSON object; every member optional)
 *   schema      '' (schema is the name)  comment
 *   table       table                    unlogged (true), comment
 *   column      table.column             type, type_schema (user types), typmod, default, identity (a d), sequence, plain (true: a rowid
 *                                        without identity), no_default (true: dropped, whatever D1 says), storage (unixepoch unixms unixus datetime natural), collation,
 *                                        comment
 *   constraint  table.constraint         expression (CHECK, PostgreSQL's text), comment
 *   index       index                    columns: [{expression, label, type, nulls_first, opclass, collation, expression_collation}], include: [names], method (hash),
 *                                        predicate, constraint (p u: it stands for one), comment
 *   extension   extension                comment; its schema is where its functions are
 *   view        view                     text, columns: [{name, type, type_schema, typmod, collation}], options: ["name=value"], comment
 *   sequence    sequence                 type, start, increment, min, max (decimal texts), cycle, owner_table, owner_column, unlogged, comment
 *   type        type                     kind (e d), labels: […] | base, base_schema, typmod, collation, not_null, default, checks: [{name, expression}], comment
 *
 * Names inside a table are written by name_child_key() (names.h). Values of sequences are in _pgd1_sequence, so that nextval touches one row:
 *   _pgd1_sequence(name TEXT PRIMARY KEY, last_value INTEGER NOT NULL, is_called INTEGER NOT NULL) WITHOUT ROWID, name as D1 would call the sequence
 *
 * Owns     the parsed details, until side_catalog_fini().
 * Fails    XX001 when a detail is no JSON object.
 * Not here writing it: proxy/sql/ddl_*.c.
 */
#ifndef PGD1_CATALOG_SIDE_CATALOG_H
#define PGD1_CATALOG_SIDE_CATALOG_H

#include "proxy/base/err.h"
#include "proxy/base/map.h"

#define SIDE_CATALOG_CREATE                                                                                            \
    "CREATE TABLE IF NOT EXISTS _pgd1_catalog(kind TEXT NOT NULL, schema TEXT NOT NULL, name TEXT NOT NULL, detail "   \
    "TEXT NOT NULL, "                                                                                                  \
    "PRIMARY KEY(kind, schema, name)) WITHOUT ROWID"
#define SIDE_SEQUENCE_CREATE                                                                                           \
    "CREATE TABLE IF NOT EXISTS _pgd1_sequence(name TEXT NOT NULL PRIMARY KEY, last_value INTEGER NOT NULL, "          \
    "is_called INTEGER NOT NULL) WITHOUT ROWID"

struct cJSON;

struct side_entry {
    struct str kind, schema, name;
    struct cJSON *detail;
};

struct side_catalog {
    struct side_entry *entries; /* in the order they were added */
    size_t n, room;
    struct map by_key;
    struct arena *arena;
};

void side_catalog_init(struct side_catalog *c, struct arena *arena);
void side_catalog_fini(struct side_catalog *c);
bool side_catalog_add(struct side_catalog *c, struct str kind, struct str schema, struct str name, struct str detail,
                      struct err *err);
/* The detail of one object, NULL: none. */
const struct cJSON *side_find(const struct side_catalog *c, const char *kind, struct str schema, struct str name);
const struct cJSON *side_find_child(const struct side_catalog *c, const char *kind, struct str schema, struct str table,
                                    struct str child);

/* Members, copied to the arena: empty, false, otherwise when absent. detail may be NULL. */
struct str side_text(const struct side_catalog *c, const struct cJSON *detail, const char *member);
bool side_flag(const struct cJSON *detail, const char *member);
int64_t side_integer(const struct cJSON *detail, const char *member, int64_t otherwise);

#endif
