#include "d1/sqlite_value.h"

/* SQLite takes a null pointer for NULL. */
static const char *bytes_of(const struct value *v)
{
    return v->bytes.p ? v->bytes.p : "";
}

int sqlite_value_bind(sqlite3_stmt *statement, int at, const struct value *v)
{
    switch (v->class) {
    case VALUE_NULL:
        return sqlite3_bind_null(statement, at);
    case VALUE_INTEGER:
        return sqlite3_bind_int64(statement, at, v->integer);
    case VALUE_REAL:
        return sqlite3_bind_double(statement, at, v->real);
    case VALUE_TEXT:
        return sqlite3_bind_text64(statement, at, bytes_of(v), v->bytes.n, SQLITE_STATIC, SQLITE_UTF8);
    case VALUE_BLOB:
        return sqlite3_bind_blob64(statement, at, bytes_of(v), v->bytes.n, SQLITE_STATIC);
    }
    return SQLITE_MISUSE;
}

static bool read_bytes(sqlite3_stmt *statement, int column, struct value *ret)
{
    const void *p = ret->class == VALUE_TEXT ? (const void *)sqlite3_column_text(statement, column)
                                             : sqlite3_column_blob(statement, column);
    int n = sqlite3_column_bytes(statement, column);
    ret->bytes = (struct str){ p ? p : "", (size_t)n };
    return p || (n == 0 && ret->class == VALUE_BLOB); /* an empty blob has no address, a text without one no memory */
}

bool sqlite_value_column(sqlite3_stmt *statement, int column, struct value *ret)
{
    switch (sqlite3_column_type(statement, column)) {
    case SQLITE_INTEGER:
        *ret = value_integer(sqlite3_column_int64(statement, column));
        return true;
    case SQLITE_FLOAT:
        *ret = value_real(sqlite3_column_double(statement, column));
        return true;
    case SQLITE_TEXT:
        ret->class = VALUE_TEXT;
        return read_bytes(statement, column, ret);
    case SQLITE_BLOB:
        ret->class = VALUE_BLOB;
        return read_bytes(statement, column, ret);
    }
    *ret = value_null();
    return true;
}

bool sqlite_value_row(sqlite3_stmt *statement, size_t max, struct value *ret_cells, size_t *ret_n)
{
    size_t n = (size_t)sqlite3_data_count(statement);
    *ret_n = n < max ? n : max;
    for (size_t i = 0; i < *ret_n; i++)
        if (!sqlite_value_column(statement, (int)i, &ret_cells[i]))
            return false;
    return true;
}

void sqlite_value_result(sqlite3_context *context, const struct value *v, sqlite3_destructor_type lifetime)
{
    switch (v->class) {
    case VALUE_NULL:
        sqlite3_result_null(context);
        break;
    case VALUE_INTEGER:
        sqlite3_result_int64(context, v->integer);
        break;
    case VALUE_REAL:
        sqlite3_result_double(context, v->real);
        break;
    case VALUE_TEXT:
        sqlite3_result_text64(context, bytes_of(v), v->bytes.n, lifetime, SQLITE_UTF8);
        break;
    case VALUE_BLOB:
        sqlite3_result_blob64(context, bytes_of(v), v->bytes.n, lifetime);
        break;
    }
}
