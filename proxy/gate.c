/* gate.c - see gate.h. */
#include "proxy/gate.h"

#include <assert.h>
#include <stddef.h>
#include "proxy/base/log.h"

enum { FIRST_WAIT_US = 100000, DOUBLINGS = 5, NEXT_TRY_US = 1000000 };

#define TO(s) (1u << GATE_##s)
static const unsigned moves[GATE_STATE_NR] = {
    [GATE_OPEN] = TO(CLOSED),
    [GATE_CLOSED] = TO(OPEN) | TO(TRYING),
    [GATE_TRYING] = TO(OPEN) | TO(CLOSED),
};

bool gate_may_move(enum gate_state from, enum gate_state to)
{
    return moves[from] & (1u << to);
}

static void move(struct gate *g, enum gate_state to)
{
    assert(gate_may_move(g->state, to));
    g->state = to;
}

/* ---- the queue ---- */

static void link_at(struct gate *g, struct d1_request **at, struct d1_request *r)
{
    r->next = *at;
    *at = r;
    if (!r->next)
        g->end = &r->next;
    g->n_queued++;
    if (r->deadline_us && (!g->deadline_us || r->deadline_us < g->deadline_us))
        g->deadline_us = r->deadline_us;
    metric_add(&g->worker->metrics, METRIC_d1_gate_waiting, 1);
}

static struct d1_request *unlink_at(struct gate *g, struct d1_request **at)
{
    struct d1_request *r = *at;
    *at = r->next;
    if (g->end == &r->next)
        g->end = at;
    if (g->again_end == &r->next)
        g->again_end = at;
    r->next = NULL;
    g->n_queued--;
    metric_sub(&g->worker->metrics, METRIC_d1_gate_waiting, 1);
    return r;
}

/* ---- time ---- */

static void arm(struct gate *g)
{
    uint64_t at = g->ended ? 1 : g->state == GATE_OPEN ? 0 : g->until_us;
    if (g->deadline_us && g->n_queued && (!at || g->deadline_us < at))
        at = g->deadline_us;
    if (at)
        worker_timer(g->worker, &g->timer, at);
    else
        worker_timer_clear(g->worker, &g->timer);
}

static void close_until(struct gate *g, uint64_t until_us)
{
    if (g->state != GATE_CLOSED) {
        move(g, GATE_CLOSED);
        g->until_us = 0;
        metric_add(&g->worker->metrics, METRIC_d1_gate_closed, 1);
    }
    if (until_us > g->until_us)
        g->until_us = until_us;
    g->trying = NULL;
}

static void let_one_go(struct gate *g)
{
    struct d1_request *r = unlink_at(g, &g->queue);
    if (!g->trying)
        g->trying = r;
    d1_submit(g->d1, r);
}

static void open_gate(struct gate *g)
{
    move(g, GATE_OPEN);
    g->closings = 0;
    g->trying = NULL;
    while (g->queue)
        d1_submit(g->d1, unlink_at(g, &g->queue));
}

/* ---- requests that end here ---- */

static void end_later(struct gate *g, struct d1_request *r, enum d1_error_kind kind, struct str message)
{
    struct d1_request **at = &g->ended;
    while (*at)
        at = &(*at)->next;
    r->error = (struct d1_error){ .kind = kind, .message = message };
    r->results = NULL;
    r->next = NULL;
    *at = r;
}

static void end_overdue(struct gate *g)
{
    uint64_t now = worker_now(g->worker), earliest = 0;
    for (struct d1_request **at = &g->queue; *at;) {
        struct d1_request *r = *at;
        if (r->deadline_us && now >= r->deadline_us) {
            metric_add(&g->worker->metrics, METRIC_d1_gate_timeouts, 1);
            end_later(g, unlink_at(g, at), D1_ERROR_DEADLINE, STR("D1 is overloaded"));
            continue;
        }
        if (r->deadline_us && (!earliest || r->deadline_us < earliest))
            earliest = r->deadline_us;
        at = &r->next;
    }
    g->deadline_us = earliest;
}

static void run_ended(struct gate *g)
{
    while (g->ended) {
        struct d1_request *r = g->ended;
        g->ended = r->next;
        r->next = NULL;
        g->is_ending = true;
        r->done(r);
        g->is_ending = false;
    }
}

static void on_timer(struct timer *t)
{
    struct gate *g = (struct gate *)((char *)t - offsetof(struct gate, timer));
    end_overdue(g);
    if (g->state != GATE_OPEN && worker_now(g->worker) >= g->until_us) {
        if (g->state == GATE_CLOSED)
            move(g, GATE_TRYING);
        g->until_us = worker_now(g->worker) + NEXT_TRY_US;
        if (g->queue)
            let_one_go(g);
        else if (!g->trying)
            open_gate(g);
    }
    run_ended(g);
    arm(g);
}

/* ---- life ---- */

void gate_init(struct gate *g, struct worker *w, struct d1 *d1, const char *name, _Atomic uint64_t *shared)
{
    *g = (struct gate){ .worker = w, .d1 = d1, .name = name, .shared = shared, .timer.fire = on_timer };
    g->end = g->again_end = &g->queue;
}

void gate_fini(struct gate *g)
{
    worker_timer_clear(g->worker, &g->timer);
    while (g->queue)
        end_later(g, unlink_at(g, &g->queue), D1_ERROR_CANCELLED, STR("the database is being closed"));
    run_ended(g);
    worker_timer_clear(g->worker, &g->timer);
}

/* ---- requests ---- */

void gate_submit(struct gate *g, struct d1_request *r, size_t max_queue)
{
    uint64_t shared = atomic_load_explicit(g->shared, memory_order_relaxed);
    if (g->state == GATE_OPEN && shared > worker_now(g->worker))
        close_until(g, shared);
    if (g->state == GATE_OPEN) {
        d1_submit(g->d1, r);
        return;
    }
    bool too_late = g->state == GATE_CLOSED && r->deadline_us && g->until_us >= r->deadline_us;
    if (g->n_queued < max_queue && !too_late) {
        link_at(g, g->end, r);
    } else {
        metric_add(&g->worker->metrics, METRIC_d1_gate_refused, 1);
        end_later(g, r, D1_ERROR_OVERLOADED,
                  too_late ? STR("D1 asked to be left alone for longer than the statement may take")
                           : STR("too many requests wait for D1"));
    }
    arm(g);
}

static void tell_closed(struct gate *g, uint64_t wait)
{
    uint64_t until = worker_now(g->worker) + wait, shared = atomic_load_explicit(g->shared, memory_order_relaxed);
    if (g->state != GATE_CLOSED)
        log_event(LOG_LEVEL_WARNING, "d1_overloaded", "database=%s wait_ms=%llu", g->name,
                  (unsigned long long)wait / 1000);
    close_until(g, until);
    while (shared < until && !atomic_compare_exchange_weak_explicit(g->shared, &shared, until, memory_order_relaxed,
                                                                    memory_order_relaxed))
        continue;
}

/* How long D1 is to be left alone. */
static uint64_t wait_for(struct gate *g, const struct d1_request *r)
{
    if (g->state != GATE_CLOSED)
        g->closings++;
    unsigned doublings = g->closings - 1 < DOUBLINGS ? g->closings - 1 : DOUBLINGS;
    return r->error.retry_after_us ? r->error.retry_after_us : (uint64_t)FIRST_WAIT_US << doublings;
}

/* D1 has taken the one that went ahead; or it ended without D1, and the next one goes. */
static void note_try(struct gate *g, const struct d1_request *r)
{
    if (g->state != GATE_TRYING || r != g->trying)
        return;
    g->trying = NULL;
    if (r->error.kind == D1_OK || r->error.kind == D1_ERROR_SQL)
        open_gate(g);
    else
        g->until_us = worker_now(g->worker);
    arm(g);
}

bool gate_done(struct gate *g, struct d1_request *r, unsigned *tries, bool is_wanted, size_t max_queue)
{
    if (g->is_ending)
        return false;
    if (r->error.kind != D1_ERROR_OVERLOADED) {
        note_try(g, r);
        return false;
    }
    uint64_t wait = wait_for(g, r);
    tell_closed(g, wait);
    bool again = is_wanted && ++*tries <= GATE_TRIES && g->n_queued < max_queue &&
                 (!r->deadline_us || worker_now(g->worker) + wait < r->deadline_us);
    if (again) {
        r->error = (struct d1_error){ 0 };
        r->results = NULL;
        link_at(g, g->again_end, r);
        g->again_end = &r->next;
    }
    arm(g);
    return again;
}

bool gate_cancel(struct gate *g, struct d1_request *r)
{
    for (struct d1_request **at = &g->queue; *at; at = &(*at)->next)
        if (*at == r) {
            end_later(g, unlink_at(g, at), D1_ERROR_CANCELLED, STR("cancelled"));
            arm(g);
            return true;
        }
    for (const struct d1_request *e = g->ended; e; e = e->next)
        if (e == r)
            return true;
    return false;
}
