/*
 * system_rows.h - how the rows of system relations are made; for the system_*.c files only.
 *
 * A provider fills rows cell by cell by column name and ends each with row_end(). Cells left alone are NULL. One row per provider
 * in system_providers.def; what every PostgreSQL has comes from facts_row.def; relations that are truly empty on this server stand in
 * system_empty.def. Others answer 0A000 when read.
 */
#ifndef PGD1_CATALOG_SYSTEM_ROWS_H
#define PGD1_CATALOG_SYSTEM_ROWS_H

#include "proxy/base/value.h"
#include "proxy/catalog/system.h"
#include "proxy/catalog/system_pgd1.h"

struct system_rows {
    const struct relation *relation;
    struct arena *arena; /* dies when the scan ends */
    struct value **rows;
    size_t n, size, n_fixed; /* the first n_fixed are PostgreSQL's own */
    struct value *current;
    bool failed; /* no memory */
};

/* Rows of facts_row.def: what a fresh PostgreSQL 15 has in that relation. Shared by all threads, never freed. False: none are kept for it. */
bool fixed_rows(const struct relation *r, struct value ***ret, size_t *ret_n);
/* The row of pg_catalog.<relation> among them whose first column is the OID. NULL: none. */
const struct value *fixed_row(const char *relation, oid_t oid);

/* A provider: adds the rows of the user's objects to the fixed ones. source->snapshot may be NULL: only built-in objects then. */
typedef void system_provider(struct system_rows *rows, const struct system_source *source);

void row_begin_cells(struct system_rows *rows);
void row_set(struct system_rows *rows, const char *column,
             struct value v); /* aborts in debug builds on an unknown column */
void row_set_text(struct system_rows *rows, const char *column,
                  struct str s); /* copied only when in the arena already or constant: lent */
void row_set_cstr(struct system_rows *rows, const char *column, const char *s);
void row_set_int(struct system_rows *rows, const char *column, int64_t v);
void row_set_bool(struct system_rows *rows, const char *column, bool v);
void row_end_cells(struct system_rows *rows);

#define PROVIDER(schema, name, function) system_provider function;
#include "proxy/catalog/system_providers.def"
#undef PROVIDER

/* OIDs that every PostgreSQL has. */
enum {
    OID_PG_CATALOG = 11,
    OID_PUBLIC = 2200,
    OID_OWNER = 10,
    OID_HEAP = 2,
    OID_BTREE = 403,
    OID_HASH = 405,
    OID_INFORMATION_SCHEMA = 13207, /* given at initdb, the same by every PostgreSQL 15 */
    OID_PG_CLASS = 1259,
    OID_PG_TYPE = 1247,
    OID_PG_CONSTRAINT = 2606,
    OID_PG_NAMESPACE = 2615,
    OID_DEFAULT_TABLESPACE = 1663
};
/* Rows of schema pgd1 are wanted (system_pgd1.h). */
static inline bool shows_pgd1(const struct system_source *source)
{
    return source->state && source->state->shows_pgd1;
}
oid_t system_schema_oid(struct str schema);       /* of user schemas: derived from the name */
oid_t system_row_array(const struct relation *r); /* the array type of a relation's row type */

oid_t system_default_oid(const struct relation *r, const struct column *c);
oid_t system_rule_oid(const struct relation *r); /* of a view */
/* pg_get_triggerdef(); {NULL,0}: no such trigger. */
struct str system_trigger_text(const struct snapshot *s, oid_t oid, bool pretty, struct arena *arena);
/* The columns that an expression's text names, in the order of their appearance, each once; at most `room`. */
size_t system_expression_columns(const struct relation *r, struct str text, int16_t *ret, size_t room);
oid_t system_domain_check(const struct user_type *u, size_t i);
/* The index that a key has, or that a foreign key refers to (f: the referenced table); 0: none. */
/* pg_index.indcollation of one column. */
oid_t system_index_collation(const struct snapshot *s, const struct relation *r, const struct index_column *x);
oid_t system_constraint_index(const struct relation *r, const struct relation *f, const struct constraint *c);
const struct relation *system_foreign_table(const struct snapshot *s, const struct constraint *c);

#endif
