/*
 * remote_format.h - what tells one remote protocol from another; for gateway.c, rest.c and remote.c only.
 *
 * Owns     nothing: a format is a constant table of functions.
 */
#ifndef PGD1_D1_HTTP_REMOTE_FORMAT_H
#define PGD1_D1_HTTP_REMOTE_FORMAT_H

#include <cjson/cJSON.h>
#include "d1/http/remote.h"
#include "proxy/base/buf.h"

struct remote_format {
    struct d1_traits traits;
    unsigned rows_depth; /* of json_rows.h */
    /* The count of a statement that wants one is a result of its own behind it, one row of one cell; else finish() reads it. */
    bool counts_are_results;
    /* Where traits.time_travel: the path of a request that travels, as http.h wants it. NULL else. */
    void (*travel)(const struct d1_request *r, struct buf *out);
    /* The request's body. database: as given at open. */
    void (*write)(const struct d1_request *r, struct str database, struct buf *out);
    /* The frame of a 2xx answer, rows cut out: fills results[] (n_statements entries), r->bookmark and r->previous. False: not an answer
     * of this protocol, *ret_reason tells why, or it is an error after all: then explain() is asked. */
    bool (*finish)(struct d1_request *r, const cJSON *frame, struct d1_result *results, const char **ret_reason);
    /* Code and text of an error's frame; both stay untouched when it has none. The text is lent from the frame. */
    void (*explain)(struct d1_request *r, const cJSON *frame, int *ret_code, struct str *ret_message);
};

/* url: the address of all requests. */
struct d1 *remote_open(const struct remote_format *format, struct str url, struct str database,
                       const struct remote_options *options, struct event_base *base, const struct clock *clock,
                       struct err *err);

/* An unsigned number of a frame, 0 when it is none. */
uint64_t remote_count(const cJSON *object, const char *key);

#endif
