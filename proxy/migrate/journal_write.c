/* journal_write.c - see journal_write.h. */
#include "proxy/migrate/journal_write.h"

#include "proxy/sql/emit.h"

#define LEASE_SECONDS "120"
_Static_assert(MIGRATE_LEASE_S == 120, "as LEASE_SECONDS");

/* wrangler's own form (workers-sdk, packages/wrangler/src/d1/migrations/helpers.ts). */
static const char *const creates[MIGRATE_CREATE_NR + 1] = {
    [MIGRATE_CREATE_WRANGLER] = "(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at TIMESTAMP DEFAULT "
                                "CURRENT_TIMESTAMP NOT NULL)",
    [MIGRATE_CREATE_OWN] = "(name TEXT NOT NULL PRIMARY KEY, hash TEXT NOT NULL, chunks_done INTEGER NOT NULL, chunks "
                           "INTEGER NOT NULL, duration_ms INTEGER, applied_by TEXT, bookmark TEXT, error TEXT)",
    [MIGRATE_CREATE_LEASE] = "(id INTEGER PRIMARY KEY CHECK (id = 1), holder TEXT NOT NULL, held_by TEXT NOT NULL, "
                             "until INTEGER NOT NULL, began REAL)",
    [MIGRATE_CREATE_TRIES] = "(name TEXT NOT NULL PRIMARY KEY, hash TEXT NOT NULL, tries INTEGER NOT NULL)",
};

struct str migrate_journal_create(enum migrate_create table, struct str wrangler_name, struct str *ret_name,
                                  struct arena *arena)
{
    *ret_name = table == MIGRATE_CREATE_WRANGLER ? migrate_journal_table(MIGRATE_TABLE_WRANGLER, wrangler_name)
                : table == MIGRATE_CREATE_OWN    ? migrate_journal_table(MIGRATE_TABLE_OWN, wrangler_name)
                : table == MIGRATE_CREATE_TRIES  ? STR("_pgd1_migration_tries")
                                                 : STR("_pgd1_migration_lease");
    struct str name = emit_identifier(*ret_name, arena);
    return name.p ? arena_printf(arena, "CREATE TABLE IF NOT EXISTS %.*s%s", STR_FMT(name), creates[table]) : name;
}

struct str migrate_lease_take(void)
{
    return STR("INSERT INTO _pgd1_migration_lease(id,holder,held_by,until) VALUES(1,?1,?2,unixepoch()+" LEASE_SECONDS
               ") ON CONFLICT(id) DO UPDATE SET holder=excluded.holder,held_by=excluded.held_by,until=excluded.until "
               "WHERE until<unixepoch() OR holder=excluded.holder");
}

struct str migrate_lease_check(void)
{
    return STR(
        "SELECT CASE WHEN NOT EXISTS(SELECT 1 FROM _pgd1_migration_lease WHERE id=1 AND holder=?1) THEN "
        "json_extract('{}','!55006:migrations of this database are being run by '||coalesce((SELECT held_by FROM "
        "_pgd1_migration_lease),'somebody else')) END AS c0");
}

struct str migrate_lease_extend(void)
{
    return STR("UPDATE _pgd1_migration_lease SET until=unixepoch()+" LEASE_SECONDS
               ",began=unixepoch('subsec') WHERE id=1 AND "
               "holder=?1");
}

struct str migrate_lease_release(void)
{
    return STR("DELETE FROM _pgd1_migration_lease WHERE id=1 AND holder=?1");
}

struct str migrate_lease_pass(void)
{
    return STR("UPDATE _pgd1_migration_lease SET holder=?2,until=unixepoch()+" LEASE_SECONDS
               " WHERE id=1 AND holder=?1 RETURNING CAST(unixepoch() AS TEXT) AS c0");
}

struct str migrate_lease_is_held(void)
{
    return STR("SELECT 'held' AS c0 FROM _pgd1_migration_lease WHERE id=1 AND holder=?1");
}

struct str migrate_lease_forget(void)
{
    return STR("DELETE FROM _pgd1_migration_lease WHERE until<=CAST(?1 AS INTEGER)+" LEASE_SECONDS);
}

struct str migrate_tries_more(void)
{
    return STR("INSERT INTO _pgd1_migration_tries(name,hash,tries) VALUES(?1,?2,1) ON CONFLICT(name) DO UPDATE SET "
               "tries=CASE WHEN hash=excluded.hash THEN tries+1 ELSE 1 END,hash=excluded.hash");
}

struct str migrate_tries_read(void)
{
    return STR("SELECT CAST(tries AS TEXT) AS c0 FROM _pgd1_migration_tries WHERE name=?1");
}

struct str migrate_tries_less(void)
{
    return STR("UPDATE _pgd1_migration_tries SET tries=tries-1 WHERE name=?1");
}

struct str migrate_tries_done(void)
{
    return STR("DELETE FROM _pgd1_migration_tries WHERE name=?1");
}

struct str migrate_journal_chunk(void)
{
    return STR(
        "INSERT INTO _pgd1_migrations(name,hash,chunks_done,chunks,duration_ms,applied_by,bookmark) "
        "SELECT ?1,?2,CAST(?3 AS INTEGER),CAST(?4 AS INTEGER),CAST((unixepoch('subsec')-began)*1000 AS INTEGER),?5,?6 "
        "FROM _pgd1_migration_lease WHERE true ON CONFLICT(name) DO UPDATE SET "
        "hash=excluded.hash,chunks_done=excluded.chunks_done,chunks=excluded.chunks,"
        "duration_ms=CASE WHEN chunks_done>0 THEN duration_ms ELSE 0 END+excluded.duration_ms,"
        "applied_by=excluded.applied_by,error=NULL,"
        "bookmark=CASE WHEN chunks_done>0 THEN bookmark ELSE excluded.bookmark END");
}

struct str migrate_journal_applied(struct str wrangler_name, struct arena *arena)
{
    struct str name = emit_identifier(migrate_journal_table(MIGRATE_TABLE_WRANGLER, wrangler_name), arena);
    return name.p ? arena_printf(arena, "INSERT INTO %.*s(name) VALUES(?1)", STR_FMT(name)) : name;
}

struct str migrate_journal_remove(struct str wrangler_name, struct arena *arena)
{
    struct str name = emit_identifier(migrate_journal_table(MIGRATE_TABLE_WRANGLER, wrangler_name), arena);
    return name.p ? arena_printf(arena, "DELETE FROM %.*s WHERE name=?1", STR_FMT(name)) : name;
}

struct str migrate_journal_forget(void)
{
    return STR("DELETE FROM _pgd1_migrations WHERE name=?1");
}

struct str migrate_journal_adopt(void)
{
    return STR("INSERT INTO _pgd1_migrations(name,hash,chunks_done,chunks,applied_by) VALUES(?1,?2,CAST(?3 AS "
               "INTEGER),CAST(?3 AS INTEGER),?4) ON CONFLICT(name) DO UPDATE SET hash=excluded.hash,"
               "chunks_done=excluded.chunks_done,chunks=excluded.chunks,applied_by=excluded.applied_by,error=NULL");
}

struct str migrate_journal_accept(void)
{
    return STR("UPDATE _pgd1_migrations SET hash=?2 WHERE name=?1");
}

struct str migrate_journal_failed(void)
{
    return STR(
        "INSERT INTO _pgd1_migrations(name,hash,chunks_done,chunks,applied_by,error) "
        "VALUES(?1,?2,0,CAST(?3 AS INTEGER),?4,?5) ON CONFLICT(name) DO UPDATE SET "
        "hash=CASE WHEN chunks_done>0 THEN hash ELSE excluded.hash END,chunks=excluded.chunks,error=excluded.error");
}

/* As migrate_journal_digest() writes it. */
static struct str digest(struct str wrangler_name, struct arena *arena)
{
    struct str name = emit_identifier(migrate_journal_table(MIGRATE_TABLE_WRANGLER, wrangler_name), arena);
    return name.p ? arena_printf(arena,
                                 "(SELECT count(*)||' '||coalesce(max(id),0) FROM %.*s)||' '||"
                                 "(SELECT count(*)||' '||coalesce(sum(chunks_done),0) FROM _pgd1_migrations)",
                                 STR_FMT(name))
                  : name;
}

struct str migrate_journal_unchanged(struct str wrangler_name, struct arena *arena)
{
    struct str is = digest(wrangler_name, arena);
    return is.p ? arena_printf(arena,
                               "SELECT CASE WHEN %.*s<>?1 THEN json_extract('{}','!55006:" MIGRATE_JOURNAL_CHANGED
                               "') END AS c0",
                               STR_FMT(is))
                : is;
}
