/* What the database knows of migrations against the folder. */
/* LINK pgd1_migrate */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "proxy/base/buf.h"
#include "proxy/migrate/journal.h"

/* Texts of files are not read here; hashes are short names. */
#define FILE(name, hash)                                                                                               \
    {                                                                                                                  \
        STR_INIT(name), 0, STR_INIT(""), STR_INIT(hash)                                                                \
    }
#define TEXT(t)                                                                                                        \
    {                                                                                                                  \
        .class = VALUE_TEXT, .bytes = STR_INIT(t)                                                                      \
    }
#define INTEGER(i)                                                                                                     \
    {                                                                                                                  \
        .class = VALUE_INTEGER, .integer = (i)                                                                         \
    }
#define NOTHING                                                                                                        \
    {                                                                                                                  \
        .class = VALUE_NULL                                                                                            \
    }

static struct migrate_file files[] = { FILE("0001_a.sql", "h1"), FILE("0002_b.sql", "h2"), FILE("0010_c.sql", "h10") };

struct rows {
    enum migrate_table table;
    struct value cells[MIGRATE_MAX_CELLS];
};
#define WRANGLER(name)                                                                                                 \
    {                                                                                                                  \
        MIGRATE_TABLE_WRANGLER,                                                                                        \
        {                                                                                                              \
            TEXT(name), TEXT("2026-01-01 00:00:00")                                                                    \
        }                                                                                                              \
    }
#define DRIZZLE(hash)                                                                                                  \
    {                                                                                                                  \
        MIGRATE_TABLE_DRIZZLE,                                                                                         \
        {                                                                                                              \
            TEXT(hash), TEXT("2026-02-02 00:00:00")                                                                    \
        }                                                                                                              \
    }
#define OWN(name, hash, done, chunks, error)                                                                           \
    {                                                                                                                  \
        MIGRATE_TABLE_OWN,                                                                                             \
        {                                                                                                              \
            TEXT(name), TEXT(hash), INTEGER(done), INTEGER(chunks), INTEGER(12), TEXT("me"), TEXT("bm"), error         \
        }                                                                                                              \
    }

static void merged(const struct rows *rows, size_t n, const char *want)
{
    AUTO(arena) arena = arena_new(1 << 20);
    const struct migrate_folder folder = { "migrations", files, sizeof(files) / sizeof(files[0]) };
    struct migrate_rows tables[MIGRATE_TABLE_NR] = { 0 };
    struct migrate_journal journal;
    struct buf shown;
    struct err err;
    buf_init(&shown, 4096);
    err_init(&err, arena);
    for (size_t i = 0; i < n; i++)
        assert_true(migrate_rows_add(&tables[rows[i].table], rows[i].cells, MIGRATE_MAX_CELLS, arena));
    assert_true(migrate_journal_merge(&folder, tables, arena, &journal, &err));
    for (size_t i = 0; i < journal.n; i++)
        buf_printf(&shown, "%s%.*s %s", i ? ", " : "", STR_FMT(journal.entries[i].name),
                   migrate_state_name(journal.entries[i].state));
    if (!str_is(buf_str(&shown), want))
        fail_msg("%.*s", STR_FMT(buf_str(&shown)));
    buf_fini(&shown);
}
#define MERGED(want, ...)                                                                                              \
    merged((const struct rows[]){ __VA_ARGS__ }, sizeof((const struct rows[]){ __VA_ARGS__ }) / sizeof(struct rows),   \
           want)

static void states(void **state)
{
    (void)state;
    merged(NULL, 0, "0001_a.sql pending, 0002_b.sql pending, 0010_c.sql pending");
    MERGED("0001_a.sql applied, 0002_b.sql pending, 0010_c.sql pending", WRANGLER("0001_a.sql"));
    MERGED("0001_a.sql applied, 0002_b.sql pending, 0010_c.sql pending", WRANGLER("0001_a.sql"),
           OWN("0001_a.sql", "h1", 1, 1, NOTHING));
    MERGED("0001_a.sql modified, 0002_b.sql pending, 0010_c.sql pending", WRANGLER("0001_a.sql"),
           OWN("0001_a.sql", "other", 1, 1, NOTHING));
    /* applied by wrangler after a try of ours had failed */
    MERGED("0001_a.sql applied, 0002_b.sql pending, 0010_c.sql pending", WRANGLER("0001_a.sql"),
           OWN("0001_a.sql", "h1", 0, 1, TEXT("no such table")));
    MERGED("0001_a.sql applied, 0002_b.sql pending, 0010_c.sql pending", WRANGLER("0001_a.sql"),
           OWN("0001_a.sql", "before it was mended", 0, 1, TEXT("no such table")));
    MERGED("0001_a.sql failed, 0002_b.sql pending, 0010_c.sql pending",
           OWN("0001_a.sql", "h1", 0, 1, TEXT("no such table")));
    MERGED("0001_a.sql failed, 0002_b.sql pending, 0010_c.sql pending", OWN("0001_a.sql", "h1", 2, 3, NOTHING));
    /* a try that left nothing may be repeated with another text, chunks that are done may not */
    MERGED("0001_a.sql failed, 0002_b.sql pending, 0010_c.sql pending", OWN("0001_a.sql", "other", 0, 1, TEXT("x")));
    MERGED("0001_a.sql modified, 0002_b.sql pending, 0010_c.sql pending", OWN("0001_a.sql", "other", 2, 3, TEXT("x")));
    MERGED("0001_a.sql pending, 0002_b.sql pending, 0003_gone.sql missing, 0010_c.sql pending",
           WRANGLER("0003_gone.sql"));
    MERGED("0001_a.sql pending, 0002_b.sql pending, 0003_gone.sql missing, 0010_c.sql pending",
           OWN("0003_gone.sql", "h3", 1, 2, TEXT("x")));
    MERGED("0001_a.sql pending, 0002_b.sql pending, 0010_c.sql pending", OWN("0003_gone.sql", "h3", 0, 2, TEXT("x")));
    MERGED("0001_a.sql applied, 0002_b.sql applied, 0010_c.sql pending", DRIZZLE("h1"), WRANGLER("0002_b.sql"));
    MERGED("0001_a.sql pending, 0002_b.sql pending, 0010_c.sql pending",
           { MIGRATE_TABLE_WRANGLER, { NOTHING, NOTHING } }, { MIGRATE_TABLE_DRIZZLE, { NOTHING, NOTHING } },
           { MIGRATE_TABLE_OWN, { NOTHING, NOTHING } });
    MERGED("h0 missing, 0001_a.sql pending, 0002_b.sql pending, 0010_c.sql pending", DRIZZLE("h0"));
}

static void details(void **state)
{
    AUTO(arena) arena = arena_new(1 << 20);
    const struct migrate_folder folder = { "migrations", files, 1 };
    struct migrate_rows tables[MIGRATE_TABLE_NR] = { 0 };
    struct migrate_journal journal;
    struct err err;
    /* JavaScript's numbers are REAL */
    const struct value own[MIGRATE_MAX_CELLS] = { TEXT("0001_a.sql"),
                                                  TEXT("h1"),
                                                  { .class = VALUE_REAL, .real = 2 },
                                                  INTEGER(3),
                                                  { .class = VALUE_REAL, .real = 1234 },
                                                  TEXT("me"),
                                                  TEXT("bm"),
                                                  TEXT("why") };
    (void)state;
    err_init(&err, arena);
    assert_true(migrate_rows_add(&tables[MIGRATE_TABLE_OWN], own, 8, arena));
    assert_true(migrate_journal_merge(&folder, tables, arena, &journal, &err));
    const struct migrate_entry *e = &journal.entries[0];
    assert_int_equal(e->state, MIGRATE_FAILED);
    assert_int_equal(e->chunks_done, 2);
    assert_int_equal(e->chunks, 3);
    assert_int_equal(e->duration_ms, 1234);
    assert_true(str_is(e->applied_by, "me") && str_is(e->bookmark, "bm") && str_is(e->error, "why"));
    assert_ptr_equal(e->file, &files[0]);
}

/* What of a journal tells that another has run: a row of wrangler's that is new, gone, or gone and new again, and a chunk of ours. */
static void digests(void **state)
{
    AUTO(arena) arena = arena_new(1 << 20);
    struct migrate_rows tables[MIGRATE_TABLE_NR] = { 0 };
    const struct value one[] = { TEXT("0001_a.sql"), NOTHING, INTEGER(1) },
                       /* JavaScript's numbers are REAL */
        other[] = { NOTHING, NOTHING, { .class = VALUE_REAL, .real = 7 } };
    const struct value own[] = { TEXT("0001_a.sql"), TEXT("h1"), INTEGER(2), INTEGER(3) };
    (void)state;
    assert_true(str_is(migrate_journal_digest(tables, arena), "0 0 0 0"));
    assert_true(migrate_rows_add(&tables[MIGRATE_TABLE_WRANGLER], other, 3, arena));
    assert_true(migrate_rows_add(&tables[MIGRATE_TABLE_WRANGLER], one, 3, arena));
    assert_true(migrate_rows_add(&tables[MIGRATE_TABLE_OWN], own, 4, arena));
    assert_true(str_is(migrate_journal_digest(tables, arena), "2 7 1 2"));
}

static void statements(void **state)
{
    AUTO(arena) arena = arena_new(1 << 20);
    (void)state;
    assert_true(str_is(
        migrate_journal_read(MIGRATE_TABLE_WRANGLER, STR(""), arena),
        "SELECT CAST(name AS TEXT) AS c0,CAST(applied_at AS TEXT) AS c1,id AS c2 FROM \"d1_migrations\" ORDER BY id"));
    assert_true(
        str_find(migrate_journal_read(MIGRATE_TABLE_WRANGLER, STR("my\"table"), arena), STR("\"my\"\"table\"")) > 0);
    assert_true(str_is(migrate_journal_table(MIGRATE_TABLE_OWN, STR("x")), "_pgd1_migrations"));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(states), cmocka_unit_test(details), cmocka_unit_test(digests),
                                        cmocka_unit_test(statements) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
