/* definitions.c - pg_get_expr, pg_get_indexdef, pg_get_constraintdef… : objects in PostgreSQL's words (PostgreSQL 9.26.3). */
#include "proxy/catalog/collation.h"
#include "proxy/catalog/names.h"
#include "proxy/catalog/reg_names.h"
#include "proxy/catalog/system_rows.h"
#include "proxy/sql/functions/catalog_objects.h"
#include "proxy/sql/functions/typed.h"
#include "proxy/sql/stored_text.h"

static struct stored_text stored(sqlite3_context *c)
{
    const struct system_state *state = catalog_source(c).state;
    return (struct stored_text){ catalog_snapshot(c), settings_of(c), state ? &state->path : NULL, scratch(c) };
}

static struct str shown(sqlite3_context *c, struct str text, const struct relation *r, bool is_pretty)
{
    struct stored_text t = stored(c);
    return stored_text_shown(&t, text, r, is_pretty);
}

/* Where the last argument of a function says so. */
static bool wants_pretty(int n, int at, sqlite3_value **args)
{
    return n > at && sqlite3_value_int(args[at]);
}

/* The name that the two forms show: with its schema unless it is pretty and on the path. */
static struct str table_name(sqlite3_context *c, struct str schema, struct str name, bool is_pretty)
{
    return is_pretty && catalog_on_path(c, schema) ? name_quote(name, scratch(c))
                                                   : name_qualified(schema, name, scratch(c));
}

/* ---- expressions ---- */

/* pg_node_tree columns hold the text itself here. */
static void get_expr(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    local_result_text(c, shown(c, local_text(args[0]), catalog_relation(c, args[1]), wants_pretty(n, 2, args)));
}

/* ---- constraints ---- */

static struct str column_list(sqlite3_context *c, const struct relation *r, const int16_t *numbers, size_t n)
{
    struct str list = STR("");
    for (size_t i = 0; i < n; i++) {
        const struct column *column = relation_column_by_number(r, numbers[i]);
        list = arena_printf(scratch(c), "%.*s%s%.*s", STR_FMT(list), i ? ", " : "",
                            STR_FMT(column ? name_quote(column->name, scratch(c)) : STR("?")));
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

static struct str waiting(sqlite3_context *c, struct str text, const struct constraint *k)
{
    return arena_printf(scratch(c), "%.*s%s%s%s", STR_FMT(text), k->deferrable ? " DEFERRABLE" : "",
                        k->deferrable && k->deferred ? " INITIALLY DEFERRED" : "", k->not_valid ? " NOT VALID" : "");
}

/* The referenced table is named as the path finds it, in both forms (generate_relation_name). */
static struct str foreign_key(sqlite3_context *c, const struct relation *r, const struct constraint *k, bool is_pretty)
{
    const struct relation *f = system_foreign_table(catalog_snapshot(c), k);
    struct arena *a = scratch(c);
    (void)is_pretty;
    struct str target = table_name(c, k->foreign_schema, k->foreign_table, true);
    struct str text = arena_printf(a, "FOREIGN KEY (%.*s) REFERENCES %.*s(%.*s)",
                                   STR_FMT(column_list(c, r, k->columns, k->n_columns)), STR_FMT(target),
                                   STR_FMT(f ? column_list(c, f, k->foreign_columns, k->n_columns) : STR("?")));
    if (k->match_full)
        text = arena_printf(a, "%.*s MATCH FULL", STR_FMT(text));
    if (action(k->on_update))
        text = arena_printf(a, "%.*s ON UPDATE %s", STR_FMT(text), action(k->on_update));
    if (action(k->on_delete))
        text = arena_printf(a, "%.*s ON DELETE %s", STR_FMT(text), action(k->on_delete));
    return waiting(c, text, k);
}

static struct str constraint_text(sqlite3_context *c, const struct relation *r, const struct constraint *k,
                                  bool is_pretty)
{
    struct arena *a = scratch(c);
    if (k->kind == 'f')
        return foreign_key(c, r, k, is_pretty);
    if (k->kind == 'c')
        return waiting(c, arena_printf(a, "CHECK (%.*s)", STR_FMT(shown(c, k->expression, r, is_pretty))), k);
    struct str text = arena_printf(a, "%s (%.*s)", k->kind == 'p' ? "PRIMARY KEY" : "UNIQUE",
                                   STR_FMT(column_list(c, r, k->columns, k->n_columns)));
    return waiting(c, text, k);
}

static struct str domain_check(sqlite3_context *c, oid_t oid, bool is_pretty)
{
    const struct snapshot *s = catalog_snapshot(c);
    struct stored_text t = stored(c);
    for (size_t i = 0; s && i < s->n_types; i++)
        for (size_t k = 0; k < s->types[i].n_checks; k++)
            if (system_domain_check(&s->types[i], k) == oid) {
                struct str text = stored_text_shown_check(&t, s->types[i].checks[k], &s->types[i], is_pretty);
                return arena_printf(scratch(c), "CHECK (%.*s)", STR_FMT(text));
            }
    return (struct str){ 0 };
}

/* PostgreSQL's own keys. */
static struct str system_constraint(sqlite3_context *c, oid_t oid)
{
    enum { KIND = 3, RELATION = 7, KEY = 18, BIN = 25 };
    const struct value *row = fixed_row("pg_constraint", oid);
    if (!row)
        return (struct str){ 0 };
    if (str_is(row[KIND].bytes, "c"))
        return arena_printf(scratch(c), "CHECK (%.*s)", STR_FMT(row[BIN].bytes));
    int16_t columns[32];
    size_t n = catalog_numbers(row[KEY].bytes, columns, 32);
    const struct relation *r = system_relation_by_oid((oid_t)row[RELATION].integer);
    return r ? arena_printf(scratch(c), "%s (%.*s)", str_is(row[KIND].bytes, "p") ? "PRIMARY KEY" : "UNIQUE",
                            STR_FMT(column_list(c, r, columns, n)))
             : (struct str){ 0 };
}

static void constraint_definition(sqlite3_context *c, int n, sqlite3_value **args)
{
    const struct snapshot *s = catalog_snapshot(c);
    STRICT(n, args);
    oid_t oid = (oid_t)sqlite3_value_int64(args[0]);
    bool is_pretty = wants_pretty(n, 1, args);
    struct str text = system_constraint(c, oid);
    for (size_t i = 0; !text.p && s && i < s->n_relations; i++)
        for (size_t k = 0; k < s->relations[i].n_constraints; k++)
            if (s->relations[i].constraints[k].oid == oid)
                text = constraint_text(c, &s->relations[i], &s->relations[i].constraints[k], is_pretty);
    if (!text.p)
        text = domain_check(c, oid, is_pretty);
    if (text.p)
        local_result_text(c, text);
}

/* ---- indexes ---- */

static struct str index_term(sqlite3_context *c, const struct relation *r, const struct index_column *x, bool is_pretty)
{
    struct stored_text t = stored(c);
    if (x->column)
        return column_list(c, r, &x->column, 1);
    struct str text = shown(c, x->expression, r, is_pretty);
    return stored_text_is_call(&t, x->expression, r) ? text : arena_printf(scratch(c), "(%.*s)", STR_FMT(text));
}

static struct str index_text(sqlite3_context *c, const struct relation *r, const struct index *x, bool is_pretty)
{
    struct arena *a = scratch(c);
    struct str text = arena_printf(
        a, "CREATE %sINDEX %.*s ON %.*s USING %s (", x->unique ? "UNIQUE " : "", STR_FMT(name_quote(x->name, a)),
        STR_FMT(table_name(c, r->schema, r->name, is_pretty)), x->is_hash ? "hash" : "btree");
    for (size_t i = 0; i < x->n_columns; i++) {
        const struct index_column *k = &x->columns[i];
        text = arena_printf(a, "%.*s%s%.*s%.*s%s%.*s%s%s", STR_FMT(text), i ? ", " : "",
                            STR_FMT(index_term(c, r, k, is_pretty)), STR_FMT(collation_clause(k->collation, a)),
                            k->opclass.n ? " " : "", STR_FMT(k->opclass), k->descending ? " DESC" : "",
                            k->descending && !k->nulls_first   ? " NULLS LAST"
                            : !k->descending && k->nulls_first ? " NULLS FIRST"
                                                               : "");
    }
    text = arena_printf(a, "%.*s)", STR_FMT(text));
    if (x->n_included)
        text = arena_printf(a, "%.*s INCLUDE (%.*s)", STR_FMT(text),
                            STR_FMT(column_list(c, r, x->included, x->n_included)));
    if (x->predicate.n)
        text = arena_printf(a, "%.*s WHERE %.*s", STR_FMT(text), STR_FMT(shown(c, x->predicate, r, is_pretty)));
    return text;
}

/* Columns of a table of PostgreSQL's own by their numbers; TOAST tables have no other description than their rows here. */
static struct str own_columns(sqlite3_context *c, oid_t table, const int16_t *columns, size_t n)
{
    enum { ATTRIBUTE_RELATION, ATTRIBUTE_NAME, ATTRIBUTE_NUMBER = 5 };
    struct arena *a = scratch(c);
    struct str text = STR("");
    struct value **rows;
    size_t n_rows;
    if (!fixed_rows(system_relation(STR("pg_catalog"), STR("pg_attribute")), &rows, &n_rows))
        return text;
    for (size_t k = 0; k < n; k++)
        for (size_t i = 0; i < n_rows; i++)
            if (rows[i][ATTRIBUTE_RELATION].integer == table && rows[i][ATTRIBUTE_NUMBER].integer == columns[k])
                text = arena_printf(a, "%.*s%s%.*s", STR_FMT(text), text.n ? ", " : "",
                                    STR_FMT(name_quote(rows[i][ATTRIBUTE_NAME].bytes, a)));
    return text;
}

/* An index of PostgreSQL's own: plain columns, B-tree. */
static struct str system_index(sqlite3_context *c, oid_t oid, sqlite3_int64 only, bool is_pretty)
{
    enum { CLASS_NAME = 1, INDEX_RELATION = 1, INDEX_UNIQUE = 4, INDEX_KEY = 15 };
    const struct value *index = fixed_row("pg_index", oid), *class = fixed_row("pg_class", oid);
    oid_t table = index ? (oid_t)index[INDEX_RELATION].integer : 0;
    const struct relation *r = system_relation_by_oid(table);
    const struct value *toast = table && !r ? fixed_row("pg_class", table) : NULL;
    int16_t columns[32];
    struct arena *a = scratch(c);
    if ((!r && !toast) || !class)
        return (struct str){ 0 };
    size_t n = catalog_numbers(index[INDEX_KEY].bytes, columns, 32);
    if (only)
        return only > 0 && (size_t)only <= n ? own_columns(c, table, &columns[only - 1], 1) : STR("");
    return arena_printf(a, "CREATE %sINDEX %.*s ON %.*s USING btree (%.*s)",
                        index[INDEX_UNIQUE].integer ? "UNIQUE " : "", STR_FMT(name_quote(class[CLASS_NAME].bytes, a)),
                        STR_FMT(r ? table_name(c, r->schema, r->name, is_pretty)
                                  : table_name(c, STR("pg_toast"), toast[CLASS_NAME].bytes, is_pretty)),
                        STR_FMT(own_columns(c, table, columns, n)));
}

static void index_definition(sqlite3_context *c, int n, sqlite3_value **args)
{
    const struct index *x;
    STRICT(n, args);
    oid_t oid = (oid_t)sqlite3_value_int64(args[0]);
    sqlite3_int64 only = n > 1 ? sqlite3_value_int64(args[1]) : 0;
    bool is_pretty = wants_pretty(n, 2, args);
    const struct relation *r = catalog_index(c, oid, &x);
    struct str text = { 0 };
    if (!r)
        text = system_index(c, oid, only, is_pretty);
    else if (!only)
        text = index_text(c, r, x, is_pretty);
    else if (only > 0 && (size_t)only <= x->n_columns)
        text = index_term(c, r, &x->columns[only - 1], is_pretty);
    else if (only > 0 && (size_t)only - x->n_columns <= x->n_included)
        text = column_list(c, r, &x->included[(size_t)only - x->n_columns - 1], 1);
    else
        text = STR("");
    if (text.p)
        local_result_text(c, text);
}

/* ---- views, rules, triggers ---- */

static struct str view_text(sqlite3_context *c, const struct relation *r, bool is_pretty)
{
    struct stored_text t = stored(c);
    struct str text = r->is_system ? system_view_definition(r) : r->view_text;
    if (!text.n || r->kind != RELATION_VIEW)
        return (struct str){ 0 };
    text = stored_text_shown_view(&t, text, r, is_pretty);
    return arena_printf(scratch(c), "%.*s%s", STR_FMT(text), text.p[text.n - 1] == ';' ? "" : ";");
}

static void view_definition(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    const struct relation *r = catalog_relation(c, args[0]);
    struct str text = r ? view_text(c, r, wants_pretty(n, 1, args)) : (struct str){ 0 };
    if (text.p)
        local_result_text(c, text);
}

static void relation_is_updatable(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    struct stored_text t = stored(c);
    const struct relation *r = catalog_relation(c, args[0]);
    sqlite3_result_int(c, r ? (int)stored_text_events(&t, r, -1) : 0);
}

/* PostgreSQL asks for UPDATE and DELETE. */
static void column_is_updatable(sqlite3_context *c, int n, sqlite3_value **args)
{
    enum { WANTED = 1 << 2 | 1 << 4 };
    STRICT(n, args);
    struct stored_text t = stored(c);
    const struct relation *r = catalog_relation(c, args[0]);
    sqlite3_int64 number = sqlite3_value_int64(args[1]);
    bool there = r && number > 0 && (size_t)number <= r->n_columns;
    sqlite3_result_int(c, there && (stored_text_events(&t, r, (int)number - 1) & WANTED) == WANTED);
}

static void view_definition_of_name(sqlite3_context *c, int n, sqlite3_value **args)
{
    oid_t oid;
    STRICT(n, args);
    if (!catalog_find(c, TYPE_OID_regclass, local_text(args[0]), &oid))
        return local_fail(c);
    const struct relation *r = catalog_relation_by_oid(c, oid);
    struct str text = r ? view_text(c, r, wants_pretty(n, 1, args)) : (struct str){ 0 };
    if (text.p)
        local_result_text(c, text);
}

/* CREATE RULE "_RETURN" …, for the only rules there are: those of views. */
static void rule_definition(sqlite3_context *c, int n, sqlite3_value **args)
{
    enum { RULE_ACTION = 7 };
    const struct snapshot *s = catalog_snapshot(c);
    STRICT(n, args);
    oid_t oid = (oid_t)sqlite3_value_int64(args[0]);
    const struct value *row = fixed_row("pg_rewrite", oid);
    if (row && !str_is(row[RULE_ACTION].bytes, "<>")) /* one that is no view's is kept in full */
        return local_result_text(c, row[RULE_ACTION].bytes);
    const struct relation *r = row ? system_relation_by_oid((oid_t)row[2].integer) : NULL;
    for (size_t i = 0; !r && s && i < s->n_relations; i++)
        if (s->relations[i].kind == RELATION_VIEW && system_rule_oid(&s->relations[i]) == oid)
            r = &s->relations[i];
    struct str text = r ? view_text(c, r, wants_pretty(n, 1, args)) : (struct str){ 0 };
    if (text.p)
        local_result_text(
            c, arena_printf(scratch(c), "CREATE RULE \"_RETURN\" AS\n    ON SELECT TO %.*s DO INSTEAD %.*s",
                            STR_FMT(table_name(c, r->schema, r->name, wants_pretty(n, 1, args))), STR_FMT(text)));
}

static void trigger_definition(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    struct str text = system_trigger_text(catalog_snapshot(c), (oid_t)sqlite3_value_int64(args[0]),
                                          wants_pretty(n, 1, args), scratch(c));
    if (text.p)
        local_result_text(c, text);
}

static void serial_sequence(sqlite3_context *c, int n, sqlite3_value **args)
{
    oid_t oid;
    STRICT(n, args);
    if (!catalog_find(c, TYPE_OID_regclass, local_text(args[0]), &oid))
        return local_fail(c);
    const struct relation *r = catalog_relation_by_oid(c, oid);
    const struct column *column = r ? relation_column(r, local_text(args[1])) : NULL;
    if (!column)
        fail_with(c, SQLSTATE_UNDEFINED_COLUMN, "column \"%.*s\" of relation \"%.*s\" does not exist",
                  STR_FMT(local_text(args[1])), STR_FMT(r ? r->name : local_text(args[0])));
    const struct relation *sequence = column ? snapshot_owned_sequence(catalog_snapshot(c), r, column) : NULL;
    if (sequence)
        local_result_text(c, name_qualified(sequence->schema, sequence->name, scratch(c)));
}

/* ---- functions ---- */

static const struct pg_proc *proc_argument(sqlite3_value *v)
{
    return pg_proc_by_oid((oid_t)sqlite3_value_int64(v));
}

static struct str type_text(sqlite3_context *c, oid_t type)
{
    struct system_source source = catalog_source(c);
    return reg_format_type(&source, type, -1, false, scratch(c));
}

/* The k-th item of a list, empty behind its end. */
static struct str item_at(const char *list, char separator, size_t k)
{
    struct str rest = list ? str_from(list) : (struct str){ 0 };
    for (size_t i = 0; rest.p; i++) {
        const char *end = memchr(rest.p, separator, rest.n);
        size_t n = end ? (size_t)(end - rest.p) : rest.n;
        if (i == k)
            return (struct str){ rest.p, n };
        rest = end ? (struct str){ end + 1, rest.n - n - 1 } : (struct str){ 0 };
    }
    return STR("");
}

static struct str argument_default(const struct pg_proc *p, size_t i)
{
    size_t first = (size_t)p->n_args - p->n_defaults;
    return i >= first && i < p->n_args ? item_at(p->defaults, '\x1f', i - first) : STR("");
}

static struct str add_argument(sqlite3_context *c, struct str list, const char *mode, struct str name, oid_t type)
{
    struct arena *a = scratch(c);
    return arena_printf(a, "%.*s%s%s%.*s%s%.*s", STR_FMT(list), list.n ? ", " : "", mode,
                        STR_FMT(name.n ? name_quote(name, a) : name), name.n ? " " : "", STR_FMT(type_text(c, type)));
}

/* print_function_arguments: defaults only in the full form. Ordered-set aggregates show ORDER BY. */
static struct str arguments_text(sqlite3_context *c, const struct pg_proc *p, bool full)
{
    const struct pg_aggregate *aggregate = pg_aggregate_by_proc(p->oid);
    bool ordered = aggregate && aggregate->kind != 'n';
    struct str list = STR("");
    for (size_t i = 0; i < p->n_args; i++) {
        const char *mode = p->variadic && i + 1u == p->n_args ? "VARIADIC " : "";
        if (ordered && i == aggregate->n_direct_args) {
            struct str sorted = add_argument(c, STR(""), mode, item_at(p->arg_names, ',', i), p->args[i]);
            for (size_t k = i + 1; k < p->n_args; k++)
                sorted = add_argument(c, sorted, p->variadic && k + 1u == p->n_args ? "VARIADIC " : "",
                                      item_at(p->arg_names, ',', k), p->args[k]);
            return arena_printf(scratch(c), "%.*s%sORDER BY %.*s", STR_FMT(list), list.n ? " " : "", STR_FMT(sorted));
        }
        list = add_argument(c, list, mode, item_at(p->arg_names, ',', i), p->args[i]);
        struct str value = argument_default(p, i);
        if (full && value.n)
            list = arena_printf(scratch(c), "%.*s DEFAULT %.*s", STR_FMT(list), STR_FMT(value));
    }
    if (ordered) /* every argument is direct, the last one is sorted too */
        return arena_printf(
            scratch(c), "%.*s ORDER BY %.*s", STR_FMT(list),
            STR_FMT(p->n_args ? add_argument(c, STR(""), p->variadic ? "VARIADIC " : "",
                                             item_at(p->arg_names, ',', p->n_args - 1u), p->args[p->n_args - 1])
                              : STR("")));
    for (size_t i = 0; p->out_args; i++) {
        struct str out = item_at(p->out_args, ',', i);
        ptrdiff_t space = str_find(out, STR(" "));
        int64_t type = 0;
        if (!out.n || space < 0)
            break;
        str_to_int64((struct str){ out.p + space + 1, out.n - (size_t)space - 1 }, &type);
        list = add_argument(c, list, "OUT ", (struct str){ out.p, (size_t)space }, (oid_t)type);
    }
    return list;
}

static void function_arguments(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    if (proc_argument(args[0]))
        local_result_text(c, arguments_text(c, proc_argument(args[0]), true));
}

static void identity_arguments(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    if (proc_argument(args[0]))
        local_result_text(c, arguments_text(c, proc_argument(args[0]), false));
}

static struct str result_text(sqlite3_context *c, const struct pg_proc *p)
{
    return arena_printf(scratch(c), "%s%.*s", p->returns_set ? "SETOF " : "", STR_FMT(type_text(c, p->result)));
}

static void function_result(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    const struct pg_proc *p = proc_argument(args[0]);
    if (p && p->kind != 'p')
        local_result_text(c, result_text(c, p));
}

static void function_argument_default(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    const struct pg_proc *p = proc_argument(args[0]);
    sqlite3_int64 at = sqlite3_value_int64(args[1]);
    struct str text = p && at > 0 ? argument_default(p, (size_t)at - 1) : STR("");
    if (text.n)
        local_result_text(c, text);
}

static void function_body(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    const struct pg_proc_more *more = pg_proc_more((oid_t)sqlite3_value_int64(args[0]));
    if (more && more->body)
        local_result_text(c, str_from(more->body));
}

/* What CREATE FUNCTION would leave out is left out: defaults of cost, rows, parallel safety. */
static struct str function_properties(sqlite3_context *c, const struct pg_proc *p)
{
    struct arena *a = scratch(c);
    float cost = p->language == 'i' || p->language == 'c' ? 1 : 100;
    struct str text = arena_printf(a, "%s%s%s%s%s%s", p->kind == 'w' ? " WINDOW" : "",
                                   p->volatility == 'i'   ? " IMMUTABLE"
                                   : p->volatility == 's' ? " STABLE"
                                                          : "",
                                   p->parallel == 's'   ? " PARALLEL SAFE"
                                   : p->parallel == 'r' ? " PARALLEL RESTRICTED"
                                                        : "",
                                   p->strict ? " STRICT" : "", p->leakproof ? " LEAKPROOF" : "", "");
    if (p->cost != cost) /* NOLINT: both come from the same constants */
        text = arena_printf(a, "%.*s COST %g", STR_FMT(text), (double)p->cost);
    if (p->rows > 0 && p->rows != 1000)
        text = arena_printf(a, "%.*s ROWS %g", STR_FMT(text), (double)p->rows);
    if (p->support)
        text = arena_printf(a, "%.*s SUPPORT %s", STR_FMT(text), pg_proc_by_oid(p->support)->name);
    return text;
}

static struct str quoted_body(sqlite3_context *c, struct str body)
{
    const char *mark = str_find(body, STR("$function$")) >= 0 ? "$functionx$" : "$function$";
    return arena_printf(scratch(c), "AS %s%.*s%s\n", mark, STR_FMT(body), mark);
}

static void function_definition(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    const struct pg_proc *p = proc_argument(args[0]);
    struct arena *a = scratch(c);
    if (!p)
        return;
    if (p->kind == 'a')
        return fail_with(c, SQLSTATE_WRONG_OBJECT_TYPE, "\"%s\" is an aggregate function", p->name);
    const struct pg_proc_more *more = pg_proc_more(p->oid);
    struct str properties = function_properties(c, p);
    struct str body = more && more->body ? arena_printf(a, "%s\n", more->body)
                      : more && more->library
                          ? arena_printf(a, "AS '%s', $function$%s$function$\n", more->library, p->source)
                          : quoted_body(c, str_from(more && more->source ? more->source : p->source));
    local_result_text(
        c, arena_printf(a, "CREATE OR REPLACE FUNCTION %s.%.*s(%.*s)\n RETURNS %.*s\n LANGUAGE %s\n%.*s%s%.*s",
                        pg_proc_schema(p), STR_FMT(name_quote(str_from(p->name), a)),
                        STR_FMT(arguments_text(c, p, true)), STR_FMT(result_text(c, p)),
                        p->language == 'i'   ? "internal"
                        : p->language == 'c' ? "c"
                                             : "sql",
                        STR_FMT(properties), properties.n ? "\n" : "", STR_FMT(body)));
}

#define ROW(source, function, args)                                                                                    \
    {                                                                                                                  \
        .name = "pg_" #source, .n_args = args, .flags = LOCAL_STRICT, .call = function                                 \
    }

static const struct local_function functions[] = {
    ROW(pg_get_constraintdef, constraint_definition, 1),
    ROW(pg_get_constraintdef_ext, constraint_definition, 2),
    ROW(pg_get_expr, get_expr, 2),
    ROW(pg_get_expr_ext, get_expr, 3),
    ROW(pg_get_function_arg_default, function_argument_default, 2),
    ROW(pg_get_function_arguments, function_arguments, 1),
    ROW(pg_get_function_identity_arguments, identity_arguments, 1),
    ROW(pg_get_function_result, function_result, 1),
    ROW(pg_get_function_sqlbody, function_body, 1),
    ROW(pg_get_functiondef, function_definition, 1),
    ROW(pg_get_indexdef, index_definition, 1),
    ROW(pg_get_indexdef_ext, index_definition, 3),
    ROW(pg_get_ruledef, rule_definition, 1),
    ROW(pg_get_ruledef_ext, rule_definition, 2),
    ROW(pg_get_serial_sequence, serial_sequence, 2),
    ROW(pg_get_triggerdef, trigger_definition, 1),
    ROW(pg_get_triggerdef_ext, trigger_definition, 2),
    ROW(pg_relation_is_updatable, relation_is_updatable, 2),
    ROW(pg_column_is_updatable, column_is_updatable, 3),
    ROW(pg_get_viewdef, view_definition, 1),
    ROW(pg_get_viewdef_ext, view_definition, 2),
    ROW(pg_get_viewdef_name, view_definition_of_name, 1),
    ROW(pg_get_viewdef_name_ext, view_definition_of_name, 2),
    ROW(pg_get_viewdef_wrap, view_definition, 2),
};

const struct local_family local_family_definitions = { .functions = functions,
                                                       .n_functions = sizeof(functions) / sizeof(functions[0]) };
