/* statement_table.c - see statement_table.h. Entries in an array, chained by hash; places of entries that went are free again. */
#include "proxy/statement_table.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include "proxy/base/fault.h"

enum { NOWHERE = UINT32_MAX, EVICTED_SHARE = 20 };

#define FADING 0.99

struct entry {
    _Atomic uint32_t generation; /* changes when the place is given to another */
    uint32_t next;               /* in the chain of its hash, or of free places */
    bool used;
    struct statement_id id;
    char *text;
    size_t n_text;
    double use;
    struct statement_numbers numbers;
};

struct statement_table {
    pthread_mutex_t lock;
    struct entry *entries;
    uint32_t *heads; /* mask + 1 */
    size_t mask, max, n;
    uint32_t free;
};

struct statement_table *statement_table_new(size_t max_entries)
{
    struct statement_table *t = fault_calloc(1, sizeof(*t));
    if (!t)
        return NULL;
    pthread_mutex_init(&t->lock, NULL);
    t->max = max_entries;
    for (t->mask = 15; t->mask < max_entries; t->mask = t->mask * 2 + 1)
        ;
    t->entries = fault_calloc(max_entries + 1, sizeof(*t->entries));
    t->heads = fault_malloc((t->mask + 1) * sizeof(*t->heads));
    if (!t->entries || !t->heads) {
        statement_table_free(t);
        return NULL;
    }
    memset(t->heads, 0xff, (t->mask + 1) * sizeof(*t->heads));
    t->free = NOWHERE;
    for (size_t i = max_entries; i-- > 0;) {
        atomic_init(&t->entries[i].generation, 1);
        t->entries[i].next = t->free;
        t->free = (uint32_t)i;
    }
    return t;
}

void statement_table_free(struct statement_table *t)
{
    if (!t)
        return;
    for (size_t i = 0; t->entries && i < t->max; i++)
        free(t->entries[i].text);
    pthread_mutex_destroy(&t->lock);
    free(t->entries);
    free(t->heads);
    free(t);
}

static uint32_t *head_of(struct statement_table *t, const struct statement_id *id)
{
    uint64_t hash = (uint64_t)id->query * 0x9e3779b97f4a7c15u ^ id->user ^ ((uint64_t)id->database << 20);
    return &t->heads[(hash ^ hash >> 32) & t->mask];
}

static bool same(const struct statement_id *a, const struct statement_id *b)
{
    return a->query == b->query && a->user == b->user && a->database == b->database;
}

bool statement_table_holds(const struct statement_table *t, struct statement_slot slot)
{
    return slot.generation && slot.at < t->max &&
           atomic_load_explicit(&t->entries[slot.at].generation, memory_order_relaxed) == slot.generation;
}

static struct statement_slot slot_of(struct statement_table *t, uint32_t at)
{
    return (struct statement_slot){ at, atomic_load_explicit(&t->entries[at].generation, memory_order_relaxed) };
}

static struct statement_slot find(struct statement_table *t, const struct statement_id *id)
{
    for (uint32_t at = *head_of(t, id); at != NOWHERE; at = t->entries[at].next)
        if (same(&t->entries[at].id, id))
            return slot_of(t, at);
    return (struct statement_slot){ 0 };
}

struct statement_slot statement_table_find(struct statement_table *t, const struct statement_id *id)
{
    pthread_mutex_lock(&t->lock);
    struct statement_slot slot = find(t, id);
    pthread_mutex_unlock(&t->lock);
    return slot;
}

/* ---- making place ---- */

static void drop(struct statement_table *t, uint32_t at)
{
    struct entry *e = &t->entries[at];
    uint32_t *link = head_of(t, &e->id);
    while (*link != at)
        link = &t->entries[*link].next;
    *link = e->next;
    free(e->text);
    uint32_t generation = atomic_load_explicit(&e->generation, memory_order_relaxed) + 1;
    e->text = NULL;
    e->n_text = 0;
    e->used = false;
    e->use = 0;
    e->numbers = (struct statement_numbers){ 0 };
    atomic_store_explicit(&e->generation, generation ? generation : 1, memory_order_relaxed);
    e->next = t->free;
    t->free = at;
    t->n--;
}

static int by_use(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* All used, and those used least go: up to the use of the last of a twentieth. */
static size_t evict(struct statement_table *t)
{
    double *uses = fault_malloc(t->max * sizeof(*uses));
    size_t wanted = t->max / EVICTED_SHARE + 1, dropped = 0;
    if (!uses)
        return 0;
    for (size_t i = 0; i < t->max; i++) {
        t->entries[i].use *= FADING;
        uses[i] = t->entries[i].use;
    }
    qsort(uses, t->max, sizeof(*uses), by_use);
    double limit = uses[wanted - 1];
    free(uses);
    for (uint32_t i = 0; i < t->max && dropped < wanted; i++)
        if (t->entries[i].use <= limit) {
            drop(t, i);
            dropped++;
        }
    return dropped;
}

struct statement_slot statement_table_add(struct statement_table *t, const struct statement_id *id, struct str text,
                                          size_t *ret_evicted)
{
    struct statement_slot slot = { 0 };
    *ret_evicted = 0;
    if (t->max == 0)
        return slot;
    char *copy = fault_malloc(text.n + 1);
    if (!copy)
        return slot;
    memcpy(copy, text.p, text.n);
    pthread_mutex_lock(&t->lock);
    if (t->free == NOWHERE)
        *ret_evicted = evict(t);
    uint32_t at = t->free;
    if (at != NOWHERE) {
        struct entry *e = &t->entries[at];
        uint32_t *head = head_of(t, id);
        t->free = e->next;
        e->id = *id;
        e->text = copy;
        e->n_text = text.n;
        e->used = true;
        e->next = *head;
        *head = at;
        t->n++;
        copy = NULL;
        slot = slot_of(t, at);
    }
    pthread_mutex_unlock(&t->lock);
    free(copy);
    return slot;
}

/* ---- numbers ---- */

void statement_numbers_add(struct statement_numbers *to, const struct statement_numbers *more)
{
    double a = (double)to->calls, b = (double)more->calls, delta = more->mean - to->mean;
    if (more->calls == 0)
        return;
    to->least = to->calls == 0 || more->least < to->least ? more->least : to->least;
    to->most = more->most > to->most ? more->most : to->most;
    to->squares += more->squares + delta * delta * a * b / (a + b);
    to->mean += delta * b / (a + b);
    to->calls += more->calls;
    to->rows += more->rows;
    to->total += more->total;
    to->finished_locally += more->finished_locally;
    to->round_trips += more->round_trips;
    to->rows_read += more->rows_read;
    to->rows_written += more->rows_written;
}

void statement_table_count(struct statement_table *t, struct statement_slot slot,
                           const struct statement_numbers *numbers)
{
    pthread_mutex_lock(&t->lock);
    if (statement_table_holds(t, slot)) {
        struct entry *e = &t->entries[slot.at];
        e->use += 1;
        statement_numbers_add(&e->numbers, numbers);
    }
    pthread_mutex_unlock(&t->lock);
}

bool statement_table_each(struct statement_table *t,
                          bool (*each)(void *ctx, const struct statement_id *id, struct str text,
                                       const struct statement_numbers *numbers),
                          void *ctx)
{
    bool ok = true;
    pthread_mutex_lock(&t->lock);
    for (size_t i = 0; ok && i < t->max; i++) {
        const struct entry *e = &t->entries[i];
        if (e->used && e->numbers.calls)
            ok = each(ctx, &e->id, (struct str){ e->text, e->n_text }, &e->numbers);
    }
    pthread_mutex_unlock(&t->lock);
    return ok;
}

size_t statement_table_entries(struct statement_table *t)
{
    pthread_mutex_lock(&t->lock);
    size_t n = t->n;
    pthread_mutex_unlock(&t->lock);
    return n;
}

void statement_table_reset(struct statement_table *t, const struct statement_id *which)
{
    pthread_mutex_lock(&t->lock);
    for (uint32_t i = 0; i < t->max; i++) {
        const struct statement_id *id = &t->entries[i].id;
        if (t->entries[i].used && (!which->user || id->user == which->user) &&
            (!which->database || id->database == which->database) && (!which->query || id->query == which->query))
            drop(t, i);
    }
    pthread_mutex_unlock(&t->lock);
}
