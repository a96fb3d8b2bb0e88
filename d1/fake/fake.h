/*
 * fake.h - a D1 that does what a script says, for scenario tests: no engine, no network, no waiting.
 *
 * A script is a queue of steps. Each request that arrives takes the next step, which states what the request must look like
 * and how it is answered. A request that does not match ends as D1_ERROR_INTERNAL with both texts in its message, and
 * fake_check() tells. Delays pass on the given clock: a fake one makes them free.
 *
 *     fake_line(d1, STR("expect write 2 'UPDATE t*' answer changes 3"), &err);
 *     fake_line(d1, STR("expect read answer rows [[1,\"a\"],[2,null]] bookmark 0001"), &err);
 *     fake_line(d1, STR("expect write answer lost after 2s"), &err);
 *
 * Owns     the script, copied; nothing of the requests.
 * Fails    fake_line: 42601 with the offending word. The transport: as scripted.
 * Not here SQL: a test that needs rows computed uses the embedded transport.
 */
#ifndef PGD1_D1_FAKE_FAKE_H
#define PGD1_D1_FAKE_FAKE_H

#include <event2/event.h>
#include "d1/d1.h"
#include "proxy/base/clock.h"
#include "proxy/base/err.h"

/* --- a clock that stands still --- */

struct fake_clock {
    struct clock clock; /* give &fc->clock to whoever needs a clock */
    uint64_t now_us;
    int64_t wall_offset_us;
};

/* Starts at 1 s monotonic, 2026-01-01 00:00 UTC. fc must stay where it is. */
void fake_clock_init(struct fake_clock *fc);
void fake_clock_advance(struct fake_clock *fc, uint64_t us);

/* --- the transport --- */

/* traits may be changed by the caller (d->traits) before the first request; at first: name "fake", native values, bookmarks,
 * not in process, time travel. base NULL: nothing happens by itself, the test calls fake_turn(). */
struct d1 *fake_open(struct event_base *base, const struct clock *clock, struct err *err);

/*
 * Adds one step. Words, in this order, all but `expect` and `answer` optional:
 *   expect [read|write] [N] ['pattern'] [session 'text'] [identity 'pattern']
 *       N: number of statements. pattern: shell wildcards, against the statements joined by "; ". '' is a quote inside.
 *       A request that travels in time reads "find bookmark of X" or "restore X": a bookmark, microseconds since 1970, or now.
 *   answer what [bookmark TEXT] [previous TEXT] [after N(us|ms|s)]
 *   what:  ok                           every statement: no rows, 0 changes
 *          changes N[,N…]               counts of the statements that want one, in order
 *          rows JSON                    [[cell,…],…] for the last statement. A cell: null, "text", number (INTEGER when integral
 *                                       and below 2^53, else REAL), {"int":"9007199254740993"}, {"real":1}, {"hex":"00ff"}
 *          results JSON                 [{"rows":[…],"changes":n},…], one per statement
 *          error 'text' [at N]          D1_ERROR_SQL; N: 1-based statement that failed
 *          overloaded ['text'] [retry N(us|ms|s)]
 *          lost ['text']                an answer that never came; for a write may_have_run is true
 *          unsure ['text']              as lost, but D1 told that it did not run: may_have_run is false
 *          unreachable | auth | toobig | internal   with an optional 'text'
 *          never                        no answer until cancelled, its deadline, or fake_release()
 *   again N                             the step serves N requests (a duplicate is a request like another)
 */
bool fake_line(struct d1 *d, struct str line, struct err *err);
/* Lets every request that waits in a step `never` end as lost, on the next turn. */
void fake_release(struct d1 *d);
/* Runs what is due on the clock; answers how many requests ended. With an event_base it runs by itself, but for one thing:
 * whoever moves a fake clock calls it afterwards. Must not be called inside on_row() or done(). */
size_t fake_turn(struct d1 *d);
/* When the next scripted answer is due on the monotonic clock; 0: none waits for time. */
uint64_t fake_next_us(const struct d1 *d);
/* All steps were used and every request matched; else false with what was missing or wrong. */
bool fake_check(struct d1 *d, struct err *err);
/* All requests so far, one per line: "read 1 session='first-primary' identity='' SELECT 1". Valid until the next request. */
struct str fake_log(const struct d1 *d);

#endif
