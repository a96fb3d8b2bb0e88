/*
 * d1_run.c - runs requests through a remote transport for the tests beside it.
 *
 *     PGD1_TOKEN=… d1_run gateway URL BINDING          PGD1_TOKEN=… d1_run rest BASE_URL ACCOUNT DATABASE
 *
 * Each line of standard input is a request or a list of requests that are under way together; each line of output is the
 * answer, or the list of answers.
 *     {"access":"read","session":"…","deadline_ms":0,"max_result_bytes":0,"pause_every":0,"cancel_after_rows":0,
 *      "cancel_after_ms":0,"statements":[{"sql":"…","params":[…],"changes":true}]}
 *     {"kind":"ok","results":[{"rows":[[…]],"changes":1,"rows_read":0}],"bookmark":"…","round_trips":1}
 *     {"kind":"sql","message":"…","may_have_run":false,"retry_after_us":0,…}
 * Values: null, "text", {"i":"64-bit integer"}, {"r":"double"}, {"b":"hex"}.
 */
#include <inttypes.h>
#include "d1/gateway/gateway.h"
#include "d1/rest/rest.h"
#include "d1/probe.h"
#include <cjson/cJSON.h>

static const char *const kinds[] = {
    [D1_OK] = "ok",
    [D1_ERROR_SQL] = "sql",
    [D1_ERROR_OVERLOADED] = "overloaded",
    [D1_ERROR_LOST] = "lost",
    [D1_ERROR_UNREACHABLE] = "unreachable",
    [D1_ERROR_AUTH] = "auth",
    [D1_ERROR_TOO_BIG] = "too big",
    [D1_ERROR_CANCELLED] = "cancelled",
    [D1_ERROR_DEADLINE] = "deadline",
    [D1_ERROR_INTERNAL] = "internal",
};

struct run {
    struct d1 *d1;
    struct event_base *base;
    struct arena *arena;
    size_t left;
};

struct request {
    struct d1_request r;
    struct run *run;
    cJSON *rows; /* one list per statement */
    size_t n_rows, pause_every, cancel_after_rows;
    struct event *timer;
    bool is_over;
};

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "d1_run: %s\n", what);
    exit(2);
}

/* ---- values ---- */

static const char *member_text(const cJSON *object, const char *name)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
}

static uint64_t member_number(const cJSON *object, const char *name)
{
    double v = cJSON_GetNumberValue(cJSON_GetObjectItemCaseSensitive(object, name));
    return v > 0 ? (uint64_t)v : 0;
}

static struct str copy(struct arena *a, const char *s)
{
    return s ? arena_str(a, str_from(s)) : (struct str){ NULL, 0 };
}

static struct str unhex(struct arena *a, const char *s)
{
    size_t n = strlen(s) / 2;
    char *p = arena_alloc(a, n + 1);
    for (size_t i = 0; i < n; i++)
        p[i] = (char)strtoul((char[]){ s[2 * i], s[2 * i + 1], 0 }, NULL, 16);
    return (struct str){ p, n };
}

static struct value value_read(struct arena *a, const cJSON *v)
{
    if (cJSON_IsNull(v))
        return value_null();
    if (cJSON_IsString(v))
        return value_text(copy(a, v->valuestring));
    if (member_text(v, "i"))
        return value_integer(strtoll(member_text(v, "i"), NULL, 10));
    if (member_text(v, "r"))
        return value_real(strtod(member_text(v, "r"), NULL));
    if (member_text(v, "b"))
        return value_blob(unhex(a, member_text(v, "b")));
    die("a value is none of ours");
}

static cJSON *tagged(const char *tag, const char *text)
{
    cJSON *o = cJSON_CreateObject();
    cJSON_AddStringToObject(o, tag, text);
    return o;
}

static cJSON *value_write(const struct value *v)
{
    char number[64];
    switch (v->class) {
    case VALUE_NULL:
        return cJSON_CreateNull();
    case VALUE_INTEGER:
        snprintf(number, sizeof(number), "%" PRId64, v->integer);
        return tagged("i", number);
    case VALUE_REAL:
        snprintf(number, sizeof(number), "%.17g", v->real);
        return tagged("r", number);
    case VALUE_TEXT:
    case VALUE_BLOB:
        break;
    }
    /* cJSON's strings end at NUL: such a text is told as bytes */
    bool is_text = v->class == VALUE_TEXT && !(v->bytes.n && memchr(v->bytes.p, 0, v->bytes.n));
    char *text = calloc(1, v->bytes.n * 2 + 1);
    for (size_t i = 0; i < v->bytes.n; i++)
        if (is_text)
            text[i] = v->bytes.p[i];
        else
            snprintf(text + 2 * i, 3, "%02x", (unsigned char)v->bytes.p[i]);
    cJSON *o = is_text ? cJSON_CreateString(text) : tagged(v->class == VALUE_TEXT ? "t" : "b", text);
    free(text);
    return o;
}

/* ---- a request ---- */

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct request *q = arg;
    if (q->is_over)
        return;
    if (q->pause_every)
        d1_resume(q->run->d1, &q->r);
    else
        d1_cancel(q->run->d1, &q->r);
}

static void arm(struct request *q, uint64_t ms)
{
    struct timeval tv = { (time_t)(ms / 1000), (suseconds_t)(ms % 1000 * 1000) };
    event_add(q->timer, &tv);
}

static enum d1_flow on_row(struct d1_request *r, size_t statement, const struct value *cells, size_t n)
{
    struct request *q = r->user;
    cJSON *row = cJSON_CreateArray();
    for (size_t i = 0; i < n; i++)
        cJSON_AddItemToArray(row, value_write(&cells[i]));
    cJSON_AddItemToArray(cJSON_GetArrayItem(q->rows, (int)statement), row);
    q->n_rows++;
    if (q->cancel_after_rows && q->n_rows == q->cancel_after_rows)
        return D1_STOP;
    if (!q->pause_every || q->n_rows % q->pause_every)
        return D1_CONTINUE;
    arm(q, 1);
    return D1_PAUSE;
}

static void on_done(struct d1_request *r)
{
    struct request *q = r->user;
    q->is_over = true;
    if (--q->run->left == 0)
        event_base_loopbreak(q->run->base);
}

static struct request *request_read(struct run *run, const cJSON *line)
{
    struct request *q = ARENA_NEW(run->arena, struct request);
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(line, "statements"), *item, *p;
    size_t n = (size_t)cJSON_GetArraySize(list), i = 0;
    struct d1_statement *statements = ARENA_ARRAY(run->arena, struct d1_statement, n);
    q->rows = cJSON_CreateArray();
    cJSON_ArrayForEach(item, list)
    {
        const cJSON *params = cJSON_GetObjectItemCaseSensitive(item, "params");
        struct d1_statement *s = &statements[i++];
        struct value *values = ARENA_ARRAY(run->arena, struct value, (size_t)cJSON_GetArraySize(params));
        s->sql = copy(run->arena, member_text(item, "sql"));
        s->wants_changes = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(item, "changes"));
        s->params = values;
        cJSON_ArrayForEach(p, params) values[s->n_params++] = value_read(run->arena, p);
        cJSON_AddItemToArray(q->rows, cJSON_CreateArray());
    }
    const char *access = member_text(line, "access");
    uint64_t deadline_ms = member_number(line, "deadline_ms");
    q->run = run;
    q->pause_every = member_number(line, "pause_every");
    q->cancel_after_rows = member_number(line, "cancel_after_rows");
    q->timer = evtimer_new(run->base, on_timer, q);
    q->r = (struct d1_request){
        .statements = statements,
        .n_statements = n,
        .access = access && strcmp(access, "write") == 0 ? D1_WRITE : D1_READ,
        .session = copy(run->arena, member_text(line, "session")),
        .identity = copy(run->arena, member_text(line, "identity")),
        .deadline_us = deadline_ms ? clock_monotonic_us(clock_system()) + deadline_ms * 1000 : 0,
        .max_result_bytes = member_number(line, "max_result_bytes"),
        .on_row = on_row,
        .done = on_done,
        .user = q,
        .arena = run->arena,
    };
    return q;
}

static cJSON *answer_write(struct request *q)
{
    cJSON *o = cJSON_CreateObject(), *results = cJSON_AddArrayToObject(o, "results");
    const struct d1_error *e = &q->r.error;
    cJSON_AddStringToObject(o, "kind", kinds[e->kind]);
    for (size_t i = 0; i < q->r.n_statements; i++) {
        cJSON *result = cJSON_CreateObject();
        cJSON_AddItemToObject(result, "rows", cJSON_DetachItemFromArray(q->rows, 0));
        if (q->r.results && q->r.statements[i].wants_changes)
            cJSON_AddNumberToObject(result, "changes", (double)q->r.results[i].changes);
        if (q->r.results)
            cJSON_AddNumberToObject(result, "rows_written", (double)q->r.results[i].rows_written);
        cJSON_AddItemToArray(results, result);
    }
    if (e->kind != D1_OK) {
        cJSON_AddItemToObject(o, "message", value_write(&(struct value){ .class = VALUE_TEXT, .bytes = e->message }));
        cJSON_AddBoolToObject(o, "may_have_run", e->may_have_run);
        cJSON_AddNumberToObject(o, "retry_after_us", (double)e->retry_after_us);
    }
    cJSON_AddItemToObject(o, "bookmark", value_write(&(struct value){ .class = VALUE_TEXT, .bytes = q->r.bookmark }));
    cJSON_AddNumberToObject(o, "round_trips", q->r.round_trips);
    cJSON_Delete(q->rows);
    event_free(q->timer);
    return o;
}

static void run_line(struct run *run, const char *text)
{
    cJSON *line = cJSON_Parse(text), *answers = cJSON_CreateArray();
    if (!line)
        die("a line is not JSON");
    int n = cJSON_IsArray(line) ? cJSON_GetArraySize(line) : 1;
    struct request **requests = ARENA_ARRAY(run->arena, struct request *, (size_t)n);
    run->left = (size_t)n;
    for (int i = 0; i < n; i++) {
        const cJSON *item = cJSON_IsArray(line) ? cJSON_GetArrayItem(line, i) : line;
        requests[i] = request_read(run, item);
        d1_submit(run->d1, &requests[i]->r);
        if (member_number(item, "cancel_after_ms"))
            arm(requests[i], member_number(item, "cancel_after_ms"));
    }
    event_base_dispatch(run->base);
    for (int i = 0; i < n; i++)
        cJSON_AddItemToArray(answers, answer_write(requests[i]));
    char *out = cJSON_PrintUnformatted(cJSON_IsArray(line) ? answers : cJSON_GetArrayItem(answers, 0));
    puts(out);
    fflush(stdout);
    free(out);
    cJSON_Delete(answers);
    cJSON_Delete(line);
    arena_reset(run->arena);
}

/* ---- the probe ---- */

static void on_probed(struct probe *p)
{
    event_base_loopbreak(p->user);
}

static void run_probe(struct run *run)
{
    struct probe p = { .done = on_probed, .user = run->base };
    probe_start(&p, run->d1, PROBE_WRITES, 0, run->arena);
    event_base_dispatch(run->base);
    const struct probe_result *r = &p.result;
    printf("{\"asked\":%u,\"failed\":%u,\"error_text_bytes\":%zu", r->asked, r->failed, r->error_text_bytes);
#define TELL(field) printf(",\"" #field "\":%s", r->field ? "true" : "false");
    TELL(reachable)
    TELL(error_text_faithful)
    TELL(exact_real_text)
    TELL(exact_integer_text)
    TELL(null_parameters)
    TELL(changes_after_statement)
    TELL(batch_is_atomic)
    TELL(raise_carries_text)
#define PROBE_FEATURE(field, sql, expected) TELL(field)
#include "d1/probe.def"
#undef PROBE_FEATURE
#undef TELL
    puts("}");
    fflush(stdout);
}

/* ---- main ---- */

static struct d1 *open_d1(char **argv, int argc, struct event_base *base, struct err *err)
{
    struct remote_options remote = remote_options_default();
    remote.token = str_from(getenv("PGD1_TOKEN"));
    remote.retry.max_attempts = 5;
    remote.ca_file = str_from(getenv("PGD1_CA_FILE"));
    if (getenv("PGD1_TIMEOUT_MS"))
        remote.timeout_us = strtoull(getenv("PGD1_TIMEOUT_MS"), NULL, 10) * 1000;
    if (argc == 4 && strcmp(argv[1], "gateway") == 0) {
        struct gateway_options o = { str_from(argv[2]), str_from(argv[3]), remote };
        return gateway_open(&o, base, clock_system(), err);
    }
    if (argc == 5 && strcmp(argv[1], "rest") == 0) {
        struct rest_options o = { str_from(argv[2]), str_from(argv[3]), str_from(argv[4]), remote };
        return rest_open(&o, base, clock_system(), err);
    }
    die("usage: d1_run gateway URL BINDING | rest BASE_URL ACCOUNT DATABASE");
}

int main(int argc, char **argv)
{
    struct run run = { .base = event_base_new(), .arena = arena_new((size_t)1 << 30) };
    struct err err;
    err_init(&err, run.arena);
    run.d1 = open_d1(argv, argc, run.base, &err);
    if (!run.d1) {
        fprintf(stderr, "d1_run: %.*s\n", STR_FMT(err.message));
        return 1;
    }
    char *text = NULL;
    size_t size = 0;
    while (getline(&text, &size, stdin) > 0) {
        if (strcmp(text, "probe\n") == 0)
            run_probe(&run);
        else
            run_line(&run, text);
    }
    free(text);
    d1_close(run.d1);
    arena_free(run.arena);
    event_base_free(run.base);
    return 0;
}
