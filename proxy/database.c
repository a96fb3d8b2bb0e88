/* database.c - see database.h. */
#include "proxy/database.h"

#include "proxy/base/fault.h"
#include "proxy/base/log.h"
#include "proxy/d1_error.h"
#include "proxy/migration_travel.h"
#include "proxy/session.h"

enum { BROKEN_READS_MAX = 5, PROBE_BYTES_WANTED = 100000, PROBE_TEXTS = 2, PROBE_ARENA_CAP = 10 << 20 };

/* One reading of the schema. */
struct schema_read {
    struct d1_request request;
    struct database *database;
    struct arena *arena;
    struct snapshot_reader *reader;
    uint64_t began_us, seen;
    bool with_side_catalog, has_rows;
    unsigned tries;
};

/* ---- opening ---- */

static bool same_source(const struct config_database *a, const struct config_database *b)
{
    return a->transport == b->transport && strcmp(a->path, b->path) == 0 && strcmp(a->url, b->url) == 0 &&
           strcmp(a->binding, b->binding) == 0 && strcmp(a->account, b->account) == 0 &&
           strcmp(a->database, b->database) == 0 && str_eq(a->token, b->token);
}

/* After a reload the same name may mean another database; an unchanged one is kept. */
static bool still_means(struct database *db, const struct config_database *now, struct arena *arena)
{
    struct config_database then;
    struct err ignored;
    err_init(&ignored, arena);
    return config_database_find(db->serving->config, str_from(db->name), arena, &then, &ignored) &&
           same_source(&then, now);
}

/* Where the data is, whatever the name: sessions that reach one database by two names share its schema. */
static struct str schema_key(const struct config_database *c, struct arena *arena)
{
    return arena_printf(arena, "%d|%s|%s|%s|%s|%s", (int)c->transport, c->path, c->url, c->binding, c->account,
                        c->database);
}

static void tell_no_memory(struct timer *t);

static struct database *database_new(struct worker *w, struct serving *serving, struct str name,
                                     const struct config_database *c, struct err *err)
{
    struct database *db = fault_calloc(1, sizeof(*db));
    char *copy = fault_malloc(name.n + 1);
    if (!db || !copy) {
        free(db);
        free(copy);
        err_oom(err);
        return NULL;
    }
    memcpy(copy, name.p, name.n);
    copy[name.n] = 0;
    *db = (struct database){ .worker = w, .name = copy, .no_memory.fire = tell_no_memory };
    struct str key = schema_key(c, w->scratch);
    db->schema = key.p ? schemas_get(&w->app->schemas, key) : NULL;
    db->d1 = db->schema ? w->app->open_d1(w->app, w, serving->config, c, err) : NULL;
    if (!db->d1) {
        err_oom(err);
        free(copy);
        free(db);
        return NULL;
    }
    db->serving = serving_ref(serving);
    gate_init(&db->gate, w, db->d1, db->name, &db->schema->overloaded_until_us);
    db->next = w->databases;
    w->databases = db;
    return db;
}

struct database *database_open(struct worker *w, struct serving *serving, struct str name, struct err *err)
{
    struct config_database c;
    if (!config_database_find(serving->config, name, w->scratch, &c, err))
        return NULL;
    for (struct database *db = w->databases; db; db = db->next)
        if (str_is(name, db->name) && (db->serving == serving || still_means(db, &c, w->scratch)))
            return db;
    return database_new(w, serving, name, &c, err);
}

static void read_free(struct schema_read *r)
{
    snapshot_reader_free(r->reader);
    arena_free(r->arena);
    free(r);
}

void databases_close(struct worker *w)
{
    while (w->databases) {
        struct database *db = w->databases;
        w->databases = db->next;
        worker_timer_clear(w, &db->no_memory);
        leases_close(db);
        migration_travels_close(db);
        gate_fini(&db->gate);
        d1_close(db->d1); /* its done() callbacks run inside */
        leases_fini(&db->leases);
        arena_free(db->probe_arena);
        if (db->reading)
            read_free(db->reading);
        snapshot_unref(db->snapshot);
        serving_unref(db->serving);
        free(db->name);
        free(db);
    }
}

/* ---- schema ---- */

static void take_newest(struct database *db)
{
    snapshot_unref(db->snapshot);
    db->snapshot = schema_current(db->schema, &db->snapshot_us, &db->generation);
}

static enum d1_flow read_row(struct d1_request *request, size_t statement, const struct value *cells, size_t n)
{
    struct schema_read *r = request->user;
    r->has_rows = true;
    return snapshot_reader_row(r->reader, statement, cells, n) ? D1_CONTINUE : D1_STOP;
}

static void read_start(struct database *db, bool with_side_catalog);

static void wake_waiting(struct database *db, const struct err *err)
{
    struct session *s = db->waiting;
    if (!err && db->probe_arena)
        return; /* the probe's end wakes them */
    db->waiting = NULL;
    while (s) {
        struct session *next = s->wait_next;
        s->wait_next = NULL;
        session_schema_read(s, err);
        s = next;
    }
}

static void read_finish(struct database *db, struct schema_read *r)
{
    struct d1_asked asked = { .d1_timeout_us = db->serving->config->d1_timeout_us };
    struct err err;
    err_init(&err, r->arena);
    struct snapshot *snapshot = NULL;
    if (r->request.error.kind == D1_OK) {
        snapshot = snapshot_reader_finish(r->reader, &err);
        if (snapshot && snapshot->has_side_catalog &&
            !r->with_side_catalog) { /* the guess was wrong: types are missing */
            snapshot_unref(snapshot);
            read_free(r);
            read_start(db, true);
            return;
        }
        if (snapshot)
            schema_publish(db->schema, snapshot, r->began_us, r->seen, false);
        snapshot_unref(snapshot);
        take_newest(db);
    } else
        d1_error_map(&r->request.error, &asked, &err);
    if (err_is_set(&err))
        log_event(LOG_LEVEL_WARNING, "schema_read_failed", "database=%s sqlstate=%s", db->name,
                  sqlstate_code(err.code));
    wake_waiting(db, err_is_set(&err) ? &err : NULL);
    read_free(r);
}

static void read_done(struct d1_request *request)
{
    struct schema_read *r = request->user;
    struct database *db = r->database;
    metric_add(&db->worker->metrics, METRIC_round_trips, request->round_trips);
    if (database_send_again(db, request, &r->tries, true))
        return;
    db->reading = NULL;
    if (request->error.kind == D1_ERROR_LOST && r->has_rows && db->broken_reads++ < BROKEN_READS_MAX) {
        bool with_side_catalog = r->with_side_catalog; /* the transport repeats no read whose rows it has given */
        read_free(r);
        read_start(db, with_side_catalog);
        return;
    }
    db->broken_reads = 0;
    if (request->error.kind == D1_ERROR_SQL && r->with_side_catalog) { /* most databases have no side catalogue */
        read_free(r);
        read_start(db, false);
        return;
    }
    read_finish(db, r);
}

/* ---- what D1 can do ---- */

enum error_texts database_error_texts(const struct database *db)
{
    if (db->d1->traits.in_process)
        return ERROR_TEXTS_WHOLE;
    return (enum error_texts)atomic_load_explicit(&db->schema->error_texts, memory_order_relaxed);
}

bool database_tears_batches(const struct database *db)
{
    return atomic_load_explicit(&db->schema->tears_batches, memory_order_relaxed);
}

static void probe_done(struct probe *p)
{
    struct database *db = p->user;
    const struct probe_result *r = &p->result;
    metric_add(&db->worker->metrics, METRIC_round_trips, r->round_trips);
    if (r->error_texts == PROBE_TEXTS) {
        bool whole = r->error_text_faithful && r->error_text_bytes >= PROBE_BYTES_WANTED;
        atomic_store_explicit(&db->schema->error_texts, whole ? ERROR_TEXTS_WHOLE : ERROR_TEXTS_CUT,
                              memory_order_relaxed);
        if (!whole)
            log_event(LOG_LEVEL_WARNING, "d1_error_texts_cut", "database=%s whole_bytes=%zu", db->name,
                      r->error_text_bytes);
    }
    if (r->batch_is_torn) {
        atomic_store_explicit(&db->schema->tears_batches, true, memory_order_relaxed);
        log_event(LOG_LEVEL_ERROR, "d1_batches_not_atomic", "database=%s", db->name);
    }
    arena_free(db->probe_arena);
    db->probe_arena = NULL;
    if (!db->reading && db->snapshot)
        wake_waiting(db, NULL);
}

/* Along with a schema: a block that begins behind it knows the answer. */
static void probe_transactions(struct database *db)
{
    bool overloaded = db->gate.state != GATE_OPEN; /* with the next schema */
    if (db->probe_arena || overloaded || database_error_texts(db) != ERROR_TEXTS_UNKNOWN)
        return;
    uint64_t deadline = worker_now(db->worker) + db->serving->config->d1_timeout_us;
    db->probe_arena = arena_new(PROBE_ARENA_CAP);
    db->probe = (struct probe){ .done = probe_done, .user = db };
    if (db->probe_arena && probe_start(&db->probe, db->d1, PROBE_TRANSACTIONS, deadline, db->probe_arena))
        return;
    arena_free(db->probe_arena);
    db->probe_arena = NULL;
}

static void tell_no_memory(struct timer *t)
{
    struct database *db = (struct database *)((char *)t - offsetof(struct database, no_memory));
    struct err err;
    err_init(&err, db->worker->scratch);
    err_oom(&err);
    wake_waiting(db, &err);
}

/* Not now: whoever asks has not begun to wait. */
static void read_fail(struct database *db)
{
    worker_timer(db->worker, &db->no_memory, worker_now(db->worker));
}

static void read_start(struct database *db, bool with_side_catalog)
{
    struct schema_read *r = fault_calloc(1, sizeof(*r));
    if (r) {
        r->arena = arena_new(WORKER_ARENA_CAP);
        r->reader = snapshot_reader_new();
    }
    if (!r || !r->arena || !r->reader) {
        if (r)
            read_free(r);
        read_fail(db);
        return;
    }
    r->database = db;
    r->with_side_catalog = with_side_catalog;
    r->began_us = worker_now(db->worker);
    r->seen = atomic_load_explicit(&db->schema->generation, memory_order_acquire);
    r->request = (struct d1_request){
        .access = D1_READ,
        .on_row = read_row,
        .done = read_done,
        .user = r,
        .arena = r->arena,
        .session = STR("first-primary"),
        .deadline_us = r->began_us + db->serving->config->d1_timeout_us,
    };
    r->request.statements = snapshot_statements_for(with_side_catalog, &r->request.n_statements);
    db->reading = r;
    probe_transactions(db);
    metric_add(&db->worker->metrics, METRIC_schema_reads, 1);
    database_submit(db, &r->request);
}

/* The first guess is what the last schema had; a wrong guess costs a second request, once. */
static void read_again(struct database *db)
{
    if (!db->reading)
        read_start(db, db->snapshot && db->snapshot->has_side_catalog);
}

struct snapshot *database_snapshot(struct database *db)
{
    if (db->generation != atomic_load_explicit(&db->schema->generation, memory_order_acquire))
        take_newest(db);
    uint64_t interval = db->serving->config->schema_poll_interval_us;
    if (db->snapshot && interval && !db->reading && worker_now(db->worker) - db->snapshot_us > interval)
        read_again(db);
    return db->snapshot;
}

void database_wait_schema(struct database *db, struct session *s, uint64_t since_us)
{
    s->wait_next = db->waiting;
    db->waiting = s;
    if (db->reading && db->reading->began_us >= since_us)
        return;
    if (db->reading) /* began too early: the read that follows it answers this session too */
        db->reading->began_us = 0;
    else
        read_again(db);
}

void database_forget_waiter(struct database *db, struct session *s)
{
    for (struct session **at = &db->waiting; *at; at = &(*at)->wait_next)
        if (*at == s) {
            *at = s->wait_next;
            s->wait_next = NULL;
            return;
        }
}

void database_schema_changed(struct database *db, struct snapshot *snapshot, uint64_t seen)
{
    schema_publish(db->schema, snapshot, worker_now(db->worker), seen, true);
    snapshot_unref(snapshot);
    take_newest(db);
}

void database_schema_suspect(struct database *db)
{
    schema_suspect(db->schema);
    take_newest(db);
}

void database_restored(struct database *db)
{
    schema_restored(db->schema);
    take_newest(db);
}

/* ---- requests ---- */

static size_t max_queue(const struct database *db)
{
    return db->serving->config->d1_max_queue;
}

void database_submit(struct database *db, struct d1_request *r)
{
    metric_add(&db->worker->metrics, METRIC_d1_batches, 1);
    metric_add(&db->worker->metrics, METRIC_d1_statements, r->n_statements);
    gate_submit(&db->gate, r, max_queue(db));
}

bool database_send_again(struct database *db, struct d1_request *r, unsigned *tries, bool is_wanted)
{
    return gate_done(&db->gate, r, tries, is_wanted, max_queue(db));
}

void database_cancel(struct database *db, struct d1_request *r)
{
    if (!gate_cancel(&db->gate, r))
        d1_cancel(db->d1, r);
}
