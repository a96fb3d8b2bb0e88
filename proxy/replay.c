/* replay.c - see replay.h. */
#include "proxy/replay.h"

#include <stdlib.h>
#include "d1/embedded/run.h"
#include "d1/split.h"
#include "d1/sqlite_value.h"
#include "proxy/base/fault.h"
#include "proxy/catalog/snapshot_copy.h"
#include "proxy/d1_error.h"
#include "proxy/sql/lookup.h"
#include "proxy/sql/sequence_values.h"
#include "proxy/txn/overlay.h"

enum { REPLAY_ARENA = 256 << 20, KEPT_STATEMENTS = 16 };

struct replay {
    const struct replay_session *session;
    struct emb_connection *connection;
    struct snapshot *schema; /* the newest; NULL: stale */
    struct overlay overlay;  /* goes along with DDL, so that not all of the schema is read behind each */
    uint32_t position;       /* of DDL in it */
    bool is_reckoned;        /* schema is the overlay's, … */
    bool is_behind;          /* … or not yet what the overlay has */
    struct arena *arena;     /* of the statement under way */
    struct sequence_values sequences;
    const struct d1_result *results; /* of the batch that ran last, in arena */
    bool in_chunk, is_copy;
    /* the statement that was compiled last */
    bool changes_schema, touches_own;
    struct str dropped; /* the table */
};

static const struct d1_traits traits = {
    .name = "replay", .native_values = true, .in_process = true, .max_statement_bytes = 100000, .max_params = 100
};

/* ---- life ---- */

static void forget_schema(struct replay *r)
{
    snapshot_unref(r->schema);
    overlay_drop(&r->overlay);
    r->schema = NULL;
    r->is_reckoned = r->is_behind = false;
}

/* DDL has run. Where the schema before it is known, the one behind it is reckoned: a file costs the same however many are before it. */
static void follow(struct replay *r, const struct d1_statement *statements, size_t n)
{
    if (!r->schema)
        return;
    if (!r->is_behind)
        overlay_begin(&r->overlay, r->schema);
    overlay_run(&r->overlay, ++r->position, statements, n);
    r->is_behind = true;
}

/* Somebody wants to know the schema. */
static void catch_up(struct replay *r)
{
    struct overlay *o = &r->overlay;
    if (!r->is_behind)
        return;
    const struct snapshot *behind = overlay_schema(o, r->arena);
    if (!behind || !overlay_knows(o, r->position)) {
        forget_schema(r);
        return;
    }
    overlay_settle(o);
    snapshot_unref(r->schema);
    r->schema = snapshot_ref(behind);
    r->is_reckoned = true;
    r->is_behind = false;
}

/* For words of errors: NULL where it would have to be read. */
static const struct snapshot *known_schema(struct replay *r)
{
    catch_up(r);
    return r->schema;
}

/* Of these the authorizer tells the table second. */
static bool names_table_second(int action)
{
    return action == SQLITE_ALTER_TABLE || action == SQLITE_CREATE_INDEX || action == SQLITE_CREATE_TRIGGER ||
           action == SQLITE_DROP_INDEX || action == SQLITE_DROP_TRIGGER;
}

/* The authorizer tells what a statement is about to change. */
static void on_action(void *ctx, int action, const char *a, const char *b)
{
    struct replay *r = ctx;
    const char *table = names_table_second(action) ? b : a;
    if (action == SQLITE_DROP_TABLE && a)
        r->dropped = arena_str(r->arena, str_from(a));
    switch (action) {
    case SQLITE_INSERT:
    case SQLITE_UPDATE:
    case SQLITE_DELETE:
        break;
    case SQLITE_READ:
    case SQLITE_SELECT:
    case SQLITE_FUNCTION:
    case SQLITE_PRAGMA:
    case SQLITE_RECURSIVE:
    case SQLITE_ANALYZE:
    case SQLITE_REINDEX:
        return;
    default:
        r->changes_schema = true;
    }
    r->touches_own |= table && str_starts_nocase(str_from(table), STR("_pgd1_"));
}

static bool limit_pages(struct emb_connection *c)
{
    char sql[64];
    snprintf(sql, sizeof(sql), "PRAGMA max_page_count=%d", REPLAY_PAGES);
    c->rules.trusted = true;
    int rc = sqlite3_exec(c->db, sql, NULL, NULL, NULL);
    c->rules.trusted = false;
    return rc == SQLITE_OK;
}

struct replay *replay_new(const struct replay_session *session, struct err *err)
{
    struct embedded_options options = { .path = STR(":memory:"),
                                        .synchronous = EMBEDDED_SYNC_OFF,
                                        .statement_cache = KEPT_STATEMENTS,
                                        .page_cache_bytes = 1 << 20,
                                        .clock = session->clock };
    struct emb_failure f;
    struct replay *r = fault_calloc(1, sizeof(*r));
    if (!r) {
        err_oom(err);
        return NULL;
    }
    emb_failure_init(&f);
    r->session = session;
    r->arena = arena_new(REPLAY_ARENA);
    r->connection = r->arena ? emb_connection_open(&options, true, &f) : NULL;
    bool ok = r->connection && limit_pages(r->connection);
    emb_failure_fini(&f);
    if (!ok) {
        replay_free(r);
        err_oom(err); /* there is no file that could fail */
        return NULL;
    }
    return r;
}

void replay_free(struct replay *r)
{
    if (!r)
        return;
    replay_undo(r);
    forget_schema(r);
    sequence_values_clear(&r->sequences);
    emb_connection_close(r->connection);
    arena_free(r->arena);
    free(r);
}

/* ---- the schema ---- */

/* A query of ours, of one parameter or none, whatever D1 would say to it. */
static bool ask_of(struct replay *r, struct str sql, const struct value *param,
                   bool (*row)(void *ctx, const struct value *cells, size_t n), void *ctx)
{
    enum { CELLS_MAX = 16 };
    struct value cells[CELLS_MAX];
    sqlite3_stmt *statement = NULL;
    int code = SQLITE_ERROR;
    r->connection->rules.trusted = true;
    bool ok = sqlite3_prepare_v2(r->connection->db, sql.p, (int)sql.n, &statement, NULL) == SQLITE_OK &&
              (!param || sqlite_value_bind(statement, 1, param) == SQLITE_OK);
    while (ok && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        size_t n;
        ok = sqlite_value_row(statement, CELLS_MAX, cells, &n) && row(ctx, cells, n);
    }
    sqlite3_finalize(statement);
    r->connection->rules.trusted = false;
    return ok && code == SQLITE_DONE;
}

static bool ask(struct replay *r, struct str sql, bool (*row)(void *ctx, const struct value *cells, size_t n),
                void *ctx)
{
    return ask_of(r, sql, NULL, row, ctx);
}

struct schema_rows {
    struct snapshot_reader *reader;
    size_t statement;
};

static bool schema_row(void *ctx, const struct value *cells, size_t n)
{
    const struct schema_rows *rows = ctx;
    return snapshot_reader_row(rows->reader, rows->statement, cells, n);
}

static bool has_table(const struct replay *r, const char *name)
{
    return sqlite3_table_column_metadata(r->connection->db, NULL, name, NULL, NULL, NULL, NULL, NULL, NULL) ==
           SQLITE_OK;
}

static bool read_schema(struct replay *r, struct err *err)
{
    size_t n;
    catch_up(r);
    if (r->schema)
        return true;
    const struct d1_statement *statements = snapshot_statements_for(has_table(r, "_pgd1_catalog"), &n);
    struct schema_rows rows = { .reader = snapshot_reader_new() };
    bool ok = rows.reader != NULL;
    for (; ok && rows.statement < n; rows.statement++)
        ok = ask(r, statements[rows.statement].sql, schema_row, &rows);
    if (ok)
        r->schema = snapshot_reader_finish(rows.reader, err);
    else
        err_oom(err);
    snapshot_reader_free(rows.reader);
    return r->schema != NULL;
}

/* What others compare with is read as it is. */
struct snapshot *replay_schema(struct replay *r, struct err *err)
{
    if (r->is_reckoned || r->is_behind)
        forget_schema(r);
    return read_schema(r, err) ? snapshot_ref(r->schema) : NULL;
}

/* ---- a batch's members ---- */

static enum d1_flow keep_row(struct d1_request *request, size_t statement, const struct value *cells, size_t n)
{
    (void)request, (void)statement, (void)cells, (void)n;
    return D1_CONTINUE; /* that it is there makes the run keep rows */
}

/* What went wrong, as D1 would say it; the schema tells whose a constraint is. */
static bool fail(struct replay *r, const struct emb_run *run, const struct d1_asked *asked, enum d1_remedy *ret_remedy,
                 struct err *err)
{
    struct d1_asked informed = *asked;
    struct err ignored;
    const struct emb_failure *f = run->failure;
    if ((run->code & 0xff) == SQLITE_NOMEM)
        return err_oom(err);
    if (r->connection->brake.stopped != EMB_STOP_NONE)
        return err_set(err, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "it computes for longer than %d s when it is replayed",
                       REPLAY_STATEMENT_US / 1000000);
    if ((run->code & 0xff) == SQLITE_FULL)
        return err_set(err, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "it needs more than %d MiB of memory when it is replayed",
                       REPLAY_PAGES / 256);
    struct d1_error e = { .kind = f->kind,
                          .message = arena_str(err->arena, buf_str(&f->text)),
                          .failed = emb_run_failed(run) };
    if (!e.message.p)
        return err_oom(err);
    err_init(&ignored, r->arena);
    if (!informed.snapshot && read_schema(r, &ignored))
        informed.snapshot = r->schema;
    *ret_remedy = d1_error_map(&e, &informed, err);
    return false;
}

static bool take_texts(struct replay *r, struct emb_rows *rows, struct value *texts)
{
    struct emb_row row;
    while (emb_rows_next(rows, &row)) {
        struct value *text = &texts[row.statement];
        *text = row.n_cells ? row.cells[0] : value_null();
        if (text->class == VALUE_TEXT && !(text->bytes = arena_str(r->arena, text->bytes)).p)
            return false;
    }
    return true;
}

/* texts: the first cell of each member's last row; NULL: rows are dropped. */
static bool run_members(struct replay *r, const struct d1_statement *statements, size_t n, struct value *texts,
                        const struct d1_asked *asked, enum d1_remedy *ret_remedy, struct err *err)
{
    struct d1_request request = {
        .statements = statements, .n_statements = n, .access = D1_WRITE, .on_row = texts ? keep_row : NULL
    };
    struct emb_rows rows = { 0 };
    struct emb_failure failure;
    emb_failure_init(&failure);
    struct emb_run run = { .connection = r->connection,
                           .request = &request,
                           .rows = &rows,
                           .failure = &failure,
                           .results = ARENA_ARRAY(r->arena, struct d1_result, n),
                           .max_bytes = texts ? r->session->max_bytes : UINT64_MAX };
    r->connection->brake =
        (struct emb_brake){ .run_until_us = clock_monotonic_us(r->session->clock) + REPLAY_STATEMENT_US };
    bool ok = run.results || err_oom(err);
    r->results = run.results;
    if (ok && n && emb_run_more(&run, SIZE_MAX) != EMB_RUN_DONE)
        ok = fail(r, &run, asked, ret_remedy, err);
    emb_run_rewind(&run);
    r->connection->brake = (struct emb_brake){ 0 };
    if (ok && texts && !take_texts(r, &rows, texts))
        ok = err_oom(err);
    emb_rows_fini(&rows);
    emb_failure_fini(&failure);
    return ok;
}

/* ---- chunks ---- */

static bool control_failed(const struct replay *r, struct err *err)
{
    return err_set(err, SQLSTATE_INTERNAL_ERROR, "could not replay: %s", sqlite3_errmsg(r->connection->db));
}

bool replay_begin(struct replay *r, struct err *err)
{
    if (emb_control(r->connection, EMB_BEGIN) != SQLITE_OK)
        return control_failed(r, err);
    r->in_chunk = true;
    return true;
}

void replay_undo(struct replay *r)
{
    if (!r->in_chunk)
        return;
    r->in_chunk = false;
    emb_reset_pragmas(r->connection);
    if (!sqlite3_get_autocommit(r->connection->db))
        emb_control(r->connection, EMB_ROLLBACK);
    sequence_values_lose(&r->sequences);
    forget_schema(r);
}

bool replay_end(struct replay *r, struct err *err)
{
    int unresolved = 0, highest = 0;
    sqlite3_db_status(r->connection->db, SQLITE_DBSTATUS_DEFERRED_FKS, &unresolved, &highest, 0);
    emb_reset_pragmas(r->connection);
    if (unresolved) {
        struct d1_error e = { .kind = D1_ERROR_SQL, .message = STR(EMB_FOREIGN_KEY) };
        struct d1_asked asked = { .snapshot = known_schema(r) };
        d1_error_map(&e, &asked, err);
        replay_undo(r);
        return false;
    }
    if (emb_control(r->connection, EMB_COMMIT) != SQLITE_OK) {
        control_failed(r, err);
        replay_undo(r);
        return false;
    }
    r->in_chunk = false;
    return true;
}

/* ---- a schema to begin with ---- */

static bool side_row(struct replay *r, const struct snapshot_side *row, struct err *err)
{
    struct value cells[] = { value_text(row->kind), value_text(row->schema), value_text(row->name),
                             value_text(row->detail) };
    struct d1_statement insert = { .sql = STR(
                                       "INSERT INTO _pgd1_catalog(kind, schema, name, detail) VALUES (?1, ?2, ?3, ?4)"),
                                   .params = cells,
                                   .n_params = 4 };
    struct d1_asked asked = { 0 };
    enum d1_remedy remedy;
    return run_members(r, &insert, 1, NULL, &asked, &remedy, err);
}

bool replay_copy(struct replay *r, const struct snapshot *schema, struct err *err)
{
    r->connection->rules.trusted = true;
    bool ok = snapshot_copy(schema, r->connection->db);
    r->connection->rules.trusted = false;
    if (!ok) {
        err_unsupported(err, "replaying migrations on this schema");
        return err_detail(err, "pgd1's own SQLite cannot build it: %s.", sqlite3_errmsg(r->connection->db));
    }
    for (size_t i = 0; ok && i < schema->n_side; i++)
        ok = side_row(r, &schema->side[i], err);
    r->is_copy = true;
    forget_schema(r);
    return ok;
}

/* ---- SQLite's statements ---- */

static bool run_raw(struct replay *r, struct str text, struct err *err)
{
    struct d1_statement statement = { .sql = text };
    enum d1_remedy remedy;
    struct d1_asked asked = { .snapshot =
                                  r->is_behind ? NULL : r->schema }; /* it is caught up with when something fails */
    if (!run_members(r, &statement, 1, NULL, &asked, &remedy, err))
        return false;
    if (r->changes_schema)
        follow(r, &statement, 1);
    return true;
}

/* The authorizer is asked while a statement is compiled, which changes nothing yet; one of the cache's would not be compiled. What is
 * wrong comes again when it runs. */
static void look_at(struct replay *r, struct str text)
{
    sqlite3_stmt *compiled = NULL;
    r->changes_schema = r->touches_own = false;
    r->dropped = (struct str){ 0 };
    r->connection->rules.saw = on_action;
    r->connection->rules.saw_ctx = r;
    sqlite3_prepare_v2(r->connection->db, text.p, (int)text.n, &compiled, NULL);
    sqlite3_finalize(compiled);
    r->connection->rules.saw = NULL;
}

/* Statements by their first word: those that do not need rows. */
static bool defines(struct str text)
{
    static const char *const words[] = { "alter", "create", "drop", "pragma" };
    struct str word = split_word(text, 0);
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (str_eq_nocase(word, str_from(words[i])))
            return true;
    return false;
}

static bool replay_sqlite(struct replay *r, struct str text, struct err *err)
{
    if (r->is_copy && !defines(text))
        return true;
    look_at(r, text);
    if (r->touches_own)
        return err_set(err, SQLSTATE_INSUFFICIENT_PRIVILEGE, "pgd1's own tables cannot be changed");
    return run_raw(r, text, err);
}

/* ---- DROP TABLE of what others refer to ---- */

struct referring {
    struct str dropped;
    struct err *err;
};

static bool referring_row(void *ctx, const struct value *cells, size_t n)
{
    const struct referring *ref = ctx;
    if (n < 2 || cells[0].class != VALUE_TEXT || cells[1].class != VALUE_TEXT)
        return true;
    err_set(ref->err, SQLSTATE_DEPENDENT_OBJECTS_STILL_EXIST,
            "DROP TABLE %.*s would act on the rows of table \"%.*s\", which refer to it ON DELETE %.*s",
            STR_FMT(ref->dropped), STR_FMT(cells[0].bytes), STR_FMT(cells[1].bytes));
    err_detail(ref->err, "D1 deletes the rows of a table before it drops it. Deferred keys do not change that.");
    return err_hint(
        ref->err,
        "To make table \"%.*s\" anew and keep those rows, make table \"%.*s\" anew in the same migration: create "
        "both under other names, the key leading to the new one, copy the rows, drop \"%.*s\" and then "
        "\"%.*s\", rename both. \"-- pgd1: allow cascade\" in the file lets it run as it is.",
        STR_FMT(ref->dropped), STR_FMT(cells[0].bytes), STR_FMT(cells[0].bytes), STR_FMT(ref->dropped));
}

bool replay_check_drop(struct replay *r, struct str text, struct err *err)
{
    struct referring ref = { .err = err };
    if (!str_eq_nocase(split_word(text, 0), STR("drop")))
        return true;
    look_at(r, text);
    ref.dropped = r->dropped;
    if (!ref.dropped.n)
        return true;
    struct value name = value_text(ref.dropped);
    struct str sql = STR("SELECT t.name,k.on_delete FROM sqlite_schema t,pragma_foreign_key_list(t.name) k WHERE "
                         "t.type='table' AND k.\"table\"=?1 COLLATE NOCASE AND t.name<>?1 COLLATE NOCASE AND "
                         "k.on_delete IN('CASCADE','SET NULL','SET DEFAULT') ORDER BY 1 LIMIT 1");
    bool ok = ask_of(r, sql, &name, referring_row, &ref);
    arena_reset(r->arena);
    return ok || (err_is_set(err) ? false : err_oom(err));
}

/* ---- PostgreSQL's statements ---- */

struct planned {
    struct plan *plan;
    struct bind_input input;
    struct d1_statement *statements;
    bool again; /* plan it again for the local engine */
};

/* How the local engine works for a statement; what it runs is the caller's to say. */
static struct local_run engine_run(const struct replay *r, const struct planned *p)
{
    return (struct local_run){ .snapshot = r->schema,
                               .types = p->input.types,
                               .now_us = p->input.now_us,
                               .session_value = p->input.session_value,
                               .session_ctx = p->input.session_ctx,
                               .max_bytes = r->session->max_bytes,
                               .max_steps = 200000000,
                               .arena = r->arena };
}

static bool look_up(struct replay *r, struct planned *p, const struct d1_asked *asked, enum d1_remedy *ret_remedy,
                    struct err *err)
{
    size_t n = p->plan->lookup->n_statements;
    struct value *texts = ARENA_ARRAY(r->arena, struct value, n + 1);
    struct d1_statement *statements;
    struct d1_asked reading = *asked;
    reading.statements = NULL;
    if (!texts)
        return err_oom(err);
    if (!lookup_bind(p->plan, &p->input, r->arena, &statements, &p->again, err) || p->again)
        return false;
    if (!run_members(r, statements, n, texts, &reading, ret_remedy, err))
        return false;
    struct local_run run = engine_run(r, p);
    return lookup_finish(p->plan, &p->input, texts, &run, r->session->engine, p->statements, r->arena, err);
}

/* For currval() and lastval() of statements that follow. */
static bool read_sequences(struct replay *r, const struct plan *plan, struct err *err)
{
    uint64_t count = 0;
    for (size_t i = 0; i < plan->n_statements; i++)
        count += plan->statements[i].counts_changes ? (uint64_t)r->results[i].changes : 0;
    struct d1_statement members[SEQUENCE_MEMBERS_MAX];
    struct value *given = ARENA_ARRAY(r->arena, struct value, SEQUENCE_MEMBERS_MAX);
    struct d1_asked asked = { .snapshot = r->schema };
    enum d1_remedy remedy;
    size_t n = 0;
    sequence_values_note(&r->sequences, plan);
    if (!given || !sequence_values_members(&r->sequences, r->arena, members, &n))
        return err_oom(err);
    if (n && !run_members(r, members, n, given, &asked, &remedy, err))
        return false;
    for (size_t i = 0; i < n; i++)
        sequence_values_take(&r->sequences, i, &given[i]);
    sequence_values_count(&r->sequences, plan, count);
    sequence_values_settle(&r->sequences);
    return true;
}

static bool drop_row(void *ctx, const struct value *cells, size_t n)
{
    (void)ctx, (void)cells, (void)n;
    return true;
}

/* A query that reads no table. What would act on the session, or asks for what only a session has, is not run: 0A000. */
static bool run_here(struct replay *r, struct planned *p, struct err *err)
{
    struct value *binds;
    const struct plan_local *local = p->plan->local;
    if (p->plan->kind != PLAN_QUERY || !local || local->n_inputs)
        return true;
    struct local_run run = engine_run(r, p);
    bool ok = plan_bind_local(p->plan, &p->input, r->arena, &binds, err);
    run.sql = local->sql;
    run.binds = binds;
    run.n_binds = local->n_binds;
    run.on_row = drop_row;
    ok = ok && local_run(r->session->engine, &run, err) && !err_is_set(err);
    if (ok || err->code != SQLSTATE_FEATURE_NOT_SUPPORTED)
        return ok;
    err_clear(err);
    return true;
}

/* At D1, or here. */
static bool run_plan(struct replay *r, struct planned *p, struct err *err)
{
    enum d1_remedy remedy = D1_REMEDY_NONE;
    r->session->input(r->session->ctx, r->schema, &p->input);
    p->input.traits = traits;
    p->input.sequences = &r->sequences;
    p->again = false;
    if (p->plan->place == PLACE_HERE)
        return run_here(r, p, err);
    if (!plan_bind(p->plan, &p->input, r->arena, &p->statements, &p->again, err) || p->again)
        return false;
    struct d1_asked asked = {
        .plan = p->plan, .snapshot = r->schema, .is_write = true, .statements = p->statements, .types = p->input.types
    };
    if ((!p->plan->lookup || look_up(r, p, &asked, &remedy, err)) &&
        run_members(r, p->statements, p->plan->n_statements, NULL, &asked, &remedy, err))
        return read_sequences(r, p->plan, err);
    p->again |= remedy == D1_REMEDY_LOCAL;
    return false;
}

static bool check_kind(const struct plan *plan, struct err *err)
{
    bool moves_names = plan->kind == PLAN_SET && plan->utility.set->action == SET_VALUE &&
                       str_eq_nocase(plan->utility.set->name, STR("search_path"));
    switch (plan->kind) {
    case PLAN_QUERY:
    case PLAN_CHANGE:
    case PLAN_DDL:
    case PLAN_SHOW:
    case PLAN_SET_CONSTRAINTS: /* there are no rows that a key could wait for */
    case PLAN_NOTHING:
    case PLAN_NOTIFY:
        return true;
    case PLAN_EXPLAIN:
        return !plan->utility.explain->analyze || err_unsupported(err, "EXPLAIN ANALYZE when it is replayed");
    case PLAN_SET:
        if (!moves_names)
            return true;
        err_unsupported(err, "SET search_path when it is replayed");
        return err_hint(err, "Write the schema before each name.");
    default:
        return err_unsupported(err, "%s when it is replayed", plan->tag);
    }
}

static bool plan_statement(struct replay *r, const struct sql_statement *parsed, bool force_local, struct plan **ret,
                           struct err *err)
{
    struct sql_settings settings;
    r->session->settings(r->session->ctx, r->schema, r->arena, &settings);
    settings.traits = traits;
    settings.sequences = &r->sequences;
    settings.force_local = force_local;
    if (!sql_plan(parsed, r->schema, &settings, NULL, 0, ret, err))
        return false;
    bool ok = check_kind(*ret, err);
    if (ok && (*ret)->n_params)
        ok = err_set(err, SQLSTATE_UNDEFINED_PARAMETER, "there is no parameter $1");
    if (!ok) {
        plan_unref(*ret);
        *ret = NULL;
    }
    return ok;
}

static bool run_parsed(struct replay *r, const struct sql_statement *parsed, bool force_local, bool *ret_again,
                       struct err *err)
{
    struct planned p = { 0 };
    if (!read_schema(r, err) || !plan_statement(r, parsed, force_local, &p.plan, err))
        return false;
    bool runs = p.plan->kind <= PLAN_DDL && (!r->is_copy || p.plan->kind == PLAN_DDL),
         ok = !runs || run_plan(r, &p, err);
    if (ok && p.plan->kind == PLAN_DDL && p.statements)
        follow(r, p.statements, p.plan->n_statements);
    else if (ok && p.plan->kind == PLAN_DDL)
        forget_schema(r);
    *ret_again = p.again;
    plan_unref(p.plan);
    return ok;
}

static bool replay_postgres(struct replay *r, struct str text, struct err *err)
{
    struct sql_list list;
    bool again = false;
    if (!sql_parse(text, MIGRATE_MAX_FILE, r->arena, &list, err))
        return false;
    for (size_t i = 0; i < list.n; i++) {
        if (list.statements[i].is_empty || run_parsed(r, &list.statements[i], false, &again, err))
            continue;
        if (!again)
            return false;
        err_clear(err);
        if (!run_parsed(r, &list.statements[i], true, &again, err))
            return err_is_set(err) ? false : err_unsupported(err, "a value of this statement");
    }
    return true;
}

bool replay_statement(struct replay *r, enum migrate_dialect dialect, struct str text, struct err *err)
{
    bool ok = dialect == MIGRATE_POSTGRES ? replay_postgres(r, text, err) : replay_sqlite(r, text, err);
    if (ok && sqlite3_get_autocommit(r->connection->db)) /* OR ROLLBACK took the chunk, and nothing said so */
        ok = err_set(err, SQLSTATE_INTERNAL_ERROR, "the statement ended the transaction");
    arena_reset(r->arena);
    return ok;
}

/* ---- keys ---- */

struct keys {
    struct replay *replay;
    bool (*each)(void *ctx, const struct replay_broken_key *key);
    void *ctx;
    bool ok;
};

static bool key_row(void *ctx, const struct value *cells, size_t n)
{
    struct keys *k = ctx;
    if (n < 3 || cells[0].class != VALUE_TEXT || cells[1].class != VALUE_TEXT)
        return true;
    struct replay_broken_key key = { cells[0].bytes, cells[1].bytes, (uint64_t)cells[2].integer };
    return k->ok = k->each(k->ctx, &key);
}

bool replay_broken_keys(struct replay *r, bool (*each)(void *ctx, const struct replay_broken_key *key), void *ctx,
                        struct err *err)
{
    struct keys k = { r, each, ctx, true };
    struct str dangling =
        STR("SELECT t.name,k.\"table\",0 FROM sqlite_schema t,pragma_foreign_key_list(t.name) k WHERE "
            "t.type='table' AND NOT EXISTS(SELECT 1 FROM sqlite_schema p WHERE p.type='table' AND "
            "p.name=k.\"table\" COLLATE NOCASE) ORDER BY 1,2");
    struct str broken = STR("SELECT \"table\",parent,count(*) FROM pragma_foreign_key_check WHERE EXISTS(SELECT 1 FROM "
                            "sqlite_schema p WHERE p.type='table' AND p.name=parent COLLATE NOCASE) GROUP BY "
                            "\"table\",parent,fkid ORDER BY \"table\",fkid");
    if (ask(r, dangling, key_row, &k) && ask(r, broken, key_row, &k))
        return true;
    if (k.ok)
        err_set(err, SQLSTATE_INVALID_FOREIGN_KEY, "%s", sqlite3_errmsg(r->connection->db));
    return false;
}
