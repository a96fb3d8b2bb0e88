/* utf8.c - see utf8.h. */
#include "proxy/base/utf8.h"

#include <wctype.h>

locale_t utf8_locale(void)
{
    static locale_t shared;
    locale_t known = __atomic_load_n(&shared, __ATOMIC_ACQUIRE);
    if (known)
        return known;
    locale_t made = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    locale_t none = (locale_t)0;
    if (!__atomic_compare_exchange_n(&shared, &none, made, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
        freelocale(made);
        return none;
    }
    return made;
}

uint32_t utf8_code(struct str s, size_t at)
{
    static const unsigned char first[5] = { 0, 0x7F, 0x1F, 0x0F, 0x07 };
    size_t width = utf8_width(s, at);
    uint32_t code = (unsigned char)s.p[at] & first[width];
    for (size_t i = 1; i < width; i++)
        code = code << 6 | ((unsigned char)s.p[at + i] & 0x3F);
    return code;
}

bool utf8_is_space(struct str s, size_t at)
{
    uint32_t code = utf8_code(s, at);
    return code < 0x80 ? code == ' ' || (code >= '\t' && code <= '\r') : iswspace_l((wint_t)code, utf8_locale()) != 0;
}

bool utf8_is_letter(struct str s, size_t at)
{
    uint32_t code = utf8_code(s, at);
    return code < 0x80 ? (code | 0x20) >= 'a' && (code | 0x20) <= 'z' : iswalpha_l((wint_t)code, utf8_locale()) != 0;
}
