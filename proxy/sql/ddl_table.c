/*
 * ddl_table.c - CREATE TABLE: columns and constraints collected, named and checked as PostgreSQL does (parse_utilcmd.c, tablecmds.c),
 * before ddl_table_emit.c prints them.
 */
#include "proxy/sql/ddl_internal.h"

#include "proxy/catalog/collation.h"
#include "proxy/catalog/declared_type.h"
#include "proxy/catalog/names.h"

enum { COLUMNS_MAX = 100 }; /* D1's limit */

/* ---- columns ---- */
static struct new_column *add_column(struct ddl *d, struct new_table *table, struct str name, int location)
{
    if (ddl_find_column(table, name)) {
        ddl_fail_at(d, -1, SQLSTATE_DUPLICATE_COLUMN, "column \"%.*s\" specified more than once", STR_FMT(name));
        return NULL;
    }
    if (is_system_column(name)) {
        ddl_fail_at(d, -1, SQLSTATE_DUPLICATE_COLUMN, "column name \"%.*s\" conflicts with a system column name",
                    STR_FMT(name));
        return NULL;
    }
    for (size_t i = 0; i < table->n_columns; i++) {
        if (!str_eq_nocase(table->columns[i].column.name, name))
            continue;
        ddl_refuse(d, location, "D1 compares names without case: choose another name.",
                   "a column name that differs from another's only in case (\"%.*s\")", STR_FMT(name));
        return NULL;
    }
    if (table->n_columns == COLUMNS_MAX) {
        ddl_fail_at(d, location, SQLSTATE_TOO_MANY_COLUMNS, "tables can have at most %d columns", COLUMNS_MAX);
        return NULL;
    }
    struct new_column column = { .location = location, .column = { .name = name, .typmod = -1 } };
    if (!DDL_PUSH(d, table->columns, table->n_columns, column))
        return NULL;
    struct new_column *added = &table->columns[table->n_columns - 1];
    added->column.number = (int16_t)table->n_columns;
    return added;
}

/* Once type and typmod are known: how the column is declared and stored in D1. */
bool ddl_resolve_type(struct ddl *d, struct new_table *table, struct new_column *column)
{
    (void)table;
    struct column *c = &column->column;
    int32_t typmod = c->typmod;
    if (!ddl_check_type(d, c->type, c->name, column->location))
        return false;
    oid_t base = snapshot_base_type(d->snapshot, c->type, &typmod);
    column->declared = declared_type_write(base, typmod, d->arena, &column->is_derivable);
    if (!column->declared.p)
        return err_oom(d->err);
    column->is_derivable &= base == c->type;
    c->storage = declared_type_storage(column->declared, base);
    c->is_strict_text = sqlite_affinity_of(column->declared) == AFFINITY_TEXT;
    return true;
}

static bool column_null(struct ddl *d, const struct new_table *table, struct new_column *column, bool not_null,
                        int location)
{
    struct column *c = &column->column;
    if ((not_null && column->null_given) || (!not_null && c->not_null))
        return ddl_fail_at(d, location, SQLSTATE_SYNTAX_ERROR,
                           "conflicting NULL/NOT NULL declarations for column \"%.*s\" of table \"%.*s\"",
                           STR_FMT(c->name), STR_FMT(table->name));
    c->not_null |= not_null;
    column->null_given |= !not_null;
    return true;
}

static bool column_default(struct ddl *d, const struct new_table *table, struct new_column *column,
                           const PgQuery__Constraint *con)
{
    if (column->has_default || column->is_serial)
        return ddl_fail_at(d, column->is_serial ? -1 : con->location, SQLSTATE_SYNTAX_ERROR,
                           "multiple default values specified for column \"%.*s\" of table \"%.*s\"",
                           STR_FMT(column->column.name), STR_FMT(table->name));
    column->has_default = true;
    column->default_expression.node = con->raw_expr;
    return true;
}

static bool column_identity(struct ddl *d, const struct new_table *table, struct new_column *column,
                            const PgQuery__Constraint *con)
{
    struct column *c = &column->column;
    oid_t base = snapshot_base_type(d->snapshot, c->type, NULL);
    if (c->identity)
        return ddl_fail_at(d, con->location, SQLSTATE_SYNTAX_ERROR,
                           "multiple identity specifications for column \"%.*s\" of table \"%.*s\"", STR_FMT(c->name),
                           STR_FMT(table->name));
    if (base != TYPE_OID_int2 && base != TYPE_OID_int4 && base != TYPE_OID_int8)
        return ddl_fail_at(d, -1, SQLSTATE_INVALID_PARAMETER_VALUE,
                           "identity column type must be smallint, integer, or bigint");
    c->identity = con->generated_when[0];
    column->sequence_options = con->options;
    column->n_sequence_options = con->n_options;
    return column_null(d, table, column, true, con->location);
}

static bool column_generated(struct ddl *d, const struct new_table *table, struct new_column *column,
                             const PgQuery__Constraint *con)
{
    if (column->column.generated)
        return ddl_fail_at(d, con->location, SQLSTATE_SYNTAX_ERROR,
                           "multiple generation clauses specified for column \"%.*s\" of table \"%.*s\"",
                           STR_FMT(column->column.name), STR_FMT(table->name));
    column->column.generated = 's';
    column->default_expression.node = con->raw_expr;
    return true;
}

static bool deferrable_attribute(struct ddl *d, struct new_constraint *last, const PgQuery__Constraint *con)
{
    bool deferrable = con->contype == PG_QUERY__CONSTR_TYPE__CONSTR_ATTR_DEFERRABLE,
         deferred = con->contype == PG_QUERY__CONSTR_TYPE__CONSTR_ATTR_DEFERRED;
    static const char *const words[] = { "DEFERRABLE", "NOT DEFERRABLE", "INITIALLY DEFERRED", "INITIALLY IMMEDIATE" };
    if (!last || last->constraint.kind == 'c')
        return ddl_fail_at(d, con->location, SQLSTATE_SYNTAX_ERROR, "misplaced %s clause",
                           words[con->contype - PG_QUERY__CONSTR_TYPE__CONSTR_ATTR_DEFERRABLE]);
    last->constraint.deferrable |= deferrable || deferred;
    last->constraint.deferred |= deferred;
    if (last->constraint.deferrable && last->constraint.kind != 'f')
        return ddl_refuse(d, con->location, "SQLite checks keys at once: only foreign keys can be deferred.",
                          "a deferrable unique constraint or primary key");
    return true;
}

static bool column_constraint(struct ddl *d, struct new_table *table, size_t number, const PgQuery__Constraint *con,
                              struct new_constraint **last)
{
    struct new_column *column = &table->columns[number];
    switch (con->contype) {
    case PG_QUERY__CONSTR_TYPE__CONSTR_NULL:
        return column_null(d, table, column, false, con->location);
    case PG_QUERY__CONSTR_TYPE__CONSTR_NOTNULL:
        return column_null(d, table, column, true, con->location);
    case PG_QUERY__CONSTR_TYPE__CONSTR_DEFAULT:
        return column_default(d, table, column, con);
    case PG_QUERY__CONSTR_TYPE__CONSTR_IDENTITY:
        return column_identity(d, table, column, con);
    case PG_QUERY__CONSTR_TYPE__CONSTR_GENERATED:
        return column_generated(d, table, column, con);
    case PG_QUERY__CONSTR_TYPE__CONSTR_ATTR_DEFERRABLE:
    case PG_QUERY__CONSTR_TYPE__CONSTR_ATTR_NOT_DEFERRABLE:
    case PG_QUERY__CONSTR_TYPE__CONSTR_ATTR_DEFERRED:
    case PG_QUERY__CONSTR_TYPE__CONSTR_ATTR_IMMEDIATE:
        return deferrable_attribute(d, *last, con);
    default:
        return ddl_collect_constraint(d, table, con, (int)number, last);
    }
}

/* What cannot stand together, as transformColumnDefinition says it. */
static bool check_column(struct ddl *d, const struct new_table *table, const struct new_column *column, int location)
{
    const struct column *c = &column->column;
    static const char format[] = "both %s specified for column \"%.*s\" of table \"%.*s\"";
    const char *what = NULL;
    if ((column->has_default || column->is_serial) && c->identity)
        what = "default and identity";
    else if ((column->has_default || column->is_serial) && c->generated)
        what = "default and generation expression";
    else if (c->identity && c->generated)
        what = "identity and generation expression";
    return what ? ddl_fail_at(d, location, SQLSTATE_SYNTAX_ERROR, format, what, STR_FMT(c->name), STR_FMT(table->name))
                : true;
}

/* PostgreSQL reads the type of a column's definition twice, and warns each time. */
static bool column_type(struct ddl *d, const PgQuery__ColumnDef *def, struct new_column *column)
{
    size_t before = d->plan->n_notices;
    if (!analyze_type_name(&d->analyze, def->type_name, &column->column.type, &column->column.typmod,
                           &column->is_serial))
        return false;
    for (size_t i = before, n = d->plan->n_notices; i < n; i++) {
        struct plan_notice again = d->plan->notices[i];
        if (!DDL_PUSH(d, d->plan->notices, d->plan->n_notices, again))
            return false;
    }
    return true;
}

bool ddl_collect_column(struct ddl *d, struct new_table *table, const PgQuery__ColumnDef *def)
{
    struct new_column *column = add_column(d, table, str_from(def->colname), def->location);
    if (!column || !def->type_name || !column_type(d, def, column) ||
        !ddl_collation(d, def->coll_clause, column->column.type, collation_of_type(d->snapshot, column->column.type),
                       def->coll_clause ? def->coll_clause->location : -1, &column->column.collation) ||
        !ddl_resolve_type(d, table, column))
        return false;
    size_t number = table->n_columns - 1;
    struct new_constraint *last = NULL;
    column->column.not_null = column->is_serial;
    for (size_t i = 0; i < def->n_constraints; i++) {
        const PgQuery__Constraint *con = def->constraints[i]->constraint;
        if (!column_constraint(d, table, number, con, &last) ||
            !check_column(d, table, &table->columns[number], con->location))
            return false;
    }
    return true;
}

/* ---- constraints ---- */
static bool refuse_constraint(struct ddl *d, const PgQuery__Constraint *con)
{
    if (con->contype == PG_QUERY__CONSTR_TYPE__CONSTR_EXCLUSION)
        return ddl_refuse(
            d, con->location,
            "Look for rows in conflict in the statement that writes (INSERT … SELECT … WHERE NOT EXISTS).",
            "an EXCLUDE constraint");
    if (con->nulls_not_distinct)
        return ddl_refuse(d, con->location, "In SQLite all NULLs are distinct.", "NULLS NOT DISTINCT");
    if (con->n_including)
        return ddl_refuse(d, con->location, "Leave INCLUDE out: it only saves look-ups.", "INCLUDE columns");
    if ((con->deferrable || con->initdeferred) && con->contype != PG_QUERY__CONSTR_TYPE__CONSTR_FOREIGN)
        return ddl_refuse(d, con->location, "SQLite checks keys at once: only foreign keys can be deferred.",
                          "a deferrable unique constraint or primary key");
    if (con->n_fk_del_set_cols)
        return ddl_refuse(d, con->location, "SQLite sets all columns of the key.",
                          "ON DELETE SET NULL or SET DEFAULT for some columns");
    return true;
}

static char kind_of(const PgQuery__Constraint *con)
{
    switch (con->contype) {
    case PG_QUERY__CONSTR_TYPE__CONSTR_CHECK:
        return 'c';
    case PG_QUERY__CONSTR_TYPE__CONSTR_PRIMARY:
        return 'p';
    case PG_QUERY__CONSTR_TYPE__CONSTR_UNIQUE:
        return 'u';
    default:
        return 'f';
    }
}

bool ddl_collect_constraint(struct ddl *d, struct new_table *table, const PgQuery__Constraint *con, int column,
                            struct new_constraint **ret)
{
    struct new_constraint c = {
        .node = con, .location = con->location, .column = column, .constraint = { .kind = kind_of(con) }
    };
    if (!refuse_constraint(d, con))
        return false;
    c.constraint.name = str_from(con->conname ? con->conname : "");
    c.check.node = con->raw_expr;
    c.keys = c.constraint.kind == 'f' ? con->fk_attrs : con->keys;
    c.n_keys = c.constraint.kind == 'f' ? con->n_fk_attrs : con->n_keys;
    c.constraint.deferrable = con->deferrable || con->initdeferred;
    c.constraint.deferred = con->initdeferred;
    c.constraint.match_full = con->fk_matchtype && con->fk_matchtype[0] == 'f';
    c.constraint.on_update = con->fk_upd_action && con->fk_upd_action[0] ? con->fk_upd_action[0] : 'a';
    c.constraint.on_delete = con->fk_del_action && con->fk_del_action[0] ? con->fk_del_action[0] : 'a';
    if (c.constraint.kind == 'p' && ddl_primary_key(table))
        return ddl_fail_at(d, con->location, SQLSTATE_INVALID_TABLE_DEFINITION,
                           "multiple primary keys for table \"%.*s\" are not allowed", STR_FMT(table->name));
    if (!DDL_PUSH(d, table->constraints, table->n_constraints, c))
        return false;
    if (ret)
        *ret = &table->constraints[table->n_constraints - 1];
    return true;
}

const struct new_constraint *ddl_primary_key(const struct new_table *table)
{
    for (size_t i = 0; i < table->n_constraints; i++)
        if (table->constraints[i].constraint.kind == 'p' && !table->constraints[i].dropped)
            return &table->constraints[i];
    return NULL;
}

bool ddl_table_scope(struct ddl *d, struct new_table *table)
{
    struct relation *r = &table->relation;
    r->schema = table->schema;
    r->name = table->name;
    r->sqlite_name = table->sqlite_name;
    r->kind = RELATION_TABLE;
    r->n_columns = table->n_columns;
    r->columns = DDL_ARRAY(d, struct column, table->n_columns);
    for (size_t i = 0; r->columns && i < table->n_columns; i++)
        r->columns[i] = table->columns[i].column;
    return r->columns != NULL;
}

/* ---- keys ---- */
bool ddl_check_key_type(struct ddl *d, const struct column *column, const char *what)
{
    int32_t typmod = column->typmod;
    oid_t base = snapshot_base_type(d->snapshot, column->type, &typmod);
    if ((base != TYPE_OID_numeric || typmod >= 0) && base != TYPE_OID_interval && base != TYPE_OID_timetz)
        return true;
    return ddl_refuse(d, -1, base == TYPE_OID_numeric ? "Give the column a precision and scale." : NULL,
                      "%s over column \"%.*s\" of type %.*s, whose equal values have several texts", what,
                      STR_FMT(column->name), STR_FMT(snapshot_format_type(d->snapshot, column->type, -1, d->arena)));
}

enum { FOREIGN_KEYS_MAX = 32 };

static bool too_many_keys(struct ddl *d)
{
    return ddl_fail_at(d, -1, SQLSTATE_TOO_MANY_COLUMNS, "cannot have more than %d keys in a foreign key",
                       FOREIGN_KEYS_MAX);
}

static bool system_column_in_key(struct ddl *d)
{
    return ddl_fail_at(d, -1, SQLSTATE_FEATURE_NOT_SUPPORTED, "system columns cannot be used in foreign keys");
}

static bool key_columns(struct ddl *d, struct new_table *table, struct new_constraint *c)
{
    bool primary = c->constraint.kind == 'p', foreign = c->constraint.kind == 'f';
    c->constraint.n_columns = c->n_keys ? c->n_keys : 1;
    c->constraint.columns = DDL_ARRAY(d, int16_t, c->constraint.n_columns);
    if (!c->constraint.columns)
        return false;
    if (c->n_keys == 0)
        c->constraint.columns[0] = (int16_t)(c->column + 1);
    for (size_t i = 0; i < c->n_keys; i++) {
        struct str name = ddl_string(c->keys[i]);
        const struct new_column *column = ddl_find_column(table, name);
        if (!column && foreign && is_system_column(name))
            return system_column_in_key(d);
        if (!column && foreign)
            return ddl_fail_at(d, -1, SQLSTATE_UNDEFINED_COLUMN,
                               "column \"%.*s\" referenced in foreign key constraint does not exist", STR_FMT(name));
        if (!column && primary && table->old) /* it is made NOT NULL first */
            return ddl_fail_at(d, -1, SQLSTATE_UNDEFINED_COLUMN, "column \"%.*s\" of relation \"%.*s\" does not exist",
                               STR_FMT(name), STR_FMT(table->name));
        if (!column)
            return ddl_fail_at(d, c->location, SQLSTATE_UNDEFINED_COLUMN, "column \"%.*s\" named in key does not exist",
                               STR_FMT(name));
        if (foreign && i == FOREIGN_KEYS_MAX)
            return too_many_keys(d);
        for (size_t k = 0; k < i && !foreign; k++) /* one column may refer to several */
            if (c->constraint.columns[k] == column->column.number)
                return ddl_fail_at(d, c->location, SQLSTATE_DUPLICATE_COLUMN,
                                   "column \"%.*s\" appears twice in %s constraint", STR_FMT(name),
                                   primary ? "primary key" : "unique");
        c->constraint.columns[i] = column->column.number;
    }
    for (size_t i = 0; i < c->constraint.n_columns && !foreign; i++) {
        struct new_column *column = &table->columns[c->constraint.columns[i] - 1];
        if (primary && column->null_given)
            return ddl_fail_at(d, c->location, SQLSTATE_SYNTAX_ERROR,
                               "conflicting NULL/NOT NULL declarations for column \"%.*s\" of table \"%.*s\"",
                               STR_FMT(column->column.name), STR_FMT(table->name));
        if (primary && column->column.generated)
            return ddl_refuse(d, c->location, "SQLite allows no generated column in a primary key.",
                              "a generated column in a primary key");
        column->column.not_null |= primary;
        if (!ddl_check_key_type(d, &column->column, primary ? "a primary key" : "a unique constraint"))
            return false;
    }
    return true;
}

/* ---- foreign keys ---- */
/* The other table as far as keys go: of the snapshot, or the one being made. */
struct foreign_table {
    const struct relation *relation; /* its columns */
    const struct new_table *self;
};

static bool same_set(const int16_t *a, size_t n_a, const int16_t *b, size_t n_b)
{
    if (n_a != n_b)
        return false;
    for (size_t i = 0; i < n_a; i++) {
        bool found = false;
        for (size_t k = 0; k < n_b; k++)
            found |= a[i] == b[k];
        if (!found)
            return false;
    }
    return true;
}

static bool is_of_constraint(const struct relation *r, const struct index *index)
{
    for (size_t i = 0; i < r->n_constraints; i++)
        if (str_eq(r->constraints[i].name, index->name))
            return true;
    return false;
}

/* A unique index by itself, of the table as it was, over the same columns. */
static bool old_index_is_unique(const struct new_table *self, const struct index *index, const struct constraint *c)
{
    if (!index->unique || index->predicate.n || index->n_columns != c->n_columns || is_of_constraint(self->old, index))
        return false;
    for (size_t i = 0; i < c->n_columns; i++) {
        const struct column *old = self->columns[c->foreign_columns[i] - 1].old;
        bool found = false;
        for (size_t k = 0; old && k < index->n_columns; k++)
            found |= index->columns[k].column == old->number;
        if (!found)
            return false;
    }
    return true;
}

static bool self_is_unique(const struct new_table *self, const struct constraint *c)
{
    for (size_t i = 0; self->old && i < self->old->n_indexes; i++)
        if (old_index_is_unique(self, &self->old->indexes[i], c))
            return true;
    for (size_t i = 0; i < self->n_constraints; i++) {
        const struct constraint *key = &self->constraints[i].constraint;
        if (!self->constraints[i].dropped && (key->kind == 'p' || key->kind == 'u') &&
            same_set(key->columns, key->n_columns, c->foreign_columns, c->n_columns))
            return true;
    }
    return false;
}

static bool other_is_unique(struct ddl *d, const struct relation *other, const struct constraint *c)
{
    for (size_t i = 0; i < other->n_indexes; i++) {
        const struct index *index = &other->indexes[i];
        int16_t *columns = DDL_ARRAY(d, int16_t, index->n_columns);
        bool plain = columns && index->unique && !index->predicate.n;
        for (size_t k = 0; plain && k < index->n_columns; k++) {
            columns[k] = index->columns[k].column;
            plain &= columns[k] > 0;
        }
        if (plain && same_set(columns, index->n_columns, c->foreign_columns, c->n_columns))
            return true;
    }
    return false;
}

static bool default_foreign_columns(struct ddl *d, const struct foreign_table *f, struct constraint *c)
{
    const struct constraint *primary = NULL;
    if (f->self) {
        const struct new_constraint *own = ddl_primary_key(f->self);
        primary = own ? &own->constraint : NULL;
    }
    for (size_t i = 0; !f->self && i < f->relation->n_constraints; i++)
        if (f->relation->constraints[i].kind == 'p')
            primary = &f->relation->constraints[i];
    if (!primary)
        return ddl_fail_at(d, -1, SQLSTATE_UNDEFINED_OBJECT, "there is no primary key for referenced table \"%.*s\"",
                           STR_FMT(f->relation->name));
    c->foreign_columns = primary->columns;
    c->n_columns = primary->n_columns;
    return true;
}

/* The columns that REFERENCES names: some unique key's, each once. */
static bool named_foreign_columns(struct ddl *d, const struct foreign_table *f, const PgQuery__Constraint *con,
                                  struct constraint *key)
{
    key->n_columns = con->n_pk_attrs;
    key->foreign_columns = DDL_ARRAY(d, int16_t, key->n_columns);
    for (size_t i = 0; key->foreign_columns && i < key->n_columns; i++) {
        struct str name = ddl_string(con->pk_attrs[i]);
        const struct column *column = relation_column(f->relation, name);
        if (!column && is_system_column(name))
            return system_column_in_key(d);
        if (!column)
            return ddl_fail_at(d, -1, SQLSTATE_UNDEFINED_COLUMN,
                               "column \"%.*s\" referenced in foreign key constraint does not exist", STR_FMT(name));
        if (i == FOREIGN_KEYS_MAX)
            return too_many_keys(d);
        key->foreign_columns[i] = column->number;
    }
    for (size_t i = 0; key->foreign_columns && i < key->n_columns; i++)
        for (size_t k = 0; k < i; k++)
            if (key->foreign_columns[k] == key->foreign_columns[i])
                return ddl_fail_at(d, -1, SQLSTATE_INVALID_FOREIGN_KEY,
                                   "foreign key referenced-columns list must not contain duplicates");
    if (!key->foreign_columns)
        return false;
    if (f->self ? self_is_unique(f->self, key) : other_is_unique(d, f->relation, key))
        return true;
    return ddl_fail_at(d, -1, SQLSTATE_INVALID_FOREIGN_KEY,
                       "there is no unique constraint matching given keys for referenced table \"%.*s\"",
                       STR_FMT(f->relation->name));
}

static bool foreign_columns(struct ddl *d, const struct foreign_table *f, const PgQuery__Constraint *con,
                            struct constraint *c)
{
    struct constraint key = *c;
    if (con->n_pk_attrs ? !named_foreign_columns(d, f, con, &key) : !default_foreign_columns(d, f, &key))
        return false;
    if (key.n_columns != c->n_columns)
        return ddl_fail_at(d, -1, SQLSTATE_INVALID_FOREIGN_KEY,
                           "number of referencing and referenced columns for foreign key disagree");
    c->foreign_columns = key.foreign_columns;
    return true;
}

static oid_t type_under_domains(const struct ddl *d, oid_t type)
{
    const struct user_type *user;
    while ((user = snapshot_user_type(d->snapshot, type)) != NULL && user->kind == 'd' && user->oid == type)
        type = user->base;
    return type;
}

static bool is_integer(oid_t type)
{
    return type == TYPE_OID_int2 || type == TYPE_OID_int4 || type == TYPE_OID_int8;
}

static bool is_float(oid_t type)
{
    return type == TYPE_OID_float4 || type == TYPE_OID_float8;
}

/* PostgreSQL needs an equality operator between the two: of one type, one family, or an implicit cast to the referenced type. */
static bool comparable(struct ddl *d, oid_t from, oid_t to)
{
    oid_t of_domain = type_under_domains(d, from), to_domain = type_under_domains(d, to);
    if (snapshot_user_type(d->snapshot, of_domain) || snapshot_user_type(d->snapshot, to_domain)) /* an enum */
        return of_domain == to_domain;
    from = of_domain;
    to = to_domain;
    const struct pg_cast *cast = pg_cast_find(from, to), *back = pg_cast_find(to, from);
    return from == to || (is_integer(from) && is_integer(to)) || (is_float(from) && is_float(to)) ||
           (cast && cast->context == 'i') || (back && back->context == 'i' && back->method == 'b');
}

bool ddl_check_foreign_types(struct ddl *d, struct str name, const struct column *from, const struct column *to)
{
    if (comparable(d, from->type, to->type))
        return true;
    struct str from_type = snapshot_format_type(d->snapshot, from->type, -1, d->arena),
               to_type = snapshot_format_type(d->snapshot, to->type, -1, d->arena);
    ddl_fail_at(d, -1, SQLSTATE_DATATYPE_MISMATCH, "foreign key constraint \"%.*s\" cannot be implemented",
                STR_FMT(name));
    return err_detail(d->err, "Key columns \"%.*s\" and \"%.*s\" are of incompatible types: %.*s and %.*s.",
                      STR_FMT(from->name), STR_FMT(to->name), STR_FMT(from_type), STR_FMT(to_type));
}

static bool check_foreign_types(struct ddl *d, const struct new_table *table, const struct foreign_table *f,
                                const struct constraint *c)
{
    for (size_t i = 0; i < c->n_columns; i++)
        if (!ddl_check_foreign_types(d, c->name, &table->columns[c->columns[i] - 1].column,
                                     &f->relation->columns[c->foreign_columns[i] - 1]))
            return false;
    return true;
}

/* Whether REFERENCES means the table it stands in, which the search path finds as if it were made: another one may come before it. */
static bool refers_to_itself(const struct ddl *d, const struct new_table *table, struct str schema, struct str target)
{
    if (!str_eq(target, table->name) || schema.n)
        return str_eq(target, table->name) && str_eq(schema, table->schema);
    const struct relation *found =
        snapshot_relation(d->snapshot, d->settings->search_path, d->settings->n_search_path, schema, target);
    if (ddl_is_temporary_schema(table->schema)) /* before all others */
        return true;
    for (size_t i = 0; i < d->settings->n_search_path; i++) {
        if (str_eq(d->settings->search_path[i], table->schema))
            return true;
        if (found && str_eq(d->settings->search_path[i], found->schema))
            return false;
    }
    return false;
}

static bool resolve_foreign(struct ddl *d, struct new_table *table, struct new_constraint *c)
{
    const PgQuery__RangeVar *name = c->node->pktable;
    struct str schema = str_from(name->schemaname), target = str_from(name->relname);
    struct foreign_table f = { 0 };
    if (refers_to_itself(d, table, schema, target)) {
        f = (struct foreign_table){ &table->relation, table };
    } else if (!ddl_relation(d, name, false, &f.relation)) {
        return false;
    } else if (f.relation->kind != RELATION_TABLE) {
        return ddl_fail_at(d, -1, SQLSTATE_WRONG_OBJECT_TYPE, "referenced relation \"%.*s\" is not a table",
                           STR_FMT(target));
    }
    if (c->constraint.match_full && c->constraint.n_columns > 1)
        return ddl_refuse(d, c->location, "SQLite knows MATCH SIMPLE only.", "MATCH FULL over several columns");
    if (!ddl_check_foreign_tables(d, f.self ? NULL : f.relation, c->constraint.deferrable))
        return false;
    c->constraint.foreign_schema = f.relation->schema;
    c->constraint.foreign_table = f.relation->name;
    c->foreign = f.self ? NULL : f.relation;
    if (c->foreign && !ddl_may_reference(d, table->unlogged, c->foreign))
        return false;
    return foreign_columns(d, &f, c->node, &c->constraint) && check_foreign_types(d, table, &f, &c->constraint);
}

/* ---- names ---- */
static struct str column_names(struct ddl *d, const struct new_table *table, const struct constraint *c)
{
    struct str *names = DDL_ARRAY(d, struct str, c->n_columns);
    for (size_t i = 0; names && i < c->n_columns; i++)
        names[i] = table->columns[c->columns[i] - 1].column.name;
    return names ? name_join_columns(names, c->n_columns, d->arena) : (struct str){ 0 };
}

struct constraint_naming {
    const struct ddl *d;
    const struct new_table *table;
    bool is_key; /* its index is a relation: no other may have the name */
};

/* ChooseConstraintName and ChooseIndexName look through the whole schema, and what this statement has named before. */
static bool constraint_taken(void *ctx, struct str name)
{
    const struct constraint_naming *naming = ctx;
    if (naming->is_key && ddl_relation_taken(naming->d, naming->table->schema, name))
        return true;
    for (size_t i = 0; i < naming->table->n_constraints; i++)
        if (naming->table->constraints[i].is_named && !naming->table->constraints[i].dropped &&
            str_eq(naming->table->constraints[i].constraint.name, name))
            return true;
    for (size_t i = 0; i < naming->d->snapshot->n_relations; i++) {
        const struct relation *r = &naming->d->snapshot->relations[i];
        for (size_t k = 0; k < r->n_constraints && r != naming->table->old && str_eq(r->schema, naming->table->schema);
             k++)
            if (str_eq(r->constraints[k].name, name))
                return true;
    }
    return false;
}

static bool is_key(const struct new_constraint *c)
{
    return c->constraint.kind == 'p' || c->constraint.kind == 'u';
}

static bool check_given_name(struct ddl *d, const struct new_table *table, const struct new_constraint *c)
{
    struct str name = c->constraint.name;
    if (is_key(c) && (ddl_relation_taken(d, table->schema, name) || str_eq(name, table->name)))
        return ddl_fail_at(d, -1, SQLSTATE_DUPLICATE_TABLE, "relation \"%.*s\" already exists", STR_FMT(name));
    for (size_t i = 0; i < table->n_constraints; i++) {
        const struct new_constraint *other = &table->constraints[i];
        if (other == c || other->dropped || !other->is_named || !str_eq(other->constraint.name, name))
            continue;
        if (c->constraint.kind == 'c' && other->constraint.kind == 'c' && !table->old)
            return ddl_fail_at(d, -1, SQLSTATE_DUPLICATE_OBJECT, "check constraint \"%.*s\" already exists",
                               STR_FMT(name));
        return ddl_fail_at(d, -1, SQLSTATE_DUPLICATE_OBJECT, "constraint \"%.*s\" for relation \"%.*s\" already exists",
                           STR_FMT(name), STR_FMT(table->name));
    }
    return true;
}

static bool name_constraint(struct ddl *d, struct new_table *table, struct new_constraint *c, struct str column)
{
    struct constraint_naming naming = { d, table, is_key(c) };
    bool is_given = c->constraint.name.n > 0;
    if (is_given && !check_given_name(d, table, c))
        return false;
    const char *label = c->constraint.kind == 'p'   ? "pkey"
                        : c->constraint.kind == 'u' ? "key"
                        : c->constraint.kind == 'f' ? "fkey"
                                                    : "check";
    struct str second = c->constraint.kind == 'p'                ? STR("")
                        : is_key(c) || c->constraint.kind == 'f' ? column_names(d, table, &c->constraint)
                                                                 : column;
    if (!is_given)
        c->constraint.name = name_choose(table->name, second, label, constraint_taken, &naming, d->arena);
    if (!c->constraint.name.p)
        return err_oom(d->err);
    c->is_named = true;
    return !is_key(c) || DDL_PUSH(d, d->pending, d->n_pending, c->constraint.name);
}

/* ---- checks ---- */
static bool resolve_check(struct ddl *d, struct new_table *table, struct new_constraint *c)
{
    struct ddl_printed printed;
    c->check.relation = &table->relation;
    c->check.what = "CHECK constraint";
    c->check.type = TYPE_OID_bool;
    c->check.typmod = -1;
    if (!ddl_print(d, &c->check, false, &printed))
        return false;
    c->constraint.expression = printed.postgres;
    c->sqlite_check = printed.sqlite;
    return name_constraint(d, table, c, ddl_only_column(printed.expr, printed.scope));
}

bool ddl_resolve_constraint(struct ddl *d, struct new_table *table, struct new_constraint *c)
{
    if (c->constraint.kind == 'c')
        return resolve_check(d, table, c);
    if (!key_columns(d, table, c))
        return false;
    if (c->constraint.kind != 'f')
        return name_constraint(d, table, c, STR(""));
    return name_constraint(d, table, c, STR("")) && resolve_foreign(d, table, c);
}

Node **ddl_name_nodes(struct ddl *d, const struct str *names, size_t n)
{
    Node **nodes = DDL_ARRAY(d, Node *, n);
    for (size_t i = 0; nodes && i < n; i++) {
        PgQuery__String *string = DDL_ARRAY(d, PgQuery__String, 1);
        nodes[i] = DDL_ARRAY(d, Node, 1);
        if (!string || !nodes[i] || !(string->sval = arena_cstr(d->arena, names[i])))
            return NULL;
        nodes[i]->node_case = PG_QUERY__NODE__NODE_STRING;
        nodes[i]->string = string;
    }
    return nodes;
}

/* ---- LIKE ---- */
enum like_option {
    LIKE_COMMENTS = 1,
    LIKE_CONSTRAINTS = 4,
    LIKE_DEFAULTS = 8,
    LIKE_GENERATED = 16,
    LIKE_IDENTITY = 32,
    LIKE_INDEXES = 64
};

static bool like_column(struct ddl *d, struct new_table *table, const struct relation *from, const struct column *c,
                        unsigned options)
{
    struct new_column *column = add_column(d, table, c->name, -1);
    if (!column)
        return false;
    column->column.type = c->type;
    column->column.typmod = c->typmod;
    column->column.collation = c->collation;
    column->column.not_null = c->not_null;
    if (options & LIKE_COMMENTS && from->column_comments)
        column->comment = from->column_comments[c->number - 1];
    if (c->generated && options & LIKE_GENERATED) {
        column->column.generated = 's';
        column->default_expression.source = c->default_text;
    } else if (!c->generated && c->default_text.n && options & LIKE_DEFAULTS) {
        if (c->default_is_foreign)
            return ddl_refuse(d, -1, NULL, "LIKE … INCLUDING DEFAULTS of a default in D1's own words");
        if (c->sequence.n && c->sequence_is_rowid)
            return ddl_refuse(d, -1, "Say serial for the new column.",
                              "LIKE … INCLUDING DEFAULTS of a serial primary key");
        column->has_default = true;
        column->default_expression.source = c->default_text;
    }
    if (c->identity && options & LIKE_IDENTITY)
        column->column.identity = c->identity;
    return ddl_resolve_type(d, table, column);
}

static struct str comment_of_index(const struct relation *r, struct str name)
{
    for (size_t i = 0; i < r->n_indexes; i++)
        if (str_eq(r->indexes[i].name, name))
            return r->indexes[i].comment;
    return STR("");
}

static bool like_constraints(struct ddl *d, struct new_table *table, const struct relation *from, size_t first,
                             unsigned options)
{
    for (size_t i = 0; i < from->n_constraints; i++) {
        const struct constraint *old = &from->constraints[i];
        bool key = old->kind == 'p' || old->kind == 'u';
        if (!(old->kind == 'c' && options & LIKE_CONSTRAINTS) && !(key && options & LIKE_INDEXES))
            continue;
        struct new_constraint c = { .location = -1, .column = -1, .constraint = { .kind = old->kind } };
        if (old->kind == 'c') {
            c.constraint.name = old->name;
            c.check.source = old->expression;
        }
        c.n_keys = key ? old->n_columns : 0;
        if (key && options & LIKE_COMMENTS)
            c.index_comment = comment_of_index(from, old->name);
        struct str *names = DDL_ARRAY(d, struct str, c.n_keys);
        for (size_t k = 0; names && k < c.n_keys; k++)
            names[k] = table->columns[first + (size_t)old->columns[k] - 1].column.name;
        c.keys = names ? ddl_name_nodes(d, names, c.n_keys) : NULL;
        if (!c.keys || !DDL_PUSH(d, table->constraints, table->n_constraints, c))
            return false;
    }
    return true;
}

static bool collect_like(struct ddl *d, struct new_table *table, const PgQuery__TableLikeClause *like)
{
    const struct relation *from;
    size_t first = table->n_columns;
    if (!analyze_relation_name(&d->analyze, like->relation, false, &from))
        return false;
    if (from->kind == RELATION_SEQUENCE) {
        ddl_fail_at(d, like->relation->location, SQLSTATE_WRONG_OBJECT_TYPE,
                    "relation \"%.*s\" is invalid in LIKE clause", STR_FMT(from->name));
        return err_detail(d->err, "This operation is not supported for sequences.");
    }
    for (size_t i = 0; i < from->n_columns; i++)
        if (!like_column(d, table, from, &from->columns[i], like->options))
            return false;
    for (size_t i = 0; i < from->n_indexes && like->options & LIKE_INDEXES; i++) {
        const struct index *index = &from->indexes[i];
        bool of_constraint = false;
        for (size_t k = 0; k < from->n_constraints; k++)
            of_constraint |= str_eq(from->constraints[k].name, index->name);
        struct new_index copy = { from, index, like->options & LIKE_COMMENTS ? index->comment : STR("") };
        if (!of_constraint && !DDL_PUSH(d, table->indexes, table->n_indexes, copy))
            return false;
    }
    return like_constraints(d, table, from, first, like->options);
}

/* ---- the statement ---- */
static bool refuse_options(struct ddl *d, const PgQuery__CreateStmt *stmt)
{
    int location = stmt->relation->location;
    if (stmt->n_inh_relations && !stmt->partbound)
        return ddl_refuse(d, location, "Give the table its own columns (LIKE), and show both by a view with UNION ALL.",
                          "INHERITS");
    if (stmt->partspec || stmt->partbound)
        return ddl_refuse(d, location, "D1 has no partitions: use one table.", "a partitioned table");
    if (stmt->of_typename)
        return ddl_refuse(d, location, NULL, "CREATE TABLE OF a composite type");
    if (stmt->tablespacename && stmt->tablespacename[0] && strcmp(stmt->tablespacename, "pg_default") != 0)
        return ddl_refuse(d, location, NULL, "TABLESPACE");
    if (stmt->access_method && stmt->access_method[0] && strcmp(stmt->access_method, "heap") != 0)
        return ddl_fail_at(d, location, SQLSTATE_UNDEFINED_OBJECT, "access method \"%s\" does not exist",
                           stmt->access_method);
    return ddl_check_storage_options(d, stmt->options, stmt->n_options, true);
}

static bool collect(struct ddl *d, struct new_table *table, const PgQuery__CreateStmt *stmt)
{
    for (size_t i = 0; i < stmt->n_table_elts; i++) {
        const Node *element = stmt->table_elts[i];
        bool ok = element->node_case == PG_QUERY__NODE__NODE_COLUMN_DEF
                      ? ddl_collect_column(d, table, element->column_def)
                  : element->node_case == PG_QUERY__NODE__NODE_CONSTRAINT
                      ? ddl_collect_constraint(d, table, element->constraint, -1, NULL)
                      : collect_like(d, table, element->table_like_clause);
        if (!ok)
            return false;
    }
    for (size_t i = 0; i < stmt->n_constraints; i++)
        if (!ddl_collect_constraint(d, table, stmt->constraints[i]->constraint, -1, NULL))
            return false;
    return true;
}

/* Sequences of serial and identity columns get their names before any key does, as in PostgreSQL. */
static bool name_sequences(struct ddl *d, struct new_table *table)
{
    for (size_t i = 0; i < table->n_columns; i++) {
        struct new_column *column = &table->columns[i];
        if (!column->is_serial && !column->column.identity)
            continue;
        if (!ddl_name_sequence(d, table, column))
            return false;
    }
    return true;
}

struct generated_use {
    const struct query *scope;
    const struct new_table *table;
    const struct new_column *found;
    int location;
};

static bool note_generated(struct expr *e, void *ctx)
{
    struct generated_use *use = ctx;
    if (e->kind != EXPR_VAR)
        return true;
    const struct new_column *column = ddl_find_column(use->table, use->scope->rtable[0].columns[e->var.column].name);
    if (column && column->column.generated && !use->found) {
        use->found = column;
        use->location = e->location;
    }
    return true;
}

bool ddl_check_generated(struct ddl *d, const struct new_table *table, const struct ddl_printed *printed)
{
    struct generated_use use = { .scope = printed->scope, .table = table };
    expr_walk(printed->expr, note_generated, &use);
    if (!use.found)
        return true;
    ddl_fail_at(d, use.location, SQLSTATE_INVALID_OBJECT_DEFINITION,
                "cannot use generated column \"%.*s\" in column generation expression",
                STR_FMT(use.found->column.name));
    return err_detail(d->err, "A generated column cannot reference another generated column.");
}

static bool resolve_columns(struct ddl *d, struct new_table *table)
{
    for (size_t i = 0; i < table->n_columns; i++) {
        struct new_column *column = &table->columns[i];
        struct ddl_expression *e = &column->default_expression;
        e->type = column->column.type;
        e->typmod = column->column.typmod;
        e->what = arena_cstr(d->arena, ddl_printf(d, "column \"%.*s\"", STR_FMT(column->column.name)));
        if (column->has_default && !ddl_resolve_default(d, table, column))
            return false;
        if (!column->column.generated)
            continue;
        struct ddl_printed printed;
        e->relation = &table->relation;
        if (!ddl_print(d, e, false, &printed) || !ddl_check_generated(d, table, &printed))
            return false;
        column->column.default_text = printed.postgres;
        column->sqlite_generated = printed.sqlite;
    }
    return true;
}

/* Name of key column i of a constraint that is not resolved yet. */
static struct str key_name(const struct new_table *table, const struct new_constraint *c, size_t i)
{
    return c->n_keys ? ddl_string(c->keys[i]) : table->columns[c->column].column.name;
}

static bool same_key(const struct new_table *table, const struct new_constraint *a, const struct new_constraint *b)
{
    size_t n = a->n_keys ? a->n_keys : 1;
    if (n != (b->n_keys ? b->n_keys : 1))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!str_eq(key_name(table, a, i), key_name(table, b, i)))
            return false;
    return true;
}

/* PostgreSQL makes one index of keys over the same columns: the primary key, else the first, stays and takes a name that it has not
 * (transformIndexConstraints). */
static void merge_repeated_keys(struct new_table *table)
{
    struct new_constraint *all = table->constraints;
    size_t n = 0;
    for (size_t i = 0; i < table->n_constraints; i++) {
        struct new_constraint *stays = NULL;
        for (size_t k = 0; k < table->n_constraints && is_key(&all[i]) && !stays; k++) {
            bool goes_first = all[k].constraint.kind == 'p' || (k < n && all[i].constraint.kind == 'u');
            if (k != i && is_key(&all[k]) && goes_first && same_key(table, &all[k], &all[i]))
                stays = &all[k];
        }
        if (stays && !stays->constraint.name.n)
            stays->constraint.name = all[i].constraint.name;
        if (!stays)
            all[n++] = all[i];
    }
    table->n_constraints = n;
}

/* Checks first, then the primary key, unique keys, foreign keys: the order in which PostgreSQL names them. */
static bool resolve_constraints(struct ddl *d, struct new_table *table)
{
    static const char order[] = "cpuf";
    merge_repeated_keys(table);
    for (const char *kind = order; *kind; kind++)
        for (size_t i = 0; i < table->n_constraints; i++)
            if (table->constraints[i].constraint.kind == *kind &&
                !ddl_resolve_constraint(d, table, &table->constraints[i]))
                return false;
    return true;
}

bool ddl_create_table(struct ddl *d, const PgQuery__CreateStmt *stmt)
{
    struct new_table table = { .name = str_from(stmt->relation->relname) };
    int location = stmt->relation->location;
    bool exists;
    d->plan->tag = "CREATE TABLE";
    if (!ddl_creation_schema(d, str_from(stmt->relation->schemaname), location, &table.schema) ||
        !ddl_new_relation_name(d, table.schema, table.name, -1, stmt->if_not_exists, &exists))
        return false;
    if (exists)
        return ddl_nothing(d, "CREATE TABLE");
    table.sqlite_name = ddl_sqlite_name(d, table.schema, table.name);
    table.unlogged = ddl_is_unlogged(stmt->relation);
    if (!refuse_options(d, stmt) || !collect(d, &table, stmt))
        return false;
    if (table.n_columns == 0)
        return ddl_refuse(d, location, "SQLite needs at least one column.", "a table without columns");
    return name_sequences(d, &table) && ddl_table_scope(d, &table) && resolve_columns(d, &table) &&
           resolve_constraints(d, &table) && ddl_settle_key_defaults(d, &table) && ddl_emit_table(d, &table) &&
           ddl_on_commit(d, stmt->oncommit, table.name) && ddl_unlogged_side(d, stmt->relation, "table", table.schema);
}
