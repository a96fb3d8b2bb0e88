/* refused_row.c - see refused_row.h. The statements read here are the emitter's own: keywords are bare and in capitals. */
#include "proxy/txn/refused_row.h"

#include "d1/scan.h"
#include "pgwire/numeric.h"
#include "proxy/base/utf8.h"
#include "proxy/sql/emit.h"
#include "proxy/txn/row_text.h"
#include "proxy/txn/speculation.h"

/* SHOWN_MAX: of a value's text, as ExecBuildSlotValueDescription() has it. */
enum { SHOWN_MAX = 64, ROW_MAX = 1 << 20, UNKNOWN_ROWID = -1 };

/* ---- asking ---- */

static bool is_word(const struct scan_token *t, const char *word)
{
    return t->kind == SCAN_WORD && str_is(t->text, word);
}

struct shape {
    char verb; /* I, U; 0: another statement */
    bool has_conflict;
    size_t n_rows; /* of VALUES */
};

static struct shape shape_of(struct str sql)
{
    struct str rest = sql;
    struct scan_token t;
    struct shape shape = { 0 };
    bool in_values = false;
    int depth = 0;
    if (scan_next(&rest, &t))
        shape.verb = is_word(&t, "INSERT") ? 'I' : is_word(&t, "UPDATE") ? 'U' : 0;
    while (shape.verb && scan_next(&rest, &t)) {
        bool opens = t.kind == SCAN_OTHER && t.text.p[0] == '(', closes = t.kind == SCAN_OTHER && t.text.p[0] == ')';
        shape.n_rows += in_values && opens && depth == 0;
        depth += opens - closes;
        if (depth || t.kind != SCAN_WORD)
            continue;
        shape.has_conflict |= is_word(&t, "CONFLICT");
        in_values = is_word(&t, "VALUES");
    }
    return shape;
}

/* The table counts the rows' ids itself. */
static bool numbers_rows(const struct plan *plan, const struct relation *r)
{
    for (size_t i = 0; i < plan->n_sequences; i++)
        if (plan->sequences[i].table && plan->sequences[i].table->oid == r->oid &&
            plan->sequences[i].use <= SEQUENCE_PER_PROPOSED)
            return true;
    return false;
}

/* Where ids are counted, a trigger sees -1 in their place: no value may look so, by itself or in a JSON array of rows. */
static bool mentions_unknown(const struct d1_statement *s)
{
    static const char *const in_array[] = { "[-1,", "[-1]", ",-1,", ",-1]" };
    for (size_t i = 0; i < s->n_params; i++) {
        const struct value *v = &s->params[i];
        bool found =
            v->class == VALUE_INTEGER ? v->integer == UNKNOWN_ROWID : v->class == VALUE_TEXT && str_is(v->bytes, "-1");
        for (size_t k = 0; !found && v->class == VALUE_TEXT && k < sizeof(in_array) / sizeof(in_array[0]); k++)
            found = str_starts(v->bytes, STR("[")) && str_find(v->bytes, str_from(in_array[k])) >= 0;
        if (found)
            return true;
    }
    return false;
}

static struct str next_rowid(const struct relation *r, struct str column, struct arena *arena)
{
    struct str table = emit_identifier(r->sqlite_name, arena), name = emit_text_literal(r->sqlite_name, arena);
    return arena_printf(arena,
                        "iif(NEW.%.*s=%d,max(coalesce((SELECT seq FROM sqlite_sequence WHERE name=%.*s),0),"
                        "coalesce((SELECT max(%.*s) FROM %.*s),0))+1,NEW.%.*s)",
                        STR_FMT(column), UNKNOWN_ROWID, STR_FMT(name), STR_FMT(column), STR_FMT(table),
                        STR_FMT(column));
}

/* NEW."a" AS c0, NEW."b" AS c1… */
static struct str new_row(const struct relation *r, bool numbered, struct arena *arena)
{
    struct str list = STR("");
    for (size_t i = 0; i < r->n_columns && list.p; i++) {
        const struct column *c = &r->columns[i];
        struct str name = emit_identifier(c->name, arena);
        struct str cell = numbered && c->sequence_is_rowid ? next_rowid(r, name, arena)
                                                           : arena_printf(arena, "NEW.%.*s", STR_FMT(name));
        list = arena_printf(arena, "%.*s%s%.*s AS c%zu", STR_FMT(list), i ? ", " : "", STR_FMT(cell), i);
    }
    return list;
}

/* INSERT and UPDATE are equally long words. */
static struct str ignoring(struct str sql, struct arena *arena)
{
    size_t n = sizeof("INSERT") - 1;
    return arena_printf(arena, "%.*s OR IGNORE%.*s", (int)n, sql.p, (int)(sql.n - n), sql.p + n);
}

/* A row that a trigger sees, as text. */
static struct str seen_row(const struct relation *r, bool numbered, struct arena *arena)
{
    struct str row = row_text_sql(r->n_columns, arena), cells = new_row(r, numbered, arena);
    return row.p && cells.p ? arena_printf(arena, "SELECT %.*s AS c0 FROM (SELECT %.*s)", STR_FMT(row), STR_FMT(cells))
                            : (struct str){ 0 };
}

/* A note that stayed is of a row that was refused: nothing more need be tried. */
static struct str noting(struct str table, const char *event, struct str row, struct arena *arena)
{
    return arena_printf(arena,
                        "CREATE TRIGGER _pgd1_row_before BEFORE %s ON %.*s BEGIN SELECT "
                        "json_extract('{}','>'||json_array(c0)) FROM _pgd1_row; INSERT INTO _pgd1_row(c0) %.*s; END",
                        event, STR_FMT(table), STR_FMT(row));
}

/* What comes behind the row's own checks: it was not refused. Of one row that met another, it is what that one would become. */
static struct str passing(struct str table, const char *event, bool has_conflict, struct str row, struct arena *arena)
{
    if (has_conflict)
        return arena_printf(arena,
                            "CREATE TRIGGER _pgd1_row_after BEFORE UPDATE ON %.*s BEGIN SELECT "
                            "json_extract('{}','>'||json_array(c0)) FROM (%.*s); END",
                            STR_FMT(table), STR_FMT(row));
    return arena_printf(arena, "CREATE TRIGGER _pgd1_row_after AFTER %s ON %.*s BEGIN DELETE FROM _pgd1_row; END",
                        event, STR_FMT(table));
}

bool refused_row_make(const struct plan *plan, const struct relation *r, const struct d1_statement *statement,
                      struct arena *arena, struct d1_statement *ret)
{
    struct shape shape = shape_of(statement->sql);
    bool numbered = shape.verb == 'I' && numbers_rows(plan, r);
    if (!shape.verb || r->has_user_triggers || (shape.has_conflict && shape.n_rows != 1) ||
        (numbered && mentions_unknown(statement)))
        return false;
    struct str row = seen_row(r, numbered, arena), changed = seen_row(r, false, arena),
               table = emit_identifier(r->sqlite_name, arena);
    const char *event = shape.verb == 'I' ? "INSERT" : "UPDATE";
    if (!row.p || !changed.p || !table.p)
        return false;
    ret[0] = (struct d1_statement){ .sql = STR("CREATE TABLE _pgd1_row(n INTEGER PRIMARY KEY, c0 TEXT)") };
    ret[1] = (struct d1_statement){ .sql = noting(table, event, row, arena) };
    ret[2] = (struct d1_statement){ .sql = passing(table, event, shape.has_conflict, changed, arena) };
    ret[3] = *statement;
    ret[3].sql = ignoring(statement->sql, arena);
    ret[4] = (struct d1_statement){ .sql = STR("SELECT json_extract('{}','>'||(SELECT json_group_array(c0) FROM "
                                               "(SELECT c0 FROM _pgd1_row ORDER BY n LIMIT 1)))") };
    return ret[1].sql.p && ret[2].sql.p && ret[3].sql.p;
}

/* ---- what it gave ---- */

/* A cell as it is stored -> the datum of the column's type. */
static bool datum_of(const struct column *c, oid_t type, int32_t typmod, const struct value *cell, struct arena *arena,
                     struct value *ret)
{
    static const enum cell_form forms[] = {
        [COLUMN_NATURAL] = CELL_NATURAL, [COLUMN_NUMBER] = CELL_NUMBER,   [COLUMN_UNIX_S] = CELL_UNIX_S,
        [COLUMN_UNIX_MS] = CELL_UNIX_MS, [COLUMN_UNIX_US] = CELL_UNIX_US, [COLUMN_DATETIME] = CELL_NATURAL,
        [COLUMN_LOOSE] = CELL_NATURAL,
    };
    struct err ignored;
    struct plan_column column = { .name = c->name, .type = type, .codec_type = type, .form = forms[c->storage] };
    err_init(&ignored, arena);
    column.typmod = column.codec_typmod = typmod;
    column.detail = c->storage == COLUMN_NUMBER && typmod >= 0 ? numeric_typmod_scale(typmod) : -1;
    bool is_foreign = c->storage == COLUMN_DATETIME || c->storage == COLUMN_LOOSE;
    return !is_foreign && plan_cell(&column, cell, arena, ret, &ignored);
}

static bool add_shown(const struct snapshot *s, const struct column *c, const struct value *cell,
                      const struct type_settings *types, struct arena *arena, struct buf *out)
{
    int32_t typmod = c->typmod;
    oid_t type = snapshot_base_type(s, c->type, &typmod);
    struct value datum;
    struct buf text;
    struct err ignored;
    if (cell->class == VALUE_NULL) {
        buf_add_str(out, STR("null"));
        return true;
    }
    err_init(&ignored, arena);
    buf_init(&text, ROW_MAX);
    bool ok = datum_of(c, type, typmod, cell, arena, &datum) &&
              type_encode(type, typmod, WIRE_TEXT, &datum, types, arena, &text, &ignored) && !text.failed;
    struct str shown = ok ? buf_str(&text) : (struct str){ 0 };
    size_t n = 0;
    while (shown.n > SHOWN_MAX && n + utf8_width(shown, n) <= SHOWN_MAX)
        n += utf8_width(shown, n);
    buf_add(out, shown.p, shown.n > SHOWN_MAX ? n : shown.n);
    if (shown.n > SHOWN_MAX)
        buf_add_str(out, STR("..."));
    buf_fini(&text);
    return ok;
}

bool refused_row_read(struct str message, const struct snapshot *snapshot, const struct relation *r,
                      const struct type_settings *types, struct arena *arena, struct str *ret)
{
    struct str list = speculation_payload(message, arena);
    struct value *cells = ARENA_ARRAY(arena, struct value, r->n_columns);
    struct row_text_item row;
    struct err ignored;
    struct buf out;
    size_t n;
    err_init(&ignored, arena);
    if (!list.p || !cells || !row_text_list(list, 1, arena, &row, &n, &ignored) || n != 1 || !row.text.p ||
        !row_text_read(row.text, r->n_columns, arena, cells, &ignored))
        return false;
    buf_init(&out, ROW_MAX);
    bool ok = true;
    for (size_t i = 0; i < r->n_columns && ok; i++) {
        const struct column *c = &r->columns[i];
        buf_add_str(&out, i ? STR(", ") : STR("("));
        ok = !(c->is_rowid && cells[i].class == VALUE_INTEGER && cells[i].integer == UNKNOWN_ROWID) &&
             add_shown(snapshot, c, &cells[i], types, arena, &out);
    }
    buf_add_char(&out, ')');
    *ret = ok && !out.failed ? arena_str(arena, buf_str(&out)) : (struct str){ 0 };
    buf_fini(&out);
    return ret->p != NULL;
}
