/* call.c - see call.h. */
#include "proxy/migrate/call.h"

#include <pg_query.h>
#include <pg_query/pg_query.pb-c.h>
#include "proxy/sql/raw_tree.h"

enum clause_value { NONE, TEXT, NEEDED };

struct argument {
    enum migrate_verb verb;
    const char *name;
    enum clause_value value;
    bool comes_first; /* the clause without words */
    size_t field;     /* offset of its struct str, or of its bool when the value is NONE */
};

static const struct argument arguments[] = {
#define COMMAND(verb, number, function, synopsis, help)
#define CLAUSE(verb, words, field, value)                                                                              \
    { MIGRATE_##verb, #field, value, sizeof(words) == 1, offsetof(struct migrate_command, field) },
#include "proxy/migrate/commands.def"
#undef COMMAND
#undef CLAUSE
};
enum { N_ARGUMENTS = sizeof(arguments) / sizeof(arguments[0]), NODES_MAX = 1 << 20 };

static const struct {
    const char *field, *name;
} renamed[] = {
#define RENAMED(field, name) { #field, name },
#include "proxy/migrate/arguments.def"
#undef RENAMED
};

struct finder {
    struct arena *arena;
    struct err *err;
    struct migrate_command *command; /* NULL: none was found yet */
    const PgQuery__RangeVar *put;    /* in its place */
    size_t n_nodes;
};

bool migrate_call_may_be(struct str text)
{
    for (size_t i = 0; i + 4 < text.n; i++) {
        const char *at = memchr(text.p + i, '1', text.n - i);
        if (!at)
            return false;
        i = (size_t)(at - text.p);
        if (i >= 3 && str_starts_nocase((struct str){ at - 3, 4 }, STR("pgd1")))
            return true;
    }
    return false;
}

/* ---- arguments ---- */

static const char *name_of(const struct argument *a)
{
    for (size_t i = 0; i < sizeof(renamed) / sizeof(renamed[0]); i++)
        if (strcmp(renamed[i].field, a->name) == 0)
            return renamed[i].name;
    return a->name;
}

static const struct argument *argument_named(enum migrate_verb verb, struct str name)
{
    for (size_t i = 0; i < N_ARGUMENTS; i++)
        if (arguments[i].verb == verb && (str_is(name, arguments[i].name) || str_is(name, name_of(&arguments[i]))))
            return &arguments[i];
    return NULL;
}

/* The one that needs no name: the clause without words, else where to. */
static const struct argument *first_argument(enum migrate_verb verb)
{
    for (size_t i = 0; i < N_ARGUMENTS; i++)
        if (arguments[i].verb == verb && arguments[i].comes_first)
            return &arguments[i];
    return argument_named(verb, STR("to"));
}

static const PgQuery__AConst *constant_of(const PgQuery__Node *node)
{
    while (node && node->node_case == PG_QUERY__NODE__NODE_TYPE_CAST) /* 'x'::text */
        node = node->type_cast->arg;
    return node && node->node_case == PG_QUERY__NODE__NODE_A_CONST ? node->a_const : NULL;
}

static bool set_argument(struct finder *f, struct migrate_command *c, const struct argument *a,
                         const PgQuery__Node *value)
{
    const PgQuery__AConst *constant = constant_of(value);
    char *field = (char *)c + a->field;
    if (!constant) {
        err_unsupported(f->err, "an argument of pgd1.%s() that is no constant",
                        migrate_command_help(c->verb)->function);
        return err_hint(f->err, "Or run %s.", migrate_command_help(c->verb)->synopsis);
    }
    if (constant->isnull)
        return true; /* as if it were not there */
    if (a->value == NONE && constant->val_case == PG_QUERY__A__CONST__VAL_BOOLVAL) {
        *(bool *)field = constant->boolval->boolval;
        return true;
    }
    if (a->value != NONE && constant->val_case == PG_QUERY__A__CONST__VAL_SVAL) {
        *(struct str *)(void *)field = arena_str(f->arena, str_from(constant->sval->sval));
        return ((struct str *)(void *)field)->p || err_oom(f->err);
    }
    return err_set(f->err, SQLSTATE_DATATYPE_MISMATCH, "argument \"%s\" must be of type %s", name_of(a),
                   a->value == NONE ? "boolean" : "text");
}

static bool read_argument(struct finder *f, struct migrate_command *c, const PgQuery__Node *node, bool is_first)
{
    const struct argument *a = is_first ? first_argument(c->verb) : NULL;
    struct str function = str_from(migrate_command_help(c->verb)->function);
    if (node->node_case != PG_QUERY__NODE__NODE_NAMED_ARG_EXPR)
        return a ? set_argument(f, c, a, node)
                 : err_set(f->err, SQLSTATE_UNDEFINED_FUNCTION, "pgd1.%.*s() takes its arguments by their names",
                           STR_FMT(function));
    a = argument_named(c->verb, str_from(node->named_arg_expr->name));
    if (a)
        return set_argument(f, c, a, node->named_arg_expr->arg);
    err_set(f->err, SQLSTATE_UNDEFINED_FUNCTION, "pgd1.%.*s() has no argument \"%s\"", STR_FMT(function),
            node->named_arg_expr->name);
    return err_hint(f->err, "%s", migrate_command_help(c->verb)->synopsis);
}

static bool check_needed(struct finder *f, const struct migrate_command *c)
{
    for (size_t i = 0; i < N_ARGUMENTS; i++)
        if (arguments[i].verb == c->verb && arguments[i].value == NEEDED &&
            !((const struct str *)(const void *)((const char *)c + arguments[i].field))->p)
            return err_set(f->err, SQLSTATE_UNDEFINED_FUNCTION, "argument \"%s\" of pgd1.%s() is missing",
                           name_of(&arguments[i]), migrate_command_help(c->verb)->function);
    return true;
}

/* ---- calls ---- */

static struct str string_of(const PgQuery__Node *node)
{
    return node && node->node_case == PG_QUERY__NODE__NODE_STRING ? str_from(node->string->sval) : (struct str){ 0 };
}

static bool begin_call(struct finder *f, enum migrate_verb verb)
{
    if (f->command)
        return err_unsupported(f->err, "more than one MIGRATE command in a statement");
    f->command = ARENA_NEW(f->arena, struct migrate_command);
    if (!f->command)
        return err_oom(f->err);
    f->command->verb = verb;
    return true;
}

static const PgQuery__FuncCall *call_of(const PgQuery__RangeFunction *r)
{
    if (r->n_functions != 1 || r->is_rowsfrom || r->ordinality || r->n_coldeflist ||
        r->functions[0]->node_case != PG_QUERY__NODE__NODE_LIST || r->functions[0]->list->n_items == 0)
        return NULL;
    const PgQuery__Node *node = r->functions[0]->list->items[0];
    bool is_ours = node->node_case == PG_QUERY__NODE__NODE_FUNC_CALL && node->func_call->n_funcname == 2 &&
                   str_is(string_of(node->func_call->funcname[0]), "pgd1");
    return is_ours ? node->func_call : NULL;
}

/* pgd1.f(…) in FROM becomes the relation pgd1.f. */
static bool see_function(struct finder *f, PgQuery__Node *node)
{
    PgQuery__RangeFunction *r = node->range_function;
    const PgQuery__FuncCall *call = call_of(r);
    if (!call)
        return true;
    struct str name = string_of(call->funcname[1]);
    enum migrate_verb verb = migrate_command_by_function(name);
    if (verb == MIGRATE_VERB_NR)
        return true; /* the analysis says that there is none */
    if (!begin_call(f, verb))
        return false;
    for (size_t i = 0; i < call->n_args; i++)
        if (!read_argument(f, f->command, call->args[i], i == 0))
            return false;
    if (!check_needed(f, f->command))
        return false;
    PgQuery__RangeVar *relation = ARENA_NEW(f->arena, PgQuery__RangeVar);
    if (!relation)
        return err_oom(f->err);
    pg_query__range_var__init(relation);
    relation->schemaname = arena_cstr(f->arena, STR("pgd1"));
    relation->relname = arena_cstr(f->arena, name);
    relation->inh = true;
    relation->relpersistence = "p";
    relation->alias = r->alias;
    relation->location = call->location;
    node->node_case = PG_QUERY__NODE__NODE_RANGE_VAR;
    node->range_var = relation;
    f->put = relation;
    return (relation->schemaname && relation->relname) || err_oom(f->err);
}

static bool see_relation(struct finder *f, const PgQuery__RangeVar *r)
{
    if (!str_is(str_from(r->schemaname), "pgd1"))
        return true;
    if (str_is(str_from(r->relname), "migrations"))
        return begin_call(f, MIGRATE_STATUS);
    if (migrate_command_by_function(str_from(r->relname)) == MIGRATE_VERB_NR)
        return true;
    err_set(f->err, SQLSTATE_UNDEFINED_TABLE, "relation \"pgd1.%s\" does not exist", r->relname);
    return err_hint(f->err, "It is a function: pgd1.%s().", r->relname);
}

/* ---- the tree ---- */

/* Everything below; the parser bounds the depth of what it accepts. */
static bool walk(ProtobufCMessage *message, void *ctx)
{
    struct finder *f = ctx;
    if (++f->n_nodes > NODES_MAX)
        return err_set(f->err, SQLSTATE_STATEMENT_TOO_COMPLEX, "the statement is too long to call MIGRATE");
    if (message->descriptor == &pg_query__node__descriptor) {
        PgQuery__Node *node = (PgQuery__Node *)(void *)message;
        if (node->node_case == PG_QUERY__NODE__NODE_RANGE_FUNCTION && !see_function(f, node))
            return false;
        if (node->node_case == PG_QUERY__NODE__NODE_RANGE_VAR && node->range_var != f->put &&
            !see_relation(f, node->range_var))
            return false;
    }
    return raw_children(message, walk, f);
}

bool migrate_call_find(const struct sql_statement *statement, struct arena *arena, struct migrate_command **ret,
                       struct err *err)
{
    struct finder f = { .arena = arena, .err = err };
    PgQuery__RawStmt *raw = statement->raw;
    *ret = NULL;
    if (!raw || !raw->stmt)
        return true;
    if (!walk(&raw->stmt->base, &f))
        return false;
    *ret = f.command;
    return true;
}
