/* capture.c - see capture.h. The texts read here are the emitter's own: names are quoted, keywords bare and in capitals. */
#include "proxy/txn/capture.h"

#include <stdlib.h>
#include "d1/scan.h"
#include "proxy/base/buf.h"
#include "proxy/sql/emit.h"
#include "proxy/txn/row_text.h"

#define RAISE_CONFLICT "json_extract('{}','" CAPTURE_CONFLICT "')"

/* ---- what the statement is ---- */

struct words {
    struct str sql, rest;
    int depth;
};

/* The next token outside parentheses; false at the end. */
static bool next_outside(struct words *w, struct scan_token *t)
{
    while (scan_next(&w->rest, t)) {
        char c = t->text.p[0];
        bool opens = t->kind == SCAN_OTHER && c == '(', closes = t->kind == SCAN_OTHER && c == ')';
        w->depth += opens - closes;
        if (w->depth == 0 && !opens && !closes)
            return true;
    }
    return false;
}

static bool is_word(const struct scan_token *t, const char *word)
{
    return t->kind == SCAN_WORD && str_is(t->text, word);
}

static void read_target(struct capture *c, struct words *w)
{
    struct scan_token t;
    if (c->verb != 'U' && !next_outside(w, &t)) /* INTO, FROM */
        return;
    if (next_outside(w, &t))
        c->target = t.text;
}

static void read_returning(struct capture *c, struct str sql)
{
    struct words w = { sql, sql, 0 };
    struct scan_token t;
    while (next_outside(&w, &t)) {
        if (c->verb == '\0' && (is_word(&t, "INSERT") || is_word(&t, "UPDATE") || is_word(&t, "DELETE"))) {
            c->verb = t.text.p[0];
            read_target(c, &w);
        } else if (is_word(&t, "UPDATE") && c->verb == 'I')
            c->may_update = true;
        else if (c->verb && is_word(&t, "RETURNING")) {
            c->kind = CAPTURE_RETURNING;
            c->head = (struct str){ sql.p, (size_t)(t.text.p - sql.p) };
            c->list = w.rest;
        }
    }
}

/* Calls for each row of INSERT INTO t(columns) VALUES (…),(…); the list of columns counts as row 0. Answers the number of rows,
 * 0 when the statement is not of this form or has ON CONFLICT. */
static size_t walk_rows(struct str head, void (*at_row)(void *ctx, size_t row, const char *place), void *ctx)
{
    struct str rest = head;
    struct scan_token t;
    size_t n = 0;
    int depth = 0;
    bool values = false, list = false;
    while (scan_next(&rest, &t)) {
        char c = t.text.p[0];
        bool open = t.kind == SCAN_OTHER && c == '(', close = t.kind == SCAN_OTHER && c == ')';
        if (open && depth++ == 0 && (values || !list)) {
            n += values;
            list = true;
            if (at_row)
                at_row(ctx, n, t.text.p + 1);
        }
        depth -= close;
        if (depth == 0 && t.kind == SCAN_WORD && (is_word(&t, "ON") || is_word(&t, "SELECT") || is_word(&t, "WITH")))
            return 0;
        values |= depth == 0 && is_word(&t, "VALUES");
    }
    return list ? n : 0;
}

static const struct column *generated_column(const struct relation *r)
{
    for (size_t i = 0; i < r->n_columns; i++)
        if (r->columns[i].is_rowid)
            return &r->columns[i];
    return NULL;
}

/* Whether the list of columns names it. */
static bool lists_column(struct str head, struct str name)
{
    struct str rest = head;
    struct scan_token t;
    int depth = 0;
    while (scan_next(&rest, &t)) {
        char c = t.text.p[0];
        if (t.kind == SCAN_OTHER && (c == '(' || c == ')'))
            depth += c == '(' ? 1 : -1;
        if (depth == 0 && t.kind == SCAN_OTHER && c == ')')
            return false;
        if (depth == 1 && t.kind == SCAN_QUOTED && t.text.n == name.n + 2 && memcmp(t.text.p + 1, name.p, name.n) == 0)
            return true;
    }
    return true;
}

static bool counts_itself(const struct relation *r)
{
    const struct column *id = r ? generated_column(r) : NULL;
    return id && id->sequence_is_rowid;
}

static void find_generated(struct capture *c)
{
    const struct column *id = generated_column(c->relation);
    if (id && c->form && lists_column(c->head, id->name))
        c->identity = STR("rowid"); /* given with the row: it finds the row again */
    if (!id || lists_column(c->head, id->name))
        return;
    c->n_inserted = walk_rows(c->head, NULL, NULL);
    c->is_generated = c->n_inserted > 0;
    if (c->is_generated)
        c->identity = STR("rowid");
}

/* The target among the plan's tables: its text is the quoted name. */
static const struct relation *find_target(const struct capture *c, const struct plan *plan)
{
    for (size_t i = 0; i < plan->n_writes; i++) {
        const struct relation *r = plan->writes[i];
        if (c->target.n == r->sqlite_name.n + 2 && c->target.p[0] == '"' &&
            memcmp(c->target.p + 1, r->sqlite_name.p, r->sqlite_name.n) == 0)
            return r;
    }
    return NULL;
}

static struct str identity_of(const struct relation *r)
{
    if (r->kind != RELATION_TABLE || r->without_rowid || relation_column(r, STR("rowid")))
        return (struct str){ 0 };
    return STR("rowid");
}

void capture_init(struct capture *c, const struct d1_statement *statement, const struct plan_statement *p,
                  const struct plan *plan)
{
    *c = (struct capture){ .statement = *statement, .kind = CAPTURE_NOTHING, .form = p ? p->fold : NULL };
    if (p && p->gives_rows) {
        c->kind = CAPTURE_SELECT;
        c->n_columns = p->n_columns;
        c->has_own_names = p->has_own_names;
        c->is_fixed = plan->is_unwrappable;
        if (plan->is_raw)
            return;
        read_returning(c, statement->sql);
        c->relation = c->target.n ? find_target(c, plan) : NULL;
        if (c->relation && (c->verb == 'U' || c->verb == 'D'))
            c->identity = identity_of(c->relation);
        if (c->relation && c->verb == 'I' && identity_of(c->relation).n)
            find_generated(c);
    } else if (statement->wants_changes)
        c->kind = CAPTURE_COUNT;
}

const struct column *capture_counted(const struct capture *c)
{
    return generated_column(c->relation);
}

size_t capture_wants_ids(struct capture *c, const struct plan *plan)
{
    bool may = false;
    for (size_t i = 0; i < plan->n_writes; i++)
        may |= counts_itself(plan->writes[i]);
    if (!may || plan->is_raw)
        return 0;
    if (c->kind == CAPTURE_COUNT && !c->head.n) {
        read_returning(c, c->statement.sql);
        c->head = c->statement.sql;
        c->relation = c->verb == 'I' && c->target.n ? find_target(c, plan) : NULL;
        const struct column *id = counts_itself(c->relation) ? generated_column(c->relation) : NULL;
        c->n_inserted = id && !lists_column(c->head, id->name) ? walk_rows(c->head, NULL, NULL) : 0;
        return c->n_inserted;
    }
    return c->is_generated && counts_itself(c->relation) ? c->n_inserted : 0;
}

size_t capture_params(struct str sql)
{
    struct str rest = sql;
    struct scan_token t;
    size_t highest = 0;
    bool behind_mark = false;
    while (scan_next(&rest, &t)) {
        int64_t n;
        if (behind_mark && t.kind == SCAN_WORD && str_to_int64(t.text, &n) && n > 0 && (size_t)n > highest)
            highest = (size_t)n;
        behind_mark = t.kind == SCAN_OTHER && t.text.p[0] == '?';
    }
    return highest;
}

/* ---- forms ---- */

static bool formed(struct d1_statement *ret, struct str sql, const struct value *params, size_t n, struct err *err)
{
    *ret = (struct d1_statement){ .sql = sql, .params = params, .n_params = n };
    return sql.p || err_oom(err);
}

size_t capture_cells(const struct capture *c)
{
    return c->n_columns + (c->identity.n != 0);
}

/* What RETURNING lists, with the identity behind it. */
static struct str listed(const struct capture *c, struct arena *arena)
{
    if (!c->identity.n)
        return c->list;
    return arena_printf(arena, "%.*s, %.*s.%.*s AS c%zu", STR_FMT(c->list), STR_FMT(c->target), STR_FMT(c->identity),
                        c->n_columns);
}

/* SELECT row AS c0 FROM the statement, its columns called c0…. Each of them is computed once. */
static struct str select_rows(const struct capture *c, struct str row, struct arena *arena)
{
    struct str names = STR("c0");
    if (!c->has_own_names)
        return arena_printf(arena, "SELECT %.*s AS c0 FROM (%.*s)", STR_FMT(row), STR_FMT(c->statement.sql));
    for (size_t i = 1; names.p && i < c->n_columns; i++)
        names = arena_printf(arena, "%.*s,c%zu", STR_FMT(names), i);
    return names.p
               ? arena_printf(arena, "WITH _pgd1_raw(%.*s) AS MATERIALIZED (%.*s\n) SELECT %.*s AS c0 FROM _pgd1_raw",
                              STR_FMT(names), STR_FMT(c->statement.sql), STR_FMT(row))
               : names;
}

bool capture_sql(const struct capture *c, struct arena *arena, struct d1_statement *ret, struct err *err)
{
    const struct d1_statement *s = &c->statement;
    *ret = *s;
    if (c->is_fixed) {
        err_unsupported(err,
                        "PRAGMA, EXPLAIN or RETURNING of raw SQLite in a transaction block that waits for each answer");
        return err_hint(err, "Use autocommit, send the whole block as one string, or read the rows with SELECT.");
    }
    if (c->kind != CAPTURE_SELECT && c->kind != CAPTURE_RETURNING)
        return true;
    struct str row = row_text_sql(capture_cells(c), arena), list = listed(c, arena);
    if (!row.p || (c->kind == CAPTURE_RETURNING && !list.p))
        return err_oom(err);
    struct str sql = c->kind == CAPTURE_SELECT
                         ? select_rows(c, row, arena)
                         : arena_printf(arena, "%.*sRETURNING (SELECT %.*s FROM (SELECT %.*s)) AS c0", STR_FMT(c->head),
                                        STR_FMT(row), STR_FMT(list));
    bool counts = s->wants_changes;
    bool ok = formed(ret, sql, s->params, s->n_params, err);
    ret->wants_changes = counts;
    return ok;
}

bool capture_add(struct capture *c, struct str row, struct arena *arena, struct err *err)
{
    if (c->n_rows == c->size_rows) {
        size_t size = c->size_rows ? 2 * c->size_rows : 16;
        struct str *rows = ARENA_ARRAY(arena, struct str, size);
        if (!rows)
            return err_oom(err);
        if (c->n_rows)
            memcpy(rows, c->rows, c->n_rows * sizeof(*rows));
        c->rows = rows;
        c->size_rows = size;
    }
    c->n_bytes += row.n + 1;
    if (c->n_bytes > CAPTURE_MAX_BYTES) {
        err_set(err, SQLSTATE_PROGRAM_LIMIT_EXCEEDED,
                "a result of more than %d bytes cannot be kept for the transaction's check at COMMIT",
                CAPTURE_MAX_BYTES);
        return err_hint(err, "Read fewer rows, or read them outside the transaction.");
    }
    c->rows[c->n_rows] = arena_str(arena, row);
    return c->rows[c->n_rows++].p || err_oom(err);
}

/* ---- checks ---- */

static int by_bytes(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

/* All rows in byte order, one a line. JSON has no line end inside. */
static struct str sorted_text(const struct capture *c, struct arena *arena)
{
    struct str *rows = ARENA_ARRAY(arena, struct str, c->n_rows);
    char *text = arena_alloc(arena, c->n_bytes + 1), *p = text;
    if (!rows || !text)
        return (struct str){ 0 };
    if (c->n_rows) {
        memcpy(rows, c->rows, c->n_rows * sizeof(*rows));
        qsort(rows, c->n_rows, sizeof(*rows), by_bytes);
    }
    for (size_t i = 0; i < c->n_rows; i++) {
        if (i)
            *p++ = '\n';
        memcpy(p, rows[i].p, rows[i].n);
        p += rows[i].n;
    }
    return (struct str){ text, (size_t)(p - text) };
}

static struct str quoted(struct str text, struct arena *arena)
{
    char *start = arena_alloc(arena, 2 * text.n + 2), *p = start;
    if (!start)
        return (struct str){ 0 };
    *p++ = '\'';
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '\'')
            *p++ = '\'';
        *p++ = text.p[i];
    }
    *p++ = '\'';
    return (struct str){ start, (size_t)(p - start) };
}

/* The statement's parameters and one more text, as ?n or, where D1 takes no more, as a literal. */
static bool add_param(const struct capture *c, struct str text, size_t max_params, struct arena *arena,
                      struct value **ret, size_t *ret_n, struct str *ret_place, struct err *err)
{
    const struct d1_statement *s = &c->statement;
    bool fits = s->n_params < max_params;
    *ret_n = s->n_params + fits;
    *ret = ARENA_ARRAY(arena, struct value, *ret_n);
    *ret_place = fits ? arena_printf(arena, "?%zu", *ret_n) : quoted(text, arena);
    if (!*ret || !ret_place->p)
        return err_oom(err);
    if (s->n_params)
        memcpy(*ret, s->params, s->n_params * sizeof(**ret));
    if (fits)
        (*ret)[s->n_params] = value_text(text);
    return true;
}

static bool check_select(const struct capture *c, size_t max_params, struct arena *arena, struct d1_statement *ret,
                         struct err *err)
{
    struct value *params;
    size_t n;
    struct d1_statement rows;
    struct str place, text = sorted_text(c, arena);
    if (!text.p)
        return err_oom(err);
    if (!capture_sql(c, arena, &rows, err) || !add_param(c, text, max_params, arena, &params, &n, &place, err))
        return false;
    /* Sorted inside of the aggregate: an ORDER BY around the statement would choose the rows of a LIMIT that has none. */
    struct str sql =
        arena_printf(arena,
                     "SELECT CASE WHEN coalesce((SELECT group_concat(c0,char(10) ORDER BY c0) FROM (%.*s)),'') "
                     "IS NOT %.*s THEN " RAISE_CONFLICT " END",
                     STR_FMT(rows.sql), STR_FMT(place));
    return formed(ret, sql, params, n, err);
}

struct pinning {
    const struct capture *c;
    struct buf out;
    const char *from;
    struct str column;
    size_t first_param; /* of the ids; 0: they are written out */
    bool failed;
};

static bool shown_id(const struct capture *c, size_t k, int64_t *ret)
{
    struct str row = c->rows[k];
    size_t end = row.n, start;
    while (end > 0 && row.p[end - 1] != '"')
        end--;
    for (start = end; start > 1 && row.p[start - 2] != '"';)
        start--;
    /* "i123": the last cell */
    return end >= start + 2 && row.p[start - 1] == 'i' &&
           str_to_int64((struct str){ row.p + start, end - start - 1 }, ret);
}

int64_t capture_row_id(const struct capture *c)
{
    int64_t id = 0;
    if (c->drawn)
        return c->drawn;
    return c->is_generated && c->n_inserted == 1 && c->n_rows == 1 && shown_id(c, 0, &id) ? id : 0;
}

static void pin_row(void *ctx, size_t row, const char *place)
{
    struct pinning *p = ctx;
    int64_t id = 0;
    buf_add(&p->out, p->from, (size_t)(place - p->from));
    p->from = place;
    if (row == 0)
        buf_printf(&p->out, "%.*s,", STR_FMT(p->column));
    else if (p->c->drawn)
        id = p->c->drawn + (int64_t)row - 1;
    else if (!shown_id(p->c, row - 1, &id))
        p->failed = true;
    if (row == 0 || p->failed)
        return;
    if (p->first_param)
        buf_printf(&p->out, "CAST(?%zu AS INTEGER),", p->first_param + row - 1);
    else
        buf_printf(&p->out, "%lld,", (long long)id);
}

/* The INSERT with the ids that were shown. {NULL,0}: no memory. */
static struct str pinned_head(const struct capture *c, size_t first_param, struct arena *arena)
{
    const struct column *id = c->is_generated || c->drawn ? generated_column(c->relation) : NULL;
    if (!id || (!c->drawn && c->n_rows != c->n_inserted))
        return c->head;
    struct pinning p = {
        .c = c, .from = c->head.p, .column = emit_identifier(id->name, arena), .first_param = first_param
    };
    buf_init(&p.out, 1 << 20);
    walk_rows(c->head, pin_row, &p);
    buf_add(&p.out, p.from, (size_t)(c->head.p + c->head.n - p.from));
    struct str sql = p.failed || !p.column.p ? c->head
                     : p.out.failed          ? (struct str){ 0 }
                                             : arena_str(arena, buf_str(&p.out));
    buf_fini(&p.out);
    return sql;
}

/* The ids that were shown as parameters behind the others; *ret_first 0: there is no room, or none. */
static bool add_ids(const struct capture *c, size_t max_params, struct arena *arena, struct value **params, size_t *n,
                    size_t *ret_first, struct err *err)
{
    int64_t id = 0;
    *ret_first = 0;
    if (!c->is_generated || c->n_rows != c->n_inserted || *n + c->n_inserted > max_params)
        return true;
    struct value *all = ARENA_ARRAY(arena, struct value, *n + c->n_inserted);
    if (!all)
        return err_oom(err);
    if (*n)
        memcpy(all, *params, *n * sizeof(*all));
    for (size_t i = 0; i < c->n_inserted; i++) {
        struct str digits = shown_id(c, i, &id) ? arena_printf(arena, "%lld", (long long)id) : (struct str){ 0 };
        if (!digits.p)
            return true;
        all[*n + i] = value_text(digits);
    }
    *ret_first = *n + 1;
    *params = all;
    *n += c->n_inserted;
    return true;
}

bool capture_pin(struct capture *c, int64_t first, size_t max_params, struct arena *arena, struct err *err)
{
    struct d1_statement *s = &c->statement;
    size_t n = s->n_params, rows = c->n_inserted;
    bool fits = n + rows <= max_params;
    struct value *params = ARENA_ARRAY(arena, struct value, n + rows);
    if (!params)
        return err_oom(err);
    if (n)
        memcpy(params, s->params, n * sizeof(*params));
    for (size_t i = 0; fits && i < rows; i++) {
        struct str digits = arena_printf(arena, "%lld", (long long)first + (long long)i);
        if (!digits.p)
            return err_oom(err);
        params[n++] = value_text(digits);
    }
    c->drawn = first;
    struct str head = pinned_head(c, fits ? s->n_params + 1 : 0, arena);
    struct str tail = { c->head.p + c->head.n, s->sql.n - (size_t)(c->head.p - s->sql.p) - c->head.n };
    s->sql = head.p ? arena_printf(arena, "%.*s%.*s", STR_FMT(head), STR_FMT(tail)) : head;
    c->head = head;
    s->params = params;
    s->n_params = n;
    if (c->kind == CAPTURE_RETURNING && !c->form)
        c->identity = (struct str){ 0 };
    c->is_generated = false;
    return s->sql.p || err_oom(err);
}

static bool check_returning(const struct capture *c, size_t max_params, struct arena *arena, struct d1_statement *ret,
                            struct err *err)
{
    struct value *params;
    size_t n;
    size_t first;
    struct str place, list = listed(c, arena), row = row_text_sql(capture_cells(c), arena),
                      rows = row_text_array(c->rows, c->n_rows, arena);
    if (!row.p || !rows.p || !list.p)
        return err_oom(err);
    if (!add_param(c, rows, max_params, arena, &params, &n, &place, err) ||
        !add_ids(c, max_params, arena, &params, &n, &first, err))
        return false;
    struct str head = c->drawn ? c->head : pinned_head(c, first, arena);
    if (!head.p)
        return err_oom(err);
    struct str sql = arena_printf(arena,
                                  "%.*sRETURNING (SELECT CASE WHEN %.*s NOT IN (SELECT value FROM json_each(%.*s)) "
                                  "THEN " RAISE_CONFLICT " END FROM (SELECT %.*s)) AS c0",
                                  STR_FMT(head), STR_FMT(row), STR_FMT(place), STR_FMT(list));
    return formed(ret, sql, params, n, err);
}

bool capture_count_check(int64_t changes, struct arena *arena, struct d1_statement *ret)
{
    struct value *count = ARENA_NEW(arena, struct value);
    struct str digits = arena_printf(arena, "%lld", (long long)changes);
    if (!count || !digits.p)
        return false;
    *count = value_text(digits);
    *ret = (struct d1_statement){
        .sql = STR("SELECT CASE WHEN changes() IS NOT CAST(?1 AS INTEGER) THEN " RAISE_CONFLICT " END"),
        .params = count,
        .n_params = 1
    };
    return true;
}

bool capture_replay(const struct capture *c, size_t max_params, struct arena *arena, struct d1_statement *ret,
                    size_t *ret_n, struct err *err)
{
    size_t n = 0;
    bool ok = true;
    switch (c->kind) {
    case CAPTURE_NOTHING:
    case CAPTURE_COUNT:
        ret[n] = c->statement;
        ret[n++].wants_changes = false;
        break;
    case CAPTURE_SELECT:
        ok = check_select(c, max_params, arena, &ret[n++], err);
        break;
    case CAPTURE_RETURNING:
        ok = check_returning(c, max_params, arena, &ret[n++], err);
        break;
    }
    if (ok && c->has_changes)
        ok = capture_count_check(c->changes, arena, &ret[n++]) || err_oom(err);
    *ret_n = n;
    return ok;
}

/* ---- folding ---- */

/* pinned: the id of its row, which D1 gave or which was drawn; 0: none. */
static bool fold_insert(const struct capture *c, int64_t pinned, struct arena *arena, struct fold *ret, struct err *err)
{
    struct str columns = c->form->columns, cells = c->form->cells, more = { 0 };
    if (pinned) {
        struct str name = emit_identifier(generated_column(c->relation)->name, arena);
        more = arena_printf(arena, "%lld", (long long)pinned);
        columns = arena_printf(arena, "%.*s,%.*s", STR_FMT(columns), STR_FMT(name));
        cells = arena_printf(arena, "%.*s,json_extract(value,'$[%zu]')", STR_FMT(cells), c->form->width);
        if (!name.p || !more.p || !columns.p || !cells.p)
            return err_oom(err);
    }
    ret->row = fold_row(c->form, &c->statement, more, arena);
    if (!ret->row.p)
        return true;
    ret->sql = arena_printf(arena, "INSERT INTO %.*s(%.*s) SELECT %.*s FROM json_each(?1)", STR_FMT(c->form->table),
                            STR_FMT(columns), STR_FMT(cells));
    return ret->sql.p || err_oom(err);
}

/* A list that reads nothing but the row: no parameter and no subquery. */
static bool is_plain_list(struct str list)
{
    struct str rest = list;
    struct scan_token t;
    while (scan_next(&rest, &t))
        if (is_word(&t, "SELECT") || (t.kind == SCAN_OTHER && t.text.p[0] == '?'))
            return false;
    return true;
}

/* Each row that was shown is read again by its id. */
static bool fold_check(const struct capture *c, int64_t id, struct arena *arena, struct fold *ret, struct err *err)
{
    struct str row = row_text_sql(capture_cells(c), arena), list = listed(c, arena),
               text = row_text_array(c->rows, 1, arena);
    if (!row.p || !list.p || !text.p)
        return err_oom(err);
    ret->check =
        arena_printf(arena,
                     "SELECT CASE WHEN EXISTS (SELECT 1 FROM json_each(?1) AS \"_pgd1_shown\" WHERE "
                     "json_extract(\"_pgd1_shown\".value,'$[1]') IS NOT (SELECT %.*s FROM (SELECT %.*s FROM %.*s "
                     "WHERE %.*s.rowid = json_extract(\"_pgd1_shown\".value,'$[0]')))) THEN " RAISE_CONFLICT " END",
                     STR_FMT(row), STR_FMT(list), STR_FMT(c->target), STR_FMT(c->target));
    ret->shown =
        arena_printf(arena, "[%lld,%.*s", (long long)id, (int)text.n - 1, text.p + 1); /* ["row"] -> [id,"row"] */
    return (ret->check.p && ret->shown.p) || err_oom(err);
}

static bool fold_returning(const struct capture *c, struct arena *arena, struct fold *ret, struct err *err)
{
    const struct column *id = c->relation ? generated_column(c->relation) : NULL;
    int64_t shown;
    if (!id || !c->identity.n || c->n_rows != 1 || !shown_id(c, 0, &shown) || !is_plain_list(c->list))
        return true;
    return fold_insert(c, c->is_generated ? shown : c->drawn, arena, ret, err) &&
           (!ret->sql.p || fold_check(c, shown, arena, ret, err));
}

bool capture_fold(const struct capture *c, struct arena *arena, struct fold *ret, struct err *err)
{
    *ret = (struct fold){ 0 };
    if (!c->form || !c->has_changes || c->changes != 1)
        return true;
    if (c->kind == CAPTURE_RETURNING)
        return fold_returning(c, arena, ret, err);
    return c->kind != CAPTURE_COUNT || fold_insert(c, c->drawn, arena, ret, err);
}
