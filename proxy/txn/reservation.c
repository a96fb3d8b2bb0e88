/* reservation.c - see reservation.h. */
#include "proxy/txn/reservation.h"

#include <stdlib.h>
#include "proxy/base/fault.h"

struct reservation {
    struct reservation *next;
    uint64_t version;
    unsigned holders, trying; /* transactions; of these, such that try an INSERT out now */
    unsigned busy;            /* so many transactions to come draw their ids */
    int64_t highest;          /* that was shown, where ids are D1's */
    int64_t first, last;      /* of the range that is left; first 0: none */
    size_t range;             /* how large the next one is */
    struct str table;         /* behind the struct */
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

static void drop(struct reservations *rs, struct reservation *r)
{
    struct reservation **at = &rs->first;
    while (*at != r)
        at = &(*at)->next;
    *at = r->next;
    free(r);
}

/* Busy ones of an old schema are of no use. */
static void drop_old(struct reservations *rs, uint64_t version)
{
    for (struct reservation *r = rs->first, *next; r; r = next) {
        next = r->next;
        if (!r->holders && r->version != version)
            drop(rs, r);
    }
}

static struct reservation *add(struct reservations *rs, uint64_t version, struct str table)
{
    struct reservation *r = fault_malloc(sizeof(*r) + table.n + 1);
    if (!r)
        return NULL;
    drop_old(rs, version);
    *r = (struct reservation){
        .next = rs->first, .version = version, .range = RANGE_MIN, .table = { (char *)(r + 1), table.n }
    };
    memcpy(r + 1, table.p, table.n);
    rs->first = r;
    return r;
}

static struct held *hold(struct reservations *rs, struct held **held, struct reservation *r)
{
    for (struct held *h = *held; h; h = h->next)
        if (h->entry == r)
            return h;
    struct held *h = fault_malloc(sizeof(*h));
    if (!h)
        return NULL;
    *h = (struct held){ .next = *held, .in = rs, .entry = r, .is_drawn = r->busy > 0 };
    *held = h;
    r->holders++;
    if (r->busy)
        r->busy--;
    else if (r->holders == 1) { /* it begins anew: what is left of a range lies before the ids that D1 gives */
        r->highest = r->first = 0;
        r->range = RANGE_MIN;
    }
    return h;
}

struct held *reservation_hold(struct reservations *rs, struct held **held, uint64_t version, struct str table)
{
    struct held *h = NULL;
    pthread_mutex_lock(&rs->lock);
    struct reservation *r = find(rs, version, table);
    if (!r)
        r = add(rs, version, table);
    if (r) {
        h = hold(rs, held, r);
        if (h && !h->is_trying) {
            h->is_trying = true;
            r->trying++;
        }
        if (!h && !r->holders)
            drop(rs, r);
    }
    pthread_mutex_unlock(&rs->lock);
    return h;
}

int64_t reservation_take(struct held *h, size_t n)
{
    pthread_mutex_lock(&h->in->lock);
    struct reservation *r = h->entry;
    int64_t before = r->highest;
    if (before && before < INT64_MAX - (int64_t)n)
        r->highest += (int64_t)n;
    pthread_mutex_unlock(&h->in->lock);
    return before;
}

/* ---- ranges ---- */

int64_t reservation_draw(struct held *h, size_t n)
{
    int64_t first = 0;
    pthread_mutex_lock(&h->in->lock);
    struct reservation *r = h->entry;
    if (r->first > h->drawn && r->last - r->first >= (int64_t)n - 1) {
        first = r->first;
        h->drawn = first + (int64_t)n - 1;
        r->first = r->last == h->drawn ? 0 : h->drawn + 1;
    }
    h->wanted = first ? 0 : n;
    pthread_mutex_unlock(&h->in->lock);
    return first;
}

size_t reservation_range(struct held *h, size_t n)
{
    pthread_mutex_lock(&h->in->lock);
    size_t range = h->entry->range;
    if (range < RANGE_MAX)
        h->entry->range *= 2;
    pthread_mutex_unlock(&h->in->lock);
    return range > n ? range : n;
}

void reservation_fill(struct held *h, int64_t first, int64_t last)
{
    pthread_mutex_lock(&h->in->lock);
    struct reservation *r = h->entry;
    if (first <= h->drawn) /* asked for behind what it drew: D1's counter was set back */
        h->drawn = 0;
    if (first > 0 && (first > r->first || r->last - r->first < (int64_t)h->wanted - 1)) {
        r->first = first;
        r->last = last;
    }
    pthread_mutex_unlock(&h->in->lock);
}

void reservation_spoil(struct held *h)
{
    pthread_mutex_lock(&h->in->lock);
    h->entry->first = 0;
    pthread_mutex_unlock(&h->in->lock);
}

void reservations_forget(struct reservations *rs)
{
    pthread_mutex_lock(&rs->lock);
    for (struct reservation *r = rs->first, *next; r; r = next) {
        next = r->next;
        r->busy = 0;
        r->first = 0;
        r->range = RANGE_MIN;
        if (!r->holders)
            drop(rs, r);
    }
    pthread_mutex_unlock(&rs->lock);
}

void reservation_give_up(struct held *h)
{
    h->is_drawn = false;
    h->was_shown = true;
}

struct str reservation_table(const struct held *h)
{
    return h->entry->table;
}

/* ---- collisions ---- */

static void end_trying(struct held *h)
{
    h->entry->trying -= h->is_trying;
    h->is_trying = false;
}

bool reservation_tried(struct held *held)
{
    bool again = false;
    for (struct held *h = held; h; h = h->next) {
        if (!h->is_trying)
            continue;
        pthread_mutex_lock(&h->in->lock);
        end_trying(h);
        if (h->entry->busy && !h->is_drawn && !h->was_shown)
            h->is_drawn = again = true;
        pthread_mutex_unlock(&h->in->lock);
    }
    for (struct held *h = held; h && !again; h = h->next)
        h->was_shown = true;
    return again;
}

void reservation_collided(struct held *held)
{
    for (struct held *h = held; h; h = h->next) {
        pthread_mutex_lock(&h->in->lock);
        h->entry->busy = BUSY_TRANSACTIONS;
        pthread_mutex_unlock(&h->in->lock);
    }
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
        if (r->version != version || r->holders <= mine || (!r->highest && !r->trying))
            continue;
        if (visit(ctx, r->table, r->highest) && r->trying)
            r->busy = BUSY_TRANSACTIONS;
    }
    pthread_mutex_unlock(&rs->lock);
}

bool reservation_next(struct reservations *rs, const struct held *held, uint64_t version, struct str table,
                      bool *ret_drawn, int64_t *ret_highest)
{
    pthread_mutex_lock(&rs->lock);
    while (held && (held->entry->version != version || !str_eq(held->entry->table, table)))
        held = held->next;
    *ret_drawn = held && held->is_drawn;
    *ret_highest = held ? held->entry->highest : 0;
    pthread_mutex_unlock(&rs->lock);
    return held != NULL;
}

void reservation_release(struct held **held)
{
    while (*held) {
        struct held *h = *held;
        struct reservations *rs = h->in;
        *held = h->next;
        pthread_mutex_lock(&rs->lock);
        end_trying(h);
        if (--h->entry->holders == 0 && !h->entry->busy)
            drop(rs, h->entry);
        pthread_mutex_unlock(&rs->lock);
        free(h);
    }
}
