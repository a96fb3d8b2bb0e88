/* analyze_type.c - type names, categories and coercion pathways (PostgreSQL 15: parse_type.c, parse_coerce.c). */
#include "proxy/sql/analyze_internal.h"

#include "proxy/catalog/names.h"

struct str type_text(A *a, oid_t type, int32_t typmod)
{
    if (type == TYPE_OID_bpchar && typmod < 0) /* with a length that nobody asked for, as format_type_be() has it */
        return STR("character");
    if (type == TYPE_OID__bpchar && typmod < 0)
        return STR("character[]");
    return snapshot_format_type(a->snapshot, type, typmod, a->arena);
}

struct str expr_type_text(A *a, const struct expr *e)
{
    const struct relation *r = e->kind == EXPR_WHOLE_ROW ? e->var.of : NULL;
    return r ? name_qualified(snapshot_shown_schema(a->snapshot, NULL, r), r->name, a->arena)
             : type_text(a, e->type, -1);
}

oid_t type_base(A *a, oid_t type)
{
    for (int i = 0; i < 32; i++) {
        const struct user_type *u = snapshot_user_type(a->snapshot, type);
        if (!u || u->kind != 'd' || u->oid != type)
            return type;
        type = u->base;
    }
    return type;
}

bool type_is_enum(A *a, oid_t type)
{
    const struct user_type *u = snapshot_user_type(a->snapshot, type);
    return u && u->kind == 'e' && u->oid == type;
}

bool type_is_domain(A *a, oid_t type)
{
    const struct user_type *u = snapshot_user_type(a->snapshot, type);
    return u && u->kind == 'd' && u->oid == type;
}

oid_t type_element(A *a, oid_t type)
{
    return snapshot_element_type(a->snapshot, type_base(a, type));
}

oid_t type_array(A *a, oid_t type)
{
    return snapshot_array_type(a->snapshot, type);
}

char type_category(A *a, oid_t type, bool *ret_preferred)
{
    type = type_base(a, type);
    const struct pg_type *t = pg_type_by_oid(type);
    if (ret_preferred)
        *ret_preferred = t && t->preferred;
    if (t)
        return t->category;
    if (type_is_enum(a, type))
        return 'E';
    return snapshot_element_type(a->snapshot, type) ? 'A' : 'U';
}

const struct range_type *type_range(A *a, oid_t type)
{
    static const struct range_type ranges[] = {
        { TYPE_OID_int4range, TYPE_OID_int4multirange, TYPE_OID_int4 },
        { TYPE_OID_int8range, TYPE_OID_int8multirange, TYPE_OID_int8 },
        { TYPE_OID_numrange, TYPE_OID_nummultirange, TYPE_OID_numeric },
        { TYPE_OID_daterange, TYPE_OID_datemultirange, TYPE_OID_date },
        { TYPE_OID_tsrange, TYPE_OID_tsmultirange, TYPE_OID_timestamp },
        { TYPE_OID_tstzrange, TYPE_OID_tstzmultirange, TYPE_OID_timestamptz },
    };
    type = type_base(a, type);
    for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges); i++)
        if (type == ranges[i].range || type == ranges[i].multirange)
            return &ranges[i];
    return NULL;
}

bool type_is_polymorphic(oid_t type)
{
    switch (type) {
    case TYPE_OID_anyelement:
    case TYPE_OID_anyarray:
    case TYPE_OID_anynonarray:
    case TYPE_OID_anyenum:
    case TYPE_OID_anyrange:
    case TYPE_OID_anymultirange:
    case TYPE_OID_anycompatible:
    case TYPE_OID_anycompatiblearray:
    case TYPE_OID_anycompatiblenonarray:
    case TYPE_OID_anycompatiblerange:
    case TYPE_OID_anycompatiblemultirange:
        return true;
    default:
        return false;
    }
}

bool binary_coercible(A *a, oid_t source, oid_t target)
{
    if (source == target || target == TYPE_OID_any || target == TYPE_OID_anyelement || target == TYPE_OID_anycompatible)
        return true;
    source = type_base(a, source);
    if (source == target)
        return true;
    if ((target == TYPE_OID_anyarray || target == TYPE_OID_anycompatiblearray) && type_element(a, source))
        return true;
    if ((target == TYPE_OID_anynonarray || target == TYPE_OID_anycompatiblenonarray) && !type_element(a, source))
        return true;
    if (target == TYPE_OID_anyenum && type_is_enum(a, source))
        return true;
    const struct pg_cast *cast = pg_cast_find(source, target);
    return cast && cast->method == 'b' && cast->context == 'i';
}

enum coercion_path coercion_pathway(A *a, oid_t target, oid_t source, enum coercion_context context,
                                    const struct pg_proc **ret_proc)
{
    *ret_proc = NULL;
    source = type_base(a, source);
    target = type_base(a, target);
    if (source == target)
        return PATH_RELABEL;
    const struct pg_cast *cast = pg_cast_find(source, target);
    if (cast) {
        enum coercion_context needs = cast->context == 'i'   ? COERCION_IMPLICIT
                                      : cast->context == 'a' ? COERCION_ASSIGNMENT
                                                             : COERCION_EXPLICIT;
        if (context < needs)
            return PATH_NONE;
        if (cast->method == 'f') {
            *ret_proc = pg_proc_by_oid(cast->proc);
            return *ret_proc ? PATH_FUNC : PATH_NONE;
        }
        return cast->method == 'b' ? PATH_RELABEL : PATH_IO;
    }
    if (target != TYPE_OID_oidvector && target != TYPE_OID_int2vector) {
        oid_t target_element = snapshot_element_type(a->snapshot, target),
              source_element = snapshot_element_type(a->snapshot, source);
        if (target_element && source_element) {
            enum coercion_path element = coercion_pathway(a, target_element, source_element, context, ret_proc);
            if (element == PATH_NONE)
                return PATH_NONE;
            return PATH_ARRAY;
        }
    }
    if (context >= COERCION_ASSIGNMENT && type_category(a, target, NULL) == 'S')
        return PATH_IO;
    if (context >= COERCION_EXPLICIT && type_category(a, source, NULL) == 'S')
        return PATH_IO;
    return PATH_NONE;
}

bool can_coerce(A *a, size_t n, const oid_t *inputs, const oid_t *targets, enum coercion_context context)
{
    bool have_generics = false;
    for (size_t i = 0; i < n; i++) {
        const struct pg_proc *proc;
        if (inputs[i] == targets[i] || targets[i] == TYPE_OID_any)
            continue;
        if (type_is_polymorphic(targets[i])) {
            have_generics = true;
            continue;
        }
        if (inputs[i] == TYPE_OID_unknown)
            continue;
        if (coercion_pathway(a, targets[i], inputs[i], context, &proc) != PATH_NONE)
            continue;
        if (inputs[i] == TYPE_OID_record && context == COERCION_EXPLICIT && targets[i] == TYPE_OID_text)
            continue;
        return false;
    }
    return !have_generics || generic_consistent(a, inputs, targets, n);
}

/* --- names of types --- */

/* A name that means a serial column, and the type under it. */
static const struct {
    const char *name;
    oid_t type;
} serials[] = {
    { "smallserial", TYPE_OID_int2 }, { "serial2", TYPE_OID_int2 },   { "serial", TYPE_OID_int4 },
    { "serial4", TYPE_OID_int4 },     { "bigserial", TYPE_OID_int8 }, { "serial8", TYPE_OID_int8 },
};

/* What a modifier says as text: a constant or a name. */
static bool modifier_text(A *a, const Node *m, struct str *ret)
{
    const PgQuery__AConst *c = m->node_case == PG_QUERY__NODE__NODE_A_CONST ? m->a_const : NULL;
    const PgQuery__ColumnRef *name = m->node_case == PG_QUERY__NODE__NODE_COLUMN_REF ? m->column_ref : NULL;
    if (c && c->val_case == PG_QUERY__A__CONST__VAL_IVAL)
        *ret = arena_printf(a->arena, "%d", c->ival->ival);
    else if (c && c->val_case == PG_QUERY__A__CONST__VAL_FVAL)
        *ret = str_from(c->fval->fval);
    else if (c && c->val_case == PG_QUERY__A__CONST__VAL_SVAL)
        *ret = str_from(c->sval->sval);
    else if (name && name->n_fields == 1 && name->fields[0]->node_case == PG_QUERY__NODE__NODE_STRING)
        *ret = node_string(name->fields[0]);
    else
        return false;
    return ret->p != NULL;
}

bool warn_precision(A *a, oid_t type, int32_t precision)
{
    enum { PRECISION_MAX = 6 };
    static const struct {
        oid_t type;
        const char *name, *zone;
    } rows[] = { { TYPE_OID_time, "TIME", "" },
                 { TYPE_OID_timestamp, "TIMESTAMP", "" },
                 { TYPE_OID_timestamptz, "TIMESTAMP", " WITH TIME ZONE" },
                 { TYPE_OID_interval, "INTERVAL", "" },
                 { TYPE_OID_timetz, "TIME", " WITH TIME ZONE" } };
    struct plan *plan = a->warned;
    for (size_t i = 0; plan && precision > PRECISION_MAX && i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].type != type)
            continue;
        struct plan_notice notice = { .code = SQLSTATE_INVALID_PARAMETER_VALUE, .is_warning = true };
        notice.message = arena_printf(plan->arena, "%s(%d)%s precision reduced to maximum allowed, %d", rows[i].name,
                                      precision, rows[i].zone, PRECISION_MAX);
        return PUSH(a, plan->notices, plan->n_notices, notice);
    }
    return true;
}

static bool type_modifiers(A *a, const PgQuery__TypeName *name, oid_t type, int32_t *ret)
{
    int32_t modifiers[8];
    struct str texts[8];
    struct value number;
    struct err local;
    err_init(&local, a->arena);
    if (name->n_typmods > 8)
        return fail_at(a, name->location, SQLSTATE_INVALID_PARAMETER_VALUE, "invalid type modifier");
    if (snapshot_user_type(a->snapshot, type))
        return fail_at(a, name->location, SQLSTATE_SYNTAX_ERROR, "type modifier is not allowed for type \"%.*s\"",
                       STR_FMT(type_text(a, type, -1)));
    bool takes_none = name->n_typmods && !type_typmod_in(type, (int32_t[]){ 1 }, 1, ret, &local);
    if (takes_none && local.code == SQLSTATE_SYNTAX_ERROR) {
        err_copy(a->err, &local);
        a->err->position = analyze_position(a->text, name->location);
        return false;
    }
    err_init(&local, a->arena);
    for (size_t i = 0; i < name->n_typmods; i++)
        if (!modifier_text(a, name->typmods[i], &texts[i]))
            return fail_at(a, name->location, SQLSTATE_SYNTAX_ERROR,
                           "type modifiers must be simple constants or identifiers");
    for (size_t i = 0; i < name->n_typmods; i++) {
        if (!type_decode(TYPE_OID_int4, WIRE_TEXT, texts[i], a->settings->types, a->arena, &number, &local)) {
            err_copy(a->err, &local);
            a->err->position = analyze_position(a->text, name->location);
            return false;
        }
        modifiers[i] = (int32_t)number.integer;
    }
    if (!type_typmod_in(type, modifiers, name->n_typmods, ret, &local)) {
        err_copy(a->err, &local);
        if (!a->err->position)
            a->err->position = analyze_position(a->text, name->location);
        return false;
    }
    size_t last = type == TYPE_OID_interval ? 1 : 0; /* behind an interval's fields */
    return name->n_typmods <= last || warn_precision(a, type, modifiers[last]);
}

static oid_t serial_type(struct str schema, struct str name)
{
    for (size_t i = 0; i < sizeof(serials) / sizeof(serials[0]) && schema.n == 0; i++)
        if (str_is(name, serials[i].name))
            return serials[i].type;
    return 0;
}

/* Domains of information_schema: clients see their base types, and so does the analysis. */
static oid_t information_schema_domain(struct str schema, struct str name, int32_t *typmod)
{
    static const struct {
        const char *name;
        oid_t base;
        int32_t typmod;
    } domains[] = {
        { "cardinal_number", TYPE_OID_int4, -1 }, { "character_data", TYPE_OID_varchar, -1 },
        { "sql_identifier", TYPE_OID_name, -1 },  { "time_stamp", TYPE_OID_timestamptz, 2 },
        { "yes_or_no", TYPE_OID_varchar, 3 + 4 },
    };
    for (size_t i = 0; str_is(schema, "information_schema") && i < sizeof(domains) / sizeof(domains[0]); i++)
        if (str_is(name, domains[i].name)) {
            *typmod = domains[i].typmod;
            return domains[i].base;
        }
    return 0;
}

bool analyze_type_name(A *a, const PgQuery__TypeName *name, oid_t *ret_type, int32_t *ret_typmod, bool *ret_serial)
{
    struct str schema, base;
    if (!name_parts(a, name->names, name->n_names, -1, &schema, &base))
        return false;
    if (name->setof)
        return fail_at(a, name->location, SQLSTATE_DATATYPE_MISMATCH, "SETOF type is not allowed here");
    if (name->pct_type)
        return unsupported_at(a, name->location, "%%TYPE");
    oid_t type = snapshot_type(a->snapshot, a->settings->search_path, a->settings->n_search_path, schema, base);
    int32_t typmod = name->typemod;
    if (!type)
        type = information_schema_domain(schema, base, &typmod);
    bool is_domain = typmod >= 0;
    oid_t serial = ret_serial && !type ? serial_type(schema, base) : 0;
    if (ret_serial)
        *ret_serial = serial != 0;
    if (serial)
        type = serial;
    if (!type && snapshot_relation(a->snapshot, a->settings->search_path, a->settings->n_search_path, schema, base))
        return unsupported_at(a, name->location, "the row type of table \"%.*s\"", STR_FMT(base));
    if (!type) {
        if (!check_schema(a, schema, name->location))
            return false;
        return fail_at(a, name->location, SQLSTATE_UNDEFINED_OBJECT, "type \"%.*s%s\" does not exist",
                       STR_FMT(dotted_names(a, name->names, name->n_names)), name->n_array_bounds ? "[]" : "");
    }
    if (name->n_typmods && !type_modifiers(a, name, type, &typmod))
        return false;
    if (name->n_array_bounds) {
        oid_t array = type_array(a, type);
        if (!array)
            return fail_at(a, name->location, SQLSTATE_UNDEFINED_OBJECT, "could not find array type for data type %.*s",
                           STR_FMT(type_text(a, type, -1)));
        type = array;
    }
    *ret_type = type;
    *ret_typmod = name->n_typmods || is_domain ? typmod : -1;
    return true;
}
