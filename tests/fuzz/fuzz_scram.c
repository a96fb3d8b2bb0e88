/* LINK pgd1_pgwire pgd1_base */
/*
 * A SCRAM client from any bytes. The first byte: bit 0 PLUS, bit 1 TLS, bit 2 unknown user, bit 3 the rest is a verifier's
 * text, bit 4 it is a password. Messages are lines; "%" in the second stands for the nonce so far. Nobody gets in.
 */
#include "pgwire/scram.h"
#include "tests/fuzz/fuzz.h"

#define MUST(x) ((x) ? (void)0 : abort())
#define SECRET STR("0123456789abcdef0123456789abcdef")

static void fuzz_verifier(struct str text)
{
    struct scram_verifier v, again;
    struct buf a, b;
    if (!scram_verifier_parse(text, &v))
        return;
    buf_init(&a, 1000);
    buf_init(&b, 1000);
    scram_verifier_print(&v, &a);
    MUST(scram_verifier_parse(buf_str(&a), &again));
    scram_verifier_print(&again, &b);
    MUST(str_eq(buf_str(&a), buf_str(&b)));
    buf_fini(&a);
    buf_fini(&b);
}

static void fuzz_password(struct str password)
{
    struct buf b;
    buf_init(&b, 1 << 20);
    if (scram_saslprep(password, &b))
        MUST(str_is_utf8(buf_str(&b), NULL) || memchr(password.p, 0, password.n));
    buf_fini(&b);
}

/* Puts the exchange's nonce where the line says "%". */
static void fill_in(const struct scram *s, struct str line, struct buf *out)
{
    for (size_t i = 0; i < line.n; i++) {
        if (line.p[i] == '%')
            buf_add(out, s->nonce, s->nonce_length);
        else
            buf_add_char(out, line.p[i]);
    }
}

static enum scram_result step(struct scram *s, struct str line, struct err *e)
{
    struct buf message, out;
    buf_init(&message, 1 << 16);
    buf_init(&out, 1 << 16);
    buf_add_str(&message, STR(""));
    fill_in(s, line, &message);
    enum scram_state before = s->state;
    enum scram_result result = scram_step(s, buf_str(&message), &out, e);
    MUST(result != SCRAM_SUCCESS);
    MUST((result == SCRAM_FAILED) == err_is_set(e));
    MUST(before == s->state || scram_may_move(before, s->state));
    MUST(result == SCRAM_CONTINUE || out.n == 0);
    buf_fini(&message);
    buf_fini(&out);
    return result;
}

static void fuzz_exchange(unsigned char flags, struct str text)
{
    AUTO(arena) arena = arena_new(1 << 16);
    struct scram_verifier v = {
        .iterations = 1, .salt_length = 4, .salt = "salt", .stored_key = "nobody has this key"
    };
    struct scram s;
    struct err e;
    err_init(&e, arena);
    struct str mechanism = flags & 1 ? SCRAM_SHA_256_PLUS : SCRAM_SHA_256, hash = flags & 2 ? STR("hash") : STR("");
    if (!scram_init(&s, mechanism, flags & 4 ? NULL : &v, STR("joe"), SECRET, hash, &e))
        return;
    while (text.n) {
        const char *end = memchr(text.p, '\n', text.n);
        struct str line = { text.p, end ? (size_t)(end - text.p) : text.n };
        if (step(&s, line, &e) == SCRAM_FAILED)
            break;
        text = end ? (struct str){ end + 1, text.n - line.n - 1 } : (struct str){ 0 };
    }
    scram_fini(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct str rest = { (const char *)data + 1, size - 1 };
    if (data[0] & 8)
        fuzz_verifier(rest);
    else if (data[0] & 16)
        fuzz_password(rest);
    else
        fuzz_exchange(data[0], rest);
    return 0;
}
