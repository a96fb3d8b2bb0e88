/*
 * group_batch.c - one batch of a group: which steps it takes, its members, its rows as they come, its end.
 *
 *   identity | where tables go on counting | the block's buffer | the steps, each with its count noted | schema, sequences, undo, purge,
 *   deferred keys
 *
 * Not here what a failure means: group_failure.c. The forms of steps that are tried out: group_tryout.c.
 */
#include "proxy/group_private.h"

#include "proxy/base/log.h"
#include "proxy/planning.h"

/* The last member of a batch that must not stay: fails with a text nobody else uses (facts: bad JSON path). */
#define UNDO_PAYLOAD "!pgd1 undo"
#define UNDO_SQL "SELECT json_extract('{}', '" UNDO_PAYLOAD "')"

/* ---- which steps ---- */

/* Whether the batch takes this step too. */
static bool takes(const struct group *g, const struct step *step)
{
    if (step->error.p)
        return false;
    if (g->prefix.on)
        return g->batch_steps < g->prefix.tried;
    if (g->speculates || g->one_by_one)
        return g->batch_steps == 0 || group_may_join(g, step);
    return !group_must_speculate(g, step) && (g->batch_steps == 0 || !group_draws(g, step));
}

/* Which steps go now, and whether their effects are to stay. */
size_t group_choose_batch(struct group *g)
{
    struct buffer *before = &g->session->transaction.buffer;
    struct step *step = g->head;
    bool commits = group_commits_block(g);
    g->batch_steps = 0;
    g->batch_writes = commits && before->n_writes;
    g->speculates = g->prefix.on || (step && group_must_speculate(g, step));
    bool alone = group_reads_alone(g);
    g->n_buffered = 0;
    struct visible visible = g->speculates && !commits ? group_visible_to(g, step) : (struct visible){ 0 };
    g->no_memory = ((g->speculates && !alone) || commits) &&
                   !buffer_members(before, &visible, g->arena, &g->buffered, &g->n_buffered);
    g->n_before = g->n_buffered;
    size_t n = g->n_before;
    bool draws = step && !step->error.p && group_draws(g, step);
    for (; step && takes(g, step) && (!draws || g->batch_steps == 0); step = step->next) {
        step->first = n;
        n += step->n_statements;
        g->batch_steps++;
        g->batch_writes |= step->is_write;
    }
    g->batch_end = step;
    if (g->speculates)
        g->undoes = g->batch_writes || (before->n_writes && !alone);
    else
        g->undoes =
            g->batch_writes && !draws && (step != NULL || g->end == END_ROLLBACK || g->rehearsal == REHEARSAL_ON);
    n += group_make_identity(g);
    group_leave_reserved(g);
    return n + g->n_ahead + g->no_memory; /* what the block did is not forgotten: it is submitted, and fails */
}

/* ---- its rows ---- */

static struct step *step_of(struct group *g, size_t statement)
{
    while (g->at_row->next && statement >= g->at_row->first + g->at_row->n_statements)
        g->at_row = g->at_row->next;
    return g->at_row;
}

bool group_fail_row(struct group *g, struct step *step, const struct err *err)
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
    return group_fail_row(g, step, &err);
}

bool group_take_row(struct group *g, struct step *step, size_t index, const struct value *cells, size_t n)
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
    return group_fail_row(g, step, &err);
}

static enum d1_flow on_row(struct d1_request *r, size_t statement, const struct value *cells, size_t n)
{
    struct group *g = r->user;
    struct session *s = g->session;
    metric_add(&g->worker->metrics, METRIC_d1_rows, 1);
    if (!s)
        return D1_STOP;
    if (g->n_sequences && statement >= g->sequence_first && statement < g->sequence_first + g->n_sequences) {
        if (n == 1)
            sequence_values_take(&s->sequences, statement - g->sequence_first, &cells[0]);
        return D1_CONTINUE;
    }
    if (g->schema_reader && statement >= g->schema_first) {
        if (!snapshot_reader_row(g->schema_reader, statement - g->schema_first, cells, n))
            group_schema_drop(g);
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
        return group_take_captured(g, step, statement, cells);
    if (!group_take_row(g, step, statement - step->first, cells, n))
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

/* ---- what is sent ---- */

bool group_prepare_steps(struct group *g)
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
                                          .portal = step->x.portal,
                                          .taker = step->x.taker };
        if (step->x.sink == SINK_STORE) /* rows of an answer that broke off */
            rowstore_clear(&step->x.portal->rows);
        if (step->x.taker)
            step->x.taker->begin(step->x.taker->ctx);
        if (plan->is_raw && step->x.describe && step->x.sink == SINK_CLIENT) {
            step->emitter.classes = ARENA_ARRAY(g->arena, unsigned char, plan->n_columns);
            if (!step->emitter.classes)
                return false;
        }
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

struct str group_d1_session(struct group *g)
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

void group_ask(struct group *g, struct d1_statement *statements, size_t n, enum d1_access access,
               enum d1_flow (*row)(struct d1_request *, size_t, const struct value *, size_t),
               void (*done)(struct d1_request *))
{
    g->request = (struct d1_request){
        .statements = statements,
        .n_statements = n,
        .access = access,
        .session = group_d1_session(g),
        .deadline_us = group_deadline(g),
        .max_result_bytes = g->session->serving->config->max_result_bytes,
        .on_row = row,
        .done = done,
        .user = g,
        .arena = g->arena,
    };
    g->streams = g->paused = false;
    g->in_flight = true;
    session_wait(g->session);
    database_submit(g->database, &g->request);
}

/* False: the request was sent again. */
static bool has_come(struct group *g, struct d1_request *r)
{
    metric_add(&g->worker->metrics, METRIC_round_trips, r->round_trips);
    if (database_send_again(g->database, r, &g->tries, g->session != NULL))
        return false;
    g->in_flight = false;
    group_note_bookmark(g);
    return true;
}

bool group_is_answered(struct group *g, struct d1_request *r)
{
    if (!has_come(g, r))
        return false;
    if (g->session)
        return true;
    group_free(g);
    return false;
}

enum d1_flow group_ignore_row(struct d1_request *r, size_t statement, const struct value *cells, size_t n)
{
    (void)r, (void)statement, (void)cells, (void)n;
    return D1_CONTINUE;
}

static bool mentions(const struct group *g, struct str what)
{
    for (const struct step *step = g->head; step != g->batch_end; step = step->next)
        for (size_t i = 0; i < step->n_statements; i++)
            if (str_find(step->statements[i].sql, what) >= 0)
                return true;
    return false;
}

/* Between the batches of one run the shadow knows what its DDL leaves, where nothing else changes the schema. */
static bool carries_schema(struct group *g)
{
    uint32_t last = 0;
    if (!g->has_successor || g->n_ddl == 0 || g->batch_end || g->n_before != g->identity)
        return false;
    for (const struct step *step = g->head; step; step = step->next) {
        if (step->is_ddl)
            last = step->position;
        for (size_t i = 0; step->is_write && !step->is_ddl && i < step->n_statements; i++)
            if (str_find(step->statements[i].sql, STR("_pgd1_catalog")) >= 0)
                return false;
    }
    const struct snapshot *schema = group_schema(g);
    if (!schema || !overlay_knows(&g->session->transaction.overlay, last))
        return false;
    g->carried = snapshot_ref(schema);
    return true;
}

/* DDL brings the schema it leaves behind: no second request to read it. */
static const struct d1_statement *schema_statements(struct group *g, size_t *ret_n)
{
    *ret_n = 0;
    group_schema_drop(g);
    const struct buffer *before = &g->session->transaction.buffer;
    bool ddl = g->n_ddl || (g->n_before && before->n_ddl);
    if ((!ddl && !g->wants_schema) || g->undoes || !g->batch_writes)
        return NULL;
    g->schema_seen = g->database->generation;
    if (carries_schema(g))
        return NULL;
    g->schema_reader = snapshot_reader_new();
    const struct snapshot *now = g->database->snapshot;
    bool side = (now && now->has_side_catalog) || mentions(g, STR("_pgd1_catalog")) ||
                buffer_mentions(before, STR("_pgd1_catalog"));
    return g->schema_reader ? snapshot_statements_for(side, ret_n) : NULL;
}

static bool fill_request(struct group *g, size_t n)
{
    size_t n_schema;
    const struct d1_statement *schema = schema_statements(g, &n_schema);
    const struct speculation *sp = g->speculates ? &g->speculation : NULL;
    bool undo = g->undoes && !(sp && sp->carries);
    if (sp)
        n = g->n_before + sp->n_statements;
    struct d1_statement purging;
    struct d1_statement *keys = NULL;
    size_t n_keys;
    bool purge = g->identity && resolution_purges() &&
                 resolution_purge(clock_wall_us(g->worker->clock),
                                  g->session->serving->config->exactly_once_retention_us, g->arena, &purging);
    struct d1_statement sequences[SEQUENCE_MEMBERS_MAX];
    g->n_sequences = 0;
    if (g->batch_writes && !g->undoes && !sp &&
        !sequence_values_members(&g->session->sequences, g->arena, sequences, &g->n_sequences))
        return false;
    if (!group_keys_at_end(g, &keys, &n_keys))
        return false;
    size_t total = n + n_schema + g->n_sequences + undo + purge + n_keys;
    struct d1_statement *all = ARENA_ARRAY(g->arena, struct d1_statement, total);
    if (!all)
        return false;
    group_fill_identity(g, all);
    if (g->n_ahead)
        memcpy(&all[g->identity], g->ahead, g->n_ahead * sizeof(*all));
    if (g->n_buffered)
        memcpy(&all[g->identity + g->n_ahead], g->buffered, g->n_buffered * sizeof(*all));
    if (sp && sp->n_ahead)
        memcpy(&all[g->n_before - sp->n_ahead], sp->ahead, sp->n_ahead * sizeof(*all));
    if (sp && sp->n_statements)
        memcpy(&all[g->n_before], sp->statements, sp->n_statements * sizeof(*all));
    for (struct step *step = g->head; !sp && step != g->batch_end; step = step->next)
        if (step->n_statements)
            memcpy(&all[step->first], step->statements, step->n_statements * sizeof(*all));
    if (n_schema)
        memcpy(&all[n], schema, n_schema * sizeof(*all));
    g->sequence_first = n + n_schema;
    if (g->n_sequences)
        memcpy(&all[g->sequence_first], sequences, g->n_sequences * sizeof(*all));
    if (undo)
        all[n] = (struct d1_statement){ .sql = STR(UNDO_SQL) };
    if (purge)
        all[total - 1 - n_keys] = purging;
    if (n_keys)
        memcpy(&all[total - n_keys], keys, n_keys * sizeof(*all));
    g->schema_first = n;
    g->request.statements = all;
    g->request.n_statements = total;
    return true;
}

/* Before anything is sent: without a step it is COMMIT that fails. In doubt it is tried again later, and stays in doubt. */
static enum run fail_batch(struct group *g, const struct err *err)
{
    if (g->resolution.state == RESOLUTION_DOUBT) {
        g->request.error = (struct d1_error){ .kind = D1_ERROR_INTERNAL };
        group_resolve(g);
        return RUN_OVER;
    }
    if (g->head) {
        group_fail_at_head(g, err);
        return RUN_OVER;
    }
    transaction_end(&g->session->transaction, false, false, &g->session->gucs);
    return group_add_error(g, err) ? group_next(g) : RUN_OVER;
}

uint64_t group_deadline(struct group *g)
{
    const struct session *s = g->session;
    bool in_doubt = g->resolution.state != RESOLUTION_NONE; /* looked into to its end */
    uint64_t timeout = in_doubt ? 0 : s->gucs.live.statement_timeout_us, now = worker_now(g->worker);
    uint64_t limit = now + s->serving->config->d1_timeout_us;
    if (!g->began_us)
        g->began_us = now;
    g->d1_timeout = !timeout || limit < g->began_us + timeout;
    return g->d1_timeout ? limit : g->began_us + timeout;
}

/* Half of a write could stay where the other half failed, and what is tried out would. */
static bool refuse_torn_write(const struct group *g, struct err *err)
{
    if (!database_tears_batches(g->database))
        return false;
    err_unsupported(err, "writing to a D1 service that keeps a part of a batch that failed");
    return !err_hint(err, "pgd1 saw it do so when it first connected. Use the gateway Worker of pgd1.");
}

enum run group_submit(struct group *g, size_t n)
{
    struct session *s = g->session;
    const struct config *c = s->serving->config;
    g->request = (struct d1_request){
        .access = g->undoes         ? D1_TRYOUT
                  : g->batch_writes ? D1_WRITE
                                    : D1_READ,
        .session = group_d1_session(g),
        .deadline_us = group_deadline(g),
        .max_result_bytes = c->max_result_bytes,
        .on_row = on_row,
        .done = group_on_done,
        .user = g,
        .arena = g->arena,
    };
    struct err err;
    err_init(&err, g->arena);
    if (g->batch_writes && refuse_torn_write(g, &err))
        return fail_batch(g, &err);
    g->range = NULL;
    if (g->speculates && !group_speculate(g, &err)) {
        if (g->range)
            return group_submit_range(g);
        if (!g->prefix.on)
            return fail_batch(g, &err);
        if (group_rehearsal_gives_up(g))
            return group_next(g);
        group_prefix_stop(g, &err);
        return RUN_OVER;
    }
    if (g->identity && !group_identify(g, &err))
        return fail_batch(g, &err);
    if (g->identity)
        g->request.identity = g->resolution.id.bytes;
    if (g->no_memory || !group_prepare_steps(g) || !fill_request(g, n)) {
        err_oom(&err);
        return fail_batch(g, &err);
    }
    const struct step *only = g->batch_steps == 1 ? g->head : NULL;
    g->streams = only && !only->emitter.classes && !g->batch_writes && !g->speculates && !g->n_before &&
                 !only->x.plan->local && !only->x.plan->may_go_local && only->x.sink != SINK_STORE;
    g->at_row = g->head;
    g->paused = false;
    g->in_flight = true;
    session_wait(s);
    database_submit(g->database, &g->request);
    return RUN_WAIT;
}

/* ---- its end ---- */

void group_schema_drop(struct group *g)
{
    snapshot_reader_free(g->schema_reader);
    snapshot_unref(g->carried);
    g->schema_reader = NULL;
    g->carried = NULL;
}

void group_note_bookmark(struct group *g)
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

void group_note_schema(struct group *g, bool committed)
{
    if (!g->schema_reader && !g->carried)
        return;
    struct err err;
    err_init(&err, g->arena);
    bool goes_on = committed && g->carried && g->session && g->session->transaction.overlay.schema == g->carried;
    struct snapshot *snapshot = !committed   ? NULL
                                : g->carried ? snapshot_ref(g->carried)
                                             : snapshot_reader_finish(g->schema_reader, &err);
    if (snapshot)
        database_schema_changed(g->database, snapshot, g->schema_seen);
    else if (committed || g->request.error.may_have_run)
        database_schema_suspect(g->database);
    group_schema_drop(g);
    g->has_carried |= goes_on;
    if (goes_on)
        overlay_settle(&g->session->transaction.overlay);
    else if (g->session && committed)
        overlay_drop(&g->session->transaction.overlay);
}

/* D1 has taken the batch back as asked, but does not say what its members gave, though in process: they cannot be answered. */
static void undone_unanswered(struct group *g)
{
    struct err err;
    err_init(&err, g->arena);
    if (g->batch_end) {
        g->head->error = g->batch_end->error;
        group_fail_at_head(g, NULL);
        return;
    }
    err_unsupported(&err, "rolling back a pipelined transaction with writes");
    err_hint(&err, "Nothing of it was kept.");
    group_fail_at_head(g, &err);
}

/* D1 kept what had to be taken back: nothing about the data can be promised any more. */
static void kept_against_will(struct group *g)
{
    struct err err;
    err_init(&err, g->arena);
    log_event(LOG_LEVEL_ERROR, "batch_not_undone", "database=%s", g->database->name);
    err_set(&err, SQLSTATE_INTERNAL_ERROR, "D1 kept changes that pgd1 had asked it to take back");
    err_hint(&err, "Check the data, and use transaction blocks on this database only in one string or pipeline.");
    group_fail_at_head(g, &err);
}

void group_is_done(struct group *g)
{
    g->session->cancelled = 0; /* too late */
    if (group_drew(g))
        return;
    if (g->n_before)
        buffer_fini(&g->session->transaction.buffer);
    if (g->end == END_IMPLICIT)
        g->wrote = true;
}

static void succeeded(struct group *g)
{
    bool committed = !g->undoes;
    if (!committed && g->request.error.kind == D1_OK) {
        kept_against_will(g);
        return;
    }
    if (g->prefix.on) {
        group_prefix_worked(g);
        return;
    }
    if (g->speculates) {
        group_tried_out(g);
        return;
    }
    if (!committed && !g->request.results && group_rehearsal_gives_up(g)) {
        group_go_on(g);
        return;
    }
    if (!committed && !g->request.results) {
        undone_unanswered(g);
        return;
    }
    if (g->rehearsal == REHEARSAL_ON) {
        group_rehearsed(g);
        return;
    }
    g->rehearsal = REHEARSAL_NONE;
    group_note_schema(g, committed);
    if (committed && g->batch_writes && (!g->batch_end || group_drew(g)))
        sequence_values_settle(&g->session->sequences);
    if (committed && g->batch_writes)
        group_is_done(g);
    else if (committed && g->n_before) /* a block that only read, and checked it */
        buffer_fini(&g->session->transaction.buffer);
    if (group_answer_until(g, g->batch_end, g->request.results))
        group_go_on(g);
}

static bool undone_as_asked(const struct group *g)
{
    const struct d1_error *e = &g->request.error;
    bool carries = g->speculates && g->speculation.carries;
    return g->undoes && e->kind == D1_ERROR_SQL &&
           d1_error_is_guard(e->message, carries ? STR(">[") : STR(UNDO_PAYLOAD));
}

void group_on_done(struct d1_request *r)
{
    struct group *g = r->user;
    for (struct step *step = g->head; step && step != g->batch_end; step = step->next)
        step->round_trips += r->round_trips;
    if (!has_come(g, r))
        return;
    if (!g->session) {
        group_note_schema(g, r->error.kind == D1_OK);
        group_free(g);
        return;
    }
    if (group_resolve(g))
        return;
    if (r->error.kind == D1_OK || undone_as_asked(g))
        succeeded(g);
    else
        group_failed(g);
}
