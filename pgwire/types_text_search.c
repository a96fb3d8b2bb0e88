/* types_text_search.c - codecs of tsvector (stored as PostgreSQL prints it) and tsquery (stored with all its parentheses). */
#include "pgwire/tsquery.h"
#include "pgwire/types_internal.h"

enum { PRINTED_MAX = 16 << 20, ITEMS_MAX = 1 << 20 };

static bool printed(const struct type_io *io, struct buf *text, struct value *ret)
{
    struct str copy = text->failed ? (struct str){ 0 } : arena_str(io->arena, buf_str(text));
    buf_fini(text);
    *ret = value_text(copy);
    return copy.p ? true : err_oom(io->err);
}

static bool broken(const struct type_io *io, const char *why)
{
    return err_set(io->err, SQLSTATE_INTERNAL_ERROR, "%s", why);
}

static bool ended(const struct type_io *io, struct rd *r)
{
    return rd_done(r) || rd_error(r, io->err);
}

/* ---- tsvector */

static bool vector_value(const struct type_io *io, const struct tsvector *v, struct value *ret)
{
    struct buf text;
    buf_init(&text, PRINTED_MAX);
    tsvector_print(v, &text);
    return printed(io, &text, ret);
}

static bool tsvector_in(const struct type_io *io, struct str text, struct value *ret)
{
    struct tsvector v;
    return tsvector_parse(text, io->arena, &v, io->err) && vector_value(io, &v, ret);
}

/* Cells may have been written by others: what is shown is canonical all the same. */
static bool tsvector_out(const struct type_io *io, const struct value *v, struct buf *out)
{
    struct tsvector parsed;
    if (!tsvector_parse(v->bytes, io->arena, &parsed, io->err))
        return false;
    tsvector_print(&parsed, out);
    return true;
}

static bool tsvector_send(const struct type_io *io, const struct value *v, struct buf *out)
{
    struct tsvector parsed;
    char word[4];
    if (!tsvector_parse(v->bytes, io->arena, &parsed, io->err))
        return false;
    store_u32(word, (uint32_t)parsed.n);
    buf_add(out, word, 4);
    for (size_t i = 0; i < parsed.n; i++) {
        const struct ts_lexeme *l = &parsed.lexemes[i];
        buf_add_str(out, l->word);
        buf_add_char(out, '\0');
        store_u16(word, (uint16_t)l->n_places);
        buf_add(out, word, 2);
        for (size_t k = 0; k < l->n_places; k++) {
            store_u16(word, l->places[k]);
            buf_add(out, word, 2);
        }
    }
    return true;
}

static bool receive_lexeme(const struct type_io *io, struct rd *r, struct ts_lexeme *l)
{
    *l = (struct ts_lexeme){ .word = rd_cstr(r) };
    l->n_places = rd_u16(r);
    if (r->bad)
        return rd_error(r, io->err);
    if (!text_check_utf8(l->word, io->err))
        return false;
    if (l->word.n > TS_WORD_MAX)
        return broken(io, "invalid tsvector: lexeme too long");
    if (l->n_places > TS_POSITIONS_MAX)
        return broken(io, "unexpected number of tsvector positions");
    l->places = arena_array(io->arena, l->n_places, sizeof(uint16_t));
    if (!l->places)
        return err_oom(io->err);
    for (size_t k = 0; k < l->n_places; k++) {
        l->places[k] = rd_u16(r);
        if (!r->bad && ts_position(l->places[k]) == 0) /* no text of a tsvector can say this */
            return broken(io, "position 0 in a tsvector is not supported");
        if (!r->bad && k && ts_position(l->places[k]) <= ts_position(l->places[k - 1]))
            return broken(io, "position information is misordered");
    }
    return r->bad ? rd_error(r, io->err) : true;
}

static bool tsvector_receive(const struct type_io *io, struct str bytes, struct value *ret)
{
    struct rd r = rd_from(bytes);
    struct tsvector v = { .n = rd_u32(&r) };
    if (r.bad)
        return rd_error(&r, io->err);
    if (v.n > ITEMS_MAX || v.n > bytes.n)
        return broken(io, "invalid size of tsvector");
    v.lexemes = arena_array(io->arena, v.n, sizeof(*v.lexemes));
    if (!v.lexemes)
        return err_oom(io->err);
    for (size_t i = 0; i < v.n; i++)
        if (!receive_lexeme(io, &r, &v.lexemes[i]))
            return false;
    return ended(io, &r) && tsvector_arrange(&v, io->arena, io->err) && vector_value(io, &v, ret);
}

const struct type_codec codec_tsvector = { tsvector_in, tsvector_out, tsvector_receive, tsvector_send, false, false };

/* ---- tsquery: nodes in prefix notation; a word is 1, an operator 2 */

enum { ITEM_WORD = 1, ITEM_OPERATOR = 2 };

static bool query_value(const struct type_io *io, const struct tsquery *q, struct value *ret)
{
    struct buf text;
    buf_init(&text, PRINTED_MAX);
    tsquery_print(q, true, &text);
    return printed(io, &text, ret);
}

static bool tsquery_in(const struct type_io *io, struct str text, struct value *ret)
{
    struct tsquery q;
    return tsquery_parse(text, io->arena, &q, io->err) && query_value(io, &q, ret);
}

static bool tsquery_out(const struct type_io *io, const struct value *v, struct buf *out)
{
    struct tsquery q;
    if (!tsquery_parse(v->bytes, io->arena, &q, io->err))
        return false;
    tsquery_print(&q, false, out);
    return true;
}

static void send_node(const struct ts_node *n, struct buf *out)
{
    char distance[2];
    bool is_word = n->kind == TS_NODE_WORD;
    buf_add_char(out, is_word ? ITEM_WORD : ITEM_OPERATOR);
    if (is_word) {
        buf_add_char(out, (char)n->weights);
        buf_add_char(out, n->is_prefix);
        buf_add_str(out, n->word);
        buf_add_char(out, '\0');
        return;
    }
    buf_add_char(out, (char)(n->kind - TS_NODE_NOT + 1));
    if (n->kind == TS_NODE_PHRASE) {
        store_u16(distance, (uint16_t)n->distance);
        buf_add(out, distance, 2);
    }
}

static bool tsquery_send(const struct type_io *io, const struct value *v, struct buf *out)
{
    struct tsquery q;
    char count[4];
    if (!tsquery_parse(v->bytes, io->arena, &q, io->err))
        return false;
    store_u32(count, (uint32_t)q.n);
    buf_add(out, count, 4);
    for (size_t i = 0; i < q.n; i++)
        send_node(&q.nodes[i], out);
    return true;
}

static bool receive_word(const struct type_io *io, struct rd *r, struct ts_node *n, size_t *bytes)
{
    n->kind = TS_NODE_WORD;
    n->weights = rd_u8(r);
    n->is_prefix = rd_u8(r) != 0;
    n->word = rd_cstr(r);
    if (r->bad)
        return rd_error(r, io->err);
    *bytes += n->word.n + 1;
    if (n->weights > 0xF)
        return broken(io, "invalid tsquery: invalid weight bitmap");
    if (n->word.n > TS_WORD_MAX)
        return broken(io, "invalid tsquery: operand too long");
    if (*bytes > TS_BYTES_MAX)
        return broken(io, "invalid tsquery: total operand length exceeded");
    return text_check_utf8(n->word, io->err);
}

static bool receive_operator(const struct type_io *io, struct rd *r, struct ts_node *n, bool is_last)
{
    unsigned number = rd_u8(r);
    if (r->bad)
        return rd_error(r, io->err);
    if (number < 1 || number > TS_NODE_PHRASE - TS_NODE_NOT + 1)
        return err_set(io->err, SQLSTATE_INTERNAL_ERROR, "invalid tsquery: unrecognized operator type %u", number);
    if (is_last)
        return broken(io, "invalid pointer to right operand");
    n->kind = (enum ts_node_kind)(TS_NODE_NOT + number - 1);
    if (n->kind == TS_NODE_PHRASE)
        n->distance = rd_u16(r);
    return r->bad ? rd_error(r, io->err) : true;
}

static bool tsquery_receive(const struct type_io *io, struct str bytes, struct value *ret)
{
    struct rd r = rd_from(bytes);
    struct tsquery q = { .n = rd_u32(&r) };
    size_t size = 0;
    if (r.bad)
        return rd_error(&r, io->err);
    if (q.n > ITEMS_MAX || q.n > bytes.n)
        return broken(io, "invalid size of tsquery");
    q.nodes = arena_array(io->arena, q.n, sizeof(*q.nodes));
    if (!q.nodes)
        return err_oom(io->err);
    for (size_t i = 0; i < q.n; i++) {
        unsigned type = rd_u8(&r);
        if (r.bad)
            return rd_error(&r, io->err);
        if (type != ITEM_WORD && type != ITEM_OPERATOR)
            return err_set(io->err, SQLSTATE_INTERNAL_ERROR, "unrecognized tsquery node type: %u", type);
        if (type == ITEM_WORD ? !receive_word(io, &r, &q.nodes[i], &size)
                              : !receive_operator(io, &r, &q.nodes[i], i + 1 == q.n))
            return false;
        if (q.nodes[i].distance > TS_DISTANCE_MAX)
            return broken(io, "invalid tsquery: distance too large");
    }
    return ended(io, &r) && tsquery_link(&q, io->err) && query_value(io, &q, ret);
}

const struct type_codec codec_tsquery = { tsquery_in, tsquery_out, tsquery_receive, tsquery_send, false, false };
