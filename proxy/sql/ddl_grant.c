/*
 * ddl_grant.c - GRANT, and ALTER DEFAULT PRIVILEGES … GRANT: accepted, for what they give everybody has; see ddl_internal.h.
 *
 * Each user of the configuration may do all. So a GRANT is true without effect when what it names is there, and a REVOKE would be a lie:
 * it is refused.
 */
#include "proxy/sql/ddl_internal.h"

#include "proxy/catalog/names.h"

/* ---- privileges ---- */
static bool is_privilege(struct str word)
{
    static const char *const words[] = { "select",     "insert",  "update",  "delete", "truncate",
                                         "references", "trigger", "usage",   "create", "temp",
                                         "temporary",  "connect", "execute", "set",    "alter system" };
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (str_eq_nocase(word, str_from(words[i])))
            return true;
    return false;
}

static bool check_privilege(struct ddl *d, const PgQuery__AccessPriv *privilege, const struct relation *r)
{
    struct str word = str_from(privilege->priv_name ? privilege->priv_name : "");
    if (word.n && !is_privilege(word)) /* ALL has no name */
        return ddl_fail_at(d, -1, SQLSTATE_SYNTAX_ERROR, "unrecognized privilege type \"%.*s\"", STR_FMT(word));
    for (size_t i = 0; r && i < privilege->n_cols; i++)
        if (!relation_column(r, ddl_string(privilege->cols[i])))
            return ddl_fail_at(d, -1, SQLSTATE_UNDEFINED_COLUMN, "column \"%.*s\" of relation \"%.*s\" does not exist",
                               STR_FMT(ddl_string(privilege->cols[i])), STR_FMT(r->name));
    return true;
}

static bool check_privileges(struct ddl *d, const PgQuery__GrantStmt *stmt, const struct relation *r)
{
    for (size_t i = 0; i < stmt->n_privileges; i++)
        if (!check_privilege(d, stmt->privileges[i]->access_priv, r))
            return false;
    return true;
}

/* ---- objects ---- */
static bool check_schema(struct ddl *d, struct str name)
{
    return ddl_schema_exists(d, name) ||
           ddl_fail_at(d, -1, SQLSTATE_INVALID_SCHEMA_NAME, "schema \"%.*s\" does not exist", STR_FMT(name));
}

static bool check_relation(struct ddl *d, const PgQuery__GrantStmt *stmt, const PgQuery__RangeVar *name)
{
    struct str schema = str_from(name->schemaname);
    const struct relation *r = snapshot_relation(d->snapshot, d->settings->search_path, d->settings->n_search_path,
                                                 schema, str_from(name->relname));
    if (!r)
        return ddl_no_relation(d, schema, str_from(name->relname));
    if (stmt->objtype == PG_QUERY__OBJECT_TYPE__OBJECT_SEQUENCE && r->kind != RELATION_SEQUENCE)
        return ddl_fail_at(d, -1, SQLSTATE_WRONG_OBJECT_TYPE, "\"%.*s\" is not a sequence", STR_FMT(r->name));
    return check_privileges(d, stmt, r);
}

static bool check_type(struct ddl *d, const PgQuery__List *names)
{
    struct str schema, name;
    if (!ddl_names(d, names->items, names->n_items, &schema, &name))
        return false;
    return ddl_find_type(d, schema, name) || pg_type_by_name(name) || ddl_no_type(d, schema, name);
}

static bool check_object(struct ddl *d, const PgQuery__GrantStmt *stmt, const Node *object)
{
    if (stmt->targtype != PG_QUERY__GRANT_TARGET_TYPE__ACL_TARGET_OBJECT)
        return check_schema(d, ddl_string(object)); /* ALL … IN SCHEMA */
    switch (stmt->objtype) {
    case PG_QUERY__OBJECT_TYPE__OBJECT_TABLE:
    case PG_QUERY__OBJECT_TYPE__OBJECT_SEQUENCE:
        return check_relation(d, stmt, object->range_var);
    case PG_QUERY__OBJECT_TYPE__OBJECT_SCHEMA:
        return check_schema(d, ddl_string(object));
    case PG_QUERY__OBJECT_TYPE__OBJECT_TYPE:
    case PG_QUERY__OBJECT_TYPE__OBJECT_DOMAIN:
        return check_type(d, object->list);
    case PG_QUERY__OBJECT_TYPE__OBJECT_DATABASE:
        return ddl_need_database(d, ddl_string(object));
    default:
        return ddl_missing(d, stmt->objtype, object);
    }
}

static bool check_grantees(struct ddl *d, const PgQuery__GrantStmt *stmt)
{
    for (size_t i = 0; i < stmt->n_grantees; i++) {
        const PgQuery__RoleSpec *role = stmt->grantees[i]->role_spec;
        if (stmt->grant_option && role->roletype == PG_QUERY__ROLE_SPEC_TYPE__ROLESPEC_PUBLIC)
            return ddl_fail_at(d, -1, SQLSTATE_INVALID_GRANT_OPERATION, "grant options can only be granted to roles");
        if (!ddl_need_role(d, role))
            return false;
    }
    return true;
}

bool ddl_grant(struct ddl *d, const PgQuery__GrantStmt *stmt, bool *ret_handled)
{
    *ret_handled = stmt->is_grant;
    if (!stmt->is_grant)
        return true;
    for (size_t i = 0; i < stmt->n_objects; i++)
        if (!check_object(d, stmt, stmt->objects[i]))
            return false;
    return check_privileges(d, stmt, NULL) && check_grantees(d, stmt) && ddl_nothing(d, "GRANT");
}

bool ddl_default_privileges(struct ddl *d, const PgQuery__AlterDefaultPrivilegesStmt *stmt, bool *ret_handled)
{
    *ret_handled = stmt->action->is_grant;
    if (!stmt->action->is_grant)
        return true;
    for (size_t i = 0; i < stmt->n_options; i++) {
        const PgQuery__DefElem *option = stmt->options[i]->def_elem;
        const PgQuery__List *list = option->arg->list;
        for (size_t k = 0; k < list->n_items; k++)
            if (strcmp(option->defname, "schemas") == 0 ? !check_schema(d, ddl_string(list->items[k]))
                                                        : !ddl_need_role(d, list->items[k]->role_spec))
                return false;
    }
    return check_privileges(d, stmt->action, NULL) && check_grantees(d, stmt->action) &&
           ddl_nothing(d, "ALTER DEFAULT PRIVILEGES");
}
