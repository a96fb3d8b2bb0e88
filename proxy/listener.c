/* listener.c - see listener.h. */
#include "proxy/listener.h"

#include <errno.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "proxy/base/fault.h"
#include "proxy/base/log.h"
#include "proxy/conn.h"

enum { BACKLOG = 4096, ACCEPTS_PER_TURN = 64, PAUSE_US = 100000 };

struct listener {
    struct listener *next;
    struct worker *worker;
    struct event *event;
    struct timer pause; /* no descriptors left: look again soon */
    int fd;
    char *path; /* unix socket; NULL: TCP */
};

/* ---- accepting ---- */

static void hand_over(struct worker *w, int fd)
{
    struct worker *least = app_least_loaded(w->app);
    size_t own = atomic_load_explicit(&w->n_sessions, memory_order_relaxed);
    if (least == w || atomic_load_explicit(&least->n_sessions, memory_order_relaxed) >= own) {
        conn_accept(w, fd);
        return;
    }
    /* counted at once, so that a burst spreads */
    atomic_fetch_add_explicit(&least->n_sessions, 1, memory_order_relaxed);
    if (!worker_post(least, MAIL_CLIENT, (uint32_t)fd, (struct str){ 0 }, (struct str){ 0 })) {
        atomic_fetch_sub_explicit(&least->n_sessions, 1, memory_order_relaxed);
        close(fd);
    }
}

static void go_on(struct timer *t)
{
    struct listener *l = (struct listener *)((char *)t - offsetof(struct listener, pause));
    event_add(l->event, NULL);
}

static void on_accept(evutil_socket_t fd, short what, void *ctx)
{
    struct listener *l = ctx;
    (void)what;
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        int client = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (client >= 0) {
            hand_over(l->worker, client);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            log_event(LOG_LEVEL_ERROR, "accept_failed", "reason=\"%s\"", strerror(errno));
            event_del(l->event);
            worker_timer(l->worker, &l->pause, worker_now(l->worker) + PAUSE_US);
        }
        return;
    }
}

/* ---- opening ---- */

static void listener_free(struct listener *l)
{
    worker_timer_clear(l->worker, &l->pause);
    if (l->event)
        event_free(l->event);
    if (l->fd >= 0)
        close(l->fd);
    if (l->path)
        unlink(l->path);
    free(l->path);
    free(l);
}

static bool listener_add(struct worker *w, int fd, const char *path, struct err *err)
{
    struct listener *l = fault_calloc(1, sizeof(*l));
    if (!l) {
        close(fd);
        return err_oom(err);
    }
    l->worker = w;
    l->fd = fd;
    l->pause.fire = go_on;
    l->path = path ? strdup(path) : NULL;
    l->event = event_new(w->base, fd, EV_READ | EV_PERSIST, on_accept, l);
    if (!l->event || event_add(l->event, NULL) != 0) {
        listener_free(l);
        return err_oom(err);
    }
    l->next = w->listeners;
    w->listeners = l;
    return true;
}

static int bound_socket(const struct addrinfo *a)
{
    int on = 1;
    int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
    if (a->ai_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    if (bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int reason = errno;
    close(fd);
    errno = reason;
    return -1;
}

static bool open_address(struct worker *w, struct str address, unsigned port, struct err *err)
{
    char host[256], service[16];
    bool any = str_is(address, "*");
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE }, *found = NULL;
    size_t opened = 0;
    snprintf(host, sizeof(host), "%.*s", STR_FMT(address));
    snprintf(service, sizeof(service), "%u", port);
    int rc = getaddrinfo(any ? NULL : host, service, &hints, &found);
    if (rc != 0)
        return err_set(err, SQLSTATE_SYSTEM_ERROR, "could not find address \"%s\": %s", host, gai_strerror(rc));
    bool ok = true;
    for (const struct addrinfo *a = found; a && ok; a = a->ai_next) {
        int fd = bound_socket(a);
        if (fd < 0 && any && a->ai_family == AF_INET6) /* a machine without IPv6 */
            continue;
        ok = fd >= 0 ? listener_add(w, fd, NULL, err)
                     : err_set(err, SQLSTATE_SYSTEM_ERROR, "could not listen on \"%s\" port %u: %s", host, port,
                               strerror(errno));
        opened += ok;
    }
    freeaddrinfo(found);
    return ok && (opened || err_set(err, SQLSTATE_SYSTEM_ERROR, "no address to listen on for \"%s\"", host));
}

/* Somebody answers there: the socket is in use. Otherwise what is left of a dead process is removed. */
static bool free_path(const struct sockaddr_un *a, struct err *err)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool used = fd >= 0 && connect(fd, (const struct sockaddr *)a, sizeof(*a)) == 0;
    if (fd >= 0)
        close(fd);
    if (used)
        return err_set(err, SQLSTATE_LOCK_FILE_EXISTS, "another process listens on \"%s\"", a->sun_path);
    unlink(a->sun_path);
    return true;
}

static bool open_unix(struct worker *w, const struct config *c, struct err *err)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    int n = snprintf(a.sun_path, sizeof(a.sun_path), "%s/.s.PGSQL.%u", c->unix_socket_dir, c->listen_port);
    if (n < 0 || (size_t)n >= sizeof(a.sun_path))
        return err_set(err, SQLSTATE_CONFIG_FILE_ERROR, "unix socket path \"%s\" is too long", c->unix_socket_dir);
    if (!free_path(&a, err))
        return false;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && bind(fd, (const struct sockaddr *)&a, sizeof(a)) == 0 &&
        chmod(a.sun_path, c->unix_socket_mode) == 0 && listen(fd, BACKLOG) == 0)
        return listener_add(w, fd, a.sun_path, err);
    err_set(err, SQLSTATE_SYSTEM_ERROR, "could not listen on unix socket \"%s\": %s", a.sun_path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return false;
}

bool listeners_open(struct worker *w, const struct config *c, struct err *err)
{
    struct str list = str_from(c->listen_addr);
    while (list.n) {
        ptrdiff_t comma = str_find(list, STR(","));
        struct str one = str_trim((struct str){ list.p, comma < 0 ? list.n : (size_t)comma });
        list = comma < 0 ? (struct str){ 0 } : (struct str){ list.p + comma + 1, list.n - (size_t)comma - 1 };
        if (one.n && !open_address(w, one, c->listen_port, err))
            return false;
    }
    return w->number != 0 || c->unix_socket_dir[0] == 0 || open_unix(w, c, err);
}

void listeners_close(struct worker *w)
{
    while (w->listeners) {
        struct listener *l = w->listeners;
        w->listeners = l->next;
        listener_free(l);
    }
}
