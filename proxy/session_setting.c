/* session_setting.c - see session_setting.h. */
#include "proxy/session_setting.h"

#include "proxy/base/fault.h"
#include "proxy/database.h"
#include "proxy/group.h"
#include "proxy/notify.h"

/* ---- settings whose value is not in the gucs ---- */

static struct str show_isolation(struct session *s, struct arena *arena)
{
    (void)arena;
    const struct transaction *t = &s->transaction;
    return str_from(guc_isolation_words[t->state == TXN_IDLE ? s->gucs.live.default_isolation : t->isolation]);
}

static struct str on_off(bool on)
{
    return on ? STR("on") : STR("off");
}

static struct str show_read_only(struct session *s, struct arena *arena)
{
    (void)arena;
    return on_off(s->transaction.state == TXN_IDLE ? s->gucs.live.default_read_only : s->transaction.read_only);
}

static struct str show_deferrable(struct session *s, struct arena *arena)
{
    (void)arena;
    return on_off(s->transaction.state == TXN_IDLE ? s->gucs.live.default_deferrable : s->transaction.deferrable);
}

static struct str show_user(struct session *s, struct arena *arena)
{
    (void)arena;
    return str_from(s->user);
}

static struct str show_bookmark(struct session *s, struct arena *arena)
{
    return s->bookmark ? arena_str(arena, str_from(s->bookmark)) : STR("");
}

/* Requests made to D1 since the process began, by all sessions and for the schema. */
static struct str show_round_trips(struct session *s, struct arena *arena)
{
    return arena_printf(arena, "%llu", (unsigned long long)app_metric(s->worker->app, METRIC_round_trips));
}

static bool set_modes(struct session *s, const struct plan_transaction *modes, struct err *err)
{
    if (s->transaction.state == TXN_IDLE) { /* outside a block it ends with the statement, as in PostgreSQL */
        unsigned char ignored;
        return modes->isolation.n == 0 || isolation_find(modes->isolation, &ignored) ||
               err_set(err, SQLSTATE_INVALID_PARAMETER_VALUE,
                       "invalid value for parameter \"transaction_isolation\": \"%.*s\"", STR_FMT(modes->isolation));
    }
    return transaction_set_modes(&s->transaction, modes, err);
}

static bool set_isolation(struct session *s, struct str value, struct err *err)
{
    struct plan_transaction modes = { .isolation = value, .read_only = -1, .deferrable = -1 };
    return set_modes(s, &modes, err);
}

static bool flag_of(const char *name, struct str value, int *ret, struct err *err)
{
    if (str_eq_nocase(value, STR("on")) || str_eq_nocase(value, STR("true")) || str_is(value, "1") ||
        str_eq_nocase(value, STR("yes")))
        *ret = 1;
    else if (str_eq_nocase(value, STR("off")) || str_eq_nocase(value, STR("false")) || str_is(value, "0") ||
             str_eq_nocase(value, STR("no")))
        *ret = 0;
    else
        return err_set(err, SQLSTATE_INVALID_PARAMETER_VALUE, "parameter \"%s\" requires a Boolean value", name);
    return true;
}

static bool set_read_only(struct session *s, struct str value, struct err *err)
{
    struct plan_transaction modes = { .read_only = -1, .deferrable = -1 };
    return flag_of("transaction_read_only", value, &modes.read_only, err) && set_modes(s, &modes, err);
}

static bool set_deferrable(struct session *s, struct str value, struct err *err)
{
    struct plan_transaction modes = { .read_only = -1, .deferrable = -1 };
    return flag_of("transaction_deferrable", value, &modes.deferrable, err) && set_modes(s, &modes, err);
}

/* SET ROLE, SET SESSION AUTHORIZATION: to oneself is no change; there are no rights to change to another's. */
static bool set_user(struct session *s, struct str value, struct err *err)
{
    if (str_is(value, s->user) || str_is(value, "none") || str_is(value, "default"))
        return true;
    if (!config_user_find(s->serving->config, value))
        return err_set(err, SQLSTATE_INVALID_PARAMETER_VALUE, "role \"%.*s\" does not exist", STR_FMT(value));
    err_unsupported(err, "changing to role \"%.*s\"", STR_FMT(value));
    return err_hint(err, "Connect as that user.");
}

static const struct own_setting {
    const char *name;
    struct str (*show)(struct session *s, struct arena *arena);
    bool (*set)(struct session *s, struct str value, struct err *err); /* NULL: read only */
} own_settings[] = {
    { "pgd1.bookmark", show_bookmark, NULL },
    { "pgd1.round_trips", show_round_trips, NULL },
    { "role", NULL, set_user },
    { "session_authorization", show_user, set_user },
    { "transaction_deferrable", show_deferrable, set_deferrable },
    { "transaction_isolation", show_isolation, set_isolation },
    { "transaction_read_only", show_read_only, set_read_only },
};

static const struct own_setting *own_find(struct str name)
{
    for (size_t i = 0; i < sizeof(own_settings) / sizeof(own_settings[0]); i++)
        if (str_eq_nocase(name, str_from(own_settings[i].name)))
            return &own_settings[i];
    return NULL;
}

static bool refuse(const struct own_setting *own, struct err *err)
{
    return err_set(err, SQLSTATE_CANT_CHANGE_RUNTIME_PARAM, "parameter \"%s\" cannot be changed", own->name);
}

bool session_show(struct session *s, struct str name, struct arena *arena, struct str *ret, struct err *err)
{
    const struct own_setting *own = own_find(name);
    if (!own || !own->show)
        return gucs_show(&s->gucs, name, arena, ret, err);
    *ret = own->show(s, arena);
    return true;
}

bool session_set(struct session *s, struct str name, struct str value, enum guc_scope scope, struct err *err)
{
    const struct own_setting *own = own_find(name);
    if (own)
        return own->set ? own->set(s, value, err) : refuse(own, err);
    if (!gucs_set(&s->gucs, name, value, scope, s->worker->scratch, err))
        return false;
    if (str_eq_nocase(name, STR("pgd1.session"))) { /* a new session starts there: the old bookmark is not carried on */
        free(s->bookmark);
        s->bookmark = NULL;
    }
    return true;
}

bool session_reset(struct session *s, struct str name, bool is_local, struct err *err)
{
    const struct own_setting *own = own_find(name);
    if (own)
        return own->set ? true : refuse(own, err);
    return gucs_reset(&s->gucs, name, is_local, err);
}

/* ---- the search path ---- */

static bool has_schema(const struct snapshot *snapshot, struct str name)
{
    for (size_t i = 0; snapshot && i < snapshot->n_schemas; i++)
        if (str_eq(snapshot->schemas[i], name))
            return true;
    return str_is(name, "public") || str_is(name, "pg_catalog") || str_is(name, "information_schema");
}

/* The next identifier of a list as the setting shows it: quoted where SQL needs quotes. */
static bool next_identifier(struct str *list, struct arena *arena, struct str *ret)
{
    *list = str_trim(*list);
    if (list->n == 0)
        return false;
    bool quoted = list->p[0] == '"';
    char *out = arena_alloc(arena, list->n + 1);
    size_t i = quoted, n = 0;
    for (; out && i < list->n; i++) {
        char c = list->p[i];
        if (quoted && c == '"' && i + 1 < list->n && list->p[i + 1] == '"')
            i++;
        else if (quoted ? c == '"' : c == ',')
            break;
        out[n++] = quoted || c < 'A' || c > 'Z' ? c : (char)(c + 32);
    }
    while (i < list->n && list->p[i] != ',')
        i++;
    *list = i < list->n ? (struct str){ list->p + i + 1, list->n - i - 1 } : (struct str){ 0 };
    *ret = (struct str){ out, n };
    if (!quoted)
        *ret = str_trim(*ret);
    return out != NULL;
}

size_t session_search_path(struct session *s, const struct snapshot *snapshot, struct arena *arena,
                           const struct str **ret)
{
    enum { PATH_MAX_NAMES = 64 };
    static const struct str only_public[] = { STR_INIT("public") };
    struct str list = { 0 }, name;
    bool plain = !snapshot || snapshot->n_schemas <= 1;
    const struct guc *row = guc_find(STR("search_path"));
    list = gucs_stored(&s->gucs, row, NULL);
    if (plain && !s->transaction.temporary && str_is(list, row->value)) {
        *ret = only_public;
        return 1;
    }
    struct str *path = ARENA_ARRAY(arena, struct str, PATH_MAX_NAMES + 1);
    size_t n = 1; /* before all stands the temporary schema, unless it is named */
    bool first = s->transaction.temporary != NULL;
    while (path && n < PATH_MAX_NAMES && next_identifier(&list, arena, &name)) {
        if (str_is(name, "$user"))
            name = str_from(s->user);
        bool temporary = str_is(name, "pg_temp") || str_is(name, SNAPSHOT_TEMPORARY);
        if (temporary ? s->transaction.temporary != NULL : has_schema(snapshot, name) && !str_is(name, "pg_catalog"))
            path[n++] = temporary ? STR(SNAPSHOT_TEMPORARY) : name;
        first = first && !temporary;
    }
    if (path && first)
        path[0] = STR(SNAPSHOT_TEMPORARY);
    *ret = path && !first ? path + 1 : path;
    return path ? n - !first : 0;
}

/* Whether pg_temp stands before every schema that is there: what comes without a schema goes there. */
static bool creates_temporary(struct session *s, const struct snapshot *snapshot, struct arena *arena)
{
    const struct guc *row = guc_find(STR("search_path"));
    struct str list = gucs_stored(&s->gucs, row, NULL), name;
    if (str_is(list, row->value))
        return false;
    while (next_identifier(&list, arena, &name)) {
        if (str_is(name, "pg_temp") || str_is(name, SNAPSHOT_TEMPORARY))
            return true;
        if (has_schema(snapshot, str_is(name, "$user") ? str_from(s->user) : name))
            return false;
    }
    return false;
}

void session_sql_settings(struct session *s, const struct snapshot *snapshot, struct arena *arena,
                          struct sql_settings *ret)
{
    *ret = (struct sql_settings){
        .role = str_from(s->user),
        .database = str_from(s->database_name),
        .standard_conforming_strings = true,
        .raw_sqlite = s->gucs.live.raw_sqlite,
        .no_views = s->gucs.live.no_views,
        .traits = s->database->d1->traits,
        .types = &s->gucs.live.types,
        .sequences = &s->sequences,
        .max_statement_bytes = s->serving->config->max_message_bytes,
    };
    ret->n_search_path = session_search_path(s, snapshot, arena, &ret->search_path);
    ret->creates_temporary = creates_temporary(s, snapshot, arena);
}

/* ---- facts ---- */

static bool text(struct value *ret, struct str t)
{
    *ret = t.p ? value_text(t) : value_null();
    return true;
}

static bool fact_user(struct session *s, struct arena *arena, struct value *ret)
{
    (void)arena;
    return text(ret, str_from(s->user));
}

static bool fact_database(struct session *s, struct arena *arena, struct value *ret)
{
    (void)arena;
    return text(ret, str_from(s->database_name));
}

static const struct snapshot *known_schema(const struct session *s)
{
    const struct snapshot *own = s->transaction.overlay.schema;
    return own ? own : s->database ? s->database->snapshot : NULL;
}

/* The path without the temporary schema that stands before it. */
static size_t named_path(struct session *s, struct arena *arena, const struct str **ret)
{
    size_t n = session_search_path(s, known_schema(s), arena, ret);
    bool skip = n && s->transaction.temporary && str_is((*ret)[0], SNAPSHOT_TEMPORARY) &&
                !creates_temporary(s, known_schema(s), arena);
    *ret += skip;
    return n - skip;
}

/* The place among the schemas where the path names pg_catalog itself; -1: it does not, so it comes before all. */
static ptrdiff_t catalog_place(struct session *s, struct arena *arena)
{
    struct str list = gucs_stored(&s->gucs, guc_find(STR("search_path")), NULL), name;
    ptrdiff_t place = 0;
    while (next_identifier(&list, arena, &name)) {
        if (str_is(name, "$user"))
            name = str_from(s->user);
        if (str_is(name, "pg_catalog"))
            return place;
        place += has_schema(known_schema(s), name);
    }
    return -1;
}

/* The schemas of the path, pg_catalog among them where it is named. */
static size_t shown_path(struct session *s, struct arena *arena, const struct str **ret, bool *ret_catalog)
{
    size_t n = named_path(s, arena, ret);
    ptrdiff_t place = catalog_place(s, arena);
    *ret_catalog = place >= 0;
    struct str *all = place >= 0 && (size_t)place <= n ? ARENA_ARRAY(arena, struct str, n + 1) : NULL;
    if (!all)
        return n;
    for (size_t i = 0, at = 0; i <= n; i++)
        all[i] = (ptrdiff_t)i == place ? STR("pg_catalog") : (*ret)[at++];
    *ret = all;
    return n + 1;
}

static bool fact_schema(struct session *s, struct arena *arena, struct value *ret)
{
    const struct str *path;
    bool catalog;
    size_t n = shown_path(s, arena, &path, &catalog);
    if (creates_temporary(s, known_schema(s), arena))
        return text(ret, STR(SNAPSHOT_TEMPORARY));
    return text(ret, n ? path[0] : (struct str){ 0 });
}

/* A name[] as JSON array; names need no escapes but quote and backslash, control characters cannot be in them. */
static struct str json_names(struct arena *arena, const struct str *names, size_t n, struct str before)
{
    struct buf b;
    buf_init(&b, 1 << 20);
    buf_printf(&b, "[%.*s", STR_FMT(before));
    for (size_t i = 0; i < n; i++) {
        buf_printf(&b, "%s\"", b.n > 1 ? "," : "");
        for (size_t k = 0; k < names[i].n; k++) {
            if (names[i].p[k] == '"' || names[i].p[k] == '\\')
                buf_add_char(&b, '\\');
            buf_add_char(&b, names[i].p[k]);
        }
        buf_add_char(&b, '"');
    }
    buf_add_char(&b, ']');
    struct str copy = b.failed ? (struct str){ 0 } : arena_str(arena, buf_str(&b));
    buf_fini(&b);
    return copy;
}

static bool fact_schemas(struct session *s, struct arena *arena, struct value *ret)
{
    const struct str *path;
    bool catalog;
    size_t n = shown_path(s, arena, &path, &catalog);
    return text(ret, json_names(arena, path, n, STR("")));
}

static bool fact_schemas_implicit(struct session *s, struct arena *arena, struct value *ret)
{
    const struct str *path, *all;
    bool catalog;
    size_t n = shown_path(s, arena, &path, &catalog);
    bool temporary = session_search_path(s, known_schema(s), arena, &all) > n - catalog;
    struct str before = temporary && catalog ? STR("\"" SNAPSHOT_TEMPORARY "\"")
                        : temporary          ? STR("\"" SNAPSHOT_TEMPORARY "\",\"pg_catalog\"")
                        : catalog            ? STR("")
                                             : STR("\"pg_catalog\"");
    return text(ret, json_names(arena, path, n, before));
}

static bool fact_channels(struct session *s, struct arena *arena, struct value *ret)
{
    struct str names[CHANNELS_MAX];
    size_t n = 0;
    for (const struct channel *c = notify_channel_next(s, NULL, &names[n]); c; c = notify_channel_next(s, c, &names[n]))
        if (++n == CHANNELS_MAX)
            break;
    return text(ret, json_names(arena, names, n, STR("")));
}

static bool fact_pid(struct session *s, struct arena *arena, struct value *ret)
{
    (void)arena;
    *ret = value_integer(s->presence.pid);
    return true;
}

static bool fact_client_address(struct session *s, struct arena *arena, struct value *ret)
{
    struct str address = str_from(s->peer.address);
    size_t colon = address.n;
    while (colon > 0 && address.p[colon - 1] != ':')
        colon--;
    return text(ret, s->peer.is_unix || colon == 0 ? (struct str){ 0 }
                                                   : arena_str(arena, (struct str){ address.p, colon - 1 }));
}

static bool fact_client_port(struct session *s, struct arena *arena, struct value *ret)
{
    (void)arena;
    const char *colon = strrchr(s->peer.address, ':');
    int64_t port;
    *ret = !s->peer.is_unix && colon && str_to_int64(str_from(colon + 1), &port) ? value_integer(port) : value_null();
    return true;
}

static bool fact_version(struct session *s, struct arena *arena, struct value *ret)
{
    return text(ret,
                arena_printf(arena, "PostgreSQL %s (pgd1 %s, Cloudflare D1 by %s)", s->serving->config->server_version,
                             PGD1_VERSION, s->database ? s->database->d1->traits.name : "none"));
}

static bool fact_started(struct session *s, struct arena *arena, struct value *ret)
{
    (void)arena;
    *ret = value_integer(s->worker->app->started_us);
    return true;
}

static const struct {
    const char *name;
    bool (*get)(struct session *s, struct arena *arena, struct value *ret);
} facts[] = {
    { "current_catalog", fact_database },
    { "current_database", fact_database },
    { "current_role", fact_user },
    { "current_schema", fact_schema },
    { "current_schemas", fact_schemas },
    { "current_schemas_implicit", fact_schemas_implicit },
    { "current_user", fact_user },
    { "inet_client_addr", fact_client_address },
    { "inet_client_port", fact_client_port },
    { "pg_backend_pid", fact_pid },
    { "pg_listening_channels", fact_channels },
    { "pg_postmaster_start_time", fact_started },
    { "session_user", fact_user },
    { "user", fact_user },
    { "version", fact_version },
};

bool session_value(void *ctx, struct str name, struct arena *arena, struct value *ret)
{
    struct session *s = ctx;
    struct str setting = name, value;
    for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++)
        if (str_is(name, facts[i].name))
            return facts[i].get(s, arena, ret);
    if (str_starts(name, STR("current_setting:")))
        setting = (struct str){ name.p + 16, name.n - 16 };
    return session_show(s, setting, arena, &value, NULL) && text(ret, value);
}

bool session_set_config(void *ctx, struct str name, struct str value, bool is_local, struct arena *arena,
                        struct str *ret, struct err *err)
{
    struct session *s = ctx;
    return session_set(s, name, value, is_local ? GUC_LOCAL : GUC_SESSION, err) &&
           session_show(s, name, arena, ret, err);
}

int64_t session_clock_us(void *ctx)
{
    return session_wall_us(ctx);
}

/* ---- ParameterStatus ---- */

static void report_one(struct session *s, const struct guc *row, size_t slot, bool always)
{
    struct str value;
    if (!session_show(s, str_from(row->name), s->worker->scratch, &value, NULL))
        return;
    uint32_t hash = (uint32_t)str_hash(value);
    if (!always && s->reported[slot] == hash)
        return;
    s->reported[slot] = hash;
    backend_parameter_status(session_out(s), str_from(row->name), value);
}

static void report(struct session *s, bool always)
{
    size_t n, slot = 0;
    const struct guc *rows = guc_table(&n);
    s->reported_generation = s->gucs.generation;
    for (size_t i = 0; i < n; i++)
        if (rows[i].is_reported && slot < GUC_REPORTED_MAX)
            report_one(s, &rows[i], slot++, always);
}

void session_report_all(struct session *s)
{
    report(s, true);
}

void session_report_settings(struct session *s)
{
    if (s->bookmark_changed && s->gucs.live.report_bookmark && s->bookmark)
        backend_parameter_status(session_out(s), STR("pgd1.bookmark"), str_from(s->bookmark));
    s->bookmark_changed = 0;
    if (s->reported_generation != s->gucs.generation)
        report(s, false);
}
