/*
 * scram.h - SCRAM-SHA-256 and SCRAM-SHA-256-PLUS, server side (RFC 5802, RFC 7677; tls-server-end-point of RFC 5929).
 *
 * As PostgreSQL does, against the RFCs: the user name of client-first is ignored (the start-up packet's counts); a password
 * that SASLprep refuses, or that is not UTF-8, is used as its raw bytes.
 *
 * What an attacker must not learn: whether a user exists. A user without verifier gets a mock one, with a salt that is
 * the same at every attempt, and fails at the same step, after the same work, with the same words as a wrong password.
 *
 * Owns     struct scram holds everything inline, some 5 kB: keep it only while authenticating. scram_fini() wipes it.
 * Fails    SCRAM_FAILED with *err: 08P01 for a malformed exchange, 28P01 for a proof that is wrong (the message is the
 *          caller's to replace by `password authentication failed for user "…"`).
 * Not here Authentication messages (backend.h), where verifiers are kept (config), TLS.
 */
#ifndef PGD1_PGWIRE_SCRAM_H
#define PGD1_PGWIRE_SCRAM_H

#include "proxy/base/buf.h"
#include "proxy/base/err.h"

enum {
    SCRAM_KEY_LENGTH = 32,
    SCRAM_SALT_LENGTH = 16, /* of verifiers we make */
    SCRAM_SALT_MAX = 64,
    SCRAM_ITERATIONS_DEFAULT = 4096,
    SCRAM_ITERATIONS_MAX = 10000000, /* a verifier above would stall its users' clients */
    SCRAM_NONCE_LENGTH = 18,
    SCRAM_MESSAGE_MAX = 1024, /* longest client message, as PostgreSQL's PG_MAX_SASL_MESSAGE_LENGTH */
    SCRAM_BINDING_MAX = 64,   /* longest certificate hash (SHA-512) */
};

struct scram_verifier {
    uint32_t iterations;
    size_t salt_length;
    unsigned char salt[SCRAM_SALT_MAX];
    unsigned char stored_key[SCRAM_KEY_LENGTH], server_key[SCRAM_KEY_LENGTH];
};

/* "SCRAM-SHA-256$4096:<salt>$<StoredKey>:<ServerKey>", the last three in base64. False: not one. */
bool scram_verifier_parse(struct str text, struct scram_verifier *ret);
void scram_verifier_print(const struct scram_verifier *v, struct buf *out);
/* From a plain password (SASLprep applied). salt empty: 16 random bytes. XX000 when OpenSSL fails. */
bool scram_verifier_make(struct str password, struct str salt, uint32_t iterations, struct scram_verifier *ret,
                         struct err *err);
/* For a user who has none: salt = from HMAC(secret, user), keys that nothing matches. The secret is the server's own, 32 or
 * more random bytes that live as long as verifiers do. */
bool scram_verifier_mock(struct str user, struct str secret, struct scram_verifier *ret, struct err *err);
/* Whether a cleartext password fits (the cleartext method over TLS). Constant time in the comparison. */
bool scram_password_fits(const struct scram_verifier *v, struct str password);
/* Normal form of a password per SASLprep (RFC 4013, with today's Unicode normalization as PostgreSQL has it), appended to
 * out; false: use the raw bytes. ASCII stays as it is. */
bool scram_saslprep(struct str password, struct buf *out);
/* tls-server-end-point of a certificate in DER (RFC 5929 4.1): its hash by the signature's digest, SHA-256 for MD5 and
 * SHA-1. Answers the length, 0 when the certificate has no such digest. */
size_t scram_certificate_hash(struct str der, unsigned char ret[SCRAM_BINDING_MAX]);

enum scram_state { SCRAM_INIT, SCRAM_SALT_SENT, SCRAM_DONE, SCRAM_REFUSED, SCRAM_STATE_NR };
enum scram_result { SCRAM_CONTINUE, SCRAM_SUCCESS, SCRAM_FAILED };

struct scram {
    enum scram_state state;
    struct scram_verifier verifier;
    bool is_doomed;        /* mock verifier: refuse whatever comes */
    bool is_plus;          /* SCRAM-SHA-256-PLUS was chosen */
    bool is_tls;           /* PLUS was on offer */
    char binding_flag;     /* 'n', 'y' or 'p' of client-first */
    size_t binding_length; /* certificate hash */
    unsigned char binding[SCRAM_BINDING_MAX];
    char nonce[SCRAM_MESSAGE_MAX + 32];   /* client's and ours, joined */
    char client_first[SCRAM_MESSAGE_MAX]; /* client-first-message-bare */
    char server_first[SCRAM_MESSAGE_MAX + 256];
    size_t nonce_length, client_first_length, server_first_length;
};

/* verifier: the user's, or NULL with user and secret for the mock one (is_doomed). certificate_hash: the
 * tls-server-end-point value of our certificate, empty without TLS. mechanism: as SASLInitialResponse named it; 08P01 when
 * it is not one we offered. */
bool scram_init(struct scram *s, struct str mechanism, const struct scram_verifier *verifier, struct str user,
                struct str secret, struct str certificate_hash, struct err *err);
void scram_fini(struct scram *s); /* wipes; may be called twice */
/* One client message; p NULL: SASLInitialResponse had none, which asks for an empty challenge. SCRAM_CONTINUE: send what
 * is in out as AuthenticationSASLContinue; SCRAM_SUCCESS: as AuthenticationSASLFinal, then AuthenticationOk;
 * SCRAM_FAILED: only the error. out is appended to. */
enum scram_result scram_step(struct scram *s, struct str message, struct buf *out, struct err *err);
const char *scram_state_name(enum scram_state state);
/* May the exchange go from one state to the other? The drawing in scram.c, for its test. */
bool scram_may_move(enum scram_state from, enum scram_state to);

#define SCRAM_SHA_256 STR("SCRAM-SHA-256")
#define SCRAM_SHA_256_PLUS STR("SCRAM-SHA-256-PLUS")

#endif
