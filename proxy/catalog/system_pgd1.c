/* system_pgd1.c - see system_pgd1.h. */
#include "proxy/catalog/system_pgd1.h"

#include <pthread.h>
#include <stdio.h>
#include "pgwire/types.h"
#include "proxy/catalog/system.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* ---- the tables ---- */

enum clause_value { NONE, TEXT, NEEDED };

/* clang-format off */
enum {
#define COMMAND(verb, number, function, synopsis, help) VERB_##verb,
#define CLAUSE(verb, words, field, value)
#include "proxy/migrate/commands.def"
#undef COMMAND
#undef CLAUSE
    VERB_NR
};

static const struct {
    const char *function;
    oid_t number;
} commands[VERB_NR] = {
#define COMMAND(verb, number, function, synopsis, help) { function, number },
#define CLAUSE(verb, words, field, value)
#include "proxy/migrate/commands.def"
#undef COMMAND
#undef CLAUSE
};

static const struct {
    int verb;
    const char *field;
    enum clause_value value;
} clauses[] = {
#define COMMAND(verb, number, function, synopsis, help)
#define CLAUSE(verb, words, field, value) { VERB_##verb, #field, value },
#include "proxy/migrate/commands.def"
#undef COMMAND
#undef CLAUSE
};

static const struct {
    const char *field, *name;
} renamed[] = {
#define RENAMED(field, name) { #field, name },
#include "proxy/migrate/arguments.def"
#undef RENAMED
};

static const struct {
    int verb;
    const char *name;
    unsigned type;
} columns[] = {
#define COLUMN(verb, name, type) { VERB_##verb, name, type },
#include "proxy/migrate/columns.def"
#undef COLUMN
};
/* clang-format on */

/* ---- functions ---- */

enum { LIST_MAX = 500 };

static struct pg_proc functions[VERB_NR];
static char lists[VERB_NR][3][LIST_MAX]; /* names of arguments, their defaults, columns */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void append(char *list, const char *between, const char *text)
{
    size_t n = strlen(list);
    snprintf(list + n, LIST_MAX - n, "%s%s", n ? between : "", text);
}

static const char *argument_name(const char *field)
{
    for (size_t i = 0; i < COUNT(renamed); i++)
        if (strcmp(renamed[i].field, field) == 0)
            return renamed[i].name;
    return field;
}

static void add_argument(struct pg_proc *p, char (*list)[LIST_MAX], const char *field, enum clause_value value)
{
    p->args[p->n_args++] = value == NONE ? TYPE_OID_bool : TYPE_OID_text;
    append(list[0], ",", argument_name(field));
    if (value == NEEDED)
        return;
    p->n_defaults++;
    append(list[1], "\x1f", value == NONE ? "false" : "NULL::text");
}

/* Arguments that are needed stand first in commands.def. */
static void make_function(int verb)
{
    struct pg_proc *p = &functions[verb];
    char(*list)[LIST_MAX] = lists[verb], column[80];
    *p = (struct pg_proc){ .oid = PGD1_OID_FUNCTION + commands[verb].number,
                           .name = commands[verb].function,
                           .kind = 'f',
                           .volatility = 'v',
                           .returns_set = true,
                           .result = TYPE_OID_record,
                           .source = commands[verb].function,
                           .language = 'i',
                           .cost = 1,
                           .rows = 1000,
                           .parallel = 'u' };
    for (size_t i = 0; i < COUNT(clauses); i++)
        if (clauses[i].verb == verb && p->n_args < PG_PROC_ARGS_MAX)
            add_argument(p, list, clauses[i].field, clauses[i].value);
    for (size_t i = 0; i < COUNT(columns); i++) {
        if (columns[i].verb != verb)
            continue;
        snprintf(column, sizeof(column), "%s %u", columns[i].name, columns[i].type);
        append(list[2], ",", column);
    }
    p->arg_names = *list[0] ? list[0] : NULL;
    p->defaults = *list[1] ? list[1] : NULL;
    p->out_args = list[2];
}

static void make_functions(void)
{
    for (int verb = 0; verb < VERB_NR; verb++)
        make_function(verb);
}

const struct pg_proc *system_pgd1_functions(size_t *ret_n)
{
    pthread_once(&once, make_functions);
    *ret_n = VERB_NR;
    return functions;
}

const struct pg_proc *system_pgd1_function(oid_t oid)
{
    size_t n;
    const struct pg_proc *all = system_pgd1_functions(&n);
    for (size_t i = 0; i < n && oid > PGD1_OID_FUNCTION && oid < PGD1_OID_END; i++)
        if (all[i].oid == oid)
            return &all[i];
    return NULL;
}

const struct pg_proc *system_pgd1_function_named(struct str name)
{
    size_t n;
    const struct pg_proc *all = system_pgd1_functions(&n);
    for (size_t i = 0; i < n; i++)
        if (str_is(name, all[i].name))
            return &all[i];
    return NULL;
}

/* ---- views ---- */

const struct relation *system_pgd1_view(size_t n)
{
    size_t n_own, at = 0;
    const struct relation *own = system_own_relations(&n_own);
    if (n == 0)
        return system_migration_relation(STR("migrations"));
    for (size_t i = 0; i < n_own; i++)
        if (str_is(own[i].schema, "pgd1") && ++at == n)
            return &own[i];
    return NULL;
}

static char definition[LIST_MAX];
static pthread_once_t defined = PTHREAD_ONCE_INIT;

static void define(void)
{
    const struct relation *r = system_migration_relation(STR("migrations"));
    const char *function = commands[VERB_STATUS].function;
    char item[120];
    for (size_t i = 0; i < r->n_columns; i++) {
        snprintf(item, sizeof(item), "%s%s.%.*s", i ? "" : " SELECT ", function, STR_FMT(r->columns[i].name));
        append(definition, ",\n    ", item);
    }
    size_t n = strlen(definition);
    snprintf(definition + n, sizeof(definition) - n, "\n   FROM pgd1.%s()", function);
}

struct str system_pgd1_view_definition(const struct relation *r)
{
    if (r->oid != PGD1_OID_RELATION + PGD1_NUMBER_MIGRATIONS)
        return (struct str){ 0 };
    pthread_once(&defined, define);
    return str_from(definition);
}

/* ---- who names them ---- */

static bool is_word_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || (c & 0x80);
}

static bool is_oid(int64_t oid)
{
    return oid >= PGD1_OID_SCHEMA && oid < PGD1_OID_END;
}

static bool word_names(struct str word)
{
    int64_t number;
    return str_eq_nocase(word, STR("pgd1")) || (word.n == 5 && str_to_int64(word, &number) && is_oid(number));
}

bool system_pgd1_is_named(struct str text)
{
    for (size_t i = 0, end; i < text.n; i = end + 1) {
        for (end = i; end < text.n && is_word_byte(text.p[end]); end++)
            ;
        if (end - i >= 4 && end - i <= 5 && word_names((struct str){ text.p + i, end - i }))
            return true;
    }
    return false;
}

bool system_pgd1_is_value(const struct value *v)
{
    return (v->class == VALUE_INTEGER && is_oid(v->integer)) ||
           (v->class == VALUE_TEXT && system_pgd1_is_named(v->bytes));
}
