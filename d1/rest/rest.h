/*
 * rest.h - D1 through Cloudflare's public REST API: administration, and a data path for small use.
 *
 * One request is one POST …/d1/database/{id}/raw with {"batch": […]}. The API allows 1,200 calls in five minutes per user,
 * knows no sessions (traits.bookmarks is false, request->session is ignored), and does not promise that a batch is atomic:
 * probe.h finds out. d1/http/remote.h says how requests live, wait, repeat and end.
 *
 * Travels  in time: GET …/time_travel/bookmark[?timestamp=], POST …/time_travel/restore?bookmark= or ?timestamp=, in milliseconds; D1 keeps
 *          30 days, says so when more is asked for, and ends requests under way when it restores.
 *
 * Values   as in gateway.h, but the API's schema allows text parameters only: NULL and REAL parameters are therefore not
 *          sent as parameters. Their placeholders become SQL literals, which SQLite evaluates exactly alike, and the others
 *          are numbered anew (inline.h). So it works whether or not the server takes more than text.
 *
 * Owns     what remote.h says.
 * Fails    at open as gateway.h.
 */
#ifndef PGD1_D1_REST_REST_H
#define PGD1_D1_REST_REST_H

#include "d1/http/remote.h"

struct rest_options {
    struct str base_url; /* empty: https://api.cloudflare.com/client/v4 */
    struct str account;  /* account id */
    struct str database; /* database id (uuid) */
    struct remote_options remote;
};

/* NULL with err set. Everything is copied. */
struct d1 *rest_open(const struct rest_options *options, struct event_base *base, const struct clock *clock,
                     struct err *err);

#endif
