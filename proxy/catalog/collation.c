/* collation.c - see collation.h. */
#include "proxy/catalog/collation.h"

#include "proxy/catalog/names.h"
#include "proxy/catalog/system_rows.h"

enum { COLLATION_NAME = 1 }; /* a row of pg_collation: OID, name, … */

oid_t collation_named(struct str name)
{
    if (!name.n)
        return 0;
    struct value **rows;
    size_t n;
    fixed_rows(system_relation(STR("pg_catalog"), STR("pg_collation")), &rows, &n);
    for (size_t i = 0; i < n; i++)
        if (str_eq(rows[i][COLLATION_NAME].bytes, name))
            return (oid_t)rows[i][0].integer;
    return 0;
}

struct str collation_name(oid_t collation)
{
    const struct value *row = fixed_row("pg_collation", collation);
    return row ? row[COLLATION_NAME].bytes : STR("");
}

struct str collation_clause(oid_t collation, struct arena *arena)
{
    return collation ? arena_printf(arena, " COLLATE %.*s", STR_FMT(name_quote(collation_name(collation), arena)))
                     : STR("");
}

oid_t collation_of_type(const struct snapshot *s, oid_t type)
{
    const struct pg_type *known = pg_type_by_oid(type);
    const struct user_type *user = known || !s ? NULL : snapshot_user_type(s, type);
    if (known)
        return known->collation;
    if (!user || user->kind != 'd')
        return 0;
    return user->collation ? user->collation : collation_of_type(s, user->base);
}

oid_t collation_of_column(const struct snapshot *s, const struct column *c)
{
    return c->collation ? c->collation : collation_of_type(s, c->type);
}

oid_t collation_of_indexed(const struct snapshot *s, const struct column *column, const struct index_column *x)
{
    if (column)
        return collation_of_column(s, column);
    return x->expression_collation ? x->expression_collation : collation_of_type(s, x->type);
}
