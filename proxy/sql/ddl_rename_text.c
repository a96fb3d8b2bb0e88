/* ddl_rename_text.c - texts of the side catalogue that name what is renamed: read, and written down anew; see ddl_rename.h. */
#include "proxy/sql/ddl_rename.h"

#include "proxy/catalog/names.h"
#include "proxy/sql/emit.h"

/* ---- expressions of a table ---- */
struct renamed {
    struct str from, to;
};

static bool new_name(void *ctx, struct str name, struct str *ret)
{
    const struct renamed *r = ctx;
    if (!str_eq(name, r->from))
        return false;
    *ret = r->to;
    return true;
}

/* The text with other names; false when it is not PostgreSQL's (a table made elsewhere), whose words D1 itself keeps right. */
static bool rewritten(struct ddl *d, struct str text, const struct relation *r, struct deparse_names *names,
                      struct str *ret)
{
    struct expr *expr;
    struct query *scope;
    struct err ignored, *saved = d->analyze.err;
    err_init(&ignored, d->arena);
    d->analyze.err = &ignored;
    bool ok = analyze_expression_text(&d->analyze, text, r, "stored expression", 0, -1, &expr, &scope) &&
              deparse_expression(expr, scope, d->snapshot, names, d->arena, ret, &ignored);
    d->analyze.err = saved;
    return ok;
}

static bool put_text(struct ddl *d, const char *kind, const struct relation *r, struct str child, const char *member,
                     struct str text)
{
    cJSON *detail = cJSON_CreateObject();
    if (!detail)
        return err_oom(d->err);
    ddl_side_text(detail, member, text);
    return ddl_side_put_child(d, kind, r->schema, r->name, child, detail);
}

/* A member of a stored row that holds an expression; none there is none to rename. */
static bool renamed_expression(struct ddl *d, cJSON *object, const char *member, const struct relation *r,
                               struct deparse_names *names)
{
    struct str text;
    cJSON *item = cJSON_GetObjectItemCaseSensitive(object, member);
    if (!cJSON_IsString(item) || !rewritten(d, str_from(item->valuestring), r, names, &text))
        return true;
    return cJSON_SetValuestring(item, arena_cstr(d->arena, text)) != NULL;
}

static bool index_texts(struct ddl *d, const struct relation *r, const struct index *index, struct deparse_names *names)
{
    const struct snapshot_side *row = ddl_side_find(d, "index", r->schema, index->name);
    cJSON *detail = row ? cJSON_ParseWithLength(row->detail.p, row->detail.n) : NULL;
    bool ok = true;
    if (!row)
        return true;
    cJSON *item, *list = cJSON_GetObjectItemCaseSensitive(detail, "columns");
    cJSON_ArrayForEach(item, list) ok &= renamed_expression(d, item, "expression", r, names);
    ok &= renamed_expression(d, detail, "predicate", r, names);
    list = cJSON_GetObjectItemCaseSensitive(detail, "include");
    cJSON_ArrayForEach(item, list)
    {
        struct str to = { 0 };
        if (ok && names->column && names->column(names->ctx, str_from(item->valuestring), &to))
            ok = cJSON_SetValuestring(item, arena_cstr(d->arena, to)) != NULL;
    }
    if (!ok || !detail) {
        cJSON_Delete(detail);
        return err_oom(d->err);
    }
    return ddl_side_put(d, "index", r->schema, index->name, detail);
}

/* The generated column's own row has its new name already when it is the one renamed. */
static bool table_texts(struct ddl *d, const struct relation *r, struct deparse_names *names, struct str from,
                        struct str to)
{
    struct str text;
    for (size_t i = 0; i < r->n_constraints; i++) {
        const struct constraint *c = &r->constraints[i];
        struct str key = name_child_key(r->name, c->name, d->arena);
        if (c->kind == 'c' && ddl_side_find(d, "constraint", r->schema, key) &&
            rewritten(d, c->expression, r, names, &text) && !str_eq(text, c->expression) &&
            !put_text(d, "constraint", r, c->name, "expression", text))
            return false;
    }
    for (size_t i = 0; i < r->n_columns; i++) {
        const struct column *c = &r->columns[i];
        struct str key = name_child_key(r->name, c->name, d->arena), name = str_eq(c->name, from) ? to : c->name;
        if (c->default_text.n && !c->default_is_foreign && ddl_side_find(d, "column", r->schema, key) &&
            rewritten(d, c->default_text, r, names, &text) && !str_eq(text, c->default_text) &&
            !put_text(d, "column", r, name, "default", text))
            return false;
    }
    for (size_t i = 0; i < r->n_indexes; i++)
        if (!index_texts(d, r, &r->indexes[i], names))
            return false;
    return true;
}

bool ddl_rename_in_table_texts(struct ddl *d, const struct relation *r, const struct column *column, struct str to)
{
    struct renamed renamed = { column->name, to };
    struct deparse_names names = { .column = new_name, .ctx = &renamed };
    return table_texts(d, r, &names, column->name, to);
}

/* ---- views ---- */
/* The view's text as it is with the rename; its own objects only, found in schema public. */
static bool view_text(struct ddl *d, const struct relation *view, const struct deparse_rename *rename, struct err *err,
                      struct str *ret)
{
    struct sql_list list;
    struct query *query;
    struct str *names = DDL_ARRAY(d, struct str, view->n_columns);
    struct str path[] = { STR_INIT("public") };
    struct sql_settings settings = *d->settings;
    struct analyze_context inner = {
        .snapshot = d->snapshot, .settings = &settings, .arena = d->arena, .is_stored = true, .err = err
    };
    settings.search_path = path;
    settings.n_search_path = 1;
    for (size_t i = 0; names && i < view->n_columns; i++)
        names[i] = view->columns[i].name;
    if (!names || !sql_parse(view->view_text, view->view_text.n, d->arena, &list, err) || list.n == 0)
        return false;
    const PgQuery__RawStmt *raw = list.statements[0].raw;
    return analyze_statement(&inner, raw->stmt, &query) &&
           deparse_query(query, d->snapshot, names, rename, d->arena, ret, err);
}

bool ddl_view_uses_column(struct ddl *d, const struct relation *view, const struct relation *r, struct str column)
{
    const struct column *c = relation_column(r, column);
    struct deparse_rename none = { 0 }, marked = { .relation = r, .column_name = STR_INIT("........marked........") };
    struct str plain, other;
    struct err ignored;
    err_init(&ignored, d->arena);
    if (!c || !view->view_text.n)
        return true;
    marked.column = (size_t)c->number - 1;
    return !view_text(d, view, &none, &ignored, &plain) || !view_text(d, view, &marked, &ignored, &other) ||
           !str_eq(plain, other);
}

static bool rename_in_view(struct ddl *d, const struct relation *view, const struct deparse_rename *rename)
{
    struct str text;
    if (!view_text(d, view, rename, d->err, &text))
        return err_is_set(d->err) && d->err->code == SQLSTATE_FEATURE_NOT_SUPPORTED
                   ? err_hint(d->err, "Drop view \"%.*s\" first and create it anew.", STR_FMT(view->name))
                   : false;
    cJSON *detail = cJSON_CreateObject();
    if (!detail)
        return err_oom(d->err);
    ddl_side_text(detail, "text", text);
    return ddl_side_put(d, "view", view->schema, view->name, detail);
}

bool ddl_rename_in_views(struct ddl *d, const struct deparse_rename *rename)
{
    for (size_t i = 0; i < d->snapshot->n_relations; i++) {
        const struct relation *view = &d->snapshot->relations[i];
        if (view->kind == RELATION_VIEW && view->view_text.n && ddl_view_uses(d, view, rename->relation) &&
            !rename_in_view(d, view, rename))
            return false;
    }
    return true;
}

/* The query of a view that uses a renamed one, for D1: its new text read in the schema that comes. */
static bool new_body(struct ddl *d, struct str text, const struct snapshot *coming, struct str *ret)
{
    struct sql_list list;
    struct query *query;
    struct str path[] = { STR_INIT("public") };
    struct sql_settings settings = *d->settings;
    struct analyze_context inner = {
        .snapshot = coming, .settings = &settings, .arena = d->arena, .is_stored = true, .err = d->err
    };
    settings.search_path = path;
    settings.n_search_path = 1;
    if (!sql_parse(text, text.n, d->arena, &list, d->err) || list.n == 0)
        return false;
    const PgQuery__RawStmt *raw = list.statements[0].raw;
    return analyze_statement(&inner, raw->stmt, &query) &&
           emit_ddl_query(query, &settings, coming, d->arena, ret, d->err);
}

static bool remake(struct ddl *d, const struct relation *view, struct str body)
{
    struct str list = STR(""), name = ddl_quote(d, view->sqlite_name);
    for (size_t i = 0; i < view->n_columns; i++)
        list = ddl_printf(d, "%.*s%s%.*s", STR_FMT(list), i ? ", " : "", STR_FMT(ddl_quote(d, view->columns[i].name)));
    return ddl_sql(d, "DROP VIEW %.*s", STR_FMT(name)) &&
           ddl_sql(d, "CREATE VIEW %.*s (%.*s) AS %.*s", STR_FMT(name), STR_FMT(list), STR_FMT(body));
}

bool ddl_rename_in_dependents(struct ddl *d, const struct relation *view, const struct relation *now,
                              const struct deparse_rename *rename)
{
    const struct snapshot *coming = snapshot_with(d->snapshot, view, now, d->arena);
    if (!coming)
        return err_oom(d->err);
    for (size_t i = 0; i < d->snapshot->n_relations; i++) {
        const struct relation *other = &d->snapshot->relations[i];
        struct str text, body;
        if (other->kind != RELATION_VIEW || other == view || !ddl_view_uses(d, other, view))
            continue;
        if (!other->view_text.n)
            return ddl_refuse(d, -1, "Drop and create them anew.",
                              "renaming a view, or its column, that view \"%.*s\" made elsewhere uses",
                              STR_FMT(other->name));
        if (!rename_in_view(d, other, rename) || !view_text(d, other, rename, d->err, &text) ||
            !new_body(d, text, coming, &body) || !remake(d, other, body))
            return false;
    }
    return true;
}

bool ddl_view_columns_side(struct ddl *d, const struct relation *view, const struct str *names)
{
    struct column *columns = DDL_ARRAY(d, struct column, view->n_columns);
    struct relation renamed = *view;
    struct deparse_rename none = { 0 };
    for (size_t i = 0; columns && i < view->n_columns; i++) {
        columns[i] = view->columns[i];
        columns[i].name = names[i];
    }
    renamed.columns = columns;
    return columns && ddl_view_side(d, view->schema, view->name, STR(""), columns, view->n_columns) &&
           (!view->view_text.n || rename_in_view(d, &renamed, &none));
}

/* ---- types ---- */
static bool refuse_type_texts(struct ddl *d, const struct user_type *type)
{
    for (size_t i = 0; i < d->snapshot->n_relations; i++) {
        const struct relation *r = &d->snapshot->relations[i];
        if (r->kind == RELATION_VIEW && ddl_mentions(d, r->view_text, type->name))
            return ddl_refuse(d, -1, "Drop the view first and create it anew.",
                              "renaming a type that view \"%.*s\" names", STR_FMT(r->name));
    }
    return true;
}

/* The members that name the type, of a column or a domain. */
static bool put_type_name(struct ddl *d, const char *kind, struct str schema, struct str key, const char *member,
                          struct str name)
{
    cJSON *detail = cJSON_CreateObject();
    if (!detail)
        return err_oom(d->err);
    ddl_side_text(detail, member, name);
    return ddl_side_put(d, kind, schema, key, detail);
}

bool ddl_rename_type_users(struct ddl *d, const struct user_type *type, struct str to)
{
    struct deparse_names names = { .renamed_type = type, .type_name = to };
    if (!refuse_type_texts(d, type))
        return false;
    for (size_t i = 0; i < d->snapshot->n_relations; i++) {
        const struct relation *r = &d->snapshot->relations[i];
        bool view = r->kind == RELATION_VIEW;
        for (size_t k = 0; k < r->n_columns; k++) {
            oid_t used = r->columns[k].type;
            struct str name = used == type->array ? ddl_printf(d, "_%.*s", STR_FMT(to)) : to;
            if (used != type->oid && used != type->array)
                continue;
            if (view)
                return ddl_refuse(d, -1, "Drop the view first and create it anew.",
                                  "renaming the type of a column of view \"%.*s\"", STR_FMT(r->name));
            struct str key = name_child_key(r->name, r->columns[k].name, d->arena);
            if (!put_type_name(d, "column", r->schema, key, "type", name))
                return false;
        }
        if (r->kind == RELATION_TABLE && !table_texts(d, r, &names, STR(""), STR("")))
            return false;
    }
    for (size_t i = 0; i < d->snapshot->n_types; i++) {
        const struct user_type *other = &d->snapshot->types[i];
        if (other->base == type->oid && !put_type_name(d, "type", other->schema, other->name, "base", to))
            return false;
    }
    return true;
}
