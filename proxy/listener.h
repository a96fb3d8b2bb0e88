/*
 * listener.h - where clients come in: TCP addresses, each worker on its own socket of the same port (SO_REUSEPORT), and the unix socket.
 *
 * The kernel spreads connections by a hash; a worker with more clients than another hands its new one over.
 *
 * Owns     the listening descriptors and the unix socket's file.
 * Lives    from listeners_open() to listeners_close(), which a drain calls first.
 * Fails    58000 with address and reason.
 */
#ifndef PGD1_PROXY_LISTENER_H
#define PGD1_PROXY_LISTENER_H

#include "proxy/worker.h"

/* Opens what the configuration names for this worker; the unix socket only for the first one. */
bool listeners_open(struct worker *w, const struct config *config, struct err *err);
void listeners_close(struct worker *w);

#endif
