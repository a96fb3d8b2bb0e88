/*
 * rewrite_changing_with.c - WITH x AS (INSERT/UPDATE/DELETE … RETURNING …): several statements of one batch.
 *
 * D1 has no data-modifying WITH. A SELECT gets the returned rows as inputs of the local engine, after everything it
 * reads
 * itself (PostgreSQL: all parts see the same snapshot). Where another changing statement reads them, it reads an
 * equivalent
 * SELECT instead: a DELETE's rows before they go, an UPDATE's rows with the new values put in, and an INSERT's rows
 * by their
 * rowids right after they came. The order of the statements follows from that. What would see another part's changes
 * is refused.
 */
#include "proxy/sql/change_private.h"

enum { MAX_CHANGING = 16 };

struct changing {
    const struct cte *cte;
    const struct query *query;
    struct change change;
    struct fetch *fetch;      /* its rows feed the local part */
    unsigned uses;            /* statements of the list whose rows it reads */
    bool printed, reading;    /* reading: its equivalent is being printed */
    struct expr **new_values; /* UPDATE: by column of the target */
};

struct order {
    const struct query *queries[MAX_CHANGING + 1];
    struct written written[MAX_CHANGING + 1]; /* what each changes, by its keys too */
    unsigned uses[MAX_CHANGING + 1];
    int place[MAX_CHANGING + 1], list[MAX_CHANGING + 1];
    size_t n; /* statements; the last is the plan's own when it changes data */
};

bool changing_collect(struct emit_shared *s, const struct query *q)
{
    struct emitter e;
    emitter_init(&e, s, TARGET_D1);
    for (size_t i = 0; i < q->n_ctes; i++) {
        if (q->ctes[i].query->command == COMMAND_SELECT)
            continue;
        if (!s->changing && !(s->changing = ARENA_ARRAY(s->arena, struct changing, MAX_CHANGING)))
            return err_oom(s->err);
        if (s->n_changing == MAX_CHANGING)
            return refused(&e, -1, SQLSTATE_FEATURE_NOT_SUPPORTED,
                           "more than %d WITH queries that change data are not supported", MAX_CHANGING);
        s->changing[s->n_changing++] = (struct changing){ .cte = &q->ctes[i], .query = q->ctes[i].query };
    }
    return true;
}

struct changing *changing_find(const struct emit_shared *s, const struct cte *cte)
{
    for (size_t i = 0; i < s->n_changing; i++)
        if (s->changing[i].cte == cte)
            return &s->changing[i];
    return NULL;
}

/* ---- equivalents ---- */

static bool target_item(struct emitter *e, const struct query *q, struct query *select)
{
    struct from_item *item = ARENA_NEW(e->arena, struct from_item);
    struct from_item **from = ARENA_ARRAY(e->arena, struct from_item *, q->n_from + 1);
    if (!item || !from)
        return err_oom(e->err);
    *item = (struct from_item){ .kind = FROM_RTE, .rte = q->result_rte };
    from[0] = item;
    for (size_t i = 0; i < q->n_from; i++)
        from[i + 1] = q->from[i];
    *select = (struct query){ .command = COMMAND_SELECT,
                              .parent = q->parent,
                              .rtable = q->rtable,
                              .n_rtable = q->n_rtable,
                              .from = from,
                              .n_from = q->n_from + 1,
                              .where = q->where,
                              .targets = q->returning,
                              .n_targets = q->n_returning,
                              .ctes = q->ctes,
                              .n_ctes = q->n_ctes,
                              .with_recursive = q->with_recursive,
                              .has_sublinks = true };
    return true;
}

static bool set_new_values(struct emitter *e, struct changing *c)
{
    const struct query *q = c->query;
    const struct relation *r = q->rtable[q->result_rte].relation;
    c->new_values = ARENA_ARRAY(e->arena, struct expr *, r->n_columns);
    if (!c->new_values)
        return err_oom(e->err);
    for (size_t i = 0; i < q->n_sets; i++)
        c->new_values[q->sets[i].column - r->columns] = q->sets[i].expr;
    return true;
}

bool changing_new_value(struct emitter *e, const struct level *l, const struct expr *x, bool *ret_done,
                        struct fragment *ret)
{
    *ret_done = false;
    for (size_t i = 0; i < e->shared->n_changing; i++) {
        struct changing *c = &e->shared->changing[i];
        if (!c->reading || !c->new_values || l->query->rtable != c->query->rtable ||
            x->var.rte != c->query->result_rte || !e->in_targets)
            continue;
        const struct relation *r = c->query->rtable[c->query->result_rte].relation;
        const struct column *column = c->query->rtable[x->var.rte].columns[x->var.column].column;
        struct expr *value = column ? c->new_values[column - r->columns] : NULL;
        if (!value)
            return true;
        *ret_done = true;
        e->in_targets = false; /* the new value is computed from the old ones */
        bool ok = emit_expr(e, value, ret);
        e->in_targets = true;
        return ok;
    }
    return true;
}

/* Rows that the INSERT just before has made: SQLite numbers them one after the other. */
static bool inserted_rows(struct emitter *e, const struct changing *c, struct str *ret, struct select_output *out)
{
    const struct query *q = c->query;
    const struct relation *r = q->rtable[q->result_rte].relation;
    bool explicit_rowid = false;
    struct query select;
    for (size_t i = 0; i < q->n_insert_columns; i++)
        for (size_t k = 0; q->insert_columns[i]->is_rowid && k < q->n_insert_rows; k++)
            explicit_rowid = explicit_rowid || q->insert_rows[k][i]->kind != EXPR_NEXTVAL_DEFAULT;
    for (size_t i = 0; q->insert_select && i < q->n_insert_columns; i++)
        explicit_rowid = explicit_rowid ||
                         (q->insert_columns[i]->is_rowid && q->insert_select_exprs[i]->kind != EXPR_NEXTVAL_DEFAULT);
    bool one = !q->insert_select && q->n_insert_rows == 1;
    if (r->without_rowid || (explicit_rowid && !one) || (q->on_conflict && q->on_conflict->update))
        return blocked(e, -1, "reading what this INSERT returns in another statement that changes data");
    if (!target_item(e, q, &select))
        return false;
    select.where = NULL;
    select.n_ctes = 0;
    struct str text;
    if (!emit_select(e, &select, false, &text, out))
        return false;
    *ret = text_of(e, "%.*s WHERE rowid > last_insert_rowid() - changes() AND rowid <= last_insert_rowid()",
                   STR_FMT(text));
    return ret->p != NULL;
}

bool rewrite_changing_with_read(struct emitter *e, const struct cte *cte, struct str *ret, struct select_output *out)
{
    struct changing *c = changing_find(e->shared, cte);
    struct query select;
    if (!c || !e->shared->uses)
        return blocked(e, -1, "reading WITH query \"%.*s\" here", STR_FMT(cte->name));
    *e->shared->uses |= 1U << (c - e->shared->changing);
    if (c->query->command == COMMAND_INSERT)
        return inserted_rows(e, c, ret, out);
    if (!target_item(e, c->query, &select) || (c->query->command == COMMAND_UPDATE && !set_new_values(e, c)))
        return false;
    if (c->reading)
        return blocked(e, -1, "reading WITH query \"%.*s\" inside itself", STR_FMT(cte->name));
    c->reading = true;
    bool ok = emit_select(e, &select, false, ret, out);
    c->reading = false;
    return ok;
}

/* ---- the statements ---- */

static bool print_one(struct emitter *e, struct changing *c, bool with_rows)
{
    struct emit_shared *s = e->shared;
    unsigned *outer = s->uses;
    struct str *names = s->names; /* a statement of its own: its names are its own too */
    size_t n_names = s->n_names, size_names = s->size_names;
    s->names = NULL;
    s->n_names = s->size_names = 0;
    c->printed = true;
    c->change = (struct change){ .without_rows = !with_rows, .must_be_d1 = true };
    e->shared->uses = &c->uses;
    bool ok = emit_change_statement(e, c->query, &c->change);
    e->shared->uses = outer;
    s->names = names;
    s->n_names = n_names;
    s->size_names = size_names;
    if (!ok)
        return false;
    if (c->change.n_statements != 1)
        return blocked(e, -1, "a WITH query that inserts this many rows");
    e->shared->plan->access = D1_WRITE;
    return note_writes(e, c->query);
}

bool changing_fetch(struct emitter *e, const struct cte *cte, struct str *ret, struct select_output *out)
{
    struct changing *c = changing_find(e->shared, cte);
    struct str list = STR("");
    if (!c || !cte->query->n_returning)
        return blocked(e, -1, "WITH query \"%.*s\", which returns nothing,", STR_FMT(cte->name));
    if (!(c->fetch = fetch_new(e, cte->query)))
        return false;
    c->fetch->d1->level = NULL;
    if (!print_one(c->fetch->d1, c, true))
        return false;
    *out = c->change.out;
    c->fetch->text = c->change.statements[0].sql;
    c->fetch->changing = c;
    for (size_t i = 0; i < out->n; i++) {
        struct fragment *f = &out->columns[i];
        f->sql = text_of(e, "%.*s.c%zu", STR_FMT(c->fetch->alias), i);
        if (!f->sql.p || !fetch_read_cell(e, c->fetch, cte->query->returning[i].expr->type, f))
            return false;
        list = text_of(e, "%.*s%s%.*s AS c%zu", STR_FMT(list), i ? ", " : "", STR_FMT(f->sql), i);
        *f = (struct fragment){ .scale = -1 };
    }
    c->fetch->n_columns = out->n;
    *ret = text_of(e, "SELECT %.*s FROM f{%d} AS %.*s", STR_FMT(list), c->fetch->number, STR_FMT(c->fetch->alias));
    return ret->p != NULL;
}

/* ---- their order ---- */

/* A later statement must not see what an earlier one did. */
static bool may_come(const struct order *o, size_t s, size_t at)
{
    for (size_t i = 0; i < o->n; i++) {
        if (i == s)
            continue;
        bool i_placed = o->place[i] >= 0, is_insert = o->queries[i]->command == COMMAND_INSERT;
        if (!i_placed && statement_mentions(o->queries[i], &o->written[s]))
            return false;
        /* an INSERT's rows are read right after it, everybody else's before */
        if ((o->uses[s] >> i & 1U) && (is_insert ? !i_placed || o->place[i] != (int)at - 1 : i_placed))
            return false;
        if ((o->uses[i] >> s & 1U) && !i_placed && o->queries[s]->command != COMMAND_INSERT)
            return false;
    }
    return true;
}

/* PostgreSQL looks at keys when all parts are done, SQLite behind each: rows that others refer to come first, and go last. */
static bool breaks_keys(const struct order *o, size_t s)
{
    const struct query *q = o->queries[s];
    for (size_t i = 0; i < o->n; i++) {
        const struct query *other = o->queries[i];
        if (i == s || o->place[i] >= 0)
            continue;
        if (q->command == COMMAND_DELETE
                ? other->command != COMMAND_INSERT && refers_to(target_of(other), target_of(q))
                : other->command == COMMAND_INSERT && refers_to(target_of(q), target_of(other)))
            return true;
    }
    return false;
}

static bool set_order(struct order *o)
{
    for (size_t at = 0; at < o->n; at++) {
        size_t s = o->n;
        for (size_t i = 0; i < o->n && (s == o->n || breaks_keys(o, s)); i++)
            if (o->place[i] < 0 && may_come(o, i, at) && (s == o->n || !breaks_keys(o, i)))
                s = i;
        if (s == o->n)
            return false;
        o->place[s] = (int)at;
        o->list[at] = (int)s;
    }
    return true;
}

static bool add_to_order(struct emitter *e, struct order *o, const struct query *q, unsigned uses)
{
    o->queries[o->n] = q;
    o->uses[o->n] = uses;
    o->place[o->n] = -1;
    return written_tables(e, q, &o->written[o->n++]);
}

bool changing_with(struct emit_shared *s, const struct query *q, size_t *n_inputs)
{
    struct plan *plan = s->plan;
    struct order o = { 0 };
    bool is_change = q->command != COMMAND_SELECT;
    if (!s->n_changing)
        return true;
    for (size_t i = 0; i < s->n_changing; i++) {
        struct changing *c = &s->changing[i];
        struct emitter *e = ARENA_NEW(s->arena, struct emitter);
        if (!e)
            return err_oom(s->err);
        emitter_init(e, s, TARGET_D1);
        if (!c->printed && !print_one(e, c, false))
            return refuse_blocked(e);
        if (!add_to_order(e, &o, c->query, c->uses))
            return false;
    }
    struct emitter e;
    emitter_init(&e, s, TARGET_D1);
    if (is_change && !add_to_order(&e, &o, q, s->main_uses))
        return false;
    if (!set_order(&o))
        return refused(&e, -1, SQLSTATE_FEATURE_NOT_SUPPORTED,
                       "WITH queries that change tables which other parts of the statement use are not supported");
    struct plan_statement *all = ARENA_ARRAY(s->arena, struct plan_statement, plan->n_statements + o.n * 2);
    size_t n = 0;
    if (!all)
        return err_oom(s->err);
    for (size_t i = 0; !is_change && i < plan->n_statements; i++) /* reads come first */
        all[n++] = plan->statements[i];
    for (size_t at = 0; at < o.n; at++) {
        if ((size_t)o.list[at] == s->n_changing) {
            for (size_t i = 0; i < plan->n_statements; i++)
                all[n++] = plan->statements[i];
            continue;
        }
        struct changing *c = &s->changing[o.list[at]];
        if (c->change.guard.sql.n)
            all[n++] = c->change.guard;
        all[n] = c->change.statements[0];
        all[n].role = c->fetch ? STATEMENT_FETCH : STATEMENT_HELPER;
        all[n].gives_rows = c->fetch != NULL;
        all[n++].n_columns = c->fetch ? c->fetch->n_columns : 0;
        if (c->fetch)
            s->input_order[c->fetch->number] = (int)(*n_inputs)++;
    }
    plan->statements = all;
    plan->n_statements = n;
    return true;
}
