/*
 * ddl_stage.c - ALTER COLUMN … TYPE and ADD COLUMN whose values D1 cannot compute: the session does, before the table is made anew; see ddl_alter.h.
 *
 * The change is an UPDATE of a column that stands in the old table only while the batch runs: planned as any UPDATE that needs the local
 * engine (lookup.h), so the rows are read first, and the batch begins by looking whether they are still the same.
 */
#include "proxy/sql/ddl_alter.h"

#include "proxy/sql/emit.h"

/* The snapshot with one more column in the table, as the batch has it between its two ends. */
static struct snapshot *with_column(struct ddl *d, const struct relation *table, const struct column *column)
{
    struct relation now = *table;
    now.columns = DDL_ARRAY(d, struct column, table->n_columns + 1);
    if (!now.columns)
        return NULL;
    memcpy(now.columns, table->columns, table->n_columns * sizeof(*now.columns));
    now.columns[now.n_columns++] = *column;
    now.columns[table->n_columns].number = (int16_t)now.n_columns;
    now.column_comments = NULL;
    struct snapshot *s = snapshot_with(d->snapshot, table, &now, d->arena);
    if (!s)
        err_oom(d->err);
    return s;
}

/* UPDATE table SET staged = using, or the column as it is. */
static bool analyze_update(struct ddl *d, const struct snapshot *s, const struct relation *table, struct str staged,
                           struct str column, const Node *using, struct query **ret)
{
    PgQuery__RangeVar range = PG_QUERY__RANGE_VAR__INIT;
    PgQuery__UpdateStmt update = PG_QUERY__UPDATE_STMT__INIT;
    PgQuery__ResTarget target = PG_QUERY__RES_TARGET__INIT;
    PgQuery__ColumnRef reference = PG_QUERY__COLUMN_REF__INIT;
    Node statement = PG_QUERY__NODE__INIT, item = PG_QUERY__NODE__INIT, old = PG_QUERY__NODE__INIT,
         *targets[] = { &item };
    Node **fields = ddl_name_nodes(d, &column, 1);
    struct analyze_context a = d->analyze;
    a.snapshot = s;
    range.schemaname = arena_cstr(d->arena, table->schema);
    range.relname = arena_cstr(d->arena, table->name);
    range.location = reference.location = target.location = -1;
    target.name = arena_cstr(d->arena, staged);
    if (!fields || !range.schemaname || !range.relname || !target.name)
        return err_oom(d->err);
    reference.fields = fields;
    reference.n_fields = 1;
    old.node_case = PG_QUERY__NODE__NODE_COLUMN_REF;
    old.column_ref = &reference;
    target.val = using ? (Node *)using : &old;
    item.node_case = PG_QUERY__NODE__NODE_RES_TARGET;
    item.res_target = &target;
    update.relation = &range;
    update.n_target_list = 1;
    update.target_list = targets;
    statement.node_case = PG_QUERY__NODE__NODE_UPDATE_STMT;
    statement.update_stmt = &update;
    return analyze_statement(&a, &statement, ret);
}

/* The UPDATE's statements into the batch. An empty table has no rows that could have changed: what it was read for does not matter. */
static bool splice(struct ddl *d, const struct relation *table, const struct plan *update)
{
    for (size_t i = 0; i < update->n_statements; i++) {
        const struct plan_statement *from = &update->statements[i];
        bool check = update->lookup && from->role != STATEMENT_MAIN;
        struct str sql = check ? ddl_printf(d, "SELECT CASE WHEN EXISTS(SELECT 1 FROM %.*s) THEN (%.*s) END",
                                            STR_FMT(ddl_quote(d, table->sqlite_name)), STR_FMT(from->sql))
                               : from->sql;
        struct plan_statement *to = ddl_add(d, sql);
        if (!to)
            return false;
        *to = *from;
        to->sql = sql;
        to->role = STATEMENT_HELPER;
        to->counts_changes = false;
    }
    return true;
}

static bool declare(struct ddl *d, const struct relation *table, struct str name, struct str declared)
{
    return ddl_sql(d, "ALTER TABLE %.*s ADD COLUMN %.*s %.*s", STR_FMT(ddl_quote(d, table->sqlite_name)),
                   STR_FMT(ddl_quote(d, name)), STR_FMT(declared));
}

bool ddl_stage_values(struct ddl *d, const struct alter *a, struct new_column *column, const Node *using)
{
    struct query *query;
    struct literal_set shaped = { 0 };
    struct column staged = column->column;
    staged.name = ddl_printf(d, "_pgd1_staged_%d", column->column.number);
    staged.not_null = false;
    staged.generated = staged.identity = 0;
    staged.default_text = staged.sequence = STR("");
    staged.is_rowid = staged.sequence_is_rowid = false;
    if (d->plan->lookup || d->plan->prelude)
        return ddl_refuse(d, -1, "Change one column after the other.",
                          "ALTER TABLE of several columns whose values D1 cannot work out");
    if (a->table->has_user_triggers)
        return ddl_refuse(d, -1, "Drop the triggers first, and make them anew afterwards.",
                          "ALTER TABLE with values that D1 cannot work out, in a table with triggers,");
    struct plan *update = DDL_ARRAY(d, struct plan, 1);
    struct snapshot *s = staged.name.p && update ? with_column(d, a->table, &staged) : NULL;
    if (!s || !analyze_update(d, s, a->table, staged.name, column->column.name, using, &query))
        return false;
    *update = (struct plan){ .references = 1, .arena = d->arena, .snapshot = s, .kind = PLAN_QUERY };
    if (!emit_query(query, d->settings, update, &shaped, d->err) ||
        !declare(d, a->table, staged.name, column->declared) || !splice(d, a->table, update))
        return false;
    d->plan->lookup = update->lookup;
    d->plan->prelude = update->prelude;
    d->plan->prelude_is_doubtful = update->prelude_is_doubtful;
    d->plan->reads = update->reads;
    d->plan->n_reads = update->n_reads;
    column->value = ddl_quote(d, staged.name);
    return column->value.p != NULL;
}
