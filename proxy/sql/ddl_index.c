/* ddl_index.c - CREATE INDEX; see ddl_internal.h. DROP INDEX is in ddl_drop.c. */
#include "proxy/sql/ddl_internal.h"

#include "proxy/catalog/collation.h"
#include "proxy/catalog/names.h"

struct new_term {
    struct str sqlite, postgres, column;   /* an expression in both dialects, or a column's name */
    struct str guard;                      /* the expression, raising where D1 is in doubt; empty: it never is */
    struct str label;                      /* what the index is named after: the column, or a word for the expression */
    oid_t type;                            /* of an expression */
    struct str opclass;                    /* not the type's own; empty: its own */
    oid_t collation, expression_collation; /* as in struct index_column */
    bool descending, nulls_first;
};

struct index_plan {
    const struct relation *table;
    struct str name;
    bool unique;
    struct new_term *terms;
    size_t n_terms;
    struct str *included;
    size_t n_included;
    bool is_hash;
    struct str sqlite_predicate, postgres_predicate;
};

static bool refuse_index(struct ddl *d, const PgQuery__IndexStmt *stmt)
{
    const char *method = stmt->access_method ? stmt->access_method : "btree";
    if (strcmp(method, "gin") == 0 || strcmp(method, "gist") == 0 || strcmp(method, "brin") == 0 ||
        strcmp(method, "spgist") == 0)
        return ddl_refuse(
            d, -1,
            "SQLite has B-tree indexes only: index an expression such as (data->>'key'), or leave the index out.",
            "access method %s", method);
    if (strcmp(method, "btree") != 0 && strcmp(method, "hash") != 0)
        return ddl_fail_at(d, -1, SQLSTATE_UNDEFINED_OBJECT, "access method \"%s\" does not exist", method);
    if (stmt->nulls_not_distinct)
        return ddl_refuse(d, -1, "In SQLite all NULLs are distinct.", "NULLS NOT DISTINCT");
    if (strcmp(method, "hash") == 0 && (stmt->unique || stmt->n_index_including_params || stmt->n_index_params > 1))
        return ddl_fail_at(d, -1, SQLSTATE_FEATURE_NOT_SUPPORTED, "access method \"hash\" does not support %s",
                           stmt->unique                     ? "unique indexes"
                           : stmt->n_index_including_params ? "included columns"
                                                            : "multicolumn indexes");
    if (stmt->table_space && stmt->table_space[0] && strcmp(stmt->table_space, "pg_default") != 0)
        return ddl_refuse(d, -1, NULL, "TABLESPACE");
    for (size_t i = 0; i < stmt->n_options; i++)
        if (strcmp(stmt->options[i]->def_elem->defname, "fillfactor") != 0 &&
            strcmp(stmt->options[i]->def_elem->defname, "deduplicate_items") != 0)
            return ddl_fail_at(d, -1, SQLSTATE_INVALID_PARAMETER_VALUE, "unrecognized parameter \"%s\"",
                               stmt->options[i]->def_elem->defname);
    return true;
}

/* Text is compared by code point: the pattern classes are the usual order here. */
static bool take_opclass(struct ddl *d, const PgQuery__IndexElem *elem, struct new_term *term)
{
    static const char *const patterns[] = { "text_pattern_ops", "varchar_pattern_ops", "bpchar_pattern_ops" };
    if (!elem->n_opclass)
        return true;
    struct str name = ddl_string(elem->opclass[elem->n_opclass - 1]);
    for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++)
        if (str_is(name, patterns[i]))
            term->opclass = str_from(patterns[i]);
    if (!term->opclass.n && (!str_ends(name, STR("_ops")) || elem->n_opclassopts || str_starts(name, STR("gin_")) ||
                             str_starts(name, STR("gist_")) || str_starts(name, STR("jsonb_path"))))
        return str_ends(name, STR("_ops"))
                   ? ddl_refuse(d, -1, NULL, "operator class \"%.*s\"", STR_FMT(name))
                   : ddl_fail_at(d, -1, SQLSTATE_UNDEFINED_OBJECT,
                                 "operator class \"%.*s\" does not exist for access method \"btree\"", STR_FMT(name));
    return true;
}

/* FigureIndexColname: the word for an expression; {NULL,0}: none better than "expr". */
static struct str figure_label(const Node *n)
{
    struct str inner;
    switch (n->node_case) {
    case PG_QUERY__NODE__NODE_COLUMN_REF:
        return ddl_string(n->column_ref->fields[n->column_ref->n_fields - 1]);
    case PG_QUERY__NODE__NODE_FUNC_CALL:
        return ddl_string(n->func_call->funcname[n->func_call->n_funcname - 1]);
    case PG_QUERY__NODE__NODE_A_EXPR:
        return n->a_expr->kind == PG_QUERY__A__EXPR__KIND__AEXPR_NULLIF ? STR("nullif") : (struct str){ 0 };
    case PG_QUERY__NODE__NODE_TYPE_CAST:
        inner = figure_label(n->type_cast->arg);
        return inner.p ? inner : ddl_string(n->type_cast->type_name->names[n->type_cast->type_name->n_names - 1]);
    case PG_QUERY__NODE__NODE_COLLATE_CLAUSE:
        return figure_label(n->collate_clause->arg);
    case PG_QUERY__NODE__NODE_CASE_EXPR:
        inner = n->case_expr->defresult && n->case_expr->defresult->node_case != PG_QUERY__NODE__NODE_TYPE_CAST
                    ? figure_label(n->case_expr->defresult)
                    : (struct str){ 0 };
        return inner.p ? inner : STR("case");
    case PG_QUERY__NODE__NODE_COALESCE_EXPR:
        return STR("coalesce");
    case PG_QUERY__NODE__NODE_MIN_MAX_EXPR:
        return n->min_max_expr->op == PG_QUERY__MIN_MAX_OP__IS_GREATEST ? STR("greatest") : STR("least");
    default:
        return (struct str){ 0 };
    }
}

/* What cannot be compared is in no index. */
static bool has_operator_class(struct ddl *d, const struct index_plan *index, oid_t type)
{
    oid_t base = snapshot_base_type(d->snapshot, type, NULL), element = snapshot_element_type(d->snapshot, base);
    oid_t scalar = element ? element : base;
    if (scalar != TYPE_OID_json && scalar != TYPE_OID_xml && scalar != TYPE_OID_point)
        return true;
    ddl_fail_at(d, -1, SQLSTATE_UNDEFINED_OBJECT,
                "data type %.*s has no default operator class for access method \"%s\"",
                STR_FMT(snapshot_format_type(d->snapshot, type, -1, d->arena)), index->is_hash ? "hash" : "btree");
    return err_hint(d->err, "You must specify an operator class for the index or define a default operator class for "
                            "the data type.");
}

/* DefineIndex: "x COLLATE y" and "(x COLLATE y)" are the same. */
static const Node *without_collate(const Node *what, const PgQuery__CollateClause **ret)
{
    while (what && what->node_case == PG_QUERY__NODE__NODE_COLLATE_CLAUSE) {
        *ret = (*ret)->n_collname ? *ret : what->collate_clause;
        what = what->collate_clause->arg;
    }
    return what;
}

static bool take_term(struct ddl *d, struct index_plan *index, const PgQuery__IndexElem *elem)
{
    PgQuery__CollateClause behind = { .collname = elem->collation, .n_collname = elem->n_collation };
    const PgQuery__CollateClause *collate = &behind;
    const Node *what = without_collate(elem->expr, &collate);
    struct new_term term = { .descending = elem->ordering == PG_QUERY__SORT_BY_DIR__SORTBY_DESC };
    term.nulls_first = elem->nulls_ordering == PG_QUERY__SORT_BY_NULLS__SORTBY_NULLS_DEFAULT
                           ? term.descending
                           : elem->nulls_ordering == PG_QUERY__SORT_BY_NULLS__SORTBY_NULLS_FIRST;
    if (!take_opclass(d, elem, &term))
        return false;
    if (elem->name && elem->name[0]) {
        const struct column *column = relation_column(index->table, str_from(elem->name));
        if (!column)
            return ddl_fail_at(d, -1, SQLSTATE_UNDEFINED_COLUMN, "column \"%s\" does not exist", elem->name);
        if (!has_operator_class(d, index, column->type) ||
            (index->unique && !ddl_check_key_type(d, column, "a unique index")) ||
            !ddl_collation(d, collate, column->type, collation_of_column(d->snapshot, column), -1, &term.collation))
            return false;
        term.column = term.label = column->name;
        term.sqlite = ddl_quote(d, column->name);
    } else {
        struct ddl_printed printed;
        struct ddl_expression e = { .node = what, .what = "index expression", .relation = index->table, .typmod = -1 };
        if (!ddl_print(d, &e, false, &printed))
            return false;
        oid_t own = expr_collation(d->snapshot, printed.expr, NULL), type = printed.expr->type;
        if (!ddl_collation(d, collate, type, own ? own : collation_of_type(d->snapshot, type), -1, &term.collation))
            return false;
        if (printed.expr->kind == EXPR_VAR) { /* (column) in parentheses is the column */
            term.column = printed.scope->rtable[0].columns[printed.expr->var.column].name;
        } else {
            term.postgres = printed.postgres;
            term.type = type;
            term.expression_collation = own;
        }
        term.sqlite = printed.sqlite;
        term.guard = printed.guard;
        term.label = figure_label(elem->expr);
    }
    return DDL_PUSH(d, index->terms, index->n_terms, term);
}

static bool take_predicate(struct ddl *d, struct index_plan *index, const Node *where)
{
    struct ddl_printed printed;
    struct ddl_expression e = {
        .node = where, .what = "index predicate", .relation = index->table, .type = TYPE_OID_bool, .typmod = -1
    };
    if (!where)
        return true;
    if (!ddl_print(d, &e, false, &printed))
        return false;
    index->sqlite_predicate = printed.sqlite;
    index->postgres_predicate = printed.postgres;
    return true;
}

static bool take_included(struct ddl *d, struct index_plan *index, const PgQuery__IndexElem *elem)
{
    if (!elem->name || !elem->name[0])
        return ddl_fail_at(d, -1, SQLSTATE_FEATURE_NOT_SUPPORTED, "expressions are not supported in included columns");
    const struct column *column = relation_column(index->table, str_from(elem->name));
    if (!column)
        return ddl_fail_at(d, -1, SQLSTATE_UNDEFINED_COLUMN, "column \"%s\" does not exist", elem->name);
    return DDL_PUSH(d, index->included, index->n_included, column->name);
}

/* ChooseIndexColumnNames: labels, numbered where they repeat. */
static struct str number_label(struct ddl *d, const struct str *names, size_t n, struct str label)
{
    struct str name = label;
    for (unsigned number = 1;; number++) {
        bool taken = false;
        for (size_t i = 0; i < n; i++)
            taken |= str_eq(names[i], name);
        if (!taken)
            return name;
        name = ddl_printf(d, "%.*s%u", STR_FMT(label), number);
    }
}

static bool choose_name(struct ddl *d, struct index_plan *index)
{
    size_t n = index->n_terms + index->n_included;
    struct str *names = DDL_ARRAY(d, struct str, n);
    for (size_t i = 0; names && i < index->n_terms; i++)
        names[i] = number_label(d, names, i, index->terms[i].label.p ? index->terms[i].label : STR("expr"));
    for (size_t i = index->n_terms; names && i < n; i++)
        names[i] = number_label(d, names, i, index->included[i - index->n_terms]);
    struct str joined = names ? name_join_columns(names, n, d->arena) : (struct str){ 0 };
    index->name = ddl_choose_relation_name(d, index->table->schema, index->table->name, joined, "idx");
    return index->name.p != NULL;
}

static bool add_text(cJSON *array, struct str text)
{
    char *copy = strndup(text.p, text.n);
    cJSON *item = copy ? cJSON_CreateString(copy) : NULL;
    free(copy);
    return item && cJSON_AddItemToArray(array, item);
}

static bool index_side(struct ddl *d, const struct index_plan *index)
{
    cJSON *detail = cJSON_CreateObject(), *list = detail ? cJSON_AddArrayToObject(detail, "columns") : NULL;
    bool wanted = index->postgres_predicate.n > 0;
    if (!list) {
        cJSON_Delete(detail);
        return err_oom(d->err);
    }
    for (size_t i = 0; i < index->n_terms; i++) {
        const struct new_term *term = &index->terms[i];
        cJSON *item = cJSON_CreateObject();
        if (!item || !cJSON_AddItemToArray(list, item)) {
            cJSON_Delete(detail);
            return err_oom(d->err);
        }
        ddl_side_text(item, "expression", term->postgres);
        if (term->postgres.n) {
            ddl_side_text(item, "label", term->label);
            ddl_side_type(d, item, "type", "type_schema", term->type, -1);
        }
        if (term->nulls_first != term->descending)
            cJSON_AddBoolToObject(item, "nulls_first", term->nulls_first);
        ddl_side_text(item, "opclass", term->opclass);
        ddl_side_collation(item, "collation", term->collation);
        ddl_side_collation(item, "expression_collation", term->expression_collation);
        wanted |= item->child != NULL;
    }
    cJSON *included = index->n_included ? cJSON_AddArrayToObject(detail, "include") : NULL;
    for (size_t i = 0; i < index->n_included; i++)
        if (!add_text(included, index->included[i])) {
            cJSON_Delete(detail);
            return err_oom(d->err);
        }
    if (index->is_hash)
        cJSON_AddStringToObject(detail, "method", "hash");
    wanted |= index->n_included || index->is_hash;
    ddl_side_text(detail, "predicate", index->postgres_predicate);
    if (wanted)
        return ddl_side_put(d, "index", index->table->schema, index->name, detail);
    cJSON_Delete(detail);
    return true;
}

/*
 * lower() of letters beyond ASCII: D1 would take for distinct what PostgreSQL does not. A last term, unknown to the side
 * catalogue and thus to PostgreSQL's, refuses such rows; as a function of the other terms it leaves their uniqueness alone.
 */
static struct str guard_term(struct ddl *d, const struct index_plan *index)
{
    struct str guard = STR("");
    for (size_t i = 0; i < index->n_terms && index->unique && guard.p; i++)
        if (index->terms[i].guard.n)
            guard = ddl_printf(d, "%.*s, (%.*s IS NULL)", STR_FMT(guard), STR_FMT(index->terms[i].guard));
    return guard;
}

static bool emit_index(struct ddl *d, const struct index_plan *index, struct str table_sqlite_name)
{
    struct str terms = STR("");
    for (size_t i = 0; i < index->n_terms; i++)
        terms = ddl_printf(d, "%.*s%s%.*s%s", STR_FMT(terms), i ? ", " : "", STR_FMT(index->terms[i].sqlite),
                           index->terms[i].descending ? " DESC" : "");
    for (size_t i = 0; i < index->n_included && !index->unique; i++) /* in a unique one they would be part of the key */
        terms = ddl_printf(d, "%.*s, %.*s", STR_FMT(terms), STR_FMT(ddl_quote(d, index->included[i])));
    struct str guard = guard_term(d, index);
    struct str where =
        index->sqlite_predicate.n ? ddl_printf(d, " WHERE %.*s", STR_FMT(index->sqlite_predicate)) : STR("");
    struct str name = ddl_sqlite_name(d, index->table->schema, index->name);
    return ddl_sql(d, "CREATE %sINDEX %.*s ON %.*s (%.*s%.*s)%.*s", index->unique ? "UNIQUE " : "",
                   STR_FMT(ddl_quote(d, name)), STR_FMT(ddl_quote(d, table_sqlite_name)), STR_FMT(terms),
                   STR_FMT(guard), STR_FMT(where)) &&
           index_side(d, index);
}

bool ddl_create_index(struct ddl *d, const PgQuery__IndexStmt *stmt)
{
    struct index_plan index = { .unique = stmt->unique, .name = str_from(stmt->idxname ? stmt->idxname : "") };
    index.is_hash = stmt->access_method && strcmp(stmt->access_method, "hash") == 0;
    bool exists = false;
    d->plan->tag = "CREATE INDEX";
    if (stmt->concurrent && !ddl_not_in_block(d, "CREATE INDEX CONCURRENTLY"))
        return false;
    if (!refuse_index(d, stmt) || !ddl_relation(d, stmt->relation, false, &index.table))
        return false;
    if (index.table->kind != RELATION_TABLE) {
        ddl_fail_at(d, -1, SQLSTATE_WRONG_OBJECT_TYPE, "cannot create index on relation \"%.*s\"",
                    STR_FMT(index.table->name));
        return err_detail(d->err, "This operation is not supported for %s.",
                          index.table->kind == RELATION_VIEW       ? "views"
                          : index.table->kind == RELATION_SEQUENCE ? "sequences"
                                                                   : "virtual tables");
    }
    if (index.name.n && !ddl_new_relation_name(d, index.table->schema, index.name, -1, stmt->if_not_exists, &exists))
        return false;
    if (exists)
        return ddl_nothing(d, "CREATE INDEX");
    for (size_t i = 0; i < stmt->n_index_params; i++)
        if (!take_term(d, &index, stmt->index_params[i]->index_elem))
            return false;
    for (size_t i = 0; i < stmt->n_index_including_params; i++)
        if (!take_included(d, &index, stmt->index_including_params[i]->index_elem))
            return false;
    if (!take_predicate(d, &index, stmt->where_clause) || (!index.name.n && !choose_name(d, &index)))
        return false;
    return emit_index(d, &index, index.table->sqlite_name);
}

/* ---- LIKE … INCLUDING INDEXES ---- */
static bool copied_expression(struct ddl *d, const struct new_table *table, struct str source, struct str *ret_sqlite,
                              struct str *ret_postgres, struct str *ret_guard)
{
    struct ddl_printed printed;
    struct ddl_expression e = {
        .source = source, .what = "index expression", .relation = &table->relation, .typmod = -1
    };
    if (!ddl_print(d, &e, false, &printed))
        return false;
    *ret_sqlite = printed.sqlite;
    *ret_postgres = printed.postgres;
    *ret_guard = printed.guard;
    return true;
}

static bool copy_terms(struct ddl *d, const struct new_table *table, const struct relation *from,
                       const struct index *old_index, struct index_plan *index)
{
    for (size_t i = 0; i < old_index->n_columns; i++) {
        const struct index_column *old = &old_index->columns[i];
        struct new_term term = { .descending = old->descending,
                                 .nulls_first = old->nulls_first,
                                 .opclass = old->opclass };
        if (old->column > 0) {
            term.column = term.label = from->columns[old->column - 1].name;
            term.sqlite = ddl_quote(d, term.column);
        } else if (copied_expression(d, table, old->expression, &term.sqlite, &term.postgres, &term.guard)) {
            term.label = old->label;
            term.type = old->type;
        } else {
            return false;
        }
        if (!DDL_PUSH(d, index->terms, index->n_terms, term))
            return false;
    }
    index->is_hash = old_index->is_hash;
    for (size_t i = 0; i < old_index->n_included; i++)
        if (!DDL_PUSH(d, index->included, index->n_included, from->columns[old_index->included[i] - 1].name))
            return false;
    struct str guard;
    return !old_index->predicate.n || copied_expression(d, table, old_index->predicate, &index->sqlite_predicate,
                                                        &index->postgres_predicate, &guard);
}

bool ddl_index_comment_side(struct ddl *d, struct str schema, struct str name, struct str comment)
{
    cJSON *detail = comment.n ? cJSON_CreateObject() : NULL;
    if (comment.n && !detail)
        return err_oom(d->err);
    if (!detail)
        return true;
    ddl_side_text(detail, "comment", comment);
    return ddl_side_put(d, "index", schema, name, detail);
}

bool ddl_copy_index(struct ddl *d, const struct new_table *table, const struct new_index *from)
{
    struct index_plan index = { .table = &table->relation, .unique = from->index->unique };
    return copy_terms(d, table, from->table, from->index, &index) && choose_name(d, &index) &&
           emit_index(d, &index, table->sqlite_name) &&
           ddl_index_comment_side(d, table->schema, index.name, from->comment);
}

bool ddl_print_index_again(struct ddl *d, const struct new_table *table, const struct index *old)
{
    struct index_plan index = { .table = &table->relation, .unique = old->unique, .name = old->name };
    return copy_terms(d, table, &table->relation, old, &index) && emit_index(d, &index, table->sqlite_name);
}

bool ddl_index_mentions(struct ddl *d, const struct index *index, const struct column *column)
{
    for (size_t i = 0; i < index->n_columns; i++)
        if (index->columns[i].column == column->number ||
            (index->columns[i].expression.n && ddl_mentions(d, index->columns[i].expression, column->name)))
            return true;
    for (size_t i = 0; i < index->n_included; i++)
        if (index->included[i] == column->number)
            return true;
    return index->predicate.n && ddl_mentions(d, index->predicate, column->name);
}
