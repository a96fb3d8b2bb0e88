/* retry.c - see retry.h. */
#include "d1/retry.h"

struct row {
    struct str text; /* empty: by number */
    int from, to;
    struct retry_class class;
};

static const struct row texts[] = {
#define RETRY_TEXT(text, kind, transient, ran) { STR_INIT(text), 0, 0, { D1_ERROR_##kind, transient, ran } },
#define RETRY_CODE(code, kind, transient, ran)
#define RETRY_STATUS(from, to, kind, transient, ran)
#include "d1/retry.def"
#undef RETRY_TEXT
#undef RETRY_CODE
#undef RETRY_STATUS
};

static const struct row codes[] = {
#define RETRY_TEXT(text, kind, transient, ran)
#define RETRY_CODE(code, kind, transient, ran) { STR_INIT(""), code, code, { D1_ERROR_##kind, transient, ran } },
#define RETRY_STATUS(from, to, kind, transient, ran)
#include "d1/retry.def"
#undef RETRY_TEXT
#undef RETRY_CODE
#undef RETRY_STATUS
};

static const struct row statuses[] = {
#define RETRY_TEXT(text, kind, transient, ran)
#define RETRY_CODE(code, kind, transient, ran)
#define RETRY_STATUS(from, to, kind, transient, ran) { STR_INIT(""), from, to, { D1_ERROR_##kind, transient, ran } },
#include "d1/retry.def"
#undef RETRY_TEXT
#undef RETRY_CODE
#undef RETRY_STATUS
};

#define N(table) (sizeof(table) / sizeof(*(table)))

static const struct row *find_number(const struct row *rows, size_t n, int number)
{
    for (size_t i = 0; i < n; i++)
        if (number >= rows[i].from && number <= rows[i].to)
            return &rows[i];
    return NULL;
}

static const struct row *find_text(struct str message)
{
    for (size_t i = 0; i < N(texts); i++)
        if (str_find(message, texts[i].text) >= 0)
            return &texts[i];
    return NULL;
}

/*
 * A text that SQLite wrote holds the user's words, or rows on their way out of a speculative batch, after "bad JSON path".
 * It ends with SQLite's own code and must not be taken for one of D1's texts.
 */
static bool is_sqlite_text(struct str message)
{
    enum { TAIL = 128 };
    struct str tail = message.n > TAIL ? (struct str){ message.p + message.n - TAIL, TAIL } : message;
    return str_find(tail, STR(": SQLITE_")) >= 0;
}

struct retry_class retry_classify(int status, int code, struct str message)
{
    const struct row *row = is_sqlite_text(message) ? NULL : find_text(message);
    if (!row && code)
        row = find_number(codes, N(codes), code);
    if (row && row->class.kind == D1_ERROR_SQL && row->from && status >= 500)
        row = NULL; /* REST answers 500 with 7500 for internal errors */
    if (!row)
        row = find_number(statuses, N(statuses), status);
    return row ? row->class : (struct retry_class)
    {
        D1_ERROR_LOST, true, true
    };
}

struct retry_policy retry_policy_default(void)
{
    return (struct retry_policy){ .max_attempts = 10, .base_us = 50000, .max_us = 2000000 };
}

bool retry_wait(const struct retry_policy *policy, unsigned attempts, uint64_t retry_after_us, uint64_t now_us,
                uint64_t deadline_us, uint32_t random, uint64_t *ret_us)
{
    if (attempts >= policy->max_attempts)
        return false;
    unsigned doublings = attempts > 1 ? attempts - 1 : 0;
    uint64_t most = doublings < 32 ? policy->base_us << doublings : policy->max_us;
    if (most > policy->max_us)
        most = policy->max_us;
    uint64_t wait = retry_after_us + (uint64_t)(((__uint128_t)most * random) >> 32);
    if (deadline_us && now_us + wait >= deadline_us)
        return false;
    *ret_us = wait;
    return true;
}
