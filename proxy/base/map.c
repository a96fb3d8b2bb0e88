/* map.c - open addressing with backward-shift deletion; see map.h. */
#include "proxy/base/map.h"

#include <stdlib.h>
#include "proxy/base/fault.h"

void map_init(struct map *m)
{
    *m = (struct map){ 0 };
}

void map_fini(struct map *m)
{
    free(m->slots);
    map_init(m);
}

static size_t slot_of(const struct map *m, struct str key, uint64_t hash)
{
    size_t i = (size_t)hash & (m->size - 1);
    while (m->slots[i].key.p && !(m->slots[i].hash == hash && str_eq(m->slots[i].key, key)))
        i = (i + 1) & (m->size - 1);
    return i;
}

void *map_get(const struct map *m, struct str key)
{
    return m->size ? m->slots[slot_of(m, key, str_hash(key))].value : NULL;
}

static bool grow(struct map *m)
{
    struct map bigger = { .size = m->size ? m->size * 2 : 16, .n = m->n };
    bigger.slots = fault_calloc(bigger.size, sizeof(*bigger.slots));
    if (!bigger.slots)
        return false;
    for (size_t i = 0; i < m->size; i++)
        if (m->slots[i].key.p)
            bigger.slots[slot_of(&bigger, m->slots[i].key, m->slots[i].hash)] = m->slots[i];
    free(m->slots);
    *m = bigger;
    return true;
}

bool map_set(struct map *m, struct str key, void *value)
{
    if ((m->n + 1) * 4 > m->size * 3 && !grow(m))
        return false;
    if (!key.p)
        key.p = "";
    uint64_t hash = str_hash(key);
    struct map_slot *slot = &m->slots[slot_of(m, key, hash)];
    m->n += slot->key.p ? 0 : 1;
    *slot = (struct map_slot){ key, hash, value };
    return true;
}

void *map_remove(struct map *m, struct str key)
{
    if (!m->size)
        return NULL;
    size_t i = slot_of(m, key, str_hash(key)), mask = m->size - 1;
    void *value = m->slots[i].value;
    if (!m->slots[i].key.p)
        return NULL;
    m->n--;
    for (size_t j = (i + 1) & mask; m->slots[j].key.p; j = (j + 1) & mask) {
        size_t home = (size_t)m->slots[j].hash & mask;
        if (((j - home) & mask) >= ((j - i) & mask)) { /* j's entry may move back to i */
            m->slots[i] = m->slots[j];
            i = j;
        }
    }
    m->slots[i] = (struct map_slot){ 0 };
    return value;
}

bool map_next(const struct map *m, size_t *at, struct str *ret_key, void **ret_value)
{
    for (; *at < m->size; (*at)++) {
        if (m->slots[*at].key.p) {
            *ret_key = m->slots[*at].key;
            *ret_value = m->slots[*at].value;
            (*at)++;
            return true;
        }
    }
    return false;
}
