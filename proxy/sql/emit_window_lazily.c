/*
 * emit_window_lazily.c - arguments of window functions that are computed for the rows that PostgreSQL computes them for, and no others.
 *
 * SQLite computes every argument for every row before it looks at frames and FILTER. So where an argument may fail, and is more than a
 * column, first_value() and its kin carry its columns, and what it makes of them is computed behind:
 *
 *   nth_value(10 / x, 2) OVER w     CASE WHEN nth_value(1, 2) OVER w THEN 10 / nth_value(x, 2) OVER w END
 *   lag(10 / x, n, d) OVER w        CASE WHEN lag(1, n) OVER w THEN 10 / lag(x, n) OVER w WHEN n IS NOT NULL THEN d END
 *   sum(10 / x) FILTER (WHERE c)    sum(CASE WHEN c THEN 10 / x END) FILTER (WHERE c)
 *
 * Not here: aggregates whose frames leave out rows, and arguments that are printed with subqueries; those are computed for all rows. See
 * emit_internal.h.
 */
#include "proxy/sql/emit_internal.h"
#include "proxy/sql/may_fail.h"

/* ---- what may fail ---- */

bool made_before_windows(const struct query *q, const struct expr *x)
{
    bool made = x->kind == EXPR_AGGREGATE || (x->kind == EXPR_VAR && x->var.levels_up == 0);
    for (size_t i = 0; i < q->n_group && !made; i++)
        made = x->kind != EXPR_CONST && expr_equal(q->group[i], x);
    return made;
}

struct doubt {
    const struct query *q;
    bool may_fail, opaque; /* opaque: it cannot be taken to pieces */
};

static bool look_for_doubt(struct expr *x, void *ctx)
{
    struct doubt *d = ctx;
    if (made_before_windows(d->q, x) && !(x->kind == EXPR_VAR && x->var.rte < 0))
        return false;
    d->may_fail |= expr_itself_may_fail(x);
    d->opaque |= x->kind == EXPR_SUBLINK || x->kind == EXPR_WHOLE_ROW || x->kind == EXPR_WINDOW ||
                 x->kind == EXPR_GROUPING || (x->kind == EXPR_FUNC && x->call.proc->returns_set) ||
                 (x->kind == EXPR_VAR && x->var.rte < 0);
    return true;
}

static struct doubt doubt_of(const struct query *q, struct expr *x)
{
    struct doubt d = { .q = q };
    expr_walk(x, look_for_doubt, &d);
    return d;
}

/* ---- nodes ---- */

static struct expr *new_expr(struct emitter *e, struct expr wanted)
{
    struct expr *x = ARENA_NEW(e->arena, struct expr);
    if (x)
        *x = wanted;
    return x;
}

static struct expr *case_of(struct emitter *e, const struct expr *like, const struct case_arm *arms, size_t n)
{
    struct expr *x = new_expr(e, (struct expr){ .kind = EXPR_CASE, .type = like->type, .typmod = like->typmod });
    struct expr *null = new_expr(e, (struct expr){ .kind = EXPR_CONST, .type = like->type, .typmod = like->typmod });
    struct case_arm *own = ARENA_ARRAY(e->arena, struct case_arm, n);
    if (!x || !null || !own)
        return NULL;
    memcpy(own, arms, n * sizeof(*own));
    null->constant.is_null = true;
    null->constant.literal = -1;
    x->location = null->location = like->location;
    x->cases.arms = own;
    x->cases.n_arms = n;
    x->cases.otherwise = null;
    return x;
}

/* ---- first_value() and its kin ---- */

struct carried {
    struct emitter *e;
    const struct expr *call; /* the window function */
    const struct pg_proc *proc;
};

/* The same function of another value, without a default. */
static struct expr *carry(const struct carried *c, struct expr *value)
{
    struct expr *x = new_expr(c->e, *c->call);
    struct expr **args = ARENA_ARRAY(c->e->arena, struct expr *, 3);
    if (!x || !args)
        return NULL;
    x->n_args = c->call->n_args < 2 ? c->call->n_args : 2;
    memcpy(args, c->call->args, x->n_args * sizeof(*args));
    args[0] = value;
    x->args = args;
    x->call.proc = c->proc;
    x->type = value->type;
    x->typmod = value->typmod;
    return x;
}

static struct expr *carry_leaf(struct expr *x, void *ctx)
{
    const struct carried *c = ctx;
    return made_before_windows(c->e->level->query, x) ? carry(c, x) : NULL;
}

/* The function without a default; NULL: this is none of them. */
static const struct pg_proc *value_function(const struct pg_proc *proc)
{
    static const char *const names[] = { "first_value", "last_value", "nth_value", "lag", "lead" };
    size_t n, i = 0;
    while (i < sizeof(names) / sizeof(*names) && strcmp(names[i], proc->name) != 0)
        i++;
    if (proc->kind != 'w' || i == sizeof(names) / sizeof(*names))
        return NULL;
    const struct pg_proc *procs = pg_procs_by_name(str_from(proc->name), &n);
    for (size_t k = 0; proc->n_args == 3 && k < n; k++)
        if (procs[k].n_args == 2)
            return &procs[k];
    return proc;
}

static struct expr *value_behind(struct emitter *e, const struct expr *x, const struct pg_proc *proc)
{
    struct carried c = { .e = e, .call = x, .proc = proc };
    struct expr *one = new_expr(e, (struct expr){ .kind = EXPR_CONST, .type = TYPE_OID_bool, .typmod = -1 });
    struct case_arm arms[2];
    size_t n = 1;
    if (!one)
        return NULL;
    one->location = -1;
    one->constant.value = value_integer(1);
    one->constant.literal = -1;
    arms[0] = (struct case_arm){ carry(&c, one), expr_map(x->args[0], carry_leaf, &c, e->arena) };
    if (x->n_args == 3) {
        struct expr *given =
            new_expr(e, (struct expr){ .kind = EXPR_IS_NOT_NULL, .type = TYPE_OID_bool, .typmod = -1 });
        if (!given)
            return NULL;
        given->location = -1;
        given->args = &x->args[1];
        given->n_args = 1;
        arms[n++] = (struct case_arm){ given, x->args[2] };
    }
    for (size_t i = 0; i < n; i++)
        if (!arms[i].when || !arms[i].then)
            return NULL;
    return case_of(e, x, arms, n);
}

/* ---- FILTER ---- */

static struct expr *filtered_arguments(struct emitter *e, const struct expr *x)
{
    struct expr *copy = new_expr(e, *x);
    struct expr **args = ARENA_ARRAY(e->arena, struct expr *, x->n_args + 1);
    if (!copy || !args)
        return NULL;
    for (size_t i = 0; i < x->n_args; i++) {
        struct case_arm arm = { x->call.filter, x->args[i] };
        args[i] = is_constant_expr(x->args[i]) ? x->args[i] : case_of(e, x->args[i], &arm, 1);
        if (!args[i])
            return NULL;
    }
    copy->args = args;
    return copy;
}

/* An argument that FILTER stands around already: emit_window() comes back here with what filtered_arguments() gave. */
static bool is_filtered(const struct expr *x, const struct expr *arg)
{
    return arg->kind == EXPR_CASE && arg->cases.n_arms == 1 && arg->cases.arms[0].when == x->call.filter;
}

/* ---- where it can be printed ---- */

/* The end of '…' or "…" that starts at i. */
static size_t quoted_end(struct str s, size_t i)
{
    char quote = s.p[i];
    for (i++; i < s.n && s.p[i] != quote; i++)
        ;
    return i;
}

bool has_window_inside(struct str s)
{
    size_t depth = 0, select = SIZE_MAX; /* parentheses; those around the outermost subquery */
    for (size_t i = 0; i < s.n; i++) {
        struct str rest = { s.p + i, s.n - i };
        if (s.p[i] == '\'' || s.p[i] == '"') {
            i = quoted_end(s, i);
        } else if (s.p[i] == '(') {
            bool opens = str_starts(rest, STR("(SELECT ")) || str_starts(rest, STR("(WITH "));
            select = opens && select == SIZE_MAX ? depth : select;
            depth++;
        } else if (s.p[i] == ')') {
            depth -= depth > 0;
            select = depth == select ? SIZE_MAX : select;
        } else if (select != SIZE_MAX && str_starts(rest, STR(" OVER ("))) {
            return true;
        }
    }
    return false;
}

bool emit_window_lazily(struct emitter *e, const struct expr *x, bool *ret_done, struct fragment *ret)
{
    struct doubt doubt = { 0 };
    const struct pg_proc *proc = value_function(x->call.proc);
    bool filtered = x->call.filter && x->call.proc->kind == 'a';
    *ret_done = false;
    if (!e->level)
        return true;
    for (size_t i = 0; (proc || filtered) && i < x->n_args; i++) {
        bool looks = !(proc && i == 1) && !is_constant_expr(x->args[i]) && !is_filtered(x, x->args[i]);
        struct doubt one = looks ? doubt_of(e->level->query, x->args[i]) : (struct doubt){ 0 };
        doubt.may_fail |= one.may_fail;
        doubt.opaque |= one.opaque && i == 0;
    }
    if (!doubt.may_fail || (proc && doubt.opaque))
        return true;
    struct expr *lazy = proc ? value_behind(e, x, proc) : filtered_arguments(e, x);
    if (!lazy)
        return err_oom(e->err);
    struct emit_mark mark = emit_mark(e);
    if (!emit_expr(e, lazy, ret))
        return false;
    *ret_done = !has_window_inside(ret->sql);
    if (!*ret_done)
        emit_rollback(e, mark);
    return true;
}
