/* advisory.c - see advisory.h. */
#include "proxy/advisory.h"

#include "proxy/base/fault.h"
#include "proxy/worker.h"

enum { MODES = 2, SCOPES = 2, DEADLOCK_DEPTH = 100 };

struct holding {
    struct holding *next;
    const struct presence *owner;
    size_t counts[SCOPES][MODES];
    uint64_t since[SCOPES][MODES]; /* the mark of the first one: ROLLBACK TO a savepoint behind it leaves them all */
};

struct waiting {
    struct waiting *next;                  /* in the lock's queue, the first one came first */
    struct waiting *next_of_all, **of_all; /* of the table */
    struct advisory_lock *lock;
    const struct presence *owner;
    enum advisory_mode mode;
    uint64_t search; /* the last one that came by here */
};

struct advisory_lock {
    struct advisory_lock *next, **prev; /* all of them */
    struct advisory_lock *other;        /* the same key in another database */
    struct advisory_key key;
    struct holding *holdings;
    struct waiting *queue;
    struct str database, words; /* behind the struct */
};

void advisory_init(struct advisory_table *t)
{
    pthread_mutex_init(&t->lock, NULL);
    map_init(&t->by_key);
    t->locks = NULL;
    t->waiting = NULL;
    t->searches = 0;
    t->taken = 0;
}

/* ---- locks ---- */

static struct str bytes_of(const struct advisory_key *key)
{
    return (struct str){ (const char *)key, sizeof(*key) };
}

static struct advisory_lock *find(struct advisory_table *t, struct str database, const struct advisory_key *key)
{
    struct advisory_lock *l = map_get(&t->by_key, bytes_of(key));
    while (l && !str_eq(l->database, database))
        l = l->other;
    return l;
}

static struct advisory_lock *find_or_make(struct advisory_table *t, struct str database, const struct advisory_key *key,
                                          struct str words)
{
    struct advisory_lock *l = find(t, database, key);
    if (l)
        return l;
    l = t->by_key.n < ADVISORY_LOCKS_MAX ? fault_calloc(1, sizeof(*l) + database.n + words.n) : NULL;
    if (!l)
        return NULL;
    l->key = *key;
    l->database = (struct str){ (char *)(l + 1), database.n };
    if (database.n)
        memcpy(l + 1, database.p, database.n);
    l->words = (struct str){ (char *)(l + 1) + database.n, words.n };
    if (words.n)
        memcpy((char *)(l + 1) + database.n, words.p, words.n);
    l->other = map_remove(&t->by_key, bytes_of(key));
    if (!map_set(&t->by_key, bytes_of(&l->key), l)) {
        if (l->other)
            map_set(&t->by_key, bytes_of(&l->other->key), l->other); /* its slot is free again */
        free(l);
        return NULL;
    }
    l->next = t->locks;
    l->prev = &t->locks;
    if (l->next)
        l->next->prev = &l->next;
    t->locks = l;
    return l;
}

static void drop_if_idle(struct advisory_table *t, struct advisory_lock *l)
{
    if (l->holdings || l->queue)
        return;
    struct advisory_lock *first = map_remove(&t->by_key, bytes_of(&l->key)), **at = &first;
    while (*at != l)
        at = &(*at)->other;
    *at = l->other;
    if (first)
        map_set(&t->by_key, bytes_of(&first->key), first); /* the slot just left */
    *l->prev = l->next;
    if (l->next)
        l->next->prev = l->prev;
    free(l);
}

void advisory_fini(struct advisory_table *t)
{
    for (struct advisory_lock *l = t->locks, *next; l; l = next) {
        next = l->next;
        for (struct holding *h = l->holdings, *after; h; h = after) {
            after = h->next;
            free(h);
        }
        for (struct waiting *w = l->queue, *after; w; w = after) {
            after = w->next;
            free(w);
        }
        free(l);
    }
    map_fini(&t->by_key);
    pthread_mutex_destroy(&t->lock);
}

/* ---- who is in whose way ---- */

static struct holding **holding_of(struct advisory_lock *l, const struct presence *owner)
{
    struct holding **at = &l->holdings;
    while (*at && (*at)->owner != owner)
        at = &(*at)->next;
    return at;
}

static struct waiting **waiting_of(struct advisory_lock *l, const struct presence *owner)
{
    struct waiting **at = &l->queue;
    while (*at && (*at)->owner != owner)
        at = &(*at)->next;
    return at;
}

static bool has_mode(const struct holding *h, enum advisory_mode mode)
{
    return h->counts[ADVISORY_OF_SESSION][mode] || h->counts[ADVISORY_OF_TRANSACTION][mode];
}

static bool conflicts(enum advisory_mode a, enum advisory_mode b)
{
    return a == ADVISORY_EXCLUSIVE || b == ADVISORY_EXCLUSIVE;
}

static bool holding_conflicts(const struct holding *h, enum advisory_mode mode)
{
    return has_mode(h, ADVISORY_EXCLUSIVE) || (mode == ADVISORY_EXCLUSIVE && has_mode(h, ADVISORY_SHARE));
}

/* The next one that keeps `owner` from the lock: holders first, then those who stand before it in the queue. Start with NULL. */
struct obstacles {
    const struct advisory_lock *lock;
    const struct presence *owner;
    enum advisory_mode mode;
    const struct holding *holding;
    const struct waiting *waiting;
};

static struct obstacles obstacles_of(struct advisory_lock *l, const struct presence *owner, enum advisory_mode mode)
{
    bool has_some = *holding_of(l, owner) != NULL; /* then it does not wait behind the queue */
    return (struct obstacles){ l, owner, mode, l->holdings, has_some ? NULL : l->queue };
}

static const struct presence *next_obstacle(struct obstacles *o)
{
    while (o->holding) {
        const struct holding *h = o->holding;
        o->holding = h->next;
        if (h->owner != o->owner && holding_conflicts(h, o->mode))
            return h->owner;
    }
    while (o->waiting && o->waiting->owner != o->owner) {
        const struct waiting *w = o->waiting;
        o->waiting = w->next;
        if (conflicts(w->mode, o->mode))
            return w->owner;
    }
    return NULL;
}

static struct waiting *waits_somewhere(const struct advisory_table *t, const struct presence *owner)
{
    struct waiting *w = t->waiting;
    while (w && w->owner != owner)
        w = w->next_of_all;
    return w;
}

/* Whether `owner` waits, over however many others, for `target`. Each waiter is looked at once. */
static bool waits_for(struct advisory_table *t, const struct presence *owner, const struct presence *target, int depth)
{
    struct waiting *w = depth < DEADLOCK_DEPTH ? waits_somewhere(t, owner) : NULL;
    if (!w || w->search == t->searches)
        return false;
    w->search = t->searches;
    struct obstacles o = obstacles_of(w->lock, owner, w->mode);
    for (const struct presence *p; (p = next_obstacle(&o));)
        if (p == target || waits_for(t, p, target, depth + 1))
            return true;
    return false;
}

static bool is_deadlock(struct advisory_table *t, struct advisory_lock *l, const struct presence *owner,
                        enum advisory_mode mode, uint32_t *ret_blocker)
{
    struct obstacles o = obstacles_of(l, owner, mode);
    t->searches++;
    for (const struct presence *p; (p = next_obstacle(&o));)
        if (waits_for(t, p, owner, 0)) {
            *ret_blocker = p->pid;
            return true;
        }
    return false;
}

/* ---- taking ---- */

static bool hold(struct advisory_table *t, struct advisory_lock *l, const struct presence *owner,
                 enum advisory_mode mode, enum advisory_scope scope)
{
    struct holding **at = holding_of(l, owner);
    if (!*at) {
        *at = fault_calloc(1, sizeof(**at));
        if (!*at)
            return false;
        (*at)->owner = owner;
    }
    t->taken++;
    if ((*at)->counts[scope][mode]++ == 0)
        (*at)->since[scope][mode] = t->taken;
    return true;
}

static void leave_queue(struct waiting **at)
{
    struct waiting *w = *at;
    if (!w)
        return;
    *at = w->next;
    *w->of_all = w->next_of_all;
    if (w->next_of_all)
        w->next_of_all->of_all = w->of_all;
    free(w);
}

/* Who begins to wait can close a circle; who waits already has been looked at. */
static enum advisory_outcome queue_up(struct advisory_table *t, struct advisory_lock *l, const struct presence *owner,
                                      enum advisory_mode mode, uint32_t *ret_blocker)
{
    struct waiting **at = waiting_of(l, owner);
    if (*at)
        return ADVISORY_BUSY;
    struct waiting *w = fault_calloc(1, sizeof(*w));
    if (!w)
        return ADVISORY_FULL;
    *w = (struct waiting){ .next_of_all = t->waiting, .of_all = &t->waiting, .lock = l, .owner = owner, .mode = mode };
    if (t->waiting)
        t->waiting->of_all = &w->next_of_all;
    t->waiting = *at = w;
    if (!is_deadlock(t, l, owner, mode, ret_blocker))
        return ADVISORY_BUSY;
    leave_queue(at);
    return ADVISORY_DEADLOCK;
}

static enum advisory_outcome take(struct advisory_table *t, struct advisory_lock *l, const struct presence *owner,
                                  enum advisory_mode mode, enum advisory_scope scope, bool wait, uint32_t *ret_blocker)
{
    struct obstacles o = obstacles_of(l, owner, mode);
    if (next_obstacle(&o))
        return wait ? queue_up(t, l, owner, mode, ret_blocker) : ADVISORY_BUSY;
    leave_queue(waiting_of(l, owner));
    return hold(t, l, owner, mode, scope) ? ADVISORY_GRANTED : ADVISORY_FULL;
}

enum advisory_outcome advisory_take(struct advisory_table *t, const struct presence *owner, struct advisory_key key,
                                    enum advisory_mode mode, enum advisory_scope scope, bool wait,
                                    uint32_t *ret_blocker)
{
    return advisory_take_named(t, owner, key, (struct str){ 0 }, mode, scope, wait, ret_blocker);
}

enum advisory_outcome advisory_take_named(struct advisory_table *t, const struct presence *owner,
                                          struct advisory_key key, struct str words, enum advisory_mode mode,
                                          enum advisory_scope scope, bool wait, uint32_t *ret_blocker)
{
    enum advisory_outcome outcome = ADVISORY_FULL;
    pthread_mutex_lock(&t->lock);
    struct advisory_lock *l = find_or_make(t, owner->database, &key, words);
    if (l) {
        outcome = take(t, l, owner, mode, scope, wait, ret_blocker);
        drop_if_idle(t, l);
    }
    pthread_mutex_unlock(&t->lock);
    return outcome;
}

/* ---- giving back ---- */

/* Those whose turn it is now. */
static void tell_queue(struct advisory_lock *l)
{
    for (const struct waiting *w = l->queue; w; w = w->next) {
        struct obstacles o = obstacles_of(l, w->owner, w->mode);
        if (!next_obstacle(&o))
            worker_post(w->owner->worker, MAIL_LOOK, w->owner->pid, (struct str){ 0 }, (struct str){ 0 });
    }
}

static void drop_holding_if_empty(struct holding **at)
{
    struct holding *h = *at;
    if (has_mode(h, ADVISORY_SHARE) || has_mode(h, ADVISORY_EXCLUSIVE))
        return;
    *at = h->next;
    free(h);
}

static bool give_back(struct advisory_table *t, const struct presence *owner, struct advisory_key key,
                      enum advisory_mode mode, enum advisory_scope scope)
{
    pthread_mutex_lock(&t->lock);
    struct advisory_lock *l = find(t, owner->database, &key);
    struct holding **at = l ? holding_of(l, owner) : NULL;
    bool held = at && *at && (*at)->counts[scope][mode];
    if (held) {
        (*at)->counts[scope][mode]--;
        drop_holding_if_empty(at);
        tell_queue(l);
        drop_if_idle(t, l);
    }
    pthread_mutex_unlock(&t->lock);
    return held;
}

bool advisory_release(struct advisory_table *t, const struct presence *owner, struct advisory_key key,
                      enum advisory_mode mode)
{
    return give_back(t, owner, key, mode, ADVISORY_OF_SESSION);
}

void advisory_give_back(struct advisory_table *t, const struct presence *owner, struct advisory_key key,
                        enum advisory_mode mode, enum advisory_scope scope)
{
    give_back(t, owner, key, mode, scope);
}

bool advisory_holds(struct advisory_table *t, const struct presence *owner, struct advisory_key key,
                    enum advisory_mode mode)
{
    pthread_mutex_lock(&t->lock);
    struct advisory_lock *l = find(t, owner->database, &key);
    struct holding *h = l ? *holding_of(l, owner) : NULL;
    bool holds = h && has_mode(h, mode);
    pthread_mutex_unlock(&t->lock);
    return holds;
}

uint64_t advisory_mark(const struct advisory_table *t)
{
    return t->taken;
}

static bool drop_since(struct holding *h, enum advisory_scope scope, uint64_t mark)
{
    bool any = false;
    for (int mode = 0; mode < MODES; mode++)
        if (h->counts[scope][mode] && h->since[scope][mode] > mark) {
            h->counts[scope][mode] = 0;
            any = true;
        }
    return any;
}

size_t advisory_release_since(struct advisory_table *t, const struct presence *owner, enum advisory_scope scope,
                              uint64_t mark)
{
    size_t n_rows = 0;
    pthread_mutex_lock(&t->lock);
    for (struct advisory_lock *l = t->locks, *next; l; l = next) {
        next = l->next;
        struct holding **at = holding_of(l, owner);
        if (!*at || !drop_since(*at, scope, mark))
            continue;
        drop_holding_if_empty(at);
        n_rows += l->key.kind == ADVISORY_ROW && !*holding_of(l, owner);
        tell_queue(l);
        drop_if_idle(t, l);
    }
    pthread_mutex_unlock(&t->lock);
    return n_rows;
}

void advisory_release_all(struct advisory_table *t, const struct presence *owner, enum advisory_scope scope)
{
    advisory_release_since(t, owner, scope, 0);
}

void advisory_stop_waiting(struct advisory_table *t, const struct presence *owner)
{
    pthread_mutex_lock(&t->lock);
    struct waiting *w = waits_somewhere(t, owner);
    if (w) {
        struct advisory_lock *l = w->lock;
        leave_queue(waiting_of(l, owner));
        tell_queue(l); /* those behind it may go now */
        drop_if_idle(t, l);
    }
    pthread_mutex_unlock(&t->lock);
}

/* ---- looking ---- */

static bool give_lock(const struct advisory_lock *l, bool (*each)(void *ctx, const struct advisory_entry *e), void *ctx)
{
    struct advisory_entry e = { .key = l->key, .database = l->database, .words = l->words, .granted = true };
    for (const struct holding *h = l->holdings; h; h = h->next)
        for (int mode = 0; mode < MODES; mode++) {
            e.pid = h->owner->pid;
            e.mode = (enum advisory_mode)mode;
            if (has_mode(h, e.mode) && !each(ctx, &e))
                return false;
        }
    e.granted = false;
    for (const struct waiting *w = l->queue; w; w = w->next) {
        e.pid = w->owner->pid;
        e.mode = w->mode;
        if (!each(ctx, &e))
            return false;
    }
    return true;
}

bool advisory_each(struct advisory_table *t, bool (*each)(void *ctx, const struct advisory_entry *e), void *ctx)
{
    bool ok = true;
    pthread_mutex_lock(&t->lock);
    for (const struct advisory_lock *l = t->locks; l && ok; l = l->next)
        ok = give_lock(l, each, ctx);
    pthread_mutex_unlock(&t->lock);
    return ok;
}
