/* bytes.c - bytea: trimming, LIKE, texts in other encodings (PostgreSQL 9.5, 9.4). */
#include "proxy/catalog/encoding.h"
#include "proxy/sql/functions/results.h"

static struct str bytes_of(sqlite3_value *v)
{
    const void *p = sqlite3_value_blob(v);
    return (struct str){ p ? p : "", (size_t)sqlite3_value_bytes(v) };
}

static void give(sqlite3_context *c, struct str s)
{
    sqlite3_result_blob64(c, s.p, s.n, SQLITE_TRANSIENT);
}

/* ---- trimming a set of bytes */

static void trim(sqlite3_context *c, int n, sqlite3_value **args, bool left, bool right)
{
    STRICT(n, args);
    struct str s = bytes_of(args[0]), set = bytes_of(args[1]);
    while (left && s.n && set.n && memchr(set.p, s.p[0], set.n))
        s = (struct str){ s.p + 1, s.n - 1 };
    while (right && s.n && set.n && memchr(set.p, s.p[s.n - 1], set.n))
        s.n--;
    give(c, s);
}

static void trim_both(sqlite3_context *c, int n, sqlite3_value **args)
{
    trim(c, n, args, true, true);
}

static void trim_left(sqlite3_context *c, int n, sqlite3_value **args)
{
    trim(c, n, args, true, false);
}

static void trim_right(sqlite3_context *c, int n, sqlite3_value **args)
{
    trim(c, n, args, false, true);
}

/* ---- LIKE, byte by byte */

/* The last % is where matching goes on after a failure: never more than one is tried at a time. */
static bool like(struct str s, struct str pattern, bool *bad)
{
    size_t i = 0, p = 0, retry_i = 0, retry_p = SIZE_MAX;
    while (i < s.n) {
        bool is_percent = p < pattern.n && pattern.p[p] == '%', escapes = p < pattern.n && pattern.p[p] == '\\';
        if (escapes && p + 1 == pattern.n) {
            *bad = true;
            return false;
        }
        bool same = p < pattern.n && !is_percent &&
                    (escapes ? pattern.p[p + 1] == s.p[i] : pattern.p[p] == '_' || pattern.p[p] == s.p[i]);
        if (is_percent) {
            retry_p = ++p;
            retry_i = i;
        } else if (same) {
            p += escapes ? 2 : 1;
            i++;
        } else if (retry_p != SIZE_MAX) {
            p = retry_p;
            i = ++retry_i;
        } else {
            return false;
        }
    }
    while (p < pattern.n && pattern.p[p] == '%')
        p++;
    return p == pattern.n;
}

static void match(sqlite3_context *c, int n, sqlite3_value **args, bool wanted)
{
    bool bad = false;
    STRICT(n, args);
    bool found = like(bytes_of(args[0]), bytes_of(args[1]), &bad);
    if (bad)
        fail_with(c, SQLSTATE_INVALID_ESCAPE_SEQUENCE, "LIKE pattern must not end with escape character");
    else
        result_bool(c, found == wanted);
}

static void is_like(sqlite3_context *c, int n, sqlite3_value **args)
{
    match(c, n, args, true);
}

static void is_not_like(sqlite3_context *c, int n, sqlite3_value **args)
{
    match(c, n, args, false);
}

/* LIKE … ESCAPE: the pattern with \ as its escape character. */
static void like_escape(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    struct str pattern = bytes_of(args[0]), escape = bytes_of(args[1]);
    char *out = arena_alloc(scratch(c), pattern.n * 2 + 1);
    size_t size = 0;
    bool escaped = false;
    if (escape.n > 1) {
        err_set(errors(c), SQLSTATE_INVALID_ESCAPE_SEQUENCE, "invalid escape string");
        err_hint(errors(c), "Escape string must be empty or one character.");
    }
    if (escape.n > 1 || !out) {
        local_fail(c);
        return;
    }
    if (escape.n && escape.p[0] == '\\') {
        give(c, pattern);
        return;
    }
    for (size_t i = 0; i < pattern.n; i++) {
        char b = pattern.p[i];
        bool is_escape = escape.n && b == escape.p[0] && !escaped;
        if (b == '\\' && !escaped)
            out[size++] = '\\';
        out[size++] = is_escape ? '\\' : b;
        escaped = is_escape;
    }
    give(c, (struct str){ out, size });
}

/* ---- single bytes and bits */

/* 0-based place; false after local_fail() (2202E). */
static bool place(sqlite3_context *c, sqlite3_value *v, int64_t size, int64_t *ret)
{
    *ret = sqlite3_value_int64(v);
    if (*ret >= 0 && *ret < size)
        return true;
    fail_with(c, SQLSTATE_ARRAY_ELEMENT_ERROR, "index %lld out of valid range, 0..%lld", (long long)*ret,
              (long long)size - 1);
    return false;
}

static void get_byte(sqlite3_context *c, int n, sqlite3_value **args)
{
    int64_t at;
    STRICT(n, args);
    struct str s = bytes_of(args[0]);
    if (place(c, args[1], (int64_t)s.n, &at))
        sqlite3_result_int(c, (unsigned char)s.p[at]);
}

static void get_bit(sqlite3_context *c, int n, sqlite3_value **args)
{
    int64_t at;
    STRICT(n, args);
    struct str s = bytes_of(args[0]);
    if (place(c, args[1], (int64_t)s.n * 8, &at))
        sqlite3_result_int(c, (unsigned char)s.p[at / 8] >> at % 8 & 1);
}

static void give_changed(sqlite3_context *c, struct str s, int64_t at, int byte)
{
    char *copy = arena_alloc(scratch(c), s.n + 1);
    if (!copy) {
        local_fail(c);
        return;
    }
    memcpy(copy, s.p, s.n);
    copy[at] = (char)byte;
    give(c, (struct str){ copy, s.n });
}

static void set_byte(sqlite3_context *c, int n, sqlite3_value **args)
{
    int64_t at;
    STRICT(n, args);
    struct str s = bytes_of(args[0]);
    if (place(c, args[1], (int64_t)s.n, &at))
        give_changed(c, s, at, (int)(sqlite3_value_int64(args[2]) & 0xFF));
}

static void set_bit(sqlite3_context *c, int n, sqlite3_value **args)
{
    int64_t at, bit;
    STRICT(n, args);
    struct str s = bytes_of(args[0]);
    if (!place(c, args[1], (int64_t)s.n * 8, &at))
        return;
    bit = sqlite3_value_int64(args[2]);
    int byte = (unsigned char)s.p[at / 8], mask = 1 << at % 8;
    if (bit == 0 || bit == 1)
        give_changed(c, s, at / 8, bit ? byte | mask : byte & ~mask);
    else
        fail_with(c, SQLSTATE_INVALID_PARAMETER_VALUE, "new bit must be 0 or 1");
}

static void bit_count(sqlite3_context *c, int n, sqlite3_value **args)
{
    sqlite3_int64 count = 0;
    STRICT(n, args);
    struct str s = bytes_of(args[0]);
    for (size_t i = 0; i < s.n; i++)
        count += __builtin_popcount((unsigned char)s.p[i]);
    sqlite3_result_int64(c, count);
}

/* overlay(bytes placing bytes from start [for length]) */
static void overlay(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    struct str s = bytes_of(args[0]), new = bytes_of(args[1]);
    int64_t start = sqlite3_value_int64(args[2]), length = n > 3 ? sqlite3_value_int64(args[3]) : (int64_t) new.n;
    if (start <= 0) {
        fail_with(c, SQLSTATE_SUBSTRING_ERROR, "negative substring length not allowed");
        return;
    }
    if (start + length > INT32_MAX) {
        fail_with(c, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE, "integer out of range");
        return;
    }
    int64_t size = (int64_t)s.n, head = start - 1 < size ? start - 1 : size, rest = start - 1 + length;
    rest = rest < 0 ? 0 : rest < size ? rest : size;
    char *out = arena_alloc(scratch(c), s.n * 2 + new.n + 1);
    if (!out) {
        local_fail(c);
        return;
    }
    memcpy(out, s.p, (size_t)head);
    memcpy(out + head, new.p, new.n);
    memcpy(out + head + new.n, s.p + rest, (size_t)(size - rest));
    give(c, (struct str){ out, (size_t)(head + size - rest) + new.n });
}

/* ---- encodings: UTF-8 and Latin-1 */

/* which: "source " and the like, for PostgreSQL's message. */
static bool can_convert(sqlite3_context *c, const char *which, struct str name)
{
    int number = encoding_number(name);
    if (number == ENCODING_UTF8 || number == ENCODING_LATIN1)
        return true;
    if (number < 0) {
        fail_with(c, SQLSTATE_INVALID_PARAMETER_VALUE, "invalid %sencoding name \"%.*s\"", which, STR_FMT(name));
        return false;
    }
    err_unsupported(errors(c), "encoding \"%.*s\"", STR_FMT(name));
    err_hint(errors(c), "UTF8 and LATIN1 can be converted.");
    local_fail(c);
    return false;
}

/* Bytes of an encoding that can be converted as UTF-8. */
static bool decode(sqlite3_context *c, struct str s, struct str name, struct str *ret)
{
    size_t bad, size = 0;
    if (encoding_number(name) == ENCODING_UTF8) {
        *ret = s;
        if (str_is_utf8(s, &bad))
            return true;
        fail_with(c, SQLSTATE_CHARACTER_NOT_IN_REPERTOIRE, "invalid byte sequence for encoding \"UTF8\": 0x%02x",
                  (unsigned char)s.p[bad]);
        return false;
    }
    char *out = arena_alloc(scratch(c), s.n * 2 + 1);
    for (size_t i = 0; out && i < s.n; i++) {
        unsigned char b = (unsigned char)s.p[i];
        if (b == 0) {
            fail_with(c, SQLSTATE_CHARACTER_NOT_IN_REPERTOIRE, "invalid byte sequence for encoding \"LATIN1\": 0x00");
            return false;
        }
        if (b < 0x80) {
            out[size++] = (char)b;
        } else {
            out[size++] = (char)(0xC0 | b >> 6);
            out[size++] = (char)(0x80 | (b & 0x3F));
        }
    }
    if (!out)
        local_fail(c);
    *ret = (struct str){ out, size };
    return out != NULL;
}

/* UTF-8 as bytes of such an encoding. */
static bool encode(sqlite3_context *c, struct str s, struct str name, struct str *ret)
{
    size_t size = 0;
    *ret = s;
    if (encoding_number(name) == ENCODING_UTF8)
        return true;
    char *out = arena_alloc(scratch(c), s.n + 1);
    for (size_t i = 0; out && i < s.n; i++) {
        unsigned char b = (unsigned char)s.p[i];
        if (b >= 0x80 && (b < 0xC2 || b > 0xC3 || i + 1 >= s.n)) {
            fail_with(c, SQLSTATE_UNTRANSLATABLE_CHARACTER, "a character has no equivalent in encoding \"LATIN1\"");
            return false;
        }
        int code = b < 0x80 ? b : (b & 0x03) << 6 | (s.p[++i] & 0x3F);
        out[size++] = (char)code;
    }
    if (!out)
        local_fail(c);
    *ret = (struct str){ out, size };
    return out != NULL;
}

static void convert_from(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct str text;
    STRICT(n, args);
    if (can_convert(c, "source ", local_text(args[1])) && decode(c, bytes_of(args[0]), local_text(args[1]), &text))
        local_result_text(c, text);
}

static void convert_to(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct str bytes;
    STRICT(n, args);
    if (can_convert(c, "destination ", local_text(args[1])) &&
        encode(c, local_text(args[0]), local_text(args[1]), &bytes))
        give(c, bytes);
}

static void convert(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct str text, bytes;
    STRICT(n, args);
    if (can_convert(c, "source ", local_text(args[1])) && can_convert(c, "destination ", local_text(args[2])) &&
        decode(c, bytes_of(args[0]), local_text(args[1]), &text) && encode(c, text, local_text(args[2]), &bytes))
        give(c, bytes);
}

/* length(bytes, encoding) in characters */
static void length_in(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct str text;
    STRICT(n, args);
    if (can_convert(c, "", local_text(args[1])) && decode(c, bytes_of(args[0]), local_text(args[1]), &text))
        sqlite3_result_int64(c, (sqlite3_int64)str_characters(text));
}

enum { PURE = LOCAL_STRICT | LOCAL_DETERMINISTIC };

static const struct local_function functions[] = {
    { .name = "pg_byteaGetByte", .n_args = 2, .flags = PURE, .call = get_byte },
    { .name = "pg_byteaSetByte", .n_args = 3, .flags = PURE, .call = set_byte },
    { .name = "pg_byteaGetBit", .n_args = 2, .flags = PURE, .call = get_bit },
    { .name = "pg_byteaSetBit", .n_args = 3, .flags = PURE, .call = set_bit },
    { .name = "pg_bytea_bit_count", .n_args = 1, .flags = PURE, .call = bit_count },
    { .name = "pg_byteaoverlay", .n_args = 4, .flags = PURE, .call = overlay },
    { .name = "pg_byteaoverlay_no_len", .n_args = 3, .flags = PURE, .call = overlay },
    { .name = "pg_length_in_encoding", .n_args = 2, .flags = PURE, .call = length_in },
    { .name = "pg_byteatrim", .n_args = 2, .flags = PURE, .call = trim_both },
    { .name = "pg_bytealtrim", .n_args = 2, .flags = PURE, .call = trim_left },
    { .name = "pg_byteartrim", .n_args = 2, .flags = PURE, .call = trim_right },
    { .name = "pg_bytealike", .n_args = 2, .flags = PURE, .call = is_like },
    { .name = "pg_byteanlike", .n_args = 2, .flags = PURE, .call = is_not_like },
    { .name = "pg_like_escape_bytea", .n_args = 2, .flags = PURE, .call = like_escape },
    { .name = "pg_pg_convert_from", .n_args = 2, .flags = PURE, .call = convert_from },
    { .name = "pg_pg_convert_to", .n_args = 2, .flags = PURE, .call = convert_to },
    { .name = "pg_pg_convert", .n_args = 3, .flags = PURE, .call = convert },
};

const struct local_family local_family_bytes = { .functions = functions,
                                                 .n_functions = sizeof(functions) / sizeof(functions[0]) };
