/* ddl_view_option.c - options of CREATE VIEW, and WITH CHECK OPTION; see ddl_internal.h. */
#include "proxy/sql/ddl_internal.h"

#include "proxy/sql/utility_option.h"

static bool read_option(struct ddl *d, const PgQuery__DefElem *option, char *ret)
{
    struct str value;
    const char *name = option->defname;
    if (strcmp(name, "check_option") != 0)
        return strcmp(name, "security_barrier") == 0 || strcmp(name, "security_invoker") == 0 ||
               ddl_fail_at(d, -1, SQLSTATE_INVALID_PARAMETER_VALUE, "unrecognized parameter \"%s\"", name);
    if (!utility_option_text(option, d->arena, &value, d->err))
        return false;
    *ret = str_eq_nocase(value, STR("local")) ? 'l' : 'c';
    if (*ret == 'l' || str_eq_nocase(value, STR("cascaded")))
        return true;
    ddl_fail_at(d, -1, SQLSTATE_INVALID_PARAMETER_VALUE, "invalid value for enum option \"check_option\": %.*s",
                STR_FMT(value));
    return err_detail(d->err, "Valid values are \"local\" and \"cascaded\".");
}

bool ddl_view_options(struct ddl *d, const PgQuery__ViewStmt *stmt, char *ret_check)
{
    *ret_check = stmt->with_check_option == PG_QUERY__VIEW_CHECK_OPTION__LOCAL_CHECK_OPTION      ? 'l'
                 : stmt->with_check_option == PG_QUERY__VIEW_CHECK_OPTION__CASCADED_CHECK_OPTION ? 'c'
                                                                                                 : 0;
    for (size_t i = 0; i < stmt->n_options; i++)
        if (!read_option(d, stmt->options[i]->def_elem, ret_check))
            return false;
    return true;
}

bool ddl_view_may_check(struct ddl *d, const Node *query, const struct query *analyzed, char check)
{
    const char *refusal = check ? analyze_view_refusal(query->select_stmt, analyzed, true) : NULL;
    if (!refusal)
        return true;
    ddl_fail_at(d, -1, SQLSTATE_FEATURE_NOT_SUPPORTED,
                "WITH CHECK OPTION is supported only on automatically updatable views");
    return err_hint(d->err, "%s", refusal);
}

bool ddl_view_check_side(struct ddl *d, struct str schema, struct str name, char check)
{
    cJSON *detail = cJSON_CreateObject();
    if (!detail || !cJSON_AddStringToObject(detail, "check_option",
                                            check == 'c'   ? "cascaded"
                                            : check == 'l' ? "local"
                                                           : "")) {
        cJSON_Delete(detail);
        return err_oom(d->err);
    }
    return ddl_side_put(d, "view", schema, name, detail);
}
