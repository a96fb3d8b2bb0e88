/*
 * gate.h - the gate before one D1 database: shut while D1 says that it is overloaded, with a queue before it.
 *
 *           overloaded                  the time is up
 *   OPEN ----------------> CLOSED -----------------------> TRYING: the first in the queue goes, another each second
 *    ^                       ^                               |  |
 *    |                       +---------- overloaded ---------+  |
 *    +----------------- one of these ends otherwise ------------+
 *
 * CLOSED lasts as long as D1 says (Retry-After), else 100 ms, twice that each time up to 3.2 s. What D1 refused waits before what came
 * later. A session has one request at a time, and its next one goes to the end: first come, first served is fair among sessions.
 * Other workers of the process learn of a closed gate through `shared`.
 *
 * Owns     the queue; the requests stay their callers'.
 * Fails    into the request: D1_ERROR_OVERLOADED above max_queue and where the gate opens after its deadline, D1_ERROR_DEADLINE when
 *          its time ends here, D1_ERROR_CANCELLED; none of them was sent. done() runs on a later turn, as d1.h says.
 * Not here how many requests D1 gets at once: d1/http/remote.h.
 */
#ifndef PGD1_PROXY_GATE_H
#define PGD1_PROXY_GATE_H

#include <stdatomic.h>
#include "d1/d1.h"
#include "proxy/timers.h"
#include "proxy/worker.h"

enum { GATE_TRIES = 8 };
enum gate_state { GATE_OPEN, GATE_CLOSED, GATE_TRYING, GATE_STATE_NR };

struct gate {
    enum gate_state state;
    struct worker *worker;
    struct d1 *d1;
    const char *name;                /* of the database, for the log */
    _Atomic uint64_t *shared;        /* closed until then, for all workers */
    struct d1_request *queue, **end; /* in order */
    struct d1_request **again_end;   /* behind those that D1 refused before */
    struct d1_request *ended;        /* done() is due */
    const struct d1_request *trying; /* went ahead, and has not ended */
    size_t n_queued;
    unsigned closings;              /* in a row */
    uint64_t until_us, deadline_us; /* deadline_us: the earliest of the queue; 0: none */
    struct timer timer;
    bool is_ending; /* a done() for `ended` is running */
};

void gate_init(struct gate *g, struct worker *w, struct d1 *d1, const char *name, _Atomic uint64_t *shared);
/* Ends what waits as cancelled; done() runs inside. */
void gate_fini(struct gate *g);
void gate_submit(struct gate *g, struct d1_request *r, size_t max_queue);
/* First in every done(). True: D1 was overloaded, and the request waits to be sent again: done() will run again. Not when nobody
 * wants it any more, after GATE_TRIES, or when its time ends before. */
bool gate_done(struct gate *g, struct d1_request *r, unsigned *tries, bool is_wanted, size_t max_queue);
/* False: it does not wait here. */
bool gate_cancel(struct gate *g, struct d1_request *r);
bool gate_may_move(enum gate_state from, enum gate_state to);

#endif
