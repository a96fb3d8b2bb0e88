/* engine.c - see engine.h. */
#include "tests/golden/engine.h"
#include "d1/sqlite_value.h"
#include "proxy/sql/lookup.h"

#include <sqlite3.h>
#include "pgwire/timezone.h"
#include "tests/support/snapshot_fixture.h"

struct engine {
    sqlite3 *db;
    struct snapshot *snapshot;
    struct local_engine *local;
    struct type_settings types;
    struct sql_settings settings;
    struct str path[1];
};

static bool sqlite_fail(struct engine *e, struct str sql, struct err *err)
{
    const char *text = sqlite3_errmsg(e->db), *raise = strstr(text, "bad JSON path: '!");
    struct str code;
    enum sqlstate state;
    static const struct {
        const char *start;
        enum sqlstate state;
    } constraints[] = {
        { "UNIQUE constraint", SQLSTATE_UNIQUE_VIOLATION },
        { "CHECK constraint", SQLSTATE_CHECK_VIOLATION },
        { "NOT NULL constraint", SQLSTATE_NOT_NULL_VIOLATION },
        { "FOREIGN KEY constraint", SQLSTATE_FOREIGN_KEY_VIOLATION },
    };
    for (size_t i = 0; i < sizeof(constraints) / sizeof(*constraints); i++)
        if (strncmp(text, constraints[i].start, strlen(constraints[i].start)) == 0)
            return err_set(err, constraints[i].state, "%s", text);
    if (!raise) {
        err_set(err, SQLSTATE_INTERNAL_ERROR, "%s", text);
        return err_detail(err, "%.*s", STR_FMT(sql));
    }
    raise += strlen("bad JSON path: '!");
    if (strncmp(raise, "local", 5) == 0)
        return err_set(err, SQLSTATE_NO_DATA, "!local");
    code = (struct str){ raise, 5 };
    size_t n = strlen(raise);
    if (!sqlstate_find(code, &state) || n < 7)
        return err_set(err, SQLSTATE_INTERNAL_ERROR, "%s", text);
    return err_set(err, state, "%.*s", (int)(n - 7), raise + 6);
}

struct engine *engine_new(const struct engine_options *options, struct err *err)
{
    struct engine *e = calloc(1, sizeof(*e));
    if (!e) {
        err_oom(err);
        return NULL;
    }
    e->types = *type_settings_default();
    e->types.now_us = INT64_C(1718000000000000); /* 2024-06-10 06:13:20 UTC */
    if (options->time_zone.n)
        e->types.zone = zone_find(options->time_zone);
    e->path[0] = STR("public");
    e->settings = (struct sql_settings){ .search_path = e->path,
                                         .n_search_path = 1,
                                         .role = STR("postgres"),
                                         .standard_conforming_strings = true,
                                         .types = &e->types,
                                         .max_statement_bytes = 16 << 20,
                                         .force_local = options->force_local };
    e->settings.traits = (struct d1_traits){ .name = "golden",
                                             .native_values = options->native_values,
                                             .in_process = true,
                                             .max_statement_bytes = 100000,
                                             .max_params = 100 };
    if (sqlite3_open(":memory:", &e->db) != SQLITE_OK) {
        err_set(err, SQLSTATE_INTERNAL_ERROR, "%s", sqlite3_errmsg(e->db));
        engine_free(e);
        return NULL;
    }
    sqlite3_limit(e->db, SQLITE_LIMIT_EXPR_DEPTH, 100);
    sqlite3_limit(e->db, SQLITE_LIMIT_COMPOUND_SELECT, 5);
    sqlite3_limit(e->db, SQLITE_LIMIT_COLUMN, 100);
    sqlite3_limit(e->db, SQLITE_LIMIT_VARIABLE_NUMBER, 100);
    sqlite3_limit(e->db, SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 50);
    sqlite3_limit(e->db, SQLITE_LIMIT_FUNCTION_ARG, 32);
    e->snapshot = snapshot_fixture_read(e->db);
    e->local = local_new(err);
    if (!e->local) {
        engine_free(e);
        return NULL;
    }
    return e;
}

void engine_free(struct engine *e)
{
    if (!e)
        return;
    local_free(e->local);
    snapshot_unref(e->snapshot);
    sqlite3_close(e->db);
    free(e);
}

const struct snapshot *engine_snapshot(const struct engine *e)
{
    return e->snapshot;
}

const struct sql_settings *engine_settings(const struct engine *e)
{
    return &e->settings;
}

bool engine_plan(struct engine *e, struct str text, const oid_t *param_types, size_t n_params, struct plan **ret,
                 struct err *err)
{
    AUTO(arena) arena = arena_new(64 << 20);
    struct sql_list list;
    if (!arena)
        return err_oom(err);
    if (!sql_parse(text, 16 << 20, arena, &list, err))
        return false;
    if (list.n != 1)
        return err_set(err, SQLSTATE_SYNTAX_ERROR, "one statement expected, %zu found", list.n);
    return sql_plan(&list.statements[0], e->snapshot, &e->settings, param_types, n_params, ret, err);
}

bool engine_check(struct engine *e, const struct plan *plan, struct err *err)
{
    for (size_t i = 0; i < plan->n_statements && plan->kind != PLAN_DDL; i++) {
        sqlite3_stmt *s = NULL;
        struct str sql = plan->statements[i].sql;
        int rc = sqlite3_prepare_v2(e->db, sql.p, (int)sql.n, &s, NULL);
        int n = s ? sqlite3_bind_parameter_count(s) : 0;
        int columns = s ? sqlite3_column_count(s) : 0;
        sqlite3_finalize(s);
        if (rc != SQLITE_OK)
            return sqlite_fail(e, sql, err);
        int want = plan->statements[i].binds_as_json ? 1 : (int)plan->statements[i].n_binds;
        if (n != want)
            return err_set(err, SQLSTATE_INTERNAL_ERROR, "%d placeholders for %d binds", n, want);
        if (plan->statements[i].gives_rows && columns != (int)plan->statements[i].n_columns)
            return err_set(err, SQLSTATE_INTERNAL_ERROR, "%d columns, %zu expected", columns,
                           plan->statements[i].n_columns);
    }
    return true;
}

static bool session_value(void *ctx, struct str name, struct arena *arena, struct value *ret)
{
    (void)ctx;
    (void)arena;
    static const struct {
        const char *name, *value;
    } facts[] = {
        { "current_user", "postgres" },
        { "session_user", "postgres" },
        { "current_database", "library" },
        { "current_schema", "public" },
    };
    *ret = value_null();
    for (size_t i = 0; i < sizeof(facts) / sizeof(*facts); i++)
        if (str_is(name, facts[i].name))
            *ret = value_text(str_from(facts[i].value));
    return true;
}

static struct value cell_of(sqlite3_stmt *s, int i)
{
    switch (sqlite3_column_type(s, i)) {
    case SQLITE_INTEGER:
        return value_integer(sqlite3_column_int64(s, i));
    case SQLITE_FLOAT:
        return value_real(sqlite3_column_double(s, i));
    case SQLITE_NULL:
        return value_null();
    case SQLITE_BLOB:
        return value_blob((struct str){ sqlite3_column_blob(s, i), (size_t)sqlite3_column_bytes(s, i) });
    default: {
        const char *text = (const char *)sqlite3_column_text(s, i);
        return value_text((struct str){ text, (size_t)sqlite3_column_bytes(s, i) });
    }
    }
}

struct output {
    struct engine *e;
    const struct plan *plan;
    struct engine_result *result;
    struct arena *arena;
    struct err *err;
};

static bool write_row(void *ctx, const struct value *cells, size_t n)
{
    struct output *o = ctx;
    o->result->n_rows++;
    for (size_t i = 0; i < o->plan->n_columns && i < n; i++) {
        const struct plan_column *c = &o->plan->columns[i];
        struct value v;
        if (i)
            buf_add_char(&o->result->rows, '|');
        if (o->plan->local)
            v = cells[i];
        else if (!plan_cell(c, &cells[i], o->arena, &v, o->err))
            return false;
        if (v.class != VALUE_NULL &&
            !type_encode(c->codec_type, c->typmod, WIRE_TEXT, &v, &o->e->types, o->arena, &o->result->rows, o->err))
            return false;
    }
    buf_add_char(&o->result->rows, '\n');
    return true;
}

/* JavaScript's numbers: what another transport would have made of a cell. */
static struct value as_carried(const struct engine *e, struct value v, struct arena *arena)
{
    if (e->settings.traits.native_values)
        return v;
    if (v.class == VALUE_INTEGER && (v.integer > (INT64_C(1) << 53) || v.integer < -(INT64_C(1) << 53)))
        return value_real((double)v.integer);
    (void)arena;
    return v;
}

enum { CELLS_MAX = 128 };

static bool run_statement(struct engine *e, const struct d1_statement *d, const struct plan_statement *p,
                          bool (*row)(void *, const struct value *, size_t), void *ctx, struct engine_result *result,
                          struct arena *arena, struct err *err)
{
    sqlite3_stmt *s = NULL;
    if (sqlite3_prepare_v2(e->db, d->sql.p, (int)d->sql.n, &s, NULL) != SQLITE_OK)
        return sqlite_fail(e, d->sql, err);
    for (size_t i = 0; i < d->n_params; i++)
        sqlite_value_bind(s, (int)i + 1, &d->params[i]);
    int rc;
    bool ok = true;
    while (ok && (rc = sqlite3_step(s)) == SQLITE_ROW) {
        struct value cells[CELLS_MAX];
        int n = sqlite3_column_count(s);
        for (int i = 0; i < n && i < CELLS_MAX; i++)
            cells[i] = as_carried(e, cell_of(s, i), arena);
        ok = !row || row(ctx, cells, (size_t)n);
    }
    if (ok && rc != SQLITE_DONE)
        ok = sqlite_fail(e, d->sql, err);
    if (ok && p && p->counts_changes)
        result->changes += sqlite3_changes(e->db);
    sqlite3_finalize(s);
    return ok && !err_is_set(err);
}

static bool add_input(void *ctx, const struct value *cells, size_t n)
{
    return local_rows_add(ctx, cells, n);
}

static bool run_local(struct engine *e, const struct plan *plan, const struct bind_input *in,
                      struct local_rows **inputs, struct output *o, struct err *err)
{
    struct value *binds;
    if (!plan_bind_local(plan, in, o->arena, &binds, err))
        return false;
    struct local_run run = { .sql = plan->local->sql,
                             .binds = binds,
                             .n_binds = plan->local->n_binds,
                             .inputs = inputs,
                             .n_inputs = plan->local->n_inputs,
                             .snapshot = e->snapshot,
                             .types = &e->types,
                             .now_us = e->types.now_us,
                             .session_value = session_value,
                             .on_row = write_row,
                             .ctx = o,
                             .arena = o->arena };
    return local_run(e->local, &run, err) && !err_is_set(err);
}

static int64_t clock_now(void *ctx)
{
    return ((struct engine *)ctx)->types.now_us;
}

struct text_of_lookup {
    struct arena *arena;
    struct value *text;
};

static bool take_text(void *ctx, const struct value *cells, size_t n)
{
    struct text_of_lookup *t = ctx;
    *t->text = cells[0];
    if (cells[0].class == VALUE_TEXT)
        t->text->bytes = arena_str(t->arena, cells[0].bytes);
    return n == 1;
}

static bool run_lookup(struct engine *e, const struct plan *plan, const struct bind_input *in,
                       struct d1_statement *statements, struct arena *arena, struct err *err)
{
    struct d1_statement *reads;
    struct value *texts = ARENA_ARRAY(arena, struct value, plan->lookup->n_statements + 1);
    bool again = false;
    if (!texts || !lookup_bind(plan, in, arena, &reads, &again, err))
        return false;
    if (again)
        return err_set(err, SQLSTATE_NO_DATA, "!local");
    for (size_t i = 0; i < plan->lookup->n_statements; i++) {
        struct text_of_lookup t = { arena, &texts[i] };
        if (!run_statement(e, &reads[i], NULL, take_text, &t, NULL, arena, err))
            return false;
    }
    struct local_run run = { .snapshot = e->snapshot,
                             .types = &e->types,
                             .now_us = e->types.now_us,
                             .session_value = session_value,
                             .arena = arena };
    return lookup_finish(plan, in, texts, &run, e->local, statements, arena, err);
}

static bool run_plan(struct engine *e, const struct plan *plan, const struct value *params, size_t n_params,
                     struct engine_result *result, struct arena *arena, struct err *err)
{
    struct bind_input in = { .params = params,
                             .n_params = n_params,
                             .types = &e->types,
                             .now_us = e->types.now_us,
                             .statement_us = e->types.now_us,
                             .clock_us = clock_now,
                             .clock_ctx = e,
                             .session_value = session_value,
                             .traits = e->settings.traits,
                             .engine = e->local,
                             .snapshot = e->snapshot };
    struct output o = { e, plan, result, arena, err };
    struct d1_statement *statements;
    struct local_rows *inputs[16] = { 0 };
    size_t n_inputs = 0;
    bool again = false;
    if (!plan_bind(plan, &in, arena, &statements, &again, err))
        return false;
    if (again)
        return err_set(err, SQLSTATE_NO_DATA, "!local");
    if (plan->lookup && !run_lookup(e, plan, &in, statements, arena, err))
        return false;
    bool ok = sqlite3_exec(e->db, "SAVEPOINT s", NULL, NULL, NULL) == SQLITE_OK;
    for (size_t i = 0; ok && i < plan->n_statements; i++) {
        const struct plan_statement *p = &plan->statements[i];
        bool fetch = p->role == STATEMENT_FETCH;
        if (fetch)
            inputs[n_inputs++] = local_rows_new(p->n_columns, 64 << 20);
        bool shown = p->role == STATEMENT_MAIN && p->gives_rows;
        ok = run_statement(e, &statements[i], p,
                           fetch   ? add_input
                           : shown ? write_row
                                   : NULL,
                           fetch ? (void *)inputs[n_inputs - 1] : (void *)&o, result, arena, err);
    }
    ok = ok && (!plan->local || run_local(e, plan, &in, inputs, &o, err));
    for (size_t i = 0; i < n_inputs; i++)
        local_rows_free(inputs[i]);
    sqlite3_exec(e->db, ok ? "RELEASE s" : "ROLLBACK TO s; RELEASE s", NULL, NULL, NULL);
    return ok;
}

static bool decode_params(struct engine *e, const struct plan *plan, const struct str *params, size_t n,
                          struct arena *arena, struct value **ret, struct err *err)
{
    struct value *values = ARENA_ARRAY(arena, struct value, n + 1);
    if (!values)
        return err_oom(err);
    for (size_t i = 0; i < n; i++) {
        values[i] = value_null();
        if (params[i].p && i < plan->n_params &&
            !snapshot_decode(e->snapshot, plan->param_types[i], WIRE_TEXT, params[i], &e->types, arena, &values[i],
                             err))
            return false;
    }
    *ret = values;
    return true;
}

bool engine_run(struct engine *e, struct str text, const struct str *params, size_t n_params, struct engine_result *ret,
                struct plan **ret_plan, struct err *err)
{
    struct plan *plan;
    struct value *values;
    AUTO(arena) arena = arena_new(256 << 20);
    *ret_plan = NULL;
    if (!arena)
        return err_oom(err);
    if (!engine_plan(e, text, NULL, 0, &plan, err))
        return false;
    *ret_plan = plan;
    bool ok = decode_params(e, plan, params, n_params, arena, &values, err) &&
              run_plan(e, plan, values, n_params, ret, arena, err);
    if (!ok && err->code == SQLSTATE_NO_DATA && str_is(err->message, "!local") && !e->settings.force_local) {
        err_clear(err);
        buf_reset(&ret->rows);
        ret->n_rows = 0;
        e->settings.force_local = true;
        plan_unref(plan);
        *ret_plan = NULL;
        ok = engine_plan(e, text, NULL, 0, &plan, err);
        if (ok) {
            *ret_plan = plan;
            ok = run_plan(e, plan, values, n_params, ret, arena, err);
        }
        e->settings.force_local = false;
    }
    if (ok && plan->kind == PLAN_DDL) {
        snapshot_unref(e->snapshot);
        e->snapshot = snapshot_fixture_read(e->db);
    }
    return ok;
}
