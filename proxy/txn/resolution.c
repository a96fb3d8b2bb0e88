/* resolution.c - see resolution.h. */
#include "proxy/txn/resolution.h"

#include <assert.h>
#include <openssl/rand.h>
#include <string.h>

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

enum { TIME_DIGITS = 8, DIGITS = 32 };

static void write_hex(uint64_t number, size_t n, char *to)
{
    static const char hex[] = "0123456789abcdef";
    for (; n > 0; number >>= 4)
        to[--n] = hex[number & 15];
}

static uint64_t seconds(int64_t wall_us)
{
    return wall_us > 0 ? (uint64_t)wall_us / 1000000 : 0;
}

struct value resolution_id(const struct resolution *r)
{
    return value_text((struct str){ r->digits, DIGITS });
}

bool resolution_begin(struct resolution *r, int64_t wall_us)
{
    unsigned char random[(DIGITS - TIME_DIGITS) / 2];
    *r = (struct resolution){ .state = RESOLUTION_NONE };
    if (RAND_bytes(random, sizeof(random)) != 1)
        return false;
    write_hex(seconds(wall_us), TIME_DIGITS, r->digits);
    for (size_t i = 0; i < sizeof(random); i++)
        write_hex(random[i], 2, &r->digits[TIME_DIGITS + 2 * i]);
    r->id = resolution_id(r);
    move(r, RESOLUTION_SENT);
    return true;
}

#define CREATE_TABLE                                                                                                   \
    "CREATE TABLE IF NOT EXISTS _pgd1_txn(id TEXT NOT NULL PRIMARY KEY, at INTEGER NOT NULL, result TEXT) WITHOUT "    \
    "ROWID"

void resolution_members(const struct resolution *r, struct d1_statement *to)
{
    to[0] = (struct d1_statement){ .sql = STR(CREATE_TABLE) };
    to[1] = (struct d1_statement){ .sql = STR("INSERT INTO _pgd1_txn(id,at) VALUES(?1,unixepoch())"),
                                   .params = &r->id,
                                   .n_params = 1 };
}

struct d1_statement resolution_note_count(const struct resolution *r)
{
    return (struct d1_statement){
        .sql = STR("UPDATE _pgd1_txn SET result=coalesce(result||char(10),'')||changes() WHERE id=?1"),
        .params = &r->id,
        .n_params = 1
    };
}

bool resolution_line(struct str *rest, struct str *ret)
{
    if (!rest->p)
        return false;
    const char *end = memchr(rest->p, '\n', rest->n);
    *ret = (struct str){ rest->p, end ? (size_t)(end - rest->p) : rest->n };
    *rest = end ? (struct str){ end + 1, rest->n - ret->n - 1 } : (struct str){ 0 };
    return true;
}

bool resolution_count(struct str *rest, int64_t *ret)
{
    struct str line;
    return resolution_line(rest, &line) && str_to_int64(line, ret);
}

void resolution_fence(const struct resolution *r, struct d1_statement *to)
{
    to[0] = (struct d1_statement){ .sql = STR(CREATE_TABLE) };
    to[1] = (struct d1_statement){ .sql = STR("INSERT INTO _pgd1_txn(id,at,result) VALUES(?1,unixepoch(),'fence') ON "
                                              "CONFLICT DO UPDATE SET at=at WHERE result='fence' RETURNING 1 AS c0"),
                                   .params = &r->id,
                                   .n_params = 1 };
    to[2] = (struct d1_statement){ .sql = STR("SELECT result AS c0 FROM _pgd1_txn WHERE id=?1"),
                                   .params = &r->id,
                                   .n_params = 1 };
}

/* As many as a parameter holds; a request is under way for a few minutes at the most. */
struct str resolution_recent(void)
{
    return STR("SELECT json_group_array(id) AS c0 FROM (SELECT id FROM _pgd1_txn WHERE at>unixepoch()-900 ORDER BY id "
               "DESC LIMIT 20000)");
}

void resolution_refence(const struct value *recent, struct d1_statement *to)
{
    to[0] = (struct d1_statement){ .sql = STR(CREATE_TABLE) };
    to[1] = (struct d1_statement){ .sql = STR("INSERT OR IGNORE INTO _pgd1_txn(id,at,result) SELECT "
                                              "value,unixepoch(),'fence' FROM json_each(?1)"),
                                   .params = recent,
                                   .n_params = 1 };
}

bool resolution_purges(void)
{
    static _Thread_local unsigned asked;
    return ++asked % PURGE_EVERY == 0;
}

bool resolution_purge(int64_t wall_us, uint64_t age_us, struct arena *arena, struct d1_statement *ret)
{
    struct value *params = ARENA_ARRAY(arena, struct value, 2);
    char *oldest = arena_alloc(arena, TIME_DIGITS);
    uint64_t now = seconds(wall_us), age = age_us / 1000000;
    if (!params || !oldest)
        return false;
    write_hex(now > age ? now - age : 0, TIME_DIGITS, oldest);
    params[0] = value_text((struct str){ oldest, TIME_DIGITS });
    params[1] = value_text(arena_printf(arena, "%llu", (unsigned long long)age));
    *ret = (struct d1_statement){ .sql = STR(
                                      "DELETE FROM _pgd1_txn WHERE id < ?1 AND at < unixepoch() - CAST(?2 AS INTEGER)"),
                                  .params = params,
                                  .n_params = 2 };
    return params[1].bytes.p != NULL;
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

/* It had run. */
static enum resolution_step there(struct resolution *r)
{
    if (!r->wants_notes)
        return end(r, RESOLUTION_COMMITTED);
    move(r, RESOLUTION_FENCE);
    return RESOLUTION_BEGIN_FENCE;
}

/* An answer too big to be taken tells that the batch has run. */
static bool is_answer(const struct d1_error *e)
{
    return !is_there(e) && (!e->may_have_run || e->kind == D1_ERROR_TOO_BIG);
}

enum resolution_step resolution_next(struct resolution *r, const struct d1_error *e, uint64_t now_us,
                                     uint64_t timeout_us, uint64_t *ret_wait_us)
{
    switch (r->state) {
    case RESOLUTION_NONE:
    case RESOLUTION_STATE_NR:
        break;
    case RESOLUTION_SENT:
        if (is_answer(e))
            return end(r, RESOLUTION_ANSWER);
        move(r, RESOLUTION_DOUBT);
        r->until_us = now_us + timeout_us;
        return is_there(e) ? there(r) : again(r, now_us, ret_wait_us);
    case RESOLUTION_DOUBT:
        if (e->kind == D1_OK)
            return end(r, RESOLUTION_ANSWER);
        if (is_there(e))
            return there(r);
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
    return err_hint(err, "It was committed if table _pgd1_txn has a row with this id whose result is not 'fence'.");
}
