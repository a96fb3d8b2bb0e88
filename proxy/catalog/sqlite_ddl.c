/* sqlite_ddl.c - a tokenizer of SQLite's SQL and readers of its CREATE TABLE and CREATE INDEX; see sqlite_ddl.h. */
#include "proxy/catalog/sqlite_ddl.h"

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* SQLite's identifier characters: ASCII letters, digits, _, $ and every byte above 127. */
static bool is_word(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$' ||
           (unsigned char)c >= 128;
}

static size_t skip_blanks(struct str sql, size_t at)
{
    while (at < sql.n) {
        if (is_space(sql.p[at])) {
            at++;
        } else if (at + 1 < sql.n && sql.p[at] == '-' && sql.p[at + 1] == '-') {
            while (at < sql.n && sql.p[at] != '\n')
                at++;
        } else if (at + 1 < sql.n && sql.p[at] == '/' && sql.p[at + 1] == '*') {
            for (at += 2; at + 1 < sql.n && !(sql.p[at] == '*' && sql.p[at + 1] == '/');)
                at++;
            at = at + 2 < sql.n ? at + 2 : sql.n;
        } else {
            break;
        }
    }
    return at;
}

/* Behind the closing quote; a doubled one is part of the text. */
static size_t skip_quoted(struct str sql, size_t at, char close)
{
    for (at++; at < sql.n; at++) {
        if (sql.p[at] != close)
            continue;
        if (close == ']' || at + 1 >= sql.n || sql.p[at + 1] != close)
            return at + 1;
        at++;
    }
    return at;
}

static size_t skip_number(struct str sql, size_t at)
{
    while (at < sql.n) {
        char c = sql.p[at];
        bool exponent_sign = (c == '+' || c == '-') && at > 0 && (sql.p[at - 1] == 'e' || sql.p[at - 1] == 'E');
        if (!is_word(c) && c != '.' && !exponent_sign)
            break;
        at++;
    }
    return at;
}

struct sqlite_token sqlite_token_next(struct str sql, size_t *at)
{
    size_t start = skip_blanks(sql, *at), end = start + 1;
    struct sqlite_token token = { .kind = SQLITE_TOKEN_END };
    if (start >= sql.n) {
        *at = sql.n;
        return token;
    }
    char c = sql.p[start];
    if (c == '"' || c == '`' || c == '[') {
        token.kind = SQLITE_TOKEN_QUOTED;
        end = skip_quoted(sql, start, c == '[' ? ']' : c);
    } else if (c == '\'') {
        token.kind = SQLITE_TOKEN_STRING;
        end = skip_quoted(sql, start, '\'');
    } else if ((c == 'x' || c == 'X') && start + 1 < sql.n && sql.p[start + 1] == '\'') {
        token.kind = SQLITE_TOKEN_BLOB;
        end = skip_quoted(sql, start + 1, '\'');
    } else if (is_digit(c) || (c == '.' && start + 1 < sql.n && is_digit(sql.p[start + 1]))) {
        token.kind = SQLITE_TOKEN_NUMBER;
        end = skip_number(sql, start);
    } else if (is_word(c)) {
        token.kind = SQLITE_TOKEN_WORD;
        while (end < sql.n && is_word(sql.p[end]))
            end++;
    } else {
        token.kind = SQLITE_TOKEN_OTHER;
    }
    token.text = (struct str){ sql.p + start, end - start };
    *at = end;
    return token;
}

struct str sqlite_token_value(struct sqlite_token token, struct arena *arena)
{
    if ((token.kind != SQLITE_TOKEN_QUOTED && token.kind != SQLITE_TOKEN_STRING) || token.text.n < 2)
        return token.text;
    char close = token.text.p[0] == '[' ? ']' : token.text.p[0];
    struct str inside = { token.text.p + 1, token.text.n - 2 };
    if (!memchr(inside.p, close, inside.n))
        return inside;
    char *text = arena_alloc(arena, inside.n);
    size_t n = 0;
    if (!text)
        return (struct str){ 0 };
    for (size_t i = 0; i < inside.n; i++) {
        text[n++] = inside.p[i];
        if (inside.p[i] == close)
            i++;
    }
    return (struct str){ text, n };
}

/* ---- a cursor with one token of look-ahead ---- */
struct cursor {
    struct str sql;
    size_t at;     /* behind `token` */
    size_t before; /* end of the token before */
    struct sqlite_token token;
    struct arena *arena;
    bool failed, has_more;
};

static void advance(struct cursor *c)
{
    c->before = c->token.text.p ? (size_t)(c->token.text.p - c->sql.p) + c->token.text.n : 0;
    c->token = sqlite_token_next(c->sql, &c->at);
}

static bool at_word(const struct cursor *c, const char *word)
{
    return c->token.kind == SQLITE_TOKEN_WORD && str_eq_nocase(c->token.text, str_from(word));
}

static bool accept_word(struct cursor *c, const char *word)
{
    if (!at_word(c, word))
        return false;
    advance(c);
    return true;
}

static bool at_char(const struct cursor *c, char wanted)
{
    return c->token.kind == SQLITE_TOKEN_OTHER && c->token.text.p[0] == wanted;
}

static bool accept_char(struct cursor *c, char wanted)
{
    if (!at_char(c, wanted))
        return false;
    advance(c);
    return true;
}

static void expect_char(struct cursor *c, char wanted)
{
    if (!accept_char(c, wanted))
        c->failed = true;
}

static struct str take_name(struct cursor *c)
{
    if (c->token.kind != SQLITE_TOKEN_WORD && c->token.kind != SQLITE_TOKEN_QUOTED &&
        c->token.kind != SQLITE_TOKEN_STRING) {
        c->failed = true;
        return (struct str){ 0 };
    }
    struct str name = sqlite_token_value(c->token, c->arena);
    advance(c);
    return name;
}

/* At "(": what stands inside, and moves behind the matching ")". */
static struct str take_parentheses(struct cursor *c)
{
    if (!at_char(c, '(')) {
        c->failed = true;
        return (struct str){ 0 };
    }
    size_t start = c->at, depth = 1;
    advance(c);
    while (c->token.kind != SQLITE_TOKEN_END) {
        if (at_char(c, '('))
            depth++;
        if (at_char(c, ')') && --depth == 0) {
            struct str inside = { c->sql.p + start, (size_t)(c->token.text.p - c->sql.p) - start };
            advance(c);
            return str_trim(inside);
        }
        advance(c);
    }
    c->failed = true;
    return (struct str){ 0 };
}

struct name_list {
    struct str *names;
    size_t n;
};

/* At "(": column names, each with COLLATE, ASC or DESC behind it, which are dropped. */
static struct name_list take_columns(struct cursor *c)
{
    struct name_list list = { 0 };
    size_t room = 0;
    expect_char(c, '(');
    while (!c->failed && !at_char(c, ')')) {
        if (list.n == room) {
            struct str *more = ARENA_ARRAY(c->arena, struct str, room * 2 + 4);
            if (!more) {
                c->failed = true;
                break;
            }
            if (list.n)
                memcpy(more, list.names, list.n * sizeof(*more));
            list.names = more;
            room = room * 2 + 4;
        }
        list.names[list.n++] = take_name(c);
        if (accept_word(c, "COLLATE")) {
            take_name(c);
            c->has_more = true;
        }
        if (!accept_word(c, "ASC"))
            c->has_more |= accept_word(c, "DESC");
        if (!accept_char(c, ','))
            break;
    }
    expect_char(c, ')');
    return list;
}

static void skip_conflict(struct cursor *c)
{
    if (accept_word(c, "ON") && accept_word(c, "CONFLICT")) {
        advance(c);
        c->has_more = true;
    }
}

static struct sqlite_constraint *constraint_add(struct cursor *c, struct sqlite_constraint ***tail,
                                                enum sqlite_constraint_kind kind, struct str name, int column,
                                                struct str *column_name)
{
    struct sqlite_constraint *constraint = ARENA_NEW(c->arena, struct sqlite_constraint);
    if (!constraint) {
        c->failed = true;
        return NULL;
    }
    *constraint = (struct sqlite_constraint){
        .kind = kind, .name = name, .column = column, .columns = column_name, .n_columns = column_name ? 1 : 0
    };
    **tail = constraint;
    *tail = &constraint->next;
    return constraint;
}

/* Behind REFERENCES. */
static void take_references(struct cursor *c, struct sqlite_constraint *constraint)
{
    constraint->foreign_table = take_name(c);
    if (at_char(c, '(')) {
        struct name_list list = take_columns(c);
        constraint->foreign_columns = list.names;
        constraint->n_foreign_columns = list.n;
    }
    while (!c->failed) {
        if (accept_word(c, "ON")) {
            advance(c); /* DELETE or UPDATE; the action itself comes from pragma_foreign_key_list */
            if (accept_word(c, "SET") || accept_word(c, "NO"))
                advance(c);
            else
                advance(c);
        } else if (accept_word(c, "MATCH")) {
            constraint->match_full = at_word(c, "FULL") && constraint->n_columns == 1;
            c->has_more |= !constraint->match_full;
            advance(c);
        } else {
            break;
        }
    }
}

/* [NOT] DEFERRABLE [INITIALLY …], when it is there: it may stand apart from its REFERENCES. */
static bool take_deferrable(struct cursor *c, struct sqlite_constraint *constraint)
{
    bool negated = false;
    if (at_word(c, "NOT")) {
        struct cursor ahead = *c;
        advance(&ahead);
        if (!at_word(&ahead, "DEFERRABLE"))
            return false;
        advance(c);
        negated = true;
    }
    if (!accept_word(c, "DEFERRABLE"))
        return false;
    bool deferred = false;
    if (accept_word(c, "INITIALLY")) {
        deferred = at_word(c, "DEFERRED");
        advance(c);
    }
    if (constraint) {
        constraint->deferrable = !negated;
        constraint->deferred = !negated && deferred;
    }
    return true;
}

static void take_default(struct cursor *c, struct sqlite_column *column)
{
    if (at_char(c, '(')) {
        column->default_text = take_parentheses(c);
        column->default_is_expression = true;
        return;
    }
    const char *start = c->token.text.p;
    if (at_char(c, '+') || at_char(c, '-'))
        advance(c);
    if (c->token.kind == SQLITE_TOKEN_END) {
        c->failed = true;
        return;
    }
    advance(c);
    column->default_text = (struct str){ start, (size_t)(c->sql.p + c->before - start) };
}

static void take_generated(struct cursor *c, struct sqlite_column *column)
{
    column->generated_text = take_parentheses(c);
    if (accept_word(c, "STORED"))
        column->generated_stored = true;
    else
        accept_word(c, "VIRTUAL");
}

static bool at_constraint(const struct cursor *c)
{
    static const char *const words[] = { "CONSTRAINT", "PRIMARY", "NOT",        "NULL", "UNIQUE",    "CHECK",
                                         "DEFAULT",    "COLLATE", "REFERENCES", "AS",   "GENERATED", "DEFERRABLE" };
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (at_word(c, words[i]))
            return true;
    return false;
}

static struct str take_type(struct cursor *c)
{
    const char *start = c->token.text.p;
    size_t n = 0;
    while (!c->failed && c->token.kind != SQLITE_TOKEN_END && !at_char(c, ',') && !at_char(c, ')') &&
           !at_constraint(c)) {
        bool last = at_char(c, '(');
        if (last)
            take_parentheses(c);
        else
            advance(c);
        n = (size_t)(c->sql.p + c->before - start);
        if (last)
            break;
    }
    return (struct str){ n ? start : "", n };
}

/* One constraint of a column; false when none follows. */
static bool take_column_constraint(struct cursor *c, struct sqlite_column *column, int number,
                                   struct sqlite_constraint ***tail, struct sqlite_constraint **last_key)
{
    struct str name = { 0 };
    if (accept_word(c, "CONSTRAINT"))
        name = take_name(c);
    if (take_deferrable(c, *last_key))
        return true;
    if (accept_word(c, "PRIMARY")) {
        accept_word(c, "KEY");
        if (!accept_word(c, "ASC"))
            c->has_more |= accept_word(c, "DESC");
        skip_conflict(c);
        column->autoincrement = accept_word(c, "AUTOINCREMENT");
        constraint_add(c, tail, SQLITE_PRIMARY_KEY, name, number, &column->name);
    } else if (accept_word(c, "NOT")) {
        accept_word(c, "NULL");
        skip_conflict(c);
        column->not_null = true;
    } else if (accept_word(c, "NULL")) {
        skip_conflict(c);
    } else if (accept_word(c, "UNIQUE")) {
        skip_conflict(c);
        constraint_add(c, tail, SQLITE_UNIQUE, name, number, &column->name);
    } else if (accept_word(c, "CHECK")) {
        struct sqlite_constraint *check = constraint_add(c, tail, SQLITE_CHECK, name, number, &column->name);
        if (check)
            check->expression = take_parentheses(c);
        skip_conflict(c);
    } else if (accept_word(c, "DEFAULT")) {
        take_default(c, column);
    } else if (accept_word(c, "COLLATE")) {
        column->collation = take_name(c);
    } else if (accept_word(c, "REFERENCES")) {
        *last_key = constraint_add(c, tail, SQLITE_FOREIGN_KEY, name, number, &column->name);
        if (*last_key)
            take_references(c, *last_key);
    } else if (accept_word(c, "GENERATED")) {
        accept_word(c, "ALWAYS");
        accept_word(c, "AS");
        take_generated(c, column);
    } else if (accept_word(c, "AS")) {
        take_generated(c, column);
    } else {
        return name.n > 0;
    }
    return true;
}

static bool at_table_constraint(const struct cursor *c)
{
    return at_word(c, "CONSTRAINT") || at_word(c, "PRIMARY") || at_word(c, "UNIQUE") || at_word(c, "CHECK") ||
           at_word(c, "FOREIGN");
}

static void take_table_constraint(struct cursor *c, struct sqlite_constraint ***tail)
{
    struct str name = { 0 };
    struct sqlite_constraint *constraint = NULL;
    while (accept_word(c, "CONSTRAINT"))
        name = take_name(c);
    if (accept_word(c, "PRIMARY")) {
        accept_word(c, "KEY");
        constraint = constraint_add(c, tail, SQLITE_PRIMARY_KEY, name, -1, NULL);
    } else if (accept_word(c, "UNIQUE")) {
        constraint = constraint_add(c, tail, SQLITE_UNIQUE, name, -1, NULL);
    } else if (accept_word(c, "FOREIGN")) {
        accept_word(c, "KEY");
        constraint = constraint_add(c, tail, SQLITE_FOREIGN_KEY, name, -1, NULL);
    } else if (accept_word(c, "CHECK")) {
        constraint = constraint_add(c, tail, SQLITE_CHECK, name, -1, NULL);
        if (constraint)
            constraint->expression = take_parentheses(c);
        skip_conflict(c);
        return;
    }
    if (!constraint) {
        c->failed = true;
        return;
    }
    struct name_list list = take_columns(c);
    constraint->columns = list.names;
    constraint->n_columns = list.n;
    skip_conflict(c);
    if (constraint->kind == SQLITE_FOREIGN_KEY) {
        if (!accept_word(c, "REFERENCES"))
            c->failed = true;
        else
            take_references(c, constraint);
        take_deferrable(c, constraint);
    }
}

static void take_column(struct cursor *c, int number, struct sqlite_column ***columns,
                        struct sqlite_constraint ***constraints)
{
    struct sqlite_column *column = ARENA_NEW(c->arena, struct sqlite_column);
    if (!column) {
        c->failed = true;
        return;
    }
    column->name = take_name(c);
    **columns = column;
    *columns = &column->next;
    column->declared = take_type(c);
    struct sqlite_constraint *last_key = NULL;
    while (!c->failed && take_column_constraint(c, column, number, constraints, &last_key))
        ;
}

static struct cursor cursor_new(struct str sql, struct arena *arena)
{
    struct cursor c = { .sql = sql, .arena = arena };
    advance(&c);
    return c;
}

/* CREATE … up to the object's name, which is taken. */
static struct str take_head(struct cursor *c, const char *object)
{
    if (!accept_word(c, "CREATE"))
        c->failed = true;
    accept_word(c, "UNIQUE");
    if (!accept_word(c, object))
        c->failed = true;
    if (at_word(c, "IF")) {
        advance(c);
        advance(c);
        advance(c);
    }
    struct str name = take_name(c);
    if (accept_char(c, '.'))
        name = take_name(c);
    return name;
}

bool sqlite_parse_table(struct str sql, struct arena *arena, struct sqlite_table *ret)
{
    struct cursor c = cursor_new(sql, arena);
    struct sqlite_table table = { .name = take_head(&c, "TABLE") };
    struct sqlite_column **columns = &table.columns;
    struct sqlite_constraint **constraints = &table.constraints;
    expect_char(&c, '(');
    int n = 0;
    while (!c.failed && !at_char(&c, ')')) {
        if (n > 0 && at_table_constraint(&c))
            take_table_constraint(&c, &constraints);
        else
            take_column(&c, n++, &columns, &constraints);
        if (!accept_char(&c, ',') && !at_table_constraint(&c))
            break;
    }
    expect_char(&c, ')');
    while (!c.failed && c.token.kind != SQLITE_TOKEN_END) {
        if (accept_word(&c, "WITHOUT"))
            table.without_rowid = true;
        else if (accept_word(&c, "STRICT"))
            table.strict = true;
        else
            advance(&c);
    }
    if (c.failed)
        return false;
    table.has_more = c.has_more;
    *ret = table;
    return true;
}

/* One term up to "," or ")" of its level; COLLATE, ASC and DESC at its end are taken off. */
static struct sqlite_index_term take_term(struct cursor *c)
{
    struct sqlite_index_term term = { 0 };
    const char *start = c->token.text.p, *end = start;
    while (!c->failed && c->token.kind != SQLITE_TOKEN_END && !at_char(c, ',') && !at_char(c, ')')) {
        if (at_word(c, "COLLATE")) {
            advance(c);
            advance(c);
        } else if (at_word(c, "ASC") || at_word(c, "DESC")) {
            term.descending = at_word(c, "DESC");
            advance(c);
        } else {
            if (at_char(c, '('))
                take_parentheses(c);
            else
                advance(c);
            end = c->sql.p + c->before;
        }
    }
    term.text = (struct str){ start, (size_t)(end - start) };
    return term;
}

bool sqlite_parse_index(struct str sql, struct arena *arena, struct sqlite_index *ret)
{
    struct cursor c = cursor_new(sql, arena);
    struct sqlite_index index = { 0 };
    enum { TERMS_MAX = 128 }; /* more than an index can have */
    take_head(&c, "INDEX");
    if (!accept_word(&c, "ON"))
        return false;
    take_name(&c);
    expect_char(&c, '(');
    index.terms = ARENA_ARRAY(arena, struct sqlite_index_term, TERMS_MAX);
    if (!index.terms)
        return false;
    while (!c.failed && index.n_terms < TERMS_MAX) {
        index.terms[index.n_terms++] = take_term(&c);
        if (!accept_char(&c, ','))
            break;
    }
    expect_char(&c, ')');
    if (!c.failed && at_word(&c, "WHERE")) {
        size_t start = c.at;
        index.predicate = str_trim((struct str){ sql.p + start, sql.n - start });
    }
    if (c.failed)
        return false;
    *ret = index;
    return true;
}
