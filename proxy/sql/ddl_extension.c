/* ddl_extension.c - CREATE, ALTER, DROP and COMMENT ON EXTENSION: rows of the side catalogue; see catalog/extension.h. */
#include "proxy/sql/ddl_internal.h"

#include "proxy/catalog/extension.h"

/* PostgreSQL's own, always there. */
static bool is_built_in(struct str name)
{
    return str_is(name, "plpgsql");
}

static bool not_there(struct ddl *d, struct str name)
{
    return ddl_fail_at(d, -1, SQLSTATE_UNDEFINED_OBJECT, "extension \"%.*s\" does not exist", STR_FMT(name));
}

/* ---- CREATE ---- */
struct extension_options {
    struct str schema, version;
};

static bool take_options(struct ddl *d, const PgQuery__CreateExtensionStmt *stmt, struct extension_options *ret)
{
    for (size_t i = 0; i < stmt->n_options; i++) {
        const PgQuery__DefElem *option = stmt->options[i]->def_elem;
        if (strcmp(option->defname, "schema") == 0)
            ret->schema = ddl_string(option->arg);
        else if (strcmp(option->defname, "new_version") == 0)
            ret->version = ddl_string(option->arg);
        /* cascade: neither of them needs another */
    }
    return ddl_creation_schema(d, ret->schema, -1, &ret->schema);
}

bool ddl_create_extension(struct ddl *d, const PgQuery__CreateExtensionStmt *stmt)
{
    struct str name = str_from(stmt->extname);
    const struct extension *extension = extension_find(name);
    struct extension_options options = { 0 };
    d->plan->tag = "CREATE EXTENSION";
    if (is_built_in(name) || extension_created(d->snapshot, name)) {
        if (!stmt->if_not_exists)
            return ddl_fail_at(d, -1, SQLSTATE_DUPLICATE_OBJECT, "extension \"%.*s\" already exists", STR_FMT(name));
        ddl_notice(d, SQLSTATE_DUPLICATE_OBJECT, "extension \"%.*s\" already exists, skipping", STR_FMT(name));
        return ddl_nothing(d, "CREATE EXTENSION");
    }
    if (!extension) {
        ddl_refuse(d, -1,
                   "pg_stat_statements, pgcrypto and uuid-ossp are there; what others offer is built in or missing.",
                   "extension \"%.*s\"", STR_FMT(name));
        return false;
    }
    if (!take_options(d, stmt, &options))
        return false;
    if (options.version.n && !str_is(options.version, extension->version))
        return ddl_fail_at(d, -1, SQLSTATE_INVALID_PARAMETER_VALUE,
                           "extension \"%.*s\" has no installation script nor update path for version \"%.*s\"",
                           STR_FMT(name), STR_FMT(options.version));
    cJSON *detail = cJSON_CreateObject();
    return detail ? ddl_side_put(d, "extension", options.schema, name, detail) : err_oom(d->err);
}

/* ---- ALTER ---- */
bool ddl_alter_extension(struct ddl *d, const PgQuery__AlterExtensionStmt *stmt)
{
    struct str name = str_from(stmt->extname), version = is_built_in(name) ? STR("1.0") : STR("");
    const struct extension *extension = extension_find(name);
    if (!is_built_in(name) && !extension_created(d->snapshot, name))
        return not_there(d, name);
    if (extension)
        version = str_from(extension->version);
    struct str wanted = stmt->n_options ? ddl_string(stmt->options[0]->def_elem->arg) : version;
    if (!str_eq(wanted, version))
        return ddl_fail_at(d, -1, SQLSTATE_INVALID_PARAMETER_VALUE,
                           "extension \"%.*s\" has no update path from version \"%.*s\" to version \"%.*s\"",
                           STR_FMT(name), STR_FMT(version), STR_FMT(wanted));
    ddl_notice(d, SQLSTATE_SUCCESSFUL_COMPLETION, "version \"%.*s\" of extension \"%.*s\" is already installed",
               STR_FMT(version), STR_FMT(name));
    return ddl_nothing(d, "ALTER EXTENSION");
}

/* ---- DROP ---- */
struct function_use {
    struct str extension;
    const struct pg_proc *found;
};

static bool note_function(struct expr *e, void *ctx)
{
    struct function_use *use = ctx;
    const char *owner = e->kind == EXPR_FUNC ? extension_of_proc(e->call.proc) : NULL;
    if (owner && str_is(use->extension, owner))
        use->found = e->call.proc;
    return true;
}

/* The extension's function in a stored expression; NULL: none. */
static const struct pg_proc *used_in(struct ddl *d, struct str text, const struct relation *r, struct str extension)
{
    struct function_use use = { .extension = extension };
    struct expr *expr;
    struct query *scope;
    struct err ignored, *saved = d->analyze.err;
    if (!text.n)
        return NULL;
    err_init(&ignored, d->arena);
    d->analyze.err = &ignored;
    if (analyze_expression_text(&d->analyze, text, r, "stored expression", 0, -1, &expr, &scope))
        expr_walk(expr, note_function, &use);
    d->analyze.err = saved;
    return use.found;
}

static bool collect_users(struct ddl *d, const struct relation *r, struct str extension, struct dependents *list)
{
    for (size_t i = 0; i < r->n_columns && r->kind == RELATION_TABLE; i++) {
        const struct column *c = &r->columns[i];
        const struct pg_proc *proc = c->default_is_foreign ? NULL : used_in(d, c->default_text, r, extension);
        if (proc && !ddl_dependent(
                        d, list, ddl_printf(d, "default value for %.*s", STR_FMT(ddl_described_column(d, r, c->name))),
                        ddl_printf(d, "function %s()", proc->name)))
            return false;
    }
    return true;
}

bool ddl_drop_extensions(struct ddl *d, const PgQuery__DropStmt *stmt)
{
    d->plan->tag = "DROP EXTENSION";
    for (size_t i = 0; i < stmt->n_objects; i++) {
        struct str name = ddl_string(stmt->objects[i]);
        const struct snapshot_side *row = extension_created(d->snapshot, name);
        struct dependents list = { 0 };
        if (is_built_in(name))
            return ddl_refuse(d, -1, NULL, "DROP EXTENSION of plpgsql");
        if (!row && !stmt->missing_ok)
            return not_there(d, name);
        if (!row) {
            ddl_notice(d, SQLSTATE_SUCCESSFUL_COMPLETION, "extension \"%.*s\" does not exist, skipping", STR_FMT(name));
            continue;
        }
        for (size_t k = 0; k < d->snapshot->n_relations; k++)
            if (!collect_users(d, &d->snapshot->relations[k], name, &list))
                return false;
        if (list.n_lines && stmt->behavior == PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE)
            return ddl_refuse(d, -1, "Drop the defaults first.", "DROP EXTENSION CASCADE");
        if (!ddl_dependents_settle(d, &list, false, ddl_printf(d, "extension %.*s", STR_FMT(name))) ||
            !ddl_side_delete(d, "extension", row->schema, name))
            return false;
    }
    return d->plan->n_statements ? true : ddl_nothing(d, "DROP EXTENSION");
}

/* ---- COMMENT ---- */
bool ddl_comment_extension(struct ddl *d, const PgQuery__CommentStmt *stmt)
{
    struct str name = ddl_string(stmt->object);
    const struct snapshot_side *row = extension_created(d->snapshot, name);
    cJSON *detail = cJSON_CreateObject();
    if (!detail)
        return err_oom(d->err);
    if (!row && !is_built_in(name)) {
        cJSON_Delete(detail);
        return not_there(d, name);
    }
    if (!row) { /* pg_dump before version 11 says again what is there */
        cJSON_Delete(detail);
        return str_is(STR("PL/pgSQL procedural language"), stmt->comment)
                   ? ddl_nothing(d, "COMMENT")
                   : ddl_refuse(d, -1, NULL, "another comment on extension plpgsql");
    }
    ddl_side_text(detail, "comment", str_from(stmt->comment));
    return ddl_side_put(d, "extension", row->schema, name, detail);
}
