/* difference_column.c - the columns of a table, facet by facet; see difference.h. */
#include "proxy/migrate/difference_private.h"

/* A column as one side has it. */
struct side {
    const struct comparing *c;
    const struct snapshot *snapshot;
    const struct relation *table;
    const struct column *column;
    const struct sqlite_column *parsed; /* NULL: no text of SQLite's tells more */
};

static struct str type_of(const struct side *s)
{
    return migrate_define_column_type(s->snapshot, s->column, s->c->arena);
}

static struct str storage_of(const struct side *s)
{
    static const char *const names[] = {
        [COLUMN_NATURAL] = "natural",           [COLUMN_NUMBER] = "number",
        [COLUMN_UNIX_S] = "Unix seconds",       [COLUMN_UNIX_MS] = "Unix milliseconds",
        [COLUMN_UNIX_US] = "Unix microseconds", [COLUMN_DATETIME] = "date and time as SQLite writes them",
        [COLUMN_LOOSE] = "as others write it",
    };
    return arena_printf(s->c->arena, "%s%s", names[s->column->storage],
                        s->column->is_strict_text ? ", with affinity TEXT" : "");
}

static struct str not_null_of(const struct side *s)
{
    return s->column->takes_null ? STR("NOT NULL for PostgreSQL alone")
           : s->column->not_null ? STR("NOT NULL")
                                 : STR("NULL");
}

static struct str generated_of(const struct side *s)
{
    if (!s->column->generated)
        return STR("");
    return arena_printf(s->c->arena, "%.*s%s", STR_FMT(s->column->default_text),
                        s->parsed && !s->parsed->generated_stored ? " VIRTUAL" : " STORED");
}

static struct str identity_of(const struct side *s)
{
    return s->column->identity == 'a' ? STR("ALWAYS") : s->column->identity == 'd' ? STR("BY DEFAULT") : STR("");
}

static struct str sequence_of(const struct side *s)
{
    const struct column *column = s->column;
    return column->sequence.n ? arena_printf(s->c->arena, "%.*s%s", STR_FMT(column->sequence),
                                             column->sequence_is_rowid ? " (AUTOINCREMENT)" : "")
                              : STR("");
}

/* D1's own words where they are what counts. */
static struct str default_of(const struct side *s)
{
    const struct column *column = s->column;
    if (column->generated || (column->sequence.n && !column->identity))
        return STR("");
    return column->default_is_foreign ? column->sqlite_default : column->default_text;
}

static struct str collation_of(const struct side *s)
{
    return s->column->has_collation && s->parsed ? s->parsed->collation : STR("");
}

static struct str rowid_of(const struct side *s)
{
    return s->column->is_rowid ? STR("the rowid") : STR("");
}

static struct str comment_of(const struct side *s)
{
    return s->table->column_comments ? s->table->column_comments[s->column->number - 1] : STR("");
}

static const struct {
    enum migrate_facet facet;
    const char *name;
    struct str (*of)(const struct side *s);
} facets[] = {
    { MIGRATE_FACET_TYPE, "type", type_of },
    { MIGRATE_FACET_STORAGE, "storage", storage_of },
    { MIGRATE_FACET_NOT_NULL, "nullability", not_null_of },
    { MIGRATE_FACET_GENERATED, "generation", generated_of },
    { MIGRATE_FACET_IDENTITY, "identity", identity_of },
    { MIGRATE_FACET_SEQUENCE, "sequence", sequence_of },
    { MIGRATE_FACET_DEFAULT, "default", default_of },
    { MIGRATE_FACET_COLLATION, "collation", collation_of },
    { MIGRATE_FACET_ROWID, "place", rowid_of },
};

static const struct sqlite_column *parsed_column(const struct sqlite_table *t, struct str name)
{
    for (const struct sqlite_column *column = t->columns; column; column = column->next)
        if (str_eq_nocase(column->name, name))
            return column;
    return NULL;
}

static void compare_column(struct comparing *c, const struct side *is, const struct side *wanted)
{
    struct migrate_difference d = difference_of(c, MIGRATE_KIND_COLUMN, is->column->name);
    d.is_part = is->column;
    d.wanted_part = wanted->column;
    for (size_t i = 0; i < sizeof(facets) / sizeof(facets[0]); i++) {
        d.facet = facets[i].facet;
        difference_compare(c, d, facets[i].name, facets[i].of(is), facets[i].of(wanted));
    }
    difference_comment(c, d, comment_of(is), comment_of(wanted));
}

static struct str definition_of(struct side s)
{
    struct str value = s.column->generated ? generated_of(&s) : default_of(&s);
    return arena_printf(s.c->arena, "%.*s%s%s%.*s", STR_FMT(type_of(&s)), s.column->not_null ? " NOT NULL" : "",
                        value.n ? s.column->generated ? " GENERATED ALWAYS AS " : " DEFAULT " : "", STR_FMT(value));
}

void difference_columns(struct comparing *c)
{
    struct sqlite_table is_parsed = { 0 }, wanted_parsed = { 0 };
    struct side is = { .c = c, .snapshot = c->is, .table = c->is_table };
    struct side wanted = { .c = c, .snapshot = c->wanted, .table = c->wanted_table };
    sqlite_parse_table(is.table->sqlite_sql, c->arena, &is_parsed); /* of virtual tables: none */
    sqlite_parse_table(wanted.table->sqlite_sql, c->arena, &wanted_parsed);
    for (size_t i = 0; i < is.table->n_columns; i++) {
        is.column = &is.table->columns[i];
        is.parsed = parsed_column(&is_parsed, is.column->name);
        wanted.column = relation_column(wanted.table, is.column->name);
        struct migrate_difference d = difference_of(c, MIGRATE_KIND_COLUMN, is.column->name);
        d.change = MIGRATE_UNDECLARED;
        d.is_part = is.column;
        if (wanted.column) {
            wanted.parsed = parsed_column(&wanted_parsed, is.column->name);
            compare_column(c, &is, &wanted);
        } else {
            difference_one_sided(c, d, definition_of(is));
        }
    }
    for (size_t i = 0; i < wanted.table->n_columns; i++) {
        wanted.column = &wanted.table->columns[i];
        wanted.parsed = parsed_column(&wanted_parsed, wanted.column->name);
        struct migrate_difference d = difference_of(c, MIGRATE_KIND_COLUMN, wanted.column->name);
        d.change = MIGRATE_ABSENT;
        d.wanted_part = wanted.column;
        if (!relation_column(is.table, wanted.column->name))
            difference_one_sided(c, d, definition_of(wanted));
    }
}
