/* test_log.c - one line per event: level, event, pairs; values quoted where they must be. */
/* LINK pgd1_base */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <unistd.h>
#include "proxy/base/log.h"

/* What the function writes to stderr, in a text of its own until the next call. */
static const char *captured(void (*write_log)(void))
{
    static char text[8192];
    int ends[2], saved = dup(STDERR_FILENO);
    assert_int_equal(pipe(ends), 0);
    assert_true(fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0 && saved >= 0);
    dup2(ends[1], STDERR_FILENO);
    write_log();
    dup2(saved, STDERR_FILENO);
    ssize_t n = read(ends[0], text, sizeof(text) - 1);
    text[n < 0 ? 0 : n] = 0;
    close(ends[0]);
    close(ends[1]);
    close(saved);
    return text;
}

static void write_one(void)
{
    char a[64];
    log_event(LOG_LEVEL_WARNING, "login", "session=%u user=%s", 7u, log_quote(a, sizeof(a), STR("joe x")));
}

static void a_line_has_time_level_event_and_pairs(void **state)
{
    (void)state;
    const char *line = captured(write_one);
    int year, month, day, hour, minute, milli, end = 0;
    int second;
    assert_int_equal(
        sscanf(line, "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ %n", &year, &month, &day, &hour, &minute, &second, &milli, &end), 7);
    assert_true(year >= 2024 && month <= 12 && end > 0);
    assert_string_equal(line + end, "warning login session=7 user=\"joe x\"\n");
}

static void write_all_levels(void)
{
    log_event(LOG_LEVEL_DEBUG, "d", "x=%d", 1);
    log_event(LOG_LEVEL_INFO, "i", "x=%d", 1);
    log_event(LOG_LEVEL_WARNING, "w", "x=%d", 1);
    log_event(LOG_LEVEL_ERROR, "e", "x=%d", 1);
}

static void levels_below_the_lowest_are_silent(void **state)
{
    (void)state;
    static const char *const events[] = { " d x=1\n", " i x=1\n", " w x=1\n", " e x=1\n" };
    for (int lowest = LOG_LEVEL_DEBUG; lowest <= LOG_LEVEL_ERROR; lowest++) {
        log_set_level((enum log_level)lowest);
        const char *text = captured(write_all_levels);
        for (int level = LOG_LEVEL_DEBUG; level <= LOG_LEVEL_ERROR; level++) {
            assert_int_equal(strstr(text, events[level]) != NULL, level >= lowest);
            assert_int_equal(log_wants((enum log_level)level), level >= lowest);
        }
    }
    log_set_level(LOG_LEVEL_INFO);
}

static void write_long(void)
{
    char text[5000];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = 0;
    log_event(LOG_LEVEL_ERROR, "long", "text=%s", text);
}

static void a_long_line_is_cut_and_still_a_line(void **state)
{
    (void)state;
    const char *line = captured(write_long);
    assert_true(strlen(line) > 1000 && strlen(line) <= 2048);
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
}

static void values_are_quoted_where_needed(void **state)
{
    (void)state;
    static const struct {
        struct str in;
        const char *out;
    } cases[] = {
        { STR_INIT("plain"), "plain" },
        { STR_INIT(""), "\"\"" },
        { STR_INIT("two words"), "\"two words\"" },
        { STR_INIT("a=b"), "\"a=b\"" },
        { STR_INIT("say \"hi\""), "\"say \\\"hi\\\"\"" },
        { STR_INIT("line\nend\x7f"), "\"line\\x0aend\\x7f\"" },
        { STR_INIT("nul\0"), "\"nul\\x00\"" },
        { STR_INIT("\xc3\xa9"), "\xc3\xa9" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char out[100];
        assert_string_equal(log_quote(out, sizeof(out), cases[i].in), cases[i].out);
    }
}

/* Whatever the room, the text ends within it and no line end gets through. */
static void quoting_fits_any_room(void **state)
{
    (void)state;
    const struct str in = STR("a long \"value\"\n with everything = in it\x01\x02\x03\x04");
    for (size_t size = 1; size < 100; size++) {
        char *out = malloc(size); /* a block of its own: the sanitizer sees a byte too many */
        assert_non_null(out);
        log_quote(out, size, in);
        assert_true(strlen(out) < size);
        assert_null(strchr(out, '\n'));
        free(out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_has_time_level_event_and_pairs),
        cmocka_unit_test(levels_below_the_lowest_are_silent),
        cmocka_unit_test(a_long_line_is_cut_and_still_a_line),
        cmocka_unit_test(values_are_quoted_where_needed),
        cmocka_unit_test(quoting_fits_any_room),
    };
    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
