/* emit_project_set.c - set-returning functions of the SELECT list: they become one more FROM item (PostgreSQL: ProjectSet). */
#include "proxy/sql/emit_internal.h"

/* All of one SELECT list, those that are equal too; distinct: one of each kind. */
struct set_functions {
    struct emitter *e;
    const struct expr **all, **distinct;
    size_t n, n_distinct, room;
};

static bool count_set_function(struct expr *x, void *ctx)
{
    bool found = x->kind == EXPR_FUNC && x->call.proc->returns_set;
    *(size_t *)ctx += found;
    return !found;
}

static size_t find_distinct(const struct set_functions *s, const struct expr *x)
{
    size_t i = 0;
    while (i < s->n_distinct && !expr_equal(s->distinct[i], x))
        i++;
    return i;
}

/* One inside another's arguments is not looked for: it would run once a row of the outer. */
static bool add_set_function(struct expr *x, void *ctx)
{
    struct set_functions *s = ctx;
    if (x->kind != EXPR_FUNC || !x->call.proc->returns_set)
        return true;
    s->all[s->n++] = x;
    size_t at = find_distinct(s, x);
    if (at == s->n_distinct)
        s->distinct[s->n_distinct++] = x;
    return false;
}

static bool find_set_functions(struct emitter *e, const struct query *q, struct set_functions *s)
{
    size_t room = 0;
    for (size_t i = 0; i < q->n_targets; i++)
        expr_walk(q->targets[i].expr, count_set_function, &room);
    *s = (struct set_functions){ .e = e,
                                 .all = ARENA_ARRAY(e->arena, const struct expr *, room + 1),
                                 .distinct = ARENA_ARRAY(e->arena, const struct expr *, room + 1) };
    if (!s->all || !s->distinct)
        return err_oom(e->err);
    for (size_t i = 0; i < q->n_targets; i++)
        expr_walk(q->targets[i].expr, add_set_function, s);
    return true;
}

static bool may_stand_here(struct emitter *e, const struct query *q, const struct set_functions *s)
{
    for (size_t i = 0; i < s->n; i++) {
        const struct pg_proc *proc = s->all[i]->call.proc;
        if (q->n_group || q->has_aggregates || (proc->out_args && strchr(proc->out_args, ',')))
            return blocked(e, s->all[i]->location, "set-returning function %s() at this place", proc->name);
    }
    return true;
}

/* Several run side by side, as in ROWS FROM. */
static bool emit_several(struct emitter *e, const struct set_functions *s, struct str *item, struct fragment **columns)
{
    size_t n = s->n_distinct;
    struct emitted_rte emitted = { 0 };
    struct rte rte = { .kind = RTE_FUNCTION, .n_columns = n, .n_functions = n };
    rte.columns = ARENA_ARRAY(e->arena, struct rte_column, n);
    rte.functions = ARENA_ARRAY(e->arena, struct expr *, n);
    rte.function_columns = ARENA_ARRAY(e->arena, size_t, n);
    if (!rte.columns || !rte.functions || !rte.function_columns)
        return err_oom(e->err);
    for (size_t i = 0; i < n; i++) {
        const struct expr *x = s->distinct[i];
        rte.columns[i] = (struct rte_column){ .name = STR(""), .type = x->type, .typmod = x->typmod };
        rte.functions[i] = (struct expr *)x;
        rte.function_columns[i] = 1;
    }
    if (!emit_functions(e, &rte, &emitted, item))
        return false;
    *columns = emitted.columns;
    return true;
}

bool collect_set_functions(struct emitter *e, const struct query *q, struct str *from)
{
    struct level *l = e->level;
    struct set_functions s;
    struct str item, ordinal;
    if (!find_set_functions(e, q, &s) || !may_stand_here(e, q, &s))
        return false;
    if (s.n == 0)
        return true;
    struct fragment *columns = ARENA_ARRAY(e->arena, struct fragment, s.n_distinct);
    l->srf_columns = ARENA_ARRAY(e->arena, struct fragment, s.n);
    if (!columns || !l->srf_columns)
        return err_oom(e->err);
    if (s.n_distinct == 1 ? !emit_set_function(e, s.distinct[0], NULL, STR(""), &item, columns, 1, &ordinal)
                          : !emit_several(e, &s, &item, &columns))
        return false;
    for (size_t i = 0; i < s.n; i++)
        l->srf_columns[i] = columns[find_distinct(&s, s.all[i])];
    l->srf = s.all;
    l->n_srf = s.n;
    *from = text_of(e, "%.*s%s%.*s", STR_FMT(*from), from->n ? ", " : "", STR_FMT(item));
    return from->p != NULL;
}
