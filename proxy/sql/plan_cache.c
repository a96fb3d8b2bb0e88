/* plan_cache.c - a hash table of skeletons with a recency list; see plan_cache.h. */
#include "proxy/sql/plan_cache.h"

#include <stdlib.h>
#include "proxy/base/fault.h"
#include "proxy/sql/skeleton.h"

enum { MAX_KEY_BYTES = 16384, MAX_SLOTS = 256 };

struct entry {
    struct entry *chain; /* same bucket */
    struct entry *newer, *older;
    uint64_t hash;
    struct plan *plan;
    struct str key; /* skeleton and what follows it; one block with the entry */
    uint64_t schema_version;
    uint8_t kinds[]; /* n_literals literal kinds, then the key's bytes */
};

struct plan_cache {
    struct entry **buckets;
    size_t n_buckets, max_entries;
    struct entry *newest, *oldest;
    struct plan_cache_counters counters;
};

struct plan_cache *plan_cache_new(size_t max_entries)
{
    struct plan_cache *c = fault_calloc(1, sizeof(*c));
    if (!c)
        return NULL;
    c->max_entries = max_entries ? max_entries : 1;
    c->n_buckets = 64;
    while (c->n_buckets < c->max_entries)
        c->n_buckets *= 2;
    c->buckets = fault_calloc(c->n_buckets, sizeof(*c->buckets));
    if (!c->buckets) {
        free(c);
        return NULL;
    }
    return c;
}

static void unlink_recency(struct plan_cache *c, struct entry *e)
{
    *(e->newer ? &e->newer->older : &c->newest) = e->older;
    *(e->older ? &e->older->newer : &c->oldest) = e->newer;
}

static void make_newest(struct plan_cache *c, struct entry *e)
{
    e->newer = NULL;
    e->older = c->newest;
    *(c->newest ? &c->newest->newer : &c->oldest) = e;
    c->newest = e;
}

static void drop(struct plan_cache *c, struct entry *e)
{
    struct entry **at = &c->buckets[e->hash & (c->n_buckets - 1)];
    while (*at != e)
        at = &(*at)->chain;
    *at = e->chain;
    unlink_recency(c, e);
    plan_unref(e->plan);
    free(e);
    c->counters.entries--;
}

void plan_cache_clear(struct plan_cache *c)
{
    while (c->oldest)
        drop(c, c->oldest);
}

void plan_cache_free(struct plan_cache *c)
{
    if (!c)
        return;
    plan_cache_clear(c);
    free(c->buckets);
    free(c);
}

#define ADD(bytes, size) (memcpy(at, (bytes), (size)), at += (size))

static size_t settings_size(const struct sql_settings *settings)
{
    size_t n = 64 + settings->role.n;
    for (size_t i = 0; i < settings->n_search_path; i++)
        n += settings->search_path[i].n + 1;
    return n;
}

/* What a plan depends on of the settings, as bytes; where they end is given back. */
static char *add_settings(char *at, const struct sql_settings *settings)
{
    const struct type_settings *t = settings->types;
    for (size_t i = 0; i < settings->n_search_path; i++) {
        if (settings->search_path[i].n)
            ADD(settings->search_path[i].p, settings->search_path[i].n);
        *at++ = 0;
    }
    if (settings->role.n)
        ADD(settings->role.p, settings->role.n);
    char flags[] = { (char)settings->standard_conforming_strings,
                     (char)settings->force_local,
                     (char)settings->raw_sqlite,
                     (char)settings->no_views,
                     (char)settings->creates_temporary,
                     (char)settings->traits.native_values,
                     (char)t->date_style,
                     (char)t->date_order,
                     (char)t->interval_style,
                     (char)t->bytea_output };
    ADD(flags, sizeof(flags));
    ADD(&t->zone, sizeof(t->zone));
    ADD(&t->extra_float_digits, sizeof(t->extra_float_digits));
    return at;
}

bool plan_settings_mark(const struct sql_settings *settings, struct arena *arena, uint64_t *ret)
{
    char *p = arena_alloc(arena, settings_size(settings));
    if (p)
        *ret = str_hash((struct str){ p, (size_t)(add_settings(p, settings) - p) });
    return p != NULL;
}

/* Everything besides the skeleton that a plan depends on, as bytes after it. */
static struct str full_key(struct arena *arena, const struct skeleton *s, const struct sql_settings *settings,
                           const oid_t *types, size_t n_types)
{
    char *p = arena_alloc(arena, s->key.n + 2 + n_types * sizeof(oid_t) + settings_size(settings)), *at = p;
    if (!p)
        return (struct str){ 0 };
    ADD(s->key.p, s->key.n);
    *at++ = 0;
    if (n_types)
        ADD(types, n_types * sizeof(oid_t));
    *at++ = 0;
    at = add_settings(at, settings);
    return (struct str){ p, (size_t)(at - p) };
}
#undef ADD

static bool usable(const struct skeleton *s, size_t n_bytes)
{
    return n_bytes <= MAX_KEY_BYTES && s->literals.n <= MAX_SLOTS && !s->has_semicolon;
}

/* Literals that shaped the plan must be the same; the others become values. */
static bool literals_fit(const struct entry *e, const struct skeleton *s, struct str text, bool conforming,
                         struct arena *arena, struct planned *ret)
{
    const struct plan *plan = e->plan;
    size_t n = s->literals.n;
    if (plan->n_literals != n)
        return false;
    ret->literals = ARENA_ARRAY(arena, struct str, n);
    ret->literal_offsets = ARENA_ARRAY(arena, int, n);
    if (!ret->literals || !ret->literal_offsets)
        return false;
    for (size_t i = 0; i < n; i++) {
        const struct literal *l = &s->literals.literals[i];
        if (e->kinds[i] != l->kind)
            return false;
        ret->literals[i] = literal_content(text, l, conforming, arena);
        ret->literal_offsets[i] = l->offset;
        if (!ret->literals[i].p || (plan->is_structural[i] && !str_eq(ret->literals[i], plan->literals[i])))
            return false;
    }
    ret->n_literals = n;
    return true;
}

bool plan_cache_get(struct plan_cache *c, struct str text, const struct snapshot *snapshot,
                    const struct sql_settings *settings, const oid_t *param_types, size_t n_param_types,
                    struct arena *arena, struct planned *ret)
{
    struct skeleton s;
    size_t bad;
    if (text.n > MAX_KEY_BYTES || !str_is_utf8(text, &bad) ||
        !skeleton_scan(text, settings->standard_conforming_strings, arena, &s) || !usable(&s, text.n))
        return false;
    struct str key = full_key(arena, &s, settings, param_types, n_param_types);
    uint64_t hash = key.p ? str_hash(key) : 0;
    for (struct entry *e = c->buckets[hash & (c->n_buckets - 1)]; e && key.p; e = e->chain) {
        if (e->hash != hash || e->schema_version != snapshot->version || !str_eq(e->key, key) ||
            !literals_fit(e, &s, text, settings->standard_conforming_strings, arena, ret))
            continue;
        unlink_recency(c, e);
        make_newest(c, e);
        ret->plan = plan_ref(e->plan);
        c->counters.hits++;
        return true;
    }
    c->counters.misses++;
    return false;
}

void plan_cache_put(struct plan_cache *c, struct str text, const struct snapshot *snapshot,
                    const struct sql_settings *settings, const oid_t *param_types, size_t n_param_types,
                    struct plan *plan, struct arena *arena)
{
    struct skeleton s;
    if (!plan->cacheable || text.n > MAX_KEY_BYTES ||
        !skeleton_scan(text, settings->standard_conforming_strings, arena, &s) || !usable(&s, text.n) ||
        s.literals.n != plan->n_literals) {
        c->counters.uncacheable++;
        return;
    }
    struct str key = full_key(arena, &s, settings, param_types, n_param_types);
    struct entry *e = key.p ? fault_malloc(sizeof(*e) + s.literals.n + key.n) : NULL;
    if (!e)
        return;
    *e = (struct entry){ .hash = str_hash(key), .schema_version = snapshot->version };
    for (size_t i = 0; i < s.literals.n; i++)
        e->kinds[i] = (uint8_t)s.literals.literals[i].kind;
    memcpy(e->kinds + s.literals.n, key.p, key.n);
    e->key = (struct str){ (const char *)e->kinds + s.literals.n, key.n };
    e->plan = plan_ref(plan);
    struct entry **bucket = &c->buckets[e->hash & (c->n_buckets - 1)];
    e->chain = *bucket;
    *bucket = e;
    make_newest(c, e);
    c->counters.entries++;
    while (c->counters.entries > c->max_entries) {
        drop(c, c->oldest);
        c->counters.evictions++;
    }
}

struct plan_cache_counters plan_cache_counters(const struct plan_cache *c)
{
    return c->counters;
}
