/* tagged_cell.c - see tagged_cell.h. */
#include "proxy/sql/tagged_cell.h"

#include <stdlib.h>

void tagged_cell_sql(struct buf *out, size_t i)
{
    buf_printf(out,
               "CASE typeof(c%zu) WHEN 'text' THEN 't'||c%zu WHEN 'integer' THEN 'i'||c%zu WHEN 'real' THEN "
               "printf('r%%!.17g',c%zu) WHEN 'blob' THEN 'b'||hex(c%zu) END",
               i, i, i, i, i);
}

static bool read_hex(struct str digits, struct arena *arena, struct value *ret)
{
    char *bytes = arena_alloc(arena, digits.n / 2 + 1);
    if (!bytes || digits.n % 2)
        return false;
    for (size_t i = 0; i < digits.n; i += 2) {
        int high = hex_digit(digits.p[i]), low = hex_digit(digits.p[i + 1]);
        if (high < 0 || low < 0)
            return false;
        bytes[i / 2] = (char)(high << 4 | low);
    }
    *ret = value_blob((struct str){ bytes, digits.n / 2 });
    return true;
}

static bool read_real(struct str text, struct arena *arena, struct value *ret)
{
    char *end, *digits = arena_cstr(arena, text);
    double v = digits ? strtod(digits, &end) : 0;
    *ret = value_real(v);
    return digits && text.n && *end == '\0';
}

bool tagged_cell_read(struct str text, struct arena *arena, struct value *ret)
{
    int64_t integer;
    if (text.n == 0)
        return false;
    struct str rest = { text.p + 1, text.n - 1 };
    switch (text.p[0]) {
    case 't':
        *ret = value_text(rest);
        return true;
    case 'i':
        if (!str_to_int64(rest, &integer))
            return false;
        *ret = value_integer(integer);
        return true;
    case 'r':
        return read_real(rest, arena, ret);
    case 'b':
        return read_hex(rest, arena, ret);
    default:
        return false;
    }
}
