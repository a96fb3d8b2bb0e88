/* ddl_identity.c - ALTER COLUMN … ADD, SET and DROP IDENTITY: rows of the side catalogue; see ddl_alter.h. */
#include "proxy/sql/ddl_alter.h"

#include "proxy/catalog/names.h"

static bool put_identity(struct ddl *d, const struct alter *a, struct str column, const char *identity,
                         struct str sequence)
{
    cJSON *detail = cJSON_CreateObject();
    if (!detail)
        return err_oom(d->err);
    if (identity)
        cJSON_AddStringToObject(detail, "identity", identity);
    else
        cJSON_AddNullToObject(detail, "identity");
    if (sequence.n)
        ddl_side_text(detail, "sequence", sequence);
    else if (!identity)
        cJSON_AddNullToObject(detail, "sequence");
    return ddl_side_put_child(d, "column", a->now->schema, a->now->name, column, detail);
}

bool ddl_make_plain(struct ddl *d, const struct alter *a, struct new_column *column)
{
    cJSON *detail = cJSON_CreateObject();
    if (!detail || !cJSON_AddTrueToObject(detail, "plain")) {
        cJSON_Delete(detail);
        return err_oom(d->err);
    }
    column->autoincrement = false;
    return ddl_side_put_child(d, "column", a->now->schema, a->now->name, column->column.name, detail);
}

/* pg_dump gives the sequence's name as an option. */
static bool take_sequence_name(struct ddl *d, Node *const *options, size_t n, Node ***ret_options, size_t *ret_n,
                               struct str *ret_name)
{
    *ret_options = DDL_ARRAY(d, Node *, n);
    *ret_n = 0;
    if (!*ret_options)
        return false;
    for (size_t i = 0; i < n; i++) {
        const PgQuery__DefElem *option = options[i]->def_elem;
        if (strcmp(option->defname, "sequence_name") != 0)
            (*ret_options)[(*ret_n)++] = options[i];
        else
            *ret_name = ddl_string(option->arg->list->items[option->arg->list->n_items - 1]);
    }
    return true;
}

bool ddl_name_sequence(struct ddl *d, const struct new_table *table, struct new_column *column)
{
    struct column *c = &column->column;
    struct str name = { 0 };
    Node **rest;
    size_t n_rest;
    if (!take_sequence_name(d, column->sequence_options, column->n_sequence_options, &rest, &n_rest, &name))
        return false;
    column->sequence_options = rest;
    column->n_sequence_options = n_rest;
    if (name.n && (ddl_relation_taken(d, table->schema, name) || str_eq(name, table->name)))
        return ddl_fail_at(d, -1, SQLSTATE_DUPLICATE_TABLE, "relation \"%.*s\" already exists", STR_FMT(name));
    if (name.n && !DDL_PUSH(d, d->pending, d->n_pending, name))
        return false;
    c->sequence = name.n ? name : ddl_choose_relation_name(d, table->schema, table->name, c->name, "seq");
    if (!c->sequence.p)
        return false;
    struct str shown = name_qualified(str_is(table->schema, "public") ? STR("") : table->schema, c->sequence, d->arena);
    if (!c->identity)
        c->default_text = ddl_printf(d, "nextval(%.*s::regclass)", STR_FMT(name_literal(shown, d->arena)));
    return c->identity || c->default_text.p;
}

bool ddl_add_identity(struct ddl *d, struct alter *a, const Command *command)
{
    const PgQuery__Constraint *con = command->def->constraint;
    struct new_column *column = ddl_find_column(a->now, str_from(command->name));
    struct sequence_options options;
    struct str name = { 0 };
    Node **rest;
    size_t n_rest;
    if (!column)
        return ddl_undefined_column(d, a, str_from(command->name));
    const struct column *c = &column->column;
    oid_t base = snapshot_base_type(d->snapshot, c->type, NULL);
    if (base != TYPE_OID_int2 && base != TYPE_OID_int4 && base != TYPE_OID_int8)
        return ddl_fail_at(d, -1, SQLSTATE_INVALID_PARAMETER_VALUE,
                           "identity column type must be smallint, integer, or bigint");
    if (!c->not_null)
        return ddl_fail_at(
            d, -1, SQLSTATE_OBJECT_NOT_IN_PREREQUISITE_STATE,
            "column \"%.*s\" of relation \"%.*s\" must be declared NOT NULL before identity can be added",
            STR_FMT(c->name), STR_FMT(a->table->name));
    if (c->identity && c->sequence.n)
        return ddl_fail_at(d, -1, SQLSTATE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                           "column \"%.*s\" of relation \"%.*s\" is already an identity column", STR_FMT(c->name),
                           STR_FMT(a->table->name));
    if (c->default_text.n)
        return ddl_fail_at(d, -1, SQLSTATE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                           "column \"%.*s\" of relation \"%.*s\" already has a default value", STR_FMT(c->name),
                           STR_FMT(a->table->name));
    if (!take_sequence_name(d, con->options, con->n_options, &rest, &n_rest, &name) ||
        !ddl_sequence_options(d, rest, n_rest, NULL, snapshot_base_type(d->snapshot, c->type, NULL), &options))
        return false;
    if (name.n && ddl_relation_taken(d, a->now->schema, name))
        return ddl_fail_at(d, -1, SQLSTATE_DUPLICATE_TABLE, "relation \"%.*s\" already exists", STR_FMT(name));
    if (!name.n)
        name = ddl_choose_relation_name(d, a->now->schema, a->now->name, c->name, "seq");
    options.has_owner = true;
    options.owner_table = a->now->name;
    options.owner_column = c->name;
    char identity[2] = { con->generated_when[0], 0 };
    column->column.identity = identity[0];
    column->column.sequence = name;
    if (!column->old) { /* a column of this statement: the rows do not get its numbers */
        column->sequence_options = rest;
        column->n_sequence_options = n_rest;
        column->value = STR("NULL");
        return name.p && (a->now->rebuild = true);
    }
    return name.p && put_identity(d, a, c->name, identity, name) &&
           ddl_write_sequence(d, a->now->schema, name, &options, true);
}

bool ddl_drop_identity(struct ddl *d, struct alter *a, const Command *command)
{
    struct new_column *column = ddl_find_column(a->now, str_from(command->name));
    if (!column)
        return ddl_undefined_column(d, a, str_from(command->name));
    const struct column *c = &column->column;
    if (!c->identity && command->missing_ok) {
        ddl_notice(d, SQLSTATE_SUCCESSFUL_COMPLETION,
                   "column \"%.*s\" of relation \"%.*s\" is not an identity column, skipping", STR_FMT(c->name),
                   STR_FMT(a->table->name));
        return true;
    }
    if (!c->identity)
        return ddl_fail_at(d, -1, SQLSTATE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                           "column \"%.*s\" of relation \"%.*s\" is not an identity column", STR_FMT(c->name),
                           STR_FMT(a->table->name));
    struct str sequence = c->sequence;
    bool own = sequence.n && !c->sequence_is_rowid;
    column->column.identity = 0;
    column->column.sequence = STR("");
    column->column.sequence_is_rowid = false;
    if (c->is_rowid && !ddl_make_plain(d, a, column)) /* SQLite goes on counting, but nobody asks it to */
        return false;
    return put_identity(d, a, c->name, NULL, STR("")) &&
           (!own || ddl_side_delete(d, "sequence", a->now->schema, sequence));
}

/* All of one command at once, as ALTER SEQUENCE takes them. */
static bool set_options(struct ddl *d, struct alter *a, const struct column *c, Node **options, size_t n)
{
    PgQuery__RangeVar range = PG_QUERY__RANGE_VAR__INIT;
    PgQuery__AlterSeqStmt alter = PG_QUERY__ALTER_SEQ_STMT__INIT;
    if (!c->sequence.n)
        return ddl_refuse(d, -1, NULL, "options of a key that SQLite counts itself");
    if (!ddl_find_column(a->now, c->name)->old)
        return ddl_refuse(d, -1, "Give them with ADD COLUMN.", "SET of an identity that the same statement adds");
    range.schemaname = arena_cstr(d->arena, a->now->schema);
    range.relname = arena_cstr(d->arena, c->sequence);
    range.location = -1;
    alter.sequence = &range;
    alter.options = options;
    alter.n_options = n;
    if (!range.schemaname || !range.relname)
        return err_oom(d->err);
    bool ok = ddl_alter_sequence(d, &alter);
    d->plan->tag = "ALTER TABLE";
    return ok;
}

bool ddl_retype_identity(struct ddl *d, struct alter *a, const struct new_column *column, PgQuery__TypeName *type)
{
    PgQuery__Node name = PG_QUERY__NODE__INIT, option = PG_QUERY__NODE__INIT, *options[] = { &option };
    PgQuery__DefElem as = PG_QUERY__DEF_ELEM__INIT;
    name.node_case = PG_QUERY__NODE__NODE_TYPE_NAME;
    name.type_name = type;
    as.defname = arena_cstr(d->arena, STR("as"));
    as.arg = &name;
    as.location = -1;
    option.node_case = PG_QUERY__NODE__NODE_DEF_ELEM;
    option.def_elem = &as;
    return as.defname ? set_options(d, a, &column->column, options, 1) : err_oom(d->err);
}

bool ddl_set_identity(struct ddl *d, struct alter *a, const Command *command)
{
    struct new_column *column = ddl_find_column(a->now, str_from(command->name));
    if (!column)
        return ddl_undefined_column(d, a, str_from(command->name));
    const struct column *c = &column->column;
    if (!c->identity)
        return ddl_fail_at(d, -1, SQLSTATE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                           "column \"%.*s\" of relation \"%.*s\" is not an identity column", STR_FMT(c->name),
                           STR_FMT(a->table->name));
    const PgQuery__List *list = command->def->list;
    Node **options = DDL_ARRAY(d, Node *, list->n_items);
    size_t n = 0;
    if (!options)
        return false;
    for (size_t i = 0; i < list->n_items; i++) {
        const PgQuery__DefElem *option = list->items[i]->def_elem;
        if (strcmp(option->defname, "generated") != 0) {
            options[n++] = list->items[i];
            continue;
        }
        char identity[2] = { (char)option->arg->integer->ival, 0 };
        column->column.identity = identity[0];
        if (!put_identity(d, a, c->name, identity, STR("")))
            return false;
    }
    return n == 0 || set_options(d, a, c, options, n);
}
