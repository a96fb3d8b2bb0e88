/* catalog.c - what catalogue queries call: format_type, visibility, comments, names of objects (PostgreSQL 9.26). Definitions are in definitions.c. */
#include "proxy/catalog/collation.h"
#include "proxy/catalog/names.h"
#include "proxy/catalog/reg_names.h"
#include "proxy/catalog/system_rows.h"
#include "proxy/sql/functions/catalog_objects.h"
#include "proxy/sql/functions/results.h"
#include "proxy/sql/functions/typed.h"

static void format_type(sqlite3_context *c, int n, sqlite3_value **args)
{
    (void)n;
    if (sqlite3_value_type(args[0]) == SQLITE_NULL)
        return;
    oid_t type = (oid_t)sqlite3_value_int64(args[0]);
    struct system_source source = catalog_source(c);
    bool has_typmod = sqlite3_value_type(args[1]) != SQLITE_NULL;
    int32_t typmod = has_typmod ? (int32_t)sqlite3_value_int64(args[1]) : -1;
    if (type == 0)
        local_result_text(c, STR("-"));
    else
        local_result_text(c, reg_format_type(&source, type, typmod, has_typmod, scratch(c)));
}

/* text -> name: at most 63 bytes, whole characters. */
static void text_name(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    local_result_text(c, name_clip(local_text(args[0]), NAME_MAX_BYTES));
}

/* information_schema's names of things that may be overloaded: name_oid, cut so that the number stays. */
static void name_and_oid(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    struct str suffix = arena_printf(scratch(c), "_%u", (unsigned)sqlite3_value_int64(args[1]));
    struct str name = name_clip(local_text(args[0]), NAME_MAX_BYTES - suffix.n);
    local_result_text(c, arena_printf(scratch(c), "%.*s%.*s", STR_FMT(name), STR_FMT(suffix)));
}

static void user_name(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct system_source source = catalog_source(c);
    STRICT(n, args);
    oid_t oid = (oid_t)sqlite3_value_int64(args[0]);
    struct str name = system_role_name(&source, oid, scratch(c));
    if (name.p)
        local_result_text(c, name);
    else
        local_result_text(c, arena_printf(scratch(c), "unknown (OID=%u)", oid));
}

/* --- visibility: found by its bare name along the search path --- */

enum { NAMESPACE_OF_CLASS = 2, NAMESPACE_OF_TYPE = 2 };

static void table_is_visible(sqlite3_context *c, int n, sqlite3_value **args)
{
    const struct index *index = NULL;
    STRICT(n, args);
    oid_t oid = (oid_t)sqlite3_value_int64(args[0]), found;
    const struct relation *r = catalog_relation_by_oid(c, oid);
    if (!r)
        r = catalog_index(c, oid, &index);
    const struct value *row = r ? NULL : fixed_row("pg_class", oid);
    if (r) { /* another one of the name may stand before it on the path */
        struct str name = name_quote(index ? index->name : r->name, scratch(c));
        bool hidden = catalog_find(c, TYPE_OID_regclass, name, &found) && found != oid;
        result_bool(c, !hidden && catalog_on_path(c, r->schema));
    }
    if (row)
        result_bool(c, row[NAMESPACE_OF_CLASS].integer == OID_PG_CATALOG);
}

/* Tables of users; never a view, an index, a sequence or a relation of PostgreSQL's own. */
static void relation_is_publishable(sqlite3_context *c, int n, sqlite3_value **args)
{
    const struct index *index;
    STRICT(n, args);
    oid_t oid = (oid_t)sqlite3_value_int64(args[0]);
    const struct relation *r = catalog_relation_by_oid(c, oid);
    if (r)
        result_bool(c, r->kind == RELATION_TABLE && r->oid >= 16384);
    else if (oid < 16384 || catalog_index(c, oid, &index))
        result_bool(c, false);
}

static void type_is_visible(sqlite3_context *c, int n, sqlite3_value **args)
{
    const struct snapshot *s = catalog_snapshot(c);
    STRICT(n, args);
    oid_t oid = (oid_t)sqlite3_value_int64(args[0]);
    const struct value *row = fixed_row("pg_type", oid);
    const struct user_type *u = s ? snapshot_user_type(s, oid) : NULL;
    if (row)
        result_bool(c, row[NAMESPACE_OF_TYPE].integer == OID_PG_CATALOG);
    else if (u)
        result_bool(c, catalog_on_path(c, u->schema));
    for (size_t i = 0; !row && !u && s && i < s->n_relations; i++)
        if (s->relations[i].row_type == oid || system_row_array(&s->relations[i]) == oid)
            result_bool(c, catalog_on_path(c, s->relations[i].schema));
}

/* pg_collation_for(any): the value, its type and its collation. */
static void collation_for(sqlite3_context *c, int n, sqlite3_value **args)
{
    oid_t type = (oid_t)sqlite3_value_int64(args[1]), collation = (oid_t)sqlite3_value_int64(args[2]);
    const struct snapshot *s = catalog_snapshot(c);
    (void)n;
    if (!collation_of_type(s, type) && type != TYPE_OID_unknown)
        fail_with(c, SQLSTATE_DATATYPE_MISMATCH, "collations are not supported by type %.*s",
                  STR_FMT(snapshot_format_type(s, type, -1, scratch(c))));
    else if (collation)
        local_result_text(c, name_quote(collation_name(collation), scratch(c)));
}

/* Operators, collations, classes: PostgreSQL's own, always on the path. */
static void built_in_is_visible(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    result_bool(c, true);
}

static void function_is_visible(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    const struct pg_proc *p = pg_proc_by_oid((oid_t)sqlite3_value_int64(args[0]));
    if (p)
        result_bool(c, strcmp(pg_proc_schema(p), "pg_catalog") == 0 || catalog_on_path(c, str_from(pg_proc_schema(p))));
}

/* --- comments --- */

static void give_comment(sqlite3_context *c, struct str comment)
{
    if (comment.n)
        local_result_text(c, comment);
}

/* PostgreSQL's own comments; class 0: of any. */
static struct str fixed_comment(const char *relation, oid_t oid, oid_t class, int64_t part, size_t text_column)
{
    struct value **rows;
    size_t n = 0;
    fixed_rows(system_relation(STR("pg_catalog"), str_from(relation)), &rows, &n);
    for (size_t i = 0; i < n; i++)
        if (rows[i][0].integer == oid && (!class || rows[i][1].integer == class) &&
            (text_column < 3 || rows[i][2].integer == part))
            return rows[i][text_column].bytes;
    return (struct str){ 0 };
}

struct description {
    oid_t object, class;
    int64_t part;
    struct str found;
};

static struct str relation_comment(const struct relation *r, const struct description *d)
{
    if (d->class && d->class != OID_PG_CLASS && d->class != OID_PG_CONSTRAINT)
        return (struct str){ 0 };
    for (size_t k = 0; d->part && r->oid == d->object && r->column_comments && k < r->n_columns; k++)
        if (r->columns[k].number == d->part)
            return r->column_comments[k];
    if (d->part)
        return (struct str){ 0 };
    for (size_t k = 0; k < r->n_indexes; k++)
        if (r->indexes[k].oid == d->object && d->class != OID_PG_CONSTRAINT)
            return r->indexes[k].comment;
    for (size_t k = 0; k < r->n_constraints; k++)
        if (r->constraints[k].oid == d->object && d->class != OID_PG_CLASS)
            return r->constraints[k].comment;
    return r->oid == d->object && d->class != OID_PG_CONSTRAINT ? r->comment : (struct str){ 0 };
}

static struct str user_comment(const struct snapshot *s, const struct description *d)
{
    struct str found = { 0 };
    for (size_t i = 0; s && i < s->n_relations && !found.n; i++)
        found = relation_comment(&s->relations[i], d);
    for (size_t i = 0; s && i < s->n_types && !found.n && !d->part; i++)
        if (s->types[i].oid == d->object && (!d->class || d->class == OID_PG_TYPE))
            found = s->types[i].comment;
    for (size_t i = 0; s && i < s->n_schemas && !found.n && !d->part; i++)
        if (system_schema_oid(s->schemas[i]) == d->object && (!d->class || d->class == OID_PG_NAMESPACE))
            found = s->schema_comments[i];
    return found;
}

static void describe(sqlite3_context *c, const struct description *d)
{
    struct str found = user_comment(catalog_snapshot(c), d);
    give_comment(c, found.n ? found : fixed_comment("pg_description", d->object, d->class, d->part, 3));
}

/* obj_description(oid, catalogue's name), and the old form without the name. */
static void object_description(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    struct description d = { .object = (oid_t)sqlite3_value_int64(args[0]) };
    const struct relation *class = n > 1 ? system_relation(STR("pg_catalog"), local_text(args[1])) : NULL;
    if (n > 1 && !class)
        return;
    d.class = class ? class->oid : 0;
    describe(c, &d);
}

static void column_description(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    struct description d = { .object = (oid_t)sqlite3_value_int64(args[0]),
                             .class = OID_PG_CLASS,
                             .part = sqlite3_value_int64(args[1]) };
    if (d.part)
        describe(c, &d);
}

static void shared_description(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    const struct relation *class = system_relation(STR("pg_catalog"), local_text(args[1]));
    if (class)
        give_comment(c, fixed_comment("pg_shdescription", (oid_t)sqlite3_value_int64(args[0]), class->oid, 0, 2));
}

/* --- names of objects --- */

/* to_reg…(text): NULL for what is not there, an error for what is no name. */
static void to_reg(sqlite3_context *c, sqlite3_value *v, oid_t type)
{
    struct str text = local_text(v);
    oid_t oid;
    int64_t number;
    if (str_to_int64(text, &number) || str_is(text, "-")) /* numbers are no names to these */
        return;
    if (catalog_find(c, type, text, &oid)) {
        sqlite3_result_int64(c, oid);
        return;
    }
    enum sqlstate code = errors(c)->code;
    if (code == SQLSTATE_UNDEFINED_TABLE || code == SQLSTATE_UNDEFINED_OBJECT || code == SQLSTATE_UNDEFINED_FUNCTION ||
        code == SQLSTATE_INVALID_SCHEMA_NAME || code == SQLSTATE_AMBIGUOUS_FUNCTION)
        err_init(errors(c), scratch(c));
    else
        local_fail(c);
}

#define TO_REG(kind)                                                                                                   \
    static void to_##kind(sqlite3_context *c, int n, sqlite3_value **args)                                             \
    {                                                                                                                  \
        STRICT(n, args);                                                                                               \
        to_reg(c, args[0], TYPE_OID_##kind);                                                                           \
    }
TO_REG(regclass)
TO_REG(regcollation)
TO_REG(regnamespace)
TO_REG(regproc)
TO_REG(regprocedure)
TO_REG(regrole)
TO_REG(regtype)

static void text_regclass(sqlite3_context *c, int n, sqlite3_value **args)
{
    oid_t oid;
    STRICT(n, args);
    if (catalog_find(c, TYPE_OID_regclass, local_text(args[0]), &oid))
        sqlite3_result_int64(c, oid);
    else
        local_fail(c);
}

/* pg_describe_object(): the commonest kinds. */
static struct str described(sqlite3_context *c, oid_t class, oid_t oid, int64_t part)
{
    enum { CLASS_PROC = 1255, CLASS_LANGUAGE = 2612, CLASS_EXTENSION = 3079 };
    struct system_source source = catalog_source(c);
    struct arena *a = scratch(c);
    const struct relation *r = class == OID_PG_CLASS ? catalog_relation_by_oid(c, oid) : NULL;
    const struct index *index;
    const struct value *row;
    if (r && part) {
        const struct column *column = relation_column_by_number(r, (int16_t)part);
        return column ? arena_printf(a, "column %.*s of table %.*s", STR_FMT(name_quote(column->name, a)),
                                     STR_FMT(reg_name(&source, TYPE_OID_regclass, oid, a)))
                      : (struct str){ 0 };
    }
    if (r || (class == OID_PG_CLASS && catalog_index(c, oid, &index)))
        return arena_printf(a, "%s %.*s",
                            !r                             ? "index"
                            : r->kind == RELATION_VIEW     ? "view"
                            : r->kind == RELATION_SEQUENCE ? "sequence"
                                                           : "table",
                            STR_FMT(reg_name(&source, TYPE_OID_regclass, oid, a)));
    if (class == OID_PG_TYPE)
        return arena_printf(a, "type %.*s", STR_FMT(reg_name(&source, TYPE_OID_regtype, oid, a)));
    if (class == OID_PG_NAMESPACE)
        return arena_printf(a, "schema %.*s", STR_FMT(reg_name(&source, TYPE_OID_regnamespace, oid, a)));
    if (class == CLASS_PROC && pg_proc_by_oid(oid))
        return arena_printf(a, "function %.*s", STR_FMT(reg_signature(&source, pg_proc_by_oid(oid), a)));
    if (class == CLASS_LANGUAGE && (row = fixed_row("pg_language", oid)))
        return arena_printf(a, "language %.*s", STR_FMT(row[1].bytes));
    if (class == CLASS_EXTENSION && (row = fixed_row("pg_extension", oid)))
        return arena_printf(a, "extension %.*s", STR_FMT(row[1].bytes));
    return (struct str){ 0 };
}

static void describe_object(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    oid_t class = (oid_t)sqlite3_value_int64(args[0]), oid = (oid_t)sqlite3_value_int64(args[1]);
    struct str text = class ? described(c, class, oid, sqlite3_value_int64(args[2])) : (struct str){ 0 };
    if (text.p)
        local_result_text(c, text);
    else if (class) {
        err_unsupported(errors(c), "pg_describe_object() of an object of this kind");
        local_fail(c);
    }
}

/* --- what is the same for every object here --- */

static void nothing(sqlite3_context *c, int n, sqlite3_value **args)
{
    (void)n, (void)args;
    sqlite3_result_null(c);
}

static void no_rows(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    local_result_text(c, STR("[]"));
}

static void never(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    result_bool(c, false);
}

/* Only the tablespaces that lie inside the data directory exist: they have no location. */
static void tablespace_location(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    if (fixed_row("pg_tablespace", (oid_t)sqlite3_value_int64(args[0])) || !sqlite3_value_int64(args[0]))
        local_result_text(c, STR(""));
}

static void keywords(sqlite3_context *c, int n, sqlite3_value **args)
{
    size_t count;
    struct rows rows;
    const struct pg_keyword *list = pg_keywords(&count);
    (void)n, (void)args;
    rows_start(&rows, c);
    for (size_t i = 0; i < count; i++) {
        const char *meaning = list[i].category == 'U'   ? "unreserved"
                              : list[i].category == 'C' ? "unreserved (cannot be function or type name)"
                              : list[i].category == 'T' ? "reserved (can be function or type name)"
                                                        : "reserved";
        const struct value cells[] = { value_text(str_from(list[i].word)),
                                       value_text((struct str){ &list[i].category, 1 }),
                                       value_integer(list[i].bare_label), value_text(str_from(meaning)),
                                       value_text(list[i].bare_label ? STR("can be bare label") : STR("requires AS")) };
        if (!rows_add(&rows, cells, 5)) {
            rows_drop(&rows);
            return;
        }
    }
    rows_give(&rows);
}

/* pg_options_to_table(text[]): name=value, one row each. */
static void options_to_table(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct json_value list;
    struct rows rows;
    STRICT(n, args);
    if (!json_parse(local_text(args[0]), scratch(c), &list, errors(c)))
        return local_fail(c);
    rows_start(&rows, c);
    for (size_t i = 0; list.kind == JSON_ARRAY && i < list.array.n; i++) {
        struct str text = list.array.items[i].text;
        ptrdiff_t mark = str_find(text, STR("="));
        size_t name = mark < 0 ? text.n : (size_t)mark;
        const struct value cells[] = { value_text((struct str){ text.p, name }),
                                       mark < 0 ? value_null()
                                                : value_text((struct str){ text.p + name + 1, text.n - name - 1 }) };
        if (!rows_add(&rows, cells, 2))
            return rows_drop(&rows);
    }
    rows_give(&rows);
}

#define ROW(source, function, args, how)                                                                               \
    {                                                                                                                  \
        .name = "pg_" #source, .n_args = args, .flags = how, .call = function                                          \
    }
#define VISIBLE(source) ROW(source, built_in_is_visible, 1, LOCAL_STRICT)

static const struct local_function functions[] = {
    ROW(format_type, format_type, 2, 0),
    ROW(nameconcatoid, name_and_oid, 2, LOCAL_STRICT),
    ROW(text_name, text_name, 1, LOCAL_STRICT),
    ROW(bpchar_name, text_name, 1, LOCAL_STRICT),
    ROW(pg_get_userbyid, user_name, 1, LOCAL_STRICT),
    ROW(pg_table_is_visible, table_is_visible, 1, LOCAL_STRICT),
    ROW(pg_relation_is_publishable, relation_is_publishable, 1, LOCAL_STRICT),
    ROW(pg_type_is_visible, type_is_visible, 1, LOCAL_STRICT),
    ROW(pg_function_is_visible, function_is_visible, 1, LOCAL_STRICT),
    VISIBLE(pg_operator_is_visible),
    { .name = "pg_pg_collation_for", .n_args = 3, .call = collation_for },
    VISIBLE(pg_collation_is_visible),
    VISIBLE(pg_conversion_is_visible),
    VISIBLE(pg_opclass_is_visible),
    VISIBLE(pg_opfamily_is_visible),
    VISIBLE(pg_statistics_obj_is_visible),
    VISIBLE(pg_ts_config_is_visible),
    VISIBLE(pg_ts_dict_is_visible),
    VISIBLE(pg_ts_parser_is_visible),
    VISIBLE(pg_ts_template_is_visible),
    ROW(obj_description, object_description, 2, LOCAL_STRICT),
    ROW(obj_description_old, object_description, 1, LOCAL_STRICT),
    ROW(col_description, column_description, 2, LOCAL_STRICT),
    ROW(shobj_description, shared_description, 2, LOCAL_STRICT),
    ROW(to_regclass, to_regclass, 1, LOCAL_STRICT),
    ROW(to_regcollation, to_regcollation, 1, LOCAL_STRICT),
    ROW(to_regnamespace, to_regnamespace, 1, LOCAL_STRICT),
    ROW(to_regproc, to_regproc, 1, LOCAL_STRICT),
    ROW(to_regprocedure, to_regprocedure, 1, LOCAL_STRICT),
    ROW(to_regrole, to_regrole, 1, LOCAL_STRICT),
    ROW(to_regtype, to_regtype, 1, LOCAL_STRICT),
    ROW(text_regclass, text_regclass, 1, LOCAL_STRICT),
    ROW(pg_describe_object, describe_object, 3, LOCAL_STRICT),
    ROW(pg_options_to_table, options_to_table, 1, LOCAL_STRICT),
    ROW(pg_tablespace_location, tablespace_location, 1, LOCAL_STRICT),
    ROW(pg_get_keywords, keywords, 0, 0),
    ROW(row_security_active, never, 1, LOCAL_STRICT),
    /* nothing is partitioned, and nothing has extended statistics or is published */
    ROW(pg_partition_ancestors, no_rows, 1, LOCAL_STRICT),
    ROW(pg_partition_tree, no_rows, 1, LOCAL_STRICT),
    ROW(pg_partition_root, nothing, 1, LOCAL_STRICT),
    ROW(pg_get_partkeydef, nothing, 1, LOCAL_STRICT),
    ROW(pg_get_partition_constraintdef, nothing, 1, LOCAL_STRICT),
    ROW(pg_get_statisticsobjdef_columns, nothing, 1, LOCAL_STRICT),
    ROW(pg_get_publication_tables, no_rows, 1, LOCAL_STRICT),
    /* D1 tells no sizes of tables, and that of the database only after a statement: not known */
    ROW(pg_table_size, nothing, 1, LOCAL_STRICT),
    ROW(pg_indexes_size, nothing, 1, LOCAL_STRICT),
    ROW(pg_relation_size, nothing, 2, LOCAL_STRICT),
    ROW(pg_total_relation_size, nothing, 1, LOCAL_STRICT),
    ROW(pg_database_size_name, nothing, 1, LOCAL_STRICT),
    ROW(pg_database_size_oid, nothing, 1, LOCAL_STRICT),
    ROW(pg_tablespace_size_name, nothing, 1, LOCAL_STRICT),
    ROW(pg_tablespace_size_oid, nothing, 1, LOCAL_STRICT),
};

const struct local_family local_family_catalog = { .functions = functions,
                                                   .n_functions = sizeof(functions) / sizeof(functions[0]) };
