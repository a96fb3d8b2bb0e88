/* system.c - system relations as virtual tables of the local engine: rows are made when a scan starts; see system.h, system_rows.h. */
#include "proxy/catalog/system_rows.h"
#include "d1/sqlite_value.h"

#include <assert.h>
#include <stdlib.h>
#include "proxy/base/fault.h"
#include "sqlite3.h"

enum { ROWS_ARENA_CAP = 128 << 20 };

static const struct {
    const char *schema, *name;
    system_provider *provide;
} providers[] = {
#define PROVIDER(schema, name, function) { schema, name, function },
#include "proxy/catalog/system_providers.def"
#undef PROVIDER
};

static const struct {
    const char *schema, *name;
} empties[] = {
#define EMPTY(schema, name, reason) { schema, name },
#include "proxy/catalog/system_empty.def"
#undef EMPTY
};

/* --- rows --- */

void row_begin_cells(struct system_rows *rows)
{
    rows->current = ARENA_ARRAY(rows->arena, struct value, rows->relation->n_columns);
    rows->failed |= !rows->current;
}

void row_set(struct system_rows *rows, const char *column, struct value v)
{
    const struct column *c = relation_column(rows->relation, str_from(column));
    assert(c);
    if (c && rows->current)
        rows->current[c - rows->relation->columns] = v;
}

void row_set_text(struct system_rows *rows, const char *column, struct str s)
{
    row_set(rows, column, s.p ? value_text(s) : value_null());
}

void row_set_cstr(struct system_rows *rows, const char *column, const char *s)
{
    row_set_text(rows, column, str_from(s));
}

void row_set_int(struct system_rows *rows, const char *column, int64_t v)
{
    row_set(rows, column, value_integer(v));
}

void row_set_bool(struct system_rows *rows, const char *column, bool v)
{
    row_set(rows, column, value_integer(v));
}

static void push_row(struct system_rows *rows, struct value *cells)
{
    if (rows->n == rows->size) {
        size_t size = rows->size ? rows->size * 2 : 64;
        struct value **more = fault_realloc(rows->rows, size * sizeof(*more));
        if (!more) {
            rows->failed = true;
            return;
        }
        rows->rows = more;
        rows->size = size;
    }
    rows->rows[rows->n++] = cells;
}

void row_end_cells(struct system_rows *rows)
{
    if (rows->current)
        push_row(rows, rows->current);
    rows->current = NULL;
}

/* Rows that the server hands in: cells are only lent for the call. */
static bool add_live(void *ctx, const struct value *cells, size_t n)
{
    struct system_rows *rows = ctx;
    row_begin_cells(rows);
    for (size_t i = 0; rows->current && i < n && i < rows->relation->n_columns; i++) {
        rows->current[i] = cells[i];
        if (cells[i].class == VALUE_TEXT || cells[i].class == VALUE_BLOB) {
            rows->current[i].bytes = arena_str(rows->arena, cells[i].bytes);
            rows->failed |= !rows->current[i].bytes.p;
        }
    }
    row_end_cells(rows);
    return !rows->failed;
}

/* False: nobody knows the rows of this relation. */
static bool make_rows(struct system_rows *rows, const struct system_source *source)
{
    const struct relation *r = rows->relation;
    for (size_t i = 0; i < sizeof(providers) / sizeof(providers[0]); i++) {
        if (str_is(r->name, providers[i].name) && str_is(r->schema, providers[i].schema)) {
            providers[i].provide(rows, source);
            return true;
        }
    }
    for (size_t i = 0; i < sizeof(empties) / sizeof(empties[0]); i++)
        if (str_is(r->name, empties[i].name) && str_is(r->schema, empties[i].schema))
            return true;
    return source->state && source->state->rows && source->state->rows(source->state->ctx, r->name, add_live, rows);
}

/* --- the virtual table --- */

struct system_module {
    const struct relation *relation;
    const struct system_source *source;
};

struct system_table {
    sqlite3_vtab base;
    const struct system_module *module;
};

struct system_cursor {
    sqlite3_vtab_cursor base;
    struct system_rows rows;
    size_t at;
};

static int table_connect(sqlite3 *db, void *aux, int argc, const char *const *argv, sqlite3_vtab **ret, char **error)
{
    const struct system_module *module = aux;
    (void)argc, (void)argv, (void)error;
    sqlite3_str *text = sqlite3_str_new(db);
    sqlite3_str_appendall(text, "CREATE TABLE x(");
    for (size_t i = 0; i < module->relation->n_columns; i++) {
        struct str name = module->relation->columns[i].name;
        sqlite3_str_appendf(text, "%s\"%.*w\"", i ? "," : "", (int)name.n, name.p);
    }
    sqlite3_str_appendall(text, ")");
    char *sql = sqlite3_str_finish(text);
    int code = sql ? sqlite3_declare_vtab(db, sql) : SQLITE_NOMEM;
    sqlite3_free(sql);
    if (code != SQLITE_OK)
        return code;
    struct system_table *t = sqlite3_malloc(sizeof(*t));
    if (!t)
        return SQLITE_NOMEM;
    *t = (struct system_table){ .module = module };
    *ret = &t->base;
    return SQLITE_OK;
}

static int table_disconnect(sqlite3_vtab *t)
{
    sqlite3_free(t);
    return SQLITE_OK;
}

static int table_best_index(sqlite3_vtab *t, sqlite3_index_info *info)
{
    (void)t;
    info->estimatedRows = 1000;
    info->estimatedCost = 10000;
    return SQLITE_OK;
}

static int cursor_open(sqlite3_vtab *t, sqlite3_vtab_cursor **ret)
{
    (void)t;
    struct system_cursor *c = sqlite3_malloc(sizeof(*c));
    if (!c)
        return SQLITE_NOMEM;
    *c = (struct system_cursor){ 0 };
    *ret = &c->base;
    return SQLITE_OK;
}

static void drop_rows(struct system_cursor *c)
{
    arena_free(c->rows.arena);
    free(c->rows.rows);
    c->rows = (struct system_rows){ 0 };
}

static int cursor_close(sqlite3_vtab_cursor *base)
{
    drop_rows((struct system_cursor *)base);
    sqlite3_free(base);
    return SQLITE_OK;
}

static int cursor_filter(sqlite3_vtab_cursor *base, int number, const char *text, int argc, sqlite3_value **argv)
{
    struct system_cursor *c = (struct system_cursor *)base;
    const struct system_module *module = ((struct system_table *)base->pVtab)->module;
    (void)number, (void)text, (void)argc, (void)argv;
    c->at = 0;
    if (c->rows.arena)
        return SQLITE_OK; /* scanned again in the same statement: the same rows */
    c->rows.relation = module->relation;
    c->rows.arena = arena_new(ROWS_ARENA_CAP);
    if (!c->rows.arena)
        return SQLITE_NOMEM;
    if (!make_rows(&c->rows, module->source)) {
        struct str schema = module->relation->schema, name = module->relation->name;
        base->pVtab->zErrMsg =
            sqlite3_mprintf("!0A000:reading %.*s.%.*s is not supported", (int)schema.n, schema.p, (int)name.n, name.p);
        drop_rows(c);
        return SQLITE_ERROR;
    }
    return c->rows.failed ? SQLITE_NOMEM : SQLITE_OK;
}

static int cursor_next(sqlite3_vtab_cursor *c)
{
    ((struct system_cursor *)c)->at++;
    return SQLITE_OK;
}

static int cursor_eof(sqlite3_vtab_cursor *base)
{
    const struct system_cursor *c = (const struct system_cursor *)base;
    return c->at >= c->rows.n;
}

static int cursor_column(sqlite3_vtab_cursor *base, sqlite3_context *out, int column)
{
    const struct system_cursor *c = (const struct system_cursor *)base;
    /* A rescan keeps the rows, but the cursor may close before the value is used: copied. */
    sqlite_value_result(out, &c->rows.rows[c->at][column], SQLITE_TRANSIENT);
    return SQLITE_OK;
}

static int cursor_rowid(sqlite3_vtab_cursor *c, sqlite3_int64 *ret)
{
    *ret = (sqlite3_int64)((struct system_cursor *)c)->at;
    return SQLITE_OK;
}

static const sqlite3_module table_module = {
    .iVersion = 0,
    .xConnect = table_connect,
    .xBestIndex = table_best_index,
    .xDisconnect = table_disconnect,
    .xOpen = cursor_open,
    .xClose = cursor_close,
    .xFilter = cursor_filter,
    .xNext = cursor_next,
    .xEof = cursor_eof,
    .xColumn = cursor_column,
    .xRowid = cursor_rowid,
};

int system_register(sqlite3 *db, const struct system_source *source)
{
    size_t n;
    const struct relation *relations = system_relations(&n);
    for (size_t i = 0; i < n; i++) {
        struct system_module *module = sqlite3_malloc(sizeof(*module));
        if (!module)
            return SQLITE_NOMEM;
        *module = (struct system_module){ &relations[i], source };
        /* names of system relations are constants that end with NUL */
        int code = sqlite3_create_module_v2(db, relations[i].sqlite_name.p, &table_module, module, sqlite3_free);
        if (code != SQLITE_OK)
            return code;
    }
    return SQLITE_OK;
}
