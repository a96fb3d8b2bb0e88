/*
 * degrees.c - trigonometry in degrees (PostgreSQL 9.3). Angles whose answer is a plain fraction give it exactly: sind(30) is 0.5, so
 * everything is scaled by what the C library says of 30, 45 and 60 degrees.
 */
#include "proxy/sql/functions/arguments.h"

#include <math.h>

static const double radians = 0.0174532925199432957692; /* of one degree */

static double sine_to_30(double x)
{
    return sin(x * radians) / sin(30 * radians) / 2;
}

static double cosine_to_60(double x)
{
    double from_one = 1 - cos(x * radians);
    return 1 - from_one / (1 - cos(60 * radians)) / 2;
}

/* Of 0 to 90 degrees. */
static double sine(double x)
{
    return x <= 30 ? sine_to_30(x) : cosine_to_60(90 - x);
}

static double cosine(double x)
{
    return x <= 60 ? cosine_to_60(x) : sine_to_30(90 - x);
}

/* Of 0 to 1. */
static double arc_sine(double x)
{
    return x <= 0.5 ? asin(x) / asin(0.5) * 30 : 90 - acos(x) / acos(0.5) * 60;
}

static double arc_cosine(double x)
{
    return x <= 0.5 ? 90 - asin(x) / asin(0.5) * 30 : acos(x) / acos(0.5) * 60;
}

static double sign_of(double x)
{
    return x < 0 ? -1 : 1;
}

/* An angle folded into 0 … 90 degrees; how often it was turned over on the way, by which function. */
struct folded {
    double angle;
    bool below, past_180, past_90;
};

static struct folded fold(double x)
{
    struct folded f = { .angle = fmod(x, 360) };
    if ((f.below = f.angle < 0))
        f.angle = -f.angle;
    if ((f.past_180 = f.angle > 180))
        f.angle = 360 - f.angle;
    if ((f.past_90 = f.angle > 90))
        f.angle = 180 - f.angle;
    return f;
}

static double sind(double x)
{
    struct folded f = fold(x);
    return (f.below != f.past_180 ? -1 : 1) * sine(f.angle);
}

static double cosd(double x)
{
    struct folded f = fold(x);
    return (f.past_90 ? -1 : 1) * cosine(f.angle);
}

static double ratio(const struct folded *f, double above, double below, double at_45)
{
    double sign = ((f->below != f->past_180) != f->past_90) ? -1 : 1, r = sign * (above / below / at_45);
    return r == 0 ? 0 : r; /* no -0 */
}

static double tand(double x)
{
    struct folded f = fold(x);
    return ratio(&f, sine(f.angle), cosine(f.angle), sine(45) / cosine(45));
}

static double cotd(double x)
{
    struct folded f = fold(x);
    return ratio(&f, cosine(f.angle), sine(f.angle), cosine(45) / sine(45));
}

static double asind(double x)
{
    return sign_of(x) * arc_sine(fabs(x));
}

static double acosd(double x)
{
    return x >= 0 ? arc_cosine(x) : 90 + arc_sine(-x);
}

static double atand(double x)
{
    return atan(x) / atan(1.0) * 45;
}

static void give(sqlite3_context *c, double v)
{
    if (isnan(v))
        local_result_text(c, STR("NaN"));
    else
        sqlite3_result_double(c, v);
}

/* name(x) where x is within -limit … limit; NaN of NaN. */
static void apply(sqlite3_context *c, int n, sqlite3_value **args, double limit, double (*function)(double))
{
    STRICT(n, args);
    double x = argument_double(args[0]);
    if (!isnan(x) && (isinf(x) ? limit < (double)INFINITY || function != atand : fabs(x) > limit))
        fail_with(c, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE, "input is out of range");
    else
        give(c, isnan(x) ? x : function(x));
}

#define ANGLE(name, limit)                                                                                             \
    static void give_##name(sqlite3_context *c, int n, sqlite3_value **args)                                           \
    {                                                                                                                  \
        apply(c, n, args, limit, name);                                                                                \
    }
ANGLE(sind, (double)INFINITY)
ANGLE(cosd, (double)INFINITY)
ANGLE(tand, (double)INFINITY)
ANGLE(cotd, (double)INFINITY)
ANGLE(atand, (double)INFINITY)
ANGLE(asind, 1)
ANGLE(acosd, 1)

static void atan2d(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    give(c, atan2(argument_double(args[0]), argument_double(args[1])) / atan(1.0) * 45);
}

enum { PURE = LOCAL_STRICT | LOCAL_DETERMINISTIC };

static const struct local_function functions[] = {
    { .name = "pg_dsind", .n_args = 1, .flags = PURE, .call = give_sind },
    { .name = "pg_dcosd", .n_args = 1, .flags = PURE, .call = give_cosd },
    { .name = "pg_dtand", .n_args = 1, .flags = PURE, .call = give_tand },
    { .name = "pg_dcotd", .n_args = 1, .flags = PURE, .call = give_cotd },
    { .name = "pg_dasind", .n_args = 1, .flags = PURE, .call = give_asind },
    { .name = "pg_dacosd", .n_args = 1, .flags = PURE, .call = give_acosd },
    { .name = "pg_datand", .n_args = 1, .flags = PURE, .call = give_atand },
    { .name = "pg_datan2d", .n_args = 2, .flags = PURE, .call = atan2d },
};

const struct local_family local_family_degrees = { .functions = functions,
                                                   .n_functions = sizeof(functions) / sizeof(functions[0]) };
