/*
 * group_shadow.c - steps of an open block that need no D1: DDL that no row of D1's can make fail, and statements of tables that the
 * block made itself. They run in the block's shadow (txn/overlay.h), are answered at once, and join the buffer: COMMIT sends them.
 *
 * Whatever fails there is tried out at D1 as if nobody had looked: its words are the ones the client hears.
 */
#include "proxy/group_private.h"

/* Names of relations that only D1 has: sequences, and where a table goes on counting. */
static bool asks_d1(const struct step *step)
{
    for (size_t i = 0; i < step->n_statements; i++)
        if (str_find(step->statements[i].sql, STR("_pgd1_")) >= 0 ||
            str_find(step->statements[i].sql, STR("sqlite_sequence")) >= 0)
            return true;
    return false;
}

static bool gives_something(const struct plan *plan)
{
    for (size_t i = 0; i < plan->n_statements; i++)
        if (plan->statements[i].gives_rows || plan->statements[i].counts_changes)
            return true;
    return false;
}

/* The first step alone is the batch. */
void group_take_head(struct group *g)
{
    struct step *step = g->head;
    step->first = 0;
    g->batch_end = step->next;
    g->batch_steps = 1;
    g->batch_writes = step->is_write;
    g->speculates = g->undoes = true;
    g->n_before = g->n_buffered = g->n_ahead = g->identity = 0;
    g->at_row = step;
    g->streams = g->paused = false;
}

enum shadow_run group_answered_here(struct group *g, const struct err *err)
{
    if (err_is_set(err)) {
        group_fail_at_head(g, err);
        return SHADOW_OVER;
    }
    return group_answer_until(g, g->batch_end, g->request.results) ? SHADOW_ANSWERED : SHADOW_OVER;
}

/* ---- DDL ---- */

/* The DDL of the first step has run in the shadow, here or when a later one was planned on it. */
static bool is_decided(struct group *g)
{
    struct transaction *t = &g->session->transaction;
    struct overlay *o = &t->overlay;
    const struct step *step = g->head;
    bool ahead = o->position >= step->position;
    if (!ahead) {
        overlay_begin(o, g->database->snapshot);
        overlay_follow(o, &t->buffer);
        overlay_run(o, step->position, step->statements, step->n_statements);
    }
    const struct overlay_ddl *seen = overlay_seen(o, step->position);
    return seen && seen->ran && (ahead ? seen->schema_only : seen->decided);
}

static enum shadow_run run_ddl(struct group *g)
{
    struct step *step = g->head;
    struct err err;
    if (gives_something(step->x.plan) || !is_decided(g))
        return SHADOW_NOT;
    group_take_head(g);
    err_init(&err, g->arena);
    g->request = (struct d1_request){ .arena = g->arena };
    g->request.results = ARENA_ARRAY(g->arena, struct d1_result, step->n_statements);
    if (!g->request.results || !group_prepare_steps(g))
        err_oom(&err);
    else if (speculation_make(&g->speculation, step->x.plan, step->statements, step->n_statements, true, g->arena,
                              &err))
        group_keep_steps(g, false, &err);
    return group_answered_here(g, &err);
}

/* ---- rows ---- */

static void at_row(void *ctx, size_t statement, const struct value *cell)
{
    struct group *g = ctx;
    if (!g->head->failed)
        group_take_captured(g, g->head, statement, cell);
}

static bool is_own(struct group *g)
{
    struct transaction *t = &g->session->transaction;
    const struct step *step = g->head;
    if (!t->buffer.n_ddl || step->bulk || step->x.plan->lookup || asks_d1(step))
        return false;
    overlay_begin(&t->overlay, g->database->snapshot);
    overlay_follow(&t->overlay, &t->buffer);
    /* DDL that was sent behind it may have run already, to plan what follows */
    return t->overlay.position < step->position && overlay_owns(&t->overlay, step->x.plan);
}

static enum shadow_run run_rows(struct group *g)
{
    struct transaction *t = &g->session->transaction;
    struct step *step = g->head;
    struct err err;
    if (!is_own(g))
        return SHADOW_NOT;
    group_take_head(g);
    err_init(&err, g->arena);
    g->request = (struct d1_request){ .arena = g->arena };
    struct d1_result *results = ARENA_ARRAY(g->arena, struct d1_result, step->n_statements);
    int64_t *changes = ARENA_ARRAY(g->arena, int64_t, step->n_statements);
    if (!results || !changes || !group_prepare_steps(g) ||
        !speculation_make(&g->speculation, step->x.plan, step->statements, step->n_statements, true, g->arena, &err)) {
        if (!err_is_set(&err))
            err_oom(&err);
        return group_answered_here(g, &err);
    }
    if (!overlay_rows(&t->overlay, step->position, g->speculation.statements, g->speculation.n_statements, at_row, g,
                      changes))
        return SHADOW_NOT;
    for (size_t i = 0; i < step->n_statements; i++)
        results[i].changes = changes[i];
    g->request.results = results;
    group_note_changes(g);
    if (step->is_write) /* what was only read nobody else can change */
        group_keep_steps(g, true, &err);
    return group_answered_here(g, &err);
}

enum shadow_run group_run_in_shadow(struct group *g)
{
    const struct step *step = g->head;
    if (!step || step->error.p || g->prefix.on || !group_must_speculate(g, step))
        return SHADOW_NOT;
    return step->is_ddl ? run_ddl(g) : run_rows(g);
}
