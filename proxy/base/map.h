/*
 * map.h - a hash table from bytes to a pointer.
 *
 * Owns     its slots; not the keys, not the values: keep the key bytes alive as long as the entry (they usually live in the value).
 * Fails    map_set answers false when there is no memory; the table is unchanged.
 * Not here eviction or expiry: caches build that on top (proxy/sql/plan_cache.h).
 */
#ifndef PGD1_BASE_MAP_H
#define PGD1_BASE_MAP_H

#include "proxy/base/str.h"

struct map_slot {
    struct str key;
    uint64_t hash;
    void *value;
};

struct map {
    struct map_slot *slots; /* linear probing; key.p NULL: free */
    size_t size, n;
};

void map_init(struct map *m);
void map_fini(struct map *m);
void *map_get(const struct map *m, struct str key);       /* NULL: absent */
bool map_set(struct map *m, struct str key, void *value); /* value not NULL; replaces */
void *map_remove(struct map *m, struct str key);          /* the value that was there, or NULL */
/* Walks every entry in no order: start with *at = 0; false at the end. The table must not change meanwhile. */
bool map_next(const struct map *m, size_t *at, struct str *ret_key, void **ret_value);

#endif
