/* activity.c - see activity.h. A row is a list of named cells; what a relation's columns do not find there is NULL. */
#include "proxy/activity.h"

#include <math.h>
#include <stdlib.h>
#include "proxy/catalog/names.h"
#include "proxy/group.h"
#include "proxy/migration.h"
#include "proxy/portal.h"
#include "proxy/prepared.h"
#include "proxy/session_setting.h"
#include "proxy/sql/stored_text.h"
#include "proxy/statistics.h"

struct cell {
    const char *name;
    struct value value;
};

struct filler {
    struct session *session;
    const struct relation *relation;
    struct arena *arena;
    bool (*add)(void *ctx, const struct value *cells, size_t n);
    void *add_ctx;
    void (*fill)(const struct relation *r, struct value *row); /* what no cell is named for; NULL: it stays NULL */
};

static bool give(struct filler *f, const struct cell *cells, size_t n)
{
    struct value *row = ARENA_ARRAY(f->arena, struct value, f->relation->n_columns);
    for (size_t i = 0; row && i < f->relation->n_columns; i++) {
        row[i] = value_null();
        for (size_t k = 0; k < n; k++)
            if (str_is(f->relation->columns[i].name, cells[k].name))
                row[i] = cells[k].value;
    }
    if (row && f->fill)
        f->fill(f->relation, row);
    return row && f->add(f->add_ctx, row, f->relation->n_columns);
}

static struct value text(struct str s)
{
    return s.p ? value_text(s) : value_null();
}

static struct value boolean(bool on)
{
    return value_integer(on);
}

/* A wall clock time in storage form of timestamptz. */
static struct value instant(struct filler *f, int64_t us)
{
    char out[40];
    time_t seconds = (time_t)(us / 1000000);
    struct tm utc;
    if (us == 0 || !gmtime_r(&seconds, &utc))
        return value_null();
    size_t n = strftime(out, sizeof(out), "%Y-%m-%d %H:%M:%S", &utc);
    if (us % 1000000)
        n += (size_t)snprintf(out + n, sizeof(out) - n, ".%06d", (int)(us % 1000000));
    while (us % 1000000 && out[n - 1] == '0')
        n--;
    return text(arena_str(f->arena, (struct str){ out, n }));
}

#define GIVE(f, cells) give((f), (cells), sizeof(cells) / sizeof((cells)[0]))

/* ---- OIDs of roles and databases ---- */

/* The same OID for the same name everywhere; the owner has that of PostgreSQL's first superuser. */
static int64_t role_oid(struct str name, struct str owner)
{
    return str_eq(name, owner) ? 10 : (int64_t)snapshot_hash_oid("role", (struct str){ 0 }, name, 0);
}

/* Who owns everything: the user postgres, else the first of the configuration, else whoever asks. */
static struct str owner_of(const struct session *s)
{
    const struct config *c = s->serving->config;
    for (size_t i = 0; i < c->n_users; i++)
        if (str_is(str_from(c->users[i].name), "postgres"))
            return STR("postgres");
    return c->n_users ? str_from(c->users[0].name) : str_from(s->user);
}

static int64_t database_oid(struct str name)
{
    return str_is(name, "postgres") ? 5 : (int64_t)snapshot_hash_oid("database", (struct str){ 0 }, name, 0);
}

oid_t activity_user_oid(struct session *s)
{
    if (!s->user_oid)
        s->user_oid = (oid_t)role_oid(str_from(s->user), owner_of(s));
    return s->user_oid;
}

oid_t activity_database_oid(struct session *s)
{
    if (!s->database_oid)
        s->database_oid = (oid_t)database_oid(str_from(s->database_name));
    return s->database_oid;
}

/* ---- sessions ---- */

static const char *const activity_names[ACTIVITY_NR] = { "idle", "active", "idle in transaction",
                                                         "idle in transaction (aborted)" };

/* Copies of what the session's own thread may change at any time. */
struct presence_texts {
    struct str query, application;
};

static struct presence_texts texts_of(struct filler *f, const struct presence *p)
{
    pthread_mutex_t *lock = (pthread_mutex_t *)&p->texts;
    pthread_mutex_lock(lock);
    struct presence_texts ret = { arena_str(f->arena, (struct str){ p->query, p->n_query }),
                                  arena_str(f->arena, (struct str){ p->application, p->n_application }) };
    pthread_mutex_unlock(lock);
    return ret;
}

/* "127.0.0.1:5432"; a Unix socket has no address, and -1 for a port as in PostgreSQL. */
static int64_t port_of(struct str peer, ptrdiff_t colon)
{
    int64_t port = -1;
    if (colon >= 0)
        str_to_int64((struct str){ peer.p + colon + 1, peer.n - (size_t)colon - 1 }, &port);
    return port;
}

static ptrdiff_t last_colon(struct str peer)
{
    ptrdiff_t at = (ptrdiff_t)peer.n - 1;
    while (at >= 0 && peer.p[at] != ':')
        at--;
    return at;
}

static bool give_session(void *ctx, const struct presence *p)
{
    struct filler *f = ctx;
    struct presence_texts texts = texts_of(f, p);
    ptrdiff_t colon = last_colon(p->peer);
    int activity = atomic_load(&p->activity);
    bool waits = activity != ACTIVITY_ACTIVE;
    const struct cell cells[] = {
        { "datid", value_integer(database_oid(p->database)) },
        { "datname", text(p->database) },
        { "pid", value_integer(p->pid) },
        { "usename", text(p->user) },
        { "usesysid", value_integer(role_oid(p->user, owner_of(f->session))) },
        { "application_name", text(texts.application) },
        { "client_addr", colon > 0 ? text((struct str){ p->peer.p, (size_t)colon }) : value_null() },
        { "client_port", value_integer(port_of(p->peer, colon)) },
        { "backend_start", instant(f, p->started_us) },
        { "xact_start", instant(f, atomic_load(&p->transaction_us)) },
        { "query_start", instant(f, atomic_load(&p->statement_us)) },
        { "state_change", instant(f, atomic_load(&p->changed_us)) },
        { "wait_event_type", waits ? text(STR("Client")) : value_null() },
        { "wait_event", waits ? text(STR("ClientRead")) : value_null() },
        { "state", text(str_from(activity_names[activity])) },
        { "query", text(texts.query) },
        { "backend_type", text(STR("client backend")) },
    };
    return GIVE(f, cells);
}

static bool rows_activity(struct filler *f)
{
    cancel_each(&f->session->worker->app->sessions, give_session, f);
    return true;
}

static bool give_encryption(void *ctx, const struct presence *p)
{
    struct filler *f = ctx;
    const struct cell cells[] = {
        { "pid", value_integer(p->pid) },
        { "ssl", boolean(p->is_tls) },
        { "gss_authenticated", boolean(false) },
        { "encrypted", boolean(false) },
    };
    return GIVE(f, cells);
}

/* pg_stat_ssl and pg_stat_gssapi. */
static bool rows_encryption(struct filler *f)
{
    cancel_each(&f->session->worker->app->sessions, give_encryption, f);
    return true;
}

/* ---- settings ---- */

static struct value words_of(struct filler *f, const struct guc *row)
{
    struct str json = STR("["), list = str_from(row->words);
    if (list.n == 0)
        return value_null();
    while (list.n && json.p) {
        ptrdiff_t comma = str_find(list, STR(","));
        struct str word = { list.p, comma < 0 ? list.n : (size_t)comma };
        list = comma < 0 ? (struct str){ 0 } : (struct str){ list.p + comma + 1, list.n - (size_t)comma - 1 };
        json = arena_printf(f->arena, "%.*s%s\"%.*s\"", STR_FMT(json), json.n > 1 ? "," : "", STR_FMT(word));
    }
    return text(arena_printf(f->arena, "%.*s]", STR_FMT(json)));
}

static bool give_setting(struct filler *f, const struct guc *row)
{
    static const char *const contexts[] = { "internal", "postmaster", "sighup", "backend", "superuser", "user" };
    static const char *const types[] = { "bool", "integer", "real", "string", "enum" };
    const char *source;
    struct str name = str_from(row->name), value = gucs_stored(&f->session->gucs, row, &source), shown;
    if (strncmp(row->name, "transaction_", 12) == 0 && session_show(f->session, name, f->arena, &shown, NULL))
        value = shown;
    const struct cell cells[] = {
        { "name", text(name) },
        { "setting", text(value) },
        { "unit", row->unit[0] ? text(str_from(row->unit)) : value_null() },
        { "category", text(str_from(row->category)) },
        { "short_desc", text(str_from(row->help)) },
        { "context", text(str_from(contexts[row->context])) },
        { "vartype", text(str_from(types[row->type])) },
        { "source", text(str_from(source)) },
        { "min_val", row->min[0] ? text(str_from(row->min)) : value_null() },
        { "max_val", row->max[0] ? text(str_from(row->max)) : value_null() },
        { "enumvals", words_of(f, row) },
        { "boot_val", text(str_from(row->value)) },
        { "reset_val", text(gucs_reset_value(&f->session->gucs, row)) },
        { "pending_restart", boolean(false) },
    };
    return GIVE(f, cells);
}

static bool rows_settings(struct filler *f)
{
    size_t n;
    const struct guc *rows = guc_table(&n);
    for (size_t i = 0; i < n; i++)
        if (!give_setting(f, &rows[i]))
            return false;
    return true;
}

/* ---- prepared statements, cursors ---- */

/* regtype[]: the OIDs of types as JSON array. */
static struct value types_of(struct filler *f, const struct plan *plan)
{
    struct str json = STR("[");
    for (size_t i = 0; plan && i < plan->n_params && json.p; i++)
        json = arena_printf(f->arena, "%.*s%s%u", STR_FMT(json), i ? "," : "", plan->param_types[i]);
    return text(arena_printf(f->arena, "%.*s]", STR_FMT(json)));
}

static bool rows_prepared(struct filler *f)
{
    struct str key;
    void *value;
    for (size_t at = 0; map_next(&f->session->prepared, &at, &key, &value);) {
        const struct prepared *p = value;
        const struct cell cells[] = {
            { "name", text(p->name) },
            { "statement", text(p->text) },
            { "prepare_time", instant(f, p->made_us) },
            { "parameter_types", types_of(f, p->plan) },
            { "from_sql", boolean(p->from_sql) },
            { "generic_plans", value_integer(0) },
            { "custom_plans", value_integer(0) },
        };
        if (!GIVE(f, cells))
            return false;
    }
    return true;
}

static bool rows_cursors(struct filler *f)
{
    struct str key;
    void *value;
    for (size_t at = 0; map_next(&f->session->portals, &at, &key, &value);) {
        const struct portal *p = value;
        const struct cell cells[] = {
            { "name", text(p->name) },
            { "statement", text(p->text) },
            { "is_holdable", boolean(p->hold) },
            { "is_binary", boolean(p->binary) },
            { "is_scrollable", boolean(p->is_cursor && !p->no_scroll) },
            { "creation_time", instant(f, p->made_us) },
        };
        if (!GIVE(f, cells))
            return false;
    }
    return true;
}

/* ---- roles, databases ---- */

static bool give_role(struct filler *f, struct str name)
{
    const struct cell cells[] = {
        { "rolname", text(name) },
        { "oid", value_integer(role_oid(name, owner_of(f->session))) },
        { "rolsuper", boolean(true) },
        { "rolinherit", boolean(true) },
        { "rolcreaterole", boolean(true) },
        { "rolcreatedb", boolean(true) },
        { "rolcanlogin", boolean(true) },
        { "rolreplication", boolean(true) },
        { "rolbypassrls", boolean(true) },
        { "rolconnlimit", value_integer(-1) },
        { "rolpassword", text(STR("********")) },
    };
    return GIVE(f, cells);
}

static bool rows_roles(struct filler *f)
{
    const struct config *c = f->session->serving->config;
    struct str me = str_from(f->session->user);
    if (!give_role(f, me))
        return false;
    for (size_t i = 0; i < c->n_users; i++)
        if (!str_is(me, c->users[i].name) && !give_role(f, str_from(c->users[i].name)))
            return false;
    return true;
}

static bool give_database(struct filler *f, struct str name)
{
    const struct cell cells[] = {
        { "oid", value_integer(database_oid(name)) },
        { "datname", text(name) },
        { "datdba", value_integer(10) },
        { "encoding", value_integer(6) },
        { "datlocprovider", text(STR("c")) },
        { "datistemplate", boolean(false) },
        { "datallowconn", boolean(true) },
        { "datconnlimit", value_integer(-1) },
        { "datfrozenxid", value_integer(3) }, /* the first that is not frozen: age() is 0, nothing wraps around here */
        { "datminmxid", value_integer(1) },
        { "dattablespace", value_integer(1663) },
        { "datcollate", text(STR("C.UTF-8")) },
        { "datctype", text(STR("C.UTF-8")) },
    };
    return GIVE(f, cells);
}

/* The one connected to, and those of the configuration. */
static bool each_database(struct filler *f, bool (*each)(struct filler *f, struct str name))
{
    const struct config *c = f->session->serving->config;
    struct str mine = str_from(f->session->database_name);
    if (!each(f, mine))
        return false;
    for (size_t i = 0; i < c->n_databases; i++)
        if (c->databases[i].name[0] != '*' && !str_is(mine, c->databases[i].name) &&
            !each(f, str_from(c->databases[i].name)))
            return false;
    return true;
}

static bool rows_databases(struct filler *f)
{
    return each_database(f, give_database);
}

struct session_count {
    struct str database;
    int64_t n;
};

static bool count_session(void *ctx, const struct presence *p)
{
    struct session_count *c = ctx;
    c->n += str_eq(p->database, c->database);
    return true;
}

/* pg_stat_database: sessions are counted; what D1 did is not known here. */
static bool give_database_use(struct filler *f, struct str name)
{
    struct session_count c = { .database = name };
    cancel_each(&f->session->worker->app->sessions, count_session, &c);
    const struct cell cells[] = {
        { "datid", value_integer(database_oid(name)) },
        { "datname", text(name) },
        { "numbackends", value_integer(c.n) },
    };
    return GIVE(f, cells);
}

static bool rows_database_use(struct filler *f)
{
    return each_database(f, give_database_use);
}

/* ---- locks: advisory ones, D1 shows no others ---- */

static bool give_lock(void *ctx, const struct advisory_entry *e)
{
    struct filler *f = ctx;
    if (e->key.kind >= ADVISORY_ROW)
        return true; /* as in PostgreSQL, which keeps them in the rows */
    const struct cell cells[] = {
        { "locktype", text(STR("advisory")) },
        { "database", value_integer(database_oid(e->database)) },
        { "classid", value_integer(e->key.high) },
        { "objid", value_integer(e->key.low) },
        { "objsubid", value_integer(e->key.kind) },
        { "pid", value_integer(e->pid) },
        { "mode", text(e->mode == ADVISORY_SHARE ? STR("ShareLock") : STR("ExclusiveLock")) },
        { "granted", boolean(e->granted) },
        { "fastpath", boolean(false) },
    };
    return GIVE(f, cells);
}

static bool rows_locks(struct filler *f)
{
    return advisory_each(&f->session->worker->app->advisory, give_lock, f);
}

/* ---- what statements cost ---- */

struct statement_row {
    struct statement_id id;
    struct str text;
    struct statement_numbers numbers;
};

/* The entries of all workers, those of the same statement behind each other. */
struct statement_rows {
    struct arena *arena;
    struct statement_row *rows;
    size_t n, size;
};

static bool take_statement(void *ctx, const struct statement_id *id, struct str text,
                           const struct statement_numbers *numbers)
{
    struct statement_rows *all = ctx;
    if (all->n == all->size)
        return true; /* made since they were counted */
    all->rows[all->n++] = (struct statement_row){ *id, arena_str(all->arena, text), *numbers };
    return true;
}

static int by_statement(const void *a, const void *b)
{
    const struct statement_id *x = &((const struct statement_row *)a)->id, *y = &((const struct statement_row *)b)->id;
    if (x->query != y->query)
        return x->query < y->query ? -1 : 1;
    if (x->user != y->user)
        return x->user < y->user ? -1 : 1;
    return x->database < y->database ? -1 : x->database > y->database;
}

static bool gather_statements(struct filler *f, struct statement_rows *ret)
{
    const struct app *app = f->session->worker->app;
    *ret = (struct statement_rows){ .arena = f->arena };
    for (size_t i = 0; i < app->n_workers; i++)
        ret->size += statement_table_entries(app->workers[i]->statements);
    ret->rows = ARENA_ARRAY(f->arena, struct statement_row, ret->size + 1);
    if (!ret->rows)
        return false;
    for (size_t i = 0; i < app->n_workers; i++)
        statement_table_each(app->workers[i]->statements, take_statement, ret);
    qsort(ret->rows, ret->n, sizeof(*ret->rows), by_statement);
    size_t kept = 0;
    for (size_t i = 0; i < ret->n; i++)
        if (kept && by_statement(&ret->rows[kept - 1], &ret->rows[i]) == 0)
            statement_numbers_add(&ret->rows[kept - 1].numbers, &ret->rows[i].numbers);
        else
            ret->rows[kept++] = ret->rows[i];
    ret->n = kept;
    return true;
}

static struct value real(double x)
{
    return (struct value){ .class = VALUE_REAL, .real = x };
}

static struct value count(uint64_t n)
{
    return value_integer((int64_t)n);
}

static bool give_statement(struct filler *f, const struct statement_row *row)
{
    const struct statement_numbers *n = &row->numbers;
    const struct cell cells[] = {
        { "userid", value_integer(row->id.user) },
        { "dbid", value_integer(row->id.database) },
        { "toplevel", boolean(true) },
        { "queryid", value_integer(row->id.query) },
        { "query", text(row->text) },
        { "calls", count(n->calls) },
        { "total_exec_time", real(n->total) },
        { "min_exec_time", real(n->least) },
        { "max_exec_time", real(n->most) },
        { "mean_exec_time", real(n->mean) },
        { "stddev_exec_time", real(sqrt(n->squares / (double)n->calls)) },
        { "rows", count(n->rows) },
        { "finished_locally", count(n->finished_locally) },
        { "round_trips", count(n->round_trips) },
        { "rows_read", count(n->rows_read) },
        { "rows_written", count(n->rows_written) },
    };
    return GIVE(f, cells);
}

/* Columns of pg_stat_statements that tell of PostgreSQL's planner, buffers, WAL and compiler: 0, there is none. */
static void fill_nothing(const struct relation *r, struct value *row)
{
    for (size_t i = 0; i < r->n_columns; i++)
        if (row[i].class == VALUE_NULL)
            row[i] = r->columns[i].type == TYPE_OID_float8    ? real(0)
                     : r->columns[i].type == TYPE_OID_numeric ? text(STR("0"))
                                                              : value_integer(0);
}

/* pg_stat_statements and pgd1.statements. */
static bool rows_statements(struct filler *f)
{
    struct statement_rows all;
    if (!gather_statements(f, &all))
        return true;
    f->fill = fill_nothing;
    for (size_t i = 0; i < all.n; i++)
        if (!give_statement(f, &all.rows[i]))
            return true;
    return true;
}

static bool rows_statements_info(struct filler *f)
{
    struct app *app = f->session->worker->app;
    const struct cell cells[] = {
        { "dealloc", count(app_metric(app, METRIC_statement_statistics_evicted)) },
        { "stats_reset", instant(f, atomic_load(&app->statistics_reset_us)) },
    };
    return GIVE(f, cells);
}

static const struct {
    const char *name;
    bool (*rows)(struct filler *f);
} relations[] = {
    { "pg_authid", rows_roles },
    { "pg_cursors", rows_cursors },
    { "pg_database", rows_databases },
    { "pg_locks", rows_locks },
    { "pg_prepared_statements", rows_prepared },
    { "pg_settings", rows_settings },
    { "pg_stat_activity", rows_activity },
    { "pg_stat_database", rows_database_use },
    { "pg_stat_gssapi", rows_encryption },
    { "pg_stat_ssl", rows_encryption },
    { "pg_stat_statements", rows_statements },
    { "pg_stat_statements_info", rows_statements_info },
    { "statements", rows_statements },
};

static bool rows(void *ctx, struct str relation, bool (*add)(void *add_ctx, const struct value *cells, size_t n),
                 void *add_ctx)
{
    struct session *s = ctx;
    if (migration_rows(s, relation, add, add_ctx))
        return true;
    const struct relation *described = system_relation(STR("pg_catalog"), relation);
    if (!described)
        described = system_relation(STR("pgd1"), relation);
    struct filler f = { .session = s, .relation = described, .arena = s->group->arena, .add = add, .add_ctx = add_ctx };
    for (size_t i = 0; f.relation && i < sizeof(relations) / sizeof(relations[0]); i++)
        if (str_is(relation, relations[i].name))
            return relations[i].rows(&f);
    return false;
}

void activity_system_state(struct session *s, const struct snapshot *snapshot, struct arena *arena,
                           struct system_state *ret)
{
    *ret = (struct system_state){
        .database = str_from(s->database_name),
        .user = str_from(s->user),
        .owner = owner_of(s),
        .rows = rows,
        .ctx = s,
        .view_uses = stored_text_view_uses,
    };
    ret->path.n = session_search_path(s, snapshot, arena, &ret->path.names);
}

/* Others see the name that the session gave itself last. */
static void note_application(struct session *s, struct presence *p)
{
    const char *source;
    const struct guc *row = p->settings_seen == s->gucs.generation + 1 ? NULL : guc_find(STR("application_name"));
    if (!row)
        return;
    struct str name = name_clip(gucs_stored(&s->gucs, row, &source), PRESENCE_NAME_BYTES - 1);
    pthread_mutex_lock(&p->texts);
    memcpy(p->application, name.p, name.n);
    p->n_application = name.n;
    pthread_mutex_unlock(&p->texts);
    p->settings_seen = s->gucs.generation + 1;
}

void activity_set(struct session *s, enum activity activity, int64_t now_us)
{
    struct presence *p = &s->presence;
    if (!p->pid)
        return;
    bool in_block = s->transaction.state != TXN_IDLE;
    note_application(s, p);
    atomic_store_explicit(&p->activity, (int)activity, memory_order_relaxed);
    atomic_store_explicit(&p->changed_us, now_us, memory_order_relaxed);
    if (!in_block) /* a statement outside a block is a transaction of its own */
        atomic_store_explicit(&p->transaction_us, activity == ACTIVITY_ACTIVE ? now_us : 0, memory_order_relaxed);
}

/* A cycle's first statement began with it: the clock has been read. */
static int64_t statement_began_us(struct session *s)
{
    bool is_first = !s->group->has_begun;
    s->group->has_begun = true;
    return is_first ? s->group->made_us : session_wall_us(s);
}

void activity_statement(struct session *s, struct str text)
{
    struct presence *p = &s->presence;
    if (!p->pid)
        return;
    text = name_clip(text, PRESENCE_QUERY_BYTES - 1);
    atomic_store_explicit(&p->statement_us, statement_began_us(s), memory_order_relaxed);
    pthread_mutex_lock(&p->texts);
    memcpy(p->query, text.p, text.n);
    p->n_query = text.n;
    pthread_mutex_unlock(&p->texts);
}
