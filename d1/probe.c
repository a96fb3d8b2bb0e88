/* probe.c - see probe.h. */
#include "d1/probe.h"

#include <math.h>
#include <stdlib.h>

enum { MAX_STATEMENTS = 6, MAX_PARAMS = 2, PAYLOADS = 3 };

/* A question: one request, and what its answer means. */
struct question {
    const char *sql[MAX_STATEMENTS]; /* NULL ends */
    struct value params[MAX_PARAMS]; /* of the first statement */
    size_t n_params;
    bool is_write;
    size_t counted; /* 1 + the statement whose changes are wanted; 0: none */
    /* Looks at what came and fills the result; size: of this question. */
    void (*judge)(struct probe_result *result, const struct question *q, const struct d1_request *r, struct str text);
    bool *field; /* of the result, for judges that set one */
    const char *expected;
    size_t size;
};

struct asked {
    struct d1_request r;
    struct question q;
    struct d1_statement statements[MAX_STATEMENTS];
    struct probe *probe;
    struct str text; /* the first cell of the last row of text, in the probe's arena */
};

/* ---- payloads ---- */

/* What the payload of `size` bytes holds: it begins with all that is awkward, and goes on with a counter. */
#define AWKWARD "'\"\\ \x01\t\n\x7f \xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80 ]}%_"

static struct str payload(struct arena *a, size_t size)
{
    char *p = arena_alloc(a, size);
    if (!p)
        return (struct str){ NULL, 0 };
    size_t n = sizeof(AWKWARD) - 1 < size ? sizeof(AWKWARD) - 1 : size;
    memcpy(p, AWKWARD, n);
    for (size_t i = n; i < size; i++)
        p[i] = (char)('a' + (i / 7 + i) % 26);
    return (struct str){ p, size };
}

/* The text between the first `bad JSON path: '` and the last quote before SQLite's code, doubled quotes made single. */
static struct str carried_out(struct arena *a, struct str message)
{
    struct str start = STR("bad JSON path: '>");
    ptrdiff_t at = str_find(message, start);
    if (at < 0)
        return (struct str){ NULL, 0 };
    message.p += (size_t)at + start.n;
    message.n -= (size_t)at + start.n;
    while (message.n && !str_starts((struct str){ message.p + message.n - 1, 1 }, STR("'")))
        message.n--;
    char *out = arena_alloc(a, message.n + 1), *end = out;
    for (size_t i = 0; out && i + 1 < message.n; i++) {
        *end++ = message.p[i];
        i += message.p[i] == '\'';
    }
    return (struct str){ out, (size_t)(end - out) };
}

/* ---- judges ---- */

static void judge_text(struct probe_result *result, const struct question *q, const struct d1_request *r,
                       struct str text)
{
    (void)result;
    *q->field = r->error.kind == D1_OK && str_is(text, q->expected);
}

static void judge_payload(struct probe_result *result, const struct question *q, const struct d1_request *r,
                          struct str text)
{
    (void)text;
    result->error_texts += r->error.kind == D1_OK || r->error.kind == D1_ERROR_SQL;
    if (r->error.kind != D1_ERROR_SQL)
        return;
    struct str want = payload(r->arena, q->size), got = carried_out(r->arena, r->error.message);
    if (want.p && str_eq(want, got) && q->size > result->error_text_bytes)
        result->error_text_bytes = q->size;
    if (q->size == 1000)
        result->error_text_faithful = want.p && str_eq(want, got);
}

/* Two rows inserted, and a trigger adds two more; then everything is undone by the failing end. */
static void judge_changes(struct probe_result *result, const struct question *q, const struct d1_request *r,
                          struct str text)
{
    (void)q, (void)text;
    result->changes_after_statement =
        r->error.kind == D1_ERROR_SQL && str_find(r->error.message, STR("bad JSON path: '>2'")) >= 0;
}

static void judge_raise(struct probe_result *result, const struct question *q, const struct d1_request *r,
                        struct str text)
{
    (void)q, (void)text;
    result->raise_carries_text = r->error.kind == D1_ERROR_SQL && str_find(r->error.message, STR(">it's out")) >= 0;
}

/* ---- asking ---- */

static enum d1_flow on_row(struct d1_request *r, size_t statement, const struct value *cells, size_t n)
{
    (void)statement;
    struct asked *a = r->user;
    if (n == 1 && cells[0].class == VALUE_TEXT)
        a->text = arena_str(a->probe->arena, cells[0].bytes);
    return D1_CONTINUE;
}

static void ask(struct probe *p, const struct question *q, uint64_t deadline_us);

#define ATOMIC_TABLE "_pgd1_probe_atomic"

static void judge_nothing(struct probe_result *result, const struct question *q, const struct d1_request *r,
                          struct str text)
{
    (void)result, (void)q, (void)r, (void)text;
}

/* A batch that is not atomic has left its table: it is removed. */
static void judge_left(struct probe_result *result, const struct question *q, const struct d1_request *r,
                       struct str text)
{
    (void)q;
    struct asked *a = r->user;
    result->batch_is_atomic = r->error.kind == D1_OK && str_is(text, "0");
    result->batch_is_torn = r->error.kind == D1_OK && str_is(text, "1");
    struct question drop = { .sql = { "DROP TABLE " ATOMIC_TABLE }, .is_write = true, .judge = judge_nothing };
    if (r->error.kind == D1_OK && str_is(text, "1"))
        ask(a->probe, &drop, r->deadline_us);
}

/* The batch failed, as it should. Whether its table is there is asked next. */
static void judge_atomic(struct probe_result *result, const struct question *q, const struct d1_request *r,
                         struct str text)
{
    (void)result, (void)q, (void)text;
    struct asked *a = r->user;
    struct question left = {
        .sql = { "SELECT CAST(count(*) AS TEXT) AS c0 FROM sqlite_schema WHERE name = '" ATOMIC_TABLE "'" },
        .judge = judge_left,
    };
    if (r->error.kind == D1_ERROR_SQL)
        ask(a->probe, &left, r->deadline_us);
}

static void on_done(struct d1_request *r)
{
    struct asked *a = r->user;
    struct probe *p = a->probe;
    p->result.round_trips += r->round_trips;
    if (r->error.kind == D1_OK || r->error.kind == D1_ERROR_SQL) {
        p->result.reachable = true;
    } else if (p->result.failed++ == 0) {
        p->result.first_error = r->error;
    }
    a->q.judge(&p->result, &a->q, r, a->text);
    if (--p->pending == 0)
        p->done(p);
}

static void ask(struct probe *p, const struct question *q, uint64_t deadline_us)
{
    struct asked *a = ARENA_NEW(p->arena, struct asked);
    if (!a) {
        p->result.failed++;
        return;
    }
    a->q = *q;
    a->probe = p;
    size_t n = 0;
    for (; n < MAX_STATEMENTS && q->sql[n]; n++)
        a->statements[n] = (struct d1_statement){ .sql = str_from(q->sql[n]) };
    a->statements[0].params = a->q.params;
    a->statements[0].n_params = q->n_params;
    a->r = (struct d1_request){
        .statements = a->statements,
        .n_statements = n,
        .access = q->is_write ? D1_WRITE : D1_READ,
        .session = STR("first-primary"),
        .deadline_us = deadline_us,
        .on_row = on_row,
        .done = on_done,
        .user = a,
        .arena = p->arena,
    };
    p->pending++;
    p->result.asked++;
    d1_submit(p->d1, &a->r);
}

static void ask_values(struct probe *p, uint64_t deadline_us)
{
    /* a double that the parsers of older SQLites round wrongly, and one that 15 digits do not tell */
    struct question real = {
        .sql = { "SELECT printf('%!.17g', CAST(?1 AS REAL)) || printf(' %!.17g', 0.1 + 0.2) AS c0" },
        .params = { value_text(STR("8.4135131783546439e-205")) },
        .n_params = 1,
        .judge = judge_text,
        .field = &p->result.exact_real_text,
        .expected = "8.4135131783546439e-205 0.30000000000000004",
    };
    ask(p, &real, deadline_us);
    struct question integer = {
        .sql = { "SELECT CAST(CAST(?1 AS INTEGER) AS TEXT) || typeof(CAST(?1 AS INTEGER)) AS c0" },
        .params = { value_text(STR("9223372036854775807")) },
        .n_params = 1,
        .judge = judge_text,
        .field = &p->result.exact_integer_text,
        .expected = "9223372036854775807integer",
    };
    ask(p, &integer, deadline_us);
    struct question null = {
        .sql = { "SELECT typeof(?1) || ?2 AS c0" },
        .params = { value_null(), value_text(STR("x")) },
        .n_params = 2,
        .judge = judge_text,
        .field = &p->result.null_parameters,
        .expected = "nullx",
    };
    ask(p, &null, deadline_us);
}

static void ask_features(struct probe *p, uint64_t deadline_us)
{
#define PROBE_FEATURE(name, text, answer)                                                                              \
    ask(p, &(struct question){ .sql = { text }, .judge = judge_text, .field = &p->result.name, .expected = answer },   \
        deadline_us);
#include "d1/probe.def"
#undef PROBE_FEATURE
}

static void ask_payloads(struct probe *p, size_t n, uint64_t deadline_us)
{
    static const size_t sizes[PAYLOADS] = { 1000, 100000, 1900000 };
    for (size_t i = 0; i < n; i++) {
        struct question q = {
            .sql = { "SELECT json_extract('{}', '>' || ?1) AS c0" },
            .params = { value_text(payload(p->arena, sizes[i])) },
            .n_params = 1,
            .judge = judge_payload,
            .size = sizes[i],
        };
        if (q.params[0].bytes.p)
            ask(p, &q, deadline_us);
        else
            p->result.failed++;
    }
}

static void ask_atomicity(struct probe *p, uint64_t deadline_us)
{
    struct question atomic = {
        .sql = { "CREATE TABLE " ATOMIC_TABLE "(a)", "SELECT json_extract('{}', '>') AS c0" },
        .is_write = true,
        .judge = judge_atomic,
    };
    ask(p, &atomic, deadline_us);
}

static void ask_writes(struct probe *p, uint64_t deadline_us)
{
    struct question changes = {
        .sql = { "CREATE TABLE _pgd1_probe(a)", "CREATE TABLE _pgd1_probe_log(a)",
                 "CREATE TRIGGER _pgd1_probe_t AFTER INSERT ON _pgd1_probe BEGIN INSERT INTO _pgd1_probe_log "
                 "VALUES(1); END",
                 "INSERT INTO _pgd1_probe VALUES(1), (2)", "SELECT json_extract('{}', '>' || changes()) AS c0" },
        .is_write = true,
        .judge = judge_changes,
    };
    ask(p, &changes, deadline_us);
    struct question raise = {
        .sql = { "CREATE TABLE _pgd1_probe(v)",
                 "CREATE TRIGGER _pgd1_probe_t BEFORE INSERT ON _pgd1_probe BEGIN SELECT RAISE(ABORT, NEW.v); END",
                 "INSERT INTO _pgd1_probe VALUES('>it''s out')" },
        .is_write = true,
        .judge = judge_raise,
    };
    ask(p, &raise, deadline_us);
}

bool probe_start(struct probe *p, struct d1 *d1, enum probe_depth depth, uint64_t deadline_us, struct arena *arena)
{
    p->result = (struct probe_result){ 0 };
    p->d1 = d1;
    p->arena = arena;
    p->pending = 0;
    if (depth != PROBE_TRANSACTIONS) {
        ask_values(p, deadline_us);
        ask_features(p, deadline_us);
    }
    ask_payloads(p, depth == PROBE_TRANSACTIONS ? PAYLOADS - 1 : PAYLOADS, deadline_us);
    if (depth == PROBE_WRITES)
        ask_writes(p, deadline_us);
    if (depth != PROBE_READS)
        ask_atomicity(p, deadline_us);
    return p->pending > 0;
}
