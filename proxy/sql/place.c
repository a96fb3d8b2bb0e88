/* place.c - see place.h. */
#include "proxy/sql/place.h"

#include "proxy/sql/query_walk.h"

/* ---- does it read tables? ---- */

struct table_search {
    const struct written *wanted; /* NULL: any table */
    bool (*view_reads)(const struct relation *view,
                       void *ctx); /* whether a view does; NULL: it is as good as a table */
    void *ctx;
    bool found;
    bool ctes;            /* out: it names a WITH query */
    bool passes_changing; /* WITH queries that change data are not looked into */
    int depth;
};

static void search_query(struct query *q, void *ctx);

static bool search_expr(struct expr *x, void *ctx)
{
    struct table_search *s = ctx;
    if (x->kind == EXPR_SUBLINK)
        search_query(x->sublink.query, s);
    return !s->found;
}

/* A view may read anything. */
static bool is_wanted(const struct relation *r, const struct written *wanted)
{
    for (size_t i = 0; i < wanted->n; i++)
        if (wanted->list[i] == r)
            return true;
    return r->kind == RELATION_VIEW;
}

static bool search_range(const struct rte *rte, void *ctx)
{
    struct table_search *s = ctx;
    if (rte->kind == RTE_RELATION && s->view_reads && rte->relation->kind == RELATION_VIEW) {
        s->found = s->found || s->view_reads(rte->relation, s->ctx);
    } else if (rte->kind == RTE_RELATION) {
        s->found = s->found || (s->wanted ? is_wanted(rte->relation, s->wanted) : !rte->relation->is_system);
    } else if (rte->kind == RTE_CTE) {
        s->ctes = true;
        if (!rte->cte_self_reference && !(s->passes_changing && rte->cte->query->command != COMMAND_SELECT))
            search_query(rte->cte->query, s);
    }
    return !s->found;
}

static void search_with(const struct cte *cte, void *ctx)
{
    struct table_search *s = ctx;
    s->found = s->found || (!s->wanted && cte->query->command != COMMAND_SELECT);
}

static struct query_parts parts_of(struct table_search *s)
{
    return (struct query_parts){
        .expr = search_expr, .range = search_range, .query = search_query, .with = search_with, .ctx = s
    };
}

static void search_query(struct query *q, void *ctx)
{
    struct table_search *s = ctx;
    struct query_parts parts = parts_of(s);
    if (s->found)
        return;
    if (++s->depth > EMIT_MAX_DEPTH) {
        s->found = true; /* the printer stops at this depth with an error */
        return;
    }
    query_walk(q, &parts);
    s->depth--;
}

static bool search(const struct query *q, struct table_search s)
{
    search_query((struct query *)(uintptr_t)q, &s);
    return s.found;
}

bool query_has_tables(const struct query *q)
{
    return search(q, (struct table_search){ 0 });
}

bool query_reads_table(const struct query *q, bool (*view_reads)(const struct relation *view, void *ctx), void *ctx)
{
    return search(q, (struct table_search){ .view_reads = view_reads, .ctx = ctx });
}

bool reads_written(struct expr *x, const struct written *written)
{
    struct table_search s = { .wanted = written };
    expr_walk(x, search_expr, &s);
    return s.found;
}

bool joins_read_written(const struct query *q, const struct written *written)
{
    struct table_search s = { .wanted = written };
    struct query_parts parts = parts_of(&s);
    for (size_t i = 0; i < q->n_rtable; i++)
        if ((int)i != q->result_rte)
            query_walk_range(&q->rtable[i], &parts);
    for (size_t i = 0; i < q->n_from; i++)
        query_walk_from(q->from[i], &parts);
    if (q->where)
        expr_walk(q->where, search_expr, &s);
    return s.found;
}

bool statement_mentions(const struct query *q, const struct written *written)
{
    return search(q, (struct table_search){ .wanted = written, .passes_changing = true });
}

bool names_cte(struct expr *x)
{
    static const struct written none;
    struct table_search s = { .wanted = &none };
    expr_walk(x, search_expr, &s);
    return s.ctes;
}

/* ---- fetches ---- */

struct fetch *fetch_new(struct emitter *e, const struct query *q)
{
    struct emit_shared *s = e->shared;
    if (s->n_fetches >= EMIT_MAX_FETCHES) {
        blocked(e, -1, "a query that needs rows from more than %d tables worked on here", EMIT_MAX_FETCHES);
        return NULL;
    }
    struct fetch *f = ARENA_NEW(e->arena, struct fetch);
    struct emitter *d1 = ARENA_NEW(e->arena, struct emitter);
    if (!f || !d1) {
        err_oom(e->err);
        return NULL;
    }
    emitter_init(d1, s, TARGET_D1);
    d1->depth = e->depth;
    d1->conditional = e->conditional; /* an arm's rows may never be wanted */
    d1->excluded = e->excluded;
    d1->eager = e->conditional;
    *f = (struct fetch){ .number = (int)s->n_fetches,
                         .d1 = d1,
                         .alias = unique_name(e, text_of(e, "f%zu", s->n_fetches)) };
    if (!f->alias.p || !(f->level = level_new(d1, q)))
        return NULL;
    d1->level = f->level;
    s->fetches[s->n_fetches++] = f;
    return f;
}

bool fetch_read_cell(struct emitter *e, const struct fetch *f, oid_t type, struct fragment *c)
{
    const struct type_info *t = type_find(base_type(e, type));
    bool native = f->d1->native;
    const struct str s = c->sql;
    if (!native && (c->form == FORM_SCALED || c->form == FORM_UNIX_MS || c->form == FORM_UNIX_US ||
                    (c->form == FORM_NATURAL && t && t->oid == TYPE_OID_int8)))
        c->sql = text_of(e, "CAST(%.*s AS INTEGER)", STR_FMT(s));
    else if (c->form == FORM_HEX)
        c->sql = text_of(e, "unhex(%.*s)", STR_FMT(s));
    else if (!native && c->form == FORM_NATURAL && t && t->storage == STORAGE_REAL)
        c->sql = from_json(e, t->oid, s);
    if (c->form == FORM_HEX)
        c->form = FORM_NATURAL;
    if (c->form == FORM_NUMBER && c->scale < 0) {
        c->sql = text_of(e, "CASE typeof(%.*s) WHEN 'real' THEN printf('%%!.15g',%.*s) ELSE CAST(%.*s AS TEXT) END",
                         STR_FMT(s), STR_FMT(s), STR_FMT(s));
        c->form = FORM_NATURAL;
    }
    return c->sql.p && make_natural(e, type, c);
}

/* A placeholder may become json_extract(?1,'$[1234]'). */
static size_t length_to_push(const struct emitter *d1, size_t n)
{
    enum { PLACEHOLDER_BYTES = 24 };
    return n + PLACEHOLDER_BYTES * d1->n_binds;
}

enum { PLAIN_BYTES = 200 }; /* a column, or little more: what remains when the expression above it is worked out here */

bool fetch_column(struct emitter *e, struct fetch *f, const struct fragment *column, oid_t type, struct fragment *ret)
{
    struct emitter *d1 = f->d1;
    struct fragment c = *column;
    size_t at = 0;
    if (!settle(d1, &c) || !finish_output(d1, type, true, &c))
        return false;
    while (at < f->n_columns && !str_eq(f->columns[at], c.sql))
        at++;
    if (at == f->n_columns) {
        size_t with_others = c.sql.n > PLAIN_BYTES ? f->column_bytes + f->tail.n + c.sql.n : c.sql.n;
        if (length_to_push(d1, with_others) > D1_PUSHED_BYTES)
            return blocked(e, -1, "expressions of more than %d bytes of D1's SQL", D1_PUSHED_BYTES);
        if (at == D1_MAX_COLUMNS)
            return blocked(e, -1, "more than %d columns of one table or join worked on here", D1_MAX_COLUMNS);
        if (!grow(e, (void **)&f->columns, f->n_columns, &f->size_columns, sizeof(*f->columns)))
            return false;
        f->columns[f->n_columns++] = c.sql;
        f->column_bytes += c.sql.n;
    }
    *ret = c;
    ret->checks = NULL;
    ret->bindable = NULL;
    ret->sql = text_of(e, "%.*s.c%zu", STR_FMT(f->alias), at);
    ret->simple = true;
    return ret->sql.p && fetch_read_cell(e, f, type, ret);
}

struct content {
    bool columns, aggregates, windows, sublinks, is_volatile, sets;
};

static bool look_content(struct expr *x, void *ctx)
{
    struct content *c = ctx;
    if (x->kind == EXPR_VAR && x->var.levels_up == 0)
        c->columns = true;
    else if (x->kind == EXPR_AGGREGATE)
        c->aggregates = true;
    else if (x->kind == EXPR_WINDOW)
        c->windows = true;
    else if (x->kind == EXPR_SUBLINK)
        c->sublinks = true;
    else if (x->kind == EXPR_FUNC) {
        c->is_volatile = c->is_volatile || x->call.proc->volatility == 'v';
        c->sets = c->sets || x->call.proc->returns_set;
    }
    return true;
}

/* avg() of integers and numerics: D1 adds exactly and counts, the division is done here. */
static bool fetched_average(struct emitter *e, struct fetch *f, const struct expr *x, bool *ret_done,
                            struct fragment *ret)
{
    const char *source = x->call.proc->source;
    static const struct {
        const char *avg, *sum;
        oid_t result;
    } pairs[] = {
        { "avg(int2)", "int2", TYPE_OID_int8 },
        { "avg(int4)", "int4", TYPE_OID_int8 },
        { "avg(int8)", "int8", TYPE_OID_numeric },
        { "avg(numeric)", "numeric", TYPE_OID_numeric },
    };
    for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
        if (strcmp(pairs[i].avg, source) != 0)
            continue;
        struct expr sum = *x, count = *x;
        struct fragment total, number, total_column, number_column;
        size_t n;
        const struct pg_proc *procs = pg_procs_by_name(STR("sum"), &n);
        sum.call.proc = NULL;
        for (size_t k = 0; k < n; k++)
            if (procs[k].args[0] == x->call.proc->args[0])
                sum.call.proc = &procs[k];
        procs = pg_procs_by_name(STR("count"), &n);
        count.call.proc = &procs[procs[0].n_args == 1 ? 0 : 1];
        sum.type = pairs[i].result;
        count.type = TYPE_OID_int8;
        if (!sum.call.proc || !emit_expr(f->d1, &sum, &total) || !emit_expr(f->d1, &count, &number) ||
            !fetch_column(e, f, &total, sum.type, &total_column) ||
            !fetch_column(e, f, &number, TYPE_OID_int8, &number_column))
            return false;
        const struct str t = total_column.sql, c = number_column.sql;
        *ret = (struct fragment){
            .sql = text_of(e, "CASE WHEN %.*s > 0 THEN pg_numeric_div(CAST(%.*s AS TEXT),CAST(%.*s AS TEXT)) END",
                           STR_FMT(c), STR_FMT(t), STR_FMT(c))
        };
        *ret_done = true;
        return ret->sql.p != NULL;
    }
    return true;
}

/* D1 would compute an expression for rows that never get to it here: an arm of CASE, or a WHERE that is finished here. */
static bool may_be_left_out(struct emitter *e)
{
    const struct level *l = e->level;
    const struct expr **parts;
    size_t n = 0;
    if (e->conditional)
        return true;
    if (l->query->n_group || l->query->has_aggregates)
        return false;
    return l->part == FETCHED_ROWS && l->query->where && conjuncts(e, l->query->where, &parts, &n) && n > l->n_pushed;
}

bool try_fetched(struct emitter *e, const struct expr *x, bool *ret_done, struct fragment *ret)
{
    struct level *l = e->level;
    struct content c = { 0 };
    struct fragment f;
    *ret_done = false;
    if (!l || !l->fetch)
        return true;
    expr_walk((struct expr *)(uintptr_t)x, look_content, &c);
    bool grouped = l->part >= FETCHED_GROUPS;
    if (!(c.columns || c.aggregates || c.windows || c.sublinks) || c.is_volatile || c.sets ||
        ((c.aggregates || c.windows) && !grouped))
        return true;
    struct fetch *fetch = l->fetch;
    if (fetch->d1->in_returning && c.sublinks && reads_written((struct expr *)(uintptr_t)x, fetch->d1->written))
        return true;
    struct emit_mark mark = emit_mark(fetch->d1);
    size_t n_columns = fetch->n_columns;
    fetch->d1->conditional += e->conditional;
    fetch->d1->excluded += e->excluded;
    fetch->d1->eager += e->conditional;
    bool printed = emit_expr(fetch->d1, x, &f);
    fetch->d1->conditional -= e->conditional;
    fetch->d1->excluded -= e->excluded;
    fetch->d1->eager -= e->conditional;
    bool too_early = printed && ((!c.aggregates && !c.windows && has_guard(&f) && may_be_left_out(e)) ||
                                 (c.windows && has_window_inside(f.sql)));
    if (printed && !too_early && fetch_column(e, fetch, &f, x->type, ret)) {
        *ret_done = true;
        return true;
    }
    if (err_is_set(e->err))
        return false;
    emit_rollback(fetch->d1, mark);
    fetch->n_columns = n_columns;
    bool grouping = l->query->has_aggregates || l->query->n_group;
    if (x->kind == EXPR_AGGREGATE && grouped) {
        if (!fetched_average(e, fetch, x, ret_done, ret))
            return false;
        if (!*ret_done)
            return blocked(e, x->location, "aggregate %s() here", x->call.proc->name);
    }
    if (x->kind == EXPR_WINDOW && l->part == FETCHED_ORDER)
        return blocked(e, x->location, "this window function here");
    (void)grouping;
    return true;
}

/* ---- one FROM item ---- */

struct only_rte {
    const struct query *q;
    int rte;
    bool other;
};

static bool look_rte(struct expr *x, void *ctx)
{
    struct only_rte *o = ctx;
    if (x->kind == EXPR_SUBLINK || x->kind == EXPR_WHOLE_ROW)
        o->other = true;
    if (x->kind == EXPR_FUNC && x->call.proc->volatility == 'v')
        o->other = true;
    if (x->kind != EXPR_VAR)
        return !o->other;
    const struct expr *v = x;
    while (v->kind == EXPR_VAR && v->var.levels_up == 0 && v->var.rte >= 0 && o->q->rtable[v->var.rte].kind == RTE_JOIN)
        v = o->q->rtable[v->var.rte].columns[v->var.column].join_expr;
    if (v->kind != EXPR_VAR || v->var.levels_up != 0 || v->var.rte != o->rte)
        o->other = true;
    return !o->other;
}

bool reads_only(const struct query *q, const struct expr *x, int rte)
{
    struct only_rte o = { .q = q, .rte = rte };
    expr_walk((struct expr *)(uintptr_t)x, look_rte, &o);
    return !o.other && !is_constant_expr(x);
}

enum { MAX_PUSHED = 256 };

static bool note_pushed(struct emitter *e, struct level *l, const struct expr *x)
{
    if (!l->pushed && !(l->pushed = ARENA_ARRAY(e->arena, const struct expr *, MAX_PUSHED)))
        return err_oom(e->err);
    if (l->n_pushed < MAX_PUSHED)
        l->pushed[l->n_pushed++] = x;
    return true;
}

/* Tries the conjuncts of WHERE in D1; rte -1: all of them, else those of one relation. *ret_all: none is left. */
static bool push_where(struct emitter *e, struct fetch *f, const struct query *q, int rte, struct str *ret,
                       bool *ret_all)
{
    const struct expr **list;
    size_t n;
    struct str text = STR("");
    *ret_all = true;
    *ret = text;
    if (!q->where)
        return true;
    if (!conjuncts(e, q->where, &list, &n))
        return false;
    for (size_t i = 0; i < n; i++) {
        struct fragment c;
        struct emit_mark mark = emit_mark(f->d1);
        bool mine = rte < 0 || reads_only(q, list[i], rte);
        /* nor does it test rows that a condition before this one would have kept from it */
        if (mine && e->level->n_pushed < MAX_PUSHED && emit_condition(f->d1, list[i], &c) &&
            (*ret_all || !has_guard(&c)) && length_to_push(f->d1, text.n + c.sql.n) <= D1_PUSHED_BYTES) {
            if (!note_pushed(e, e->level, list[i]))
                return false;
            text = text_of(e, "%.*s%s%.*s", STR_FMT(text), text.n ? " AND " : " WHERE ", STR_FMT(c.sql));
            if (!text.p)
                return false;
            continue;
        }
        if (err_is_set(e->err))
            return false;
        if (mine)
            emit_rollback(f->d1, mark);
        *ret_all = false;
    }
    *ret = text;
    return true;
}

static bool is_join(const struct query *q)
{
    return q->n_from > 1 || (q->n_from == 1 && q->from[0]->kind == FROM_JOIN);
}

static bool fetch_relation(struct emitter *e, const struct query *q, int index, struct str *ret)
{
    const struct rte *rte = &q->rtable[index];
    struct emitted_rte *m = &e->level->rtes[index];
    struct fetch *f = fetch_new(e, q);
    struct str where = STR("");
    bool all;
    if (!f)
        return false;
    struct str alias = unique_name(e, rte->alias), name = relation_source(e, rte->relation);
    if (!alias.p || !name.p || !relation_columns(f->d1, rte->relation, rte, alias, &f->level->rtes[index].columns))
        return err_is_set(e->err) ? false : err_oom(e->err);
    if (!rte_is_nullable(q, index) && !push_where(e, f, q, index, &where, &all))
        return false;
    bool in_order = e->shared->settings->in_row_order && rte->relation->kind == RELATION_TABLE;
    f->tail = text_of(e, " FROM %.*s AS %.*s%s%.*s", STR_FMT(name), STR_FMT(alias), in_order ? " NOT INDEXED" : "",
                      STR_FMT(where));
    m->fetch = f;
    add_read(e, rte->relation);
    /* In a join the rows are copied, which LIMIT asks for: SQLite makes itself an index on a copy, but not on our inputs. */
    *ret = is_join(q)
               ? text_of(e, "(SELECT {=%d} FROM f{%d} LIMIT -1) AS %.*s", f->number, f->number, STR_FMT(f->alias))
               : text_of(e, "f{%d} AS %.*s", f->number, STR_FMT(f->alias));
    return f->tail.p && ret->p;
}

bool fetch_query(struct emitter *e, const struct query *q, struct str *ret, struct select_output *out, bool *ret_done)
{
    struct emit_mark mark = emit_mark(e);
    struct str list = STR("");
    *ret_done = false;
    if (!query_has_tables(q))
        return true;
    struct fetch *f = fetch_new(e, q);
    if (!f)
        return !err_is_set(e->err);
    f->d1->level = NULL;
    struct cte_name *ctes = e->shared->ctes;
    bool ok = emit_select(f->d1, q, true, &f->text, out);
    e->shared->ctes = ctes;
    for (size_t i = 0; ok && i < out->n; i++) {
        struct fragment *c = &out->columns[i];
        c->sql = text_of(e, "%.*s.c%zu", STR_FMT(f->alias), i);
        ok = c->sql.p && fetch_read_cell(e, f, q->targets[i].expr->type, c);
        if (ok)
            list = text_of(e, "%.*s%s%.*s AS c%zu", STR_FMT(list), i ? ", " : "", STR_FMT(c->sql), i);
        *c = (struct fragment){ .scale = -1 };
    }
    if (!ok) {
        emit_rollback(e, mark);
        return !err_is_set(e->err);
    }
    f->n_columns = out->n ? out->n : 1;
    *ret = text_of(e, "SELECT %.*s FROM f{%d} AS %.*s", STR_FMT(list.n ? list : STR("1 AS c0")), f->number,
                   STR_FMT(f->alias));
    *ret_done = true;
    return ret->p != NULL;
}

bool fetch_rte(struct emitter *e, const struct query *q, int index, struct str *ret, bool *ret_done)
{
    const struct rte *rte = &q->rtable[index];
    struct emitted_rte *m = &e->level->rtes[index];
    *ret_done = true;
    if (rte->kind == RTE_RELATION)
        return fetch_relation(e, q, index, ret);
    struct str select;
    struct select_output out;
    struct level *level = e->level;
    if (rte->is_same_level)
        e->level = level->parent;
    bool ok = fetch_query(e, rte->subquery, &select, &out, ret_done);
    e->level = level;
    if (!ok || !*ret_done)
        return !err_is_set(e->err);
    struct str alias = unique_name(e, rte->alias.n ? rte->alias : STR("subquery"));
    struct fragment *columns = ARENA_ARRAY(e->arena, struct fragment, out.n + 1);
    if (!alias.p || !columns)
        return err_is_set(e->err) ? false : err_oom(e->err);
    for (size_t i = 0; i < out.n; i++)
        columns[i] =
            (struct fragment){ .sql = text_of(e, "%.*s.c%zu", STR_FMT(alias), i), .simple = true, .scale = -1 };
    m->columns = columns;
    *ret = text_of(e, is_join(q) ? "(%.*s LIMIT -1) AS %.*s" : "(%.*s) AS %.*s", STR_FMT(select), STR_FMT(alias));
    return ret->p != NULL;
}

/* ---- a whole block ---- */

static bool group_only(struct emitter *e, const struct query *q, bool having, struct str *ret)
{
    struct query without = *q;
    if (!having)
        without.having = NULL;
    return emit_group(e, &without, ret);
}

bool fetch_block(struct emitter *e, const struct query *q, enum fetched_part most, enum fetched_part *ret)
{
    struct level *l = e->level;
    struct str from, where, group = STR(""), order = STR(""), limit = STR("");
    bool all;
    *ret = FETCHED_NOTHING;
    if ((most >= FETCHED_GROUPS && q->has_set_returning) || (most == FETCHED_ORDER && q->distinct))
        return true;
    struct fetch *f = fetch_new(e, q);
    if (!f)
        return false;
    if (!emit_with(f->d1, q, &f->with) || !emit_from(f->d1, q, &from) || !push_where(e, f, q, -1, &where, &all))
        return false;
    if (most >= FETCHED_GROUPS && (!all || !group_only(f->d1, q, most == FETCHED_ORDER, &group)))
        return false;
    if (most == FETCHED_ORDER && (!emit_order(f->d1, q, &order) || !emit_limit(f->d1, q, &limit)))
        return false;
    f->tail = text_of(e, " FROM %.*s%.*s%.*s%.*s%.*s", STR_FMT(from), STR_FMT(where), STR_FMT(group), STR_FMT(order),
                      STR_FMT(limit));
    if (most > FETCHED_ROWS && length_to_push(f->d1, f->tail.n) > D1_PUSHED_BYTES)
        return blocked(e, -1, "groups or an order of more than %d bytes of D1's SQL", D1_PUSHED_BYTES);
    l->fetch = f;
    l->part = most;
    l->rtes_alias = text_of(e, "f{%d} AS %.*s", f->number, STR_FMT(f->alias));
    *ret = most;
    return f->tail.p && l->rtes_alias.p;
}

/* ---- plans ---- */

/* *ret_too_long: of how many bytes the text would be; 0: it fits. */
static bool try_statement(struct emitter *e, struct str sql, struct plan_statement *ret, size_t *ret_too_long)
{
    struct bind *binds;
    size_t n;
    bool as_json;
    const struct d1_traits *traits = &e->shared->settings->traits;
    if (!finish_binds(e, traits->max_params, &sql, &binds, &n, &as_json))
        return false;
    *ret_too_long = traits->max_statement_bytes && sql.n > traits->max_statement_bytes ? sql.n : 0;
    *ret = (struct plan_statement){ .sql = sql, .binds = binds, .n_binds = n, .binds_as_json = as_json };
    return true;
}

bool place_statement(struct emitter *e, struct str sql, struct plan_statement *ret)
{
    size_t too_long;
    if (!try_statement(e, sql, ret, &too_long))
        return false;
    if (!too_long)
        return true;
    err_set(e->err, SQLSTATE_STATEMENT_TOO_COMPLEX, "statement is too long for D1: %zu bytes of SQL, at most %zu",
            too_long, e->shared->settings->traits.max_statement_bytes);
    return err_hint(e->err, "Pass long lists as an array parameter.");
}

bool fetch_statement(struct fetch *f, struct plan_statement *ret)
{
    struct emitter *d1 = f->d1;
    struct str sql = f->text, list = STR("");
    if (!sql.p) {
        for (size_t i = 0; i < f->n_columns && list.p; i++)
            list = text_of(d1, "%.*s%s%.*s AS c%zu", STR_FMT(list), i ? ", " : "", STR_FMT(f->columns[i]), i);
        if (!f->n_columns) {
            list = STR("1 AS c0");
            f->n_columns = 1;
        }
        sql = text_of(d1, "%.*sSELECT %.*s%.*s", STR_FMT(f->with), STR_FMT(list), STR_FMT(f->tail));
    }
    if (!sql.p || !place_statement(d1, sql, ret))
        return false;
    ret->role = STATEMENT_FETCH;
    ret->gives_rows = true;
    ret->n_columns = f->n_columns;
    return true;
}

bool place_finish(struct emit_shared *s, const struct query *q, struct emitter *local, struct str sql)
{
    struct plan *plan = s->plan;
    bool as_json;
    size_t n_inputs = 0;
    plan->local = ARENA_NEW(s->arena, struct plan_local);
    plan->statements = ARENA_ARRAY(s->arena, struct plan_statement, s->n_fetches * 2 + 1);
    if (!plan->local || !plan->statements)
        return err_oom(s->err);
    for (int writes = 0; writes < 2; writes++) /* all parts see what was there before */
        for (size_t i = 0; i < s->n_fetches; i++) {
            struct fetch *f = s->fetches[i];
            if (f->changing || f->writes != writes)
                continue;
            if (f->helper.p)
                plan->statements[plan->n_statements++] =
                    (struct plan_statement){ .sql = f->helper, .role = STATEMENT_HELPER };
            s->input_order[i] = (int)n_inputs++;
            if (!fetch_statement(f, &plan->statements[plan->n_statements++]))
                return false;
        }
    if (!changing_with(s, q, &n_inputs))
        return false;
    struct plan_local *l = plan->local;
    if (!finish_binds(local, 0, &sql, &l->binds, &l->n_binds, &as_json))
        return false;
    l->sql = sql;
    l->n_inputs = n_inputs;
    l->needs_catalog = s->needs_catalog;
    plan->place = plan->n_statements ? PLACE_D1_THEN_FINISH : PLACE_HERE;
    return true;
}

/* A doubtful one can be computed alone, and left out. */
static bool prelude_column(struct emit_shared *s, size_t at, struct str *ret)
{
    static const struct bind which = { .source = BIND_PRELUDE_COLUMN, .type = TYPE_OID_int4, .typmod = -1 };
    struct fragment f;
    *ret = s->prelude_columns[at].sql;
    if (!s->prelude_columns[at].is_doubtful)
        return true;
    s->plan->prelude_is_doubtful = true;
    if (!emit_bind(s->prelude, &which, &f))
        return false;
    *ret = text_of(s->prelude, "CASE WHEN coalesce(%.*s = %zu, 1) THEN %.*s END", STR_FMT(f.sql), at, STR_FMT(*ret));
    return ret->p != NULL;
}

bool place_prelude(struct emit_shared *s)
{
    struct str sql = STR("SELECT ");
    bool as_json;
    if (!s->prelude || !s->n_prelude)
        return true;
    struct plan_local *l = ARENA_NEW(s->arena, struct plan_local);
    if (!l)
        return err_oom(s->err);
    for (size_t i = 0; i < s->n_prelude && sql.p; i++) {
        struct str column;
        if (!prelude_column(s, i, &column))
            return false;
        sql = text_of(s->prelude, "%.*s%s%.*s AS c%zu", STR_FMT(sql), i ? ", " : "", STR_FMT(column), i);
    }
    if (!sql.p || !finish_binds(s->prelude, 0, &sql, &l->binds, &l->n_binds, &as_json))
        return false;
    l->sql = sql;
    l->needs_catalog = s->needs_catalog;
    s->plan->prelude = l;
    return true;
}

static bool place_local(struct emit_shared *s, struct query *q)
{
    struct emitter local;
    struct str sql;
    struct select_output out;
    emitter_init(&local, s, TARGET_LOCAL);
    if (!emit_select(&local, q, true, &sql, &out))
        return refuse_blocked(&local);
    return place_finish(s, q, &local, sql) && describe_columns(&local, q, q->targets, q->n_targets, &out);
}

bool place_select(struct emit_shared *s, struct query *q)
{
    struct emitter d1;
    struct str sql;
    struct select_output out;
    struct plan *plan = s->plan;
    if (!query_has_tables(q))
        return place_local(s, q);
    emitter_init(&d1, s, TARGET_D1);
    struct emit_mark mark = emit_mark(&d1);
    size_t too_long = 0;
    plan->statements = ARENA_NEW(s->arena, struct plan_statement);
    if (!plan->statements)
        return err_oom(s->err);
    bool printed = emit_select(&d1, q, true, &sql, &out) && try_statement(&d1, sql, plan->statements, &too_long);
    if (!printed && err_is_set(s->err))
        return false;
    if (!printed || too_long) {
        emit_rollback(&d1, mark);
        s->n_names = 0;
        s->ctes = NULL;
        return place_local(s, q);
    }
    if (!describe_columns(&d1, q, q->targets, q->n_targets, &out))
        return false;
    plan->n_statements = 1;
    plan->statements->gives_rows = true;
    plan->statements->n_columns = out.n ? out.n : 1;
    plan->place = PLACE_D1;
    return true;
}
