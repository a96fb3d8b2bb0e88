/*
 * retry.h - what an error of D1 means, and how long to wait before asking again.
 *
 * The meaning is a table (retry.def) over D1's texts, the REST API's codes and HTTP statuses: Cloudflare's "Debug D1" and
 * "Retry queries" pages. A text is looked for first, then a code, then the status; what no row knows is ambiguous.
 *
 * Owns     nothing, keeps nothing: every function is pure, randomness is handed in.
 * Fails    never.
 * Not here deciding to retry a write: a transport repeats reads only (d1/http/remote.c); writes are repeated by their
 *          identity, one floor up.
 */
#ifndef PGD1_D1_RETRY_H
#define PGD1_D1_RETRY_H

#include "d1/d1.h"

struct retry_class {
    enum d1_error_kind kind;
    bool transient; /* the same read may succeed when asked again */
    bool ran;       /* a write may have been applied (D1_ERROR_LOST), as far as this answer tells */
};

/* status: of HTTP. code: errors[0].code of the REST API, else 0. message: D1's text, else empty. */
struct retry_class retry_classify(int status, int code, struct str message);

struct retry_policy {
    unsigned max_attempts; /* requests in all, the first included; 0 and 1: no repetition */
    uint64_t base_us;      /* the first wait is up to this, each further one up to twice the former */
    uint64_t max_us;       /* but never above this */
};

/* 10 attempts, 50 ms, 2 s: about five seconds in all, ten at most. */
struct retry_policy retry_policy_default(void);

/*
 * How long to wait after `attempts` requests have failed: "full jitter", uniform in [0, min(max_us, base_us << attempts-1)],
 * added to what the server asked for (0: nothing). False when no attempt is left, or when the wait would reach the
 * deadline (0: none), both on the monotonic clock. random: any 32 random bits.
 */
bool retry_wait(const struct retry_policy *policy, unsigned attempts, uint64_t retry_after_us, uint64_t now_us,
                uint64_t deadline_us, uint32_t random, uint64_t *ret_us);

#endif
