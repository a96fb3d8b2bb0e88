/* reg_names.c - see reg_names.h. */
#include "proxy/catalog/reg_names.h"

#include "pgwire/jsonb.h"
#include "pgwire/types.h"
#include "proxy/base/buf.h"
#include "proxy/catalog/names.h"
#include "proxy/catalog/system_rows.h"

enum { SIGNATURE_MAX = 8192, PARTS_MAX = 3 };

/* ---- printing ---- */

static const struct name_path *path_of(const struct system_source *source)
{
    return source->state ? &source->state->path : NULL;
}

static struct str shown_name(const struct system_source *source, struct str schema, struct str name,
                             struct arena *arena)
{
    return name_path_has(path_of(source), schema) ? name_quote(name, arena) : name_qualified(schema, name, arena);
}

static struct str shown_relation(const struct system_source *source, const struct relation *r, struct arena *arena)
{
    if (!source->snapshot)
        return shown_name(source, r->schema, r->name, arena);
    return name_qualified(snapshot_shown_schema(source->snapshot, path_of(source), r), r->name, arena);
}

static struct str number_text(oid_t oid, struct arena *arena)
{
    return arena_printf(arena, "%u", oid);
}

static const struct value *fixed_row_named(const char *relation, size_t name_column, struct str name)
{
    struct value **rows;
    size_t n = 0;
    const struct relation *r = system_relation(STR("pg_catalog"), str_from(relation));
    if (!r || !fixed_rows(r, &rows, &n))
        return NULL;
    for (size_t i = 0; i < n; i++)
        if (rows[i][name_column].class == VALUE_TEXT && str_eq(rows[i][name_column].bytes, name))
            return rows[i];
    return NULL;
}

enum { CLASS_NAME = 1, CLASS_NAMESPACE = 2, NAMESPACE_NAME = 1 };

/* Of a row of pg_class. */
static struct str schema_of_class(const struct value *row)
{
    const struct value *schema = fixed_row("pg_namespace", (oid_t)row[CLASS_NAMESPACE].integer);
    return schema ? schema[NAMESPACE_NAME].bytes : STR("");
}

static struct str relation_text(const struct system_source *source, oid_t oid, struct arena *arena)
{
    const struct snapshot *snapshot = source->snapshot;
    const struct relation *r = snapshot ? snapshot_relation_by_oid(snapshot, oid) : system_relation_by_oid(oid);
    if (r)
        return shown_relation(source, r, arena);
    for (size_t i = 0; snapshot && i < snapshot->n_relations; i++)
        for (size_t k = 0; k < snapshot->relations[i].n_indexes; k++) {
            const struct index *x = &snapshot->relations[i].indexes[k];
            if (x->oid == oid)
                return shown_name(source, x->schema, x->name, arena);
        }
    const struct value *row = fixed_row("pg_class", oid); /* PostgreSQL's own indexes and TOAST tables */
    if (!row)
        return number_text(oid, arena);
    return str_is(schema_of_class(row), "pg_catalog")
               ? name_quote(row[CLASS_NAME].bytes, arena)
               : shown_name(source, schema_of_class(row), row[CLASS_NAME].bytes, arena);
}

static struct str schema_text(const struct snapshot *s, oid_t oid, struct arena *arena)
{
    const struct value *row = fixed_row("pg_namespace", oid);
    if (row)
        return name_quote(row[1].bytes, arena);
    if (oid == PGD1_OID_SCHEMA)
        return STR("pgd1");
    for (size_t i = 0; s && i < s->n_schemas; i++)
        if (system_schema_oid(s->schemas[i]) == oid)
            return name_quote(s->schemas[i], arena);
    return number_text(oid, arena);
}

struct str reg_signature(const struct system_source *source, const struct pg_proc *proc, struct arena *arena)
{
    struct buf out;
    buf_init(&out, SIGNATURE_MAX);
    if (strcmp(pg_proc_schema(proc), "pg_catalog") != 0)
        buf_printf(&out, "%s.", pg_proc_schema(proc));
    name_quote_add(&out, str_from(proc->name));
    buf_add_char(&out, '(');
    for (size_t i = 0; i < proc->n_args; i++) {
        struct str type = reg_format_type(source, proc->args[i], -1, false, arena);
        buf_printf(&out, "%s%.*s", i ? "," : "", STR_FMT(type));
    }
    buf_add_char(&out, ')');
    struct str text = out.failed ? (struct str){ 0 } : arena_str(arena, buf_str(&out));
    buf_fini(&out);
    return text;
}

static struct str operator_text(const struct system_source *source, oid_t oid, struct arena *arena)
{
    const struct pg_operator *o = pg_operator_by_oid(oid);
    if (!o)
        return number_text(oid, arena);
    struct str left = o->left ? reg_format_type(source, o->left, -1, false, arena) : STR("NONE"),
               right = o->right ? reg_format_type(source, o->right, -1, false, arena) : STR("NONE");
    return arena_printf(arena, "%s(%.*s,%.*s)", o->name, STR_FMT(left), STR_FMT(right));
}

/* regproc: the bare name where it is enough, else the whole signature is not shown either, but the schema is (regprocout). */
static struct str proc_text(oid_t oid, struct arena *arena)
{
    const struct pg_proc *p = pg_proc_by_oid(oid);
    size_t n = 0;
    if (!p)
        return number_text(oid, arena);
    pg_procs_by_name(str_from(p->name), &n);
    struct str name = name_quote(str_from(p->name), arena);
    if (strcmp(pg_proc_schema(p), "pg_catalog") != 0)
        return arena_printf(arena, "%s.%.*s", pg_proc_schema(p), STR_FMT(name));
    return n == 1 ? name : arena_printf(arena, "pg_catalog.%.*s", STR_FMT(name));
}

static const struct {
    oid_t type;
    const char *relation; /* whose first columns are oid, name */
} simple_kinds[] = {
    { TYPE_OID_regcollation, "pg_collation" },
    { TYPE_OID_regconfig, "pg_ts_config" },
    { TYPE_OID_regdictionary, "pg_ts_dict" },
};

static const char *simple_relation(oid_t type)
{
    for (size_t i = 0; i < sizeof(simple_kinds) / sizeof(simple_kinds[0]); i++)
        if (simple_kinds[i].type == type)
            return simple_kinds[i].relation;
    return NULL;
}

bool is_reg_type(oid_t type)
{
    return type == TYPE_OID_regclass || type == TYPE_OID_regtype || type == TYPE_OID_regproc ||
           type == TYPE_OID_regprocedure || type == TYPE_OID_regnamespace || type == TYPE_OID_regoper ||
           type == TYPE_OID_regoperator || type == TYPE_OID_regrole || simple_relation(type) != NULL;
}

struct str reg_name(const struct system_source *source, oid_t type, oid_t oid, struct arena *arena)
{
    const struct snapshot *s = source->snapshot;
    const struct pg_proc *proc;
    const struct pg_operator *operator;
    const struct value *row;
    struct str role;
    if (oid == 0)
        return STR("-");
    switch (type) {
    case TYPE_OID_regclass:
        return relation_text(source, oid, arena);
    case TYPE_OID_regtype:
        return reg_format_type(source, oid, -1, false, arena);
    case TYPE_OID_regproc:
        return proc_text(oid, arena);
    case TYPE_OID_regprocedure:
        proc = pg_proc_by_oid(oid);
        return proc ? reg_signature(source, proc, arena) : number_text(oid, arena);
    case TYPE_OID_regoper:
        operator= pg_operator_by_oid(oid);
        return operator? arena_printf(arena, "pg_catalog.%s", operator->name) : number_text(oid, arena);
    case TYPE_OID_regoperator:
        return operator_text(source, oid, arena);
    case TYPE_OID_regnamespace:
        return schema_text(s, oid, arena);
    case TYPE_OID_regrole:
        role = system_role_name(source, oid, arena);
        return role.p ? name_quote(role, arena) : number_text(oid, arena);
    default:
        row = simple_relation(type) ? fixed_row(simple_relation(type), oid) : NULL;
        return row ? name_quote(row[1].bytes, arena) : number_text(oid, arena);
    }
}

/* ---- types ---- */

static const struct relation *relation_of_row_type(const struct snapshot *s, oid_t type, bool *ret_array)
{
    for (size_t i = 0; s && i < s->n_relations; i++) {
        const struct relation *r = &s->relations[i];
        *ret_array = r->row_type && r->kind != RELATION_SEQUENCE && system_row_array(r) == type;
        if ((r->row_type == type && r->kind != RELATION_SEQUENCE) || *ret_array)
            return r;
    }
    return NULL;
}

struct str reg_format_type(const struct system_source *source, oid_t type, int32_t typmod, bool has_typmod,
                           struct arena *arena)
{
    const struct snapshot *s = source->snapshot;
    enum { ROW_NAME = 1, ROW_SCHEMA = 2, ROW_ELEMENT = 13 };
    static const struct {
        oid_t type;
        const char *text;
    } without_typmod[] = {
        /* what a typmod that is given, be it -1, would quote or call by its internal name */
        { TYPE_OID_bit, "bit" },
        { TYPE_OID__bit, "bit[]" },
        { TYPE_OID_bpchar, "character" },
        { TYPE_OID__bpchar, "character[]" },
    };
    bool array = false;
    for (size_t i = 0; !has_typmod && i < sizeof(without_typmod) / sizeof(without_typmod[0]); i++)
        if (without_typmod[i].type == type)
            return str_from(without_typmod[i].text);
    if (type_find(type) || (s && type >= 16384 && snapshot_user_type(s, type)))
        return s ? snapshot_format_type_on(s, path_of(source), type, typmod, arena) : type_format(type, typmod, arena);
    const struct relation *r = relation_of_row_type(s, type, &array);
    if (r)
        return arena_printf(arena, "%.*s%s", STR_FMT(shown_relation(source, r, arena)), array ? "[]" : "");
    const struct value *row = fixed_row("pg_type", type);
    if (!row)
        return STR("???");
    array = row[ROW_ELEMENT].integer != 0 && row[ROW_NAME].bytes.p[0] == '_';
    struct str name = row[ROW_NAME].bytes, schema = row[ROW_SCHEMA].integer == OID_INFORMATION_SCHEMA
                                                        ? STR("information_schema")
                                                        : STR("pg_catalog");
    if (array)
        name = (struct str){ name.p + 1, name.n - 1 };
    return arena_printf(arena, "%.*s%s", STR_FMT(shown_name(source, schema, name, arena)), array ? "[]" : "");
}

/* ---- looking up ---- */

bool reg_split_name(struct str text, struct arena *arena, struct str *parts, size_t room, size_t *ret_n,
                    struct err *err)
{
    size_t at = 0, n = 0;
    char *out = arena_alloc(arena, text.n + 1);
    text = str_trim(text);
    if (!out)
        return err_oom(err);
    while (n < room) {
        size_t length = 0;
        char *start = out;
        while (at < text.n && text.p[at] == ' ')
            at++;
        bool quoted = at < text.n && text.p[at] == '"';
        if (quoted) {
            for (at++; at < text.n && (text.p[at] != '"' || (at + 1 < text.n && text.p[at + 1] == '"')); at++) {
                at += text.p[at] == '"';
                start[length++] = text.p[at];
            }
            if (at++ >= text.n)
                return err_set(err, SQLSTATE_INVALID_NAME, "invalid name syntax");
        }
        for (; !quoted && at < text.n && text.p[at] != '.' && text.p[at] != ' '; at++)
            start[length++] = text.p[at] >= 'A' && text.p[at] <= 'Z' ? (char)(text.p[at] + 32) : text.p[at];
        if (length == 0)
            return err_set(err, SQLSTATE_INVALID_NAME, "invalid name syntax");
        out += length;
        parts[n++] = (struct str){ start, length };
        while (at < text.n && text.p[at] == ' ')
            at++;
        if (at >= text.n) {
            *ret_n = n;
            return true;
        }
        if (text.p[at++] != '.')
            return err_set(err, SQLSTATE_INVALID_NAME, "invalid name syntax");
    }
    return err_set(err, SQLSTATE_SYNTAX_ERROR, "improper qualified name (too many dotted names): %.*s", STR_FMT(text));
}

struct search {
    const struct snapshot *snapshot;
    const struct str *path;
    size_t n_path;
    struct arena *arena;
    struct err *err;
};

static oid_t find_index(const struct search *q, struct str schema, struct str name)
{
    const struct snapshot *s = q->snapshot;
    for (size_t p = 0; p < (schema.n ? 1 : q->n_path); p++) {
        struct str wanted = schema.n ? schema : q->path[p];
        for (size_t i = 0; s && i < s->n_relations; i++)
            for (size_t k = 0; k < s->relations[i].n_indexes; k++) {
                const struct index *x = &s->relations[i].indexes[k];
                if (str_eq(x->name, name) && str_eq(s->relations[i].schema, wanted))
                    return x->oid;
            }
    }
    const struct value *row = fixed_row_named("pg_class", CLASS_NAME, name);
    struct str own = row ? schema_of_class(row) : (struct str){ 0 };
    bool found = schema.n ? str_eq(own, schema) : str_is(own, "pg_catalog");
    return row && found ? (oid_t)row[0].integer : 0;
}

static bool has_schema(const struct search *q, struct str name)
{
    for (size_t i = 0; q->snapshot && i < q->snapshot->n_schemas; i++)
        if (str_eq(q->snapshot->schemas[i], name))
            return true;
    return str_is(name, "pgd1") || fixed_row_named("pg_namespace", 1, name) != NULL;
}

/* A schema that is named must be there; {NULL,0}: none is named. */
static bool check_schema(const struct search *q, struct str schema)
{
    return !schema.n || has_schema(q, schema) ||
           err_set(q->err, SQLSTATE_INVALID_SCHEMA_NAME, "schema \"%.*s\" does not exist", STR_FMT(schema));
}

/* [schema.]name; a schema that is named is there. */
static bool split_in_schema(const struct search *q, struct str text, struct str *ret_schema, struct str *ret_name)
{
    struct str parts[PARTS_MAX];
    size_t n;
    if (!reg_split_name(text, q->arena, parts, PARTS_MAX, &n, q->err))
        return false;
    *ret_schema = n > 1 ? parts[n - 2] : (struct str){ 0 };
    *ret_name = parts[n - 1];
    return check_schema(q, *ret_schema);
}

/* The only name there is: of a schema, of a role. */
static bool single_name(const struct search *q, struct str text, struct str *ret)
{
    struct str parts[PARTS_MAX];
    struct err found;
    size_t n = 0;
    err_init(&found, q->arena);
    if (!reg_split_name(text, q->arena, parts, PARTS_MAX, &n, &found) || n > 1)
        return err_set(q->err, SQLSTATE_INVALID_NAME, "invalid name syntax");
    *ret = parts[0];
    return true;
}

static bool find_relation(const struct search *q, struct str text, oid_t *ret)
{
    struct str parts[PARTS_MAX];
    size_t n;
    if (!reg_split_name(text, q->arena, parts, PARTS_MAX, &n, q->err))
        return false;
    struct str schema = n > 1 ? parts[n - 2] : (struct str){ 0 }, name = parts[n - 1];
    const struct relation *r =
        q->snapshot ? snapshot_relation(q->snapshot, q->path, q->n_path, schema, name) : system_relation(schema, name);
    *ret = r ? r->oid : find_index(q, schema, name);
    if (*ret)
        return true;
    return check_schema(q, schema) &&
           err_set(q->err, SQLSTATE_UNDEFINED_TABLE, "relation \"%.*s%s%.*s\" does not exist", STR_FMT(schema),
                   schema.n ? "." : "", STR_FMT(name));
}

/* Type names of the grammar that are not names in pg_type. */
static struct str grammar_type(struct str text)
{
    static const struct {
        const char *sql, *internal;
    } spelled[] = {
        { "bigint", "int8" },
        { "bit varying", "varbit" },
        { "boolean", "bool" },
        { "char", "bpchar" },
        { "char varying", "varchar" },
        { "character", "bpchar" },
        { "character varying", "varchar" },
        { "dec", "numeric" },
        { "decimal", "numeric" },
        { "double precision", "float8" },
        { "float", "float8" },
        { "int", "int4" },
        { "integer", "int4" },
        { "national character varying", "varchar" },
        { "real", "float4" },
        { "smallint", "int2" },
        { "time with time zone", "timetz" },
        { "time without time zone", "time" },
        { "timestamp with time zone", "timestamptz" },
        { "timestamp without time zone", "timestamp" },
    };
    for (size_t i = 0; i < sizeof(spelled) / sizeof(spelled[0]); i++)
        if (str_eq_nocase(text, str_from(spelled[i].sql)))
            return str_from(spelled[i].internal);
    return (struct str){ 0 };
}

/* Takes "(…)" out of a type's text: timestamp(3) with time zone. A reg type has no typmod. */
static struct str without_modifiers(struct str text, struct arena *arena)
{
    ptrdiff_t open = str_find(text, STR("(")), close = str_find(text, STR(")"));
    if (open < 0 || close < open || memchr(text.p, '"', text.n))
        return text;
    struct str before = str_trim((struct str){ text.p, (size_t)open }),
               after = str_trim((struct str){ text.p + close + 1, text.n - (size_t)close - 1 });
    return after.n ? arena_printf(arena, "%.*s %.*s", STR_FMT(before), STR_FMT(after)) : before;
}

static oid_t find_type_named(const struct search *q, struct str schema, struct str name)
{
    if (q->snapshot) {
        oid_t found = snapshot_type(q->snapshot, q->path, q->n_path, schema, name);
        if (found)
            return found;
        const struct relation *r = snapshot_relation(q->snapshot, q->path, q->n_path, schema, name);
        if (r && !r->is_system && r->kind != RELATION_SEQUENCE)
            return r->row_type;
    }
    const struct value *row = fixed_row_named("pg_type", 1, name);
    oid_t wanted = str_is(schema, "information_schema") ? OID_INFORMATION_SCHEMA : OID_PG_CATALOG;
    return row && row[2].integer == wanted && (!schema.n || name_path_has(NULL, schema) || wanted != OID_PG_CATALOG)
               ? (oid_t)row[0].integer
               : 0;
}

static oid_t array_of(const struct search *q, oid_t type)
{
    const struct value *row = fixed_row("pg_type", type);
    oid_t array = q->snapshot ? snapshot_array_type(q->snapshot, type) : 0;
    return array || !row ? array : (oid_t)row[14].integer;
}

static bool find_type(const struct search *q, struct str text, oid_t *ret)
{
    struct str parts[PARTS_MAX], name = str_trim(text), schema = { 0 };
    struct err found;
    size_t n;
    bool array = false;
    err_init(&found, q->arena);
    while (str_ends(name, STR("]"))) {
        ptrdiff_t open = (ptrdiff_t)name.n - 1;
        while (open >= 0 && name.p[open] != '[')
            open--;
        if (open < 0)
            break;
        array = true;
        name = str_trim((struct str){ name.p, (size_t)open });
    }
    name = without_modifiers(name, q->arena);
    struct str internal = grammar_type(name);
    if (internal.n) {
        name = internal;
    } else {
        if (!reg_split_name(name, q->arena, parts, PARTS_MAX, &n, &found))
            return err_set(q->err, SQLSTATE_SYNTAX_ERROR, "invalid type name \"%.*s\"", STR_FMT(text));
        schema = n > 1 ? parts[n - 2] : schema;
        name = parts[n - 1];
        if (!check_schema(q, schema))
            return false;
    }
    *ret = find_type_named(q, schema, name);
    if (*ret && array)
        *ret = array_of(q, *ret);
    return *ret || err_set(q->err, SQLSTATE_UNDEFINED_OBJECT, "type \"%.*s\" does not exist", STR_FMT(text));
}

static bool find_proc(const struct search *q, struct str text, oid_t *ret)
{
    struct str schema, name;
    size_t count = 0;
    if (!split_in_schema(q, text, &schema, &name))
        return false;
    const struct pg_proc *p = pg_procs_by_name(name, &count),
                         *own = str_is(schema, "pgd1") ? system_pgd1_function_named(name) : NULL;
    if (own) {
        *ret = own->oid;
        return true;
    }
    bool other = schema.n && !str_is(schema, "pg_catalog");
    if (count == 0 || (other && !(p->is_information_schema && str_is(schema, "information_schema"))))
        return err_set(q->err, SQLSTATE_UNDEFINED_FUNCTION, "function \"%.*s\" does not exist", STR_FMT(text));
    if (count > 1)
        return err_set(q->err, SQLSTATE_AMBIGUOUS_FUNCTION, "more than one function named \"%.*s\"", STR_FMT(text));
    *ret = p->oid;
    return true;
}

static bool argument_types(const struct search *q, struct str list, oid_t *types, size_t *ret_n)
{
    *ret_n = 0;
    list = str_trim(list);
    while (list.n && *ret_n < PG_PROC_ARGS_MAX) {
        size_t at = 0;
        for (int depth = 0; at < list.n && (list.p[at] != ',' || depth > 0); at++)
            depth += (list.p[at] == '(') - (list.p[at] == ')');
        if (!find_type(q, str_trim((struct str){ list.p, at }), &types[(*ret_n)++]))
            return false;
        list = at < list.n ? (struct str){ list.p + at + 1, list.n - at - 1 } : (struct str){ 0 };
    }
    return true;
}

static bool find_procedure(const struct search *q, struct str text, oid_t *ret)
{
    struct str parts[PARTS_MAX];
    oid_t types[PG_PROC_ARGS_MAX];
    size_t n, n_types, count = 0;
    ptrdiff_t open = str_find(text, STR("("));
    if (open < 0)
        return err_set(q->err, SQLSTATE_INVALID_TEXT_REPRESENTATION, "expected a left parenthesis");
    if (text.p[text.n - 1] != ')')
        return err_set(q->err, SQLSTATE_INVALID_TEXT_REPRESENTATION, "expected a right parenthesis");
    struct str list = { text.p + open + 1, text.n - (size_t)open - 2 };
    if (!reg_split_name((struct str){ text.p, (size_t)open }, q->arena, parts, PARTS_MAX, &n, q->err) ||
        !argument_types(q, list, types, &n_types) || (n > 1 && !check_schema(q, parts[n - 2])))
        return false;
    const struct pg_proc *p = pg_procs_by_name(parts[n - 1], &count),
                         *own = n > 1 && str_is(parts[n - 2], "pgd1") ? system_pgd1_function_named(parts[n - 1]) : NULL;
    if (own) {
        p = own;
        count = 1;
    }
    for (size_t i = 0; i < count; i++)
        if (p[i].n_args == n_types && memcmp(p[i].args, types, n_types * sizeof(*types)) == 0 &&
            str_is(n == 1 ? STR("pg_catalog") : parts[n - 2], pg_proc_schema(&p[i]))) {
            *ret = p[i].oid;
            return true;
        }
    return err_set(q->err, SQLSTATE_UNDEFINED_FUNCTION, "function \"%.*s\" does not exist", STR_FMT(text));
}

static bool find_schema(const struct search *q, struct str text, oid_t *ret)
{
    struct str part;
    if (!single_name(q, text, &part))
        return false;
    const struct value *row = fixed_row_named("pg_namespace", 1, part);
    *ret = row ? (oid_t)row[0].integer : str_is(part, "pgd1") ? PGD1_OID_SCHEMA : 0;
    for (size_t i = 0; !*ret && q->snapshot && i < q->snapshot->n_schemas; i++)
        if (str_eq(q->snapshot->schemas[i], part))
            *ret = system_schema_oid(part);
    return *ret || err_set(q->err, SQLSTATE_INVALID_SCHEMA_NAME, "schema \"%.*s\" does not exist", STR_FMT(part));
}

static bool find_role(const struct search *q, const struct system_source *source, struct str text, oid_t *ret)
{
    struct str part;
    if (!single_name(q, text, &part))
        return false;
    *ret = system_role_oid(source, part);
    return *ret || err_set(q->err, SQLSTATE_UNDEFINED_OBJECT, "role \"%.*s\" does not exist", STR_FMT(part));
}

static bool find_simple(const struct search *q, oid_t type, struct str text, oid_t *ret)
{
    struct str schema, name;
    if (!simple_relation(type))
        return err_unsupported(q->err, "an operator's name as a value");
    if (!split_in_schema(q, text, &schema, &name))
        return false;
    const struct value *row = fixed_row_named(simple_relation(type), 1, name);
    *ret = row && (!schema.n || str_is(schema, "pg_catalog")) ? (oid_t)row[0].integer : 0;
    return *ret ||
           err_set(q->err, SQLSTATE_UNDEFINED_OBJECT,
                   type == TYPE_OID_regcollation ? "collation \"%.*s%s%.*s\" for encoding \"UTF8\" does not exist"
                   : type == TYPE_OID_regconfig  ? "text search configuration \"%.*s%s%.*s\" does not exist"
                                                 : "text search dictionary \"%.*s%s%.*s\" does not exist",
                   STR_FMT(schema), schema.n ? "." : "", STR_FMT(name));
}

bool reg_find(const struct system_source *source, const struct str *path, size_t n_path, oid_t type, struct str text,
              struct arena *arena, oid_t *ret, struct err *err)
{
    struct search q = { source->snapshot, path, n_path, arena, err };
    int64_t number;
    if (str_is(text, "-") || (str_to_int64(text, &number) && number >= 0 && number <= UINT32_MAX)) {
        *ret = str_is(text, "-") ? 0 : (oid_t)number;
        return true;
    }
    switch (type) {
    case TYPE_OID_regclass:
        return find_relation(&q, text, ret);
    case TYPE_OID_regtype:
        return find_type(&q, text, ret);
    case TYPE_OID_regproc:
        return find_proc(&q, text, ret);
    case TYPE_OID_regprocedure:
        return find_procedure(&q, text, ret);
    case TYPE_OID_regnamespace:
        return find_schema(&q, text, ret);
    case TYPE_OID_regrole:
        return find_role(&q, source, text, ret);
    default:
        return find_simple(&q, type, text, ret);
    }
}

/* ---- arrays ---- */

struct list {
    const struct system_source *source;
    const struct search *search; /* NULL: names are wanted */
    oid_t element;
    struct arena *arena;
    struct buf out;
};

static bool add_item(struct list *l, const struct json_value *item)
{
    int64_t number = 0;
    oid_t oid;
    if (item->kind == JSON_NULL) {
        buf_add_str(&l->out, STR("null"));
        return true;
    }
    if (l->search) {
        if (!reg_find(l->source, l->search->path, l->search->n_path, l->element, item->text, l->arena, &oid,
                      l->search->err))
            return false;
        buf_printf(&l->out, "%u", (unsigned)oid);
        return true;
    }
    str_to_int64(item->text, &number);
    struct str name = reg_name(l->source, l->element, (oid_t)number, l->arena);
    if (name.p)
        json_print_string(name, &l->out);
    return name.p != NULL;
}

static bool add_items(struct list *l, const struct json_value *v, int depth)
{
    enum { DIMENSIONS_MAX = 6 };
    if (v->kind == JSON_OBJECT || depth > DIMENSIONS_MAX)
        return false;
    if (v->kind != JSON_ARRAY)
        return add_item(l, v);
    buf_add_char(&l->out, '[');
    for (size_t i = 0; i < v->array.n; i++) {
        if (i)
            buf_add_char(&l->out, ',');
        if (!add_items(l, &v->array.items[i], depth + 1))
            return false;
    }
    buf_add_char(&l->out, ']');
    return true;
}

static bool convert(struct list *l, struct str text, struct err *err, struct str *ret)
{
    enum { LIST_BYTES_MAX = 1 << 20 };
    struct json_value tree;
    buf_init(&l->out, LIST_BYTES_MAX);
    bool ok = json_parse(text, l->arena, &tree, err) && add_items(l, &tree, 0) && !l->out.failed;
    *ret = ok ? arena_str(l->arena, buf_str(&l->out)) : (struct str){ 0 };
    buf_fini(&l->out);
    return ret->p != NULL;
}

bool reg_find_list(const struct system_source *source, const struct str *path, size_t n_path, oid_t element,
                   struct str texts, struct arena *arena, struct str *ret, struct err *err)
{
    struct search search = { source->snapshot, path, n_path, arena, err };
    struct list l = { .source = source, .search = &search, .element = element, .arena = arena };
    if (convert(&l, texts, err, ret))
        return true;
    return err_is_set(err) ? false : err_unsupported(err, "an array of names of this form");
}

struct str reg_name_list(const struct system_source *source, oid_t element, struct str oids, struct arena *arena)
{
    struct list l = { .source = source, .element = element, .arena = arena };
    struct err ignored;
    struct str ret;
    err_init(&ignored, arena);
    convert(&l, oids, &ignored, &ret);
    return ret;
}
