/*
 * accepted.h - statements without a plan of their own: the visible list of those accepted without effect, and the names of the refused.
 *
 * One row each in accepted.def; the README's "what is not supported" is generated from it.
 */
#ifndef PGD1_SQL_ACCEPTED_H
#define PGD1_SQL_ACCEPTED_H

#include <pg_query/pg_query.pb-c.h>
#include "proxy/base/err.h"

struct accepted {
    PgQuery__Node__NodeCase node;
    const char *name;   /* as PostgreSQL writes the command */
    bool is_accepted;   /* answered with its tag and no effect */
    const char *reason; /* why nothing needs doing, or the hint of the refusal; NULL: none */
};

const struct accepted *accepted_find(PgQuery__Node__NodeCase node); /* NULL: no row */
const struct accepted *accepted_rows(size_t *ret_n);
/* 0A000 naming the command; answers false. */
bool accepted_refuse(const PgQuery__Node *node, struct err *err);

#endif
