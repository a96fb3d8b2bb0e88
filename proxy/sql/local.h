/*
 * local.h - the local engine: an in-memory SQLite with PostgreSQL's functions and the catalogue's relations.
 *
 * It answers plans of place "here" (constants, catalogue) and finishes what D1 could not compute. Functions are registered as
 * "pg_<prosrc>" (prosrc of pg_proc: pg_textregexeq, pg_timestamptz_to_char…), one per C function of functions/, taking and giving
 * storage forms (pgwire/types.h). A polymorphic function gets the OIDs of its argument types as extra leading integer argument(s),
 * as its row in functions.def says. Collating needs: COLLATE pg_numeric, pg_interval, pg_timetz order TEXT of those types as PostgreSQL does;
 * pg_jsonb and pg_array likewise.
 * Fetched rows are inputs: eponymous virtual tables f0…f7 with columns c0…c99 that read the rows in place and in order.
 *
 * Owns     the SQLite handle; one per worker thread, never shared.
 * Lives    as long as its thread. A run's rows and settings only during local_run().
 * Fails    err with the SQLSTATE a function raised (sqlite3_result_error carries "!SQLSTATE message" inside the engine); 54000 at caps.
 */
#ifndef PGD1_SQL_LOCAL_H
#define PGD1_SQL_LOCAL_H

#include "proxy/sql/plan.h"
#include "proxy/sql/session_calls.h"

struct local_engine;

struct local_engine *local_new(struct err *err);
void local_free(struct local_engine *e); /* accepts NULL */

/* Rows fetched from D1 for one input; cells are copied in. */
struct local_rows;
struct local_rows *local_rows_new(size_t n_columns, size_t max_bytes);
bool local_rows_add(struct local_rows *rows, const struct value *cells,
                    size_t n_cells); /* false: over the cap or no memory */
size_t local_rows_count(const struct local_rows *rows);
size_t local_rows_bytes(const struct local_rows *rows);
void local_rows_free(struct local_rows *rows); /* accepts NULL */

struct local_run {
    struct str sql;
    const struct value *binds;
    size_t n_binds;
    struct local_rows *const *inputs;
    size_t n_inputs;
    const struct snapshot *snapshot; /* catalogue relations answer from it; may be NULL when not needed */
    const struct system_state
        *system; /* live facts for pg_stat_activity, pg_settings…; may be NULL (proxy/catalog/system.h) */
    const struct type_settings *types;
    int64_t now_us;
    bool (*session_value)(void *ctx, struct str name, struct arena *arena,
                          struct value *ret); /* current_user, current_setting(…) */
    /* set_config(): changes a setting of the session; *ret is what SHOW says then. NULL: 0A000 */
    bool (*set_config)(void *ctx, struct str name, struct str value, bool is_local, struct arena *arena,
                       struct str *ret, struct err *err);
    /* A function that acts on sessions. False with err; what has to wait fails too, and the caller knows. NULL: 0A000 */
    bool (*session_call)(void *ctx, enum session_call call, const struct value *args, struct arena *arena,
                         struct value *ret, struct err *err);
    void (*notice)(void *ctx, const struct err *notice); /* a NOTICE to the client; NULL: nobody listens */
    void *session_ctx;
    uint64_t max_rows, max_bytes, max_steps; /* 0: none */
    /* Each result row; cells valid inside the call only. False stops the run (its error is the callee's business). */
    bool (*on_row)(void *ctx, const struct value *cells, size_t n_cells);
    void *ctx;
    struct arena *arena; /* for errors */
};

/* Synchronous: it never waits for I/O. Keeps prepared statements by text (bounded). */
bool local_run(struct local_engine *e, const struct local_run *run, struct err *err);

/* Whether a function of that name, "pg_<prosrc>", is registered with any number of arguments. Thread-safe; for planning, so that
 * what is missing is refused before anything runs. */
bool local_has_function(struct str name);

/* Constant folding at plan or bind time: one registered function on storage values. */
bool local_call(struct local_engine *e, const char *function, const struct value *args, size_t n_args,
                const struct type_settings *types, struct arena *arena, struct value *ret, struct err *err);

#endif
