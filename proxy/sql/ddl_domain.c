/*
 * ddl_domain.c - CREATE and ALTER DOMAIN; see ddl_internal.h.
 *
 * D1 knows a domain's constraints as checks of the columns that are of it: when they change, the tables are made anew.
 */
#include "proxy/sql/ddl_internal.h"

#include "proxy/catalog/collation.h"
#include "proxy/catalog/declared_type.h"
#include "proxy/catalog/names.h"
#include "proxy/catalog/sqlite_ddl.h"
#include "proxy/sql/deparse.h"
#include "proxy/sql/emit.h"

struct domain {
    struct str schema, name;
    oid_t base;
    int32_t typmod;
    struct relation scope; /* one column, "value" */
    struct column value;
    cJSON *detail, *checks;
    bool null_given;
};

/* VALUE is stored as in the columns of the domain. */
static bool domain_scope(struct ddl *d, struct domain *domain)
{
    int32_t typmod = domain->typmod;
    bool is_derivable;
    oid_t base = snapshot_base_type(d->snapshot, domain->base, &typmod);
    struct str declared = declared_type_write(base, typmod, d->arena, &is_derivable);
    if (!declared.p)
        return err_oom(d->err);
    domain->value = (struct column){ .name = STR("value"),
                                     .number = 1,
                                     .type = domain->base,
                                     .typmod = domain->typmod,
                                     .storage = declared_type_storage(declared, base) };
    domain->scope = (struct relation){ .kind = RELATION_TABLE, .columns = &domain->value, .n_columns = 1 };
    return true;
}

/* PostgreSQL's text of a check; refused when D1 cannot hold it. */
static bool check_text(struct ddl *d, const struct domain *domain, const PgQuery__Constraint *con, struct str *ret)
{
    struct expr *expr;
    struct query *query;
    struct str sqlite;
    struct deparse_names names = { .is_domain = true };
    struct analyze_context unplaced = d->analyze;
    unplaced.text = (struct str){ 0 };
    return analyze_expression(&unplaced, con->raw_expr, &domain->scope, "CHECK constraint", TYPE_OID_bool, -1, &expr,
                              &query) &&
           deparse_expression(expr, query, d->snapshot, &names, d->arena, ret, d->err) &&
           emit_ddl_expression(expr, query, d->settings, d->snapshot, d->arena, &sqlite, d->err);
}

static bool add_check(struct ddl *d, cJSON *checks, struct str name, struct str expression)
{
    cJSON *item = cJSON_CreateObject();
    if (!item || !cJSON_AddItemToArray(checks, item))
        return err_oom(d->err);
    ddl_side_text(item, "name", name);
    ddl_side_text(item, "expression", expression);
    return true;
}

/* ---- CREATE ---- */
static bool conflicting_null(struct ddl *d)
{
    return ddl_fail_at(d, -1, SQLSTATE_SYNTAX_ERROR, "conflicting NULL/NOT NULL constraints");
}

static bool refuse_constraint(struct ddl *d, const PgQuery__Constraint *con)
{
    const char *kind = con->contype == PG_QUERY__CONSTR_TYPE__CONSTR_PRIMARY     ? "primary key"
                       : con->contype == PG_QUERY__CONSTR_TYPE__CONSTR_UNIQUE    ? "unique"
                       : con->contype == PG_QUERY__CONSTR_TYPE__CONSTR_EXCLUSION ? "exclusion"
                       : con->contype == PG_QUERY__CONSTR_TYPE__CONSTR_FOREIGN   ? "foreign key"
                                                                                 : NULL;
    if (!kind)
        return ddl_fail_at(d, -1, SQLSTATE_FEATURE_NOT_SUPPORTED,
                           "specifying constraint deferrability not supported for domains");
    return ddl_fail_at(d, -1, SQLSTATE_SYNTAX_ERROR, "%s constraints not possible for domains", kind);
}

static bool is_taken(const struct domain *domain, struct str name)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, domain->checks)
    {
        if (str_is(name, cJSON_GetStringValue(cJSON_GetObjectItem(item, "name"))))
            return true;
    }
    return false;
}

static bool domain_check(struct ddl *d, struct domain *domain, const PgQuery__Constraint *con, size_t number)
{
    struct str postgres, name = str_from(con->conname ? con->conname : "");
    if (!check_text(d, domain, con, &postgres))
        return false;
    bool is_named = name.n;
    for (; !is_named && (!name.n || is_taken(domain, name)); number++)
        name = number ? ddl_printf(d, "%.*s_check%zu", STR_FMT(domain->name), number)
                      : ddl_printf(d, "%.*s_check", STR_FMT(domain->name));
    if (is_taken(domain, name))
        return ddl_fail_at(d, -1, SQLSTATE_DUPLICATE_OBJECT, "constraint \"%.*s\" for domain \"%.*s\" already exists",
                           STR_FMT(name), STR_FMT(domain->name));
    return add_check(d, domain->checks, name, postgres);
}

static bool domain_constraint(struct ddl *d, struct domain *domain, const PgQuery__Constraint *con, size_t *n_checks)
{
    struct ddl_printed printed;
    struct ddl_expression e = {
        .node = con->raw_expr, .what = "domain default", .type = domain->base, .typmod = domain->typmod
    };
    switch (con->contype) {
    case PG_QUERY__CONSTR_TYPE__CONSTR_NULL:
        domain->null_given = true;
        return !cJSON_HasObjectItem(domain->detail, "not_null") || conflicting_null(d);
    case PG_QUERY__CONSTR_TYPE__CONSTR_NOTNULL:
        if (domain->null_given)
            return conflicting_null(d);
        if (cJSON_HasObjectItem(domain->detail, "not_null"))
            return true;
        return cJSON_AddTrueToObject(domain->detail, "not_null") ? true : err_oom(d->err);
    case PG_QUERY__CONSTR_TYPE__CONSTR_CHECK:
        return domain_check(d, domain, con, (*n_checks)++);
    case PG_QUERY__CONSTR_TYPE__CONSTR_DEFAULT:
        if (cJSON_HasObjectItem(domain->detail, "default"))
            return ddl_fail_at(d, -1, SQLSTATE_SYNTAX_ERROR, "multiple default expressions");
        if (!ddl_print(d, &e, true, &printed))
            return false;
        ddl_side_text(domain->detail, "default", printed.postgres);
        return true;
    default:
        return refuse_constraint(d, con);
    }
}

static bool fill_domain(struct ddl *d, struct domain *domain, const PgQuery__CreateDomainStmt *stmt)
{
    size_t n_checks = 0;
    cJSON_AddStringToObject(domain->detail, "kind", "d");
    ddl_side_type(d, domain->detail, "base", "base_schema", domain->base, domain->typmod);
    domain->checks = cJSON_AddArrayToObject(domain->detail, "checks");
    if (!domain->checks)
        return err_oom(d->err);
    if (!domain_scope(d, domain))
        return false;
    for (size_t i = 0; i < stmt->n_constraints; i++)
        if (!domain_constraint(d, domain, stmt->constraints[i]->constraint, &n_checks))
            return false;
    return true;
}

static bool is_domain_base(struct ddl *d, oid_t type)
{
    const struct pg_type *row = pg_type_by_oid(type);
    return !row || row->kind != 'p' ||
           ddl_fail_at(d, -1, SQLSTATE_DATATYPE_MISMATCH, "\"%s\" is not a valid base type for a domain", row->name);
}

bool ddl_create_domain(struct ddl *d, const PgQuery__CreateDomainStmt *stmt)
{
    struct domain domain = { 0 };
    struct analyze_context unplaced = d->analyze;
    unplaced.text = (struct str){ 0 };
    d->plan->tag = "CREATE DOMAIN";
    d->unplaced = true;
    if (!ddl_new_type_name(d, stmt->domainname, stmt->n_domainname, &domain.schema, &domain.name) ||
        !analyze_type_name(&unplaced, stmt->type_name, &domain.base, &domain.typmod, NULL) ||
        !is_domain_base(d, domain.base) || !ddl_check_type(d, domain.base, domain.name, -1))
        return false;
    oid_t collation;
    if (!ddl_collation(d, stmt->coll_clause, domain.base, collation_of_type(d->snapshot, domain.base), -1, &collation))
        return false;
    domain.detail = cJSON_CreateObject();
    if (!domain.detail)
        return err_oom(d->err);
    ddl_side_collation(domain.detail, "collation", collation);
    if (!fill_domain(d, &domain, stmt)) {
        cJSON_Delete(domain.detail);
        return false;
    }
    return ddl_side_put(d, "type", domain.schema, domain.name, domain.detail);
}

/* ---- ALTER: the tables with columns of the domain ---- */
static bool is_of(const struct ddl *d, oid_t type, const struct user_type *domain)
{
    const struct user_type *user = snapshot_user_type(d->snapshot, type);
    while (user && user->kind == 'd' && user->oid == type && user->oid != domain->oid) {
        type = user->base;
        user = snapshot_user_type(d->snapshot, type);
    }
    return user && user->oid == domain->oid && type == domain->oid;
}

static bool guard_column(struct ddl *d, const struct relation *r, const struct new_column *column, bool not_null)
{
    struct str table = ddl_quote(d, r->sqlite_name), name = ddl_quote(d, column->column.name);
    struct str message =
        ddl_printf(d, "column \"%.*s\" of table \"%.*s\" contains %s", STR_FMT(column->column.name), STR_FMT(r->name),
                   not_null ? "null values" : "values that violate the new constraint");
    struct about about = { .schema = r->schema, .table = r->name, .column = column->column.name };
    message = ddl_about(d, message, about);
    if (not_null)
        return ddl_guard(d, SQLSTATE_NOT_NULL_VIOLATION, message, STR(""),
                         ddl_printf(d, "%.*s WHERE %.*s IS NULL", STR_FMT(table), STR_FMT(name)));
    return !column->type_check.n ||
           ddl_guard(d, SQLSTATE_CHECK_VIOLATION, message, STR(""),
                     ddl_printf(d, "%.*s WHERE NOT (%.*s)", STR_FMT(table), STR_FMT(column->type_check)));
}

static bool is_array_of(const struct ddl *d, oid_t type, const struct user_type *domain)
{
    const struct user_type *u;
    while ((u = snapshot_user_type(d->snapshot, type)) != NULL && u->kind == 'd') {
        if (type == u->array && u->oid == domain->oid)
            return true;
        type = u->base;
    }
    return false;
}

static bool rebuild_users(struct ddl *d, const struct user_type *was, const struct user_type *now)
{
    struct rebuild set = { 0 };
    d->changed_type = now;
    for (size_t i = 0; i < d->snapshot->n_relations; i++) {
        const struct relation *r = &d->snapshot->relations[i];
        for (size_t k = 0; k < r->n_columns && r->kind == RELATION_TABLE; k++) {
            struct new_table *model;
            if (is_array_of(d, r->columns[k].type, was))
                return ddl_fail_at(d, -1, SQLSTATE_FEATURE_NOT_SUPPORTED,
                                   "cannot alter type \"%.*s\" because column \"%.*s.%.*s\" uses it",
                                   STR_FMT(was->name), STR_FMT(r->name), STR_FMT(r->columns[k].name));
            if (!is_of(d, r->columns[k].type, was))
                continue;
            if (was->not_null && !now->not_null)
                return ddl_refuse(d, -1, "Change the column's type to another domain.",
                                  "DROP NOT NULL of a domain that a table uses");
            if (!ddl_rebuild_model(d, &set, r, &model) || !ddl_type_check(d, &model->columns[k]) ||
                !guard_column(d, r, &model->columns[k], now->not_null && !was->not_null))
                return false;
        }
    }
    bool ok = ddl_rebuild_run(d, &set);
    d->changed_type = NULL;
    return ok;
}

/* ---- texts that cast to the domain: D1 evaluates them, and knows of no constraint that comes later ---- */

/* Whether the name is that of the domain, or of one over it, whatever the schema. */
static bool is_called(const struct ddl *d, struct str name, const struct user_type *domain)
{
    for (size_t i = 0; i < d->snapshot->n_types; i++) {
        const struct user_type *user = &d->snapshot->types[i];
        if (user->kind == 'd' && str_eq(user->name, name) && is_of(d, user->oid, domain))
            return true;
    }
    return false;
}

/* …::name and …::schema.name in an expression or query as PostgreSQL prints it. */
static bool casts_to(const struct ddl *d, struct str text, const struct user_type *domain)
{
    size_t at = 0, colons = 0;
    for (struct sqlite_token t = sqlite_token_next(text, &at); t.kind != SQLITE_TOKEN_END;
         t = sqlite_token_next(text, &at)) {
        bool other = t.kind == SQLITE_TOKEN_OTHER;
        if (other && t.text.p[0] == ':') {
            colons += t.text.n;
            continue;
        }
        bool name = t.kind == SQLITE_TOKEN_WORD || t.kind == SQLITE_TOKEN_QUOTED;
        if (colons >= 2 && name && is_called(d, sqlite_token_value(t, d->arena), domain))
            return true;
        bool after_schema = other && t.text.p[0] == '.', is_schema = name && at < text.n && text.p[at] == '.';
        colons = after_schema || is_schema ? colons : 0;
    }
    return false;
}

static bool refuse_cast(struct ddl *d, const struct user_type *domain, const char *where, struct str name)
{
    return ddl_refuse(d, -1, "Leave the cast out there first, or make a domain with the constraint from the start.",
                      "a new constraint of domain \"%.*s\", to which %s \"%.*s\" casts", STR_FMT(domain->name), where,
                      STR_FMT(name));
}

static bool refuse_casts_of(struct ddl *d, const struct relation *r, const struct user_type *domain)
{
    if (r->kind == RELATION_VIEW && casts_to(d, r->view_text, domain))
        return refuse_cast(d, domain, "view", r->name);
    for (size_t i = 0; i < r->n_columns; i++)
        if (r->columns[i].generated && casts_to(d, r->columns[i].default_text, domain))
            return refuse_cast(d, domain, "generated column", r->columns[i].name);
    for (size_t i = 0; i < r->n_constraints; i++)
        if (r->constraints[i].kind == 'c' && casts_to(d, r->constraints[i].expression, domain))
            return refuse_cast(d, domain, "constraint", r->constraints[i].name);
    for (size_t i = 0; i < r->n_indexes; i++) {
        bool found = casts_to(d, r->indexes[i].predicate, domain);
        for (size_t k = 0; k < r->indexes[i].n_columns && !found; k++)
            found = casts_to(d, r->indexes[i].columns[k].expression, domain);
        if (found)
            return refuse_cast(d, domain, "index", r->indexes[i].name);
    }
    return true;
}

static bool refuse_casts(struct ddl *d, const struct user_type *domain)
{
    for (size_t i = 0; i < d->snapshot->n_relations; i++)
        if (!refuse_casts_of(d, &d->snapshot->relations[i], domain))
            return false;
    return true;
}

static bool put_checks(struct ddl *d, const struct user_type *now)
{
    cJSON *detail = cJSON_CreateObject(), *checks = detail ? cJSON_AddArrayToObject(detail, "checks") : NULL;
    bool ok = checks != NULL;
    for (size_t i = 0; ok && i < now->n_checks; i++)
        ok = add_check(d, checks, now->check_names[i], now->checks[i]);
    if (ok && now->not_null)
        ok = cJSON_AddTrueToObject(detail, "not_null");
    else if (ok)
        ok = cJSON_AddNullToObject(detail, "not_null");
    if (!ok) {
        cJSON_Delete(detail);
        return err_oom(d->err);
    }
    return ddl_side_put(d, "type", now->schema, now->name, detail);
}

/* ---- its forms ---- */
static bool set_default(struct ddl *d, const struct user_type *type, const Node *def)
{
    struct ddl_printed printed;
    struct ddl_expression e = {
        .node = def, .what = "domain default", .type = type->base, .typmod = type->base_typmod
    };
    if (def && !ddl_print(d, &e, true, &printed))
        return false;
    cJSON *detail = cJSON_CreateObject();
    if (!detail)
        return err_oom(d->err);
    if (def)
        ddl_side_text(detail, "default", printed.postgres);
    else
        cJSON_AddNullToObject(detail, "default");
    return ddl_side_put(d, "type", type->schema, type->name, detail);
}

static bool has_check(const struct user_type *type, struct str name)
{
    for (size_t i = 0; i < type->n_checks; i++)
        if (str_eq(type->check_names[i], name))
            return true;
    return false;
}

static bool add_constraint(struct ddl *d, const struct user_type *type, const PgQuery__Constraint *con)
{
    struct domain domain = { .name = type->name, .base = type->base, .typmod = type->base_typmod };
    struct user_type now = *type;
    struct str name = str_from(con->conname ? con->conname : ""), postgres;
    if (!domain_scope(d, &domain))
        return false;
    if (con->contype != PG_QUERY__CONSTR_TYPE__CONSTR_CHECK)
        return ddl_refuse(d, con->location, "Say SET NOT NULL.", "this kind of constraint of a domain");
    if (has_check(type, name))
        return ddl_fail_at(d, -1, SQLSTATE_DUPLICATE_OBJECT, "constraint \"%.*s\" for domain \"%.*s\" already exists",
                           STR_FMT(name), STR_FMT(type->name));
    for (unsigned n = 0; !name.n || (n && has_check(type, name)); n++)
        name = n ? ddl_printf(d, "%.*s_check%u", STR_FMT(type->name), n)
                 : ddl_printf(d, "%.*s_check", STR_FMT(type->name));
    for (unsigned n = 1; has_check(type, name); n++)
        name = ddl_printf(d, "%.*s_check%u", STR_FMT(type->name), n);
    now.checks = DDL_ARRAY(d, struct str, type->n_checks + 1);
    now.check_names = DDL_ARRAY(d, struct str, type->n_checks + 1);
    if (!now.checks || !now.check_names || !check_text(d, &domain, con, &postgres))
        return false;
    for (size_t i = 0; i < type->n_checks; i++) {
        now.checks[i] = type->checks[i];
        now.check_names[i] = type->check_names[i];
    }
    now.checks[now.n_checks] = postgres;
    now.check_names[now.n_checks++] = name;
    return refuse_casts(d, type) && rebuild_users(d, type, &now) && put_checks(d, &now);
}

static bool drop_constraint(struct ddl *d, const struct user_type *type, const PgQuery__AlterDomainStmt *stmt)
{
    struct user_type now = *type;
    struct str name = str_from(stmt->name);
    if (!has_check(type, name) && stmt->missing_ok) {
        ddl_notice(d, SQLSTATE_SUCCESSFUL_COMPLETION, "constraint \"%.*s\" of domain \"%.*s\" does not exist, skipping",
                   STR_FMT(name), STR_FMT(type->name));
        return ddl_nothing(d, "ALTER DOMAIN");
    }
    if (!has_check(type, name))
        return ddl_fail_at(d, -1, SQLSTATE_UNDEFINED_OBJECT, "constraint \"%.*s\" of domain \"%.*s\" does not exist",
                           STR_FMT(name), STR_FMT(type->name));
    now.checks = DDL_ARRAY(d, struct str, type->n_checks);
    now.check_names = DDL_ARRAY(d, struct str, type->n_checks);
    now.n_checks = 0;
    for (size_t i = 0; now.checks && now.check_names && i < type->n_checks; i++)
        if (!str_eq(type->check_names[i], name)) {
            now.checks[now.n_checks] = type->checks[i];
            now.check_names[now.n_checks++] = type->check_names[i];
        }
    return now.checks && now.check_names && rebuild_users(d, type, &now) && put_checks(d, &now);
}

static bool set_not_null(struct ddl *d, const struct user_type *type, bool wanted)
{
    struct user_type now = *type;
    now.not_null = wanted;
    if (type->not_null == wanted)
        return ddl_nothing(d, "ALTER DOMAIN");
    return (!wanted || refuse_casts(d, type)) && rebuild_users(d, type, &now) && put_checks(d, &now);
}

bool ddl_alter_domain(struct ddl *d, const PgQuery__AlterDomainStmt *stmt)
{
    struct str schema, name;
    d->plan->tag = "ALTER DOMAIN";
    d->unplaced = true;
    if (!ddl_names(d, stmt->type_name, stmt->n_type_name, &schema, &name))
        return false;
    const struct user_type *type = ddl_find_type(d, schema, name);
    if (!type)
        return ddl_fail_at(d, -1, SQLSTATE_UNDEFINED_OBJECT, "type \"%.*s\" does not exist", STR_FMT(name));
    if (type->kind != 'd')
        return ddl_fail_at(d, -1, SQLSTATE_WRONG_OBJECT_TYPE, "%.*s is not a domain",
                           STR_FMT(ddl_shown(d, type->schema, type->name)));
    switch (stmt->subtype[0]) {
    case 'T':
        return set_default(d, type, stmt->def);
    case 'N':
        return set_not_null(d, type, false);
    case 'O':
        return set_not_null(d, type, true);
    case 'C':
        return add_constraint(d, type, stmt->def->constraint);
    case 'X':
        return drop_constraint(d, type, stmt);
    default: /* VALIDATE: constraints are always valid */
        return ddl_nothing(d, "ALTER DOMAIN");
    }
}
