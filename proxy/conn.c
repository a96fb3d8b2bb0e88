/* conn.c - see conn.h. */
#include "proxy/conn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/event_struct.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "proxy/base/fault.h"
#include "proxy/base/log.h"
#include "proxy/session.h"

enum { INPUT_KEPT = 65536, OUTPUT_COMPACT = 65536, LINGER_US = 5000000 };

struct conn {
    struct conn *next, **prev; /* the worker's list */
    struct worker *worker;
    struct session *session;
    struct serving *serving; /* whose TLS context the handshake uses */
    int fd;
    SSL *ssl;
    struct event read_event, write_event;
    struct timer linger; /* a closing connection does not wait for ever */
    struct buf in;       /* bytes of unfinished messages */
    unsigned handshake : 1, is_direct : 1, tls_next : 1, wants_write : 1, blocked : 1, reading : 1, writing : 1,
        closing : 1, dead : 1, at_end : 1, inside : 1;
};

/* ---- the end ---- */

static void reap(struct timer *t)
{
    struct conn *c = (struct conn *)((char *)t - offsetof(struct conn, linger));
    if (c->session)
        session_abandon(c->session);
    event_del(&c->read_event);
    event_del(&c->write_event);
    if (c->ssl) {
        if (!c->dead && !c->handshake)
            SSL_shutdown(c->ssl);
        SSL_free(c->ssl);
    }
    close(c->fd);
    ERR_clear_error();
    worker_buf_give(c->worker, &c->in);
    serving_unref(c->serving);
    *c->prev = c->next;
    if (c->next)
        c->next->prev = c->prev;
    free(c);
}

void conns_close(struct worker *w)
{
    while (w->conns) {
        worker_timer_clear(w, &w->conns->linger);
        reap(&w->conns->linger);
    }
}

/* On the next turn: somebody up the stack may hold the connection. */
static void die(struct conn *c)
{
    if (c->dead)
        return;
    c->dead = 1;
    event_del(&c->read_event);
    event_del(&c->write_event);
    worker_timer(c->worker, &c->linger, worker_now(c->worker));
}

/* ---- the socket, plain or TLS ---- */

enum io { IO_OK, IO_AGAIN, IO_END, IO_BROKEN /* nobody is there to read an answer */ };

/* TLS may want to write in order to read, and the other way round. */
static enum io tls_result(struct conn *c, int rc, size_t *n)
{
    switch (SSL_get_error(c->ssl, rc)) {
    case SSL_ERROR_NONE:
        *n = (size_t)rc;
        return IO_OK;
    case SSL_ERROR_WANT_READ:
        return IO_AGAIN;
    case SSL_ERROR_WANT_WRITE:
        c->wants_write = 1;
        return IO_AGAIN;
    default:
        ERR_clear_error();
        return IO_END;
    }
}

static enum io socket_read(struct conn *c, char *p, size_t size, size_t *n)
{
    if (c->ssl)
        return tls_result(c, SSL_read(c->ssl, p, (int)size), n);
    ssize_t rc = recv(c->fd, p, size, 0);
    *n = rc > 0 ? (size_t)rc : 0;
    if (rc < 0)
        return errno == EAGAIN || errno == EINTR ? IO_AGAIN : IO_BROKEN;
    return rc > 0 ? IO_OK : IO_END;
}

static enum io socket_write(struct conn *c, const char *p, size_t size, size_t *n)
{
    if (c->ssl)
        return tls_result(c, SSL_write(c->ssl, p, size > INT_MAX ? INT_MAX : (int)size), n);
    ssize_t rc = send(c->fd, p, size, MSG_NOSIGNAL);
    *n = rc > 0 ? (size_t)rc : 0;
    return rc >= 0 ? IO_OK : errno == EAGAIN || errno == EINTR ? IO_AGAIN : IO_END;
}

/* ---- out ---- */

static void update_events(struct conn *c);

static void write_some(struct conn *c)
{
    struct session *s = c->session;
    bool was_high = s->out.n - s->sent >= SESSION_LOW_MARK;
    c->blocked = 0;
    while (s->sent < s->out.n && !c->dead) {
        size_t n = 0;
        enum io r = socket_write(c, s->out.p + s->sent, s->out.n - s->sent, &n);
        if (r == IO_END)
            die(c);
        c->blocked = r == IO_AGAIN;
        if (r != IO_OK)
            break;
        s->sent += n;
        metric_add(&c->worker->metrics, METRIC_bytes_sent, n);
    }
    if (s->sent == s->out.n) {
        s->sent = s->out.n = 0;
        s->has_whole_answer = 0;
        worker_buf_give(c->worker, &s->out);
    } else if (s->sent >= OUTPUT_COMPACT) {
        memmove(s->out.p, s->out.p + s->sent, s->out.n - s->sent);
        s->out.n -= s->sent;
        s->sent = 0;
    }
    if (was_high && !c->dead && s->out.n - s->sent < SESSION_LOW_MARK)
        session_drained(s);
}

static bool start_tls(struct conn *c)
{
    c->tls_next = 0;
    c->ssl = SSL_new(c->serving->tls);
    if (!c->ssl || SSL_set_fd(c->ssl, c->fd) != 1) {
        die(c);
        return false;
    }
    SSL_set_accept_state(c->ssl);
    c->handshake = 1;
    return true;
}

/* Sends what there is; then whatever waited for that. */
static void flush(struct conn *c)
{
    struct session *s = c->session;
    if (c->dead || c->handshake)
        return;
    session_output_is_whole(s);
    write_some(c);
    if (c->dead)
        return;
    if (s->out.n == 0 && c->tls_next)
        start_tls(c);
    if (s->out.n == 0 && c->closing)
        die(c);
    update_events(c);
}

/* Nothing more will come, or nothing more is wanted: what is to be sent goes first. */
static void finish(struct conn *c)
{
    if (c->dead)
        return;
    if (!c->closing)
        worker_timer(c->worker, &c->linger, worker_now(c->worker) + LINGER_US);
    c->closing = 1;
    if (!c->inside)
        flush(c);
}

/* ---- in ---- */

static void keep(struct conn *c, struct str rest)
{
    if (c->in.p && rest.p >= c->in.p && rest.p <= c->in.p + c->in.n) {
        memmove(c->in.p, rest.p, rest.n);
        c->in.n = rest.n;
    } else if (rest.n) {
        if (!c->in.p)
            worker_buf_take(c->worker, &c->in, session_wants(c->session) + INPUT_KEPT);
        c->in.n = 0;
        buf_add_str(&c->in, rest);
        if (c->in.failed)
            die(c);
    }
    if (c->in.n == 0)
        worker_buf_give(c->worker, &c->in);
}

/* Gives the session what is there; keeps what it does not take. */
static void feed(struct conn *c, struct str bytes)
{
    c->inside = 1;
    size_t used = 0;
    while (!c->dead && !c->closing && !c->tls_next && used < bytes.n && session_takes_input(c->session)) {
        size_t n = session_input(c->session, (struct str){ bytes.p + used, bytes.n - used });
        used += n;
        if (n == 0)
            break;
    }
    if (c->tls_next && used < bytes.n) { /* bytes before the handshake may be an attacker's (CVE-2021-23214) */
        log_event(LOG_LEVEL_WARNING, "unencrypted_data", "peer=%s", c->session->peer.address);
        die(c);
        used = bytes.n;
    }
    keep(c, (struct str){ bytes.p + used, bytes.n - used });
    c->inside = 0;
    if (c->at_end && session_takes_input(c->session))
        finish(c);
    else if (session_is_answered(c->session))
        flush(c);
    else
        update_events(c); /* the rest of the answer goes with it, in one piece */
}

static bool has_room(const struct conn *c)
{
    return c->session->state == SESSION_CLOSED ? false
           : session_takes_input(c->session)   ? c->session->out.n - c->session->sent < SESSION_HIGH_MARK
                                               : c->in.n < INPUT_KEPT;
}

static void handshake(struct conn *c)
{
    size_t n = 0;
    c->wants_write = 0;
    enum io r = tls_result(c, SSL_accept(c->ssl), &n);
    if (r == IO_END)
        die(c);
    if (r != IO_OK)
        return;
    c->handshake = 0;
    session_tls_started(c->session);
}

static enum io read_kept(struct conn *c)
{
    size_t n = 0;
    size_t want = c->in.n < INPUT_KEPT ? INPUT_KEPT : c->in.n; /* doubling, up to what a message may take */
    if (want > c->in.cap - c->in.n)
        want = c->in.cap - c->in.n; /* asking for more would spoil the buffer */
    if (want == 0 || !buf_reserve(&c->in, want)) {
        die(c);
        return IO_END;
    }
    enum io r = socket_read(c, c->in.p + c->in.n, want, &n);
    if (r == IO_OK) {
        metric_add(&c->worker->metrics, METRIC_bytes_received, n);
        c->in.n += n;
        feed(c, buf_str(&c->in));
    }
    return r;
}

static enum io read_fresh(struct conn *c)
{
    size_t n = 0;
    enum io r = socket_read(c, c->worker->input, WORKER_INPUT, &n);
    if (r == IO_OK) {
        metric_add(&c->worker->metrics, METRIC_bytes_received, n);
        feed(c, (struct str){ c->worker->input, n });
    }
    return r;
}

static void read_some(struct conn *c)
{
    enum io r;
    do
        r = c->in.n ? read_kept(c) : read_fresh(c);
    /* bytes that OpenSSL holds already raise no event; half a record counts among them, so only after a read that gave something */
    while (r == IO_OK && !c->dead && !c->closing && c->ssl && SSL_has_pending(c->ssl) && !c->handshake && has_room(c));
    if (r == IO_BROKEN)
        die(c);
    c->at_end |= r == IO_END;
    if (c->at_end && !c->dead) {
        if (session_takes_input(c->session))
            finish(c);
        else
            update_events(c);
    }
}

/* ---- events ---- */

/* The first byte of a TLS handshake instead of a start-up packet: direct TLS (PostgreSQL 17). */
static bool is_direct_tls(struct conn *c)
{
    char byte;
    return !c->ssl && c->session->state == SESSION_STARTUP && c->session->peer.tls_available && c->in.n == 0 &&
           recv(c->fd, &byte, 1, MSG_PEEK) == 1 && byte == 0x16;
}

static bool has_alpn(const struct conn *c)
{
    const unsigned char *protocol;
    unsigned n;
    SSL_get0_alpn_selected(c->ssl, &protocol, &n);
    return n > 0;
}

static void on_read(evutil_socket_t fd, short what, void *ctx)
{
    struct conn *c = ctx;
    (void)fd;
    (void)what;
    if (c->dead)
        return;
    if (is_direct_tls(c)) {
        if (!start_tls(c))
            return;
        c->is_direct = 1;
    }
    if (c->handshake) {
        handshake(c);
        if (!c->dead && !c->handshake && c->is_direct && !has_alpn(c))
            die(c); /* without ALPN a client of another protocol could be made to talk to us */
        if (c->dead || c->handshake) {
            if (!c->dead)
                update_events(c);
            return;
        }
    }
    c->wants_write = 0;
    read_some(c);
    if (!c->dead)
        update_events(c);
}

static void on_write(evutil_socket_t fd, short what, void *ctx)
{
    struct conn *c = ctx;
    (void)fd;
    (void)what;
    if (c->dead)
        return;
    if (c->handshake) {
        on_read(c->fd, EV_READ, c);
        return;
    }
    if (c->wants_write) {
        c->wants_write = 0;
        read_some(c);
    }
    if (!c->dead)
        flush(c);
}

static void update_events(struct conn *c)
{
    if (c->dead)
        return;
    bool reading = c->handshake || (!c->at_end && !c->closing && has_room(c));
    bool writing = c->wants_write || c->blocked;
    if (reading != c->reading) {
        c->reading = reading;
        if (reading)
            event_add(&c->read_event, NULL);
        else
            event_del(&c->read_event);
    }
    if (writing != c->writing) {
        c->writing = writing;
        if (writing)
            event_add(&c->write_event, NULL);
        else
            event_del(&c->write_event);
    }
}

/* ---- what the session says ---- */

static void io_output(void *ctx)
{
    flush(ctx);
}

static void io_input(void *ctx)
{
    struct conn *c = ctx;
    if (c->inside || c->dead)
        return; /* feed() goes on by itself */
    if (c->in.n)
        feed(c, buf_str(&c->in));
    else if (c->at_end)
        finish(c);
    else
        flush(c);
    if (!c->dead && !c->at_end && !c->closing && c->ssl && !c->handshake && SSL_has_pending(c->ssl) && has_room(c)) {
        read_some(c); /* what OpenSSL held back while there was no room */
        if (!c->dead)
            update_events(c);
    }
}

static void io_start_tls(void *ctx)
{
    struct conn *c = ctx;
    c->tls_next = 1;
}

static void io_close(void *ctx)
{
    finish(ctx);
}

static const struct session_io io = { io_output, io_input, io_start_tls, io_close };

/* ---- accepting ---- */

static void name_peer(int fd, struct session_peer *peer)
{
    struct sockaddr_storage a;
    socklen_t size = sizeof(a);
    char host[INET6_ADDRSTRLEN] = "";
    unsigned port = 0;
    if (getpeername(fd, (struct sockaddr *)&a, &size) != 0)
        a.ss_family = AF_UNSPEC;
    if (a.ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)&a;
        inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
        port = ntohs(in->sin_port);
        peer->is_loopback = (ntohl(in->sin_addr.s_addr) >> 24) == 127;
    } else if (a.ss_family == AF_INET6) {
        const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)&a;
        inet_ntop(AF_INET6, &in->sin6_addr, host, sizeof(host));
        port = ntohs(in->sin6_port);
        peer->is_loopback = IN6_IS_ADDR_LOOPBACK(&in->sin6_addr);
    } else if (a.ss_family == AF_UNIX) {
        peer->is_unix = true;
    }
    if (peer->is_unix)
        snprintf(peer->address, sizeof(peer->address), "[local]");
    else
        snprintf(peer->address, sizeof(peer->address), "%s:%u", host, port);
}

void conn_accept(struct worker *w, int fd)
{
    int on = 1;
    struct conn *c = fault_calloc(1, sizeof(*c));
    struct session_peer peer = { 0 };
    if (!c) {
        close(fd);
        return;
    }
    name_peer(fd, &peer);
    if (!peer.is_unix) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    }
    c->worker = w;
    c->next = w->conns;
    c->prev = &w->conns;
    if (c->next)
        c->next->prev = &c->next;
    w->conns = c;
    c->fd = fd;
    c->linger.fire = reap;
    c->serving = app_serving(w->app);
    peer.tls_available = c->serving->tls != NULL && !peer.is_unix;
    buf_init(&c->in, INPUT_KEPT);
    event_assign(&c->read_event, w->base, fd, EV_READ | EV_PERSIST, on_read, c);
    event_assign(&c->write_event, w->base, fd, EV_WRITE | EV_PERSIST, on_write, c);
    c->session = session_new(w, &io, c, &peer);
    if (!c->session) {
        die(c);
        return;
    }
    update_events(c);
}
