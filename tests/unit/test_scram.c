/* test_scram.c - the SCRAM server against a client of its own, RFC vectors, and an attacker who flips every byte. */
/* LINK pgd1_pgwire pgd1_base */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/x509.h>

#include "pgwire/scram.h"
#include "proxy/base/fault.h"

#define SECRET STR("0123456789abcdef0123456789abcdef")
enum { ITERATIONS = 16 }; /* few: the exchange runs thousands of times */

/* --- a client, after RFC 5802 section 3; knows nothing of the server's code --- */

struct client {
    struct str password;
    const char *gs2;    /* "n,,", "y,,", "p=tls-server-end-point,," */
    struct str binding; /* certificate hash with PLUS */
    const char *extra;  /* extension in client-final, or "" */
    bool is_lax;        /* goes on although its nonce did not come back, as no client should */
    char first[256], final[1024];
    size_t final_length;
    unsigned char server_signature[32];
};

static void hmac(const void *key, size_t key_n, const char *text, size_t n, unsigned char *ret)
{
    assert_non_null(HMAC(EVP_sha256(), key, (int)key_n, (const unsigned char *)text, n, ret, NULL));
}

static void base64(const void *p, size_t n, char *out)
{
    EVP_EncodeBlock((unsigned char *)out, p, (int)n);
}

static struct str client_first(struct client *c)
{
    int n = snprintf(c->first, sizeof(c->first), "%sn=ignored,r=fyko+d2lbbFgONRv9qkxdawL", c->gs2);
    return (struct str){ c->first, (size_t)n };
}

static void client_proof(struct client *c, const char *auth, size_t n, const unsigned char *salt, size_t salt_n,
                         int iterations, unsigned char proof[32])
{
    unsigned char salted[32], client_key[32], stored[32], signature[32], server_key[32];
    PKCS5_PBKDF2_HMAC(c->password.p, (int)c->password.n, salt, (int)salt_n, iterations, EVP_sha256(), 32, salted);
    hmac(salted, 32, "Client Key", 10, client_key);
    SHA256(client_key, 32, stored);
    hmac(stored, 32, auth, n, signature);
    for (int i = 0; i < 32; i++)
        proof[i] = client_key[i] ^ signature[i];
    hmac(salted, 32, "Server Key", 10, server_key);
    hmac(server_key, 32, auth, n, c->server_signature);
}

static struct str client_final(struct client *c, struct str server_first)
{
    char challenge[2048], nonce[1100], salt64[128], binding64[256], auth[4096], proof64[64];
    unsigned char salt[128], proof[32], header[256];
    int iterations = 0;
    assert_true(server_first.n < sizeof(challenge));
    memcpy(challenge, server_first.p, server_first.n);
    challenge[server_first.n] = 0;
    assert_int_equal(sscanf(challenge, "r=%1099[^,],s=%127[^,],i=%d", nonce, salt64, &iterations), 3);
    if (!c->is_lax)
        assert_true(strncmp(nonce, "fyko+d2lbbFgONRv9qkxdawL", 24) == 0 && strlen(nonce) == 24 + 24);
    int salt_n = EVP_DecodeBlock(salt, (unsigned char *)salt64, (int)strlen(salt64));
    for (size_t i = strlen(salt64); salt64[--i] == '=';)
        salt_n--;
    size_t gs2 = strlen(c->gs2);
    memcpy(header, c->gs2, gs2);
    if (c->binding.n)
        memcpy(header + gs2, c->binding.p, c->binding.n);
    base64(header, gs2 + c->binding.n, binding64);
    int n = snprintf(c->final, sizeof(c->final), "c=%s,r=%s%s", binding64, nonce, c->extra ? c->extra : "");
    int m = snprintf(auth, sizeof(auth), "%s,%s,%s", c->first + gs2, challenge, c->final);
    client_proof(c, auth, (size_t)m, salt, (size_t)salt_n, iterations, proof);
    base64(proof, 32, proof64);
    n += snprintf(c->final + n, sizeof(c->final) - (size_t)n, ",p=%s", proof64);
    c->final_length = (size_t)n;
    return (struct str){ c->final, (size_t)n };
}

static void check_server_final(const struct client *c, struct str message)
{
    char want[64] = "v=";
    base64(c->server_signature, 32, want + 2);
    assert_true(str_is(message, want));
}

/* --- an exchange --- */

struct exchange {
    struct client client;
    struct str mechanism, certificate;
    const struct scram_verifier *verifier;
    /* Where to flip: message 1 or 2 (0: nowhere), byte, and with what. */
    int message;
    size_t at;
    unsigned char flip;
};

struct outcome {
    enum scram_result result;
    enum sqlstate code;
    char message[128], detail[192];
    int steps; /* client messages answered */
};

static struct str tampered(const struct exchange *x, int message, struct str s, char *copy)
{
    memcpy(copy, s.p, s.n);
    if (x->message == message)
        copy[x->at] = (char)(copy[x->at] ^ x->flip);
    return (struct str){ copy, s.n };
}

static void note(struct outcome *o, enum scram_result result, const struct err *e)
{
    o->result = result;
    o->code = e->code;
    snprintf(o->message, sizeof(o->message), "%.*s", STR_FMT(e->message));
    snprintf(o->detail, sizeof(o->detail), "%.*s", STR_FMT(e->detail));
}

static struct outcome run(struct exchange *x)
{
    AUTO(arena) arena = arena_new(65536);
    struct scram s;
    struct err e;
    struct buf out;
    struct outcome o = { .result = SCRAM_FAILED };
    char copy[2048];
    err_init(&e, arena);
    buf_init(&out, 4096);
    if (!scram_init(&s, x->mechanism, x->verifier, STR("joe"), SECRET, x->certificate, &e)) {
        note(&o, SCRAM_FAILED, &e);
        return o;
    }
    enum scram_result result = scram_step(&s, tampered(x, 1, client_first(&x->client), copy), &out, &e);
    if (result == SCRAM_CONTINUE) {
        o.steps = 1;
        struct str final = tampered(x, 2, client_final(&x->client, buf_str(&out)), copy);
        buf_reset(&out);
        result = scram_step(&s, final, &out, &e);
        if (result == SCRAM_SUCCESS) {
            o.steps = 2;
            check_server_final(&x->client, buf_str(&out));
            assert_int_equal(s.state, SCRAM_DONE);
        }
    }
    if (result == SCRAM_FAILED)
        assert_int_equal(s.state, SCRAM_REFUSED);
    note(&o, result, &e);
    scram_fini(&s);
    buf_fini(&out);
    return o;
}

static struct scram_verifier make(struct str password)
{
    AUTO(arena) arena = arena_new(4096);
    struct scram_verifier v;
    struct err e;
    err_init(&e, arena);
    assert_true(scram_verifier_make(password, STR("0123456789abcdef"), ITERATIONS, &v, &e));
    return v;
}

static struct exchange plain_exchange(const struct scram_verifier *v)
{
    return (struct exchange){ .client = { .password = STR("pencil"), .gs2 = "n,,", .extra = "" },
                              .mechanism = SCRAM_SHA_256,
                              .verifier = v };
}

#define HASH STR("\x00\x01\x02\x03\xff\xfe\xfd\xfc 24 bytes more.. 32..")

static struct exchange plus_exchange(const struct scram_verifier *v)
{
    return (struct exchange){
        .client = { .password = STR("pencil"), .gs2 = "p=tls-server-end-point,,", .binding = HASH, .extra = "" },
        .mechanism = SCRAM_SHA_256_PLUS,
        .certificate = HASH,
        .verifier = v,
    };
}

static void the_right_password_is_let_in(void **state)
{
    (void)state;
    struct scram_verifier v = make(STR("pencil"));
    struct exchange plain = plain_exchange(&v), plus = plus_exchange(&v), over_tls = plain_exchange(&v);
    assert_int_equal(run(&plain).result, SCRAM_SUCCESS);
    assert_int_equal(run(&plus).result, SCRAM_SUCCESS);
    over_tls.certificate = HASH; /* a client without channel binding, on TLS */
    assert_int_equal(run(&over_tls).result, SCRAM_SUCCESS);
    plain.client.gs2 = "y,,"; /* a client that could, on a server that cannot */
    assert_int_equal(run(&plain).result, SCRAM_SUCCESS);
    plain.client.extra = ",x=unknown,Y=2"; /* extensions are passed over, and covered by the proof */
    assert_int_equal(run(&plain).result, SCRAM_SUCCESS);
}

static void an_unknown_user_fails_as_a_wrong_password(void **state)
{
    (void)state;
    struct scram_verifier v = make(STR("pencil"));
    struct exchange wrong = plain_exchange(&v), unknown = plain_exchange(NULL);
    wrong.client.password = STR("Pencil");
    struct outcome a = run(&wrong), b = run(&unknown);
    assert_int_equal(a.result, SCRAM_FAILED);
    assert_int_equal(b.result, SCRAM_FAILED);
    assert_int_equal(a.code, SQLSTATE_INVALID_PASSWORD);
    assert_int_equal(a.code, b.code);
    assert_string_equal(a.message, b.message);
    assert_string_equal(a.detail, b.detail);
    assert_int_equal(a.steps, b.steps);
}

static void a_mock_verifier_is_the_same_each_time(void **state)
{
    (void)state;
    AUTO(arena) arena = arena_new(4096);
    struct scram_verifier a, b, c, d;
    struct err e;
    err_init(&e, arena);
    assert_true(scram_verifier_mock(STR("joe"), SECRET, &a, &e));
    assert_true(scram_verifier_mock(STR("joe"), SECRET, &b, &e));
    assert_true(scram_verifier_mock(STR("jim"), SECRET, &c, &e));
    assert_true(scram_verifier_mock(STR("joe"), STR("another secret of 32 bytes......"), &d, &e));
    assert_memory_equal(a.salt, b.salt, SCRAM_SALT_LENGTH);
    assert_memory_not_equal(a.salt, c.salt, SCRAM_SALT_LENGTH);
    assert_memory_not_equal(a.salt, d.salt, SCRAM_SALT_LENGTH);
    assert_int_equal(a.iterations, SCRAM_ITERATIONS_DEFAULT);
    assert_int_equal(a.salt_length, SCRAM_SALT_LENGTH);
}

/* Even who knows the mock keys (nobody does) is refused. */
static void a_doomed_exchange_never_succeeds(void **state)
{
    (void)state;
    AUTO(arena) arena = arena_new(4096);
    struct scram s;
    struct err e;
    struct buf out;
    struct scram_verifier v = make(STR("pencil"));
    struct exchange x = plain_exchange(NULL);
    err_init(&e, arena);
    buf_init(&out, 4096);
    assert_true(scram_init(&s, SCRAM_SHA_256, NULL, STR("joe"), SECRET, STR(""), &e));
    s.verifier = v;
    assert_int_equal(scram_step(&s, client_first(&x.client), &out, &e), SCRAM_CONTINUE);
    struct str final = client_final(&x.client, buf_str(&out));
    assert_int_equal(scram_step(&s, final, &out, &e), SCRAM_FAILED);
    assert_int_equal(e.code, SQLSTATE_INVALID_PASSWORD);
    buf_fini(&out);
}

/* Each bit of each byte of both client messages: a change is never let in. */
static void every_flipped_bit_fails(void **state)
{
    (void)state;
    struct scram_verifier v = make(STR("pencil"));
    for (int plus = 0; plus < 2; plus++) {
        for (int message = 1; message <= 2; message++) {
            struct exchange x = plus ? plus_exchange(&v) : plain_exchange(&v);
            assert_int_equal(run(&x).result, SCRAM_SUCCESS);
            size_t n = message == 1 ? client_first(&x.client).n : x.client.final_length;
            assert_true(n > 20);
            x.message = message;
            x.client.is_lax = true;
            for (x.at = 0; x.at < n; x.at++) {
                for (int bit = 0; bit < 8; bit++) {
                    x.flip = (unsigned char)(1 << bit);
                    struct outcome o = run(&x);
                    if (o.result != SCRAM_FAILED || o.code == SQLSTATE_SUCCESSFUL_COMPLETION)
                        fail_msg("message %d byte %zu bit %d was let in", message, x.at, bit);
                }
            }
        }
    }
}

static void every_cut_message_fails(void **state)
{
    (void)state;
    AUTO(arena) arena = arena_new(1 << 20);
    struct scram_verifier v = make(STR("pencil"));
    for (int message = 1; message <= 2; message++) {
        for (size_t n = 0;; n++) {
            struct exchange x = plus_exchange(&v);
            struct scram s;
            struct err e;
            struct buf out;
            err_init(&e, arena);
            buf_init(&out, 4096);
            assert_true(scram_init(&s, x.mechanism, x.verifier, STR("joe"), SECRET, x.certificate, &e));
            struct str m = client_first(&x.client);
            if (message == 2) {
                assert_int_equal(scram_step(&s, m, &out, &e), SCRAM_CONTINUE);
                m = client_final(&x.client, buf_str(&out));
            }
            bool whole = n >= m.n;
            char *copy = arena_alloc(arena, n);
            memcpy(copy, m.p, whole ? m.n : n);
            enum scram_result result = scram_step(&s, (struct str){ copy, n }, &out, &e);
            buf_fini(&out);
            scram_fini(&s);
            if (whole)
                break;
            if (result == SCRAM_SUCCESS || (message == 2 && result != SCRAM_FAILED))
                fail_msg("message %d cut to %zu bytes", message, n);
        }
    }
}

static const struct {
    const char *rule;
    struct str first;
    bool plus, tls;
    enum sqlstate code;
    const char *message, *detail;
} first_cases[] = {
    { "empty", STR_INIT(""), false, false, SQLSTATE_PROTOCOL_VIOLATION, "malformed SCRAM message",
      "The message is empty." },
    { "a NUL inside", STR_INIT("n,,n=\0,r=abc"), false, false, SQLSTATE_PROTOCOL_VIOLATION, "malformed SCRAM message",
      "Message length does not match input length." },
    { "an unknown flag", STR_INIT("x,,n=,r=abc"), false, false, SQLSTATE_PROTOCOL_VIOLATION, "malformed SCRAM message",
      "Unexpected channel-binding flag \"x\"." },
    { "an unprintable flag is shown as its code", STR_INIT("\x01,,n=,r=abc"), false, false, SQLSTATE_PROTOCOL_VIOLATION,
      "malformed SCRAM message", "Unexpected channel-binding flag \"0x01\"." },
    { "a flag alone", STR_INIT("n"), false, false, SQLSTATE_PROTOCOL_VIOLATION, "malformed SCRAM message",
      "Comma expected, but found character \"0x00\"." },
    { "no comma after the flag", STR_INIT("nx"), false, false, SQLSTATE_PROTOCOL_VIOLATION, "malformed SCRAM message",
      "Comma expected, but found character \"x\"." },
    { "an authorization identity", STR_INIT("n,a=root,n=,r=abc"), false, false, SQLSTATE_FEATURE_NOT_SUPPORTED,
      "client uses authorization identity, but it is not supported", "" },
    { "something else there", STR_INIT("n,b=root,n=,r=abc"), false, false, SQLSTATE_PROTOCOL_VIOLATION,
      "malformed SCRAM message", "Unexpected attribute \"b\" in client-first-message." },
    { "a mandatory extension", STR_INIT("n,,m=x,n=,r=abc"), false, false, SQLSTATE_FEATURE_NOT_SUPPORTED,
      "client requires an unsupported SCRAM extension", "" },
    { "no user name", STR_INIT("n,,r=abc"), false, false, SQLSTATE_PROTOCOL_VIOLATION, "malformed SCRAM message",
      "Expected attribute \"n\" but found \"r\"." },
    { "no equals sign", STR_INIT("n,,n,r=abc"), false, false, SQLSTATE_PROTOCOL_VIOLATION, "malformed SCRAM message",
      "Expected character \"=\" for attribute \"n\"." },
    { "no nonce", STR_INIT("n,,n=x"), false, false, SQLSTATE_PROTOCOL_VIOLATION, "malformed SCRAM message",
      "Expected attribute \"r\" but found \"0x00\"." },
    { "an empty nonce", STR_INIT("n,,n=,r="), false, false, SQLSTATE_PROTOCOL_VIOLATION, "malformed SCRAM message",
      "The client's nonce is empty." },
    { "a nonce with a blank", STR_INIT("n,,n=,r=a b"), false, false, SQLSTATE_PROTOCOL_VIOLATION,
      "non-printable characters in SCRAM nonce", "" },
    { "a nonce with a high byte", STR_INIT("n,,n=,r=a\xc3"), false, false, SQLSTATE_PROTOCOL_VIOLATION,
      "non-printable characters in SCRAM nonce", "" },
    { "an extension that is none", STR_INIT("n,,n=,r=abc,1=2"), false, false, SQLSTATE_PROTOCOL_VIOLATION,
      "malformed SCRAM message", "Attribute expected, but found invalid character \"1\"." },
    { "binding data without PLUS", STR_INIT("p=tls-server-end-point,,n=,r=abc"), false, true,
      SQLSTATE_PROTOCOL_VIOLATION, "malformed SCRAM message",
      "The client selected SCRAM-SHA-256 without channel binding, but the SCRAM message includes channel binding "
      "data." },
    { "PLUS without binding data", STR_INIT("n,,n=,r=abc"), true, true, SQLSTATE_PROTOCOL_VIOLATION,
      "malformed SCRAM message",
      "The client selected SCRAM-SHA-256-PLUS, but the SCRAM message does not include channel binding data." },
    { "another binding type", STR_INIT("p=tls-unique,,n=,r=abc"), true, true, SQLSTATE_PROTOCOL_VIOLATION,
      "unsupported SCRAM channel-binding type", "" },
    { "a downgrade: the client thinks we cannot", STR_INIT("y,,n=,r=abc"), false, true,
      SQLSTATE_INVALID_AUTHORIZATION_SPECIFICATION, "SCRAM channel binding negotiation error",
      "The client supports SCRAM channel binding but thinks the server does not.  However, this server does support "
      "channel binding." },
};

static void bad_first_messages_are_named(void **state)
{
    (void)state;
    struct scram_verifier v = make(STR("pencil"));
    for (size_t i = 0; i < sizeof(first_cases) / sizeof(first_cases[0]); i++) {
        AUTO(arena) arena = arena_new(4096);
        struct scram s;
        struct err e;
        struct buf out;
        err_init(&e, arena);
        buf_init(&out, 4096);
        struct str mechanism = first_cases[i].plus ? SCRAM_SHA_256_PLUS : SCRAM_SHA_256;
        assert_true(scram_init(&s, mechanism, &v, STR("joe"), SECRET, first_cases[i].tls ? HASH : STR(""), &e));
        if (scram_step(&s, first_cases[i].first, &out, &e) != SCRAM_FAILED)
            fail_msg("%s: let in", first_cases[i].rule);
        assert_int_equal(e.code, first_cases[i].code);
        if (!str_is(e.message, first_cases[i].message) || !str_is(e.detail, first_cases[i].detail))
            fail_msg("%s: %.*s: %.*s", first_cases[i].rule, STR_FMT(e.message), STR_FMT(e.detail));
        assert_int_equal(out.n, 0);
        /* A refused exchange stays so. */
        struct err again;
        err_init(&again, arena);
        assert_int_equal(scram_step(&s, STR("n,,n=,r=abc"), &out, &again), SCRAM_FAILED);
        assert_true(str_is(again.message, "invalid SCRAM exchange state"));
        buf_fini(&out);
    }
}

/* printf templates of client-final: %s is the nonce the server made. */
static const struct {
    const char *rule, *final, *message, *detail;
} final_cases[] = {
    { "no channel binding", "r=%s,p=AAAA", "malformed SCRAM message", "Expected attribute \"c\" but found \"r\"." },
    { "another header than before", "c=eSws,r=%s,p=AAAA",
      "unexpected SCRAM channel-binding attribute in client-final-message", "" },
    { "no proof", "c=biws,r=%s", "malformed SCRAM message", "Attribute expected, but found end of string." },
    { "a proof that is not base64", "c=biws,r=%s,p=!!!!", "malformed SCRAM message",
      "Malformed proof in client-final-message." },
    { "a short proof", "c=biws,r=%s,p=AAAA", "malformed SCRAM message", "Malformed proof in client-final-message." },
    { "a proof that is not canonical", "c=biws,r=%s,p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=",
      "malformed SCRAM message", "Malformed proof in client-final-message." },
    { "something behind the proof", "c=biws,r=%s,p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=,x=1",
      "malformed SCRAM message", "Garbage found at the end of client-final-message." },
    { "a comma behind the proof", "c=biws,r=%s,p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=,",
      "malformed SCRAM message", "Garbage found at the end of client-final-message." },
    { "a longer nonce", "c=biws,r=%sx,p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "invalid SCRAM response",
      "Nonce does not match." },
    { "only the client's nonce", "c=biws,r=fyko%.0s,p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
      "invalid SCRAM response", "Nonce does not match." },
    { "a wrong proof", "c=biws,r=%s,p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "password authentication failed",
      "" },
};

static void bad_final_messages_are_named(void **state)
{
    (void)state;
    struct scram_verifier v = make(STR("pencil"));
    for (size_t i = 0; i < sizeof(final_cases) / sizeof(final_cases[0]); i++) {
        AUTO(arena) arena = arena_new(4096);
        struct scram s;
        struct err e;
        struct buf out, final;
        err_init(&e, arena);
        buf_init(&out, 4096);
        buf_init(&final, 4096);
        assert_true(scram_init(&s, SCRAM_SHA_256, &v, STR("joe"), SECRET, STR(""), &e));
        assert_int_equal(scram_step(&s, STR("n,,n=,r=fyko"), &out, &e), SCRAM_CONTINUE);
        const char *nonce = arena_cstr(arena, (struct str){ s.nonce, s.nonce_length });
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        buf_printf(&final, final_cases[i].final, nonce);
#pragma GCC diagnostic pop
        if (scram_step(&s, buf_str(&final), &out, &e) != SCRAM_FAILED)
            fail_msg("%s: let in", final_cases[i].rule);
        if (!str_is(e.message, final_cases[i].message) || !str_is(e.detail, final_cases[i].detail))
            fail_msg("%s: %.*s: %.*s", final_cases[i].rule, STR_FMT(e.message), STR_FMT(e.detail));
        buf_fini(&out);
        buf_fini(&final);
    }
}

static void a_certificate_in_between_is_found_out(void **state)
{
    (void)state;
    struct scram_verifier v = make(STR("pencil"));
    struct exchange x = plus_exchange(&v);
    x.client.binding = STR("the hash of somebody in between.");
    struct outcome o = run(&x);
    assert_int_equal(o.result, SCRAM_FAILED);
    assert_int_equal(o.code, SQLSTATE_INVALID_AUTHORIZATION_SPECIFICATION);
    assert_string_equal(o.message, "SCRAM channel binding check failed");
}

static void only_offered_mechanisms_are_taken(void **state)
{
    (void)state;
    static const struct {
        const char *mechanism;
        bool tls, good;
    } cases[] = { { "SCRAM-SHA-256", false, true },     { "SCRAM-SHA-256", true, true },
                  { "SCRAM-SHA-256-PLUS", true, true }, { "SCRAM-SHA-256-PLUS", false, false },
                  { "SCRAM-SHA-1", true, false },       { "", true, false },
                  { "scram-sha-256", true, false },     { "OAUTHBEARER", true, false } };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        AUTO(arena) arena = arena_new(4096);
        struct scram s;
        struct err e;
        err_init(&e, arena);
        bool good =
            scram_init(&s, str_from(cases[i].mechanism), NULL, STR("joe"), SECRET, cases[i].tls ? HASH : STR(""), &e);
        assert_int_equal(good, cases[i].good);
        if (!good)
            assert_true(str_is(e.message, "client selected an invalid SASL authentication mechanism"));
    }
}

static void no_initial_response_asks_for_one(void **state)
{
    (void)state;
    AUTO(arena) arena = arena_new(4096);
    struct scram s;
    struct err e;
    struct buf out;
    err_init(&e, arena);
    buf_init(&out, 4096);
    assert_true(scram_init(&s, SCRAM_SHA_256, NULL, STR("joe"), SECRET, STR(""), &e));
    assert_int_equal(scram_step(&s, (struct str){ 0 }, &out, &e), SCRAM_CONTINUE);
    assert_int_equal(out.n, 0);
    assert_int_equal(s.state, SCRAM_INIT);
    assert_int_equal(scram_step(&s, STR("n,,n=,r=abc"), &out, &e), SCRAM_CONTINUE);
    assert_int_equal(s.state, SCRAM_SALT_SENT);
    buf_fini(&out);
}

static void messages_up_to_the_limit_are_taken(void **state)
{
    (void)state;
    char text[SCRAM_MESSAGE_MAX + 1];
    memset(text, 'r', sizeof(text));
    memcpy(text, "n,,n=,r=", 8);
    for (size_t n = SCRAM_MESSAGE_MAX; n <= SCRAM_MESSAGE_MAX + 1; n++) {
        AUTO(arena) arena = arena_new(4096);
        struct scram s;
        struct err e;
        struct buf out;
        err_init(&e, arena);
        buf_init(&out, 4096);
        assert_true(scram_init(&s, SCRAM_SHA_256, NULL, STR("joe"), SECRET, STR(""), &e));
        enum scram_result result = scram_step(&s, (struct str){ text, n }, &out, &e);
        assert_int_equal(result, n <= SCRAM_MESSAGE_MAX ? SCRAM_CONTINUE : SCRAM_FAILED);
        buf_fini(&out);
    }
}

static void without_memory_the_exchange_fails(void **state)
{
    (void)state;
    AUTO(arena) arena = arena_new(4096);
    struct scram s;
    struct err e;
    struct buf out;
    err_init(&e, arena);
    assert_true(scram_init(&s, SCRAM_SHA_256, NULL, STR("joe"), SECRET, STR(""), &e));
    buf_init(&out, 4096);
    fault_after(0);
    assert_int_equal(scram_step(&s, STR("n,,n=,r=abc"), &out, &e), SCRAM_FAILED);
    fault_after(-1);
    assert_int_equal(e.code, SQLSTATE_OUT_OF_MEMORY);
    assert_int_equal(s.state, SCRAM_REFUSED);
    buf_fini(&out);
}

static void fini_wipes(void **state)
{
    (void)state;
    AUTO(arena) arena = arena_new(4096);
    struct scram_verifier v = make(STR("pencil"));
    struct scram s;
    struct err e;
    static const unsigned char zero[sizeof(s.verifier)];
    err_init(&e, arena);
    assert_true(scram_init(&s, SCRAM_SHA_256, &v, STR("joe"), SECRET, STR(""), &e));
    scram_fini(&s);
    assert_memory_equal(&s.verifier, zero, sizeof(zero));
    scram_fini(&s);
    assert_int_equal(s.state, SCRAM_REFUSED);
}

/* --- the drawing of scram.c --- */

static void the_drawing_is_the_table(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1000);
    for (enum scram_state from = 0; from < SCRAM_STATE_NR; from++)
        for (enum scram_state to = 0; to < SCRAM_STATE_NR; to++)
            if (scram_may_move(from, to))
                buf_printf(&b, "%s -> %s\n", scram_state_name(from), scram_state_name(to));
    assert_true(str_eq(buf_str(&b), STR("init -> init\n"
                                        "init -> salt sent\n"
                                        "init -> refused\n"
                                        "salt sent -> done\n"
                                        "salt sent -> refused\n")));
    buf_fini(&b);
}

/* --- verifiers --- */

/* RFC 7677, section 3: user "user", password "pencil", 4096 iterations; the keys as PostgreSQL would store them. */
#define RFC_TEXT                                                                                                       \
    "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"                        \
    "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="

static void the_vector_of_rfc_7677_holds(void **state)
{
    (void)state;
    AUTO(arena) arena = arena_new(4096);
    struct scram_verifier v, parsed;
    struct err e;
    struct buf b;
    unsigned char salt[18];
    err_init(&e, arena);
    buf_init(&b, 1000);
    EVP_DecodeBlock(salt, (const unsigned char *)"W22ZaJ0SNY7soEsUEjb6gQ==", 24);
    assert_true(scram_verifier_make(STR("pencil"), (struct str){ (char *)salt, 16 }, 4096, &v, &e));
    scram_verifier_print(&v, &b);
    assert_true(str_eq(buf_str(&b), STR(RFC_TEXT)));
    assert_true(scram_verifier_parse(STR(RFC_TEXT), &parsed));
    assert_memory_equal(parsed.stored_key, v.stored_key, SCRAM_KEY_LENGTH);
    assert_memory_equal(parsed.server_key, v.server_key, SCRAM_KEY_LENGTH);
    assert_true(scram_password_fits(&parsed, STR("pencil")));
    assert_false(scram_password_fits(&parsed, STR("pencil ")));
    assert_false(scram_password_fits(&parsed, STR("")));
    buf_fini(&b);
}

static void random_salts_differ(void **state)
{
    (void)state;
    AUTO(arena) arena = arena_new(4096);
    struct scram_verifier a, b;
    struct err e;
    err_init(&e, arena);
    assert_true(scram_verifier_make(STR("x"), STR(""), ITERATIONS, &a, &e));
    assert_true(scram_verifier_make(STR("x"), STR(""), ITERATIONS, &b, &e));
    assert_int_equal(a.salt_length, SCRAM_SALT_LENGTH);
    assert_memory_not_equal(a.salt, b.salt, SCRAM_SALT_LENGTH);
    assert_true(scram_password_fits(&a, STR("x")) && scram_password_fits(&b, STR("x")));
    assert_false(scram_verifier_make(STR("x"), STR(""), 0, &a, &e));
}

static void what_is_not_a_verifier_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "pencil",
        "md5d41d8cd98f00b204e9800998ecf8427e",
        "SCRAM-SHA-256$",
        "SCRAM-SHA-256$0:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
        "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
        "SCRAM-SHA-256$-1:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
        "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
        "SCRAM-SHA-256$99999999999:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
        "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
        "SCRAM-SHA-256$4096:$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
        "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
        "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4g==:"
        "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
        "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=",
        RFC_TEXT " ",
        RFC_TEXT "AAAA",
        "scram-sha-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
        "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct scram_verifier v;
        if (scram_verifier_parse(str_from(bad[i]), &v))
            fail_msg("taken: %s", bad[i]);
    }
}

/* RFC 4013, section 3, and what PostgreSQL adds: ASCII stays as it is, today's normalization. */
static const struct {
    const char *rule, *in, *out; /* out NULL: refused, the raw bytes count */
} prepared[] = {
    { "soft hyphen mapped to nothing", "I\xc2\xadX", "IX" },
    { "no transformation", "user", "user" },
    { "case preserved", "USER", "USER" },
    { "output is NFKC, input in ISO 8859-1", "\xc2\xaa", "a" },
    { "output is NFKC", "\xe2\x85\xa8", "IX" },
    { "a control character beside non-ASCII", "\x07\xc3\xa9", NULL },
    { "bidirectional check", "\xd8\xa7\x31", NULL },
    { "right to left alone", "\xd8\xa7\x31\xd8\xa7", "\xd8\xa7\x31\xd8\xa7" },
    { "a non-ASCII space becomes a space", "a\xc2\xa0z", "a z" },
    { "an ASCII control character alone is kept", "a\x07", "a\x07" },
    { "nothing left", "\xc2\xad", NULL },
    { "composed", "e\xcc\x81", "\xc3\xa9" },
    { "private use", "\xee\x80\x80", NULL },
    { "unassigned in Unicode 3.2", "\xf0\x9f\x92\xa9", NULL },
    { "assigned later, though it would normalize to an old letter", "\xf0\x9f\x84\xb0", NULL },
    { "a tone mark prohibited before, allowed after normalization", "a\xcd\x80", NULL },
    { "not UTF-8", "\xff\xfe", NULL },
    { "a ligature", "\xef\xac\x81", "fi" },
};

static void saslprep_follows_the_rfc(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(prepared) / sizeof(prepared[0]); i++) {
        struct buf b;
        buf_init(&b, 1000);
        bool good = scram_saslprep(str_from(prepared[i].in), &b);
        if (good != (prepared[i].out != NULL) || (good && !str_is(buf_str(&b), prepared[i].out)))
            fail_msg("%s: %d %.*s", prepared[i].rule, good, STR_FMT(buf_str(&b)));
        buf_fini(&b);
    }
}

static void both_forms_of_a_password_fit(void **state)
{
    (void)state;
    struct scram_verifier v = make(STR("e\xcc\x81")), raw = make(STR("\xff\xfe"));
    assert_true(scram_password_fits(&v, STR("\xc3\xa9")));
    assert_true(scram_password_fits(&raw, STR("\xff\xfe")));
    assert_false(scram_password_fits(&raw, STR("\xff")));
}

static void saslprep_without_memory_refuses(void **state)
{
    (void)state;
    for (long n = 0; n < 2; n++) {
        struct buf b;
        buf_init(&b, 1000);
        fault_after(n);
        assert_false(scram_saslprep(STR("e\xcc\x81"), &b));
        assert_true(fault_hit());
        fault_after(-1);
        buf_fini(&b);
    }
}

/* --- certificates --- */

static X509 *self_signed(EVP_PKEY *key, const EVP_MD *md)
{
    X509 *c = X509_new();
    ASN1_INTEGER_set(X509_get_serialNumber(c), 1);
    X509_gmtime_adj(X509_getm_notBefore(c), 0);
    X509_gmtime_adj(X509_getm_notAfter(c), 3600);
    X509_set_pubkey(c, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(c), "CN", MBSTRING_ASC, (const unsigned char *)"test", -1, -1, 0);
    X509_set_issuer_name(c, X509_get_subject_name(c));
    assert_true(X509_sign(c, key, md) > 0);
    return c;
}

static void certificates_are_hashed_by_their_signature(void **state)
{
    (void)state;
    const struct {
        const EVP_MD *signature, *hash;
    } cases[] = { { EVP_sha256(), EVP_sha256() },
                  { EVP_sha384(), EVP_sha384() },
                  { EVP_sha512(), EVP_sha512() },
                  { EVP_sha1(), EVP_sha256() } };
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        X509 *c = self_signed(key, cases[i].signature);
        unsigned char *der = NULL, got[SCRAM_BINDING_MAX], want[EVP_MAX_MD_SIZE];
        unsigned want_n;
        int n = i2d_X509(c, &der);
        size_t got_n = scram_certificate_hash((struct str){ (char *)der, (size_t)n }, got);
        EVP_Digest(der, (size_t)n, want, &want_n, cases[i].hash, NULL);
        assert_int_equal(got_n, want_n);
        assert_memory_equal(got, want, want_n);
        OPENSSL_free(der);
        X509_free(c);
    }
    EVP_PKEY_free(key);
    unsigned char none[SCRAM_BINDING_MAX];
    assert_int_equal(scram_certificate_hash(STR("not a certificate"), none), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_right_password_is_let_in),
        cmocka_unit_test(an_unknown_user_fails_as_a_wrong_password),
        cmocka_unit_test(a_mock_verifier_is_the_same_each_time),
        cmocka_unit_test(a_doomed_exchange_never_succeeds),
        cmocka_unit_test(every_flipped_bit_fails),
        cmocka_unit_test(every_cut_message_fails),
        cmocka_unit_test(bad_first_messages_are_named),
        cmocka_unit_test(bad_final_messages_are_named),
        cmocka_unit_test(a_certificate_in_between_is_found_out),
        cmocka_unit_test(only_offered_mechanisms_are_taken),
        cmocka_unit_test(no_initial_response_asks_for_one),
        cmocka_unit_test(messages_up_to_the_limit_are_taken),
        cmocka_unit_test(without_memory_the_exchange_fails),
        cmocka_unit_test(fini_wipes),
        cmocka_unit_test(the_drawing_is_the_table),
        cmocka_unit_test(the_vector_of_rfc_7677_holds),
        cmocka_unit_test(random_salts_differ),
        cmocka_unit_test(what_is_not_a_verifier_is_refused),
        cmocka_unit_test(saslprep_follows_the_rfc),
        cmocka_unit_test(both_forms_of_a_password_fit),
        cmocka_unit_test(saslprep_without_memory_refuses),
        cmocka_unit_test(certificates_are_hashed_by_their_signature),
    };
    return cmocka_run_group_tests_name("scram", tests, NULL, NULL);
}
