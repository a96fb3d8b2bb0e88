/* text_search_match.c - see text_search_match.h. */
#include "proxy/sql/functions/text_search_match.h"

#include <stdlib.h>

static unsigned larger(unsigned a, unsigned b)
{
    return a > b ? a : b;
}

/* ---- places of phrases */

enum { ONLY_LEFT = 1, ONLY_RIGHT = 2, IN_BOTH = 4 };

struct sides {
    struct ts_hits left, right;
    unsigned left_shift, right_shift; /* added to their places */
};

/* Merges the places of both sides. ret may be NULL: only whether there are any. */
static enum ts_match merge(struct ts_matcher *m, const struct sides *s, int wanted, struct ts_hits *ret)
{
    uint16_t *out = ret ? arena_array(m->arena, s->left.n + s->right.n, sizeof(*out)) : NULL;
    size_t i = 0, k = 0, n = 0;
    if (ret && !out) {
        m->failed = true;
        return TS_NO;
    }
    while (i < s->left.n || k < s->right.n) {
        unsigned left = i < s->left.n ? ts_position(s->left.places[i]) + s->left_shift : UINT32_MAX;
        unsigned right = k < s->right.n ? ts_position(s->right.places[k]) + s->right_shift : UINT32_MAX;
        int found = left < right ? ONLY_LEFT : left > right ? ONLY_RIGHT : IN_BOTH;
        unsigned place = left < right ? left : right;
        i += found != ONLY_RIGHT;
        k += found != ONLY_LEFT;
        if (!(wanted & found) || place == 0)
            continue;
        if (!ret)
            return TS_YES;
        out[n++] = (uint16_t)place;
    }
    if (ret) {
        ret->places = out;
        ret->n = n;
    }
    return n ? TS_YES : TS_NO;
}

static enum ts_match phrase(struct ts_matcher *m, size_t at, struct ts_hits *ret);

static enum ts_match phrase_not(struct ts_matcher *m, size_t at, struct ts_hits *ret)
{
    switch (phrase(m, at + 1, ret)) {
    case TS_NO:
        ret->negated = true;
        return TS_YES;
    case TS_YES:
        ret->negated = !ret->negated;
        return ret->n || ret->negated ? TS_YES : TS_NO;
    case TS_MAYBE:
        break;
    }
    return TS_MAYBE;
}

/* Both sides end at the same place; the narrower one is moved there. */
static void align(struct sides *s, struct ts_hits *ret)
{
    unsigned width = larger(s->left.width, s->right.width);
    s->left_shift = width - s->left.width;
    s->right_shift = width - s->right.width;
    if (ret)
        ret->width = width;
}

static enum ts_match merge_negated(struct ts_matcher *m, const struct sides *s, int wanted, struct ts_hits *ret)
{
    merge(m, s, wanted, ret);
    if (ret)
        ret->negated = true;
    return TS_YES;
}

static enum ts_match phrase_and(struct ts_matcher *m, size_t at, struct ts_hits *ret)
{
    const struct ts_node *n = &m->query->nodes[at];
    struct sides s = { 0 };
    enum ts_match left = phrase(m, at + n->left, &s.left);
    enum ts_match right = left == TS_NO ? TS_NO : phrase(m, at + 1, &s.right);
    if (left == TS_NO || right == TS_NO)
        return TS_NO;
    if (left == TS_MAYBE || right == TS_MAYBE)
        return TS_MAYBE;
    align(&s, ret);
    if (n->kind == TS_NODE_PHRASE) {
        s.left_shift = n->distance + s.right.width;
        s.right_shift = 0;
        if (ret)
            ret->width = n->distance + s.left.width + s.right.width;
    }
    if (s.left.negated && s.right.negated)
        return merge_negated(m, &s, ONLY_LEFT | ONLY_RIGHT | IN_BOTH, ret);
    return merge(m, &s, s.left.negated ? ONLY_RIGHT : s.right.negated ? ONLY_LEFT : IN_BOTH, ret);
}

static enum ts_match phrase_or(struct ts_matcher *m, size_t at, struct ts_hits *ret)
{
    struct sides s = { 0 };
    enum ts_match left = phrase(m, at + m->query->nodes[at].left, &s.left), right = phrase(m, at + 1, &s.right);
    if (left == TS_NO && right == TS_NO)
        return TS_NO;
    if (left == TS_MAYBE || right == TS_MAYBE)
        return TS_MAYBE;
    if (left == TS_NO)
        s.left.width = 0;
    if (right == TS_NO)
        s.right.width = 0;
    align(&s, ret);
    if (s.left.negated && s.right.negated)
        return merge_negated(m, &s, IN_BOTH, ret);
    if (s.left.negated || s.right.negated)
        return merge_negated(m, &s, s.left.negated ? ONLY_LEFT : ONLY_RIGHT, ret);
    return merge(m, &s, ONLY_LEFT | ONLY_RIGHT | IN_BOTH, ret);
}

/* At or below a phrase operator, where places matter. ret is NULL for the topmost one only; it is empty when given. */
static enum ts_match phrase(struct ts_matcher *m, size_t at, struct ts_hits *ret)
{
    switch (m->query->nodes[at].kind) {
    case TS_NODE_NOT:
        return phrase_not(m, at, ret);
    case TS_NODE_AND:
    case TS_NODE_PHRASE:
        return phrase_and(m, at, ret);
    case TS_NODE_OR:
        return phrase_or(m, at, ret);
    default:
        return m->check(m->ctx, &m->query->nodes[at], ret);
    }
}

static enum ts_match holds_at(struct ts_matcher *m, size_t at)
{
    const struct ts_node *n = &m->query->nodes[at];
    enum ts_match left, right;
    switch (n->kind) {
    case TS_NODE_NOT:
        right = holds_at(m, at + 1);
        return right == TS_NO ? TS_YES : right == TS_YES ? TS_NO : TS_MAYBE;
    case TS_NODE_AND:
        left = holds_at(m, at + n->left);
        if (left == TS_NO)
            return TS_NO;
        right = holds_at(m, at + 1);
        return right == TS_YES ? left : right;
    case TS_NODE_OR:
        left = holds_at(m, at + n->left);
        if (left == TS_YES)
            return TS_YES;
        right = holds_at(m, at + 1);
        return right == TS_NO ? left : right;
    case TS_NODE_PHRASE:
        return phrase(m, at, NULL) == TS_YES ? TS_YES : TS_NO; /* places that are not known do not count */
    default:
        return m->check(m->ctx, n, NULL);
    }
}

bool ts_holds(struct ts_matcher *m)
{
    return m->query->n > 0 && holds_at(m, 0) != TS_NO;
}

/* ---- in a tsvector */

const struct ts_lexeme *ts_lexemes_of(const struct tsvector *v, const struct ts_node *word, size_t *ret_n)
{
    size_t low = 0, high = v->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (str_cmp(v->lexemes[middle].word, word->word) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    size_t end = low;
    while (end < v->n && (word->is_prefix ? str_starts(v->lexemes[end].word, word->word)
                                          : end == low && str_eq(v->lexemes[end].word, word->word)))
        end++;
    *ret_n = end - low;
    return end > low ? &v->lexemes[low] : NULL;
}

struct vector_ctx {
    const struct tsvector *vector;
    struct ts_matcher *matcher;
};

static bool has_weight(const struct ts_node *word, uint16_t place)
{
    return word->weights == 0 || word->weights & 1U << ts_weight(place);
}

/* Whether one lexeme will do. One without places has whatever weight is asked for. */
static enum ts_match check_lexeme(const struct ts_node *word, const struct ts_lexeme *l, uint16_t *out, size_t *n)
{
    size_t before = *n;
    bool found = l->n_places == 0;
    if (found && out)
        return TS_MAYBE;
    for (size_t i = 0; i < l->n_places; i++)
        if (has_weight(word, l->places[i])) {
            found = true;
            if (!out)
                break;
            out[(*n)++] = (uint16_t)ts_position(l->places[i]);
        }
    return out ? (*n > before ? TS_YES : TS_NO) : found ? TS_YES : TS_NO;
}

static int by_place(const void *a, const void *b)
{
    return *(const uint16_t *)a - *(const uint16_t *)b;
}

static void sort_unique(uint16_t *places, size_t *n)
{
    size_t kept = 0;
    if (*n)
        qsort(places, *n, sizeof(*places), by_place);
    for (size_t i = 0; i < *n; i++)
        if (kept == 0 || places[kept - 1] != places[i])
            places[kept++] = places[i];
    *n = kept;
}

static enum ts_match check_vector(void *ctx, const struct ts_node *word, struct ts_hits *ret)
{
    struct vector_ctx *v = ctx;
    size_t n_lexemes, most = 0, n = 0;
    const struct ts_lexeme *l = ts_lexemes_of(v->vector, word, &n_lexemes);
    for (size_t i = 0; i < n_lexemes; i++)
        most += l[i].n_places;
    uint16_t *out = ret ? arena_array(v->matcher->arena, most, sizeof(*out)) : NULL;
    if (ret && !out) {
        v->matcher->failed = true;
        return TS_NO;
    }
    enum ts_match found = TS_NO;
    for (size_t i = 0; i < n_lexemes && (ret || found != TS_YES); i++) {
        enum ts_match one = check_lexeme(word, &l[i], out, &n);
        if (one == TS_MAYBE)
            return TS_MAYBE;
        if (one == TS_YES)
            found = TS_YES;
    }
    if (ret) {
        if (n_lexemes > 1)
            sort_unique(out, &n);
        ret->places = out;
        ret->n = n;
    }
    return found;
}

bool ts_vector_holds(const struct tsvector *v, const struct tsquery *q, struct arena *arena, bool *ret, struct err *err)
{
    struct ts_matcher m = { .query = q, .check = check_vector, .arena = arena };
    struct vector_ctx ctx = { v, &m };
    m.ctx = &ctx;
    *ret = ts_holds(&m);
    return !m.failed || err_oom(err);
}
