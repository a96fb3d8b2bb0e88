/* ddl_names.c - finding, choosing and refusing names for DDL; see ddl_internal.h. */
#include "proxy/sql/analyze_internal.h"
#include "proxy/sql/ddl_internal.h"

#include "proxy/catalog/names.h"
#include "proxy/catalog/system.h"

struct str ddl_string(const Node *n)
{
    return n && n->node_case == PG_QUERY__NODE__NODE_STRING ? str_from(n->string->sval) : (struct str){ 0 };
}

bool ddl_names(struct ddl *d, Node *const *names, size_t n, struct str *ret_schema, struct str *ret_name)
{
    if (n == 3) { /* database.schema.name */
        struct str database = ddl_string(names[0]);
        if (d->settings->database.n && !str_eq(database, d->settings->database))
            return ddl_fail_at(d, -1, SQLSTATE_FEATURE_NOT_SUPPORTED,
                               "cross-database references are not implemented: \"%.*s.%.*s.%.*s\"", STR_FMT(database),
                               STR_FMT(ddl_string(names[1])), STR_FMT(ddl_string(names[2])));
        names++;
        n--;
    }
    if (n == 0 || n > 2)
        return ddl_fail_at(d, -1, SQLSTATE_SYNTAX_ERROR, "improper qualified name (too many dotted names)");
    *ret_schema = n == 2 ? ddl_string(names[0]) : (struct str){ 0 };
    *ret_name = ddl_string(names[n - 1]);
    return true;
}

struct database_check {
    struct ddl *d;
    int location; /* of the name; -1: not told */
};

static bool check_own_database(ProtobufCMessage *message, void *ctx)
{
    struct database_check *check = ctx;
    struct ddl *d = check->d;
    if (message->descriptor == &pg_query__select_stmt__descriptor) /* it is analyzed as a query */
        return true;
    if (message->descriptor != &pg_query__range_var__descriptor) {
        bool ok = enter(&d->analyze) && raw_children(message, check_own_database, ctx);
        leave(&d->analyze);
        return ok;
    }
    const PgQuery__RangeVar *name = (const PgQuery__RangeVar *)(const void *)message;
    struct str database = str_from(name->catalogname ? name->catalogname : "");
    if (!database.n || !d->settings->database.n || str_eq(database, d->settings->database))
        return true;
    return ddl_fail_at(d, check->location < 0 ? -1 : name->location, SQLSTATE_FEATURE_NOT_SUPPORTED,
                       "cross-database references are not implemented: \"%s.%s.%s\"", name->catalogname,
                       name->schemaname, name->relname);
}

bool ddl_check_databases(struct ddl *d, const Node *node)
{
    bool is_create = node->node_case == PG_QUERY__NODE__NODE_CREATE_STMT; /* the only one that tells the place */
    struct database_check check = { d, is_create ? 0 : -1 };
    return raw_children((ProtobufCMessage *)(uintptr_t)&node->base, check_own_database, &check);
}

static bool is_system_schema(struct str schema)
{
    return str_is(schema, "pg_catalog") || str_is(schema, "information_schema") || str_is(schema, "pgd1");
}

bool ddl_schema_exists(const struct ddl *d, struct str schema)
{
    for (size_t i = 0; i < d->snapshot->n_schemas; i++)
        if (str_eq(d->snapshot->schemas[i], schema))
            return true;
    return is_system_schema(schema) || str_is(schema, "pg_temp");
}

bool ddl_creation_schema(struct ddl *d, struct str given, int location, struct str *ret)
{
    if (d->temporary)
        return ddl_temporary_schema(d, given, location, ret);
    if (given.n ? ddl_is_temporary_schema(given) : d->settings->creates_temporary)
        return ddl_refuse(d, location, NULL, "an object of this kind in the temporary schema");
    if (!given.n) {
        for (size_t i = 0; i < d->settings->n_search_path && !given.n; i++)
            if (ddl_schema_exists(d, d->settings->search_path[i]) &&
                !ddl_is_temporary_schema(d->settings->search_path[i]))
                given = d->settings->search_path[i];
        if (!given.n)
            return ddl_fail_at(d, location, SQLSTATE_INVALID_SCHEMA_NAME, "no schema has been selected to create in");
    }
    if (str_starts(given, STR("pg_temp")))
        return ddl_fail_at(d, location, SQLSTATE_INVALID_TABLE_DEFINITION,
                           "cannot create relations in temporary schemas of other sessions");
    if (!ddl_schema_exists(d, given))
        return ddl_fail_at(d, location, SQLSTATE_INVALID_SCHEMA_NAME, "schema \"%.*s\" does not exist", STR_FMT(given));
    if (is_system_schema(given))
        return ddl_fail_at(d, -1, SQLSTATE_INSUFFICIENT_PRIVILEGE, "permission denied for schema %.*s", STR_FMT(given));
    *ret = given;
    return true;
}

struct str ddl_sqlite_name(struct ddl *d, struct str schema, struct str name)
{
    return str_is(schema, "public") ? name : ddl_printf(d, "%.*s.%.*s", STR_FMT(schema), STR_FMT(name));
}

const struct index *ddl_find_index(const struct ddl *d, struct str schema, struct str name,
                                   const struct relation **ret_table)
{
    if (ddl_is_temporary_schema(schema))
        schema = STR(SNAPSHOT_TEMPORARY);
    for (size_t i = 0; i < d->snapshot->n_relations; i++) {
        const struct relation *r = &d->snapshot->relations[i];
        if (!str_eq(r->schema, schema))
            continue;
        for (size_t k = 0; k < r->n_indexes; k++) {
            if (!str_eq(r->indexes[k].name, name))
                continue;
            *ret_table = r;
            return &r->indexes[k];
        }
    }
    return NULL;
}

bool ddl_relation_taken(const struct ddl *d, struct str schema, struct str name)
{
    const struct relation *table;
    for (size_t i = 0; i < d->n_pending; i++)
        if (str_eq(d->pending[i], name))
            return true;
    for (size_t i = 0; i < d->n_released; i++)
        if (str_eq(d->released[i], name))
            return false;
    return snapshot_relation(d->snapshot, NULL, 0, schema, name) || ddl_find_index(d, schema, name, &table);
}

/* Tables and indexes share one case-blind name space in SQLite. */
static bool sqlite_name_taken(const struct ddl *d, struct str sqlite_name)
{
    for (size_t i = 0; i < d->snapshot->n_relations; i++) {
        const struct relation *r = &d->snapshot->relations[i];
        if (r->kind != RELATION_SEQUENCE && str_eq_nocase(r->sqlite_name, sqlite_name))
            return true;
        for (size_t k = 0; k < r->n_indexes; k++)
            if (str_eq_nocase(r->indexes[k].sqlite_name, sqlite_name))
                return true;
    }
    return false;
}

static bool is_reserved(struct str sqlite_name)
{
    static const char *const prefixes[] = { "sqlite_", "_cf_", "_pgd1_" };
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
        if (str_starts_nocase(sqlite_name, str_from(prefixes[i])))
            return true;
    return false;
}

bool ddl_new_relation_name(struct ddl *d, struct str schema, struct str name, int location, bool if_not_exists,
                           bool *ret_exists)
{
    *ret_exists = ddl_relation_taken(d, schema, name);
    if (*ret_exists && if_not_exists) {
        ddl_notice(d, SQLSTATE_DUPLICATE_TABLE, "relation \"%.*s\" already exists, skipping", STR_FMT(name));
        return true;
    }
    if (*ret_exists)
        return ddl_fail_at(d, location, SQLSTATE_DUPLICATE_TABLE, "relation \"%.*s\" already exists", STR_FMT(name));
    struct str sqlite_name = ddl_sqlite_name(d, schema, name);
    if (is_reserved(sqlite_name))
        return ddl_fail_at(d, location, SQLSTATE_RESERVED_NAME, "unacceptable name \"%.*s\"", STR_FMT(name)),
               err_detail(d->err,
                          "Names that begin with sqlite_, _cf_ or _pgd1_ are reserved by SQLite, Cloudflare and pgd1.");
    if (sqlite_name_taken(d, sqlite_name))
        return ddl_refuse(d, location, "D1 compares names without case: choose another name.",
                          "a name that differs from another's only in case (\"%.*s\")", STR_FMT(name));
    return true;
}

struct naming {
    const struct ddl *d;
    struct str schema;
};

static bool name_taken(void *ctx, struct str name)
{
    const struct naming *naming = ctx;
    return ddl_relation_taken(naming->d, naming->schema, name);
}

struct str ddl_choose_relation_name(struct ddl *d, struct str schema, struct str name1, struct str name2,
                                    const char *label)
{
    struct naming naming = { d, schema };
    struct str name = name_choose(name1, name2, label, name_taken, &naming, d->arena);
    if (!name.p)
        err_oom(d->err);
    else if (!DDL_PUSH(d, d->pending, d->n_pending, name))
        return (struct str){ 0 };
    return name;
}

const struct user_type *ddl_find_type(const struct ddl *d, struct str schema, struct str name)
{
    for (size_t p = 0; p < (schema.n ? 1 : d->settings->n_search_path); p++) {
        struct str wanted = schema.n ? schema : d->settings->search_path[p];
        for (size_t i = 0; i < d->snapshot->n_types; i++)
            if (str_eq(d->snapshot->types[i].schema, wanted) && str_eq(d->snapshot->types[i].name, name))
                return &d->snapshot->types[i];
    }
    return NULL;
}

bool ddl_relation(struct ddl *d, const PgQuery__RangeVar *name, bool missing_ok, const struct relation **ret)
{
    struct str schema = str_from(name->schemaname);
    *ret = NULL;
    bool has_schema = !schema.n || missing_ok || ddl_schema_exists(d, schema);
    if (has_schema && !analyze_relation_name(&d->analyze, name, true, ret))
        return false;
    if (!*ret && !missing_ok)
        return ddl_no_relation(d, schema, str_from(name->relname)); /* commands tell no place */
    if (*ret && (*ret)->is_system)
        return ddl_fail_at(d, -1, SQLSTATE_INSUFFICIENT_PRIVILEGE, "permission denied: \"%.*s\" is a system catalog",
                           STR_FMT((*ret)->name));
    return true;
}

struct str ddl_shown(struct ddl *d, struct str schema, struct str name)
{
    bool visible = false;
    for (size_t i = 0; i < d->settings->n_search_path; i++)
        visible |= str_eq(d->settings->search_path[i], schema);
    struct str shown = name_qualified(visible ? STR("") : schema, name, d->arena);
    if (!shown.p)
        err_oom(d->err);
    return shown;
}
