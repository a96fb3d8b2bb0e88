/* system_migration.c - pgd1.migrations and the relations that stand for pgd1.migrate_*(); see system.h. */
#include "proxy/catalog/system.h"
#include "proxy/catalog/system_pgd1.h"

#include <pthread.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* clang-format off */
enum {
#define COMMAND(verb, number, function, synopsis, help) VERB_##verb,
#define CLAUSE(verb, words, field, value)
#include "proxy/migrate/commands.def"
#undef COMMAND
#undef CLAUSE
    VERB_NR
};

static const uint16_t numbers[] = {
#define COMMAND(verb, number, function, synopsis, help) number,
#define CLAUSE(verb, words, field, value)
#include "proxy/migrate/commands.def"
#undef COMMAND
#undef CLAUSE
};

static const char *const functions[] = {
#define COMMAND(verb, number, function, synopsis, help) function,
#define CLAUSE(verb, words, field, value)
#include "proxy/migrate/commands.def"
#undef COMMAND
#undef CLAUSE
};

static struct column columns[] = {
#define COLUMN(verb, column_name, column_type) { .name = STR_INIT(column_name), .type = column_type, .typmod = -1 },
#include "proxy/migrate/columns.def"
#undef COLUMN
};

static const int verb_of_column[] = {
#define COLUMN(verb, column_name, column_type) VERB_##verb,
#include "proxy/migrate/columns.def"
#undef COLUMN
};
/* clang-format on */

static struct relation relations[VERB_NR + 1]; /* the last one: migrations */
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* The columns of a command stand together in columns.def. */
static void make(struct relation *r, int verb, struct str name, oid_t number)
{
    *r = (struct relation){ .oid = PGD1_OID_RELATION + number,
                            .row_type = PGD1_OID_ROW_TYPE + number,
                            .schema = STR("pgd1"),
                            .name = name,
                            .sqlite_name = name,
                            .kind = RELATION_VIEW,
                            .is_system = true };
    for (size_t i = 0; i < COUNT(columns); i++) {
        if (verb_of_column[i] != verb)
            continue;
        if (!r->columns)
            r->columns = &columns[i];
        columns[i].number = (int16_t)++r->n_columns;
    }
}

static void make_all(void)
{
    for (int verb = 0; verb < VERB_NR; verb++)
        make(&relations[verb], verb, str_from(functions[verb]), numbers[verb]);
    make(&relations[VERB_NR], VERB_STATUS, STR("migrations"), PGD1_NUMBER_MIGRATIONS);
}

const struct relation *system_migration_relations(size_t *ret_n)
{
    pthread_once(&once, make_all);
    *ret_n = COUNT(relations);
    return relations;
}

const struct relation *system_migration_relation(struct str name)
{
    size_t n;
    const struct relation *all = system_migration_relations(&n);
    for (size_t i = 0; i < n; i++)
        if (str_eq(all[i].name, name) && all[i].n_columns)
            return &all[i];
    return NULL;
}
