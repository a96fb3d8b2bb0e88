/* rest.c - see rest.h. */
#include "d1/rest/rest.h"

#include <time.h>
#include "d1/http/inline.h"
#include "d1/http/remote_format.h"
#include "d1/split.h"

/* A trigger's body must not be taken apart. */
static void write_statement(const struct d1_statement *s, struct buf *sql, struct buf *out)
{
    struct d1_statement whole = *s;
    struct buf text;
    buf_init(&text, out->cap);
    if (split_is_trigger(s->sql)) {
        split_trigger(s->sql, &text);
        whole.sql = buf_str(&text);
    }
    out->failed |= text.failed;
    inline_write(&whole, INLINE_TEXT_ONLY, sql, out);
    buf_fini(&text);
}

static void rest_write(const struct d1_request *r, struct str database, struct buf *out)
{
    (void)database; /* stands in the address */
    struct buf sql;
    buf_init(&sql, out->cap);
    buf_add_str(out, STR("{\"batch\":["));
    for (size_t i = 0; i < r->n_statements; i++) {
        if (i)
            buf_add_char(out, ',');
        write_statement(&r->statements[i], &sql, out);
        buf_add_char(out, '}');
        if (r->statements[i].wants_changes)
            buf_add_str(out, STR(",{\"sql\":\"SELECT changes() AS c0\",\"params\":[]}"));
    }
    buf_add_str(out, STR("]}"));
    buf_fini(&sql);
}

/* Bookmarks and times in D1's forms need no escaping. */
static void rest_travel(const struct d1_request *r, struct buf *out)
{
    enum { SECOND_US = 1000000, MS_US = 1000 };
    char time[32] = "";
    time_t seconds = (time_t)(r->at_us / SECOND_US);
    struct tm utc;
    bool is_find = r->travel == D1_FIND_BOOKMARK;
    if (r->at_us && gmtime_r(&seconds, &utc))
        strftime(time, sizeof(time), "%Y-%m-%dT%H:%M:%S", &utc);
    buf_add_str(out, is_find ? STR("time_travel/bookmark") : STR("time_travel/restore"));
    if (r->to_bookmark.n)
        buf_printf(out, "?bookmark=%.*s", STR_FMT(r->to_bookmark));
    else if (time[0])
        buf_printf(out, "?timestamp=%s.%03dZ", time, (int)(r->at_us % SECOND_US / MS_US));
}

static bool take_bookmark(struct d1_request *r, const cJSON *result, const char *key, struct str *ret)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(result, key));
    *ret = text && d1_is_bookmark(str_from(text)) ? arena_str(r->arena, str_from(text)) : (struct str){ 0 };
    return ret->p;
}

static bool finish_travel(struct d1_request *r, const cJSON *frame, const char **ret_reason)
{
    const cJSON *result = cJSON_GetObjectItemCaseSensitive(frame, "result");
    if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(frame, "success")) &&
        take_bookmark(r, result, "bookmark", &r->bookmark) &&
        (r->travel == D1_FIND_BOOKMARK || take_bookmark(r, result, "previous_bookmark", &r->previous)))
        return true;
    *ret_reason = "the answer has no bookmark of D1's";
    return false;
}

/* Every result must say that it succeeded; those of counts are behind their statement's. */
static bool rest_finish(struct d1_request *r, const cJSON *frame, struct d1_result *results, const char **ret_reason)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(frame, "result"), *item;
    size_t n = 0;
    if (r->travel != D1_STAY)
        return finish_travel(r, frame, ret_reason);
    bool is_count = false, ok = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(frame, "success"));
    cJSON_ArrayForEach(item, list)
    {
        ok = ok && n < r->n_statements && cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(item, "success"));
        if (!ok)
            break;
        if (!is_count) {
            const cJSON *meta = cJSON_GetObjectItemCaseSensitive(item, "meta");
            results[n].rows_read = remote_count(meta, "rows_read");
            results[n].rows_written = remote_count(meta, "rows_written");
        }
        is_count = !is_count && r->statements[n].wants_changes;
        n += !is_count;
    }
    if (ok && n == r->n_statements)
        return true;
    *ret_reason = "the answer is not one of D1's REST API";
    return false;
}

static void rest_explain(struct d1_request *r, const cJSON *frame, int *ret_code, struct str *ret_message)
{
    (void)r;
    const cJSON *first = cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(frame, "errors"), 0);
    const char *message = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(first, "message"));
    uint64_t code = remote_count(first, "code");
    if (code <= INT32_MAX)
        *ret_code = (int)code;
    if (!message)
        return;
    *ret_message = str_from(message);
    if (str_starts(*ret_message, STR("D1_ERROR: ")))
        *ret_message = (struct str){ message + sizeof("D1_ERROR: ") - 1, ret_message->n - (sizeof("D1_ERROR: ") - 1) };
}

static const struct remote_format rest_format = {
    .traits = { .name = "rest", .time_travel = true, .max_statement_bytes = 100000, .max_params = 100 },
    .rows_depth = 5,
    .counts_are_results = true,
    .travel = rest_travel,
    .write = rest_write,
    .finish = rest_finish,
    .explain = rest_explain,
};

/* Ids stand in the address: hexadecimal digits and hyphens only, so that nothing else gets into it. */
static bool is_id(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!strchr("0123456789abcdefABCDEF-", s.p[i]) || !s.p[i])
            return false;
    return s.n > 0 && s.n <= 64;
}

struct d1 *rest_open(const struct rest_options *o, struct event_base *base, const struct clock *clock, struct err *err)
{
    enum { MAX_URL = 8192 };
    struct str root = o->base_url.n ? o->base_url : STR("https://api.cloudflare.com/client/v4");
    while (str_ends(root, STR("/")))
        root.n--;
    if (!is_id(o->account) || !is_id(o->database) || root.n > MAX_URL) {
        err_set(err, SQLSTATE_INVALID_PARAMETER_VALUE, "the account or the database is not an id");
        err_hint(err, "Both are hexadecimal; \"wrangler d1 list\" and the dashboard show them.");
        return NULL;
    }
    struct buf url;
    buf_init(&url, MAX_URL + 256);
    buf_printf(&url, "%.*s/accounts/%.*s/d1/database/%.*s/raw", STR_FMT(root), STR_FMT(o->account),
               STR_FMT(o->database));
    struct d1 *d = NULL;
    if (url.failed)
        err_oom(err);
    else
        d = remote_open(&rest_format, buf_str(&url), o->database, &o->remote, base, clock, err);
    buf_fini(&url);
    return d;
}
