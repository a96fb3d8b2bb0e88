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
