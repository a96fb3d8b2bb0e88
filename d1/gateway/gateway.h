/*
 * gateway.h - D1 through our own Worker (d1/gateway/worker): the production data path.
 *
 * One request is one POST /v1/batch to the Worker, which runs it as one D1 batch() in a session: atomic, with bookmarks.
 * d1/gateway/worker/README.md states the protocol. d1/http/remote.h says how requests live, wait, repeat and end.
 *
 * Values   traits.native_values is false. Parameters: TEXT as it is, finite REAL as a JSON number (bound bit for bit as a
 *          double), NULL as null; INTEGER as decimal text (the SQL says CAST(?1 AS INTEGER)), BLOB as hex text (the SQL
 *          says unhex(?1)). A REAL that JSON cannot carry stands in the SQL as literal (inline.h). Results: an integral
 *          number below 2^53 is INTEGER, another is REAL, a string TEXT, an array of bytes BLOB.
 *          Every statement names its output columns c0, c1, …: batch() answers objects.
 * Sessions an empty request->session means "first-primary".
 *
 * Owns     what remote.h says.
 * Fails    at open: 22023 for an address or option that cannot be right (not http/https, http to a host that is not
 *          loopback, no token), 53200. Nothing is sent at open.
 */
#ifndef PGD1_D1_GATEWAY_GATEWAY_H
#define PGD1_D1_GATEWAY_GATEWAY_H

#include "d1/http/remote.h"

struct gateway_options {
    struct str url;      /* of the Worker, as in https://pgd1-gateway.example.workers.dev; a path in it is kept */
    struct str database; /* binding name in the Worker's configuration */
    struct remote_options remote;
};

/* NULL with err set. Everything is copied. */
struct d1 *gateway_open(const struct gateway_options *options, struct event_base *base, const struct clock *clock,
                        struct err *err);

#endif
