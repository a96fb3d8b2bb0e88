/*
 * engine.h - plans run in process: an in-memory SQLite stands for D1, the real local engine finishes.
 *
 * Owns     the database, its snapshot, the local engine.
 * Fails    err; a D1 error whose text is a raise of ours ("bad JSON path: '!22012:…'") becomes that SQLSTATE,
 *          '!local' makes the
 *          statement planned again with force_local, as the server does.
 */
#ifndef PGD1_TESTS_GOLDEN_ENGINE_H
#define PGD1_TESTS_GOLDEN_ENGINE_H

#include "proxy/sql/local.h"
#include "proxy/sql/plan.h"

struct engine;

struct engine_options {
    bool native_values; /* false: as the gateway and REST do */
    struct str time_zone;
    bool force_local;
};

struct engine *engine_new(const struct engine_options *options, struct err *err);
void engine_free(struct engine *e); /* accepts NULL */
/* Plans one statement; one reference. param_types: 0 unknown. */
bool engine_plan(struct engine *e, struct str text, const oid_t *param_types, size_t n_params, struct plan **ret,
                 struct err *err);
/* What engine_plan() plans with; the engine's, until its next DDL. */
const struct snapshot *engine_snapshot(const struct engine *e);
const struct sql_settings *engine_settings(const struct engine *e);
/* Prepares each D1 statement of a plan, so that what is printed is known to be SQLite's. */
bool engine_check(struct engine *e, const struct plan *plan, struct err *err);
struct engine_result {
    struct buf rows; /* text form, columns separated by '|', NULL as empty… as psql -At */
    int64_t changes;
    size_t n_rows;
};
/* Plans and runs; DDL changes the snapshot. params: text form, NULL pointer for NULL. */
bool engine_run(struct engine *e, struct str text, const struct str *params, size_t n_params, struct engine_result *ret,
                struct plan **ret_plan, struct err *err);

#endif
