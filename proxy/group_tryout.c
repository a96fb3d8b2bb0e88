/*
 * group_tryout.c - steps of an open block, tried out: which ones, what is sent for them, what they gave.
 *
 * D1 takes the batch back (group_batch.c); what the steps gave is answered, and joins the block's buffer with its checks.
 *
 * Not here the forms of the members and how results travel in an error: txn/speculation.h, txn/capture.h.
 */
#include "proxy/group_private.h"

/* ---- which steps ---- */

static bool in_block(const struct group *g)
{
    return g->session->transaction.state == TXN_OPEN && g->end != END_COMMIT;
}

/* What the block has done to sequences itself is not there for others: then the step is tried out like any other. */
bool group_draws(const struct group *g, const struct step *step)
{
    const struct transaction *t = &g->session->transaction;
    const struct plan *plan = step->x.plan;
    if (t->state != TXN_OPEN || g->end != END_IMPLICIT || g->prefix.on || !step->is_write || !plan->n_sequences ||
        plan->kind != PLAN_QUERY || plan->n_writes + plan->n_reads || plan->lookup || t->buffer.n_ddl || g->n_ddl)
        return false;
    for (size_t i = 0; i < plan->n_sequences; i++)
        if (plan->sequences[i].use != SEQUENCE_NEXT || plan->sequences[i].table)
            return false;
    return !buffer_mentions(&t->buffer, STR("_pgd1_sequence"));
}

bool group_drew(const struct group *g)
{
    return g->session->transaction.state == TXN_OPEN && g->end == END_IMPLICIT && g->batch_writes && !g->undoes &&
           !g->speculates;
}

/* Its answer must be tried out, or must still be right at COMMIT. */
bool group_must_speculate(const struct group *g, const struct step *step)
{
    const struct transaction *t = &g->session->transaction;
    const struct plan *plan = step->x.plan;
    if (!in_block(g) || step->error.p || !step->n_statements || group_draws(g, step))
        return false;
    return step->is_write || plan->locks_rows || t->isolation >= REPEATABLE_READ || buffer_reaches(&t->buffer, plan);
}

/* A write that shows nothing but its count, and takes nothing that must be pinned. */
static bool is_plain_write(const struct step *step)
{
    const struct plan *plan = step->x.plan;
    if (step->error.p || step->bulk || !step->is_write || step->is_ddl || plan->kind != PLAN_CHANGE || plan->local ||
        plan->volatile_values || step->n_statements != plan->n_statements)
        return false;
    for (size_t i = 0; i < plan->n_statements; i++)
        if (plan->statements[i].gives_rows)
            return false;
    return true;
}

/* Plain writes of a pipeline are tried out together; when one fails, each is tried by itself. */
bool group_may_join(const struct group *g, const struct step *step)
{
    enum { TOGETHER_MAX = 250 };
    return g->speculates && !g->one_by_one && g->batch_steps < TOGETHER_MAX && is_plain_write(g->head) &&
           is_plain_write(step) && group_must_speculate(g, step) &&
           !overlay_owns(&g->session->transaction.overlay, step->x.plan);
}

/* A step sees what the block did to its tables. Above READ COMMITTED all that was read must hold, in each batch. */
struct visible group_visible_to(const struct group *g, struct step *step)
{
    const struct transaction *t = &g->session->transaction;
    bool alone = !step->next || !is_plain_write(step) || !is_plain_write(step->next);
    if (t->isolation >= REPEATABLE_READ || step->bulk || !alone)
        return (struct visible){ 0 };
    const struct overlay_ddl *seen = step->is_ddl ? overlay_seen(&t->overlay, step->position) : NULL;
    bool known = seen && seen->ran && !seen->touches_all;
    group_expect_id(g, step);
    struct row_use use = group_row_use(step);
    if (g->prefix.on) /* ids are those that D1 gives behind all of the block */
        use.keys = NULL;
    return (struct visible){ .plan = step->x.plan,
                             .use = use,
                             .tables = known ? seen->tables.list : NULL,
                             .n_tables = known ? seen->tables.n : 0 };
}

/* ---- what is sent ---- */

/* What is sent for the steps that are tried out. */
bool group_speculate(struct group *g, struct err *err)
{
    struct speculation *sp = &g->speculation;
    bool native = !g->undoes || g->database->d1->traits.in_process;
    size_t n = 0;
    for (const struct step *step = g->head; step != g->batch_end; step = step->next)
        n += step->n_statements;
    if (!speculation_begin(sp, n, g->arena, err))
        return false;
    for (const struct step *step = g->head; step != g->batch_end; step = step->next)
        speculation_take(sp, step->x.plan, step->statements, step->n_statements);
    return group_give_ids(g, err) && speculation_finish(sp, native, err) && group_count_from(g, err);
}

/* ---- what it gave ---- */

enum d1_flow group_take_captured(struct group *g, struct step *step, size_t statement, const struct value *cell)
{
    size_t index = statement - g->head->first;
    struct value *cells;
    struct err err;
    if (index >= g->speculation.n_captures || g->speculation.captures[index].kind <= CAPTURE_COUNT)
        return D1_CONTINUE; /* a helper's rows mean nothing */
    err_init(&err, g->arena);
    if (!speculation_row(&g->speculation, index, cell, &cells, &err))
        group_fail_row(g, step, &err);
    else
        group_take_row(g, step, statement - step->first, cells, g->speculation.captures[index].n_columns);
    return D1_CONTINUE;
}

static bool take_given_of(struct group *g, struct step *step, size_t first, struct err *err)
{
    struct speculation *sp = &g->speculation;
    struct value *cells;
    for (size_t i = 0; i < step->n_statements; i++) {
        const struct capture *c = &sp->captures[first + i];
        g->request.results[step->first + i].changes = c->changes;
        for (size_t k = 0; k < c->n_rows && !step->failed; k++) {
            if (!speculation_cells(sp, first + i, k, &cells, err))
                return false;
            group_take_row(g, step, i, cells, c->n_columns);
        }
    }
    return true;
}

bool group_take_given(struct group *g, struct err *err)
{
    size_t first = 0;
    g->request.results = ARENA_ARRAY(g->arena, struct d1_result, g->head->first + g->speculation.n_captures);
    if (!g->request.results)
        return err_oom(err);
    for (struct step *step = g->head; step != g->batch_end; step = step->next) {
        if (!take_given_of(g, step, first, err))
            return false;
        first += step->n_statements;
    }
    return true;
}

void group_note_changes(struct group *g)
{
    struct speculation *sp = &g->speculation;
    for (size_t i = 0; i < sp->n_captures; i++)
        if (sp->captures[i].statement.wants_changes) {
            sp->captures[i].has_changes = true;
            sp->captures[i].changes = g->request.results[g->head->first + i].changes;
        }
}

/* A batch of several steps that are tried out together did not work: which of them, is seen one by one. */
bool group_try_one_by_one(struct group *g)
{
    if (!g->speculates || g->batch_steps < 2)
        return false;
    g->one_by_one = true;
    group_go_on(g);
    return true;
}

/* Of DDL the shadow has seen which tables it touches. */
static bool keep_tables(struct group *g, const struct step *step, struct err *err)
{
    struct transaction *t = &g->session->transaction;
    const struct overlay_ddl *seen;
    if (!step->is_ddl)
        return true;
    group_schema(g);
    seen = overlay_seen(&t->overlay, step->position);
    if (seen && !seen->ran) {
        overlay_forget_rows(&t->overlay, step->position);
        return true;
    }
    return !seen || seen->touches_all || buffer_set_tables(&t->buffer, seen->tables.list, seen->tables.n, err);
}

/* FOR UPDATE that found no row has locked none: nobody was promised that there will be none, but above READ COMMITTED. */
static bool locked_nothing(const struct group *g, const struct step *step, size_t first)
{
    if (step->is_write || !step->x.plan->locks_rows || buffer_reaches(&g->session->transaction.buffer, step->x.plan))
        return false;
    for (size_t i = 0; i < step->n_statements; i++)
        if (g->speculation.captures[first + i].n_rows)
            return false;
    return true;
}

/*
 * What a lookup read is not checked by itself: the checks of the write behind it hold it to its rows, in any order. Here one text has
 * them in the order that D1 happened to read, which is another one behind other statements. At READ COMMITTED no asking step is.
 */
static bool is_held_elsewhere(const struct group *g, const struct step *step)
{
    return group_is_asking(step) && (g->session->transaction.isolation < REPEATABLE_READ || step->asks_for->reader);
}

bool group_keep_steps(struct group *g, bool in_shadow, struct err *err)
{
    struct transaction *t = &g->session->transaction;
    size_t first = 0;
    t->buffer.max_entries = g->session->gucs.live.max_transaction_statements;
    t->buffer.max_kept = t->isolation >= REPEATABLE_READ ? g->session->gucs.live.repeatable_read_bytes : 0;
    for (struct step *step = g->head; step != g->batch_end; step = step->next) {
        if (is_held_elsewhere(g, step) || (t->isolation < REPEATABLE_READ && locked_nothing(g, step, first))) {
            first += step->n_statements;
            continue;
        }
        if (!speculation_keep(&g->speculation, first, step->n_statements, &t->buffer, step->position, step->x.plan,
                              g->database->d1->traits.max_params, err) ||
            !keep_tables(g, step, err))
            return false;
        if (step->n_statements)
            group_note_id(step, &g->speculation.captures[first]);
        struct row_use use = group_row_use(step);
        if (!buffer_set_use(&t->buffer, &use, err))
            return false;
        first += step->n_statements;
        t->buffer.last->in_shadow = in_shadow;
        if (!in_shadow)
            overlay_lose(&t->overlay, step->x.plan);
    }
    return true;
}

/* The steps were tried out: they join the buffer, and are answered. */
void group_tried_out(struct group *g)
{
    struct speculation *sp = &g->speculation;
    struct err err;
    err_init(&err, g->arena);
    if (!sp->carries && g->request.results)
        group_note_changes(g);
    if (reservation_tried(g->session->transaction.held)) { /* nothing was shown yet */
        group_go_on(g);
        return;
    }
    bool known = sp->carries ? speculation_read(sp, g->request.error.message, &err) && group_take_given(g, &err)
                             : g->request.results != NULL;
    if (!known && group_try_one_by_one(g))
        return;
    if (!known || !group_keep_steps(g, false, &err)) {
        err_set(&err, SQLSTATE_INTERNAL_ERROR, "D1 did not return what a statement of the transaction gave");
        group_fail_at_head(g, &err);
        return;
    }
    group_learn_ids(g);
    if (group_answer_until(g, g->batch_end, g->request.results))
        group_go_on(g);
}
