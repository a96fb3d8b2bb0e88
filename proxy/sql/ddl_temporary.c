/*
 * ddl_temporary.c - whether DDL is of the session's temporary tables: then it is planned for their database; see ddl_internal.h.
 *
 * Not here that database: proxy/txn/temporary.h.
 */
#include "proxy/sql/ddl_internal.h"

struct temporary_targets {
    struct ddl *d;
    bool temporary, permanent;
};

bool ddl_is_temporary_schema(struct str schema)
{
    return str_is(schema, "pg_temp") || str_is(schema, SNAPSHOT_TEMPORARY);
}

/* A relation or an index, as the search path finds it; nothing is said of what is not there. */
static void see(struct temporary_targets *t, struct str schema, struct str name)
{
    const struct ddl *d = t->d;
    const struct relation *r =
        snapshot_relation(d->snapshot, d->settings->search_path, d->settings->n_search_path, schema, name);
    for (size_t i = 0; !r && i < (schema.n ? 1 : d->settings->n_search_path); i++) {
        struct str where = schema.n ? schema : d->settings->search_path[i];
        ddl_find_index(d, ddl_is_temporary_schema(where) ? STR(SNAPSHOT_TEMPORARY) : where, name, &r);
    }
    t->temporary |= r && r->is_temporary;
    t->permanent |= r && !r->is_temporary;
}

static void see_range(struct temporary_targets *t, const PgQuery__RangeVar *name)
{
    if (name)
        see(t, str_from(name->schemaname), str_from(name->relname));
}

/* [schema.]name of a list; `tail` names behind it are of what is in the relation. */
static void see_list(struct temporary_targets *t, const Node *node, size_t tail)
{
    struct str schema, name;
    if (node && node->node_case == PG_QUERY__NODE__NODE_LIST && node->list->n_items > tail &&
        ddl_names(t->d, node->list->items, node->list->n_items - tail, &schema, &name))
        see(t, schema, name);
}

static bool is_new(struct ddl *d, const PgQuery__RangeVar *name)
{
    if (!name)
        return false;
    bool in_temporary = name->schemaname && name->schemaname[0] ? ddl_is_temporary_schema(str_from(name->schemaname))
                                                                : d->settings->creates_temporary;
    if (in_temporary && ddl_is_unlogged(name))
        return ddl_fail_at(d, name->location, SQLSTATE_INVALID_TABLE_DEFINITION,
                           "only temporary relations may be created in temporary schemas");
    return in_temporary || (name->relpersistence && name->relpersistence[0] == 't');
}

/* How many names stand behind the relation's. */
static size_t names_inside(PgQuery__ObjectType kind)
{
    static const PgQuery__ObjectType inside[] = {
        PG_QUERY__OBJECT_TYPE__OBJECT_COLUMN, PG_QUERY__OBJECT_TYPE__OBJECT_TABCONSTRAINT,
        PG_QUERY__OBJECT_TYPE__OBJECT_TRIGGER, PG_QUERY__OBJECT_TYPE__OBJECT_RULE, PG_QUERY__OBJECT_TYPE__OBJECT_POLICY
    };
    for (size_t i = 0; i < sizeof(inside) / sizeof(inside[0]); i++)
        if (inside[i] == kind)
            return 1;
    return 0;
}

static void see_drop(struct temporary_targets *t, const PgQuery__DropStmt *stmt)
{
    for (size_t i = 0; i < stmt->n_objects; i++)
        see_list(t, stmt->objects[i], names_inside(stmt->remove_type));
}

static void see_comment(struct temporary_targets *t, const PgQuery__CommentStmt *stmt)
{
    see_list(t, stmt->object, names_inside(stmt->objtype));
}

static void see_node(struct temporary_targets *t, const Node *node)
{
    switch (node->node_case) {
    case PG_QUERY__NODE__NODE_CREATE_STMT:
        t->temporary = is_new(t->d, node->create_stmt->relation);
        break;
    case PG_QUERY__NODE__NODE_CREATE_TABLE_AS_STMT:
        t->temporary = is_new(t->d, node->create_table_as_stmt->into->rel);
        break;
    case PG_QUERY__NODE__NODE_SELECT_STMT:
        t->temporary = node->select_stmt->into_clause && is_new(t->d, node->select_stmt->into_clause->rel);
        break;
    case PG_QUERY__NODE__NODE_VIEW_STMT:
        t->temporary = is_new(t->d, node->view_stmt->view);
        break;
    case PG_QUERY__NODE__NODE_CREATE_SEQ_STMT:
        t->temporary = is_new(t->d, node->create_seq_stmt->sequence);
        break;
    case PG_QUERY__NODE__NODE_INDEX_STMT:
        see_range(t, node->index_stmt->relation);
        break;
    case PG_QUERY__NODE__NODE_ALTER_TABLE_STMT:
        see_range(t, node->alter_table_stmt->relation);
        break;
    case PG_QUERY__NODE__NODE_RENAME_STMT:
        see_range(t, node->rename_stmt->relation);
        break;
    case PG_QUERY__NODE__NODE_ALTER_SEQ_STMT:
        see_range(t, node->alter_seq_stmt->sequence);
        break;
    case PG_QUERY__NODE__NODE_TRUNCATE_STMT:
        for (size_t i = 0; i < node->truncate_stmt->n_relations; i++)
            see_range(t, node->truncate_stmt->relations[i]->range_var);
        break;
    case PG_QUERY__NODE__NODE_DROP_STMT:
        see_drop(t, node->drop_stmt);
        break;
    case PG_QUERY__NODE__NODE_COMMENT_STMT:
        see_comment(t, node->comment_stmt);
        break;
    default:
        break;
    }
}

/* DROP, ALTER and COMMENT of a schema. */
static bool names_schema(const Node *node)
{
    if (node->node_case == PG_QUERY__NODE__NODE_RENAME_STMT)
        return node->rename_stmt->rename_type == PG_QUERY__OBJECT_TYPE__OBJECT_SCHEMA &&
               ddl_is_temporary_schema(str_from(node->rename_stmt->subname));
    if (node->node_case == PG_QUERY__NODE__NODE_COMMENT_STMT)
        return node->comment_stmt->objtype == PG_QUERY__OBJECT_TYPE__OBJECT_SCHEMA &&
               ddl_is_temporary_schema(ddl_string(node->comment_stmt->object));
    if (node->node_case != PG_QUERY__NODE__NODE_DROP_STMT ||
        node->drop_stmt->remove_type != PG_QUERY__OBJECT_TYPE__OBJECT_SCHEMA)
        return false;
    for (size_t i = 0; i < node->drop_stmt->n_objects; i++)
        if (ddl_is_temporary_schema(ddl_string(node->drop_stmt->objects[i])))
            return true;
    return false;
}

bool ddl_see_temporary(struct ddl *d, const Node *node)
{
    struct temporary_targets t = { .d = d };
    if (names_schema(node))
        return ddl_refuse(d, -1, "DISCARD TEMP drops all temporary tables.", "a change of the temporary schema itself");
    see_node(&t, node);
    if (err_is_set(d->err) || !t.temporary)
        return !err_is_set(d->err);
    if (t.permanent)
        return ddl_refuse(d, -1, "Use a statement for each.", "one statement for temporary and permanent tables");
    struct snapshot *snapshot = snapshot_for_temporary(d->snapshot, d->arena);
    if (!snapshot)
        return err_oom(d->err);
    d->temporary = true;
    d->snapshot = d->analyze.snapshot = snapshot;
    d->plan->tables = TABLES_TEMPORARY;
    return true;
}

bool ddl_temporary_schema(struct ddl *d, struct str given, int location, struct str *ret)
{
    if (given.n && !ddl_is_temporary_schema(given))
        return ddl_fail_at(d, location, SQLSTATE_INVALID_TABLE_DEFINITION,
                           "cannot create temporary relation in non-temporary schema");
    *ret = STR(SNAPSHOT_TEMPORARY);
    return true;
}

bool ddl_check_foreign_tables(struct ddl *d, const struct relation *referenced, bool deferrable)
{
    if (!referenced || d->temporary == referenced->is_temporary)
        return !(d->temporary && deferrable) ||
               ddl_refuse(d, -1, "Leave DEFERRABLE out.", "a deferrable foreign key of a temporary table");
    return ddl_fail_at(d, -1, SQLSTATE_INVALID_TABLE_DEFINITION,
                       d->temporary ? "constraints on temporary tables may reference only temporary tables"
                                    : "constraints on permanent tables may reference only permanent tables");
}

bool ddl_on_commit(struct ddl *d, PgQuery__OnCommitAction action, struct str table)
{
    bool drops = action == PG_QUERY__ON_COMMIT_ACTION__ONCOMMIT_DROP,
         deletes = action == PG_QUERY__ON_COMMIT_ACTION__ONCOMMIT_DELETE_ROWS;
    bool given = drops || deletes || action == PG_QUERY__ON_COMMIT_ACTION__ONCOMMIT_PRESERVE_ROWS;
    if (given && !d->temporary)
        return ddl_fail_at(d, -1, SQLSTATE_INVALID_TABLE_DEFINITION, "ON COMMIT can only be used on temporary tables");
    if (!drops && !deletes)
        return true;
    cJSON *detail = cJSON_CreateObject();
    if (detail)
        cJSON_AddStringToObject(detail, "on_commit", drops ? "drop" : "delete");
    return ddl_side_put(d, "table", STR(SNAPSHOT_TEMPORARY), table, detail);
}
