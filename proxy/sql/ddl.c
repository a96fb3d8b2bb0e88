/* ddl.c - dispatch of DDL statements, their batch members, rows of the side catalogue; see ddl.h. */
#include "proxy/sql/ddl_internal.h"

#include "proxy/catalog/collation.h"
#include "proxy/catalog/names.h"
#include "proxy/catalog/side_catalog.h"
#include "proxy/sql/accepted.h"
#include "proxy/sql/ddl_rename.h"
#include "proxy/sql/emit.h"

/* ---- errors ---- */
static bool fail_text(struct ddl *d, int location, enum sqlstate code, struct str text)
{
    if (err_is_set(d->err))
        return false;
    err_set(d->err, code, "%.*s", STR_FMT(text));
    int position = analyze_position(d->analyze.text, location);
    return position ? err_at(d->err, position) : false;
}

bool ddl_fail_at(struct ddl *d, int location, enum sqlstate code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct str text = arena_vprintf(d->arena, format, args);
    va_end(args);
    return fail_text(d, location, code, text);
}

bool ddl_refuse(struct ddl *d, int location, const char *hint, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct str what = arena_vprintf(d->arena, format, args);
    va_end(args);
    fail_text(d, location, SQLSTATE_FEATURE_NOT_SUPPORTED, ddl_printf(d, "%.*s is not supported", STR_FMT(what)));
    return hint ? err_hint(d->err, "%s", hint) : false;
}

void ddl_notice(struct ddl *d, enum sqlstate code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct plan_notice notice = { .code = code, .message = arena_vprintf(d->arena, format, args) };
    va_end(args);
    (void)DDL_PUSH(d, d->plan->notices, d->plan->n_notices, notice); /* err is set when there is no memory */
}

void ddl_warning(struct ddl *d, enum sqlstate code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct plan_notice notice = { .code = code, .is_warning = true, .message = arena_vprintf(d->arena, format, args) };
    va_end(args);
    (void)DDL_PUSH(d, d->plan->notices, d->plan->n_notices, notice);
}

void ddl_cascade_notice(struct ddl *d, const struct str *objects, size_t n)
{
    if (n == 1)
        ddl_notice(d, SQLSTATE_SUCCESSFUL_COMPLETION, "drop cascades to %.*s", STR_FMT(objects[0]));
    if (n <= 1)
        return;
    size_t at = d->plan->n_notices;
    struct str detail = STR("");
    for (size_t i = 0; i < n; i++)
        detail = ddl_printf(d, "%.*s%sdrop cascades to %.*s", STR_FMT(detail), i ? "\n" : "", STR_FMT(objects[i]));
    ddl_notice(d, SQLSTATE_SUCCESSFUL_COMPLETION, "drop cascades to %zu other objects", n);
    if (d->plan->n_notices > at)
        d->plan->notices[at].detail = detail;
}

bool ddl_nothing(struct ddl *d, const char *tag)
{
    d->plan->kind = PLAN_NOTHING;
    d->plan->place = PLACE_HERE;
    d->plan->access = D1_READ;
    d->plan->tag = tag;
    return true;
}

/* ---- memory ---- */
void *ddl_alloc(struct ddl *d, size_t n, size_t size)
{
    void *p = arena_array(d->arena, n, size);
    if (!p)
        err_oom(d->err);
    return p;
}

bool ddl_grow(struct ddl *d, void **array, size_t n, size_t size)
{
    if (n && (n & (n - 1)))
        return true; /* room is left: capacity is the next power of two */
    void *more = ddl_alloc(d, n ? n * 2 : 1, size);
    if (!more)
        return false;
    if (n)
        memcpy(more, *array, n * size);
    *array = more;
    return true;
}

struct str ddl_printf(struct ddl *d, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct str text = arena_vprintf(d->arena, format, args);
    va_end(args);
    if (!text.p)
        err_oom(d->err);
    return text;
}

/* ---- the batch ---- */
struct plan_statement *ddl_add(struct ddl *d, struct str sql)
{
    struct plan *plan = d->plan;
    if (!sql.p) {
        err_oom(d->err);
        return NULL;
    }
    if (!ddl_grow(d, (void **)&plan->statements, plan->n_statements, sizeof(*plan->statements)))
        return NULL;
    struct plan_statement *statement = &plan->statements[plan->n_statements++];
    *statement = (struct plan_statement){ .sql = sql, .role = STATEMENT_HELPER };
    return statement;
}

bool ddl_sql(struct ddl *d, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct str sql = arena_vprintf(d->arena, format, args);
    va_end(args);
    return ddl_add(d, sql) != NULL;
}

bool ddl_sql_texts(struct ddl *d, const char *sql, const struct str *texts, size_t n)
{
    struct bind *binds = DDL_ARRAY(d, struct bind, n);
    struct plan_statement *statement = binds ? ddl_add(d, str_from(sql)) : NULL;
    if (!statement)
        return false;
    for (size_t i = 0; i < n; i++) {
        struct str text = arena_str(d->arena, texts[i]);
        if (!text.p)
            return err_oom(d->err);
        binds[i] =
            (struct bind){ .source = BIND_CONSTANT, .type = TYPE_OID_text, .typmod = -1, .constant = value_text(text) };
    }
    statement->binds = binds;
    statement->n_binds = n;
    return true;
}

struct str ddl_quote(struct ddl *d, struct str name)
{
    struct str quoted = emit_identifier(name, d->arena);
    if (!quoted.p)
        err_oom(d->err);
    return quoted;
}

/* ---- rows of the side catalogue ---- */
void ddl_side_text(cJSON *detail, const char *member, struct str text)
{
    char *copy = text.n ? strndup(text.p, text.n) : NULL;
    if (copy)
        cJSON_AddStringToObject(detail, member, copy);
    free(copy);
}

void ddl_side_type(struct ddl *d, cJSON *detail, const char *member, const char *member_schema, oid_t type,
                   int32_t typmod)
{
    const struct user_type *user = snapshot_user_type(d->snapshot, type);
    const struct pg_type *row = pg_type_by_oid(type);
    if (user) {
        ddl_side_text(detail, member, type == user->array ? ddl_printf(d, "_%.*s", STR_FMT(user->name)) : user->name);
        ddl_side_text(detail, member_schema, user->schema);
    } else if (row) {
        cJSON_AddStringToObject(detail, member, row->name);
    }
    if (typmod >= 0)
        cJSON_AddNumberToObject(detail, "typmod", typmod);
}

void ddl_side_collation(cJSON *detail, const char *member, oid_t collation)
{
    if (collation)
        ddl_side_text(detail, member, collation_name(collation));
}

bool ddl_collation(struct ddl *d, const PgQuery__CollateClause *clause, oid_t type, oid_t own, int location, oid_t *ret)
{
    *ret = 0;
    if (!clause || !clause->n_collname)
        return true;
    if (!analyze_collation(&d->analyze, clause->collname, clause->n_collname, type, location, ret))
        return false;
    *ret = *ret == own ? 0 : *ret;
    return true;
}

bool ddl_side_put(struct ddl *d, const char *kind, struct str schema, struct str name, cJSON *detail)
{
    char *json = detail ? cJSON_PrintUnformatted(detail) : NULL;
    bool empty = detail && !detail->child && strcmp(kind, "schema") != 0 && strcmp(kind, "sequence") != 0 &&
                 strcmp(kind, "extension") != 0;
    cJSON_Delete(detail);
    if (!json)
        return err_oom(d->err);
    bool ok = true;
    if (!empty) {
        struct str texts[] = { str_from(kind), schema, name, str_from(json) };
        d->side_used = true;
        ok =
            ddl_sql_texts(d,
                          "INSERT INTO _pgd1_catalog(kind, schema, name, detail) VALUES (?1, ?2, ?3, ?4)"
                          " ON CONFLICT(kind, schema, name) DO UPDATE SET detail = json_patch(detail, excluded.detail)",
                          texts, 4);
    }
    cJSON_free(json);
    return ok;
}

bool ddl_side_put_child(struct ddl *d, const char *kind, struct str schema, struct str table, struct str child,
                        cJSON *detail)
{
    struct str key = name_child_key(table, child, d->arena);
    if (!key.p) {
        cJSON_Delete(detail);
        return err_oom(d->err);
    }
    return ddl_side_put(d, kind, schema, key, detail);
}

bool ddl_side_delete(struct ddl *d, const char *kind, struct str schema, struct str name)
{
    struct str texts[] = { str_from(kind), schema, name };
    return !d->snapshot->has_side_catalog ||
           ddl_sql_texts(d, "DELETE FROM _pgd1_catalog WHERE kind = ?1 AND schema = ?2 AND name = ?3", texts, 3);
}

bool ddl_side_delete_child(struct ddl *d, const char *kind, struct str schema, struct str table, struct str child)
{
    struct str key = name_child_key(table, child, d->arena);
    return key.p ? ddl_side_delete(d, kind, schema, key) : err_oom(d->err);
}

bool ddl_note_dropped(struct ddl *d, const struct relation *sequence)
{
    struct plan_sequence use = { .sequence = sequence, .use = SEQUENCE_DROPPED };
    return DDL_PUSH(d, d->plan->sequences, d->plan->n_sequences, use);
}

static bool forget_sequences(struct ddl *d, const struct relation *r)
{
    for (size_t i = 0; i < d->snapshot->n_relations; i++) {
        const struct relation *sequence = &d->snapshot->relations[i];
        if (sequence->kind != RELATION_SEQUENCE || !str_eq(sequence->schema, r->schema) ||
            !str_eq(sequence->seq_owner_table, r->name))
            continue;
        if (!ddl_side_delete(d, "sequence", sequence->schema, sequence->name))
            return false;
        if (d->snapshot->has_sequence_table &&
            !ddl_sql_texts(d, "DELETE FROM _pgd1_sequence WHERE name = ?1", &sequence->sqlite_name, 1))
            return false;
    }
    return true;
}

bool ddl_side_forget_table(struct ddl *d, const struct relation *r)
{
    if (!d->snapshot->has_side_catalog)
        return true;
    struct str prefix = name_child_prefix(r->name, d->arena);
    struct str texts[] = { r->schema, r->name, prefix };
    if (!prefix.p)
        return err_oom(d->err);
    if (!ddl_sql_texts(d,
                       "DELETE FROM _pgd1_catalog WHERE schema = ?1 AND (kind = 'table' AND name = ?2"
                       " OR kind IN ('column', 'constraint') AND substr(name, 1, length(?3)) = ?3)",
                       texts, 3))
        return false;
    for (size_t i = 0; i < r->n_indexes; i++)
        if (!ddl_side_delete(d, "index", r->schema, r->indexes[i].name))
            return false;
    return forget_sequences(d, r);
}

/* The side tables come into being before the first row for them. */
static bool prepend_side_tables(struct ddl *d)
{
    static const char *const creates[] = { SIDE_CATALOG_CREATE, SIDE_SEQUENCE_CREATE };
    bool wanted[] = { d->side_used && !d->snapshot->has_side_catalog,
                      d->sequence_used && !d->snapshot->has_sequence_table };
    size_t n = (size_t)wanted[0] + wanted[1], old = d->plan->n_statements, at = 0;
    if (n == 0)
        return true;
    struct plan_statement *all = DDL_ARRAY(d, struct plan_statement, old + n);
    if (!all)
        return false;
    for (size_t i = 0; i < 2; i++)
        if (wanted[i])
            all[at++] = (struct plan_statement){ .sql = str_from(creates[i]), .role = STATEMENT_HELPER };
    memcpy(all + at, d->plan->statements, old * sizeof(*all));
    d->plan->statements = all;
    d->plan->n_statements = old + n;
    return true;
}

/* ---- dispatch ---- */
static bool refuse_temporary_view(struct ddl *d, const PgQuery__RangeVar *view)
{
    return !d->temporary || ddl_refuse(d, view->location, "Use CREATE TEMP TABLE … AS.", "a temporary view");
}

/* Of no effect on D1 (accepted.def). */
static bool accept(struct ddl *d, const Node *node, bool *ret_handled)
{
    const struct accepted *row = accepted_find(node->node_case);
    *ret_handled = row && row->is_accepted;
    return *ret_handled ? ddl_nothing(d, row->name) : true;
}

static bool dispatch(struct ddl *d, const Node *node, bool *ret_handled)
{
    *ret_handled = true;
    switch (node->node_case) {
    case PG_QUERY__NODE__NODE_CREATE_STMT:
        return ddl_create_table(d, node->create_stmt);
    case PG_QUERY__NODE__NODE_CREATE_TABLE_AS_STMT:
        return ddl_create_table_as(d, node->create_table_as_stmt);
    case PG_QUERY__NODE__NODE_SELECT_STMT:
        if (ddl_is_annotate(node->select_stmt))
            return ddl_annotate(d, node->select_stmt);
        return ddl_select_into(d, node);
    case PG_QUERY__NODE__NODE_VIEW_STMT:
        return refuse_temporary_view(d, node->view_stmt->view) && ddl_create_view(d, node->view_stmt);
    case PG_QUERY__NODE__NODE_INDEX_STMT:
        return ddl_create_index(d, node->index_stmt);
    case PG_QUERY__NODE__NODE_DROP_STMT:
        return ddl_drop(d, node->drop_stmt);
    case PG_QUERY__NODE__NODE_TRUNCATE_STMT:
        return ddl_truncate(d, node->truncate_stmt);
    case PG_QUERY__NODE__NODE_ALTER_TABLE_STMT:
        return ddl_alter_table(d, node->alter_table_stmt);
    case PG_QUERY__NODE__NODE_RENAME_STMT:
        return ddl_rename(d, node->rename_stmt);
    case PG_QUERY__NODE__NODE_CREATE_SEQ_STMT:
        return ddl_create_sequence(d, node->create_seq_stmt);
    case PG_QUERY__NODE__NODE_ALTER_SEQ_STMT:
        return ddl_alter_sequence(d, node->alter_seq_stmt);
    case PG_QUERY__NODE__NODE_CREATE_ENUM_STMT:
        return ddl_create_enum(d, node->create_enum_stmt);
    case PG_QUERY__NODE__NODE_ALTER_ENUM_STMT:
        return ddl_alter_enum(d, node->alter_enum_stmt);
    case PG_QUERY__NODE__NODE_CREATE_DOMAIN_STMT:
        return ddl_create_domain(d, node->create_domain_stmt);
    case PG_QUERY__NODE__NODE_ALTER_DOMAIN_STMT:
        return ddl_alter_domain(d, node->alter_domain_stmt);
    case PG_QUERY__NODE__NODE_CONSTRAINTS_SET_STMT:
        return ddl_set_constraints(d, node->constraints_set_stmt);
    case PG_QUERY__NODE__NODE_CREATE_SCHEMA_STMT:
        return ddl_create_schema(d, node->create_schema_stmt);
    case PG_QUERY__NODE__NODE_CREATE_EXTENSION_STMT:
        return ddl_create_extension(d, node->create_extension_stmt);
    case PG_QUERY__NODE__NODE_ALTER_EXTENSION_STMT:
        return ddl_alter_extension(d, node->alter_extension_stmt);
    case PG_QUERY__NODE__NODE_COMMENT_STMT:
        return ddl_comment(d, node->comment_stmt);
    case PG_QUERY__NODE__NODE_ALTER_OWNER_STMT:
        return ddl_owner_to(d, node->alter_owner_stmt);
    case PG_QUERY__NODE__NODE_VACUUM_STMT:
        return ddl_vacuum(d, node->vacuum_stmt);
    case PG_QUERY__NODE__NODE_REINDEX_STMT:
        return ddl_reindex(d, node->reindex_stmt);
    case PG_QUERY__NODE__NODE_CLUSTER_STMT:
        return ddl_cluster(d, node->cluster_stmt);
    case PG_QUERY__NODE__NODE_GRANT_STMT:
        return ddl_grant(d, node->grant_stmt, ret_handled);
    case PG_QUERY__NODE__NODE_ALTER_DEFAULT_PRIVILEGES_STMT:
        return ddl_default_privileges(d, node->alter_default_privileges_stmt, ret_handled);
    case PG_QUERY__NODE__NODE_LOCK_STMT:
        return ddl_lock(d, node->lock_stmt);
    case PG_QUERY__NODE__NODE_ALTER_OBJECT_SCHEMA_STMT:
        return ddl_set_schema(d, node->alter_object_schema_stmt);
    case PG_QUERY__NODE__NODE_COMPOSITE_TYPE_STMT:
        return ddl_refuse(d, -1, "Use a jsonb column, or columns of their own.", "a composite type");
    case PG_QUERY__NODE__NODE_CREATE_RANGE_STMT:
        return ddl_refuse(d, -1, NULL, "a range type");
    case PG_QUERY__NODE__NODE_DEFINE_STMT:
        return ddl_refuse(d, -1, NULL, "CREATE TYPE, AGGREGATE, OPERATOR or COLLATION of this kind");
    default:
        return accept(d, node, ret_handled);
    }
}

bool ddl_plan(struct ddl_context *c, const PgQuery__Node *node, struct plan *plan, bool *ret_handled)
{
    struct ddl d = {
        .snapshot = c->snapshot, .settings = c->settings, .arena = plan->arena, .plan = plan, .err = c->err
    };
    d.analyze = (struct analyze_context){ .snapshot = c->snapshot,
                                          .settings = c->settings,
                                          .arena = plan->arena,
                                          .text = c->text,
                                          .warned = plan,
                                          .err = c->err };
    plan->kind = PLAN_DDL;
    plan->place = PLACE_D1;
    plan->access = D1_WRITE;
    return ddl_check_databases(&d, node) && ddl_see_temporary(&d, node) && dispatch(&d, node, ret_handled) &&
           prepend_side_tables(&d);
}
