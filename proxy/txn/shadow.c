/* shadow.c - see shadow.h. */
#include "proxy/txn/shadow.h"

#include <stdlib.h>
#include "d1/embedded/rules.h"
#include "d1/sqlite_value.h"
#include "proxy/base/fault.h"
#include "proxy/catalog/snapshot_copy.h"

struct shadow {
    sqlite3 *db;
    struct emb_rules rules;
    int steps; /* of the statement that runs, in portions */
};

enum { STEPS_PORTION = 10000 };

static bool bind_all(sqlite3_stmt *statement, const struct value *params, size_t n)
{
    int code = SQLITE_OK;
    for (size_t i = 0; i < n && code == SQLITE_OK; i++)
        code = sqlite_value_bind(statement, (int)i + 1, &params[i]);
    return code == SQLITE_OK;
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
        size_t n;
        ok = sqlite_value_row(statement, CELLS_MAX, cells, &n) &&
             (!reader || snapshot_reader_row(reader, index, cells, n));
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

/* The loop waits for nobody: a statement that goes on for long is D1's. */
static int on_progress(void *ctx)
{
    struct shadow *s = ctx;
    return ++s->steps > SHADOW_STEPS / STEPS_PORTION && !s->rules.trusted;
}

static bool own(struct shadow *s, struct str sql)
{
    s->rules.trusted = true;
    bool ok = run_text(s, sql);
    s->rules.trusted = false;
    return ok;
}

static bool configure(struct shadow *s)
{
    struct str pages = STR("PRAGMA max_page_count=8192");
    _Static_assert(SHADOW_BYTES == 8192 * 4096, "pages of SQLite's usual size");
    if (!own(s, pages) || emb_rules_apply(s->db, &s->rules) != SQLITE_OK)
        return false;
    sqlite3_progress_handler(s->db, STEPS_PORTION, on_progress, s);
    s->rules.trusted = true;
    return true;
}

struct shadow *shadow_new(const struct snapshot *base)
{
    struct shadow *s = fault_calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    bool ok = sqlite3_open_v2(":memory:", &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                              NULL) == SQLITE_OK &&
              configure(s) && snapshot_copy(base, s->db) && copy_side(s, base) &&
              own(s, STR("PRAGMA foreign_keys=1")) && own(s, STR("BEGIN"));
    if (ok)
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

bool shadow_begin(struct shadow *s)
{
    return own(s, STR("SAVEPOINT one"));
}

/* Settings of a rebuild end with it. */
static void reset(struct shadow *s)
{
    for (size_t i = 0; s->rules.pragma_sets && emb_rules_reset[i]; i++)
        own(s, str_from(emb_rules_reset[i]));
    s->rules.pragma_sets = false;
}

bool shadow_keep(struct shadow *s)
{
    reset(s);
    return own(s, STR("RELEASE one"));
}

bool shadow_undo(struct shadow *s)
{
    reset(s);
    return !sqlite3_get_autocommit(s->db) && own(s, STR("ROLLBACK TO one")) && own(s, STR("RELEASE one"));
}

bool shadow_run(struct shadow *s, const struct d1_statement *statement, shadow_saw *saw, void *saw_ctx,
                void (*at_row)(void *ctx, const struct value *cell), void *row_ctx, int64_t *changes)
{
    sqlite3_stmt *prepared = NULL;
    int code = SQLITE_ERROR;
    s->steps = 0;
    s->rules.saw = saw;
    s->rules.saw_ctx = saw_ctx;
    bool ok = sqlite3_prepare_v2(s->db, statement->sql.p, (int)statement->sql.n, &prepared, NULL) == SQLITE_OK &&
              prepared && (size_t)sqlite3_bind_parameter_count(prepared) == statement->n_params &&
              bind_all(prepared, statement->params, statement->n_params);
    while (ok && (code = sqlite3_step(prepared)) == SQLITE_ROW)
        if (at_row && sqlite3_column_count(prepared) > 0) {
            struct value cell;
            ok = sqlite_value_column(prepared, 0, &cell);
            if (ok)
                at_row(row_ctx, &cell);
        }
    if (changes)
        *changes = sqlite3_changes64(s->db);
    sqlite3_finalize(prepared);
    s->rules.saw = NULL;
    return ok && code == SQLITE_DONE;
}

bool shadow_names(struct shadow *s, const char *sql, struct str name, bool (*each)(void *ctx, struct str name),
                  void *ctx)
{
    sqlite3_stmt *prepared = NULL;
    struct value param = value_text(name);
    int code = SQLITE_ERROR;
    s->rules.trusted = true;
    bool ok = sqlite3_prepare_v2(s->db, sql, -1, &prepared, NULL) == SQLITE_OK && bind_all(prepared, &param, 1);
    while (ok && (code = sqlite3_step(prepared)) == SQLITE_ROW) {
        struct value cell;
        ok = sqlite_value_column(prepared, 0, &cell) && (cell.class != VALUE_TEXT || each(ctx, cell.bytes));
    }
    sqlite3_finalize(prepared);
    s->rules.trusted = false;
    return ok && code == SQLITE_DONE;
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
    s->rules.trusted = true;
    for (size_t i = 0; i < n && ok; i++)
        ok = run(s->db, &statements[i], reader, i);
    s->rules.trusted = false;
    if (ok)
        schema = snapshot_reader_finish(reader, err);
    snapshot_reader_free(reader);
    return schema;
}
