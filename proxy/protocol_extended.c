/* protocol_extended.c - Parse, Bind, Describe, Execute, Close, Flush, Sync (PostgreSQL's manual, 55.2.3), and the dispatch. */
#include "proxy/activity.h"
#include "proxy/catalog/reg_names.h"
#include "proxy/cursor.h"
#include "proxy/group.h"
#include "proxy/parameters.h"
#include "proxy/planning.h"
#include "proxy/prepared.h"
#include "proxy/protocol.h"
#include "proxy/session_setting.h"
#include "proxy/sql/path_patterns.h"
#include "proxy/utility.h"

enum { PARAMETERS_MAX = 65535 };

/* ---- Parse ---- */

static bool parse_types(struct group *g, const struct parse_msg *m, oid_t **ret, struct err *err)
{
    *ret = ARENA_ARRAY(g->arena, oid_t, m->n_types);
    for (size_t i = 0; *ret && i < m->n_types; i++)
        (*ret)[i] = parse_type(m, i);
    return *ret || err_oom(err);
}

static enum outcome plan_text(struct session *s, const struct sql_source *source, bool at_parse,
                              struct found_plan *found, struct err *err)
{
    struct sql_list list;
    *found = (struct found_plan){ 0 };
    if (!planning_parse(s, source->text, s->gucs.live.raw_sqlite, &list, err))
        return OUTCOME_FAILED;
    if (list.n > 1) {
        err_set(err, SQLSTATE_SYNTAX_ERROR, "cannot insert multiple commands into a prepared statement");
        return OUTCOME_FAILED;
    }
    if (list.n == 0 || list.statements[0].is_empty)
        return OUTCOME_DONE;
    if (s->transaction.state == TXN_FAILED && !sql_ends_transaction(&list.statements[0])) {
        transaction_refuses_failed(&s->transaction, err);
        return OUTCOME_FAILED;
    }
    enum outcome outcome = planning_make(s, &list.statements[0], source, true, found, err);
    bool is_late = outcome == OUTCOME_FAILED && sql_is_read_late(&list.statements[0]);
    if (!at_parse || !is_late || err->code == SQLSTATE_FEATURE_NOT_SUPPORTED || err->code == SQLSTATE_OUT_OF_MEMORY)
        return outcome;
    err_clear(err); /* Bind will hear of it, if it is still so */
    return OUTCOME_DONE;
}

enum outcome protocol_parse(struct session *s, struct str body, struct err *err)
{
    struct parse_msg m;
    struct group *g = s->group;
    oid_t *types;
    struct found_plan found;
    if (!parse_read(body, &m, err) || !parse_types(g, &m, &types, err))
        return OUTCOME_FAILED;
    if (m.name.n == 0)
        prepared_remove(s, m.name); /* gone, whatever becomes of the new one */
    if (m.name.n && prepared_find(s, m.name, NULL)) {
        err_set(err, SQLSTATE_DUPLICATE_PSTATEMENT, "prepared statement \"%.*s\" already exists", STR_FMT(m.name));
        return OUTCOME_FAILED;
    }
    activity_statement(s, m.sql);
    struct sql_source source = { .text = m.sql, .types = types, .n_types = m.n_types };
    bool cached =
        s->transaction.state != TXN_FAILED && !s->wait_failed && planning_cached(s, m.sql, types, m.n_types, &found);
    enum outcome outcome = cached && plan_is_own_text(&found) ? OUTCOME_DONE : OUTCOME_FAILED;
    if (outcome != OUTCOME_DONE) { /* a cached plan of other literals does: it is planned for these */
        if (cached)
            plan_unref(found.plan);
        outcome = plan_text(s, &source, true, &found, err);
        if (outcome != OUTCOME_DONE)
            return outcome;
    }
    bool ok = prepared_add(s, m.name, m.sql, 0, types, m.n_types, found.plan, false, err);
    plan_unref(found.plan);
    if (!ok)
        return OUTCOME_FAILED;
    backend_parse_complete(session_out(s));
    return OUTCOME_DONE;
}

/* ---- Bind ---- */

/* Names behind reg* types are the schema's, as it is now: `$1::regclass`. */
static bool decode_name(struct session *s, oid_t type, struct str text, struct arena *arena, struct value *ret,
                        struct err *err)
{
    const struct type_info *info = type_find(type);
    const struct snapshot *schema = planning_schema(s);
    struct sql_settings settings;
    struct system_state state;
    oid_t oid;
    session_sql_settings(s, schema, arena, &settings);
    activity_system_state(s, schema, s->group->arena, &state);
    struct system_source source = { .snapshot = schema, .state = &state };
    if (info && info->element) {
        struct value texts;
        *ret = value_text(text);
        return snapshot_decode(schema, TYPE_OID__text, WIRE_TEXT, text, settings.types, arena, &texts, err) &&
               reg_find_list(&source, settings.search_path, settings.n_search_path, info->element, texts.bytes, arena,
                             &ret->bytes, err);
    }
    if (!reg_find(&source, settings.search_path, settings.n_search_path, type, text, arena, &oid, err))
        return false;
    *ret = value_integer(oid);
    return true;
}

/* A reg type, or an array of one. */
static bool holds_names(oid_t type)
{
    const struct type_info *info = type_find(type);
    return is_reg_type(type) || (info && is_reg_type(info->element));
}

static bool decode_param(struct session *s, struct portal *p, oid_t type, enum wire_format format, struct str bytes,
                         struct value *ret, struct err *err)
{
    if (holds_names(type) && format == WIRE_TEXT)
        return decode_name(s, type, bytes, p->arena, ret, err);
    return snapshot_decode(p->plan->snapshot, type, format, bytes, &s->gucs.live.types, p->arena, ret, err) &&
           path_patterns_check(type, ret, p->arena, err);
}

/* A name among the parameters, and no schema was read yet. */
static bool lacks_schema(struct session *s, const struct plan *plan, const struct bind_msg *m)
{
    bool names = false;
    for (size_t i = 0; plan && i < m->n_params; i++)
        names |= holds_names(plan->param_types[i]) && format_list_at(&m->formats, i) == WIRE_TEXT;
    return names && !planning_schema(s);
}

static bool decode_params(struct session *s, struct portal *p, const struct bind_msg *m, struct err *err)
{
    const struct plan *plan = p->plan;
    struct value *values = ARENA_ARRAY(p->arena, struct value, m->n_params);
    struct rd at = rd_from(m->params);
    if (!values)
        return err_oom(err);
    for (size_t i = 0; i < m->n_params; i++) {
        struct str bytes = bind_param(&at);
        enum wire_format format = format_list_at(&m->formats, i);
        values[i] = value_null();
        if ((bytes.p && !decode_param(s, p, plan->param_types[i], format, bytes, &values[i], err)) ||
            (plan->n_inputs && !parameter_fits(s, plan, i + 1, values, p->arena, err))) {
            if (!err->context.n)
                err->context = arena_printf(err->arena, "unnamed portal parameter $%zu%s", i + 1,
                                            p->name.n ? " of a named portal" : "");
            return false;
        }
    }
    p->params = values;
    p->n_params = m->n_params;
    return !plan || !plan->n_inputs || parameter_fits(s, plan, 0, values, p->arena, err);
}

static bool check_bind(const struct prepared *source, const struct bind_msg *m, struct err *err)
{
    size_t wants = source->plan ? source->plan->n_params : 0;
    if (m->n_params != wants)
        return err_set(err, SQLSTATE_PROTOCOL_VIOLATION,
                       "bind message supplies %zu parameters, but prepared statement \"%.*s\" requires %zu",
                       m->n_params, STR_FMT(source->name), wants);
    return true;
}

static bool check_results(const struct plan *described, const struct bind_msg *m, struct err *err)
{
    if (m->results.n <= 1 || (described && m->results.n == described->n_columns))
        return true;
    return err_set(err, SQLSTATE_PROTOCOL_VIOLATION, "bind message has %zu result formats but query has %zu columns",
                   m->results.n, described ? described->n_columns : 0);
}

static bool keep_formats(struct portal *p, const struct bind_msg *m, struct err *err)
{
    struct str codes = arena_str(p->arena, (struct str){ (const char *)m->results.codes, 2 * m->results.n });
    p->formats = (struct result_formats){ (const unsigned char *)codes.p, m->results.n };
    return codes.p || err_oom(err);
}

enum outcome protocol_bind(struct session *s, struct str body, struct err *err)
{
    struct bind_msg m;
    if (!bind_read(body, &m, err))
        return OUTCOME_FAILED;
    struct prepared *source = prepared_find(s, m.statement, err);
    if (!source || !check_bind(source, &m, err))
        return OUTCOME_FAILED;
    if (!source->plan) {
        struct sql_source text = {
            .text = source->text, .index = source->index, .types = source->types, .n_types = source->n_types
        };
        struct found_plan late;
        enum outcome outcome = plan_text(s, &text, false, &late, err);
        if (outcome != OUTCOME_DONE)
            return outcome;
        source->plan = late.plan;
    }
    if (source->plan) {
        if (!transaction_allows(&s->transaction, &s->gucs.live, source->plan, err))
            return OUTCOME_FAILED;
        enum outcome outcome = planning_renew(s, source, err);
        if (outcome != OUTCOME_DONE)
            return outcome;
    }
    if (lacks_schema(s, source->plan, &m)) {
        planning_wait_schema(s);
        return OUTCOME_WAIT;
    }
    struct portal *p = portal_add(s, m.portal, source->plan, err);
    if (!p)
        return OUTCOME_FAILED;
    p->source = prepared_ref(source);
    p->text = source->text;
    if (!keep_formats(p, &m, err) || (p->plan && !decode_params(s, p, &m, err)) ||
        !check_results(p->plan ? utility_described(s, p->plan) : NULL, &m, err)) {
        portal_remove(s, p);
        return OUTCOME_FAILED;
    }
    backend_bind_complete(session_out(s));
    return OUTCOME_DONE;
}

/* ---- Describe ---- */

static void describe_plan(struct session *s, const struct plan *plan, const struct result_formats *formats)
{
    const struct plan *described = plan ? utility_described(s, plan) : NULL;
    if (described && plan_gives_rows(described) && !(plan->kind == PLAN_FETCH && plan->utility.cursor->is_move))
        execute_describe(described, NULL, formats, s->worker->scratch, session_out(s));
    else
        backend_no_data(session_out(s));
}

enum outcome protocol_describe(struct session *s, struct str body, struct err *err)
{
    struct target_msg m;
    struct result_formats text = { 0 };
    if (!describe_read(body, &m, err))
        return OUTCOME_FAILED;
    if (m.is_portal) {
        struct portal *p = portal_find(s, m.name, err);
        if (!p)
            return OUTCOME_FAILED;
        describe_plan(s, p->plan, &p->formats);
        return OUTCOME_DONE;
    }
    struct prepared *p = prepared_find(s, m.name, err);
    if (!p)
        return OUTCOME_FAILED;
    backend_parameter_description(session_out(s), p->plan ? p->plan->param_types : NULL,
                                  p->plan ? p->plan->n_params : 0);
    describe_plan(s, p->plan, &text);
    return OUTCOME_DONE;
}

/* ---- Execute ---- */

/* A limit means the rest is fetched later: the rows are kept. Only queries give rows in pieces. */
static bool keeps_rows(const struct plan *plan, int32_t max_rows)
{
    return max_rows > 0 && plan_gives_rows(plan) && plan->kind == PLAN_QUERY;
}

static enum outcome run_kept(struct session *s, struct portal *p, struct execution *x, struct err *err)
{
    if (p->state == PORTAL_NEW) {
        rowstore_fini(&p->rows); /* of a run that had to wait */
        rowstore_init(&p->rows, p->plan->n_columns, s->serving->config->finish_max_bytes);
        p->state = PORTAL_RUNNING;
        x->sink = SINK_STORE;
        enum outcome outcome = execute(s, x, err);
        if (outcome != OUTCOME_DONE) {
            p->state = PORTAL_NEW;
            return outcome;
        }
    }
    enum outcome answered = p->state == PORTAL_RUNNING ? group_answer(s->group, END_IMPLICIT) : OUTCOME_DONE;
    if (answered != OUTCOME_DONE)
        return answered;
    return cursor_resume(s, p, x->max_rows, err) ? OUTCOME_DONE : OUTCOME_FAILED;
}

static enum outcome run_portal(struct session *s, struct portal *p, int32_t max_rows, struct err *err)
{
    struct execution x = { .plan = p->plan,
                           .source = { .text = p->source->text,
                                       .index = p->source->index,
                                       .types = p->source->types,
                                       .n_types = p->source->n_types,
                                       .bound = p->plan->param_types,
                                       .n_bound = p->plan->n_params },
                           .params = p->params,
                           .n_params = p->n_params,
                           .formats = p->formats,
                           .portal = p,
                           .max_rows = max_rows };
    if (p->state == PORTAL_DONE) {
        if (plan_gives_rows(p->plan)) { /* fetched to its end: no more rows, as PostgreSQL says it */
            execute_tag(p->plan, 0, session_out(s));
            return OUTCOME_DONE;
        }
        err_set(err, SQLSTATE_OBJECT_NOT_IN_PREREQUISITE_STATE, "portal \"%.*s\" cannot be run", STR_FMT(p->name));
        return OUTCOME_FAILED;
    }
    if (p->state != PORTAL_NEW || keeps_rows(p->plan, max_rows))
        return run_kept(s, p, &x, err);
    enum outcome outcome = execute(s, &x, err);
    if (outcome == OUTCOME_DONE)
        p->state = PORTAL_DONE;
    return outcome;
}

enum outcome protocol_execute(struct session *s, struct str body, struct err *err)
{
    struct execute_msg m;
    if (!execute_read(body, &m, err))
        return OUTCOME_FAILED;
    struct portal *p = portal_find(s, m.portal, err);
    if (!p)
        return OUTCOME_FAILED;
    if (!p->plan) {
        backend_empty_query(session_out(s));
        return OUTCOME_DONE;
    }
    activity_statement(s, p->text);
    if (!p->source) {
        err_set(err, SQLSTATE_FEATURE_NOT_SUPPORTED, "Execute of a cursor is not supported");
        err_hint(err, "Use FETCH.");
        return OUTCOME_FAILED;
    }
    portal_ref(p); /* COMMIT removes portals, its own too */
    enum outcome outcome = run_portal(s, p, m.max_rows, err);
    portal_unref(s->worker, p);
    return outcome;
}

/* ---- the rest ---- */

enum outcome protocol_close(struct session *s, struct str body, struct err *err)
{
    struct target_msg m;
    if (!close_read(body, &m, err))
        return OUTCOME_FAILED;
    if (m.is_portal)
        portal_remove(s, portal_find(s, m.name, NULL));
    else
        prepared_remove(s, m.name);
    backend_close_complete(session_out(s));
    return OUTCOME_DONE;
}

enum outcome protocol_flush(struct session *s, struct str body, struct err *err)
{
    if (!empty_read(body, err))
        return OUTCOME_FAILED;
    bool answered = !group_is_waiting(s->group) || group_run(s->group, GOAL_GO_ON, END_IMPLICIT) == RUN_ON;
    if (answered) /* at once, some of it perhaps without D1 */
        session_flush(s);
    return OUTCOME_DONE;
}

enum outcome protocol_sync(struct session *s, struct str body, struct err *err)
{
    if (!empty_read(body, err))
        return OUTCOME_FAILED;
    group_run(s->group, GOAL_SYNC, END_IMPLICIT);
    return OUTCOME_DONE;
}

enum outcome protocol_function_call(struct session *s, struct str body, struct err *err)
{
    (void)s;
    (void)body;
    err_unsupported(err, "the FunctionCall message");
    err_hint(err, "Call the function in a SELECT.");
    return OUTCOME_FAILED;
}

/* CopyData, CopyDone and CopyFail after a COPY that has failed (55.2.6). */
enum outcome protocol_ignore(struct session *s, struct str body, struct err *err)
{
    (void)s;
    (void)body;
    (void)err;
    return OUTCOME_DONE;
}

enum outcome protocol_terminate(struct session *s, struct str body, struct err *err)
{
    (void)body;
    (void)err;
    session_hang_up(s);
    return OUTCOME_DONE;
}

static enum outcome (*const handlers[MSG_NR])(struct session *s, struct str body, struct err *err) = {
    [MSG_bind] = protocol_bind,
    [MSG_close] = protocol_close,
    [MSG_describe] = protocol_describe,
    [MSG_execute] = protocol_execute,
    [MSG_function_call] = protocol_function_call,
    [MSG_flush] = protocol_flush,
    [MSG_parse] = protocol_parse,
    [MSG_query] = protocol_query,
    [MSG_sync] = protocol_sync,
    [MSG_terminate] = protocol_terminate,
    [MSG_copy_data] = protocol_ignore,
    [MSG_copy_done] = protocol_ignore, /* of a COPY that has failed (55.2.6) */
    [MSG_copy_fail] = protocol_ignore,
};

enum outcome protocol_message(struct session *s, const struct frame *f, struct err *err)
{
    if (handlers[f->msg] == protocol_ignore)
        return OUTCOME_DONE;
    s->in_extended = f->msg != MSG_query && f->msg != MSG_function_call && f->msg != MSG_sync;
    if (f->msg != MSG_terminate && !session_group(s)) {
        err_oom(err);
        return OUTCOME_FAILED;
    }
    enum outcome outcome = handlers[f->msg](s, f->body, err);
    if (outcome == OUTCOME_FAILED && f->msg == MSG_function_call && s->group)
        s->group->is_simple = true; /* FunctionCall ends its own cycle (55.2.5) */
    return outcome;
}

enum outcome protocol_skip(struct session *s, const struct frame *f, struct err *err)
{
    if (f->msg == MSG_terminate)
        return protocol_terminate(s, f->body, err);
    if (f->msg == MSG_sync)
        session_end_cycle(s);
    return OUTCOME_DONE;
}
