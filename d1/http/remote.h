/*
 * remote.h - what the gateway and the REST transport have in common: the life of a request that travels by HTTP.
 *
 *   waiting -> sent -> reading rows -> ended          waiting: in our own queue, at most max_queued of them
 *      ^         |                                    a read that failed for a passing reason backs off and waits again,
 *      +- backing off                                 unless a row of it was already handed out
 *
 * What callers may rely on, beyond d1.h (what is said of reads goes for D1_TRYOUT too):
 *   - A write leaves this machine at most once. libcurl itself would repeat a POST when a kept-alive connection turns out
 *     dead; writes forbid it (http.h).
 *   - Cancelling a read that was sent closes its transfer. A write that was sent is never abandoned by d1_cancel(): its
 *     rows are dropped and its outcome is told. Its deadline ends it, with may_have_run.
 *   - The time-out runs while the server is silent: until the first byte, and between two of them.
 *   - An answer above max_result_bytes is D1_ERROR_TOO_BIG; for a write may_have_run is true then: it has run.
 *   - Rows are handed out as they arrive, one is decoded at a time; while the caller pauses, nothing is read from the socket.
 *   - d1_close() ends what is under way at once: sent writes as D1_ERROR_LOST, the rest as D1_ERROR_CANCELLED. It may be
 *     called inside done(), but not inside on_row().
 *
 * Owns     the queue, the requests' transport state, the HTTP client, a copy of the token, wiped at close.
 * Fails    through request->error only.
 * Not here what the bodies look like: gateway.c and rest.c give that as a struct remote_format.
 */
#ifndef PGD1_D1_HTTP_REMOTE_H
#define PGD1_D1_HTTP_REMOTE_H

#include <event2/event.h>
#include "d1/d1.h"
#include "d1/retry.h"
#include "proxy/base/clock.h"
#include "proxy/base/err.h"

/* Everything is copied at open. Texts may be empty. */
struct remote_options {
    struct str token;         /* bearer token; required */
    struct str ca_file;       /* PEM file of the authorities to trust; empty: the system's */
    bool insecure;            /* allow http:// to other hosts than loopback. TLS itself is always verified */
    unsigned max_connections; /* TCP connections to the server, per database and thread */
    unsigned max_in_flight;   /* requests sent and not yet answered (HTTP/2 carries several on a connection) */
    unsigned max_queued;      /* requests waiting for a place; above: D1_ERROR_OVERLOADED */
    uint64_t connect_timeout_us;
    uint64_t timeout_us;       /* silence of the server after which an exchange is given up; D1 itself stops at 30 s */
    uint64_t max_result_bytes; /* when the request does not say */
    struct retry_policy retry;
};

/* No token; 8 connections, 32 in flight, 1024 queued, 5 s, 40 s, 64 MiB, retry_policy_default(). */
struct remote_options remote_options_default(void);

#endif
