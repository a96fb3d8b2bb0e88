/* text_search_parser.c - see text_search_parser.h and text_search_states.def. */
#include "proxy/sql/functions/text_search_parser.h"

#include <stdlib.h>
#include "proxy/base/utf8.h"

enum { STEPS_PER_BYTE = 200, STEPS_LEAST = 100000, HOSTS_MAX = 50 };

const struct ts_token_name ts_token_names[TS_TOKEN_NR] = {
    { "", "" },
#define TOKEN(NAME, alias, description) { alias, description },
#include "proxy/sql/functions/text_search_kinds.def"
#undef TOKEN
};

/* ---- the table */

enum test {
    TEST_END,
    TEST_CHARACTER,
    TEST_ASCII_LETTER,
    TEST_LETTER,
    TEST_DIGIT,
    TEST_ALNUM,
    TEST_NOT_ALNUM,
    TEST_MARK,
    TEST_SPACE,
    TEST_HEX_DIGIT,
    TEST_URL_CHARACTER,
    TEST_IGNORING,
    TEST_STOP_AT_HOST,
    TEST_HOST,
    TEST_URL_PATH,
    TEST_ANY,
};

enum move {
    MOVE_GO,
    MOVE_TRY,
    MOVE_BACK,
    MOVE_KEEP,
    MOVE_FOUND,
    MOVE_FOUND_KEEP,
    MOVE_FOUND_FORGET,
    MOVE_AGAIN,
    MOVE_JOIN
};
enum act { ACT_NOTHING, ACT_TAG, ACT_REREAD, ACT_URL, ACT_VERSION };

enum state {
#define STATE(state) STATE_##state,
#define RULE(test, characters, move, next, kind, act)
#include "proxy/sql/functions/text_search_states.def"
#undef STATE
#undef RULE
    STATE_SAME
};

struct rule {
    enum test test;
    const char *characters;
    enum move move;
    enum state next;
    enum ts_token_kind kind;
    enum act act;
};

static const struct rule rules[] = {
#define STATE(state)
#define RULE(test, characters, move, next, kind, act)                                                                  \
    { TEST_##test, characters, MOVE_##move, STATE_##next, TS_TOKEN_##kind, ACT_##act },
#include "proxy/sql/functions/text_search_states.def"
#undef STATE
#undef RULE
};

/* Where each state's rules begin: enumerators count the rows. */
#define PASTE(a, b) a##b
#define NAMED(line) PASTE(ROW_, line)
enum {
#define STATE(state) FIRST_##state, BEFORE_##state = FIRST_##state - 1,
#define RULE(test, characters, move, next, kind, act) NAMED(__LINE__),
#include "proxy/sql/functions/text_search_states.def"
#undef STATE
#undef RULE
};

static const uint16_t first_rules[] = {
#define STATE(state) FIRST_##state,
#define RULE(test, characters, move, next, kind, act)
#include "proxy/sql/functions/text_search_states.def"
#undef STATE
#undef RULE
};

/* ---- places */

struct ts_place {
    uint32_t at, token_bytes;
    uint16_t state;
    uint16_t tried; /* the rule that left this place for a try, and 1; 0: none */
};

static bool push(struct ts_parser *p, struct ts_place place)
{
    if (p->n == p->size) {
        size_t size = p->size ? p->size * 2 : 16;
        struct ts_place *places = realloc(p->places, size * sizeof(*places));
        if (!places)
            return err_oom(p->err);
        p->places = places;
        p->size = size;
    }
    p->places[p->n++] = place;
    return true;
}

static struct ts_place *top(struct ts_parser *p)
{
    return &p->places[p->n - 1];
}

static bool init_at(struct ts_parser *p, struct str text, struct err *err)
{
    *p = (struct ts_parser){ .text = text, .err = err };
    return push(p, (struct ts_place){ .state = STATE_BASE });
}

bool ts_parser_init(struct ts_parser *p, struct str text, struct err *err)
{
    bool ok = init_at(p, text, err);
    p->own_steps = STEPS_LEAST + (uint64_t)text.n * STEPS_PER_BYTE;
    p->steps = &p->own_steps;
    return ok;
}

void ts_parser_fini(struct ts_parser *p)
{
    free(p->places);
    p->places = NULL;
    p->n = p->size = 0;
}

/* ---- tests */

static bool is_mark(uint32_t code)
{
    static const struct {
        uint32_t first, last;
    } marks[] = {
#define MARKS(first, last) { first, last },
#include "proxy/sql/functions/text_search_marks.def"
#undef MARKS
    };
    size_t low = 0, high = sizeof(marks) / sizeof(marks[0]);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (code > marks[middle].last)
            low = middle + 1;
        else if (code < marks[middle].first)
            high = middle;
        else
            return true;
    }
    return false;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_ascii_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool next_token(struct ts_parser *p, struct ts_token *ret);

/* Whether a token of that kind follows, which is then skipped. */
static bool follows(struct ts_parser *p, bool is_host)
{
    struct ts_parser inner;
    struct ts_token token;
    struct ts_place *here = top(p);
    struct str rest = { p->text.p + here->at, p->text.n - here->at };
    if (p->depth >= HOSTS_MAX)
        return err_set(p->err, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "text is too complex for the text search parser");
    bool found = init_at(&inner, rest, p->err);
    inner.depth = p->depth + 1;
    inner.steps = p->steps;
    inner.wants_host = is_host;
    if (found && !is_host)
        found = push(&inner, (struct ts_place){ .state = STATE_URL_PATH_FIRST });
    found = found && next_token(&inner, &token) &&
            (is_host ? token.kind == TS_TOKEN_HOST : token.kind == TS_TOKEN_URL_PATH || token.kind == TS_TOKEN_FILE);
    if (found) {
        here->at += (uint32_t)token.text.n;
        here->token_bytes += (uint32_t)token.text.n;
    }
    ts_parser_fini(&inner);
    return found;
}

/* Once: what is looked for is a host, and here it would end. */
static bool stops_at_host(struct ts_parser *p)
{
    bool stops = p->wants_host;
    p->wants_host = false;
    return stops;
}

/* Tests of a character that is there. */
static bool holds_for_character(const struct ts_parser *p, const struct rule *r, size_t at)
{
    char c = p->text.p[at];
    switch (r->test) {
    case TEST_CHARACTER:
        return c && strchr(r->characters, c) != NULL;
    case TEST_ASCII_LETTER:
        return is_ascii_letter(c);
    case TEST_LETTER:
        return utf8_is_letter(p->text, at);
    case TEST_DIGIT:
        return is_digit(c);
    case TEST_ALNUM:
        return is_digit(c) || utf8_is_letter(p->text, at);
    case TEST_NOT_ALNUM:
        return !is_digit(c) && !utf8_is_letter(p->text, at);
    case TEST_MARK:
        return (unsigned char)c >= 0x80 && is_mark(utf8_code(p->text, at));
    case TEST_SPACE:
        return utf8_is_space(p->text, at);
    case TEST_HEX_DIGIT:
        return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
    case TEST_URL_CHARACTER:
        return c > ' ' && c < 0x7F && !strchr("\"<>\\^`{|}", c);
    default:
        return false;
    }
}

static bool holds(struct ts_parser *p, const struct rule *r)
{
    size_t at = top(p)->at;
    switch (r->test) {
    case TEST_ANY:
        return true;
    case TEST_END:
        return at >= p->text.n;
    case TEST_IGNORING:
        return p->ignoring;
    case TEST_STOP_AT_HOST:
        return stops_at_host(p);
    case TEST_HOST:
        return at < p->text.n && follows(p, true);
    case TEST_URL_PATH:
        return at < p->text.n && follows(p, false);
    default:
        return at < p->text.n && holds_for_character(p, r, at);
    }
}

/* ---- steps */

static void mind_tag(struct ts_parser *p)
{
    struct str tag = { p->text.p + p->token_at, top(p)->token_bytes };
    if (str_eq_nocase(tag, STR("</script")) || str_eq_nocase(tag, STR("</style")))
        p->ignoring = false;
    else if (str_eq_nocase(tag, STR("<script")) || str_eq_nocase(tag, STR("<style")))
        p->ignoring = true;
}

static void act(struct ts_parser *p, enum act act)
{
    struct ts_place *here = top(p);
    switch (act) {
    case ACT_NOTHING:
        return;
    case ACT_TAG:
        mind_tag(p);
        return;
    case ACT_URL:
        p->wants_host = true;
        break;
    case ACT_REREAD:
    case ACT_VERSION:
        break;
    }
    here->at -= here->token_bytes;
    if (act == ACT_VERSION)
        here->token_bytes = 0;
}

/* False: no memory. The place remembered last is the one below the top. */
static bool make_move(struct ts_parser *p, const struct rule *r)
{
    struct ts_place copy = *top(p);
    switch (r->move) {
    case MOVE_BACK:
        if (p->n > 1)
            p->n--;
        break;
    case MOVE_TRY:
        top(p)->tried = (uint16_t)(r - rules + 1);
        copy.tried = 0;
        if (!push(p, copy))
            return false;
        break;
    case MOVE_KEEP:
    case MOVE_FOUND_KEEP:
        if (p->n > 1) {
            p->n--;
            *top(p) = copy;
        }
        break;
    case MOVE_FOUND_FORGET:
        p->n = 1;
        *top(p) = copy;
        break;
    case MOVE_JOIN:
        if (p->n > 1) {
            p->n--;
            top(p)->at = copy.at;
            top(p)->token_bytes = copy.token_bytes;
        }
        break;
    case MOVE_GO:
    case MOVE_FOUND:
    case MOVE_AGAIN:
        break;
    }
    if (r->next != STATE_SAME)
        top(p)->state = (uint16_t)r->next;
    return true;
}

static const struct rule *rule_here(struct ts_parser *p)
{
    struct ts_place *here = top(p);
    const struct rule *r = &rules[here->tried ? here->tried : first_rules[here->state]];
    here->tried = 0;
    while (!holds(p, r) && !err_is_set(p->err))
        r++;
    return r;
}

static bool next_token(struct ts_parser *p, struct ts_token *ret)
{
    struct ts_place *here = top(p);
    if (here->at >= p->text.n)
        return false;
    p->token_at = here->at;
    here->tried = 0;
    for (;;) {
        if (*p->steps == 0)
            err_set(p->err, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "text is too complex for the text search parser");
        else
            --*p->steps;
        const struct rule *r = rule_here(p);
        if (err_is_set(p->err))
            return false;
        size_t width = top(p)->at < p->text.n ? utf8_width(p->text, top(p)->at) : 0;
        act(p, r->act);
        bool found = r->move == MOVE_FOUND || r->move == MOVE_FOUND_KEEP || r->move == MOVE_FOUND_FORGET;
        if (found) {
            *ret = (struct ts_token){ r->kind, { p->text.p + p->token_at, top(p)->token_bytes } };
            top(p)->token_bytes = 0;
        }
        if (!make_move(p, r))
            return false;
        here = top(p);
        if (found || (here->at >= p->text.n && r->move != MOVE_AGAIN))
            return found;
        if (r->move == MOVE_AGAIN || r->move == MOVE_BACK)
            continue;
        here->at += (uint32_t)width;
        here->token_bytes += (uint32_t)width;
    }
}

bool ts_parser_next(struct ts_parser *p, struct ts_token *ret)
{
    return next_token(p, ret);
}
