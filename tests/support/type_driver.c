/*
 * type_driver.c - lets the differential tests call pgwire's types: one request a line on stdin, one answer a line on stdout.
 * Fields are separated by a blank; texts are hexadecimal, "-" is the empty text.
 *
 *   set NAME TEXT                                   timezone, datestyle, dateorder, intervalstyle, bytea_output, digits, now
 *   decode TYPE FORMAT TYPMOD TEXT                  -> ok CLASS TEXT   (typmod applied as an assignment does; -1: none)
 *   cast TYPE FORMAT TYPMOD TEXT                    -> the same, typmod applied as a cast does
 *   both TYPE FORMAT TYPMOD TEXT                    -> ok CLASS TEXT TEXT TEXT: decoded, then encoded as text and as binary
 *   encode TYPE FORMAT TYPMOD CLASS TEXT            -> ok TEXT
 *   call FUNCTION TEXT…                             -> ok TEXT          (the functions of the table below)
 *   format OID TYPMOD                               -> ok TEXT
 *
 * CLASS is null, integer, real, text or blob; FORMAT 0 or 1. Errors: error SQLSTATE MESSAGE DETAIL HINT CONTEXT.
 */
#include "pgwire/datetime.h"
#include "pgwire/jsonb.h"
#include "pgwire/numeric.h"

#include <math.h>

enum { MAX_FIELDS = 16, ARENA_CAP = 1 << 30, OUT_CAP = 1 << 30 };

struct driver {
    struct type_settings settings;
    struct arena *arena;
    struct err err;
    struct buf out;
    struct str field[MAX_FIELDS]; /* as they came */
    size_t n;
};

/* ---- hexadecimal */

static struct str unhex(struct driver *d, struct str s)
{
    if (str_is(s, "-"))
        return STR("");
    char *p = arena_alloc(d->arena, s.n / 2 + 1);
    for (size_t i = 0; p && i < s.n / 2; i++)
        p[i] = (char)(hex_digit(s.p[2 * i]) << 4 | hex_digit(s.p[2 * i + 1]));
    return (struct str){ p, s.n / 2 };
}

static void put_hex(struct str s)
{
    static const char digits[] = "0123456789abcdef";
    putchar(' ');
    if (s.n == 0)
        putchar('-');
    for (size_t i = 0; i < s.n; i++) {
        putchar(digits[(unsigned char)s.p[i] >> 4]);
        putchar(digits[(unsigned char)s.p[i] & 15]);
    }
}

static struct str text(struct driver *d, size_t i)
{
    return unhex(d, d->field[i]);
}

static int64_t number(const struct driver *d, size_t i)
{
    int64_t v = 0;
    str_to_int64(d->field[i], &v);
    return v;
}

/* ---- values as text */

static const char *const classes[] = { "null", "integer", "real", "text", "blob" };

static void put_value(const struct value *v)
{
    char room[64];
    printf("ok %s", classes[v->class]);
    if (v->class == VALUE_INTEGER)
        put_hex((struct str){ room, (size_t)snprintf(room, sizeof(room), "%lld", (long long)v->integer) });
    else if (v->class == VALUE_REAL)
        put_hex((struct str){ room, (size_t)snprintf(room, sizeof(room), "%.17g", v->real) });
    else
        put_hex(v->class == VALUE_NULL ? STR("") : v->bytes);
}

static struct value value_of(struct driver *d, size_t class_at)
{
    struct str bytes = text(d, class_at + 1);
    int64_t integer = 0;
    if (str_is(d->field[class_at], "integer")) {
        str_to_int64(bytes, &integer);
        return value_integer(integer);
    }
    if (str_is(d->field[class_at], "real"))
        return value_real(strtod(arena_cstr(d->arena, bytes), NULL));
    return str_is(d->field[class_at], "blob") ? value_blob(bytes) : value_text(bytes);
}

/* ---- requests */

static const struct type_info *type_of(struct driver *d, size_t i)
{
    const struct type_info *type = type_find_name(d->field[i]);
    if (!type)
        err_set(&d->err, SQLSTATE_UNDEFINED_OBJECT, "no type %.*s", STR_FMT(d->field[i]));
    return type;
}

static bool decode(struct driver *d, bool is_explicit)
{
    struct value v;
    const struct type_info *type = type_of(d, 1);
    if (!type ||
        !type_decode(type->oid, (enum wire_format)number(d, 2), text(d, 4), &d->settings, d->arena, &v, &d->err) ||
        !type_apply_typmod(type->oid, (int32_t)number(d, 3), is_explicit, d->arena, &v, &d->err))
        return false;
    put_value(&v);
    return true;
}

static bool encode(struct driver *d)
{
    const struct type_info *type = type_of(d, 1);
    struct value v = value_of(d, 4);
    if (!type || !type_encode(type->oid, (int32_t)number(d, 3), (enum wire_format)number(d, 2), &v, &d->settings,
                              d->arena, &d->out, &d->err))
        return false;
    printf("ok");
    put_hex(buf_str(&d->out));
    return true;
}

/* A type without a binary form answers "-" for it. */
static bool both(struct driver *d)
{
    struct value v;
    const struct type_info *type = type_of(d, 1);
    int32_t typmod = (int32_t)number(d, 3);
    if (!type ||
        !type_decode(type->oid, (enum wire_format)number(d, 2), text(d, 4), &d->settings, d->arena, &v, &d->err) ||
        !type_apply_typmod(type->oid, typmod, false, d->arena, &v, &d->err) ||
        !type_encode(type->oid, typmod, WIRE_TEXT, &v, &d->settings, d->arena, &d->out, &d->err))
        return false;
    struct str as_text = arena_str(d->arena, buf_str(&d->out));
    buf_reset(&d->out);
    if (!type_encode(type->oid, typmod, WIRE_BINARY, &v, &d->settings, d->arena, &d->out, &d->err)) {
        if (d->err.code != SQLSTATE_UNDEFINED_FUNCTION)
            return false;
        buf_reset(&d->out);
    }
    put_value(&v);
    put_hex(as_text);
    put_hex(buf_str(&d->out));
    return true;
}

static int choice(struct str s, const char *const *names)
{
    for (int i = 0; names[i]; i++)
        if (str_eq_nocase(s, str_from(names[i])))
            return i;
    return 0;
}

static bool set(struct driver *d)
{
    static const char *const styles[] = { "ISO", "SQL", "Postgres", "German", NULL };
    static const char *const orders[] = { "MDY", "DMY", "YMD", NULL };
    static const char *const intervals[] = { "postgres", "postgres_verbose", "sql_standard", "iso_8601", NULL };
    static const char *const outputs[] = { "hex", "escape", NULL };
    struct str v = text(d, 2);
    int64_t n = 0;
    str_to_int64(v, &n);
    if (str_is(d->field[1], "timezone")) {
        const struct zone *zone = zone_find(v);
        if (!zone)
            return err_set(&d->err, SQLSTATE_INVALID_PARAMETER_VALUE, "no zone");
        d->settings.zone = zone;
    } else if (str_is(d->field[1], "datestyle"))
        d->settings.date_style = (enum date_style)choice(v, styles);
    else if (str_is(d->field[1], "dateorder"))
        d->settings.date_order = (enum date_order)choice(v, orders);
    else if (str_is(d->field[1], "intervalstyle"))
        d->settings.interval_style = (enum interval_style)choice(v, intervals);
    else if (str_is(d->field[1], "bytea_output"))
        d->settings.bytea_output = (enum bytea_output)choice(v, outputs);
    else if (str_is(d->field[1], "digits"))
        d->settings.extra_float_digits = (int)n;
    else
        d->settings.now_us = n;
    printf("ok");
    put_hex(zone_name(d->settings.zone));
    return true;
}

/* ---- functions: arguments are texts, answers too */

static bool answer_numeric(struct driver *d, const struct numeric *n)
{
    printf("ok");
    put_hex(numeric_print(n, d->arena));
    return true;
}

static bool numeric_two(struct driver *d,
                        bool (*f)(struct numeric *, const struct numeric *, const struct numeric *, struct err *))
{
    AUTO_NUMERIC(a);
    AUTO_NUMERIC(b);
    return numeric_parse(&a, text(d, 2), &d->err) && numeric_parse(&b, text(d, 3), &d->err) && f(&a, &a, &b, &d->err) &&
           answer_numeric(d, &a);
}

static bool numeric_one(struct driver *d, bool (*f)(struct numeric *, const struct numeric *, struct err *))
{
    AUTO_NUMERIC(a);
    return numeric_parse(&a, text(d, 2), &d->err) && f(&a, &a, &d->err) && answer_numeric(d, &a);
}

static bool numeric_plain(struct driver *d, void (*f)(struct numeric *, const struct numeric *))
{
    AUTO_NUMERIC(a);
    if (!numeric_parse(&a, text(d, 2), &d->err))
        return false;
    f(&a, &a);
    return answer_numeric(d, &a);
}

static bool numeric_scaled(struct driver *d, void (*f)(struct numeric *, const struct numeric *, int))
{
    AUTO_NUMERIC(a);
    int64_t scale = 0;
    str_to_int64(text(d, 3), &scale);
    if (!numeric_parse(&a, text(d, 2), &d->err))
        return false;
    f(&a, &a, (int)scale);
    return answer_numeric(d, &a);
}

static bool numeric_order(struct driver *d)
{
    AUTO_NUMERIC(a);
    AUTO_NUMERIC(b);
    if (!numeric_parse(&a, text(d, 2), &d->err) || !numeric_parse(&b, text(d, 3), &d->err))
        return false;
    int c = numeric_compare(&a, &b);
    bool same_hash = numeric_hash(&a) == numeric_hash(&b);
    if ((c == 0) != same_hash)
        return err_set(&d->err, SQLSTATE_INTERNAL_ERROR, "hashes do not agree with the order");
    printf("ok");
    put_hex(c < 0 ? STR("-1") : c > 0 ? STR("1") : STR("0"));
    return true;
}

static bool numeric_from_float(struct driver *d)
{
    AUTO_NUMERIC(a);
    numeric_from_double(&a, strtod(arena_cstr(d->arena, text(d, 2)), NULL), 15);
    return answer_numeric(d, &a);
}

static bool float_from_numeric(struct driver *d)
{
    AUTO_NUMERIC(a);
    struct value v;
    if (!numeric_parse(&a, text(d, 2), &d->err))
        return false;
    v = value_real(numeric_to_double(&a));
    if (!type_encode(TYPE_OID_float8, -1, WIRE_TEXT, &v, &d->settings, d->arena, &d->out, &d->err))
        return false;
    printf("ok");
    put_hex(buf_str(&d->out));
    return true;
}

static bool answer_timestamp(struct driver *d, int64_t t, bool with_zone)
{
    char room[DATETIME_TEXT_MAX];
    size_t n = with_zone ? timestamptz_print(room, t, &d->settings) : timestamp_print(room, t, &d->settings);
    printf("ok");
    put_hex((struct str){ room, n });
    return true;
}

static bool answer_interval(struct driver *d, const struct interval *v)
{
    char room[DATETIME_TEXT_MAX];
    printf("ok");
    put_hex((struct str){ room, interval_print(room, v, d->settings.interval_style) });
    return true;
}

static bool get_timestamp(struct driver *d, size_t i, int64_t *ret)
{
    return timestamp_parse(text(d, i), &d->settings, ret, &d->err);
}

static bool get_timestamptz(struct driver *d, size_t i, int64_t *ret)
{
    return timestamptz_parse(text(d, i), &d->settings, ret, &d->err);
}

static bool get_interval(struct driver *d, size_t i, struct interval *ret)
{
    return interval_parse(text(d, i), -1, &d->settings, ret, &d->err);
}

static bool timestamp_plus(struct driver *d, bool with_zone)
{
    int64_t t;
    struct interval v;
    bool ok = (with_zone ? get_timestamptz(d, 2, &t) : get_timestamp(d, 2, &t)) && get_interval(d, 3, &v) &&
              (with_zone ? timestamptz_add(t, &v, d->settings.zone, &t, &d->err) : timestamp_add(t, &v, &t, &d->err));
    return ok && answer_timestamp(d, t, with_zone);
}

static bool timestamps_to_interval(struct driver *d, bool is_age, bool with_zone)
{
    int64_t a, b;
    struct interval v;
    bool ok = with_zone ? get_timestamptz(d, 2, &a) && get_timestamptz(d, 3, &b)
                        : get_timestamp(d, 2, &a) && get_timestamp(d, 3, &b);
    if (!ok)
        return false;
    if (!is_age)
        ok = timestamp_difference(a, b, &v, &d->err);
    else if (with_zone)
        ok = timestamptz_age(a, b, d->settings.zone, &v, &d->err);
    else
        ok = timestamp_age(a, b, &v, &d->err);
    return ok && answer_interval(d, &v);
}

static bool truncate_to(struct driver *d, const char *type)
{
    int64_t t;
    struct interval v;
    struct str unit = text(d, 2);
    if (strcmp(type, "interval") == 0)
        return get_interval(d, 3, &v) && interval_truncate(unit, &v, &v, &d->err) && answer_interval(d, &v);
    if (strcmp(type, "timestamp") == 0)
        return get_timestamp(d, 3, &t) && timestamp_truncate(unit, t, &t, &d->err) && answer_timestamp(d, t, false);
    return get_timestamptz(d, 3, &t) && timestamptz_truncate(unit, t, d->settings.zone, &t, &d->err) &&
           answer_timestamp(d, t, true);
}

static bool extract_from(struct driver *d, const char *type)
{
    struct str unit = text(d, 2), s = text(d, 3);
    struct value v;
    int64_t t;
    int32_t date;
    struct timetz tz;
    struct interval i;
    bool ok;
    if (strcmp(type, "date") == 0)
        ok = date_parse(s, &d->settings, &date, &d->err) && date_extract(unit, date, d->arena, &v, &d->err);
    else if (strcmp(type, "time") == 0)
        ok = time_parse(s, &d->settings, &t, &d->err) && time_extract(unit, t, d->arena, &v, &d->err);
    else if (strcmp(type, "timetz") == 0)
        ok = timetz_parse(s, &d->settings, &tz, &d->err) && timetz_extract(unit, &tz, d->arena, &v, &d->err);
    else if (strcmp(type, "interval") == 0)
        ok = get_interval(d, 3, &i) && interval_extract(unit, &i, d->arena, &v, &d->err);
    else if (strcmp(type, "timestamp") == 0)
        ok = get_timestamp(d, 3, &t) && timestamp_extract(unit, t, d->arena, &v, &d->err);
    else
        ok = get_timestamptz(d, 3, &t) && timestamptz_extract(unit, t, d->settings.zone, d->arena, &v, &d->err);
    if (ok) {
        printf("ok");
        put_hex(v.class == VALUE_NULL ? STR("NULL") : v.bytes);
    }
    return ok;
}

static bool interval_one(struct driver *d, bool (*f)(const struct interval *, struct interval *, struct err *))
{
    struct interval v;
    return get_interval(d, 2, &v) && f(&v, &v, &d->err) && answer_interval(d, &v);
}

static bool interval_scaled(struct driver *d,
                            bool (*f)(const struct interval *, double, struct interval *, struct err *))
{
    struct interval v;
    return get_interval(d, 2, &v) && f(&v, strtod(arena_cstr(d->arena, text(d, 3)), NULL), &v, &d->err) &&
           answer_interval(d, &v);
}

static bool at_zone(struct driver *d, bool from_utc)
{
    int64_t t;
    bool ok = from_utc ? get_timestamptz(d, 3, &t) && timestamptz_at_zone_name(t, text(d, 2), &t, &d->err)
                       : get_timestamp(d, 3, &t) && timestamp_at_zone_name(t, text(d, 2), &t, &d->err);
    return ok && answer_timestamp(d, t, !from_utc);
}

static bool bin(struct driver *d)
{
    struct interval stride;
    int64_t t, origin;
    return get_interval(d, 2, &stride) && get_timestamp(d, 3, &t) && get_timestamp(d, 4, &origin) &&
           timestamp_bin(&stride, t, origin, &t, &d->err) && answer_timestamp(d, t, false);
}

static bool interval_order(struct driver *d)
{
    struct interval a, b;
    if (!get_interval(d, 2, &a) || !get_interval(d, 3, &b))
        return false;
    int c = interval_compare(&a, &b);
    printf("ok");
    put_hex(c < 0 ? STR("-1") : c > 0 ? STR("1") : STR("0"));
    return true;
}

/* interval with a typmod */
static bool interval_typmod(struct driver *d)
{
    struct interval v;
    int64_t typmod = 0;
    str_to_int64(text(d, 3), &typmod);
    return interval_parse(text(d, 2), (int32_t)typmod, &d->settings, &v, &d->err) && answer_interval(d, &v);
}

static bool call(struct driver *d)
{
    struct str f = d->field[1];
#define TWO(name)                                                                                                      \
    if (str_is(f, "numeric_" #name))                                                                                   \
    return numeric_two(d, numeric_##name)
#define ONE(name)                                                                                                      \
    if (str_is(f, "numeric_" #name))                                                                                   \
    return numeric_one(d, numeric_##name)
#define PLAIN(name)                                                                                                    \
    if (str_is(f, "numeric_" #name))                                                                                   \
    return numeric_plain(d, numeric_##name)
    TWO(add);
    TWO(subtract);
    TWO(multiply);
    TWO(divide);
    TWO(divide_integer);
    TWO(modulo);
    TWO(gcd);
    TWO(lcm);
    TWO(log);
    TWO(power);
    ONE(sqrt);
    ONE(exp);
    ONE(ln);
    PLAIN(ceil);
    PLAIN(floor);
    PLAIN(negate);
    PLAIN(absolute);
    PLAIN(trim_scale);
#undef TWO
#undef ONE
#undef PLAIN
    if (str_is(f, "numeric_round"))
        return numeric_scaled(d, numeric_round);
    if (str_is(f, "numeric_truncate"))
        return numeric_scaled(d, numeric_truncate);
    if (str_is(f, "numeric_compare"))
        return numeric_order(d);
    if (str_is(f, "numeric_from_float"))
        return numeric_from_float(d);
    if (str_is(f, "float_from_numeric"))
        return float_from_numeric(d);
    if (str_is(f, "timestamp_add"))
        return timestamp_plus(d, false);
    if (str_is(f, "timestamptz_add"))
        return timestamp_plus(d, true);
    if (str_is(f, "timestamp_difference"))
        return timestamps_to_interval(d, false, false);
    if (str_is(f, "timestamp_age"))
        return timestamps_to_interval(d, true, false);
    if (str_is(f, "timestamptz_age"))
        return timestamps_to_interval(d, true, true);
    if (str_starts(f, STR("truncate_")))
        return truncate_to(d, f.p + 9);
    if (str_starts(f, STR("extract_")))
        return extract_from(d, f.p + 8);
    if (str_is(f, "justify_hours"))
        return interval_one(d, interval_justify_hours);
    if (str_is(f, "justify_days"))
        return interval_one(d, interval_justify_days);
    if (str_is(f, "justify_interval"))
        return interval_one(d, interval_justify_interval);
    if (str_is(f, "interval_multiply"))
        return interval_scaled(d, interval_multiply);
    if (str_is(f, "interval_divide"))
        return interval_scaled(d, interval_divide);
    if (str_is(f, "interval_compare"))
        return interval_order(d);
    if (str_is(f, "interval_typmod"))
        return interval_typmod(d);
    if (str_is(f, "timestamp_at_zone"))
        return at_zone(d, false);
    if (str_is(f, "timestamptz_at_zone"))
        return at_zone(d, true);
    if (str_is(f, "date_bin"))
        return bin(d);
    return err_set(&d->err, SQLSTATE_UNDEFINED_FUNCTION, "no function %.*s", STR_FMT(f));
}

static bool format(struct driver *d)
{
    printf("ok");
    put_hex(type_format((oid_t)number(d, 1), (int32_t)number(d, 2), d->arena));
    return true;
}

static bool run(struct driver *d)
{
    if (str_is(d->field[0], "set"))
        return set(d);
    if (str_is(d->field[0], "decode"))
        return decode(d, false);
    if (str_is(d->field[0], "cast"))
        return decode(d, true);
    if (str_is(d->field[0], "both"))
        return both(d);
    if (str_is(d->field[0], "encode"))
        return encode(d);
    if (str_is(d->field[0], "call"))
        return call(d);
    if (str_is(d->field[0], "format"))
        return format(d);
    return err_set(&d->err, SQLSTATE_SYNTAX_ERROR, "no request %.*s", STR_FMT(d->field[0]));
}

static void split(struct driver *d, char *line)
{
    d->n = 0;
    for (char *p = line; *p && d->n < MAX_FIELDS;) {
        size_t n = strcspn(p, " \n");
        d->field[d->n++] = (struct str){ p, n };
        p += n;
        if (*p)
            *p++ = 0;
    }
    for (size_t i = d->n; i < MAX_FIELDS; i++)
        d->field[i] = STR("-");
}

int main(void)
{
    struct driver d = { .settings = *type_settings_default(), .arena = arena_new(ARENA_CAP) };
    char *line = NULL;
    size_t size = 0;
    buf_init(&d.out, OUT_CAP);
    while (getline(&line, &size, stdin) > 0) {
        err_init(&d.err, d.arena);
        buf_reset(&d.out);
        split(&d, line);
        if (!run(&d)) {
            printf("error %s", sqlstate_code(d.err.code));
            put_hex(d.err.message);
            put_hex(d.err.detail);
            put_hex(d.err.hint);
            put_hex(d.err.context);
        }
        putchar('\n');
        fflush(stdout);
        arena_reset(d.arena);
    }
    free(line);
    buf_fini(&d.out);
    arena_free(d.arena);
    return 0;
}
