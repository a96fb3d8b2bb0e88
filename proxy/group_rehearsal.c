/*
 * group_rehearsal.c - a batch of writes with a statement that is finished here by what may fail: tried out first.
 *
 *   chosen -> sent, taken back -> each such statement is finished for nothing: one fails -> its answer is the error, nothing stays
 *                                                                              none does -> chosen again, sent to stay
 *
 * Only RETURNING and SELECT lists that D1 cannot compute pay for it (sql/may_fail.h), SELECT lists with arithmetic of int2 and int4, whose
 * range is looked at here, and statements that stand in one string or pipeline with them. What functions that act on sessions would answer is not asked for: such a list is taken to work.
 * A row that changes between the two may still fail behind its change; then the error says what stays.
 *
 * Not here blocks that are tried out anyway (group_tryout.c), and how a batch that is taken back gives its rows (group_prefix.c).
 */
#include "proxy/group_private.h"

/* SELECT nextval() alone: its numbers are gone whatever comes of it. */
static bool only_draws(const struct step *step)
{
    return step->x.plan->kind == PLAN_QUERY && !step->x.plan->n_writes;
}

static bool may_fail_late(const struct group *g)
{
    bool found = false, changes = false;
    for (const struct step *step = g->head; step != g->batch_end; step = step->next) {
        if (!step->x.plan)
            return false;
        found |= step->x.plan->may_fail_late;
        changes |= step->is_write && !only_draws(step);
    }
    return found && changes;
}

bool group_rehearses(struct group *g)
{
    if (g->rehearsal != REHEARSAL_NONE || !g->batch_writes || g->undoes || group_drew(g) || group_commits_block(g) ||
        !may_fail_late(g))
        return false;
    g->rehearsal = REHEARSAL_ON;
    return true;
}

bool group_answers_first(const struct group *g)
{
    if (g->session->transaction.state != TXN_OPEN)
        return false;
    bool follows = g->session->transaction.buffer.first != NULL;
    for (const struct step *step = g->head; step; step = step->next)
        if ((follows && step->x.plan && step->x.plan->may_fail_late) || step->reader)
            return true;
    return false;
}

/* ---- what it gave ---- */

/* A call that acts on the session, or waits: it must happen once, when all of it is there to stay. */
static bool asked(void *ctx, enum session_call call, const struct value *args, struct arena *arena, struct value *ret,
                  struct err *err)
{
    struct session *s = ctx;
    (void)call, (void)args, (void)arena, (void)ret;
    s->group->rehearsal_asked = true;
    return err_set(err, SQLSTATE_INTERNAL_ERROR, "a function that acts on the session cannot be tried out");
}

/* False: `err` is what the step would answer. */
static bool would_work(struct group *g, struct step *step, struct err *err)
{
    struct session *s = g->session;
    struct buf out;
    if (step->failed) {
        err_copy(err, step->failed);
        return false;
    }
    if (!step->x.plan->may_fail_late || !step->x.plan->local) /* a row that cannot be shown has failed already */
        return true;
    buf_init(&out, s->out.cap);
    struct emitter e = { .session = s, .plan = step->x.plan, .formats = step->x.formats, .out = &out, .err = err };
    g->rehearsal_asked = false;
    bool ok = execute_rehearsal(s, &step->x, step->inputs, asked, g->arena, &e, err);
    emitter_fini(&e);
    buf_fini(&out);
    return ok || g->rehearsal_asked;
}

void group_rehearsed(struct group *g)
{
    struct step *step = g->head;
    struct err err;
    err_init(&err, g->arena);
    while (step != g->batch_end && would_work(g, step, &err)) {
        err_clear(&err);
        step = step->next;
    }
    bool works = step == g->batch_end;
    g->rehearsal = works ? REHEARSAL_DONE : REHEARSAL_NONE;
    if (works)
        group_go_on(g);
    else
        group_fail_step(g, step, &err);
}

bool group_rehearsal_gives_up(struct group *g)
{
    const struct d1_error *e = &g->request.error;
    if (g->rehearsal != REHEARSAL_ON || (e->kind != D1_OK && e->kind != D1_ERROR_SQL))
        return false;
    g->rehearsal = REHEARSAL_DONE;
    g->prefix.on = false;
    return true;
}
