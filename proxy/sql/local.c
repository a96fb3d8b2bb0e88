/* local.c - the local engine: opening, running, values in and out; see local.h. */
#include "proxy/sql/local_functions.h"

#include <pthread.h>
#include <stdlib.h>

#include "d1/sqlite_value.h"
#include "proxy/base/fault.h"
#include "proxy/base/map.h"
#include "proxy/catalog/system.h"
#include "proxy/sql/local_moving.h"
#include "proxy/sql/local_rows.h"

enum { MAX_STATEMENTS = 256, RUN_ARENA_CAP = 256 << 20, STEPS_PER_CHECK = 10000 };

struct cached_statement {
    sqlite3_stmt *statement;
    bool busy;
    struct str text; /* the same block */
    char bytes[];
};

/* What SQLite hands back to every function. */
struct registration {
    struct local_engine *engine;
    const struct local_function *function;
};

struct local_engine {
    sqlite3 *db;
    struct registration *registrations;
    size_t n_registrations;
    struct map statements;
    struct local_rows *inputs[LOCAL_INPUTS];
    struct system_source source;
    uint64_t runs;
    const struct local_run *run;
    struct arena *arena;
    struct err error;
    uint64_t steps_left;
};

static const struct local_family *const families[] = {
#define FAMILY(name) &local_family_##name,
#include "proxy/sql/local_families.def"
#undef FAMILY
    NULL,
};

/* --- what functions may ask --- */

const struct local_run *local_current_run(struct local_engine *e)
{
    return e->run;
}

struct local_engine *local_of(sqlite3_context *c)
{
    const struct registration *r = sqlite3_user_data(c);
    return r->engine;
}

const struct local_function *local_function_of(sqlite3_context *c)
{
    const struct registration *r = sqlite3_user_data(c);
    return r->function;
}

struct arena *local_arena(struct local_engine *e)
{
    return e->arena;
}

struct err *local_err(struct local_engine *e)
{
    return &e->error;
}

void local_fail(sqlite3_context *c)
{
    struct local_engine *e = local_of(c);
    if (!err_is_set(&e->error))
        err_oom(&e->error);
    sqlite3_result_error(c, "!", 1); /* the text is in e->error */
}

bool local_has_null(int n, sqlite3_value **args)
{
    for (int i = 0; i < n; i++)
        if (sqlite3_value_type(args[i]) == SQLITE_NULL)
            return true;
    return false;
}

struct value local_argument(sqlite3_value *v)
{
    switch (sqlite3_value_type(v)) {
    case SQLITE_INTEGER:
        return value_integer(sqlite3_value_int64(v));
    case SQLITE_FLOAT:
        return value_real(sqlite3_value_double(v));
    case SQLITE_TEXT:
        return value_text(local_text(v));
    case SQLITE_BLOB: {
        const void *p = sqlite3_value_blob(v);
        return value_blob((struct str){ p, (size_t)sqlite3_value_bytes(v) });
    }
    default:
        return value_null();
    }
}

struct str local_text(sqlite3_value *v)
{
    const unsigned char *p = sqlite3_value_text(v);
    return (struct str){ (const char *)p, p ? (size_t)sqlite3_value_bytes(v) : 0 };
}

void local_result_text(sqlite3_context *c, struct str s)
{
    sqlite3_result_text64(c, s.p ? s.p : "", s.n, SQLITE_TRANSIENT, SQLITE_UTF8);
}

void local_result(sqlite3_context *c, const struct value *v)
{
    sqlite_value_result(c, v, SQLITE_TRANSIENT);
}

/* --- what there is --- */

static struct {
    pthread_once_t once;
    const char **names; /* sorted; made once, kept for good. NULL: there was no memory */
    size_t n;
} directory = { .once = PTHREAD_ONCE_INIT };

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void make_directory(void)
{
    size_t n = 0;
    for (size_t i = 0; families[i]; i++)
        n += families[i]->n_functions;
    directory.names = calloc(n, sizeof(*directory.names));
    for (size_t i = 0; directory.names && families[i]; i++)
        for (size_t j = 0; j < families[i]->n_functions; j++)
            directory.names[directory.n++] = families[i]->functions[j].name;
    if (directory.names)
        qsort(directory.names, directory.n, sizeof(*directory.names), compare_names);
}

bool local_has_function(struct str name)
{
    char key[128];
    const char *p = key;
    pthread_once(&directory.once, make_directory);
    if (!directory.names || name.n >= sizeof(key))
        return !directory.names; /* then running it will tell */
    memcpy(key, name.p, name.n);
    key[name.n] = 0;
    return bsearch(&p, directory.names, directory.n, sizeof(*directory.names), compare_names) != NULL;
}

/* --- opening --- */

/* An aggregate as a window function, pgw_… beside pg_…: by itself where it can take rows back, else
 * by local_moving.h. */
static int register_moving(struct local_engine *e, const struct local_function *f, struct registration *r, int n,
                           int flags)
{
    char name[128];
    snprintf(name, sizeof(name), "pgw_%s", f->name + strlen("pg_"));
    if (f->inverse)
        return sqlite3_create_window_function(e->db, name, n, flags, r, f->step, f->final, f->value, f->inverse, NULL);
    return sqlite3_create_window_function(e->db, name, n, flags, r, moving_step, moving_final, moving_value,
                                          moving_inverse, NULL);
}

static int register_function(struct local_engine *e, const struct local_function *f)
{
    struct registration *r = &e->registrations[e->n_registrations++];
    *r = (struct registration){ e, f };
    int flags = SQLITE_UTF8 | (f->flags & LOCAL_DETERMINISTIC ? SQLITE_DETERMINISTIC : 0);
    int n = f->flags & LOCAL_ANY_ARGS ? -1 : f->n_args;
    int code = sqlite3_create_function_v2(e->db, f->name, n, flags, r, f->call, f->step, f->final, NULL);
    return code == SQLITE_OK && f->step ? register_moving(e, f, r, n, flags) : code;
}

static int compare_texts(void *ctx, int n_a, const void *a, int n_b, const void *b)
{
    const struct local_collation *c = ctx;
    return c->compare((struct str){ a, (size_t)n_a }, (struct str){ b, (size_t)n_b });
}

static int register_family(struct local_engine *e, const struct local_family *f)
{
    int code = SQLITE_OK;
    for (size_t i = 0; i < f->n_functions && code == SQLITE_OK; i++)
        code = register_function(e, &f->functions[i]);
    for (size_t i = 0; i < f->n_collations && code == SQLITE_OK; i++)
        code = sqlite3_create_collation(e->db, f->collations[i].name, SQLITE_UTF8, (void *)&f->collations[i],
                                        compare_texts);
    if (code == SQLITE_OK && f->setup)
        code = f->setup(e->db, e);
    return code;
}

static int on_progress(void *ctx)
{
    struct local_engine *e = ctx;
    if (e->steps_left <= STEPS_PER_CHECK)
        return 1;
    e->steps_left -= STEPS_PER_CHECK;
    return 0;
}

static int open_engine(struct local_engine *e)
{
    int code =
        sqlite3_open_v2(":memory:", &e->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
    if (code == SQLITE_OK)
        code = local_inputs_register(e->db, e->inputs);
    if (code == SQLITE_OK)
        code = system_register(e->db, &e->source);
    size_t n = 0;
    for (size_t i = 0; families[i]; i++)
        n += families[i]->n_functions;
    e->registrations = calloc(n, sizeof(*e->registrations));
    if (!e->registrations)
        return SQLITE_NOMEM;
    for (size_t i = 0; families[i] && code == SQLITE_OK; i++)
        code = register_family(e, families[i]);
    if (code == SQLITE_OK)
        sqlite3_progress_handler(e->db, STEPS_PER_CHECK, on_progress, e);
    return code;
}

struct local_engine *local_new(struct err *err)
{
    struct local_engine *e = fault_calloc(1, sizeof(*e));
    if (!e || !(e->arena = arena_new(RUN_ARENA_CAP))) {
        free(e);
        err_oom(err);
        return NULL;
    }
    int code = open_engine(e);
    if (code != SQLITE_OK) {
        err_set(err, SQLSTATE_INTERNAL_ERROR, "the local engine cannot be opened: %s",
                e->db ? sqlite3_errmsg(e->db) : sqlite3_errstr(code));
        local_free(e);
        return NULL;
    }
    return e;
}

static void drop_statements(struct local_engine *e)
{
    size_t at = 0;
    struct str key;
    void *value;
    while (map_next(&e->statements, &at, &key, &value)) {
        struct cached_statement *s = value;
        sqlite3_finalize(s->statement);
        free(s);
    }
    map_fini(&e->statements);
}

void local_free(struct local_engine *e)
{
    if (!e)
        return;
    drop_statements(e);
    sqlite3_close(e->db);
    arena_free(e->arena);
    free(e->registrations);
    free(e);
}

/* --- running --- */

static sqlite3_stmt *prepare(struct local_engine *e, struct str sql, struct cached_statement **ret_cached)
{
    sqlite3_stmt *statement = NULL;
    struct cached_statement *s = map_get(&e->statements, sql);
    *ret_cached = NULL;
    if (s && !s->busy) {
        *ret_cached = s;
        return s->statement;
    }
    if (sqlite3_prepare_v3(e->db, sql.p, (int)sql.n, SQLITE_PREPARE_PERSISTENT, &statement, NULL) != SQLITE_OK)
        return NULL;
    if (s || !statement)
        return statement;
    if (e->statements.n >= MAX_STATEMENTS)
        drop_statements(e);
    s = fault_malloc(sizeof(*s) + sql.n);
    if (!s)
        return statement;
    *s = (struct cached_statement){ .statement = statement, .text = { s->bytes, sql.n } };
    memcpy(s->bytes, sql.p, sql.n);
    if (!map_set(&e->statements, s->text, s)) {
        free(s);
        return statement;
    }
    *ret_cached = s;
    return statement;
}

/* SQLite's own limits, told as PostgreSQL tells its own. */
static const struct {
    const char *start;
    enum sqlstate code;
} limits[] = {
    { "variable number must be", SQLSTATE_PROGRAM_LIMIT_EXCEEDED },
    { "too many SQL variables", SQLSTATE_PROGRAM_LIMIT_EXCEEDED },
    { "too many columns", SQLSTATE_TOO_MANY_COLUMNS },
    { "too many terms", SQLSTATE_STATEMENT_TOO_COMPLEX },
    { "Expression tree is too large", SQLSTATE_STATEMENT_TOO_COMPLEX },
    { "parser stack overflow", SQLSTATE_STATEMENT_TOO_COMPLEX },
    { "parser stack cannot", SQLSTATE_STATEMENT_TOO_COMPLEX },
    { "string or blob too big", SQLSTATE_PROGRAM_LIMIT_EXCEEDED },
};

static bool fail_limit(struct str text, struct err *err)
{
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
        if (str_starts(text, str_from(limits[i].start)))
            return err_set(err, limits[i].code, "statement is too large to be finished locally: %.*s", STR_FMT(text));
    return true;
}

/* What SQLite says by itself of values; proxy/d1_errors.def has the same for D1. */
static const struct {
    const char *text;
    enum sqlstate code;
    const char *message;
} own_texts[] = {
    { "integer overflow", SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE, "bigint out of range" },
    { "argument of ntile must be a positive", SQLSTATE_INVALID_ARGUMENT_FOR_NTILE,
      "argument of ntile must be greater than zero" },
    { "second argument to nth_value must be a positive", SQLSTATE_INVALID_ARGUMENT_FOR_NTH_VALUE,
      "argument of nth_value must be greater than zero" },
    { "frame starting offset must be a non-negative", SQLSTATE_INVALID_PRECEDING_OR_FOLLOWING_SIZE,
      "frame starting offset must not be negative" },
    { "frame ending offset must be a non-negative", SQLSTATE_INVALID_PRECEDING_OR_FOLLOWING_SIZE,
      "frame ending offset must not be negative" },
};

/* "!22012:division by zero" raised by emitted SQL, a function's own error, or SQLite's. */
static bool fail_run(struct local_engine *e, struct err *err)
{
    struct str text = str_from(sqlite3_errmsg(e->db)), guard = STR("bad JSON path: '!");
    enum sqlstate code;
    if (err_is_set(&e->error)) {
        err_copy(err, &e->error);
        return false;
    }
    if (sqlite3_errcode(e->db) == SQLITE_INTERRUPT)
        return err_set(err, SQLSTATE_PROGRAM_LIMIT_EXCEEDED,
                       "the part of the statement that is finished locally takes too many steps");
    if (sqlite3_errcode(e->db) == SQLITE_NOMEM)
        return err_oom(err);
    if (text.n > 7 && text.p[0] == '!' && text.p[6] == ':' &&
        sqlstate_find((struct str){ text.p + 1, 5 }, &code)) /* a virtual table's */
        return err_set(err, code, "%.*s", (int)text.n - 7, text.p + 7);
    if (str_starts(text, guard) && text.n > guard.n + 7 && sqlstate_find((struct str){ text.p + guard.n, 5 }, &code)) {
        struct str message = { text.p + guard.n + 6, text.n - guard.n - 7 };
        return err_set(err, code, "%.*s", STR_FMT(message));
    }
    if (str_starts(text, STR("no such function: ")) || str_starts(text, STR("no such collation sequence: ")))
        return err_unsupported(err, "%.*s", (int)text.n - 8, text.p + 8);
    for (size_t i = 0; i < sizeof(own_texts) / sizeof(*own_texts); i++)
        if (str_starts(text, str_from(own_texts[i].text)))
            return err_set(err, own_texts[i].code, "%s", own_texts[i].message);
    if (!fail_limit(text, err))
        return false;
    return err_set(err, SQLSTATE_INTERNAL_ERROR, "the local engine refuses the statement: %.*s", STR_FMT(text));
}

static bool step_rows(struct local_engine *e, const struct local_run *run, sqlite3_stmt *s, struct err *err)
{
    int n = sqlite3_column_count(s), code;
    uint64_t rows = 0, bytes = 0;
    struct value *cells = ARENA_ARRAY(e->arena, struct value, (size_t)n);
    if (!cells)
        return err_oom(err);
    while ((code = sqlite3_step(s)) == SQLITE_ROW) {
        for (int i = 0; i < n; i++) {
            if (!sqlite_value_column(s, i, &cells[i]))
                return err_oom(err);
            bytes += cells[i].class == VALUE_TEXT || cells[i].class == VALUE_BLOB ? cells[i].bytes.n : 8;
        }
        rows++;
        if ((run->max_rows && rows > run->max_rows) || (run->max_bytes && bytes > run->max_bytes)) {
            err_set(err, SQLSTATE_PROGRAM_LIMIT_EXCEEDED,
                    "the part of the statement that is finished locally gives too many rows");
            return err_hint(err, "Narrow it with LIMIT or WHERE.");
        }
        if (run->on_row && !run->on_row(run->ctx, cells, (size_t)n))
            return true;
    }
    return code == SQLITE_DONE ? true : fail_run(e, err);
}

static bool run_statement(struct local_engine *e, const struct local_run *run, sqlite3_stmt *s, struct err *err)
{
    for (size_t i = 0; i < run->n_binds; i++)
        if (sqlite_value_bind(s, (int)i + 1, &run->binds[i]) != SQLITE_OK)
            return fail_run(e, err);
    return step_rows(e, run, s, err);
}

bool local_run(struct local_engine *e, const struct local_run *run, struct err *err)
{
    struct cached_statement *cached;
    if (e->run)
        return err_set(err, SQLSTATE_INTERNAL_ERROR, "the local engine is busy");
    if (run->n_inputs > LOCAL_INPUTS)
        return err_set(err, SQLSTATE_STATEMENT_TOO_COMPLEX,
                       "the statement reads too many tables to be finished locally");
    e->run = run;
    err_init(&e->error, e->arena);
    for (size_t i = 0; i < LOCAL_INPUTS; i++)
        e->inputs[i] = i < run->n_inputs ? run->inputs[i] : NULL;
    e->source = (struct system_source){ run->snapshot, run->system, ++e->runs };
    e->steps_left = run->max_steps ? run->max_steps : UINT64_MAX;
    sqlite3_stmt *s = prepare(e, run->sql, &cached);
    bool ok;
    if (!s) {
        ok = fail_run(e, err);
    } else {
        if (cached)
            cached->busy = true;
        ok = run_statement(e, run, s, err);
        if (cached) {
            sqlite3_reset(s);
            sqlite3_clear_bindings(s);
            cached->busy = false;
        } else {
            sqlite3_finalize(s);
        }
    }
    e->run = NULL;
    e->source = (struct system_source){ 0 };
    arena_reset(e->arena);
    return ok;
}

/* --- one function --- */

struct one_value {
    struct arena *arena;
    struct value *ret;
    bool ok;
};

static bool take_one(void *ctx, const struct value *cells, size_t n)
{
    struct one_value *one = ctx;
    (void)n;
    one->ok = value_keep(&cells[0], one->arena, one->ret);
    return false;
}

bool local_call(struct local_engine *e, const char *function, const struct value *args, size_t n_args,
                const struct type_settings *types, struct arena *arena, struct value *ret, struct err *err)
{
    struct str sql = arena_printf(arena, "SELECT %s(", function);
    for (size_t i = 0; i < n_args && sql.p; i++)
        sql = arena_printf(arena, "%.*s%s?%zu", STR_FMT(sql), i ? "," : "", i + 1);
    sql = sql.p ? arena_printf(arena, "%.*s)", STR_FMT(sql)) : sql;
    if (!sql.p)
        return err_oom(err);
    struct one_value one = { arena, ret, false };
    struct local_run run = { .sql = sql,
                             .binds = args,
                             .n_binds = n_args,
                             .types = types,
                             .now_us = types->now_us,
                             .on_row = take_one,
                             .ctx = &one,
                             .arena = arena };
    if (!local_run(e, &run, err))
        return false;
    return one.ok || err_oom(err);
}
