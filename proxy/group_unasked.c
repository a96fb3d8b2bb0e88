/*
 * group_unasked.c - pgd1.transaction_mode = batch: an open block's writes are kept for COMMIT without asking D1.
 *
 * They are answered with a count of 0, and a notice tells so, once. What would need D1's answer is refused: rows of RETURNING, and reads
 * of what the block has written. Errors come at COMMIT. Never the default; a database falls back to it, or refuses such writes
 * (transaction_fallback), when D1 does not pass on error texts whole, in which a write that is tried out carries its answer.
 *
 * Not here how they are kept: txn/speculation.h, without checks of what was given.
 */
#include "proxy/group_private.h"

static bool falls_back(const struct group *g)
{
    return !g->session->gucs.live.batch_transactions && database_error_texts(g->database) == ERROR_TEXTS_CUT;
}

static bool is_batch_mode(const struct group *g)
{
    return g->session->gucs.live.batch_transactions || falls_back(g);
}

bool group_reads_alone(const struct group *g)
{
    const struct step *step = g->head;
    return g->speculates && step && !step->is_write && !g->prefix.on && is_batch_mode(g) &&
           !buffer_reaches(&g->session->transaction.buffer, step->x.plan);
}

bool group_is_unasked(const struct group *g)
{
    return g->speculates && g->undoes && g->head && !g->prefix.on && is_batch_mode(g);
}

static bool refuse(const struct group *g, const char *what, struct err *err)
{
    err_unsupported(err, "%s", what);
    return err_hint(err, "%s",
                    falls_back(g) ? "D1 does not pass on error texts whole here, so that writes of a block wait for "
                                    "COMMIT. Send the block in one string or pipeline, or use autocommit."
                                  : "SET pgd1.transaction_mode = 'exact', or commit first.");
}

/* Whether the steps can be answered without D1. */
static bool allows(const struct group *g, struct err *err)
{
    if (falls_back(g) && g->session->serving->config->transaction_fallback == CONFIG_TRANSACTION_FALLBACK_REFUSE)
        return refuse(g, "a write in a transaction block that waits for answers", err);
    for (const struct step *step = g->head; step != g->batch_end; step = step->next) {
        const struct plan *plan = step->x.plan;
        if (!step->is_write)
            return refuse(g, "reading what the transaction has written, with pgd1.transaction_mode = batch", err);
        if (plan->n_columns > 0)
            return refuse(g, "rows of a write in a transaction block, with pgd1.transaction_mode = batch", err);
        if (step->x.explains)
            return refuse(g, "EXPLAIN ANALYZE of a write in a transaction block, with pgd1.transaction_mode = batch",
                          err);
        if (plan->local || plan->lookup || step->x.sink == SINK_STORE)
            return refuse(g, "a write computed outside of D1, with pgd1.transaction_mode = batch", err);
    }
    return true;
}

static bool keep(struct group *g, struct err *err)
{
    struct speculation *sp = &g->speculation;
    size_t n = 0;
    for (const struct step *step = g->head; step != g->batch_end; step = step->next)
        n += step->n_statements;
    if (!speculation_begin(sp, n, g->arena, err))
        return false;
    for (const struct step *step = g->head; step != g->batch_end; step = step->next)
        speculation_take(sp, step->x.plan, step->statements, step->n_statements);
    return group_keep_steps(g, false, err) && (group_prepare_steps(g) || err_oom(err));
}

static void tell_once(struct group *g)
{
    struct session *s = g->session;
    struct err notice;
    if (s->told_batch)
        return;
    s->told_batch = 1;
    err_init(&notice, g->arena);
    err_set(&notice, SQLSTATE_SUCCESSFUL_COMPLETION, "writes of transaction blocks are sent at COMMIT");
    err_detail(&notice, "Their row counts are not known before, and are given as 0; their errors come at COMMIT.%s",
               falls_back(g) ? " D1 does not pass on error texts whole here." : "");
    if (!s->out.p)
        worker_buf_take(s->worker, &s->out, s->out.cap);
    if (s->gucs.live.min_messages <= SEVERITY_NOTICE) /* before the answer of the step at the head */
        backend_report(&s->out, SEVERITY_NOTICE, &notice, NULL);
}

enum run group_keep_unasked(struct group *g)
{
    struct err err;
    err_init(&err, g->arena);
    if (!allows(g, &err) || !keep(g, &err)) {
        group_fail_at_head(g, &err);
        return RUN_OVER;
    }
    g->session->transaction.has_unasked = true;
    tell_once(g);
    return group_answer_until(g, g->batch_end, NULL) ? RUN_ON : RUN_OVER;
}
