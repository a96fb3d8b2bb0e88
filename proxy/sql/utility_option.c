/* utility_option.c - see utility_option.h. */
#include "proxy/sql/utility_option.h"

bool utility_option_text(const PgQuery__DefElem *d, struct arena *arena, struct str *ret, struct err *err)
{
    const PgQuery__Node *n = d->arg;
    switch (n ? n->node_case : PG_QUERY__NODE__NODE__NOT_SET) {
    case PG_QUERY__NODE__NODE_STRING:
        *ret = arena_str(arena, str_from(n->string->sval));
        break;
    case PG_QUERY__NODE__NODE_FLOAT:
        *ret = arena_str(arena, str_from(n->float_->fval));
        break;
    case PG_QUERY__NODE__NODE_INTEGER:
        *ret = arena_printf(arena, "%d", n->integer->ival);
        break;
    case PG_QUERY__NODE__NODE_TYPE_NAME: /* a word that could be a type's name */
        *ret = n->type_name->n_names
                   ? arena_str(arena, str_from(n->type_name->names[n->type_name->n_names - 1]->string->sval))
                   : (struct str){ 0 };
        break;
    case PG_QUERY__NODE__NODE_BOOLEAN:
        *ret = n->boolean->boolval ? STR("true") : STR("false");
        break;
    default:
        return err_set(err, SQLSTATE_SYNTAX_ERROR, "%s requires a parameter", d->defname);
    }
    return ret->p ? true : err_oom(err);
}

bool utility_option_flag(const PgQuery__DefElem *d, struct arena *arena, bool *ret, struct err *err)
{
    struct str text = STR("true");
    if (d->arg && !utility_option_text(d, arena, &text, err))
        return false;
    if (str_eq_nocase(text, STR("true")) || str_eq_nocase(text, STR("on")) || str_is(text, "1"))
        *ret = true;
    else if (str_eq_nocase(text, STR("false")) || str_eq_nocase(text, STR("off")) || str_is(text, "0"))
        *ret = false;
    else
        return err_set(err, SQLSTATE_SYNTAX_ERROR, "%s requires a Boolean value", d->defname);
    return true;
}
