/* side_catalog.c - entries of _pgd1_catalog by key; see side_catalog.h. */
#include "proxy/catalog/side_catalog.h"

#include <cjson/cJSON.h>
#include "proxy/catalog/names.h"

void side_catalog_init(struct side_catalog *c, struct arena *arena)
{
    *c = (struct side_catalog){ .arena = arena };
    map_init(&c->by_key);
}

void side_catalog_fini(struct side_catalog *c)
{
    for (size_t i = 0; i < c->n; i++)
        cJSON_Delete(c->entries[i].detail);
    map_fini(&c->by_key);
    *c = (struct side_catalog){ 0 };
}

/* kind, schema and name joined by a byte that no PostgreSQL name holds. */
static struct str key_of(const struct side_catalog *c, struct str kind, struct str schema, struct str name)
{
    return arena_printf(c->arena, "%.*s\x1f%.*s\x1f%.*s", STR_FMT(kind), STR_FMT(schema), STR_FMT(name));
}

static bool grow(struct side_catalog *c)
{
    if (c->n < c->room)
        return true;
    size_t room = c->room * 2 + 64;
    struct side_entry *more = ARENA_ARRAY(c->arena, struct side_entry, room);
    if (!more)
        return false;
    if (c->n)
        memcpy(more, c->entries, c->n * sizeof(*more));
    c->entries = more;
    c->room = room;
    return true;
}

bool side_catalog_add(struct side_catalog *c, struct str kind, struct str schema, struct str name, struct str detail,
                      struct err *err)
{
    struct str key = key_of(c, kind, schema, name);
    if (!key.p || !grow(c))
        return err_oom(err);
    cJSON *parsed = cJSON_ParseWithLength(detail.p ? detail.p : "", detail.n);
    if (!cJSON_IsObject(parsed)) {
        cJSON_Delete(parsed);
        return err_set(err, SQLSTATE_DATA_CORRUPTED,
                       "row %.*s \"%.*s\" of table \"_pgd1_catalog\" holds no JSON object", STR_FMT(kind),
                       STR_FMT(name));
    }
    struct side_entry *entry = &c->entries[c->n++];
    *entry = (struct side_entry){ .kind = kind, .schema = schema, .name = name, .detail = parsed };
    return map_set(&c->by_key, key, parsed) || err_oom(err);
}

const struct cJSON *side_find(const struct side_catalog *c, const char *kind, struct str schema, struct str name)
{
    if (c->n == 0)
        return NULL;
    return map_get(&c->by_key, key_of(c, str_from(kind), schema, name));
}

const struct cJSON *side_find_child(const struct side_catalog *c, const char *kind, struct str schema, struct str table,
                                    struct str child)
{
    if (c->n == 0)
        return NULL;
    return side_find(c, kind, schema, name_child_key(table, child, c->arena));
}

struct str side_text(const struct side_catalog *c, const struct cJSON *detail, const char *member)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(detail, member);
    return cJSON_IsString(item) ? arena_str(c->arena, str_from(item->valuestring)) : (struct str){ 0 };
}

bool side_flag(const struct cJSON *detail, const char *member)
{
    return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(detail, member));
}

int64_t side_integer(const struct cJSON *detail, const char *member, int64_t otherwise)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(detail, member);
    int64_t value = otherwise;
    if (cJSON_IsString(item))
        return str_to_int64(str_from(item->valuestring), &value) ? value : otherwise;
    if (cJSON_IsNumber(item) && item->valuedouble >= -2147483648.0 && item->valuedouble <= 2147483647.0)
        return (int64_t)item->valuedouble;
    return otherwise;
}
