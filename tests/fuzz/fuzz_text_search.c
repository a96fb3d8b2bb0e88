/* LINK pgd1_sql pgd1_pgwire pgd1_base */
/*
 * Text search from any bytes. The first byte says as what: v and q the text of a tsvector and a tsquery, w and p a query as people write
 * it, everything else a document. What was read prints as what reads the same again; a document is cut into tokens that follow each other.
 */
#include "proxy/sql/functions/text_search_match.h"
#include "proxy/sql/functions/text_search_words.h"
#include "tests/fuzz/fuzz.h"

#define MUST(x) ((x) ? (void)0 : abort())
enum { ARENA_CAP = 1 << 28, OUT_CAP = 1 << 26 };

static bool is_limit(const struct err *err)
{
    return err->code == SQLSTATE_PROGRAM_LIMIT_EXCEEDED || err->code == SQLSTATE_STATEMENT_TOO_COMPLEX ||
           err->code == SQLSTATE_OUT_OF_MEMORY || err->code == SQLSTATE_INTERNAL_ERROR;
}

static void vector_survives(const struct tsvector *v, struct arena *arena, struct err *err)
{
    struct tsvector again;
    struct buf text;
    buf_init(&text, OUT_CAP);
    tsvector_print(v, &text);
    MUST(!text.failed && tsvector_parse(buf_str(&text), arena, &again, err) && tsvector_compare(v, &again) == 0);
    buf_fini(&text);
}

static void query_survives(const struct tsquery *q, struct arena *arena, struct err *err)
{
    struct tsquery again;
    struct buf text;
    buf_init(&text, OUT_CAP);
    tsquery_print(q, true, &text);
    /* what lost stop words may be written deeper than it can be read, or farther apart */
    bool ok = !text.failed && tsquery_parse(buf_str(&text), arena, &again, err);
    MUST(ok ? tsquery_compare(q, &again) == 0 : is_limit(err) || err->code == SQLSTATE_INVALID_PARAMETER_VALUE);
    buf_fini(&text);
}

static void cut_document(struct str text, struct arena *arena, struct err *err)
{
    struct ts_parser parser;
    struct ts_token token;
    struct ts_words words = { 0 };
    struct tsvector v;
    const char *at = text.p;
    MUST(ts_parser_init(&parser, text, err));
    while (ts_parser_next(&parser, &token)) {
        MUST(token.text.n > 0 || token.kind == TS_TOKEN_BLANK);
        MUST(token.text.p <= at || token.text.p == at); /* nothing is left out; parts come again */
        if (token.text.p + token.text.n > at)
            at = token.text.p + token.text.n;
    }
    ts_parser_fini(&parser);
    if (err_is_set(err) || !ts_words_add(&words, ts_configuration_named(STR("english")), text, arena, err) ||
        !ts_words_vector(&words, arena, &v, err))
        MUST(is_limit(err));
    else
        vector_survives(&v, arena, err);
}

static void run(char kind, struct str text, struct arena *arena, struct err *err)
{
    struct tsvector v;
    struct tsquery q;
    const struct ts_configuration *english = ts_configuration_named(STR("english"));
    switch (kind) {
    case 'v':
        if (tsvector_parse(text, arena, &v, err))
            vector_survives(&v, arena, err);
        return;
    case 'q':
        if (tsquery_parse(text, arena, &q, err))
            query_survives(&q, arena, err);
        return;
    case 'w':
    case 'p':
        if (ts_words_query(english, text, kind == 'w' ? TSQUERY_WEB : TSQUERY_PLAIN, TS_NODE_PHRASE, arena, &q, err))
            query_survives(&q, arena, err);
        else
            MUST(is_limit(err));
        return;
    default:
        cut_document(text, arena, err);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = { (const char *)data + 1, size ? size - 1 : 0 };
    struct arena *arena = arena_new(ARENA_CAP);
    struct err err;
    if (arena && size && str_is_utf8(text, NULL)) {
        err_init(&err, arena);
        run((char)data[0], text, arena, &err);
    }
    arena_free(arena);
    return 0;
}
