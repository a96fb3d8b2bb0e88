/* emit_project_set.c - set-returning functions of the SELECT list: they become one more FROM item (PostgreSQL: ProjectSet). */
#include "proxy/sql/emit_internal.h"

/* Those of one SELECT list and GROUP BY, one of each kind: equal ones run side by side, and give the same. */
struct set_functions {
    struct emitter *e;
    const struct expr **distinct;
    size_t n_distinct;
};

static bool count_set_function(struct expr *x, void *ctx)
{
    bool found = x->kind == EXPR_FUNC && x->call.proc->returns_set;
    *(size_t *)ctx += found;
    return !found;
}

/* One inside another's arguments is not looked for: it would run once a row of the outer. */
static bool add_set_function(struct expr *x, void *ctx)
{
    struct set_functions *s = ctx;
    if (x->kind != EXPR_FUNC || !x->call.proc->returns_set)
        return true;
    size_t i = 0;
    while (i < s->n_distinct && !expr_equal(s->distinct[i], x))
        i++;
    if (i == s->n_distinct)
        s->distinct[s->n_distinct++] = x;
    return false;
}

/* Behind GROUP BY only its own are left: rewrite_project_set.c has moved the others out. */
static bool find_set_functions(struct emitter *e, const struct query *q, struct set_functions *s)
{
    size_t room = 0;
    bool grouped = q->n_group || q->has_aggregates;
    for (size_t i = 0; i < q->n_targets; i++)
        expr_walk(q->targets[i].expr, count_set_function, &room);
    for (size_t i = 0; i < q->n_group; i++)
        expr_walk(q->group[i], count_set_function, &room);
    *s = (struct set_functions){ .e = e, .distinct = ARENA_ARRAY(e->arena, const struct expr *, room + 1) };
    if (!s->distinct)
        return err_oom(e->err);
    for (size_t i = 0; i < q->n_targets && !grouped; i++)
        expr_walk(q->targets[i].expr, add_set_function, s);
    for (size_t i = 0; i < q->n_group; i++)
        expr_walk(q->group[i], add_set_function, s);
    return true;
}

static bool may_stand_here(struct emitter *e, const struct set_functions *s)
{
    for (size_t i = 0; i < s->n_distinct; i++) {
        const struct pg_proc *proc = s->distinct[i]->call.proc;
        if (proc->out_args && strchr(proc->out_args, ','))
            return blocked(e, s->distinct[i]->location, "set-returning function %s() at this place", proc->name);
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
    if (!find_set_functions(e, q, &s) || !may_stand_here(e, &s))
        return false;
    if (s.n_distinct == 0)
        return true;
    struct fragment *columns = ARENA_ARRAY(e->arena, struct fragment, s.n_distinct);
    if (!columns)
        return err_oom(e->err);
    if (s.n_distinct == 1 ? !emit_set_function(e, s.distinct[0], NULL, STR(""), &item, columns, 1, &ordinal)
                          : !emit_several(e, &s, &item, &columns))
        return false;
    l->srf_columns = columns;
    l->srf = s.distinct;
    l->n_srf = s.n_distinct;
    *from = text_of(e, "%.*s%s%.*s", STR_FMT(*from), from->n ? ", " : "", STR_FMT(item));
    return from->p != NULL;
}
