/* test_migrate_generate.c - steps from one schema to another in SQLite's dialect: run over rows they give the second, and lose no row. */
/* LINK pgd1_migrate pgd1_snapshot_fixture */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <inttypes.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <time.h>
#include "proxy/migrate/generate.h"
#include "tests/support/snapshot_fixture.h"

static sqlite3 *database(const char *sql)
{
    sqlite3 *db;
    char *message = NULL;
    assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
    sqlite3_exec(db, "PRAGMA foreign_keys=on", NULL, NULL, NULL);
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s: %s", sql, message);
    return db;
}

/* The first cell of a query, as text. */
static struct str ask(sqlite3 *db, const char *sql, struct arena *arena)
{
    sqlite3_stmt *statement;
    struct str all = STR("");
    if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    while (sqlite3_step(statement) == SQLITE_ROW)
        for (int i = 0; i < sqlite3_column_count(statement); i++) {
            const char *text = (const char *)sqlite3_column_text(statement, i);
            all = arena_printf(arena, "%.*s%s%s", STR_FMT(all), all.n ? "," : "", text ? text : "NULL");
        }
    sqlite3_finalize(statement);
    return all;
}

struct made {
    struct arena *arena;
    struct migrate_differences differences;
    struct migrate_steps steps;
    struct err err;
    bool ok;
};

static void generate(struct snapshot *is, struct snapshot *wanted, struct made *ret)
{
    *ret = (struct made){ .arena = arena_new(64 << 20) };
    err_init(&ret->err, ret->arena);
    assert_true(migrate_difference(is, wanted, STR(""), ret->arena, &ret->differences, &ret->err));
    ret->ok = migrate_generate(MIGRATE_SQLITE, is, wanted, &ret->differences, ret->arena, &ret->steps, &ret->err);
}

static struct str whats(const struct made *m)
{
    struct str all = STR("");
    for (size_t i = 0; i < m->steps.n; i++)
        all = arena_printf(m->arena, "%.*s%.*s%s%.*s\n", STR_FMT(all), STR_FMT(m->steps.list[i].what),
                           m->steps.list[i].loss.n ? " !! " : "", STR_FMT(m->steps.list[i].loss));
    return all;
}

/* One batch, as D1 has it. False: the message of what failed is printed. */
static bool run(sqlite3 *db, const struct made *m)
{
    char *message = NULL;
    struct str text = migrate_generate_text(MIGRATE_SQLITE, &m->steps, STR("schema.sql"), m->arena);
    const char *sql = arena_cstr(m->arena, text);
    sqlite3_exec(db, "BEGIN", NULL, NULL, NULL);
    if (sqlite3_exec(db, sql, NULL, NULL, &message) == SQLITE_OK &&
        sqlite3_exec(db, "COMMIT", NULL, NULL, &message) == SQLITE_OK)
        return true;
    print_error("=> %s\n%s\n", message, sql);
    sqlite3_free(message);
    return false;
}

static size_t left_over(sqlite3 *db, struct snapshot *wanted, struct arena *arena)
{
    struct snapshot *now = snapshot_fixture_read(db);
    struct migrate_differences rest;
    struct err err;
    err_init(&err, arena);
    assert_true(migrate_difference(now, wanted, STR(""), arena, &rest, &err));
    for (size_t i = 0; i < rest.n; i++)
        print_error("left: %.*s.%.*s: %.*s\n", STR_FMT(rest.list[i].name), STR_FMT(rest.list[i].part),
                    STR_FMT(rest.list[i].text));
    snapshot_unref(now);
    return rest.n;
}

/* what: lines of steps, " !! " before what is lost. query and answer: asked behind the migration. */
static const struct {
    const char *is, *rows, *wanted, *what, *query, *answer;
} pairs[] = {
    { "CREATE TABLE t (a INTEGER)", "", "CREATE TABLE t (a INTEGER)", "", "SELECT count(*) FROM t", "0" },
    { "", "",
      "CREATE TABLE c (a INTEGER REFERENCES p(a)); CREATE TABLE p (a INTEGER PRIMARY KEY); CREATE INDEX i ON c (a)",
      "create table p\ncreate table c\ncreate index i\n", "SELECT count(*) FROM c", "0" },
    { "CREATE TABLE t (a INTEGER)", "INSERT INTO t VALUES (1)",
      "CREATE TABLE t (a INTEGER, b TEXT NOT NULL DEFAULT 'it''s', c REAL CHECK (c > 0))",
      "add column b to t\nadd column c to t\n", "SELECT * FROM t", "1,it's,NULL" },
    { "CREATE TABLE t (a INTEGER, b TEXT CHECK (b <> ''))", "INSERT INTO t VALUES (1, 'x')",
      "CREATE TABLE t (a INTEGER)", "drop column b of t !! column b of table t is dropped with its values\n",
      "SELECT * FROM t", "1" },
    { "CREATE TABLE t (a INTEGER, b TEXT, CHECK (a > length(b)))", "INSERT INTO t VALUES (2, 'x')",
      "CREATE TABLE t (a INTEGER)",
      "make anew, with their rows, tables that change and all that refer to them: t !! column b of table t is dropped "
      "with its values\n",
      "SELECT * FROM t", "2" },
    { "CREATE TABLE t (a INTEGER, b TEXT); CREATE INDEX i ON t (b)", "INSERT INTO t VALUES (2, 'x')",
      "CREATE TABLE t (a INTEGER)",
      "drop index i\ndrop column b of t !! column b of table t is dropped with its values\n", "SELECT * FROM t", "2" },
    { "CREATE TABLE t (a INTEGER)", "INSERT INTO t VALUES (7)", "CREATE TABLE t (a TEXT)",
      "make anew, with their rows, tables that change and all that refer to them: t\n", "SELECT a, typeof(a) FROM t",
      "7,text" },
    { "CREATE TABLE t (a TEXT)", "INSERT INTO t VALUES ('7'), ('x')", "CREATE TABLE t (a INTEGER)",
      "make anew, with their rows, tables that change and all that refer to them: t !! column a of table t becomes "
      "bigint, which does not hold "
      "every text\n",
      "SELECT a, typeof(a) FROM t", "7,integer,x,text" },
    { "CREATE TABLE t (a INTEGER)", "INSERT INTO t VALUES (7)", "CREATE TABLE t (a INTEGER NOT NULL)",
      "make anew, with their rows, tables that change and all that refer to them: t !! column a of table t becomes NOT "
      "NULL: rows without a "
      "value stand in the way\n",
      "SELECT a FROM t", "7" },
    { "CREATE TABLE t (a INTEGER)", "INSERT INTO t VALUES (7)",
      "CREATE TABLE t (a INTEGER, b TEXT DEFAULT CURRENT_TIMESTAMP, c TEXT DEFAULT (1 + 1))",
      "make anew, with their rows, tables that change and all that refer to them: t\n",
      "SELECT a, b IS NOT NULL, c FROM t", "7,1,2" },
    { "CREATE TABLE t (a INTEGER); CREATE TABLE u (a INTEGER)", "INSERT INTO t VALUES (7)",
      "CREATE TABLE t (a INTEGER); CREATE TABLE v (a INTEGER)",
      "create table v\ndrop table u !! table u is dropped with its rows\n", "SELECT a FROM t", "7" },
    /* a parent with cascades, its children and theirs, a trigger, a view on a view */
    { "CREATE TABLE p (id INTEGER PRIMARY KEY AUTOINCREMENT, n INTEGER);"
      "CREATE TABLE c (id INTEGER PRIMARY KEY, p INTEGER NOT NULL REFERENCES p(id) ON DELETE CASCADE); CREATE INDEX cp "
      "ON c (p);"
      "CREATE TABLE g (id INTEGER PRIMARY KEY, c INTEGER NOT NULL REFERENCES c(id) ON DELETE CASCADE, me INTEGER "
      "REFERENCES g ON DELETE CASCADE);"
      "CREATE TABLE log (t TEXT); CREATE TRIGGER gone AFTER DELETE ON g BEGIN INSERT INTO log VALUES ('lost ' || "
      "old.id); END;"
      "CREATE VIEW v AS SELECT p.n, c.id FROM p JOIN c ON c.p = p.id; CREATE VIEW w AS SELECT count(*) AS n FROM v",
      "INSERT INTO p VALUES (1, 10), (5, 50); DELETE FROM p WHERE id = 5; INSERT INTO p VALUES (2, 20); INSERT INTO c "
      "VALUES (1, 1), (2, 1), (3, 2);"
      "INSERT INTO g VALUES (1, 1, NULL), (2, 2, 1), (3, 3, 2)",
      "CREATE TABLE p (id INTEGER PRIMARY KEY AUTOINCREMENT, n TEXT);"
      "CREATE TABLE c (id INTEGER PRIMARY KEY, p INTEGER NOT NULL REFERENCES p(id) ON DELETE CASCADE); CREATE INDEX cp "
      "ON c (p);"
      "CREATE TABLE g (id INTEGER PRIMARY KEY, c INTEGER NOT NULL REFERENCES c(id) ON DELETE CASCADE, me INTEGER "
      "REFERENCES g ON DELETE CASCADE);"
      "CREATE TABLE log (t TEXT); CREATE TRIGGER gone AFTER DELETE ON g BEGIN INSERT INTO log VALUES ('lost ' || "
      "old.id); END;"
      "CREATE VIEW v AS SELECT p.n, c.id FROM p JOIN c ON c.p = p.id; CREATE VIEW w AS SELECT count(*) AS n FROM v",
      "drop trigger gone, which comes back\ndrop view v, which comes back\ndrop view w, which comes back\n"
      "make anew, with their rows, tables that change and all that refer to them: c, g, p\n"
      "create index cp\ncreate view v\ncreate view w\ncreate trigger gone\n",
      "SELECT (SELECT group_concat(id || '-' || n) FROM p), (SELECT group_concat(id || '-' || p) FROM c), (SELECT "
      "group_concat(id || '-' || c || '-' || ifnull(me, 0)) FROM g), "
      "(SELECT n FROM w), (SELECT count(*) FROM log), (SELECT group_concat(name || seq) FROM sqlite_sequence)",
      "1-10,2-20,1-1,2-1,3-2,1-1-0,2-2-1,3-3-2,3,0,p5" },
};

static bool proven(size_t i)
{
    sqlite3 *db = database(pairs[i].is);
    struct snapshot *is = snapshot_fixture_read(db), *wanted = snapshot_fixture(pairs[i].wanted);
    struct made m;
    char *message = NULL;
    if (sqlite3_exec(db, pairs[i].rows, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s: %s", pairs[i].rows, message);
    generate(is, wanted, &m);
    if (!m.ok)
        fail_msg("%s: %.*s", pairs[i].wanted, STR_FMT(m.err.message));
    bool ok = run(db, &m) && left_over(db, wanted, m.arena) == 0;
    struct str what = whats(&m), answer = ok ? ask(db, pairs[i].query, m.arena) : STR("");
    if (!str_is(what, pairs[i].what))
        print_error("have <%.*s>\nwant <%s>\n", STR_FMT(what), pairs[i].what);
    if (!str_is(answer, pairs[i].answer))
        print_error("%s\nhave <%.*s>\nwant <%s>\n", pairs[i].query, STR_FMT(answer), pairs[i].answer);
    ok &= str_is(what, pairs[i].what) && str_is(answer, pairs[i].answer);
    arena_free(m.arena);
    snapshot_unref(is);
    snapshot_unref(wanted);
    sqlite3_close(db);
    return ok;
}

static void steps_lead_there_with_all_rows(void **state)
{
    (void)state;
    size_t failed = 0;
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
        failed += !proven(i);
    assert_int_equal(failed, 0);
}

/* ---- generated schemas ---- */

enum { TABLES = 5, COLUMNS = 6, ROWS = 3, PAIRS = 150 };

static uint32_t seed;

static uint32_t draw(uint32_t n)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % n;
}

struct column_drawn {
    bool is_there;
    unsigned type, default_value, check, collation, unique;
};
struct table_drawn {
    bool is_there, autoincrement, strict, view, trigger, index;
    struct column_drawn columns[COLUMNS];
    bool refers[TABLES];
    unsigned action[TABLES];
    unsigned unique;
};

static void draw_schema(struct table_drawn *tables)
{
    for (int t = 0; t < TABLES; t++) {
        tables[t] = (struct table_drawn){ .is_there = draw(5) != 0,
                                          .autoincrement = draw(4) == 0,
                                          .view = draw(2) == 0,
                                          .trigger = draw(3) == 0,
                                          .index = draw(2) == 0,
                                          .unique = draw(3) };
        for (int c = 0; c < COLUMNS; c++)
            tables[t].columns[c] = (struct column_drawn){ draw(4) != 0, draw(3), draw(4), draw(3), draw(6), draw(6) };
    }
    for (int t = 0; t < TABLES; t++)
        for (int k = 0; k < TABLES; k++) {
            tables[t].refers[k] = tables[k].is_there && draw(5) == 0;
            tables[t].action[k] = draw(4);
        }
}

/* Some of it as it was. */
static void change_schema(const struct table_drawn *from, struct table_drawn *to)
{
    draw_schema(to);
    for (int t = 0; t < TABLES; t++) {
        if (draw(3) == 0)
            memcpy(&to[t], &from[t], sizeof(to[t]));
        for (int c = 0; c < COLUMNS; c++)
            if (draw(3))
                to[t].columns[c] = from[t].columns[c];
    }
    for (int t = 0; t < TABLES; t++)
        for (int k = 0; k < TABLES; k++) {
            if (draw(3))
                to[t].refers[k] = from[t].refers[k], to[t].action[k] = from[t].action[k];
            to[t].refers[k] &= to[k].is_there;
        }
}

static void print_column(struct buf *out, int c, const struct column_drawn *column)
{
    static const char *const types[] = { "INTEGER", "TEXT", "REAL" };
    static const char *const defaults[] = { "", " DEFAULT 5", " NOT NULL DEFAULT 6", " DEFAULT (3 + 4)" };
    buf_printf(out, ", c%d %s%s", c, types[column->type], c == 3 ? "" : defaults[column->default_value]);
    buf_add_str(out, str_from(column->collation == 0 ? " COLLATE NOCASE" : ""));
    buf_add_str(out, str_from(c == 3 && column->unique == 0 ? " UNIQUE" : ""));
    if (column->check == 1)
        buf_printf(out, " CHECK (length(c%d) < 100)", c);
    else if (column->check == 2)
        buf_printf(out, " CHECK (c%d IS NOT 'never')", c);
}

static void print_table(struct buf *out, int t, const struct table_drawn *table)
{
    static const char *const actions[] = { "", " ON DELETE CASCADE", " ON DELETE SET NULL", " ON DELETE RESTRICT" };
    buf_printf(out, "CREATE TABLE t%d (id INTEGER PRIMARY KEY%s", t, table->autoincrement ? " AUTOINCREMENT" : "");
    for (int c = 0; c < COLUMNS; c++)
        if (table->columns[c].is_there)
            print_column(out, c, &table->columns[c]);
    for (int k = 0; k < TABLES; k++)
        if (table->refers[k])
            buf_printf(out, ", f%d INTEGER REFERENCES t%d(id)%s", k, k, actions[table->action[k]]);
    if (table->unique == 0)
        buf_printf(out, ", UNIQUE (id%s)", table->columns[0].is_there ? ", c0" : "");
    buf_printf(out, ");\n");
    if (table->index && table->columns[1].is_there)
        buf_printf(out, "CREATE %sINDEX i%d ON t%d (c1, id)%s;\n", table->unique == 1 ? "UNIQUE " : "", t, t,
                   table->unique == 2 ? " WHERE c1 > 1" : "");
    if (table->view)
        buf_printf(out, "CREATE VIEW v%d AS SELECT id FROM t%d;\n", t, t);
    if (table->trigger)
        buf_printf(out, "CREATE TRIGGER g%d AFTER DELETE ON t%d BEGIN INSERT INTO log VALUES (%d, old.id); END;\n", t,
                   t, t);
}

static struct str print_schema(const struct table_drawn *tables, struct arena *arena)
{
    struct buf out;
    buf_init(&out, 1 << 20);
    buf_printf(&out, "CREATE TABLE log (t INTEGER, id INTEGER);\n");
    for (int t = 0; t < TABLES; t++)
        if (tables[t].is_there)
            print_table(&out, t, &tables[t]);
    struct str text = arena_str(arena, buf_str(&out));
    buf_fini(&out);
    return text;
}

static struct str print_rows(const struct table_drawn *tables, struct arena *arena)
{
    struct buf out;
    buf_init(&out, 1 << 20);
    for (int row = 1; row <= ROWS; row++)
        for (int t = 0; t < TABLES; t++) {
            if (!tables[t].is_there)
                continue;
            buf_printf(&out, "INSERT INTO t%d (id", t);
            for (int c = 0; c < COLUMNS; c++)
                if (tables[t].columns[c].is_there)
                    buf_printf(&out, ", c%d", c);
            buf_printf(&out, ") VALUES (%d", row);
            for (int c = 0; c < COLUMNS; c++)
                if (tables[t].columns[c].is_there)
                    buf_printf(&out, ", %d", row * 10 + c);
            buf_printf(&out, ");\n");
        }
    for (int t = 0; t < TABLES; t++)
        for (int k = 0; k < TABLES; k++)
            if (tables[t].is_there && tables[t].refers[k])
                buf_printf(&out, "UPDATE t%d SET f%d = CASE id WHEN 1 THEN 2 WHEN 2 THEN 1 END;\n", t, k);
    struct str text = arena_str(arena, buf_str(&out));
    buf_fini(&out);
    return text;
}

/* What both schemas have of a table, as numbers: types may have changed. */
static struct str shared_rows(sqlite3 *db, const struct table_drawn *a, const struct table_drawn *b, int t,
                              struct arena *arena)
{
    struct buf out;
    buf_init(&out, 1 << 16);
    buf_printf(&out, "SELECT id");
    for (int c = 0; c < COLUMNS; c++)
        if (a->columns[c].is_there && b->columns[c].is_there)
            buf_printf(&out, ", CAST(c%d AS INTEGER)", c);
    for (int k = 0; k < TABLES; k++)
        if (a->refers[k] && b->refers[k])
            buf_printf(&out, ", f%d", k);
    buf_printf(&out, " FROM t%d ORDER BY id", t);
    struct str sql = arena_str(arena, buf_str(&out));
    buf_fini(&out);
    return ask(db, arena_cstr(arena, sql), arena);
}

static void random_pair(uint32_t number)
{
    struct table_drawn from[TABLES], to[TABLES];
    struct arena *arena = arena_new(64 << 20);
    struct str before[TABLES];
    struct made m;
    draw_schema(from);
    change_schema(from, to);
    const char *from_sql = arena_cstr(arena, print_schema(from, arena)),
               *to_sql = arena_cstr(arena, print_schema(to, arena));
    sqlite3 *db = database(from_sql);
    struct snapshot *is = snapshot_fixture_read(db), *wanted = snapshot_fixture(to_sql);
    const char *rows = arena_cstr(arena, print_rows(from, arena));
    char *message = NULL;
    if (sqlite3_exec(db, rows, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("pair %" PRIu32 ": %s: %s", number, rows, message);
    for (int t = 0; t < TABLES; t++)
        before[t] = from[t].is_there && to[t].is_there ? shared_rows(db, &from[t], &to[t], t, arena) : STR("");
    generate(is, wanted, &m);
    bool ok = m.ok && run(db, &m) && left_over(db, wanted, m.arena) == 0;
    for (int t = 0; t < TABLES && ok; t++)
        if (from[t].is_there && to[t].is_there)
            ok = str_eq(shared_rows(db, &from[t], &to[t], t, arena), before[t]);
    ok = ok && str_is(ask(db, "SELECT count(*) FROM log", arena), "0") && !ask(db, "PRAGMA foreign_key_check", arena).n;
    if (!ok)
        fail_msg("pair %" PRIu32 " (%.*s)\n%s\n%s", number, STR_FMT(m.err.message), from_sql, to_sql);
    arena_free(m.arena);
    arena_free(arena);
    snapshot_unref(is);
    snapshot_unref(wanted);
    sqlite3_close(db);
}

static uint32_t first_seed(void)
{
    const char *given = getenv("PGD1_SEED");
    uint32_t first = given ? (uint32_t)strtoul(given, NULL, 10) : (uint32_t)time(NULL);
    print_message("PGD1_SEED=%" PRIu32 "\n", first);
    return first;
}

static void any_pair_of_schemas(void **state)
{
    (void)state;
    uint32_t first = first_seed();
    for (uint32_t i = 0; i < PAIRS; i++) {
        seed = first + i * 7919;
        random_pair(i);
    }
}

/* RESET's drops, over rows and circles of keys. */
static void everything_goes(void **state)
{
    (void)state;
    uint32_t first = first_seed();
    for (uint32_t i = 0; i < PAIRS / 3; i++) {
        struct table_drawn tables[TABLES];
        struct made m = { .arena = arena_new(64 << 20) };
        char *message = NULL;
        err_init(&m.err, m.arena);
        seed = first + i * 7919;
        uint32_t number = seed;
        draw_schema(tables);
        const char *sql = arena_cstr(m.arena, print_schema(tables, m.arena));
        sqlite3 *db = database(sql);
        if (sqlite3_exec(db, arena_cstr(m.arena, print_rows(tables, m.arena)), NULL, NULL, &message) != SQLITE_OK)
            fail_msg("seed %" PRIu32 ": %s", number, message);
        struct snapshot *is = snapshot_fixture_read(db);
        assert_true(migrate_generate_drops(is, STR(""), m.arena, &m.steps, &m.err));
        if (!run(db, &m) || ask(db, "SELECT name FROM sqlite_schema WHERE name NOT LIKE 'sqlite%'", m.arena).n)
            fail_msg("seed %" PRIu32 "\n%s", number, sql);
        snapshot_unref(is);
        sqlite3_close(db);
        arena_free(m.arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_lead_there_with_all_rows),
        cmocka_unit_test(any_pair_of_schemas),
        cmocka_unit_test(everything_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
