/*
 * auth.h - proving who a client is: trust, cleartext password (over TLS), SCRAM-SHA-256 and -PLUS.
 *
 * An unknown user takes the same path as a wrong password: same messages, same work, same words.
 *
 * Owns     struct auth: the exchange's state, wiped by auth_fini().
 * Lives    from the start-up packet to the login or its failure.
 * Fails    28P01 for a wrong password or unknown user, 28000 where the method is not allowed from there, 08P01.
 * Not here start-up parameters, choosing the database: session_login.c.
 */
#ifndef PGD1_PROXY_AUTH_H
#define PGD1_PROXY_AUTH_H

#include "pgwire/scram.h"
#include "proxy/session.h"

enum auth_method { AUTH_TRUST, AUTH_PASSWORD, AUTH_SCRAM };
enum auth_result { AUTH_MORE, AUTH_GRANTED, AUTH_REFUSED };

struct auth {
    enum auth_method method;
    bool scram_began;
    struct scram scram;
};

/* Writes the first Authentication message, or grants at once (trust: AuthenticationOk is written). */
enum auth_result auth_begin(struct auth *a, struct session *s, struct err *err);
/* A 'p' message. */
enum auth_result auth_message(struct auth *a, struct session *s, struct str body, struct err *err);
void auth_fini(struct auth *a);

#endif
