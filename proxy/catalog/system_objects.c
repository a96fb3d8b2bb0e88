/* system_objects.c - rows of pg_namespace, pg_class, pg_attribute, pg_type, pg_enum that every PostgreSQL does not have. */
#include "proxy/catalog/system_rows.h"

#include "pgwire/types.h"
#include "proxy/catalog/collation.h"
#include "proxy/catalog/extension.h"

static oid_t schema_oid(struct str schema)
{
    if (str_is(schema, "pg_catalog"))
        return OID_PG_CATALOG;
    if (str_is(schema, "public"))
        return OID_PUBLIC;
    if (str_is(schema, "information_schema"))
        return OID_INFORMATION_SCHEMA;
    if (str_is(schema, "pgd1"))
        return PGD1_OID_SCHEMA;
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
    for (size_t i = 0; source->snapshot && i < source->snapshot->n_schemas; i++)
        if (!str_is(source->snapshot->schemas[i], "public"))
            namespace_row(rows, source->snapshot->schemas[i]);
    if (shows_pgd1(source))
        namespace_row(rows, STR("pgd1"));
}

/* --- pg_class --- */

/* Foreign keys have triggers at both ends. */
static bool has_foreign_keys(const struct snapshot *s, const struct relation *r)
{
    for (size_t i = 0; i < r->n_constraints; i++)
        if (r->constraints[i].kind == 'f')
            return true;
    for (size_t i = 0; i < s->n_relations; i++)
        for (size_t k = 0; k < s->relations[i].n_constraints; k++) {
            const struct constraint *c = &s->relations[i].constraints[k];
            if (c->kind == 'f' && str_eq(c->foreign_table, r->name) && str_eq(c->foreign_schema, r->schema))
                return true;
        }
    return false;
}

static int64_t count_checks(const struct relation *r)
{
    int64_t n = 0;
    for (size_t i = 0; i < r->n_constraints; i++)
        n += r->constraints[i].kind == 'c';
    return n;
}

/* pg_class.relpersistence of a relation and its indexes. */
static const char *persistence(const struct snapshot *s, const struct relation *r)
{
    const struct relation *owner =
        s && r->seq_owner_table.n ? snapshot_relation(s, NULL, 0, r->schema, r->seq_owner_table) : NULL;
    if (str_is(r->schema, SNAPSHOT_TEMPORARY))
        return "t";
    return r->is_unlogged || (owner && owner->is_unlogged) ? "u" : "p";
}

static void class_common(struct system_rows *rows, oid_t oid, struct str name, struct str schema, char kind,
                         const char *relpersistence)
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
    /* as PostgreSQL has them before the first ANALYZE */
    row_set_int(rows, "relpages", kind == 'i' || kind == 'S');
    row_set(rows, "reltuples", value_real(kind == 'S' ? 1 : kind == 'i' || kind == 'v' ? 0 : -1));
    row_set_int(rows, "relallvisible", 0);
    row_set_int(rows, "reltoastrelid", 0);
    row_set_bool(rows, "relhasindex", false);
    row_set_bool(rows, "relisshared", false);
    row_set_cstr(rows, "relpersistence", relpersistence);
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

/* text[], as JSON; names and values are words, which JSON needs not escape. */
static struct str option_list(struct system_rows *rows, const struct relation *r)
{
    struct str list = STR("");
    for (size_t i = 0; i < r->n_options; i++)
        list = arena_printf(rows->arena, "%.*s%s\"%.*s\"", STR_FMT(list), i ? "," : "", STR_FMT(r->options[i]));
    return arena_printf(rows->arena, "[%.*s]", STR_FMT(list));
}

static void class_row(struct system_rows *rows, const struct snapshot *s, const struct relation *r)
{
    char kind = (char)(r->kind == RELATION_VIRTUAL ? 'r' : r->kind);
    class_common(rows, r->oid, r->name, r->schema, kind, persistence(s, r));
    row_set_int(rows, "reltype", r->row_type);
    row_set_int(rows, "relnatts", kind == 'S' ? 3 : (int64_t)r->n_columns);
    row_set_int(rows, "relchecks", count_checks(r));
    row_set_bool(rows, "relhasindex", r->n_indexes > 0);
    row_set_bool(rows, "relhastriggers", r->has_user_triggers || has_foreign_keys(s, r));
    if (r->n_options)
        row_set_text(rows, "reloptions", option_list(rows, r));
    row_end_cells(rows);
    for (size_t i = 0; i < r->n_indexes; i++) {
        const struct index *x = &r->indexes[i];
        class_common(rows, x->oid, x->name, r->schema, 'i', persistence(s, r));
        row_set_int(rows, "relnatts", (int64_t)(x->n_columns + x->n_included));
        if (x->is_hash)
            row_set_int(rows, "relam", OID_HASH);
        row_end_cells(rows);
    }
}

/* The views of pg_stat_statements, where the extension was created: in its schema. */
static void each_extension_view(struct system_rows *rows, const struct snapshot *s,
                                void (*each)(struct system_rows *rows, const struct snapshot *s,
                                             const struct relation *r))
{
    const struct snapshot_side *row = s ? extension_created(s, STR("pg_stat_statements")) : NULL;
    size_t n;
    const struct relation *own = system_own_relations(&n);
    for (size_t i = 0; row && i < n; i++) {
        struct relation view = own[i];
        view.schema = row->schema;
        if (extension_owns(s, &own[i]))
            each(rows, s, &view);
    }
}

void provide_pg_class(struct system_rows *rows, const struct system_source *source)
{
    const struct snapshot *s = source->snapshot;
    each_extension_view(rows, s, class_row);
    for (size_t i = 0; s && i < s->n_relations; i++)
        class_row(rows, s, &s->relations[i]);
    const struct relation *view;
    for (size_t i = 0; s && shows_pgd1(source) && (view = system_pgd1_view(i)); i++)
        class_row(rows, s, view);
}

/* --- pg_attribute --- */

enum { INDEX_COLUMNS_MAX = 100 };

/* What pg_type says of a type, user types included: PostgreSQL's rows of enums, domains and their arrays. */
static struct pg_type type_facts(const struct snapshot *s, oid_t oid)
{
    const struct pg_type *known = pg_type_by_oid(oid);
    const struct user_type *u = known || !s ? NULL : snapshot_user_type(s, oid);
    struct pg_type t = { .oid = oid, .length = -1, .kind = 'b', .category = 'U', .align = 'i', .storage = 'x' };
    if (known)
        return *known;
    if (!u)
        return t;
    t.delimiter = ',';
    if (oid == u->array) {
        t.category = 'A';
        t.element = t.typelem = u->oid;
        t.subscript = 6179;
        if (u->kind == 'd' && (known = pg_type_by_oid(snapshot_base_type(s, u->base, NULL))))
            t.align = known->align == 'd' ? 'd' : 'i';
    } else if (u->kind == 'e') {
        t.length = 4;
        t.kind = 'e';
        t.category = 'E';
        t.by_value = true;
        t.storage = 'p';
        t.array = u->array;
    } else {
        t = type_facts(s, u->base);
        t.oid = oid;
        t.kind = 'd';
        t.preferred = false;
        t.typelem = t.element = t.relation = 0;
        t.subscript = 0;
        t.array = u->array;
    }
    t.collation = collation_of_type(s, oid);
    return t;
}

static struct str one_char(struct system_rows *rows, char c)
{
    return c ? arena_printf(rows->arena, "%c", c) : STR("");
}

static void attribute_row(struct system_rows *rows, const struct snapshot *s, oid_t relation, const struct column *c,
                          int number)
{
    struct pg_type t = type_facts(s, c->type);
    row_begin_cells(rows);
    row_set_int(rows, "attrelid", relation);
    row_set_text(rows, "attname", c->name);
    row_set_int(rows, "atttypid", c->type);
    row_set_int(rows, "attstattarget", -1);
    row_set_int(rows, "attlen", t.length);
    row_set_int(rows, "attnum", number);
    row_set_int(rows, "attndims", t.element ? 1 : 0);
    row_set_int(rows, "attcacheoff", -1);
    row_set_int(rows, "atttypmod", c->typmod);
    row_set_bool(rows, "attbyval", t.by_value);
    row_set_text(rows, "attalign", one_char(rows, t.align));
    row_set_text(rows, "attstorage", one_char(rows, t.storage));
    row_set_cstr(rows, "attcompression", "");
    row_set_bool(rows, "attnotnull", c->not_null);
    row_set_bool(rows, "atthasdef", c->default_text.n > 0);
    row_set_bool(rows, "atthasmissing", false);
    row_set_text(rows, "attidentity", one_char(rows, c->identity));
    row_set_text(rows, "attgenerated", one_char(rows, c->generated));
    row_set_bool(rows, "attisdropped", false);
    row_set_bool(rows, "attislocal", true);
    row_set_int(rows, "attinhcount", 0);
    row_set_int(rows, "attcollation", collation_of_column(s, c));
    row_end_cells(rows);
}

/* Names already taken get a number, as PostgreSQL's ChooseIndexColumnNames does. */
static struct str index_column_name(struct system_rows *rows, const struct relation *r, const struct index *x,
                                    size_t at)
{
    struct str names[INDEX_COLUMNS_MAX] = { { 0 } };
    for (size_t i = 0; i <= at && i < INDEX_COLUMNS_MAX; i++) {
        const struct column *of = relation_column_by_number(r, x->columns[i].column);
        struct str base = of ? of->name : x->columns[i].label, name = base;
        bool taken = true;
        for (int n = 1; taken && n < 1000; n++) {
            taken = false;
            for (size_t k = 0; k < i; k++)
                taken |= str_eq(names[k], name);
            if (taken)
                name = arena_printf(rows->arena, "%.*s%d", STR_FMT(base), n);
        }
        names[i] = name;
    }
    return names[at];
}

static void index_attributes(struct system_rows *rows, const struct snapshot *s, const struct relation *r,
                             const struct index *x)
{
    for (size_t k = 0; k < x->n_columns && k < INDEX_COLUMNS_MAX; k++) {
        const struct column *of = relation_column_by_number(r, x->columns[k].column);
        oid_t type = of ? of->type : x->columns[k].type;
        struct column c = { .name = index_column_name(rows, r, x, k),
                            .type = type == TYPE_OID_name ? TYPE_OID_cstring : type, /* name_ops keeps C strings */
                            .typmod = of ? of->typmod : -1,
                            .collation = system_index_collation(s, r, &x->columns[k]) };
        attribute_row(rows, s, x->oid, &c, (int)k + 1);
    }
    for (size_t k = 0; k < x->n_included && x->n_columns + k < INDEX_COLUMNS_MAX; k++) {
        const struct column *of = relation_column_by_number(r, x->included[k]);
        struct column c = { .name = of->name, .type = of->type, .typmod = of->typmod }; /* kept, not compared */
        attribute_row(rows, s, x->oid, &c, (int)(x->n_columns + k) + 1);
    }
}

static void sequence_attributes(struct system_rows *rows, const struct snapshot *s, const struct relation *r)
{
    static const struct column columns[] = {
        { .name = STR_INIT("last_value"), .type = TYPE_OID_int8, .typmod = -1, .not_null = true },
        { .name = STR_INIT("log_cnt"), .type = TYPE_OID_int8, .typmod = -1, .not_null = true },
        { .name = STR_INIT("is_called"), .type = TYPE_OID_bool, .typmod = -1, .not_null = true },
    };
    for (int i = 0; i < 3; i++)
        attribute_row(rows, s, r->oid, &columns[i], i + 1);
}

static void attributes_of(struct system_rows *rows, const struct snapshot *s, const struct relation *r)
{
    if (r->kind == RELATION_SEQUENCE) {
        sequence_attributes(rows, s, r);
        return;
    }
    for (size_t i = 0; i < r->n_columns; i++)
        attribute_row(rows, s, r->oid, &r->columns[i], r->columns[i].number);
    for (size_t i = 0; i < r->n_indexes; i++)
        index_attributes(rows, s, r, &r->indexes[i]);
}

void provide_pg_attribute(struct system_rows *rows, const struct system_source *source)
{
    each_extension_view(rows, source->snapshot, attributes_of);
    for (size_t i = 0; source->snapshot && i < source->snapshot->n_relations; i++)
        attributes_of(rows, source->snapshot, &source->snapshot->relations[i]);
    const struct relation *view;
    for (size_t i = 0; source->snapshot && shows_pgd1(source) && (view = system_pgd1_view(i)); i++)
        attributes_of(rows, source->snapshot, view);
}

/* --- pg_type --- */

static oid_t proc_named(const char *name)
{
    size_t n = 0;
    const struct pg_proc *p = pg_procs_by_name(str_from(name), &n);
    return n ? p->oid : 0;
}

struct type_functions {
    const char *in, *out, *receive, *send, *analyze;
};

static void type_functions(struct system_rows *rows, const struct pg_type *t)
{
    static const struct type_functions kinds[] = {
        { "array_in", "array_out", "array_recv", "array_send", "array_typanalyze" },
        { "enum_in", "enum_out", "enum_recv", "enum_send", NULL },
        { "record_in", "record_out", "record_recv", "record_send", NULL },
    };
    const struct type_functions *f = &kinds[t->element ? 0 : t->kind == 'e' ? 1 : 2];
    bool domain = t->kind == 'd';
    row_set_int(rows, "typinput", proc_named(domain ? "domain_in" : f->in));
    row_set_int(rows, "typoutput", domain ? t->output : proc_named(f->out));
    row_set_int(rows, "typreceive", proc_named(domain ? "domain_recv" : f->receive));
    row_set_int(rows, "typsend", domain ? t->send : proc_named(f->send));
    row_set_int(rows, "typmodin", 0);
    row_set_int(rows, "typmodout", 0);
    row_set_int(rows, "typanalyze", domain ? t->analyze : f->analyze ? proc_named(f->analyze) : 0);
}

/* A row of a user's type, array or row type; the caller ends it. */
static void type_row(struct system_rows *rows, const struct pg_type *t, struct str name, struct str schema)
{
    row_begin_cells(rows);
    row_set_int(rows, "oid", t->oid);
    row_set_text(rows, "typname", name);
    row_set_int(rows, "typnamespace", schema_oid(schema));
    row_set_int(rows, "typowner", OID_OWNER);
    row_set_int(rows, "typlen", t->length);
    row_set_bool(rows, "typbyval", t->by_value);
    row_set_text(rows, "typtype", one_char(rows, t->kind));
    row_set_text(rows, "typcategory", one_char(rows, t->category));
    row_set_bool(rows, "typispreferred", t->preferred);
    row_set_bool(rows, "typisdefined", true);
    row_set_text(rows, "typdelim", one_char(rows, t->delimiter ? t->delimiter : ','));
    row_set_int(rows, "typrelid", t->relation);
    row_set_int(rows, "typsubscript", t->subscript);
    row_set_int(rows, "typelem", t->typelem);
    row_set_int(rows, "typarray", t->array);
    type_functions(rows, t);
    row_set_text(rows, "typalign", one_char(rows, t->align));
    row_set_text(rows, "typstorage", one_char(rows, t->storage));
    row_set_bool(rows, "typnotnull", false);
    row_set_int(rows, "typbasetype", 0);
    row_set_int(rows, "typtypmod", -1);
    row_set_int(rows, "typndims", 0);
    row_set_int(rows, "typcollation", t->collation);
}

static void array_row(struct system_rows *rows, const struct pg_type *t, struct str name, struct str schema)
{
    /* PostgreSQL cuts the name at 63 bytes */
    struct str array = arena_printf(rows->arena, "_%.*s", (int)(name.n < 62 ? name.n : 62), name.p);
    type_row(rows, t, array, schema);
    row_end_cells(rows);
}

static void user_type_rows(struct system_rows *rows, const struct snapshot *s, const struct user_type *u)
{
    struct pg_type t = type_facts(s, u->oid), array = type_facts(s, u->array);
    type_row(rows, &t, u->name, u->schema);
    if (u->kind == 'd') {
        row_set_bool(rows, "typnotnull", u->not_null);
        row_set_int(rows, "typbasetype", u->base);
        row_set_int(rows, "typtypmod", u->base_typmod);
        row_set_text(rows, "typdefaultbin", u->default_text.n ? u->default_text : (struct str){ 0 });
        row_set_text(rows, "typdefault", u->default_text.n ? u->default_text : (struct str){ 0 });
    }
    row_end_cells(rows);
    if (u->array)
        array_row(rows, &array, u->name, u->schema);
}

oid_t system_row_array(const struct relation *r)
{
    if (r->is_system && str_is(r->schema, "pgd1"))
        return r->oid - PGD1_OID_RELATION + PGD1_OID_ROW_ARRAY;
    return snapshot_hash_oid("row array", r->schema, r->name, 0);
}

static void row_type_rows(struct system_rows *rows, const struct relation *r)
{
    struct pg_type t = { .oid = r->row_type,
                         .array = system_row_array(r),
                         .length = -1,
                         .kind = 'c',
                         .category = 'C',
                         .relation = r->oid,
                         .align = 'd',
                         .storage = 'x' };
    struct pg_type array = { .oid = t.array,
                             .element = t.oid,
                             .typelem = t.oid,
                             .length = -1,
                             .kind = 'b',
                             .category = 'A',
                             .subscript = 6179,
                             .align = 'd',
                             .storage = 'x' };
    type_row(rows, &t, r->name, r->schema);
    row_end_cells(rows);
    array_row(rows, &array, r->name, r->schema);
}

void provide_pg_type(struct system_rows *rows, const struct system_source *source)
{
    const struct snapshot *s = source->snapshot;
    for (size_t i = 0; s && i < s->n_types; i++)
        user_type_rows(rows, s, &s->types[i]);
    for (size_t i = 0; s && i < s->n_relations; i++)
        if (s->relations[i].row_type && s->relations[i].kind != RELATION_SEQUENCE)
            row_type_rows(rows, &s->relations[i]);
    const struct relation *view;
    for (size_t i = 0; s && shows_pgd1(source) && (view = system_pgd1_view(i)); i++)
        row_type_rows(rows, view);
}

/* --- pg_enum --- */

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
