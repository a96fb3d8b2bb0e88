/*
 * startup.h - the packets before a session: StartupMessage 3.0 to 3.2, SSLRequest, GSSENCRequest, CancelRequest.
 *
 * Owns     nothing: views into the packet's body.
 * Fails    08P01 for a malformed packet, 0A000 for a protocol that is not 3.x, 28000 without a user name. All are FATAL.
 * Not here answering 'S' or 'N', direct TLS, choosing the database: the connection's work.
 *          NegotiateProtocolVersion is written by backend_negotiate().
 */
#ifndef PGD1_PGWIRE_STARTUP_H
#define PGD1_PGWIRE_STARTUP_H

#include "pgwire/wire.h"
#include "proxy/base/err.h"

#define PROTOCOL(major, minor) ((uint32_t)(major) << 16 | (uint32_t)(minor))
#define PROTOCOL_LATEST PROTOCOL(3, 2)
enum { CANCEL_KEY_MIN = 4, CANCEL_KEY_MAX = 256 };

enum startup_kind { STARTUP_SESSION, STARTUP_SSL, STARTUP_GSSENC, STARTUP_CANCEL };

struct startup {
    enum startup_kind kind;
    /* STARTUP_SESSION */
    uint32_t asked;   /* version the client asked for */
    uint32_t version; /* version to speak: at most PROTOCOL_LATEST */
    bool negotiate;   /* send NegotiateProtocolVersion first: newer minor version or unknown _pq_. options */
    /* Empty: not given (database: the user name then). Of a name given twice the last wins. */
    struct str user, database, options, replication;
    struct str parameters; /* all name/value pairs: walk with startup_parameter() */
    /* STARTUP_CANCEL */
    uint32_t pid;
    struct str key; /* CANCEL_KEY_MIN..CANCEL_KEY_MAX bytes */
};

/* body: a frame of PHASE_STARTUP. */
bool startup_read(struct str body, struct startup *ret, struct err *err);
/* The next pair of parameters: start with rd_from(startup.parameters); false at the end. Includes user, database,
 * options, replication and _pq_.* names: see startup_is_setting(). */
bool startup_parameter(struct rd *at, struct str *ret_name, struct str *ret_value);
/* Whether a pair is a run-time setting (application_name, client_encoding…) to apply as SET would. */
bool startup_is_setting(struct str name);
/* Whether a name is a protocol option ("_pq_.…"); none is known to 3.2. */
bool startup_is_protocol_option(struct str name);
/* Length of the cancel key to make for this version: 4 bytes before 3.2, else 32. */
size_t startup_cancel_key_length(uint32_t version);

/* Writers of the client side, for tests and for passing a cancel request on. */
void startup_write_cancel(struct buf *out, uint32_t pid, struct str key);
/* pairs: name, value, name, value…, n of them in all (even). */
void startup_write_session(struct buf *out, uint32_t version, const struct str *pairs, size_t n);

#endif
