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

static struct str print(const struct stored_text *t, struct str text, const struct relation *relation, bool is_domain,
                        bool pretty)
{
    struct deparse_names names = { .is_domain = is_domain, .pretty = pretty, .path = t->path };
    struct expr *expr;
    struct query *scope;
    struct str shown;
    struct err err;
    err_init(&err, t->arena);
    if (!pretty && name_path_is_plain(t->path))
        return text;
    if (!analyze(t, text, relation, &expr, &scope) ||
        !deparse_expression(expr, scope, t->snapshot, &names, t->arena, &shown, &err))
        return text;
    return shown;
}

struct str stored_text_shown(const struct stored_text *t, struct str text, const struct relation *relation, bool pretty)
{
    return print(t, text, relation, false, pretty);
}

struct str stored_text_shown_check(const struct stored_text *t, struct str text, const struct user_type *domain,
                                   bool pretty)
{
    struct column value = { .name = STR("value"), .number = 1, .type = domain->base, .typmod = domain->base_typmod };
    struct relation scope = { .name = domain->name, .columns = &value, .n_columns = 1, .kind = RELATION_TABLE };
    return print(t, text, &scope, true, pretty);
}

static bool print_view(const struct stored_text *t, struct str text, const struct relation *view,
                       const struct deparse_options *options, struct str *ret)
{
    static const struct str path[] = { STR_INIT("public") };
    struct err err;
    struct sql_list list;
    struct query *query;
    struct str *names = ARENA_ARRAY(t->arena, struct str, view->n_columns + 1);
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
        return false;
    const PgQuery__RawStmt *raw = list.statements[0].raw;
    return analyze_statement(&inner, raw->stmt, &query) &&
           deparse_query_as(query, t->snapshot, names, options, t->arena, ret, &err);
}

struct str stored_text_shown_view(const struct stored_text *t, struct str text, const struct relation *view,
                                  bool pretty)
{
    struct deparse_options options = { .path = t->path, .pretty = pretty };
    struct str shown;
    if (!pretty && (view->is_system || name_path_is_plain(t->path)))
        return text;
    return print_view(t, text, view, &options, &shown) ? shown : text;
}

void stored_text_view_uses(const struct snapshot *snapshot, const struct relation *view, const struct system_uses *uses,
                           struct arena *arena)
{
    struct stored_text t = { .snapshot = snapshot, .types = type_settings_default(), .arena = arena };
    struct deparse_options options = { .uses = uses };
    struct str ignored;
    if (view->view_text.n)
        print_view(&t, view->view_text, view, &options, &ignored);
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

unsigned stored_text_events(const struct stored_text *t, const struct relation *r, int column)
{
    struct sql_settings settings = { .standard_conforming_strings = true, .types = t->types };
    struct err err;
    err_init(&err, t->arena);
    struct analyze_context a = {
        .snapshot = t->snapshot, .settings = &settings, .arena = t->arena, .is_stored = true, .err = &err
    };
    return t->snapshot ? analyze_view_events(&a, r, column) : 0;
}
