/* system_relation.c - descriptions of PostgreSQL's own relations, from facts_relation.def and facts_column.def; see system.h. */
#include "proxy/catalog/system.h"
#include "proxy/catalog/system_pgd1.h"

#include "pgwire/types.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* clang-format off */
static const struct column columns[] = {
#define SYSTEM_COLUMN(column_name, column_number, column_type, column_typmod, is_not_null) \
    { .name = STR_INIT(column_name), .number = column_number, .type = column_type, .typmod = column_typmod, .not_null = is_not_null },
#include "proxy/catalog/facts_column.def"
#undef SYSTEM_COLUMN
};

static const struct relation relations[] = {
#define SYSTEM_RELATION(relation_oid, relation_row_type, schema_name, relation_name, engine_name, relation_kind, first_column, column_count) \
    { .oid = relation_oid, .row_type = relation_row_type, .schema = STR_INIT(schema_name), .name = STR_INIT(relation_name),                 \
      .sqlite_name = STR_INIT(engine_name), .kind = RELATION_##relation_kind, .is_system = true,                                          \
      .columns = (struct column *)&columns[first_column], .n_columns = column_count },
#include "proxy/catalog/facts_relation.def"
#undef SYSTEM_RELATION
};
/* clang-format on */

/* clang-format off */
static const struct column own_columns[] = {
#define OWN_RELATION(...)
#define OWN_COLUMN(column_name, column_number, column_type) \
    { .name = STR_INIT(column_name), .number = column_number, .type = column_type, .typmod = -1 },
#include "proxy/catalog/system_own.def"
#undef OWN_COLUMN
#undef OWN_RELATION
};

static const struct relation own_relations[] = {
#define OWN_COLUMN(...)
#define OWN_RELATION(relation_oid, relation_row_type, schema_name, relation_name, engine_name, first_column, column_count) \
    { .oid = relation_oid, .row_type = relation_row_type, .schema = STR_INIT(schema_name), .name = STR_INIT(relation_name),  \
      .sqlite_name = STR_INIT(engine_name), .kind = RELATION_VIEW, .is_system = true,                                       \
      .columns = (struct column *)&own_columns[first_column], .n_columns = column_count },
#include "proxy/catalog/system_own.def"
#undef OWN_COLUMN
#undef OWN_RELATION
};
/* clang-format on */

const struct relation *system_relations(size_t *ret_n)
{
    *ret_n = COUNT(relations);
    return relations;
}

const struct relation *system_own_relations(size_t *ret_n)
{
    *ret_n = COUNT(own_relations);
    return own_relations;
}

static const struct relation *own_relation(struct str schema, struct str name)
{
    for (size_t i = 0; i < COUNT(own_relations); i++)
        if (str_eq(own_relations[i].schema, schema) && str_eq(own_relations[i].name, name))
            return &own_relations[i];
    return NULL;
}

const struct relation *system_relation(struct str schema, struct str name)
{
    if (schema.n == 0)
        schema = STR("pg_catalog");
    size_t low = 0, high = COUNT(relations);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = str_cmp(schema, relations[middle].schema);
        if (order == 0)
            order = str_cmp(name, relations[middle].name);
        if (order == 0)
            return &relations[middle];
        if (order > 0)
            low = middle + 1;
        else
            high = middle;
    }
    return own_relation(schema, name);
}

const struct relation *system_relation_by_oid(oid_t oid)
{
    for (size_t i = 0; i < COUNT(relations); i++)
        if (relations[i].oid == oid)
            return &relations[i];
    for (size_t i = 0; i < COUNT(own_relations); i++)
        if (own_relations[i].oid == oid)
            return &own_relations[i];
    return oid == PGD1_OID_RELATION + PGD1_NUMBER_MIGRATIONS ? system_pgd1_view(0) : NULL;
}

const struct column *system_columns(void)
{
    static const struct column list[SYSTEM_COLUMNS] = {
        { .name = STR_INIT("tableoid"), .number = -6, .type = TYPE_OID_oid, .typmod = -1, .not_null = true },
        { .name = STR_INIT("cmax"), .number = -5, .type = TYPE_OID_cid, .typmod = -1, .not_null = true },
        { .name = STR_INIT("xmax"), .number = -4, .type = TYPE_OID_xid, .typmod = -1, .not_null = true },
        { .name = STR_INIT("cmin"), .number = -3, .type = TYPE_OID_cid, .typmod = -1, .not_null = true },
        { .name = STR_INIT("xmin"), .number = -2, .type = TYPE_OID_xid, .typmod = -1, .not_null = true },
        { .name = STR_INIT("ctid"), .number = -1, .type = TYPE_OID_tid, .typmod = -1, .not_null = true },
    };
    return list;
}

const struct relation *system_sequence_values(void)
{
    static struct column list[] = {
        { .name = STR_INIT("sequence"), .number = 1, .type = TYPE_OID_oid, .typmod = -1, .not_null = true },
        { .name = STR_INIT("last_value"), .number = 2, .type = TYPE_OID_int8, .typmod = -1 },
    };
    static const struct relation values = { .schema = STR_INIT("pgd1"),
                                            .name = STR_INIT("sequence_values"),
                                            .sqlite_name = STR_INIT("_pgd1_sequence"),
                                            .kind = RELATION_SEQUENCE,
                                            .columns = list,
                                            .n_columns = 2 };
    return &values;
}

/* --- views --- */

/* clang-format off */
static const struct {
    const char *schema, *name, *text;
} views[] = {
#define SYSTEM_VIEW(schema, name, text) { schema, name, text },
#include "proxy/catalog/facts_view.def"
#undef SYSTEM_VIEW
};

static const struct {
    const char *schema, *name;
} made[] = {
#define MADE(schema, name, reason) { schema, name },
#include "proxy/catalog/system_made.def"
#undef MADE
#define EMPTY(schema, name, reason) { schema, name },
#include "proxy/catalog/system_empty.def"
#undef EMPTY
};
/* clang-format on */

static bool is_made(const struct relation *r)
{
    for (size_t i = 0; i < COUNT(made); i++)
        if (str_is(r->name, made[i].name) && str_is(r->schema, made[i].schema))
            return true;
    return false;
}

struct str system_view_definition(const struct relation *r)
{
    for (size_t i = 0; r->kind == RELATION_VIEW && i < COUNT(views); i++)
        if (str_is(r->name, views[i].name) && str_is(r->schema, views[i].schema))
            return str_from(views[i].text);
    return system_pgd1_view_definition(r);
}

/* clang-format off */
static const struct {
    const char *schema, *name, *text;
} ours[] = {
#define SYSTEM_VIEW(schema, name, text) { schema, name, text },
#include "proxy/catalog/system_views.def"
#undef SYSTEM_VIEW
};
/* clang-format on */

struct str system_view_text(const struct relation *r)
{
    for (size_t i = 0; i < COUNT(ours); i++)
        if (str_is(r->name, ours[i].name) && str_is(r->schema, ours[i].schema))
            return str_from(ours[i].text);
    return is_made(r) || str_is(r->schema, "pgd1") ? (struct str){ 0 } : system_view_definition(r);
}
