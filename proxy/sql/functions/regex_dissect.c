/* regex_dissect.c - one function per kind of part; nothing here goes back on an answer, as a part that matches can be divided. */
#include "proxy/sql/functions/regex_dissect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    STEPS_MAX = 1 << 26,
    FEW_STATES = 4096,
    MANY_STATES = 1 << 20,
    FIRST_STRETCH = 128,
    FEW_ENDS = FIRST_STRETCH + 8,
    CHARACTER_MAX = 4
};

int regex_all_lengths(const pcre2_code *code, struct str s, size_t from, uint32_t options, pcre2_match_data *data)
{
    PCRE2_SPTR text = (PCRE2_SPTR)(s.p ? s.p : "");
    int few[FEW_STATES];
    int n = pcre2_dfa_match(code, text, s.n, from, options, data, NULL, few, FEW_STATES);
    if (n != PCRE2_ERROR_DFA_WSSIZE)
        return n;
    int *many = malloc(MANY_STATES * sizeof(*many));
    if (many)
        n = pcre2_dfa_match(code, text, s.n, from, options, data, NULL, many, MANY_STATES);
    free(many);
    return n;
}

/* A node's own expression, and the ends of its matches from the place it was last asked about. */
struct part {
    pcre2_code *code;
    pcre2_match_data *data;
    size_t pairs; /* that data holds */
    bool is_known;
    size_t from, low, limit; /* asked about; what ends there are from low to limit */
    size_t n;                /* of ends, the longest first */
};

struct regex_dissector {
    struct regex_tree tree;
    char *text;
    uint32_t options;
    struct part *parts;    /* one for each node */
    pcre2_match_data *one; /* with a place for one end */
};

/* One match that is taken to pieces. */
struct work {
    struct regex_dissector *d;
    struct str s;
    size_t *starts, *ends, n_groups;
    size_t steps;
    bool failed;
};

struct regex_dissector *regex_dissector_new(struct regex_tree *tree, struct str text, uint32_t options)
{
    struct regex_dissector *d = calloc(1, sizeof(*d));
    if (!d) {
        regex_tree_fini(tree);
        return NULL;
    }
    d->tree = *tree;
    d->options = options | PCRE2_NO_AUTO_CAPTURE;
    regex_tree_init(tree);
    d->text = malloc(text.n + 1);
    d->parts = calloc(d->tree.n, sizeof(*d->parts));
    d->one = pcre2_match_data_create(1, NULL);
    if (!d->text || !d->parts || !d->one) {
        regex_dissector_free(d);
        return NULL;
    }
    if (text.n)
        memcpy(d->text, text.p, text.n);
    return d;
}

void regex_dissector_free(struct regex_dissector *d)
{
    if (!d)
        return;
    for (size_t i = 0; d->parts && i < d->tree.n; i++) {
        pcre2_match_data_free(d->parts[i].data);
        pcre2_code_free(d->parts[i].code);
    }
    pcre2_match_data_free(d->one);
    free(d->parts);
    free(d->text);
    regex_tree_fini(&d->tree);
    free(d);
}

static bool give_up(struct work *w)
{
    w->failed = true;
    return false;
}

/* ---- where a part can end ---- */

static bool compile_part(struct work *w, int node)
{
    const struct regex_node *n = &w->d->tree.nodes[node];
    struct part *part = &w->d->parts[node];
    size_t size = n->to - n->from + 32, length;
    bool loop = n->operation == REGEX_LOOP || (n->least == 1 && n->most == 1);
    int code, width = (int)(n->to - n->from);
    PCRE2_SIZE offset;
    char *text = malloc(size);
    if (!text)
        return give_up(w);
    const char *own = w->d->text + n->from;
    if (loop)
        length = (size_t)snprintf(text, size, "%.*s", width, own);
    else if (n->most == REGEX_ANY)
        length = (size_t)snprintf(text, size, "(?:%.*s){%d,}", width, own, n->least);
    else
        length = (size_t)snprintf(text, size, "(?:%.*s){%d,%d}", width, own, n->least, n->most);
    part->code = pcre2_compile((PCRE2_SPTR)text, length, w->d->options, &code, &offset, NULL);
    part->pairs = FEW_ENDS;
    part->data = pcre2_match_data_create(FEW_ENDS, NULL);
    free(text);
    return (part->code && part->data) || give_up(w);
}

static bool grow_ends(struct work *w, struct part *part)
{
    pcre2_match_data_free(part->data);
    part->pairs *= 8;
    part->data = pcre2_match_data_create((uint32_t)part->pairs, NULL);
    return part->data || give_up(w);
}

enum { TOO_SHORT = -1, TOO_MANY = -2 };

/* One run: the number of ends, TOO_SHORT when the text that was shown decides nothing, TOO_MANY for the place that there is. */
static int run_part(struct work *w, const struct part *part, pcre2_match_data *data, size_t from, size_t stop,
                    uint32_t options)
{
    w->steps += stop - from + 1;
    if (w->steps > STEPS_MAX)
        return give_up(w), 0;
    int n = regex_all_lengths(part->code, (struct str){ w->s.p, stop }, from,
                              options | PCRE2_ANCHORED | PCRE2_NO_UTF_CHECK, data);
    if (n >= 0) {
        size_t moved = n ? (size_t)n : pcre2_get_ovector_count(data); /* each end moves those before it */
        w->steps += moved * moved / 64;
    }
    if (n == PCRE2_ERROR_NOMATCH)
        return 0;
    if (n == 0 || n == PCRE2_ERROR_PARTIAL)
        return n == 0 ? TOO_MANY : TOO_SHORT;
    return n > 0 ? n : (give_up(w), 0);
}

/* Within a character. */
static bool is_inside(const struct work *w, size_t at)
{
    return at < w->s.n && ((unsigned char)w->s.p[at] & 0xc0) == 0x80;
}

/* How much of the text a part is shown for its ends up to `limit`. */
static size_t reach(const struct work *w, const struct regex_node *n, size_t from, size_t limit)
{
    if (n->extent.looks)
        return w->s.n;
    while (limit > from && is_inside(w, limit))
        limit--;
    if (n->extent.most == REGEX_ANY || (size_t)n->extent.most * CHARACTER_MAX >= limit - from)
        return limit;
    size_t stop = from + (size_t)n->extent.most * CHARACTER_MAX;
    while (stop < limit && is_inside(w, stop))
        stop++;
    return stop;
}

static size_t end_at(const struct part *part, size_t i)
{
    return pcre2_get_ovector_pointer(part->data)[2 * i + 1];
}

/* The longest ends, none above `limit`, as many as there is place for: what is above part->low is all there is. A part that
 * looks beyond is shown the whole text and tells all; the others die early, which a first stretch of the text shows. */
static bool ask(struct work *w, int node, size_t from, size_t limit)
{
    const struct regex_node *n = &w->d->tree.nodes[node];
    struct part *part = &w->d->parts[node];
    size_t all = reach(w, n, from, limit), stretch = n->extent.looks ? all - from : FIRST_STRETCH;
    int found = TOO_SHORT;
    part->is_known = false;
    while (found == TOO_SHORT && !w->failed) {
        size_t stop = all - from > stretch ? from + stretch : all;
        while (stop < all && is_inside(w, stop))
            stop++;
        found = run_part(w, part, part->data, from, stop, stop < all ? PCRE2_PARTIAL_HARD : 0);
        stretch *= 4;
    }
    part->n = found == TOO_MANY ? pcre2_get_ovector_count(part->data) : (size_t)found;
    part->from = from;
    part->low = found == TOO_MANY ? end_at(part, part->n - 1) : from;
    part->limit = n->extent.looks ? w->s.n : limit;
    part->is_known = !w->failed;
    return part->is_known;
}

/* How many of the known ends are above `end`. */
static size_t ends_above(const struct part *part, size_t end)
{
    size_t low = 0, high = part->n;
    while (low < high) {
        size_t half = low + (high - low) / 2;
        if (end_at(part, half) > end)
            low = half + 1;
        else
            high = half;
    }
    return low;
}

/* Makes the part know its ends from `low` to `high`; no more than there is place for unless it looks beyond. */
static struct part *know(struct work *w, int node, size_t from, size_t low, size_t high)
{
    struct part *part = &w->d->parts[node];
    bool looks = w->d->tree.nodes[node].extent.looks;
    if (!part->code && !compile_part(w, node))
        return NULL;
    bool known = part->is_known && part->from == from && part->limit >= high && (looks || part->low <= low);
    if (!known && !ask(w, node, from, high))
        return NULL;
    while (looks && part->low > low)
        if (!grow_ends(w, part) || !ask(w, node, from, high))
            return NULL;
    return part;
}

/* The longest end from `low` to `high`, SIZE_MAX: none. When there is an end up to `high`, the longest one is known. */
static size_t longest(struct work *w, int node, size_t from, size_t low, size_t high)
{
    const struct part *part = know(w, node, from, high, high);
    size_t k = part ? ends_above(part, high) : 0;
    return part && k < part->n && end_at(part, k) >= low ? end_at(part, k) : SIZE_MAX;
}

/* The shortest one. As many ends as there is place for are in a window that is no wider. */
static size_t shortest(struct work *w, int node, size_t from, size_t low, size_t high)
{
    while (low <= high) {
        size_t top = high - low < FEW_ENDS - 2 || w->d->tree.nodes[node].extent.looks ? high : low + FEW_ENDS - 2;
        while (top < high && is_inside(w, top))
            top--;
        const struct part *part = know(w, node, from, low, top);
        size_t above = part ? low ? ends_above(part, low - 1) : part->n : 0;
        if (!part)
            return SIZE_MAX;
        if (above)
            return end_at(part, above - 1) <= high ? end_at(part, above - 1) : SIZE_MAX;
        low = top + 1;
    }
    return SIZE_MAX;
}

/* The end next to `last` (SIZE_MAX: the first one) in the part's preference, from `least` to `limit`; SIZE_MAX: none. */
static size_t next_end(struct work *w, int node, size_t from, size_t least, size_t limit, size_t last)
{
    bool first = last == SIZE_MAX;
    if (w->d->tree.nodes[node].flags & REGEX_SHORTER)
        return shortest(w, node, from, first ? least : last + 1, limit);
    if (first)
        return longest(w, node, from, least, limit);
    return last > least ? longest(w, node, from, least, last - 1) : SIZE_MAX;
}

static bool matches_span(struct work *w, int node, size_t from, size_t to)
{
    const struct regex_node *n = &w->d->tree.nodes[node];
    struct part *part = &w->d->parts[node];
    if (!part->code && !compile_part(w, node))
        return false;
    if (!n->extent.looks) /* the longest end in a text that stops there */
        return reach(w, n, from, to) == to && run_part(w, part, w->d->one, from, to, 0) != 0 && !w->failed &&
               pcre2_get_ovector_pointer(w->d->one)[1] == to;
    return longest(w, node, from, to, to) == to;
}

/* ---- taking to pieces ---- */

/* Where the left part of a sequence ends. */
static size_t middle(struct work *w, const struct regex_node *n, size_t from, size_t to)
{
    int left = n->child, right = w->d->tree.nodes[left].next;
    size_t end = SIZE_MAX;
    while ((end = next_end(w, left, from, from, to, end)) != SIZE_MAX)
        if (matches_span(w, right, end, to) || w->failed)
            return end;
    give_up(w);
    return from;
}

static int chosen(struct work *w, const struct regex_node *n, size_t from, size_t to)
{
    for (int i = n->child; i >= 0; i = w->d->tree.nodes[i].next)
        if (matches_span(w, i, from, to) || w->failed)
            return i;
    give_up(w);
    return n->child;
}

/* The rounds of a loop on their way to the end. From a place whose bit is set no rounds lead there. */
struct rounds {
    size_t *at, *tried; /* where round i begins, and the last end tried for it */
    size_t n, size;
    unsigned char *dead;
};

static bool begin_round(struct work *w, struct rounds *r, size_t at)
{
    if (r->n == r->size) {
        size_t size = r->size ? 2 * r->size : 16;
        size_t *starts = realloc(r->at, size * sizeof(*starts));
        if (starts)
            r->at = starts;
        size_t *tried = starts ? realloc(r->tried, size * sizeof(*tried)) : NULL;
        if (!tried)
            return give_up(w);
        r->tried = tried;
        r->size = size;
    }
    r->at[r->n] = at;
    r->tried[r->n++] = SIZE_MAX;
    return true;
}

/* How often the child may still be repeated matters only where that has a limit. */
static size_t place(const struct regex_node *n, size_t span, size_t round, size_t offset)
{
    return (n->most == REGEX_ANY ? 0 : round) * (span + 1) + offset;
}

/* Rounds that are not empty, from `from` to `to`, the first in order of preference; where the last begins. */
static size_t last_round(struct work *w, const struct regex_node *n, struct rounds *r, size_t from, size_t to)
{
    size_t span = to - from;
    if (!begin_round(w, r, from))
        return from;
    while (r->n && !w->failed) {
        size_t i = r->n - 1, at = r->at[i], end = next_end(w, n->child, at, at + 1, to, r->tried[i]);
        if (end == to)
            return at;
        if (end == SIZE_MAX) {
            size_t bit = place(n, span, i, at - from);
            r->dead[bit / 8] |= (unsigned char)(1u << bit % 8);
            r->n--;
            continue;
        }
        r->tried[i] = end;
        size_t bit = place(n, span, i + 1, end - from);
        if ((n->most == REGEX_ANY || r->n < (size_t)n->most) && !(r->dead[bit / 8] >> bit % 8 & 1))
            begin_round(w, r, end);
    }
    give_up(w);
    return from;
}

/* Whether there is a round that groups remember, and where it begins; it ends where the loop does. */
static bool find_round(struct work *w, const struct regex_node *n, size_t from, size_t to, size_t *ret)
{
    const struct regex_node *child = &w->d->tree.nodes[n->child];
    *ret = from;
    if (from == to)
        return !(child->flags & REGEX_SHORTER) && matches_span(w, n->child, from, to);
    size_t bits = place(n, to - from, (size_t)n->most + 1, 0) + (to - from) + 1;
    w->steps += bits / 8;
    struct rounds r = { .dead = w->steps > STEPS_MAX ? NULL : calloc(bits / 8 + 1, 1) };
    if (r.dead)
        *ret = last_round(w, n, &r, from, to);
    else
        give_up(w);
    free(r.at);
    free(r.tried);
    free(r.dead);
    return true;
}

/* Goes down on the left and on along the right: as deep as parentheses are. */
static void take_to_pieces(struct work *w, int node, size_t from, size_t to)
{
    while (!w->failed) {
        const struct regex_node *n = &w->d->tree.nodes[node];
        if (n->group && (size_t)n->group < w->n_groups) {
            w->starts[n->group] = from;
            w->ends[n->group] = to;
        }
        if (n->operation == REGEX_LEAF || !(n->flags & REGEX_CAPTURES))
            return;
        if (n->operation == REGEX_CHOICE) {
            node = chosen(w, n, from, to);
            continue;
        }
        if (n->operation == REGEX_LOOP && !find_round(w, n, from, to, &from))
            return;
        if (n->operation == REGEX_SEQUENCE) {
            size_t end = middle(w, n, from, to);
            take_to_pieces(w, n->child, from, end);
            node = w->d->tree.nodes[n->child].next;
            from = end;
            continue;
        }
        node = n->child;
    }
}

bool regex_dissect(struct regex_dissector *d, struct str s, size_t from, size_t to, size_t *starts, size_t *ends,
                   size_t n_groups)
{
    struct work w = { .d = d, .s = s, .starts = starts, .ends = ends, .n_groups = n_groups };
    for (size_t i = 1; i < n_groups; i++)
        starts[i] = ends[i] = SIZE_MAX;
    for (size_t i = 0; i < d->tree.n; i++)
        d->parts[i].is_known = false; /* the text may be another */
    take_to_pieces(&w, d->tree.root, from, to);
    return !w.failed;
}
