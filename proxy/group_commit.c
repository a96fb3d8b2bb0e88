/*
 * group_commit.c - writes for good: the batch's identity, the ids of other blocks that it leaves alone, and what became of a batch
 * whose answer was lost.
 *
 * When it turns out to have run, its counts and the rows of RETURNING are known by what it noted itself: the client is answered as if
 * nothing had happened. Where one of its steps gave what is not noted (SELECT, rows that txn/recovery.h does not find again), the client
 * is told that it is committed (08007). Nothing runs again.
 *
 * Not here the states of a batch in doubt and what each answer means: txn/resolution.h. Ids of open blocks: txn/reservation.h.
 */
#include "proxy/group_private.h"

#include <stddef.h>
#include "proxy/txn/recovery.h"
#include "proxy/txn/row_text.h"

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
        return false;
    if (!highest)
        return true;
    if (!g->ahead)
        g->ahead = ARENA_ARRAY(g->arena, struct d1_statement, a->room);
    if (!g->ahead || g->n_ahead + 2 > a->room ||
        !count_statements(table, highest, g->arena, &g->ahead[g->n_ahead], &err))
        return true; /* the check at the other's COMMIT decides */
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

enum { NOTES_MAX = 250 }; /* of one batch; each costs D1 a row written */

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

static bool gives_rows(const struct plan_statement *p)
{
    return p->gives_rows && p->role != STATEMENT_HELPER;
}

/* Only the last statement may give something. */
static bool only_last_gives(const struct step *step)
{
    const struct plan *plan = step->x.plan;
    for (size_t i = 0; i + 1 < plan->n_statements; i++)
        if (gives_rows(&plan->statements[i]) || plan->statements[i].counts_changes)
            return false;
    return step->n_statements == plan->n_statements && plan->n_statements > 0;
}

static bool note_rows(struct group *g, struct step *step)
{
    size_t last = step->n_statements - 1;
    struct value id = resolution_id(&g->resolution);
    if (!only_last_gives(step) || step->x.sink == SINK_COPY)
        return false;
    enum recovery_place place = recovery_note(step->x.plan, last, &step->statements[last], &id,
                                              g->database->d1->traits.max_params, g->arena, &step->note.member);
    if (place == RECOVERY_NOWHERE || (place == RECOVERY_AHEAD && last > 0))
        return false;
    step->note.what = NOTE_ROWS;
    step->note.is_ahead = place == RECOVERY_AHEAD;
    return true;
}

static bool is_answered_by_rows(const struct plan *plan)
{
    for (size_t i = 0; i < plan->n_statements; i++)
        if (gives_rows(&plan->statements[i]))
            return true;
    return plan->n_columns > 0 || plan->local;
}

/* Finds what must be noted of it. False: its answer needs more than can be noted. */
static bool note_step(struct group *g, struct step *step)
{
    const struct plan *plan = step->x.plan;
    size_t counted = 0;
    step->note = (struct step_note){ .what = NOTE_NOTHING };
    if (step->bulk)
        return true; /* COPY: we have counted the rows */
    if (is_answered_by_rows(plan))
        return note_rows(g, step);
    if (step->x.sink == SINK_STORE || step->n_statements != plan->n_statements)
        return false;
    for (size_t i = 0; i < plan->n_statements; i++)
        counted += plan->statements[i].counts_changes;
    if (counted == 0)
        return true;
    step->note.what = NOTE_COUNT;
    step->note.member = resolution_note_count(&g->resolution);
    return counted == 1 && plan->statements[plan->n_statements - 1].counts_changes;
}

/* Which steps note what they give; where not all of the batch could be answered by that, none does. */
static bool note_steps(struct group *g)
{
    size_t notes = 0;
    bool all = true;
    for (struct step *step = g->head; all && step != g->batch_end; step = step->next) {
        all = note_step(g, step);
        notes += step->note.what != NOTE_NOTHING;
    }
    all = all && notes <= NOTES_MAX;
    for (struct step *step = g->head; !all && step != g->batch_end; step = step->next)
        step->note.what = NOTE_NOTHING;
    g->resolution.wants_notes = all && notes > 0;
    return all;
}

size_t group_make_identity(struct group *g)
{
    size_t more = 0;
    for (struct step *step = g->head; step != g->batch_end; step = step->next)
        step->note.what = NOTE_NOTHING;
    g->identity = must_identify(g) ? RESOLUTION_MEMBERS : 0;
    if (!g->identity)
        return 0;
    g->answerable = note_steps(g);
    g->n_before += g->identity;
    more = g->identity;
    for (struct step *step = g->head; step != g->batch_end; step = step->next) {
        bool notes = step->note.what != NOTE_NOTHING, ahead = notes && step->note.is_ahead;
        step->first += more + ahead;
        more += notes;
    }
    return more;
}

bool group_identify(struct group *g, struct err *err)
{
    bool notes = g->resolution.wants_notes;
    if (g->resolution.state == RESOLUTION_NONE && !resolution_begin(&g->resolution, clock_wall_us(g->worker->clock)))
        return err_set(err, SQLSTATE_INTERNAL_ERROR, "could not generate random values");
    g->resolution.wants_notes = notes;
    return true;
}

void group_fill_identity(const struct group *g, struct d1_statement *all)
{
    if (!g->identity)
        return;
    resolution_members(&g->resolution, all);
    for (const struct step *step = g->head; step != g->batch_end; step = step->next)
        if (step->note.what != NOTE_NOTHING)
            all[step->note.is_ahead ? step->first - 1 : step->first + step->n_statements] = step->note.member;
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
        g->resolution.notes = arena_str(g->arena, cells[0].bytes);
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

/* The rows behind a count, as if they came from D1 now. */
static bool give_noted_rows(struct group *g, struct step *step, struct str *rest, int64_t n)
{
    size_t last = step->n_statements - 1, n_cells = step->x.plan->statements[last].n_columns;
    struct value *cells = ARENA_ARRAY(g->arena, struct value, n_cells);
    struct str line;
    struct err err;
    err_init(&err, g->arena);
    for (; n > 0; n--) {
        if (!cells || !resolution_line(rest, &line) || !row_text_read(line, n_cells, g->arena, cells, &err))
            return false;
        if (!step->failed)
            group_take_row(g, step, last, cells, n_cells);
    }
    return true;
}

/* What the batch gave as its row knows it, in the form of an answer; NULL: not all is known. */
static struct d1_result *known_results(struct group *g)
{
    size_t n = g->n_before;
    struct str rest = g->resolution.notes;
    for (const struct step *step = g->head; step != g->batch_end; step = step->next)
        n = step->first + step->n_statements;
    struct d1_result *results = g->answerable ? ARENA_ARRAY(g->arena, struct d1_result, n) : NULL;
    for (struct step *step = g->head; results && step != g->batch_end; step = step->next) {
        if (step->note.what == NOTE_NOTHING)
            continue;
        int64_t *count = &results[step->first + step->n_statements - 1].changes;
        if (!resolution_count(&rest, count) ||
            (step->note.what == NOTE_ROWS && !give_noted_rows(g, step, &rest, *count)))
            return NULL;
    }
    return rest.p ? NULL : results;
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
    struct d1_result *results = group_prepare_steps(g) ? known_results(g) : NULL;
    err_init(&err, g->arena);
    suspect_schema(g);
    group_is_done(g);
    if (results) {
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
