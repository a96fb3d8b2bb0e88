/* privileges.c - has_…_privilege and pg_has_role (PostgreSQL 9.26.1): what the configuration lets a user connect to is wholly theirs.
 *
 * Names of roles and objects are looked up all the same: asking for what is not there is an error as in PostgreSQL. */
#include "proxy/catalog/system_rows.h"
#include "proxy/sql/functions/catalog_objects.h"
#include "proxy/sql/functions/typed.h"

static bool role_exists(sqlite3_context *c, sqlite3_value *v, oid_t *ret)
{
    struct system_source source = catalog_source(c);
    struct str name = local_text(v);
    *ret = system_role_oid(&source, name);
    if (*ret || str_is(name, "public"))
        return true;
    fail_with(c, SQLSTATE_UNDEFINED_OBJECT, "role \"%.*s\" does not exist", STR_FMT(name));
    return false;
}

static bool object_exists(sqlite3_context *c, sqlite3_value *v, oid_t reg_type)
{
    oid_t oid;
    if (catalog_find(c, reg_type, local_text(v), &oid))
        return true;
    local_fail(c);
    return false;
}

static void granted(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    result_bool(c, true);
}

static void granted_role(sqlite3_context *c, int n, sqlite3_value **args)
{
    oid_t role;
    STRICT(n, args);
    if (role_exists(c, args[0], &role))
        result_bool(c, true);
}

/* granted_<kind>(object name, …), granted_id_<kind>(role OID, object name, …), granted_role_<kind>(role name, object name, …) */
#define GRANTED(kind, reg_type)                                                                                        \
    static void granted_##kind(sqlite3_context *c, int n, sqlite3_value **args)                                        \
    {                                                                                                                  \
        STRICT(n, args);                                                                                               \
        if (object_exists(c, args[0], reg_type))                                                                       \
            result_bool(c, true);                                                                                      \
    }                                                                                                                  \
    static void granted_id_##kind(sqlite3_context *c, int n, sqlite3_value **args)                                     \
    {                                                                                                                  \
        STRICT(n, args);                                                                                               \
        if (object_exists(c, args[1], reg_type))                                                                       \
            result_bool(c, true);                                                                                      \
    }                                                                                                                  \
    static void granted_role_##kind(sqlite3_context *c, int n, sqlite3_value **args)                                   \
    {                                                                                                                  \
        oid_t role;                                                                                                    \
        STRICT(n, args);                                                                                               \
        if (role_exists(c, args[0], &role) && object_exists(c, args[1], reg_type))                                     \
            result_bool(c, true);                                                                                      \
    }
GRANTED(relation, TYPE_OID_regclass)
GRANTED(schema, TYPE_OID_regnamespace)
GRANTED(type, TYPE_OID_regtype)
GRANTED(function, TYPE_OID_regprocedure)

/* ---- pg_has_role ---- */

/* Roles that log in are superusers, members of all; PostgreSQL's predefined roles are themselves and what pg_auth_members says. */
static bool is_member(oid_t member, oid_t role)
{
    enum { FIRST_USER_OID = 16384, OWNER = 10, MEMBER_ROLE = 0, MEMBER_MEMBER = 1, ROOM = 16 };
    struct value **rows;
    size_t n = 0;
    oid_t reached[ROOM] = { member };
    size_t n_reached = 1;
    if (member == role || member == OWNER || member >= FIRST_USER_OID)
        return true;
    fixed_rows(system_relation(STR("pg_catalog"), STR("pg_auth_members")), &rows, &n);
    for (size_t at = 0; at < n_reached; at++)
        for (size_t i = 0; i < n && n_reached < ROOM; i++)
            if (rows[i][MEMBER_MEMBER].integer == reached[at])
                reached[n_reached++] = (oid_t)rows[i][MEMBER_ROLE].integer;
    for (size_t i = 0; i < n_reached; i++)
        if (reached[i] == role)
            return true;
    return false;
}

/* Two roles, by name or OID, or one and the session's user. */
static void has_role(sqlite3_context *c, sqlite3_value *member, sqlite3_value *role)
{
    oid_t of, in;
    sqlite3_value *both[] = { member, role };
    oid_t *oids[] = { &of, &in };
    of = 10;
    for (int i = 0; i < 2; i++) {
        if (!both[i])
            continue;
        if (sqlite3_value_type(both[i]) == SQLITE_INTEGER)
            *oids[i] = (oid_t)sqlite3_value_int64(both[i]);
        else if (!role_exists(c, both[i], oids[i]))
            return;
    }
    result_bool(c, is_member(of, in));
}

static void user_has_role(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    has_role(c, NULL, args[0]);
}

static void role_has_role(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    has_role(c, args[0], args[1]);
}

#define ROW(source, function, args)                                                                                    \
    {                                                                                                                  \
        .name = "pg_" #source, .n_args = args, .flags = LOCAL_STRICT, .call = function                                 \
    }

static const struct local_function functions[] = {
    ROW(has_any_column_privilege_id, granted, 2),
    ROW(has_any_column_privilege_id_id, granted, 3),
    ROW(has_any_column_privilege_id_name, granted_id_relation, 3),
    ROW(has_any_column_privilege_name, granted_relation, 2),
    ROW(has_any_column_privilege_name_id, granted_role, 3),
    ROW(has_any_column_privilege_name_name, granted_role_relation, 3),
    ROW(has_column_privilege_id_attnum, granted, 3),
    ROW(has_column_privilege_id_id_attnum, granted, 4),
    ROW(has_column_privilege_id_id_name, granted, 4),
    ROW(has_column_privilege_id_name, granted, 3),
    ROW(has_column_privilege_id_name_attnum, granted_id_relation, 4),
    ROW(has_column_privilege_id_name_name, granted_id_relation, 4),
    ROW(has_column_privilege_name_attnum, granted_relation, 3),
    ROW(has_column_privilege_name_id_attnum, granted_role, 4),
    ROW(has_column_privilege_name_id_name, granted_role, 4),
    ROW(has_column_privilege_name_name, granted_relation, 3),
    ROW(has_column_privilege_name_name_attnum, granted_role_relation, 4),
    ROW(has_column_privilege_name_name_name, granted_role_relation, 4),
    ROW(has_database_privilege_id, granted, 2),
    ROW(has_database_privilege_id_id, granted, 3),
    ROW(has_database_privilege_id_name, granted, 3),
    ROW(has_database_privilege_name, granted, 2),
    ROW(has_database_privilege_name_id, granted_role, 3),
    ROW(has_database_privilege_name_name, granted_role, 3),
    ROW(has_foreign_data_wrapper_privilege_id, granted, 2),
    ROW(has_foreign_data_wrapper_privilege_id_id, granted, 3),
    ROW(has_foreign_data_wrapper_privilege_id_name, granted, 3),
    ROW(has_foreign_data_wrapper_privilege_name, granted, 2),
    ROW(has_foreign_data_wrapper_privilege_name_id, granted_role, 3),
    ROW(has_foreign_data_wrapper_privilege_name_name, granted_role, 3),
    ROW(has_function_privilege_id, granted, 2),
    ROW(has_function_privilege_id_id, granted, 3),
    ROW(has_function_privilege_id_name, granted_id_function, 3),
    ROW(has_function_privilege_name, granted_function, 2),
    ROW(has_function_privilege_name_id, granted_role, 3),
    ROW(has_function_privilege_name_name, granted_role_function, 3),
    ROW(has_language_privilege_id, granted, 2),
    ROW(has_language_privilege_id_id, granted, 3),
    ROW(has_language_privilege_id_name, granted, 3),
    ROW(has_language_privilege_name, granted, 2),
    ROW(has_language_privilege_name_id, granted_role, 3),
    ROW(has_language_privilege_name_name, granted_role, 3),
    ROW(has_parameter_privilege_id_name, granted, 3),
    ROW(has_parameter_privilege_name, granted, 2),
    ROW(has_parameter_privilege_name_name, granted_role, 3),
    ROW(has_schema_privilege_id, granted, 2),
    ROW(has_schema_privilege_id_id, granted, 3),
    ROW(has_schema_privilege_id_name, granted_id_schema, 3),
    ROW(has_schema_privilege_name, granted_schema, 2),
    ROW(has_schema_privilege_name_id, granted_role, 3),
    ROW(has_schema_privilege_name_name, granted_role_schema, 3),
    ROW(has_sequence_privilege_id, granted, 2),
    ROW(has_sequence_privilege_id_id, granted, 3),
    ROW(has_sequence_privilege_id_name, granted_id_relation, 3),
    ROW(has_sequence_privilege_name, granted_relation, 2),
    ROW(has_sequence_privilege_name_id, granted_role, 3),
    ROW(has_sequence_privilege_name_name, granted_role_relation, 3),
    ROW(has_server_privilege_id, granted, 2),
    ROW(has_server_privilege_id_id, granted, 3),
    ROW(has_server_privilege_id_name, granted, 3),
    ROW(has_server_privilege_name, granted, 2),
    ROW(has_server_privilege_name_id, granted_role, 3),
    ROW(has_server_privilege_name_name, granted_role, 3),
    ROW(has_table_privilege_id, granted, 2),
    ROW(has_table_privilege_id_id, granted, 3),
    ROW(has_table_privilege_id_name, granted_id_relation, 3),
    ROW(has_table_privilege_name, granted_relation, 2),
    ROW(has_table_privilege_name_id, granted_role, 3),
    ROW(has_table_privilege_name_name, granted_role_relation, 3),
    ROW(has_tablespace_privilege_id, granted, 2),
    ROW(has_tablespace_privilege_id_id, granted, 3),
    ROW(has_tablespace_privilege_id_name, granted, 3),
    ROW(has_tablespace_privilege_name, granted, 2),
    ROW(has_tablespace_privilege_name_id, granted_role, 3),
    ROW(has_tablespace_privilege_name_name, granted_role, 3),
    ROW(has_type_privilege_id, granted, 2),
    ROW(has_type_privilege_id_id, granted, 3),
    ROW(has_type_privilege_id_name, granted_id_type, 3),
    ROW(has_type_privilege_name, granted_type, 2),
    ROW(has_type_privilege_name_id, granted_role, 3),
    ROW(has_type_privilege_name_name, granted_role_type, 3),
    ROW(pg_has_role_id, user_has_role, 2),
    ROW(pg_has_role_id_id, role_has_role, 3),
    ROW(pg_has_role_id_name, role_has_role, 3),
    ROW(pg_has_role_name, user_has_role, 2),
    ROW(pg_has_role_name_id, role_has_role, 3),
    ROW(pg_has_role_name_name, role_has_role, 3),
};

const struct local_family local_family_privileges = { .functions = functions,
                                                      .n_functions = sizeof(functions) / sizeof(functions[0]) };
