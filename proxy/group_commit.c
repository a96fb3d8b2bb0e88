/*
 * group_commit.c - COMMIT of a block: its identity, the ids of others that it leaves alone, and what became of one whose answer
 * was lost.
 *
 * Not here the states of a COMMIT in doubt and what each answer means: txn/resolution.h. Ids of open blocks: txn/reservation.h.
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

/* A COMMIT that is sent again keeps its id. */
bool group_identify(struct group *g, struct err *err)
{
    return g->resolution.state != RESOLUTION_NONE || resolution_begin(&g->resolution) ||
           err_set(err, SQLSTATE_INTERNAL_ERROR, "could not generate random values");
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
    (void)statement, (void)cells, (void)n;
    g->resolution.fenced = true;
    return D1_CONTINUE;
}

static void send_fence(struct group *g)
{
    struct d1_statement *fence = ARENA_ARRAY(g->arena, struct d1_statement, RESOLUTION_MEMBERS);
    if (!fence) { /* no memory is no answer: later */
        resolve_later(g, 1000000);
        return;
    }
    resolution_members(&g->resolution, fence);
    fence[1] = resolution_fence(&g->resolution);
    g->resolution.fenced = false;
    g->request = (struct d1_request){ .statements = fence,
                                      .n_statements = RESOLUTION_MEMBERS,
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

/* The block is gone, as committed or not; the error is what the client hears of it. */
static void end_commit(struct group *g, bool committed, const struct err *err)
{
    struct session *s = g->session;
    group_note_schema(g, false);
    if (committed)
        database_schema_suspect(g->database);
    transaction_end(&s->transaction, committed, false, &s->gucs);
    if (g->head)
        group_fail_at_head(g, err);
    else if (group_add_error(g, err))
        group_go_on(g);
}

/* It had run before its answer was lost. */
static void committed_before(struct group *g)
{
    struct err err;
    err_init(&err, g->arena);
    if (!g->head) {
        group_note_schema(g, false);
        if (g->session->transaction.buffer.n_ddl)
            database_schema_suspect(g->database);
        g->session->cancelled = 0;
        buffer_fini(&g->session->transaction.buffer);
        group_go_on(g);
        return;
    }
    err_set(&err, SQLSTATE_TRANSACTION_RESOLUTION_UNKNOWN,
            "the transaction was committed, but the answers of its last statements were lost");
    err_detail(&err, "Its id is %s.", g->resolution.digits);
    end_commit(g, true, &err);
}

static void begin_fence(struct group *g)
{
    struct resolution *r = &g->resolution;
    struct d1_asked asked = group_asked(g, NULL);
    r->failure = ARENA_NEW(g->arena, struct err);
    if (r->failure) {
        err_init(r->failure, g->arena);
        group_earlier_error(g, &asked, r->failure);
    }
    send_fence(g);
}

static void fence_holds(struct group *g)
{
    struct err oom = { .code = SQLSTATE_OUT_OF_MEMORY, .message = STR("out of memory") };
    end_commit(g, false, g->resolution.failure ? g->resolution.failure : &oom);
}

static void never_known(struct group *g)
{
    struct err err;
    err_init(&err, g->arena);
    resolution_unknown(&g->resolution, &err);
    end_commit(g, false, &err);
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
        committed_before(g);
        return true;
    case RESOLUTION_AGAIN:
        metric_add(&g->worker->metrics, METRIC_d1_errors, 1);
        group_schema_drop(g);
        resolve_later(g, wait);
        return true;
    case RESOLUTION_BEGIN_FENCE:
        begin_fence(g);
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
