/*
 * ddl_maintain.c - VACUUM, ANALYZE, REINDEX, CLUSTER, LOCK and OWNER TO, of which D1 needs nothing; see ddl_internal.h.
 *
 * They have no effect (accepted.def says why), but what they name must be there, as in PostgreSQL.
 */
#include "proxy/sql/ddl_internal.h"

#include "proxy/catalog/names.h"

/* ---- finding ---- */
/* A relation or an index by name. */
struct named {
    const struct relation *relation; /* of an index: its table */
    const struct index *index;       /* NULL: it is no index */
    struct str name;
};

/* False without an error when it is not there. */
static bool look(struct ddl *d, const PgQuery__RangeVar *range, struct named *ret)
{
    struct str schema = str_from(range->schemaname), name = str_from(range->relname);
    *ret = (struct named){ .name = name };
    ret->relation = snapshot_relation(d->snapshot, d->settings->search_path, d->settings->n_search_path, schema, name);
    for (size_t i = 0; !ret->relation && !ret->index && i < (schema.n ? 1 : d->settings->n_search_path); i++)
        ret->index = ddl_find_index(d, schema.n ? schema : d->settings->search_path[i], name, &ret->relation);
    return ret->relation != NULL;
}

static bool find_range(struct ddl *d, const PgQuery__RangeVar *name, struct named *ret)
{
    return look(d, name, ret) || ddl_no_relation(d, str_from(name->schemaname), str_from(name->relname));
}

static bool is_table(const struct named *n)
{
    return !n->index && (n->relation->kind == RELATION_TABLE || n->relation->kind == RELATION_VIRTUAL);
}

static bool want_table(struct ddl *d, const struct named *n)
{
    return is_table(n) || ddl_fail_at(d, -1, SQLSTATE_WRONG_OBJECT_TYPE, "\"%.*s\" is not a table or materialized view",
                                      STR_FMT(n->name));
}

static bool want_index(struct ddl *d, const struct named *n)
{
    return n->index || ddl_fail_at(d, -1, SQLSTATE_WRONG_OBJECT_TYPE, "\"%.*s\" is not an index", STR_FMT(n->name));
}

/* ---- options ---- */
/* 42601 for a word that is none of them. */
static bool check_options(struct ddl *d, const char *command, Node *const *options, size_t n, const char *const *known)
{
    for (size_t i = 0; i < n; i++) {
        const PgQuery__DefElem *option = options[i]->def_elem;
        size_t k = 0;
        while (known[k] && strcmp(known[k], option->defname) != 0)
            k++;
        if (!known[k])
            return ddl_fail_at(d, option->location, SQLSTATE_SYNTAX_ERROR, "unrecognized %s option \"%s\"", command,
                               option->defname);
    }
    return true;
}

static bool has_option(Node *const *options, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++) {
        const PgQuery__DefElem *option = options[i]->def_elem;
        const Node *arg = option->arg;
        bool off = arg && arg->node_case == PG_QUERY__NODE__NODE_STRING &&
                   (strcmp(arg->string->sval, "off") == 0 || strcmp(arg->string->sval, "false") == 0);
        off |= arg && arg->node_case == PG_QUERY__NODE__NODE_INTEGER && arg->integer->ival == 0;
        if (strcmp(option->defname, name) == 0)
            return !off;
    }
    return false;
}

static bool premise(struct ddl *d, struct plan_premise **ret)
{
    if (!d->plan->premise && !(d->plan->premise = DDL_ARRAY(d, struct plan_premise, 1)))
        return false;
    *ret = d->plan->premise;
    return true;
}

bool ddl_not_in_block(struct ddl *d, const char *what)
{
    struct plan_premise *p;
    if (!premise(d, &p))
        return false;
    p->not_in_block = what;
    return true;
}

/* ---- VACUUM, ANALYZE ---- */
static bool check_columns(struct ddl *d, const struct named *n, const PgQuery__VacuumRelation *target)
{
    for (size_t i = 0; i < target->n_va_cols; i++) {
        struct str column = ddl_string(target->va_cols[i]);
        if (!relation_column(n->relation, column) && !is_system_column(column))
            return ddl_fail_at(d, -1, SQLSTATE_UNDEFINED_COLUMN, "column \"%.*s\" of relation \"%.*s\" does not exist",
                               STR_FMT(column), STR_FMT(n->name));
        for (size_t k = 0; k < i; k++)
            if (str_eq(ddl_string(target->va_cols[k]), column))
                return ddl_fail_at(d, -1, SQLSTATE_DUPLICATE_COLUMN,
                                   "column \"%.*s\" of relation \"%.*s\" appears more than once", STR_FMT(column),
                                   STR_FMT(n->name));
    }
    return true;
}

static bool vacuum_one(struct ddl *d, const PgQuery__VacuumStmt *stmt, const PgQuery__VacuumRelation *target,
                       bool analyzes)
{
    struct named n;
    if (!find_range(d, target->relation, &n))
        return false;
    if (is_table(&n))
        return !analyzes || check_columns(d, &n, target);
    ddl_warning(d, SQLSTATE_WARNING, "skipping \"%.*s\" --- cannot %s non-tables or special system tables",
                STR_FMT(n.name), stmt->is_vacuumcmd ? "vacuum" : "analyze");
    return true;
}

bool ddl_vacuum(struct ddl *d, const PgQuery__VacuumStmt *stmt)
{
    static const char *const vacuum_options[] = {
        "verbose",       "skip_locked",   "analyze",  "freeze",   "full", "disable_page_skipping",
        "index_cleanup", "process_toast", "truncate", "parallel", NULL
    };
    static const char *const analyze_options[] = { "verbose", "skip_locked", NULL };
    const char *command = stmt->is_vacuumcmd ? "VACUUM" : "ANALYZE";
    bool analyzes = !stmt->is_vacuumcmd || has_option(stmt->options, stmt->n_options, "analyze");
    if (!check_options(d, command, stmt->options, stmt->n_options,
                       stmt->is_vacuumcmd ? vacuum_options : analyze_options))
        return false;
    if (has_option(stmt->options, stmt->n_options, "full") && has_option(stmt->options, stmt->n_options, "parallel"))
        return ddl_fail_at(d, -1, SQLSTATE_FEATURE_NOT_SUPPORTED, "VACUUM FULL cannot be performed in parallel");
    for (size_t i = 0; i < stmt->n_rels && !analyzes; i++)
        if (stmt->rels[i]->vacuum_relation->n_va_cols)
            return ddl_fail_at(d, -1, SQLSTATE_FEATURE_NOT_SUPPORTED,
                               "ANALYZE option must be specified when a column list is provided");
    for (size_t i = 0; i < stmt->n_rels; i++)
        if (!vacuum_one(d, stmt, stmt->rels[i]->vacuum_relation, analyzes))
            return false;
    return (!stmt->is_vacuumcmd || ddl_not_in_block(d, "VACUUM")) && ddl_nothing(d, command);
}

/* ---- REINDEX ---- */
bool ddl_reindex(struct ddl *d, const PgQuery__ReindexStmt *stmt)
{
    static const char *const options[] = { "verbose", "concurrently", "tablespace", NULL };
    struct named n;
    struct plan_premise *p;
    bool concurrently = has_option(stmt->params, stmt->n_params, "concurrently");
    if (!check_options(d, "REINDEX", stmt->params, stmt->n_params, options) ||
        (concurrently && !ddl_not_in_block(d, "REINDEX CONCURRENTLY")))
        return false;
    switch (stmt->kind) {
    case PG_QUERY__REINDEX_OBJECT_TYPE__REINDEX_OBJECT_INDEX:
        if (!find_range(d, stmt->relation, &n) || !want_index(d, &n))
            return false;
        break;
    case PG_QUERY__REINDEX_OBJECT_TYPE__REINDEX_OBJECT_TABLE:
        if (!find_range(d, stmt->relation, &n) || !want_table(d, &n))
            return false;
        if (concurrently && n.relation->is_system)
            return ddl_fail_at(d, -1, SQLSTATE_FEATURE_NOT_SUPPORTED, "cannot reindex system catalogs concurrently");
        if (n.relation->kind == RELATION_TABLE && !n.relation->is_system && n.relation->n_indexes == 0)
            ddl_notice(d, SQLSTATE_SUCCESSFUL_COMPLETION, "table \"%.*s\" has no indexes %s", STR_FMT(n.name),
                       concurrently ? "that can be reindexed concurrently" : "to reindex");
        break;
    case PG_QUERY__REINDEX_OBJECT_TYPE__REINDEX_OBJECT_SCHEMA:
        if (!ddl_schema_exists(d, str_from(stmt->name)))
            return ddl_fail_at(d, -1, SQLSTATE_INVALID_SCHEMA_NAME, "schema \"%s\" does not exist", stmt->name);
        if (!ddl_not_in_block(d, "REINDEX SCHEMA"))
            return false;
        break;
    default: /* of the whole database */
        if (!premise(d, &p) || !ddl_not_in_block(d, stmt->kind == PG_QUERY__REINDEX_OBJECT_TYPE__REINDEX_OBJECT_SYSTEM
                                                        ? "REINDEX SYSTEM"
                                                        : "REINDEX DATABASE"))
            return false;
        p->database = arena_str(d->arena, str_from(stmt->name));
        break;
    }
    return ddl_nothing(d, "REINDEX");
}

/* ---- CLUSTER ---- */
bool ddl_find_table_index(struct ddl *d, const struct relation *table, const char *name, const struct index **ret)
{
    const struct relation *owner = NULL;
    const struct index *index = ddl_find_index(d, table->schema, str_from(name), &owner);
    const struct relation *other = snapshot_relation(d->snapshot, NULL, 0, table->schema, str_from(name));
    if (other)
        return ddl_fail_at(d, -1, SQLSTATE_WRONG_OBJECT_TYPE, "\"%s\" is not an index", name);
    if (!index)
        return ddl_fail_at(d, -1, SQLSTATE_UNDEFINED_OBJECT, "index \"%s\" for table \"%.*s\" does not exist", name,
                           STR_FMT(table->name));
    if (owner != table)
        return ddl_fail_at(d, -1, SQLSTATE_WRONG_OBJECT_TYPE, "\"%s\" is not an index for table \"%.*s\"", name,
                           STR_FMT(table->name));
    *ret = index;
    return true;
}

bool ddl_check_cluster(struct ddl *d, const struct relation *table, const char *name)
{
    const struct index *index;
    if (!ddl_find_table_index(d, table, name, &index))
        return false;
    if (index->is_hash)
        return ddl_fail_at(d, -1, SQLSTATE_FEATURE_NOT_SUPPORTED,
                           "cannot cluster on index \"%s\" because access method does not support clustering", name);
    return !index->predicate.n ||
           ddl_fail_at(d, -1, SQLSTATE_FEATURE_NOT_SUPPORTED, "cannot cluster on partial index \"%s\"", name);
}

bool ddl_cluster(struct ddl *d, const PgQuery__ClusterStmt *stmt)
{
    static const char *const options[] = { "verbose", NULL };
    struct named n;
    if (!check_options(d, "CLUSTER", stmt->params, stmt->n_params, options))
        return false;
    if (!stmt->relation)
        return ddl_not_in_block(d, "CLUSTER") && ddl_nothing(d, "CLUSTER");
    if (!find_range(d, stmt->relation, &n) || !want_table(d, &n))
        return false;
    if (stmt->indexname && stmt->indexname[0] && !ddl_check_cluster(d, n.relation, stmt->indexname))
        return false;
    return ddl_nothing(d, "CLUSTER");
}

/* ---- ALTER INDEX ---- */
/* ALTER COLUMN number SET STATISTICS: of expressions only, for columns have their table's. */
static bool has_statistics(struct ddl *d, const struct named *n, size_t number)
{
    const struct index *index = n->index;
    if (number > index->n_columns + index->n_included)
        return ddl_fail_at(d, -1, SQLSTATE_UNDEFINED_COLUMN, "column number %zu of relation \"%.*s\" does not exist",
                           number, STR_FMT(n->name));
    bool is_included = number > index->n_columns;
    int16_t column = is_included ? index->included[number - 1 - index->n_columns] : index->columns[number - 1].column;
    if (!column)
        return true;
    struct str name = n->relation->columns[column - 1].name;
    ddl_fail_at(d, -1, SQLSTATE_FEATURE_NOT_SUPPORTED,
                "cannot alter statistics on %s column \"%.*s\" of index \"%.*s\"",
                is_included ? "included" : "non-expression", STR_FMT(name), STR_FMT(n->name));
    return is_included ? false : err_hint(d->err, "Alter statistics on table column instead.");
}

bool ddl_alter_index(struct ddl *d, const PgQuery__AlterTableStmt *stmt)
{
    struct named n;
    if (!look(d, stmt->relation, &n) && stmt->missing_ok) {
        ddl_notice(d, SQLSTATE_SUCCESSFUL_COMPLETION, "relation \"%s\" does not exist, skipping",
                   stmt->relation->relname);
        return true;
    }
    if (!find_range(d, stmt->relation, &n) || !want_index(d, &n))
        return false;
    for (size_t i = 0; i < stmt->n_cmds; i++) {
        const PgQuery__AlterTableCmd *command = stmt->cmds[i]->alter_table_cmd;
        if (!ddl_need_role(d, command->newowner) || (command->subtype == PG_QUERY__ALTER_TABLE_TYPE__AT_SetStatistics &&
                                                     command->num > 0 && !has_statistics(d, &n, (size_t)command->num)))
            return false;
    }
    return true;
}

/* ---- LOCK ---- */
static bool lockable(struct ddl *d, const PgQuery__RangeVar *name)
{
    struct named n;
    if (!find_range(d, name, &n))
        return false;
    if (!n.index && n.relation->kind != RELATION_SEQUENCE)
        return true;
    ddl_fail_at(d, -1, SQLSTATE_WRONG_OBJECT_TYPE, "cannot lock relation \"%.*s\"", STR_FMT(n.name));
    return err_detail(d->err, "This operation is not supported for %s.", n.index ? "indexes" : "sequences");
}

/* ACCESS SHARE is what any SELECT takes, so it promises nothing that reading does not; other modes would. */
bool ddl_lock(struct ddl *d, const PgQuery__LockStmt *stmt)
{
    enum { ACCESS_SHARE = 1 };
    for (size_t i = 0; i < stmt->n_relations; i++)
        if (!lockable(d, stmt->relations[i]->range_var))
            return false;
    if (stmt->mode != ACCESS_SHARE)
        return ddl_refuse(d, -1,
                          "D1 has no locks: lock rows with SELECT ... FOR UPDATE, or what you agree on with "
                          "pg_advisory_xact_lock().",
                          "LOCK TABLE in a mode above ACCESS SHARE");
    d->plan->only_in_block = true;
    return ddl_nothing(d, "LOCK TABLE");
}

/* ---- OWNER TO ---- */
bool ddl_need_role(struct ddl *d, const PgQuery__RoleSpec *role)
{
    struct plan_premise *p;
    if (!role || role->roletype != PG_QUERY__ROLE_SPEC_TYPE__ROLESPEC_CSTRING)
        return true; /* CURRENT_USER and its kin, PUBLIC */
    struct str name = arena_str(d->arena, str_from(role->rolename));
    return premise(d, &p) && name.p && DDL_PUSH(d, p->roles, p->n_roles, name);
}

bool ddl_need_database(struct ddl *d, struct str name)
{
    struct plan_premise *p;
    if (!premise(d, &p))
        return false;
    p->database = arena_str(d->arena, name);
    return p->database.p || err_oom(d->err);
}

static bool owned_type(struct ddl *d, const PgQuery__AlterOwnerStmt *stmt)
{
    const PgQuery__List *list = stmt->object->list;
    struct str schema, name;
    if (!ddl_names(d, list->items, list->n_items, &schema, &name))
        return false;
    const struct user_type *type = ddl_find_type(d, schema, name);
    if (!type)
        return ddl_no_type(d, schema, name);
    if (stmt->object_type == PG_QUERY__OBJECT_TYPE__OBJECT_DOMAIN && type->kind != 'd')
        return ddl_fail_at(d, -1, SQLSTATE_WRONG_OBJECT_TYPE, "%.*s is not a domain", STR_FMT(name));
    return true;
}

/* Everything belongs to the configured role: there is nobody else to own it. */
bool ddl_owner_to(struct ddl *d, const PgQuery__AlterOwnerStmt *stmt)
{
    struct str name = ddl_string(stmt->object);
    switch (stmt->object_type) {
    case PG_QUERY__OBJECT_TYPE__OBJECT_SCHEMA:
        if (!ddl_schema_exists(d, name))
            return ddl_fail_at(d, -1, SQLSTATE_INVALID_SCHEMA_NAME, "schema \"%.*s\" does not exist", STR_FMT(name));
        return ddl_need_role(d, stmt->newowner) && ddl_nothing(d, "ALTER SCHEMA");
    case PG_QUERY__OBJECT_TYPE__OBJECT_TYPE:
        return owned_type(d, stmt) && ddl_need_role(d, stmt->newowner) && ddl_nothing(d, "ALTER TYPE");
    case PG_QUERY__OBJECT_TYPE__OBJECT_DOMAIN:
        return owned_type(d, stmt) && ddl_need_role(d, stmt->newowner) && ddl_nothing(d, "ALTER DOMAIN");
    default:
        return ddl_missing(d, stmt->object_type, stmt->object) &&
               ddl_refuse(d, -1, NULL, "ALTER … OWNER TO of this kind of object");
    }
}
