/* test_frame.c - need more, bad, or one whole message; limits hold before anything is reserved. */
/* LINK pgd1_pgwire pgd1_base */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "pgwire/frame.h"

enum { LARGE = 100000 };

static const struct {
    const char *rule;
    enum phase phase;
    struct str in;
    enum frame_result want;
    enum msg msg;        /* FRAME_OK */
    size_t size;         /* FRAME_OK: of the first message; FRAME_MORE: need */
    const char *message; /* FRAME_BAD */
} cases[] = {
    { "nothing yet", PHASE_READY, STR_INIT(""), FRAME_MORE, 0, 5, NULL },
    { "a tag alone is not a message", PHASE_READY, STR_INIT("Q"), FRAME_MORE, 0, 5, NULL },
    { "a header alone is not a message", PHASE_READY, STR_INIT("Q\0\0\0\x05"), FRAME_MORE, 0, 6, NULL },
    { "a length below four is a violation", PHASE_READY, STR_INIT("Q\0\0\0\x03"), FRAME_BAD, 0, 0,
      "invalid message length" },
    { "the smallest query", PHASE_READY, STR_INIT("Q\0\0\0\x05\0"), FRAME_OK, MSG_query, 6, NULL },
    { "only the first of two", PHASE_READY, STR_INIT("S\0\0\0\x04X\0\0\0\x04"), FRAME_OK, MSG_sync, 5, NULL },
    { "an unknown tag", PHASE_READY, STR_INIT("!\0\0\0\x04"), FRAME_BAD, 0, 0, "invalid frontend message type 33" },
    { "an unknown tag is refused at its first byte", PHASE_READY, STR_INIT("\xff"), FRAME_BAD, 0, 0,
      "invalid frontend message type 255" },
    { "a backend's tag is unknown too", PHASE_READY, STR_INIT("Z\0\0\0\x05I"), FRAME_BAD, 0, 0,
      "invalid frontend message type 90" },
    { "a password after authentication", PHASE_READY, STR_INIT("p\0\0\0\x05\0"), FRAME_BAD, 0, 0,
      "invalid frontend message type 112" },
    { "a password while authenticating", PHASE_AUTH, STR_INIT("p\0\0\0\x05\0"), FRAME_OK, MSG_password, 6, NULL },
    { "a query while authenticating", PHASE_AUTH, STR_INIT("Q"), FRAME_BAD, 0, 0,
      "expected password response, got message type 81" },
    { "terminate while authenticating", PHASE_AUTH, STR_INIT("X\0\0\0\x04"), FRAME_OK, MSG_terminate, 5, NULL },
    { "a query during COPY", PHASE_COPY_IN, STR_INIT("Q\0\0\0\x05\0"), FRAME_BAD, 0, 0,
      "unexpected message type 0x51 during COPY from stdin" },
    { "data during COPY", PHASE_COPY_IN, STR_INIT("d\0\0\0\x06xy"), FRAME_OK, MSG_copy_data, 7, NULL },
    { "flush during COPY", PHASE_COPY_IN, STR_INIT("H\0\0\0\x04"), FRAME_OK, MSG_flush, 5, NULL },
    { "copy data after the COPY failed", PHASE_READY, STR_INIT("d\0\0\0\x04"), FRAME_OK, MSG_copy_data, 5, NULL },
    { "a 1 GB length is refused, not waited for", PHASE_READY, STR_INIT("Q\x40\0\0\0"), FRAME_BAD, 0, 0,
      "invalid message length" },
    { "a negative length", PHASE_READY, STR_INIT("Q\xff\xff\xff\xff"), FRAME_BAD, 0, 0, "invalid message length" },
    { "a small message of 10,000 bytes waits", PHASE_READY, STR_INIT("D\0\0\x27\x14"), FRAME_MORE, 0, 10005, NULL },
    { "a small message above 10,000 bytes", PHASE_READY, STR_INIT("D\0\0\x27\x15"), FRAME_BAD, 0, 0,
      "invalid message length" },
    { "a large message up to its limit waits", PHASE_READY, STR_INIT("Q\0\x01\x86\xa4"), FRAME_MORE, 0, 100005, NULL },
    { "a large message above its limit", PHASE_READY, STR_INIT("Q\0\x01\x86\xa5"), FRAME_BAD, 0, 0,
      "invalid message length" },
    { "a password of 64 kB waits", PHASE_AUTH, STR_INIT("p\0\x01\0\x03"), FRAME_MORE, 0, 65540, NULL },
    { "a longer password", PHASE_AUTH, STR_INIT("p\0\x01\0\x04"), FRAME_BAD, 0, 0, "invalid message length" },
    { "a start-up packet has no tag", PHASE_STARTUP, STR_INIT("\0\0\0\x08\x04\xd2\x16\x2f"), FRAME_OK, MSG_startup, 8,
      NULL },
    { "a start-up packet holds at least its code", PHASE_STARTUP, STR_INIT("\0\0\0\x07\0\0\0"), FRAME_BAD, 0, 0,
      "invalid length of startup packet" },
    { "a start-up packet of 10,000 bytes waits", PHASE_STARTUP, STR_INIT("\0\0\x27\x14"), FRAME_MORE, 0, 10004, NULL },
    { "a longer start-up packet", PHASE_STARTUP, STR_INIT("\0\0\x27\x15"), FRAME_BAD, 0, 0,
      "invalid length of startup packet" },
    { "HTTP on the port is refused at once", PHASE_STARTUP, STR_INIT("GET / HTTP/1.1\r\n"), FRAME_BAD, 0, 0,
      "invalid length of startup packet" },
    { "so is a TLS hello", PHASE_STARTUP, STR_INIT("\x16\x03\x01\x02\0\x01"), FRAME_BAD, 0, 0,
      "invalid length of startup packet" },
};

static void check(size_t i, struct arena *arena)
{
    struct frame_limits limits = frame_limits_default(LARGE);
    struct frame f = { 0 };
    struct err e;
    err_init(&e, arena);
    enum frame_result got = frame_next(cases[i].in, cases[i].phase, &limits, &f, &e);
    if (got != cases[i].want)
        fail_msg("%s: %d", cases[i].rule, got);
    if (got == FRAME_MORE) {
        assert_int_equal(f.need, cases[i].size);
    } else if (got == FRAME_OK) {
        assert_int_equal(f.msg, cases[i].msg);
        assert_int_equal(f.size, cases[i].size);
        assert_int_equal(f.tag, msg_tag(cases[i].msg));
        assert_int_equal(f.body.n, f.size - (cases[i].phase == PHASE_STARTUP ? 4 : 5));
    } else {
        assert_int_equal(e.code, SQLSTATE_PROTOCOL_VIOLATION);
        assert_true(str_is(e.message, cases[i].message));
    }
}

/* Each shorter prefix asks for more, and for more than it has, or is refused already as the whole is. */
static void check_prefixes(size_t i, struct arena *arena)
{
    struct frame_limits limits = frame_limits_default(LARGE);
    size_t whole = cases[i].want == FRAME_OK ? cases[i].size : cases[i].in.n;
    bool refused = false;
    for (size_t n = 0; n < whole; n++) {
        char copy[64]; /* exactly n bytes, so that the sanitizer sees a read beyond */
        struct frame f = { 0 };
        struct err e;
        err_init(&e, arena);
        memcpy(copy, cases[i].in.p, n);
        enum frame_result got = frame_next((struct str){ copy, n }, cases[i].phase, &limits, &f, &e);
        if (got == FRAME_BAD)
            refused = true;
        else if (got != FRAME_MORE || f.need <= n || refused)
            fail_msg("%s: after %zu bytes", cases[i].rule, n);
    }
    if (refused)
        assert_int_equal(cases[i].want, FRAME_BAD);
}

static void the_table_holds(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        AUTO(arena) arena = arena_new(65536);
        check(i, arena);
        check_prefixes(i, arena);
    }
}

static void the_large_limit_is_capped(void **state)
{
    (void)state;
    assert_int_equal(frame_limits_default(SIZE_MAX).bytes[FRAME_LIMIT_LARGE], (1u << 30) - 5);
    assert_int_equal(frame_limits_default(7).bytes[FRAME_LIMIT_LARGE], 7);
}

/* Every tag in every phase: welcome exactly where msg.def says. */
static void tags_are_welcome_where_the_table_says(void **state)
{
    (void)state;
    struct frame_limits limits = frame_limits_default(LARGE);
    for (enum phase phase = PHASE_AUTH; phase < PHASE_NR; phase++) {
        for (int tag = 0; tag < 256; tag++) {
            AUTO(arena) arena = arena_new(4096);
            struct err e;
            struct frame f;
            enum msg msg;
            char bytes[5] = { (char)tag, 0, 0, 0, 4 };
            err_init(&e, arena);
            bool welcome = msg_find_frontend((char)tag, &msg) && (msg_phases(msg) >> phase & 1);
            enum frame_result got = frame_next((struct str){ bytes, 5 }, phase, &limits, &f, &e);
            assert_int_equal(got, welcome ? FRAME_OK : FRAME_BAD);
        }
    }
}

struct row {
    char direction, tag;
    const char *name;
};

static const struct row rows[] = {
#define FRONTEND(tag, name, where, limit) { 'F', tag, #name },
#define BACKEND(tag, name) { 'B', tag, #name },
#include "pgwire/msg.def"
#undef FRONTEND
#undef BACKEND
};

static void messages_are_sorted_and_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_string_equal(msg_name((enum msg)i), rows[i].name);
        assert_int_equal(msg_tag((enum msg)i), rows[i].tag);
        assert_int_equal(msg_phases((enum msg)i) != 0, rows[i].direction == 'F');
        if (i > 0 && rows[i - 1].direction == rows[i].direction)
            assert_true(rows[i - 1].tag < rows[i].tag);
    }
    assert_string_equal(msg_name(MSG_startup), "startup");
    assert_int_equal(msg_tag(MSG_startup), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_holds),
        cmocka_unit_test(the_large_limit_is_capped),
        cmocka_unit_test(tags_are_welcome_where_the_table_says),
        cmocka_unit_test(messages_are_sorted_and_named),
    };
    return cmocka_run_group_tests_name("frame", tests, NULL, NULL);
}
