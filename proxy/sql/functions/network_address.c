/* network_address.c - see network_address.h. */
#include "proxy/sql/functions/network_address.h"

#include <arpa/inet.h>

bool network_read(struct str text, struct network_address *ret)
{
    char room[INET6_ADDRSTRLEN + 1];
    const char *slash = text.n ? memchr(text.p, '/', text.n) : NULL;
    size_t n = slash ? (size_t)(slash - text.p) : text.n;
    struct network_address a = { 0 };
    int64_t bits;
    if (n >= sizeof(room))
        return false;
    memcpy(room, text.p, n);
    room[n] = 0;
    a.is_ipv6 = memchr(room, ':', n) != NULL;
    a.bits = network_width(&a);
    if (inet_pton(a.is_ipv6 ? AF_INET6 : AF_INET, room, a.bytes) != 1)
        return false;
    if (slash) {
        if (!str_to_int64((struct str){ slash + 1, text.n - n - 1 }, &bits) || bits < 0 || bits > a.bits)
            return false;
        a.bits = (int)bits;
    }
    *ret = a;
    return true;
}

/* Through the codec's binary form, which knows how PostgreSQL spells addresses. */
bool network_print(const struct network_address *a, bool is_cidr, struct arena *arena, struct str *ret, struct err *err)
{
    enum { FAMILY_IPV4 = 2, FAMILY_IPV6 = 3 };
    char wire[4 + 16];
    size_t n = (size_t)network_width(a) / 8;
    struct value v;
    wire[0] = a->is_ipv6 ? FAMILY_IPV6 : FAMILY_IPV4;
    wire[1] = (char)a->bits;
    wire[2] = is_cidr;
    wire[3] = (char)n;
    memcpy(wire + 4, a->bytes, n);
    if (!type_decode(is_cidr ? TYPE_OID_cidr : TYPE_OID_inet, WIRE_BINARY, (struct str){ wire, 4 + n },
                     type_settings_default(), arena, &v, err))
        return false;
    *ret = v.bytes;
    return true;
}

int network_order_bits(const struct network_address *a, const struct network_address *b, int bits)
{
    int order = memcmp(a->bytes, b->bytes, (size_t)bits / 8);
    for (int i = bits / 8 * 8; order == 0 && i < bits; i++) {
        int shift = 7 - i % 8;
        order = ((a->bytes[i / 8] >> shift) & 1) - ((b->bytes[i / 8] >> shift) & 1);
    }
    return (order > 0) - (order < 0);
}
