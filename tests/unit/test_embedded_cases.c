/* LINK pgd1_d1 pgd1_base */
/*
 * test_embedded_cases.c - tests/embedded_cases/ (see the README there) on the embedded transport.
 *
 *   test_embedded_cases                    checks every case
 *   test_embedded_cases --record FILE      prints FILE with the answers of this build, for review
 */
#include "tests/unit/test_embedded.h"

#include <cjson/cJSON.h>
#include <dirent.h>

enum { STATEMENTS_MAX = 64, PARAMS_MAX = 128, FILE_MAX = 8 << 20 };

struct batch {
    struct d1_statement statements[STATEMENTS_MAX];
    struct value params[STATEMENTS_MAX][PARAMS_MAX];
    size_t n;
};

static const cJSON *member(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

static struct str hex_bytes(struct arena *arena, const char *hex)
{
    size_t n = strlen(hex) / 2;
    char *p = arena_alloc(arena, n);
    for (size_t i = 0; p && i < n; i++) {
        char pair[3] = { hex[2 * i], hex[2 * i + 1], '\0' };
        p[i] = (char)strtoul(pair, NULL, 16);
    }
    return (struct str){ p, n };
}

static struct value param_value(struct arena *arena, const cJSON *item)
{
    if (cJSON_IsNull(item))
        return value_null();
    const char *text = item->valuestring;
    switch (text[0]) {
    case 'i':
        return value_integer(strtoll(text + 1, NULL, 10));
    case 'r':
        return value_real(strtod(text + 1, NULL));
    case 't':
        return value_text(str_from(text + 1));
    case 'b':
        return value_blob(hex_bytes(arena, text + 1));
    }
    fail_msg("a parameter starts with i, r, t or b: %s", text);
    return value_null();
}

/* {"sql": "…{a*3}…"}: text in braces with *N is repeated N times, so that limits fit on a line. */
static struct str expand(struct arena *arena, const char *sql)
{
    struct buf out;
    buf_init(&out, 4 << 20);
    for (const char *p = sql; *p; p++) {
        const char *star = *p == '{' ? strchr(p, '*') : NULL, *end = star ? strchr(star, '}') : NULL;
        char *after;
        unsigned long times = end ? strtoul(star + 1, &after, 10) : 0;
        if (!end || after != end || times == 0) {
            buf_add_char(&out, *p);
            continue;
        }
        while (times--)
            buf_add(&out, p + 1, (size_t)(star - p - 1));
        p = end;
    }
    struct str s = arena_str(arena, buf_str(&out));
    buf_fini(&out);
    return s;
}

static void read_batch(struct arena *arena, const cJSON *list, struct batch *b)
{
    const cJSON *item, *param;
    b->n = 0;
    cJSON_ArrayForEach(item, list)
    {
        assert_true(b->n < STATEMENTS_MAX);
        struct d1_statement *s = &b->statements[b->n];
        *s = (struct d1_statement){ .sql = expand(arena, member(item, "sql")->valuestring), .params = b->params[b->n] };
        s->wants_changes = cJSON_IsTrue(member(item, "changes"));
        cJSON_ArrayForEach(param, member(item, "params")) b->params[b->n][s->n_params++] = param_value(arena, param);
        b->n++;
    }
}

static cJSON *cell_json(const struct value *v)
{
    if (v->class == VALUE_NULL)
        return cJSON_CreateNull();
    struct buf text;
    buf_init(&text, 16 << 20);
    write_cell(&text, v);
    buf_add_char(&text, '\0');
    cJSON *cell = cJSON_CreateString(text.p);
    buf_fini(&text);
    return cell;
}

static enum d1_flow record_row(struct d1_request *r, size_t statement, const struct value *cells, size_t n_cells)
{
    struct answer *a = r->user;
    cJSON *results = a->extra;
    cJSON *row = cJSON_CreateArray();
    for (size_t i = 0; i < n_cells; i++)
        cJSON_AddItemToArray(row, cell_json(&cells[i]));
    cJSON_AddItemToArray(cJSON_GetObjectItemCaseSensitive(cJSON_GetArrayItem(results, (int)statement), "rows"), row);
    return D1_CONTINUE;
}

static void record_done(struct d1_request *r)
{
    struct answer *a = r->user;
    a->n_done++;
    a->ok = r->error.kind == D1_OK;
}

static cJSON *empty_results(const struct batch *b)
{
    cJSON *results = cJSON_CreateArray();
    for (size_t i = 0; i < b->n; i++) {
        cJSON *one = cJSON_CreateObject();
        cJSON_AddItemToObject(one, "rows", cJSON_CreateArray());
        cJSON_AddItemToArray(results, one);
    }
    return results;
}

/* {"results": [{"rows": [[cell…]…], "changes": n}…]} or {"error": text}. */
static cJSON *run_batch(struct database *db, enum d1_access access, const struct batch *b)
{
    cJSON *want = cJSON_CreateObject(), *results = empty_results(b);
    struct answer a;
    answer_init(&a, db, access, b->statements, b->n);
    a.request.on_row = record_row;
    a.request.done = record_done;
    a.extra = results;
    answer_submit(&a);
    answer_wait(&a);
    if (!a.ok) {
        struct buf text;
        buf_init(&text, 16 << 20);
        buf_add_str(&text, a.request.error.message);
        buf_add_char(&text, '\0');
        cJSON_AddStringToObject(want, "error", text.p);
        buf_fini(&text);
        cJSON_Delete(results);
        return want;
    }
    for (size_t i = 0; i < b->n; i++)
        if (b->statements[i].wants_changes)
            cJSON_AddNumberToObject(cJSON_GetArrayItem(results, (int)i), "changes",
                                    (double)a.request.results[i].changes);
    cJSON_AddItemToObject(want, "results", results);
    return want;
}

static enum d1_access access_of(const cJSON *c)
{
    const cJSON *access = member(c, "access");
    return access && strcmp(access->valuestring, "read") == 0 ? D1_READ : D1_WRITE;
}

/* Each case on its own database: "before", one batch per statement, then "batch", then "after" in another batch. */
static cJSON *run_case(const cJSON *c)
{
    struct database db;
    database_init(&db, NULL);
    static struct batch b;
    const cJSON *item;
    cJSON_ArrayForEach(item, member(c, "before"))
        must_write(&db, arena_cstr(db.arena, expand(db.arena, item->valuestring)));
    read_batch(db.arena, member(c, "batch"), &b);
    cJSON *want = run_batch(&db, access_of(c), &b);
    if (member(c, "after")) {
        read_batch(db.arena, member(c, "after"), &b);
        cJSON_AddItemToObject(want, "after", run_batch(&db, D1_WRITE, &b));
    }
    database_fini(&db);
    return want;
}

static cJSON *without_text(const char *line)
{
    return line[0] == '{' ? cJSON_Parse(line) : NULL;
}

static void check_line(const char *file, const char *line, size_t *n)
{
    cJSON *c = without_text(line);
    if (!c)
        return;
    cJSON *got = run_case(c);
    char *text = cJSON_PrintUnformatted(got), *want = cJSON_PrintUnformatted(member(c, "want"));
    if (!text || !want || strcmp(text, want) != 0)
        fail_msg("%s, %s:\n got %s\nwant %s", file, member(c, "name")->valuestring, text, want ? want : "nothing");
    free(text);
    free(want);
    cJSON_Delete(got);
    cJSON_Delete(c);
    ++*n;
}

static void record_line(const char *line)
{
    cJSON *c = without_text(line);
    if (!c) {
        printf("%s\n", line);
        return;
    }
    cJSON_DeleteItemFromObjectCaseSensitive(c, "want");
    cJSON_AddItemToObject(c, "want", run_case(c));
    char *text = cJSON_PrintUnformatted(c);
    printf("%s\n", text);
    free(text);
    cJSON_Delete(c);
}

static char *read_file(const char *path)
{
    FILE *f = fopen(path, "r");
    if (!f)
        fail_msg("cannot read %s", path);
    char *text = calloc(1, FILE_MAX);
    assert_non_null(text);
    size_t n = fread(text, 1, FILE_MAX - 1, f);
    assert_true(n < FILE_MAX - 1);
    fclose(f);
    return text;
}

static void each_line(const char *path, const char *name, size_t *n)
{
    char *text = read_file(path);
    for (char *line = text, *end; *line; line = end + 1) {
        end = strchr(line, '\n');
        if (!end)
            fail_msg("%s does not end with a line break", path);
        *end = '\0';
        if (name)
            check_line(name, line, n);
        else
            record_line(line);
    }
    free(text);
}

static void cases_answer_as_recorded(void **state)
{
    (void)state;
    DIR *folder = opendir("tests/embedded_cases");
    assert_non_null(folder);
    size_t n = 0;
    for (struct dirent *entry; (entry = readdir(folder));) {
        if (!str_ends(str_from(entry->d_name), STR(".jsonl")))
            continue;
        char path[512];
        snprintf(path, sizeof(path), "tests/embedded_cases/%s", entry->d_name);
        each_line(path, entry->d_name, &n);
    }
    closedir(folder);
    print_message("%zu cases\n", n);
    assert_true(n >= 150);
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--record") == 0) {
        each_line(argv[2], NULL, NULL);
        return 0;
    }
    const struct CMUnitTest tests[] = { cmocka_unit_test(cases_answer_as_recorded) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
