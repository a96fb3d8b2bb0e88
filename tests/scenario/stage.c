/* stage.c - see stage.h. */
#include "stage.h"

#include <dirent.h>
#include <unistd.h>
#include "proxy/base/fault.h"
#include "sqlite3.h"

/* ---- a D1 in front of the scripted one: it answers requests for the schema ---- */

struct front {
    struct d1 base;
    struct stage *stage;
    struct d1 *behind;
    struct timer timer;
    struct d1_request *waiting;
};

static bool asks_schema(const struct d1_request *r)
{
    size_t n;
    const struct d1_statement *s = snapshot_statements(&n);
    return r->n_statements > 0 && str_eq(r->statements[0].sql, s[0].sql);
}

static struct value cell_of(sqlite3_stmt *statement, int i)
{
    if (sqlite3_column_type(statement, i) == SQLITE_INTEGER)
        return value_integer(sqlite3_column_int64(statement, i));
    if (sqlite3_column_type(statement, i) == SQLITE_NULL)
        return value_null();
    const char *p = (const char *)sqlite3_column_text(statement, i);
    return value_text((struct str){ p, (size_t)sqlite3_column_bytes(statement, i) });
}

static bool answer_one(struct front *f, struct d1_request *r, size_t at)
{
    sqlite3_stmt *statement;
    struct value cells[16];
    struct str sql = r->statements[at].sql;
    if (sqlite3_prepare_v2(f->stage->schema, sql.p, (int)sql.n, &statement, NULL) != SQLITE_OK)
        return false;
    while (sqlite3_step(statement) == SQLITE_ROW) {
        int n = sqlite3_column_count(statement);
        for (int i = 0; i < n; i++)
            cells[i] = cell_of(statement, i);
        r->on_row(r, at, cells, (size_t)n);
    }
    sqlite3_finalize(statement);
    return true;
}

static bool asks_error_text(const struct d1_request *r)
{
    return r->n_statements == 1 && str_is(r->statements[0].sql, "SELECT json_extract('{}', '>' || ?1) AS c0");
}

/* The probe's question (d1/probe.c): what was sent comes back in the error, whole or cut. */
static void answer_error_text(const struct front *f, struct d1_request *r)
{
    struct str sent = r->statements[0].params[0].bytes;
    struct buf text;
    buf_init(&text, 1 << 20);
    buf_add_str(&text, STR("bad JSON path: '>"));
    for (size_t i = 0; i < sent.n; i++) {
        if (sent.p[i] == '\'')
            buf_add_char(&text, '\'');
        buf_add_char(&text, sent.p[i]);
    }
    buf_add_str(&text, STR("': SQLITE_ERROR"));
    if (f->stage->cuts_errors)
        text.n = 100;
    r->error = (struct d1_error){ .kind = D1_ERROR_SQL, .message = arena_str(r->arena, buf_str(&text)) };
    buf_fini(&text);
    r->done(r);
}

static bool asks_atomicity(const struct d1_request *r)
{
    return str_find(r->statements[0].sql, STR("_pgd1_probe_atomic")) >= 0;
}

/* The probe's batch that must fail, whether its table is there, and DROP TABLE where it was. */
static void answer_atomicity(const struct front *f, struct d1_request *r)
{
    struct value left = value_text(f->stage->tears_batches ? STR("1") : STR("0"));
    if (r->n_statements == 2)
        r->error = (struct d1_error){ .kind = D1_ERROR_SQL, .message = STR("bad JSON path: '>': SQLITE_ERROR") };
    else if (r->access == D1_READ)
        r->on_row(r, 0, &left, 1);
    r->done(r);
}

static void answer_schema(struct timer *t)
{
    struct front *f = (struct front *)((char *)t - offsetof(struct front, timer));
    while (f->waiting) {
        struct d1_request *r = f->waiting;
        f->waiting = r->next;
        r->next = NULL;
        if (asks_error_text(r) && r->error.kind == D1_OK) {
            answer_error_text(f, r);
            continue;
        }
        if (asks_atomicity(r)) {
            if (r->error.kind == D1_OK)
                answer_atomicity(f, r);
            else
                r->done(r);
            continue;
        }
        f->stage->schema_reads++;
        r->round_trips = 1;
        for (size_t i = 0; i < r->n_statements && r->error.kind == D1_OK; i++)
            if (!answer_one(f, r, i))
                r->error = (struct d1_error){ .kind = D1_ERROR_SQL,
                                              .message = STR("no such table: _pgd1_catalog: SQLITE_ERROR") };
        r->done(r);
    }
}

static void front_submit(struct d1 *d, struct d1_request *r)
{
    struct front *f = (struct front *)d;
    if (!asks_schema(r) && !asks_error_text(r) && !asks_atomicity(r)) {
        d1_submit(f->behind, r);
        return;
    }
    r->next = f->waiting;
    f->waiting = r;
    worker_timer(f->stage->worker, &f->timer, f->stage->clock.now_us);
}

static void front_cancel(struct d1 *d, struct d1_request *r)
{
    struct front *f = (struct front *)d;
    for (struct d1_request *w = f->waiting; w; w = w->next)
        if (w == r) {
            r->error.kind = D1_ERROR_CANCELLED;
            return;
        }
    d1_cancel(f->behind, r);
}

static void front_resume(struct d1 *d, struct d1_request *r)
{
    d1_resume(((struct front *)d)->behind, r);
}

static void front_close(struct d1 *d)
{
    struct front *f = (struct front *)d;
    worker_timer_clear(f->stage->worker, &f->timer);
    for (struct d1_request *w = f->waiting; w; w = w->next)
        w->error.kind = D1_ERROR_CANCELLED;
    answer_schema(&f->timer);
    d1_close(f->behind);
    free(f);
}

static const struct d1_ops front_ops = { front_submit, front_cancel, front_resume, front_close };

static struct stage *open_stages; /* open_d1 has no context of its own but the app; tests are one thread */

static struct d1 *open_front(struct app *app, struct worker *w, const struct config *c,
                             const struct config_database *db, struct err *err)
{
    struct stage *st = open_stages;
    while (st->app != app)
        st = st->next;
    if (st->embedded)
        return app_open_transport(app, w, c, db, err);
    struct front *f = fault_calloc(1, sizeof(*f));
    if (!f) {
        err_oom(err);
        return NULL;
    }
    f->stage = st;
    f->timer.fire = answer_schema;
    f->behind = st->d1;
    f->behind->traits.in_process = st->in_process;
    f->base.ops = &front_ops;
    f->base.traits = f->behind->traits;
    return &f->base;
}

/* ---- the stage ---- */

bool stage_open(struct stage *st, struct str config_text, bool embedded, struct err *err)
{
    AUTO(arena) arena = arena_new(1 << 20);
    fake_clock_init(&st->clock);
    st->embedded = embedded;
    snprintf(st->folder, sizeof(st->folder), "scenario-XXXXXX");
    if (!mkdtemp(st->folder))
        return err_set(err, SQLSTATE_IO_ERROR, "no folder");
    struct str text = arena_printf(arena,
                                   "[databases]\napp = d1=embedded path=%s/app.db\n[pgd1]\nauth_type = trust\n"
                                   "schema_poll_interval = 0\n%.*s\n",
                                   st->folder, STR_FMT(config_text));
    struct config *config = config_parse(text, "./scenario.ini", true, err);
    st->app = config ? app_new(config, embedded ? NULL : &st->clock.clock, err) : NULL;
    if (!st->app)
        return false;
    st->next = open_stages;
    open_stages = st;
    st->app->open_d1 = open_front;
    if (!app_make_workers(st->app, 1, err))
        return false;
    st->worker = st->app->workers[0];
    st->d1 = embedded ? NULL : fake_open(NULL, &st->clock.clock, err);
    return embedded || (st->d1 && sqlite3_open(":memory:", &st->schema) == SQLITE_OK);
}

static void remove_folder(const char *folder)
{
    char path[400];
    DIR *d = opendir(folder);
    for (struct dirent *e; d && (e = readdir(d));) {
        snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
        unlink(path);
    }
    if (d)
        closedir(d);
    rmdir(folder);
}

static void leave_list(const struct stage *st)
{
    for (struct stage **at = &open_stages; *at; at = &(*at)->next)
        if (*at == st) {
            *at = st->next;
            return;
        }
}

void stage_close(struct stage *st)
{
    bool opened = st->worker && st->worker->databases;
    for (size_t i = 0; i < STAGE_CLIENTS; i++) {
        struct player *p = &st->players[i];
        if (p->session)
            session_abandon(p->session);
        p->session = NULL;
        buf_fini(&p->in);
        buf_fini(&p->out);
    }
    app_free(st->app);
    leave_list(st);
    if (!opened && st->d1)
        d1_close(st->d1);
    sqlite3_close(st->schema);
    remove_folder(st->folder);
}

/* ---- players ---- */

static void feed(struct player *p)
{
    if (p->inside)
        return;
    p->inside = true;
    while (p->session && !p->closed && p->out.n) {
        size_t used = session_input(p->session, buf_str(&p->out));
        memmove(p->out.p, p->out.p + used, p->out.n - used);
        p->out.n -= used;
        if (used == 0)
            break;
    }
    p->inside = false;
}

static void take_output(void *ctx)
{
    struct player *p = ctx;
    struct session *s = p->session;
    session_output_is_whole(s);
    buf_add(&p->in, s->out.p + s->sent, s->out.n - s->sent);
    s->sent = s->out.n = 0;
    worker_buf_give(s->worker, &s->out);
}

static void input_wanted(void *ctx)
{
    feed(ctx);
}

static void tls_wanted(void *ctx)
{
    (void)ctx;
}

static void end(void *ctx)
{
    struct player *p = ctx;
    take_output(p);
    p->closed = true;
}

static const struct session_io io = { take_output, input_wanted, tls_wanted, end };

void stage_connect(struct stage *st, struct player *p)
{
    struct session_peer peer = { .is_unix = true, .address = "[local]" };
    if (p->session)
        session_abandon(p->session);
    p->stage = st;
    p->closed = false;
    if (!p->in.cap) {
        buf_init(&p->in, 64 << 20);
        buf_init(&p->out, 64 << 20);
        buf_reserve(&p->in, 1 << 20); /* now: a test may make later allocations fail */
        buf_reserve(&p->out, 1 << 20);
    }
    buf_reset(&p->in);
    buf_reset(&p->out);
    p->seen = 0;
    p->session = session_new(st->worker, &io, p, &peer);
}

static bool is_busy(const struct stage *st)
{
    for (size_t i = 0; i < STAGE_CLIENTS; i++)
        if (st->players[i].session && st->players[i].session->state == SESSION_BUSY)
            return true;
    return false;
}

void stage_settle(struct stage *st)
{
    for (int i = 0; i < (st->embedded && is_busy(st) ? 4000 : 10); i++) {
        worker_turn(st->worker);
        if (st->d1)
            fake_turn(st->d1);
        for (size_t k = 0; k < STAGE_CLIENTS; k++) {
            struct player *p = &st->players[k];
            if (p->session && p->session->out.n > p->session->sent)
                take_output(p);
            if (p->session && p->closed) {
                session_abandon(p->session);
                p->session = NULL;
            }
        }
        if (st->embedded && is_busy(st))
            usleep(1000); /* the writer is a thread */
    }
}

void stage_send(struct stage *st, struct player *p, struct str bytes)
{
    for (size_t i = 0; i < bytes.n;) {
        size_t n = st->bytewise ? 1 : bytes.n;
        buf_add(&p->out, bytes.p + i, n);
        feed(p);
        if (p->session && p->session->out.n > p->session->sent)
            take_output(p);
        i += n;
    }
    stage_settle(st);
}
