/*
 * http_server.h - a scripted HTTP/1.1 server on the test's own event loop: it answers each request with the next step, and can be
 * late, silent, cut, or gone.
 *
 * Owns     its listener and connections, from http_server_start() to http_server_stop().
 * Not here HTTP beyond a POST with a length and a GET: the client under test sends nothing else.
 */
#ifndef PGD1_TESTS_HTTP_SERVER_H
#define PGD1_TESTS_HTTP_SERVER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>
#include "proxy/base/buf.h"

struct http_step {
    int status;          /* 0: 200 */
    const char *json;    /* the body; its type is application/json unless `headers` says otherwise */
    const char *headers; /* further header lines, each with its CRLF */
    unsigned delay_ms;
    bool silent; /* no answer */
    bool gone;   /* the connection is closed instead of an answer */
    bool closes; /* … and after the answer */
    size_t cut;  /* that many bytes of the body, then closed; 0: the whole */
};

struct http_server {
    struct event_base *base;
    struct evconnlistener *listener;
    unsigned port;
    const struct http_step *steps; /* the last one repeats */
    size_t n_steps, next;
    unsigned requests, connections, open, most_open;
    struct buf head, body; /* of the last request */
    struct http_peer *peers;
};

struct http_peer {
    struct http_server *s;
    struct bufferevent *bev;
    struct event *timer;
    const struct http_step *step;
    struct http_peer *next, **prev;
};

static inline void http_peer_close(struct http_peer *p)
{
    *p->prev = p->next;
    if (p->next)
        p->next->prev = p->prev;
    p->s->open--;
    event_free(p->timer);
    bufferevent_free(p->bev);
    free(p);
}

static inline void http_peer_written(struct bufferevent *bev, void *arg)
{
    (void)bev;
    http_peer_close(arg);
}

static inline void http_peer_read(struct bufferevent *bev, void *arg);

static inline void http_peer_gone(struct bufferevent *bev, short what, void *arg)
{
    (void)bev, (void)what;
    http_peer_close(arg);
}

static inline void http_peer_answer(struct http_peer *p)
{
    const struct http_step *step = p->step;
    const char *json = step->json ? step->json : "";
    size_t n = strlen(json), sent = step->cut && step->cut < n ? step->cut : n;
    struct evbuffer *out = bufferevent_get_output(p->bev);
    evbuffer_add_printf(out, "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n%s%s\r\n", step->status ? step->status : 200, n,
                        step->headers && strstr(step->headers, "Content-Type") ? ""
                                                                               : "Content-Type: application/json\r\n",
                        step->headers ? step->headers : "");
    evbuffer_add(out, json, sent);
    if (step->closes || sent < n)
        bufferevent_setcb(p->bev, NULL, http_peer_written, http_peer_gone, p);
}

static inline void http_peer_late(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    http_peer_answer(arg);
}

static inline void http_peer_serve(struct http_peer *p)
{
    struct http_server *s = p->s;
    s->requests++;
    p->step = &s->steps[s->next];
    if (s->next + 1 < s->n_steps)
        s->next++;
    struct timeval tv = { p->step->delay_ms / 1000, p->step->delay_ms % 1000 * 1000 };
    if (p->step->silent)
        return;
    if (p->step->gone)
        http_peer_close(p);
    else if (p->step->delay_ms)
        event_add(p->timer, &tv);
    else
        http_peer_answer(p);
}

static inline void http_peer_read(struct bufferevent *bev, void *arg)
{
    struct http_peer *p = arg;
    struct http_server *s = p->s;
    struct evbuffer *in = bufferevent_get_input(bev);
    struct evbuffer_ptr end = evbuffer_search(in, "\r\n\r\n", 4, NULL);
    if (end.pos < 0)
        return;
    size_t head = (size_t)end.pos + 4;
    const char *text = (const char *)evbuffer_pullup(in, -1);
    ptrdiff_t at = str_find((struct str){ text, head }, STR("Content-Length: "));
    size_t length = at < 0 ? 0 : strtoul(text + at + 16, NULL, 10);
    assert_true(at >= 0 || str_starts((struct str){ text, head }, STR("GET ")));
    if (evbuffer_get_length(in) < head + length)
        return;
    buf_reset(&s->head);
    buf_reset(&s->body);
    buf_add(&s->head, text, head);
    buf_add(&s->body, text + head, length);
    evbuffer_drain(in, head + length);
    http_peer_serve(p);
}

static inline void http_server_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *address, int n,
                                      void *arg)
{
    (void)l, (void)address, (void)n;
    struct http_server *s = arg;
    struct http_peer *p = calloc(1, sizeof(*p));
    assert_non_null(p);
    p->s = s;
    p->bev = bufferevent_socket_new(s->base, fd, BEV_OPT_CLOSE_ON_FREE);
    p->timer = evtimer_new(s->base, http_peer_late, p);
    p->next = s->peers;
    p->prev = &s->peers;
    if (p->next)
        p->next->prev = &p->next;
    s->peers = p;
    s->connections++;
    s->open++;
    s->most_open = s->open > s->most_open ? s->open : s->most_open;
    bufferevent_setcb(p->bev, http_peer_read, NULL, http_peer_gone, p);
    bufferevent_enable(p->bev, EV_READ | EV_WRITE);
}

static inline void http_server_start(struct http_server *s, struct event_base *base, const struct http_step *steps,
                                     size_t n)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t length = sizeof(address);
    *s = (struct http_server){ .base = base, .steps = steps, .n_steps = n };
    buf_init(&s->head, 1 << 20);
    buf_init(&s->body, 64 << 20);
    s->listener = evconnlistener_new_bind(base, http_server_accept, s, LEV_OPT_CLOSE_ON_FREE, -1,
                                          (struct sockaddr *)&address, sizeof(address));
    assert_non_null(s->listener);
    assert_int_equal(getsockname(evconnlistener_get_fd(s->listener), (struct sockaddr *)&address, &length), 0);
    s->port = ntohs(address.sin_port);
}

static inline void http_server_stop(struct http_server *s)
{
    while (s->peers)
        http_peer_close(s->peers);
    if (s->listener)
        evconnlistener_free(s->listener);
    buf_fini(&s->head);
    buf_fini(&s->body);
}

#endif
