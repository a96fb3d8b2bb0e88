/* tsvector.c - see tsvector.h. */
#include "pgwire/tsvector.h"

#include <stdlib.h>
#include "proxy/base/utf8.h"

/* ---- words in texts */

static enum ts_read bad_syntax(struct ts_reader *r)
{
    err_set(r->err, SQLSTATE_SYNTAX_ERROR, "syntax error in ts%s: \"%.*s\"", r->is_query ? "query" : "vector",
            STR_FMT(r->all));
    return TS_READ_FAILED;
}

static char byte_at(const struct ts_reader *r)
{
    return r->at < r->all.n ? r->all.p[r->at] : '\0';
}

static bool is_operator(char c)
{
    return c == '!' || c == '&' || c == '|' || c == '(' || c == ')' || c == '<';
}

static bool is_delimiter(const struct ts_reader *r, char c)
{
    return (r->is_query && is_operator(c)) || (r->is_web && c == '"');
}

/* The character here, appended to the word. */
static void take(struct ts_reader *r, struct ts_lexeme *l)
{
    size_t width = utf8_width(r->all, r->at);
    memcpy(r->room + l->word.n, r->all.p + r->at, width);
    l->word.n += width;
    r->at += width;
}

static bool take_escaped(struct ts_reader *r, struct ts_lexeme *l)
{
    r->at++;
    if (r->at >= r->all.n)
        return err_set(r->err, SQLSTATE_SYNTAX_ERROR, "there is no escaped character: \"%.*s\"", STR_FMT(r->all));
    take(r, l);
    return true;
}

static enum ts_read read_plain(struct ts_reader *r, struct ts_lexeme *l)
{
    while (r->at < r->all.n) {
        char c = byte_at(r);
        if (!r->is_web && c == '\\') {
            if (!take_escaped(r, l))
                return TS_READ_FAILED;
        } else if (utf8_is_space(r->all, r->at) || is_delimiter(r, c) || c == ':') {
            break;
        } else {
            take(r, l);
        }
    }
    return TS_READ_WORD;
}

static enum ts_read read_quoted(struct ts_reader *r, struct ts_lexeme *l)
{
    r->at++;
    for (;;) {
        char c = byte_at(r);
        if (r->at >= r->all.n)
            return bad_syntax(r);
        if (c == '\\') {
            if (!take_escaped(r, l))
                return TS_READ_FAILED;
        } else if (c == '\'') {
            r->at++;
            if (byte_at(r) != '\'')
                return l->word.n ? TS_READ_WORD : bad_syntax(r);
            take(r, l);
        } else {
            take(r, l);
        }
    }
}

/* PostgreSQL reads the digits as an int, cut to its bits. */
static unsigned number_here(const struct ts_reader *r)
{
    char digits[24];
    size_t n = 0;
    while (n + 1 < sizeof(digits) && r->at + n < r->all.n && r->all.p[r->at + n] >= '0' && r->all.p[r->at + n] <= '9') {
        digits[n] = r->all.p[r->at + n];
        n++;
    }
    digits[n] = '\0';
    int number = (int)strtol(digits, NULL, 10);
    return number > TS_POSITION_MAX ? TS_POSITION_MAX : (unsigned)number & TS_POSITION_MAX;
}

static int weight_of(char c)
{
    switch (c) {
    case 'a':
    case 'A':
    case '*':
        return 3;
    case 'b':
    case 'B':
        return 2;
    case 'c':
    case 'C':
        return 1;
    case 'd':
    case 'D':
        return 0;
    default:
        return -1;
    }
}

/* What stands behind one number, up to the comma, white space or the end. False after an error. */
static bool read_weight(struct ts_reader *r, uint16_t *place, bool *ret_more)
{
    for (;; r->at++) {
        char c = byte_at(r);
        int weight = weight_of(c);
        *ret_more = false;
        if (r->at >= r->all.n || utf8_is_space(r->all, r->at))
            return true;
        if (c == ',') {
            *ret_more = true;
            r->at++;
            return true;
        }
        if (weight >= 0 && ts_weight(*place) == 0)
            *place = ts_place(ts_position(*place), (unsigned)weight);
        else if (c < '0' || c > '9')
            return bad_syntax(r) != TS_READ_FAILED;
    }
}

/* :1,2A,3 behind a word */
static enum ts_read read_places(struct ts_reader *r, struct ts_lexeme *l)
{
    bool more = true;
    r->at++;
    l->places = r->places;
    while (more) {
        char c = byte_at(r);
        if (c < '0' || c > '9')
            return bad_syntax(r);
        unsigned number = number_here(r);
        if (number == 0) {
            err_set(r->err, SQLSTATE_SYNTAX_ERROR, "wrong position info in tsvector: \"%.*s\"", STR_FMT(r->all));
            return TS_READ_FAILED;
        }
        uint16_t *place = &l->places[l->n_places++];
        *place = ts_place(number, 0);
        r->at++;
        if (!read_weight(r, place, &more))
            return TS_READ_FAILED;
    }
    r->places += l->n_places;
    return TS_READ_WORD;
}

enum ts_read ts_read_word(struct ts_reader *r, struct ts_lexeme *ret)
{
    if (!r->room) {
        /* each byte of text gives one byte of a word at most, and each place takes two of them */
        r->room = arena_alloc(r->arena, r->all.n + 1);
        r->places = r->is_query ? NULL : arena_array(r->arena, r->all.n / 2 + 1, sizeof(uint16_t));
        if (!r->room || (!r->places && !r->is_query)) {
            err_oom(r->err);
            return TS_READ_FAILED;
        }
    }
    while (r->at < r->all.n && utf8_is_space(r->all, r->at))
        r->at += utf8_width(r->all, r->at);
    if (r->at >= r->all.n)
        return TS_READ_END;
    *ret = (struct ts_lexeme){ .word = { r->room, 0 } };
    enum ts_read read;
    if (is_delimiter(r, byte_at(r)))
        return bad_syntax(r);
    if (!r->is_web && byte_at(r) == '\'') {
        read = read_quoted(r, ret);
    } else {
        if (byte_at(r) != '\\' || r->is_web)
            take(r, ret); /* even a colon may begin a word */
        read = read_plain(r, ret);
    }
    r->room += ret->word.n;
    if (read == TS_READ_WORD && !r->is_query && byte_at(r) == ':')
        read = read_places(r, ret);
    return read;
}

/* ---- order and size */

static int by_word(const void *a, const void *b)
{
    return str_cmp(((const struct ts_lexeme *)a)->word, ((const struct ts_lexeme *)b)->word);
}

static int by_place(const void *a, const void *b)
{
    unsigned left = ts_position(*(const uint16_t *)a), right = ts_position(*(const uint16_t *)b);
    return (left > right) - (left < right);
}

static void arrange_places(struct ts_lexeme *l)
{
    if (l->n_places <= 1)
        return;
    qsort(l->places, l->n_places, sizeof(uint16_t), by_place);
    size_t last = 0;
    for (size_t i = 1; i < l->n_places; i++) {
        if (ts_position(l->places[i]) != ts_position(l->places[last])) {
            l->places[++last] = l->places[i];
            if (last >= TS_POSITIONS_MAX - 1 || ts_position(l->places[last]) == TS_POSITION_MAX)
                break;
        } else if (ts_weight(l->places[i]) > ts_weight(l->places[last])) {
            l->places[last] = l->places[i];
        }
    }
    l->n_places = last + 1;
}

/* The places of the second word behind those of the first. */
static bool merge(struct ts_lexeme *into, const struct ts_lexeme *from, struct arena *arena, struct err *err)
{
    if (from->n_places == 0)
        return true;
    uint16_t *places = arena_array(arena, into->n_places + from->n_places, sizeof(uint16_t));
    if (!places)
        return err_oom(err);
    if (into->n_places)
        memcpy(places, into->places, into->n_places * sizeof(uint16_t));
    memcpy(places + into->n_places, from->places, from->n_places * sizeof(uint16_t));
    into->places = places;
    into->n_places += from->n_places;
    arrange_places(into);
    return true;
}

/* PostgreSQL's bytes behind the array of words: counts and places stand at even offsets. */
static size_t data_size(const struct tsvector *v)
{
    size_t size = 0;
    for (size_t i = 0; i < v->n; i++) {
        size += v->lexemes[i].word.n;
        if (v->lexemes[i].n_places)
            size = (size + 1) / 2 * 2 + sizeof(uint16_t) * (1 + v->lexemes[i].n_places);
    }
    return size;
}

bool tsvector_check_size(const struct tsvector *v, struct err *err)
{
    size_t size = data_size(v);
    return size <= TS_BYTES_MAX ||
           err_set(err, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "string is too long for tsvector (%zu bytes, max %d bytes)",
                   size, TS_BYTES_MAX);
}

bool tsvector_arrange(struct tsvector *v, struct arena *arena, struct err *err)
{
    size_t n = 0;
    if (v->n)
        qsort(v->lexemes, v->n, sizeof(struct ts_lexeme), by_word);
    for (size_t i = 0; i < v->n; i++) {
        arrange_places(&v->lexemes[i]);
        if (n && str_eq(v->lexemes[n - 1].word, v->lexemes[i].word)) {
            if (!merge(&v->lexemes[n - 1], &v->lexemes[i], arena, err))
                return false;
        } else {
            v->lexemes[n++] = v->lexemes[i];
        }
    }
    v->n = n;
    return tsvector_check_size(v, err);
}

static bool check_word(struct str word, size_t before, struct err *err)
{
    if (word.n > TS_WORD_MAX)
        return err_set(err, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "word is too long (%zu bytes, max %d bytes)", word.n,
                       TS_WORD_MAX);
    return before <= TS_BYTES_MAX ||
           err_set(err, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "string is too long for tsvector (%zu bytes, max %d bytes)",
                   before, TS_BYTES_MAX);
}

bool tsvector_parse(struct str text, struct arena *arena, struct tsvector *ret, struct err *err)
{
    struct ts_reader reader = { .all = text, .arena = arena, .err = err };
    struct tsvector v = { 0 };
    size_t size = 0, bytes = 0;
    for (;;) {
        struct ts_lexeme l;
        enum ts_read read = ts_read_word(&reader, &l);
        if (read == TS_READ_END)
            break;
        if (read == TS_READ_FAILED || !check_word(l.word, bytes, err))
            return false;
        if (v.n == size) {
            size = size ? size * 2 : 16;
            struct ts_lexeme *more = arena_array(arena, size, sizeof(*more));
            if (!more)
                return err_oom(err);
            if (v.n)
                memcpy(more, v.lexemes, v.n * sizeof(*more));
            v.lexemes = more;
        }
        v.lexemes[v.n++] = l;
        bytes += l.word.n;
    }
    if (!tsvector_arrange(&v, arena, err))
        return false;
    *ret = v;
    return true;
}

static int compare_places(const struct ts_lexeme *a, const struct ts_lexeme *b)
{
    if (a->n_places != b->n_places)
        return a->n_places > b->n_places ? -1 : 1;
    for (size_t i = 0; i < a->n_places; i++) {
        unsigned left = ts_position(a->places[i]), right = ts_position(b->places[i]);
        if (left != right)
            return left > right ? -1 : 1;
        left = ts_weight(a->places[i]), right = ts_weight(b->places[i]);
        if (left != right)
            return left > right ? -1 : 1;
    }
    return 0;
}

int tsvector_compare(const struct tsvector *a, const struct tsvector *b)
{
    enum { WORD_HEAD = 4 };
    size_t left = a->n * WORD_HEAD + data_size(a), right = b->n * WORD_HEAD + data_size(b);
    if (left != right)
        return left < right ? -1 : 1;
    if (a->n != b->n)
        return a->n < b->n ? -1 : 1;
    for (size_t i = 0; i < a->n; i++) {
        const struct ts_lexeme *x = &a->lexemes[i], *y = &b->lexemes[i];
        if ((x->n_places != 0) != (y->n_places != 0))
            return x->n_places ? -1 : 1;
        int order = str_cmp(x->word, y->word);
        if (order == 0)
            order = compare_places(x, y);
        if (order)
            return order;
    }
    return 0;
}

/* ---- printing */

void ts_print_word(struct str word, struct buf *out)
{
    buf_add_char(out, '\'');
    for (size_t i = 0; i < word.n; i++) {
        if (word.p[i] == '\'' || word.p[i] == '\\')
            buf_add_char(out, word.p[i]);
        buf_add_char(out, word.p[i]);
    }
    buf_add_char(out, '\'');
}

void tsvector_print(const struct tsvector *v, struct buf *out)
{
    static const char letters[] = "\0CBA";
    for (size_t i = 0; i < v->n; i++) {
        const struct ts_lexeme *l = &v->lexemes[i];
        if (i)
            buf_add_char(out, ' ');
        ts_print_word(l->word, out);
        for (size_t k = 0; k < l->n_places; k++) {
            buf_printf(out, "%c%u", k ? ',' : ':', ts_position(l->places[k]));
            if (ts_weight(l->places[k]))
                buf_add_char(out, letters[ts_weight(l->places[k])]);
        }
    }
}
