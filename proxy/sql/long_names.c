/* long_names.c - see long_names.h. */
#include "proxy/sql/long_names.h"

#include "proxy/base/utf8.h"
#include "proxy/sql/tokens.h"

enum { NAME_BYTES = 63 }; /* NAMEDATALEN - 1 */

static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '$' ||
           (unsigned char)c >= 0x80;
}

/* Whether there may be one: few texts have to be scanned. */
static bool may_have_one(struct str text)
{
    size_t n = 0;
    bool is_quoted = false;
    for (size_t i = 0; i < text.n && n <= NAME_BYTES; i++) {
        bool doubled = is_quoted && text.p[i] == '"' && i + 1 < text.n && text.p[i + 1] == '"';
        if (text.p[i] == '"' && !doubled) {
            is_quoted = !is_quoted;
            n = 0;
            continue;
        }
        n = is_quoted || is_name_byte(text.p[i]) ? n + 1 : 0;
        i += doubled;
    }
    return n > NAME_BYTES;
}

/* As the scanner reads it: in small letters unless quoted. */
static struct str name_of(struct str token, struct arena *arena)
{
    char *name = arena_alloc(arena, token.n + 1);
    size_t n = 0;
    bool is_quoted = token.n > 1 && token.p[0] == '"';
    for (size_t i = is_quoted; name && i < token.n - is_quoted; i++) {
        char c = token.p[i];
        if (is_quoted && c == '"')
            i++; /* doubled */
        name[n++] = !is_quoted && c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    return (struct str){ name, n };
}

/* The characters of it that 63 bytes hold whole. */
static struct str cut(struct str name)
{
    size_t n = 0;
    while (n < name.n && n + utf8_width(name, n) <= NAME_BYTES)
        n += utf8_width(name, n);
    return (struct str){ name.p, n };
}

static bool note(struct plan *plan, struct str name, struct plan_notice *ret, struct err *err)
{
    ret->code = SQLSTATE_NAME_TOO_LONG;
    ret->message = arena_printf(plan->arena, "identifier \"%.*s\" will be truncated to \"%.*s\"", STR_FMT(name),
                                STR_FMT(cut(name)));
    return ret->message.p || err_oom(err);
}

bool long_names_notice(struct plan *plan, struct str text, struct err *err)
{
    struct token_list tokens;
    struct err ignored;
    size_t n = 0;
    if (!may_have_one(text))
        return true;
    err_init(&ignored, plan->arena);
    if (!tokens_scan(text, plan->arena, &tokens, &ignored))
        return true;
    struct plan_notice *notices = ARENA_ARRAY(plan->arena, struct plan_notice, tokens.n + plan->n_notices);
    if (!notices)
        return err_oom(err);
    for (size_t i = 0; i < tokens.n; i++) {
        if (tokens.tokens[i].kind != TOKEN_NAME || tokens.tokens[i].text.n <= NAME_BYTES)
            continue;
        struct str name = name_of(tokens.tokens[i].text, plan->arena);
        if (!name.p)
            return err_oom(err);
        if (name.n > NAME_BYTES && !note(plan, name, &notices[n++], err))
            return false;
    }
    if (plan->n_notices)
        memcpy(notices + n, plan->notices, plan->n_notices * sizeof(*notices));
    plan->notices = notices;
    plan->n_notices += n;
    return true;
}
