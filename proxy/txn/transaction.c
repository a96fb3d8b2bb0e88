/* transaction.c - see transaction.h. The wording is PostgreSQL 15's xact.c and guc.c. */
#include "proxy/txn/transaction.h"

#include <assert.h>
#include "proxy/base/fault.h"

enum { SAVEPOINTS_MAX = 10000 };

struct savepoint {
    struct savepoint *next;
    struct key_mode *key_modes; /* the newest then */
    size_t depth;
    uint64_t locks; /* mark */
    uint32_t position;
    uint32_t settings; /* mark */
    bool read_only;
    struct str name; /* behind the struct */
};

#define TO(s) (1u << TXN_##s)
static const struct {
    const char *name;
    unsigned to;
} states[TXN_STATE_NR] = {
    [TXN_IDLE] = { "idle", TO(OPEN) },
    [TXN_OPEN] = { "open", TO(IDLE) | TO(OPEN) | TO(FAILED) },
    [TXN_FAILED] = { "failed", TO(IDLE) | TO(OPEN) | TO(FAILED) },
};

const char *transaction_state_name(enum transaction_state state)
{
    return states[state].name;
}

bool transaction_may_move(enum transaction_state from, enum transaction_state to)
{
    return states[from].to & (1u << to);
}

static void move(struct transaction *t, enum transaction_state to)
{
    assert(transaction_may_move(t->state, to));
    t->state = to;
}

void transaction_init(struct transaction *t)
{
    *t = (struct transaction){ .state = TXN_IDLE, .isolation = READ_COMMITTED };
}

static void drop_to(struct transaction *t, const struct savepoint *keep)
{
    while (t->savepoints != keep) {
        struct savepoint *s = t->savepoints;
        t->savepoints = s->next;
        free(s);
    }
}

void transaction_fini(struct transaction *t)
{
    buffer_fini(&t->buffer);
    overlay_drop(&t->overlay);
    reservation_release(&t->held);
    key_modes_drop(&t->key_modes, NULL);
    transaction_discard_temporary(t);
    drop_to(t, NULL);
}

void transaction_discard_temporary(struct transaction *t)
{
    temporary_free(t->temporary);
    t->temporary = NULL;
}

size_t transaction_savepoints(const struct transaction *t)
{
    return t->savepoints ? t->savepoints->depth : 0;
}

uint64_t transaction_locks(const struct transaction *t)
{
    return t->savepoints ? t->savepoints->locks : 0;
}

enum transaction_status transaction_status(const struct transaction *t)
{
    return t->state == TXN_IDLE ? TRANSACTION_IDLE : t->state == TXN_OPEN ? TRANSACTION_OPEN : TRANSACTION_FAILED;
}

bool isolation_find(struct str word, unsigned char *ret)
{
    for (unsigned char i = 0; i < 4; i++)
        if (str_eq_nocase(word, str_from(guc_isolation_words[i]))) {
            *ret = i;
            return true;
        }
    return false;
}

bool transaction_set_modes(struct transaction *t, const struct plan_transaction *m, struct err *err)
{
    unsigned char isolation = t->isolation;
    if (m->isolation.n && !isolation_find(m->isolation, &isolation))
        return err_set(err, SQLSTATE_INVALID_PARAMETER_VALUE,
                       "invalid value for parameter \"transaction_isolation\": \"%.*s\"", STR_FMT(m->isolation));
    if (isolation != t->isolation && t->has_queried)
        return err_set(err, SQLSTATE_ACTIVE_SQL_TRANSACTION,
                       "SET TRANSACTION ISOLATION LEVEL must be called before any query");
    if (isolation != t->isolation && t->savepoints)
        return err_set(err, SQLSTATE_ACTIVE_SQL_TRANSACTION,
                       "SET TRANSACTION ISOLATION LEVEL must not be called in a subtransaction");
    if (m->read_only == 0 && t->read_only && t->savepoints)
        return err_set(err, SQLSTATE_ACTIVE_SQL_TRANSACTION,
                       "cannot set transaction read-write mode inside a read-only transaction");
    if (m->read_only == 0 && t->read_only && t->has_queried)
        return err_set(err, SQLSTATE_ACTIVE_SQL_TRANSACTION,
                       "transaction read-write mode must be set before any query");
    if (m->deferrable >= 0 && t->savepoints)
        return err_set(err, SQLSTATE_ACTIVE_SQL_TRANSACTION,
                       "SET TRANSACTION [NOT] DEFERRABLE cannot be called within a subtransaction");
    if (m->deferrable >= 0 && t->has_queried)
        return err_set(err, SQLSTATE_ACTIVE_SQL_TRANSACTION,
                       "SET TRANSACTION [NOT] DEFERRABLE must be called before any query");
    t->isolation = isolation;
    if (m->read_only >= 0)
        t->read_only = m->read_only;
    if (m->deferrable >= 0)
        t->deferrable = m->deferrable;
    return true;
}

bool transaction_begin(struct transaction *t, const struct plan_transaction *modes, const struct guc_live *defaults,
                       struct err *warning, struct err *err)
{
    if (t->state != TXN_IDLE) {
        err_set(warning, SQLSTATE_ACTIVE_SQL_TRANSACTION, "there is already a transaction in progress");
        return transaction_set_modes(t, modes, err);
    }
    struct transaction fresh = {
        .state = TXN_IDLE,
        .position = t->position,
        .overlay = t->overlay,
        .key_modes = t->key_modes,
        .temporary = t->temporary,
        .isolation = defaults->default_isolation,
        .read_only = defaults->default_read_only,
        .deferrable = defaults->default_deferrable,
    };
    if (!transaction_set_modes(&fresh, modes, err))
        return false;
    *t = fresh;
    move(t, TXN_OPEN);
    return true;
}

void transaction_end(struct transaction *t, bool commit, bool chain, struct gucs *gucs)
{
    if (!commit)
        gucs_rollback(gucs, 0);
    gucs_commit(gucs);
    drop_to(t, NULL);
    buffer_fini(&t->buffer);
    overlay_drop(&t->overlay);
    reservation_release(&t->held);
    key_modes_drop(&t->key_modes, NULL);
    if (t->temporary)
        temporary_end(t->temporary, commit);
    t->has_queried = false;
    if (t->state != TXN_IDLE)
        move(t, chain ? TXN_OPEN : TXN_IDLE);
}

void transaction_fail(struct transaction *t)
{
    if (t->state == TXN_OPEN)
        move(t, TXN_FAILED);
}

static bool only_in_block(const struct transaction *t, const char *what, struct err *err)
{
    return t->state != TXN_IDLE ||
           err_set(err, SQLSTATE_NO_ACTIVE_SQL_TRANSACTION, "%s can only be used in transaction blocks", what);
}

bool transaction_savepoint(struct transaction *t, struct str name, const struct gucs *gucs, uint64_t locks,
                           struct err *err)
{
    size_t depth = t->savepoints ? t->savepoints->depth + 1 : 1;
    if (!only_in_block(t, "SAVEPOINT", err))
        return false;
    if (depth > SAVEPOINTS_MAX)
        return err_set(err, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "too many savepoints");
    struct savepoint *s = fault_malloc(sizeof(*s) + name.n + 1);
    if (!s)
        return err_oom(err);
    *s = (struct savepoint){ .next = t->savepoints,
                             .key_modes = t->key_modes,
                             .depth = depth,
                             .locks = locks,
                             .position = t->position,
                             .settings = gucs_mark(gucs),
                             .read_only = t->read_only,
                             .name = { (char *)(s + 1), name.n } };
    memcpy(s + 1, name.p, name.n);
    t->savepoints = s;
    return true;
}

static struct savepoint *find(const struct transaction *t, struct str name, struct err *err)
{
    for (struct savepoint *s = t->savepoints; s; s = s->next)
        if (str_eq(s->name, name))
            return s;
    err_set(err, SQLSTATE_S_E_INVALID_SPECIFICATION, "savepoint \"%.*s\" does not exist", STR_FMT(name));
    return NULL;
}

bool transaction_release(struct transaction *t, struct str name, struct err *err)
{
    struct savepoint *s = only_in_block(t, "RELEASE SAVEPOINT", err) ? find(t, name, err) : NULL;
    if (!s)
        return false;
    if (t->temporary)
        temporary_release(t->temporary, s->depth);
    t->read_only = s->read_only; /* SET TRANSACTION inside it holds until its end (CommitSubTransaction) */
    drop_to(t, s->next);
    return true;
}

bool transaction_rollback_to(struct transaction *t, struct str name, struct gucs *gucs, struct err *err)
{
    struct savepoint *s = only_in_block(t, "ROLLBACK TO SAVEPOINT", err) ? find(t, name, err) : NULL;
    if (!s)
        return false;
    if (t->temporary && !temporary_rollback_to(t->temporary, s->depth))
        return err_set(err, SQLSTATE_OUT_OF_MEMORY,
                       "the temporary tables of this session were lost for want of memory");
    drop_to(t, s);
    gucs_rollback(gucs, s->settings);
    t->read_only = s->read_only;
    key_modes_drop(&t->key_modes, s->key_modes);
    buffer_cut(&t->buffer, s->position, t->isolation >= REPEATABLE_READ);
    overlay_drop(&t->overlay);
    move(t, TXN_OPEN);
    return true;
}

bool transaction_refuses_failed(const struct transaction *t, struct err *err)
{
    if (t->state != TXN_FAILED)
        return false;
    err_set(err, SQLSTATE_IN_FAILED_SQL_TRANSACTION,
            "current transaction is aborted, commands ignored until end of transaction block");
    return true;
}

/* Statements that end a failed block, or leave it to a savepoint. */
static bool ends_failure(const struct plan *plan)
{
    if (plan->kind != PLAN_TRANSACTION)
        return false;
    enum transaction_command c = plan->utility.transaction->command;
    return c == TRANSACTION_COMMIT || c == TRANSACTION_ROLLBACK || c == TRANSACTION_ROLLBACK_TO;
}

bool transaction_allows(const struct transaction *t, const struct guc_live *defaults, const struct plan *plan,
                        struct err *err)
{
    if (!ends_failure(plan) && transaction_refuses_failed(t, err))
        return false;
    bool read_only = t->state == TXN_IDLE ? defaults->default_read_only : t->read_only;
    if ((plan->tables == TABLES_TEMPORARY && plan->kind != PLAN_DDL) || plan->kind == PLAN_SET_CONSTRAINTS)
        return true; /* temporary tables may be written even then */
    if (!read_only || (plan->access != D1_WRITE && plan->kind != PLAN_COPY_FROM && plan->kind != PLAN_DDL))
        return true;
    struct str tag = str_from(plan->tag);
    if (plan->kind == PLAN_DDL && str_is(tag, "SELECT")) /* what it answers when it is done */
        tag = STR("CREATE TABLE AS");
    ptrdiff_t end = str_find(tag, STR(" 0"));
    return err_set(err, SQLSTATE_READ_ONLY_SQL_TRANSACTION, "cannot execute %.*s%s in a read-only transaction",
                   (int)(end < 0 ? (ptrdiff_t)tag.n : end), tag.p, plan->kind == PLAN_COPY_FROM ? " FROM" : "");
}
