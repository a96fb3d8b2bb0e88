/* temporary.c - see temporary.h. */
#include "proxy/txn/temporary.h"

#include <stdlib.h>
#include "d1/embedded/errors.h"
#include "d1/embedded/rules.h"
#include "d1/sqlite_value.h"
#include "proxy/base/fault.h"
#include "proxy/catalog/names.h"
#include "proxy/catalog/side_catalog.h"
#include "proxy/sql/bind.h"
#include "proxy/sql/emit.h"

enum { STEPS_PORTION = 10000, PAGE_BYTES = 4096, COLUMNS_MAX = 128, ROWS_MAX_BYTES = 2000000 };

struct temporary {
    sqlite3 *db;
    struct emb_rules rules;
    int steps; /* of the statement that runs, in portions */
    size_t max_bytes;
    bool in_transaction;
    bool changed_schema; /* in this transaction */
    size_t savepoints;   /* SQLite's that are open; the session's may be more */
    bool is_lost;
    bool is_stale; /* the schema was not read since it changed */
    struct snapshot *schema;
    const struct snapshot *base; /* that schema joined; kept alive by it */
    sqlite3_stmt *gathering;
    char *gathered; /* DROP TABLE of what was gathered; NULL: nothing was */
};

/* ---- statements of our own ---- */

static bool bind_all(sqlite3_stmt *statement, const struct value *params, size_t n)
{
    int code = SQLITE_OK;
    for (size_t i = 0; i < n && code == SQLITE_OK; i++)
        code = sqlite_value_bind(statement, (int)i + 1, &params[i]);
    return code == SQLITE_OK;
}

/* The loop waits for nobody. */
static int on_progress(void *ctx)
{
    struct temporary *t = ctx;
    return ++t->steps > TEMPORARY_STEPS / STEPS_PORTION;
}

/* One statement of ours; what PRAGMAs say of themselves is not looked at. */
static bool own(struct temporary *t, struct str sql, const struct value *params, size_t n)
{
    sqlite3_stmt *statement = NULL;
    t->rules.trusted = true;
    t->steps = 0;
    int code = SQLITE_ERROR;
    if (sqlite3_prepare_v2(t->db, sql.p, (int)sql.n, &statement, NULL) == SQLITE_OK && bind_all(statement, params, n))
        while ((code = sqlite3_step(statement)) == SQLITE_ROW)
            continue;
    bool ok = sqlite3_finalize(statement) == SQLITE_OK && code == SQLITE_DONE;
    t->rules.trusted = false;
    return ok;
}

static bool own_numbered(struct temporary *t, const char *words, size_t number)
{
    char sql[64];
    int n = snprintf(sql, sizeof(sql), "%s%zu", words, number);
    return own(t, (struct str){ sql, (size_t)n }, NULL, 0);
}

/* ---- life ---- */

static bool configure(struct temporary *t)
{
    if (sqlite3_open_v2(":memory:", &t->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL) !=
        SQLITE_OK)
        return false;
    return own_numbered(t, "PRAGMA max_page_count=", t->max_bytes / PAGE_BYTES) &&
           emb_rules_apply(t->db, &t->rules) == SQLITE_OK && own(t, STR("PRAGMA foreign_keys=1"), NULL, 0) &&
           own(t, STR(SIDE_CATALOG_CREATE), NULL, 0) && own(t, STR(SIDE_SEQUENCE_CREATE), NULL, 0);
}

struct temporary *temporary_new(size_t max_bytes)
{
    struct temporary *t = fault_calloc(1, sizeof(*t));
    if (!t)
        return NULL;
    t->max_bytes = max_bytes;
    t->is_stale = true;
    if (configure(t)) {
        sqlite3_progress_handler(t->db, STEPS_PORTION, on_progress, t);
        return t;
    }
    temporary_free(t);
    return NULL;
}

void temporary_free(struct temporary *t)
{
    if (!t)
        return;
    sqlite3_finalize(t->gathering);
    free(t->gathered);
    sqlite3_close(t->db);
    snapshot_unref(t->schema);
    free(t);
}

/* ---- the transaction ---- */

/* SQLite opens what the session has opened since. */
static bool follow(struct temporary *t, size_t savepoints)
{
    if (!t->in_transaction) {
        t->changed_schema = false;
        t->savepoints = 0;
        t->in_transaction = own(t, STR("BEGIN"), NULL, 0);
    }
    bool ok = t->in_transaction;
    while (ok && t->savepoints < savepoints)
        if ((ok = own_numbered(t, "SAVEPOINT s", t->savepoints + 1)))
            t->savepoints++;
    return ok;
}

static void undone(struct temporary *t)
{
    t->is_stale |= t->changed_schema;
}

/* SQLite ends a transaction by itself when it cannot go on. */
static bool ended_by_itself(struct temporary *t)
{
    t->is_lost |= t->in_transaction && sqlite3_get_autocommit(t->db);
    return t->is_lost;
}

/* A table of ON COMMIT DROP goes, with all that is known of it. */
static bool drop_table(struct temporary *t, struct str name, struct arena *arena)
{
    static const char *const forget[] = {
        "DELETE FROM _pgd1_sequence WHERE name IN (SELECT schema || '.' || name FROM _pgd1_catalog WHERE kind = "
        "'sequence' "
        "AND json_extract(detail,'$.owner_table') = ?1)",
        "DELETE FROM _pgd1_catalog WHERE kind = 'sequence' AND json_extract(detail,'$.owner_table') = ?1",
        "DELETE FROM _pgd1_catalog WHERE kind = 'index' AND schema || '.' || name IN (SELECT name FROM sqlite_schema "
        "WHERE "
        "type = 'index' AND tbl_name = '" SNAPSHOT_TEMPORARY ".' || ?1)",
        "DELETE FROM _pgd1_catalog WHERE kind = 'table' AND name = ?1",
        "DELETE FROM _pgd1_catalog WHERE kind IN ('column', 'constraint') AND substr(name, 1, length(?1)) = ?1",
    };
    struct value param = value_text(name);
    struct str prefix = name_child_prefix(name, arena);
    bool ok = prefix.p != NULL;
    for (size_t i = 0; ok && i < sizeof(forget) / sizeof(forget[0]); i++) {
        if (i == 4)
            param = value_text(prefix);
        ok = own(t, str_from(forget[i]), &param, 1);
    }
    struct str sqlite = arena_printf(arena, SNAPSHOT_TEMPORARY ".%.*s", STR_FMT(name));
    struct str quoted = sqlite.p ? emit_identifier(sqlite, arena) : (struct str){ 0 };
    struct str sql = arena_printf(arena, "DROP TABLE IF EXISTS %.*s", STR_FMT(quoted));
    t->changed_schema = true;
    t->is_stale = true;
    return ok && quoted.p && sql.p && own(t, sql, NULL, 0);
}

static bool clear_table(struct temporary *t, struct str name, struct arena *arena)
{
    struct str sqlite = arena_printf(arena, SNAPSHOT_TEMPORARY ".%.*s", STR_FMT(name));
    struct str quoted = sqlite.p ? emit_identifier(sqlite, arena) : (struct str){ 0 };
    struct str sql = arena_printf(arena, "DELETE FROM %.*s", STR_FMT(quoted));
    return quoted.p && sql.p && own(t, sql, NULL, 0);
}

struct commit_action {
    struct commit_action *next;
    struct str table;
    bool drops;
};

static bool read_actions(struct temporary *t, struct arena *arena, struct commit_action **ret)
{
    sqlite3_stmt *statement = NULL;
    int code = SQLITE_ERROR;
    t->rules.trusted = true;
    bool ok =
        sqlite3_prepare_v2(t->db,
                           "SELECT name, json_extract(detail,'$.on_commit') FROM _pgd1_catalog WHERE kind = 'table' "
                           "AND json_extract(detail,'$.on_commit') IS NOT NULL",
                           -1, &statement, NULL) == SQLITE_OK;
    while (ok && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        struct commit_action *a = ARENA_NEW(arena, struct commit_action);
        struct value name, action;
        ok = a && sqlite_value_column(statement, 0, &name) && sqlite_value_column(statement, 1, &action);
        if (!ok)
            break;
        *a = (struct commit_action){ *ret, arena_str(arena, name.bytes), str_is(action.bytes, "drop") };
        *ret = a;
        ok = a->table.p != NULL;
    }
    sqlite3_finalize(statement);
    t->rules.trusted = false;
    return ok && code == SQLITE_DONE;
}

/* What ON COMMIT asks for. Keys among the tables that are emptied or dropped are looked at when all are. */
static bool act(struct temporary *t)
{
    AUTO(arena) arena = arena_new(1 << 20);
    struct commit_action *actions = NULL;
    bool ok = arena && read_actions(t, arena, &actions);
    if (ok && actions)
        ok = own(t, STR("PRAGMA defer_foreign_keys=1"), NULL, 0);
    for (const struct commit_action *a = actions; ok && a; a = a->next)
        ok = a->drops ? drop_table(t, a->table, arena) : clear_table(t, a->table, arena);
    return ok;
}

void temporary_end(struct temporary *t, bool commit)
{
    if (!t->in_transaction)
        return;
    temporary_gather_end(t);
    if (ended_by_itself(t) || !commit || !act(t) || !own(t, STR("COMMIT"), NULL, 0)) {
        if (!sqlite3_get_autocommit(t->db))
            own(t, STR("ROLLBACK"), NULL, 0);
        undone(t);
        t->is_lost = commit || !sqlite3_get_autocommit(t->db); /* what should stay is gone, or the other way round */
    }
    t->in_transaction = false;
}

void temporary_release(struct temporary *t, size_t savepoint)
{
    if (!t->in_transaction || t->savepoints < savepoint || ended_by_itself(t))
        return;
    t->is_lost |= !own_numbered(t, "RELEASE s", savepoint);
    t->savepoints = savepoint - 1;
}

bool temporary_rollback_to(struct temporary *t, size_t savepoint)
{
    if (!t->in_transaction)
        return !t->is_lost;
    temporary_gather_end(t);
    if (ended_by_itself(t))
        return false;
    undone(t);
    if (t->savepoints >= savepoint) {
        t->is_lost |= !own_numbered(t, "ROLLBACK TO s", savepoint);
        t->savepoints = savepoint;
    }
    return !t->is_lost;
}

/* ---- statements ---- */

/* Settings of a rebuild end with it. */
static void reset(struct temporary *t)
{
    for (size_t i = 0; t->rules.pragma_sets && emb_rules_reset[i]; i++)
        own(t, str_from(emb_rules_reset[i]), NULL, 0);
    t->rules.pragma_sets = false;
}

static bool full(struct temporary *t, struct err *err)
{
    err_set(err, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "the temporary tables of this session exceed %zu bytes",
            t->max_bytes);
    return err_hint(err, "Drop what is not needed any more, or raise temporary_max_bytes.");
}

/* What only this database can say; other words are D1's. False: it was nothing of that. */
static bool failed_here(struct temporary *t, int code, struct err *err)
{
    switch (code & 0xff) {
    case SQLITE_FULL:
        full(t, err);
        return true;
    case SQLITE_NOMEM:
        err_oom(err);
        return true;
    case SQLITE_INTERRUPT:
        err_set(err, SQLSTATE_PROGRAM_LIMIT_EXCEEDED,
                "a statement of temporary tables takes too long to be run by pgd1");
        return true;
    default:
        return false;
    }
}

static bool lost(struct err *err)
{
    err_set(err, SQLSTATE_OUT_OF_MEMORY, "the temporary tables of this session were lost for want of memory");
    return err_hint(err, "DISCARD TEMP begins anew.");
}

/* The failure in D1's words, into the batch. */
static bool tell(struct temporary *t, struct temporary_batch *batch, int code, struct err *err)
{
    struct emb_failure failure;
    struct d1_request request = { .arena = batch->arena };
    if (failed_here(t, code, err))
        return false;
    emb_failure_init(&failure);
    emb_failure_sqlite(&failure, t->db, code);
    emb_failure_give(&failure, &request);
    emb_failure_fini(&failure);
    batch->error = request.error;
    return false;
}

static bool give_row(struct temporary_batch *batch, size_t index, sqlite3_stmt *statement, struct err *err)
{
    struct value cells[COLUMNS_MAX];
    size_t n;
    if (!sqlite_value_row(statement, COLUMNS_MAX, cells, &n))
        return err_oom(err);
    return !batch->on_row || batch->on_row(batch->ctx, index, cells, n);
}

static bool run_one(struct temporary *t, struct temporary_batch *batch, size_t index, struct err *err)
{
    const struct d1_statement *s = &batch->statements[index];
    sqlite3_stmt *statement = NULL;
    bool given = true;
    t->steps = 0;
    int code = sqlite3_prepare_v2(t->db, s->sql.p, (int)s->sql.n, &statement, NULL);
    if (code == SQLITE_OK)
        code = bind_all(statement, s->params, s->n_params) ? SQLITE_ROW : sqlite3_errcode(t->db);
    while (code == SQLITE_ROW && given) {
        code = sqlite3_step(statement);
        given = code != SQLITE_ROW || give_row(batch, index, statement, err);
    }
    if (code != SQLITE_DONE && given)
        tell(t, batch, code, err);
    if (batch->changes)
        batch->changes[index] = sqlite3_changes64(t->db);
    sqlite3_finalize(statement);
    return code == SQLITE_DONE;
}

bool temporary_run(struct temporary *t, size_t savepoints, struct temporary_batch *batch, struct err *err)
{
    batch->error = (struct d1_error){ .kind = D1_OK };
    if (ended_by_itself(t))
        return lost(err);
    if (!follow(t, savepoints) || !own(t, STR("SAVEPOINT one"), NULL, 0))
        return err_oom(err);
    bool ok = true;
    for (size_t i = 0; ok && i < batch->n; i++)
        ok = run_one(t, batch, i, err);
    reset(t);
    if (batch->is_ddl)
        t->changed_schema = t->is_stale = true;
    if (ended_by_itself(t))
        return err_is_set(err) || batch->error.kind != D1_OK ? false : lost(err);
    if (ok)
        return own(t, STR("RELEASE one"), NULL, 0) || err_oom(err);
    if (!own(t, STR("ROLLBACK TO one"), NULL, 0) || !own(t, STR("RELEASE one"), NULL, 0))
        t->is_lost = true;
    return false;
}

/* ---- the schema ---- */

static bool read_rows(struct temporary *t, struct snapshot_reader *reader)
{
    size_t n;
    const struct d1_statement *statements = snapshot_statements_for(true, &n);
    bool ok = true;
    t->rules.trusted = true;
    for (size_t i = 0; ok && i < n; i++) {
        sqlite3_stmt *statement = NULL;
        struct value cells[16];
        int code = SQLITE_ERROR;
        t->steps = 0;
        ok = sqlite3_prepare_v2(t->db, statements[i].sql.p, (int)statements[i].sql.n, &statement, NULL) == SQLITE_OK;
        while (ok && (code = sqlite3_step(statement)) == SQLITE_ROW) {
            size_t columns;
            ok = sqlite_value_row(statement, sizeof(cells) / sizeof(cells[0]), cells, &columns) &&
                 snapshot_reader_row(reader, i, cells, columns);
        }
        ok = ok && code == SQLITE_DONE;
        sqlite3_finalize(statement);
    }
    t->rules.trusted = false;
    return ok;
}

static struct snapshot *read_schema(struct temporary *t, const struct snapshot *base, struct err *err)
{
    struct snapshot_reader *reader = snapshot_reader_new();
    struct snapshot *own_schema = NULL, *joined = NULL;
    if (reader && read_rows(t, reader) && snapshot_reader_types(reader, base))
        own_schema = snapshot_reader_finish(reader, err);
    else
        err_oom(err);
    snapshot_reader_free(reader);
    if (own_schema)
        joined = snapshot_join(base, own_schema, err);
    snapshot_unref(own_schema);
    return joined;
}

const struct snapshot *temporary_schema(struct temporary *t, const struct snapshot *base, struct err *err)
{
    if (t->schema && !t->is_stale && t->base == base)
        return t->schema;
    struct snapshot *joined = read_schema(t, base, err);
    if (!joined)
        return NULL;
    snapshot_unref(t->schema);
    t->schema = joined;
    t->base = base;
    t->is_stale = false;
    return joined;
}

/* ---- rows that a statement brings from elsewhere ---- */

/* Columns compare as those of the table they stand in for. */
static const char *affinity(const struct column *c)
{
    const struct type_info *type = type_find(c->type);
    if (c->storage != COLUMN_NATURAL)
        return "NUMERIC";
    if (c->is_strict_text)
        return "TEXT";
    return type && type->storage == STORAGE_INTEGER ? "INTEGER"
           : type && type->storage == STORAGE_REAL  ? "REAL"
                                                    : "BLOB";
}

static struct str create_sql(struct arena *arena, struct str name, const struct relation *into, size_t n_columns)
{
    struct str sql = arena_printf(arena, "CREATE TABLE %.*s(", STR_FMT(name));
    for (size_t i = 0; i < n_columns && sql.p; i++) {
        struct str column = into ? emit_identifier(into->columns[i].name, arena) : arena_printf(arena, "c%zu", i);
        sql = column.p ? arena_printf(arena, "%.*s%s%.*s %s", STR_FMT(sql), i ? "," : "", STR_FMT(column),
                                      into ? affinity(&into->columns[i]) : "")
                       : column;
    }
    return sql.p ? arena_printf(arena, "%.*s)", STR_FMT(sql)) : sql;
}

static struct str insert_sql(struct arena *arena, struct str name, size_t n_columns)
{
    struct str sql = arena_printf(arena, "INSERT INTO %.*s VALUES (", STR_FMT(name));
    for (size_t i = 0; i < n_columns && sql.p; i++)
        sql = arena_printf(arena, "%.*s%s?%zu", STR_FMT(sql), i ? "," : "", i + 1);
    return sql.p ? arena_printf(arena, "%.*s)", STR_FMT(sql)) : sql;
}

bool temporary_gather_begin(struct temporary *t, size_t savepoints, const struct relation *into, size_t n_columns,
                            struct err *err)
{
    struct str name = emit_identifier(into ? into->sqlite_name : STR(TEMPORARY_GATHERED), err->arena);
    struct str create = create_sql(err->arena, name, into, n_columns), insert = insert_sql(err->arena, name, n_columns);
    struct str drop = arena_printf(err->arena, "DROP TABLE IF EXISTS %.*s", STR_FMT(name));
    if (!name.p || !create.p || !insert.p || !drop.p)
        return err_oom(err);
    temporary_gather_end(t);
    if (ended_by_itself(t))
        return lost(err);
    if (!(t->gathered = fault_calloc(1, drop.n + 1)))
        return err_oom(err);
    memcpy(t->gathered, drop.p, drop.n);
    if (!follow(t, savepoints) || !own(t, create, NULL, 0))
        return err_oom(err);
    t->rules.trusted = true;
    int code = sqlite3_prepare_v2(t->db, insert.p, (int)insert.n, &t->gathering, NULL);
    t->rules.trusted = false;
    return code == SQLITE_OK || err_oom(err);
}

bool temporary_gather_row(struct temporary *t, const struct value *cells, size_t n_cells, struct err *err)
{
    bool bound = t->gathering && bind_all(t->gathering, cells, n_cells);
    int code = bound ? sqlite3_step(t->gathering) : SQLITE_NOMEM;
    if (t->gathering)
        sqlite3_reset(t->gathering);
    if (code == SQLITE_DONE)
        return true;
    return failed_here(t, code, err) ? false : err_set(err, SQLSTATE_INTERNAL_ERROR, "%s", sqlite3_errmsg(t->db));
}

void temporary_gather_end(struct temporary *t)
{
    sqlite3_finalize(t->gathering);
    t->gathering = NULL;
    if (t->gathered && t->in_transaction && !ended_by_itself(t))
        own(t, str_from(t->gathered), NULL, 0);
    free(t->gathered);
    t->gathered = NULL;
}

/* ---- rows that a statement takes along ---- */

static struct str select_all(const struct relation *r, struct arena *arena)
{
    struct str sql = STR("SELECT "), from = emit_identifier(r->sqlite_name, arena);
    for (size_t i = 0; i < r->n_columns && sql.p; i++) {
        struct str name = emit_identifier(r->columns[i].name, arena);
        sql = name.p ? arena_printf(arena, "%.*s%s%.*s", STR_FMT(sql), i ? "," : "", STR_FMT(name)) : name;
    }
    return sql.p && from.p ? arena_printf(arena, "%.*s FROM %.*s", STR_FMT(sql), STR_FMT(from)) : (struct str){ 0 };
}

static bool add_row(struct buf *out, sqlite3_stmt *statement, struct arena *arena, struct err *err)
{
    int n = sqlite3_column_count(statement);
    buf_add_str(out, out->n > 1 ? STR(",[") : STR("["));
    for (int i = 0; i < n; i++) {
        struct value cell;
        if (!sqlite_value_column(statement, i, &cell))
            return err_oom(err);
        if (i)
            buf_add_char(out, ',');
        if (!bind_json_value(out, &cell, arena, err))
            return false;
    }
    buf_add_char(out, ']');
    if (out->n <= ROWS_MAX_BYTES)
        return true;
    err_set(err, SQLSTATE_PROGRAM_LIMIT_EXCEEDED,
            "the rows of a temporary table that D1 would need exceed its limit of %d bytes", ROWS_MAX_BYTES);
    return err_hint(err, "Make a temporary table of fewer rows or columns first.");
}

bool temporary_rows_as_json(struct temporary *t, const struct relation *r, struct arena *arena, struct str *ret,
                            struct err *err)
{
    struct str sql = select_all(r, arena);
    sqlite3_stmt *statement = NULL;
    struct buf out;
    if (!sql.p)
        return err_oom(err);
    if (ended_by_itself(t))
        return lost(err);
    buf_init(&out, 2 * ROWS_MAX_BYTES + (8 << 20));
    buf_add_char(&out, '[');
    t->steps = 0;
    int code = sqlite3_prepare_v2(t->db, sql.p, (int)sql.n, &statement, NULL);
    bool ok = code == SQLITE_OK;
    while (ok && (code = sqlite3_step(statement)) == SQLITE_ROW)
        ok = add_row(&out, statement, arena, err);
    if (ok && code != SQLITE_DONE)
        ok = failed_here(t, code, err) ? false : err_set(err, SQLSTATE_INTERNAL_ERROR, "%s", sqlite3_errmsg(t->db));
    else if (!ok && !err_is_set(err))
        err_set(err, SQLSTATE_INTERNAL_ERROR, "%s", sqlite3_errmsg(t->db));
    sqlite3_finalize(statement);
    buf_add_char(&out, ']');
    *ret = ok && !out.failed ? arena_str(arena, buf_str(&out)) : (struct str){ 0 };
    buf_fini(&out);
    return ok && (ret->p || err_oom(err));
}
