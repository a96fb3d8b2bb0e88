/* ddl_alter_column.c - ADD, DROP and ALTER COLUMN; see ddl_alter.h. */
#include "proxy/sql/ddl_alter.h"

#include "proxy/catalog/collation.h"
#include "proxy/catalog/declared_type.h"
#include "proxy/catalog/names.h"
#include "proxy/catalog/null_violation.h"
#include "proxy/catalog/sqlite_ddl.h"
#include "proxy/sql/emit.h"

bool ddl_undefined_column(struct ddl *d, const struct alter *a, struct str name)
{
    return ddl_fail_at(d, -1, SQLSTATE_UNDEFINED_COLUMN, "column \"%.*s\" of relation \"%.*s\" does not exist",
                       STR_FMT(name), STR_FMT(a->table->name));
}

static struct new_column *wanted_column(struct ddl *d, struct alter *a, const Command *command)
{
    struct new_column *column = ddl_find_column(a->now, str_from(command->name));
    if (!column)
        ddl_undefined_column(d, a, str_from(command->name));
    return column;
}

/* ---- ADD COLUMN ---- */
static bool resolve_added(struct ddl *d, struct alter *a, struct new_column *column, size_t first_constraint)
{
    struct ddl_expression *e = &column->default_expression;
    e->type = column->column.type;
    e->typmod = column->column.typmod;
    e->what = arena_cstr(d->arena, ddl_printf(d, "column \"%.*s\"", STR_FMT(column->column.name)));
    if ((column->is_serial || column->column.identity) && !ddl_name_sequence(d, a->now, column))
        return false;
    if (column->has_default && !ddl_resolve_default(d, a->now, column))
        return false;
    if (!ddl_table_scope(d, a->now))
        return false;
    if (column->column.generated) {
        struct ddl_printed printed;
        e->relation = &a->now->relation;
        if (!ddl_print(d, e, false, &printed) || !ddl_check_generated(d, a->now, &printed))
            return false;
        column->column.default_text = printed.postgres;
        column->sqlite_generated = printed.sqlite;
    }
    for (size_t i = first_constraint; i < a->now->n_constraints; i++) {
        struct new_constraint *c = &a->now->constraints[i];
        c->added = true;
        c->is_index = c->constraint.kind == 'u';
        a->now->rebuild |= c->constraint.kind == 'p';
        if (!ddl_resolve_constraint(d, a->now, c))
            return false;
    }
    return ddl_type_check(d, column);
}

/* SQLite's ADD COLUMN takes no key with a default, and no NOT NULL without a constant one. */
static bool needs_rebuild(const struct ddl *d, const struct alter *a, const struct new_column *column,
                          size_t first_constraint)
{
    bool has_value = column->has_default || column->column.sequence.n;
    bool computed = has_value && !column->default_is_constant;
    const struct user_type *user = snapshot_user_type(d->snapshot, column->column.type);
    for (size_t i = first_constraint; i < a->now->n_constraints; i++)
        if (a->now->constraints[i].constraint.kind == 'f' && has_value)
            return true;
    if (column->column.sequence.n && a->now->without_rowid)
        return true; /* its old rows are numbered by rowid */
    return computed && column->column.not_null && user != NULL;
}

bool ddl_add_column(struct ddl *d, struct alter *a, const Command *command)
{
    const PgQuery__ColumnDef *def = command->def->column_def;
    size_t first = a->now->n_constraints;
    if (ddl_find_column(a->now, str_from(def->colname))) {
        if (!command->missing_ok)
            return ddl_fail_at(d, -1, SQLSTATE_DUPLICATE_COLUMN, "column \"%s\" of relation \"%.*s\" already exists",
                               def->colname, STR_FMT(a->table->name));
        ddl_notice(d, SQLSTATE_DUPLICATE_COLUMN, "column \"%s\" of relation \"%.*s\" already exists, skipping",
                   def->colname, STR_FMT(a->table->name));
        return true;
    }
    if (!ddl_collect_column(d, a->now, def))
        return false;
    struct new_column *column = &a->now->columns[a->now->n_columns - 1];
    const struct user_type *domain = snapshot_ruling_domain(d->snapshot, column->column.type, DOMAIN_DEFAULT);
    if (domain && !column->has_default && !column->column.generated && !column->column.identity)
        return ddl_refuse(d, -1, "Write the default out.", "ADD COLUMN of domain %.*s, which has a default,",
                          STR_FMT(domain->name));
    if (!resolve_added(d, a, column, first))
        return false;
    a->now->rebuild |= needs_rebuild(d, a, column, first);
    bool computed = column->has_default && !column->column.sequence.n && !column->column.generated;
    if (!computed || column->default_is_constant || (column->sqlite_default.n && !column->default_varies))
        return true;
    a->now->rebuild = true;
    return ddl_stage_values(d, a, column, column->default_expression.node);
}

/* ---- ADD COLUMN by SQLite ---- */
enum fill { FILL_NONE, FILL_BY_DEFAULT /* SQLite gives it to the old rows */, FILL_BY_UPDATE };

/* A literal that every type of that storage takes, for old rows until the UPDATE of the same batch. */
static struct str placeholder(const struct ddl *d, const struct column *column)
{
    const struct pg_type *row = pg_type_by_oid(snapshot_base_type(d->snapshot, column->type, NULL));
    return row && (row->category == 'N' || row->category == 'B') ? STR("0") : STR("''");
}

/* Values of a default that is no constant, for the rows that are there. */
static bool update_values(struct ddl *d, const struct alter *a, const struct new_column *column)
{
    struct str table = ddl_quote(d, a->now->sqlite_name), name = ddl_quote(d, column->column.name);
    if (column->column.sequence.n)
        return ddl_number_rows(d, a, column);
    if (str_starts(column->sqlite_default, STR("CURRENT_"))) {
        struct bind *bind = DDL_ARRAY(d, struct bind, 1);
        struct plan_statement *update =
            bind ? ddl_add(d, ddl_printf(d, "UPDATE %.*s SET %.*s = ?1", STR_FMT(table), STR_FMT(name))) : NULL;
        if (!update)
            return false;
        *bind = (struct bind){ .source = BIND_NOW,
                               .type = snapshot_base_type(d->snapshot, column->column.type, NULL),
                               .typmod = -1 };
        update->binds = bind;
        update->n_binds = 1;
        return true;
    }
    return ddl_sql(d, "UPDATE %.*s SET %.*s = %.*s", STR_FMT(table), STR_FMT(name), STR_FMT(column->sqlite_default));
}

/* SQLite takes constants only, no STORED columns (a VIRTUAL one shows the same values), and NOT NULL with a default only. */
static bool add_column_text(struct ddl *d, const struct alter *a, const struct new_column *column, enum fill fill)
{
    struct new_column plain = *column;
    plain.is_virtual = true;
    if (fill == FILL_BY_UPDATE) {
        plain.sqlite_default = plain.column.not_null ? placeholder(d, &plain.column) : (struct str){ 0 };
        if (plain.column.not_null)
            plain.type_check = (struct str){ 0 };
    }
    struct str text = ddl_column_text(d, a->now, &plain, false);
    return ddl_sql(d, "ALTER TABLE %.*s ADD COLUMN %.*s", STR_FMT(ddl_quote(d, a->now->sqlite_name)), STR_FMT(text));
}

/* NOT NULL without a default fits an empty table only: said before SQLite says it in its words. */
static bool guard_not_null(struct ddl *d, const struct alter *a, const struct new_column *column)
{
    const struct user_type *domain = snapshot_ruling_domain(d->snapshot, column->column.type, DOMAIN_NOT_NULL)
                                         ? snapshot_user_type(d->snapshot, column->column.type)
                                         : NULL;
    struct about of_column = { .schema = a->table->schema, .table = a->table->name, .column = column->column.name };
    struct about about = domain ? (struct about){ .schema = domain->schema, .datatype = domain->name } : of_column;
    struct str message = domain ? null_violation_message(d->snapshot, a->table, &column->column, d->arena)
                                : ddl_printf(d, "column \"%.*s\" of relation \"%.*s\" contains null values",
                                             STR_FMT(column->column.name), STR_FMT(a->table->name));
    return ddl_guard(d, SQLSTATE_NOT_NULL_VIOLATION, ddl_about(d, message, about), STR(""),
                     ddl_quote(d, a->now->sqlite_name));
}

static bool no_default(struct ddl *d, const struct alter *a, const struct new_column *column)
{
    cJSON *detail = cJSON_CreateObject();
    if (!detail || !cJSON_AddTrueToObject(detail, "no_default")) {
        cJSON_Delete(detail);
        return err_oom(d->err);
    }
    return ddl_side_put_child(d, "column", a->now->schema, a->now->name, column->column.name, detail);
}

/* A default that the column's own check, or its type's, refuses: SQLite would not say which. */
static bool guard_checks(struct ddl *d, const struct alter *a, const struct new_column *column)
{
    struct str rows =
        ddl_printf(d, "(SELECT *, %.*s AS %.*s FROM %.*s)", STR_FMT(column->sqlite_default),
                   STR_FMT(ddl_quote(d, column->column.name)), STR_FMT(ddl_quote(d, a->now->sqlite_name)));
    for (size_t i = 0; i < a->now->n_constraints; i++) {
        const struct new_constraint *c = &a->now->constraints[i];
        if (c->added && c->constraint.kind == 'c' && c->column == column->column.number - 1 &&
            !ddl_guard_check(d, a, c, rows))
            return false;
    }
    return ddl_guard_type(d, column, rows);
}

bool ddl_emit_added_column(struct ddl *d, const struct alter *a, struct new_column *column)
{
    bool has_values = column->has_default || column->column.sequence.n;
    enum fill fill = !has_values || column->column.generated ? FILL_NONE
                     : column->default_is_constant           ? FILL_BY_DEFAULT
                                                             : FILL_BY_UPDATE;
    struct new_column declared = *column;
    if (fill == FILL_BY_UPDATE)
        declared.sqlite_default = (struct str){ 0 };
    bool not_null =
        column->column.not_null || snapshot_ruling_domain(d->snapshot, column->column.type, DOMAIN_NOT_NULL);
    if (fill == FILL_NONE && not_null && !column->column.generated && !guard_not_null(d, a, column))
        return false;
    if (fill == FILL_BY_DEFAULT && !guard_checks(d, a, column))
        return false;
    if (!add_column_text(d, a, column, fill) || !ddl_column_side(d, a->now, &declared))
        return false;
    if (column->column.identity && !no_default(d, a, column)) /* D1's is a placeholder */
        return false;
    return fill != FILL_BY_UPDATE || update_values(d, a, column);
}

bool ddl_added_value(struct ddl *d, const struct alter *a, struct new_column *column)
{
    if (column->column.generated || column->value.n)
        return true;
    if (column->column.sequence.n)
        return ddl_numbered_value(d, a, column);
    column->value = column->has_default ? column->sqlite_default : STR("NULL");
    return true;
}

/* ---- DROP COLUMN ---- */
bool ddl_in_constraint(const struct constraint *c, int16_t number)
{
    for (size_t i = 0; i < c->n_columns; i++)
        if (c->columns[i] == number)
            return true;
    return false;
}

static bool collect_dependents(struct ddl *d, const struct alter *a, const struct column *column,
                               struct dependents *list)
{
    struct str on = ddl_described_column(d, a->table, column->name);
    if (!ddl_dependent_views(d, list, a->table, column->name, on))
        return false;
    for (size_t i = 0; i < a->table->n_constraints; i++) {
        const struct constraint *c = &a->table->constraints[i];
        if ((c->kind == 'p' || c->kind == 'u') && ddl_in_constraint(c, column->number) &&
            !ddl_dependent_keys(d, list, a, c->columns, c->n_columns, on))
            return false;
    }
    for (size_t i = 0; i < a->now->n_columns; i++) {
        const struct new_column *other = &a->now->columns[i];
        if (other->dropped || !other->column.generated || str_eq(other->column.name, column->name) ||
            !ddl_mentions(d, other->column.default_text, column->name))
            continue;
        if (!ddl_dependent(d, list, ddl_described_column(d, a->table, other->column.name), on))
            return false;
    }
    return true;
}

static bool trigger_mentions(struct ddl *d, const struct alter *a, struct str column)
{
    for (size_t i = 0; i < d->snapshot->n_objects; i++) {
        const struct snapshot_object *object = &d->snapshot->objects[i];
        if (str_is(object->type, "trigger") && ddl_mentions(d, object->sql, a->table->sqlite_name) &&
            ddl_mentions(d, object->sql, column))
            return true;
    }
    return false;
}

/* SQLite drops a column, but for one in a key, or in a constraint that does not stand with it. */
static bool sqlite_can_drop(struct ddl *d, const struct alter *a, const struct column *column)
{
    const struct new_column *now = &a->now->columns[column->number - 1];
    for (size_t i = 0; i < a->now->n_constraints; i++) {
        const struct new_constraint *c = &a->now->constraints[i];
        bool concerned = ddl_in_constraint(&c->constraint, column->number) ||
                         (c->constraint.kind == 'c' && ddl_mentions(d, c->constraint.expression, column->name));
        if (concerned && !c->is_index && c->column != column->number - 1)
            return false;
    }
    for (size_t i = 0; i < a->now->n_columns; i++)
        if (!a->now->columns[i].dropped && a->now->columns[i].column.generated && &a->now->columns[i] != now &&
            ddl_mentions(d, a->now->columns[i].column.default_text, column->name))
            return false;
    return !column->is_rowid && !(column->generated && ddl_mentions(d, a->table->sqlite_sql, STR("STORED")));
}

static bool drop_constraints_of(struct ddl *d, struct alter *a, const struct column *column)
{
    for (size_t i = 0; i < a->now->n_constraints; i++) {
        struct new_constraint *c = &a->now->constraints[i];
        bool concerned = ddl_in_constraint(&c->constraint, column->number) ||
                         (c->constraint.kind == 'c' && ddl_mentions(d, c->constraint.expression, column->name)) ||
                         (c->constraint.kind == 'f' && !c->foreign && c->constraint.foreign_columns &&
                          ddl_in_constraint(&(struct constraint){ .columns = c->constraint.foreign_columns,
                                                                  .n_columns = c->constraint.n_columns },
                                            column->number));
        if (!concerned || c->dropped)
            continue;
        c->dropped = true;
        if (!ddl_side_delete_child(d, "constraint", a->now->schema, a->now->name, c->constraint.name))
            return false;
    }
    return true;
}

static bool drop_one(struct ddl *d, struct alter *a, struct new_column *column)
{
    const struct column *old = column->old;
    struct str name = column->column.name;
    const struct relation *sequence = snapshot_owned_sequence(d->snapshot, a->table, old);
    a->now->rebuild |= !sqlite_can_drop(d, a, old);
    if (!drop_constraints_of(d, a, old))
        return false;
    ddl_forget_column(d, column);
    if (sequence && !ddl_note_dropped(d, sequence))
        return false;
    if (sequence && !old->sequence_is_rowid &&
        (!ddl_side_delete(d, "sequence", sequence->schema, sequence->name) ||
         (d->snapshot->has_sequence_table &&
          !ddl_sql_texts(d, "DELETE FROM _pgd1_sequence WHERE name = ?1", &sequence->sqlite_name, 1))))
        return false;
    return ddl_side_delete_child(d, "column", a->now->schema, a->now->name, name);
}

static size_t columns_left(const struct alter *a)
{
    size_t n = 0;
    for (size_t i = 0; i < a->now->n_columns; i++)
        n += !a->now->columns[i].dropped;
    return n;
}

bool ddl_drop_column(struct ddl *d, struct alter *a, const Command *command)
{
    struct new_column *column = ddl_find_column(a->now, str_from(command->name));
    struct dependents list = { 0 };
    bool cascade = command->behavior == PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE;
    if (!column && command->missing_ok) {
        ddl_notice(d, SQLSTATE_SUCCESSFUL_COMPLETION, "column \"%s\" of relation \"%.*s\" does not exist, skipping",
                   command->name, STR_FMT(a->table->name));
        return true;
    }
    if (!column && is_system_column(str_from(command->name)))
        return ddl_fail_at(d, -1, SQLSTATE_FEATURE_NOT_SUPPORTED, "cannot drop system column \"%s\"", command->name);
    if (!column)
        return ddl_undefined_column(d, a, str_from(command->name));
    if (!column->old)
        return ddl_refuse(d, -1, NULL, "ADD and DROP of one column in one statement");
    if (!collect_dependents(d, a, column->old, &list) ||
        !ddl_dependents_settle(d, &list, cascade, ddl_described_column(d, a->table, column->old->name)))
        return false;
    if (trigger_mentions(d, a, column->old->name))
        return ddl_refuse(d, -1, "Drop the trigger first (pgd1.dialect = 'sqlite').",
                          "DROP COLUMN of a column that a trigger names");
    if (!ddl_drop_views(d, &list) || !ddl_drop_keys(d, &a->set, &list))
        return false;
    for (size_t i = 0; i < a->now->n_columns; i++) {
        struct new_column *other = &a->now->columns[i];
        if (!other->dropped && other->old && other->column.generated && other != column &&
            ddl_mentions(d, other->column.default_text, column->old->name) && !drop_one(d, a, other))
            return false;
    }
    if (!drop_one(d, a, column))
        return false;
    return columns_left(a) ? true
                           : ddl_refuse(d, -1, "SQLite needs at least one column.", "DROP COLUMN of the only column");
}

/* ---- defaults ---- */
static bool put_default(struct ddl *d, const struct alter *a, const struct new_column *column)
{
    struct str text = column->column.default_text;
    cJSON *detail = cJSON_CreateObject();
    if (!detail)
        return err_oom(d->err);
    if (text.n)
        ddl_side_text(detail, "default", text);
    else
        cJSON_AddNullToObject(detail, "default");
    if (text.n)
        cJSON_AddNullToObject(detail, "no_default");
    else
        cJSON_AddTrueToObject(detail, "no_default");
    return ddl_side_put_child(d, "column", a->now->schema, a->now->name, column->column.name, detail);
}

bool ddl_set_default(struct ddl *d, struct alter *a, const Command *command)
{
    struct new_column *column = wanted_column(d, a, command);
    if (!column)
        return false;
    struct column *c = &column->column;
    if (c->identity && !(c->is_rowid && !c->sequence.n)) {
        ddl_fail_at(d, -1, SQLSTATE_SYNTAX_ERROR, "column \"%.*s\" of relation \"%.*s\" is an identity column",
                    STR_FMT(c->name), STR_FMT(a->table->name));
        return command->def ? false : err_hint(d->err, "Use ALTER TABLE ... ALTER COLUMN ... DROP IDENTITY instead.");
    }
    if (c->generated) {
        ddl_fail_at(d, -1, SQLSTATE_SYNTAX_ERROR, "column \"%.*s\" of relation \"%.*s\" is a generated column",
                    STR_FMT(c->name), STR_FMT(a->table->name));
        return command->def ? false : err_hint(d->err, "Use ALTER TABLE ... ALTER COLUMN ... DROP EXPRESSION instead.");
    }
    if (!column->old) { /* its rows get what ADD COLUMN says */
        if (!ddl_added_value(d, a, column))
            return false;
        a->now->rebuild = true;
    }
    c->default_text = column->sqlite_default = STR("");
    column->has_default = command->def != NULL;
    column->default_expression = (struct ddl_expression){ .node = command->def, .type = c->type, .typmod = c->typmod };
    column->default_expression.what = arena_cstr(d->arena, ddl_printf(d, "column \"%.*s\"", STR_FMT(c->name)));
    if (command->def && !ddl_resolve_default(d, a->now, column))
        return false;
    column->changed = true;
    c->default_is_foreign = false;
    if (c->sequence_is_rowid) { /* its numbers came from SQLite, which would go on giving them */
        c->sequence_is_rowid = false;
        c->sequence = STR("");
        if (!ddl_make_plain(d, a, column))
            return false;
    }
    return !column->old || put_default(d, a, column);
}

bool ddl_drop_expression(struct ddl *d, struct alter *a, const Command *command)
{
    struct new_column *column = wanted_column(d, a, command);
    if (!column)
        return false;
    if (!column->column.generated && command->missing_ok) {
        ddl_notice(d, SQLSTATE_SUCCESSFUL_COMPLETION,
                   "column \"%s\" of relation \"%.*s\" is not a stored generated column, skipping", command->name,
                   STR_FMT(a->table->name));
        return true;
    }
    if (!column->column.generated)
        return ddl_fail_at(d, -1, SQLSTATE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                           "column \"%s\" of relation \"%.*s\" is not a stored generated column", command->name,
                           STR_FMT(a->table->name));
    column->column.generated = 0;
    column->column.default_text = column->sqlite_generated = STR("");
    column->changed = a->now->rebuild = true;
    return true;
}

/* ---- NOT NULL ---- */
bool ddl_set_not_null(struct ddl *d, struct alter *a, const Command *command)
{
    struct new_column *column = wanted_column(d, a, command);
    bool wanted = command->subtype == PG_QUERY__ALTER_TABLE_TYPE__AT_SetNotNull;
    if (!column)
        return false;
    if (!wanted && column->column.identity && column->column.not_null)
        return ddl_fail_at(d, -1, SQLSTATE_SYNTAX_ERROR, "column \"%s\" of relation \"%.*s\" is an identity column",
                           command->name, STR_FMT(a->table->name));
    for (size_t i = 0; i < a->now->n_constraints && !wanted; i++) {
        const struct new_constraint *c = &a->now->constraints[i];
        if (!c->dropped && c->constraint.kind == 'p' && ddl_in_constraint(&c->constraint, column->column.number))
            return ddl_fail_at(d, -1, SQLSTATE_INVALID_TABLE_DEFINITION, "column \"%s\" is in a primary key",
                               command->name);
    }
    if (column->column.not_null == wanted)
        return true;
    column->column.not_null = wanted;
    a->now->rebuild |= column->old != NULL;
    return true;
}

/* ---- TYPE ---- */
/* Every value of the old type, as it is stored, is one of the new type and looks the same. */
static bool is_widening(const struct column *from, oid_t type, int32_t typmod)
{
    bool text_from = from->type == TYPE_OID_varchar || from->type == TYPE_OID_text,
         text_to = type == TYPE_OID_varchar || type == TYPE_OID_text;
    if (text_from && text_to)
        return typmod < 0 || (from->typmod >= 0 && from->typmod <= typmod);
    bool whole_from = from->type == TYPE_OID_int2 || from->type == TYPE_OID_int4 || from->type == TYPE_OID_int8;
    if (whole_from &&
        (type == TYPE_OID_int8 || (type == TYPE_OID_int4 && from->type != TYPE_OID_int8) || type == from->type))
        return true;
    if (from->type != type)
        return false;
    if (from->typmod == typmod)
        return true;
    if (type == TYPE_OID_numeric)
        return from->typmod >= 0 && typmod >= 0 && numeric_scale(from->typmod) == numeric_scale(typmod) &&
               numeric_precision(from->typmod) <= numeric_precision(typmod) &&
               (numeric_precision(typmod) <= 15 || from->storage == COLUMN_NATURAL);
    bool precise =
        type == TYPE_OID_timestamp || type == TYPE_OID_timestamptz || type == TYPE_OID_time || type == TYPE_OID_timetz;
    return precise && (typmod < 0 || (from->typmod >= 0 && from->typmod <= typmod));
}

static bool put_type(struct ddl *d, const struct alter *a, const struct new_column *column)
{
    cJSON *detail = cJSON_CreateObject();
    if (!detail)
        return err_oom(d->err);
    ddl_side_type(d, detail, "type", "type_schema", column->column.type, column->column.typmod);
    if (column->column.typmod < 0)
        cJSON_AddNullToObject(detail, "typmod");
    if (column->column.collation)
        ddl_side_collation(detail, "collation", column->column.collation);
    else
        cJSON_AddNullToObject(detail, "collation");
    return ddl_side_put_child(d, "column", a->now->schema, a->now->name, column->column.name, detail);
}

/* What PostgreSQL does not let change under them. */
static bool check_users(struct ddl *d, const struct alter *a, const struct new_column *column)
{
    struct str name = column->column.name;
    for (size_t i = 0; i < a->now->n_columns; i++) {
        const struct new_column *other = &a->now->columns[i];
        if (other == column || other->dropped || !other->column.generated ||
            !ddl_mentions(d, other->column.default_text, name))
            continue;
        ddl_fail_at(d, -1, SQLSTATE_SYNTAX_ERROR, "cannot alter type of a column used by a generated column");
        return err_detail(d->err, "Column \"%.*s\" is used by generated column \"%.*s\".", STR_FMT(name),
                          STR_FMT(other->column.name));
    }
    struct dependents list = { 0 };
    if (!ddl_dependent_views(d, &list, a->table, name, name))
        return false;
    if (list.n_views == 0)
        return true;
    ddl_fail_at(d, -1, SQLSTATE_FEATURE_NOT_SUPPORTED, "cannot alter type of a column used by a view or rule");
    return err_detail(d->err, "rule _RETURN on view %.*s depends on column \"%.*s\"",
                      STR_FMT(ddl_shown(d, list.views[0]->schema, list.views[0]->name)), STR_FMT(name));
}

static bool cannot_cast(struct ddl *d, const struct new_column *column, const char *what, bool using, oid_t type)
{
    struct str shown = snapshot_format_type(d->snapshot, type, -1, d->arena);
    err_clear(d->err);
    ddl_fail_at(d, -1, SQLSTATE_DATATYPE_MISMATCH, "%s \"%.*s\" cannot be cast automatically to type %.*s", what,
                STR_FMT(column->column.name), STR_FMT(shown));
    if (using)
        return err_hint(d->err, "You might need to add an explicit cast.");
    struct str full = snapshot_format_type(d->snapshot, type, column->column.typmod, d->arena);
    return strcmp(what, "column") == 0 ? err_hint(d->err, "You might need to specify \"USING %.*s::%.*s\".",
                                                  STR_FMT(name_quote(column->column.name, d->arena)), STR_FMT(full))
                                       : false;
}

/* The default's text, made the new type's. */
static bool convert_default(struct ddl *d, struct alter *a, struct new_column *column)
{
    struct str text = column->column.default_text;
    if (!text.n || column->column.generated)
        return true;
    oid_t base = snapshot_base_type(d->snapshot, column->column.type, NULL);
    if (column->column.sequence_is_rowid && (base == TYPE_OID_int2 || base == TYPE_OID_int4 || base == TYPE_OID_int8))
        return true; /* the table goes on counting */
    if (column->column.default_is_foreign || column->column.sequence_is_rowid)
        return ddl_refuse(d, -1, "Drop the default first.",
                          "ALTER COLUMN … TYPE of a column whose default is in D1's own words or a counter");
    column->default_expression =
        (struct ddl_expression){ .source = text, .type = column->column.type, .typmod = column->column.typmod };
    column->default_expression.what = "default";
    column->sqlite_default = STR("");
    if (ddl_resolve_default(d, a->now, column))
        return true;
    return d->err->code == SQLSTATE_DATATYPE_MISMATCH
               ? cannot_cast(d, column, "default for column", false, column->column.type)
               : false;
}

/* Checks that name the column are read again, as PostgreSQL does. */
static bool convert_checks(struct ddl *d, struct alter *a, const struct new_column *column)
{
    for (size_t i = 0; i < a->now->n_constraints; i++) {
        struct new_constraint *c = &a->now->constraints[i];
        struct ddl_printed printed;
        struct ddl_expression e = { .source = c->constraint.expression,
                                    .what = "CHECK constraint",
                                    .relation = &a->now->relation,
                                    .type = TYPE_OID_bool,
                                    .typmod = -1 };
        if (c->dropped || c->constraint.kind != 'c' || !ddl_mentions(d, c->constraint.expression, column->column.name))
            continue;
        if (!ddl_print(d, &e, false, &printed))
            return false;
        c->constraint.expression = printed.postgres;
        c->sqlite_check = printed.sqlite;
        c->not_derived = true;
    }
    return true;
}

/* Both sides of every foreign key the column is in. */
static bool check_keys(struct ddl *d, const struct alter *a, const struct new_column *column)
{
    for (size_t i = 0; i < a->now->n_constraints; i++) {
        const struct new_constraint *c = &a->now->constraints[i];
        if (c->dropped)
            continue;
        if ((c->constraint.kind == 'p' || c->constraint.kind == 'u') &&
            ddl_in_constraint(&c->constraint, column->column.number) &&
            !ddl_check_key_type(d, &column->column,
                                c->constraint.kind == 'p' ? "a primary key" : "a unique constraint"))
            return false;
        for (size_t k = 0; k < c->constraint.n_columns && c->constraint.kind == 'f'; k++) {
            const struct column *from = &a->now->columns[c->constraint.columns[k] - 1].column;
            const struct column *to = c->foreign ? &c->foreign->columns[c->constraint.foreign_columns[k] - 1]
                                                 : &a->now->columns[c->constraint.foreign_columns[k] - 1].column;
            if ((from == &column->column || to == &column->column) &&
                !ddl_check_foreign_types(d, c->constraint.name, from, to))
                return false;
        }
    }
    struct dependents list = { 0 };
    if (!ddl_dependent_keys(d, &list, a, NULL, 0, STR("")))
        return false;
    for (size_t i = 0; i < list.n_keys; i++)
        for (size_t k = 0; k < list.keys[i].key->n_columns; k++)
            if (list.keys[i].key->foreign_columns[k] == column->column.number &&
                !ddl_check_foreign_types(d, list.keys[i].key->name,
                                         &list.keys[i].child->columns[list.keys[i].key->columns[k] - 1],
                                         &column->column))
                return false;
    return true;
}

/* The cells of the new type out of the old ones. */
static bool convert_values(struct ddl *d, struct alter *a, struct new_column *column, const Node *using)
{
    struct expr *expr;
    struct query *scope;
    struct column target = column->column;
    struct str source = name_quote(column->column.name, d->arena);
    const char *what = using ? "transform expression" : "column";
    bool ok =
        using ? analyze_expression(&d->analyze, using, a->table, what, target.type, target.typmod, &expr, &scope)
              : analyze_expression_text(&d->analyze, source, a->table, what, target.type, target.typmod, &expr, &scope);
    if (!ok && d->err->code == SQLSTATE_DATATYPE_MISMATCH)
        return cannot_cast(d, column, using ? "result of USING clause for column" : "column", using != NULL,
                           target.type);
    if (!ok)
        return false;
    if (!d->settings->force_local &&
        emit_ddl_cell(expr, scope, &target, d->settings, d->snapshot, d->arena, &column->value, d->err))
        return true;
    if (err_is_set(d->err) && d->err->code != SQLSTATE_FEATURE_NOT_SUPPORTED)
        return false;
    err_clear(d->err);
    if (ddl_stage_values(d, a, column, using))
        return true;
    return d->err->code == SQLSTATE_FEATURE_NOT_SUPPORTED && !d->err->hint.n
               ? err_hint(d->err, "Add a column of the new type, fill it with UPDATE, drop the old one and rename it.")
               : false;
}

static bool change_type(struct ddl *d, struct alter *a, struct new_column *column, const Node *using)
{
    if (a->now->strict)
        return ddl_refuse(d, -1, NULL, "ALTER COLUMN … TYPE of a STRICT table");
    if (!ddl_resolve_type(d, a->now, column) || !ddl_table_scope(d, a->now) || !convert_values(d, a, column, using) ||
        !convert_default(d, a, column) || !convert_checks(d, a, column) || !check_keys(d, a, column) ||
        !ddl_type_check(d, column))
        return false;
    column->collation = STR("");
    a->now->rebuild = true;
    return true;
}

/* USING column::type says what is done without it: a client's tool writes it always. */
static bool is_plain_using(struct ddl *d, const struct alter *a, const struct column *column, const Node *using,
                           oid_t type, int32_t typmod)
{
    struct expr *e;
    struct query *scope;
    if (!analyze_expression(&d->analyze, using, a->table, "transform expression", type, typmod, &e, &scope)) {
        err_clear(d->err); /* whoever converts the values says it */
        return false;
    }
    for (; ddl_is_conversion(e); e = e->args[0])
        if (e->type != type || (e->kind == EXPR_TYPMOD && e->typmod != typmod))
            return false;
    return e->kind == EXPR_VAR && e->var.levels_up == 0 && e->var.column == column->number - 1;
}

bool ddl_set_type(struct ddl *d, struct alter *a, const Command *command)
{
    const PgQuery__ColumnDef *def = command->def->column_def;
    struct new_column *column = wanted_column(d, a, command);
    oid_t type;
    int32_t typmod;
    if (!column)
        return false;
    if (column->column.generated && def->raw_default)
        return ddl_fail_at(d, -1, SQLSTATE_INVALID_COLUMN_DEFINITION,
                           "cannot specify USING when altering type of generated column");
    oid_t collation;
    struct analyze_context unplaced = d->analyze; /* where the type stands is not told */
    unplaced.text = (struct str){ 0 };
    if (!analyze_type_name(&unplaced, def->type_name, &type, &typmod, NULL) ||
        !ddl_collation(d, def->coll_clause, type, collation_of_type(d->snapshot, type), -1, &collation) ||
        !ddl_check_type(d, type, column->column.name, -1) || !check_users(d, a, column))
        return false;
    oid_t base = snapshot_base_type(d->snapshot, type, NULL);
    if (column->column.identity && base != TYPE_OID_int2 && base != TYPE_OID_int4 && base != TYPE_OID_int8)
        return ddl_fail_at(d, -1, SQLSTATE_INVALID_PARAMETER_VALUE,
                           "identity column type must be smallint, integer, or bigint");
    bool is_same = column->column.type == type && column->column.typmod == typmod && !def->raw_default;
    if (is_same && column->column.collation == collation)
        return true;
    bool light = column->old && is_widening(&column->column, type, typmod) &&
                 (!def->raw_default || is_plain_using(d, a, &column->column, def->raw_default, type, typmod));
    column->column.type = type;
    column->column.typmod = typmod;
    column->column.collation = collation;
    column->changed = true;
    if (column->column.identity && column->column.sequence.n && !column->column.sequence_is_rowid &&
        !ddl_retype_identity(d, a, column, def->type_name))
        return false;
    if (light) {
        column->is_derivable = false;
        return put_type(d, a, column);
    }
    return change_type(d, a, column, def->raw_default);
}
