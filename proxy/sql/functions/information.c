/* information.c - the functions of schema information_schema that are no templates (functions.def). */
#include "proxy/catalog/system_rows.h"
#include "proxy/sql/functions/catalog_objects.h"
#include "proxy/sql/functions/results.h"
#include "proxy/sql/functions/typed.h"

/* _pg_expandarray(anyarray): element and number, a row each. */
static void expand_array(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct json_value list;
    struct rows rows;
    STRICT(n, args);
    if (!json_parse(local_text(args[0]), scratch(c), &list, errors(c))) {
        local_fail(c);
        return;
    }
    rows_start(&rows, c);
    for (size_t i = 0; list.kind == JSON_ARRAY && i < list.array.n; i++) {
        const struct json_value *item = &list.array.items[i];
        int64_t number;
        struct value cells[] = { value_null(), value_integer((int64_t)i + 1) };
        if (item->kind == JSON_NUMBER && str_to_int64(item->text, &number))
            cells[0] = value_integer(number);
        else if (item->kind != JSON_NULL)
            cells[0] = value_text(item->text);
        if (!rows_add(&rows, cells, 2)) {
            rows_drop(&rows);
            return;
        }
    }
    rows_give(&rows);
}

/* _pg_index_position(index, attnum): which of the index's columns that is. */
static void index_position(sqlite3_context *c, int n, sqlite3_value **args)
{
    enum { INDEX_KEY = 15 };
    const struct index *x;
    int16_t columns[32];
    STRICT(n, args);
    oid_t oid = (oid_t)sqlite3_value_int64(args[0]);
    sqlite3_int64 number = sqlite3_value_int64(args[1]);
    if (catalog_index(c, oid, &x)) {
        for (size_t i = 0; i < x->n_columns; i++)
            if (x->columns[i].column == number)
                return sqlite3_result_int64(c, (sqlite3_int64)i + 1);
        return;
    }
    const struct value *row = fixed_row("pg_index", oid);
    size_t count = row ? catalog_numbers(row[INDEX_KEY].bytes, columns, 32) : 0;
    for (size_t i = 0; i < count; i++)
        if (columns[i] == number)
            return sqlite3_result_int64(c, (sqlite3_int64)i + 1);
}

static const struct local_function functions[] = {
    { .name = "pg__pg_expandarray", .n_args = 1, .flags = LOCAL_STRICT, .call = expand_array },
    { .name = "pg__pg_index_position", .n_args = 2, .flags = LOCAL_STRICT, .call = index_position },
};

const struct local_family local_family_information = { .functions = functions,
                                                       .n_functions = sizeof(functions) / sizeof(functions[0]) };
