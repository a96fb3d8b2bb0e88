/* lookup.c - see lookup.h. */
#include "proxy/sql/lookup.h"

#include <errno.h>
#include <stdlib.h>
#include "proxy/sql/bind.h"

enum { MAX_TEXT = 2000000 }; /* D1's longest value */

/* ---- quote()'s texts ---- */

struct reader {
    const char *p, *end;
    struct arena *arena;
    struct err *err;
};

static bool read_text(struct reader *r, struct value *ret)
{
    char *text = arena_alloc(r->arena, (size_t)(r->end - r->p) + 1);
    size_t n = 0;
    if (!text)
        return err_oom(r->err);
    for (r->p++; r->p < r->end; r->p++) {
        if (*r->p == '\'' && (++r->p == r->end || *r->p != '\''))
            break;
        text[n++] = *r->p;
    }
    *ret = value_text((struct str){ text, n });
    return true;
}

static bool read_blob(struct reader *r, struct value *ret)
{
    char *bytes = arena_alloc(r->arena, (size_t)(r->end - r->p) / 2 + 1);
    size_t n = 0;
    if (!bytes)
        return err_oom(r->err);
    for (r->p += 2; r->end - r->p >= 2 && *r->p != '\''; r->p += 2) {
        int high = hex_digit(r->p[0]), low = hex_digit(r->p[1]);
        if (high < 0 || low < 0)
            return false;
        bytes[n++] = (char)(high << 4 | low);
    }
    if (r->p < r->end)
        r->p++;
    *ret = value_blob((struct str){ bytes, n });
    return true;
}

/* quote() prints infinities as 9.0e+999. */
static bool read_number(struct reader *r, struct value *ret)
{
    char digits[64];
    size_t n = 0;
    bool is_real = false;
    for (; r->p < r->end && *r->p != ',' && *r->p != '\n' && n < sizeof(digits) - 1; r->p++) {
        is_real |= *r->p == '.' || *r->p == 'e' || *r->p == 'E';
        digits[n++] = *r->p;
    }
    digits[n] = '\0';
    char *end;
    errno = 0;
    *ret = is_real ? value_real(strtod(digits, &end)) : value_integer(strtoll(digits, &end, 10));
    return n > 0 && !*end && (is_real || errno == 0);
}

static bool read_cell(struct reader *r, struct value *ret)
{
    if (r->p == r->end)
        return false;
    if (*r->p == '\'')
        return read_text(r, ret);
    if (*r->p == 'X' || *r->p == 'x')
        return r->end - r->p >= 3 && read_blob(r, ret);
    if (r->end - r->p >= 4 && memcmp(r->p, "NULL", 4) == 0) {
        r->p += 4;
        *ret = value_null();
        return true;
    }
    return read_number(r, ret);
}

bool lookup_rows(struct str text, size_t n_columns, struct local_rows *rows, struct arena *arena, struct err *err)
{
    struct reader r = { text.p, text.p + text.n, arena, err };
    struct value cells[100];
    if (n_columns > sizeof(cells) / sizeof(*cells))
        return false;
    while (r.p < r.end) {
        for (size_t i = 0; i < n_columns; i++) {
            if (!read_cell(&r, &cells[i]))
                return false;
            char after = i + 1 < n_columns ? ',' : '\n';
            if (r.p == r.end ? after == ',' : *r.p++ != after)
                return false;
        }
        if (!local_rows_add(rows, cells, n_columns)) {
            err_set(err, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "too many rows would have to be read to write them");
            return err_hint(err, "Narrow the statement by conditions that D1 can apply, or raise finish_max_bytes.");
        }
    }
    return true;
}

/* ---- its lines, sorted ---- */

/* A line feed inside of a quoted text ends no line; '' in there closes it and opens it again. */
static size_t next_line(struct str text, size_t at, struct str *ret)
{
    size_t end = at;
    for (bool quoted = false; end < text.n && (quoted || text.p[end] != '\n'); end++)
        quoted ^= text.p[end] == '\'';
    *ret = (struct str){ text.p + at, end - at };
    return end + 1;
}

static int compare_lines(const void *a, const void *b)
{
    return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

bool lookup_sorted(struct str text, struct str *ret, struct arena *arena, struct err *err)
{
    struct str line;
    size_t n = 0, size = 0;
    for (size_t at = 0; at < text.n; at = next_line(text, at, &line))
        size++;
    struct str *lines = ARENA_ARRAY(arena, struct str, size + 1);
    char *sorted = arena_alloc(arena, text.n + 1), *p = sorted;
    if (!lines || !sorted)
        return err_oom(err);
    for (size_t at = 0; at < text.n;)
        at = next_line(text, at, &lines[n++]);
    qsort(lines, n, sizeof(*lines), compare_lines);
    for (size_t i = 0; i < n; i++) {
        memcpy(p, lines[i].p, lines[i].n);
        p += lines[i].n;
        *p++ = '\n';
    }
    *ret = (struct str){ sorted, text.n };
    return true;
}

/* ---- the rows to write ---- */

struct result {
    struct arena *arena;
    struct value text;
};

static bool take_result(void *ctx, const struct value *cells, size_t n)
{
    struct result *r = ctx;
    r->text = n ? cells[0] : value_null();
    if (r->text.class == VALUE_TEXT)
        r->text.bytes = arena_str(r->arena, cells[0].bytes);
    return r->text.class != VALUE_TEXT || r->text.bytes.p;
}

static bool too_large(struct err *err)
{
    err_set(err, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "the rows of a statement finished here exceed D1's limit of %d bytes",
            MAX_TEXT);
    return err_hint(err, "Write fewer rows at a time.");
}

static bool run_local(const struct plan_lookup *lookup, struct local_run run, const struct value *texts,
                      struct local_rows **inputs, struct local_engine *engine, struct result *result, struct err *err)
{
    for (size_t i = 0; i < lookup->n_statements; i++) {
        size_t columns = lookup->statements[i].n_columns;
        if (!(inputs[i] = local_rows_new(columns, run.max_bytes ? run.max_bytes : SIZE_MAX)))
            return err_oom(err);
        if (texts[i].class == VALUE_TEXT && !lookup_rows(texts[i].bytes, columns, inputs[i], result->arena, err))
            return err_is_set(err) ? false : err_set(err, SQLSTATE_INTERNAL_ERROR, "D1's rows cannot be read");
    }
    run.sql = lookup->local.sql;
    run.n_binds = lookup->local.n_binds;
    run.inputs = inputs;
    run.n_inputs = lookup->n_statements;
    run.on_row = take_result;
    run.ctx = result;
    if (!local_run(engine, &run, err) || err_is_set(err))
        return false;
    return result->text.class == VALUE_TEXT && result->text.bytes.n > MAX_TEXT ? too_large(err) : true;
}

bool lookup_finish(const struct plan *plan, const struct bind_input *input, const struct value *texts,
                   const struct local_run *run, struct local_engine *engine, struct d1_statement *statements,
                   struct arena *arena, struct err *err)
{
    const struct plan_lookup *lookup = plan->lookup;
    struct value *sorted = ARENA_ARRAY(arena, struct value, lookup->n_statements + 1);
    struct local_rows **inputs = ARENA_ARRAY(arena, struct local_rows *, lookup->n_statements + 1);
    struct result result = { arena, value_null() };
    struct local_run own = *run;
    struct value *binds;
    if (!inputs || !sorted)
        return err_oom(err);
    bool ok = lookup_bind_local(plan, input, arena, &binds, err);
    own.binds = binds;
    ok = ok && run_local(lookup, own, texts, inputs, engine, &result, err);
    for (size_t i = 0; i < lookup->n_statements; i++)
        local_rows_free(inputs[i]);
    for (size_t i = 0; ok && i < lookup->n_statements; i++) {
        sorted[i] = texts[i];
        ok = texts[i].class != VALUE_TEXT || lookup_sorted(texts[i].bytes, &sorted[i].bytes, arena, err);
    }
    for (size_t i = 0; ok && i < plan->n_statements; i++)
        for (size_t k = 0; k < plan->statements[i].n_binds; k++) {
            const struct bind *b = &plan->statements[i].binds[k];
            if (b->source == BIND_LOOKUP) /* the arena's, made by plan_bind() */
                ((struct value *)(uintptr_t)statements[i].params)[k] =
                    (size_t)b->index < lookup->n_statements ? sorted[b->index] : result.text;
        }
    return ok;
}
