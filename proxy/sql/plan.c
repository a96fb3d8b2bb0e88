/* plan.c - the life of a plan; see plan.h. */
#include "proxy/sql/plan.h"

#include <string.h>

struct plan *plan_ref(struct plan *p)
{
    p->references++;
    return p;
}

/* The plan that a utility statement wraps: COPY (SELECT …) TO, DECLARE … FOR, EXPLAIN, EXECUTE's arguments. */
static struct plan *inner_plan(const struct plan *p)
{
    switch (p->kind) {
    case PLAN_COPY_TO:
        return p->utility.copy ? p->utility.copy->query : NULL;
    case PLAN_EXECUTE:
        return p->utility.prepare ? p->utility.prepare->arguments_plan : NULL;
    case PLAN_DECLARE:
        return p->utility.cursor ? p->utility.cursor->query : NULL;
    case PLAN_EXPLAIN:
        return p->utility.explain ? p->utility.explain->query : NULL;
    default:
        return NULL;
    }
}

void plan_unref(struct plan *p)
{
    while (p && --p->references == 0) {
        struct plan *inner = inner_plan(p);
        if (p->skip && p->skip->rows)
            plan_unref(p->skip->rows);
        if (p->gather) /* which has none of its own */
            plan_unref(p->gather);
        struct arena *arena = p->arena;
        snapshot_unref((struct snapshot *)(uintptr_t)p->snapshot);
        arena_free(arena); /* p itself lives there */
        p = inner;
    }
}

bool plan_gives_rows(const struct plan *p)
{
    return p->n_columns > 0 || (p->kind == PLAN_QUERY && strcmp(p->tag, "SELECT") == 0);
}
