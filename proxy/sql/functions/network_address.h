/*
 * network_address.h - inet and cidr texts as bytes and mask, and back in PostgreSQL's spelling.
 *
 * Owns     nothing.
 */
#ifndef PGD1_SQL_FUNCTIONS_NETWORK_ADDRESS_H
#define PGD1_SQL_FUNCTIONS_NETWORK_ADDRESS_H

#include "pgwire/types.h"

struct network_address {
    bool is_ipv6;
    int bits;                /* length of the mask */
    unsigned char bytes[16]; /* 4 of them for IPv4 */
};

static inline int network_width(const struct network_address *a)
{
    return a->is_ipv6 ? 128 : 32;
}

/* The stored text of an inet or cidr. False when it is none. */
bool network_read(struct str text, struct network_address *ret);
/* inet without "/32" when the mask covers all; cidr always with its mask. */
bool network_print(const struct network_address *a, bool is_cidr, struct arena *arena, struct str *ret,
                   struct err *err);
/* Order of the first `bits` bits. */
int network_order_bits(const struct network_address *a, const struct network_address *b, int bits);

#endif
