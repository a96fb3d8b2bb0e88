/* text.c - see text.h. */
#include "proxy/migrate/text.h"

#include "d1/scan.h"
#include "d1/split.h"
#include "proxy/sql/plan.h"
#include "proxy/sql/tokens.h"

/* ---- directives ---- */

enum directive { NO_DIRECTIVE, POSTGRES, SQLITE, ALLOW_CASCADE, CHUNK, PART_UP, PART_DOWN };

static const struct {
    const char *line;
    enum directive directive;
} directives[] = {
    { "--> breakpoint", CHUNK },   { "-- migrate:down", PART_DOWN },
    { "-- migrate:up", PART_UP },  { "-- pgd1: allow cascade", ALLOW_CASCADE },
    { "-- pgd1: chunk", CHUNK },   { "-- pgd1: postgres", POSTGRES },
    { "-- pgd1: sqlite", SQLITE },
};

struct mark {
    enum directive directive;
    size_t start, end; /* of its comment, in the file */
};

/* What one file is read with. */
struct reader {
    const struct migrate_file *file;
    struct arena *arena;
    struct err *err;
    struct migrate_text *text;
    struct mark *marks;
    size_t n_marks, room_marks;
    /* places are asked for in ascending order: where the last one was */
    size_t at;
    int line, column;
};

static void find_place(struct reader *r, size_t offset, int *ret_line, int *ret_column)
{
    struct str s = r->file->text;
    for (; r->at < offset; r->at++) {
        unsigned char c = (unsigned char)s.p[r->at];
        if (c == '\n') {
            r->line++;
            r->column = 1;
        } else {
            r->column += (c & 0xC0) != 0x80;
        }
    }
    *ret_line = r->line;
    *ret_column = r->column;
}

bool migrate_text_fail(const struct migrate_file *file, const struct migrate_statement *statement, struct err *err)
{
    if (!err_is_set(err))
        return false;
    struct str placed = arena_printf(err->arena, "%.*s:%d:%d: %.*s", STR_FMT(file->name), statement->line,
                                     statement->column, STR_FMT(err->message));
    if (placed.p)
        err->message = placed;
    err->position = 0; /* it would count in the client's text */
    return false;
}

static bool take_number(struct str *rest, int *ret)
{
    size_t n = 0;
    int64_t number;
    while (n < rest->n && rest->p[n] >= '0' && rest->p[n] <= '9')
        n++;
    if (n == 0 || n == rest->n || rest->p[n] != ':' || !str_to_int64((struct str){ rest->p, n }, &number))
        return false;
    *ret = (int)number;
    *rest = (struct str){ rest->p + n + 1, rest->n - n - 1 };
    return true;
}

struct str migrate_text_place(const struct migrate_file *file, struct str message, int *ret_line, int *ret_column)
{
    struct str rest = message;
    *ret_line = *ret_column = 0;
    if (!str_starts(message, file->name) || message.n == file->name.n || message.p[file->name.n] != ':')
        return message;
    rest = (struct str){ message.p + file->name.n + 1, message.n - file->name.n - 1 };
    if (!take_number(&rest, ret_line) || !take_number(&rest, ret_column)) {
        *ret_line = *ret_column = 0;
        return message;
    }
    return str_trim(rest);
}

static bool fail_at(struct reader *r, size_t offset)
{
    struct migrate_statement place = { 0 };
    r->at = 0;
    r->line = r->column = 1;
    find_place(r, offset, &place.line, &place.column);
    return migrate_text_fail(r->file, &place, r->err);
}

static bool stands_alone(struct str s, size_t start)
{
    while (start && (s.p[start - 1] == ' ' || s.p[start - 1] == '\t'))
        start--;
    return !start || s.p[start - 1] == '\n';
}

static bool add_mark(struct reader *r, struct mark mark)
{
    if (r->n_marks == r->room_marks) {
        size_t room = r->room_marks ? r->room_marks * 2 : 8;
        struct mark *bigger = ARENA_ARRAY(r->arena, struct mark, room);
        if (!bigger)
            return err_oom(r->err);
        if (r->n_marks)
            memcpy(bigger, r->marks, r->n_marks * sizeof(*bigger));
        r->marks = bigger;
        r->room_marks = room;
    }
    r->marks[r->n_marks++] = mark;
    return true;
}

/* A line comment from start to end: is it one? */
static bool see_comment(struct reader *r, size_t start, size_t end)
{
    struct str s = r->file->text, line = str_trim((struct str){ s.p + start, end - start });
    if (!stands_alone(s, start))
        return true;
    for (size_t i = 0; i < sizeof(directives) / sizeof(directives[0]); i++)
        if (str_eq_nocase(line, str_from(directives[i].line)))
            return add_mark(r, (struct mark){ directives[i].directive, start, end });
    if (!str_starts_nocase(line, STR("-- pgd1:")) && !str_starts_nocase(line, STR("-- migrate:")))
        return true;
    err_set(r->err, SQLSTATE_SYNTAX_ERROR, "\"%.*s\" is not a directive", STR_FMT(line));
    return fail_at(r, start);
}

/* The comments between two tokens. */
static bool see_gap(struct reader *r, size_t from, size_t to)
{
    struct str s = r->file->text;
    while (from + 1 < to) {
        if (s.p[from] == '-' && s.p[from + 1] == '-') {
            const char *newline = memchr(s.p + from, '\n', to - from);
            size_t end = newline ? (size_t)(newline - s.p) : to;
            if (!see_comment(r, from, end))
                return false;
            from = end;
        } else if (s.p[from] == '/' && s.p[from + 1] == '*') {
            ptrdiff_t close = str_find((struct str){ s.p + from + 2, to - from - 2 }, STR("*/"));
            from = close < 0 ? to : from + 4 + (size_t)close;
        } else {
            from++;
        }
    }
    return true;
}

static bool find_marks_sqlite(struct reader *r)
{
    struct str s = r->file->text, rest = s;
    struct scan_token t;
    size_t from = 0;
    while (scan_next(&rest, &t)) {
        if (!see_gap(r, from, (size_t)(t.text.p - s.p)))
            return false;
        from = (size_t)(rest.p - s.p);
    }
    return see_gap(r, from, s.n);
}

/* An error of PostgreSQL's parser, whose position counts characters of this part of the file. */
static bool fail_in(struct reader *r, struct str part)
{
    size_t before = r->err->position > 0 ? (size_t)r->err->position - 1 : 0;
    return fail_at(r, (size_t)(part.p - r->file->text.p) + str_offset_of(part, before));
}

/* PostgreSQL's strings are other ones ($$ … $$), so its own scanner tells the comments. */
static bool find_marks_postgres(struct reader *r)
{
    struct str s = r->file->text;
    struct token_list list;
    if (!s.n)
        return true;
    if (!tokens_scan(s, r->arena, &list, r->err))
        return fail_in(r, s);
    for (size_t i = 0; i < list.n; i++) {
        const struct token *t = &list.tokens[i];
        size_t start = (size_t)(t->text.p - s.p);
        if (t->kind == TOKEN_LINE_COMMENT && !see_comment(r, start, start + t->text.n))
            return false;
    }
    return true;
}

/* The first line decides how the rest is to be read. */
static enum migrate_dialect dialect_of(struct str text, enum migrate_dialect otherwise)
{
    const char *newline = text.n ? memchr(text.p, '\n', text.n) : NULL;
    struct str line = str_trim((struct str){ text.p, newline ? (size_t)(newline - text.p) : text.n });
    if (str_eq_nocase(line, STR("-- pgd1: postgres")))
        return MIGRATE_POSTGRES;
    return str_eq_nocase(line, STR("-- pgd1: sqlite")) ? MIGRATE_SQLITE : otherwise;
}

/* ---- statements ---- */

/* By first word, what D1's batch does not hold. It is a transaction itself, and its PRAGMAs would stay on D1's connection for whoever
 * comes next (shown for some even when the batch fails). */
static const struct {
    const char *word, *second;
    enum sqlstate code;
    const char *hint;
} refused[] = {
    { "ATTACH", NULL, SQLSTATE_FEATURE_NOT_SUPPORTED, "D1 has one database a connection." },
    { "BEGIN", NULL, SQLSTATE_ACTIVE_SQL_TRANSACTION, "A migration is one transaction: remove it." },
    { "COMMIT", NULL, SQLSTATE_ACTIVE_SQL_TRANSACTION, "A migration is one transaction: remove it." },
    { "DETACH", NULL, SQLSTATE_FEATURE_NOT_SUPPORTED, "D1 has one database a connection." },
    { "END", NULL, SQLSTATE_ACTIVE_SQL_TRANSACTION, "A migration is one transaction: remove it." },
    { "PRAGMA", "case_sensitive_like", SQLSTATE_FEATURE_NOT_SUPPORTED,
      "It would stay set for other clients of the database." },
    { "PRAGMA", "ignore_check_constraints", SQLSTATE_FEATURE_NOT_SUPPORTED,
      "It would stay set for other clients of the database." },
    { "PRAGMA", "legacy_alter_table", SQLSTATE_FEATURE_NOT_SUPPORTED,
      "It would stay set for other clients of the database." },
    { "PRAGMA", "recursive_triggers", SQLSTATE_FEATURE_NOT_SUPPORTED,
      "It would stay set for other clients of the database." },
    { "PRAGMA", "reverse_unordered_selects", SQLSTATE_FEATURE_NOT_SUPPORTED,
      "It would stay set for other clients of the database." },
    { "RELEASE", NULL, SQLSTATE_ACTIVE_SQL_TRANSACTION, "A migration is one transaction: remove it." },
    { "ROLLBACK", NULL, SQLSTATE_ACTIVE_SQL_TRANSACTION, "A migration is one transaction: remove it." },
    { "SAVEPOINT", NULL, SQLSTATE_ACTIVE_SQL_TRANSACTION, "A migration is one transaction: remove it." },
    { "START", NULL, SQLSTATE_ACTIVE_SQL_TRANSACTION, "A migration is one transaction: remove it." },
    { "VACUUM", NULL, SQLSTATE_FEATURE_NOT_SUPPORTED, "D1 looks after its files itself." },
};

static bool is_own(struct str name)
{
    bool quoted = name.n && strchr("\"'`[", name.p[0]);
    return str_starts_nocase((struct str){ name.p + quoted, name.n - quoted }, STR("_pgd1_"));
}

/* Whether a statement of SQLite's drops a table of ours, or gives another one its name: IF EXISTS hides the first from SQLite's authorizer
 * where the table is not there yet, and the second it never hears of. All else is found when it is compiled. */
static bool changes_own(struct str statement)
{
    struct str rest = statement;
    struct scan_token t;
    if (is_own(scan_rename_to(statement)))
        return true;
    if (!str_eq_nocase(split_word(statement, 0), STR("DROP")))
        return false;
    while (scan_next(&rest, &t))
        if (t.kind != SCAN_OTHER && is_own(t.text))
            return true;
    return false;
}

static bool check_statement(struct reader *r, struct str statement, size_t offset)
{
    struct str word = split_word(statement, 0), second = split_word(statement, 1);
    if (r->text->dialect == MIGRATE_SQLITE && changes_own(statement)) {
        err_set(r->err, SQLSTATE_INSUFFICIENT_PRIVILEGE, "pgd1's own tables cannot be changed");
        return fail_at(r, offset);
    }
    if (statement.n > MIGRATE_MAX_STATEMENT) {
        err_set(r->err, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "statement is too long: %zu bytes, D1 takes %d", statement.n,
                MIGRATE_MAX_STATEMENT);
        return fail_at(r, offset);
    }
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        if (!str_eq_nocase(word, str_from(refused[i].word)) ||
            (refused[i].second && !str_eq_nocase(second, str_from(refused[i].second))))
            continue;
        err_set(r->err, refused[i].code, "%s%s%s cannot be part of a migration", refused[i].word,
                refused[i].second ? " " : "", refused[i].second ? refused[i].second : "");
        err_hint(r->err, "%s", refused[i].hint);
        return fail_at(r, offset);
    }
    return true;
}

/* Statements of a chunk while it grows. */
struct gathered {
    struct migrate_statement *statements;
    size_t n, room;
};

static bool add_statement(struct reader *r, struct gathered *g, struct str statement)
{
    size_t offset = (size_t)(statement.p - r->file->text.p);
    if (!check_statement(r, statement, offset))
        return false;
    if (g->n == MIGRATE_MAX_STATEMENTS)
        return err_set(r->err, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "\"%.*s\" has more than %d statements in one chunk",
                       STR_FMT(r->file->name), MIGRATE_MAX_STATEMENTS);
    if (g->n == g->room) {
        size_t room = g->room ? g->room * 2 : 16;
        struct migrate_statement *bigger = ARENA_ARRAY(r->arena, struct migrate_statement, room);
        if (!bigger)
            return err_oom(r->err);
        if (g->n)
            memcpy(bigger, g->statements, g->n * sizeof(*bigger));
        g->statements = bigger;
        g->room = room;
    }
    struct migrate_statement *s = &g->statements[g->n++];
    s->text = statement;
    find_place(r, offset, &s->line, &s->column);
    return true;
}

static bool cut_sqlite(struct reader *r, struct str segment, struct gathered *g)
{
    struct str statement;
    while (split_next(&segment, &statement))
        if (!add_statement(r, g, statement))
            return false;
    return true;
}

/* libpg_query gives a statement with the comments before it. They may be nested. */
static struct str without_comments(struct str s)
{
    for (;;) {
        s = str_trim(s);
        size_t end = 0;
        if (str_starts(s, STR("--"))) {
            const char *newline = memchr(s.p, '\n', s.n);
            end = newline ? (size_t)(newline - s.p) : s.n;
        } else if (str_starts(s, STR("/*"))) {
            size_t depth = 0;
            do {
                struct str rest = { s.p + end, s.n - end };
                bool opens = str_starts(rest, STR("/*")), closes = str_starts(rest, STR("*/"));
                depth += opens;
                depth -= closes;
                end += opens || closes ? 2 : 1;
            } while (depth && end < s.n);
        } else {
            return s;
        }
        s = (struct str){ s.p + end, s.n - end };
    }
}

static bool cut_postgres(struct reader *r, struct str segment, struct gathered *g)
{
    struct sql_list list;
    if (!sql_parse(segment, MIGRATE_MAX_FILE, r->arena, &list, r->err))
        return fail_in(r, segment);
    for (size_t i = 0; i < list.n; i++)
        if (!list.statements[i].is_empty && !add_statement(r, g, without_comments(list.statements[i].text)))
            return false;
    return true;
}

static bool cut(struct reader *r, size_t from, size_t to, struct migrate_chunk *ret)
{
    struct gathered g = { 0 };
    struct str segment = { r->file->text.p + from, to - from };
    bool ok = r->text->dialect == MIGRATE_POSTGRES ? cut_postgres(r, segment, &g) : cut_sqlite(r, segment, &g);
    if (ok)
        *ret = (struct migrate_chunk){ g.statements, g.n };
    return ok;
}

/* ---- parts and chunks ---- */

static bool fail_misplaced(struct reader *r, const struct mark *m, const char *why)
{
    err_set(r->err, SQLSTATE_SYNTAX_ERROR, "\"%.*s\" %s", (int)(m->end - m->start), r->file->text.p + m->start, why);
    return fail_at(r, m->start);
}

static bool on_first_line(const struct reader *r, const struct mark *m)
{
    return !memchr(r->file->text.p, '\n', m->start);
}

/* A chunk without a statement, as after a breakpoint at the end, is none; but there is always a first one. */
static bool end_chunk(struct reader *r, size_t from, size_t to, bool down)
{
    struct migrate_text *t = r->text;
    struct migrate_chunk chunk;
    if (!cut(r, from, to, &chunk))
        return false;
    if (down && chunk.n)
        t->down[t->n_down++] = chunk;
    else if (!down && (chunk.n || !t->n_up)) {
        if (t->n_up && !t->up[t->n_up - 1].n)
            t->n_up--;
        t->up[t->n_up++] = chunk;
    }
    return true;
}

static bool build(struct reader *r)
{
    struct migrate_text *t = r->text;
    size_t from = 0;
    t->up = ARENA_ARRAY(r->arena, struct migrate_chunk, r->n_marks + 1);
    t->down = ARENA_ARRAY(r->arena, struct migrate_chunk, r->n_marks + 1);
    if (!t->up || !t->down)
        return err_oom(r->err);
    r->line = r->column = 1;
    for (size_t i = 0; i < r->n_marks; i++) {
        const struct mark *m = &r->marks[i];
        bool chunk_ends = m->directive == CHUNK || m->directive == PART_DOWN;
        if ((m->directive == POSTGRES || m->directive == SQLITE) && !on_first_line(r, m))
            return fail_misplaced(r, m, "is understood in the first line only");
        if (m->directive == PART_DOWN && t->has_down)
            return fail_misplaced(r, m, "is there twice");
        if (m->directive == ALLOW_CASCADE)
            t->allows_cascade = true;
        if (m->directive == PART_UP && (t->has_down || t->n_up))
            return fail_misplaced(r, m, "belongs above the statements");
        if (!chunk_ends)
            continue;
        if (!end_chunk(r, from, m->start, t->has_down))
            return false;
        from = m->end;
        t->has_down |= m->directive == PART_DOWN;
    }
    return end_chunk(r, from, r->file->text.n, t->has_down);
}

bool migrate_text_read(const struct migrate_file *file, enum migrate_dialect dialect, struct arena *arena,
                       struct migrate_text *ret, struct err *err)
{
    struct migrate_file shown = *file; /* a byte order mark is no text */
    if (str_starts(shown.text, STR("\xEF\xBB\xBF")))
        shown.text = (struct str){ shown.text.p + 3, shown.text.n - 3 };
    struct migrate_text text = { .dialect = dialect_of(shown.text, dialect) };
    struct reader r = { .file = &shown, .arena = arena, .err = err, .text = &text };
    if (!(text.dialect == MIGRATE_POSTGRES ? find_marks_postgres(&r) : find_marks_sqlite(&r)) || !build(&r))
        return false;
    *ret = text;
    return true;
}
