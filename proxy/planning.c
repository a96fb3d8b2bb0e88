/* planning.c - see planning.h. */
#include "proxy/planning.h"

#include <pg_query/pg_query.pb-c.h>
#include "proxy/catalog/reg_names.h"
#include "proxy/database.h"
#include "proxy/execute_temporary.h"
#include "proxy/group.h"
#include "proxy/migrate/call.h"
#include "proxy/migration.h"
#include "proxy/prepared.h"
#include "proxy/raw.h"
#include "proxy/session_setting.h"
#include "proxy/sql/plan_cache.h"

const struct snapshot *planning_schema(struct session *s)
{
    const struct snapshot *own = s->group ? group_schema(s->group) : NULL;
    const struct snapshot *schema = own ? own : database_snapshot(s->database);
    return s->transaction.temporary ? execute_temporary_schema(s, schema) : schema;
}

/* The schema is one that D1 does not have yet. */
static bool has_waiting_ddl(const struct session *s)
{
    const struct overlay *o = &s->transaction.overlay;
    return o->schema && !(o->is_settled && s->group->n_ddl == 0);
}

void planning_wait_schema(struct session *s)
{
    session_wait_schema(s);
}

/* Made without a schema, is it what it would be with one? DDL is not: DROP … IF EXISTS finds nothing to drop. */
static bool needs_no_schema(const struct plan *p)
{
    if (p->place != PLACE_HERE || p->n_reads || p->n_writes || p->n_notices || p->kind == PLAN_DDL ||
        p->kind == PLAN_EXPLAIN || p->kind == PLAN_SET_CONSTRAINTS || p->kind == PLAN_DECLARE ||
        p->kind == PLAN_EXECUTE)
        return false;
    for (size_t i = 0; i < p->n_columns; i++)
        if (is_reg_type(p->columns[i].type))
            return false; /* names of OIDs are the schema's */
    for (size_t i = 0; i < p->n_params; i++)
        if (p->param_types[i] >= 16384)
            return false; /* so are a domain's constraints */
    return !p->local || !p->local->needs_catalog;
}

/* Errors that another schema might not give: a name is missing, or there already. */
static bool may_be_stale(const struct err *err)
{
    static const enum sqlstate codes[] = {
        SQLSTATE_UNDEFINED_TABLE,  SQLSTATE_UNDEFINED_COLUMN, SQLSTATE_UNDEFINED_OBJECT,    SQLSTATE_DUPLICATE_TABLE,
        SQLSTATE_DUPLICATE_COLUMN, SQLSTATE_DUPLICATE_OBJECT, SQLSTATE_INVALID_SCHEMA_NAME, SQLSTATE_DUPLICATE_SCHEMA,
    };
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        if (err->code == codes[i])
            return true;
    return false;
}

/* Errors that knowing no table may give. */
static bool may_need_schema(const struct err *err)
{
    const char *code = sqlstate_code(err->code);
    return may_be_stale(err) || (strncmp(code, "42", 2) == 0 && err->code != SQLSTATE_SYNTAX_ERROR);
}

bool planning_parse(struct session *s, struct str text, bool is_raw, struct sql_list *ret, struct err *err)
{
    size_t max = s->serving->config->max_message_bytes;
    if (migrate_command_is(text))
        return migration_parse(text, max, s->group->arena, ret, err);
    return is_raw ? raw_parse(text, max, s->group->arena, ret, err) : sql_parse(text, max, s->group->arena, ret, err);
}

bool planning_cached(struct session *s, struct str text, const oid_t *types, size_t n_types, struct found_plan *ret)
{
    const struct snapshot *schema = planning_schema(s);
    struct sql_settings settings;
    struct planned planned;
    if (!schema || s->schema_since_us || has_waiting_ddl(s) || s->gucs.live.raw_sqlite)
        return false;
    session_sql_settings(s, schema, s->group->arena, &settings);
    if (!plan_cache_get(s->worker->plans, text, schema, &settings, types, n_types, s->group->arena, &planned)) {
        metric_add(&s->worker->metrics, METRIC_plan_cache_misses, 1);
        return false;
    }
    metric_add(&s->worker->metrics, METRIC_plan_cache_hits, 1);
    *ret = (struct found_plan){ planned.plan, planned.literals, planned.n_literals, planned.literal_offsets };
    return true;
}

/* PRAGMA and EXPLAIN ask D1's schema, not the one that the block's waiting DDL will leave. */
static bool asks_waiting_schema(const struct session *s, const struct plan *plan, struct err *err)
{
    if (!has_waiting_ddl(s) || !plan->is_unwrappable || plan->access != D1_READ)
        return false;
    err_unsupported(err, "%s behind DDL in the same transaction", plan->tag);
    err_hint(err, "Commit first.");
    return true;
}

static bool make_raw(struct session *s, const struct sql_statement *parsed, const struct sql_source *source,
                     const struct snapshot *schema, const struct sql_settings *settings, struct plan **ret,
                     struct err *err)
{
    if (!raw_plan(s->worker->raw, parsed, schema, settings, source->types, source->n_types, ret, err))
        return false;
    if (!asks_waiting_schema(s, *ret, err))
        return true;
    plan_unref(*ret);
    *ret = NULL;
    return false;
}

/* A query of pgd1.migrations or pgd1.migrate_up() and the like. Its tree changes, so it is parsed for this alone. */
static bool make_call(struct session *s, const struct sql_statement *parsed, const struct sql_source *source,
                      const struct snapshot *schema, const struct sql_settings *settings, struct plan **ret,
                      struct err *err)
{
    struct sql_list list;
    struct migrate_command *command;
    if (!planning_parse(s, source->text, false, &list, err))
        return false;
    if (source->index >= list.n)
        return err_set(err, SQLSTATE_INTERNAL_ERROR, "the statement cannot be found again");
    if (!migrate_call_find(&list.statements[source->index], s->group->arena, &command, err))
        return false;
    if (!command)
        return sql_plan(parsed, schema, settings, source->types, source->n_types, ret, err);
    return sql_plan(&list.statements[source->index], schema, settings, source->types, source->n_types, ret, err) &&
           migration_attach(*ret, command, ret, err);
}

static bool make(struct session *s, const struct sql_statement *parsed, const struct sql_source *source,
                 const struct snapshot *schema, bool force_local, struct plan **ret, struct err *err)
{
    struct sql_settings settings;
    session_sql_settings(s, schema, s->group->arena, &settings);
    settings.force_local = force_local;
    settings.without_params = source->without_params;
    if (parsed->is_migrate)
        return migration_plan(parsed->text, schema, ret, err);
    if (parsed->is_raw)
        return make_raw(s, parsed, source, schema, &settings, ret, err);
    if (migrate_call_may_be(parsed->text))
        return make_call(s, parsed, source, schema, &settings, ret, err);
    return sql_plan(parsed, schema, &settings, source->types, source->n_types, ret, err);
}

static void remember(struct session *s, const struct sql_source *source, const struct snapshot *schema,
                     struct plan *plan)
{
    struct sql_settings settings;
    session_sql_settings(s, schema, s->group->arena, &settings);
    plan_cache_put(s->worker->plans, source->text, schema, &settings, source->types, source->n_types, plan,
                   s->group->arena);
}

static bool check_wait(struct session *s, struct err *err)
{
    if (s->cancelled) {
        s->cancelled = 0;
        return err_set(err, SQLSTATE_QUERY_CANCELED, "canceling statement due to user request");
    }
    if (s->wait_failed) {
        s->wait_failed = 0;
        if (s->wait_error)
            err_copy(err, s->wait_error);
        else
            err_oom(err);
        return false;
    }
    return true;
}

enum outcome planning_make(struct session *s, const struct sql_statement *parsed, const struct sql_source *source,
                           bool is_whole, struct found_plan *ret, struct err *err)
{
    *ret = (struct found_plan){ 0 };
    if (s->group->migration &&
        !migration_is_planning(s->group->migration)) { /* what it waits for is a matter of its own statements */
        ret->plan = plan_ref(migration_plan_under_way(s->group->migration));
        return OUTCOME_DONE;
    }
    if (!check_wait(s, err))
        return OUTCOME_FAILED;
    const struct snapshot *schema = planning_schema(s);
    bool is_blank = !schema;
    if (s->schema_since_us && schema && !has_waiting_ddl(s) && s->database->snapshot_us < s->schema_since_us) {
        planning_wait_schema(s);
        return OUTCOME_WAIT;
    }
    bool ok = make(s, parsed, source, is_blank ? s->worker->blank : schema, false, &ret->plan, err);
    if (is_blank && (ok ? !needs_no_schema(ret->plan) : may_need_schema(err))) {
        plan_unref(ret->plan);
        ret->plan = NULL;
        err_clear(err);
        planning_wait_schema(s);
        return OUTCOME_WAIT;
    }
    if (!ok && may_be_stale(err) && !s->schema_since_us && !has_waiting_ddl(s) && !is_blank) {
        /* somebody else may have made what is missing: look once */
        err_clear(err);
        s->schema_since_us = worker_now(s->worker);
        planning_wait_schema(s);
        return OUTCOME_WAIT;
    }
    /* PREPARE comes back with what it prepares, which has not looked yet. */
    if (!ok || ret->plan->kind != PLAN_PREPARE)
        s->schema_since_us = 0;
    if (!ok)
        return OUTCOME_FAILED;
    if (is_whole && !is_blank && !has_waiting_ddl(s) && !s->gucs.live.raw_sqlite)
        remember(s, source, schema, ret->plan);
    return OUTCOME_DONE;
}

/* What runs at D1 of DECLARE, COPY TO and EXPLAIN ANALYZE is the query inside, and of a statement that gathers rows the query that gives them. */
static struct plan *query_of(struct plan *plan)
{
    const struct plan *statement = plan->kind == PLAN_EXPLAIN ? plan->utility.explain->query : plan;
    struct plan *inner = statement->kind == PLAN_DECLARE   ? statement->utility.cursor->query
                         : statement->kind == PLAN_COPY_TO ? statement->utility.copy->query
                         : statement->gather               ? statement->gather
                         : statement != plan               ? plan->utility.explain->query
                                                           : NULL;
    if (!inner)
        return plan;
    plan_ref(inner);
    plan_unref(plan);
    return inner;
}

static bool fits_values(const struct plan *plan, const struct sql_source *source)
{
    return !source->n_bound || (plan->n_params == source->n_bound &&
                                memcmp(plan->param_types, source->bound, source->n_bound * sizeof(oid_t)) == 0);
}

/* Parameters are found from what was declared, as they were before; where that gives other types by now, the values have theirs. */
static bool make_for_values(struct session *s, const struct sql_statement *parsed, const struct sql_source *source,
                            const struct snapshot *schema, bool force_local, struct plan **ret, struct err *err)
{
    if (!make(s, parsed, source, schema, force_local, ret, err))
        return false;
    if (fits_values(*ret, source))
        return true;
    struct sql_source declared = *source;
    declared.types = source->bound;
    declared.n_types = source->n_bound;
    plan_unref(*ret);
    return make(s, parsed, &declared, schema, force_local, ret, err);
}

bool planning_again(struct session *s, const struct sql_source *source, const struct plan *former, bool force_local,
                    bool for_step, struct plan **ret, struct err *err)
{
    struct sql_list list;
    const struct snapshot *schema = planning_schema(s);
    metric_add(&s->worker->metrics, METRIC_plan_retries, 1);
    if (!planning_parse(s, source->text, former->is_raw, &list, err))
        return false;
    if (source->index >= list.n)
        return err_set(err, SQLSTATE_INTERNAL_ERROR, "the statement cannot be found again");
    if (!make_for_values(s, &list.statements[source->index], source, schema ? schema : former->snapshot, force_local,
                         ret, err))
        return false;
    if (for_step)
        *ret = query_of(*ret);
    return true;
}

bool sql_ends_transaction(const struct sql_statement *statement)
{
    const PgQuery__RawStmt *raw = statement->raw;
    if (!raw || !raw->stmt || raw->stmt->node_case != PG_QUERY__NODE__NODE_TRANSACTION_STMT)
        return false;
    PgQuery__TransactionStmtKind kind = raw->stmt->transaction_stmt->kind;
    return kind == PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_COMMIT ||
           kind == PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_ROLLBACK ||
           kind == PG_QUERY__TRANSACTION_STMT_KIND__TRANS_STMT_ROLLBACK_TO;
}

bool sql_is_read_late(const struct sql_statement *statement)
{
    static const PgQuery__Node__NodeCase read_at_once[] = {
        PG_QUERY__NODE__NODE_SELECT_STMT,
        PG_QUERY__NODE__NODE_INSERT_STMT,
        PG_QUERY__NODE__NODE_UPDATE_STMT,
        PG_QUERY__NODE__NODE_DELETE_STMT,
        PG_QUERY__NODE__NODE_MERGE_STMT,
        PG_QUERY__NODE__NODE_CREATE_TABLE_AS_STMT,
        PG_QUERY__NODE__NODE_CALL_STMT,
        PG_QUERY__NODE__NODE_DECLARE_CURSOR_STMT,
        PG_QUERY__NODE__NODE_EXPLAIN_STMT,
        PG_QUERY__NODE__NODE_EXECUTE_STMT, /* these three have columns to tell of */
        PG_QUERY__NODE__NODE_VARIABLE_SHOW_STMT,
        PG_QUERY__NODE__NODE_FETCH_STMT,
    };
    const PgQuery__RawStmt *raw = statement->raw;
    bool late = raw && raw->stmt;
    for (size_t i = 0; late && i < sizeof(read_at_once) / sizeof(*read_at_once); i++)
        late = raw->stmt->node_case != read_at_once[i];
    return late;
}

bool plan_is_own_text(const struct found_plan *found)
{
    for (size_t i = 0; i < found->n_literals; i++)
        if (!str_eq(found->literals[i], found->plan->literals[i]))
            return false;
    return found->n_literals == found->plan->n_literals;
}

bool planning_is_current(struct session *s, const struct plan *plan)
{
    const struct snapshot *schema = planning_schema(s);
    if (plan->snapshot == schema || needs_no_schema(plan))
        return true;
    return schema && plan->snapshot->version == schema->version;
}

static bool same_columns(const struct plan *a, const struct plan *b)
{
    if (a->n_columns != b->n_columns)
        return false;
    for (size_t i = 0; i < a->n_columns; i++)
        if (a->columns[i].type != b->columns[i].type || a->columns[i].typmod != b->columns[i].typmod ||
            !str_eq(a->columns[i].name, b->columns[i].name))
            return false;
    return true;
}

bool planning_fail_changed(struct err *err)
{
    err->routine = "RevalidateCachedQuery";
    return err_set(err, SQLSTATE_FEATURE_NOT_SUPPORTED, "cached plan must not change result type");
}

/* Whether the names and constants of its text still mean what they did: search_path, TimeZone … */
static bool settings_hold(struct session *s, struct prepared *p, struct err *err)
{
    if (p->settings_seen == s->gucs.generation || !p->plan->settings_mark)
        return true;
    const struct snapshot *schema = planning_schema(s);
    struct sql_settings settings;
    uint64_t mark;
    session_sql_settings(s, schema ? schema : p->plan->snapshot, s->group->arena, &settings);
    if (!plan_settings_mark(&settings, s->group->arena, &mark))
        return err_oom(err);
    if (mark == p->plan->settings_mark)
        p->settings_seen = s->gucs.generation;
    return mark == p->plan->settings_mark;
}

enum outcome planning_renew(struct session *s, struct prepared *p, struct err *err)
{
    struct plan *fresh;
    const struct sql_source source = { .text = p->text, .index = p->index, .types = p->types, .n_types = p->n_types };
    if (s->group->migration)
        return OUTCOME_DONE;
    if (!check_wait(s, err))
        return OUTCOME_FAILED;
    if (settings_hold(s, p, err) && planning_is_current(s, p->plan))
        return OUTCOME_DONE;
    if (err_is_set(err))
        return OUTCOME_FAILED;
    if (!planning_schema(s)) {
        planning_wait_schema(s);
        return OUTCOME_WAIT;
    }
    if (!planning_again(s, &source, p->plan, false, false, &fresh, err))
        return OUTCOME_FAILED;
    if (!same_columns(p->plan, fresh)) {
        plan_unref(fresh);
        planning_fail_changed(err);
        return OUTCOME_FAILED;
    }
    plan_unref(p->plan);
    p->plan = fresh;
    p->settings_seen = s->gucs.generation;
    return OUTCOME_DONE;
}
