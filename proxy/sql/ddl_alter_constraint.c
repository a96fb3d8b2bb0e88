/* ddl_alter_constraint.c - ADD, ALTER and DROP CONSTRAINT; see ddl_alter.h. */
#include "proxy/sql/ddl_alter.h"

#include "proxy/catalog/names.h"
#include "proxy/sql/emit.h"
#include "proxy/sql/key_check.h"

/* ---- ADD ---- */
static bool add_key(struct alter *a, struct new_constraint *c, const bool *was_null)
{
    c->is_index = true;
    for (size_t i = 0; i < c->constraint.n_columns && c->constraint.kind == 'p'; i++)
        if (was_null[c->constraint.columns[i] - 1])
            a->now->rebuild = true; /* NOT NULL comes with it */
    if (c->constraint.kind == 'p' && a->now->rebuild)
        c->is_index = false;
    return true;
}

static bool same_set(const int16_t *a, size_t n_a, const int16_t *b, size_t n_b)
{
    size_t same = 0;
    for (size_t i = 0; i < n_a; i++)
        for (size_t k = 0; k < n_b; k++)
            same += a[i] == b[k];
    return n_a == n_b && same == n_a;
}

static bool is_own_target(const struct alter *a, const struct new_constraint *unique)
{
    for (size_t i = 0; i < a->now->n_constraints; i++) {
        const struct new_constraint *c = &a->now->constraints[i];
        if (c->constraint.kind == 'f' && !c->dropped && !c->foreign &&
            same_set(c->constraint.foreign_columns, c->constraint.n_columns, unique->constraint.columns,
                     unique->constraint.n_columns))
            return true;
    }
    return false;
}

void ddl_settle_keys(struct alter *a)
{
    for (size_t i = 0; i < a->now->n_constraints && a->now->rebuild; i++) {
        struct new_constraint *c = &a->now->constraints[i];
        if (c->added && !c->dropped && (c->constraint.kind == 'u' || c->constraint.kind == 'p') && is_own_target(a, c))
            c->is_index = false;
    }
}

/* ---- ADD … USING INDEX: the index goes, a key over its columns comes in its place ---- */
static bool check_used_index(struct ddl *d, const struct alter *a, const PgQuery__Constraint *con,
                             const struct index *index)
{
    if (!index)
        return ddl_fail_at(d, con->location, SQLSTATE_UNDEFINED_OBJECT, "index \"%s\" does not exist", con->indexname);
    for (size_t i = 0; i < a->table->n_constraints; i++)
        if (str_eq(a->table->constraints[i].name, index->name))
            return ddl_fail_at(d, con->location, SQLSTATE_OBJECT_NOT_IN_PREREQUISITE_STATE,
                               "index \"%s\" is already associated with a constraint", con->indexname);
    const char *what = NULL;
    for (size_t i = 0; i < index->n_columns; i++)
        what = !index->columns[i].column ? "contains expressions" : what;
    if (!index->unique || index->predicate.n || what) {
        ddl_fail_at(d, con->location, SQLSTATE_WRONG_OBJECT_TYPE,
                    !index->unique ? "\"%s\" is not a unique index"
                    : what         ? "index \"%s\" contains expressions"
                                   : "\"%s\" is a partial index",
                    con->indexname);
        return err_detail(d->err, "Cannot create a primary key or unique constraint using such an index.");
    }
    for (size_t i = 0; i < index->n_columns; i++)
        if (index->columns[i].descending || index->columns[i].nulls_first || index->columns[i].opclass.n) {
            ddl_fail_at(d, con->location, SQLSTATE_WRONG_OBJECT_TYPE,
                        "index \"%s\" column number %zu does not have default sorting behavior", con->indexname, i + 1);
            return err_detail(d->err, "Cannot create a primary key or unique constraint using such an index.");
        }
    if (index->n_included)
        return ddl_refuse(d, con->location, "Leave INCLUDE out of the index.",
                          "a constraint USING INDEX with INCLUDE columns");
    return true;
}

static bool take_index(struct ddl *d, struct alter *a, const PgQuery__Constraint *con, PgQuery__Constraint *ret)
{
    const struct index *index = NULL;
    for (size_t i = 0; i < a->table->n_indexes; i++)
        if (str_is(a->table->indexes[i].name, con->indexname))
            index = &a->table->indexes[i];
    if (!check_used_index(d, a, con, index))
        return false;
    struct str *names = DDL_ARRAY(d, struct str, index->n_columns);
    for (size_t i = 0; names && i < index->n_columns; i++)
        names[i] = a->table->columns[index->columns[i].column - 1].name;
    *ret = *con;
    ret->keys = names ? ddl_name_nodes(d, names, index->n_columns) : NULL;
    ret->n_keys = index->n_columns;
    if (!con->conname || !con->conname[0])
        ret->conname = con->indexname;
    else if (strcmp(con->conname, con->indexname) != 0)
        ddl_notice(d, SQLSTATE_SUCCESSFUL_COMPLETION,
                   "ALTER TABLE / ADD CONSTRAINT USING INDEX will rename index \"%s\" to \"%s\"", con->indexname,
                   con->conname);
    return ret->keys && DDL_PUSH(d, a->now->gone, a->now->n_gone, index) &&
           DDL_PUSH(d, d->released, d->n_released, index->name);
}

bool ddl_add_constraint(struct ddl *d, struct alter *a, const Command *command)
{
    struct new_constraint *c;
    const PgQuery__Constraint *con = command->def->constraint;
    PgQuery__Constraint *own = DDL_ARRAY(d, PgQuery__Constraint, 1);
    if (!own)
        return false;
    *own = *con;
    if (con->indexname && con->indexname[0] && con->contype != PG_QUERY__CONSTR_TYPE__CONSTR_FOREIGN &&
        !take_index(d, a, con, own))
        return false;
    own->location = -1; /* where a constraint of ALTER TABLE stands is not told */
    con = own;
    if (!ddl_collect_constraint(d, a->now, con, -1, &c))
        return false;
    bool *was_null = DDL_ARRAY(d, bool, a->now->n_columns);
    for (size_t i = 0; was_null && i < a->now->n_columns; i++)
        was_null[i] = !a->now->columns[i].column.not_null;
    if (!was_null || !ddl_table_scope(d, a->now) || !ddl_resolve_constraint(d, a->now, c))
        return false;
    c->added = true;
    if (c->constraint.kind == 'p' || c->constraint.kind == 'u')
        return add_key(a, c, was_null);
    c->constraint.not_valid = con->skip_validation;
    a->now->rebuild = true;
    return true;
}

/* ---- what old rows must be, said before they are copied ---- */
/* The rows as they will be: the table, or a query over it when values change. */
static struct str new_rows(struct ddl *d, const struct alter *a)
{
    struct str table = ddl_quote(d, a->table->sqlite_name), list = STR("");
    bool changed = false;
    for (size_t i = 0; i < a->now->n_columns; i++) {
        const struct new_column *column = &a->now->columns[i];
        if (column->dropped || (!column->old && column->column.generated))
            continue;
        struct str name = ddl_quote(d, column->column.name);
        struct str value = str_starts(column->value, STR("CURRENT_")) ? STR("'now'") : column->value;
        changed |= value.n > 0;
        list = ddl_printf(d, "%.*s%s%.*s%s%.*s", STR_FMT(list), list.n ? ", " : "", STR_FMT(value.n ? value : name),
                          value.n ? " AS " : "", STR_FMT(value.n ? name : STR("")));
    }
    return changed ? ddl_printf(d, "(SELECT %.*s FROM %.*s)", STR_FMT(list), STR_FMT(table)) : table;
}

static bool guard_null(struct ddl *d, const struct alter *a, const struct new_column *column, struct str rows)
{
    struct str message = ddl_printf(d, "column \"%.*s\" of relation \"%.*s\" contains null values",
                                    STR_FMT(column->column.name), STR_FMT(a->table->name));
    struct about about = { .schema = a->table->schema, .table = a->table->name, .column = column->column.name };
    return ddl_guard(
        d, SQLSTATE_NOT_NULL_VIOLATION, ddl_about(d, message, about), STR(""),
        ddl_printf(d, "%.*s WHERE %.*s IS NULL", STR_FMT(rows), STR_FMT(ddl_quote(d, column->column.name))));
}

/* SQLite knows no row that its check has not seen; a foreign key that waits for the end is looked at for all rows then. */
static struct str unseen_rows(struct ddl *d, const struct alter *a, const struct new_constraint *c)
{
    return ddl_printf(
        d,
        "constraint \"%.*s\" of relation \"%.*s\" NOT VALID while rows violate it is not supported\n"
        "HINT: D1 checks each row that is there: repair them first, or add the constraint without NOT VALID "
        "to see which they are.",
        STR_FMT(c->constraint.name), STR_FMT(a->table->name));
}

static struct str about_constraint(struct ddl *d, const struct alter *a, const struct new_constraint *c,
                                   struct str message)
{
    struct about about = { .schema = a->table->schema, .table = a->table->name, .constraint = c->constraint.name };
    return ddl_about(d, message, about);
}

bool ddl_guard_check(struct ddl *d, const struct alter *a, const struct new_constraint *c, struct str rows)
{
    struct str where = ddl_printf(d, "%.*s WHERE NOT (%.*s)", STR_FMT(rows), STR_FMT(c->sqlite_check));
    if (c->constraint.not_valid)
        return ddl_guard(d, SQLSTATE_FEATURE_NOT_SUPPORTED, unseen_rows(d, a, c), STR(""), where);
    struct str message = ddl_printf(d, "check constraint \"%.*s\" of relation \"%.*s\" is violated by some row",
                                    STR_FMT(c->constraint.name), STR_FMT(a->table->name));
    return ddl_guard(d, SQLSTATE_CHECK_VIOLATION, about_constraint(d, a, c, message), STR(""), where);
}

/* `'Key (a, b)=(' || a || ', ' || b || ')tail'` of columns that can be shown; empty when one cannot. */
static struct str key_detail(struct ddl *d, const struct new_table *table, const struct constraint *c,
                             struct str prefix, struct str tail)
{
    struct str names = STR(""), values = STR("");
    for (size_t i = 0; i < c->n_columns; i++) {
        const struct column *column = &table->columns[c->columns[i] - 1].column;
        if (!column_shows_itself(d->snapshot, column))
            return STR("");
        names = ddl_printf(d, "%.*s%s%.*s", STR_FMT(names), i ? ", " : "", STR_FMT(column->name));
        values = ddl_printf(d, "%.*s%s%.*s%.*s", STR_FMT(values), i ? " || ', ' || " : "", STR_FMT(prefix),
                            STR_FMT(ddl_quote(d, column->name)));
    }
    struct str head = emit_text_literal(ddl_printf(d, "Key (%.*s)=(", STR_FMT(names)), d->arena);
    return ddl_printf(d, "%.*s || %.*s || %.*s", STR_FMT(head), STR_FMT(values),
                      STR_FMT(emit_text_literal(tail, d->arena)));
}

static bool guard_key(struct ddl *d, const struct alter *a, const struct new_constraint *c, struct str rows)
{
    const struct constraint *key = &c->constraint;
    const struct relation *other = c->foreign ? c->foreign : &a->now->relation;
    struct str given = STR(""), same = STR("");
    for (size_t i = 0; i < key->n_columns; i++) {
        struct str from = ddl_quote(d, a->now->columns[key->columns[i] - 1].column.name),
                   to = ddl_quote(d, other->columns[key->foreign_columns[i] - 1].name);
        given = ddl_printf(d, "%.*s%sc.%.*s IS NOT NULL", STR_FMT(given), i ? " AND " : "", STR_FMT(from));
        same = ddl_printf(d, "%.*s%sp.%.*s = c.%.*s", STR_FMT(same), i ? " AND " : "", STR_FMT(to), STR_FMT(from));
    }
    struct str message = ddl_printf(d, "insert or update on table \"%.*s\" violates foreign key constraint \"%.*s\"",
                                    STR_FMT(a->table->name), STR_FMT(key->name));
    struct str tail = ddl_printf(d, ") is not present in table \"%.*s\".", STR_FMT(other->name));
    struct str parents = c->foreign ? ddl_quote(d, other->sqlite_name) : rows;
    struct str broken = ddl_printf(d, "%.*s AS c WHERE %.*s AND NOT EXISTS (SELECT 1 FROM %.*s AS p WHERE %.*s)",
                                   STR_FMT(rows), STR_FMT(given), STR_FMT(parents), STR_FMT(same));
    if (key->not_valid && !key->deferrable)
        return true; /* SQLite looks at a key when its row comes or changes, as PostgreSQL does */
    if (key->not_valid)
        return ddl_guard(d, SQLSTATE_FEATURE_NOT_SUPPORTED, unseen_rows(d, a, c), STR(""), broken);
    return ddl_guard(d, SQLSTATE_FOREIGN_KEY_VIOLATION, about_constraint(d, a, c, message),
                     key_detail(d, a->now, key, STR("c."), tail), broken);
}

static bool guard_unique(struct ddl *d, const struct alter *a, const struct new_constraint *c, struct str rows)
{
    struct str columns = STR(""), given = STR("");
    for (size_t i = 0; i < c->constraint.n_columns; i++) {
        struct str name = ddl_quote(d, a->now->columns[c->constraint.columns[i] - 1].column.name);
        columns = ddl_printf(d, "%.*s%s%.*s", STR_FMT(columns), i ? ", " : "", STR_FMT(name));
        given = ddl_printf(d, "%.*s%s%.*s IS NOT NULL", STR_FMT(given), i ? " AND " : "", STR_FMT(name));
    }
    struct str message = ddl_printf(d, "could not create unique index \"%.*s\"", STR_FMT(c->constraint.name));
    return ddl_guard(d, SQLSTATE_UNIQUE_VIOLATION, about_constraint(d, a, c, message),
                     key_detail(d, a->now, &c->constraint, STR(""), STR(") is duplicated.")),
                     ddl_printf(d, "%.*s WHERE %.*s GROUP BY %.*s HAVING count(*) > 1", STR_FMT(rows), STR_FMT(given),
                                STR_FMT(columns)));
}

/* Cells that the new type does not take, where D1 knows it as a check only. */
bool ddl_guard_type(struct ddl *d, const struct new_column *column, struct str rows)
{
    const struct user_type *user = snapshot_user_type(d->snapshot, column->column.type);
    struct str where = ddl_printf(d, "%.*s WHERE NOT (%.*s)", STR_FMT(rows), STR_FMT(column->type_check));
    if (!user || user->oid != column->column.type || !column->type_check.n)
        return true;
    if (user->kind == 'd') {
        const struct user_type *ruling = snapshot_ruling_domain(d->snapshot, user->oid, DOMAIN_CHECK);
        bool one = ruling && ruling->n_checks == 1 && !snapshot_ruling_domain(d->snapshot, ruling->base, DOMAIN_CHECK);
        struct about about = { .schema = user->schema,
                               .datatype = user->name,
                               .constraint = one ? ruling->check_names[0] : STR("") };
        struct str which = one ? ddl_printf(d, "check constraint \"%.*s\"", STR_FMT(about.constraint))
                               : STR("one of its check constraints"); /* D1 has them as one */
        struct str message =
            ddl_printf(d, "value for domain %.*s violates %.*s",
                       STR_FMT(snapshot_format_type(d->snapshot, user->oid, -1, d->arena)), STR_FMT(which));
        return ddl_guard(d, SQLSTATE_CHECK_VIOLATION, ddl_about(d, message, about), STR(""), where);
    }
    struct str start = emit_text_literal(ddl_printf(d, "!%s:invalid input value for enum %.*s: \"",
                                                    sqlstate_code(SQLSTATE_INVALID_TEXT_REPRESENTATION),
                                                    STR_FMT(ddl_shown(d, user->schema, user->name))),
                                         d->arena);
    return ddl_sql(d, "SELECT json_extract('{}', %.*s || %.*s || '\"') FROM %.*s LIMIT 1", STR_FMT(start),
                   STR_FMT(ddl_quote(d, column->column.name)), STR_FMT(where));
}

/* ALTER COLUMN … TYPE of one of the key's columns. */
static bool has_new_values(const struct alter *a, const struct new_constraint *c)
{
    for (size_t i = 0; i < c->constraint.n_columns && a->now->rebuild; i++)
        if (a->now->columns[c->constraint.columns[i] - 1].value.n)
            return true;
    return false;
}

/* PostgreSQL builds indexes before it looks for NULLs and at checks. */
bool ddl_guard_rows(struct ddl *d, const struct alter *a)
{
    struct str rows = new_rows(d, a);
    if (!rows.p)
        return false;
    for (size_t i = 0; i < a->now->n_constraints; i++) {
        const struct new_constraint *c = &a->now->constraints[i];
        bool is_key = c->constraint.kind == 'p' || c->constraint.kind == 'u';
        if (is_key && !c->dropped && (c->added || has_new_values(a, c)) && !guard_unique(d, a, c, rows))
            return false;
    }
    for (size_t i = 0; i < a->now->n_columns && a->now->rebuild; i++) {
        const struct new_column *column = &a->now->columns[i];
        bool is_new = column->column.not_null && !(column->old && column->old->not_null);
        if (!column->dropped && is_new && !column->column.generated && !guard_null(d, a, column, rows))
            return false;
        if (!column->dropped && column->old && (column->value.n || column->old->type != column->column.type) &&
            !ddl_guard_type(d, column, rows))
            return false;
    }
    for (size_t i = 0; i < a->now->n_constraints; i++) {
        const struct new_constraint *c = &a->now->constraints[i];
        if (c->dropped || !c->added)
            continue;
        if (c->constraint.kind == 'c' && a->now->rebuild && !ddl_guard_check(d, a, c, rows))
            return false;
        if (c->constraint.kind == 'f' && a->now->rebuild && !guard_key(d, a, c, rows))
            return false;
    }
    return true;
}

/* A unique index that the side catalogue calls a constraint. */
bool ddl_emit_unique_index(struct ddl *d, const struct alter *a, const struct new_constraint *c)
{
    struct str columns = STR("");
    for (size_t i = 0; i < c->constraint.n_columns; i++)
        columns = ddl_printf(d, "%.*s%s%.*s", STR_FMT(columns), i ? ", " : "",
                             STR_FMT(ddl_quote(d, a->now->columns[c->constraint.columns[i] - 1].column.name)));
    struct str name = ddl_sqlite_name(d, a->now->schema, c->constraint.name);
    cJSON *detail = cJSON_CreateObject();
    if (!detail)
        return err_oom(d->err);
    cJSON_AddStringToObject(detail, "constraint", c->constraint.kind == 'p' ? "p" : "u");
    return ddl_side_put(d, "index", a->now->schema, c->constraint.name, detail) &&
           ddl_sql(d, "CREATE UNIQUE INDEX %.*s ON %.*s (%.*s)", STR_FMT(ddl_quote(d, name)),
                   STR_FMT(ddl_quote(d, a->now->sqlite_name)), STR_FMT(columns));
}

/* ---- DROP ---- */
static bool keys_of(struct ddl *d, struct dependents *list, const struct relation *child, const struct alter *a,
                    const int16_t *columns, size_t n, struct str on)
{
    const struct relation *r = a->table;
    for (size_t k = 0; k < child->n_constraints; k++) {
        const struct constraint *c = &child->constraints[k];
        struct dependent_key key = { child, c };
        if (c->kind != 'f' || !str_eq(c->foreign_table, r->name) || !str_eq(c->foreign_schema, r->schema) ||
            (columns && !same_set(c->foreign_columns, c->n_columns, columns, n)))
            continue;
        if (child == r && !ddl_find_constraint(a->now, c->name))
            continue; /* dropped by a command before */
        if (!ddl_dependent(d, list, ddl_described_constraint(d, child, c->name), on) ||
            !DDL_PUSH(d, list->keys, list->n_keys, key))
            return false;
    }
    return true;
}

/* Its own keys first, then those of others: most often the order in which they were made, which PostgreSQL follows. */
bool ddl_dependent_keys(struct ddl *d, struct dependents *list, const struct alter *a, const int16_t *columns, size_t n,
                        struct str on)
{
    if (!keys_of(d, list, a->table, a, columns, n, on))
        return false;
    for (size_t i = 0; i < d->snapshot->n_relations; i++)
        if (&d->snapshot->relations[i] != a->table && !keys_of(d, list, &d->snapshot->relations[i], a, columns, n, on))
            return false;
    return true;
}

bool ddl_drop_keys(struct ddl *d, struct rebuild *set, const struct dependents *list)
{
    for (size_t i = 0; i < list->n_keys; i++) {
        struct new_table *model;
        if (!ddl_rebuild_model(d, set, list->keys[i].child, &model))
            return false;
        struct new_constraint *c = ddl_find_constraint(model, list->keys[i].key->name);
        if (!c)
            continue;
        c->dropped = model->rebuild = true;
        if (!ddl_side_delete_child(d, "constraint", model->schema, model->name, c->constraint.name))
            return false;
    }
    return true;
}

bool ddl_drop_constraint(struct ddl *d, struct alter *a, const Command *command)
{
    struct new_constraint *c = ddl_find_constraint(a->now, str_from(command->name));
    struct dependents list = { 0 };
    if (!c && command->missing_ok) {
        ddl_notice(d, SQLSTATE_SUCCESSFUL_COMPLETION, "constraint \"%s\" of relation \"%.*s\" does not exist, skipping",
                   command->name, STR_FMT(a->table->name));
        return true;
    }
    if (!c)
        return ddl_fail_at(d, -1, SQLSTATE_UNDEFINED_OBJECT, "constraint \"%s\" of relation \"%.*s\" does not exist",
                           command->name, STR_FMT(a->table->name));
    const struct constraint *key = &c->constraint;
    struct str on = ddl_printf(d, "index %.*s", STR_FMT(name_quote(key->name, d->arena)));
    bool is_key = key->kind == 'p' || key->kind == 'u';
    if (is_key && !ddl_dependent_keys(d, &list, a, key->columns, key->n_columns, on))
        return false;
    if (key->kind == 'p' && !ddl_dependent_key_views(d, &list, a->table, key))
        return false;
    if (!ddl_dependents_settle(d, &list, command->behavior == PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE,
                               ddl_described_constraint(d, a->table, key->name)) ||
        !ddl_drop_views(d, &list) || !ddl_drop_keys(d, &a->set, &list))
        return false;
    c = ddl_find_constraint(a->now, str_from(command->name)); /* a key to itself may have gone already */
    if (!c)
        return true;
    c->dropped = true;
    a->now->rebuild |= !c->is_index;
    if (is_key && !DDL_PUSH(d, d->released, d->n_released, c->constraint.name))
        return false;
    return ddl_side_delete_child(d, "constraint", a->now->schema, a->now->name, c->constraint.name);
}

/* ---- VALIDATE ---- */
bool ddl_validate_constraint(struct ddl *d, struct alter *a, const Command *command)
{
    struct new_constraint *c = ddl_find_constraint(a->now, str_from(command->name));
    if (!c)
        return ddl_fail_at(d, -1, SQLSTATE_UNDEFINED_OBJECT, "constraint \"%s\" of relation \"%.*s\" does not exist",
                           command->name, STR_FMT(a->table->name));
    if (c->constraint.kind != 'c' && c->constraint.kind != 'f')
        return ddl_fail_at(d, -1, SQLSTATE_WRONG_OBJECT_TYPE,
                           "constraint \"%s\" of relation \"%.*s\" is not a foreign key or check constraint",
                           command->name, STR_FMT(a->table->name));
    if (!c->constraint.not_valid)
        return true;
    c->constraint.not_valid = false;
    struct str rows = new_rows(d, a);
    cJSON *detail = c->added ? NULL : cJSON_CreateObject();
    if (c->added)
        return true; /* its rows are looked at with those of what comes */
    if (!detail)
        return err_oom(d->err);
    cJSON_AddNullToObject(detail, "not_valid");
    return ddl_side_put_child(d, "constraint", a->now->schema, a->now->name, c->constraint.name, detail) &&
           (c->constraint.kind == 'c' ? ddl_guard_check(d, a, c, rows) : guard_key(d, a, c, rows));
}

/* ---- ALTER ---- */
bool ddl_alter_constraint(struct ddl *d, struct alter *a, const Command *command)
{
    const PgQuery__Constraint *con = command->def->constraint;
    struct new_constraint *c = ddl_find_constraint(a->now, str_from(con->conname));
    if (!c)
        return ddl_fail_at(d, -1, SQLSTATE_UNDEFINED_OBJECT, "constraint \"%s\" of relation \"%.*s\" does not exist",
                           con->conname, STR_FMT(a->table->name));
    if (c->constraint.kind != 'f')
        return ddl_fail_at(d, -1, SQLSTATE_WRONG_OBJECT_TYPE,
                           "constraint \"%s\" of relation \"%.*s\" is not a foreign key constraint", con->conname,
                           STR_FMT(a->table->name));
    if (c->constraint.deferrable == con->deferrable && c->constraint.deferred == con->initdeferred)
        return true;
    c->constraint.deferrable = con->deferrable;
    c->constraint.deferred = con->initdeferred;
    a->now->rebuild = true;
    return true;
}
