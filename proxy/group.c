/* group.c - collecting, sending and answering; see group.h. */
#include "proxy/group.h"

#include "proxy/base/log.h"
#include "proxy/d1_error.h"
#include "proxy/database.h"
#include "proxy/planning.h"
#include "proxy/prepared.h"
#include "proxy/sql/bulk.h"

/* The last member of a batch that must not stay: fails with a text nobody else uses (facts: bad JSON path). */
#define UNDO_PAYLOAD "!pgd1 undo"
#define UNDO_SQL "SELECT json_extract('{}', '" UNDO_PAYLOAD "')"

/* The last member where keys may be deferred: no row when all hold. */
#define KEYS_PAYLOAD "!23503:"
#define CHECK_KEYS_SQL                                                                                                 \
    "SELECT json_extract('{}','" KEYS_PAYLOAD "insert or update on table \"'||\"table\"||'\" violates a foreign key "  \
    "constraint') FROM pragma_foreign_key_check LIMIT 1"

enum { STEPS_MAX = 100000 };

/* ---- life ---- */

struct group *group_new(struct session *s)
{
    struct arena *arena = worker_arena_take(s->worker);
    struct group *g = arena ? ARENA_NEW(arena, struct group) : NULL;
    if (!g) {
        worker_arena_give(s->worker, arena);
        return NULL;
    }
    g->session = s;
    g->worker = s->worker;
    g->database = s->database;
    g->arena = arena;
    buf_init(&g->queued, s->out.cap);
    if (s->transaction.state == TXN_IDLE)
        s->gucs.live.types.now_us = session_wall_us(s);
    return g;
}

static void step_free(struct group *g, struct step *step)
{
    for (size_t i = 0; step->inputs && i < step->x.plan->local->n_inputs; i++)
        local_rows_free(step->inputs[i]);
    buf_fini(&step->held);
    bulk_free(step->bulk);
    emitter_fini(&step->emitter);
    if (step->x.portal)
        portal_unref(g->worker, step->x.portal);
    plan_unref(step->x.plan);
}

static void schema_drop(struct group *g)
{
    snapshot_reader_free(g->schema_reader);
    g->schema_reader = NULL;
}

static void group_free(struct group *g)
{
    for (struct step *step = g->head; step; step = step->next)
        step_free(g, step);
    for (struct kept_plan *k = g->kept; k; k = k->next)
        plan_unref(k->plan);
    schema_drop(g);
    worker_timer_clear(g->worker, &g->resolution.timer);
    buffer_fini(&g->left);
    buf_fini(&g->queued);
    worker_arena_give(g->worker, g->arena);
}

void group_drop(struct group *g)
{
    if (g->session->transaction.state == TXN_IDLE)
        overlay_drop(&g->session->transaction.overlay);
    if (!g->in_flight) {
        g->session = NULL;
        group_free(g);
        return;
    }
    if (g->n_before) { /* the session ends, and the request points into its buffer */
        g->left = g->session->transaction.buffer;
        g->session->transaction.buffer = (struct buffer){ 0 };
    }
    g->session = NULL;
    database_cancel(g->database, &g->request); /* its done() frees the group */
}

void group_keep_plan(struct group *g, struct plan *plan)
{
    struct kept_plan *k = ARENA_NEW(g->arena, struct kept_plan);
    if (!k)
        return; /* lost, not dangling: no memory anyway */
    *k = (struct kept_plan){ g->kept, plan };
    g->kept = k;
}

/* ---- collecting ---- */

static void append(struct group *g, struct step *step)
{
    step->seq = ++g->seq;
    step->position = ++g->session->transaction.position;
    step->queued_at = g->queued.n;
    buf_init(&step->held, g->session->out.cap);
    if (g->tail)
        g->tail->next = step;
    else
        g->head = step;
    g->tail = step;
    g->n_steps++;
    g->n_writes += step->is_write;
    g->n_ddl += step->is_ddl;
}

struct step *group_add(struct group *g, const struct execution *x, struct d1_statement *statements, size_t n,
                       struct err *err)
{
    struct step *step = g->n_steps < STEPS_MAX ? ARENA_NEW(g->arena, struct step) : NULL;
    if (!step) {
        if (g->n_steps >= STEPS_MAX)
            err_set(err, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "too many statements in one transaction");
        else
            err_oom(err);
        return NULL;
    }
    step->x = *x;
    plan_ref(x->plan);
    if (x->portal)
        portal_ref(x->portal);
    step->statements = statements;
    step->n_statements = n;
    step->is_write = x->plan->access == D1_WRITE;
    step->is_ddl = x->plan->kind == PLAN_DDL;
    append(g, step);
    return step;
}

bool group_add_error(struct group *g, const struct err *err)
{
    struct step *step = ARENA_NEW(g->arena, struct step);
    struct buf b;
    buf_init(&b, 1 << 20);
    backend_report(&b, SEVERITY_ERROR, err, NULL);
    struct str bytes = b.failed || !step ? (struct str){ 0 } : arena_str(g->arena, buf_str(&b));
    buf_fini(&b);
    if (!bytes.p) { /* no memory to say so in order: the session ends */
        struct err oom = { .code = SQLSTATE_OUT_OF_MEMORY, .message = STR("out of memory") };
        session_fatal(g->session, &oom);
        return false;
    }
    step->error = bytes;
    append(g, step);
    return true;
}

const struct snapshot *group_schema(struct group *g)
{
    struct transaction *t = &g->session->transaction;
    struct overlay *o = &t->overlay;
    if (g->n_ddl + t->buffer.n_ddl == 0)
        return o->schema;
    overlay_begin(o, g->database->snapshot);
    for (const struct buffer_entry *e = t->buffer.first; e; e = e->next)
        if (e->ddl)
            overlay_run(o, e->position, e->ddl, e->n_ddl);
    for (const struct step *step = g->head; step; step = step->next)
        if (step->is_ddl)
            overlay_run(o, step->position, step->statements, step->n_statements);
    return overlay_schema(o, g->arena);
}

bool group_has_writes_after(const struct group *g, uint32_t seq)
{
    for (const struct step *step = g->head; step; step = step->next)
        if (step->is_write && step->seq > seq)
            return true;
    return false;
}

/* Drops `from` and all after it, with what was queued behind the step before. */
static void cut(struct group *g, struct step *from, size_t queued_at)
{
    struct step **at = &g->head, *last = NULL;
    while (*at && *at != from) {
        last = *at;
        at = &last->next;
    }
    for (struct step *step = *at; step; step = step->next) {
        g->n_steps--;
        g->n_writes -= step->is_write;
        g->n_ddl -= step->is_ddl;
        step_free(g, step);
    }
    *at = NULL;
    g->tail = last;
    if (g->queued.n > queued_at)
        g->queued.n = queued_at;
}

/* ---- answering ---- */

static void emit_queued(struct group *g, const struct step *step)
{
    size_t end = step->next ? step->next->queued_at : g->queued.n;
    if (end > step->queued_at)
        buf_add(&g->session->out, g->queued.p + step->queued_at, end - step->queued_at);
    g->session->out.failed |= g->queued.failed;
    if (!step->next)
        g->queued.n = 0;
}

static void pop(struct group *g)
{
    struct step *step = g->head;
    g->head = step->next;
    if (!g->head)
        g->tail = NULL;
    g->n_steps--;
    g->n_writes -= step->is_write;
    g->n_ddl -= step->is_ddl;
    step_free(g, step);
}

/* A block that began behind the failing step never began. */
static void forget_block(struct group *g, const struct step *step)
{
    struct session *s = g->session;
    if (g->began_block && step->seq <= g->began_seq && s->transaction.state != TXN_IDLE)
        transaction_end(&s->transaction, false, false, &s->gucs);
}

/* The error stands at the head: whatever waited behind it never happens. */
static void fail_at_head(struct group *g, const struct err *err)
{
    struct session *s = g->session;
    struct step *step = g->head;
    struct str written = step->error;
    if (!s->out.p)
        worker_buf_take(s->worker, &s->out, s->out.cap);
    if (written.p)
        buf_add_str(&s->out, written);
    else
        backend_report(&s->out, SEVERITY_ERROR, err, NULL);
    metric_add(&s->worker->metrics, METRIC_errors, 1);
    if (step->x.portal)
        step->x.portal->state = PORTAL_FAILED;
    prepared_undo(s, step->seq);
    forget_block(g, step);
    cut(g, step, 0);
    g->n_writes = g->n_ddl = g->n_steps = 0;
    overlay_drop(&s->transaction.overlay);
    session_after_error(s);
}

static uint64_t count_of(const struct step *step, const struct d1_result *results)
{
    const struct plan *plan = step->x.plan;
    uint64_t changes = 0;
    bool counted = false;
    if (step->x.copy_count)
        return step->x.copy_count;
    for (size_t i = 0; results && i < plan->n_statements; i++)
        if (plan->statements[i].counts_changes) {
            changes += (uint64_t)results[step->first + i].changes;
            counted = true;
        }
    return counted ? changes : step->emitter.n_rows;
}

/* D1 began, the local engine finishes. */
static bool finish_locally(struct group *g, struct step *step, struct err *err)
{
    struct session *s = g->session;
    metric_add(&s->worker->metrics, METRIC_finished_locally, 1);
    step->emitter.err = err;
    step->emitter.out = &s->out;
    step->emitter.describe = step->x.describe;
    if (!session_call_begin(s, false, err) || !execute_local(s, &step->x, step->inputs, g->arena, &step->emitter, err))
        return false;
    emitter_begin(&step->emitter);
    return true;
}

static bool answer_rows(struct group *g, struct step *step, struct err *err)
{
    if (step->failed) {
        err_copy(err, step->failed);
        return false;
    }
    if (step->x.plan->local)
        return finish_locally(g, step, err);
    struct buf *out = &g->session->out;
    if (!step->emitter.began) {
        step->emitter.out = out;
        step->emitter.describe = step->x.describe && step->x.plan->n_columns > 0;
        emitter_begin(&step->emitter);
    }
    if (step->held.n)
        buf_add(out, step->held.p, step->held.n);
    step->emitter.out = out;
    return true;
}

/* False: the error was answered, and with it the group's turn is over. */
static bool answer(struct group *g, const struct d1_result *results)
{
    struct session *s = g->session;
    struct step *step = g->head;
    struct err err;
    err_init(&err, g->arena);
    if (!s->out.p)
        worker_buf_take(s->worker, &s->out, s->out.cap);
    if (!answer_rows(g, step, &err)) {
        if (g->batch_writes && !g->undoes)
            err_detail(&err, "%.*s%sThe changes made along with this statement are committed.", STR_FMT(err.detail),
                       err.detail.n ? " " : "");
        fail_at_head(g, &err);
        return false;
    }
    emitter_end(&step->emitter);
    if (step->x.sink == SINK_STORE)
        step->x.portal->state = PORTAL_STORED;
    else
        execute_tag(step->x.copy_plan ? step->x.copy_plan : step->x.plan, count_of(step, results), &s->out);
    emit_queued(g, step);
    pop(g);
    return true;
}

static bool answer_until(struct group *g, const struct step *end, const struct d1_result *results)
{
    while (g->head != end)
        if (!answer(g, results))
            return false;
    return true;
}

/* ---- the batch ---- */

static struct step *step_of(struct group *g, size_t statement)
{
    while (g->at_row->next && statement >= g->at_row->first + g->at_row->n_statements)
        g->at_row = g->at_row->next;
    return g->at_row;
}

static bool fail_row(struct group *g, struct step *step, const struct err *err)
{
    static struct err no_memory = { .code = SQLSTATE_OUT_OF_MEMORY, .message = STR_INIT("out of memory") };
    step->failed = ARENA_NEW(g->arena, struct err);
    if (!step->failed) {
        step->failed = &no_memory; /* the row is missing: that must be told */
        return false;
    }
    err_init(step->failed, g->arena);
    err_copy(step->failed, err);
    return false;
}

static bool take_fetched(struct group *g, struct step *step, size_t index, const struct value *cells, size_t n)
{
    struct session *s = g->session;
    size_t input = 0;
    struct err err;
    for (size_t i = 0; i < index; i++)
        input += step->x.plan->statements[i].role == STATEMENT_FETCH;
    if (local_rows_add(step->inputs[input], cells, n) &&
        local_rows_count(step->inputs[input]) <= s->serving->config->finish_max_rows)
        return true;
    err_init(&err, g->arena);
    err_set(&err, SQLSTATE_PROGRAM_LIMIT_EXCEEDED,
            "too many rows would have to be fetched to finish this statement locally");
    err_hint(&err, "Narrow it by conditions that D1 can apply (EXPLAIN shows them), or raise finish_max_rows and "
                   "finish_max_bytes.");
    return fail_row(g, step, &err);
}

static bool take_row(struct group *g, struct step *step, size_t index, const struct value *cells, size_t n)
{
    if (index >= step->x.plan->n_statements) /* COPY FROM gives no rows */
        return true;
    switch (step->x.plan->statements[index].role) {
    case STATEMENT_HELPER:
        return true;
    case STATEMENT_FETCH:
        return take_fetched(g, step, index, cells, n);
    case STATEMENT_MAIN:
        break;
    }
    struct err err;
    err_init(&err, g->worker->scratch);
    step->emitter.err = &err;
    step->emitter.out = g->streams ? &g->session->out : &step->held;
    step->emitter.describe = step->x.describe;
    if (emitter_row(&step->emitter, cells, n))
        return true;
    return fail_row(g, step, &err);
}

/* A row that came as text. */
static enum d1_flow take_captured(struct group *g, struct step *step, size_t index, const struct value *cell)
{
    struct value *cells;
    struct err err;
    if (index >= g->speculation.n_captures || g->speculation.captures[index].kind <= CAPTURE_COUNT)
        return D1_CONTINUE; /* a helper's rows mean nothing */
    err_init(&err, g->arena);
    if (!speculation_row(&g->speculation, index, cell, &cells, &err))
        fail_row(g, step, &err);
    else
        take_row(g, step, index, cells, g->speculation.captures[index].n_columns);
    return D1_CONTINUE;
}

static enum d1_flow on_row(struct d1_request *r, size_t statement, const struct value *cells, size_t n)
{
    struct group *g = r->user;
    struct session *s = g->session;
    metric_add(&g->worker->metrics, METRIC_d1_rows, 1);
    if (!s)
        return D1_STOP;
    if (g->schema_reader && statement >= g->schema_first) {
        if (!snapshot_reader_row(g->schema_reader, statement - g->schema_first, cells, n))
            schema_drop(g);
        return D1_CONTINUE;
    }
    if (statement < g->n_before || statement >= g->schema_first) /* checks, and the member that fails on purpose */
        return D1_CONTINUE;
    struct step *step = step_of(g, statement);
    if (step->failed)
        return D1_CONTINUE;
    if (!s->out.p)
        worker_buf_take(s->worker, &s->out, s->out.cap);
    if (g->speculates)
        return take_captured(g, step, statement - step->first, cells);
    if (!take_row(g, step, statement - step->first, cells, n))
        return g->batch_writes || g->batch_steps > 1 ? D1_CONTINUE : D1_STOP;
    if (!g->streams || s->out.n - s->sent < SESSION_HIGH_MARK)
        return D1_CONTINUE;
    session_flush(s);
    if (g->session && s->out.n - s->sent >= SESSION_HIGH_MARK) {
        g->paused = true;
        metric_add(&g->worker->metrics, METRIC_pauses, 1);
        return D1_PAUSE;
    }
    return D1_CONTINUE;
}

void group_resume(struct group *g)
{
    if (!g->paused || !g->in_flight)
        return;
    g->paused = false;
    d1_resume(g->database->d1, &g->request);
}

void group_cancel(struct group *g)
{
    if (g->in_flight && g->resolution.state < RESOLUTION_DOUBT) /* a COMMIT in doubt is looked into to its end */
        database_cancel(g->database, &g->request);
}

/* ---- blocks that wait for answers ---- */

static bool in_block(const struct group *g)
{
    return g->session->transaction.state == TXN_OPEN && g->end != END_COMMIT;
}

/* Its answer must be tried out, or must still be right at COMMIT. */
static bool must_speculate(const struct group *g, const struct step *step)
{
    const struct transaction *t = &g->session->transaction;
    const struct plan *plan = step->x.plan;
    if (!in_block(g) || step->error.p || !step->n_statements)
        return false;
    return step->is_write || plan->locks_rows || t->isolation >= REPEATABLE_READ || buffer_reaches(&t->buffer, plan);
}

static bool commits_block(const struct group *g)
{
    const struct transaction *t = &g->session->transaction;
    return t->state == TXN_OPEN && g->end == END_COMMIT && (t->buffer.n_writes || (g->head && t->buffer.first));
}

struct ahead {
    struct group *g;
    size_t room;
};

static bool writes_table(const struct group *g, struct str table)
{
    for (const struct step *step = g->head; step != g->batch_end; step = step->next)
        for (size_t i = 0; step->is_write && i < step->x.plan->n_writes; i++)
            if (str_eq(step->x.plan->writes[i]->sqlite_name, table))
                return true;
    return g->n_before && buffer_writes(&g->session->transaction.buffer, table);
}

static bool add_ahead(void *ctx, struct str table, int64_t highest)
{
    struct ahead *a = ctx;
    struct group *g = a->g;
    struct err err;
    err_init(&err, g->arena);
    if (!writes_table(g, table))
        return true;
    if (!g->ahead)
        g->ahead = ARENA_ARRAY(g->arena, struct d1_statement, a->room);
    if (!g->ahead || g->n_ahead + 2 > a->room ||
        !count_statements(table, highest, g->arena, &g->ahead[g->n_ahead], &err))
        return false; /* the check at the other's COMMIT decides */
    g->n_ahead += 2;
    return true;
}

/* Rows that are inserted for good do not take ids that other open blocks were shown. */
static void leave_reserved(struct group *g)
{
    struct ahead a = { g, 16 };
    const struct database *db = g->database;
    g->ahead = NULL;
    g->n_ahead = 0;
    if (!g->batch_writes || g->speculates || g->undoes || !db->snapshot)
        return;
    reservation_others(&db->schema->reservations, g->session->transaction.held, db->snapshot->version, add_ahead, &a);
    g->n_before += g->n_ahead;
    for (struct step *step = g->head; step != g->batch_end; step = step->next)
        step->first += g->n_ahead;
}

/* A write that shows nothing but its count, and takes nothing that must be pinned. */
static bool is_plain_write(const struct step *step)
{
    const struct plan *plan = step->x.plan;
    if (step->error.p || step->bulk || !step->is_write || step->is_ddl || plan->kind != PLAN_CHANGE || plan->local ||
        plan->volatile_values || step->n_statements != plan->n_statements)
        return false;
    for (size_t i = 0; i < plan->n_statements; i++)
        if (plan->statements[i].gives_rows)
            return false;
    return true;
}

/* Plain writes of a pipeline are tried out together; when one fails, each is tried by itself. */
static bool may_join(const struct group *g, const struct step *step)
{
    enum { TOGETHER_MAX = 250 };
    return g->speculates && !g->one_by_one && g->batch_steps < TOGETHER_MAX && is_plain_write(g->head) &&
           is_plain_write(step) && must_speculate(g, step);
}

/* A step sees what the block did to its tables. Above READ COMMITTED all that was read must hold, in each batch. */
static const struct plan *visible_to(const struct group *g, const struct step *step)
{
    bool alone = !step->next || !is_plain_write(step) || !is_plain_write(step->next);
    return g->session->transaction.isolation >= REPEATABLE_READ || step->bulk || !alone ? NULL : step->x.plan;
}

/* Which steps go now, and whether their effects are to stay. */
static size_t choose_batch(struct group *g)
{
    struct buffer *before = &g->session->transaction.buffer;
    struct step *step = g->head;
    bool identified = commits_block(g) && before->n_writes && !g->database->d1->traits.in_process;
    g->batch_steps = 0;
    g->batch_writes = commits_block(g) && before->n_writes;
    g->speculates = step && must_speculate(g, step);
    g->n_before = g->speculates      ? buffer_choose(before, visible_to(g, step))
                  : commits_block(g) ? buffer_choose(before, NULL)
                                     : 0;
    g->identity = identified ? RESOLUTION_MEMBERS : 0;
    g->n_before += g->identity;
    size_t n = g->n_before;
    for (; step && !step->error.p && !((g->one_by_one || g->speculates) && g->batch_steps && !may_join(g, step));
         step = step->next) {
        if (!g->speculates && must_speculate(g, step))
            break;
        step->first = n;
        n += step->n_statements;
        g->batch_steps++;
        g->batch_writes |= step->is_write;
    }
    g->batch_end = step;
    if (g->speculates)
        g->undoes = g->batch_writes || before->n_writes;
    else
        g->undoes = g->batch_writes && (step != NULL || g->end == END_ROLLBACK);
    leave_reserved(g);
    return n + g->n_ahead;
}

static bool prepare_steps(struct group *g)
{
    const struct config *c = g->session->serving->config;
    for (struct step *step = g->head; step != g->batch_end; step = step->next) {
        const struct plan *plan = step->x.plan;
        step->failed = NULL;
        step->held.n = 0;
        emitter_fini(&step->emitter);
        step->emitter = (struct emitter){ .session = g->session,
                                          .plan = plan,
                                          .formats = step->x.formats,
                                          .sink = step->x.sink,
                                          .copy = step->x.copy,
                                          .portal = step->x.portal };
        if (!plan->local)
            continue;
        for (size_t i = 0; step->inputs && i < plan->local->n_inputs; i++)
            local_rows_free(step->inputs[i]);
        step->inputs = ARENA_ARRAY(g->arena, struct local_rows *, plan->local->n_inputs);
        for (size_t i = 0, k = 0; step->inputs && i < plan->n_statements; i++)
            if (plan->statements[i].role == STATEMENT_FETCH && k < plan->local->n_inputs) {
                step->inputs[k] = local_rows_new(plan->statements[i].n_columns, c->finish_max_bytes);
                if (!step->inputs[k++])
                    return false;
            }
        if (!step->inputs)
            return false;
    }
    return true;
}

static struct str d1_session(struct group *g)
{
    struct session *s = g->session;
    struct database *db = g->database;
    struct str start, own = s->bookmark ? str_from(s->bookmark) : (struct str){ 0 };
    if (!db->d1->traits.bookmarks)
        return (struct str){ 0 };
    start = own.n ? own : gucs_stored(&s->gucs, guc_find(STR("pgd1.session")), NULL);
    if (s->serving->config->bookmark_scope != CONFIG_BOOKMARK_SCOPE_DATABASE || str_is(start, "first-primary"))
        return start;
    struct str newest = schema_bookmark(db->schema, g->arena);
    bool own_is_newer = own.n && str_cmp(own, newest) > 0;
    return newest.n && !own_is_newer ? newest : start;
}

static bool mentions(const struct group *g, struct str what)
{
    for (const struct step *step = g->head; step != g->batch_end; step = step->next)
        for (size_t i = 0; i < step->n_statements; i++)
            if (str_find(step->statements[i].sql, what) >= 0)
                return true;
    return false;
}

/* DDL brings the schema it leaves behind: no second request to read it. */
static const struct d1_statement *schema_statements(struct group *g, size_t *ret_n)
{
    *ret_n = 0;
    const struct buffer *before = &g->session->transaction.buffer;
    bool ddl = g->n_ddl || (g->n_before && before->n_ddl);
    if (!ddl || g->undoes || !g->batch_writes)
        return NULL;
    g->schema_reader = snapshot_reader_new();
    g->schema_seen = g->database->generation;
    const struct snapshot *now = g->database->snapshot;
    bool side = (now && now->has_side_catalog) || mentions(g, STR("_pgd1_catalog")) ||
                buffer_mentions(before, STR("_pgd1_catalog"));
    return g->schema_reader ? snapshot_statements_for(side, ret_n) : NULL;
}

/* D1's own words for a deferred key that fails at the end of a batch say nothing; in process they do. */
static bool must_check_keys(const struct group *g)
{
    const struct snapshot *now = g->session->transaction.overlay.schema;
    if (!now)
        now = g->database->snapshot;
    if (!now || !g->batch_writes || g->undoes || g->database->d1->traits.in_process)
        return false;
    for (size_t i = 0; i < now->n_relations; i++)
        for (size_t k = 0; k < now->relations[i].n_constraints; k++)
            if (now->relations[i].constraints[k].kind == 'f' && now->relations[i].constraints[k].deferred)
                return true;
    return false;
}

static bool fill_request(struct group *g, size_t n)
{
    size_t n_schema;
    const struct d1_statement *schema = schema_statements(g, &n_schema);
    const struct speculation *sp = g->speculates ? &g->speculation : NULL;
    bool undo = g->undoes && !(sp && sp->carries);
    if (sp)
        n = g->n_before + sp->n_statements;
    bool purge = g->identity && resolution_purges(), keys = must_check_keys(g);
    size_t total = n + n_schema + undo + purge + keys;
    struct d1_statement *all = ARENA_ARRAY(g->arena, struct d1_statement, total);
    if (!all)
        return false;
    if (g->identity)
        resolution_members(&g->resolution, all);
    if (g->n_ahead)
        memcpy(&all[g->identity], g->ahead, g->n_ahead * sizeof(*all));
    if (g->n_before > g->identity + g->n_ahead)
        buffer_statements(&g->session->transaction.buffer, all + g->identity + g->n_ahead);
    if (sp && sp->n_ahead)
        memcpy(&all[g->n_before - sp->n_ahead], sp->ahead, sp->n_ahead * sizeof(*all));
    if (sp && sp->n_statements)
        memcpy(&all[g->n_before], sp->statements, sp->n_statements * sizeof(*all));
    for (struct step *step = g->head; !sp && step != g->batch_end; step = step->next)
        if (step->n_statements)
            memcpy(&all[step->first], step->statements, step->n_statements * sizeof(*all));
    if (n_schema)
        memcpy(&all[n], schema, n_schema * sizeof(*all));
    if (undo)
        all[n] = (struct d1_statement){ .sql = STR(UNDO_SQL) };
    if (purge)
        all[total - 1 - keys] = resolution_purge();
    if (keys)
        all[total - 1] = (struct d1_statement){ .sql = STR(CHECK_KEYS_SQL) };
    g->schema_first = n;
    g->request.statements = all;
    g->request.n_statements = total;
    return true;
}

static void on_done(struct d1_request *r);
static bool replan(struct group *g, struct step *step, bool force_local, struct err *err);
static void go_on(struct group *g);
static enum run next(struct group *g);

/* Before anything is sent. Without a step it is COMMIT that fails. */
static enum run fail_batch(struct group *g, const struct err *err)
{
    if (g->head) {
        fail_at_head(g, err);
        return RUN_OVER;
    }
    transaction_end(&g->session->transaction, false, false, &g->session->gucs);
    return group_add_error(g, err) ? next(g) : RUN_OVER;
}

static bool counts_itself(const struct relation *r)
{
    for (size_t i = 0; i < r->n_columns; i++)
        if (r->columns[i].is_rowid)
            return r->columns[i].sequence_is_rowid;
    return false;
}

/* The first table that gives ids goes on behind those that other open transactions were shown. */
static bool count_from(struct group *g, struct err *err)
{
    struct speculation *sp = &g->speculation;
    struct step *step = g->head;
    for (size_t i = 0; i < sp->n_captures; i++) {
        const struct capture *c = &sp->captures[i];
        if (!c->is_generated || !counts_itself(c->relation))
            continue;
        int64_t highest = reservation_take(&g->database->schema->reservations, &g->session->transaction.held,
                                           step->x.plan->snapshot->version, c->relation->sqlite_name, c->n_inserted);
        if (!highest)
            return true;
        if (!speculation_count_from(sp, c, highest, err))
            return false;
        g->n_before += sp->n_ahead;
        step->first += sp->n_ahead;
        return true;
    }
    return true;
}

/* What is sent for the steps that are tried out. */
static bool speculate(struct group *g, struct err *err)
{
    struct speculation *sp = &g->speculation;
    bool native = !g->undoes || g->database->d1->traits.in_process;
    size_t n = 0;
    for (const struct step *step = g->head; step != g->batch_end; step = step->next)
        n += step->n_statements;
    if (!speculation_begin(sp, n, g->arena, err))
        return false;
    for (const struct step *step = g->head; step != g->batch_end; step = step->next)
        speculation_take(sp, step->x.plan, step->statements, step->n_statements);
    return speculation_finish(sp, native, err) && count_from(g, err);
}

/* A COMMIT that is sent again keeps its id. */
static bool identify(struct group *g, struct err *err)
{
    return g->resolution.state != RESOLUTION_NONE || resolution_begin(&g->resolution) ||
           err_set(err, SQLSTATE_INTERNAL_ERROR, "could not generate random values");
}

static enum run submit(struct group *g, size_t n)
{
    struct session *s = g->session;
    const struct config *c = s->serving->config;
    uint64_t timeout = s->gucs.live.statement_timeout_us, limit = c->d1_timeout_us;
    g->d1_timeout = !timeout || limit < timeout;
    g->request = (struct d1_request){
        .access = g->batch_writes || g->undoes ? D1_WRITE : D1_READ,
        .session = d1_session(g),
        .deadline_us = worker_now(g->worker) + (g->d1_timeout ? limit : timeout),
        .max_result_bytes = c->max_result_bytes,
        .on_row = on_row,
        .done = on_done,
        .user = g,
        .arena = g->arena,
    };
    struct err err;
    err_init(&err, g->arena);
    if ((g->speculates && !speculate(g, &err)) || (g->identity && !identify(g, &err)))
        return fail_batch(g, &err);
    if (g->identity)
        g->request.identity = g->resolution.id.bytes;
    if (!prepare_steps(g) || !fill_request(g, n)) {
        err_oom(&err);
        return fail_batch(g, &err);
    }
    const struct step *only = g->batch_steps == 1 ? g->head : NULL;
    g->streams = only && !g->batch_writes && !g->speculates && !g->n_before && !only->x.plan->local &&
                 !only->x.plan->may_go_local && only->x.sink != SINK_STORE;
    g->at_row = g->head;
    g->paused = false;
    g->in_flight = true;
    session_wait(s);
    database_submit(g->database, &g->request);
    return RUN_WAIT;
}

/* Steps that need nothing of D1 after all (planned again for the local engine). */
static enum run answer_without_d1(struct group *g)
{
    struct err err;
    err_init(&err, g->arena);
    if (!prepare_steps(g)) {
        err_oom(&err);
        fail_at_head(g, &err);
        return RUN_OVER;
    }
    return answer_until(g, g->batch_end, NULL) ? next(g) : RUN_OVER;
}

/* ---- what cannot be sent ---- */

static struct step *first_write(struct group *g)
{
    struct step *step = g->head;
    while (step && !step->is_write)
        step = step->next;
    return step;
}

/* The error takes the place of the first write; the reads before it are answered. */
static void refuse(struct group *g, const struct err *err)
{
    struct step *write = first_write(g);
    cut(g, write, write->queued_at);
    group_add_error(g, err);
}

static bool refuse_second_write(struct group *g)
{
    struct err err;
    if (!g->batch_writes || g->undoes || !g->wrote)
        return false;
    err_init(&err, g->arena);
    err_unsupported(&err, "a write after Flush in the same implicit transaction");
    err_hint(&err, "Send Sync before it.");
    refuse(g, &err);
    return true;
}

/* D1 does not give the results of a batch it takes back; in process they are known. */
static bool refuse_undo(struct group *g)
{
    if (!g->undoes || g->speculates || g->database->d1->traits.in_process)
        return false;
    if (g->batch_end) { /* the error that waits behind the writes takes the place of the first */
        struct str error = g->batch_end->error;
        struct step *write = first_write(g);
        cut(g, write, write->queued_at);
        struct step *step = ARENA_NEW(g->arena, struct step);
        if (step) {
            step->error = error;
            append(g, step);
            return true;
        }
    }
    struct err err;
    err_init(&err, g->arena);
    err_unsupported(&err, "rolling back a pipelined transaction with writes");
    err_hint(&err, "Nothing of it was sent.");
    refuse(g, &err);
    return true;
}

/* ---- lookups: what a write reads before it is sent ---- */

enum { LOOKUPS_MAX = 5 };

/* What a lookup reads must not be what its own transaction has written and not sent yet. */
static bool reads_own_writes(const struct group *g, const struct step *step)
{
    const struct plan *reader = step->x.plan;
    for (const struct step *s = g->head; s != step; s = s->next) {
        if (s->is_ddl)
            return true;
        for (size_t i = 0; i < s->x.plan->n_writes; i++)
            for (size_t k = 0; k < reader->n_reads; k++)
                if (s->x.plan->writes[i]->oid == reader->reads[k]->oid)
                    return true;
    }
    return buffer_reaches(&g->session->transaction.buffer, reader);
}

static struct step *next_lookup(struct group *g)
{
    for (struct step *step = g->head; step != g->batch_end; step = step->next)
        if (step->x.plan->lookup && !step->texts)
            return step;
    return NULL;
}

/* The error takes the step's place; what waits before it is still answered. */
static void fail_lookup(struct group *g, struct step *step, const struct err *err)
{
    cut(g, step, step->queued_at);
    group_add_error(g, err);
}

static bool refuse_lookup(struct group *g)
{
    struct step *step = next_lookup(g);
    struct err err;
    if (!step || !reads_own_writes(g, step))
        return false;
    err_init(&err, g->arena);
    err_unsupported(&err, "a change computed outside of D1 from rows that the same transaction wrote before");
    err_hint(&err, "Commit first, or read the rows and write the computed values.");
    fail_lookup(g, step, &err);
    return true;
}

static enum d1_flow on_lookup_row(struct d1_request *r, size_t statement, const struct value *cells, size_t n)
{
    struct group *g = r->user;
    if (!g->session)
        return D1_STOP;
    struct value *text = &g->looking->texts[statement];
    *text = n ? cells[0] : value_null();
    if (text->class == VALUE_TEXT)
        text->bytes = arena_str(g->arena, text->bytes);
    return D1_CONTINUE;
}

static void on_lookup_done(struct d1_request *r);

/* The lookup's statements with values; false: the step has become another one, or an error. */
static bool bind_lookup(struct group *g, struct step *step, struct d1_statement **ret)
{
    bool again = false;
    struct err err;
    err_init(&err, g->arena);
    step->texts = ARENA_ARRAY(g->arena, struct value, step->x.plan->lookup->n_statements + 1);
    if (!step->texts)
        err_oom(&err);
    else if (execute_bind_lookup(g->session, &step->x, g->arena, ret, &again, &err) && !again)
        return true;
    if (again && !step->forced_local && replan(g, step, true, &err))
        return false;
    if (!err_is_set(&err))
        err_unsupported(&err, "a value of this statement");
    fail_lookup(g, step, &err);
    return false;
}

static enum run submit_lookup(struct group *g, struct step *step)
{
    struct session *s = g->session;
    const struct config *c = s->serving->config;
    uint64_t timeout = s->gucs.live.statement_timeout_us, limit = c->d1_timeout_us;
    struct d1_statement *statements;
    if (!bind_lookup(g, step, &statements))
        return next(g);
    step->lookups++;
    g->d1_timeout = !timeout || limit < timeout;
    g->request = (struct d1_request){
        .statements = statements,
        .n_statements = step->x.plan->lookup->n_statements,
        .access = D1_READ,
        .session = d1_session(g),
        .deadline_us = worker_now(g->worker) + (g->d1_timeout ? limit : timeout),
        .max_result_bytes = c->max_result_bytes,
        .on_row = on_lookup_row,
        .done = on_lookup_done,
        .user = g,
        .arena = g->arena,
    };
    g->looking = step;
    g->streams = g->paused = false;
    g->in_flight = true;
    session_wait(s);
    database_submit(g->database, &g->request);
    return RUN_WAIT;
}

/* ---- running ---- */

static enum run next(struct group *g)
{
    struct session *s = g->session;
    while (g->head || commits_block(g)) {
        if (g->head && g->head->error.p) {
            fail_at_head(g, NULL);
            return RUN_OVER;
        }
        size_t n = choose_batch(g);
        if (refuse_second_write(g) || refuse_undo(g)) {
            if (s->state == SESSION_CLOSED)
                return RUN_OVER;
            continue;
        }
        if (refuse_lookup(g))
            continue;
        struct step *looking = next_lookup(g);
        if (looking)
            return submit_lookup(g, looking);
        return n ? submit(g, n) : answer_without_d1(g);
    }
    g->is_running = false;
    g->one_by_one = false;
    if (g->goal == GOAL_SYNC) {
        session_end_cycle(s);
        return RUN_OVER;
    }
    return RUN_ON;
}

enum run group_run(struct group *g, enum goal goal, enum group_end end)
{
    g->goal = goal;
    g->end = end;
    g->is_running = true;
    g->tries = 0;
    return next(g);
}

/* On from a callback: nobody up the stack holds the group. */
static void go_on(struct group *g)
{
    struct session *s = g->session;
    if (next(g) == RUN_ON)
        session_wake(s);
}

/* ---- the batch is done ---- */

static void note_bookmark(struct group *g)
{
    struct session *s = g->session;
    struct str bookmark = g->request.bookmark;
    if (bookmark.n == 0 || bookmark.n > BOOKMARK_MAX)
        return;
    schema_saw_bookmark(g->database->schema, bookmark);
    if (!s || (s->bookmark && str_is(bookmark, s->bookmark)))
        return;
    char *copy = strndup(bookmark.p, bookmark.n);
    if (copy) {
        free(s->bookmark);
        s->bookmark = copy;
        s->bookmark_changed = 1;
    }
}

static void note_schema(struct group *g, bool committed)
{
    if (!g->schema_reader)
        return;
    struct err err;
    err_init(&err, g->arena);
    struct snapshot *snapshot = committed ? snapshot_reader_finish(g->schema_reader, &err) : NULL;
    if (snapshot)
        database_schema_changed(g->database, snapshot, g->schema_seen);
    else if (committed || g->request.error.may_have_run)
        database_schema_suspect(g->database);
    schema_drop(g);
    if (g->session && committed)
        overlay_drop(&g->session->transaction.overlay);
}

/* D1 has taken the batch back as asked, but the transport does not say what its members gave: the writes cannot be answered. */
static void undone_unanswered(struct group *g)
{
    struct err err;
    err_init(&err, g->arena);
    if (g->batch_end) {
        g->head->error = g->batch_end->error;
        fail_at_head(g, NULL);
        return;
    }
    err_unsupported(&err, "rolling back a pipelined transaction with writes");
    err_hint(&err, "Nothing of it was kept.");
    fail_at_head(g, &err);
}

/* D1 kept what had to be taken back: nothing about the data can be promised any more. */
static void kept_against_will(struct group *g)
{
    struct err err;
    err_init(&err, g->arena);
    log_event(LOG_LEVEL_ERROR, "batch_not_undone", "database=%s", g->database->name);
    err_set(&err, SQLSTATE_INTERNAL_ERROR, "D1 kept changes that pgd1 had asked it to take back");
    err_hint(&err, "Check the data, and use transaction blocks on this database only in one string or pipeline.");
    fail_at_head(g, &err);
}

/* The rows and counts that the error text carried. */
static bool take_carried(struct group *g, struct err *err)
{
    struct speculation *sp = &g->speculation;
    struct step *step = g->head;
    struct value *cells;
    if (!speculation_read(sp, g->request.error.message, err))
        return false;
    g->request.results = ARENA_ARRAY(g->arena, struct d1_result, step->first + sp->n_captures);
    if (!g->request.results)
        return err_oom(err);
    for (size_t i = 0; i < sp->n_captures; i++) {
        g->request.results[step->first + i].changes = sp->captures[i].changes;
        for (size_t k = 0; k < sp->captures[i].n_rows && !step->failed; k++) {
            if (!speculation_cells(sp, i, k, &cells, err))
                return false;
            take_row(g, step, i, cells, sp->captures[i].n_columns);
        }
    }
    return true;
}

static void note_changes(struct group *g)
{
    struct speculation *sp = &g->speculation;
    for (size_t i = 0; i < sp->n_captures; i++)
        if (sp->captures[i].statement.wants_changes) {
            sp->captures[i].has_changes = true;
            sp->captures[i].changes = g->request.results[g->head->first + i].changes;
        }
}

/* A batch of several steps that are tried out together did not work: which of them, is seen one by one. */
static bool try_one_by_one(struct group *g)
{
    if (!g->speculates || g->batch_steps < 2)
        return false;
    g->one_by_one = true;
    go_on(g);
    return true;
}

static bool keep_steps(struct group *g, struct err *err)
{
    size_t first = 0;
    for (const struct step *step = g->head; step != g->batch_end; step = step->next) {
        if (!speculation_keep(&g->speculation, first, step->n_statements, &g->session->transaction.buffer,
                              step->position, step->x.plan, g->database->d1->traits.max_params, err))
            return false;
        first += step->n_statements;
    }
    return true;
}

/* The steps were tried out: they join the buffer, and are answered. */
static void tried_out(struct group *g)
{
    struct speculation *sp = &g->speculation;
    struct step *step = g->head;
    struct err err;
    err_init(&err, g->arena);
    if (!sp->carries && g->request.results)
        note_changes(g);
    bool known = sp->carries ? take_carried(g, &err) : g->request.results != NULL;
    if (!known && try_one_by_one(g))
        return;
    if (!known || !keep_steps(g, &err)) {
        err_set(&err, SQLSTATE_INTERNAL_ERROR, "D1 did not return what a statement of the transaction gave");
        fail_at_head(g, &err);
        return;
    }
    for (size_t i = 0; i < sp->n_captures; i++)
        if (sp->captures[i].is_generated)
            reservation_learn(&g->database->schema->reservations, step->x.plan->snapshot->version,
                              sp->captures[i].relation->sqlite_name, speculation_highest(sp, i));
    if (answer_until(g, g->batch_end, g->request.results))
        go_on(g);
}

static void succeeded(struct group *g)
{
    bool committed = !g->undoes;
    if (!committed && g->request.error.kind == D1_OK) {
        kept_against_will(g);
        return;
    }
    if (g->speculates) {
        tried_out(g);
        return;
    }
    if (!committed && !g->request.results) {
        undone_unanswered(g);
        return;
    }
    note_schema(g, committed);
    if (committed && g->batch_writes)
        g->session->cancelled = 0; /* too late: it is done */
    if (committed && g->n_before)
        buffer_fini(&g->session->transaction.buffer);
    if (committed && g->batch_writes && g->end == END_IMPLICIT)
        g->wrote = true;
    if (answer_until(g, g->batch_end, g->request.results))
        go_on(g);
}

/* Every statement ran, and the check at the end of the batch failed: COMMIT is what fails, and ends the block. */
static bool failed_at_end(const struct group *g)
{
    return g->request.error.failed > g->schema_first && g->request.results;
}

/* What the block did before does not give any more what it gave: another session has changed the data. */
static bool failed_before(const struct group *g)
{
    const struct d1_error *e = &g->request.error;
    if (!g->n_before || e->kind != D1_ERROR_SQL)
        return false;
    if (e->failed)
        return e->failed <= g->n_before;
    return g->batch_steps == 0 || d1_error_is_guard(e->message, STR(CAPTURE_CONFLICT));
}

/* The step that D1 refused; NULL: it does not say. */
static struct step *failed_step(struct group *g)
{
    size_t failed = g->request.error.failed;
    if (failed_before(g))
        return NULL;
    if (g->batch_steps == 1 && !failed_at_end(g))
        return g->head;
    if (g->request.error.kind != D1_ERROR_SQL || failed == 0)
        return NULL;
    for (struct step *step = g->head; step != g->batch_end; step = step->next)
        if (failed - 1 < step->first + step->n_statements)
            return step;
    return NULL;
}

/* The only one of the batch that can have failed so; NULL: several can. */
static struct step *only_step_that_fits(struct group *g)
{
    struct step *found = NULL;
    for (struct step *step = g->head; step != g->batch_end; step = step->next) {
        if (!d1_error_fits(g->request.error.message, step->x.plan, g->database->snapshot))
            continue;
        if (found)
            return NULL;
        found = step;
    }
    return found;
}

/* Part of the answer is out already. */
static bool has_given(const struct group *g)
{
    return g->streams && g->head->emitter.began;
}

static bool described_already(const struct group *g, const struct step *step)
{
    return step->x.portal != NULL || (step == g->head && has_given(g));
}

static bool same_columns(const struct plan *a, const struct plan *b)
{
    bool same = a->n_columns == b->n_columns;
    for (size_t i = 0; same && i < a->n_columns; i++)
        same = a->columns[i].type == b->columns[i].type && a->columns[i].typmod == b->columns[i].typmod &&
               str_eq(a->columns[i].name, b->columns[i].name);
    return same;
}

static bool replan(struct group *g, struct step *step, bool force_local, struct err *err)
{
    struct plan *plan;
    bool again;
    if (!planning_again(g->session, &step->x.source, step->x.plan, force_local, true, &plan, err))
        return false;
    if (described_already(g, step) && !same_columns(plan, step->x.plan)) {
        plan_unref(plan);
        return err_set(err, SQLSTATE_FEATURE_NOT_SUPPORTED, "cached plan must not change result type");
    }
    for (size_t i = 0; step->inputs && i < step->x.plan->local->n_inputs; i++)
        local_rows_free(step->inputs[i]);
    step->inputs = NULL;
    plan_unref(step->x.plan);
    step->x.plan = plan;
    step->x.literals = NULL;
    step->x.n_literals = 0;
    step->x.literal_offsets = NULL;
    step->n_statements = plan->n_statements;
    step->texts = NULL;
    step->forced_local |= force_local;
    if (!execute_bind(g->session, &step->x, g->arena, &step->statements, &again, err) || again)
        return err_set(err, SQLSTATE_INTERNAL_ERROR, "the statement cannot be planned again");
    return true;
}

static void fail_at_end(struct group *g, const struct err *err)
{
    if (g->end == END_COMMIT)
        transaction_end(&g->session->transaction, false, false, &g->session->gucs);
    if (!answer_until(g, g->batch_end, g->request.results))
        return;
    if (group_add_error(g, err))
        go_on(g);
}

static void fail_steps(struct group *g, struct step *at, const struct err *err)
{
    if (at && g->request.results && !answer_until(g, at, g->request.results))
        return;
    fail_at_head(g, err);
}

static bool schema_changed_for(const struct group *g)
{
    const struct snapshot *now = g->database->snapshot;
    return now && now->version != g->head->x.plan->snapshot->version;
}

/* The schema has been read again: the batch is planned on it and sent once more, or its first error stands. */
static void after_refresh(struct session *s)
{
    struct group *g = s->group;
    struct err err;
    err_init(&err, g->arena);
    s->wake = g->wake_before;
    s->schema_since_us = 0;
    bool again = !s->wait_failed && !s->cancelled && schema_changed_for(g);
    s->wait_failed = 0;
    session_wait(s);
    for (struct step *step = g->head; again && step != g->batch_end; step = step->next)
        if (!replan(g, step, false, &err))
            break;
    if (!again || err_is_set(&err))
        fail_at_head(g, again ? &err : g->first_error);
    else
        go_on(g);
}

static bool refresh(struct group *g, const struct err *err)
{
    struct session *s = g->session;
    if (g->refreshed || has_given(g) || s->cancelled)
        return false;
    for (const struct step *step = g->head; step != g->batch_end; step = step->next)
        if (step->bulk)
            return false; /* its rows were made for the schema they began with */
    g->first_error = ARENA_NEW(g->arena, struct err);
    if (!g->first_error)
        return false;
    err_init(g->first_error, g->arena);
    err_copy(g->first_error, err);
    g->refreshed = true;
    g->wake_before = s->wake;
    s->wake = after_refresh;
    s->schema_since_us = worker_now(g->worker);
    planning_wait_schema(s);
    return true;
}

/* Without `at` D1 does not tell which one asked for it: every one that may have. Nothing of the batch has happened. */
static bool try_locally(struct group *g, struct step *at, struct err *said)
{
    struct err err;
    bool again = false;
    err_init(&err, g->arena);
    if (has_given(g))
        return false;
    for (struct step *step = g->head; step != g->batch_end; step = step->next) {
        bool may_have = at ? step == at : d1_error_fits(g->request.error.message, step->x.plan, g->database->snapshot);
        if (!may_have || step->forced_local)
            continue;
        if (!replan(g, step, true, &err)) {
            if (said->code == SQLSTATE_INTERNAL_ERROR) {
                err_clear(said);
                err_copy(said, &err); /* why it cannot be done here either */
            }
            return false;
        }
        again = true;
    }
    if (again)
        go_on(g);
    return again;
}

static bool is_constraint(const struct err *err)
{
    const char *code = sqlstate_code(err->code);
    return (code[0] == '2' && (code[1] == '2' || code[1] == '3')) || err->code == SQLSTATE_T_R_SERIALIZATION_FAILURE;
}

/* A batch that is taken back changes nothing, even when its answer is lost. */
static struct d1_asked what_was_asked(const struct group *g, const struct step *step)
{
    const struct plan *plan = step ? step->x.plan : NULL;
    bool as_planned = step && !step->bulk && step->n_statements == plan->n_statements;
    const struct snapshot *own = g->session->transaction.overlay.schema;
    return (struct d1_asked){ .plan = plan,
                              .snapshot = own ? own : g->database->snapshot,
                              .is_write = g->batch_writes && !g->undoes,
                              .statements = as_planned ? step->statements : NULL,
                              .types = &g->session->gucs.live.types,
                              .d1_timeout_us = g->d1_timeout ? g->session->serving->config->d1_timeout_us : 0 };
}

static void earlier_error(struct group *g, const struct d1_asked *asked, struct err *err)
{
    struct err why;
    err_init(&why, g->arena);
    d1_error_map(&g->request.error, asked, &why);
    if (!is_constraint(&why) || d1_error_is_guard(g->request.error.message, STR(KEYS_PAYLOAD))) {
        err_copy(err, &why);
        return;
    }
    err_set(err, SQLSTATE_T_R_SERIALIZATION_FAILURE, "could not serialize access due to concurrent update");
    if (why.code != SQLSTATE_T_R_SERIALIZATION_FAILURE)
        err_detail(err, "%.*s", STR_FMT(why.message));
    err_hint(err, "The transaction might succeed if retried.");
}

/* Rows that were looked up have changed before the batch came: all of it is read again. */
static bool look_again(struct group *g)
{
    unsigned most = 0;
    for (struct step *step = g->head; step != g->batch_end; step = step->next)
        most = step->lookups > most ? step->lookups : most;
    if (most == 0 || most >= LOOKUPS_MAX)
        return false;
    for (struct step *step = g->head; step != g->batch_end; step = step->next)
        step->texts = NULL;
    go_on(g);
    return true;
}

static void looked_up(struct group *g, struct step *step)
{
    struct err err;
    err_init(&err, g->arena);
    if (!execute_lookup(g->session, &step->x, step->texts, step->statements, g->arena, &err))
        fail_lookup(g, step, &err);
    go_on(g);
}

static void lookup_failed(struct group *g, struct step *step)
{
    struct err err;
    err_init(&err, g->arena);
    metric_add(&g->worker->metrics, METRIC_d1_errors, 1);
    struct d1_asked asked = what_was_asked(g, step);
    asked.statements = NULL;
    asked.is_write = false;
    enum d1_remedy remedy = d1_error_map(&g->request.error, &asked, &err);
    step->texts = NULL;
    if ((remedy == D1_REMEDY_REFRESH && refresh(g, &err)) || (remedy == D1_REMEDY_LOCAL && try_locally(g, step, &err)))
        return;
    fail_lookup(g, step, &err);
    go_on(g);
}

static void on_lookup_done(struct d1_request *r)
{
    struct group *g = r->user;
    struct step *step = g->looking;
    metric_add(&g->worker->metrics, METRIC_round_trips, r->round_trips);
    if (g->session && database_send_again(g->database, r, &g->tries))
        return;
    g->in_flight = false;
    g->looking = NULL;
    note_bookmark(g);
    if (!g->session)
        group_free(g);
    else if (r->error.kind == D1_OK)
        looked_up(g, step);
    else
        lookup_failed(g, step);
}

/* A check of the block failed, or a statement of it that had worked. */
static void failed_earlier(struct group *g)
{
    struct err err;
    struct d1_asked asked = what_was_asked(g, NULL);
    err_init(&err, g->arena);
    earlier_error(g, &asked, &err);
    if (g->head)
        fail_at_head(g, &err);
    else
        fail_at_end(g, &err);
}

/* Where the transport gives no results of a failed batch, the error stands in the place of its first statement. */
static void tell_member(struct group *g, const struct step *at, struct err *err)
{
    size_t number = 1;
    if (g->batch_steps < 2 || g->request.results || g->request.error.kind != D1_ERROR_SQL || err->hint.n)
        return;
    for (const struct step *step = g->head; at && step != at; step = step->next)
        number++;
    if (at)
        err_hint(err, "It was statement %zu of the %zu that were sent to D1 as one batch; none of them took effect.",
                 number, g->batch_steps);
    else
        err_hint(err,
                 "D1 does not tell which of the %zu statements sent as one batch failed; none of them took effect.",
                 g->batch_steps);
}

static void failed(struct group *g)
{
    struct step *at = failed_step(g);
    struct err err;
    err_init(&err, g->arena);
    metric_add(&g->worker->metrics, METRIC_d1_errors, 1);
    note_schema(g, false);
    if (failed_before(g)) {
        failed_earlier(g);
        return;
    }
    if (g->request.error.kind == D1_ERROR_SQL && try_one_by_one(g))
        return;
    if (!at && g->request.error.kind == D1_ERROR_SQL && !g->batch_writes) {
        g->one_by_one = true; /* reads can be asked one at a time: then the failing one is known */
        go_on(g);
        return;
    }
    if (!at && g->request.error.kind == D1_ERROR_SQL)
        at = only_step_that_fits(g);
    struct d1_asked asked = what_was_asked(g, at); /* of another step, its tables and values would be told */
    enum d1_remedy remedy = d1_error_map(&g->request.error, &asked, &err);
    tell_member(g, at, &err);
    if (!g->head) {
        fail_at_end(g, &err);
        return;
    }
    if (remedy == D1_REMEDY_REFRESH && refresh(g, &err))
        return;
    if (remedy == D1_REMEDY_LOCAL && try_locally(g, at, &err))
        return;
    if (remedy == D1_REMEDY_AGAIN && look_again(g))
        return;
    if (g->head->failed &&
        g->request.error.kind == D1_ERROR_CANCELLED) { /* we stopped it ourselves: the row's error counts */
        err_clear(&err);
        err_copy(&err, g->head->failed);
    }
    if (failed_at_end(g)) {
        fail_at_end(g, &err);
        return;
    }
    if (err.code == SQLSTATE_QUERY_CANCELED && g->request.error.kind == D1_ERROR_DEADLINE && !g->d1_timeout)
        metric_add(&g->worker->metrics, METRIC_statement_timeouts, 1);
    fail_steps(g, at, &err);
}

static bool undone_as_asked(const struct group *g)
{
    const struct d1_error *e = &g->request.error;
    bool carries = g->speculates && g->speculation.carries;
    return g->undoes && e->kind == D1_ERROR_SQL &&
           d1_error_is_guard(e->message, carries ? STR(">[") : STR(UNDO_PAYLOAD));
}

/* ---- COMMIT in doubt ---- */

static void send_fence(struct group *g);

static void resolve_again(struct timer *t)
{
    struct group *g = (struct group *)((char *)t - offsetof(struct group, resolution.timer));
    g->resolution.is_waiting = false;
    if (g->resolution.state == RESOLUTION_FENCE)
        send_fence(g);
    else
        go_on(g); /* the same batch once more */
}

static void resolve_later(struct group *g, uint64_t wait_us)
{
    g->resolution.is_waiting = true;
    g->resolution.timer.fire = resolve_again;
    worker_timer(g->worker, &g->resolution.timer, worker_now(g->worker) + wait_us);
}

static enum d1_flow on_fence_row(struct d1_request *r, size_t statement, const struct value *cells, size_t n)
{
    struct group *g = r->user;
    (void)statement, (void)cells, (void)n;
    g->resolution.fenced = true;
    return D1_CONTINUE;
}

static void send_fence(struct group *g)
{
    struct d1_statement *fence = ARENA_ARRAY(g->arena, struct d1_statement, RESOLUTION_MEMBERS);
    if (!fence) { /* no memory is no answer: later */
        resolve_later(g, 1000000);
        return;
    }
    resolution_members(&g->resolution, fence);
    fence[1] = resolution_fence(&g->resolution);
    g->resolution.fenced = false;
    g->request = (struct d1_request){ .statements = fence,
                                      .n_statements = RESOLUTION_MEMBERS,
                                      .access = D1_WRITE,
                                      .session = d1_session(g),
                                      .identity = g->resolution.id.bytes,
                                      .deadline_us = worker_now(g->worker) + g->session->serving->config->d1_timeout_us,
                                      .on_row = on_fence_row,
                                      .done = on_done,
                                      .user = g,
                                      .arena = g->arena };
    g->in_flight = true;
    database_submit(g->database, &g->request);
}

/* The block is gone, as committed or not; the error is what the client hears of it. */
static void end_commit(struct group *g, bool committed, const struct err *err)
{
    struct session *s = g->session;
    note_schema(g, false);
    if (committed)
        database_schema_suspect(g->database);
    transaction_end(&s->transaction, committed, false, &s->gucs);
    if (g->head)
        fail_at_head(g, err);
    else if (group_add_error(g, err))
        go_on(g);
}

/* It had run before its answer was lost. */
static void committed_before(struct group *g)
{
    struct err err;
    err_init(&err, g->arena);
    if (!g->head) {
        note_schema(g, false);
        if (g->session->transaction.buffer.n_ddl)
            database_schema_suspect(g->database);
        g->session->cancelled = 0;
        buffer_fini(&g->session->transaction.buffer);
        go_on(g);
        return;
    }
    err_set(&err, SQLSTATE_TRANSACTION_RESOLUTION_UNKNOWN,
            "the transaction was committed, but the answers of its last statements were lost");
    err_detail(&err, "Its id is %s.", g->resolution.digits);
    end_commit(g, true, &err);
}

static void begin_fence(struct group *g)
{
    struct resolution *r = &g->resolution;
    struct d1_asked asked = what_was_asked(g, NULL);
    r->failure = ARENA_NEW(g->arena, struct err);
    if (r->failure) {
        err_init(r->failure, g->arena);
        earlier_error(g, &asked, r->failure);
    }
    send_fence(g);
}

static void fence_holds(struct group *g)
{
    struct err oom = { .code = SQLSTATE_OUT_OF_MEMORY, .message = STR("out of memory") };
    end_commit(g, false, g->resolution.failure ? g->resolution.failure : &oom);
}

static void never_known(struct group *g)
{
    struct err err;
    err_init(&err, g->arena);
    resolution_unknown(&g->resolution, &err);
    end_commit(g, false, &err);
}

/* True: the answer has been dealt with. */
static bool resolve(struct group *g)
{
    uint64_t wait = 0, timeout = g->session->serving->config->commit_resolution_timeout_us;
    if (g->resolution.state == RESOLUTION_NONE)
        return false;
    switch (resolution_next(&g->resolution, &g->request.error, worker_now(g->worker), timeout, &wait)) {
    case RESOLUTION_ANSWER:
        return false;
    case RESOLUTION_COMMITTED:
        committed_before(g);
        return true;
    case RESOLUTION_AGAIN:
        metric_add(&g->worker->metrics, METRIC_d1_errors, 1);
        schema_drop(g);
        resolve_later(g, wait);
        return true;
    case RESOLUTION_BEGIN_FENCE:
        begin_fence(g);
        return true;
    case RESOLUTION_FAILED:
        fence_holds(g);
        return true;
    case RESOLUTION_UNKNOWN:
        never_known(g);
        return true;
    }
    return false;
}

static void on_done(struct d1_request *r)
{
    struct group *g = r->user;
    metric_add(&g->worker->metrics, METRIC_round_trips, r->round_trips);
    if (g->session && database_send_again(g->database, r, &g->tries))
        return;
    g->in_flight = false;
    note_bookmark(g);
    if (!g->session) {
        note_schema(g, r->error.kind == D1_OK);
        group_free(g);
        return;
    }
    if (resolve(g))
        return;
    if (r->error.kind == D1_OK || undone_as_asked(g))
        succeeded(g);
    else
        failed(g);
}
