#include "proxy/migrate/generate_private.h"
void generate_postgres(struct generating *g)
{
    err_unsupported(g->err, "a migration in PostgreSQL's dialect");
    g->failed = true;
}
