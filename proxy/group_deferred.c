/*
 * group_deferred.c - foreign keys whose check waits for the transaction's end, or does so no longer: SET CONSTRAINTS.
 *
 *   declared            SQLite checks        said to be IMMEDIATE            said to be DEFERRED
 *   INITIALLY DEFERRED  at the batch's end   a member behind each write      -
 *   others              at once              -                               PRAGMA defer_foreign_keys from then on: all wait, and those
 *                                                                            that were not said to get a member behind each write
 *
 * SET CONSTRAINTS IMMEDIATE is itself such members, of the keys whose tables the transaction has written. At the end D1 is asked by
 * such members too: its own words for a key that does not hold say nothing. In process they are only asked when it failed.
 *
 * Not here the member (sql/key_check.h), what was said (txn/key_modes.h).
 */
#include "proxy/group_private.h"

#include "proxy/sql/key_check.h"
#include "proxy/utility.h"

#define DEFER_ALL "PRAGMA defer_foreign_keys=on"

/* Behind DDL, which may leave other keys than those known now. */
#define CHECK_ALL                                                                                                      \
    "SELECT json_extract('{}','" KEY_CHECK_AT_END                                                                      \
    "0:insert or update on table \"'||\"table\"||'\" violates a foreign "                                              \
    "key constraint') FROM pragma_foreign_key_check LIMIT 1"

/* ---- members ---- */

struct checks {
    struct d1_statement *list;
    size_t n, size;
    bool no_memory;
};

static void add_member(struct group *g, struct checks *c, struct str sql)
{
    if (c->n == c->size) {
        size_t size = c->size ? 2 * c->size : 8;
        struct d1_statement *list = ARENA_ARRAY(g->arena, struct d1_statement, size);
        c->no_memory |= !list;
        if (!list)
            return;
        if (c->n)
            memcpy(list, c->list, c->n * sizeof(*list));
        c->list = list;
        c->size = size;
    }
    c->no_memory |= !sql.p;
    c->list[c->n++] = (struct d1_statement){ .sql = sql };
}

/* Calls each for every foreign key of the schema that can be, or is, checked later than at once. Members look at all rows of a table:
 * keys that are NOT VALID are left to SQLite, which looks at those that change. */
static void each_key(const struct snapshot *s,
                     void (*each)(void *ctx, const struct relation *r, const struct constraint *c), void *ctx)
{
    for (size_t i = 0; i < s->n_relations; i++)
        for (size_t k = 0; k < s->relations[i].n_constraints; k++)
            if (s->relations[i].constraints[k].kind == 'f' && !s->relations[i].constraints[k].not_valid)
                each(ctx, &s->relations[i], &s->relations[i].constraints[k]);
}

static bool any_not_valid(const struct snapshot *s)
{
    for (size_t i = 0; i < s->n_relations; i++)
        for (size_t k = 0; k < s->relations[i].n_constraints; k++)
            if (s->relations[i].constraints[k].not_valid)
                return true;
    return false;
}

/* SQLite leaves the key for the end of the batch. */
static bool is_left(const struct group *g, const struct constraint *key)
{
    return key->deferred || key_modes_any_deferred(g->session->transaction.key_modes);
}

/* ---- behind a write ---- */

struct behind {
    struct group *g;
    const struct step *step;
    struct checks checks;
};

static bool writes_table(const struct plan *plan, const struct relation *r)
{
    for (size_t i = 0; i < plan->n_writes; i++)
        if (str_eq(plan->writes[i]->sqlite_name, r->sqlite_name))
            return true;
    return false;
}

static enum key_side side_of(const struct plan *plan, const struct relation *referring)
{
    bool own = plan->n_writes && str_eq(plan->writes[0]->sqlite_name, referring->sqlite_name);
    return own && !str_starts(str_from(plan->tag), STR("DELETE")) ? KEY_OF_REFERRING : KEY_OF_REFERRED;
}

static void add_behind(void *ctx, const struct relation *r, const struct constraint *key)
{
    struct behind *b = ctx;
    const struct plan *plan = b->step->x.plan;
    const struct relation *referred = key_referred(plan->snapshot, key);
    if (is_left(b->g, key) && !key_modes_defer(b->g->session->transaction.key_modes, key) &&
        (writes_table(plan, r) || (referred && writes_table(plan, referred))))
        add_member(
            b->g, &b->checks,
            key_check_sql(plan->snapshot, r, key, side_of(plan, r), STR(""), KEY_CHECK_AFTER_STATEMENT, b->g->arena));
}

bool group_add_key_checks(struct group *g, struct step *step, struct err *err)
{
    struct behind b = { .g = g, .step = step };
    if (!g->session->transaction.key_modes || !step->is_write || step->is_ddl || !step->x.plan->n_writes)
        return true;
    each_key(step->x.plan->snapshot, add_behind, &b);
    struct d1_statement *all = ARENA_ARRAY(g->arena, struct d1_statement, step->n_statements + b.checks.n);
    if (!all || b.checks.no_memory)
        return err_oom(err);
    if (step->n_statements)
        memcpy(all, step->statements, step->n_statements * sizeof(*all));
    if (b.checks.n)
        memcpy(all + step->n_statements, b.checks.list, b.checks.n * sizeof(*all));
    step->statements = all;
    step->n_statements += b.checks.n;
    return true;
}

/* ---- of what the transaction has written ---- */

/* Whether the transaction, with the steps before `end`, may have written the table. */
static bool was_written(const struct group *g, const struct step *end, struct str table)
{
    const struct buffer *b = &g->session->transaction.buffer;
    for (const struct buffer_entry *e = b->first; e; e = e->next)
        if (e->touches_all)
            return true;
    for (const struct step *step = g->head; step && step != end; step = step->next) {
        if (step->is_ddl || (step->is_write && !step->x.plan->n_writes))
            return true;
        for (size_t i = 0; step->is_write && i < step->x.plan->n_writes; i++)
            if (str_eq(step->x.plan->writes[i]->sqlite_name, table))
                return true;
    }
    return buffer_writes(b, table);
}

struct written {
    struct group *g;
    const struct snapshot *snapshot;
    const struct plan_constraints *named; /* NULL: those that wait */
    const struct step *end;
    const char *head;
    struct checks checks;
};

static bool names_key(const struct plan_constraints *p, const struct constraint *key)
{
    for (size_t i = 0; i < p->n_constraints; i++)
        if (p->constraints[i] == key->oid)
            return true;
    return false;
}

static void add_written(void *ctx, const struct relation *r, const struct constraint *key)
{
    struct written *w = ctx;
    const struct relation *referred = key_referred(w->snapshot, key);
    if (!is_left(w->g, key) || (w->named && !names_key(w->named, key)) || (!w->named && !key->deferrable))
        return;
    bool own = was_written(w->g, w->end, r->sqlite_name);
    if (own || (referred && was_written(w->g, w->end, referred->sqlite_name)))
        add_member(w->g, &w->checks,
                   key_check_sql(w->snapshot, r, key, own ? KEY_OF_REFERRING : KEY_OF_REFERRED, STR(""), w->head,
                                 w->g->arena));
}

bool group_keys_at_end(struct group *g, struct d1_statement **ret, size_t *ret_n)
{
    const struct snapshot *now = g->session->transaction.overlay.schema;
    struct written w = {
        .g = g, .snapshot = now ? now : g->database->snapshot, .end = g->batch_end, .head = KEY_CHECK_AT_END
    };
    *ret_n = 0;
    if (!w.snapshot || !w.snapshot->has_deferrable_keys || !g->batch_writes || g->undoes || group_drew(g) ||
        (g->database->d1->traits.in_process && !g->asks_keys))
        return true;
    bool has_ddl = g->n_ddl || (g->n_before && g->session->transaction.buffer.n_ddl);
    if (has_ddl && !any_not_valid(w.snapshot))
        add_member(g, &w.checks, STR(CHECK_ALL));
    else if (!has_ddl)
        each_key(w.snapshot, add_written, &w);
    *ret = w.checks.list;
    *ret_n = w.checks.n;
    return !w.checks.no_memory;
}

bool group_ask_keys_at_end(struct group *g)
{
    const struct d1_error *e = &g->request.error;
    if (g->asks_keys || !g->database->d1->traits.in_process || e->kind != D1_ERROR_SQL ||
        !str_starts(e->message, STR("FOREIGN KEY constraint failed")))
        return false;
    g->asks_keys = true;
    group_go_on(g);
    return true;
}

/* ---- SET CONSTRAINTS ---- */

static bool note(struct session *s, const struct plan_constraints *p, struct err *err)
{
    if (p->all)
        return key_modes_add(&s->transaction.key_modes, 0, p->deferred, err);
    for (size_t i = 0; i < p->n_constraints; i++)
        if (!key_modes_add(&s->transaction.key_modes, p->constraints[i], p->deferred, err))
            return false;
    return true;
}

enum outcome utility_set_constraints(struct session *s, struct execution *x, struct err *err)
{
    struct group *g = s->group;
    const struct plan_constraints *p = x->plan->utility.constraints;
    struct written w = { .g = g, .snapshot = x->plan->snapshot, .named = p, .head = KEY_CHECK_AFTER_STATEMENT };
    utility_warn_outside(s, "SET CONSTRAINTS");
    if (!note(s, p, err))
        return OUTCOME_FAILED;
    if (!p->deferred)
        each_key(w.snapshot, add_written, &w);
    else if (x->plan->access == D1_WRITE && !s->transaction.read_only)
        add_member(g, &w.checks, STR(DEFER_ALL));
    if (w.checks.no_memory)
        return err_oom(err), OUTCOME_FAILED;
    if (w.checks.n)
        return group_add(g, x, w.checks.list, w.checks.n, err) ? OUTCOME_DONE : OUTCOME_FAILED;
    statistics_done(s, x, (struct statistics_note){ 0 });
    execute_tag(x->plan, 0, session_out(s));
    return OUTCOME_DONE;
}
