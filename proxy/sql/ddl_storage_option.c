/* ddl_storage_option.c - WITH (fillfactor = 70, …): storage parameters mean nothing to D1, but must be right; see ddl_internal.h. */
#include <math.h>
#include <stdlib.h>

#include "proxy/sql/ddl_internal.h"
#include "proxy/sql/utility_option.h"

enum storage_kind { STORAGE_FLAG, STORAGE_NUMBER, STORAGE_FRACTION, STORAGE_WORD };

/* PostgreSQL's reloptions.c: what tables take, and what their TOAST tables do. */
static const struct storage_option {
    const char *name;
    enum storage_kind kind;
    bool toast;
    double min, max;
} storage_options[] = {
    { "autovacuum_analyze_scale_factor", STORAGE_FRACTION, false, 0, 100 },
    { "autovacuum_analyze_threshold", STORAGE_NUMBER, false, 0, INT32_MAX },
    { "autovacuum_enabled", STORAGE_FLAG, true, 0, 0 },
    { "autovacuum_freeze_max_age", STORAGE_NUMBER, true, 100000, 2000000000 },
    { "autovacuum_freeze_min_age", STORAGE_NUMBER, true, 0, 1000000000 },
    { "autovacuum_freeze_table_age", STORAGE_NUMBER, true, 0, 2000000000 },
    { "autovacuum_multixact_freeze_max_age", STORAGE_NUMBER, true, 10000, 2000000000 },
    { "autovacuum_multixact_freeze_min_age", STORAGE_NUMBER, true, 0, 1000000000 },
    { "autovacuum_multixact_freeze_table_age", STORAGE_NUMBER, true, 0, 2000000000 },
    { "autovacuum_vacuum_cost_delay", STORAGE_FRACTION, true, 0, 100 },
    { "autovacuum_vacuum_cost_limit", STORAGE_NUMBER, true, 1, 10000 },
    { "autovacuum_vacuum_insert_scale_factor", STORAGE_FRACTION, true, 0, 100 },
    { "autovacuum_vacuum_insert_threshold", STORAGE_NUMBER, true, -1, INT32_MAX },
    { "autovacuum_vacuum_scale_factor", STORAGE_FRACTION, true, 0, 100 },
    { "autovacuum_vacuum_threshold", STORAGE_NUMBER, true, 0, INT32_MAX },
    { "fillfactor", STORAGE_NUMBER, false, 10, 100 },
    { "log_autovacuum_min_duration", STORAGE_NUMBER, true, -1, INT32_MAX },
    { "parallel_workers", STORAGE_NUMBER, false, 0, 1024 },
    { "toast_tuple_target", STORAGE_NUMBER, false, 128, 8160 },
    { "user_catalog_table", STORAGE_FLAG, false, 0, 0 },
    { "vacuum_index_cleanup", STORAGE_WORD, true, 0, 0 },
    { "vacuum_truncate", STORAGE_FLAG, true, 0, 0 },
};

static const struct storage_option *find(const char *name, bool toast)
{
    for (size_t i = 0; i < sizeof(storage_options) / sizeof(storage_options[0]); i++)
        if (strcmp(storage_options[i].name, name) == 0 && (!toast || storage_options[i].toast))
            return &storage_options[i];
    return NULL;
}

static bool invalid(struct ddl *d, const char *kind, const char *name, struct str value)
{
    return ddl_fail_at(d, -1, SQLSTATE_INVALID_PARAMETER_VALUE, "invalid value for %s option \"%s\": %.*s", kind, name,
                       STR_FMT(value));
}

static bool check_range(struct ddl *d, const struct storage_option *o, struct str value, double given)
{
    if (given >= o->min && given <= o->max)
        return true;
    ddl_fail_at(d, -1, SQLSTATE_INVALID_PARAMETER_VALUE, "value %.*s out of bounds for option \"%s\"", STR_FMT(value),
                o->name);
    return o->kind == STORAGE_FRACTION
               ? err_detail(d->err, "Valid values are between \"%f\" and \"%f\".", o->min, o->max)
               : err_detail(d->err, "Valid values are between \"%.0f\" and \"%.0f\".", o->min, o->max);
}

bool ddl_is_boolean(struct ddl *d, struct str text)
{
    struct value ignored;
    struct err none;
    err_init(&none, d->arena);
    return type_decode(TYPE_OID_bool, WIRE_TEXT, text, d->settings->types, d->arena, &ignored, &none);
}

static bool check_value(struct ddl *d, const struct storage_option *o, struct str value)
{
    const char *text = arena_cstr(d->arena, value);
    char *end;
    if (!text)
        return err_oom(d->err);
    if (o->kind == STORAGE_FLAG)
        return ddl_is_boolean(d, value) || invalid(d, "boolean", o->name, value);
    if (o->kind == STORAGE_WORD)
        return ddl_is_boolean(d, value) || str_eq_nocase(value, STR("auto")) || invalid(d, "enum", o->name, value);
    double number = strtod(text, &end);
    bool bad = end == text || *end || isnan(number);
    if (o->kind == STORAGE_FRACTION)
        return bad ? invalid(d, "floating point", o->name, value) : check_range(d, o, value, number);
    number = rint(number);
    if (bad || number > INT32_MAX || number < INT32_MIN)
        return invalid(d, "integer", o->name, value);
    return check_range(d, o, value, number);
}

static bool option_value(struct ddl *d, const PgQuery__DefElem *option, struct str *ret)
{
    *ret = STR("true");
    return !option->arg || utility_option_text(option, d->arena, ret, d->err);
}

/* WITH (oids = false) is what everything has. */
static bool check_oids(struct ddl *d, const PgQuery__DefElem *option)
{
    bool wanted = true;
    if (option->arg && !utility_option_flag(option, d->arena, &wanted, d->err))
        return false;
    return !wanted || ddl_fail_at(d, -1, SQLSTATE_FEATURE_NOT_SUPPORTED, "tables declared WITH OIDS are not supported");
}

static bool is_named(const PgQuery__DefElem *option, const char *space)
{
    return option->defnamespace && strcmp(option->defnamespace, space) == 0;
}

static bool is_oids(const PgQuery__DefElem *option)
{
    return is_named(option, "") && strcmp(option->defname, "oids") == 0;
}

static bool check_repeated(struct ddl *d, Node *const *options, size_t at)
{
    const PgQuery__DefElem *option = options[at]->def_elem;
    for (size_t k = 0; k < at; k++)
        if (strcmp(options[k]->def_elem->defname, option->defname) == 0 &&
            is_named(options[k]->def_elem, option->defnamespace))
            return ddl_fail_at(d, -1, SQLSTATE_INVALID_PARAMETER_VALUE, "parameter \"%s\" specified more than once",
                               option->defname);
    return true;
}

bool ddl_check_storage_options(struct ddl *d, Node *const *options, size_t n, bool creates)
{
    struct str value;
    for (size_t i = 0; i < n; i++) {
        const PgQuery__DefElem *option = options[i]->def_elem;
        if (!is_named(option, "") && !is_named(option, "toast"))
            return ddl_fail_at(d, -1, SQLSTATE_INVALID_PARAMETER_VALUE, "unrecognized parameter namespace \"%s\"",
                               option->defnamespace);
        if (creates && is_oids(option) && !check_oids(d, option))
            return false;
    }
    for (size_t i = 0; i < n; i++) {
        const PgQuery__DefElem *option = options[i]->def_elem;
        if (creates && is_oids(option))
            continue;
        const struct storage_option *o = find(option->defname, is_named(option, "toast"));
        if (!o)
            return ddl_fail_at(d, -1, SQLSTATE_INVALID_PARAMETER_VALUE, "unrecognized parameter \"%s\"",
                               option->defname);
        if (!check_repeated(d, options, i) || !option_value(d, option, &value) || !check_value(d, o, value))
            return false;
    }
    return true;
}
