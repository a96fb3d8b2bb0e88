/* template.c - see template.h. */
#include "proxy/sql/functions/template.h"

static const struct template_word date_words[] = {
#define DATE_WORD(name, field, is_digits, calendar) { name, FIELD_##field, is_digits, CALENDAR_##calendar },
#define NUMBER_WORD(name, field)
#include "proxy/sql/functions/template_words.def"
#undef DATE_WORD
#undef NUMBER_WORD
};

static const struct template_word number_words[] = {
#define DATE_WORD(name, field, is_digits, calendar)
#define NUMBER_WORD(name, field) { name, FIELD_##field, false, CALENDAR_EITHER },
#include "proxy/sql/functions/template_words.def"
#undef DATE_WORD
#undef NUMBER_WORD
};

static const struct {
    const char *name;
    unsigned modifier;
    bool is_prefix;
} modifiers[] = {
    { "FM", MODIFIER_FILL, true },
    { "fm", MODIFIER_FILL, true },
    { "TM", MODIFIER_LOCAL, true },
    { "tm", MODIFIER_LOCAL, true },
    { "TH", MODIFIER_UPPER_TH, false },
    { "th", MODIFIER_LOWER_TH, false },
    { "SP", 0, false }, /* spelled out: PostgreSQL takes it and does nothing */
};

struct parser {
    struct str rest;
    bool is_date;
    struct template_node *nodes;
    size_t n;
};

static void skip(struct parser *p, size_t n)
{
    p->rest = (struct str){ p->rest.p + n, p->rest.n - n };
}

static unsigned take_modifier(struct parser *p, bool is_prefix)
{
    for (size_t i = 0; p->is_date && i < sizeof(modifiers) / sizeof(*modifiers); i++)
        if (modifiers[i].is_prefix == is_prefix && str_starts(p->rest, str_from(modifiers[i].name))) {
            skip(p, strlen(modifiers[i].name));
            return modifiers[i].modifier;
        }
    return 0;
}

static const struct template_word *longest_word(struct str text, const struct template_word *words, size_t n)
{
    const struct template_word *best = NULL;
    for (size_t i = 0; i < n; i++)
        if (str_starts(text, str_from(words[i].name)) && (!best || strlen(words[i].name) > strlen(best->name)))
            best = &words[i];
    return best;
}

static size_t character_width(struct str s)
{
    size_t n = 1;
    while (n < s.n && ((unsigned char)s.p[n] & 0xC0) == 0x80)
        n++;
    return n;
}

static void add_character(struct parser *p, enum template_kind kind)
{
    size_t n = character_width(p->rest);
    p->nodes[p->n++] = (struct template_node){ .kind = kind, .character = { p->rest.p, n } };
    skip(p, n);
}

/* "…": a backslash takes the next character as it is. */
static void take_quoted(struct parser *p)
{
    skip(p, 1);
    while (p->rest.n) {
        if (p->rest.p[0] == '"') {
            skip(p, 1);
            return;
        }
        if (p->rest.p[0] == '\\' && p->rest.n > 1)
            skip(p, 1);
        add_character(p, NODE_CHARACTER);
    }
}

bool template_is_separator(char c)
{
    bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'), digit = c >= '0' && c <= '9';
    return c > ' ' && c < 0x7F && !letter && !digit;
}

static void take_character(struct parser *p)
{
    if (p->rest.p[0] == '"') {
        take_quoted(p);
        return;
    }
    if (p->rest.p[0] == '\\' && p->rest.n > 1 && p->rest.p[1] == '"')
        skip(p, 1);
    char c = p->rest.p[0];
    bool space = c == ' ' || (c >= '\t' && c <= '\r');
    add_character(p, p->is_date && template_is_separator(c) ? NODE_SEPARATOR : space ? NODE_SPACE : NODE_CHARACTER);
}

static bool parse(struct str text, bool is_date, struct arena *arena, struct template *ret)
{
    struct parser p = { .rest = text, .is_date = is_date, .nodes = ARENA_ARRAY(arena, struct template_node, text.n) };
    if (!p.nodes)
        return false;
    while (p.rest.n) {
        unsigned before = take_modifier(&p, true);
        const struct template_word *word =
            is_date ? longest_word(p.rest, date_words, sizeof(date_words) / sizeof(*date_words))
                    : longest_word(p.rest, number_words, sizeof(number_words) / sizeof(*number_words));
        if (word) {
            skip(&p, strlen(word->name));
            p.nodes[p.n++] = (struct template_node){ .kind = NODE_WORD,
                                                     .word = word,
                                                     .modifiers = before | take_modifier(&p, false) };
        } else if (p.rest.n) {
            take_character(&p);
        }
    }
    *ret = (struct template){ p.nodes, p.n };
    return true;
}

bool template_parse_date(struct str text, struct arena *arena, struct template *ret)
{
    return parse(text, true, arena, ret);
}

bool template_parse_number(struct str text, struct arena *arena, struct template *ret)
{
    return parse(text, false, arena, ret);
}

struct str template_ordinal(struct str digits, bool upper)
{
    static const char *const lower_forms[] = { "th", "st", "nd", "rd" }, *const upper_forms[] = { "TH", "ST", "ND",
                                                                                                  "RD" };
    char last = digits.n ? digits.p[digits.n - 1] : 0;
    if (last < '0' || last > '9')
        return (struct str){ 0 };
    bool teen = digits.n > 1 && digits.p[digits.n - 2] == '1';
    size_t i = !teen && last >= '1' && last <= '3' ? (size_t)(last - '0') : 0;
    return str_from(upper ? upper_forms[i] : lower_forms[i]);
}
