/*
 * session_setting.h - what a session answers about itself: SHOW, SET, current_user, pg_backend_pid()…, and ParameterStatus.
 *
 * Most settings are plain (guc.h); transaction_isolation, role, pgd1.bookmark and their kin have their value elsewhere.
 *
 * Owns     nothing.
 * Fails    as guc.h; 42704 for unknown names.
 */
#ifndef PGD1_PROXY_SESSION_SETTING_H
#define PGD1_PROXY_SESSION_SETTING_H

#include "proxy/session.h"
#include "proxy/sql/plan.h"

bool session_show(struct session *s, struct str name, struct arena *arena, struct str *ret, struct err *err);
bool session_set(struct session *s, struct str name, struct str value, enum guc_scope scope, struct err *err);
bool session_reset(struct session *s, struct str name, bool is_local, struct err *err);
/* A session fact by name, for plans and the local engine (bind_input.session_value): ctx is the session. Facts with an argument
 * have it behind a colon ("current_setting:work_mem"). False: no such fact. */
bool session_value(void *ctx, struct str name, struct arena *arena, struct value *ret);
/* set_config() (local_run.set_config): ctx is the session. */
bool session_set_config(void *ctx, struct str name, struct str value, bool is_local, struct arena *arena,
                        struct str *ret, struct err *err);
int64_t session_clock_us(void *ctx); /* bind_input.clock_us */
/* ParameterStatus of every reported setting, at login. */
void session_report_all(struct session *s);
/* ParameterStatus of those that changed since the last report. */
void session_report_settings(struct session *s);
/* Names of the search path that exist, for the translator: at most n of them in path; answers how many. */
size_t session_search_path(struct session *s, const struct snapshot *snapshot, struct arena *arena,
                           const struct str **ret);
/* What the translator asks about the session. */
void session_sql_settings(struct session *s, const struct snapshot *snapshot, struct arena *arena,
                          struct sql_settings *ret);

#endif
