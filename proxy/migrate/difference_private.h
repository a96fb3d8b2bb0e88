/* difference_private.h - what the files of difference.h share; nobody else includes it. */
#ifndef PGD1_MIGRATE_DIFFERENCE_PRIVATE_H
#define PGD1_MIGRATE_DIFFERENCE_PRIVATE_H

#include "proxy/catalog/sqlite_ddl.h"
#include "proxy/migrate/definition.h"
#include "proxy/migrate/difference.h"

struct comparing {
    const struct snapshot *is, *wanted;
    const struct relation *is_table, *wanted_table; /* under comparison */
    struct str wrangler_table;
    struct arena *arena;
    struct migrate_differences *all;
    bool failed; /* no memory */
};

void difference_add(struct comparing *c, struct migrate_difference d);
/* Of the relation under comparison, or of a part of it. */
struct migrate_difference difference_of(const struct comparing *c, enum migrate_kind kind, struct str part);
/* Adds "KIND what is A, declared B" unless both are the same; empty is "none". */
void difference_compare(struct comparing *c, struct migrate_difference d, const char *what, struct str is,
                        struct str wanted);
void difference_one_sided(struct comparing *c, struct migrate_difference d, struct str definition);
void difference_comment(struct comparing *c, struct migrate_difference d, struct str is, struct str wanted);
void difference_columns(struct comparing *c);

#endif
