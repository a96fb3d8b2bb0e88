/*
 * ddl_alter.c - ALTER TABLE: its commands in PostgreSQL's order, then the batch that makes them true; see ddl_alter.h.
 *
 * PostgreSQL does drops first, then types, new columns, attributes and constraints, whatever the order of writing.
 */
#include "proxy/sql/ddl_alter.h"

/* ---- the commands, in the order in which they are done ---- */
struct command_row {
    PgQuery__AlterTableType type;
    int pass;
    bool (*run)(struct ddl *d, struct alter *a, const Command *command); /* NULL: accepted without effect … */
    bool (*check)(struct ddl *d, const struct relation *r,
                  const Command *command); /* … when this says so; NULL: always */
    const char *refused;                   /* 0A000 by this name; NULL: it is not */
    /* what only the side catalogue keeps, of relations of every kind; NULL: nothing */
    bool (*note)(struct ddl *d, const struct relation *r, const Command *command);
};

/* ---- what forms without effect name ---- */
static bool check_column(struct ddl *d, const struct relation *r, const Command *command)
{
    if (!command->name || !command->name[0] || r->kind == RELATION_SEQUENCE ||
        relation_column(r, str_from(command->name)))
        return true;
    return ddl_fail_at(d, -1, SQLSTATE_UNDEFINED_COLUMN, "column \"%s\" of relation \"%.*s\" does not exist",
                       command->name, STR_FMT(r->name));
}

static bool check_storage(struct ddl *d, const struct relation *r, const Command *command)
{
    static const char *const words[] = { "plain", "external", "extended", "main" };
    struct str word = ddl_string(command->def);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (str_eq_nocase(word, str_from(words[i])))
            return check_column(d, r, command);
    return ddl_fail_at(d, -1, SQLSTATE_INVALID_PARAMETER_VALUE, "invalid storage type \"%.*s\"", STR_FMT(word));
}

static bool check_owner(struct ddl *d, const struct relation *r, const Command *command)
{
    (void)r;
    return ddl_need_role(d, command->newowner);
}

static bool check_clustered(struct ddl *d, const struct relation *r, const Command *command)
{
    return ddl_check_cluster(d, r, command->name);
}

static bool check_identity_index(struct ddl *d, const struct relation *r, const Command *command)
{
    const PgQuery__ReplicaIdentityStmt *s = command->def->replica_identity_stmt;
    const struct index *index;
    return !s->name || !s->name[0] || ddl_find_table_index(d, r, s->name, &index);
}

static bool check_options(struct ddl *d, const struct relation *r, const Command *command)
{
    const PgQuery__List *list =
        command->def && command->def->node_case == PG_QUERY__NODE__NODE_LIST ? command->def->list : NULL;
    return r->kind != RELATION_TABLE || !list || ddl_check_storage_options(d, list->items, list->n_items, false);
}

static bool note_options(struct ddl *d, const struct relation *r, const Command *command)
{
    const PgQuery__List *list = command->def->list;
    bool reset = command->subtype == PG_QUERY__ALTER_TABLE_TYPE__AT_ResetRelOptions;
    return r->kind != RELATION_VIEW || ddl_alter_view_options(d, r, list->items, list->n_items, reset);
}

static bool note_logged(struct ddl *d, const struct relation *r, const Command *command)
{
    return ddl_set_logged(d, r, command->subtype == PG_QUERY__ALTER_TABLE_TYPE__AT_SetLogged);
}

/* ENABLE changes nothing where nothing can be disabled; DISABLE ALL would switch off foreign keys. */
static bool check_triggers(struct ddl *d, const struct relation *r, const Command *command)
{
    bool all = command->subtype == PG_QUERY__ALTER_TABLE_TYPE__AT_DisableTrigAll, keyed = r->has_user_triggers;
    for (size_t i = 0; i < d->snapshot->n_relations && all; i++)
        keyed |= relation_refers_to(&d->snapshot->relations[i], r) || relation_refers_to(r, &d->snapshot->relations[i]);
    bool disables = all || command->subtype == PG_QUERY__ALTER_TABLE_TYPE__AT_DisableTrigUser;
    return !disables || !keyed ||
           ddl_refuse(d, -1,
                      "D1 has no way to disable triggers or foreign keys; deferrable keys are checked at COMMIT.",
                      "ALTER TABLE … DISABLE TRIGGER");
}

static bool check_trigger(struct ddl *d, const struct relation *r, const Command *command)
{
    for (size_t i = 0; i < d->snapshot->n_objects && r->has_user_triggers; i++)
        if (str_is(d->snapshot->objects[i].type, "trigger") && str_is(d->snapshot->objects[i].name, command->name))
            return ddl_refuse(d, -1, "D1 has no way to disable triggers.", "ALTER TABLE … TRIGGER");
    return ddl_fail_at(d, -1, SQLSTATE_UNDEFINED_OBJECT, "trigger \"%s\" for table \"%.*s\" does not exist",
                       command->name, STR_FMT(r->name));
}

static bool check_tablespace(struct ddl *d, const struct relation *r, const Command *command)
{
    (void)r;
    return strcmp(command->name, "pg_default") == 0 ||
           ddl_fail_at(d, -1, SQLSTATE_UNDEFINED_OBJECT, "tablespace \"%s\" does not exist", command->name);
}

enum { PASS_DROP, PASS_TYPE, PASS_COLUMN, PASS_ATTRIBUTE, PASS_CONSTRAINT, PASS_OTHER, PASS_NR };

#define AT(name) PG_QUERY__ALTER_TABLE_TYPE__AT_##name
static const struct command_row command_rows[] = {
    { AT(AddColumn), PASS_COLUMN, ddl_add_column, NULL, NULL, NULL },
    { AT(ColumnDefault), PASS_ATTRIBUTE, ddl_set_default, NULL, NULL, NULL },
    { AT(DropNotNull), PASS_DROP, ddl_set_not_null, NULL, NULL, NULL },
    { AT(SetNotNull), PASS_ATTRIBUTE, ddl_set_not_null, NULL, NULL, NULL },
    { AT(DropExpression), PASS_DROP, ddl_drop_expression, NULL, NULL, NULL },
    { AT(DropColumn), PASS_DROP, ddl_drop_column, NULL, NULL, NULL },
    { AT(AddConstraint), PASS_CONSTRAINT, ddl_add_constraint, NULL, NULL, NULL },
    { AT(AlterConstraint), PASS_OTHER, ddl_alter_constraint, NULL, NULL, NULL },
    { AT(DropConstraint), PASS_DROP, ddl_drop_constraint, NULL, NULL, NULL },
    { AT(AlterColumnType), PASS_TYPE, ddl_set_type, NULL, NULL, NULL },
    { AT(AddIdentity), PASS_ATTRIBUTE, ddl_add_identity, NULL, NULL, NULL },
    { AT(SetIdentity), PASS_ATTRIBUTE, ddl_set_identity, NULL, NULL, NULL },
    { AT(DropIdentity), PASS_DROP, ddl_drop_identity, NULL, NULL, NULL },
    /* storage and ownership, of which D1 has neither */
    { AT(SetStatistics), PASS_OTHER, NULL, check_column, NULL, NULL },
    { AT(SetOptions), PASS_OTHER, NULL, check_column, NULL, NULL },
    { AT(ResetOptions), PASS_OTHER, NULL, check_column, NULL, NULL },
    { AT(SetStorage), PASS_OTHER, NULL, check_storage, NULL, NULL },
    { AT(SetCompression), PASS_OTHER, NULL, check_column, NULL, NULL },
    { AT(ChangeOwner), PASS_OTHER, NULL, check_owner, NULL, NULL },
    { AT(ClusterOn), PASS_OTHER, NULL, check_clustered, NULL, NULL },
    { AT(DropCluster), PASS_OTHER, NULL, NULL, NULL, NULL },
    { AT(SetLogged), PASS_OTHER, NULL, NULL, NULL, note_logged },
    { AT(SetUnLogged), PASS_OTHER, NULL, NULL, NULL, note_logged },
    { AT(SetRelOptions), PASS_OTHER, NULL, check_options, NULL, note_options },
    { AT(ResetRelOptions), PASS_OTHER, NULL, NULL, NULL, note_options },
    { AT(ReplicaIdentity), PASS_OTHER, NULL, check_identity_index, NULL, NULL },
    { AT(ValidateConstraint), PASS_OTHER, ddl_validate_constraint, NULL, NULL, NULL },
    { AT(SetTableSpace), PASS_OTHER, NULL, check_tablespace, NULL, NULL },
    { AT(EnableTrigAll), PASS_OTHER, NULL, check_triggers, NULL, NULL },
    { AT(DisableTrigAll), PASS_OTHER, NULL, check_triggers, NULL, NULL },
    { AT(EnableTrigUser), PASS_OTHER, NULL, check_triggers, NULL, NULL },
    { AT(DisableTrigUser), PASS_OTHER, NULL, check_triggers, NULL, NULL },
    { AT(EnableTrig), PASS_OTHER, NULL, check_trigger, NULL, NULL },
    { AT(DisableTrig), PASS_OTHER, NULL, check_trigger, NULL, NULL },
    { AT(EnableAlwaysTrig), PASS_OTHER, NULL, check_trigger, NULL, NULL },
    { AT(EnableReplicaTrig), PASS_OTHER, NULL, check_trigger, NULL, NULL },
    { AT(EnableRowSecurity), PASS_OTHER, NULL, NULL, "ALTER TABLE … ENABLE ROW LEVEL SECURITY", NULL },
    { AT(ForceRowSecurity), PASS_OTHER, NULL, NULL, "ALTER TABLE … FORCE ROW LEVEL SECURITY", NULL },
    { AT(AddInherit), PASS_OTHER, NULL, NULL, "ALTER TABLE … INHERIT", NULL },
    { AT(DropInherit), PASS_OTHER, NULL, NULL, "ALTER TABLE … NO INHERIT", NULL },
    { AT(AttachPartition), PASS_OTHER, NULL, NULL, "ALTER TABLE … ATTACH PARTITION", NULL },
    { AT(DetachPartition), PASS_OTHER, NULL, NULL, "ALTER TABLE … DETACH PARTITION", NULL },
    { AT(AddOf), PASS_OTHER, NULL, NULL, "ALTER TABLE … OF", NULL },
    { AT(DropOf), PASS_OTHER, NULL, NULL, "ALTER TABLE … NOT OF", NULL },
    { AT(SetAccessMethod), PASS_OTHER, NULL, NULL, "ALTER TABLE … SET ACCESS METHOD", NULL },
    { AT(NoForceRowSecurity), PASS_OTHER, NULL, NULL, NULL, NULL },
    { AT(DisableRowSecurity), PASS_OTHER, NULL, NULL, NULL, NULL },
};
#undef AT

static const struct command_row *command_find(PgQuery__AlterTableType type)
{
    for (size_t i = 0; i < sizeof(command_rows) / sizeof(command_rows[0]); i++)
        if (command_rows[i].type == type)
            return &command_rows[i];
    return NULL;
}

/* A default is dropped before the type changes, and set after it. */
static int pass_of(const struct command_row *row, const Command *command)
{
    return row->run == ddl_set_default && !command->def ? PASS_DROP : row->pass;
}

static const char *tag_of(PgQuery__ObjectType type)
{
    switch (type) {
    case PG_QUERY__OBJECT_TYPE__OBJECT_INDEX:
        return "ALTER INDEX";
    case PG_QUERY__OBJECT_TYPE__OBJECT_SEQUENCE:
        return "ALTER SEQUENCE";
    case PG_QUERY__OBJECT_TYPE__OBJECT_VIEW:
        return "ALTER VIEW";
    case PG_QUERY__OBJECT_TYPE__OBJECT_TYPE:
        return "ALTER TYPE";
    default:
        return "ALTER TABLE";
    }
}

static bool check_kind(struct ddl *d, const struct relation *r, PgQuery__ObjectType wanted)
{
    bool view = wanted == PG_QUERY__OBJECT_TYPE__OBJECT_VIEW,
         sequence = wanted == PG_QUERY__OBJECT_TYPE__OBJECT_SEQUENCE;
    if ((!view || r->kind == RELATION_VIEW) && (!sequence || r->kind == RELATION_SEQUENCE))
        return true;
    return ddl_fail_at(d, -1, SQLSTATE_WRONG_OBJECT_TYPE, "\"%.*s\" is not a %s", STR_FMT(r->name),
                       view ? "view" : "sequence");
}

static bool check_commands(struct ddl *d, const struct relation *r, const PgQuery__AlterTableStmt *stmt)
{
    for (size_t i = 0; i < stmt->n_cmds; i++) {
        const Command *command = stmt->cmds[i]->alter_table_cmd;
        const struct command_row *row = command_find(command->subtype);
        if (!row || row->refused)
            return ddl_refuse(d, -1, NULL, "%s", row ? row->refused : "this form of ALTER TABLE");
        if (row->check && !row->check(d, r, command))
            return false;
        if (row->run && r->kind == RELATION_VIEW)
            return ddl_refuse(d, -1, "Use CREATE OR REPLACE VIEW.", "ALTER of a view's columns");
        if (row->run && r->kind != RELATION_TABLE)
            return ddl_fail_at(d, -1, SQLSTATE_WRONG_OBJECT_TYPE, "\"%.*s\" is not a table", STR_FMT(r->name));
    }
    return true;
}

static bool note(struct ddl *d, const struct relation *r, const PgQuery__AlterTableStmt *stmt)
{
    for (size_t i = 0; i < stmt->n_cmds; i++) {
        const struct command_row *row = command_find(stmt->cmds[i]->alter_table_cmd->subtype);
        if (row->note && !row->note(d, r, stmt->cmds[i]->alter_table_cmd))
            return false;
    }
    return true;
}

/* ---- the batch ---- */
static bool drop_by_sqlite(struct ddl *d, const struct alter *a)
{
    for (size_t i = 0; i < a->table->n_columns; i++) {
        const struct column *column = &a->table->columns[i];
        if (!a->now->columns[i].dropped)
            continue;
        for (size_t k = 0; k < a->table->n_indexes; k++) {
            const struct index *index = &a->table->indexes[k];
            if (!index->sqlite_name.n || !ddl_object_sql(d, "index", index->sqlite_name).n ||
                !ddl_index_mentions(d, index, column))
                continue;
            if (!ddl_sql(d, "DROP INDEX IF EXISTS %.*s", STR_FMT(ddl_quote(d, index->sqlite_name))) ||
                !ddl_side_delete(d, "index", a->table->schema, index->name))
                return false;
        }
        if (!ddl_sql(d, "ALTER TABLE %.*s DROP COLUMN %.*s", STR_FMT(ddl_quote(d, a->table->sqlite_name)),
                     STR_FMT(ddl_quote(d, column->name))))
            return false;
    }
    return true;
}

/* Keys that are indexes of their own, and indexes that become keys. */
static bool drop_key_indexes(struct ddl *d, const struct alter *a)
{
    for (size_t i = 0; i < a->now->n_gone; i++)
        if (!ddl_sql(d, "DROP INDEX %.*s", STR_FMT(ddl_quote(d, a->now->gone[i]->sqlite_name))) ||
            !ddl_side_delete(d, "index", a->now->schema, a->now->gone[i]->name))
            return false;
    for (size_t i = 0; i < a->now->n_constraints; i++) {
        const struct new_constraint *c = &a->now->constraints[i];
        if (c->dropped && c->is_index && !c->added &&
            (!ddl_sql(d, "DROP INDEX IF EXISTS %.*s", STR_FMT(ddl_quote(d, c->constraint.sqlite_name))) ||
             !ddl_side_delete(d, "index", a->now->schema, c->constraint.name)))
            return false;
    }
    return true;
}

static bool light(struct ddl *d, struct alter *a)
{
    if (!drop_key_indexes(d, a) || !drop_by_sqlite(d, a))
        return false;
    for (size_t i = 0; i < a->now->n_columns; i++)
        if (!a->now->columns[i].old && !a->now->columns[i].dropped && !ddl_emit_added_column(d, a, &a->now->columns[i]))
            return false;
    return ddl_guard_rows(d, a);
}

/* Rows of the side catalogue for columns that are not what they were. */
static bool column_rows(struct ddl *d, const struct alter *a)
{
    for (size_t i = 0; i < a->now->n_columns; i++) {
        const struct new_column *column = &a->now->columns[i];
        if (column->dropped || (column->old && !column->changed))
            continue;
        if ((column->old && !ddl_side_delete_child(d, "column", a->now->schema, a->now->name, column->column.name)) ||
            !ddl_column_side(d, a->now, column))
            return false;
        if (!column->old && column->column.sequence.n && !ddl_is_rowid(d, a->now, column) &&
            !ddl_numbered_counter(d, a, column))
            return false;
    }
    return true;
}

/* A column that SQLite counted and is no rowid any more goes on with a sequence of pgd1's. */
static bool keep_counting(struct ddl *d, struct alter *a, struct new_column *column)
{
    struct column *c = &column->column;
    struct sequence_options options;
    if (!ddl_sequence_options(d, NULL, 0, NULL, snapshot_base_type(d->snapshot, c->type, NULL), &options))
        return false;
    options.has_owner = true;
    options.owner_table = a->now->name;
    options.owner_column = c->name;
    struct str names[] = { ddl_sqlite_name(d, a->now->schema, c->sequence), a->table->sqlite_name };
    c->sequence_is_rowid = column->autoincrement = false;
    column->changed = true;
    return ddl_write_sequence(d, a->now->schema, c->sequence, &options, true) &&
           ddl_sql_texts(d,
                         "UPDATE _pgd1_sequence SET last_value = s.seq, is_called = 1 FROM sqlite_sequence AS s WHERE"
                         " _pgd1_sequence.name = ?1 AND s.name = ?2 AND s.seq > 0",
                         names, 2);
}

static bool keep_counters(struct ddl *d, struct alter *a)
{
    for (size_t i = 0; i < a->now->n_columns; i++) {
        struct new_column *column = &a->now->columns[i];
        if (column->old && !column->dropped && column->old->is_rowid != ddl_is_rowid(d, a->now, column))
            column->changed = true; /* its declared type is another now */
        if (column->old && !column->dropped && column->autoincrement && !ddl_is_rowid(d, a->now, column) &&
            !keep_counting(d, a, column))
            return false;
    }
    return true;
}

static bool heavy(struct ddl *d, struct alter *a)
{
    if (!keep_counters(d, a))
        return false;
    for (size_t i = 0; i < a->now->n_columns; i++)
        if (!a->now->columns[i].old && !a->now->columns[i].dropped && !ddl_added_value(d, a, &a->now->columns[i]))
            return false;
    return ddl_guard_rows(d, a) && ddl_rebuild_run(d, &a->set) && column_rows(d, a);
}

static bool finish(struct ddl *d, struct alter *a)
{
    a->now->rebuild |= a->set.n > 1; /* it may refer to a table that is rebuilt */
    ddl_settle_keys(a);
    if (!ddl_settle_key_defaults(d, a->now) || !(a->now->rebuild ? heavy(d, a) : light(d, a)))
        return false;
    for (size_t i = 0; i < a->now->n_constraints; i++) {
        const struct new_constraint *c = &a->now->constraints[i];
        if (c->dropped)
            continue;
        if (c->added && c->is_index && !ddl_emit_unique_index(d, a, c))
            return false;
        bool has_row = c->constraint.kind == 'c' || c->constraint.not_valid;
        if (has_row && (c->added || c->not_derived) && !ddl_constraint_side(d, a->now, c))
            return false;
    }
    return true;
}

bool ddl_alter_table(struct ddl *d, const PgQuery__AlterTableStmt *stmt)
{
    struct new_table now;
    struct alter a = { .now = &now };
    const char *tag = tag_of(stmt->objtype);
    d->plan->tag = tag;
    d->unplaced = true;
    if (stmt->objtype == PG_QUERY__OBJECT_TYPE__OBJECT_TYPE)
        return ddl_refuse(d, -1, NULL, "ALTER TYPE of a composite type");
    if (stmt->objtype == PG_QUERY__OBJECT_TYPE__OBJECT_INDEX)
        return ddl_alter_index(d, stmt) && ddl_nothing(d, tag);
    if (!ddl_relation(d, stmt->relation, stmt->missing_ok, &a.table))
        return false;
    if (!a.table) {
        ddl_notice(d, SQLSTATE_SUCCESSFUL_COMPLETION, "relation \"%s\" does not exist, skipping",
                   stmt->relation->relname);
        return ddl_nothing(d, tag);
    }
    bool any = false;
    for (size_t i = 0; i < stmt->n_cmds; i++) {
        const struct command_row *row = command_find(stmt->cmds[i]->alter_table_cmd->subtype);
        any |= row && row->run;
    }
    if (!check_kind(d, a.table, stmt->objtype) || !check_commands(d, a.table, stmt))
        return false;
    if (!note(d, a.table, stmt))
        return false;
    if (!any)
        return d->plan->n_statements ? true : ddl_nothing(d, tag);
    if (!ddl_load_table(d, a.table, &now) || !ddl_rebuild_add(d, &a.set, a.table, &now, false))
        return false;
    for (int pass = 0; pass < PASS_NR; pass++)
        for (size_t i = 0; i < stmt->n_cmds; i++) {
            const Command *command = stmt->cmds[i]->alter_table_cmd;
            const struct command_row *row = command_find(command->subtype);
            if (pass_of(row, command) == pass && row->run && (!row->run(d, &a, command) || !ddl_table_scope(d, &now)))
                return false;
        }
    if (!finish(d, &a))
        return false;
    return d->plan->n_statements ? true : ddl_nothing(d, tag);
}
