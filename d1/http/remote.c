/* remote.c - see remote.h. */
#include "d1/http/remote_format.h"

#include <inttypes.h>
#include "d1/http/http.h"
#include "d1/json_rows.h"
#include "proxy/base/fault.h"

enum {
    MAX_REQUEST_BYTES = 32 << 20, /* the gateway takes no more */
    MAX_FRAME_BYTES = 32 << 20,   /* an error's text carries a speculative batch's rows: up to 2 MB, in JSON, in JSON */
    MAX_ROW_BYTES = 64 << 20,
    MAX_PATH_BYTES = 1 << 10,
};

/* The drawing is in remote.h. ENDED: done() is due. */
enum call_state { CALL_WAITING, CALL_SENT, CALL_BACKOFF, CALL_ENDED };

struct remote {
    struct d1 d1;
    const struct remote_format *format;
    struct http_client *http;
    struct event_base *base;
    const struct clock *clock;
    struct str database;
    struct remote_options o;
    struct event *turn;                        /* starts what waits, goes on with what was resumed, runs done() */
    struct d1_request *waiting, **waiting_end; /* in order of arrival */
    struct d1_request *active;                 /* sent or backing off */
    struct d1_request *ended, **ended_end;
    bool closing;
    unsigned running; /* run_done() under way: d1_close() inside done() leaves freeing to it */
};

struct remote_call {
    struct remote *m;
    struct d1_request *r;
    enum call_state state;
    struct http_call http;
    struct buf body;
    struct buf path; /* of a request that travels */
    struct event *timer;
    struct d1_result *results;
    uint64_t wake_us; /* backing off: until then; else when the silence of the server has lasted too long */
    uint64_t max_bytes, bytes;
    /* the answer under way */
    struct json_rows rows;
    struct buf held;  /* bytes that came in one piece with the row at which the caller paused */
    size_t statement; /* that the result `result` belongs to */
    size_t result;
    bool is_count; /* the result is the count of `statement` */
    bool paused, answered /* HTTP is through */, gave_rows, drops_rows, resumed, cancelled;
    struct d1_error refusal; /* why on_body refused; kind D1_OK: it did not */
    struct d1_error former;  /* why the last attempt failed, while another is to come; kind D1_OK: this is the first */
};

/* ---- lists ---- */

static void link_last(struct d1_request ***end, struct d1_request *r)
{
    r->next = NULL;
    r->prev = *end;
    **end = r;
    *end = &r->next;
}

static void unlink_last(struct d1_request ***end, struct d1_request *r)
{
    *r->prev = r->next;
    if (r->next)
        r->next->prev = r->prev;
    else
        *end = r->prev;
}

static void link_active(struct remote *m, struct d1_request *r)
{
    r->next = m->active;
    r->prev = &m->active;
    if (r->next)
        r->next->prev = &r->next;
    m->active = r;
}

static void unlink_active(struct d1_request *r)
{
    *r->prev = r->next;
    if (r->next)
        r->next->prev = r->prev;
}

static void wake(struct remote *m)
{
    event_active(m->turn, EV_TIMEOUT, 0);
}

static uint64_t now_us(const struct remote *m)
{
    return clock_monotonic_us(m->clock);
}

/* ---- the end of a request ---- */

static struct d1_error error_make(enum d1_error_kind kind, struct str message)
{
    return (struct d1_error){ .kind = kind, .message = message };
}

static void count_end(struct remote *m, const struct d1_error *e)
{
    m->d1.counters.errors += e->kind != D1_OK;
    m->d1.counters.overloaded += e->kind == D1_ERROR_OVERLOADED;
    m->d1.counters.cancelled += e->kind == D1_ERROR_CANCELLED;
}

static void free_call(struct remote_call *c)
{
    if (c->timer)
        event_free(c->timer);
    json_rows_fini(&c->rows);
    buf_fini(&c->body);
    buf_fini(&c->path);
    buf_fini(&c->held);
    free(c);
}

/* Closes the transfer, if there is one, and answers whether D1 may have got the request. */
static bool stop_transfer(struct remote_call *c)
{
    if (c->state != CALL_SENT)
        return false;
    http_abort(&c->http);
    return c->http.sent;
}

static void leave_list(struct remote_call *c)
{
    struct remote *m = c->m;
    if (c->state == CALL_WAITING) {
        unlink_last(&m->waiting_end, c->r);
        m->d1.counters.queued--;
        return;
    }
    if (c->state == CALL_SENT) {
        stop_transfer(c);
        m->d1.counters.in_flight--;
    }
    unlink_active(c->r);
}

/* done() comes on a turn of the loop. The message is constant or in the request's arena. */
static void end_request(struct remote *m, struct d1_request *r, struct d1_error e)
{
    r->error = e;
    count_end(m, &e);
    link_last(&m->ended_end, r);
    wake(m);
}

static void end_call(struct remote_call *c, struct d1_error e)
{
    struct remote *m = c->m;
    struct d1_request *r = c->r;
    leave_list(c);
    if (r->access != D1_WRITE)
        e.may_have_run = false;
    e.message = arena_str(r->arena, e.message); /* it may be lent from the call */
    r->results = e.kind == D1_OK ? c->results : NULL;
    r->transport = NULL;
    free_call(c);
    end_request(m, r, e);
}

/* The same for an end that D1 did not tell: a write that was sent may have run. */
static void end_unsure(struct remote_call *c, enum d1_error_kind kind, struct str message)
{
    struct d1_error e = error_make(kind, message);
    e.may_have_run = stop_transfer(c);
    end_call(c, e);
}

/* ---- waiting again ---- */

static void arm_timer(struct remote_call *c)
{
    uint64_t at = c->paused ? 0 : c->wake_us, deadline = c->r->deadline_us, now = now_us(c->m);
    if (deadline && (!at || deadline < at))
        at = deadline;
    if (!at) {
        event_del(c->timer);
        return;
    }
    uint64_t left = at > now ? at - now : 0;
    struct timeval tv = { (time_t)(left / 1000000), (suseconds_t)(left % 1000000) };
    event_add(c->timer, &tv);
}

static void wait_for_place(struct remote_call *c)
{
    c->state = CALL_WAITING;
    c->wake_us = 0;
    link_last(&c->m->waiting_end, c->r);
    c->m->d1.counters.queued++;
    arm_timer(c);
    wake(c->m);
}

static bool back_off(struct remote_call *c, uint64_t retry_after_us)
{
    struct remote *m = c->m;
    uint64_t wait, now = now_us(m);
    if (c->r->access == D1_WRITE || c->gave_rows || c->cancelled || m->closing ||
        !retry_wait(&m->o.retry, c->r->round_trips, retry_after_us, now, c->r->deadline_us, arc4random(), &wait))
        return false;
    m->d1.counters.in_flight--;
    m->d1.counters.retries++;
    c->state = CALL_BACKOFF;
    c->wake_us = now + wait;
    arm_timer(c);
    return true;
}

static void fail_call(struct remote_call *c, struct retry_class class, struct str message, uint64_t retry_after_us)
{
    struct d1_error e = error_make(class.kind, message);
    e.may_have_run = class.ran;
    e.retry_after_us = class.kind == D1_ERROR_OVERLOADED ? retry_after_us : 0;
    if (class.transient && back_off(c, retry_after_us)) {
        e.message = arena_str(c->r->arena, message);
        c->former = e;
        return;
    }
    end_call(c, e);
}

/* ---- rows ---- */

/* Ends the reading of an answer: whatever it was, the request has run. */
static void refuse(struct remote_call *c, enum d1_error_kind kind, struct str message)
{
    c->refusal = error_make(kind, message);
    c->refusal.may_have_run = true;
}

/* Which statement the result belongs to: counts are results of their own with some formats. */
static bool place_result(struct remote_call *c)
{
    const struct d1_request *r = c->r;
    while (c->result < c->rows.result) {
        c->result++;
        bool count_follows = c->m->format->counts_are_results && !c->is_count && c->statement < r->n_statements &&
                             r->statements[c->statement].wants_changes;
        c->is_count = count_follows;
        c->statement += !count_follows;
    }
    return c->statement < r->n_statements;
}

static void count_cells(struct remote_call *c)
{
    for (size_t i = 0; i < c->rows.n_cells; i++) {
        const struct value *v = &c->rows.cells[i];
        if (v->class == VALUE_TEXT || v->class == VALUE_BLOB)
            c->bytes += v->bytes.n;
        else if (v->class != VALUE_NULL)
            c->bytes += 8;
    }
}

static void take_row(struct remote_call *c)
{
    struct d1_request *r = c->r;
    if (c->http.status / 100 != 2 || !place_result(c)) {
        refuse(c, D1_ERROR_LOST, STR("more results than statements"));
        return;
    }
    if (c->is_count) {
        if (c->rows.n_cells == 1 && c->rows.cells[0].class == VALUE_INTEGER)
            c->results[c->statement].changes = c->rows.cells[0].integer;
        else
            refuse(c, D1_ERROR_LOST, STR("a count that is no number"));
        return;
    }
    count_cells(c);
    if (c->bytes > c->max_bytes) {
        refuse(c, D1_ERROR_TOO_BIG, STR("the result is larger than max_result_bytes"));
        return;
    }
    c->m->d1.counters.rows++;
    if (!r->on_row || c->drops_rows)
        return;
    c->gave_rows = true;
    c->resumed = false;
    enum d1_flow flow = r->on_row(r, c->statement, c->rows.cells, c->rows.n_cells);
    bool is_harmless = r->access != D1_WRITE;
    if (is_harmless && (flow == D1_STOP || c->cancelled))
        refuse(c, D1_ERROR_CANCELLED, STR("cancelled"));
    c->drops_rows = flow == D1_STOP || c->cancelled;
    c->paused = flow == D1_PAUSE && !c->resumed;
}

static void refuse_malformed(struct remote_call *c)
{
    static const enum d1_error_kind kinds[] = { [JSON_ROWS_MALFORMED] = D1_ERROR_LOST,
                                                [JSON_ROWS_TOO_BIG] = D1_ERROR_TOO_BIG,
                                                [JSON_ROWS_NO_MEMORY] = D1_ERROR_INTERNAL };
    refuse(c, kinds[c->rows.fault], str_from(c->rows.reason));
}

/* Gives rows until the bytes are used up, the caller pauses, or something is wrong. */
static void take_bytes(struct remote_call *c, struct str *bytes)
{
    while (!c->paused && !c->refusal.kind) {
        switch (json_rows_feed(&c->rows, bytes)) {
        case JSON_ROWS_MORE:
            return;
        case JSON_ROWS_ROW:
            take_row(c);
            break;
        case JSON_ROWS_BAD:
            refuse_malformed(c);
            break;
        }
    }
}

static enum http_body on_body(struct http_call *h, struct str bytes)
{
    struct remote_call *c = h->user;
    if (c->paused)
        return HTTP_BODY_HELD;
    c->wake_us = now_us(c->m) + c->m->o.timeout_us; /* the timer reads it when it fires */
    if (!h->is_json)
        return HTTP_BODY_TAKEN; /* somebody else's page: only the status counts */
    take_bytes(c, &bytes);
    if (c->refusal.kind)
        return HTTP_BODY_REFUSED;
    if (c->paused)
        buf_add_str(&c->held, bytes);
    if (!c->held.failed)
        return HTTP_BODY_TAKEN;
    refuse(c, D1_ERROR_INTERNAL, STR("out of memory"));
    return HTTP_BODY_REFUSED;
}

/* ---- the answer is whole ---- */

static void explain_failure(struct remote_call *c, const cJSON *frame)
{
    char text[64];
    int code = 0;
    struct str message = { NULL, 0 };
    if (frame)
        c->m->format->explain(c->r, frame, &code, &message);
    struct retry_class class = retry_classify(c->http.status, code, message);
    if (!message.n) {
        snprintf(text, sizeof(text), "HTTP status %d%s", c->http.status,
                 c->http.status / 100 == 3 ? ": redirects are not followed" : "");
        message = str_from(text);
    }
    fail_call(c, class, message, c->http.retry_after_us);
}

/* Success, as far as the status tells. */
static void conclude_success(struct remote_call *c, const cJSON *frame)
{
    const char *reason = "the answer is not JSON";
    if (frame && c->m->format->finish(c->r, frame, c->results, &reason)) {
        end_call(c, error_make(D1_OK, (struct str){ NULL, 0 }));
        return;
    }
    int code = 0;
    struct str message = { NULL, 0 };
    if (frame)
        c->m->format->explain(c->r, frame, &code, &message);
    if (code || message.n)
        fail_call(c, retry_classify(c->http.status, code, message), message, c->http.retry_after_us);
    else
        fail_call(c, (struct retry_class){ D1_ERROR_LOST, true, true }, str_from(reason), 0);
}

static void conclude_answer(struct remote_call *c)
{
    struct str text = c->http.is_json ? json_rows_frame(&c->rows) : (struct str){ NULL, 0 };
    cJSON *frame = text.p && !c->rows.fault ? cJSON_ParseWithLength(text.p, text.n) : NULL;
    if (c->http.status / 100 == 2)
        conclude_success(c, frame);
    else
        explain_failure(c, frame);
    cJSON_Delete(frame);
}

static void conclude(struct remote_call *c)
{
    static const struct retry_class lost = { D1_ERROR_LOST, true, true };
    if (c->refusal.kind) {
        end_call(c, c->refusal);
        return;
    }
    switch (c->http.end) {
    case HTTP_ANSWERED:
        conclude_answer(c);
        return;
    case HTTP_UNREACHABLE:
        fail_call(c, (struct retry_class){ D1_ERROR_UNREACHABLE, true, false }, str_from(c->http.reason), 0);
        return;
    case HTTP_LOST:
    case HTTP_REFUSED:
        fail_call(c, lost, str_from(c->http.reason), 0);
        return;
    case HTTP_NO_MEMORY:
        end_unsure(c, D1_ERROR_INTERNAL, STR("out of memory"));
        return;
    }
}

static void on_http_end(struct http_call *h)
{
    struct remote_call *c = h->user;
    c->answered = true;
    if (!c->paused)
        conclude(c);
}

/* ---- sending ---- */

static bool prepare_answer(struct remote_call *c)
{
    struct remote *m = c->m;
    size_t max_row = c->max_bytes < MAX_ROW_BYTES / 8 ? (size_t)c->max_bytes * 6 + 65536 : MAX_ROW_BYTES;
    json_rows_fini(&c->rows);
    json_rows_init(&c->rows, m->format->rows_depth, max_row, MAX_FRAME_BYTES);
    buf_reset(&c->held);
    c->bytes = 0;
    c->statement = c->result = 0;
    c->is_count = c->paused = c->answered = c->resumed = false;
    c->refusal = error_make(D1_OK, (struct str){ NULL, 0 });
    c->results = ARENA_ARRAY(c->r->arena, struct d1_result, c->r->n_statements);
    return c->results;
}

/* At most, with every byte escaped. */
static uint64_t body_bytes(const struct d1_request *r)
{
    enum { ESCAPED = 6, NUMBER = 32, FRAME = 256 };
    uint64_t n = FRAME + ESCAPED * (r->session.n + r->identity.n);
    for (size_t i = 0; i < r->n_statements; i++) {
        const struct d1_statement *s = &r->statements[i];
        n += FRAME + ESCAPED * s->sql.n;
        for (size_t k = 0; k < s->n_params; k++)
            n += NUMBER + (s->params[k].class >= VALUE_TEXT ? ESCAPED * s->params[k].bytes.n : 0);
    }
    return n;
}

static bool write_path(struct remote_call *c)
{
    if (!c->path.n) {
        c->m->format->travel(c->r, &c->path);
        buf_add_char(&c->path, '\0');
    }
    return !c->path.failed;
}

static bool write_body(struct remote_call *c)
{
    if (c->body.n)
        return true; /* a repetition */
    if (c->r->travel != D1_STAY)
        return write_path(c);
    c->m->format->write(c->r, c->m->database, &c->body);
    return !c->body.failed;
}

static void send_call(struct remote_call *c)
{
    struct remote *m = c->m;
    struct d1_request *r = c->r;
    if (!write_body(c)) {
        bool is_big = body_bytes(r) > MAX_REQUEST_BYTES; /* else the system has no memory */
        end_call(c, is_big ? error_make(D1_ERROR_TOO_BIG, STR("the request is larger than 32 MiB"))
                           : error_make(D1_ERROR_INTERNAL, STR("out of memory")));
        return;
    }
    if (!prepare_answer(c)) {
        end_call(c, error_make(D1_ERROR_INTERNAL, STR("out of memory")));
        return;
    }
    leave_list(c);
    c->state = CALL_SENT;
    link_active(m, r);
    m->d1.counters.in_flight++;
    m->d1.counters.round_trips++;
    r->round_trips++;
    c->http = (struct http_call){ .body = buf_str(&c->body),
                                  .path = c->path.n ? c->path.p : NULL,
                                  .is_get = r->travel == D1_FIND_BOOKMARK,
                                  .repeatable = r->access != D1_WRITE,
                                  .on_body = on_body,
                                  .on_end = on_http_end,
                                  .user = c };
    c->wake_us = now_us(m) + m->o.timeout_us;
    arm_timer(c);
    http_start(m->http, &c->http);
}

/* ---- time ---- */

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct remote_call *c = arg;
    uint64_t now = now_us(c->m);
    if (c->r->deadline_us && now >= c->r->deadline_us) {
        if (c->former.kind != D1_OK && !stop_transfer(c)) /* what kept it from being asked again tells more */
            end_call(c, c->former);
        else
            end_unsure(c, D1_ERROR_DEADLINE, STR("no answer within the time given"));
        return;
    }
    bool due = !c->paused && c->wake_us && now >= c->wake_us;
    if (!due) {
        arm_timer(c);
        return;
    }
    if (c->state == CALL_BACKOFF) {
        unlink_active(c->r);
        wait_for_place(c);
        return;
    }
    bool sent = stop_transfer(c);
    struct retry_class class = { sent ? D1_ERROR_LOST : D1_ERROR_UNREACHABLE, true, sent };
    fail_call(c, class, STR("D1 did not answer in time"), 0);
}

/* ---- turns of the loop ---- */

static void go_on(struct remote_call *c)
{
    struct str bytes = buf_str(&c->held);
    c->resumed = c->paused = false;
    take_bytes(c, &bytes);
    size_t left = bytes.n;
    if (left)
        memmove(c->held.p, bytes.p, left);
    c->held.n = left;
    if (c->paused && !c->refusal.kind)
        return;
    if (c->refusal.kind || c->answered) {
        conclude(c);
        return;
    }
    c->wake_us = now_us(c->m) + c->m->o.timeout_us;
    arm_timer(c);
    http_resume(&c->http);
}

/* Cancelled and resumed requests. Each may end, so the walk starts anew after one was served. */
static bool serve_one(struct remote *m)
{
    for (struct d1_request *r = m->active; r; r = r->next) {
        struct remote_call *c = r->transport;
        if (c->cancelled && (r->access != D1_WRITE || c->state != CALL_SENT)) {
            end_call(c, error_make(D1_ERROR_CANCELLED, STR("cancelled")));
            return true;
        }
        c->drops_rows = c->drops_rows || c->cancelled;
        if (c->state == CALL_SENT && c->paused && (c->resumed || c->cancelled)) {
            go_on(c);
            return true;
        }
    }
    return false;
}

static void free_remote(struct remote *m)
{
    http_client_free(m->http);
    if (m->turn)
        event_free(m->turn);
    free((char *)m->database.p);
    free(m);
}

static void run_done(struct remote *m)
{
    m->running++;
    while (m->ended) {
        struct d1_request *r = m->ended;
        unlink_last(&m->ended_end, r);
        r->done(r);
    }
    if (--m->running == 0 && m->closing)
        free_remote(m);
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct remote *m = arg;
    while (serve_one(m))
        continue;
    while (m->waiting && m->d1.counters.in_flight < m->o.max_in_flight)
        send_call(m->waiting->transport);
    run_done(m);
}

/* ---- struct d1_ops ---- */

static struct remote_call *new_call(struct remote *m, struct d1_request *r)
{
    struct remote_call *c = fault_calloc(1, sizeof(*c));
    if (!c)
        return NULL;
    c->m = m;
    c->r = r;
    c->max_bytes = r->max_result_bytes ? r->max_result_bytes : m->o.max_result_bytes;
    buf_init(&c->body, MAX_REQUEST_BYTES);
    buf_init(&c->path, MAX_PATH_BYTES);
    buf_init(&c->held, MAX_ROW_BYTES);
    c->timer = evtimer_new(m->base, on_timer, c);
    if (c->timer)
        return c;
    free_call(c);
    return NULL;
}

static void remote_submit(struct d1 *d, struct d1_request *r)
{
    struct remote *m = (struct remote *)d;
    d->counters.requests++;
    d->counters.statements += r->n_statements;
    r->results = NULL;
    r->bookmark = r->previous = (struct str){ NULL, 0 };
    r->round_trips = 0;
    r->transport = NULL;
    if (r->travel != D1_STAY && !d->traits.time_travel) {
        end_request(m, r, error_make(D1_ERROR_SQL, STR("this way to D1 does not travel in time")));
        return;
    }
    if (m->closing) {
        end_request(m, r, error_make(D1_ERROR_CANCELLED, STR("the database is being closed")));
        return;
    }
    if (d->counters.queued >= m->o.max_queued) {
        end_request(m, r, error_make(D1_ERROR_OVERLOADED, STR("too many requests wait for D1")));
        return;
    }
    struct remote_call *c = new_call(m, r);
    if (!c) {
        end_request(m, r, error_make(D1_ERROR_INTERNAL, STR("out of memory")));
        return;
    }
    r->transport = c;
    wait_for_place(c);
}

static void remote_cancel(struct d1 *d, struct d1_request *r)
{
    struct remote *m = (struct remote *)d;
    struct remote_call *c = r->transport;
    if (!c)
        return;
    c->cancelled = true;
    if (c->state == CALL_WAITING)
        end_call(c, error_make(D1_ERROR_CANCELLED, STR("cancelled")));
    else
        wake(m);
}

static void remote_resume(struct d1 *d, struct d1_request *r)
{
    struct remote_call *c = r->transport;
    if (!c)
        return;
    c->resumed = true;
    wake((struct remote *)d);
}

static void remote_close(struct d1 *d)
{
    struct remote *m = (struct remote *)d;
    m->closing = true;
    while (m->waiting)
        end_call(m->waiting->transport, error_make(D1_ERROR_CANCELLED, STR("the database was closed")));
    while (m->active) {
        struct remote_call *c = m->active->transport;
        bool is_lost = m->active->access == D1_WRITE && stop_transfer(c);
        end_unsure(c, is_lost ? D1_ERROR_LOST : D1_ERROR_CANCELLED, STR("the database was closed"));
    }
    run_done(m);
}

static const struct d1_ops remote_ops = {
    .submit = remote_submit,
    .cancel = remote_cancel,
    .resume = remote_resume,
    .close = remote_close,
};

/* ---- opening ---- */

struct remote_options remote_options_default(void)
{
    return (struct remote_options){
        .max_connections = 8,
        .max_in_flight = 32,
        .max_queued = 1024,
        .connect_timeout_us = 5 * 1000000,
        .timeout_us = 40 * 1000000,
        .max_result_bytes = UINT64_C(64) << 20,
        .retry = retry_policy_default(),
    };
}

struct d1 *remote_open(const struct remote_format *format, struct str url, struct str database,
                       const struct remote_options *o, struct event_base *base, const struct clock *clock,
                       struct err *err)
{
    struct remote *m = fault_calloc(1, sizeof(*m));
    if (!m) {
        err_oom(err);
        return NULL;
    }
    m->d1 = (struct d1){ .ops = &remote_ops, .traits = format->traits };
    m->format = format;
    m->base = base;
    m->clock = clock;
    m->o = *o;
    m->o.token = m->o.ca_file = (struct str){ NULL, 0 }; /* http.c has its copies */
    m->waiting_end = &m->waiting;
    m->ended_end = &m->ended;
    m->turn = event_new(base, -1, 0, on_turn, m);
    m->database = (struct str){ strndup(database.p ? database.p : "", database.n), database.n };
    if (!m->turn || !m->database.p) {
        err_oom(err);
        free_remote(m);
        return NULL;
    }
    struct http_options http = { url, o->token, o->ca_file, o->insecure, o->max_connections, o->connect_timeout_us };
    m->http = http_client_new(&http, base, err);
    if (m->http)
        return &m->d1;
    free_remote(m);
    return NULL;
}

uint64_t remote_count(const cJSON *object, const char *key)
{
    double v = cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(object, key));
    return v > 0 && v < 9007199254740992.0 ? (uint64_t)v : 0;
}
