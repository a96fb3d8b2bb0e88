/*
 * group_prefix.c - the first steps of a batch that cannot stay, tried for their answers; see struct prefix.
 *
 * Over a network D1 tells of a batch that failed neither which member it was nor what the members before it gave, and a batch that is
 * taken back gives nothing. PostgreSQL answers the statements before the error and puts the error in its place. So some of the first
 * steps are sent once more, in a batch that carries its results out in an error (txn/speculation.h), until the place is known:
 *
 *   fails with the text T -> steps that T fits: half of them lie before the next prefix -> it works: behind it, else in it -> …
 *
 * Where the text fits one step only, as most do, one request is all, and none when that step is the first. A batch that the proxy
 * itself must take back (an error that it found behind writes, ROLLBACK of an implicit transaction) is sent whole.
 * What fails on the way for another reason (too large to be carried, no connection) ends the search: the error that is known then
 * stands behind the steps that worked, and its hint says that the place is not known.
 *
 * Not here a transport in process: it tells both.
 */
#include "proxy/group_private.h"

#include "proxy/sql/key_check.h"

/* ---- where to look ---- */

static struct step *nth(struct group *g, size_t n)
{
    struct step *step = g->head;
    while (n-- > 0)
        step = step->next;
    return step;
}

static bool may_be(const struct group *g, const struct step *step, bool any)
{
    return any || d1_error_fits(g->prefix.error.message, step->x.plan, g->database->snapshot);
}

/* How many of the steps behind the good ones and not behind the bad one can have failed so. */
static size_t count_suspects(struct group *g, bool any)
{
    const struct prefix *p = &g->prefix;
    const struct step *step = nth(g, p->good);
    size_t n = 0;
    for (size_t i = p->good; i < p->bad; i++, step = step->next)
        n += may_be(g, step, any);
    return n;
}

/* How many steps to try next; as many as are good: the next one is it. */
static size_t choose(struct group *g)
{
    const struct prefix *p = &g->prefix;
    if (p->bad > p->steps) /* not one of them: all work, or one does not after all */
        return p->steps;
    size_t n = count_suspects(g, false), wanted;
    bool any = n == 0;
    if (any)
        n = count_suspects(g, true);
    wanted = n / 2 + 1;
    const struct step *step = nth(g, p->good);
    for (size_t i = p->good; i < p->bad; i++, step = step->next)
        if (may_be(g, step, any) && --wanted == 0)
            return i;
    return p->good;
}

/* ---- the end of the search ---- */

/* The answers of the steps that worked, as the last of them that was sent gave them. */
static bool take_good(struct group *g, struct err *err)
{
    struct prefix *p = &g->prefix;
    size_t n = 0;
    struct step *step = g->head;
    for (size_t i = 0; i < p->good; i++, step = step->next) {
        step->first = n;
        n += step->n_statements;
    }
    g->batch_end = step;
    g->batch_steps = p->good;
    g->n_before = 0;
    g->request.results = NULL;
    if (p->good == 0)
        return true;
    g->speculation = p->gave;
    return (group_prepare_steps(g) || err_oom(err)) && group_take_given(g, err) &&
           (!p->keeps || group_keep_steps(g, false, err));
}

/* Nothing was refused but by the proxy itself: the error waits behind them, or there is none. */
static void answer_undone(struct group *g)
{
    if (group_answer_until(g, g->batch_end, g->request.results))
        group_go_on(g);
}

static void conclude(struct group *g, bool known)
{
    struct prefix *p = &g->prefix;
    bool at_end = p->bad > p->steps;
    struct err err;
    err_init(&err, g->arena);
    g->prefix.on = false;
    if (!take_good(g, &err)) {
        group_fail_at_head(g, &err);
        return;
    }
    if (p->error.kind == D1_OK && g->rehearsal == REHEARSAL_ON) {
        group_rehearsed(g);
        return;
    }
    if (p->error.kind == D1_OK) {
        answer_undone(g);
        return;
    }
    g->request.error = p->error;
    struct d1_asked asked = group_asked(g, known && !at_end ? g->batch_end : NULL);
    d1_error_map(&p->error, &asked, &err);
    if (!known && !err.hint.n)
        err_hint(&err,
                 "D1 does not tell which of the %zu statements sent as one batch failed; none of them took effect.",
                 p->steps);
    if (at_end && known)
        group_fail_at_end(g, &err);
    else if (known &&
             (group_ask_refused(g, g->batch_end, &asked, &err) || group_ask_broken_key(g, g->batch_end, &asked, &err)))
        return;
    else if (group_answer_until(g, g->batch_end, g->request.results))
        group_fail_at_head(g, &err);
}

static bool any_members(struct group *g)
{
    const struct step *step = g->head;
    size_t n = 0;
    for (size_t i = 0; i < g->prefix.tried; i++, step = step->next)
        n += step->n_statements;
    return n > 0;
}

static void go_on_searching(struct group *g)
{
    struct prefix *p = &g->prefix;
    p->tried = choose(g);
    while (p->tried > p->good && !any_members(g)) { /* what runs here only needs no asking */
        p->gave = (struct speculation){ .arena = g->arena };
        p->good = p->tried;
        p->tried = choose(g);
    }
    if (p->tried == p->good)
        conclude(g, true);
    else
        group_go_on(g);
}

/* ---- its beginning ---- */

static void begin(struct group *g, size_t bad, const struct d1_error *error)
{
    g->prefix = (struct prefix){ .on = true, .steps = g->batch_steps, .bad = bad, .error = *error };
    g->prefix.keeps = g->speculates;
    g->resolution.state = RESOLUTION_NONE; /* nothing of it is to stay: nothing can be in doubt */
}

bool group_prefix_search(struct group *g)
{
    const struct d1_error *e = &g->request.error;
    if (e->kind != D1_ERROR_SQL || g->batch_steps < 2 || g->request.results || g->session->cancelled ||
        g->database->d1->traits.in_process)
        return false;
    begin(g, g->batch_steps + d1_error_is_guard(e->message, STR(KEY_CHECK_AT_END)), e);
    go_on_searching(g);
    return true;
}

bool group_prefix_undone(struct group *g)
{
    if (!g->undoes || g->speculates || g->database->d1->traits.in_process)
        return false;
    begin(g, g->batch_steps + 1, &(struct d1_error){ .kind = D1_OK });
    g->prefix.tried = g->batch_steps;
    return true;
}

/* ---- what came of one ---- */

static bool any_failed(const struct group *g)
{
    for (const struct step *step = g->head; step != g->batch_end; step = step->next)
        if (step->failed)
            return true;
    return false;
}

/* The results, in the form they came in. */
static bool read_given(struct group *g, struct err *err)
{
    if (g->speculation.carries)
        return speculation_read(&g->speculation, g->request.error.message, err);
    if (any_failed(g))
        return false;
    group_note_changes(g);
    return true;
}

void group_prefix_worked(struct group *g)
{
    struct prefix *p = &g->prefix;
    struct err err;
    err_init(&err, g->arena);
    if (!read_given(g, &err)) {
        group_prefix_stop(g, &err);
        return;
    }
    p->gave = g->speculation;
    p->good = p->tried;
    go_on_searching(g);
}

void group_prefix_stop(struct group *g, const struct err *why)
{
    struct prefix *p = &g->prefix;
    if (p->error.kind != D1_OK) {
        conclude(g, false);
        return;
    }
    if (group_rehearsal_gives_up(g)) {
        group_go_on(g);
        return;
    }
    const struct step *waiting = nth(g, p->steps);
    p->on = false;
    if (waiting)
        g->head->error = waiting->error;
    group_fail_at_head(g, why);
}

/* Whether it was one of the steps that failed, as it would have in the batch itself. */
static bool is_theirs(const struct group *g, const struct err *err)
{
    const struct d1_error *e = &g->request.error;
    const char *code = sqlstate_code(err->code);
    return e->kind == D1_ERROR_SQL && (str_eq(e->message, g->prefix.error.message) ||
                                       (code[0] == '2' && (code[1] == '1' || code[1] == '2' || code[1] == '3')));
}

void group_prefix_failed(struct group *g)
{
    struct prefix *p = &g->prefix;
    struct err err;
    err_init(&err, g->arena);
    struct d1_asked asked = group_asked(g, NULL);
    enum d1_remedy remedy = d1_error_map(&g->request.error, &asked, &err);
    if ((remedy == D1_REMEDY_REFRESH && group_refresh(g, &err)) ||
        (remedy == D1_REMEDY_LOCAL && group_try_locally(g, NULL, &err)) ||
        (remedy == D1_REMEDY_AGAIN && group_look_again(g)))
        return;
    if (!is_theirs(g, &err)) {
        group_prefix_stop(g, &err);
        return;
    }
    p->bad = p->tried;
    p->error = g->request.error;
    go_on_searching(g);
}
