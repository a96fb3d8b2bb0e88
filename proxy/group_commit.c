/*
 * group_commit.c - writes for good: the batch's identity, the ids of other blocks that it leaves alone, and what became of a batch
 * whose answer was lost.
 *
 * When it turns out to have run, its counts are known and its rows are not: steps that only count are answered as if nothing had
 * happened; where one gave rows, the client is told that it is committed (08007), and nothing runs again.
 *
 * Not here the states of a batch in doubt and what each answer means: txn/resolution.h. Ids of open blocks: txn/reservation.h.
 */
#include "proxy/group_private.h"

#include <stddef.h>

/* ---- ahead of it ---- */

bool group_commits_block(const struct group *g)
{
    const struct transaction *t = &g->session->transaction;
    return t->state == TXN_OPEN && g->end == END_COMMIT && (t->buffer.n_writes || (g->head && t->buffer.first));
}

struct ahead {
    struct group *g;
    size_t room;
};

static bool writes_table(const struct group *g, struct str table)
{
    for (const struct step *step = g->head; step != g->batch_end; step = step->next)
        for (size_t i = 0; step->is_write && i < step->x.plan->n_writes; i++)
            if (str_eq(step->x.plan->writes[i]->sqlite_name, table))
                return true;
    return g->n_before && buffer_writes(&g->session->transaction.buffer, table);
}

static bool add_ahead(void *ctx, struct str table, int64_t highest)
{
    struct ahead *a = ctx;
    struct group *g = a->g;
    struct err err;
    err_init(&err, g->arena);
    if (!writes_table(g, table))
        return true;
    if (!g->ahead)
        g->ahead = ARENA_ARRAY(g->arena, struct d1_statement, a->room);
    if (!g->ahead || g->n_ahead + 2 > a->room ||
        !count_statements(table, highest, g->arena, &g->ahead[g->n_ahead], &err))
        return false; /* the check at the other's COMMIT decides */
    g->n_ahead += 2;
    return true;
}

/* Rows that are inserted for good do not take ids that other open blocks were shown. */
void group_leave_reserved(struct group *g)
{
    struct ahead a = { g, 16 };
    const struct database *db = g->database;
    g->ahead = NULL;
    g->n_ahead = 0;
    if (!g->batch_writes || g->speculates || g->undoes || !db->snapshot)
        return;
    reservation_others(&db->schema->reservations, g->session->transaction.held, db->snapshot->version, add_ahead, &a);
    g->n_before += g->n_ahead;
    for (struct step *step = g->head; step != g->batch_end; step = step->next)
        step->first += g->n_ahead;
}

/* ---- its identity ---- */

enum { NOTES_MAX = 250 }; /* counts noted in one batch; each costs D1 a row written */

static bool must_identify(const struct group *g)
{
    if (g->resolution.state == RESOLUTION_DOUBT) /* the same batch again */
        return true;
    switch (g->session->serving->config->exactly_once) {
    case CONFIG_EXACTLY_ONCE_OFF:
        return false;
    case CONFIG_EXACTLY_ONCE_TRANSACTIONS:
        if (g->end != END_COMMIT)
            return false;
        break;
    case CONFIG_EXACTLY_ONCE_ON:
        break;
    }
    return g->batch_writes && !g->undoes && !g->speculates && !g->database->d1->traits.in_process;
}

/* Whether its answer needs nothing that is lost with the batch's. The count to be noted must be that of its last statement. */
static bool is_answerable(const struct step *step, bool *ret_counts)
{
    const struct plan *plan = step->x.plan;
    size_t counted = 0;
    *ret_counts = false;
    if (step->bulk)
        return true; /* COPY: we have counted the rows */
    if (plan->local || plan->n_columns > 0 || step->x.sink == SINK_STORE || step->n_statements != plan->n_statements)
        return false;
    for (size_t i = 0; i < plan->n_statements; i++) {
        if (plan->statements[i].gives_rows && plan->statements[i].role != STATEMENT_HELPER)
            return false;
        counted += plan->statements[i].counts_changes;
    }
    *ret_counts = counted > 0;
    return counted == 0 || (counted == 1 && plan->statements[plan->n_statements - 1].counts_changes);
}

/* Which steps note their counts; false: not all of the batch could be answered by them, so none does. */
static bool note_counts(struct group *g)
{
    size_t notes = 0;
    bool all = true;
    for (struct step *step = g->head; step != g->batch_end; step = step->next) {
        all = is_answerable(step, &step->notes_count) && all;
        notes += step->notes_count;
    }
    all = all && notes <= NOTES_MAX;
    for (struct step *step = g->head; !all && step != g->batch_end; step = step->next)
        step->notes_count = false;
    g->resolution.wants_counts = all && notes > 0;
    return all;
}

size_t group_make_identity(struct group *g)
{
    size_t more = 0;
    for (struct step *step = g->head; step != g->batch_end; step = step->next)
        step->notes_count = false;
    g->identity = must_identify(g) ? RESOLUTION_MEMBERS : 0;
    if (!g->identity)
        return 0;
    g->answerable = note_counts(g);
    g->n_before += g->identity;
    more = g->identity;
    for (struct step *step = g->head; step != g->batch_end; step = step->next) {
        step->first += more;
        more += step->notes_count;
    }
    return more;
}

bool group_identify(struct group *g, struct err *err)
{
    bool counts = g->resolution.wants_counts;
    if (g->resolution.state == RESOLUTION_NONE && !resolution_begin(&g->resolution, clock_wall_us(g->worker->clock)))
        return err_set(err, SQLSTATE_INTERNAL_ERROR, "could not generate random values");
    g->resolution.wants_counts = counts;
    return true;
}

void group_fill_identity(const struct group *g, struct d1_statement *all)
{
    if (!g->identity)
        return;
    resolution_members(&g->resolution, all);
    for (const struct step *step = g->head; step != g->batch_end; step = step->next)
        if (step->notes_count)
            all[step->first + step->n_statements] = resolution_note_count(&g->resolution);
}

/* ---- in doubt ---- */

static void send_fence(struct group *g);

static void resolve_again(struct timer *t)
{
    struct group *g = (struct group *)((char *)t - offsetof(struct group, resolution.timer));
    g->resolution.is_waiting = false;
    if (g->resolution.state == RESOLUTION_FENCE)
        send_fence(g);
    else
        group_go_on(g); /* the same batch once more */
}

static void resolve_later(struct group *g, uint64_t wait_us)
{
    g->resolution.is_waiting = true;
    g->resolution.timer.fire = resolve_again;
    worker_timer(g->worker, &g->resolution.timer, worker_now(g->worker) + wait_us);
}

static enum d1_flow on_fence_row(struct d1_request *r, size_t statement, const struct value *cells, size_t n)
{
    struct group *g = r->user;
    if (statement == 1)
        g->resolution.fenced = true;
    if (statement == 2 && n == 1 && cells[0].class == VALUE_TEXT)
        g->resolution.counts = arena_str(g->arena, cells[0].bytes);
    return D1_CONTINUE;
}

static void send_fence(struct group *g)
{
    struct d1_statement *fence = ARENA_ARRAY(g->arena, struct d1_statement, RESOLUTION_FENCE_MEMBERS);
    if (!fence) { /* no memory is no answer: later */
        resolve_later(g, 1000000);
        return;
    }
    resolution_fence(&g->resolution, fence);
    g->resolution.fenced = false;
    g->request = (struct d1_request){ .statements = fence,
                                      .n_statements = RESOLUTION_FENCE_MEMBERS,
                                      .access = D1_WRITE,
                                      .session = group_d1_session(g),
                                      .identity = g->resolution.id.bytes,
                                      .deadline_us = worker_now(g->worker) + g->session->serving->config->d1_timeout_us,
                                      .on_row = on_fence_row,
                                      .done = group_on_done,
                                      .user = g,
                                      .arena = g->arena };
    g->in_flight = true;
    database_submit(g->database, &g->request);
}

/* The error is what the client hears of it. A block is gone, as committed or not. */
static void end_with(struct group *g, bool committed, const struct err *err)
{
    struct session *s = g->session;
    if (g->end == END_COMMIT)
        transaction_end(&s->transaction, committed, false, &s->gucs);
    if (g->head)
        group_fail_at_head(g, err);
    else if (group_add_error(g, err))
        group_go_on(g);
}

/* The counts of the batch as its row knows them, in the form of an answer; NULL: not all are known. */
static struct d1_result *known_results(struct group *g)
{
    size_t n = g->n_before, noted = 0;
    for (const struct step *step = g->head; step != g->batch_end; step = step->next)
        n = step->first + step->n_statements;
    struct d1_result *results = g->answerable ? ARENA_ARRAY(g->arena, struct d1_result, n) : NULL;
    for (const struct step *step = g->head; results && step != g->batch_end; step = step->next)
        if (step->notes_count &&
            !resolution_count(&g->resolution, noted++, &results[step->first + step->n_statements - 1].changes))
            return NULL;
    return results;
}

static void suspect_schema(struct group *g)
{
    group_schema_drop(g);
    if (g->n_ddl || g->session->transaction.buffer.n_ddl)
        database_schema_suspect(g->database);
}

/* It had run before its answer was lost. */
static void done_before(struct group *g)
{
    struct err err;
    struct d1_result *results = known_results(g);
    err_init(&err, g->arena);
    suspect_schema(g);
    group_is_done(g);
    if (results && group_prepare_steps(g)) {
        overlay_drop(&g->session->transaction.overlay);
        if (group_answer_until(g, g->batch_end, results))
            group_go_on(g);
        return;
    }
    err_set(&err, SQLSTATE_TRANSACTION_RESOLUTION_UNKNOWN,
            "the transaction was committed, but the answers of its last statements were lost");
    err_detail(&err, "Its id is %s.", g->resolution.digits);
    end_with(g, true, &err);
}

/* Nothing of it happened, nor will: the error is as good as that of a first answer. */
static void fence_holds(struct group *g)
{
    g->request.error = g->resolution.failure;
    g->request.results = NULL;
    group_failed(g);
}

static void never_known(struct group *g)
{
    struct err err;
    err_init(&err, g->arena);
    resolution_unknown(&g->resolution, &err);
    suspect_schema(g);
    end_with(g, false, &err);
}

/* True: the answer has been dealt with. */
bool group_resolve(struct group *g)
{
    uint64_t wait = 0, timeout = g->session->serving->config->commit_resolution_timeout_us;
    if (g->resolution.state == RESOLUTION_NONE)
        return false;
    switch (resolution_next(&g->resolution, &g->request.error, worker_now(g->worker), timeout, &wait)) {
    case RESOLUTION_ANSWER:
        return false;
    case RESOLUTION_COMMITTED:
        done_before(g);
        return true;
    case RESOLUTION_AGAIN:
        metric_add(&g->worker->metrics, METRIC_d1_errors, 1);
        group_schema_drop(g);
        resolve_later(g, wait);
        return true;
    case RESOLUTION_BEGIN_FENCE:
        g->resolution.failure = g->request.error;
        group_schema_drop(g);
        send_fence(g);
        return true;
    case RESOLUTION_FAILED:
        fence_holds(g);
        return true;
    case RESOLUTION_UNKNOWN:
        never_known(g);
        return true;
    }
    return false;
}
