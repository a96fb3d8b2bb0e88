/* session_login.c - from the first packet to the first ReadyForQuery: start-up, authentication, settings, database. */
#include "pgwire/frontend.h"
#include "proxy/auth.h"
#include "proxy/base/fault.h"
#include "proxy/base/log.h"
#include "proxy/database.h"
#include "proxy/session.h"
#include "proxy/session_setting.h"

struct login {
    struct auth auth;
    struct startup startup; /* views into packet */
    struct str packet;      /* a copy of the start-up packet, behind the struct */
};

void session_start_login(struct session *s)
{
    session_arm_timer(s);
}

void session_login_fini(struct session *s)
{
    if (s->login)
        auth_fini(&s->login->auth);
    free(s->login);
    s->login = NULL;
}

static char *name_copy(struct str name)
{
    char *p = fault_malloc(name.n + 1);
    if (p) {
        memcpy(p, name.p, name.n);
        p[name.n] = 0;
    }
    return p;
}

static void hang_up(struct session *s)
{
    session_move(s, SESSION_CLOSED);
    if (s->io)
        s->io->close(s->io_ctx);
}

/* ---- settings of the start-up packet ---- */

static bool set_at_start(struct session *s, struct str name, struct str value, struct err *err)
{
    return session_set(s, name, value, GUC_STARTUP, err);
}

/* name=value of "-c name=value" and "--name=value"; dashes in the name stand for underscores. */
static bool set_option(struct session *s, struct str word, struct err *err)
{
    ptrdiff_t equals = str_find(word, STR("="));
    if (equals < 0) {
        return err_set(err, SQLSTATE_SYNTAX_ERROR, "-c %.*s requires a value", STR_FMT(word));
    }
    char *name = arena_cstr(s->worker->scratch, (struct str){ word.p, (size_t)equals });
    if (!name)
        return err_oom(err);
    for (char *c = name; *c; c++)
        if (*c == '-')
            *c = '_';
    return set_at_start(s, str_from(name), (struct str){ word.p + equals + 1, word.n - (size_t)equals - 1 }, err);
}

/* The next word of the options text: white space separates, a backslash keeps what follows it. */
static bool next_word(struct str *text, struct arena *arena, struct str *ret)
{
    *text = str_trim(*text);
    char *out = text->n ? arena_alloc(arena, text->n) : NULL;
    size_t i = 0, n = 0;
    for (; out && i < text->n && !strchr(" \t\n\r\f\v", text->p[i]); i++) {
        if (text->p[i] == '\\' && i + 1 < text->n)
            i++;
        out[n++] = text->p[i];
    }
    *text = (struct str){ text->p + i, text->n - i };
    *ret = (struct str){ out, n };
    return out != NULL;
}

static bool set_options(struct session *s, struct str text, struct err *err)
{
    struct str word;
    while (next_word(&text, s->worker->scratch, &word)) {
        if (str_is(word, "-c") && !next_word(&text, s->worker->scratch, &word))
            return err_set(err, SQLSTATE_SYNTAX_ERROR, "-c requires a value");
        else if (str_starts(word, STR("-c")) && word.n > 2 && word.p[2] != '=')
            word = (struct str){ word.p + 2, word.n - 2 };
        else if (str_starts(word, STR("--")))
            word = (struct str){ word.p + 2, word.n - 2 };
        else if (str_starts(word, STR("-")))
            return err_set(err, SQLSTATE_SYNTAX_ERROR, "invalid command-line argument for server process: %.*s",
                           STR_FMT(word));
        if (!set_option(s, word, err))
            return false;
    }
    return true;
}

static bool apply_settings(struct session *s, struct err *err)
{
    struct rd at = rd_from(s->login->startup.parameters);
    struct str name, value;
    if (s->login->startup.options.n && !set_options(s, s->login->startup.options, err))
        return false;
    while (startup_parameter(&at, &name, &value))
        if (startup_is_setting(name) && !set_at_start(s, name, value, err))
            return false;
    return true;
}

/* ---- logged in ---- */

static bool enter(struct session *s, struct err *err)
{
    struct app *app = s->worker->app;
    size_t key_length = startup_cancel_key_length(s->version);
    s->database = database_open(s->worker, s->serving, str_from(s->database_name), err);
    if (!s->database || !apply_settings(s, err))
        return false;
    s->presence.worker = s->worker;
    s->presence.user = str_from(s->user);
    s->presence.database = str_from(s->database_name);
    s->presence.peer = str_from(s->peer.address);
    s->presence.is_tls = s->peer.is_tls;
    s->presence.started_us = session_wall_us(s);
    return cancel_add(&app->sessions, &s->presence, key_length > CANCEL_KEY_OURS ? CANCEL_KEY_OURS : key_length) ||
           err_oom(err);
}

static void log_login(const struct session *s, const char *event)
{
    char user[256], database[256];
    if (log_wants(LOG_LEVEL_DEBUG))
        log_event(LOG_LEVEL_DEBUG, event, "session=%u user=%s database=%s peer=%s tls=%d", s->presence.pid,
                  log_quote(user, sizeof(user), str_from(s->user)),
                  log_quote(database, sizeof(database), str_from(s->database_name)), s->peer.address, s->peer.is_tls);
}

static enum outcome granted(struct session *s, struct err *err)
{
    if (!enter(s, err))
        return OUTCOME_FAILED;
    session_report_all(s);
    backend_key_data(session_out(s), s->presence.pid,
                     (struct str){ (const char *)s->presence.key, s->presence.key_length });
    session_login_fini(s);
    metric_add(&s->worker->metrics, METRIC_logins, 1);
    log_login(s, "login");
    session_ready(s);
    return OUTCOME_DONE;
}

static enum outcome after_auth(struct session *s, enum auth_result r, struct err *err)
{
    char user[256];
    switch (r) {
    case AUTH_MORE:
        session_move(s, SESSION_AUTH);
        return OUTCOME_DONE;
    case AUTH_GRANTED:
        return granted(s, err);
    case AUTH_REFUSED:
        metric_add(&s->worker->metrics, METRIC_logins_failed, 1);
        log_event(LOG_LEVEL_WARNING, "login_refused", "user=%s peer=%s sqlstate=%s",
                  log_quote(user, sizeof(user), str_from(s->user)), s->peer.address, sqlstate_code(err->code));
        break;
    }
    return OUTCOME_FAILED;
}

/* ---- the start-up packet ---- */

static bool admit(struct session *s, const struct startup *m, struct err *err)
{
    struct app *app = s->worker->app;
    const struct config *c = s->serving->config;
    if (app->draining)
        return err_set(err, SQLSTATE_CANNOT_CONNECT_NOW, "the database system is shutting down");
    if (atomic_load_explicit(&app->n_clients, memory_order_relaxed) > c->max_client_conn) {
        metric_add(&s->worker->metrics, METRIC_clients_refused, 1);
        return err_set(err, SQLSTATE_TOO_MANY_CONNECTIONS, "sorry, too many clients already");
    }
    if (c->client_tls_sslmode >= CONFIG_CLIENT_TLS_SSLMODE_REQUIRE && !s->peer.is_tls && !s->peer.is_unix) {
        err_set(err, SQLSTATE_INVALID_AUTHORIZATION_SPECIFICATION, "connections without TLS are not allowed");
        return err_hint(err, "Connect with sslmode=require.");
    }
    if (m->replication.n && !str_eq_nocase(m->replication, STR("false")) && !str_is(m->replication, "0") &&
        !str_eq_nocase(m->replication, STR("off"))) {
        err_unsupported(err, "replication");
        return err_hint(err, "D1 has no logical decoding and no physical replication.");
    }
    return true;
}

static bool keep_packet(struct session *s, struct str body, struct err *err)
{
    struct login *l = fault_calloc(1, sizeof(*l) + body.n);
    if (!l)
        return err_oom(err);
    memcpy(l + 1, body.p, body.n);
    l->packet = (struct str){ (char *)(l + 1), body.n };
    s->login = l;
    return startup_read(l->packet, &l->startup, err);
}

static enum outcome begin_session(struct session *s, struct str body, struct err *err)
{
    if (!keep_packet(s, body, err))
        return OUTCOME_FAILED;
    const struct startup *m = &s->login->startup;
    s->version = m->version;
    s->user = name_copy(m->user);
    s->database_name = name_copy(m->database.n ? m->database : m->user);
    if (!s->user || !s->database_name) {
        err_oom(err);
        return OUTCOME_FAILED;
    }
    gucs_init(&s->gucs, s->serving->gucs);
    if (m->negotiate)
        backend_negotiate(session_out(s), m);
    if (!admit(s, m, err))
        return OUTCOME_FAILED;
    return after_auth(s, auth_begin(&s->login->auth, s, err), err);
}

static enum outcome encryption(struct session *s, bool offered)
{
    bool yes = offered && s->peer.tls_available && !s->peer.is_tls;
    buf_add_char(session_out(s), yes ? 'S' : 'N');
    if (yes && s->io) {
        s->tls_next = true;
        s->io->start_tls(s->io_ctx);
    }
    return OUTCOME_DONE;
}

static enum outcome cancel(struct session *s, const struct startup *m)
{
    bool found = cancel_request(&s->worker->app->sessions, m->pid, m->key);
    metric_add(&s->worker->metrics, found ? METRIC_cancel_requests : METRIC_cancel_requests_refused, 1);
    hang_up(s);
    return OUTCOME_DONE;
}

enum outcome session_login_message(struct session *s, const struct frame *f, struct err *err)
{
    struct startup m;
    if (s->state == SESSION_AUTH) {
        if (f->msg == MSG_terminate) {
            hang_up(s);
            return OUTCOME_DONE;
        }
        return after_auth(s, auth_message(&s->login->auth, s, f->body, err), err);
    }
    if (!startup_read(f->body, &m, err))
        return OUTCOME_FAILED;
    switch (m.kind) {
    case STARTUP_SSL:
        return encryption(s, true);
    case STARTUP_GSSENC:
        return encryption(s, false);
    case STARTUP_CANCEL:
        return cancel(s, &m);
    case STARTUP_SESSION:
        return begin_session(s, f->body, err);
    }
    return OUTCOME_DONE;
}

void session_tls_started(struct session *s)
{
    s->peer.is_tls = true;
    s->tls_next = false;
}
