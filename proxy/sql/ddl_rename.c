/*
 * ddl_rename.c - ALTER … RENAME: refused in the open for now. SQLite could rename the table or column, but the side catalogue's
 * texts (checks, defaults, views) name them too and would have to be written again in the same batch.
 */
#include "proxy/sql/ddl_internal.h"

bool ddl_rename(struct ddl *d, const PgQuery__RenameStmt *stmt)
{
    static const struct {
        PgQuery__ObjectType type;
        const char *what;
    } rows[] = {
        { PG_QUERY__OBJECT_TYPE__OBJECT_TABLE, "ALTER TABLE RENAME" },
        { PG_QUERY__OBJECT_TYPE__OBJECT_COLUMN, "ALTER TABLE RENAME COLUMN" },
        { PG_QUERY__OBJECT_TYPE__OBJECT_TABCONSTRAINT, "ALTER TABLE RENAME CONSTRAINT" },
        { PG_QUERY__OBJECT_TYPE__OBJECT_VIEW, "ALTER VIEW RENAME" },
        { PG_QUERY__OBJECT_TYPE__OBJECT_INDEX, "ALTER INDEX RENAME" },
        { PG_QUERY__OBJECT_TYPE__OBJECT_SEQUENCE, "ALTER SEQUENCE RENAME" },
        { PG_QUERY__OBJECT_TYPE__OBJECT_TYPE, "ALTER TYPE RENAME" },
        { PG_QUERY__OBJECT_TYPE__OBJECT_SCHEMA, "ALTER SCHEMA RENAME" },
    };
    const char *what = "ALTER … RENAME";
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (rows[i].type == stmt->rename_type)
            what = rows[i].what;
    return ddl_refuse(d, -1, "Make the object anew under the other name, or rename it with wrangler.", "%s", what);
}
