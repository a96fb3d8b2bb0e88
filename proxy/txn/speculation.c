/* speculation.c - see speculation.h. */
#include "proxy/txn/speculation.h"

#include "d1/scan.h"
#include "proxy/sql/emit.h"
#include "proxy/txn/repeat.h"
#include "proxy/txn/row_text.h"

#define CARRY_START "bad JSON path: '>"
#define ROWS_OF "(SELECT group_concat(c0,char(10)) FROM (%.*s))"

/* ---- making it ---- */

static bool add(struct speculation *sp, struct str sql, const struct value *params, size_t n, struct err *err)
{
    sp->statements[sp->n_statements++] = (struct d1_statement){ .sql = sql, .params = params, .n_params = n };
    return sql.p || err_oom(err);
}

static bool make_native(struct speculation *sp, struct err *err)
{
    for (size_t i = 0; i < sp->n_captures; i++)
        if (!capture_sql(&sp->captures[i], sp->arena, &sp->statements[sp->n_statements++], err))
            return false;
    return true;
}

/* What one statement gave, as an expression: its rows as one text, and its count. */
struct item {
    struct str rows, count; /* empty: none */
    const struct value *params;
    size_t n_params;
};

/* The columns of the caught rows, and how the trigger names them. */
static bool column_lists(const struct capture *c, const char *row, struct arena *arena, struct str *ret_names,
                         struct str *ret_values)
{
    struct str names = STR(""), values = STR("");
    for (size_t i = 0; i < c->relation->n_columns; i++) {
        struct str name = emit_identifier(c->relation->columns[i].name, arena);
        names = arena_printf(arena, "%.*s%s%.*s", STR_FMT(names), i ? "," : "", STR_FMT(name));
        values = arena_printf(arena, "%.*s%s%s.%.*s", STR_FMT(values), i ? "," : "", row, STR_FMT(name));
        if (!name.p || !names.p || !values.p)
            return false;
    }
    *ret_names = c->identity.n ? arena_printf(arena, "%.*s,\"_pgd1_rowid\"", STR_FMT(names)) : names;
    *ret_values = c->identity.n ? arena_printf(arena, "%.*s,%s.rowid", STR_FMT(values), row) : values;
    return ret_names->p && ret_values->p;
}

static bool add_trigger(struct speculation *sp, const struct capture *c, const char *name, const char *event,
                        const char *row, struct err *err)
{
    struct str names, values;
    if (!column_lists(c, row, sp->arena, &names, &values))
        return err_oom(err);
    return add(
        sp,
        arena_printf(sp->arena,
                     "CREATE TRIGGER %s AFTER %s ON %.*s BEGIN INSERT INTO _pgd1_capture(%.*s) VALUES (%.*s); END",
                     name, event, STR_FMT(c->target), STR_FMT(names), STR_FMT(values)),
        NULL, 0, err);
}

static bool catch_rows(struct speculation *sp, const struct capture *c, struct err *err)
{
    struct str table = arena_printf(sp->arena, "CREATE TABLE _pgd1_capture AS SELECT *%s FROM %.*s WHERE 0",
                                    c->identity.n ? ",rowid AS \"_pgd1_rowid\"" : "", STR_FMT(c->target));
    const char *event = c->verb == 'I' ? "INSERT" : c->verb == 'U' ? "UPDATE" : "DELETE";
    if (!add(sp, table, NULL, 0, err) ||
        !add_trigger(sp, c, "_pgd1_captured", event, c->verb == 'D' ? "OLD" : "NEW", err))
        return false;
    return !(c->verb == 'I' && c->may_update) || add_trigger(sp, c, "_pgd1_captured_too", "UPDATE", "NEW", err);
}

/* The literal behind WHERE name= in UPDATE of a sequence's row. */
static struct str sequence_name(struct str head)
{
    struct str rest = head, name = { 0 };
    struct scan_token t;
    int at = 0; /* words seen of WHERE name = */
    while (!name.p && scan_next(&rest, &t)) {
        bool fits = at == 0   ? t.kind == SCAN_WORD && str_is(t.text, "WHERE")
                    : at == 1 ? t.kind == SCAN_WORD && str_is(t.text, "name")
                    : at == 2 ? t.kind == SCAN_OTHER && str_is(t.text, "=")
                              : t.kind == SCAN_QUOTED;
        if (fits && at == 3)
            name = t.text;
        at = fits ? at + 1 : 0;
    }
    return name;
}

/* nextval() and setval(): their one row is read again behind the change. */
static bool carry_sequence(struct speculation *sp, const struct capture *c, struct item *ret, struct err *err)
{
    struct str name = sequence_name(c->head), row = row_text_sql(c->n_columns, sp->arena);
    if (!name.p || c->verb != 'U') {
        err_unsupported(err, "this statement in an interactive transaction over this connection to D1");
        return err_hint(err, "Use autocommit, or send the whole transaction as one string or pipeline.");
    }
    struct str rows =
        arena_printf(sp->arena, "SELECT %.*s AS c0 FROM (SELECT %.*s FROM %.*s WHERE name=%.*s AND changes()>0)",
                     STR_FMT(row), STR_FMT(c->list), STR_FMT(c->target), STR_FMT(name));
    *ret = (struct item){ .rows = rows, .count = STR("changes()") };
    return ((row.p && rows.p) || err_oom(err)) && add(sp, c->head, c->statement.params, capture_params(c->head), err);
}

/* The statement without RETURNING; its list is read from the rows that the trigger caught. */
static bool carry_returning(struct speculation *sp, const struct capture *c, struct item *ret, struct err *err)
{
    if (!c->relation)
        return carry_sequence(sp, c, ret, err);
    if (!catch_rows(sp, c, err))
        return false;
    struct str row = row_text_sql(capture_cells(c), sp->arena);
    struct str list = c->identity.n ? arena_printf(sp->arena, "%.*s, %.*s.\"_pgd1_rowid\" AS c%zu", STR_FMT(c->list),
                                                   STR_FMT(c->target), c->n_columns)
                                    : c->list;
    struct str rows =
        !row.p || !list.p
            ? (struct str){ 0 }
            : arena_printf(sp->arena,
                           "SELECT %.*s AS c0 FROM (SELECT %.*s FROM _pgd1_capture AS %.*s ORDER BY %.*s.rowid)",
                           STR_FMT(row), STR_FMT(list), STR_FMT(c->target), STR_FMT(c->target));
    size_t n = capture_params(c->head);
    *ret = (struct item){ .rows = rows, .count = STR("changes()"), .params = c->statement.params };
    ret->n_params = rows.p ? capture_params(rows) : 0;
    return (rows.p || err_oom(err)) && add(sp, c->head, c->statement.params, n, err);
}

static bool carry_one(struct speculation *sp, const struct capture *c, struct item *ret, struct err *err)
{
    struct d1_statement rows;
    *ret = (struct item){ 0 };
    switch (c->kind) {
    case CAPTURE_NOTHING:
        return add(sp, c->statement.sql, c->statement.params, c->statement.n_params, err);
    case CAPTURE_COUNT:
        ret->count = STR("changes()");
        return add(sp, c->statement.sql, c->statement.params, c->statement.n_params, err);
    case CAPTURE_SELECT:
        if (!capture_sql(c, sp->arena, &rows, err))
            return false;
        *ret = (struct item){ .rows = rows.sql, .params = rows.params, .n_params = rows.n_params };
        return true;
    case CAPTURE_RETURNING:
        return carry_returning(sp, c, ret, err);
    }
    return false;
}

/* json_array(rows, count) of a single statement, read at the end. */
static bool carry_directly(struct speculation *sp, const struct item *it, struct err *err)
{
    struct str rows = it->rows.n ? arena_printf(sp->arena, ROWS_OF, STR_FMT(it->rows)) : STR("NULL");
    struct str count = it->count.n ? it->count : STR("NULL");
    struct str sql = !rows.p ? rows
                             : arena_printf(sp->arena, "SELECT json_extract('{}','>'||json_array(%.*s,%.*s))",
                                            STR_FMT(rows), STR_FMT(count));
    return add(sp, sql, it->params, it->n_params, err);
}

/* Put aside until the end: the next statement would change changes(), or what is read. */
static bool put_aside(struct speculation *sp, size_t i, const struct item *it, struct err *err)
{
    struct str rows = it->rows.n ? arena_printf(sp->arena, ROWS_OF, STR_FMT(it->rows)) : STR("NULL");
    struct str count = it->count.n ? it->count : STR("NULL");
    struct str sql = !rows.p ? rows
                             : arena_printf(sp->arena, "INSERT INTO _pgd1_result(i,gave,n) SELECT %zu,%.*s,%.*s", i,
                                            STR_FMT(rows), STR_FMT(count));
    if (!add(sp, sql, it->params, it->n_params, err))
        return false;
    return sp->captures[i].kind != CAPTURE_RETURNING || !sp->captures[i].relation || /* nobody caught its row */
           (add(sp, STR("DROP TRIGGER _pgd1_captured"), NULL, 0, err) &&
            add(sp, STR("DROP TRIGGER IF EXISTS _pgd1_captured_too"), NULL, 0, err) &&
            add(sp, STR("DROP TABLE _pgd1_capture"), NULL, 0, err));
}

/* Statements for each capture: two triggers and a table, itself, put aside, dropped. */
enum { PER_CAPTURE = 9, AROUND = 2 };

/* Statements that give something; *ret_last: the only one of them is the last of all. */
static size_t count_giving(const struct speculation *sp, bool *ret_last)
{
    size_t n = 0;
    for (size_t i = 0; i < sp->n_captures; i++)
        n += sp->captures[i].kind != CAPTURE_NOTHING;
    *ret_last = n == 1 && sp->captures[sp->n_captures - 1].kind != CAPTURE_NOTHING;
    return n;
}

static bool make_carrying(struct speculation *sp, struct err *err)
{
    struct item it = { 0 };
    bool direct;
    size_t n = count_giving(sp, &direct);
    sp->carries = true;
    if (!direct && n &&
        !add(sp, STR("CREATE TABLE _pgd1_result(i INTEGER PRIMARY KEY, gave TEXT, n INTEGER)"), NULL, 0, err))
        return false;
    for (size_t i = 0; i < sp->n_captures; i++)
        if (!carry_one(sp, &sp->captures[i], &it, err) ||
            (!direct && sp->captures[i].kind != CAPTURE_NOTHING && !put_aside(sp, i, &it, err)))
            return false;
    if (direct)
        return carry_directly(sp, &it, err);
    if (!n)
        return add(sp, STR("SELECT json_extract('{}','>[]')"), NULL, 0, err);
    return add(sp,
               STR("SELECT json_extract('{}','>'||(SELECT json_group_array(v) FROM (SELECT gave AS v,i,0 AS k FROM "
                   "_pgd1_result UNION ALL SELECT n,i,1 FROM _pgd1_result ORDER BY 2,3)))"),
               NULL, 0, err);
}

bool speculation_begin(struct speculation *sp, size_t n, struct arena *arena, struct err *err)
{
    *sp = (struct speculation){ .arena = arena };
    sp->captures = ARENA_ARRAY(arena, struct capture, n);
    sp->statements = ARENA_ARRAY(arena, struct d1_statement, PER_CAPTURE * n + AROUND);
    return (sp->captures && sp->statements) || err_oom(err);
}

void speculation_take(struct speculation *sp, const struct plan *plan, const struct d1_statement *statements, size_t n)
{
    for (size_t i = 0; i < n; i++)
        capture_init(&sp->captures[sp->n_captures++], &statements[i],
                     i < plan->n_statements ? &plan->statements[i] : NULL, plan);
}

bool speculation_finish(struct speculation *sp, bool native, struct err *err)
{
    return native ? make_native(sp, err) : make_carrying(sp, err);
}

bool speculation_make(struct speculation *sp, const struct plan *plan, const struct d1_statement *statements, size_t n,
                      bool native, struct arena *arena, struct err *err)
{
    if (!speculation_begin(sp, n, arena, err))
        return false;
    speculation_take(sp, plan, statements, n);
    return speculation_finish(sp, native, err);
}

bool count_statements(struct str table, int64_t highest, struct arena *arena, struct d1_statement *to, struct err *err)
{
    struct value *params = ARENA_ARRAY(arena, struct value, 2);
    struct str digits = arena_printf(arena, "%lld", (long long)highest), name = arena_str(arena, table);
    if (!params || !digits.p || !name.p)
        return err_oom(err);
    params[0] = value_text(name);
    params[1] = value_text(digits);
    to[0] = (struct d1_statement){ .sql = STR(SEQUENCE_ROW_SQL), .params = params, .n_params = 1 };
    to[1] =
        (struct d1_statement){ .sql = STR("UPDATE sqlite_sequence SET seq=max(seq,CAST(?2 AS INTEGER)) WHERE name=?1"),
                               .params = params,
                               .n_params = 2 };
    return true;
}

bool speculation_count_from(struct speculation *sp, const struct capture *c, int64_t highest, struct err *err)
{
    if (!count_statements(c->relation->sqlite_name, highest, sp->arena, sp->ahead, err))
        return false;
    sp->n_ahead = 2;
    return true;
}

int64_t speculation_highest(const struct speculation *sp, size_t i)
{
    const struct capture *c = &sp->captures[i];
    struct value *cells;
    struct err err;
    int64_t highest = 0;
    err_init(&err, sp->arena);
    for (size_t k = 0; c->is_generated && k < c->n_rows; k++)
        if (speculation_cells(sp, i, k, &cells, &err) && cells[c->n_columns].class == VALUE_INTEGER &&
            cells[c->n_columns].integer > highest)
            highest = cells[c->n_columns].integer;
    return highest;
}

/* ---- reading what it gave ---- */

bool speculation_cells(const struct speculation *sp, size_t i, size_t k, struct value **ret, struct err *err)
{
    const struct capture *c = &sp->captures[i];
    size_t n = capture_cells(c);
    *ret = ARENA_ARRAY(sp->arena, struct value, n);
    return *ret ? row_text_read(c->rows[k], n, sp->arena, *ret, err) : err_oom(err);
}

bool speculation_row(struct speculation *sp, size_t i, const struct value *cell, struct value **ret, struct err *err)
{
    struct capture *c = &sp->captures[i];
    if (cell->class != VALUE_TEXT)
        return err_set(err, SQLSTATE_INTERNAL_ERROR, "D1 returned a row in a form pgd1 does not know");
    return capture_add(c, cell->bytes, sp->arena, err) && speculation_cells(sp, i, c->n_rows - 1, ret, err);
}

/* The payload between the quotes, which are doubled inside. */
struct str speculation_payload(struct str message, struct arena *arena)
{
    struct str start = STR(CARRY_START);
    size_t end = message.n;
    if (!str_starts(message, start))
        return (struct str){ 0 };
    while (end > start.n && !(message.p[end - 1] == '\'' && message.p[end - 2] == ']'))
        end--;
    char *out = arena_alloc(arena, message.n);
    size_t n = 0;
    for (size_t i = start.n; out && i + 1 < end; i++) {
        out[n++] = message.p[i];
        i += message.p[i] == '\'';
    }
    return (struct str){ out, out ? n : 0 };
}

static bool take_rows(struct speculation *sp, struct capture *c, struct str rows, struct err *err)
{
    while (rows.n) {
        const char *end = memchr(rows.p, '\n', rows.n);
        size_t n = end ? (size_t)(end - rows.p) : rows.n;
        if (!capture_add(c, (struct str){ rows.p, n }, sp->arena, err))
            return false;
        n += end != NULL;
        rows = (struct str){ rows.p + n, rows.n - n };
    }
    return true;
}

static bool take_item(struct speculation *sp, struct capture *c, const struct row_text_item *it, struct err *err)
{
    if (it[0].text.p && !take_rows(sp, c, it[0].text, err))
        return false;
    c->has_changes = it[1].is_number;
    c->changes = it[1].number;
    if (c->kind != CAPTURE_RETURNING || (int64_t)c->n_rows == c->changes)
        return true;
    err_unsupported(err,
                    "RETURNING of a statement whose triggers or cascades change the same table, inside a transaction");
    return err_hint(err, "Leave out RETURNING, or use autocommit.");
}

bool speculation_read(struct speculation *sp, struct str message, struct err *err)
{
    size_t n, max = 2 * sp->n_captures;
    struct str payload = speculation_payload(message, sp->arena);
    struct row_text_item *items = payload.p ? ARENA_ARRAY(sp->arena, struct row_text_item, max) : NULL;
    if (!items || !row_text_list(payload, max, sp->arena, items, &n, err))
        return false;
    size_t at = 0;
    for (size_t i = 0; i < sp->n_captures; i++) {
        if (sp->captures[i].kind == CAPTURE_NOTHING)
            continue;
        if (at + 2 > n)
            return err_set(err, SQLSTATE_INTERNAL_ERROR, "D1 returned %zu results, too few", n / 2);
        if (!take_item(sp, &sp->captures[i], &items[at], err))
            return false;
        at += 2;
    }
    return at == n || err_set(err, SQLSTATE_INTERNAL_ERROR, "D1 returned %zu results, too many", n / 2);
}

/* ---- keeping it ---- */

bool speculation_keep(const struct speculation *sp, size_t first, size_t n, struct buffer *b, uint32_t position,
                      const struct plan *plan, size_t max_params, struct err *err)
{
    struct d1_statement *all = ARENA_ARRAY(sp->arena, struct d1_statement, n * (1 + CAPTURE_CHECKS_MAX));
    size_t n_all = 0, more;
    if (!all)
        return err_oom(err);
    for (size_t i = 0; i < n; i++, n_all += more)
        if (!capture_replay(&sp->captures[first + i], max_params, sp->arena, &all[n_all], &more, err))
            return false;
    if (!buffer_add(b, position, plan, all, n_all, err))
        return false;
    repeat_keep(b, plan, &sp->captures[first], n);
    struct fold fold = { 0 };
    if (n == 1 && plan->n_statements == 1 &&
        (!capture_fold(&sp->captures[first], sp->arena, &fold, err) || !buffer_add_fold(b, &fold, err)))
        return false;
    for (size_t i = 0; i < n; i++)
        all[i] = sp->captures[first + i].statement;
    return plan->kind != PLAN_DDL || buffer_add_ddl(b, all, n, err);
}
