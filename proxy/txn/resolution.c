/* resolution.c - see resolution.h. */
#include "proxy/txn/resolution.h"

#include <assert.h>
#include <openssl/rand.h>

enum { FIRST_WAIT_US = 50000, LAST_WAIT_US = 2000000, PURGE_EVERY = 256 };

#define TO(s) (1u << RESOLUTION_##s)
static const struct {
    const char *name;
    unsigned to;
} states[RESOLUTION_STATE_NR] = {
    [RESOLUTION_NONE] = { "none", TO(SENT) },
    [RESOLUTION_SENT] = { "sent", TO(NONE) | TO(DOUBT) },
    [RESOLUTION_DOUBT] = { "in doubt", TO(NONE) | TO(FENCE) },
    [RESOLUTION_FENCE] = { "fenced off", TO(NONE) },
};

const char *resolution_state_name(enum resolution_state state)
{
    return states[state].name;
}

bool resolution_may_move(enum resolution_state from, enum resolution_state to)
{
    return states[from].to & (1u << to);
}

static void move(struct resolution *r, enum resolution_state to)
{
    assert(resolution_may_move(r->state, to));
    r->state = to;
}

bool resolution_begin(struct resolution *r)
{
    unsigned char random[16];
    static const char hex[] = "0123456789abcdef";
    *r = (struct resolution){ .state = RESOLUTION_NONE };
    if (RAND_bytes(random, sizeof(random)) != 1)
        return false;
    for (size_t i = 0; i < sizeof(random); i++) {
        r->digits[2 * i] = hex[random[i] >> 4];
        r->digits[2 * i + 1] = hex[random[i] & 15];
    }
    r->id = value_text((struct str){ r->digits, 32 });
    move(r, RESOLUTION_SENT);
    return true;
}

void resolution_members(const struct resolution *r, struct d1_statement *to)
{
    to[0] = (struct d1_statement){ .sql = STR("CREATE TABLE IF NOT EXISTS _pgd1_txn(id TEXT NOT NULL PRIMARY KEY, at "
                                              "INTEGER NOT NULL, result TEXT) WITHOUT ROWID") };
    to[1] = (struct d1_statement){ .sql = STR("INSERT INTO _pgd1_txn(id,at) VALUES(?1,unixepoch())"),
                                   .params = &r->id,
                                   .n_params = 1 };
}

struct d1_statement resolution_fence(const struct resolution *r)
{
    return (struct d1_statement){ .sql = STR("INSERT INTO _pgd1_txn(id,at,result) VALUES(?1,unixepoch(),'fence') ON "
                                             "CONFLICT DO UPDATE SET at=at WHERE result='fence' RETURNING 1 AS c0"),
                                  .params = &r->id,
                                  .n_params = 1 };
}

bool resolution_purges(void)
{
    static _Thread_local unsigned asked;
    return ++asked % PURGE_EVERY == 0;
}

struct d1_statement resolution_purge(void)
{
    return (struct d1_statement){ .sql = STR("DELETE FROM _pgd1_txn WHERE at < unixepoch() - 86400") };
}

static bool is_lost(const struct d1_error *e)
{
    return e->may_have_run || e->kind == D1_ERROR_LOST || e->kind == D1_ERROR_DEADLINE;
}

/* Says nothing about the batch that is in doubt. */
static bool is_no_answer(const struct d1_error *e)
{
    return is_lost(e) || e->kind == D1_ERROR_UNREACHABLE || e->kind == D1_ERROR_OVERLOADED ||
           e->kind == D1_ERROR_CANCELLED || e->kind == D1_ERROR_INTERNAL || e->kind == D1_ERROR_AUTH;
}

static bool is_there(const struct d1_error *e)
{
    return e->kind == D1_ERROR_SQL && str_starts(e->message, STR("UNIQUE constraint failed: _pgd1_txn.id"));
}

static enum resolution_step again(struct resolution *r, uint64_t now_us, uint64_t *ret_wait_us)
{
    uint64_t wait = (uint64_t)FIRST_WAIT_US << (r->attempts < 6 ? r->attempts : 6);
    if (wait > LAST_WAIT_US)
        wait = LAST_WAIT_US;
    r->attempts++;
    if (now_us + wait >= r->until_us) {
        move(r, RESOLUTION_NONE);
        return RESOLUTION_UNKNOWN;
    }
    *ret_wait_us = wait;
    return RESOLUTION_AGAIN;
}

static enum resolution_step end(struct resolution *r, enum resolution_step step)
{
    move(r, RESOLUTION_NONE);
    return step;
}

enum resolution_step resolution_next(struct resolution *r, const struct d1_error *e, uint64_t now_us,
                                     uint64_t timeout_us, uint64_t *ret_wait_us)
{
    switch (r->state) {
    case RESOLUTION_NONE:
    case RESOLUTION_STATE_NR:
        break;
    case RESOLUTION_SENT:
        if (!is_lost(e) || !e->may_have_run)
            return end(r, RESOLUTION_ANSWER);
        move(r, RESOLUTION_DOUBT);
        r->until_us = now_us + timeout_us;
        return again(r, now_us, ret_wait_us);
    case RESOLUTION_DOUBT:
        if (e->kind == D1_OK)
            return end(r, RESOLUTION_ANSWER);
        if (is_there(e))
            return end(r, RESOLUTION_COMMITTED);
        if (is_no_answer(e))
            return again(r, now_us, ret_wait_us);
        move(r, RESOLUTION_FENCE);
        return RESOLUTION_BEGIN_FENCE;
    case RESOLUTION_FENCE:
        if (e->kind == D1_OK)
            return end(r, r->fenced ? RESOLUTION_FAILED : RESOLUTION_COMMITTED);
        return again(r, now_us, ret_wait_us);
    }
    return RESOLUTION_ANSWER;
}

bool resolution_unknown(const struct resolution *r, struct err *err)
{
    err_set(err, SQLSTATE_TRANSACTION_RESOLUTION_UNKNOWN,
            "connection to D1 was lost: it is unknown whether the transaction was committed");
    err_detail(err, "Its id is %s.", r->digits);
    return err_hint(err, "It was committed if table _pgd1_txn has a row with this id whose result is null.");
}
