/* shadow.c - see shadow.h. */
#include "proxy/txn/shadow.h"

#include <stdlib.h>
#include "proxy/base/fault.h"
#include "proxy/catalog/snapshot_copy.h"
#include "sqlite3.h"

struct shadow {
    sqlite3 *db;
};

static bool bind_all(sqlite3_stmt *statement, const struct value *params, size_t n)
{
    int code = SQLITE_OK;
    for (size_t i = 0; i < n && code == SQLITE_OK; i++) {
        const struct value *v = &params[i];
        int at = (int)i + 1;
        switch (v->class) {
        case VALUE_NULL:
            code = sqlite3_bind_null(statement, at);
            break;
        case VALUE_INTEGER:
            code = sqlite3_bind_int64(statement, at, v->integer);
            break;
        case VALUE_REAL:
            code = sqlite3_bind_double(statement, at, v->real);
            break;
        case VALUE_TEXT:
            code = sqlite3_bind_text64(statement, at, v->bytes.p ? v->bytes.p : "", v->bytes.n, SQLITE_STATIC,
                                       SQLITE_UTF8);
            break;
        case VALUE_BLOB:
            code = sqlite3_bind_blob64(statement, at, v->bytes.p ? v->bytes.p : "", v->bytes.n, SQLITE_STATIC);
            break;
        }
    }
    return code == SQLITE_OK;
}

static struct value cell_of(sqlite3_stmt *statement, int i)
{
    switch (sqlite3_column_type(statement, i)) {
    case SQLITE_INTEGER:
        return value_integer(sqlite3_column_int64(statement, i));
    case SQLITE_FLOAT:
        return value_real(sqlite3_column_double(statement, i));
    case SQLITE_NULL:
        return value_null();
    default: {
        const char *p = (const char *)sqlite3_column_text(statement, i);
        return value_text((struct str){ p, (size_t)sqlite3_column_bytes(statement, i) });
    }
    }
}

/* Runs one statement to its end; rows go to the reader as those of statement `index`. */
static bool run(sqlite3 *db, const struct d1_statement *s, struct snapshot_reader *reader, size_t index)
{
    enum { CELLS_MAX = 16 };
    struct value cells[CELLS_MAX];
    sqlite3_stmt *statement = NULL;
    int code = SQLITE_ERROR;
    bool ok = sqlite3_prepare_v2(db, s->sql.p, (int)s->sql.n, &statement, NULL) == SQLITE_OK &&
              bind_all(statement, s->params, s->n_params);
    while (ok && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        int n = sqlite3_column_count(statement);
        for (int i = 0; i < n && i < CELLS_MAX; i++)
            cells[i] = cell_of(statement, i);
        ok = !reader || snapshot_reader_row(reader, index, cells, (size_t)(n < CELLS_MAX ? n : CELLS_MAX));
    }
    sqlite3_finalize(statement);
    return ok && code == SQLITE_DONE;
}

static bool run_text(struct shadow *s, struct str sql)
{
    struct d1_statement statement = { .sql = sql };
    return run(s->db, &statement, NULL, 0);
}

static bool copy_side(struct shadow *s, const struct snapshot *base)
{
    for (size_t i = 0; i < base->n_side; i++) {
        const struct snapshot_side *row = &base->side[i];
        struct value params[] = { value_text(row->kind), value_text(row->schema), value_text(row->name),
                                  value_text(row->detail) };
        struct d1_statement insert = {
            .sql = STR("INSERT INTO _pgd1_catalog(kind, schema, name, detail) VALUES (?1, ?2, ?3, ?4)"),
            .params = params,
            .n_params = 4
        };
        if (!run(s->db, &insert, NULL, 0))
            return false;
    }
    return true;
}

struct shadow *shadow_new(const struct snapshot *base)
{
    struct shadow *s = fault_calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    if (sqlite3_open_v2(":memory:", &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL) ==
            SQLITE_OK &&
        snapshot_copy(base, s->db) && copy_side(s, base))
        return s;
    shadow_free(s);
    return NULL;
}

void shadow_free(struct shadow *s)
{
    if (s)
        sqlite3_close(s->db);
    free(s);
}

bool shadow_run(struct shadow *s, const struct d1_statement *statements, size_t n)
{
    bool ok = run_text(s, STR("SAVEPOINT one"));
    for (size_t i = 0; i < n && ok; i++)
        ok = run(s->db, &statements[i], NULL, 0);
    if (!ok)
        run_text(s, STR("ROLLBACK TO one"));
    return run_text(s, STR("RELEASE one")) && ok;
}

static bool has_table(const struct shadow *s, const char *name)
{
    return sqlite3_table_column_metadata(s->db, NULL, name, NULL, NULL, NULL, NULL, NULL, NULL) == SQLITE_OK;
}

struct snapshot *shadow_schema(struct shadow *s, struct err *err)
{
    size_t n;
    const struct d1_statement *statements = snapshot_statements_for(has_table(s, "_pgd1_catalog"), &n);
    struct snapshot_reader *reader = snapshot_reader_new();
    struct snapshot *schema = NULL;
    bool ok = reader != NULL;
    for (size_t i = 0; i < n && ok; i++)
        ok = run(s->db, &statements[i], reader, i);
    if (ok)
        schema = snapshot_reader_finish(reader, err);
    snapshot_reader_free(reader);
    return schema;
}
