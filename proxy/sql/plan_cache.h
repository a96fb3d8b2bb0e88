/*
 * plan_cache.h - plans by token skeleton, shared by the sessions of a worker thread.
 *
 * Key: the skeleton (literals are slots), the kinds of the literals, declared parameter types, the settings that alter meaning and
 * the schema's version. A plan keeps the values of literals that shaped it; another text must have the same there. A hit runs no
 * parser: it scans the text once and gives the contents of its literals for plan_bind().
 *
 * Owns     one reference per cached plan; bounded by entries, least recently used goes first.
 * Lives    with its worker thread; not locked.
 * Fails    never: what cannot be cached is planned each time.
 * Not here prepared statements: they hold their plan themselves (proxy/prepared.h).
 */
#ifndef PGD1_SQL_PLAN_CACHE_H
#define PGD1_SQL_PLAN_CACHE_H

#include "proxy/sql/plan.h"

struct plan_cache;

struct plan_cache_counters {
    uint64_t hits, misses, uncacheable, evictions, entries;
};

/* A plan ready to run with this text's literals: give them to bind_input. Literals live in the arena given. */
struct planned {
    struct plan *plan; /* a reference: plan_unref() it */
    struct str *literals;
    int *literal_offsets;
    size_t n_literals;
};

struct plan_cache *plan_cache_new(size_t max_entries); /* NULL: no memory */
void plan_cache_free(struct plan_cache *c);            /* accepts NULL */

/* False: not there, or a text of several statements: sql_parse() it, sql_plan() it, and plan_cache_put() when it is one statement. */
bool plan_cache_get(struct plan_cache *c, struct str text, const struct snapshot *snapshot,
                    const struct sql_settings *settings, const oid_t *param_types, size_t n_param_types,
                    struct arena *arena, struct planned *ret);
/* Remembers a plan of a whole text (one statement). Does nothing for plans that are not cacheable. */
void plan_cache_put(struct plan_cache *c, struct str text, const struct snapshot *snapshot,
                    const struct sql_settings *settings, const oid_t *param_types, size_t n_param_types,
                    struct plan *plan, struct arena *arena);
/* What of the settings is part of the key, as one number: a plan made under another one may mean something else. False: no memory. */
bool plan_settings_mark(const struct sql_settings *settings, struct arena *scratch, uint64_t *ret);
void plan_cache_clear(struct plan_cache *c);
struct plan_cache_counters plan_cache_counters(const struct plan_cache *c);

#endif
