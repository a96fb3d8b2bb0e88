/* plan_explain.c - the plan of EXPLAIN: its options, and the statement it is about. See planner.h. */
#include "proxy/sql/planner.h"

#include "proxy/sql/utility_option.h"

struct reading {
    struct planner *p;
    struct plan *plan;
    struct plan_explain *explain;
    bool wal, timing, has_timing, has_summary; /* as they were written */
};

/* Which option it is; those without a place here are taken and change nothing, as nothing of theirs is measured. */
static bool *flag_of(struct reading *r, const char *name, bool *ignored)
{
    const struct {
        const char *name;
        bool *flag;
    } flags[] = {
        { "analyze", &r->explain->analyze }, { "buffers", ignored },
        { "costs", &r->explain->costs },     { "settings", ignored },
        { "summary", &r->explain->summary }, { "timing", &r->timing },
        { "verbose", &r->explain->verbose }, { "wal", &r->wal },
    };
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
        if (strcmp(name, flags[i].name) == 0)
            return flags[i].flag;
    return NULL;
}

static bool fail_at(struct reading *r, const PgQuery__DefElem *d)
{
    r->p->err->position = analyze_position(r->p->text, d->location);
    return false;
}

static bool read_format(struct reading *r, const PgQuery__DefElem *d)
{
    struct str text;
    if (!utility_option_text(d, r->plan->arena, &text, r->p->err))
        return false;
    r->explain->format = str_is(text, "json") ? EXPLAIN_JSON : EXPLAIN_TEXT;
    if (str_is(text, "text") || str_is(text, "json"))
        return true;
    if (str_is(text, "xml") || str_is(text, "yaml")) {
        err_unsupported(r->p->err, "EXPLAIN (FORMAT %.*s)", STR_FMT(text));
        return err_hint(r->p->err, "FORMAT TEXT and FORMAT JSON are.");
    }
    err_set(r->p->err, SQLSTATE_INVALID_PARAMETER_VALUE, "unrecognized value for EXPLAIN option \"%s\": \"%.*s\"",
            d->defname, STR_FMT(text));
    return fail_at(r, d);
}

static bool read_option(struct reading *r, const PgQuery__DefElem *d)
{
    bool ignored;
    if (strcmp(d->defname, "format") == 0)
        return read_format(r, d);
    bool *flag = flag_of(r, d->defname, &ignored);
    if (!flag) {
        err_set(r->p->err, SQLSTATE_SYNTAX_ERROR, "unrecognized EXPLAIN option \"%s\"", d->defname);
        return fail_at(r, d);
    }
    r->has_timing |= flag == &r->timing;
    r->has_summary |= flag == &r->explain->summary;
    return utility_option_flag(d, r->plan->arena, flag, r->p->err);
}

/* The rules of PostgreSQL's ExplainQuery(). */
static bool check_options(struct reading *r)
{
    struct plan_explain *e = r->explain;
    if (r->wal && !e->analyze)
        return err_set(r->p->err, SQLSTATE_INVALID_PARAMETER_VALUE, "EXPLAIN option WAL requires ANALYZE");
    e->timing = r->has_timing ? r->timing : e->analyze;
    if (e->timing && !e->analyze)
        return err_set(r->p->err, SQLSTATE_INVALID_PARAMETER_VALUE, "EXPLAIN option TIMING requires ANALYZE");
    if (!r->has_summary)
        e->summary = e->analyze;
    return true;
}

bool plan_explain(struct planner *p, const PgQuery__ExplainStmt *s, struct plan *plan)
{
    struct plan_explain *explain = ARENA_NEW(plan->arena, struct plan_explain);
    struct reading r = { .p = p, .plan = plan, .explain = explain };
    plan->kind = PLAN_EXPLAIN;
    plan->tag = "EXPLAIN";
    plan->utility.explain = explain;
    plan->columns = ARENA_NEW(plan->arena, struct plan_column);
    if (!explain || !plan->columns)
        return err_oom(p->err);
    explain->costs = true;
    for (size_t i = 0; i < s->n_options; i++)
        if (!read_option(&r, s->options[i]->def_elem))
            return false;
    if (!check_options(&r))
        return false;
    oid_t type = explain->format == EXPLAIN_JSON ? TYPE_OID_json : TYPE_OID_text;
    plan->columns[0] = (struct plan_column){
        .name = STR("QUERY PLAN"), .type = type, .codec_type = type, .typmod = -1, .codec_typmod = -1
    };
    plan->n_columns = 1;
    if (!planner_node(p, s->query, &explain->query))
        return false;
    plan->param_types = explain->query->param_types;
    plan->n_params = explain->query->n_params;
    return true;
}
