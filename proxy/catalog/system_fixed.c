/* system_fixed.c - rows that every PostgreSQL 15 has, from facts_row.def: parsed once per relation and kept; see system_rows.h. */
#include "proxy/catalog/system_rows.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include "pgwire/types.h"

enum { FIXED_ARENA_CAP = 256 << 20 };

/* clang-format off */
static const char *const texts[] = {
#define SYSTEM_ROW(text) text,
#include "proxy/catalog/facts_row.def"
#undef SYSTEM_ROW
};

static const struct {
    const char *relation;
    size_t first, n;
} spans[] = {
#define SYSTEM_ROWS(relation, first, n) { relation, first, n },
#include "proxy/catalog/facts_rows.def"
#undef SYSTEM_ROWS
};
/* clang-format on */

enum { N_SPANS = sizeof(spans) / sizeof(spans[0]) };
static _Atomic(struct value **) parsed[N_SPANS];
static struct arena *memory;
static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;

static struct value cell(oid_t type, struct str text)
{
    const struct type_info *info = type_find(type);
    int64_t n = 0;
    if (str_is(text, "\036"))
        return value_null();
    if (!info || (info->storage != STORAGE_INTEGER && info->storage != STORAGE_REAL))
        return value_text(text);
    str_to_int64(text, &n); /* the reals are whole numbers too: -1 */
    return info->storage == STORAGE_INTEGER ? value_integer(n) : value_real((double)n);
}

static void parse_row(const struct relation *r, struct str text, struct value *cells)
{
    for (size_t i = 0; i < r->n_columns; i++) {
        const char *end = memchr(text.p, '\037', text.n);
        size_t n = end ? (size_t)(end - text.p) : text.n;
        cells[i] = cell(r->columns[i].type, (struct str){ text.p, n });
        text = end ? (struct str){ end + 1, text.n - n - 1 } : (struct str){ text.p + n, 0 };
    }
}

static struct value **parse_span(const struct relation *r, size_t span)
{
    if (!memory && !(memory = arena_new(FIXED_ARENA_CAP)))
        return NULL;
    struct value **rows = ARENA_ARRAY(memory, struct value *, spans[span].n + 1);
    struct value *cells = ARENA_ARRAY(memory, struct value, spans[span].n * r->n_columns + 1);
    if (!rows || !cells)
        return NULL;
    for (size_t i = 0; i < spans[span].n; i++) {
        rows[i] = cells + i * r->n_columns;
        parse_row(r, str_from(texts[spans[span].first + i]), rows[i]);
    }
    return rows;
}

bool fixed_rows(const struct relation *r, struct value ***ret, size_t *ret_n)
{
    for (size_t i = 0; i < N_SPANS; i++) {
        if (!str_is(r->sqlite_name, spans[i].relation)) /* the bare name in pg_catalog, else schema.name */
            continue;
        struct value **rows = atomic_load_explicit(&parsed[i], memory_order_acquire);
        if (!rows) {
            pthread_mutex_lock(&guard);
            rows = atomic_load_explicit(&parsed[i], memory_order_relaxed);
            if (!rows && (rows = parse_span(r, i)))
                atomic_store_explicit(&parsed[i], rows, memory_order_release);
            pthread_mutex_unlock(&guard);
        }
        *ret = rows;
        *ret_n = rows ? spans[i].n : 0;
        return true;
    }
    return false;
}

const struct value *fixed_row(const char *relation, oid_t oid)
{
    struct value **rows;
    size_t n = 0;
    const struct relation *r = system_relation(STR("pg_catalog"), str_from(relation));
    if (!r || !fixed_rows(r, &rows, &n))
        return NULL;
    for (size_t i = 0; i < n; i++)
        if (rows[i][0].class == VALUE_INTEGER && rows[i][0].integer == oid)
            return rows[i];
    return NULL;
}
