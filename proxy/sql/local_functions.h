/*
 * local_functions.h - how the C functions of the local engine are declared and what they may ask of a run.
 *
 * A family is a file in functions/ with a table of rows; local.c registers every family. A function takes and gives storage
 * forms (pgwire/types.h).
 *
 * Fails    local_fail() with a full struct err; the run ends with it.
 */
#ifndef PGD1_SQL_LOCAL_FUNCTIONS_H
#define PGD1_SQL_LOCAL_FUNCTIONS_H

#include "proxy/sql/local.h"
#include "sqlite3.h"

enum local_function_flag {
    LOCAL_STRICT =
        1, /* NULL in, NULL out: the function itself checks with local_has_null() first; a test holds it to that */
    LOCAL_DETERMINISTIC = 2, /* immutable: SQLite may evaluate it once for constant arguments */
    LOCAL_ANY_ARGS = 4,      /* n_args is a minimum */
};

struct local_function {
    const char *name; /* "pg_<prosrc>" */
    int n_args;
    unsigned flags;
    void (*call)(sqlite3_context *c, int n, sqlite3_value **args); /* scalar */
    /* aggregates instead: step and final, with a state of sqlite3_aggregate_context() that starts as zeros, is no larger than
     * LOCAL_STATE_BYTES and is dropped by final. value and inverse too when they can take rows back; else a window keeps its
     * rows and counts them anew (local_moving.h). */
    void (*step)(sqlite3_context *c, int n, sqlite3_value **args);
    void (*final)(sqlite3_context *c);
    void (*value)(sqlite3_context *c);
    void (*inverse)(sqlite3_context *c, int n, sqlite3_value **args);
};

enum { LOCAL_STATE_BYTES = 512 };

struct local_collation {
    const char *name; /* "pg_numeric" */
    int (*compare)(struct str a, struct str b);
};

struct local_family {
    const struct local_function *functions;
    size_t n_functions;
    const struct local_collation *collations;
    size_t n_collations;
    /* Set-returning functions and whatever else needs the handle: called once per engine. 0 or an SQLite code. NULL: none. */
    int (*setup)(sqlite3 *db, struct local_engine *engine);
};

/* One declaration per family; local.c lists them in local_families.def. */
#define FAMILY(name) extern const struct local_family local_family_##name;
#include "proxy/sql/local_families.def"
#undef FAMILY

/* What the run under way was given. Valid during the call only. */
const struct local_run *local_current_run(struct local_engine *e);
struct local_engine *local_of(sqlite3_context *c);
const struct local_function *local_function_of(sqlite3_context *c);
/* Scratch memory of the run: freed when it ends. */
struct arena *local_arena(struct local_engine *e);
/* An err whose texts live in that memory, to hand to codecs and numeric/datetime functions. */
struct err *local_err(struct local_engine *e);
/* Ends the call with the error of local_err(); a clear err means out of memory. */
void local_fail(sqlite3_context *c);

/* Whether one of the arguments is NULL. */
bool local_has_null(int n, sqlite3_value **args);
/* Arguments and results as values; texts of results are copied by SQLite. */
struct value local_argument(sqlite3_value *v);
struct str local_text(sqlite3_value *v); /* TEXT of any class */
void local_result(sqlite3_context *c, const struct value *v);
void local_result_text(sqlite3_context *c, struct str s);

#endif
