/* command.c - see command.h. */
#include "proxy/migrate/command.h"

#include <ctype.h>
#include "proxy/sql/skeleton.h"
#include "proxy/sql/tokens.h"

enum clause_value { NONE, TEXT, NEEDED };

struct clause {
    enum migrate_verb verb;
    const char *words;
    enum clause_value value;
    size_t text; /* offset of its struct str, or of its bool when the value is NONE */
};

static const struct clause clauses[] = {
#define COMMAND(verb, number, function, synopsis, help)
#define CLAUSE(verb, words, field, value) { MIGRATE_##verb, words, value, offsetof(struct migrate_command, field) },
#include "proxy/migrate/commands.def"
#undef COMMAND
#undef CLAUSE
};
enum { N_CLAUSES = sizeof(clauses) / sizeof(clauses[0]) };

static const struct migrate_help help[MIGRATE_VERB_NR] = {
#define COMMAND(verb, number, function, synopsis, help) { #verb, function, synopsis, help },
#define CLAUSE(verb, words, field, value)
#include "proxy/migrate/commands.def"
#undef COMMAND
#undef CLAUSE
};

const struct migrate_help *migrate_command_help(enum migrate_verb verb)
{
    return &help[verb];
}

enum migrate_verb migrate_command_by_function(struct str name)
{
    int verb = 0;
    while (verb < MIGRATE_VERB_NR && !str_is(name, help[verb].function))
        verb++;
    return (enum migrate_verb)verb;
}

/* The tokens of the text, comments left out. */
struct reader {
    struct str text;
    struct arena *arena;
    struct err *err;
    struct skeleton skeleton; /* tells the contents of strings */
    struct token *tokens;
    size_t n, at;
};

static int position_of(const struct reader *r, size_t i)
{
    const char *begin = i < r->n ? r->tokens[i].text.p : r->text.p + r->text.n;
    return 1 + (int)str_characters((struct str){ r->text.p, (size_t)(begin - r->text.p) });
}

static bool fail_here(struct reader *r)
{
    if (r->at < r->n)
        err_set(r->err, SQLSTATE_SYNTAX_ERROR, "syntax error at or near \"%.*s\"", STR_FMT(r->tokens[r->at].text));
    else
        err_set(r->err, SQLSTATE_SYNTAX_ERROR, "syntax error at end of input");
    return err_at(r->err, position_of(r, r->at));
}

static bool scan(struct reader *r)
{
    struct token_list list;
    if (!tokens_scan(r->text, r->arena, &list, r->err))
        return false;
    r->tokens = list.tokens;
    for (size_t i = 0; i < list.n; i++)
        if (list.tokens[i].kind != TOKEN_COMMENT && list.tokens[i].kind != TOKEN_LINE_COMMENT)
            r->tokens[r->n++] = list.tokens[i];
    while (r->n && r->tokens[r->n - 1].kind == TOKEN_SEMICOLON)
        r->n--;
    return true;
}

/* How many tokens from here are these words, which single spaces part; 0: they are not. */
static size_t match(const struct reader *r, const char *words)
{
    size_t n = 0;
    for (struct str rest = str_from(words); rest.n; n++) {
        ptrdiff_t space = str_find(rest, STR(" "));
        struct str word = { rest.p, space < 0 ? rest.n : (size_t)space };
        if (r->at + n >= r->n || !str_eq_nocase(r->tokens[r->at + n].text, word))
            return 0;
        rest = space < 0 ? (struct str){ 0 } : (struct str){ word.p + word.n + 1, rest.n - word.n - 1 };
    }
    return n;
}

static bool is_string(const struct reader *r)
{
    return r->at < r->n && r->tokens[r->at].kind == TOKEN_STRING;
}

static bool read_string(struct reader *r, struct str *ret)
{
    if (!is_string(r))
        return fail_here(r);
    bool negated;
    int i = literal_at(&r->skeleton.literals, r->text, (int)(r->tokens[r->at].text.p - r->text.p), &negated);
    if (i < 0)
        return fail_here(r);
    struct str content = literal_content(r->text, &r->skeleton.literals.literals[i], true, r->arena);
    if (!content.p)
        return fail_here(r);
    *ret = content;
    r->at++;
    return true;
}

static bool set_field(struct reader *r, const struct clause *c, struct migrate_command *command)
{
    char *field = (char *)command + c->text;
    if (c->value == NONE) {
        *(bool *)field = true;
        return true;
    }
    return read_string(r, (struct str *)(void *)field);
}

/* The clause that begins here; NULL: none, or it was there before. */
static const struct clause *next_clause(struct reader *r, enum migrate_verb verb, uint64_t *seen)
{
    for (size_t i = 0; i < N_CLAUSES; i++) {
        const struct clause *c = &clauses[i];
        if (c->verb != verb || *seen & UINT64_C(1) << i)
            continue;
        size_t n = match(r, c->words);
        if (n || (!c->words[0] && is_string(r))) {
            *seen |= UINT64_C(1) << i;
            r->at += n;
            return c;
        }
    }
    return NULL;
}

static bool read_clauses(struct reader *r, struct migrate_command *command)
{
    _Static_assert(N_CLAUSES <= 64, "a bit each");
    uint64_t seen = 0;
    for (size_t i = 0; i < N_CLAUSES; i++) { /* one without words comes first or not at all */
        bool opens = clauses[i].verb == command->verb && !clauses[i].words[0];
        if (opens && !is_string(r) && clauses[i].value == NEEDED)
            return fail_here(r);
        if (opens && !is_string(r))
            seen |= UINT64_C(1) << i;
    }
    while (r->at < r->n) {
        const struct clause *c = next_clause(r, command->verb, &seen);
        if (!c || !set_field(r, c, command))
            return c ? false : fail_here(r);
    }
    return true;
}

static bool check(const struct reader *r, const struct migrate_command *c)
{
    if (c->restore && c->stop)
        return err_set(r->err, SQLSTATE_SYNTAX_ERROR, "MIGRATE UP stops on a failure or restores");
    if (c->verb != MIGRATE_RESTORE || !c->bookmark.p != !c->timestamp.p)
        return true;
    err_set(r->err, SQLSTATE_SYNTAX_ERROR, "MIGRATE RESTORE goes to a bookmark or to a timestamp");
    return err_hint(r->err, "%s", help[MIGRATE_RESTORE].synopsis);
}

static bool starts_with_word(struct str text, struct str word)
{
    if (!str_starts_nocase(text, word))
        return false;
    unsigned char c = text.n > word.n ? (unsigned char)text.p[word.n] : ' ';
    return !(isalnum(c) || c == '_' || c == '$' || c >= 0x80);
}

bool migrate_command_is(struct str text)
{
    struct str trimmed = str_trim(text);
    if (!str_starts(trimmed, STR("--")) && !str_starts(trimmed, STR("/*")))
        return starts_with_word(trimmed, STR("MIGRATE"));
    AUTO(arena) arena = arena_new(SIZE_MAX);
    struct skeleton skeleton;
    return arena && skeleton_scan(text, true, arena, &skeleton) && starts_with_word(skeleton.key, STR("MIGRATE"));
}

bool migrate_command_parse(struct str text, struct arena *arena, struct migrate_command *ret, struct err *err)
{
    struct reader r = { .text = text, .arena = arena, .err = err };
    struct migrate_command command = { 0 };
    if (!skeleton_scan(text, true, arena, &r.skeleton))
        r.skeleton.literals.n = 0; /* strings will not be found */
    if (!scan(&r))
        return false;
    r.at = match(&r, "MIGRATE");
    for (int verb = 0; verb < MIGRATE_VERB_NR; verb++) {
        size_t n = match(&r, help[verb].verb);
        if (!n)
            continue;
        r.at += n;
        command.verb = (enum migrate_verb)verb;
        if (!read_clauses(&r, &command) || !check(&r, &command))
            return false;
        *ret = command;
        return true;
    }
    fail_here(&r);
    return err_hint(err, "MIGRATE HELP lists the commands.");
}
