/* reservation.c - see reservation.h. */
#include "proxy/txn/reservation.h"

#include <stdlib.h>
#include "proxy/base/fault.h"

struct reservation {
    struct reservation *next;
    uint64_t version;
    unsigned holders;
    int64_t highest;
    struct str table; /* behind the struct */
};

void reservations_init(struct reservations *rs)
{
    *rs = (struct reservations){ .first = NULL };
    pthread_mutex_init(&rs->lock, NULL);
}

void reservations_fini(struct reservations *rs)
{
    while (rs->first) {
        struct reservation *r = rs->first;
        rs->first = r->next;
        free(r);
    }
    pthread_mutex_destroy(&rs->lock);
}

static struct reservation *find(struct reservations *rs, uint64_t version, struct str table)
{
    for (struct reservation *r = rs->first; r; r = r->next)
        if (r->version == version && str_eq(r->table, table))
            return r;
    return NULL;
}

static struct reservation *add(struct reservations *rs, uint64_t version, struct str table)
{
    struct reservation *r = fault_malloc(sizeof(*r) + table.n + 1);
    if (!r)
        return NULL;
    *r = (struct reservation){ .next = rs->first, .version = version, .table = { (char *)(r + 1), table.n } };
    memcpy(r + 1, table.p, table.n);
    rs->first = r;
    return r;
}

static bool hold(struct reservations *rs, struct held **held, struct reservation *r)
{
    for (struct held *h = *held; h; h = h->next)
        if (h->entry == r)
            return true;
    struct held *h = fault_malloc(sizeof(*h));
    if (!h)
        return false;
    *h = (struct held){ *held, rs, r };
    *held = h;
    r->holders++;
    return true;
}

static void drop(struct reservations *rs, struct reservation *r)
{
    struct reservation **at = &rs->first;
    while (*at != r)
        at = &(*at)->next;
    *at = r->next;
    free(r);
}

int64_t reservation_take(struct reservations *rs, struct held **held, uint64_t version, struct str table, size_t n)
{
    int64_t before = 0;
    pthread_mutex_lock(&rs->lock);
    struct reservation *r = find(rs, version, table);
    if (!r)
        r = add(rs, version, table);
    if (r) {
        before = r->highest;
        if (before && before < INT64_MAX - (int64_t)n)
            r->highest += (int64_t)n;
        if (!hold(rs, held, r) && !r->holders)
            drop(rs, r);
    }
    pthread_mutex_unlock(&rs->lock);
    return before;
}

void reservation_learn(struct reservations *rs, uint64_t version, struct str table, int64_t id)
{
    pthread_mutex_lock(&rs->lock);
    struct reservation *r = find(rs, version, table);
    if (r && id > r->highest)
        r->highest = id;
    pthread_mutex_unlock(&rs->lock);
}

static bool holds(const struct held *held, const struct reservation *r)
{
    for (; held; held = held->next)
        if (held->entry == r)
            return true;
    return false;
}

void reservation_others(struct reservations *rs, const struct held *held, uint64_t version,
                        bool (*visit)(void *ctx, struct str table, int64_t highest), void *ctx)
{
    pthread_mutex_lock(&rs->lock);
    for (struct reservation *r = rs->first; r; r = r->next) {
        unsigned mine = holds(held, r);
        if (r->version == version && r->highest && r->holders > mine && !visit(ctx, r->table, r->highest))
            break;
    }
    pthread_mutex_unlock(&rs->lock);
}

void reservation_release(struct held **held)
{
    while (*held) {
        struct held *h = *held;
        struct reservations *rs = h->in;
        *held = h->next;
        pthread_mutex_lock(&rs->lock);
        if (--h->entry->holders == 0)
            drop(rs, h->entry);
        pthread_mutex_unlock(&rs->lock);
        free(h);
    }
}
