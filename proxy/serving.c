/* serving.c - see serving.h. */
#include "proxy/serving.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdatomic.h>
#include "proxy/base/fault.h"

static bool tls_fail(struct err *err, const char *what, const char *file)
{
    char reason[256];
    unsigned long code = ERR_get_error();
    ERR_error_string_n(code, reason, sizeof(reason));
    ERR_clear_error();
    return err_set(err, SQLSTATE_CONFIG_FILE_ERROR, "could not load %s \"%s\": %s", what, file,
                   code ? reason : "no such file");
}

/* RFC 7301: the one protocol we speak. A client that offers others only is refused, as PostgreSQL 17 does. */
static int choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_length, const unsigned char *in,
                       unsigned in_length, void *arg)
{
    static const unsigned char ours[] = "\012postgresql";
    (void)ssl;
    (void)arg;
    unsigned char *chosen;
    if (SSL_select_next_proto(&chosen, out_length, ours, sizeof(ours) - 1, in, in_length) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

/* RFC 5929 4.1: the hash of the certificate by its signature's own hash, SHA-256 in place of MD5 and SHA-1. */
static bool hash_certificate(struct serving *s)
{
    X509 *certificate = SSL_CTX_get0_certificate(s->tls);
    int digest = NID_undef;
    unsigned length = 0;
    if (!certificate || !OBJ_find_sigid_algs(X509_get_signature_nid(certificate), &digest, NULL))
        digest = NID_sha256;
    if (digest == NID_undef || digest == NID_md5 || digest == NID_sha1)
        digest = NID_sha256;
    const EVP_MD *md = EVP_get_digestbynid(digest);
    if (!certificate || !md || EVP_MD_size(md) > (int)sizeof(s->certificate_hash) ||
        !X509_digest(certificate, md, s->certificate_hash, &length))
        return false;
    s->certificate_hash_length = length;
    return true;
}

static bool tls_versions(const struct config *c, SSL_CTX *tls)
{
    int lowest = c->client_tls_protocols == CONFIG_CLIENT_TLS_PROTOCOLS_TLSV1_3 ? TLS1_3_VERSION : TLS1_2_VERSION;
    int highest = c->client_tls_protocols == CONFIG_CLIENT_TLS_PROTOCOLS_TLSV1_2 ? TLS1_2_VERSION : 0;
    return SSL_CTX_set_min_proto_version(tls, lowest) && SSL_CTX_set_max_proto_version(tls, highest);
}

/* Without it OpenSSL would ask for an encrypted key's passphrase on the terminal. */
static int no_passphrase(char *buf, int size, int is_writing, void *arg)
{
    (void)buf;
    (void)size;
    (void)is_writing;
    (void)arg;
    return 0;
}

static bool tls_files(const struct config *c, SSL_CTX *tls, struct err *err)
{
    if (SSL_CTX_use_certificate_chain_file(tls, c->client_tls_cert_file) != 1)
        return tls_fail(err, "server certificate file", c->client_tls_cert_file);
    if (SSL_CTX_use_PrivateKey_file(tls, c->client_tls_key_file, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_check_private_key(tls) != 1)
        return tls_fail(err, "private key file", c->client_tls_key_file);
    if (c->client_tls_ca_file[0] && SSL_CTX_load_verify_locations(tls, c->client_tls_ca_file, NULL) != 1)
        return tls_fail(err, "root certificate file", c->client_tls_ca_file);
    if (c->client_tls_sslmode >= CONFIG_CLIENT_TLS_SSLMODE_VERIFY_CA) {
        SSL_CTX_set_verify(tls, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
        SSL_CTX_set_client_CA_list(tls, SSL_load_client_CA_file(c->client_tls_ca_file));
    }
    return true;
}

static bool make_tls(struct serving *s, struct err *err)
{
    const struct config *c = s->config;
    if (c->client_tls_sslmode == CONFIG_CLIENT_TLS_SSLMODE_DISABLE)
        return true;
    s->tls = SSL_CTX_new(TLS_server_method());
    if (!s->tls)
        return err_oom(err);
    SSL_CTX_set_options(s->tls, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET);
    SSL_CTX_set_session_cache_mode(s->tls, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(s->tls,
                     SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_default_passwd_cb(s->tls, no_passphrase);
    SSL_CTX_set_alpn_select_cb(s->tls, choose_alpn, NULL);
    if (!tls_versions(c, s->tls) || !tls_files(c, s->tls, err))
        return err_set(err, SQLSTATE_CONFIG_FILE_ERROR, "TLS versions are not available");
    return hash_certificate(s) || err_set(err, SQLSTATE_CONFIG_FILE_ERROR, "could not hash the server certificate");
}

static bool make_verifiers(struct serving *s, struct err *err)
{
    const struct config *c = s->config;
    s->verifiers = fault_calloc(c->n_users + 1, sizeof(*s->verifiers));
    if (!s->verifiers)
        return err_oom(err);
    for (size_t i = 0; i < c->n_users; i++) {
        const struct config_user *u = &c->users[i];
        if (u->is_verifier
                ? !scram_verifier_parse(u->secret, &s->verifiers[i])
                : !scram_verifier_make(u->secret, (struct str){ 0 }, SCRAM_ITERATIONS_DEFAULT, &s->verifiers[i], err))
            return err_set(err, SQLSTATE_CONFIG_FILE_ERROR, "the secret of user \"%s\" is not a SCRAM-SHA-256 verifier",
                           u->name);
    }
    return true;
}

static bool make_gucs(struct serving *s, struct err *err)
{
    const struct config *c = s->config;
    char number[32];
    s->gucs = guc_defaults_new();
    if (!s->gucs)
        return err_oom(err);
    bool ok = guc_defaults_set(s->gucs, "server_version", str_from(c->server_version));
    unsigned major = 0, minor = 0;
    if (sscanf(c->server_version, "%u.%u", &major, &minor) >= 1) {
        snprintf(number, sizeof(number), "%u", major * 10000 + minor);
        ok = ok && guc_defaults_set(s->gucs, "server_version_num", str_from(number));
    }
    snprintf(number, sizeof(number), "%u", c->max_client_conn);
    ok = ok && guc_defaults_set(s->gucs, "max_connections", str_from(number));
    snprintf(number, sizeof(number), "%u", c->listen_port);
    ok = ok && guc_defaults_set(s->gucs, "port", str_from(number));
    snprintf(number, sizeof(number), "%llu", (unsigned long long)(c->query_timeout_us / 1000));
    ok = ok && guc_defaults_set(s->gucs, "statement_timeout", str_from(number));
    snprintf(number, sizeof(number), "%llu", (unsigned long long)(c->idle_transaction_timeout_us / 1000));
    ok = ok && guc_defaults_set(s->gucs, "idle_in_transaction_session_timeout", str_from(number));
    snprintf(number, sizeof(number), "%llu", (unsigned long long)(c->client_idle_timeout_us / 1000));
    ok = ok && guc_defaults_set(s->gucs, "idle_session_timeout", str_from(number));
    ok = ok && guc_defaults_set(s->gucs, "listen_addresses", str_from(c->listen_addr));
    ok = ok && guc_defaults_set(s->gucs, "unix_socket_directories", str_from(c->unix_socket_dir));
    ok = ok && guc_defaults_set(s->gucs, "ssl", s->tls ? STR("on") : STR("off"));
    return ok || err_oom(err);
}

struct serving *serving_new(struct config *config, struct err *err)
{
    struct serving *s = fault_calloc(1, sizeof(*s));
    if (!s) {
        config_unref(config);
        err_oom(err);
        return NULL;
    }
    s->references = 1;
    s->config = config;
    if (make_tls(s, err) && make_verifiers(s, err) && make_gucs(s, err))
        return s;
    serving_unref(s);
    return NULL;
}

struct serving *serving_ref(struct serving *s)
{
    atomic_fetch_add_explicit(&s->references, 1, memory_order_relaxed);
    return s;
}

void serving_unref(struct serving *s)
{
    if (!s || atomic_fetch_sub_explicit(&s->references, 1, memory_order_acq_rel) != 1)
        return;
    if (s->verifiers)
        OPENSSL_cleanse(s->verifiers, (s->config->n_users + 1) * sizeof(*s->verifiers));
    free(s->verifiers);
    guc_defaults_free(s->gucs);
    SSL_CTX_free(s->tls);
    config_unref(s->config);
    free(s);
}
