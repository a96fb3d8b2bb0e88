/* run.c - see run.h. The order of D1's own checks is kept (workerd: prepareSql(), Query::init()). */
#include "d1/embedded/run.h"
#include "d1/sqlite_value.h"

#include "d1/scan.h"

/* A statement known to exceed the budget is tried under it only now and then: the table may have shrunk. */
enum { HEAVY_AGAIN = 32 };

enum started { STARTED, SKIPPED, REFUSED };

static enum started refuse(struct emb_run *run, const char *text)
{
    emb_failure_set(run->failure, D1_ERROR_SQL, text);
    return REFUSED;
}

static bool engine_failed(struct emb_run *run, int code)
{
    struct emb_connection *c = run->connection;
    run->code = code;
    int primary = code & 0xff;
    bool braked = primary == SQLITE_BUSY && c->brake.stopped != EMB_STOP_NONE;
    if (primary ==
        SQLITE_INTERRUPT) /* the brake's, or sqlite3_interrupt() for a reason that the brake would see next */
        braked = c->brake.stopped != EMB_STOP_NONE || emb_brake_check(c) != EMB_STOP_NONE;
    if (braked)
        emb_brake_failure(run->failure, c->brake.stopped);
    else
        emb_failure_sqlite(run->failure, c->db, code);
    return false;
}

/* The parameters are the caller's until done(), so SQLite may read them in place. */
static enum started bind(struct emb_run *run, const struct d1_statement *batch_statement)
{
    struct emb_statement *s = run->statement;
    if (batch_statement->n_params != (size_t)s->n_params)
        return refuse(run, EMB_PARAMETERS);
    for (int i = 0; i < s->n_params; i++) {
        int rc = sqlite_value_bind(s->stmt, i + 1, &batch_statement->params[i]);
        if (rc != SQLITE_OK) {
            engine_failed(run, rc);
            return REFUSED;
        }
    }
    return STARTED;
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* A statement that others follow in the same text: no parameters, one step, no rows, as D1 does it. */
static enum started run_leading(struct emb_run *run)
{
    struct emb_statement *s = run->statement;
    if (s->n_params > 0)
        return refuse(run, EMB_PARAMETERS_NOT_LAST);
    int rc = sqlite3_step(s->stmt);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
        engine_failed(run, rc);
        return REFUSED;
    }
    const struct str sql = run->request->statements[run->at].sql;
    for (run->offset += s->tail; run->offset < sql.n && is_space(sql.p[run->offset]);)
        run->offset++; /* an error's offset counts from the first word */
    emb_statement_release(run->connection, s);
    run->statement = NULL;
    return STARTED;
}

static enum started start_part(struct emb_run *run, const struct d1_statement *batch_statement, bool *ret_last)
{
    struct str sql = batch_statement->sql.n ? batch_statement->sql : STR("");
    struct str text = { sql.p + run->offset, sql.n - run->offset };
    struct emb_statement *s = run->statement = emb_prepare(run->connection, text, run->failure);
    if (!s && run->failure->kind != D1_OK)
        return REFUSED;
    if (!s)
        return run->offset == 0 && scan_is_blank(sql) ? SKIPPED : refuse(run, EMB_NO_STATEMENT);
    if (run->request->access == D1_READ && !s->reads_only)
        return refuse(run, EMB_READ_WROTE);
    if (run->connection->brake.budget && s->heavy && ++s->passes % HEAVY_AGAIN != 0) {
        emb_brake_failure(run->failure, run->connection->brake.stopped = EMB_STOP_BUDGET);
        return REFUSED;
    }
    run->any = true;
    struct str rest = str_trim((struct str){ text.p + s->tail, text.n - s->tail });
    *ret_last = s->sql.p || rest.n == 0;
    return *ret_last ? bind(run, batch_statement) : run_leading(run);
}

static enum started start(struct emb_run *run)
{
    struct emb_connection *c = run->connection;
    if (run->at > 0 && emb_brake_check(c) != EMB_STOP_NONE) {
        emb_brake_failure(run->failure, c->brake.stopped);
        return REFUSED;
    }
    enum started started;
    bool last = false;
    run->offset = 0;
    do
        started = start_part(run, &run->request->statements[run->at], &last);
    while (started == STARTED && !last);
    return started;
}

static bool take_row(struct emb_run *run)
{
    struct value cells[EMB_CELLS_MAX];
    struct emb_row row = { .statement = run->at, .cells = cells };
    size_t bytes;
    if (!emb_row_read(run->statement->stmt, cells, &row.n_cells, &bytes)) {
        run->code = SQLITE_NOMEM;
        emb_failure_no_memory(run->failure);
        return false;
    }
    run->bytes += bytes;
    if (run->bytes > run->max_bytes) {
        emb_failure_set(run->failure, D1_ERROR_TOO_BIG, EMB_TOO_BIG);
        return false;
    }
    if (!run->request->on_row || emb_rows_add(run->rows, &row))
        return true;
    emb_failure_no_memory(run->failure);
    return false;
}

static enum emb_run_end step_statement(struct emb_run *run, size_t room)
{
    struct emb_connection *c = run->connection;
    for (;;) {
        int rc = sqlite3_step(run->statement->stmt);
        if (rc == SQLITE_DONE)
            break;
        if (rc != SQLITE_ROW) {
            engine_failed(run, rc);
            return EMB_RUN_FAILED;
        }
        if (!take_row(run))
            return EMB_RUN_FAILED;
        if (run->rows->bytes > room)
            return EMB_RUN_FULL;
    }
    if (run->request->statements[run->at].wants_changes)
        run->results[run->at].changes = sqlite3_changes64(c->db);
    if (c->brake.budget)
        run->statement->heavy = false;
    emb_statement_release(c, run->statement);
    run->statement = NULL;
    return EMB_RUN_DONE;
}

enum emb_run_end emb_run_more(struct emb_run *run, size_t room)
{
    while (run->at < run->request->n_statements) {
        enum started started = run->statement ? STARTED : start(run);
        if (started == REFUSED)
            return EMB_RUN_FAILED;
        if (started == STARTED) {
            enum emb_run_end end = step_statement(run, room);
            if (end != EMB_RUN_DONE)
                return end;
        }
        run->at++;
    }
    if (run->any)
        return EMB_RUN_DONE;
    refuse(run, EMB_NO_STATEMENTS);
    return EMB_RUN_FAILED;
}

size_t emb_run_failed(const struct emb_run *run)
{
    return run->failure->kind == D1_ERROR_SQL ? run->at + 1 : 0;
}

void emb_run_rewind(struct emb_run *run)
{
    if (run->statement)
        emb_statement_release(run->connection, run->statement);
    run->statement = NULL;
    run->at = run->offset = 0;
    run->bytes = 0;
    run->any = false;
    run->code = SQLITE_OK;
}
