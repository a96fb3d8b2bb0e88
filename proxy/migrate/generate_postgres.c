/* generate_postgres.c - the steps in PostgreSQL's words; see generate.h. */
#include "proxy/migrate/generate_private.h"

void generate_postgres(struct generating *g)
{
    err_unsupported(g->err, "MIGRATE GENERATE of a migration in PostgreSQL's dialect");
    g->failed = true;
}
