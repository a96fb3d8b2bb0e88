/*
 * bench_planner.c - how long a statement's translation takes: parsed and planned anew, and found in the plan cache.
 *
 *   bench_planner SCHEMA.sql FILE…
 *
 * A FILE holds PostgreSQL statements up to its end or to a line "----", so golden files serve as they are. Each statement is taken
 * ROUNDS times both ways and its median counts. Prints the median and the 90th percentile over all statements and the slowest ones,
 * in microseconds. Statements that are refused are timed too; those that cannot be cached are left out of the second figure.
 * For figures that mean something build it optimised: cmake --preset release -B build/bench -DPGD1_TESTS=ON.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "proxy/sql/plan_cache.h"
#include "tests/golden/engine.h"

enum { ROUNDS = 51, SLOWEST = 8, MAX_STATEMENTS = 100000 };

struct timing {
    struct str text;
    double fresh_us, cached_us; /* medians; cached_us is negative when the cache does not take it */
};

struct bench {
    struct engine *engine;
    struct plan_cache *cache;
    struct arena *arena; /* texts */
    struct timing *timings;
    size_t n;
};

static struct str read_file(const char *path, struct arena *arena)
{
    FILE *f = fopen(path, "rb");
    struct buf b;
    char part[65536];
    buf_init(&b, 64 << 20);
    for (size_t n; f && (n = fread(part, 1, sizeof(part), f)) > 0;)
        buf_add(&b, part, n);
    if (!f || ferror(f) || b.failed) {
        fprintf(stderr, "bench_planner: %s cannot be read\n", path);
        exit(2);
    }
    fclose(f);
    struct str text = arena_str(arena, buf_str(&b));
    buf_fini(&b);
    for (size_t i = 0; i + 5 < text.n; i++)
        if (memcmp(text.p + i, "\n----", 5) == 0)
            text.n = i;
    return text;
}

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static double median(double *times, size_t n)
{
    qsort(times, n, sizeof(*times), compare_doubles);
    return times[n / 2];
}

static double time_fresh(struct bench *b, struct str text)
{
    double times[ROUNDS];
    for (size_t i = 0; i < ROUNDS; i++) {
        AUTO(arena) arena = arena_new(64 << 20);
        struct err err;
        struct plan *plan = NULL;
        err_init(&err, arena);
        double start = now_us();
        engine_plan(b->engine, text, NULL, 0, &plan, &err);
        times[i] = now_us() - start;
        plan_unref(plan);
    }
    return median(times, ROUNDS);
}

static void remember(struct bench *b, struct str text)
{
    AUTO(arena) arena = arena_new(64 << 20);
    struct err err;
    struct plan *plan = NULL;
    err_init(&err, arena);
    if (engine_plan(b->engine, text, NULL, 0, &plan, &err))
        plan_cache_put(b->cache, text, engine_snapshot(b->engine), engine_settings(b->engine), NULL, 0, plan, arena);
    plan_unref(plan);
}

static double time_cached(struct bench *b, struct str text)
{
    double times[ROUNDS];
    remember(b, text);
    AUTO(arena) arena = arena_new(64 << 20);
    for (size_t i = 0; i < ROUNDS; i++) {
        struct planned found;
        double start = now_us();
        bool hit = plan_cache_get(b->cache, text, engine_snapshot(b->engine), engine_settings(b->engine), NULL, 0,
                                  arena, &found);
        times[i] = now_us() - start;
        if (!hit)
            return -1;
        plan_unref(found.plan);
        arena_reset(arena);
    }
    return median(times, ROUNDS);
}

static void time_file(struct bench *b, const char *path)
{
    struct sql_list list;
    struct err err;
    err_init(&err, b->arena);
    struct str text = read_file(path, b->arena);
    if (!sql_parse(text, 64 << 20, b->arena, &list, &err)) /* a syntax error is what the file is about */
        return;
    for (size_t i = 0; i < list.n && b->n < MAX_STATEMENTS; i++) {
        struct str one = list.statements[i].text;
        if (!list.statements[i].is_empty)
            b->timings[b->n++] = (struct timing){ one, time_fresh(b, one), time_cached(b, one) };
    }
}

static bool load_schema(struct bench *b, const char *path)
{
    struct sql_list list;
    struct err err;
    err_init(&err, b->arena);
    if (!sql_parse(read_file(path, b->arena), 64 << 20, b->arena, &list, &err))
        return false;
    for (size_t i = 0; i < list.n; i++) {
        struct engine_result r = { 0 };
        struct plan *plan = NULL;
        buf_init(&r.rows, 1 << 20);
        bool ok =
            list.statements[i].is_empty || engine_run(b->engine, list.statements[i].text, NULL, 0, &r, &plan, &err);
        plan_unref(plan);
        buf_fini(&r.rows);
        if (!ok)
            return false;
    }
    return true;
}

static int compare_fresh(const void *a, const void *b)
{
    return -compare_doubles(&((const struct timing *)a)->fresh_us, &((const struct timing *)b)->fresh_us);
}

static void print_figure(const char *name, double *times, size_t n)
{
    if (n == 0)
        return;
    double middle = median(times, n);
    printf("%-8s %zu statements  median %.1f us  90th percentile %.1f us\n", name, n, middle, times[n * 9 / 10]);
}

static void print_all(struct bench *b)
{
    double *times = calloc(b->n + 1, sizeof(*times));
    size_t n_cached = 0;
    if (!times)
        return;
    for (size_t i = 0; i < b->n; i++)
        times[i] = b->timings[i].fresh_us;
    print_figure("planned", times, b->n);
    for (size_t i = 0; i < b->n; i++)
        if (b->timings[i].cached_us >= 0)
            times[n_cached++] = b->timings[i].cached_us;
    print_figure("cached", times, n_cached);
    free(times);
    qsort(b->timings, b->n, sizeof(*b->timings), compare_fresh);
    for (size_t i = 0; i < b->n && i < SLOWEST; i++)
        printf("%8.1f us  %.*s\n", b->timings[i].fresh_us,
               (int)(b->timings[i].text.n < 100 ? b->timings[i].text.n : 100), b->timings[i].text.p);
}

int main(int argc, char **argv)
{
    AUTO(arena) arena = arena_new((size_t)1 << 30);
    struct bench b = { .arena = arena,
                       .cache = plan_cache_new(MAX_STATEMENTS),
                       .timings = calloc(MAX_STATEMENTS, sizeof(*b.timings)) };
    struct engine_options options = { .native_values = true };
    struct err err;
    err_init(&err, arena);
    b.engine = engine_new(&options, &err);
    if (argc < 3 || !b.cache || !b.timings || !b.engine || !load_schema(&b, argv[1])) {
        fprintf(stderr, "usage: bench_planner SCHEMA.sql FILE…\n");
        return 2;
    }
    for (int i = 2; i < argc; i++)
        time_file(&b, argv[i]);
    print_all(&b);
    plan_cache_free(b.cache);
    engine_free(b.engine);
    free(b.timings);
    return 0;
}
