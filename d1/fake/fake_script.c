/* fake_script.c - see fake_script.h. */
#include "d1/fake/fake_script.h"

#include <math.h>
#include "proxy/base/fault.h"

/* What is left of the line, and the step that it fills. */
struct reader {
    struct str rest;
    struct fake_step *step;
    struct err *err;
};

static bool fail(struct reader *r, const char *wanted)
{
    if (r->rest.n)
        return err_set(r->err, SQLSTATE_SYNTAX_ERROR, "%s expected at \"%.*s\"", wanted, STR_FMT(r->rest));
    return err_set(r->err, SQLSTATE_SYNTAX_ERROR, "%s expected at the end of the line", wanted);
}

static void skip(struct reader *r, size_t n)
{
    r->rest.p += n;
    r->rest.n -= n;
    r->rest = str_trim(r->rest);
}

/* ---- tokens ---- */

static bool take_word(struct reader *r, const char *word)
{
    size_t n = strlen(word);
    bool ends = r->rest.n == n || (r->rest.n > n && r->rest.p[n] == ' ');
    if (!ends || !str_starts(r->rest, str_from(word)))
        return false;
    skip(r, n);
    return true;
}

static bool take_number(struct reader *r, uint64_t *ret)
{
    size_t n = 0;
    uint64_t v = 0;
    while (n < r->rest.n && n < 18 && r->rest.p[n] >= '0' && r->rest.p[n] <= '9')
        v = v * 10 + (uint64_t)(r->rest.p[n++] - '0');
    if (!n)
        return false;
    r->rest.p += n;
    r->rest.n -= n;
    *ret = v;
    return true;
}

/* 'text', a quote inside doubled. False when there is none, or no memory. */
static bool take_text(struct reader *r, char **ret)
{
    if (!r->rest.n || r->rest.p[0] != '\'')
        return false;
    char *text = fault_malloc(r->rest.n), *end = text;
    if (!text)
        return err_oom(r->err);
    bool is_closed = false;
    size_t i = 1;
    while (i < r->rest.n && !is_closed) {
        bool is_quote = r->rest.p[i] == '\'';
        bool is_doubled = is_quote && i + 1 < r->rest.n && r->rest.p[i + 1] == '\'';
        is_closed = is_quote && !is_doubled;
        if (!is_closed)
            *end++ = r->rest.p[i];
        i += is_doubled ? 2 : 1;
    }
    if (!is_closed) {
        free(text);
        return fail(r, "a closing quote");
    }
    *end = '\0';
    free(*ret);
    *ret = text;
    skip(r, i);
    return true;
}

/* A word up to the next blank. */
static bool take_bare(struct reader *r, char **ret)
{
    size_t n = 0;
    while (n < r->rest.n && r->rest.p[n] != ' ')
        n++;
    free(*ret);
    *ret = n ? strndup(r->rest.p, n) : NULL;
    skip(r, n);
    return *ret ? true : fail(r, "a word");
}

static bool take_json(struct reader *r, cJSON **ret)
{
    const char *end = NULL;
    cJSON *json = cJSON_ParseWithLengthOpts(r->rest.p, r->rest.n, &end, false);
    if (!cJSON_IsArray(json)) {
        cJSON_Delete(json);
        return fail(r, "a JSON list");
    }
    cJSON_Delete(*ret);
    *ret = json;
    skip(r, (size_t)(end - r->rest.p));
    return true;
}

static bool take_duration(struct reader *r, uint64_t *ret_us)
{
    static const struct {
        const char *unit;
        uint64_t us;
    } units[] = { { "us", 1 }, { "ms", 1000 }, { "s", 1000000 } };
    if (!take_number(r, ret_us))
        return fail(r, "a duration");
    for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
        if (take_word(r, units[i].unit)) {
            *ret_us *= units[i].us;
            return true;
        }
    }
    return fail(r, "us, ms or s");
}

static bool take_changes(struct reader *r, cJSON **ret)
{
    uint64_t n;
    *ret = cJSON_CreateArray();
    do {
        if (!take_number(r, &n))
            return fail(r, "a count");
        cJSON_AddItemToArray(*ret, cJSON_CreateNumber((double)n));
    } while (r->rest.n && r->rest.p[0] == ',' && (skip(r, 1), true));
    skip(r, 0);
    return true;
}

/* ---- clauses ---- */

static bool read_expectation(struct reader *r)
{
    struct fake_step *s = r->step;
    uint64_t n;
    if (!take_word(r, "expect"))
        return fail(r, "expect");
    s->wants_read = take_word(r, "read");
    s->wants_write = !s->wants_read && take_word(r, "write");
    if (take_number(r, &n)) {
        s->n_statements = (size_t)n;
        skip(r, 0);
    }
    take_text(r, &s->pattern);
    if (take_word(r, "session") && !take_text(r, &s->session))
        return fail(r, "a quoted session");
    if (take_word(r, "identity") && !take_text(r, &s->identity))
        return fail(r, "a quoted pattern");
    return !err_is_set(r->err);
}

static bool read_error(struct reader *r)
{
    uint64_t n;
    r->step->kind = D1_ERROR_SQL;
    if (!take_text(r, &r->step->message))
        return fail(r, "a quoted text");
    if (!take_word(r, "at"))
        return true;
    if (!take_number(r, &n))
        return fail(r, "the number of a statement");
    r->step->failed = (size_t)n;
    skip(r, 0);
    return true;
}

static bool read_overloaded(struct reader *r)
{
    r->step->kind = D1_ERROR_OVERLOADED;
    take_text(r, &r->step->message);
    return !take_word(r, "retry") || take_duration(r, &r->step->retry_after_us);
}

static bool read_answer(struct reader *r)
{
    static const struct {
        const char *word;
        enum d1_error_kind kind;
        bool may_have_run;
    } plain[] = {
        { "lost", D1_ERROR_LOST, true },
        { "unsure", D1_ERROR_LOST, false },
        { "unreachable", D1_ERROR_UNREACHABLE, false },
        { "auth", D1_ERROR_AUTH, false },
        { "toobig", D1_ERROR_TOO_BIG, false },
        { "internal", D1_ERROR_INTERNAL, false },
    };
    struct fake_step *s = r->step;
    if (!take_word(r, "answer"))
        return fail(r, "answer");
    if (take_word(r, "ok"))
        return true;
    if (take_word(r, "never"))
        return s->never = true;
    if (take_word(r, "changes"))
        return take_changes(r, &s->changes);
    if (take_word(r, "rows"))
        return take_json(r, &s->rows);
    if (take_word(r, "results"))
        return take_json(r, &s->results);
    if (take_word(r, "error"))
        return read_error(r);
    if (take_word(r, "overloaded"))
        return read_overloaded(r);
    for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++) {
        if (!take_word(r, plain[i].word))
            continue;
        s->kind = plain[i].kind;
        s->may_have_run = plain[i].may_have_run;
        take_text(r, &s->message);
        return !err_is_set(r->err);
    }
    return fail(r, "an answer");
}

static bool read_end(struct reader *r)
{
    uint64_t n = 1;
    if (take_word(r, "bookmark") && !take_bare(r, &r->step->bookmark))
        return false;
    if (take_word(r, "previous") && !take_bare(r, &r->step->previous))
        return false;
    if (take_word(r, "after") && !take_duration(r, &r->step->after_us))
        return false;
    if (take_word(r, "again") && (!take_number(r, &n) || n == 0))
        return fail(r, "a count");
    r->step->times = (unsigned)n;
    return r->rest.n == 0 || fail(r, "the end of the line");
}

struct fake_step *fake_step_parse(struct str line, struct err *err)
{
    struct reader r = { str_trim(line), fault_calloc(1, sizeof(struct fake_step)), err };
    if (!r.step) {
        err_oom(err);
        return NULL;
    }
    if (read_expectation(&r) && read_answer(&r) && read_end(&r))
        return r.step;
    fake_step_free(r.step);
    return NULL;
}

void fake_step_free(struct fake_step *s)
{
    if (!s)
        return;
    free(s->pattern);
    free(s->session);
    free(s->identity);
    free(s->message);
    free(s->bookmark);
    free(s->previous);
    cJSON_Delete(s->rows);
    cJSON_Delete(s->results);
    cJSON_Delete(s->changes);
    free(s);
}

/* ---- cells ---- */

static bool blob_cell(const char *hex, struct arena *arena, struct value *ret)
{
    size_t n = strlen(hex) / 2;
    char *p = arena_alloc(arena, n);
    if (!p || strlen(hex) % 2)
        return false;
    for (size_t i = 0; i < n; i++) {
        char digits[] = { hex[2 * i], hex[2 * i + 1], '\0' }, *end;
        p[i] = (char)strtoul(digits, &end, 16);
        if (end != digits + 2)
            return false;
    }
    *ret = value_blob((struct str){ p, n });
    return true;
}

static bool object_cell(const cJSON *item, struct arena *arena, struct value *ret)
{
    const char *text = cJSON_GetStringValue(item->child);
    if (!item->child)
        return false;
    if (strcmp(item->child->string, "hex") == 0)
        return text && blob_cell(text, arena, ret);
    if (strcmp(item->child->string, "int") == 0) {
        int64_t v;
        bool ok = text && str_to_int64(str_from(text), &v);
        *ret = ok ? value_integer(v) : value_null();
        return ok;
    }
    *ret = value_real(cJSON_GetNumberValue(item->child));
    return strcmp(item->child->string, "real") == 0 && cJSON_IsNumber(item->child);
}

bool fake_cell(const cJSON *item, struct arena *arena, struct value *ret)
{
    if (cJSON_IsNull(item)) {
        *ret = value_null();
    } else if (cJSON_IsString(item)) {
        *ret = value_text(str_from(item->valuestring));
    } else if (cJSON_IsNumber(item)) {
        double v = item->valuedouble;
        *ret = v == trunc(v) && fabs(v) < 9007199254740992.0 ? value_integer((int64_t)v) : value_real(v);
    } else {
        return cJSON_IsObject(item) && object_cell(item, arena, ret);
    }
    return true;
}
