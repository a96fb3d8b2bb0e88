/* text_search_headline.c - ts_headline() of texts: the part of a document that shows what was looked for (PostgreSQL 12.3.4). */
#include "proxy/sql/functions/text_search.h"
#include "proxy/sql/functions/text_search_match.h"

/* Words that the search for covers may look at before it is refused: PostgreSQL takes the cube of MaxWords for each. */
enum { STEPS_MAX = 100000000 };

struct entry {
    struct str text;
    enum ts_token_kind kind;
    uint16_t position;
    const struct ts_node *word; /* of the query, that this is */
    bool repeated;              /* the same token, for another word of the query */
    bool selected, shown, replaced, skipped;
};

struct options {
    int max_words, min_words, short_word, max_fragments;
    bool highlight_all;
    struct str start, stop, delimiter;
};

struct headline {
    struct ts_call *call;
    const struct tsquery *query;
    struct entry *entries;
    int n, size;
    struct options options;
    int max_cover;
    uint64_t steps;
    unsigned position;
};

/* ---- options: name=value, name = 'value' */

struct option_reader {
    struct ts_call *call;
    struct str all;
    size_t at;
};

static bool bad_list(struct option_reader *r)
{
    fail_with(r->call->c, SQLSTATE_SYNTAX_ERROR, "invalid parameter list format: \"%.*s\"", STR_FMT(r->all));
    return false;
}

static char peek(const struct option_reader *r, size_t ahead)
{
    return r->at + ahead < r->all.n ? r->all.p[r->at + ahead] : '\0';
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* What stands between quotes; a doubled quote is one. Backslashes are doubled in single quotes too. */
static bool read_quoted(struct option_reader *r, struct str *ret)
{
    char quote = peek(r, 0), *out = arena_alloc(r->call->arena, r->all.n);
    size_t n = 0;
    if (!out) {
        err_oom(r->call->err);
        return ts_failed(r->call);
    }
    for (r->at++; r->at < r->all.n; r->at++) {
        char c = peek(r, 0);
        bool doubled = peek(r, 1) == c && (c == quote || (c == '\\' && quote == '\''));
        if (c == quote && !doubled) {
            r->at++;
            *ret = (struct str){ out, n };
            return true;
        }
        out[n++] = c;
        r->at += doubled;
    }
    return bad_list(r);
}

static struct str read_plain(struct option_reader *r, char end)
{
    size_t from = r->at;
    while (r->at < r->all.n && !is_blank(peek(r, 0)) && peek(r, 0) != end)
        r->at++;
    return (struct str){ r->all.p + from, r->at - from };
}

static void skip_blanks(struct option_reader *r, char also)
{
    while (r->at < r->all.n && (is_blank(peek(r, 0)) || (also && peek(r, 0) == also)))
        r->at++;
}

/* False at the end, or after an error: *ret_ok tells. */
static bool next_option(struct option_reader *r, struct str *name, struct str *value, bool *ret_ok)
{
    *ret_ok = true;
    skip_blanks(r, ',');
    if (r->at >= r->all.n)
        return false;
    *ret_ok = false;
    if (peek(r, 0) != '"')
        *name = read_plain(r, '=');
    else if (!read_quoted(r, name))
        return false;
    skip_blanks(r, '\0');
    if (peek(r, 0) != '=')
        return bad_list(r);
    r->at++;
    skip_blanks(r, '\0');
    if (r->at >= r->all.n)
        return bad_list(r);
    if (peek(r, 0) == 'E' && peek(r, 1) == '\'')
        r->at++;
    if (peek(r, 0) != '"' && peek(r, 0) != '\'')
        *value = read_plain(r, ',');
    else if (!read_quoted(r, value))
        return false;
    *ret_ok = true;
    return true;
}

static bool number_option(struct ts_call *call, struct str text, int *ret)
{
    struct value v;
    if (!type_decode(TYPE_OID_int4, WIRE_TEXT, text, type_settings_default(), call->arena, &v, call->err))
        return ts_failed(call);
    *ret = (int)v.integer;
    return true;
}

static bool take_option(struct ts_call *call, struct options *o, struct str name, struct str value)
{
    static const char *const yes[] = { "1", "on", "true", "t", "y", "yes" };
    const struct {
        const char *name;
        int *number;
        struct str *text;
    } known[] = { { "MaxWords", &o->max_words, NULL },
                  { "MinWords", &o->min_words, NULL },
                  { "ShortWord", &o->short_word, NULL },
                  { "MaxFragments", &o->max_fragments, NULL },
                  { "StartSel", NULL, &o->start },
                  { "StopSel", NULL, &o->stop },
                  { "FragmentDelimiter", NULL, &o->delimiter } };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (!str_eq_nocase(name, str_from(known[i].name)))
            continue;
        if (known[i].number)
            return number_option(call, value, known[i].number);
        *known[i].text = value;
        return true;
    }
    if (!str_eq_nocase(name, STR("HighlightAll"))) {
        fail_with(call->c, SQLSTATE_INVALID_PARAMETER_VALUE, "unrecognized headline parameter: \"%.*s\"",
                  STR_FMT(name));
        return false;
    }
    o->highlight_all = false;
    for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
        o->highlight_all |= str_eq_nocase(value, str_from(yes[i]));
    return true;
}

static bool check_options(struct ts_call *call, const struct options *o)
{
    const char *wrong = o->highlight_all               ? NULL
                        : o->min_words >= o->max_words ? "MinWords should be less than MaxWords"
                        : o->min_words <= 0            ? "MinWords should be positive"
                        : o->short_word < 0            ? "ShortWord should be >= 0"
                        : o->max_fragments < 0         ? "MaxFragments should be >= 0"
                                                       : NULL;
    if (wrong)
        fail_with(call->c, SQLSTATE_INVALID_PARAMETER_VALUE, "%s", wrong);
    return !wrong;
}

static bool read_options(struct ts_call *call, struct str text, struct options *o)
{
    struct option_reader r = { call, text, 0 };
    struct str name, value;
    bool ok;
    while (next_option(&r, &name, &value, &ok)) /* the list as a whole comes first */
        ;
    if (!ok)
        return false;
    r.at = 0;
    while (next_option(&r, &name, &value, &ok))
        if (!take_option(call, o, name, value))
            return false;
    return ok && check_options(call, o);
}

/* ---- the document */

static bool add_entry(struct headline *h, struct entry e)
{
    if (h->n == h->size) {
        int size = h->size ? h->size * 2 : 64;
        struct entry *entries = arena_array(h->call->arena, (size_t)size, sizeof(*entries));
        if (!entries)
            return err_oom(h->call->err);
        if (h->n)
            memcpy(entries, h->entries, (size_t)h->n * sizeof(*entries));
        h->entries = entries;
        h->size = size;
    }
    h->entries[h->n++] = e;
    return true;
}

static bool is_word(const struct ts_node *n, struct str lexeme)
{
    return n->kind == TS_NODE_WORD && (n->is_prefix ? str_starts(lexeme, n->word) : str_eq(lexeme, n->word));
}

/* A token, and again for each more word of the query that it is. */
static bool add_token(struct headline *h, struct ts_lexizer *l, const struct ts_dictionary *d, const struct ts_token *t)
{
    struct entry e = { .text = t->text, .kind = t->kind };
    struct str lexeme = { "", 0 };
    if (t->text.n > TS_WORD_MAX)
        return true;
    if (d) {
        if (!ts_lexize(l, d, t->text, &lexeme))
            return false;
        h->position++;
    }
    if (lexeme.n)
        e.position = ts_place(h->position, 0);
    bool added = false;
    for (size_t i = 0; lexeme.n && i < h->query->n; i++)
        if (is_word(&h->query->nodes[i], lexeme)) {
            e.word = &h->query->nodes[i];
            e.repeated = added;
            added = true;
            if (!add_entry(h, e))
                return false;
        }
    return added || add_entry(h, e);
}

static bool read_document(struct headline *h, const struct ts_configuration *c, struct str text)
{
    struct ts_parser parser;
    struct ts_lexizer lexizer;
    struct ts_token token;
    ts_lexizer_init(&lexizer, h->call->arena, h->call->err);
    bool ok = ts_parser_init(&parser, text, h->call->err);
    while (ok && ts_parser_next(&parser, &token))
        ok = add_token(h, &lexizer, ts_dictionary_of(c, token.kind), &token);
    ts_parser_fini(&parser);
    ts_lexizer_fini(&lexizer);
    return ok && !err_is_set(h->call->err);
}

/* ---- what the selectors ask of an entry */

static bool is_skipped(enum ts_token_kind kind)
{
    return kind == TS_TOKEN_URL || kind == TS_TOKEN_NUMHWORD || kind == TS_TOKEN_ASCIIHWORD || kind == TS_TOKEN_HWORD;
}

/* Whether it counts as a word. */
static bool counts(const struct entry *e)
{
    return e->kind != TS_TOKEN_BLANK && e->kind != TS_TOKEN_TAG && !is_skipped(e->kind);
}

static bool is_interesting(const struct entry *e)
{
    return e->word && !e->repeated;
}

/* A headline does not end here if it can be helped. */
static bool is_bad_end(const struct headline *h, int at)
{
    const struct entry *e = &h->entries[at];
    bool weak = !counts(e) || e->kind == TS_TOKEN_SFLOAT || e->kind == TS_TOKEN_VERSION || e->kind == TS_TOKEN_FLOAT ||
                e->kind == TS_TOKEN_INT || e->kind == TS_TOKEN_UINT || e->kind == TS_TOKEN_PROTOCOL ||
                e->kind == TS_TOKEN_ENTITY;
    return (weak || (int64_t)e->text.n <= h->options.short_word) /* bytes, as in PostgreSQL */ && !is_interesting(e);
}

/* ---- covers */

struct stretch {
    struct headline *h;
    int first, n;
    struct ts_matcher *matcher;
};

static enum ts_match check_stretch(void *ctx, const struct ts_node *word, struct ts_hits *ret)
{
    struct stretch *s = ctx;
    uint16_t *places = ret ? arena_array(s->h->call->arena, (size_t)s->n, sizeof(*places)) : NULL;
    size_t n = 0;
    if (ret && !places) {
        s->matcher->failed = true;
        return TS_NO;
    }
    s->h->steps += (uint64_t)s->n;
    for (int i = s->first; i < s->first + s->n; i++) {
        if (s->h->entries[i].word != word)
            continue;
        if (!ret)
            return TS_YES;
        if (n == 0 || places[n - 1] < s->h->entries[i].position)
            places[n++] = s->h->entries[i].position;
    }
    if (!ret)
        return TS_NO;
    ret->places = places;
    ret->n = n;
    return n ? TS_YES : TS_NO;
}

static bool stretch_holds(struct headline *h, int first, int last)
{
    struct ts_matcher m = { .query = h->query, .check = check_stretch, .arena = h->call->arena };
    struct stretch s = { h, first, last - first + 1, &m };
    m.ctx = &s;
    bool holds = ts_holds(&m);
    if (m.failed)
        err_oom(h->call->err);
    else if (h->steps > STEPS_MAX)
        err_set(h->call->err, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "text is too long for a headline of so many words");
    return holds && !err_is_set(h->call->err);
}

static int next_found(const struct headline *h, int from)
{
    for (int i = from; i < h->n; i++)
        if (h->entries[i].word)
            return i;
    return -1;
}

/* The first, shortest stretch from *first on in which the query holds. */
static bool next_cover(struct headline *h, int *first, int *last)
{
    if (h->query->n == 0)
        return false;
    for (int from = next_found(h, *first); from >= 0; from = next_found(h, from + 1))
        for (int to = from; to >= 0 && (to == from || to - from < h->max_cover); to = next_found(h, to + 1)) {
            if (stretch_holds(h, from, to)) {
                *first = from;
                *last = to;
                return true;
            }
            if (err_is_set(h->call->err))
                return false;
        }
    return false;
}

static void show(struct headline *h, int first, int last)
{
    for (int i = first; i <= last; i++) {
        struct entry *e = &h->entries[i];
        e->selected |= e->word != NULL;
        e->replaced |= !h->options.highlight_all && e->kind == TS_TOKEN_TAG;
        e->skipped |= is_skipped(e->kind);
        e->shown = !e->repeated;
    }
}

/* The first words, where nothing was found. */
static void show_beginning(struct headline *h)
{
    int words = 0, last = -1;
    for (int i = 0; i < h->n && words < h->options.min_words; i++) {
        words += counts(&h->entries[i]);
        last = i;
    }
    show(h, 0, last);
}

/* ---- one headline: the best cover, made as long as it may be */

struct candidate {
    int first, last, words, interesting;
};

static void count_one(const struct headline *h, struct candidate *c, int at, int by)
{
    c->words += by * counts(&h->entries[at]);
    c->interesting += by * is_interesting(&h->entries[at]);
}

/* Forward until it is full or ends well; backward when the text ends before there are enough words. */
static void lengthen(const struct headline *h, struct candidate *c, int at, int cover_first, int cover_last)
{
    const struct options *o = &h->options;
    for (at--; at < h->n && c->words < o->max_words; at++) {
        if (at > cover_last)
            count_one(h, c, at, 1);
        c->last = at;
        if (!is_bad_end(h, at) && c->words >= o->min_words)
            break;
    }
    if (c->words >= o->min_words)
        return;
    for (at = cover_first - 1; at >= 0; at--) {
        count_one(h, c, at, 1);
        if (c->words >= o->max_words || (!is_bad_end(h, at) && c->words >= o->min_words))
            break;
    }
    c->first = at >= 0 ? at : 0;
}

static void shorten(const struct headline *h, struct candidate *c, int at, int cover_last)
{
    for (at = at > cover_last ? cover_last : at; c->words > h->options.min_words && is_bad_end(h, at); at--) {
        count_one(h, c, at, -1);
        c->last = at - 1;
    }
}

static struct candidate candidate_of(const struct headline *h, int first, int last)
{
    struct candidate c = { first, first, 0, 0 };
    int at = first;
    for (; at <= last && c.words < h->options.max_words; at++) {
        count_one(h, &c, at, 1);
        c.last = at;
    }
    if (c.words < h->options.max_words)
        lengthen(h, &c, at, first, last);
    else
        shorten(h, &c, at, last);
    return c;
}

static void select_one(struct headline *h)
{
    struct candidate best = { -1, -1, 0, -1 };
    bool best_whole = false;
    int first = 0, last = 0;
    for (; next_cover(h, &first, &last); first++) {
        struct candidate c = candidate_of(h, first, last);
        bool whole = c.first <= first && c.last >= last;
        if (whole > best_whole || (whole == best_whole && c.interesting > best.interesting) ||
            (whole == best_whole && c.interesting == best.interesting && !is_bad_end(h, c.last) &&
             is_bad_end(h, best.last))) {
            best = c;
            best_whole = whole;
        }
    }
    if (best.interesting < 0)
        show_beginning(h);
    else
        show(h, best.first, best.last);
}

/* ---- fragments */

struct fragment {
    int first, last, words, interesting;
    bool chosen, excluded;
};

struct fragments {
    struct fragment *items;
    int n, size;
};

/* The part of a cover that has no more than MaxWords, between words that were looked for. */
static struct fragment cut_fragment(const struct headline *h, int first, int last)
{
    struct fragment f = { first, last, 0, 0, false, false };
    int at = first;
    while (at < last && !is_interesting(&h->entries[at]))
        at++;
    f.first = at;
    for (; at <= last && f.words < h->options.max_words; at++) {
        f.words += counts(&h->entries[at]);
        f.interesting += is_interesting(&h->entries[at]);
    }
    if (last > at) {
        f.last = at;
        for (; at >= f.first; at--) {
            f.last = at;
            if (is_interesting(&h->entries[at]))
                break;
            f.words -= counts(&h->entries[at]);
        }
    }
    return f;
}

static bool add_fragments(struct headline *h, struct fragments *list, int first, int last)
{
    while (first <= last) {
        if (list->n == list->size) {
            int size = list->size ? list->size * 2 : 32;
            struct fragment *items = arena_array(h->call->arena, (size_t)size, sizeof(*items));
            if (!items)
                return err_oom(h->call->err);
            if (list->n)
                memcpy(items, list->items, (size_t)list->n * sizeof(*items));
            list->items = items;
            list->size = size;
        }
        struct fragment f = cut_fragment(h, first, last);
        list->items[list->n++] = f;
        first = f.last + 1;
    }
    return true;
}

/* With most of what was looked for, then the shortest. */
static struct fragment *best_fragment(const struct fragments *list)
{
    struct fragment *best = NULL;
    int most = 0, words = INT32_MAX;
    for (int i = 0; i < list->n; i++) {
        struct fragment *f = &list->items[i];
        if (f->chosen || f->excluded || f->interesting < most || (f->interesting == most && f->words >= words))
            continue;
        best = f;
        most = f->interesting;
        words = f->words;
    }
    return best;
}

/* To both sides, up to MaxWords and to what is shown already; back again to a good end. */
static void stretch_fragment(const struct headline *h, struct fragment *f)
{
    const struct options *o = &h->options;
    int most = (o->max_words - f->words) / 2, added = 0, mark = f->first, at;
    for (at = f->first - 1; at >= 0 && added < most && !h->entries[at].shown; at--) {
        f->words += counts(&h->entries[at]);
        added += counts(&h->entries[at]);
        mark = at;
    }
    for (at = mark; at < f->first && is_bad_end(h, at); at++)
        f->words -= counts(&h->entries[at]);
    f->first = at;
    mark = f->last;
    for (at = f->last + 1; at < h->n && f->words < o->max_words && !h->entries[at].shown; at++) {
        f->words += counts(&h->entries[at]);
        mark = at;
    }
    for (at = mark; at > f->last && is_bad_end(h, at); at--)
        f->words -= counts(&h->entries[at]);
    f->last = at;
}

static void exclude_overlapping(struct fragments *list, const struct fragment *chosen)
{
    for (int i = 0; i < list->n; i++) {
        struct fragment *f = &list->items[i];
        if (f != chosen && f->first <= chosen->last && f->last >= chosen->first)
            f->excluded = true;
    }
}

static void select_fragments(struct headline *h)
{
    struct fragments list = { 0 };
    struct fragment *f = NULL;
    int first = 0, last = 0, n = 0;
    for (; next_cover(h, &first, &last); first++)
        if (!add_fragments(h, &list, first, last))
            return;
    for (; n < h->options.max_fragments && (f = best_fragment(&list)); n++) {
        f->chosen = true;
        if (f->words < h->options.max_words)
            stretch_fragment(h, f);
        show(h, f->first, f->last);
        exclude_overlapping(&list, f);
    }
    if (n == 0)
        show_beginning(h);
}

/* ---- the whole */

static void give_headline(struct headline *h)
{
    struct buf out;
    bool inside = false;
    int fragments = 0;
    buf_init(&out, MAX_RESULT);
    for (int i = 0; i < h->n; i++) {
        const struct entry *e = &h->entries[i];
        if (e->repeated)
            continue;
        if (e->shown && !inside && ++fragments > 1)
            buf_add_str(&out, h->options.delimiter);
        inside = e->shown;
        if (e->shown && e->replaced) {
            buf_add_char(&out, ' ');
        } else if (e->shown && !e->skipped) {
            if (e->selected)
                buf_add_str(&out, h->options.start);
            buf_add_str(&out, e->text);
            if (e->selected)
                buf_add_str(&out, h->options.stop);
        }
    }
    result_buf(h->call->c, &out);
}

static void make_headline(struct ts_call *call, const struct ts_configuration *c, sqlite3_value **args,
                          bool has_options)
{
    struct tsquery query;
    struct headline h = { .call = call,
                          .query = &query,
                          .options = { .max_words = 35,
                                       .min_words = 15,
                                       .short_word = 3,
                                       .start = STR("<b>"),
                                       .stop = STR("</b>"),
                                       .delimiter = STR(" ... ") } };
    if (!ts_argument_query(call, args[1], &query))
        return;
    if (!read_document(&h, c, local_text(args[0]))) {
        ts_failed(call);
        return;
    }
    struct options *o = &h.options;
    if (has_options && !read_options(call, local_text(args[2]), o))
        return;
    int64_t cover = (int64_t)o->max_words * 10 < 100 ? 100 : (int64_t)o->max_words * 10;
    cover *= o->max_fragments > 0 ? o->max_fragments : 1;
    h.max_cover = cover > h.n ? h.n + 1 : (int)cover;
    if (o->max_fragments > 0)
        select_fragments(&h);
    else if (o->highlight_all)
        show(&h, 0, h.n - 1);
    else
        select_one(&h);
    if (err_is_set(call->err))
        ts_failed(call);
    else
        give_headline(&h);
}

TS_FUNCTION(headline)
{
    const struct ts_configuration *c;
    if (ts_default_configuration(call, &c))
        make_headline(call, c, args, n == 3);
}

TS_FUNCTION(headline_byid)
{
    const struct ts_configuration *c;
    if (ts_argument_configuration(call, args[0], &c))
        make_headline(call, c, args + 1, n == 4);
}

static const struct local_function functions[] = {
    { .name = "pg_ts_headline", .n_args = 2, .flags = LOCAL_STRICT, .call = headline },
    { .name = "pg_ts_headline_opt", .n_args = 3, .flags = LOCAL_STRICT, .call = headline },
    { .name = "pg_ts_headline_byid", .n_args = 3, .flags = LOCAL_STRICT | LOCAL_DETERMINISTIC, .call = headline_byid },
    { .name = "pg_ts_headline_byid_opt",
      .n_args = 4,
      .flags = LOCAL_STRICT | LOCAL_DETERMINISTIC,
      .call = headline_byid },
};

const struct local_family local_family_text_search_headline = {
    .functions = functions,
    .n_functions = sizeof(functions) / sizeof(functions[0]),
};
