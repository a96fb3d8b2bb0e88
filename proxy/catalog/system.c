/* system.c - system relations as virtual tables of the local engine: rows are made when a run first scans one; see system.h, system_rows.h.
 *
 * Equality with one column is looked up in a hash of that column, made when first asked for: joins over the catalogue are many. */
#include "proxy/catalog/system_rows.h"
#include "d1/sqlite_value.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include "pgwire/types.h"
#include "proxy/base/fault.h"
#include "sqlite3.h"

enum { ROWS_ARENA_CAP = 128 << 20 };

static const struct {
    const char *schema, *name;
    system_provider *provide;
} providers[] = {
#define PROVIDER(schema, name, function) { schema, name, function },
#include "proxy/catalog/system_providers.def"
#undef PROVIDER
};

static const struct {
    const char *schema, *name;
} empties[] = {
#define EMPTY(schema, name, reason) { schema, name },
#include "proxy/catalog/system_empty.def"
#undef EMPTY
};

/* --- rows --- */

void row_begin_cells(struct system_rows *rows)
{
    rows->current = ARENA_ARRAY(rows->arena, struct value, rows->relation->n_columns);
    rows->failed |= !rows->current;
}

void row_set(struct system_rows *rows, const char *column, struct value v)
{
    const struct column *c = relation_column(rows->relation, str_from(column));
    assert(c);
    if (c && rows->current)
        rows->current[c - rows->relation->columns] = v;
}

void row_set_text(struct system_rows *rows, const char *column, struct str s)
{
    row_set(rows, column, s.p ? value_text(s) : value_null());
}

void row_set_cstr(struct system_rows *rows, const char *column, const char *s)
{
    row_set_text(rows, column, str_from(s));
}

void row_set_int(struct system_rows *rows, const char *column, int64_t v)
{
    row_set(rows, column, value_integer(v));
}

void row_set_bool(struct system_rows *rows, const char *column, bool v)
{
    row_set(rows, column, value_integer(v));
}

static void push_row(struct system_rows *rows, struct value *cells)
{
    if (rows->n == rows->size) {
        size_t size = rows->size ? rows->size * 2 : 64;
        struct value **more = fault_realloc(rows->rows, size * sizeof(*more));
        if (!more) {
            rows->failed = true;
            return;
        }
        rows->rows = more;
        rows->size = size;
    }
    rows->rows[rows->n++] = cells;
}

void row_end_cells(struct system_rows *rows)
{
    if (rows->current)
        push_row(rows, rows->current);
    rows->current = NULL;
}

/* Rows that the server hands in: cells are only lent for the call. */
static bool add_live(void *ctx, const struct value *cells, size_t n)
{
    struct system_rows *rows = ctx;
    row_begin_cells(rows);
    for (size_t i = 0; rows->current && i < n && i < rows->relation->n_columns; i++) {
        rows->current[i] = cells[i];
        if (cells[i].class == VALUE_TEXT || cells[i].class == VALUE_BLOB) {
            rows->current[i].bytes = arena_str(rows->arena, cells[i].bytes);
            rows->failed |= !rows->current[i].bytes.p;
        }
    }
    row_end_cells(rows);
    return !rows->failed;
}

/* facts_row.def calls the owner postgres: rights are told in the owner's real name. */
static struct str acl_of(struct system_rows *rows, struct str acl, struct str owner)
{
    static const char *const marks[] = { "/postgres\"", "\"postgres=" };
    struct str text = acl;
    for (size_t i = 0; i < 2; i++) {
        struct str mark = str_from(marks[i]), done = STR("");
        for (ptrdiff_t at = str_find(text, mark); at >= 0 && done.p; at = str_find(text, mark)) {
            done = arena_printf(rows->arena, "%.*s%.*s%c%.*s%c", STR_FMT(done), (int)at, text.p, mark.p[0],
                                STR_FMT(owner), mark.p[mark.n - 1]);
            text = (struct str){ text.p + at + mark.n, text.n - (size_t)at - mark.n };
        }
        text = done.p ? arena_printf(rows->arena, "%.*s%.*s", STR_FMT(done), STR_FMT(text)) : done;
        rows->failed |= !text.p;
        if (!text.p)
            break;
    }
    return text;
}

static struct value *own_row(struct system_rows *rows, struct value *fixed, size_t acl, struct str owner)
{
    size_t n = rows->relation->n_columns;
    struct value *copy = fixed[acl].class == VALUE_NULL ? NULL : ARENA_ARRAY(rows->arena, struct value, n);
    if (!copy) {
        rows->failed |= fixed[acl].class != VALUE_NULL;
        return fixed;
    }
    memcpy(copy, fixed, n * sizeof(*copy));
    copy[acl] = value_text(acl_of(rows, fixed[acl].bytes, owner));
    return copy;
}

static bool add_fixed(struct system_rows *rows, const struct system_source *source)
{
    struct value **fixed;
    size_t n, acl = 0;
    if (!fixed_rows(rows->relation, &fixed, &n))
        return false;
    rows->failed |= !fixed;
    struct str owner = source->state ? source->state->owner : STR("postgres");
    while (acl < rows->relation->n_columns && rows->relation->columns[acl].type != TYPE_OID__aclitem)
        acl++;
    bool own = acl < rows->relation->n_columns && !str_is(owner, "postgres");
    for (size_t i = 0; i < n; i++)
        push_row(rows, own ? own_row(rows, fixed[i], acl, owner) : fixed[i]);
    rows->n_fixed = rows->n;
    return true;
}

/* False: nobody knows the rows of this relation. */
static bool make_rows(struct system_rows *rows, const struct system_source *source)
{
    const struct relation *r = rows->relation;
    bool fixed = add_fixed(rows, source);
    for (size_t i = 0; i < sizeof(providers) / sizeof(providers[0]); i++) {
        if (str_is(r->name, providers[i].name) && str_is(r->schema, providers[i].schema)) {
            providers[i].provide(rows, source);
            return true;
        }
    }
    for (size_t i = 0; i < sizeof(empties) / sizeof(empties[0]); i++)
        if (str_is(r->name, empties[i].name) && str_is(r->schema, empties[i].schema))
            return true;
    if (source->state && source->state->rows && source->state->rows(source->state->ctx, r->name, add_live, rows))
        return true;
    return fixed;
}

/* --- roles --- */

/* By OID, or by name when there is one. */
struct role_search {
    oid_t oid;
    struct str name;
    struct arena *arena; /* for the name that is found; NULL: not wanted */
    struct str found;
};

enum { ROLE_OID, ROLE_NAME }; /* the first columns of pg_authid */

static bool match_role(void *ctx, const struct value *cells, size_t n)
{
    struct role_search *search = ctx;
    (void)n;
    if (search->name.n ? !str_eq(cells[ROLE_NAME].bytes, search->name) : cells[ROLE_OID].integer != search->oid)
        return true;
    search->oid = (oid_t)cells[ROLE_OID].integer;
    search->found = search->arena ? arena_str(search->arena, cells[ROLE_NAME].bytes) : STR("found");
    return false;
}

static bool find_role(const struct system_source *source, struct role_search *search)
{
    const struct relation *authid = system_relation(STR("pg_catalog"), STR("pg_authid"));
    struct value **fixed = NULL;
    size_t n = 0;
    fixed_rows(authid, &fixed, &n);
    for (size_t i = 0; i < n; i++)
        if (!match_role(search, fixed[i], authid->n_columns))
            return true;
    if (source->state && source->state->rows)
        source->state->rows(source->state->ctx, authid->name, match_role, search);
    return search->found.p != NULL;
}

struct str system_role_name(const struct system_source *source, oid_t oid, struct arena *arena)
{
    struct role_search search = { .oid = oid, .arena = arena };
    return find_role(source, &search) ? search.found : (struct str){ 0 };
}

oid_t system_role_oid(const struct system_source *source, struct str name)
{
    struct role_search search = { .name = name };
    return name.n && find_role(source, &search) ? search.oid : 0;
}

/* --- rows of a run, and their hashes by column --- */

enum { NO_ROW = UINT32_MAX, HASHES_MAX = 8 };

/* Rows whose cells have the same hash are a chain in row order; the reader compares. */
struct column_hash {
    int column;
    uint32_t *heads, *next;
    size_t mask;
};

struct system_module {
    const struct relation *relation;
    const struct system_source *source;
    uint64_t run; /* whose rows these are */
    struct system_rows rows;
    struct column_hash hashes[HASHES_MAX];
    size_t n_hashes;
};

static void drop_rows(struct system_module *m)
{
    arena_free(m->rows.arena);
    free(m->rows.rows);
    m->rows = (struct system_rows){ 0 };
    m->n_hashes = 0;
    m->run = 0;
}

static void module_free(void *module)
{
    drop_rows(module);
    sqlite3_free(module);
}

/* 0 or an SQLite code; *ret_error is for SQLite to free. */
static int rows_of_run(struct system_module *m, char **ret_error)
{
    if (m->rows.arena && m->run == m->source->run)
        return SQLITE_OK;
    drop_rows(m);
    m->rows.relation = m->relation;
    m->rows.arena = arena_new(ROWS_ARENA_CAP);
    if (!m->rows.arena)
        return SQLITE_NOMEM;
    bool known = make_rows(&m->rows, m->source), failed = m->rows.failed;
    if (!known || failed)
        drop_rows(m);
    if (failed)
        return SQLITE_NOMEM;
    if (!known) {
        struct str schema = m->relation->schema, name = m->relation->name;
        *ret_error =
            sqlite3_mprintf("!0A000:reading %.*s.%.*s is not supported", (int)schema.n, schema.p, (int)name.n, name.p);
        return SQLITE_ERROR;
    }
    m->run = m->source->run;
    return SQLITE_OK;
}

static bool is_plain_table(const struct relation *r)
{
    return r->kind == RELATION_TABLE;
}

/* Built-in rows came with the database; the others change with the schema, as their xmin does. */
static int64_t row_xmin(const struct system_module *m, size_t row)
{
    uint64_t version = m->source->snapshot ? m->source->snapshot->version : 0;
    return row < m->rows.n_fixed || !version ? 1 : (int64_t)(3 + version % 2000000000);
}

/* One of the hidden columns. */
static struct value hidden_cell(const struct system_module *m, size_t row, size_t column, char *buffer, size_t size)
{
    struct str name = system_columns()[column].name;
    if (str_is(name, "tableoid"))
        return value_integer(m->relation->oid);
    if (str_is(name, "xmin"))
        return value_integer(row_xmin(m, row));
    if (str_is(name, "ctid")) {
        snprintf(buffer, size, "(0,%zu)", row + 1);
        return value_text(str_from(buffer));
    }
    return value_integer(0);
}

static struct value cell_at(const struct system_module *m, size_t row, size_t column, char *buffer, size_t size)
{
    if (column < m->relation->n_columns)
        return m->rows.rows[row][column];
    return hidden_cell(m, row, column - m->relation->n_columns, buffer, size);
}

enum { CELL_BUFFER = 32 };

static uint64_t hash_value(const struct value *v)
{
    int64_t n = v->integer;
    switch (v->class) {
    case VALUE_REAL:
        n = v->real > -1e18 && v->real < 1e18 ? (int64_t)v->real : 0;
        return str_hash((struct str){ (const char *)&n, sizeof(n) });
    case VALUE_INTEGER:
        return str_hash((struct str){ (const char *)&n, sizeof(n) });
    case VALUE_TEXT:
    case VALUE_BLOB:
        return str_hash(v->bytes);
    case VALUE_NULL:
        break;
    }
    return 0;
}

static const struct column_hash *hash_of(struct system_module *m, int column)
{
    for (size_t i = 0; i < m->n_hashes; i++)
        if (m->hashes[i].column == column)
            return &m->hashes[i];
    struct column_hash h = { .column = column, .mask = 15 };
    while (h.mask < m->rows.n)
        h.mask = h.mask * 2 + 1;
    h.heads = ARENA_ARRAY(m->rows.arena, uint32_t, h.mask + 1);
    h.next = ARENA_ARRAY(m->rows.arena, uint32_t, m->rows.n + 1);
    if (m->n_hashes == HASHES_MAX || !h.heads || !h.next)
        return NULL;
    memset(h.heads, 0xff, (h.mask + 1) * sizeof(*h.heads));
    for (size_t i = m->rows.n; i-- > 0;) {
        char buffer[CELL_BUFFER];
        struct value v = cell_at(m, i, (size_t)column, buffer, sizeof(buffer));
        uint32_t *head = &h.heads[hash_value(&v) & h.mask];
        h.next[i] = *head;
        *head = (uint32_t)i;
    }
    m->hashes[m->n_hashes] = h;
    return &m->hashes[m->n_hashes++];
}

/* --- the virtual table --- */

struct system_table {
    sqlite3_vtab base;
    struct system_module *module;
};

struct system_cursor {
    sqlite3_vtab_cursor base;
    struct system_module *module;
    const struct column_hash *hash; /* NULL: every row */
    size_t at;
};

static int table_connect(sqlite3 *db, void *aux, int argc, const char *const *argv, sqlite3_vtab **ret, char **error)
{
    struct system_module *module = aux;
    (void)argc, (void)argv, (void)error;
    sqlite3_str *text = sqlite3_str_new(db);
    sqlite3_str_appendall(text, "CREATE TABLE x(");
    for (size_t i = 0; i < module->relation->n_columns; i++) {
        struct str name = module->relation->columns[i].name;
        sqlite3_str_appendf(text, "%s\"%.*w\"", i ? "," : "", (int)name.n, name.p);
    }
    for (size_t i = 0; is_plain_table(module->relation) && i < SYSTEM_COLUMNS; i++)
        sqlite3_str_appendf(text, ",\"%s\" HIDDEN", system_columns()[i].name.p);
    sqlite3_str_appendall(text, ")");
    char *sql = sqlite3_str_finish(text);
    int code = sql ? sqlite3_declare_vtab(db, sql) : SQLITE_NOMEM;
    sqlite3_free(sql);
    if (code != SQLITE_OK)
        return code;
    struct system_table *t = sqlite3_malloc(sizeof(*t));
    if (!t)
        return SQLITE_NOMEM;
    *t = (struct system_table){ .module = module };
    *ret = &t->base;
    return SQLITE_OK;
}

static int table_disconnect(sqlite3_vtab *t)
{
    sqlite3_free(t);
    return SQLITE_OK;
}

/* idxNum: 0 for a scan, else 1 + the column whose equality is looked up. The engine still compares (a hash is not enough). */
static int table_best_index(sqlite3_vtab *t, sqlite3_index_info *info)
{
    const struct relation *r = ((struct system_table *)t)->module->relation;
    int best = -1;
    info->estimatedRows = 1000;
    info->estimatedCost = 10000;
    for (int i = 0; i < info->nConstraint; i++) {
        if (!info->aConstraint[i].usable || info->aConstraint[i].op != SQLITE_INDEX_CONSTRAINT_EQ ||
            info->aConstraint[i].iColumn < 0 || strcmp(sqlite3_vtab_collation(info, i), "BINARY") != 0)
            continue;
        /* the first column, an OID nearly always, tells rows apart best */
        if (best < 0 || info->aConstraint[i].iColumn < info->aConstraint[best].iColumn)
            best = i;
    }
    if (best < 0)
        return SQLITE_OK;
    int column = info->aConstraint[best].iColumn;
    bool key = column == 0 && r->n_columns > 0 && str_is(r->columns[0].name, "oid");
    info->aConstraintUsage[best].argvIndex = 1;
    info->idxNum = column + 1;
    info->estimatedRows = key ? 1 : 10;
    info->estimatedCost = key ? 2 : 20;
    return SQLITE_OK;
}

static int cursor_open(sqlite3_vtab *t, sqlite3_vtab_cursor **ret)
{
    struct system_cursor *c = sqlite3_malloc(sizeof(*c));
    if (!c)
        return SQLITE_NOMEM;
    *c = (struct system_cursor){ .module = ((struct system_table *)t)->module };
    *ret = &c->base;
    return SQLITE_OK;
}

static int cursor_close(sqlite3_vtab_cursor *base)
{
    sqlite3_free(base);
    return SQLITE_OK;
}

static struct value argument(sqlite3_value *v)
{
    switch (sqlite3_value_type(v)) {
    case SQLITE_INTEGER:
        return value_integer(sqlite3_value_int64(v));
    case SQLITE_FLOAT:
        return value_real(sqlite3_value_double(v));
    case SQLITE_NULL:
        return value_null();
    default: {
        const char *p = (const char *)sqlite3_value_text(v);
        return value_text((struct str){ p, (size_t)sqlite3_value_bytes(v) });
    }
    }
}

static int cursor_filter(sqlite3_vtab_cursor *base, int number, const char *text, int argc, sqlite3_value **argv)
{
    struct system_cursor *c = (struct system_cursor *)base;
    int code = rows_of_run(c->module, &base->pVtab->zErrMsg);
    (void)text;
    if (code != SQLITE_OK)
        return code;
    c->at = 0;
    c->hash = NULL;
    if (number == 0 || argc < 1)
        return SQLITE_OK;
    struct value wanted = argument(argv[0]);
    if (wanted.class == VALUE_NULL) {
        c->at = c->module->rows.n;
        return SQLITE_OK;
    }
    c->hash = hash_of(c->module, number - 1);
    if (c->hash) { /* else every row is read */
        uint32_t head = c->hash->heads[hash_value(&wanted) & c->hash->mask];
        c->at = head == NO_ROW ? c->module->rows.n : head;
    }
    return SQLITE_OK;
}

static int cursor_next(sqlite3_vtab_cursor *base)
{
    struct system_cursor *c = (struct system_cursor *)base;
    if (c->hash)
        c->at = c->hash->next[c->at] == NO_ROW ? c->module->rows.n : c->hash->next[c->at];
    else
        c->at++;
    return SQLITE_OK;
}

static int cursor_eof(sqlite3_vtab_cursor *base)
{
    const struct system_cursor *c = (const struct system_cursor *)base;
    return c->at >= c->module->rows.n;
}

static int cursor_column(sqlite3_vtab_cursor *base, sqlite3_context *out, int column)
{
    const struct system_cursor *c = (const struct system_cursor *)base;
    char buffer[CELL_BUFFER];
    struct value v = cell_at(c->module, c->at, (size_t)column, buffer, sizeof(buffer));
    /* the rows stay, but a value may be used when they are gone: copied */
    sqlite_value_result(out, &v, SQLITE_TRANSIENT);
    return SQLITE_OK;
}

static int cursor_rowid(sqlite3_vtab_cursor *c, sqlite3_int64 *ret)
{
    *ret = (sqlite3_int64)((struct system_cursor *)c)->at;
    return SQLITE_OK;
}

static const sqlite3_module table_module = {
    .iVersion = 0,
    .xConnect = table_connect,
    .xBestIndex = table_best_index,
    .xDisconnect = table_disconnect,
    .xOpen = cursor_open,
    .xClose = cursor_close,
    .xFilter = cursor_filter,
    .xNext = cursor_next,
    .xEof = cursor_eof,
    .xColumn = cursor_column,
    .xRowid = cursor_rowid,
};

static int register_relations(sqlite3 *db, const struct system_source *source, const struct relation *relations,
                              size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct system_module *module = sqlite3_malloc(sizeof(*module));
        if (!module)
            return SQLITE_NOMEM;
        *module = (struct system_module){ .relation = &relations[i], .source = source };
        /* names of system relations are constants that end with NUL */
        int code = sqlite3_create_module_v2(db, relations[i].sqlite_name.p, &table_module, module, module_free);
        if (code != SQLITE_OK)
            return code;
    }
    return SQLITE_OK;
}

int system_register(sqlite3 *db, const struct system_source *source)
{
    size_t n, n_own, n_commands;
    const struct relation *relations = system_relations(&n), *own = system_own_relations(&n_own),
                          *commands = system_migration_relations(&n_commands);
    int code = register_relations(db, source, relations, n);
    if (code == SQLITE_OK)
        code = register_relations(db, source, own, n_own);
    return code == SQLITE_OK ? register_relations(db, source, commands, n_commands) : code;
}
