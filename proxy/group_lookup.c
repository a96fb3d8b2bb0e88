/*
 * group_lookup.c - what a write that only the local engine can compute reads before it is sent: a request of its own.
 *
 * The batch that follows begins with checks that the rows read are unchanged (sql/lookup.h); when one is not, all is read again.
 *
 * Not here what is computed from the rows: execute_lookup().
 */
#include "proxy/group_private.h"

enum { LOOKUPS_MAX = 5 };

/* What a lookup reads must not be what its own transaction has written and not sent yet. */
static bool reads_own_writes(const struct group *g, const struct step *step)
{
    const struct plan *reader = step->x.plan;
    for (const struct step *s = g->head; s && s != step; s = s->next) {
        if (s->error.p)
            return false; /* it never happens */
        if (s->is_ddl)
            return true;
        for (size_t i = 0; i < s->x.plan->n_writes; i++)
            for (size_t k = 0; k < reader->n_reads; k++)
                if (s->x.plan->writes[i]->oid == reader->reads[k]->oid)
                    return true;
    }
    return buffer_reaches(&g->session->transaction.buffer, reader);
}

/* ---- in an open block: read behind what the block has done ---- */

/*
 * A step of the group's own before the one that looks up: tried out as any read of what the block wrote (group_tryout.c). The one behind it
 * is then computed from what it gave, and its checks hold it to that: in the batch it is tried out in, in later ones, and at COMMIT.
 */
struct lookup_reader {
    struct step *asks;
    struct value *texts; /* what its statements gave, one text each … */
    size_t n, most;      /* … so far, and all of them */
    struct arena *arena;
    struct row_taker taker;
};

static void begin_texts(void *ctx)
{
    ((struct lookup_reader *)ctx)->n = 0;
}

/* Each statement gives one row. */
static bool take_text(void *ctx, const struct value *cells, size_t n)
{
    struct lookup_reader *r = ctx;
    if (!n || r->n == r->most)
        return false;
    struct value *text = &r->texts[r->n++];
    *text = cells[0];
    if (text->class == VALUE_TEXT)
        text->bytes = arena_str(r->arena, text->bytes);
    return text->class != VALUE_TEXT || text->bytes.p;
}

/* A plan of the lookup's statements alone. It lives in the group's arena, and nobody counts it. */
static struct plan *plan_of_reads(struct group *g, const struct plan *of)
{
    static struct plan_column text = { .name = STR_INIT("c0"), .type = TYPE_OID_text, .typmod = -1 };
    const struct plan_lookup *lookup = of->lookup;
    struct plan *plan = ARENA_NEW(g->arena, struct plan);
    struct plan_statement *statements = ARENA_ARRAY(g->arena, struct plan_statement, lookup->n_statements);
    if (!plan || !statements)
        return NULL;
    for (size_t i = 0; i < lookup->n_statements; i++) {
        statements[i] = lookup->statements[i];
        statements[i].role = STATEMENT_MAIN;
        statements[i].gives_rows = true;
        statements[i].n_columns = 1;
    }
    *plan = (struct plan){ .references = 1,
                           .arena = g->arena,
                           .snapshot = of->snapshot,
                           .kind = PLAN_QUERY,
                           .tag = "SELECT",
                           .place = PLACE_D1,
                           .access = D1_READ,
                           .may_go_local = of->may_go_local,
                           .columns = &text,
                           .n_columns = 1,
                           .statements = statements,
                           .n_statements = lookup->n_statements,
                           .reads = of->reads,
                           .n_reads = of->n_reads };
    return plan;
}

bool group_read_first(struct group *g, struct step *step, struct err *err)
{
    const struct plan_lookup *lookup = step->x.plan->lookup;
    struct d1_statement *statements;
    bool again;
    if (g->session->transaction.state != TXN_OPEN || !lookup->n_statements || !reads_own_writes(g, step))
        return true;
    struct plan *plan = plan_of_reads(g, step->x.plan);
    struct lookup_reader *r = ARENA_NEW(g->arena, struct lookup_reader);
    struct value *texts = ARENA_ARRAY(g->arena, struct value, lookup->n_statements);
    if (!plan || !r || !texts)
        return err_oom(err);
    if (!execute_bind_lookup(g->session, &step->x, g->arena, &statements, &again, err) || again)
        return again; /* a value that D1 cannot take: it is refused in its place */
    *r = (struct lookup_reader){ .texts = texts, .most = lookup->n_statements, .arena = g->arena };
    r->taker = (struct row_taker){ begin_texts, take_text, r };
    step->reader = r;
    r->asks = group_add_asking(g, step, plan, statements, &r->taker, err);
    return r->asks != NULL;
}

bool group_read_first_again(struct group *g, struct step *asking, struct err *err)
{
    struct step *step = asking->asks_for;
    const struct plan_lookup *lookup = step->x.plan->lookup;
    struct lookup_reader *r = step->reader;
    bool again;
    struct plan *plan = lookup && lookup->n_statements ? plan_of_reads(g, step->x.plan) : NULL;
    struct value *texts = plan ? ARENA_ARRAY(g->arena, struct value, lookup->n_statements) : NULL;
    if (!texts || !execute_bind_lookup(g->session, &step->x, g->arena, &asking->statements, &again, err) || again)
        return err_set(err, SQLSTATE_INTERNAL_ERROR, "the statement cannot be planned again");
    r->texts = texts;
    r->n = 0;
    r->most = lookup->n_statements;
    asking->x.plan = plan_ref(plan);
    asking->n_statements = plan->n_statements;
    return true;
}

struct step *group_next_lookup(struct group *g)
{
    for (struct step *step = g->head; step != g->batch_end; step = step->next)
        if (step->x.plan->lookup && !step->texts)
            return step;
    return NULL;
}

/* The error takes the step's place; what waits before it is still answered. */
static void fail_lookup(struct group *g, struct step *step, const struct err *err)
{
    group_cut(g, step, step->queued_at);
    group_add_error(g, err);
    g->prefix.on = false; /* there are fewer steps: it begins anew */
}

static void take_lookup(struct group *g, struct step *step);

bool group_looked_behind(struct group *g)
{
    struct step *step = group_next_lookup(g);
    struct err err;
    if (!step || !step->x.plan->lookup->n_statements || !reads_own_writes(g, step))
        return false;
    struct lookup_reader *r = step->reader;
    if (r && r->n == step->x.plan->lookup->n_statements && group_has_answered(g, r->asks)) {
        r->n = 0; /* once: what it read cannot be read again where it was */
        step->texts = r->texts;
        step->lookups = LOOKUPS_MAX;
        take_lookup(g, step);
        return true;
    }
    err_init(&err, g->arena);
    err_unsupported(&err, "a change computed outside of D1 from rows that the same transaction wrote before");
    err_hint(&err, g->session->transaction.state == TXN_OPEN
                       ? "Commit first, or read the rows and write the computed values."
                       : "Put BEGIN and COMMIT around the statements, or send each by itself.");
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
    if (again && !step->forced_local && group_replan(g, step, true, &err))
        return false;
    if (!err_is_set(&err))
        err_unsupported(&err, "a value of this statement");
    fail_lookup(g, step, &err);
    return false;
}

/* What was read becomes the rows to write, or the step an error. */
static void take_lookup(struct group *g, struct step *step)
{
    struct err err;
    err_init(&err, g->arena);
    if (!execute_lookup(g->session, &step->x, step->texts, step->statements, g->arena, &err))
        fail_lookup(g, step, &err);
}

enum run group_submit_lookup(struct group *g, struct step *step)
{
    struct d1_statement *statements;
    if (!bind_lookup(g, step, &statements))
        return group_next(g);
    if (step->x.plan->lookup->n_statements == 0) { /* rows of VALUES that read nothing */
        take_lookup(g, step);
        return group_next(g);
    }
    step->lookups++;
    g->looking = step;
    group_ask(g, statements, step->x.plan->lookup->n_statements, D1_READ, on_lookup_row, on_lookup_done);
    return RUN_WAIT;
}

/* Rows that were looked up have changed before the batch came: all of it is read again. */
bool group_look_again(struct group *g)
{
    unsigned most = 0;
    for (struct step *step = g->head; step != g->batch_end; step = step->next)
        most = step->lookups > most ? step->lookups : most;
    if (most == 0 || most >= LOOKUPS_MAX)
        return false;
    for (struct step *step = g->head; step != g->batch_end; step = step->next)
        step->texts = NULL;
    group_go_on(g);
    return true;
}

static void lookup_failed(struct group *g, struct step *step)
{
    struct err err;
    err_init(&err, g->arena);
    metric_add(&g->worker->metrics, METRIC_d1_errors, 1);
    struct d1_asked asked = group_asked(g, step);
    asked.statements = NULL;
    asked.is_write = false;
    enum d1_remedy remedy = d1_error_map(&g->request.error, &asked, &err);
    step->texts = NULL;
    if ((remedy == D1_REMEDY_REFRESH && group_refresh(g, &err)) ||
        (remedy == D1_REMEDY_LOCAL && group_try_locally(g, step, &err)))
        return;
    fail_lookup(g, step, &err);
    group_go_on(g);
}

static void on_lookup_done(struct d1_request *r)
{
    struct group *g = r->user;
    struct step *step = g->looking;
    step->round_trips += r->round_trips;
    if (!group_is_answered(g, r))
        return;
    g->looking = NULL;
    if (r->error.kind != D1_OK)
        lookup_failed(g, step);
    else {
        take_lookup(g, step);
        group_go_on(g);
    }
}
