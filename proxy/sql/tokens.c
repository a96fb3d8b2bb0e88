/* tokens.c - see tokens.h. */
#include "proxy/sql/tokens.h"

#include "proxy/sql/parse_internal.h"
#include "proxy/sql/plan.h"

static const struct {
    PgQuery__Token token;
    enum token_kind kind;
} kinds[] = {
    { PG_QUERY__TOKEN__ASCII_59, TOKEN_SEMICOLON }, { PG_QUERY__TOKEN__C_COMMENT, TOKEN_COMMENT },
    { PG_QUERY__TOKEN__SCONST, TOKEN_STRING },      { PG_QUERY__TOKEN__SQL_COMMENT, TOKEN_LINE_COMMENT },
    { PG_QUERY__TOKEN__IDENT, TOKEN_NAME },
};

static enum token_kind kind_of(PgQuery__Token token)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (kinds[i].token == token)
            return kinds[i].kind;
    return TOKEN_OTHER;
}

static bool take(const PgQuery__ScanResult *scanned, struct str text, struct arena *arena, struct token_list *ret,
                 struct err *err)
{
    struct token *tokens = ARENA_ARRAY(arena, struct token, scanned->n_tokens);
    if (!tokens)
        return err_oom(err);
    for (size_t i = 0; i < scanned->n_tokens; i++) {
        const PgQuery__ScanToken *t = scanned->tokens[i];
        tokens[i] = (struct token){ kind_of(t->token), { text.p + t->start, (size_t)(t->end - t->start) } };
    }
    *ret = (struct token_list){ tokens, scanned->n_tokens };
    return true;
}

bool tokens_scan(struct str text, struct arena *arena, struct token_list *ret, struct err *err)
{
    char *terminated;
    if (!sql_check_text(text, SIZE_MAX, err))
        return false;
    if (!(terminated = arena_cstr(arena, text)))
        return err_oom(err);
    PgQueryScanResult result = pg_query_scan(terminated);
    bool ok = false;
    if (result.error) {
        parse_failed(result.error, text, err);
    } else {
        ProtobufCAllocator allocator = parse_allocator(arena);
        const PgQuery__ScanResult *scanned =
            pg_query__scan_result__unpack(&allocator, result.pbuf.len, (const uint8_t *)result.pbuf.data);
        ok = scanned ? take(scanned, text, arena, ret, err) : err_oom(err);
    }
    pg_query_free_scan_result(result);
    return ok;
}
