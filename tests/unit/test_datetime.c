/* test_datetime.c - the calendar, the words of input, zones, limits. Random texts are compared with PostgreSQL in tests/differential. */
/* LINK pgd1_pgwire pgd1_base */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "pgwire/datetime.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct fixture {
    struct arena *arena;
    struct err err;
    struct type_settings settings;
};

static int setup(void **state)
{
    struct fixture *f = test_calloc(1, sizeof(*f));
    f->arena = arena_new(1 << 20);
    err_init(&f->err, f->arena);
    f->settings = *type_settings_default();
    *state = f;
    return f->arena ? 0 : -1;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    arena_free(f->arena);
    test_free(f);
    return 0;
}

static void assert_text(struct str have, const char *want)
{
    if (!str_is(have, want))
        fail_msg("have \"%.*s\", want \"%s\"", STR_FMT(have), want);
}

/* ---- calendar */

static void days_and_dates_are_inverse(void **state)
{
    (void)state;
    struct civil c, before = { 0 };
    for (int64_t day = DATE_MIN; day<4000000; day += day> - 2000 && day < 25000 ? 1 : 97) {
        civil_from_days(day, &c);
        assert_true(civil_to_days(c.year, c.month, c.day) == day);
        assert_true(c.month >= 1 && c.month <= 12 && c.day >= 1 && c.day <= civil_month_days(c.year, c.month));
        assert_true(c.year >= before.year || day == DATE_MIN);
        before = c;
    }
    civil_from_days(DATE_MIN, &c);
    assert_int_equal(c.year, -4713);
    assert_int_equal(c.month, 11);
    assert_int_equal(c.day, 24);
    assert_int_equal(civil_to_days(2000, 1, 1), DATE_2000);
    assert_int_equal(civil_to_days(1970, 1, 1), 0);
    assert_int_equal(civil_month_days(1900, 2), 28);
    assert_int_equal(civil_month_days(2000, 2), 29);
}

static void timestamps_before_1970_have_positive_clocks(void **state)
{
    (void)state;
    struct civil c;
    civil_from_timestamp(-1, &c);
    assert_int_equal(c.year, 1969);
    assert_int_equal(c.hour, 23);
    assert_int_equal(c.us, 999999);
    assert_true(civil_to_timestamp(&c) == -1);
    assert_int_equal(timestamp_to_date(-1), -1);
    assert_true(timestamp_to_time(-1) == US_PER_DAY - 1);
}

static void weeks_are_iso(void **state)
{
    (void)state;
    static const struct {
        int year, month, day, iso_year, week, weekday;
    } cases[] = {
        { 2005, 1, 1, 2004, 53, 6 },   { 2005, 1, 3, 2005, 1, 1 },  { 2008, 12, 29, 2009, 1, 1 },
        { 2020, 12, 31, 2020, 53, 4 }, { 2021, 1, 3, 2020, 53, 0 }, { 1, 1, 1, 1, 1, 1 },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        int32_t year;
        int week;
        int64_t day = civil_to_days(cases[i].year, cases[i].month, cases[i].day);
        days_iso_week(day, &year, &week);
        assert_int_equal(year, cases[i].iso_year);
        assert_int_equal(week, cases[i].week);
        assert_int_equal(days_weekday(day), cases[i].weekday);
        assert_true(days_from_iso_week(year, week) <= day && day < days_from_iso_week(year, week) + 7);
    }
}

/* ---- the tables of words, which are searched by halves */

static void words_are_sorted(void **state)
{
    (void)state;
    static const char *const words[] = {
#define WORD(text, kind, value) text,
#include "pgwire/datetime_words.def"
#undef WORD
    };
    static const char *const units[] = {
#define UNIT(text, unit) text,
#include "pgwire/datetime_words.def"
#undef UNIT
    };
    static const char *const zones[] = {
#define ABBREVIATION(name, seconds, dst) name,
#define ABBREVIATION_OF(name, zone) name,
#include "pgwire/timezone_abbreviations.def"
#undef ABBREVIATION
#undef ABBREVIATION_OF
    };
    for (size_t i = 1; i < COUNT(words); i++)
        assert_true(strcmp(words[i - 1], words[i]) < 0);
    for (size_t i = 1; i < COUNT(units); i++)
        assert_true(strcmp(units[i - 1], units[i]) < 0);
    for (size_t i = 1; i < COUNT(zones); i++)
        assert_true(strcmp(zones[i - 1], zones[i]) < 0);
}

/* ---- input */

static const struct {
    const char *in, *want; /* ISO, or the SQLSTATE after '!' */
} timestamps[] = {
    { "2001-02-03 04:05:06", "2001-02-03 04:05:06" },
    { "2001-02-03T04:05:06.7", "2001-02-03 04:05:06.7" },
    { "2001-02-03", "2001-02-03 00:00:00" },
    { "2/3/2001 4:05 pm", "2001-02-03 16:05:00" },
    { "Sat Feb 3 04:05:06 2001 PST", "2001-02-03 04:05:06" },
    { "February 3, 2001", "2001-02-03 00:00:00" },
    { "20010203T040506", "2001-02-03 04:05:06" },
    { "2001.034", "2001-02-03 00:00:00" },
    { "J2451944", "2001-02-03 00:00:00" },
    { "y2001m02d03 h4mm5s6", "2001-02-03 04:05:06" },
    { "2001-02-03 24:00:00", "2001-02-04 00:00:00" },
    { "2001-02-03 23:59:60", "2001-02-04 00:00:00" },
    { "0044-03-15 BC", "0044-03-15 00:00:00 BC" },
    { "99-12-31", "!22008" }, /* month 99 in MDY order */
    { "12-31-99", "1999-12-31 00:00:00" },
    { "epoch", "1970-01-01 00:00:00" },
    { "infinity", "infinity" },
    { "-infinity", "-infinity" },
    { "2001-02-29", "!22008" },
    { "2001-13-01", "!22008" },
    { "2001-02-03 25:00", "!22008" },
    { "2001-02-03 04:05:06 +16", "!22009" },
    { "2001-02-03 04:05 nowhere", "!22007" },
    { "2001-02-03 04:05 Europe/Nowhere", "!22023" },
    { "294277-01-01", "!22008" },
    { "4714-11-23 BC", "!22008" },
    { "0000-01-01", "!22008" },
    { "soon", "!22007" },
    { "", "!22007" },
    { "2001-02-03 04:05:06 07:08", "!22007" },
    { "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26", "!22007" },
};

static void timestamps_are_read_by_postgresqls_rules(void **state)
{
    struct fixture *f = *state;
    char room[DATETIME_TEXT_MAX];
    for (size_t i = 0; i < COUNT(timestamps); i++) {
        int64_t t = 42;
        err_clear(&f->err);
        bool ok = timestamp_parse(str_from(timestamps[i].in), &f->settings, &t, &f->err);
        if (ok != (timestamps[i].want[0] != '!'))
            fail_msg("\"%s\": %.*s", timestamps[i].in, STR_FMT(f->err.message));
        if (ok)
            assert_text((struct str){ room, timestamp_print(room, t, &f->settings) }, timestamps[i].want);
        else
            assert_string_equal(sqlstate_code(f->err.code), timestamps[i].want + 1);
        assert_true(ok || t == 42);
    }
}

static void the_order_of_dates_is_a_setting(void **state)
{
    struct fixture *f = *state;
    static const struct {
        enum date_order order;
        const char *in;
        int year, month, day;
    } cases[] = {
        { DATE_ORDER_MDY, "1/2/03", 2003, 1, 2 },       { DATE_ORDER_DMY, "1/2/03", 2003, 2, 1 },
        { DATE_ORDER_YMD, "1/2/03", 2001, 2, 3 },       { DATE_ORDER_DMY, "2003-01-02", 2003, 1, 2 },
        { DATE_ORDER_MDY, "1-Feb-69", 2069, 2, 1 },     { DATE_ORDER_MDY, "1-Feb-70", 1970, 2, 1 },
        { DATE_ORDER_YMD, "12-Jan-1999", 1999, 1, 12 },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        int32_t date;
        f->settings.date_order = cases[i].order;
        assert_true(date_parse(str_from(cases[i].in), &f->settings, &date, &f->err));
        assert_int_equal(date, civil_to_days(cases[i].year, cases[i].month, cases[i].day));
    }
    int32_t date;
    f->settings.date_order = DATE_ORDER_DMY;
    assert_false(date_parse(STR("12/31/1999"), &f->settings, &date, &f->err));
    assert_text(f->err.message, "date/time field value out of range: \"12/31/1999\"");
    assert_text(f->err.hint, "Perhaps you need a different \"datestyle\" setting.");
}

static void now_is_the_transactions(void **state)
{
    struct fixture *f = *state;
    char room[DATETIME_TEXT_MAX];
    static const struct {
        const char *in, *want;
    } cases[] = {
        { "now", "2001-02-03 01:30:00" },
        { "today", "2001-02-03 00:00:00" },
        { "tomorrow", "2001-02-04 00:00:00" },
        { "yesterday noon", "!22007" },
        { "yesterday allballs", "2001-02-02 00:00:00" },
        { "today 04:05", "2001-02-03 04:05:00" },
        { "04:05:06.5 today", "2001-02-03 04:05:06.5" },
        { "16:00 tomorrow", "2001-02-04 16:00:00" },
    };
    f->settings.zone = zone_find(STR("Europe/Berlin"));
    f->settings.now_us = civil_to_timestamp(&(struct civil){ 2001, 2, 3, 0, 30, 0, 0 });
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t t;
        bool ok = timestamp_parse(str_from(cases[i].in), &f->settings, &t, &f->err);
        assert_int_equal(ok, cases[i].want[0] != '!');
        if (ok)
            assert_text((struct str){ room, timestamp_print(room, t, &f->settings) }, cases[i].want);
    }
}

/* ---- zones */

static const struct {
    const char *zone, *utc, *shown;
} shown[] = {
    { "Europe/Berlin", "2024-07-01 12:00:00", "2024-07-01 14:00:00+02" },
    { "europe/berlin", "2024-01-01 12:00:00", "2024-01-01 13:00:00+01" },
    { "Europe/Berlin", "1800-01-01 12:00:00", "1800-01-01 12:53:28+00:53:28" },
    { "Europe/Berlin", "2999-07-01 12:00:00", "2999-07-01 14:00:00+02" },
    { "Europe/Dublin", "2050-12-01 12:00:00", "2050-12-01 12:00:00+00" },
    { "America/St_Johns", "2024-01-01 12:00:00", "2024-01-01 08:30:00-03:30" },
    { "+02", "2024-01-01 12:00:00", "2024-01-01 14:00:00+02" },
    { "-3.5", "2024-01-01 12:00:00", "2024-01-01 08:30:00-03:30" },
    { "<-03>+03", "2024-01-01 12:00:00", "2024-01-01 09:00:00-03" },
    { "FOO-5BAR,M3.5.0/2,M10.5.0/3", "2024-07-01 12:00:00", "2024-07-01 18:00:00+06" },
    { "FOO-5BAR,J60,J300", "2024-02-29 18:59:59", "2024-02-29 23:59:59+05" },
    { "utc", "2024-07-01 12:00:00", "2024-07-01 12:00:00+00" },
    { "EST5EDT", "2024-07-01 12:00:00", "2024-07-01 08:00:00-04" },
};

static void zones_show_their_offset(void **state)
{
    struct fixture *f = *state;
    char room[DATETIME_TEXT_MAX];
    for (size_t i = 0; i < COUNT(shown); i++) {
        int64_t t;
        f->settings.zone = zone_find(str_from(shown[i].zone));
        assert_non_null(f->settings.zone);
        assert_true(timestamptz_from_storage(str_from(shown[i].utc), &t, &f->err));
        assert_text((struct str){ room, timestamptz_print(room, t, &f->settings) }, shown[i].shown);
    }
}

static void zones_postgresql_refuses(void **state)
{
    (void)state;
    static const char *const names[] = { "",
                                         "CEST",
                                         "z",
                                         "Europe",
                                         "Europe/",
                                         "../UTC",
                                         "/etc/passwd",
                                         "zone.tab",
                                         "right/UTC",
                                         "200",
                                         "nan",
                                         "FOO5BAR,M13.1.0,M1.1.0",
                                         "FOO5BAR,junk",
                                         "<FOO5" };
    for (size_t i = 0; i < COUNT(names); i++)
        if (zone_find(str_from(names[i])))
            fail_msg("\"%s\" was found", names[i]);
    char name[300];
    memset(name, 'A', sizeof(name));
    assert_null(zone_find((struct str){ name, sizeof(name) }));
    assert_null(zone_find((struct str){ "UTC\0x", 5 }));
}

static void zone_names_are_those_of_the_files(void **state)
{
    (void)state;
    assert_text(zone_name(zone_find(STR("EUROPE/berlin"))), "Europe/Berlin");
    assert_ptr_equal(zone_find(STR("EUROPE/berlin")), zone_find(STR("Europe/Berlin")));
    assert_text(zone_name(zone_find(STR("foo3bar"))), "FOO3BAR");
    assert_text(zone_name(zone_find(STR("-3.5"))), "<-03:30>+03:30");
    assert_text(zone_name(zone_utc()), "UTC");
}

/* Clocks put forward at 2:00 and back at 3:00: the time skipped is read by the old offset, the repeated one by the new. */
static void gaps_and_overlaps(void **state)
{
    struct fixture *f = *state;
    static const char *const cases[][2] = {
        { "2024-03-31 01:59:59", "2024-03-31 00:59:59" }, { "2024-03-31 02:30:00", "2024-03-31 01:30:00" },
        { "2024-03-31 03:00:00", "2024-03-31 01:00:00" }, { "2024-10-27 01:59:59", "2024-10-26 23:59:59" },
        { "2024-10-27 02:30:00", "2024-10-27 01:30:00" }, { "2024-10-27 03:00:00", "2024-10-27 02:00:00" },
    };
    const struct zone *berlin = zone_find(STR("Europe/Berlin"));
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t local, utc, want;
        assert_true(timestamp_from_storage(str_from(cases[i][0]), &local, &f->err));
        assert_true(timestamp_from_storage(str_from(cases[i][1]), &want, &f->err));
        assert_true(timestamp_to_timestamptz(local, berlin, &utc, &f->err));
        assert_true(utc == want);
    }
}

static void abbreviations_of_the_default_set(void **state)
{
    (void)state;
    int east;
    bool is_dst;
    const struct zone *zone;
    assert_true(zone_abbreviation(STR("cest"), &east, &is_dst, &zone));
    assert_int_equal(east, 7200);
    assert_true(is_dst && !zone);
    assert_true(zone_abbreviation(STR("msk"), &east, &is_dst, &zone));
    assert_text(zone_name(zone), "Europe/Moscow");
    assert_int_equal(zone_abbreviation_offset(zone, STR("msk"), 1300000000), 3 * 3600); /* 2011, before the change */
    assert_int_equal(zone_abbreviation_offset(zone, STR("msk"), 1350000000), 4 * 3600); /* 2012 */
    assert_false(zone_abbreviation(STR("nowhere"), &east, &is_dst, &zone));
}

/* ---- intervals */

static const struct {
    const char *in, *postgres, *verbose, *sql, *iso;
} intervals[] = {
    { "0", "00:00:00", "@ 0", "0", "PT0S" },
    { "1 year 2 mons", "1 year 2 mons", "@ 1 year 2 mons", "1-2", "P1Y2M" },
    { "3 days 04:05:06.7", "3 days 04:05:06.7", "@ 3 days 4 hours 5 mins 6.7 secs", "3 4:05:06.7", "P3DT4H5M6.7S" },
    { "-1 day 2 hours", "-1 days +02:00:00", "@ 1 day -2 hours ago", "+0-0 -1 +2:00:00", "P-1DT2H" },
    { "-1 year -2 mons +3 days -04:05:06", "-1 years -2 mons +3 days -04:05:06",
      "@ 1 year 2 mons -3 days 4 hours 5 mins 6 secs ago", "-1-2 +3 -4:05:06", "P-1Y-2M3DT-4H-5M-6S" },
    { "-0.5 sec", "-00:00:00.5", "@ 0.5 secs ago", "-0:00:00.5", "PT-0.5S" },
    { "1 sec", "00:00:01", "@ 1 sec", "0:00:01", "PT1S" },
};

static void intervals_have_four_styles(void **state)
{
    struct fixture *f = *state;
    char room[DATETIME_TEXT_MAX];
    for (size_t i = 0; i < COUNT(intervals); i++) {
        const char *const want[] = { intervals[i].postgres, intervals[i].verbose, intervals[i].sql, intervals[i].iso };
        struct interval v, again;
        assert_true(interval_parse(str_from(intervals[i].in), -1, &f->settings, &v, &f->err));
        for (int style = 0; style < 4; style++) {
            struct str text = { room, interval_print(room, &v, (enum interval_style)style) };
            assert_text(text, want[style]);
            f->settings.interval_style = (enum interval_style)style;
            assert_true(interval_parse(text, -1, &f->settings, &again, &f->err));
            assert_memory_equal(&again, &v, sizeof(v));
        }
        f->settings.interval_style = INTERVAL_STYLE_POSTGRES;
    }
}

static void the_longest_interval_survives_storage(void **state)
{
    struct fixture *f = *state;
    static const struct interval ends[] = { { INT32_MIN, INT32_MIN, INT64_MIN },
                                            { INT32_MAX, INT32_MAX, INT64_MAX },
                                            { -1, 1, -1 },
                                            { 0, 0, INT64_MIN },
                                            { 11, -1, 1 } };
    for (size_t i = 0; i < COUNT(ends); i++) {
        struct str text;
        struct interval v = { 1, 1, 1 };
        assert_true(interval_to_storage(&ends[i], f->arena, &text, &f->err));
        assert_true(interval_from_storage(text, &v, &f->err));
        assert_memory_equal(&v, &ends[i], sizeof(v));
        for (int style = 0; style < 4; style++) {
            char room[DATETIME_TEXT_MAX];
            assert_true(interval_print(room, &ends[i], (enum interval_style)style) < DATETIME_TEXT_MAX);
        }
    }
}

static void sql_standard_style_spreads_the_sign(void **state)
{
    struct fixture *f = *state;
    struct interval v;
    assert_true(interval_parse(STR("-1 2:03:04"), -1, &f->settings, &v, &f->err));
    assert_int_equal(v.days, -1);
    assert_true(v.us > 0);
    f->settings.interval_style = INTERVAL_STYLE_SQL_STANDARD;
    assert_true(interval_parse(STR("-1 2:03:04"), -1, &f->settings, &v, &f->err));
    assert_int_equal(v.days, -1);
    assert_true(v.us < 0);
}

/* ---- arithmetic that must not overflow */

static void arithmetic_stops_at_its_limits(void **state)
{
    struct fixture *f = *state;
    const struct interval months = { .months = INT32_MAX }, days = { .days = INT32_MAX }, us = { .us = INT64_MAX },
                          least = { .us = INT64_MIN };
    struct interval v;
    int64_t t;
    int32_t d;
    assert_false(timestamp_add(0, &months, &t, &f->err));
    assert_string_equal(sqlstate_code(f->err.code), "22008");
    err_clear(&f->err);
    assert_false(timestamp_add(0, &days, &t, &f->err));
    err_clear(&f->err);
    assert_false(timestamp_add(US_PER_DAY, &us, &t, &f->err));
    err_clear(&f->err);
    assert_false(timestamptz_add(0, &months, zone_find(STR("Europe/Berlin")), &t, &f->err));
    err_clear(&f->err);
    assert_true(timestamp_add(TIMESTAMP_INFINITY, &least, &t, &f->err));
    assert_true(t == TIMESTAMP_INFINITY);
    assert_false(interval_add(&months, &months, &v, &f->err));
    err_clear(&f->err);
    assert_false(interval_negate(&least, &v, &f->err));
    err_clear(&f->err);
    assert_false(interval_multiply(&us, 2, &v, &f->err));
    err_clear(&f->err);
    assert_false(interval_divide(&us, 0, &v, &f->err));
    assert_string_equal(sqlstate_code(f->err.code), "22012");
    err_clear(&f->err);
    assert_false(timestamp_difference(TIMESTAMP_INFINITY, 0, &v, &f->err));
    err_clear(&f->err);
    assert_false(date_add_days(0, INT64_MAX, &d, &f->err));
    err_clear(&f->err);
    assert_false(date_to_timestamp(200000000, &t, &f->err));
    err_clear(&f->err);
    assert_true(time_add(US_PER_DAY - 1, &us) >= 0);
    assert_true(time_add(0, &least) >= 0 && time_add(0, &least) < US_PER_DAY);
    assert_true(interval_compare(&us, &least) > 0);
}

static void made_of_numbers(void **state)
{
    struct fixture *f = *state;
    int32_t date;
    int64_t t;
    struct interval v;
    assert_true(date_make(2024, 2, 29, &date, &f->err));
    assert_int_equal(date, civil_to_days(2024, 2, 29));
    assert_true(date_make(-44, 3, 15, &date, &f->err));
    assert_int_equal(date, civil_to_days(-43, 3, 15));
    assert_false(date_make(0, 1, 1, &date, &f->err));
    assert_text(f->err.message, "date field value out of range: 0-01-01");
    err_clear(&f->err);
    assert_false(date_make(2023, 2, 29, &date, &f->err));
    err_clear(&f->err);
    assert_true(time_make(24, 0, 0, &t, &f->err));
    assert_true(t == US_PER_DAY);
    assert_false(time_make(10, 55, 100.1, &t, &f->err));
    assert_text(f->err.message, "time field value out of range: 10:55:100.1");
    err_clear(&f->err);
    assert_true(timestamp_make(1973, 7, 15, 8, 15, 55.33, &t, &f->err));
    assert_true(t % US_PER_SECOND == 330000);
    assert_true(interval_make(1, 2, 3, 4, 5, 6, 7.5, &v, &f->err));
    assert_int_equal(v.months, 14);
    assert_int_equal(v.days, 25);
    assert_true(v.us == 5 * US_PER_HOUR + 6 * US_PER_MINUTE + 7500000);
    assert_false(interval_make(INT32_MAX, 0, 0, 0, 0, 0, 0, &v, &f->err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(days_and_dates_are_inverse, setup, teardown),
        cmocka_unit_test_setup_teardown(timestamps_before_1970_have_positive_clocks, setup, teardown),
        cmocka_unit_test_setup_teardown(weeks_are_iso, setup, teardown),
        cmocka_unit_test_setup_teardown(words_are_sorted, setup, teardown),
        cmocka_unit_test_setup_teardown(timestamps_are_read_by_postgresqls_rules, setup, teardown),
        cmocka_unit_test_setup_teardown(the_order_of_dates_is_a_setting, setup, teardown),
        cmocka_unit_test_setup_teardown(now_is_the_transactions, setup, teardown),
        cmocka_unit_test_setup_teardown(zones_show_their_offset, setup, teardown),
        cmocka_unit_test_setup_teardown(zones_postgresql_refuses, setup, teardown),
        cmocka_unit_test_setup_teardown(zone_names_are_those_of_the_files, setup, teardown),
        cmocka_unit_test_setup_teardown(gaps_and_overlaps, setup, teardown),
        cmocka_unit_test_setup_teardown(abbreviations_of_the_default_set, setup, teardown),
        cmocka_unit_test_setup_teardown(intervals_have_four_styles, setup, teardown),
        cmocka_unit_test_setup_teardown(the_longest_interval_survives_storage, setup, teardown),
        cmocka_unit_test_setup_teardown(sql_standard_style_spreads_the_sign, setup, teardown),
        cmocka_unit_test_setup_teardown(arithmetic_stops_at_its_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(made_of_numbers, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
