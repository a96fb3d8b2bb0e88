/*
 * group_failure.c - a batch that failed: whose error it is, whether it can be asked again, what the client hears.
 *
 *   the block's earlier part -> 40001      the schema was old -> read it, plan again      D1 cannot compute it -> plan for here
 *   several reads -> one by one            a lookup's rows have changed -> look again     else the error, at its step
 *
 * Not here a COMMIT whose answer is lost: group_commit.c.
 */
#include "proxy/group_private.h"

#include "proxy/planning.h"
#include "proxy/sql/key_check.h"

/* ---- who failed ---- */

/* Every statement ran, and the check at the end of the batch failed: COMMIT is what fails, and ends the block. */
static bool failed_at_end(const struct group *g)
{
    return g->request.error.failed > g->schema_first && g->request.results;
}

/* What the block did before does not give any more what it gave: another session has changed the data. */
static bool failed_before(const struct group *g)
{
    const struct d1_error *e = &g->request.error;
    if (g->n_before == g->identity || e->kind != D1_ERROR_SQL)
        return false;
    if (e->failed)
        return e->failed <= g->n_before;
    if (!g->batch_writes && str_starts(e->message, STR("UNIQUE constraint failed: ")))
        return true; /* a read cannot fail so */
    if (group_earlier_id_is_taken(g))
        return true; /* D1 gives new rows ids that are free */
    return g->batch_steps == 0 || d1_error_is_guard(e->message, STR(CAPTURE_CONFLICT));
}

/* The step that D1 refused; NULL: it does not say. */
static struct step *failed_step(struct group *g)
{
    size_t failed = g->request.error.failed;
    if (failed_before(g))
        return NULL;
    if (g->batch_steps == 1 && !failed_at_end(g))
        return g->head;
    if (g->request.error.kind != D1_ERROR_SQL || failed == 0)
        return NULL;
    for (struct step *step = g->head; step != g->batch_end; step = step->next)
        if (failed - 1 < step->first + step->n_statements)
            return step;
    return NULL;
}

/* The only one of the batch that can have failed so; NULL: several can. */
static struct step *only_step_that_fits(struct group *g)
{
    struct step *found = NULL;
    for (struct step *step = g->head; step != g->batch_end; step = step->next) {
        if (!d1_error_fits(g->request.error.message, step->x.plan, g->database->snapshot))
            continue;
        if (found)
            return NULL;
        found = step;
    }
    return found;
}

/* ---- again ---- */

/* Part of the answer is out already. */
static bool has_given(const struct group *g)
{
    return g->streams && g->head->emitter.began;
}

static bool described_already(const struct group *g, const struct step *step)
{
    return step->x.portal != NULL || (step == g->head && has_given(g));
}

static bool same_columns(const struct plan *a, const struct plan *b)
{
    bool same = a->n_columns == b->n_columns;
    for (size_t i = 0; same && i < a->n_columns; i++)
        same = a->columns[i].type == b->columns[i].type && a->columns[i].typmod == b->columns[i].typmod &&
               str_eq(a->columns[i].name, b->columns[i].name);
    return same;
}

bool group_replan(struct group *g, struct step *step, bool force_local, struct err *err)
{
    struct plan *plan;
    bool again;
    if (step->asks_for && step->asks_for->reader)
        return group_replan(g, step->asks_for, force_local, err) && group_read_first_again(g, step, err);
    if (!planning_again(g->session, &step->x.source, step->x.plan, force_local, true, &plan, err))
        return false;
    if (group_is_asking(step)) {
        struct plan *rows = plan->skip && plan->skip->rows ? plan_ref(plan->skip->rows) : NULL;
        plan_unref(plan);
        if (!rows)
            return err_set(err, SQLSTATE_INTERNAL_ERROR, "the statement cannot be planned again");
        plan = rows;
    }
    if (described_already(g, step) && !same_columns(plan, step->x.plan)) {
        plan_unref(plan);
        return planning_fail_changed(err);
    }
    for (size_t i = 0; step->inputs && i < step->x.plan->local->n_inputs; i++)
        local_rows_free(step->inputs[i]);
    step->inputs = NULL;
    plan_unref(step->x.plan);
    step->x.plan = plan;
    step->x.literals = NULL;
    step->x.n_literals = 0;
    step->x.literal_offsets = NULL;
    step->n_statements = plan->n_statements;
    step->texts = NULL;
    step->ids = NULL;
    step->keys = NULL;
    step->forced_local |= force_local;
    if (!execute_bind(g->session, &step->x, g->arena, &step->statements, &again, err) || again)
        return err_set(err, SQLSTATE_INTERNAL_ERROR, "the statement cannot be planned again");
    return group_add_key_checks(g, step, err);
}

static bool schema_changed_for(const struct group *g)
{
    const struct session *s = g->session;
    const struct snapshot *now = s->transaction.temporary ? planning_schema(g->session) : g->database->snapshot;
    return now && now->version != g->head->x.plan->snapshot->version;
}

/* The schema has been read again: the batch is planned on it and sent once more, or its first error stands. */
static void after_refresh(struct session *s)
{
    struct group *g = s->group;
    struct err err;
    err_init(&err, g->arena);
    s->wake = g->wake_before;
    s->schema_since_us = 0;
    bool again = !s->wait_failed && !s->cancelled && schema_changed_for(g);
    s->wait_failed = 0;
    session_wait(s);
    for (struct step *step = g->head; again && step != g->batch_end; step = step->next)
        if (!group_replan(g, step, false, &err))
            break;
    if (!again || err_is_set(&err))
        group_fail_at_head(g, again ? &err : g->first_error);
    else
        group_go_on(g);
}

bool group_refresh(struct group *g, const struct err *err)
{
    struct session *s = g->session;
    if (g->refreshed || has_given(g) || s->cancelled)
        return false;
    for (const struct step *step = g->head; step != g->batch_end; step = step->next)
        if (step->bulk)
            return false; /* its rows were made for the schema they began with */
    g->first_error = ARENA_NEW(g->arena, struct err);
    if (!g->first_error)
        return false;
    err_init(g->first_error, g->arena);
    err_copy(g->first_error, err);
    g->refreshed = true;
    g->wake_before = s->wake;
    s->wake = after_refresh;
    s->schema_since_us = worker_now(g->worker);
    planning_wait_schema(s);
    return true;
}

/* Without `at` D1 does not tell which one asked for it: every one that may have. Nothing of the batch has happened. */
bool group_try_locally(struct group *g, struct step *at, struct err *said)
{
    struct err err;
    bool again = false;
    err_init(&err, g->arena);
    if (has_given(g))
        return false;
    for (struct step *step = g->head; step != g->batch_end; step = step->next) {
        bool may_have = at ? step == at : d1_error_fits(g->request.error.message, step->x.plan, g->database->snapshot);
        if (!may_have || step->forced_local || step->x.plan->is_raw)
            continue;
        if (!group_replan(g, step, true, &err)) {
            if (said->code == SQLSTATE_FEATURE_NOT_SUPPORTED) { /* D1's guard said no more than that */
                err_clear(said);
                err_copy(said, &err); /* why it cannot be done here either */
            }
            return false;
        }
        again = true;
    }
    if (again)
        group_go_on(g);
    return again;
}

/* ---- what is said ---- */

static bool is_constraint(const struct err *err)
{
    const char *code = sqlstate_code(err->code);
    return (code[0] == '2' && (code[1] == '2' || code[1] == '3')) || err->code == SQLSTATE_T_R_SERIALIZATION_FAILURE;
}

/* A batch that is taken back changes nothing, even when its answer is lost. */
struct d1_asked group_asked(const struct group *g, const struct step *step)
{
    const struct plan *plan = step ? step->x.plan : NULL;
    bool as_planned = step && !step->bulk && step->n_statements == plan->n_statements;
    const struct snapshot *own = g->session->transaction.overlay.schema;
    return (struct d1_asked){ .plan = plan,
                              .snapshot = own ? own : g->database->snapshot,
                              .is_write = g->batch_writes && !g->undoes,
                              .statements = as_planned ? step->statements : NULL,
                              .types = &g->session->gucs.live.types,
                              .d1_timeout_us = g->d1_timeout ? g->session->serving->config->d1_timeout_us : 0 };
}

/* The error of what the block did before: 40001 when it is the data that has changed. */
static void earlier_error(struct group *g, const struct d1_asked *asked, struct err *err)
{
    struct err why;
    err_init(&why, g->arena);
    d1_error_map(&g->request.error, asked, &why);
    if (!is_constraint(&why) || g->session->transaction.has_unasked ||
        d1_error_is_guard(g->request.error.message, STR(KEY_CHECK_AT_END))) {
        err_copy(err, &why);
        return;
    }
    if (str_starts(g->request.error.message, STR("UNIQUE constraint failed: ")))
        reservation_collided(g->session->transaction.held);
    err_set(err, SQLSTATE_T_R_SERIALIZATION_FAILURE, "could not serialize access due to concurrent update");
    if (why.code != SQLSTATE_T_R_SERIALIZATION_FAILURE)
        err_detail(err, "%.*s", STR_FMT(why.message));
    err_hint(err, "The transaction might succeed if retried.");
}

/* Where the transport gives no results of a failed batch, the error stands in the place of its first statement. */
static void tell_member(struct group *g, const struct step *at, struct err *err)
{
    size_t number = 1;
    if (g->batch_steps < 2 || g->request.results || g->request.error.kind != D1_ERROR_SQL || err->hint.n)
        return;
    for (const struct step *step = g->head; at && step != at; step = step->next)
        number++;
    if (at)
        err_hint(err, "It was statement %zu of the %zu that were sent to D1 as one batch; none of them took effect.",
                 number, g->batch_steps);
    else
        err_hint(err,
                 "D1 does not tell which of the %zu statements sent as one batch failed; none of them took effect.",
                 g->batch_steps);
}

/* A string's last statement is complete only when it is committed. */
static struct step *incomplete(const struct group *g)
{
    struct step *step = g->head;
    if (!g->is_simple || g->end != END_IMPLICIT || g->goal != GOAL_SYNC)
        return NULL;
    while (step != g->batch_end && step->next != g->batch_end)
        step = step->next;
    return step == g->batch_end ? NULL : step;
}

void group_fail_at_end(struct group *g, const struct err *err)
{
    if (g->end == END_COMMIT)
        transaction_end(&g->session->transaction, false, false, &g->session->gucs);
    struct step *last = incomplete(g);
    if (last)
        last->untagged = true;
    if (!group_answer_until(g, g->batch_end, g->request.results))
        return;
    if (group_add_error(g, err))
        group_go_on(g);
}

void group_fail_step(struct group *g, struct step *at, const struct err *err)
{
    if (at && g->request.results && !group_answer_until(g, at, g->request.results))
        return;
    group_fail_at_head(g, err);
}

/* A check of the block failed, or a statement of it that had worked. */
static void failed_earlier(struct group *g)
{
    struct err err;
    struct d1_asked asked = group_asked(g, NULL);
    err_init(&err, g->arena);
    g->prefix.on = false;
    earlier_error(g, &asked, &err);
    if (g->session->transaction.buffer.n_ddl)
        database_schema_suspect(g->database); /* DDL that its own schema allowed: that schema may be an old one */
    if (g->head)
        group_fail_at_head(g, &err);
    else
        group_fail_at_end(g, &err);
}

void group_failed(struct group *g)
{
    struct step *at = failed_step(g);
    struct err err;
    err_init(&err, g->arena);
    metric_add(&g->worker->metrics, METRIC_d1_errors, 1);
    group_note_schema(g, false);
    if (failed_before(g)) {
        failed_earlier(g);
        return;
    }
    if (g->prefix.on) {
        group_prefix_failed(g);
        return;
    }
    if (group_draw_again(g))
        return;
    if (g->request.error.kind == D1_ERROR_SQL && g->database->d1->traits.in_process && group_try_one_by_one(g))
        return;
    if (!at && g->request.error.kind == D1_ERROR_SQL && !g->batch_writes && !g->speculates) {
        g->one_by_one = true; /* reads can be asked one at a time: then the failing one is known */
        group_go_on(g);
        return;
    }
    if (!at && g->request.error.kind == D1_ERROR_SQL)
        at = only_step_that_fits(g);
    struct d1_asked asked = group_asked(g, at); /* of another step, its tables and values would be told */
    enum d1_remedy remedy = d1_error_map(&g->request.error, &asked, &err);
    tell_member(g, at, &err);
    if ((!g->head || failed_at_end(g)) && group_ask_keys_at_end(g))
        return;
    if (!g->head) {
        group_fail_at_end(g, &err);
        return;
    }
    if (remedy == D1_REMEDY_REFRESH && group_refresh(g, &err))
        return;
    if (remedy == D1_REMEDY_LOCAL && group_try_locally(g, at, &err))
        return;
    if (remedy == D1_REMEDY_AGAIN && group_look_again(g))
        return;
    if (g->head->failed &&
        g->request.error.kind == D1_ERROR_CANCELLED) { /* we stopped it ourselves: the row's error counts */
        err_clear(&err);
        err_copy(&err, g->head->failed);
    }
    if (failed_at_end(g)) {
        group_fail_at_end(g, &err);
        return;
    }
    if (group_prefix_search(g) || (at && at == g->head && g->batch_steps == 1 && group_ask_keys(g, &asked, &err)) ||
        group_ask_refused(g, at, &asked, &err) || group_ask_broken_key(g, at, &asked, &err))
        return;
    if (err.code == SQLSTATE_QUERY_CANCELED && g->request.error.kind == D1_ERROR_DEADLINE && !g->d1_timeout)
        metric_add(&g->worker->metrics, METRIC_statement_timeouts, 1);
    group_fail_step(g, at, &err);
}
