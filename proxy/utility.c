/* utility.c - see utility.h. EXPLAIN: explain.c. */
#include "proxy/utility.h"

#include "proxy/group.h"
#include "proxy/notify.h"
#include "proxy/parameters.h"
#include "proxy/planning.h"
#include "proxy/prepared.h"
#include "proxy/session_setting.h"
#include "proxy/sql/analyze.h"
#include "proxy/sql/path_patterns.h"

static enum outcome tag(struct session *s, const struct execution *x)
{
    execute_tag(x->plan, 0, session_out(s));
    return OUTCOME_DONE;
}

static enum outcome tag_if(struct session *s, const struct execution *x, bool ok)
{
    return ok ? tag(s, x) : OUTCOME_FAILED;
}

/* A string of several statements and a pipeline are transactions too, though not blocks. */
static bool in_transaction(const struct session *s)
{
    return s->transaction.state != TXN_IDLE || (s->group && s->group->is_multi);
}

enum outcome utility_nothing(struct session *s, struct execution *x, struct err *err)
{
    if (x->plan->only_in_block && !in_transaction(s))
        return err_set(err, SQLSTATE_NO_ACTIVE_SQL_TRANSACTION, "%s can only be used in transaction blocks",
                       x->plan->tag),
               OUTCOME_FAILED;
    if (!execute_premise(s, x->plan, err))
        return OUTCOME_FAILED;
    execute_notices(s, x->plan);
    return tag(s, x);
}

/* ---- SET, SHOW ---- */

static bool set_characteristics(struct session *s, const struct plan_transaction *m, struct err *err)
{
    struct str name = STR("default_transaction_isolation");
    if (m->isolation.n && !session_set(s, name, m->isolation, GUC_SESSION, err))
        return false;
    if (m->read_only >= 0 &&
        !session_set(s, STR("default_transaction_read_only"), m->read_only ? STR("on") : STR("off"), GUC_SESSION, err))
        return false;
    return m->deferrable < 0 || session_set(s, STR("default_transaction_deferrable"),
                                            m->deferrable ? STR("on") : STR("off"), GUC_SESSION, err);
}

void utility_warn_outside(struct session *s, const char *what)
{
    if (in_transaction(s))
        return;
    struct err warning = { .code = SQLSTATE_NO_ACTIVE_SQL_TRANSACTION };
    warning.message = arena_printf(s->group->arena, "%s can only be used in transaction blocks", what);
    session_notice(s, SEVERITY_WARNING, &warning);
}

static bool set(struct session *s, const struct plan_set *set, struct err *err)
{
    switch (set->action) {
    case SET_VALUE:
        if (set->is_local)
            utility_warn_outside(s, "SET LOCAL");
        return session_set(s, set->name, set->value, set->is_local ? GUC_LOCAL : GUC_SESSION, err);
    case SET_DEFAULT:
        return session_reset(s, set->name, set->is_local, err);
    case SET_RESET_ALL:
        return gucs_reset_all(&s->gucs, err);
    case SET_TRANSACTION:
        utility_warn_outside(s, "SET TRANSACTION");
        return s->transaction.state == TXN_IDLE || transaction_set_modes(&s->transaction, set->transaction, err);
    case SET_SESSION_CHARACTERISTICS:
        return set_characteristics(s, set->transaction, err);
    }
    return false;
}

enum outcome utility_set(struct session *s, struct execution *x, struct err *err)
{
    return tag_if(s, x, set(s, x->plan->utility.set, err));
}

static struct emitter emitter_of(struct session *s, const struct execution *x, struct err *err)
{
    return (struct emitter){ .session = s,
                             .plan = x->plan,
                             .formats = x->formats,
                             .sink = x->sink,
                             .portal = x->portal,
                             .out = session_out(s),
                             .err = err };
}

static bool show_all(struct session *s, struct emitter *e, struct err *err)
{
    size_t n;
    const struct guc *rows = guc_table(&n);
    for (size_t i = 0; i < n; i++) {
        struct str shown;
        if (!session_show(s, str_from(rows[i].name), s->group->arena, &shown, err))
            return false;
        struct value cells[] = { value_text(str_from(rows[i].name)), value_text(shown),
                                 value_text(str_from(rows[i].help)) };
        if (!emitter_row(e, cells, 3))
            return false;
    }
    return true;
}

enum outcome utility_show(struct session *s, struct execution *x, struct err *err)
{
    const struct plan_show *show = x->plan->utility.show;
    struct emitter e = emitter_of(s, x, err);
    struct str shown = { 0 };
    if (!show->all && !session_show(s, show->name, s->group->arena, &shown, err))
        return OUTCOME_FAILED;
    e.describe = x->describe;
    emitter_begin(&e);
    struct value cell = value_text(shown);
    bool ok = show->all ? show_all(s, &e, err) : emitter_row(&e, &cell, 1);
    return tag_if(s, x, ok);
}

/* ---- transactions ---- */

static enum outcome begin(struct session *s, const struct execution *x, struct err *err)
{
    struct err warning = { .arena = s->group->arena };
    if (!transaction_begin(&s->transaction, x->plan->utility.transaction, &s->gucs.live, &warning, err))
        return OUTCOME_FAILED;
    if (err_is_set(&warning))
        session_notice(s, SEVERITY_WARNING, &warning);
    else {
        s->group->began_block = true;
        s->group->began_seq = s->group->seq;
    }
    return tag(s, x);
}

static bool check_chain(struct session *s, const struct plan_transaction *t, struct err *err)
{
    if (!t->chain || s->transaction.state != TXN_IDLE)
        return true;
    return err_set(err, SQLSTATE_NO_ACTIVE_SQL_TRANSACTION, "%s AND CHAIN can only be used in transaction blocks",
                   t->command == TRANSACTION_COMMIT ? "COMMIT" : "ROLLBACK");
}

static enum outcome answer_waiting(struct session *s, enum group_end end)
{
    struct group *g = s->group;
    if (!group_is_waiting(g) &&
        !(end == END_COMMIT && s->transaction.state == TXN_OPEN && s->transaction.buffer.n_writes))
        return OUTCOME_DONE;
    return group_answer(g, end);
}

static void end_transaction(struct session *s, bool commit, bool chain)
{
    transaction_end(&s->transaction, commit, chain, &s->gucs);
    portals_end_transaction(s, commit);
    notify_end_transaction(s, commit);
    session_locks_end_transaction(s);
    s->group->wrote = false;
    s->group->began_block = false;
}

void utility_abort(struct session *s)
{
    end_transaction(s, false, false);
}

/* What waits must be answered, and sent or taken back, before the transaction ends. */
static enum outcome end(struct session *s, const struct execution *x, bool commit, struct err *err)
{
    const struct plan_transaction *t = x->plan->utility.transaction;
    if (!check_chain(s, t, err))
        return OUTCOME_FAILED;
    enum outcome outcome = commit && group_answers_first(s->group) ? answer_waiting(s, END_IMPLICIT) : OUTCOME_DONE;
    if (outcome == OUTCOME_DONE)
        outcome = answer_waiting(s, commit ? END_COMMIT : END_ROLLBACK);
    if (outcome != OUTCOME_DONE)
        return outcome;
    bool was_open = s->transaction.state != TXN_IDLE, was_failed = s->transaction.state == TXN_FAILED;
    if (!was_open)
        session_notice_text(s, SEVERITY_WARNING, SQLSTATE_NO_ACTIVE_SQL_TRANSACTION,
                            "there is no transaction in progress");
    commit = commit && !was_failed;
    end_transaction(s, commit, t->chain);
    if (t->chain)
        s->gucs.live.types.now_us = session_wall_us(s);
    metric_add(&s->worker->metrics, METRIC_transactions, 1);
    backend_command_complete(session_out(s), commit ? STR("COMMIT") : STR("ROLLBACK"));
    return OUTCOME_DONE;
}

static enum outcome savepoint(struct session *s, const struct execution *x, struct err *err)
{
    uint64_t locks = advisory_mark(&s->worker->app->advisory);
    return tag_if(
        s, x, transaction_savepoint(&s->transaction, x->plan->utility.transaction->savepoint, &s->gucs, locks, err));
}

static enum outcome release(struct session *s, const struct execution *x, struct err *err)
{
    bool ok = transaction_release(&s->transaction, x->plan->utility.transaction->savepoint, err);
    if (ok) {
        portals_release(s, transaction_savepoints(&s->transaction));
        notify_release(s, transaction_savepoints(&s->transaction));
    }
    return tag_if(s, x, ok);
}

/* What waits is tried out first: an error of it comes before, and then it is in the buffer or known to be behind the savepoint. */
static enum outcome rollback_to(struct session *s, const struct execution *x, struct err *err)
{
    enum outcome outcome = s->transaction.state == TXN_OPEN ? answer_waiting(s, END_IMPLICIT) : OUTCOME_DONE;
    if (outcome != OUTCOME_DONE)
        return outcome;
    sequence_values_lose(&s->sequences);
    bool ok = transaction_rollback_to(&s->transaction, x->plan->utility.transaction->savepoint, &s->gucs, err);
    if (ok) {
        session_lose(s);
        notify_rollback_to(s, transaction_savepoints(&s->transaction));
    }
    return tag_if(s, x, ok);
}

enum outcome utility_transaction(struct session *s, struct execution *x, struct err *err)
{
    switch (x->plan->utility.transaction->command) {
    case TRANSACTION_BEGIN:
        return begin(s, x, err);
    case TRANSACTION_COMMIT:
        return end(s, x, true, err);
    case TRANSACTION_ROLLBACK:
        return end(s, x, false, err);
    case TRANSACTION_SAVEPOINT:
        return savepoint(s, x, err);
    case TRANSACTION_RELEASE:
        return release(s, x, err);
    case TRANSACTION_ROLLBACK_TO:
        return rollback_to(s, x, err);
    }
    return OUTCOME_FAILED;
}

/* ---- PREPARE, EXECUTE, DEALLOCATE ---- */

enum outcome utility_prepare(struct session *s, struct execution *x, struct err *err)
{
    const struct plan_prepare *p = x->plan->utility.prepare;
    struct sql_list list;
    struct found_plan found;
    struct sql_source source = { .text = p->query_text, .types = p->types, .n_types = p->n_types };
    if (!sql_parse(p->query_text, s->serving->config->max_message_bytes, s->group->arena, &list, err))
        return OUTCOME_FAILED;
    enum outcome outcome = planning_make(s, &list.statements[0], &source, true, &found, err);
    if (outcome == OUTCOME_FAILED && err->position > 0)
        err->position += p->query_position;
    if (outcome != OUTCOME_DONE)
        return outcome;
    bool ok = prepared_add(s, p->name, p->query_text, 0, found.plan->param_types, found.plan->n_params, found.plan,
                           true, err);
    if (ok)
        prepared_find(s, p->name, NULL)->text_position = p->query_position;
    plan_unref(found.plan);
    return tag_if(s, x, ok);
}

struct arguments {
    struct arena *arena;
    struct value *values;
    size_t n;
    struct err *err;
};

/* The values of EXECUTE's arguments: a SELECT of them, run here. */
static bool work_out(struct session *s, const struct execution *x, struct plan *plan, struct arguments *a,
                     struct err *err)
{
    struct execution row = { .plan = plan, .params = x->params, .n_params = x->n_params };
    if (plan->place != PLACE_HERE || !plan->local) {
        err_unsupported(err, "a table in the arguments of EXECUTE");
        return false;
    }
    return parameters_row(s, &row, a->arena, a->values, a->n, err);
}

/* Whether the text of a number of one type is read as the same number by the other, which may hold more. */
static bool text_widens(oid_t source, oid_t target)
{
    static const oid_t numbers[] = { TYPE_OID_int2,    TYPE_OID_int4,   TYPE_OID_int8,
                                     TYPE_OID_numeric, TYPE_OID_float4, TYPE_OID_float8 };
    size_t from = 0, to = 0, n = sizeof(numbers) / sizeof(*numbers);
    while (from < n && numbers[from] != source)
        from++;
    while (to < n && numbers[to] != target)
        to++;
    return from < to && to < n && source != TYPE_OID_float4;
}

/* Through its text: what the client wrote as a literal, and numbers. */
static bool convert_text(struct session *s, const struct plan_column *from, const struct plan *to, oid_t target,
                         struct arguments *a, size_t i, struct err *err)
{
    struct buf text;
    buf_init(&text, 64 << 20);
    bool ok = type_encode(from->codec_type, from->typmod, WIRE_TEXT, &a->values[i], &s->gucs.live.types, a->arena,
                          &text, err) &&
              snapshot_decode(to->snapshot, target, WIRE_TEXT, arena_str(a->arena, buf_str(&text)), &s->gucs.live.types,
                              a->arena, &a->values[i], err) &&
              path_patterns_check(target, &a->values[i], a->arena, err);
    buf_fini(&text);
    return ok;
}

/* Each argument as its parameter's type, by an assignment cast, and as its domain wants it. */
static bool convert(struct session *s, const struct plan_prepare *e, const struct prepared *to, struct arguments *a,
                    struct err *err)
{
    const struct plan *from = e->arguments_plan, *plan = to->plan;
    for (size_t i = 0; i < a->n; i++) {
        oid_t target = plan->param_types[i], source = e->arguments[i].type;
        bool ok = true, is_null = a->values[i].class == VALUE_NULL;
        if (!is_null && (source == TYPE_OID_unknown || text_widens(source, target)))
            ok = convert_text(s, &from->columns[i], plan, target, a, i, err);
        else if (!is_null && source != target)
            ok = parameter_assign(s, plan, i + 1, source, a->arena, &a->values[i], err);
        if (!ok && source == TYPE_OID_unknown && !err->position)
            err_at(err, e->arguments[i].position);
        if (!ok || !parameter_fits(s, plan, i + 1, a->values, a->arena, err))
            return false;
    }
    return parameter_fits(s, plan, 0, a->values, a->arena, err);
}

static bool check_types(const struct plan_prepare *e, const struct plan *to, struct arena *arena, struct err *err)
{
    for (size_t i = 0; i < e->n_arguments; i++) {
        oid_t source = e->arguments[i].type, target = to->param_types[i];
        if (source == TYPE_OID_unknown || analyze_assignable(to->snapshot, source, target, arena))
            continue;
        err_set(err, SQLSTATE_DATATYPE_MISMATCH,
                "parameter $%zu of type %.*s cannot be coerced to the expected type %.*s", i + 1,
                STR_FMT(snapshot_format_type(to->snapshot, source, -1, arena)),
                STR_FMT(snapshot_format_type(to->snapshot, target, -1, arena)));
        err_hint(err, "You will need to rewrite or cast the expression.");
        return err_at(err, e->arguments[i].position);
    }
    return true;
}

static bool arguments_for(struct session *s, const struct execution *x, const struct prepared *p, struct arguments *a,
                          struct err *err)
{
    const struct plan_prepare *e = x->plan->utility.prepare;
    size_t wants = p->plan ? p->plan->n_params : 0;
    *a = (struct arguments){ .arena = s->group->arena, .n = e->n_arguments, .err = err };
    if (e->n_arguments != wants) {
        err_set(err, SQLSTATE_SYNTAX_ERROR, "wrong number of parameters for prepared statement \"%.*s\"",
                STR_FMT(e->name));
        return err_detail(err, "Expected %zu parameters but got %zu.", wants, e->n_arguments);
    }
    a->values = ARENA_ARRAY(a->arena, struct value, a->n);
    if (!a->values)
        return err_oom(err);
    if (p->plan && !check_types(e, p->plan, a->arena, err))
        return false;
    return a->n == 0 || (work_out(s, x, e->arguments_plan, a, err) && convert(s, e, p, a, err));
}

enum outcome utility_prepared(struct session *s, const struct execution *x, struct execution *ret, struct err *err)
{
    struct prepared *p = prepared_find(s, x->plan->utility.prepare->name, err);
    struct arguments a;
    if (!p)
        return OUTCOME_FAILED;
    struct sql_source source = { .text = p->text, .index = p->index, .types = p->types, .n_types = p->n_types };
    if (p->plan) { /* its parameters may be of other types by now */
        enum outcome outcome = planning_renew(s, p, err);
        if (outcome == OUTCOME_FAILED && err->position > 0)
            err->position += p->text_position;
        if (outcome != OUTCOME_DONE)
            return outcome;
    }
    if (!arguments_for(s, x, p, &a, err))
        return OUTCOME_FAILED;
    struct execution run = *x;
    run.plan = p->plan;
    if (p->plan) {
        run.source = source;
        run.source.text = arena_str(s->group->arena, p->text); /* DEALLOCATE may come before the step runs */
        run.source.types = p->plan->param_types;
        run.source.n_types = p->plan->n_params;
        run.params = a.values;
        run.n_params = a.n;
        run.literals = NULL;
        run.n_literals = 0;
        run.literal_offsets = NULL;
    }
    *ret = run;
    return OUTCOME_DONE;
}

enum outcome utility_execute(struct session *s, struct execution *x, struct err *err)
{
    struct execution run;
    enum outcome outcome = utility_prepared(s, x, &run, err);
    if (outcome != OUTCOME_DONE)
        return outcome;
    if (run.plan)
        return execute(s, &run, err);
    backend_empty_query(session_out(s));
    return OUTCOME_DONE;
}

enum outcome utility_deallocate(struct session *s, struct execution *x, struct err *err)
{
    const struct plan_prepare *p = x->plan->utility.prepare;
    if (p->all)
        prepared_remove_all(s, false);
    else if (!prepared_find(s, p->name, err))
        return OUTCOME_FAILED;
    else
        prepared_remove(s, p->name);
    return tag(s, x);
}

const struct plan *utility_described(struct session *s, const struct plan *plan)
{
    if (plan->kind == PLAN_EXECUTE) {
        struct prepared *p = prepared_find(s, plan->utility.prepare->name, NULL);
        return p && p->plan ? p->plan : plan;
    }
    if (plan->kind == PLAN_FETCH && !plan->utility.cursor->is_move) {
        struct portal *p = portal_find(s, plan->utility.cursor->name, NULL);
        return p && p->plan ? p->plan : plan;
    }
    return plan;
}

/* ---- DISCARD ---- */

static bool discard_all(struct session *s, struct err *err)
{
    if (in_transaction(s))
        return err_set(err, SQLSTATE_ACTIVE_SQL_TRANSACTION, "DISCARD ALL cannot run inside a transaction block");
    portals_remove_all(s);
    prepared_remove_all(s, false);
    session_locks_end(s);
    sequence_values_clear(&s->sequences);
    return gucs_reset_all(&s->gucs, err) && notify_unlisten(s, (struct str){ 0 }, true, err);
}

/* Inside a block ROLLBACK could not bring them back. */
static bool discard_temporary(struct session *s, bool all, struct err *err)
{
    if (in_transaction(s) && all)
        return true; /* refused below, with PostgreSQL's words */
    if (in_transaction(s)) {
        err_unsupported(err, "DISCARD TEMP inside a transaction block");
        return err_hint(err, "Use DROP TABLE.");
    }
    transaction_discard_temporary(&s->transaction);
    return true;
}

enum outcome utility_discard(struct session *s, struct execution *x, struct err *err)
{
    bool all = x->plan->utility.discard->what == DISCARD_ALL_STATE;
    if (x->plan->utility.discard->what == DISCARD_SEQUENCES_ONLY)
        sequence_values_clear(&s->sequences);
    bool temporary = all || x->plan->utility.discard->what == DISCARD_TEMP_ONLY;
    if (temporary && s->transaction.temporary && !discard_temporary(s, all, err))
        return OUTCOME_FAILED;
    return tag_if(s, x, !all || discard_all(s, err));
}

/* ---- LISTEN, NOTIFY ---- */

enum outcome utility_listen(struct session *s, struct execution *x, struct err *err)
{
    return tag_if(s, x, notify_listen(s, x->plan->utility.channel->name, err));
}

enum outcome utility_unlisten(struct session *s, struct execution *x, struct err *err)
{
    const struct plan_channel *c = x->plan->utility.channel;
    return tag_if(s, x, notify_unlisten(s, c->name, c->all, err));
}

enum outcome utility_notify(struct session *s, struct execution *x, struct err *err)
{
    const struct plan_channel *c = x->plan->utility.channel;
    return tag_if(s, x, notify_send(s, c->name, c->payload, err));
}
