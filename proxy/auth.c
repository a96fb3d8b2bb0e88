/* auth.c - see auth.h. */
#include "proxy/auth.h"

#include "pgwire/frontend.h"

static const struct scram_verifier *verifier_of(const struct session *s)
{
    const struct config *c = s->serving->config;
    const struct config_user *u = config_user_find(c, str_from(s->user));
    return u ? &s->serving->verifiers[u - c->users] : NULL;
}

static bool refuse(const struct session *s, struct err *err)
{
    return err_set(err, SQLSTATE_INVALID_PASSWORD, "password authentication failed for user \"%s\"", s->user);
}

static enum auth_result begin_trust(struct session *s, struct err *err)
{
    const struct config *c = s->serving->config;
    if (!s->peer.is_unix && !s->peer.is_loopback) {
        err_set(err, SQLSTATE_INVALID_AUTHORIZATION_SPECIFICATION,
                "trust authentication is for loopback and unix sockets only");
        return AUTH_REFUSED;
    }
    if (c->n_users && !config_user_find(c, str_from(s->user))) {
        err_set(err, SQLSTATE_INVALID_AUTHORIZATION_SPECIFICATION, "role \"%s\" does not exist", s->user);
        return AUTH_REFUSED;
    }
    backend_auth_ok(session_out(s));
    return AUTH_GRANTED;
}

static enum auth_result begin_password(struct session *s, struct err *err)
{
    if (!s->peer.is_tls && !s->peer.is_unix) {
        err_set(err, SQLSTATE_INVALID_AUTHORIZATION_SPECIFICATION, "auth_type plain needs TLS");
        return AUTH_REFUSED;
    }
    backend_auth_cleartext(session_out(s));
    return AUTH_MORE;
}

static enum auth_result begin_scram(struct session *s)
{
    const struct str mechanisms[] = { SCRAM_SHA_256_PLUS, SCRAM_SHA_256 };
    bool plus = s->peer.is_tls && s->serving->certificate_hash_length;
    backend_auth_sasl(session_out(s), mechanisms + !plus, plus ? 2 : 1);
    return AUTH_MORE;
}

enum auth_result auth_begin(struct auth *a, struct session *s, struct err *err)
{
    switch (s->serving->config->auth_type) {
    case CONFIG_AUTH_TYPE_TRUST:
        a->method = AUTH_TRUST;
        return begin_trust(s, err);
    case CONFIG_AUTH_TYPE_PLAIN:
        a->method = AUTH_PASSWORD;
        return begin_password(s, err);
    case CONFIG_AUTH_TYPE_SCRAM_SHA_256:
        a->method = AUTH_SCRAM;
        return begin_scram(s);
    }
    return AUTH_REFUSED;
}

static enum auth_result check_password(struct session *s, struct str body, struct err *err)
{
    const struct scram_verifier *v = verifier_of(s);
    struct scram_verifier mock;
    struct str password;
    if (!password_read(body, &password, err))
        return AUTH_REFUSED;
    struct str secret = { (const char *)s->worker->app->secret, APP_SECRET_LENGTH };
    if (!v && !scram_verifier_mock(str_from(s->user), secret, &mock, err))
        return AUTH_REFUSED;
    bool fits = scram_password_fits(v ? v : &mock, password);
    if (!fits || !v) {
        refuse(s, err);
        return AUTH_REFUSED;
    }
    backend_auth_ok(session_out(s));
    return AUTH_GRANTED;
}

/* The first message names the mechanism. */
static bool scram_first(struct auth *a, struct session *s, struct str body, struct str *ret, struct err *err)
{
    struct sasl_initial_msg m;
    struct str secret = { (const char *)s->worker->app->secret, APP_SECRET_LENGTH };
    struct str hash = { (const char *)s->serving->certificate_hash,
                        s->peer.is_tls ? s->serving->certificate_hash_length : 0 };
    if (!sasl_initial_read(body, &m, err) ||
        !scram_init(&a->scram, m.mechanism, verifier_of(s), str_from(s->user), secret, hash, err))
        return false;
    a->scram_began = true;
    *ret = m.data;
    return true;
}

static enum auth_result scram_message(struct auth *a, struct session *s, struct str body, struct err *err)
{
    struct str data;
    bool ok = a->scram_began ? sasl_response_read(body, &data, err) : scram_first(a, s, body, &data, err);
    if (!ok)
        return AUTH_REFUSED;
    struct buf reply;
    buf_init(&reply, 4096);
    enum scram_result r = scram_step(&a->scram, data, &reply, err);
    if (r == SCRAM_CONTINUE)
        backend_auth_sasl_continue(session_out(s), buf_str(&reply));
    if (r == SCRAM_SUCCESS) {
        backend_auth_sasl_final(session_out(s), buf_str(&reply));
        backend_auth_ok(session_out(s));
    }
    buf_fini(&reply);
    if (r == SCRAM_FAILED && err->code == SQLSTATE_INVALID_PASSWORD) {
        err_clear(err);
        refuse(s, err);
    }
    return r == SCRAM_FAILED ? AUTH_REFUSED : r == SCRAM_SUCCESS ? AUTH_GRANTED : AUTH_MORE;
}

enum auth_result auth_message(struct auth *a, struct session *s, struct str body, struct err *err)
{
    return a->method == AUTH_PASSWORD ? check_password(s, body, err) : scram_message(a, s, body, err);
}

void auth_fini(struct auth *a)
{
    scram_fini(&a->scram);
}
