/*
 * ddl_alter.c - ALTER TABLE where SQLite's own ALTER, an index or the side catalogue can do it; what needs the table rebuilt is refused.
 *
 * The commands of one statement are planned in PostgreSQL's order (drops, types, columns, defaults, constraints), against the table as
 * the snapshot has it plus what earlier commands added.
 */
#include "proxy/sql/ddl_internal.h"

#include "proxy/catalog/declared_type.h"
#include "proxy/catalog/names.h"
#include "proxy/catalog/sqlite_ddl.h"

typedef PgQuery__AlterTableCmd Command;

struct alter {
    const struct relation *table;
    struct new_table now; /* the table's columns and constraints, added ones behind */
    size_t n_old_columns, n_old_constraints;
};

/* ---- the table as it is ---- */
static bool load(struct ddl *d, struct alter *a)
{
    const struct relation *r = a->table;
    a->now = (struct new_table){ .schema = r->schema, .name = r->name, .sqlite_name = r->sqlite_name };
    for (size_t i = 0; i < r->n_columns; i++) {
        struct new_column column = { .column = r->columns[i], .location = -1 };
        if (!DDL_PUSH(d, a->now.columns, a->now.n_columns, column))
            return false;
    }
    for (size_t i = 0; i < r->n_constraints; i++) {
        struct new_constraint constraint = { .constraint = r->constraints[i], .location = -1, .column = -1 };
        if (!DDL_PUSH(d, a->now.constraints, a->now.n_constraints, constraint))
            return false;
    }
    a->n_old_columns = a->now.n_columns;
    a->n_old_constraints = a->now.n_constraints;
    return ddl_table_scope(d, &a->now);
}

static bool undefined_column(struct ddl *d, const struct alter *a, struct str name)
{
    return ddl_fail_at(d, -1, SQLSTATE_UNDEFINED_COLUMN, "column \"%.*s\" of relation \"%.*s\" does not exist",
                       STR_FMT(name), STR_FMT(a->table->name));
}

/* ---- ADD COLUMN ---- */
enum fill { FILL_NONE, FILL_BY_DEFAULT /* SQLite gives it to the old rows */, FILL_BY_UPDATE };

/* A literal that every type of that storage takes, for old rows until the UPDATE of the same batch. */
static struct str placeholder(const struct ddl *d, const struct column *column)
{
    oid_t base = snapshot_base_type(d->snapshot, column->type, NULL);
    const struct pg_type *row = pg_type_by_oid(base);
    const struct user_type *user = snapshot_user_type(d->snapshot, column->type);
    if (user && user->kind == 'e' && user->n_labels)
        return (struct str){ 0 };
    return row && (row->category == 'N' || row->category == 'B') ? STR("0") : STR("''");
}

static bool serial_values(struct ddl *d, const struct alter *a, const struct new_column *column)
{
    struct str table = ddl_quote(d, a->now.sqlite_name), name = ddl_quote(d, column->column.name);
    struct str sequence = ddl_sqlite_name(d, a->now.schema, column->column.sequence);
    if (!ddl_sql(d,
                 "UPDATE %.*s SET %.*s = s.n FROM (SELECT rowid AS r, row_number() OVER (ORDER BY rowid) AS n FROM "
                 "%.*s) AS s WHERE s.r = %.*s.rowid",
                 STR_FMT(table), STR_FMT(name), STR_FMT(table), STR_FMT(table)))
        return false;
    struct str sql = ddl_printf(d,
                                "UPDATE _pgd1_sequence SET last_value = (SELECT max(count(*), 1) FROM %.*s), is_called "
                                "= EXISTS(SELECT 1 FROM %.*s) WHERE name = ?1",
                                STR_FMT(table), STR_FMT(table));
    return sql.p && ddl_sql_texts(d, sql.p, &sequence, 1);
}

/* Values of a default that is no constant, for the rows that are there. */
static bool update_values(struct ddl *d, const struct alter *a, const struct new_column *column)
{
    struct str table = ddl_quote(d, a->now.sqlite_name), name = ddl_quote(d, column->column.name);
    if (column->column.sequence.n)
        return serial_values(d, a, column);
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

static bool refuse_added_keys(struct ddl *d, const struct alter *a, size_t first)
{
    for (size_t i = first; i < a->now.n_constraints; i++)
        if (a->now.constraints[i].constraint.kind == 'p')
            return ddl_needs_rebuild(d, "ADD COLUMN with PRIMARY KEY");
    return true;
}

static bool resolve_added(struct ddl *d, struct alter *a, struct new_column *column, size_t first_constraint)
{
    struct ddl_expression *e = &column->default_expression;
    e->type = column->column.type;
    e->typmod = column->column.typmod;
    e->what = arena_cstr(d->arena, ddl_printf(d, "column \"%.*s\"", STR_FMT(column->column.name)));
    if (column->is_serial || column->column.identity) {
        column->column.sequence = ddl_choose_relation_name(d, a->now.schema, a->now.name, column->column.name, "seq");
        struct str shown = name_qualified(str_is(a->now.schema, "public") ? STR("") : a->now.schema,
                                          column->column.sequence, d->arena);
        if (column->is_serial)
            column->column.default_text =
                ddl_printf(d, "nextval(%.*s::regclass)", STR_FMT(name_literal(shown, d->arena)));
    }
    if (column->has_default && !ddl_resolve_default(d, &a->now, column))
        return false;
    if (!ddl_table_scope(d, &a->now))
        return false;
    if (column->column.generated) {
        struct ddl_printed printed;
        e->relation = &a->now.relation;
        if (!ddl_print(d, e, false, &printed))
            return false;
        column->column.default_text = printed.postgres;
        column->sqlite_generated = printed.sqlite;
    }
    for (size_t i = first_constraint; i < a->now.n_constraints; i++)
        if (!ddl_resolve_constraint(d, &a->now, &a->now.constraints[i]))
            return false;
    return ddl_type_check(d, column);
}

/* SQLite takes constants only, no STORED columns (a VIRTUAL one shows the same values), and NOT NULL with a default only. */
static bool add_column_text(struct ddl *d, const struct alter *a, struct new_column *column, enum fill fill)
{
    struct new_column plain = *column;
    if (fill == FILL_BY_UPDATE) {
        plain.sqlite_default = plain.column.not_null ? placeholder(d, &plain.column) : (struct str){ 0 };
        if (plain.column.not_null && !plain.sqlite_default.p)
            return ddl_needs_rebuild(d, "ADD COLUMN of an enum type, NOT NULL, with a default that is no constant");
        if (plain.column.not_null)
            plain.type_check = (struct str){ 0 };
    }
    struct str text = ddl_column_text(d, &a->now, &plain, false);
    if (column->column.generated) {
        ptrdiff_t stored = str_find(text, STR(") STORED"));
        while (stored >= 0 && (size_t)stored + 8 < text.n &&
               str_find((struct str){ text.p + stored + 1, text.n - (size_t)stored - 1 }, STR(") STORED")) >= 0)
            stored += 1 + str_find((struct str){ text.p + stored + 1, text.n - (size_t)stored - 1 }, STR(") STORED"));
        text = ddl_printf(d, "%.*s) VIRTUAL%.*s", (int)stored, text.p, (int)(text.n - (size_t)stored - 8),
                          text.p + stored + 8);
    }
    return ddl_sql(d, "ALTER TABLE %.*s ADD COLUMN %.*s", STR_FMT(ddl_quote(d, a->now.sqlite_name)), STR_FMT(text));
}

static bool unique_index(struct ddl *d, const struct alter *a, const struct new_constraint *c);
static bool added_constraints(struct ddl *d, const struct alter *a, size_t first)
{
    for (size_t i = first; i < a->now.n_constraints; i++) {
        const struct new_constraint *c = &a->now.constraints[i];
        if (c->constraint.kind == 'u' && !unique_index(d, a, c))
            return false;
        if (c->constraint.kind != 'c')
            continue;
        cJSON *detail = cJSON_CreateObject();
        if (!detail)
            return err_oom(d->err);
        ddl_side_text(detail, "expression", c->constraint.expression);
        if (!ddl_side_put_child(d, "constraint", a->now.schema, a->now.name, c->constraint.name, detail))
            return false;
    }
    return true;
}

static bool add_column(struct ddl *d, struct alter *a, const Command *command)
{
    const PgQuery__ColumnDef *def = command->def->column_def;
    size_t first = a->now.n_constraints;
    if (relation_column(&a->now.relation, str_from(def->colname))) {
        if (!command->missing_ok)
            return ddl_fail_at(d, -1, SQLSTATE_DUPLICATE_COLUMN, "column \"%s\" of relation \"%.*s\" already exists",
                               def->colname, STR_FMT(a->table->name));
        ddl_notice(d, SQLSTATE_DUPLICATE_COLUMN, "column \"%s\" of relation \"%.*s\" already exists, skipping",
                   def->colname, STR_FMT(a->table->name));
        return true;
    }
    if (!ddl_collect_column(d, &a->now, def) || !refuse_added_keys(d, a, first))
        return false;
    struct new_column *column = &a->now.columns[a->now.n_columns - 1];
    if (!resolve_added(d, a, column, first))
        return false;
    bool has_values = column->has_default || column->column.sequence.n;
    enum fill fill = !has_values || column->column.generated ? FILL_NONE
                     : column->default_is_constant           ? FILL_BY_DEFAULT
                                                             : FILL_BY_UPDATE;
    if (fill == FILL_BY_UPDATE && !column->column.sequence.n && !column->sqlite_default.n)
        return ddl_refuse(d, -1, "Add the column without a default, fill it, then set the default.",
                          "ADD COLUMN with a default that D1 cannot work out");
    struct new_column declared = *column;
    if (fill == FILL_BY_UPDATE)
        declared.sqlite_default = (struct str){ 0 };
    if (!add_column_text(d, a, column, fill) || !ddl_column_side(d, &a->now, &declared))
        return false;
    if (fill == FILL_BY_UPDATE && !update_values(d, a, column))
        return false;
    return added_constraints(d, a, first);
}

/* ---- DROP COLUMN ---- */
static bool in_constraint(const struct constraint *c, int16_t number)
{
    for (size_t i = 0; i < c->n_columns; i++)
        if (c->columns[i] == number)
            return true;
    return false;
}

static bool mentions(struct ddl *d, struct str sql, struct str name)
{
    size_t at = 0;
    for (struct sqlite_token token = sqlite_token_next(sql, &at); token.kind != SQLITE_TOKEN_END;
         token = sqlite_token_next(sql, &at))
        if ((token.kind == SQLITE_TOKEN_WORD || token.kind == SQLITE_TOKEN_QUOTED) &&
            str_eq_nocase(sqlite_token_value(token, d->arena), name))
            return true;
    return false;
}

static bool index_mentions(struct ddl *d, const struct relation *r, const struct index *index,
                           const struct column *column)
{
    for (size_t i = 0; i < index->n_columns; i++)
        if (index->columns[i].column == column->number ||
            (index->columns[i].expression.n && mentions(d, index->columns[i].expression, column->name)))
            return true;
    (void)r;
    return index->predicate.n && mentions(d, index->predicate, column->name);
}

/* The constraint stands with the column in D1's own text, or is an index: SQLite can drop it. */
static bool drops_along(struct ddl *d, const struct alter *a, const struct constraint *c, const struct column *column)
{
    struct sqlite_table parsed;
    if (c->n_columns > 1 || !sqlite_parse_table(a->table->sqlite_sql, d->arena, &parsed))
        return false;
    for (const struct sqlite_constraint *p = parsed.constraints; p; p = p->next)
        if (str_eq(p->name, c->name) && (p->kind == SQLITE_CHECK || p->kind == SQLITE_FOREIGN_KEY))
            return p->column == column->number - 1;
    return false;
}

static const struct index *constraint_index(const struct relation *r, const struct constraint *c)
{
    for (size_t i = 0; i < r->n_indexes; i++)
        if (str_eq(r->indexes[i].name, c->name) && c->sqlite_name.n &&
            str_eq(r->indexes[i].sqlite_name, c->sqlite_name))
            return &r->indexes[i];
    return NULL;
}

static bool refuse_view_dependents(struct ddl *d, const struct alter *a, const struct column *column)
{
    for (size_t i = 0; i < d->snapshot->n_relations; i++) {
        const struct relation *view = &d->snapshot->relations[i];
        if (view->kind != RELATION_VIEW || !ddl_view_uses(d, view, a->table) ||
            !mentions(d, view->sqlite_sql, column->name))
            continue;
        struct str what = ddl_printf(d, "column %.*s of table %.*s", STR_FMT(name_quote(column->name, d->arena)),
                                     STR_FMT(ddl_shown(d, a->table->schema, a->table->name)));
        ddl_fail_at(d, -1, SQLSTATE_DEPENDENT_OBJECTS_STILL_EXIST,
                    "cannot drop %.*s because other objects depend on it", STR_FMT(what));
        err_detail(d->err, "view %.*s depends on %.*s", STR_FMT(ddl_shown(d, view->schema, view->name)), STR_FMT(what));
        return err_hint(d->err, "Use DROP ... CASCADE to drop the dependent objects too.");
    }
    return true;
}

static bool drop_constraints_of(struct ddl *d, const struct alter *a, const struct column *column)
{
    for (size_t i = 0; i < a->table->n_constraints; i++) {
        const struct constraint *c = &a->table->constraints[i];
        bool concerned =
            in_constraint(c, column->number) || (c->kind == 'c' && mentions(d, c->expression, column->name));
        if (!concerned || constraint_index(a->table, c))
            continue; /* the index goes with its column below */
        if (!drops_along(d, a, c, column))
            return ddl_needs_rebuild(d, "DROP COLUMN of a column in a key or in a constraint of the table");
        if (!ddl_side_delete_child(d, "constraint", a->table->schema, a->table->name, c->name))
            return false;
    }
    for (size_t i = 0; i < a->table->n_columns; i++)
        if (a->table->columns[i].generated && &a->table->columns[i] != column &&
            mentions(d, a->table->columns[i].default_text, column->name))
            return ddl_needs_rebuild(d, "DROP COLUMN of a column that a generated column uses");
    return true;
}

static bool drop_column(struct ddl *d, struct alter *a, const Command *command)
{
    const struct column *column = relation_column(a->table, str_from(command->name));
    if (!column && command->missing_ok) {
        ddl_notice(d, SQLSTATE_SUCCESSFUL_COMPLETION, "column \"%s\" of relation \"%.*s\" does not exist, skipping",
                   command->name, STR_FMT(a->table->name));
        return true;
    }
    if (!column)
        return undefined_column(d, a, str_from(command->name));
    if (a->table->n_columns == 1)
        return ddl_refuse(d, -1, "SQLite needs at least one column.", "DROP COLUMN of the only column");
    if (!refuse_view_dependents(d, a, column) || !drop_constraints_of(d, a, column))
        return false;
    for (size_t i = 0; i < a->table->n_indexes; i++) {
        const struct index *index = &a->table->indexes[i];
        if (!index_mentions(d, a->table, index, column))
            continue;
        if (!ddl_sql(d, "DROP INDEX %.*s", STR_FMT(ddl_quote(d, index->sqlite_name))) ||
            !ddl_side_delete(d, "index", a->table->schema, index->name))
            return false;
    }
    if (!ddl_sql(d, "ALTER TABLE %.*s DROP COLUMN %.*s", STR_FMT(ddl_quote(d, a->table->sqlite_name)),
                 STR_FMT(ddl_quote(d, column->name))))
        return false;
    if (column->sequence.n && !column->sequence_is_rowid &&
        !ddl_side_delete(d, "sequence", a->table->schema, column->sequence))
        return false;
    return ddl_side_delete_child(d, "column", a->table->schema, a->table->name, column->name);
}

/* ---- column attributes ---- */
static const struct new_column *find(const struct alter *a, struct str name)
{
    for (size_t i = 0; i < a->now.n_columns; i++)
        if (str_eq(a->now.columns[i].column.name, name))
            return &a->now.columns[i];
    return NULL;
}

static bool column_default(struct ddl *d, struct alter *a, const Command *command)
{
    const struct new_column *column = find(a, str_from(command->name));
    if (!column)
        return undefined_column(d, a, str_from(command->name));
    const struct column *c = &column->column;
    if (c->identity && !(c->is_rowid && !c->sequence.n)) {
        ddl_fail_at(d, -1, SQLSTATE_SYNTAX_ERROR, "column \"%.*s\" of relation \"%.*s\" is an identity column",
                    STR_FMT(c->name), STR_FMT(a->table->name));
        return command->def ? false : err_hint(d->err, "Use ALTER TABLE ... ALTER COLUMN ... DROP IDENTITY instead.");
    }
    if (c->generated)
        return ddl_fail_at(d, -1, SQLSTATE_SYNTAX_ERROR, "column \"%.*s\" of relation \"%.*s\" is a generated column",
                           STR_FMT(c->name), STR_FMT(a->table->name));
    cJSON *detail = cJSON_CreateObject();
    if (!detail)
        return err_oom(d->err);
    if (!command->def) {
        cJSON_AddNullToObject(detail, "default");
        cJSON_AddTrueToObject(detail, "no_default");
        return ddl_side_put_child(d, "column", a->now.schema, a->now.name, c->name, detail);
    }
    struct ddl_printed printed;
    struct ddl_expression e = { .node = command->def, .type = c->type, .typmod = c->typmod };
    e.what = arena_cstr(d->arena, ddl_printf(d, "column \"%.*s\"", STR_FMT(c->name)));
    if (!ddl_print(d, &e, true, &printed)) {
        cJSON_Delete(detail);
        return false;
    }
    bool is_null = printed.expr->kind == EXPR_CONST && printed.expr->constant.is_null;
    if (is_null)
        cJSON_AddNullToObject(detail, "default");
    else
        ddl_side_text(detail, "default", printed.postgres);
    if (is_null)
        cJSON_AddTrueToObject(detail, "no_default");
    else
        cJSON_AddNullToObject(detail, "no_default");
    return ddl_side_put_child(d, "column", a->now.schema, a->now.name, c->name, detail);
}

static bool column_not_null(struct ddl *d, struct alter *a, const Command *command)
{
    const struct new_column *column = find(a, str_from(command->name));
    bool wanted = command->subtype == PG_QUERY__ALTER_TABLE_TYPE__AT_SetNotNull;
    if (!column)
        return undefined_column(d, a, str_from(command->name));
    if (column->column.not_null == wanted)
        return true;
    if (wanted)
        return ddl_needs_rebuild(d, "ALTER COLUMN … SET NOT NULL");
    if (column->column.identity)
        return ddl_fail_at(d, -1, SQLSTATE_SYNTAX_ERROR, "column \"%s\" of relation \"%.*s\" is an identity column",
                           command->name, STR_FMT(a->table->name));
    for (size_t i = 0; i < a->table->n_constraints; i++)
        if (a->table->constraints[i].kind == 'p' && in_constraint(&a->table->constraints[i], column->column.number))
            return ddl_fail_at(d, -1, SQLSTATE_INVALID_TABLE_DEFINITION, "column \"%s\" is in a primary key",
                               command->name);
    return ddl_needs_rebuild(d, "ALTER COLUMN … DROP NOT NULL");
}

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

static bool column_type(struct ddl *d, struct alter *a, const Command *command)
{
    const PgQuery__ColumnDef *def = command->def->column_def;
    const struct new_column *column = find(a, str_from(command->name));
    oid_t type;
    int32_t typmod;
    if (!column)
        return undefined_column(d, a, str_from(command->name));
    if (!analyze_type_name(&d->analyze, def->type_name, &type, &typmod, NULL) || !ddl_check_type(d, type, -1))
        return false;
    if (def->raw_default || !is_widening(&column->column, type, typmod))
        return ddl_needs_rebuild(d, "ALTER COLUMN … TYPE that changes how values are stored");
    if (column->column.type == type && column->column.typmod == typmod)
        return true;
    cJSON *detail = cJSON_CreateObject();
    if (!detail)
        return err_oom(d->err);
    ddl_side_type(d, detail, "type", "type_schema", type, typmod);
    if (typmod < 0)
        cJSON_AddNullToObject(detail, "typmod");
    return ddl_side_put_child(d, "column", a->now.schema, a->now.name, column->column.name, detail);
}

/* ---- identity ---- */
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
    return ddl_side_put_child(d, "column", a->now.schema, a->now.name, column, detail);
}

/* pg_dump gives the sequence's name as an option. */
static bool take_sequence_name(struct ddl *d, const PgQuery__Constraint *con, Node ***ret_options, size_t *ret_n,
                               struct str *ret_name)
{
    *ret_options = DDL_ARRAY(d, Node *, con->n_options);
    *ret_n = 0;
    if (!*ret_options)
        return false;
    for (size_t i = 0; i < con->n_options; i++) {
        const PgQuery__DefElem *option = con->options[i]->def_elem;
        if (strcmp(option->defname, "sequence_name") != 0)
            (*ret_options)[(*ret_n)++] = con->options[i];
        else
            *ret_name = ddl_string(option->arg->list->items[option->arg->list->n_items - 1]);
    }
    return true;
}

static bool add_identity(struct ddl *d, struct alter *a, const Command *command)
{
    const PgQuery__Constraint *con = command->def->constraint;
    const struct new_column *column = find(a, str_from(command->name));
    struct sequence_options options;
    struct str name = { 0 };
    Node **rest;
    size_t n_rest;
    if (!column)
        return undefined_column(d, a, str_from(command->name));
    const struct column *c = &column->column;
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
    if (!take_sequence_name(d, con, &rest, &n_rest, &name) ||
        !ddl_sequence_options(d, rest, n_rest, NULL, snapshot_base_type(d->snapshot, c->type, NULL), &options))
        return false;
    if (name.n && ddl_relation_taken(d, a->now.schema, name))
        return ddl_fail_at(d, -1, SQLSTATE_DUPLICATE_TABLE, "relation \"%.*s\" already exists", STR_FMT(name));
    if (!name.n)
        name = ddl_choose_relation_name(d, a->now.schema, a->now.name, c->name, "seq");
    options.has_owner = true;
    options.owner_table = a->now.name;
    options.owner_column = c->name;
    char identity[2] = { con->generated_when[0], 0 };
    return name.p && put_identity(d, a, c->name, identity, name) &&
           ddl_write_sequence(d, a->now.schema, name, &options, true);
}

static bool drop_identity(struct ddl *d, struct alter *a, const Command *command)
{
    const struct new_column *column = find(a, str_from(command->name));
    if (!column)
        return undefined_column(d, a, str_from(command->name));
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
    if (c->is_rowid && (c->sequence_is_rowid || !c->sequence.n))
        return ddl_needs_rebuild(d, "DROP IDENTITY of a primary key that SQLite counts itself");
    return put_identity(d, a, c->name, NULL, STR("")) && ddl_side_delete(d, "sequence", a->now.schema, c->sequence);
}

static bool set_identity(struct ddl *d, struct alter *a, const Command *command)
{
    const struct new_column *column = find(a, str_from(command->name));
    if (!column)
        return undefined_column(d, a, str_from(command->name));
    const struct column *c = &column->column;
    if (!c->identity)
        return ddl_fail_at(d, -1, SQLSTATE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                           "column \"%.*s\" of relation \"%.*s\" is not an identity column", STR_FMT(c->name),
                           STR_FMT(a->table->name));
    const PgQuery__List *list = command->def->list;
    for (size_t i = 0; i < list->n_items; i++) {
        const PgQuery__DefElem *option = list->items[i]->def_elem;
        if (strcmp(option->defname, "generated") == 0) {
            char identity[2] = { (char)option->arg->integer->ival, 0 };
            if (!put_identity(d, a, c->name, identity, STR("")))
                return false;
            continue;
        }
        PgQuery__RangeVar range = PG_QUERY__RANGE_VAR__INIT;
        PgQuery__AlterSeqStmt alter = PG_QUERY__ALTER_SEQ_STMT__INIT;
        if (!c->sequence.n)
            return ddl_refuse(d, -1, NULL, "options of a key that SQLite counts itself");
        range.schemaname = arena_cstr(d->arena, a->now.schema);
        range.relname = arena_cstr(d->arena, c->sequence);
        range.location = -1;
        alter.sequence = &range;
        alter.options = (Node **)&list->items[i];
        alter.n_options = 1;
        if (!range.schemaname || !range.relname)
            return err_oom(d->err);
        if (!ddl_alter_sequence(d, &alter))
            return false;
    }
    return true;
}

/* ---- constraints ---- */
/* A unique index that the side catalogue calls a constraint. */
static bool unique_index(struct ddl *d, const struct alter *a, const struct new_constraint *c)
{
    struct str columns = STR("");
    for (size_t i = 0; i < c->constraint.n_columns; i++)
        columns = ddl_printf(d, "%.*s%s%.*s", STR_FMT(columns), i ? ", " : "",
                             STR_FMT(ddl_quote(d, a->now.columns[c->constraint.columns[i] - 1].column.name)));
    struct str name = ddl_sqlite_name(d, a->now.schema, c->constraint.name);
    cJSON *detail = cJSON_CreateObject();
    if (!detail)
        return err_oom(d->err);
    cJSON_AddStringToObject(detail, "constraint", c->constraint.kind == 'p' ? "p" : "u");
    return ddl_side_put(d, "index", a->now.schema, c->constraint.name, detail) &&
           ddl_sql(d, "CREATE UNIQUE INDEX %.*s ON %.*s (%.*s)", STR_FMT(ddl_quote(d, name)),
                   STR_FMT(ddl_quote(d, a->now.sqlite_name)), STR_FMT(columns));
}

static bool add_constraint(struct ddl *d, struct alter *a, const Command *command)
{
    struct new_constraint *c;
    if (!ddl_collect_constraint(d, &a->now, command->def->constraint, -1, &c))
        return false;
    bool *was_null = DDL_ARRAY(d, bool, a->now.n_columns);
    for (size_t i = 0; was_null && i < a->now.n_columns; i++)
        was_null[i] = !a->now.columns[i].column.not_null;
    if (!was_null || !ddl_resolve_constraint(d, &a->now, c))
        return false;
    switch (c->constraint.kind) {
    case 'c':
        return ddl_needs_rebuild(d, "ADD CONSTRAINT … CHECK");
    case 'f':
        return ddl_needs_rebuild(d, "ADD CONSTRAINT … FOREIGN KEY");
    default:
        break;
    }
    for (size_t i = 0; i < c->constraint.n_columns && c->constraint.kind == 'p'; i++)
        if (was_null[c->constraint.columns[i] - 1])
            return ddl_needs_rebuild(d, "ADD PRIMARY KEY over a column that is not NOT NULL");
    return unique_index(d, a, c);
}

static bool key_is_needed(struct ddl *d, const struct alter *a, const struct constraint *key)
{
    for (size_t i = 0; i < d->snapshot->n_relations; i++) {
        const struct relation *child = &d->snapshot->relations[i];
        for (size_t k = 0; k < child->n_constraints; k++) {
            const struct constraint *c = &child->constraints[k];
            if (c->kind != 'f' || !str_eq(c->foreign_table, a->table->name) ||
                !str_eq(c->foreign_schema, a->table->schema) || c->n_columns != key->n_columns)
                continue;
            size_t same = 0;
            for (size_t x = 0; x < c->n_columns; x++)
                same += in_constraint(key, c->foreign_columns[x]);
            if (same < c->n_columns)
                continue;
            ddl_fail_at(d, -1, SQLSTATE_DEPENDENT_OBJECTS_STILL_EXIST,
                        "cannot drop constraint %.*s on table %.*s because other objects depend on it",
                        STR_FMT(key->name), STR_FMT(a->table->name));
            err_detail(d->err, "constraint %.*s on table %.*s depends on index %.*s", STR_FMT(c->name),
                       STR_FMT(ddl_shown(d, child->schema, child->name)), STR_FMT(key->name));
            err_hint(d->err, "Use DROP ... CASCADE to drop the dependent objects too.");
            return true;
        }
    }
    return false;
}

static bool drop_constraint(struct ddl *d, struct alter *a, const Command *command)
{
    const struct constraint *found = NULL;
    for (size_t i = 0; i < a->table->n_constraints; i++)
        if (str_is(a->table->constraints[i].name, command->name))
            found = &a->table->constraints[i];
    if (!found && command->missing_ok) {
        ddl_notice(d, SQLSTATE_SUCCESSFUL_COMPLETION, "constraint \"%s\" of relation \"%.*s\" does not exist, skipping",
                   command->name, STR_FMT(a->table->name));
        return true;
    }
    if (!found)
        return ddl_fail_at(d, -1, SQLSTATE_UNDEFINED_OBJECT, "constraint \"%s\" of relation \"%.*s\" does not exist",
                           command->name, STR_FMT(a->table->name));
    const struct index *index = constraint_index(a->table, found);
    if ((found->kind == 'p' || found->kind == 'u') && key_is_needed(d, a, found))
        return false;
    if (!index)
        return ddl_needs_rebuild(d, "DROP CONSTRAINT");
    return ddl_sql(d, "DROP INDEX %.*s", STR_FMT(ddl_quote(d, index->sqlite_name))) &&
           ddl_side_delete(d, "index", a->table->schema, index->name);
}

/* ---- the commands, in the order in which they are done ---- */
struct command_row {
    PgQuery__AlterTableType type;
    int pass;
    bool (*run)(struct ddl *d, struct alter *a, const Command *command); /* NULL: accepted without effect */
};

enum { PASS_DROP, PASS_TYPE, PASS_COLUMN, PASS_ATTRIBUTE, PASS_CONSTRAINT, PASS_OTHER, PASS_NR };

#define AT(name) PG_QUERY__ALTER_TABLE_TYPE__AT_##name
static const struct command_row command_rows[] = {
    { AT(AddColumn), PASS_COLUMN, add_column },
    { AT(ColumnDefault), PASS_ATTRIBUTE, column_default },
    { AT(DropNotNull), PASS_DROP, column_not_null },
    { AT(SetNotNull), PASS_ATTRIBUTE, column_not_null },
    { AT(DropColumn), PASS_DROP, drop_column },
    { AT(AddConstraint), PASS_CONSTRAINT, add_constraint },
    { AT(DropConstraint), PASS_DROP, drop_constraint },
    { AT(AlterColumnType), PASS_TYPE, column_type },
    { AT(AddIdentity), PASS_ATTRIBUTE, add_identity },
    { AT(SetIdentity), PASS_ATTRIBUTE, set_identity },
    { AT(DropIdentity), PASS_DROP, drop_identity },
    /* storage and ownership, of which D1 has neither; constraints are always valid */
    { AT(SetStatistics), PASS_OTHER, NULL },
    { AT(SetOptions), PASS_OTHER, NULL },
    { AT(ResetOptions), PASS_OTHER, NULL },
    { AT(SetStorage), PASS_OTHER, NULL },
    { AT(SetCompression), PASS_OTHER, NULL },
    { AT(ChangeOwner), PASS_OTHER, NULL },
    { AT(ClusterOn), PASS_OTHER, NULL },
    { AT(DropCluster), PASS_OTHER, NULL },
    { AT(SetLogged), PASS_OTHER, NULL },
    { AT(SetUnLogged), PASS_OTHER, NULL },
    { AT(SetRelOptions), PASS_OTHER, NULL },
    { AT(ResetRelOptions), PASS_OTHER, NULL },
    { AT(ReplicaIdentity), PASS_OTHER, NULL },
    { AT(ValidateConstraint), PASS_OTHER, NULL },
    { AT(NoForceRowSecurity), PASS_OTHER, NULL },
    { AT(DisableRowSecurity), PASS_OTHER, NULL },
};
#undef AT

static const struct command_row *command_find(PgQuery__AlterTableType type)
{
    for (size_t i = 0; i < sizeof(command_rows) / sizeof(command_rows[0]); i++)
        if (command_rows[i].type == type)
            return &command_rows[i];
    return NULL;
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

static bool check_commands(struct ddl *d, const struct relation *r, const PgQuery__AlterTableStmt *stmt)
{
    for (size_t i = 0; i < stmt->n_cmds; i++) {
        const Command *command = stmt->cmds[i]->alter_table_cmd;
        const struct command_row *row = command_find(command->subtype);
        if (!row)
            return ddl_refuse(d, -1, NULL, "this form of ALTER TABLE");
        if (row->run && r->kind == RELATION_VIEW)
            return ddl_refuse(d, -1, "Use CREATE OR REPLACE VIEW.", "ALTER of a view's columns");
        if (row->run && r->kind != RELATION_TABLE)
            return ddl_fail_at(d, -1, SQLSTATE_WRONG_OBJECT_TYPE, "\"%.*s\" is not a table", STR_FMT(r->name));
    }
    return true;
}

bool ddl_alter_table(struct ddl *d, const PgQuery__AlterTableStmt *stmt)
{
    struct alter a = { 0 };
    const char *tag = tag_of(stmt->objtype);
    d->plan->tag = tag;
    if (stmt->objtype == PG_QUERY__OBJECT_TYPE__OBJECT_TYPE)
        return ddl_refuse(d, -1, NULL, "ALTER TYPE of a composite type");
    if (stmt->objtype == PG_QUERY__OBJECT_TYPE__OBJECT_INDEX)
        return ddl_nothing(d, tag); /* storage options and table spaces only */
    if (!ddl_relation(d, stmt->relation, stmt->missing_ok, &a.table))
        return false;
    if (!a.table) {
        ddl_notice(d, SQLSTATE_SUCCESSFUL_COMPLETION, "relation \"%s\" does not exist, skipping",
                   stmt->relation->relname);
        return ddl_nothing(d, tag);
    }
    if (!check_commands(d, a.table, stmt) || !load(d, &a))
        return false;
    for (int pass = 0; pass < PASS_NR; pass++)
        for (size_t i = 0; i < stmt->n_cmds; i++) {
            const Command *command = stmt->cmds[i]->alter_table_cmd;
            const struct command_row *row = command_find(command->subtype);
            if (row->pass == pass && row->run && !row->run(d, &a, command))
                return false;
        }
    return d->plan->n_statements ? true : ddl_nothing(d, tag);
}
