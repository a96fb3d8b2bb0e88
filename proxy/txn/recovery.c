/* recovery.c - see recovery.h. The texts read here are the emitter's own: names are quoted, keywords bare and in capitals. */
#include "proxy/txn/recovery.h"

#include <stddef.h>
#include "d1/scan.h"
#include "proxy/txn/capture.h"
#include "proxy/txn/row_text.h"

/* Tokens of one condition or of one item of RETURNING: D1 bounds the depth of expressions, and the note puts some around it. */
enum { TOKENS_MAX = 60 };

/* ---- the parts of a statement ---- */

/* What stands outside parentheses behind each word; {NULL,0}: there is no such word. */
struct parts {
    struct str columns, values, select, set, from, where, conflict;
};

static struct str *part_of(struct parts *p, const struct scan_token *t)
{
    static const struct {
        const char *word;
        size_t offset;
    } words[] = {
        { "VALUES", offsetof(struct parts, values) }, { "SELECT", offsetof(struct parts, select) },
        { "SET", offsetof(struct parts, set) },       { "FROM", offsetof(struct parts, from) },
        { "WHERE", offsetof(struct parts, where) },   { "ON", offsetof(struct parts, conflict) },
    };
    for (size_t i = 0; t->kind == SCAN_WORD && i < sizeof(words) / sizeof(words[0]); i++)
        if (str_is(t->text, words[i].word))
            return (struct str *)((char *)p + words[i].offset);
    return NULL;
}

static bool is_other(const struct scan_token *t, char c)
{
    return t->kind == SCAN_OTHER && t->text.p[0] == c;
}

static int deeper(const struct scan_token *t)
{
    return is_other(t, '(') - is_other(t, ')');
}

/* Behind ON, everything is its. */
static void read_parts(struct str sql, struct parts *ret)
{
    struct str rest = sql, *open = NULL;
    struct scan_token t;
    int depth = 0;
    *ret = (struct parts){ 0 };
    while (!ret->conflict.p && scan_next(&rest, &t)) {
        struct str *part = depth == 0 ? part_of(ret, &t) : NULL;
        if (depth == 0 && is_other(&t, '(') && !open && !ret->columns.p)
            ret->columns = (struct str){ t.text.p, (size_t)(sql.p + sql.n - t.text.p) };
        depth += deeper(&t);
        if (!part || part->p)
            continue;
        if (open)
            open->n = (size_t)(t.text.p - open->p);
        *part = rest;
        open = part;
    }
}

/* Item k of a list in parentheses at the start of the text, or, where `bare`, of one without them. */
static bool list_item(struct str list, bool bare, size_t k, struct str *ret)
{
    struct str rest = list;
    struct scan_token t;
    int depth = bare ? 1 : 0;
    const char *start = list.p;
    while (scan_next(&rest, &t)) {
        bool ends = depth == 1 && (is_other(&t, ',') || is_other(&t, ')'));
        if (depth == 0 && !is_other(&t, '('))
            return false;
        if (ends && k-- == 0) {
            *ret = (struct str){ start, (size_t)(t.text.p - start) };
            return true;
        }
        depth += deeper(&t);
        if (depth == 0)
            return false;
        if (ends || (depth == 1 && is_other(&t, '(') && start == list.p && !bare))
            start = t.text.p + 1;
    }
    *ret = (struct str){ start, (size_t)(list.p + list.n - start) };
    return bare && k == 0;
}

/* The only token of a text, when it is a quoted name. */
static bool is_name(struct str text, struct str *ret)
{
    struct scan_token t, more;
    if (!scan_next(&text, &t) || t.kind != SCAN_QUOTED || t.text.p[0] != '"' || scan_next(&text, &more))
        return false;
    *ret = t.text;
    return true;
}

/* A VALUES list of one row, or DEFAULT VALUES. */
static bool is_one_row(struct str values)
{
    struct scan_token t;
    int depth = 0;
    size_t rows = 0;
    while (values.p && scan_next(&values, &t)) {
        rows += depth == 0 && is_other(&t, '(');
        depth += deeper(&t);
    }
    return rows <= 1;
}

/* ---- what may be read again ---- */

static bool is_number(struct str word)
{
    for (size_t i = 0; i < word.n; i++)
        if (word.p[i] < '0' || word.p[i] > '9')
            return false;
    return word.n > 0;
}

/* Comparisons of columns and values: they raise nothing on rows that the statement did not reach. */
static bool is_harmless(struct str condition)
{
    static const char *const words[] = { "IS",   "NOT",  "NULL",    "CAST", "AS", "INTEGER",
                                         "REAL", "TEXT", "NUMERIC", "BLOB", "IN" };
    struct scan_token t;
    size_t n = 0;
    while (scan_next(&condition, &t)) {
        bool known = t.kind != SCAN_WORD || is_number(t.text);
        for (size_t i = 0; !known && i < sizeof(words) / sizeof(words[0]); i++)
            known = str_is(t.text, words[i]);
        if (!known || ++n > TOKENS_MAX)
            return false;
    }
    return true;
}

/* No subquery, and no item that is deep. */
static bool is_plain_list(struct str list)
{
    struct scan_token t;
    size_t n = 0;
    int depth = 0;
    while (scan_next(&list, &t)) {
        depth += deeper(&t);
        n = depth == 0 && is_other(&t, ',') ? 0 : n + 1;
        if (n > TOKENS_MAX || (t.kind == SCAN_WORD && str_is(t.text, "SELECT")))
            return false;
    }
    return true;
}

/* Whether the SET list gives the column a value; also where the list cannot be read. */
static bool sets(struct str set, struct str name)
{
    struct str item;
    for (size_t k = 0; set.p && list_item(set, true, k, &item); k++) {
        struct scan_token t;
        if (!scan_next(&item, &t) || t.kind != SCAN_QUOTED || str_eq(t.text, name))
            return true;
    }
    return false;
}

static bool is_unchanged(struct str condition, struct str set)
{
    struct scan_token t;
    while (scan_next(&condition, &t))
        if (t.kind == SCAN_QUOTED && t.text.p[0] == '"' && sets(set, t.text))
            return false;
    return true;
}

/* A key of the table itself that follows an UPDATE changes rows behind RETURNING's back. */
static bool follows_itself(const struct relation *r)
{
    for (size_t i = 0; i < r->n_constraints; i++) {
        const struct constraint *c = &r->constraints[i];
        if (c->kind == 'f' && str_eq(c->foreign_table, r->name) && c->on_update != 'a' && c->on_update != 'r')
            return true;
    }
    return false;
}

static bool has_rowid(const struct relation *r)
{
    return r->kind == RELATION_TABLE && !r->without_rowid && !relation_column(r, STR("rowid"));
}

/* ---- finding the rows again: a condition of the table, {NULL,0}: they cannot be found ---- */

static struct str with_and(struct str before, struct str condition, struct arena *arena)
{
    return before.p ? arena_printf(arena, "%.*s AND %.*s", STR_FMT(before), STR_FMT(condition)) : condition;
}

/* The conditions of a WHERE that hold before the statement and behind it; `all`: each of them must be such. */
static struct str kept_conditions(struct str where, struct str set, bool all, struct arena *arena)
{
    struct str rest = where, kept = { 0 };
    struct scan_token t;
    const char *start = where.p;
    int depth = 0;
    for (bool more = where.p != NULL; more;) {
        more = scan_next(&rest, &t);
        depth += more ? deeper(&t) : 0;
        if (more && depth == 0 && t.kind == SCAN_WORD && str_is(t.text, "OR"))
            return (struct str){ 0 };
        if (more && !(depth == 0 && t.kind == SCAN_WORD && str_is(t.text, "AND")))
            continue;
        const char *end = more ? t.text.p : where.p + where.n;
        struct str condition = str_trim((struct str){ start, (size_t)(end - start) });
        bool keeps = is_harmless(condition) && is_unchanged(condition, set);
        if (all && !keeps)
            return (struct str){ 0 };
        if (keeps)
            kept = with_and(kept, condition, arena);
        start = rest.p;
    }
    return kept;
}

/* "t"."key" = the value that the only row has in this column. */
static struct str equals_cell(const struct capture *c, const struct parts *parts, struct str name, struct arena *arena)
{
    struct str column, cell;
    for (size_t k = 0; list_item(parts->columns, false, k, &column); k++) {
        struct str listed;
        if (is_name(column, &listed) && str_eq(listed, name) && list_item(parts->values, false, k, &cell) &&
            is_harmless(cell))
            return arena_printf(arena, "%.*s.%.*s = %.*s", STR_FMT(c->target), STR_FMT(name), STR_FMT(cell));
    }
    return (struct str){ 0 };
}

/* INSERT of one row … ON CONFLICT (key) DO UPDATE SET …: inserted or updated, it has the key. */
static struct str by_conflict(const struct capture *c, const struct parts *parts, struct arena *arena)
{
    struct str rest = parts->conflict, name, item, found = { 0 };
    struct scan_token t;
    struct parts update;
    if (!scan_next(&rest, &t) || !str_is(t.text, "CONFLICT") || !is_one_row(parts->values))
        return found;
    read_parts(rest, &update);
    for (size_t k = 0; list_item(rest, false, k, &item); k++) {
        struct str equal = is_name(item, &name) && update.set.p && !sets(update.set, name)
                               ? equals_cell(c, parts, name, arena)
                               : (struct str){ 0 };
        if (!equal.p)
            return equal;
        found = with_and(found, equal, arena);
    }
    return found;
}

/* Whether INSERT names the column that is the rowid. */
static bool names_rowid(const struct capture *c, const struct parts *parts)
{
    for (size_t i = 0; i < c->relation->n_columns; i++) {
        const struct column *column = &c->relation->columns[i];
        struct str item, name;
        for (size_t k = 0; column->is_rowid && list_item(parts->columns, false, k, &item); k++)
            if (!is_name(item, &name) ||
                (name.n == column->name.n + 2 && memcmp(name.p + 1, column->name.p, column->name.n) == 0))
                return true;
    }
    return !parts->columns.p;
}

/* Rowids that D1 gives follow each other, except where none is left behind the highest. */
static struct str by_rowid(const struct capture *c, const struct parts *parts, struct arena *arena)
{
    if (parts->values.p && is_one_row(parts->values))
        return arena_printf(arena, "%.*s.rowid = last_insert_rowid()", STR_FMT(c->target));
    if (parts->conflict.p || names_rowid(c, parts))
        return (struct str){ 0 };
    return arena_printf(arena,
                        "%.*s.rowid > last_insert_rowid() - changes() AND %.*s.rowid <= last_insert_rowid() AND "
                        "last_insert_rowid() = (SELECT max(rowid) FROM %.*s)",
                        STR_FMT(c->target), STR_FMT(c->target), STR_FMT(c->target));
}

static struct str rows_of(const struct capture *c, const struct plan *plan, struct arena *arena)
{
    struct parts parts;
    read_parts(c->head, &parts);
    switch (c->verb) {
    case 'I':
        return c->may_update ? by_conflict(c, &parts, arena) : by_rowid(c, &parts, arena);
    case 'U':
        return parts.from.p || !plan->row ? (struct str){ 0 } : kept_conditions(parts.where, parts.set, false, arena);
    case 'D':
        return plan->row ? kept_conditions(parts.where, (struct str){ 0 }, true, arena) : (struct str){ 0 };
    default:
        return (struct str){ 0 };
    }
}

/* ---- the note ---- */

#define NOTE_START "UPDATE _pgd1_txn SET result=coalesce(result||char(10),'')||coalesce("
#define NOTE_END ",'" RECOVERY_NONE "') WHERE id=?%zu"

/* The rows as text, in the order of their rowids. Counted first: what RETURNING lists is computed for its own rows only. */
static struct str note_sql(const struct capture *c, struct str rows, bool ahead, size_t n_params, struct arena *arena)
{
    struct str row = row_text_sql(c->n_columns, arena);
    if (!row.p)
        return row;
    struct str texts = arena_printf(
        arena,
        "(SELECT CASE WHEN total(length(c0))<=%d THEN count(*)||coalesce(char(10)||group_concat(c0,char(10)),'') END "
        "FROM (SELECT %.*s AS c0 FROM (SELECT %.*s FROM %.*s WHERE %.*s ORDER BY %.*s.rowid)))",
        RECOVERY_BYTES_MAX, STR_FMT(row), STR_FMT(c->list), STR_FMT(c->target), STR_FMT(rows), STR_FMT(c->target));
    if (!texts.p)
        return texts;
    if (ahead)
        return arena_printf(arena, NOTE_START "%.*s" NOTE_END, STR_FMT(texts), n_params);
    return arena_printf(arena,
                        NOTE_START "CASE WHEN changes()=0 THEN '0' WHEN changes()<=%d THEN CASE WHEN "
                                   "changes()=(SELECT count(*) FROM %.*s WHERE %.*s) THEN %.*s END END" NOTE_END,
                        RECOVERY_ROWS_MAX, STR_FMT(c->target), STR_FMT(rows), STR_FMT(texts), n_params);
}

static bool may_note(const struct capture *c)
{
    const struct relation *r = c->relation;
    return c->kind == CAPTURE_RETURNING && r && has_rowid(r) && !r->has_user_triggers && !follows_itself(r) &&
           is_plain_list(c->list);
}

enum recovery_place recovery_note(const struct plan *plan, size_t i, const struct d1_statement *statement,
                                  const struct value *id, size_t max_params, struct arena *arena,
                                  struct d1_statement *ret)
{
    struct capture c;
    if (plan->is_raw)
        return RECOVERY_NOWHERE;
    capture_init(&c, statement, &plan->statements[i], plan);
    struct str rows = may_note(&c) ? rows_of(&c, plan, arena) : (struct str){ 0 };
    if (!rows.p)
        return RECOVERY_NOWHERE;
    size_t in_rows = capture_params(rows), in_list = capture_params(c.list), n = in_rows > in_list ? in_rows : in_list;
    struct value *params = n < max_params ? ARENA_ARRAY(arena, struct value, n + 1) : NULL;
    struct str sql = params ? note_sql(&c, rows, c.verb == 'D', n + 1, arena) : (struct str){ 0 };
    if (!sql.p)
        return RECOVERY_NOWHERE;
    if (n)
        memcpy(params, statement->params, n * sizeof(*params));
    params[n] = *id;
    *ret = (struct d1_statement){ .sql = sql, .params = params, .n_params = n + 1 };
    return c.verb == 'D' ? RECOVERY_AHEAD : RECOVERY_BEHIND;
}
