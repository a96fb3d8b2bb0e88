/* protocol_simple.c - Query: one string, any number of statements, one implicit transaction (PostgreSQL's manual, 55.2.2). */
#include "proxy/activity.h"
#include "proxy/group.h"
#include "proxy/planning.h"
#include "proxy/portal.h"
#include "proxy/prepared.h"
#include "proxy/protocol.h"

enum { TURN_US = 20000 };

static void finish(struct session *s)
{
    group_run(s->group, GOAL_SYNC, END_IMPLICIT);
}

static enum outcome run_planned(struct session *s, struct found_plan *found, const struct sql_source *source,
                                struct err *err)
{
    struct group *g = s->group;
    struct execution x = { .plan = found->plan,
                           .source = *source,
                           .literals = found->literals,
                           .n_literals = found->n_literals,
                           .literal_offsets = found->literal_offsets,
                           .describe = true };
    if (!group_keep_plan(g, found->plan, err))
        return OUTCOME_FAILED;
    if (found->plan->n_params) {
        err_set(err, SQLSTATE_UNDEFINED_PARAMETER, "there is no parameter $1");
        return OUTCOME_FAILED;
    }
    return execute(s, &x, err);
}

/* A failed block takes nothing but its end; what else it is does not matter, so it is not planned. */
static bool refuse_in_failed_block(struct session *s, const struct sql_statement *statement, struct err *err)
{
    return s->transaction.state == TXN_FAILED && !sql_ends_transaction(statement) &&
           transaction_refuses_failed(&s->transaction, err);
}

static enum outcome run_statement(struct session *s, struct err *err)
{
    struct group *g = s->group;
    const struct sql_statement *statement = &g->list.statements[g->at];
    struct sql_source source = { .text = g->text, .index = g->at, .without_params = true };
    struct found_plan found;
    if (refuse_in_failed_block(s, statement, err))
        return OUTCOME_FAILED;
    enum outcome outcome = planning_make(s, statement, &source, g->list.n == 1, &found, err);
    return outcome == OUTCOME_DONE ? run_planned(s, &found, &source, err) : outcome;
}

static void next_turn(struct timer *t)
{
    session_wake((struct session *)((char *)t - offsetof(struct session, timer)));
}

/* Goes through the statements until one has to wait; it is run again from its beginning then. A long string is worked through in
 * turns, so that the other sessions of the thread have theirs. */
static void go_on(struct session *s)
{
    struct group *g = s->group;
    struct err err;
    uint64_t began = worker_now(s->worker);
    while (g->at < g->list.n) {
        err_init(&err, g->arena);
        switch (run_statement(s, &err)) {
        case OUTCOME_DONE:
            g->at++;
            break;
        case OUTCOME_WAIT:
            s->wake = go_on;
            return;
        case OUTCOME_FAILED:
            session_fail(s, &err);
            return;
        case OUTCOME_OVER:
            return;
        case OUTCOME_COPY_IN: /* the rows come as messages; the string goes on behind them */
            g->at++;
            s->wake = go_on;
            return;
        }
        if (s->state == SESSION_CLOSED)
            return;
        if (g->at < g->list.n && worker_now(s->worker) - began > TURN_US) {
            s->wake = go_on;
            s->timer.fire = next_turn;
            session_wait(s);
            worker_timer(s->worker, &s->timer, worker_now(s->worker) + 1);
            return;
        }
    }
    finish(s);
}

/* An empty string, or only semicolons and comments. */
static bool is_empty(const struct sql_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        if (!list->statements[i].is_empty)
            return false;
    return true;
}

enum outcome protocol_query(struct session *s, struct str body, struct err *err)
{
    struct query_msg m;
    struct group *g = session_group(s);
    if (!g)
        return err_oom(err), OUTCOME_FAILED;
    g->is_simple = true;
    if (!query_read(body, &m, err))
        return OUTCOME_FAILED;
    portal_remove(s, portal_find(s, (struct str){ 0 }, NULL));
    prepared_remove(s, (struct str){ 0 });
    g->text = arena_str(g->arena, m.sql); /* the message may be gone before the last statement runs */
    if (!g->text.p)
        return err_oom(err), OUTCOME_FAILED;
    activity_statement(s, g->text);
    struct found_plan found;
    if (s->transaction.state != TXN_FAILED && planning_cached(s, g->text, NULL, 0, &found)) {
        struct sql_source source = { .text = g->text };
        enum outcome outcome = run_planned(s, &found, &source, err);
        if (outcome != OUTCOME_DONE)
            return outcome;
        finish(s);
        return OUTCOME_DONE;
    }
    if (!planning_parse(s, g->text, s->gucs.live.raw_sqlite, &g->list, err))
        return OUTCOME_FAILED;
    if (is_empty(&g->list)) {
        backend_empty_query(session_out(s));
        finish(s);
        return OUTCOME_DONE;
    }
    g->is_multi = g->list.n > 1;
    go_on(s);
    return OUTCOME_DONE;
}
