/* snapshot_build.c - rows of the read batch -> schemas, types, relations with their columns, sequences; see snapshot.h. */
#include "proxy/catalog/snapshot_build.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include "pgwire/types.h"
#include "proxy/catalog/collation.h"
#include "proxy/catalog/declared_type.h"
#include "proxy/catalog/default_text.h"
#include "proxy/catalog/names.h"

/* ---- helpers of all builders ---- */
void *build_alloc(struct build *b, size_t n, size_t size)
{
    void *p = arena_array(b->arena, n, size);
    b->failed |= p == NULL;
    return p;
}

struct str build_keep(struct build *b, struct str made)
{
    b->failed |= made.p == NULL;
    return made;
}

oid_t build_oid(struct build *b, const char *kind, struct str schema, struct str name)
{
    oid_t oid = snapshot_hash_oid(kind, schema, name, 0);
    for (;; oid = oid == INT32_MAX ? 16384 : oid + 1) {
        struct str key = build_keep(b, arena_printf(b->arena, "%u", oid));
        if (!key.p || !map_get(&b->oids, key)) {
            b->failed |= !key.p || !map_set(&b->oids, key, b);
            return oid;
        }
    }
}

static struct str object_key(struct arena *arena, struct str type, struct str name)
{
    return arena_printf(arena, "%.*s\x1f%.*s", STR_FMT(type), STR_FMT(name));
}

struct str build_sql(const struct build *b, const char *type, struct str sqlite_name)
{
    const struct read_row *row = map_get(&b->objects, object_key(b->arena, str_from(type), sqlite_name));
    return row ? read_text(row, 3) : (struct str){ 0 };
}

const struct relation *build_relation(const struct build *b, struct str sqlite_name)
{
    for (const struct table_source *t = b->tables; t; t = t->next)
        if (str_eq_nocase(t->relation->sqlite_name, sqlite_name))
            return t->relation;
    for (size_t i = 0; i < b->read->n_others; i++)
        if (b->read->others[i].kind != RELATION_SEQUENCE && str_eq_nocase(b->read->others[i].sqlite_name, sqlite_name))
            return &b->read->others[i];
    return NULL;
}

const struct column *build_column(const struct relation *r, struct str name)
{
    const struct column *exact = relation_column(r, name);
    for (size_t i = 0; i < r->n_columns && !exact; i++)
        if (str_eq_nocase(r->columns[i].name, name))
            exact = &r->columns[i];
    return exact;
}

void snapshot_split(const struct snapshot *s, struct str sqlite_name, struct str *ret_schema, struct str *ret_name)
{
    for (size_t i = 1; i < s->n_schemas; i++) {
        struct str schema = s->schemas[i];
        if (sqlite_name.n > schema.n + 1 && sqlite_name.p[schema.n] == '.' && str_starts(sqlite_name, schema)) {
            *ret_schema = schema;
            *ret_name = (struct str){ sqlite_name.p + schema.n + 1, sqlite_name.n - schema.n - 1 };
            return;
        }
    }
    *ret_schema = STR("public");
    *ret_name = sqlite_name;
}

/* ---- the side catalogue, schemas ---- */
static bool load_side(struct build *b)
{
    const struct read_rows *rows = &b->read->read[READ_SIDE];
    for (size_t i = 0; i < rows->n; i++) {
        const struct read_row *row = &rows->rows[i];
        if (!side_catalog_add(&b->side, read_text(row, 0), read_text(row, 1), read_text(row, 2), read_text(row, 3),
                              b->err))
            return false;
    }
    return true;
}

static void build_schemas(struct build *b)
{
    struct snapshot *s = b->snapshot;
    s->schemas = BUILD_ARRAY(b, struct str, b->side.n + 1);
    s->schema_comments = BUILD_ARRAY(b, struct str, b->side.n + 1);
    if (b->failed)
        return;
    s->schemas[s->n_schemas++] = STR("public");
    for (size_t i = 0; i < b->side.n; i++) {
        const struct side_entry *entry = &b->side.entries[i];
        if (!str_is(entry->kind, "schema"))
            continue;
        size_t at = str_is(entry->schema, "public") ? 0 : s->n_schemas++;
        s->schemas[at] = build_keep(b, arena_str(b->arena, entry->schema));
        s->schema_comments[at] = side_text(&b->side, entry->detail, "comment");
    }
}

/* ---- objects by name ---- */
static void index_objects(struct build *b)
{
    const struct read_rows *rows = &b->read->read[READ_OBJECTS];
    for (size_t i = 0; i < rows->n && !b->failed; i++) {
        const struct read_row *row = &rows->rows[i];
        struct str type = read_text(row, 0), name = read_text(row, 1);
        struct str key = build_keep(b, object_key(b->arena, type, name));
        if (b->failed || !map_set(&b->objects, key, (void *)row))
            b->failed = true;
        else if (str_is(type, "trigger") && !map_set(&b->triggered, read_text(row, 2), b))
            b->failed = true;
        b->snapshot->has_side_catalog |= str_is(name, "_pgd1_catalog");
        b->snapshot->has_sequence_table |= str_is(name, "_pgd1_sequence");
    }
}

/* ---- types ---- */
oid_t build_type_named(struct build *b, const cJSON *detail, const char *member, const char *member_schema,
                       oid_t otherwise)
{
    struct str name = side_text(&b->side, detail, member), schema = side_text(&b->side, detail, member_schema);
    if (!name.n)
        return otherwise;
    oid_t oid = snapshot_type(b->snapshot, NULL, 0, schema.n ? schema : STR("pg_catalog"), name);
    return oid ? oid : otherwise;
}

static struct str *text_list(struct build *b, const cJSON *list, const char *member, size_t *ret_n)
{
    size_t n = 0, room = (size_t)cJSON_GetArraySize(list);
    struct str *texts = BUILD_ARRAY(b, struct str, room);
    const cJSON *item;
    cJSON_ArrayForEach(item, list)
    {
        const cJSON *text = member ? cJSON_GetObjectItemCaseSensitive(item, member) : item;
        if (texts && n < room)
            texts[n++] = build_keep(b, arena_str(b->arena, str_from(cJSON_IsString(text) ? text->valuestring : "")));
    }
    *ret_n = texts ? n : 0;
    return texts;
}

static void build_types(struct build *b)
{
    struct snapshot *s = b->snapshot;
    s->types = BUILD_ARRAY(b, struct user_type, b->side.n);
    for (size_t i = 0; i < b->side.n && !b->failed; i++) {
        const struct side_entry *entry = &b->side.entries[i];
        if (!str_is(entry->kind, "type"))
            continue;
        struct user_type *type = &s->types[s->n_types++];
        *type = (struct user_type){ .schema = build_keep(b, arena_str(b->arena, entry->schema)),
                                    .name = build_keep(b, arena_str(b->arena, entry->name)),
                                    .kind = str_is(side_text(&b->side, entry->detail, "kind"), "d") ? 'd' : 'e',
                                    .base_typmod = (int32_t)side_integer(entry->detail, "typmod", -1),
                                    .not_null = side_flag(entry->detail, "not_null"),
                                    .default_text = side_text(&b->side, entry->detail, "default"),
                                    .collation = collation_named(side_text(&b->side, entry->detail, "collation")),
                                    .comment = side_text(&b->side, entry->detail, "comment") };
        type->oid = build_oid(b, "type", type->schema, type->name);
        type->array = build_oid(b, "array type", type->schema, type->name);
        type->labels = text_list(b, cJSON_GetObjectItemCaseSensitive(entry->detail, "labels"), NULL, &type->n_labels);
        const cJSON *checks = cJSON_GetObjectItemCaseSensitive(entry->detail, "checks");
        type->check_names = text_list(b, checks, "name", &type->n_checks);
        type->checks = text_list(b, checks, "expression", &type->n_checks);
    }
    for (size_t i = 0, at = 0; i < b->side.n && !b->failed; i++) /* bases may be types that come later */
        if (str_is(b->side.entries[i].kind, "type"))
            s->types[at++].base = build_type_named(b, b->side.entries[i].detail, "base", "base_schema", 0);
}

/* ---- columns ---- */
static enum column_storage storage_named(struct str name, enum column_storage otherwise)
{
    if (str_is(name, "unixepoch"))
        return COLUMN_UNIX_S;
    if (str_is(name, "unixms"))
        return COLUMN_UNIX_MS;
    if (str_is(name, "datetime"))
        return COLUMN_DATETIME;
    if (str_is(name, "loose"))
        return COLUMN_LOOSE;
    if (str_is(name, "natural"))
        return COLUMN_NATURAL;
    return str_is(name, "unixus") ? COLUMN_UNIX_US : otherwise;
}

static const struct sqlite_column *parsed_column(const struct table_source *t, struct str name)
{
    for (const struct sqlite_column *c = t->is_parsed ? t->parsed.columns : NULL; c; c = c->next)
        if (str_eq_nocase(c->name, name))
            return c;
    return NULL;
}

/* A table's only INTEGER PRIMARY KEY is its rowid, unless an index stands for it (DESC) or there is no rowid. */
static bool is_rowid(const struct table_source *t, const struct read_row *row)
{
    size_t n_keys = 0;
    for (size_t i = 0; i < t->columns.n; i++)
        n_keys += read_integer(&t->columns.rows[i], 6) != 0;
    if (!str_is(t->d1_type, "table") || t->relation->without_rowid || n_keys != 1 || read_integer(row, 6) == 0 ||
        !str_eq_nocase(read_text(row, 3), STR("INTEGER")))
        return false;
    for (size_t i = 0; i < t->terms.n; i++)
        if (str_is(read_text(&t->terms.rows[i], 3), "pk"))
            return false;
    return true;
}

static struct str nextval_text(struct build *b, const struct relation *r, struct str sequence)
{
    struct str name = name_qualified(str_is(r->schema, "public") ? STR("") : r->schema, sequence, b->arena);
    struct str literal = name_literal(name, b->arena);
    return build_keep(b, arena_printf(b->arena, "nextval(%.*s::regclass)", STR_FMT(literal)));
}

static void column_sequence(struct build *b, const struct table_source *t, struct column *column, const cJSON *detail)
{
    const struct sqlite_column *parsed = parsed_column(t, column->name);
    struct str identity = side_text(&b->side, detail, "identity");
    column->sequence = side_text(&b->side, detail, "sequence");
    column->identity = identity.n ? identity.p[0] : 0;
    if (!column->is_rowid || side_flag(detail, "plain"))
        return;
    column->sequence_is_rowid = parsed && parsed->autoincrement;
    if (column->sequence_is_rowid && !column->sequence.n)
        column->sequence = build_keep(b, name_make(t->relation->name, column->name, STR("seq"), b->arena));
    if (!column->sequence_is_rowid && !column->identity)
        column->identity = 'd'; /* made elsewhere: SQLite counts for itself when no value is given */
}

static void column_default(struct build *b, const struct table_source *t, struct column *column,
                           const struct read_row *row, const cJSON *detail)
{
    const struct sqlite_column *parsed = parsed_column(t, column->name);
    struct str stored = side_text(&b->side, detail, "default");
    column->sqlite_default = read_text(row, 5);
    if (read_integer(row, 7) >= 2) {
        column->generated = 's';
        column->default_text = stored.n ? stored
                               : parsed
                                   ? build_keep(b, arena_printf(b->arena, "(%.*s)", STR_FMT(parsed->generated_text)))
                                   : STR("");
    } else if (stored.n) {
        column->default_text = stored;
    } else if (side_flag(detail, "no_default")) {
        column->default_text = STR(""); /* dropped: D1 still has its own, which INSERT must overrule */
    } else if (column->sequence.n && !column->identity) {
        column->default_text = nextval_text(b, t->relation, column->sequence);
    } else if (column->sqlite_default.n) {
        column->default_text = default_text_from_sqlite(column->sqlite_default,
                                                        snapshot_base_type(b->snapshot, column->type, NULL), b->arena);
        column->default_is_foreign = !column->default_text.p;
        if (column->default_is_foreign)
            column->default_text = build_keep(b, arena_str(b->arena, column->sqlite_default));
    }
    if (column->sqlite_default.p)
        column->sqlite_default = build_keep(b, arena_str(b->arena, column->sqlite_default));
}

/* name IN (0, 1), in either order */
static bool is_zero_or_one(struct str expression, struct str name, struct arena *arena)
{
    static const char *const forms[] = { "IN", "(", "0", ",", "1", ")" };
    struct str numbers[2] = { STR("0"), STR("1") };
    size_t at = 0, seen = 0;
    if (!str_eq_nocase(sqlite_token_value(sqlite_token_next(expression, &at), arena), name))
        return false;
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct str text = sqlite_token_next(expression, &at).text;
        if (i != 2 && i != 4 && !str_eq_nocase(text, str_from(forms[i])))
            return false;
        for (int k = 0; (i == 2 || i == 4) && k < 2; k++)
            seen |= str_eq(text, numbers[k]) ? 1U << k : 0;
    }
    return seen == 3 && sqlite_token_next(expression, &at).kind == SQLITE_TOKEN_END;
}

/* pgd1's own tables say so in a check of the type; others may. */
static bool has_boolean_check(const struct table_source *t, struct str name, struct arena *arena)
{
    struct str own = STR("_pgd1_type_");
    for (const struct sqlite_constraint *c = t->is_parsed ? t->parsed.constraints : NULL; c; c = c->next) {
        bool is_own = str_starts(c->name, own) && str_eq((struct str){ c->name.p + own.n, c->name.n - own.n }, name);
        if (c->kind == SQLITE_CHECK && (is_own || is_zero_or_one(c->expression, name, arena)))
            return true;
    }
    return false;
}

static void build_column_row(struct build *b, struct table_source *t, struct column *column, const struct read_row *row)
{
    struct str declared = read_text(row, 3);
    const cJSON *detail =
        side_find_child(&b->side, "column", t->relation->schema, t->relation->name, read_text(row, 2));
    struct declared_type read = declared_type_read(declared);
    column->name = build_keep(b, arena_str(b->arena, read_text(row, 2)));
    column->type = build_type_named(b, detail, "type", "type_schema", read.type);
    column->typmod = (int32_t)side_integer(detail, "typmod", cJSON_HasObjectItem(detail, "type") ? -1 : read.typmod);
    column->storage =
        storage_named(side_text(&b->side, detail, "storage"),
                      declared_type_storage(declared, snapshot_base_type(b->snapshot, column->type, NULL)));
    column->is_rowid = is_rowid(t, row);
    column->not_null = read_integer(row, 4) != 0 || read_integer(row, 6) != 0;
    bool refuses = read_integer(row, 6) != 0 || snapshot_ruling_domain(b->snapshot, column->type, DOMAIN_NOT_NULL);
    column->takes_null =
        read_integer(row, 4) == 0 && refuses && !column->is_rowid && t->relation->kind == RELATION_TABLE;
    column->is_doubtful = snapshot_base_type(b->snapshot, column->type, NULL) == TYPE_OID_bool &&
                          t->relation->kind == RELATION_TABLE && !has_boolean_check(t, column->name, b->arena);
    column->is_strict_text = sqlite_affinity_of(declared) == AFFINITY_TEXT;
    const struct sqlite_column *parsed = parsed_column(t, column->name);
    column->has_collation = parsed && parsed->collation.n && !str_eq_nocase(parsed->collation, STR("binary"));
    column->collation = collation_named(side_text(&b->side, detail, "collation"));
    column_sequence(b, t, column, detail);
    column_default(b, t, column, row, detail);
    struct str comment = side_text(&b->side, detail, "comment");
    if (comment.n) {
        struct relation *r = t->relation;
        if (!r->column_comments)
            r->column_comments = BUILD_ARRAY(b, struct str, t->columns.n);
        if (r->column_comments)
            r->column_comments[column->number - 1] = comment;
    }
}

static void build_columns(struct build *b, struct table_source *t)
{
    struct relation *r = t->relation;
    r->columns = BUILD_ARRAY(b, struct column, t->columns.n);
    for (size_t i = 0; i < t->columns.n && !b->failed; i++) {
        const struct read_row *row = &t->columns.rows[i];
        if (read_integer(row, 7) == 1)
            continue; /* hidden columns of virtual tables */
        struct column *column = &r->columns[r->n_columns++];
        column->number = (int16_t)r->n_columns;
        build_column_row(b, t, column, row);
    }
}

/* A pgd1 of before kept WITH CHECK OPTION alone. */
static void build_view_options(struct build *b, struct relation *r, const cJSON *detail)
{
    static const struct str check = STR_INIT("check_option=");
    struct str only = side_text(&b->side, detail, "check_option");
    r->options = text_list(b, cJSON_GetObjectItemCaseSensitive(detail, "options"), NULL, &r->n_options);
    if (only.n && (r->options = BUILD_ARRAY(b, struct str, 1))) {
        r->options[0] = build_keep(b, arena_printf(b->arena, "%.*s%.*s", STR_FMT(check), STR_FMT(only)));
        r->n_options = 1;
    }
    for (size_t i = 0; i < r->n_options; i++)
        if (str_starts(r->options[i], check))
            r->check_option = r->options[i].p[check.n] == 'l' || r->options[i].p[check.n] == 'L' ? 'l' : 'c';
}

/* A view's columns as pgd1 knew them when it made it; SQLite alone knows no types of expressions. */
static void build_view(struct build *b, struct table_source *t)
{
    struct relation *r = t->relation;
    const cJSON *detail = side_find(&b->side, "view", r->schema, r->name);
    r->view_text = side_text(&b->side, detail, "text");
    build_view_options(b, r, detail);
    r->comment = side_text(&b->side, detail, "comment");
    const cJSON *item;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(detail, "columns"))
    {
        struct column *column = (struct column *)build_column(r, side_text(&b->side, item, "name"));
        if (!column)
            continue;
        column->type = build_type_named(b, item, "type", "type_schema", column->type);
        column->typmod = (int32_t)side_integer(item, "typmod", -1);
        column->collation = collation_named(side_text(&b->side, item, "collation"));
        column->storage = storage_named(side_text(&b->side, item, "storage"),
                                        side_flag(item, "number") ? COLUMN_NUMBER : COLUMN_NATURAL);
    }
}

/* ---- tables and views ---- */
/* The rows of one table: lists are sorted by table as the tables are, so a cursor per list is enough. */
static struct row_span take_span(const struct read_rows *rows, size_t *at, struct str table)
{
    while (*at < rows->n && str_cmp(read_text(&rows->rows[*at], 0), table) < 0)
        (*at)++;
    size_t start = *at;
    while (*at < rows->n && str_eq(read_text(&rows->rows[*at], 0), table))
        (*at)++;
    return (struct row_span){ rows->n ? &rows->rows[start] : NULL, *at - start };
}

static enum relation_kind kind_of(struct str d1_type)
{
    return str_is(d1_type, "view") ? RELATION_VIEW : str_is(d1_type, "virtual") ? RELATION_VIRTUAL : RELATION_TABLE;
}

static void build_table_source(struct build *b, struct table_source *t, struct relation *relation,
                               const struct read_row *kind)
{
    struct str name = read_text(kind, 0);
    t->relation = relation;
    t->d1_type = read_text(kind, 1);
    relation->kind = kind_of(t->d1_type);
    relation->sqlite_name = build_keep(b, arena_str(b->arena, name));
    snapshot_split(b->snapshot, relation->sqlite_name, &relation->schema, &relation->name);
    relation->without_rowid = read_integer(kind, 3) != 0;
    relation->has_user_triggers = map_get(&b->triggered, name) != NULL;
    relation->sqlite_sql =
        build_keep(b, arena_str(b->arena, build_sql(b, relation->kind == RELATION_VIEW ? "view" : "table", name)));
    const cJSON *detail = side_find(&b->side, "table", relation->schema, relation->name);
    relation->comment = side_text(&b->side, detail, "comment");
    relation->is_unlogged = side_flag(detail, "unlogged");
    t->is_parsed = relation->kind == RELATION_TABLE && sqlite_parse_table(relation->sqlite_sql, b->arena, &t->parsed);
}

static void build_tables(struct build *b)
{
    const struct read_rows *kinds = &b->read->read[READ_KINDS];
    size_t columns = 0, keys = 0, terms = 0;
    struct table_source **tail = &b->tables;
    for (size_t i = 0; i < kinds->n && !b->failed; i++) {
        const struct read_row *kind = &kinds->rows[i];
        if (str_is(read_text(kind, 1), "shadow"))
            continue; /* what a virtual table keeps for itself */
        struct table_source *t = BUILD_ARRAY(b, struct table_source, 1);
        struct relation *relation = &b->snapshot->relations[b->snapshot->n_relations++];
        if (b->failed)
            return;
        build_table_source(b, t, relation, kind);
        t->columns = take_span(&b->read->read[READ_COLUMNS], &columns, read_text(kind, 0));
        t->keys = take_span(&b->read->read[READ_KEYS], &keys, read_text(kind, 0));
        t->terms = take_span(&b->read->read[READ_INDEX_TERMS], &terms, read_text(kind, 0));
        *tail = t;
        tail = &t->next;
        build_columns(b, t);
        if (relation->kind == RELATION_VIEW)
            build_view(b, t);
    }
}

/* ---- sequences ---- */
/* Columns of every sequence, as PostgreSQL shows them. */
static const struct column sequence_columns[] = {
    { .name = STR_INIT("last_value"), .number = 1, .type = TYPE_OID_int8, .typmod = -1, .not_null = true },
    { .name = STR_INIT("log_cnt"), .number = 2, .type = TYPE_OID_int8, .typmod = -1, .not_null = true },
    { .name = STR_INIT("is_called"), .number = 3, .type = TYPE_OID_bool, .typmod = -1, .not_null = true },
};

static void sequence_bounds(struct relation *r, const cJSON *detail)
{
    bool up = r->seq_increment > 0;
    int64_t high = r->seq_type == TYPE_OID_int2 ? INT16_MAX : r->seq_type == TYPE_OID_int4 ? INT32_MAX : INT64_MAX;
    r->seq_min = side_integer(detail, "min", up ? 1 : -high - 1);
    r->seq_max = side_integer(detail, "max", up ? high : -1);
    r->seq_start = side_integer(detail, "start", up ? r->seq_min : r->seq_max);
    r->seq_cycle = side_flag(detail, "cycle");
}

static void build_sequence(struct build *b, struct str schema, struct str name, const cJSON *detail, oid_t type,
                           struct str table, struct str column)
{
    struct relation *r = &b->snapshot->relations[b->snapshot->n_relations++];
    *r = (struct relation){ .schema = schema,
                            .name = name,
                            .kind = RELATION_SEQUENCE,
                            .columns = (struct column *)sequence_columns,
                            .n_columns = 3,
                            .seq_type = build_type_named(b, detail, "type", "type_schema", type),
                            .seq_increment = side_integer(detail, "increment", 1),
                            .seq_owner_table = table,
                            .seq_owner_column = column,
                            .is_unlogged = side_flag(detail, "unlogged"),
                            .comment = side_text(&b->side, detail, "comment") };
    r->sqlite_name = str_is(schema, "public")
                         ? name
                         : build_keep(b, arena_printf(b->arena, "%.*s.%.*s", STR_FMT(schema), STR_FMT(name)));
    sequence_bounds(r, detail);
}

/* Sequences of the side catalogue, then those that are SQLite's AUTOINCREMENT. */
static void build_sequences(struct build *b)
{
    for (size_t i = 0; i < b->side.n && !b->failed; i++) {
        const struct side_entry *entry = &b->side.entries[i];
        if (str_is(entry->kind, "sequence"))
            build_sequence(b, build_keep(b, arena_str(b->arena, entry->schema)),
                           build_keep(b, arena_str(b->arena, entry->name)), entry->detail, TYPE_OID_int8,
                           side_text(&b->side, entry->detail, "owner_table"),
                           side_text(&b->side, entry->detail, "owner_column"));
    }
    for (struct table_source *t = b->tables; t && !b->failed; t = t->next)
        for (size_t i = 0; i < t->relation->n_columns; i++) {
            const struct column *column = &t->relation->columns[i];
            if (column->sequence_is_rowid && column->sequence.n)
                build_sequence(b, t->relation->schema, column->sequence, NULL, column->type, t->relation->name,
                               column->name);
        }
}

static size_t count_relations(const struct build *b)
{
    size_t n = b->read->read[READ_KINDS].n;
    for (size_t i = 0; i < b->side.n; i++)
        n += str_is(b->side.entries[i].kind, "sequence");
    for (size_t i = 0; i < b->read->read[READ_COLUMNS].n; i++)
        n += read_integer(&b->read->read[READ_COLUMNS].rows[i], 6) != 0; /* every key column could have a sequence */
    return n;
}

/* ---- order and OIDs ---- */
static void build_oids(struct build *b)
{
    struct snapshot *s = b->snapshot;
    qsort(s->relations, s->n_relations, sizeof(*s->relations), snapshot_name_order);
    b->box->by_oid = BUILD_ARRAY(b, struct oid_row, s->n_relations);
    for (size_t i = 0; i < s->n_relations && !b->failed; i++) {
        struct relation *r = &s->relations[i];
        r->oid = build_oid(b, "relation", r->schema, r->name);
        r->row_type = r->kind == RELATION_SEQUENCE ? 0 : build_oid(b, "row type", r->schema, r->name);
        b->box->by_oid[i] = (struct oid_row){ r->oid, r };
        build_key_oids(b, r);
    }
    if (b->box->by_oid)
        qsort(b->box->by_oid, s->n_relations, sizeof(*b->box->by_oid), snapshot_oid_order);
}

static bool build_all(struct build *b)
{
    if (!load_side(b))
        return false;
    build_schemas(b);
    index_objects(b);
    build_types(b);
    b->snapshot->relations = BUILD_ARRAY(b, struct relation, count_relations(b));
    if (b->failed)
        return err_oom(b->err);
    build_tables(b);
    build_keys(b);
    build_sequences(b);
    build_oids(b);
    return b->failed ? err_oom(b->err) : true;
}

bool snapshot_build(struct snapshot_box *box, const struct snapshot_reader *rows, struct err *err)
{
    struct build b = { .box = box, .snapshot = &box->snapshot, .read = rows, .arena = box->snapshot.arena, .err = err };
    side_catalog_init(&b.side, b.arena);
    map_init(&b.objects);
    map_init(&b.triggered);
    map_init(&b.oids);
    bool ok = build_all(&b);
    side_catalog_fini(&b.side);
    map_fini(&b.objects);
    map_fini(&b.triggered);
    map_fini(&b.oids);
    return ok;
}
