/* ddl_view_option.c - options of views, WITH CHECK OPTION among them; see ddl_internal.h. */
#include "proxy/sql/ddl_internal.h"

#include "proxy/sql/utility_option.h"

static bool check_level(struct ddl *d, struct str value)
{
    if (str_eq_nocase(value, STR("local")) || str_eq_nocase(value, STR("cascaded")))
        return true;
    ddl_fail_at(d, -1, SQLSTATE_INVALID_PARAMETER_VALUE, "invalid value for enum option \"check_option\": %.*s",
                STR_FMT(value));
    return err_detail(d->err, "Valid values are \"local\" and \"cascaded\".");
}

/* Its value as pg_class.reloptions has it: as it was written, true where nothing was. */
static bool option_value(struct ddl *d, const PgQuery__DefElem *option, struct str *ret)
{
    bool is_check = strcmp(option->defname, "check_option") == 0;
    if (!is_check && strcmp(option->defname, "security_barrier") != 0 &&
        strcmp(option->defname, "security_invoker") != 0)
        return ddl_fail_at(d, -1, SQLSTATE_INVALID_PARAMETER_VALUE, "unrecognized parameter \"%s\"", option->defname);
    *ret = STR("true");
    if (option->arg && !utility_option_text(option, d->arena, ret, d->err))
        return false;
    if (is_check)
        return check_level(d, *ret);
    return ddl_is_boolean(d, *ret) ||
           ddl_fail_at(d, -1, SQLSTATE_INVALID_PARAMETER_VALUE, "invalid value for boolean option \"%s\": %.*s",
                       option->defname, STR_FMT(*ret));
}

static size_t find(const struct view_options *o, struct str name)
{
    size_t i = 0;
    while (i < o->n && !str_eq(o->list[i].name, name))
        i++;
    return i;
}

static void leave_out(struct view_options *o, struct str name)
{
    size_t at = find(o, name);
    if (at == o->n)
        return;
    memmove(&o->list[at], &o->list[at + 1], (o->n - at - 1) * sizeof(*o->list));
    o->n--;
}

static bool add(struct ddl *d, struct view_options *o, struct str name, struct str value)
{
    struct view_option option = { .name = name, .value = value };
    return DDL_PUSH(d, o->list, o->n, option);
}

/* transformRelOptions: what is named again moves behind the others. */
static bool set_options(struct ddl *d, struct view_options *o, Node *const *list, size_t n)
{
    struct view_options given = { 0 };
    for (size_t i = 0; i < n; i++) {
        const PgQuery__DefElem *option = list[i]->def_elem;
        struct str name = str_from(option->defname), value;
        if (!option_value(d, option, &value))
            return false;
        if (find(&given, name) < given.n)
            return ddl_fail_at(d, -1, SQLSTATE_INVALID_PARAMETER_VALUE, "parameter \"%s\" specified more than once",
                               option->defname);
        leave_out(o, name);
        if (!add(d, &given, name, value))
            return false;
    }
    for (size_t i = 0; i < given.n; i++)
        if (!add(d, o, given.list[i].name, given.list[i].value))
            return false;
    return true;
}

static char check_of(const struct view_options *o)
{
    size_t at = find(o, STR("check_option"));
    if (at == o->n)
        return 0;
    return str_eq_nocase(o->list[at].value, STR("local")) ? 'l' : 'c';
}

bool ddl_view_options(struct ddl *d, const PgQuery__ViewStmt *stmt, struct view_options *ret)
{
    bool local = stmt->with_check_option == PG_QUERY__VIEW_CHECK_OPTION__LOCAL_CHECK_OPTION;
    *ret = (struct view_options){ 0 };
    if (!set_options(d, ret, stmt->options, stmt->n_options))
        return false;
    if (local || stmt->with_check_option == PG_QUERY__VIEW_CHECK_OPTION__CASCADED_CHECK_OPTION) {
        leave_out(ret, STR("check_option"));
        if (!add(d, ret, STR("check_option"), local ? STR("local") : STR("cascaded")))
            return false;
    }
    ret->check = check_of(ret);
    return true;
}

static bool cannot_check(struct ddl *d, const char *refusal)
{
    ddl_fail_at(d, -1, SQLSTATE_FEATURE_NOT_SUPPORTED,
                "WITH CHECK OPTION is supported only on automatically updatable views");
    return err_hint(d->err, "%s", refusal);
}

bool ddl_view_may_check(struct ddl *d, const PgQuery__ViewStmt *stmt, const struct query *analyzed)
{
    bool checks = stmt->with_check_option != PG_QUERY__VIEW_CHECK_OPTION__NO_CHECK_OPTION;
    for (size_t i = 0; i < stmt->n_options; i++)
        checks |= strcmp(stmt->options[i]->def_elem->defname, "check_option") == 0;
    const char *refusal = checks ? analyze_view_refusal(stmt->query->select_stmt, analyzed, true) : NULL;
    return refusal ? cannot_check(d, refusal) : true;
}

bool ddl_view_options_side(struct ddl *d, struct str schema, struct str name, const struct view_options *o)
{
    cJSON *detail = cJSON_CreateObject(), *list = cJSON_CreateArray();
    bool ok = detail && list && cJSON_AddNullToObject(detail, "check_option"); /* an older pgd1's */
    for (size_t i = 0; ok && i < o->n; i++) {
        struct str text = ddl_printf(d, "%.*s=%.*s", STR_FMT(o->list[i].name), STR_FMT(o->list[i].value));
        cJSON *item = text.p ? cJSON_CreateString(text.p) : NULL;
        ok = item && cJSON_AddItemToArray(list, item);
    }
    if (!ok || !cJSON_AddItemToObject(detail, "options", list)) {
        cJSON_Delete(detail);
        cJSON_Delete(list);
        return err_oom(d->err);
    }
    return ddl_side_put(d, "view", schema, name, detail);
}

/* What a view has now, from its "name=value" texts. */
static bool current_options(struct ddl *d, const struct relation *view, struct view_options *ret)
{
    *ret = (struct view_options){ 0 };
    for (size_t i = 0; i < view->n_options; i++) {
        struct str text = view->options[i];
        int64_t at = str_find(text, STR("="));
        if (at >= 0 &&
            !add(d, ret, (struct str){ text.p, (size_t)at }, (struct str){ text.p + at + 1, text.n - (size_t)at - 1 }))
            return false;
    }
    return true;
}

bool ddl_alter_view_options(struct ddl *d, const struct relation *view, Node *const *list, size_t n, bool reset)
{
    struct view_options o;
    const char *refusal = NULL;
    if (!current_options(d, view, &o))
        return false;
    char before = check_of(&o);
    for (size_t i = 0; reset && i < n; i++)
        leave_out(&o, str_from(list[i]->def_elem->defname));
    if (!reset && !set_options(d, &o, list, n))
        return false;
    char now = check_of(&o);
    if (now && now != before && !analyze_view_takes_check(&d->analyze, view, &refusal))
        return refusal ? cannot_check(d, refusal) : false;
    return ddl_view_options_side(d, view->schema, view->name, &o);
}
