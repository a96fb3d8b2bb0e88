/* migration_travel.c - see migration_travel.h. */
#include "proxy/migration_private.h"

#include <stdlib.h>
#include "proxy/base/fault.h"
#include "proxy/base/log.h"
#include "proxy/d1_error.h"
#include "proxy/database.h"

enum {
    STATEMENTS_MAX = 4,
    PARAMS_MAX = 8,
    ARENA_CAP = 8 << 20,
    RESTORE_US = 300 * 1000000, /* a large file is copied */
    DOUBT_PAUSE_US = 500 * 1000,
    DOUBT_MAX_US = 100 * 1000000, /* another may take the lease then */
};
_Static_assert(DOUBT_MAX_US < MIGRATE_LEASE_S * 1000000, "the lease is ours as long as its row is looked for");

enum journey_step { STEP_FIND, STEP_PREPARE, STEP_RESTORE, STEP_DOUBT, STEP_LOOK, STEP_CLEAN };

struct journey {
    struct journey *next, **prev; /* of the database */
    struct d1_request request;
    struct arena *arena;
    struct database *database;
    struct migration *migration; /* NULL: nobody waits for it */
    void (*then)(struct migration *m);
    enum journey_step at;
    struct d1_statement statements[STATEMENTS_MAX];
    struct value params[PARAMS_MAX];
    size_t n_params;
    unsigned tries;
    struct timer timer; /* before the next look */
    bool is_waiting;    /* for it */
    uint64_t until_us;  /* how long is looked */
    /* what is known */
    struct str holder, former; /* of the lease: from PREPARE on, and before */
    struct str bookmark, previous;
    struct str clock, ids; /* D1's, in seconds, and ids of writes as JSON, at PREPARE; empty ids: there are none */
    bool carries;          /* there is a table of ids */
    bool has_row, has_lease_table, no_memory;
    bool is_known_failure; /* of a migration: */
    struct str name, hash, chunks, user, failure;
};

static void go(struct journey *j);

/* ---- the end ---- */

static void journey_free(struct journey *j)
{
    worker_timer_clear(j->database->worker, &j->timer);
    *j->prev = j->next;
    if (j->next)
        j->next->prev = j->prev;
    arena_free(j->arena);
    free(j);
}

static struct str kept(struct migration *m, struct str s)
{
    return s.n ? arena_str(m->arena, s) : (struct str){ 0 };
}

static void finish(struct journey *j, enum travel_end end, const struct err *err, struct str left)
{
    struct migration *m = j->migration;
    void (*then)(struct migration * m) = j->then;
    if (m) {
        m->journey = NULL;
        if (j->former.n && !m->travel.passed)
            memcpy(m->holder, j->former.p, j->former.n);
        m->travel.end = end;
        m->travel.bookmark = kept(m, j->bookmark);
        m->travel.previous = kept(m, j->previous);
        m->travel.left = kept(m, left);
        err_init(&m->travel.error, m->arena);
        if (err)
            err_copy(&m->travel.error, err);
        if (end == TRAVEL_DONE && !m->travel.bookmark.p)
            err_oom(&m->travel.error);
    }
    journey_free(j);
    if (m)
        then(m);
}

static void fail(struct journey *j, const char *what)
{
    const struct d1_error *e = &j->request.error;
    struct d1_asked asked = { .is_write = j->request.access == D1_WRITE };
    struct err err;
    err_init(&err, j->arena);
    if (e->kind == D1_ERROR_SQL && j->request.travel != D1_STAY) {
        err_set(&err, SQLSTATE_OBJECT_NOT_IN_PREREQUISITE_STATE, "%s: %.*s", what, STR_FMT(e->message));
    } else {
        d1_error_map(e, &asked, &err);
        err_detail(&err, "%s.", what);
    }
    finish(j, TRAVEL_FAILED, &err, STR(""));
}

/* ---- one request ---- */

static struct value *param(struct journey *j, struct str text)
{
    struct value *v = &j->params[j->n_params++];
    *v = text.p ? value_text(text) : value_null();
    return v;
}

static void add(struct journey *j, struct str sql, const struct value *params, size_t n)
{
    j->statements[j->request.n_statements++] = (struct d1_statement){ .sql = sql, .params = params, .n_params = n };
}

static void begin_request(struct journey *j, enum journey_step at, enum d1_access access)
{
    uint64_t timeout = j->database->serving->config->d1_timeout_us;
    bool copies = j->database->d1->traits.in_process && (at == STEP_FIND || at == STEP_RESTORE);
    if (copies && timeout < RESTORE_US)
        timeout = RESTORE_US;
    j->at = at;
    j->tries = 0;
    j->n_params = 0;
    j->has_row = false;
    j->request = (struct d1_request){ .statements = j->statements,
                                      .access = access,
                                      .session = STR("first-primary"),
                                      .deadline_us = worker_now(j->database->worker) + timeout,
                                      .on_row = j->request.on_row,
                                      .done = j->request.done,
                                      .user = j,
                                      .arena = j->arena };
}

static void ask_prepare(struct journey *j)
{
    begin_request(j, STEP_PREPARE, D1_WRITE);
    struct value *holders = param(j, j->former);
    param(j, j->holder);
    add(j, migrate_lease_pass(), holders, 2);
    if (j->carries)
        add(j, resolution_recent(), NULL, 0);
}

static void ask_restore(struct journey *j)
{
    begin_request(j, STEP_RESTORE, D1_WRITE);
    j->request.travel = D1_RESTORE;
    j->request.to_bookmark = j->bookmark;
}

static void ask_doubt(struct journey *j)
{
    begin_request(j, STEP_DOUBT, D1_READ);
    add(j, migrate_lease_is_held(), param(j, j->holder), 1);
}

static void ask_look(struct journey *j)
{
    begin_request(j, STEP_LOOK, D1_READ);
    add(j, STR("SELECT name AS c0 FROM sqlite_schema WHERE name IN ('_pgd1_migration_lease','_pgd1_txn')"), NULL, 0);
}

/* Each may be done twice. */
static void ask_clean(struct journey *j)
{
    begin_request(j, STEP_CLEAN, D1_WRITE);
    if (j->has_lease_table)
        add(j, migrate_lease_forget(), param(j, j->clock), 1);
    if (j->ids.n) {
        resolution_refence(param(j, j->ids), &j->statements[j->request.n_statements]);
        j->request.n_statements += RESOLUTION_REFENCE_MEMBERS;
    }
    if (!j->is_known_failure)
        return;
    struct value *failed = param(j, j->name);
    param(j, j->hash);
    param(j, j->chunks);
    param(j, j->user);
    param(j, j->failure);
    add(j, migrate_journal_failed(), failed, 5);
}

/* ---- answers ---- */

static enum d1_flow on_row(struct d1_request *r, size_t statement, const struct value *cells, size_t n)
{
    struct journey *j = r->user;
    struct str text = n && cells[0].class == VALUE_TEXT ? arena_str(j->arena, cells[0].bytes) : STR("");
    j->has_row = true;
    j->no_memory |= !text.p;
    if (!text.p)
        return D1_CONTINUE; /* a write is not stopped by it */
    if (j->at == STEP_PREPARE && statement == 0)
        j->clock = text;
    else if (j->at == STEP_PREPARE)
        j->ids = str_is(text, "[]") ? STR("") : text;
    j->has_lease_table |= j->at == STEP_LOOK && str_is(text, "_pgd1_migration_lease");
    return D1_CONTINUE;
}

static void found(struct journey *j)
{
    j->bookmark = j->request.bookmark;
    if (j->request.error.kind == D1_OK)
        finish(j, TRAVEL_DONE, NULL, STR(""));
    else
        fail(j, "the bookmark could not be had");
}

static void prepared(struct journey *j)
{
    struct err err;
    if (j->request.error.kind != D1_OK) {
        fail(j, "nothing was restored");
        return;
    }
    if ((j->clock.n || j->no_memory) && j->migration)
        j->migration->travel.passed = true;
    if (j->clock.n && !j->no_memory) {
        ask_restore(j);
        go(j);
        return;
    }
    err_init(&err, j->arena);
    if (j->no_memory)
        err_oom(&err);
    err_set(&err, SQLSTATE_OBJECT_IN_USE, "migrations of this database are being run by somebody else");
    finish(j, TRAVEL_FAILED, &err, STR(""));
}

static void look_after(struct journey *j)
{
    ask_look(j);
    go(j);
}

static void doubt(struct journey *j)
{
    ask_doubt(j);
    go(j);
}

static void restored(struct journey *j)
{
    const struct d1_request *r = &j->request;
    log_event(LOG_LEVEL_WARNING, "database_restore", "database=%s bookmark=%.*s done=%s", j->database->name,
              STR_FMT(j->bookmark),
              r->error.kind == D1_OK  ? "yes"
              : r->error.may_have_run ? "unknown"
                                      : "no");
    if (r->error.kind == D1_OK || r->error.may_have_run)
        database_restored(j->database);
    if (r->error.kind == D1_OK) {
        j->previous = r->previous;
        schema_saw_bookmark(j->database->schema, r->bookmark);
        look_after(j);
    } else if (r->error.may_have_run) {
        uint64_t time = j->database->serving->config->commit_resolution_timeout_us;
        j->until_us = worker_now(j->database->worker) + (time < DOUBT_MAX_US ? time : DOUBT_MAX_US);
        doubt(j);
    } else {
        fail(j, "nothing was restored");
    }
}

static void look_again(struct timer *t)
{
    struct journey *j = (struct journey *)((char *)t - offsetof(struct journey, timer));
    j->is_waiting = false;
    doubt(j);
}

/* A restore that is still on its way may arrive at any time: what is not gone yet is looked for again. */
static void doubted(struct journey *j)
{
    const struct d1_error *e = &j->request.error;
    uint64_t now = worker_now(j->database->worker);
    bool no_table = e->kind == D1_ERROR_SQL && str_starts(e->message, STR("no such table: "));
    if (no_table || (e->kind == D1_OK && !j->has_row)) {
        database_restored(j->database);
        look_after(j);
    } else if (now >= j->until_us) {
        finish(j, TRAVEL_UNKNOWN, NULL, STR(""));
    } else {
        j->timer.fire = look_again;
        j->is_waiting = true;
        worker_timer(j->database->worker, &j->timer, now + DOUBT_PAUSE_US);
    }
}

static void looked(struct journey *j)
{
    if (j->request.error.kind != D1_OK) {
        finish(j, TRAVEL_DONE, NULL, j->request.error.message);
        return;
    }
    ask_clean(j);
    if (j->request.n_statements)
        go(j);
    else
        finish(j, TRAVEL_DONE, NULL, STR(""));
}

static void cleaned(struct journey *j)
{
    finish(j, TRAVEL_DONE, NULL, j->request.error.kind == D1_OK ? STR("") : j->request.error.message);
}

static void on_done(struct d1_request *r)
{
    static void (*const answers[])(struct journey * j) = { found, prepared, restored, doubted, looked, cleaned };
    struct journey *j = r->user;
    metric_add(&j->database->worker->metrics, METRIC_round_trips, r->round_trips);
    if (j->database->leases.is_closing) {
        journey_free(j); /* nobody is there any more */
        return;
    }
    if (!database_send_again(j->database, r, &j->tries, true))
        answers[j->at](j);
}

static void go(struct journey *j)
{
    database_submit(j->database, &j->request);
}

/* ---- beginning ---- */

static struct journey *journey_new(struct migration *m, void (*then)(struct migration *m))
{
    struct journey *j = fault_calloc(1, sizeof(*j));
    struct arena *arena = j ? arena_new(ARENA_CAP) : NULL;
    if (!arena) {
        free(j);
        return NULL;
    }
    j->arena = arena;
    j->database = m->session->database;
    j->migration = m;
    j->then = then;
    j->request.on_row = on_row;
    j->request.done = on_done;
    j->next = j->database->journeys;
    j->prev = &j->database->journeys;
    if (j->next)
        j->next->prev = &j->next;
    j->database->journeys = j;
    return j;
}

static void start(struct migration *m, struct journey *j)
{
    m->journey = j;
    m->travel = (struct travel_result){ .end = TRAVEL_NONE };
    go(j);
}

bool migration_find(struct migration *m, int64_t at_us, void (*then)(struct migration *m))
{
    struct journey *j = journey_new(m, then);
    if (!j)
        return err_oom(m->err);
    begin_request(j, STEP_FIND, D1_READ);
    j->request.travel = D1_FIND_BOOKMARK;
    j->request.at_us = at_us;
    start(m, j);
    return true;
}

static bool copy(struct journey *j, struct str from, struct str *to)
{
    *to = arena_str(j->arena, from);
    return to->p || !from.n;
}

static bool copy_failure(struct journey *j, const struct migration *m, const struct err *failure)
{
    const struct pending *p = &m->pending[m->at];
    j->is_known_failure = true;
    return copy(j, p->entry->name, &j->name) && copy(j, p->entry->file->hash, &j->hash) &&
           copy(j, arena_printf(j->arena, "%zu", p->text.n_up), &j->chunks) &&
           copy(j, str_from(m->session->user), &j->user) && copy(j, failure->message, &j->failure);
}

bool migration_go_back(struct migration *m, struct str bookmark, const struct err *failure,
                       void (*then)(struct migration *m))
{
    struct journey *j = journey_new(m, then);
    const struct snapshot *schema = m->session->database->snapshot;
    bool ok = j && copy(j, str_from(m->holder), &j->former) && copy(j, bookmark, &j->bookmark) &&
              (!failure || copy_failure(j, m, failure));
    if (ok && migration_draw_holder(m) && copy(j, str_from(m->holder), &j->holder)) {
        j->carries = !j->database->d1->traits.in_process && schema && migration_has_table(schema, STR("_pgd1_txn"));
        ask_prepare(j);
        start(m, j);
        return true;
    }
    if (j)
        journey_free(j);
    return err_oom(m->err);
}

void migration_travels_close(struct database *db)
{
    for (struct journey *j = db->journeys, *next; j; j = next) {
        next = j->next;
        j->migration = NULL;
        if (j->is_waiting)
            journey_free(j);
    }
}

void migration_travel_forget(struct migration *m)
{
    if (m->journey)
        m->journey->migration = NULL;
    m->journey = NULL;
}
