/* tsquery.c - see tsquery.h. */
#include "pgwire/tsquery.h"

#include <stdlib.h>
#include "proxy/base/utf8.h"

static const int priorities[] = {
    [TS_NODE_WORD] = 5, [TS_NODE_STOP] = 5, [TS_NODE_NOT] = 4,
    [TS_NODE_AND] = 2,  [TS_NODE_OR] = 1,   [TS_NODE_PHRASE] = 3,
};

static bool is_operand(const struct ts_node *n)
{
    return n->kind == TS_NODE_WORD || n->kind == TS_NODE_STOP;
}

static bool too_deep(struct err *err)
{
    return err_set(err, SQLSTATE_STATEMENT_TOO_COMPLEX, "stack depth limit exceeded");
}

/* ---- making */

bool tsquery_put(struct tsquery_maker *m, struct ts_node node)
{
    if (node.kind == TS_NODE_WORD) {
        if (node.word.n > TS_WORD_MAX)
            return err_set(m->err, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "word is too long in tsquery: \"%.*s\"",
                           STR_FMT(m->text));
        if (m->bytes >= TS_BYTES_MAX)
            return err_set(m->err, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "value is too big in tsquery: \"%.*s\"",
                           STR_FMT(m->text));
        m->bytes += node.word.n + 1;
    }
    if (m->n == m->size) {
        size_t size = m->size ? m->size * 2 : 16;
        struct ts_node *nodes = arena_array(m->arena, size, sizeof(*nodes));
        if (!nodes)
            return err_oom(m->err);
        if (m->n)
            memcpy(nodes, m->nodes, m->n * sizeof(*nodes));
        m->nodes = nodes;
        m->size = size;
    }
    m->nodes[m->n++] = node;
    return true;
}

enum token { TOKEN_END, TOKEN_BAD, TOKEN_FAILED, TOKEN_WORD, TOKEN_OPERATOR, TOKEN_OPEN, TOKEN_CLOSE };
enum expected { FIRST_OPERAND, OPERAND, OPERATOR };

/* Operators that wait for their right operand; PostgreSQL has room for this many in one pair of parentheses. */
enum { WAITING_MAX = 32 };

struct query_reader {
    struct tsquery_maker maker;
    struct ts_reader words;
    enum tsquery_form form;
    enum expected expected;
    int open; /* parentheses */
    unsigned depth;
    tsquery_operand_fn *operand;
    void *ctx;
};

static char here(const struct query_reader *r)
{
    return r->words.at < r->words.all.n ? r->words.all.p[r->words.at] : '\0';
}

static bool at_end(const struct query_reader *r)
{
    return r->words.at >= r->words.all.n;
}

static bool at_space(const struct query_reader *r)
{
    return !at_end(r) && utf8_is_space(r->words.all, r->words.at);
}

static void step(struct query_reader *r)
{
    if (!at_end(r))
        r->words.at += utf8_width(r->words.all, r->words.at);
}

static enum token bad_query(struct query_reader *r, const char *what)
{
    err_set(r->maker.err, SQLSTATE_SYNTAX_ERROR, "%s in tsquery: \"%.*s\"", what, STR_FMT(r->words.all));
    return TOKEN_FAILED;
}

static enum token operator_token(struct query_reader *r, enum ts_node_kind kind, size_t width, struct ts_node *ret)
{
    r->words.at += width;
    r->expected = OPERAND;
    *ret = (struct ts_node){ .kind = kind, .distance = kind == TS_NODE_PHRASE };
    return TOKEN_OPERATOR;
}

/* Behind a word: :AB* */
static void take_modifiers(struct query_reader *r, struct ts_node *word)
{
    if (here(r) != ':')
        return;
    for (r->words.at++; !at_end(r); r->words.at++) {
        char c = here(r), upper = (char)(c >= 'a' && c <= 'd' ? c - 'a' + 'A' : c);
        if (upper >= 'A' && upper <= 'D')
            word->weights |= 8U >> (upper - 'A');
        else if (c == '*')
            word->is_prefix = true;
        else
            return;
    }
}

/* A word, or what is said where none stands. */
static enum token word_token(struct query_reader *r, struct ts_node *ret)
{
    struct ts_lexeme l;
    switch (ts_read_word(&r->words, &l)) {
    case TS_READ_FAILED:
        return TOKEN_FAILED;
    case TS_READ_END:
        break;
    case TS_READ_WORD:
        *ret = (struct ts_node){ .kind = TS_NODE_WORD, .word = l.word };
        if (r->form == TSQUERY_OPERATORS)
            take_modifiers(r, ret);
        r->expected = OPERATOR;
        return TOKEN_WORD;
    }
    if (r->expected == FIRST_OPERAND)
        return TOKEN_END;
    if (r->form == TSQUERY_OPERATORS)
        return bad_query(r, "no operand");
    return tsquery_put(&r->maker, (struct ts_node){ .kind = TS_NODE_STOP }) ? TOKEN_END : TOKEN_FAILED;
}

/* <-> or <N>: something must follow. TOKEN_BAD: there is none here. */
static enum token phrase_token(struct query_reader *r, struct ts_node *ret)
{
    struct str s = r->words.all;
    size_t at = r->words.at + 1;
    unsigned distance = 1;
    if (here(r) != '<' || at >= s.n)
        return TOKEN_BAD;
    if (s.p[at] == '-') {
        at++;
    } else {
        size_t from = at;
        for (distance = 0; at < s.n && s.p[at] >= '0' && s.p[at] <= '9'; at++)
            if (distance <= TS_DISTANCE_MAX)
                distance = distance * 10 + (unsigned)(s.p[at] - '0');
        if (at == from)
            return TOKEN_BAD;
        if (distance > TS_DISTANCE_MAX) {
            err_set(r->maker.err, SQLSTATE_INVALID_PARAMETER_VALUE,
                    "distance in phrase operator must be an integer value between zero and %d inclusive",
                    TS_DISTANCE_MAX);
            return TOKEN_FAILED;
        }
    }
    if (at + 1 >= s.n || s.p[at] != '>')
        return TOKEN_BAD;
    operator_token(r, TS_NODE_PHRASE, at + 1 - r->words.at, ret);
    ret->distance = distance;
    return TOKEN_OPERATOR;
}

static enum token operand_token(struct query_reader *r, struct ts_node *ret)
{
    while (at_space(r))
        step(r);
    switch (here(r)) {
    case '!':
        return operator_token(r, TS_NODE_NOT, 1, ret);
    case '(':
        r->words.at++;
        r->expected = OPERAND;
        r->open++;
        return TOKEN_OPEN;
    case ':':
        return bad_query(r, "syntax error");
    default:
        return word_token(r, ret);
    }
}

static enum token next_token(struct query_reader *r, struct ts_node *ret)
{
    if (r->expected != OPERATOR)
        return operand_token(r, ret);
    while (at_space(r))
        step(r);
    if (at_end(r))
        return r->open ? TOKEN_BAD : TOKEN_END;
    switch (here(r)) {
    case '&':
        return operator_token(r, TS_NODE_AND, 1, ret);
    case '|':
        return operator_token(r, TS_NODE_OR, 1, ret);
    case ')':
        r->words.at++;
        return --r->open < 0 ? TOKEN_BAD : TOKEN_CLOSE;
    default:
        return phrase_token(r, ret);
    }
}

/* ---- what people write into search fields: "a phrase", -not, or */

static enum token web_operand_token(struct query_reader *r, struct ts_node *ret)
{
    for (;; step(r)) {
        char c = here(r);
        if (c == '-')
            return operator_token(r, TS_NODE_NOT, 1, ret);
        if (c == '"') {
            size_t from = ++r->words.at;
            while (!at_end(r) && here(r) != '"')
                r->words.at++;
            *ret = (struct ts_node){ .kind = TS_NODE_WORD, .word = { r->words.all.p + from, r->words.at - from } };
            r->words.at += !at_end(r);
            r->expected = OPERATOR;
            return TOKEN_WORD;
        }
        if (c && strchr("!&|()<", c))
            r->expected = OPERAND;
        else if (!at_space(r))
            return word_token(r, ret);
    }
}

/* The word "or", with something behind it. */
static bool is_or(const struct query_reader *r)
{
    struct str s = r->words.all;
    size_t at = r->words.at + 2;
    if (at >= s.n || (s.p[at - 2] | 0x20) != 'o' || (s.p[at - 1] | 0x20) != 'r')
        return false;
    if (s.p[at] == '-' || s.p[at] == '_' || utf8_is_letter(s, at) || (s.p[at] >= '0' && s.p[at] <= '9'))
        return false;
    do {
        at += utf8_width(s, at);
        if (at >= s.n)
            return false;
    } while (utf8_is_space(s, at));
    return true;
}

static enum token web_token(struct query_reader *r, struct ts_node *ret)
{
    if (r->expected != OPERATOR)
        return web_operand_token(r, ret);
    while (at_space(r))
        step(r);
    if (at_end(r))
        return TOKEN_END;
    if (here(r) != '"' && is_or(r))
        return operator_token(r, TS_NODE_OR, 2, ret);
    return operator_token(r, TS_NODE_AND, 0, ret);
}

static enum token plain_token(struct query_reader *r, struct ts_node *ret)
{
    if (at_end(r))
        return TOKEN_END;
    *ret = (struct ts_node){ .kind = TS_NODE_WORD, .word = r->words.all };
    r->words.at = r->words.all.n;
    return TOKEN_WORD;
}

/* ---- precedence */

struct waiting {
    struct ts_node nodes[WAITING_MAX];
    int n;
};

/* Puts the operators that bind their operands before this one does. */
static bool settle(struct query_reader *r, struct waiting *w, enum ts_node_kind kind)
{
    for (; w->n; w->n--) {
        int other = priorities[w->nodes[w->n - 1].kind];
        if (kind == TS_NODE_NOT ? priorities[kind] >= other : priorities[kind] > other)
            break;
        if (!tsquery_put(&r->maker, w->nodes[w->n - 1]))
            return false;
    }
    return true;
}

static enum token token_of(struct query_reader *r, struct ts_node *ret)
{
    switch (r->form) {
    case TSQUERY_WEB:
        return web_token(r, ret);
    case TSQUERY_PLAIN:
        return plain_token(r, ret);
    case TSQUERY_OPERATORS:
        break;
    }
    return next_token(r, ret);
}

static bool read_expression(struct query_reader *r);

static bool read_token(struct query_reader *r, struct waiting *w, enum token token, const struct ts_node *node)
{
    switch (token) {
    case TOKEN_WORD:
        return r->operand ? r->operand(r->ctx, &r->maker, node) : tsquery_put(&r->maker, *node);
    case TOKEN_OPERATOR:
        if (!settle(r, w, node->kind))
            return false;
        if (w->n == WAITING_MAX)
            return err_set(r->maker.err, SQLSTATE_INTERNAL_ERROR, "tsquery stack too small");
        w->nodes[w->n++] = *node;
        return true;
    case TOKEN_OPEN:
        return ++r->depth <= TSQUERY_DEPTH_MAX / 8 ? read_expression(r) : too_deep(r->maker.err);
    case TOKEN_FAILED:
        return false;
    default:
        return bad_query(r, "syntax error") != TOKEN_FAILED;
    }
}

/* Up to the end or a closing parenthesis. */
static bool read_expression(struct query_reader *r)
{
    struct waiting waiting = { .n = 0 };
    struct ts_node node;
    enum token token;
    while ((token = token_of(r, &node)) != TOKEN_END && token != TOKEN_CLOSE)
        if (!read_token(r, &waiting, token, &node))
            return false;
    r->depth -= token == TOKEN_CLOSE;
    return settle(r, &waiting, TS_NODE_OR);
}

/* ---- trees of prefix notation */

/* Where the operand that begins here ends; 0 after an error. */
static size_t link_operand(struct tsquery *q, size_t at, unsigned depth, struct err *err)
{
    if (at >= q->n || depth > TSQUERY_DEPTH_MAX) {
        depth > TSQUERY_DEPTH_MAX ? too_deep(err)
                                  : err_set(err, SQLSTATE_INTERNAL_ERROR, "malformed tsquery: operand not found");
        return 0;
    }
    struct ts_node *node = &q->nodes[at];
    if (is_operand(node))
        return at + 1;
    size_t end = link_operand(q, at + 1, depth + 1, err);
    if (node->kind == TS_NODE_NOT || end == 0)
        return end;
    node->left = (uint32_t)(end - at);
    return link_operand(q, end, depth + 1, err);
}

bool tsquery_link(struct tsquery *q, struct err *err)
{
    if (q->n == 0)
        return true;
    size_t end = link_operand(q, 0, 0, err);
    if (end == 0)
        return false;
    return end == q->n || err_set(err, SQLSTATE_INTERNAL_ERROR, "malformed tsquery: extra nodes");
}

/* A tree of pointers, for changes. */
struct tree {
    struct ts_node node;
    struct tree *left, *right;
};

static struct tree *tree_of(const struct tsquery *q, size_t at, struct arena *arena)
{
    struct tree *t = arena_alloc(arena, sizeof(*t));
    if (!t)
        return NULL;
    t->node = q->nodes[at];
    if (is_operand(&t->node))
        return t;
    t->right = tree_of(q, at + 1, arena);
    if (t->node.kind != TS_NODE_NOT)
        t->left = tree_of(q, at + t->node.left, arena);
    return t->right && (t->left || t->node.kind == TS_NODE_NOT) ? t : NULL;
}

/* Into q, which has room: no tree grows by what is done to it. */
static void flatten(const struct tree *t, struct tsquery *q)
{
    if (!t)
        return;
    size_t at = q->n++;
    q->nodes[at] = t->node;
    flatten(t->right, q);
    q->nodes[at].left = (uint32_t)(q->n - at);
    flatten(t->left, q);
}

static unsigned larger(unsigned a, unsigned b)
{
    return a > b ? a : b;
}

/*
 * Without stop words. What of phrases goes with them still takes its room: `before` and `after` are to be added to the distances of the
 * phrases that the rest stands in, to its left and to its right. Where nothing is left both are the same room.
 */
static struct tree *without_stops(struct tree *t, unsigned *before, unsigned *after)
{
    unsigned left_before, left_after, right_before, right_after;
    *before = *after = 0;
    if (t->node.kind == TS_NODE_WORD)
        return t;
    if (t->node.kind == TS_NODE_STOP)
        return NULL;
    if (t->node.kind == TS_NODE_NOT)
        return (t->right = without_stops(t->right, before, after)) ? t : NULL;
    t->left = without_stops(t->left, &left_before, &left_after);
    t->right = without_stops(t->right, &right_before, &right_after);
    bool is_phrase = t->node.kind == TS_NODE_PHRASE;
    unsigned distance = is_phrase ? t->node.distance : 0;
    if (t->left && t->right) {
        if (is_phrase) {
            t->node.distance += left_after + right_before;
            *before = left_before;
            *after = right_after;
        }
        return t;
    }
    if (!t->left && !t->right) {
        *before = *after = is_phrase ? left_before + distance + right_before : larger(left_before, right_before);
        return NULL;
    }
    if (t->right) {
        *before = is_phrase ? left_before + distance + right_before : right_before;
        *after = right_after;
        return t->right;
    }
    *before = left_before;
    *after = is_phrase ? left_after + distance + right_after : left_after;
    return t->left;
}

static struct tree *without_not(struct tree *t)
{
    if (t->node.kind == TS_NODE_WORD)
        return t;
    if (t->node.kind == TS_NODE_NOT)
        return NULL;
    t->left = without_not(t->left);
    t->right = without_not(t->right);
    if (t->node.kind == TS_NODE_OR)
        return t->left && t->right ? t : NULL;
    return t->left && t->right ? t : t->left ? t->left : t->right;
}

static bool changed(const struct tsquery *q, struct tree *(*change)(struct tree *t), struct arena *arena,
                    struct tsquery *ret, struct err *err)
{
    struct tsquery made = { arena_array(arena, q->n, sizeof(*made.nodes)), 0 };
    struct tree *t = q->n ? tree_of(q, 0, arena) : NULL;
    if (!made.nodes || (q->n && !t))
        return err_oom(err);
    if (t)
        flatten(change(t), &made);
    *ret = made;
    return true;
}

bool tsquery_without_not(const struct tsquery *q, struct arena *arena, struct tsquery *ret, struct err *err)
{
    return changed(q, without_not, arena, ret, err);
}

static struct tree *drop_stops(struct tree *t)
{
    unsigned before, after;
    return without_stops(t, &before, &after);
}

bool tsquery_make(struct str text, enum tsquery_form form, tsquery_operand_fn *operand, void *ctx, struct arena *arena,
                  struct tsquery *ret, struct err *err)
{
    struct query_reader r = {
        .maker = { .text = text, .arena = arena, .err = err },
        .words = { .all = text, .is_query = true, .is_web = form == TSQUERY_WEB, .arena = arena, .err = err },
        .form = form,
        .operand = operand,
        .ctx = ctx
    };
    if (!read_expression(&r))
        return false;
    struct tsquery q = { r.maker.nodes, r.maker.n };
    bool stops = false;
    for (size_t i = 0; i < q.n / 2; i++) { /* operands were put first: the reverse is prefix notation */
        struct ts_node swapped = q.nodes[i];
        q.nodes[i] = q.nodes[q.n - 1 - i];
        q.nodes[q.n - 1 - i] = swapped;
    }
    for (size_t i = 0; i < q.n; i++)
        stops |= q.nodes[i].kind == TS_NODE_STOP;
    if (!tsquery_link(&q, err) || (stops && !changed(&q, drop_stops, arena, &q, err)))
        return false;
    *ret = q;
    return true;
}

bool tsquery_parse(struct str text, struct arena *arena, struct tsquery *ret, struct err *err)
{
    return tsquery_make(text, TSQUERY_OPERATORS, NULL, NULL, arena, ret, err);
}

bool tsquery_join(const struct tsquery *a, const struct tsquery *b, enum ts_node_kind kind, unsigned distance,
                  struct arena *arena, struct tsquery *ret, struct err *err)
{
    if (a->n == 0 || b->n == 0) {
        *ret = a->n ? *a : *b;
        return true;
    }
    struct tsquery q = { arena_array(arena, 1 + a->n + b->n, sizeof(*q.nodes)), 1 + a->n + b->n };
    if (!q.nodes)
        return err_oom(err);
    q.nodes[0] = (struct ts_node){ .kind = kind, .distance = distance };
    memcpy(q.nodes + 1, b->nodes, b->n * sizeof(*q.nodes));
    memcpy(q.nodes + 1 + b->n, a->nodes, a->n * sizeof(*q.nodes));
    if (!tsquery_link(&q, err))
        return false;
    *ret = q;
    return true;
}

/* ---- printing */

static void print_word(const struct ts_node *n, struct buf *out)
{
    ts_print_word(n->word, out);
    if (n->weights || n->is_prefix)
        buf_add_char(out, ':');
    if (n->is_prefix)
        buf_add_char(out, '*');
    for (unsigned i = 0; i < 4; i++)
        if (n->weights & 8U >> i)
            buf_add_char(out, "ABCD"[i]);
}

struct printer {
    const struct tsquery *q;
    bool is_storage;
    struct buf *out;
};

/* parent: the operator around; NULL: none */
static void print_node(const struct printer *p, size_t at, const struct ts_node *parent, bool is_right)
{
    const struct ts_node *n = &p->q->nodes[at];
    int priority = priorities[n->kind], outer = parent ? priorities[parent->kind] : -1;
    if (is_operand(n)) {
        print_word(n, p->out);
        return;
    }
    bool same = is_right && parent && parent->kind == n->kind && n->kind != TS_NODE_NOT;
    bool enclosed = priority < outer || (same && (p->is_storage || n->kind == TS_NODE_PHRASE));
    if (enclosed)
        buf_add_str(p->out, STR("( "));
    if (n->kind == TS_NODE_NOT) {
        buf_add_char(p->out, '!');
        print_node(p, at + 1, n, true);
    } else {
        print_node(p, at + n->left, n, false);
        if (n->kind == TS_NODE_PHRASE && n->distance != 1)
            buf_printf(p->out, " <%u> ", n->distance);
        else
            buf_add_str(p->out, n->kind == TS_NODE_AND  ? STR(" & ")
                                : n->kind == TS_NODE_OR ? STR(" | ")
                                                        : STR(" <-> "));
        print_node(p, at + 1, n, true);
    }
    if (enclosed)
        buf_add_str(p->out, STR(" )"));
}

void tsquery_print(const struct tsquery *q, bool is_storage, struct buf *out)
{
    const struct printer p = { q, is_storage, out };
    if (q->n)
        print_node(&p, 0, NULL, false);
}

/* ---- order */

/* PostgreSQL's sum of a word: CRC-32's table in the order that early releases had it. */
static int32_t word_sum(struct str word)
{
    uint32_t sum = UINT32_MAX;
    for (size_t i = 0; i < word.n; i++) {
        uint32_t row = (sum >> 24 ^ (unsigned char)word.p[i]) & 0xFF;
        for (int bit = 0; bit < 8; bit++)
            row = row & 1 ? row >> 1 ^ 0xEDB88320U : row >> 1;
        sum = row ^ sum << 8;
    }
    return (int32_t)~sum;
}

/* PostgreSQL's numbers of the kinds. */
static int kind_number(enum ts_node_kind kind)
{
    return kind == TS_NODE_WORD ? 0 : (int)kind - TS_NODE_NOT + 1;
}

static int compare_nodes(const struct tsquery *a, size_t x, const struct tsquery *b, size_t y)
{
    const struct ts_node *m = &a->nodes[x], *n = &b->nodes[y];
    bool left_is_word = m->kind == TS_NODE_WORD, right_is_word = n->kind == TS_NODE_WORD;
    if (left_is_word != right_is_word)
        return left_is_word ? 1 : -1;
    if (left_is_word) {
        int32_t left = word_sum(m->word), right = word_sum(n->word);
        return left != right ? (left > right ? -1 : 1) : str_cmp(m->word, n->word);
    }
    if (m->kind != n->kind)
        return kind_number(m->kind) > kind_number(n->kind) ? -1 : 1;
    int order = compare_nodes(a, x + 1, b, y + 1);
    if (order == 0 && m->kind != TS_NODE_NOT)
        order = compare_nodes(a, x + m->left, b, y + n->left);
    if (order == 0 && m->kind == TS_NODE_PHRASE && m->distance != n->distance)
        return m->distance > n->distance ? -1 : 1;
    return order;
}

static size_t size_of(const struct tsquery *q)
{
    size_t size = 0;
    for (size_t i = 0; i < q->n; i++)
        size += q->nodes[i].kind == TS_NODE_WORD ? q->nodes[i].word.n + 1 : 0;
    return size;
}

int tsquery_compare(const struct tsquery *a, const struct tsquery *b)
{
    if (a->n != b->n)
        return a->n < b->n ? -1 : 1;
    if (size_of(a) != size_of(b))
        return size_of(a) < size_of(b) ? -1 : 1;
    return a->n ? compare_nodes(a, 0, b, 0) : 0;
}
