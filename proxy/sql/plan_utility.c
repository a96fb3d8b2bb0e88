/* plan_utility.c - plans of statements that are neither queries nor DDL: SET, SHOW, transactions, COPY, PREPARE, cursors, LISTEN, EXPLAIN. */
#include "proxy/sql/planner.h"

#include "proxy/sql/bulk.h"
#include "proxy/sql/emit.h"
#include "proxy/sql/raw_tree.h"
#include "proxy/sql/temporary_plan.h"
#include "proxy/sql/utility_option.h"

typedef PgQuery__Node Node;

struct utility {
    struct planner *p;
    struct plan *plan;
    struct arena *arena;
};

static struct str keep(struct utility *u, const char *text)
{
    return text ? arena_str(u->arena, str_from(text)) : (struct str){ 0 };
}

static bool unsupported(struct utility *u, const char *what, const char *hint)
{
    err_unsupported(u->p->err, "%s", what);
    return hint ? err_hint(u->p->err, "%s", hint) : false;
}

/* --- SET, SHOW --- */

/* Settings that hold a list of identifiers: each element is quoted where SQL needs it (GUC_LIST_QUOTE). */
static bool is_identifier_list(struct str name)
{
    static const char *const names[] = { "search_path", "temp_tablespaces", "session_preload_libraries",
                                         "local_preload_libraries" };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (str_is(name, names[i]))
            return true;
    return false;
}

static struct str quoted_identifier(struct utility *u, struct str name)
{
    bool plain = name.n > 0 && !(name.p[0] >= '0' && name.p[0] <= '9');
    for (size_t i = 0; i < name.n && plain; i++)
        plain = (name.p[i] >= 'a' && name.p[i] <= 'z') || (name.p[i] >= '0' && name.p[i] <= '9') || name.p[i] == '_';
    if (plain)
        return name;
    return emit_identifier(name, u->arena);
}

static bool set_argument(struct utility *u, const Node *n, bool quote, struct str *ret)
{
    if (n->node_case == PG_QUERY__NODE__NODE_TYPE_CAST)
        n = n->type_cast->arg; /* SET TIME ZONE INTERVAL '…' */
    if (n->node_case != PG_QUERY__NODE__NODE_A_CONST)
        return unsupported(u, "this value of SET", NULL);
    const PgQuery__AConst *c = n->a_const;
    switch (c->val_case) {
    case PG_QUERY__A__CONST__VAL_IVAL:
        *ret = arena_printf(u->arena, "%d", c->ival->ival);
        break;
    case PG_QUERY__A__CONST__VAL_FVAL:
        *ret = keep(u, c->fval->fval);
        break;
    case PG_QUERY__A__CONST__VAL_BOOLVAL:
        *ret = c->boolval->boolval ? STR("on") : STR("off");
        break;
    case PG_QUERY__A__CONST__VAL_SVAL:
        *ret = keep(u, c->sval->sval);
        if (quote)
            *ret = quoted_identifier(u, *ret);
        break;
    default:
        return unsupported(u, "this value of SET", NULL);
    }
    return ret->p ? true : err_oom(u->p->err);
}

static bool transaction_modes(struct utility *u, Node *const *options, size_t n, struct plan_transaction *t)
{
    t->read_only = t->deferrable = -1;
    for (size_t i = 0; i < n; i++) {
        const PgQuery__DefElem *d = options[i]->def_elem;
        const PgQuery__AConst *c = d->arg ? d->arg->a_const : NULL;
        bool on = c && c->val_case == PG_QUERY__A__CONST__VAL_IVAL && c->ival->ival;
        if (strcmp(d->defname, "transaction_isolation") == 0 && c && c->val_case == PG_QUERY__A__CONST__VAL_SVAL)
            t->isolation = keep(u, c->sval->sval);
        else if (strcmp(d->defname, "transaction_read_only") == 0)
            t->read_only = on;
        else if (strcmp(d->defname, "transaction_deferrable") == 0)
            t->deferrable = on;
        else
            return unsupported(u, "this transaction mode", NULL);
    }
    return true;
}

static bool plan_set(struct utility *u, const PgQuery__VariableSetStmt *s)
{
    struct plan_set *set = ARENA_NEW(u->arena, struct plan_set);
    u->plan->kind = PLAN_SET;
    u->plan->utility.set = set;
    if (!set)
        return err_oom(u->p->err);
    u->plan->tag =
        s->kind == PG_QUERY__VARIABLE_SET_KIND__VAR_RESET || s->kind == PG_QUERY__VARIABLE_SET_KIND__VAR_RESET_ALL
            ? "RESET"
            : "SET";
    set->is_local = s->is_local;
    set->name = keep(u, s->name);
    for (size_t i = 0; i < set->name.n; i++)
        ((char *)set->name.p)[i] = (char)(s->name[i] >= 'A' && s->name[i] <= 'Z' ? s->name[i] + 32 : s->name[i]);
    switch (s->kind) {
    case PG_QUERY__VARIABLE_SET_KIND__VAR_SET_DEFAULT:
    case PG_QUERY__VARIABLE_SET_KIND__VAR_RESET:
        set->action = SET_DEFAULT;
        return true;
    case PG_QUERY__VARIABLE_SET_KIND__VAR_RESET_ALL:
        set->action = SET_RESET_ALL;
        return true;
    case PG_QUERY__VARIABLE_SET_KIND__VAR_SET_CURRENT:
        return unsupported(u, "SET … FROM CURRENT", NULL);
    case PG_QUERY__VARIABLE_SET_KIND__VAR_SET_MULTI: {
        bool session = str_is(set->name, "session characteristics");
        if (str_is(set->name, "transaction snapshot"))
            return unsupported(u, "SET TRANSACTION SNAPSHOT", NULL);
        set->action = session ? SET_SESSION_CHARACTERISTICS : SET_TRANSACTION;
        set->transaction = ARENA_NEW(u->arena, struct plan_transaction);
        return set->transaction ? transaction_modes(u, s->args, s->n_args, set->transaction) : err_oom(u->p->err);
    }
    default:
        break;
    }
    bool quote = is_identifier_list(set->name);
    for (size_t i = 0; i < s->n_args; i++) {
        struct str one;
        if (!set_argument(u, s->args[i], quote, &one))
            return false;
        set->value = i ? arena_printf(u->arena, "%.*s, %.*s", STR_FMT(set->value), STR_FMT(one)) : one;
    }
    set->action = SET_VALUE;
    return true;
}

static bool show_column(struct utility *u, size_t i, struct str name)
{
    u->plan->columns[i] = (struct plan_column){
        .name = name, .type = TYPE_OID_text, .codec_type = TYPE_OID_text, .typmod = -1, .codec_typmod = -1
    };
    return name.p ? true : err_oom(u->p->err);
}

static bool plan_show(struct utility *u, const PgQuery__VariableShowStmt *s)
{
    struct plan_show *show = ARENA_NEW(u->arena, struct plan_show);
    u->plan->kind = PLAN_SHOW;
    u->plan->tag = "SHOW";
    u->plan->utility.show = show;
    if (!show)
        return err_oom(u->p->err);
    show->name = keep(u, s->name);
    show->all = str_eq_nocase(show->name, STR("all"));
    u->plan->n_columns = show->all ? 3 : 1;
    u->plan->columns = ARENA_ARRAY(u->arena, struct plan_column, 3);
    if (!u->plan->columns)
        return err_oom(u->p->err);
    if (show->all)
        return show_column(u, 0, STR("name")) && show_column(u, 1, STR("setting")) &&
               show_column(u, 2, STR("description"));
    struct str shown = str_eq_nocase(show->name, STR("timezone"))        ? STR("TimeZone")
                       : str_eq_nocase(show->name, STR("datestyle"))     ? STR("DateStyle")
                       : str_eq_nocase(show->name, STR("intervalstyle")) ? STR("IntervalStyle")
                                                                         : show->name;
    return show_column(u, 0, shown);
}

/* --- transactions --- */

static bool plan_transaction(struct utility *u, const PgQuery__TransactionStmt *s)
{
    static const struct {
        enum transaction_command command;
        const char *tag;
    } kinds[] = {
        [1] = { TRANSACTION_BEGIN, "BEGIN" },          [2] = { TRANSACTION_BEGIN, "START TRANSACTION" },
        [3] = { TRANSACTION_COMMIT, "COMMIT" },        [4] = { TRANSACTION_ROLLBACK, "ROLLBACK" },
        [5] = { TRANSACTION_SAVEPOINT, "SAVEPOINT" },  [6] = { TRANSACTION_RELEASE, "RELEASE" },
        [7] = { TRANSACTION_ROLLBACK_TO, "ROLLBACK" },
    };
    if (s->kind < 1 || s->kind > 7)
        return unsupported(u, "PREPARE TRANSACTION", "D1 has no two-phase commit.");
    struct plan_transaction *t = ARENA_NEW(u->arena, struct plan_transaction);
    u->plan->kind = PLAN_TRANSACTION;
    u->plan->utility.transaction = t;
    if (!t)
        return err_oom(u->p->err);
    u->plan->tag = kinds[s->kind].tag;
    t->command = kinds[s->kind].command;
    u->plan->cacheable = t->command == TRANSACTION_BEGIN; /* every block's first statement need not be parsed again */
    t->chain = s->chain;
    t->savepoint = keep(u, s->savepoint_name);
    return transaction_modes(u, s->options, s->n_options, t);
}

/* --- COPY --- */

static bool option_columns(struct utility *u, const PgQuery__DefElem *d, const struct plan_copy *copy,
                           const struct str *names, bool **ret)
{
    *ret = ARENA_ARRAY(u->arena, bool, copy->n_columns);
    if (!*ret)
        return err_oom(u->p->err);
    if (d->arg && d->arg->node_case == PG_QUERY__NODE__NODE_A_STAR) {
        for (size_t i = 0; i < copy->n_columns; i++)
            (*ret)[i] = true;
        return true;
    }
    if (!d->arg || d->arg->node_case != PG_QUERY__NODE__NODE_LIST)
        return err_set(u->p->err, SQLSTATE_INVALID_PARAMETER_VALUE,
                       "argument to option \"%s\" must be a list of column names", d->defname);
    for (size_t i = 0; i < d->arg->list->n_items; i++) {
        struct str name = str_from(d->arg->list->items[i]->string->sval);
        bool found = false;
        for (size_t k = 0; k < copy->n_columns; k++)
            if (str_eq(names[k], name))
                (*ret)[k] = found = true;
        if (!found && copy->relation && !relation_column(copy->relation, name))
            return err_set(u->p->err, SQLSTATE_UNDEFINED_COLUMN, "column \"%.*s\" of relation \"%.*s\" does not exist",
                           STR_FMT(name), STR_FMT(copy->relation->name));
        if (!found)
            return err_set(u->p->err, SQLSTATE_INVALID_COLUMN_REFERENCE, "%s column \"%.*s\" not referenced by COPY",
                           d->defname[6] == 'q'                           ? "FORCE_QUOTE"
                           : d->defname[6] == 'n' && d->defname[7] == 'o' ? "FORCE_NOT_NULL"
                                                                          : "FORCE_NULL",
                           STR_FMT(name));
    }
    return true;
}

static bool copy_format(struct utility *u, const PgQuery__DefElem *d, struct plan_copy *copy)
{
    struct str text;
    if (!utility_option_text(d, u->arena, &text, u->p->err))
        return false;
    if (str_is(text, "text"))
        copy->format = COPY_TEXT;
    else if (str_is(text, "csv"))
        copy->format = COPY_CSV;
    else if (str_is(text, "binary"))
        copy->format = COPY_BINARY;
    else {
        err_set(u->p->err, SQLSTATE_INVALID_PARAMETER_VALUE, "COPY format \"%.*s\" not recognized", STR_FMT(text));
        return err_at(u->p->err, analyze_position(u->p->text, d->location));
    }
    return true;
}

static bool copy_option(struct utility *u, const PgQuery__DefElem *d, struct plan_copy *copy, const struct str *names)
{
    const char *name = d->defname;
    struct str text;
    struct err found;
    err_init(&found, u->arena);
    if (strcmp(name, "format") == 0)
        return true; /* read before the others */
    if (strcmp(name, "freeze") == 0)
        return utility_option_flag(d, u->arena, &copy->freeze, u->p->err);
    if (strcmp(name, "delimiter") == 0)
        return utility_option_text(d, u->arena, &copy->delimiter, u->p->err);
    if (strcmp(name, "null") == 0)
        return utility_option_text(d, u->arena, &copy->null_text, u->p->err);
    if (strcmp(name, "quote") == 0)
        return utility_option_text(d, u->arena, &copy->quote, u->p->err);
    if (strcmp(name, "escape") == 0)
        return utility_option_text(d, u->arena, &copy->escape, u->p->err);
    if (strcmp(name, "header") == 0) {
        if (d->arg && utility_option_text(d, u->arena, &text, u->p->err) && str_eq_nocase(text, STR("match")))
            return copy->header = copy->header_match = true;
        if (utility_option_flag(d, u->arena, &copy->header, &found))
            return true;
        return err_set(u->p->err, SQLSTATE_SYNTAX_ERROR, "%s requires a Boolean value or \"match\"", d->defname);
    }
    if (strcmp(name, "force_quote") == 0)
        return option_columns(u, d, copy, names, &copy->force_quote);
    if (strcmp(name, "force_not_null") == 0)
        return option_columns(u, d, copy, names, &copy->force_not_null);
    if (strcmp(name, "force_null") == 0)
        return option_columns(u, d, copy, names, &copy->force_null);
    if (strcmp(name, "encoding") == 0) {
        if (!utility_option_text(d, u->arena, &text, u->p->err))
            return false;
        return str_eq_nocase(text, STR("UTF8")) || str_eq_nocase(text, STR("UTF-8")) ||
                       str_eq_nocase(text, STR("unicode"))
                   ? true
                   : unsupported(u, "COPY with an encoding other than UTF8", NULL);
    }
    err_set(u->p->err, SQLSTATE_SYNTAX_ERROR, "option \"%s\" not recognized", name);
    return err_at(u->p->err, analyze_position(u->p->text, d->location));
}

static bool has_any(struct str text, struct str bytes)
{
    for (size_t i = 0; i < text.n; i++)
        if (memchr(bytes.p, text.p[i], bytes.n))
            return true;
    return false;
}

/* What combinations PostgreSQL refuses (copy.c, ProcessCopyOptions). */
static bool check_copy(struct utility *u, const struct plan_copy *c, bool is_from)
{
    bool csv = c->format == COPY_CSV, binary = c->format == COPY_BINARY;
    struct err *e = u->p->err;
    if (binary && c->delimiter.n)
        return err_set(e, SQLSTATE_SYNTAX_ERROR, "cannot specify DELIMITER in BINARY mode");
    if (binary && c->null_text.p)
        return err_set(e, SQLSTATE_SYNTAX_ERROR, "cannot specify NULL in BINARY mode");
    if (binary && c->header)
        return err_set(e, SQLSTATE_FEATURE_NOT_SUPPORTED, "cannot specify HEADER in BINARY mode");
    if (c->delimiter.p && c->delimiter.n != 1)
        return err_set(e, SQLSTATE_FEATURE_NOT_SUPPORTED, "COPY delimiter must be a single one-byte character");
    if (c->delimiter.n && (c->delimiter.p[0] == '\r' || c->delimiter.p[0] == '\n'))
        return err_set(e, SQLSTATE_INVALID_PARAMETER_VALUE, "COPY delimiter cannot be newline or carriage return");
    if (has_any(c->null_text, STR("\r\n")))
        return err_set(e, SQLSTATE_INVALID_PARAMETER_VALUE,
                       "COPY null representation cannot use newline or carriage return");
    if (!csv && c->delimiter.n && strchr("\\.abcdefghijklmnopqrstuvwxyz0123456789", c->delimiter.p[0]))
        return err_set(e, SQLSTATE_INVALID_PARAMETER_VALUE, "COPY delimiter cannot be \"%c\"", c->delimiter.p[0]);
    if (c->header_match && !is_from)
        return err_set(e, SQLSTATE_FEATURE_NOT_SUPPORTED, "cannot use \"match\" with HEADER in COPY TO");
    if (!csv && c->quote.p)
        return err_set(e, SQLSTATE_FEATURE_NOT_SUPPORTED, "COPY quote available only in CSV mode");
    if (!csv && c->escape.p)
        return err_set(e, SQLSTATE_FEATURE_NOT_SUPPORTED, "COPY escape available only in CSV mode");
    if (csv && c->quote.p && c->quote.n != 1)
        return err_set(e, SQLSTATE_FEATURE_NOT_SUPPORTED, "COPY quote must be a single one-byte character");
    if (csv && c->escape.p && c->escape.n != 1)
        return err_set(e, SQLSTATE_FEATURE_NOT_SUPPORTED, "COPY escape must be a single one-byte character");
    if (c->force_quote && (!csv || is_from))
        return err_set(e, SQLSTATE_FEATURE_NOT_SUPPORTED,
                       csv ? "COPY force quote only available using COPY TO"
                           : "COPY force quote available only in CSV mode");
    if (c->force_not_null && (!csv || !is_from))
        return err_set(e, SQLSTATE_FEATURE_NOT_SUPPORTED,
                       csv ? "COPY force not null only available using COPY FROM"
                           : "COPY force not null available only in CSV mode");
    if (c->force_null && (!csv || !is_from))
        return err_set(e, SQLSTATE_FEATURE_NOT_SUPPORTED,
                       csv ? "COPY force null only available using COPY FROM"
                           : "COPY force null available only in CSV mode");
    struct str delimiter = c->delimiter.n ? c->delimiter
                           : csv          ? STR(",")
                                          : STR("\t"),
               quote = c->quote.n ? c->quote : STR("\"");
    if (csv && delimiter.p[0] == quote.p[0])
        return err_set(e, SQLSTATE_INVALID_PARAMETER_VALUE, "COPY delimiter and quote must be different");
    if (has_any(c->null_text, delimiter))
        return err_set(e, SQLSTATE_FEATURE_NOT_SUPPORTED, "COPY delimiter must not appear in the NULL specification");
    if (csv && has_any(c->null_text, quote))
        return err_set(e, SQLSTATE_FEATURE_NOT_SUPPORTED,
                       "CSV quote character must not appear in the NULL specification");
    return true;
}

static bool copy_columns(struct utility *u, const PgQuery__CopyStmt *s, struct plan_copy *copy)
{
    const struct relation *r = copy->relation;
    copy->columns = ARENA_ARRAY(u->arena, const struct column *, r->n_columns + s->n_attlist);
    if (!copy->columns)
        return err_oom(u->p->err);
    for (size_t i = 0; i < s->n_attlist; i++) {
        struct str name = str_from(s->attlist[i]->string->sval);
        const struct column *c = relation_column(r, name);
        if (!c)
            return err_set(u->p->err, SQLSTATE_UNDEFINED_COLUMN, "column \"%.*s\" of relation \"%.*s\" does not exist",
                           STR_FMT(name), STR_FMT(r->name));
        if (c->generated) {
            err_set(u->p->err, SQLSTATE_INVALID_COLUMN_REFERENCE, "column \"%.*s\" is a generated column",
                    STR_FMT(name));
            return err_detail(u->p->err, "Generated columns cannot be used in COPY.");
        }
        for (size_t k = 0; k < copy->n_columns; k++)
            if (copy->columns[k] == c)
                return err_set(u->p->err, SQLSTATE_DUPLICATE_COLUMN, "column \"%.*s\" specified more than once",
                               STR_FMT(name));
        copy->columns[copy->n_columns++] = c;
    }
    for (size_t i = 0; s->n_attlist == 0 && i < r->n_columns; i++)
        if (!r->columns[i].generated)
            copy->columns[copy->n_columns++] = &r->columns[i];
    return true;
}

/* COPY t (a, b) TO is COPY (SELECT a, b FROM t) TO. */
static bool copy_source(struct utility *u, const PgQuery__CopyStmt *s, struct plan_copy *copy,
                        const struct str **ret_names)
{
    struct analyze_context a = planner_context(u->p, u->plan);
    if (s->relation) {
        PgQuery__RangeVar name = *s->relation;
        name.location = -1; /* commands tell no place */
        if (!analyze_relation_name(&a, &name, false, &copy->relation) || !copy_columns(u, s, copy))
            return false;
        if (s->is_from && (copy->relation->is_system || copy->relation->kind != RELATION_TABLE)) {
            err_set(u->p->err, copy->relation->is_system ? SQLSTATE_INSUFFICIENT_PRIVILEGE : SQLSTATE_WRONG_OBJECT_TYPE,
                    copy->relation->is_system ? "permission denied for table %.*s" : "cannot copy to view \"%.*s\"",
                    STR_FMT(copy->relation->name));
            return false;
        }
        if (!s->is_from && copy->relation->kind == RELATION_VIEW) {
            err_set(u->p->err, SQLSTATE_WRONG_OBJECT_TYPE, "cannot copy from view \"%.*s\"",
                    STR_FMT(copy->relation->name));
            return err_hint(u->p->err, "Try the COPY (SELECT ...) TO variant.");
        }
        struct str *names = ARENA_ARRAY(u->arena, struct str, copy->n_columns);
        for (size_t i = 0; names && i < copy->n_columns; i++)
            names[i] = copy->columns[i]->name;
        *ret_names = names;
        if (!names)
            return err_oom(u->p->err);
        return s->is_from || planner_table(u->p, copy->relation, copy->columns, copy->n_columns, &copy->query);
    }
    if (s->query->node_case == PG_QUERY__NODE__NODE_SELECT_STMT && s->query->select_stmt->into_clause)
        return err_set(u->p->err, SQLSTATE_FEATURE_NOT_SUPPORTED, "COPY (SELECT INTO) is not supported");
    if (s->query->node_case == PG_QUERY__NODE__NODE_MERGE_STMT)
        return err_set(u->p->err, SQLSTATE_FEATURE_NOT_SUPPORTED, "MERGE not supported in COPY");
    if (!planner_node(u->p, s->query, &copy->query))
        return false;
    if (copy->query->kind != PLAN_QUERY)
        return err_set(u->p->err, SQLSTATE_FEATURE_NOT_SUPPORTED, "COPY query must have a RETURNING clause");
    struct str *names = ARENA_ARRAY(u->arena, struct str, copy->query->n_columns);
    copy->n_columns = copy->query->n_columns;
    for (size_t i = 0; names && i < copy->n_columns; i++)
        names[i] = copy->query->columns[i].name;
    *ret_names = names;
    return names ? true : err_oom(u->p->err);
}

static bool check_repeated(struct utility *u, const PgQuery__CopyStmt *s)
{
    struct analyze_context a = planner_context(u->p, u->plan);
    for (size_t i = 0; i < s->n_options; i++)
        for (size_t k = i + 1; k < s->n_options; k++) {
            const PgQuery__DefElem *d = s->options[k]->def_elem;
            if (strcmp(s->options[i]->def_elem->defname, d->defname) == 0) {
                err_set(u->p->err, SQLSTATE_SYNTAX_ERROR, "conflicting or redundant options");
                return err_at(u->p->err, analyze_position(a.text, d->location));
            }
        }
    return true;
}

static bool plan_copy(struct utility *u, const PgQuery__CopyStmt *s)
{
    struct plan_copy *copy = ARENA_NEW(u->arena, struct plan_copy);
    const struct str *names = NULL;
    u->plan->kind = s->is_from ? PLAN_COPY_FROM : PLAN_COPY_TO;
    u->plan->tag = "COPY";
    u->plan->tag_has_count = true;
    u->plan->utility.copy = copy;
    if (!copy)
        return err_oom(u->p->err);
    if (s->is_program || (s->filename && *s->filename)) {
        err_set(u->p->err, SQLSTATE_INSUFFICIENT_PRIVILEGE,
                s->is_program ? "must be superuser or have privileges of the pg_execute_server_program role to COPY to "
                                "or from an external program"
                              : "must be superuser or have privileges of the pg_%s_server_files role to COPY %s a file",
                s->is_from ? "read" : "write", s->is_from ? "from" : "to");
        return err_hint(u->p->err,
                        "Anyone can COPY to stdout or from stdin. psql's \\copy command also works for anyone.");
    }
    if (s->where_clause)
        return unsupported(u, "COPY … WHERE", "Load into a table and delete what is not wanted.");
    copy->from_stdin_or_to_stdout = true;
    if (!check_repeated(u, s))
        return false;
    for (size_t i = 0; i < s->n_options; i++)
        if (strcmp(s->options[i]->def_elem->defname, "format") == 0 && !copy_format(u, s->options[i]->def_elem, copy))
            return false;
    if (!copy_source(u, s, copy, &names))
        return false;
    for (size_t i = 0; i < s->n_options; i++)
        if (!copy_option(u, s->options[i]->def_elem, copy, names))
            return false;
    if (!check_copy(u, copy, s->is_from))
        return false;
    bool csv = copy->format == COPY_CSV;
    if (!copy->delimiter.p)
        copy->delimiter = csv ? STR(",") : STR("\t");
    if (!copy->null_text.p)
        copy->null_text = csv ? STR("") : STR("\\N");
    if (csv && !copy->quote.p)
        copy->quote = STR("\"");
    if (csv && !copy->escape.p)
        copy->escape = copy->quote;
    if (!s->is_from)
        return true;
    u->plan->access = D1_WRITE;
    u->plan->place = PLACE_D1;
    u->plan->writes = ARENA_NEW(u->arena, const struct relation *);
    if (!u->plan->writes)
        return err_oom(u->p->err);
    u->plan->writes[u->plan->n_writes++] = copy->relation;
    temporary_plan_note(u->plan);
    return bulk_target_new(copy->relation, copy->columns, copy->n_columns, u->p->settings, u->p->snapshot, u->arena,
                           &copy->bulk, u->p->err);
}

/* --- PREPARE, EXECUTE, DEALLOCATE --- */

/* The text after the AS of PREPARE name (types) AS query. */
static struct str prepared_text(struct str text)
{
    size_t depth = 0;
    for (size_t i = 0; i + 1 < text.n; i++) {
        char c = text.p[i];
        if (c == '"')
            for (i++; i < text.n && text.p[i] != '"'; i++)
                ;
        else if (c == '(')
            depth++;
        else if (c == ')')
            depth--;
        else if (depth == 0 && (c == 'a' || c == 'A') && (text.p[i + 1] == 's' || text.p[i + 1] == 'S') && i > 0 &&
                 strchr(" \t\r\n\f\v)\"", text.p[i - 1]) && i + 2 < text.n && strchr(" \t\r\n\f\v(", text.p[i + 2]))
            return str_trim((struct str){ text.p + i + 2, text.n - i - 2 });
    }
    return (struct str){ 0 };
}

static bool plan_prepare(struct utility *u, const PgQuery__PrepareStmt *s)
{
    struct plan_prepare *prepare = ARENA_NEW(u->arena, struct plan_prepare);
    u->plan->kind = PLAN_PREPARE;
    u->plan->tag = "PREPARE";
    u->plan->utility.prepare = prepare;
    if (!prepare)
        return err_oom(u->p->err);
    struct analyze_context a = planner_context(u->p, u->plan);
    prepare->name = keep(u, s->name);
    prepare->types = ARENA_ARRAY(u->arena, oid_t, s->n_argtypes);
    struct str query = prepared_text(u->p->statement);
    prepare->query_text = arena_str(u->arena, query);
    prepare->query_position = query.n ? analyze_position(u->p->text, (int)(query.p - u->p->text.p)) - 1 : 0;
    if (!prepare->types || !prepare->query_text.n)
        return err_oom(u->p->err);
    for (size_t i = 0; i < s->n_argtypes; i++) {
        int32_t typmod;
        if (!analyze_type_name(&a, s->argtypes[i]->type_name, &prepare->types[i], &typmod, NULL))
            return false;
    }
    prepare->n_types = s->n_argtypes;
    return true;
}

/* What PostgreSQL finds in an argument by itself, and what it has to be coerced from. */
static bool look_at_argument(struct utility *u, const Node *n, struct plan_argument *ret)
{
    struct analyze_context a = planner_context(u->p, u->plan);
    struct expr *e;
    struct query *scope;
    if (!analyze_expression(&a, n, NULL, "EXECUTE parameter", 0, -1, &e, &scope))
        return false;
    bool is_unknown = n->node_case == PG_QUERY__NODE__NODE_A_CONST &&
                      (n->a_const->isnull || n->a_const->val_case == PG_QUERY__A__CONST__VAL_SVAL);
    *ret = (struct plan_argument){ is_unknown ? TYPE_OID_unknown : e->type, analyze_position(a.text, raw_location(n)) };
    return true;
}

static bool plan_execute(struct utility *u, const PgQuery__ExecuteStmt *s)
{
    struct plan_prepare *prepare = ARENA_NEW(u->arena, struct plan_prepare);
    u->plan->kind = PLAN_EXECUTE;
    u->plan->tag = "EXECUTE";
    u->plan->utility.prepare = prepare;
    if (!prepare)
        return err_oom(u->p->err);
    prepare->name = keep(u, s->name);
    prepare->n_arguments = s->n_params;
    if (s->n_params == 0)
        return true;
    /* The arguments are worked out as the row of SELECT arg, … */
    PgQuery__SelectStmt *select = ARENA_NEW(u->arena, PgQuery__SelectStmt);
    PgQuery__ResTarget *targets = ARENA_ARRAY(u->arena, PgQuery__ResTarget, s->n_params);
    Node *nodes = ARENA_ARRAY(u->arena, Node, s->n_params + 1), **list = ARENA_ARRAY(u->arena, Node *, s->n_params);
    prepare->arguments = ARENA_ARRAY(u->arena, struct plan_argument, s->n_params);
    if (!select || !targets || !nodes || !list || !prepare->arguments)
        return err_oom(u->p->err);
    for (size_t i = 0; i < s->n_params; i++) {
        if (!look_at_argument(u, s->params[i], &prepare->arguments[i]))
            return false;
        pg_query__res_target__init(&targets[i]);
        pg_query__node__init(&nodes[i]);
        targets[i].val = s->params[i];
        nodes[i].node_case = PG_QUERY__NODE__NODE_RES_TARGET;
        nodes[i].res_target = &targets[i];
        list[i] = &nodes[i];
    }
    pg_query__select_stmt__init(select);
    select->target_list = list;
    select->n_target_list = s->n_params;
    Node *node = &nodes[s->n_params];
    pg_query__node__init(node);
    node->node_case = PG_QUERY__NODE__NODE_SELECT_STMT;
    node->select_stmt = select;
    return planner_node(u->p, node, &prepare->arguments_plan);
}

static bool plan_deallocate(struct utility *u, const PgQuery__DeallocateStmt *s)
{
    struct plan_prepare *prepare = ARENA_NEW(u->arena, struct plan_prepare);
    u->plan->kind = PLAN_DEALLOCATE;
    u->plan->utility.prepare = prepare;
    if (!prepare)
        return err_oom(u->p->err);
    prepare->all = !s->name || !*s->name;
    prepare->name = keep(u, s->name);
    u->plan->tag = prepare->all ? "DEALLOCATE ALL" : "DEALLOCATE";
    return true;
}

/* --- cursors --- */

static struct plan_cursor *new_cursor(struct utility *u, enum plan_kind kind, const char *tag, const char *name)
{
    struct plan_cursor *cursor = ARENA_NEW(u->arena, struct plan_cursor);
    u->plan->kind = kind;
    u->plan->tag = tag;
    u->plan->utility.cursor = cursor;
    if (cursor)
        cursor->name = keep(u, name);
    else
        err_oom(u->p->err);
    return cursor;
}

static bool plan_declare(struct utility *u, const PgQuery__DeclareCursorStmt *s)
{
    enum {
        OPT_BINARY = 1,
        OPT_SCROLL = 2,
        OPT_NO_SCROLL = 4,
        OPT_HOLD = 32
    }; /* CURSOR_OPT_* of PostgreSQL's parsenodes.h */
    struct plan_cursor *cursor = new_cursor(u, PLAN_DECLARE, "DECLARE CURSOR", s->portalname);
    if (!cursor)
        return false;
    cursor->binary = s->options & OPT_BINARY;
    cursor->scroll = s->options & OPT_SCROLL;
    cursor->no_scroll = s->options & OPT_NO_SCROLL;
    cursor->hold = s->options & OPT_HOLD;
    const PgQuery__IntoClause *into =
        s->query->node_case == PG_QUERY__NODE__NODE_SELECT_STMT ? s->query->select_stmt->into_clause : NULL;
    if (into) {
        struct analyze_context a = planner_context(u->p, u->plan);
        err_set(u->p->err, SQLSTATE_SYNTAX_ERROR, "SELECT ... INTO is not allowed here");
        return err_at(u->p->err, analyze_position(a.text, into->rel->location));
    }
    if (!planner_node(u->p, s->query, &cursor->query))
        return false;
    if (cursor->query->kind != PLAN_QUERY || cursor->query->access == D1_WRITE)
        return err_set(u->p->err, SQLSTATE_FEATURE_NOT_SUPPORTED,
                       "DECLARE CURSOR must not contain data-modifying statements in WITH");
    u->plan->access = cursor->query->access;
    u->plan->place = cursor->query->place;
    u->plan->param_types = cursor->query->param_types;
    u->plan->n_params = cursor->query->n_params;
    return true;
}

static bool plan_fetch(struct utility *u, const PgQuery__FetchStmt *s)
{
    static const enum fetch_direction directions[] = { FETCH_FORWARD, FETCH_FORWARD, FETCH_BACKWARD, FETCH_ABSOLUTE,
                                                       FETCH_RELATIVE };
    struct plan_cursor *cursor = new_cursor(u, PLAN_FETCH, s->ismove ? "MOVE" : "FETCH", s->portalname);
    if (!cursor)
        return false;
    u->plan->tag_has_count = true;
    cursor->is_move = s->ismove;
    cursor->direction = directions[s->direction];
    cursor->count = s->how_many;
    return true;
}

static bool plan_close(struct utility *u, const PgQuery__ClosePortalStmt *s)
{
    struct plan_cursor *cursor = new_cursor(u, PLAN_CLOSE, "CLOSE CURSOR", s->portalname);
    if (!cursor)
        return false;
    cursor->all = !s->portalname || !*s->portalname;
    u->plan->tag = cursor->all ? "CLOSE CURSOR ALL" : "CLOSE CURSOR";
    return true;
}

/* --- the rest --- */

static bool plan_channel(struct utility *u, enum plan_kind kind, const char *tag, const char *name, const char *payload)
{
    struct plan_channel *channel = ARENA_NEW(u->arena, struct plan_channel);
    u->plan->kind = kind;
    u->plan->tag = tag;
    u->plan->utility.channel = channel;
    if (!channel)
        return err_oom(u->p->err);
    channel->all = !name || !*name;
    channel->name = keep(u, name);
    channel->payload = keep(u, payload);
    if (channel->payload.n >= 8000)
        return err_set(u->p->err, SQLSTATE_INVALID_PARAMETER_VALUE, "payload string too long");
    return true;
}

static bool plan_discard(struct utility *u, const PgQuery__DiscardStmt *s)
{
    static const struct {
        enum discard_target what;
        const char *tag;
    } targets[] = {
        { DISCARD_ALL_STATE, "DISCARD ALL" },    { DISCARD_ALL_STATE, "DISCARD ALL" },
        { DISCARD_PLANS_ONLY, "DISCARD PLANS" }, { DISCARD_SEQUENCES_ONLY, "DISCARD SEQUENCES" },
        { DISCARD_TEMP_ONLY, "DISCARD TEMP" },
    };
    struct plan_discard *discard = ARENA_NEW(u->arena, struct plan_discard);
    u->plan->kind = PLAN_DISCARD;
    u->plan->utility.discard = discard;
    if (!discard)
        return err_oom(u->p->err);
    discard->what = targets[s->target].what;
    u->plan->tag = targets[s->target].tag;
    return true;
}

static bool dispatch(struct utility *u, const Node *n, bool *ret_handled)
{
    *ret_handled = true;
    switch (n->node_case) {
    case PG_QUERY__NODE__NODE_VARIABLE_SET_STMT:
        return plan_set(u, n->variable_set_stmt);
    case PG_QUERY__NODE__NODE_VARIABLE_SHOW_STMT:
        return plan_show(u, n->variable_show_stmt);
    case PG_QUERY__NODE__NODE_TRANSACTION_STMT:
        return plan_transaction(u, n->transaction_stmt);
    case PG_QUERY__NODE__NODE_COPY_STMT:
        return plan_copy(u, n->copy_stmt);
    case PG_QUERY__NODE__NODE_PREPARE_STMT:
        return plan_prepare(u, n->prepare_stmt);
    case PG_QUERY__NODE__NODE_EXECUTE_STMT:
        return plan_execute(u, n->execute_stmt);
    case PG_QUERY__NODE__NODE_DEALLOCATE_STMT:
        return plan_deallocate(u, n->deallocate_stmt);
    case PG_QUERY__NODE__NODE_DECLARE_CURSOR_STMT:
        return plan_declare(u, n->declare_cursor_stmt);
    case PG_QUERY__NODE__NODE_FETCH_STMT:
        return plan_fetch(u, n->fetch_stmt);
    case PG_QUERY__NODE__NODE_CLOSE_PORTAL_STMT:
        return plan_close(u, n->close_portal_stmt);
    case PG_QUERY__NODE__NODE_DISCARD_STMT:
        return plan_discard(u, n->discard_stmt);
    case PG_QUERY__NODE__NODE_LISTEN_STMT:
        return plan_channel(u, PLAN_LISTEN, "LISTEN", n->listen_stmt->conditionname, NULL);
    case PG_QUERY__NODE__NODE_UNLISTEN_STMT:
        return plan_channel(u, PLAN_UNLISTEN, "UNLISTEN", n->unlisten_stmt->conditionname, NULL);
    case PG_QUERY__NODE__NODE_NOTIFY_STMT:
        return plan_channel(u, PLAN_NOTIFY, "NOTIFY", n->notify_stmt->conditionname, n->notify_stmt->payload);
    case PG_QUERY__NODE__NODE_EXPLAIN_STMT:
        return plan_explain(u->p, n->explain_stmt, u->plan);
    default:
        *ret_handled = false;
        return true;
    }
}

bool plan_utility(struct planner *p, const Node *node, struct plan **ret, bool *ret_handled)
{
    struct plan *plan = planner_new_plan(p, PLAN_NOTHING, NULL);
    struct utility u = { .p = p, .plan = plan, .arena = plan ? plan->arena : NULL };
    if (!plan)
        return false;
    bool ok = dispatch(&u, node, ret_handled);
    if (!ok || !*ret_handled) {
        plan_unref(plan);
        return ok;
    }
    *ret = plan;
    return true;
}
