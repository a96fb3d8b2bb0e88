/* local_inputs.c - eponymous virtual tables f0…f7 over fetched rows, read in place and in order. */
#include "proxy/sql/local_rows.h"
#include "d1/sqlite_value.h"

#include <stdio.h>
#include "proxy/base/fault.h"
#include <stdlib.h>

struct input_table {
    sqlite3_vtab base;
    struct local_rows **rows; /* the slot: another run, other rows */
};

struct input_cursor {
    sqlite3_vtab_cursor base;
    size_t at;
};

static int input_connect(sqlite3 *db, void *aux, int argc, const char *const *argv, sqlite3_vtab **ret, char **error)
{
    char text[LOCAL_INPUT_COLUMNS * 5 + 32];
    size_t n = (size_t)snprintf(text, sizeof(text), "CREATE TABLE x(");
    (void)argc, (void)argv, (void)error;
    for (int i = 0; i < LOCAL_INPUT_COLUMNS; i++)
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%sc%d", i ? "," : "", i);
    snprintf(text + n, sizeof(text) - n, ")");
    int code = sqlite3_declare_vtab(db, text);
    if (code != SQLITE_OK)
        return code;
    struct input_table *t = sqlite3_malloc(sizeof(*t));
    if (!t)
        return SQLITE_NOMEM;
    *t = (struct input_table){ .rows = aux };
    *ret = &t->base;
    return SQLITE_OK;
}

static int input_disconnect(sqlite3_vtab *t)
{
    sqlite3_free(t);
    return SQLITE_OK;
}

static int input_best_index(sqlite3_vtab *base, sqlite3_index_info *info)
{
    const struct input_table *t = (const struct input_table *)base;
    info->estimatedRows = *t->rows ? (sqlite3_int64)(*t->rows)->n : 0;
    info->estimatedCost = (double)info->estimatedRows + 1;
    return SQLITE_OK;
}

static int input_open(sqlite3_vtab *t, sqlite3_vtab_cursor **ret)
{
    (void)t;
    struct input_cursor *c = sqlite3_malloc(sizeof(*c));
    if (!c)
        return SQLITE_NOMEM;
    *c = (struct input_cursor){ 0 };
    *ret = &c->base;
    return SQLITE_OK;
}

static int input_close(sqlite3_vtab_cursor *c)
{
    sqlite3_free(c);
    return SQLITE_OK;
}

static int input_filter(sqlite3_vtab_cursor *c, int number, const char *text, int argc, sqlite3_value **argv)
{
    (void)number, (void)text, (void)argc, (void)argv;
    ((struct input_cursor *)c)->at = 0;
    return SQLITE_OK;
}

static int input_next(sqlite3_vtab_cursor *c)
{
    ((struct input_cursor *)c)->at++;
    return SQLITE_OK;
}

static const struct local_rows *rows_of(sqlite3_vtab_cursor *c)
{
    return *((struct input_table *)c->pVtab)->rows;
}

static int input_eof(sqlite3_vtab_cursor *c)
{
    const struct local_rows *rows = rows_of(c);
    return !rows || ((struct input_cursor *)c)->at >= rows->n;
}

static int input_column(sqlite3_vtab_cursor *c, sqlite3_context *out, int column)
{
    const struct local_rows *rows = rows_of(c);
    if ((size_t)column >= rows->n_columns) {
        sqlite3_result_null(out);
        return SQLITE_OK;
    }
    /* The rows outlive the statement's step: no copy is needed. */
    sqlite_value_result(out, &rows->rows[((struct input_cursor *)c)->at][column], SQLITE_STATIC);
    return SQLITE_OK;
}

static int input_rowid(sqlite3_vtab_cursor *c, sqlite3_int64 *ret)
{
    *ret = (sqlite3_int64)((struct input_cursor *)c)->at;
    return SQLITE_OK;
}

static const sqlite3_module input_module = {
    .iVersion = 0,
    .xConnect = input_connect,
    .xBestIndex = input_best_index,
    .xDisconnect = input_disconnect,
    .xOpen = input_open,
    .xClose = input_close,
    .xFilter = input_filter,
    .xNext = input_next,
    .xEof = input_eof,
    .xColumn = input_column,
    .xRowid = input_rowid,
};

int local_inputs_register(sqlite3 *db, struct local_rows **inputs)
{
    for (int i = 0; i < LOCAL_INPUTS; i++) {
        char name[16];
        snprintf(name, sizeof(name), "f%d", i);
        int code = sqlite3_create_module(db, name, &input_module, &inputs[i]);
        if (code != SQLITE_OK)
            return code;
    }
    return SQLITE_OK;
}
