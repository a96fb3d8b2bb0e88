/* schemas.c - see schemas.h. */
#include "proxy/schemas.h"

#include <stdlib.h>
#include "proxy/base/fault.h"

void schemas_init(struct schemas *s)
{
    pthread_mutex_init(&s->lock, NULL);
    map_init(&s->by_name);
}

static void schema_free(struct schema *s)
{
    snapshot_unref(s->snapshot);
    pthread_mutex_destroy(&s->lock);
    reservations_fini(&s->reservations);
    free(s->name);
    free(s);
}

void schemas_fini(struct schemas *s)
{
    struct str key;
    void *value;
    size_t at = 0;
    while (map_next(&s->by_name, &at, &key, &value))
        schema_free(value);
    map_fini(&s->by_name);
    pthread_mutex_destroy(&s->lock);
}

static struct schema *schema_new(struct str name)
{
    struct schema *s = fault_calloc(1, sizeof(*s));
    char *copy = fault_malloc(name.n + 1);
    if (!s || !copy) {
        free(s);
        free(copy);
        return NULL;
    }
    memcpy(copy, name.p, name.n);
    copy[name.n] = 0;
    s->name = copy;
    pthread_mutex_init(&s->lock, NULL);
    reservations_init(&s->reservations);
    return s;
}

struct schema *schemas_get(struct schemas *s, struct str name)
{
    pthread_mutex_lock(&s->lock);
    struct schema *found = map_get(&s->by_name, name);
    if (!found) {
        found = schema_new(name);
        if (found && !map_set(&s->by_name, str_from(found->name), found)) {
            schema_free(found);
            found = NULL;
        }
    }
    pthread_mutex_unlock(&s->lock);
    return found;
}

struct snapshot *schema_current(struct schema *s, uint64_t *ret_read_us, uint64_t *ret_generation)
{
    pthread_mutex_lock(&s->lock);
    struct snapshot *snapshot = s->snapshot && !s->suspect ? snapshot_ref(s->snapshot) : NULL;
    *ret_read_us = s->read_us;
    *ret_generation = atomic_load_explicit(&s->generation, memory_order_relaxed);
    pthread_mutex_unlock(&s->lock);
    return snapshot;
}

void schema_publish(struct schema *s, struct snapshot *snapshot, uint64_t read_us, uint64_t seen, bool is_change)
{
    struct snapshot *old = NULL;
    pthread_mutex_lock(&s->lock);
    bool crossed = s->changed > seen, differs = !s->snapshot || s->snapshot->version != snapshot->version;
    /* A plain read that began before a change was published may be older than that change: it must not replace it. */
    if (!crossed || is_change) {
        old = s->snapshot;
        s->snapshot = snapshot_ref(snapshot);
        s->read_us = read_us;
        s->suspect = crossed;
        uint64_t now = atomic_fetch_add_explicit(&s->generation, 1, memory_order_release) + 1;
        if (is_change || differs)
            s->changed = now;
    }
    pthread_mutex_unlock(&s->lock);
    snapshot_unref(old);
}

void schema_suspect(struct schema *s)
{
    pthread_mutex_lock(&s->lock);
    s->suspect = true;
    s->changed = atomic_fetch_add_explicit(&s->generation, 1, memory_order_release) + 1;
    pthread_mutex_unlock(&s->lock);
}

void schema_restored(struct schema *s)
{
    atomic_fetch_add_explicit(&s->restores, 1, memory_order_release);
    reservations_forget(&s->reservations);
    schema_suspect(s);
}

void schema_saw_bookmark(struct schema *s, struct str bookmark)
{
    if (bookmark.n == 0 || bookmark.n > BOOKMARK_MAX)
        return;
    pthread_mutex_lock(&s->lock);
    struct str known = { s->bookmark, s->bookmark_length };
    if (known.n == 0 || str_cmp(bookmark, known) > 0) {
        memcpy(s->bookmark, bookmark.p, bookmark.n);
        s->bookmark_length = bookmark.n;
    }
    pthread_mutex_unlock(&s->lock);
}

struct str schema_bookmark(struct schema *s, struct arena *arena)
{
    pthread_mutex_lock(&s->lock);
    struct str copy =
        s->bookmark_length ? arena_str(arena, (struct str){ s->bookmark, s->bookmark_length }) : (struct str){ 0 };
    pthread_mutex_unlock(&s->lock);
    return copy;
}
