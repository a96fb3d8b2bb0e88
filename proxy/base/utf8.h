/*
 * utf8.h - characters of UTF-8 texts one by one, and their classes as the C library's C.UTF-8 has them.
 *
 * Owns     one locale for the process, made at first use.
 * Needs    well-formed UTF-8 (str_is_utf8): what clients send was checked.
 * Fails    never.
 */
#ifndef PGD1_BASE_UTF8_H
#define PGD1_BASE_UTF8_H

#include <locale.h>
#include <stdint.h>

#include "proxy/base/str.h"

locale_t utf8_locale(void);
/* Bytes of the character that starts at s.p[at], never beyond the end; at < s.n. */
static inline size_t utf8_width(struct str s, size_t at)
{
    unsigned char c = (unsigned char)s.p[at];
    size_t width = c < 0xC0 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
    return width < s.n - at ? width : s.n - at;
}

uint32_t utf8_code(struct str s, size_t at);
bool utf8_is_space(struct str s, size_t at);
bool utf8_is_letter(struct str s, size_t at); /* iswalpha */

#endif
