/*
 * analyze_populate.c - json_populate_record(NULL::table, …) and its kin: the rows have the columns of a table.
 *
 * The first argument stays in the tree as a NULL of the table's row type; that type is the call's. The only base understood is NULL:
 * a row that fills the fields which the JSON lacks is 0A000.
 */
#include "proxy/sql/analyze_internal.h"

bool is_populate_call(const PgQuery__FuncCall *call)
{
    static const char *const names[] = { "json_populate_record", "jsonb_populate_record", "json_populate_recordset",
                                         "jsonb_populate_recordset" };
    struct str name = call->n_funcname ? node_string(call->funcname[call->n_funcname - 1]) : STR("");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (str_is(name, names[i]) && call->n_args == 2)
            return true;
    return false;
}

static bool is_null_constant(const Node *n)
{
    return n->node_case == PG_QUERY__NODE__NODE_A_CONST && n->a_const->isnull;
}

/* The table whose row type the name is; NULL without an error: none. */
static const struct relation *named_row_type(A *a, const PgQuery__TypeName *name)
{
    struct str schema, base;
    if (name->n_typmods || name->n_array_bounds || name->setof || name->pct_type ||
        !name_parts(a, name->names, name->n_names, name->location, &schema, &base) ||
        snapshot_type(a->snapshot, a->settings->search_path, a->settings->n_search_path, schema, base))
        return NULL;
    return snapshot_relation(a->snapshot, a->settings->search_path, a->settings->n_search_path, schema, base);
}

/* NULL::table; NULL with err set otherwise. */
static struct expr *base_row(A *a, const Node *n, int location)
{
    const PgQuery__TypeCast *cast = n->node_case == PG_QUERY__NODE__NODE_TYPE_CAST ? n->type_cast : NULL;
    const struct relation *r = cast ? named_row_type(a, cast->type_name) : NULL;
    oid_t type;
    int32_t typmod;
    if (err_is_set(a->err) || (cast && !r && !analyze_type_name(a, cast->type_name, &type, &typmod, NULL)))
        return NULL;
    if (!cast && is_null_constant(n)) {
        err_set(a->err, SQLSTATE_DATATYPE_MISMATCH,
                "could not determine polymorphic type because input has type unknown");
        return NULL;
    }
    if (r && !r->is_system && r->row_type && is_null_constant(cast->arg))
        return const_null(a, r->row_type, -1, cast->location);
    unsupported_at(a, location, "filling in a record from a row");
    err_hint(a->err, "The first argument has to be NULL::table.");
    return NULL;
}

struct expr *transform_populate(A *a, struct scope *s, const PgQuery__FuncCall *call)
{
    struct str name = node_string(call->funcname[call->n_funcname - 1]);
    size_t n_procs;
    const struct pg_proc *proc = pg_procs_by_name(name, &n_procs);
    struct expr *row = base_row(a, call->args[0], call->location);
    struct expr *json = row ? transform_expr(a, s, call->args[1]) : NULL;
    if (!json)
        return NULL;
    oid_t type = proc->args[1];
    if (!can_coerce(a, 1, &json->type, &type, COERCION_IMPLICIT)) {
        fail_at(a, call->location, SQLSTATE_UNDEFINED_FUNCTION, "function %.*s(%.*s, %.*s) does not exist",
                STR_FMT(name), STR_FMT(type_text(a, row->type, -1)), STR_FMT(type_text(a, json->type, -1)));
        err_hint(a->err,
                 "No function matches the given name and argument types. You might need to add explicit type casts.");
        return NULL;
    }
    struct expr *e = expr_new(a, EXPR_FUNC, row->type, -1, call->location);
    json = e ? coerce_type(a, json, type, -1, COERCION_IMPLICIT, false, -1) : NULL;
    if (!json || !PUSH(a, e->args, e->n_args, row) || !PUSH(a, e->args, e->n_args, json))
        return NULL;
    e->call.proc = proc;
    e->call.form = CALL_FUNCTION;
    return e;
}
