/* snapshot_copy.c - see snapshot_copy.h. */
#include "proxy/catalog/snapshot_copy.h"

#include "d1/split.h"

static bool run(sqlite3 *db, struct str sql)
{
    sqlite3_stmt *statement = NULL;
    bool ok = sqlite3_prepare_v2(db, sql.p, (int)sql.n, &statement, NULL) == SQLITE_OK &&
              sqlite3_step(statement) == SQLITE_DONE;
    sqlite3_finalize(statement);
    return ok;
}

static bool is_virtual(const struct snapshot_object *object)
{
    return str_eq_nocase(split_word(object->sql, 1), STR("virtual"));
}

/* fts5 and rtree make the tables they keep their rows in: t_data, t_config… */
static bool is_made(sqlite3 *db, struct str name, struct arena *arena)
{
    const char *terminated = arena_cstr(arena, name);
    return terminated &&
           sqlite3_table_column_metadata(db, NULL, terminated, NULL, NULL, NULL, NULL, NULL, NULL) == SQLITE_OK;
}

static bool copy_tables(const struct snapshot *from, sqlite3 *db, bool virtual)
{
    AUTO(arena) names = arena_new(1 << 20);
    bool ok = names != NULL;
    for (size_t i = 0; ok && i < from->n_objects; i++) {
        const struct snapshot_object *object = &from->objects[i];
        if (!object->sql.n || !str_is(object->type, "table") || is_virtual(object) != virtual)
            continue;
        ok = (!virtual && is_made(db, object->name, names)) || run(db, object->sql);
        arena_reset(names);
    }
    return ok;
}

bool snapshot_copy(const struct snapshot *from, sqlite3 *db)
{
    static const char *const behind[] = { "view", "index", "trigger" };
    if (!copy_tables(from, db, true) || !copy_tables(from, db, false))
        return false;
    for (size_t k = 0; k < sizeof(behind) / sizeof(behind[0]); k++)
        for (size_t i = 0; i < from->n_objects; i++)
            if (from->objects[i].sql.n && str_is(from->objects[i].type, behind[k]) && !run(db, from->objects[i].sql))
                return false;
    return true;
}
