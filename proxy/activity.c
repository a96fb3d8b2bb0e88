/* activity.c - see activity.h. A row is a list of named cells; what a relation's columns do not find there is NULL. */
#include "proxy/activity.h"

#include "proxy/group.h"
#include "proxy/portal.h"
#include "proxy/prepared.h"
#include "proxy/session_setting.h"

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

/* ---- sessions ---- */

static const char *const activity_names[ACTIVITY_NR] = { "idle", "active", "idle in transaction",
                                                         "idle in transaction (aborted)" };

static bool give_session(void *ctx, const struct presence *p)
{
    struct filler *f = ctx;
    bool own = p == &f->session->presence;
    struct str application = { 0 };
    if (own)
        session_show(f->session, STR("application_name"), f->arena, &application, NULL);
    ptrdiff_t colon = str_find(p->peer, STR(":"));
    const struct cell cells[] = {
        { "datid", value_integer(database_oid(p->database)) },
        { "datname", text(p->database) },
        { "pid", value_integer(p->pid) },
        { "usename", text(p->user) },
        { "usesysid", value_integer(role_oid(p->user, owner_of(f->session))) },
        { "application_name", text(application.p ? application : STR("")) },
        { "client_addr", colon > 0 ? text((struct str){ p->peer.p, (size_t)colon }) : value_null() },
        { "backend_start", instant(f, p->started_us) },
        { "xact_start", instant(f, atomic_load(&p->transaction_us)) },
        { "query_start", instant(f, atomic_load(&p->statement_us)) },
        { "state_change", instant(f, atomic_load(&p->changed_us)) },
        { "state", text(str_from(own ? "active" : activity_names[atomic_load(&p->activity)])) },
        { "query", text(own && f->session->group && f->session->group->text.p ? f->session->group->text : STR("")) },
        { "backend_type", text(STR("client backend")) },
    };
    return GIVE(f, cells);
}

static bool rows_activity(struct filler *f)
{
    cancel_each(&f->session->worker->app->sessions, give_session, f);
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
        { "datfrozenxid", value_integer(0) },
        { "datminmxid", value_integer(1) },
        { "dattablespace", value_integer(1663) },
        { "datcollate", text(STR("C.UTF-8")) },
        { "datctype", text(STR("C.UTF-8")) },
    };
    return GIVE(f, cells);
}

static bool rows_databases(struct filler *f)
{
    const struct config *c = f->session->serving->config;
    struct str mine = str_from(f->session->database_name);
    if (!give_database(f, mine))
        return false;
    for (size_t i = 0; i < c->n_databases; i++)
        if (c->databases[i].name[0] != '*' && !str_is(mine, c->databases[i].name) &&
            !give_database(f, str_from(c->databases[i].name)))
            return false;
    return true;
}

/* ---- locks: advisory ones, D1 shows no others ---- */

/* The OID of every database is that of the one connected to (pg_database). */
static bool give_lock(void *ctx, const struct advisory_entry *e)
{
    enum { OID_DATABASE = 5 };
    struct filler *f = ctx;
    if (!str_is(e->database, f->session->database_name))
        return true;
    const struct cell cells[] = {
        { "locktype", text(STR("advisory")) },
        { "database", value_integer(OID_DATABASE) },
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
};

static bool rows(void *ctx, struct str relation, bool (*add)(void *add_ctx, const struct value *cells, size_t n),
                 void *add_ctx)
{
    struct session *s = ctx;
    struct filler f = { s, system_relation(STR("pg_catalog"), relation), s->group->arena, add, add_ctx };
    for (size_t i = 0; f.relation && i < sizeof(relations) / sizeof(relations[0]); i++)
        if (str_is(relation, relations[i].name))
            return relations[i].rows(&f);
    return false;
}

void activity_system_state(struct session *s, struct system_state *ret)
{
    *ret = (struct system_state){
        .database = str_from(s->database_name), .user = str_from(s->user), .owner = owner_of(s), .rows = rows, .ctx = s
    };
}

void activity_set(struct session *s, enum activity activity)
{
    int64_t now = session_wall_us(s);
    struct presence *p = &s->presence;
    atomic_store_explicit(&p->activity, (int)activity, memory_order_relaxed);
    atomic_store_explicit(&p->changed_us, now, memory_order_relaxed);
    if (activity == ACTIVITY_ACTIVE)
        atomic_store_explicit(&p->statement_us, now, memory_order_relaxed);
}
