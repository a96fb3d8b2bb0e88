/* system_details.c - rows of pg_index, pg_constraint, pg_attrdef, pg_description, pg_sequence, pg_am and other small relations. */
#include "proxy/catalog/system_rows.h"

/* int2[], int2vector, oidvector: JSON arrays in storage form. */
static struct str numbers(struct system_rows *rows, const int16_t *list, size_t n)
{
    struct str text = STR("[");
    for (size_t i = 0; i < n && text.p; i++)
        text = arena_printf(rows->arena, "%.*s%s%d", STR_FMT(text), i ? "," : "", list[i]);
    return text.p ? arena_printf(rows->arena, "%.*s]", STR_FMT(text)) : text;
}

static struct str repeated(struct system_rows *rows, int64_t value, size_t n)
{
    struct str text = STR("[");
    for (size_t i = 0; i < n && text.p; i++)
        text = arena_printf(rows->arena, "%.*s%s%lld", STR_FMT(text), i ? "," : "", (long long)value);
    return text.p ? arena_printf(rows->arena, "%.*s]", STR_FMT(text)) : text;
}

/* --- pg_index --- */

static void index_row(struct system_rows *rows, const struct relation *r, const struct index *x)
{
    int16_t columns[100], options[100];
    size_t n = x->n_columns < 100 ? x->n_columns : 100;
    bool expressions = false;
    for (size_t i = 0; i < n; i++) {
        columns[i] = x->columns[i].column;
        options[i] = (int16_t)((x->columns[i].descending ? 1 : 0) |
                               (x->columns[i].nulls_first ? 2 : 0)); /* INDOPTION_DESC, INDOPTION_NULLS_FIRST */
        expressions |= !x->columns[i].column;
    }
    row_begin_cells(rows);
    row_set_int(rows, "indexrelid", x->oid);
    row_set_int(rows, "indrelid", r->oid);
    row_set_int(rows, "indnatts", (int64_t)x->n_columns);
    row_set_int(rows, "indnkeyatts", (int64_t)x->n_columns);
    row_set_bool(rows, "indisunique", x->unique);
    row_set_bool(rows, "indnullsnotdistinct", false);
    row_set_bool(rows, "indisprimary", x->primary);
    row_set_bool(rows, "indisexclusion", false);
    row_set_bool(rows, "indimmediate", true);
    row_set_bool(rows, "indisclustered", false);
    row_set_bool(rows, "indisvalid", true);
    row_set_bool(rows, "indcheckxmin", false);
    row_set_bool(rows, "indisready", true);
    row_set_bool(rows, "indislive", true);
    row_set_bool(rows, "indisreplident", false);
    row_set_text(rows, "indkey", numbers(rows, columns, n));
    row_set_text(rows, "indcollation", repeated(rows, 0, n));
    row_set_text(rows, "indclass", repeated(rows, 0, n));
    row_set_text(rows, "indoption", numbers(rows, options, n));
    if (expressions)
        for (size_t i = 0; i < n; i++)
            if (!x->columns[i].column)
                row_set_text(rows, "indexprs", x->columns[i].expression);
    if (x->predicate.n)
        row_set_text(rows, "indpred", x->predicate);
    row_end_cells(rows);
}

void provide_pg_index(struct system_rows *rows, const struct system_source *source)
{
    const struct snapshot *s = source->snapshot;
    for (size_t i = 0; s && i < s->n_relations; i++)
        for (size_t k = 0; k < s->relations[i].n_indexes; k++)
            index_row(rows, &s->relations[i], &s->relations[i].indexes[k]);
}

/* --- pg_constraint --- */

static oid_t index_of(const struct relation *r, const struct constraint *c)
{
    for (size_t i = 0; r && i < r->n_indexes; i++)
        if (str_eq(r->indexes[i].name, c->name))
            return r->indexes[i].oid;
    return 0;
}

static oid_t referenced_index(const struct relation *f, const struct constraint *c)
{
    for (size_t i = 0; f && i < f->n_constraints; i++) {
        const struct constraint *k = &f->constraints[i];
        if ((k->kind == 'p' || k->kind == 'u') && k->n_columns == c->n_columns &&
            memcmp(k->columns, c->foreign_columns, k->n_columns * sizeof(*k->columns)) == 0)
            return index_of(f, k);
    }
    return 0;
}

static void constraint_row(struct system_rows *rows, const struct snapshot *s, const struct relation *r,
                           const struct constraint *c)
{
    static const struct str path[] = { STR_INIT("public") };
    bool foreign = c->kind == 'f';
    const struct relation *f = foreign ? snapshot_relation(s, path, 1, c->foreign_schema, c->foreign_table) : NULL;
    row_begin_cells(rows);
    row_set_int(rows, "oid", c->oid);
    row_set_text(rows, "conname", c->name);
    row_set_int(rows, "connamespace", system_schema_oid(r->schema));
    row_set_text(rows, "contype", arena_printf(rows->arena, "%c", c->kind));
    row_set_bool(rows, "condeferrable", c->deferrable);
    row_set_bool(rows, "condeferred", c->deferred);
    row_set_bool(rows, "convalidated", true);
    row_set_int(rows, "conrelid", r->oid);
    row_set_int(rows, "contypid", 0);
    row_set_int(rows, "conindid", foreign ? referenced_index(f, c) : index_of(r, c));
    row_set_int(rows, "conparentid", 0);
    row_set_int(rows, "confrelid", f ? f->oid : 0);
    row_set_text(rows, "confupdtype", foreign ? arena_printf(rows->arena, "%c", c->on_update) : STR(" "));
    row_set_text(rows, "confdeltype", foreign ? arena_printf(rows->arena, "%c", c->on_delete) : STR(" "));
    row_set_cstr(rows, "confmatchtype", foreign ? "s" : " ");
    row_set_bool(rows, "conislocal", true);
    row_set_int(rows, "coninhcount", 0);
    row_set_bool(rows, "connoinherit", c->kind != 'c');
    if (c->n_columns)
        row_set_text(rows, "conkey", numbers(rows, c->columns, c->n_columns));
    if (foreign)
        row_set_text(rows, "confkey", numbers(rows, c->foreign_columns, c->n_columns));
    if (c->kind == 'c')
        row_set_text(rows, "conbin", c->expression);
    row_end_cells(rows);
}

void provide_pg_constraint(struct system_rows *rows, const struct system_source *source)
{
    const struct snapshot *s = source->snapshot;
    for (size_t i = 0; s && i < s->n_relations; i++)
        for (size_t k = 0; k < s->relations[i].n_constraints; k++)
            constraint_row(rows, s, &s->relations[i], &s->relations[i].constraints[k]);
}

/* --- pg_attrdef --- */

void provide_pg_attrdef(struct system_rows *rows, const struct system_source *source)
{
    const struct snapshot *s = source->snapshot;
    for (size_t i = 0; s && i < s->n_relations; i++) {
        const struct relation *r = &s->relations[i];
        for (size_t k = 0; k < r->n_columns; k++) {
            const struct column *c = &r->columns[k];
            struct str text = c->default_text;
            if (!text.n)
                continue;
            row_begin_cells(rows);
            row_set_int(rows, "oid", (int64_t)(oid_t)(r->oid ^ (0x40000000u + (oid_t)c->number)));
            row_set_int(rows, "adrelid", r->oid);
            row_set_int(rows, "adnum", c->number);
            row_set_text(rows, "adbin", text);
            row_end_cells(rows);
        }
    }
}

/* --- pg_description --- */

static void description_row(struct system_rows *rows, oid_t object, oid_t class, int64_t part, struct str text)
{
    if (!text.n)
        return;
    row_begin_cells(rows);
    row_set_int(rows, "objoid", object);
    row_set_int(rows, "classoid", class);
    row_set_int(rows, "objsubid", part);
    row_set_text(rows, "description", text);
    row_end_cells(rows);
}

void provide_pg_description(struct system_rows *rows, const struct system_source *source)
{
    const struct snapshot *s = source->snapshot;
    for (size_t i = 0; s && i < s->n_relations; i++) {
        const struct relation *r = &s->relations[i];
        description_row(rows, r->oid, OID_PG_CLASS, 0, r->comment);
        for (size_t k = 0; r->column_comments && k < r->n_columns; k++)
            description_row(rows, r->oid, OID_PG_CLASS, r->columns[k].number, r->column_comments[k]);
        for (size_t k = 0; k < r->n_constraints; k++)
            description_row(rows, r->constraints[k].oid, OID_PG_CONSTRAINT, 0, r->constraints[k].comment);
        for (size_t k = 0; k < r->n_indexes; k++)
            description_row(rows, r->indexes[k].oid, OID_PG_CLASS, 0, r->indexes[k].comment);
    }
    for (size_t i = 0; s && i < s->n_types; i++)
        description_row(rows, s->types[i].oid, OID_PG_TYPE, 0, s->types[i].comment);
}

/* --- pg_sequence --- */

void provide_pg_sequence(struct system_rows *rows, const struct system_source *source)
{
    const struct snapshot *s = source->snapshot;
    for (size_t i = 0; s && i < s->n_relations; i++) {
        const struct relation *r = &s->relations[i];
        if (r->kind != RELATION_SEQUENCE)
            continue;
        row_begin_cells(rows);
        row_set_int(rows, "seqrelid", r->oid);
        row_set_int(rows, "seqtypid", r->seq_type);
        row_set_int(rows, "seqstart", r->seq_start);
        row_set_int(rows, "seqincrement", r->seq_increment);
        row_set_int(rows, "seqmax", r->seq_max);
        row_set_int(rows, "seqmin", r->seq_min);
        row_set_int(rows, "seqcache", 1);
        row_set_bool(rows, "seqcycle", r->seq_cycle);
        row_end_cells(rows);
    }
}

/* --- pg_am, pg_collation, pg_tablespace, pg_language: as every PostgreSQL 15 has them --- */

void provide_pg_am(struct system_rows *rows, const struct system_source *source)
{
    static const struct {
        oid_t oid;
        const char *name;
        oid_t handler;
        const char *type;
    } list[] = {
        { 2, "heap", 3, "t" },     { 403, "btree", 330, "i" },   { 405, "hash", 331, "i" },  { 783, "gist", 332, "i" },
        { 2742, "gin", 333, "i" }, { 4000, "spgist", 334, "i" }, { 3580, "brin", 335, "i" },
    };
    (void)source;
    for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
        row_begin_cells(rows);
        row_set_int(rows, "oid", list[i].oid);
        row_set_cstr(rows, "amname", list[i].name);
        row_set_int(rows, "amhandler", list[i].handler);
        row_set_cstr(rows, "amtype", list[i].type);
        row_end_cells(rows);
    }
}

void provide_pg_collation(struct system_rows *rows, const struct system_source *source)
{
    static const struct {
        oid_t oid;
        const char *name, *provider, *collate;
    } list[] = {
        { OID_DEFAULT_COLLATION, "default", "d", NULL },
        { OID_C_COLLATION, "C", "c", "C" },
        { 951, "POSIX", "c", "POSIX" },
    };
    (void)source;
    for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
        row_begin_cells(rows);
        row_set_int(rows, "oid", list[i].oid);
        row_set_cstr(rows, "collname", list[i].name);
        row_set_int(rows, "collnamespace", OID_PG_CATALOG);
        row_set_int(rows, "collowner", OID_OWNER);
        row_set_cstr(rows, "collprovider", list[i].provider);
        row_set_bool(rows, "collisdeterministic", true);
        row_set_int(rows, "collencoding", -1);
        row_set_cstr(rows, "collcollate", list[i].collate);
        row_set_cstr(rows, "collctype", list[i].collate);
        row_end_cells(rows);
    }
}

void provide_pg_tablespace(struct system_rows *rows, const struct system_source *source)
{
    static const struct {
        oid_t oid;
        const char *name;
    } list[] = { { OID_DEFAULT_TABLESPACE, "pg_default" }, { 1664, "pg_global" } };
    (void)source;
    for (size_t i = 0; i < 2; i++) {
        row_begin_cells(rows);
        row_set_int(rows, "oid", list[i].oid);
        row_set_cstr(rows, "spcname", list[i].name);
        row_set_int(rows, "spcowner", OID_OWNER);
        row_end_cells(rows);
    }
}

/* --- pg_proc --- */

void provide_pg_proc(struct system_rows *rows, const struct system_source *source)
{
    size_t n;
    const struct pg_proc *procs = pg_procs(&n);
    (void)source;
    for (size_t i = 0; i < n; i++) {
        const struct pg_proc *p = &procs[i];
        struct str args = STR("[");
        for (size_t k = 0; k < p->n_args && args.p; k++)
            args = arena_printf(rows->arena, "%.*s%s%u", STR_FMT(args), k ? "," : "", p->args[k]);
        row_begin_cells(rows);
        row_set_int(rows, "oid", p->oid);
        row_set_cstr(rows, "proname", p->name);
        row_set_int(rows, "pronamespace", OID_PG_CATALOG);
        row_set_int(rows, "proowner", OID_OWNER);
        row_set_int(rows, "prolang", 12);
        row_set_int(rows, "provariadic", p->variadic);
        row_set_text(rows, "prokind", arena_printf(rows->arena, "%c", p->kind));
        row_set_bool(rows, "prosecdef", false);
        row_set_bool(rows, "proisstrict", p->strict);
        row_set_bool(rows, "proretset", p->returns_set);
        row_set_text(rows, "provolatile", arena_printf(rows->arena, "%c", p->volatility));
        row_set_int(rows, "pronargs", p->n_args);
        row_set_int(rows, "pronargdefaults", p->n_defaults);
        row_set_int(rows, "prorettype", p->result);
        row_set_text(rows, "proargtypes", args.p ? arena_printf(rows->arena, "%.*s]", STR_FMT(args)) : args);
        row_set_cstr(rows, "prosrc", p->source);
        row_end_cells(rows);
    }
}

/* --- pg_tables, pg_views; information_schema.tables, schemata --- */

void provide_pg_tables(struct system_rows *rows, const struct system_source *source)
{
    const struct snapshot *s = source->snapshot;
    for (size_t i = 0; s && i < s->n_relations; i++) {
        const struct relation *r = &s->relations[i];
        if (r->kind != RELATION_TABLE && r->kind != RELATION_VIRTUAL)
            continue;
        row_begin_cells(rows);
        row_set_text(rows, "schemaname", r->schema);
        row_set_text(rows, "tablename", r->name);
        row_set_text(rows, "tableowner", source->state ? source->state->user : STR("postgres"));
        row_set_bool(rows, "hasindexes", r->n_indexes > 0);
        row_set_bool(rows, "hasrules", false);
        row_set_bool(rows, "hastriggers", r->has_user_triggers);
        row_set_bool(rows, "rowsecurity", false);
        row_end_cells(rows);
    }
}

void provide_pg_views(struct system_rows *rows, const struct system_source *source)
{
    const struct snapshot *s = source->snapshot;
    for (size_t i = 0; s && i < s->n_relations; i++) {
        const struct relation *r = &s->relations[i];
        if (r->kind != RELATION_VIEW)
            continue;
        row_begin_cells(rows);
        row_set_text(rows, "schemaname", r->schema);
        row_set_text(rows, "viewname", r->name);
        row_set_text(rows, "viewowner", source->state ? source->state->user : STR("postgres"));
        row_set_text(rows, "definition", r->view_text);
        row_end_cells(rows);
    }
}

void provide_information_schema_tables(struct system_rows *rows, const struct system_source *source)
{
    const struct snapshot *s = source->snapshot;
    size_t n;
    const struct relation *system = system_relations(&n);
    for (size_t i = 0; i < n + (s ? s->n_relations : 0); i++) {
        const struct relation *r = i < n ? &system[i] : &s->relations[i - n];
        if (r->kind == RELATION_SEQUENCE)
            continue;
        bool view = r->kind == RELATION_VIEW;
        row_begin_cells(rows);
        row_set_text(rows, "table_catalog", source->state ? source->state->database : STR("postgres"));
        row_set_text(rows, "table_schema", r->schema);
        row_set_text(rows, "table_name", r->name);
        row_set_cstr(rows, "table_type", view ? "VIEW" : "BASE TABLE");
        row_set_cstr(rows, "is_insertable_into", view || r->is_system ? "NO" : "YES");
        row_set_cstr(rows, "is_typed", "NO");
        row_end_cells(rows);
    }
}
