/*
 * serving.h - one configuration and what was made from it: settings' defaults, TLS context, users' verifiers.
 *
 * Owns     the configuration's reference and everything made from it; verifiers are wiped at the end.
 * Lives    reference counted, thread safe. A reload makes a new one and the app swaps it whole; sessions keep the one they began with.
 * Fails    F0000 with the file named when a certificate or key cannot be used, 53200.
 * Not here reading the file: config/config.h.
 */
#ifndef PGD1_PROXY_SERVING_H
#define PGD1_PROXY_SERVING_H

#include <openssl/types.h>
#include "config/config.h"
#include "pgwire/scram.h"
#include "proxy/guc.h"

struct serving {
    _Atomic int references;
    struct config *config;
    struct guc_defaults *gucs;
    SSL_CTX *tls;                                      /* NULL: no TLS */
    unsigned char certificate_hash[SCRAM_BINDING_MAX]; /* tls-server-end-point */
    size_t certificate_hash_length;
    struct scram_verifier *verifiers; /* one per config->users */
};

/* Takes the reference of config, also on failure. */
struct serving *serving_new(struct config *config, struct err *err);
struct serving *serving_ref(struct serving *s);
void serving_unref(struct serving *s); /* accepts NULL */

#endif
