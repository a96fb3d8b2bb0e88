/* connection.c - opening, the statement cache, the brake; see connection.h. */
#include "d1/embedded/connection.h"

#include <limits.h>
#include <stdlib.h>
#include <time.h>
#include "d1/scan.h"
#include "proxy/base/fault.h"

enum {
    TEXT_BYTES_MAX = 1 << 20, /* SQL text of the cached statements, as workerd's cache */
    OPEN_BUSY_MS = 5000,
    BUSY_PAUSE_MAX_US = 20000,
    WAL_KEPT_BYTES = 64 << 20, /* a longer log file is cut back when it starts anew */
};

static const char *const control_sql[EMB_CONTROL_NR] = {
    [EMB_BEGIN] = "BEGIN",       [EMB_BEGIN_WRITE] = "BEGIN IMMEDIATE", [EMB_COMMIT] = "COMMIT",
    [EMB_ROLLBACK] = "ROLLBACK", [EMB_SAVEPOINT] = "SAVEPOINT g",       [EMB_ROLLBACK_TO] = "ROLLBACK TO g",
    [EMB_RELEASE] = "RELEASE g",
};

static const char *const sync_names[] = { "FULL", "NORMAL", "OFF" };

enum emb_stop emb_brake_check(struct emb_connection *c)
{
    struct emb_brake *b = &c->brake;
    enum emb_stop asked = b->stop ? (enum emb_stop)atomic_load_explicit(b->stop, memory_order_relaxed) : EMB_STOP_NONE;
    if (asked != EMB_STOP_NONE)
        return b->stopped = asked;
    if (b->budget && b->steps_left <= 0)
        return b->stopped = EMB_STOP_BUDGET;
    uint64_t now = b->deadline_us || b->run_until_us ? clock_monotonic_us(c->clock) : 0;
    if (b->deadline_us && now >= b->deadline_us)
        return b->stopped = EMB_STOP_DEADLINE;
    if (b->run_until_us && now >= b->run_until_us)
        return b->stopped = b->budget ? EMB_STOP_BUDGET : EMB_STOP_RUN_LIMIT;
    return EMB_STOP_NONE;
}

static int on_progress(void *user)
{
    struct emb_connection *c = user;
    c->brake.steps_left -= EMB_BRAKE_STEPS;
    return emb_brake_check(c) != EMB_STOP_NONE;
}

/* Another process holds a lock. The loop's thread never waits; others wait in steps that grow to 20 ms. */
static int on_busy(void *user, int calls)
{
    struct emb_connection *c = user;
    if (c->brake.budget || emb_brake_check(c) != EMB_STOP_NONE)
        return 0;
    long us = calls < 5 ? 500L << calls : BUSY_PAUSE_MAX_US;
    struct timespec pause = { 0, us * 1000 };
    nanosleep(&pause, NULL);
    return 1;
}

void emb_brake_failure(struct emb_failure *f, enum emb_stop stop)
{
    switch (stop) {
    case EMB_STOP_CANCEL:
        emb_failure_set(f, D1_ERROR_CANCELLED, "cancelled");
        return;
    case EMB_STOP_DEADLINE:
        emb_failure_set(f, D1_ERROR_DEADLINE, "deadline passed");
        return;
    case EMB_STOP_BUDGET:
    case EMB_STOP_RUN_LIMIT:
        emb_failure_set(f, D1_ERROR_DEADLINE, EMB_RAN_TOO_LONG);
        return;
    case EMB_STOP_NONE:
        return;
    }
}

static int execute(sqlite3 *db, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *sql = sqlite3_vmprintf(format, args);
    va_end(args);
    int rc = sql ? sqlite3_exec(db, sql, NULL, NULL, NULL) : SQLITE_NOMEM;
    sqlite3_free(sql);
    return rc;
}

/* The checkpoint is the writer's own work, after it has acknowledged (writer.c); a reader never makes one. */
static int configure(struct emb_connection *c, const struct embedded_options *o, bool writer)
{
    sqlite3 *db = c->db;
    sqlite3_busy_timeout(db, OPEN_BUSY_MS);
    int rc = writer ? execute(db, "PRAGMA journal_mode=WAL")
                    : sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    if (rc == SQLITE_OK)
        rc = execute(db,
                     "PRAGMA synchronous=%s; PRAGMA foreign_keys=1; PRAGMA wal_autocheckpoint=0;"
                     "PRAGMA journal_size_limit=%d; PRAGMA cache_size=%d",
                     sync_names[o->synchronous], (int)WAL_KEPT_BYTES, -(int)(o->page_cache_bytes / 1024));
    if (rc == SQLITE_OK) /* reads the schema, so a file that is no database is told now */
        rc = execute(db, "SELECT count(*) FROM sqlite_schema");
    if (rc == SQLITE_OK && !writer)
        rc = execute(db, "PRAGMA query_only=1");
    if (rc == SQLITE_OK)
        rc = emb_rules_apply(db, &c->rules);
    return rc;
}

static int prepare_controls(struct emb_connection *c)
{
    int rc = SQLITE_OK;
    c->rules.trusted = true;
    for (int i = 0; i < EMB_CONTROL_NR && rc == SQLITE_OK; i++)
        rc = sqlite3_prepare_v3(c->db, control_sql[i], -1, SQLITE_PREPARE_PERSISTENT, &c->control[i], NULL);
    c->rules.trusted = false;
    return rc;
}

struct emb_connection *emb_connection_open(const struct embedded_options *o, bool writer, struct emb_failure *f)
{
    struct emb_connection *c = fault_calloc(1, sizeof(*c));
    if (!c) {
        emb_failure_no_memory(f);
        return NULL;
    }
    c->clock = o->clock;
    c->max_statements = o->statement_cache;
    map_init(&c->statements);
    c->lru.newer = c->lru.older = &c->lru;
    int rc = sqlite3_open_v2(o->path.p, &c->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc == SQLITE_OK)
        rc = configure(c, o, writer);
    if (rc == SQLITE_OK)
        rc = prepare_controls(c);
    if (rc != SQLITE_OK) {
        if (c->db)
            emb_failure_sqlite(f, c->db, rc);
        else
            emb_failure_no_memory(f);
        return emb_connection_close(c);
    }
    sqlite3_busy_handler(c->db, on_busy, c);
    sqlite3_progress_handler(c->db, EMB_BRAKE_STEPS, on_progress, c);
    return c;
}

static void lru_unlink(struct emb_statement *s)
{
    s->newer->older = s->older;
    s->older->newer = s->newer;
}

static void lru_link_newest(struct emb_connection *c, struct emb_statement *s)
{
    s->newer = &c->lru;
    s->older = c->lru.older;
    s->older->newer = s;
    c->lru.older = s;
}

static void statement_free(struct emb_statement *s)
{
    sqlite3_finalize(s->stmt);
    free(s);
}

static void forget(struct emb_connection *c, struct emb_statement *s)
{
    map_remove(&c->statements, s->sql);
    lru_unlink(s);
    c->n_statements--;
    c->text_bytes -= s->sql.n;
    statement_free(s);
}

struct emb_connection *emb_connection_close(struct emb_connection *c)
{
    if (!c)
        return NULL;
    while (c->lru.older && c->lru.older != &c->lru)
        forget(c, c->lru.older);
    map_fini(&c->statements);
    for (int i = 0; i < EMB_CONTROL_NR; i++)
        sqlite3_finalize(c->control[i]);
    c->rules.trusted = true; /* closing the last connection makes a checkpoint */
    sqlite3_close(c->db);
    free(c);
    return NULL;
}

static void remember(struct emb_connection *c, struct emb_statement *s)
{
    if (!map_set(&c->statements, s->sql, s)) {
        s->sql = (struct str){ 0 }; /* no memory: it is used once */
        return;
    }
    lru_link_newest(c, s);
    c->n_statements++;
    c->text_bytes += s->sql.n;
    while (c->lru.newer != s && (c->n_statements > c->max_statements || c->text_bytes > TEXT_BYTES_MAX))
        forget(c, c->lru.newer);
}

struct emb_statement *emb_statement_find(struct emb_connection *c, struct str sql)
{
    struct emb_statement *s = map_get(&c->statements, sql);
    if (s && c->lru.older != s) {
        lru_unlink(s);
        lru_link_newest(c, s);
    }
    return s;
}

static bool all_blank(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] != ' ' && (s.p[i] < '\t' || s.p[i] > '\r'))
            return false;
    return true;
}

static void compile_failure(struct emb_connection *c, int rc, struct emb_failure *f)
{
    if (c->rules.transaction_word && (rc & 0xff) == SQLITE_AUTH)
        emb_failure_set(f, D1_ERROR_SQL, EMB_NO_TRANSACTION);
    else if ((rc & 0xff) == SQLITE_INTERRUPT && c->brake.stopped != EMB_STOP_NONE)
        emb_brake_failure(f, c->brake.stopped);
    else
        emb_failure_sqlite(f, c->db, rc);
}

static sqlite3_stmt *compile(struct emb_connection *c, struct str sql, size_t *ret_tail, struct emb_failure *f)
{
    c->rules.transaction_word = c->rules.alters_table = c->rules.pragma = false;
    sqlite3_stmt *stmt = NULL;
    const char *tail = sql.p;
    int rc = sqlite3_prepare_v3(c->db, sql.p, sql.n > INT_MAX ? INT_MAX : (int)sql.n, SQLITE_PREPARE_PERSISTENT, &stmt,
                                &tail);
    if (rc != SQLITE_OK) {
        compile_failure(c, rc, f);
        return NULL;
    }
    *ret_tail = (size_t)(tail - sql.p);
    if (stmt && c->rules.alters_table && !emb_rules_name_allowed(scan_rename_to((struct str){ sql.p, *ret_tail }))) {
        sqlite3_finalize(stmt);
        emb_failure_set(f, D1_ERROR_SQL, EMB_NOT_AUTHORIZED);
        return NULL;
    }
    return stmt;
}

struct emb_statement *emb_prepare(struct emb_connection *c, struct str sql, struct emb_failure *f)
{
    struct emb_statement *s = emb_statement_find(c, sql);
    if (s)
        return s;
    size_t tail = 0;
    sqlite3_stmt *stmt = sql.n ? compile(c, sql, &tail, f) : NULL;
    if (!stmt)
        return NULL;
    /* A PRAGMA acts while it is compiled; of several statements in one text each is its own. */
    bool keep = !c->rules.pragma && all_blank((struct str){ sql.p + tail, sql.n - tail });
    s = fault_calloc(1, sizeof(*s) + (keep ? sql.n : 0));
    if (!s) {
        sqlite3_finalize(stmt);
        emb_failure_no_memory(f);
        return NULL;
    }
    s->stmt = stmt;
    s->tail = tail;
    s->n_params = sqlite3_bind_parameter_count(stmt);
    s->reads_only = sqlite3_stmt_readonly(stmt) || sqlite3_stmt_isexplain(stmt);
    if (keep) {
        s->sql = (struct str){ memcpy(s + 1, sql.p, sql.n), sql.n };
        remember(c, s);
    }
    return s;
}

void emb_statement_release(struct emb_connection *c, struct emb_statement *s)
{
    (void)c;
    if (!s)
        return;
    if (s->sql.p)
        sqlite3_reset(s->stmt);
    else
        statement_free(s);
}

/* Our own statements pass the authorizer, are never braked (a COMMIT must not be), and never wait for a lock. */
static struct emb_brake begin_trusted(struct emb_connection *c)
{
    struct emb_brake brake = c->brake;
    c->brake = (struct emb_brake){ .budget = true, .steps_left = INT64_MAX };
    c->rules.trusted = true;
    return brake;
}

static void end_trusted(struct emb_connection *c, struct emb_brake brake)
{
    c->rules.trusted = false;
    c->brake = brake;
}

int emb_control(struct emb_connection *c, enum emb_control what)
{
    struct emb_brake brake = begin_trusted(c);
    int rc = sqlite3_step(c->control[what]);
    sqlite3_reset(c->control[what]);
    end_trusted(c, brake);
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

void emb_reset_pragmas(struct emb_connection *c)
{
    if (!c->rules.pragma_sets)
        return;
    struct emb_brake brake = begin_trusted(c);
    for (size_t i = 0; emb_rules_reset[i]; i++)
        sqlite3_exec(c->db, emb_rules_reset[i], NULL, NULL, NULL);
    end_trusted(c, brake);
    c->rules.pragma_sets = false;
}
