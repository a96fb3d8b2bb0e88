/*
 * scram.c - see scram.h.
 *
 *            client-first                client-final, proof right
 *   init ------------------> salt sent ---------------------------> done
 *    | ^ no initial response     |
 *    +-+                         | anything wrong
 *    |      anything wrong       v
 *    +----------------------> refused
 */
#include "pgwire/scram.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <openssl/x509.h>
#include <stdio.h>

enum { KEY_BASE64 = 44, BINDING_TEXT_MAX = 128 };

static const char end_point[] = "tls-server-end-point";

/* --- states --- */

#define TO(name) (1u << SCRAM_##name)
static const struct {
    const char *name;
    unsigned to;
} states[SCRAM_STATE_NR] = {
    [SCRAM_INIT] = { "init", TO(INIT) | TO(SALT_SENT) | TO(REFUSED) },
    [SCRAM_SALT_SENT] = { "salt sent", TO(DONE) | TO(REFUSED) },
    [SCRAM_DONE] = { "done", 0 },
    [SCRAM_REFUSED] = { "refused", 0 },
};

const char *scram_state_name(enum scram_state state)
{
    return states[state].name;
}

bool scram_may_move(enum scram_state from, enum scram_state to)
{
    return (states[from].to >> to & 1) != 0;
}

static void move(struct scram *s, enum scram_state to)
{
    assert(scram_may_move(s->state, to));
    s->state = to;
}

/* --- primitives --- */

static bool hmac(struct str key, struct str text, unsigned char ret[SCRAM_KEY_LENGTH])
{
    unsigned n = 0;
    return HMAC(EVP_sha256(), key.p, (int)key.n, (const unsigned char *)text.p, text.n, ret, &n) &&
           n == SCRAM_KEY_LENGTH;
}

static struct str key_str(const unsigned char key[SCRAM_KEY_LENGTH])
{
    return (struct str){ (const char *)key, SCRAM_KEY_LENGTH };
}

/* out has room for 4 * ((n + 2) / 3) + 1 bytes. */
static size_t base64(const unsigned char *p, size_t n, char *out)
{
    return (size_t)EVP_EncodeBlock((unsigned char *)out, p, (int)n);
}

/* Canonical base64 only: what decodes must encode to the same text, so that no two texts mean one value. */
static bool unbase64(struct str text, unsigned char *ret, size_t size, size_t *ret_n)
{
    unsigned char bytes[3 * 64];
    char again[4 * 64 + 1];
    if (text.n == 0 || text.n % 4 != 0 || text.n > 4 * 64)
        return false;
    int decoded = EVP_DecodeBlock(bytes, (const unsigned char *)text.p, (int)text.n);
    if (decoded < 0)
        return false;
    size_t n = (size_t)decoded;
    for (size_t i = text.n; i > text.n - 2 && text.p[i - 1] == '='; i--)
        n--;
    bool is_same = base64(bytes, n, again) == text.n && memcmp(again, text.p, text.n) == 0;
    bool is_good = is_same && n <= size;
    if (is_good) {
        memcpy(ret, bytes, n);
        *ret_n = n;
    }
    OPENSSL_cleanse(bytes, sizeof(bytes));
    OPENSSL_cleanse(again, sizeof(again));
    return is_good;
}

size_t scram_certificate_hash(struct str der, unsigned char ret[SCRAM_BINDING_MAX])
{
    const unsigned char *p = (const unsigned char *)der.p;
    X509 *certificate = d2i_X509(NULL, &p, (long)der.n);
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    int nid;
    if (certificate && X509_get_signature_info(certificate, &nid, NULL, NULL, NULL) && nid != NID_undef) {
        const EVP_MD *md = nid == NID_md5 || nid == NID_sha1 ? EVP_sha256() : EVP_get_digestbynid(nid);
        if (!md || !X509_digest(certificate, md, digest, &n) || n > SCRAM_BINDING_MAX)
            n = 0;
        memcpy(ret, digest, n);
    }
    X509_free(certificate);
    return n;
}

/* --- verifiers --- */

/* Cuts s at the first c: the part before it, and s keeps the rest. False: no c. */
static bool cut(struct str *s, char c, struct str *ret)
{
    const char *at = s->n ? memchr(s->p, c, s->n) : NULL;
    if (!at)
        return false;
    *ret = (struct str){ s->p, (size_t)(at - s->p) };
    *s = (struct str){ at + 1, s->n - ret->n - 1 };
    return true;
}

static bool parse_key(struct str text, unsigned char ret[SCRAM_KEY_LENGTH])
{
    size_t n;
    return unbase64(text, ret, SCRAM_KEY_LENGTH, &n) && n == SCRAM_KEY_LENGTH;
}

bool scram_verifier_parse(struct str text, struct scram_verifier *ret)
{
    struct scram_verifier v = { 0 };
    struct str method, iterations, salt, stored;
    int64_t n;
    bool is_good = cut(&text, '$', &method) && str_eq(method, SCRAM_SHA_256) && cut(&text, ':', &iterations) &&
                   str_to_int64(iterations, &n) && n > 0 && n <= SCRAM_ITERATIONS_MAX && cut(&text, '$', &salt) &&
                   unbase64(salt, v.salt, sizeof(v.salt), &v.salt_length) && cut(&text, ':', &stored) &&
                   parse_key(stored, v.stored_key) && parse_key(text, v.server_key);
    if (is_good) {
        v.iterations = (uint32_t)n;
        *ret = v;
    }
    OPENSSL_cleanse(&v, sizeof(v));
    return is_good;
}

void scram_verifier_print(const struct scram_verifier *v, struct buf *out)
{
    char salt[4 * SCRAM_SALT_MAX], stored[KEY_BASE64 + 1], server[KEY_BASE64 + 1];
    base64(v->salt, v->salt_length, salt);
    base64(v->stored_key, SCRAM_KEY_LENGTH, stored);
    base64(v->server_key, SCRAM_KEY_LENGTH, server);
    buf_printf(out, "SCRAM-SHA-256$%u:%s$%s:%s", v->iterations, salt, stored, server);
    OPENSSL_cleanse(stored, sizeof(stored));
    OPENSSL_cleanse(server, sizeof(server));
}

/* Hi() of RFC 5802 is PBKDF2. */
static bool salted_password(struct str password, const struct scram_verifier *v, unsigned char ret[SCRAM_KEY_LENGTH])
{
    struct buf normal;
    buf_init(&normal, 1 << 20);
    struct str bytes = scram_saslprep(password, &normal) ? buf_str(&normal) : password;
    bool is_good = PKCS5_PBKDF2_HMAC(bytes.n ? bytes.p : "", (int)bytes.n, v->salt, (int)v->salt_length,
                                     (int)v->iterations, EVP_sha256(), SCRAM_KEY_LENGTH, ret) == 1;
    if (normal.p)
        OPENSSL_cleanse(normal.p, normal.size);
    buf_fini(&normal);
    return is_good;
}

static bool derive(struct str password, struct scram_verifier *v)
{
    unsigned char salted[SCRAM_KEY_LENGTH], client[SCRAM_KEY_LENGTH];
    bool is_good = salted_password(password, v, salted) && hmac(key_str(salted), STR("Client Key"), client) &&
                   SHA256(client, sizeof(client), v->stored_key) &&
                   hmac(key_str(salted), STR("Server Key"), v->server_key);
    OPENSSL_cleanse(salted, sizeof(salted));
    OPENSSL_cleanse(client, sizeof(client));
    return is_good;
}

static bool crypto_error(struct err *err)
{
    return err_set(err, SQLSTATE_INTERNAL_ERROR, "cryptographic library failed");
}

bool scram_verifier_make(struct str password, struct str salt, uint32_t iterations, struct scram_verifier *ret,
                         struct err *err)
{
    struct scram_verifier v = { .iterations = iterations, .salt_length = salt.n ? salt.n : SCRAM_SALT_LENGTH };
    if (v.salt_length > SCRAM_SALT_MAX || iterations == 0 || iterations > SCRAM_ITERATIONS_MAX)
        return err_set(err, SQLSTATE_INVALID_PARAMETER_VALUE, "SCRAM salt or iteration count is out of range");
    if (salt.n)
        memcpy(v.salt, salt.p, salt.n);
    else if (RAND_bytes(v.salt, SCRAM_SALT_LENGTH) != 1)
        return crypto_error(err);
    bool is_good = derive(password, &v);
    if (is_good)
        *ret = v;
    OPENSSL_cleanse(&v, sizeof(v));
    return is_good || crypto_error(err);
}

bool scram_verifier_mock(struct str user, struct str secret, struct scram_verifier *ret, struct err *err)
{
    unsigned char salt[SCRAM_KEY_LENGTH];
    struct scram_verifier v = { .iterations = SCRAM_ITERATIONS_DEFAULT, .salt_length = SCRAM_SALT_LENGTH };
    /* The keys are hashes of hashes under the secret: nobody has a password that leads there. */
    bool is_good = hmac(secret, user, salt) && hmac(secret, key_str(salt), v.stored_key) &&
                   hmac(secret, key_str(v.stored_key), v.server_key);
    memcpy(v.salt, salt, SCRAM_SALT_LENGTH);
    if (is_good)
        *ret = v;
    OPENSSL_cleanse(salt, sizeof(salt));
    OPENSSL_cleanse(&v, sizeof(v));
    return is_good || crypto_error(err);
}

bool scram_password_fits(const struct scram_verifier *v, struct str password)
{
    struct scram_verifier made = *v;
    bool fits = derive(password, &made) && CRYPTO_memcmp(made.server_key, v->server_key, SCRAM_KEY_LENGTH) == 0;
    OPENSSL_cleanse(&made, sizeof(made));
    return fits;
}

/* --- the exchange --- */

bool scram_init(struct scram *s, struct str mechanism, const struct scram_verifier *verifier, struct str user,
                struct str secret, struct str certificate_hash, struct err *err)
{
    bool is_plus = str_eq(mechanism, SCRAM_SHA_256_PLUS), is_tls = certificate_hash.n > 0;
    if ((is_plus && !is_tls) || (!is_plus && !str_eq(mechanism, SCRAM_SHA_256)))
        return err_set(err, SQLSTATE_PROTOCOL_VIOLATION, "client selected an invalid SASL authentication mechanism");
    if (certificate_hash.n > SCRAM_BINDING_MAX)
        return err_set(err, SQLSTATE_INTERNAL_ERROR, "certificate hash is too long");
    *s = (struct scram){ .state = SCRAM_INIT, .is_plus = is_plus, .is_tls = is_tls, .is_doomed = !verifier };
    /* Made for known users too: the same work for all. */
    if (!scram_verifier_mock(user, secret, &s->verifier, err))
        return false;
    if (verifier)
        s->verifier = *verifier;
    if (is_tls)
        memcpy(s->binding, certificate_hash.p, certificate_hash.n);
    s->binding_length = certificate_hash.n;
    return true;
}

void scram_fini(struct scram *s)
{
    OPENSSL_cleanse(s, sizeof(*s));
    s->state = SCRAM_REFUSED;
}

static bool malformed(struct err *err)
{
    return err_set(err, SQLSTATE_PROTOCOL_VIOLATION, "malformed SCRAM message");
}

/* A byte of the client's as a message may show it: printable ASCII or its code. */
struct shown {
    char text[8];
};

static struct shown show(struct str left)
{
    struct shown s = { "0x00" };
    if (left.n) {
        unsigned char c = (unsigned char)left.p[0];
        snprintf(s.text, sizeof(s.text), c >= 0x21 && c <= 0x7E ? "%c" : "0x%02x", c);
    }
    return s;
}

static void skip(struct str *s, size_t n)
{
    s->p += n;
    s->n -= n;
}

static bool starts_with(struct str s, char c)
{
    return s.n && s.p[0] == c;
}

static bool take_comma(struct str *left, struct err *err)
{
    if (!starts_with(*left, ','))
        return malformed(err), err_detail(err, "Comma expected, but found character \"%s\".", show(*left).text);
    skip(left, 1);
    return true;
}

/* The value after "x=", up to the next comma, which is consumed too. */
static bool take_value(struct str *left, char name, struct str *ret, struct err *err)
{
    skip(left, 1);
    if (!starts_with(*left, '='))
        return malformed(err), err_detail(err, "Expected character \"=\" for attribute \"%c\".", name);
    skip(left, 1);
    if (!cut(left, ',', ret)) {
        *ret = *left;
        skip(left, left->n);
    }
    return true;
}

static bool take_attribute(struct str *left, char name, struct str *ret, struct err *err)
{
    if (!starts_with(*left, name))
        return malformed(err), err_detail(err, "Expected attribute \"%c\" but found \"%s\".", name, show(*left).text);
    return take_value(left, name, ret, err);
}

static bool take_any_attribute(struct str *left, char *ret_name, struct str *ret, struct err *err)
{
    if (left->n == 0)
        return malformed(err), err_detail(err, "Attribute expected, but found end of string.");
    char c = left->p[0];
    if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')))
        return malformed(err),
               err_detail(err, "Attribute expected, but found invalid character \"%s\".", show(*left).text);
    *ret_name = c;
    return take_value(left, c, ret, err);
}

static bool is_printable(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < 0x21 || s.p[i] > 0x7E)
            return false;
    return true;
}

static bool read_binding_type(struct scram *s, struct str *left, struct err *err)
{
    struct str type;
    if (!s->is_plus)
        return malformed(err), err_detail(err, "The client selected SCRAM-SHA-256 without channel binding, but the "
                                               "SCRAM message includes channel binding data.");
    if (!take_attribute(left, 'p', &type, err))
        return false;
    if (!str_is(type, end_point))
        return err_set(err, SQLSTATE_PROTOCOL_VIOLATION, "unsupported SCRAM channel-binding type");
    return true;
}

static bool read_no_binding(struct scram *s, struct str *left, struct err *err)
{
    if (s->is_plus)
        return malformed(err), err_detail(err, "The client selected SCRAM-SHA-256-PLUS, but the SCRAM message does "
                                               "not include channel binding data.");
    /* "y" after PLUS was offered: somebody took it off the list on the way (RFC 5802, section 6). */
    if (s->binding_flag == 'y' && s->is_tls)
        return err_set(err, SQLSTATE_INVALID_AUTHORIZATION_SPECIFICATION, "SCRAM channel binding negotiation error"),
               err_detail(err, "The client supports SCRAM channel binding but thinks the server does not.  However, "
                               "this server does support channel binding.");
    skip(left, 1);
    return take_comma(left, err);
}

static bool read_gs2_header(struct scram *s, struct str *left, struct err *err)
{
    s->binding_flag = left->p[0];
    bool is_good = false;
    if (s->binding_flag == 'p')
        is_good = read_binding_type(s, left, err);
    else if (s->binding_flag == 'n' || s->binding_flag == 'y')
        is_good = read_no_binding(s, left, err);
    else
        malformed(err), err_detail(err, "Unexpected channel-binding flag \"%s\".", show(*left).text);
    if (!is_good)
        return false;
    if (starts_with(*left, 'a'))
        return err_set(err, SQLSTATE_FEATURE_NOT_SUPPORTED,
                       "client uses authorization identity, but it is not supported");
    if (!starts_with(*left, ','))
        return malformed(err),
               err_detail(err, "Unexpected attribute \"%s\" in client-first-message.", show(*left).text);
    skip(left, 1);
    return true;
}

/* Keeps the nonce. The user name is read and dropped. */
static bool read_client_first(struct scram *s, struct str message, struct err *err)
{
    struct str left = message, user, nonce, value;
    char name;
    if (!read_gs2_header(s, &left, err))
        return false;
    memcpy(s->client_first, left.p, left.n);
    s->client_first_length = left.n;
    if (starts_with(left, 'm'))
        return err_set(err, SQLSTATE_FEATURE_NOT_SUPPORTED, "client requires an unsupported SCRAM extension");
    if (!take_attribute(&left, 'n', &user, err) || !take_attribute(&left, 'r', &nonce, err))
        return false;
    if (nonce.n == 0)
        return malformed(err), err_detail(err, "The client's nonce is empty.");
    if (!is_printable(nonce))
        return err_set(err, SQLSTATE_PROTOCOL_VIOLATION, "non-printable characters in SCRAM nonce");
    while (left.n)
        if (!take_any_attribute(&left, &name, &value, err))
            return false;
    memcpy(s->nonce, nonce.p, nonce.n);
    s->nonce_length = nonce.n;
    return true;
}

static bool write_server_first(struct scram *s, struct buf *out, struct err *err)
{
    unsigned char random[SCRAM_NONCE_LENGTH];
    char salt[4 * SCRAM_SALT_MAX];
    if (RAND_bytes(random, sizeof(random)) != 1)
        return crypto_error(err);
    s->nonce_length += base64(random, sizeof(random), s->nonce + s->nonce_length);
    base64(s->verifier.salt, s->verifier.salt_length, salt);
    int n = snprintf(s->server_first, sizeof(s->server_first), "r=%.*s,s=%s,i=%u", (int)s->nonce_length, s->nonce, salt,
                     s->verifier.iterations);
    s->server_first_length = (size_t)n;
    buf_add(out, s->server_first, s->server_first_length);
    return !out->failed || err_oom(err);
}

/* c= repeats the GS2 header, and the certificate's hash with PLUS: who changed either on the way is found out here. */
static bool check_binding(const struct scram *s, struct str given, struct err *err)
{
    unsigned char input[BINDING_TEXT_MAX];
    char text[4 * BINDING_TEXT_MAX / 3 + 4];
    int head = s->is_plus ? snprintf((char *)input, sizeof(input), "p=%s,,", end_point)
                          : snprintf((char *)input, sizeof(input), "%c,,", s->binding_flag);
    size_t n = (size_t)head;
    if (s->is_plus) {
        memcpy(input + n, s->binding, s->binding_length);
        n += s->binding_length;
    }
    size_t length = base64(input, n, text);
    if (length == given.n && CRYPTO_memcmp(text, given.p, length) == 0)
        return true;
    if (s->is_plus)
        return err_set(err, SQLSTATE_INVALID_AUTHORIZATION_SPECIFICATION, "SCRAM channel binding check failed");
    return err_set(err, SQLSTATE_PROTOCOL_VIOLATION,
                   "unexpected SCRAM channel-binding attribute in client-final-message");
}

struct client_final {
    struct str without_proof;
    unsigned char proof[SCRAM_KEY_LENGTH];
};

static bool read_client_final(const struct scram *s, struct str message, struct client_final *ret, struct err *err)
{
    struct str left = message, binding, nonce, value;
    const char *proof_at;
    char name;
    if (!take_attribute(&left, 'c', &binding, err) || !check_binding(s, binding, err) ||
        !take_attribute(&left, 'r', &nonce, err))
        return false;
    do { /* extensions, then the proof */
        proof_at = left.p - 1;
        if (!take_any_attribute(&left, &name, &value, err))
            return false;
    } while (name != 'p');
    if (!parse_key(value, ret->proof))
        return malformed(err), err_detail(err, "Malformed proof in client-final-message.");
    if (left.n || value.p + value.n != message.p + message.n)
        return malformed(err), err_detail(err, "Garbage found at the end of client-final-message.");
    if (nonce.n != s->nonce_length || CRYPTO_memcmp(nonce.p, s->nonce, nonce.n) != 0)
        return err_set(err, SQLSTATE_PROTOCOL_VIOLATION, "invalid SCRAM response"),
               err_detail(err, "Nonce does not match.");
    ret->without_proof = (struct str){ message.p, (size_t)(proof_at - message.p) };
    return true;
}

/* client-first-bare , server-first , client-final-without-proof. */
static struct str auth_message(const struct scram *s, struct str without_proof, char *out)
{
    char *p = out;
    p = (char *)mempcpy(p, s->client_first, s->client_first_length);
    *p++ = ',';
    p = (char *)mempcpy(p, s->server_first, s->server_first_length);
    *p++ = ',';
    p = (char *)mempcpy(p, without_proof.p, without_proof.n);
    return (struct str){ out, (size_t)(p - out) };
}

/* H(ClientProof XOR HMAC(StoredKey, AuthMessage)) == StoredKey. Mock or not, the work is the same. */
static bool check_proof(const struct scram *s, const struct client_final *final, struct str text, bool *ret_fits)
{
    unsigned char key[SCRAM_KEY_LENGTH], hash[SCRAM_KEY_LENGTH];
    bool is_good = hmac(key_str(s->verifier.stored_key), text, key);
    for (size_t i = 0; i < SCRAM_KEY_LENGTH; i++)
        key[i] ^= final->proof[i];
    is_good = is_good && SHA256(key, sizeof(key), hash);
    *ret_fits = is_good && CRYPTO_memcmp(hash, s->verifier.stored_key, sizeof(hash)) == 0;
    OPENSSL_cleanse(key, sizeof(key));
    OPENSSL_cleanse(hash, sizeof(hash));
    return is_good;
}

static bool write_server_final(const struct scram *s, struct str text, struct buf *out, struct err *err)
{
    unsigned char signature[SCRAM_KEY_LENGTH];
    char printed[KEY_BASE64 + 1];
    if (!hmac(key_str(s->verifier.server_key), text, signature))
        return crypto_error(err);
    base64(signature, sizeof(signature), printed);
    buf_printf(out, "v=%s", printed);
    return !out->failed || err_oom(err);
}

static bool finish(struct scram *s, struct str message, struct buf *out, struct err *err)
{
    char space[sizeof(s->client_first) + sizeof(s->server_first) + SCRAM_MESSAGE_MAX + 2];
    struct client_final final;
    bool fits = false;
    if (!read_client_final(s, message, &final, err))
        return false;
    struct str text = auth_message(s, final.without_proof, space);
    if (!check_proof(s, &final, text, &fits))
        return crypto_error(err);
    if (!fits || s->is_doomed)
        return err_set(err, SQLSTATE_INVALID_PASSWORD, "password authentication failed");
    return write_server_final(s, text, out, err);
}

static bool check_message(struct str message, struct err *err)
{
    if (message.n == 0)
        return malformed(err), err_detail(err, "The message is empty.");
    if (message.n > SCRAM_MESSAGE_MAX)
        return malformed(err), err_detail(err, "The message is longer than %d bytes.", SCRAM_MESSAGE_MAX);
    if (memchr(message.p, 0, message.n))
        return malformed(err), err_detail(err, "Message length does not match input length.");
    return true;
}

static enum scram_result refuse(struct scram *s)
{
    move(s, SCRAM_REFUSED);
    return SCRAM_FAILED;
}

enum scram_result scram_step(struct scram *s, struct str message, struct buf *out, struct err *err)
{
    switch (s->state) {
    case SCRAM_INIT:
        if (!message.p) { /* SASLInitialResponse without data: RFC 4422 asks for an empty challenge */
            move(s, SCRAM_INIT);
            return SCRAM_CONTINUE;
        }
        if (!check_message(message, err) || !read_client_first(s, message, err) || !write_server_first(s, out, err))
            return refuse(s);
        move(s, SCRAM_SALT_SENT);
        return SCRAM_CONTINUE;
    case SCRAM_SALT_SENT:
        if (!check_message(message, err) || !finish(s, message, out, err))
            return refuse(s);
        move(s, SCRAM_DONE);
        return SCRAM_SUCCESS;
    case SCRAM_DONE:
    case SCRAM_REFUSED:
    case SCRAM_STATE_NR:
        break;
    }
    err_set(err, SQLSTATE_PROTOCOL_VIOLATION, "invalid SCRAM exchange state");
    return SCRAM_FAILED;
}
