/*
 * ddl_table_emit.c - a table under construction -> SQLite's CREATE TABLE, and what only the side catalogue can keep of it.
 *
 * Every constraint gets its PostgreSQL name in D1's own schema. Checks that a type demands (boolean, enum, domain) are named _pgd1_…,
 * by which the snapshot knows them for no constraint of the user's.
 */
#include "proxy/sql/ddl_internal.h"

#include "proxy/catalog/default_text.h"
#include "proxy/catalog/names.h"
#include "proxy/sql/emit.h"

enum { TABLE_TEXT_MAX = 1 << 20 };

/* ---- what a type demands of its cells ---- */
static bool domain_checks(struct ddl *d, const struct column *column, const struct user_type *domain, struct buf *out)
{
    struct column value = *column;
    struct relation scope = { .kind = RELATION_TABLE, .columns = &value, .n_columns = 1 };
    value.number = 1;
    value.type = domain->base;
    value.typmod = domain->base_typmod;
    for (size_t i = 0; i < domain->n_checks; i++) {
        struct ddl_expression e = { .source = domain->checks[i],
                                    .what = "CHECK constraint",
                                    .relation = &scope,
                                    .type = TYPE_OID_bool,
                                    .typmod = -1 };
        struct expr *expr;
        struct query *query;
        struct str text;
        value.name = STR("value"); /* VALUE in the domain's text */
        if (!analyze_expression_text(&d->analyze, e.source, e.relation, e.what, e.type, e.typmod, &expr, &query))
            return false;
        query->rtable[0].columns[0].name = value.name = column->name; /* D1 knows it by the column's name */
        if (!emit_ddl_expression(expr, query, d->settings, d->snapshot, d->arena, &text, d->err))
            return false;
        buf_printf(out, "%s(%.*s)", out->n ? " AND " : "", STR_FMT(text));
    }
    return true;
}

static const struct user_type *type_of(const struct ddl *d, oid_t type)
{
    const struct user_type *user = snapshot_user_type(d->snapshot, type);
    return user && d->changed_type && user->oid == d->changed_type->oid ? d->changed_type : user;
}

static bool type_check(struct ddl *d, const struct column *column, struct str *ret)
{
    struct buf out;
    buf_init(&out, TABLE_TEXT_MAX);
    struct str name = ddl_quote(d, column->name);
    oid_t type = column->type;
    const struct user_type *user;
    bool ok = true;
    while (ok && (user = type_of(d, type)) != NULL && user->kind == 'd' && user->oid == type) {
        ok = domain_checks(d, column, user, &out);
        type = user->base;
    }
    if (type == TYPE_OID_bool)
        buf_printf(&out, "%s%.*s IN (0, 1)", out.n ? " AND " : "", STR_FMT(name));
    if (user && user->kind == 'e' && user->oid == type) {
        buf_printf(&out, "%s%.*s IN (", out.n ? " AND " : "", STR_FMT(name));
        for (size_t i = 0; i < user->n_labels; i++)
            buf_printf(&out, "%s%.*s", i ? ", " : "", STR_FMT(emit_text_literal(user->labels[i], d->arena)));
        buf_add_char(&out, ')');
    }
    if (ok && out.failed)
        ok = err_oom(d->err);
    *ret = ok && out.n ? arena_str(d->arena, buf_str(&out)) : STR("");
    buf_fini(&out);
    return ok;
}

static bool domain_not_null(const struct ddl *d, const struct column *column)
{
    return snapshot_ruling_domain(d->snapshot, column->type, DOMAIN_NOT_NULL) != NULL;
}

/* ---- columns ---- */
static bool is_integer(const struct ddl *d, const struct column *column)
{
    oid_t base = snapshot_base_type(d->snapshot, column->type, NULL);
    return base == TYPE_OID_int2 || base == TYPE_OID_int4 || base == TYPE_OID_int8;
}

/* A single integer key column is the rowid itself: SQLite's fastest look-up, and AUTOINCREMENT for serial and identity. */
bool ddl_is_rowid(const struct ddl *d, const struct new_table *table, const struct new_column *column)
{
    const struct new_constraint *primary = ddl_primary_key(table);
    return primary && !primary->is_index && !table->without_rowid && primary->constraint.n_columns == 1 &&
           primary->constraint.columns[0] == column->column.number && is_integer(d, &column->column) &&
           !column->column.generated;
}

static bool is_autoincrement(struct ddl *d, const struct new_table *table, const struct new_column *column)
{
    return ddl_is_rowid(d, table, column) &&
           (column->old ? column->autoincrement : column->column.sequence.n && column->n_sequence_options == 0);
}

/* Checks and foreign keys written behind their column stay there: DROP COLUMN takes them along. */
static bool stands_with(const struct new_constraint *c, const struct new_column *column)
{
    return c->column == column->column.number - 1 && !c->dropped &&
           (c->constraint.kind == 'c' || c->constraint.kind == 'f');
}

struct str ddl_column_text(struct ddl *d, const struct new_table *table, const struct new_column *column,
                           bool in_create)
{
    const struct column *c = &column->column;
    bool rowid = in_create && ddl_is_rowid(d, table, column);
    struct buf out;
    buf_init(&out, TABLE_TEXT_MAX);
    buf_printf(&out, "%.*s %.*s", STR_FMT(ddl_quote(d, c->name)), STR_FMT(rowid ? STR("INTEGER") : column->declared));
    if (column->collation.n)
        buf_printf(&out, " COLLATE %.*s", STR_FMT(ddl_quote(d, column->collation)));
    if (c->generated)
        buf_printf(&out, " GENERATED ALWAYS AS (%.*s) %s", STR_FMT(column->sqlite_generated),
                   column->is_virtual ? "VIRTUAL" : "STORED");
    if (rowid)
        buf_printf(&out, " CONSTRAINT %.*s PRIMARY KEY%s",
                   STR_FMT(ddl_quote(d, ddl_primary_key(table)->constraint.name)),
                   is_autoincrement(d, table, column) ? " AUTOINCREMENT" : "");
    else if (c->not_null || domain_not_null(d, c))
        buf_add_str(&out, STR(" NOT NULL"));
    if (column->sqlite_default.n && !rowid)
        buf_printf(&out, " DEFAULT %.*s", STR_FMT(column->sqlite_default));
    if (column->type_check.n)
        buf_printf(&out, " CONSTRAINT %.*s CHECK (%.*s)",
                   STR_FMT(ddl_quote(d, ddl_printf(d, "_pgd1_type_%.*s", STR_FMT(c->name)))),
                   STR_FMT(column->type_check));
    for (size_t i = 0; i < table->n_constraints; i++)
        if (stands_with(&table->constraints[i], column))
            buf_printf(&out, " %.*s", STR_FMT(ddl_constraint_text(d, table, &table->constraints[i])));
    struct str text = out.failed ? (struct str){ 0 } : arena_str(d->arena, buf_str(&out));
    buf_fini(&out);
    if (!text.p)
        err_oom(d->err);
    return text;
}

/* ---- constraints ---- */
static void column_list(struct ddl *d, struct buf *out, const struct column *columns, const int16_t *numbers, size_t n)
{
    buf_add_char(out, '(');
    for (size_t i = 0; i < n; i++)
        buf_printf(out, "%s%.*s", i ? ", " : "", STR_FMT(ddl_quote(d, columns[numbers[i] - 1].name)));
    buf_add_char(out, ')');
}

static const char *action_text(char action)
{
    switch (action) {
    case 'r':
        return "RESTRICT";
    case 'c':
        return "CASCADE";
    case 'n':
        return "SET NULL";
    case 'd':
        return "SET DEFAULT";
    default:
        return NULL;
    }
}

static void foreign_key(struct ddl *d, const struct new_table *table, const struct new_constraint *c, struct buf *out)
{
    const struct relation *other = c->foreign ? c->foreign : &table->relation;
    const struct constraint *key = &c->constraint;
    if (c->column < 0) {
        buf_add_str(out, STR("FOREIGN KEY "));
        column_list(d, out, table->relation.columns, key->columns, key->n_columns);
        buf_add_char(out, ' ');
    }
    buf_printf(out, "REFERENCES %.*s", STR_FMT(ddl_quote(d, ddl_target_name(d, other))));
    column_list(d, out, other->columns, key->foreign_columns, key->n_columns);
    if (key->match_full)
        buf_add_str(out, STR(" MATCH FULL"));
    if (action_text(key->on_delete))
        buf_printf(out, " ON DELETE %s", action_text(key->on_delete));
    if (action_text(key->on_update))
        buf_printf(out, " ON UPDATE %s", action_text(key->on_update));
    if (key->deferrable)
        buf_printf(out, " DEFERRABLE INITIALLY %s", key->deferred ? "DEFERRED" : "IMMEDIATE");
}

struct str ddl_constraint_text(struct ddl *d, const struct new_table *table, const struct new_constraint *c)
{
    struct buf out;
    buf_init(&out, TABLE_TEXT_MAX);
    buf_printf(&out, "CONSTRAINT %.*s ", STR_FMT(ddl_quote(d, c->constraint.name)));
    switch (c->constraint.kind) {
    case 'c':
        buf_printf(&out, "CHECK (%.*s)", STR_FMT(c->sqlite_check));
        break;
    case 'f':
        foreign_key(d, table, c, &out);
        break;
    default:
        buf_add_str(&out, c->constraint.kind == 'p' ? STR("PRIMARY KEY ") : STR("UNIQUE "));
        column_list(d, &out, table->relation.columns, c->constraint.columns, c->constraint.n_columns);
        break;
    }
    struct str text = out.failed ? (struct str){ 0 } : arena_str(d->arena, buf_str(&out));
    buf_fini(&out);
    if (!text.p)
        err_oom(d->err);
    return text;
}

/* ---- the side catalogue ---- */
/* Whether the snapshot would work the default out of D1's own. */
static bool default_is_derivable(struct ddl *d, const struct new_column *column)
{
    struct str sqlite = column->sqlite_default;
    if (!sqlite.n || sqlite.p[0] == '(')
        return false;
    struct str derived =
        default_text_from_sqlite(sqlite, snapshot_base_type(d->snapshot, column->column.type, NULL), d->arena);
    return derived.p && str_eq(derived, column->column.default_text);
}

static bool sequence_row(struct ddl *d, const struct new_table *table, const struct new_column *column)
{
    struct sequence_options options;
    oid_t type = snapshot_base_type(d->snapshot, column->column.type, NULL);
    if (!ddl_sequence_options(d, column->sequence_options, column->n_sequence_options, NULL, type, &options))
        return false;
    options.has_owner = true;
    options.owner_table = table->name;
    options.owner_column = column->column.name;
    return ddl_write_sequence(d, table->schema, column->column.sequence, &options, true);
}

static struct str storage_name(enum column_storage storage)
{
    switch (storage) {
    case COLUMN_UNIX_S:
        return STR("unixepoch");
    case COLUMN_UNIX_MS:
        return STR("unixms");
    case COLUMN_UNIX_US:
        return STR("unixus");
    case COLUMN_DATETIME:
        return STR("datetime");
    case COLUMN_LOOSE:
        return STR("loose");
    case COLUMN_NATURAL:
    case COLUMN_NUMBER:
        break;
    }
    return STR("");
}

/* A rowid of a table made elsewhere: nothing has to be said of it. */
static bool numbered_by_sqlite(const struct new_column *column)
{
    return column->old && column->column.identity && !column->column.sequence.n;
}

bool ddl_column_side(struct ddl *d, const struct new_table *table, const struct new_column *column)
{
    const struct column *c = &column->column;
    cJSON *detail = cJSON_CreateObject();
    bool rowid = ddl_is_rowid(d, table, column), automatic = is_autoincrement(d, table, column);
    struct str usual = name_make(table->name, c->name, STR("seq"), d->arena);
    if (!detail || !usual.p) {
        cJSON_Delete(detail);
        return err_oom(d->err);
    }
    if (rowid ? c->type != TYPE_OID_int8 : !column->is_derivable)
        ddl_side_type(d, detail, "type", "type_schema", c->type, c->typmod);
    ddl_side_collation(detail, "collation", c->collation);
    if (rowid && !automatic && !numbered_by_sqlite(column))
        cJSON_AddTrueToObject(detail, "plain");
    if (c->sequence.n && (!automatic || !str_eq(c->sequence, usual)))
        ddl_side_text(detail, "sequence", c->sequence);
    if (c->identity && !numbered_by_sqlite(column))
        ddl_side_text(detail, "identity", (struct str){ &c->identity, 1 });
    /* SQLite gives a rowid a number, whatever its text has for a default. */
    if (c->default_text.n && !(automatic && !c->identity) && (rowid || !default_is_derivable(d, column)))
        ddl_side_text(detail, "default", c->default_text);
    ddl_side_text(detail, "comment", column->comment);
    ddl_side_text(detail, "storage", storage_name(c->storage));
    if (!ddl_side_put_child(d, "column", table->schema, table->name, c->name, detail))
        return false;
    return column->old || !c->sequence.n || automatic || sequence_row(d, table, column);
}

bool ddl_constraint_side(struct ddl *d, const struct new_table *table, const struct new_constraint *c)
{
    cJSON *detail = cJSON_CreateObject();
    if (!detail)
        return err_oom(d->err);
    ddl_side_text(detail, "expression", c->constraint.expression);
    if (c->constraint.not_valid)
        cJSON_AddTrueToObject(detail, "not_valid");
    return ddl_side_put_child(d, "constraint", table->schema, table->name, c->constraint.name, detail);
}

static bool table_side(struct ddl *d, const struct new_table *table)
{
    for (size_t i = 0; i < table->n_columns; i++)
        if (!ddl_column_side(d, table, &table->columns[i]))
            return false;
    for (size_t i = 0; i < table->n_constraints; i++)
        if (table->constraints[i].constraint.kind == 'c' && !ddl_constraint_side(d, table, &table->constraints[i]))
            return false;
    for (size_t i = 0; i < table->n_constraints; i++)
        if (!ddl_index_comment_side(d, table->schema, table->constraints[i].constraint.name,
                                    table->constraints[i].index_comment))
            return false;
    for (size_t i = 0; i < table->n_indexes; i++)
        if (!ddl_copy_index(d, table, &table->indexes[i]))
            return false;
    return true;
}

/* ---- CREATE TABLE ---- */
static bool table_body(struct ddl *d, struct new_table *table, struct buf *out)
{
    size_t n = 0;
    for (size_t i = 0; i < table->n_columns; i++) {
        struct new_column *column = &table->columns[i];
        if (column->dropped)
            continue;
        if (!column->old && !type_check(d, &column->column, &column->type_check))
            return false;
        struct str text = ddl_column_text(d, table, column, true);
        buf_printf(out, "%s%.*s", n++ ? ", " : "", STR_FMT(text));
    }
    for (size_t i = 0; i < table->n_constraints; i++) {
        const struct new_constraint *c = &table->constraints[i];
        if (c->dropped || c->is_index || (c->column >= 0 && stands_with(c, &table->columns[c->column])))
            continue;
        if (c->constraint.kind == 'p' && c->constraint.n_columns == 1 &&
            ddl_is_rowid(d, table, &table->columns[c->constraint.columns[0] - 1]))
            continue; /* stands with its column */
        buf_printf(out, ", %.*s", STR_FMT(ddl_constraint_text(d, table, c)));
    }
    return true;
}

bool ddl_emit_create(struct ddl *d, struct new_table *table, struct str sqlite_name)
{
    struct buf out;
    buf_init(&out, TABLE_TEXT_MAX);
    /* NOT NULL of primary keys was found out after the scope was made. */
    bool ok = ddl_table_scope(d, table);
    table->relation.sqlite_name = sqlite_name; /* what its keys to itself say */
    buf_printf(&out, "CREATE TABLE %.*s (", STR_FMT(ddl_quote(d, sqlite_name)));
    ok = ok && table_body(d, table, &out);
    buf_printf(&out, ")%s%s%s", table->strict ? " STRICT" : "", table->strict && table->without_rowid ? "," : "",
               table->without_rowid ? " WITHOUT ROWID" : "");
    if (ok && out.failed)
        ok = err_set(d->err, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "the definition of table \"%.*s\" is too long",
                     STR_FMT(table->name));
    ok = ok && ddl_add(d, arena_str(d->arena, buf_str(&out)));
    buf_fini(&out);
    return ok && !err_is_set(d->err);
}

bool ddl_emit_table(struct ddl *d, struct new_table *table)
{
    return ddl_emit_create(d, table, table->sqlite_name) && table_side(d, table);
}

/* ---- ALTER TABLE ADD COLUMN needs the check too ---- */
bool ddl_type_check(struct ddl *d, struct new_column *column)
{
    return type_check(d, &column->column, &column->type_check);
}
