/* network.c - functions and operators of inet and cidr, the collation that orders them (PostgreSQL 9.12). */
#include "proxy/sql/functions/network_address.h"
#include "proxy/sql/functions/order.h"
#include "proxy/sql/functions/results.h"

static bool read_argument(sqlite3_context *c, sqlite3_value *v, struct network_address *ret)
{
    struct str text = local_text(v);
    if (network_read(text, ret))
        return true;
    fail_with(c, SQLSTATE_INVALID_TEXT_REPRESENTATION, "invalid input syntax for type inet: \"%.*s\"", STR_FMT(text));
    return false;
}

static void give(sqlite3_context *c, const struct network_address *a, bool is_cidr)
{
    struct str text;
    if (network_print(a, is_cidr, scratch(c), &text, errors(c)))
        local_result_text(c, text);
    else
        local_fail(c);
}

/* All bits behind the mask become `bit`. */
static void fill_host(struct network_address *a, int bits, bool bit)
{
    for (int i = bits; i < network_width(a); i++) {
        unsigned char mask = (unsigned char)(0x80 >> i % 8);
        if (bit)
            a->bytes[i / 8] |= mask;
        else
            a->bytes[i / 8] &= (unsigned char)~mask;
    }
}

/* ---- parts */

static void broadcast(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct network_address a;
    STRICT(n, args);
    if (!read_argument(c, args[0], &a))
        return;
    fill_host(&a, a.bits, true);
    give(c, &a, false);
}

static void network(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct network_address a;
    STRICT(n, args);
    if (!read_argument(c, args[0], &a))
        return;
    fill_host(&a, a.bits, false);
    give(c, &a, true);
}

static void netmask(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct network_address a;
    STRICT(n, args);
    if (!read_argument(c, args[0], &a))
        return;
    memset(a.bytes, 0xFF, sizeof(a.bytes));
    fill_host(&a, a.bits, false);
    a.bits = network_width(&a);
    give(c, &a, false);
}

static void hostmask(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct network_address a;
    STRICT(n, args);
    if (!read_argument(c, args[0], &a))
        return;
    memset(a.bytes, 0, sizeof(a.bytes));
    fill_host(&a, a.bits, true);
    a.bits = network_width(&a);
    give(c, &a, false);
}

static void set_mask(sqlite3_context *c, sqlite3_value **args, bool is_cidr)
{
    struct network_address a;
    sqlite3_int64 bits = sqlite3_value_int64(args[1]);
    if (!read_argument(c, args[0], &a))
        return;
    if (bits == -1)
        bits = network_width(&a);
    if (bits < 0 || bits > network_width(&a)) {
        fail_with(c, SQLSTATE_INVALID_PARAMETER_VALUE, "invalid mask length: %lld", (long long)bits);
        return;
    }
    a.bits = (int)bits;
    if (is_cidr)
        fill_host(&a, a.bits, false);
    give(c, &a, is_cidr);
}

static void set_inet_mask(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    set_mask(c, args, false);
}

static void set_cidr_mask(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    set_mask(c, args, true);
}

static void family(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct network_address a;
    STRICT(n, args);
    if (read_argument(c, args[0], &a))
        sqlite3_result_int(c, a.is_ipv6 ? 6 : 4);
}

static void mask_length(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct network_address a;
    STRICT(n, args);
    if (read_argument(c, args[0], &a))
        sqlite3_result_int(c, a.bits);
}

/* ---- texts */

static void host(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct network_address a;
    STRICT(n, args);
    if (!read_argument(c, args[0], &a))
        return;
    a.bits = network_width(&a);
    give(c, &a, false);
}

/* The address with its mask, also where that covers all. */
static void show(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct network_address a;
    struct str text;
    STRICT(n, args);
    if (!read_argument(c, args[0], &a))
        return;
    int bits = a.bits;
    a.bits = network_width(&a);
    if (!network_print(&a, false, scratch(c), &text, errors(c)))
        local_fail(c);
    else
        local_result_text(c, arena_printf(scratch(c), "%.*s/%d", STR_FMT(text), bits));
}

static void same_text(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    sqlite3_result_value(c, args[0]);
}

/* The words of an IPv6 network that are shown, and the longest run of zeros among them, which "::" stands for. */
struct words {
    unsigned word[8];
    int shown, zeros_at, n_zeros;
};

static struct words words_of(const struct network_address *a)
{
    struct words w = { .shown = (a->bits + 15) / 16 };
    int run = 0, start = 0;
    if (w.shown == 1)
        w.shown = 2;
    for (int i = 0; i <= w.shown; i++) {
        if (i < w.shown)
            w.word[i] = (unsigned)(a->bytes[2 * i] << 8 | a->bytes[2 * i + 1]);
        if (i < w.shown && w.word[i] == 0) {
            start = run ? start : i;
            run++;
        } else if (run > w.n_zeros) {
            w.n_zeros = run;
            w.zeros_at = start;
            run = 0; /* a run that is not longer goes on behind the words between, as in PostgreSQL */
        }
    }
    return w;
}

/* ::1.2.3.4, ::ffff:1.2.3.4 */
static bool ends_as_ipv4(const struct network_address *a, const struct words *w)
{
    bool from_start = w->n_zeros != w->shown && w->zeros_at == 0;
    bool mapped = w->n_zeros == 5 && w->word[5] == 0xFFFF, plain = w->n_zeros == 6;
    return from_start && (plain || mapped || (w->n_zeros == 7 && a->bytes[14] != 0 && a->bytes[15] != 1));
}

static void abbreviate_ipv6(const struct network_address *a, struct buf *out)
{
    const struct words w = words_of(a);
    bool ipv4 = ends_as_ipv4(a, &w);
    for (int i = 0; i < w.shown; i++) {
        if (i >= w.zeros_at && i < w.zeros_at + w.n_zeros) {
            if (i == w.zeros_at)
                buf_add_char(out, ':');
            if (i == w.shown - 1)
                buf_add_char(out, ':');
        } else if (ipv4 && i > 5) {
            buf_printf(out, "%c%u", i == 6 ? ':' : '.', a->bytes[2 * i]);
            if (i != 7 || a->bits > 120)
                buf_printf(out, ".%u", a->bytes[2 * i + 1]);
        } else {
            buf_printf(out, "%s%x", out->n ? ":" : "", w.word[i]);
        }
    }
    if (w.shown == 0)
        buf_add_str(out, STR("::"));
}

/* Without the bytes that the mask leaves out: 10.1.0.0/16 is 10.1/16. */
static void abbreviated(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct network_address a;
    struct buf out;
    STRICT(n, args);
    if (!read_argument(c, args[0], &a))
        return;
    buf_init(&out, 64);
    if (a.is_ipv6)
        abbreviate_ipv6(&a, &out);
    for (int i = 0; !a.is_ipv6 && i < (a.bits == 0 ? 1 : (a.bits + 7) / 8); i++)
        buf_printf(&out, "%s%u", i ? "." : "", a.bytes[i]);
    buf_printf(&out, "/%d", a.bits);
    result_buf(c, &out);
}

/* ---- one network in another */

/* How much of b lies in a: 0 nothing, 1 the same network, 2 a part of it. */
static bool compare_networks(sqlite3_context *c, sqlite3_value *outer, sqlite3_value *inner, int *ret)
{
    struct network_address a, b;
    if (!read_argument(c, outer, &a) || !read_argument(c, inner, &b))
        return false;
    bool within = a.is_ipv6 == b.is_ipv6 && b.bits >= a.bits && network_order_bits(&a, &b, a.bits) == 0;
    *ret = !within ? 0 : b.bits == a.bits ? 1 : 2;
    return true;
}

#define WITHIN(name, outer, inner, test)                                                                               \
    static void name(sqlite3_context *c, int n, sqlite3_value **args)                                                  \
    {                                                                                                                  \
        int how;                                                                                                       \
        STRICT(n, args);                                                                                               \
        if (compare_networks(c, args[outer], args[inner], &how))                                                       \
            result_bool(c, test);                                                                                      \
    }
WITHIN(subnet, 1, 0, how == 2)
WITHIN(subnet_or_equal, 1, 0, how != 0)
WITHIN(supernet, 0, 1, how == 2)
WITHIN(supernet_or_equal, 0, 1, how != 0)

static void overlap(sqlite3_context *c, int n, sqlite3_value **args)
{
    int one_way, other_way;
    STRICT(n, args);
    if (compare_networks(c, args[0], args[1], &one_way) && compare_networks(c, args[1], args[0], &other_way))
        result_bool(c, one_way || other_way);
}

/* ---- two addresses, and arithmetic */

static bool read_two(sqlite3_context *c, sqlite3_value **args, struct network_address *a, struct network_address *b)
{
    return read_argument(c, args[0], a) && read_argument(c, args[1], b);
}

static void same_family(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct network_address a, b;
    STRICT(n, args);
    if (read_two(c, args, &a, &b))
        result_bool(c, a.is_ipv6 == b.is_ipv6);
}

/* The smallest network that holds both. */
static void merge(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct network_address a, b;
    STRICT(n, args);
    if (!read_two(c, args, &a, &b))
        return;
    if (a.is_ipv6 != b.is_ipv6) {
        fail_with(c, SQLSTATE_INVALID_PARAMETER_VALUE, "cannot merge addresses from different families");
        return;
    }
    int bits = a.bits < b.bits ? a.bits : b.bits;
    while (bits > 0 && network_order_bits(&a, &b, bits) != 0)
        bits--;
    a.bits = bits;
    fill_host(&a, bits, false);
    give(c, &a, true);
}

static void complement(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct network_address a;
    STRICT(n, args);
    if (!read_argument(c, args[0], &a))
        return;
    for (size_t i = 0; i < sizeof(a.bytes); i++)
        a.bytes[i] = (unsigned char)~a.bytes[i];
    give(c, &a, false);
}

static void combine(sqlite3_context *c, sqlite3_value **args, bool is_and)
{
    struct network_address a, b;
    if (!read_two(c, args, &a, &b))
        return;
    if (a.is_ipv6 != b.is_ipv6) {
        fail_with(c, SQLSTATE_INVALID_PARAMETER_VALUE, "cannot %s inet values of different sizes",
                  is_and ? "AND" : "OR");
        return;
    }
    for (size_t i = 0; i < sizeof(a.bytes); i++)
        a.bytes[i] = (unsigned char)(is_and ? a.bytes[i] & b.bytes[i] : a.bytes[i] | b.bytes[i]);
    a.bits = a.bits > b.bits ? a.bits : b.bits;
    give(c, &a, false);
}

static void both_bits(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    combine(c, args, true);
}

static void either_bits(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    combine(c, args, false);
}

/* The sum in the width of the address; what goes beyond it is 22003. */
static void move_address(sqlite3_context *c, sqlite3_value *address, __int128 by)
{
    struct network_address a;
    if (!read_argument(c, address, &a))
        return;
    for (int i = network_width(&a) / 8 - 1; i >= 0; i--) {
        by += a.bytes[i];
        a.bytes[i] = (unsigned char)(by & 0xFF);
        by >>= 8;
    }
    if (by)
        fail_with(c, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE, "result is out of range");
    else
        give(c, &a, false);
}

static void plus(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    move_address(c, args[0], sqlite3_value_int64(args[1]));
}

/* PostgreSQL negates the smallest bigint to itself. */
static void minus(sqlite3_context *c, int n, sqlite3_value **args)
{
    STRICT(n, args);
    move_address(c, args[0], (sqlite3_int64)(0 - (sqlite3_uint64)sqlite3_value_int64(args[1])));
}

static void distance(sqlite3_context *c, int n, sqlite3_value **args)
{
    struct network_address a, b;
    __int128 sum = 0, carry = 0;
    STRICT(n, args);
    if (!read_two(c, args, &a, &b))
        return;
    if (a.is_ipv6 != b.is_ipv6) {
        fail_with(c, SQLSTATE_INVALID_PARAMETER_VALUE, "cannot subtract inet values of different sizes");
        return;
    }
    for (int i = network_width(&a) / 8 - 1, shift = 0; i >= 0; i--, shift += 8) {
        carry += a.bytes[i] - b.bytes[i];
        if (shift < 64)
            sum += (carry & 0xFF) << shift;
        else if ((carry & 0xFF) != (sum >> 63 & 1 ? 0xFF : 0)) {
            fail_with(c, SQLSTATE_NUMERIC_VALUE_OUT_OF_RANGE, "result is out of range");
            return;
        }
        carry >>= 8;
    }
    /* IPv4 has 32 bits: the sign is what was carried out of them. */
    sqlite3_result_int64(c,
                         a.is_ipv6 ? (sqlite3_int64)(uint64_t)sum : (sqlite3_int64)(sum + carry * ((__int128)1 << 32)));
}

enum { PURE = LOCAL_STRICT | LOCAL_DETERMINISTIC };
#define ROW(source, count, function)                                                                                   \
    {                                                                                                                  \
        .name = "pg_" #source, .n_args = count, .flags = PURE, .call = function                                        \
    }

static const struct local_function functions[] = {
    ROW(network_broadcast, 1, broadcast),
    ROW(network_network, 1, network),
    ROW(inet_to_cidr, 1, network),
    ROW(network_netmask, 1, netmask),
    ROW(network_family, 1, family),
    ROW(network_masklen, 1, mask_length),
    ROW(network_host, 1, host),
    ROW(network_show, 1, show),
    ROW(inet_abbrev, 1, same_text),
    ROW(cidr_abbrev, 1, abbreviated),
    ROW(network_sub, 2, subnet),
    ROW(network_subeq, 2, subnet_or_equal),
    ROW(network_sup, 2, supernet),
    ROW(network_supeq, 2, supernet_or_equal),
    ROW(network_overlap, 2, overlap),
    ROW(network_hostmask, 1, hostmask),
    ROW(inet_set_masklen, 2, set_inet_mask),
    ROW(cidr_set_masklen, 2, set_cidr_mask),
    ROW(inet_same_family, 2, same_family),
    ROW(inet_merge, 2, merge),
    ROW(inetnot, 1, complement),
    ROW(inetand, 2, both_bits),
    ROW(inetor, 2, either_bits),
    ROW(inetpl, 2, plus),
    ROW(inetmi_int8, 2, minus),
    ROW(inetmi, 2, distance),
};

static const struct local_collation collations[] = { { "pg_inet", order_inet } };

const struct local_family local_family_network = {
    .functions = functions,
    .n_functions = sizeof(functions) / sizeof(functions[0]),
    .collations = collations,
    .n_collations = sizeof(collations) / sizeof(collations[0]),
};
