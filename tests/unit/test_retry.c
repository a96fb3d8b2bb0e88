/* test_retry.c - what D1's errors mean, and how long to wait. */
/* LINK pgd1_d1 pgd1_base */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "d1/retry.h"

static const struct {
    const char *rule;
    int status, code;
    const char *message;
    enum d1_error_kind kind;
    bool transient, ran;
} errors[] = {
    /* the gateway: 422 is D1's own text */
    { "SQL", 422, 0, "no such table: t: SQLITE_ERROR", D1_ERROR_SQL, false, false },
    { "a constraint", 422, 0, "UNIQUE constraint failed: t.a: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_UNIQUE)",
      D1_ERROR_SQL, false, false },
    { "too long a queue", 422, 0, "D1 DB is overloaded. Requests queued for too long.", D1_ERROR_OVERLOADED, true,
      false },
    { "too many in it", 422, 0, "D1 DB is overloaded. Too many requests queued.", D1_ERROR_OVERLOADED, true, false },
    { "the quota", 422, 0, "Your account has exceeded D1's free tier daily row read limit.", D1_ERROR_OVERLOADED, false,
      false },
    { "new code", 422, 0, "D1 DB reset because its code was updated.", D1_ERROR_LOST, true, true },
    { "start-up", 422, 0, "Internal error while starting up D1 DB storage caused object to be reset.", D1_ERROR_LOST,
      true, true },
    { "storage", 422, 0, "Internal error in D1 DB storage caused object to be reset.", D1_ERROR_LOST, true, true },
    { "connection", 422, 0, "Network connection lost.", D1_ERROR_LOST, true, true },
    { "remote node", 422, 0, "Cannot resolve D1 DB due to transient issue on remote node.", D1_ERROR_LOST, true, true },
    { "stream", 422, 0, "Can't read from request stream because client disconnected.", D1_ERROR_LOST, true, true },
    { "reference", 422, 0, "internal error; reference = 0123456789abcdef", D1_ERROR_LOST, true, true },
    { "a heavy query is not asked again", 422, 0,
      "D1 DB storage operation exceeded timeout which caused object to be reset.", D1_ERROR_LOST, false, true },
    { "nor one that needs the CPU", 422, 0, "D1 DB exceeded its CPU time limit and was reset.", D1_ERROR_LOST, false,
      true },
    { "nor one that needs memory", 422, 0, "D1 DB's isolate exceeded its memory limit and was reset.", D1_ERROR_LOST,
      false, true },
    { "a rolled back commit", 422, 0,
      "Durable Object was reset and rolled back to its last known good state because FOREIGN KEY constraint failed",
      D1_ERROR_SQL, false, false },
    { "words of a user in SQLite's text mean nothing", 422, 0,
      "bad JSON path: '>[\"Network connection lost\"]': SQLITE_ERROR", D1_ERROR_SQL, false, false },
    { "nor in a raised text", 422, 0,
      "Too many requests queued: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_TRIGGER)", D1_ERROR_SQL, false, false },
    { "wrong token", 401, 0, "gateway: token missing or wrong", D1_ERROR_AUTH, false, false },
    { "no such binding", 404, 0, "gateway: no D1 binding has the name X", D1_ERROR_AUTH, false, false },
    { "request too big", 413, 0, "gateway: a request may have 33554432 bytes", D1_ERROR_TOO_BIG, false, false },
    { "not the protocol", 400, 0, "gateway: the request is not JSON", D1_ERROR_INTERNAL, false, false },
    /* REST */
    { "SQL over REST", 400, 7500, "no such table: x: SQLITE_ERROR", D1_ERROR_SQL, false, false },
    { "internal over REST", 500, 7500, "internal error; reference = abc", D1_ERROR_LOST, true, true },
    { "7500 without known text is ambiguous with 500", 500, 7500, "something", D1_ERROR_LOST, true, true },
    { "overload over REST", 429, 7429, "D1 DB is overloaded. Requests queued for too long.", D1_ERROR_OVERLOADED, true,
      false },
    { "7429 tells resets too", 429, 7429, "D1 DB exceeded its CPU time limit and was reset.", D1_ERROR_LOST, false,
      true },
    { "the API's own limit", 429, 971, "Please wait and consider throttling your request speed", D1_ERROR_OVERLOADED,
      true, false },
    { "no such database", 404, 7404, "The database x could not be found", D1_ERROR_AUTH, false, false },
    { "not an id", 400, 7400, "Invalid property: databaseId => Invalid uuid", D1_ERROR_AUTH, false, false },
    { "no such account", 403, 7403, "The given account is not valid or is not authorized to access this service",
      D1_ERROR_AUTH, false, false },
    { "wrong token over REST", 403, 10000, "Authentication error", D1_ERROR_AUTH, false, false },
    { "input that the API does not take", 400, 10001, "Invalid input", D1_ERROR_INTERNAL, false, false },
    /* whoever is between */
    { "a proxy's 502", 502, 0, "", D1_ERROR_LOST, true, true },
    { "Cloudflare's 530", 530, 0, "", D1_ERROR_LOST, true, true },
    { "429 without text", 429, 0, "", D1_ERROR_OVERLOADED, true, false },
    { "a redirect", 302, 0, "", D1_ERROR_AUTH, false, false },
    { "what no row knows is ambiguous", 200, 0, "", D1_ERROR_LOST, true, true },
};

static void test_meaning(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
        struct retry_class c = retry_classify(errors[i].status, errors[i].code, str_from(errors[i].message));
        if (c.kind != errors[i].kind || c.transient != errors[i].transient || c.ran != errors[i].ran)
            fail_msg("%s: kind %d, transient %d, ran %d", errors[i].rule, c.kind, c.transient, c.ran);
    }
}

static const struct {
    const char *rule;
    unsigned attempts;
    uint64_t retry_after, now, deadline;
    uint32_t random;
    bool ok;
    uint64_t wait;
} waits[] = {
    { "the first wait is at most the base", 1, 0, 0, 0, UINT32_MAX, true, 49999 },
    { "jitter goes down to nothing", 1, 0, 0, 0, 0, true, 0 },
    { "it doubles", 2, 0, 0, 0, UINT32_MAX, true, 99999 },
    { "and is capped", 3, 0, 0, 0, UINT32_MAX, true, 149999 },
    { "the last attempt is followed by none", 4, 0, 0, 0, 0, false, 0 },
    { "what the server asks for comes first", 1, 1000000, 0, 0, 1u << 31, true, 1025000 },
    { "a wait that reaches the deadline is not begun", 1, 1000000, 500, 1000500, 0, false, 0 },
    { "one that ends before it is", 1, 1000000, 500, 1000501, 0, true, 1000000 },
};

static void test_waits(void **state)
{
    (void)state;
    const struct retry_policy policy = { .max_attempts = 4, .base_us = 50000, .max_us = 150000 };
    for (size_t i = 0; i < sizeof(waits) / sizeof(*waits); i++) {
        uint64_t wait = 0;
        bool ok = retry_wait(&policy, waits[i].attempts, waits[i].retry_after, waits[i].now, waits[i].deadline,
                             waits[i].random, &wait);
        if (ok != waits[i].ok || wait != waits[i].wait)
            fail_msg("%s: %d, %llu us", waits[i].rule, ok, (unsigned long long)wait);
    }
}

static void test_waits_stay_in_bounds(void **state)
{
    (void)state;
    const struct retry_policy policy = { .max_attempts = 200, .base_us = 50000, .max_us = 2000000 };
    for (unsigned attempts = 1; attempts < 200; attempts++) {
        uint64_t wait;
        assert_true(retry_wait(&policy, attempts, 0, 0, 0, UINT32_MAX, &wait));
        assert_in_range(wait, 49999, 2000000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_meaning),
        cmocka_unit_test(test_waits),
        cmocka_unit_test(test_waits_stay_in_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
