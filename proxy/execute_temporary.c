/* execute_temporary.c - see execute_temporary.h. */
#include "proxy/execute_temporary.h"

#include "proxy/d1_error.h"
#include "proxy/database.h"
#include "proxy/group.h"
#include "proxy/planning.h"
#include "proxy/sql/bind.h"
#include "proxy/statistics.h"
#include "proxy/utility.h"

const struct snapshot *execute_temporary_schema(struct session *s, const struct snapshot *base)
{
    struct err err;
    err_init(&err, s->worker->scratch);
    if (!base)
        return NULL;
    const struct snapshot *joined = temporary_schema(s->transaction.temporary, base, &err);
    return joined ? joined : s->worker->blank; /* rather no table than another of the same name */
}

bool execute_take_rows(struct session *s, struct execution *x, struct err *err)
{
    struct arena *arena = s->group->arena;
    x->taken = NULL;
    for (size_t i = 0; i < x->plan->n_reads; i++) {
        const struct relation *r = x->plan->reads[i];
        if (!r->is_temporary || r->kind != RELATION_TABLE)
            continue;
        struct taken_rows *rows = ARENA_NEW(arena, struct taken_rows);
        if (!rows || !s->transaction.temporary)
            return err_oom(err);
        *rows = (struct taken_rows){ .next = x->taken, .relation = r->oid };
        if (!temporary_rows_as_json(s->transaction.temporary, r, arena, &rows->json, err))
            return false;
        x->taken = rows;
    }
    return true;
}

static struct temporary *tables_of(struct session *s, struct err *err)
{
    struct transaction *t = &s->transaction;
    if (!t->temporary)
        t->temporary = temporary_new(s->serving->config->temporary_max_bytes);
    if (!t->temporary)
        err_oom(err);
    return t->temporary;
}

/* ---- one statement ---- */

struct running {
    struct session *s;
    const struct execution *x;
    const struct plan *plan;
    struct emitter emitter;
    struct local_rows **inputs;
    struct value *texts; /* of a lookup: what its statements gave */
    size_t before;       /* bytes that stood in the answer */
    struct err *err;
};

static bool give_row(struct running *r, const struct value *cells, size_t n)
{
    if (!emitter_row(&r->emitter, cells, n))
        return false;
    if (r->emitter.out->n - r->before <= r->s->serving->config->max_result_bytes)
        return true;
    err_set(r->err, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "request or result is too large");
    return err_hint(r->err, "Fetch fewer rows or columns, or raise max_result_bytes.");
}

static bool take_row(void *ctx, size_t statement, const struct value *cells, size_t n)
{
    struct running *r = ctx;
    const struct plan *plan = r->plan;
    if (statement >= plan->n_statements || plan->statements[statement].role == STATEMENT_HELPER)
        return true;
    if (plan->statements[statement].role == STATEMENT_MAIN)
        return !plan->statements[statement].gives_rows || plan->local || give_row(r, cells, n);
    size_t input = 0;
    for (size_t i = 0; i < statement; i++)
        input += plan->statements[i].role == STATEMENT_FETCH;
    if (!plan->local || input >= plan->local->n_inputs || local_rows_add(r->inputs[input], cells, n))
        return true;
    err_set(r->err, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "too many rows of temporary tables are needed at once");
    return err_hint(r->err, "Narrow the statement, or raise finish_max_bytes.");
}

static bool make_inputs(struct running *r)
{
    const struct plan *plan = r->plan;
    if (!plan->local)
        return true;
    r->inputs = ARENA_ARRAY(r->s->group->arena, struct local_rows *, plan->local->n_inputs + 1);
    if (!r->inputs)
        return err_oom(r->err);
    for (size_t i = 0, k = 0; i < plan->n_statements; i++)
        if (plan->statements[i].role == STATEMENT_FETCH && k < plan->local->n_inputs) {
            r->inputs[k] = local_rows_new(plan->statements[i].n_columns, r->s->serving->config->finish_max_bytes);
            if (!r->inputs[k++])
                return err_oom(r->err);
        }
    return true;
}

static void drop_inputs(struct running *r)
{
    for (size_t i = 0; r->inputs && i < r->plan->local->n_inputs; i++)
        local_rows_free(r->inputs[i]);
}

/* What the database said, in PostgreSQL's words. True: planned for the local engine it may work. */
static bool explain_failure(struct session *s, const struct plan *plan, const struct temporary_batch *batch,
                            struct err *err)
{
    if (batch->error.kind == D1_OK)
        return false;
    struct d1_asked asked = { .plan = plan,
                              .snapshot = planning_schema(s),
                              .is_write = plan->access == D1_WRITE,
                              .statements = batch->n == plan->n_statements ? batch->statements : NULL,
                              .types = &s->gucs.live.types };
    return d1_error_map(&batch->error, &asked, err) == D1_REMEDY_LOCAL && !plan->is_forced_local;
}

static bool keep_text(void *ctx, size_t statement, const struct value *cells, size_t n)
{
    struct running *r = ctx;
    struct value *text = &r->texts[statement];
    *text = n ? cells[0] : value_null();
    if (text->class == VALUE_TEXT)
        text->bytes = arena_str(r->s->group->arena, cells[0].bytes);
    return text->class != VALUE_TEXT || text->bytes.p || err_oom(r->err);
}

/* The rows that the local engine needs for the values to write, and those values. */
static bool look_up(struct running *r, struct temporary *t, const struct d1_statement *statements, bool *ret_locally)
{
    struct session *s = r->s;
    struct arena *arena = s->group->arena;
    const struct plan_lookup *lookup = r->plan->lookup;
    struct d1_statement *reads;
    if (!lookup)
        return true;
    r->texts = ARENA_ARRAY(arena, struct value, lookup->n_statements + 1);
    if (!r->texts || !execute_bind_lookup(s, r->x, arena, &reads, ret_locally, r->err))
        return r->texts ? false : err_oom(r->err);
    struct temporary_batch batch = {
        .statements = reads, .n = lookup->n_statements, .on_row = keep_text, .ctx = r, .arena = arena
    };
    if (!temporary_run(t, transaction_savepoints(&s->transaction), &batch, r->err)) {
        *ret_locally = explain_failure(s, r->plan, &batch, r->err);
        return false;
    }
    return execute_lookup(s, r->x, r->texts, (struct d1_statement *)(uintptr_t)statements, arena, r->err);
}

static uint64_t count_of(const struct running *r, const int64_t *changes)
{
    uint64_t n = 0;
    bool counted = false;
    for (size_t i = 0; i < r->plan->n_statements; i++)
        if (r->plan->statements[i].counts_changes) {
            n += (uint64_t)changes[i];
            counted = true;
        }
    return counted ? n : r->emitter.n_rows;
}

static bool finish(struct running *r)
{
    return !r->plan->local || (session_call_begin(r->s, false, r->err) &&
                               execute_local(r->s, r->x, r->inputs, r->s->group->arena, &r->emitter, r->err));
}

/* The number that a sequence of a temporary table has just given is known at once. */
static bool note_sequence(struct session *s, const struct plan *plan, const struct plan_sequence *use, uint64_t count,
                          struct err *err)
{
    struct d1_statement member;
    struct value number = value_null();
    struct running r = { .s = s, .texts = &number, .err = err };
    bool is_read = use->use < SEQUENCE_DISTURBED && use->use != SEQUENCE_UNTOLD;
    if (is_read && !sequence_values_member(use, s->group->arena, &member))
        return err_oom(err);
    struct temporary_batch batch = {
        .statements = &member, .n = is_read, .on_row = keep_text, .ctx = &r, .arena = s->group->arena
    };
    if (!temporary_run(s->transaction.temporary, transaction_savepoints(&s->transaction), &batch, err)) {
        explain_failure(s, plan, &batch, err);
        return false;
    }
    sequence_values_given(&s->sequences, use, count, &number);
    return true;
}

static bool note_sequences(struct session *s, const struct plan *plan, uint64_t count, struct err *err)
{
    for (size_t i = 0; i < plan->n_sequences; i++)
        if (!note_sequence(s, plan, &plan->sequences[i], count, err))
            return false;
    return true;
}

/* COPY numbers the rows whose column it leaves out. */
static bool note_copied(struct session *s, const struct plan *plan, uint64_t count, struct err *err)
{
    const struct plan_copy *copy = plan->utility.copy;
    const struct relation *r = copy->relation;
    for (size_t i = 0; i < r->n_columns; i++) {
        const struct column *c = &r->columns[i];
        struct plan_sequence use = { .use = SEQUENCE_NEXT, .table = c->sequence_is_rowid ? r : NULL };
        bool given = false;
        for (size_t k = 0; k < copy->n_columns; k++)
            given |= copy->columns[k] == c;
        if (given || !c->sequence.n ||
            !(use.sequence = snapshot_relation(plan->snapshot, NULL, 0, r->schema, c->sequence)))
            continue;
        if (!note_sequence(s, plan, &use, count, err))
            return false;
    }
    return true;
}

static bool answer(struct running *r, uint64_t count)
{
    const struct execution *x = r->x;
    struct statistics_note cost = { .rows = count,
                                    .round_trips = r->plan->gather && r->plan->gather->place != PLACE_HERE,
                                    .finished_locally = r->plan->local != NULL };
    emitter_begin(&r->emitter);
    emitter_end(&r->emitter);
    statistics_done(r->s, x, cost);
    if (x->explains)
        return utility_explained(r->s, x, &cost, r->emitter.out, r->err);
    if (x->sink == SINK_STORE)
        x->portal->state = PORTAL_STORED;
    else if (x->sink != SINK_TAKEN)
        execute_tag(x->copy_plan ? x->copy_plan : x->plan, count, r->emitter.out);
    return true;
}

static bool run(struct running *r, const struct d1_statement *statements, bool *ret_locally)
{
    struct session *s = r->s;
    const struct plan *plan = r->plan;
    struct temporary *t = tables_of(s, r->err);
    int64_t *changes = ARENA_ARRAY(s->group->arena, int64_t, plan->n_statements + 1);
    struct temporary_batch batch = { .statements = statements,
                                     .n = plan->n_statements,
                                     .is_ddl = plan->kind == PLAN_DDL,
                                     .on_row = take_row,
                                     .ctx = r,
                                     .changes = changes,
                                     .arena = s->group->arena };
    if (!t || !changes)
        return err_oom(r->err);
    if (!make_inputs(r) || !look_up(r, t, statements, ret_locally))
        return false;
    if (!temporary_run(t, transaction_savepoints(&s->transaction), &batch, r->err)) {
        *ret_locally = explain_failure(s, plan, &batch, r->err);
        return false;
    }
    if (!note_sequences(s, plan, count_of(r, changes), r->err) || !finish(r))
        return false;
    if (plan->gather)
        temporary_gather_end(t);
    return answer(r, count_of(r, changes));
}

bool execute_temporary(struct session *s, const struct execution *x, const struct d1_statement *statements,
                       bool *ret_locally, struct err *err)
{
    struct buf *out = session_out(s);
    size_t before = out->n;
    struct running r = { .s = s, .x = x, .plan = x->plan, .before = before, .err = err };
    r.emitter = execute_emitter(s, x, out, err);
    r.emitter.describe = x->describe && plan_gives_rows(x->plan);
    *ret_locally = false;
    metric_add(&s->worker->metrics, METRIC_here, 1);
    if (x->taker && x->sink == SINK_TAKEN)
        x->taker->begin(x->taker->ctx);
    bool ok = run(&r, statements, ret_locally);
    drop_inputs(&r);
    if (ok)
        return true;
    emitter_fini(&r.emitter);
    if (*ret_locally) { /* nothing of it has happened */
        out->n = before;
        if (x->sink == SINK_STORE)
            rowstore_clear(&x->portal->rows);
        err_clear(err);
    }
    return false;
}

bool execute_temporary_copy(struct session *s, const struct execution *x, const struct d1_statement *statements,
                            size_t n, struct err *err)
{
    struct temporary *t = tables_of(s, err);
    struct temporary_batch batch = { .statements = statements, .n = n, .arena = s->group->arena };
    if (!t)
        return false;
    if (!temporary_run(t, transaction_savepoints(&s->transaction), &batch, err)) {
        explain_failure(s, x->plan, &batch, err);
        return false;
    }
    if (!note_copied(s, x->plan, x->copy_count, err))
        return false;
    statistics_done(s, x, (struct statistics_note){ .rows = x->copy_count });
    execute_tag(x->plan, x->copy_count, session_out(s));
    return true;
}

/* ---- rows from elsewhere ---- */

struct gathering {
    struct session *s;
    const struct plan *plan;
    const struct relation *into; /* NULL: TEMPORARY_GATHERED */
    struct err *err;             /* the first one stays: it is told when the rows have come */
    struct row_taker taker;
};

static void begin_rows(void *ctx)
{
    struct gathering *g = ctx;
    struct session *s = g->s;
    err_clear(g->err);
    struct temporary *t = tables_of(s, g->err);
    if (t)
        temporary_gather_begin(t, transaction_savepoints(&s->transaction), g->into, g->plan->n_columns, g->err);
}

/* What the table's own cell holds. */
static bool as_stored(struct gathering *g, size_t i, struct value *v)
{
    const struct column *c = &g->into->columns[i];
    int32_t typmod = c->typmod;
    oid_t base = snapshot_base_type(g->plan->snapshot, c->type, &typmod);
    return v->class == VALUE_NULL ||
           column_cell_value(g->plan->snapshot, g->into, c, base, typmod, g->s->worker->scratch, v, g->err);
}

/* Rows that cannot be kept are counted out: the statement fails when all have come. */
static bool gather_row(void *ctx, const struct value *cells, size_t n)
{
    struct gathering *g = ctx;
    struct arena *scratch = g->s->worker->scratch;
    struct value *natural = ARENA_ARRAY(scratch, struct value, n + 1);
    if (err_is_set(g->err))
        return true;
    if (!natural)
        return err_oom(g->err), true;
    for (size_t i = 0; i < n; i++) {
        const struct plan_column *c = &g->plan->columns[i];
        natural[i] = cells[i];
        if (cells[i].class != VALUE_NULL && c->form != CELL_NATURAL &&
            !plan_cell(c, &cells[i], scratch, &natural[i], g->err))
            return true;
        if (g->into && !as_stored(g, i, &natural[i]))
            return true;
    }
    temporary_gather_row(g->s->transaction.temporary, natural, n, g->err);
    return true;
}

static struct gathering *gathering_new(struct session *s, const struct plan *plan, const struct relation *into,
                                       struct err *err)
{
    struct group *g = s->group;
    struct gathering *gathering = ARENA_NEW(g->arena, struct gathering);
    struct err *own = ARENA_NEW(g->arena, struct err);
    if (!gathering || !own) {
        err_oom(err);
        return NULL;
    }
    err_init(own, g->arena);
    *gathering = (struct gathering){ .s = s, .plan = plan, .into = into, .err = own };
    gathering->taker = (struct row_taker){ .begin = begin_rows, .row = gather_row, .ctx = gathering };
    return gathering;
}

/* The writes that wait would be committed before the transaction ends. */
static bool refuse_writes(struct session *s, struct err *err)
{
    const struct group *g = s->group;
    if (s->transaction.state != TXN_IDLE || !g->n_writes)
        return false;
    err_unsupported(err, "filling a temporary table from a query behind writes of the same implicit transaction");
    err_hint(err, "Use BEGIN and COMMIT, or a string or pipeline of its own.");
    return true;
}

static enum outcome start(struct session *s, const struct execution *x, struct err *err)
{
    struct group *g = s->group;
    struct plan *plan = x->plan->gather;
    if (plan->access == D1_WRITE) {
        err_unsupported(err, "a query that writes, to fill a temporary table");
        return OUTCOME_FAILED;
    }
    struct gathering *gathering = refuse_writes(s, err) ? NULL : gathering_new(s, plan, x->plan->gathered, err);
    if (!gathering)
        return OUTCOME_FAILED;
    struct execution run = *x;
    run.plan = plan;
    run.portal = NULL;
    run.sink = SINK_TAKEN;
    run.explains = NULL;
    run.taker = &gathering->taker;
    run.describe = false;
    run.max_rows = 0;
    if (!group_keep_plan(g, plan_ref(plan), err))
        return OUTCOME_FAILED;
    enum outcome outcome = execute(s, &run, err);
    if (outcome == OUTCOME_DONE)
        g->gathering = gathering;
    return outcome;
}

/* The statement is planned again when it goes on after a wait. */
static bool fits(const struct gathering *g, const struct plan *plan)
{
    return g->plan->snapshot->version == plan->snapshot->version && g->plan->n_columns == plan->gather->n_columns;
}

enum outcome execute_gather(struct session *s, const struct execution *x, struct err *err)
{
    struct group *g = s->group;
    if (g->gathering && !fits(g->gathering, x->plan))
        g->gathering = NULL; /* the schema has changed meanwhile: once more */
    enum outcome outcome = g->gathering ? OUTCOME_DONE : start(s, x, err);
    if (outcome != OUTCOME_DONE)
        return outcome;
    if (group_is_waiting(g) && (outcome = group_answer(g, END_IMPLICIT)) != OUTCOME_DONE)
        return outcome;
    struct err *own = g->gathering->err;
    g->gathering = NULL;
    if (!err_is_set(own))
        return OUTCOME_DONE;
    err_copy(err, own);
    return OUTCOME_FAILED;
}
