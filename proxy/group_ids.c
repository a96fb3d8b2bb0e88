/*
 * group_ids.c - ids of rows that an open block inserts: what D1 would give, or drawn ahead where others insert meanwhile.
 *
 * Drawn ids are there before the INSERT is tried out, and D1 has counted them for good, so nobody else can take them, neither a
 * session of this process nor another writer: a range of them costs a request of its own (group_submit_range).
 *
 *   group_give_ids -> none is left: submit_range -> filled -> the batch again -> ids in the INSERTs
 *
 * Not here when a table's ids are drawn, and by whom: txn/reservation.h. How an INSERT takes them: txn/capture.h.
 */
#include "proxy/group_private.h"

#include "proxy/sql/emit.h"

/* ---- for what is tried out ---- */

static struct held *hold(struct group *g, const struct step *step, const struct capture *c)
{
    return reservation_hold(&g->database->schema->reservations, &g->session->transaction.held,
                            step->x.plan->snapshot->version, c->relation->sqlite_name);
}

/* False without an error: a range is wanted. */
static bool give(struct group *g, struct step *step, size_t i, struct capture *c, struct err *err)
{
    size_t n = capture_wants_ids(c, step->x.plan);
    struct held *h = n ? hold(g, step, c) : NULL;
    if (!h || !h->is_drawn)
        return true;
    if (!step->ids && !(step->ids = ARENA_ARRAY(g->arena, int64_t, step->n_statements)))
        return err_oom(err);
    if (!step->ids[i])
        step->ids[i] = reservation_draw(h, n);
    if (!step->ids[i]) {
        g->range = h;
        g->range_ids = reservation_range(h, n);
        return false;
    }
    return capture_pin(c, step->ids[i], g->database->d1->traits.max_params, g->arena, err);
}

bool group_give_ids(struct group *g, struct err *err)
{
    size_t at = 0;
    if (g->prefix.on)
        return true;
    for (struct step *step = g->head; step != g->batch_end; step = step->next)
        for (size_t i = 0; i < step->n_statements; i++, at++)
            if (step->is_write && !step->bulk && !give(g, step, i, &g->speculation.captures[at], err))
                return false;
    return true;
}

bool group_count_from(struct group *g, struct err *err)
{
    struct speculation *sp = &g->speculation;
    struct step *step = g->head;
    for (size_t i = 0; i < sp->n_captures && !g->prefix.on; i++) {
        const struct capture *c = &sp->captures[i];
        struct held *h = c->is_generated && capture_wants_ids(&sp->captures[i], step->x.plan) ? hold(g, step, c) : NULL;
        if (!h)
            continue;
        int64_t highest = reservation_take(h, c->n_inserted);
        if (!highest)
            return true;
        if (!speculation_count_from(sp, c, highest, err))
            return false;
        g->n_before += sp->n_ahead;
        step->first += sp->n_ahead;
        return true;
    }
    return true;
}

/* D1's error names the column whose ids were drawn. */
static bool is_taken(const struct group *g, const struct capture *c)
{
    struct str said = g->request.error.message, start = STR("UNIQUE constraint failed: ");
    struct str name = arena_printf(g->arena, "%.*s%.*s.%.*s", STR_FMT(start), STR_FMT(c->relation->sqlite_name),
                                   STR_FMT(capture_counted(c)->name));
    return name.p && str_starts(said, name) && (said.n == name.n || said.p[name.n] == ':');
}

bool group_earlier_id_is_taken(const struct group *g)
{
    const struct speculation *sp = &g->speculation;
    size_t at = 0;
    bool found = false;
    if (!g->speculates || g->prefix.on)
        return false;
    for (const struct step *step = g->head; step != g->batch_end; step = step->next)
        for (size_t i = 0; i < step->n_statements; i++, at++) {
            const struct capture *c = &sp->captures[at];
            if (!c->relation || !capture_counted(c) || !is_taken(g, c))
                continue;
            if (!c->is_generated && !c->drawn && !c->n_inserted)
                return false; /* it may be the id that this one gives itself */
            found = true;
        }
    return found;
}

bool group_draw_again(struct group *g)
{
    struct speculation *sp = &g->speculation;
    size_t at = 0;
    bool again = false;
    if (!g->speculates || g->prefix.on || g->request.error.kind != D1_ERROR_SQL)
        return false;
    for (struct step *step = g->head; step != g->batch_end; step = step->next)
        for (size_t i = 0; i < step->n_statements; i++, at++) {
            const struct capture *c = &sp->captures[at];
            if (!c->drawn || step->drawn_again || !is_taken(g, c))
                continue;
            reservation_spoil(hold(g, step, c));
            step->ids[i] = 0;
            step->drawn_again = again = true;
        }
    if (again)
        group_go_on(g);
    return again;
}

void group_forget_ids(struct group *g, const struct plan *plan)
{
    bool counts_anew = plan->kind == PLAN_DDL || strcmp(plan->tag, "TRUNCATE TABLE") == 0;
    for (size_t i = 0; i < plan->n_sequences; i++)
        counts_anew |= plan->sequences[i].use == SEQUENCE_SET;
    if (counts_anew)
        reservations_forget(&g->database->schema->reservations);
}

/* The sequences' state is that of the newest step: of one behind this, when it uses any. */
static bool is_newest(const struct step *step)
{
    for (step = step->next; step; step = step->next)
        if (step->x.plan && step->x.plan->n_sequences)
            return false;
    return true;
}

static void learn(struct group *g, const struct step *step, size_t at)
{
    const struct capture *c = &g->speculation.captures[at];
    const struct snapshot *s = step->x.plan->snapshot;
    int64_t highest = c->drawn ? c->drawn + (int64_t)c->n_inserted - 1 : speculation_highest(&g->speculation, at);
    if (c->is_generated)
        reservation_learn(&g->database->schema->reservations, s->version, c->relation->sqlite_name, highest);
    bool is_sent = c->drawn || (c->is_generated && c->n_rows == c->n_inserted);
    if (is_sent &&
        is_newest(step)) /* COMMIT sends it as a value, others may have counted on: D1 could not tell it later */
        sequence_values_show(&g->session->sequences, s, c->relation, highest);
}

void group_learn_ids(struct group *g)
{
    size_t at = 0;
    for (const struct step *step = g->head; step != g->batch_end; step = step->next)
        for (size_t i = 0; i < step->n_statements; i++, at++)
            learn(g, step, at);
}

/* ---- a range ---- */

static enum d1_flow on_range_row(struct d1_request *r, size_t statement, const struct value *cells, size_t n)
{
    struct group *g = r->user;
    int64_t last;
    if (g->session && g->range && statement == 1 && n == 1 && cells[0].class == VALUE_TEXT &&
        str_to_int64(cells[0].bytes, &last) && last >= (int64_t)g->range_ids) {
        reservation_fill(g->range, last - (int64_t)g->range_ids + 1, last);
        g->has_range = true;
    }
    return D1_CONTINUE;
}

/* Without a range the ids are D1's: what is wrong, the batch will be told as well. */
static void on_range_done(struct d1_request *r)
{
    struct group *g = r->user;
    struct err err;
    if (g->session && g->head)
        g->head->round_trips += r->round_trips;
    if (!group_is_answered(g, r))
        return;
    if (r->error.kind == D1_OK || r->error.kind == D1_ERROR_SQL) {
        if (!g->has_range)
            reservation_give_up(g->range);
        group_go_on(g);
        return;
    }
    struct d1_asked asked = group_asked(g, NULL);
    asked.is_write = false;
    err_init(&err, g->arena);
    metric_add(&g->worker->metrics, METRIC_d1_errors, 1);
    d1_error_map(&r->error, &asked, &err);
    group_fail_at_head(g, &err);
}

static struct d1_statement *range_statements(struct group *g)
{
    struct d1_statement *all = ARENA_ARRAY(g->arena, struct d1_statement, 2);
    struct value *params = ARENA_ARRAY(g->arena, struct value, 2);
    struct str table = arena_str(g->arena, reservation_table(g->range)), name = emit_identifier(table, g->arena);
    struct str count = arena_printf(g->arena, "%zu", g->range_ids);
    if (!all || !params || !table.p || !name.p || !count.p)
        return NULL;
    params[0] = value_text(table);
    params[1] = value_text(count);
    all[0] = (struct d1_statement){ .sql = STR(SEQUENCE_ROW_SQL), .params = params, .n_params = 1 };
    all[1] = (struct d1_statement){
        .sql = arena_printf(g->arena,
                            "UPDATE sqlite_sequence SET seq=max(seq,coalesce((SELECT max(rowid) FROM %.*s),0))+"
                            "CAST(?2 AS INTEGER) WHERE name=?1 RETURNING CAST(seq AS TEXT) AS c0",
                            STR_FMT(name)),
        .params = params,
        .n_params = 2,
    };
    return all[1].sql.p ? all : NULL;
}

enum run group_submit_range(struct group *g)
{
    struct d1_statement *statements = range_statements(g);
    struct err err;
    if (!statements) {
        err_init(&err, g->arena);
        err_oom(&err);
        group_fail_at_head(g, &err);
        return RUN_OVER;
    }
    g->has_range = false;
    group_ask(g, statements, 2, D1_WRITE, on_range_row, on_range_done);
    return RUN_WAIT;
}
