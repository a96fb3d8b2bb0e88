/* SOURCES tests/scenario/stage.c */
/*
 * A whole session from any bytes, on a D1 that answers everything alike and a clock that stands still.
 *
 * First byte: bits 0-2 what D1 answers, bit 3 the bytes come one by one, bit 4 without our start-up packet before them, bit 5 the client is
 * gone right behind them. Whatever comes: no crash, and once time has passed the session waits for nothing but the client.
 */
#include "pgwire/startup.h"
#include "proxy/base/log.h"
#include "sqlite3.h"
#include "tests/fuzz/fuzz.h"
#include "tests/scenario/stage.h"

#define MUST(x) ((x) ? (void)0 : abort())

enum { BYTEWISE = 8, WITHOUT_STARTUP = 16, GONE = 32, STAGE_LIVES = 200 };

static const char *const answers[8] = {
    "ok",
    "changes 1,2",
    "error 'UNIQUE constraint failed: t.id: SQLITE_CONSTRAINT'",
    "error 'bad JSON path: ''!local'': SQLITE_ERROR'",
    "error 'no such table: t: SQLITE_ERROR'",
    "lost",
    "overloaded",
    "never",
};
static const char schema[] = "CREATE TABLE t(id INTEGER PRIMARY KEY, n TEXT, p NUMERIC(8,2), at TIMESTAMP);"
                             "CREATE TABLE c(id INTEGER PRIMARY KEY, t INTEGER REFERENCES t(id))";

static void open_stage(struct stage *st, unsigned answer)
{
    AUTO(arena) arena = arena_new(1 << 20);
    struct err err;
    err_init(&err, arena);
    *st = (struct stage){ 0 };
    MUST(stage_open(st, STR("query_timeout = 50s"), false, &err));
    MUST(sqlite3_exec(st->schema, schema, NULL, NULL, NULL) == SQLITE_OK);
    MUST(fake_line(st->d1, arena_printf(arena, "expect answer %s again 100000000", answers[answer]), &err));
}

/* A stage for each answer, made again now and then. */
static struct stage *stage_for(unsigned answer)
{
    static struct stage stages[8];
    static unsigned used[8];
    if (used[answer]++ % STAGE_LIVES == 0) {
        if (used[answer] > 1)
            stage_close(&stages[answer]);
        open_stage(&stages[answer], answer);
    }
    return &stages[answer];
}

static void start_up(struct stage *st, struct player *p)
{
    struct str pairs[] = { STR("user"), STR("postgres"), STR("database"), STR("app") };
    struct buf out;
    buf_init(&out, 1 << 10);
    startup_write_session(&out, PROTOCOL(3, 0), pairs, 4);
    stage_send(st, p, buf_str(&out));
    buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    log_set_level(LOG_LEVEL_ERROR);
    struct stage *st = stage_for(data[0] & 7);
    struct player *p = &st->players[0];
    st->bytewise = false;
    stage_connect(st, p);
    MUST(p->session);
    if (!(data[0] & WITHOUT_STARTUP))
        start_up(st, p);
    st->bytewise = data[0] & BYTEWISE;
    if (p->session)
        stage_send(st, p, (struct str){ (const char *)data + 1, size - 1 });
    for (int i = 0; i < 100 && p->session && !(data[0] & GONE) && p->session->state == SESSION_BUSY; i++) {
        fake_clock_advance(&st->clock, 1000000);
        stage_settle(st);
    }
    MUST(!p->session || (data[0] & GONE) || p->session->state != SESSION_BUSY ||
         p->session->gucs.live.statement_timeout_us !=
             UINT64_C(50000000)); /* it may sleep for as long as it asked to */
    if (p->session)
        session_abandon(p->session);
    p->session = NULL;
    fake_clock_advance(&st->clock, 100000000);
    stage_settle(st);
    return 0;
}
