/* words.c - see words.h. */
#include "words.h"

static int hex(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : 0;
}

static void quoted(struct words *w, struct word *ret)
{
    char *out = arena_alloc(w->arena, strlen(w->at) + 1);
    size_t n = 0;
    for (w->at++; *w->at && *w->at != '"'; w->at++) {
        if (*w->at != '\\') {
            out[n++] = *w->at;
            continue;
        }
        switch (*++w->at) {
        case 'n':
            out[n++] = '\n';
            break;
        case 't':
            out[n++] = '\t';
            break;
        case 'x':
            out[n++] = (char)(hex(w->at[1]) << 4 | hex(w->at[2]));
            w->at += 2;
            break;
        default:
            out[n++] = *w->at;
        }
    }
    if (*w->at == '"')
        w->at++;
    *ret = (struct word){ { out, n }, true };
}

bool word_next(struct words *w, struct word *ret)
{
    while (*w->at == ' ' || *w->at == '\t')
        w->at++;
    if (*w->at == 0)
        return false;
    if (*w->at == '"') {
        quoted(w, ret);
        return true;
    }
    const char *from = w->at;
    if (*w->at == ',')
        w->at++;
    else
        while (*w->at && !strchr(" \t,", *w->at))
            w->at++;
    *ret = (struct word){ { from, (size_t)(w->at - from) }, false };
    return true;
}

bool word_peek(const struct words *w, struct word *ret)
{
    struct words copy = *w;
    return word_next(&copy, ret);
}

struct str words_rest(struct words *w)
{
    struct str rest = str_trim(str_from(w->at));
    w->at += strlen(w->at);
    return rest;
}
