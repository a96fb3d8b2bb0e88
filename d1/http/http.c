/* http.c - see http.h. */
#include "d1/http/http.h"

#include <curl/curl.h>
#include <netinet/in.h>
#include "proxy/base/fault.h"

struct http_client {
    CURLM *multi;
    CURLU *url;
    struct curl_slist *headers;
    char *ca_file;
    bool is_https, is_loopback;
    long connect_timeout_ms;
    struct event_base *base;
    struct event *timer; /* libcurl's */
    struct event *ended; /* some calls ended without libcurl telling: those without easy handle */
    struct http_call *calls;
};

/* ---- one address and its headers ---- */

static bool is_loopback(const char *host)
{
    unsigned char ip[4];
    if (strcmp(host, "localhost") == 0 || strcmp(host, "[::1]") == 0)
        return true;
    return evutil_inet_pton(AF_INET, host, ip) == 1 && ip[0] == 127;
}

static bool url_is_allowed(struct http_client *h, const char *scheme, const char *host, bool insecure, struct err *err)
{
    h->is_https = strcmp(scheme, "https") == 0;
    h->is_loopback = is_loopback(host);
    if (!h->is_https && strcmp(scheme, "http") != 0)
        return err_set(err, SQLSTATE_INVALID_PARAMETER_VALUE, "\"%s\" is not an address of D1", scheme),
               err_hint(err, "Addresses start with https://.");
    if (!h->is_https && !h->is_loopback && !insecure)
        return err_set(err, SQLSTATE_INVALID_PARAMETER_VALUE, "the token would travel unencrypted to host \"%s\"",
                       host),
               err_hint(err, "Use https://.");
    return true;
}

static bool set_url(struct http_client *h, const struct http_options *o, struct err *err)
{
    char *text = strndup(o->url.p ? o->url.p : "", o->url.n);
    h->url = curl_url();
    if (!text || !h->url) {
        free(text);
        return err_oom(err);
    }
    char *scheme = NULL, *host = NULL, *user = NULL;
    CURLUcode code = curl_url_set(h->url, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME);
    if (!code)
        code = curl_url_get(h->url, CURLUPART_SCHEME, &scheme, 0);
    if (!code)
        code = curl_url_get(h->url, CURLUPART_HOST, &host, 0);
    bool has_user = !code && curl_url_get(h->url, CURLUPART_USER, &user, 0) == CURLUE_OK;
    bool ok = false;
    if (code)
        err_set(err, SQLSTATE_INVALID_PARAMETER_VALUE, "\"%s\" is not an address: %s", text, curl_url_strerror(code));
    else if (has_user)
        err_set(err, SQLSTATE_INVALID_PARAMETER_VALUE, "an address of D1 holds no user name");
    else
        ok = url_is_allowed(h, scheme, host, o->insecure, err);
    curl_free(scheme);
    curl_free(host);
    curl_free(user);
    free(text);
    return ok;
}

/* Header lines would be split by a control character in the token. */
static bool token_is_valid(struct str token)
{
    for (size_t i = 0; i < token.n; i++)
        if (token.p[i] < 0x21 || token.p[i] > 0x7e)
            return false;
    return token.n > 0;
}

static bool add_header(struct http_client *h, const char *line)
{
    struct curl_slist *list = curl_slist_append(h->headers, line);
    h->headers = list ? list : h->headers;
    return list;
}

static bool set_headers(struct http_client *h, struct str token, struct err *err)
{
    if (!token_is_valid(token))
        return err_set(err, SQLSTATE_INVALID_PARAMETER_VALUE, "the token is empty or has characters that no token has");
    char *line = NULL;
    int n = asprintf(&line, "Authorization: Bearer %.*s", STR_FMT(token));
    if (n < 0)
        return err_oom(err);
    bool ok = add_header(h, line) && add_header(h, "Content-Type: application/json") && add_header(h, "Expect:");
    explicit_bzero(line, (size_t)n);
    free(line);
    return ok || err_oom(err);
}

static void free_headers(struct http_client *h)
{
    for (struct curl_slist *l = h->headers; l; l = l->next)
        explicit_bzero(l->data, strlen(l->data));
    curl_slist_free_all(h->headers);
}

/* ---- the end of a call ---- */

static void unlink_call(struct http_call *c)
{
    *c->prev = c->next;
    if (c->next)
        c->next->prev = c->prev;
    c->prev = NULL;
}

static void free_easy(struct http_call *c)
{
    curl_easy_cleanup(c->easy);
    curl_url_cleanup(c->url);
    c->easy = c->url = NULL;
}

static void drop_easy(struct http_call *c)
{
    curl_multi_remove_handle(c->client->multi, c->easy);
    free_easy(c);
    unlink_call(c);
}

static enum http_end end_of(CURLcode code, bool sent)
{
    switch (code) {
    case CURLE_OK:
        return HTTP_ANSWERED;
    case CURLE_WRITE_ERROR:
        return HTTP_REFUSED;
    case CURLE_OUT_OF_MEMORY:
        return HTTP_NO_MEMORY;
    default:
        return sent ? HTTP_LOST : HTTP_UNREACHABLE;
    }
}

static bool starts_nocase(const char *s, const char *prefix)
{
    return s && str_starts_nocase(str_from(s), str_from(prefix));
}

static void read_head(struct http_call *c)
{
    long status = 0, request_size = 0;
    char *type = NULL;
    curl_off_t retry_after = 0;
    curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(c->easy, CURLINFO_REQUEST_SIZE, &request_size);
    curl_easy_getinfo(c->easy, CURLINFO_CONTENT_TYPE, &type);
    curl_easy_getinfo(c->easy, CURLINFO_RETRY_AFTER, &retry_after);
    c->status = (int)status;
    c->sent = request_size > 0;
    c->is_json = starts_nocase(type, "application/json");
    if (retry_after > 0 && retry_after < 86400)
        c->retry_after_us = (uint64_t)retry_after * 1000000;
}

static void end_call(struct http_call *c, CURLcode code)
{
    read_head(c);
    c->end = end_of(code, c->sent);
    if (code && !c->reason[0])
        snprintf(c->reason, sizeof(c->reason), "%s", curl_easy_strerror(code));
    drop_easy(c);
    c->on_end(c);
}

static void read_ends(struct http_client *h)
{
    int left;
    for (CURLMsg *m; (m = curl_multi_info_read(h->multi, &left));) {
        struct http_call *c = NULL;
        CURLcode code = m->data.result;
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&c);
        end_call(c, code);
    }
}

/* Calls that libcurl could not carry, or ended where it does not tell: their end comes from the loop as any other. */
static void on_ended(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct http_client *h = arg;
    struct http_call *c = h->calls;
    while (c) {
        if (c->easy) {
            c = c->next;
            continue;
        }
        unlink_call(c);
        c->on_end(c);
        c = h->calls; /* on_end may have changed the list */
    }
}

/* ---- libcurl on libevent ---- */

static void on_socket_ready(evutil_socket_t fd, short what, void *arg)
{
    struct http_client *h = arg;
    int flags = (what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0), running;
    curl_multi_socket_action(h->multi, fd, flags, &running);
    read_ends(h);
}

static int on_socket_wanted(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
    (void)easy;
    struct http_client *h = arg;
    struct event *ev = socket_arg;
    if (ev)
        event_free(ev);
    ev = NULL;
    if (what != CURL_POLL_REMOVE) {
        int flags = EV_PERSIST | (what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0);
        ev = event_new(h->base, fd, (short)flags, on_socket_ready, h);
        if (!ev || event_add(ev, NULL) < 0)
            return -1; /* libcurl ends its transfers */
    }
    curl_multi_assign(h->multi, fd, ev);
    return 0;
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct http_client *h = arg;
    int running;
    curl_multi_socket_action(h->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    read_ends(h);
}

static int on_timer_wanted(CURLM *multi, long ms, void *arg)
{
    (void)multi;
    struct http_client *h = arg;
    if (ms < 0)
        return event_del(h->timer);
    struct timeval tv = { ms / 1000, ms % 1000 * 1000 };
    return event_add(h->timer, &tv);
}

static bool set_multi(struct http_client *h, const struct http_options *o)
{
    long connections = o->max_connections ? (long)o->max_connections : 1;
    return !(curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, on_socket_wanted) ||
             curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h) ||
             curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, on_timer_wanted) ||
             curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h) ||
             curl_multi_setopt(h->multi, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX) ||
             curl_multi_setopt(h->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, connections) ||
             curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, connections));
}

struct http_client *http_client_new(const struct http_options *o, struct event_base *base, struct err *err)
{
    struct http_client *h = fault_calloc(1, sizeof(*h));
    if (!h) {
        err_oom(err);
        return NULL;
    }
    h->base = base;
    h->connect_timeout_ms = (long)(o->connect_timeout_us / 1000);
    bool ok = set_url(h, o, err) && set_headers(h, o->token, err);
    if (ok) {
        h->multi = curl_multi_init();
        h->timer = evtimer_new(base, on_timer, h);
        h->ended = event_new(base, -1, 0, on_ended, h);
        h->ca_file = o->ca_file.n ? strndup(o->ca_file.p, o->ca_file.n) : NULL;
        ok = (h->multi && h->timer && h->ended && (h->ca_file || !o->ca_file.n) && set_multi(h, o)) || err_oom(err);
    }
    if (ok)
        return h;
    http_client_free(h);
    return NULL;
}

void http_client_free(struct http_client *h)
{
    if (!h)
        return;
    while (h->calls)
        http_abort(h->calls);
    if (h->multi)
        curl_multi_cleanup(h->multi);
    if (h->timer)
        event_free(h->timer);
    if (h->ended)
        event_free(h->ended);
    curl_url_cleanup(h->url);
    free_headers(h);
    free(h->ca_file);
    free(h);
}

/* ---- a call ---- */

static size_t on_bytes(char *p, size_t size, size_t n, void *arg)
{
    struct http_call *c = arg;
    if (!c->status)
        read_head(c);
    switch (c->on_body(c, (struct str){ p, size * n })) {
    case HTTP_BODY_TAKEN:
        return size * n;
    case HTTP_BODY_HELD:
        return CURL_WRITEFUNC_PAUSE;
    case HTTP_BODY_REFUSED:
        break;
    }
    return 0;
}

static size_t on_body_wanted(char *p, size_t size, size_t n, void *arg)
{
    struct http_call *c = arg;
    size_t room = size * n, left = c->body.n - c->taken, taken = left < room ? left : room;
    memcpy(p, c->body.p + c->taken, taken);
    c->taken += taken;
    return taken;
}

/*
 * A body given as a block can be sent again by libcurl; one that is read from us cannot, as there is no seek function:
 * "necessary data rewind was not possible". That is what keeps a write from running twice (http.h).
 */
static CURLcode set_body(struct http_call *c)
{
    if (c->is_get)
        return curl_easy_setopt(c->easy, CURLOPT_HTTPGET, 1L);
    CURLcode code = curl_easy_setopt(c->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)c->body.n);
    if (c->repeatable)
        return code ? code : curl_easy_setopt(c->easy, CURLOPT_POSTFIELDS, c->body.p);
    if (!code)
        code = curl_easy_setopt(c->easy, CURLOPT_READFUNCTION, on_body_wanted);
    return code ? code : curl_easy_setopt(c->easy, CURLOPT_READDATA, c);
}

#define SET(option, value)                                                                                             \
    do {                                                                                                               \
        CURLcode code_ = curl_easy_setopt(c->easy, option, value);                                                     \
        if (code_)                                                                                                     \
            return code_;                                                                                              \
    } while (0)

static CURLcode set_address(struct http_client *h, struct http_call *c)
{
    if (!c->path)
        return curl_easy_setopt(c->easy, CURLOPT_CURLU, h->url);
    c->url = curl_url_dup(h->url);
    if (!c->url || curl_url_set(c->url, CURLUPART_URL, c->path, 0))
        return CURLE_OUT_OF_MEMORY;
    return curl_easy_setopt(c->easy, CURLOPT_CURLU, c->url);
}

static CURLcode set_easy(struct http_client *h, struct http_call *c)
{
    CURLcode address = set_address(h, c);
    if (address)
        return address;
    SET(CURLOPT_PRIVATE, (void *)c);
    SET(CURLOPT_POST, 1L);
    SET(CURLOPT_HTTPHEADER, h->headers);
    SET(CURLOPT_USERAGENT, "pgd1/" PGD1_VERSION);
    SET(CURLOPT_ACCEPT_ENCODING, h->is_loopback ? NULL : "");
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    SET(CURLOPT_PIPEWAIT, h->is_https ? 1L : 0L); /* rather a stream on the connection being made than one more */
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_QUICK_EXIT, 1L); /* else giving up a call would wait for the name server */
    SET(CURLOPT_TCP_KEEPALIVE, 1L);
    SET(CURLOPT_CONNECTTIMEOUT_MS, h->connect_timeout_ms);
    SET(CURLOPT_ERRORBUFFER, c->reason);
    SET(CURLOPT_WRITEFUNCTION, on_bytes);
    SET(CURLOPT_WRITEDATA, (void *)c);
    if (h->is_loopback)
        SET(CURLOPT_PROXY, ""); /* the environment's proxy is not for this machine */
    if (h->ca_file)
        SET(CURLOPT_CAINFO, h->ca_file);
    SET(CURLOPT_FRESH_CONNECT, !c->repeatable && !c->body.n ? 1L : 0L);
    return set_body(c);
}

static void end_later(struct http_call *c, enum http_end end)
{
    c->end = end;
    free_easy(c);
    event_active(c->client->ended, EV_TIMEOUT, 0);
}

void http_start(struct http_client *h, struct http_call *c)
{
    c->client = h;
    c->end = HTTP_ANSWERED;
    c->sent = c->is_json = false;
    c->status = 0;
    c->retry_after_us = 0;
    c->reason[0] = '\0';
    c->taken = 0;
    c->next = h->calls;
    c->prev = &h->calls;
    if (c->next)
        c->next->prev = &c->next;
    h->calls = c;
    _Static_assert(CURL_ERROR_SIZE <= sizeof(c->reason), "libcurl's texts fit");
    c->url = NULL;
    c->easy = curl_easy_init();
    if (c->easy && !set_easy(h, c) && !curl_multi_add_handle(h->multi, c->easy))
        return;
    end_later(c, HTTP_NO_MEMORY);
}

void http_abort(struct http_call *c)
{
    if (!c->prev)
        return;
    if (!c->easy) {
        unlink_call(c);
        return;
    }
    read_head(c);
    drop_easy(c);
}

void http_resume(struct http_call *c)
{
    if (!c->easy)
        return;
    CURLcode code = curl_easy_pause(c->easy, CURLPAUSE_CONT);
    if (!code)
        return;
    /* libcurl tells it here only, and would go on */
    read_head(c);
    curl_multi_remove_handle(c->client->multi, c->easy);
    end_later(c, end_of(code, c->sent));
}
