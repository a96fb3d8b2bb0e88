/* generate_private.h - what the files of generate.h share; nobody else includes it. */
#ifndef PGD1_MIGRATE_GENERATE_PRIVATE_H
#define PGD1_MIGRATE_GENERATE_PRIVATE_H

#include "proxy/catalog/names.h"
#include "proxy/migrate/definition.h"
#include "proxy/migrate/generate.h"

/* A foreign key that is added when the tables are there. */
struct waiting_key {
    const struct relation *table;
    const struct constraint *key;
};

struct generating {
    const struct snapshot *is, *wanted;
    const struct migrate_differences *differences;
    struct arena *arena;
    struct migrate_steps *steps;
    struct err *err;
    bool failed;                 /* no memory, or err is set */
    struct waiting_key *waiting; /* PostgreSQL's words: room for every key of `wanted` */
    size_t n_waiting;
};

/* The step of that description, with no statement yet; NULL: failed. Control characters of names become blanks. */
struct migrate_step *generate_step(struct generating *g, struct str loss, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void generate_statement(struct generating *g, struct migrate_step *step, struct str sql);
/* A step of one statement. */
void generate_one(struct generating *g, struct str loss, struct str what, struct str sql);
struct str generate_printf(struct generating *g, const char *format, ...) __attribute__((format(printf, 2, 3)));
struct str generate_loss(struct generating *g, const struct migrate_difference *d);
/* All losses of a table's differences, in one text. */
struct str generate_table_loss(struct generating *g, const struct relation *table);
bool generate_has_token(struct str sql, struct str name, struct arena *arena);
/* The parts of CREATE TABLE's parentheses, from their first token to their last; false: there are none. */
bool generate_parts(struct generating *g, struct str sql, struct str **ret, size_t *ret_n);

void generate_sqlite(struct generating *g);
void generate_postgres(struct generating *g);

#endif
