/* fake.c - see fake.h. */
#include "d1/fake/fake.h"

#include <fnmatch.h>
#include "d1/fake/fake_script.h"
#include "proxy/base/buf.h"
#include "proxy/base/fault.h"

enum { MAX_LOG_BYTES = 16 << 20, MAX_CELLS = 200 };

struct fake {
    struct d1 d1;
    struct event_base *base;
    const struct clock *clock;
    struct event *turn; /* NULL without event_base */
    struct fake_step *script, **script_end, *used;
    struct d1_request *waiting, **waiting_end; /* in order of arrival */
    struct buf log, mismatch;
};

struct fake_call {
    struct fake *f;
    struct d1_request *r;
    const struct fake_step *step; /* NULL: none fitted */
    uint64_t due_us;              /* UINT64_MAX: never */
    bool cancelled, paused, drops_rows, stopped, released;
    /* the next row to give */
    size_t statement;
    int row;
};

/* ---- lists and time ---- */

static void link_last(struct fake *f, struct d1_request *r)
{
    r->next = NULL;
    r->prev = f->waiting_end;
    *f->waiting_end = r;
    f->waiting_end = &r->next;
}

static void unlink_request(struct fake *f, struct d1_request *r)
{
    *r->prev = r->next;
    if (r->next)
        r->next->prev = r->prev;
    else
        f->waiting_end = r->prev;
}

static uint64_t earliest(const struct d1_request *r)
{
    const struct fake_call *c = r->transport;
    uint64_t due = c->paused && !c->cancelled ? UINT64_MAX : c->due_us;
    return r->deadline_us && r->deadline_us < due ? r->deadline_us : due;
}

uint64_t fake_next_us(const struct d1 *d)
{
    const struct fake *f = (const struct fake *)d;
    uint64_t next = UINT64_MAX;
    for (const struct d1_request *r = f->waiting; r; r = r->next)
        next = earliest(r) < next ? earliest(r) : next;
    return next == UINT64_MAX ? 0 : next;
}

/* With a loop: the next turn comes when something is due. On a fake clock that may be too early, which does no harm. */
static void wake(struct fake *f)
{
    uint64_t next = fake_next_us(&f->d1), now = clock_monotonic_us(f->clock);
    if (!f->turn || !next)
        return;
    uint64_t left = next > now ? next - now : 0;
    struct timeval tv = { (time_t)(left / 1000000), (suseconds_t)(left % 1000000) };
    event_add(f->turn, &tv);
}

/* ---- what arrives ---- */

static void describe_travel(const struct d1_request *r, struct buf *out)
{
    buf_add_str(out, r->travel == D1_RESTORE ? STR("restore ") : STR("find bookmark of "));
    if (r->to_bookmark.n)
        buf_add_str(out, r->to_bookmark);
    else if (r->at_us)
        buf_printf(out, "%lld", (long long)r->at_us);
    else
        buf_add_str(out, STR("now"));
}

static bool describe(const struct d1_request *r, struct buf *out)
{
    if (r->travel != D1_STAY)
        describe_travel(r, out);
    for (size_t i = 0; i < r->n_statements; i++) {
        if (i)
            buf_add_str(out, STR("; "));
        buf_add_str(out, r->statements[i].sql);
    }
    buf_add_char(out, '\0');
    return !out->failed;
}

static void log_request(struct fake *f, const struct d1_request *r, const char *text)
{
    buf_printf(&f->log, "%s %zu session='%.*s' identity='%.*s' %s\n", r->access == D1_READ ? "read" : "write",
               r->n_statements, STR_FMT(r->session), STR_FMT(r->identity), text);
}

static bool matches(const char *pattern, const char *text)
{
    return !pattern || fnmatch(pattern, text, 0) == 0;
}

static bool is_expected(const struct fake_step *s, const struct d1_request *r, const char *text)
{
    const char *identity = arena_cstr(r->arena, r->identity);
    return (!s->wants_read || r->access == D1_READ) && (!s->wants_write || r->access != D1_READ) &&
           (!s->n_statements || s->n_statements == r->n_statements) && matches(s->pattern, text) &&
           (!s->session || str_is(r->session, s->session)) && identity && matches(s->identity, identity);
}

static void tell_mismatch(struct fake *f, const struct fake_step *s, const struct d1_request *r, const char *text)
{
    if (f->mismatch.n)
        return; /* the first one explains the rest */
    buf_printf(&f->mismatch, "%s of %zu statements came: %s; ", r->access == D1_READ ? "a read" : "a write",
               r->n_statements, text);
    if (!s)
        buf_add_str(&f->mismatch, STR("the script is at its end"));
    else
        buf_printf(&f->mismatch, "expected was%s%s, %zu statements (0: any), text '%s', session '%s'",
                   s->wants_read ? " a read" : "", s->wants_write ? " a write" : "", s->n_statements,
                   s->pattern ? s->pattern : "*", s->session ? s->session : "*");
}

static const struct fake_step *take_step(struct fake *f, const struct d1_request *r, const char *text)
{
    struct fake_step *s = f->script;
    if (!s || !is_expected(s, r, text)) {
        tell_mismatch(f, s, r, text);
        return NULL;
    }
    if (--s->times == 0) {
        f->script = s->next;
        if (!f->script)
            f->script_end = &f->script;
        s->next = f->used;
        f->used = s;
    }
    return s;
}

static const struct fake_step *arrive(struct fake *f, const struct d1_request *r)
{
    struct buf text;
    buf_init(&text, MAX_LOG_BYTES);
    const struct fake_step *s = NULL;
    if (describe(r, &text)) {
        log_request(f, r, text.p);
        s = take_step(f, r, text.p);
    }
    buf_fini(&text);
    return s;
}

/* ---- the answer ---- */

static const cJSON *result_of(const struct fake_call *c, size_t statement)
{
    return cJSON_GetArrayItem(c->step->results, (int)statement);
}

static const cJSON *rows_of(const struct fake_call *c, size_t statement)
{
    if (c->step->results)
        return cJSON_GetObjectItemCaseSensitive(result_of(c, statement), "rows");
    return statement + 1 == c->r->n_statements ? c->step->rows : NULL;
}

static void give_row(struct fake_call *c, const cJSON *row)
{
    struct d1_request *r = c->r;
    struct value cells[MAX_CELLS];
    size_t n = 0;
    const cJSON *cell;
    cJSON_ArrayForEach(cell, row)
    {
        if (n == MAX_CELLS || !fake_cell(cell, r->arena, &cells[n++]))
            buf_add_str(&c->f->mismatch, STR("a cell of the script is none"));
    }
    c->f->d1.counters.rows++;
    if (!r->on_row || c->drops_rows)
        return;
    enum d1_flow flow = r->on_row(r, c->statement, cells, n);
    c->paused = flow == D1_PAUSE;
    c->stopped = flow == D1_STOP && r->access != D1_WRITE;
    c->drops_rows = flow == D1_STOP;
}

/* False when the caller paused or stopped: rows are left. */
static bool give_rows(struct fake_call *c)
{
    for (; c->statement < c->r->n_statements; c->statement++, c->row = 0) {
        const cJSON *rows = rows_of(c, c->statement), *row;
        while (!c->paused && !c->stopped && (row = cJSON_GetArrayItem(rows, c->row))) {
            c->row++;
            give_row(c, row);
        }
        if (c->paused || c->stopped)
            return false;
    }
    return true;
}

static struct d1_result *make_results(const struct fake_call *c)
{
    struct d1_request *r = c->r;
    struct d1_result *results = ARENA_ARRAY(r->arena, struct d1_result, r->n_statements);
    int counted = 0;
    for (size_t i = 0; results && i < r->n_statements; i++) {
        const cJSON *n = NULL;
        if (c->step->results)
            n = cJSON_GetObjectItemCaseSensitive(result_of(c, i), "changes");
        else if (r->statements[i].wants_changes)
            n = cJSON_GetArrayItem(c->step->changes, counted++);
        results[i].changes = cJSON_IsNumber(n) ? (int64_t)n->valuedouble : 0;
    }
    return results;
}

static void finish(struct fake_call *c, struct d1_error e)
{
    struct fake *f = c->f;
    struct d1_request *r = c->r;
    e.may_have_run = e.may_have_run && r->access == D1_WRITE;
    e.message = arena_str(r->arena, e.message);
    r->error = e;
    f->d1.counters.errors += e.kind != D1_OK;
    f->d1.counters.overloaded += e.kind == D1_ERROR_OVERLOADED;
    f->d1.counters.cancelled += e.kind == D1_ERROR_CANCELLED;
    f->d1.counters.in_flight--;
    unlink_request(f, r);
    r->transport = NULL;
    free(c);
    r->done(r);
}

static void finish_as(struct fake_call *c, enum d1_error_kind kind, const char *message)
{
    finish(c, (struct d1_error){ .kind = kind, .message = str_from(message), .may_have_run = true });
}

static void answer(struct fake_call *c)
{
    const struct fake_step *s = c->step;
    struct d1_request *r = c->r;
    if (!s) {
        finish(c, (struct d1_error){ .kind = D1_ERROR_INTERNAL,
                                     .message = STR("the script of the fake D1 does not expect this request") });
        return;
    }
    if (s->kind == D1_OK && !give_rows(c)) {
        if (c->stopped)
            finish_as(c, D1_ERROR_CANCELLED, "cancelled");
        return;
    }
    if (s->bookmark)
        r->bookmark = arena_str(r->arena, str_from(s->bookmark));
    if (s->previous)
        r->previous = arena_str(r->arena, str_from(s->previous));
    if (s->kind == D1_OK || s->failed)
        r->results = make_results(c);
    finish(c, (struct d1_error){ .kind = s->kind,
                                 .message = str_from(s->message ? s->message
                                                     : s->kind  ? "scripted"
                                                                : NULL),
                                 .may_have_run = s->may_have_run,
                                 .retry_after_us = s->retry_after_us,
                                 .failed = s->failed });
}

/* One request whose time has come, in order of time; false when there is none. */
static bool serve_one(struct fake *f)
{
    uint64_t now = clock_monotonic_us(f->clock), first = UINT64_MAX;
    struct d1_request *due = NULL;
    for (struct d1_request *r = f->waiting; r; r = r->next) {
        if (earliest(r) <= now && earliest(r) < first) {
            first = earliest(r);
            due = r;
        }
    }
    if (!due)
        return false;
    struct fake_call *c = due->transport;
    bool can_cancel = c->cancelled && due->access != D1_WRITE;
    if (can_cancel)
        finish_as(c, D1_ERROR_CANCELLED, "cancelled");
    else if (due->deadline_us && due->deadline_us <= now && c->due_us > due->deadline_us)
        finish_as(c, D1_ERROR_DEADLINE, "no answer within the time given");
    else if (c->released)
        finish_as(c, D1_ERROR_LOST, "scripted");
    else
        answer(c);
    return true;
}

size_t fake_turn(struct d1 *d)
{
    struct fake *f = (struct fake *)d;
    uint64_t before = f->d1.counters.in_flight, requests = f->d1.counters.requests;
    while (serve_one(f))
        continue;
    wake(f);
    return (size_t)(before + (f->d1.counters.requests - requests) - f->d1.counters.in_flight);
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    fake_turn(arg);
}

/* ---- struct d1_ops ---- */

static void fake_submit(struct d1 *d, struct d1_request *r)
{
    struct fake *f = (struct fake *)d;
    struct fake_call *c = calloc(1, sizeof(*c)); /* its own memory is not what tests make fail */
    r->results = NULL;
    r->bookmark = r->previous = (struct str){ NULL, 0 };
    r->round_trips = 1;
    r->transport = c;
    d->counters.requests++;
    d->counters.round_trips++;
    d->counters.statements += r->n_statements;
    d->counters.in_flight++;
    if (!c)
        abort(); /* only tests come here */
    *c = (struct fake_call){ .f = f, .r = r, .step = arrive(f, r), .due_us = clock_monotonic_us(f->clock) };
    if (c->step)
        c->due_us = c->step->never ? UINT64_MAX : c->due_us + c->step->after_us;
    link_last(f, r);
    wake(f);
}

static void fake_cancel(struct d1 *d, struct d1_request *r)
{
    struct fake_call *c = r->transport;
    if (!c)
        return;
    c->cancelled = c->drops_rows = true;
    c->paused = false; /* a write was sent, as far as anyone can tell: it goes on without its rows */
    if (r->access != D1_WRITE)
        c->due_us = 0;
    wake((struct fake *)d);
}

static void fake_resume(struct d1 *d, struct d1_request *r)
{
    struct fake_call *c = r->transport;
    if (!c)
        return;
    c->paused = false;
    wake((struct fake *)d);
}

static void fake_close(struct d1 *d)
{
    struct fake *f = (struct fake *)d;
    while (f->waiting) {
        struct fake_call *c = f->waiting->transport;
        finish_as(c, c->r->access == D1_WRITE ? D1_ERROR_LOST : D1_ERROR_CANCELLED, "the database was closed");
    }
    for (struct fake_step *s = f->script, *next; s; s = next) {
        next = s->next;
        fake_step_free(s);
    }
    for (struct fake_step *s = f->used, *next; s; s = next) {
        next = s->next;
        fake_step_free(s);
    }
    if (f->turn)
        event_free(f->turn);
    buf_fini(&f->log);
    buf_fini(&f->mismatch);
    free(f);
}

/* ---- the script's side ---- */

struct d1 *fake_open(struct event_base *base, const struct clock *clock, struct err *err)
{
    static const struct d1_ops ops = { fake_submit, fake_cancel, fake_resume, fake_close };
    struct fake *f = fault_calloc(1, sizeof(*f));
    if (!f) {
        err_oom(err);
        return NULL;
    }
    f->d1 = (struct d1){ .ops = &ops,
                         .traits = { .name = "fake",
                                     .native_values = true,
                                     .bookmarks = true,
                                     .time_travel = true,
                                     .max_statement_bytes = 100000,
                                     .max_params = 100 } };
    f->base = base;
    f->clock = clock;
    f->script_end = &f->script;
    f->waiting_end = &f->waiting;
    buf_init(&f->log, MAX_LOG_BYTES);
    buf_init(&f->mismatch, MAX_LOG_BYTES);
    f->turn = base ? evtimer_new(base, on_turn, f) : NULL;
    if (!base || f->turn)
        return &f->d1;
    fake_close(&f->d1);
    err_oom(err);
    return NULL;
}

bool fake_line(struct d1 *d, struct str line, struct err *err)
{
    struct fake *f = (struct fake *)d;
    struct fake_step *s = fake_step_parse(line, err);
    if (!s)
        return false;
    *f->script_end = s;
    f->script_end = &s->next;
    return true;
}

void fake_release(struct d1 *d)
{
    struct fake *f = (struct fake *)d;
    for (struct d1_request *r = f->waiting; r; r = r->next) {
        struct fake_call *c = r->transport;
        c->released = c->step && c->step->never;
        if (c->released)
            c->due_us = 0;
    }
    wake(f);
}

bool fake_check(struct d1 *d, struct err *err)
{
    struct fake *f = (struct fake *)d;
    if (f->mismatch.n)
        return err_set(err, SQLSTATE_INTERNAL_ERROR, "%.*s", STR_FMT(buf_str(&f->mismatch)));
    if (f->script)
        return err_set(err, SQLSTATE_INTERNAL_ERROR, "a request never came: text '%s'",
                       f->script->pattern ? f->script->pattern : "*");
    return true;
}

struct str fake_log(const struct d1 *d)
{
    return buf_str(&((const struct fake *)d)->log);
}
