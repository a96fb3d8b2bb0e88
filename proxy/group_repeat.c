/*
 * group_repeat.c - reads that a block at REPEATABLE READ or above has done before: answered from what they gave, without D1.
 *
 * What is finished here is computed again (pg_sleep() sleeps again); only what D1 gave is kept.
 *
 * Not here what is kept, and when it is the same read: txn/repeat.h.
 */
#include "proxy/group_private.h"

#include "proxy/txn/repeat.h"

static const struct repeat *kept_for(const struct group *g)
{
    const struct transaction *t = &g->session->transaction;
    const struct step *step = g->head;
    if (!step || t->isolation < REPEATABLE_READ || t->state != TXN_OPEN || step->error.p || step->is_write ||
        !step->n_statements || g->prefix.on)
        return NULL;
    return repeat_find(&t->buffer, step->x.plan, step->statements, step->n_statements);
}

static bool give(struct group *g, const struct repeat *kept, struct err *err)
{
    struct speculation *sp = &g->speculation;
    const struct step *step = g->head;
    if (!group_prepare_steps(g))
        return err_oom(err);
    if (!speculation_make(sp, step->x.plan, step->statements, step->n_statements, true, g->arena, err))
        return false;
    for (size_t i = 0; i < kept->n_reads; i++) {
        sp->captures[i].rows = kept->reads[i].rows;
        sp->captures[i].n_rows = kept->reads[i].n_rows;
    }
    return group_take_given(g, err);
}

enum shadow_run group_repeat_read(struct group *g)
{
    const struct repeat *kept = kept_for(g);
    struct err err;
    if (!kept)
        return SHADOW_NOT;
    group_take_head(g);
    err_init(&err, g->arena);
    g->request = (struct d1_request){ .arena = g->arena };
    give(g, kept, &err);
    metric_add(&g->worker->metrics, METRIC_repeated_reads, 1);
    return group_answered_here(g, &err);
}
