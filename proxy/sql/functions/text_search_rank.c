/* text_search_rank.c - see text_search_rank.h. float and double stand where PostgreSQL has them: results are compared digit by digit. */
#include "proxy/sql/functions/text_search_rank.h"

#include <math.h>
#include <stdlib.h>
#include "proxy/sql/functions/text_search_match.h"

const float ts_default_weights[TS_WEIGHTS] = { 0.1F, 0.2F, 0.4F, 1.0F };

enum method {
    BY_LOG_LENGTH = 1,
    BY_LENGTH = 2,
    BY_EXTENT = 4,
    BY_WORDS = 8,
    BY_LOG_WORDS = 16,
    BY_ITSELF = 32,
};

static size_t length_of(const struct tsvector *v)
{
    size_t n = 0;
    for (size_t i = 0; i < v->n; i++)
        n += v->lexemes[i].n_places ? v->lexemes[i].n_places : 1;
    return n;
}

/* ---- ts_rank */

static int by_word(const void *a, const void *b)
{
    return str_cmp((*(const struct ts_node *const *)a)->word, (*(const struct ts_node *const *)b)->word);
}

/* The words of a query, each once. NULL: no memory */
static const struct ts_node **words_of(const struct tsquery *q, struct arena *arena, size_t *ret_n)
{
    const struct ts_node **words = arena_array(arena, q->n, sizeof(struct ts_node *));
    size_t n = 0, kept = 0;
    for (size_t i = 0; words && i < q->n; i++)
        if (q->nodes[i].kind == TS_NODE_WORD)
            words[n++] = &q->nodes[i];
    if (words && n)
        qsort(words, n, sizeof(*words), by_word);
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || !str_eq(words[kept - 1]->word, words[i]->word))
            words[kept++] = words[i];
    *ret_n = kept;
    return words;
}

static float near_weight(int distance)
{
    if (distance > 100)
        return 1e-30F;
    return (float)(1.0 / (1.005 + 0.05 * exp((double)((float)distance) / 1.5 - 2)));
}

struct places {
    const uint16_t *items;
    size_t n;
    bool unknown;
};

/* Adds what one pair of words that stand near each other is worth. */
static void add_pairs(const float *weights, const struct places *a, const struct places *b, float *res)
{
    for (size_t i = 0; i < a->n; i++)
        for (size_t k = 0; k < b->n; k++) {
            int distance = abs((int)ts_position(a->items[i]) - (int)ts_position(b->items[k]));
            if (distance == 0 && !a->unknown && !b->unknown)
                continue;
            if (distance == 0)
                distance = TS_POSITION_MAX + 1;
            float pair = weights[ts_weight(a->items[i])] * weights[ts_weight(b->items[k])] * near_weight(distance);
            float worth = (float)sqrt((double)pair);
            *res = *res < 0 ? worth : (float)(1.0 - (1.0 - (double)*res) * (1.0 - (double)worth));
        }
}

static float rank_or(const float *weights, const struct tsvector *v, const struct ts_node **words, size_t n)
{
    static const uint16_t nowhere[1];
    float res = 0.0F;
    for (size_t i = 0; i < n; i++) {
        size_t n_lexemes;
        const struct ts_lexeme *l = ts_lexemes_of(v, words[i], &n_lexemes);
        for (size_t k = 0; k < n_lexemes; k++) {
            const uint16_t *places = l[k].n_places ? l[k].places : nowhere;
            size_t n_places = l[k].n_places ? l[k].n_places : 1;
            float sum = 0.0F, best = -1.0F;
            int best_at = 0;
            for (int j = 0; j < (int)n_places; j++) {
                float weight = weights[ts_weight(places[j])];
                sum = sum + weight / (float)((j + 1) * (j + 1));
                if (weight > best) {
                    best = weight;
                    best_at = j;
                }
            }
            float worth = best + sum - best / (float)((best_at + 1) * (best_at + 1));
            res = (float)((double)res + (double)worth / 1.64493406685);
        }
    }
    return n ? res / (float)n : res;
}

static float rank_and(const float *weights, const struct tsvector *v, const struct ts_node **words, size_t n,
                      struct places *found)
{
    static const uint16_t nowhere[1] = { TS_POSITION_MAX };
    float res = -1.0F;
    for (size_t i = 0; i < n; i++) {
        size_t n_lexemes;
        const struct ts_lexeme *l = ts_lexemes_of(v, words[i], &n_lexemes);
        for (size_t k = 0; k < n_lexemes; k++) {
            bool unknown = l[k].n_places == 0;
            found[i] = (struct places){ unknown ? nowhere : l[k].places, unknown ? 1 : l[k].n_places, unknown };
            for (size_t j = 0; j < i; j++)
                add_pairs(weights, &found[i], &found[j], &res);
        }
    }
    return res;
}

static float normalized(float res, const struct tsvector *v, int method)
{
    size_t length = length_of(v);
    if (method & BY_LOG_LENGTH)
        res = (float)((double)res / (log((double)(length + 1)) / log(2.0)));
    if (method & BY_LENGTH && length > 0)
        res /= (float)length;
    if (method & BY_WORDS)
        res /= (float)v->n;
    if (method & BY_LOG_WORDS)
        res = (float)((double)res / (log((double)(v->n + 1)) / log(2.0)));
    if (method & BY_ITSELF)
        res /= res + 1;
    return res;
}

bool ts_rank(const float *weights, const struct tsvector *v, const struct tsquery *q, int method, struct arena *arena,
             float *ret, struct err *err)
{
    size_t n;
    *ret = 0.0F;
    if (v->n == 0 || q->n == 0)
        return true;
    const struct ts_node **words = words_of(q, arena, &n);
    struct places *found = arena_array(arena, q->n, sizeof(*found));
    if (!words || !found)
        return err_oom(err);
    bool together = q->nodes[0].kind == TS_NODE_AND || q->nodes[0].kind == TS_NODE_PHRASE;
    float res = together && n >= 2 ? rank_and(weights, v, words, n, found) : rank_or(weights, v, words, n);
    *ret = normalized(res < 0 ? 1e-20F : res, v, method);
    return true;
}

/* ---- ts_rank_cd: covers, the shortest stretches of the document in which the query holds */

struct mention {
    uint16_t place;
    const struct ts_lexeme *lexeme;
    uint32_t word; /* its node in the query */
    uint32_t more; /* mentions of other words of the query by the same lexeme at the same place follow */
};

struct document {
    struct mention *items;
    size_t n;
};

static int by_place(const void *a, const void *b)
{
    const struct mention *x = a, *y = b;
    if (ts_position(x->place) != ts_position(y->place))
        return ts_position(x->place) > ts_position(y->place) ? 1 : -1;
    if (ts_weight(x->place) != ts_weight(y->place))
        return ts_weight(x->place) > ts_weight(y->place) ? 1 : -1;
    if (x->lexeme != y->lexeme)
        return x->lexeme > y->lexeme ? 1 : -1;
    return (x->word > y->word) - (x->word < y->word);
}

static void mention_all(const struct tsvector *v, const struct ts_node *word, uint32_t at, struct document *d)
{
    size_t n;
    const struct ts_lexeme *l = ts_lexemes_of(v, word, &n);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < l[i].n_places; k++)
            if (word->weights == 0 || word->weights & 1U << ts_weight(l[i].places[k]))
                d->items[d->n++] = (struct mention){ l[i].places[k], &l[i], at, 0 };
}

static bool read_document(const struct tsvector *v, const struct tsquery *q, struct arena *arena, struct document *d)
{
    size_t most = 0, n;
    for (size_t i = 0; i < q->n; i++) {
        const struct ts_lexeme *l = q->nodes[i].kind == TS_NODE_WORD ? ts_lexemes_of(v, &q->nodes[i], &n) : NULL;
        for (size_t k = 0; l && k < n; k++)
            most += l[k].n_places;
    }
    *d = (struct document){ arena_array(arena, most, sizeof(struct mention)), 0 };
    for (size_t i = 0; d->items && i < q->n; i++)
        if (q->nodes[i].kind == TS_NODE_WORD)
            mention_all(v, &q->nodes[i], (uint32_t)i, d);
    if (d->items && d->n)
        qsort(d->items, d->n, sizeof(*d->items), by_place);
    return d->items != NULL;
}

/* The words seen of a stretch of the document, in either direction. */
struct seen {
    uint16_t *places;
    size_t n;
};
struct cover_search {
    const struct tsquery *query;
    struct document document;
    struct seen *seen; /* by node */
    size_t room;       /* places of each: forward from the start, backward from the end */
    bool backward;
    struct ts_matcher matcher;
    size_t from;        /* where the next cover may begin */
    size_t first, last; /* of the cover found */
};

static enum ts_match check_seen(void *ctx, const struct ts_node *word, struct ts_hits *ret)
{
    const struct cover_search *s = ctx;
    const struct seen *seen = &s->seen[word - s->query->nodes];
    if (seen->n == 0)
        return TS_NO;
    if (ret) {
        ret->n = seen->n;
        ret->places = s->backward ? seen->places + s->room - seen->n : seen->places;
    }
    return TS_YES;
}

static void forget(struct cover_search *s, bool backward)
{
    s->backward = backward;
    for (size_t i = 0; i < s->query->n; i++)
        s->seen[i].n = 0;
}

static bool same_mention(const struct mention *a, const struct mention *b)
{
    return a->place == b->place && a->lexeme == b->lexeme;
}

static void see(struct cover_search *s, const struct mention *m)
{
    struct seen *seen = &s->seen[m->word];
    size_t last = s->backward ? s->room - seen->n : seen->n - 1;
    if (seen->n && ts_position(seen->places[last]) == ts_position(m->place))
        return;
    seen->places[s->backward ? s->room - 1 - seen->n : seen->n] = m->place;
    seen->n++;
}

/* The mention behind those of the same lexeme at the same place. */
static size_t next_mention(const struct document *d, size_t at)
{
    size_t next = at + 1;
    while (next < d->n && same_mention(&d->items[next], &d->items[at]))
        next++;
    return next;
}

/* From s->from on, how far the query needs to look until it holds. */
static bool find_last(struct cover_search *s)
{
    struct document *d = &s->document;
    forget(s, false);
    for (size_t at = s->from; at < d->n;) {
        size_t end = next_mention(d, at);
        for (; at < end; at++)
            see(s, &d->items[at]);
        s->last = end - 1;
        if (ts_holds(&s->matcher))
            return true;
    }
    return false;
}

/* From there back, how far it needs to. */
static bool find_first(struct cover_search *s)
{
    struct document *d = &s->document;
    forget(s, true);
    for (size_t at = s->last + 1; at > s->from;) {
        size_t end = at--;
        see(s, &d->items[at]);
        for (; at > s->from && same_mention(&d->items[at - 1], &d->items[end - 1]); at--)
            see(s, &d->items[at - 1]);
        s->first = at;
        if (ts_holds(&s->matcher))
            return true;
    }
    return false;
}

static bool next_cover(struct cover_search *s)
{
    while (s->from < s->document.n && find_last(s)) {
        if (find_first(s))
            return true;
        s->from = next_mention(&s->document, s->from);
    }
    return false;
}

/* Mentions of one lexeme at one place are one. */
static size_t count_mentions(const struct document *d, size_t first, size_t last)
{
    size_t n = 0;
    for (size_t i = first; i <= last; i++)
        n += i == first || !same_mention(&d->items[i], &d->items[i - 1]);
    return n;
}

struct covers {
    double worth, distances, last_middle;
    int n;
};

static void add_cover(const struct cover_search *s, const double *inverse, struct covers *c)
{
    const struct document *d = &s->document;
    double sum = 0.0;
    int first = (int)ts_position(d->items[s->first].place), last = (int)ts_position(d->items[s->last].place);
    int mentions = (int)count_mentions(d, s->first, s->last);
    for (size_t i = s->first; i <= s->last; i++)
        if (i == s->first || !same_mention(&d->items[i], &d->items[i - 1]))
            sum += inverse[ts_weight(d->items[i].place)];
    int noise = last - first - (mentions - 1);
    if (noise < 0)
        noise = (mentions - 1) / 2;
    c->worth += (double)mentions / sum / (double)(1 + noise);
    double middle = (double)(first + last) / 2.0;
    if (c->n > 0 && middle > c->last_middle)
        c->distances += 1.0 / (middle - c->last_middle);
    c->last_middle = middle;
    c->n++;
}

static double normalized_covers(const struct covers *c, const struct tsvector *v, int method)
{
    double worth = c->worth;
    size_t length = length_of(v);
    if (method & BY_LOG_LENGTH)
        worth /= log((double)(length + 1));
    if (method & BY_LENGTH && length > 0)
        worth /= (double)length;
    if (method & BY_EXTENT && c->n > 0 && c->distances > 0)
        worth /= ((double)c->n / c->distances);
    if (method & BY_WORDS)
        worth /= (double)v->n;
    if (method & BY_LOG_WORDS)
        worth /= (log((double)(v->n + 1)) / log(2.0));
    if (method & BY_ITSELF)
        worth /= worth + 1;
    return worth;
}

static bool start_search(struct cover_search *s, const struct tsvector *v, const struct tsquery *q, struct arena *arena)
{
    *s = (struct cover_search){ .query = q, .matcher = { .query = q, .check = check_seen, .arena = arena } };
    s->matcher.ctx = s;
    s->seen = arena_array(arena, q->n, sizeof(*s->seen));
    if (!s->seen || !read_document(v, q, arena, &s->document))
        return false;
    s->room = s->document.n < TS_POSITION_MAX + 1 ? s->document.n : TS_POSITION_MAX + 1;
    for (size_t i = 0; i < q->n; i++)
        if (q->nodes[i].kind == TS_NODE_WORD && !(s->seen[i].places = arena_array(arena, s->room, sizeof(uint16_t))))
            return false;
    return true;
}

bool ts_rank_cover(const float *weights, const struct tsvector *v, const struct tsquery *q, int method,
                   struct arena *arena, float *ret, struct err *err)
{
    struct cover_search s;
    struct covers covers = { 0 };
    double inverse[TS_WEIGHTS];
    *ret = 0.0F;
    if (v->n == 0 || q->n == 0)
        return true;
    for (int i = 0; i < TS_WEIGHTS; i++)
        inverse[i] = 1.0 / (double)weights[i];
    if (!start_search(&s, v, q, arena))
        return err_oom(err);
    while (next_cover(&s)) {
        add_cover(&s, inverse, &covers);
        s.from = next_mention(&s.document, s.first);
    }
    if (s.matcher.failed)
        return err_oom(err);
    *ret = (float)normalized_covers(&covers, v, method);
    return true;
}
