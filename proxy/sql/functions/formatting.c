/* formatting.c - sizes for people, names in their parts, Unicode escapes and normal forms (PostgreSQL 9.4, 9.26, 9.27). */
#include <glib.h>

#include "proxy/sql/functions/results.h"

/* ---- sizes: half a unit is rounded away from zero, at 10 kB and above */

struct unit {
    const char *name;
    uint32_t limit; /* sizes below are shown in this unit */
    bool halves;    /* what is kept is twice the size, to be rounded */
    int bits;
};

static const struct unit units[] = {
    { "bytes", 10 * 1024, false, 0 },  { "kB", 20 * 1024 - 1, true, 10 }, { "MB", 20 * 1024 - 1, true, 20 },
    { "GB", 20 * 1024 - 1, true, 30 }, { "TB", 20 * 1024 - 1, true, 40 }, { "PB", 20 * 1024 - 1, true, 50 },
};
enum { N_UNITS = sizeof(units) / sizeof(units[0]) };

/* By how many bits the size shrinks from one unit to the next. */
static int shift_to_next(const struct unit *u)
{
    return u[1].bits - u->bits - u[1].halves + u->halves;
}

static void show_size(sqlite3_context *c, struct numeric *size)
{
    AUTO_NUMERIC(limit);
    AUTO_NUMERIC(absolute);
    AUTO_NUMERIC(divisor);
    size_t i = 0;
    for (;; i++) {
        numeric_from_int64(&limit, units[i].limit);
        numeric_absolute(&absolute, size);
        if (i + 1 == N_UNITS || numeric_compare(&absolute, &limit) < 0)
            break;
        numeric_from_int64(&divisor, INT64_C(1) << shift_to_next(&units[i]));
        if (!numeric_divide_integer(size, size, &divisor, errors(c))) {
            local_fail(c);
            return;
        }
    }
    if (units[i].halves) {
        numeric_from_int64(&limit, numeric_sign(size) < 0 ? -1 : 1);
        numeric_from_int64(&divisor, 2);
        if (!numeric_add(size, size, &limit, errors(c)) || !numeric_divide_integer(size, size, &divisor, errors(c))) {
            local_fail(c);
            return;
        }
    }
    struct str number = numeric_print(size, scratch(c));
    struct str text = number.p ? arena_printf(scratch(c), "%.*s %s", STR_FMT(number), units[i].name) : number;
    if (text.p)
        local_result_text(c, text);
    else
        local_fail(c);
}

static void size_pretty(sqlite3_context *c, int n, sqlite3_value **args)
{
    AUTO_NUMERIC(size);
    STRICT(n, args);
    if (argument_numeric(c, args[0], &size))
        show_size(c, &size);
}

/* ---- names */

static bool is_name_start(char ch)
{
    return ch == '_' || (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (unsigned char)ch >= 0x80;
}

static bool is_name_part(char ch)
{
    return is_name_start(ch) || (ch >= '0' && ch <= '9') || ch == '$';
}

static bool is_blank(char ch)
{
    return ch == ' ' || ch == '\t' || ch == '\n' || ch == '\r' || ch == '\f';
}

struct name_reader {
    sqlite3_context *c;
    struct str all, rest;
    struct rows rows;
};

static bool bad_name(struct name_reader *r, const char *detail)
{
    err_set(errors(r->c), SQLSTATE_INVALID_PARAMETER_VALUE, "string is not a valid identifier: \"%.*s\"",
            STR_FMT(r->all));
    if (detail)
        err_detail(errors(r->c), "%s", detail);
    local_fail(r->c);
    return false;
}

static void skip_bytes(struct name_reader *r, size_t n)
{
    r->rest = (struct str){ r->rest.p + n, r->rest.n - n };
}

static void skip_blanks(struct name_reader *r)
{
    while (r->rest.n && is_blank(r->rest.p[0]))
        skip_bytes(r, 1);
}

static bool take_quoted(struct name_reader *r)
{
    char *name = arena_alloc(scratch(r->c), r->rest.n);
    size_t n = 0, i = 1;
    if (!name) {
        local_fail(r->c);
        return false;
    }
    for (;; i++) {
        if (i >= r->rest.n)
            return bad_name(r, "String has unclosed double quotes.");
        if (r->rest.p[i] == '"') {
            if (i + 1 >= r->rest.n || r->rest.p[i + 1] != '"')
                break;
            i++;
        }
        name[n++] = r->rest.p[i];
    }
    skip_bytes(r, i + 1);
    return n ? rows_add_text(&r->rows, (struct str){ name, n }) : bad_name(r, "Quoted identifier must not be empty.");
}

static bool take_plain(struct name_reader *r)
{
    size_t n = 0;
    while (n < r->rest.n && is_name_part(r->rest.p[n]))
        n++;
    char *name = arena_cstr(scratch(r->c), (struct str){ r->rest.p, n });
    if (!name) {
        local_fail(r->c);
        return false;
    }
    for (size_t i = 0; i < n; i++)
        if (name[i] >= 'A' && name[i] <= 'Z')
            name[i] = (char)(name[i] - 'A' + 'a');
    skip_bytes(r, n);
    return rows_add_text(&r->rows, (struct str){ name, n });
}

static bool take_names(struct name_reader *r, bool strict)
{
    bool after_dot = false;
    for (;;) {
        char ch = r->rest.n ? r->rest.p[0] : 0;
        if (ch != '"' && !is_name_start(ch))
            return bad_name(r, ch == '.'   ? "No valid identifier before \".\"."
                               : after_dot ? "No valid identifier after \".\"."
                                           : NULL);
        if (ch == '"' ? !take_quoted(r) : !take_plain(r))
            return false;
        skip_blanks(r);
        if (!r->rest.n || r->rest.p[0] != '.')
            return !r->rest.n || !strict || bad_name(r, NULL);
        after_dot = true;
        skip_bytes(r, 1);
        skip_blanks(r);
    }
}

/* parse_ident(text, strict) */
static void parse_ident(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    struct name_reader r = { .c = c, .all = local_text(args[0]), .rest = local_text(args[0]) };
    rows_start(&r.rows, c);
    skip_blanks(&r);
    if (take_names(&r, n < 2 || sqlite3_value_int(args[1])))
        rows_give(&r.rows);
    else
        rows_drop(&r.rows);
}

/* ---- Unicode */

static bool bad_escape(sqlite3_context *c)
{
    err_set(errors(c), SQLSTATE_SYNTAX_ERROR, "invalid Unicode escape");
    err_hint(errors(c), "Unicode escapes must be \\XXXX, \\+XXXXXX, \\uXXXX, or \\UXXXXXXXX.");
    local_fail(c);
    return false;
}

static bool bad_pair(sqlite3_context *c)
{
    fail_with(c, SQLSTATE_SYNTAX_ERROR, "invalid Unicode surrogate pair");
    return false;
}

/* So many hex digits as a number; false: they are not there. */
static bool hex_number(struct str s, size_t digits, uint32_t *ret)
{
    uint32_t v = 0;
    for (size_t i = 0; i < digits; i++) {
        int d = i < s.n ? g_ascii_xdigit_value(s.p[i]) : -1;
        if (d < 0)
            return false;
        v = v << 4 | (uint32_t)d;
    }
    *ret = v;
    return true;
}

/* \XXXX, \+XXXXXX, \uXXXX, \UXXXXXXXX; s starts at the backslash. */
static bool read_escape(sqlite3_context *c, struct str s, uint32_t *ret, size_t *ret_size)
{
    static const struct {
        char mark;
        size_t digits;
    } forms[] = { { '+', 6 }, { 'u', 4 }, { 'U', 8 } };
    struct str rest = { s.p + 1, s.n - 1 };
    if (hex_number(rest, 4, ret)) {
        *ret_size = 5;
        return true;
    }
    for (size_t i = 0; rest.n && i < sizeof(forms) / sizeof(*forms); i++)
        if (rest.p[0] == forms[i].mark && hex_number((struct str){ rest.p + 1, rest.n - 1 }, forms[i].digits, ret)) {
            *ret_size = forms[i].digits + 2;
            return true;
        }
    return bad_escape(c);
}

/* A code of an escape, joined with a high surrogate before it. */
static bool add_code(sqlite3_context *c, uint32_t code, uint32_t *high, struct buf *out)
{
    char utf8[6];
    bool is_high = code >= 0xD800 && code <= 0xDBFF, is_low = code >= 0xDC00 && code <= 0xDFFF;
    if (code == 0 || code > 0x10FFFF) {
        fail_with(c, SQLSTATE_INVALID_PARAMETER_VALUE, "invalid Unicode code point: %04X", code);
        return false;
    }
    if ((*high != 0) != is_low)
        return bad_pair(c);
    if (is_high) {
        *high = code;
        return true;
    }
    if (is_low)
        code = 0x10000 + ((*high - 0xD800) << 10) + (code - 0xDC00);
    *high = 0;
    buf_add(out, utf8, (size_t)g_unichar_to_utf8(code, utf8));
    return true;
}

static bool replace_escapes(sqlite3_context *c, struct str s, struct buf *out)
{
    uint32_t high = 0, code;
    size_t i = 0, size;
    while (i < s.n) {
        struct str rest = { s.p + i, s.n - i };
        bool plain = rest.p[0] != '\\', backslash = !plain && rest.n > 1 && rest.p[1] == '\\';
        if ((plain || backslash) && high)
            return bad_pair(c);
        if (plain || backslash) {
            buf_add_char(out, rest.p[0]);
            i += plain ? 1 : 2;
            continue;
        }
        if (!read_escape(c, rest, &code, &size) || !add_code(c, code, &high, out))
            return false;
        i += size;
    }
    return high == 0 || bad_pair(c);
}

static void unistr(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct buf out;
    STRICT(n, args);
    buf_init(&out, MAX_RESULT);
    if (replace_escapes(c, local_text(args[0]), &out))
        result_buf(c, &out);
    else
        buf_fini(&out);
}

static void normalize(sqlite3_context *c, int n, sqlite3_value **args)
{
    static const struct {
        const char *name;
        GNormalizeMode mode;
    } forms[] = { { "NFC", G_NORMALIZE_NFC },
                  { "NFD", G_NORMALIZE_NFD },
                  { "NFKC", G_NORMALIZE_NFKC },
                  { "NFKD", G_NORMALIZE_NFKD } };
    STRICT(n, args);
    struct str text = local_text(args[0]), form = local_text(args[1]);
    for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++)
        if (str_eq_nocase(form, str_from(forms[i].name))) {
            char *normal = g_utf8_normalize(text.p, (gssize)text.n, forms[i].mode);
            if (normal)
                local_result_text(c, str_from(normal));
            else
                local_fail(c);
            g_free(normal);
            return;
        }
    fail_with(c, SQLSTATE_INVALID_PARAMETER_VALUE, "invalid normalization form: %.*s", STR_FMT(form));
}

static void is_normalized(sqlite3_context *c, int n, sqlite3_value **args)
{
    static const struct {
        const char *name;
        GNormalizeMode mode;
    } rows[] = { { "NFC", G_NORMALIZE_NFC },
                 { "NFD", G_NORMALIZE_NFD },
                 { "NFKC", G_NORMALIZE_NFKC },
                 { "NFKD", G_NORMALIZE_NFKD } };
    STRICT(n, args);
    struct str text = local_text(args[0]), form = local_text(args[1]);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (str_eq_nocase(form, str_from(rows[i].name))) {
            char *normal = g_utf8_normalize(text.p, (gssize)text.n, rows[i].mode);
            if (normal)
                result_bool(c, str_is(text, normal));
            else
                local_fail(c);
            g_free(normal);
            return;
        }
    fail_with(c, SQLSTATE_INVALID_PARAMETER_VALUE, "invalid normalization form: %.*s", STR_FMT(form));
}

/* ---- small things that are nobody's */

static void numeric_increment(sqlite3_context *c, int n, sqlite3_value **args)
{
    AUTO_NUMERIC(v);
    AUTO_NUMERIC(one);
    STRICT(n, args);
    numeric_from_int64(&one, 1);
    if (!argument_numeric(c, args[0], &v))
        return;
    if (numeric_add(&v, &v, &one, errors(c)))
        result_numeric(c, &v);
    else
        local_fail(c);
}

/* An interval of PostgreSQL 15 cannot be infinite. */
static void interval_is_finite(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    result_bool(c, true);
}

static void give_char(sqlite3_context *c, struct str text)
{
    struct value v;
    if (type_decode(TYPE_OID_char, WIRE_TEXT, text, settings_of(c), scratch(c), &v, errors(c)))
        local_result_text(c, v.bytes);
    else
        local_fail(c);
}

/* text -> "char": its first byte, or \ooo. */
static void text_char(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    give_char(c, local_text(args[0]));
}

static void i4tochar(sqlite3_context *c, int n, sqlite3_value **args)
{
    int32_t code;
    STRICT(n, args);
    if (!argument_int4(c, args[0], &code))
        return;
    if (code < INT8_MIN || code > INT8_MAX)
        fail_with(c, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE, "\"char\" out of range");
    else if (code == 0)
        local_result_text(c, STR(""));
    else
        give_char(c, arena_printf(scratch(c), "\\%03o", (unsigned)(uint8_t)code));
}

/* The byte as a signed number. */
static void chartoi4(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    struct str s = local_text(args[0]);
    int code = s.n == 4 ? (s.p[1] - '0') << 6 | (s.p[2] - '0') << 3 | (s.p[3] - '0') : s.n ? s.p[0] : 0;
    sqlite3_result_int(c, (int8_t)code);
}

/* age(t): from then to the midnight that today began with. */
static void age_of(sqlite3_context *c, sqlite3_value *arg, const struct zone *zone)
{
    int64_t t, today = timestamptz_to_timestamp(local_current_run(local_of(c))->now_us, settings_of(c)->zone);
    struct interval v;
    if (!argument_timestamp(c, arg, &t))
        return;
    today -= timestamp_to_time(today);
    bool ok = true;
    if (zone)
        ok = timestamp_to_timestamptz(today, zone, &today, errors(c)) && timestamptz_age(today, t, zone, &v, errors(c));
    else
        ok = timestamp_age(today, t, &v, errors(c));
    if (ok)
        result_interval(c, &v);
    else
        local_fail(c);
}

static void age_timestamp(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    age_of(c, args[0], NULL);
}

static void age_timestamptz(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    age_of(c, args[0], settings_of(c)->zone);
}

enum { PURE = LOCAL_STRICT | LOCAL_DETERMINISTIC };

static const struct local_function functions[] = {
    { .name = "pg_pg_size_pretty", .n_args = 1, .flags = PURE, .call = size_pretty },
    { .name = "pg_pg_size_pretty_numeric", .n_args = 1, .flags = PURE, .call = size_pretty },
    { .name = "pg_parse_ident", .n_args = 2, .flags = PURE, .call = parse_ident },
    { .name = "pg_unistr", .n_args = 1, .flags = PURE, .call = unistr },
    { .name = "pg_unicode_normalize_func", .n_args = 2, .flags = PURE, .call = normalize },
    { .name = "pg_unicode_is_normalized", .n_args = 2, .flags = PURE, .call = is_normalized },
    { .name = "pg_numeric_inc", .n_args = 1, .flags = PURE, .call = numeric_increment },
    { .name = "pg_interval_finite", .n_args = 1, .flags = PURE, .call = interval_is_finite },
    { .name = "pg_text_char", .n_args = 1, .flags = PURE, .call = text_char },
    { .name = "pg_chartoi4", .n_args = 1, .flags = PURE, .call = chartoi4 },
    { .name = "pg_i4tochar", .n_args = 1, .flags = PURE, .call = i4tochar },
    { .name = "pg_age_timestamp", .n_args = 1, .flags = LOCAL_STRICT, .call = age_timestamp },
    { .name = "pg_age_timestamptz", .n_args = 1, .flags = LOCAL_STRICT, .call = age_timestamptz },
};

const struct local_family local_family_formatting = { .functions = functions,
                                                      .n_functions = sizeof(functions) / sizeof(functions[0]) };
