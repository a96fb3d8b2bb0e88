/* notify.c - see notify.h. */
#include "proxy/notify.h"

#include "proxy/base/fault.h"

/* LISTEN or UNLISTEN of this transaction: the last one with so many savepoints open. */
struct wish {
    struct wish *older;
    size_t savepoints;
    bool is_on;
};

struct channel {
    struct channel *next;
    bool is_on;          /* listened to, as committed */
    struct wish *newest; /* their savepoints fall; NULL: none */
    struct str name;     /* behind the struct */
};

struct notification {
    struct notification *next;
    uint32_t pid;
    size_t savepoints;           /* open when it was sent, less those released since */
    struct str channel, payload; /* behind the struct */
};

static struct channel *find(struct session *s, struct str name)
{
    for (struct channel *c = s->channels; c; c = c->next)
        if (str_eq(c->name, name))
            return c;
    return NULL;
}

static bool check_name(struct str channel, struct err *err)
{
    if (channel.n == 0)
        return err_set(err, SQLSTATE_INVALID_PARAMETER_VALUE, "channel name cannot be empty");
    return channel.n <= CHANNEL_NAME_MAX || err_set(err, SQLSTATE_INVALID_PARAMETER_VALUE, "channel name too long");
}

static bool wish(struct session *s, struct channel *c, bool is_on, struct err *err)
{
    size_t savepoints = transaction_savepoints(&s->transaction);
    if (!c->newest || c->newest->savepoints < savepoints) {
        struct wish *w = fault_malloc(sizeof(*w));
        if (!w)
            return err_oom(err);
        *w = (struct wish){ .older = c->newest, .savepoints = savepoints };
        c->newest = w;
    }
    c->newest->is_on = is_on;
    return true;
}

static void drop_newest(struct channel *c)
{
    struct wish *w = c->newest;
    c->newest = w->older;
    free(w);
}

bool notify_listen(struct session *s, struct str channel, struct err *err)
{
    size_t n = 0;
    if (!check_name(channel, err))
        return false;
    struct channel *c = find(s, channel), **end = &s->channels;
    if (!c) {
        for (; *end; end = &(*end)->next)
            n++;
        if (n >= CHANNELS_MAX)
            return err_set(err, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "too many channels");
        *end = c = fault_malloc(sizeof(*c) + channel.n);
        if (!c)
            return err_oom(err);
        *c = (struct channel){ .name = { (char *)(c + 1), channel.n } };
        memcpy(c + 1, channel.p, channel.n);
    }
    return wish(s, c, true, err);
}

bool notify_unlisten(struct session *s, struct str channel, bool all, struct err *err)
{
    for (struct channel *c = s->channels; c; c = c->next)
        if ((all || str_eq(c->name, channel)) && !wish(s, c, false, err))
            return false;
    return true;
}

static struct notification *make(struct str channel, struct str payload, uint32_t pid)
{
    struct notification *n = fault_malloc(sizeof(*n) + channel.n + payload.n);
    if (!n)
        return NULL;
    char *p = (char *)(n + 1);
    *n = (struct notification){ .pid = pid, .channel = { p, channel.n }, .payload = { p + channel.n, payload.n } };
    memcpy(p, channel.p, channel.n);
    if (payload.n)
        memcpy(p + channel.n, payload.p, payload.n);
    return n;
}

bool notify_send(struct session *s, struct str channel, struct str payload, struct err *err)
{
    struct notification **at = &s->outgoing;
    size_t n = 0;
    if (!check_name(channel, err))
        return false;
    if (payload.n > PAYLOAD_MAX)
        return err_set(err, SQLSTATE_INVALID_PARAMETER_VALUE, "payload string too long");
    for (; *at; at = &(*at)->next, n++)
        if (str_eq((*at)->channel, channel) && str_eq((*at)->payload, payload))
            return true;
    if (n >= NOTIFICATIONS_MAX)
        return err_set(err, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "too many notifications in one transaction");
    *at = make(channel, payload, s->presence.pid);
    if (!*at)
        return err_oom(err);
    (*at)->savepoints = transaction_savepoints(&s->transaction);
    return true;
}

static void drop_all(struct notification **list)
{
    while (*list) {
        struct notification *n = *list;
        *list = n->next;
        free(n);
    }
}

/* One that equals an older one was not noted: what takes the older one back takes it, too. */
void notify_rollback_to(struct session *s, size_t savepoints)
{
    struct notification **at = &s->outgoing;
    for (struct channel *c = s->channels; c; c = c->next)
        while (c->newest && c->newest->savepoints >= savepoints)
            drop_newest(c);
    while (*at && (*at)->savepoints < savepoints)
        at = &(*at)->next;
    drop_all(at);
}

/* The newest of what was wished behind the savepoints, and in front of them since the one that is left, counts. */
void notify_release(struct session *s, size_t savepoints)
{
    for (struct channel *c = s->channels; c; c = c->next)
        while (c->newest && c->newest->savepoints > savepoints) {
            bool is_on = c->newest->is_on;
            struct wish *older = c->newest->older;
            if (older && older->savepoints >= savepoints) {
                drop_newest(c);
                c->newest->is_on = is_on;
            } else
                c->newest->savepoints = savepoints;
        }
    for (struct notification *n = s->outgoing; n; n = n->next)
        if (n->savepoints > savepoints)
            n->savepoints = savepoints;
}

static void settle_channels(struct session *s, bool commit)
{
    for (struct channel **at = &s->channels; *at;) {
        struct channel *c = *at;
        if (commit && c->newest)
            c->is_on = c->newest->is_on;
        while (c->newest)
            drop_newest(c);
        if (c->is_on) {
            at = &c->next;
            continue;
        }
        *at = c->next;
        free(c);
    }
}

void notify_end_transaction(struct session *s, bool commit)
{
    settle_channels(s, commit);
    if (!s->outgoing)
        return;
    struct app *app = s->worker->app;
    for (struct notification *n = s->outgoing; commit && n; n = n->next) {
        notify_receive(s, n->channel, n->payload, n->pid); /* our own comes before ReadyForQuery, as PostgreSQL's */
        for (size_t i = 0; i < app->n_workers; i++)
            if (!worker_post(app->workers[i], MAIL_NOTIFY, n->pid, n->channel, n->payload))
                metric_add(&s->worker->metrics, METRIC_notifications_dropped, 1);
    }
    drop_all(&s->outgoing);
}

void notify_receive(struct session *s, struct str channel, struct str payload, uint32_t pid)
{
    struct channel *c = find(s, channel);
    if (!c || !c->is_on)
        return;
    struct notification *n = s->n_incoming < NOTIFICATIONS_MAX ? make(channel, payload, pid) : NULL;
    if (!n) {
        metric_add(&s->worker->metrics, METRIC_notifications_dropped, 1);
        return;
    }
    struct notification **at = &s->incoming;
    while (*at)
        at = &(*at)->next;
    *at = n;
    s->n_incoming++;
}

void notify_deliver(struct session *s)
{
    for (struct notification *n = s->incoming; n; n = n->next) {
        backend_notification(&s->out, n->pid, n->channel, n->payload);
        metric_add(&s->worker->metrics, METRIC_notifications, 1);
    }
    drop_all(&s->incoming);
    s->n_incoming = 0;
}

void notify_fini(struct session *s)
{
    drop_all(&s->incoming);
    drop_all(&s->outgoing);
    while (s->channels) {
        struct channel *c = s->channels;
        s->channels = c->next;
        while (c->newest)
            drop_newest(c);
        free(c);
    }
}

const struct channel *notify_channel_next(const struct session *s, const struct channel *at, struct str *ret_name)
{
    at = at ? at->next : s->channels;
    while (at && !at->is_on)
        at = at->next;
    if (at)
        *ret_name = at->name;
    return at;
}
