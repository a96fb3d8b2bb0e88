/*
 * conn.h - one client's socket: bytes between it and its session, plain or TLS, with back-pressure both ways.
 *
 * Reads go into the worker's one buffer; only what a message lacks its end of is kept. Writes go straight from the session's
 * output; what the socket does not take waits for it. Reading stops while the session is busy and INPUT_KEPT bytes wait, or while
 * output is above SESSION_HIGH_MARK.
 *
 * Owns     the descriptor, the TLS state, the session.
 * Lives    from accept to the last byte sent; freed on a later turn of the loop.
 * Fails    a broken socket ends the session; nobody is told.
 * Not here the protocol: session.h.
 */
#ifndef PGD1_PROXY_CONN_H
#define PGD1_PROXY_CONN_H

#include "proxy/worker.h"

/* Takes over an accepted descriptor; closes it when there is no memory. */
void conn_accept(struct worker *w, int fd);
/* Closes every connection of a worker whose loop has ended. */
void conns_close(struct worker *w);

#endif
