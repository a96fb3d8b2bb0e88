/* catalog_objects.c - see catalog_objects.h. */
#include "proxy/sql/functions/catalog_objects.h"

#include "proxy/catalog/reg_names.h"
#include "proxy/catalog/system_rows.h"
#include "proxy/sql/functions/typed.h"

const struct snapshot *catalog_snapshot(sqlite3_context *c)
{
    return local_current_run(local_of(c))->snapshot;
}

struct system_source catalog_source(sqlite3_context *c)
{
    const struct local_run *run = local_current_run(local_of(c));
    return (struct system_source){ .snapshot = run->snapshot, .state = run->system };
}

const struct relation *catalog_relation_by_oid(sqlite3_context *c, oid_t oid)
{
    const struct snapshot *s = catalog_snapshot(c);
    return s ? snapshot_relation_by_oid(s, oid) : system_relation_by_oid(oid);
}

const struct relation *catalog_relation(sqlite3_context *c, sqlite3_value *oid)
{
    return catalog_relation_by_oid(c, (oid_t)sqlite3_value_int64(oid));
}

const struct relation *catalog_index(sqlite3_context *c, oid_t oid, const struct index **ret)
{
    const struct snapshot *s = catalog_snapshot(c);
    for (size_t i = 0; s && i < s->n_relations; i++)
        for (size_t k = 0; k < s->relations[i].n_indexes; k++)
            if (s->relations[i].indexes[k].oid == oid) {
                *ret = &s->relations[i].indexes[k];
                return &s->relations[i];
            }
    return NULL;
}

/* The session has temporary tables: they are found first, though current_schemas() does not say so. */
static bool has_temporary(const struct snapshot *s)
{
    for (size_t i = 0; s && i < s->n_schemas; i++)
        if (str_is(s->schemas[i], SNAPSHOT_TEMPORARY))
            return true;
    return false;
}

/* The search path without pg_catalog; public alone when the session does not say. */
static bool search_path(sqlite3_context *c, struct str **ret, size_t *ret_n)
{
    static struct str fallback[] = { STR_INIT("public") };
    const struct local_run *run = local_current_run(local_of(c));
    struct json_value list;
    struct value path;
    *ret = fallback;
    *ret_n = 1;
    if (!run->session_value || !run->session_value(run->session_ctx, STR("current_schemas"), scratch(c), &path) ||
        path.class != VALUE_TEXT)
        return true;
    if (!json_parse(path.bytes, scratch(c), &list, errors(c)) || list.kind != JSON_ARRAY)
        return false;
    bool temporary = has_temporary(run->snapshot);
    for (size_t i = 0; i < list.array.n; i++)
        temporary = temporary && !str_is(list.array.items[i].text, SNAPSHOT_TEMPORARY);
    *ret = ARENA_ARRAY(scratch(c), struct str, list.array.n + 2);
    *ret_n = list.array.n + temporary;
    if (*ret && temporary)
        (*ret)[0] = STR(SNAPSHOT_TEMPORARY);
    for (size_t i = 0; *ret && i < list.array.n; i++)
        (*ret)[i + temporary] = list.array.items[i].text;
    return *ret || err_oom(errors(c));
}

bool catalog_on_path(sqlite3_context *c, struct str schema)
{
    struct str *path;
    size_t n;
    if (str_is(schema, "pg_catalog"))
        return true;
    if (!search_path(c, &path, &n))
        return false;
    for (size_t i = 0; i < n; i++)
        if (str_eq(path[i], schema))
            return true;
    return false;
}

bool catalog_find(sqlite3_context *c, oid_t reg_type, struct str text, oid_t *ret)
{
    struct system_source source = catalog_source(c);
    struct str *path;
    size_t n;
    return search_path(c, &path, &n) && reg_find(&source, path, n, reg_type, text, scratch(c), ret, errors(c));
}

size_t catalog_numbers(struct str list, int16_t *ret, size_t room)
{
    size_t n = 0;
    for (size_t at = 0; at < list.n && n < room;) {
        size_t end = at;
        int64_t number;
        while (end < list.n && (list.p[end] == '-' || (list.p[end] >= '0' && list.p[end] <= '9')))
            end++;
        if (end > at && str_to_int64((struct str){ list.p + at, end - at }, &number))
            ret[n++] = (int16_t)number;
        at = end > at ? end : at + 1;
    }
    return n;
}
