/*
 * frontend.h - decoders of every message a client sends after start-up (protocol 55.7).
 *
 * Owns     nothing: all views point into the message's body.
 * Fails    false, and *err set: 08P01 with PostgreSQL's wording (an ERROR, not FATAL: the frame was whole). Reading itself
 *          allocates nothing; only the error's text does. Outputs are left alone on failure.
 * Not here encoding checks (22021), names that exist, counts against a prepared statement: the session's work.
 */
#ifndef PGD1_PGWIRE_FRONTEND_H
#define PGD1_PGWIRE_FRONTEND_H

#include "pgwire/types.h"
#include "pgwire/wire.h"
#include "proxy/base/err.h"

struct query_msg {
    struct str sql;
};

struct parse_msg {
    struct str name, sql;
    size_t n_types;
    const unsigned char *types; /* n_types big-endian OIDs: parse_type() */
};

/* A list of format codes, as Bind and FunctionCall carry it: none (all text), one (for all), or one each. */
struct format_list {
    size_t n;
    const unsigned char *codes; /* n big-endian int16, each known to be 0 or 1 */
};

struct bind_msg {
    struct str portal, statement;
    struct format_list formats; /* of the parameters; n is 0, 1 or n_params */
    size_t n_params;
    struct str params;          /* known to be well formed: walk with rd_from() and bind_param() */
    struct format_list results; /* of the result columns; n against the columns is the session's check */
};

/* Describe and Close. */
struct target_msg {
    bool is_portal;
    struct str name;
};

struct execute_msg {
    struct str portal;
    int32_t max_rows; /* 0 or less: all */
};

struct function_call_msg {
    oid_t function;
    struct format_list formats;
    size_t n_args;
    struct str args; /* as bind_msg.params */
    enum wire_format result;
};

struct sasl_initial_msg {
    struct str mechanism;
    bool has_data; /* false: no initial response */
    struct str data;
};

bool query_read(struct str body, struct query_msg *ret, struct err *err);
bool parse_read(struct str body, struct parse_msg *ret, struct err *err);
bool bind_read(struct str body, struct bind_msg *ret, struct err *err); /* 22023 for an unknown format code */
bool describe_read(struct str body, struct target_msg *ret, struct err *err);
bool close_read(struct str body, struct target_msg *ret, struct err *err);
bool execute_read(struct str body, struct execute_msg *ret, struct err *err);
bool function_call_read(struct str body, struct function_call_msg *ret, struct err *err);
bool password_read(struct str body, struct str *ret, struct err *err); /* the password: wipe the bytes after use */
bool sasl_initial_read(struct str body, struct sasl_initial_msg *ret, struct err *err);
bool sasl_response_read(struct str body, struct str *ret, struct err *err);
bool copy_data_read(struct str body, struct str *ret, struct err *err);
bool copy_fail_read(struct str body, struct str *ret, struct err *err); /* the client's reason */
/* Sync, Flush, CopyDone, Terminate: nothing in them. */
bool empty_read(struct str body, struct err *err);

oid_t parse_type(const struct parse_msg *m, size_t i);
/* The format of item i, by the rule none / one / each. */
enum wire_format format_list_at(const struct format_list *list, size_t i);
/* The next parameter; {NULL, 0} is NULL. Call n_params times. */
static inline struct str bind_param(struct rd *at)
{
    return rd_cell(at);
}

#endif
