/* encoding.c - see encoding.h. */
#include "proxy/catalog/encoding.h"

static const struct encoding {
    const char *word;
    int number;
    const char *name;
} encodings[] = {
#define ENCODING(word, number, name) { word, number, name },
#include "proxy/catalog/encodings.def"
#undef ENCODING
};

enum { N_ENCODINGS = sizeof(encodings) / sizeof(encodings[0]) };

int encoding_number(struct str name)
{
    char word[16]; /* the longest one has 12 */
    size_t n = 0;
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i] >= 'A' && name.p[i] <= 'Z' ? (char)(name.p[i] - 'A' + 'a') : name.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')))
            continue;
        if (n == sizeof(word))
            return -1;
        word[n++] = c;
    }
    for (size_t i = 0; i < N_ENCODINGS; i++)
        if (str_is((struct str){ word, n }, encodings[i].word))
            return encodings[i].number;
    return -1;
}

struct str encoding_name(int64_t number)
{
    for (size_t i = 0; i < N_ENCODINGS; i++)
        if (encodings[i].number == number)
            return str_from(encodings[i].name);
    return STR("");
}
