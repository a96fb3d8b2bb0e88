/* lease.c - see lease.h. */
#include "proxy/lease.h"

#include <openssl/rand.h>
#include <stddef.h>
#include <stdio.h>
#include "proxy/base/fault.h"
#include "proxy/base/log.h"
#include "proxy/d1_error.h"
#include "proxy/database.h"
#include "proxy/session.h"
#include "proxy/session_call.h"

enum {
    ARENA_CAP = 1 << 20,
    FIRST_WAIT_US = 20000,
    DOUBLINGS = 5, /* of the wait: at most 640 ms */
    DROP_TRIES = 5,
    SECOND_US = 1000000,
    ASK_MEMBERS = 5,
    NAME_SIZE = 40,
};

struct lease {
    struct lease *next;
    struct database *database;
    struct session *session; /* NULL: nobody wants it any more */
    struct advisory_key key;
    enum advisory_mode mode;
    enum lease_state state;
    bool waits, in_flight, granted;
    unsigned attempts;
    uint64_t began_us, asked_us, next_us, until_us; /* until_us: so long it is certainly ours */
    struct d1_request request;
    struct d1_statement statements[ASK_MEMBERS];
    struct value params[5];
    struct arena *arena;
    char name[NAME_SIZE], owner[NAME_SIZE], key_text[NAME_SIZE], seconds[24];
};

/* Rows on their way out. */
struct lease_drop {
    struct lease_drop *next;
    struct database *database;
    struct session *session; /* NULL: nobody waits for it */
    bool is_done;
    unsigned attempts;
    struct d1_request request;
    struct d1_statement statement;
    struct value names;
    struct arena *arena;
};

struct lease_renewal {
    struct database *database;
    struct d1_request request;
    struct d1_statement statement;
    struct value params[2];
    struct arena *arena;
    uint64_t sent_us;
};

/* ---- SQL ---- */

#define CREATE_TABLE                                                                                                   \
    "CREATE TABLE IF NOT EXISTS _pgd1_advisory(ticket INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, key TEXT NOT "   \
    "NULL, owner TEXT NOT NULL, exclusive INTEGER NOT NULL, granted INTEGER NOT NULL, until INTEGER NOT NULL)"
#define FORGET_OLD "DELETE FROM _pgd1_advisory WHERE until <= unixepoch()"
#define STAND_IN_LINE                                                                                                  \
    "INSERT INTO _pgd1_advisory(name,key,owner,exclusive,granted,until) VALUES(?1,?2,?3,CAST(?4 AS INTEGER),0,"        \
    "unixepoch()+CAST(?5 AS INTEGER)) ON CONFLICT(name) DO UPDATE SET until=excluded.until"
/* In the way stand other sessions' rows of the same lock, where one of both is exclusive: those granted, and those that came before,
 * unless this session has got some of the lock already. */
#define GRANT                                                                                                          \
    "UPDATE _pgd1_advisory AS me SET granted=1 WHERE name=?1 AND (granted OR NOT EXISTS (SELECT 1 FROM "               \
    "_pgd1_advisory AS o WHERE o.key=me.key AND o.owner<>me.owner AND (o.exclusive OR me.exclusive) AND (o.granted "   \
    "OR (o.ticket<me.ticket AND NOT EXISTS (SELECT 1 FROM _pgd1_advisory AS mine WHERE mine.key=me.key AND "           \
    "mine.owner=me.owner AND mine.granted))))) RETURNING 1 AS c0"
#define LEAVE_LINE "DELETE FROM _pgd1_advisory WHERE name=?1 AND NOT granted"
#define DROP "DELETE FROM _pgd1_advisory WHERE name IN (SELECT value FROM json_each(?1))"
#define RENEW                                                                                                          \
    "UPDATE _pgd1_advisory SET until=unixepoch()+CAST(?2 AS INTEGER) WHERE name IN (SELECT value FROM "                \
    "json_each(?1)) AND until>unixepoch() RETURNING name AS c0"

/* ---- the list ---- */

static uint64_t lease_us(const struct database *db)
{
    return db->serving->config->advisory_lease_us;
}

/* D1 counts whole seconds: what it has just written holds one less at least. */
static uint64_t certain_until(const struct database *db, uint64_t sent_us)
{
    return sent_us + lease_us(db) - SECOND_US;
}

static void lease_free(struct lease *l)
{
    struct lease **at = &l->database->leases.list;
    while (*at != l)
        at = &(*at)->next;
    *at = l->next;
    arena_free(l->arena);
    free(l);
}

static void drop_free(struct lease_drop *d)
{
    struct lease_drop **at = &d->database->leases.drops;
    while (*at != d)
        at = &(*at)->next;
    *at = d->next;
    arena_free(d->arena);
    free(d);
}

static void renewal_free(struct lease_renewal *r)
{
    if (!r)
        return;
    r->database->leases.renewal = NULL;
    arena_free(r->arena);
    free(r);
}

void leases_close(struct database *db)
{
    db->leases.is_closing = true;
    worker_timer_clear(db->worker, &db->leases.timer);
}

void leases_fini(struct leases *ls)
{
    while (ls->list)
        lease_free(ls->list);
    while (ls->drops)
        drop_free(ls->drops);
    renewal_free(ls->renewal);
}

bool lease_is_wanted(const struct session *s)
{
    return s->database && s->serving->config->advisory_locks == CONFIG_ADVISORY_LOCKS_SHARED;
}

static bool same_key(struct advisory_key a, struct advisory_key b)
{
    return a.high == b.high && a.low == b.low && a.kind == b.kind;
}

struct lease *lease_find(const struct session *s, struct advisory_key key, enum advisory_mode mode)
{
    struct lease *l = s->database->leases.list;
    while (l && !(l->session == s && l->state == LEASE_HELD && l->mode == mode && same_key(l->key, key)))
        l = l->next;
    return l;
}

/* The names of rows as D1 is told them. {NULL,0}: no memory. */
static struct str add_name(struct str list, const char *name, struct arena *arena)
{
    return list.p ? arena_printf(arena, "%.*s,\"%s\"]", (int)list.n - 1, list.p, name)
                  : arena_printf(arena, "[\"%s\"]", name);
}

static void look_after(struct database *db);

/* ---- asking ---- */

static enum d1_flow on_granted(struct d1_request *r, size_t statement, const struct value *cells, size_t n)
{
    struct lease *l = r->user;
    (void)cells, (void)n;
    l->granted |= statement == 3;
    return D1_CONTINUE;
}

static bool is_worth_a_try(const struct d1_error *e)
{
    return e->kind != D1_ERROR_CANCELLED &&
           (e->may_have_run || e->kind == D1_ERROR_LOST || e->kind == D1_ERROR_UNREACHABLE ||
            e->kind == D1_ERROR_OVERLOADED || e->kind == D1_ERROR_DEADLINE);
}

static void note_answer(struct lease *l)
{
    struct database *db = l->database;
    uint64_t now = worker_now(db->worker);
    const struct d1_error *e = &l->request.error;
    unsigned doublings = l->attempts < DOUBLINGS ? l->attempts : DOUBLINGS;
    l->attempts++;
    l->next_us = now + ((uint64_t)FIRST_WAIT_US << doublings);
    if (e->kind != D1_OK) {
        bool again = is_worth_a_try(e) && now < l->began_us + db->serving->config->d1_timeout_us;
        l->state = again ? LEASE_UNHEARD : LEASE_FAILED;
        return;
    }
    l->began_us = now; /* D1 is there */
    l->state = l->granted ? LEASE_HELD : LEASE_BEHIND;
    l->until_us = certain_until(db, l->asked_us);
    if (l->granted)
        look_after(db);
}

static void drop_rows(struct database *db, struct session *s, struct str names, struct arena *arena,
                      struct lease_drop **ret);

static void drop_one(struct lease *l)
{
    struct arena *arena = arena_new(ARENA_CAP);
    struct str names = arena ? add_name((struct str){ 0 }, l->name, arena) : (struct str){ 0 };
    drop_rows(l->database, NULL, names, arena, NULL);
    lease_free(l);
}

static void asked(struct d1_request *r)
{
    struct lease *l = r->user;
    struct database *db = l->database;
    unsigned tries = GATE_TRIES; /* the wait between questions is ours */
    metric_add(&db->worker->metrics, METRIC_round_trips, r->round_trips);
    if (database_send_again(db, r, &tries, false))
        return;
    l->in_flight = false;
    if (!l->session) {
        drop_one(l);
        return;
    }
    note_answer(l);
    session_call_look(l->session);
}

static void send_question(struct lease *l)
{
    struct database *db = l->database;
    l->asked_us = worker_now(db->worker);
    l->granted = false;
    l->state = LEASE_ASKED;
    l->in_flight = true;
    arena_reset(l->arena);
    l->request = (struct d1_request){ .statements = l->statements,
                                      .n_statements = l->waits ? ASK_MEMBERS - 1 : ASK_MEMBERS,
                                      .access = D1_WRITE,
                                      .session = STR("first-primary"),
                                      .deadline_us = l->asked_us + db->serving->config->d1_timeout_us,
                                      .on_row = on_granted,
                                      .done = asked,
                                      .user = l,
                                      .arena = l->arena };
    database_submit(db, &l->request);
}

static bool draw_node(struct leases *ls)
{
    unsigned char random[8];
    if (ls->node[0])
        return true;
    if (RAND_bytes(random, sizeof(random)) != 1)
        return false;
    str_hex((struct str){ (const char *)random, sizeof(random) }, ls->node);
    return true;
}

static void write_question(struct lease *l)
{
    static const char *const texts[ASK_MEMBERS] = { CREATE_TABLE, FORGET_OLD, STAND_IN_LINE, GRANT, LEAVE_LINE };
    static const unsigned char params[ASK_MEMBERS] = { 0, 0, 5, 1, 1 };
    struct database *db = l->database;
    struct leases *ls = &db->leases;
    snprintf(l->name, sizeof(l->name), "%s/%llu", ls->node, (unsigned long long)++ls->made);
    snprintf(l->owner, sizeof(l->owner), "%s-%u", ls->node, l->session->presence.pid);
    snprintf(l->key_text, sizeof(l->key_text), "%u,%u,%u", l->key.high, l->key.low, l->key.kind);
    snprintf(l->seconds, sizeof(l->seconds), "%llu", (unsigned long long)(lease_us(db) / SECOND_US));
    const char *values[] = { l->name, l->key_text, l->owner, l->mode == ADVISORY_EXCLUSIVE ? "1" : "0", l->seconds };
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        l->params[i] = value_text(str_from(values[i]));
    for (size_t i = 0; i < ASK_MEMBERS; i++)
        l->statements[i] =
            (struct d1_statement){ .sql = str_from(texts[i]), .params = l->params, .n_params = params[i] };
}

struct lease *lease_ask(struct session *s, struct advisory_key key, enum advisory_mode mode, bool waits)
{
    struct database *db = s->database;
    struct lease *l = draw_node(&db->leases) ? fault_calloc(1, sizeof(*l)) : NULL;
    struct arena *arena = l ? arena_new(ARENA_CAP) : NULL;
    if (!arena) {
        free(l);
        return NULL;
    }
    *l = (struct lease){
        .next = db->leases.list, .database = db, .session = s, .key = key, .mode = mode, .waits = waits
    };
    l->arena = arena;
    l->began_us = worker_now(db->worker);
    db->leases.list = l;
    write_question(l);
    send_question(l);
    return l;
}

enum lease_state lease_state(const struct lease *l)
{
    return l->state;
}

struct advisory_key lease_key(const struct lease *l)
{
    return l->key;
}

enum advisory_mode lease_mode(const struct lease *l)
{
    return l->mode;
}

uint64_t lease_next_us(const struct lease *l)
{
    return l->next_us;
}

void lease_ask_again(struct lease *l)
{
    send_question(l);
}

void lease_fail(const struct lease *l, struct err *err)
{
    struct d1_asked asked = { .is_write = true, .d1_timeout_us = l->database->serving->config->d1_timeout_us };
    struct err said; /* D1's words end with the lease */
    err_init(&said, l->arena);
    d1_error_map(&l->request.error, &asked, &said);
    err_copy(err, &said);
}

void lease_give_up(struct lease *l)
{
    l->session = NULL;
    if (l->in_flight)
        return;                                /* when its answer has come */
    if (l->state == LEASE_BEHIND && !l->waits) /* it has left the line already */
        lease_free(l);
    else
        drop_one(l);
}

/* ---- giving back ---- */

static void dropped(struct d1_request *r)
{
    struct lease_drop *d = r->user;
    unsigned tries = 0;
    metric_add(&d->database->worker->metrics, METRIC_round_trips, r->round_trips);
    if (database_send_again(d->database, r, &tries, true))
        return;
    if (r->error.kind != D1_OK && is_worth_a_try(&r->error) && !d->database->leases.is_closing &&
        ++d->attempts < DROP_TRIES) {
        r->error = (struct d1_error){ 0 };
        database_submit(d->database, r);
        return;
    }
    if (r->error.kind != D1_OK) /* nobody renews it: it ends by itself */
        log_event(LOG_LEVEL_WARNING, "advisory_lease_not_returned", "database=%s", d->database->name);
    d->is_done = true;
    if (d->session)
        session_call_look(d->session);
    else
        drop_free(d);
}

/* Takes the arena. */
static void drop_rows(struct database *db, struct session *s, struct str names, struct arena *arena,
                      struct lease_drop **ret)
{
    struct lease_drop *d = names.p && !db->leases.is_closing ? fault_calloc(1, sizeof(*d)) : NULL;
    if (!d) { /* they end by themselves */
        arena_free(arena);
        return;
    }
    *d = (struct lease_drop){ .next = db->leases.drops, .database = db, .session = s, .arena = arena };
    d->names = value_text(names);
    d->statement = (struct d1_statement){ .sql = STR(DROP), .params = &d->names, .n_params = 1 };
    d->request = (struct d1_request){ .statements = &d->statement,
                                      .n_statements = 1,
                                      .access = D1_WRITE,
                                      .session = STR("first-primary"),
                                      .deadline_us = worker_now(db->worker) + lease_us(db),
                                      .done = dropped,
                                      .user = d,
                                      .arena = arena };
    db->leases.drops = d;
    if (ret)
        *ret = d;
    database_submit(db, &d->request);
}

struct lease_drop *lease_drop_unheld(struct session *s)
{
    struct database *db = s->database;
    struct advisory_table *table = &s->worker->app->advisory;
    struct lease_drop *d = NULL;
    struct arena *arena = NULL;
    struct str names = { 0 };
    for (struct lease *l = db ? db->leases.list : NULL, *next; l; l = next) {
        next = l->next;
        if (l->session != s || l->state != LEASE_HELD || advisory_holds(table, &s->presence, l->key, l->mode))
            continue;
        arena = arena ? arena : arena_new(ARENA_CAP);
        names = arena ? add_name(names, l->name, arena) : names;
        lease_free(l);
    }
    if (names.p)
        drop_rows(db, s, names, arena, &d);
    else
        arena_free(arena);
    return d;
}

bool lease_drop_is_done(struct lease_drop *d)
{
    bool done = d->is_done;
    if (done)
        drop_free(d);
    return done;
}

void lease_drop_forget(struct lease_drop *d)
{
    d->session = NULL;
    if (d->is_done)
        drop_free(d);
}

/* ---- keeping ---- */

/* The lock may be another's now: whoever relies on it must not go on. */
static void lose(struct lease *l)
{
    struct session *s = l->session;
    struct err err = { .code = SQLSTATE_CONNECTION_FAILURE,
                       .message = STR("terminating connection because an advisory lock could not be kept"),
                       .detail = STR("Its lease in D1 was not renewed in time."),
                       .hint = STR("Raise advisory_lease, or find out why D1 was away.") };
    log_event(LOG_LEVEL_WARNING, "advisory_lease_lost", "database=%s pid=%u", l->database->name, s->presence.pid);
    if (s->lease == l)
        s->lease = NULL;
    lease_free(l);
    session_fatal(s, &err);
}

static void lose_overdue(struct database *db)
{
    uint64_t now = worker_now(db->worker);
    struct lease *l = db->leases.list;
    while (l) {
        if (l->session && l->state == LEASE_HELD && now >= l->until_us) {
            lose(l);
            l = db->leases.list; /* others may have gone with it */
        } else
            l = l->next;
    }
}

static enum d1_flow on_renewed(struct d1_request *r, size_t statement, const struct value *cells, size_t n)
{
    struct lease_renewal *renewal = r->user;
    struct database *db = renewal->database;
    for (struct lease *l = db->leases.list; l && statement == 0 && n == 1; l = l->next)
        if (cells[0].class == VALUE_TEXT && str_is(cells[0].bytes, l->name) && l->state == LEASE_HELD)
            l->until_us = certain_until(db, renewal->sent_us);
    return D1_CONTINUE;
}

/* What it did not name keeps the time it has, and ends then. */
static void renewed(struct d1_request *r)
{
    struct lease_renewal *renewal = r->user;
    struct database *db = renewal->database;
    unsigned tries = GATE_TRIES;
    metric_add(&db->worker->metrics, METRIC_round_trips, r->round_trips);
    if (database_send_again(db, r, &tries, false))
        return;
    bool again = r->error.kind != D1_OK;
    renewal_free(renewal);
    db->leases.renew_us = worker_now(db->worker) + (again ? SECOND_US / 2 : lease_us(db) / 3);
    look_after(db);
}

static void renew(struct database *db)
{
    struct leases *ls = &db->leases;
    struct lease_renewal *r = fault_calloc(1, sizeof(*r));
    struct arena *arena = r ? arena_new(ARENA_CAP) : NULL;
    struct str names = { 0 }, seconds = { 0 };
    for (struct lease *l = ls->list; arena && l; l = l->next)
        if (l->session && l->state == LEASE_HELD)
            names = add_name(names, l->name, arena);
    if (names.p)
        seconds = arena_printf(arena, "%llu", (unsigned long long)(lease_us(db) / SECOND_US));
    ls->renew_us = worker_now(db->worker) + SECOND_US / 2;
    if (!seconds.p) {
        arena_free(arena);
        free(r);
        return;
    }
    *r = (struct lease_renewal){ .database = db, .arena = arena, .sent_us = worker_now(db->worker) };
    r->params[0] = value_text(names);
    r->params[1] = value_text(seconds);
    r->statement = (struct d1_statement){ .sql = STR(RENEW), .params = r->params, .n_params = 2 };
    r->request = (struct d1_request){ .statements = &r->statement,
                                      .n_statements = 1,
                                      .access = D1_WRITE,
                                      .session = STR("first-primary"),
                                      .deadline_us = r->sent_us + lease_us(db),
                                      .on_row = on_renewed,
                                      .done = renewed,
                                      .user = r,
                                      .arena = arena };
    ls->renewal = r;
    database_submit(db, &r->request);
}

static void on_timer(struct timer *t)
{
    struct database *db = (struct database *)((char *)t - offsetof(struct database, leases.timer));
    lose_overdue(db);
    if (!db->leases.renewal && worker_now(db->worker) >= db->leases.renew_us)
        renew(db);
    look_after(db);
}

/* The timer for the next renewal, or for the lease that ends first. */
static void look_after(struct database *db)
{
    struct leases *ls = &db->leases;
    uint64_t due = 0;
    for (const struct lease *l = ls->list; l; l = l->next)
        if (l->session && l->state == LEASE_HELD && (!due || l->until_us < due))
            due = l->until_us;
    if (!due || ls->is_closing) {
        ls->renew_us = 0;
        return;
    }
    if (!ls->renew_us)
        ls->renew_us = worker_now(db->worker) + lease_us(db) / 3;
    if (!ls->renewal && ls->renew_us < due)
        due = ls->renew_us;
    ls->timer.fire = on_timer;
    worker_timer(db->worker, &ls->timer, due);
}
