/*
 * fuzz_d1_json.c - answers of a remote D1: our reader of rows against cJSON.
 *
 * The input is an answer. Oracles: fed whole or byte by byte, the reader tells the same; what it accepts and cJSON parses has
 * the same rows and cells in both, and its frame is the answer without them.
 */
/* LINK pgd1_d1 pgd1_base */
#include "tests/fuzz/fuzz.h"

#include <assert.h>
#include <math.h>
#include <cjson/cJSON.h>
#include "d1/json_rows.h"

enum { MAX_BYTES = 1 << 20 };

/* One line per row: result, then each cell by class and content. */
static void tell(struct buf *out, const struct json_rows *j)
{
    buf_printf(out, "\n%zu", j->result);
    for (size_t i = 0; i < j->n_cells; i++) {
        const struct value *v = &j->cells[i];
        buf_printf(out, ",%d:", v->class);
        if (v->class == VALUE_INTEGER)
            buf_printf(out, "%lld", (long long)v->integer);
        if (v->class == VALUE_REAL)
            buf_printf(out, "%a", v->real);
        if (v->class == VALUE_TEXT || v->class == VALUE_BLOB)
            buf_add_str(out, v->bytes);
    }
}

static bool read_rows(const uint8_t *data, size_t size, size_t step, struct json_rows *j, struct buf *out)
{
    json_rows_init(j, 4, MAX_BYTES, MAX_BYTES);
    for (size_t at = 0; at < size; at += step) {
        struct str piece = { (const char *)data + at, size - at < step ? size - at : step };
        enum json_rows_event event;
        while ((event = json_rows_feed(j, &piece)) == JSON_ROWS_ROW)
            tell(out, j);
        if (event == JSON_ROWS_BAD)
            return false;
    }
    return true;
}

/* ---- cJSON's view ---- */

static void tell_blob(struct buf *out, const cJSON *list)
{
    const cJSON *byte;
    cJSON_ArrayForEach(byte, list)
    {
        assert(cJSON_IsNumber(byte));
        buf_add_char(out, (char)(unsigned char)byte->valueint);
    }
}

static void tell_cjson_cell(struct buf *out, const cJSON *cell)
{
    double v = cell->valuedouble;
    if (cJSON_IsNull(cell)) {
        buf_printf(out, ",%d:", VALUE_NULL);
    } else if (cJSON_IsString(cell)) {
        buf_printf(out, ",%d:%s", VALUE_TEXT, cell->valuestring);
    } else if (cJSON_IsArray(cell)) {
        buf_printf(out, ",%d:", VALUE_BLOB);
        tell_blob(out, cell);
    } else if (v == trunc(v) && fabs(v) < 9007199254740992.0) {
        buf_printf(out, ",%d:%lld", VALUE_INTEGER, (long long)v);
    } else {
        buf_printf(out, ",%d:%a", VALUE_REAL, v);
    }
}

static void tell_cjson_row(struct buf *out, size_t result, const cJSON *row)
{
    const cJSON *cell;
    assert(cJSON_IsArray(row));
    buf_printf(out, "\n%zu", result);
    cJSON_ArrayForEach(cell, row)
    {
        tell_cjson_cell(out, cell);
    }
}

/* Empties the lists of rows that are at the depth of the gateway's protocol, and tells them. */
static void take_rows(struct buf *out, cJSON *root)
{
    cJSON *list, *item, *member;
    cJSON_ArrayForEach(list, root)
    {
        size_t result = 0;
        if (!cJSON_IsArray(list))
            continue;
        cJSON_ArrayForEach(item, list)
        {
            if (cJSON_IsObject(item)) {
                cJSON_ArrayForEach(member, item)
                {
                    while (cJSON_IsArray(member) && strcmp(member->string, "rows") == 0 && member->child) {
                        cJSON *row = cJSON_DetachItemFromArray(member, 0);
                        tell_cjson_row(out, result, row);
                        cJSON_Delete(row);
                    }
                }
            }
            result += cJSON_IsObject(item) || cJSON_IsArray(item);
        }
    }
}

/* cJSON_Compare() cannot compare objects that have a key twice. */
static bool is_same(const cJSON *a, const cJSON *b)
{
    char *x = cJSON_PrintUnformatted(a), *y = cJSON_PrintUnformatted(b);
    bool same = x && y && strcmp(x, y) == 0;
    cJSON_free(x);
    cJSON_free(y);
    return same;
}

static void compare(const uint8_t *data, size_t size, struct json_rows *j, const struct buf *ours)
{
    cJSON *root = cJSON_ParseWithLength((const char *)data, size);
    struct str frame = json_rows_frame(j);
    cJSON *frame_root = frame.p ? cJSON_ParseWithLength(frame.p, frame.n) : NULL;
    if (root && cJSON_IsObject(root)) {
        struct buf theirs;
        buf_init(&theirs, 8 * MAX_BYTES);
        take_rows(&theirs, root);
        assert(str_eq(buf_str(ours), buf_str(&theirs)));
        assert(frame_root && is_same(root, frame_root));
        buf_fini(&theirs);
    }
    cJSON_Delete(root);
    cJSON_Delete(frame_root);
}

/* Escapes of which cJSON makes something else: \u0000 ends its text, and a key "rows" may be written with escapes. */
static bool is_comparable(const uint8_t *data, size_t size)
{
    return !memmem(data, size, "\\u", 2) && !memchr(data, 0, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > MAX_BYTES / 2)
        return 0;
    struct json_rows whole, stepped;
    struct buf a, b;
    buf_init(&a, 8 * MAX_BYTES);
    buf_init(&b, 8 * MAX_BYTES);
    bool good = read_rows(data, size, size ? size : 1, &whole, &a);
    bool same = read_rows(data, size, 1, &stepped, &b);
    assert(good == same && str_eq(buf_str(&a), buf_str(&b)));
    assert(whole.fault == stepped.fault);
    if (good && is_comparable(data, size))
        compare(data, size, &whole, &a);
    json_rows_fini(&whole);
    json_rows_fini(&stepped);
    buf_fini(&a);
    buf_fini(&b);
    return 0;
}
