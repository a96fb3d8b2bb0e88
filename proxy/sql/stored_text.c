/* stored_text.c - see stored_text.h. */
#include "proxy/sql/stored_text.h"

#include "proxy/sql/analyze.h"
#include "proxy/sql/deparse.h"

/* Stored texts name what is not on the path public with its schema. */
static bool analyze(const struct stored_text *t, struct str text, const struct relation *relation, struct expr **ret,
                    struct query **ret_scope)
{
    static const struct str path[] = { STR_INIT("public") };
    struct err err;
    struct sql_settings settings = {
        .search_path = path, .n_search_path = 1, .standard_conforming_strings = true, .types = t->types
    };
    err_init(&err, t->arena);
    struct analyze_context outer = { .snapshot = t->snapshot, .settings = &settings, .arena = t->arena, .err = &err };
    return t->snapshot && analyze_expression_text(&outer, text, relation, "stored expression", 0, -1, ret, ret_scope);
}

static struct str print(const struct stored_text *t, struct str text, const struct relation *relation, bool is_domain)
{
    struct deparse_names names = { .is_domain = is_domain, .pretty = true };
    struct expr *expr;
    struct query *scope;
    struct str pretty;
    struct err err;
    err_init(&err, t->arena);
    if (!analyze(t, text, relation, &expr, &scope) ||
        !deparse_expression(expr, scope, t->snapshot, &names, t->arena, &pretty, &err))
        return text;
    return pretty;
}

struct str stored_text_pretty(const struct stored_text *t, struct str text, const struct relation *relation)
{
    return print(t, text, relation, false);
}

struct str stored_text_pretty_check(const struct stored_text *t, struct str text, const struct user_type *domain)
{
    struct column value = { .name = STR("value"), .number = 1, .type = domain->base, .typmod = domain->base_typmod };
    struct relation scope = { .name = domain->name, .columns = &value, .n_columns = 1, .kind = RELATION_TABLE };
    return print(t, text, &scope, true);
}

struct str stored_text_pretty_view(const struct stored_text *t, struct str text, const struct relation *view)
{
    static const struct str path[] = { STR_INIT("public") };
    struct err err;
    struct sql_list list;
    struct query *query;
    struct str pretty, *names = ARENA_ARRAY(t->arena, struct str, view->n_columns + 1);
    struct sql_settings settings = { .search_path = path,
                                     .n_search_path = view->is_system ? 0 : 1,
                                     .standard_conforming_strings = true,
                                     .types = t->types };
    err_init(&err, t->arena);
    struct analyze_context inner = {
        .snapshot = t->snapshot, .settings = &settings, .arena = t->arena, .is_stored = true, .err = &err
    };
    for (size_t i = 0; names && i < view->n_columns; i++)
        names[i] = view->columns[i].name;
    if (!names || !t->snapshot || !sql_parse(text, text.n, t->arena, &list, &err) || list.n != 1)
        return text;
    const PgQuery__RawStmt *raw = list.statements[0].raw;
    if (!analyze_statement(&inner, raw->stmt, &query) ||
        !deparse_query_pretty(query, t->snapshot, names, t->arena, &pretty, &err))
        return text;
    return pretty;
}

bool stored_text_is_call(const struct stored_text *t, struct str text, const struct relation *relation)
{
    struct expr *e;
    struct query *scope;
    if (!analyze(t, text, relation, &e, &scope))
        return false;
    switch (e->kind) {
    case EXPR_FUNC:
        return e->call.form == CALL_FUNCTION;
    case EXPR_COALESCE:
    case EXPR_GREATEST:
    case EXPR_LEAST:
    case EXPR_NULLIF:
    case EXPR_SQL_VALUE:
        return true;
    default:
        return false;
    }
}
