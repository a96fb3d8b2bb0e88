/*
 * ddl_annotate.c - SELECT pgd1.annotate('table.column', 'type' [, 'storage']): says what a column of a database made elsewhere holds.
 *
 * Nothing in the table changes; the column's row of the side catalogue does. Type NULL takes it back. The statement is recognized by
 * its form: alone in a SELECT, with literals.
 */
#include "proxy/catalog/declared_type.h"
#include "proxy/catalog/reg_names.h"
#include "proxy/catalog/sqlite_ddl.h"
#include "proxy/catalog/system.h"
#include "proxy/sql/ddl_internal.h"

static const PgQuery__FuncCall *the_call(const PgQuery__SelectStmt *s)
{
    if (s->n_target_list != 1 || s->n_from_clause || s->where_clause || s->op != PG_QUERY__SET_OPERATION__SETOP_NONE ||
        s->n_values_lists || s->with_clause)
        return NULL;
    const Node *target = s->target_list[0];
    const Node *value = target->node_case == PG_QUERY__NODE__NODE_RES_TARGET ? target->res_target->val : NULL;
    return value && value->node_case == PG_QUERY__NODE__NODE_FUNC_CALL ? value->func_call : NULL;
}

bool ddl_is_annotate(const PgQuery__SelectStmt *select)
{
    const PgQuery__FuncCall *call = the_call(select);
    return call && call->n_funcname == 2 && str_is(ddl_string(call->funcname[0]), "pgd1") &&
           str_is(ddl_string(call->funcname[1]), "annotate");
}

/* A literal's text; NULL gives {NULL,0}. */
static bool argument(struct ddl *d, const PgQuery__FuncCall *call, size_t i, struct str *ret)
{
    *ret = (struct str){ 0 };
    if (i >= call->n_args)
        return true;
    const Node *n = call->args[i];
    if (n->node_case == PG_QUERY__NODE__NODE_TYPE_CAST)
        n = n->type_cast->arg;
    if (n->node_case != PG_QUERY__NODE__NODE_A_CONST)
        return ddl_refuse(d, call->location, "Write literals.", "pgd1.annotate() of anything but literals");
    if (n->a_const->isnull)
        return true;
    if (n->a_const->val_case != PG_QUERY__A__CONST__VAL_SVAL)
        return ddl_fail_at(d, call->location, SQLSTATE_INVALID_PARAMETER_VALUE,
                           "pgd1.annotate() takes a column, a type and a storage, as texts");
    *ret = str_from(n->a_const->sval->sval);
    return true;
}

/* A name as PostgreSQL reads it: small letters unless quoted. */
static struct str part_name(struct ddl *d, struct sqlite_token token)
{
    struct str name = sqlite_token_value(token, d->arena);
    if (token.kind != SQLITE_TOKEN_WORD)
        return name;
    char *lower = arena_cstr(d->arena, name);
    for (char *p = lower; p && *p; p++)
        if (*p >= 'A' && *p <= 'Z')
            *p = (char)(*p - 'A' + 'a');
    return (struct str){ lower, lower ? name.n : 0 };
}

/* [schema.]table.column */
static bool find_column(struct ddl *d, struct str text, const struct relation **ret_relation, const struct column **ret)
{
    struct str parts[3];
    size_t n = 0, at = 0;
    for (struct sqlite_token t = sqlite_token_next(text, &at); n < 3; t = sqlite_token_next(text, &at)) {
        bool is_name = t.kind == SQLITE_TOKEN_WORD || t.kind == SQLITE_TOKEN_QUOTED;
        if (!is_name)
            break;
        parts[n++] = part_name(d, t);
        t = sqlite_token_next(text, &at);
        if (t.kind == SQLITE_TOKEN_END || t.text.p[0] != '.')
            break;
    }
    if (n < 2 || at < text.n)
        return err_set(d->err, SQLSTATE_INVALID_NAME, "\"%.*s\" is no name of the form table.column", STR_FMT(text));
    struct str schema = n == 3 ? parts[0] : STR(""), table = parts[n - 2], column = parts[n - 1];
    *ret_relation = snapshot_relation(d->snapshot, d->settings->search_path, d->settings->n_search_path, schema, table);
    if (!*ret_relation || (*ret_relation)->is_system)
        return err_set(d->err, SQLSTATE_UNDEFINED_TABLE, "relation \"%.*s\" does not exist", STR_FMT(table));
    if ((*ret_relation)->kind != RELATION_TABLE)
        return err_set(d->err, SQLSTATE_WRONG_OBJECT_TYPE, "\"%.*s\" is not a table", STR_FMT(table));
    *ret = relation_column(*ret_relation, column);
    return *ret || err_set(d->err, SQLSTATE_UNDEFINED_COLUMN, "column \"%.*s\" of relation \"%.*s\" does not exist",
                           STR_FMT(column), STR_FMT(table));
}

static bool is_time(oid_t type)
{
    return type == TYPE_OID_timestamp || type == TYPE_OID_timestamptz;
}

/* Others write it in several forms; as text it is promised to have pgd1's. */
static bool is_loose(oid_t type)
{
    return type == TYPE_OID_date || type == TYPE_OID_time || type == TYPE_OID_uuid || type == TYPE_OID_bpchar;
}

static const struct storage_word {
    const char *word;
    bool is_unix;
} storage_words[] = {
    { "text", false }, { "datetime", false }, { "unixepoch", true }, { "unixms", true }, { "unixus", true }
};

/* Whether cells of that affinity can be what is said of them: D1 compares them by their class. */
static bool fits_affinity(const struct type_info *type, enum sqlite_affinity affinity,
                          const struct storage_word *storage)
{
    if (storage && storage->is_unix)
        return affinity != AFFINITY_TEXT;
    switch (type->storage) {
    case STORAGE_INTEGER:
        return affinity == AFFINITY_INTEGER || affinity == AFFINITY_NUMERIC || affinity == AFFINITY_BLOB;
    case STORAGE_REAL:
        return affinity == AFFINITY_REAL || affinity == AFFINITY_NUMERIC || affinity == AFFINITY_BLOB;
    case STORAGE_NUMERIC:
        return affinity != AFFINITY_REAL;
    case STORAGE_BLOB:
        return affinity == AFFINITY_BLOB;
    case STORAGE_TEXT: /* a time is never taken for a number */
        return affinity == AFFINITY_TEXT || affinity == AFFINITY_BLOB ||
               (affinity == AFFINITY_NUMERIC && (is_time(type->oid) || is_loose(type->oid)));
    }
    return false;
}

static bool check_storage(struct ddl *d, const struct relation *r, const struct column *c, oid_t type,
                          struct str storage, const struct storage_word **ret)
{
    int32_t typmod = -1;
    const struct type_info *base = type_find(snapshot_base_type(d->snapshot, type, &typmod));
    struct sqlite_table table;
    struct str declared = STR("");
    *ret = NULL;
    for (size_t i = 0; storage.n && i < sizeof(storage_words) / sizeof(storage_words[0]); i++)
        if (str_is(storage, storage_words[i].word))
            *ret = &storage_words[i];
    bool is_text = *ret && str_is(storage, "text");
    bool takes = base && (is_time(base->oid) || (base->oid == TYPE_OID_date && *ret && (*ret)->is_unix) ||
                          (is_text && is_loose(base->oid)));
    if (storage.n && (!*ret || !takes)) {
        err_set(d->err, SQLSTATE_INVALID_PARAMETER_VALUE, "storage \"%.*s\" is not one of this type", STR_FMT(storage));
        return err_hint(d->err, "timestamp and timestamptz may be text, datetime, unixepoch, unixms or unixus; date "
                                "text or one of the last three; time, uuid and char text.");
    }
    if (sqlite_parse_table(r->sqlite_sql, d->arena, &table))
        for (const struct sqlite_column *k = table.columns; k; k = k->next)
            declared = str_eq(k->name, c->name) ? k->declared : declared;
    if (base && fits_affinity(base, sqlite_affinity_of(declared), *ret))
        return true;
    err_unsupported(d->err, "a column declared %.*s as %.*s", STR_FMT(declared.n ? declared : STR("without a type")),
                    STR_FMT(snapshot_format_type(d->snapshot, type, -1, d->arena)));
    return err_hint(d->err,
                    "SQLite compares and changes such values in another way. Copy them into a column of that type.");
}

/* The row that the SELECT gives: void. */
static bool give_row(struct ddl *d)
{
    struct plan_statement *s = ddl_add(d, STR("SELECT '' AS c0"));
    d->plan->columns = DDL_ARRAY(d, struct plan_column, 1);
    if (!s || !d->plan->columns)
        return false;
    s->role = STATEMENT_MAIN;
    s->gives_rows = true;
    s->n_columns = 1;
    d->plan->columns[0] = (struct plan_column){
        .name = STR("annotate"), .type = TYPE_OID_void, .codec_type = TYPE_OID_text, .typmod = -1, .codec_typmod = -1
    };
    d->plan->n_columns = 1;
    d->plan->tag = "SELECT";
    d->plan->tag_has_count = true;
    return true;
}

static bool find_type(struct ddl *d, struct str name, oid_t *ret)
{
    struct system_source source = { .snapshot = d->snapshot };
    if (memchr(name.p, '(', name.n))
        return ddl_refuse(d, -1, "Name the type alone.", "a length or precision in pgd1.annotate()");
    return reg_find(&source, d->settings->search_path, d->settings->n_search_path, TYPE_OID_regtype, name, d->arena,
                    ret, d->err) &&
           ddl_check_type(d, *ret, (struct str){ 0 }, -1);
}

bool ddl_annotate(struct ddl *d, const PgQuery__SelectStmt *select)
{
    const PgQuery__FuncCall *call = the_call(select);
    struct str where, type_name, storage;
    const struct relation *relation;
    const struct column *column;
    const struct storage_word *word = NULL;
    oid_t type = 0;
    if (call->n_args < 2 || call->n_args > 3)
        return ddl_fail_at(d, call->location, SQLSTATE_UNDEFINED_FUNCTION,
                           "function pgd1.annotate() takes a column, a type and perhaps a storage");
    if (!argument(d, call, 0, &where) || !argument(d, call, 1, &type_name) || !argument(d, call, 2, &storage) ||
        !find_column(d, where, &relation, &column))
        return false;
    if (type_name.p && (!find_type(d, type_name, &type) || !check_storage(d, relation, column, type, storage, &word)))
        return false;
    cJSON *detail = cJSON_CreateObject();
    if (!detail)
        return err_oom(d->err);
    if (type)
        ddl_side_type(d, detail, "type", "type_schema", type, -1);
    else
        cJSON_AddNullToObject(detail, "type");
    if (word)
        cJSON_AddStringToObject(detail, "storage", str_is(storage, "text") ? "natural" : word->word);
    else
        cJSON_AddNullToObject(detail, "storage");
    return ddl_side_put_child(d, "column", relation->schema, relation->name, column->name, detail) && give_row(d);
}
