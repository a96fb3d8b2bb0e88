/* cursor.c - see cursor.h. Positions as PostgreSQL's portals: 0 before the first row, n + 1 after the last. */
#include "proxy/cursor.h"

#include "proxy/group.h"
#include "proxy/planning.h"
#include "proxy/statistics.h"

/* ---- rows of a store ---- */

static bool emit(struct emitter *e, const struct portal *p, int64_t row)
{
    struct value cells[1700]; /* far above D1's 100 result columns and the local engine's 2,000 are refused before */
    if (p->rows.n_cells > sizeof(cells) / sizeof(cells[0]))
        return err_set(e->err, SQLSTATE_TOO_MANY_COLUMNS, "too many columns for a cursor");
    rowstore_row(&p->rows, (size_t)(row - 1), cells);
    return emitter_row(e, cells, p->rows.n_cells);
}

/* The stored plan's cells are in storage form already. */
static void natural(struct plan *view, const struct plan *plan, struct plan_column *columns)
{
    *view = *plan;
    view->columns = columns;
    for (size_t i = 0; i < plan->n_columns; i++) {
        columns[i] = plan->columns[i];
        columns[i].form = CELL_NATURAL;
    }
}

static bool emitter_for_store(struct session *s, struct portal *p, struct result_formats formats, struct plan *view,
                              struct emitter *e, struct err *err)
{
    struct plan_column *columns = ARENA_ARRAY(s->group->arena, struct plan_column, p->plan->n_columns);
    if (!columns)
        return err_oom(err);
    natural(view, p->plan, columns);
    *e = (struct emitter){
        .session = s, .plan = view, .formats = formats, .sink = SINK_CLIENT, .out = session_out(s), .err = err
    };
    return true;
}

bool cursor_resume(struct session *s, struct portal *p, int64_t max, struct err *err)
{
    struct plan view;
    struct emitter e;
    int64_t n = (int64_t)p->rows.n;
    if (!emitter_for_store(s, p, p->formats, &view, &e, err))
        return false;
    while (p->position < n && (max <= 0 || (int64_t)e.n_rows < max))
        if (!emit(&e, p, ++p->position))
            return false;
    if (max > 0 && (int64_t)e.n_rows == max) { /* there may be no more; PostgreSQL does not look either */
        backend_portal_suspended(e.out);
        return true;
    }
    p->state = PORTAL_DONE;
    execute_tag(p->plan, e.n_rows, e.out);
    return true;
}

/* ---- DECLARE ---- */

static bool check_declare(struct session *s, const struct plan_cursor *c, struct err *err)
{
    if (!c->hold && s->transaction.state == TXN_IDLE && !s->group->is_multi)
        return err_set(err, SQLSTATE_NO_ACTIVE_SQL_TRANSACTION,
                       "DECLARE CURSOR can only be used in transaction blocks");
    return c->name.n || err_set(err, SQLSTATE_INVALID_CURSOR_NAME, "invalid cursor name: must not be empty");
}

static struct portal *make(struct session *s, const struct execution *x, struct err *err)
{
    const struct plan_cursor *c = x->plan->utility.cursor;
    struct portal *p = portal_add(s, c->name, c->query, err);
    if (!p)
        return NULL;
    p->is_cursor = true;
    p->hold = c->hold;
    p->scroll = c->scroll;
    p->no_scroll = c->no_scroll;
    p->binary = c->binary;
    p->text = arena_str(p->arena, x->source.text);
    p->state = PORTAL_RUNNING;
    rowstore_init(&p->rows, c->query->n_columns, s->serving->config->finish_max_bytes);
    return p;
}

/* The values of a Bind die with its portal; the cursor's step may run later. */
static bool keep_params(struct portal *p, struct execution *x, struct err *err)
{
    struct value *own = ARENA_ARRAY(p->arena, struct value, x->n_params);
    for (size_t i = 0; own && i < x->n_params; i++)
        if (!value_keep(&x->params[i], p->arena, &own[i]))
            return err_oom(err);
    x->params = own;
    return own || err_oom(err);
}

enum outcome cursor_declare(struct session *s, struct execution *x, struct err *err)
{
    const struct plan_cursor *c = x->plan->utility.cursor;
    struct portal *p = check_declare(s, c, err) ? make(s, x, err) : NULL;
    if (!p)
        return OUTCOME_FAILED;
    struct execution run = *x;
    run.plan = c->query;
    run.portal = p;
    run.sink = SINK_STORE;
    run.describe = false;
    run.max_rows = 0;
    enum outcome outcome = keep_params(p, &run, err) ? execute(s, &run, err) : OUTCOME_FAILED;
    if (outcome != OUTCOME_DONE) {
        portal_remove(s, p);
        return outcome;
    }
    execute_tag(x->plan, 0, session_out(s)); /* behind the step, if the query waits for D1 */
    return OUTCOME_DONE;
}

/* ---- FETCH, MOVE ---- */

static int64_t clamp(int64_t v, int64_t low, int64_t high)
{
    return v < low ? low : v > high ? high : v;
}

static int64_t add(int64_t a, int64_t b)
{
    int64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? (b < 0 ? INT64_MIN : INT64_MAX) : sum;
}

struct move {
    int64_t from, to; /* rows to give, in this order: from .. to, step 1 or -1; empty when n is 0 */
    int64_t n, step, end;
};

/* FORWARD and BACKWARD counts; a negative count turns round, 0 is the row the cursor stands on. */
static struct move plan_move(const struct portal *p, const struct plan_cursor *c)
{
    int64_t n = (int64_t)p->rows.n, at = p->position, count = c->count;
    int direction = (int)c->direction;
    if (direction == FETCH_ABSOLUTE || direction == FETCH_RELATIVE) {
        int64_t target = direction == FETCH_RELATIVE ? add(at, count) : count < 0 ? add(n + 1, count) : count;
        target = clamp(target, 0, n + 1);
        bool there = target >= 1 && target <= n;
        return (struct move){ target, target, there, 1, target };
    }
    if (direction == FETCH_BACKWARD)
        count = count == INT64_MAX ? -INT64_MAX : -count;
    if (count == 0)
        return (struct move){ at, at, at >= 1 && at <= n, 1, at };
    if (count > 0) {
        int64_t last = clamp(add(at, count), 0, n + 1), given = clamp(last, 0, n) - at;
        return (struct move){ at + 1, last, given > 0 ? given : 0, 1, last };
    }
    int64_t last = clamp(add(at, count), 0, n + 1), first = at - 1, given = first - clamp(last, 1, n + 1) + 1;
    return (struct move){ first, last, given > 0 ? given : 0, -1, last };
}

/* Whether PostgreSQL would have its executor go back for this, be it that it ends up further on (pquery.c, DoPortalRunFetch). */
static bool goes_back(const struct portal *p, const struct plan_cursor *c)
{
    int64_t n = (int64_t)p->rows.n, at = p->position, count = c->count;
    bool on_row = at >= 1 && at <= n;
    switch (c->direction) {
    case FETCH_FORWARD:
        return count < 0 || (count == 0 && on_row && !c->is_move);
    case FETCH_BACKWARD:
        if (count == 0)
            return on_row && !c->is_move;
        return count == INT64_MAX && c->is_move ? at > 0 : count > 0;
    case FETCH_RELATIVE:
        return count < 0 || (count == 0 && on_row && !c->is_move);
    case FETCH_ABSOLUTE:
        if (count < 0)
            return true;
        if (count == 0 || count - 1 <= clamp(at, 0, n) / 2)
            return at > 0;
        return count <= at;
    }
    return false;
}

static struct portal *cursor_find(struct session *s, struct str name, struct err *err)
{
    struct portal *p = portal_find(s, name, NULL);
    if (!p)
        err_set(err, SQLSTATE_INVALID_CURSOR_NAME, "cursor \"%.*s\" does not exist", STR_FMT(name));
    return p;
}

/* The rows must be here: what waits is sent, and a portal of Bind that never ran cannot be fetched from. */
static enum outcome rows_ready(struct session *s, struct portal *p, struct err *err)
{
    enum outcome outcome = OUTCOME_DONE;
    if (p->state == PORTAL_RUNNING && group_is_waiting(s->group))
        outcome = group_answer(s->group, END_IMPLICIT);
    if (outcome != OUTCOME_DONE)
        return outcome;
    if (p->state == PORTAL_STORED || p->state == PORTAL_DONE)
        return OUTCOME_DONE;
    err_set(err, SQLSTATE_OBJECT_NOT_IN_PREREQUISITE_STATE, "portal \"%.*s\" cannot be run", STR_FMT(p->name));
    return OUTCOME_FAILED;
}

static bool give_rows(struct session *s, const struct execution *x, struct portal *p, const struct move *m,
                      struct err *err)
{
    struct plan view;
    struct emitter e;
    static const unsigned char binary[] = { 0, 1 };
    struct result_formats formats = x->formats;
    if (p->binary && x->describe) /* otherwise Bind has told the formats; none of them is text */
        formats = (struct result_formats){ binary, 1 };
    if (!emitter_for_store(s, p, formats, &view, &e, err))
        return false;
    e.describe = x->describe;
    emitter_begin(&e);
    int64_t row = m->from;
    for (int64_t i = 0; i < m->n; i++, row += m->step)
        if (!emit(&e, p, row))
            return false;
    return true;
}

enum outcome cursor_fetch(struct session *s, struct execution *x, struct err *err)
{
    const struct plan_cursor *c = x->plan->utility.cursor;
    struct portal *p = cursor_find(s, c->name, err);
    if (!p)
        return OUTCOME_FAILED;
    enum outcome outcome = rows_ready(s, p, err);
    if (outcome != OUTCOME_DONE)
        return outcome;
    struct move m = plan_move(p, c);
    if (p->no_scroll && goes_back(p, c)) {
        p->state = PORTAL_FAILED;
        err_set(err, SQLSTATE_OBJECT_NOT_IN_PREREQUISITE_STATE, "cursor can only scan forward");
        err_hint(err, "Declare it with SCROLL option to enable backward scan.");
        return OUTCOME_FAILED;
    }
    if (!c->is_move && !give_rows(s, x, p, &m, err))
        return OUTCOME_FAILED;
    p->position = m.end;
    statistics_done(s, x, (struct statistics_note){ .rows = (uint64_t)m.n });
    execute_tag(x->plan, (uint64_t)m.n, session_out(s));
    return OUTCOME_DONE;
}

enum outcome cursor_close(struct session *s, struct execution *x, struct err *err)
{
    const struct plan_cursor *c = x->plan->utility.cursor;
    struct str key;
    void *value;
    if (!c->all) {
        struct portal *p = cursor_find(s, c->name, err);
        if (!p)
            return OUTCOME_FAILED;
        portal_remove(s, p);
    } else
        for (size_t at = 0; map_next(&s->portals, &at, &key, &value);) {
            struct portal *p = value;
            if (p->is_cursor) {
                portal_remove(s, p);
                at = 0;
            }
        }
    execute_tag(x->plan, 0, session_out(s));
    return OUTCOME_DONE;
}
