/* snapshot_reader.c - the batch that reads a schema, and the collecting of its rows; see snapshot.h. */
#include "proxy/catalog/snapshot_internal.h"
#include "proxy/catalog/snapshot_renew.h"

#include <stdlib.h>
#include "proxy/base/fault.h"

/* Rows of one schema held at most, and the snapshot made of them: far more than D1's 100 columns by thousands of tables need. */
enum { READ_MAX_BYTES = 256 << 20 };

/* Names that are not the user's: SQLite's own, Cloudflare's (reading _cf_ tables is denied) and pgd1's. */
#define IS_USERS(name)                                                                                                 \
    "lower(" name ") NOT GLOB 'sqlite_*' AND lower(" name ") NOT GLOB '_cf_*' AND lower(" name ") NOT GLOB '_pgd1_*'"
/* pragma_table_list prepares SELECT * FROM every view and swallows the errors: a view over a lost table has no columns then,
 * where pragma_table_xinfo of it would fail the whole batch. */
#define ALL_TABLES "pragma_table_list AS l"
#define OF_USERS " WHERE l.schema = 'main' AND l.type <> 'shadow' AND " IS_USERS("l.name")

/* Of some tables: one parameter, their names as a JSON array. */
#define NAMED_TABLES "json_each(?1) AS n CROSS JOIN pragma_table_list(n.value) AS l"
#define OBJECTS                                                                                                        \
    "SELECT type AS c0, name AS c1, tbl_name AS c2, sql AS c3 FROM sqlite_schema"                                      \
    " WHERE lower(name) NOT GLOB 'sqlite_*' AND lower(name) NOT GLOB '_cf_*'"
#define KINDS(from)                                                                                                    \
    "SELECT l.name AS c0, l.type AS c1, l.ncol AS c2, l.wr AS c3 FROM " from                                           \
    " WHERE l.schema = 'main' AND " IS_USERS("l.name") " ORDER BY l.name"
#define COLUMNS(from, where)                                                                                           \
    "SELECT l.name AS c0, x.cid AS c1, x.name AS c2, x.type AS c3, x.\"notnull\" AS c4, x.dflt_value AS c5,"           \
    " x.pk AS c6, x.hidden AS c7 FROM " from " CROSS JOIN pragma_table_xinfo(l.name) AS x" OF_USERS where              \
    " ORDER BY l.name, x.cid"
#define KEYS(from)                                                                                                     \
    "SELECT l.name AS c0, f.id AS c1, f.seq AS c2, f.\"table\" AS c3, f.\"from\" AS c4, f.\"to\" AS c5,"               \
    " f.on_update AS c6, f.on_delete AS c7 FROM " from " CROSS JOIN pragma_foreign_key_list(l.name) AS f" OF_USERS     \
    " AND l.type = 'table' ORDER BY l.name, f.id DESC, f.seq"
#define INDEX_TERMS(from)                                                                                              \
    "SELECT l.name AS c0, i.name AS c1, i.\"unique\" AS c2, i.origin AS c3, i.partial AS c4, x.seqno AS c5,"           \
    " x.cid AS c6, x.name AS c7, x.\"desc\" AS c8 FROM " from                                                          \
    " CROSS JOIN pragma_index_list(l.name) AS i CROSS JOIN pragma_index_xinfo(i.name) AS x" OF_USERS                   \
    " AND l.type = 'table' AND x.key = 1 ORDER BY l.name, i.name, x.seqno"

/* clang-format off */
static const struct d1_statement statements[READ_NR] = {
    [READ_OBJECTS] = { .sql = STR_INIT(OBJECTS " ORDER BY name, type") },
    [READ_KINDS] = { .sql = STR_INIT(KINDS(ALL_TABLES)) },
    [READ_COLUMNS] = { .sql = STR_INIT(COLUMNS(ALL_TABLES, " AND (l.type <> 'view' OR l.ncol > 0)")) },
    [READ_KEYS] = { .sql = STR_INIT(KEYS(ALL_TABLES)) },
    [READ_INDEX_TERMS] = { .sql = STR_INIT(INDEX_TERMS(ALL_TABLES)) },
    [READ_SIDE] = { .sql = STR_INIT("SELECT kind AS c0, schema AS c1, name AS c2, detail AS c3 FROM _pgd1_catalog ORDER BY kind, schema, name") },
};
static const struct d1_statement named[READ_SIDE] = {
    [READ_OBJECTS] = { .sql = STR_INIT(OBJECTS " AND tbl_name COLLATE NOCASE IN (SELECT value FROM json_each(?1)) ORDER BY name, type") },
    [READ_KINDS] = { .sql = STR_INIT(KINDS(NAMED_TABLES)) },
    [READ_COLUMNS] = { .sql = STR_INIT(COLUMNS(NAMED_TABLES, "")) },
    [READ_KEYS] = { .sql = STR_INIT(KEYS(NAMED_TABLES)) },
    [READ_INDEX_TERMS] = { .sql = STR_INIT(INDEX_TERMS(NAMED_TABLES)) },
};
/* clang-format on */

const struct d1_statement *snapshot_statements_for(bool with_side_catalog, size_t *ret_n)
{
    *ret_n = with_side_catalog ? READ_NR : READ_NR - 1; /* READ_SIDE is the last */
    return statements;
}

const struct d1_statement *snapshot_statements(size_t *ret_n)
{
    return snapshot_statements_for(true, ret_n);
}

const struct d1_statement *snapshot_renewer_statements(size_t *ret_n)
{
    *ret_n = READ_SIDE;
    return named;
}

struct snapshot_reader *snapshot_reader_new(void)
{
    struct snapshot_reader *r = fault_calloc(1, sizeof(*r));
    if (!r)
        return NULL;
    r->version = STR_HASH_START;
    r->arena = arena_new(READ_MAX_BYTES);
    if (!r->arena) {
        free(r);
        return NULL;
    }
    return r;
}

void snapshot_reader_free(struct snapshot_reader *r)
{
    if (r)
        arena_free(r->arena);
    free(r);
}

static struct read_row *row_add(struct snapshot_reader *r, struct read_rows *rows)
{
    if (rows->n == rows->room) {
        size_t room = rows->room * 2 + 32;
        struct read_row *more = ARENA_ARRAY(r->arena, struct read_row, room);
        if (!more)
            return NULL;
        if (rows->n)
            memcpy(more, rows->rows, rows->n * sizeof(*more));
        rows->rows = more;
        rows->room = room;
    }
    return &rows->rows[rows->n++];
}

/* Cells come as numbers or, from a transport without native values, as decimal texts: both mean the same here. */
static bool cell_copy(struct snapshot_reader *r, const struct value *from, struct value *to)
{
    if (from->class != VALUE_REAL)
        return value_keep(from, r->arena, to);
    *to = value_integer((int64_t)from->real);
    return true;
}

static void version_add(struct snapshot_reader *r, size_t statement, const struct read_row *row, size_t n)
{
    unsigned char tag[2] = { (unsigned char)statement, (unsigned char)n };
    r->version = str_hash_more(r->version, (struct str){ (const char *)tag, sizeof(tag) });
    for (size_t i = 0; i < n; i++) {
        int64_t integer = read_integer(row, i);
        struct str text = read_text(row, i);
        struct str bytes =
            row->cells[i].class == VALUE_INTEGER ? (struct str){ (const char *)&integer, sizeof(integer) } : text;
        uint64_t size = bytes.n;
        r->version = str_hash_more(r->version, (struct str){ (const char *)&size, sizeof(size) });
        r->version = str_hash_more(r->version, bytes);
    }
}

bool snapshot_reader_row(struct snapshot_reader *r, size_t statement, const struct value *cells, size_t n_cells)
{
    if (r->failed || statement >= READ_NR || n_cells > READ_CELLS_MAX) {
        r->failed = true;
        return false;
    }
    struct read_row *row = row_add(r, &r->read[statement]);
    for (size_t i = 0; row && i < n_cells; i++)
        if (!cell_copy(r, &cells[i], &row->cells[i]))
            row = NULL;
    if (!row) {
        r->failed = true;
        return false;
    }
    version_add(r, statement, row, n_cells);
    return true;
}

struct str read_text(const struct read_row *row, size_t cell)
{
    const struct value *value = &row->cells[cell];
    return value->class == VALUE_TEXT || value->class == VALUE_BLOB ? value->bytes : (struct str){ 0 };
}

int64_t read_integer(const struct read_row *row, size_t cell)
{
    const struct value *value = &row->cells[cell];
    int64_t integer = 0;
    if (value->class == VALUE_INTEGER)
        return value->integer;
    return value->class == VALUE_TEXT && str_to_int64(value->bytes, &integer) ? integer : 0;
}

static struct str keep(struct arena *arena, const struct read_row *row, size_t cell, bool *failed)
{
    struct str text = read_text(row, cell), copy = arena_str(arena, text);
    *failed |= !copy.p;
    return text.p ? copy : text;
}

/* D1's own schema, for proxy/txn/shadow.h. */
static bool keep_source(struct snapshot *s, const struct snapshot_reader *r)
{
    const struct read_rows *objects = &r->read[READ_OBJECTS], *side = &r->read[READ_SIDE];
    bool failed = false;
    s->objects = ARENA_ARRAY(s->arena, struct snapshot_object, objects->n);
    s->side = ARENA_ARRAY(s->arena, struct snapshot_side, side->n);
    for (size_t i = 0; s->objects && i < objects->n; i++)
        s->objects[i] = (struct snapshot_object){ keep(s->arena, &objects->rows[i], 0, &failed),
                                                  keep(s->arena, &objects->rows[i], 1, &failed),
                                                  keep(s->arena, &objects->rows[i], 2, &failed),
                                                  keep(s->arena, &objects->rows[i], 3, &failed) };
    for (size_t i = 0; s->side && i < side->n; i++) {
        const struct read_row *row = &side->rows[i];
        s->side[i] = (struct snapshot_side){ keep(s->arena, row, 0, &failed), keep(s->arena, row, 1, &failed),
                                             keep(s->arena, row, 2, &failed), keep(s->arena, row, 3, &failed) };
    }
    s->n_objects = objects->n;
    s->n_side = side->n;
    return s->objects && s->side && !failed;
}

struct snapshot *snapshot_reader_finish(struct snapshot_reader *r, struct err *err)
{
    if (r->failed) {
        err_oom(err);
        return NULL;
    }
    struct arena *arena = arena_new(READ_MAX_BYTES);
    struct snapshot_box *box = arena ? ARENA_NEW(arena, struct snapshot_box) : NULL;
    if (!box) {
        arena_free(arena);
        err_oom(err);
        return NULL;
    }
    box->snapshot.arena = arena;
    box->snapshot.version = r->version;
    atomic_init(&box->references, 1);
    if (!snapshot_build(box, r, err) || !keep_source(&box->snapshot, r)) {
        err_oom(err);
        arena_free(arena);
        return NULL;
    }
    return &box->snapshot;
}
