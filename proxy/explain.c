/* explain.c - EXPLAIN: where a statement runs, what is sent to D1, what is finished here, how many round trips. See utility.h. */
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
    return p->place == PLACE_HERE ? 0 : p->lookup ? 2 : 1;
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

static bool line(struct emitter *e, struct str text)
{
    struct value cell = value_text(text);
    return text.p ? emitter_row(e, &cell, 1) : err_oom(e->err);
}

static bool explain_text(struct session *s, struct emitter *e, const struct plan *p)
{
    struct arena *a = s->group->arena;
    if (!line(e, arena_printf(a, "%s  (round trips=%u)", place_text(p), round_trips(p))))
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
    return !p->local || line(e, arena_printf(a, "  ->  Finish here: %.*s", STR_FMT(p->local->sql)));
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

static cJSON *json_plan(const struct plan *p, struct arena *arena)
{
    cJSON *plan = cJSON_CreateObject();
    cJSON_AddStringToObject(plan, "Node Type", place_text(p));
    cJSON_AddNumberToObject(plan, "Round Trips", round_trips(p));
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

static bool explain_json(struct session *s, struct emitter *e, const struct plan *p)
{
    cJSON *list = cJSON_CreateArray(), *item = cJSON_CreateObject();
    cJSON_AddItemToObject(item, "Plan", json_plan(p, s->group->arena));
    cJSON_AddItemToArray(list, item);
    char *text = cJSON_Print(list);
    bool ok = text ? line(e, arena_str(s->group->arena, str_from(text))) : err_oom(e->err);
    cJSON_free(text);
    cJSON_Delete(list);
    return ok;
}

enum outcome utility_explain(struct session *s, struct execution *x, struct err *err)
{
    const struct plan_explain *explain = x->plan->utility.explain;
    struct emitter e = { .session = s,
                         .plan = x->plan,
                         .formats = x->formats,
                         .sink = x->sink,
                         .portal = x->portal,
                         .out = session_out(s),
                         .err = err };
    e.describe = x->describe;
    emitter_begin(&e);
    bool ok =
        explain->format == EXPLAIN_JSON ? explain_json(s, &e, explain->query) : explain_text(s, &e, explain->query);
    if (!ok)
        return OUTCOME_FAILED;
    execute_tag(x->plan, 0, session_out(s));
    return OUTCOME_DONE;
}
