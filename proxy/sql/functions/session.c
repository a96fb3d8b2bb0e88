/* session.c - what a session and its server say of themselves (PostgreSQL 9.26); asked of the run's session_value. */
#include "proxy/catalog/encoding.h"
#include "proxy/catalog/system_rows.h"
#include "proxy/sql/functions/typed.h"

#include <time.h>

/* The fact of that name, or false after an error when nobody answers. */
static bool fact(sqlite3_context *c, struct str name, struct value *ret)
{
    const struct local_run *run = local_current_run(local_of(c));
    return run->session_value && run->session_value(run->session_ctx, name, scratch(c), ret);
}

static void give_fact(sqlite3_context *c, struct str name)
{
    struct value v;
    if (fact(c, name, &v))
        local_result(c, &v);
}

#define FACT(name)                                                                                                     \
    static void name(sqlite3_context *c, int n, sqlite3_value **args)                                                  \
    {                                                                                                                  \
        (void)n, (void)args;                                                                                           \
        give_fact(c, STR(#name));                                                                                      \
    }
FACT(current_database)
FACT(current_schema)
FACT(current_user)
FACT(session_user)
FACT(pg_backend_pid)
FACT(pg_listening_channels)
FACT(inet_client_addr)
FACT(inet_client_port)
FACT(version)

static void current_schemas(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    give_fact(c, sqlite3_value_int(args[0]) ? STR("current_schemas_implicit") : STR("current_schemas"));
}

static void now(sqlite3_context *c, int n, sqlite3_value **args)
{
    (void)n, (void)args;
    result_timestamp(c, local_current_run(local_of(c))->now_us);
}

static void clock_now(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct timespec t;
    (void)n, (void)args;
    clock_gettime(CLOCK_REALTIME, &t);
    result_timestamp(c, (int64_t)t.tv_sec * US_PER_SECOND + t.tv_nsec / 1000);
}

static void server_started(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct value v;
    (void)n, (void)args;
    if (fact(c, STR("pg_postmaster_start_time"), &v) && v.class == VALUE_INTEGER)
        result_timestamp(c, v.integer);
}

static void encoding(sqlite3_context *c, int n, sqlite3_value **args)
{
    (void)n, (void)args;
    local_result_text(c, STR("UTF8"));
}

static void name_of_encoding(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    local_result_text(c, encoding_name(sqlite3_value_int64(args[0])));
}

static void number_of_encoding(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    sqlite3_result_int(c, encoding_number(local_text(args[0])));
}

static void show_setting(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct value v;
    STRICT(n, args);
    struct str name = arena_printf(scratch(c), "current_setting:%.*s", STR_FMT(local_text(args[0])));
    if (name.p && fact(c, name, &v))
        local_result(c, &v);
    else if (n < 2 || !sqlite3_value_int(args[1]))
        fail_with(c, SQLSTATE_UNDEFINED_OBJECT, "unrecognized configuration parameter \"%.*s\"",
                  STR_FMT(local_text(args[0])));
}

/* set_config(name, value, is_local); a NULL value is the empty text as PostgreSQL has it. */
static void set_config(sqlite3_context *c, int n, sqlite3_value **args)
{
    const struct local_run *run = local_current_run(local_of(c));
    struct str shown;
    (void)n;
    if (sqlite3_value_type(args[0]) == SQLITE_NULL) {
        fail_with(c, SQLSTATE_NULL_VALUE_NOT_ALLOWED, "SET requires parameter name");
    } else if (!run->set_config) {
        err_unsupported(errors(c), "set_config() here");
        local_fail(c);
    } else if (run->set_config(run->session_ctx, local_text(args[0]), local_text(args[1]),
                               sqlite3_value_int(args[2]) != 0, scratch(c), &shown, errors(c))) {
        local_result_text(c, shown);
    } else {
        local_fail(c);
    }
}

static void always_false(sqlite3_context *c, int n, sqlite3_value **args)
{
    (void)n, (void)args;
    sqlite3_result_int(c, 0);
}

/* 0 before the session has made its first temporary table. */
static void my_temp_schema(sqlite3_context *c, int n, sqlite3_value **args)
{
    const struct snapshot *s = local_current_run(local_of(c))->snapshot;
    oid_t oid = 0;
    (void)n, (void)args;
    for (size_t i = 0; s && i < s->n_schemas; i++)
        if (str_is(s->schemas[i], SNAPSHOT_TEMPORARY))
            oid = system_schema_oid(s->schemas[i]);
    sqlite3_result_int64(c, oid);
}

#define ROW(source, function, args, how)                                                                               \
    {                                                                                                                  \
        .name = "pg_" #source, .n_args = args, .flags = how, .call = function                                          \
    }
static const struct local_function functions[] = {
    ROW(current_database, current_database, 0, 0),
    ROW(current_schema, current_schema, 0, 0),
    ROW(current_schemas, current_schemas, 1, LOCAL_STRICT),
    ROW(current_user, current_user, 0, 0),
    ROW(session_user, session_user, 0, 0),
    { .name = "pg_pg_backend_pid", .n_args = 0, .call = pg_backend_pid },
    { .name = "pg_pg_listening_channels", .n_args = 0, .call = pg_listening_channels },
    ROW(inet_client_addr, inet_client_addr, 0, 0),
    ROW(inet_client_port, inet_client_port, 0, 0),
    ROW(pgsql_version, version, 0, 0),
    ROW(now, now, 0, 0),
    ROW(statement_timestamp, now, 0, 0),
    ROW(clock_timestamp, clock_now, 0, 0),
    ROW(pg_postmaster_start_time, server_started, 0, 0),
    ROW(pg_conf_load_time, server_started, 0, 0),
    ROW(getdatabaseencoding, encoding, 0, 0),
    ROW(pg_client_encoding, encoding, 0, 0),
    ROW(PG_encoding_to_char, name_of_encoding, 1, LOCAL_STRICT),
    ROW(PG_char_to_encoding, number_of_encoding, 1, LOCAL_STRICT),
    ROW(show_config_by_name, show_setting, 1, LOCAL_STRICT),
    ROW(show_config_by_name_missing_ok, show_setting, 2, LOCAL_STRICT),
    ROW(set_config_by_name, set_config, 3, 0),
    ROW(pg_is_in_recovery, always_false, 0, 0),
    ROW(pg_jit_available, always_false, 0, 0),
    ROW(pg_is_other_temp_schema, always_false, 1, 0),
    ROW(pg_my_temp_schema, my_temp_schema, 0, 0),
};

const struct local_family local_family_session = { .functions = functions,
                                                   .n_functions = sizeof(functions) / sizeof(functions[0]) };
