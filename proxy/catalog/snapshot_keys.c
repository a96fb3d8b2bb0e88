/* snapshot_keys.c - constraints and indexes of a snapshot, with PostgreSQL's names where D1's schema has none; see snapshot.h. */
#include "pgwire/types.h"
#include "proxy/catalog/snapshot_build.h"

#include <cjson/cJSON.h>
#include "proxy/catalog/collation.h"
#include "proxy/catalog/names.h"

/* ---- small things ---- */
/* Names of relations (tables, indexes, sequences) and of constraints share a schema each; taken ones are numbered on. */
struct taken {
    const struct relation *relation;
    size_t n_constraints;
};

static bool is_taken(void *ctx, struct str name)
{
    const struct taken *taken = ctx;
    for (size_t i = 0; i < taken->n_constraints; i++)
        if (str_eq(taken->relation->constraints[i].name, name))
            return true;
    return false;
}

static struct str invent_name(struct build *b, const struct relation *r, struct str column, const char *label)
{
    struct taken taken = { r, r->n_constraints };
    return build_keep(b, name_choose(r->name, column, label, is_taken, &taken, b->arena));
}

/* Attribute numbers of columns by name; false when one is not there. */
static bool numbers_of(struct build *b, const struct relation *r, const struct str *names, size_t n, int16_t **ret)
{
    int16_t *numbers = BUILD_ARRAY(b, int16_t, n);
    for (size_t i = 0; i < n && numbers; i++) {
        const struct column *column = build_column(r, names[i]);
        if (!column)
            return false;
        numbers[i] = column->number;
    }
    *ret = numbers;
    return numbers != NULL;
}

static struct str joined_names(struct build *b, const struct relation *r, const int16_t *numbers, size_t n)
{
    struct str *names = BUILD_ARRAY(b, struct str, n);
    for (size_t i = 0; i < n && names; i++)
        names[i] = r->columns[numbers[i] - 1].name;
    return names ? build_keep(b, name_join_columns(names, n, b->arena)) : STR("");
}

static bool same_columns(const struct constraint *c, const struct index *index)
{
    if (c->n_columns != index->n_columns)
        return false;
    for (size_t i = 0; i < c->n_columns; i++)
        if (c->columns[i] != index->columns[i].column)
            return false;
    return true;
}

static struct constraint *constraint_add(struct relation *r, char kind)
{
    struct constraint *c = &r->constraints[r->n_constraints++];
    *c = (struct constraint){ .kind = kind };
    return c;
}

static void constraint_comment(struct build *b, const struct relation *r, struct constraint *c)
{
    const cJSON *detail = side_find_child(&b->side, "constraint", r->schema, r->name, c->name);
    c->comment = side_text(&b->side, detail, "comment");
    c->not_valid = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(detail, "not_valid"));
}

/* ---- indexes ---- */
/* PostgreSQL's words of an index term that is no column, or a predicate: the side catalogue's, else SQLite's own. */
static struct str term_text(struct build *b, struct str stored, struct str sqlite)
{
    return stored.n ? stored : build_keep(b, arena_printf(b->arena, "(%.*s)", STR_FMT(sqlite)));
}

/* D1's index may carry them as further terms, which only save look-ups. */
static void index_included(struct build *b, const struct relation *r, struct index *index, const cJSON *detail)
{
    const cJSON *names = cJSON_GetObjectItemCaseSensitive(detail, "include"), *name;
    index->included = BUILD_ARRAY(b, int16_t, names ? (size_t)cJSON_GetArraySize(names) : 0);
    cJSON_ArrayForEach(name, names)
    {
        const struct column *column = cJSON_IsString(name) ? build_column(r, str_from(name->valuestring)) : NULL;
        if (column && index->included)
            index->included[index->n_included++] = column->number;
    }
}

static void index_terms(struct build *b, const struct table_source *t, struct index *index, struct row_span terms,
                        const cJSON *detail, const struct sqlite_index *parsed)
{
    const cJSON *stored = cJSON_GetObjectItemCaseSensitive(detail, "columns");
    size_t n_stored = stored ? (size_t)cJSON_GetArraySize(stored) : terms.n, n_included;
    index_included(b, t->relation, index, detail);
    n_included = index->n_included;
    index->columns = BUILD_ARRAY(b, struct index_column, terms.n);
    for (size_t i = 0; i < terms.n && index->columns; i++) {
        struct str sqlite = i < parsed->n_terms ? parsed->terms[i].text : STR("");
        if (i >= n_stored && i - n_stored < n_included && read_integer(&terms.rows[i], 6) >= 0)
            continue;
        if (i >= n_stored) {
            index->guard = build_keep(b, arena_printf(b->arena, "%.*s, %.*s", STR_FMT(index->guard), STR_FMT(sqlite)));
            continue;
        }
        struct index_column *term = &index->columns[index->n_columns++];
        const cJSON *words = cJSON_GetArrayItem(stored, (int)i);
        const cJSON *nulls_first = cJSON_GetObjectItemCaseSensitive(words, "nulls_first");
        const struct column *column =
            read_integer(&terms.rows[i], 6) >= 0 ? build_column(t->relation, read_text(&terms.rows[i], 7)) : NULL;
        term->descending = read_integer(&terms.rows[i], 8) != 0;
        term->opclass = side_text(&b->side, words, "opclass");
        term->collation = collation_named(side_text(&b->side, words, "collation"));
        term->expression_collation = collation_named(side_text(&b->side, words, "expression_collation"));
        term->nulls_first = cJSON_IsBool(nulls_first) ? cJSON_IsTrue(nulls_first) : term->descending;
        term->column = column ? column->number : 0;
        if (column)
            continue;
        term->sqlite = build_keep(b, arena_str(b->arena, sqlite));
        term->expression = term_text(b, side_text(&b->side, words, "expression"), sqlite);
        term->label = side_text(&b->side, words, "label");
        term->label = term->label.n ? term->label : STR("expr");
        term->type = build_type_named(b, words, "type", "type_schema", TYPE_OID_text);
    }
}

/* ALTER TABLE ADD PRIMARY KEY or UNIQUE makes a unique index, which SQLite can; the side catalogue says what it stands for. */
static void index_constraint(struct build *b, struct relation *r, struct index *index, struct str kind)
{
    if (!kind.n || !index->unique)
        return;
    struct constraint *c = constraint_add(r, kind.p[0] == 'p' ? 'p' : 'u');
    index->primary = c->kind == 'p';
    c->name = index->name;
    c->sqlite_name = index->sqlite_name;
    c->n_columns = index->n_columns;
    c->columns = BUILD_ARRAY(b, int16_t, index->n_columns);
    for (size_t i = 0; i < index->n_columns && c->columns; i++)
        c->columns[i] = index->columns[i].column;
    constraint_comment(b, r, c);
}

static void build_index(struct build *b, const struct table_source *t, struct row_span terms)
{
    struct relation *r = t->relation;
    const struct read_row *first = terms.rows;
    struct index *index = &r->indexes[r->n_indexes++];
    struct sqlite_index parsed = { 0 };
    index->sqlite_name = build_keep(b, arena_str(b->arena, read_text(first, 1)));
    index->unique = read_integer(first, 2) != 0;
    index->primary = str_is(read_text(first, 3), "pk");
    index->schema = r->schema;
    const cJSON *detail = NULL;
    if (str_is(read_text(first, 3), "c")) {
        struct str schema; /* an index is always in its table's schema */
        snapshot_split(b->snapshot, index->sqlite_name, &schema, &index->name);
        if (!str_eq(schema, r->schema))
            index->name = index->sqlite_name;
        detail = side_find(&b->side, "index", r->schema, index->name);
        struct str sql = build_keep(b, arena_str(b->arena, build_sql(b, "index", index->sqlite_name)));
        if (!sqlite_parse_index(sql, b->arena, &parsed))
            parsed = (struct sqlite_index){ 0 };
        if (read_integer(first, 4))
            index->predicate = term_text(b, side_text(&b->side, detail, "predicate"), parsed.predicate);
        index->comment = side_text(&b->side, detail, "comment");
        index->is_hash = str_is(side_text(&b->side, detail, "method"), "hash");
    }
    index_terms(b, t, index, terms, detail, &parsed);
    index_constraint(b, r, index, side_text(&b->side, detail, "constraint"));
}

static void build_indexes(struct build *b, struct table_source *t)
{
    struct relation *r = t->relation;
    size_t n_constraints = 0, start = 0;
    for (const struct sqlite_constraint *c = t->is_parsed ? t->parsed.constraints : NULL; c; c = c->next)
        n_constraints++;
    r->indexes = BUILD_ARRAY(b, struct index, t->terms.n + n_constraints);
    r->constraints = BUILD_ARRAY(b, struct constraint, n_constraints + t->keys.n + t->terms.n);
    while (start < t->terms.n && !b->failed) {
        size_t end = start + 1;
        while (end < t->terms.n && str_eq(read_text(&t->terms.rows[end], 1), read_text(&t->terms.rows[start], 1)))
            end++;
        build_index(b, t, (struct row_span){ t->terms.rows + start, end - start });
        start = end;
    }
}

/* ---- primary keys and unique constraints: PostgreSQL names their index after them ---- */
/* SQLite's own index for the constraint, not yet named; NULL when there is none (a rowid, or a duplicate). */
static struct index *own_index(struct relation *r, const struct constraint *c)
{
    for (size_t i = 0; i < r->n_indexes; i++) {
        struct index *index = &r->indexes[i];
        if (!index->name.p && index->unique && index->primary == (c->kind == 'p') && same_columns(c, index))
            return index;
    }
    return NULL;
}

static void name_index(struct build *b, struct relation *r, struct constraint *c)
{
    struct index *index = own_index(r, c);
    if (!index) {
        index = &r->indexes[r->n_indexes++];
        *index =
            (struct index){ .schema = r->schema, .unique = true, .primary = c->kind == 'p', .n_columns = c->n_columns };
        index->columns = BUILD_ARRAY(b, struct index_column, c->n_columns);
        for (size_t i = 0; i < c->n_columns && index->columns; i++)
            index->columns[i].column = c->columns[i];
    }
    index->name = c->name;
    index->comment = side_text(&b->side, side_find(&b->side, "index", r->schema, c->name), "comment");
}

static void build_unique(struct build *b, struct relation *r, const struct sqlite_constraint *parsed)
{
    int16_t *numbers;
    if (!numbers_of(b, r, parsed->columns, parsed->n_columns, &numbers))
        return;
    bool primary = parsed->kind == SQLITE_PRIMARY_KEY;
    struct str name = parsed->name.n ? build_keep(b, arena_str(b->arena, parsed->name))
                      : primary      ? invent_name(b, r, STR(""), "pkey")
                                     : invent_name(b, r, joined_names(b, r, numbers, parsed->n_columns), "key");
    struct constraint *c = constraint_add(r, primary ? 'p' : 'u');
    c->columns = numbers;
    c->n_columns = parsed->n_columns;
    c->name = name;
    constraint_comment(b, r, c);
    name_index(b, r, c);
}

/* ---- checks ---- */
/* The only column of the table that the text speaks of; empty when none or several: what PostgreSQL names a check after. */
static struct str only_column(struct build *b, const struct relation *r, struct str text)
{
    const struct column *only = NULL;
    size_t at = 0;
    for (struct sqlite_token token = sqlite_token_next(text, &at); token.kind != SQLITE_TOKEN_END;
         token = sqlite_token_next(text, &at)) {
        if (token.kind != SQLITE_TOKEN_WORD && token.kind != SQLITE_TOKEN_QUOTED)
            continue;
        const struct column *column = build_column(r, sqlite_token_value(token, b->arena));
        if (!column || column == only)
            continue;
        if (only)
            return STR("");
        only = column;
    }
    return only ? only->name : STR("");
}

static void build_check(struct build *b, struct relation *r, const struct sqlite_constraint *parsed)
{
    if (str_starts(parsed->name, STR("_pgd1_")))
        return; /* what a type demands (boolean, enum): no constraint of the user's */
    struct str column = only_column(b, r, parsed->expression);
    struct str name =
        parsed->name.n ? build_keep(b, arena_str(b->arena, parsed->name)) : invent_name(b, r, column, "check");
    struct constraint *c = constraint_add(r, 'c');
    c->name = name;
    c->sqlite_name = build_keep(b, arena_str(b->arena, parsed->name.n ? parsed->name : parsed->expression));
    const cJSON *detail = side_find_child(&b->side, "constraint", r->schema, r->name, name);
    c->expression = term_text(b, side_text(&b->side, detail, "expression"), parsed->expression);
    if (column.n && !numbers_of(b, r, &column, 1, &c->columns))
        return;
    c->n_columns = column.n ? 1 : 0;
    constraint_comment(b, r, c);
}

/* ---- foreign keys ---- */
static char action_of(struct str text)
{
    static const struct {
        const char *text;
        char action;
    } actions[] = {
        { "NO ACTION", 'a' }, { "RESTRICT", 'r' }, { "CASCADE", 'c' }, { "SET NULL", 'n' }, { "SET DEFAULT", 'd' }
    };
    for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
        if (str_eq_nocase(text, str_from(actions[i].text)))
            return actions[i].action;
    return 'a';
}

static const struct constraint *primary_key(const struct relation *r)
{
    for (size_t i = 0; i < r->n_constraints; i++)
        if (r->constraints[i].kind == 'p')
            return &r->constraints[i];
    return NULL;
}

/* Columns on both sides; false when the other table or one of its columns does not exist (SQLite allows that, PostgreSQL cannot show it). */
static bool key_columns(struct build *b, const struct relation *r, const struct relation *other, struct row_span rows,
                        struct constraint *c)
{
    struct str *from = BUILD_ARRAY(b, struct str, rows.n), *to = BUILD_ARRAY(b, struct str, rows.n);
    if (b->failed)
        return false;
    for (size_t i = 0; i < rows.n; i++) {
        from[i] = read_text(&rows.rows[i], 4);
        to[i] = read_text(&rows.rows[i], 5);
    }
    c->n_columns = rows.n;
    if (!numbers_of(b, r, from, rows.n, &c->columns))
        return false;
    if (to[0].n)
        return numbers_of(b, other, to, rows.n, &c->foreign_columns);
    const struct constraint *primary = primary_key(other);
    c->foreign_columns = primary && primary->n_columns == rows.n ? primary->columns : NULL;
    return c->foreign_columns != NULL;
}

static void build_foreign_key(struct build *b, struct table_source *t, const struct sqlite_constraint *parsed,
                              struct row_span rows)
{
    struct relation *r = t->relation;
    const struct relation *other = build_relation(b, read_text(&rows.rows[0], 3));
    struct constraint key = { .kind = 'f',
                              .on_update = action_of(read_text(&rows.rows[0], 6)),
                              .on_delete = action_of(read_text(&rows.rows[0], 7)) };
    if (!other || !key_columns(b, r, other, rows, &key))
        return;
    key.foreign_schema = other->schema;
    key.foreign_table = other->name;
    key.match_full = parsed && parsed->match_full;
    key.deferrable = parsed && parsed->deferrable;
    key.deferred = parsed && parsed->deferred;
    b->snapshot->has_deferrable_keys |= key.deferrable;
    key.name = parsed && parsed->name.n ? build_keep(b, arena_str(b->arena, parsed->name))
                                        : invent_name(b, r, joined_names(b, r, key.columns, key.n_columns), "fkey");
    constraint_comment(b, r, &key);
    *constraint_add(r, 'f') = key;
}

/* The rows come newest key first by id, as READ_KEYS orders them: the order of the text, so the parsed keys go along. */
static void build_foreign_keys(struct build *b, struct table_source *t)
{
    const struct sqlite_constraint *parsed = t->is_parsed ? t->parsed.constraints : NULL;
    for (size_t start = 0; start < t->keys.n && !b->failed;) {
        size_t end = start + 1;
        while (end < t->keys.n && read_integer(&t->keys.rows[end], 1) == read_integer(&t->keys.rows[start], 1))
            end++;
        while (parsed && parsed->kind != SQLITE_FOREIGN_KEY)
            parsed = parsed->next;
        build_foreign_key(b, t, parsed, (struct row_span){ t->keys.rows + start, end - start });
        parsed = parsed ? parsed->next : NULL;
        start = end;
    }
}

/* ---- all ---- */
void build_keys(struct build *b)
{
    for (struct table_source *t = b->tables; t && !b->failed; t = t->next) {
        build_indexes(b, t);
        for (const struct sqlite_constraint *c = t->is_parsed ? t->parsed.constraints : NULL; c && !b->failed;
             c = c->next) {
            if (c->kind == SQLITE_PRIMARY_KEY || c->kind == SQLITE_UNIQUE)
                build_unique(b, t->relation, c);
            else if (c->kind == SQLITE_CHECK)
                build_check(b, t->relation, c);
        }
    }
    for (struct table_source *t = b->tables; t && !b->failed; t = t->next) /* they may name any table's primary key */
        build_foreign_keys(b, t);
}

void build_key_oids(struct build *b, struct relation *relation)
{
    for (size_t i = 0; i < relation->n_indexes; i++) {
        struct index *index = &relation->indexes[i];
        if (!index->name.p) /* an index of SQLite's own that no constraint claimed */
            index->name = index->sqlite_name;
        index->oid = build_oid(b, "relation", index->schema, index->name);
    }
    for (size_t i = 0; i < relation->n_constraints; i++)
        relation->constraints[i].oid = build_oid(b, "constraint", relation->sqlite_name, relation->constraints[i].name);
}
