/* snapshot_fixture.c - see snapshot_fixture.h. */
#include "tests/support/snapshot_fixture.h"

#include <sqlite3.h>

static _Noreturn void die(const char *what, const char *why)
{
    fprintf(stderr, "snapshot fixture: %s: %s\n", what, why);
    abort();
}

static struct value cell_of(sqlite3_stmt *statement, int column)
{
    switch (sqlite3_column_type(statement, column)) {
    case SQLITE_INTEGER:
        return value_integer(sqlite3_column_int64(statement, column));
    case SQLITE_FLOAT:
        return value_real(sqlite3_column_double(statement, column));
    case SQLITE_NULL:
        return value_null();
    case SQLITE_BLOB: {
        const char *bytes = sqlite3_column_blob(statement, column);
        return value_blob((struct str){ bytes, (size_t)sqlite3_column_bytes(statement, column) });
    }
    default: {
        const char *text = (const char *)sqlite3_column_text(statement, column);
        return value_text((struct str){ text, (size_t)sqlite3_column_bytes(statement, column) });
    }
    }
}

static void read_statement(sqlite3 *db, struct snapshot_reader *reader, size_t number, struct str sql)
{
    enum { CELLS_MAX = 16 };
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(db, sql.p, (int)sql.n, &statement, NULL) != SQLITE_OK)
        die(sql.p, sqlite3_errmsg(db));
    int rc;
    while ((rc = sqlite3_step(statement)) == SQLITE_ROW) {
        struct value cells[CELLS_MAX];
        int n = sqlite3_column_count(statement);
        for (int i = 0; i < n; i++)
            cells[i] = cell_of(statement, i);
        if (!snapshot_reader_row(reader, number, cells, (size_t)n))
            die(sql.p, "the reader refuses a row");
    }
    if (rc != SQLITE_DONE)
        die(sql.p, sqlite3_errmsg(db));
    sqlite3_finalize(statement);
}

static bool has_side_catalog(sqlite3 *db)
{
    return sqlite3_table_column_metadata(db, "main", "_pgd1_catalog", NULL, NULL, NULL, NULL, NULL, NULL) == SQLITE_OK;
}

struct snapshot *snapshot_fixture_read(sqlite3 *db)
{
    struct snapshot_reader *reader = snapshot_reader_new();
    if (!reader)
        die("reader", "no memory");
    size_t n;
    const struct d1_statement *statements = snapshot_statements_for(has_side_catalog(db), &n);
    for (size_t i = 0; i < n; i++)
        read_statement(db, reader, i, statements[i].sql);
    struct arena *arena = arena_new(1 << 16);
    struct err err;
    err_init(&err, arena);
    struct snapshot *snapshot = snapshot_reader_finish(reader, &err);
    if (!snapshot)
        die("snapshot", err.message.p ? err.message.p : "failed");
    arena_free(arena);
    snapshot_reader_free(reader);
    return snapshot;
}

struct snapshot *snapshot_fixture(const char *sqlite_ddl)
{
    sqlite3 *db;
    char *message = NULL;
    if (sqlite3_open(":memory:", &db) != SQLITE_OK)
        die("open", "no memory");
    if (sqlite3_exec(db, sqlite_ddl, NULL, NULL, &message) != SQLITE_OK)
        die(sqlite_ddl, message);
    struct snapshot *snapshot = snapshot_fixture_read(db);
    sqlite3_close(db);
    return snapshot;
}
