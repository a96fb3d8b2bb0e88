/*
 * explain.c - EXPLAIN: where a statement runs, what is sent to D1, what is finished here, how many round trips. See utility.h.
 *
 * EXPLAIN ANALYZE runs the statement as if it stood alone, in the group with what is before it: its rows are dropped, and where
 * CommandComplete would come its plan is shown with what it took.
 */
#include <cjson/cJSON.h>
#include "proxy/group.h"
#include "proxy/utility.h"

static const char *place_text(const struct plan *p)
{
    if (p->tables == TABLES_TEMPORARY)
        return p->gather ? "Temporary tables, with rows of D1" : "Temporary tables";
    switch (p->place) {
    case PLACE_HERE:
        return "Here";
    case PLACE_D1:
        return "D1";
    case PLACE_D1_THEN_FINISH:
        return "D1, finished here";
    }
    return "";
}

static unsigned round_trips(const struct plan *p)
{
    if (p->tables == TABLES_TEMPORARY)
        return p->gather ? round_trips(p->gather) : 0;
    return p->place == PLACE_HERE ? 0 : p->lookup && p->lookup->n_statements ? 2 : 1;
}

static const char *role_text(enum statement_role role)
{
    switch (role) {
    case STATEMENT_MAIN:
        return "Main";
    case STATEMENT_HELPER:
        return "Helper";
    case STATEMENT_FETCH:
        return "Fetch";
    }
    return "";
}

/* What is shown. */
struct explained {
    const struct plan_explain *options;
    const struct plan *plan;
    const struct statistics_note *cost; /* NULL: it has not run */
    double milliseconds;
};

static bool line(struct emitter *e, struct str text)
{
    struct value cell = value_text(text);
    return text.p ? emitter_row(e, &cell, 1) : err_oom(e->err);
}

static struct str actual_text(const struct explained *x, struct arena *a)
{
    const struct statistics_note *cost = x->cost;
    struct str time = x->options->timing ? arena_printf(a, "time=%.3f ", x->milliseconds) : STR("");
    return arena_printf(a, " (actual %.*srows=%llu round trips=%u)", STR_FMT(time), (unsigned long long)cost->rows,
                        cost->round_trips);
}

static bool text_summary(struct emitter *e, const struct explained *x, struct arena *a)
{
    const struct statistics_note *cost = x->cost;
    if (!cost)
        return true;
    if ((cost->rows_read || cost->rows_written) &&
        !line(e, arena_printf(a, "D1 Rows: read=%llu written=%llu", (unsigned long long)cost->rows_read,
                              (unsigned long long)cost->rows_written)))
        return false;
    return !x->options->summary || line(e, arena_printf(a, "Execution Time: %.3f ms", x->milliseconds));
}

static bool explain_text(struct session *s, struct emitter *e, const struct explained *x)
{
    struct arena *a = s->group->arena;
    const struct plan *p = x->plan;
    struct str actual = x->cost ? actual_text(x, a) : STR("");
    if (!line(e, arena_printf(a, "%s  (round trips=%u)%.*s", place_text(p), round_trips(p), STR_FMT(actual))))
        return false;
    const struct plan_lookup *lookup = p->lookup;
    for (size_t i = 0; lookup && i < lookup->n_statements; i++)
        if (!line(e, arena_printf(a, "  ->  Read first at D1: %.*s", STR_FMT(lookup->statements[i].sql))))
            return false;
    if (lookup && !line(e, arena_printf(a, "  ->  Compute here: %.*s", STR_FMT(lookup->local.sql))))
        return false;
    for (size_t i = 0; i < p->n_statements; i++)
        if (!line(e, arena_printf(a, "  ->  %s at D1: %.*s", role_text(p->statements[i].role),
                                  STR_FMT(p->statements[i].sql))))
            return false;
    return (!p->local || line(e, arena_printf(a, "  ->  Finish here: %.*s", STR_FMT(p->local->sql)))) &&
           text_summary(e, x, a);
}

static void add_text(cJSON *object, const char *name, struct str text, struct arena *arena)
{
    const char *copy = arena_cstr(arena, text);
    if (copy)
        cJSON_AddStringToObject(object, name, copy);
}

static void add_statement(cJSON *list, const char *role, struct str sql, struct arena *arena)
{
    cJSON *one = cJSON_CreateObject();
    cJSON_AddStringToObject(one, "Role", role);
    add_text(one, "SQL", sql, arena);
    cJSON_AddItemToArray(list, one);
}

static void add_actual(cJSON *plan, const struct explained *x)
{
    const struct statistics_note *cost = x->cost;
    if (x->options->timing)
        cJSON_AddNumberToObject(plan, "Actual Total Time", x->milliseconds);
    cJSON_AddNumberToObject(plan, "Actual Rows", (double)cost->rows);
    cJSON_AddNumberToObject(plan, "Actual Round Trips", cost->round_trips);
    if (cost->rows_read == 0 && cost->rows_written == 0) /* not every transport tells */
        return;
    cJSON_AddNumberToObject(plan, "D1 Rows Read", (double)cost->rows_read);
    cJSON_AddNumberToObject(plan, "D1 Rows Written", (double)cost->rows_written);
}

static cJSON *json_plan(const struct explained *x, struct arena *arena)
{
    const struct plan *p = x->plan;
    cJSON *plan = cJSON_CreateObject();
    cJSON_AddStringToObject(plan, "Node Type", place_text(p));
    cJSON_AddNumberToObject(plan, "Round Trips", round_trips(p));
    if (x->cost)
        add_actual(plan, x);
    cJSON *statements = cJSON_AddArrayToObject(plan, "Statements");
    for (size_t i = 0; p->lookup && i < p->lookup->n_statements; i++)
        add_statement(statements, "Read first", p->lookup->statements[i].sql, arena);
    if (p->lookup)
        add_text(plan, "Lookup SQL", p->lookup->local.sql, arena);
    for (size_t i = 0; i < p->n_statements; i++)
        add_statement(statements, role_text(p->statements[i].role), p->statements[i].sql, arena);
    if (p->local)
        add_text(plan, "Local SQL", p->local->sql, arena);
    return plan;
}

static bool explain_json(struct session *s, struct emitter *e, const struct explained *x)
{
    cJSON *list = cJSON_CreateArray(), *item = cJSON_CreateObject();
    cJSON_AddItemToObject(item, "Plan", json_plan(x, s->group->arena));
    if (x->cost && x->options->summary)
        cJSON_AddNumberToObject(item, "Execution Time", x->milliseconds);
    cJSON_AddItemToArray(list, item);
    char *text = cJSON_Print(list);
    bool ok = text ? line(e, arena_str(s->group->arena, str_from(text))) : err_oom(e->err);
    cJSON_free(text);
    cJSON_Delete(list);
    return ok;
}

static bool explain(struct session *s, const struct execution *x, const struct plan *plan, const struct explained *what,
                    struct buf *out, struct err *err)
{
    struct emitter e = { .session = s,
                         .plan = plan,
                         .formats = x->formats,
                         .sink = what->cost ? SINK_CLIENT : x->sink, /* what has run gave its rows to nobody */
                         .portal = x->portal,
                         .describe = x->describe,
                         .out = out,
                         .err = err };
    emitter_begin(&e);
    if (!(what->options->format == EXPLAIN_JSON ? explain_json(s, &e, what) : explain_text(s, &e, what)))
        return false;
    if (e.sink != SINK_TAKEN)
        execute_tag(plan, 0, out);
    return true;
}

bool utility_explained(struct session *s, const struct execution *x, const struct statistics_note *cost,
                       struct buf *out, struct err *err)
{
    int64_t took_us = session_wall_us(s) - x->began_us;
    struct explained what = { .options = x->explains->utility.explain,
                              .plan = x->plan,
                              .cost = cost,
                              .milliseconds = took_us > 0 ? (double)took_us / 1000 : 0 };
    return explain(s, x, x->explains, &what, out, err);
}

/* What it is about: of EXECUTE the prepared statement, of DECLARE the query. No cursor is made. */
static enum outcome find_statement(struct session *s, const struct execution *x, struct execution *ret, struct err *err)
{
    *ret = *x;
    ret->plan = x->plan->utility.explain->query;
    if (ret->plan->kind == PLAN_DECLARE)
        ret->plan = ret->plan->utility.cursor->query;
    if (ret->plan->kind != PLAN_EXECUTE)
        return OUTCOME_DONE;
    struct execution executes = *ret;
    enum outcome outcome = utility_prepared(s, &executes, ret, err);
    if (outcome != OUTCOME_DONE || (ret->plan && ret->plan->kind <= PLAN_DDL))
        return outcome;
    return err_unsupported(err, "EXPLAIN EXECUTE of a statement that is not a query"), OUTCOME_FAILED;
}

enum outcome utility_explain(struct session *s, struct execution *x, struct err *err)
{
    const struct plan_explain *options = x->plan->utility.explain;
    struct execution run;
    enum outcome outcome = find_statement(s, x, &run, err);
    if (outcome != OUTCOME_DONE)
        return outcome;
    if (!options->analyze) {
        struct explained what = { .options = options, .plan = run.plan };
        return explain(s, x, x->plan, &what, session_out(s), err) ? OUTCOME_DONE : OUTCOME_FAILED;
    }
    if (x->migrates)
        return err_unsupported(err, "EXPLAIN ANALYZE in a migration"), OUTCOME_FAILED;
    run.explains = x->plan;
    run.sink = SINK_TAKEN;
    run.max_rows = 0;
    return execute(s, &run, err);
}
