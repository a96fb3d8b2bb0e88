/*
 * ddl_rename.c - ALTER … RENAME. SQLite follows a name through its own schema (keys, indexes, triggers, views); what pgd1 keeps of
 * PostgreSQL's words follows here: rows of the side catalogue, and their texts (ddl_rename_text.c).
 */
#include "proxy/sql/ddl_rename.h"

#include "proxy/catalog/names.h"
#include "proxy/catalog/sqlite_ddl.h"

/* ---- rows of the side catalogue under another name ---- */
bool ddl_side_rename(struct ddl *d, const char *kind, struct str schema, struct str from, struct str to)
{
    struct str texts[] = { str_from(kind), schema, from, to };
    return !d->snapshot->has_side_catalog ||
           ddl_sql_texts(d, "UPDATE _pgd1_catalog SET name = ?4 WHERE kind = ?1 AND schema = ?2 AND name = ?3", texts,
                         4);
}

static bool rename_child(struct ddl *d, const char *kind, const struct relation *r, struct str from, struct str to)
{
    struct str old_key = name_child_key(r->name, from, d->arena), new_key = name_child_key(r->name, to, d->arena);
    return old_key.p && new_key.p ? ddl_side_rename(d, kind, r->schema, old_key, new_key) : err_oom(d->err);
}

static bool rename_children(struct ddl *d, const struct relation *r, struct str to)
{
    struct str texts[] = { r->schema, name_child_prefix(r->name, d->arena), name_child_prefix(to, d->arena) };
    return !d->snapshot->has_side_catalog ||
           ddl_sql_texts(d,
                         "UPDATE _pgd1_catalog SET name = ?3 || substr(name, length(?2) + 1) WHERE schema = ?1 AND"
                         " kind IN ('column', 'constraint') AND substr(name, 1, length(?2)) = ?2",
                         texts, 3);
}

static bool put_member(struct ddl *d, const char *kind, struct str schema, struct str key, const char *member,
                       struct str value)
{
    cJSON *detail = cJSON_CreateObject();
    if (!detail)
        return err_oom(d->err);
    ddl_side_text(detail, member, value);
    return ddl_side_put(d, kind, schema, key, detail);
}

/* A counter of SQLite's is called after its table and column, unless the column's row says otherwise: it keeps its name. */
static bool keep_sequence_name(struct ddl *d, const struct relation *r, const struct column *c, struct str table,
                               struct str column)
{
    struct str key = name_child_key(table, column, d->arena);
    if (!c->sequence.n || !c->sequence_is_rowid)
        return true;
    return key.p ? put_member(d, "column", r->schema, key, "sequence", c->sequence) : err_oom(d->err);
}

static bool own_sequences(struct ddl *d, const struct relation *r, const char *member, struct str only_column,
                          struct str value)
{
    for (size_t i = 0; i < d->snapshot->n_relations; i++) {
        const struct relation *s = &d->snapshot->relations[i];
        if (s->kind != RELATION_SEQUENCE || !str_eq(s->schema, r->schema) || !str_eq(s->seq_owner_table, r->name) ||
            (only_column.n && !str_eq(s->seq_owner_column, only_column)) ||
            !ddl_side_find(d, "sequence", s->schema, s->name))
            continue;
        if (!put_member(d, "sequence", s->schema, s->name, member, value))
            return false;
    }
    return true;
}

/* ---- tables ---- */
static bool rename_table(struct ddl *d, const struct relation *r, struct str to)
{
    struct deparse_rename rename = { .relation = r, .name = to };
    struct str new_name = ddl_sqlite_name(d, r->schema, to);
    if (!ddl_sql(d, "PRAGMA legacy_alter_table=off") ||
        !ddl_sql(d, "ALTER TABLE %.*s RENAME TO %.*s", STR_FMT(ddl_quote(d, r->sqlite_name)),
                 STR_FMT(ddl_quote(d, new_name))) ||
        !ddl_side_rename(d, "table", r->schema, r->name, to) || !rename_children(d, r, to) ||
        !own_sequences(d, r, "owner_table", STR(""), to))
        return false;
    for (size_t i = 0; i < r->n_columns; i++)
        if (!keep_sequence_name(d, r, &r->columns[i], to, r->columns[i].name))
            return false;
    return ddl_rename_in_views(d, &rename);
}

/* ---- views ---- */
/* The view's own query in D1: what stands behind its AS. */
static struct str view_body(struct ddl *d, const struct relation *view)
{
    size_t at = 0, depth = 0;
    for (struct sqlite_token token = sqlite_token_next(view->sqlite_sql, &at); token.kind != SQLITE_TOKEN_END;
         token = sqlite_token_next(view->sqlite_sql, &at)) {
        char c = token.kind == SQLITE_TOKEN_OTHER ? token.text.p[0] : 0;
        depth += c == '(';
        depth -= c == ')' && depth > 0;
        if (!depth && token.kind == SQLITE_TOKEN_WORD && str_eq_nocase(token.text, STR("AS")))
            return str_trim((struct str){ view->sqlite_sql.p + at, view->sqlite_sql.n - at });
    }
    (void)d;
    return (struct str){ 0 };
}

static bool make_view(struct ddl *d, const struct relation *view, struct str sqlite_name, const struct str *columns)
{
    struct str list = STR(""), body = view_body(d, view);
    for (size_t i = 0; i < view->n_columns; i++)
        list = ddl_printf(d, "%.*s%s%.*s", STR_FMT(list), i ? ", " : "", STR_FMT(ddl_quote(d, columns[i])));
    if (!body.n)
        return ddl_refuse(d, -1, NULL, "renaming view \"%.*s\", whose definition is not understood,",
                          STR_FMT(view->name));
    return ddl_sql(d, "DROP VIEW %.*s", STR_FMT(ddl_quote(d, view->sqlite_name))) &&
           ddl_sql(d, "CREATE VIEW %.*s (%.*s) AS %.*s", STR_FMT(ddl_quote(d, sqlite_name)), STR_FMT(list),
                   STR_FMT(body));
}

static struct str *column_names(struct ddl *d, const struct relation *r)
{
    struct str *names = DDL_ARRAY(d, struct str, r->n_columns);
    for (size_t i = 0; names && i < r->n_columns; i++)
        names[i] = r->columns[i].name;
    return names;
}

static bool rename_view(struct ddl *d, const struct relation *view, struct str to)
{
    const struct str *names = column_names(d, view);
    struct deparse_rename rename = { .relation = view, .name = to };
    struct relation now = *view;
    now.name = to;
    now.sqlite_name = ddl_sqlite_name(d, view->schema, to);
    return names && make_view(d, view, now.sqlite_name, names) &&
           ddl_side_rename(d, "view", view->schema, view->name, to) && rename_children(d, view, to) &&
           ddl_rename_in_dependents(d, view, &now, &rename);
}

static bool rename_view_column(struct ddl *d, const struct relation *view, const struct column *column, struct str to)
{
    struct str *names = column_names(d, view);
    struct deparse_rename rename = { .relation = view, .column = (size_t)column->number - 1, .column_name = to };
    struct relation now = *view;
    now.columns = DDL_ARRAY(d, struct column, view->n_columns);
    if (!names || !now.columns)
        return false;
    memcpy(now.columns, view->columns, view->n_columns * sizeof(*now.columns));
    names[column->number - 1] = now.columns[column->number - 1].name = to;
    return make_view(d, view, view->sqlite_name, names) && ddl_view_columns_side(d, view, names) &&
           rename_child(d, "column", view, column->name, to) && ddl_rename_in_dependents(d, view, &now, &rename);
}

/* ---- sequences ---- */
static bool rename_defaults(struct ddl *d, const struct relation *sequence, struct str to)
{
    struct str prefix = str_is(sequence->schema, "public") ? STR("") : sequence->schema;
    struct str old_call = ddl_printf(d, "nextval(%.*s",
                                     STR_FMT(name_literal(name_qualified(prefix, sequence->name, d->arena), d->arena)));
    struct str new_call =
        ddl_printf(d, "nextval(%.*s", STR_FMT(name_literal(name_qualified(prefix, to, d->arena), d->arena)));
    for (size_t i = 0; i < d->snapshot->n_relations; i++) {
        const struct relation *r = &d->snapshot->relations[i];
        for (size_t k = 0; k < r->n_columns && r->kind == RELATION_TABLE; k++) {
            const struct column *c = &r->columns[k];
            struct str key = name_child_key(r->name, c->name, d->arena);
            ptrdiff_t at = str_find(c->default_text, old_call);
            bool own = str_eq(c->sequence, sequence->name) && str_eq(r->schema, sequence->schema);
            if (own && !put_member(d, "column", r->schema, key, "sequence", to))
                return false;
            if (at < 0 || (own && c->sequence_is_rowid)) /* that one's default is called after the sequence */
                continue;
            size_t behind = (size_t)at + old_call.n;
            struct str text = ddl_printf(d, "%.*s%.*s%.*s", (int)at, c->default_text.p, STR_FMT(new_call),
                                         (int)(c->default_text.n - behind), c->default_text.p + behind);
            if (!put_member(d, "column", r->schema, key, "default", text))
                return false;
        }
    }
    return true;
}

static bool rename_sequence(struct ddl *d, const struct relation *sequence, struct str to)
{
    struct str names[] = { sequence->sqlite_name, ddl_sqlite_name(d, sequence->schema, to) };
    return ddl_side_rename(d, "sequence", sequence->schema, sequence->name, to) &&
           (!d->snapshot->has_sequence_table ||
            ddl_sql_texts(d, "UPDATE _pgd1_sequence SET name = ?2 WHERE name = ?1", names, 2)) &&
           rename_defaults(d, sequence, to);
}

/* ---- indexes and constraints ---- */
bool ddl_remake_index(struct ddl *d, const struct index *index, struct str sqlite_name)
{
    struct str sql = ddl_object_sql(d, "index", index->sqlite_name);
    size_t at = 0;
    struct sqlite_token token = sqlite_token_next(sql, &at);
    while (token.kind == SQLITE_TOKEN_WORD && !str_eq_nocase(token.text, STR("INDEX")))
        token = sqlite_token_next(sql, &at);
    token = sqlite_token_next(sql, &at);
    if (token.kind == SQLITE_TOKEN_END)
        return ddl_refuse(d, -1, NULL, "renaming index \"%.*s\"", STR_FMT(index->name));
    size_t before = (size_t)(token.text.p - sql.p);
    return ddl_sql(d, "DROP INDEX %.*s", STR_FMT(ddl_quote(d, index->sqlite_name))) &&
           ddl_sql(d, "%.*s%.*s%.*s", (int)before, sql.p, STR_FMT(ddl_quote(d, sqlite_name)), (int)(sql.n - at),
                   sql.p + at);
}

static bool remake_index(struct ddl *d, const struct relation *table, const struct index *index, struct str to)
{
    return ddl_remake_index(d, index, ddl_sqlite_name(d, table->schema, to)) &&
           ddl_side_rename(d, "index", table->schema, index->name, to);
}

/* A name inside the table's own text: the table is made anew. */
static bool rename_in_table(struct ddl *d, const struct relation *r, struct str from, struct str to)
{
    struct rebuild set = { 0 };
    struct new_table *model;
    if (!ddl_rebuild_model(d, &set, r, &model))
        return false;
    struct new_constraint *c = ddl_find_constraint(model, from);
    if (!c)
        return ddl_refuse(d, -1, NULL, "renaming constraint \"%.*s\"", STR_FMT(from));
    c->constraint.name = to;
    return ddl_rebuild_run(d, &set);
}

static bool rename_constraint_of(struct ddl *d, const struct relation *r, const struct constraint *c, struct str to)
{
    bool key = c->kind == 'p' || c->kind == 'u', exists;
    if (key && !ddl_new_relation_name(d, r->schema, to, -1, false, &exists))
        return false;
    for (size_t i = 0; i < r->n_constraints && !key; i++)
        if (str_eq(r->constraints[i].name, to))
            return ddl_fail_at(d, -1, SQLSTATE_DUPLICATE_OBJECT,
                               "constraint \"%.*s\" for relation \"%.*s\" already exists", STR_FMT(to),
                               STR_FMT(r->name));
    const struct index *index = NULL;
    for (size_t i = 0; i < r->n_indexes && key; i++)
        if (str_eq(r->indexes[i].name, c->name))
            index = &r->indexes[i];
    bool own = index && c->sqlite_name.n;
    if (!(own ? remake_index(d, r, index, to) : rename_in_table(d, r, c->name, to)))
        return false;
    return (own || ddl_side_rename(d, "index", r->schema, c->name, to)) &&
           rename_child(d, "constraint", r, c->name, to);
}

static bool rename_index(struct ddl *d, const struct relation *table, const struct index *index, struct str to)
{
    bool exists;
    for (size_t i = 0; i < table->n_constraints; i++)
        if (str_eq(table->constraints[i].name, index->name) &&
            (table->constraints[i].kind == 'p' || table->constraints[i].kind == 'u'))
            return rename_constraint_of(d, table, &table->constraints[i], to);
    return ddl_new_relation_name(d, table->schema, to, -1, false, &exists) && remake_index(d, table, index, to);
}

static bool rename_constraint(struct ddl *d, const PgQuery__RenameStmt *stmt)
{
    const struct relation *r;
    if (!ddl_relation(d, stmt->relation, stmt->missing_ok, &r))
        return false;
    if (!r)
        return ddl_rename_skipped(d, stmt, "ALTER TABLE");
    for (size_t i = 0; i < r->n_constraints; i++)
        if (str_is(r->constraints[i].name, stmt->subname))
            return rename_constraint_of(d, r, &r->constraints[i], str_from(stmt->newname));
    return ddl_fail_at(d, -1, SQLSTATE_UNDEFINED_OBJECT, "constraint \"%s\" for table \"%.*s\" does not exist",
                       stmt->subname, STR_FMT(r->name));
}

/* ---- columns ---- */
static bool check_column_name(struct ddl *d, const struct relation *r, const struct column *column, struct str to)
{
    static const char *const system[] = { "tableoid", "cmax", "xmax", "cmin", "xmin", "ctid" };
    for (size_t i = 0; i < sizeof(system) / sizeof(system[0]); i++)
        if (str_is(to, system[i]))
            return ddl_fail_at(d, -1, SQLSTATE_DUPLICATE_COLUMN,
                               "column name \"%.*s\" conflicts with a system column name", STR_FMT(to));
    for (size_t i = 0; i < r->n_columns; i++) {
        if (str_eq(r->columns[i].name, to))
            return ddl_fail_at(d, -1, SQLSTATE_DUPLICATE_COLUMN, "column \"%.*s\" of relation \"%.*s\" already exists",
                               STR_FMT(to), STR_FMT(r->name));
        if (&r->columns[i] != column && str_eq_nocase(r->columns[i].name, to))
            return ddl_refuse(d, -1, "D1 compares names without case: choose another name.",
                              "a column name that differs from another's only in case (\"%.*s\")", STR_FMT(to));
    }
    return true;
}

static bool rename_table_column(struct ddl *d, const struct relation *r, const struct column *column, struct str to)
{
    struct deparse_rename rename = { .relation = r, .column = (size_t)column->number - 1, .column_name = to };
    struct str table = ddl_quote(d, r->sqlite_name), from = ddl_quote(d, column->name);
    if (!ddl_sql(d, "PRAGMA legacy_alter_table=off"))
        return false;
    if (str_eq_nocase(column->name, to)) { /* SQLite takes it for the name that is there */
        if (!ddl_sql(d, "ALTER TABLE %.*s RENAME COLUMN %.*s TO \"_pgd1_renamed\"", STR_FMT(table), STR_FMT(from)))
            return false;
        from = STR("\"_pgd1_renamed\"");
    }
    return ddl_sql(d, "ALTER TABLE %.*s RENAME COLUMN %.*s TO %.*s", STR_FMT(table), STR_FMT(from),
                   STR_FMT(ddl_quote(d, to))) &&
           rename_child(d, "column", r, column->name, to) && keep_sequence_name(d, r, column, r->name, to) &&
           own_sequences(d, r, "owner_column", column->name, to) && ddl_rename_in_table_texts(d, r, column, to) &&
           ddl_rename_in_views(d, &rename);
}

static bool rename_column(struct ddl *d, const PgQuery__RenameStmt *stmt)
{
    const struct relation *r;
    struct str to = str_from(stmt->newname);
    if (!ddl_relation(d, stmt->relation, stmt->missing_ok, &r))
        return false;
    if (!r)
        return ddl_rename_skipped(d, stmt, d->plan->tag);
    if (r->kind == RELATION_SEQUENCE || r->kind == RELATION_VIRTUAL)
        return ddl_fail_at(d, -1, SQLSTATE_WRONG_OBJECT_TYPE, "cannot rename columns of relation \"%.*s\"",
                           STR_FMT(r->name));
    const struct column *column = relation_column(r, str_from(stmt->subname));
    if (!column)
        return ddl_fail_at(d, -1, SQLSTATE_UNDEFINED_COLUMN, "column \"%s\" does not exist", stmt->subname);
    if (!check_column_name(d, r, column, to))
        return false;
    return r->kind == RELATION_VIEW ? rename_view_column(d, r, column, to) : rename_table_column(d, r, column, to);
}

/* ---- what ALTER TABLE, VIEW, SEQUENCE, INDEX … RENAME TO can name ---- */
struct rename_kind {
    PgQuery__ObjectType object;
    enum relation_kind relation; /* 0: an index */
    const char *tag, *article;
};

static const struct rename_kind rename_kinds[] = {
    { PG_QUERY__OBJECT_TYPE__OBJECT_TABLE, RELATION_TABLE, "ALTER TABLE", NULL }, /* takes every kind */
    { PG_QUERY__OBJECT_TYPE__OBJECT_VIEW, RELATION_VIEW, "ALTER VIEW", "a view" },
    { PG_QUERY__OBJECT_TYPE__OBJECT_SEQUENCE, RELATION_SEQUENCE, "ALTER SEQUENCE", "a sequence" },
    { PG_QUERY__OBJECT_TYPE__OBJECT_INDEX, 0, "ALTER INDEX", "an index" },
};

bool ddl_rename_skipped(struct ddl *d, const PgQuery__RenameStmt *stmt, const char *tag)
{
    ddl_notice(d, SQLSTATE_SUCCESSFUL_COMPLETION, "relation \"%s\" does not exist, skipping", stmt->relation->relname);
    return ddl_nothing(d, tag);
}

static const struct index *find_index(struct ddl *d, const PgQuery__RangeVar *name, const struct relation **ret_table)
{
    struct str schema = str_from(name->schemaname);
    const struct index *index = NULL;
    for (size_t i = 0; i < (schema.n ? 1 : d->settings->n_search_path) && !index; i++)
        index = ddl_find_index(d, schema.n ? schema : d->settings->search_path[i], str_from(name->relname), ret_table);
    return index;
}

static bool rename_relation(struct ddl *d, const PgQuery__RenameStmt *stmt, const struct rename_kind *kind)
{
    const struct relation *r;
    struct str to = str_from(stmt->newname);
    const struct index *index = find_index(d, stmt->relation, &r);
    bool exists, any = kind->object == PG_QUERY__OBJECT_TYPE__OBJECT_TABLE;
    if (index && (any || kind->relation == 0))
        return rename_index(d, r, index, to);
    if (index)
        return ddl_fail_at(d, -1, SQLSTATE_WRONG_OBJECT_TYPE, "\"%s\" is not %s", stmt->relation->relname,
                           kind->article);
    if (!ddl_relation(d, stmt->relation, stmt->missing_ok, &r))
        return false;
    if (!r)
        return ddl_rename_skipped(d, stmt, kind->tag);
    if (!any && kind->relation && r->kind != kind->relation) /* ALTER INDEX renames whatever it is */
        return ddl_fail_at(d, -1, SQLSTATE_WRONG_OBJECT_TYPE, "\"%.*s\" is not %s", STR_FMT(r->name), kind->article);
    if (!ddl_new_relation_name(d, r->schema, to, -1, false, &exists))
        return false;
    switch (r->kind) {
    case RELATION_VIEW:
        return rename_view(d, r, to);
    case RELATION_SEQUENCE:
        return rename_sequence(d, r, to);
    case RELATION_TABLE:
    case RELATION_VIRTUAL:
        break;
    }
    return rename_table(d, r, to);
}

/* ---- types and schemas ---- */
static bool rename_type(struct ddl *d, const PgQuery__RenameStmt *stmt)
{
    struct str schema, name, to = str_from(stmt->newname);
    const PgQuery__List *list = stmt->object->list;
    bool domain = stmt->rename_type == PG_QUERY__OBJECT_TYPE__OBJECT_DOMAIN;
    d->plan->tag = domain ? "ALTER DOMAIN" : "ALTER TYPE";
    if (!ddl_names(d, list->items, list->n_items, &schema, &name))
        return false;
    const struct user_type *type = ddl_find_type(d, schema, name);
    if (!type)
        return ddl_fail_at(d, -1, SQLSTATE_UNDEFINED_OBJECT, "type \"%.*s\" does not exist", STR_FMT(name));
    if (domain && type->kind != 'd')
        return ddl_fail_at(d, -1, SQLSTATE_WRONG_OBJECT_TYPE, "%.*s is not a domain",
                           STR_FMT(ddl_shown(d, type->schema, type->name)));
    if (ddl_find_type(d, type->schema, to) || snapshot_relation(d->snapshot, NULL, 0, type->schema, to))
        return ddl_fail_at(d, -1, SQLSTATE_DUPLICATE_OBJECT, "type \"%.*s\" already exists", STR_FMT(to));
    return ddl_rename_type_users(d, type, to) && ddl_side_rename(d, "type", type->schema, type->name, to);
}

static bool rename_schema(struct ddl *d, const PgQuery__RenameStmt *stmt)
{
    struct str from = str_from(stmt->subname), to = str_from(stmt->newname);
    d->plan->tag = "ALTER SCHEMA";
    if (!ddl_schema_exists(d, from))
        return ddl_fail_at(d, -1, SQLSTATE_INVALID_SCHEMA_NAME, "schema \"%.*s\" does not exist", STR_FMT(from));
    if (ddl_schema_exists(d, to))
        return ddl_fail_at(d, -1, SQLSTATE_DUPLICATE_SCHEMA, "schema \"%.*s\" already exists", STR_FMT(to));
    if (str_starts(to, STR("pg_"))) {
        ddl_fail_at(d, -1, SQLSTATE_RESERVED_NAME, "unacceptable schema name \"%.*s\"", STR_FMT(to));
        return err_detail(d->err, "The prefix \"pg_\" is reserved for system schemas.");
    }
    bool used = str_is(from, "public");
    for (size_t i = 0; i < d->snapshot->n_relations; i++)
        used |= str_eq(d->snapshot->relations[i].schema, from);
    for (size_t i = 0; i < d->snapshot->n_types; i++)
        used |= str_eq(d->snapshot->types[i].schema, from);
    if (used)
        return ddl_refuse(d, -1, "The names of its objects in D1 begin with the schema's: create them in a new one.",
                          "renaming a schema that is not empty");
    struct str texts[] = { from, to };
    return ddl_sql_texts(d, "UPDATE _pgd1_catalog SET schema = ?2 WHERE kind = 'schema' AND schema = ?1", texts, 2);
}

static const char *column_tag(const PgQuery__RenameStmt *stmt)
{
    return stmt->relation_type == PG_QUERY__OBJECT_TYPE__OBJECT_VIEW ? "ALTER VIEW" : "ALTER TABLE";
}

bool ddl_rename(struct ddl *d, const PgQuery__RenameStmt *stmt)
{
    for (size_t i = 0; i < sizeof(rename_kinds) / sizeof(rename_kinds[0]); i++)
        if (rename_kinds[i].object == stmt->rename_type) {
            d->plan->tag = rename_kinds[i].tag;
            return rename_relation(d, stmt, &rename_kinds[i]);
        }
    switch (stmt->rename_type) {
    case PG_QUERY__OBJECT_TYPE__OBJECT_COLUMN:
        d->plan->tag = column_tag(stmt);
        return rename_column(d, stmt);
    case PG_QUERY__OBJECT_TYPE__OBJECT_TABCONSTRAINT:
        d->plan->tag = "ALTER TABLE";
        return rename_constraint(d, stmt);
    case PG_QUERY__OBJECT_TYPE__OBJECT_TYPE:
    case PG_QUERY__OBJECT_TYPE__OBJECT_DOMAIN:
        return rename_type(d, stmt);
    case PG_QUERY__OBJECT_TYPE__OBJECT_SCHEMA:
        return rename_schema(d, stmt);
    default:
        return ddl_refuse(d, -1, "Make the object anew under the other name.", "ALTER … RENAME of this kind of object");
    }
}
