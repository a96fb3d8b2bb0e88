/*
 * http.h - POST and GET requests to one server, many at a time, on one event loop: libcurl's multi interface on libevent.
 *
 * Keeps connections alive and bounded in number, uses HTTP/2 where the server has it, verifies TLS, follows no redirect (a
 * redirect would carry the token elsewhere), resolves names without blocking the loop, and starts no thread of ours.
 *
 * A POST runs at most once unless it is `repeatable`: libcurl by itself sends a request again when a kept-alive connection
 * turns out to be dead, after the server may have read it. The body of a request that is not repeatable cannot be rewound,
 * so that such a repetition fails instead; it is reported as sent and unanswered. One without a body gets a connection of its own,
 * which libcurl never takes for a dead one.
 *
 * Owns     its connections. A call is the caller's memory from http_start() until on_end() ran or http_abort() returned;
 *          its body and the bytes it lends are borrowed.
 * Fails    http_client_new(): 22023 for an address that cannot be right, 53200. A call: call->end tells.
 * Rules    on_body runs inside libcurl: it must not call anything of this header. on_end may, except http_client_free().
 * Not here what the bytes mean, queueing, time-outs other than the connection's, repetition with back-off.
 */
#ifndef PGD1_D1_HTTP_HTTP_H
#define PGD1_D1_HTTP_HTTP_H

#include <event2/event.h>
#include "proxy/base/err.h"

struct http_client;

struct http_options {
    struct str url;     /* the address of all calls that name no other */
    struct str token;   /* sent as bearer token */
    struct str ca_file; /* empty: the system's */
    bool insecure;      /* http:// to other hosts than loopback */
    unsigned max_connections;
    uint64_t connect_timeout_us;
};

enum http_end {
    HTTP_ANSWERED,    /* status and the whole body came */
    HTTP_UNREACHABLE, /* nothing was sent: name, connection (within its time-out) or TLS failed */
    HTTP_LOST,        /* sent, at least in part, but no whole answer came */
    HTTP_REFUSED,     /* on_body said HTTP_BODY_REFUSED */
    HTTP_NO_MEMORY,
};

/* HELD: nothing of these bytes was taken, give them again after http_resume(). */
enum http_body { HTTP_BODY_TAKEN, HTTP_BODY_HELD, HTTP_BODY_REFUSED };

struct http_call {
    /* --- the caller's --- */
    struct str body;
    const char *
        path; /* NULL: the client's address; else relative to it, with its query, escaped: "b?c=d" leads from …/a to …/b?c=d */
    bool is_get;                                                      /* no body */
    bool repeatable;                                                  /* running twice does no harm */
    enum http_body (*on_body)(struct http_call *c, struct str bytes); /* status and is_json are set by then */
    void (*on_end)(struct http_call *c); /* once, on a later turn of the loop, never inside http_start() */
    void *user;

    /* --- the answer --- */
    enum http_end end;
    bool sent;    /* something of the request left; false: the server cannot have run it */
    int status;   /* 0: none came */
    bool is_json; /* by the content type; set before on_body */
    uint64_t retry_after_us;
    char reason[256]; /* libcurl's text when there is no answer */

    /* --- http.c's --- */
    struct http_client *client;
    void *easy, *url; /* url: of path */
    size_t taken;     /* of the body */
    struct http_call *next, **prev;
};

struct http_client *http_client_new(const struct http_options *options, struct event_base *base, struct err *err);
/* Aborts what is under way; wipes the token. Accepts NULL. */
void http_client_free(struct http_client *h);
void http_start(struct http_client *h, struct http_call *c);
/* Closes the transfer and sets c->sent; on_end does not run any more. No effect after the end. */
void http_abort(struct http_call *c);
/* After HTTP_BODY_HELD: goes on; on_body may run before it returns. */
void http_resume(struct http_call *c);

#endif
