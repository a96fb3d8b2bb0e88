/*
 * ddl_load.c - a table of the snapshot -> a table under construction, to be changed and printed again.
 *
 * D1's own text says what the snapshot does not keep: declared types, defaults and checks in SQLite's words, where a constraint stands.
 */
#include "proxy/sql/ddl_internal.h"

#include "proxy/catalog/declared_type.h"
#include "proxy/catalog/sqlite_ddl.h"

struct new_column *ddl_find_column(const struct new_table *table, struct str name)
{
    for (size_t i = 0; i < table->n_columns; i++)
        if (!table->columns[i].dropped && str_eq(table->columns[i].column.name, name))
            return &table->columns[i];
    return NULL;
}

struct new_constraint *ddl_find_constraint(const struct new_table *table, struct str name)
{
    for (size_t i = 0; i < table->n_constraints; i++)
        if (!table->constraints[i].dropped && str_eq(table->constraints[i].constraint.name, name))
            return &table->constraints[i];
    return NULL;
}

void ddl_forget_column(struct ddl *d, struct new_column *column)
{
    column->dropped = true;
    column->column.name = ddl_printf(d, "........pg.dropped.%d........", column->column.number);
}

bool ddl_mentions(struct ddl *d, struct str text, struct str name)
{
    size_t at = 0;
    for (struct sqlite_token token = sqlite_token_next(text, &at); token.kind != SQLITE_TOKEN_END;
         token = sqlite_token_next(text, &at))
        if ((token.kind == SQLITE_TOKEN_WORD || token.kind == SQLITE_TOKEN_QUOTED) &&
            str_eq_nocase(sqlite_token_value(token, d->arena), name))
            return true;
    return false;
}

struct str ddl_object_sql(const struct ddl *d, const char *type, struct str sqlite_name)
{
    for (size_t i = 0; i < d->snapshot->n_objects; i++) {
        const struct snapshot_object *object = &d->snapshot->objects[i];
        size_t at = 0;
        if (!object->sql.n || !str_is(object->type, type))
            continue;
        struct sqlite_token token = sqlite_token_next(object->sql, &at); /* CREATE [UNIQUE] INDEX name */
        while (token.kind == SQLITE_TOKEN_WORD && !str_eq_nocase(token.text, str_from(type)))
            token = sqlite_token_next(object->sql, &at);
        if (str_eq_nocase(sqlite_token_value(sqlite_token_next(object->sql, &at), d->arena), sqlite_name))
            return object->sql;
    }
    return (struct str){ 0 };
}

const struct snapshot_side *ddl_side_find(const struct ddl *d, const char *kind, struct str schema, struct str name)
{
    for (size_t i = 0; i < d->snapshot->n_side; i++) {
        const struct snapshot_side *row = &d->snapshot->side[i];
        if (str_is(row->kind, kind) && str_eq(row->schema, schema) && str_eq(row->name, name))
            return row;
    }
    return NULL;
}

/* ---- columns ---- */
static struct str type_check_of(const struct sqlite_table *parsed, int number)
{
    for (const struct sqlite_constraint *c = parsed->constraints; c; c = c->next)
        if (c->kind == SQLITE_CHECK && c->column == number && str_starts(c->name, STR("_pgd1_")))
            return c->expression;
    return (struct str){ 0 };
}

static bool load_column(struct ddl *d, const struct relation *r, size_t i, const struct sqlite_table *parsed,
                        const struct sqlite_column *own, struct new_table *table)
{
    const struct column *old = &r->columns[i];
    struct declared_type read = declared_type_read(own->declared);
    struct new_column column = { .column = *old,
                                 .old = old,
                                 .location = -1,
                                 .declared = own->declared,
                                 .autoincrement = own->autoincrement,
                                 .collation = own->collation,
                                 .type_check = type_check_of(parsed, (int)i),
                                 .sqlite_generated = own->generated_text,
                                 .comment = r->column_comments ? r->column_comments[i] : STR("") };
    column.is_derivable = read.type == old->type && read.typmod == old->typmod && read.storage == old->storage;
    if (own->default_text.n &&
        old->default_text.n) /* else D1's is one that was dropped, or a placeholder of ADD COLUMN */
        column.sqlite_default =
            own->default_is_expression ? ddl_printf(d, "(%.*s)", STR_FMT(own->default_text)) : own->default_text;
    return DDL_PUSH(d, table->columns, table->n_columns, column);
}

static bool load_columns(struct ddl *d, const struct relation *r, const struct sqlite_table *parsed,
                         struct new_table *table)
{
    const struct sqlite_column *own = parsed->columns;
    for (size_t i = 0; i < r->n_columns; i++, own = own->next)
        if (!own || !str_eq_nocase(own->name, r->columns[i].name))
            return ddl_refuse(d, -1, NULL, "changing table \"%.*s\", whose definition is not understood,",
                              STR_FMT(r->name));
        else if (!load_column(d, r, i, parsed, own, table))
            return false;
    return true;
}

/* ---- constraints ---- */
/* What D1's text says of a constraint; NULL: an index stands for it. Foreign keys come in the text's order. */
static const struct sqlite_constraint *parsed_of(const struct sqlite_table *parsed, const struct constraint *c,
                                                 size_t n_keys_before)
{
    for (const struct sqlite_constraint *p = parsed->constraints; p; p = p->next) {
        if (c->kind == 'f') {
            if (p->kind == SQLITE_FOREIGN_KEY && n_keys_before-- == 0)
                return p;
        } else if (c->kind == 'c') {
            struct str known = p->name.n ? p->name : p->expression;
            if (p->kind == SQLITE_CHECK && str_eq(known, c->sqlite_name))
                return p;
        } else if (p->kind == (c->kind == 'p' ? SQLITE_PRIMARY_KEY : SQLITE_UNIQUE)) {
            return p; /* where it stands does not matter: keys are printed behind the columns */
        }
    }
    return NULL;
}

static bool load_constraints(struct ddl *d, const struct relation *r, const struct sqlite_table *parsed,
                             struct new_table *table)
{
    size_t n_keys = 0, n_parsed = 0;
    for (const struct sqlite_constraint *p = parsed->constraints; p; p = p->next)
        n_parsed += p->kind == SQLITE_FOREIGN_KEY;
    for (size_t i = 0; i < r->n_constraints; i++) {
        const struct constraint *old = &r->constraints[i];
        bool key = old->kind == 'p' || old->kind == 'u';
        struct new_constraint c = { .constraint = *old, .location = -1, .column = -1, .is_named = true };
        c.is_index = key && old->sqlite_name.n;
        const struct sqlite_constraint *p = c.is_index ? NULL : parsed_of(parsed, old, n_keys);
        if (!c.is_index && !p)
            return ddl_refuse(d, -1, NULL, "changing table \"%.*s\", whose constraints are not understood,",
                              STR_FMT(r->name));
        if (p && !key)
            c.column = p->column;
        if (old->kind == 'c')
            c.sqlite_check = p->expression;
        if (old->kind == 'f') {
            bool self = str_eq(old->foreign_table, r->name) && str_eq(old->foreign_schema, r->schema);
            c.foreign = self ? NULL : snapshot_relation(d->snapshot, NULL, 0, old->foreign_schema, old->foreign_table);
            n_keys++;
        }
        if (!DDL_PUSH(d, table->constraints, table->n_constraints, c))
            return false;
    }
    if (n_keys != n_parsed)
        return ddl_refuse(d, -1, "Create the table it refers to first.",
                          "changing table \"%.*s\", which has a foreign key to a table that does not exist,",
                          STR_FMT(r->name));
    return true;
}

bool ddl_load_table(struct ddl *d, const struct relation *r, struct new_table *ret)
{
    struct sqlite_table parsed;
    *ret = (struct new_table){ .schema = r->schema, .name = r->name, .sqlite_name = r->sqlite_name, .old = r };
    if (!sqlite_parse_table(r->sqlite_sql, d->arena, &parsed))
        return ddl_refuse(d, -1, NULL, "changing table \"%.*s\", whose definition is not understood,",
                          STR_FMT(r->name));
    ret->strict = parsed.strict;
    ret->unlogged = r->is_unlogged;
    ret->without_rowid = parsed.without_rowid;
    if (parsed.has_more)
        ret->unkept = "ON CONFLICT, MATCH or DESC";
    return load_columns(d, r, &parsed, ret) && load_constraints(d, r, &parsed, ret) && ddl_table_scope(d, ret);
}
