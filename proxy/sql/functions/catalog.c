/* catalog.c - what catalogue queries call: format_type, pg_get_*def, visibility, comments, privileges (PostgreSQL 9.26). */
#include "proxy/catalog/names.h"
#include "proxy/catalog/system.h"
#include "proxy/sql/functions/typed.h"

enum { OWNER = 10 };

static const struct snapshot *snapshot_of(sqlite3_context *c)
{
    return local_current_run(local_of(c))->snapshot;
}

static const struct relation *relation_of(sqlite3_context *c, sqlite3_value *v)
{
    const struct snapshot *s = snapshot_of(c);
    oid_t oid = (oid_t)sqlite3_value_int64(v);
    return s ? snapshot_relation_by_oid(s, oid) : system_relation_by_oid(oid);
}

static void format_type(sqlite3_context *c, int n, sqlite3_value **args)
{
    (void)n;
    if (sqlite3_value_type(args[0]) == SQLITE_NULL)
        return;
    oid_t type = (oid_t)sqlite3_value_int64(args[0]);
    int32_t typmod = sqlite3_value_type(args[1]) == SQLITE_NULL ? -1 : (int32_t)sqlite3_value_int64(args[1]);
    if (type == 0)
        local_result_text(c, STR("-"));
    else if (snapshot_of(c))
        local_result_text(c, snapshot_format_type(snapshot_of(c), type, typmod, scratch(c)));
    else
        local_result_text(c, type_format(type, typmod, scratch(c)));
}

/* text -> name: at most 63 bytes, whole characters. */
static void text_name(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    local_result_text(c, name_clip(local_text(args[0]), 63));
}

static void user_name(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct value v;
    const struct local_run *run = local_current_run(local_of(c));
    STRICT(n, args);
    oid_t oid = (oid_t)sqlite3_value_int64(args[0]);
    if (oid == OWNER && run->session_value && run->session_value(run->session_ctx, STR("session_user"), scratch(c), &v))
        local_result(c, &v);
    else
        local_result_text(c, arena_printf(scratch(c), "unknown (OID=%u)", oid));
}

/* --- visibility: found by its bare name along the search path --- */

static bool on_path(sqlite3_context *c, struct str schema)
{
    struct value path;
    const struct local_run *run = local_current_run(local_of(c));
    struct json_value list;
    if (str_is(schema, "pg_catalog"))
        return true;
    if (!run->session_value || !run->session_value(run->session_ctx, STR("current_schemas"), scratch(c), &path) ||
        path.class != VALUE_TEXT || !json_parse(path.bytes, scratch(c), &list, errors(c)))
        return str_is(schema, "public");
    for (size_t i = 0; list.kind == JSON_ARRAY && i < list.array.n; i++)
        if (str_eq(list.array.items[i].text, schema))
            return true;
    return false;
}

static const struct relation *table_of_index(const struct snapshot *s, oid_t oid, const struct index **ret)
{
    for (size_t i = 0; s && i < s->n_relations; i++)
        for (size_t k = 0; k < s->relations[i].n_indexes; k++)
            if (s->relations[i].indexes[k].oid == oid) {
                *ret = &s->relations[i].indexes[k];
                return &s->relations[i];
            }
    return NULL;
}

static void table_is_visible(sqlite3_context *c, int n, sqlite3_value **args)
{
    const struct index *index;
    STRICT(n, args);
    const struct relation *r = relation_of(c, args[0]);
    if (!r)
        r = table_of_index(snapshot_of(c), (oid_t)sqlite3_value_int64(args[0]), &index);
    if (r)
        result_bool(c, on_path(c, r->schema));
}

/* Tables of users; never a view, an index, a sequence or a relation of PostgreSQL's own. */
static void relation_is_publishable(sqlite3_context *c, int n, sqlite3_value **args)
{
    const struct index *index;
    STRICT(n, args);
    oid_t oid = (oid_t)sqlite3_value_int64(args[0]);
    const struct relation *r = relation_of(c, args[0]);
    if (r)
        result_bool(c, r->kind == RELATION_TABLE && r->oid >= 16384);
    else if (oid < 16384 || table_of_index(snapshot_of(c), oid, &index))
        result_bool(c, false);
}

static void type_is_visible(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    oid_t oid = (oid_t)sqlite3_value_int64(args[0]);
    const struct user_type *u = snapshot_of(c) ? snapshot_user_type(snapshot_of(c), oid) : NULL;
    if (pg_type_by_oid(oid))
        result_bool(c, true);
    else if (u)
        result_bool(c, on_path(c, u->schema));
    else
        result_bool(c, true);
}

/* Functions, operators, collations, classes: PostgreSQL's own, always on the path. */
static void built_in_is_visible(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    result_bool(c, true);
}

/* --- definitions --- */

/* pg_node_tree columns hold the text itself here. */
static void get_expr(sqlite3_context *c, int n, sqlite3_value **args)
{
    (void)n;
    sqlite3_result_value(c, args[0]);
}

static struct str column_list(sqlite3_context *c, const struct relation *r, const int16_t *numbers, size_t n)
{
    struct str list = STR("");
    for (size_t i = 0; i < n; i++) {
        struct str name = STR("?");
        for (size_t k = 0; k < r->n_columns; k++)
            if (r->columns[k].number == numbers[i])
                name = name_quote(r->columns[k].name, scratch(c));
        list = arena_printf(scratch(c), "%.*s%s%.*s", STR_FMT(list), i ? ", " : "", STR_FMT(name));
    }
    return list;
}

static const char *action(char code)
{
    switch (code) {
    case 'c':
        return "CASCADE";
    case 'n':
        return "SET NULL";
    case 'd':
        return "SET DEFAULT";
    case 'r':
        return "RESTRICT";
    default:
        return NULL;
    }
}

static struct str foreign_key(sqlite3_context *c, const struct relation *r, const struct constraint *k)
{
    const struct snapshot *s = snapshot_of(c);
    static const struct str path[] = { STR_INIT("public") };
    const struct relation *f = snapshot_relation(s, path, 1, k->foreign_schema, k->foreign_table);
    struct arena *a = scratch(c);
    struct str target = str_is(k->foreign_schema, "public") ? name_quote(k->foreign_table, a)
                                                            : name_qualified(k->foreign_schema, k->foreign_table, a);
    struct str text = arena_printf(a, "FOREIGN KEY (%.*s) REFERENCES %.*s(%.*s)",
                                   STR_FMT(column_list(c, r, k->columns, k->n_columns)), STR_FMT(target),
                                   STR_FMT(f ? column_list(c, f, k->foreign_columns, k->n_columns) : STR("?")));
    if (action(k->on_update))
        text = arena_printf(a, "%.*s ON UPDATE %s", STR_FMT(text), action(k->on_update));
    if (action(k->on_delete))
        text = arena_printf(a, "%.*s ON DELETE %s", STR_FMT(text), action(k->on_delete));
    if (k->deferrable)
        text = arena_printf(a, "%.*s DEFERRABLE%s", STR_FMT(text), k->deferred ? " INITIALLY DEFERRED" : "");
    return text;
}

static void constraint_definition(sqlite3_context *c, int n, sqlite3_value **args)
{
    const struct snapshot *s = snapshot_of(c);
    STRICT(n, args);
    oid_t oid = (oid_t)sqlite3_value_int64(args[0]);
    for (size_t i = 0; s && i < s->n_relations; i++) {
        const struct relation *r = &s->relations[i];
        for (size_t k = 0; k < r->n_constraints; k++) {
            const struct constraint *x = &r->constraints[k];
            if (x->oid != oid)
                continue;
            if (x->kind == 'f')
                local_result_text(c, foreign_key(c, r, x));
            else if (x->kind == 'c')
                local_result_text(c, arena_printf(scratch(c), "CHECK (%.*s)", STR_FMT(x->expression)));
            else
                local_result_text(c, arena_printf(scratch(c), "%s (%.*s)", x->kind == 'p' ? "PRIMARY KEY" : "UNIQUE",
                                                  STR_FMT(column_list(c, r, x->columns, x->n_columns))));
            return;
        }
    }
}

static struct str index_column(sqlite3_context *c, const struct relation *r, const struct index_column *x)
{
    if (!x->column)
        return x->expression;
    return column_list(c, r, &x->column, 1);
}

static void index_definition(sqlite3_context *c, int n, sqlite3_value **args)
{
    const struct index *x;
    STRICT(n, args);
    const struct relation *r = table_of_index(snapshot_of(c), (oid_t)sqlite3_value_int64(args[0]), &x);
    sqlite3_int64 only = n > 1 ? sqlite3_value_int64(args[1]) : 0;
    struct arena *a = scratch(c);
    if (!r)
        return;
    if (only) {
        local_result_text(c, only > 0 && (size_t)only <= x->n_columns ? index_column(c, r, &x->columns[only - 1])
                                                                      : STR(""));
        return;
    }
    struct str text = arena_printf(a, "CREATE %sINDEX %.*s ON %.*s USING btree (", x->unique ? "UNIQUE " : "",
                                   STR_FMT(name_quote(x->name, a)), STR_FMT(name_qualified(r->schema, r->name, a)));
    for (size_t i = 0; i < x->n_columns; i++) {
        const struct index_column *k = &x->columns[i];
        text = arena_printf(a, "%.*s%s%.*s%s%s", STR_FMT(text), i ? ", " : "", STR_FMT(index_column(c, r, k)),
                            k->descending ? " DESC" : "",
                            k->descending && !k->nulls_first   ? " NULLS LAST"
                            : !k->descending && k->nulls_first ? " NULLS FIRST"
                                                               : "");
    }
    text = arena_printf(a, "%.*s)", STR_FMT(text));
    if (x->predicate.n)
        text = arena_printf(a, "%.*s WHERE %.*s", STR_FMT(text), STR_FMT(x->predicate));
    local_result_text(c, text);
}

static void view_definition(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    const struct relation *r = relation_of(c, args[0]);
    if (r && r->kind == RELATION_VIEW && r->view_text.n)
        local_result_text(c, arena_printf(scratch(c), "%.*s%s", STR_FMT(r->view_text),
                                          r->view_text.p[r->view_text.n - 1] == ';' ? "" : ";"));
}

static void serial_sequence(sqlite3_context *c, int n, sqlite3_value **args)
{
    static const struct str path[] = { STR_INIT("public") };
    STRICT(n, args);
    struct str table = local_text(args[0]), schema = { 0 };
    ptrdiff_t dot = str_find(table, STR("."));
    if (dot > 0) {
        schema = (struct str){ table.p, (size_t)dot };
        table = (struct str){ table.p + dot + 1, table.n - (size_t)dot - 1 };
    }
    if (table.n > 1 && table.p[0] == '"')
        table = (struct str){ table.p + 1, table.n - 2 };
    const struct relation *r = snapshot_of(c) ? snapshot_relation(snapshot_of(c), path, 1, schema, table) : NULL;
    const struct column *column = r ? relation_column(r, local_text(args[1])) : NULL;
    if (!r)
        fail_with(c, SQLSTATE_UNDEFINED_TABLE, "relation \"%.*s\" does not exist", STR_FMT(local_text(args[0])));
    else if (!column)
        fail_with(c, SQLSTATE_UNDEFINED_COLUMN, "column \"%.*s\" of relation \"%.*s\" does not exist",
                  STR_FMT(local_text(args[1])), STR_FMT(r->name));
    else if (column->sequence.n)
        local_result_text(c, name_qualified(r->schema, column->sequence, scratch(c)));
}

/* --- comments --- */

static void give_comment(sqlite3_context *c, struct str comment)
{
    if (comment.n)
        local_result_text(c, comment);
}

static void object_description(sqlite3_context *c, int n, sqlite3_value **args)
{
    const struct snapshot *s = snapshot_of(c);
    const struct index *x;
    (void)n;
    if (sqlite3_value_type(args[0]) == SQLITE_NULL || !s)
        return;
    oid_t oid = (oid_t)sqlite3_value_int64(args[0]);
    const struct relation *r = snapshot_relation_by_oid(s, oid);
    const struct user_type *u = snapshot_user_type(s, oid);
    if (r)
        give_comment(c, r->comment);
    else if (u)
        give_comment(c, u->comment);
    else if (table_of_index(s, oid, &x))
        give_comment(c, x->comment);
    for (size_t i = 0; i < s->n_relations && !r; i++)
        for (size_t k = 0; k < s->relations[i].n_constraints; k++)
            if (s->relations[i].constraints[k].oid == oid)
                give_comment(c, s->relations[i].constraints[k].comment);
}

static void column_description(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    const struct relation *r = relation_of(c, args[0]);
    sqlite3_int64 number = sqlite3_value_int64(args[1]);
    for (size_t i = 0; r && r->column_comments && i < r->n_columns; i++)
        if (r->columns[i].number == number)
            give_comment(c, r->column_comments[i]);
}

static void nothing(sqlite3_context *c, int n, sqlite3_value **args)
{
    (void)n, (void)args;
    sqlite3_result_null(c);
}

/* --- names of objects --- */

static void to_regclass(sqlite3_context *c, int n, sqlite3_value **args)
{
    static const struct str path[] = { STR_INIT("public") };
    STRICT(n, args);
    struct str name = local_text(args[0]), schema = { 0 };
    ptrdiff_t dot = str_find(name, STR("."));
    if (dot > 0) {
        schema = (struct str){ name.p, (size_t)dot };
        name = (struct str){ name.p + dot + 1, name.n - (size_t)dot - 1 };
    }
    if (name.n > 1 && name.p[0] == '"')
        name = (struct str){ name.p + 1, name.n - 2 };
    if (schema.n > 1 && schema.p[0] == '"')
        schema = (struct str){ schema.p + 1, schema.n - 2 };
    const struct relation *r = snapshot_of(c) ? snapshot_relation(snapshot_of(c), path, 1, schema, name) : NULL;
    if (r)
        sqlite3_result_int64(c, r->oid);
}

/* --- privileges: what the configuration lets a user connect to is wholly theirs --- */

static void granted(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    result_bool(c, true);
}

#define ROW(source, function, args, how)                                                                               \
    {                                                                                                                  \
        .name = "pg_" #source, .n_args = args, .flags = how, .call = function                                          \
    }
#define VISIBLE(source) ROW(source, built_in_is_visible, 1, LOCAL_STRICT)
#define PRIVILEGE(source, args) ROW(source, granted, args, LOCAL_STRICT)

static const struct local_function functions[] = {
    ROW(format_type, format_type, 2, 0),
    ROW(text_name, text_name, 1, LOCAL_STRICT),
    ROW(bpchar_name, text_name, 1, LOCAL_STRICT),
    ROW(pg_get_userbyid, user_name, 1, LOCAL_STRICT),
    ROW(pg_table_is_visible, table_is_visible, 1, LOCAL_STRICT),
    ROW(pg_relation_is_publishable, relation_is_publishable, 1, LOCAL_STRICT),
    ROW(pg_type_is_visible, type_is_visible, 1, LOCAL_STRICT),
    VISIBLE(pg_function_is_visible),
    VISIBLE(pg_operator_is_visible),
    VISIBLE(pg_collation_is_visible),
    VISIBLE(pg_conversion_is_visible),
    VISIBLE(pg_opclass_is_visible),
    VISIBLE(pg_opfamily_is_visible),
    VISIBLE(pg_statistics_obj_is_visible),
    VISIBLE(pg_ts_config_is_visible),
    VISIBLE(pg_ts_dict_is_visible),
    VISIBLE(pg_ts_parser_is_visible),
    VISIBLE(pg_ts_template_is_visible),
    ROW(pg_get_expr, get_expr, 2, 0),
    ROW(pg_get_expr_ext, get_expr, 3, 0),
    ROW(pg_get_constraintdef, constraint_definition, 1, LOCAL_STRICT),
    ROW(pg_get_constraintdef_ext, constraint_definition, 2, LOCAL_STRICT),
    ROW(pg_get_indexdef, index_definition, 1, LOCAL_STRICT),
    ROW(pg_get_indexdef_ext, index_definition, 3, LOCAL_STRICT),
    ROW(pg_get_viewdef, view_definition, 1, LOCAL_STRICT),
    ROW(pg_get_viewdef_ext, view_definition, 2, LOCAL_STRICT),
    ROW(pg_get_serial_sequence, serial_sequence, 2, LOCAL_STRICT),
    ROW(obj_description, object_description, 2, 0),
    ROW(col_description, column_description, 2, LOCAL_STRICT),
    ROW(shobj_description, nothing, 2, 0),
    ROW(to_regclass, to_regclass, 1, LOCAL_STRICT),
    PRIVILEGE(has_table_privilege_id, 2),
    PRIVILEGE(has_table_privilege_name, 2),
    PRIVILEGE(has_table_privilege_name_id, 3),
    PRIVILEGE(has_table_privilege_name_name, 3),
    PRIVILEGE(has_schema_privilege_id, 2),
    PRIVILEGE(has_schema_privilege_name, 2),
    PRIVILEGE(has_schema_privilege_name_id, 3),
    PRIVILEGE(has_schema_privilege_name_name, 3),
    PRIVILEGE(has_database_privilege_id, 2),
    PRIVILEGE(has_database_privilege_name, 2),
    PRIVILEGE(has_database_privilege_name_id, 3),
    PRIVILEGE(has_database_privilege_name_name, 3),
    PRIVILEGE(has_column_privilege_id_attnum, 3),
    PRIVILEGE(has_column_privilege_id_name, 3),
    PRIVILEGE(has_any_column_privilege_id, 2),
    PRIVILEGE(has_sequence_privilege_id, 2),
    PRIVILEGE(has_sequence_privilege_name, 2),
    PRIVILEGE(has_function_privilege_id, 2),
    PRIVILEGE(has_type_privilege_id, 2),
    PRIVILEGE(has_language_privilege_id, 2),
    PRIVILEGE(has_tablespace_privilege_id, 2),
    ROW(pg_get_partkeydef, nothing, 1, LOCAL_STRICT),
    ROW(pg_get_partition_constraintdef, nothing, 1, LOCAL_STRICT),
    ROW(pg_get_statisticsobjdef_columns, nothing, 1, LOCAL_STRICT),
};

const struct local_family local_family_catalog = { .functions = functions,
                                                   .n_functions = sizeof(functions) / sizeof(functions[0]) };
