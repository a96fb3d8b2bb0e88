/*
 * parse.c - PostgreSQL's grammar: a string -> raw parse trees, on bounded depth.
 *
 * libpg_query writes its tree out and protobuf-c reads it back, both by recursion over the tree without a check (facts:
 * 1+1+1+… of 30,000 terms ends an 8 MiB stack). A left-deep chain has no comma in it, so the longest run of tokens between
 * commas bounds the depth. Worker threads have stacks of WORKER_STACK_BYTES (worker.c).
 */
#include "proxy/sql/parse_internal.h"
#include "proxy/sql/plan.h"
#include "proxy/sql/skeleton.h"

#include "proxy/base/utf8.h"

#include <ctype.h>

enum { MAX_TOKENS_IN_A_RUN = 20000, MAX_WORK = 100 << 20 };

static void *unpack_alloc(void *ctx, size_t n)
{
    return arena_alloc(ctx, n);
}

static void unpack_free(void *ctx, void *p)
{
    (void)ctx;
    (void)p; /* the arena dies whole */
}

ProtobufCAllocator parse_allocator(struct arena *arena)
{
    return (ProtobufCAllocator){ unpack_alloc, unpack_free, arena };
}

/* libpg_query gives the message without SQLSTATE and hint: rows of what differs from 42601 and none. The last that fits counts. */
static const struct {
    const char *part;
    enum sqlstate code;
    const char *hint, *function; /* function: the one of PostgreSQL's that says it, where others say it too */
} messages[] = {
    { "memory exhausted", SQLSTATE_STATEMENT_TOO_COMPLEX, NULL, NULL },
    { "stack depth limit exceeded", SQLSTATE_STATEMENT_TOO_COMPLEX, NULL, NULL },
    { "not yet implemented", SQLSTATE_FEATURE_NOT_SUPPORTED, NULL, NULL },
    { "is not implemented", SQLSTATE_FEATURE_NOT_SUPPORTED, NULL, NULL },
    { "is not supported", SQLSTATE_FEATURE_NOT_SUPPORTED, NULL, NULL },
    { "LIMIT #,# syntax is not supported", SQLSTATE_SYNTAX_ERROR, "Use separate LIMIT and OFFSET clauses.", NULL },
    { "not supported on recursive views", SQLSTATE_FEATURE_NOT_SUPPORTED, NULL, NULL },
    { "UNENCRYPTED PASSWORD is no longer supported", SQLSTATE_FEATURE_NOT_SUPPORTED,
      "Remove UNENCRYPTED to store the password in encrypted form instead.", NULL },
    { "constraints cannot be marked", SQLSTATE_FEATURE_NOT_SUPPORTED, NULL, NULL },
    { "cannot include schema elements", SQLSTATE_FEATURE_NOT_SUPPORTED, NULL, NULL },
    { "is only supported for ON DELETE actions", SQLSTATE_FEATURE_NOT_SUPPORTED, NULL, NULL },
    { "column number must be in range", SQLSTATE_INVALID_PARAMETER_VALUE, NULL, NULL },
    { "precision for type float", SQLSTATE_INVALID_PARAMETER_VALUE, NULL, NULL },
    { "frame starting from", SQLSTATE_WINDOWING_ERROR, NULL, NULL },
    { "frame start cannot be", SQLSTATE_WINDOWING_ERROR, NULL, NULL },
    { "frame end cannot be", SQLSTATE_WINDOWING_ERROR, NULL, NULL },
    { "frame starting with", SQLSTATE_WINDOWING_ERROR, NULL, NULL },
    { "invalid byte sequence", SQLSTATE_CHARACTER_NOT_IN_REPERTOIRE, NULL, NULL },
    { "out of memory", SQLSTATE_OUT_OF_MEMORY, NULL, NULL },
    { "invalid Unicode escape", SQLSTATE_INVALID_ESCAPE_SEQUENCE, "Unicode escapes must be \\uXXXX or \\UXXXXXXXX.",
      NULL },
    { "invalid Unicode escape", SQLSTATE_SYNTAX_ERROR, "Unicode escapes must be \\XXXX or \\+XXXXXX.",
      "str_udeescape" },
    { "invalid Unicode escape value", SQLSTATE_SYNTAX_ERROR, NULL, NULL },
    { "invalid Unicode escape character", SQLSTATE_SYNTAX_ERROR, NULL, NULL },
    { "missing argument", SQLSTATE_SYNTAX_ERROR, "Use NONE to denote the missing argument of a unary operator.", NULL },
    { "subquery in FROM must have an alias", SQLSTATE_SYNTAX_ERROR, "For example, FROM (SELECT ...) [AS] foo.", NULL },
    { "VALUES in FROM must have an alias", SQLSTATE_SYNTAX_ERROR, "For example, FROM (VALUES ...) [AS] foo.", NULL },
};

/* libpg_query quotes what stands behind a number up to its first letter, PostgreSQL 15 today the whole word. */
static struct str whole_word(struct str text, const PgQueryError *error, struct arena *arena)
{
    struct str message = str_from(error->message);
    const char *quoted = strstr(error->message, "at or near \"");
    if (!str_starts(message, STR("trailing junk after ")) || !quoted || error->cursorpos < 1)
        return message;
    size_t from = 0;
    for (int i = 1; i < error->cursorpos && from < text.n; i++)
        from += utf8_width(text, from);
    size_t to = from + strlen(quoted + strlen("at or near \"")) - 1;
    while (to < text.n && (isalnum((unsigned char)text.p[to]) || text.p[to] == '_' || text.p[to] == '$' ||
                           (unsigned char)text.p[to] >= 0x80))
        to++;
    if (to > text.n)
        return message;
    return arena_printf(arena, "%.*sat or near \"%.*s\"", (int)(quoted - error->message), error->message,
                        (int)(to - from), text.p + from);
}

bool parse_failed(const PgQueryError *error, struct str text, struct err *err)
{
    enum sqlstate code = SQLSTATE_SYNTAX_ERROR;
    const char *hint = NULL;
    for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++)
        if (strstr(error->message, messages[i].part) &&
            (!messages[i].function || (error->funcname && strcmp(error->funcname, messages[i].function) == 0))) {
            code = messages[i].code;
            hint = messages[i].hint;
        }
    struct str message = whole_word(text, error, err->arena);
    err_set(err, code, "%.*s", STR_FMT(message));
    if (hint)
        err_hint(err, "%s", hint);
    return err_at(err, error->cursorpos);
}

static bool collect(const PgQuery__ParseResult *tree, struct str text, struct arena *arena, struct sql_list *ret,
                    struct err *err)
{
    struct sql_statement *list = ARENA_ARRAY(arena, struct sql_statement, tree->n_stmts);
    if (!list)
        return err_oom(err);
    for (size_t i = 0; i < tree->n_stmts; i++) {
        PgQuery__RawStmt *raw = tree->stmts[i];
        size_t from = raw->stmt_location > 0 ? (size_t)raw->stmt_location : 0;
        size_t n = raw->stmt_len > 0 ? (size_t)raw->stmt_len : text.n - from;
        struct str slice = str_trim((struct str){ text.p + from, n });
        list[i] = (struct sql_statement){ .raw = raw, .text = slice, .offset = (size_t)(slice.p - text.p) };
    }
    *ret = (struct sql_list){ list, tree->n_stmts };
    return true;
}

bool sql_check_text(struct str text, size_t max_bytes, struct err *err)
{
    size_t bad;
    if (text.n > max_bytes)
        return err_set(err, SQLSTATE_PROGRAM_LIMIT_EXCEEDED,
                       "statement is too long: %zu bytes, at most %zu are accepted", text.n, max_bytes);
    if (!str_is_utf8(text, &bad))
        return err_set(err, SQLSTATE_CHARACTER_NOT_IN_REPERTOIRE, "invalid byte sequence for encoding \"UTF8\": 0x%02x",
                       (unsigned char)text.p[bad]);
    return true;
}

bool sql_parse(struct str text, size_t max_bytes, struct arena *arena, struct sql_list *ret, struct err *err)
{
    struct skeleton skeleton;
    if (!sql_check_text(text, max_bytes, err))
        return false;
    skeleton_scan(text, true, arena, &skeleton);
    if (skeleton.longest_run > MAX_TOKENS_IN_A_RUN) {
        err_set(err, SQLSTATE_STATEMENT_TOO_COMPLEX, "stack depth limit exceeded");
        return err_hint(err, "The statement has an expression of more than %d tokens.", MAX_TOKENS_IN_A_RUN);
    }
    if (skeleton.work > MAX_WORK) {
        err_set(err, SQLSTATE_STATEMENT_TOO_COMPLEX, "statement is too complex");
        return err_hint(err, "It has too many operators or nested comments without a space between them.");
    }
    char *terminated = arena_cstr(arena, text);
    if (!terminated)
        return err_oom(err);
    PgQueryProtobufParseResult parsed = pg_query_parse_protobuf(terminated);
    ProtobufCAllocator allocator = parse_allocator(arena);
    bool ok = false;
    if (parsed.error) {
        ok = parse_failed(parsed.error, text, err);
    } else {
        PgQuery__ParseResult *tree =
            pg_query__parse_result__unpack(&allocator, parsed.parse_tree.len, (const uint8_t *)parsed.parse_tree.data);
        ok = tree ? collect(tree, text, arena, ret, err) : err_oom(err);
    }
    pg_query_free_protobuf_parse_result(parsed);
    return ok;
}
