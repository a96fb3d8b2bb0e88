/* expr_map.c - a copy of an expression with some of its parts replaced; see analyze.h. */
#include "proxy/sql/analyze.h"

struct mapping {
    struct expr *(*replace)(struct expr *e, void *ctx);
    void *ctx;
    struct arena *arena;
    bool failed;
};

static struct expr *map_one(struct mapping *m, struct expr *e);

static struct expr **map_list(struct mapping *m, struct expr *const *list, size_t n)
{
    struct expr **copy = ARENA_ARRAY(m->arena, struct expr *, n + 1);
    m->failed |= !copy;
    for (size_t i = 0; copy && i < n; i++)
        copy[i] = map_one(m, list[i]);
    return copy;
}

static struct sort_item *map_sort(struct mapping *m, const struct sort_item *list, size_t n)
{
    struct sort_item *copy = ARENA_ARRAY(m->arena, struct sort_item, n + 1);
    m->failed |= !copy;
    for (size_t i = 0; copy && i < n; i++) {
        copy[i] = list[i];
        copy[i].expr = map_one(m, list[i].expr);
    }
    return copy;
}

static struct window *map_window(struct mapping *m, const struct window *w)
{
    struct window *copy = ARENA_NEW(m->arena, struct window);
    if (!copy) {
        m->failed = true;
        return NULL;
    }
    *copy = *w;
    copy->partition = map_list(m, w->partition, w->n_partition);
    copy->order = map_sort(m, w->order, w->n_order);
    copy->start_offset = map_one(m, w->start_offset);
    copy->end_offset = map_one(m, w->end_offset);
    return copy;
}

static void map_arms(struct mapping *m, struct expr *e)
{
    struct case_arm *arms = ARENA_ARRAY(m->arena, struct case_arm, e->cases.n_arms + 1);
    m->failed |= !arms;
    for (size_t i = 0; arms && i < e->cases.n_arms; i++)
        arms[i] = (struct case_arm){ map_one(m, e->cases.arms[i].when), map_one(m, e->cases.arms[i].then) };
    e->cases.arms = arms;
    e->cases.otherwise = map_one(m, e->cases.otherwise);
}

static void map_parts(struct mapping *m, struct expr *e)
{
    e->args = map_list(m, e->args, e->n_args);
    switch (e->kind) {
    case EXPR_AGGREGATE:
    case EXPR_WINDOW:
        e->call.order = map_sort(m, e->call.order, e->call.n_order);
        e->call.filter = map_one(m, e->call.filter);
        e->call.window = e->call.window ? map_window(m, e->call.window) : NULL;
        break;
    case EXPR_CASE:
        map_arms(m, e);
        break;
    case EXPR_SUBSCRIPT:
        e->subscript.lower = map_list(m, e->subscript.lower, e->subscript.n_dims);
        e->subscript.upper = map_list(m, e->subscript.upper, e->subscript.n_dims);
        break;
    case EXPR_ARRAY_CAST:
        e->array_cast.element = map_one(m, e->array_cast.element);
        break;
    default:
        break;
    }
}

static struct expr *map_one(struct mapping *m, struct expr *e)
{
    struct expr *given = e && !m->failed ? m->replace(e, m->ctx) : e;
    if (given || !e)
        return given;
    struct expr *copy = ARENA_NEW(m->arena, struct expr);
    if (!copy) {
        m->failed = true;
        return NULL;
    }
    *copy = *e;
    map_parts(m, copy);
    return copy;
}

struct expr *expr_map(struct expr *e, struct expr *(*replace)(struct expr *e, void *ctx), void *ctx,
                      struct arena *arena)
{
    struct mapping m = { .replace = replace, .ctx = ctx, .arena = arena };
    struct expr *mapped = map_one(&m, e);
    return m.failed ? NULL : mapped;
}
