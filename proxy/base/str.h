/*
 * str.h - borrowed views of bytes.
 *
 * Owns     nothing: a struct str points into memory somebody else keeps (wire bytes, an arena, a literal).
 * Lives    as long as what it points into; copying to a longer life is explicit (arena_str, strdup).
 * Fails    never.
 * Not here growing text: buf.h. NUL-terminated text exists only at library edges: arena_cstr().
 */
#ifndef PGD1_BASE_STR_H
#define PGD1_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
    const char *p;
    size_t n;
};

/* A view of a string literal; does not compile for anything else. */
#define STR(lit) ((struct str){ "" lit, sizeof(lit) - 1 })
/* The same where a constant expression is needed (static tables). */
#define STR_INIT(lit)                                                                                                  \
    {                                                                                                                  \
        "" lit, sizeof(lit) - 1                                                                                        \
    }
/* printf("%.*s", STR_FMT(s)) */
#define STR_FMT(s) (int)(s).n, (s).p ? (s).p : ""

static inline struct str str_from(const char *cstr)
{
    return (struct str){ cstr, cstr ? strlen(cstr) : 0 };
}

static inline bool str_eq(struct str a, struct str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool str_is(struct str a, const char *cstr)
{
    return str_eq(a, str_from(cstr));
}

/* Compares ASCII letters without case, as PostgreSQL compares keywords and option names. */
bool str_eq_nocase(struct str a, struct str b);
bool str_starts(struct str s, struct str prefix);
bool str_starts_nocase(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
/* Byte order, shorter first: <0, 0, >0. */
int str_cmp(struct str a, struct str b);
/* Where needle starts in s, or -1. */
ptrdiff_t str_find(struct str s, struct str needle);
struct str str_trim(struct str s); /* without ASCII white space at both ends */
/* Decimal integer with optional sign, nothing around it. False when not one or out of range. */
bool str_to_int64(struct str s, int64_t *ret);
/* Well-formed UTF-8 without U+0000, surrogates or overlong forms. Gives the offset of the first bad byte. */
bool str_is_utf8(struct str s, size_t *ret_bad);
/* How many characters of UTF-8 there are. */
size_t str_characters(struct str s);
/* Where character number i (from 0) begins, at most the end. */
size_t str_offset_of(struct str s, size_t i);
int hex_digit(char c); /* 0 … 15 for a digit of either case, -1 for none */
/* Two lower-case digits a byte, no NUL: `to` has room for 2 * s.n. */
void str_hex(struct str s, char *to);
/* FNV-1a, 64 bit. */
uint64_t str_hash(struct str s);
uint64_t str_hash_more(uint64_t hash, struct str s);
#define STR_HASH_START UINT64_C(14695981039346656037)

#endif
