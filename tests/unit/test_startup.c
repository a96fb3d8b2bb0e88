/* test_startup.c - the packets before a session. */
/* LINK pgd1_pgwire pgd1_base */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "pgwire/backend.h"
#include "pgwire/frame.h"
#include "pgwire/startup.h"

#define V30 "\0\x03\0\0"
#define V32 "\0\x03\0\x02"

static const struct {
    const char *rule;
    struct str body;
    enum sqlstate code; /* SUCCESSFUL_COMPLETION: good */
    const char *message;
    enum startup_kind kind;
    uint32_t version;
    bool negotiate;
    const char *user, *database;
} cases[] = {
    { "3.0 with a user", STR_INIT(V30 "user\0joe\0\0"), 0, NULL, STARTUP_SESSION, PROTOCOL(3, 0), false, "joe", "joe" },
    { "3.2 with a database", STR_INIT(V32 "user\0joe\0database\0app\0\0"), 0, NULL, STARTUP_SESSION, PROTOCOL(3, 2),
      false, "joe", "app" },
    { "3.1 is spoken as it is", STR_INIT("\0\x03\0\x01user\0u\0\0"), 0, NULL, STARTUP_SESSION, PROTOCOL(3, 1), false,
      "u", "u" },
    { "a newer minor version is negotiated", STR_INIT("\0\x03\x27\x0fuser\0u\0\0"), 0, NULL, STARTUP_SESSION,
      PROTOCOL(3, 2), true, "u", "u" },
    { "so is an unknown protocol option", STR_INIT(V30 "_pq_.x\0on\0user\0u\0\0"), 0, NULL, STARTUP_SESSION,
      PROTOCOL(3, 0), true, "u", "u" },
    { "an empty database is the user's", STR_INIT(V30 "user\0u\0database\0\0\0"), 0, NULL, STARTUP_SESSION,
      PROTOCOL(3, 0), false, "u", "u" },
    { "the last of a name wins", STR_INIT(V30 "user\0a\0user\0b\0\0"), 0, NULL, STARTUP_SESSION, PROTOCOL(3, 0), false,
      "b", "b" },
    { "no user", STR_INIT(V30 "\0"), SQLSTATE_INVALID_AUTHORIZATION_SPECIFICATION,
      "no PostgreSQL user name specified in startup packet", 0, 0, 0, 0, 0 },
    { "an empty user", STR_INIT(V30 "user\0\0\0"), SQLSTATE_INVALID_AUTHORIZATION_SPECIFICATION,
      "no PostgreSQL user name specified in startup packet", 0, 0, 0, 0, 0 },
    { "no terminator", STR_INIT(V30 "user\0joe\0"), SQLSTATE_PROTOCOL_VIOLATION,
      "invalid startup packet layout: expected terminator as last byte", 0, 0, 0, 0, 0 },
    { "nothing but the version", STR_INIT(V30), SQLSTATE_PROTOCOL_VIOLATION,
      "invalid startup packet layout: expected terminator as last byte", 0, 0, 0, 0, 0 },
    { "a name without value", STR_INIT(V30 "user\0"), SQLSTATE_PROTOCOL_VIOLATION,
      "invalid startup packet layout: expected terminator as last byte", 0, 0, 0, 0, 0 },
    { "an unterminated value", STR_INIT(V30 "user\0joe"), SQLSTATE_PROTOCOL_VIOLATION,
      "invalid startup packet layout: expected terminator as last byte", 0, 0, 0, 0, 0 },
    { "bytes after the terminator", STR_INIT(V30 "user\0joe\0\0x"), SQLSTATE_PROTOCOL_VIOLATION,
      "invalid startup packet layout: expected terminator as last byte", 0, 0, 0, 0, 0 },
    { "protocol 2.0", STR_INIT("\0\x02\0\0user\0u\0\0"), SQLSTATE_FEATURE_NOT_SUPPORTED,
      "unsupported frontend protocol 2.0: server supports 3.0 to 3.2", 0, 0, 0, 0, 0 },
    { "protocol 4.0", STR_INIT("\0\x04\0\0user\0u\0\0"), SQLSTATE_FEATURE_NOT_SUPPORTED,
      "unsupported frontend protocol 4.0: server supports 3.0 to 3.2", 0, 0, 0, 0, 0 },
    { "an unknown request code", STR_INIT("\x04\xd2\x16\x31"), SQLSTATE_FEATURE_NOT_SUPPORTED,
      "unsupported frontend protocol 1234.5681: server supports 3.0 to 3.2", 0, 0, 0, 0, 0 },
    { "SSLRequest", STR_INIT("\x04\xd2\x16\x2f"), 0, NULL, STARTUP_SSL, 0, false, NULL, NULL },
    { "GSSENCRequest", STR_INIT("\x04\xd2\x16\x30"), 0, NULL, STARTUP_GSSENC, 0, false, NULL, NULL },
    { "SSLRequest with more in it", STR_INIT("\x04\xd2\x16\x2f!"), SQLSTATE_PROTOCOL_VIOLATION,
      "invalid length of startup packet", 0, 0, 0, 0, 0 },
    { "a packet without code", STR_INIT("\0\x03"), SQLSTATE_PROTOCOL_VIOLATION, "invalid length of startup packet", 0,
      0, 0, 0, 0 },
    { "CancelRequest without key", STR_INIT("\x04\xd2\x16\x2e\0\0\0\x01"), SQLSTATE_PROTOCOL_VIOLATION,
      "invalid length of cancel request packet", 0, 0, 0, 0, 0 },
    { "CancelRequest with a short key",
      STR_INIT("\x04\xd2\x16\x2e\0\0\0\x01"
               "abc"),
      SQLSTATE_PROTOCOL_VIOLATION, "invalid length of cancel request packet", 0, 0, 0, 0, 0 },
    { "CancelRequest of nothing", STR_INIT("\x04\xd2\x16\x2e"), SQLSTATE_PROTOCOL_VIOLATION,
      "invalid length of cancel request packet", 0, 0, 0, 0, 0 },
};

static void check(size_t i, struct str body)
{
    AUTO(arena) arena = arena_new(4096);
    struct startup s = { .kind = 99 };
    struct err e;
    err_init(&e, arena);
    bool good = startup_read(body, &s, &e);
    if (good != (cases[i].message == NULL))
        fail_msg("%s", cases[i].rule);
    if (!good) {
        assert_int_equal(e.code, cases[i].code);
        assert_true(str_is(e.message, cases[i].message));
        assert_int_equal(s.kind, 99); /* outputs are left alone */
        return;
    }
    assert_int_equal(s.kind, cases[i].kind);
    assert_int_equal(s.version, cases[i].version);
    assert_int_equal(s.negotiate, cases[i].negotiate);
    if (cases[i].user) {
        assert_true(str_is(s.user, cases[i].user));
        assert_true(str_is(s.database, cases[i].database));
    }
}

/* The packet of the case's body through the framer, a byte more each time. */
static void check_byte_by_byte(size_t i)
{
    AUTO(arena) arena = arena_new(4096);
    struct frame_limits limits = frame_limits_default(0);
    struct buf b;
    struct frame f;
    struct err e;
    err_init(&e, arena);
    buf_init(&b, 1000);
    size_t mark = wr_begin(&b, 0);
    buf_add_str(&b, cases[i].body);
    wr_end(&b, mark);
    for (size_t n = 0; n < b.n && cases[i].body.n >= 4; n++)
        assert_int_equal(frame_next((struct str){ b.p, n }, PHASE_STARTUP, &limits, &f, &e), FRAME_MORE);
    enum frame_result got = frame_next(buf_str(&b), PHASE_STARTUP, &limits, &f, &e);
    assert_int_equal(got, cases[i].body.n >= 4 ? FRAME_OK : FRAME_BAD);
    if (got == FRAME_OK)
        check(i, f.body);
    buf_fini(&b);
}

static void the_table_holds(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        check(i, cases[i].body);
        check_byte_by_byte(i);
    }
}

static void cancel_keys_are_4_to_256_bytes(void **state)
{
    (void)state;
    char key[300];
    memset(key, 'k', sizeof(key));
    for (size_t n = 0; n <= sizeof(key); n++) {
        AUTO(arena) arena = arena_new(4096);
        struct startup s;
        struct err e;
        struct buf b;
        err_init(&e, arena);
        buf_init(&b, 1000);
        startup_write_cancel(&b, 77, (struct str){ key, n });
        bool good = startup_read((struct str){ b.p + 4, b.n - 4 }, &s, &e);
        assert_int_equal(good, n >= 4 && n <= 256);
        if (good) {
            assert_int_equal(s.kind, STARTUP_CANCEL);
            assert_int_equal(s.pid, 77);
            assert_int_equal(s.key.n, n);
        }
        buf_fini(&b);
    }
    assert_int_equal(startup_cancel_key_length(PROTOCOL(3, 0)), 4);
    assert_int_equal(startup_cancel_key_length(PROTOCOL(3, 1)), 4);
    assert_int_equal(startup_cancel_key_length(PROTOCOL(3, 2)), 32);
}

static void parameters_come_in_order(void **state)
{
    (void)state;
    const struct str pairs[] = { STR("user"),        STR("joe"),    STR("application_name"), STR(""),
                                 STR("options"),     STR("-c x=y"), STR("_pq_.a"),           STR("1"),
                                 STR("replication"), STR("false"),  STR("DateStyle"),        STR("ISO"),
                                 STR("_pq_.b"),      STR("2") };
    const size_t n = sizeof(pairs) / sizeof(pairs[0]);
    AUTO(arena) arena = arena_new(4096);
    struct startup s;
    struct err e;
    struct buf b, out;
    err_init(&e, arena);
    buf_init(&b, 1000);
    buf_init(&out, 1000);
    startup_write_session(&b, PROTOCOL(3, 5), pairs, n);
    assert_true(startup_read((struct str){ b.p + 4, b.n - 4 }, &s, &e));
    assert_int_equal(s.asked, PROTOCOL(3, 5));
    assert_true(str_is(s.options, "-c x=y"));
    assert_true(str_is(s.replication, "false"));
    struct str name, value;
    size_t i = 0, settings = 0;
    for (struct rd at = rd_from(s.parameters); startup_parameter(&at, &name, &value); i += 2) {
        assert_true(str_eq(name, pairs[i]));
        assert_true(str_eq(value, pairs[i + 1]));
        settings += startup_is_setting(name);
    }
    assert_int_equal(i, n);
    assert_int_equal(settings, 2); /* application_name, DateStyle */
    backend_negotiate(&out, &s);
    assert_true(str_eq(buf_str(&out), STR("v\0\0\0\x1a\0\x03\0\x02\0\0\0\x02_pq_.a\0_pq_.b\0")));
    buf_fini(&b);
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_holds),
        cmocka_unit_test(cancel_keys_are_4_to_256_bytes),
        cmocka_unit_test(parameters_come_in_order),
    };
    return cmocka_run_group_tests_name("startup", tests, NULL, NULL);
}
