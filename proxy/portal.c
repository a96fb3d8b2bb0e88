/* portal.c - see portal.h. */
#include "proxy/portal.h"

#include "proxy/prepared.h"

static void replace(struct session *s, struct str name)
{
    struct portal *old = map_get(&s->portals, name);
    if (old)
        portal_remove(s, old);
}

/* Bytes that cannot be a key's NULL pointer: the unnamed portal is in the same table. */
static struct str table_key(struct str name)
{
    return name.n ? name : STR("");
}

struct portal *portal_add(struct session *s, struct str name, struct plan *plan, struct err *err)
{
    if (name.n && portal_find(s, name, NULL)) {
        err_set(err, SQLSTATE_DUPLICATE_CURSOR, "cursor \"%.*s\" already exists", STR_FMT(name));
        return NULL;
    }
    if (name.n == 0)
        replace(s, table_key(name));
    if (s->portals.n >= PORTALS_MAX) {
        err_set(err, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "too many open portals");
        return NULL;
    }
    struct arena *arena = worker_arena_take(s->worker);
    struct portal *p = arena ? ARENA_NEW(arena, struct portal) : NULL;
    if (p)
        *p = (struct portal){ .references = 1, .is_listed = true, .arena = arena, .name = arena_str(arena, name) };
    if (!p || !map_set(&s->portals, table_key(p->name), p)) {
        worker_arena_give(s->worker, arena);
        err_oom(err);
        return NULL;
    }
    p->plan = plan ? plan_ref(plan) : NULL;
    p->made_us = session_wall_us(s);
    p->savepoints = transaction_savepoints(&s->transaction);
    metric_add(&s->worker->metrics, METRIC_portals, 1);
    return p;
}

struct portal *portal_find(struct session *s, struct str name, struct err *err)
{
    struct portal *p = map_get(&s->portals, table_key(name));
    if (!p && err)
        err_set(err, SQLSTATE_INVALID_CURSOR_NAME, "portal \"%.*s\" does not exist", STR_FMT(name));
    return p;
}

struct portal *portal_ref(struct portal *p)
{
    p->references++;
    return p;
}

void portal_unref(struct worker *w, struct portal *p)
{
    if (!p || --p->references)
        return;
    metric_sub(&w->metrics, METRIC_portals, 1);
    plan_unref(p->plan);
    prepared_unref(w, p->source);
    rowstore_fini(&p->rows);
    worker_arena_give(w, p->arena);
}

void portal_remove(struct session *s, struct portal *p)
{
    if (!p || !p->is_listed)
        return;
    p->is_listed = false;
    map_remove(&s->portals, table_key(p->name));
    portal_unref(s->worker, p);
}

static bool dies(const struct portal *p, bool commit)
{
    return !p->hold || (!commit && !p->is_old);
}

void portals_end_transaction(struct session *s, bool commit)
{
    struct str key;
    void *value;
    for (size_t at = 0; map_next(&s->portals, &at, &key, &value);) {
        struct portal *p = value;
        if (dies(p, commit)) {
            portal_remove(s, p);
            at = 0; /* the table has changed */
        } else {
            p->is_old = true;
            p->savepoints = 0;
        }
    }
}

void portals_release(struct session *s, size_t savepoints)
{
    struct str key;
    void *value;
    for (size_t at = 0; map_next(&s->portals, &at, &key, &value);) {
        struct portal *p = value;
        if (p->savepoints > savepoints)
            p->savepoints = savepoints;
    }
}

void portals_rollback_to(struct session *s, size_t savepoints)
{
    struct str key;
    void *value;
    for (size_t at = 0; map_next(&s->portals, &at, &key, &value);) {
        struct portal *p = value;
        if (p->savepoints >= savepoints) {
            portal_remove(s, p);
            at = 0; /* the table has changed */
        }
    }
}

void portals_remove_all(struct session *s)
{
    struct str key;
    void *value;
    for (size_t at = 0; map_next(&s->portals, &at, &key, &value); at = 0)
        portal_remove(s, value);
    map_fini(&s->portals);
    map_init(&s->portals);
}
