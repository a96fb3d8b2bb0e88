/* text.c - strings and bytes (PostgreSQL 9.4, 9.5; names are pg_proc's prosrc). Positions count characters. */
#include "proxy/base/utf8.h"
#include "proxy/catalog/names.h"
#include "proxy/sql/functions/typed.h"

#include <locale.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <wctype.h>

enum { MAX_TEXT = 8 << 20 }; /* no result is longer: 54000 */

/* --- UTF-8 --- */

static size_t put_code(char *out, uint32_t u)
{
    if (u < 0x80) {
        out[0] = (char)u;
        return 1;
    }
    if (u < 0x800) {
        out[0] = (char)(0xC0 | u >> 6);
        out[1] = (char)(0x80 | (u & 0x3F));
        return 2;
    }
    if (u < 0x10000) {
        out[0] = (char)(0xE0 | u >> 12);
        out[1] = (char)(0x80 | (u >> 6 & 0x3F));
        out[2] = (char)(0x80 | (u & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | u >> 18);
    out[1] = (char)(0x80 | (u >> 12 & 0x3F));
    out[2] = (char)(0x80 | (u >> 6 & 0x3F));
    out[3] = (char)(0x80 | (u & 0x3F));
    return 4;
}

/* Room for a result; NULL after an error. */
static char *room(sqlite3_context *c, size_t n)
{
    if (n > MAX_TEXT) {
        fail_with(c, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "requested length too large");
        return NULL;
    }
    char *p = arena_alloc(scratch(c), n);
    if (!p)
        local_fail(c);
    return p;
}

static void give(sqlite3_context *c, const char *p, size_t n)
{
    local_result_text(c, (struct str){ p, n });
}

/* --- case: by the C library's C.UTF-8, as PostgreSQL 15 does with that locale --- */

enum letter_case { CASE_LOWER, CASE_UPPER, CASE_INITCAP };

static void change_case(sqlite3_context *c, int n, sqlite3_value **args, enum letter_case to)
{
    STRICT(n, args);
    struct str s = local_text(args[0]);
    locale_t locale = utf8_locale();
    char *out = room(c, s.n * 2 + 4);
    size_t size = 0;
    bool in_word = false;
    for (size_t i = 0; out && i < s.n; i += utf8_width(s, i)) {
        wint_t u = (wint_t)utf8_code(s, i);
        bool upper = to == CASE_UPPER || (to == CASE_INITCAP && !in_word);
        in_word = iswalnum_l(u, locale);
        size += put_code(out + size, (uint32_t)(upper ? towupper_l(u, locale) : towlower_l(u, locale)));
    }
    if (out)
        give(c, out, size);
}

struct str lower_text(struct arena *arena, struct str s)
{
    char *out = arena_alloc(arena, s.n * 2 + 4);
    size_t size = 0;
    for (size_t i = 0; out && i < s.n; i += utf8_width(s, i))
        size += put_code(out + size, (uint32_t)towlower_l((wint_t)utf8_code(s, i), utf8_locale()));
    return (struct str){ out, size };
}

static void lower(sqlite3_context *c, int n, sqlite3_value **args)
{
    change_case(c, n, args, CASE_LOWER);
}

static void upper(sqlite3_context *c, int n, sqlite3_value **args)
{
    change_case(c, n, args, CASE_UPPER);
}

static void initcap(sqlite3_context *c, int n, sqlite3_value **args)
{
    change_case(c, n, args, CASE_INITCAP);
}

/* --- lengths and parts --- */

static void text_length(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    sqlite3_result_int64(c, (sqlite3_int64)str_characters(local_text(args[0])));
}

static void byte_length(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    sqlite3_result_int64(c, sqlite3_value_bytes(args[0]));
}

static void bit_length(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    sqlite3_result_int64(c, (sqlite3_int64)sqlite3_value_bytes(args[0]) * 8);
}

/* substring(s from start for length): start may be below 1; a negative length is 22011. */
static void substring(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    struct str s = local_text(args[0]);
    sqlite3_int64 from = sqlite3_value_int64(args[1]), to = INT64_MAX;
    if (n > 2) {
        sqlite3_int64 length = sqlite3_value_int64(args[2]);
        if (length < 0) {
            fail_with(c, SQLSTATE_SUBSTRING_ERROR, "negative substring length not allowed");
            return;
        }
        to = from + length;
    }
    if (from < 1)
        from = 1;
    if (to <= from) {
        give(c, "", 0);
        return;
    }
    size_t a = str_offset_of(s, (size_t)from - 1), b = to == INT64_MAX ? s.n : str_offset_of(s, (size_t)to - 1);
    give(c, s.p + a, b - a);
}

static void left(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    struct str s = local_text(args[0]);
    sqlite3_int64 count = sqlite3_value_int64(args[1]), all = (sqlite3_int64)str_characters(s);
    if (count < 0)
        count = all + count < 0 ? 0 : all + count;
    give(c, s.p, str_offset_of(s, (size_t)count));
}

static void right(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    struct str s = local_text(args[0]);
    sqlite3_int64 count = sqlite3_value_int64(args[1]), all = (sqlite3_int64)str_characters(s);
    count = count < 0 ? (-count > all ? all : -count) : (count > all ? 0 : all - count);
    size_t from = str_offset_of(s, (size_t)count);
    give(c, s.p + from, s.n - from);
}

static void position(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    struct str s = local_text(args[0]), needle = local_text(args[1]);
    ptrdiff_t at = str_find(s, needle);
    sqlite3_result_int64(c, at < 0 ? 0 : (sqlite3_int64)str_characters((struct str){ s.p, (size_t)at }) + 1);
}

static void overlay(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    struct str s = local_text(args[0]), with = local_text(args[1]);
    sqlite3_int64 from = sqlite3_value_int64(args[2]),
                  length = n > 3 ? sqlite3_value_int64(args[3]) : (sqlite3_int64)str_characters(with);
    if (from <= 0) {
        fail_with(c, SQLSTATE_SUBSTRING_ERROR, "negative substring length not allowed");
        return;
    }
    sqlite3_int64 rest = from - 1 + length;
    size_t a = str_offset_of(s, (size_t)from - 1), b = rest < 0 ? 0 : str_offset_of(s, (size_t)rest);
    char *out = room(c, a + with.n + s.n - b + 1);
    if (!out)
        return;
    memcpy(out, s.p, a);
    memcpy(out + a, with.p, with.n);
    memcpy(out + a + with.n, s.p + b, s.n - b);
    give(c, out, a + with.n + s.n - b);
}

static void reverse(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    struct str s = local_text(args[0]);
    char *out = room(c, s.n + 1), *to = out ? out + s.n : NULL;
    for (size_t i = 0; out && i < s.n;) {
        size_t w = utf8_width(s, i);
        to -= w;
        memcpy(to, s.p + i, w);
        i += w;
    }
    if (out)
        give(c, out, s.n);
}

static void repeat(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    struct str s = local_text(args[0]);
    sqlite3_int64 count = sqlite3_value_int64(args[1]);
    size_t all;
    if (count < 0)
        count = 0;
    if (__builtin_mul_overflow(s.n, (size_t)count, &all))
        all = SIZE_MAX;
    char *out = room(c, all);
    for (size_t i = 0; out && i < (size_t)count && s.n; i++)
        memcpy(out + i * s.n, s.p, s.n);
    if (out)
        give(c, out, all);
}

static void pad(sqlite3_context *c, int n, sqlite3_value **args, bool on_left)
{
    STRICT(n, args);
    struct str s = local_text(args[0]), fill = n > 2 ? local_text(args[2]) : STR(" ");
    sqlite3_int64 want = sqlite3_value_int64(args[1]);
    size_t have = str_characters(s), length = want < 0 ? 0 : (size_t)want, n_fill = str_characters(fill);
    if (have >= length || n_fill == 0) {
        give(c, s.p, str_offset_of(s, length < have ? length : have));
        return;
    }
    size_t missing = length - have, whole = missing / n_fill, part = str_offset_of(fill, missing % n_fill);
    char *out = length > MAX_TEXT ? room(c, length) : room(c, s.n + whole * fill.n + part);
    if (!out)
        return;
    char *to = out;
    if (!on_left)
        memcpy(to, s.p, s.n), to += s.n;
    for (size_t i = 0; i < whole; i++, to += fill.n)
        memcpy(to, fill.p, fill.n);
    memcpy(to, fill.p, part);
    to += part;
    if (on_left)
        memcpy(to, s.p, s.n), to += s.n;
    give(c, out, (size_t)(to - out));
}

static void lpad(sqlite3_context *c, int n, sqlite3_value **args)
{
    pad(c, n, args, true);
}

static void rpad(sqlite3_context *c, int n, sqlite3_value **args)
{
    pad(c, n, args, false);
}

static bool is_in_set(struct str set, const char *p, size_t w)
{
    for (size_t i = 0; i < set.n; i += utf8_width(set, i))
        if (utf8_width(set, i) == w && memcmp(set.p + i, p, w) == 0)
            return true;
    return false;
}

static void trim(sqlite3_context *c, int n, sqlite3_value **args, bool at_left, bool at_right)
{
    STRICT(n, args);
    struct str s = local_text(args[0]), set = n > 1 ? local_text(args[1]) : STR(" ");
    while (at_left && s.n && is_in_set(set, s.p, utf8_width(s, 0))) {
        size_t w = utf8_width(s, 0);
        s.p += w, s.n -= w;
    }
    while (at_right && s.n) {
        size_t w = 1;
        while (w < s.n && ((unsigned char)s.p[s.n - w] & 0xC0) == 0x80)
            w++;
        if (!is_in_set(set, s.p + s.n - w, w))
            break;
        s.n -= w;
    }
    give(c, s.p, s.n);
}

static void btrim(sqlite3_context *c, int n, sqlite3_value **args)
{
    trim(c, n, args, true, true);
}

static void ltrim(sqlite3_context *c, int n, sqlite3_value **args)
{
    trim(c, n, args, true, false);
}

static void rtrim(sqlite3_context *c, int n, sqlite3_value **args)
{
    trim(c, n, args, false, true);
}

static void replace(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    struct str s = local_text(args[0]), from = local_text(args[1]), to = local_text(args[2]);
    if (!from.n) {
        give(c, s.p, s.n);
        return;
    }
    struct buf out;
    buf_init(&out, MAX_TEXT);
    for (ptrdiff_t at; (at = str_find(s, from)) >= 0;) {
        buf_add(&out, s.p, (size_t)at);
        buf_add_str(&out, to);
        s.p += (size_t)at + from.n;
        s.n -= (size_t)at + from.n;
    }
    buf_add_str(&out, s);
    if (out.failed)
        fail_with(c, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "requested length too large");
    else
        give(c, out.p, out.n);
    buf_fini(&out);
}

static void translate(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    struct str s = local_text(args[0]), from = local_text(args[1]), to = local_text(args[2]);
    char *out = room(c, s.n * 4 + 1);
    size_t size = 0;
    for (size_t i = 0; out && i < s.n; i += utf8_width(s, i)) {
        size_t w = utf8_width(s, i), k = 0, index = 0;
        while (k < from.n && !(utf8_width(from, k) == w && memcmp(from.p + k, s.p + i, w) == 0)) {
            k += utf8_width(from, k);
            index++;
        }
        if (k >= from.n) {
            memcpy(out + size, s.p + i, w);
            size += w;
        } else {
            size_t at = str_offset_of(to, index);
            if (at < to.n) {
                memcpy(out + size, to.p + at, utf8_width(to, at));
                size += utf8_width(to, at);
            }
        }
    }
    if (out)
        give(c, out, size);
}

static void split_part(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    struct str s = local_text(args[0]), by = local_text(args[1]);
    sqlite3_int64 want = sqlite3_value_int64(args[2]), parts = 1;
    if (want == 0) {
        fail_with(c, SQLSTATE_INVALID_PARAMETER_VALUE, "field position must not be zero");
        return;
    }
    if (!by.n || !s.n) {
        if (want == 1 || want == -1)
            give(c, s.p, s.n);
        else
            give(c, "", 0);
        return;
    }
    if (want < 0) {
        struct str rest = s;
        for (ptrdiff_t at; (at = str_find(rest, by)) >= 0; parts++)
            rest = (struct str){ rest.p + (size_t)at + by.n, rest.n - (size_t)at - by.n };
        want = parts + want + 1;
    }
    for (sqlite3_int64 i = 1; want >= 1; i++) {
        ptrdiff_t at = str_find(s, by);
        if (i == want) {
            give(c, s.p, at < 0 ? s.n : (size_t)at);
            return;
        }
        if (at < 0)
            break;
        s = (struct str){ s.p + (size_t)at + by.n, s.n - (size_t)at - by.n };
    }
    give(c, "", 0);
}

static void ascii(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    struct str s = local_text(args[0]);
    sqlite3_result_int64(c, s.n ? utf8_code(s, 0) : 0);
}

static void chr(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    sqlite3_int64 u = sqlite3_value_int64(args[0]);
    char out[4];
    if (u == 0)
        fail_with(c, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "null character not permitted");
    else if (u < 0)
        fail_with(c, SQLSTATE_INVALID_PARAMETER_VALUE, "character number must be positive");
    else if (u > 0x10FFFF || (u >= 0xD800 && u < 0xE000))
        fail_with(c, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "requested character %s for encoding: %lld",
                  u > 0x10FFFF ? "too large" : "not valid", (long long)u);
    else
        give(c, out, put_code(out, (uint32_t)u));
}

static void starts_with(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    result_bool(c, str_starts(local_text(args[0]), local_text(args[1])));
}

static void to_hex(sqlite3_context *c, sqlite3_value *v, bool is_int4)
{
    sqlite3_int64 i = sqlite3_value_int64(v);
    struct str s = is_int4 ? arena_printf(scratch(c), "%x", (unsigned)(int32_t)i)
                           : arena_printf(scratch(c), "%llx", (unsigned long long)i);
    local_result_text(c, s);
}

static void to_hex32(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    to_hex(c, args[0], true);
}

static void to_hex64(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    to_hex(c, args[0], false);
}

/* --- quoting --- */

static void add_quoted(struct buf *out, struct str s, char quote)
{
    bool backslash = quote == '\'' && s.n && memchr(s.p, '\\', s.n);
    if (backslash)
        buf_add(out, "E", 1);
    buf_add_char(out, quote);
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == quote || (backslash && s.p[i] == '\\'))
            buf_add_char(out, s.p[i]);
        buf_add_char(out, s.p[i]);
    }
    buf_add_char(out, quote);
}

static void finish(sqlite3_context *c, struct buf *out)
{
    if (out->failed)
        fail_with(c, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "requested length too large");
    else
        give(c, out->p, out->n);
    buf_fini(out);
}

static void quote_identifier(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    struct buf out;
    buf_init(&out, MAX_TEXT);
    name_quote_add(&out, local_text(args[0]));
    finish(c, &out);
}

/* quote_literal(text), or (type, value) of any type. */
static void quote_literal(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct value v = local_argument(args[n - 1]);
    struct str text;
    struct buf out;
    STRICT(n, args);
    if (!value_to_text(c, n > 1 ? (oid_t)sqlite3_value_int64(args[0]) : TYPE_OID_text, &v, &text))
        return;
    buf_init(&out, MAX_TEXT);
    add_quoted(&out, text, '\'');
    finish(c, &out);
}

static void quote_nullable(sqlite3_context *c, int n, sqlite3_value **args)
{
    if (local_has_null(n, args))
        give(c, "NULL", 4);
    else
        quote_literal(c, n, args);
}

/* --- format() --- */

struct format_state {
    sqlite3_context *c;
    sqlite3_value **types, **args; /* n of each */
    int n, next;                   /* next argument, from 1 */
    struct buf *out;
    struct str rest;
};

static bool format_number(struct format_state *f, int *ret)
{
    bool any = false;
    *ret = 0;
    while (f->rest.n && f->rest.p[0] >= '0' && f->rest.p[0] <= '9') {
        if (*ret > 100000000) {
            fail_with(f->c, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE, "number is out of range");
            return false;
        }
        *ret = *ret * 10 + (f->rest.p[0] - '0');
        f->rest.p++, f->rest.n--;
        any = true;
    }
    return any;
}

static bool format_text(struct format_state *f, int number, struct str *ret)
{
    struct value v = local_argument(f->args[number]);
    return value_to_text(f->c, (oid_t)sqlite3_value_int64(f->types[number]), &v, ret);
}

/* The number of the argument meant, 0 after an error. */
static int format_argument(struct format_state *f, int number)
{
    if (number == 0)
        number = f->next++;
    else
        f->next = number + 1;
    if (number >= f->n) {
        fail_with(f->c, SQLSTATE_INVALID_PARAMETER_VALUE, "too few arguments for format()");
        return 0;
    }
    return number;
}

static void format_padded(struct format_state *f, struct str s, int width, bool on_left)
{
    size_t have = str_characters(s), want = (size_t)(width < 0 ? -width : width);
    on_left = on_left || width < 0;
    if (on_left)
        buf_add_str(f->out, s);
    for (; have < want && !f->out->failed; have++)
        buf_add_char(f->out, ' ');
    if (!on_left)
        buf_add_str(f->out, s);
}

static bool format_value(struct format_state *f, int number, char conversion, int width, bool on_left)
{
    bool null = sqlite3_value_type(f->args[number]) == SQLITE_NULL;
    struct str text = { 0 };
    struct buf one;
    if (!null && !format_text(f, number, &text))
        return false;
    buf_init(&one, MAX_TEXT);
    if (conversion == 's') {
        if (!null)
            buf_add_str(&one, text);
    } else if (conversion == 'I') {
        if (null) {
            fail_with(f->c, SQLSTATE_NULL_VALUE_NOT_ALLOWED, "null values cannot be formatted as an SQL identifier");
            buf_fini(&one);
            return false;
        }
        name_quote_add(&one, text);
    } else if (null) {
        buf_add(&one, "NULL", 4);
    } else {
        add_quoted(&one, text, '\'');
    }
    format_padded(f, buf_str(&one), width, on_left);
    buf_fini(&one);
    return true;
}

/* "12$" behind the place of an argument; *ret stays 0 where no number stands. */
static bool format_position(struct format_state *f, bool must_end, int *ret)
{
    struct str saved = f->rest;
    int given;
    if (!format_number(f, &given))
        return !err_is_set(errors(f->c));
    bool ends = f->rest.n && f->rest.p[0] == '$';
    if (!ends && !must_end) {
        f->rest = saved; /* a width */
        return true;
    }
    if (!f->rest.n)
        return true; /* unterminated, as is told later */
    if (!ends || given == 0) {
        fail_with(f->c, SQLSTATE_INVALID_PARAMETER_VALUE, "%s",
                  ends ? "format specifies argument 0, but arguments are numbered from 1"
                       : "width argument position must be ended by \"$\"");
        return false;
    }
    f->rest.p++, f->rest.n--;
    *ret = given;
    return true;
}

static bool format_width(struct format_state *f, int position, int *ret)
{
    struct str text;
    struct value number;
    int at = format_argument(f, position);
    if (!at)
        return false;
    *ret = 0;
    if (sqlite3_value_type(f->args[at]) == SQLITE_NULL)
        return true;
    if (!format_text(f, at, &text))
        return false;
    if (!type_decode(TYPE_OID_int4, WIRE_TEXT, text, settings_of(f->c), scratch(f->c), &number, errors(f->c))) {
        local_fail(f->c);
        return false;
    }
    *ret = (int)number.integer;
    return true;
}

struct format_directive {
    int position, width, width_position;
    bool asks_width, on_left;
    char conversion;
};

static bool format_directive(struct format_state *f, struct format_directive *ret)
{
    *ret = (struct format_directive){ 0 };
    if (!format_position(f, false, &ret->position))
        return false;
    while (f->rest.n && f->rest.p[0] == '-') {
        ret->on_left = true;
        f->rest.p++, f->rest.n--;
    }
    ret->asks_width = f->rest.n && f->rest.p[0] == '*';
    if (ret->asks_width) {
        f->rest.p++, f->rest.n--;
        if (!format_position(f, true, &ret->width_position))
            return false;
    } else if (!format_number(f, &ret->width) && err_is_set(errors(f->c))) {
        return false;
    }
    ret->conversion = f->rest.n ? f->rest.p[0] : '\0';
    if (ret->conversion && strchr("sIL", ret->conversion)) {
        f->rest.p++, f->rest.n--;
        return true;
    }
    if (f->rest.n)
        fail_with(f->c, SQLSTATE_INVALID_PARAMETER_VALUE, "unrecognized format() type specifier \"%.*s\"",
                  (int)str_offset_of(f->rest, 1), f->rest.p);
    else
        fail_with(f->c, SQLSTATE_INVALID_PARAMETER_VALUE, "unterminated format() type specifier");
    err_hint(errors(f->c), "For a single \"%%\" use \"%%%%\".");
    return false;
}

static bool format_spec(struct format_state *f)
{
    struct format_directive d;
    if (!format_directive(f, &d) || (d.asks_width && !format_width(f, d.width_position, &d.width)))
        return false;
    int number = format_argument(f, d.position);
    return number && format_value(f, number, d.conversion, d.width, d.on_left);
}

static void format(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct buf out;
    n /= 2;
    if (n < 1 || sqlite3_value_type(args[n]) == SQLITE_NULL)
        return;
    buf_init(&out, MAX_TEXT);
    struct format_state f = { c, args, args + n, n, 1, &out, local_text(args[n]) };
    bool ok = true;
    while (ok && f.rest.n) {
        char ch = f.rest.p[0];
        f.rest.p++, f.rest.n--;
        if (ch != '%') {
            buf_add_char(&out, ch);
        } else if (f.rest.n && f.rest.p[0] == '%') {
            buf_add_char(&out, '%');
            f.rest.p++, f.rest.n--;
        } else {
            ok = format_spec(&f);
        }
    }
    if (ok)
        finish(c, &out);
    else
        buf_fini(&out);
}

/* --- concat: arguments are texts already --- */

static void concat(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct buf out;
    buf_init(&out, MAX_TEXT);
    for (int i = 0; i < n; i++)
        if (sqlite3_value_type(args[i]) != SQLITE_NULL)
            buf_add_str(&out, local_text(args[i]));
    finish(c, &out);
}

static void concat_ws(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct buf out;
    bool any = false;
    if (n < 1 || sqlite3_value_type(args[0]) == SQLITE_NULL)
        return;
    buf_init(&out, MAX_TEXT);
    for (int i = 1; i < n; i++) {
        if (sqlite3_value_type(args[i]) == SQLITE_NULL)
            continue;
        if (any)
            buf_add_str(&out, local_text(args[0]));
        buf_add_str(&out, local_text(args[i]));
        any = true;
    }
    finish(c, &out);
}

/* --- digests --- */

static bool digest(sqlite3_context *c, sqlite3_value *v, const char *name, unsigned char *out, unsigned *size)
{
    const void *p = sqlite3_value_type(v) == SQLITE_BLOB ? sqlite3_value_blob(v) : (const void *)sqlite3_value_text(v);
    if (EVP_Digest(p ? p : "", (size_t)sqlite3_value_bytes(v), out, size, EVP_get_digestbyname(name), NULL) == 1)
        return true;
    fail_with(c, SQLSTATE_INTERNAL_ERROR, "%s is not available", name);
    return false;
}

static void md5(sqlite3_context *c, int n, sqlite3_value **args)
{
    unsigned char out[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    char hex[2 * EVP_MAX_MD_SIZE];
    STRICT(n, args);
    if (!digest(c, args[0], "MD5", out, &size))
        return;
    str_hex((struct str){ (const char *)out, size }, hex);
    give(c, hex, 2 * size);
}

#define SHA(name, algorithm)                                                                                           \
    static void name(sqlite3_context *c, int n, sqlite3_value **args)                                                  \
    {                                                                                                                  \
        unsigned char out[EVP_MAX_MD_SIZE];                                                                            \
        unsigned size = 0;                                                                                             \
        STRICT(n, args);                                                                                               \
        if (digest(c, args[0], algorithm, out, &size))                                                                 \
            sqlite3_result_blob(c, out, (int)size, SQLITE_TRANSIENT);                                                  \
    }
SHA(sha224, "SHA224")
SHA(sha256, "SHA256")
SHA(sha384, "SHA384")
SHA(sha512, "SHA512")

/* pgcrypto's name of a digest: any that OpenSSL has. NULL after an error. */
static const EVP_MD *digest_named(sqlite3_context *c, sqlite3_value *v)
{
    struct str type = local_text(v);
    char name[32] = "";
    for (size_t i = 0; i < type.n && type.n < sizeof(name); i++)
        name[i] = (char)(type.p[i] >= 'A' && type.p[i] <= 'Z' ? type.p[i] + ('a' - 'A') : type.p[i]);
    const EVP_MD *md = *name ? EVP_get_digestbyname(name) : NULL;
    if (!md)
        fail_with(c, SQLSTATE_INVALID_PARAMETER_VALUE, "Cannot use \"%s\": No such hash algorithm", name);
    return md;
}

static void digest_of_type(sqlite3_context *c, int n, sqlite3_value **args)
{
    unsigned char out[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    STRICT(n, args);
    const EVP_MD *md = digest_named(c, args[1]);
    if (md && digest(c, args[0], EVP_MD_get0_name(md), out, &size))
        sqlite3_result_blob(c, out, (int)size, SQLITE_TRANSIENT);
}

static struct str bytes_of(sqlite3_value *v);

/* hmac(data, key, type) */
static void hmac_of_type(sqlite3_context *c, int n, sqlite3_value **args)
{
    unsigned char out[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    STRICT(n, args);
    const EVP_MD *md = digest_named(c, args[2]);
    struct str data = bytes_of(args[0]), key = bytes_of(args[1]);
    if (md && HMAC(md, key.n ? key.p : "", (int)key.n, (const unsigned char *)data.p, data.n, out, &size))
        sqlite3_result_blob(c, out, (int)size, SQLITE_TRANSIENT);
    else if (md)
        fail_with(c, SQLSTATE_INTERNAL_ERROR, "%s is not available", EVP_MD_get0_name(md));
}

/* --- encode, decode --- */

static struct str bytes_of(sqlite3_value *v)
{
    if (sqlite3_value_type(v) == SQLITE_BLOB) {
        const char *p = sqlite3_value_blob(v);
        return (struct str){ p, (size_t)sqlite3_value_bytes(v) };
    }
    return local_text(v);
}

static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void encode_base64(struct buf *out, struct str s)
{
    size_t line = 0;
    for (size_t i = 0; i < s.n; i += 3) {
        const unsigned char *p = (const unsigned char *)s.p + i;
        size_t n = s.n - i < 3 ? s.n - i : 3;
        uint32_t v = (uint32_t)p[0] << 16 | (n > 1 ? (uint32_t)p[1] << 8 : 0) | (n > 2 ? p[2] : 0);
        char quad[4] = { base64_digits[v >> 18], base64_digits[v >> 12 & 63], n > 1 ? base64_digits[v >> 6 & 63] : '=',
                         n > 2 ? base64_digits[v & 63] : '=' };
        buf_add(out, quad, 4);
        line += 4;
        if (line >= 76 && i + 3 < s.n) {
            buf_add_char(out, '\n');
            line = 0;
        } else if (line >= 76) {
            buf_add_char(out, '\n'); /* PostgreSQL ends a full last line too */
            line = 0;
        }
    }
}

static void encode(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    struct str s = bytes_of(args[0]), how = local_text(args[1]);
    struct buf out;
    buf_init(&out, MAX_TEXT * 2);
    if (str_eq_nocase(how, STR("hex"))) {
        for (size_t i = 0; i < s.n; i++)
            buf_printf(&out, "%02x", (unsigned char)s.p[i]);
    } else if (str_eq_nocase(how, STR("base64"))) {
        encode_base64(&out, s);
    } else if (str_eq_nocase(how, STR("escape"))) {
        for (size_t i = 0; i < s.n; i++) {
            unsigned char b = (unsigned char)s.p[i];
            if (b == 0 || b >= 0x80)
                buf_printf(&out, "\\%03o", b);
            else if (b == '\\')
                buf_add(&out, "\\\\", 2);
            else
                buf_add_char(&out, (char)b);
        }
    } else {
        buf_fini(&out);
        fail_with(c, SQLSTATE_INVALID_PARAMETER_VALUE, "unrecognized encoding: \"%.*s\"", STR_FMT(how));
        return;
    }
    finish(c, &out);
}

static bool decode_hex(sqlite3_context *c, struct str s, struct buf *out)
{
    int high = -1;
    for (size_t i = 0; i < s.n; i++) {
        if (strchr(" \t\r\n", s.p[i]) && s.p[i] && high < 0)
            continue;
        int v = hex_digit(s.p[i]);
        if (v < 0) {
            fail_with(c, SQLSTATE_INVALID_PARAMETER_VALUE, "invalid hexadecimal digit: \"%.*s\"", (int)utf8_width(s, i),
                      s.p + i);
            return false;
        }
        if (high < 0) {
            high = v;
        } else {
            buf_add_char(out, (char)(high << 4 | v));
            high = -1;
        }
    }
    if (high >= 0)
        fail_with(c, SQLSTATE_INVALID_PARAMETER_VALUE, "invalid hexadecimal data: odd number of digits");
    return high < 0;
}

static bool decode_base64(sqlite3_context *c, struct str s, struct buf *out)
{
    uint32_t v = 0;
    int n = 0, end = 0;
    for (size_t i = 0; i < s.n; i++) {
        char ch = s.p[i];
        const char *digit = ch ? strchr(base64_digits, ch) : NULL;
        if (strchr(" \t\r\n", ch) && ch)
            continue;
        if (ch == '=') {
            if (!end)
                end = n == 2 ? 1 : n == 3 ? 2 : -1;
            if (end < 0) {
                fail_with(c, SQLSTATE_INVALID_PARAMETER_VALUE, "unexpected \"=\" while decoding base64 sequence");
                return false;
            }
            v <<= 6;
        } else if (digit && !end) {
            v = v << 6 | (uint32_t)(digit - base64_digits);
        } else {
            fail_with(c, SQLSTATE_INVALID_PARAMETER_VALUE,
                      "invalid symbol \"%.*s\" found while decoding base64 sequence", (int)utf8_width(s, i), s.p + i);
            return false;
        }
        if (++n == 4) {
            buf_add_char(out, (char)(v >> 16));
            if (end == 0 || end > 1)
                buf_add_char(out, (char)(v >> 8));
            if (end == 0)
                buf_add_char(out, (char)v);
            v = 0;
            n = 0;
        }
    }
    if (n) {
        fail_with(c, SQLSTATE_INVALID_PARAMETER_VALUE, "invalid base64 end sequence");
        err_hint(errors(c), "Input data is missing padding, is truncated, or is otherwise corrupted.");
    }
    return n == 0;
}

static bool decode_escape(sqlite3_context *c, struct str s, struct buf *out)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] != '\\') {
            buf_add_char(out, s.p[i]);
        } else if (i + 3 < s.n && s.p[i + 1] >= '0' && s.p[i + 1] <= '3' && s.p[i + 2] >= '0' && s.p[i + 2] <= '7' &&
                   s.p[i + 3] >= '0' && s.p[i + 3] <= '7') {
            buf_add_char(out, (char)((s.p[i + 1] - '0') << 6 | (s.p[i + 2] - '0') << 3 | (s.p[i + 3] - '0')));
            i += 3;
        } else if (i + 1 < s.n && s.p[i + 1] == '\\') {
            buf_add_char(out, '\\');
            i++;
        } else {
            fail_with(c, SQLSTATE_INVALID_TEXT_REPRESENTATION, "invalid input syntax for type %s", "bytea");
            return false;
        }
    }
    return true;
}

static void decode(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    struct str s = local_text(args[0]), how = local_text(args[1]);
    struct buf out;
    bool ok;
    buf_init(&out, MAX_TEXT);
    if (str_eq_nocase(how, STR("hex")))
        ok = decode_hex(c, s, &out);
    else if (str_eq_nocase(how, STR("base64")))
        ok = decode_base64(c, s, &out);
    else if (str_eq_nocase(how, STR("escape")))
        ok = decode_escape(c, s, &out);
    else
        ok = (fail_with(c, SQLSTATE_INVALID_PARAMETER_VALUE, "unrecognized encoding: \"%.*s\"", STR_FMT(how)), false);
    if (ok && out.failed)
        fail_with(c, SQLSTATE_PROGRAM_LIMIT_EXCEEDED, "requested length too large");
    else if (ok)
        sqlite3_result_blob64(c, out.p ? out.p : "", out.n, SQLITE_TRANSIENT);
    buf_fini(&out);
}

enum { PURE = LOCAL_STRICT | LOCAL_DETERMINISTIC, MANY = LOCAL_DETERMINISTIC | LOCAL_ANY_ARGS };

#define ROW(source, function, args, how)                                                                               \
    {                                                                                                                  \
        .name = "pg_" #source, .n_args = args, .flags = how, .call = function                                          \
    }
static const struct local_function functions[] = {
    ROW(lower, lower, 1, PURE),
    ROW(upper, upper, 1, PURE),
    ROW(initcap, initcap, 1, PURE),
    ROW(textlen, text_length, 1, PURE),
    ROW(textoctetlen, byte_length, 1, PURE),
    ROW(byteaoctetlen, byte_length, 1, PURE),
    ROW(textbitlen, bit_length, 1, PURE),
    ROW(text_substr, substring, 3, PURE),
    ROW(text_substr_no_len, substring, 2, PURE),
    ROW(text_left, left, 2, PURE),
    ROW(text_right, right, 2, PURE),
    ROW(textpos, position, 2, PURE),
    ROW(textoverlay, overlay, 4, PURE),
    ROW(textoverlay_no_len, overlay, 3, PURE),
    ROW(text_reverse, reverse, 1, PURE),
    ROW(repeat, repeat, 2, PURE),
    ROW(lpad, lpad, 3, PURE),
    ROW(rpad, rpad, 3, PURE),
    ROW(btrim, btrim, 2, PURE),
    ROW(btrim1, btrim, 1, PURE),
    ROW(ltrim, ltrim, 2, PURE),
    ROW(ltrim1, ltrim, 1, PURE),
    ROW(rtrim, rtrim, 2, PURE),
    ROW(rtrim1, rtrim, 1, PURE),
    ROW(replace_text, replace, 3, PURE),
    ROW(translate, translate, 3, PURE),
    ROW(split_part, split_part, 3, PURE),
    ROW(ascii, ascii, 1, PURE),
    ROW(chr, chr, 1, PURE),
    ROW(text_starts_with, starts_with, 2, PURE),
    ROW(to_hex32, to_hex32, 1, PURE),
    ROW(to_hex64, to_hex64, 1, PURE),
    ROW(quote_ident, quote_identifier, 1, PURE),
    ROW(quote_literal, quote_literal, 1, PURE | LOCAL_ANY_ARGS),
    ROW(quote_nullable, quote_nullable, 1, MANY),
    ROW(text_format, format, 1, MANY),
    ROW(text_concat, concat, 0, MANY),
    ROW(text_concat_ws, concat_ws, 1, MANY),
    ROW(md5_text, md5, 1, PURE),
    ROW(md5_bytea, md5, 1, PURE),
    ROW(sha224_bytea, sha224, 1, PURE),
    ROW(pg_digest, digest_of_type, 2, PURE),
    ROW(pg_hmac, hmac_of_type, 3, PURE),
    ROW(sha256_bytea, sha256, 1, PURE),
    ROW(sha384_bytea, sha384, 1, PURE),
    ROW(sha512_bytea, sha512, 1, PURE),
    ROW(binary_encode, encode, 2, PURE),
    ROW(binary_decode, decode, 2, PURE),
};

const struct local_family local_family_text = { .functions = functions,
                                                .n_functions = sizeof(functions) / sizeof(functions[0]) };
