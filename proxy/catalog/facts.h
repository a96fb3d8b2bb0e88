/*
 * facts.h - what PostgreSQL 15's own catalogue says: its types, functions, operators, casts, aggregates.
 *
 * The rows are facts taken from a running PostgreSQL 15 by tests/support/catalog_facts.py and stand in facts_*.def, with
 * PostgreSQL's OIDs. Name resolution, typing (analyze) and the answers to catalogue queries read the same rows, so the
 * catalogue cannot disagree with what the translator believes. Whether pgd1 can run a function is said elsewhere (sql/functions.def).
 *
 * Owns     constant tables; nothing to free. Thread-safe.
 * Fails    lookups answer NULL or an empty span.
 * Not here user objects: snapshot.h.
 */
#ifndef PGD1_CATALOG_FACTS_H
#define PGD1_CATALOG_FACTS_H

#include "proxy/base/str.h"

typedef uint32_t oid_t;

struct pg_type {
    oid_t oid;
    const char *name;
    oid_t array, element; /* typarray, typelem (element only for true arrays: typsubscript = array_subscript_handler) */
    int16_t length;
    char kind;     /* typtype: b c d e p r m */
    char category; /* typcategory */
    bool preferred;
    char delimiter;
    /* the rest of pg_type's row, for the catalogue's own answers */
    oid_t typelem, relation; /* typelem of name, point… too; typrelid of row types */
    bool by_value;
    oid_t input, output, receive, send, modin, modout, analyze, subscript;
    char align, storage;
    oid_t collation;
};

enum { PG_PROC_ARGS_MAX = 16 };

struct pg_proc {
    oid_t oid;
    const char *name;
    char kind;       /* prokind: f a w p */
    char volatility; /* provolatile: i s v */
    bool strict, returns_set;
    oid_t result;
    oid_t variadic;             /* provariadic: element type, 2276 for "any", or 0 */
    uint8_t n_args, n_defaults; /* input arguments; the last n_defaults of them have defaults */
    oid_t args[PG_PROC_ARGS_MAX];
    const char *
        source; /* internal functions: prosrc ("int4pl"), the key of sql/functions.def; SQL functions: "name(type,type)"; aggregates: "name(type,…)" */
    const char *out_args;  /* for functions with OUT/TABLE columns: "name type_oid,name type_oid", else NULL */
    const char *arg_names; /* proargnames of the input arguments, comma-separated, or NULL (named notation) */
    const char
        *defaults; /* SQL texts of the defaults as pg_get_function_arguments shows them, separated by \x1f, or NULL */
    bool is_information_schema; /* of schema information_schema, else pg_catalog */
    /* the rest of pg_proc's row, for the catalogue's own answers */
    char language; /* i internal, c C, s SQL */
    float cost, rows;
    bool leakproof;
    char parallel;
    oid_t support;
};

/* Its schema. */
const char *pg_proc_schema(const struct pg_proc *p);

struct pg_proc_more {
    oid_t oid;
    const char *source, *body; /* prosrc of SQL functions, their prosqlbody as text or NULL */
    const char *acl;           /* proacl, a JSON array of texts, or NULL */
    const char *library;       /* probin or NULL */
};

struct pg_operator {
    oid_t oid;
    const char *name;
    char kind; /* oprkind: b l */
    oid_t left, right, result, proc;
    oid_t commutator, negator;
    bool can_merge, can_hash;
    oid_t restriction, join;
};

struct pg_cast {
    oid_t source, target, proc; /* proc 0 with method b or i */
    char context;               /* castcontext: e a i */
    char method;                /* castmethod: f b i */
    oid_t oid;
};

struct pg_aggregate {
    oid_t proc;
    char kind; /* aggkind: n o h */
    uint8_t n_direct_args;
};

const struct pg_type *pg_type_by_oid(oid_t oid);
const struct pg_type *pg_type_by_name(struct str name); /* of pg_catalog, internal names ("int4", "_int4") */
const struct pg_proc *pg_proc_by_oid(oid_t oid);
/* Functions of that name, side by side in memory; NULL and *ret_n = 0 when there is none. Names are case-sensitive, as stored. */
const struct pg_proc *pg_procs_by_name(struct str name, size_t *ret_n);
const struct pg_proc_more *pg_proc_more(oid_t oid); /* NULL: nothing more to say of it */
const struct pg_operator *pg_operator_by_oid(oid_t oid);
const struct pg_operator *pg_operators_by_name(struct str name, size_t *ret_n);
const struct pg_cast *pg_cast_find(oid_t source, oid_t target);
const struct pg_aggregate *pg_aggregate_by_proc(oid_t proc);

/* Whole tables, for the catalogue's own answers. */
const struct pg_type *pg_types(size_t *ret_n);
const struct pg_proc *pg_procs(size_t *ret_n);
const struct pg_operator *pg_operators(size_t *ret_n);
const struct pg_cast *pg_casts(size_t *ret_n);
const struct pg_aggregate *pg_aggregates(size_t *ret_n);

#endif
