/* extension.c - see extension.h. */
#include "proxy/catalog/extension.h"

#include "proxy/catalog/system_rows.h"

static const struct extension extensions[] = { { "pg_stat_statements", "1.10", true },
                                               { "pgcrypto", "1.3", false },
                                               { "uuid-ossp", "1.1", false } };

/* Beside the functions, at the same places. */
static const char *const owners[] = {
#define EXTENSION_FUNCTION(extension, oid, name, volatility, result, arguments, n, source) extension,
#include "proxy/catalog/extension.def"
#undef EXTENSION_FUNCTION
};

#define PG_ARGS(...)                                                                                                   \
    {                                                                                                                  \
        __VA_ARGS__                                                                                                    \
    }
static const struct pg_proc procs[] = {
#define EXTENSION_FUNCTION(extension, id, function, kept, type, arguments, n, key)                                     \
    { .oid = (id),                                                                                                     \
      .name = (function),                                                                                              \
      .kind = 'f',                                                                                                     \
      .volatility = (kept),                                                                                            \
      .strict = true,                                                                                                  \
      .result = (type),                                                                                                \
      .n_args = (n),                                                                                                   \
      .args = arguments,                                                                                               \
      .source = (key),                                                                                                 \
      .language = 'c',                                                                                                 \
      .cost = 1,                                                                                                       \
      .parallel = 's' },
#include "proxy/catalog/extension.def"
#undef EXTENSION_FUNCTION
};

const struct extension *extension_find(struct str name)
{
    for (size_t i = 0; i < sizeof(extensions) / sizeof(extensions[0]); i++)
        if (str_is(name, extensions[i].name))
            return &extensions[i];
    return NULL;
}

const struct snapshot_side *extension_created(const struct snapshot *s, struct str name)
{
    for (size_t i = 0; s && i < s->n_side; i++)
        if (str_is(s->side[i].kind, "extension") && str_eq(s->side[i].name, name))
            return &s->side[i];
    return NULL;
}

const struct pg_proc *extension_procs(const struct snapshot *s, struct str schema, struct str name, size_t *ret_n)
{
    const size_t n = sizeof(procs) / sizeof(procs[0]);
    size_t first = 0, end;
    *ret_n = 0;
    while (first < n && !str_is(name, procs[first].name))
        first++;
    for (end = first; end < n && str_is(name, procs[end].name);)
        end++;
    if (first == n)
        return NULL;
    const struct snapshot_side *row = extension_created(s, str_from(owners[first]));
    bool built_in = extension_find(str_from(owners[first]))->built_in && (!schema.n || str_is(schema, "pg_catalog"));
    if (!built_in && (!row || (schema.n && !str_eq(schema, row->schema))))
        return NULL;
    *ret_n = end - first;
    return &procs[first];
}

const struct pg_proc *extension_all_procs(size_t *ret_n)
{
    *ret_n = sizeof(procs) / sizeof(procs[0]);
    return procs;
}

const char *extension_of_proc(const struct pg_proc *proc)
{
    const size_t n = sizeof(procs) / sizeof(procs[0]);
    return proc >= procs && proc < procs + n ? owners[proc - procs] : NULL;
}

bool extension_owns(const struct snapshot *s, const struct relation *r)
{
    return str_starts(r->name, STR("pg_stat_statements")) && extension_created(s, STR("pg_stat_statements"));
}

/* --- pg_extension --- */

void provide_pg_extension(struct system_rows *rows, const struct system_source *source)
{
    const struct snapshot *s = source->snapshot;
    for (size_t i = 0; s && i < s->n_side; i++) {
        const struct snapshot_side *row = &s->side[i];
        const struct extension *known = str_is(row->kind, "extension") ? extension_find(row->name) : NULL;
        if (!known)
            continue;
        row_begin_cells(rows);
        row_set_int(rows, "oid", snapshot_hash_oid("extension", row->schema, row->name, 0));
        row_set_text(rows, "extname", row->name);
        row_set_int(rows, "extowner", OID_OWNER);
        row_set_int(rows, "extnamespace", system_schema_oid(row->schema));
        row_set_bool(rows, "extrelocatable", true);
        row_set_cstr(rows, "extversion", known->version);
        row_end_cells(rows);
    }
}

/* --- pg_available_extensions --- */

void provide_pg_available_extensions(struct system_rows *rows, const struct system_source *source)
{
    enum { NAME = 1, VERSION = 5 };
    struct value **fixed;
    size_t n = 0;
    fixed_rows(system_relation(STR("pg_catalog"), STR("pg_extension")), &fixed, &n);
    for (size_t i = 0; i < n; i++) {
        row_begin_cells(rows);
        row_set(rows, "name", fixed[i][NAME]);
        row_set(rows, "default_version", fixed[i][VERSION]);
        row_set(rows, "installed_version", fixed[i][VERSION]);
        row_end_cells(rows);
    }
    for (size_t i = 0; i < sizeof(extensions) / sizeof(extensions[0]); i++) {
        row_begin_cells(rows);
        row_set_cstr(rows, "name", extensions[i].name);
        row_set_cstr(rows, "default_version", extensions[i].version);
        if (extension_created(source->snapshot, str_from(extensions[i].name)))
            row_set_cstr(rows, "installed_version", extensions[i].version);
        row_end_cells(rows);
    }
}
