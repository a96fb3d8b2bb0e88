/*
 * function_driver.c - runs PostgreSQL statements in process for the differential tests of functions: one statement a line on
 * stdin as hexadecimal, one answer a line on stdout.
 *
 *   function_driver [ZONE]
 *
 * Answers: "ok ROWS TYPES" (hexadecimal; cells separated by '|', rows ended by a line feed, NULL empty; the columns' type OIDs
 * with commas) or "error SQLSTATE MESSAGE
 * DETAIL HINT"; "-" is the empty text.
 */
#include "tests/golden/engine.h"

enum { ARENA_CAP = 1 << 28, LINE_CAP = 1 << 24 };

static struct str unhex(struct arena *arena, const char *line, size_t n)
{
    char *p = arena_alloc(arena, n / 2 + 1);
    for (size_t i = 0; p && i < n / 2; i++)
        p[i] = (char)(hex_digit(line[2 * i]) << 4 | hex_digit(line[2 * i + 1]));
    return (struct str){ p, n / 2 };
}

static void put_hex(struct str s)
{
    static const char digits[] = "0123456789abcdef";
    putchar(' ');
    if (s.n == 0)
        putchar('-');
    for (size_t i = 0; i < s.n; i++) {
        putchar(digits[(unsigned char)s.p[i] >> 4]);
        putchar(digits[(unsigned char)s.p[i] & 15]);
    }
}

static void put_types(const struct plan *plan)
{
    putchar(' ');
    for (size_t i = 0; plan && i < plan->n_columns; i++)
        printf("%s%u", i ? "," : "", plan->columns[i].type);
}

static void answer(struct engine *e, struct str sql, struct arena *arena)
{
    struct engine_result result = { 0 };
    struct plan *plan = NULL;
    struct err err;
    err_init(&err, arena);
    buf_init(&result.rows, LINE_CAP);
    if (engine_run(e, sql, NULL, 0, &result, &plan, &err)) {
        printf("ok");
        put_hex(buf_str(&result.rows));
        put_types(plan);
    } else {
        printf("error %s", sqlstate_code(err.code));
        put_hex(err.message);
        put_hex(err.detail);
        put_hex(err.hint);
    }
    putchar('\n');
    fflush(stdout);
    plan_unref(plan);
    buf_fini(&result.rows);
}

int main(int argc, char **argv)
{
    AUTO(arena) arena = arena_new(ARENA_CAP);
    struct err err;
    char *line = NULL;
    size_t size = 0;
    ssize_t n;
    err_init(&err, arena);
    const struct engine_options options = { .native_values = true,
                                            .time_zone = argc > 1 ? str_from(argv[1]) : STR("") };
    struct engine *e = engine_new(&options, &err);
    if (!e) {
        fprintf(stderr, "%.*s\n", STR_FMT(err.message));
        return 1;
    }
    while ((n = getline(&line, &size, stdin)) > 0) {
        n -= line[n - 1] == '\n';
        answer(e, unhex(arena, line, (size_t)n), arena);
        arena_reset(arena);
    }
    free(line);
    engine_free(e);
    return 0;
}
