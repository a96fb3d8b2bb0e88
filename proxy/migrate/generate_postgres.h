/* generate_postgres.h - what the files of the steps in PostgreSQL's words share; nobody else includes it. */
#ifndef PGD1_MIGRATE_GENERATE_POSTGRES_H
#define PGD1_MIGRATE_GENERATE_POSTGRES_H

#include "proxy/migrate/generate_private.h"

/* ---- generate_postgres_table.c ---- */
void generate_create_tables(struct generating *g);
void generate_alter_tables(struct generating *g);
void generate_add_foreign_keys(struct generating *g);
/* Whether a column of the table goes, or gets another type. */
bool generate_changes_columns(const struct generating *g, const struct relation *is);

/* ---- generate_postgres.c ---- */
struct str generate_name(struct generating *g, struct str schema, struct str name);
void generate_comment(struct generating *g, struct str object, struct str comment);
bool generate_is_new(const struct generating *g, const struct relation *wanted);

#endif
