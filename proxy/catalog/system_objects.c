/* system_objects.c - rows of pg_namespace, pg_class, pg_attribute, pg_type, pg_enum, pg_range, pg_database. */
#include "proxy/catalog/system_rows.h"

#include <stdio.h>

static oid_t schema_oid(struct str schema)
{
    if (str_is(schema, "pg_catalog"))
        return OID_PG_CATALOG;
    if (str_is(schema, "public"))
        return OID_PUBLIC;
    if (str_is(schema, "information_schema"))
        return OID_INFORMATION_SCHEMA;
    return (oid_t)(16384 + str_hash_more(str_hash(STR("schema:")), schema) % 1000000000);
}

oid_t system_schema_oid(struct str schema)
{
    return schema_oid(schema);
}

/* --- pg_namespace --- */

static void namespace_row(struct system_rows *rows, struct str name)
{
    row_begin_cells(rows);
    row_set_int(rows, "oid", schema_oid(name));
    row_set_text(rows, "nspname", name);
    row_set_int(rows, "nspowner", OID_OWNER);
    row_end_cells(rows);
}

void provide_pg_namespace(struct system_rows *rows, const struct system_source *source)
{
    static const struct str built_in[] = { STR_INIT("information_schema"), STR_INIT("pg_catalog") };
    for (size_t i = 0; i < 2; i++)
        namespace_row(rows, built_in[i]);
    if (!source->snapshot)
        namespace_row(rows, STR("public"));
    for (size_t i = 0; source->snapshot && i < source->snapshot->n_schemas; i++)
        namespace_row(rows, source->snapshot->schemas[i]);
}

/* --- pg_class --- */

static bool has_foreign_keys(const struct relation *r)
{
    for (size_t i = 0; i < r->n_constraints; i++)
        if (r->constraints[i].kind == 'f')
            return true;
    return false;
}

static int64_t count_checks(const struct relation *r)
{
    int64_t n = 0;
    for (size_t i = 0; i < r->n_constraints; i++)
        n += r->constraints[i].kind == 'c';
    return n;
}

static void class_common(struct system_rows *rows, oid_t oid, struct str name, struct str schema, char kind)
{
    row_begin_cells(rows);
    row_set_int(rows, "oid", oid);
    row_set_text(rows, "relname", name);
    row_set_int(rows, "relnamespace", schema_oid(schema));
    row_set_int(rows, "reltype", 0);
    row_set_int(rows, "reloftype", 0);
    row_set_int(rows, "relowner", OID_OWNER);
    row_set_int(rows, "relam", kind == 'r' ? OID_HEAP : kind == 'i' ? OID_BTREE : 0);
    row_set_int(rows, "relfilenode", kind == 'v' ? 0 : oid);
    row_set_int(rows, "reltablespace", 0);
    row_set_int(rows, "relpages", 0);
    row_set(rows, "reltuples", value_real(-1));
    row_set_int(rows, "relallvisible", 0);
    row_set_int(rows, "reltoastrelid", 0);
    row_set_bool(rows, "relhasindex", false);
    row_set_bool(rows, "relisshared", false);
    row_set_cstr(rows, "relpersistence", "p");
    row_set_text(rows, "relkind", arena_printf(rows->arena, "%c", kind));
    row_set_int(rows, "relchecks", 0);
    row_set_bool(rows, "relhasrules", kind == 'v');
    row_set_bool(rows, "relhastriggers", false);
    row_set_bool(rows, "relhassubclass", false);
    row_set_bool(rows, "relrowsecurity", false);
    row_set_bool(rows, "relforcerowsecurity", false);
    row_set_bool(rows, "relispopulated", true);
    row_set_cstr(rows, "relreplident", kind == 'r' ? "d" : "n");
    row_set_bool(rows, "relispartition", false);
    row_set_int(rows, "relrewrite", 0);
    row_set_int(rows, "relfrozenxid", 0);
    row_set_int(rows, "relminmxid", 0);
}

static void class_row(struct system_rows *rows, const struct relation *r)
{
    char kind = (char)(r->kind == RELATION_VIRTUAL ? 'r' : r->kind);
    class_common(rows, r->oid, r->name, r->schema, kind);
    row_set_int(rows, "reltype", r->row_type);
    row_set_int(rows, "relnatts", kind == 'S' ? 3 : (int64_t)r->n_columns);
    row_set_int(rows, "relchecks", count_checks(r));
    row_set_bool(rows, "relhasindex", r->n_indexes > 0);
    row_set_bool(rows, "relhastriggers", r->has_user_triggers || has_foreign_keys(r));
    row_end_cells(rows);
    for (size_t i = 0; i < r->n_indexes; i++) {
        const struct index *x = &r->indexes[i];
        class_common(rows, x->oid, x->name, r->schema, 'i');
        row_set_int(rows, "relnatts", (int64_t)x->n_columns);
        row_end_cells(rows);
    }
}

void provide_pg_class(struct system_rows *rows, const struct system_source *source)
{
    size_t n;
    const struct relation *system = system_relations(&n);
    for (size_t i = 0; i < n; i++)
        class_row(rows, &system[i]);
    for (size_t i = 0; source->snapshot && i < source->snapshot->n_relations; i++)
        class_row(rows, &source->snapshot->relations[i]);
}

/* --- pg_attribute --- */

/* typalign and typstorage follow from length and kind closely enough for what clients read of them. */
static const char *alignment(const struct pg_type *t)
{
    return !t || t->length == -1 ? "i" : t->length == 1 ? "c" : t->length == 2 ? "s" : t->length == 8 ? "d" : "i";
}

static void attribute_row(struct system_rows *rows, const struct snapshot *s, oid_t relation, const struct column *c,
                          int number)
{
    oid_t base = s ? snapshot_base_type(s, c->type, NULL) : c->type;
    const struct pg_type *t = pg_type_by_oid(base);
    bool is_enum =
        base != c->type && s && snapshot_user_type(s, c->type) && snapshot_user_type(s, c->type)->kind == 'e';
    row_begin_cells(rows);
    row_set_int(rows, "attrelid", relation);
    row_set_text(rows, "attname", c->name);
    row_set_int(rows, "atttypid", c->type);
    row_set_int(rows, "attstattarget", -1);
    row_set_int(rows, "attlen", is_enum ? 4 : t ? t->length : -1);
    row_set_int(rows, "attnum", number);
    row_set_int(rows, "attndims", t && t->element ? 1 : 0);
    row_set_int(rows, "attcacheoff", -1);
    row_set_int(rows, "atttypmod", c->typmod);
    row_set_bool(rows, "attbyval", t && t->length > 0 && t->length <= 8);
    row_set_cstr(rows, "attalign", alignment(t));
    row_set_cstr(rows, "attstorage", is_enum || (t && t->length != -1) ? "p" : t && t->oid == 1700 ? "m" : "x");
    row_set_cstr(rows, "attcompression", "");
    row_set_bool(rows, "attnotnull", c->not_null);
    row_set_bool(rows, "atthasdef", c->default_text.n > 0);
    row_set_bool(rows, "atthasmissing", false);
    row_set_text(rows, "attidentity", c->identity ? arena_printf(rows->arena, "%c", c->identity) : STR(""));
    row_set_text(rows, "attgenerated", c->generated ? arena_printf(rows->arena, "%c", c->generated) : STR(""));
    row_set_bool(rows, "attisdropped", false);
    row_set_bool(rows, "attislocal", true);
    row_set_int(rows, "attinhcount", 0);
    row_set_int(rows, "attcollation",
                !is_enum && t && t->category == 'S' ? (t->oid == 19 ? OID_C_COLLATION : OID_DEFAULT_COLLATION) : 0);
    row_end_cells(rows);
}

static const struct column *column_by_number(const struct relation *r, int16_t number)
{
    for (size_t i = 0; i < r->n_columns; i++)
        if (r->columns[i].number == number)
            return &r->columns[i];
    return NULL;
}

static void attributes_of(struct system_rows *rows, const struct snapshot *s, const struct relation *r)
{
    for (size_t i = 0; i < r->n_columns; i++)
        attribute_row(rows, s, r->oid, &r->columns[i], r->columns[i].number);
    for (size_t i = 0; i < r->n_indexes; i++) {
        for (size_t k = 0; k < r->indexes[i].n_columns; k++) {
            const struct column *of = column_by_number(r, r->indexes[i].columns[k].column);
            struct column c = { .name = of ? of->name : STR("expr"),
                                .type = of ? of->type : 25,
                                .typmod = of ? of->typmod : -1 };
            attribute_row(rows, s, r->indexes[i].oid, &c, (int)k + 1);
        }
    }
}

void provide_pg_attribute(struct system_rows *rows, const struct system_source *source)
{
    size_t n;
    const struct relation *system = system_relations(&n);
    for (size_t i = 0; i < n; i++)
        attributes_of(rows, source->snapshot, &system[i]);
    for (size_t i = 0; source->snapshot && i < source->snapshot->n_relations; i++)
        attributes_of(rows, source->snapshot, &source->snapshot->relations[i]);
}

/* --- pg_type --- */

static oid_t proc_named(const char *type, const char *suffix)
{
    char name[80];
    size_t n = 0;
    snprintf(name, sizeof(name), "%s%s", type, suffix);
    const struct pg_proc *p = pg_procs_by_name(str_from(name), &n);
    return n ? p->oid : 0;
}

static void type_row(struct system_rows *rows, const struct pg_type *t, struct str name, struct str schema)
{
    bool array = t->element != 0;
    row_begin_cells(rows);
    row_set_int(rows, "oid", t->oid);
    row_set_text(rows, "typname", name);
    row_set_int(rows, "typnamespace", schema_oid(schema));
    row_set_int(rows, "typowner", OID_OWNER);
    row_set_int(rows, "typlen", t->length);
    row_set_bool(rows, "typbyval", t->length > 0 && t->length <= 8);
    row_set_text(rows, "typtype", arena_printf(rows->arena, "%c", t->kind));
    row_set_text(rows, "typcategory", arena_printf(rows->arena, "%c", t->category));
    row_set_bool(rows, "typispreferred", t->preferred);
    row_set_bool(rows, "typisdefined", true);
    row_set_text(rows, "typdelim", arena_printf(rows->arena, "%c", t->delimiter ? t->delimiter : ','));
    row_set_int(rows, "typrelid", 0);
    row_set_int(rows, "typsubscript", array ? 6179 : 0);
    row_set_int(rows, "typelem", t->element);
    row_set_int(rows, "typarray", t->array);
    const char *io = array ? "array_" : t->kind == 'e' ? "enum_" : t->kind == 'd' ? "domain_" : NULL;
    bool underscore = !io && proc_named(t->name ? t->name : "", "_in") != 0;
    row_set_int(rows, "typinput", io ? proc_named(io, "in") : proc_named(t->name, underscore ? "_in" : "in"));
    row_set_int(rows, "typoutput", io ? proc_named(io, "out") : proc_named(t->name, underscore ? "_out" : "out"));
    row_set_int(rows, "typreceive", io ? proc_named(io, "recv") : proc_named(t->name, underscore ? "_recv" : "recv"));
    row_set_int(rows, "typsend", io ? proc_named(io, "send") : proc_named(t->name, underscore ? "_send" : "send"));
    row_set_int(rows, "typmodin", io ? 0 : proc_named(t->name, "typmodin"));
    row_set_int(rows, "typmodout", io ? 0 : proc_named(t->name, "typmodout"));
    row_set_int(rows, "typanalyze", 0);
    row_set_cstr(rows, "typalign", alignment(t));
    row_set_cstr(rows, "typstorage", t->length == -1 ? "x" : "p");
    row_set_bool(rows, "typnotnull", false);
    row_set_int(rows, "typbasetype", 0);
    row_set_int(rows, "typtypmod", -1);
    row_set_int(rows, "typndims", 0);
    row_set_int(rows, "typcollation",
                t->category == 'S' && t->kind == 'b' ? (t->oid == 19 ? OID_C_COLLATION : OID_DEFAULT_COLLATION) : 0);
}

static void user_type_rows(struct system_rows *rows, const struct snapshot *s, const struct user_type *u)
{
    const struct pg_type *base = u->kind == 'd' ? pg_type_by_oid(snapshot_base_type(s, u->oid, NULL)) : NULL;
    struct pg_type t = { .oid = u->oid,
                         .name = "enum",
                         .array = u->array,
                         .length = u->kind == 'e' ? 4
                                   : base         ? base->length
                                                  : -1,
                         .kind = u->kind,
                         .category = u->kind == 'e' ? 'E'
                                     : base         ? base->category
                                                    : 'U',
                         .delimiter = ',' };
    type_row(rows, &t, u->name, u->schema);
    if (u->kind == 'd') {
        row_set_bool(rows, "typnotnull", u->not_null);
        row_set_int(rows, "typbasetype", u->base);
        row_set_int(rows, "typtypmod", u->base_typmod);
        row_set_text(rows, "typdefault", u->default_text.n ? u->default_text : (struct str){ 0 });
    }
    row_end_cells(rows);
    struct pg_type array = { .oid = u->array,
                             .name = "array",
                             .element = u->oid,
                             .length = -1,
                             .kind = 'b',
                             .category = 'A',
                             .delimiter = ',' };
    if (u->array) {
        type_row(rows, &array, arena_printf(rows->arena, "_%.*s", STR_FMT(u->name)), u->schema);
        row_end_cells(rows);
    }
}

static void row_type_row(struct system_rows *rows, const struct relation *r)
{
    struct pg_type t = {
        .oid = r->row_type, .name = "record", .length = -1, .kind = 'c', .category = 'C', .delimiter = ','
    };
    type_row(rows, &t, r->name, r->schema);
    row_set_int(rows, "typrelid", r->oid);
    row_end_cells(rows);
}

void provide_pg_type(struct system_rows *rows, const struct system_source *source)
{
    size_t n;
    const struct pg_type *types = pg_types(&n);
    const struct snapshot *s = source->snapshot;
    for (size_t i = 0; i < n; i++) {
        type_row(rows, &types[i], str_from(types[i].name), STR("pg_catalog"));
        row_end_cells(rows);
    }
    for (size_t i = 0; s && i < s->n_types; i++)
        user_type_rows(rows, s, &s->types[i]);
    for (size_t i = 0; s && i < s->n_relations; i++)
        if (s->relations[i].row_type &&
            (s->relations[i].kind == RELATION_TABLE || s->relations[i].kind == RELATION_VIEW))
            row_type_row(rows, &s->relations[i]);
}

/* --- pg_enum, pg_range, pg_database --- */

void provide_pg_enum(struct system_rows *rows, const struct system_source *source)
{
    const struct snapshot *s = source->snapshot;
    for (size_t i = 0; s && i < s->n_types; i++) {
        for (size_t k = 0; s->types[i].kind == 'e' && k < s->types[i].n_labels; k++) {
            row_begin_cells(rows);
            /* even OIDs sort by label order for clients that order by them */
            row_set_int(rows, "oid", (int64_t)(oid_t)(s->types[i].oid + 2 * (k + 1)));
            row_set_int(rows, "enumtypid", s->types[i].oid);
            row_set(rows, "enumsortorder", value_real((double)k + 1));
            row_set_text(rows, "enumlabel", s->types[i].labels[k]);
            row_end_cells(rows);
        }
    }
}

void provide_pg_range(struct system_rows *rows, const struct system_source *source)
{
    /* pg_range of PostgreSQL 15: range, element, multirange, collation, operator class, canonical and difference functions. */
    static const oid_t ranges[][7] = {
        { 3904, 23, 4451, 0, 1978, 3914, 3922 },   { 3906, 1700, 4532, 0, 3125, 0, 3924 },
        { 3908, 1114, 4533, 0, 3128, 0, 3929 },    { 3910, 1184, 4534, 0, 3127, 0, 3930 },
        { 3912, 1082, 4535, 0, 3122, 3915, 3925 }, { 3926, 20, 4536, 0, 3124, 3928, 3923 },
    };
    static const char *const names[] = { "rngtypid",  "rngsubtype",   "rngmultitypid", "rngcollation",
                                         "rngsubopc", "rngcanonical", "rngsubdiff" };
    (void)source;
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        row_begin_cells(rows);
        for (size_t k = 0; k < 7; k++)
            row_set_int(rows, names[k], ranges[i][k]);
        row_end_cells(rows);
    }
}

void provide_pg_database(struct system_rows *rows, const struct system_source *source)
{
    row_begin_cells(rows);
    row_set_int(rows, "oid", 5);
    row_set_text(rows, "datname", source->state ? source->state->database : STR("postgres"));
    row_set_int(rows, "datdba", OID_OWNER);
    row_set_int(rows, "encoding", 6);
    row_set_cstr(rows, "datlocprovider", "c");
    row_set_bool(rows, "datistemplate", false);
    row_set_bool(rows, "datallowconn", true);
    row_set_int(rows, "datconnlimit", -1);
    row_set_int(rows, "datfrozenxid", 0);
    row_set_int(rows, "dattablespace", OID_DEFAULT_TABLESPACE);
    row_set_cstr(rows, "datcollate", "C.UTF-8");
    row_set_cstr(rows, "datctype", "C.UTF-8");
    row_end_cells(rows);
}
