/* gateway.c - see gateway.h; the protocol is in worker/README.md. */
#include "d1/gateway/gateway.h"

#include "d1/http/inline.h"
#include "d1/http/json_write.h"
#include "d1/http/remote_format.h"

static void gateway_write(const struct d1_request *r, struct str database, struct buf *out)
{
    struct buf sql;
    buf_init(&sql, out->cap);
    buf_add_str(out, STR("{\"db\":"));
    json_write_string(out, database);
    if (r->session.n) {
        buf_add_str(out, STR(",\"session\":"));
        json_write_string(out, r->session);
    }
    if (r->identity.n) {
        buf_add_str(out, STR(",\"identity\":"));
        json_write_string(out, r->identity);
    }
    buf_add_str(out, STR(",\"statements\":["));
    for (size_t i = 0; i < r->n_statements; i++) {
        if (i)
            buf_add_char(out, ',');
        inline_write(&r->statements[i], INLINE_JSON, &sql, out);
        buf_add_str(out, r->statements[i].wants_changes ? STR(",\"changes\":true}") : STR("}"));
    }
    buf_add_str(out, STR("]}"));
    buf_fini(&sql);
}

static void read_bookmark(struct d1_request *r, const cJSON *frame)
{
    const char *bookmark = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(frame, "bookmark"));
    if (bookmark && *bookmark)
        r->bookmark = arena_str(r->arena, str_from(bookmark));
}

static bool read_result(const struct d1_statement *s, const cJSON *item, struct d1_result *ret)
{
    const cJSON *meta = cJSON_GetObjectItemCaseSensitive(item, "meta");
    const cJSON *changes = cJSON_GetObjectItemCaseSensitive(item, "changes");
    if (!cJSON_IsArray(cJSON_GetObjectItemCaseSensitive(item, "rows")) ||
        (s->wants_changes && !cJSON_IsNumber(changes)))
        return false;
    ret->changes = s->wants_changes ? (int64_t)remote_count(item, "changes") : 0;
    ret->rows_read = remote_count(meta, "rows_read");
    ret->rows_written = remote_count(meta, "rows_written");
    return true;
}

static bool gateway_finish(struct d1_request *r, const cJSON *frame, struct d1_result *results, const char **ret_reason)
{
    const cJSON *list = cJSON_GetObjectItemCaseSensitive(frame, "results"), *item;
    size_t n = 0;
    cJSON_ArrayForEach(item, list)
    {
        if (n == r->n_statements || !read_result(&r->statements[n], item, &results[n])) {
            *ret_reason = "the gateway's answer is not of its protocol";
            return false;
        }
        n++;
    }
    if (n != r->n_statements) {
        *ret_reason = "the gateway answered another number of results";
        return false;
    }
    read_bookmark(r, frame);
    return true;
}

static void gateway_explain(struct d1_request *r, const cJSON *frame, int *ret_code, struct str *ret_message)
{
    (void)ret_code;
    const cJSON *error = cJSON_GetObjectItemCaseSensitive(frame, "error");
    const char *message = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(error, "message"));
    if (message)
        *ret_message = str_from(message);
    read_bookmark(r, frame);
}

static const struct remote_format gateway_format = {
    .traits = { .name = "gateway", .bookmarks = true, .max_statement_bytes = 100000, .max_params = 100 },
    .rows_depth = 4,
    .write = gateway_write,
    .finish = gateway_finish,
    .explain = gateway_explain,
};

struct d1 *gateway_open(const struct gateway_options *o, struct event_base *base, const struct clock *clock,
                        struct err *err)
{
    enum { MAX_URL = 8192 };
    struct str root = o->url;
    while (str_ends(root, STR("/")))
        root.n--;
    if (!o->database.n || o->url.n > MAX_URL) {
        err_set(err, SQLSTATE_INVALID_PARAMETER_VALUE, "a gateway needs an address and the name of a binding");
        return NULL;
    }
    struct buf url;
    buf_init(&url, MAX_URL + 64);
    buf_add_str(&url, root);
    buf_add_str(&url, STR("/v1/batch"));
    struct d1 *d = NULL;
    if (url.failed)
        err_oom(err);
    else
        d = remote_open(&gateway_format, buf_str(&url), o->database, &o->remote, base, clock, err);
    buf_fini(&url);
    return d;
}
