/* definition.c - see definition.h. */
#include "proxy/migrate/definition.h"

#include <inttypes.h>
#include "proxy/catalog/collation.h"
#include "proxy/catalog/names.h"
#include "proxy/catalog/sqlite_ddl.h"

enum { TEXT_MAX = 4 << 20 };

struct str migrate_define_name(struct str schema, struct str name, struct arena *arena)
{
    return name_qualified(str_is(schema, "public") ? STR("") : schema, name, arena);
}

struct str migrate_define_type(const struct snapshot *s, oid_t type, int32_t typmod, struct arena *arena)
{
    return snapshot_format_type(s, type, typmod, arena);
}

struct str migrate_define_column_type(const struct snapshot *s, const struct column *column, struct arena *arena)
{
    return arena_printf(arena, "%.*s%.*s", STR_FMT(migrate_define_type(s, column->type, column->typmod, arena)),
                        STR_FMT(collation_clause(column->collation, arena)));
}

struct str migrate_define_options(const struct relation *view, struct arena *arena)
{
    struct str list = STR("");
    for (size_t i = 0; i < view->n_options; i++)
        list = arena_printf(arena, "%.*s%s%.*s", STR_FMT(list), i ? ", " : "", STR_FMT(view->options[i]));
    return list.n ? arena_printf(arena, "WITH (%.*s) ", STR_FMT(list)) : list;
}

static struct str column_list(const struct relation *r, const int16_t *numbers, size_t n, struct arena *arena)
{
    struct str list = STR("");
    for (size_t i = 0; i < n; i++) {
        const struct column *column = relation_column_by_number(r, numbers[i]);
        struct str name = column ? name_quote(column->name, arena) : STR("?");
        list = arena_printf(arena, "%.*s%s%.*s", STR_FMT(list), i ? ", " : "", STR_FMT(name));
    }
    return list;
}

struct str migrate_define_columns(const struct relation *r, const int16_t *numbers, size_t n, struct arena *arena)
{
    return arena_printf(arena, "(%.*s)", STR_FMT(column_list(r, numbers, n, arena)));
}

/* ---- constraints ---- */

static const struct {
    char action;
    const char *words;
} actions[] = { { 'a', "" }, { 'r', " RESTRICT" }, { 'c', " CASCADE" }, { 'n', " SET NULL" }, { 'd', " SET DEFAULT" } };

static struct str action_text(const char *when, char action, struct arena *arena)
{
    for (size_t i = 1; i < sizeof(actions) / sizeof(actions[0]); i++)
        if (actions[i].action == action)
            return arena_printf(arena, " ON %s%s", when, actions[i].words);
    return STR("");
}

static const struct relation *find_table(const struct snapshot *s, struct str schema, struct str name)
{
    for (size_t i = 0; i < s->n_relations; i++)
        if (str_eq(s->relations[i].schema, schema) && str_eq(s->relations[i].name, name))
            return &s->relations[i];
    return NULL;
}

static struct str foreign_key(const struct snapshot *s, const struct relation *r, const struct constraint *k,
                              struct arena *arena)
{
    const struct relation *f = find_table(s, k->foreign_schema, k->foreign_table);
    struct str target = migrate_define_name(k->foreign_schema, k->foreign_table, arena);
    struct str columns = f && k->foreign_columns ? column_list(f, k->foreign_columns, k->n_columns, arena) : STR("?");
    struct str update = action_text("UPDATE", k->on_update, arena), delete = action_text("DELETE", k->on_delete, arena);
    return arena_printf(arena, "FOREIGN KEY (%.*s) REFERENCES %.*s(%.*s)%s%.*s%.*s",
                        STR_FMT(column_list(r, k->columns, k->n_columns, arena)), STR_FMT(target), STR_FMT(columns),
                        k->match_full ? " MATCH FULL" : "", STR_FMT(update), STR_FMT(delete));
}

struct str migrate_define_constraint(const struct snapshot *s, const struct relation *r, const struct constraint *k,
                                     struct arena *arena)
{
    struct str text;
    if (k->kind == 'c')
        return arena_printf(arena, "CHECK (%.*s)", STR_FMT(k->expression));
    if (k->kind == 'f')
        text = foreign_key(s, r, k, arena);
    else
        text = arena_printf(arena, "%s (%.*s)", k->kind == 'p' ? "PRIMARY KEY" : "UNIQUE",
                            STR_FMT(column_list(r, k->columns, k->n_columns, arena)));
    return arena_printf(arena, "%.*s%s%s", STR_FMT(text), k->deferrable ? " DEFERRABLE" : "",
                        k->deferred ? " INITIALLY DEFERRED" : "");
}

/* ---- indexes ---- */

static struct str index_term(const struct relation *r, const struct index_column *x, struct arena *arena)
{
    struct str what =
        x->column ? column_list(r, &x->column, 1, arena) : arena_printf(arena, "(%.*s)", STR_FMT(x->expression));
    return arena_printf(arena, "%.*s%.*s%s%.*s%s%s", STR_FMT(what), STR_FMT(collation_clause(x->collation, arena)),
                        x->opclass.n ? " " : "", STR_FMT(x->opclass), x->descending ? " DESC" : "",
                        x->descending == x->nulls_first ? ""
                        : x->nulls_first                ? " NULLS FIRST"
                                                        : " NULLS LAST");
}

struct str migrate_define_index(const struct relation *r, const struct index *x, struct arena *arena)
{
    struct str terms = STR(""), included = STR(""), predicate = STR("");
    for (size_t i = 0; i < x->n_columns; i++)
        terms = arena_printf(arena, "%.*s%s%.*s", STR_FMT(terms), i ? ", " : "",
                             STR_FMT(index_term(r, &x->columns[i], arena)));
    if (x->n_included)
        included = arena_printf(arena, " INCLUDE (%.*s)", STR_FMT(column_list(r, x->included, x->n_included, arena)));
    if (x->predicate.n)
        predicate = arena_printf(arena, " WHERE %.*s", STR_FMT(x->predicate));
    return arena_printf(arena, "CREATE %sINDEX %.*s ON %.*s USING %s (%.*s)%.*s%.*s", x->unique ? "UNIQUE " : "",
                        STR_FMT(name_quote(x->name, arena)), STR_FMT(migrate_define_name(r->schema, r->name, arena)),
                        x->is_hash ? "hash" : "btree", STR_FMT(terms), STR_FMT(included), STR_FMT(predicate));
}

/* ---- sequences and types ---- */

struct str migrate_define_sequence(const struct snapshot *s, const struct relation *r, struct arena *arena)
{
    return arena_printf(arena,
                        "AS %.*s INCREMENT BY %" PRId64 " MINVALUE %" PRId64 " MAXVALUE %" PRId64 " START WITH %" PRId64
                        " %sCYCLE",
                        STR_FMT(migrate_define_type(s, r->seq_type, -1, arena)), r->seq_increment, r->seq_min,
                        r->seq_max, r->seq_start, r->seq_cycle ? "" : "NO ");
}

static struct str define_domain(const struct snapshot *s, const struct user_type *t, struct arena *arena)
{
    struct str text =
        arena_printf(arena, "%.*s%.*s%s%s%.*s", STR_FMT(migrate_define_type(s, t->base, t->base_typmod, arena)),
                     STR_FMT(collation_clause(t->collation, arena)), t->not_null ? " NOT NULL" : "",
                     t->default_text.n ? " DEFAULT " : "", STR_FMT(t->default_text));
    for (size_t i = 0; i < t->n_checks; i++)
        text = arena_printf(arena, "%.*s CONSTRAINT %.*s CHECK (%.*s)", STR_FMT(text),
                            STR_FMT(name_quote(t->check_names[i], arena)), STR_FMT(t->checks[i]));
    return text;
}

struct str migrate_define_user_type(const struct snapshot *s, const struct user_type *t, struct arena *arena)
{
    if (t->kind == 'd')
        return define_domain(s, t, arena);
    struct str labels = STR("");
    for (size_t i = 0; i < t->n_labels; i++)
        labels = arena_printf(arena, "%.*s%s%.*s", STR_FMT(labels), i ? ", " : "",
                              STR_FMT(name_literal(t->labels[i], arena)));
    return arena_printf(arena, "(%.*s)", STR_FMT(labels));
}

/* ---- SQLite's texts ---- */

struct str migrate_define_tokens(struct str sql, struct arena *arena)
{
    struct buf out;
    size_t at = 0;
    buf_init(&out, TEXT_MAX);
    for (struct sqlite_token t = sqlite_token_next(sql, &at); t.kind != SQLITE_TOKEN_END;
         t = sqlite_token_next(sql, &at)) {
        buf_add_str(&out, t.kind == SQLITE_TOKEN_QUOTED ? sqlite_token_value(t, arena) : t.text);
        buf_add_str(&out, STR(" "));
    }
    struct str made = out.failed ? (struct str){ 0 } : arena_str(arena, buf_str(&out));
    buf_fini(&out);
    return made;
}
