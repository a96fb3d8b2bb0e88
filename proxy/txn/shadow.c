/* shadow.c - see shadow.h. */
#include "proxy/txn/shadow.h"

#include <stdlib.h>
#include "d1/embedded/rules.h"
#include "d1/sqlite_value.h"
#include "proxy/base/fault.h"
#include "proxy/catalog/snapshot_copy.h"
#include "proxy/catalog/snapshot_renew.h"

struct shadow {
    sqlite3 *db;
    struct emb_rules rules;
    int steps;       /* of the statement that runs, in portions */
    bool is_watched; /* rows of the side catalogue that are written are noted */
    struct snapshot_renewer *renewer;
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
    if (s) {
        snapshot_renewer_free(s->renewer);
        sqlite3_close(s->db);
    }
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

/* ---- the schema ---- */

/* Which rows of the side catalogue are written, from here on: their keys in one text. A statement that writes very many is not followed. */
#define NOTE(row)                                                                                                      \
    "UPDATE _pgd1_changes SET is_long = is_long OR length(log) > 100000, log = CASE WHEN length(log) > 100000 THEN "   \
    "log ELSE log || ',' || json_array(" row ".kind, " row ".schema, " row ".name) END; "
static const char *const watching[] = {
    "CREATE TEMP TABLE _pgd1_changes(log TEXT NOT NULL, is_long INTEGER NOT NULL)",
    "INSERT INTO _pgd1_changes VALUES ('', 0)",
    "CREATE TEMP TRIGGER _pgd1_inserted AFTER INSERT ON main._pgd1_catalog BEGIN " NOTE("NEW") "END",
    "CREATE TEMP TRIGGER _pgd1_updated AFTER UPDATE ON main._pgd1_catalog BEGIN " NOTE("OLD") NOTE("NEW") "END",
    "CREATE TEMP TRIGGER _pgd1_deleted AFTER DELETE ON main._pgd1_catalog BEGIN " NOTE("OLD") "END",
};
#define FORGET_CHANGES "UPDATE _pgd1_changes SET log = '', is_long = 0"
#define WRITTEN_ROWS                                                                                                   \
    "SELECT k.kind, k.schema, k.name, c.detail FROM (SELECT DISTINCT value ->> 0 AS kind, value ->> 1 AS schema, "     \
    "value ->> 2 AS name FROM json_each((SELECT '[' || substr(log, 2) || ']' FROM _pgd1_changes))) AS k "              \
    "LEFT JOIN _pgd1_catalog AS c ON c.kind = k.kind AND c.schema = k.schema AND c.name = k.name "                     \
    "ORDER BY k.kind, k.schema, k.name"

static bool watch(struct shadow *s)
{
    bool ok = true;
    if (s->is_watched)
        return own(s, STR(FORGET_CHANGES));
    if (!has_table(s, "_pgd1_catalog"))
        return true;
    for (size_t i = 0; ok && i < sizeof(watching) / sizeof(watching[0]); i++)
        ok = own(s, str_from(watching[i]));
    s->is_watched = ok;
    return ok;
}

static bool read_all(struct shadow *s, const struct d1_statement *statements, size_t n, struct snapshot_reader *reader)
{
    bool ok = true;
    s->rules.trusted = true;
    for (size_t i = 0; i < n && ok; i++)
        ok = run(s->db, &statements[i], reader, i);
    s->rules.trusted = false;
    return ok;
}

struct snapshot *shadow_schema(struct shadow *s, struct err *err)
{
    size_t n;
    const struct d1_statement *statements = snapshot_statements_for(has_table(s, "_pgd1_catalog"), &n);
    struct snapshot_reader *reader = snapshot_reader_new();
    struct snapshot *schema = NULL;
    if (reader && read_all(s, statements, n, reader))
        schema = snapshot_reader_finish(reader, err);
    snapshot_reader_free(reader);
    snapshot_renewer_free(s->renewer);
    s->renewer = schema && watch(s) ? snapshot_renewer_new(schema) : NULL;
    return schema;
}

struct written {
    struct arena *arena;
    struct snapshot_side *rows;
    size_t n, size;
};

static bool take_written(struct written *w, const struct value *cells)
{
    if (w->n == w->size) {
        w->size = 2 * w->size + 8;
        struct snapshot_side *rows = ARENA_ARRAY(w->arena, struct snapshot_side, w->size);
        if (!rows)
            return false;
        if (w->n)
            memcpy(rows, w->rows, w->n * sizeof(*rows));
        w->rows = rows;
    }
    struct str texts[4];
    for (size_t i = 0; i < 4; i++) {
        bool is_text = cells[i].class == VALUE_TEXT;
        texts[i] = is_text ? arena_str(w->arena, cells[i].bytes) : (struct str){ 0 };
        if ((is_text || i < 3) && !texts[i].p)
            return false;
    }
    w->rows[w->n++] = (struct snapshot_side){ texts[0], texts[1], texts[2], texts[3] };
    return true;
}

/* False: they are not known. */
static bool read_written(struct shadow *s, struct written *w)
{
    sqlite3_stmt *prepared = NULL;
    int code = SQLITE_ERROR;
    struct value cells[4];
    size_t n;
    if (!s->is_watched)
        return true;
    s->rules.trusted = true;
    bool ok =
        sqlite3_prepare_v2(s->db, "SELECT 1 FROM _pgd1_changes WHERE is_long", -1, &prepared, NULL) == SQLITE_OK &&
        sqlite3_step(prepared) == SQLITE_DONE;
    sqlite3_finalize(prepared);
    prepared = NULL;
    ok = ok && sqlite3_prepare_v2(s->db, WRITTEN_ROWS, -1, &prepared, NULL) == SQLITE_OK;
    while (ok && (code = sqlite3_step(prepared)) == SQLITE_ROW)
        ok = sqlite_value_row(prepared, 4, cells, &n) && take_written(w, cells);
    sqlite3_finalize(prepared);
    s->rules.trusted = false;
    return ok && code == SQLITE_DONE;
}

struct snapshot *shadow_schema_behind(struct shadow *s, const struct snapshot *before, const struct str *relations,
                                      size_t n, struct arena *scratch)
{
    struct written w = { .arena = scratch };
    if (!s->renewer || !read_written(s, &w))
        return NULL;
    struct snapshot_change change = { relations, n, w.rows, w.n };
    struct value param;
    size_t n_statements;
    if (!snapshot_renewer_begin(s->renewer, before, &change, &param))
        return NULL;
    struct snapshot_reader *reader = snapshot_reader_new();
    const struct d1_statement *statements = snapshot_renewer_statements(&n_statements);
    struct d1_statement *bound = ARENA_ARRAY(scratch, struct d1_statement, n_statements);
    for (size_t i = 0; bound && i < n_statements; i++) {
        bound[i] = statements[i];
        bound[i].params = &param;
        bound[i].n_params = 1;
    }
    struct snapshot *schema = NULL;
    if (reader && bound && read_all(s, bound, n_statements, reader) && (!s->is_watched || own(s, STR(FORGET_CHANGES))))
        schema = snapshot_renewer_finish(s->renewer, reader);
    snapshot_reader_free(reader);
    return schema;
}
