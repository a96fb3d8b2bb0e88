/*
 * ddl_missing.c - DROP, COMMENT and ALTER of kinds of objects that users cannot make here; see ddl_internal.h.
 *
 * Most often such an object is not there, and PostgreSQL's answer to that is the right one: 42704, or with IF EXISTS a NOTICE. Where it is
 * there (PostgreSQL's own functions and languages, triggers made in SQLite's words) the statement is refused.
 */
#include "proxy/sql/ddl_internal.h"

#include "proxy/catalog/names.h"
#include "proxy/catalog/system_rows.h"

enum missing_form { FORM_ROUTINE, FORM_OF_RELATION, FORM_NAME };

struct missing_kind {
    PgQuery__ObjectType object;
    enum missing_form form;
    const char *tag, *word; /* `DROP FUNCTION`, `function` */
    const char *relation;   /* of pg_catalog, whose rows are those of every server; NULL: there are none */
};

#define KIND(object, form, tag, word, relation)                                                                        \
    {                                                                                                                  \
        PG_QUERY__OBJECT_TYPE__OBJECT_##object, FORM_##form, "DROP " tag, word, relation                               \
    }
static const struct missing_kind kinds[] = {
    KIND(ACCESS_METHOD, NAME, "ACCESS METHOD", "access method", "pg_am"),
    KIND(AGGREGATE, ROUTINE, "AGGREGATE", "aggregate", NULL),
    KIND(COLLATION, NAME, "COLLATION", "collation", "pg_collation"),
    KIND(CONVERSION, NAME, "CONVERSION", "conversion", "pg_conversion"),
    KIND(EVENT_TRIGGER, NAME, "EVENT TRIGGER", "event trigger", NULL),
    KIND(FDW, NAME, "FOREIGN DATA WRAPPER", "foreign-data wrapper", NULL),
    KIND(FOREIGN_SERVER, NAME, "SERVER", "server", NULL),
    KIND(FUNCTION, ROUTINE, "FUNCTION", "function", NULL),
    KIND(LANGUAGE, NAME, "LANGUAGE", "language", "pg_language"),
    KIND(POLICY, OF_RELATION, "POLICY", "policy", NULL),
    KIND(PROCEDURE, ROUTINE, "PROCEDURE", "procedure", NULL),
    KIND(PUBLICATION, NAME, "PUBLICATION", "publication", NULL),
    KIND(ROUTINE, ROUTINE, "ROUTINE", "routine", NULL),
    KIND(RULE, OF_RELATION, "RULE", "rule", NULL),
    KIND(STATISTIC_EXT, NAME, "STATISTICS", "statistics object", NULL),
    KIND(TABLESPACE, NAME, "TABLESPACE", "tablespace", "pg_tablespace"),
    KIND(TRIGGER, OF_RELATION, "TRIGGER", "trigger", NULL),
    KIND(TSCONFIGURATION, NAME, "TEXT SEARCH CONFIGURATION", "text search configuration", "pg_ts_config"),
    KIND(TSDICTIONARY, NAME, "TEXT SEARCH DICTIONARY", "text search dictionary", "pg_ts_dict"),
    KIND(TSPARSER, NAME, "TEXT SEARCH PARSER", "text search parser", "pg_ts_parser"),
    KIND(TSTEMPLATE, NAME, "TEXT SEARCH TEMPLATE", "text search template", "pg_ts_template"),
};
#undef KIND

static const struct missing_kind *kind_of(PgQuery__ObjectType object)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (kinds[i].object == object)
            return &kinds[i];
    return NULL;
}

/* ---- whether it is there ---- */
/* A row of the fixed ones whose second column, the name in all of these relations, is this. */
static bool is_fixed(const char *relation, struct str name)
{
    const struct relation *r = relation ? system_relation(STR("pg_catalog"), str_from(relation)) : NULL;
    struct value **fixed = NULL;
    size_t n = 0;
    if (!r || !fixed_rows(r, &fixed, &n))
        return false;
    for (size_t i = 0; i < n; i++)
        if (str_eq(fixed[i][1].bytes, name))
            return true;
    return false;
}

static bool has_trigger(const struct ddl *d, const struct relation *r, struct str name)
{
    for (size_t i = 0; i < d->snapshot->n_objects && r->has_user_triggers; i++)
        if (str_is(d->snapshot->objects[i].type, "trigger") && str_eq(d->snapshot->objects[i].name, name))
            return true;
    return false;
}

/* ---- words ---- */
/* The types in parentheses: as PostgreSQL spells them, or (parsed) as its grammar keeps them. False: one of them is not there. */
static bool argument_list(struct ddl *d, const PgQuery__ObjectWithArgs *object, bool parsed, struct str *ret)
{
    struct str list = STR("");
    for (size_t i = 0; i < object->n_objargs; i++) {
        const PgQuery__TypeName *type = object->objargs[i]->type_name;
        struct str word = STR("");
        oid_t oid;
        int32_t typmod;
        for (size_t k = 0; type && parsed && k < type->n_names; k++)
            word = ddl_printf(d, "%.*s%s%.*s", STR_FMT(word), k ? "." : "", STR_FMT(ddl_string(type->names[k])));
        if (type && !parsed) {
            if (!analyze_type_name(&d->analyze, type, &oid, &typmod, NULL))
                return false;
            word = snapshot_format_type(d->snapshot, oid, -1, d->arena);
        } else if (type && type->n_array_bounds) {
            word = ddl_printf(d, "%.*s[]", STR_FMT(word));
        }
        list = ddl_printf(d, "%.*s%s%.*s", STR_FMT(list), i ? parsed ? "," : ", " : "", STR_FMT(word));
    }
    *ret = list;
    return true;
}

static struct str joined(struct ddl *d, Node *const *names, size_t n)
{
    struct str all = STR("");
    for (size_t i = 0; i < n; i++)
        all = ddl_printf(d, "%.*s%s%.*s", STR_FMT(all), i ? "." : "", STR_FMT(ddl_string(names[i])));
    return all;
}

/* ---- IF EXISTS ---- */
bool ddl_skips_schema(struct ddl *d, struct str schema)
{
    if (!schema.n || ddl_schema_exists(d, schema))
        return false;
    ddl_notice(d, SQLSTATE_SUCCESSFUL_COMPLETION, "schema \"%.*s\" does not exist, skipping", STR_FMT(schema));
    return true;
}

static bool skips_schema_of(struct ddl *d, Node *const *names, size_t n)
{
    return n > 1 && ddl_skips_schema(d, ddl_string(names[n - 2]));
}

/* type_in_list_does_not_exist_skipping() */
static bool skips_type(struct ddl *d, const PgQuery__ObjectWithArgs *object)
{
    oid_t oid;
    int32_t typmod;
    for (size_t i = 0; i < object->n_objargs; i++) {
        const PgQuery__TypeName *type = object->objargs[i]->type_name;
        if (!type || analyze_type_name(&d->analyze, type, &oid, &typmod, NULL))
            continue;
        err_clear(d->err);
        if (!skips_schema_of(d, type->names, type->n_names))
            ddl_notice(d, SQLSTATE_SUCCESSFUL_COMPLETION, "type \"%.*s\" does not exist, skipping",
                       STR_FMT(joined(d, type->names, type->n_names)));
        return true;
    }
    return false;
}

/* ---- the three forms: true when it is there, or only a NOTICE was due (*ret_there false) ---- */
static bool look_for_routine(struct ddl *d, const struct missing_kind *kind, const PgQuery__ObjectWithArgs *object,
                             bool missing_ok, bool *ret_there)
{
    size_t n;
    struct str name = joined(d, object->objname, object->n_objname), list;
    *ret_there = pg_procs_by_name(ddl_string(object->objname[object->n_objname - 1]), &n) != NULL;
    if (*ret_there)
        return true;
    if (missing_ok && (skips_schema_of(d, object->objname, object->n_objname) || skips_type(d, object)))
        return true;
    if (!argument_list(d, object, missing_ok, &list))
        return false;
    if (missing_ok)
        return ddl_notice(d, SQLSTATE_SUCCESSFUL_COMPLETION, "%s %.*s(%.*s) does not exist, skipping", kind->word,
                          STR_FMT(name), STR_FMT(list)),
               true;
    if (object->args_unspecified)
        return ddl_fail_at(d, -1, SQLSTATE_UNDEFINED_FUNCTION, "could not find %s %s named \"%.*s\"",
                           kind->form == FORM_ROUTINE && kind->word[0] == 'a' ? "an" : "a", kind->word, STR_FMT(name));
    if (kind->object == PG_QUERY__OBJECT_TYPE__OBJECT_AGGREGATE && !list.n)
        list = STR("*");
    return ddl_fail_at(d, -1, SQLSTATE_UNDEFINED_FUNCTION, "%s %.*s(%.*s) does not exist", kind->word, STR_FMT(name),
                       STR_FMT(list));
}

static bool look_in_relation(struct ddl *d, const struct missing_kind *kind, const PgQuery__List *list, bool missing_ok,
                             bool *ret_there)
{
    struct str schema, relation, name = ddl_string(list->items[list->n_items - 1]);
    *ret_there = false;
    if (!ddl_names(d, list->items, list->n_items - 1, &schema, &relation))
        return false;
    const struct relation *r =
        snapshot_relation(d->snapshot, d->settings->search_path, d->settings->n_search_path, schema, relation);
    if (!r && !missing_ok)
        return ddl_no_relation(d, schema, relation);
    if (!r && ddl_skips_schema(d, schema))
        return true;
    if (!r)
        return ddl_notice(d, SQLSTATE_SUCCESSFUL_COMPLETION, "relation \"%.*s\" does not exist, skipping",
                          STR_FMT(relation)),
               true;
    *ret_there = kind->object == PG_QUERY__OBJECT_TYPE__OBJECT_TRIGGER && has_trigger(d, r, name);
    if (*ret_there)
        return true;
    if (missing_ok)
        return ddl_notice(d, SQLSTATE_SUCCESSFUL_COMPLETION,
                          "%s \"%.*s\" for relation \"%.*s\" does not exist, skipping", kind->word, STR_FMT(name),
                          STR_FMT(r->name)),
               true;
    return ddl_fail_at(d, -1, SQLSTATE_UNDEFINED_OBJECT, "%s \"%.*s\" for %s \"%.*s\" does not exist", kind->word,
                       STR_FMT(name), kind->object == PG_QUERY__OBJECT_TYPE__OBJECT_RULE ? "relation" : "table",
                       STR_FMT(r->name));
}

static bool look_for_name(struct ddl *d, const struct missing_kind *kind, const Node *object, bool missing_ok,
                          bool *ret_there)
{
    bool is_list = object->node_case == PG_QUERY__NODE__NODE_LIST;
    struct str name = is_list ? joined(d, object->list->items, object->list->n_items) : ddl_string(object);
    *ret_there = is_fixed(kind->relation, is_list ? ddl_string(object->list->items[object->list->n_items - 1]) : name);
    if (*ret_there)
        return true;
    if (missing_ok && is_list && skips_schema_of(d, object->list->items, object->list->n_items))
        return true;
    if (missing_ok)
        return ddl_notice(d, SQLSTATE_SUCCESSFUL_COMPLETION, "%s \"%.*s\" does not exist, skipping", kind->word,
                          STR_FMT(name)),
               true;
    bool encoded = kind->object == PG_QUERY__OBJECT_TYPE__OBJECT_COLLATION;
    return ddl_fail_at(d, -1, SQLSTATE_UNDEFINED_OBJECT, "%s \"%.*s\"%s does not exist", kind->word, STR_FMT(name),
                       encoded ? " for encoding \"UTF8\"" : "");
}

static bool look_for(struct ddl *d, const struct missing_kind *kind, const Node *object, bool missing_ok,
                     bool *ret_there)
{
    switch (kind->form) {
    case FORM_ROUTINE:
        return look_for_routine(d, kind, object->object_with_args, missing_ok, ret_there);
    case FORM_OF_RELATION:
        return look_in_relation(d, kind, object->list, missing_ok, ret_there);
    case FORM_NAME:
        break;
    }
    return look_for_name(d, kind, object, missing_ok, ret_there);
}

/* ---- what others ask ---- */
bool ddl_no_relation(struct ddl *d, struct str schema, struct str name)
{
    if (schema.n && !ddl_schema_exists(d, schema))
        return ddl_fail_at(d, -1, SQLSTATE_INVALID_SCHEMA_NAME, "schema \"%.*s\" does not exist", STR_FMT(schema));
    return ddl_fail_at(d, -1, SQLSTATE_UNDEFINED_TABLE, "relation \"%.*s%s%.*s\" does not exist", STR_FMT(schema),
                       schema.n ? "." : "", STR_FMT(name));
}

bool ddl_no_type(struct ddl *d, struct str schema, struct str name)
{
    if (schema.n && !ddl_schema_exists(d, schema))
        return ddl_fail_at(d, -1, SQLSTATE_INVALID_SCHEMA_NAME, "schema \"%.*s\" does not exist", STR_FMT(schema));
    return ddl_fail_at(d, -1, SQLSTATE_UNDEFINED_OBJECT, "type \"%.*s%s%.*s\" does not exist", STR_FMT(schema),
                       schema.n ? "." : "", STR_FMT(name));
}

bool ddl_missing(struct ddl *d, PgQuery__ObjectType object, const Node *name)
{
    const struct missing_kind *kind = kind_of(object);
    bool there;
    return !kind || look_for(d, kind, name, false, &there);
}

bool ddl_drop_missing(struct ddl *d, const PgQuery__DropStmt *stmt)
{
    const struct missing_kind *kind = kind_of(stmt->remove_type);
    for (size_t i = 0; kind && i < stmt->n_objects; i++) {
        bool there;
        if (!look_for(d, kind, stmt->objects[i], stmt->missing_ok, &there))
            return false;
        if (there)
            return ddl_refuse(d, -1,
                              kind->object == PG_QUERY__OBJECT_TYPE__OBJECT_TRIGGER
                                  ? "SET pgd1.dialect = 'sqlite' drops SQLite's triggers."
                                  : NULL,
                              "%s", kind->tag);
    }
    return kind ? ddl_nothing(d, kind->tag) : ddl_refuse(d, -1, NULL, "DROP of this kind of object");
}
