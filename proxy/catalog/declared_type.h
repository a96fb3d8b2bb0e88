/*
 * declared_type.h - declared types of D1's schema <-> PostgreSQL's types (design: "Storage of types").
 *
 * Owns     nothing; texts go into the caller's arena.
 * Fails    reading never: what no row of declared_type.def names goes by SQLite's affinity.
 * Not here the side catalogue, which overrules a declared type: snapshot_reader.c.
 */
#ifndef PGD1_CATALOG_DECLARED_TYPE_H
#define PGD1_CATALOG_DECLARED_TYPE_H

#include "proxy/catalog/snapshot.h"

enum sqlite_affinity { AFFINITY_BLOB, AFFINITY_TEXT, AFFINITY_NUMERIC, AFFINITY_INTEGER, AFFINITY_REAL };

struct declared_type {
    oid_t type;
    int32_t typmod; /* -1: none */
    enum column_storage storage;
};

/* SQLite's rules (datatype3, 3.1). */
enum sqlite_affinity sqlite_affinity_of(struct str declared);
struct declared_type declared_type_read(struct str declared);
/* The declared type for a column of a built-in type, an array of one (TEXT), or a user type's base type. When declared_type_read() of it
 * would not give type and typmod back, *ret_derivable is false and the side catalogue must name them. {NULL,0}: no memory. */
struct str declared_type_write(oid_t type, int32_t typmod, struct arena *arena, bool *ret_derivable);
/* How cells of a column so declared are stored, for a type the side catalogue names. */
enum column_storage declared_type_storage(struct str declared, oid_t base_type);

/* numeric's typmod, taken apart: precision and scale (scale may be negative). */
static inline int numeric_precision(int32_t typmod)
{
    return (int)(((uint32_t)(typmod - 4) >> 16) & 0xFFFF);
}
static inline int numeric_scale(int32_t typmod)
{
    return (int)((((uint32_t)(typmod - 4) & 0x7FF) ^ 1024) - 1024);
}
static inline int32_t numeric_typmod(int precision, int scale)
{
    return (int32_t)(((uint32_t)precision << 16) | ((uint32_t)scale & 0x7FF)) + 4;
}

#endif
