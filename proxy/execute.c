/* execute.c - see execute.h. */
#include "proxy/execute.h"

#include "proxy/catalog/reg_names.h"
#include "proxy/catalog/system_pgd1.h"

#include "proxy/activity.h"
#include "proxy/copy.h"
#include "proxy/cursor.h"
#include "proxy/database.h"
#include "proxy/execute_temporary.h"
#include "proxy/group.h"
#include "proxy/migration.h"
#include "proxy/planning.h"
#include "proxy/raw_cells.h"
#include "proxy/session_setting.h"
#include "proxy/sql/lookup.h"
#include "proxy/statistics.h"
#include "proxy/utility.h"

/* The local engine runs on the loop: a statement that would hold it for seconds is refused (54000). */
enum { LOCAL_MAX_STEPS = 200000000 };

enum { SCRATCH_PER_ROW = 65536, FIRST_USER_OID = 16384 };

/* ---- rows out ---- */

void execute_describe(const struct plan *plan, const oid_t *types, const struct result_formats *formats,
                      struct arena *scratch, struct buf *out)
{
    struct column_description *d = ARENA_ARRAY(scratch, struct column_description, plan->n_columns);
    if (!d) {
        out->failed = true;
        return;
    }
    for (size_t i = 0; i < plan->n_columns; i++) {
        const struct plan_column *c = &plan->columns[i];
        oid_t oid = types ? types[i] : c->type;
        const struct type_info *type = type_find(oid);
        d[i] = (struct column_description){ .name = c->name,
                                            .table = c->table_oid,
                                            .attribute = c->column_number,
                                            .type = oid,
                                            .type_length = type ? type->length : plan_type_length(plan, oid),
                                            .typmod = c->typmod,
                                            .format = result_format(formats, i) };
    }
    backend_row_description(out, d, plan->n_columns);
}

/* What the cells were; NULL: what the plan says. */
static const oid_t *described_types(const struct emitter *e)
{
    oid_t *types = e->classes ? ARENA_ARRAY(e->session->worker->scratch, oid_t, e->plan->n_columns) : NULL;
    for (size_t i = 0; types && i < e->plan->n_columns; i++)
        types[i] = raw_type(e->classes[i], e->plan->columns[i].type);
    return types;
}

void emitter_begin(struct emitter *e)
{
    if (e->began)
        return;
    e->began = true;
    if (e->sink == SINK_COPY)
        copy_to_begin(e);
    else if (e->sink == SINK_CLIENT && e->describe)
        execute_describe(e->plan, described_types(e), &e->formats, e->session->worker->scratch, e->out);
}

void emitter_end(struct emitter *e)
{
    if (e->sink == SINK_COPY)
        copy_to_end(e);
}

/* The codec knows an array of enums as text[]; on the wire it names the enum. */
static void name_element(struct emitter *e, const struct plan_column *c, size_t at)
{
    oid_t element = snapshot_element_type(e->plan->snapshot, c->type);
    for (size_t i = 0; element && e->out->n >= at + 12 && i < 4; i++)
        e->out->p[at + 8 + i] = (char)(element >> (24 - 8 * i));
}

/* A cell of a column that is typed by its cells: each is the text of its own class. */
static bool put_any(struct emitter *e, struct row_writer *w, size_t i, const struct value *cell)
{
    struct plan_column any = e->plan->columns[i];
    struct arena *scratch = e->session->worker->scratch;
    struct value v;
    any.type = 0; /* nothing is made text */
    if (!plan_cell(&any, cell, scratch, &v, e->err))
        return false;
    row_cell_begin(w);
    bool ok = type_encode(raw_note(&e->classes[i], &v), -1, WIRE_TEXT, &v, &e->session->gucs.live.types, scratch,
                          e->out, e->err);
    if (ok)
        row_cell_end(w);
    return ok;
}

/* OIDs of reg types, and arrays of them, as the names they stand for: texts. */
static bool show_names(struct emitter *e, oid_t type, oid_t *codec, struct value *v)
{
    const struct type_info *info = type_find(type);
    bool is_list = info && is_reg_type(info->element) && v->class == VALUE_TEXT;
    if (!is_list && !(is_reg_type(type) && v->class == VALUE_INTEGER))
        return true;
    struct arena *scratch = e->session->worker->scratch;
    struct system_state state;
    activity_system_state(e->session, e->plan->snapshot, scratch, &state);
    struct system_source source = { .snapshot = e->plan->snapshot, .state = &state };
    struct str text = is_list ? reg_name_list(&source, info->element, v->bytes, scratch)
                              : reg_name(&source, type, (oid_t)v->integer, scratch);
    if (!text.p)
        return err_oom(e->err);
    *v = value_text(text);
    *codec = is_list ? TYPE_OID__text : TYPE_OID_text;
    return true;
}

/* Texts of a table's column that read as its type, but are not in the form that D1 compares and sorts by. */
static bool is_compared_otherwise(const struct plan_column *c, struct str text)
{
    bool has_time = c->codec_type == TYPE_OID_timestamp || c->codec_type == TYPE_OID_timestamptz;
    if (c->table_oid < FIRST_USER_OID || c->form != CELL_NATURAL)
        return false;
    if (c->codec_type == TYPE_OID_bool)
        return true;
    if ((!has_time && c->codec_type != TYPE_OID_date) || str_ends(text, STR("infinity")))
        return false;
    size_t n = has_time ? 19 : 10;
    bool dates = text.n >= n && text.p[4] == '-' && text.p[7] == '-' && text.p[n - 1] >= '0' && text.p[n - 1] <= '9';
    return !dates || (has_time && (text.p[10] != ' ' || text.p[n - 3] != ':')) ||
           (text.n > n && (!has_time || text.p[n] != '.')) || text.p[text.n - 1] < '0' || text.p[text.n - 1] > '9' ||
           (text.n > n && text.p[text.n - 1] == '0');
}

static bool refuse_form(struct emitter *e, const struct plan_column *c, struct str text)
{
    struct str name = type_format(c->type, c->typmod, e->session->worker->scratch);
    err_set(e->err, SQLSTATE_INVALID_TEXT_REPRESENTATION, "invalid input syntax for type %.*s: \"%.*s\"", STR_FMT(name),
            STR_FMT(text));
    err_detail(e->err, "The value is in column %.*s, in a form that D1 would compare and sort wrongly.",
               STR_FMT(c->source));
    bool has_time = c->codec_type == TYPE_OID_timestamp || c->codec_type == TYPE_OID_timestamptz;
    return has_time
               ? err_hint(e->err, "SELECT pgd1.annotate('%.*s', 'timestamp', 'datetime') takes other forms of times.",
                          STR_FMT(c->source))
               : err_hint(e->err, "Correct it. SET pgd1.dialect = 'sqlite' reads it as it is.");
}

/* One cell as the client wants it. */
static bool put_cell(struct emitter *e, struct row_writer *w, size_t i, const struct value *cell)
{
    const struct plan_column *c = &e->plan->columns[i];
    struct arena *scratch = e->session->worker->scratch;
    struct value v = *cell;
    if (v.class == VALUE_NULL) {
        row_null(w);
        return true;
    }
    if (e->classes)
        return put_any(e, w, i, cell);
    if (c->form != CELL_NATURAL && !plan_cell(c, cell, scratch, &v, e->err))
        return false;
    if (v.class == VALUE_TEXT && is_compared_otherwise(c, v.bytes))
        return refuse_form(e, c, v.bytes);
    row_cell_begin(w);
    size_t at = e->out->n;
    oid_t codec = c->codec_type;
    if (result_format(&e->formats, i) == WIRE_TEXT && !show_names(e, c->type, &codec, &v))
        return false;
    if (!type_encode(codec, codec == c->codec_type ? c->codec_typmod : -1, result_format(&e->formats, i), &v,
                     &e->session->gucs.live.types, scratch, e->out, e->err))
        return false;
    if (c->type != c->codec_type && result_format(&e->formats, i) == WIRE_BINARY)
        name_element(e, c, at);
    row_cell_end(w);
    return true;
}

/* A value that cannot be shown: say whose it is. */
static bool cell_failed(struct emitter *e, size_t i)
{
    const struct plan_column *c = &e->plan->columns[i];
    if (c->source.n && !e->err->detail.n)
        err_detail(e->err, "The value is in column %.*s.", STR_FMT(c->source));
    bool unfit =
        !e->plan->is_raw && c->source.n && c->table_oid && e->err->code == SQLSTATE_INVALID_TEXT_REPRESENTATION;
    if (unfit && !e->err->hint.n)
        err_hint(e->err,
                 "Correct it, or tell pgd1 what the column holds: SELECT pgd1.annotate('%.*s', 'type'). "
                 "SET pgd1.dialect = 'sqlite' reads it as it is.",
                 STR_FMT(c->source));
    if (e->plan->is_raw && !e->err->hint.n)
        err_hint(e->err, "Select CAST(… AS TEXT) of it, or write a value that fits the column's declared type.");
    return false;
}

static bool put_row(struct emitter *e, const struct value *cells, size_t n_cells)
{
    struct row_writer w;
    row_begin(&w, e->out);
    for (size_t i = 0; i < n_cells; i++)
        if (!put_cell(e, &w, i, &cells[i])) {
            row_abandon(&w);
            return cell_failed(e, i);
        }
    row_end(&w);
    return !e->out->failed || err_oom(e->err);
}

/* Kept rows are in storage form: what a column's own form means is undone first. */
static bool store_row(struct emitter *e, const struct value *cells, size_t n_cells)
{
    struct arena *scratch = e->session->worker->scratch;
    struct value *natural = ARENA_ARRAY(scratch, struct value, n_cells);
    if (!natural)
        return err_oom(e->err);
    for (size_t i = 0; i < n_cells; i++) {
        const struct plan_column *c = &e->plan->columns[i];
        natural[i] = cells[i];
        if (cells[i].class != VALUE_NULL && c->form != CELL_NATURAL &&
            !plan_cell(c, &cells[i], scratch, &natural[i], e->err))
            return cell_failed(e, i);
    }
    if (rowstore_add(&e->portal->rows, natural, n_cells))
        return true;
    err_set(e->err, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "the rows kept for the cursor exceed %zu bytes",
            e->portal->rows.cap);
    return err_hint(e->err, "Fetch all rows at once, or raise finish_max_bytes.");
}

bool emitter_row(struct emitter *e, const struct value *cells, size_t n_cells)
{
    if (arena_used(e->session->worker->scratch) > SCRATCH_PER_ROW)
        arena_reset(e->session->worker->scratch);
    if (n_cells > e->plan->n_columns) /* helper columns of the translator stand behind */
        n_cells = e->plan->n_columns;
    e->n_rows++;
    if (!e->began && !e->classes)
        emitter_begin(e);
    switch (e->sink) {
    case SINK_CLIENT:
        return put_row(e, cells, n_cells);
    case SINK_COPY:
        return copy_to_row(e, cells, n_cells) && (!e->out->failed || err_oom(e->err));
    case SINK_STORE:
        return store_row(e, cells, n_cells);
    case SINK_TAKEN:
        return !e->taker || e->taker->row(e->taker->ctx, cells, n_cells) || err_oom(e->err);
    }
    return false;
}

bool execute_premise(struct session *s, const struct plan *plan, struct err *err)
{
    const struct plan_premise *p = plan->premise;
    if (!p)
        return true;
    struct system_state state;
    struct system_source source = { .snapshot = plan->snapshot, .state = &state };
    activity_system_state(s, plan->snapshot, s->group->arena, &state);
    if (p->not_in_block && (s->transaction.state != TXN_IDLE || s->group->is_multi))
        return err_set(err, SQLSTATE_ACTIVE_SQL_TRANSACTION, "%s cannot run inside a transaction block",
                       p->not_in_block);
    /* GRANT ON DATABASE may stand in a block; REINDEX DATABASE, which may not, knows others by name. */
    if (p->database.n && !p->not_in_block && !str_eq(p->database, state.database))
        return err_set(err, SQLSTATE_INVALID_CATALOG_NAME, "database \"%.*s\" does not exist", STR_FMT(p->database));
    if (p->database.n && !str_eq(p->database, state.database))
        return err_set(err, SQLSTATE_FEATURE_NOT_SUPPORTED, "can only reindex the currently open database");
    for (size_t i = 0; i < p->n_roles; i++)
        if (!system_role_oid(&source, p->roles[i]))
            return err_set(err, SQLSTATE_UNDEFINED_OBJECT, "role \"%.*s\" does not exist", STR_FMT(p->roles[i]));
    return true;
}

void execute_notices(struct session *s, const struct plan *plan)
{
    for (size_t i = 0; i < plan->n_notices; i++) {
        const struct plan_notice *n = &plan->notices[i];
        struct err notice = { .code = n->code, .message = n->message, .detail = n->detail };
        session_notice(s, n->is_warning ? SEVERITY_WARNING : SEVERITY_NOTICE, &notice);
    }
}

void execute_tag(const struct plan *plan, uint64_t count, struct buf *out)
{
    char tag[96];
    int n = plan->tag_has_count ? snprintf(tag, sizeof(tag), "%s %llu", plan->tag, (unsigned long long)count)
                                : snprintf(tag, sizeof(tag), "%s", plan->tag);
    backend_command_complete(out, (struct str){ tag, (size_t)n });
}

/* ---- values in ---- */

static void notice(void *ctx, const struct err *notice)
{
    session_notice(ctx, SEVERITY_NOTICE, notice);
}

void execute_input(struct session *s, const struct execution *x, struct bind_input *ret)
{
    const struct snapshot *now = planning_schema(s), *planned = x->plan ? x->plan->snapshot : NULL;
    *ret = (struct bind_input){
        .params = x->params,
        .n_params = x->n_params,
        .literals = x->literals,
        .n_literals = x->n_literals,
        .literal_offsets = x->literal_offsets,
        .text = x->source.text,
        .types = &s->gucs.live.types,
        .now_us = s->gucs.live.types.now_us,
        .statement_us = s->group ? s->group->made_us : s->gucs.live.types.now_us,
        .clock_us = session_clock_us,
        .clock_ctx = s,
        .session_value = session_value,
        .notice = notice,
        .session_ctx = s,
        .sequences = x->sequences ? x->sequences : &s->sequences,
        .taken = x->taken,
        .skipped = x->skipped,
        .traits = s->database->d1->traits,
        .engine = s->worker->local,
        .snapshot = now ? now : planned, /* two changes crossed since it was planned */
    };
}

bool execute_bind(struct session *s, const struct execution *x, struct arena *arena, struct d1_statement **ret,
                  bool *ret_again, struct err *err)
{
    struct bind_input input;
    execute_input(s, x, &input);
    *ret_again = false;
    return plan_bind(x->plan, &input, arena, ret, ret_again, err);
}

static bool local_row(void *ctx, const struct value *cells, size_t n_cells)
{
    return emitter_row(ctx, cells, n_cells);
}

/* What the session says to a local run. */
static struct local_run local_run_for(struct session *s, const struct bind_input *input, struct system_state *system,
                                      struct arena *arena)
{
    activity_system_state(s, input->snapshot, arena, system);
    return (struct local_run){
        .snapshot = input->snapshot,
        .system = system,
        .types = input->types,
        .now_us = input->now_us,
        .session_value = session_value,
        .notice = notice,
        .set_config = session_set_config,
        .session_call = session_call,
        .session_ctx = s,
        .max_bytes = s->serving->config->max_result_bytes,
        .max_steps = LOCAL_MAX_STEPS,
        .arena = arena,
    };
}

/* system_pgd1.h; literals of the statement are binds, or stand in the text. */
static bool names_pgd1(const struct plan_local *local, const struct value *binds)
{
    for (size_t i = 0; i < local->n_binds; i++)
        if (system_pgd1_is_value(&binds[i]))
            return true;
    return system_pgd1_is_named(local->sql);
}

static bool run_local(struct session *s, const struct execution *x, struct local_rows *const *inputs,
                      session_caller *call, struct arena *arena, struct emitter *e, struct err *err)
{
    const struct plan_local *local = x->plan->local;
    struct bind_input input;
    struct value *binds;
    struct system_state system;
    execute_input(s, x, &input);
    if (!plan_bind_local(x->plan, &input, arena, &binds, err))
        return false;
    struct local_run run = local_run_for(s, &input, &system, arena);
    run.session_call = call;
    run.sql = local->sql;
    run.binds = binds;
    run.n_binds = local->n_binds;
    system.shows_pgd1 = local->needs_catalog && names_pgd1(local, binds);
    run.inputs = inputs;
    run.n_inputs = local->n_inputs;
    run.on_row = local_row;
    run.ctx = e;
    return local_run(s->worker->local, &run, err) && !err_is_set(err);
}

bool execute_local(struct session *s, const struct execution *x, struct local_rows *const *inputs, struct arena *arena,
                   struct emitter *e, struct err *err)
{
    return run_local(s, x, inputs, session_call, arena, e, err);
}

bool execute_rehearsal(struct session *s, const struct execution *x, struct local_rows *const *inputs,
                       session_caller *call, struct arena *arena, struct emitter *e, struct err *err)
{
    return run_local(s, x, inputs, call, arena, e, err);
}

bool execute_bind_lookup(struct session *s, const struct execution *x, struct arena *arena, struct d1_statement **ret,
                         bool *ret_again, struct err *err)
{
    struct bind_input input;
    execute_input(s, x, &input);
    *ret_again = false;
    return lookup_bind(x->plan, &input, arena, ret, ret_again, err);
}

bool execute_lookup(struct session *s, const struct execution *x, const struct value *texts,
                    struct d1_statement *statements, struct arena *arena, struct err *err)
{
    struct bind_input input;
    struct system_state system;
    execute_input(s, x, &input);
    struct local_run run = local_run_for(s, &input, &system, arena);
    run.max_bytes = s->serving->config->finish_max_bytes;
    return lookup_finish(x->plan, &input, texts, &run, s->worker->local, statements, arena, err);
}

/* ---- one statement ---- */

struct emitter execute_emitter(struct session *s, const struct execution *x, struct buf *out, struct err *err)
{
    return (struct emitter){ .session = s,
                             .plan = x->plan,
                             .formats = x->formats,
                             .sink = x->sink,
                             .copy = x->copy,
                             .portal = x->portal,
                             .taker = x->taker,
                             .describe = x->describe,
                             .out = out,
                             .err = err };
}

static enum outcome run_here(struct session *s, struct execution *x, struct err *err)
{
    struct buf *out = session_out(s);
    struct emitter e = execute_emitter(s, x, out, err);
    size_t before = out->n;
    if (!session_call_begin(s, true, err))
        return OUTCOME_FAILED;
    metric_add(&s->worker->metrics, METRIC_here, 1);
    if (x->taker)
        x->taker->begin(x->taker->ctx);
    if (!execute_local(s, x, NULL, s->group->arena, &e, err)) {
        emitter_fini(&e);
        if (!session_call_waits(s))
            return OUTCOME_FAILED;
        out->n = before; /* the statement is run again */
        err_clear(err);
        return OUTCOME_WAIT;
    }
    emitter_begin(&e);
    emitter_end(&e);
    struct statistics_note cost = { .rows = e.n_rows };
    statistics_done(s, x, cost);
    if (x->explains)
        return utility_explained(s, x, &cost, out, err) ? OUTCOME_DONE : OUTCOME_FAILED;
    if (x->sink == SINK_STORE)
        x->portal->state = PORTAL_STORED;
    else if (x->sink != SINK_TAKEN)
        execute_tag(x->copy ? x->copy_plan : x->plan, e.n_rows, e.out);
    return OUTCOME_DONE;
}

/* What was cached or prepared cannot be pushed down with these values: plan it for the local engine. */
static bool plan_locally(struct session *s, struct execution *x, struct err *err)
{
    struct plan *local;
    if (!planning_again(s, &x->source, x->plan, true, true, &local, err) || !group_keep_plan(s->group, local, err))
        return false;
    x->plan = local;
    x->literals = NULL;
    x->n_literals = 0;
    x->literal_offsets = NULL;
    return true;
}

/* Again with force_local, when its own guard asks for it. */
static enum outcome run_in_temporary(struct session *s, struct execution *x, struct d1_statement *statements,
                                     struct err *err)
{
    bool locally, again;
    while (!execute_temporary(s, x, statements, &locally, err)) {
        if (!locally || !plan_locally(s, x, err))
            return OUTCOME_FAILED;
        if (x->plan->tables != TABLES_TEMPORARY || x->plan->place == PLACE_HERE || x->plan->gather)
            return err_set(err, SQLSTATE_INTERNAL_ERROR, "the statement cannot be planned again"), OUTCOME_FAILED;
        if (!execute_bind(s, x, s->group->arena, &statements, &again, err))
            return OUTCOME_FAILED;
    }
    return OUTCOME_DONE;
}

/* A currval() that is finished here and undefined fails as one at D1 does, before the batch: nothing behind it is sent, and what stood
 * before it is taken back. */
static bool sequences_are_defined(struct session *s, const struct execution *x, struct err *err)
{
    struct bind_input input;
    struct value *binds;
    execute_input(s, x, &input);
    return plan_bind_local(x->plan, &input, s->group->arena, &binds, err);
}

static enum outcome run_at_d1(struct session *s, struct execution *x, struct err *err)
{
    struct group *g = s->group;
    struct d1_statement *statements;
    bool again;
    enum outcome gathered = x->plan->gather ? execute_gather(s, x, err) : OUTCOME_DONE;
    if (gathered != OUTCOME_DONE)
        return gathered;
    if (x->plan->tables == TABLES_BOTH && !execute_take_rows(s, x, err))
        return OUTCOME_FAILED;
    if (x->plan->asks_sequences && !(x->sequences = sequence_values_copy(&s->sequences, g->arena)))
        return err_oom(err), OUTCOME_FAILED;
    if (!execute_bind(s, x, g->arena, &statements, &again, err) && !again)
        return OUTCOME_FAILED;
    if (again) {
        err_clear(err);
        if (!plan_locally(s, x, err))
            return OUTCOME_FAILED;
        if (x->plan->place == PLACE_HERE)
            return run_here(s, x, err);
        if (!execute_bind(s, x, g->arena, &statements, &again, err))
            return OUTCOME_FAILED;
        if (again) {
            err_set(err, SQLSTATE_FEATURE_NOT_SUPPORTED,
                    "a value of this statement can be used neither by D1 nor locally");
            return OUTCOME_FAILED;
        }
    }
    if (x->plan->tables == TABLES_TEMPORARY)
        return run_in_temporary(s, x, statements, err);
    if (x->plan->asks_sequences && x->plan->local && !sequences_are_defined(s, x, err))
        return OUTCOME_FAILED;
    return group_add(g, x, statements, x->plan->n_statements, err) ? OUTCOME_DONE : OUTCOME_FAILED;
}

static enum outcome run_data(struct session *s, struct execution *x, struct err *err)
{
    if (!execute_premise(s, x->plan, err))
        return OUTCOME_FAILED;
    execute_notices(s, x->plan);
    if (x->plan->place == PLACE_HERE) {
        if (x->plan->local)
            return run_here(s, x, err);
        struct statistics_note cost = { 0 };
        statistics_done(s, x, cost);
        if (x->explains) /* CREATE TABLE IF NOT EXISTS … AS of what is there */
            return utility_explained(s, x, &cost, session_out(s), err) ? OUTCOME_DONE : OUTCOME_FAILED;
        execute_tag(x->plan, 0, session_out(s)); /* DROP … IF EXISTS of what is not there */
        return OUTCOME_DONE;
    }
    return run_at_d1(s, x, err);
}

static enum outcome (*const runners[])(struct session *s, struct execution *x, struct err *err) = {
    [PLAN_QUERY] = run_data,
    [PLAN_CHANGE] = run_data,
    [PLAN_DDL] = run_data,
    [PLAN_SET] = utility_set,
    [PLAN_SHOW] = utility_show,
    [PLAN_TRANSACTION] = utility_transaction,
    [PLAN_COPY_FROM] = copy_from_start,
    [PLAN_COPY_TO] = copy_to_start,
    [PLAN_PREPARE] = utility_prepare,
    [PLAN_EXECUTE] = utility_execute,
    [PLAN_DEALLOCATE] = utility_deallocate,
    [PLAN_DECLARE] = cursor_declare,
    [PLAN_FETCH] = cursor_fetch,
    [PLAN_CLOSE] = cursor_close,
    [PLAN_DISCARD] = utility_discard,
    [PLAN_LISTEN] = utility_listen,
    [PLAN_UNLISTEN] = utility_unlisten,
    [PLAN_NOTIFY] = utility_notify,
    [PLAN_EXPLAIN] = utility_explain,
    [PLAN_MIGRATE] = migration_execute,
    [PLAN_SET_CONSTRAINTS] = utility_set_constraints,
    [PLAN_NOTHING] = utility_nothing,
};

/* Whose calls are counted as soon as their runner is done. The others become steps, are not counted in PostgreSQL either (EXECUTE counts
 * what it runs), or count themselves. */
static bool is_counted_here(enum plan_kind kind)
{
    return kind > PLAN_DDL && kind != PLAN_COPY_FROM && kind != PLAN_COPY_TO && kind != PLAN_PREPARE &&
           kind != PLAN_EXECUTE && kind != PLAN_DEALLOCATE && kind != PLAN_FETCH && kind != PLAN_MIGRATE &&
           kind != PLAN_SET_CONSTRAINTS;
}

/* A query of a MIGRATE command's rows. */
static enum outcome run_called(struct session *s, struct execution *x, struct err *err)
{
    enum outcome outcome = migration_execute_first(s, x, err);
    if (outcome == OUTCOME_DONE)
        outcome = runners[x->plan->kind](s, x, err);
    if (outcome == OUTCOME_DONE || outcome == OUTCOME_FAILED)
        migration_rows_end(s);
    return outcome;
}

/* What an open block has seen and done belongs to a database that is not there any more. It can be rolled back. */
static bool is_of_this_time(struct session *s, const struct plan *plan, struct err *err)
{
    struct transaction *t = &s->transaction;
    if (t->state != TXN_OPEN || !s->database)
        return true;
    uint64_t now = atomic_load_explicit(&s->database->schema->restores, memory_order_acquire);
    if (!t->has_queried)
        t->restores = now;
    if (now == t->restores)
        return true;
    const struct plan_transaction *ends = plan->kind == PLAN_TRANSACTION ? plan->utility.transaction : NULL;
    if (ends && (ends->command == TRANSACTION_ROLLBACK || ends->command == TRANSACTION_ROLLBACK_TO))
        return true;
    if (ends && ends->command == TRANSACTION_COMMIT && !(s->group && group_is_waiting(s->group)))
        utility_abort(s); /* as any COMMIT that fails */
    err_set(err, SQLSTATE_T_R_SERIALIZATION_FAILURE,
            "could not serialize access: the database was restored to another time");
    return err_hint(err, "The transaction might succeed if retried.");
}

enum outcome execute(struct session *s, struct execution *x, struct err *err)
{
    x->began_us = atomic_load_explicit(&s->presence.statement_us, memory_order_relaxed);
    if (!transaction_allows(&s->transaction, &s->gucs.live, x->plan, err) || !is_of_this_time(s, x->plan, err))
        return OUTCOME_FAILED;
    if (x->plan->kind <= PLAN_DDL) {
        s->transaction.has_queried = true;
        metric_add(&s->worker->metrics, METRIC_statements, 1);
    }
    if (x->plan->migrate)
        return run_called(s, x, err);
    enum outcome outcome = runners[x->plan->kind](s, x, err);
    if (outcome == OUTCOME_DONE && is_counted_here(x->plan->kind) && s->group)
        statistics_done(s, x, (struct statistics_note){ 0 });
    return outcome;
}

int16_t plan_type_length(const struct plan *plan, oid_t type)
{
    int32_t typmod = -1;
    const struct type_info *base = type_find(snapshot_base_type(plan->snapshot, type, &typmod));
    const struct user_type *user = snapshot_user_type(plan->snapshot, type);
    if (user && user->kind == 'e' && user->oid == type)
        return 4; /* an enum's own representation in PostgreSQL */
    return base ? base->length : -1;
}
