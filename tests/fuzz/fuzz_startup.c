/* LINK pgd1_pgwire pgd1_base */
/* A start-up packet's body from any bytes. What reads must write back to the same bytes. */
#include "pgwire/backend.h"
#include "tests/fuzz/fuzz.h"

#define MUST(x) ((x) ? (void)0 : abort())
enum { PAIRS_MAX = 256 };

static void check_session(const struct startup *s, struct str body)
{
    struct str pairs[2 * PAIRS_MAX];
    size_t n = 0, options = 0;
    struct rd at = rd_from(s->parameters);
    while (n < 2 * PAIRS_MAX && startup_parameter(&at, &pairs[n], &pairs[n + 1])) {
        options += startup_is_protocol_option(pairs[n]);
        MUST(!(startup_is_protocol_option(pairs[n]) && startup_is_setting(pairs[n])));
        n += 2;
    }
    MUST(s->version <= PROTOCOL_LATEST && s->version >= PROTOCOL(3, 0));
    MUST(s->user.n > 0 && s->database.n > 0);
    MUST(s->negotiate == (s->asked > PROTOCOL_LATEST || options > 0) || n == 2 * PAIRS_MAX);
    struct buf b;
    buf_init(&b, 1 << 20);
    if (n < 2 * PAIRS_MAX) {
        startup_write_session(&b, s->asked, pairs, n);
        MUST(!b.failed && str_eq((struct str){ b.p + 4, b.n - 4 }, body));
    }
    buf_reset(&b);
    backend_negotiate(&b, s);
    MUST(!b.failed && be_get32(b.p + 1) == b.n - 1);
    buf_fini(&b);
}

static void check_cancel(const struct startup *s, struct str body)
{
    struct buf b;
    buf_init(&b, 1 << 10);
    MUST(s->key.n >= CANCEL_KEY_MIN && s->key.n <= CANCEL_KEY_MAX);
    startup_write_cancel(&b, s->pid, s->key);
    MUST(!b.failed && str_eq((struct str){ b.p + 4, b.n - 4 }, body));
    buf_fini(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO(arena) arena = arena_new(1 << 20);
    struct str body = { (const char *)data, size };
    struct startup s;
    struct err e;
    err_init(&e, arena);
    bool good = startup_read(body, &s, &e);
    MUST(good != err_is_set(&e));
    if (good && s.kind == STARTUP_SESSION)
        check_session(&s, body);
    if (good && s.kind == STARTUP_CANCEL)
        check_cancel(&s, body);
    return 0;
}
