/* sqlite_trigger.c - see sqlite_trigger.h. */
#include "proxy/catalog/sqlite_trigger.h"

#include "proxy/catalog/sqlite_ddl.h"

enum { COLUMNS_MAX = 100 };

struct reader {
    struct str sql;
    size_t at;     /* behind the token … */
    size_t before; /* … which begins no earlier than here */
    struct sqlite_token token;
    struct arena *arena;
};

static void next(struct reader *r)
{
    r->before = r->at;
    r->token = sqlite_token_next(r->sql, &r->at);
}

static bool is(const struct reader *r, const char *word)
{
    return r->token.kind == SQLITE_TOKEN_WORD && str_eq_nocase(r->token.text, str_from(word));
}

static bool is_mark(const struct reader *r, char c)
{
    return r->token.kind == SQLITE_TOKEN_OTHER && r->token.text.p[0] == c;
}

/* Takes the word when it is the next. */
static bool skip(struct reader *r, const char *word)
{
    if (!is(r, word))
        return false;
    next(r);
    return true;
}

static bool name(struct reader *r, struct str *ret)
{
    if (r->token.kind != SQLITE_TOKEN_WORD && r->token.kind != SQLITE_TOKEN_QUOTED &&
        r->token.kind != SQLITE_TOKEN_STRING)
        return false;
    *ret = sqlite_token_value(r->token, r->arena);
    next(r);
    return ret->p != NULL;
}

/* Its own name, perhaps behind "main." */
static bool own_name(struct reader *r)
{
    struct str ignored;
    if (skip(r, "IF") && (!skip(r, "NOT") || !skip(r, "EXISTS")))
        return false;
    if (!name(r, &ignored))
        return false;
    if (!is_mark(r, '.'))
        return true;
    next(r);
    return name(r, &ignored);
}

static bool timing(struct reader *r, struct sqlite_trigger *t)
{
    t->timing = SQLITE_BEFORE;
    if (skip(r, "AFTER"))
        t->timing = SQLITE_AFTER;
    else if (skip(r, "INSTEAD"))
        t->timing = SQLITE_INSTEAD_OF;
    else
        skip(r, "BEFORE");
    return t->timing != SQLITE_INSTEAD_OF || skip(r, "OF");
}

static bool columns(struct reader *r, struct sqlite_trigger *t)
{
    t->columns = ARENA_ARRAY(r->arena, struct str, COLUMNS_MAX);
    for (bool more = t->columns != NULL; more;) {
        if (t->n_columns == COLUMNS_MAX || !name(r, &t->columns[t->n_columns++]))
            return false;
        more = is_mark(r, ',');
        if (more)
            next(r);
    }
    return t->columns != NULL;
}

static bool event(struct reader *r, struct sqlite_trigger *t)
{
    if (skip(r, "INSERT"))
        t->event = SQLITE_INSERT_EVENT;
    else if (skip(r, "DELETE"))
        t->event = SQLITE_DELETE_EVENT;
    else if (skip(r, "UPDATE"))
        t->event = SQLITE_UPDATE_EVENT;
    else
        return false;
    return !skip(r, "OF") || (t->event == SQLITE_UPDATE_EVENT && columns(r, t));
}

/* Without the parentheses that hold all of it. */
static struct str bare(struct str text)
{
    int depth = 0;
    size_t at = 0, end = 0;
    text = str_trim(text);
    if (text.n < 2 || text.p[0] != '(' || text.p[text.n - 1] != ')')
        return text;
    for (struct sqlite_token token; (token = sqlite_token_next(text, &at)).kind != SQLITE_TOKEN_END;) {
        if (token.kind == SQLITE_TOKEN_OTHER)
            depth += (token.text.p[0] == '(') - (token.text.p[0] == ')');
        if (depth == 0 && !end)
            end = at;
    }
    return end == text.n ? (struct str){ text.p + 1, text.n - 2 } : text;
}

/* [FOR EACH ROW] [WHEN …] BEGIN … */
static bool rest(struct reader *r, struct sqlite_trigger *t)
{
    if (skip(r, "FOR") && (!skip(r, "EACH") || !skip(r, "ROW")))
        return false;
    if (is(r, "WHEN")) {
        size_t start = r->at;
        while (!is(r, "BEGIN") && r->token.kind != SQLITE_TOKEN_END)
            next(r);
        t->condition = bare((struct str){ r->sql.p + start, r->before - start });
    }
    if (!is(r, "BEGIN"))
        return false;
    t->body = str_trim((struct str){ r->token.text.p, r->sql.n - (size_t)(r->token.text.p - r->sql.p) });
    return true;
}

bool sqlite_parse_trigger(struct str sql, struct arena *arena, struct sqlite_trigger *ret)
{
    struct reader r = { .sql = sql, .arena = arena };
    *ret = (struct sqlite_trigger){ 0 };
    next(&r);
    return skip(&r, "CREATE") && skip(&r, "TRIGGER") && own_name(&r) && timing(&r, ret) && event(&r, ret) &&
           skip(&r, "ON") && name(&r, &ret->table) && rest(&r, ret);
}
