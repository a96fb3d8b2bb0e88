/* accepted.c - see accepted.h. */
#include "proxy/sql/accepted.h"

static const struct accepted rows[] = {
#define ACCEPTED(node, name, reason) { PG_QUERY__NODE__NODE_##node, name, true, reason },
#define REFUSED(node, name, hint) { PG_QUERY__NODE__NODE_##node, name, false, hint },
#include "proxy/sql/accepted.def"
#undef ACCEPTED
#undef REFUSED
};

const struct accepted *accepted_rows(size_t *ret_n)
{
    *ret_n = sizeof(rows) / sizeof(rows[0]);
    return rows;
}

const struct accepted *accepted_find(PgQuery__Node__NodeCase node)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (rows[i].node == node)
            return &rows[i];
    return NULL;
}

bool accepted_refuse(const PgQuery__Node *node, struct err *err)
{
    const struct accepted *row = NULL;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]) && !row; i++)
        row = rows[i].node == node->node_case && !rows[i].is_accepted ? &rows[i] : NULL;
    if (!row)
        return err_unsupported(err, "this statement (node %d)", (int)node->node_case);
    err_unsupported(err, "%s", row->name);
    return row->reason ? err_hint(err, "%s", row->reason) : false;
}
