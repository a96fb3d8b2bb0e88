/* copy_options.c - what PostgreSQL refuses in COPY's options, in its order and words: copy_options_check(). */
#include "pgwire/copy_text.h"

static bool unsupported(struct err *err, const char *text)
{
    return err_set(err, SQLSTATE_FEATURE_NOT_SUPPORTED, "%s", text);
}

static bool invalid(struct err *err, const char *text)
{
    return err_set(err, SQLSTATE_INVALID_PARAMETER_VALUE, "%s", text);
}

static bool contains(struct str s, char c)
{
    return s.n && memchr(s.p, c, s.n);
}

static bool has_line_end(struct str s)
{
    return contains(s, '\n') || contains(s, '\r');
}

static bool check_binary(const struct copy_options *o, struct err *err)
{
    if (o->delimiter.p)
        return err_set(err, SQLSTATE_SYNTAX_ERROR, "cannot specify DELIMITER in BINARY mode");
    if (o->null_text.p)
        return err_set(err, SQLSTATE_SYNTAX_ERROR, "cannot specify NULL in BINARY mode");
    return true;
}

static void fill_in(struct copy_options *o)
{
    bool is_csv = o->format == COPY_CSV;
    if (!o->delimiter.p)
        o->delimiter = is_csv ? STR(",") : STR("\t");
    if (!o->null_text.p)
        o->null_text = is_csv ? STR("") : STR("\\N");
    if (is_csv && !o->quote.p)
        o->quote = STR("\"");
    if (is_csv && !o->escape.p)
        o->escape = o->quote;
}

static bool check_delimiter(const struct copy_options *o, struct err *err)
{
    if (o->delimiter.n != 1)
        return unsupported(err, "COPY delimiter must be a single one-byte character");
    if (has_line_end(o->delimiter))
        return invalid(err, "COPY delimiter cannot be newline or carriage return");
    if (has_line_end(o->null_text))
        return invalid(err, "COPY null representation cannot use newline or carriage return");
    /* Bytes that could be part of an escape of the text format. */
    if (o->format != COPY_CSV && contains(STR("\\.abcdefghijklmnopqrstuvwxyz0123456789"), o->delimiter.p[0]))
        return err_set(err, SQLSTATE_INVALID_PARAMETER_VALUE, "COPY delimiter cannot be \"%.*s\"",
                       STR_FMT(o->delimiter));
    return true;
}

static bool check_header(const struct copy_options *o, bool is_from, struct err *err)
{
    if (o->format == COPY_BINARY && o->header != COPY_HEADER_NONE)
        return unsupported(err, "cannot specify HEADER in BINARY mode");
    if (o->header == COPY_HEADER_MATCH && !is_from)
        return unsupported(err, "cannot use \"match\" with HEADER in COPY TO");
    return true;
}

static bool check_quotes(const struct copy_options *o, struct err *err)
{
    bool is_csv = o->format == COPY_CSV;
    if (!is_csv && o->quote.p)
        return unsupported(err, "COPY quote available only in CSV mode");
    if (is_csv && o->quote.n != 1)
        return unsupported(err, "COPY quote must be a single one-byte character");
    if (is_csv && o->delimiter.p[0] == o->quote.p[0])
        return invalid(err, "COPY delimiter and quote must be different");
    if (!is_csv && o->escape.p)
        return unsupported(err, "COPY escape available only in CSV mode");
    if (is_csv && o->escape.n != 1)
        return unsupported(err, "COPY escape must be a single one-byte character");
    return true;
}

static bool check_force(const struct copy_options *o, bool is_from, struct err *err)
{
    bool is_csv = o->format == COPY_CSV, quote = o->force_quote || o->force_quote_all;
    if (!is_csv && quote)
        return unsupported(err, "COPY force quote available only in CSV mode");
    if (quote && is_from)
        return unsupported(err, "COPY force quote only available using COPY TO");
    if (!is_csv && o->force_not_null)
        return unsupported(err, "COPY force not null available only in CSV mode");
    if (o->force_not_null && !is_from)
        return unsupported(err, "COPY force not null only available using COPY FROM");
    if (!is_csv && o->force_null)
        return unsupported(err, "COPY force null available only in CSV mode");
    if (o->force_null && !is_from)
        return unsupported(err, "COPY force null only available using COPY FROM");
    return true;
}

static bool check_null_text(const struct copy_options *o, struct err *err)
{
    if (contains(o->null_text, o->delimiter.p[0]))
        return unsupported(err, "COPY delimiter must not appear in the NULL specification");
    if (o->format == COPY_CSV && contains(o->null_text, o->quote.p[0]))
        return unsupported(err, "CSV quote character must not appear in the NULL specification");
    return true;
}

bool copy_options_check(struct copy_options *o, bool is_from, struct err *err)
{
    if (o->format == COPY_BINARY && !check_binary(o, err))
        return false;
    fill_in(o);
    return check_delimiter(o, err) && check_header(o, is_from, err) && check_quotes(o, err) &&
           check_force(o, is_from, err) && check_null_text(o, err);
}
