/*
 * ddl_as.c - views and CREATE TABLE AS: queries that become part of the schema; see ddl_internal.h.
 *
 * A view is a view in D1, its text SQLite's; the side catalogue keeps PostgreSQL's text and the columns' types, which SQLite does not know.
 */
#include "proxy/sql/ddl_internal.h"

#include <pg_query.h>
#include "proxy/catalog/collation.h"
#include "proxy/catalog/declared_type.h"
#include "proxy/catalog/names.h"
#include "proxy/catalog/sqlite_ddl.h"
#include "proxy/sql/deparse.h"
#include "proxy/sql/emit.h"
#include "proxy/sql/temporary_plan.h"

/* ---- PostgreSQL's text of a raw query ---- */
static bool raw_text(struct ddl *d, const Node *query, struct str *ret)
{
    PgQuery__RawStmt raw = PG_QUERY__RAW_STMT__INIT, *raws[] = { &raw };
    PgQuery__ParseResult parsed = PG_QUERY__PARSE_RESULT__INIT;
    raw.stmt = (Node *)query;
    parsed.version = PG_VERSION_NUM;
    parsed.n_stmts = 1;
    parsed.stmts = raws;
    size_t n = pg_query__parse_result__get_packed_size(&parsed);
    uint8_t *bytes = ddl_alloc(d, n, 1);
    if (!bytes)
        return false;
    pg_query__parse_result__pack(&parsed, bytes);
    PgQueryDeparseResult result = pg_query_deparse_protobuf((PgQueryProtobuf){ .len = n, .data = (char *)bytes });
    bool ok = !result.error && result.query;
    *ret = ok ? arena_str(d->arena, str_from(result.query)) : (struct str){ 0 };
    if (!ok)
        err_set(d->err, SQLSTATE_INTERNAL_ERROR, "the query could not be written down: %s",
                result.error ? result.error->message : "no text");
    else if (!ret->p)
        ok = err_oom(d->err);
    pg_query_free_deparse_result(result);
    return ok;
}

/* ---- columns of a query ---- */
struct query_columns {
    struct query *query;
    struct column *columns;
    size_t n;
};

/* How a column of the query's rows is stored: that of the table column it shows, through subqueries. */
static enum column_storage storage_of(const struct query *query, const struct expr *e)
{
    while (e && e->kind == EXPR_VAR && e->var.levels_up == 0 && e->var.rte >= 0) {
        const struct rte *rte = &query->rtable[e->var.rte];
        if (rte->columns[e->var.column].column)
            return rte->columns[e->var.column].column->storage;
        if (rte->kind == RTE_JOIN) {
            e = rte->columns[e->var.column].join_expr;
            continue;
        }
        const struct query *inner = rte->kind == RTE_SUBQUERY ? rte->subquery
                                    : rte->kind == RTE_CTE    ? rte->cte->query
                                                              : NULL;
        if (!inner || inner->set_operation != SETOP_NONE || (size_t)e->var.column >= inner->n_targets)
            break;
        query = inner;
        e = inner->targets[e->var.column].expr;
    }
    return COLUMN_NATURAL;
}

/* create_ctas_internal, DefineVirtualRelation */
static bool no_collation(struct ddl *d, const struct column *column, bool of_view)
{
    if (of_view)
        ddl_fail_at(d, -1, SQLSTATE_INDETERMINATE_COLLATION,
                    "could not determine which collation to use for view column \"%.*s\"", STR_FMT(column->name));
    else
        ddl_fail_at(d, -1, SQLSTATE_INDETERMINATE_COLLATION,
                    "no collation was derived for column \"%.*s\" with collatable type %.*s", STR_FMT(column->name),
                    STR_FMT(snapshot_format_type(d->snapshot, column->type, -1, d->arena)));
    return err_hint(d->err, "Use the COLLATE clause to set the collation explicitly.");
}

static bool describe(struct ddl *d, const Node *node, Node *const *names, size_t n_names, bool of_view,
                     struct query_columns *ret)
{
    if (!analyze_statement(&d->analyze, node, &ret->query))
        return false;
    ret->columns = DDL_ARRAY(d, struct column, ret->query->n_targets);
    if (!ret->columns)
        return false;
    for (size_t i = 0; i < ret->query->n_targets; i++) {
        const struct target *target = &ret->query->targets[i];
        if (target->junk)
            continue;
        struct column *column = &ret->columns[ret->n];
        bool contradicts;
        *column = (struct column){ .name = target->name,
                                   .type = target->expr->type,
                                   .typmod = target->expr->typmod,
                                   .collation = query_output_collation(d->snapshot, ret->query, i, &contradicts),
                                   .storage = storage_of(ret->query, target->expr) };
        if (ret->n < n_names)
            column->name = ddl_string(names[ret->n]);
        for (size_t k = 0; k < ret->n; k++)
            if (str_eq(ret->columns[k].name, column->name))
                return ddl_fail_at(d, -1, SQLSTATE_DUPLICATE_COLUMN, "column \"%.*s\" specified more than once",
                                   STR_FMT(column->name));
        if (contradicts)
            return no_collation(d, column, of_view);
        column->number = (int16_t)++ret->n;
    }
    return true;
}

static struct str column_list(struct ddl *d, const struct query_columns *q)
{
    struct str list = STR("");
    for (size_t i = 0; i < q->n; i++)
        list = ddl_printf(d, "%.*s%s%.*s", STR_FMT(list), i ? ", " : "", STR_FMT(ddl_quote(d, q->columns[i].name)));
    return list;
}

/* ---- views ---- */
static bool changed_collation(struct ddl *d, const struct column *was, const struct column *is)
{
    return ddl_fail_at(d, -1, SQLSTATE_INVALID_TABLE_DEFINITION,
                       "cannot change collation of view column \"%.*s\" from \"%.*s\" to \"%.*s\"", STR_FMT(was->name),
                       STR_FMT(collation_name(collation_of_column(d->snapshot, was))),
                       STR_FMT(collation_name(collation_of_column(d->snapshot, is))));
}

/* CREATE OR REPLACE may only add columns at the end. */
static bool check_replacement(struct ddl *d, const struct relation *old, const struct query_columns *q)
{
    if (old->kind != RELATION_VIEW)
        return ddl_fail_at(d, -1, SQLSTATE_WRONG_OBJECT_TYPE, "\"%.*s\" is not a view", STR_FMT(old->name));
    if (old->n_columns > q->n)
        return ddl_fail_at(d, -1, SQLSTATE_INVALID_TABLE_DEFINITION, "cannot drop columns from view");
    for (size_t i = 0; i < old->n_columns; i++) {
        const struct column *was = &old->columns[i], *is = &q->columns[i];
        if (!str_eq(was->name, is->name)) {
            ddl_fail_at(d, -1, SQLSTATE_INVALID_TABLE_DEFINITION,
                        "cannot change name of view column \"%.*s\" to \"%.*s\"", STR_FMT(was->name),
                        STR_FMT(is->name));
            return err_hint(d->err, "Use ALTER VIEW ... RENAME COLUMN ... to change name of view column instead.");
        }
        if (was->type == is->type && was->typmod == is->typmod && was->collation == is->collation)
            continue;
        if (was->type == is->type && was->typmod == is->typmod)
            return changed_collation(d, was, is);
        struct str from = snapshot_format_type(d->snapshot, was->type, was->typmod, d->arena),
                   to = snapshot_format_type(d->snapshot, is->type, is->typmod, d->arena);
        return ddl_fail_at(d, -1, SQLSTATE_INVALID_TABLE_DEFINITION,
                           "cannot change data type of view column \"%.*s\" from %.*s to %.*s", STR_FMT(was->name),
                           STR_FMT(from), STR_FMT(to));
    }
    return true;
}

bool ddl_view_side(struct ddl *d, struct str schema, struct str name, struct str text, const struct column *columns,
                   size_t n)
{
    cJSON *detail = cJSON_CreateObject(), *list = detail ? cJSON_AddArrayToObject(detail, "columns") : NULL;
    bool ok = list != NULL;
    if (ok)
        ddl_side_text(detail, "text", text);
    for (size_t i = 0; ok && i < n; i++) {
        cJSON *item = cJSON_CreateObject();
        ok = item && cJSON_AddItemToArray(list, item);
        if (!ok)
            break;
        ddl_side_text(item, "name", columns[i].name);
        ddl_side_type(d, item, "type", "type_schema", columns[i].type, columns[i].typmod);
        ddl_side_collation(item, "collation", columns[i].collation);
        static const char *const storages[] = {
            [COLUMN_UNIX_S] = "unixepoch", [COLUMN_UNIX_MS] = "unixms", [COLUMN_UNIX_US] = "unixus"
        };
        bool is_unix = columns[i].storage >= COLUMN_UNIX_S && columns[i].storage <= COLUMN_UNIX_US;
        if (columns[i].storage == COLUMN_NUMBER)
            cJSON_AddTrueToObject(item, "number");
        else if (is_unix)
            cJSON_AddStringToObject(item, "storage", storages[columns[i].storage]);
    }
    if (!ok) {
        cJSON_Delete(detail);
        return err_oom(d->err);
    }
    return ddl_side_put(d, "view", schema, name, detail);
}

/* PostgreSQL's spelling; what cannot be spelt so yet, as it was written. */
static bool view_text(struct ddl *d, const Node *query, const struct query_columns *q, struct str *ret)
{
    struct str *names = DDL_ARRAY(d, struct str, q->n);
    struct err ignored;
    err_init(&ignored, d->arena);
    for (size_t i = 0; names && i < q->n; i++)
        names[i] = q->columns[i].name;
    return names &&
           (deparse_query(q->query, d->snapshot, names, NULL, d->arena, ret, &ignored) || raw_text(d, query, ret));
}

static bool is_listed(const struct relation *const *list, size_t n, const struct relation *r)
{
    for (size_t i = 0; i < n; i++)
        if (list[i] == r)
            return true;
    return false;
}

/* PostgreSQL makes a view whose new text reads itself, and fails when it is read. D1 would forget its columns. */
static bool refuse_reading_itself(struct ddl *d, const struct relation *old, struct str sqlite)
{
    struct relation now = *old;
    const struct relation **list = NULL;
    size_t n = 0;
    now.sqlite_sql = sqlite;
    if (!DDL_PUSH(d, list, n, &now))
        return false;
    for (size_t at = 0; at < n; at++)
        for (size_t i = 0; i < d->snapshot->n_relations; i++) {
            const struct relation *view = &d->snapshot->relations[i];
            if (view->kind != RELATION_VIEW || is_listed(list, n, view) || !ddl_view_uses(d, list[at], view))
                continue;
            if (view == old)
                return ddl_refuse(d, -1, NULL, "a view that reads itself");
            if (!DDL_PUSH(d, list, n, view))
                return false;
        }
    return true;
}

bool ddl_create_view(struct ddl *d, const PgQuery__ViewStmt *stmt)
{
    struct str schema, name = str_from(stmt->view->relname), text, sqlite;
    struct query_columns q = { 0 };
    bool exists = false;
    struct view_options options = { 0 };
    d->plan->tag = "CREATE VIEW";
    if (stmt->query->node_case == PG_QUERY__NODE__NODE_SELECT_STMT && stmt->query->select_stmt->into_clause)
        return ddl_fail_at(d, -1, SQLSTATE_FEATURE_NOT_SUPPORTED, "views must not contain SELECT INTO");
    if (!ddl_creation_schema(d, str_from(stmt->view->schemaname), stmt->view->location, &schema))
        return false;
    const struct relation *old = stmt->replace ? snapshot_relation(d->snapshot, NULL, 0, schema, name) : NULL;
    if (!old && !ddl_new_relation_name(d, schema, name, -1, false, &exists))
        return false;
    if (!describe(d, stmt->query, stmt->aliases, stmt->n_aliases, true, &q) || (old && !check_replacement(d, old, &q)))
        return false;
    if (stmt->n_aliases > q.n)
        return ddl_fail_at(d, -1, SQLSTATE_SYNTAX_ERROR, "CREATE VIEW specifies more column names than columns");
    if (!ddl_view_may_check(d, stmt, q.query) || !ddl_view_options(d, stmt, &options))
        return false;
    if (!view_text(d, stmt->query, &q, &text) ||
        !emit_ddl_query(q.query, d->settings, d->snapshot, d->arena, &sqlite, d->err))
        return false;
    if (old && !refuse_reading_itself(d, old, sqlite))
        return false;
    struct str quoted = ddl_quote(d, ddl_sqlite_name(d, schema, name));
    if (old && !ddl_sql(d, "DROP VIEW %.*s", STR_FMT(quoted)))
        return false;
    return ddl_sql(d, "CREATE VIEW %.*s (%.*s) AS %.*s", STR_FMT(quoted), STR_FMT(column_list(d, &q)),
                   STR_FMT(sqlite)) &&
           ddl_view_side(d, schema, name, text, q.columns, q.n) &&
           (!(options.n || (old && old->n_options)) || ddl_view_options_side(d, schema, name, &options));
}

/* ---- CREATE TABLE AS ---- */
static bool collect_columns(struct ddl *d, struct new_table *table, const struct query_columns *q)
{
    for (size_t i = 0; i < q->n; i++) {
        struct new_column column = { .location = -1,
                                     .column = { .name = q->columns[i].name,
                                                 .number = (int16_t)(i + 1),
                                                 .type = q->columns[i].type,
                                                 .typmod = q->columns[i].typmod,
                                                 .collation = q->columns[i].collation } };
        if (column.column.type == TYPE_OID_unknown)
            column.column.type = TYPE_OID_text;
        if (!ddl_resolve_type(d, table, &column) || !DDL_PUSH(d, table->columns, table->n_columns, column))
            return false;
    }
    return true;
}

/* Its count is what the client is told. */
static bool answers_select(struct ddl *d, struct plan_statement *insert)
{
    if (!insert)
        return false;
    insert->role = STATEMENT_MAIN;
    insert->counts_changes = true;
    d->plan->tag = "SELECT";
    d->plan->tag_has_count = true;
    return true;
}

static bool fill(struct ddl *d, const struct new_table *table, const struct query_columns *q)
{
    struct plan_statement query = { 0 };
    for (size_t i = 0; i < q->n; i++)
        if (table->columns[i].column.storage != q->columns[i].storage && q->columns[i].storage != COLUMN_DATETIME &&
            q->columns[i].storage != COLUMN_LOOSE)
            return ddl_refuse(d, -1, "Create the table first and use INSERT … SELECT.",
                              "CREATE TABLE AS with numeric column \"%.*s\"", STR_FMT(q->columns[i].name));
    if (!emit_filling_query(q->query, d->settings, d->snapshot, d->arena, &query, d->err))
        return false;
    struct str name = ddl_quote(d, table->sqlite_name);
    struct plan_statement *insert = ddl_add(d, ddl_printf(d, "INSERT INTO %.*s (%.*s) %.*s", STR_FMT(name),
                                                          STR_FMT(column_list(d, q)), STR_FMT(query.sql)));
    if (!answers_select(d, insert))
        return false;
    insert->binds = query.binds;
    insert->n_binds = query.n_binds;
    return true;
}

/* Of a temporary table: the planner plans the query by itself, its rows are gathered before. */
static bool fill_gathered(struct ddl *d, const struct new_table *table, const struct query_columns *q)
{
    struct str list = STR("");
    for (size_t i = 0; i < q->n; i++)
        list = ddl_printf(d, "%.*s%sc%zu", STR_FMT(list), i ? ", " : "", i);
    struct plan_statement *insert =
        ddl_add(d, ddl_printf(d, "INSERT INTO %.*s (%.*s) SELECT %.*s FROM " TEMPORARY_GATHERED,
                              STR_FMT(ddl_quote(d, table->sqlite_name)), STR_FMT(column_list(d, q)), STR_FMT(list)));
    return answers_select(d, insert);
}

static bool create_as(struct ddl *d, const Node *query, const PgQuery__IntoClause *into, bool if_not_exists)
{
    struct new_table table = { .name = str_from(into->rel->relname) };
    struct query_columns q = { 0 };
    bool exists;
    d->plan->tag = "CREATE TABLE AS";
    if (into->table_space_name && into->table_space_name[0] && strcmp(into->table_space_name, "pg_default") != 0)
        return ddl_refuse(d, -1, NULL, "TABLESPACE");
    if (!ddl_check_storage_options(d, into->options, into->n_options, true))
        return false;
    if (!ddl_creation_schema(d, str_from(into->rel->schemaname), into->rel->location, &table.schema) ||
        !ddl_new_relation_name(d, table.schema, table.name, -1, if_not_exists, &exists))
        return false;
    if (exists)
        return ddl_nothing(d, "CREATE TABLE AS");
    table.sqlite_name = ddl_sqlite_name(d, table.schema, table.name);
    if (!describe(d, query, into->col_names, into->n_col_names, false, &q))
        return false;
    if (into->n_col_names > q.n)
        return ddl_fail_at(d, -1, SQLSTATE_SYNTAX_ERROR, "too many column names were specified");
    return collect_columns(d, &table, &q) && ddl_table_scope(d, &table) && ddl_emit_table(d, &table) &&
           ddl_on_commit(d, into->on_commit, table.name) && ddl_unlogged_side(d, into->rel, "table", table.schema) &&
           (into->skip_data || (d->temporary ? fill_gathered(d, &table, &q) : fill(d, &table, &q)));
}

bool ddl_create_table_as(struct ddl *d, const PgQuery__CreateTableAsStmt *stmt)
{
    if (stmt->objtype == PG_QUERY__OBJECT_TYPE__OBJECT_MATVIEW)
        return ddl_refuse(d, -1, "Use CREATE TABLE AS, or a view.", "a materialized view");
    if (stmt->query->node_case == PG_QUERY__NODE__NODE_EXECUTE_STMT)
        return ddl_refuse(d, -1, NULL, "CREATE TABLE AS EXECUTE");
    return create_as(d, stmt->query, stmt->into, stmt->if_not_exists);
}

bool ddl_select_into(struct ddl *d, const Node *select)
{
    Node node = *select;
    PgQuery__SelectStmt plain = *select->select_stmt;
    const PgQuery__IntoClause *into = plain.into_clause;
    plain.into_clause = NULL;
    node.select_stmt = &plain;
    return create_as(d, &node, into, false);
}

/* ---- which views speak of a relation ---- */
static bool ends_from(struct sqlite_token token)
{
    static const char *const words[] = { "SELECT", "WHERE",  "GROUP",     "HAVING", "ORDER", "LIMIT",
                                         "UNION",  "EXCEPT", "INTERSECT", "WINDOW", "VALUES" };
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (token.kind == SQLITE_TOKEN_WORD && str_eq_nocase(token.text, str_from(words[i])))
            return true;
    return false;
}

bool ddl_view_uses(struct ddl *d, const struct relation *view, const struct relation *used)
{
    enum { DEPTH_MAX = 64 };
    bool in_from[DEPTH_MAX] = { false }, expects = false;
    size_t at = 0, depth = 0;
    for (struct sqlite_token token = sqlite_token_next(view->sqlite_sql, &at); token.kind != SQLITE_TOKEN_END;
         token = sqlite_token_next(view->sqlite_sql, &at)) {
        bool word = token.kind == SQLITE_TOKEN_WORD || token.kind == SQLITE_TOKEN_QUOTED;
        if (expects && word && str_eq_nocase(sqlite_token_value(token, d->arena), used->sqlite_name))
            return true;
        char c = token.kind == SQLITE_TOKEN_OTHER ? token.text.p[0] : 0;
        bool from = token.kind == SQLITE_TOKEN_WORD &&
                    (str_eq_nocase(token.text, STR("FROM")) || str_eq_nocase(token.text, STR("JOIN")));
        expects = from || (in_from[depth] && (c == ',' || c == '('));
        if (c == '(' && depth + 1 < DEPTH_MAX)
            in_from[++depth] = expects;
        else if (c == ')' && depth > 0)
            depth--;
        else if (from)
            in_from[depth] = true;
        else if (ends_from(token))
            in_from[depth] = false;
    }
    return false;
}
