/*
 * snapshot_internal.h - what the reader and the builder of snapshots share; nobody else includes it.
 */
#ifndef PGD1_CATALOG_SNAPSHOT_INTERNAL_H
#define PGD1_CATALOG_SNAPSHOT_INTERNAL_H

#include <stdatomic.h>
#include "proxy/catalog/snapshot.h"

/* The statements of the batch, in order. */
enum snapshot_statement {
    READ_OBJECTS,     /* type, name, tbl_name, sql */
    READ_KINDS,       /* name, type, ncol, wr */
    READ_COLUMNS,     /* table, cid, name, type, notnull, dflt_value, pk, hidden */
    READ_KEYS,        /* table, id, seq, foreign table, from, to, on_update, on_delete */
    READ_INDEX_TERMS, /* table, index, unique, origin, partial, seqno, cid, column, desc */
    READ_SIDE,        /* kind, schema, name, detail */
    READ_NR
};

enum { READ_CELLS_MAX = 9 };

struct read_row {
    struct value cells[READ_CELLS_MAX];
};

struct read_rows {
    struct read_row *rows;
    size_t n, room;
};

struct snapshot_reader {
    struct arena *arena; /* the rows' */
    struct read_rows read[READ_NR];
    uint64_t version;
    bool failed;
    /* what is there beside the relations that were read, and foreign keys may refer to (snapshot_renew.c) */
    const struct relation *others;
    size_t n_others;
};

struct oid_row {
    oid_t oid;
    const struct relation *relation;
};

/* The snapshot as it is allocated: its public part first. */
struct snapshot_box {
    struct snapshot snapshot;
    atomic_uint references;
    struct oid_row *by_oid;    /* n_relations entries by OID */
    struct snapshot *parts[2]; /* references that it holds, or NULL (snapshot_join, snapshot_renew.c) */
    bool is_renewed;           /* parts[0] has what was read last, which holds what was read before */
};

/* schema and name out of D1's name for an object: "schema.name" when that schema exists, else public. */
void snapshot_split(const struct snapshot *s, struct str sqlite_name, struct str *ret_schema, struct str *ret_name);

/* Fills the box from the rows. All memory in box->snapshot.arena. */
bool snapshot_build(struct snapshot_box *box, const struct snapshot_reader *rows, struct err *err);

/* For qsort(): relations by schema and name, as user_relation() looks for them; rows of by_oid. */
int snapshot_name_order(const void *a, const void *b);
int snapshot_oid_order(const void *a, const void *b);

/* A cell as text: {NULL,0} for NULL. As integer: 0 for NULL. */
struct str read_text(const struct read_row *row, size_t cell);
int64_t read_integer(const struct read_row *row, size_t cell);

#endif
