/*
 * group_refused.c - the row that a constraint refused: PostgreSQL's DETAIL "Failing row contains (…)" of 23502 and 23514.
 *
 * After such an error, and then only, the steps up to the one that failed are sent once more behind what its block has done, in a
 * batch that is taken back and brings the row (txn/refused_row.h). Where it cannot be told, or something else comes of that batch, the
 * error stands as it is.
 */
#include "proxy/group_private.h"

#include "proxy/txn/refused_row.h"

struct refused_question {
    struct step *at;
    const struct snapshot *snapshot;
    const struct relation *relation;
    struct err err;
    struct d1_result *results; /* of the batch that failed; NULL: not told */
};

/* The table that the statement itself writes, not one that keys or triggers bring in. */
static const struct relation *target_of(const struct plan *plan, const struct err *err)
{
    const struct relation *r = plan->n_writes ? plan->writes[0] : NULL;
    return r && err->table.n && str_eq(r->name, err->table) && str_eq(r->schema, err->schema) ? r : NULL;
}

/* The one statement of the step that writes the rows; n_statements: there are several, or none. */
static size_t writing_statement(const struct step *step)
{
    size_t found = step->n_statements;
    for (size_t i = 0; i < step->n_statements; i++) {
        if (i >= step->x.plan->n_statements || !step->x.plan->statements[i].counts_changes)
            continue;
        if (found < step->n_statements)
            return step->n_statements;
        found = i;
    }
    return found;
}

static size_t append(struct d1_statement *to, size_t n, const struct d1_statement *from, size_t n_from)
{
    if (n_from)
        memcpy(&to[n], from, n_from * sizeof(*to));
    return n + n_from;
}

size_t group_members_before(struct group *g, const struct step *at, size_t more, struct d1_statement **ret)
{
    const struct speculation *sp = g->speculates && g->batch_steps == 1 && at == g->head ? &g->speculation : NULL;
    size_t n = g->n_ahead + g->n_buffered + (sp ? sp->n_ahead : 0);
    for (const struct step *step = g->head; step != at; step = step->next)
        n += step->n_statements;
    struct d1_statement *all = *ret = ARENA_ARRAY(g->arena, struct d1_statement, n + more);
    if (!all)
        return 0;
    n = append(all, 0, g->ahead, g->n_ahead);
    n = append(all, n, g->buffered, g->n_buffered);
    n = sp ? append(all, n, sp->ahead, sp->n_ahead) : n;
    for (const struct step *step = g->head; step != at; step = step->next)
        n = append(all, n, step->statements, step->n_statements);
    return n;
}

/* What the block did, the steps before, the row. 0: it cannot be asked. */
static size_t make_members(struct group *g, const struct step *at, const struct relation *r, struct d1_statement **ret)
{
    size_t which = writing_statement(at);
    if (which == at->n_statements)
        return 0;
    size_t n = group_members_before(g, at, which + REFUSED_ROW_MEMBERS, ret);
    if (!*ret)
        return 0;
    n = append(*ret, n, at->statements, which);
    return refused_row_make(at->x.plan, r, &at->statements[which], g->arena, &(*ret)[n]) ? n + REFUSED_ROW_MEMBERS : 0;
}

static void on_done(struct d1_request *r)
{
    struct group *g = r->user;
    struct refused_question *q = g->refused;
    struct str row;
    if (!group_is_answered(g, r))
        return;
    g->refused = NULL;
    if (r->error.kind == D1_ERROR_SQL &&
        refused_row_read(r->error.message, q->snapshot, q->relation, &g->session->gucs.live.types, g->arena, &row))
        err_detail(&q->err, "Failing row contains %.*s.", STR_FMT(row));
    g->request.results = q->results;
    group_fail_step(g, q->at, &q->err);
}

bool group_ask_refused(struct group *g, struct step *at, const struct d1_asked *asked, const struct err *err)
{
    struct session *s = g->session;
    struct refused_question *q;
    struct d1_statement *members;
    const struct relation *r;
    bool is_told = err->code == SQLSTATE_NOT_NULL_VIOLATION || err->code == SQLSTATE_CHECK_VIOLATION;
    if (!is_told || !at || err->detail.n || s->cancelled || at->bulk || at->ids || at->x.plan->is_raw || g->migration ||
        at->n_statements != at->x.plan->n_statements || database_tears_batches(g->database) ||
        !(r = target_of(at->x.plan, err)) || !(q = ARENA_NEW(g->arena, struct refused_question)))
        return false;
    size_t n = make_members(g, at, r, &members);
    if (n == 0)
        return false;
    *q = (struct refused_question){
        .at = at, .snapshot = asked->snapshot, .relation = r, .results = g->request.results
    };
    err_init(&q->err, g->arena);
    err_copy(&q->err, err);
    g->refused = q;
    group_ask(g, members, n, D1_TRYOUT, group_ignore_row, on_done);
    return true;
}
