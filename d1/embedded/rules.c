/* rules.c - D1's limits and denials (workerd: util/sqlite.c++, isAuthorized(), setupSecurity()); see rules.h. */
#include "d1/embedded/rules.h"

#include <stdlib.h>

enum pragma_argument { ANYTHING, NONE, BOOLEAN, NAME, NAME_OR_NONE, NUMBER_OR_NONE, NAME_NUMBER_OR_NONE };

static const struct {
    const char *name;
    enum pragma_argument argument;
} pragmas[] = {
#define PRAGMA_ROW(name, argument) { name, argument },
#include "d1/embedded/pragmas.def"
#undef PRAGMA_ROW
};

static const char *const functions[] = {
#define FUNCTION(name) name,
#include "d1/embedded/functions.def"
#undef FUNCTION
};

static const char *const modules[] = { "fts5", "fts5vocab", "rtree", "rtree_i32" };

/* The documented 2,000,000 bytes, not the local engine's larger figure: what is stored here must fit into D1 too. */
static const struct {
    int id, value;
} limits[] = {
    { SQLITE_LIMIT_LENGTH, 2000000 },
    { SQLITE_LIMIT_SQL_LENGTH, 100000 },
    { SQLITE_LIMIT_COLUMN, 100 },
    { SQLITE_LIMIT_EXPR_DEPTH, 100 },
    { SQLITE_LIMIT_COMPOUND_SELECT, 5 },
    { SQLITE_LIMIT_VDBE_OP, 25000 },
    { SQLITE_LIMIT_FUNCTION_ARG, 127 },
    { SQLITE_LIMIT_ATTACHED, 0 },
    { SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 50 },
    { SQLITE_LIMIT_VARIABLE_NUMBER, 100 },
    { SQLITE_LIMIT_TRIGGER_DEPTH, 10 },
    { SQLITE_LIMIT_WORKER_THREADS, 0 },
};

const char *const emb_rules_reset[] = {
    "PRAGMA case_sensitive_like=0",
    "PRAGMA recursive_triggers=0",
    "PRAGMA reverse_unordered_selects=0",
    "PRAGMA ignore_check_constraints=0",
    "PRAGMA legacy_alter_table=0",
    "PRAGMA defer_foreign_keys=0",
    "PRAGMA foreign_keys=1",
    NULL,
};

bool emb_rules_name_allowed(struct str name)
{
    return !str_starts_nocase(name, STR("_cf_"));
}

static bool name_allowed(const char *name)
{
    return name && emb_rules_name_allowed(str_from(name));
}

static int compare_names(const void *key, const void *element)
{
    return strcmp(key, *(const char *const *)element);
}

static bool function_allowed(const char *name)
{
    return bsearch(name, functions, sizeof(functions) / sizeof(*functions), sizeof(*functions), compare_names);
}

static bool module_allowed(const char *name)
{
    for (size_t i = 0; name && i < sizeof(modules) / sizeof(*modules); i++)
        if (str_eq_nocase(str_from(name), str_from(modules[i])))
            return true;
    return false;
}

/* Whatever starts like one of SQLite's words for a boolean, quotes aside: D1 looks no further. */
static bool is_boolean(const char *text)
{
    static const char *const words[] = { "true", "false", "yes", "no", "on", "off", "1", "0" };
    struct str s = str_from(text);
    if (s.n >= 2 && (s.p[0] == '\'' || s.p[0] == '"') && s.p[s.n - 1] == s.p[0])
        s = (struct str){ s.p + 1, s.n - 2 };
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (str_starts_nocase(s, str_from(words[i])))
            return true;
    return false;
}

static bool is_number(const char *text, int64_t lowest)
{
    int64_t n;
    return str_to_int64(str_from(text), &n) && n >= lowest && n <= INT32_MAX;
}

static bool argument_allowed(enum pragma_argument kind, const char *text)
{
    switch (kind) {
    case ANYTHING:
        return true;
    case NONE:
        return !text;
    case BOOLEAN:
        return !text || is_boolean(text);
    case NAME:
        return name_allowed(text);
    case NAME_OR_NONE:
        return !text || name_allowed(text);
    case NUMBER_OR_NONE:
        return !text || is_number(text, INT32_MIN);
    case NAME_NUMBER_OR_NONE:
        return !text || is_number(text, 0) || name_allowed(text);
    }
    return false;
}

/* D1 compares the name's bytes: PRAGMA Table_Info(t) is refused there too. */
static bool pragma_allowed(struct emb_rules *rules, const char *name, const char *argument)
{
    rules->pragma = true;
    for (size_t i = 0; i < sizeof(pragmas) / sizeof(*pragmas); i++) {
        if (strcmp(pragmas[i].name, name) != 0)
            continue;
        if (pragmas[i].argument == BOOLEAN && argument)
            rules->pragma_sets = true;
        return argument_allowed(pragmas[i].argument, argument);
    }
    return false;
}

static bool allowed_on_temp(int action, const char *name)
{
    return (action == SQLITE_READ || action == SQLITE_UPDATE) && name_allowed(name);
}

static bool allowed(struct emb_rules *rules, int action, const char *a, const char *b)
{
    switch (action) {
    case SQLITE_SELECT:
    case SQLITE_ANALYZE:
    case SQLITE_RECURSIVE:
        return true;
    case SQLITE_ALTER_TABLE:
        rules->alters_table = true;
        return name_allowed(a);
    case SQLITE_CREATE_TABLE:
    case SQLITE_CREATE_VIEW:
    case SQLITE_DELETE:
    case SQLITE_DROP_TABLE:
    case SQLITE_DROP_VIEW:
    case SQLITE_INSERT:
    case SQLITE_READ:
    case SQLITE_REINDEX:
    case SQLITE_UPDATE:
        return name_allowed(a);
    case SQLITE_CREATE_INDEX:
    case SQLITE_CREATE_TRIGGER:
    case SQLITE_DROP_INDEX:
    case SQLITE_DROP_TRIGGER:
        return name_allowed(a) && name_allowed(b);
    case SQLITE_CREATE_VTABLE:
    case SQLITE_DROP_VTABLE:
        return module_allowed(b) && name_allowed(a);
    case SQLITE_FUNCTION:
        return b && function_allowed(b);
    case SQLITE_PRAGMA:
        return a && pragma_allowed(rules, a, b);
    case SQLITE_TRANSACTION:
    case SQLITE_SAVEPOINT:
        rules->transaction_word = true;
        return false;
    }
    return false; /* ATTACH, DETACH, everything TEMP, and what a later SQLite may bring */
}

/* SQLite gives the database's name as fifth argument, but for ALTER TABLE and DETACH as third, before the table's. */
int emb_rules_authorize(void *user, int action, const char *a, const char *b, const char *database, const char *trigger)
{
    (void)trigger;
    struct emb_rules *rules = user;
    if (rules->trusted)
        return SQLITE_OK;
    if (action == SQLITE_ALTER_TABLE || action == SQLITE_DETACH) {
        database = a;
        a = b;
        b = NULL;
    }
    if (rules->saw)
        rules->saw(rules->saw_ctx, action, a, b);
    bool ok;
    if (database && strcmp(database, "temp") == 0)
        ok = allowed_on_temp(action, a);
    else if (database && strcmp(database, "main") != 0)
        ok = false;
    else
        ok = allowed(rules, action, a, b);
    return ok ? SQLITE_OK : SQLITE_DENY;
}

int emb_rules_apply(sqlite3 *db, struct emb_rules *rules)
{
    int rc = sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
    for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++)
        sqlite3_limit(db, limits[i].id, limits[i].value);
    return rc == SQLITE_OK ? sqlite3_set_authorizer(db, emb_rules_authorize, rules) : rc;
}
