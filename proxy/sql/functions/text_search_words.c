/* text_search_words.c - see text_search_words.h. */
#include "proxy/sql/functions/text_search_words.h"

#include <libstemmer.h>
#include <stdlib.h>
#include "proxy/sql/functions/typed.h"

enum { STEM_MAX = 1000 }; /* longer ones are no words of any language */

static const struct ts_configuration configurations[] = {
#define CONFIGURATION(oid, name, ascii_words, words) { oid, name, ascii_words, words },
#define DICTIONARY(oid, name, language, stops)
#include "proxy/sql/functions/text_search_configurations.def"
#undef CONFIGURATION
#undef DICTIONARY
};

static const struct ts_dictionary dictionaries[] = {
#define CONFIGURATION(oid, name, ascii_words, words)
#define DICTIONARY(oid, name, language, stops) { oid, name, language, stops },
#include "proxy/sql/functions/text_search_configurations.def"
#undef CONFIGURATION
#undef DICTIONARY
};

static const struct stop_word {
    const char *list, *word;
} stop_words[] = {
#define STOP_WORD(list, word) { list, word },
#include "proxy/sql/functions/text_search_stop_words.def"
#undef STOP_WORD
};

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

const struct ts_configuration *ts_configuration_find(uint32_t oid)
{
    for (size_t i = 0; i < COUNT(configurations); i++)
        if (configurations[i].oid == oid)
            return &configurations[i];
    return NULL;
}

const struct ts_configuration *ts_configuration_named(struct str name)
{
    if (str_starts(name, STR("pg_catalog.")))
        name = (struct str){ name.p + sizeof("pg_catalog"), name.n - sizeof("pg_catalog") };
    for (size_t i = 0; i < COUNT(configurations); i++)
        if (str_is(name, configurations[i].name))
            return &configurations[i];
    return NULL;
}

const struct ts_dictionary *ts_dictionary_find(uint32_t oid)
{
    for (size_t i = 0; i < COUNT(dictionaries); i++)
        if (dictionaries[i].oid == oid)
            return &dictionaries[i];
    return NULL;
}

static const struct ts_dictionary *dictionary_named(const char *name)
{
    size_t low = 0, high = COUNT(dictionaries);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(name, dictionaries[middle].name);
        if (order == 0)
            return &dictionaries[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

const struct ts_dictionary *ts_dictionary_of(const struct ts_configuration *c, enum ts_token_kind kind)
{
    switch (kind) {
    case TS_TOKEN_ASCIIWORD:
    case TS_TOKEN_ASCIIHWORD:
    case TS_TOKEN_HWORD_ASCIIPART:
        return dictionary_named(c->ascii_words);
    case TS_TOKEN_WORD:
    case TS_TOKEN_HWORD:
    case TS_TOKEN_HWORD_PART:
        return dictionary_named(c->words);
    case TS_TOKEN_BLANK:
    case TS_TOKEN_TAG:
    case TS_TOKEN_PROTOCOL:
    case TS_TOKEN_ENTITY:
        return NULL;
    default:
        return dictionary_named("simple");
    }
}

/* ---- dictionaries */

static bool is_stop_word(const char *list, struct str word)
{
    size_t low = 0, high = COUNT(stop_words);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(list, stop_words[middle].list);
        if (order == 0)
            order = str_cmp(word, str_from(stop_words[middle].word));
        if (order == 0)
            return true;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return false;
}

void ts_lexizer_init(struct ts_lexizer *l, struct arena *arena, struct err *err)
{
    *l = (struct ts_lexizer){ .arena = arena, .err = err };
}

void ts_lexizer_fini(struct ts_lexizer *l)
{
    for (size_t i = 0; i < l->n; i++)
        sb_stemmer_delete(l->stemmers[i]);
    l->n = 0;
}

static struct sb_stemmer *stemmer_of(struct ts_lexizer *l, const struct ts_dictionary *d)
{
    for (size_t i = 0; i < l->n; i++)
        if (l->stems_for[i] == d)
            return l->stemmers[i];
    struct sb_stemmer *made = l->n < COUNT(l->stemmers) ? sb_stemmer_new(d->language, "UTF_8") : NULL;
    if (!made) {
        err_oom(l->err);
        return NULL;
    }
    l->stems_for[l->n] = d;
    return l->stemmers[l->n++] = made;
}

bool ts_lexize(struct ts_lexizer *l, const struct ts_dictionary *d, struct str token, struct str *ret)
{
    struct str word = lower_text(l->arena, token);
    if (!word.p)
        return err_oom(l->err);
    *ret = word;
    if (word.n == 0 || (d->stops[0] && is_stop_word(d->stops, word))) {
        *ret = (struct str){ "", 0 };
        return true;
    }
    if (!d->language[0] || word.n > STEM_MAX)
        return true;
    struct sb_stemmer *stemmer = stemmer_of(l, d);
    const sb_symbol *stem =
        stemmer ? sb_stemmer_stem(stemmer, (const sb_symbol *)(const void *)word.p, (int)word.n) : NULL;
    if (!stem)
        return err_oom(l->err);
    size_t length = (size_t)sb_stemmer_length(stemmer);
    if (length == 0)
        return true;
    *ret = arena_str(l->arena, (struct str){ (const char *)(const void *)stem, length });
    return ret->p ? true : err_oom(l->err);
}

/* ---- words of texts */

static bool add_word(struct ts_words *w, struct str word, struct arena *arena)
{
    if (w->n == w->size) {
        size_t size = w->size ? w->size * 2 : 16;
        struct ts_word *items = arena_array(arena, size, sizeof(*items));
        if (!items)
            return false;
        if (w->n)
            memcpy(items, w->items, w->n * sizeof(*items));
        w->items = items;
        w->size = size;
    }
    w->items[w->n++] = (struct ts_word){ word, w->position };
    return true;
}

static bool add_token(struct ts_words *w, struct ts_lexizer *l, const struct ts_dictionary *d, struct str token)
{
    struct str word;
    if (!d || token.n > TS_WORD_MAX)
        return true;
    if (!ts_lexize(l, d, token, &word))
        return false;
    w->position++;
    return word.n == 0 || add_word(w, word, l->arena) || err_oom(l->err);
}

bool ts_words_add(struct ts_words *w, const struct ts_configuration *c, struct str text, struct arena *arena,
                  struct err *err)
{
    struct ts_parser parser;
    struct ts_lexizer lexizer;
    struct ts_token token;
    ts_lexizer_init(&lexizer, arena, err);
    bool ok = ts_parser_init(&parser, text, err);
    while (ok && ts_parser_next(&parser, &token))
        ok = add_token(w, &lexizer, ts_dictionary_of(c, token.kind), token.text);
    ts_parser_fini(&parser);
    ts_lexizer_fini(&lexizer);
    return ok && !err_is_set(err);
}

static int by_word_and_position(const void *a, const void *b)
{
    const struct ts_word *x = a, *y = b;
    int order = str_cmp(x->word, y->word);
    return order ? order : (x->position > y->position) - (x->position < y->position);
}

/* One lexeme of the words that are equal, from *at on: the last of 255 places is PostgreSQL's own limit here. */
static bool gather(const struct ts_word *words, size_t n, size_t *at, struct arena *arena, struct ts_lexeme *ret)
{
    size_t from = *at, to = from;
    while (to < n && str_eq(words[to].word, words[from].word))
        to++;
    *at = to;
    size_t most = to - from < TS_POSITIONS_MAX - 1 ? to - from : TS_POSITIONS_MAX - 1;
    *ret = (struct ts_lexeme){ .word = words[from].word, .places = arena_array(arena, most, sizeof(uint16_t)) };
    for (size_t i = from; ret->places && i < to && ret->n_places < most; i++) {
        uint16_t place = ts_place(words[i].position, 0);
        if (ret->n_places == 0 || ret->places[ret->n_places - 1] != place)
            ret->places[ret->n_places++] = place;
    }
    return ret->places != NULL;
}

bool ts_words_vector(const struct ts_words *w, struct arena *arena, struct tsvector *ret, struct err *err)
{
    struct tsvector v = { .lexemes = arena_array(arena, w->n, sizeof(*v.lexemes)) };
    if (!v.lexemes)
        return err_oom(err);
    if (w->n)
        qsort(w->items, w->n, sizeof(*w->items), by_word_and_position);
    for (size_t i = 0; i < w->n;)
        if (!gather(w->items, w->n, &i, arena, &v.lexemes[v.n++]))
            return err_oom(err);
    *ret = v;
    return tsvector_check_size(&v, err);
}

/* ---- queries */

struct morphology {
    const struct ts_configuration *configuration;
    enum ts_node_kind joined_by;
};

/* One operand of the words of a token: stop words between them keep their places. */
static bool put_words(void *ctx, struct tsquery_maker *m, const struct ts_node *node)
{
    const struct morphology *by = ctx;
    const struct ts_node joint = { .kind = by->joined_by, .distance = by->joined_by == TS_NODE_PHRASE };
    struct ts_words words = { 0 };
    if (!ts_words_add(&words, by->configuration, node->word, m->arena, m->err))
        return false;
    if (words.n == 0)
        return tsquery_put(m, (struct ts_node){ .kind = TS_NODE_STOP });
    unsigned position = 0;
    for (size_t i = 0; i < words.n; i++) {
        for (; position > 0 && position + 1 < words.items[i].position; position++)
            if (!tsquery_put(m, (struct ts_node){ .kind = TS_NODE_STOP }) || !tsquery_put(m, joint))
                return false;
        position = words.items[i].position;
        struct ts_node word = {
            .kind = TS_NODE_WORD, .word = words.items[i].word, .weights = node->weights, .is_prefix = node->is_prefix
        };
        if (!tsquery_put(m, word) || (i && !tsquery_put(m, joint)))
            return false;
    }
    return true;
}

bool ts_words_query(const struct ts_configuration *c, struct str text, enum tsquery_form form,
                    enum ts_node_kind joined_by, struct arena *arena, struct tsquery *ret, struct err *err)
{
    struct morphology by = { c, joined_by };
    return tsquery_make(text, form, put_words, &by, arena, ret, err);
}
