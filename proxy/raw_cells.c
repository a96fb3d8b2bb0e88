/* raw_cells.c - see raw_cells.h. */
#include "proxy/raw_cells.h"

enum { SEEN_INTEGER = 1, SEEN_BIG = 2, SEEN_REAL = 4, SEEN_TEXT = 8, SEEN_BLOB = 16 };

oid_t raw_note(unsigned char *classes, const struct value *cell)
{
    static const int64_t exact = INT64_C(1) << 53;
    switch (cell->class) {
    case VALUE_INTEGER:
        *classes |= SEEN_INTEGER | (cell->integer > exact || cell->integer < -exact ? SEEN_BIG : 0);
        return TYPE_OID_int8;
    case VALUE_REAL:
        *classes |= SEEN_REAL;
        return TYPE_OID_float8;
    case VALUE_BLOB:
        *classes |= SEEN_BLOB;
        return TYPE_OID_bytea;
    case VALUE_TEXT:
    case VALUE_NULL:
        break;
    }
    *classes |= SEEN_TEXT;
    return TYPE_OID_text;
}

oid_t raw_type(unsigned char classes, oid_t otherwise)
{
    switch (classes) {
    case 0:
        return otherwise;
    case SEEN_INTEGER:
    case SEEN_INTEGER | SEEN_BIG:
        return TYPE_OID_int8;
    case SEEN_REAL:
    case SEEN_REAL | SEEN_INTEGER:
        return TYPE_OID_float8;
    case SEEN_BLOB:
        return TYPE_OID_bytea;
    default:
        return TYPE_OID_text;
    }
}
