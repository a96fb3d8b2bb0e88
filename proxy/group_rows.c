/*
 * group_rows.c - rows that steps change or lock, where their text names them by a key (sql/row_key.h): sessions of this process wait
 * for each other instead of finding at COMMIT that the other was first.
 *
 *   a step is to be sent -> its row is free, or ours: taken, until the transaction ends
 *                        -> another transaction has it: the session waits, nothing is sent; lock_timeout, a cancel request or a
 *                           deadlock end it with an error in the step's place; NOWAIT does not wait
 *
 * What D1 is asked after the wait is asked of the newest data, as PostgreSQL does at READ COMMITTED; above it, the checks of what was
 * read before decide, as ever. Correctness never depends on these locks: statements that name no row by a key, and other proxies,
 * neither take nor heed them, and their conflicts are still found by the checks (txn/capture.h).
 * More than ROWS_MAX rows of one transaction are not locked. ROLLBACK TO keeps the rows that were locked behind the savepoint.
 *
 * Not here the table of locks, queues and deadlocks: advisory.h.
 */
#include "proxy/group_private.h"

#include <stdio.h>
#include "pgwire/jsonb.h"
#include "proxy/advisory.h"

/* ---- which row ---- */

/* The value as text that is the same however it came. */
static struct str text_of(const struct value *v, char digits[32])
{
    switch (v->class) {
    case VALUE_TEXT:
    case VALUE_BLOB:
        return v->bytes;
    case VALUE_INTEGER:
        return (struct str){ digits, (size_t)snprintf(digits, 32, "%lld", (long long)v->integer) };
    case VALUE_REAL:
        return (struct str){ digits, (size_t)snprintf(digits, 32, "%.17g", v->real) };
    case VALUE_NULL:
        break;
    }
    return (struct str){ 0 };
}

struct advisory_key group_row_lock(const struct relation *r, oid_t key, const struct value *values, size_t n)
{
    char digits[32];
    uint64_t hash = str_hash_more(str_hash(r->sqlite_name), (struct str){ (const char *)&key, sizeof(key) });
    for (size_t i = 0; i < n; i++) {
        struct str text = text_of(&values[i], digits);
        hash = str_hash_more(hash, (struct str){ (const char *)&text.n, sizeof(text.n) });
        hash = str_hash_more(hash, text);
    }
    return (struct advisory_key){ (uint32_t)(hash >> 32), (uint32_t)hash, ADVISORY_ROW };
}

static bool is_number(const struct column *c)
{
    return c->type == TYPE_OID_int2 || c->type == TYPE_OID_int4 || c->type == TYPE_OID_int8;
}

struct str group_row_words(const struct relation *r, const struct constraint *key, const struct value *values,
                           struct arena *arena)
{
    struct buf text;
    char digits[32];
    buf_init(&text, 1 << 20);
    buf_printf(&text, "%u:[", key->oid);
    for (size_t i = 0; i < key->n_columns; i++) {
        struct str value = text_of(&values[i], digits);
        if (i)
            buf_add_str(&text, STR(","));
        if (is_number(&r->columns[key->columns[i] - 1]))
            buf_add_str(&text, value);
        else
            json_print_string(value, &text);
    }
    buf_add_str(&text, STR("]"));
    struct str ret = text.failed ? (struct str){ 0 } : arena_str(arena, buf_str(&text));
    buf_fini(&text);
    return ret;
}

static struct str words_of(const struct step *step, struct arena *arena)
{
    const struct plan_row *row = step->x.plan->row;
    for (size_t i = 0; i < row->relation->n_constraints; i++)
        if (row->relation->constraints[i].oid == row->key)
            return group_row_words(row->relation, &row->relation->constraints[i], step->row_values, arena);
    return (struct str){ 0 };
}

static uint64_t row_number(struct advisory_key lock)
{
    return (uint64_t)lock.high << 32 | lock.low;
}

static bool has_null(const struct value *values, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (values[i].class == VALUE_NULL)
            return true;
    return false;
}

static void name_new_row(struct group *g, struct step *step)
{
    const struct plan_new_row *row = step->x.plan->new_row;
    struct row_keys *keys = ARENA_NEW(g->arena, struct row_keys);
    struct bind_input input;
    struct value *values;
    struct err err;
    err_init(&err, g->arena);
    if (!keys || !(keys->list = ARENA_ARRAY(g->arena, struct row_key, row->n_keys + 1)))
        return;
    keys->version = step->x.plan->snapshot->version;
    keys->counted = row->counted;
    execute_input(g->session, &step->x, &input);
    for (size_t i = 0; i < row->n_keys; i++) {
        const struct plan_key *key = &row->keys[i];
        if (!plan_bind_key(step->x.plan, key, &input, g->arena, &values, &err))
            return;
        if (!has_null(values, key->n_binds))
            keys->list[keys->n++] =
                (struct row_key){ key->oid, row_number(group_row_lock(row->relation, key->oid, values, key->n_binds)) };
    }
    step->keys = keys;
}

void group_expect_id(const struct group *g, struct step *step)
{
    struct row_keys *keys = step->keys;
    bool drawn;
    if (!keys || !keys->counted)
        return;
    reservation_next(&g->database->schema->reservations, g->session->transaction.held, keys->version,
                     step->x.plan->new_row->relation->sqlite_name, &drawn, &keys->value);
    keys->id = drawn ? ID_DRAWN : step->x.plan->statements[0].gives_rows ? ID_SHOWN : ID_LEFT;
}

void group_note_id(struct step *step, const struct capture *c)
{
    struct row_keys *keys = step->keys;
    if (!keys || !keys->counted)
        return;
    struct value id = value_integer(capture_row_id(c));
    keys->id = c->drawn ? ID_DRAWN : id.integer ? ID_SHOWN : ID_LEFT;
    keys->value = id.integer;
    if (id.integer)
        keys->list[keys->n++] =
            (struct row_key){ keys->counted,
                              row_number(group_row_lock(step->x.plan->new_row->relation, keys->counted, &id, 1)) };
    else if (c->kind != CAPTURE_COUNT)
        step->keys = NULL; /* it was shown, and is not sent as a value */
}

void group_name_row(struct group *g, struct step *step)
{
    const struct plan_row *row = step->x.plan->row;
    struct bind_input input;
    struct value *values;
    struct err err;
    err_init(&err, g->arena);
    if (step->x.plan->new_row && g->session->transaction.state == TXN_OPEN)
        name_new_row(g, step);
    if (!row || (!row->locks && g->session->transaction.state != TXN_OPEN))
        return;
    execute_input(g->session, &step->x, &input);
    if (!plan_bind_row(step->x.plan, &input, g->arena, &values, &err))
        return;
    if (has_null(values, row->n_binds))
        return;
    step->row = group_row_lock(row->relation, row->key, values, row->n_binds);
    step->row_values = values;
    step->names_row = true;
    step->wants_row = row->locks && g->session->gucs.live.row_locks;
}

struct row_use group_row_use(const struct step *step)
{
    const struct plan *plan = step->x.plan;
    const struct plan_row *row = plan->row;
    if (step->bulk || plan->n_statements != 1 || step->n_statements != 1 || plan->lookup || plan->local ||
        plan->volatile_values || plan->is_raw || plan->n_writes > 1)
        return (struct row_use){ .kind = USE_TABLES };
    if (step->names_row && row->is_alone && step->is_write == (plan->n_writes == 1))
        return (
            struct row_use){ .kind = USE_ROW, .removes = row->removes, .key = row->key, .row = row_number(step->row) };
    bool inserts =
        plan->statements[0].fold && plan->n_writes == 1 && !plan->has_subqueries && !plan->writes[0]->has_user_triggers;
    return inserts ? (struct row_use){ .kind = USE_KEYS, .keys = step->keys } : (struct row_use){ .kind = USE_TABLES };
}

/* ---- waiting ---- */

static void stop(struct group *g)
{
    g->row_wait.waits = false;
    g->row_wait.since_us = 0;
    worker_timer_clear(g->worker, &g->session->waiting);
    advisory_stop_waiting(&g->worker->app->advisory, &g->session->presence);
}

static void on_timer(struct timer *t)
{
    group_rows_look((struct session *)((char *)t - offsetof(struct session, waiting)));
}

void group_rows_look(struct session *s)
{
    if (s->state != SESSION_BUSY || !s->group || !s->group->row_wait.waits)
        return;
    s->group->row_wait.waits = false;
    group_go_on(s->group);
}

void group_rows_stop(struct session *s)
{
    if (s->group && s->group->row_wait.since_us)
        stop(s->group);
}

/* Whether the wait is over without the row; the error says why. */
static bool ended(struct group *g, struct err *err)
{
    struct session *s = g->session;
    const struct guc_live *live = &s->gucs.live;
    uint64_t waited = worker_now(g->worker) - g->row_wait.since_us;
    if (s->cancelled) {
        s->cancelled = 0;
        return !err_set(err, SQLSTATE_QUERY_CANCELED, "canceling statement due to user request");
    }
    bool lock = live->lock_timeout_us && waited >= live->lock_timeout_us;
    bool statement = live->statement_timeout_us && waited >= live->statement_timeout_us;
    if (lock && (!statement || live->lock_timeout_us <= live->statement_timeout_us))
        return !err_set(err, SQLSTATE_LOCK_NOT_AVAILABLE, "canceling statement due to lock timeout");
    if (!statement)
        return false;
    metric_add(&g->worker->metrics, METRIC_statement_timeouts, 1);
    return !err_set(err, SQLSTATE_QUERY_CANCELED, "canceling statement due to statement timeout");
}

static enum rows begin_wait(struct group *g, struct err *err)
{
    struct session *s = g->session;
    const struct guc_live *live = &s->gucs.live;
    uint64_t now = worker_now(g->worker), lock = live->lock_timeout_us, limit = live->statement_timeout_us;
    if (!g->row_wait.since_us)
        g->row_wait.since_us = now ? now : 1;
    if (ended(g, err)) {
        stop(g);
        return ROWS_FAILED;
    }
    if (lock && (!limit || lock < limit))
        limit = lock;
    s->waiting.fire = on_timer;
    if (limit)
        worker_timer(g->worker, &s->waiting, g->row_wait.since_us + limit);
    g->row_wait.waits = true;
    session_wait(s);
    return ROWS_WAIT;
}

/* ---- taking ---- */

static bool deadlock(const struct group *g, const struct relation *of, uint32_t blocker, struct err *err)
{
    err_set(err, SQLSTATE_T_R_DEADLOCK_DETECTED, "deadlock detected");
    err_detail(err, "Process %u waits for a row of relation \"%.*s\"; blocked by process %u, which waits for it.",
               g->session->presence.pid, STR_FMT(of->name), blocker);
    return err_hint(err, "See server log for query details.");
}

enum rows group_take_lock(struct group *g, const struct relation *of, struct advisory_key key, struct str words,
                          enum advisory_mode mode, bool nowait, struct err *err)
{
    struct session *s = g->session;
    uint32_t blocker = 0;
    switch (advisory_take_named(&g->worker->app->advisory, &s->presence, key, words, mode, ADVISORY_OF_TRANSACTION,
                                !nowait, &blocker)) {
    case ADVISORY_GRANTED:
        s->has_locks = s->has_transaction_locks = 1;
        s->n_row_locks += key.kind == ADVISORY_ROW;
        if (g->row_wait.since_us)
            stop(g);
        break;
    case ADVISORY_BUSY:
        if (!nowait)
            return begin_wait(g, err);
        err_set(err, SQLSTATE_LOCK_NOT_AVAILABLE, "could not obtain lock on row in relation \"%.*s\"",
                STR_FMT(of->name));
        return ROWS_FAILED;
    case ADVISORY_DEADLOCK:
        g->row_wait.since_us = 0;
        deadlock(g, of, blocker, err);
        return ROWS_FAILED;
    case ADVISORY_FULL:
        break; /* the checks at COMMIT decide */
    }
    return ROWS_HAVE;
}

static enum rows take(struct group *g, struct step *step, struct err *err)
{
    const struct plan_row *row = step->x.plan->row;
    if (step->claim) {
        enum rows rows = group_skip_rows(g, step, err);
        if (rows != ROWS_HAVE)
            return rows;
    }
    if (!step->wants_row || g->session->n_row_locks >= ROWS_MAX)
        return ROWS_HAVE;
    enum rows rows = group_take_lock(g, row->relation, step->row, words_of(step, g->arena),
                                     row->shares ? ADVISORY_SHARE : ADVISORY_EXCLUSIVE, row->nowait, err);
    step->wants_row = rows != ROWS_HAVE;
    return rows;
}

enum rows group_take_rows(struct group *g)
{
    struct err err;
    for (struct step *step = g->head; step != g->batch_end; step = step->next) {
        if (!step->wants_row && !step->claim)
            continue;
        err_init(&err, g->arena);
        enum rows rows = take(g, step, &err);
        if (rows == ROWS_HAVE)
            continue;
        if (rows == ROWS_FAILED) {
            group_cut(g, step, step->queued_at);
            group_add_error(g, &err);
        }
        return rows;
    }
    return ROWS_HAVE;
}
