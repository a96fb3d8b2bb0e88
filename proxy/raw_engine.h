/*
 * raw_engine.h - compiling a raw statement without running it: what SQLite knows about it.
 *
 * Not here what becomes of that: raw.c.
 */
#ifndef PGD1_PROXY_RAW_ENGINE_H
#define PGD1_PROXY_RAW_ENGINE_H

#include "proxy/raw.h"

enum raw_touch { RAW_READS = 1, RAW_WRITES = 2 };

struct raw_column {
    struct str name, declared, source; /* its table column's declared type, and "table.column"; empty: an expression */
    bool is_table_column;
};

struct raw_facts {
    struct raw_column *columns;
    size_t n_columns;
    bool is_read_only, is_explain;
    bool is_pragma, sets_pragma; /* a PRAGMA; one with a value, other than defer_foreign_keys */
    bool writes_own;             /* one of pgd1's own tables */
    unsigned char *touches;      /* enum raw_touch, an entry for each relation of the snapshot */
    struct str destroyed;        /* what DROP or ALTER names; empty: none */
};

/* Compiles it; ret's arrays are in arena. An error's position counts from `statement`'s start. */
bool raw_compile(struct raw_engine *e, struct str statement, const struct snapshot *snapshot, struct arena *arena,
                 struct raw_facts *ret, struct err *err);

#endif
